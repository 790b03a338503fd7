/*
 * convert.h
 *	  What conversions of text share: reading from its start to its end.
 */
#ifndef MEDALLION_CONVERT_H
#define MEDALLION_CONVERT_H

#include "postgres.h"
#include "base/space.h"

/* A text being read. */
typedef struct Cursor
{
	const char *p;
	const char *end;
} Cursor;

static inline bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

/* An ASCII letter, whatever the locale. */
static inline bool
IsLetter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Cuts white space off both ends. */
static inline void
CutSpaces(Cursor *in)
{
	TrimSpaces(&in->p, &in->end);
}

/* Skips white space. */
static inline void
SkipSpaces(Cursor *in)
{
	int			length;

	while ((length = SpaceAtStart(in->p, in->end)) > 0)
		in->p += length;
}

/* A text argument as a cursor. */
static inline Cursor
OpenText(text *value)
{
	Cursor		in = {VARDATA_ANY(value), VARDATA_ANY(value) + VARSIZE_ANY_EXHDR(value)};

	return in;
}

#endif							/* MEDALLION_CONVERT_H */
