/*
 * xlsx_sheet.c
 *	  The rows of one sheet.
 *
 *	  piece of XML -> <row>, <c>, <v>, <is> -> cells in a queue, their texts in
 *	  an arena -> one row at a time
 *
 * Regular rows do not come this way: a scanner (xlsx_scan_sheet.c) hands them
 * out, and the parser has the beginning and the end of the part, or what begins
 * with the first irregular row.
 *
 * A piece holds many rows; they wait in the queue until they are asked
 * for.  When it is empty, what remains of a row cut by the piece's end moves to
 * the front and the next piece is parsed: memory does not grow with rows.
 */
#include <stdlib.h>
#include <string.h>

#include "file/xlsx_scan.h"

#define MAX_ROW_BYTES ((size_t) 1 << 30)	/* no table takes a longer one */

/* A cell in the queue. */
typedef struct QueuedCell
{
	int			column;			/* 0-based */
	CellKind	kind;
	bool		shared;			/* its text is in the strings' arena, not ours */
	uint32_t	length;
	size_t		offset;
} QueuedCell;

typedef struct QueuedRow
{
	int64_t		number;
	size_t		first;			/* of its cells */
	size_t		count;
} QueuedRow;

/* What the text between tags belongs to. */
typedef enum Capture
{
	CAPTURE_NOTHING, CAPTURE_VALUE, CAPTURE_INLINE
} Capture;

struct XlsxSheetReader
{
	XlsxReader *xlsx;
	Xml		   *xml;
	bool		at_end;
	SheetScan  *scan;			/* NULL: the parser reads on */
	ReaderStatus failure;		/* waits for the queued rows to be handed out */
	int			failure_column;

	QueuedRow  *rows;
	size_t		nrows;
	size_t		row_capacity;
	size_t		next_row;		/* to hand out */
	QueuedCell *cells;
	size_t		ncells;
	size_t		cell_capacity;
	Buffer		arena;

	/* the row and cell being parsed */
	bool		in_data;		/* inside <sheetData> */
	bool		past_data;		/* what looks like cells behind it is an extension's */
	bool		in_row;
	bool		row_hidden;		/* and such rows are not wanted */
	bool		in_cell;
	bool		in_inline;		/* inside <is> */
	int			phonetic;		/* depth of <rPh> */
	int			skipped;		/* depth inside what is none of ours: extensions */
	Capture		capture;
	int64_t		row_number;
	int			column;			/* 0-based */
	size_t		row_first_cell;
	size_t		row_arena;
	size_t		value_start;	/* in the arena */
	bool		has_value;		/* a <v> was there */
	bool		has_inline;
	char		type;			/* n s b e d i t(str) */
	long		style;

	ReaderCell *out;			/* the row handed out */
	int			out_capacity;
};

/* Notes a failure at the cell being parsed and stops. */
static void
SheetFail(XlsxSheetReader *sheet, ReaderStatus status, const char *message)
{
	Reader	   *reader = &sheet->xlsx->base;

	reader->row = sheet->row_number;
	reader->column = sheet->in_cell ? sheet->column + 1 : 0;
	ReaderFail(reader, status, "%s", message);
	XmlStop(sheet->xml);
}

/* "BC12" -> column 54 (0-based); -1 if there are no letters. */
int
XlsxColumn(const char *reference)
{
	int			column = 0;

	if (*reference == '$')
		reference++;
	for (int letters = 0; ; letters++)
	{
		char		c = reference[letters] & ~0x20;

		if (c < 'A' || c > 'Z')
			return letters == 0 ? -1 : column - 1;
		if (letters == 3)
			return XLSX_MAX_COLUMNS;
		column = column * 26 + (c - 'A' + 1);
	}
}

/* Is this what XML writes for true? */
static bool
IsTrue(const char *value)
{
	return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

static void
StartRow(XlsxSheetReader *sheet, const char **attributes)
{
	const char *number = XmlAttribute(attributes, "r");

	sheet->in_row = true;
	sheet->row_hidden = sheet->xlsx->base.options.skip_hidden_rows && IsTrue(XmlAttribute(attributes, "hidden"));
	sheet->row_number = number ? strtoll(number, NULL, 10) : sheet->row_number + 1;
	sheet->column = -1;
	sheet->row_first_cell = sheet->ncells;
	sheet->row_arena = sheet->arena.length;
	if (sheet->row_number < 1 || sheet->row_number > XLSX_MAX_ROWS)
		SheetFail(sheet, READER_ERROR, "the row number is not one that a sheet can have");
}

/* The letter that stands for a cell's type. */
static char
TypeLetter(const char *type)
{
	if (type == NULL || type[0] == '\0')
		return 'n';
	if (strcmp(type, "str") == 0)
		return 't';
	return type[0];
}

static void
StartCell(XlsxSheetReader *sheet, const char **attributes)
{
	const char *reference = NULL;
	const char *type = NULL;
	const char *style = NULL;
	int			column = -1;

	for (; attributes[0] != NULL; attributes += 2)
	{
		if (attributes[0][1] != '\0')
			continue;
		if (attributes[0][0] == 'r')
			reference = attributes[1];
		else if (attributes[0][0] == 't')
			type = attributes[1];
		else if (attributes[0][0] == 's')
			style = attributes[1];
	}
	if (reference != NULL)
		column = XlsxColumn(reference);
	sheet->in_cell = true;
	sheet->column = column >= 0 ? column : sheet->column + 1;
	sheet->type = TypeLetter(type);
	sheet->style = style ? strtol(style, NULL, 10) : 0;
	sheet->value_start = sheet->arena.length;
	sheet->has_value = sheet->has_inline = false;
	if (sheet->column >= XLSX_MAX_COLUMNS)
		SheetFail(sheet, READER_ERROR, "the column is beyond the last that a sheet can have");
}

/* A tag inside a cell. */
static void
StartInCell(XlsxSheetReader *sheet, const char *name)
{
	if (strcmp(name, "v") == 0)
	{
		/* beside inline text, the cell's type says which of the two counts */
		if (sheet->type != 'i')
			sheet->arena.length = sheet->value_start;
		sheet->capture = sheet->type == 'i' && sheet->has_inline ? CAPTURE_NOTHING : CAPTURE_VALUE;
		sheet->has_value = true;
	}
	else if (strcmp(name, "is") == 0)
	{
		if (sheet->type == 'i')
			sheet->arena.length = sheet->value_start;
		sheet->in_inline = sheet->has_inline = true;
	}
	else if (strcmp(name, "rPh") == 0)
		sheet->phonetic++;
	else if (strcmp(name, "t") == 0 && sheet->in_inline && sheet->phonetic == 0 && sheet->type == 'i')
		sheet->capture = CAPTURE_INLINE;
	else if (strcmp(name, "extLst") == 0)
		sheet->skipped = 1;
}

static void
SheetStart(void *arg, const char *name, const char **attributes)
{
	XlsxSheetReader *sheet = arg;

	if (sheet->skipped > 0)
		sheet->skipped++;
	else if (!sheet->in_data)
		sheet->in_data = !sheet->past_data && strcmp(name, "sheetData") == 0;
	else if (!sheet->in_row)
	{
		if (strcmp(name, "row") == 0)
			StartRow(sheet, attributes);
		else
			sheet->skipped = 1;
	}
	else if (!sheet->in_cell)
	{
		if (strcmp(name, "c") == 0)
			StartCell(sheet, attributes);
		else
			sheet->skipped = 1;
	}
	else
		StartInCell(sheet, name);
}

static void
SheetText(void *arg, const char *text, int length)
{
	XlsxSheetReader *sheet = arg;

	if (sheet->capture == CAPTURE_NOTHING)
		return;
	if (sheet->arena.length - sheet->value_start + length > sheet->xlsx->base.options.max_cell_size)
		SheetFail(sheet, READER_LIMIT, "the cell is longer than max_cell_size");
	else if (!BufferAppend(&sheet->arena, text, length))
		SheetFail(sheet, READER_NO_MEMORY, "out of memory");
}

/* Replaces the value captured by another. */
static bool
SetValue(XlsxSheetReader *sheet, const char *text, size_t length)
{
	sheet->arena.length = sheet->value_start;
	return BufferAppend(&sheet->arena, text, length);
}

/* A number, a date, a boolean or an error: its kind, and its text instead of
 * the one captured. */
static CellKind
ScalarCell(XlsxSheetReader *sheet)
{
	char		out[NUMBER_TEXT_SIZE];
	size_t		spelled;
	CellKind	kind = XlsxValue(sheet->xlsx, sheet->type, sheet->style, sheet->arena.data + sheet->value_start,
								 sheet->arena.length - sheet->value_start, out, &spelled);

	if (spelled > 0 && !SetValue(sheet, out, spelled))
		SheetFail(sheet, READER_NO_MEMORY, "out of memory");
	return kind;
}

/* A shared string: false if there is none of its number. */
static bool
SharedCell(XlsxSheetReader *sheet, QueuedCell *cell)
{
	XlsxStrings *strings = &sheet->xlsx->strings;
	size_t		length = sheet->arena.length - sheet->value_start;
	const char *text = TrimBlanks(sheet->arena.data + sheet->value_start, &length);
	uint64_t	index;

	if (length == 0)
	{
		cell->kind = CELL_EMPTY;
		return true;
	}
	if (!XlsxStringNumber(strings, text, length, &index))
		return false;
	cell->kind = CELL_TEXT;
	cell->shared = true;
	cell->offset = strings->starts[index];
	cell->length = strings->starts[index + 1] - strings->starts[index];
	sheet->arena.length = sheet->value_start;
	return true;
}

/* Text in the cell itself. */
static CellKind
TextCell(XlsxSheetReader *sheet)
{
	size_t		length = sheet->arena.length - sheet->value_start;

	if (length > 0)
		sheet->arena.length = sheet->value_start +
			DecodeEscapes(sheet->arena.data + sheet->value_start, length);
	return CELL_TEXT;
}

/* What the cell holds, by its type. */
static bool
FinishValue(XlsxSheetReader *sheet, QueuedCell *cell)
{
	if (!sheet->has_value && !sheet->has_inline)
		return true;
	switch (sheet->type)
	{
		case 's':
			return SharedCell(sheet, cell);
		case 'i':
		case 't':
			cell->kind = TextCell(sheet);
			break;
		default:
			cell->kind = ScalarCell(sheet);
	}
	return true;
}

/* Ends a cell: into the queue, unless it is empty. */
static void
EndCell(XlsxSheetReader *sheet)
{
	QueuedCell	cell = {.column = sheet->column,.kind = CELL_EMPTY};

	if (!FinishValue(sheet, &cell))
	{
		SheetFail(sheet, READER_ERROR, "the cell refers to a shared string that does not exist");
		return;
	}
	sheet->in_cell = false;
	if (cell.kind == CELL_EMPTY)
	{
		sheet->arena.length = sheet->value_start;
		return;
	}
	if (!cell.shared)
	{
		cell.offset = sheet->value_start;
		cell.length = sheet->arena.length - sheet->value_start;
	}
	if ((uint32_t) cell.column >= sheet->xlsx->base.options.max_columns)
		SheetFail(sheet, READER_LIMIT, "the column is beyond max_columns");
	else if (sheet->ncells - sheet->row_first_cell >= XLSX_MAX_COLUMNS)
		SheetFail(sheet, READER_ERROR, "the row has more cells than a sheet has columns");
	else if (sheet->arena.length - sheet->row_arena > MAX_ROW_BYTES)
		SheetFail(sheet, READER_LIMIT, "the row is longer than a row can be");
	else if (!GrowArray((void **) &sheet->cells, &sheet->cell_capacity, sheet->ncells, sizeof(QueuedCell)))
		SheetFail(sheet, READER_NO_MEMORY, "out of memory");
	else
		sheet->cells[sheet->ncells++] = cell;
}

/* Ends a row: into the queue, unless it is empty. */
static void
EndRow(XlsxSheetReader *sheet)
{
	QueuedRow  *row;

	sheet->in_row = false;
	if (sheet->row_hidden)
	{
		sheet->ncells = sheet->row_first_cell;
		sheet->arena.length = sheet->row_arena;
	}
	if (sheet->ncells == sheet->row_first_cell)
		return;
	if (!GrowArray((void **) &sheet->rows, &sheet->row_capacity, sheet->nrows, sizeof(QueuedRow)))
	{
		SheetFail(sheet, READER_NO_MEMORY, "out of memory");
		return;
	}
	row = &sheet->rows[sheet->nrows++];
	row->number = sheet->row_number;
	row->first = sheet->row_first_cell;
	row->count = sheet->ncells - sheet->row_first_cell;
	sheet->row_first_cell = sheet->ncells;
	sheet->row_arena = sheet->arena.length;
}

static void
SheetEnd(void *arg, const char *name)
{
	XlsxSheetReader *sheet = arg;

	if (sheet->skipped > 0)
		sheet->skipped--;
	else if (sheet->in_cell)
	{
		sheet->capture = CAPTURE_NOTHING;
		if (strcmp(name, "c") == 0)
			EndCell(sheet);
		else if (strcmp(name, "is") == 0)
			sheet->in_inline = false;
		else if (strcmp(name, "rPh") == 0)
			sheet->phonetic--;
	}
	else if (sheet->in_row && strcmp(name, "row") == 0)
		EndRow(sheet);
	else if (sheet->in_data && !sheet->in_row && strcmp(name, "sheetData") == 0)
	{
		sheet->in_data = false;
		sheet->past_data = true;
	}
}

/*
 * Lets a failure wait behind the rows that came before it: how many there are
 * must not depend on where pieces end, nor on who found them.
 */
static ReaderStatus
NoteFailure(XlsxSheetReader *sheet, ReaderStatus status)
{
	Reader	   *reader = &sheet->xlsx->base;

	if (status != READER_ERROR && status != READER_LIMIT)
		return status;
	sheet->failure = status;
	sheet->failure_column = reader->column;
	reader->status = READER_OK;
	reader->column = 0;
	return READER_OK;
}

/* The scanner has no more rows: the parser goes on behind them. */
static ReaderStatus
EndScan(XlsxSheetReader *sheet)
{
	ReaderStatus status = XlsxScanHandOver(sheet->scan, sheet->xml, &sheet->row_number, &sheet->at_end);

	XlsxScanClose(sheet->scan);
	sheet->scan = NULL;
	return NoteFailure(sheet, status);
}

/* Begins to scan the part that the parser has opened. */
static ReaderStatus
BeginScan(XlsxSheetReader *sheet)
{
	XlsxReader *xlsx = sheet->xlsx;
	ScanStatus	status;

	/* the scanner does not ask which rows are hidden, nor for the size of what it
	 * knows to be a short number */
	if (xlsx->base.options.strict || xlsx->base.options.skip_hidden_rows ||
		xlsx->base.options.max_cell_size < NUMBER_TEXT_SIZE)
		return READER_OK;
	sheet->scan = XlsxScanOpen(xlsx, sheet->xml, &status);
	if (sheet->scan == NULL || status == SCAN_FAILED)
		return xlsx->base.status;
	/* rows that a prefix hides from the scanner may hold a tag that looks like theirs */
	if (status != SCAN_OK || !sheet->in_data || sheet->in_row || sheet->skipped > 0)
		return EndScan(sheet);
	return READER_OK;
}

/* Opens the sheet in a part. */
XlsxSheetReader *
XlsxOpenSheet(XlsxReader *xlsx, const char *path)
{
	XlsxSheetReader *sheet = calloc(1, sizeof(XlsxSheetReader));
	XmlHandler	handler = {sheet, SheetStart, SheetEnd, SheetText};

	if (sheet == NULL)
	{
		ReaderFail(&xlsx->base, READER_NO_MEMORY, "out of memory");
		return NULL;
	}
	sheet->xlsx = xlsx;
	sheet->xml = XmlOpen(&xlsx->base, xlsx->container, path, &handler);
	if (sheet->xml == NULL || !BufferReserve(&sheet->arena, 1) || BeginScan(sheet) != READER_OK)
	{
		XlsxCloseSheet(sheet);
		return NULL;
	}
	return sheet;
}

/* All rows of the queue are handed out: what remains of a cut row moves to the
 * front. */
static void
ResetQueue(XlsxSheetReader *sheet)
{
	size_t		kept_cells = sheet->ncells - sheet->row_first_cell;
	size_t		kept_bytes = sheet->arena.length - sheet->row_arena;

	sheet->nrows = sheet->next_row = 0;
	if (sheet->row_first_cell == 0 && sheet->row_arena == 0)
		return;					/* a row of many pieces would else be moved for each */
	memmove(sheet->arena.data, sheet->arena.data + sheet->row_arena, kept_bytes);
	if (kept_cells > 0)
		memmove(sheet->cells, sheet->cells + sheet->row_first_cell, kept_cells * sizeof(QueuedCell));
	for (size_t i = 0; i < kept_cells; i++)
	{
		if (!sheet->cells[i].shared)
			sheet->cells[i].offset -= sheet->row_arena;
	}
	if (sheet->in_cell)
		sheet->value_start -= sheet->row_arena;
	sheet->arena.length = kept_bytes;
	sheet->row_arena = 0;
	sheet->ncells = kept_cells;
	sheet->row_first_cell = 0;
}

/* Places the cells of a queued row by column. */
static ReaderStatus
HandOut(XlsxSheetReader *sheet, const QueuedRow *queued, ReaderRow *row)
{
	int			width = 0;

	for (size_t i = 0; i < queued->count; i++)
	{
		if (sheet->cells[queued->first + i].column >= width)
			width = sheet->cells[queued->first + i].column + 1;
	}
	if (width > sheet->out_capacity)
	{
		ReaderCell *out = realloc(sheet->out, sizeof(ReaderCell) * width);

		if (out == NULL)
			return ReaderFail(&sheet->xlsx->base, READER_NO_MEMORY, "out of memory");
		sheet->out = out;
		sheet->out_capacity = width;
	}
	memset(sheet->out, 0, sizeof(ReaderCell) * width);
	for (size_t i = 0; i < queued->count; i++)
	{
		const QueuedCell *cell = &sheet->cells[queued->first + i];
		ReaderCell *out = &sheet->out[cell->column];

		out->kind = cell->kind;
		out->length = cell->length;
		out->value = (cell->shared ? sheet->xlsx->strings.arena.data : sheet->arena.data) + cell->offset;
	}
	memset(row, 0, sizeof(ReaderRow));
	row->number = queued->number;
	row->ncells = width;
	row->cells = sheet->out;
	sheet->xlsx->base.row = queued->number;
	return READER_OK;
}

/* Parses on until a row waits, or the end. */
static ReaderStatus
ParseRows(XlsxSheetReader *sheet)
{
	Reader	   *reader = &sheet->xlsx->base;

	while (sheet->next_row == sheet->nrows)
	{
		ReaderStatus status;

		if (sheet->failure != READER_OK)
		{
			reader->row = sheet->row_number;
			reader->column = sheet->failure_column;
			return reader->status = sheet->failure;
		}
		if (sheet->at_end)
			return READER_END;
		ResetQueue(sheet);
		status = XmlStep(sheet->xml);
		sheet->at_end = status == READER_END;
		if (status != READER_OK && status != READER_END && NoteFailure(sheet, status) != READER_OK)
			return status;
	}
	return READER_OK;
}

/* The next row by the scanner; READER_END: it has none, the parser goes on. */
static ReaderStatus
ScannedRow(XlsxSheetReader *sheet, ReaderRow *row)
{
	Reader	   *reader = &sheet->xlsx->base;
	ScanStatus	scanned = XlsxScanRow(sheet->scan, row);
	ReaderStatus status;

	if (scanned == SCAN_OK)
	{
		reader->row = row->number;
		return READER_OK;
	}
	status = scanned == SCAN_FAILED ? reader->status : EndScan(sheet);
	return status == READER_OK ? READER_END : status;
}

/* The next row that has any cell. */
ReaderStatus
XlsxNextRow(XlsxSheetReader *sheet, ReaderRow *row)
{
	ReaderStatus status;

	if (sheet->scan != NULL)
	{
		status = ScannedRow(sheet, row);
		if (status != READER_END)
			return status;
	}
	status = ParseRows(sheet);
	return status == READER_OK ? HandOut(sheet, &sheet->rows[sheet->next_row++], row) : status;
}

void
XlsxCloseSheet(XlsxSheetReader *sheet)
{
	if (sheet == NULL)
		return;
	XlsxScanClose(sheet->scan);
	XmlClose(sheet->xml);
	free(sheet->rows);
	free(sheet->cells);
	BufferFree(&sheet->arena);
	free(sheet->out);
	free(sheet);
}
