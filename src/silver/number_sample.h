/*
 * number_sample.h
 *	  A sample of a column's numbers, for quantiles once there are too many to count.
 *
 * Every row has a random number of its own; rows whose number is below a limit
 * are sampled, and the limit is halved when there are too many.  The same rows
 * are the same sample, in whatever order they come and in how many parts.
 */
#ifndef MEDALLION_NUMBER_SAMPLE_H
#define MEDALLION_NUMBER_SAMPLE_H

#include "postgres.h"
#include "silver/state_bytes.h"

#define SAMPLE_SIZE 32768		/* at most; at least half of it, once the limit was halved */

typedef struct SampledNumber
{
	uint64		ticket;			/* of the row */
	double		number;
} SampledNumber;

typedef struct NumberSample
{
	MemoryContext context;
	SampledNumber *numbers;
	int			count;
	int			room;
	uint64		limit;
} NumberSample;

static inline bool
SampleWants(const NumberSample *sample, uint64 ticket)
{
	return ticket <= sample->limit;
}

extern void SampleInit(NumberSample *sample, MemoryContext context);

/* Puts in a number whose row SampleWants(). */
extern void SampleAdd(NumberSample *sample, uint64 ticket, double number);

extern void SampleWrite(const NumberSample *sample, StateBytes *out);
extern void SampleMerge(NumberSample *sample, StateReader *in);

#endif							/* MEDALLION_NUMBER_SAMPLE_H */
