/*
 * xls_record.c
 *	  The records of a workbook's stream.
 *
 *	  compound file or plain file -> window -> type, length, bytes
 *
 * A record has at most 65,535 bytes.  What is longer goes on in CONTINUE
 * records behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "file/xls.h"

#define FIRST_BYTES 4096		/* of the window, when it goes somewhere else */
#define WINDOW_BYTES (128 * 1024)	/* at most: holds any record */
#define RECORD_HEADER 4

ReaderStatus
XlsDamaged(XlsReader *xls, const char *what)
{
	return ReaderFail(&xls->base, READER_ERROR, "the workbook is damaged: %s", what);
}

ReaderStatus
XlsOutOfMemory(XlsReader *xls)
{
	return ReaderFail(&xls->base, READER_NO_MEMORY, "out of memory");
}

/*
 * Lets the window begin at a position and hold so many bytes, if they are there.
 * It grows while it moves on, so that a stream read from end to end takes few
 * calls, and cells that are scattered over it cost no more than a small window
 * each.
 */
static ReaderStatus
MoveWindow(XlsReader *xls, uint64_t position, size_t length)
{
	Reader	   *reader = &xls->base;
	bool		onward = position >= xls->window_start && position - xls->window_start <= xls->window.length;
	ptrdiff_t	got;

	if (reader->options.interrupted != NULL && reader->options.interrupted())
		return ReaderFail(reader, READER_CANCELLED, "cancelled");
	xls->window_bytes = onward ? xls->window_bytes * 2 : FIRST_BYTES;
	if (xls->window_bytes > WINDOW_BYTES)
		xls->window_bytes = WINDOW_BYTES;
	if (xls->window_bytes < length)
		xls->window_bytes = length;
	xls->window.length = 0;
	if (!BufferReserve(&xls->window, xls->window_bytes))
		return XlsOutOfMemory(xls);
	if (xls->stream != NULL)
		got = OleRead(xls->stream, xls->window.data, xls->window_bytes, position);
	else
	{
		got = ReadAt(reader->fd, xls->window.data, xls->window_bytes, position);
		if (got < 0)
			ReaderFail(reader, READER_ERROR, "could not read the file");
	}
	if (got < 0)
		return reader->status;
	xls->window.length = got;
	xls->window_start = position;
	if (reader->done < position + got)
		reader->done = position + got;
	return READER_OK;
}

/* The bytes at a position; NULL without a failure if there are not so many. */
static const unsigned char *
Window(XlsReader *xls, uint64_t position, size_t length)
{
	if (position > xls->size || length > xls->size - position)
		return NULL;
	if ((position < xls->window_start || position - xls->window_start > xls->window.length ||
		 xls->window.length - (position - xls->window_start) < length) &&
		MoveWindow(xls, position, length) != READER_OK)
		return NULL;
	if (xls->window.length - (position - xls->window_start) < length)
		return NULL;			/* the file became shorter */
	return (unsigned char *) xls->window.data + (position - xls->window_start);
}

/* Reads the record at a position. */
ReaderStatus
XlsReadRecord(XlsReader *xls, uint64_t position, XlsRecord *record)
{
	const unsigned char *header = Window(xls, position, RECORD_HEADER);

	if (header != NULL)
	{
		record->type = GetU16(header);
		record->length = GetU16(header + 2);
		record->position = position;
		record->next = position + RECORD_HEADER + record->length;
		record->data = Window(xls, position, RECORD_HEADER + (size_t) record->length);
		if (record->data != NULL)
		{
			record->data += RECORD_HEADER;
			return READER_OK;
		}
	}
	if (xls->base.status != READER_OK)
		return xls->base.status;
	return XlsDamaged(xls, "its records end too early");
}

/* Does the record begin a substream? */
bool
XlsIsBof(const XlsRecord *record)
{
	return record->type == XLS_BOF5 || record->type == XLS_BOF4 || record->type == XLS_BOF3 ||
		record->type == XLS_BOF2;
}

/* Begins to read a record from a byte of it on. */
void
XlsBeginPayload(XlsPayload *payload, const XlsRecord *record, uint16_t at)
{
	payload->record = *record;
	payload->at = at < record->length ? at : record->length;
}

/* Steps to the next continuing record. */
ReaderStatus
XlsContinue(XlsReader *xls, XlsPayload *payload)
{
	XlsRecord	next;
	ReaderStatus status;

	/* the end of the stream is not this record's concern */
	if (payload->record.next >= xls->size)
		return READER_END;
	status = XlsReadRecord(xls, payload->record.next, &next);
	if (status != READER_OK)
		return status;
	if (next.type != XLS_CONTINUE)
	{
		/* the window may have moved: the record's bytes are gone */
		payload->at = payload->record.length;
		return READER_END;
	}
	payload->record = next;
	payload->at = 0;
	return READER_OK;
}

/* Reads bytes across continuing records. */
ReaderStatus
XlsTake(XlsReader *xls, XlsPayload *payload, void *out, size_t length)
{
	unsigned char *to = out;

	while (length > 0)
	{
		size_t		piece = payload->record.length - payload->at;

		if (piece == 0)
		{
			ReaderStatus status = XlsContinue(xls, payload);

			if (status != READER_OK)
				return status;
			continue;
		}
		if (piece > length)
			piece = length;
		if (to != NULL)
		{
			memcpy(to, payload->record.data + payload->at, piece);
			to += piece;
		}
		payload->at += piece;
		length -= piece;
	}
	return READER_OK;
}
