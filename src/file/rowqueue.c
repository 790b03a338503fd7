/*
 * rowqueue.c
 *	  Rows that a parser has made and that nobody has asked for yet.
 *
 * A piece of a document holds many rows; they wait here.  When the queue is
 * empty, what remains of a row cut by the piece's end moves to the front and
 * the next piece is parsed: memory does not grow with rows.
 */
#include "file/rowqueue.h"

#include <stdlib.h>
#include <string.h>

#include "file/container.h"
#include "file/merged.h"

#define MAX_ROW_BYTES ((size_t) 1 << 30)	/* no table takes a longer one */
#define ROWS_PER_QUESTION 1024	/* between looks at options.interrupted */
#define MAX_MERGED 16777216		/* rows or columns: no sheet has more */

static bool
OutOfMemory(RowQueue *queue)
{
	ReaderFail(queue->reader, READER_NO_MEMORY, "out of memory");
	return false;
}

/* Adds a row or a sheet at the end. */
static QueuedRow *
PushRow(RowQueue *queue)
{
	QueuedRow  *row;

	if (!GrowArray((void **) &queue->rows, &queue->row_capacity, queue->nrows, sizeof(QueuedRow)))
	{
		OutOfMemory(queue);
		return NULL;
	}
	row = &queue->rows[queue->nrows++];
	memset(row, 0, sizeof(QueuedRow));
	return row;
}

/* The next row begins behind what there is. */
static void
BeginRow(RowQueue *queue)
{
	queue->row_first = queue->ncells;
	queue->row_arena = queue->value_start = queue->arena.length;
	queue->row_bytes = queue->row_spaces = 0;
}

/* Adds the begin of a sheet; no row may be half made. */
bool
QueueSheet(RowQueue *queue, const char *name, bool hidden)
{
	QueuedRow  *row = PushRow(queue);

	if (row == NULL)
		return false;
	row->is_sheet = true;
	row->hidden = hidden;
	row->name = queue->arena.length;
	if (!BufferAppend(&queue->arena, name, strlen(name) + 1))
		return OutOfMemory(queue);
	BeginRow(queue);
	return true;
}

void
QueueBeginCell(RowQueue *queue)
{
	queue->value_start = queue->arena.length;
}

/* Has the cell room for so much more? */
static bool
MayGrow(RowQueue *queue, size_t length)
{
	if (queue->arena.length - queue->value_start + length <= queue->reader->options.max_cell_size)
		return true;
	ReaderFail(queue->reader, READER_LIMIT, "the cell is longer than max_cell_size");
	return false;
}

/* Adds to the cell's text. */
bool
QueueText(RowQueue *queue, const char *text, size_t length)
{
	return MayGrow(queue, length) && (BufferAppend(&queue->arena, text, length) || OutOfMemory(queue));
}

/*
 * Adds spaces of which the file has but the number.  They wait with all else that
 * a piece of the document holds: what one may make of itself is limited too.
 */
bool
QueueSpaces(RowQueue *queue, int64_t count)
{
	Reader	   *reader = queue->reader;
	uint64_t	most = (uint64_t) reader->options.max_compression_ratio * CONTAINER_STEP;

	if (!MayGrow(queue, count))
		return false;
	if (!BufferReserve(&queue->arena, count))
		return OutOfMemory(queue);
	memset(queue->arena.data + queue->arena.length, ' ', count);
	queue->arena.length += count;
	queue->row_spaces += count - 1;
	queue->spaces += count - 1;
	reader->expanded += count - 1;
	if (queue->spaces > most)
	{
		ReaderFail(reader, READER_LIMIT, "the repeated spaces take more than max_compression_ratio (%u) times their part of the file",
				   reader->options.max_compression_ratio);
		return false;
	}
	return CheckExpansion(reader, "repeated") == READER_OK;
}

/* Replaces the cell's text by another. */
bool
QueueSetText(RowQueue *queue, const char *text, size_t length)
{
	queue->arena.length = queue->value_start;
	return QueueText(queue, text, length);
}

/* The cell's text so far; it holds until more is added. */
const char *
QueueCellText(const RowQueue *queue, size_t *length)
{
	*length = queue->arena.length - queue->value_start;
	return *length > 0 ? queue->arena.data + queue->value_start : "";
}

static bool
IsBlankChar(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The same without white space around it. */
const char *
QueueTrimmedText(const RowQueue *queue, size_t *length)
{
	const char *text = QueueCellText(queue, length);

	while (*length > 0 && IsBlankChar(text[*length - 1]))
		(*length)--;
	while (*length > 0 && IsBlankChar(*text))
	{
		text++;
		(*length)--;
	}
	return text;
}

/* Of the cell's text, keeps this part. */
void
QueueKeepText(RowQueue *queue, const char *text, size_t length)
{
	memmove(queue->arena.data + queue->value_start, text, length);
	queue->arena.length = queue->value_start + length;
}

/* Ends a cell.  An empty one takes no place. */
bool
QueueCell(RowQueue *queue, int64_t column, int64_t repeat, CellKind kind)
{
	Reader	   *reader = queue->reader;
	size_t		length = queue->arena.length - queue->value_start;
	QueuedCell *cell;

	if (kind == CELL_EMPTY)
	{
		queue->arena.length = queue->value_start;
		return true;
	}
	if (column + repeat > reader->options.max_columns)
	{
		ReaderFail(reader, READER_LIMIT, "the column is beyond max_columns");
		return false;
	}
	if (queue->ncells - queue->row_first >= reader->options.max_columns)
	{
		ReaderFail(reader, READER_LIMIT, "the row has more cells than max_columns");
		return false;
	}
	queue->row_bytes += (uint64_t) repeat * (length + sizeof(QueuedCell));
	if (queue->row_bytes > MAX_ROW_BYTES)
	{
		ReaderFail(reader, READER_LIMIT, "the row is longer than a row can be");
		return false;
	}
	if (!GrowArray((void **) &queue->cells, &queue->cell_capacity, queue->ncells, sizeof(QueuedCell)))
		return OutOfMemory(queue);
	cell = &queue->cells[queue->ncells++];
	cell->column = column;
	cell->repeat = repeat;
	cell->merged_rows = cell->merged_columns = 1;
	cell->kind = kind;
	cell->length = length;
	cell->offset = queue->value_start;
	queue->value_start = queue->arena.length;
	return true;
}

/* A number of rows or columns that a sheet can have. */
static int
Bounded(int64_t count)
{
	return count < 1 ? 1 : count > MAX_MERGED ? MAX_MERGED : count;
}

/* The cell just queued, which was not empty, is merged with those beside and below it. */
void
QueueMerge(RowQueue *queue, int64_t rows, int64_t columns)
{
	QueuedCell *cell = &queue->cells[queue->ncells - 1];

	cell->merged_rows = Bounded(rows);
	cell->merged_columns = Bounded(columns);
}

/* Forgets the cells of the row being made. */
void
QueueDropCells(RowQueue *queue)
{
	queue->ncells = queue->row_first;
	queue->arena.length = queue->value_start = queue->row_arena;
}

/* Ends a row.  One without cells takes no place. */
bool
QueueRow(RowQueue *queue, int64_t number, int64_t repeat)
{
	QueuedRow  *row;

	if (queue->ncells > queue->row_first)
	{
		row = PushRow(queue);
		if (row == NULL)
			return false;
		row->number = number;
		row->repeat = repeat;
		row->first = queue->row_first;
		row->count = queue->ncells - queue->row_first;
	}
	BeginRow(queue);
	return true;
}

/* All rows are handed out: what remains of a cut one moves to the front. */
static void
Reset(RowQueue *queue)
{
	size_t		kept_cells = queue->ncells - queue->row_first;
	size_t		kept_bytes = queue->arena.length - queue->row_arena;

	queue->nrows = queue->next = 0;
	queue->spaces = queue->row_spaces;
	queue->handed = 0;
	if (queue->row_first == 0 && queue->row_arena == 0)
		return;					/* a row of many pieces would else be moved for each */
	if (kept_bytes > 0)
		memmove(queue->arena.data, queue->arena.data + queue->row_arena, kept_bytes);
	if (kept_cells > 0)
		memmove(queue->cells, queue->cells + queue->row_first, kept_cells * sizeof(QueuedCell));
	for (size_t i = 0; i < kept_cells; i++)
		queue->cells[i].offset -= queue->row_arena;
	queue->value_start -= queue->row_arena;
	queue->ncells = kept_cells;
	queue->arena.length = kept_bytes;
	queue->row_first = 0;
	queue->row_arena = 0;
}

/* Keeps a failure back until the rows that were whole before it are handed out;
 * if it names no row of its own, it is behind the last of them. */
static void
HoldFailure(RowQueue *queue, ReaderStatus status, int64_t row_before)
{
	Reader	   *reader = queue->reader;
	const QueuedRow *last = &queue->rows[queue->nrows - 1];

	queue->failed = status;
	queue->failed_row = reader->row != row_before ? reader->row : last->is_sheet ? 0 : last->number + last->repeat - 1;
	queue->failed_column = reader->column;
	reader->status = READER_OK;
}

/* Fails as was kept back. */
static ReaderStatus
FailNow(RowQueue *queue)
{
	Reader	   *reader = queue->reader;

	reader->row = queue->failed_row;
	reader->column = queue->failed_column;
	reader->status = queue->failed;
	return reader->status;
}

/* Sees to it that something waits in the queue. */
ReaderStatus
QueueAwait(RowQueue *queue, QueueFill fill)
{
	while (queue->next == queue->nrows)
	{
		int64_t		row_before = queue->reader->row;
		ReaderStatus status;

		if (queue->failed != READER_OK)
			return FailNow(queue);
		Reset(queue);
		status = fill(queue->reader);
		if (status != READER_OK && status != READER_END)
		{
			if (queue->nrows == 0)
				return status;
			HoldFailure(queue, status, row_before);
		}
		if (status == READER_END && queue->nrows == 0)
			return READER_END;
	}
	return READER_OK;
}

/* Steps to the next sheet, over what is left of the one before. */
ReaderStatus
QueueNextSheet(RowQueue *queue, QueueFill fill, ReaderSheet *sheet)
{
	ReaderStatus status;
	const QueuedRow *row;

	while ((status = QueueAwait(queue, fill)) == READER_OK && !queue->rows[queue->next].is_sheet)
	{
		queue->next++;
		queue->handed = 0;
	}
	if (status != READER_OK)
		return status;
	row = &queue->rows[queue->next++];
	free(queue->sheet_name);
	queue->sheet_name = strdup(queue->arena.data + row->name);
	if (queue->sheet_name == NULL)
		return ReaderFail(queue->reader, READER_NO_MEMORY, "out of memory");
	sheet->name = queue->sheet_name;
	sheet->index = queue->sheets++;
	sheet->hidden = row->hidden;
	return READER_OK;
}

/* How many columns the row has. */
static int
Width(const RowQueue *queue, const QueuedRow *queued)
{
	int			width = 0;

	for (size_t i = 0; i < queued->count; i++)
	{
		const QueuedCell *cell = &queue->cells[queued->first + i];

		if (cell->column + cell->repeat > width)
			width = cell->column + cell->repeat;
	}
	return width;
}

/* Tells of the merged cells that begin in the row handed out. */
static ReaderStatus
TellMerged(RowQueue *queue, const QueuedRow *queued)
{
	int64_t		number = queue->reader->row;

	for (size_t i = 0; i < queued->count; i++)
	{
		const QueuedCell *cell = &queue->cells[queued->first + i];
		MergedRange range = {number, number + cell->merged_rows - 1, cell->column, cell->column + cell->merged_columns - 1};

		if ((cell->merged_rows > 1 || cell->merged_columns > 1) && MergedAdd(queue->reader, &range) != READER_OK)
			return queue->reader->status;
	}
	return READER_OK;
}

/* Lays a row's cells out by column. */
static ReaderStatus
LayOut(RowQueue *queue, const QueuedRow *queued, int width)
{
	Reader	   *reader = queue->reader;
	bool		repeated = queue->handed > 0;

	if (width > queue->out_capacity)
	{
		ReaderCell *out = realloc(queue->out, sizeof(ReaderCell) * width);

		if (out == NULL)
			return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
		queue->out = out;
		queue->out_capacity = width;
	}
	memset(queue->out, 0, sizeof(ReaderCell) * width);
	reader->expanded += repeated ? width : 0;
	for (size_t i = 0; i < queued->count; i++)
	{
		const QueuedCell *cell = &queue->cells[queued->first + i];

		reader->expanded += (uint64_t) (repeated ? cell->repeat : cell->repeat - 1) * (cell->length + 1);
		for (int j = 0; j < cell->repeat; j++)
		{
			ReaderCell *out = &queue->out[cell->column + j];

			out->kind = cell->kind;
			out->length = cell->length;
			out->value = queue->arena.data + cell->offset;
		}
	}
	return READER_OK;
}

/* Is the caller still interested, and has the file not asked for too much? */
static ReaderStatus
CheckRow(RowQueue *queue)
{
	Reader	   *reader = queue->reader;

	if (queue->asked++ % ROWS_PER_QUESTION == 0 && reader->options.interrupted != NULL &&
		reader->options.interrupted())
		return ReaderFail(reader, READER_CANCELLED, "cancelled");
	return CheckExpansion(reader, "repeated");
}

/* The next row of the sheet. */
ReaderStatus
QueueNextRow(RowQueue *queue, QueueFill fill, ReaderRow *row)
{
	ReaderStatus status = QueueAwait(queue, fill);
	const QueuedRow *queued;
	int			width;

	if (status != READER_OK)
		return status;
	queued = &queue->rows[queue->next];
	if (queued->is_sheet)
		return READER_END;
	width = Width(queue, queued);
	queue->reader->row = queued->number + queue->handed;
	queue->reader->column = 0;
	status = LayOut(queue, queued, width);
	if (status == READER_OK)
		status = CheckRow(queue);
	if (status == READER_OK && MergedWanted(queue->reader, queue->reader->row))
		status = TellMerged(queue, queued);
	if (status != READER_OK)
		return status;
	memset(row, 0, sizeof(ReaderRow));
	row->number = queue->reader->row;
	row->ncells = width;
	row->cells = queue->out;
	if (++queue->handed >= queued->repeat)
	{
		queue->next++;
		queue->handed = 0;
	}
	return READER_OK;
}

/* Gives the memory back. */
void
QueueFree(RowQueue *queue)
{
	free(queue->rows);
	free(queue->cells);
	BufferFree(&queue->arena);
	free(queue->sheet_name);
	free(queue->out);
}
