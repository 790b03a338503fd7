/*
 * convert.c
 *	  Text as people type it -> numbers, booleans; NULL where it is none.
 *
 * No conversion raises, and none looks at a setting of the session: decimal mark
 * and words are arguments.  Signs beyond ASCII (currencies, spaces) are
 * known in a database whose encoding is UTF8.
 */
#include "base/compat.h"

#include "silver/convert.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(medallion_to_numeric);
PG_FUNCTION_INFO_V1(medallion_to_bigint);
PG_FUNCTION_INFO_V1(medallion_to_boolean);

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
