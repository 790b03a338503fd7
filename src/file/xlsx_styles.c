/*
 * xlsx_styles.c
 *	  Which cell styles show a number as a date.
 *
 *	  numFmts (codes by id) + cellXfs (id by style) -> class by style
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file/xlsx.h"

#define MAX_FORMATS 65536

typedef struct CustomFormat
{
	long		id;
	NumberClass class;
} CustomFormat;

typedef struct StyleParse
{
	XlsxReader *xlsx;
	CustomFormat *formats;
	size_t		nformats;
	bool		in_cell_xfs;
	bool		failed;			/* out of memory */
} StyleParse;

/* Formats that Excel knows by number alone. */
static NumberClass
BuiltInClass(long id)
{
	if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 54) || id == 57 ||
		id == 58)
		return NUMBER_DATE;
	if (id == 22)
		return NUMBER_TIMESTAMP;
	if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id == 45 || id == 47 || id == 55 || id == 56)
		return NUMBER_TIME;
	return id == 46 ? NUMBER_INTERVAL : NUMBER_PLAIN;
}

/* [h], [mm], [sss]: elapsed time. */
static bool
IsElapsed(const char *bracket, const char *end)
{
	char		letter = bracket[1] | 0x20;

	if (letter != 'h' && letter != 'm' && letter != 's')
		return false;
	for (const char *p = bracket + 1; p < end; p++)
	{
		if ((*p | 0x20) != letter)
			return false;
	}
	return true;
}

/*
 * What a format code makes of a number: its first section, without quoted
 * text, escaped characters, padding, colours and currencies.
 */
NumberClass
ClassifyNumberFormat(const char *code)
{
	bool		date = false;
	bool		time = false;
	bool		month_or_minute = false;

	for (const char *p = code; *p != '\0' && *p != ';'; p++)
	{
		const char *end;

		if (*p == '"' || *p == '[')
		{
			end = strchr(p + 1, *p == '"' ? '"' : ']');
			if (end == NULL)
				break;
			if (*p == '[' && IsElapsed(p, end))
				return NUMBER_INTERVAL;
			p = end;
		}
		else if ((*p == '\\' || *p == '_' || *p == '*') && p[1] != '\0')
			p++;
		else if (strncasecmp(p, "general", 7) == 0)
			return NUMBER_PLAIN;
		else if (strchr("yYdDeEgGbB", *p) != NULL)
		{
			/* e after a digit mark is an exponent */
			if ((*p == 'e' || *p == 'E') && (p[1] == '+' || p[1] == '-'))
				return NUMBER_PLAIN;
			date = true;
		}
		else if (strchr("hHsS", *p) != NULL)
			time = true;
		else if (*p == 'm' || *p == 'M')
			month_or_minute = true;
		else if (strncasecmp(p, "am/pm", 5) == 0 || strncasecmp(p, "a/p", 3) == 0)
			time = true;
	}
	if (date && time)
		return NUMBER_TIMESTAMP;
	if (time)
		return NUMBER_TIME;
	return date || month_or_minute ? NUMBER_DATE : NUMBER_PLAIN;
}

static NumberClass
FormatClass(const StyleParse *parse, long id)
{
	/* a file may redefine what is built in */
	for (size_t i = 0; i < parse->nformats; i++)
	{
		if (parse->formats[i].id == id)
			return parse->formats[i].class;
	}
	return BuiltInClass(id);
}

static void
AddFormat(StyleParse *parse, const char **attributes)
{
	const char *id = XmlAttribute(attributes, "numFmtId");
	const char *code = XmlAttribute(attributes, "formatCode");
	CustomFormat *formats;

	if (id == NULL || code == NULL || parse->nformats == MAX_FORMATS)
		return;
	formats = realloc(parse->formats, sizeof(CustomFormat) * (parse->nformats + 1));
	if (formats == NULL)
	{
		parse->failed = true;
		return;
	}
	parse->formats = formats;
	formats[parse->nformats].id = strtol(id, NULL, 10);
	formats[parse->nformats++].class = ClassifyNumberFormat(code);
}

static void
AddStyle(StyleParse *parse, const char **attributes)
{
	XlsxReader *xlsx = parse->xlsx;
	const char *id = XmlAttribute(attributes, "numFmtId");
	uint8_t    *classes;

	if (xlsx->nclasses == MAX_FORMATS)
		return;
	classes = realloc(xlsx->classes, xlsx->nclasses + 1);
	if (classes == NULL)
	{
		parse->failed = true;
		return;
	}
	xlsx->classes = classes;
	classes[xlsx->nclasses++] = id ? FormatClass(parse, strtol(id, NULL, 10)) : NUMBER_PLAIN;
}

static void
StyleStart(void *arg, const char *name, const char **attributes)
{
	StyleParse *parse = arg;

	if (strcmp(name, "numFmt") == 0)
		AddFormat(parse, attributes);
	else if (strcmp(name, "cellXfs") == 0)
		parse->in_cell_xfs = true;
	else if (parse->in_cell_xfs && strcmp(name, "xf") == 0)
		AddStyle(parse, attributes);
}

static void
StyleEnd(void *arg, const char *name)
{
	StyleParse *parse = arg;

	if (strcmp(name, "cellXfs") == 0)
		parse->in_cell_xfs = false;
}

/* Reads the styles, if the workbook has any. */
ReaderStatus
XlsxReadStyles(XlsxReader *xlsx)
{
	StyleParse	parse = {.xlsx = xlsx};
	XmlHandler	handler = {&parse, StyleStart, StyleEnd, NULL};
	ReaderStatus status;

	if (xlsx->styles_path == NULL)
		return READER_OK;
	status = XmlParse(&xlsx->base, xlsx->container, xlsx->styles_path, &handler);
	free(parse.formats);
	if (parse.failed)
		return ReaderFail(&xlsx->base, READER_NO_MEMORY, "out of memory");
	return status;
}
