/*
 * journal.h
 *	  What a run would have logged, kept for the case that its transaction is
 *	  rolled back: a worker then writes it in a transaction of its own.
 */
#ifndef MEDALLION_JOURNAL_H
#define MEDALLION_JOURNAL_H

#include "postgres.h"
#include "utils/elog.h"

struct StepLog;

/* Opens the journal of a run.  commits: the run commits as it goes. */
extern void OpenJournal(int64 run_id, const char *pipeline, bool commits);
extern void JournalStep(const struct StepLog *step);

/* What was written so far is committed; the rest of the run is not. */
extern void JournalCommitted(int64 run_id);

/* The run is about to end with this error. */
extern void JournalError(int64 run_id, const ErrorData *error);

/* The run has ended by itself.  One that commits needs its journal no more;
 * that of any other is kept until its transaction ends. */
extern void CloseJournal(int64 run_id);

/* In the worker: writes down what a journal says. */
extern void WriteJournal(const char *json);

#endif							/* MEDALLION_JOURNAL_H */
