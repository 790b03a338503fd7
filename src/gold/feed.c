/*
 * feed.c
 *	  What changed in the tables that models read.
 *
 * statement on silver.x -> trigger -> images of its rows in silver._changes_x,
 *		one row in medallion.change_batches
 *			-> each model that reads x takes the batches it has not taken yet
 *			-> a batch that all have taken goes
 *
 * A statement's changes are one batch.  What a model has taken is a row per
 * batch, not a high-water mark: batches become visible when their
 * transactions commit, in any order, and a row can be missed or taken twice
 * no more than any other row.
 *
 * Triggers, though nothing else here uses them: changes come from merges,
 * refolds, undone runs, corrections by hand, and each must be seen.  The
 * statements that write silver stay what they are, so that they work on
 * distributed tables, which have no triggers; models over these refresh in
 * full.
 *
 * A model that begins to read while others forget: who subscribes has a
 * shared advisory lock, who forgets an exclusive one, and neither waits.
 */
#include "base/compat.h"

#include "gold/feed.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#define FEED_LOCK_CLASS 0x66656564	/* advisory locks: this number, oid of the table */
#define CHANGES_PREFIX "_changes_"

/* The role that owns a table. */
static Oid
TableOwner(Oid table)
{
	Relation	rel = table_open(table, AccessShareLock);
	Oid			owner = rel->rd_rel->relowner;

	table_close(rel, AccessShareLock);
	return owner;
}

/* The name of the table of changes, without its schema. */
static char *
ChangesRelation(Oid table)
{
	const char *name = get_rel_name(table);

	if (strlen(name) + strlen(CHANGES_PREFIX) < NAMEDATALEN)
		return psprintf(CHANGES_PREFIX "%s", name);
	return psprintf(CHANGES_PREFIX "%u", table);
}

static const char *
SchemaOf(Oid table)
{
	return get_namespace_name(get_rel_namespace(table));
}

char *
ChangesName(Oid table)
{
	return QualifiedName(SchemaOf(table), ChangesRelation(table));
}

/* Somebody else's table of that name is not it: its triggers would run with the
 * rights of the watched table's owner. */
Oid
ChangesOid(Oid table)
{
	Oid			changes = TableOid(SchemaOf(table), ChangesRelation(table));

	return IsOwnRelation(changes, TableOwner(table)) ? changes : InvalidOid;
}

static char *
WatchedName(Oid table)
{
	return QualifiedName(SchemaOf(table), get_rel_name(table));
}

/* Which columns the table of changes has not that it needs, and does it fit otherwise? */
static bool
CompareColumns(Oid table, Oid changes, List **missing)
{
	Relation	rel = table_open(table, AccessShareLock);
	Relation	noted = table_open(changes, AccessShareLock);
	int			found = 0;
	int			there = 0;
	bool		fits = true;

	*missing = NIL;
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), i);
		AttrNumber	attno;

		if (column->attisdropped)
			continue;
		attno = get_attnum(changes, NameStr(column->attname));
		if (attno == InvalidAttrNumber)
			*missing = lappend(*missing, pstrdup(NameStr(column->attname)));
		else
		{
			Form_pg_attribute other = TupleDescAttr(RelationGetDescr(noted), attno - 1);

			found++;
			fits &= other->atttypid == column->atttypid && other->atttypmod == column->atttypmod;
		}
	}
	for (int i = 0; i < RelationGetDescr(noted)->natts; i++)
		there += !TupleDescAttr(RelationGetDescr(noted), i)->attisdropped;
	table_close(noted, AccessShareLock);
	table_close(rel, AccessShareLock);
	return fits && found == there - 2;
}

/* The columns of a table as SQL. */
static char *
ColumnsOf(Oid table)
{
	Relation	rel = table_open(table, AccessShareLock);
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), i);

		if (!column->attisdropped)
			appendStringInfo(&sql, ", %s", quote_identifier(NameStr(column->attname)));
	}
	table_close(rel, AccessShareLock);
	return sql.data;
}

/* Default privileges of the schema are for tables that people read; images may
 * show what was masked since. */
void
CloseToOthers(Oid table, const char *name)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = SqlFetch("SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END"
					" FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1 AND a.grantee <> c.relowner", &params);
	for (uint64 i = 0; i < rows->count; i++)
		SqlExecFormat(NULL, "REVOKE ALL ON %s FROM %s", name, RowText(rows, i, 1));
}

/* Makes the table of changes, which goes with the watched table. */
static void
CreateChanges(Oid table)
{
	ObjectAddress changes;
	ObjectAddress watched;

	if (OidIsValid(ChangesOid(table)))
		SqlExecFormat(NULL, "DROP TABLE %s", ChangesName(table));
	SqlExecFormat(NULL, "CREATE TABLE %s AS SELECT NULL::bigint AS _change_batch, NULL::\"char\" AS _change_image,"
				  " t.* FROM %s t WITH NO DATA", ChangesName(table), WatchedName(table));
	CloseToOthers(ChangesOid(table), ChangesName(table));
	SqlExecFormat(NULL, "CREATE INDEX ON %s (_change_batch)", ChangesName(table));
	SqlExecFormat(NULL, "COMMENT ON TABLE %s IS %s", ChangesName(table),
				  quote_literal_cstr(psprintf("medallion: rows of %s that changed since the models over it were refreshed:"
											  " i inserted, d deleted, u and v before and after an update",
											  WatchedName(table))));
	ObjectAddressSet(changes, RelationRelationId, ChangesOid(table));
	ObjectAddressSet(watched, RelationRelationId, table);
	recordDependencyOn(&changes, &watched, DEPENDENCY_AUTO);
}

/* The events, and what the statement sees of them. */
static const struct
{
	const char *event;
	const char *transition;
}			watched_events[] =
{
	{"insert", "REFERENCING NEW TABLE AS _new_rows"},
	{"update", "REFERENCING OLD TABLE AS _old_rows NEW TABLE AS _new_rows"},
	{"delete", "REFERENCING OLD TABLE AS _old_rows"},
	{"truncate", ""},
};

/* Are all triggers of ours there, and on? */
static bool
HasTriggers(Oid table)
{
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	return SqlBigint("SELECT count(*) FROM pg_trigger WHERE tgrelid = $1 AND tgenabled IN ('O', 'A')"
					 " AND tgfoid = to_regproc('medallion.note_changes')", &params, 0) == lengthof(watched_events);
}

static void
DropTriggers(Oid table)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = SqlFetch("SELECT tgname FROM pg_trigger WHERE tgrelid = $1"
					" AND tgfoid = to_regproc('medallion.note_changes')", &params);
	for (uint64 i = 0; i < rows->count; i++)
		SqlExecFormat(NULL, "DROP TRIGGER %s ON %s", quote_identifier(RowText(rows, i, 1)), WatchedName(table));
}

/* Makes table of changes and triggers; the lock keeps writers out until we commit. */
static bool
StartFeed(Oid table)
{
	SavedIdentity saved;
	Oid			changes = ChangesOid(table);

	/* somebody's own table of that name is not ours to replace */
	if (OidIsValid(TableOid(SchemaOf(table), ChangesRelation(table))) &&
		(!OidIsValid(changes) || get_attnum(changes, "_change_image") == InvalidAttrNumber))
		return false;
	if (!ConditionalLockRelationOid(table, ShareRowExclusiveLock))
		return false;
	GrantExecute("medallion.note_changes()", TableOwner(table));
	AsRole(&saved, TableOwner(table));
	DropTriggers(table);
	CreateChanges(table);
	for (int i = 0; i < lengthof(watched_events); i++)
		SqlExecFormat(NULL, "CREATE TRIGGER _medallion_%s AFTER %s ON %s %s FOR EACH STATEMENT"
					  " EXECUTE FUNCTION medallion.note_changes()", watched_events[i].event,
					  watched_events[i].event, WatchedName(table), watched_events[i].transition);
	EndAs(&saved);
	return true;
}

const char *
WhyNotWatched(Oid table)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = SqlFetch("SELECT c.relkind IN ('r', 'p'), c.relpersistence = 'p', c.relrowsecurity,"
					" to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL,"
					" c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid"
					"  OR (i.inhparent = c.oid AND c.relkind = 'r'))"
					" FROM pg_class c WHERE c.oid = $1", &params);
	if (rows->count == 0 || !RowBool(rows, 0, 1))
		return "is no table";
	if (!RowBool(rows, 0, 2))
		return "is not permanent";
	if (RowBool(rows, 0, 3))
		return "has row security";
	if (RowBool(rows, 0, 5))
		return "is part of an inheritance tree";
	if (RowBool(rows, 0, 4) &&
		SqlFetch("SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid::oid = $1", &params)->count > 0)
		return "is distributed";
	return NULL;
}

bool
MayWatch(const Model *model, Oid table)
{
	SqlParams	params = {0};

	if (has_privs_of_role(model->owner, TableOwner(table)))
		return true;
	ParamText(&params, SchemaOf(table));
	ParamText(&params, get_rel_name(table));
	ParamText(&params, medallion_silver_schema);
	ParamText(&params, medallion_gold_schema);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TableOwner(table)));
	return CatalogFetch("SELECT FROM medallion.features WHERE name = $2 AND $1 = $3 AND owner = $5"
						" UNION ALL SELECT FROM medallion.models WHERE name = $2 AND $1 = $4 AND owner = $5", &params)->count > 0;
}

/* Takes a lock of the feed if that is possible at once. */
static bool
TryLockFeed(Oid table, bool shared)
{
	SqlParams	params = {0};

	ParamInt(&params, FEED_LOCK_CLASS);
	ParamInt(&params, (int32) table);
	return RowBool(SqlFetch(shared ? "SELECT pg_try_advisory_xact_lock_shared($1, $2)" :
							"SELECT pg_try_advisory_xact_lock($1, $2)", &params), 0, 1);
}

/* Oids as oid[]. */
static Datum
OidArray(List *oids)
{
	List	   *texts = NIL;
	SqlParams	params = {0};
	ListCell   *lc;
	bool		isnull;

	foreach(lc, oids)
		texts = lappend(texts, psprintf("%u", lfirst_oid(lc)));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(texts));
	return SqlScalar("SELECT $1::oid[]", &params, &isnull);
}

#define PARTITIONS_OF(table) \
	"ARRAY(SELECT p.relid::oid FROM pg_partition_tree(" table "::oid::regclass) p ORDER BY 1)"

/* A partition that came or went brought or took rows unseen. */
bool
IsSubscribed(const Model *model, List *tables, int64 query_hash)
{
	SqlParams	params = {0};
	ListCell   *lc;

	foreach(lc, tables)
		if (!HasTriggers(lfirst_oid(lc)) || !OidIsValid(ChangesOid(lfirst_oid(lc))))
			return false;
	ParamInt(&params, model->id);
	ParamDatum(&params, OIDARRAYOID, OidArray(tables));
	ParamBigint(&params, query_hash);
	return CatalogBigint("SELECT count(*) FROM unnest($2) t (table_oid) WHERE NOT EXISTS"
						 " (SELECT FROM medallion.model_feeds f WHERE f.model_id = $1"
						 " AND f.table_oid = t.table_oid AND f.query_hash = $3 AND f.partitions = " PARTITIONS_OF("t.table_oid") ")",
						 &params, 1) == 0;
}

/* Notes that the model knows of this table all that is visible now. */
static void
SubscribeOne(const Model *model, Oid table, int64 query_hash)
{
	SqlParams	params = {0};

	ParamInt(&params, model->id);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	ParamBigint(&params, query_hash);
	CatalogExec("INSERT INTO medallion.model_feeds (model_id, table_oid, partitions, query_hash)"
				" VALUES ($1, $2, " PARTITIONS_OF("$2") ", $3)"
				" ON CONFLICT (model_id, table_oid) DO UPDATE SET partitions = EXCLUDED.partitions,"
				" query_hash = EXCLUDED.query_hash", &params);
	CatalogExec("INSERT INTO medallion.batches_taken (model_id, batch_id)"
				" SELECT $1, batch_id FROM medallion.change_batches WHERE table_oid = $2"
				" ON CONFLICT DO NOTHING", &params);
}

bool
Subscribe(const Model *model, List *tables, int64 query_hash)
{
	SqlParams	params = {0};
	ListCell   *lc;

	/* what others commit while we look must not be missed by an older snapshot */
	if (IsolationUsesXactSnapshot())
		return false;
	foreach(lc, tables)
	{
		if (!TryLockFeed(lfirst_oid(lc), true))
			return false;
		if ((!HasTriggers(lfirst_oid(lc)) || !OidIsValid(ChangesOid(lfirst_oid(lc)))) &&
			!StartFeed(lfirst_oid(lc)))
			return false;
	}
	foreach(lc, tables)
		SubscribeOne(model, lfirst_oid(lc), query_hash);
	CatalogExec("DELETE FROM medallion.change_batches b WHERE NOT EXISTS"
				" (SELECT FROM pg_class c WHERE c.oid = b.table_oid)", NULL);
	ParamInt(&params, model->id);
	ParamDatum(&params, OIDARRAYOID, OidArray(tables));
	CatalogExec("DELETE FROM medallion.model_feeds WHERE model_id = $1 AND table_oid <> ALL ($2)", &params);
	return true;
}

/* Forgets changes of a table that all models over it have taken; nobody may
 * subscribe meanwhile. */
static void
ForgetTaken(Oid table)
{
	SqlParams	params = {0};
	SqlParams	ids = {0};
	SqlRows    *rows;
	SavedIdentity saved;
	bool		isnull;

	if (IsolationUsesXactSnapshot() || !TryLockFeed(table, false))
		return;
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = CatalogFetch("WITH gone AS (DELETE FROM medallion.change_batches b WHERE b.table_oid = $1"
						"  AND NOT EXISTS (SELECT FROM medallion.model_feeds f WHERE f.table_oid = $1"
						"   AND NOT EXISTS (SELECT FROM medallion.batches_taken t"
						"    WHERE t.model_id = f.model_id AND t.batch_id = b.batch_id)) RETURNING b.batch_id),"
						" taken AS (DELETE FROM medallion.batches_taken t USING gone g WHERE t.batch_id = g.batch_id)"
						" SELECT array_agg(batch_id) FROM gone HAVING count(*) > 0", &params);
	if (rows->count == 0 || !OidIsValid(ChangesOid(table)))
		return;
	ParamDatum(&ids, INT8ARRAYOID, RowDatum(rows, 0, 1, &isnull));
	AsRole(&saved, TableOwner(table));
	SqlExecFormat(&ids, "DELETE FROM %s WHERE _change_batch = ANY ($1)", ChangesName(table));
	EndAs(&saved);
}

/* Takes away the images of a table's changes, which show rows that are to be
 * forgotten; models that have not taken them are computed in full. */
void
DropImages(Oid table)
{
	SqlParams	params = {0};
	SavedIdentity saved;

	if (!OidIsValid(ChangesOid(table)))
		return;
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	CatalogExec("UPDATE medallion.change_batches SET lost = true WHERE table_oid = $1", &params);
	AsRole(&saved, TableOwner(table));
	SqlExecFormat(NULL, "DELETE FROM %s", ChangesName(table));
	EndAs(&saved);
}

/* Stops watching a table that no model needs, if nobody is in the way. */
static void
StopFeed(Oid table)
{
	SqlParams	params = {0};
	SavedIdentity saved;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	if (!TryLockFeed(table, false) ||
		CatalogBigint("SELECT count(*) FROM medallion.model_feeds WHERE table_oid = $1", &params, 0) > 0 ||
		!ConditionalLockRelationOid(table, AccessExclusiveLock))
		return;
	CatalogExec("DELETE FROM medallion.change_batches WHERE table_oid = $1", &params);
	AsRole(&saved, TableOwner(table));
	DropTriggers(table);
	if (OidIsValid(ChangesOid(table)))
		SqlExecFormat(NULL, "DROP TABLE %s", ChangesName(table));
	EndAs(&saved);
}

void
Unsubscribe(const Model *model)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamInt(&params, model->id);
	rows = CatalogFetch("DELETE FROM medallion.model_feeds WHERE model_id = $1 RETURNING table_oid,"
						" EXISTS (SELECT FROM pg_class WHERE oid = table_oid)", &params);
	if (rows->count == 0)
		return;
	CatalogExec("DELETE FROM medallion.batches_taken WHERE model_id = $1", &params);
	for (uint64 i = 0; i < rows->count; i++)
		if (RowBool(rows, i, 2))
			StopFeed((Oid) RowBigint(rows, i, 1));
}

PendingChanges *
FetchPending(const Model *model, Oid table)
{
	PendingChanges *pending = palloc0(sizeof(PendingChanges));
	SqlParams	params = {0};
	SqlRows    *rows;

	pending->table = table;
	ParamInt(&params, model->id);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = CatalogFetch("SELECT b.batch_id, b.rows, b.lost FROM medallion.change_batches b"
						" WHERE b.table_oid = $2 AND NOT EXISTS (SELECT FROM medallion.batches_taken t"
						"  WHERE t.model_id = $1 AND t.batch_id = b.batch_id) ORDER BY b.batch_id", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		pending->batches = lappend(pending->batches, RowText(rows, i, 1));
		pending->rows += RowBigint(rows, i, 2);
		pending->lost |= RowBool(rows, i, 3);
	}
	return pending;
}

void
TakePending(const Model *model, const PendingChanges *pending)
{
	SqlParams	params = {0};

	if (pending->batches == NIL)
		return;
	ParamInt(&params, model->id);
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(pending->batches));
	CatalogExec("INSERT INTO medallion.batches_taken (model_id, batch_id) SELECT $1, unnest($2)::bigint"
				" ON CONFLICT DO NOTHING", &params);
	ForgetTaken(pending->table);
}

/* Notes a batch of a table. */
static void
AddBatch(int64 batch, Oid table, int64 rows, bool lost)
{
	SqlParams	params = {0};

	ParamBigint(&params, batch);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	ParamBigint(&params, rows);
	ParamBool(&params, lost);
	CatalogExec("INSERT INTO medallion.change_batches (batch_id, table_oid, rows, lost)"
				" VALUES ($1, $2, $3, $4)", &params);
}

/* Copies one side of the statement's rows. */
static void
CopyImages(TriggerData *trigger, Oid table, int64 batch, char image, const char *rows)
{
	SqlParams	params = {0};
	char	   *columns = ColumnsOf(table);

	ParamBigint(&params, batch);
	SqlExecInTrigger(psprintf("INSERT INTO %s (_change_batch, _change_image%s) SELECT $1, '%c'%s FROM %s",
							  ChangesName(table), columns, image, columns, rows), &params, trigger);
}

/* Makes room for columns that came since; false if images cannot be kept. */
static bool
FitChanges(Oid table)
{
	List	   *missing;
	ListCell   *lc;

	if (!OidIsValid(ChangesOid(table)))
		return false;
	if (!CompareColumns(table, ChangesOid(table), &missing))
	{
		CreateChanges(table);
		return false;
	}
	foreach(lc, missing)
	{
		AttrNumber	attno = get_attnum(table, lfirst(lc));
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(table, attno, &type, &typmod, &collation);
		SqlExecFormat(NULL, "ALTER TABLE %s ADD COLUMN %s %s", ChangesName(table),
					  quote_identifier(lfirst(lc)), format_type_with_typemod(type, typmod));
	}
	return true;
}

/* Takes images from whom the table was taken from: who refreshes a model over it was
 * let read them, and would go on to, however long ago the table was closed to it. */
static void
CloseToRevoked(Oid table)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(ChangesOid(table)));
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = SqlFetch("SELECT DISTINCT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1"
					" AND a.grantee <> c.relowner AND NOT has_table_privilege(a.grantee, $2, 'SELECT')", &params);
	for (uint64 i = 0; i < rows->count; i++)
		SqlExecFormat(NULL, "REVOKE ALL ON %s FROM %s", ChangesName(table), RowText(rows, i, 1));
}

/* Notes what a statement did to a watched table. */
static void
NoteStatement(TriggerData *trigger)
{
	Oid			table = RelationGetRelid(trigger->tg_relation);
	int64		old_rows = trigger->tg_oldtable ? tuplestore_tuple_count(trigger->tg_oldtable) : 0;
	int64		new_rows = trigger->tg_newtable ? tuplestore_tuple_count(trigger->tg_newtable) : 0;
	bool		update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	bool		lost = TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event);
	SavedIdentity saved;
	int64		batch;

	if (old_rows + new_rows == 0 && !lost)
		return;
	batch = CatalogBigint("SELECT nextval('medallion.change_batches_batch_id_seq')", NULL, 0);
	AsRole(&saved, trigger->tg_relation->rd_rel->relowner);
	lost |= !FitChanges(table);
	if (!lost)
		CloseToRevoked(table);
	if (!lost && old_rows > 0)
		CopyImages(trigger, table, batch, update ? 'u' : 'd', "_old_rows");
	if (!lost && new_rows > 0)
		CopyImages(trigger, table, batch, update ? 'v' : 'i', "_new_rows");
	EndAs(&saved);
	AddBatch(batch, table, old_rows + new_rows, lost);
}

PG_FUNCTION_INFO_V1(medallion_note_changes);

/* note_changes(): the trigger on tables that models read. */
Datum
medallion_note_changes(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	int			nest_level;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("note_changes() is for the triggers that medallion makes")));
	nest_level = PinSettings();
	NoteStatement(trigger);
	UnpinSettings(nest_level);
	return PointerGetDatum(NULL);	/* as a trigger returns nothing */
}
