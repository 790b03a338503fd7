/*
 * frequency.h
 *	  How often each value of a column occurs: exact while there are few of
 *	  them, by a sample of the distinct values beyond.
 */
#ifndef MEDALLION_FREQUENCY_H
#define MEDALLION_FREQUENCY_H

#include "postgres.h"

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
	int			heavies;		/* values kept whatever their hash */
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

/* Would a value be sampled?  Is there room for one more? */
extern bool FrequenciesTakes(const Frequencies *all, uint64 hash);
extern bool FrequenciesFull(const Frequencies *all);

/* A new entry, with a copy of the value. */
extern void FrequenciesAdd(Frequencies *all, uint64 hash, Datum value);

/* Halves the sample; values that make up a thousandth of the rows stay. */
extern void FrequenciesShrink(Frequencies *all, int64 rows);

/* All entries, in no order; the most frequent in order, equally frequent ones by their hashes. */
extern Frequency **FrequenciesList(const Frequencies *all, int *count);
extern Frequency **FrequenciesTop(const Frequencies *all, int wanted, int *count);

/* What so many rows come to. */
extern FrequencyTotals FrequenciesTotals(const Frequencies *all, int64 rows);

#endif							/* MEDALLION_FREQUENCY_H */
