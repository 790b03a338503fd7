/*
 * number_sample.c
 *	  A sample of a column's numbers, for quantiles once there are too many to count.
 */
#include "base/compat.h"

#include "silver/number_sample.h"

#include "utils/memutils.h"

#define FIRST_ROOM 256			/* numbers */

void
SampleInit(NumberSample *sample, MemoryContext context)
{
	sample->context = context;
	sample->room = FIRST_ROOM;
	sample->numbers = MemoryContextAlloc(context, FIRST_ROOM * sizeof(SampledNumber));
	sample->count = 0;
	sample->limit = PG_UINT64_MAX;
}

/* Takes out what a lower limit leaves out. */
static void
Lower(NumberSample *sample, uint64 limit)
{
	int			kept = 0;

	sample->limit = limit;
	for (int i = 0; i < sample->count; i++)
	{
		if (SampleWants(sample, sample->numbers[i].ticket))
			sample->numbers[kept++] = sample->numbers[i];
	}
	sample->count = kept;
}

void
SampleAdd(NumberSample *sample, uint64 ticket, double number)
{
	while (sample->count == SAMPLE_SIZE && sample->limit > 0)
		Lower(sample, sample->limit / 2);
	if (sample->count == SAMPLE_SIZE || !SampleWants(sample, ticket))
		return;
	if (sample->count == sample->room)
	{
		sample->room *= 2;
		sample->numbers = repalloc(sample->numbers, sample->room * sizeof(SampledNumber));
	}
	sample->numbers[sample->count].ticket = ticket;
	sample->numbers[sample->count++].number = number;
}

void
SampleWrite(const NumberSample *sample, StateBytes *out)
{
	WriteState(out, &sample->limit, sizeof(sample->limit));
	WriteState(out, &sample->count, sizeof(sample->count));
	WriteState(out, sample->numbers, sample->count * sizeof(SampledNumber));
}

void
SampleMerge(NumberSample *sample, StateReader *in)
{
	uint64		limit = *(const uint64 *) ReadState(in, sizeof(uint64));
	int			count = *(const int *) ReadState(in, sizeof(int));
	const SampledNumber *numbers = ReadState(in, count * sizeof(SampledNumber));

	if (limit < sample->limit)
		Lower(sample, limit);
	for (int i = 0; i < count; i++)
	{
		if (SampleWants(sample, numbers[i].ticket))
			SampleAdd(sample, numbers[i].ticket, numbers[i].number);
	}
}
