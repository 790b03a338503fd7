/*
 * alert.h
 *	  Tells people: medallion.alerts, NOTIFY medallion, their hook function.
 */
#ifndef MEDALLION_ALERT_H
#define MEDALLION_ALERT_H

#include "run/run.h"

/* Does setting medallion.alert_on name this kind? */
extern bool AlertWanted(const char *kind);

/* A step failed; or it succeeded, perhaps after failures. */
extern void AlertOfFailure(Run *run, const StepLog *step);
extern void AlertOfSuccess(Run *run, const StepLog *step);

/* A check failed. */
extern void AlertOfCheck(Run *run, const char *feature, const CheckOutcome *check);

/* The run has ended; only who asks for it hears of success. */
extern void AlertOfRun(Run *run, const char *status);

/* Records an alert in this transaction and calls the hook: json as the
 * functions above make it. */
extern void RecordAlert(const char *json);

#endif							/* MEDALLION_ALERT_H */
