/*
 * html.c
 *	  Tables of an HTML page behind the reader contract: what many programs
 *	  write and call an Excel file.
 *
 *	  tags and text (html_scan.c) -> table, row, cell -> queue -> the caller
 *
 * Each table that is not inside another is a sheet, called by its caption or
 * "Table 1" and so on; a table inside a cell is text of the cell.  End tags of
 * rows and cells may be missing, as HTML allows; that of a table may not: a
 * page that ends inside a table was cut short.
 */
#include "file/html.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file/rowqueue.h"
#include "file/xlsx.h"

#define MAX_SPAN 65534			/* HTML's own limit for rowspan */
#define MAX_COLSPAN 1000		/* and for colspan */
#define ROWS_AT_ONCE 64			/* that wait in the queue */
#define MAX_NESTING 1000

typedef struct HtmlReader
{
	Reader		base;
	HtmlScan	scan;
	RowQueue	queue;
	bool		at_end;

	int			tables;			/* outermost ones so far */
	int			nesting;		/* tables that are open */
	bool		announced;		/* the table's sheet is in the queue */
	Buffer		name;			/* of the sheet, by the caption */
	bool		in_caption;
	bool		in_row;
	bool		in_cell;
	int64_t		row_number;
	int64_t		column;			/* 0-based, of the cell; in a row without one, of the next */
	int			colspan;		/* of the cell */
	int			rowspan;
	int		   *spans;			/* rows, this one too, that a cell above covers, by column */
	int			nspans;
	int			span_capacity;

	/* the text being read, of a cell or a caption */
	bool		has_text;
	bool		space;			/* white space waits for more text */
	int			breaks;			/* line ends that do */
	Buffer		value;			/* what an attribute says the cell's value is */
	CellKind	kind;			/* of it; CELL_EMPTY: no attribute says it */
	NumberClass class;			/* what the cell's format makes of a number */
	NameMap		classes;		/* NumberClass by class of the page's styles */
} HtmlReader;

/* Elements that begin a line of their own. */
static const char *const blocks[] = {"p", "div", "li", "ul", "ol", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6",
"tr", "table", "pre", "blockquote", "hr"};

static bool
OutOfMemory(HtmlReader *page)
{
	ReaderFail(&page->base, READER_NO_MEMORY, "out of memory");
	return false;
}

/* Adds text to the caption or the cell. */
static bool
Append(HtmlReader *page, const char *text, size_t length)
{
	if (!page->in_caption)
		return QueueText(&page->queue, text, length);
	if (page->name.length + length > page->base.options.max_cell_size)
		return true;			/* of a name, this is enough */
	return BufferAppend(&page->name, text, length) || OutOfMemory(page);
}

/* Adds the white space that waits. */
static bool
AppendWaiting(HtmlReader *page)
{
	bool		well = true;

	if (page->has_text && page->breaks > 0)
	{
		for (; well && page->breaks > 0; page->breaks--)
			well = Append(page, page->in_caption ? " " : "\n", 1);
	}
	else if (page->has_text && page->space)
		well = Append(page, " ", 1);
	page->has_text = true;
	page->space = false;
	page->breaks = 0;
	return well;
}

/* Adds text with its entities: runs of white space are one space. */
static bool
AddText(HtmlReader *page, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end)
	{
		char		character[ENTITY_TEXT_SIZE];
		size_t		made;
		size_t		taken = *text == '&' ? HtmlEntity(text, end, character, &made) : 0;
		const char *from = taken > 0 ? character : text;

		if (taken == 0)
		{
			for (made = 0; text + made < end && strchr(" \t\r\n\f&", text[made]) == NULL; made++)
				;
			if (made == 0 && *text != '&')
			{
				page->space = true;
				text++;
				continue;
			}
			made += made == 0;
			taken = made;
		}
		if (!AppendWaiting(page) || !Append(page, from, made))
			return false;
		text += taken;
	}
	return true;
}

static void
BeginText(HtmlReader *page)
{
	page->has_text = false;
	page->space = false;
	page->breaks = 0;
}

/* How many bytes of white space, no-break spaces too, are at p; 0 if none. */
static size_t
BlankAt(const char *p, size_t available)
{
	if (available >= 2 && memcmp(p, "\xC2\xA0", 2) == 0)
		return 2;
	return available >= 1 && (*p == ' ' || *p == '\n');
}

/* Cuts white space and no-break spaces, with which pages fill empty cells, off both ends. */
static const char *
Trim(const char *text, size_t *length)
{
	size_t		blank;

	while ((blank = BlankAt(text, *length)) > 0)
	{
		text += blank;
		*length -= blank;
	}
	while (*length > 0)
	{
		blank = BlankAt(text + *length - 1, 1);
		if (blank == 0 && *length >= 2)
			blank = BlankAt(text + *length - 2, 2) == 2 ? 2 : 0;
		if (blank == 0)
			break;
		*length -= blank;
	}
	return text;
}

/* Puts the table's sheet into the queue, once it is known what it is called. */
static bool
Announce(HtmlReader *page)
{
	char		numbered[32];
	size_t		length = page->name.length;
	const char *name = Trim(page->name.data, &length);

	if (page->announced)
		return true;
	page->announced = true;
	page->in_caption = false;
	if (length == 0)
	{
		snprintf(numbered, sizeof(numbered), "Table %d", page->tables);
		return QueueSheet(&page->queue, numbered, false);
	}
	page->name.length = name + length - page->name.data;
	if (!BufferAppend(&page->name, "", 1))
		return OutOfMemory(page);
	return QueueSheet(&page->queue, page->name.data + (name - page->name.data), false);
}

/* Reads a number of an attribute; 1 if it is not there or cannot be. */
static int
SpanOf(const HtmlReader *page, const char *name, int limit)
{
	const char *value;
	size_t		length;
	int			span = 0;

	if (!HtmlAttribute(&page->scan, name, &value, &length))
		return 1;
	for (size_t i = 0; i < length && value[i] >= '0' && value[i] <= '9' && span <= limit; i++)
		span = span * 10 + (value[i] - '0');
	return span < 1 ? 1 : span > limit ? limit : span;
}

/* Makes the columns of the cell covered in the rows below it. */
static bool
Cover(HtmlReader *page, int rows)
{
	int64_t		end = page->column + page->colspan;

	if (end > page->base.options.max_columns)
		end = page->base.options.max_columns;	/* no cell can be there */
	if (end > page->span_capacity)
	{
		int			capacity = end < 64 ? 64 : end * 2;
		int		   *spans = realloc(page->spans, capacity * sizeof(int));

		if (spans == NULL)
			return OutOfMemory(page);
		page->spans = spans;
		page->span_capacity = capacity;
	}
	while (page->nspans < end)
		page->spans[page->nspans++] = 0;
	for (int64_t i = page->column; i < end; i++)
	{
		if (page->spans[i] < rows)
			page->spans[i] = rows;
	}
	return true;
}

/* Keeps what an attribute says the cell's value is. */
static bool
KeepValue(HtmlReader *page, const char *value, size_t length, CellKind kind)
{
	page->kind = kind;
	page->value.length = 0;
	return length == 0 || BufferAppend(&page->value, value, length) || OutOfMemory(page);
}

/* The format in sdnum="1033;0;YYYY-MM-DD". */
static NumberClass
SdnumClass(const HtmlReader *page)
{
	char		format[64];
	const char *value;
	size_t		length;

	if (!HtmlAttribute(&page->scan, "sdnum", &value, &length))
		return NUMBER_PLAIN;
	for (int i = 0; i < 2; i++)
	{
		const char *semicolon = memchr(value, ';', length);

		if (semicolon == NULL)
			return NUMBER_PLAIN;
		length -= semicolon + 1 - value;
		value = semicolon + 1;
	}
	if (length >= sizeof(format))
		return NUMBER_PLAIN;
	memcpy(format, value, length);
	format[length] = '\0';
	return ClassifyNumberFormat(format);
}

/*
 * What Excel (x:num, x:bool, x:err) and LibreOffice (sdval) say beside the text
 * that they show.
 */
static bool
FindValue(HtmlReader *page)
{
	const HtmlScan *scan = &page->scan;
	const char *value;
	size_t		length;

	page->kind = CELL_EMPTY;
	if (HtmlAttribute(scan, "x:num", &value, &length))
	{
		page->class = length > 0 ? HtmlNumberClass(scan, &page->classes) : NUMBER_PLAIN;
		return KeepValue(page, value, length, CELL_NUMBER);
	}
	if (HtmlAttribute(scan, "sdval", &value, &length))
	{
		page->class = SdnumClass(page);
		return KeepValue(page, value, length, CELL_NUMBER);
	}
	if (HtmlAttribute(scan, "x:bool", &value, &length))
		return KeepValue(page, value, length, CELL_BOOLEAN);
	if (HtmlAttribute(scan, "x:err", &value, &length))
		return KeepValue(page, value, length, CELL_ERROR);
	return true;
}

static bool
StartRow(HtmlReader *page)
{
	page->in_row = true;
	page->row_number++;
	page->column = 0;
	return Announce(page);
}

static bool
StartCell(HtmlReader *page)
{
	if (!page->in_row && !StartRow(page))
		return false;
	while (page->column < page->nspans && page->spans[page->column] > 0)
		page->column++;
	page->in_cell = true;
	page->colspan = SpanOf(page, "colspan", MAX_COLSPAN);
	page->rowspan = SpanOf(page, "rowspan", MAX_SPAN);
	BeginText(page);
	QueueBeginCell(&page->queue);
	return FindValue(page) && Cover(page, page->rowspan);
}

/* A number: plain, or a date if its format says so. */
static CellKind
NumberText(const HtmlReader *page, const char *text, size_t length, char out[NUMBER_TEXT_SIZE], size_t *spelled)
{
	double		serial;
	CellKind	kind = CELL_NUMBER;

	if (page->class != NUMBER_PLAIN && ParseSerial(text, length, &serial))
		kind = SerialToText(serial, page->class, false, out, spelled);
	if (kind == CELL_NUMBER)
		*spelled = CanonicalNumber(text, length, out);
	return kind;
}

/* A number, a truth or an error by attribute; the text if it is none. */
static bool
TypedValue(HtmlReader *page, const char *text, size_t length, CellKind *kind)
{
	char		out[NUMBER_TEXT_SIZE];
	size_t		spelled = 0;

	if (page->value.length > 0)
	{
		text = page->value.data;
		length = page->value.length;
	}
	*kind = page->kind;
	if (page->kind == CELL_NUMBER)
		*kind = NumberText(page, text, length, out, &spelled);
	else if (page->kind == CELL_BOOLEAN && length == 4 && strncasecmp(text, "true", 4) == 0)
		spelled = sprintf(out, "true");
	else if (page->kind == CELL_BOOLEAN && length == 5 && strncasecmp(text, "false", 5) == 0)
		spelled = sprintf(out, "false");
	else if (page->kind == CELL_ERROR && length > 0)
		return page->value.length == 0 || QueueSetText(&page->queue, text, length);
	if (spelled > 0)
		return QueueSetText(&page->queue, out, spelled);
	*kind = CELL_EMPTY;
	return true;
}

/* Ends a cell. */
static bool
EndCell(HtmlReader *page)
{
	CellKind	kind = CELL_EMPTY;
	size_t		length;
	size_t		trimmed;
	const char *text = QueueCellText(&page->queue, &length);
	bool		well;

	page->in_cell = false;
	trimmed = length;
	text = Trim(text, &trimmed);
	if (page->kind != CELL_EMPTY && !TypedValue(page, text, trimmed, &kind))
		return false;
	if (kind == CELL_EMPTY && trimmed > 0)
	{
		kind = CELL_TEXT;
		QueueKeepText(&page->queue, text, trimmed);
	}
	page->base.row = page->row_number;
	well = QueueCell(&page->queue, page->column, 1, kind);
	if (well && kind != CELL_EMPTY)
		QueueMerge(&page->queue, page->rowspan, page->colspan);
	page->column += page->colspan;
	return well;
}

static bool
EndRow(HtmlReader *page)
{
	if (page->in_cell && !EndCell(page))
		return false;
	if (!page->in_row)
		return true;
	page->in_row = false;
	for (int i = 0; i < page->nspans; i++)
		page->spans[i] -= page->spans[i] > 0;
	return QueueRow(&page->queue, page->row_number, 1);
}

/* Begins or ends <thead>, <tbody>, <tfoot>, or the table: no cell reaches beyond. */
static bool
EndGroup(HtmlReader *page)
{
	bool		well = EndRow(page);

	page->nspans = 0;
	return well;
}

static bool
StartTable(HtmlReader *page)
{
	if (++page->nesting > MAX_NESTING)
	{
		ReaderFail(&page->base, READER_LIMIT, "the page has tables more than %d deep", MAX_NESTING);
		return false;
	}
	if (page->nesting > 1)
		return true;
	page->tables++;
	page->announced = page->in_caption = false;
	page->name.length = 0;
	page->row_number = 0;
	page->nspans = 0;
	return true;
}

static bool
EndTable(HtmlReader *page)
{
	if (page->nesting == 0 || --page->nesting > 0)
		return true;
	return EndGroup(page) && Announce(page);
}

static bool
IsGroup(const char *name)
{
	return strcmp(name, "thead") == 0 || strcmp(name, "tbody") == 0 || strcmp(name, "tfoot") == 0;
}

/* A tag inside a cell or a caption: what it does to the text. */
static void
TextTag(HtmlReader *page, const char *name, bool start)
{
	if (strcmp(name, "br") == 0)
	{
		page->breaks += page->breaks < 1000 && page->has_text;
		return;
	}
	if (start && (strcmp(name, "td") == 0 || strcmp(name, "th") == 0))
		page->space = true;		/* of a table inside */
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
	{
		if (strcmp(blocks[i], name) == 0 && page->breaks == 0)
			page->breaks = page->has_text;
	}
}

static bool
StartTag(HtmlReader *page)
{
	const char *name = page->scan.name;

	if (strcmp(name, "table") == 0)
	{
		if (!StartTable(page))
			return false;
	}
	else if (page->nesting == 1)
	{
		if (strcmp(name, "tr") == 0)
			return EndRow(page) && StartRow(page);
		if (strcmp(name, "td") == 0 || strcmp(name, "th") == 0)
			return (!page->in_cell || EndCell(page)) && StartCell(page);
		if (IsGroup(name))
			return EndGroup(page);
		if (strcmp(name, "caption") == 0 && !page->announced)
		{
			page->in_caption = true;
			BeginText(page);
			return true;
		}
	}
	TextTag(page, name, true);
	return true;
}

static bool
EndTag(HtmlReader *page)
{
	const char *name = page->scan.name;

	if (page->nesting == 1)
	{
		if (strcmp(name, "tr") == 0)
			return EndRow(page);
		if (strcmp(name, "td") == 0 || strcmp(name, "th") == 0)
			return !page->in_cell || EndCell(page);
		if (IsGroup(name))
			return EndGroup(page);
		if (strcmp(name, "caption") == 0)
			page->in_caption = false;
	}
	if (strcmp(name, "table") == 0 && !EndTable(page))
		return false;
	TextTag(page, name, false);
	return true;
}

/* The file's end: inside a table, it was cut short. */
static ReaderStatus
AtEnd(HtmlReader *page)
{
	page->at_end = true;
	if (page->nesting > 0 || page->scan.cut)
		return ReaderFail(&page->base, READER_ERROR, "the page ends inside a %s: the file is cut short",
						  page->scan.cut ? "tag" : "table");
	if (page->tables == 0)
		return ReaderFail(&page->base, READER_UNSUPPORTED, "this is an HTML page without a table in it");
	return READER_END;
}

/* Reads on until some rows wait. */
static ReaderStatus
Fill(Reader *reader)
{
	HtmlReader *page = (HtmlReader *) reader;
	uint64_t	start = page->scan.offset;

	if (page->at_end)
		return READER_END;
	while (page->queue.nrows < ROWS_AT_ONCE && page->scan.offset == start)
	{
		HtmlToken	token = HtmlNext(&page->scan);
		bool		well = token != HTML_FAILED;

		if (token == HTML_DONE)
			return AtEnd(page);
		if (token == HTML_TEXT && (page->in_cell || page->in_caption))
			well = AddText(page, page->scan.text, page->scan.length);
		else if (token == HTML_STYLE)
			well = HtmlReadStyles(&page->classes, page->scan.text, page->scan.length) || OutOfMemory(page);
		else if (token == HTML_START)
			well = StartTag(page);
		else if (token == HTML_END)
			well = EndTag(page);
		if (!well)
		{
			reader->row = page->row_number;
			reader->column = page->column < INT32_MAX ? (int) page->column + 1 : 0;
			return reader->status;
		}
	}
	return READER_OK;
}

/* Opens the page, up to its first table: without one there is nothing to read. */
static ReaderStatus
HtmlOpen(Reader *reader)
{
	HtmlReader *page = (HtmlReader *) reader;
	ReaderStatus status = HtmlScanOpen(&page->scan, reader);

	page->queue.reader = reader;
	if (status == READER_OK)
		status = QueueAwait(&page->queue, Fill);
	return status == READER_END ? READER_OK : status;
}

static ReaderStatus
HtmlNextSheet(Reader *reader, ReaderSheet *sheet)
{
	return QueueNextSheet(&((HtmlReader *) reader)->queue, Fill, sheet);
}

static ReaderStatus
HtmlNextRow(Reader *reader, ReaderRow *row)
{
	return QueueNextRow(&((HtmlReader *) reader)->queue, Fill, row);
}

static void
HtmlClose(Reader *reader)
{
	HtmlReader *page = (HtmlReader *) reader;

	HtmlScanClose(&page->scan);
	QueueFree(&page->queue);
	BufferFree(&page->name);
	BufferFree(&page->value);
	NameMapFree(&page->classes);
	free(page->spans);
}

const FormatOps html_format = {"html", sizeof(HtmlReader), HtmlOpen, HtmlNextSheet, HtmlNextRow, HtmlClose};
