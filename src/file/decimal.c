/*
 * decimal.c
 *	  Doubles to decimals and back, exactly.
 *
 * Most numbers of a table lie between a millionth and a million millions and
 * have at most 19 digits.  For them the scaling by a power of ten is exact in
 * 128 bits, so the results are those of strtod() and printf(), which are what
 * is used for all others.  test/file/decimal_check.c compares the two.
 */
#include "file/decimal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Elsewhere, or where doubles are computed in wider registers, all is left to
 * the library. */
#if defined(__SIZEOF_INT128__) && FLT_EVAL_METHOD == 0
#define HAVE_EXACT_ARITHMETIC
#endif

#ifdef HAVE_EXACT_ARITHMETIC

#define MANTISSA_BITS 53
#define EXACT_INTEGER (UINT64_C(1) << MANTISSA_BITS)
#define MAX_DIGITS 19			/* so many always fit 64 bits */
#define MAX_POWER 19			/* 10^19 is the last power of ten that fits 64 bits */
#define MAX_SCALE 22			/* 2^53 * 10^22 is the last that fits 128 bits */

__extension__ typedef unsigned __int128 Wide;

static const uint64_t integer_powers[MAX_POWER + 1] = {
	UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000), UINT64_C(10000), UINT64_C(100000),
	UINT64_C(1000000), UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000),
	UINT64_C(10000000000), UINT64_C(100000000000), UINT64_C(1000000000000),
	UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000),
	UINT64_C(10000000000000000), UINT64_C(100000000000000000), UINT64_C(1000000000000000000),
	UINT64_C(10000000000000000000)
};

/* Exact, all of them. */
static const double double_powers[MAX_SCALE + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
	1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

/* Significant bits. */
static int
BitLength(Wide value)
{
	uint64_t	high = value >> 64;

	if (high != 0)
		return 128 - __builtin_clzll(high);
	return (uint64_t) value == 0 ? 0 : 64 - __builtin_clzll((uint64_t) value);
}

/* value / 2^shift, rounded half to even; sticky: something smaller was cut off before. */
static uint64_t
ShiftRounded(Wide value, int shift, bool sticky)
{
	Wide		kept = value >> shift;
	Wide		rest = value - (kept << shift);
	Wide		half = (Wide) 1 << (shift - 1);

	if (rest > half || (rest == half && (sticky || (kept & 1) != 0)))
		kept++;
	return kept;
}

/* digits / 10^decimals, correctly rounded; decimals from 0 to MAX_POWER. */
static double
DivideExactly(uint64_t digits, int decimals)
{
	int			shift;
	Wide		shifted;
	Wide		quotient;
	int			surplus;
	bool		sticky;

	if (digits < EXACT_INTEGER)
		return (double) digits / double_powers[decimals];	/* both exact: so is the rounding */
	shift = 128 - BitLength(digits);
	shifted = (Wide) digits << shift;
	quotient = shifted / integer_powers[decimals];
	sticky = quotient * integer_powers[decimals] != shifted;
	surplus = BitLength(quotient) - MANTISSA_BITS;	/* > 0: at least 64 bits are there */
	return ldexp((double) ShiftRounded(quotient, surplus, sticky), surplus - shift);
}

/* The exponent behind an "e": false if it is none, or a long one. */
static bool
ParseExponent(const char *p, const char *end, int *exponent)
{
	bool		negative = p < end && *p == '-';

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end || end - p > 3)
		return false;
	for (*exponent = 0; p < end; p++)
	{
		if (*p < '0' || *p > '9')
			return false;
		*exponent = *exponent * 10 + (*p - '0');
	}
	if (negative)
		*exponent = -*exponent;
	return true;
}

/* A decimal -> the nearest double. */
bool
DecimalToDouble(const char *text, size_t length, double *value)
{
	const char *p = text;
	const char *end = text + length;
	const char *first;
	const char *point = NULL;
	uint64_t	digits = 0;
	int			decimals = 0;
	int			exponent = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (first = p; p < end; p++)
	{
		if (*p >= '0' && *p <= '9')
			digits = digits * 10 + (*p - '0');
		else if (*p == '.' && point == NULL)
			point = p;
		else
			break;
	}
	if (p - first - (point != NULL) < 1 || p - first - (point != NULL) > MAX_DIGITS)
		return false;
	if (point != NULL)
		decimals = p - point - 1;
	if (p < end && ((*p | 0x20) != 'e' || !ParseExponent(p + 1, end, &exponent)))
		return false;
	decimals -= exponent;
	if (decimals < 0 && decimals >= -MAX_SCALE && digits < EXACT_INTEGER)
		*value = (double) digits * double_powers[-decimals];
	else if (decimals >= 0 && decimals <= MAX_POWER)
		*value = DivideExactly(digits, decimals);
	else
		return false;
	if (*text == '-')
		*value = -*value;
	return true;
}

/* The double's mantissa and power of two. */
static uint64_t
Dissect(double value, int *power)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	*power = (int) ((bits >> 52) & 0x7FF) - 1075;
	return (bits & (EXACT_INTEGER / 2 - 1)) | (EXACT_INTEGER / 2);
}

/* mantissa * 2^power * 10^scale, rounded half to even; what it is must fit 64 bits. */
static uint64_t
Scale(uint64_t mantissa, int power, int scale)
{
	Wide		value;

	if (scale <= MAX_POWER)
		value = (Wide) mantissa * integer_powers[scale];
	else
		value = (Wide) mantissa * integer_powers[MAX_POWER] * integer_powers[scale - MAX_POWER];
	return power >= 0 ? (uint64_t) (value << power) : ShiftRounded(value, -power, false);
}

/* Do digits * 10^-scale read back as the value?  0: this cannot tell. */
static int
ReadsBack(uint64_t digits, int scale, double value)
{
	if (scale < 0)
		return -scale <= MAX_SCALE && digits < EXACT_INTEGER ?
			((double) digits * double_powers[-scale] == value ? 1 : -1) : 0;
	if (scale <= MAX_POWER)
		return DivideExactly(digits, scale) == value ? 1 : -1;
	if (scale <= MAX_SCALE && digits < EXACT_INTEGER)
		return (double) digits / double_powers[scale] == value ? 1 : -1;
	return 0;
}

/* The digits by exact integers; false: the number is too large or too small. */
static bool
ShortestByIntegers(double value, uint64_t *digits, int *exponent)
{
	int			power;
	uint64_t	mantissa;

	if (!(value >= 1e-5 && value < 1e16))
		return false;
	mantissa = Dissect(value, &power);
	for (int precision = 15; precision <= 17; precision++)
	{
		int			result;

		/* 0.30103 is log10(2): right, or one too small */
		*exponent = (int) floor((power + MANTISSA_BITS - 1) * 0.30103);
		if (precision - 1 - *exponent > MAX_SCALE || precision - 1 - *exponent < 0)
			return false;
		*digits = Scale(mantissa, power, precision - 1 - *exponent);
		if (*digits >= integer_powers[precision])
		{
			if (precision - 2 - *exponent < 0)
				return false;
			(*exponent)++;
			*digits = Scale(mantissa, power, precision - 1 - *exponent);
		}
		if (precision == 17)
			return true;
		result = ReadsBack(*digits, precision - 1 - *exponent, value);
		if (result >= 0)
			return result > 0;
	}
	return false;				/* not reached */
}

/*
 * Where doubles lie closer than decimals of 16 digits, each such decimal has a
 * double of its own, and none of fewer digits is near enough to share it.
 */
bool
SixteenDigitsAreShortest(uint64_t digits, int decimals)
{
	int			power;

	if (digits >= EXACT_INTEGER || digits % 10 == 0 || digits < integer_powers[15] ||
		decimals < 0 || decimals > MAX_SCALE)
		return false;
	Dissect((double) digits / double_powers[decimals], &power);
	return ldexp(double_powers[decimals], power) < 1.0;
}

#else							/* not HAVE_EXACT_ARITHMETIC */

bool
DecimalToDouble(const char *text, size_t length, double *value)
{
	(void) text;
	(void) length;
	(void) value;
	return false;
}

static bool
ShortestByIntegers(double value, uint64_t *digits, int *exponent)
{
	(void) value;
	(void) digits;
	(void) exponent;
	return false;
}

bool
SixteenDigitsAreShortest(uint64_t digits, int decimals)
{
	(void) digits;
	(void) decimals;
	return false;
}

#endif

/* The digits by the C library. */
static void
ShortestByLibrary(double value, uint64_t *digits, int *exponent)
{
	char		scientific[40];

	for (int precision = 14; precision <= 16; precision++)
	{
		snprintf(scientific, sizeof(scientific), "%.*e", precision, value);
		if (strtod(scientific, NULL) == value)
			break;
	}
	*digits = 0;
	for (const char *p = scientific; *p != 'e'; p++)
	{
		if (*p >= '0' && *p <= '9')
			*digits = *digits * 10 + (*p - '0');
	}
	*exponent = atoi(strchr(scientific, 'e') + 1);
}

/* A double -> the fewest digits that read back as the same. */
void
ShortestDigits(double value, uint64_t *digits, int *exponent)
{
	value = fabs(value);
	if (!ShortestByIntegers(value, digits, exponent))
		ShortestByLibrary(value, digits, exponent);
	while (*digits % 10 == 0)
		*digits /= 10;
}
