/*
 * encode.c
 *	  Values -> the encoding that row_hash() hashes (docs/row_hash.md).
 *
 * Each value is a tag, and unless it is NULL a length and its content, so that
 * no two lists of values share an encoding.  What a type prints as, and so
 * every setting that changes it, plays no part; numbers of all types meet in
 * one decimal form, a date equals the timestamp of its midnight.
 *
 * How a type is encoded is looked up once per query and call site.  Hashes are
 * stored: whoever changes the encoding of a type changes docs/row_hash.md, its
 * test vectors, and every history in the field.
 */
#include "base/compat.h"

#include "silver/encode.h"

#include "silver/element.h"
#include "silver/encode_number.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#define UNIX_EPOCH_DAYS (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)
#define UNIX_EPOCH_MICROS (UNIX_EPOCH_DAYS * USECS_PER_DAY)
#define MAX_MICROS_DAYS (PG_INT64_MAX / USECS_PER_DAY)	/* whose microseconds fit int64 */

/* Truth, text and bytes. */

static void
EncodeBool(StringInfo out, FieldType *type, Datum value)
{
	AppendTagged(out, 'b', DatumGetBool(value) ? "\1" : "\0", 1);
}

/* Is text in UTF-8 as it is stored?  SQL_ASCII says nothing of its bytes, they stay. */
static bool
IsUtf8(void)
{
	return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII;
}

/* Text in UTF-8; *length is changed with it. */
const char *
ToUtf8(const char *value, int *length)
{
	char	   *utf8;

	if (IsUtf8())
		return value;
	utf8 = pg_server_to_any(value, *length, PG_UTF8);
	if (utf8 != value)
		*length = strlen(utf8);
	return utf8;
}

/* Text, whatever the database's encoding. */
static void
AppendText(StringInfo out, const char *value, int length)
{
	const char *utf8 = ToUtf8(value, &length);

	AppendTagged(out, 't', utf8, length);
}

/* text, varchar, json, xml and what else is stored as text */
static void
EncodeText(StringInfo out, FieldType *type, Datum value)
{
	struct varlena *text = Packed(value);

	AppendText(out, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
}

/* The same where it is stored in UTF-8, as nearly everywhere. */
static void
EncodeUtf8Text(StringInfo out, FieldType *type, Datum value)
{
	struct varlena *text = Packed(value);

	AppendTagged(out, 't', VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
}

/* char(n): the blanks that fill it do not count, as they do not for "=". */
static void
EncodeBpchar(StringInfo out, FieldType *type, Datum value)
{
	struct varlena *text = Packed(value);

	AppendText(out, VARDATA_ANY(text), bpchartruelen(VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text)));
}

/* A literal whose type nobody has asked for. */
static void
EncodeCString(StringInfo out, FieldType *type, Datum value)
{
	AppendText(out, DatumGetCString(value), strlen(DatumGetCString(value)));
}

static void
EncodeName(StringInfo out, FieldType *type, Datum value)
{
	AppendText(out, NameStr(*DatumGetName(value)), strlen(NameStr(*DatumGetName(value))));
}

/* An enum by its label: oids differ from server to server. */
static void
EncodeEnum(StringInfo out, FieldType *type, Datum value)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, value);
	const char *label;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for enum value %u", DatumGetObjectId(value));
	label = NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel);
	AppendText(out, label, strlen(label));
	ReleaseSysCache(tuple);
}

static void
EncodeBytea(StringInfo out, FieldType *type, Datum value)
{
	struct varlena *bytes = Packed(value);

	AppendTagged(out, 'x', VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

static void
EncodeUuid(StringInfo out, FieldType *type, Datum value)
{
	AppendTagged(out, 'u', DatumGetUUIDP(value)->data, UUID_LEN);
}


/* Dates and times. */

/*
 * Days since the Unix epoch and microseconds in the day, as microseconds since
 * the epoch.  What does not fit (years beyond 292,000) keeps both numbers.
 */
static inline void
AppendInstant(StringInfo out, char tag, int64 days, int64 of_day)
{
	char	   *content = ReserveElement(out, 16);

	if (days > -MAX_MICROS_DAYS && days < MAX_MICROS_DAYS)
	{
		PutInt64(content, days * USECS_PER_DAY + of_day);
		FinishReserved(out, tag, 8);
		return;
	}
	PutInt64(content, days);
	PutInt64(content + 8, of_day);
	FinishReserved(out, tag, 16);
}

/* The same of a timestamp that is so far from the epoch that its microseconds may not fit. */
static void
AppendFarTimestamp(StringInfo out, char tag, Timestamp value)
{
	int64		days = value / USECS_PER_DAY;
	int64		of_day = value % USECS_PER_DAY;

	if (of_day < 0)
	{
		days--;
		of_day += USECS_PER_DAY;
	}
	AppendInstant(out, tag, days + UNIX_EPOCH_DAYS, of_day);
}

/* Either timestamp type; the infinities are the extremes of int64. */
static inline void
AppendTimestamp(StringInfo out, char tag, Timestamp value)
{
	if (likely(value > PG_INT64_MIN / 2 && value < PG_INT64_MAX / 2))
		AppendInt64(out, tag, value + UNIX_EPOCH_MICROS);
	else if (TIMESTAMP_NOT_FINITE(value))
		AppendInt64(out, tag, TIMESTAMP_IS_NOBEGIN(value) ? PG_INT64_MIN : PG_INT64_MAX);
	else
		AppendFarTimestamp(out, tag, value);
}

static void
EncodeTimestamp(StringInfo out, FieldType *type, Datum value)
{
	AppendTimestamp(out, 's', DatumGetTimestamp(value));
}

static void
EncodeTimestamptz(StringInfo out, FieldType *type, Datum value)
{
	AppendTimestamp(out, 'z', DatumGetTimestampTz(value));
}

static void
EncodeDate(StringInfo out, FieldType *type, Datum value)
{
	DateADT		date = DatumGetDateADT(value);

	if (DATE_NOT_FINITE(date))
		AppendInt64(out, 's', DATE_IS_NOBEGIN(date) ? PG_INT64_MIN : PG_INT64_MAX);
	else
		AppendInstant(out, 's', (int64) date + UNIX_EPOCH_DAYS, 0);
}

static void
EncodeTime(StringInfo out, FieldType *type, Datum value)
{
	AppendInt64(out, 'c', DatumGetTimeADT(value));
}

/* Wall clock, then seconds west of UTC. */
static void
EncodeTimetz(StringInfo out, FieldType *type, Datum value)
{
	const TimeTzADT *time = DatumGetTimeTzADTP(value);
	char	   *content = ReserveElement(out, 12);

	PutInt64(content, time->time);
	PutInt32(content + 8, time->zone);
	FinishReserved(out, 'w', 12);
}

/* As stored: a month is not 30 days here, though "=" says so. */
static void
EncodeInterval(StringInfo out, FieldType *type, Datum value)
{
	const Interval *interval = DatumGetIntervalP(value);
	char	   *content = ReserveElement(out, 16);

	PutInt32(content, interval->month);
	PutInt32(content + 4, interval->day);
	PutInt64(content + 8, interval->time);
	FinishReserved(out, 'i', 16);
}


/* Elements made of others. */

/* Opens an element whose length is known only when it is closed. */
static int
OpenElement(StringInfo out, char tag)
{
	ReserveElement(out, 0);
	FinishReserved(out, tag, 0);
	return out->len;
}

/* Closes what OpenElement() has opened. */
static void
CloseElement(StringInfo out, int start)
{
	PutInt32(out->data + start - 4, out->len - start);
}


/* jsonb. */

/* One member of an object. */
typedef struct JsonMember
{
	const char *key;			/* UTF-8 */
	int			length;
	JsonbValue	value;
} JsonMember;

static void AppendJson(StringInfo out, JsonbContainer *container);

static int
CompareMembers(const void *a, const void *b)
{
	const JsonMember *left = a;
	const JsonMember *right = b;
	int			order = memcmp(left->key, right->key, Min(left->length, right->length));

	return order != 0 ? order : left->length - right->length;
}

/* One value inside jsonb; null is a tag alone. */
static void
AppendJsonValue(StringInfo out, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			AppendNull(out);
			break;
		case jbvString:
			AppendText(out, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			AppendNumeric(out, (struct varlena *) value->val.numeric);
			break;
		case jbvBool:
			AppendTagged(out, 'b', value->val.boolean ? "\1" : "\0", 1);
			break;
		case jbvBinary:
			AppendJson(out, value->val.binary.data);
			break;
		default:
			elog(ERROR, "unexpected jsonb value type %d", (int) value->type);
	}
}

/* Members by the UTF-8 bytes of their keys: jsonb's own order depends on the encoding. */
static void
AppendJsonObject(StringInfo out, JsonbIterator *it, int count)
{
	JsonMember *members = palloc(sizeof(JsonMember) * Max(count, 1));
	int			start = OpenElement(out, '{');
	JsonbValue	key;

	for (int i = 0; i < count; i++)
	{
		JsonbIteratorNext(&it, &key, true);
		members[i].length = key.val.string.len;
		members[i].key = ToUtf8(key.val.string.val, &members[i].length);
		JsonbIteratorNext(&it, &members[i].value, true);
	}
	qsort(members, count, sizeof(JsonMember), CompareMembers);
	for (int i = 0; i < count; i++)
	{
		AppendTagged(out, 't', members[i].key, members[i].length);
		AppendJsonValue(out, &members[i].value);
	}
	CloseElement(out, start);
	pfree(members);
}

/* An object, an array, or the scalar that a whole jsonb may be. */
static void
AppendJson(StringInfo out, JsonbContainer *container)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	item;
	int			start;

	check_stack_depth();
	if (JsonbIteratorNext(&it, &item, true) == WJB_BEGIN_OBJECT)
	{
		AppendJsonObject(out, it, item.val.object.nPairs);
		return;
	}
	if (item.val.array.rawScalar)
	{
		JsonbIteratorNext(&it, &item, true);
		AppendJsonValue(out, &item);
		return;
	}
	start = OpenElement(out, '[');
	while (JsonbIteratorNext(&it, &item, true) == WJB_ELEM)
		AppendJsonValue(out, &item);
	CloseElement(out, start);
}

static void
EncodeJsonb(StringInfo out, FieldType *type, Datum value)
{
	int			start = OpenElement(out, 'j');

	AppendJson(out, &DatumGetJsonbP(value)->root);
	CloseElement(out, start);
}


/* Types made of other types. */

/* The elements of an array, one after the other. */
void
AppendElements(StringInfo out, const FieldType *type, ArrayType *array)
{
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const bits8 *present = ARR_NULLBITMAP(array);
	char	   *p = ARR_DATA_PTR(array);

	for (int i = 0; i < count; i++)
	{
		if (present != NULL && (present[i / 8] & (1 << (i % 8))) == 0)
		{
			AppendNull(out);
			continue;
		}
		type->element->encode(out, type->element, fetch_att(p, type->by_value, type->length));
		p = att_addlength_pointer(p, type->length, p);
		p = (char *) att_align_nominal(p, type->align);
	}
}

/* Number of dimensions, size of each, elements; where counting begins does not count. */
static void
EncodeArray(StringInfo out, FieldType *type, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	int			start = OpenElement(out, 'a');

	check_stack_depth();
	enlargeStringInfo(out, 4 * (1 + ARR_NDIM(array)));
	PutInt32(out->data + out->len, ARR_NDIM(array));
	for (int i = 0; i < ARR_NDIM(array); i++)
		PutInt32(out->data + out->len + 4 * (i + 1), ARR_DIMS(array)[i]);
	out->len += 4 * (1 + ARR_NDIM(array));
	AppendElements(out, type, array);
	CloseElement(out, start);
}

/* Makes the fields of a record known. */
static void
ResolveRecord(FieldType *type, Oid oid, int32 typmod, uint64 identifier)
{
	MemoryContext old = MemoryContextSwitchTo(type->context);
	TupleDesc	desc = lookup_rowtype_tupdesc(oid, typmod);
	RecordType *record = palloc0(sizeof(RecordType));

	record->identifier = identifier;
	record->desc = CreateTupleDescCopy(desc);
	ReleaseTupleDesc(desc);
	record->types = palloc0(sizeof(FieldType) * record->desc->natts);
	record->values = palloc(sizeof(Datum) * record->desc->natts);
	record->nulls = palloc(sizeof(bool) * record->desc->natts);
	for (int i = 0; i < record->desc->natts; i++)
	{
		if (!TupleDescAttr(record->desc, i)->attisdropped)
			ResolveType(&record->types[i], TupleDescAttr(record->desc, i)->atttypid, type->context);
	}
	type->record = record;
	MemoryContextSwitchTo(old);
}

/* Takes a record apart, into type->record; true if its type is not that of the last one. */
bool
DeformRecord(FieldType *type, HeapTupleHeader header)
{
	Oid			oid = HeapTupleHeaderGetTypeId(header);
	int32		typmod = HeapTupleHeaderGetTypMod(header);
	uint64		identifier = assign_record_type_identifier(oid, typmod);
	bool		is_new = type->record == NULL || type->record->identifier != identifier;
	HeapTupleData tuple;

	if (is_new)
		ResolveRecord(type, oid, typmod, identifier);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, type->record->desc, type->record->values, type->record->nulls);
	return is_new;
}

/* Fields in order; their names do not count. */
static void
EncodeRecord(StringInfo out, FieldType *type, Datum value)
{
	int			start = OpenElement(out, 'r');
	RecordType *record;

	check_stack_depth();
	DeformRecord(type, DatumGetHeapTupleHeader(value));
	record = type->record;
	for (int i = 0; i < record->desc->natts; i++)
	{
		if (TupleDescAttr(record->desc, i)->attisdropped)
			continue;
		if (record->nulls[i])
			AppendNull(out);
		else
			record->types[i].encode(out, &record->types[i], record->values[i]);
	}
	CloseElement(out, start);
}

/*
 * What a send function gives.  Those of text-like types convert to the
 * client's encoding: the client is made to speak UTF-8 meanwhile.
 */
static bytea *
SendInUtf8(FmgrInfo *send, Datum value)
{
	int			client = pg_get_client_encoding();
	bytea	   *bytes = NULL;

	if (client == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII ||
		PrepareClientEncoding(PG_UTF8) < 0)
		return SendFunctionCall(send, value);
	PG_TRY();
	{
		SetClientEncoding(PG_UTF8);
		bytes = SendFunctionCall(send, value);
	}
	PG_FINALLY();
	{
		SetClientEncoding(client);
	}
	PG_END_TRY();
	return bytes;
}

/* A type without an encoding of its own: its name and its binary form. */
static void
EncodeOther(StringInfo out, FieldType *type, Datum value)
{
	bytea	   *bytes = SendInUtf8(&type->send, value);
	int			start = OpenElement(out, 'o');

	appendBinaryStringInfo(out, type->name->data, type->name->len);
	appendBinaryStringInfo(out, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	CloseElement(out, start);
}


/* Which encoding a type has. */

static const struct
{
	Oid			type;
	Encoder		encode;
}			encoders[] =
{
	{TEXTOID, EncodeText},
	{INT4OID, EncodeInt4},
	{INT8OID, EncodeInt8},
	{NUMERICOID, EncodeNumeric},
	{VARCHAROID, EncodeText},
	{DATEOID, EncodeDate},
	{TIMESTAMPOID, EncodeTimestamp},
	{TIMESTAMPTZOID, EncodeTimestamptz},
	{BOOLOID, EncodeBool},
	{UUIDOID, EncodeUuid},
	{INT2OID, EncodeInt2},
	{FLOAT4OID, EncodeFloat4},
	{FLOAT8OID, EncodeFloat8},
	{OIDOID, EncodeOid},
	{BPCHAROID, EncodeBpchar},
	{NAMEOID, EncodeName},
	{UNKNOWNOID, EncodeCString},
	{JSONOID, EncodeText},
	{XMLOID, EncodeText},
	{JSONBOID, EncodeJsonb},
	{BYTEAOID, EncodeBytea},
	{TIMEOID, EncodeTime},
	{TIMETZOID, EncodeTimetz},
	{INTERVALOID, EncodeInterval}
};

/* Is a type text by another name, like citext?  Then text's own function prints it. */
static bool
PrintsAsText(Oid oid)
{
	Oid			output;
	bool		varlena;
	HeapTuple	tuple;
	bool		result;

	getTypeOutputInfo(oid, &output, &varlena);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(output));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", output);
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == INTERNALlanguageId;
	if (result)
	{
		bool		isnull;
		Datum		source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);

		result = !isnull && strcmp(TextDatumGetCString(source), "textout") == 0;
	}
	ReleaseSysCache(tuple);
	return result;
}

/* Schema and name of a type, each ended by a zero byte. */
static StringInfo
TypeFullName(Oid oid)
{
	StringInfo	name = makeStringInfo();
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(oid));
	Form_pg_type form;
	char	   *parts[2];

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", oid);
	form = (Form_pg_type) GETSTRUCT(tuple);
	parts[0] = get_namespace_name(form->typnamespace);
	parts[1] = pstrdup(NameStr(form->typname));
	ReleaseSysCache(tuple);
	for (int i = 0; i < lengthof(parts); i++)
	{
		int			length = strlen(parts[i]);
		const char *utf8 = ToUtf8(parts[i], &length);

		appendBinaryStringInfo(name, utf8, length);
		appendStringInfoChar(name, '\0');
	}
	return name;
}

/* The encoding of a type that is not in the table of encoders. */
static void
ResolveByKind(FieldType *type, Oid oid)
{
	Oid			element = get_element_type(oid);
	Oid			send;
	bool		varlena;

	if (OidIsValid(element))
	{
		type->encode = EncodeArray;
		type->element = palloc0(sizeof(FieldType));
		get_typlenbyvalalign(element, &type->length, &type->by_value, &type->align);
		ResolveType(type->element, element, type->context);
	}
	else if (type_is_rowtype(oid))
		type->encode = EncodeRecord;
	else if (type_is_enum(oid))
		type->encode = EncodeEnum;
	else if (PrintsAsText(oid))
		type->encode = EncodeText;
	else
	{
		type->encode = EncodeOther;
		type->name = TypeFullName(oid);
		getTypeBinaryOutputInfo(oid, &send, &varlena);
		fmgr_info_cxt(send, &type->send, type->context);
	}
}

/* Finds out how a type is encoded; a domain as what it is made of. */
void
ResolveType(FieldType *type, Oid oid, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	type->context = context;
	oid = getBaseType(oid);
	for (int i = 0; i < lengthof(encoders); i++)
	{
		if (encoders[i].type == oid)
			type->encode = encoders[i].encode;
	}
	if (type->encode == NULL)
		ResolveByKind(type, oid);
	if (type->encode == EncodeText && IsUtf8())
		type->encode = EncodeUtf8Text;
	MemoryContextSwitchTo(old);
}
