/*
 * unit.h
 *	  What a run has to do: units, each of which one process does from
 *	  beginning to end.
 */
#ifndef MEDALLION_UNIT_H
#define MEDALLION_UNIT_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef enum UnitKind
{
	UNIT_FEATURE,				/* bronze, silver, or both */
	UNIT_MODEL,
	UNIT_STEP					/* of add_step() */
} UnitKind;

typedef enum UnitState
{
	UNIT_WAITING, UNIT_RUNNING, UNIT_DONE
} UnitState;

typedef struct Unit
{
	UnitKind	kind;
	int			id;				/* feature_id, model_id, step_id */
	char	   *name;
	bool		bronze;			/* of a feature: which layers */
	bool		silver;
	bool		yields;			/* of a model: left to another run that is at it */
	UnitState	state;
	List	   *after;			/* Unit *: what must be done before */
} Unit;

struct Run;

/* The units of a run, each after those that it waits for. */
extern List *PlanUnits(struct Run *run);

/* Its layer, as the logs call it. */
extern const char *UnitLayer(const Unit *unit);

#endif							/* MEDALLION_UNIT_H */
