/*
 * column_profile.c
 *	  What is gathered of one column while its values pass by.
 *
 *	  value -> hash -> sketch of distinct values
 *	               -> its frequency -> (once per distinct value, while all are
 *	                  counted; for each row beyond) extremes, moments, lengths, types, patterns
 *
 * Most columns have few distinct values: what is costly is asked of each of
 * these once, with its count, instead of once per row.
 */
#include "base/compat.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "silver/column_profile.h"

#include <math.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#define SKETCH_WIDTH 14			/* 2^14 registers: a standard error of 0.8 % */
#define PATTERN_CAPACITY 4096
#define PATTERN_LENGTH 40		/* characters of a value that its pattern shows */

/* Types whose values are numbers. */
static const struct
{
	Oid			type;
	PGFunction	to_double;
}			number_types[] =
{
	{INT2OID, i2tod},
	{INT4OID, i4tod},
	{INT8OID, i8tod},
	{FLOAT4OID, ftod},
	{FLOAT8OID, NULL},
	{NUMERICOID, numeric_float8_no_overflow},
};

static bool
IsText(Oid type)
{
	return type == TEXTOID || type == VARCHAROID;
}

/* A copy of the type cache's function, or NULL. */
static FmgrInfo *
CopyFunction(FmgrInfo *function, MemoryContext context)
{
	FmgrInfo   *copy;

	if (!OidIsValid(function->fn_oid))
		return NULL;
	copy = MemoryContextAlloc(context, sizeof(FmgrInfo));
	fmgr_info_cxt(function->fn_oid, copy, context);
	return copy;
}

static void
ReservoirInit(Reservoir *reservoir)
{
	reservoir->numbers = palloc(QUANTILE_SAMPLE * sizeof(double));
	reservoir->width = 1;
	pg_prng_seed(&reservoir->random, 42);	/* the same rows, the same sample */
}

/* Chooses the next one to take. */
static void
ReservoirSkip(Reservoir *reservoir)
{
	double		first = Max(pg_prng_double(&reservoir->random), 1e-300);
	double		second = Max(pg_prng_double(&reservoir->random), 1e-300);

	reservoir->width *= exp(log(first) / QUANTILE_SAMPLE);
	reservoir->next = reservoir->seen + 1 + (int64) floor(log(second) / log1p(-reservoir->width));
}

/* Is the next value to be put into the sample? */
static bool
ReservoirWants(Reservoir *reservoir)
{
	reservoir->seen++;
	return reservoir->seen <= QUANTILE_SAMPLE || reservoir->seen == reservoir->next;
}

static void
ReservoirPut(Reservoir *reservoir, double number)
{
	int			place = reservoir->count;

	if (reservoir->count < QUANTILE_SAMPLE)
		reservoir->count++;
	else
		place = (int) pg_prng_uint64_range(&reservoir->random, 0, QUANTILE_SAMPLE - 1);
	reservoir->numbers[place] = number;
	if (reservoir->seen >= QUANTILE_SAMPLE)
		ReservoirSkip(reservoir);
}

/* Begins the profile of a column. */
void
ColumnProfileInit(ColumnProfile *profile, Form_pg_attribute attribute, uint32 capacity)
{
	TypeCacheEntry *type;
	Oid			output;
	bool		is_varlena;

	memset(profile, 0, sizeof(ColumnProfile));
	profile->context = CurrentMemoryContext;
	profile->name = pstrdup(NameStr(attribute->attname));
	profile->type = getBaseType(attribute->atttypid);
	profile->collation = OidIsValid(attribute->attcollation) ? C_COLLATION_OID : InvalidOid;
	profile->kind = IsText(profile->type) ? VALUE_TEXT : VALUE_OTHER;
	for (int i = 0; i < lengthof(number_types); i++)
	{
		if (number_types[i].type != profile->type)
			continue;
		profile->kind = VALUE_NUMBER;
		profile->to_double = number_types[i].to_double;
		ReservoirInit(&profile->reservoir);
	}
	type = lookup_type_cache(profile->type, TYPECACHE_HASH_EXTENDED_PROC_FINFO | TYPECACHE_CMP_PROC_FINFO);
	profile->by_value = type->typbyval;
	profile->length = type->typlen;
	if (profile->kind != VALUE_TEXT)
	{
		profile->hash = CopyFunction(&type->hash_extended_proc_finfo, profile->context);
		profile->compare = CopyFunction(&type->cmp_proc_finfo, profile->context);
	}
	getTypeOutputInfo(profile->type, &output, &is_varlena);
	fmgr_info(output, &profile->output);
	initHyperLogLog(&profile->sketch, SKETCH_WIDTH);
	FrequenciesInit(&profile->frequencies, profile->context, capacity, profile->by_value, profile->length);
	FrequenciesInit(&profile->patterns, profile->context, PATTERN_CAPACITY, false, -1);
}

/* A value as text. */
char *
ColumnProfileText(ColumnProfile *profile, Datum value)
{
	return OutputFunctionCall(&profile->output, value);
}

static double
ToDouble(const ColumnProfile *profile, Datum value)
{
	if (profile->to_double == NULL)
		return DatumGetFloat8(value);
	return DatumGetFloat8(DirectFunctionCall1(profile->to_double, value));
}

/* Equal values of the type have the same hash.  To the server's own hash of
 * numeric all of NaN and the infinities are one. */
static uint64
HashValue(ColumnProfile *profile, Datum value)
{
	bool		is_special = profile->type == NUMERICOID &&
		(numeric_is_nan(DatumGetNumeric(value)) || numeric_is_inf(DatumGetNumeric(value)));

	if (profile->kind == VALUE_TEXT)
		return XXH3_64bits(VARDATA_ANY(DatumGetPointer(value)), VARSIZE_ANY_EXHDR(DatumGetPointer(value)));
	if (profile->hash != NULL && !is_special)
		return DatumGetUInt64(FunctionCall2Coll(profile->hash, profile->collation, value, Int64GetDatum(0)));
	{
		char	   *text = ColumnProfileText(profile, value);

		return XXH3_64bits(text, strlen(text));
	}
}

/* Which of two values comes first; texts by their bytes, for no collation is to matter. */
static int
CompareValues(const ColumnProfile *profile, Datum a, Datum b)
{
	if (profile->kind == VALUE_TEXT)
	{
		text	   *left = (text *) DatumGetPointer(a);
		text	   *right = (text *) DatumGetPointer(b);
		int			left_length = VARSIZE_ANY_EXHDR(left);
		int			right_length = VARSIZE_ANY_EXHDR(right);
		int			order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right), Min(left_length, right_length));

		return order != 0 ? order : left_length - right_length;
	}
	return DatumGetInt32(FunctionCall2Coll(profile->compare, profile->collation, a, b));
}

/* Puts a copy of a value in the place of another. */
static void
KeepExtreme(ColumnProfile *profile, Datum *place, Datum value)
{
	MemoryContext before = MemoryContextSwitchTo(profile->context);

	if (profile->has_extremes && !profile->by_value)
		pfree(DatumGetPointer(*place));
	*place = datumCopy(value, profile->by_value, profile->length);
	MemoryContextSwitchTo(before);
}

static void
DescribeOrder(ColumnProfile *profile, Datum value)
{
	/* a number between is told by a comparison that costs nothing */
	if (profile->kind == VALUE_NUMBER && profile->has_extremes && profile->number > profile->least &&
		profile->number < profile->greatest)
		return;
	if (profile->compare == NULL && profile->kind != VALUE_TEXT)
		return;
	if (!profile->has_extremes || CompareValues(profile, value, profile->minimum) < 0)
		KeepExtreme(profile, &profile->minimum, value);
	if (!profile->has_extremes || CompareValues(profile, value, profile->maximum) > 0)
		KeepExtreme(profile, &profile->maximum, value);
	profile->has_extremes = true;
	if (profile->kind == VALUE_NUMBER)
	{
		profile->least = ToDouble(profile, profile->minimum);
		profile->greatest = ToDouble(profile, profile->maximum);
	}
}

/* Letters become A and a, digits 9, white space a space; all else stays. */
static int
MakePattern(char *pattern, const char *value, int length)
{
	int			characters = 0;
	int			out = 0;

	for (int i = 0; i < length && characters < PATTERN_LENGTH; characters++)
	{
		unsigned char c = value[i];
		int			bytes = IS_HIGHBIT_SET(c) ? Min(pg_mblen(value + i), length - i) : 1;

		if (bytes > 1)
			pattern[out++] = 'x';
		else if (c >= '0' && c <= '9')
			pattern[out++] = '9';
		else if (c >= 'a' && c <= 'z')
			pattern[out++] = 'a';
		else if (c >= 'A' && c <= 'Z')
			pattern[out++] = 'A';
		else
			pattern[out++] = c <= ' ' ? ' ' : c;
		i += bytes;
	}
	if (length > 0 && characters == PATTERN_LENGTH)
		pattern[out++] = '~';	/* and so on */
	return out;
}

static void
CountPattern(ColumnProfile *profile, const char *value, int length, int64 weight)
{
	char		pattern[PATTERN_LENGTH + 1];
	int			pattern_length = MakePattern(pattern, value, length);
	uint64		hash = XXH3_64bits(pattern, pattern_length);
	Frequency  *known = FrequenciesFind(&profile->patterns, hash);

	if (known == NULL && FrequenciesTakes(&profile->patterns, hash))
	{
		while (FrequenciesFull(&profile->patterns))
			FrequenciesShrink(&profile->patterns, profile->described);
		if (!FrequenciesTakes(&profile->patterns, hash))
			return;
		FrequenciesAdd(&profile->patterns, hash, PointerGetDatum(cstring_to_text_with_len(pattern, pattern_length)));
		known = FrequenciesFind(&profile->patterns, hash);
		known->count = 0;
	}
	if (known != NULL)
		known->count += weight;
}

/* The characters of a text; most are ASCII, which the server's function does not know to be quick. */
static int
CountCharacters(const char *bytes, int length)
{
	unsigned char high = 0;

	for (int i = 0; i < length; i++)
		high |= (unsigned char) bytes[i];
	return IS_HIGHBIT_SET(high) ? pg_mbstrlen_with_len(bytes, length) : length;
}

static void
DescribeText(ColumnProfile *profile, Datum value, int64 weight)
{
	const char *bytes = VARDATA_ANY(DatumGetPointer(value));
	int			length = VARSIZE_ANY_EXHDR(DatumGetPointer(value));
	int			characters = CountCharacters(bytes, length);

	profile->shortest = profile->described == 0 ? characters : Min(profile->shortest, characters);
	profile->longest = Max(profile->longest, characters);
	profile->characters += characters * weight;
	profile->types[ClassifyText(bytes, length)] += weight;
	CountPattern(profile, bytes, length, weight);
}

/* Adds a value that occurs so often to what is known of values. */
static void
Describe(ColumnProfile *profile, Datum value, int64 weight)
{
	if (profile->kind == VALUE_NUMBER)
		profile->number = ToDouble(profile, value);
	DescribeOrder(profile, value);
	if (profile->kind == VALUE_TEXT)
		DescribeText(profile, value, weight);
	profile->described += weight;
	if (profile->kind == VALUE_NUMBER)
	{
		double		distance = profile->number - profile->mean;

		profile->mean += distance * weight / profile->described;
		profile->squares += weight * distance * (profile->number - profile->mean);
	}
}

bool
ColumnProfileIsExact(const ColumnProfile *profile)
{
	return profile->frequencies.level == 0;
}

/* Describes all values that were only counted so far. */
static void
DescribeCounted(ColumnProfile *profile)
{
	int			count;
	Frequency **list = FrequenciesList(&profile->frequencies, &count);

	for (int i = 0; i < count; i++)
		Describe(profile, list[i]->value, list[i]->count);
	pfree(list);
}

/* Counts a value; describes it where not all of them are counted. */
static void
CountValue(ColumnProfile *profile, uint64 hash, Datum value)
{
	Frequencies *all = &profile->frequencies;
	Frequency  *known = FrequenciesFind(all, hash);

	if (known != NULL)
		known->count++;
	else if (FrequenciesTakes(all, hash))
	{
		if (FrequenciesFull(all) && all->level == 0)
			DescribeCounted(profile);
		while (FrequenciesFull(all))
			FrequenciesShrink(all, profile->rows);
		if (FrequenciesTakes(all, hash))
			FrequenciesAdd(all, hash, value);
	}
	if (all->level > 0)
		Describe(profile, value, 1);
}

/* Takes in one value. */
void
ColumnProfileAdd(ColumnProfile *profile, Datum value, bool isnull)
{
	uint64		hash;

	if (isnull)
	{
		profile->nulls++;
		return;
	}
	if (profile->length == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	hash = HashValue(profile, value);
	addHyperLogLog(&profile->sketch, (uint32) (hash >> 32));
	if (profile->kind == VALUE_NUMBER && ReservoirWants(&profile->reservoir))
		ReservoirPut(&profile->reservoir, ToDouble(profile, value));
	CountValue(profile, hash, value);
	profile->rows++;
}

/* Ends it. */
void
ColumnProfileEnd(ColumnProfile *profile)
{
	if (ColumnProfileIsExact(profile))
		DescribeCounted(profile);
}

typedef struct CountedNumber
{
	double		number;
	int64		count;
} CountedNumber;

/* NaN is greater than all others, as the server has it. */
static int
CompareNumbers(const void *a, const void *b)
{
	double		left = ((const CountedNumber *) a)->number;
	double		right = ((const CountedNumber *) b)->number;

	if (isnan(left) || isnan(right))
		return isnan(left) - isnan(right);
	return left < right ? -1 : left > right;
}

/* The numbers in order. */
double *
ColumnProfileNumbers(const ColumnProfile *profile, int64 **counts, int *count)
{
	CountedNumber *all;
	double	   *numbers;

	if (ColumnProfileIsExact(profile))
	{
		Frequency **list = FrequenciesList(&profile->frequencies, count);

		all = palloc(Max(*count, 1) * sizeof(CountedNumber));
		for (int i = 0; i < *count; i++)
		{
			all[i].number = ToDouble(profile, list[i]->value);
			all[i].count = list[i]->count;
		}
	}
	else
	{
		*count = profile->reservoir.count;
		all = palloc(Max(*count, 1) * sizeof(CountedNumber));
		for (int i = 0; i < *count; i++)
		{
			all[i].number = profile->reservoir.numbers[i];
			all[i].count = 1;
		}
	}
	qsort(all, *count, sizeof(CountedNumber), CompareNumbers);
	numbers = palloc(Max(*count, 1) * sizeof(double));
	*counts = palloc(Max(*count, 1) * sizeof(int64));
	for (int i = 0; i < *count; i++)
	{
		numbers[i] = all[i].number;
		(*counts)[i] = all[i].count;
	}
	return numbers;
}
