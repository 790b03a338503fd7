/*
 * column_profile.h
 *	  What is gathered of one column while its values pass by.
 */
#ifndef MEDALLION_COLUMN_PROFILE_H
#define MEDALLION_COLUMN_PROFILE_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "base/classify.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "lib/hyperloglog.h"
#include "silver/frequency.h"

#define QUANTILE_SAMPLE 16384	/* values kept for quantiles once there are too many to count */

typedef enum ValueKind
{
	VALUE_NUMBER, VALUE_TEXT, VALUE_OTHER
} ValueKind;

/* A sample of so many numbers of a stream, each equally likely (algorithm L). */
typedef struct Reservoir
{
	double	   *numbers;
	int			count;
	int64		seen;
	int64		next;			/* the one to take next */
	double		width;
	pg_prng_state random;
} Reservoir;

typedef struct ColumnProfile
{
	MemoryContext context;		/* lives as long as the profile */
	char	   *name;
	Oid			type;
	ValueKind	kind;
	bool		by_value;
	int16		length;
	Oid			collation;
	FmgrInfo   *hash;			/* NULL: by the bytes of the value */
	FmgrInfo   *compare;		/* NULL: by bytes, or not at all */
	FmgrInfo	output;
	PGFunction	to_double;		/* numbers */

	int64		nulls;
	int64		rows;			/* that are not NULL */
	hyperLogLogState sketch;
	Frequencies frequencies;	/* of values */
	Reservoir	reservoir;		/* of numbers */

	/* what every value, or every distinct one by its frequency, adds to */
	int64		described;
	bool		has_extremes;
	Datum		minimum;
	Datum		maximum;
	double		number;			/* the value at hand, of numbers */
	double		least;			/* the extremes, of numbers */
	double		greatest;
	double		mean;
	double		squares;		/* sum of squared distances from the mean */
	int64		characters;		/* texts */
	int			shortest;
	int			longest;
	int64		types[VT_TEXT + 1];
	Frequencies patterns;		/* of texts' patterns */
} ColumnProfile;

/* Begins the profile of a column: capacity distinct values are counted exactly. */
extern void ColumnProfileInit(ColumnProfile *profile, Form_pg_attribute attribute, uint32 capacity);

/* Takes in one value; leaves garbage in the current memory context. */
extern void ColumnProfileAdd(ColumnProfile *profile, Datum value, bool isnull);

/* Ends it: every value is described. */
extern void ColumnProfileEnd(ColumnProfile *profile);

/* Every value was counted. */
extern bool ColumnProfileIsExact(const ColumnProfile *profile);

/* The numbers in order, each with its count; estimated ones count 1. */
extern double *ColumnProfileNumbers(const ColumnProfile *profile, int64 **counts, int *count);

/* A value as text. */
extern char *ColumnProfileText(ColumnProfile *profile, Datum value);

#endif							/* MEDALLION_COLUMN_PROFILE_H */
