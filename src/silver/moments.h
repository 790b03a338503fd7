/*
 * moments.h
 *	  Mean and deviation of a column's numbers.
 *
 * Sums are kept in two doubles each, so that the order of the numbers does not matter.
 */
#ifndef MEDALLION_MOMENTS_H
#define MEDALLION_MOMENTS_H

#include "postgres.h"
#include "silver/double_double.h"

typedef struct Moments
{
	int64		count;			/* of finite numbers */
	DoubleDouble sum;
	DoubleDouble large;			/* sum of those whose squares are too large, times 2^-64 */
	DoubleDouble squares;
	int64		others;			/* NaN and the infinities */
	double		other;			/* their sum */
} Moments;

/* Adds a number that occurs so often. */
extern void MomentsAdd(Moments *moments, double number, int64 weight);
extern void MomentsMerge(Moments *moments, const Moments *other);

extern double MomentsMean(const Moments *moments);
extern double MomentsDeviation(const Moments *moments);	/* of the population */

#endif							/* MEDALLION_MOMENTS_H */
