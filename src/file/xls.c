/*
 * xls.c
 *	  Older Excel workbooks (.xls) behind the reader contract.
 */
#include "file/xls.h"

#include <stdlib.h>

/*
 * Opens the stream of records: of the compound file that has it under one of
 * two names, or the file itself.
 */
static ReaderStatus
OpenStream(XlsReader *xls)
{
	static const char *const names[] = {"Workbook", "Book"};	/* version 8, version 5 */
	Reader	   *reader = &xls->base;
	unsigned char magic[4];
	ReaderStatus status;
	uint32_t	entry;

	xls->size = reader->total;
	if (ReadAt(reader->fd, magic, sizeof(magic), 0) == sizeof(magic) && GetU32(magic) != 0xE011CFD0)
		return READER_OK;
	xls->ole = OleOpen(reader);
	if (xls->ole == NULL)
		return reader->status;
	status = OleFind(xls->ole, "EncryptedPackage", &entry);
	if (status == READER_OK)
		return ReaderFail(reader, READER_UNSUPPORTED,
						  "this is a password-protected workbook; save it without a password");
	for (size_t i = 0; i < 2 && status == READER_END; i++)
		status = OleFind(xls->ole, names[i], &entry);
	if (status == READER_END)
		return ReaderFail(reader, READER_UNSUPPORTED, "this is an OLE2 compound file without an Excel workbook in it");
	if (status != READER_OK)
		return status;
	xls->stream = OleOpenStream(xls->ole, entry);
	if (xls->stream == NULL)
		return reader->status;
	xls->size = OleStreamSize(xls->stream);
	return READER_OK;
}

/* Opens the workbook: container, sheets, formats, shared strings. */
static ReaderStatus
XlsOpen(Reader *reader)
{
	XlsReader  *xls = (XlsReader *) reader;
	ReaderStatus status = OpenStream(xls);

	return status == READER_OK ? XlsReadBook(xls) : status;
}

/* Steps to the next sheet that holds cells. */
static ReaderStatus
XlsNextSheet(Reader *reader, ReaderSheet *sheet)
{
	XlsReader  *xls = (XlsReader *) reader;
	XlsSheet   *found;

	XlsCloseSheet(xls->sheet);
	xls->sheet = NULL;
	while (xls->next_sheet < xls->nsheets && xls->sheets[xls->next_sheet].no_cells)
		xls->next_sheet++;
	if (xls->next_sheet == xls->nsheets)
		return READER_END;
	found = &xls->sheets[xls->next_sheet];
	sheet->name = found->name;
	sheet->index = xls->next_sheet++;
	sheet->hidden = found->hidden;
	xls->sheet = XlsOpenSheet(xls, found->position);
	return xls->sheet == NULL ? reader->status : READER_OK;
}

static ReaderStatus
XlsRow(Reader *reader, ReaderRow *row)
{
	XlsReader  *xls = (XlsReader *) reader;

	return xls->sheet == NULL ? READER_END : XlsNextRow(xls->sheet, row);
}

static void
XlsClose(Reader *reader)
{
	XlsReader  *xls = (XlsReader *) reader;

	XlsCloseSheet(xls->sheet);
	OleCloseStream(xls->stream);
	OleClose(xls->ole);
	BufferFree(&xls->window);
	BufferFree(&xls->scratch);
	if (xls->iconv_open)
		iconv_close(xls->iconv);
	free(xls->styles);
	BufferFree(&xls->strings.arena);
	free(xls->strings.starts);
	for (size_t i = 0; i < xls->nsheets; i++)
		free(xls->sheets[i].name);
	free(xls->sheets);
}

const FormatOps xls_format = {"xls", sizeof(XlsReader), XlsOpen, XlsNextSheet, XlsRow, XlsClose};
