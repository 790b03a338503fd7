/*
 * transaction.c
 *	  Work that commits as it goes.
 */
#include "base/compat.h"

#include "base/transaction.h"

#include "access/xact.h"
#include "base/settings.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "tcop/pquery.h"
#include "utils/snapmgr.h"

/* Prepares a C procedure for committing. */
void
BeginProcedure(FunctionCallInfo fcinfo, const char *name)
{
	bool		atomic = true;

	if (fcinfo->context != NULL && IsA(fcinfo->context, CallContext))
		atomic = ((CallContext *) fcinfo->context)->atomic;
	if (atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s cannot run inside a transaction block", name),
				 errhint("CALL it as a statement of its own; SELECT medallion.run_pipeline() runs in your transaction.")));
	SPI_connect_ext(SPI_OPT_NONATOMIC);
}

void
EndProcedure(void)
{
	SPI_finish();
}

/* Begins a stretch of work; returns what CommitWork() needs. */
int
BeginWork(WorkPlace place)
{
	if (place == WORK_IN_PROCEDURE)
		EnsurePortalSnapshotExists();
	else if (place == WORK_IN_WORKER)
	{
		if (!IsTransactionState())
			StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
	}
	return PinSettings();
}

/* Ends it.  In a procedure the next transaction has begun; it holds no snapshot. */
void
CommitWork(WorkPlace place, int settings_level)
{
	UnpinSettings(settings_level);
	if (place == WORK_IN_PROCEDURE)
		SPI_commit();
	else if (place == WORK_IN_WORKER)
	{
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
}

/* --- locks that are kept over commits --- */

/* A procedure that fails has lost its memory by the time that its transaction is rolled back: what it kept is
 * remembered here. */
#define MOST_LOCKS 4
static LOCKTAG kept[MOST_LOCKS];
static int	kept_count = 0;

bool
KeepLock(const LOCKTAG *lock, bool wait)
{
	if (kept_count == MOST_LOCKS)
		elog(ERROR, "more than %d locks to keep", MOST_LOCKS);
	if (LockAcquire(lock, ExclusiveLock, true, !wait) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	kept[kept_count++] = *lock;
	return true;
}

void
GiveBackLock(const LOCKTAG *lock)
{
	for (int i = 0; i < kept_count; i++)
		if (memcmp(&kept[i], lock, sizeof(LOCKTAG)) == 0)
		{
			kept[i] = kept[--kept_count];
			LockRelease(lock, ExclusiveLock, true);
			return;
		}
}

void
GiveBackLocks(void)
{
	while (kept_count > 0)
		LockRelease(&kept[--kept_count], ExclusiveLock, true);
}
