/*
 * first_load.c
 *	  The first rows of a silver table: typed, and written at once.
 *
 *	  typed rows ──> the only event of its key ──> silver table, in whole pages
 *	            ├──> no event, or a delete ──────> staging table
 *	            └──> one of several of its key ──> staging table
 *
 * A row that is all there is of its key becomes one version as it stands: nothing
 * has to be compared with it.  So it needs no staging table, which would be written
 * and then read once for every question of the merge.
 *
 * That a key has one event only is known at the end, by sorting the keys, or rather the
 * first 64 bits of their hashes: two that only share these take the long way too.  Rows of
 * the others are then moved to the staging table, where the merge finds every event
 * of theirs.  Where that is a lot of them, all are moved, and where a sample of the
 * keys tells so early, the rest does not go to silver at all.
 */
#include "base/compat.h"

#include "silver/first_load.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/hio.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/blocks.h"
#include "base/pages.h"
#include "base/settings.h"
#include "catalog/catalog.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "silver/table.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#define SAMPLED 64				/* one key of so many is counted while rows come */
#define SAMPLE_TELLS 200		/* sampled rows from which on their number tells */
#define SAMPLE_AT_MOST 1000000	/* of them, which are held in memory */
#define MANY 8					/* one row of so many with a key said before is too many */
#define OWN_CONDITIONS 2		/* of AddRowConditions() */
#define ROW_OF_WORKER "0.01"	/* what it costs to get one; the planner takes it for ten times that, and a conversion for next to nothing */
#define MOVED_AT_MOST 1000000	/* keys, likewise */

/* SQL: the head of a key's hash, as a bigint. */
#define KEY_HEAD "('x' || translate(left(d._business_key_hash::text, 18), '-', ''))::bit(64)::bigint"

/* A column of the query, and the one of the table that it fills. */
typedef struct ColumnPair
{
	int			source;
	int			target;
} ColumnPair;

/* Where the rows of the query go. */
typedef struct FirstLoad
{
	DestReceiver pub;
	const Merge *merge;
	Relation	table;
	Relation	stage;
	CommandId	command;
	BulkInsertState table_bulk;
	BulkInsertState stage_bulk;
	Pages	   *pages;			/* NULL while the load is small */
	bool		by_pages;
	Size		written;
	MemoryContext context;		/* what outlasts the query */
	MemoryContext row_context;

	/* by column of the silver table */
	Datum	   *values;
	bool	   *nulls;
	Datum		forever;
	bool		forever_isnull;
	bool		refuses_all;	/* what is the same in every row may not be NULL, but is */
	bool		marked;			/* flags are those of a row that has one set, not of all others */

	/* which of the query's columns go where in the table */
	ColumnPair *taken;
	int			ntaken;
	ColumnPair *flags;
	int			nflags;

	/* columns of the query; -1: it has none such */
	int			key;
	int			is_delete;
	int			refused;

	Tuplesortstate *keys;		/* heads of those of all events; NULL: they need not differ */
	HTAB	   *sample;			/* of the keys */
	int64		sampled;
	int64		repeated;		/* of these, said before */
	bool		gave_up;		/* what comes goes to the staging table */

	int64		rows;
	int64		invalid;		/* with any flag set */
	int64		direct;			/* that went to silver */
} FirstLoad;

/* May rows of the feature be versions as they are, all files being in force? */
static bool
MaySkipStage(const Merge *merge, const SqlParams *files)
{
	const Feature *feature = merge->shape->feature;
	const FeatureOptions *options = &feature->options;
	Datum	   *until;
	bool	   *nulls;
	int			count;

	if (FeatureIsPartitioned(options) || options->dedup != NULL || options->deletes == DELETES_SNAPSHOT)
		return false;
	deconstruct_array(DatumGetArrayTypeP(files->values[3]), TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &until, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!TIMESTAMP_IS_NOEND(DatumGetTimestampTz(until[i])))
			return false;
	}
	return true;
}

/* Are there no conditions on a table's rows but NOT NULL, and those of overlap.c, which a version as
 * it is put here fulfils? */
static bool
HasOwnConditions(Relation rel, bool keeps_history)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	return constr == NULL || (constr->num_defval == 0 && constr->num_check == (keeps_history ? OWN_CONDITIONS : 0));
}

/* Is nothing told of the table's changes to others?  Rows that are put here and taken back would be no news of theirs. */
static bool
IsUnpublished(Relation rel)
{
	PublicationDesc published;

	RelationBuildPublicationDesc(rel, &published);
	return !RelationIsLogicallyLogged(rel) && !published.pubactions.pubinsert && !published.pubactions.pubupdate &&
		!published.pubactions.pubdelete && !published.pubactions.pubtruncate;
}

/* The column of the query that has a name; -1: none. */
static int
FindColumn(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return i;
	}
	return -1;
}

/* What the query calls a column of silver; NULL: it is the same in every row. */
static const char *
SourceName(const Feature *feature, const char *name)
{
	const HistoryNames *names = &feature->options.history_columns;

	if (strcmp(name, "_opened_run_id") == 0)
		return NULL;
	if (!FeatureKeepsHistory(feature))
		return name;
	if (strcmp(name, "_closed_run_id") == 0 || strcmp(name, names->is_current) == 0 ||
		strcmp(name, names->version) == 0 || strcmp(name, names->valid_to) == 0)
		return NULL;
	return strcmp(name, names->valid_from) == 0 ? "_event_at" : name;
}

/* Are the columns of silver those that it was made with? */
static bool
HasOwnColumns(const Feature *feature, TupleDesc table, TupleDesc stage)
{
	for (int i = 0; i < table->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(table, i);
		const char *name = SourceName(feature, NameStr(column->attname));
		int			source = name == NULL ? -1 : FindColumn(stage, name);

		if (column->attisdropped || column->attidentity != '\0' || column->attgenerated != '\0')
			return false;
		if (name != NULL && (source < 0 || TupleDescAttr(stage, source)->atttypid != column->atttypid ||
							 TupleDescAttr(stage, source)->atttypmod != column->atttypmod))
			return false;
	}
	return true;
}

/* May rows be put into both tables past the executor?  Somebody's event trigger may have made more of them. */
static bool
ArePlain(const Feature *feature, Oid table, Oid stage)
{
	Relation	table_rel = table_open(table, RowExclusiveLock);
	Relation	stage_rel = table_open(stage, RowExclusiveLock);
	bool		plain = IsPlainHeap(table_rel) && IsPlainHeap(stage_rel) && HasOwnConditions(stage_rel, false) &&
		HasOwnConditions(table_rel, FeatureKeepsHistory(feature)) && !IsDistributed(table) && !IsDistributed(stage) &&
		HasOwnColumns(feature, RelationGetDescr(table_rel), RelationGetDescr(stage_rel)) && IsUnpublished(table_rel);

	table_close(stage_rel, NoLock);
	table_close(table_rel, NoLock);
	return plain;
}

/* Sets a column that is the same in every row. */
static void
SetConstant(FirstLoad *load, int column)
{
	const HistoryNames *names = &load->merge->shape->feature->options.history_columns;
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(load->table), column);
	const char *name = NameStr(attribute->attname);

	if (strcmp(name, "_opened_run_id") == 0)
		load->values[column] = Int64GetDatum(load->merge->run_id);
	else if (strcmp(name, "_closed_run_id") == 0)
		load->nulls[column] = true;
	else if (strcmp(name, names->is_current) == 0)
		load->values[column] = BoolGetDatum(true);
	else if (strcmp(name, names->version) == 0)
		load->values[column] = Int32GetDatum(1);
	else
	{
		load->values[column] = load->forever;
		load->nulls[column] = load->forever_isnull;
	}
	load->refuses_all |= load->nulls[column] && attribute->attnotnull;
}

/* Finds where the columns of silver come from. */
static void
MapColumns(FirstLoad *load, TupleDesc query)
{
	List	   *flags = FlagColumns(load->merge->shape);
	TupleDesc	desc = RelationGetDescr(load->table);

	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);
		const char *source = SourceName(load->merge->shape->feature, name);
		ColumnPair	pair = {source == NULL ? -1 : FindColumn(query, source), i};

		if (source == NULL)
			SetConstant(load, i);
		else if (HasName(flags, name))
			load->flags[load->nflags++] = pair;
		else
			load->taken[load->ntaken++] = pair;
	}
}

/* Raises where the staging table is not as the query would have made it. */
static void
CheckStage(const FirstLoad *load, TupleDesc query)
{
	TupleDesc	stage = RelationGetDescr(load->stage);
	bool		same = stage->natts == query->natts;

	for (int i = 0; i < query->natts && same; i++)
		same = TupleDescAttr(stage, i)->atttypid == TupleDescAttr(query, i)->atttypid && !TupleDescAttr(stage, i)->attisdropped;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("somebody changed the columns of staging table \"%s\"", RelationGetRelationName(load->stage))));
}

/* The end of a version that has none. */
static void
FindForever(FirstLoad *load)
{
	const char *valid_to = load->merge->shape->feature->options.valid_to;

	load->forever_isnull = true;
	if (FeatureKeepsHistory(load->merge->shape->feature) && valid_to != NULL)
		load->forever = SqlScalar(psprintf("SELECT %s::%s", quote_literal_cstr(valid_to),
										   EventType(load->merge->stage_name)), NULL, &load->forever_isnull);
}

/* Begins a sort of keys, and a sample of them. */
static void
BeginKeys(FirstLoad *load)
{
	TypeCacheEntry *type = lookup_type_cache(INT8OID, TYPECACHE_LT_OPR);
	HASHCTL		info = {.keysize = UUID_LEN,.entrysize = UUID_LEN,.hcxt = CurrentMemoryContext};

	load->keys = tuplesort_begin_datum(INT8OID, type->lt_opr, InvalidOid, false, maintenance_work_mem, NULL, TUPLESORT_NONE);
	load->sample = hash_create("sampled keys", 1024, &info, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* The query begins. */
static void
StartRows(DestReceiver *self, int operation, TupleDesc query)
{
	FirstLoad  *load = (FirstLoad *) self;

	load->command = GetCurrentCommandId(true);
	CheckStage(load, query);
	MapColumns(load, query);
	load->key = FindColumn(query, "_business_key_hash");
	load->is_delete = load->keys != NULL ? FindColumn(query, "_is_delete") : -1;
	load->refused = load->merge->shape->refuses ? FindColumn(query, "_refused") : -1;
}

static inline bool
IsTrue(const TupleTableSlot *slot, int column)
{
	return column >= 0 && !slot->tts_isnull[column] && DatumGetBool(slot->tts_values[column]);
}

/* Adds the key to the sort, and some to the sample; gives up where that says many times the same. */
static void
AddKey(FirstLoad *load, Datum key)
{
	const uint8 *bytes = DatumGetUUIDP(key)->data;
	uint64		head;
	bool		found;

	memcpy(&head, bytes, sizeof(head));
	tuplesort_putdatum(load->keys, Int64GetDatum((int64) pg_ntoh64(head)), false);
	if (bytes[UUID_LEN - 1] % SAMPLED != 0 || load->sampled == SAMPLE_AT_MOST)
		return;
	hash_search(load->sample, bytes, HASH_ENTER, &found);
	load->sampled++;
	load->repeated += found;
	load->gave_up = load->sampled >= SAMPLE_TELLS && load->repeated * MANY > load->sampled;
}

/* Takes the columns' values of a row. */
static inline bool
TakeColumns(FirstLoad *load, const TupleTableSlot *slot, const ColumnPair *pairs, int count)
{
	TupleDesc	desc = RelationGetDescr(load->table);
	bool		fits = true;

	for (int i = 0; i < count; i++)
	{
		int			target = pairs[i].target;

		load->values[target] = slot->tts_values[pairs[i].source];
		load->nulls[target] = slot->tts_isnull[pairs[i].source];
		fits &= !load->nulls[target] || !TupleDescAttr(desc, target)->attnotnull;
	}
	return fits;
}

/* Takes what silver has of the row.  False: NULL where that may not be, which a statement is to raise. */
static bool
TakeValues(FirstLoad *load, const TupleTableSlot *slot, bool marked)
{
	/* most rows have no flag set, as had the one before */
	if ((marked || load->marked) && !TakeColumns(load, slot, load->flags, load->nflags))
		return false;
	load->marked = marked;
	return TakeColumns(load, slot, load->taken, load->ntaken) && !load->refuses_all;
}

/* Is the row a version as it stands, as far as is known? */
static bool
IsVersion(FirstLoad *load, const TupleTableSlot *slot, bool marked)
{
	if (load->keys == NULL)
		return !IsTrue(slot, load->refused) &&
			(load->merge->shape->feature->keys == NIL || !slot->tts_isnull[load->key]) && TakeValues(load, slot, marked);
	if (load->gave_up || slot->tts_isnull[load->key])
		return false;
	AddKey(load, slot->tts_values[load->key]);
	return !load->gave_up && !IsTrue(slot, load->is_delete) && TakeValues(load, slot, marked);
}

/* Writes the values as a row of silver. */
static void
PutVersion(FirstLoad *load)
{
	MemoryContext old = MemoryContextSwitchTo(load->row_context);
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(load->table), load->values, load->nulls);
	bool		by_itself = tuple->t_len <= TOAST_TUPLE_THRESHOLD && !HeapTupleHasExternal(tuple);

	load->written += tuple->t_len;
	if (load->pages == NULL && load->by_pages && load->written >= LARGE_LOAD)
	{
		MemoryContextSwitchTo(load->context);
		load->pages = PagesBegin(load->table);
		MemoryContextSwitchTo(load->row_context);
	}
	if (load->pages != NULL && by_itself)
		PagesAdd(load->pages, tuple->t_data, tuple->t_len);
	else
		heap_insert(load->table, tuple, load->command, HEAP_INSERT_SKIP_FSM, load->table_bulk);
	load->direct++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(load->row_context);
}

/* Has the row a flag that is set? */
static bool
IsInvalid(const FirstLoad *load, const TupleTableSlot *slot)
{
	for (int i = 0; i < load->nflags; i++)
	{
		if (IsTrue(slot, load->flags[i].source))
			return true;
	}
	return false;
}

/* A row of the query. */
static bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self)
{
	FirstLoad  *load = (FirstLoad *) self;
	bool		marked = false;

	slot_getallattrs(slot);
	load->rows++;
	for (int i = 0; i < load->nflags && !marked; i++)
		marked = slot->tts_isnull[load->flags[i].source] || DatumGetBool(slot->tts_values[load->flags[i].source]);
	load->invalid += marked && IsInvalid(load, slot);
	if (IsVersion(load, slot, marked))
		PutVersion(load);
	else
		table_tuple_insert(load->stage, slot, load->command, TABLE_INSERT_SKIP_FSM, load->stage_bulk);
	return true;
}

/* Opens both tables. */
static void
OpenTables(FirstLoad *load)
{
	const Merge *merge = load->merge;
	int			natts;

	load->table = table_open(TableOid(medallion_silver_schema, merge->shape->feature->name), RowExclusiveLock);
	load->stage = table_open(TableOid(medallion_silver_schema, merge->stage_name), RowExclusiveLock);
	load->table_bulk = GetBulkInsertState();
	load->stage_bulk = GetBulkInsertState();
	load->by_pages = CanAppendPages(load->table);
	natts = RelationGetDescr(load->table)->natts;
	load->taken = palloc0(sizeof(ColumnPair) * natts);
	load->flags = palloc0(sizeof(ColumnPair) * natts);
	load->values = palloc0(sizeof(Datum) * natts);
	load->nulls = palloc0(sizeof(bool) * natts);
	load->context = CurrentMemoryContext;
	load->row_context = AllocSetContextCreate(CurrentMemoryContext, "silver row", ALLOCSET_DEFAULT_SIZES);
}

/* Writes what is buffered, and closes them. */
static void
CloseTables(FirstLoad *load)
{
	BlockNumber first = InvalidBlockNumber;
	BlockNumber last = 0;

	if (load->pages != NULL)
		PagesEnd(load->pages, &first, &last);
	FreeBulkInsertState(load->table_bulk);
	FreeBulkInsertState(load->stage_bulk);
	table_finish_bulk_insert(load->table, TABLE_INSERT_SKIP_FSM);
	table_finish_bulk_insert(load->stage, TABLE_INSERT_SKIP_FSM);
	table_close(load->stage, NoLock);
	table_close(load->table, NoLock);
	CommandCounterIncrement();
}

/* Reads the sorted heads of keys: those that come more than once, as a bigint[].  False: too many. */
static bool
FindRepeated(FirstLoad *load, Datum *repeated)
{
	int64		most = Min(load->direct / MANY, MOVED_AT_MOST);
	ArrayBuildState *found = initArrayResult(INT8OID, CurrentMemoryContext, false);
	int64		last = 0;
	int64		times = 0;
	Datum		head;
	bool		isnull;

	tuplesort_performsort(load->keys);
	while (found->nelems <= most && tuplesort_next_datum(load->keys, &head, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		times = times > 0 && DatumGetInt64(head) == last ? times + 1 : 1;
		last = DatumGetInt64(head);
		if (times == 2)
			accumArrayResult(found, head, false, INT8OID, CurrentMemoryContext);
	}
	*repeated = makeArrayResult(found, CurrentMemoryContext);
	return found->nelems <= most;
}

/* The columns that further parts of the sequence have in the staging table, and what they are made of. */
static void
SetSequenceWords(const FeatureOptions *options, TemplateWords *words)
{
	StringInfoData names;
	StringInfoData values;

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 1; i < list_length(options->sequence_by); i++)
	{
		appendStringInfo(&names, ", _sequence_%d", i + 1);
		appendStringInfo(&values, ", d.%s", quote_identifier(list_nth(options->sequence_by, i)));
	}
	SetWord(words, "sequence", names.data);
	SetWord(words, "d.sequence", values.data);
}

/* Moves versions that the condition names back to what they were made of. */
static uint64
MoveToStage(const Merge *merge, const SqlParams *params, const char *condition)
{
	const FeatureOptions *options = &merge->shape->feature->options;
	TemplateWords words = {0};

	SetHistoryWords(&words, options);
	SetSequenceWords(options, &words);
	SetColumnWords(&words, "data", DataColumnList(merge->shape));
	SetWord(&words, "table", merge->table);
	SetWord(&words, "stage", merge->stage);
	SetWord(&words, "condition", condition);
	SetWord(&words, "refused", merge->shape->refuses ? ", _refused" : "");
	SetWord(&words, "not_refused", merge->shape->refuses ? ", false" : "");
	return SqlExec(FillTemplate("INSERT INTO {stage} ({data}{refused}, _business_key_hash, _value_hash, _event_at, _is_delete,"
								" _event_until, _rank, _file_id, _sheet, _row{sequence})"
								" SELECT {d.data}{not_refused}, d._business_key_hash, d._value_hash, d.{valid_from}, false,"
								" 'infinity', f._rank, d._file_id, d._sheet, d._row{d.sequence}"
								" FROM {table} d JOIN unnest($1, $2) AS f (_file, _rank) ON f._file = d._file_id{condition}", &words), params);
}

/* Leaves in silver only the versions whose key has no other event. */
static void
MoveRepeated(FirstLoad *load, const SqlParams *files)
{
	const Merge *merge = load->merge;
	SqlParams	params = *files;
	Datum		repeated;

	params.count = 2;
	if (load->gave_up || !FindRepeated(load, &repeated))
	{
		MoveToStage(merge, &params, "");
		SqlExecFormat(NULL, "TRUNCATE %s", merge->table);
		load->direct = 0;
	}
	else if (ARR_NDIM(DatumGetArrayTypeP(repeated)) > 0)
	{
		ParamDatum(&params, INT8ARRAYOID, repeated);
		load->direct -= MoveToStage(merge, &params, " WHERE " KEY_HEAD " = ANY ($3)");
		SqlExecFormat(NULL, "DELETE FROM %s d USING %s s WHERE s._business_key_hash = d._business_key_hash", merge->table, merge->stage);
	}
	tuplesort_end(load->keys);
	hash_destroy(load->sample);
}

/* Types the rows of file versions into the two tables. */
static void
TypeInto(FirstLoad *load, const SqlParams *files)
{
	int			nest_level;

	OpenTables(load);
	FindForever(load);
	if (FeatureKeepsHistory(load->merge->shape->feature))
		BeginKeys(load);
	nest_level = NewGUCNestLevel();
	PinSetting("parallel_tuple_cost", ROW_OF_WORKER);
	SqlStream(TypedSelect(load->merge->shape, files, NULL), files, &load->pub);
	UnpinSettings(nest_level);
	CloseTables(load);
	MemoryContextDelete(load->row_context);
	if (load->keys != NULL)
		MoveRepeated(load, files);
}

bool
LoadFirst(Merge *merge, const SqlParams *files)
{
	const Feature *feature = merge->shape->feature;
	FirstLoad	load = {
		.pub = RowReceiver(ReceiveRow, StartRows),
		.merge = merge,
	};

	if (OidIsValid(TableOid(medallion_silver_schema, feature->name)) || !MaySkipStage(merge, files))
		return false;
	SqlExecFormat(files, "CREATE UNLOGGED TABLE %s AS %s WITH NO DATA", merge->stage, TypedSelect(merge->shape, files, NULL));
	FitSilverTable(merge->shape, merge->stage_name, merge->outcome);
	if (!ArePlain(feature, TableOid(medallion_silver_schema, feature->name), TableOid(medallion_silver_schema, merge->stage_name)))
	{
		SqlExecFormat(NULL, "DROP TABLE %s", merge->stage);
		return false;
	}
	TypeInto(&load, files);
	merge->loaded_first = true;
	merge->outcome->rows_in = load.rows;
	merge->outcome->all_in_force = true;
	merge->outcome->invalid = load.invalid;
	merge->outcome->inserted += load.direct;
	return true;
}

char *
TakenRows(const Merge *merge)
{
	const SilverShape *shape = merge->shape;
	TemplateWords words = {0};
	List	   *columns;

	if (!merge->loaded_first)
		return merge->stage;
	columns = list_concat(list_make3("_file_id", "_sheet", "_row"), FlagColumns(shape));
	SetColumnWords(&words, "columns", columns);
	SetWord(&words, "table", merge->table);
	SetWord(&words, "stage", merge->stage);
	/* without history all of the staging table is in silver by now, but for what was refused */
	SetWord(&words, "left", FeatureKeepsHistory(shape->feature) ? "true" : shape->refuses ? "s._refused" : "false");
	SetWord(&words, "past", !FeatureKeepsHistory(shape->feature) ? "true" :
			FillTemplate("NOT EXISTS (SELECT FROM {stage} k WHERE k._business_key_hash = d._business_key_hash)", &words));
	return FillTemplate("(SELECT {s.columns}, s._event_until FROM {stage} s WHERE {left}"
						" UNION ALL SELECT {d.columns}, 'infinity' FROM {table} d WHERE {past})", &words);
}
