/*
 * fdw_convert.h
 *	  Cells of files -> values of any type.
 */
#ifndef MEDALLION_FDW_CONVERT_H
#define MEDALLION_FDW_CONVERT_H

#include "postgres.h"
#include "base/options.h"
#include "file/reader.h"
#include "fmgr.h"

/* How the cells of one column become values. */
typedef struct Converter
{
	bool		verbatim;		/* the text as the source shows it */
	bool		is_number;		/* decimal_mark applies */
	bool		is_plain;		/* an error of its input function leaves nothing behind;
								 * of use where there are no soft errors */
	bool		needs_pin;		/* its input function may look at settings: convert
								 * between PinInput() and UnpinInput() */
	FmgrInfo	input;
	Oid			io_param;
	int32		typmod;
} Converter;

extern void ConverterInit(Converter *converter, Oid type, int32 typmod);

/* Can values of the type be made in a parallel worker? */
extern bool ConverterIsParallelSafe(Oid type, const ReadOptions *options);

/* The cell's value; false if it is NULL.  Raises, or not, as on_error says. */
extern bool ConvertCell(Converter *converter, const ReadOptions *options, const ReaderCell *cell,
						Datum *value);

#endif							/* MEDALLION_FDW_CONVERT_H */
