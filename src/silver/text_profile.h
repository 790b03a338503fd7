/*
 * text_profile.h
 *	  Lengths, types and patterns of a column's texts.
 */
#ifndef MEDALLION_TEXT_PROFILE_H
#define MEDALLION_TEXT_PROFILE_H

#include "postgres.h"
#include "base/classify.h"
#include "silver/frequency.h"

#define PATTERN_LENGTH 40		/* characters of a value that its pattern shows */

/* What is added up of texts. */
typedef struct TextTotals
{
	int64		texts;
	int64		characters;
	int			shortest;
	int			longest;
	int64		types[VT_TEXT + 1];
} TextTotals;

typedef struct TextProfile
{
	TextTotals	totals;
	Frequencies patterns;
	char		pattern[PATTERN_LENGTH + 1];	/* the last one, for the next is often the same */
	int			pattern_length; /* -1: none yet */
	int64		pattern_count;	/* of it, not yet among the patterns */
} TextProfile;

extern void TextProfileInit(TextProfile *profile, MemoryContext context);

/* Takes in a text that occurs so often. */
extern void TextProfileAdd(TextProfile *profile, Datum value, int64 weight);

/* All is among the patterns: to be called before they are looked at. */
extern void TextProfileEnd(TextProfile *profile);

extern void TextProfileWrite(TextProfile *profile, StateBytes *out);
extern void TextProfileMerge(TextProfile *profile, StateReader *in);

#endif							/* MEDALLION_TEXT_PROFILE_H */
