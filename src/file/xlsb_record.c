/*
 * xlsb_record.c
 *	  The records of a part, and the texts in them.
 *
 *	  part -> unpacked bytes in a window -> records, one at a time
 *
 * A record begins with its type, in one or two bytes, and its length, in one to
 * four; seven bits of each count, the eighth says that more follow.  Memory is
 * taken for bytes that came, never for those that a length promises.
 */
#include <string.h>

#include "file/encoding.h"
#include "file/xlsb.h"

/* What is between these two is for programs newer than the format. */
#define FUTURE_BEGIN 35
#define FUTURE_END 36

#define BEFORE_TEXT 64			/* in no record is more in front of its text */
#define MAX_NAME_UNITS 65536	/* names and codes are texts too: so long may they be at least */

/* Opens a part.  To be closed in any case. */
ReaderStatus
XlsbOpenPart(XlsbPart *part, XlsxReader *book, const char *path)
{
	memset(part, 0, sizeof(XlsbPart));
	part->book = book;
	part->path = path;
	return ContainerOpenEntry(book->container, path);
}

void
XlsbClosePart(XlsbPart *part)
{
	BufferFree(&part->window);
}

/* Notes what is wrong with the part. */
ReaderStatus
XlsbDamaged(XlsbPart *part, const char *what)
{
	return ReaderFail(&part->book->base, READER_ERROR, "part \"%s\" of the workbook is damaged: %s", part->path, what);
}

ReaderStatus
XlsbEndsEarly(XlsbPart *part)
{
	return XlsbDamaged(part, "its records end too early");
}

ReaderStatus
XlsbOutOfMemory(XlsxReader *book)
{
	return ReaderFail(&book->base, READER_NO_MEMORY, "out of memory");
}

/* Unpacks on; what the window had of passed bytes is dropped. */
static ReaderStatus
FillWindow(XlsbPart *part)
{
	Buffer	   *window = &part->window;
	ptrdiff_t	got;

	if (part->at > 0)
	{
		window->length -= part->at;
		memmove(window->data, window->data + part->at, window->length);
		part->at = 0;
	}
	if (!BufferReserve(window, CONTAINER_STEP))
		return XlsbOutOfMemory(part->book);
	got = ContainerRead(part->book->container, window->data + window->length, CONTAINER_STEP);
	if (got < 0)
		return part->book->base.status;
	window->length += got;
	part->at_end = got == 0;
	return READER_OK;
}

/* Lets the window hold so many bytes; READER_END: there are not so many. */
static ReaderStatus
Need(XlsbPart *part, size_t length)
{
	while (part->window.length - part->at < length)
	{
		if (part->at_end)
			return READER_END;
		if (FillWindow(part) != READER_OK)
			return part->book->base.status;
	}
	return READER_OK;
}

/* Passes over bytes, however many. */
static ReaderStatus
Skip(XlsbPart *part, size_t length)
{
	for (;;)
	{
		size_t		there = part->window.length - part->at;

		if (length <= there)
		{
			part->at += length;
			return READER_OK;
		}
		part->at += there;
		length -= there;
		if (part->at_end)
			return READER_END;
		if (FillWindow(part) != READER_OK)
			return part->book->base.status;
	}
}

/* A number of seven bits a byte, in at most so many bytes. */
static ReaderStatus
TakeNumber(XlsbPart *part, int max_bytes, uint32_t *number)
{
	*number = 0;
	for (int i = 0; i < max_bytes; i++)
	{
		ReaderStatus status = Need(part, 1);
		unsigned char byte;

		if (status != READER_OK)
			return status;
		byte = part->window.data[part->at++];
		*number |= (uint32_t) (byte & 0x7F) << 7 * i;
		if ((byte & 0x80) == 0)
			break;
	}
	return READER_OK;
}

/* Takes one record, whatever it is; READER_END: the part ends inside it. */
static ReaderStatus
TakeRecord(XlsbPart *part, XlsbRecord *record)
{
	const ReaderOptions *options = &part->book->base.options;
	uint64_t	longest = options->max_cell_size > MAX_NAME_UNITS ? options->max_cell_size : MAX_NAME_UNITS;
	uint32_t	length;
	ReaderStatus status = TakeNumber(part, 2, &record->type);

	if (status == READER_OK)
		status = TakeNumber(part, 4, &length);
	if (status != READER_OK)
		return status;
	longest = BEFORE_TEXT + 2 * longest;
	record->kept = length < longest ? length : longest;
	status = Need(part, record->kept);
	if (status != READER_OK)
		return status;
	if (length == record->kept)
	{
		record->data = (const unsigned char *) part->window.data + part->at;
		part->at += length;
		return READER_OK;
	}

	/* what is passed over would be read into the place of what is kept */
	record->kept = 0;
	record->data = NULL;
	return Skip(part, length);
}

/* The next record; READER_END: there are no more. */
ReaderStatus
XlsbNextRecord(XlsbPart *part, XlsbRecord *record)
{
	uint64_t	depth = 0;
	ReaderStatus status = Need(part, 1);

	if (status != READER_OK)
		return status;
	do
	{
		status = TakeRecord(part, record);
		if (status != READER_OK)
			return status == READER_END ? XlsbEndsEarly(part) : status;
		if (record->type == FUTURE_BEGIN)
			depth++;
		else if (record->type == FUTURE_END && depth > 0)
			depth--;
	} while (depth > 0);
	return READER_OK;
}

/* Reads the rest of the part, of which nothing is needed, for its checksum. */
ReaderStatus
XlsbFinishPart(XlsbPart *part)
{
	while (!part->at_end)
	{
		part->at = part->window.length;
		if (FillWindow(part) != READER_OK)
			return part->book->base.status;
	}
	return READER_OK;
}

/* Adds UTF-16 as UTF-8, without NUL; there must be room. */
static void
AppendUnits(Buffer *out, const unsigned char *units, size_t count)
{
	char	   *to = out->data + out->length;
	uint32_t	waiting = 0;

	for (size_t i = 0; i < count; i++)
	{
		uint16_t	unit = GetU16(units + 2 * i);

		if (unit > 0 && unit < 0x80 && waiting == 0)
			*to++ = unit;
		else if (unit > 0)
			to += PutUnit(to, &waiting, unit);
	}
	if (waiting != 0)
		to += PutCodePoint(to, REPLACEMENT);
	out->length = to - out->data;
}

/* Adds the text at an offset of the record. */
ReaderStatus
XlsbTakeText(XlsbPart *part, const XlsbRecord *record, size_t at, size_t max, Buffer *out, size_t *next)
{
	uint32_t	count;

	if (record->data == NULL)
		return READER_LIMIT;
	if (record->kept < at + 4)
		return XlsbDamaged(part, "a text is cut short");
	count = GetU32(record->data + at);
	at += 4;
	if (count == UINT32_MAX)
		count = 0;				/* no text at all */
	if (count > (record->kept - at) / 2)
		return XlsbDamaged(part, "a text is longer than its record");
	if (next != NULL)
		*next = at + 2 * (size_t) count;
	if (count > max)
		return READER_LIMIT;
	if (!BufferReserve(out, 3 * (size_t) count + 6))
		return out->limit > 0 ? READER_LIMIT : XlsbOutOfMemory(part->book);
	AppendUnits(out, record->data + at, count);
	return READER_OK;
}
