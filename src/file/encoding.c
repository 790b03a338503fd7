/*
 * encoding.c
 *	  Which encoding a text file has, and how its bytes become UTF-8.
 *
 * A byte order mark decides, then the NULs of UTF-16, then whether the bytes
 * are UTF-8; what is none of these is windows-1252, of which Latin-1 is the
 * printable part.
 */
#include "file/encoding.h"

#include <string.h>
#include <strings.h>

#define UTF16_SAMPLE 1024

static const struct
{
	const char *name;
	Encoding	encoding;
}			encoding_names[] =
{
	/* by their number come first the names that are shown */
	{"utf-8", ENCODING_UTF8},
	{"utf-16le", ENCODING_UTF16LE},
	{"utf-16be", ENCODING_UTF16BE},
	{"windows-1252", ENCODING_WINDOWS1252},
	{"latin1", ENCODING_WINDOWS1252},
};

/* What windows-1252 has at 80 to 9F. */
static const uint16_t windows1252[32] =
{
	0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD,
	0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178
};

/* Writes a code point as UTF-8 and returns its length, at most 4. */
int
PutCodePoint(char *to, uint32_t code)
{
	if (code < 0x80)
	{
		to[0] = code;
		return 1;
	}
	if (code < 0x800)
	{
		to[0] = 0xC0 | code >> 6;
		to[1] = 0x80 | (code & 0x3F);
		return 2;
	}
	if (code < 0x10000)
	{
		to[0] = 0xE0 | code >> 12;
		to[1] = 0x80 | (code >> 6 & 0x3F);
		to[2] = 0x80 | (code & 0x3F);
		return 3;
	}
	to[0] = 0xF0 | code >> 18;
	to[1] = 0x80 | (code >> 12 & 0x3F);
	to[2] = 0x80 | (code >> 6 & 0x3F);
	to[3] = 0x80 | (code & 0x3F);
	return 4;
}

/* The code point of a byte of windows-1252. */
uint32_t
Windows1252(unsigned char byte)
{
	return byte >= 0x80 && byte < 0xA0 ? windows1252[byte - 0x80] : byte;
}

/* Writes bytes of windows-1252 as UTF-8, at most 3 for each, and returns how many. */
static size_t
TranscodeWindows1252(char *to, const unsigned char *from, size_t length)
{
	char	   *start = to;

	for (size_t i = 0; i < length; i++)
	{
		if (from[i] < 0x80)
			*to++ = from[i];
		else
			to += PutCodePoint(to, Windows1252(from[i]));
	}
	return to - start;
}

/*
 * Writes one unit of UTF-16 as UTF-8, at most 6 bytes: a lone surrogate may come
 * before it.  The first half of a pair waits for its other half.
 */
int
PutUnit(char *to, uint32_t *waiting, uint32_t unit)
{
	uint32_t	high = *waiting;
	int			length = 0;

	*waiting = 0;
	if (high != 0 && unit >= 0xDC00 && unit <= 0xDFFF)
		return PutCodePoint(to, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
	if (high != 0)
		length = PutCodePoint(to, REPLACEMENT);
	if (unit >= 0xD800 && unit <= 0xDBFF)
	{
		*waiting = unit;
		return length;
	}
	if (unit >= 0xDC00 && unit <= 0xDFFF)
		unit = REPLACEMENT;
	return length + PutCodePoint(to + length, unit);
}

/* Writes UTF-16 as UTF-8, at most 3 bytes for each byte plus 3, and returns how many. */
static size_t
TranscodeUtf16(Transcoder *coder, char *to, const unsigned char *from, size_t length, bool last)
{
	int			low = coder->encoding == ENCODING_UTF16LE ? 0 : 1;
	char	   *start = to;

	for (size_t i = 0; i + 1 < length; i += 2)
		to += PutUnit(to, &coder->high, from[i + low] | (uint32_t) from[i + 1 - low] << 8);
	if (last && coder->high != 0)
	{
		coder->high = 0;
		to += PutCodePoint(to, REPLACEMENT);
	}
	if (length % 2 != 0)
		to += PutCodePoint(to, REPLACEMENT);
	return to - start;
}

/* Writes text of the coder's encoding as UTF-8. */
size_t
Transcode(Transcoder *coder, char *to, const char *from, size_t length, bool last)
{
	const unsigned char *bytes = (const unsigned char *) from;

	if (coder->encoding == ENCODING_WINDOWS1252)
		return TranscodeWindows1252(to, bytes, length);
	return TranscodeUtf16(coder, to, bytes, length, last);
}

/* Are these bytes ASCII without NUL?  Eight at a time. */
bool
IsPlainAscii(const char *text, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t	odd = 0;
	size_t		i = 0;

	for (; i + 8 <= length; i += 8)
	{
		uint64_t	word;

		memcpy(&word, text + i, 8);
		odd |= word | ((word - ones) & ~word);
	}
	for (; i < length; i++)
		odd |= (signed char) text[i] <= 0 ? ones << 7 : 0;
	return (odd & ones << 7) == 0;
}

/* Says what is wrong with the bytes of a record, or NULL. */
const char *
TextComplaint(const char *text, size_t length)
{
	if (IsPlainAscii(text, length) || IsValidText(text, length))
		return NULL;
	if (memchr(text, '\0', length) != NULL)
		return "NUL byte in the row";
	return "row is not valid UTF-8";
}

/* Length of the valid UTF-8 sequence at a byte, 0 if there is none. */
static size_t
ValidSequence(const char *p, const char *end)
{
	for (size_t length = 1; length <= 4 && p + length <= end; length++)
	{
		if (IsValidText(p, length))
			return length;
	}
	return 0;
}

/* Copies text and makes it valid: stray bytes are taken for windows-1252. */
bool
MakeValidText(Buffer *raw, const char *p, size_t length)
{
	const char *end = p + length;

	raw->length = 0;
	if (!BufferReserve(raw, 3 * length + 1))
		return false;
	while (p < end)
	{
		size_t		sequence = ValidSequence(p, end);

		if (sequence > 0)
		{
			memcpy(raw->data + raw->length, p, sequence);
			raw->length += sequence;
			p += sequence;
			continue;
		}
		raw->length += PutCodePoint(raw->data + raw->length,
									*p == '\0' ? REPLACEMENT : Windows1252(*p));
		p++;
	}
	return true;
}

/* The encoding of a byte order mark, and its length. */
static Encoding
EncodingByMark(const char *sample, size_t length, size_t *mark)
{
	*mark = 3;
	if (length >= 3 && memcmp(sample, "\xEF\xBB\xBF", 3) == 0)
		return ENCODING_UTF8;
	*mark = 2;
	if (length >= 2 && memcmp(sample, "\xFF\xFE", 2) == 0)
		return ENCODING_UTF16LE;
	if (length >= 2 && memcmp(sample, "\xFE\xFF", 2) == 0)
		return ENCODING_UTF16BE;
	*mark = 0;
	return ENCODING_UNKNOWN;
}

/* UTF-16 if most pairs of bytes at the start have a NUL on the same side. */
static Encoding
EncodingByNuls(const char *sample, size_t length)
{
	size_t		pairs = (length < UTF16_SAMPLE ? length : UTF16_SAMPLE) / 2;
	size_t		first = 0;
	size_t		second = 0;

	for (size_t i = 0; i < pairs; i++)
	{
		first += sample[2 * i] == '\0';
		second += sample[2 * i + 1] == '\0';
	}
	if (second * 2 > pairs && first * 4 < second)
		return ENCODING_UTF16LE;
	if (first * 2 > pairs && second * 4 < first)
		return ENCODING_UTF16BE;
	return ENCODING_UNKNOWN;
}

/* Is this valid UTF-8?  NUL bytes may be in it: they spoil rows, not the file. */
static Encoding
EncodingByContent(const char *sample, size_t length, bool cut)
{
	const char *end = sample + length;
	int			tail = 0;

	/* a sequence that the end of the sample cuts is not held against it */
	while (cut && tail < 3 && end > sample && (end[-1] & 0xC0) == 0x80)
	{
		end--;
		tail++;
	}
	if (cut && end > sample && (end[-1] & 0xC0) == 0xC0)
		end--;
	while (sample < end)
	{
		const char *nul = memchr(sample, '\0', end - sample);

		if (!IsValidText(sample, (nul ? nul : end) - sample))
			return ENCODING_WINDOWS1252;
		sample = nul ? nul + 1 : end;
	}
	return ENCODING_UTF8;
}

/* The encoding of a name; unknown if it is none of ours. */
Encoding
EncodingByName(const char *name)
{
	for (size_t i = 0; i < sizeof(encoding_names) / sizeof(encoding_names[0]); i++)
	{
		if (strcasecmp(name, encoding_names[i].name) == 0)
			return encoding_names[i].encoding;
	}
	return ENCODING_UNKNOWN;
}

/* The name that is shown. */
const char *
EncodingName(Encoding encoding)
{
	return encoding_names[encoding].name;
}

/* The encoding of a file that starts like this, unless it is already known. */
Encoding
SettleEncoding(Encoding known, const char *sample, size_t length, bool cut, size_t *mark)
{
	Encoding	marked = EncodingByMark(sample, length, mark);
	Encoding	encoding = known != ENCODING_UNKNOWN ? known : marked;

	if (encoding == ENCODING_UNKNOWN)
		encoding = EncodingByNuls(sample, length);
	if (encoding == ENCODING_UNKNOWN)
		encoding = EncodingByContent(sample, length, cut);
	if (encoding != marked)
		*mark = 0;
	return encoding;
}
