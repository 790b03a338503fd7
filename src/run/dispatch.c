/*
 * dispatch.c
 *	  Who does the units of a run: this backend, one after the other, or
 *	  background workers, side by side.
 *
 *	  waiting --(all before it done)--> running in a worker, or here where no
 *	      worker is to be had --> done
 */
#include "base/compat.h"

#include "run/dispatch.h"

#include "base/sql.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "run/run.h"
#include "run/worker.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A unit on its way to a worker. */
typedef struct UnitOrder
{
	RunOrder	run;
	UnitKind	kind;
	int			id;
	bool		bronze;
	bool		silver;
	char		name[FLEXIBLE_ARRAY_MEMBER];
} UnitOrder;

/* A worker and the unit that it does; NULL: it waits for one. */
typedef struct Job
{
	Unit	   *unit;
	Worker	   *worker;
	TimestampTz started_at;
} Job;

void
StopWork(void)
{
	StopWorkers();
	GiveBackLocks();
}

void
RunUnit(Run *run, const Unit *unit)
{
	switch (unit->kind)
	{
		case UNIT_FEATURE:
			RunFeatureUnit(run, unit);
			break;
		case UNIT_MODEL:
			RunModelUnit(run, unit);
			break;
		case UNIT_STEP:
			RunStepUnit(run, unit);
			break;
	}
}

/* Does all units in this backend. */
void
RunUnitsInOrder(Run *run, List *units)
{
	ListCell   *lc;

	foreach(lc, units)
	{
		CHECK_FOR_INTERRUPTS();
		RunUnit(run, lfirst(lc));
	}
}

/* Is everything done that this unit waits for? */
static bool
IsReady(const Unit *unit)
{
	ListCell   *lc;

	if (unit->state != UNIT_WAITING)
		return false;
	foreach(lc, unit->after)
		if (((Unit *) lfirst(lc))->state != UNIT_DONE)
			return false;
	return true;
}

static Unit *
NextUnit(List *units)
{
	ListCell   *lc;

	foreach(lc, units)
		if (IsReady(lfirst(lc)))
			return lfirst(lc);
	return NULL;
}

/* Gives a unit to a worker. */
static void
GiveUnit(Run *run, Job *job, Unit *unit)
{
	Size		size = offsetof(UnitOrder, name) + strlen(unit->name) + 1;
	UnitOrder  *order = palloc0(size);

	order->run = run->order;
	order->kind = unit->kind;
	order->id = unit->id;
	order->bronze = unit->bronze;
	order->silver = unit->silver;
	strcpy(order->name, unit->name);
	GiveOrder(job->worker, order, size);
	pfree(order);
	job->unit = unit;
	job->started_at = GetCurrentTimestamp();
	unit->state = UNIT_RUNNING;
}

/* A worker that waits for a unit; a new one while there may be more; NULL: none is to be had. */
static Job *
FindJob(Run *run, List **jobs)
{
	ListCell   *lc;
	Worker	   *worker;
	Job		   *job;

	foreach(lc, *jobs)
		if (((Job *) lfirst(lc))->unit == NULL)
			return lfirst(lc);
	if (list_length(*jobs) >= run->max_workers || (worker = StartWorker()) == NULL)
		return NULL;
	job = palloc0(sizeof(Job));
	job->worker = worker;
	*jobs = lappend(*jobs, job);
	return job;
}

/* The layer at which a unit ended: a feature's bronze may be done and logged. */
static const char *
LayerReached(const Run *run, const Unit *unit)
{
	SqlParams	params = {0};

	if (unit->kind != UNIT_FEATURE || !unit->bronze || !unit->silver)
		return UnitLayer(unit);
	ParamBigint(&params, run->order.id);
	ParamText(&params, unit->name);
	return CatalogBigint("SELECT 1 FROM etl_logs.pipeline_runs WHERE run_id = $1 AND layer = 'bronze'"
						 " AND feature_name = $2", &params, 0) == 1 ? "silver" : "bronze";
}

/* A worker ended without having done its unit. */
static void
FailJob(Run *run, const Job *job, ErrorData *error)
{
	StepLog		log = {.object = job->unit->name,.started_at = job->started_at};
	ErrorData	vanished = {.sqlerrcode = ERRCODE_CONNECTION_FAILURE};

	vanished.message = pstrdup("the worker ended unexpectedly, or could not be started");
	vanished.hint = pstrdup("See the server's log. What was committed stays; the next run does the rest.");
	ResumeWork(run);
	log.layer = LayerReached(run, job->unit);
	FailStep(&log, error ? error : &vanished);
	FinishStep(run, &log);
	PauseWork(run);
}

/* Hears the workers; takes those that are gone off the list. */
static List *
PollJobs(Run *run, List *jobs)
{
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);
		ErrorData  *error;
		WorkerState state = job->unit == NULL ? WORKER_BUSY : PollWorker(job->worker, &error);

		if (state == WORKER_BUSY)
			continue;
		job->unit->state = UNIT_DONE;
		if (state == WORKER_GONE)
		{
			jobs = foreach_delete_current(jobs, lc);
			FailJob(run, job, error);
		}
		job->unit = NULL;
	}
	return jobs;
}

/* Does a unit in this backend. */
static void
DoHere(Run *run, Unit *unit)
{
	ResumeWork(run);
	RunUnit(run, unit);
	PauseWork(run);
	unit->state = UNIT_DONE;
}

/* Starts what can be started; a unit for which there is no worker, and none
 * of ours will be free, is done here. */
static List *
StartJobs(Run *run, List *units, List *jobs)
{
	Unit	   *unit;

	while ((unit = NextUnit(units)) != NULL)
	{
		Job		   *job = FindJob(run, &jobs);

		if (job != NULL)
			GiveUnit(run, job, unit);
		else if (list_length(jobs) < run->max_workers)
			DoHere(run, unit);
		else
			break;
	}
	return jobs;
}

static bool
AnyBusy(List *jobs)
{
	ListCell   *lc;

	foreach(lc, jobs)
		if (((Job *) lfirst(lc))->unit != NULL)
			return true;
	return false;
}

/* A line for whoever waits for the run; workers have nobody to tell. */
static void
TellProgress(Run *run, List *units)
{
	StringInfoData at_work;
	int			done = 0;
	ListCell   *lc;

	if (!NoticeIsDue(run))
		return;
	initStringInfo(&at_work);
	foreach(lc, units)
	{
		Unit	   *unit = lfirst(lc);

		if (unit->state == UNIT_DONE)
			done++;
		else if (unit->state == UNIT_RUNNING)
			appendStringInfo(&at_work, "%s%s %s", at_work.len > 0 ? ", " : "", UnitLayer(unit), unit->name);
	}
	ereport(NOTICE, (errmsg_internal("%d of %d steps done; at work: %s", done, list_length(units), at_work.data)));
	pfree(at_work.data);
}

/* Does the units in workers, side by side where the graph allows it.  While we
 * wait, we hold no snapshot. */
void
RunUnitsInWorkers(Run *run, List *units)
{
	List	   *jobs = NIL;
	MemoryContext old;

	PauseWork(run);
	old = MemoryContextSwitchTo(run->context);
	for (;;)
	{
		jobs = StartJobs(run, units, jobs);
		if (!AnyBusy(jobs))
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1000,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		TellProgress(run, units);
		jobs = PollJobs(run, jobs);
	}
	EndWorkers();
	MemoryContextSwitchTo(old);
	ResumeWork(run);
}

/* --- in the worker --- */

void
RunUnitInWorker(const void *payload)
{
	const UnitOrder *order = payload;
	Run			run = {.order = order->run,.place = WORK_IN_WORKER};
	Unit		unit = {.kind = order->kind,.id = order->id,.bronze = order->bronze,.silver = order->silver};
	char	   *name;

	run.context = AllocSetContextCreate(TopMemoryContext, "medallion run", ALLOCSET_DEFAULT_SIZES);
	run.step_context = AllocSetContextCreate(run.context, "medallion step", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(run.context);
	initStringInfo(&run.errors);
	name = pstrdup(order->name);
	unit.name = name;
	run.noticed_at = run.committed_at = GetCurrentTimestamp();
	ResumeWork(&run);
	RunUnit(&run, &unit);
	PauseWork(&run);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(run.context);
}
