/*
 * decimal_check.c
 *	  Compares decimal.c with strtod() and printf() on numbers of every size and
 *	  length, by a fixed sequence; prints what differs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/decimal.h"

static uint64_t state = UINT64_C(88172645463325252);
static int	differences;

static uint64_t
Random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* What decimal.c makes of a text must be what strtod() makes of it. */
static double
CheckText(const char *text)
{
	double		expected = strtod(text, NULL);
	double		value;

	if (DecimalToDouble(text, strlen(text), &value) && value != expected && differences++ < 10)
		printf("%s: %.17g, not %.17g\n", text, value, expected);
	return expected;
}

/* The digits must be those of the shortest %e that reads back. */
static void
CheckDouble(double value)
{
	char		scientific[40];
	uint64_t	digits;
	uint64_t	expected = 0;
	int			exponent;

	if (value == 0 || !isfinite(value))
		return;
	for (int precision = 14; precision <= 16; precision++)
	{
		snprintf(scientific, sizeof(scientific), "%.*e", precision, value);
		if (strtod(scientific, NULL) == value)
			break;
	}
	for (const char *p = scientific; *p != 'e'; p++)
	{
		if (*p >= '0' && *p <= '9')
			expected = expected * 10 + (*p - '0');
	}
	while (expected % 10 == 0)
		expected /= 10;
	ShortestDigits(value, &digits, &exponent);
	if ((digits != expected || exponent != atoi(strchr(scientific, 'e') + 1)) && differences++ < 10)
		printf("%.17g: %llu e %d, not %s\n", value, (unsigned long long) digits, exponent, scientific);
}

/* 16 digits said to be the shortest must be what ShortestDigits() finds. */
static void
CheckSixteen(uint64_t sixteen, int decimals)
{
	char		text[40];
	uint64_t	digits;
	int			exponent;

	if (!SixteenDigitsAreShortest(sixteen, decimals))
		return;
	snprintf(text, sizeof(text), "%llue-%d", (unsigned long long) sixteen, decimals);
	ShortestDigits(strtod(text, NULL), &digits, &exponent);
	if (digits != sixteen && differences++ < 10)
		printf("%s: the shortest is %llu\n", text, (unsigned long long) digits);
}

int
main(int argc, char **argv)
{
	long		rounds = argc > 1 ? atol(argv[1]) : 200000;
	char		text[64];

	for (long i = 0; i < rounds; i++)
	{
		uint64_t	bits = Random();
		double		value;

		memcpy(&value, &bits, sizeof(value));
		CheckDouble(value);
		CheckDouble(ldexp((double) (Random() >> 11), -(int) (Random() % 90)));
		CheckDouble((double) (Random() % 1000000000) / 100.0);
		CheckDouble((double) (Random() % 1000) * 0.1);
		snprintf(text, sizeof(text), "%.*g", (int) (Random() % 19) + 1,
				 ldexp((double) (Random() >> 11), -(int) (Random() % 90)));
		CheckDouble(CheckText(text));
		snprintf(text, sizeof(text), "-%llu.%0*llu", (unsigned long long) (Random() % 100000), (int) (Random() % 14) + 1,
				 (unsigned long long) (Random() % 10000));
		CheckText(text);
		snprintf(text, sizeof(text), "%llue%d", (unsigned long long) (Random() >> (Random() % 60)), (int) (Random() % 60) - 30);
		CheckText(text);
		CheckSixteen(UINT64_C(1000000000000000) + Random() % UINT64_C(9000000000000000), Random() % 23);
	}
	for (int i = -30; i < 30; i++)
	{
		CheckDouble(pow(10, i));
		CheckDouble(nextafter(pow(10, i), 0));
		CheckDouble(nextafter(pow(10, i), INFINITY));
		CheckDouble(ldexp(1, i * 3));
		CheckDouble(nextafter(ldexp(1, i * 3), 0));
	}
	printf("%d differences\n", differences);
	return differences > 0;
}
