/*
 * xlsx_scan_sheet.c
 *	  The rows of a sheet, fast.
 *
 * Regular is: <row> with <c> in it, in ascending order of columns, each with at
 * most one <f> and one <v> or <is>; numbers, texts and attributes of the forms
 * that spreadsheets write.  Cells are slices of the window or of the strings'
 * table where their text is there as it must be, else of the scan's arena.
 */
#include <stdlib.h>

#include "file/xlsx_scan.h"

#define MAX_ROW_TAIL 128
#define EXACT_DIGITS 15			/* numbers of so many digits are spelled as they stand */

struct SheetScan
{
	Scan		scan;
	XlsxReader *xlsx;
	ReaderCell *cells;			/* of the row: as many as a row may have */
	int			max_columns;
	int64_t		row_number;		/* of the last row scanned */
	int			width;			/* cells of the row that are filled in */
	char		tail[MAX_ROW_TAIL]; /* of the last row tag, behind its number */
	size_t		tail_length;
};

/* The attributes of a cell. */
typedef struct CellTag
{
	int			column;			/* 0-based */
	char		type;			/* as in xlsx_sheet.c: n s b e d i t(str) */
	long		style;
	bool		empty;			/* <c .../> */
} CellTag;

/* Puts a cell into the row; false: it is beyond the limit. */
static inline bool
PutCell(SheetScan *sheet, int column, CellKind kind, const char *value, size_t length)
{
	ReaderCell *cell = &sheet->cells[column];

	if (column >= sheet->max_columns)
		return false;
	while (sheet->width < column)
		sheet->cells[sheet->width++] = (ReaderCell) {NULL, 0, CELL_EMPTY};
	cell->value = value;
	cell->length = length;
	cell->kind = kind;
	sheet->width = column + 1;
	return true;
}

/* The letters of a reference -> a column; NULL if they are none we know. */
static inline const char *
ScanColumn(const char *p, int *column)
{
	const char *start = p;

	for (*column = 0; *p >= 'A' && *p <= 'Z'; p++)
	{
		if (p - start == 3)
			return NULL;
		*column = *column * 26 + (*p - 'A' + 1);
	}
	(*column)--;
	return p;
}

/* Up to nine digits -> a number; NULL if there are none, or more. */
static inline const char *
ScanDigits(const char *p, long *number)
{
	const char *start = p;

	for (*number = 0; *p >= '0' && *p <= '9'; p++)
	{
		if (p - start == 9)
			return NULL;
		*number = *number * 10 + (*p - '0');
	}
	return p == start ? NULL : p;
}

/* The letter that stands for a cell's type, 0 if we do not know it. */
static char
TypeLetter(const char *type, size_t length)
{
	if (length == 1)
		return *type == 's' || *type == 'n' || *type == 'b' || *type == 'e' || *type == 'd' ? *type : 0;
	if (length == 3 && memcmp(type, "str", 3) == 0)
		return 't';
	return length == 9 && memcmp(type, "inlineStr", 9) == 0 ? 'i' : 0;
}

/* A cell's tag, whatever its attributes, from behind the "<c". */
static const char *
ScanAnyCellTag(SheetScan *sheet, const char *p, int next_column, CellTag *cell)
{
	Scan	   *scan = &sheet->scan;
	const char *start = p;
	ScanTag		tag;

	*cell = (CellTag) {next_column, 'n', 0, false};
	p = ScanTagEnd(scan, p, &tag);
	if (p == NULL)
		return NULL;
	cell->empty = tag.empty;
	for (int i = 0; i < tag.count; i++)
	{
		const ScanAttribute *attribute = &tag.attributes[i];
		const char *end = attribute->value + attribute->value_length;
		long		ignored;

		if (attribute->name_length != 1)
			continue;
		if (*attribute->name == 'r')
		{
			const char *digits = ScanColumn(attribute->value, &cell->column);

			if (digits == NULL || cell->column < 0 || ScanDigits(digits, &ignored) != end)
				return Stuck(scan, start);
		}
		else if (*attribute->name == 's')
		{
			if (ScanDigits(attribute->value, &cell->style) != end)
				return Stuck(scan, start);
		}
		else if (*attribute->name == 't')
		{
			cell->type = TypeLetter(attribute->value, attribute->value_length);
			if (cell->type == 0)
				return Stuck(scan, start);
		}
	}
	return p;
}

/* A style, if there is one at p; NULL if it is of no form we know. */
static inline const char *
ScanStyle(const char *p, long *style)
{
	if (!BEGINS(p, " s=\""))
		return p;
	p = ScanDigits(p + 4, style);
	return p != NULL && *p == '"' ? p + 1 : NULL;
}

/* A type, if there is one at p; NULL if we do not know it. */
static inline const char *
ScanType(const char *p, char *type)
{
	if (!BEGINS(p, " t=\""))
		return p;
	p += 4;
	if (BEGINS(p, "inlineStr\""))
	{
		*type = 'i';
		return p + 10;
	}
	if (BEGINS(p, "str\""))
	{
		*type = 't';
		return p + 4;
	}
	*type = TypeLetter(p, 1);
	return p[1] == '"' && *type != 0 ? p + 2 : NULL;
}

/* A cell's tag, from behind the "<c": first as spreadsheets write it, reference,
 * style and type, or type and style. */
static inline const char *
ScanCellTag(SheetScan *sheet, const char *p, int next_column, CellTag *cell)
{
	const char *start = p;
	const char *type;
	long		ignored;

	*cell = (CellTag) {next_column, 'n', 0, false};
	if (!BEGINS(p, " r=\""))
		return ScanAnyCellTag(sheet, start, next_column, cell);
	p = ScanColumn(p + 4, &cell->column);
	if (p == NULL || cell->column < 0 || (p = ScanDigits(p, &ignored)) == NULL || *p++ != '"')
		return ScanAnyCellTag(sheet, start, next_column, cell);
	type = ScanStyle(p, &cell->style);
	if (type != NULL && type != p)
		p = ScanType(type, &cell->type);
	else if (type != NULL && (p = ScanType(p, &cell->type)) != NULL)
		p = ScanStyle(p, &cell->style);
	if (type == NULL || p == NULL)
		return ScanAnyCellTag(sheet, start, next_column, cell);
	if (*p == '>')
		return p + 1;
	cell->empty = BEGINS(p, "/>");
	return cell->empty ? p + 2 : ScanAnyCellTag(sheet, start, next_column, cell);
}

/* A number spelled as it has to be, up to "<"; NULL: it needs a closer look. */
static inline const char *
ScanPlainNumber(const char *p)
{
	const char *first = p + (*p == '-');
	const char *point = NULL;

	p = first;
	if (*p < '0' || *p > '9' || (*p == '0' && p[1] != '.' && (p[1] != '<' || first[-1] == '-')))
		return NULL;
	while (*p >= '0' && *p <= '9')
		p++;
	if (*p == '.')
	{
		point = p++;
		while (*p >= '0' && *p <= '9')
			p++;
		if (p[-1] == '0' || p[-1] == '.')
			return NULL;
	}
	return *p == '<' && p - first - (point != NULL) <= EXACT_DIGITS ? p : NULL;
}

/* Puts a shared string into the row; false: there is none of its number. */
static inline bool
PutString(SheetScan *sheet, int column, uint64_t index)
{
	const XlsxStrings *strings = &sheet->xlsx->strings;
	uint32_t	start;

	if (index >= strings->count)
		return false;
	start = strings->starts[index];
	return PutCell(sheet, column, CELL_TEXT, strings->arena.data + start, strings->starts[index + 1] - start);
}

/* The same, by a text that is its number, or nothing. */
static bool
PutShared(SheetScan *sheet, int column, const char *text, size_t length)
{
	uint64_t	index;

	text = TrimBlanks(text, &length);
	if (length == 0)
		return true;
	return XlsxStringNumber(&sheet->xlsx->strings, text, length, &index) && PutString(sheet, column, index);
}

/* Puts a value of any type into the row; false: the general parser will say why. */
static bool
PutValue(SheetScan *sheet, const CellTag *cell, ScanText *text)
{
	Scan	   *scan = &sheet->scan;
	char	   *out;
	size_t		spelled;
	CellKind	kind;

	if (text->length > sheet->xlsx->base.options.max_cell_size)
		return false;
	ScanDecode(scan, text);
	if (cell->type == 's')
		return PutShared(sheet, cell->column, text->text, text->length);
	if (cell->type == 'i' || cell->type == 't')
	{
		ScanUnescape(scan, text);
		return PutCell(sheet, cell->column, CELL_TEXT, text->text, text->length);
	}
	out = scan->arena + scan->arena_used;
	kind = XlsxValue(sheet->xlsx, cell->type, cell->style, text->text, text->length, out, &spelled);
	if (kind == CELL_EMPTY)
		return true;
	if (spelled == 0)
		return PutCell(sheet, cell->column, kind, text->text, text->length);
	scan->arena_used += spelled;
	return PutCell(sheet, cell->column, kind, out, spelled);
}

/* A value, from behind its <v> to behind its </v>. */
static inline const char *
ScanValue(SheetScan *sheet, const char *p, const CellTag *cell)
{
	Scan	   *scan = &sheet->scan;
	const char *start = p;
	ScanText	text;
	bool		put;
	long		index;

	if (cell->type == 's' && (p = ScanDigits(start, &index)) != NULL && *p == '<')
		put = PutString(sheet, cell->column, index);
	else if (cell->type == 'n' && ((size_t) cell->style >= sheet->xlsx->nclasses ||
								   sheet->xlsx->classes[cell->style] == NUMBER_PLAIN) &&
			 (p = ScanPlainNumber(start)) != NULL)
		put = PutCell(sheet, cell->column, CELL_NUMBER, start, p - start);
	else
	{
		p = ScanTextRun(scan, start, &text);
		if (p == NULL)
			return NULL;
		put = PutValue(sheet, cell, &text);
	}
	if (!BEGINS(p, "</v>"))
		return Stuck(scan, p);
	return put ? p + 4 : Stuck(scan, start);
}

/* An element of a cell that is no <v>: a formula, or text of its own. */
static const char *
ScanCellElement(SheetScan *sheet, const char *p, const CellTag *cell, bool *formula, bool *value)
{
	Scan	   *scan = &sheet->scan;
	const char *start = p;
	ScanText	text;
	ScanTag		tag;

	if (!*formula && BEGINS(p, "<f") && (IsBlank(p[2]) || p[2] == '>' || p[2] == '/'))
	{
		*formula = true;
		p = ScanTagEnd(scan, p + 2, &tag);
		if (p == NULL || tag.empty)
			return p;
		p = ScanTextRun(scan, p, &text);
		if (p == NULL)
			return NULL;
		return BEGINS(p, "</f>") ? p + 4 : Stuck(scan, p);
	}
	if (*value)
		return Stuck(scan, start);
	*value = true;
	if (BEGINS(p, "<is>") && cell->type == 'i')
	{
		p = ScanItem(scan, p + 4, "</is>", &text);
		if (p == NULL)
			return NULL;
		return PutValue(sheet, cell, &text) ? p : Stuck(scan, start);
	}
	if (!BEGINS(p, "<v") || (!IsBlank(p[2]) && p[2] != '/'))
		return Stuck(scan, start);
	p = ScanTagEnd(scan, p + 2, &tag);
	if (p == NULL || !tag.empty)
		return p == NULL ? NULL : ScanValue(sheet, p, cell);
	text = (ScanText) {p, 0, 0};
	return PutValue(sheet, cell, &text) ? p : Stuck(scan, start);
}

/* What is in a cell, up to behind its </c>. */
static inline const char *
ScanCellContent(SheetScan *sheet, const char *p, const CellTag *cell)
{
	bool		formula = false;
	bool		value = false;

	for (;;)
	{
		if (BEGINS(p, "<v>") && !value)
		{
			value = true;
			p = ScanValue(sheet, p + 3, cell);
		}
		else if (BEGINS(p, "</c>"))
			return p + 4;
		else if (IsBlank(*p))
			p++;
		else
			p = ScanCellElement(sheet, p, cell, &formula, &value);
		if (p == NULL)
			return NULL;
	}
}

/* Text in the cell, as writers that keep no table of strings have it; NULL: it
 * needs a closer look. */
static inline const char *
ScanInlineText(SheetScan *sheet, const char *p, const CellTag *cell)
{
	const char *start = p;

	p = SkipPlain(p);
	if (!BEGINS(p, "</t></is></c>") || (size_t) (p - start) > sheet->xlsx->base.options.max_cell_size ||
		!PutCell(sheet, cell->column, CELL_TEXT, start, p - start))
		return NULL;
	return p + 13;
}

/* A cell, from its "<c". */
static inline const char *
ScanCell(SheetScan *sheet, const char *p, int *last_column)
{
	const char *start = p;
	const char *end;
	CellTag		cell;

	p = ScanCellTag(sheet, p + 2, *last_column + 1, &cell);
	if (p == NULL)
		return NULL;
	if (cell.column <= *last_column || cell.column >= XLSX_MAX_COLUMNS)
		return Stuck(&sheet->scan, start);
	*last_column = cell.column;
	if (cell.empty)
		return p;
	if (cell.type == 'i' && BEGINS(p, "<is><t>") && (end = ScanInlineText(sheet, p + 7, &cell)) != NULL)
		return end;
	return ScanCellContent(sheet, p, &cell);
}

/* The number of a row by the attributes of its tag; false: we cannot tell. */
static bool
RowNumber(const ScanTag *tag, int64_t *number)
{
	for (int i = 0; i < tag->count; i++)
	{
		const ScanAttribute *attribute = &tag->attributes[i];
		size_t		length = attribute->name_length;
		long		value;

		if (attribute->name[length - 1] != 'r' || (length > 1 && attribute->name[length - 2] != ':'))
			continue;
		if (length > 1 || ScanDigits(attribute->value, &value) != attribute->value + attribute->value_length)
			return false;
		*number = value;
	}
	return true;
}

/* A row's tag, from its "<row": its number, which is the next one if it has none. */
static const char *
ScanRowTag(SheetScan *sheet, const char *p, int64_t *number, bool *empty)
{
	Scan	   *scan = &sheet->scan;
	const char *start = p;
	const char *tail;
	long		value;
	ScanTag		tag;

	*number = sheet->row_number + 1;
	*empty = false;
	/* what follows the number is mostly what followed that of the row before */
	if (BEGINS(p, "<row r=\"") && (tail = ScanDigits(p + 8, &value)) != NULL && sheet->tail_length > 0 &&
		(size_t) (scan->end - tail) >= sheet->tail_length && memcmp(tail, sheet->tail, sheet->tail_length) == 0)
	{
		*number = value;
		return tail + sheet->tail_length;
	}
	if (!BEGINS(p, "<row"))
		return Stuck(scan, p);
	p = ScanTagEnd(scan, p + 4, &tag);
	if (p == NULL)
		return NULL;
	if (!RowNumber(&tag, number))
		return Stuck(scan, start);
	*empty = tag.empty;
	if (BEGINS(start, "<row r=\"") && !tag.empty)
	{
		tail = ScanDigits(start + 8, &value);
		sheet->tail_length = p - tail <= MAX_ROW_TAIL ? p - tail : 0;
		memcpy(sheet->tail, tail, sheet->tail_length);
	}
	return p;
}

/* A row, from its "<row". */
static const char *
ScanRow(SheetScan *sheet, const char *p)
{
	Scan	   *scan = &sheet->scan;
	const char *start = p;
	int64_t		number;
	int			column = -1;
	bool		empty;

	sheet->width = 0;
	scan->arena_used = 0;
	p = ScanRowTag(sheet, p, &number, &empty);
	if (p == NULL)
		return NULL;
	if (number < 1 || number > XLSX_MAX_ROWS)
		return Stuck(scan, start);
	while (!empty)
	{
		if (BEGINS(p, "<c") && (p[2] == ' ' || p[2] == '>' || p[2] == '/' || IsBlank(p[2])))
			p = ScanCell(sheet, p, &column);
		else if (BEGINS(p, "</row>"))
		{
			p += 6;
			break;
		}
		else
			p = IsBlank(*p) ? p + 1 : Stuck(scan, p);
		if (p == NULL)
			return NULL;
	}
	sheet->row_number = number;
	return p;
}

/* The next row that has any cell. */
ScanStatus
XlsxScanRow(SheetScan *sheet, ReaderRow *row)
{
	Scan	   *scan = &sheet->scan;

	for (;;)
	{
		const char *p = SkipBlanks(scan->next);

		if (BEGINS(p, "</sheetData>"))
		{
			scan->next = p;
			return SCAN_END;
		}
		p = ScanRow(sheet, p);
		if (p == NULL)
		{
			ScanStatus	status = ScanMore(scan);

			if (status != SCAN_OK)
				return status;
			continue;
		}
		scan->next = p;
		if (sheet->width > 0)
			break;
	}
	*row = (ReaderRow) {.number = sheet->row_number,.ncells = sheet->width,.cells = sheet->cells};
	return SCAN_OK;
}

/* Opens a scan of the part that the parser has just opened; its handlers must
 * say whether they stand among rows.  NULL: out of memory. */
SheetScan *
XlsxScanOpen(XlsxReader *xlsx, Xml *xml, ScanStatus *status)
{
	SheetScan  *sheet = calloc(1, sizeof(SheetScan));

	if (sheet != NULL)
		sheet->cells = malloc(sizeof(ReaderCell) * XLSX_MAX_COLUMNS);
	if (sheet == NULL || sheet->cells == NULL)
	{
		free(sheet);
		ReaderFail(&xlsx->base, READER_NO_MEMORY, "out of memory");
		return NULL;
	}
	sheet->xlsx = xlsx;
	sheet->max_columns = xlsx->base.options.max_columns < XLSX_MAX_COLUMNS ?
		xlsx->base.options.max_columns : XLSX_MAX_COLUMNS;
	*status = ScanOpen(&sheet->scan, xlsx, xml, "<sheetData");
	return sheet;
}

/* The parser goes on where the scan ended, behind the row of this number, if
 * it had any. */
ReaderStatus
XlsxScanHandOver(SheetScan *sheet, Xml *xml, int64_t *row_number, bool *at_end)
{
	if (sheet->row_number > 0)
		*row_number = sheet->row_number;
	*at_end = sheet->scan.at_end;
	return ScanHandOver(&sheet->scan, xml);
}

void
XlsxScanClose(SheetScan *sheet)
{
	if (sheet == NULL)
		return;
	ScanClose(&sheet->scan);
	free(sheet->cells);
	free(sheet);
}
