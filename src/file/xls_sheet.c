/*
 * xls_sheet.c
 *	  The rows of one sheet.
 *
 *	  records -> pieces: where in the stream cells of one row follow each other
 *	  pieces of a row -> its cells by column -> row
 *
 * A sheet is gone through twice.  First only to note where the cells of each
 * row are: writers mostly store them in order, but need not.  As a sheet has at
 * most 65,536 rows, these notes are small unless its cells are scattered.  Then
 * each row is put together from its pieces when it is asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "file/biff.h"
#include "file/merged.h"
#include "file/xls.h"

/* Records of cells.  Version 2 has its own, with the style spelled out. */
#define INTEGER2 0x0002
#define NUMBER2 0x0003
#define LABEL2 0x0004
#define BOOLERR2 0x0005
#define STRING2 0x0007
#define IXFE2 0x0044
#define MULRK 0x00BD
#define RSTRING 0x00D6
#define LABELSST 0x00FD
#define NUMBER 0x0203
#define LABEL 0x0204
#define BOOLERR 0x0205
#define STRING 0x0207
#define RK 0x027E
#define FORMULA3 0x0206
#define FORMULA4 0x0406
#define MERGED_CELLS 0x00E5
#define ROW 0x0208
#define ROW_HIDDEN 0x20
#define MAX_ROWS 65536

#define MAX_PIECES (MAX_ROWS * XLS_MAX_COLUMNS)	/* as many as a sheet has cells */
#define MAX_ROW_BYTES ((size_t) 1 << 30)	/* no table takes a longer one */

/* A result of a formula that is no number has these upper bytes. */
#define NO_NUMBER 0xFFFF
#define RESULT_STRING 0
#define RESULT_BOOLEAN 1
#define RESULT_ERROR 2
#define RESULT_EMPTY 3

/* Cells of one row that follow each other. */
typedef struct Piece
{
	uint64_t	start;			/* in the stream */
	uint64_t	end;
	uint32_t	row;			/* 0-based */
} Piece;

typedef struct XlsCell
{
	CellKind	kind;
	bool		shared;			/* its text is in the strings' arena, not ours */
	uint32_t	length;
	size_t		offset;
} XlsCell;

struct XlsSheetReader
{
	XlsReader  *xls;
	Piece	   *pieces;			/* by row, then as they are in the stream */
	size_t		npieces;
	size_t		capacity;
	size_t		next;			/* to be read */
	uint8_t		hidden[MAX_ROWS / 8];	/* rows that are not wanted, one bit for each */
	uint64_t	lead;			/* version 2: where a style in front of a cell begins and ends */
	uint64_t	lead_end;

	XlsCell		cells[XLS_MAX_COLUMNS];	/* of the row being put together */
	int			width;
	Buffer		arena;
	int			awaits_string;	/* column of a formula whose text follows it, or -1 */
	int			style2;			/* version 2: style of the next cell if it needs more than 6 bits */
	ReaderCell	out[XLS_MAX_COLUMNS];
};

/* Notes a failure at a cell. */
static ReaderStatus
CellFail(XlsSheetReader *sheet, int column, ReaderStatus status, const char *message)
{
	sheet->xls->base.column = column + 1;
	return ReaderFail(&sheet->xls->base, status, "%s", message);
}

/* Is this a cell with a value? */
static bool
IsCell(const XlsReader *xls, uint16_t type)
{
	switch (type)
	{
		case INTEGER2:
		case NUMBER2:
		case LABEL2:
		case BOOLERR2:
			return xls->version == 2;
		case XLS_FORMULA2:
		case FORMULA3:
		case FORMULA4:
		case MULRK:
		case RSTRING:
		case LABELSST:
		case NUMBER:
		case LABEL:
		case BOOLERR:
		case RK:
			return true;
		default:
			return false;
	}
}

/* Bytes in front of a cell's value: row, column, style. */
static int
CellHeader(const XlsReader *xls, uint16_t type)
{
	return xls->version == 2 && type < NUMBER ? 7 : 6;
}

/* Is a formula's text: it belongs to the cell in front of it. */
static bool
IsString(uint16_t type)
{
	return type == STRING || type == STRING2;
}

/* Adds a cell's place to the pieces: to the last, when it is of the same row. */
static ReaderStatus
NotePlace(XlsSheetReader *sheet, const XlsRecord *record)
{
	XlsReader  *xls = sheet->xls;
	Piece	   *last = sheet->npieces > 0 ? &sheet->pieces[sheet->npieces - 1] : NULL;
	uint16_t	row;

	if (record->length < CellHeader(xls, record->type))
		return XlsDamaged(xls, "a cell is cut short");
	row = GetU16(record->data);
	if (last != NULL && last->row == row)
	{
		last->end = record->next;
		return READER_OK;
	}
	if (sheet->npieces == MAX_PIECES)
		return XlsDamaged(xls, "a sheet has more cells than it can have");
	if (!GrowArray((void **) &sheet->pieces, &sheet->capacity, sheet->npieces, sizeof(Piece)))
		return XlsOutOfMemory(xls);
	last = &sheet->pieces[sheet->npieces++];
	last->row = row;
	last->start = sheet->lead_end == record->position ? sheet->lead : record->position;
	last->end = record->next;
	return READER_OK;
}

/* By row, then by place: of two cells for one place the later one counts. */
static int
ComparePieces(const void *left, const void *right)
{
	const Piece *a = left;
	const Piece *b = right;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

static void
SortPieces(XlsSheetReader *sheet)
{
	for (size_t i = 1; i < sheet->npieces; i++)
	{
		if (sheet->pieces[i - 1].row > sheet->pieces[i].row)
		{
			qsort(sheet->pieces, sheet->npieces, sizeof(Piece), ComparePieces);
			return;
		}
	}
}

/* Notes that a row is hidden, if such rows are not wanted. */
static void
NoteRow(XlsSheetReader *sheet, const XlsRecord *record)
{
	uint16_t	row;

	if (!sheet->xls->base.options.skip_hidden_rows || record->length < 16 || !(record->data[12] & ROW_HIDDEN))
		return;
	row = GetU16(record->data);
	sheet->hidden[row / 8] |= 1 << row % 8;
}

/* Notes which cells are merged. */
static ReaderStatus
NoteMerged(XlsSheetReader *sheet, const XlsRecord *record)
{
	ReaderStatus status = READER_OK;

	for (int at = 2; status == READER_OK && at + 8 <= record->length; at += 8)
	{
		const unsigned char *p = record->data + at;
		MergedRange range = {GetU16(p) + 1, GetU16(p + 2) + 1, GetU16(p + 4), GetU16(p + 6)};

		status = MergedAdd(&sheet->xls->base, &range);
	}
	return status;
}

/* Notes what a record means for the rows. */
static ReaderStatus
NoteRecord(XlsSheetReader *sheet, XlsRecord *record)
{
	XlsReader  *xls = sheet->xls;
	Piece	   *last = sheet->npieces > 0 ? &sheet->pieces[sheet->npieces - 1] : NULL;

	if (IsCell(xls, record->type))
		return NotePlace(sheet, record);
	if (last != NULL && (IsString(record->type) || record->type == XLS_CONTINUE))
	{
		last->end = record->next;
		return READER_OK;
	}
	switch (record->type)
	{
		case IXFE2:
			sheet->lead = record->position;
			sheet->lead_end = record->next;
			return READER_OK;
		case ROW:
			NoteRow(sheet, record);
			return READER_OK;
		case MERGED_CELLS:
			return NoteMerged(sheet, record);
	}
	/* before version 5 a sheet says itself what later the workbook says */
	return xls->version < 5 || record->type == XLS_FILEPASS ? XlsBookRecord(xls, record) : READER_OK;
}

/* Goes through the sheet and notes where its cells are. */
static ReaderStatus
FindRows(XlsSheetReader *sheet, uint64_t position)
{
	XlsReader  *xls = sheet->xls;
	XlsRecord	record;
	int			depth = 1;
	ReaderStatus status = XlsReadRecord(xls, position, &record);

	if (status == READER_OK && (!XlsIsBof(&record) || record.length < 4))
		status = XlsDamaged(xls, "a sheet does not begin where it should");
	if (status == READER_OK && GetU16(record.data + 2) == XLS_CHART)
		return READER_OK;		/* in spite of what the list of sheets says */
	while (status == READER_OK && depth > 0)
	{
		uint64_t	next = record.next;

		/* what sheets have in common would be gone through for each */
		xls->scanned += next - record.position;
		if (xls->scanned > xls->size)
			return XlsDamaged(xls, "its sheets overlap");
		status = XlsReadRecord(xls, next, &record);
		if (status != READER_OK)
			return status;
		if (XlsIsBof(&record))
			depth++;			/* a chart in the sheet: its numbers are no cells */
		else if (record.type == XLS_EOF)
			depth--;
		else if (depth == 1)
		{
			XlsRecord	kept = record;

			status = NoteRecord(sheet, &kept);
		}
	}
	return status;
}

/* Opens the sheet that begins at a position of the stream. */
XlsSheetReader *
XlsOpenSheet(XlsReader *xls, uint64_t position)
{
	XlsSheetReader *sheet = calloc(1, sizeof(XlsSheetReader));

	if (sheet == NULL)
	{
		XlsOutOfMemory(xls);
		return NULL;
	}
	sheet->xls = xls;
	if (xls->version < 5)
	{
		memset(xls->formats, 0, sizeof(xls->formats));
		xls->nformats = xls->nstyles = 0;
	}
	if (!BufferReserve(&sheet->arena, 1))
		XlsOutOfMemory(xls);
	else if (FindRows(sheet, position) == READER_OK)
	{
		SortPieces(sheet);
		return sheet;
	}
	XlsCloseSheet(sheet);
	return NULL;
}

void
XlsCloseSheet(XlsSheetReader *sheet)
{
	if (sheet == NULL)
		return;
	free(sheet->pieces);
	BufferFree(&sheet->arena);
	free(sheet);
}

/* Puts a value into the row: the arena from start on. */
static ReaderStatus
PutCell(XlsSheetReader *sheet, int column, CellKind kind, size_t start)
{
	XlsCell    *cell = &sheet->cells[column];

	cell->kind = kind;
	cell->shared = false;
	cell->offset = start;
	cell->length = sheet->arena.length - start;
	if (cell->length > sheet->xls->base.options.max_cell_size)
		return CellFail(sheet, column, READER_LIMIT, "the cell is longer than max_cell_size");
	if (sheet->arena.length > MAX_ROW_BYTES)
		return CellFail(sheet, column, READER_LIMIT, "the row is longer than a row can be");
	return READER_OK;
}

/* Puts a value that is spelled in ASCII. */
static ReaderStatus
PutAscii(XlsSheetReader *sheet, int column, CellKind kind, const char *text, size_t length)
{
	size_t		start = sheet->arena.length;

	if (!BufferAppend(&sheet->arena, text, length))
		return XlsOutOfMemory(sheet->xls);
	return PutCell(sheet, column, kind, start);
}

/* Puts what Excel shows for an error. */
static ReaderStatus
PutError(XlsSheetReader *sheet, int column, unsigned char code)
{
	const char *text = BiffErrorText(code);

	return PutAscii(sheet, column, CELL_ERROR, text, strlen(text));
}

static ReaderStatus
PutBoolean(XlsSheetReader *sheet, int column, bool truth)
{
	return PutAscii(sheet, column, CELL_BOOLEAN, truth ? "true" : "false", truth ? 4 : 5);
}

/* Puts a number: plain, or a date if its format says so. */
static ReaderStatus
PutNumber(XlsSheetReader *sheet, int column, double value, NumberClass class)
{
	char		out[NUMBER_TEXT_SIZE];
	size_t		length;
	CellKind	kind = BiffNumber(value, class, sheet->xls->date1904, out, &length);

	return PutAscii(sheet, column, kind, out, length);
}

/* Puts a text out of the record. */
static ReaderStatus
PutText(XlsSheetReader *sheet, int column, const XlsRecord *record, int at, int length_bytes)
{
	size_t		start = sheet->arena.length;
	XlsPayload	payload;

	XlsBeginPayload(&payload, record, at);
	if (XlsTakeText(sheet->xls, &payload, length_bytes, &sheet->arena) != READER_OK)
	{
		sheet->xls->base.column = column + 1;
		return sheet->xls->base.status;
	}
	return PutCell(sheet, column, CELL_TEXT, start);
}

/* Puts a shared string. */
static ReaderStatus
PutShared(XlsSheetReader *sheet, int column, uint32_t index)
{
	const XlsStrings *strings = &sheet->xls->strings;
	XlsCell    *cell = &sheet->cells[column];

	if (index >= strings->count)
		return CellFail(sheet, column, READER_ERROR, "the cell refers to a shared string that does not exist");
	cell->kind = CELL_TEXT;
	cell->shared = true;
	cell->offset = strings->starts[index];
	cell->length = strings->starts[index + 1] - strings->starts[index];
	return READER_OK;
}

/* Puts the value that a formula had when the workbook was saved. */
static ReaderStatus
PutResult(XlsSheetReader *sheet, int column, const unsigned char *result, NumberClass class)
{
	if (GetU16(result + 6) != NO_NUMBER)
		return PutNumber(sheet, column, GetDouble(result), class);
	switch (result[0])
	{
		case RESULT_STRING:
			sheet->awaits_string = column;
			return READER_OK;
		case RESULT_BOOLEAN:
			return PutBoolean(sheet, column, result[2] != 0);
		case RESULT_ERROR:
			return PutError(sheet, column, result[2]);
		case RESULT_EMPTY:
			return PutAscii(sheet, column, CELL_TEXT, "", 0);
		default:
			return PutError(sheet, column, BIFF_NUM_ERROR);	/* what all other such bytes are: not a number */
	}
}

/* What the style of a cell makes of a number.  Version 2 has the number of the
 * format in the cell, and in a later variety that of a style. */
static NumberClass
CellClass(XlsSheetReader *sheet, const XlsRecord *record)
{
	const XlsReader *xls = sheet->xls;
	int			style;

	if (CellHeader(xls, record->type) == 6)
		return XlsStyleClass(xls, GetU16(record->data + 4));
	if (xls->nstyles == 0)
		return XlsFormatClass(xls, record->data[5] & 0x3F);
	style = record->data[4] & 0x3F;
	return XlsStyleClass(xls, style == 0x3F && sheet->style2 >= 0 ? sheet->style2 : style);
}

/* Puts the cells of a record of many. */
static ReaderStatus
PutMany(XlsSheetReader *sheet, int column, const XlsRecord *record)
{
	int			count = (record->length - 6) / 6;

	if (column + count > XLS_MAX_COLUMNS)
		return CellFail(sheet, column, READER_ERROR, "the column is beyond the last that a sheet can have");
	for (int i = 0; i < count; i++)
	{
		const unsigned char *one = record->data + 4 + 6 * i;

		if (PutNumber(sheet, column + i, BiffRkValue(GetU32(one + 2)), XlsStyleClass(sheet->xls, GetU16(one))) != READER_OK)
			return sheet->xls->base.status;
	}
	if (count > 0 && column + count > sheet->width)
		sheet->width = column + count;
	return READER_OK;
}

/* Bytes of a cell's value that must be there, by its record. */
static int
ValueBytes(uint16_t type)
{
	switch (type)
	{
		case NUMBER:
		case NUMBER2:
		case XLS_FORMULA2:
		case FORMULA3:
		case FORMULA4:
			return 8;
		case RK:
		case LABELSST:
			return 4;
		case INTEGER2:
		case BOOLERR:
		case BOOLERR2:
			return 2;
		default:
			return 0;
	}
}

/* Puts the value of a record of one cell. */
static ReaderStatus
PutValue(XlsSheetReader *sheet, int column, const XlsRecord *record)
{
	int			at = CellHeader(sheet->xls, record->type);
	const unsigned char *value = record->data + at;

	switch (record->type)
	{
		case INTEGER2:
			return PutNumber(sheet, column, GetU16(value), CellClass(sheet, record));
		case NUMBER2:
		case NUMBER:
			return PutNumber(sheet, column, GetDouble(value), CellClass(sheet, record));
		case RK:
			return PutNumber(sheet, column, BiffRkValue(GetU32(value)), CellClass(sheet, record));
		case LABEL2:
			return PutText(sheet, column, record, at, 1);
		case LABEL:
		case RSTRING:
			return PutText(sheet, column, record, at, 2);
		case LABELSST:
			return PutShared(sheet, column, GetU32(value));
		case BOOLERR2:
		case BOOLERR:
			return value[1] ? PutError(sheet, column, value[0]) : PutBoolean(sheet, column, value[0] != 0);
		default:
			return PutResult(sheet, column, value, CellClass(sheet, record));
	}
}

/* Puts what a record of cells holds into the row. */
static ReaderStatus
PutRecord(XlsSheetReader *sheet, const XlsRecord *record)
{
	int			column = GetU16(record->data + 2);

	sheet->awaits_string = -1;
	if (record->length < CellHeader(sheet->xls, record->type) + ValueBytes(record->type))
		return CellFail(sheet, column, READER_ERROR, "the workbook is damaged: a cell is cut short");
	if (column >= XLS_MAX_COLUMNS)
		return CellFail(sheet, column, READER_ERROR, "the column is beyond the last that a sheet can have");
	if (record->type == MULRK)
		return PutMany(sheet, column, record);
	if (column >= sheet->width)
		sheet->width = column + 1;
	return PutValue(sheet, column, record);
}

/* Reads the cells of a piece into the row. */
static ReaderStatus
ReadPiece(XlsSheetReader *sheet, const Piece *piece)
{
	XlsReader  *xls = sheet->xls;
	XlsRecord	record = {.next = piece->start};
	ReaderStatus status = READER_OK;

	sheet->awaits_string = sheet->style2 = -1;
	while (status == READER_OK && record.next < piece->end)
	{
		status = XlsReadRecord(xls, record.next, &record);
		if (status != READER_OK)
			return status;
		if (IsCell(xls, record.type))
		{
			XlsRecord	kept = record;

			status = PutRecord(sheet, &kept);
			sheet->style2 = -1;
		}
		else if (IsString(record.type) && sheet->awaits_string >= 0)
		{
			XlsRecord	kept = record;

			status = PutText(sheet, sheet->awaits_string, &kept, 0, record.type == STRING2 ? 1 : 2);
			sheet->awaits_string = -1;
		}
		else if (record.type == IXFE2 && record.length >= 2)
			sheet->style2 = GetU16(record.data);
	}
	return status;
}

/* Hands out the row that is put together; trailing empty cells are cut. */
static ReaderStatus
HandOut(XlsSheetReader *sheet, int64_t number, ReaderRow *row)
{
	XlsReader  *xls = sheet->xls;

	if ((uint32_t) sheet->width > xls->base.options.max_columns)
		return CellFail(sheet, xls->base.options.max_columns, READER_LIMIT, "the column is beyond max_columns");
	for (int i = 0; i < sheet->width; i++)
	{
		const XlsCell *cell = &sheet->cells[i];
		ReaderCell *out = &sheet->out[i];

		out->kind = cell->kind;
		out->length = cell->length;
		out->value = (cell->shared ? xls->strings.arena.data : sheet->arena.data) + cell->offset;
	}
	memset(row, 0, sizeof(ReaderRow));
	row->number = number;
	row->ncells = sheet->width;
	row->cells = sheet->out;
	return READER_OK;
}

static bool
IsHidden(const XlsSheetReader *sheet, uint32_t row)
{
	return sheet->hidden[row / 8] >> row % 8 & 1;
}

/* The next row that has any cell. */
ReaderStatus
XlsNextRow(XlsSheetReader *sheet, ReaderRow *row)
{
	Reader	   *reader = &sheet->xls->base;

	while (sheet->next < sheet->npieces)
	{
		uint32_t	number = sheet->pieces[sheet->next].row;

		memset(sheet->cells, 0, sizeof(XlsCell) * sheet->width);
		sheet->width = 0;
		sheet->arena.length = 0;
		reader->row = number + 1;
		reader->column = 0;
		for (; sheet->next < sheet->npieces && sheet->pieces[sheet->next].row == number; sheet->next++)
		{
			if (!IsHidden(sheet, number) && ReadPiece(sheet, &sheet->pieces[sheet->next]) != READER_OK)
				return reader->status;
		}
		while (sheet->width > 0 && sheet->cells[sheet->width - 1].kind == CELL_EMPTY)
			sheet->width--;
		if (sheet->width > 0)
			return HandOut(sheet, number + 1, row);
	}
	return READER_END;
}
