/*
 * refresh.c
 *	  Refresh of a model that no reader sees half done.
 *
 * models.<name> -> gold._new_<name> (unlogged) -> rows that differ -> gold.<name>
 *
 * Where the changes of the inputs are known and can be traced, only what they
 * touch is computed (partial.c); otherwise all is, as told here.
 *
 * The query runs once, into a staging table.  Rows are the same when their
 * _row_hash is; a hash that old and new result have equally often stays
 * untouched, all other rows are deleted and inserted.  It is plain DML in one
 * transaction: readers see the old rows until it commits, old snapshots see
 * them for as long as they live, and what is written follows what changed.
 */
#include "base/compat.h"

#include "gold/model.h"

#include "base/contract.h"
#include "base/feature.h"
#include "base/options.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "gold/declare.h"
#include "gold/graph.h"
#include "gold/partial.h"
#include "gold/target.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* A function takes at most 100 arguments; wider rows are hashed in parts. */
#define HASH_ARGUMENTS 90

/* So often a part is computed while its inputs change; what is computed in full is of one moment. */
#define MAX_ROUNDS 5

char *
HashExpression(List *columns)
{
	bool		in_parts = list_length(columns) > HASH_ARGUMENTS;
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	appendStringInfoString(&text, in_parts ? "medallion.row_hash(medallion.row_hash(" : "medallion.row_hash(");
	foreach(lc, columns)
	{
		int			i = foreach_current_index(lc);

		if (i > 0)
			appendStringInfoString(&text, i % HASH_ARGUMENTS == 0 ? "), medallion.row_hash(" : ", ");
		appendStringInfo(&text, "q.%s", quote_identifier(lfirst(lc)));
	}
	appendStringInfoString(&text, in_parts ? "))" : ")");
	return text.data;
}

/* Deletes the rows whose hash the new result has not, or not as often. */
static int64
DeleteOldRows(const char *target, const char *staging)
{
	return SqlExecFormat(NULL,
						 "DELETE FROM %s t USING ("
						 " SELECT o._row_hash"
						 " FROM (SELECT _row_hash, count(*) AS n FROM %s GROUP BY 1) o"
						 " LEFT JOIN (SELECT _row_hash, count(*) AS n FROM %s GROUP BY 1) s"
						 " ON s._row_hash = o._row_hash"
						 " WHERE s.n IS DISTINCT FROM o.n) gone"
						 " WHERE t._row_hash = gone._row_hash", target, target, staging);
}

/* Inserts the rows, or those whose hash the table has not; where it has it,
 * after old rows were deleted, it has it as often. */
static int64
InsertNewRows(const char *target, const char *staging, List *columns, int64 run_id, bool all)
{
	SqlParams	params = {0};
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, columns)
		appendStringInfo(&names, "%s, ", quote_identifier(lfirst(lc)));
	ParamBigint(&params, run_id);
	ParamTime(&params, GetCurrentTimestamp());
	return SqlExecFormat(&params,
						 "INSERT INTO %s (%s_run_id, _loaded_at, _row_hash)"
						 " SELECT %s$1, $2, _row_hash FROM %s s%s", target, names.data, names.data, staging,
						 all ? "" :
						 psprintf(" WHERE NOT EXISTS (SELECT FROM %s t WHERE t._row_hash = s._row_hash)", target));
}

/* The table that holds a result until it is written. */
static char *
StagingName(const Model *model)
{
	return QualifiedName(medallion_gold_schema, psprintf("%s%s", SCRATCH_PREFIX, model->name));
}

/* Has anything changed that the model, which has just read all there is, did not take before it read? */
static bool
HasPending(const Model *model, const RefreshPlan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->tables)
		if (FetchPending(model, lfirst_oid(lc))->batches != NIL)
			return true;
	return false;
}

/*
 * Computes all of the query into the staging table; as the model's owner.  Where
 * the groups can follow what changes, by way of their sums, which are kept unless
 * they may have in them what is to be taken yet.
 */
static void
StageAll(const Model *model, RefreshPlan *plan, RefreshResult *result)
{
	const char *rows = ViewName(model);

	DropSums(model);
	plan->sums = plan->watched && HasRoomForSums(model) ? PlanSums(model, plan->groups) : NULL;
	if (plan->sums != NULL)
	{
		MakeSums(plan->sums);
		rows = psprintf("(%s)", RowsOfSums(plan->sums));
	}
	result->rows_total = SqlExecFormat(NULL, "CREATE UNLOGGED TABLE %s AS"
									   " SELECT q.*, %s AS _row_hash FROM %s q",
									   StagingName(model), HashExpression(ColumnNames(ViewOid(model))), rows);
	if (plan->sums != NULL && HasPending(model, plan))
		DropSums(model);
}

/* Fills the staging table in the planned way, or, where that proves to be too
 * much, in full; as the model's owner. */
static void
FillStaging(const Model *model, RefreshPlan *plan, RefreshResult *result)
{
	for (int round = 1; plan->way != WAY_FULL; round++)
	{
		if (!StagePart(model, plan, StagingName(model), result))
		{
			plan->way = WAY_FULL;
			plan->why = "keys have too many different sets of NULLs";
		}
		else if (!ChangedMeanwhile(model, plan))
			break;
		else
		{
			SqlExecFormat(NULL, "DROP TABLE %s", StagingName(model));
			if (round == MAX_ROUNDS && plan->way != WAY_FULL)
			{
				plan->way = WAY_FULL;
				plan->why = "its inputs changed again each time it was computed";
			}
		}
	}
	if (plan->way == WAY_FULL)
		StageAll(model, plan, result);
	SqlExecFormat(NULL, "ANALYZE %s (_row_hash)", StagingName(model));
}

/* Writes what differs. */
static void
WriteDifferences(const Model *model, const RefreshPlan *plan, int64 run_id, RefreshResult *result)
{
	SavedIdentity saved;
	const char *target = TargetName(model);
	bool		append = model->refresh == REFRESH_APPEND;

	AsModelOwner(&saved, model);
	if (plan->way == WAY_GROUPS)
		result->rows_deleted = DeleteTouchedRows(model, plan, StagingName(model));
	else if (!append)
		result->rows_deleted = DeleteOldRows(target, StagingName(model));
	result->rows_inserted = InsertNewRows(target, StagingName(model), ColumnNames(ViewOid(model)), run_id,
										  plan->way == WAY_APPEND);
	CheckForeignKeys(model);
	EndAs(&saved);
}

/* Drops what the refresh needed; as the model's owner. */
static void
FinishTable(const Model *model, const RefreshPlan *plan, const RefreshResult *result)
{
	SqlExecFormat(NULL, "DROP TABLE %s", StagingName(model));
	KeepPart(model, plan);
	ForgetPart(model);
	if (plan->way == WAY_FULL && result->rows_inserted + result->rows_deleted > result->rows_total / 10)
		SqlExecFormat(NULL, "ANALYZE %s", TargetName(model));
}

/* What judge_checks() tells of a check, as columns. */
enum
{
	CHECK_NAME = 1, CHECK_KIND, CHECK_COLUMN, CHECK_STATUS, CHECK_RECORDS, CHECK_AFFECTED, CHECK_DETAILS, CHECK_FAILS, CHECK_SAMPLES
};

/* The row of the first check that fails the refresh; -1 if there is none. */
static int64
FailingRow(const SqlRows *checks)
{
	for (uint64 i = 0; checks != NULL && i < checks->count; i++)
	{
		if (RowBool(checks, i, CHECK_FAILS))
			return i;
	}
	return -1;
}

bool
FailedByCheck(const RefreshResult *result)
{
	return FailingRow(result->checks) >= 0;
}

void
LogModelChecks(const Model *model, int64 run_id, const RefreshResult *result)
{
	const int	columns[] = {CHECK_KIND, CHECK_COLUMN, CHECK_STATUS, CHECK_AFFECTED, CHECK_NAME, CHECK_RECORDS, CHECK_DETAILS};

	for (uint64 i = 0; result->checks != NULL && i < result->checks->count; i++)
	{
		SqlParams	params = {0};

		ParamBigint(&params, run_id);
		ParamText(&params, TargetName(model));
		for (int column = 0; column < lengthof(columns); column++)
			ParamText(&params, RowText(result->checks, i, columns[column]));
		CatalogExec("INSERT INTO etl_logs.data_quality_checks (run_id, layer, table_name, check_type, column_name,"
					" check_status, records_affected, check_details)"
					" VALUES ($1, 'gold', $2, $3, $4, $5, $6::bigint,"
					" jsonb_build_object('name', $7, 'records_checked', $8::bigint) || CASE WHEN current_setting('medallion.log_values')::bool"
					" THEN coalesce($9::jsonb, '{}') ELSE coalesce($9::jsonb, '{}') - 'samples' END)", &params);
	}
}

/* Raises as run_checks() does. */
static void
RaiseFailingRow(const SqlRows *checks, int64 row)
{
	char	   *name = RowText(checks, row, CHECK_NAME);

	if (RowIsNull(checks, row, CHECK_SAMPLES))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("check \"%s\" failed", name),
				 errdetail("%s", RowText(checks, row, CHECK_DETAILS))));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("check \"%s\" failed for " INT64_FORMAT " of " INT64_FORMAT " rows",
					name, RowBigint(checks, row, CHECK_AFFECTED), RowBigint(checks, row, CHECK_RECORDS)),
			 errdetail("First of them: %s", RowText(checks, row, CHECK_SAMPLES))));
}

/*
 * Judges the new rows, which nobody else sees yet; a check that fails the
 * model raises, and with its transaction, or the run's step, they are gone.
 */
static void
JudgeModel(const Model *model, int64 run_id, RefreshResult *result)
{
	SavedIdentity saved;
	SqlParams	params = {0};
	int64		failing;

	if (model->checks == NULL)
		return;
	ParamDatum(&params, REGCLASSOID, ObjectIdGetDatum(TargetOid(model)));
	ParamJsonb(&params, model->checks);
	GrantExecute("medallion.judge_checks(regclass, jsonb)", model->owner);
	AsModelOwner(&saved, model);
	result->checks = SqlFetch("SELECT *, details->'samples' FROM medallion.judge_checks($1, $2)", &params);
	EndAs(&saved);
	failing = FailingRow(result->checks);
	if (failing >= 0)
		RaiseFailingRow(result->checks, failing);
	LogModelChecks(model, run_id, result);
}

/* Notes the refresh, and whether it changed anything. */
static void
MarkRefreshed(const Model *model, int64 run_id, bool changed)
{
	SqlParams	params = {0};

	ParamInt(&params, model->id);
	ParamBigint(&params, run_id);
	ParamBool(&params, changed);
	CatalogExec("UPDATE medallion.models SET refreshed_run_id = $2,"
				" changed_run_id = CASE WHEN $3 THEN $2 ELSE changed_run_id END"
				" WHERE model_id = $1", &params);
}

/* Makes the table fit, and decides how to refresh it, unless that is decided;
 * as the model's owner. */
static RefreshPlan *
PrepareTable(const Model *model, RefreshMode mode, RefreshPlan *plan)
{
	RestoreModel(model);
	if (model->is_view)
		return NULL;
	if (plan == NULL)
		plan = PlanRefresh(model, mode);
	if (plan->way != WAY_NOTHING)
		MatchTable(model, true);
	if (plan->way != WAY_NOTHING || model->foreign_keys != NIL)
		DeclareTarget(model);
	return plan;
}

/* A column or table that was renamed has its new name in the view: in the
 * catalog it gets it here. */
static void
RenewQuery(const Model *model, const RefreshPlan *plan)
{
	SqlParams	params = {0};

	if (strcmp(plan->query, model->query) == 0)
		return;
	ParamInt(&params, model->id);
	ParamText(&params, plan->query);
	CatalogExec("UPDATE medallion.models SET query = $2 WHERE model_id = $1", &params);
}

/* From now on changes of the inputs are noted, or no longer. */
static void
WatchInputs(const Model *model, RefreshPlan *plan)
{
	if (plan->way != WAY_FULL)
		return;
	if (plan->tables == NIL)
		Unsubscribe(model);
	else
		plan->watched = Subscribe(model, plan->tables, plan->groups->query_hash);
}

/* Computes and writes; as whom each step needs. */
static void
RefreshTable(const Model *model, RefreshPlan *plan, int64 run_id, RefreshResult *result)
{
	SavedIdentity saved;
	int			nest_level = PinSettings();
	ListCell   *lc;

	RenewQuery(model, plan);
	WatchInputs(model, plan);
	AsModelOwner(&saved, model);
	FillStaging(model, plan, result);
	if (plan->tables != NIL)
		DeclareGroupIndex(model, plan->groups);
	EndAs(&saved);
	UnpinSettings(nest_level);

	nest_level = PinSettings();
	WriteDifferences(model, plan, run_id, result);
	JudgeModel(model, run_id, result);
	AsModelOwner(&saved, model);
	FinishTable(model, plan, result);
	EndAs(&saved);
	UnpinSettings(nest_level);
	foreach(lc, plan->changes)
		TakePending(model, lfirst(lc));
}

/*
 * Brings a model up to date.  The settings are pinned twice, so that what the
 * query's functions may do to them has no way into statements on the catalog.
 */
static void
RefreshAsPlanned(const Model *model, RefreshMode mode, RefreshPlan *plan, int64 run_id, RefreshResult *result)
{
	static const char *const ways[] = {"full", "incremental", "append", "unchanged"};	/* as RefreshWay */
	SavedIdentity saved;
	int			nest_level = PinSettings();
	int			inner_level;

	memset(result, 0, sizeof(RefreshResult));
	LockModel(model->name);
	inner_level = PinSettings();
	AsModelOwner(&saved, model);
	plan = PrepareTable(model, mode, plan);
	if (!model->is_view)
		CheckContractTypes(model->contract, model->contract_exact, TargetOid(model));
	EndAs(&saved);
	UnpinSettings(inner_level);

	if (!model->is_view)
	{
		/* before the query reads them */
		if (plan->way == WAY_FULL && model->in_graph)
			RecordInputs(model);
		else
			RenewInputs(model);
		if (plan->way != WAY_NOTHING)
			RefreshTable(model, plan, run_id, result);
		MarkRefreshed(model, run_id, result->rows_inserted + result->rows_deleted > 0);
		result->way = ways[plan->way];
		result->why = plan->why;
	}
	UnpinSettings(nest_level);
}

void
RefreshModel(const Model *model, RefreshMode mode, int64 run_id, RefreshResult *result)
{
	RefreshAsPlanned(model, mode, NULL, run_id, result);
}

/* The model of this name, with its inputs. */
static Model *
ModelInOrder(const char *name)
{
	ListCell   *lc;

	foreach(lc, LoadModelsInOrder())
		if (strcmp(((Model *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return FindOwnModel(name);	/* raises, with a hint */
}

/* A run of its own for a refresh by hand. */
static int64
StartRun(const char *name)
{
	SqlParams	params = {0};

	ParamText(&params, name);
	return CatalogBigint("INSERT INTO medallion.runs (status, options)"
						 " VALUES ('COMPLETED', jsonb_build_object('model', $1))"
						 " RETURNING run_id", &params, 0);
}

/* Notes when the run ended, and what it came to. */
static void
FinishRun(int64 run_id, const RefreshResult *result)
{
	SqlParams	params = {0};

	ParamBigint(&params, run_id);
	ParamText(&params, result->way);
	ParamText(&params, result->why);
	CatalogExec("UPDATE medallion.runs SET finished_at = clock_timestamp(), options = options ||"
				" jsonb_strip_nulls(jsonb_build_object('refresh', $2, 'reason', $3)) WHERE run_id = $1",
				&params);
}

/*
 * How to refresh the model, if it is there and all changes are known that it
 * has not taken: then nobody needs to know its place in the graph.  Else NULL.
 * The model is locked for it, so that no other refresh takes these changes.
 */
static RefreshPlan *
PlanKnownChanges(const Model *model)
{
	SavedIdentity saved;
	RefreshPlan *plan;

	LockModel(model->name);
	if (model->is_view || !OidIsValid(ViewOid(model)) || !OidIsValid(TargetOid(model)))
		return NULL;
	AsModelOwner(&saved, model);
	plan = PlanRefresh(model, model->refresh);
	EndAs(&saved);
	return plan->way == WAY_FULL ? NULL : plan;
}

PG_FUNCTION_INFO_V1(medallion_refresh_model);

/* refresh_model(name, refresh): refreshes this one model, whether it is stale
 * or not; in its own way, or in full. */
Datum
medallion_refresh_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *refresh = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			nest_level = PinSettings();
	bool		full = strcmp(refresh, "full") == 0;
	Model	   *model;
	RefreshPlan *plan;
	RefreshResult result;
	int64		run_id;

	if (strcmp(refresh, "auto") != 0 && !full)
		RaiseUnknownName("way of refreshing", refresh, list_make2("auto", "full"));

	model = FindOwnModel(name);	/* may we? */
	run_id = StartRun(name);
	plan = full ? NULL : PlanKnownChanges(model);
	if (plan == NULL)
		model = ModelInOrder(name);
	RefreshAsPlanned(model, full ? REFRESH_FULL : model->refresh, plan, run_id, &result);
	FinishRun(run_id, &result);
	UnpinSettings(nest_level);
	PG_RETURN_INT64(result.rows_inserted + result.rows_deleted);
}
