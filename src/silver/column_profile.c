/*
 * column_profile.c
 *	  What is gathered of one column while its values pass by.
 *
 *	  value -> hash -> its frequency, or, if that is not known, sketch of distinct values
 *	               -> (once per distinct value, while all are counted; for each
 *	                  row beyond) extremes, moments, lengths, types, patterns
 *
 * Most columns have few distinct values: what is costly is asked of each of
 * these once, with its count, instead of once per row.
 *
 * Profiles of parts of a table are merged by way of their bytes: a profile
 * whose values are all counted is its values and their counts, which are taken
 * in again; of others every part has its own way.
 */
#include "base/compat.h"

#include "silver/column_profile.h"

#include <math.h>

#include "port/pg_bitutils.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#define SKETCH_WIDTH 14			/* 2^14 registers: a standard error of 0.8 % */

void
ColumnProfileInit(ColumnProfile *profile, Oid type, uint32 capacity)
{
	memset(profile, 0, sizeof(ColumnProfile));
	profile->context = CurrentMemoryContext;
	profile->capacity = capacity;
	ColumnTypeInit(&profile->type, type);
	initHyperLogLog(&profile->sketch, SKETCH_WIDTH);
	FrequenciesInit(&profile->frequencies, profile->context, capacity, profile->type.by_value, profile->type.length);
	if (profile->type.kind == VALUE_NUMBER)
		SampleInit(&profile->sample, profile->context);
	if (profile->type.kind == VALUE_TEXT)
		TextProfileInit(&profile->texts, profile->context);
}

bool
ColumnProfileIsExact(const ColumnProfile *profile)
{
	return profile->frequencies.level == 0;
}

/* addHyperLogLog(), which looks at one bit after the other. */
static inline void
AddToSketch(hyperLogLogState *sketch, uint64 hash)
{
	uint32		high = (uint32) (hash >> 32);
	uint32		rest = high << SKETCH_WIDTH;
	uint8		zeros = rest == 0 ? 32 - SKETCH_WIDTH : 31 - pg_leftmost_one_pos32(rest);
	uint8	   *place = &sketch->hashesArr[high >> (32 - SKETCH_WIDTH)];

	if (*place <= zeros)
		*place = zeros + 1;
}

/* Puts a copy of a value in the place of another. */
static void
KeepExtreme(ColumnProfile *profile, Datum *place, Datum value)
{
	MemoryContext before = MemoryContextSwitchTo(profile->context);

	if (profile->has_extremes && !profile->type.by_value)
		pfree(DatumGetPointer(*place));
	*place = datumCopy(value, profile->type.by_value, profile->type.length);
	MemoryContextSwitchTo(before);
}

/* Which of two values comes first; their ranks mostly tell. */
static inline int
CompareRanked(const ColumnProfile *profile, Datum a, uint64 a_rank, Datum b, uint64 b_rank)
{
	if (a_rank != b_rank)
		return a_rank < b_rank ? -1 : 1;
	return ColumnTypeCompare(&profile->type, a, b);
}

static void
DescribeOrder(ColumnProfile *profile, Datum value)
{
	uint64		rank;

	if (!ColumnTypeHasOrder(&profile->type))
		return;
	rank = ColumnTypeRank(&profile->type, value);
	if (profile->has_extremes && rank > profile->least && rank < profile->greatest)
		return;
	if (!profile->has_extremes || CompareRanked(profile, value, rank, profile->minimum, profile->least) < 0)
	{
		KeepExtreme(profile, &profile->minimum, value);
		profile->least = rank;
	}
	if (!profile->has_extremes || CompareRanked(profile, value, rank, profile->maximum, profile->greatest) > 0)
	{
		KeepExtreme(profile, &profile->maximum, value);
		profile->greatest = rank;
	}
	profile->has_extremes = true;
}

/* Adds a value that occurs so often to what is known of values. */
static void
Describe(ColumnProfile *profile, Datum value, int64 weight)
{
	DescribeOrder(profile, value);
	if (profile->type.kind == VALUE_NUMBER)
		MomentsAdd(&profile->moments, ColumnTypeNumber(&profile->type, value), weight);
	else if (profile->type.kind == VALUE_TEXT)
		TextProfileAdd(&profile->texts, value, weight);
}

/* The most frequent first; then by their hashes. */
static int
CompareCounts(const void *a, const void *b)
{
	const Frequency *left = *(Frequency *const *) a;
	const Frequency *right = *(Frequency *const *) b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return left->hash < right->hash ? -1 : left->hash > right->hash;
}

/* Describes all values that were only counted so far: of texts the frequent ones first, whose patterns are to be kept. */
static void
DescribeCounted(ColumnProfile *profile)
{
	int			count;
	Frequency **list = FrequenciesList(&profile->frequencies, &count);

	if (profile->type.kind == VALUE_TEXT)
		qsort(list, count, sizeof(Frequency *), CompareCounts);
	for (int i = 0; i < count; i++)
		Describe(profile, list[i]->value, list[i]->count);
	pfree(list);
}

/* Counts a value that is not known yet. */
static void
CountNew(ColumnProfile *profile, uint64 hash, Datum value, int64 weight)
{
	Frequencies *all = &profile->frequencies;

	AddToSketch(&profile->sketch, hash);
	if (!FrequenciesTakes(all, hash))
		return;
	while (FrequenciesFull(all, value))
	{
		if (all->level == 0)
			DescribeCounted(profile);
		FrequenciesShrink(all, profile->rows);
	}
	if (FrequenciesTakes(all, hash))
		FrequenciesAdd(all, hash, value, weight);
}

/* Counts a value that occurs so often; describes it where not all of them are counted. */
static inline void
CountValue(ColumnProfile *profile, uint64 hash, Datum value, int64 weight)
{
	Frequency  *known = FrequenciesFind(&profile->frequencies, hash);

	if (known != NULL)
		known->count += weight;
	else
		CountNew(profile, hash, value, weight);
	if (profile->frequencies.level > 0)
		Describe(profile, value, weight);
	profile->rows += weight;
}

void
ColumnProfileSee(ColumnProfile *profile, Datum value, bool isnull)
{
	profile->seen_null = isnull;
	if (isnull)
		return;
	if (profile->type.length == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	profile->seen = value;
	profile->seen_hash = ColumnTypeHash(&profile->type, value);
	FrequenciesPrefetch(&profile->frequencies, profile->seen_hash);
}

void
ColumnProfileAdd(ColumnProfile *profile, uint64 ticket)
{
	if (profile->seen_null)
	{
		profile->nulls++;
		return;
	}
	if (profile->type.kind == VALUE_NUMBER && SampleWants(&profile->sample, ticket))
		SampleAdd(&profile->sample, ticket, ColumnTypeNumber(&profile->type, profile->seen));
	CountValue(profile, profile->seen_hash, profile->seen, 1);
}

/* What every value was added to. */
static void
WriteDescribed(ColumnProfile *profile, StateBytes *out)
{
	const ColumnType *type = &profile->type;

	WriteState(out, &profile->rows, sizeof(profile->rows));
	WriteState(out, profile->sketch.hashesArr, profile->sketch.arrSize);
	WriteState(out, &profile->has_extremes, sizeof(bool));
	if (profile->has_extremes)
	{
		WriteStateDatum(out, profile->minimum, type->by_value, type->length);
		WriteStateDatum(out, profile->maximum, type->by_value, type->length);
	}
	if (type->kind == VALUE_NUMBER)
		WriteState(out, &profile->moments, sizeof(Moments));
	if (type->kind == VALUE_TEXT)
		TextProfileWrite(&profile->texts, out);
}

/* Writes all down: of a profile that counted all values, these alone. */
void
ColumnProfileWrite(ColumnProfile *profile, StateBytes *out)
{
	bool		exact = ColumnProfileIsExact(profile);

	WriteState(out, &profile->nulls, sizeof(profile->nulls));
	WriteState(out, &exact, sizeof(exact));
	FrequenciesWrite(&profile->frequencies, out);
	if (!exact)
		WriteDescribed(profile, out);
	if (profile->type.kind == VALUE_NUMBER)
		SampleWrite(&profile->sample, out);
}

static void
MergeDescribed(ColumnProfile *profile, StateReader *in)
{
	const ColumnType *type = &profile->type;
	const uint8 *registers;

	profile->rows += *(const int64 *) ReadState(in, sizeof(int64));
	registers = ReadState(in, profile->sketch.arrSize);
	for (Size i = 0; i < profile->sketch.arrSize; i++)
		profile->sketch.hashesArr[i] = Max(profile->sketch.hashesArr[i], registers[i]);
	if (*(const bool *) ReadState(in, sizeof(bool)))
	{
		DescribeOrder(profile, ReadStateDatum(in, type->by_value, type->length));
		DescribeOrder(profile, ReadStateDatum(in, type->by_value, type->length));
	}
	if (type->kind == VALUE_NUMBER)
		MomentsMerge(&profile->moments, ReadState(in, sizeof(Moments)));
	if (type->kind == VALUE_TEXT)
		TextProfileMerge(&profile->texts, in);
}

/* Takes in values that were counted, as if they came one by one. */
static void
MergeCounted(ColumnProfile *profile, StateReader *in)
{
	uint32		count;

	(void) FrequenciesReadStart(in, &count);
	for (uint32 i = 0; i < count; i++)
	{
		Frequency	entry = FrequenciesReadNext(in, &profile->frequencies);

		CountValue(profile, entry.hash, entry.value, entry.count);
	}
}

/* Merges a profile that did not count all values; the one at hand does so no more either. */
static void
MergeSampled(ColumnProfile *profile, StateReader *in)
{
	StateReader frequencies = *in;
	uint32		count;

	if (ColumnProfileIsExact(profile))
		DescribeCounted(profile);
	(void) FrequenciesReadStart(in, &count);
	for (uint32 i = 0; i < count; i++)
		(void) FrequenciesReadNext(in, &profile->frequencies);
	MergeDescribed(profile, in);
	FrequenciesMerge(&profile->frequencies, &frequencies, profile->rows);
}

void
ColumnProfileMerge(ColumnProfile *profile, StateReader *in)
{
	profile->nulls += *(const int64 *) ReadState(in, sizeof(int64));
	if (*(const bool *) ReadState(in, sizeof(bool)))
		MergeCounted(profile, in);
	else
		MergeSampled(profile, in);
	if (profile->type.kind == VALUE_NUMBER)
		SampleMerge(&profile->sample, in);
}

void
ColumnProfileEnd(ColumnProfile *profile)
{
	if (ColumnProfileIsExact(profile))
		DescribeCounted(profile);
	FrequenciesEnd(&profile->frequencies, profile->rows);
	if (profile->type.kind == VALUE_TEXT)
		TextProfileEnd(&profile->texts);
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

/* The numbers that were counted, or those of the sample. */
static CountedNumber *
ListNumbers(const ColumnProfile *profile, int *count)
{
	CountedNumber *all;

	if (ColumnProfileIsExact(profile))
	{
		Frequency **list = FrequenciesList(&profile->frequencies, count);

		all = palloc(Max(*count, 1) * sizeof(CountedNumber));
		for (int i = 0; i < *count; i++)
		{
			all[i].number = ColumnTypeNumber(&profile->type, list[i]->value);
			all[i].count = list[i]->count;
		}
		return all;
	}
	*count = profile->sample.count;
	all = palloc(Max(*count, 1) * sizeof(CountedNumber));
	for (int i = 0; i < *count; i++)
	{
		all[i].number = profile->sample.numbers[i].number;
		all[i].count = 1;
	}
	return all;
}

double *
ColumnProfileNumbers(const ColumnProfile *profile, int64 **counts, int *count)
{
	CountedNumber *all = ListNumbers(profile, count);
	double	   *numbers = palloc(Max(*count, 1) * sizeof(double));

	qsort(all, *count, sizeof(CountedNumber), CompareNumbers);
	*counts = palloc(Max(*count, 1) * sizeof(int64));
	for (int i = 0; i < *count; i++)
	{
		numbers[i] = all[i].number;
		(*counts)[i] = all[i].count;
	}
	return numbers;
}
