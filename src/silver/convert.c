/*
 * convert.c
 *	  Text as people type it -> numbers, dates, booleans; NULL where it is none.
 *
 * No conversion raises, and none looks at a setting of the session: date order
 * and decimal mark are arguments.  Signs beyond ASCII (currencies, spaces) are
 * known in a database whose encoding is UTF8.
 */
#include "base/compat.h"

#include "base/space.h"
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

#define MAX_NUMBER_LENGTH 1000	/* of a number that is taken for one */
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

static inline bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

/* An ASCII letter, whatever the locale. */
static inline bool
IsLetter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Cuts white space off both ends. */
static void
CutSpaces(Cursor *in)
{
	TrimSpaces(&in->p, &in->end);
}

/* Skips white space. */
static void
SkipSpaces(Cursor *in)
{
	int			length;

	while ((length = SpaceAtStart(in->p, in->end)) > 0)
		in->p += length;
}

/* A text argument as a cursor. */
static Cursor
OpenText(text *value)
{
	Cursor		in = {VARDATA_ANY(value), VARDATA_ANY(value) + VARSIZE_ANY_EXHDR(value)};

	return in;
}

/* Currencies that stand before or behind an amount. */
static const char *const currencies[] = {
	"R$", "US$", "A$", "C$", "$", "£", "€", "¥", "₹", "₽", "₩", "₺", "₦",
	"USD", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "NZD", "CNY", "INR", "BRL", "ZAR", "MXN",
	"SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "TRY", "RUB", "KES", "NGN", "UGX", "TZS",
	"AED", "SAR", "ILS", "SGD", "HKD", "KRW", "THB", "IDR", "MYR", "PHP", "VND", "EGP", "GHS"
};

/* Cuts one currency off either end; false if there is none. */
static bool
CutCurrency(Cursor *in)
{
	if (in->p < in->end && IsDigit(*in->p) && IsDigit(in->end[-1]))
		return false;
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
		return true;
	}
	return false;
}

/* Length of a mark that may stand between groups of three digits; 0 if there is none. */
static int
GroupMark(const Cursor *in, char decimal_mark)
{
	if (in->p < in->end && *in->p != decimal_mark && strchr(",.'", *in->p) != NULL)
		return 1;
	if (in->end - in->p >= 3 && memcmp(in->p, "\xE2\x80\x99", 3) == 0) /* U+2019 */
		return 3;
	return SpaceAtStart(in->p, in->end);
}

/* A run of digits; their count. */
static int
ParseDigits(Cursor *in, ParsedNumber *number)
{
	const char *start = in->p;

	for (; in->p < in->end && IsDigit(*in->p); in->p++)
	{
		if (number->ndigits > 0 || *in->p != '0')
			number->digits[number->ndigits++] = *in->p;
	}
	return in->p - start;
}

/*
 * Digits before the decimal mark, in groups of three where they are marked:
 * all by the same mark, and the first not beginning with 0, or 0,123 would be
 * read as 123.
 */
static bool
ParseWhole(Cursor *in, char decimal_mark, ParsedNumber *number, int *count)
{
	const char *start = in->p;
	const char *mark;
	int			length;

	*count = ParseDigits(in, number);
	mark = in->p;
	length = GroupMark(in, decimal_mark);
	if (length == 0)
		return true;
	if (*count < 1 || *count > 3 || *start == '0')
		return false;
	while (in->end - in->p > length && memcmp(in->p, mark, length) == 0)
	{
		in->p += length;
		if (ParseDigits(in, number) != 3)
			return false;
	}
	return true;
}

/* e, sign, digits: false if malformed or beyond all use. */
static bool
ParseExponent(Cursor *in, ParsedNumber *number)
{
	int			exponent = 0;
	bool		negative;

	if (in->p == in->end || (*in->p != 'e' && *in->p != 'E'))
		return true;
	in->p++;
	negative = in->p < in->end && *in->p == '-';
	if (in->p < in->end && (*in->p == '+' || *in->p == '-'))
		in->p++;
	if (in->p == in->end)
		return false;
	for (; in->p < in->end && IsDigit(*in->p) && exponent <= MAX_EXPONENT; in->p++)
		exponent = exponent * 10 + (*in->p - '0');
	number->exponent += negative ? -exponent : exponent;
	return exponent <= MAX_EXPONENT;
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
ParseNumber(Cursor in, char decimal_mark, ParsedNumber *number)
{
	bool		has_currency;
	int			count;

	number->ndigits = number->exponent = 0;
	CutSpaces(&in);
	if (in.end - in.p > MAX_NUMBER_LENGTH)
		return false;
	has_currency = CutCurrency(&in);
	if (!CutSign(&in, &number->negative))
		return false;
	if (!has_currency)
		CutCurrency(&in);
	if (in.end[-1] == '%')
	{
		in.end--;
		number->exponent = -2;
		CutSpaces(&in);
	}
	if (!ParseWhole(&in, decimal_mark, number, &count))
		return false;
	if (in.p < in.end && *in.p == decimal_mark)
	{
		int			decimals;

		in.p++;
		decimals = ParseDigits(&in, number);
		number->exponent -= decimals;
		count += decimals;
	}
	return count > 0 && ParseExponent(&in, number) && in.p == in.end;
}

/* The plain form that most values have: [-]digits[.digits], short. */
static bool
ParsePlain(Cursor in, char decimal_mark, int64 *digits, int *scale)
{
	bool		negative = in.p < in.end && *in.p == '-';
	const char *point = NULL;
	int			count = 0;

	*digits = 0;
	for (in.p += negative; in.p < in.end; in.p++)
	{
		if (IsDigit(*in.p) && ++count <= FAST_DIGITS)
			*digits = *digits * 10 + (*in.p - '0');
		else if (*in.p == decimal_mark && point == NULL)
			point = in.p;
		else
			return false;
	}
	if (negative)
		*digits = -*digits;
	*scale = point == NULL ? 0 : in.end - point - 1;
	return count > 0;
}

/* The decimal mark that the caller asks for. */
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

/* Up to 18 digits as an integer; false if there are more. */
static bool
ShortDigits(const ParsedNumber *number, int64 *digits)
{
	*digits = 0;
	if (number->ndigits > FAST_DIGITS)
		return false;
	for (int i = 0; i < number->ndigits; i++)
		*digits = *digits * 10 + (number->digits[i] - '0');
	if (number->negative)
		*digits = -*digits;
	return true;
}

/* A parsed number: a short one directly, others through numeric's input function. */
static Datum
NumberToNumeric(ParsedNumber *number)
{
	char		text[MAX_NUMBER_LENGTH + 32];
	int64		digits;

	if (number->exponent <= 0 && number->exponent >= -FAST_DIGITS && ShortDigits(number, &digits))
		return NumericGetDatum(int64_div_fast_to_numeric(digits, -number->exponent));
	number->digits[number->ndigits] = '\0';
	snprintf(text, sizeof(text), "%s%se%d", number->negative ? "-" : "",
			 number->ndigits > 0 ? number->digits : "0",
			 number->ndigits > 0 ? number->exponent : Min(number->exponent, 0));
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/* medallion.to_numeric(value, decimal_mark) */
Datum
medallion_to_numeric(PG_FUNCTION_ARGS)
{
	Cursor		in = OpenText(PG_GETARG_TEXT_PP(0));
	char		mark = DecimalMark(fcinfo);
	int64		digits;
	int			scale;
	ParsedNumber number;

	if (ParsePlain(in, mark, &digits, &scale))
		PG_RETURN_NUMERIC(scale == 0 ? int64_to_numeric(digits) : int64_div_fast_to_numeric(digits, scale));
	if (!ParseNumber(in, mark, &number))
		PG_RETURN_NULL();
	return NumberToNumeric(&number);
}

/* A parsed number as int64; false if it is no whole number or does not fit. */
static bool
NumberToInt64(const ParsedNumber *number, int64 *result)
{
	int			length = number->ndigits;
	int			exponent = number->exponent;
	uint64		whole = 0;

	*result = 0;
	if (length == 0)
		return true;
	for (; exponent < 0; exponent++)
	{
		if (length == 0 || number->digits[--length] != '0')
			return false;
	}
	if (length + exponent > 19) /* so that it fits uint64 */
		return false;
	for (int i = 0; i < length + exponent; i++)
		whole = whole * 10 + (i < length ? number->digits[i] - '0' : 0);
	if (whole > (uint64) PG_INT64_MAX + number->negative)
		return false;
	*result = number->negative ? (int64) (0 - whole) : (int64) whole;
	return true;
}

/* medallion.to_bigint(value, decimal_mark) */
Datum
medallion_to_bigint(PG_FUNCTION_ARGS)
{
	Cursor		in = OpenText(PG_GETARG_TEXT_PP(0));
	char		mark = DecimalMark(fcinfo);
	int64		result;
	int			scale;
	ParsedNumber number;

	if (ParsePlain(in, mark, &result, &scale) && scale == 0)
		PG_RETURN_INT64(result);
	if (ParseNumber(in, mark, &number) && NumberToInt64(&number, &result))
		PG_RETURN_INT64(result);
	PG_RETURN_NULL();
}

/* medallion.to_boolean(value) */
Datum
medallion_to_boolean(PG_FUNCTION_ARGS)
{
	static const char *const words[][2] = {
		{"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}, {"on", "off"}, {"1", "0"}
	};
	Cursor		in = OpenText(PG_GETARG_TEXT_PP(0));

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

/* One character, if it is there. */
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

	while (in->p + letters < in->end && IsLetter(in->p[letters]) && letters < 20)
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

/* What stands between the parts of a date: one mark, white space around it. */
static void
SkipSeparator(Cursor *in)
{
	SkipSpaces(in);
	if (in->p < in->end && strchr("-/.,", *in->p) != NULL)
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
	bool		year_first = digits[0] >= 3 || order[0] == 'Y';

	if (year_first)
	{
		time->year = FullYear(numbers[0], digits[0]);
		time->month = numbers[1];
		time->day = numbers[2];
		return (digits[0] == 2 || digits[0] == 4) && digits[1] <= 2 && digits[2] <= 2;
	}
	time->year = FullYear(numbers[2], digits[2]);
	time->day = order[0] == 'M' ? numbers[1] : numbers[0];
	time->month = order[0] == 'M' ? numbers[0] : numbers[1];
	return (digits[2] == 2 || digits[2] == 4) && digits[0] <= 2 && digits[1] <= 2;
}

/* A date whose month is a word: 1 March 2024, March 1, 2024, 01-Mar-24. */
static bool
ParseNamedDate(Cursor *in, ParsedTime *time)
{
	int			digits;

	time->month = TakeMonth(in);
	if (time->month > 0)
		SkipSeparator(in);
	digits = TakeDigits(in, 4, &time->day);
	if (digits < 1 || digits > 2)
		return false;
	SkipSeparator(in);
	if (time->month == 0)
	{
		time->month = TakeMonth(in);
		SkipSeparator(in);
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
	char		half;

	SkipSpaces(&rest);
	if (rest.end - rest.p < 2 || pg_ascii_tolower(rest.p[1]) != 'm')
		return true;
	half = pg_ascii_tolower(rest.p[0]);
	if ((half != 'a' && half != 'p') || *hour < 1 || *hour > 12)
		return false;
	*hour = *hour % 12 + (half == 'p' ? 12 : 0);
	in->p = rest.p + 2;
	return true;
}

/* Fractions of a second, to the microsecond; false if no digit follows the mark. */
static bool
TakeFraction(Cursor *in, int64 *micros)
{
	int			count = 0;

	if (!TakeChar(in, '.') && !TakeChar(in, ','))
		return true;
	for (; in->p < in->end && IsDigit(*in->p); in->p++)
	{
		if (count++ < 6)
			*micros = *micros * 10 + (*in->p - '0');
	}
	for (int i = count; i < 6; i++)
		*micros *= 10;
	return count > 0;
}

/* Z, UTC, GMT or an offset from UTC, up to the end. */
static bool
TakeZone(Cursor *in, ParsedTime *time)
{
	int			hours;
	int			minutes = 0;
	int			sign;

	SkipSpaces(in);
	if (in->p == in->end || TakeChar(in, 'Z') || TakeChar(in, 'z'))
		return in->p == in->end;
	if (in->end - in->p == 3 && (memcmp(in->p, "UTC", 3) == 0 || memcmp(in->p, "GMT", 3) == 0))
		return true;
	if (*in->p != '+' && *in->p != '-')
		return false;
	sign = *in->p++ == '-' ? -1 : 1;
	if (TakeDigits(in, 2, &hours) != 2 || hours > 15)
		return false;
	if ((TakeChar(in, ':') || in->p < in->end) && (TakeDigits(in, 2, &minutes) != 2 || minutes > 59))
		return false;
	time->offset = sign * (hours * INT64CONST(60) + minutes) * 60 * USECS_PER_SEC;
	return in->p == in->end;
}

/* What stands between date and time: T, a comma, white space. */
static bool
TakeTimeMark(Cursor *in)
{
	const char *start = in->p;

	if (TakeChar(in, 'T'))
		return true;
	TakeChar(in, ',');
	SkipSpaces(in);
	return in->p > start;
}

/* Nothing, or a time of day behind a date, up to the end. */
static bool
ParseTimeOfDay(Cursor *in, ParsedTime *time)
{
	int			hour;
	int			minute;
	int			second = 0;
	int64		micros = 0;

	if (in->p == in->end)
		return true;
	if (!TakeTimeMark(in) || TakeDigits(in, 2, &hour) < 1 || !TakeChar(in, ':') ||
		TakeDigits(in, 2, &minute) != 2)
		return false;
	if (TakeChar(in, ':') && (TakeDigits(in, 2, &second) != 2 || !TakeFraction(in, &micros)))
		return false;
	if (!TakeHalfDay(in, &hour) || hour > 23 || minute > 59 || second > 59)
		return false;
	time->of_day = ((hour * INT64CONST(60) + minute) * 60 + second) * USECS_PER_SEC + micros;
	return TakeZone(in, time);
}

/* The order of day, month and year that the caller asks for. */
static const char *
FieldOrder(FunctionCallInfo fcinfo)
{
	static const char *const orders[] = {"DMY", "MDY", "YMD"};
	text	   *order = PG_GETARG_TEXT_PP(1);

	for (int i = 0; i < lengthof(orders); i++)
	{
		if (VARSIZE_ANY_EXHDR(order) == 3 && memcmp(VARDATA_ANY(order), orders[i], 3) == 0)
			return orders[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("field order must be \"DMY\", \"MDY\" or \"YMD\"")));
}

/* Text -> a point in time; false if it is none. */
static bool
ParseTime(Cursor in, const char *order, ParsedTime *time)
{
	Cursor		start;

	memset(time, 0, sizeof(ParsedTime));
	CutSpaces(&in);
	start = in;
	if (!ParseNumberDate(&in, order, time))
	{
		in = start;
		if (!ParseNamedDate(&in, time))
			return false;
	}
	return ParseTimeOfDay(&in, time) &&
		time->year >= 1 && time->year <= 9999 && time->month >= 1 && time->month <= 12 &&
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

	if (!ParseTime(OpenText(PG_GETARG_TEXT_PP(0)), FieldOrder(fcinfo), &time))
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

	if (!ParseTime(OpenText(PG_GETARG_TEXT_PP(0)), FieldOrder(fcinfo), &time))
		PG_RETURN_NULL();
	instant = ParsedInstant(&time);
	if (instant % USECS_PER_DAY != 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT((DateADT) (instant / USECS_PER_DAY));
}
