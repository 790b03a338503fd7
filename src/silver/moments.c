/*
 * moments.c
 *	  Mean and deviation of a column's numbers.
 */
#include "base/compat.h"

#include "silver/moments.h"

#include <math.h>

#define LARGEST_SQUARED 1e150	/* beyond, squares are infinite, and sums may be */
#define LARGE_BITS 64			/* by which large numbers are made smaller */
#define ROUNDING 0x1p-98		/* a variance is 0 that makes up less of the squares */

void
MomentsAdd(Moments *moments, double number, int64 weight)
{
	DoubleDouble once = {number, 0};

	if (!isfinite(number))
	{
		moments->others += weight;
		moments->other += number;
		return;
	}
	moments->count += weight;
	if (fabs(number) > LARGEST_SQUARED)
	{
		moments->large = AddDoubleDouble(moments->large, MultiplyExactly(ldexp(number, -LARGE_BITS), weight));
		moments->squares.high = INFINITY;
		return;
	}
	moments->sum = AddDoubleDouble(moments->sum, weight == 1 ? once : MultiplyExactly(number, weight));
	once = MultiplyExactly(number, number);
	moments->squares = AddDoubleDouble(moments->squares, weight == 1 ? once : MultiplyDoubleDouble(once, weight));
}

void
MomentsMerge(Moments *moments, const Moments *other)
{
	moments->count += other->count;
	moments->sum = AddDoubleDouble(moments->sum, other->sum);
	moments->large = AddDoubleDouble(moments->large, other->large);
	moments->squares = AddDoubleDouble(moments->squares, other->squares);
	moments->others += other->others;
	moments->other += other->other;
}

double
MomentsMean(const Moments *moments)
{
	if (moments->others > 0)
		return moments->other;
	return moments->sum.high / moments->count + moments->sum.low / moments->count +
		ldexp(moments->large.high / moments->count, LARGE_BITS);
}

/* n times the variance is sum(x^2) - sum(x)^2 / n; what rounding leaves of equal numbers is 0. */
double
MomentsDeviation(const Moments *moments)
{
	DoubleDouble product;
	DoubleDouble left;

	if (moments->others > 0)
		return NAN;
	if (!isfinite(moments->squares.high))
		return INFINITY;
	product = MultiplyExactly(moments->sum.high, moments->sum.high);
	product.low += 2 * moments->sum.high * moments->sum.low;
	left = MultiplyDoubleDouble(moments->squares, moments->count);
	left = AddDoubleDouble(left, (DoubleDouble) {-product.high, -product.low});
	if (left.high <= ROUNDING * moments->squares.high * moments->count)
		return 0;
	return sqrt(left.high) / moments->count;
}
