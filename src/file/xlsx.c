/*
 * xlsx.c
 *	  Excel workbooks (.xlsx, .xlsm) behind the reader contract.
 */
#include "file/xlsx.h"

#include <stdlib.h>

/* Opens the workbook: directory, sheets, styles.  Strings wait for a sheet. */
static ReaderStatus
XlsxOpen(Reader *reader)
{
	XlsxReader *xlsx = (XlsxReader *) reader;
	ReaderStatus status;

	xlsx->container = ContainerOpen(reader);
	if (xlsx->container == NULL)
		return reader->status;
	status = XlsxReadBook(xlsx);
	return status == READER_OK ? XlsxReadStyles(xlsx) : status;
}

/* Steps to the next sheet that holds cells, and says in which part they are. */
ReaderStatus
XlsxStepSheet(XlsxReader *xlsx, ReaderSheet *sheet, const char **path)
{
	XlsxSheet  *found;

	while (xlsx->next_sheet < xlsx->nsheets && xlsx->sheets[xlsx->next_sheet].no_cells)
		xlsx->next_sheet++;
	if (xlsx->next_sheet == xlsx->nsheets)
		return READER_END;
	found = &xlsx->sheets[xlsx->next_sheet];
	if (found->path == NULL)
		return ReaderFail(&xlsx->base, READER_ERROR, "the workbook does not say where its sheet \"%s\" is", found->name);
	sheet->name = found->name;
	sheet->index = xlsx->next_sheet++;
	sheet->hidden = found->hidden;
	*path = found->path;
	return READER_OK;
}

static ReaderStatus
XlsxNextSheet(Reader *reader, ReaderSheet *sheet)
{
	XlsxReader *xlsx = (XlsxReader *) reader;
	const char *path;
	ReaderStatus status;

	XlsxCloseSheet(xlsx->sheet);
	xlsx->sheet = NULL;
	status = XlsxStepSheet(xlsx, sheet, &path);
	if (status != READER_OK || XlsxReadStrings(xlsx) != READER_OK || XlsxFindMerged(xlsx, path) != READER_OK)
		return status != READER_OK ? status : reader->status;
	xlsx->sheet = XlsxOpenSheet(xlsx, path);
	return xlsx->sheet == NULL ? reader->status : READER_OK;
}

static ReaderStatus
XlsxRow(Reader *reader, ReaderRow *row)
{
	XlsxReader *xlsx = (XlsxReader *) reader;

	return xlsx->sheet == NULL ? READER_END : XlsxNextRow(xlsx->sheet, row);
}

/* Frees the workbook: its directory, list of sheets, styles and strings. */
void
XlsxFreeBook(XlsxReader *xlsx)
{
	ContainerClose(xlsx->container);
	for (int i = 0; i < xlsx->nsheets; i++)
	{
		free(xlsx->sheets[i].name);
		free(xlsx->sheets[i].path);
		free(xlsx->sheets[i].relation);
	}
	free(xlsx->sheets);
	free(xlsx->strings_path);
	free(xlsx->styles_path);
	free(xlsx->classes);
	XlsxFreeStrings(&xlsx->strings);
}

static void
XlsxClose(Reader *reader)
{
	XlsxReader *xlsx = (XlsxReader *) reader;

	XlsxCloseSheet(xlsx->sheet);
	XlsxFreeBook(xlsx);
}

const FormatOps xlsx_format = {"xlsx", sizeof(XlsxReader), XlsxOpen, XlsxNextSheet, XlsxRow, XlsxClose};
