/*
 * xls_strings.c
 *	  Texts of a workbook -> UTF-8, and its shared strings.
 *
 * Version 8 has UTF-16, and where all of a text is Latin-1, its lower bytes
 * alone.  A text that is cut by the end of a record goes on in a CONTINUE
 * record, which says anew which of the two follows.  Earlier versions have
 * bytes of the workbook's code page.
 *
 * A NUL in a text is padding that its writer left there, and no database text
 * holds one: it is left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/encoding.h"
#include "file/xls.h"

/* Flags of a text of version 8. */
#define TEXT_WIDE 0x01
#define TEXT_PHONETIC 0x04
#define TEXT_RUNS 0x08

#define RUN_BYTES 4				/* where a font begins, and which */

#define MAX_UTF8_OF_BYTE 6		/* generous: a code page's byte, or a lone unit, as UTF-8 */

/* Code pages that iconv does not call "CP" and their number. */
static const struct
{
	int			codepage;
	const char *name;
}			codepage_names[] =
{
	{10000, "MACINTOSH"},
	{32768, "MACINTOSH"},
	{10001, "SHIFT_JIS"},
	{10002, "BIG5"},
	{10003, "EUC-KR"},
	{10006, "MACGREEK"},
	{10007, "MAC-CYRILLIC"},
	{10008, "GB2312"},
	{10029, "MAC-CENTRALEUROPE"},
	{10079, "MACICELAND"},
	{10081, "MACTURKISH"},
	{20127, "CP1252"},
	{20866, "KOI8-R"},
	{21866, "KOI8-U"},
	{28591, "CP1252"},
	{28592, "ISO-8859-2"},
	{28595, "ISO-8859-5"},
	{65001, "UTF-8"},
};

static ReaderStatus
TextCut(XlsReader *xls)
{
	return XlsDamaged(xls, "a text is longer than its record");
}

/* Makes room for so many units, each as UTF-8. */
static bool
ReserveUnits(Buffer *out, size_t units)
{
	return BufferReserve(out, units * MAX_UTF8_OF_BYTE + 4);
}

/* Adds the lower bytes of UTF-16. */
static void
AppendLatin1(Buffer *out, const unsigned char *bytes, size_t length)
{
	char	   *to = out->data + out->length;

	for (size_t i = 0; i < length; i++)
	{
		if (bytes[i] >= 0x80)
			to += PutCodePoint(to, bytes[i]);
		else if (bytes[i] != '\0')
			*to++ = bytes[i];
	}
	out->length = to - out->data;
}

/* Adds UTF-16. */
static void
AppendWide(Buffer *out, const unsigned char *bytes, size_t units, uint32_t *waiting)
{
	char	   *to = out->data + out->length;

	for (size_t i = 0; i < units; i++)
	{
		uint16_t	unit = GetU16(bytes + 2 * i);

		if (unit != 0 || *waiting != 0)
			to += PutUnit(to, waiting, unit != 0 ? unit : REPLACEMENT);
	}
	out->length = to - out->data;
}

/* Takes the characters of a text of version 8, record by record. */
static ReaderStatus
TakeUnits(XlsReader *xls, XlsPayload *payload, size_t units, unsigned char flags, Buffer *out)
{
	uint32_t	waiting = 0;

	while (units > 0)
	{
		size_t		width = flags & TEXT_WIDE ? 2 : 1;
		size_t		piece = (payload->record.length - payload->at) / width;
		const unsigned char *bytes = payload->record.data + payload->at;

		if (piece > units)
			piece = units;
		if (!ReserveUnits(out, piece))
			return XlsOutOfMemory(xls);
		if (width == 2)
			AppendWide(out, bytes, piece, &waiting);
		else
			AppendLatin1(out, bytes, piece);
		payload->at += piece * width;
		units -= piece;
		if (units > 0)
		{
			ReaderStatus status;

			if (payload->at != payload->record.length)
				return XlsDamaged(xls, "a character is cut by the end of a record");
			status = XlsContinue(xls, payload);
			if (status == READER_OK)
				status = XlsTake(xls, payload, &flags, 1);
			if (status != READER_OK)
				return status == READER_END ? TextCut(xls) : status;
		}
	}
	if (waiting != 0)
	{
		if (!ReserveUnits(out, 1))
			return XlsOutOfMemory(xls);
		out->length += PutCodePoint(out->data + out->length, REPLACEMENT);
	}
	return READER_OK;
}

/* Takes a text of version 8 and passes over its runs and phonetic hints. */
static ReaderStatus
TakeText8(XlsReader *xls, XlsPayload *payload, int length_bytes, Buffer *out)
{
	unsigned char header[3];
	unsigned char runs[2] = {0};
	unsigned char phonetic[4] = {0};
	unsigned char flags;
	ReaderStatus status = XlsTake(xls, payload, header, length_bytes + 1);

	if (status != READER_OK)
		return status == READER_END ? TextCut(xls) : status;
	flags = header[length_bytes];
	if (flags & TEXT_RUNS)
		status = XlsTake(xls, payload, runs, 2);
	if (status == READER_OK && flags & TEXT_PHONETIC)
		status = XlsTake(xls, payload, phonetic, 4);
	if (status == READER_OK)
		status = TakeUnits(xls, payload, length_bytes == 2 ? GetU16(header) : header[0], flags, out);
	if (status == READER_OK)
		status = XlsTake(xls, payload, NULL, (size_t) GetU16(runs) * RUN_BYTES);
	if (status == READER_OK)
		status = XlsTake(xls, payload, NULL, GetU32(phonetic));
	return status == READER_END ? TextCut(xls) : status;
}

/* Opens the decoder of the workbook's code page. */
static ReaderStatus
OpenCodepage(XlsReader *xls)
{
	char		name[16];
	const char *known = name;

	if (xls->iconv_open)
		return READER_OK;
	snprintf(name, sizeof(name), "CP%d", xls->codepage);
	for (size_t i = 0; i < sizeof(codepage_names) / sizeof(codepage_names[0]); i++)
	{
		if (codepage_names[i].codepage == xls->codepage)
			known = codepage_names[i].name;
	}
	xls->iconv = iconv_open("UTF-8", known);
	if (xls->iconv == (iconv_t) -1)
		return ReaderFail(&xls->base, READER_UNSUPPORTED,
						  "the workbook's texts are in code page %d, which is not known here", xls->codepage);
	xls->iconv_open = true;
	return READER_OK;
}

/* Adds bytes of the code page; what means nothing in it is replaced. */
static ReaderStatus
AppendCodepage(XlsReader *xls, char *bytes, size_t length, Buffer *out)
{
	size_t		start = out->length;
	char	   *to;

	if (OpenCodepage(xls) != READER_OK)
		return xls->base.status;
	iconv(xls->iconv, NULL, NULL, NULL, NULL);
	while (length > 0)
	{
		size_t		room;

		if (!ReserveUnits(out, length))
			return XlsOutOfMemory(xls);
		to = out->data + out->length;
		room = out->capacity - out->length;
		if (iconv(xls->iconv, &bytes, &length, &to, &room) == (size_t) -1 && errno != E2BIG)
		{
			to += PutCodePoint(to, REPLACEMENT);
			bytes++;
			length--;
		}
		out->length = to - out->data;
	}

	to = out->data + start;
	for (size_t i = start; i < out->length; i++)
	{
		if (out->data[i] != '\0')
			*to++ = out->data[i];
	}
	out->length = to - out->data;
	return READER_OK;
}

/* Adds bytes of windows-1252. */
static void
AppendWindows1252(Buffer *out, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (bytes[i] != '\0')
			out->length += PutCodePoint(out->data + out->length, Windows1252(bytes[i]));
	}
}

/* Takes a text of the versions before 8. */
static ReaderStatus
TakeBytes(XlsReader *xls, XlsPayload *payload, int length_bytes, Buffer *out)
{
	unsigned char header[2] = {0};
	size_t		length;
	size_t		plain = 0;
	unsigned char *bytes;
	ReaderStatus status = XlsTake(xls, payload, header, length_bytes);

	if (status != READER_OK)
		return status == READER_END ? TextCut(xls) : status;
	length = GetU16(header);
	xls->scratch.length = 0;
	if (!BufferReserve(&xls->scratch, length + 1) || !ReserveUnits(out, length))
		return XlsOutOfMemory(xls);
	bytes = (unsigned char *) xls->scratch.data;
	status = XlsTake(xls, payload, bytes, length);
	if (status != READER_OK)
		return status == READER_END ? TextCut(xls) : status;
	while (plain < length && bytes[plain] < 0x80)
		plain++;
	AppendWindows1252(out, bytes, plain);
	if (plain < length && xls->codepage != XLS_WINDOWS_1252)
		return AppendCodepage(xls, (char *) bytes + plain, length - plain, out);
	AppendWindows1252(out, bytes + plain, length - plain);
	return READER_OK;
}

/* Takes a text whose length is a number of one or two bytes. */
ReaderStatus
XlsTakeText(XlsReader *xls, XlsPayload *payload, int length_bytes, Buffer *out)
{
	return xls->version == 8 ? TakeText8(xls, payload, length_bytes, out) :
		TakeBytes(xls, payload, length_bytes, out);
}

/* Is there nothing left of a record, nor a record that continues it? */
static ReaderStatus
AtEnd(XlsReader *xls, XlsPayload *payload)
{
	while (payload->at == payload->record.length)
	{
		ReaderStatus status = XlsContinue(xls, payload);

		if (status != READER_OK)
			return status;
	}
	return READER_OK;
}

/* Reads one shared string. */
static ReaderStatus
ReadString(XlsReader *xls, XlsPayload *payload)
{
	XlsStrings *strings = &xls->strings;
	size_t		start = strings->arena.length;

	if (!GrowArray((void **) &strings->starts, &strings->capacity, strings->count + 1, sizeof(uint32_t)))
		return XlsOutOfMemory(xls);
	if (XlsTakeText(xls, payload, 2, &strings->arena) != READER_OK)
		return xls->base.status;
	if (strings->arena.length - start > xls->base.options.max_cell_size)
		return ReaderFail(&xls->base, READER_LIMIT, "a shared string is longer than max_cell_size");
	if (strings->arena.length > xls->base.options.max_shared_strings)
		return ReaderFail(&xls->base, READER_LIMIT, "the shared strings take more than max_shared_strings");
	strings->starts[++strings->count] = strings->arena.length;
	return READER_OK;
}

/*
 * Reads the shared strings.  How many there are is not believed: they end where
 * their records do.
 */
ReaderStatus
XlsReadStrings(XlsReader *xls, const XlsRecord *record)
{
	XlsStrings *strings = &xls->strings;
	XlsPayload	payload;
	ReaderStatus status;

	if (strings->count > 0)
		return XlsDamaged(xls, "it has its shared strings twice");
	if (record->length < 8)
		return XlsDamaged(xls, "its shared strings are cut short");
	XlsBeginPayload(&payload, record, 8);
	if (!BufferReserve(&strings->arena, 1) ||
		!GrowArray((void **) &strings->starts, &strings->capacity, 0, sizeof(uint32_t)))
		return XlsOutOfMemory(xls);
	strings->starts[0] = 0;
	while ((status = AtEnd(xls, &payload)) == READER_OK)
	{
		status = ReadString(xls, &payload);
		if (status != READER_OK)
			break;
	}
	return status == READER_END ? READER_OK : status;
}
