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
