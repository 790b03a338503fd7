/*
 * unit.c
 *	  What a run has to do, and in which order.
 *
 *	  steps after start -> features -> steps after silver -> models, inputs first
 *	      -> steps after gold
 *
 * A model waits for the features and models that it reads, and for nothing
 * else.  Where a step is to come between bronze and silver, each feature is
 * two units.
 */
#include "base/compat.h"

#include "run/unit.h"

#include "base/settings.h"
#include "base/sql.h"
#include "gold/model.h"
#include "miscadmin.h"
#include "run/run.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

/* A step of add_step(), before it is a unit. */
typedef struct StepRow
{
	int			id;
	char	   *name;
	char	   *after;
} StepRow;

const char *
UnitLayer(const Unit *unit)
{
	switch (unit->kind)
	{
		case UNIT_FEATURE:
			return unit->bronze ? "bronze" : "silver";
		case UNIT_MODEL:
			return "gold";
		case UNIT_STEP:
			break;
	}
	return "step";
}

static Unit *
NewUnit(List **units, UnitKind kind, int id, const char *name)
{
	Unit	   *unit = palloc0(sizeof(Unit));

	unit->kind = kind;
	unit->id = id;
	unit->name = pstrdup(name);
	*units = lappend(*units, unit);
	return unit;
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
			CheckMayRun(feature->owner, "feature", feature->name);
		if (MayRun(feature->owner))
			features = lappend(features, feature);
	}
	return features;
}

/* Leaves out, and says so, the features that are paused. */
static List *
WithoutPaused(Run *run, List *features)
{
	ListCell   *lc;

	foreach(lc, features)
	{
		Feature    *feature = lfirst(lc);

		if (!feature->options.paused)
			continue;
		SkipFeature(run, feature->name, "the feature is paused");
		features = foreach_delete_current(features, lc);
	}
	return features;
}

/* In the caller's transaction all locks come first, in order of id, so that
 * two runs cannot wait for each other. */
static List *
LockFeatures(Run *run, List *features)
{
	ListCell   *lc;

	if (run->place != WORK_IN_STATEMENT)
		return features;
	foreach(lc, features)
	{
		Feature    *feature = lfirst(lc);

		if (LockFeature(feature->id, run->order.concurrency == RUN_WAIT))
			continue;
		if (run->order.concurrency == RUN_ERROR)
			RaiseFeatureBusy(feature->name);
		SkipFeature(run, feature->name, "another run works on this feature");
		features = foreach_delete_current(features, lc);
	}
	return features;
}

/* The user's steps, in the order in which they were added. */
static List *
LoadSteps(const Run *run)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *steps = NIL;

	ParamText(&params, run->order.pipeline);
	rows = CatalogFetch("SELECT step_id, name, after, owner::oid FROM medallion.steps"
						" WHERE pipeline IS NULL OR pipeline = $1 ORDER BY step_id", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		StepRow    *step = palloc0(sizeof(StepRow));

		if (!MayRun((Oid) RowBigint(rows, i, 4)))
			continue;
		step->id = RowInt(rows, i, 1);
		step->name = RowText(rows, i, 2);
		step->after = RowText(rows, i, 3);
		steps = lappend(steps, step);
	}
	return steps;
}

/* Adds the steps after a place; each waits for all of what is given. */
static List *
AddSteps(List **units, List *steps, const char *place, List *after)
{
	List	   *added = NIL;
	ListCell   *lc;

	foreach(lc, steps)
	{
		StepRow    *step = lfirst(lc);
		Unit	   *unit;

		if (strcmp(step->after, place) != 0)
			continue;
		unit = NewUnit(units, UNIT_STEP, step->id, step->name);
		unit->after = list_copy(after);
		added = lappend(added, unit);
	}
	return added;
}

/* One unit per feature, for one layer or for both. */
static List *
AddFeatures(List **units, List *features, bool bronze, bool silver, List *after)
{
	List	   *added = NIL;
	ListCell   *lc;

	if (!bronze && !silver)
		return NIL;
	foreach(lc, features)
	{
		Feature    *feature = lfirst(lc);
		Unit	   *unit = NewUnit(units, UNIT_FEATURE, feature->id, feature->name);

		unit->bronze = bronze;
		unit->silver = silver;
		unit->after = list_copy(after);
		added = lappend(added, unit);
	}
	return added;
}

static Unit *
FindUnit(List *units, UnitKind kind, int id)
{
	ListCell   *lc;

	foreach(lc, units)
	{
		Unit	   *unit = lfirst(lc);

		if (unit->kind == kind && unit->id == id)
			return unit;
	}
	return NULL;
}

/* One unit per model that is a table; it waits for what it reads and refers to. */
static List *
AddModels(List **units, List *models, List *features, List *after)
{
	List	   *added = NIL;
	ListCell   *lc;
	ListCell   *ic;

	foreach(lc, models)
	{
		Model	   *model = lfirst(lc);
		Unit	   *unit;

		if (model->is_view || !MayRun(model->owner))
			continue;
		unit = NewUnit(units, UNIT_MODEL, model->id, model->name);
		unit->after = list_copy(after);
		foreach(ic, model->watched)
		{
			ModelInput *input = lfirst(ic);
			Unit	   *before = input->kind == INPUT_MODEL ? FindUnit(added, UNIT_MODEL, input->id) :
				input->kind == INPUT_FEATURE ? FindUnit(features, UNIT_FEATURE, input->id) : NULL;

			if (before != NULL)
				unit->after = lappend(unit->after, before);
		}
		foreach(ic, model->referenced)
		{
			Unit	   *before = FindUnit(added, UNIT_MODEL, ((Model *) lfirst(ic))->id);

			if (before != NULL)
				unit->after = lappend(unit->after, before);
		}
		added = lappend(added, unit);
	}
	return added;
}

static void
LoadModelsBody(void *arg)
{
	*(List **) arg = LoadModelsInOrder();
}

/* The models in their order; a circle among them is a failure of gold. */
static List *
ModelsToRun(Run *run)
{
	StepLog		log = {.layer = "gold",.object = "*",.started_at = GetCurrentTimestamp()};
	List	   *models = NIL;
	ErrorData  *error;

	if (!run->gold)
		return NIL;
	error = TryStep(run, "gold", "*", 0, LoadModelsBody, &models);
	if (error == NULL)
		return models;
	FailStep(&log, error);
	FinishStep(run, &log);
	return NIL;
}

typedef struct SchemaStep
{
	const Run  *run;
	Oid			owner;
} SchemaStep;

static void
SchemaBody(void *arg)
{
	SchemaStep *step = arg;
	SavedIdentity saved;

	AsRole(&saved, step->owner);
	if (step->run->bronze)
		EnsureSchema(medallion_bronze_schema);
	if (step->run->silver)
		EnsureSchema(medallion_silver_schema);
	EndAs(&saved);
}

/* Makes the schemas that a first run lacks before features run side by side:
 * the first to make one would let all others wait until it is done.  An error
 * is the features' to report. */
static void
MakeSchemas(Run *run, List *features)
{
	SchemaStep	step = {.run = run};

	if (run->place != WORK_IN_PROCEDURE || features == NIL)
		return;
	step.owner = ((Feature *) linitial(features))->owner;
	(void) TryStep(run, "run", "schemas", 0, SchemaBody, &step);
	CommitStep(run);
}

/* Will what this run does to features reach the model? */
static bool
IsDownstream(const Unit *unit, List *downstream)
{
	ListCell   *lc;

	foreach(lc, unit->after)
		if (((Unit *) lfirst(lc))->kind == UNIT_FEATURE || list_member_ptr(downstream, lfirst(lc)))
			return true;
	return false;
}

/*
 * In the caller's transaction the models that the run will reach are locked
 * before it touches anything.  Otherwise a worker that refreshes one of them
 * would wait for our silver tables, and we for its model.  A model that we do
 * not reach is refreshed if nobody else is at it.
 */
static List *
LockModels(Run *run, List *models, bool has_features)
{
	List	   *reached = NIL;
	ListCell   *lc;

	if (run->place != WORK_IN_STATEMENT)
		return models;
	foreach(lc, models)
	{
		Unit	   *unit = lfirst(lc);

		unit->yields = has_features && !IsDownstream(unit, reached);
		if (unit->yields)
			continue;
		reached = lappend(reached, unit);
		if (run->order.concurrency == RUN_WAIT)
			LockModel(unit->name);
		else
			unit->yields = !TryLockModel(unit->name);
	}
	return models;
}

/* Does any step come between bronze and silver? */
static bool
SplitsFeatures(const Run *run, List *steps)
{
	ListCell   *lc;

	foreach(lc, steps)
		if (strcmp(((StepRow *) lfirst(lc))->after, "bronze") == 0)
			return run->bronze && run->silver;
	return false;
}

/* The features' units; returns those after which they are done. */
static List *
PlanFeatures(Run *run, List **units, List *steps, List *start)
{
	List	   *features = LockFeatures(run, WithoutPaused(run, RunnableFeatures(run->features)));
	List	   *done;

	MakeSchemas(run, features);
	if (!SplitsFeatures(run, steps))
		return AddFeatures(units, features, run->bronze, run->silver, start);
	done = AddFeatures(units, features, true, false, start);
	done = list_concat(AddSteps(units, steps, "bronze", done), done);
	return AddFeatures(units, features, false, true, done);
}

/* Steps that name the feature or model that they come after. */
static void
AddNamedSteps(List **units, List *steps)
{
	ListCell   *lc;

	foreach(lc, list_copy(*units))
	{
		Unit	   *unit = lfirst(lc);

		if (unit->kind == UNIT_MODEL || (unit->kind == UNIT_FEATURE && (unit->silver || !unit->bronze)))
			AddSteps(units, steps, unit->name, list_make1(unit));
	}
}

/* The units of a run. */
List *
PlanUnits(Run *run)
{
	List	   *units = NIL;
	List	   *steps = LoadSteps(run);
	List	   *start = AddSteps(&units, steps, "start", NIL);
	List	   *features = PlanFeatures(run, &units, steps, start);
	List	   *gates = run->silver ? AddSteps(&units, steps, "silver", features) : NIL;
	List	   *models = LockModels(run, AddModels(&units, ModelsToRun(run), features, list_concat(gates, start)),
									features != NIL);

	AddNamedSteps(&units, steps);
	if (run->gold)
		AddSteps(&units, steps, "gold", list_concat(list_copy(features), models));
	return units;
}
