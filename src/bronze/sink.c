/*
 * sink.c
 *	  Rows of text -> a bronze table.
 *
 *	  SinkText()* -> slot -> batch of slots -> table_multi_insert   (plain tables)
 *	                                        -> INSERT through SPI   (all others)
 *
 * Rows that go past the executor skip everything it would do: triggers, row
 * security, indexes, constraints, foreign and distributed tables.  A table
 * must be proven to have none of these first; on a distributed table such
 * rows would vanish without a word.
 */
#include "base/compat.h"

#include "bronze/sink.h"

#include "access/heapam.h"
#include "access/hio.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define BATCH_ROWS 1000
#define BATCH_BYTES (1024 * 1024)
#define STATEMENT_ROWS 50		/* of one INSERT: elements of the array it reads are found by counting */

struct Sink
{
	Relation	rel;
	bool		direct;			/* table_multi_insert, not INSERT */
	int			batch_rows;		/* flush at so many */
	TupleTableSlot **slots;		/* batch_rows of them, made on demand */
	int			nslots;			/* made */
	int			used;			/* filled */
	TupleTableSlot *row;		/* the one being put together, or NULL */
	size_t		bytes;			/* of values in the batch */
	MemoryContext owner;		/* slots live here */
	MemoryContext batch;		/* values; reset per batch */
	BulkInsertState bulk;		/* direct only */
	char	   *insert;			/* otherwise: the statement */
};

/* Does the planner's executor add nothing to an insert into this table? */
static bool
IsPlainTable(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_tableam != GetHeapamTableAmRoutine())
		return false;
	if (rel->rd_rel->relhasindex || rel->rd_rel->relhasrules || rel->rd_rel->relhastriggers ||
		rel->rd_rel->relrowsecurity || rel->rd_rel->relispartition || rel->trigdesc != NULL)
		return false;
	/* checks, NOT NULL, generated columns and defaults all make a constr */
	return desc->constr == NULL;
}

/* Bronze holds text as the source shows it: a column altered to another type
 * would be fed the wrong kind of value. */
static void
CheckColumnTypes(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (attr->attisdropped || attr->atttypid == TEXTOID || NameStr(attr->attname)[0] == '_')
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of bronze table \"%s\" has type %s, not text",
						NameStr(attr->attname), RelationGetRelationName(rel),
						format_type_be(attr->atttypid)),
				 errhint("Give the type in the feature's option \"columns\" instead.")));
	}
}

/* Is the table known to Citus?  The second question does not parse without it. */
static bool
IsDistributed(Oid table)
{
	SqlParams	params = {0};

	if (SqlBigint("SELECT (to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL)::int", NULL, 0) == 0)
		return false;
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	return SqlBigint("SELECT count(*) FROM pg_catalog.pg_dist_partition"
					 " WHERE logicalrelid = $1::regclass", &params, 0) > 0;
}

/*
 * The INSERT for tables that are not plain: rows come as one flat text array,
 * $2 of them, each as wide as the table has live columns.
 */
static char *
InsertStatement(Relation rel)
{
	StringInfoData columns;
	StringInfoData values;
	TupleDesc	desc = RelationGetDescr(rel);
	int			width = 0;
	int			position = 0;

	initStringInfo(&columns);
	initStringInfo(&values);
	for (int i = 0; i < desc->natts; i++)
		width += !TupleDescAttr(desc, i)->attisdropped;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (attr->attisdropped)
			continue;
		position++;
		appendStringInfo(&columns, "%s%s", position > 1 ? ", " : "",
						 quote_identifier(NameStr(attr->attname)));
		appendStringInfo(&values, "%s($1[i * %d + %d])::%s", position > 1 ? ", " : "", width,
						 position, format_type_with_typemod(attr->atttypid, attr->atttypmod));
	}
	return psprintf("INSERT INTO %s (%s) SELECT %s FROM pg_catalog.generate_series(0, $2 - 1) AS i",
					quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
											   RelationGetRelationName(rel)),
					columns.data, values.data);
}

/* Opens a table for appending, as the current user. */
Sink *
SinkOpen(Oid table)
{
	Sink	   *sink = palloc0(sizeof(Sink));
	bool		distributed = IsDistributed(table);

	PreventCommandIfReadOnly("medallion load");
	sink->rel = table_open(table, RowExclusiveLock);
	if (pg_class_aclcheck(table, GetUserId(), ACL_INSERT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(sink->rel));
	CheckColumnTypes(sink->rel);
	sink->direct = !distributed && IsPlainTable(sink->rel);
	sink->owner = CurrentMemoryContext;
	sink->batch = AllocSetContextCreate(CurrentMemoryContext, "medallion batch",
										ALLOCSET_DEFAULT_SIZES);
	sink->batch_rows = sink->direct ? BATCH_ROWS : STATEMENT_ROWS;
	sink->slots = palloc0(sizeof(TupleTableSlot *) * sink->batch_rows);
	if (sink->direct)
		sink->bulk = GetBulkInsertState();
	else
		sink->insert = InsertStatement(sink->rel);
	return sink;
}

bool
SinkIsDirect(const Sink *sink)
{
	return sink->direct;
}

/* The slot of the row being put together, all NULL at first. */
static TupleTableSlot *
CurrentRow(Sink *sink)
{
	TupleTableSlot *slot;

	if (sink->row != NULL)
		return sink->row;
	if (sink->used == sink->nslots)
	{
		MemoryContext old = MemoryContextSwitchTo(sink->owner);

		sink->slots[sink->nslots++] = MakeSingleTupleTableSlot(RelationGetDescr(sink->rel),
															   &TTSOpsVirtual);
		MemoryContextSwitchTo(old);
	}
	slot = sink->slots[sink->used];
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	sink->row = slot;
	return slot;
}

/* Sets a text column. */
void
SinkText(Sink *sink, int attno, const char *value, uint32 length)
{
	TupleTableSlot *slot = CurrentRow(sink);
	text	   *copy = MemoryContextAlloc(sink->batch, VARHDRSZ + length);

	SET_VARSIZE(copy, VARHDRSZ + length);
	memcpy(VARDATA(copy), value, length);
	slot->tts_values[attno - 1] = PointerGetDatum(copy);
	slot->tts_isnull[attno - 1] = false;
	sink->bytes += VARHDRSZ + length;
}

/* Sets a column of any variable-length type. */
void
SinkVarlena(Sink *sink, int attno, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(sink->batch);

	SinkDatum(sink, attno, datumCopy(value, false, -1));
	MemoryContextSwitchTo(old);
}

/* Sets a column passed by value. */
void
SinkDatum(Sink *sink, int attno, Datum value)
{
	TupleTableSlot *slot = CurrentRow(sink);

	slot->tts_values[attno - 1] = value;
	slot->tts_isnull[attno - 1] = false;
	sink->bytes += sizeof(Datum);
}

/* The batch as one flat text array for the INSERT. */
static Datum
BatchArray(Sink *sink)
{
	TupleDesc	desc = RelationGetDescr(sink->rel);
	int			most = sink->used * desc->natts;
	Datum	   *elements = palloc(sizeof(Datum) * most);
	bool	   *nulls = palloc(sizeof(bool) * most);
	int			dims[1] = {0};
	int			bounds[1] = {1};

	for (int row = 0; row < sink->used; row++)
	{
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute attr = TupleDescAttr(desc, i);
			Oid			output;
			bool		varlena;

			if (attr->attisdropped)
				continue;
			nulls[dims[0]] = sink->slots[row]->tts_isnull[i];
			if (!nulls[dims[0]])
			{
				getTypeOutputInfo(attr->atttypid, &output, &varlena);
				elements[dims[0]] = CStringGetTextDatum(OidOutputFunctionCall(output,
																			  sink->slots[row]->tts_values[i]));
			}
			dims[0]++;
		}
	}
	return PointerGetDatum(construct_md_array(elements, nulls, 1, dims, bounds, TEXTOID, -1,
											  false, TYPALIGN_INT));
}

/* Writes the batch. */
static void
FlushBatch(Sink *sink)
{
	MemoryContext old;

	if (sink->used == 0)
		return;
	old = MemoryContextSwitchTo(sink->batch);
	if (sink->direct)
		table_multi_insert(sink->rel, sink->slots, sink->used, GetCurrentCommandId(true), 0,
						   sink->bulk);
	else
	{
		SqlParams	params = {0};

		ParamDatum(&params, TEXTARRAYOID, BatchArray(sink));
		ParamInt(&params, sink->used);
		SqlExec(sink->insert, &params);
	}
	MemoryContextSwitchTo(old);
	for (int i = 0; i < sink->used; i++)
		ExecClearTuple(sink->slots[i]);
	sink->used = 0;
	sink->bytes = 0;
	MemoryContextReset(sink->batch);
}

/* Ends the row being put together. */
void
SinkEndRow(Sink *sink)
{
	ExecStoreVirtualTuple(CurrentRow(sink));
	sink->row = NULL;
	sink->used++;
	if (sink->used == sink->batch_rows || sink->bytes >= BATCH_BYTES)
		FlushBatch(sink);
}

/* Writes what is buffered and closes. */
void
SinkClose(Sink *sink)
{
	FlushBatch(sink);
	if (sink->direct)
	{
		FreeBulkInsertState(sink->bulk);
		table_finish_bulk_insert(sink->rel, 0);
	}
	for (int i = 0; i < sink->nslots; i++)
		ExecDropSingleTupleTableSlot(sink->slots[i]);
	MemoryContextDelete(sink->batch);
	table_close(sink->rel, NoLock);
	CommandCounterIncrement();
}
