/*
 * encoding.c
 *	  Code points -> UTF-8, and what bytes of windows-1252 stand for.
 */
#include "file/encoding.h"

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
