/*
 * step_unit.c
 *	  A step of the user's own, as add_step() describes it.
 */
#include "base/compat.h"

#include "run/run.h"

#include "base/sql.h"
#include "utils/timestamp.h"

typedef struct UserStep
{
	int			id;
	int64		rows;
} UserStep;

/* Runs the step's statement as its owner. */
static void
UserStepBody(void *arg)
{
	UserStep   *step = arg;
	SqlParams	params = {0};
	SavedIdentity saved;
	SqlRows    *rows;

	ParamInt(&params, step->id);
	rows = CatalogFetch("SELECT sql, owner::oid FROM medallion.steps WHERE step_id = $1", &params);
	if (rows->count == 0)
		return;
	AsRole(&saved, (Oid) RowBigint(rows, 0, 2));
	step->rows = SqlExec(RowText(rows, 0, 1), NULL);
	EndAs(&saved);
}

void
RunStepUnit(Run *run, const Unit *unit)
{
	StepLog		log = {.layer = "step",.object = unit->name,.status = "COMPLETED",
	.started_at = GetCurrentTimestamp()};
	StepPolicy	policy = RunPolicy(run);
	UserStep	step = {.id = unit->id};
	ErrorData  *error;

	Progress(run, "step", unit->name, 0, 0, 0);
	error = RunStep(run, "step", unit->name, &policy, UserStepBody, &step, NULL);
	if (error != NULL)
		FailStep(&log, error);
	log.rows_out = step.rows;
	FinishStep(run, &log);
	CommitStep(run);
}
