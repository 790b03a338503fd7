/*
 * hash.c
 *	  row_hash() and pairs_hash(): 128 bits over the encoding of values.
 *
 *	  values -> encoding (encode.c) -> XXH3, 128 bits -> uuid
 *
 * What is known of the types is kept in fn_extra, once per query and call site.
 */
#include "base/compat.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "silver/element.h"
#include "silver/encode.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(medallion_row_hash);
PG_FUNCTION_INFO_V1(medallion_pairs_hash);
PG_FUNCTION_INFO_V1(medallion_pairs_hash_values);

#define KEPT_BUFFER (64 * 1024) /* a larger one is not kept for the next row */

/* Another buffer, when there is none or the one of the last row has grown large. */
static void
RenewEncoding(StringInfo encoding, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	if (encoding->data != NULL)
		pfree(encoding->data);
	encoding->data = NULL;
	initStringInfo(encoding);
	MemoryContextSwitchTo(old);
}

/* Starts the encoding of a row, in the buffer of the last one. */
static inline void
StartEncoding(StringInfo encoding, MemoryContext context)
{
	if (unlikely(encoding->data == NULL || encoding->maxlen > KEPT_BUFFER))
		RenewEncoding(encoding, context);
	encoding->len = 0;
}

/* XXH3 of the encoding, big-endian. */
static inline Datum
HashToUuid(const StringInfoData *encoding)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(encoding->data, encoding->len));
	memcpy(uuid->data, canonical.digest, UUID_LEN);
	return UUIDPGetDatum(uuid);
}

/* How values of these types are encoded. */
static FieldType *
ResolveTypes(const Oid *oids, int count, MemoryContext context)
{
	FieldType  *types = MemoryContextAllocZero(context, sizeof(FieldType) * Max(count, 1));

	for (int i = 0; i < count; i++)
		ResolveType(&types[i], oids[i], context);
	return types;
}

/* The types of a call's arguments, from one on. */
static Oid *
ArgumentTypes(FunctionCallInfo fcinfo, int first)
{
	Oid		   *types = palloc(sizeof(Oid) * Max(PG_NARGS() - first, 1));

	for (int i = first; i < PG_NARGS(); i++)
	{
		types[i - first] = get_fn_expr_argtype(fcinfo->flinfo, i);
		if (!OidIsValid(types[i - first]))
			elog(ERROR, "could not determine the type of argument %d", i + 1);
	}
	return types;
}

/* What row_hash() keeps between calls. */
typedef struct RowState
{
	StringInfoData encoding;
	FieldType  *types;
} RowState;

/* The values of an array as a row's; a NULL array has no hash. */
static Datum
HashOfElements(FunctionCallInfo fcinfo, RowState *state)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	AppendElements(&state->encoding, &state->types[0], PG_GETARG_ARRAYTYPE_P(0));
	return HashToUuid(&state->encoding);
}

/* medallion.row_hash(VARIADIC "any"): a VARIADIC array stands for its elements. */
Datum
medallion_row_hash(PG_FUNCTION_ARGS)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	RowState   *state = fcinfo->flinfo->fn_extra;

	if (unlikely(state == NULL))
	{
		state = MemoryContextAllocZero(context, sizeof(RowState));
		state->types = ResolveTypes(ArgumentTypes(fcinfo, 0), PG_NARGS(), context);
		fcinfo->flinfo->fn_extra = state;
	}
	StartEncoding(&state->encoding, context);
	if (get_fn_expr_variadic(fcinfo->flinfo))
		return HashOfElements(fcinfo, state);
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i))
			AppendNull(&state->encoding);
		else
			state->types[i].encode(&state->encoding, &state->types[i], PG_GETARG_DATUM(i));
	}
	return HashToUuid(&state->encoding);
}

/* A field that is asked for. */
typedef struct PairsField
{
	int			index;			/* in the record, or among the values, from 0 */
	char	   *given;			/* its name */
	StringInfoData name;		/* likewise, UTF-8 */
} PairsField;

/* What pairs_hash() keeps between calls. */
typedef struct PairsState
{
	StringInfoData encoding;
	FieldType	record;			/* of a record */
	FieldType  *types;			/* of values by themselves */
	ArrayType  *names;			/* the names that fields were made from */
	int			count;
	PairsField *fields;			/* by the UTF-8 bytes of their names */
} PairsState;

static int
CompareFields(const void *a, const void *b)
{
	return strcmp(((const PairsField *) a)->name.data, ((const PairsField *) b)->name.data);
}

/* Name and value of a field. */
static void
AppendPair(StringInfo encoding, const PairsField *field, FieldType *type, Datum value)
{
	AppendTagged(encoding, 't', field->name.data, field->name.len);
	type->encode(encoding, type, value);
}

/* Finds a field of a record by name. */
static int
FieldIndex(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the record has no field \"%s\"", name)));
}

/* The names of a text[] as fields, in order of their UTF-8 bytes; index is the place in the array. */
static PairsField *
SortedNames(ArrayType *names, int *count)
{
	Datum	   *wanted;
	bool	   *nulls;
	PairsField *fields;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &wanted, &nulls, count);
	fields = palloc0(sizeof(PairsField) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		const char *name;
		int			length;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a name of a field must not be null")));
		fields[i].index = i;
		fields[i].given = TextDatumGetCString(wanted[i]);
		length = strlen(fields[i].given);
		name = ToUtf8(fields[i].given, &length);
		initStringInfo(&fields[i].name);
		appendBinaryStringInfo(&fields[i].name, name, length);
	}
	qsort(fields, *count, sizeof(PairsField), CompareFields);
	return fields;
}

/* Are these the names that the fields were made from? */
static bool
AreSameNames(const ArrayType *known, const ArrayType *names)
{
	return known != NULL && VARSIZE(known) == VARSIZE(names) && memcmp(known, names, VARSIZE(names)) == 0;
}

/* Works out which fields are asked for: of a record by name, else the values in order. */
static void
ChooseFields(PairsState *state, ArrayType *names, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	state->names = NULL;
	state->fields = SortedNames(names, &state->count);
	for (int i = 0; state->record.record != NULL && i < state->count; i++)
		state->fields[i].index = FieldIndex(state->record.record->desc, state->fields[i].given);
	state->names = (ArrayType *) memcpy(palloc(VARSIZE(names)), names, VARSIZE(names));
	MemoryContextSwitchTo(old);
}

/* The state of a call site of pairs_hash() of a record, with its encoding started. */
static PairsState *
GetPairsState(FunctionCallInfo fcinfo)
{
	PairsState *state = fcinfo->flinfo->fn_extra;

	if (state == NULL)
	{
		state = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(PairsState));
		ResolveType(&state->record, RECORDOID, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = state;
	}
	StartEncoding(&state->encoding, fcinfo->flinfo->fn_mcxt);
	return state;
}

/*
 * medallion.pairs_hash(record, names text[]): name and value of each field in
 * order of name, NULLs left out, hashed as row_hash() would.
 */
Datum
medallion_pairs_hash(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	ArrayType  *names = PG_GETARG_ARRAYTYPE_P(1);
	PairsState *state = GetPairsState(fcinfo);
	bool		is_new = DeformRecord(&state->record, header);
	RecordType *record = state->record.record;

	if (is_new || !AreSameNames(state->names, names))
		ChooseFields(state, names, fcinfo->flinfo->fn_mcxt);
	for (int i = 0; i < state->count; i++)
	{
		const PairsField *field = &state->fields[i];

		if (!record->nulls[field->index])
			AppendPair(&state->encoding, field, &record->types[field->index], record->values[field->index]);
	}
	return HashToUuid(&state->encoding);
}

/* The state of a call site of pairs_hash() of values, with its encoding started. */
static PairsState *
GetValuesState(FunctionCallInfo fcinfo)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	PairsState *state = fcinfo->flinfo->fn_extra;

	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(PairsState));
		state->types = ResolveTypes(ArgumentTypes(fcinfo, 1), PG_NARGS() - 1, context);
		fcinfo->flinfo->fn_extra = state;
	}
	StartEncoding(&state->encoding, context);
	return state;
}

/*
 * medallion.pairs_hash(names text[], VARIADIC "any"): the same of values that
 * no record holds, which spares making one.
 */
Datum
medallion_pairs_hash_values(PG_FUNCTION_ARGS)
{
	ArrayType  *names;
	PairsState *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	names = PG_GETARG_ARRAYTYPE_P(0);
	state = GetValuesState(fcinfo);
	if (!AreSameNames(state->names, names))
		ChooseFields(state, names, fcinfo->flinfo->fn_mcxt);
	if (get_fn_expr_variadic(fcinfo->flinfo) || state->count != PG_NARGS() - 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d names need as many values, each an argument", state->count)));
	for (int i = 0; i < state->count; i++)
	{
		const PairsField *field = &state->fields[i];

		if (!PG_ARGISNULL(field->index + 1))
			AppendPair(&state->encoding, field, &state->types[field->index], PG_GETARG_DATUM(field->index + 1));
	}
	return HashToUuid(&state->encoding);
}
