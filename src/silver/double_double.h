/*
 * double_double.h
 *	  Numbers of some 106 bits, in two doubles: sums of many numbers lose less
 *	  than a double shows, in whatever order they are made.
 */
#ifndef MEDALLION_DOUBLE_DOUBLE_H
#define MEDALLION_DOUBLE_DOUBLE_H

#include "postgres.h"

#define DOUBLE_SPLITTER 134217729.0	/* 2^27 + 1: halves a double */

typedef struct DoubleDouble
{
	double		high;
	double		low;			/* what high cannot hold */
} DoubleDouble;

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
	double		a_high = DOUBLE_SPLITTER * a - (DOUBLE_SPLITTER * a - a);
	double		b_high = DOUBLE_SPLITTER * b - (DOUBLE_SPLITTER * b - b);
	double		a_low = a - a_high;
	double		b_low = b - b_high;
	DoubleDouble product;

	product.high = a * b;
	product.low = ((a_high * b_high - product.high) + a_high * b_low + a_low * b_high) + a_low * b_low;
	return product;
}

static inline DoubleDouble
AddDoubleDouble(DoubleDouble a, DoubleDouble b)
{
	DoubleDouble sum = AddExactly(a.high, b.high);

	return AddExactly(sum.high, sum.low + a.low + b.low);
}

static inline DoubleDouble
MultiplyDoubleDouble(DoubleDouble a, double b)
{
	DoubleDouble product = MultiplyExactly(a.high, b);

	return AddExactly(product.high, product.low + a.low * b);
}

#endif							/* MEDALLION_DOUBLE_DOUBLE_H */
