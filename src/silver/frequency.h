/*
 * frequency.h
 *	  How often each value of a column occurs: exact while there are few of
 *	  them, by a sample of the distinct values beyond.
 */
#ifndef MEDALLION_FREQUENCY_H
#define MEDALLION_FREQUENCY_H

#include "postgres.h"
#include "silver/state_bytes.h"

#define FREQUENCY_BYTES (8 * 1024 * 1024)	/* of sampled values, unless they are a handful */

typedef struct Frequency
{
	uint64		hash;			/* of the value: values are told apart by it */
	Datum		value;
	int64		count;
	bool		heavy;			/* stands for itself, whatever the sample */
	char		status;			/* of the hash table */
} Frequency;

typedef struct Frequencies
{
	MemoryContext context;
	struct frequency_hash *table;
	uint32		capacity;
	int			level;			/* one in 2^level values is sampled; 0: all are */
	uint32		sampled;		/* entries that are so */
	uint32		kept;			/* entries that are not, but frequent */
	Size		bytes;			/* of the sampled values, where they are not in the entries */
	bool		by_value;
	int16		length;			/* typlen */
} Frequencies;

/* Numbers that a whole column comes to. */
typedef struct FrequencyTotals
{
	double		distinct;
	double		unique;			/* values that occur once */
	double		entropy;		/* in nats */
} FrequencyTotals;

extern void FrequenciesInit(Frequencies *all, MemoryContext context, uint32 capacity, bool by_value, int16 length);

/* The value's entry, NULL if it has none. */
extern Frequency *FrequenciesFind(const Frequencies *all, uint64 hash);

/* Would a value be sampled? */
static inline bool
FrequenciesTakes(const Frequencies *all, uint64 hash)
{
	return (hash & ((UINT64CONST(1) << all->level) - 1)) == 0;
}

/* Begins to fetch from memory what FrequenciesFind() will look at. */
extern void FrequenciesPrefetch(const Frequencies *all, uint64 hash);

/* Is there no room for this value? */
extern bool FrequenciesFull(const Frequencies *all, Datum value);

/* A new entry of a value that is sampled, with a copy of it. */
extern void FrequenciesAdd(Frequencies *all, uint64 hash, Datum value, int64 count);

/* Halves the sample; values that make up a good part of a thousandth of the rows stay. */
extern void FrequenciesShrink(Frequencies *all, int64 rows);

/* No more rows come: heavy is what makes up a thousandth of them. */
extern void FrequenciesEnd(Frequencies *all, int64 rows);

/* Writes all down; adds what was written to what there is, which comes to so many rows. */
extern void FrequenciesWrite(const Frequencies *all, StateBytes *out);
extern void FrequenciesMerge(Frequencies *all, StateReader *in, int64 rows);

/* What FrequenciesWrite() wrote, entry by entry: begins, and gives the level; then the next, if there is one. */
extern int	FrequenciesReadStart(StateReader *in, uint32 *count);
extern Frequency FrequenciesReadNext(StateReader *in, const Frequencies *all);

/* All entries, in no order; the most frequent in order, equally frequent ones by their hashes. */
extern Frequency **FrequenciesList(const Frequencies *all, int *count);
extern Frequency **FrequenciesTop(const Frequencies *all, int wanted, int *count);

/* What so many rows come to. */
extern FrequencyTotals FrequenciesTotals(const Frequencies *all, int64 rows);

#endif							/* MEDALLION_FREQUENCY_H */
