/*
 * column_type.c
 *	  What a column's type says of its values.
 *
 * The usual types are hashed and ranked here, by what lies in memory: the
 * server's functions cost a call, and for a numeric a copy.
 */
#include "base/compat.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "silver/column_type.h"

#include <math.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "port/pg_bswap.h"
#include "silver/stored_numeric.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#define SIGN_BIT (UINT64CONST(1) << 63)
#define EXACT_INTEGER (INT64CONST(1) << 53)	/* a double precision holds these, and the powers of ten */
#define EXACT_POWER 22

static const struct
{
	Oid			type;
	ValueKind	kind;
	ValueForm	form;
}			known_types[] =
{
	{INT2OID, VALUE_NUMBER, FORM_INT2},
	{INT4OID, VALUE_NUMBER, FORM_INT4},
	{INT8OID, VALUE_NUMBER, FORM_INT8},
	{FLOAT4OID, VALUE_NUMBER, FORM_FLOAT4},
	{FLOAT8OID, VALUE_NUMBER, FORM_FLOAT8},
	{NUMERICOID, VALUE_NUMBER, FORM_NUMERIC},
	{TEXTOID, VALUE_TEXT, FORM_TEXT},
	{VARCHAROID, VALUE_TEXT, FORM_TEXT},
	{DATEOID, VALUE_OTHER, FORM_INT4},
	{TIMEOID, VALUE_OTHER, FORM_INT8},
	{TIMESTAMPOID, VALUE_OTHER, FORM_INT8},
	{TIMESTAMPTZOID, VALUE_OTHER, FORM_INT8},
};

/* A copy of the type cache's function, or NULL. */
static FmgrInfo *
CopyFunction(FmgrInfo *function)
{
	FmgrInfo   *copy;

	if (!OidIsValid(function->fn_oid))
		return NULL;
	copy = palloc(sizeof(FmgrInfo));
	fmgr_info(function->fn_oid, copy);
	return copy;
}

void
ColumnTypeInit(ColumnType *type, Oid oid)
{
	TypeCacheEntry *entry;
	Oid			output;
	bool		is_varlena;

	memset(type, 0, sizeof(ColumnType));
	type->type = getBaseType(oid);
	type->kind = VALUE_OTHER;
	type->form = FORM_OTHER;
	for (int i = 0; i < lengthof(known_types); i++)
	{
		if (known_types[i].type != type->type)
			continue;
		type->kind = known_types[i].kind;
		type->form = known_types[i].form;
	}
	entry = lookup_type_cache(type->type, TYPECACHE_HASH_EXTENDED_PROC_FINFO | TYPECACHE_CMP_PROC_FINFO);
	type->by_value = entry->typbyval;
	type->length = entry->typlen;
	type->collation = OidIsValid(entry->typcollation) ? C_COLLATION_OID : InvalidOid;
	if (type->kind != VALUE_TEXT)
	{
		type->hash = CopyFunction(&entry->hash_extended_proc_finfo);
		type->compare = CopyFunction(&entry->cmp_proc_finfo);
	}
	getTypeOutputInfo(type->type, &output, &is_varlena);
	fmgr_info(output, &type->output);
}

char *
ColumnTypeText(ColumnType *type, Datum value)
{
	return OutputFunctionCall(&type->output, value);
}

/* Every bit of a word moves every bit of its hash (the last step of MurmurHash3). */
static inline uint64
MixBits(uint64 word)
{
	word ^= word >> 33;
	word *= UINT64CONST(0xff51afd7ed558ccd);
	word ^= word >> 33;
	word *= UINT64CONST(0xc4ceb9fe1a85ec53);
	return word ^ (word >> 33);
}

/* The bits of a number, the same for equal ones. */
static inline uint64
NumberBits(double number)
{
	uint64		bits;

	if (number == 0)
		number = 0;				/* not -0 */
	if (isnan(number))
		return UINT64CONST(0x7ff8) << 48;
	memcpy(&bits, &number, sizeof(bits));
	return bits;
}

/* Numerics have no zeros at either end, so that equal ones differ in their scale alone. */
static uint64
HashNumeric(const struct varlena *value)
{
	const char *stored = VARDATA_ANY(value);
	NumericParts parts;

	if (IsSpecialNumeric(stored))
		return MixBits(WordAt(stored) & NUMERIC_KIND);
	parts = SplitNumeric(stored, VARSIZE_ANY_EXHDR(value));
	if (parts.count == 0)
		return MixBits(1);
	return XXH3_64bits_withSeed(parts.words, parts.count * sizeof(uint16), (uint64) parts.weight * 2 + parts.negative);
}

static uint64
HashOther(ColumnType *type, Datum value)
{
	char	   *text;

	if (type->hash != NULL)
		return DatumGetUInt64(FunctionCall2Coll(type->hash, type->collation, value, Int64GetDatum(0)));
	text = ColumnTypeText(type, value);
	return XXH3_64bits(text, strlen(text));
}

uint64
ColumnTypeHash(ColumnType *type, Datum value)
{
	switch (type->form)
	{
		case FORM_INT2:
			return MixBits((uint64) DatumGetInt16(value));
		case FORM_INT4:
			return MixBits((uint64) DatumGetInt32(value));
		case FORM_INT8:
			return MixBits((uint64) DatumGetInt64(value));
		case FORM_FLOAT4:
			return MixBits(NumberBits(DatumGetFloat4(value)));
		case FORM_FLOAT8:
			return MixBits(NumberBits(DatumGetFloat8(value)));
		case FORM_NUMERIC:
			return HashNumeric((struct varlena *) DatumGetPointer(value));
		case FORM_TEXT:
			return XXH3_64bits(VARDATA_ANY(DatumGetPointer(value)), VARSIZE_ANY_EXHDR(DatumGetPointer(value)));
		case FORM_OTHER:
			break;
	}
	return HashOther(type, value);
}

/* The number of up to 16 digits, which one division or multiplication gives without an error; false: another. */
static inline bool
ShortNumeric(const struct varlena *value, double *number)
{
	static const double powers[] = {1e0, 1e4, 1e8, 1e12, 1e16, 1e20};
	const char *stored = VARDATA_ANY(value);
	int64		digits = 0;
	NumericParts parts;
	int			power;

	if (IsSpecialNumeric(stored))
		return false;
	parts = SplitNumeric(stored, VARSIZE_ANY_EXHDR(value));
	power = parts.weight - parts.count + 1;
	if (parts.count > 4 || abs(power) >= lengthof(powers))
		return false;
	for (int i = 0; i < parts.count; i++)
		digits = digits * 10000 + WordAt(parts.words + i * sizeof(uint16));
	if (digits > EXACT_INTEGER)
		return false;
	*number = power < 0 ? digits / powers[-power] : digits * powers[power];
	if (parts.negative)
		*number = -*number;
	return true;
}

double
ColumnTypeNumber(const ColumnType *type, Datum value)
{
	double		number;

	switch (type->form)
	{
		case FORM_INT2:
			return DatumGetInt16(value);
		case FORM_INT4:
			return DatumGetInt32(value);
		case FORM_INT8:
			return DatumGetInt64(value);
		case FORM_FLOAT4:
			return DatumGetFloat4(value);
		case FORM_FLOAT8:
			return DatumGetFloat8(value);
		case FORM_NUMERIC:
			if (ShortNumeric((struct varlena *) DatumGetPointer(value), &number))
				return number;
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
		case FORM_TEXT:
		case FORM_OTHER:
			break;
	}
	elog(ERROR, "type %u has no numbers", type->type);
}

/* NaN is the greatest. */
static inline uint64
RankNumber(double number)
{
	uint64		bits = NumberBits(number);

	return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

/* The first bytes; a shorter text comes first. */
static inline uint64
RankText(const struct varlena *value)
{
	uint64		word = 0;

	memcpy(&word, VARDATA_ANY(value), Min(VARSIZE_ANY_EXHDR(value), sizeof(word)));
	return pg_hton64(word);
}

uint64
ColumnTypeRank(const ColumnType *type, Datum value)
{
	switch (type->form)
	{
		case FORM_INT2:
			return (uint64) DatumGetInt16(value) ^ SIGN_BIT;
		case FORM_INT4:
			return (uint64) DatumGetInt32(value) ^ SIGN_BIT;
		case FORM_INT8:
			return (uint64) DatumGetInt64(value) ^ SIGN_BIT;
		case FORM_FLOAT4:
		case FORM_FLOAT8:
		case FORM_NUMERIC:
			return RankNumber(ColumnTypeNumber(type, value));
		case FORM_TEXT:
			return RankText((struct varlena *) DatumGetPointer(value));
		case FORM_OTHER:
			break;
	}
	return 0;
}

bool
ColumnTypeHasOrder(const ColumnType *type)
{
	return type->compare != NULL || type->kind == VALUE_TEXT;
}

int
ColumnTypeCompare(const ColumnType *type, Datum a, Datum b)
{
	text	   *left = (text *) DatumGetPointer(a);
	text	   *right = (text *) DatumGetPointer(b);
	int			left_length;
	int			right_length;
	int			order;

	if (type->kind != VALUE_TEXT)
		return DatumGetInt32(FunctionCall2Coll(type->compare, type->collation, a, b));
	left_length = VARSIZE_ANY_EXHDR(left);
	right_length = VARSIZE_ANY_EXHDR(right);
	order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right), Min(left_length, right_length));
	return order != 0 ? order : left_length - right_length;
}
