/*
 * refresh.c
 *	  Full refresh of a model that no reader sees half done.
 *
 * models.<name> -> gold._new_<name> (unlogged) -> rows that differ -> gold.<name>
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
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "gold/graph.h"
#include "gold/target.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* A function takes at most 100 arguments; wider rows are hashed in parts. */
#define HASH_ARGUMENTS 90

/* medallion.row_hash(...) over columns of q. */
static char *
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

/* Inserts the rows whose hash the table has not; where it has it, after
 * DeleteOldRows(), it has it as often. */
static int64
InsertNewRows(const char *target, const char *staging, List *columns, int64 run_id)
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
						 " SELECT %s$1, $2, _row_hash FROM %s s"
						 " WHERE NOT EXISTS (SELECT FROM %s t WHERE t._row_hash = s._row_hash)",
						 target, names.data, names.data, staging, target);
}

/* Computes the query and writes what differs; run as the model's owner. */
static void
FillTable(const Model *model, int64 run_id, RefreshResult *result)
{
	char	   *target = TargetName(model);
	char	   *staging = QualifiedName(medallion_gold_schema,
										psprintf("%s%s", SCRATCH_PREFIX, model->name));
	List	   *columns = ColumnNames(ViewOid(model));

	result->rows_total = SqlExecFormat(NULL, "CREATE UNLOGGED TABLE %s AS"
									   " SELECT q.*, %s AS _row_hash FROM %s q",
									   staging, HashExpression(columns), ViewName(model));
	SqlExecFormat(NULL, "ANALYZE %s (_row_hash)", staging);
	result->rows_deleted = DeleteOldRows(target, staging);
	result->rows_inserted = InsertNewRows(target, staging, columns, run_id);
	SqlExecFormat(NULL, "DROP TABLE %s", staging);
	if (result->rows_inserted + result->rows_deleted > result->rows_total / 10)
		SqlExecFormat(NULL, "ANALYZE %s", target);
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

/*
 * Brings a model up to date.  The settings are pinned twice, so that what the
 * query's functions may do to them has no way into statements on the catalog.
 */
void
RefreshModel(const Model *model, int64 run_id, RefreshResult *result)
{
	SavedIdentity saved;
	int			nest_level = PinSettings();
	int			inner_level;

	memset(result, 0, sizeof(RefreshResult));
	LockModel(model->name);
	if (!model->is_view)
		RecordInputs(model);	/* before the query reads them */

	inner_level = PinSettings();
	AsRole(&saved, model->owner);
	RestoreModel(model);
	if (!model->is_view)
	{
		MatchTable(model, true);
		CheckContractTypes(model->contract, model->contract_exact, TargetOid(model));
		FillTable(model, run_id, result);
	}
	EndAs(&saved);
	UnpinSettings(inner_level);

	if (!model->is_view)
		MarkRefreshed(model, run_id, result->rows_inserted + result->rows_deleted > 0);
	UnpinSettings(nest_level);
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

/* Notes when the run ended. */
static void
FinishRun(int64 run_id)
{
	SqlParams	params = {0};

	ParamBigint(&params, run_id);
	CatalogExec("UPDATE medallion.runs SET finished_at = clock_timestamp() WHERE run_id = $1",
				&params);
}

PG_FUNCTION_INFO_V1(medallion_refresh_model);

/* refresh_model(name): refreshes this one model, whether it is stale or not. */
Datum
medallion_refresh_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			nest_level = PinSettings();
	Model	   *model;
	RefreshResult result;
	int64		run_id;

	FindOwnModel(name);			/* may we? */
	model = ModelInOrder(name);
	run_id = StartRun(name);
	RefreshModel(model, run_id, &result);
	FinishRun(run_id);
	UnpinSettings(nest_level);
	PG_RETURN_INT64(result.rows_inserted + result.rows_deleted);
}
