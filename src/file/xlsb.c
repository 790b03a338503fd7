/*
 * xlsb.c
 *	  Binary Excel workbooks (.xlsb) behind the reader contract.
 */
#include "file/xlsb.h"

/* Opens the workbook: directory, sheets, styles.  Strings wait for a sheet. */
static ReaderStatus
XlsbOpen(Reader *reader)
{
	XlsxReader *book = &((XlsbReader *) reader)->book;
	ReaderStatus status;

	book->container = ContainerOpen(reader);
	if (book->container == NULL)
		return reader->status;
	status = XlsbReadBook(book);
	return status == READER_OK ? XlsbReadStyles(book) : status;
}

/* Steps to the next sheet that holds cells. */
static ReaderStatus
XlsbNextSheet(Reader *reader, ReaderSheet *sheet)
{
	XlsbReader *xlsb = (XlsbReader *) reader;
	const char *path;
	ReaderStatus status;

	XlsbCloseSheet(xlsb->sheet);
	xlsb->sheet = NULL;
	status = XlsxStepSheet(&xlsb->book, sheet, &path);
	if (status == READER_OK)
		status = XlsbReadStrings(&xlsb->book);
	if (status != READER_OK)
		return status;
	xlsb->sheet = XlsbOpenSheet(&xlsb->book, path);
	return xlsb->sheet == NULL ? reader->status : READER_OK;
}

static ReaderStatus
XlsbRow(Reader *reader, ReaderRow *row)
{
	XlsbReader *xlsb = (XlsbReader *) reader;

	return xlsb->sheet == NULL ? READER_END : XlsbNextRow(xlsb->sheet, row);
}

static void
XlsbClose(Reader *reader)
{
	XlsbReader *xlsb = (XlsbReader *) reader;

	XlsbCloseSheet(xlsb->sheet);
	XlsxFreeBook(&xlsb->book);
}

const FormatOps xlsb_format = {"xlsb", sizeof(XlsbReader), XlsbOpen, XlsbNextSheet, XlsbRow, XlsbClose};
