/*
 * sink.c
 *	  Rows of text -> a bronze table.
 *
 *	  values -> tuple -> batch -> heap_multi_insert           (plain tables)
 *	                  -> pages of their own, once it is a lot
 *	         -> text array -> INSERT through SPI              (all others)
 *
 * Rows that go past the executor skip everything it would do: triggers, row
 * security, indexes, constraints, foreign and distributed tables.  A table
 * must be proven to have none of these first; on a distributed table such
 * rows would vanish without a word.
 */
#include "base/compat.h"

#include "bronze/sink.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/hio.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/blocks.h"
#include "base/pages.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define BATCH_ROWS 1000
#define BATCH_BYTES (1024 * 1024)
#define EMPTY_PAGE (BLCKSZ / 4 * 3)	/* free bytes of a page that is as good as empty */
#define PROBED_PAGES 256		/* of a table, to tell how many are empty */
#define FEW_PAGES 50			/* one empty page among so many is left alone */
#define STATEMENT_ROWS 50		/* of one INSERT: elements of the array it reads are found by counting */

struct Sink
{
	Relation	rel;
	bool		direct;			/* past the executor, not by INSERT */
	bool		by_pages;		/* pages of its own, should the load become large */
	RowValue   *values;			/* the row being put together */
	int			used;			/* rows in the batch */
	size_t		bytes;			/* of values in it */
	size_t		written;		/* in batches before */
	MemoryContext batch;		/* what the batch holds; reset with it */

	/* direct */
	TupleMaker *maker;
	BulkInsertState bulk;
	int			options;		/* of heap_multi_insert() */
	TupleTableSlot **slots;		/* BATCH_ROWS of them, made on demand */
	int			nslots;			/* made */
	Pages	   *pages;			/* or NULL, while the load is small */
	BlockNumber first;			/* of the blocks with rows */
	BlockNumber last;

	/* by INSERT */
	char	   *insert;			/* the statement */
	FmgrInfo   *output;			/* by column */
	Datum	   *elements;		/* of the array: STATEMENT_ROWS rows of live columns */
	bool	   *nulls;
	int			nelements;
};

/* Does the planner's executor add nothing to an insert into this table? */
static bool
IsPlainTable(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	/* checks, NOT NULL, generated columns and defaults all make a constr */
	return IsPlainHeap(rel) && desc->constr == NULL && CanMakeTuples(desc);
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

/*
 * Does VACUUM know of many pages that are as good as empty?  These are filled again.
 * Else a load goes to the end, so that a file's rows lie together: the little
 * that is left on each page, or a page here and there that was a file's last,
 * would scatter them over the table.
 */
static bool
HasFreePages(Relation rel)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);
	BlockNumber step = Max(blocks / PROBED_PAGES + (blocks % PROBED_PAGES != 0), 1);
	int			probed = 0;
	int			free = 0;

	if (GetPageWithFreeSpace(rel, EMPTY_PAGE) == InvalidBlockNumber)
		return false;
	for (BlockNumber block = 0; block < blocks && probed < PROBED_PAGES; block += step, probed++)
		free += GetRecordedFreeSpace(rel, block) >= EMPTY_PAGE;
	return free * FEW_PAGES >= probed;
}

/* Prepares for tuples. */
static void
OpenDirect(Sink *sink)
{
	sink->maker = TupleMakerCreate(RelationGetDescr(sink->rel));
	sink->bulk = GetBulkInsertState();
	sink->slots = palloc0(sizeof(TupleTableSlot *) * BATCH_ROWS);
	sink->by_pages = CanAppendPages(sink->rel);
	sink->first = InvalidBlockNumber;
	if (!HasFreePages(sink->rel))
		sink->options = HEAP_INSERT_SKIP_FSM;
}

/* Prepares for statements. */
static void
OpenStatement(Sink *sink)
{
	TupleDesc	desc = RelationGetDescr(sink->rel);

	sink->insert = InsertStatement(sink->rel);
	sink->output = palloc0(sizeof(FmgrInfo) * desc->natts);
	sink->elements = palloc(sizeof(Datum) * STATEMENT_ROWS * desc->natts);
	sink->nulls = palloc(sizeof(bool) * STATEMENT_ROWS * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		Oid			output;
		bool		varlena;

		if (attr->attisdropped)
			continue;
		getTypeOutputInfo(attr->atttypid, &output, &varlena);
		fmgr_info(output, &sink->output[i]);
	}
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
	sink->values = palloc0(sizeof(RowValue) * RelationGetDescr(sink->rel)->natts);
	sink->batch = AllocSetContextCreate(CurrentMemoryContext, "medallion batch",
										ALLOCSET_DEFAULT_SIZES);
	if (sink->direct)
		OpenDirect(sink);
	else
		OpenStatement(sink);
	return sink;
}

bool
SinkIsDirect(const Sink *sink)
{
	return sink->direct;
}

RowValue *
SinkValue(Sink *sink, int attno)
{
	return &sink->values[attno - 1];
}

/* The slot for the next row of the batch. */
static TupleTableSlot *
NextSlot(Sink *sink)
{
	if (sink->used == sink->nslots)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(sink));

		sink->slots[sink->nslots++] = MakeSingleTupleTableSlot(RelationGetDescr(sink->rel),
															   &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old);
	}
	return sink->slots[sink->used];
}

/* Adds a copy of a tuple to the batch. */
static void
AddTuple(Sink *sink, HeapTupleHeader header, Size size)
{
	HeapTuple	tuple = MemoryContextAlloc(sink->batch, HEAPTUPLESIZE + size);

	tuple->t_len = size;
	tuple->t_data = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
	tuple->t_tableOid = RelationGetRelid(sink->rel);
	ItemPointerSetInvalid(&tuple->t_self);
	memcpy(tuple->t_data, header, size);
	ExecStoreHeapTuple(tuple, NextSlot(sink), false);
	sink->used++;
	sink->bytes += size;
}

/* One value as text. */
static Datum
ValueAsText(Sink *sink, int i)
{
	const RowValue *value = &sink->values[i];
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(sink->rel), i);
	text	   *varlena;

	if (attr->attbyval)
		return CStringGetTextDatum(OutputFunctionCall(&sink->output[i], value->word));
	varlena = cstring_to_text_with_len(value->data, value->length);
	if (attr->atttypid == TEXTOID)
		return PointerGetDatum(varlena);
	return CStringGetTextDatum(OutputFunctionCall(&sink->output[i], PointerGetDatum(varlena)));
}

/* Adds the row to the array for the next statement. */
static void
AddElements(Sink *sink)
{
	TupleDesc	desc = RelationGetDescr(sink->rel);
	MemoryContext old = MemoryContextSwitchTo(sink->batch);

	for (int i = 0; i < desc->natts; i++)
	{
		bool		isnull = sink->values[i].data == NULL;

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		sink->nulls[sink->nelements] = isnull;
		sink->bytes += isnull ? 0 : sink->values[i].length;
		sink->elements[sink->nelements++] = isnull ? (Datum) 0 : ValueAsText(sink, i);
		sink->values[i].data = NULL;
	}
	MemoryContextSwitchTo(old);
	sink->used++;
}

/* Runs the statement over the batch. */
static void
RunInsert(Sink *sink)
{
	SqlParams	params = {0};
	int			bounds[1] = {1};

	ParamDatum(&params, TEXTARRAYOID,
			   PointerGetDatum(construct_md_array(sink->elements, sink->nulls, 1, &sink->nelements, bounds,
												  TEXTOID, -1, false, TYPALIGN_INT)));
	ParamInt(&params, sink->used);
	SqlExec(sink->insert, &params);
	sink->nelements = 0;
}

/* Inserts the tuples of the batch and notes where they went. */
static void
InsertTuples(Sink *sink)
{
	heap_multi_insert(sink->rel, sink->slots, sink->used, GetCurrentCommandId(true), sink->options, sink->bulk);
	for (int i = 0; i < sink->used; i++)
	{
		BlockNumber block = ItemPointerGetBlockNumber(&sink->slots[i]->tts_tid);

		sink->first = Min(sink->first, block);
		sink->last = Max(sink->last, block);
	}
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
		InsertTuples(sink);
	else
		RunInsert(sink);
	MemoryContextSwitchTo(old);
	for (int i = 0; sink->direct && i < sink->used; i++)
		ExecClearTuple(sink->slots[i]);
	sink->written += sink->bytes;
	sink->used = 0;
	sink->bytes = 0;
	MemoryContextReset(sink->batch);
}

/* Adds the row as a tuple: to pages of our own if the load is large, and no
 * value of it may want a place outside of the table. */
static void
PutTuple(Sink *sink)
{
	HeapTupleHeader tuple;
	Size		size = MakeTuple(sink->maker, sink->values, &tuple);

	if (sink->pages == NULL && sink->by_pages && sink->written >= LARGE_LOAD)
		sink->pages = PagesBegin(sink->rel);
	if (sink->pages != NULL && size <= TOAST_TUPLE_THRESHOLD)
		PagesAdd(sink->pages, tuple, size);
	else
		AddTuple(sink, tuple, size);
}

/* Ends the row being put together. */
void
SinkEndRow(Sink *sink)
{
	if (sink->direct)
		PutTuple(sink);
	else
		AddElements(sink);
	if (sink->used == (sink->direct ? BATCH_ROWS : STATEMENT_ROWS) || sink->bytes >= BATCH_BYTES)
		FlushBatch(sink);
}

/* Adds where the sink's rows lie. */
static void
AddBlocks(const Sink *sink, RowBlocks *blocks)
{
	Oid			filenode = sink->rel->rd_rel->relfilenode;

	if (!sink->direct || (OidIsValid(blocks->filenode) && blocks->filenode != filenode))
		blocks->unknown = true;
	blocks->filenode = filenode;
	blocks->first = Min(blocks->first, sink->first);
	blocks->last = Max(blocks->last, sink->last);
}

/* Writes what is buffered, adds where it lies and closes. */
void
SinkClose(Sink *sink, RowBlocks *blocks)
{
	FlushBatch(sink);
	if (sink->pages != NULL)
		PagesEnd(sink->pages, &sink->first, &sink->last);
	AddBlocks(sink, blocks);
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
