/*
 * moments.c
 *	  Mean and deviation of a column's numbers.
 */
#include "base/compat.h"

#include "silver/moments.h"

#include <math.h>

#define SPLITTER 134217729.0	/* 2^27 + 1: halves a double */
#define LARGEST_SQUARED 1e150	/* beyond, squares are infinite */
#define ROUNDING 0x1p-98		/* a variance is 0 that makes up less of the squares */

/* a + b, without an error (Knuth). */
static inline DoubleDouble
AddExactly(double a, double b)
{
	DoubleDouble sum;
	double		part;

	sum.high = a + b;
	part = sum.high - a;
	sum.low = (a - (sum.high - part)) + (b - part);
	return sum;
}

/* a * b, without an error (Dekker). */
static inline DoubleDouble
MultiplyExactly(double a, double b)
{
	double		a_high = SPLITTER * a - (SPLITTER * a - a);
	double		b_high = SPLITTER * b - (SPLITTER * b - b);
	double		a_low = a - a_high;
	double		b_low = b - b_high;
	DoubleDouble product;

	product.high = a * b;
	product.low = ((a_high * b_high - product.high) + a_high * b_low + a_low * b_high) + a_low * b_low;
	return product;
}

static inline DoubleDouble
Add(DoubleDouble a, DoubleDouble b)
{
	DoubleDouble sum = AddExactly(a.high, b.high);

	return AddExactly(sum.high, sum.low + a.low + b.low);
}

static inline DoubleDouble
Multiply(DoubleDouble a, double b)
{
	DoubleDouble product = MultiplyExactly(a.high, b);

	return AddExactly(product.high, product.low + a.low * b);
}

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
		moments->sum.high += number * weight;
		moments->squares.high = INFINITY;
		return;
	}
	moments->sum = Add(moments->sum, weight == 1 ? once : MultiplyExactly(number, weight));
	once = MultiplyExactly(number, number);
	moments->squares = Add(moments->squares, weight == 1 ? once : Multiply(once, weight));
}

void
MomentsMerge(Moments *moments, const Moments *other)
{
	moments->count += other->count;
	moments->sum = Add(moments->sum, other->sum);
	moments->squares = Add(moments->squares, other->squares);
	moments->others += other->others;
	moments->other += other->other;
}

double
MomentsMean(const Moments *moments)
{
	if (moments->others > 0)
		return moments->other;
	return moments->sum.high / moments->count + moments->sum.low / moments->count;
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
	left = Multiply(moments->squares, moments->count);
	left = Add(left, (DoubleDouble) {-product.high, -product.low});
	if (left.high <= ROUNDING * moments->squares.high * moments->count)
		return 0;
	return sqrt(left.high) / moments->count;
}
