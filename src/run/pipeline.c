/*
 * pipeline.c
 *	  medallion.run_pipeline(): bronze, silver and gold in one transaction.
 *
 *	  lock the features -> for each: files due -> load each -> silver
 *	      -> for each stale model, inputs first: refresh -> run table
 *
 * Every file, every feature's silver and every model is a step of its own: if
 * it fails, the rest goes on, and the failure is in the run table and in the
 * logs.
 */
#include "base/compat.h"

#include "access/xact.h"
#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "bronze/bronze.h"
#include "bronze/columns.h"
#include "funcapi.h"
#include "gold/model.h"
#include "miscadmin.h"
#include "run/runlog.h"
#include "run/step.h"
#include "silver/silver.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(medallion_run_pipeline);

#define NOTICE_INTERVAL_US (2 * 1000 * 1000)	/* at most one progress line per so long */

typedef enum Concurrency
{
	RUN_WAIT, RUN_SKIP, RUN_ERROR
} Concurrency;

/* One call of run_pipeline(). */
typedef struct Run
{
	int64		id;
	bool		bronze;
	bool		silver;
	bool		gold;
	Concurrency concurrency;
	bool		raise;			/* on_error: raise */
	int			failures;
	char	   *first_error;
	TimestampTz noticed_at;		/* of the last progress line */
	MemoryContext step_context; /* reset after each step */
	ReturnSetInfo *result;
} Run;

/* One file of a feature, as a step. */
typedef struct FileStep
{
	const Feature *feature;
	const FileTask *task;
	TimestampTz seen_at;
	int64		run_id;
	FileOutcome outcome;
} FileStep;

/* What a feature's files came to. */
typedef struct BronzeTotals
{
	int			loaded;
	int			duplicates;
	int			failed;
	int			confirmed;		/* hashed and found unchanged */
	int64		rows;
	int64		rejected;
	bool		direct;
} BronzeTotals;

typedef struct PlanStep
{
	const Feature *feature;
	BronzePlan *plan;
} PlanStep;

typedef struct SilverStep
{
	const Feature *feature;
	int64		run_id;
	SilverOutcome outcome;
} SilverStep;

typedef struct ModelStep
{
	const Model *model;
	int64		run_id;
	RefreshResult result;
} ModelStep;

static int64
ElapsedMs(TimestampTz since)
{
	return (GetCurrentTimestamp() - since) / 1000;
}

/* A progress line, unless the last one was a moment ago. */
static void
Progress(Run *run, const char *line)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now - run->noticed_at < NOTICE_INTERVAL_US)
		return;
	run->noticed_at = now;
	ereport(NOTICE, (errmsg_internal("%s", line)));
}

/* Adds a row to the run table and to the log. */
static void
FinishStep(Run *run, StepLog *step)
{
	Datum		values[8];
	bool		nulls[8] = {0};
	Interval   *elapsed = palloc0(sizeof(Interval));

	step->run_id = run->id;
	step->finished_at = GetCurrentTimestamp();
	if (step->error != NULL)
	{
		StringInfoData detail;

		run->failures++;
		if (run->first_error == NULL)
			run->first_error = MemoryContextStrdup(TopTransactionContext,
												   psprintf("%s %s: %s", step->layer, step->object, step->error));
		initStringInfo(&detail);
		appendStringInfoString(&detail, "{\"error\": ");
		escape_json(&detail, step->error);
		appendStringInfo(&detail, "%s%s", step->detail ? ", " : "}", step->detail ? step->detail + 1 : "");
		step->detail = detail.data;
	}
	elapsed->time = step->finished_at - step->started_at;
	values[0] = Int64GetDatum(step->run_id);
	values[1] = CStringGetTextDatum(step->layer);
	values[2] = CStringGetTextDatum(step->object);
	values[3] = CStringGetTextDatum(step->status);
	values[4] = Int64GetDatum(step->rows_in);
	values[5] = Int64GetDatum(step->rows_out);
	values[6] = IntervalPGetDatum(elapsed);
	values[7] = DirectFunctionCall1(jsonb_in, CStringGetDatum(step->detail ? step->detail : "{}"));
	tuplestore_putvalues(run->result->setResult, run->result->setDesc, values, nulls);
	LogStep(step);
}

static void
PlanBody(void *arg)
{
	PlanStep   *step = arg;

	step->plan = PlanBronze(step->feature);
}

static void
OrphansBody(void *arg)
{
	PlanStep   *step = arg;

	step->plan->due = PlanOrphans(step->feature, step->plan);
}

static void
FileBody(void *arg)
{
	FileStep   *step = arg;
	SavedIdentity saved;

	AsRole(&saved, step->feature->owner);
	LoadFile(step->feature, step->task, step->seen_at, step->run_id, &step->outcome);
	EndAs(&saved);
}

/* Logs a loaded file and adds it to the totals. */
static void
CountFile(Run *run, FileStep *step, BronzeTotals *totals, TimestampTz started)
{
	char	   *table = QualifiedName(medallion_bronze_schema, step->feature->name);
	ListCell   *lc;

	if (strcmp(step->outcome.status, "UNCHANGED") == 0)
	{
		totals->confirmed++;
		return;
	}
	LogFile(run->id, step->task->file->path, &step->outcome, ElapsedMs(started));
	foreach(lc, step->outcome.changes)
	{
		SchemaChange *change = lfirst(lc);

		LogSchemaChange(run->id, "bronze", table, change->type, change->column, change->old_type,
						change->new_type);
	}
	if (strcmp(step->outcome.status, "DUPLICATE") == 0)
		totals->duplicates++;
	else
		totals->loaded++;
	totals->rows += step->outcome.rows;
	totals->rejected += step->outcome.rejected;
	totals->direct = step->outcome.direct;
}

/* Loads one file; a failure is logged and counted. */
static void
RunFile(Run *run, const Feature *feature, const BronzePlan *plan, const FileTask *task,
		BronzeTotals *totals, char **error_line)
{
	FileStep	step = {.feature = feature,.task = task,.seen_at = plan->seen_at,.run_id = run->id};
	TimestampTz started = GetCurrentTimestamp();
	MemoryContext old = MemoryContextSwitchTo(run->step_context);
	ErrorData  *error;

	CHECK_FOR_INTERRUPTS();
	error = RunStep(FileBody, &step);
	if (error == NULL)
		CountFile(run, &step, totals, started);
	else
	{
		totals->failed++;
		LogFileFailure(run->id, task, step.outcome.sheet[0] ? step.outcome.sheet : NULL, ErrorLine(error), ElapsedMs(started));
		if (*error_line == NULL)
			*error_line = MemoryContextStrdup(old, ErrorLine(error));
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("file not loaded: %s", ErrorLine(error))));
	}
	Progress(run, psprintf("bronze %s: %d of %d files, " INT64_FORMAT " rows", feature->name,
						   totals->loaded + totals->failed + totals->duplicates + totals->confirmed,
						   list_length(plan->due), totals->rows));
	MemoryContextSwitchTo(old);
	MemoryContextReset(run->step_context);
}

static void
RunFiles(Run *run, const Feature *feature, const BronzePlan *plan, BronzeTotals *totals, char **error_line)
{
	ListCell   *lc;

	foreach(lc, plan->due)
		RunFile(run, feature, plan, lfirst(lc), totals, error_line);
}

/* Loads the files of a feature that are due, then the duplicates that these
 * made orphans. */
static void
RunBronze(Run *run, const Feature *feature)
{
	StepLog		log = {.layer = "bronze",.object = feature->name,.started_at = GetCurrentTimestamp()};
	PlanStep	step = {.feature = feature};
	BronzeTotals totals = {0};
	ErrorData  *error = RunStep(PlanBody, &step);
	ListCell   *lc;

	if (error != NULL)
	{
		log.status = "FAILED";
		log.error = ErrorLine(error);
		FinishStep(run, &log);
		return;
	}
	foreach(lc, step.plan->missing)
		LogMissingFile(run->id, lfirst(lc));
	RunFiles(run, feature, step.plan, &totals, &log.error);
	error = RunStep(OrphansBody, &step);
	if (error == NULL)
		RunFiles(run, feature, step.plan, &totals, &log.error);
	else if (log.error == NULL)
		log.error = ErrorLine(error);
	if (totals.loaded > 0)
		LogTableStatistics(run->id, "bronze", medallion_bronze_schema, feature->name, feature->owner);

	log.files = totals.loaded;
	log.rows_in = totals.rows + totals.rejected;
	log.rows_out = totals.rows;
	log.invalid = totals.rejected;
	log.detail = psprintf("{\"files\": %d, \"loaded\": %d, \"unchanged\": %d, \"duplicates\": %d,"
						  " \"missing\": %d, \"failed\": %d, \"rejected_rows\": " INT64_FORMAT "%s}",
						  list_length(step.plan->found), totals.loaded, step.plan->unchanged + totals.confirmed,
						  totals.duplicates, list_length(step.plan->missing), totals.failed,
						  totals.rejected, totals.loaded == 0 ? "" :
						  totals.direct ? ", \"path\": \"direct\"" : ", \"path\": \"sql\"");
	if (log.error != NULL)
		log.status = totals.loaded + totals.duplicates + totals.confirmed + step.plan->unchanged > 0 ?
			"PARTIAL" : "FAILED";
	else
		log.status = totals.loaded + totals.duplicates > 0 ? "COMPLETED" : "UNCHANGED";
	FinishStep(run, &log);
}

static void
SilverBody(void *arg)
{
	SilverStep *step = arg;

	RunSilver(step->feature, step->run_id, &step->outcome);
}

/* Logs what silver did. */
static void
LogSilver(Run *run, const Feature *feature, const SilverOutcome *outcome)
{
	char	   *table = QualifiedName(medallion_silver_schema, feature->name);
	ListCell   *lc;

	foreach(lc, outcome->checks)
		LogCheck(run->id, table, lfirst(lc));
	foreach(lc, outcome->changes)
	{
		SilverChange *change = lfirst(lc);

		LogSchemaChange(run->id, "silver", table, change->type, change->column, change->old_type,
						change->new_type);
	}
	if (FeatureKeepsHistory(feature))
		LogHistory(run->id, table, outcome);
	LogTableStatistics(run->id, "silver", medallion_silver_schema, feature->name, feature->owner);
}

/* Takes into silver what bronze has. */
static void
RunSilverStep(Run *run, const Feature *feature)
{
	StepLog		log = {.layer = "silver",.object = feature->name,.started_at = GetCurrentTimestamp()};
	SilverStep	step = {.feature = feature,.run_id = run->id};
	SilverOutcome *outcome = &step.outcome;
	ErrorData  *error;

	Progress(run, psprintf("silver %s", feature->name));
	error = RunStep(SilverBody, &step);
	if (error != NULL)
	{
		log.status = "FAILED";
		log.error = ErrorLine(error);
	}
	else if (!outcome->changed)
		log.status = "UNCHANGED";
	else
	{
		LogSilver(run, feature, outcome);
		log.status = "COMPLETED";
		log.rows_in = outcome->rows_in;
		log.rows_out = outcome->inserted + outcome->updated;
		log.invalid = outcome->invalid;
		log.detail = psprintf("{\"inserted\": " INT64_FORMAT ", \"updated\": " INT64_FORMAT
							  ", \"expired\": " INT64_FORMAT ", \"quarantined\": " INT64_FORMAT
							  ", \"flagged\": " INT64_FORMAT ", \"rebuilt\": %s}",
							  outcome->inserted, outcome->updated, outcome->expired,
							  outcome->quarantined, outcome->invalid, outcome->rebuilt ? "true" : "false");
	}
	FinishStep(run, &log);
}

static void
ModelBody(void *arg)
{
	ModelStep  *step = arg;

	RefreshModel(step->model, step->model->refresh, step->run_id, &step->result);
}

/* Refreshes one model if its inputs changed. */
static void
RunModel(Run *run, const Model *model)
{
	StepLog		log = {.layer = "gold",.object = model->name,.started_at = GetCurrentTimestamp()};
	ModelStep	step = {.model = model,.run_id = run->id};
	ErrorData  *error;

	if (model->is_view)
		return;
	if (!ModelIsStale(model))
	{
		log.status = "UNCHANGED";
		FinishStep(run, &log);
		return;
	}
	Progress(run, psprintf("gold %s", model->name));
	error = RunStep(ModelBody, &step);
	if (error != NULL)
	{
		log.status = "FAILED";
		log.error = ErrorLine(error);
	}
	else
	{
		bool		changed = step.result.rows_inserted + step.result.rows_deleted > 0;

		if (changed)
			LogTableStatistics(run->id, "gold", medallion_gold_schema, model->name, model->owner);
		log.status = "COMPLETED";
		log.rows_in = step.result.rows_total;
		log.rows_out = step.result.rows_inserted;
		log.detail = psprintf("{\"rows\": " INT64_FORMAT ", \"inserted\": " INT64_FORMAT
							  ", \"deleted\": " INT64_FORMAT ", \"refresh\": \"%s\"}", step.result.rows_total,
							  step.result.rows_inserted, step.result.rows_deleted, step.result.way);
	}
	FinishStep(run, &log);
}

static void
LoadModelsBody(void *arg)
{
	*(List **) arg = LoadModelsInOrder();
}

/* Refreshes the models whose inputs changed, inputs first. */
static void
RunGold(Run *run)
{
	StepLog		log = {.layer = "gold",.object = "*",.started_at = GetCurrentTimestamp()};
	List	   *models = NIL;
	ErrorData  *error = RunStep(LoadModelsBody, &models);
	ListCell   *lc;

	if (error != NULL)
	{
		log.status = "FAILED";
		log.error = ErrorLine(error);
		FinishStep(run, &log);
		return;
	}
	foreach(lc, models)
	{
		const Model *model = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (has_privs_of_role(GetUserId(), model->owner))
			RunModel(run, model);
	}
}

/* Tries to take the lock of a feature; false where the run is to do without. */
static bool
TakeFeature(Run *run, const Feature *feature)
{
	if (LockFeature(feature->id, run->concurrency == RUN_WAIT))
		return true;
	if (run->concurrency == RUN_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("another run works on feature \"%s\"", feature->name),
				 errhint("Wait for it, or set option \"concurrency\" to \"wait\" or \"skip\".")));
	return false;
}

/* Runs the layers of one feature. */
static void
RunFeature(Run *run, const Feature *feature)
{
	if (run->bronze)
		RunBronze(run, feature);
	if (run->silver)
		RunSilverStep(run, feature);
}

/* Notes a feature that another run works on. */
static void
SkipFeature(Run *run, const Feature *feature)
{
	StepLog		log = {.layer = "bronze",.object = feature->name,.status = "SKIPPED",
	.started_at = GetCurrentTimestamp()};

	log.detail = "{\"reason\": \"another run works on this feature\"}";
	FinishStep(run, &log);
}

/* The features to run: those named, or all that the user may act for. */
static List *
RunnableFeatures(List *names)
{
	List	   *features = NIL;
	ListCell   *lc;

	foreach(lc, LoadFeatures(names))
	{
		Feature    *feature = lfirst(lc);

		if (names != NIL)
			CheckMayActFor(feature->owner, "feature", feature->name);
		if (has_privs_of_role(GetUserId(), feature->owner))
			features = lappend(features, feature);
	}
	return features;
}

/*
 * Locks the features and runs them.  All locks come first, in order of id, so
 * that two runs cannot wait for each other.  What the catalog says of a
 * feature is read again under its lock.
 */
static void
RunFeatures(Run *run, List *names)
{
	List	   *locked = NIL;
	ListCell   *lc;

	foreach(lc, RunnableFeatures(names))
	{
		Feature    *feature = lfirst(lc);

		if (TakeFeature(run, feature))
			locked = lappend(locked, feature->name);
		else
			SkipFeature(run, feature);
	}
	if (locked == NIL)
		return;
	foreach(lc, LoadFeatures(locked))
		RunFeature(run, lfirst(lc));
}

/* Which layers to run; none named: all. */
static void
ParseLayers(Run *run, List *layers)
{
	ListCell   *lc;

	run->bronze = run->silver = run->gold = layers == NIL;
	foreach(lc, layers)
	{
		if (strcmp(lfirst(lc), "bronze") == 0)
			run->bronze = true;
		else if (strcmp(lfirst(lc), "silver") == 0)
			run->silver = true;
		else if (strcmp(lfirst(lc), "gold") == 0)
			run->gold = true;
		else
			RaiseUnknownName("layer", lfirst(lc), list_make3("bronze", "silver", "gold"));
	}
}

/* The options of a run. */
static void
ParseRunOptions(Run *run, Jsonb *options)
{
	List	   *names;
	List	   *values;
	ListCell   *nc;
	ListCell   *vc;

	JsonbObjectItems(options, &names, &values);
	forboth(nc, names, vc, values)
	{
		const char *value = lfirst(vc) ? lfirst(vc) : "";

		if (strcmp(lfirst(nc), "concurrency") == 0)
		{
			if (strcmp(value, "wait") == 0)
				run->concurrency = RUN_WAIT;
			else if (strcmp(value, "skip") == 0)
				run->concurrency = RUN_SKIP;
			else if (strcmp(value, "error") == 0)
				run->concurrency = RUN_ERROR;
			else
				RaiseUnknownName("value for option \"concurrency\":", value,
								 list_make3("wait", "skip", "error"));
		}
		else if (strcmp(lfirst(nc), "on_error") == 0)
		{
			if (strcmp(value, "report") != 0 && strcmp(value, "raise") != 0)
				RaiseUnknownName("value for option \"on_error\":", value, list_make2("report", "raise"));
			run->raise = strcmp(value, "raise") == 0;
		}
		else
			RaiseUnknownName("run option", lfirst(nc), list_make2("concurrency", "on_error"));
	}
}

/* A run reads the ledger again after waiting for a lock: it must see what the
 * other run committed. */
static void
CheckIsolation(void)
{
	if (XactIsoLevel > XACT_READ_COMMITTED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("run_pipeline() needs isolation level READ COMMITTED")));
}

static List *
OptionalNames(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return NIL;
	return TextArrayToList(PG_GETARG_DATUM(argument));
}

/* medallion.run_pipeline(features text[], layers text[], options jsonb) */
Datum
medallion_run_pipeline(PG_FUNCTION_ARGS)
{
	Run			run = {0};
	Jsonb	   *options = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	int			nest_level;

	InitMaterializedSRF(fcinfo, 0);
	run.result = (ReturnSetInfo *) fcinfo->resultinfo;
	ParseLayers(&run, OptionalNames(fcinfo, 1));
	ParseRunOptions(&run, options);
	CheckIsolation();
	run.step_context = AllocSetContextCreate(CurrentMemoryContext, "medallion step",
											 ALLOCSET_DEFAULT_SIZES);
	nest_level = PinSettings();
	run.id = BeginRunLog(options);
	run.noticed_at = GetCurrentTimestamp();
	RunFeatures(&run, OptionalNames(fcinfo, 0));
	if (run.gold)
		RunGold(&run);
	if (run.failures > 0 && run.raise)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("%d of the run's steps failed", run.failures),
				 errdetail("First: %s", run.first_error)));
	EndRunLog(run.id, run.failures > 0 ? "PARTIAL" : "COMPLETED");
	UnpinSettings(nest_level);
	PG_RETURN_NULL();
}
