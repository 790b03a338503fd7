/*
 * model_unit.c
 *	  A gold model: refreshed if its inputs changed.
 */
#include "base/compat.h"

#include "run/run.h"

#include "base/settings.h"
#include "gold/model.h"
#include "miscadmin.h"
#include "run/rowcount.h"
#include "utils/timestamp.h"

typedef struct ModelStep
{
	Run		   *run;
	const char *name;
	const Model *model;			/* NULL: it is gone */
	bool		yields;
	bool		taken;			/* by another run */
	bool		stale;
	RefreshResult result;
} ModelStep;

/* Finds the model in the graph and refreshes it if its inputs changed.  The
 * graph is read once, when the features are done: silver may have dropped
 * views, which reading it makes again. */
static void
ModelBody(void *arg)
{
	ModelStep  *step = arg;
	ListCell   *lc;

	if (step->run->models == NIL)
	{
		MemoryContext old = MemoryContextSwitchTo(step->run->context);

		step->run->models = LoadModelsInOrder();
		MemoryContextSwitchTo(old);
	}
	step->model = NULL;
	foreach(lc, step->run->models)
		if (strcmp(((Model *) lfirst(lc))->name, step->name) == 0)
			step->model = lfirst(lc);
	step->stale = step->model != NULL && ModelIsStale(step->model);
	step->taken = step->stale && step->yields && !TryLockModel(step->name);
	if (step->taken)
		return;
	if (step->stale)
		RefreshModel(step->model, step->model->refresh, step->run->order.id, &step->result);
}

/* Refreshes one model if its inputs changed. */
void
RunModelUnit(Run *run, const Unit *unit)
{
	StepLog		log = {.layer = "gold",.object = unit->name,.started_at = GetCurrentTimestamp()};
	StepPolicy	policy = RunPolicy(run);
	ModelStep	step = {.run = run,.name = unit->name,.yields = unit->yields};
	int			retries;
	ErrorData  *error;

	Progress(run, "gold", unit->name, 0, 0, 0);
	error = RunStep(run, "gold", unit->name, &policy, ModelBody, &step, &retries);
	if (error != NULL)
	{
		if (FailedByCheck(&step.result))
			LogModelChecks(step.model, run->order.id, &step.result);
		FailStep(&log, error);
	}
	else if (step.taken)
	{
		log.status = "SKIPPED";
		log.detail = "{\"reason\": \"another run refreshes this model\"}";
	}
	else if (!step.stale)
		log.status = "UNCHANGED";
	else
	{
		bool		changed = step.result.rows_inserted + step.result.rows_deleted > 0;

		if (changed)
			LogTableStatistics(run->order.id, "gold", medallion_gold_schema, unit->name,
							   CountTableRows(medallion_gold_schema, unit->name, step.model->owner));
		log.status = "COMPLETED";
		log.rows_in = step.result.rows_total;
		log.rows_out = step.result.rows_inserted;
		log.detail = psprintf("{\"rows\": " INT64_FORMAT ", \"inserted\": " INT64_FORMAT
							  ", \"deleted\": " INT64_FORMAT ", \"refresh\": \"%s\"%s}", step.result.rows_total,
							  step.result.rows_inserted, step.result.rows_deleted, step.result.way,
							  retries > 0 ? psprintf(", \"retries\": %d", retries) : "");
	}
	FinishStep(run, &log);
	CommitStep(run);
}
