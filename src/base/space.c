/*
 * space.c
 *	  White space as people's files have it.
 */
#include "base/compat.h"

#include "base/space.h"

#include "mb/pg_wchar.h"

/*
 * Bytes of the white space that a text begins with, 0 if none: ASCII's, and
 * the no-break spaces and marks that come with office programs.  Those are
 * known in UTF-8, and in the single-byte encodings of western Europe.
 */
int
SpaceAtStart(const char *start, const char *end)
{
	const unsigned char *p = (const unsigned char *) start;

	if (start >= end)
		return 0;
	if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		return 1;
	if (*p < 0x80)
		return 0;
	switch (GetDatabaseEncoding())
	{
		case PG_UTF8:
			if (end - start >= 2 && p[0] == 0xC2 && p[1] == 0xA0)	/* U+00A0 */
				return 2;
			if (end - start >= 3 && p[0] == 0xE2 && p[1] == 0x80 &&
				(p[2] == 0x87 || p[2] == 0x89 || p[2] == 0xAF)) /* U+2007, U+2009, U+202F */
				return 3;
			if (end - start >= 3 && p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF)	/* U+FEFF */
				return 3;
			return 0;
		case PG_LATIN1:
		case PG_LATIN9:
		case PG_WIN1252:
			return *p == 0xA0;
		default:
			return 0;
	}
}

/* The same at the end. */
static int
SpaceAtEnd(const char *start, const char *end)
{
	for (int length = 1; length <= 3 && end - start >= length; length++)
	{
		if (SpaceAtStart(end - length, end) == length)
			return length;
	}
	return 0;
}

/* Cuts white space off both ends. */
void
TrimSpacesAround(const char **start, const char **end)
{
	int			length;

	while ((length = SpaceAtStart(*start, *end)) > 0)
		*start += length;
	while ((length = SpaceAtEnd(*start, *end)) > 0)
		*end -= length;
}
