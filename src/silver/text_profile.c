/*
 * text_profile.c
 *	  Lengths, types and patterns of a column's texts.
 */
#include "base/compat.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "silver/text_profile.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#define PATTERN_CAPACITY 4096
#define HIGH_BITS UINT64CONST(0x8080808080808080)

/* What a byte of ASCII is in a pattern: letters become A and a, digits 9, white space a space; all else stays. */
static const char pattern_bytes[129] =
"                                "
" !\"#$%&'()*+,-./9999999999:;<=>?"
"@AAAAAAAAAAAAAAAAAAAAAAAAAA[\\]^_"
"`aaaaaaaaaaaaaaaaaaaaaaaaaa{|}~\177";

void
TextProfileInit(TextProfile *profile, MemoryContext context)
{
	memset(profile, 0, sizeof(TextProfile));
	profile->pattern_length = -1;
	FrequenciesInit(&profile->patterns, context, PATTERN_CAPACITY, false, -1);
}

static int
MakePattern(char *pattern, const char *value, int length)
{
	int			characters = 0;
	int			out = 0;

	for (int i = 0; i < length && characters < PATTERN_LENGTH; characters++)
	{
		unsigned char c = value[i];

		if (!IS_HIGHBIT_SET(c))
		{
			pattern[out++] = pattern_bytes[c];
			i++;
		}
		else
		{
			int			bytes = Min(pg_mblen(value + i), length - i);

			pattern[out++] = bytes > 1 ? 'x' : c;
			i += bytes;
		}
	}
	if (length > 0 && characters == PATTERN_LENGTH)
		pattern[out++] = '~';	/* and so on */
	return out;
}

/* Puts the last pattern among the others. */
static void
CountPattern(TextProfile *profile)
{
	Frequencies *all = &profile->patterns;
	uint64		hash = XXH3_64bits(profile->pattern, profile->pattern_length);
	Frequency  *known = FrequenciesFind(all, hash);
	Datum		pattern;

	if (known != NULL)
		known->count += profile->pattern_count;
	if (known != NULL || !FrequenciesTakes(all, hash))
		return;
	pattern = PointerGetDatum(cstring_to_text_with_len(profile->pattern, profile->pattern_length));
	while (FrequenciesFull(all, pattern))
		FrequenciesShrink(all, profile->totals.texts);
	if (FrequenciesTakes(all, hash))
		FrequenciesAdd(all, hash, pattern, profile->pattern_count);
}

void
TextProfileEnd(TextProfile *profile)
{
	if (profile->pattern_count > 0)
		CountPattern(profile);
	profile->pattern_count = 0;
	profile->pattern_length = -1;
}

static void
AddPattern(TextProfile *profile, const char *value, int length, int64 weight)
{
	char		pattern[PATTERN_LENGTH + 1];
	int			pattern_length = MakePattern(pattern, value, length);

	if (pattern_length != profile->pattern_length || memcmp(pattern, profile->pattern, pattern_length) != 0)
	{
		TextProfileEnd(profile);
		memcpy(profile->pattern, pattern, pattern_length);
		profile->pattern_length = pattern_length;
	}
	profile->pattern_count += weight;
}

/* The characters of a text; most are ASCII, which the server's function does not know to be quick. */
static int
CountCharacters(const char *bytes, int length)
{
	uint64		high = 0;
	int			i = 0;

	for (; i + (int) sizeof(uint64) <= length; i += sizeof(uint64))
	{
		uint64		word;

		memcpy(&word, bytes + i, sizeof(word));
		high |= word & HIGH_BITS;
	}
	for (; i < length; i++)
		high |= IS_HIGHBIT_SET(bytes[i]);
	return high ? pg_mbstrlen_with_len(bytes, length) : length;
}

void
TextProfileAdd(TextProfile *profile, Datum value, int64 weight)
{
	TextTotals *totals = &profile->totals;
	const char *bytes = VARDATA_ANY(DatumGetPointer(value));
	int			length = VARSIZE_ANY_EXHDR(DatumGetPointer(value));
	int			characters = CountCharacters(bytes, length);

	totals->shortest = totals->texts == 0 ? characters : Min(totals->shortest, characters);
	totals->longest = Max(totals->longest, characters);
	totals->characters += characters * weight;
	totals->types[ClassifyText(bytes, length)] += weight;
	totals->texts += weight;
	AddPattern(profile, bytes, length, weight);
}

void
TextProfileWrite(TextProfile *profile, StateBytes *out)
{
	TextProfileEnd(profile);
	WriteState(out, &profile->totals, sizeof(TextTotals));
	FrequenciesWrite(&profile->patterns, out);
}

void
TextProfileMerge(TextProfile *profile, StateReader *in)
{
	TextTotals *totals = &profile->totals;
	const TextTotals *other = ReadState(in, sizeof(TextTotals));

	TextProfileEnd(profile);
	if (other->texts > 0)
	{
		totals->shortest = totals->texts == 0 ? other->shortest : Min(totals->shortest, other->shortest);
		totals->longest = Max(totals->longest, other->longest);
	}
	totals->characters += other->characters;
	totals->texts += other->texts;
	for (int i = 0; i <= VT_TEXT; i++)
		totals->types[i] += other->types[i];
	FrequenciesMerge(&profile->patterns, in, totals->texts);
}
