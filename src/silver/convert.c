/*
 * convert.c
 *	  Text as people type it -> numbers, dates, booleans; NULL where it is none.
 *
 * No conversion raises, and none looks at a setting of the session: date order
 * and decimal mark are arguments.
 */
#include "base/compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(medallion_to_numeric);
PG_FUNCTION_INFO_V1(medallion_to_bigint);
PG_FUNCTION_INFO_V1(medallion_to_boolean);
PG_FUNCTION_INFO_V1(medallion_to_date);
PG_FUNCTION_INFO_V1(medallion_to_timestamp);

#define MAX_NUMBER_LENGTH 200	/* of a number that is taken for one */
#define MAX_EXPONENT 1000
#define FAST_DIGITS 18			/* fit int64 */

/* A number taken apart. */
typedef struct ParsedNumber
{
	char		digits[MAX_NUMBER_LENGTH + 1];	/* without leading zeros, "" for zero */
	int			ndigits;
	int			exponent;		/* value = digits * 10^exponent */
	bool		negative;
} ParsedNumber;

/* A text being read. */
typedef struct Cursor
{
	const char *p;
	const char *end;
} Cursor;

static bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

/* Skips one kind of white space; false if there is none. */
static bool
SkipSpace(Cursor *in)
{
	const unsigned char *p = (const unsigned char *) in->p;
	int			left = in->end - in->p;

	if (left >= 1 && (*p == ' ' || (*p >= '\t' && *p <= '\r')))
		in->p++;
	else if (left >= 2 && p[0] == 0xC2 && p[1] == 0xA0)
		in->p += 2;
	else if (left >= 3 && p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0x87 || p[2] == 0x89 || p[2] == 0xAF))
		in->p += 3;
	else
		return false;
	return true;
}

static void
SkipSpaces(Cursor *in)
{
	while (SkipSpace(in))
		;
}

static void
CutSpaces(Cursor *in)
{
	while (in->end > in->p && (in->end[-1] == ' ' || (in->end[-1] >= '\t' && in->end[-1] <= '\r')))
		in->end--;
	while (in->end - in->p >= 2 && (unsigned char) in->end[-2] == 0xC2 && (unsigned char) in->end[-1] == 0xA0)
		in->end -= 2;
	SkipSpaces(in);
}

/* Currencies that stand before or behind an amount. */
static const char *const currencies[] = {
	"R$", "US$", "$", "£", "€", "¥", "₹", "₽", "₩", "₺", "₦",
	"USD", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "NZD", "CNY", "INR", "BRL", "ZAR", "MXN",
	"SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "TRY", "RUB", "KES", "NGN", "UGX", "TZS",
	"AED", "SAR", "ILS", "SGD", "HKD", "KRW", "THB", "IDR", "MYR", "PHP", "VND", "EGP", "GHS"
};

/* Cuts one currency off either end. */
static void
CutCurrency(Cursor *in)
{
	for (int i = 0; i < lengthof(currencies); i++)
	{
		int			length = strlen(currencies[i]);

		if (in->end - in->p <= length)
			continue;
		if (memcmp(in->p, currencies[i], length) == 0)
			in->p += length;
		else if (memcmp(in->end - length, currencies[i], length) == 0)
			in->end -= length;
		else
			continue;
		CutSpaces(in);
		return;
	}
}

static void
AddDigit(ParsedNumber *number, char digit, bool *overflow)
{
	if (number->ndigits == 0 && digit == '0')
		return;
	if (number->ndigits == MAX_NUMBER_LENGTH)
		*overflow = true;
	else
		number->digits[number->ndigits++] = digit;
}

/* A mark between groups of three digits; 0 if there is none, else its length. */
static int
GroupMark(const Cursor *in, char decimal_mark)
{
	Cursor		rest = *in;

	if (in->p >= in->end)
		return 0;
	if ((*in->p == ',' || *in->p == '.') && *in->p != decimal_mark)
		return 1;
	if (*in->p == '\'')
		return 1;
	return SkipSpace(&rest) ? rest.p - in->p : 0;
}

/* Digits, in groups of three where they are marked. */
static bool
ParseWhole(Cursor *in, char decimal_mark, ParsedNumber *number, bool *overflow)
{
	int			run = 0;		/* digits since the last mark */
	bool		grouped = false;
	int			mark;

	for (;;)
	{
		while (in->p < in->end && IsDigit(*in->p))
		{
			AddDigit(number, *in->p++, overflow);
			run++;
		}
		if (grouped && run != 3)
			return false;
		mark = GroupMark(in, decimal_mark);
		if (mark == 0)
			return true;
		if (!grouped && (run < 1 || run > 3))
			return false;
		in->p += mark;
		grouped = true;
		run = 0;
	}
}

/* Decimal mark and digits, then an exponent. */
static bool
ParseFraction(Cursor *in, char decimal_mark, ParsedNumber *number, bool any, bool *overflow)
{
	if (in->p < in->end && *in->p == decimal_mark)
	{
		in->p++;
		while (in->p < in->end && IsDigit(*in->p))
		{
			AddDigit(number, *in->p++, overflow);
			number->exponent--;
			any = true;
		}
	}
	if (!any)
		return false;
	if (in->p < in->end && (*in->p == 'e' || *in->p == 'E'))
	{
		int			sign = 1;
		int			exponent = 0;

		in->p++;
		if (in->p < in->end && (*in->p == '+' || *in->p == '-'))
			sign = *in->p++ == '-' ? -1 : 1;
		if (in->p == in->end || !IsDigit(*in->p))
			return false;
		while (in->p < in->end && IsDigit(*in->p) && exponent <= MAX_EXPONENT)
			exponent = exponent * 10 + (*in->p++ - '0');
		if (exponent > MAX_EXPONENT)
			return false;
		number->exponent += sign * exponent;
	}
	return true;
}

/* Signs and brackets around a number. */
static bool
CutSign(Cursor *in, bool *negative)
{
	*negative = false;
	if (in->end - in->p >= 2 && *in->p == '(' && in->end[-1] == ')')
	{
		*negative = true;
		in->p++;
		in->end--;
	}
	else if (in->p < in->end && (*in->p == '-' || *in->p == '+'))
		*negative = *in->p++ == '-';
	else if (in->end > in->p && in->end[-1] == '-')
	{
		*negative = true;
		in->end--;
	}
	CutSpaces(in);
	return in->p < in->end;
}

/* Takes a number apart; false if it is none. */
static bool
ParseNumber(const char *value, int length, char decimal_mark, ParsedNumber *number)
{
	Cursor		in = {value, value + length};
	bool		overflow = false;
	const char *before;

	number->ndigits = number->exponent = 0;
	CutSpaces(&in);
	if (in.p == in.end || in.end - in.p > MAX_NUMBER_LENGTH)
		return false;
	CutCurrency(&in);
	if (!CutSign(&in, &number->negative))
		return false;
	CutCurrency(&in);
	if (in.end[-1] == '%')
	{
		in.end--;
		number->exponent = -2;
		CutSpaces(&in);
	}
	before = in.p;
	if (!ParseWhole(&in, decimal_mark, number, &overflow))
		return false;
	if (!ParseFraction(&in, decimal_mark, number, in.p > before, &overflow))
		return false;
	number->digits[number->ndigits] = '\0';
	return in.p == in.end && !overflow;
}

/* The plain form that most values have: [-]digits[.digits], short. */
static bool
ParsePlain(const char *value, int length, int64 *digits, int *scale)
{
	const char *p = value;
	const char *end = value + length;
	bool		negative = p < end && *p == '-';
	bool		point = false;
	int			count = 0;

	p += negative;
	*digits = 0;
	*scale = 0;
	for (; p < end; p++)
	{
		if (*p == '.' && !point)
			point = true;
		else if (IsDigit(*p) && ++count <= FAST_DIGITS)
		{
			*digits = *digits * 10 + (*p - '0');
			*scale += point;
		}
		else
			return false;
	}
	if (negative)
		*digits = -*digits;
	return count > 0 && value[length - 1] != '.';
}

static char
DecimalMark(FunctionCallInfo fcinfo)
{
	text	   *mark = PG_GETARG_TEXT_PP(1);

	if (VARSIZE_ANY_EXHDR(mark) == 1 && (*VARDATA_ANY(mark) == '.' || *VARDATA_ANY(mark) == ','))
		return *VARDATA_ANY(mark);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("decimal mark must be \".\" or \",\"")));
}

/* A parsed number as text that numeric's input function takes. */
static char *
NumberText(const ParsedNumber *number)
{
	return psprintf("%s%se%d", number->negative && number->ndigits > 0 ? "-" : "",
					number->ndigits > 0 ? number->digits : "0", number->ndigits > 0 ? number->exponent : 0);
}

/* medallion.to_numeric(value, decimal_mark) */
Datum
medallion_to_numeric(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	char		mark = DecimalMark(fcinfo);
	int64		digits;
	int			scale;
	ParsedNumber number;

	if (mark == '.' && ParsePlain(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &digits, &scale))
		PG_RETURN_NUMERIC(int64_div_fast_to_numeric(digits, scale));
	if (!ParseNumber(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), mark, &number))
		PG_RETURN_NULL();
	return DirectFunctionCall3(numeric_in, CStringGetDatum(NumberText(&number)),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* medallion.to_bigint(value, decimal_mark) */
Datum
medallion_to_bigint(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	char		mark = DecimalMark(fcinfo);
	int64		digits;
	int			scale;
	ParsedNumber number;
	uint64		whole = 0;

	if (ParsePlain(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &digits, &scale) && scale == 0)
		PG_RETURN_INT64(digits);
	if (!ParseNumber(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), mark, &number))
		PG_RETURN_NULL();
	for (; number.ndigits > 0 && number.exponent < 0; number.exponent++)
	{
		if (number.digits[--number.ndigits] != '0')
			PG_RETURN_NULL();
	}
	if (number.ndigits + number.exponent > 19 && number.ndigits > 0)
		PG_RETURN_NULL();
	for (int i = 0; i < number.ndigits; i++)
		whole = whole * 10 + (number.digits[i] - '0');
	for (int i = 0; i < number.exponent && number.ndigits > 0; i++)
		whole *= 10;
	if (whole > (uint64) PG_INT64_MAX)
		PG_RETURN_NULL();
	PG_RETURN_INT64(number.negative ? -(int64) whole : (int64) whole);
}

/* medallion.to_boolean(value) */
Datum
medallion_to_boolean(PG_FUNCTION_ARGS)
{
	static const char *const words[][2] = {
		{"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}, {"on", "off"}, {"1", "0"}
	};
	text	   *value = PG_GETARG_TEXT_PP(0);
	Cursor		in = {VARDATA_ANY(value), VARDATA_ANY(value) + VARSIZE_ANY_EXHDR(value)};

	CutSpaces(&in);
	for (int i = 0; i < lengthof(words); i++)
	{
		for (int is_false = 0; is_false < 2; is_false++)
		{
			if (strlen(words[i][is_false]) == in.end - in.p &&
				pg_strncasecmp(words[i][is_false], in.p, in.end - in.p) == 0)
				PG_RETURN_BOOL(!is_false);
		}
	}
	PG_RETURN_NULL();
}

/* A point in time taken apart. */
typedef struct ParsedTime
{
	int			year;
	int			month;
	int			day;
	int64		of_day;			/* microseconds */
	int64		offset;			/* to subtract for UTC, microseconds */
} ParsedTime;

/* Up to so many digits; their count. */
static int
TakeDigits(Cursor *in, int most, int *number)
{
	int			count = 0;

	*number = 0;
	while (count < most && in->p < in->end && IsDigit(*in->p))
	{
		*number = *number * 10 + (*in->p++ - '0');
		count++;
	}
	return count;
}

static bool
TakeChar(Cursor *in, char c)
{
	if (in->p < in->end && *in->p == c)
	{
		in->p++;
		return true;
	}
	return false;
}

/* An English month name, full or its first three letters; 0 if there is none. */
static int
TakeMonth(Cursor *in)
{
	static const char *const names[] = {"january", "february", "march", "april", "may", "june",
	"july", "august", "september", "october", "november", "december"};
	int			letters = 0;

	while (in->p + letters < in->end && isalpha((unsigned char) in->p[letters]) && letters < 20)
		letters++;
	for (int i = 0; i < lengthof(names); i++)
	{
		if ((letters == 3 || letters == strlen(names[i])) && pg_strncasecmp(in->p, names[i], letters) == 0)
		{
			in->p += letters;
			TakeChar(in, '.');
			return i + 1;
		}
	}
	return 0;
}

/* What stands between the parts of a date. */
static void
SkipSeparators(Cursor *in)
{
	while (in->p < in->end && strchr("-/.,", *in->p) != NULL)
		in->p++;
	SkipSpaces(in);
}

/* Two digits mean the years from 1970 to 2069. */
static int
FullYear(int year, int digits)
{
	if (digits > 2)
		return year;
	return year < 70 ? 2000 + year : 1900 + year;
}

/* Three numbers -> year, month, day, by order. */
static bool
OrderParts(const char *order, const int numbers[3], const int digits[3], ParsedTime *time)
{
	bool		year_first = digits[0] >= 3 || strcmp(order, "YMD") == 0;

	if (year_first)
	{
		time->year = FullYear(numbers[0], digits[0]);
		time->month = numbers[1];
		time->day = numbers[2];
		return digits[0] != 3 && digits[1] <= 2 && digits[2] <= 2;
	}
	time->year = FullYear(numbers[2], digits[2]);
	time->day = strcmp(order, "MDY") == 0 ? numbers[1] : numbers[0];
	time->month = strcmp(order, "MDY") == 0 ? numbers[0] : numbers[1];
	return (digits[2] == 2 || digits[2] == 4) && digits[0] <= 2 && digits[1] <= 2;
}

/* A date whose month is a word: 1 March 2024, March 1, 2024, 01-Mar-24. */
static bool
ParseNamedDate(Cursor *in, ParsedTime *time)
{
	int			digits;

	time->month = TakeMonth(in);
	if (time->month > 0)
		SkipSeparators(in);
	digits = TakeDigits(in, 4, &time->day);
	if (digits < 1 || digits > 2)
		return false;
	SkipSeparators(in);
	if (time->month == 0)
	{
		time->month = TakeMonth(in);
		SkipSeparators(in);
	}
	digits = TakeDigits(in, 4, &time->year);
	time->year = FullYear(time->year, digits);
	return time->month > 0 && (digits == 2 || digits == 4);
}

/* A date of three numbers with the same mark between them, or eight digits. */
static bool
ParseNumberDate(Cursor *in, const char *order, ParsedTime *time)
{
	int			numbers[3];
	int			digits[3];
	char		mark;

	digits[0] = TakeDigits(in, 8, &numbers[0]);
	if (digits[0] == 8)
	{
		time->year = numbers[0] / 10000;
		time->month = numbers[0] / 100 % 100;
		time->day = numbers[0] % 100;
		return time->year >= 1900 && time->year < 2200;
	}
	if (digits[0] < 1 || digits[0] > 4 || in->p == in->end || strchr("-/.", *in->p) == NULL)
		return false;
	mark = *in->p++;
	digits[1] = TakeDigits(in, 4, &numbers[1]);
	if (digits[1] < 1 || !TakeChar(in, mark))
		return false;
	digits[2] = TakeDigits(in, 4, &numbers[2]);
	return digits[2] >= 1 && OrderParts(order, numbers, digits, time);
}

/* AM or PM behind an hour; false if the hour cannot have it. */
static bool
TakeHalfDay(Cursor *in, int *hour)
{
	Cursor		rest = *in;
	bool		pm;

	SkipSpaces(&rest);
	if (rest.end - rest.p < 2 || (rest.p[1] | 0x20) != 'm')
		return true;
	pm = (rest.p[0] | 0x20) == 'p';
	if (!pm && (rest.p[0] | 0x20) != 'a')
		return true;
	if (*hour < 1 || *hour > 12)
		return false;
	*hour = *hour % 12 + (pm ? 12 : 0);
	in->p = rest.p + 2;
	return true;
}

/* Fractions of a second, to the microsecond. */
static int64
TakeFraction(Cursor *in)
{
	int64		micros = 0;
	int			count = 0;

	for (; in->p < in->end && IsDigit(*in->p); in->p++)
	{
		if (count++ < 6)
			micros = micros * 10 + (*in->p - '0');
	}
	for (; count < 6; count++)
		micros *= 10;
	return micros;
}

/* Z or an offset from UTC. */
static bool
TakeZone(Cursor *in, ParsedTime *time)
{
	int			hours;
	int			minutes = 0;
	int			sign;

	SkipSpaces(in);
	if (in->p == in->end || TakeChar(in, 'Z') || TakeChar(in, 'z'))
		return true;
	if (*in->p != '+' && *in->p != '-')
		return false;
	sign = *in->p++ == '-' ? -1 : 1;
	if (TakeDigits(in, 2, &hours) != 2 || hours > 15)
		return false;
	TakeChar(in, ':');
	if (in->p < in->end && (TakeDigits(in, 2, &minutes) != 2 || minutes > 59))
		return false;
	time->offset = sign * (hours * INT64CONST(60) + minutes) * 60 * USECS_PER_SEC;
	return true;
}

/* A time of day behind a date. */
static bool
ParseTimeOfDay(Cursor *in, ParsedTime *time)
{
	int			hour;
	int			minute;
	int			second = 0;
	int64		micros = 0;

	if (!TakeChar(in, 'T'))
		SkipSpaces(in);
	if (in->p == in->end)
		return true;
	if (TakeDigits(in, 2, &hour) < 1 || !TakeChar(in, ':') || TakeDigits(in, 2, &minute) != 2)
		return false;
	if (TakeChar(in, ':') && TakeDigits(in, 2, &second) != 2)
		return false;
	if (TakeChar(in, '.') || TakeChar(in, ','))
		micros = TakeFraction(in);
	if (!TakeHalfDay(in, &hour) || hour > 23 || minute > 59 || second > 59)
		return false;
	time->of_day = ((hour * INT64CONST(60) + minute) * 60 + second) * USECS_PER_SEC + micros;
	return TakeZone(in, time);
}

/* Text -> a point in time; false if it is none. */
static bool
ParseTime(text *value, text *order_text, ParsedTime *time)
{
	Cursor		in = {VARDATA_ANY(value), VARDATA_ANY(value) + VARSIZE_ANY_EXHDR(value)};
	const char *order = "DMY";
	Cursor		start;

	if (VARSIZE_ANY_EXHDR(order_text) == 3)
		order = *VARDATA_ANY(order_text) == 'M' ? "MDY" : *VARDATA_ANY(order_text) == 'Y' ? "YMD" : "DMY";
	memset(time, 0, sizeof(ParsedTime));
	CutSpaces(&in);
	start = in;
	if (!ParseNumberDate(&in, order, time))
	{
		in = start;
		if (!ParseNamedDate(&in, time))
			return false;
	}
	if (!ParseTimeOfDay(&in, time) || in.p != in.end)
		return false;
	return time->year >= 1 && time->year <= 9999 && time->month >= 1 && time->month <= 12 &&
		time->day >= 1 && time->day <= day_tab[isleap(time->year)][time->month - 1];
}

/* The instant, in UTC where the text said how far from it. */
static Timestamp
ParsedInstant(const ParsedTime *time)
{
	int64		days = date2j(time->year, time->month, time->day) - POSTGRES_EPOCH_JDATE;

	return days * USECS_PER_DAY + time->of_day - time->offset;
}

/* medallion.to_timestamp(value, field_order) */
Datum
medallion_to_timestamp(PG_FUNCTION_ARGS)
{
	ParsedTime	time;

	if (!ParseTime(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1), &time))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(ParsedInstant(&time));
}

/* medallion.to_date(value, field_order): NULL for a text that also says a time
 * of day, which would be lost. */
Datum
medallion_to_date(PG_FUNCTION_ARGS)
{
	ParsedTime	time;
	Timestamp	instant;

	if (!ParseTime(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1), &time))
		PG_RETURN_NULL();
	instant = ParsedInstant(&time);
	if (instant % USECS_PER_DAY != 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT((DateADT) (instant / USECS_PER_DAY));
}
