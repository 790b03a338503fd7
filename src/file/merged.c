/*
 * merged.c
 *	  Merged cells: the value of the first one for all of them.
 *
 * Ranges wait in the order of their first rows.  Those that the row at hand is
 * in are open: each has a copy of its value, for the reader's own is gone with
 * the row in which it was.
 */
#include "file/merged.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 1000000		/* of a sheet: 24 MB */
#define MAX_OPEN 16384			/* a row has no more columns, and ranges do not overlap */

/* A range that the row at hand is in. */
typedef struct OpenRange
{
	MergedRange range;
	CellKind	kind;
	char	   *value;
	uint32_t	length;
} OpenRange;

struct Merged
{
	MergedRange *ranges;
	size_t		count;
	size_t		capacity;
	bool		unsorted;
	size_t		next;			/* the first that has not begun */
	int64_t		row;			/* the last one filled */
	OpenRange  *open;
	size_t		nopen;
	size_t		open_capacity;
	ReaderCell *cells;			/* of the row handed out */
	int			room;			/* for so many */
};

/* Does anybody want to know of the ranges that begin in this row? */
bool
MergedWanted(const Reader *reader, int64_t first_row)
{
	return first_row <= reader->options.merged_rows;
}

static int
CompareRanges(const void *left, const void *right)
{
	const MergedRange *a = left;
	const MergedRange *b = right;

	if (a->first_row != b->first_row)
		return a->first_row < b->first_row ? -1 : 1;
	return a->first_column - b->first_column;
}

static ReaderStatus
OutOfMemory(Reader *reader)
{
	return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
}

/* Adds a range of the sheet being read. */
ReaderStatus
MergedAdd(Reader *reader, const MergedRange *range)
{
	Merged	   *merged = reader->merged;

	if (range->first_row < 1 || range->last_row < range->first_row || range->first_column < 0 ||
		range->last_column < range->first_column || !MergedWanted(reader, range->first_row))
		return READER_OK;
	if (merged == NULL)
		merged = reader->merged = calloc(1, sizeof(Merged));
	if (merged == NULL)
		return OutOfMemory(reader);
	if (merged->count == MAX_RANGES)
		return ReaderFail(reader, READER_LIMIT, "the sheet has more than %d merged ranges", MAX_RANGES);
	if (!GrowArray((void **) &merged->ranges, &merged->capacity, merged->count, sizeof(MergedRange)))
		return OutOfMemory(reader);
	if (merged->count > 0 && CompareRanges(&merged->ranges[merged->count - 1], range) > 0)
		merged->unsorted = true;
	merged->ranges[merged->count++] = *range;
	return READER_OK;
}

/* Closes the open ranges that end above a row. */
static void
CloseRanges(Merged *merged, int64_t row)
{
	size_t		kept = 0;

	for (size_t i = 0; i < merged->nopen; i++)
	{
		if (merged->open[i].range.last_row < row)
			free(merged->open[i].value);
		else
			merged->open[kept++] = merged->open[i];
	}
	merged->nopen = kept;
}

/* Forgets the ranges of the sheet before. */
void
MergedBeginSheet(Reader *reader)
{
	Merged	   *merged = reader->merged;

	if (merged == NULL)
		return;
	CloseRanges(merged, INT64_MAX);
	merged->count = merged->next = 0;
	merged->unsorted = false;
	merged->row = 0;
}

/* Opens a range with the value that its first cell has in this row. */
static ReaderStatus
OpenOne(Reader *reader, const MergedRange *range, const ReaderRow *row)
{
	Merged	   *merged = reader->merged;
	const ReaderCell *first = range->first_column < row->ncells ? &row->cells[range->first_column] : NULL;
	OpenRange  *open;

	if (first == NULL || first->kind == CELL_EMPTY)
		return READER_OK;
	if (merged->nopen == MAX_OPEN)
		return ReaderFail(reader, READER_ERROR, "the sheet's merged cells overlap");
	if (!GrowArray((void **) &merged->open, &merged->open_capacity, merged->nopen, sizeof(OpenRange)))
		return OutOfMemory(reader);
	open = &merged->open[merged->nopen];
	open->range = *range;
	open->kind = first->kind;
	open->length = first->length;
	open->value = malloc(first->length + 1);
	if (open->value == NULL)
		return OutOfMemory(reader);
	memcpy(open->value, first->value, first->length);
	merged->nopen++;
	return READER_OK;
}

/* Opens the ranges that begin in this row; those of rows that had no cell pass. */
static ReaderStatus
OpenRanges(Reader *reader, const ReaderRow *row)
{
	Merged	   *merged = reader->merged;

	if (merged->unsorted)
		qsort(merged->ranges + merged->next, merged->count - merged->next, sizeof(MergedRange), CompareRanges);
	merged->unsorted = false;
	for (; merged->next < merged->count && merged->ranges[merged->next].first_row <= row->number; merged->next++)
	{
		const MergedRange *range = &merged->ranges[merged->next];

		if (range->first_row == row->number && OpenOne(reader, range, row) != READER_OK)
			return reader->status;
	}
	if (merged->next == merged->count)
		merged->count = merged->next = 0;
	return READER_OK;
}

/* How many columns the row has with what the open ranges cover; -1: too many. */
static int
FilledWidth(const Reader *reader, const ReaderRow *row)
{
	const Merged *merged = reader->merged;
	int			width = row->ncells;

	for (size_t i = 0; i < merged->nopen; i++)
	{
		if (merged->open[i].range.last_column >= width)
			width = merged->open[i].range.last_column + 1;
	}
	return (uint32_t) width > reader->options.max_columns ? -1 : width;
}

/* Copies the row to where there is room for so many cells. */
static bool
CopyRow(Merged *merged, ReaderRow *row, int width)
{
	if (width > merged->room)
	{
		ReaderCell *cells = realloc(merged->cells, sizeof(ReaderCell) * width);

		if (cells == NULL)
			return false;
		merged->cells = cells;
		merged->room = width;
	}
	if (row->ncells > 0)
		memcpy(merged->cells, row->cells, sizeof(ReaderCell) * row->ncells);
	memset(merged->cells + row->ncells, 0, sizeof(ReaderCell) * (width - row->ncells));
	row->cells = merged->cells;
	row->ncells = width;
	return true;
}

/* Puts a range's value into those of its cells that have none. */
static void
FillRange(Reader *reader, const OpenRange *open)
{
	Merged	   *merged = reader->merged;

	for (int i = open->range.first_column; i <= open->range.last_column; i++)
	{
		ReaderCell *cell = &merged->cells[i];

		if (cell->kind != CELL_EMPTY)
			continue;
		cell->kind = open->kind;
		cell->value = open->value;
		cell->length = open->length;
		reader->expanded += open->length + 1;
	}
}

/* Fills the covered cells of a row that was just read. */
ReaderStatus
MergedFill(Reader *reader, ReaderRow *row)
{
	Merged	   *merged = reader->merged;
	int			width;

	if (merged == NULL || row->number > reader->options.merged_rows)
		return READER_OK;
	CloseRanges(merged, row->number < merged->row ? INT64_MAX : row->number);
	merged->row = row->number;
	if (OpenRanges(reader, row) != READER_OK)
		return reader->status;
	if (merged->nopen == 0)
		return READER_OK;
	width = FilledWidth(reader, row);
	if (width < 0)
		return ReaderFail(reader, READER_LIMIT, "the merged cells go beyond max_columns");
	if (!CopyRow(merged, row, width))
		return OutOfMemory(reader);
	for (size_t i = 0; i < merged->nopen; i++)
		FillRange(reader, &merged->open[i]);
	return CheckExpansion(reader, "merged");
}

/* Gives the memory back. */
void
MergedFree(Reader *reader)
{
	Merged	   *merged = reader->merged;

	if (merged == NULL)
		return;
	CloseRanges(merged, INT64_MAX);
	free(merged->ranges);
	free(merged->open);
	free(merged->cells);
	free(merged);
	reader->merged = NULL;
}
