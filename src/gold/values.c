/*
 * values.c
 *	  How many rows of each of some values a query has.
 *
 *	  values wanted -> memory <- rows of one scan, whatever the number of value columns
 *
 * A join for each of the columns would be the same, but costs several times as much.
 */
#include "base/compat.h"

#include "gold/values.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#define FIRST_ENTRIES 1024
#define WANTED_COLUMNS 2		/* before the keys: id, number of the value column */

/* A value that is wanted. */
typedef struct Entry
{
	uint32		hash;
	int			number;			/* of its column among the value columns */
	int64		id;
	int64		count;			/* rows that have it */
	Datum	   *values;			/* of the keys, and its own */
} Entry;

/* How values of a column are compared. */
typedef struct Comparison
{
	TypeCacheEntry *type;
	Oid			collation;
} Comparison;

typedef struct Values
{
	MemoryContext context;
	int			keys;
	Comparison *columns;		/* keys, then value columns */
	int			ncolumns;
	Entry	   *entries;
	uint32		count;
	uint32		room;			/* for as many */
	Size		used;			/* bytes of what they point to */
	Size		limit;			/* of all */
	bool		full;
	uint32	   *places;			/* entry + 1 by hash; 0: none */
	uint32		place_mask;
} Values;

/* Takes rows from a query. */
typedef struct ValuesReceiver
{
	DestReceiver pub;
	Values	   *values;
} ValuesReceiver;

/* Looks up how the columns of wanted values are compared; the rows have the same. */
static void
StartWanted(DestReceiver *self, int operation, TupleDesc desc)
{
	Values	   *values = ((ValuesReceiver *) self)->values;

	values->ncolumns = desc->natts - WANTED_COLUMNS;
	values->columns = MemoryContextAlloc(values->context, sizeof(Comparison) * values->ncolumns);
	for (int i = 0; i < values->ncolumns; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i + WANTED_COLUMNS);

		values->columns[i].type = lookup_type_cache(column->atttypid, TYPECACHE_HASH_PROC_FINFO | TYPECACHE_EQ_OPR_FINFO);
		values->columns[i].collation = column->attcollation;
	}
}

static void
StartRows(DestReceiver *self, int operation, TupleDesc desc)
{
	Assert(desc->natts == ((ValuesReceiver *) self)->values->ncolumns);
}

static uint32
HashColumn(const Values *values, int column, Datum value)
{
	Comparison *comparison = &values->columns[column];

	return DatumGetUInt32(FunctionCall1Coll(&comparison->type->hash_proc_finfo, comparison->collation, value));
}

static bool
EqualColumns(const Values *values, int column, Datum a, Datum b)
{
	Comparison *comparison = &values->columns[column];

	return DatumGetBool(FunctionCall2Coll(&comparison->type->eq_opr_finfo, comparison->collation, a, b));
}

/* The hash of a group's keys. */
static uint32
HashKeys(const Values *values, const Datum *keys)
{
	uint32		hash = 0;

	for (int i = 0; i < values->keys; i++)
		hash = hash_combine(hash, HashColumn(values, i, keys[i]));
	return hash;
}

/* That of a value in it. */
static uint32
HashValue(const Values *values, uint32 keys_hash, int number, Datum value)
{
	return murmurhash32(hash_combine(keys_hash, HashColumn(values, values->keys + number, value)) + number);
}

/* Keeps a copy of a value. */
static Datum
KeepDatum(Values *values, int column, Datum value)
{
	TypeCacheEntry *type = values->columns[column].type;

	if (!type->typbyval)
		values->used += MAXALIGN(datumGetSize(value, false, type->typlen));
	return datumCopy(value, type->typbyval, type->typlen);
}

/* Takes in a value that is wanted. */
static bool
ReceiveWanted(TupleTableSlot *slot, DestReceiver *self)
{
	Values	   *values = ((ValuesReceiver *) self)->values;
	MemoryContext before;
	Entry	   *entry;
	Datum	   *found;
	int			column;

	if (values->used + values->room * (sizeof(Entry) + 4 * sizeof(uint32)) > values->limit)
	{
		values->full = true;
		return false;
	}
	slot_getallattrs(slot);
	if (values->count == values->room)
	{
		values->room = Max(values->room * 2, FIRST_ENTRIES);
		values->entries = values->entries == NULL ?
			MemoryContextAllocHuge(values->context, sizeof(Entry) * values->room) :
			repalloc_huge(values->entries, sizeof(Entry) * values->room);
	}
	before = MemoryContextSwitchTo(values->context);
	entry = &values->entries[values->count++];
	entry->id = DatumGetInt64(slot->tts_values[0]);
	entry->number = DatumGetInt32(slot->tts_values[1]);
	entry->count = 0;
	entry->values = palloc(sizeof(Datum) * (values->keys + 1));
	values->used += sizeof(Datum) * (values->keys + 1);
	found = &slot->tts_values[WANTED_COLUMNS];
	for (int i = 0; i < values->keys; i++)
		entry->values[i] = KeepDatum(values, i, found[i]);
	column = values->keys + entry->number;
	entry->values[values->keys] = KeepDatum(values, column, found[column]);
	entry->hash = HashValue(values, HashKeys(values, found), entry->number, found[column]);
	MemoryContextSwitchTo(before);
	return true;
}

/* Gives each entry its place. */
static void
PlaceEntries(Values *values)
{
	uint32		places = FIRST_ENTRIES;

	while (places < (uint64) values->count * 2)
		places *= 2;
	values->place_mask = places - 1;
	values->places = MemoryContextAllocExtended(values->context, sizeof(uint32) * places, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < values->count; i++)
	{
		uint32		place = values->entries[i].hash & values->place_mask;

		while (values->places[place] != 0)
			place = (place + 1) & values->place_mask;
		values->places[place] = i + 1;
	}
}

/* Is the entry that of this value of the group? */
static bool
IsEntry(const Values *values, const Entry *entry, uint32 hash, int number, const Datum *row)
{
	if (entry->hash != hash || entry->number != number ||
		!EqualColumns(values, values->keys + number, entry->values[values->keys], row[values->keys + number]))
		return false;
	for (int i = 0; i < values->keys; i++)
		if (!EqualColumns(values, i, entry->values[i], row[i]))
			return false;
	return true;
}

/* Counts a row for those of its values that are wanted. */
static bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self)
{
	Values	   *values = ((ValuesReceiver *) self)->values;
	uint32		keys_hash;

	slot_getallattrs(slot);
	for (int i = 0; i < values->keys; i++)
		if (slot->tts_isnull[i])
			return true;
	keys_hash = HashKeys(values, slot->tts_values);
	for (int number = 0; number < values->ncolumns - values->keys; number++)
	{
		int			column = values->keys + number;
		uint32		hash;
		uint32		place;

		if (slot->tts_isnull[column])
			continue;
		hash = HashValue(values, keys_hash, number, slot->tts_values[column]);
		for (place = hash & values->place_mask; values->places[place] != 0; place = (place + 1) & values->place_mask)
			if (IsEntry(values, &values->entries[values->places[place] - 1], hash, number, slot->tts_values))
			{
				values->entries[values->places[place] - 1].count++;
				break;
			}
	}
	return true;
}

/* Adds ids and counts as parameters. */
static void
AddCounts(const Values *values, SqlParams *params)
{
	Datum	   *ids = palloc_extended(sizeof(Datum) * Max(values->count, 1), MCXT_ALLOC_HUGE);
	Datum	   *counts = palloc_extended(sizeof(Datum) * Max(values->count, 1), MCXT_ALLOC_HUGE);
	int			used = 0;

	for (uint32 i = 0; i < values->count; i++)
	{
		if (values->entries[i].count == 0)
			continue;
		ids[used] = Int64GetDatum(values->entries[i].id);
		counts[used++] = Int64GetDatum(values->entries[i].count);
	}
	ParamDatum(params, INT8ARRAYOID, PointerGetDatum(construct_array(ids, used, INT8OID, sizeof(int64), true, TYPALIGN_DOUBLE)));
	ParamDatum(params, INT8ARRAYOID, PointerGetDatum(construct_array(counts, used, INT8OID, sizeof(int64), true, TYPALIGN_DOUBLE)));
}

bool
CountValues(int keys, const char *wanted, const char *rows, SqlParams *params)
{
	Values		values = {.context = AllocSetContextCreate(CurrentMemoryContext, "medallion values", ALLOCSET_DEFAULT_SIZES)};
	ValuesReceiver receiver = {
		.pub = RowReceiver(ReceiveWanted, StartWanted),
		.values = &values,
	};

	values.keys = keys;
	values.limit = maintenance_work_mem * (Size) 1024;
	SqlStream(wanted, NULL, &receiver.pub);
	if (!values.full && values.count > 0)
	{
		PlaceEntries(&values);
		receiver.pub = RowReceiver(ReceiveRow, StartRows);
		SqlStream(rows, NULL, &receiver.pub);
	}
	if (!values.full)
		AddCounts(&values, params);
	MemoryContextDelete(values.context);
	return !values.full;
}
