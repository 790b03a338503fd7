/*
 * scan.h
 *	  Finds bytes in text, many at a time where the processor can.
 *
 * Cells are short: most of the time of a loop over bytes goes into guessing
 * wrongly where it ends.  All scans read whole blocks, so SCAN_PAD bytes behind
 * the text must be there to be read, and be set: what is found there does not count,
 * but no tool can tell.
 */
#ifndef MEDALLION_SCAN_H
#define MEDALLION_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCAN_PAD 64
#define SCAN_BYTES 4

/* What each cell passes through: worth its room wherever it is called. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Up to four bytes to look for. */
typedef struct ByteSet
{
	unsigned char splat[SCAN_BYTES][16];
} ByteSet;

/* What a scan that goes on from cell to cell knows of the block at hand. */
typedef struct BlockScan
{
	const char *block;			/* NULL at first */
	uint64_t	found;			/* its bytes that are in the set, one bit for each */
} BlockScan;

/* Sets up to look for the bytes; a byte may be given twice. */
static inline void
FillByteSet(ByteSet *set, char a, char b, char c, char d)
{
	memset(set->splat[0], a, 16);
	memset(set->splat[1], b, 16);
	memset(set->splat[2], c, 16);
	memset(set->splat[3], d, 16);
}

#ifdef __SSE2__
#include <emmintrin.h>

/* Which of sixteen bytes are in the set, one bit for each. */
static inline unsigned int
MatchBlock(const ByteSet *set, const char *p)
{
	const __m128i *splat = (const __m128i *) set->splat;
	__m128i		block = _mm_loadu_si128((const __m128i *) p);
	__m128i		ab = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_loadu_si128(splat)),
								  _mm_cmpeq_epi8(block, _mm_loadu_si128(splat + 1)));
	__m128i		cd = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_loadu_si128(splat + 2)),
								  _mm_cmpeq_epi8(block, _mm_loadu_si128(splat + 3)));

	return _mm_movemask_epi8(_mm_or_si128(ab, cd));
}

/* The first byte of the set at p or behind: there must be one.  p only grows. */
static ALWAYS_INLINE const char *
ScanOn(BlockScan *scan, const ByteSet *set, const char *p)
{
	for (;;)
	{
		size_t		at = p - scan->block;

		if (scan->block == NULL || at >= 64)
		{
			scan->block = p;
			scan->found = MatchBlock(set, p) | (uint64_t) MatchBlock(set, p + 16) << 16 |
				(uint64_t) MatchBlock(set, p + 32) << 32 | (uint64_t) MatchBlock(set, p + 48) << 48;
			at = 0;
		}
		if (scan->found >> at != 0)
			return p + __builtin_ctzll(scan->found >> at);
		p = scan->block + 64;
	}
}

/* The first byte of the set before end; end if there is none. */
static inline const char *
ScanBefore(const ByteSet *set, const char *p, const char *end)
{
	for (; p < end; p += 16)
	{
		unsigned int found = MatchBlock(set, p);

		if (found != 0)
		{
			p += __builtin_ctz(found);
			return p < end ? p : end;
		}
	}
	return end;
}

#else

/* Is a byte in the set? */
static inline bool
IsInSet(const ByteSet *set, char byte)
{
	unsigned char c = byte;

	return c == set->splat[0][0] || c == set->splat[1][0] || c == set->splat[2][0] || c == set->splat[3][0];
}

/* The first byte of the set at p or behind: there must be one. */
static ALWAYS_INLINE const char *
ScanOn(BlockScan *scan, const ByteSet *set, const char *p)
{
	(void) scan;
	while (!IsInSet(set, *p))
		p++;
	return p;
}

/* The first byte of the set before end; end if there is none. */
static inline const char *
ScanBefore(const ByteSet *set, const char *p, const char *end)
{
	while (p < end && !IsInSet(set, *p))
		p++;
	return p;
}

#endif							/* __SSE2__ */

#endif							/* MEDALLION_SCAN_H */
