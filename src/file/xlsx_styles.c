/*
 * xlsx_styles.c
 *	  Which cell styles show a number as a date.
 *
 *	  numFmts (codes by id) + cellXfs (id by style) -> class by style
 */
#include <stdlib.h>
#include <string.h>

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

static NumberClass
FormatClass(const StyleParse *parse, long id)
{
	/* a file may redefine what is built in */
	for (size_t i = 0; i < parse->nformats; i++)
	{
		if (parse->formats[i].id == id)
			return parse->formats[i].class;
	}
	return BuiltInNumberClass(id);
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
