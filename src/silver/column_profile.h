/*
 * column_profile.h
 *	  What is gathered of one column while its values pass by.
 */
#ifndef MEDALLION_COLUMN_PROFILE_H
#define MEDALLION_COLUMN_PROFILE_H

#include "postgres.h"
#include "lib/hyperloglog.h"
#include "silver/column_type.h"
#include "silver/frequency.h"
#include "silver/moments.h"
#include "silver/number_sample.h"
#include "silver/text_profile.h"

typedef struct ColumnProfile
{
	MemoryContext context;		/* lives as long as the profile */
	ColumnType	type;
	uint32		capacity;

	/* the value at hand */
	bool		seen_null;
	Datum		seen;
	uint64		seen_hash;

	int64		nulls;
	int64		rows;			/* that are not NULL */
	hyperLogLogState sketch;
	Frequencies frequencies;	/* of values */
	NumberSample sample;		/* of numbers */

	/* what every value, or every distinct one by its frequency, adds to */
	bool		has_extremes;
	Datum		minimum;
	Datum		maximum;
	uint64		least;			/* their ranks */
	uint64		greatest;
	Moments		moments;		/* of numbers */
	TextProfile texts;
} ColumnProfile;

/* Begins the profile of a column: capacity distinct values are counted exactly. */
extern void ColumnProfileInit(ColumnProfile *profile, Oid type, uint32 capacity);

/*
 * Takes in one value, in two steps: between them those of the other columns of
 * the row are seen, so that memory has time to answer.  The row has a random
 * number of its own.  Leaves garbage in the current memory context.
 */
extern void ColumnProfileSee(ColumnProfile *profile, Datum value, bool isnull);
extern void ColumnProfileAdd(ColumnProfile *profile, uint64 ticket);

/* Writes all down; adds what the profile of other rows wrote. */
extern void ColumnProfileWrite(ColumnProfile *profile, StateBytes *out);
extern void ColumnProfileMerge(ColumnProfile *profile, StateReader *in);

/* Ends it: every value is described. */
extern void ColumnProfileEnd(ColumnProfile *profile);

/* Every value was counted. */
extern bool ColumnProfileIsExact(const ColumnProfile *profile);

/* The numbers in order, each with its count; estimated ones count 1. */
extern double *ColumnProfileNumbers(const ColumnProfile *profile, int64 **counts, int *count);

#endif							/* MEDALLION_COLUMN_PROFILE_H */
