/*
 * inflate.h
 *	  Unpacks the deflated bytes of a container entry, and sums them up.
 */
#ifndef MEDALLION_INFLATE_H
#define MEDALLION_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Inflater Inflater;

/* NULL: out of memory. */
extern Inflater *InflaterCreate(void);
extern void InflaterFree(Inflater *inflater);

/* Makes ready for a new stream; false: out of memory. */
extern bool InflaterStart(Inflater *inflater);

/* Gives it more input; what it was given before must be used up. */
extern void InflaterFeed(Inflater *inflater, const char *input, size_t length);
extern size_t InflaterPending(const Inflater *inflater);	/* input not used up */

/* Unpacks up to length bytes; fewer if the input or the stream ends; -1 if the
 * stream is damaged. */
extern ptrdiff_t InflaterRun(Inflater *inflater, char *output, size_t length);
extern bool InflaterFinished(const Inflater *inflater);	/* the stream has ended */

/* The CRC-32 of zip, carried on from the one of the bytes before (0 at first). */
extern uint32_t Checksum(uint32_t sum, const char *data, size_t length);

#endif							/* MEDALLION_INFLATE_H */
