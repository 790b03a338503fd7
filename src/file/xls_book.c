/*
 * xls_book.c
 *	  What the records of the workbook say: its sheets and where they begin,
 *	  code page, calendar, number formats, styles, shared strings.
 *
 * Versions 5 and 8 have these records in a substream of their own, in front of
 * the sheets.  Before them a file was one sheet that held all of it; version 4
 * could already bind such sheets together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/xls.h"

#define DATEMODE 0x0022
#define CODEPAGE 0x0042
#define BOUNDSHEET 0x0085
#define SHEET_HEADER 0x008F
#define SST 0x00FC
#define FORMAT2 0x001E
#define FORMAT4 0x041E
#define XF2 0x0043
#define XF3 0x0243
#define XF4 0x0443
#define XF5 0x00E0

#define SHEET_OF_CELLS 0		/* kind in BOUNDSHEET */
#define DEFAULT_NAME "Sheet1"

/* What a number format makes of a number. */
NumberClass
XlsFormatClass(const XlsReader *xls, uint16_t format)
{
	/* a file may redefine what is built in */
	return xls->formats[format] > 0 ? xls->formats[format] - 1 : (int) BuiltInNumberClass(format);
}

/* What a cell style makes of a number. */
NumberClass
XlsStyleClass(const XlsReader *xls, uint16_t style)
{
	return style < xls->nstyles ? XlsFormatClass(xls, xls->styles[style]) : NUMBER_PLAIN;
}

/* Adds a number format.  Versions before 5 number them by their order. */
static ReaderStatus
AddFormat(XlsReader *xls, const XlsRecord *record)
{
	XlsPayload	payload;
	Buffer		code = {0};
	ReaderStatus status;
	int			id = xls->version >= 5 && record->length >= 2 ? GetU16(record->data) : (int) xls->nformats;

	if (id > UINT16_MAX || (xls->version >= 5 && record->type == FORMAT2))
		return READER_OK;
	XlsBeginPayload(&payload, record, record->type == FORMAT4 ? 2 : 0);
	status = XlsTakeText(xls, &payload, xls->version == 8 ? 2 : 1, &code);
	if (status == READER_OK && !BufferAppend(&code, "", 1))
		status = XlsOutOfMemory(xls);
	if (status == READER_OK)
	{
		xls->formats[id] = 1 + ClassifyNumberFormat(code.data);
		xls->nformats++;
	}
	BufferFree(&code);
	return status;
}

/* A cell style: all that matters of it is its number format. */
static ReaderStatus
AddStyle(XlsReader *xls, const XlsRecord *record)
{
	int			at = record->type == XF2 ? 2 : record->type == XF5 ? 2 : 1;

	if (record->length < at + 2)
		return XlsDamaged(xls, "a cell style is cut short");
	if (xls->nstyles > UINT16_MAX)
		return READER_OK;
	if (!GrowArray((void **) &xls->styles, &xls->style_capacity, xls->nstyles, sizeof(uint16_t)))
		return XlsOutOfMemory(xls);
	xls->styles[xls->nstyles++] = record->type == XF5 ? GetU16(record->data + at) :
		record->type == XF2 ? record->data[at] & 0x3F : record->data[at];
	return READER_OK;
}

/* The code page of texts; version 8 has no need of one. */
static void
SetCodepage(XlsReader *xls, int codepage)
{
	/* ASCII; windows-1252 by its other number; and UTF-16, in which no text
	 * before version 8 is */
	if (codepage == 0 || codepage == 367 || codepage == 0x8001 || codepage == 1200)
		codepage = XLS_WINDOWS_1252;
	if (xls->iconv_open && codepage != xls->codepage)
	{
		iconv_close(xls->iconv);
		xls->iconv_open = false;
	}
	xls->codepage = codepage;
}

/* Adds a sheet; its name is in the payload. */
static ReaderStatus
AddSheet(XlsReader *xls, XlsPayload *payload, uint64_t position)
{
	Buffer		name = {0};
	ReaderStatus status = READER_OK;

	if (!GrowArray((void **) &xls->sheets, &xls->sheet_capacity, xls->nsheets, sizeof(XlsSheet)))
		return XlsOutOfMemory(xls);
	if (payload == NULL)
		BufferAppend(&name, DEFAULT_NAME, strlen(DEFAULT_NAME));
	else
		status = XlsTakeText(xls, payload, 1, &name);
	if (status == READER_OK && !BufferAppend(&name, "", 1))
		status = XlsOutOfMemory(xls);
	if (status != READER_OK)
	{
		BufferFree(&name);
		return status;
	}
	memset(&xls->sheets[xls->nsheets], 0, sizeof(XlsSheet));
	xls->sheets[xls->nsheets].name = name.data;
	xls->sheets[xls->nsheets++].position = position;
	return READER_OK;
}

/* A sheet of version 5 or 8: where it begins, whether it is shown, its kind. */
static ReaderStatus
AddBoundSheet(XlsReader *xls, const XlsRecord *record)
{
	uint32_t	position;
	bool		hidden;
	bool		no_cells;
	XlsPayload	payload;

	if (record->length < 7)
		return XlsDamaged(xls, "the list of its sheets is cut short");
	position = GetU32(record->data);
	hidden = (record->data[4] & 3) != 0;
	no_cells = record->data[5] != SHEET_OF_CELLS;
	XlsBeginPayload(&payload, record, 6);
	if (AddSheet(xls, &payload, position) != READER_OK)
		return xls->base.status;
	xls->sheets[xls->nsheets - 1].hidden = hidden;
	xls->sheets[xls->nsheets - 1].no_cells = no_cells;
	return READER_OK;
}

/* A sheet of a workbook of version 4: it follows its header. */
static ReaderStatus
AddSheet4(XlsReader *xls, const XlsRecord *record)
{
	XlsPayload	payload;
	uint64_t	position = record->next;

	XlsBeginPayload(&payload, record, 4);
	return AddSheet(xls, &payload, position);
}

/* Takes over what a record says of the workbook as a whole. */
ReaderStatus
XlsBookRecord(XlsReader *xls, const XlsRecord *record)
{
	switch (record->type)
	{
		case XLS_FILEPASS:
			return ReaderFail(&xls->base, READER_UNSUPPORTED,
							  "this is a password-protected workbook; save it without a password");
		case DATEMODE:
			if (record->length >= 2)
				xls->date1904 = GetU16(record->data) == 1;
			return READER_OK;
		case CODEPAGE:
			if (record->length >= 2)
				SetCodepage(xls, GetU16(record->data));
			return READER_OK;
		case FORMAT2:
		case FORMAT4:
			return AddFormat(xls, record);
		case XF2:
		case XF3:
		case XF4:
		case XF5:
			return AddStyle(xls, record);
		case SST:
			return XlsReadStrings(xls, record);
		case BOUNDSHEET:
			return xls->version >= 5 ? AddBoundSheet(xls, record) : READER_OK;
		case SHEET_HEADER:
			return xls->version == 4 ? AddSheet4(xls, record) : READER_OK;
		default:
			return READER_OK;
	}
}

/* The version of the format, by the first record. */
static ReaderStatus
SetVersion(XlsReader *xls, const XlsRecord *bof)
{
	uint16_t	version = bof->length >= 2 ? GetU16(bof->data) : 0;

	if (!XlsIsBof(bof) || bof->length < 4)
		return XlsDamaged(xls, "it does not begin as one");
	if (bof->type == XLS_BOF5 && version != 0x0500 && version != 0x0600)
		return ReaderFail(&xls->base, READER_UNSUPPORTED, "this is an Excel workbook of an unknown version (%04x)",
						  version);
	xls->version = bof->type == XLS_BOF5 ? (version == 0x0600 ? 8 : 5) :
		bof->type == XLS_BOF4 ? 4 : bof->type == XLS_BOF3 ? 3 : 2;
	xls->codepage = XLS_WINDOWS_1252;
	snprintf(xls->base.detected, sizeof(xls->base.detected), "version=%d", xls->version);
	return READER_OK;
}

/* Reads the substream of the workbook to its end. */
static ReaderStatus
ReadGlobals(XlsReader *xls, XlsRecord *record)
{
	int			depth = 1;

	while (depth > 0)
	{
		ReaderStatus status = XlsReadRecord(xls, record->next, record);

		if (status != READER_OK)
			return status;
		if (XlsIsBof(record))
			depth++;
		else if (record->type == XLS_EOF)
			depth--;
		else if (depth == 1)
		{
			XlsRecord	kept = *record;

			status = XlsBookRecord(xls, &kept);
			if (status != READER_OK)
				return status;
		}
	}
	return READER_OK;
}

/* Reads all that is said of the workbook as a whole. */
ReaderStatus
XlsReadBook(XlsReader *xls)
{
	XlsRecord	record;
	uint16_t	kind;
	ReaderStatus status = XlsReadRecord(xls, 0, &record);

	if (status == READER_OK)
		status = SetVersion(xls, &record);
	if (status != READER_OK)
		return status;
	kind = GetU16(record.data + 2);
	if (kind != XLS_BOOK && kind != XLS_BOOK4)
		return AddSheet(xls, NULL, 0);
	return ReadGlobals(xls, &record);
}
