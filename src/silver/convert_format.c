/*
 * convert_format.c
 *	  Dates and times that the user says how to read: by a format, or as a number.
 */
#include "base/compat.h"

#include "silver/convert_time.h"

#include <math.h>

#include "utils/datetime.h"
#include "utils/timestamp.h"

#define MAX_NUMBER 30			/* characters of a number */

typedef enum PartKind
{
	PART_YEAR, PART_SHORT_YEAR, PART_MONTH, PART_MONTH_NAME, PART_DAY, PART_HOUR, PART_MINUTE, PART_SECOND,
	PART_FRACTION, PART_HALF_DAY, PART_ZONE
} PartKind;

/* What a format is made of; longer words stand before their beginnings. */
static const struct
{
	const char *word;
	PartKind	kind;
	int			digits;			/* at most; 0: no number */
}			parts[] =
{
	{"YYYY", PART_YEAR, 4},
	{"YY", PART_SHORT_YEAR, 2},
	{"MONTH", PART_MONTH_NAME, 0},
	{"MON", PART_MONTH_NAME, 0},
	{"MM", PART_MONTH, 2},
	{"DD", PART_DAY, 2},
	{"HH24", PART_HOUR, 2},
	{"HH12", PART_HOUR, 2},
	{"HH", PART_HOUR, 2},
	{"MI", PART_MINUTE, 2},
	{"SS", PART_SECOND, 2},
	{"FF", PART_FRACTION, 9},
	{"AM", PART_HALF_DAY, 0},
	{"PM", PART_HALF_DAY, 0},
	{"TZ", PART_ZONE, 0},
};

/* The part at the start of a format, which is taken off it; -1 if there is none. */
static int
TakePart(Cursor *format)
{
	for (int i = 0; i < lengthof(parts); i++)
	{
		int			length = strlen(parts[i].word);

		if (format->end - format->p >= length && memcmp(format->p, parts[i].word, length) == 0)
		{
			format->p += length;
			return i;
		}
	}
	return -1;
}

/* Is the next part of a format a number? */
static bool
NumberFollows(Cursor format)
{
	int			next = TakePart(&format);

	return next >= 0 && parts[next].digits > 0;
}

/* Fractions of a second, to the microsecond. */
static bool
TakeFractionDigits(Cursor *in, int64 *micros)
{
	int			digits = 0;

	for (; in->p < in->end && IsDigit(*in->p); in->p++)
	{
		if (digits++ < 6)
			*micros = *micros * 10 + (*in->p - '0');
	}
	for (int i = digits; i < 6; i++)
		*micros *= 10;
	return digits > 0;
}

/* What parts say, before it is one time. */
typedef struct TimeParts
{
	int			hour;
	int			minute;
	int			second;
	int64		micros;
	bool		has_year;
	bool		has_month;
	bool		has_day;
	bool		after_number;	/* the part before was a number, with nothing behind it */
} TimeParts;

/* Puts a number where it belongs. */
static bool
SetPart(PartKind kind, int number, int digits, ParsedTime *time, TimeParts *said)
{
	switch (kind)
	{
		case PART_YEAR:
		case PART_SHORT_YEAR:
			time->year = FullYear(number, digits);
			said->has_year = true;
			return digits == (kind == PART_YEAR ? 4 : 2);
		case PART_MONTH:
			time->month = number;
			said->has_month = true;
			return true;
		case PART_DAY:
			time->day = number;
			said->has_day = true;
			return true;
		case PART_HOUR:
			said->hour = number;
			return number < 24;
		case PART_MINUTE:
			said->minute = number;
			return number < 60;
		default:
			said->second = number;
			return number < 60;
	}
}

/* Reads what one part of the format asks for. */
static bool
ReadPart(int part, Cursor *in, Cursor rest, ParsedTime *time, TimeParts *said)
{
	int			number;
	int			digits;

	switch (parts[part].kind)
	{
		case PART_MONTH_NAME:
			time->month = TakeMonth(in);
			said->has_month = true;
			return time->month > 0;
		case PART_HALF_DAY:
			return TakeHalfDay(in, &said->hour);
		case PART_FRACTION:
			return TakeFractionDigits(in, &said->micros);
		case PART_ZONE:
			return TakeZone(in, time);
		default:
			digits = TakeDigits(in, parts[part].digits, &number);
			/* numbers without a mark between them have all their digits */
			if (digits == 0 || (digits < parts[part].digits && (said->after_number || NumberFollows(rest))))
				return false;
			return SetPart(parts[part].kind, number, digits, time, said);
	}
}

/* Text in a format -> a point in time. */
bool
ParseTimeByFormat(Cursor in, Cursor format, ParsedTime *time)
{
	TimeParts	said = {0};

	while (format.p < format.end)
	{
		int			part = TakePart(&format);

		if (part >= 0)
		{
			if (!ReadPart(part, &in, format, time, &said))
				return false;
			said.after_number = parts[part].digits > 0;
			continue;
		}
		said.after_number = false;
		if (SpaceAtStart(format.p, format.end) > 0)
		{
			SkipSpaces(&format);
			SkipSpaces(&in);
		}
		else if (!TakeChar(&in, *format.p++))
			return false;
	}
	if (!said.has_year || !said.has_month || !said.has_day)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a date format must have a year (YYYY, YY), a month (MM, MON) and a day (DD)")));
	time->of_day = ((said.hour * INT64CONST(60) + said.minute) * 60 + said.second) * USECS_PER_SEC + said.micros;
	return in.p == in.end;
}

/* A plain number; false if the text is none. */
static bool
PlainNumber(Cursor in, double *number)
{
	char		digits[MAX_NUMBER + 1];
	int			length = in.end - in.p;
	bool		has_digit = false;

	if (length < 1 || length > MAX_NUMBER)
		return false;
	for (int i = 0; i < length; i++)
	{
		has_digit |= IsDigit(in.p[i]);
		if (!IsDigit(in.p[i]) && !(in.p[i] == '-' && i == 0) && in.p[i] != '.')
			return false;
		digits[i] = in.p[i];
	}
	digits[length] = '\0';
	{
		char	   *end;

		*number = strtod(digits, &end);
		return has_digit && *end == '\0';
	}
}

/* Days as Excel counts them: from the last of 1899, with a 29 February 1900 that
 * never was; or from 1904 on.  To the millisecond, for more is not in them. */
static bool
InstantOfSerial(double serial, bool from_1904, Timestamp *instant)
{
	int64		day = (int64) floor(serial);
	int			base = from_1904 ? date2j(1904, 1, 1) : date2j(1899, 12, day < 60 ? 31 : 30);

	if (from_1904 ? (day < 0 || day > 2957003) : (day < 1 || day == 60 || day > 2958465))
		return false;
	*instant = (base - POSTGRES_EPOCH_JDATE + day) * USECS_PER_DAY +
		(int64) rint((serial - day) * SECS_PER_DAY * 1000) * 1000;
	return true;
}

/* Seconds of 1970 on, or so many parts of them. */
static bool
InstantOfEpoch(double number, double parts_per_second, Timestamp *instant)
{
	double		seconds = number / parts_per_second;
	int64		epoch = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY;

	/* the years that texts may say, too */
	if (seconds < -62135596800.0 || seconds >= 253402300800.0)
		return false;
	*instant = (int64) rint(seconds * USECS_PER_SEC) - epoch * USECS_PER_SEC;
	return true;
}

/* The parts of a second that a number counts, by its size: until the year 5138
 * seconds have 11 digits, and thousandths 14. */
static double
GuessParts(double number)
{
	return fabs(number) < 1e11 ? 1 : fabs(number) < 1e14 ? 1e3 : 1e6;
}

/* A plain number as a count of days or seconds. */
bool
InstantOfNumber(Cursor in, text *unit, Timestamp *instant)
{
	static const struct
	{
		const char *name;
		double		parts;		/* of a second; 0: by size; negative: days */
	}			units[] = {{"excel", -1}, {"excel1904", -2}, {"s", 1}, {"ms", 1e3}, {"us", 1e6}, {"epoch", 0}};
	double		number;

	for (int i = 0; i < lengthof(units); i++)
	{
		if (strlen(units[i].name) != VARSIZE_ANY_EXHDR(unit) ||
			memcmp(units[i].name, VARDATA_ANY(unit), VARSIZE_ANY_EXHDR(unit)) != 0)
			continue;
		if (!PlainNumber(in, &number))
			return false;
		if (units[i].parts < 0)
			return InstantOfSerial(number, units[i].parts == -2, instant);
		return InstantOfEpoch(number, units[i].parts == 0 ? GuessParts(number) : units[i].parts, instant);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("numbers must be \"excel\", \"excel1904\", \"s\", \"ms\", \"us\" or \"epoch\"")));
}
