/*
 * header.c
 *	  Where the header of a sheet is, and what its columns are called.
 *
 * Only the rows up to the header, or the first few where it is to be found,
 * are copied, for the reader's slices do not outlive its next step.
 */
#include "base/compat.h"

#include "bronze/header.h"

#include "base/classify.h"

#define HEADER_SEARCH_ROWS 20	/* a header is among the first so many rows */

/* A copy of a row. */
static KeptRow *
KeepRow(const ReaderRow *row)
{
	KeptRow    *kept = palloc(sizeof(KeptRow));

	kept->number = row->number;
	kept->ncells = row->ncells;
	kept->cells = palloc(sizeof(ReaderCell) * Max(row->ncells, 1));
	for (int i = 0; i < row->ncells; i++)
	{
		kept->cells[i] = row->cells[i];
		kept->cells[i].value = pnstrdup(row->cells[i].value ? row->cells[i].value : "",
										row->cells[i].length);
	}
	return kept;
}

/* Non-empty cells of a row. */
static int
CountFilled(const KeptRow *row)
{
	int			filled = 0;

	for (int i = 0; i < row->ncells; i++)
		filled += row->cells[i].kind != CELL_EMPTY && row->cells[i].length > 0;
	return filled;
}

/* Could this be a header: words only, none of them twice? */
static bool
LooksLikeHeader(const KeptRow *row)
{
	for (int i = 0; i < row->ncells; i++)
	{
		const ReaderCell *cell = &row->cells[i];

		if (cell->kind == CELL_EMPTY || cell->length == 0)
			continue;
		if (cell->kind != CELL_TEXT || ClassifyText(cell->value, cell->length) != VT_TEXT)
			return false;
	}
	return CountFilled(row) > 0;
}

/*
 * Which of the first rows is the header: the first one made of words that is
 * at least as wide as half of the widest row.  So a title above the table,
 * being one cell, is passed over.  If none is, the first row it is.
 */
static int
FindHeader(List *rows)
{
	int			widest = 0;
	ListCell   *lc;

	foreach(lc, rows)
		widest = Max(widest, CountFilled(lfirst(lc)));
	foreach(lc, rows)
	{
		if (CountFilled(lfirst(lc)) * 2 >= widest && LooksLikeHeader(lfirst(lc)))
			return foreach_current_index(lc);
	}
	return 0;
}

/* Reads as far as the header; false if the sheet has no rows. */
bool
ReadHeader(const FeatureOptions *options, const ReaderSheet *sheet, NextRowFunction next, void *arg,
		   List **names, List **kept)
{
	bool		search = options->header == 0 && !sheet->has_header;
	int			first = sheet->has_header ? 1 : options->header;
	List	   *rows = NIL;
	ReaderRow	row;
	KeptRow    *header;
	int			at = 0;

	*names = options->names;
	*kept = NIL;
	if (options->header < 0)
		return !sheet->has_header || next(arg, &row);
	while (list_length(rows) < (search ? HEADER_SEARCH_ROWS : 1) && next(arg, &row))
	{
		if (row.number >= first)
			rows = lappend(rows, KeepRow(&row));
	}
	if (rows == NIL)
		return false;
	if (search)
		at = FindHeader(rows);
	header = list_nth(rows, at);
	*kept = list_copy_tail(rows, at + 1);
	*names = NIL;
	for (int i = 0; i < header->ncells; i++)
		*names = lappend(*names, pnstrdup(header->cells[i].value, header->cells[i].length));
	return true;
}
