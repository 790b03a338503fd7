/*
 * charset.c
 *	  Encodings by the names that web pages and XML use, to UTF-8.
 *
 * UTF-8 itself is checked here, its stray bytes taken for windows-1252; the
 * others are iconv's work.  Only names of this list are given to iconv: the
 * name comes out of a file.
 */
#include "file/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CHARACTER 8			/* bytes of one, in any of these encodings */
#define OUT_BYTES 4096

struct Charset
{
	bool		utf8;
	iconv_t		converter;		/* of windows-1252 where utf8 is true */
	char		rest[MAX_CHARACTER];	/* begin of a character that was cut */
	size_t		rest_length;
};

/* What names mean: as browsers read them, for which pages are written. */
static const struct
{
	const char *name;
	const char *meant;
}			names[] =
{
	{"utf-8", "UTF-8"},
	{"utf8", "UTF-8"},
	{"us-ascii", "windows-1252"},
	{"ascii", "windows-1252"},
	{"iso-8859-1", "windows-1252"},
	{"iso8859-1", "windows-1252"},
	{"latin1", "windows-1252"},
	{"iso-8859-9", "windows-1254"},
	{"iso-8859-2", "iso-8859-2"},
	{"iso-8859-3", "iso-8859-3"},
	{"iso-8859-4", "iso-8859-4"},
	{"iso-8859-5", "iso-8859-5"},
	{"iso-8859-6", "iso-8859-6"},
	{"iso-8859-7", "iso-8859-7"},
	{"iso-8859-8", "iso-8859-8"},
	{"iso-8859-13", "iso-8859-13"},
	{"iso-8859-15", "iso-8859-15"},
	{"windows-1250", "windows-1250"},
	{"windows-1251", "windows-1251"},
	{"windows-1252", "windows-1252"},
	{"windows-1253", "windows-1253"},
	{"windows-1254", "windows-1254"},
	{"windows-1255", "windows-1255"},
	{"windows-1256", "windows-1256"},
	{"windows-1257", "windows-1257"},
	{"windows-1258", "windows-1258"},
	{"cp1252", "windows-1252"},
	{"koi8-r", "koi8-r"},
	{"koi8-u", "koi8-u"},
	{"macintosh", "macintosh"},
	{"tis-620", "tis-620"},
	{"windows-874", "cp874"},
	{"shift_jis", "cp932"},
	{"windows-31j", "cp932"},
	{"euc-jp", "euc-jp"},
	{"euc-kr", "cp949"},
	{"ks_c_5601-1987", "cp949"},
	{"gb2312", "gb18030"},
	{"gbk", "gb18030"},
	{"gb18030", "gb18030"},
	{"big5", "big5-hkscs"},
	{"utf-16", "utf-16le"},
	{"utf-16le", "utf-16le"},
	{"utf-16be", "utf-16be"},
};

/* Opens an encoding. */
Charset *
CharsetOpen(const char **name)
{
	const char *meant = NULL;
	Charset    *charset;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strcasecmp(names[i].name, *name) == 0)
			meant = names[i].meant;
	}
	charset = meant ? calloc(1, sizeof(Charset)) : NULL;
	if (charset == NULL)
		return NULL;
	*name = meant;
	charset->utf8 = strcmp(meant, "UTF-8") == 0;
	charset->converter = iconv_open("UTF-8", charset->utf8 ? "windows-1252" : meant);
	if (charset->converter == (iconv_t) -1)
	{
		free(charset);
		return NULL;
	}
	return charset;
}

void
CharsetClose(Charset *charset)
{
	if (charset == NULL)
		return;
	iconv_close(charset->converter);
	free(charset);
}

static bool
AddReplacement(Buffer *to)
{
	return BufferAppend(to, "\xEF\xBF\xBD", 3);
}

/* Adds what iconv wrote; a NUL is no character of a text. */
static bool
AddConverted(Buffer *to, const char *text, size_t length)
{
	const char *zero;

	while ((zero = memchr(text, '\0', length)) != NULL)
	{
		if (!BufferAppend(to, text, zero - text) || !AddReplacement(to))
			return false;
		length -= zero + 1 - text;
		text = zero + 1;
	}
	return length == 0 || BufferAppend(to, text, length);
}

/* Converts by iconv; *left is how many bytes at the end wait for more. */
static bool
ConvertOther(Charset *charset, const char *from, size_t length, bool last, Buffer *to, size_t *left)
{
	char	   *in = (char *) from;

	*left = 0;
	while (length > 0)
	{
		char		out[OUT_BYTES];
		char	   *end = out;
		size_t		room = sizeof(out);
		size_t		result = iconv(charset->converter, &in, &length, &end, &room);

		if (!AddConverted(to, out, end - out))
			return false;
		if (result != (size_t) -1 || errno == E2BIG)
			continue;
		if (errno == EINVAL && !last && length < MAX_CHARACTER)
		{
			*left = length;
			return true;
		}
		if (!AddReplacement(to))
			return false;
		in++;
		length--;
	}
	return true;
}

/* How many bytes a UTF-8 sequence that begins so should have. */
static size_t
ExpectedLength(unsigned char first)
{
	return first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
}

/* Copies UTF-8 character by character: somewhere in it is a stray byte. */
static bool
RepairUtf8(Charset *charset, const char *from, size_t length, bool last, Buffer *to, size_t *left)
{
	const char *end = from + length;

	*left = 0;
	while (from < end)
	{
		size_t		expected = ExpectedLength(*from);
		size_t		available = end - from;
		size_t		none;

		if (expected > available && !last)
		{
			*left = available;
			return true;
		}
		if (expected <= available && IsValidText(from, expected))
		{
			if (!BufferAppend(to, from, expected))
				return false;
			from += expected;
		}
		else if (!ConvertOther(charset, from++, 1, true, to, &none))
			return false;
	}
	return true;
}

/* Where valid UTF-8 may be cut: in front of a sequence that the end cuts. */
static size_t
WholeCharacters(const char *text, size_t length)
{
	for (size_t back = 1; back <= 3 && back <= length; back++)
	{
		unsigned char byte = text[length - back];

		if (byte >= 0xC0)
			return ExpectedLength(byte) > back ? length - back : length;
		if (byte < 0x80)
			break;
	}
	return length;
}

/* Converts bytes that no character's begin waits for. */
static bool
Convert(Charset *charset, const char *from, size_t length, bool last, Buffer *to, size_t *left)
{
	size_t		whole;

	if (!charset->utf8)
		return ConvertOther(charset, from, length, last, to, left);
	whole = WholeCharacters(from, length);
	if ((last && whole < length) || !IsValidText(from, whole))
		return RepairUtf8(charset, from, length, last, to, left);
	*left = length - whole;
	return whole == 0 || BufferAppend(to, from, whole);
}

/* Converts bytes and adds them to a buffer. */
bool
CharsetConvert(Charset *charset, const char *from, size_t length, bool last, Buffer *to)
{
	size_t		left = 0;

	/* a cut character, byte by byte until it is whole */
	while (charset->rest_length > 0 && (length > 0 || last))
	{
		if (length > 0)
		{
			charset->rest[charset->rest_length++] = *from++;
			length--;
		}
		if (!Convert(charset, charset->rest, charset->rest_length,
					 (last && length == 0) || charset->rest_length == MAX_CHARACTER, to, &left))
			return false;
		memmove(charset->rest, charset->rest + charset->rest_length - left, left);
		charset->rest_length = left;
	}
	if (length == 0)
		return true;
	if (!Convert(charset, from, length, last, to, &left))
		return false;
	memcpy(charset->rest, from + length - left, left);
	charset->rest_length = left;
	return true;
}

/* The code point of a character in UTF-8. */
static int
CodeOf(const unsigned char *p, size_t length)
{
	int			code = length == 1 ? p[0] : p[0] & (0x7F >> length);

	for (size_t i = 1; i < length; i++)
		code = code << 6 | (p[i] & 0x3F);
	return code;
}

/* What a byte of a single-byte encoding stands for. */
bool
CharsetTable(const char *name, int table[256])
{
	Charset    *charset = CharsetOpen(&name);
	bool		single = charset != NULL && !charset->utf8;

	for (int i = 0; single && i < 256; i++)
	{
		char		byte = i;
		char	   *in = &byte;
		size_t		length = 1;
		char		out[MAX_CHARACTER];
		char	   *end = out;
		size_t		room = sizeof(out);
		size_t		result = iconv(charset->converter, &in, &length, &end, &room);

		if (result == (size_t) -1 && errno == EINVAL)
			single = false;		/* the begin of a longer character */
		else
			table[i] = result == (size_t) -1 || end == out ? -1 : CodeOf((unsigned char *) out, end - out);
		iconv(charset->converter, NULL, NULL, NULL, NULL);
	}
	CharsetClose(charset);
	return single;
}
