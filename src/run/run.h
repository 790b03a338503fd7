/*
 * run.h
 *	  One run of the pipeline, for the files of this layer.
 *
 *	  pipeline.c		the calls of a user, their options
 *	  unit.c			what there is to do, and in which order
 *	  dispatch.c		who does it: workers side by side, or this backend
 *	  feature_unit.c, model_unit.c, step_unit.c		one unit: its steps
 *	  step.c			one step: a subtransaction, its time limit, its retries
 *	  finish.c			what a step came to: run table, log, journal, alerts
 */
#ifndef MEDALLION_RUN_H
#define MEDALLION_RUN_H

#include "postgres.h"
#include "base/compat.h"
#include "base/feature.h"
#include "base/transaction.h"
#include "nodes/execnodes.h"
#include "run/runlog.h"
#include "run/unit.h"

typedef enum Concurrency
{
	RUN_WAIT, RUN_SKIP, RUN_ERROR
} Concurrency;

/* What a worker must know of a run; travels as bytes. */
typedef struct RunOrder
{
	int64		id;
	char		pipeline[NAMEDATALEN];
	Concurrency concurrency;
	int			max_retries;
	int			retry_delay;	/* ms */
	int			step_timeout;	/* ms; 0: none */
	TimestampTz deadline;		/* 0: none */
} RunOrder;

/* One run as one process sees it. */
typedef struct Run
{
	RunOrder	order;
	WorkPlace	place;
	bool		bronze;
	bool		silver;
	bool		gold;
	bool		raise;			/* on_error: raise */
	int			max_workers;
	int			run_timeout;	/* ms; 0: none */
	char	   *schedule;		/* whose run it is, or NULL */
	List	   *models;			/* Model *: the graph, once a model needed it */
	List	   *features;		/* names; NIL: all that the user may act for */
	int			failures;
	StringInfoData errors;		/* of the first few of them */
	TimestampTz noticed_at;		/* of the last progress line */
	TimestampTz committed_at;
	int			uncommitted;	/* steps since */
	int			settings_level; /* of BeginWork() */
	MemoryContext context;		/* lives as long as the run */
	MemoryContext step_context; /* reset after each step */
	ReturnSetInfo *result;		/* the run table, or NULL */
} Run;

/* How one step is tried. */
typedef struct StepPolicy
{
	int			max_retries;
	int			retry_delay;	/* ms */
	int			timeout;		/* ms; 0: none */
} StepPolicy;

/* pipeline.c */
extern void CheckRunOptions(Jsonb *options);

/* units */
extern void RunUnit(Run *run, const Unit *unit);
extern void RunFeatureUnit(Run *run, const Unit *unit);
extern void RunModelUnit(Run *run, const Unit *unit);
extern void RunStepUnit(Run *run, const Unit *unit);
extern void RaiseFeatureBusy(const char *name) NEVER_RETURNS;
extern void SkipFeature(Run *run, const char *name, const char *reason);

/* step.c */
typedef void (*StepBody) (void *arg);

extern StepPolicy RunPolicy(const Run *run);
extern StepPolicy FeaturePolicy(const Run *run, const Feature *feature);

/* Runs the body in a subtransaction with a time limit; NULL if it succeeded,
 * its error otherwise, in the caller's memory context.  Cancel and
 * termination are not errors of a step: they are raised again. */
extern ErrorData *TryStep(Run *run, const char *layer, const char *object, int timeout,
						  StepBody body, void *arg);

/* The same, again and again while the error is one that passes.  *retries
 * counts; NULL: nobody asks. */
extern ErrorData *RunStep(Run *run, const char *layer, const char *object, const StepPolicy *policy,
						  StepBody body, void *arg, int *retries);
extern bool PassingError(int sqlerrcode);
extern bool WaitForRetry(Run *run, const StepPolicy *policy, int attempt);

/* Commits, where steps commit: always, or when it is time to. */
extern void PauseWork(Run *run);
extern void ResumeWork(Run *run);
extern void CommitStep(Run *run);
extern void CommitStepSometimes(Run *run);

/* finish.c */
extern void FailStep(StepLog *step, const ErrorData *error);
extern void FinishStep(Run *run, StepLog *step);
extern void NoteFailure(Run *run, const char *layer, const char *object, const char *error);
extern bool NoticeIsDue(Run *run);
extern void Progress(Run *run, const char *layer, const char *object, int done, int total, int64 rows);

/* dispatch.c */
extern void RunUnitsInOrder(Run *run, List *units);
extern void RunUnitsInWorkers(Run *run, List *units);

#endif							/* MEDALLION_RUN_H */
