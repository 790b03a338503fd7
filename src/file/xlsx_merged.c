/*
 * xlsx_merged.c
 *	  Which cells of a sheet are merged.
 *
 * The sheet says so behind its rows: where somebody wants to know, it is gone
 * through once before these are read.
 */
#include <stdlib.h>
#include <string.h>

#include "file/merged.h"
#include "file/xlsx.h"

typedef struct MergedParse
{
	XlsxReader *xlsx;
	Xml		   *xml;
} MergedParse;

/* "B3" -> a place; NULL if it is none, else what is behind it. */
static const char *
ParsePlace(const char *text, int64_t *row, int *column)
{
	char	   *end;

	*column = XlsxColumn(text);
	text += strspn(text, "$abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	text += *text == '$';
	*row = strtoll(text, &end, 10);
	return end == text || *column < 0 || *column >= XLSX_MAX_COLUMNS || *row < 1 || *row > XLSX_MAX_ROWS ? NULL : end;
}

static void
MergedStart(void *arg, const char *name, const char **attributes)
{
	MergedParse *parse = arg;
	const char *reference = strcmp(name, "mergeCell") == 0 ? XmlAttribute(attributes, "ref") : NULL;
	const char *end;
	MergedRange range;

	if (reference == NULL)
		return;
	end = ParsePlace(reference, &range.first_row, &range.first_column);
	if (end == NULL || *end != ':' || ParsePlace(end + 1, &range.last_row, &range.last_column) == NULL)
		return;
	if (MergedAdd(&parse->xlsx->base, &range) != READER_OK)
		XmlStop(parse->xml);
}

/* Text tells nothing; but a parser that hears nothing for long gives up. */
static void
MergedText(void *arg, const char *text, int length)
{
	(void) arg;
	(void) text;
	(void) length;
}

/* Finds the merged cells of the sheet in a part, if somebody wants them. */
ReaderStatus
XlsxFindMerged(XlsxReader *xlsx, const char *path)
{
	MergedParse parse = {.xlsx = xlsx};
	XmlHandler	handler = {&parse, MergedStart, NULL, MergedText};
	ReaderStatus status;

	if (!MergedWanted(&xlsx->base, 1))
		return READER_OK;
	parse.xml = XmlOpen(&xlsx->base, xlsx->container, path, &handler);
	if (parse.xml == NULL)
		return xlsx->base.status;
	do
		status = XmlStep(parse.xml);
	while (status == READER_OK);
	XmlClose(parse.xml);
	return status == READER_END ? READER_OK : status;
}
