/*
 * header.h
 *	  Where the header of a sheet is, and what its columns are called.
 */
#ifndef MEDALLION_HEADER_H
#define MEDALLION_HEADER_H

#include "postgres.h"
#include "base/options.h"
#include "file/reader.h"
#include "nodes/pg_list.h"

/* A copy of a row that outlives the reader's next step. */
typedef struct KeptRow
{
	int64		number;
	int			ncells;
	ReaderCell *cells;
} KeptRow;

/* The next row of the sheet that is not malformed; false at its end. */
typedef bool (*NextRowFunction) (void *arg, ReaderRow *row);

/*
 * Reads as far as the header.  *names: its texts (char *); *kept: the data
 * rows (KeptRow *) that were read while it was looked for.  False if the
 * sheet has no rows.
 */
extern bool ReadHeader(const FeatureOptions *options, const ReaderSheet *sheet, NextRowFunction next,
					   void *arg, List **names, List **kept);

#endif							/* MEDALLION_HEADER_H */
