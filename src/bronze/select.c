/*
 * select.c
 *	  Which sheets of a file, and which of their cells, are wanted.
 */
#include "base/compat.h"

#include "bronze/select.h"

#include <ctype.h>
#include <fnmatch.h>

/* "#2" names a sheet by its place; anything else is a glob over names. */
static bool
MatchesSheet(const char *pattern, const ReaderSheet *sheet)
{
	if (pattern[0] == '#' && pattern[1] != '\0' && pattern[strspn(pattern + 1, "0123456789") + 1] == '\0')
		return atoi(pattern + 1) == sheet->index + 1;
	return fnmatch(pattern, sheet->name, FNM_CASEFOLD) == 0;
}

/* Is this sheet wanted, by its name, place and visibility? */
bool
WantsSheet(const FeatureOptions *options, const ReaderSheet *sheet)
{
	if (sheet->hidden && options->hidden_sheets == HIDDEN_SKIP)
		return false;
	return options->sheets == NULL || MatchesSheet(options->sheets, sheet);
}

/* Reads letters and digits of a cell's name, either of which may be missing (0). */
static const char *
ParseCell(const char *p, int *column, int64 *row)
{
	*column = 0;
	*row = 0;
	for (; isalpha((unsigned char) *p) && *column < 100000; p++)
		*column = *column * 26 + toupper((unsigned char) *p) - 'A' + 1;
	for (; isdigit((unsigned char) *p) && *row < PG_INT32_MAX; p++)
		*row = *row * 10 + *p - '0';
	return p;
}

/* "B3:F200", "B:F", "B3:" */
void
ParseCellRange(const char *text, CellRange *range)
{
	const char *p = ParseCell(text, &range->first_column, &range->first_row);
	bool		valid = *p == ':';

	if (valid)
		p = ParseCell(p + 1, &range->last_column, &range->last_row);
	range->first_column = Max(range->first_column, 1);
	range->first_row = Max(range->first_row, 1);
	if (range->last_column == 0)
		range->last_column = PG_INT32_MAX;
	if (range->last_row == 0)
		range->last_row = PG_INT64_MAX;
	if (!valid || *p != '\0' || range->last_column < range->first_column || range->last_row < range->first_row)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no range of cells", text),
				 errhint("Write it as B3:F200, B:F or B3:, the upper left cell first.")));
}

/* Cuts a row to the range; false if nothing of it is left. */
bool
ClipRow(const CellRange *range, ReaderRow *row)
{
	if (row->number < range->first_row || row->number > range->last_row)
		return false;
	if (row->ncells == 0)
		return true;			/* a malformed row has no cells to cut */
	row->ncells = Min(row->ncells, range->last_column) - (range->first_column - 1);
	row->cells += range->first_column - 1;
	while (row->ncells > 0 && row->cells[row->ncells - 1].kind == CELL_EMPTY)
		row->ncells--;
	return row->ncells > 0;
}
