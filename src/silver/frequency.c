/*
 * frequency.c
 *	  How often each value of a column occurs.
 *
 * Gibbons' distinct sampling: when the table is full, the values whose hash
 * has one more zero bit at its end stay, and their counts are exact, for they
 * were counted from the first row on.  Every sampled value speaks for 2^level
 * values.  Values already frequent then stay too, and speak for themselves: a
 * sample of values could miss what most rows say.
 *
 * Which values are sampled is a matter of their set alone, so that parts of a
 * table, counted apart and merged, come to the same in whatever order.  A
 * frequent value stays only if all parts kept it, for else its count is unknown.
 */
#include "base/compat.h"

#include "silver/frequency.h"

#include <math.h>

#include "silver/double_double.h"


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
#define KEPT_SHARE 4096			/* one in so many, until all rows were seen */
#define KEPT_SIZE 512			/* bytes of the longest value that is kept for it */
#define HANDFUL 16				/* values, of whatever size */
#define MAX_LEVEL 48

void
FrequenciesInit(Frequencies *all, MemoryContext context, uint32 capacity, bool by_value, int16 length)
{
	memset(all, 0, sizeof(Frequencies));
	all->context = context;
	all->capacity = capacity;
	all->by_value = by_value;
	all->length = length;
	all->table = frequency_create(context, FIRST_SIZE, NULL);
}

/* Of a column of keys most values are not in the sample: they are not looked for. */
Frequency *
FrequenciesFind(const Frequencies *all, uint64 hash)
{
	if (all->kept == 0 && !FrequenciesTakes(all, hash))
		return NULL;
	return frequency_lookup(all->table, hash);
}

void
FrequenciesPrefetch(const Frequencies *all, uint64 hash)
{
	if (all->kept > 0 || FrequenciesTakes(all, hash))
		__builtin_prefetch(&all->table->data[(uint32) (hash >> 32) & all->table->sizemask]);
}

/* What a value takes beside its entry. */
static Size
ValueBytes(const Frequencies *all, Datum value)
{
	return all->by_value ? 0 : datumGetSize(value, false, all->length);
}

bool
FrequenciesFull(const Frequencies *all, Datum value)
{
	if (all->level >= MAX_LEVEL)
		return false;
	return all->sampled >= all->capacity ||
		(all->sampled >= HANDFUL && all->bytes + ValueBytes(all, value) > FREQUENCY_BYTES);
}

/* Puts in an entry; its value is in the right place already. */
static void
Insert(Frequencies *all, uint64 hash, Datum value, int64 count, bool heavy)
{
	bool		found;
	Frequency  *entry = frequency_insert(all->table, hash, &found);

	entry->value = value;
	entry->count = count;
	entry->heavy = heavy;
	if (FrequenciesTakes(all, hash))
	{
		all->sampled++;
		all->bytes += ValueBytes(all, value);
	}
	else
		all->kept++;
}

static Datum
CopyValue(const Frequencies *all, Datum value)
{
	MemoryContext before = MemoryContextSwitchTo(all->context);
	Datum		copy = datumCopy(value, all->by_value, all->length);

	MemoryContextSwitchTo(before);
	return copy;
}

void
FrequenciesAdd(Frequencies *all, uint64 hash, Datum value, int64 count)
{
	Insert(all, hash, CopyValue(all, value), count, false);
}

/* Makes the table anew at a level; what occurs more often than so stays as heavy. */
static void
Rebuild(Frequencies *all, int level, int64 seldom)
{
	frequency_hash *old = all->table;
	frequency_iterator it;
	Frequency  *entry;

	all->level = level;
	all->sampled = all->kept = 0;
	all->bytes = 0;
	all->table = frequency_create(all->context, Max(FIRST_SIZE, old->members), NULL);
	frequency_start_iterate(old, &it);
	while ((entry = frequency_iterate(old, &it)) != NULL)
	{
		bool		taken = FrequenciesTakes(all, entry->hash);
		bool		heavy = entry->count > seldom && (taken || ValueBytes(all, entry->value) <= KEPT_SIZE);

		if (heavy || taken)
			Insert(all, entry->hash, entry->value, entry->count, heavy);
		else if (!all->by_value)
			pfree(DatumGetPointer(entry->value));
	}
	frequency_destroy(old);
}

/* Halves the sample. */
void
FrequenciesShrink(Frequencies *all, int64 rows)
{
	Rebuild(all, all->level + 1, rows / KEPT_SHARE + 1);
}

/* No more rows come. */
void
FrequenciesEnd(Frequencies *all, int64 rows)
{
	if (all->level > 0)
		Rebuild(all, all->level, rows / HEAVY_SHARE + 1);
}

/* Writes all down: the level, how many, each with its hash, count and value. */
void
FrequenciesWrite(const Frequencies *all, StateBytes *out)
{
	frequency_iterator it;
	Frequency  *entry;

	WriteState(out, &all->level, sizeof(all->level));
	WriteState(out, &all->table->members, sizeof(all->table->members));
	frequency_start_iterate(all->table, &it);
	while ((entry = frequency_iterate(all->table, &it)) != NULL)
	{
		WriteState(out, &entry->hash, sizeof(entry->hash));
		WriteState(out, &entry->count, sizeof(entry->count));
		WriteStateDatum(out, entry->value, all->by_value, all->length);
	}
}

int
FrequenciesReadStart(StateReader *in, uint32 *count)
{
	int			level = *(const int *) ReadState(in, sizeof(int));

	*count = *(const uint32 *) ReadState(in, sizeof(uint32));
	return level;
}

Frequency
FrequenciesReadNext(StateReader *in, const Frequencies *all)
{
	Frequency	entry = {0};

	entry.hash = *(const uint64 *) ReadState(in, sizeof(entry.hash));
	entry.count = *(const int64 *) ReadState(in, sizeof(entry.count));
	entry.value = ReadStateDatum(in, all->by_value, all->length);
	return entry;
}

/* Is the hash among the values sampled at a level? */
static inline bool
IsTaken(uint64 hash, int level)
{
	return (hash & ((UINT64CONST(1) << level) - 1)) == 0;
}

static bool
IsOverfull(const Frequencies *all)
{
	return all->level < MAX_LEVEL &&
		(all->sampled > all->capacity || (all->sampled > HANDFUL && all->bytes > FREQUENCY_BYTES));
}

/* Marks entries: as heavy, or not. */
static void
MarkAll(Frequencies *all, bool heavy)
{
	frequency_iterator it;
	Frequency  *entry;

	frequency_start_iterate(all->table, &it);
	while ((entry = frequency_iterate(all->table, &it)) != NULL)
		entry->heavy = heavy;
}

/* To entries that cannot be kept, for the other part may have had more of them, gives a count of 0. */
static void
ForgetUnmet(Frequencies *all, int level, int theirs)
{
	frequency_iterator it;
	Frequency  *entry;

	frequency_start_iterate(all->table, &it);
	while ((entry = frequency_iterate(all->table, &it)) != NULL)
	{
		if (!entry->heavy && !IsTaken(entry->hash, level) && !IsTaken(entry->hash, theirs))
			entry->count = 0;
	}
}

/* Adds what was written; for the while "heavy" says that both parts had the value. */
void
FrequenciesMerge(Frequencies *all, StateReader *in, int64 rows)
{
	uint32		count;
	int			ours = all->level;
	int			theirs = FrequenciesReadStart(in, &count);

	MarkAll(all, false);
	for (uint32 i = 0; i < count; i++)
	{
		Frequency	entry = FrequenciesReadNext(in, all);
		Frequency  *known = frequency_lookup(all->table, entry.hash);

		if (known != NULL)
		{
			known->count += entry.count;
			known->heavy = true;
		}
		else if (IsTaken(entry.hash, ours))
			Insert(all, entry.hash, CopyValue(all, entry.value), entry.count, true);
	}
	ForgetUnmet(all, Max(ours, theirs), theirs);
	Rebuild(all, Max(ours, theirs), Max(ours, theirs) == 0 ? rows : rows / KEPT_SHARE + 1);
	while (IsOverfull(all))
		FrequenciesShrink(all, rows);
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
	DoubleDouble heavy_entropy = {0};
	DoubleDouble light_entropy = {0};
	int64		light_rows = rows;
	int64		sampled_rows = 0;
	int64		greatest = 0;
	double		weight;
	int			count;
	Frequency **list = FrequenciesList(all, &count);

	for (int i = 0; i < count; i++)
	{
		FrequencyTotals *totals = list[i]->heavy ? &heavy : &light;
		DoubleDouble *entropy = list[i]->heavy ? &heavy_entropy : &light_entropy;

		totals->distinct++;
		totals->unique += list[i]->count == 1;
		*entropy = AddDoubleDouble(*entropy, (DoubleDouble) {Surprise(list[i]->count, rows), 0});
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
	heavy.entropy = heavy_entropy.high + weight * light_entropy.high;
	return heavy;
}
