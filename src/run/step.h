/*
 * step.h
 *	  One step of a run in a subtransaction of its own: it succeeds whole, or
 *	  leaves no trace but its error.
 */
#ifndef MEDALLION_STEP_H
#define MEDALLION_STEP_H

#include "postgres.h"
#include "utils/elog.h"

typedef void (*StepBody) (void *arg);

/* Runs the body; NULL if it succeeded, its error otherwise, in the caller's
 * memory context.  Cancel and termination are not errors of a step: they are
 * raised again. */
extern ErrorData *RunStep(StepBody body, void *arg);

#endif							/* MEDALLION_STEP_H */
