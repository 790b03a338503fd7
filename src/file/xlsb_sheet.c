/*
 * xlsb_sheet.c
 *	  The rows of one sheet of a binary workbook.
 *
 *	  records: a row's header, its cells -> cells by column, their texts in an
 *	  arena -> the row, when the next header or the end of the cells comes
 */
#include <stdlib.h>
#include <string.h>

#include "file/biff.h"
#include "file/merged.h"
#include "file/xlsb.h"

#define ROW_HEADER 0
#define BEGIN_CELLS 145
#define END_CELLS 146
#define MERGED_CELL 176
#define ROW_HIDDEN 0x10			/* in byte 11 of its header */

/* Records of cells.  A short one is of the column behind the one before it. */
#define BLANK 1
#define RK 2
#define ERROR 3
#define BOOLEAN 4
#define REAL 5
#define TEXT 6
#define SHARED_TEXT 7
#define FORMULA_TEXT 8
#define FORMULA_NUMBER 9
#define FORMULA_BOOLEAN 10
#define FORMULA_ERROR 11
#define SHORT_BLANK 12
#define SHORT_TEXT 17
#define SHORT_SHARED_TEXT 18
#define SHORT_TO_FULL (SHORT_BLANK - BLANK)
#define RICH_TEXT 62

#define MAX_ROW_BYTES ((size_t) 1 << 30)	/* no table takes a longer one */
#define STYLE_MASK 0xFFFFFF		/* above it are flags */
#define NO_ROW (-1)

typedef struct XlsbCell
{
	CellKind	kind;
	bool		shared;			/* its text is in the strings' arena, not ours */
	uint32_t	length;
	size_t		offset;
} XlsbCell;

struct XlsbSheetReader
{
	XlsxReader *book;
	XlsbPart	part;
	int64_t		row;			/* 0-based, whose cells come; NO_ROW: none yet */
	int64_t		last;			/* the row before it */
	bool		at_end;			/* of the cells */
	bool		hidden;			/* the row, and such rows are not wanted */
	bool		next_hidden;
	int			column;			/* of the cell before, -1: none in this row */
	int			ncells;			/* records of this row */
	int			width;
	Buffer		arena;
	XlsbCell	cells[XLSX_MAX_COLUMNS];	/* of the row being put together */
	ReaderCell	out[XLSX_MAX_COLUMNS];
};

/* Notes a failure at the cell being read. */
static ReaderStatus
CellFail(XlsbSheetReader *sheet, ReaderStatus status, const char *message)
{
	sheet->book->base.column = sheet->column + 1;
	return ReaderFail(&sheet->book->base, status, "%s", message);
}

/* Places a cell that has a value: its text is there, in our arena or in that of
 * the shared strings. */
static ReaderStatus
PlaceCell(XlsbSheetReader *sheet, CellKind kind, bool shared, size_t offset, uint32_t length)
{
	XlsbCell   *cell = &sheet->cells[sheet->column];

	if ((uint32_t) sheet->column >= sheet->book->base.options.max_columns)
		return CellFail(sheet, READER_LIMIT, "the column is beyond max_columns");
	if (sheet->column >= sheet->width)
		sheet->width = sheet->column + 1;
	cell->kind = kind;
	cell->shared = shared;
	cell->offset = offset;
	cell->length = length;
	return READER_OK;
}

/* Puts a value into the row: the arena from start on. */
static ReaderStatus
PutCell(XlsbSheetReader *sheet, CellKind kind, size_t start)
{
	if (sheet->arena.length - start > sheet->book->base.options.max_cell_size)
		return CellFail(sheet, READER_LIMIT, "the cell is longer than max_cell_size");
	if (sheet->arena.length > MAX_ROW_BYTES)
		return CellFail(sheet, READER_LIMIT, "the row is longer than a row can be");
	return PlaceCell(sheet, kind, false, start, sheet->arena.length - start);
}

/* Puts a value that is spelled in ASCII. */
static ReaderStatus
PutAscii(XlsbSheetReader *sheet, CellKind kind, const char *text, size_t length)
{
	size_t		start = sheet->arena.length;

	if (!BufferAppend(&sheet->arena, text, length))
		return XlsbOutOfMemory(sheet->book);
	return PutCell(sheet, kind, start);
}

static ReaderStatus
PutBoolean(XlsbSheetReader *sheet, bool truth)
{
	return PutAscii(sheet, CELL_BOOLEAN, truth ? "true" : "false", truth ? 4 : 5);
}

static ReaderStatus
PutError(XlsbSheetReader *sheet, unsigned char code)
{
	const char *text = BiffErrorText(code);

	return PutAscii(sheet, CELL_ERROR, text, strlen(text));
}

/* Puts a number: plain, or a date if its style says so. */
static ReaderStatus
PutNumber(XlsbSheetReader *sheet, double value, uint32_t style)
{
	const XlsxReader *book = sheet->book;
	NumberClass class = style < book->nclasses ? book->classes[style] : NUMBER_PLAIN;
	char		out[NUMBER_TEXT_SIZE];
	size_t		length;
	CellKind	kind = BiffNumber(value, class, book->date1904, out, &length);

	return PutAscii(sheet, kind, out, length);
}

/* Puts a text out of the record. */
static ReaderStatus
PutText(XlsbSheetReader *sheet, const XlsbRecord *record, size_t at)
{
	Reader	   *reader = &sheet->book->base;
	size_t		start = sheet->arena.length;
	ReaderStatus status = XlsbTakeText(&sheet->part, record, at, reader->options.max_cell_size, &sheet->arena, NULL);

	if (status == READER_LIMIT)
		return CellFail(sheet, status, "the cell is longer than max_cell_size");
	if (status != READER_OK)
	{
		reader->column = sheet->column + 1;
		return status;
	}
	return PutCell(sheet, CELL_TEXT, start);
}

/* Puts a shared string. */
static ReaderStatus
PutShared(XlsbSheetReader *sheet, uint32_t index)
{
	const XlsxStrings *strings = &sheet->book->strings;

	if (index >= strings->count)
		return CellFail(sheet, READER_ERROR, "the cell refers to a shared string that does not exist");
	return PlaceCell(sheet, CELL_TEXT, true, strings->starts[index], strings->starts[index + 1] - strings->starts[index]);
}

/* Bytes that a cell's value must have, by its record; of a text, its length's. */
static uint32_t
ValueBytes(uint32_t type)
{
	switch (type)
	{
		case BLANK:
			return 0;
		case ERROR:
		case BOOLEAN:
		case FORMULA_BOOLEAN:
		case FORMULA_ERROR:
			return 1;
		case REAL:
		case FORMULA_NUMBER:
			return 8;
		default:
			return 4;
	}
}

/* Puts the value at an offset of the record. */
static ReaderStatus
PutValue(XlsbSheetReader *sheet, const XlsbRecord *record, uint32_t type, size_t at, uint32_t style)
{
	const unsigned char *value = record->data + at;

	switch (type)
	{
		case BLANK:
			return READER_OK;
		case RK:
			return PutNumber(sheet, BiffRkValue(GetU32(value)), style);
		case REAL:
		case FORMULA_NUMBER:
			return PutNumber(sheet, GetDouble(value), style);
		case BOOLEAN:
		case FORMULA_BOOLEAN:
			return PutBoolean(sheet, value[0] != 0);
		case ERROR:
		case FORMULA_ERROR:
			return PutError(sheet, value[0]);
		case SHARED_TEXT:
			return PutShared(sheet, GetU32(value));
		case RICH_TEXT:
			return PutText(sheet, record, at + 1);	/* behind its flags */
		default:
			return PutText(sheet, record, at);
	}
}

/* Puts the cell of a record into the row: column, unless it is a short one; style
 * and flags; value. */
static ReaderStatus
TakeCell(XlsbSheetReader *sheet, const XlsbRecord *record)
{
	bool		is_short = record->type >= SHORT_BLANK && record->type <= SHORT_SHARED_TEXT;
	uint32_t	type = is_short ? record->type - SHORT_TO_FULL : record->type;
	uint32_t	at = is_short ? 4 : 8;
	uint32_t	column;

	if (sheet->row == NO_ROW)
		return XlsbDamaged(&sheet->part, "a cell comes before any row");
	if (record->data == NULL)
		return CellFail(sheet, READER_LIMIT, "the cell is longer than max_cell_size");
	if (record->kept < at + ValueBytes(type))
		return XlsbDamaged(&sheet->part, "a cell is cut short");
	column = is_short ? (uint32_t) (sheet->column + 1) : GetU32(record->data);
	if (column >= XLSX_MAX_COLUMNS)
		return CellFail(sheet, READER_ERROR, "the column is beyond the last that a sheet can have");
	sheet->column = column;
	if (++sheet->ncells > XLSX_MAX_COLUMNS)
		return CellFail(sheet, READER_ERROR, "the row has more cells than a sheet has columns");
	return PutValue(sheet, record, type, at, GetU32(record->data + at - 4) & STYLE_MASK);
}

/* Finds the merged cells of the sheet in a part, which stand behind its rows, if
 * somebody wants them. */
static ReaderStatus
FindMerged(XlsxReader *book, const char *path)
{
	XlsbPart	part = {0};
	XlsbRecord	record;
	ReaderStatus status;

	if (!MergedWanted(&book->base, 1))
		return READER_OK;
	status = XlsbOpenPart(&part, book, path);
	while (status == READER_OK && (status = XlsbNextRecord(&part, &record)) == READER_OK)
	{
		if (record.type == MERGED_CELL && record.data != NULL && record.kept >= 16)
		{
			MergedRange range = {GetU32(record.data) + INT64_C(1), GetU32(record.data + 4) + INT64_C(1),
			GetU32(record.data + 8), GetU32(record.data + 12)};

			status = MergedAdd(&book->base, &range);
		}
	}
	XlsbClosePart(&part);
	return status == READER_END ? READER_OK : status;
}

/* Opens the sheet in a part, and goes to where its cells begin. */
XlsbSheetReader *
XlsbOpenSheet(XlsxReader *book, const char *path)
{
	XlsbSheetReader *sheet = calloc(1, sizeof(XlsbSheetReader));
	XlsbRecord	record = {.type = ROW_HEADER};
	ReaderStatus status;

	if (sheet == NULL)
	{
		XlsbOutOfMemory(book);
		return NULL;
	}
	sheet->book = book;
	sheet->row = sheet->last = NO_ROW;
	status = FindMerged(book, path);
	if (status == READER_OK)
		status = XlsbOpenPart(&sheet->part, book, path);
	while (status == READER_OK && record.type != BEGIN_CELLS)
		status = XlsbNextRecord(&sheet->part, &record);
	if (status == READER_END)
		status = XlsbEndsEarly(&sheet->part);
	if (status == READER_OK && !BufferReserve(&sheet->arena, 1))
		status = XlsbOutOfMemory(book);
	if (status == READER_OK)
		return sheet;
	XlsbCloseSheet(sheet);
	return NULL;
}

void
XlsbCloseSheet(XlsbSheetReader *sheet)
{
	if (sheet == NULL)
		return;
	XlsbClosePart(&sheet->part);
	BufferFree(&sheet->arena);
	free(sheet);
}

/* Is the row one that may come here? */
static ReaderStatus
CheckRow(XlsbSheetReader *sheet)
{
	Reader	   *reader = &sheet->book->base;

	reader->row = sheet->row + 1;
	reader->column = 0;
	if (sheet->row >= XLSX_MAX_ROWS)
		return ReaderFail(reader, READER_ERROR, "the row number is not one that a sheet can have");
	if (sheet->row <= sheet->last)
		return XlsbDamaged(&sheet->part, "its rows are not in order");
	return READER_OK;
}

/* Reads the cells of a row, up to the header of the next, whose number is then in
 * *next, or the end of all cells. */
static ReaderStatus
ReadCells(XlsbSheetReader *sheet, int64_t *next)
{
	for (;;)
	{
		XlsbRecord	record;
		ReaderStatus status = XlsbNextRecord(&sheet->part, &record);

		if (status == READER_OK && record.type == ROW_HEADER)
		{
			if (record.kept < 4)
				return XlsbDamaged(&sheet->part, "a row is cut short");
			*next = GetU32(record.data);
			sheet->next_hidden = sheet->book->base.options.skip_hidden_rows && record.kept > 11 &&
				record.data[11] & ROW_HIDDEN;
			return READER_OK;
		}
		if (status == READER_OK && record.type == END_CELLS)
		{
			sheet->at_end = true;
			return READER_OK;
		}
		if (status == READER_OK && ((record.type >= BLANK && record.type <= SHORT_SHARED_TEXT) ||
									record.type == RICH_TEXT))
			status = TakeCell(sheet, &record);
		if (status != READER_OK)
			return status == READER_END ? XlsbEndsEarly(&sheet->part) : status;
	}
}

/* Hands out the row that is put together. */
static void
HandOut(XlsbSheetReader *sheet, int64_t number, ReaderRow *row)
{
	for (int i = 0; i < sheet->width; i++)
	{
		const XlsbCell *cell = &sheet->cells[i];
		ReaderCell *out = &sheet->out[i];

		out->kind = cell->kind;
		out->length = cell->length;
		out->value = (cell->shared ? sheet->book->strings.arena.data : sheet->arena.data) + cell->offset;
	}
	memset(row, 0, sizeof(ReaderRow));
	row->number = number;
	row->ncells = sheet->width;
	row->cells = sheet->out;
}

/* The next row that has any cell with a value. */
ReaderStatus
XlsbNextRow(XlsbSheetReader *sheet, ReaderRow *row)
{
	Reader	   *reader = &sheet->book->base;

	while (!sheet->at_end)
	{
		int64_t		number = sheet->row + 1;
		int64_t		next = NO_ROW;
		bool		hidden;

		memset(sheet->cells, 0, sizeof(XlsbCell) * sheet->width);
		sheet->width = sheet->ncells = 0;
		sheet->column = -1;
		sheet->arena.length = 0;
		if (sheet->row != NO_ROW && CheckRow(sheet) != READER_OK)
			return reader->status;
		if (ReadCells(sheet, &next) != READER_OK)
			return reader->status;
		sheet->last = sheet->row;
		sheet->row = next;
		hidden = sheet->hidden;
		sheet->hidden = sheet->next_hidden;
		if (sheet->width > 0 && !hidden)
		{
			HandOut(sheet, number, row);
			return READER_OK;
		}
	}
	return XlsbFinishPart(&sheet->part) == READER_OK ? READER_END : reader->status;
}
