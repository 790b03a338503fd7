/*
 * decimal.h
 *	  Doubles to decimals and back, exactly, without the C library where the
 *	  numbers are of an everyday size.
 */
#ifndef MEDALLION_DECIMAL_H
#define MEDALLION_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [-+]digits[.digits][e[-+]digits] -> the nearest double.  False: not of that
 * form, or too long or too far from 1 for this; strtod() may still know it. */
extern bool DecimalToDouble(const char *text, size_t length, double *value);

/* A finite double other than 0 -> the fewest digits (15 to 17) that read back
 * as the same, and the exponent of the first of them. */
extern void ShortestDigits(double value, uint64_t *digits, int *exponent);

/* Is the double of these 16 digits, of which the last so many are decimals,
 * one that no fewer digits and no other 16 stand for? */
extern bool SixteenDigitsAreShortest(uint64_t digits, int decimals);

#endif							/* MEDALLION_DECIMAL_H */
