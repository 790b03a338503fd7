/*
 * transaction.h
 *	  Work that commits as it goes: in a procedure's caller, or in a background
 *	  worker that has its transactions to itself.
 */
#ifndef MEDALLION_TRANSACTION_H
#define MEDALLION_TRANSACTION_H

#include "postgres.h"
#include "fmgr.h"
#include "storage/lock.h"

/* Whose transaction the work is done in. */
typedef enum WorkPlace
{
	WORK_IN_STATEMENT,			/* the caller's: never committed by us */
	WORK_IN_PROCEDURE,			/* a procedure called outside a transaction block */
	WORK_IN_WORKER				/* a background worker */
} WorkPlace;

/* Prepares a C procedure for committing; raises where it may not. */
extern void BeginProcedure(FunctionCallInfo fcinfo, const char *name);
extern void EndProcedure(void);

/* A snapshot for the statements to come, and settings pinned; then the end of
 * both, with a commit wherever we may. */
extern int	BeginWork(WorkPlace place);
extern void CommitWork(WorkPlace place, int settings_level);

/* A lock that is kept over commits, until it is given back, or the session
 * ends; KeepLock() is false if it is not free and we do not wait.  All are
 * given back by who sees the rollback of a run. */
extern bool KeepLock(const LOCKTAG *lock, bool wait);
extern void GiveBackLock(const LOCKTAG *lock);
extern void GiveBackLocks(void);

#endif							/* MEDALLION_TRANSACTION_H */
