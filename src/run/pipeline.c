/*
 * pipeline.c
 *	  medallion.run_pipeline() and medallion.run_pipeline_proc(): a run, from
 *	  the call to its end.
 *
 *	  options -> units in order -> each done, here or in workers -> the end
 *
 * The function does everything in the caller's transaction, the procedure
 * commits step by step and has workers.  What a run is made of is in run.h.
 */
#include "base/compat.h"

#include "run/run.h"

#include <unistd.h>

#include "access/xact.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "run/alert.h"
#include "run/dispatch.h"
#include "run/journal.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(medallion_run_pipeline);
PG_FUNCTION_INFO_V1(medallion_run_pipeline_proc);

#define MOST_WORKERS 8			/* by default, however many cores there are */

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

/* One of some words, as its place among them. */
static int
ParseChoice(const char *option, const char *value, const char *const *choices, int count)
{
	List	   *words = NIL;

	for (int i = 0; i < count; i++)
	{
		if (strcmp(value, choices[i]) == 0)
			return i;
		words = lappend(words, pstrdup(choices[i]));
	}
	RaiseUnknownName(psprintf("value for option \"%s\":", option), value, words);
}

/* A whole number from 0. */
static int
ParseCount(const char *option, const char *value)
{
	char	   *end;
	long		count = strtol(value, &end, 10);

	if (*value == '\0' || *end != '\0' || count < 0 || count > 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a whole number from 0 to 1000", option)));
	return (int) count;
}

/* One option of a run. */
static void
ParseRunOption(Run *run, const char *name, const char *value)
{
	static const char *const concurrency[] = {"wait", "skip", "error"};
	static const char *const on_error[] = {"report", "raise"};

	if (strcmp(name, "concurrency") == 0)
		run->order.concurrency = ParseChoice(name, value, concurrency, lengthof(concurrency));
	else if (strcmp(name, "on_error") == 0)
		run->raise = ParseChoice(name, value, on_error, lengthof(on_error)) == 1;
	else if (strcmp(name, "workers") == 0)
		run->max_workers = ParseCount(name, value);
	else if (strcmp(name, "max_retries") == 0)
		run->order.max_retries = ParseCount(name, value);
	else if (strcmp(name, "retry_delay") == 0)
		run->order.retry_delay = IntervalMs(name, value);
	else if (strcmp(name, "step_timeout") == 0)
		run->order.step_timeout = IntervalMs(name, value);
	else if (strcmp(name, "run_timeout") == 0)
		run->run_timeout = IntervalMs(name, value);
	else if (strcmp(name, "schedule") == 0)
		run->schedule = pstrdup(value);
	else if (strcmp(name, "pipeline") != 0)
		RaiseUnknownName("run option", name,
						 list_concat(list_make5("concurrency", "on_error", "pipeline", "schedule", "workers"),
									 list_make4("max_retries", "retry_delay", "step_timeout", "run_timeout")));
}

/* The options of a run: what the call says goes before what its pipeline says. */
static void
ParseRunOptions(Run *run, Jsonb *options)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	if (options == NULL)
		return;
	ParamJsonb(&params, options);
	rows = SqlFetch("SELECT key, value FROM pg_catalog.jsonb_each_text($1)", &params);
	for (uint64 i = 0; i < rows->count; i++)
		ParseRunOption(run, RowText(rows, i, 1), RowText(rows, i, 2) ? RowText(rows, i, 2) : "");
}

/* Raises if something is wrong with options that are to be kept. */
void
CheckRunOptions(Jsonb *options)
{
	Run			run = {0};

	ParseRunOptions(&run, options);
}

/* The named pipeline of a run, which gives what the call does not. */
static void
ApplyPipeline(Run *run, Jsonb *options, List **layers)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;
	Datum		value;

	strlcpy(run->order.pipeline, DEFAULT_PIPELINE, sizeof(run->order.pipeline));
	ParamJsonb(&params, options);
	rows = CatalogFetch("SELECT coalesce(p.name, $1->>'pipeline'), p.features, p.layers, p.options, p.name IS NULL"
						" FROM (SELECT) one LEFT JOIN medallion.pipelines p ON p.name = $1->>'pipeline'"
						" WHERE $1->>'pipeline' <> 'default'", &params);
	if (rows->count == 0)
		return;
	if (RowBool(rows, 0, 5))
	{
		SqlRows    *all = CatalogFetch("SELECT name FROM medallion.pipelines", NULL);
		List	   *known = NIL;

		for (uint64 i = 0; i < all->count; i++)
			known = lappend(known, RowText(all, i, 1));
		RaiseUnknownName("pipeline", RowText(rows, 0, 1), known);
	}
	strlcpy(run->order.pipeline, RowText(rows, 0, 1), sizeof(run->order.pipeline));
	value = RowDatum(rows, 0, 2, &isnull);
	if (!isnull && run->features == NIL)
		run->features = TextArrayToList(value);
	value = RowDatum(rows, 0, 3, &isnull);
	if (!isnull && *layers == NIL)
		*layers = TextArrayToList(value);
	value = RowDatum(rows, 0, 4, &isnull);
	if (!isnull)
		ParseRunOptions(run, DatumGetJsonbP(value));
}

/* As many workers as there are cores; none of them alone is faster than the caller. */
static int
WorkersToUse(int setting)
{
	long		cores;

	if (setting >= 0)
		return setting < 2 ? 0 : setting;
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 2 ? 0 : (int) Min(cores, MOST_WORKERS);
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

/* What a call asks for. */
static void
InitRun(Run *run, FunctionCallInfo fcinfo, WorkPlace place)
{
	Jsonb	   *options = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	List	   *layers = OptionalNames(fcinfo, 1);

	run->place = place;
	run->context = CurrentMemoryContext;
	run->step_context = AllocSetContextCreate(CurrentMemoryContext, "medallion step",
											  ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&run->errors);
	run->features = OptionalNames(fcinfo, 0);
	run->max_workers = medallion_max_workers;
	run->order.max_retries = place == WORK_IN_STATEMENT ? 0 : medallion_max_retries;
	run->order.retry_delay = medallion_retry_delay;
	run->order.step_timeout = medallion_step_timeout;
	run->run_timeout = medallion_run_timeout;
	if (options != NULL)
		ApplyPipeline(run, options, &layers);
	else
		strlcpy(run->order.pipeline, DEFAULT_PIPELINE, sizeof(run->order.pipeline));
	ParseRunOptions(run, options);
	ParseLayers(run, layers);
	CheckIsolation();
	run->max_workers = WorkersToUse(run->max_workers);
	run->noticed_at = run->committed_at = GetCurrentTimestamp();
	if (run->run_timeout > 0)
		run->order.deadline = TimestampTzPlusMilliseconds(run->noticed_at, run->run_timeout);
}

/* The window in which the run's schedule rests, as a reason, or NULL. */
static const char *
OpenWindow(Run *run)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	if (run->schedule == NULL)
		return NULL;
	ParamText(&params, run->order.pipeline);
	rows = CatalogFetch("SELECT format('window \"%s\" is open', name) || coalesce(': ' || reason, '')"
						" FROM medallion.open_window($1) LIMIT 1", &params);
	return rows->count > 0 ? RowText(rows, 0, 1) : NULL;
}

/* Why the whole run is left out, or NULL. */
static const char *
ReasonToSkip(Run *run)
{
	SqlParams	params = {0};
	const char *window;

	ParamText(&params, run->order.pipeline);
	if (CatalogBigint("SELECT 1 FROM medallion.pauses WHERE pipeline IN ('*', $1)", &params, 0) == 1)
		return "runs are paused";
	window = OpenWindow(run);
	if (window != NULL)
		return window;
	if (run->schedule != NULL && run->order.concurrency != RUN_WAIT &&
		!HoldSchedule(run->schedule, run->place != WORK_IN_STATEMENT))
		return "the last run of this schedule has not ended";
	return NULL;
}

/* The heartbeat of the run's schedule; schedules that missed a run are told of. */
static void
NoteSchedules(Run *run)
{
	SqlParams	params = {0};
	SqlRows    *alerts;

	ParamBigint(&params, run->order.id);
	ParamText(&params, run->schedule);
	alerts = CatalogFetch("SELECT medallion.note_schedules($1, $2)", &params);
	for (uint64 i = 0; i < alerts->count; i++)
		RecordAlert(RowText(alerts, i, 1));
}

/* A run that is left out has one step, which says why. */
static void
SkipRun(Run *run, const char *reason)
{
	StepLog		log = {.layer = "run",.object = run->order.pipeline,.status = "SKIPPED",
	.started_at = GetCurrentTimestamp()};
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfoString(&detail, "{\"reason\": ");
	escape_json(&detail, reason);
	appendStringInfoChar(&detail, '}');
	log.detail = detail.data;
	FinishStep(run, &log);
	EndRunLog(run->order.id, "SKIPPED");
}

/* Steps that failed in workers are in the log alone. */
static void
CountFailures(Run *run)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamBigint(&params, run->order.id);
	rows = CatalogFetch("SELECT layer, feature_name, error_message FROM etl_logs.pipeline_runs"
						" WHERE run_id = $1 AND error_message IS NOT NULL ORDER BY completed_at", &params);
	run->failures = 0;
	resetStringInfo(&run->errors);
	for (uint64 i = 0; i < rows->count; i++)
		NoteFailure(run, RowText(rows, i, 1), RowText(rows, i, 2), RowText(rows, i, 3));
}

/* The end of a run that came to its end. */
static void
FinishRun(Run *run)
{
	const char *status;

	if (run->place != WORK_IN_STATEMENT)
		CountFailures(run);
	status = run->failures > 0 ? "PARTIAL" : "COMPLETED";
	EndRunLog(run->order.id, status);
	AlertOfRun(run, status);
}

/* The steps of a run. */
static void
DoRun(Run *run)
{
	const char *reason;
	List	   *units;

	NoteCrashedRuns(run->order.id);
	NoteSchedules(run);
	reason = ReasonToSkip(run);
	if (reason != NULL)
	{
		SkipRun(run, reason);
		return;
	}
	units = PlanUnits(run);
	if (run->place == WORK_IN_PROCEDURE && run->max_workers > 0 && list_length(units) > 1)
		RunUnitsInWorkers(run, units);
	else
		RunUnitsInOrder(run, units);
	FinishRun(run);
}

/* The same; the journal, which is open, learns why, should it end by an error. */
static void
DoRunWithJournal(Run *run)
{
	PG_TRY();
	{
		DoRun(run);
		if (run->failures > 0 && run->raise && run->place == WORK_IN_STATEMENT)
			ereport(ERROR,
					(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
					 errmsg("%d of the run's steps failed", run->failures),
					 errdetail("%s", run->errors.data)));
	}
	PG_CATCH();
	{
		MemoryContext old = MemoryContextSwitchTo(run->context);

		JournalError(run->order.id, CopyErrorData());
		MemoryContextSwitchTo(old);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* medallion.run_pipeline(features text[], layers text[], options jsonb) */
Datum
medallion_run_pipeline(PG_FUNCTION_ARGS)
{
	Run			run = {0};
	int			nest_level;

	InitMaterializedSRF(fcinfo, 0);
	run.result = (ReturnSetInfo *) fcinfo->resultinfo;
	nest_level = PinSettings();
	InitRun(&run, fcinfo, WORK_IN_STATEMENT);
	run.order.id = BeginRunLog(PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), run.order.pipeline);
	OpenJournal(run.order.id, run.order.pipeline, false);
	DoRunWithJournal(&run);
	CloseJournal(run.order.id);
	UnpinSettings(nest_level);
	PG_RETURN_NULL();
}

/* Commits the end of the run, gives back what it held, and raises if anything failed. */
static void
EndProcedureRun(Run *run)
{
	PauseWork(run);
	CloseJournal(run->order.id);
	GiveBackLocks();
	if (run->failures > 0 && run->raise)
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("some steps of the pipeline failed"),
				 errdetail("%s", run->errors.data),
				 errhint("What succeeded is committed; the next run tries the rest again.")));
	EndProcedure();
}

/* medallion.run_pipeline_proc(features text[], layers text[], options jsonb) */
Datum
medallion_run_pipeline_proc(PG_FUNCTION_ARGS)
{
	Run			run = {.raise = true};

	BeginProcedure(fcinfo, "run_pipeline_proc()");
	run.settings_level = BeginWork(WORK_IN_PROCEDURE);
	InitRun(&run, fcinfo, WORK_IN_PROCEDURE);
	run.order.id = BeginRunLog(PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), run.order.pipeline);
	OpenJournal(run.order.id, run.order.pipeline, true);	/* from here on a rollback calls StopWork() */
	HoldRun(run.order.id);
	CommitStep(&run);
	DoRunWithJournal(&run);
	EndProcedureRun(&run);
	PG_RETURN_VOID();
}
