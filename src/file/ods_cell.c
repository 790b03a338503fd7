/*
 * ods_cell.c
 *	  One cell of an OpenDocument spreadsheet.
 *
 *	  attributes -> type and value; paragraphs -> the text that is shown
 *	  the value, or the text where there is none -> queue
 *
 * The text is what a program made of the value for the eye: it counts only for
 * strings, for errors, and for values that cannot be read.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/ods.h"
#include "file/xlsx.h"

/* What a cell's office:value-type names. */
static const struct
{
	const char *name;
	OdsType		type;
	const char *attribute;		/* that has the value */
}			types[] =
{
	{"float", ODS_NUMBER, "value"},
	{"percentage", ODS_NUMBER, "value"},
	{"currency", ODS_NUMBER, "value"},
	{"date", ODS_DATE, "date-value"},
	{"time", ODS_TIME, "time-value"},
	{"boolean", ODS_BOOLEAN, "boolean-value"},
	{"string", ODS_STRING, "string-value"},
};

static const char *const error_texts[] = {"#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!"};

/* The type of a cell, and its value's text. */
static bool
SetType(OdsReader *ods, const char *name, const char **attributes)
{
	OdsCell    *cell = &ods->cell;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		const char *value;

		if (strcmp(types[i].name, name) != 0)
			continue;
		cell->type = types[i].type;
		value = XmlAttribute(attributes, types[i].attribute);
		if (value == NULL || BufferAppend(&cell->value, value, strlen(value)))
			return true;
		ReaderFail(&ods->base, READER_NO_MEMORY, "out of memory");
		return false;
	}
	return true;
}

/* Begins a cell. */
bool
OdsStartCell(OdsReader *ods, const char **attributes)
{
	OdsCell    *cell = &ods->cell;
	Buffer		value = cell->value;
	const char *type = NULL;

	memset(cell, 0, sizeof(OdsCell));
	cell->value = value;
	cell->value.length = 0;
	cell->repeat = cell->merged_rows = cell->merged_columns = 1;
	cell->elapsed = OdsElapsedByDefault(ods);
	QueueBeginCell(&ods->queue);
	for (const char **a = attributes; a[0] != NULL; a += 2)
	{
		const char *name = XmlLocalName(a[0]);

		if (strcmp(name, "number-columns-repeated") == 0)
			cell->repeat = OdsRepeat(a[1]);
		else if (strcmp(name, "number-rows-spanned") == 0)
			cell->merged_rows = OdsRepeat(a[1]);
		else if (strcmp(name, "number-columns-spanned") == 0)
			cell->merged_columns = OdsRepeat(a[1]);
		else if (strcmp(name, "formula") == 0)
			cell->formula = true;
		else if (strcmp(name, "style-name") == 0)
			cell->elapsed = OdsHasName(&ods->elapsed_cells, a[1]);
		else if (strcmp(name, "value-type") == 0 && strcmp(a[1], "error") == 0)
			cell->error = true;	/* calcext:value-type, beside office:value-type */
		else if (strcmp(name, "value-type") == 0 && (type == NULL || strncmp(a[0], "office:", 7) == 0))
			type = a[1];
	}
	return type == NULL || SetType(ods, type, attributes);
}

/* Takes the white space in front of what comes now, or at a paragraph's end. */
static bool
FlushSpace(OdsReader *ods, bool at_end)
{
	OdsCell    *cell = &ods->cell;
	PendingSpace space = cell->space;
	size_t		spaces = space == SPACE_LAYOUT ? 1 : cell->spaces;

	cell->space = SPACE_NONE;
	cell->spaces = 0;
	if (space == SPACE_NONE || (space == SPACE_LAYOUT && (at_end || cell->paragraph_empty)))
		return true;
	cell->paragraph_empty = false;
	for (; spaces > 0; spaces--)
	{
		if (!QueueText(&ods->queue, " ", 1))
			return false;
	}
	return true;
}

/* Adds text to the open paragraph as it is. */
static bool
AddText(OdsReader *ods, const char *text, size_t length)
{
	if (!FlushSpace(ods, false))
		return false;
	ods->cell.paragraph_empty = false;
	return QueueText(&ods->queue, text, length);
}

static bool
StartParagraph(OdsReader *ods)
{
	OdsCell    *cell = &ods->cell;

	cell->paragraph = cell->depth;
	cell->paragraph_empty = true;
	cell->space = SPACE_NONE;
	cell->spaces = 0;
	return cell->paragraphs++ == 0 || QueueText(&ods->queue, "\n", 1);
}

/* <text:s text:c="3"/> */
static bool
AddSpaces(OdsReader *ods, const char **attributes)
{
	if (!FlushSpace(ods, false))
		return false;
	ods->cell.paragraph_empty = false;
	return QueueSpaces(&ods->queue, OdsRepeat(XmlAttribute(attributes, "c")));
}

/* Elements inside a paragraph whose text is none of the cell's. */
static bool
IsAside(const char *name)
{
	return strcmp(name, "annotation") == 0 || strcmp(name, "ruby-text") == 0 || strcmp(name, "note") == 0 ||
		strcmp(name, "frame") == 0 || strcmp(name, "table") == 0;
}

/* A tag inside a cell. */
bool
OdsStartInCell(OdsReader *ods, const char *name, const char **attributes)
{
	OdsCell    *cell = &ods->cell;
	bool		well = true;

	if (cell->paragraph > 0 ? IsAside(name) :
		strcmp(name, "p") != 0 && strcmp(name, "h") != 0 && strncmp(name, "list", 4) != 0)
	{
		ods->skipped = 1;		/* comments, pictures, tables in the cell */
		return true;
	}
	cell->depth++;
	if (cell->paragraph == 0)
		return name[0] == 'l' || StartParagraph(ods);
	if (strcmp(name, "s") == 0)
		well = AddSpaces(ods, attributes);
	else if (strcmp(name, "tab") == 0)
		well = AddText(ods, "\t", 1);
	else if (strcmp(name, "line-break") == 0)
		well = AddText(ods, "\n", 1);
	return well;
}

/* The end of a tag inside a cell. */
bool
OdsEndInCell(OdsReader *ods)
{
	OdsCell    *cell = &ods->cell;
	bool		well = true;

	if (cell->depth == cell->paragraph)
	{
		well = FlushSpace(ods, true);
		cell->paragraph = 0;
	}
	cell->depth--;
	return well;
}

/*
 * Text inside a cell.  Spaces count as they are: programs that do not write
 * <text:s> for a second one mean it all the same.  Line ends are the layout of
 * the XML, and at a paragraph's edges no text at all.
 */
bool
OdsTextInCell(OdsReader *ods, const char *text, size_t length)
{
	OdsCell    *cell = &ods->cell;
	size_t		start = 0;

	if (cell->paragraph == 0)
		return true;
	for (size_t i = 0; i < length; i++)
	{
		bool		layout = text[i] == '\n' || text[i] == '\r' || text[i] == '\t';

		if (text[i] != ' ' && !layout)
			continue;
		if (i > start && !AddText(ods, text + start, i - start))
			return false;
		start = i + 1;
		if (cell->space != SPACE_LAYOUT)
			cell->space = layout ? SPACE_LAYOUT : SPACE_PLAIN;
		cell->spaces += !layout;
	}
	return start == length || AddText(ods, text + start, length - start);
}

/* Is the text shown an error's? */
static bool
IsErrorText(const char *text, size_t length)
{
	if (length > 4 && length < 10 && memcmp(text, "Err:", 4) == 0)
	{
		size_t		digits = 4;

		while (digits < length && text[digits] >= '0' && text[digits] <= '9')
			digits++;
		return digits == length;
	}
	for (size_t i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++)
	{
		if (strlen(error_texts[i]) == length && memcmp(error_texts[i], text, length) == 0)
			return true;
	}
	return false;
}

/* The digits of a duration's part, and the letter behind them; NULL if it is none. */
static const char *
DurationPart(const char *p, const char *end, double *number, char *unit)
{
	const char *start = p;
	char		copy[32];

	while (p < end && ((*p >= '0' && *p <= '9') || *p == '.' || *p == ','))
		p++;
	if (p == start || p == end || (size_t) (p - start) >= sizeof(copy))
		return NULL;
	memcpy(copy, start, p - start);
	copy[p - start] = '\0';
	if (strchr(copy, ',') != NULL)
		*strchr(copy, ',') = '.';
	*number = strtod(copy, NULL);
	*unit = *p;
	return p + 1;
}

/* [-]P[nD]T[nH][nM][n[.f]S] -> days; false if it is none, or has months. */
static bool
ParseDuration(const char *text, size_t length, double *days)
{
	const char *p = text;
	const char *end = text + length;
	bool		negative = p < end && *p == '-';
	bool		time = false;
	double		seconds = 0;

	p += negative;
	if (p == end || *p++ != 'P' || p == end)
		return false;
	while (p < end)
	{
		double		number;
		char		unit;

		if (*p == 'T' && !time)
		{
			time = true;
			p++;
			continue;
		}
		p = DurationPart(p, end, &number, &unit);
		if (p == NULL)
			return false;
		if (unit == 'D' && !time)
			seconds += number * 86400;
		else if (unit == 'H' && time)
			seconds += number * 3600;
		else if (unit == 'M' && time)
			seconds += number * 60;
		else if (unit == 'S' && time)
			seconds += number;
		else
			return false;
	}
	*days = (negative ? -seconds : seconds) / 86400;
	return true;
}

/*
 * A duration -> text.  OpenDocument has one type for the time of a day and for
 * a span; within a day, the cell's style tells them apart.
 */
static CellKind
TimeText(const OdsCell *cell, char out[NUMBER_TEXT_SIZE], size_t *length)
{
	double		days;
	bool		span;

	if (!ParseDuration(cell->value.data, cell->value.length, &days))
		return CELL_TEXT;
	span = cell->elapsed || days < 0 || llround(days * 86400000) >= 86400000;
	return SerialToText(days, span ? NUMBER_INTERVAL : NUMBER_TIME, false, out, length);
}

/* A value that is none of a string -> its kind; CELL_TEXT if it cannot be read. */
static CellKind
TypedValue(const OdsCell *cell, char out[NUMBER_TEXT_SIZE], size_t *length)
{
	const char *text = cell->value.data;
	size_t		given = cell->value.length;
	CellKind	kind = CELL_TEXT;
	double		number;
	bool		truth;

	*length = 0;
	if (given == 0)
		return CELL_TEXT;
	switch (cell->type)
	{
		case ODS_NUMBER:
			*length = CanonicalNumber(text, given, out);
			return *length > 0 ? CELL_NUMBER : CELL_TEXT;
		case ODS_DATE:
			return IsoToText(text, given, out, length);
		case ODS_TIME:
			kind = TimeText(cell, out, length);
			return kind == CELL_NUMBER ? CELL_TEXT : kind;
		case ODS_BOOLEAN:
			/* LibreOffice may write a number of which it shows the truth */
			truth = text[0] == 't' || (ParseSerial(text, given, &number) && number != 0);
			*length = truth ? 4 : 5;
			memcpy(out, truth ? "true" : "false", *length);
			return CELL_BOOLEAN;
		default:
			return CELL_TEXT;
	}
}

/* What the cell holds; its text is in the queue then. */
static bool
FinishValue(OdsReader *ods, CellKind *kind)
{
	OdsCell    *cell = &ods->cell;
	char		out[NUMBER_TEXT_SIZE];
	size_t		length;
	size_t		shown_length;
	const char *shown = QueueCellText(&ods->queue, &shown_length);

	if (shown_length > 0 && (cell->error || (cell->formula && IsErrorText(shown, shown_length))))
	{
		*kind = CELL_ERROR;
		return true;
	}
	if (cell->type == ODS_NONE)
	{
		*kind = shown_length > 0 ? CELL_TEXT : CELL_EMPTY;
		return true;
	}
	*kind = TypedValue(cell, out, &length);
	if (*kind != CELL_TEXT)
		return QueueSetText(&ods->queue, out, length);
	/* a string's attribute is the value, its paragraphs only how it is shown;
	 * of another type, what is shown is the best there is */
	if (cell->value.length > 0 && (cell->type == ODS_STRING || shown_length == 0))
		return QueueSetText(&ods->queue, cell->value.data, cell->value.length);
	return true;
}

/* Ends a cell. */
bool
OdsEndCell(OdsReader *ods)
{
	CellKind	kind;

	if (!FinishValue(ods, &kind) || !QueueCell(&ods->queue, ods->column, ods->cell.repeat, kind))
		return false;
	if (kind != CELL_EMPTY)
		QueueMerge(&ods->queue, ods->cell.merged_rows, ods->cell.merged_columns);
	return true;
}
