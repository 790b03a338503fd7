/*
 * select.h
 *	  Which sheets of a file, and which of their cells, are wanted.
 */
#ifndef MEDALLION_SELECT_H
#define MEDALLION_SELECT_H

#include "postgres.h"
#include "base/options.h"
#include "file/reader.h"

/* Cells from one corner to another, both of them in it; counted from 1. */
typedef struct CellRange
{
	int64		first_row;
	int64		last_row;
	int			first_column;
	int			last_column;
} CellRange;

/* Is this sheet wanted, by its name, place and visibility? */
extern bool WantsSheet(const FeatureOptions *options, const ReaderSheet *sheet);

/* "B3:F200", or whole columns, "B:F", or from a cell on, "B3:".  Raises for anything else. */
extern void ParseCellRange(const char *text, CellRange *range);

/* Cuts a row to the range; false if nothing of it is left. */
extern bool ClipRow(const CellRange *range, ReaderRow *row);

#endif							/* MEDALLION_SELECT_H */
