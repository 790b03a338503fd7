/*
 * number_text.c
 *	  Numbers of a sheet -> text: plain numbers, dates, times, intervals.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/decimal.h"
#include "file/number.h"

#define MAX_NUMBER_TEXT 400		/* of a number as a file spells it */
#define EXACT_DIGITS 15			/* a double holds so many decimal digits exactly */
#define MAX_CANONICAL 19		/* 16 digits, minus, point, a zero before it */
#define MAX_CANONICAL 19		/* 16 digits, minus, point and a leading zero */
#define MS_PER_DAY INT64_C(86400000)
#define LAST_SERIAL 2958466		/* 1 January 10000, 1900 system */
#define DAYS_1904 1462			/* between the two systems */

/* Is this spelled as we would spell it: [-]digits[.digits], no more of them than
 * a double holds, no needless zeros? */
static bool
IsCanonical(const char *text, size_t length)
{
	size_t		first = text[0] == '-';
	size_t		i = first;
	size_t		point = 0;
	uint64_t	digits = 0;

	if (length > MAX_CANONICAL || i == length || (text[i] == '0' && i + 1 < length && text[i + 1] != '.'))
		return false;
	if (text[0] == '-' && text[1] == '0' && length == 2)
		return false;
	for (; i < length; i++)
	{
		if (text[i] >= '0' && text[i] <= '9')
			digits = digits * 10 + (text[i] - '0');
		else if (text[i] == '.' && point == 0 && i > first)
			point = i;
		else
			return false;
	}
	if (point > 0 && (text[length - 1] == '0' || text[length - 1] == '.'))
		return false;
	if (length - first - (point > 0) <= EXACT_DIGITS)
		return true;
	return SixteenDigitsAreShortest(digits, point > 0 ? length - 1 - point : 0);
}

static bool
IsBlankChar(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Text without white space around it. */
const char *
TrimBlanks(const char *text, size_t *length)
{
	while (*length > 0 && IsBlankChar(text[*length - 1]))
		(*length)--;
	while (*length > 0 && IsBlankChar(*text))
	{
		text++;
		(*length)--;
	}
	return text;
}

/* Only what a decimal number is made of: strtod() takes more. */
static bool
LooksNumeric(const char *text, size_t length)
{
	bool		digit = false;

	for (size_t i = 0; i < length; i++)
	{
		if (text[i] >= '0' && text[i] <= '9')
			digit = true;
		else if (strchr("+-.eE", text[i]) == NULL)
			return false;
	}
	return digit;
}

/* Digits and the exponent of the first -> plain notation where that is short. */
static size_t
PlainNotation(bool negative, const char *digits, int ndigits, int exponent, char out[NUMBER_TEXT_SIZE])
{
	size_t		n = 0;

	if (negative)
		out[n++] = '-';
	if (exponent < -7 || exponent > 20)
	{
		n += sprintf(out + n, "%c%s%.*se%d", digits[0], ndigits > 1 ? "." : "", ndigits - 1, digits + 1,
					 exponent);
		return n;
	}
	if (exponent < 0)
	{
		out[n++] = '0';
		out[n++] = '.';
		for (int i = -1; i > exponent; i--)
			out[n++] = '0';
	}
	for (int i = 0; i < ndigits; i++)
	{
		if (i > 0 && i == exponent + 1)
			out[n++] = '.';
		out[n++] = digits[i];
	}
	for (int i = ndigits; i <= exponent; i++)
		out[n++] = '0';
	return n;
}

/* A double -> the shortest spelling that reads back as the same. */
size_t
ShortestNumber(double value, char out[NUMBER_TEXT_SIZE])
{
	char		text[20];
	char	   *first = text + sizeof(text);
	uint64_t	digits;
	int			exponent;

	if (value == 0)
	{
		out[0] = '0';
		return 1;
	}
	ShortestDigits(value, &digits, &exponent);
	for (; digits > 0; digits /= 10)
		*--first = '0' + digits % 10;
	return PlainNotation(value < 0, first, text + sizeof(text) - first, exponent, out);
}

/* A number as the file spells it -> a double; false if it is none. */
bool
ParseSerial(const char *text, size_t length, double *value)
{
	char		copy[MAX_NUMBER_TEXT + 1];
	char	   *end;

	if (DecimalToDouble(text, length, value))
		return true;
	if (length == 0 || length > MAX_NUMBER_TEXT || !LooksNumeric(text, length))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*value = strtod(copy, &end);
	return end == copy + length && isfinite(*value);
}

/* A number as the file spells it -> its shortest plain spelling. */
size_t
CanonicalNumber(const char *text, size_t length, char out[NUMBER_TEXT_SIZE])
{
	double		value;

	if (length == 0)
		return 0;
	if (IsCanonical(text, length))
	{
		memcpy(out, text, length);
		return length;
	}
	return ParseSerial(text, length, &value) ? ShortestNumber(value, out) : 0;
}

/* Days since 1970-01-01 -> year, month, day (the civil calendar). */
static void
CivilDate(int64_t days, int *year, int *month, int *day)
{
	int64_t		z = days + 719468;
	int64_t		era = z / 146097;
	int			day_of_era = z - era * 146097;
	int			year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int			day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int			shifted = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * shifted + 2) / 5 + 1;
	*month = shifted < 10 ? shifted + 3 : shifted - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

/* A number padded with zeros to a width; the width. */
static size_t
PutDigits(char *out, int number, int width)
{
	for (int i = width - 1; i >= 0; i--)
	{
		out[i] = '0' + number % 10;
		number /= 10;
	}
	return width;
}

/* HH:MM:SS[.mmm]; hours may exceed a day. */
static size_t
TimeText(int64_t ms, char *out)
{
	int64_t		hours = ms / 3600000;
	size_t		n = hours < 100 ? PutDigits(out, hours, 2) : (size_t) sprintf(out, "%lld", (long long) hours);

	out[n++] = ':';
	n += PutDigits(out + n, ms / 60000 % 60, 2);
	out[n++] = ':';
	n += PutDigits(out + n, ms / 1000 % 60, 2);
	if (ms % 1000 != 0)
	{
		out[n++] = '.';
		n += PutDigits(out + n, ms % 1000, 3);
	}
	return n;
}

/* YYYY-MM-DD */
static size_t
DateText(int64_t days, char *out)
{
	int			year;
	int			month;
	int			day;

	CivilDate(days, &year, &month, &day);
	PutDigits(out, year, 4);
	out[4] = out[7] = '-';
	PutDigits(out + 5, month, 2);
	PutDigits(out + 8, day, 2);
	return 10;
}

static CellKind
IntervalText(double serial, char out[NUMBER_TEXT_SIZE], size_t *length)
{
	int64_t		ms = llround(fabs(serial) * MS_PER_DAY);
	size_t		n = 0;

	if (serial < 0 && ms > 0)
		out[n++] = '-';
	*length = n + TimeText(ms, out + n);
	return CELL_INTERVAL;
}

/*
 * A serial number -> text.
 *
 * The 1900 system counts a 29 February 1900 that never was: serials below 60
 * are a day late, 60 itself is no date.  Below 1 there is only a time of day.
 */
CellKind
SerialToText(double serial, NumberClass class, bool date1904, char out[NUMBER_TEXT_SIZE], size_t *length)
{
	int64_t		ms;
	int64_t		days;

	if (class == NUMBER_INTERVAL && fabs(serial) < LAST_SERIAL)
		return IntervalText(serial, out, length);
	if (class == NUMBER_PLAIN || class == NUMBER_INTERVAL || serial < 0)
		return CELL_NUMBER;
	if (date1904 && class != NUMBER_TIME)
		serial += DAYS_1904;
	if (serial >= LAST_SERIAL)
		return CELL_NUMBER;
	ms = llround(serial * MS_PER_DAY);
	days = ms / MS_PER_DAY;
	ms %= MS_PER_DAY;
	if (days == 0 && (class == NUMBER_TIME || !date1904))
	{
		*length = TimeText(ms, out);
		return CELL_TIME;
	}
	if ((days == 60 && !date1904) || days >= LAST_SERIAL)
		return CELL_NUMBER;
	*length = DateText(days - 25569 + (days < 60 && !date1904), out);
	if (ms == 0 && class != NUMBER_TIME)
		return class == NUMBER_DATE ? CELL_DATE : CELL_TIMESTAMP;
	out[(*length)++] = ' ';
	*length += TimeText(ms, out + *length);
	return CELL_TIMESTAMP;
}

/* Does text begin like the pattern, in which 0 stands for any digit? */
static bool
BeginsLike(const char *text, size_t length, const char *pattern)
{
	if (length < strlen(pattern))
		return false;
	for (; *pattern != '\0'; pattern++, text++)
	{
		if (*pattern == '0' ? *text < '0' || *text > '9' : *text != *pattern)
			return false;
	}
	return true;
}

/* The number that two digits spell. */
static int
TwoDigits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

/* Is this YYYY-MM-DD a day of the calendar?  The server knows no year 0. */
static bool
IsDay(const char *text)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			year = TwoDigits(text) * 100 + TwoDigits(text + 2);
	int			month = TwoDigits(text + 5);
	int			day = TwoDigits(text + 8);
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* Is this HH:MM:SS a time of day?  24:00:00 is the end of one. */
static bool
IsTimeOfDay(const char *text)
{
	int			hour = TwoDigits(text);
	int			minute = TwoDigits(text + 3);
	int			second = TwoDigits(text + 6);

	return minute < 60 && second < 60 && (hour < 24 || (hour == 24 && minute == 0 && second == 0));
}

/* HH:MM[:SS[.fff]][Z] -> HH:MM:SS[.fff]; its length, 0 if it is no time. */
static size_t
IsoTime(const char *text, size_t length, char *out)
{
	size_t		at = 8;

	if (length > 0 && text[length - 1] == 'Z')
		length--;
	if (length == 5 && BeginsLike(text, length, "00:00"))
	{
		memcpy(out, text, 5);
		memcpy(out + 5, ":00", 3);
		return IsTimeOfDay(out) ? 8 : 0;
	}
	if (!BeginsLike(text, length, "00:00:00") || (length > 8 && text[8] != '.') || length > 18)
		return 0;
	for (size_t i = 9; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return 0;
		if (i < 12 && text[i] != '0')
			at = 12;			/* milliseconds, when there are any */
	}
	if (!IsTimeOfDay(text) || (at > 8 && TwoDigits(text) == 24))
		return 0;
	memcpy(out, text, length);
	while (length < at)
		out[length++] = '0';
	return at;
}

/* ISO 8601 -> a date, a time or both as the contract spells them; CELL_TEXT if it is none. */
CellKind
IsoToText(const char *text, size_t length, char out[NUMBER_TEXT_SIZE], size_t *spelled)
{
	if (BeginsLike(text, length, "0000-00-00") && IsDay(text))
	{
		size_t		time = 0;

		memcpy(out, text, 10);
		*spelled = 10;
		if (length == 10)
			return CELL_DATE;
		if (text[10] == 'T' || text[10] == ' ')
			time = IsoTime(text + 11, length - 11, out + 11);
		out[10] = ' ';
		*spelled = 11 + time;
		return time > 0 ? CELL_TIMESTAMP : CELL_TEXT;
	}
	if (length > 0 && *text == 'T')
	{
		text++;
		length--;
	}
	*spelled = IsoTime(text, length, out);
	return *spelled > 0 ? CELL_TIME : CELL_TEXT;
}
