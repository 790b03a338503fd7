/*
 * classify.c
 *	  What type a text value speaks for.
 */
#include "base/compat.h"

#include "base/classify.h"

#define MAX_BIGINT_DIGITS 18

static const char *const type_names[] = {"empty", "boolean", "bigint", "numeric", "date", "timestamp", "text"};

/* Digits at the start of a value. */
static int
CountDigits(const char *value, int length)
{
	int			n = 0;

	while (n < length && value[n] >= '0' && value[n] <= '9')
		n++;
	return n;
}

/* [-]digits[.digits][e[+-]digits], without leading zeros. */
static ValueType
ClassifyNumber(const char *value, int length)
{
	const char *end = value + length;
	int			digits;
	ValueType	type = VT_BIGINT;

	if (value < end && *value == '-')
		value++;
	digits = CountDigits(value, end - value);
	if (digits == 0 || (digits > 1 && value[0] == '0'))
		return VT_TEXT;
	if (digits > MAX_BIGINT_DIGITS)
		type = VT_NUMERIC;
	value += digits;
	if (value < end && *value == '.')
	{
		digits = CountDigits(value + 1, end - value - 1);
		if (digits == 0)
			return VT_TEXT;
		value += digits + 1;
		type = VT_NUMERIC;
	}
	if (value < end && (*value == 'e' || *value == 'E'))
	{
		value++;
		if (value < end && (*value == '+' || *value == '-'))
			value++;
		digits = CountDigits(value, end - value);
		if (digits == 0 || digits > 3)
			return VT_TEXT;
		value += digits;
		type = VT_NUMERIC;
	}
	return value == end ? type : VT_TEXT;
}

static int
TwoDigits(const char *value)
{
	return (value[0] - '0') * 10 + (value[1] - '0');
}

/* HH:MM[:SS[.digits]] */
static bool
IsTime(const char *value, int length)
{
	if (length < 5 || CountDigits(value, 2) != 2 || value[2] != ':' || CountDigits(value + 3, 2) != 2 ||
		TwoDigits(value) > 23 || TwoDigits(value + 3) > 59)
		return false;
	if (length == 5)
		return true;
	if (length < 8 || value[5] != ':' || CountDigits(value + 6, 2) != 2 || TwoDigits(value + 6) > 59)
		return false;
	if (length == 8)
		return true;
	return value[8] == '.' && length > 9 && length <= 15 && CountDigits(value + 9, length - 9) == length - 9;
}

/* YYYY-MM-DD, alone or with a time behind a space or T. */
static ValueType
ClassifyDate(const char *value, int length)
{
	if (length < 10 || CountDigits(value, 4) != 4 || value[4] != '-' || CountDigits(value + 5, 2) != 2 ||
		value[7] != '-' || CountDigits(value + 8, 2) != 2)
		return VT_TEXT;
	if (TwoDigits(value + 5) < 1 || TwoDigits(value + 5) > 12 || TwoDigits(value + 8) < 1 ||
		TwoDigits(value + 8) > 31)
		return VT_TEXT;
	if (length == 10)
		return VT_DATE;
	if ((value[10] == ' ' || value[10] == 'T') && IsTime(value + 11, length - 11))
		return VT_TIMESTAMP;
	return VT_TEXT;
}

/* The type of one value. */
ValueType
ClassifyText(const char *value, int length)
{
	if (length == 0)
		return VT_EMPTY;
	if ((value[0] >= '0' && value[0] <= '9') || value[0] == '-')
	{
		if (length >= 10 && value[4] == '-')
			return ClassifyDate(value, length);
		return ClassifyNumber(value, length);
	}
	if ((length == 4 && pg_strncasecmp(value, "true", 4) == 0) ||
		(length == 5 && pg_strncasecmp(value, "false", 5) == 0))
		return VT_BOOLEAN;
	return VT_TEXT;
}

/*
 * The narrowest type that holds both.  Booleans and numbers meet in text:
 * whether TRUE is 1 is not ours to decide.
 */
ValueType
WidenType(ValueType a, ValueType b)
{
	ValueType	narrow = Min(a, b);
	ValueType	wide = Max(a, b);

	if (narrow == VT_EMPTY || narrow == wide)
		return wide;
	if (narrow == VT_BIGINT && wide == VT_NUMERIC)
		return VT_NUMERIC;
	if (narrow == VT_DATE && wide == VT_TIMESTAMP)
		return VT_TIMESTAMP;
	return VT_TEXT;
}

/* The SQL name of a type. */
const char *
ValueTypeName(ValueType type)
{
	return type_names[type];
}

/* The type of a name; text for those unknown. */
ValueType
ValueTypeFromName(const char *name)
{
	for (int i = 0; i < lengthof(type_names); i++)
	{
		if (strcmp(type_names[i], name) == 0)
			return i;
	}
	return VT_TEXT;
}
