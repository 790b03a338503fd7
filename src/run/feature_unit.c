/*
 * feature_unit.c
 *	  A feature's bronze and silver.
 *
 *	  lock the feature -> files due -> load each -> silver
 *
 * Every file and the feature's silver are steps of their own: if one fails,
 * the rest goes on, and the failure is in the run table and in the logs.
 */
#include "base/compat.h"

#include "run/run.h"

#include "base/settings.h"
#include "base/sql.h"
#include "bronze/bronze.h"
#include "bronze/columns.h"
#include "bronze/ledger.h"
#include "miscadmin.h"
#include "run/alert.h"
#include "run/rowcount.h"
#include "silver/erase.h"
#include "silver/fault.h"
#include "silver/verdict.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

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
	List	   *deferred;		/* DeferredFile *: to be tried again */
} BronzeTotals;

/* A file that failed by an error that may pass. */
typedef struct DeferredFile
{
	const FileTask *task;
	ErrorData  *error;
	char	   *sheet;
} DeferredFile;

/* The lock and the catalog row of a feature. */
typedef struct FeatureStep
{
	Run		   *run;
	const Unit *unit;
	Feature    *feature;		/* NULL: another run works on it */
	bool		held;			/* is its lock kept over commits? */
} FeatureStep;

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
	int64		added;			/* rows of the table, less those deleted */
	bool		added_known;
	char	   *fault;			/* the row that failed it, or NULL */
} SilverStep;

static int64
ElapsedMs(TimestampTz since)
{
	return (GetCurrentTimestamp() - since) / 1000;
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

static bool
IsDeferred(const char *path, List *deferred)
{
	ListCell   *lc;

	foreach(lc, deferred)
		if (strcmp(((DeferredFile *) lfirst(lc))->task->file->path, path) == 0)
			return true;
	return false;
}

/* Leaves of a new plan only the files that are to be tried again. */
static void
KeepDeferred(BronzePlan *plan, List *deferred)
{
	ListCell   *lc;

	foreach(lc, plan->due)
	{
		FileTask   *task = lfirst(lc);

		if (!IsDeferred(task->file->path, deferred))
			plan->due = foreach_delete_current(plan->due, lc);
	}
}

static void
FileBody(void *arg)
{
	FileStep   *step = arg;
	SavedIdentity saved;

	AsFeatureOwner(&saved, step->feature);
	LoadFile(step->feature, step->task, step->seen_at, step->run_id, &step->outcome);
	if (step->outcome.file_id != 0)
		RedactFile(step->feature, step->outcome.file_id);
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
	LogFile(run->order.id, step->task->file->path, &step->outcome, ElapsedMs(started));
	foreach(lc, step->outcome.changes)
	{
		SchemaChange *change = lfirst(lc);

		LogSchemaChange(run->order.id, "bronze", table, change->type, change->column, change->old_type,
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

/* Notes that a file cannot be loaded.  Of the first, people hear at once: the
 * feature's other files may take long. */
static void
FailFile(Run *run, const FoundFile *found, const char *sheet, const ErrorData *error, int64 elapsed,
		 BronzeTotals *totals, StepLog *log)
{
	totals->failed++;
	LogFileFailure(run->order.id, found, sheet, ErrorLine(error), elapsed);
	if (log->error == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(run->context);

		FailStep(log, error);
		MemoryContextSwitchTo(old);
		AlertOfFailure(run, log);
		log->alerted = true;
		CommitStep(run);
	}
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("file not loaded: %s", ErrorLine(error))));
}

/* What kept files from being found is a failure too: they may be due. */
static void
FailObstacles(Run *run, const BronzePlan *plan, BronzeTotals *totals, StepLog *log)
{
	ListCell   *lc;

	foreach(lc, plan->obstacles)
	{
		const Obstacle *obstacle = lfirst(lc);
		FoundFile	found = {.path = obstacle->path};
		ErrorData	error = {.elevel = ERROR,.sqlerrcode = obstacle->sqlerrcode,.message = obstacle->message,.domain = TEXTDOMAIN};

		FailFile(run, &found, NULL, &error, 0, totals, log);
	}
}

/* Puts a file off until the feature's others are loaded. */
static void
DeferFile(Run *run, const FileTask *task, const char *sheet, const ErrorData *error, BronzeTotals *totals)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	DeferredFile *file = palloc0(sizeof(DeferredFile));

	file->task = task;
	file->error = palloc0(sizeof(ErrorData));
	file->error->sqlerrcode = error->sqlerrcode;
	file->error->message = pstrdup(error->message);
	file->error->detail = error->detail ? pstrdup(error->detail) : NULL;
	file->error->hint = error->hint ? pstrdup(error->hint) : NULL;
	file->error->context = error->context ? pstrdup(error->context) : NULL;
	file->sheet = sheet ? pstrdup(sheet) : NULL;
	totals->deferred = lappend(totals->deferred, file);
	MemoryContextSwitchTo(old);
}

/* Loads one file; a failure is logged and counted, or, where the file may be
 * tried again, put off. */
static void
RunFile(Run *run, const Feature *feature, const BronzePlan *plan, const FileTask *task,
		const StepPolicy *policy, int attempt, BronzeTotals *totals, StepLog *log)
{
	FileStep	step = {.feature = feature,.task = task,.seen_at = plan->seen_at,.run_id = run->order.id};
	TimestampTz started = GetCurrentTimestamp();
	MemoryContext old = MemoryContextSwitchTo(run->step_context);
	ErrorData  *error;
	char	   *sheet;

	CHECK_FOR_INTERRUPTS();
	error = TryStep(run, "bronze", feature->name, policy->timeout, FileBody, &step);
	sheet = step.outcome.sheet[0] ? step.outcome.sheet : NULL;
	if (error == NULL)
		CountFile(run, &step, totals, started);
	else if (attempt < policy->max_retries && PassingError(error->sqlerrcode))
		DeferFile(run, task, sheet, error, totals);
	else
		FailFile(run, task->file, sheet, error, ElapsedMs(started), totals, log);
	CommitStepSometimes(run);
	Progress(run, "bronze", feature->name,
			 totals->loaded + totals->failed + totals->duplicates + totals->confirmed,
			 list_length(plan->due), totals->rows);
	MemoryContextSwitchTo(old);
	MemoryContextReset(run->step_context);
}

static void
RunFiles(Run *run, const Feature *feature, const BronzePlan *plan, const StepPolicy *policy,
		 int attempt, BronzeTotals *totals, StepLog *log)
{
	ListCell   *lc;

	foreach(lc, plan->due)
		RunFile(run, feature, plan, lfirst(lc), policy, attempt, totals, log);
}

/* Tries the files that were put off, again and again; returns how often. */
static int
RetryFiles(Run *run, const Feature *feature, const StepPolicy *policy, BronzeTotals *totals, StepLog *log)
{
	int			attempt = 0;
	ListCell   *lc;

	while (totals->deferred != NIL && WaitForRetry(run, policy, attempt))
	{
		PlanStep	step = {.feature = feature};
		List	   *deferred = totals->deferred;

		attempt++;
		if (TryStep(run, "bronze", feature->name, policy->timeout, PlanBody, &step) != NULL)
			continue;
		KeepDeferred(step.plan, deferred);
		totals->deferred = NIL;
		RunFiles(run, feature, step.plan, policy, attempt, totals, log);
	}
	foreach(lc, totals->deferred)
	{
		DeferredFile *file = lfirst(lc);

		FailFile(run, file->task->file, file->sheet, file->error, 0, totals, log);
	}
	return attempt;
}

/* What became of a feature's files, for the log. */
static void
SumUpBronze(StepLog *log, const BronzePlan *plan, const BronzeTotals *totals, int retries)
{
	log->files = totals->loaded;
	log->rows_in = totals->rows + totals->rejected;
	log->rows_out = totals->rows;
	log->invalid = totals->rejected;
	log->detail = psprintf("{\"files\": %d, \"loaded\": %d, \"unchanged\": %d, \"duplicates\": %d,"
						   " \"missing\": %d, \"failed\": %d, \"rejected_rows\": " INT64_FORMAT "%s%s}",
						   list_length(plan->found), totals->loaded, plan->unchanged + totals->confirmed,
						   totals->duplicates, list_length(plan->missing), totals->failed,
						   totals->rejected, totals->loaded == 0 ? "" :
						   totals->direct ? ", \"path\": \"direct\"" : ", \"path\": \"sql\"",
						   retries > 0 ? psprintf(", \"retries\": %d", retries) : "");
	if (log->error != NULL)
		log->status = totals->loaded + totals->duplicates + totals->confirmed + plan->unchanged > 0 ?
			"PARTIAL" : "FAILED";
	else
		log->status = totals->loaded + totals->duplicates > 0 ? "COMPLETED" : "UNCHANGED";
}

/* How large bronze is now: as the ledger has it, unless somebody has rewritten
 * the table, which is then counted once. */
static void
LogBronzeTable(Run *run, const Feature *feature)
{
	int64		rows = LedgerRows(feature);

	if (rows < 0)
	{
		rows = CountTableRows(medallion_bronze_schema, feature->name, feature->owner);
		ConfirmRows(feature, rows);
	}
	LogTableStatistics(run->order.id, "bronze", medallion_bronze_schema, feature->name, rows);
}

/* Loads the files of a feature that are due, then the duplicates that these
 * made orphans. */
static void
RunBronze(Run *run, const Feature *feature)
{
	StepLog		log = {.layer = "bronze",.object = feature->name,.started_at = GetCurrentTimestamp()};
	StepPolicy	policy = FeaturePolicy(run, feature);
	PlanStep	step = {.feature = feature};
	BronzeTotals totals = {0};
	int			retries = 0;
	ErrorData  *error;
	ListCell   *lc;

	Progress(run, "bronze", feature->name, 0, 0, 0);
	error = RunStep(run, "bronze", feature->name, &policy, PlanBody, &step, &retries);
	if (error != NULL)
	{
		FailStep(&log, error);
		FinishStep(run, &log);
		CommitStep(run);
		return;
	}
	foreach(lc, step.plan->missing)
		LogMissingFile(run->order.id, lfirst(lc), feature->options.on_missing);
	FailObstacles(run, step.plan, &totals, &log);
	RunFiles(run, feature, step.plan, &policy, 0, &totals, &log);
	retries += RetryFiles(run, feature, &policy, &totals, &log);
	error = TryStep(run, "bronze", feature->name, policy.timeout, OrphansBody, &step);
	if (error == NULL)
		RunFiles(run, feature, step.plan, &policy, policy.max_retries, &totals, &log);
	else if (log.error == NULL)
		FailStep(&log, error);
	if (totals.loaded > 0)
		LogBronzeTable(run, feature);
	SumUpBronze(&log, step.plan, &totals, retries);
	FinishStep(run, &log);
	if (strcmp(log.status, "UNCHANGED") == 0)
		CommitStepSometimes(run);
	else
		CommitStep(run);
}

static void
SilverBody(void *arg)
{
	SilverStep *step = arg;

	Oid			table = TableOid(medallion_silver_schema, step->feature->name);
	int64		before;
	bool		known = NetRows(table, &before);

	memset(&step->outcome, 0, sizeof(step->outcome));
	RunSilver(step->feature, step->run_id, &step->outcome);
	step->added_known = known && table == TableOid(medallion_silver_schema, step->feature->name) &&
		NetRows(table, &step->added);
	step->added -= before;
}

/* Logs what checks said. */
static void
LogChecks(Run *run, const SilverStep *step)
{
	ListCell   *lc;

	foreach(lc, step->outcome.checks)
		LogCheck(run->order.id, QualifiedName(medallion_silver_schema, step->feature->name), lfirst(lc));
}

/* Logs what silver did. */
static void
LogSilver(Run *run, const SilverStep *step)
{
	const Feature *feature = step->feature;
	const SilverOutcome *outcome = &step->outcome;
	char	   *table = QualifiedName(medallion_silver_schema, feature->name);
	ListCell   *lc;

	LogChecks(run, step);
	if (!outcome->changed)
		return;
	foreach(lc, outcome->changes)
	{
		SilverChange *change = lfirst(lc);

		LogSchemaChange(run->order.id, "silver", table, change->type, change->column, change->old_type,
						change->new_type);
	}
	if (FeatureKeepsHistory(feature))
		LogHistory(run->order.id, table, outcome);
	LogTableStatistics(run->order.id, "silver", medallion_silver_schema, feature->name,
					   step->added_known ? TableRowsSince(medallion_silver_schema, feature->name, feature->owner, step->added) :
					   CountTableRows(medallion_silver_schema, feature->name, feature->owner));
}

static void
FaultBody(void *arg)
{
	SilverStep *step = arg;

	step->fault = SilverFault(step->feature);
}

/* Says for which row SQL of the options raised, if it was for one. */
static void
AddFault(Run *run, const StepPolicy *policy, SilverStep *step, const ErrorData *error, StepLog *log)
{
	if (IsOfValues(error->sqlerrcode) &&
		TryStep(run, "silver", step->feature->name, policy->timeout, FaultBody, step) == NULL && step->fault != NULL)
		log->error = psprintf("%s (%s)", log->error, step->fault);
}

/* Tells of checks that failed. */
static void
AlertOfChecks(Run *run, const Feature *feature, const SilverOutcome *outcome)
{
	ListCell   *lc;

	foreach(lc, outcome->checks)
	{
		const CheckOutcome *check = lfirst(lc);

		if (strcmp(check->status, "FAILED") == 0)
			AlertOfCheck(run, feature->name, check);
	}
}

/* Takes into silver what bronze has. */
static void
RunSilverStep(Run *run, const Feature *feature)
{
	StepLog		log = {.layer = "silver",.object = feature->name,.started_at = GetCurrentTimestamp()};
	StepPolicy	policy = FeaturePolicy(run, feature);
	SilverStep	step = {.feature = feature,.run_id = run->order.id};
	SilverOutcome *outcome = &step.outcome;
	int			retries;
	ErrorData  *error;

	Progress(run, "silver", feature->name, 0, 0, 0);
	error = RunStep(run, "silver", feature->name, &policy, SilverBody, &step, &retries);
	if (error != NULL)
	{
		if (FailingCheck(outcome->checks) != NULL)
			LogChecks(run, &step);
		FailStep(&log, error);
		AddFault(run, &policy, &step, error, &log);
	}
	else if (!outcome->changed)
	{
		LogSilver(run, &step);
		AlertOfChecks(run, feature, outcome);
		log.status = "UNCHANGED";
	}
	else
	{
		LogSilver(run, &step);
		AlertOfChecks(run, feature, outcome);
		log.status = "COMPLETED";
		log.rows_in = outcome->rows_in;
		log.rows_out = outcome->inserted + outcome->updated;
		log.invalid = outcome->invalid;
		log.detail = psprintf("{\"inserted\": " INT64_FORMAT ", \"updated\": " INT64_FORMAT
							  ", \"expired\": " INT64_FORMAT ", \"quarantined\": " INT64_FORMAT
							  ", \"dropped\": " INT64_FORMAT ", \"flagged\": " INT64_FORMAT ", \"rebuilt\": %s%s%s}",
							  outcome->inserted, outcome->updated, outcome->expired,
							  outcome->quarantined + outcome->late, outcome->dropped, outcome->invalid, outcome->rebuilt ? "true" : "false",
							  outcome->late > 0 ? psprintf(", \"late\": " INT64_FORMAT, outcome->late) : "",
							  retries > 0 ? psprintf(", \"retries\": %d", retries) : "");
	}
	FinishStep(run, &log);
	CommitStep(run);
}

/* Takes the lock, where it is not ours already, and reads the catalog under it. */
static void
TakeFeatureBody(void *arg)
{
	FeatureStep *step = arg;
	Run		   *run = step->run;

	step->feature = NULL;
	if (run->place != WORK_IN_STATEMENT && !step->held)
	{
		if (!HoldFeature(step->unit->id, run->order.concurrency == RUN_WAIT))
		{
			if (run->order.concurrency == RUN_ERROR)
				RaiseFeatureBusy(step->unit->name);
			return;
		}
		step->held = true;
	}
	step->feature = LoadFeature(step->unit->name);
}

/* Raises: another run works on this feature, and we are not to wait. */
void
RaiseFeatureBusy(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("another run works on feature \"%s\"", name),
			 errhint("Wait for it, or set option \"concurrency\" to \"wait\" or \"skip\".")));
}

/* Notes a feature that is left out. */
void
SkipFeature(Run *run, const char *name, const char *reason)
{
	StepLog		log = {.layer = "bronze",.object = name,.status = "SKIPPED",
	.started_at = GetCurrentTimestamp()};

	log.detail = psprintf("{\"reason\": \"%s\"}", reason);
	FinishStep(run, &log);
}

/* Runs the layers of one feature. */
void
RunFeatureUnit(Run *run, const Unit *unit)
{
	FeatureStep step = {.run = run,.unit = unit};
	StepPolicy	policy = RunPolicy(run);
	ErrorData  *error;

	policy.timeout = 0;			/* another run may take its time */
	if (run->order.concurrency == RUN_ERROR)
		policy.max_retries = 0;
	error = RunStep(run, UnitLayer(unit), unit->name, &policy, TakeFeatureBody, &step, NULL);

	if (error != NULL)
	{
		StepLog		log = {.layer = UnitLayer(unit),.object = unit->name,.started_at = GetCurrentTimestamp()};

		FailStep(&log, error);
		FinishStep(run, &log);
	}
	else if (step.feature == NULL)
		SkipFeature(run, unit->name, "another run works on this feature");
	else
	{
		if (unit->bronze)
			RunBronze(run, step.feature);
		if (unit->silver)
			RunSilverStep(run, step.feature);
	}
	if (step.held)
	{
		CommitStep(run);
		ReleaseFeature(unit->id);
	}
}
