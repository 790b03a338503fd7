/*
 * stored_numeric.h
 *	  The parts of a numeric as it is stored.
 *
 * A word of sign, scale and weight, the weight in a second one where the first
 * has no room; then words of four decimal digits, none of zeros at either end.
 * No function of numeric.c gives the digits without printing them, and every
 * data directory since 9.1 holds them so.
 */
#ifndef MEDALLION_STORED_NUMERIC_H
#define MEDALLION_STORED_NUMERIC_H

#include "postgres.h"

#define NUMERIC_KIND 0xF000
#define NUMERIC_NAN 0xC000
#define NUMERIC_INFINITY 0xD000
#define NUMERIC_MINUS_INFINITY 0xF000
#define NUMERIC_LONG_NEGATIVE 0x4000
#define NUMERIC_SHORT 0x8000
#define NUMERIC_SHORT_NEGATIVE 0x2000
#define NUMERIC_SHORT_WEIGHT_SIGN 0x0040
#define NUMERIC_SHORT_WEIGHT 0x003F
#define WORD_DIGITS 4

typedef struct NumericParts
{
	bool		negative;
	int			weight;			/* of the first word: it counts 10,000 to that power */
	int			count;
	const char *words;			/* not aligned */
} NumericParts;

static inline uint16
WordAt(const char *p)
{
	uint16		word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Is it NaN, or infinite? */
static inline bool
IsSpecialNumeric(const char *stored)
{
	int			kind = WordAt(stored) & NUMERIC_KIND;

	return kind == NUMERIC_NAN || kind == NUMERIC_INFINITY || kind == NUMERIC_MINUS_INFINITY;
}

/* The parts of a number that is neither NaN nor infinite. */
static inline NumericParts
SplitNumeric(const char *stored, int size)
{
	uint16		header = WordAt(stored);
	int			head = sizeof(uint16);
	NumericParts parts;

	if (header & NUMERIC_SHORT)
	{
		parts.negative = (header & NUMERIC_SHORT_NEGATIVE) != 0;
		parts.weight = (header & NUMERIC_SHORT_WEIGHT) - (header & NUMERIC_SHORT_WEIGHT_SIGN);
	}
	else
	{
		parts.negative = (header & NUMERIC_LONG_NEGATIVE) != 0;
		parts.weight = (int16) WordAt(stored + head);
		head += sizeof(uint16);
	}
	parts.words = stored + head;
	parts.count = (size - head) / sizeof(uint16);
	return parts;
}

#endif							/* MEDALLION_STORED_NUMERIC_H */
