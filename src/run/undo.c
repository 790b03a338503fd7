/*
 * undo.c
 *	  medallion.undo_run(): the three layers as if a run had found nothing.
 *
 *	  lock the features -> ledger without the run (bronze/withdraw.c)
 *	      -> a run of silver and gold that takes the difference in
 */
#include "base/compat.h"

#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "bronze/withdraw.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(medallion_undo_run);

/* One call of undo_run(). */
typedef struct Undo
{
	int64		run_id;
	bool		reload;
	TimestampTz started_at;
	List	   *features;		/* names (char *) of those of which the run found something */
	List	   *outcomes;		/* Withdrawal *, beside them */
} Undo;

/* {"reload": true} */
static void
ParseUndoOptions(Undo *undo, Jsonb *options)
{
	List	   *names;
	List	   *values;
	ListCell   *lc;
	SqlParams	params = {0};
	SqlRows    *rows;

	JsonbObjectItems(options, &names, &values);
	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), "reload") != 0)
			RaiseUnknownName("option of undo_run()", lfirst(lc), list_make1("reload"));
	}
	ParamJsonb(&params, options);
	rows = SqlFetch("SELECT coalesce(($1->'reload')::boolean, false)", &params);
	undo->reload = RowBool(rows, 0, 1);
}

/* Raises unless the run is there, over, and not undone yet. */
static void
CheckRun(const Undo *undo)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamBigint(&params, undo->run_id);
	rows = CatalogFetch("SELECT undone_by FROM medallion.runs WHERE run_id = $1", &params);
	if (rows->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no run " INT64_FORMAT, undo->run_id),
				 errhint("medallion.history lists the runs.")));
	if (!RowIsNull(rows, 0, 1) && !undo->reload)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("run " INT64_FORMAT " is undone already, by run " INT64_FORMAT, undo->run_id,
						RowBigint(rows, 0, 1)),
				 errhint("To load its files again, call undo_run() with {\"reload\": true} and run the pipeline.")));
}

/* The features of which the run found something, each under its lock. */
static List *
LockConcerned(const Undo *undo)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *names = NIL;
	ListCell   *lc;

	ParamBigint(&params, undo->run_id);
	rows = CatalogFetch("SELECT f.name FROM medallion.features f WHERE EXISTS (SELECT FROM medallion.file_versions v"
						" WHERE v.feature_id = f.feature_id AND v.seen_run_id = $1) ORDER BY f.feature_id", &params);
	for (uint64 i = 0; i < rows->count; i++)
		names = lappend(names, RowText(rows, i, 1));
	if (names == NIL)
		return NIL;
	foreach(lc, LoadFeatures(names))
	{
		Feature    *feature = lfirst(lc);

		CheckMayRun(feature->owner, "feature", feature->name);
		LockFeature(feature->id, true);
	}
	return LoadFeatures(names);
}

/* What was withdrawn before may be loaded again. */
static void
AcceptWithdrawn(const Undo *undo)
{
	SqlParams	params = {0};

	ParamBigint(&params, undo->run_id);
	CatalogExec("UPDATE medallion.file_versions SET read_again = watermark IS NOT NULL, refused = false"
				" WHERE seen_run_id = $1 AND refused", &params);
}

/* What checks measured in the run is no past of what comes next. */
static void
ForgetMeasurements(const Undo *undo, const Feature *feature)
{
	SqlParams	params = {0};

	ParamBigint(&params, undo->run_id);
	ParamText(&params, QualifiedName(medallion_silver_schema, feature->name));
	CatalogExec("DELETE FROM medallion.measurements WHERE run_id = $1 AND table_name = $2", &params);
}

/* Withdraws what the run found, feature by feature. */
static void
WithdrawFeatures(Undo *undo)
{
	List	   *features = LockConcerned(undo);
	ListCell   *lc;

	CheckRun(undo);
	if (undo->reload)
		AcceptWithdrawn(undo);
	foreach(lc, features)
	{
		Feature    *feature = lfirst(lc);
		Withdrawal *outcome = palloc(sizeof(Withdrawal));

		WithdrawRun(feature, undo->run_id, undo->reload, outcome);
		if (outcome->withdrawn == 0)
			continue;
		ForgetMeasurements(undo, feature);
		undo->features = lappend(undo->features, feature->name);
		undo->outcomes = lappend(undo->outcomes, outcome);
	}
}

/* Brings silver and gold up to the ledger, by a run of its own. */
static SqlRows *
RunLayers(const Undo *undo)
{
	SqlParams	params = {0};

	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(undo->features));
	return SqlFetch("SELECT * FROM medallion.run_pipeline($1, '{silver,gold}', '{\"on_error\": \"raise\"}')", &params);
}

/* Notes in the logs what was done, as rows of the run that did it. */
static void
LogUndo(const Undo *undo, int64 by)
{
	SqlParams	params = {0};
	ListCell   *fc;
	ListCell   *oc;

	ParamBigint(&params, undo->run_id);
	ParamBigint(&params, by);
	CatalogExec("UPDATE medallion.runs SET undone_by = $2 WHERE run_id = $1", &params);
	CatalogExec("UPDATE medallion.runs SET options = options || jsonb_build_object('undo', $1) WHERE run_id = $2", &params);
	forboth(fc, undo->features, oc, undo->outcomes)
	{
		Withdrawal *outcome = lfirst(oc);

		params.count = 2;
		ParamText(&params, lfirst(fc));
		ParamInt(&params, outcome->withdrawn);
		ParamInt(&params, outcome->revived);
		ParamTime(&params, undo->started_at);
		CatalogExec("INSERT INTO etl_logs.pipeline_runs (run_id, layer, feature_name, started_at, completed_at, status,"
					" files_processed, execution_metadata) VALUES ($2, 'bronze', $3, $6, clock_timestamp(), 'COMPLETED',"
					" $4, jsonb_build_object('undone_run', $1, 'withdrawn', $4, 'revived', $5))", &params);
	}
}

/* The rows of the bronze layer: what was withdrawn. */
static void
PutWithdrawn(const Undo *undo, ReturnSetInfo *result, int64 by)
{
	ListCell   *fc;
	ListCell   *oc;

	forboth(fc, undo->features, oc, undo->outcomes)
	{
		Withdrawal *outcome = lfirst(oc);
		Datum		values[8];
		bool		nulls[8] = {0};
		Interval   *elapsed = palloc0(sizeof(Interval));

		elapsed->time = GetCurrentTimestamp() - undo->started_at;
		values[0] = Int64GetDatum(by);
		values[1] = CStringGetTextDatum("bronze");
		values[2] = CStringGetTextDatum(lfirst(fc));
		values[3] = CStringGetTextDatum("COMPLETED");
		values[4] = Int64GetDatum(0);
		values[5] = Int64GetDatum(0);
		values[6] = IntervalPGetDatum(elapsed);
		values[7] = DirectFunctionCall1(jsonb_in, CStringGetDatum(
			psprintf("{\"undone_run\": " INT64_FORMAT ", \"withdrawn\": %d, \"revived\": %d}",
					 undo->run_id, outcome->withdrawn, outcome->revived)));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* undo_run(run_id bigint, options jsonb) */
Datum
medallion_undo_run(PG_FUNCTION_ARGS)
{
	Undo		undo = {.run_id = PG_GETARG_INT64(0),.started_at = GetCurrentTimestamp()};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nest_level = PinSettings();
	SqlRows    *rows;

	InitMaterializedSRF(fcinfo, 0);
	ParseUndoOptions(&undo, PG_GETARG_JSONB_P(1));
	CheckRun(&undo);
	WithdrawFeatures(&undo);
	if (undo.features == NIL)
	{
		UnpinSettings(nest_level);
		if (!undo.reload)
			ereport(NOTICE, (errmsg("run " INT64_FORMAT " found nothing: there is nothing to undo", undo.run_id)));
		return (Datum) 0;
	}
	rows = RunLayers(&undo);
	LogUndo(&undo, RowBigint(rows, 0, 1));
	PutWithdrawn(&undo, result, RowBigint(rows, 0, 1));
	for (uint64 i = 0; i < rows->count; i++)
		tuplestore_puttuple(result->setResult, rows->tuples[i]);
	UnpinSettings(nest_level);
	return (Datum) 0;
}
