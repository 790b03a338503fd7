/*
 * partial.c
 *	  Refresh of what changed.
 *
 *	  changes not taken yet -> keys they touch (gold._hit_<name>) -> the model's
 *	  query for these keys (gold._new_<name>) -> differences, among rows of these
 *	  keys -> gold.<name>
 */
#include "base/compat.h"

#include "gold/partial.h"

#include "access/table.h"
#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "gold/probe.h"
#include "gold/target.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define HIT_PREFIX "_hit_"		/* table of touched keys, while a refresh lasts */
#define MAX_PATTERNS 16			/* different sets of NULL columns among touched keys */
#define WORTH_SHARE 0.3			/* of the rows of the tables; with more changes, all is computed */

static char *
HitName(const Model *model)
{
	return QualifiedName(medallion_gold_schema, psprintf(HIT_PREFIX "%s", model->name));
}

char *
WhyNotAsked(const Model *model, const GroupPlan *groups)
{
	if (model->refresh == REFRESH_INCREMENTAL)
		return groups->why_full;
	if (model->refresh == REFRESH_APPEND)
		return groups->why_not_append;
	return NULL;
}

/* Was the model ever computed from this query? */
static bool
WasRefreshed(const Model *model)
{
	SqlParams	params = {0};

	ParamInt(&params, model->id);
	return CatalogBigint("SELECT count(refreshed_run_id) FROM medallion.models WHERE model_id = $1", &params, 0) > 0;
}

/* Rows of a table, as far as the server knows. */
static double
RowsOf(Oid table)
{
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	return SqlBigint("SELECT sum(greatest(c.reltuples, 0))::bigint FROM pg_class c WHERE c.oid = $1 AND c.relkind = 'r'"
					 " OR c.oid IN (SELECT p.relid FROM pg_partition_tree($1::regclass) p WHERE p.isleaf)", &params, 0);
}

/* Is so much changed that computing all is less work? */
static bool
IsTooMuch(const RefreshPlan *plan)
{
	double		changed = 0;
	double		rows = 0;
	ListCell   *lc;

	foreach(lc, plan->changes)
	{
		changed += ((PendingChanges *) lfirst(lc))->rows;
		rows += RowsOf(((PendingChanges *) lfirst(lc))->table);
	}
	return changed > rows * WORTH_SHARE;
}

/* Fetches what changed; false: not all of it can be traced. */
static bool
FetchChanges(const Model *model, RefreshPlan *plan, bool append)
{
	ListCell   *lc;

	foreach(lc, plan->tables)
	{
		PendingChanges *pending = FetchPending(model, lfirst_oid(lc));

		if (pending->batches == NIL)
			continue;
		plan->changes = lappend(plan->changes, pending);
		if (pending->lost)
			plan->why = psprintf("changes of %s are not known", get_rel_name(pending->table));
		else if (!append && WhyWhole(plan->groups, pending->table) != NULL)
			plan->why = psprintf("changes of %s cannot be traced to keys: %s", get_rel_name(pending->table),
								 WhyWhole(plan->groups, pending->table));
	}
	return plan->why == NULL;
}

/* Which tables have to be watched for a way of refreshing. */
static List *
TablesToWatch(const GroupPlan *groups, bool append)
{
	return append ? list_make1_oid(FirstTable(groups)) : WatchedTables(groups);
}

RefreshPlan *
PlanRefresh(const Model *model, RefreshMode mode)
{
	RefreshPlan *plan = palloc0(sizeof(RefreshPlan));
	bool		append = model->refresh == REFRESH_APPEND;

	plan->way = WAY_FULL;
	plan->query = ViewDefinition(ViewOid(model));
	if (model->refresh == REFRESH_FULL)
	{
		plan->why = "the model's options say so";
		return plan;
	}
	plan->groups = PlanGroups(model, plan->query);
	plan->why = append ? plan->groups->why_not_append : plan->groups->why_full;
	if (plan->why != NULL)
		return plan;
	plan->tables = TablesToWatch(plan->groups, append);
	if (mode == REFRESH_FULL)
		plan->why = "it was asked for";
	else if (!WasRefreshed(model))
		plan->why = "it is the first time";
	else if (!IsSubscribed(model, plan->tables, plan->groups->query_hash))
		plan->why = "changes since the last time are not known";
	else if (FetchChanges(model, plan, append))
	{
		if (plan->changes == NIL)
			plan->way = WAY_NOTHING;
		else if (mode == REFRESH_AUTO && IsTooMuch(plan))
			plan->why = "much has changed";
		else
			plan->way = append ? WAY_APPEND : WAY_GROUPS;
	}
	if (plan->way == WAY_GROUPS && HasSums(model))
		plan->sums = PlanSums(model, plan->groups);
	return plan;
}

/* Lets the model's owner read images of rows whose table it may read. */
static void
GrantImages(const Model *model, List *changes)
{
	ListCell   *lc;

	foreach(lc, changes)
	{
		Oid			table = ((PendingChanges *) lfirst(lc))->table;
		SavedIdentity saved;
		Relation	rel;
		Oid			owner;
		SqlParams	params = {0};

		if (pg_class_aclcheck(ChangesOid(table), model->owner, ACL_SELECT) == ACLCHECK_OK)
			continue;
		rel = table_open(table, AccessShareLock);
		owner = rel->rd_rel->relowner;
		table_close(rel, AccessShareLock);
		AsRole(&saved, owner);
		ParamDatum(&params, REGROLEOID, ObjectIdGetDatum(model->owner));
		SqlExecFormat(NULL, "GRANT SELECT ON %s TO %s", ChangesName(table),
					  RowText(SqlFetch("SELECT $1", &params), 0, 1));
		EndAs(&saved);
	}
}

/* The sets of NULL columns among touched keys, as bits (List of int); as many
 * as may be, and one more. */
static List *
FetchPatterns(const Model *model, const RefreshPlan *plan)
{
	StringInfoData bits;
	List	   *patterns = NIL;
	SqlRows    *rows;

	initStringInfo(&bits);
	for (int i = 0; i < list_length(plan->groups->top->keys); i++)
		appendStringInfo(&bits, "%sCASE WHEN k%d IS NULL THEN %u ELSE 0 END", i > 0 ? " + " : "", i + 1, 1u << i);
	rows = SqlFetch(psprintf("SELECT DISTINCT %s FROM %s LIMIT %d", bits.data, HitName(model), MAX_PATTERNS + 1), NULL);
	for (uint64 i = 0; i < rows->count; i++)
		patterns = lappend_int(patterns, RowInt(rows, i, 1));
	return patterns;
}

/* Finds the touched keys, and where sums are kept what is done to these; sums that do
 * not tell all are of no use any more. */
static void
StageKeys(const Model *model, RefreshPlan *plan)
{
	if (plan->sums != NULL)
	{
		if (StageSumChanges(plan->sums, linitial(plan->changes), HitName(model)))
			return;
		plan->sums = NULL;
		ForgetPart(model);
	}
	SqlExecFormat(NULL, "CREATE UNLOGGED TABLE %s AS\n%s", HitName(model),
				  AffectedKeysQuery(plan->groups, plan->changes));
	SqlExecFormat(NULL, "ANALYZE %s", HitName(model));
}

/* SELECT of the model's rows that a way asks for. */
static char *
PartQuery(const Model *model, const RefreshPlan *plan, List *patterns)
{
	StringInfoData sql;
	ListCell   *lc;

	if (plan->way == WAY_APPEND)
		return AppendedQuery(plan->groups, linitial(plan->changes));
	if (plan->sums != NULL)
		return RowsOfSumChanges(plan->sums, HitName(model));
	if (patterns == NIL)
		return psprintf("SELECT * FROM %s WHERE false", ViewName(model));
	initStringInfo(&sql);
	foreach(lc, patterns)
		appendStringInfo(&sql, "%s(%s)", foreach_current_index(lc) > 0 ? "\nUNION ALL\n" : "",
						 RestrictedQuery(plan->groups, HitName(model), lfirst_int(lc)));
	return sql.data;
}

bool
StagePart(const Model *model, RefreshPlan *plan, const char *staging, RefreshResult *result)
{
	List	   *patterns = NIL;

	GrantImages(model, plan->changes);
	if (plan->way == WAY_GROUPS)
	{
		StageKeys(model, plan);
		patterns = FetchPatterns(model, plan);
		if (list_length(patterns) > MAX_PATTERNS)
		{
			ForgetPart(model);
			return false;
		}
	}
	result->rows_total = SqlExecFormat(NULL, "CREATE UNLOGGED TABLE %s AS SELECT q.*, %s AS _row_hash FROM (%s) q",
									   staging, HashExpression(ColumnNames(ViewOid(model))),
									   PartQuery(model, plan, patterns));
	return true;
}

/* Statements of how many changes there are to take. */
static int
CountBatches(List *changes)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, changes)
		count += list_length(((PendingChanges *) lfirst(lc))->batches);
	return count;
}

/* Is nothing read but images that are there already, and so nothing of a later moment? */
static bool
ReadsOnlyImages(const RefreshPlan *plan)
{
	return plan->way == WAY_APPEND || (plan->sums != NULL && !CountsValues(plan->sums));
}

bool
ChangedMeanwhile(const Model *model, RefreshPlan *plan)
{
	int			before = CountBatches(plan->changes);
	List	   *changes = plan->changes;

	if (ReadsOnlyImages(plan))
		return false;
	plan->changes = NIL;
	if (!FetchChanges(model, plan, false))
		plan->way = WAY_FULL;
	else if (CountBatches(plan->changes) == before)
	{
		plan->changes = changes;
		return false;
	}
	ForgetPart(model);
	return true;
}

int64
DeleteTouchedRows(const Model *model, const RefreshPlan *plan, const char *staging)
{
	List	   *patterns = FetchPatterns(model, plan);
	StringInfoData old;
	ListCell   *lc;

	if (patterns == NIL)
		return 0;
	initStringInfo(&old);
	foreach(lc, patterns)
		appendStringInfo(&old, "%sSELECT o._row_hash FROM %s o JOIN %s k ON %s",
						 foreach_current_index(lc) > 0 ? " UNION ALL " : "", TargetName(model), HitName(model),
						 KeyCondition(plan->groups, "o", lfirst_int(lc)));
	return SqlExecFormat(NULL, "DELETE FROM %s t USING ("
						 " SELECT o._row_hash FROM (SELECT _row_hash, count(*) AS n FROM (%s) a GROUP BY 1) o"
						 " LEFT JOIN (SELECT _row_hash, count(*) AS n FROM %s GROUP BY 1) s"
						 " ON s._row_hash = o._row_hash WHERE s.n IS DISTINCT FROM o.n) gone"
						 " WHERE t._row_hash = gone._row_hash", TargetName(model), old.data, staging);
}

void
KeepPart(const Model *model, const RefreshPlan *plan)
{
	if (plan->way == WAY_GROUPS && plan->sums != NULL)
		ApplySumChanges(plan->sums, HitName(model));
	else if (plan->way == WAY_GROUPS || plan->way == WAY_APPEND)
		DropSums(model);
}

void
ForgetPart(const Model *model)
{
	if (OidIsValid(TableOid(medallion_gold_schema, psprintf(HIT_PREFIX "%s", model->name))))
		SqlExecFormat(NULL, "DROP TABLE %s", HitName(model));
}
