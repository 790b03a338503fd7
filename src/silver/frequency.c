/*
 * frequency.c
 *	  How often each value of a column occurs.
 *
 * Gibbons' distinct sampling: when the table is full, the values whose hash
 * has one more zero bit at its end stay, and their counts are exact, for they
 * were counted from the first row on.  Every sampled value speaks for 2^level
 * values.  Values already frequent then stay too, and speak for themselves: a
 * sample of values could miss what most rows say.
 */
#include "base/compat.h"

#include "silver/frequency.h"

#include <math.h>

#include "utils/datum.h"

#define SH_PREFIX frequency
#define SH_ELEMENT_TYPE Frequency
#define SH_KEY_TYPE uint64
#define SH_KEY hash
#define SH_HASH_KEY(table, key) ((uint32) ((key) >> 32))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define FIRST_SIZE 256			/* entries that a table begins with */
#define HEAVY_SHARE 1024		/* one in so many rows makes a value heavy */

void
FrequenciesInit(Frequencies *all, MemoryContext context, uint32 capacity, bool by_value, int16 length)
{
	all->context = context;
	all->capacity = capacity;
	all->level = 0;
	all->heavies = 0;
	all->by_value = by_value;
	all->length = length;
	all->table = frequency_create(context, FIRST_SIZE, NULL);
}

bool
FrequenciesTakes(const Frequencies *all, uint64 hash)
{
	return (hash & ((UINT64CONST(1) << all->level) - 1)) == 0;
}

/* Of a column of keys most values are not in the sample: they are not looked for. */
Frequency *
FrequenciesFind(const Frequencies *all, uint64 hash)
{
	if (all->heavies == 0 && !FrequenciesTakes(all, hash))
		return NULL;
	return frequency_lookup(all->table, hash);
}

bool
FrequenciesFull(const Frequencies *all)
{
	return all->table->members >= all->capacity;
}

void
FrequenciesAdd(Frequencies *all, uint64 hash, Datum value)
{
	bool		found;
	MemoryContext before = MemoryContextSwitchTo(all->context);
	Frequency  *entry = frequency_insert(all->table, hash, &found);

	entry->count = 1;
	entry->heavy = false;
	entry->value = datumCopy(value, all->by_value, all->length);
	MemoryContextSwitchTo(before);
}

/* Halves the sample. */
void
FrequenciesShrink(Frequencies *all, int64 rows)
{
	frequency_hash *old = all->table;
	frequency_iterator it;
	Frequency  *entry;

	all->level++;
	all->heavies = 0;
	all->table = frequency_create(all->context, FIRST_SIZE, NULL);
	frequency_start_iterate(old, &it);
	while ((entry = frequency_iterate(old, &it)) != NULL)
	{
		bool		found;
		bool		heavy = entry->heavy || entry->count > rows / HEAVY_SHARE + 1;

		if (heavy || FrequenciesTakes(all, entry->hash))
		{
			Frequency  *kept = frequency_insert(all->table, entry->hash, &found);

			kept->value = entry->value;
			kept->count = entry->count;
			kept->heavy = heavy;
			all->heavies += heavy;
		}
		else if (!all->by_value)
			pfree(DatumGetPointer(entry->value));
	}
	frequency_destroy(old);
}

/* All entries, in no order. */
Frequency **
FrequenciesList(const Frequencies *all, int *count)
{
	Frequency **list = palloc(Max(all->table->members, 1) * sizeof(Frequency *));
	frequency_iterator it;
	Frequency  *entry;

	*count = 0;
	frequency_start_iterate(all->table, &it);
	while ((entry = frequency_iterate(all->table, &it)) != NULL)
		list[(*count)++] = entry;
	return list;
}

/* Does a value come before another?  Equally frequent ones go by their hashes. */
static bool
IsMoreFrequent(const Frequency *a, const Frequency *b)
{
	return a->count > b->count || (a->count == b->count && a->hash < b->hash);
}

/* The most frequent, in order. */
Frequency **
FrequenciesTop(const Frequencies *all, int wanted, int *count)
{
	Frequency **top = palloc((wanted + 1) * sizeof(Frequency *));
	int			total;
	Frequency **list = FrequenciesList(all, &total);

	*count = 0;
	for (int i = 0; i < total; i++)
	{
		int			place = *count;

		while (place > 0 && IsMoreFrequent(list[i], top[place - 1]))
		{
			top[place] = top[place - 1];
			place--;
		}
		top[place] = list[i];	/* there is room for one too many */
		*count = Min(*count + 1, wanted);
	}
	pfree(list);
	return top;
}

/* -p ln p of a value that occurs so often. */
static double
Surprise(double count, double rows)
{
	return -(count / rows) * log(count / rows);
}

/*
 * How many values one sampled value speaks for.  Where none of them weighs much,
 * the rows that they leave tell it better than 2^level: of a key's values each
 * has one row, without an error.
 */
static double
SampleWeight(const Frequencies *all, int64 light_rows, int64 sampled_rows, int64 greatest)
{
	if (all->level == 0 || sampled_rows == 0)
		return 1;
	if (greatest * 100 < sampled_rows)
		return (double) light_rows / sampled_rows;
	return ldexp(1.0, all->level);
}

/* What so many rows come to. */
FrequencyTotals
FrequenciesTotals(const Frequencies *all, int64 rows)
{
	FrequencyTotals heavy = {0};
	FrequencyTotals light = {0};
	int64		light_rows = rows;
	int64		sampled_rows = 0;
	int64		greatest = 0;
	double		weight;
	int			count;
	Frequency **list = FrequenciesList(all, &count);

	for (int i = 0; i < count; i++)
	{
		FrequencyTotals *totals = list[i]->heavy ? &heavy : &light;

		totals->distinct++;
		totals->unique += list[i]->count == 1;
		totals->entropy += Surprise(list[i]->count, rows);
		if (list[i]->heavy)
			light_rows -= list[i]->count;
		else
		{
			sampled_rows += list[i]->count;
			greatest = Max(greatest, list[i]->count);
		}
	}
	pfree(list);
	weight = SampleWeight(all, light_rows, sampled_rows, greatest);
	heavy.distinct += rint(weight * light.distinct);
	heavy.unique += rint(weight * light.unique);
	heavy.entropy += weight * light.entropy;
	return heavy;
}
