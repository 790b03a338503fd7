/*
 * hash.c
 *	  row_hash(): 128 bits over an injective, session-independent encoding.
 *
 *	  values -> encoding (docs/row_hash.md) -> XXH3, 128 bits -> uuid
 *
 * Each value is a tag, and unless it is NULL a length and its content, so that
 * no two lists of values share an encoding.  What a type prints as, and so
 * every setting that changes it, plays no part; numbers of all types meet in
 * one decimal form, a date equals the timestamp of its midnight.
 */
#include "base/compat.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(medallion_row_hash);
PG_FUNCTION_INFO_V1(medallion_pairs_hash);

#define UNIX_EPOCH_US ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static void AppendValue(StringInfo out, Oid type, Datum value);

static void
AppendNull(StringInfo out)
{
	appendStringInfoChar(out, '\0');
}

/* tag, length (4 bytes, little-endian), content */
static void
AppendTagged(StringInfo out, char tag, const void *content, uint32 length)
{
	unsigned char head[5] = {tag, length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff, length >> 24};

	appendBinaryStringInfo(out, (const char *) head, sizeof(head));
	appendBinaryStringInfo(out, content, length);
}

/* 8 bytes, little-endian */
static void
PutInt64(unsigned char *out, int64 value)
{
	for (int i = 0; i < 8; i++)
		out[i] = ((uint64) value >> (8 * i)) & 0xff;
}

static void
AppendInt64(StringInfo out, char tag, int64 value)
{
	unsigned char bytes[8];

	PutInt64(bytes, value);
	AppendTagged(out, tag, bytes, sizeof(bytes));
}

/* An open element: its length is known only when it is closed. */
static int
OpenElement(StringInfo out, char tag)
{
	AppendTagged(out, tag, "", 0);
	return out->len;
}

static void
CloseElement(StringInfo out, int start)
{
	uint32		length = out->len - start;

	for (int i = 0; i < 4; i++)
		out->data[start - 4 + i] = (length >> (8 * i)) & 0xff;
}

/*
 * A decimal number in any notation -> its canonical form: digits without zeros
 * at either end, "e", power of ten.
 */
static void
AppendDecimal(StringInfo out, const char *text)
{
	bool		negative = *text == '-';
	long		exponent = 0;
	bool		after_point = false;
	int			start = OpenElement(out, 'n');
	int			digits;

	if (*text == '-' || *text == '+')
		text++;
	if (negative)
		appendStringInfoChar(out, '-');
	digits = out->len;
	for (; *text != '\0' && *text != 'e' && *text != 'E'; text++)
	{
		if (*text == '.')
			after_point = true;
		else
		{
			if (*text != '0' || out->len > digits)
				appendStringInfoChar(out, *text);
			exponent -= after_point;
		}
	}
	if (*text != '\0')
		exponent += strtol(text + 1, NULL, 10);
	while (out->len > digits && out->data[out->len - 1] == '0')
	{
		out->len--;
		exponent++;
	}
	if (out->len == digits)		/* zero, whatever its sign and scale */
	{
		out->len = start;
		appendStringInfoString(out, "0e0");
	}
	else
		appendStringInfo(out, "e%ld", exponent);
	CloseElement(out, start);
}

/* An integer, without a detour over numeric. */
static void
AppendInteger(StringInfo out, int64 value)
{
	char		text[32];
	char		content[40];
	int			length = pg_lltoa(value, text);
	int			zeros = 0;

	while (length > 1 && text[length - 1] == '0')
	{
		length--;
		zeros++;
	}
	if (value == 0)
		zeros = 0;
	memcpy(content, text, length);
	content[length++] = 'e';
	length += pg_ltoa(zeros, content + length);
	AppendTagged(out, 'n', content, length);
}

/* NaN and the infinities have names of their own. */
static bool
AppendSpecialNumber(StringInfo out, bool nan, int infinity)
{
	const char *name = nan ? "nan" : infinity > 0 ? "inf" : infinity < 0 ? "-inf" : NULL;

	if (name != NULL)
		AppendTagged(out, 'n', name, strlen(name));
	return name != NULL;
}

static void
AppendFloat8(StringInfo out, float8 value)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (AppendSpecialNumber(out, isnan(value), isinf(value) ? (value > 0 ? 1 : -1) : 0))
		return;
	double_to_shortest_decimal_buf(value, text);
	AppendDecimal(out, text);
}

static void
AppendFloat4(StringInfo out, float4 value)
{
	char		text[FLOAT_SHORTEST_DECIMAL_LEN];

	if (AppendSpecialNumber(out, isnan(value), isinf(value) ? (value > 0 ? 1 : -1) : 0))
		return;
	float_to_shortest_decimal_buf(value, text);
	AppendDecimal(out, text);
}

static void
AppendNumeric(StringInfo out, Numeric value)
{
	char	   *text;

	if (numeric_is_nan(value))
	{
		AppendSpecialNumber(out, true, 0);
		return;
	}
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
	if (!AppendSpecialNumber(out, false, text[0] == 'I' ? 1 : text[1] == 'I' ? -1 : 0))
		AppendDecimal(out, text);
	pfree(text);
}

/* Text in UTF-8, whatever the database's encoding. */
static void
AppendText(StringInfo out, const char *value, int length)
{
	char	   *utf8 = pg_server_to_any(value, length, PG_UTF8);

	AppendTagged(out, 't', utf8, utf8 == value ? length : strlen(utf8));
}

/* Microseconds since the Unix epoch; the infinities are the extremes. */
static void
AppendTimestamp(StringInfo out, char tag, Timestamp value)
{
	if (TIMESTAMP_NOT_FINITE(value))
		AppendInt64(out, tag, value);
	else
		AppendInt64(out, tag, value + UNIX_EPOCH_US);
}

static void
AppendDate(StringInfo out, DateADT value)
{
	if (DATE_NOT_FINITE(value))
		AppendInt64(out, 's', DATE_IS_NOBEGIN(value) ? PG_INT64_MIN : PG_INT64_MAX);
	else
		AppendInt64(out, 's', (int64) value * USECS_PER_DAY + UNIX_EPOCH_US);
}

static void
AppendInterval(StringInfo out, const Interval *value)
{
	unsigned char bytes[16];

	for (int i = 0; i < 4; i++)
	{
		bytes[i] = ((uint32) value->month >> (8 * i)) & 0xff;
		bytes[4 + i] = ((uint32) value->day >> (8 * i)) & 0xff;
	}
	PutInt64(bytes + 8, value->time);
	AppendTagged(out, 'i', bytes, sizeof(bytes));
}

/* One scalar of a jsonb value. */
static void
AppendJsonbScalar(StringInfo out, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			AppendTagged(out, 'l', "", 0);
			break;
		case jbvString:
			AppendText(out, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			AppendNumeric(out, value->val.numeric);
			break;
		case jbvBool:
			AppendTagged(out, 'b', value->val.boolean ? "\1" : "\0", 1);
			break;
		default:
			elog(ERROR, "unexpected jsonb value type %d", (int) value->type);
	}
}

/* jsonb in its own order of keys, which does not depend on how it was written. */
static void
AppendJsonb(StringInfo out, Jsonb *value)
{
	JsonbIterator *it = JsonbIteratorInit(&value->root);
	JsonbIteratorToken token;
	JsonbValue	item;
	int			start = OpenElement(out, 'j');

	while ((token = JsonbIteratorNext(&it, &item, false)) != WJB_DONE)
	{
		if (token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM)
			AppendJsonbScalar(out, &item);
		else
			appendStringInfoChar(out, token == WJB_BEGIN_OBJECT ? '{' : token == WJB_END_OBJECT ? '}' :
								 token == WJB_BEGIN_ARRAY ? '[' : ']');
	}
	CloseElement(out, start);
}

/* Dimensions, then elements. */
static void
AppendArray(StringInfo out, ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int16		length;
	bool		by_value;
	char		align;
	int			start = OpenElement(out, 'a');

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &elements, &nulls, &count);
	for (int i = 0; i < ARR_NDIM(array); i++)
		AppendInt64(out, 'd', ARR_DIMS(array)[i]);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			AppendNull(out);
		else
			AppendValue(out, ARR_ELEMTYPE(array), elements[i]);
	}
	CloseElement(out, start);
}

/* Fields in order. */
static void
AppendRecord(StringInfo out, HeapTupleHeader record)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(record),
											  HeapTupleHeaderGetTypMod(record));
	int			start = OpenElement(out, 'r');

	for (int i = 0; i < desc->natts; i++)
	{
		bool		isnull;
		Datum		value = GetAttributeByNum(record, i + 1, &isnull);

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		if (isnull)
			AppendNull(out);
		else
			AppendValue(out, TupleDescAttr(desc, i)->atttypid, value);
	}
	ReleaseTupleDesc(desc);
	CloseElement(out, start);
}

/* A type without an encoding of its own: its name and what its binary send
 * function gives. */
static void
AppendOther(StringInfo out, Oid type, Datum value)
{
	Oid			send;
	bool		varlena;
	bytea	   *bytes;
	int			start;

	getTypeBinaryOutputInfo(type, &send, &varlena);
	bytes = OidSendFunctionCall(send, value);
	start = OpenElement(out, 'o');
	appendStringInfoString(out, format_type_be_qualified(type));
	appendStringInfoChar(out, '\0');
	appendBinaryStringInfo(out, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	CloseElement(out, start);
}

/* A varlena value: text of some kind, bytes, json, array or record. */
static bool
AppendVarlena(StringInfo out, Oid type, Datum value)
{
	struct varlena *detoasted;

	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case JSONOID:
		case XMLOID:
			detoasted = PG_DETOAST_DATUM_PACKED(value);
			AppendText(out, VARDATA_ANY(detoasted), type != BPCHAROID ? VARSIZE_ANY_EXHDR(detoasted) :
					   bpchartruelen(VARDATA_ANY(detoasted), VARSIZE_ANY_EXHDR(detoasted)));
			return true;
		case BYTEAOID:
			detoasted = PG_DETOAST_DATUM_PACKED(value);
			AppendTagged(out, 'x', VARDATA_ANY(detoasted), VARSIZE_ANY_EXHDR(detoasted));
			return true;
		case NUMERICOID:
			AppendNumeric(out, DatumGetNumeric(value));
			return true;
		case JSONBOID:
			AppendJsonb(out, DatumGetJsonbP(value));
			return true;
		case RECORDOID:
			AppendRecord(out, DatumGetHeapTupleHeader(value));
			return true;
		default:
			return false;
	}
}

/* What is neither built in nor a varlena of above: by what kind of type it is. */
static void
AppendByKind(StringInfo out, Oid type, Datum value)
{
	Oid			base = getBaseType(type);

	if (base != type)
		AppendValue(out, base, value);
	else if (type_is_array(type))
		AppendArray(out, DatumGetArrayTypeP(value));
	else if (type_is_rowtype(type))
		AppendRecord(out, DatumGetHeapTupleHeader(value));
	else if (type_is_enum(type))
	{
		Oid			output;
		bool		varlena;
		char	   *label;

		getTypeOutputInfo(type, &output, &varlena);
		label = OidOutputFunctionCall(output, value);
		AppendText(out, label, strlen(label));
	}
	else
		AppendOther(out, type, value);
}

/* One value that is not NULL. */
static void
AppendValue(StringInfo out, Oid type, Datum value)
{
	switch (type)
	{
		case BOOLOID:
			AppendTagged(out, 'b', DatumGetBool(value) ? "\1" : "\0", 1);
			break;
		case INT2OID:
			AppendInteger(out, DatumGetInt16(value));
			break;
		case INT4OID:
			AppendInteger(out, DatumGetInt32(value));
			break;
		case INT8OID:
			AppendInteger(out, DatumGetInt64(value));
			break;
		case OIDOID:
			AppendInteger(out, DatumGetObjectId(value));
			break;
		case FLOAT4OID:
			AppendFloat4(out, DatumGetFloat4(value));
			break;
		case FLOAT8OID:
			AppendFloat8(out, DatumGetFloat8(value));
			break;
		case UNKNOWNOID:
			AppendText(out, DatumGetCString(value), strlen(DatumGetCString(value)));
			break;
		case NAMEOID:
			AppendText(out, NameStr(*DatumGetName(value)), strlen(NameStr(*DatumGetName(value))));
			break;
		case DATEOID:
			AppendDate(out, DatumGetDateADT(value));
			break;
		case TIMESTAMPOID:
			AppendTimestamp(out, 's', DatumGetTimestamp(value));
			break;
		case TIMESTAMPTZOID:
			AppendTimestamp(out, 'z', DatumGetTimestampTz(value));
			break;
		case TIMEOID:
			AppendInt64(out, 'c', DatumGetTimeADT(value));
			break;
		case INTERVALOID:
			AppendInterval(out, DatumGetIntervalP(value));
			break;
		case UUIDOID:
			AppendTagged(out, 'u', DatumGetUUIDP(value)->data, UUID_LEN);
			break;
		default:
			if (!AppendVarlena(out, type, value))
				AppendByKind(out, type, value);
	}
}

/* XXH3 of the encoding, big-endian, as a uuid. */
static Datum
HashToUuid(StringInfo encoding)
{
	XXH128_hash_t hash = XXH3_128bits(encoding->data, encoding->len);
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, hash);
	memcpy(uuid->data, canonical.digest, UUID_LEN);
	return UUIDPGetDatum(uuid);
}

/* medallion.row_hash(VARIADIC "any") */
Datum
medallion_row_hash(PG_FUNCTION_ARGS)
{
	StringInfoData encoding;

	initStringInfo(&encoding);
	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row_hash() does not take a VARIADIC array")));
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i))
			AppendNull(&encoding);
		else
			AppendValue(&encoding, get_fn_expr_argtype(fcinfo->flinfo, i), PG_GETARG_DATUM(i));
	}
	return HashToUuid(&encoding);
}

/* Which fields of a record to hash, in order of name; kept between calls. */
typedef struct PairsPlan
{
	Oid			type;
	int32		typmod;
	TupleDesc	desc;
	int			count;
	int		   *fields;			/* 0-based */
	Datum	   *values;			/* of one record */
	bool	   *nulls;
} PairsPlan;

static TupleDesc sorting_desc;	/* of the fields being sorted */

static int
CompareFieldNames(const void *a, const void *b)
{
	return strcmp(NameStr(TupleDescAttr(sorting_desc, *(const int *) a)->attname),
				  NameStr(TupleDescAttr(sorting_desc, *(const int *) b)->attname));
}

/* Works out which fields of a record type are asked for. */
static PairsPlan *
MakePairsPlan(FmgrInfo *flinfo, HeapTupleHeader record, Datum names)
{
	MemoryContext old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	PairsPlan  *plan = palloc0(sizeof(PairsPlan));
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(record),
											  HeapTupleHeaderGetTypMod(record));
	Datum	   *wanted;
	bool	   *nulls;
	int			nwanted;

	plan->type = HeapTupleHeaderGetTypeId(record);
	plan->typmod = HeapTupleHeaderGetTypMod(record);
	plan->desc = CreateTupleDescCopy(desc);
	ReleaseTupleDesc(desc);
	plan->fields = palloc(sizeof(int) * plan->desc->natts);
	plan->values = palloc(sizeof(Datum) * plan->desc->natts);
	plan->nulls = palloc(sizeof(bool) * plan->desc->natts);
	deconstruct_array(DatumGetArrayTypeP(names), TEXTOID, -1, false, TYPALIGN_INT, &wanted, &nulls, &nwanted);
	for (int w = 0; w < nwanted; w++)
	{
		char	   *name = nulls[w] ? pstrdup("") : TextDatumGetCString(wanted[w]);
		int			field = 0;

		while (field < plan->desc->natts && strcmp(NameStr(TupleDescAttr(plan->desc, field)->attname), name) != 0)
			field++;
		if (field == plan->desc->natts)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the record has no field \"%s\"", name)));
		plan->fields[plan->count++] = field;
	}
	sorting_desc = plan->desc;
	qsort(plan->fields, plan->count, sizeof(int), CompareFieldNames);
	flinfo->fn_extra = plan;
	MemoryContextSwitchTo(old);
	return plan;
}

/*
 * medallion.pairs_hash(record, names text[]): name and value of each field in
 * order of name, NULLs left out, hashed as row_hash() would.
 */
Datum
medallion_pairs_hash(PG_FUNCTION_ARGS)
{
	HeapTupleHeader record = PG_GETARG_HEAPTUPLEHEADER(0);
	PairsPlan  *plan = fcinfo->flinfo->fn_extra;
	HeapTupleData tuple;
	StringInfoData encoding;

	if (plan == NULL || plan->type != HeapTupleHeaderGetTypeId(record) ||
		plan->typmod != HeapTupleHeaderGetTypMod(record))
		plan = MakePairsPlan(fcinfo->flinfo, record, PG_GETARG_DATUM(1));
	tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = record;
	heap_deform_tuple(&tuple, plan->desc, plan->values, plan->nulls);

	initStringInfo(&encoding);
	for (int i = 0; i < plan->count; i++)
	{
		int			field = plan->fields[i];
		const char *name = NameStr(TupleDescAttr(plan->desc, field)->attname);

		if (plan->nulls[field])
			continue;
		AppendText(&encoding, name, strlen(name));
		AppendValue(&encoding, TupleDescAttr(plan->desc, field)->atttypid, plan->values[field]);
	}
	return HashToUuid(&encoding);
}
