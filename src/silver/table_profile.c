/*
 * table_profile.c
 *	  The profiles of the columns of rows that pass by; and the aggregate that
 *	  makes them, by which the server's parallel workers share a scan:
 *
 *	  rows -> profile_step() -> profile_bytes() --(from each worker)--> profile_merge() -> profile_bytes()
 *
 * A profile is the same for any number of workers: but for the order in which
 * floating point numbers are added up, which of equal values that look
 * different is shown, and values that are frequent in a part of the table alone.
 */
#include "base/compat.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "silver/table_profile.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/itemptr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(medallion_profile_step);
PG_FUNCTION_INFO_V1(medallion_profile_merge);
PG_FUNCTION_INFO_V1(medallion_profile_bytes);
PG_FUNCTION_INFO_V1(medallion_profile_of_bytes);

#define FIRST_VALUE 4			/* argument of profile_step() */

TableProfile *
TableProfileCreate(int count, const Oid *types, uint32 capacity)
{
	TableProfile *profile = palloc0(sizeof(TableProfile));

	profile->count = count;
	profile->columns = palloc0(Max(count, 1) * sizeof(ColumnProfile));
	for (int i = 0; i < count; i++)
		ColumnProfileInit(&profile->columns[i], types[i], capacity);
	pg_prng_seed(&profile->random, 42 + ParallelWorkerNumber);	/* the same rows, the same sample */
	return profile;
}

/* The random number of a row: of one that lies in a table always the same.  A place that is none is what foreign tables may give. */
static uint64
RowTicket(TableProfile *profile, NullableDatum table, NullableDatum place)
{
	ItemPointer pointer = (ItemPointer) DatumGetPointer(place.value);
	uint64		key[2];

	if (place.isnull || !ItemPointerIsValid(pointer))
		return pg_prng_uint64(&profile->random);
	key[0] = DatumGetObjectId(table.value);
	key[1] = ((uint64) ItemPointerGetBlockNumber(pointer) << 16) | ItemPointerGetOffsetNumber(pointer);
	return XXH3_64bits(key, sizeof(key));
}

void
TableProfileAdd(TableProfile *profile, NullableDatum table, NullableDatum place)
{
	uint64		ticket = RowTicket(profile, table, place);

	for (int i = 0; i < profile->count; i++)
		ColumnProfileAdd(&profile->columns[i], ticket);
	profile->rows++;
}

bytea *
TableProfileWrite(TableProfile *profile)
{
	StateBytes	out;

	StateBytesInit(&out);
	WriteState(&out, &profile->rows, sizeof(profile->rows));
	WriteState(&out, &profile->count, sizeof(profile->count));
	for (int i = 0; i < profile->count; i++)
	{
		WriteState(&out, &profile->columns[i].type.type, sizeof(Oid));
		WriteState(&out, &profile->columns[i].capacity, sizeof(uint32));
		ColumnProfileWrite(&profile->columns[i], &out);
		CHECK_FOR_INTERRUPTS();
	}
	return StateBytesEnd(&out);
}

void
TableProfileMerge(TableProfile *profile, const bytea *state)
{
	StateReader in = ReadStateStart(state);
	int			count;

	profile->rows += *(const int64 *) ReadState(&in, sizeof(int64));
	count = *(const int *) ReadState(&in, sizeof(int));
	if (profile->columns == NULL)
		profile->columns = palloc0(Max(count, 1) * sizeof(ColumnProfile));
	for (int i = 0; i < count; i++)
	{
		Oid			type = *(const Oid *) ReadState(&in, sizeof(Oid));
		uint32		capacity = *(const uint32 *) ReadState(&in, sizeof(uint32));

		if (i >= profile->count)
			ColumnProfileInit(&profile->columns[profile->count++], type, capacity);
		ColumnProfileMerge(&profile->columns[i], &in);
		CHECK_FOR_INTERRUPTS();
	}
}

/* The columns are those that the bytes tell. */
TableProfile *
TableProfileRead(const bytea *state)
{
	TableProfile *profile = palloc0(sizeof(TableProfile));

	TableProfileMerge(profile, state);
	return profile;
}

/* Are the functions that a type is hashed, compared and shown by safe? */
static bool
HasSafeFunctions(Oid oid)
{
	ColumnType	type;

	ColumnTypeInit(&type, oid);
	return func_parallel(type.output.fn_oid) == PROPARALLEL_SAFE &&
		(type.hash == NULL || func_parallel(type.hash->fn_oid) == PROPARALLEL_SAFE) &&
		(type.compare == NULL || func_parallel(type.compare->fn_oid) == PROPARALLEL_SAFE);
}

/* Rows and ranges that users defined have functions of their parts, which are not looked for. */
bool
IsParallelSafeType(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	if (base < FirstNormalObjectId || get_typtype(base) == TYPTYPE_ENUM)
		return true;
	if (OidIsValid(element))
		return IsParallelSafeType(element);
	return get_typtype(base) == TYPTYPE_BASE && HasSafeFunctions(base);
}

/* The context that lives as long as the aggregate. */
static MemoryContext
AggregateContext(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "called outside of an aggregate");
	return context;
}

/* The profile that the first row begins. */
static TableProfile *
BeginState(FunctionCallInfo fcinfo)
{
	MemoryContext before = MemoryContextSwitchTo(AggregateContext(fcinfo));
	int			count = PG_NARGS() - FIRST_VALUE;
	Oid			types[FUNC_MAX_ARGS];
	TableProfile *profile;

	for (int i = 0; i < count; i++)
		types[i] = get_fn_expr_argtype(fcinfo->flinfo, FIRST_VALUE + i);
	profile = TableProfileCreate(count, types, PG_GETARG_INT32(1));
	MemoryContextSwitchTo(before);
	return profile;
}

/* medallion.profile_step(state, capacity, origin, place, VARIADIC values) */
Datum
medallion_profile_step(PG_FUNCTION_ARGS)
{
	TableProfile *profile = PG_ARGISNULL(0) ? BeginState(fcinfo) : (TableProfile *) PG_GETARG_POINTER(0);

	for (int i = 0; i < profile->count; i++)
		ColumnProfileSee(&profile->columns[i], fcinfo->args[FIRST_VALUE + i].value, fcinfo->args[FIRST_VALUE + i].isnull);
	TableProfileAdd(profile, fcinfo->args[2], fcinfo->args[3]);
	PG_RETURN_POINTER(profile);
}

/* medallion.profile_merge(state, state): the second one comes as the bytes that profile_of_bytes() got */
Datum
medallion_profile_merge(PG_FUNCTION_ARGS)
{
	TableProfile *profile = PG_ARGISNULL(0) ? NULL : (TableProfile *) PG_GETARG_POINTER(0);
	MemoryContext before = MemoryContextSwitchTo(AggregateContext(fcinfo));

	if (!PG_ARGISNULL(1) && profile == NULL)
		profile = TableProfileRead((bytea *) PG_GETARG_POINTER(1));
	else if (!PG_ARGISNULL(1))
		TableProfileMerge(profile, (bytea *) PG_GETARG_POINTER(1));
	MemoryContextSwitchTo(before);
	if (profile == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(profile);
}

/* medallion.profile_bytes(state) */
Datum
medallion_profile_bytes(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_BYTEA_P(TableProfileWrite((TableProfile *) PG_GETARG_POINTER(0)));
}

/* medallion.profile_of_bytes(bytes, internal): profile_merge() reads them, without a state in between */
Datum
medallion_profile_of_bytes(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_POINTER(PG_GETARG_BYTEA_P(0));
}
