/*
 * encode_number.c
 *	  Numbers of all types -> one decimal form (docs/row_hash.md).
 *
 * A number is its digits, without zeros at either end, "e" and a power of ten.
 */
#include "base/compat.h"

#include <math.h>

#include "silver/encode_number.h"

#include "common/shortest_dec.h"
#include "silver/element.h"
#include "silver/stored_numeric.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* "e" and a power of ten, at p; gives where that ends. */
static inline char *
PutPower(char *p, int power)
{
	*p++ = 'e';
	if (power >= 0 && power <= 9)
	{
		*p++ = '0' + power;
		return p;
	}
	return p + pg_ltoa(power, p);
}

/* A decimal number in any notation -> digits without zeros at either end, "e", power of ten. */
static void
AppendDecimal(StringInfo out, const char *text)
{
	char	   *content = ReserveElement(out, strlen(text) + 16);
	char	   *p = content;
	char	   *digits;
	bool		after_point = false;
	int			exponent = 0;

	if (*text == '-')
		*p++ = *text++;
	digits = p;
	for (; *text != '\0' && *text != 'e'; text++)
	{
		if (*text == '.')
		{
			after_point = true;
			continue;
		}
		if (*text != '0' || p > digits)
			*p++ = *text;
		exponent -= after_point;
	}
	if (*text == 'e')
		exponent += atoi(text + 1);
	while (p > digits && p[-1] == '0')
	{
		p--;
		exponent++;
	}
	if (p == digits)			/* zero, whatever its sign and scale */
	{
		p = content;
		*p++ = '0';
		exponent = 0;
	}
	FinishReserved(out, 'n', PutPower(p, exponent) - content);
}

/* The digits of an integer that stand at content, zeros at the end among them. */
static inline void
FinishInteger(StringInfo out, char *content, int length)
{
	int			zeros = 0;

	while (length > 1 && content[length - 1] == '0')
	{
		length--;
		zeros++;
	}
	FinishReserved(out, 'n', PutPower(content + length, zeros) - content);
}

static void
AppendInt4(StringInfo out, int32 value)
{
	char	   *content = ReserveElement(out, MAXINT8LEN + 4);

	FinishInteger(out, content, pg_ltoa(value, content));
}

static void
AppendInt8(StringInfo out, int64 value)
{
	char	   *content = ReserveElement(out, MAXINT8LEN + 4);

	FinishInteger(out, content, pg_lltoa(value, content));
}

/* NaN and the infinities have names of their own. */
static void
AppendNamedNumber(StringInfo out, bool nan, bool negative)
{
	const char *name = nan ? "nan" : negative ? "-inf" : "inf";

	AppendTagged(out, 'n', name, strlen(name));
}

static inline char *
PutWord(char *p, uint16 word)
{
	p[0] = '0' + word / 1000;
	p[1] = '0' + word / 100 % 10;
	p[2] = '0' + word / 10 % 10;
	p[3] = '0' + word % 10;
	return p + WORD_DIGITS;
}

/* How many zeros a word of digits begins with. */
static inline int
ZerosBefore(uint16 word)
{
	return word >= 1000 ? 0 : word >= 100 ? 1 : word >= 10 ? 2 : 3;
}

/* Number and power of ten; a first word that begins with zeros lets them fall on the head, written later. */
static inline void
AppendNumericParts(StringInfo out, const NumericParts *parts)
{
	char	   *content = ReserveElement(out, WORD_DIGITS * parts->count + 16);
	char	   *p = content + parts->negative - ZerosBefore(WordAt(parts->words));
	int			power = WORD_DIGITS * (parts->weight - parts->count + 1);

	for (int i = 0; i < parts->count; i++)
		p = PutWord(p, WordAt(parts->words + i * sizeof(uint16)));
	if (parts->negative)
		*content = '-';
	for (; p[-1] == '0'; p--)
		power++;
	FinishReserved(out, 'n', PutPower(p, power) - content);
}

/* A numeric by its digits; the scale does not count. */
void
AppendNumeric(StringInfo out, const struct varlena *value)
{
	const char *stored = VARDATA_ANY(value);
	int			kind = WordAt(stored) & NUMERIC_KIND;
	NumericParts parts;

	if (IsSpecialNumeric(stored))
	{
		AppendNamedNumber(out, kind == NUMERIC_NAN, kind == NUMERIC_MINUS_INFINITY);
		return;
	}
	parts = SplitNumeric(stored, VARSIZE_ANY_EXHDR(value));
	if (parts.count == 0)
		AppendTagged(out, 'n', "0e0", 3);
	else
		AppendNumericParts(out, &parts);
}

void
EncodeNumeric(StringInfo out, FieldType *type, Datum value)
{
	AppendNumeric(out, Packed(value));
}

void
EncodeInt2(StringInfo out, FieldType *type, Datum value)
{
	AppendInt4(out, DatumGetInt16(value));
}

void
EncodeInt4(StringInfo out, FieldType *type, Datum value)
{
	AppendInt4(out, DatumGetInt32(value));
}

void
EncodeInt8(StringInfo out, FieldType *type, Datum value)
{
	AppendInt8(out, DatumGetInt64(value));
}

void
EncodeOid(StringInfo out, FieldType *type, Datum value)
{
	AppendInt8(out, DatumGetObjectId(value));
}

/* A float of either size by the shortest decimal that reads back as the same. */
static void
AppendFloat(StringInfo out, float8 number, const char *shortest)
{
	if (isnan(number) || isinf(number))
		AppendNamedNumber(out, isnan(number), number < 0);
	else
		AppendDecimal(out, shortest);
}

void
EncodeFloat4(StringInfo out, FieldType *type, Datum value)
{
	float4		number = DatumGetFloat4(value);
	char		text[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(number, text);
	AppendFloat(out, number, text);
}

void
EncodeFloat8(StringInfo out, FieldType *type, Datum value)
{
	float8		number = DatumGetFloat8(value);
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(number, text);
	AppendFloat(out, number, text);
}

