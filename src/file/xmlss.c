/*
 * xmlss.c
 *	  Workbooks in Excel's XML of 2003 (SpreadsheetML) behind the reader
 *	  contract.
 *
 *	  file -> which sheets are hidden (xmlss_hidden.c)
 *	       -> styles -> which of them show a date
 *	       -> <Worksheet>, <Row>, <Cell>, <Data> -> queue -> the caller
 */
#include "file/xmlss.h"

#include <stdlib.h>
#include <string.h>

#include "file/named_format.h"
#include "file/namemap.h"
#include "file/rowqueue.h"
#include "file/xml.h"

#define SECONDS_PER_DAY 86400.0

/* ss:Type of a cell's data. */
typedef enum DataType
{
	DATA_STRING, DATA_NUMBER, DATA_DATETIME, DATA_BOOLEAN, DATA_ERROR
} DataType;

typedef struct XmlssReader
{
	Reader		base;
	Xml		   *xml;
	bool		at_end;
	RowQueue	queue;

	NameMap		styles;			/* NumberClass by id */
	char	   *style;			/* the one being read */
	bool		date1904;
	XmlssHidden hidden;
	size_t		sheets;			/* so far */

	/* where the parser is */
	bool		in_styles;
	bool		in_sheet;
	bool		in_table;
	bool		past_table;		/* a sheet has one */
	bool		in_row;
	bool		in_cell;
	bool		has_data;
	int			data_depth;		/* 1 in <Data>, more inside its markup */
	int			skipped;		/* depth inside what is none of ours */
	int			depth;

	int64_t		row_number;
	int64_t		row_span;		/* further rows that the row stands for, without cells */
	int64_t		column;			/* 0-based, of the cell being read */
	int64_t		next_column;
	bool		row_hidden;		/* and such rows are not wanted */
	int64_t		merged_rows;	/* of the cell */
	DataType	type;
	NumberClass row_class;
	NumberClass class;			/* of the cell */
} XmlssReader;

/* Stops the parser after a handler has failed. */
static void
StopUnless(XmlssReader *book, bool well)
{
	if (well)
		return;
	book->base.row = book->row_number;
	book->base.column = book->in_cell && book->column < INT32_MAX ? (int) book->column + 1 : 0;
	XmlStop(book->xml);
}

static bool
Fail(XmlssReader *book, ReaderStatus status, const char *message)
{
	ReaderFail(&book->base, status, "%s", message);
	return false;
}

/* The class of a style; plain if it is not there. */
static NumberClass
StyleClass(const XmlssReader *book, const char *id)
{
	return NameMapGet(&book->styles, id, id ? strlen(id) : 0, NUMBER_PLAIN);
}

/* Gives the style being read a class. */
static bool
SetStyleClass(XmlssReader *book, NumberClass class)
{
	return NameMapPut(&book->styles, book->style, strlen(book->style), class) ||
		Fail(book, READER_NO_MEMORY, "out of memory");
}

/* A style begins with what its parent is. */
static bool
StartStyle(XmlssReader *book, const char **attributes)
{
	const char *id = XmlAttribute(attributes, "ID");

	free(book->style);
	book->style = strdup(id ? id : "");
	if (book->style == NULL)
		return Fail(book, READER_NO_MEMORY, "out of memory");
	return SetStyleClass(book, StyleClass(book, XmlAttribute(attributes, "Parent")));
}

/* A tag inside <Styles>. */
static bool
StartInStyles(XmlssReader *book, const char *name, const char **attributes)
{
	const char *format;

	if (strcmp(name, "Style") == 0)
		return StartStyle(book, attributes);
	format = strcmp(name, "NumberFormat") == 0 ? XmlAttribute(attributes, "Format") : NULL;
	return format == NULL || book->style == NULL || SetStyleClass(book, ClassifyNamedFormat(format));
}

static bool
StartSheet(XmlssReader *book, const char **attributes)
{
	const char *name = XmlAttribute(attributes, "Name");

	book->in_sheet = true;
	book->past_table = false;
	book->row_number = 0;
	book->row_span = 0;
	book->sheets++;
	return QueueSheet(&book->queue, name ? name : "",
					  book->sheets <= book->hidden.count && book->hidden.hidden[book->sheets - 1]);
}

/* An ss:Index; or the number that comes next, if there is none. */
static int64_t
IndexOr(const char **attributes, int64_t next)
{
	const char *index = XmlAttribute(attributes, "Index");

	return index ? strtoll(index, NULL, 10) : next;
}

/* A count of an attribute, 0 if it is not there or cannot be. */
static int64_t
CountOf(const char **attributes, const char *name)
{
	const char *text = XmlAttribute(attributes, name);
	long long	count = text ? strtoll(text, NULL, 10) : 0;

	return count < 0 ? 0 : count > XLSX_MAX_ROWS ? XLSX_MAX_ROWS : count;
}

static bool
StartRow(XmlssReader *book, const char **attributes)
{
	const char *style = XmlAttribute(attributes, "StyleID");

	book->in_row = true;
	book->row_number = IndexOr(attributes, book->row_number + book->row_span + 1);
	book->row_span = CountOf(attributes, "Span");
	book->next_column = 0;
	book->row_class = StyleClass(book, style);
	book->row_hidden = book->base.options.skip_hidden_rows && CountOf(attributes, "Hidden") == 1;
	if (book->row_number < 1 || book->row_number > XLSX_MAX_ROWS)
		return Fail(book, READER_ERROR, "the row number is not one that a sheet can have");
	return true;
}

static bool
StartCell(XmlssReader *book, const char **attributes)
{
	const char *style = XmlAttribute(attributes, "StyleID");

	book->in_cell = true;
	book->has_data = false;
	book->column = IndexOr(attributes, book->next_column + 1) - 1;
	book->next_column = book->column + 1 + CountOf(attributes, "MergeAcross");
	book->merged_rows = 1 + CountOf(attributes, "MergeDown");
	book->class = style ? StyleClass(book, style) : book->row_class;
	QueueBeginCell(&book->queue);
	if (book->column < 0 || book->column >= XLSX_MAX_COLUMNS)
		return Fail(book, READER_ERROR, "the column is not one that a sheet can have");
	return true;
}

static void
StartData(XmlssReader *book, const char **attributes)
{
	const char *type = XmlAttribute(attributes, "Type");

	book->data_depth = 1;
	book->has_data = true;
	book->type = DATA_STRING;
	if (type == NULL)
		return;
	if (strcmp(type, "Number") == 0)
		book->type = DATA_NUMBER;
	else if (strcmp(type, "DateTime") == 0)
		book->type = DATA_DATETIME;
	else if (strcmp(type, "Boolean") == 0)
		book->type = DATA_BOOLEAN;
	else if (strcmp(type, "Error") == 0)
		book->type = DATA_ERROR;
}

/* A tag inside a worksheet: of what is not known, all that it holds is skipped,
 * comments (which have a <Data> too) among it. */
static bool
StartInSheet(XmlssReader *book, const char *name, const char **attributes)
{
	if (book->data_depth > 0)
		book->data_depth++;		/* rich text: its text counts, its markup does not */
	else if (book->in_cell && !book->has_data && strcmp(name, "Data") == 0)
		StartData(book, attributes);
	else if (!book->in_cell && book->in_row && strcmp(name, "Cell") == 0)
		return StartCell(book, attributes);
	else if (!book->in_row && book->in_table && strcmp(name, "Row") == 0)
		return StartRow(book, attributes);
	else if (!book->in_table && !book->past_table && strcmp(name, "Table") == 0)
		book->in_table = true;
	else
		book->skipped = 1;
	return true;
}

static void
BookStart(void *arg, const char *name, const char **attributes)
{
	XmlssReader *book = arg;
	bool		well = true;

	book->depth++;
	if (book->skipped > 0)
		book->skipped++;
	else if (book->in_sheet)
		well = StartInSheet(book, name, attributes);
	else if (book->in_styles)
		well = StartInStyles(book, name, attributes);
	else if (book->depth == 2 && strcmp(name, "Worksheet") == 0)
		well = StartSheet(book, attributes);
	else if (book->depth == 2 && strcmp(name, "Styles") == 0)
		book->in_styles = true;
	else if (strcmp(name, "Date1904") == 0)
		book->date1904 = true;
	StopUnless(book, well);
}

/* Days since 1970-01-01 of a date in the civil calendar. */
static int64_t
DaysOfDate(int year, int month, int day)
{
	int			shifted = year - (month <= 2);
	int			era = shifted / 400;
	int			year_of_era = shifted - era * 400;
	int			day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * INT64_C(146097) + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* A number of so many digits; -1 if there are not as many. */
static int
Digits(const char *text, int count)
{
	int			number = 0;

	for (int i = 0; i < count; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

/*
 * YYYY-MM-DD[THH:MM:SS[.fff]] -> a serial number, from which the cell's format
 * makes what it shows.  In the 1900 system, as Excel counts it: 0 is 31 December
 * 1899, and 60 a 29 February that never was.
 */
static bool
SerialOfDateTime(const char *text, size_t length, bool date1904, double *serial)
{
	char		copy[32] = "";
	int			year;
	int			month;
	int			day;
	int64_t		days;
	double		seconds = 0;

	if (length < 10 || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	year = Digits(copy, 4);
	month = Digits(copy + 5, 2);
	day = Digits(copy + 8, 2);
	if (copy[4] != '-' || copy[7] != '-' || year < 0 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if (length > 10)
	{
		int			hour = Digits(copy + 11, 2);
		int			minute = length >= 19 ? Digits(copy + 14, 2) : -1;
		int			second = length >= 19 ? Digits(copy + 17, 2) : -1;

		if (copy[10] != 'T' || hour < 0 || minute < 0 || second < 0)
			return false;
		seconds = hour * 3600 + minute * 60 + second + (copy[19] == '.' ? strtod(copy + 19, NULL) : 0);
	}
	days = DaysOfDate(year, month, day);
	if (date1904)
		days -= DaysOfDate(1904, 1, 1);
	else
		days += 25569 - (days < DaysOfDate(1900, 3, 1) && !(year == 1900 && month == 2 && day == 29));
	*serial = days + seconds / SECONDS_PER_DAY;
	return true;
}

/* A date: what the cell's format shows of it; as it is written, if it shows none. */
static CellKind
DateTimeText(const XmlssReader *book, const char *text, size_t length, char out[NUMBER_TEXT_SIZE], size_t *spelled)
{
	double		serial;
	CellKind	kind = CELL_NUMBER;

	if (book->class != NUMBER_PLAIN && SerialOfDateTime(text, length, book->date1904, &serial))
		kind = SerialToText(serial, book->class, book->date1904, out, spelled);
	return kind == CELL_NUMBER ? IsoToText(text, length, out, spelled) : kind;
}

/* A number: plain, or a date if its style says so. */
static CellKind
NumberText(const XmlssReader *book, const char *text, size_t length, char out[NUMBER_TEXT_SIZE], size_t *spelled)
{
	double		serial;
	CellKind	kind = CELL_NUMBER;

	if (book->class != NUMBER_PLAIN && ParseSerial(text, length, &serial))
		kind = SerialToText(serial, book->class, book->date1904, out, spelled);
	if (kind == CELL_NUMBER)
		*spelled = CanonicalNumber(text, length, out);
	return *spelled > 0 ? kind : CELL_TEXT;
}

/* What the cell holds; its text is in the queue then. */
static bool
FinishValue(XmlssReader *book, CellKind *kind)
{
	char		out[NUMBER_TEXT_SIZE];
	size_t		spelled = 0;
	size_t		length;
	const char *text = QueueTrimmedText(&book->queue, &length);

	*kind = CELL_TEXT;
	if (book->type == DATA_STRING)
		return true;
	if (length == 0)
	{
		*kind = CELL_EMPTY;
		return true;
	}
	switch (book->type)
	{
		case DATA_NUMBER:
			*kind = NumberText(book, text, length, out, &spelled);
			break;
		case DATA_DATETIME:
			*kind = DateTimeText(book, text, length, out, &spelled);
			break;
		case DATA_BOOLEAN:
			*kind = CELL_BOOLEAN;
			spelled = *text == '1' || *text == 't' || *text == 'T' ? 4 : 5;
			memcpy(out, spelled == 4 ? "true" : "false", spelled);
			break;
		default:
			*kind = CELL_ERROR;
			return true;
	}
	return *kind == CELL_TEXT || QueueSetText(&book->queue, out, spelled);
}

static bool
EndCell(XmlssReader *book)
{
	CellKind	kind = CELL_EMPTY;

	if (book->has_data && !FinishValue(book, &kind))
		return false;
	if (!QueueCell(&book->queue, book->column, 1, kind))
		return false;
	if (kind != CELL_EMPTY)
		QueueMerge(&book->queue, book->merged_rows, book->next_column - book->column);
	return true;
}

static void
BookEnd(void *arg, const char *name)
{
	XmlssReader *book = arg;
	bool		well = true;

	if (book->base.status != READER_OK)
		return;					/* the parser ends an empty element even when stopped at its start */
	book->depth--;
	if (book->skipped > 0)
		book->skipped--;
	else if (book->data_depth > 0)
		book->data_depth--;
	else if (book->in_cell)
	{
		well = EndCell(book);
		book->in_cell = !well;	/* a failure is this cell's */
	}
	else if (book->in_row)
	{
		if (book->row_hidden)
			QueueDropCells(&book->queue);
		well = QueueRow(&book->queue, book->row_number, 1);
		book->in_row = false;
	}
	else if (book->in_table)
	{
		book->in_table = false;
		book->past_table = true;
	}
	else if (book->in_sheet)
		book->in_sheet = false;
	else if (book->in_styles && strcmp(name, "Styles") == 0)
		book->in_styles = false;
	StopUnless(book, well);
}

static void
BookText(void *arg, const char *text, int length)
{
	XmlssReader *book = arg;

	if (book->data_depth > 0 && book->skipped == 0)
		StopUnless(book, QueueText(&book->queue, text, length));
}

/* Parses one piece. */
static ReaderStatus
Fill(Reader *reader)
{
	XmlssReader *book = (XmlssReader *) reader;
	ReaderStatus status;

	if (book->at_end)
		return READER_END;
	status = XmlStep(book->xml);
	book->at_end = status == READER_END;
	return status;
}

static ReaderStatus
XmlssOpen(Reader *reader)
{
	XmlssReader *book = (XmlssReader *) reader;
	XmlHandler	handler = {book, BookStart, BookEnd, BookText};

	book->queue.reader = reader;
	if (XmlssFindHidden(reader, &book->hidden) != READER_OK)
		return reader->status;
	book->xml = XmlOpen(reader, NULL, "the workbook", &handler);
	if (book->xml == NULL)
		return reader->status;
	XmlExpectPlain(book->xml);
	return READER_OK;
}

static ReaderStatus
XmlssNextSheet(Reader *reader, ReaderSheet *sheet)
{
	return QueueNextSheet(&((XmlssReader *) reader)->queue, Fill, sheet);
}

static ReaderStatus
XmlssNextRow(Reader *reader, ReaderRow *row)
{
	return QueueNextRow(&((XmlssReader *) reader)->queue, Fill, row);
}

static void
XmlssClose(Reader *reader)
{
	XmlssReader *book = (XmlssReader *) reader;

	XmlClose(book->xml);
	QueueFree(&book->queue);
	NameMapFree(&book->styles);
	free(book->style);
	free(book->hidden.hidden);
}

const FormatOps xmlss_format = {"xmlss", sizeof(XmlssReader), XmlssOpen, XmlssNextSheet, XmlssNextRow, XmlssClose};
