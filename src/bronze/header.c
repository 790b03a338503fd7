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

/* The text of a cell, NULL if it has none. */
static char *
CellText(const KeptRow *row, int column)
{
	const ReaderCell *cell = column < row->ncells ? &row->cells[column] : NULL;

	return cell == NULL || cell->kind == CELL_EMPTY || cell->length == 0 ? NULL : pnstrdup(cell->value, cell->length);
}

/*
 * Lets the headings of groups stand above all columns of their group, where the
 * format does not tell which cells are merged: a heading goes on to the right,
 * over cells that are named below.
 */
static void
SpreadHeadings(char **texts, const KeptRow *below, int width)
{
	char	   *heading = NULL;

	for (int i = 0; i < width; i++)
	{
		bool		named = CellText(below, i) != NULL;

		if (texts[i] != NULL)
			heading = named ? texts[i] : NULL;
		else if (named)
			texts[i] = heading;
	}
}

/* The names that rows of a header make together: of each column its texts from
 * top to bottom, with a space between; one that repeats the text above it once. */
static List *
JoinNames(List *rows, bool spread)
{
	List	   *names = NIL;
	int			width = 0;
	char	  **joined;
	char	  **above;
	ListCell   *lc;

	foreach(lc, rows)
		width = Max(width, ((KeptRow *) lfirst(lc))->ncells);
	joined = palloc0(sizeof(char *) * Max(width, 1));
	above = palloc0(sizeof(char *) * Max(width, 1));
	foreach(lc, rows)
	{
		const KeptRow *row = lfirst(lc);
		char	  **texts = palloc(sizeof(char *) * Max(width, 1));

		for (int i = 0; i < width; i++)
			texts[i] = CellText(row, i);
		if (spread && lnext(rows, lc) != NULL)
			SpreadHeadings(texts, lfirst(lnext(rows, lc)), width);
		for (int i = 0; i < width; i++)
		{
			if (texts[i] == NULL || (above[i] != NULL && strcmp(above[i], texts[i]) == 0))
				continue;
			joined[i] = joined[i] == NULL ? texts[i] : psprintf("%s %s", joined[i], texts[i]);
			above[i] = texts[i];
		}
	}
	for (int i = 0; i < width; i++)
		names = lappend(names, joined[i] == NULL ? pstrdup("") : joined[i]);
	return names;
}

/* How many of the rows read are the header: those up to its last row, one at least. */
static int
CountHeader(List *rows, int last)
{
	int			count = 1;

	while (count < list_length(rows) && ((KeptRow *) list_nth(rows, count))->number <= last)
		count++;
	return count;
}

/* Reads as far as the header; false if the sheet has no rows. */
bool
ReadHeader(const FeatureOptions *options, const ReaderSheet *sheet, NextRowFunction next, void *arg,
		   List **names, List **kept)
{
	bool		search = options->header.row == HEADER_AUTO && !sheet->has_header;
	int			first = sheet->has_header ? 1 : options->header.row;
	int			last = sheet->has_header ? 1 : options->header.last;
	List	   *rows = NIL;
	ReaderRow	row;
	bool		enough = false;
	int			at = 0;
	int			count;

	*names = options->names;
	*kept = NIL;
	if (options->header.row == HEADER_NONE)
		return !sheet->has_header || next(arg, &row);
	while (!enough && next(arg, &row))
	{
		if (row.number < first)
			continue;
		rows = lappend(rows, KeepRow(&row));
		enough = search ? list_length(rows) == HEADER_SEARCH_ROWS : row.number >= last;
	}
	if (rows == NIL)
		return false;
	if (search)
		at = FindHeader(rows);
	count = search ? 1 : CountHeader(rows, last);
	*kept = list_copy_tail(rows, at + count);
	*names = JoinNames(list_truncate(list_copy_tail(rows, at), count), !sheet->tells_merged);
	return true;
}
