/*
 * convert_time.c
 *	  Text as people type it -> dates and times; NULL where it is none.
 *
 * No conversion raises, and none looks at a setting of the session: the order
 * of day, month and year is an argument.
 */
#include "base/compat.h"

#include "silver/convert.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(medallion_to_date);
PG_FUNCTION_INFO_V1(medallion_to_timestamp);

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
