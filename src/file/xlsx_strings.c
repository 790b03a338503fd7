/*
 * xlsx_strings.c
 *	  The shared strings of a workbook: one arena, and where each begins.
 *
 * A string is the text of its <t>, or of those of all its runs; phonetic hints
 * (<rPh>) are no text.  An empty <si/> is a string too: later ones keep their
 * numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "file/encoding.h"
#include "file/xlsx_scan.h"

typedef struct StringsParse
{
	XlsxReader *xlsx;
	Xml		   *xml;
	int			phonetic;		/* depth of <rPh> */
	bool		in_table;
	bool		in_text;
	bool		in_item;
	size_t		item_start;
} StringsParse;

static int
HexValue(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of an _xHHHH_ at p, or -1. */
static long
EscapedUnit(const char *p, const char *end)
{
	long		unit = 0;

	if (end - p < 7 || p[0] != '_' || p[1] != 'x' || p[6] != '_')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		if (HexValue(p[i]) < 0)
			return -1;
		unit = unit * 16 + HexValue(p[i]);
	}
	return unit;
}

/*
 * Decodes _xHHHH_ in place; the new length.  What stands for no character that
 * a text can hold (_x0000_, half of a pair) stays as it is written.
 */
size_t
DecodeEscapes(char *text, size_t length)
{
	char	   *out = text;
	const char *p = text;
	const char *end = text + length;

	if (length < 7 || memchr(text, '_', length) == NULL)
		return length;
	while (p < end)
	{
		long		unit = EscapedUnit(p, end);
		long		low;

		if (unit >= 0xD800 && unit < 0xDC00 && (low = EscapedUnit(p + 7, end)) >= 0xDC00 && low < 0xE000)
		{
			out += PutCodePoint(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
			p += 14;
		}
		else if (unit > 0 && (unit < 0xD800 || unit >= 0xE000))
		{
			out += PutCodePoint(out, unit);
			p += 7;
		}
		else
			*out++ = *p++;
	}
	return out - text;
}

static void
StringsFail(StringsParse *parse, ReaderStatus status, const char *message)
{
	ReaderFail(&parse->xlsx->base, status, "%s", message);
	if (parse->xml != NULL)
		XmlStop(parse->xml);
}

/* Ends a string: notes where in the arena it begins. */
ReaderStatus
XlsxKeepString(XlsxReader *xlsx, size_t start)
{
	XlsxStrings *strings = &xlsx->strings;

	if (strings->count + 2 > strings->capacity)
	{
		size_t		capacity = strings->capacity ? strings->capacity * 2 : 1024;
		uint32_t   *starts = realloc(strings->starts, capacity * sizeof(uint32_t));

		if (starts == NULL)
			return READER_NO_MEMORY;
		strings->starts = starts;
		strings->capacity = capacity;
	}
	/* empty strings take no bytes of the arena, but a place each */
	if (strings->arena.length + strings->count * sizeof(uint32_t) > xlsx->base.options.max_shared_strings)
		return READER_LIMIT;
	strings->starts[strings->count++] = start;
	strings->starts[strings->count] = strings->arena.length;
	return READER_OK;
}

/* Ends a string: decodes what was added to the arena, notes where it begins. */
ReaderStatus
XlsxPushString(XlsxReader *xlsx, size_t start)
{
	Buffer	   *arena = &xlsx->strings.arena;

	if (arena->length > start)	/* an arena without a byte has no address either */
		arena->length = start + DecodeEscapes(arena->data + start, arena->length - start);
	return XlsxKeepString(xlsx, start);
}

/* The number of a shared string, from its digits. */
bool
XlsxStringNumber(const XlsxStrings *strings, const char *text, size_t length, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9' || *number > UINT32_MAX)
			return false;
		*number = *number * 10 + (text[i] - '0');
	}
	return *number < strings->count;
}

/* Ends a string of the parser's. */
static void
EndItem(StringsParse *parse)
{
	ReaderStatus status = XlsxPushString(parse->xlsx, parse->item_start);

	if (status == READER_NO_MEMORY)
		StringsFail(parse, status, "out of memory");
	else if (status == READER_LIMIT)
		StringsFail(parse, status, "the shared strings take more than max_shared_strings");
}

static void
StringsStart(void *arg, const char *name, const char **attributes)
{
	StringsParse *parse = arg;

	(void) attributes;
	if (strcmp(name, "sst") == 0)
		parse->in_table = !parse->in_item && parse->phonetic == 0;
	else if (strcmp(name, "si") == 0)
	{
		parse->in_item = true;
		parse->item_start = parse->xlsx->strings.arena.length;
	}
	else if (strcmp(name, "rPh") == 0)
		parse->phonetic++;
	else if (strcmp(name, "t") == 0)
		parse->in_text = parse->in_item && parse->phonetic == 0;
}

static void
StringsEnd(void *arg, const char *name)
{
	StringsParse *parse = arg;

	if (strcmp(name, "t") == 0)
		parse->in_text = false;
	else if (strcmp(name, "rPh") == 0)
		parse->phonetic--;
	else if (strcmp(name, "si") == 0)
	{
		parse->in_item = false;
		EndItem(parse);
	}
}

static void
StringsText(void *arg, const char *text, int length)
{
	StringsParse *parse = arg;
	XlsxStrings *strings = &parse->xlsx->strings;

	if (!parse->in_text)
		return;
	if (strings->arena.length - parse->item_start + length > parse->xlsx->base.options.max_cell_size)
		StringsFail(parse, READER_LIMIT, "a shared string is longer than max_cell_size");
	else if (!BufferAppend(&strings->arena, text, length))
		StringsFail(parse, READER_LIMIT, "the shared strings take more than max_shared_strings");
}

/* Reads the shared strings, if the workbook has any and they are not there yet. */
ReaderStatus
XlsxReadStrings(XlsxReader *xlsx)
{
	StringsParse parse = {.xlsx = xlsx};
	XmlHandler	handler = {&parse, StringsStart, StringsEnd, StringsText};
	ReaderStatus status = READER_OK;
	bool		at_end = false;

	if (xlsx->strings_loaded || xlsx->strings_path == NULL)
		return READER_OK;
	xlsx->strings.arena.limit = xlsx->base.options.max_shared_strings;
	parse.xml = XmlOpen(&xlsx->base, xlsx->container, xlsx->strings_path, &handler);
	if (parse.xml == NULL)
		return xlsx->base.status;
	if (!xlsx->base.options.strict)
		status = XlsxScanStrings(xlsx, parse.xml, &parse.in_table, &at_end);
	while (status == READER_OK && !at_end)
	{
		status = XmlStep(parse.xml);
		at_end = status == READER_END;
	}
	XmlClose(parse.xml);
	xlsx->strings_loaded = true;
	return at_end && status == READER_END ? READER_OK : status;
}

void
XlsxFreeStrings(XlsxStrings *strings)
{
	BufferFree(&strings->arena);
	free(strings->starts);
}
