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

/* Steps to the next sheet that holds cells. */
static ReaderStatus
XlsxNextSheet(Reader *reader, ReaderSheet *sheet)
{
	XlsxReader *xlsx = (XlsxReader *) reader;
	XlsxSheet  *found;

	XlsxCloseSheet(xlsx->sheet);
	xlsx->sheet = NULL;
	while (xlsx->next_sheet < xlsx->nsheets && xlsx->sheets[xlsx->next_sheet].no_cells)
		xlsx->next_sheet++;
	if (xlsx->next_sheet == xlsx->nsheets)
		return READER_END;
	found = &xlsx->sheets[xlsx->next_sheet];
	if (found->path == NULL)
		return ReaderFail(reader, READER_ERROR, "the workbook does not say where its sheet \"%s\" is", found->name);
	sheet->name = found->name;
	sheet->index = xlsx->next_sheet++;
	sheet->hidden = found->hidden;
	if (XlsxReadStrings(xlsx) != READER_OK)
		return reader->status;
	xlsx->sheet = XlsxOpenSheet(xlsx, found->path);
	return xlsx->sheet == NULL ? reader->status : READER_OK;
}

static ReaderStatus
XlsxRow(Reader *reader, ReaderRow *row)
{
	XlsxReader *xlsx = (XlsxReader *) reader;

	return xlsx->sheet == NULL ? READER_END : XlsxNextRow(xlsx->sheet, row);
}

static void
XlsxClose(Reader *reader)
{
	XlsxReader *xlsx = (XlsxReader *) reader;

	XlsxCloseSheet(xlsx->sheet);
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

const FormatOps xlsx_format = {"xlsx", sizeof(XlsxReader), XlsxOpen, XlsxNextSheet, XlsxRow, XlsxClose};
