/*
 * merged.h
 *	  Merged cells: the value of the first one for all of them.
 *
 *	  format -> MergedAdd, per sheet -> ranges
 *	  row of the format -> MergedFill -> the same row, its covered cells filled
 *
 * A row in which nothing but covered cells would be is not made up.
 */
#ifndef MEDALLION_MERGED_H
#define MEDALLION_MERGED_H

#include "file/format.h"

typedef struct Merged Merged;

/* Cells that look like one: rows from 1, columns from 0, both ends in it. */
typedef struct MergedRange
{
	int64_t		first_row;
	int64_t		last_row;
	int			first_column;
	int			last_column;
} MergedRange;

/* Does anybody want to know of the ranges that begin in this row? */
extern bool MergedWanted(const Reader *reader, int64_t first_row);

/* Adds a range of the sheet being read, before its first row is handed out;
 * one that no sheet can have is passed over. */
extern ReaderStatus MergedAdd(Reader *reader, const MergedRange *range);

/* Forgets the ranges of the sheet before. */
extern void MergedBeginSheet(Reader *reader);

/* Fills the covered cells of a row that was just read. */
extern ReaderStatus MergedFill(Reader *reader, ReaderRow *row);

extern void MergedFree(Reader *reader);

#endif							/* MEDALLION_MERGED_H */
