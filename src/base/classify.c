/*
 * classify.c
 *	  What type a text value speaks for.
 */
#include "base/compat.h"

#include "base/classify.h"

#include "port/pg_bswap.h"

#define MAX_BIGINT_DIGITS 18

static const char *const type_names[] = {"empty", "boolean", "bigint", "numeric", "date", "timestamp", "text"};

/* Digits at the start of a value. */
static inline int
CountDigits(const char *value, int length)
{
	int			n = 0;

	while (n < length && (unsigned char) (value[n] - '0') < 10)
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

/* Are these eight bytes YYYY-MM-? */
static bool
IsYearAndMonth(const char *value)
{
	const uint64 marks = UINT64CONST(0xFF0000FF00000000);	/* the bytes that are "-" */
	const uint64 ones = UINT64CONST(0x0101010101010101);
	uint64		bytes;

	memcpy(&bytes, value, sizeof(bytes));
#ifdef WORDS_BIGENDIAN
	bytes = pg_bswap64(bytes);
#endif
	if ((bytes & marks) != ((ones * '-') & marks))
		return false;
	/* digits are those of 0x3_ that stay there when 6 is added */
	bytes = (bytes & ~marks) | ((ones * '0') & marks);
	return (bytes & (ones * 0xF0)) == ones * 0x30 && ((bytes + ones * 6) & (ones * 0xF0)) == ones * 0x30;
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
	if (length < 10 || !IsYearAndMonth(value) || CountDigits(value + 8, 2) != 2)
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

/* true or false, in any case. */
static bool
IsBoolean(const char *value, int length)
{
	switch (value[0])
	{
		case 't':
		case 'T':
			return length == 4 && (memcmp(value, "true", 4) == 0 || pg_strncasecmp(value, "true", 4) == 0);
		case 'f':
		case 'F':
			return length == 5 && (memcmp(value, "false", 5) == 0 || pg_strncasecmp(value, "false", 5) == 0);
		default:
			return false;
	}
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
	return IsBoolean(value, length) ? VT_BOOLEAN : VT_TEXT;
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
