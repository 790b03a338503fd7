/*
 * step.c
 *	  One step of a run in a subtransaction of its own: it succeeds whole, or
 *	  leaves no trace but its error.
 */
#include "base/compat.h"

#include "run/run.h"

#include "access/xact.h"
#include "base/settings.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "run/journal.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#define COMMIT_INTERVAL_US (1000 * 1000)	/* small files share a commit for so long ... */
#define COMMIT_STEPS 50			/* ... and so many: 64 subtransactions are the limit of the
								 * cache that other sessions' snapshots look at */

/* Where the error context says that we are. */
typedef struct StepPlace
{
	int64		run_id;
	const char *layer;
	const char *object;
} StepPlace;

static TimeoutId step_timeout_id = MAX_TIMEOUTS;
static volatile sig_atomic_t step_timed_out = false;

/* The step took too long: it is cancelled as by a user, and TryStep() knows better. */
static void
StepTimeoutHandler(void)
{
	step_timed_out = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

/*
 * Does this error end the whole run?  A cancel of ours does; one that a foreign
 * server tells of has the same code, and is that step's.  (A shutdown of ours is
 * FATAL and comes by nowhere.)
 */
static bool
EndsRun(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED && error->funcname != NULL &&
		strcmp(error->funcname, "ProcessInterrupts") == 0;
}

/* An error that may be gone in a while: another session, server or program was in the way. */
bool
PassingError(int sqlerrcode)
{
	if (ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_CONNECTION_EXCEPTION ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK)
		return true;
	return sqlerrcode == ERRCODE_OBJECT_IN_USE || sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlerrcode == ERRCODE_TOO_MANY_CONNECTIONS || sqlerrcode == ERRCODE_CANNOT_CONNECT_NOW ||
		sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || sqlerrcode == ERRCODE_CRASH_SHUTDOWN ||
		sqlerrcode == ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION;
}

static void
StepErrorContext(void *arg)
{
	StepPlace  *place = arg;

	errcontext("medallion run " INT64_FORMAT ", %s \"%s\"", place->run_id, place->layer, place->object);
}

/* The time that a step may take, in ms; 0: any; -1: the run's time is over. */
static int
TimeLeft(const Run *run, int timeout)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		left;

	if (run->order.deadline == 0)
		return timeout;
	left = (run->order.deadline - now) / 1000;
	if (left <= 0)
		return -1;
	return timeout == 0 || left < timeout ? (int) Min(left, INT_MAX) : timeout;
}

static void
StartTimer(int timeout)
{
	step_timed_out = false;
	if (timeout <= 0)
		return;
	if (step_timeout_id == MAX_TIMEOUTS)
		step_timeout_id = RegisterTimeout(USER_TIMEOUT, StepTimeoutHandler);
	enable_timeout_after(step_timeout_id, timeout);
}

/* A step that ended just as its time did has ended. */
static void
StopTimer(int timeout)
{
	if (timeout <= 0)
		return;
	disable_timeout(step_timeout_id, false);
	if (step_timed_out)
		QueryCancelPending = false;
}

/* The error of a step that had no time, or not enough of it. */
static ErrorData *
TimeoutError(int timeout)
{
	ErrorData  *error = palloc0(sizeof(ErrorData));

	error->elevel = ERROR;
	error->sqlerrcode = ERRCODE_QUERY_CANCELED;
	error->message = timeout < 0 ? pstrdup("the run's time is over") :
		psprintf("the step took longer than %d ms", timeout);
	error->hint = pstrdup(timeout < 0 ? "See setting medallion.run_timeout." :
						  "See settings medallion.step_timeout and medallion.run_timeout.");
	error->assoc_context = CurrentMemoryContext;
	return error;
}

ErrorData *
TryStep(Run *run, const char *layer, const char *object, int timeout, StepBody body, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	volatile int limit = TimeLeft(run, timeout);
	StepPlace	place = {run->order.id, layer, object};
	ErrorContextCallback callback = {error_context_stack, StepErrorContext, &place};

	if (limit < 0)
		return TimeoutError(limit);
	error_context_stack = &callback;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	StartTimer(limit);
	PG_TRY();
	{
		body(arg);
		StopTimer(limit);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		StopTimer(limit);
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	error_context_stack = callback.previous;
	if (error != NULL && step_timed_out && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return TimeoutError(limit);
	if (error != NULL && EndsRun(error))
		ReThrowError(error);
	return error;
}

/* How the run's steps are tried.  In the caller's transaction a retry would
 * wait with everybody's locks held: there, the next run is the retry, unless
 * the run's options ask for it. */
StepPolicy
RunPolicy(const Run *run)
{
	StepPolicy	policy = {run->order.max_retries, run->order.retry_delay, run->order.step_timeout};

	return policy;
}

/* How a feature's steps are tried. */
StepPolicy
FeaturePolicy(const Run *run, const Feature *feature)
{
	StepPolicy	policy = RunPolicy(run);

	if (feature->options.max_retries >= 0 && run->place != WORK_IN_STATEMENT)
		policy.max_retries = feature->options.max_retries;
	if (feature->options.retry_delay_ms >= 0)
		policy.retry_delay = feature->options.retry_delay_ms;
	if (feature->options.step_timeout_ms >= 0)
		policy.timeout = feature->options.step_timeout_ms;
	return policy;
}

/* Waits before the next try, without a snapshot; false if there is to be none. */
bool
WaitForRetry(Run *run, const StepPolicy *policy, int attempt)
{
	TimestampTz until;

	if (attempt >= policy->max_retries)
		return false;
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										(int64) policy->retry_delay << Min(attempt, 20));
	if (run->order.deadline != 0 && until >= run->order.deadline)
		return false;
	PauseWork(run);
	for (;;)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

		CHECK_FOR_INTERRUPTS();
		if (left <= 0)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	ResumeWork(run);
	return true;
}

ErrorData *
RunStep(Run *run, const char *layer, const char *object, const StepPolicy *policy,
		StepBody body, void *arg, int *retries)
{
	for (int attempt = 0;; attempt++)
	{
		ErrorData  *error = TryStep(run, layer, object, policy->timeout, body, arg);

		if (retries != NULL)
			*retries = attempt;
		if (error == NULL || !PassingError(error->sqlerrcode) || !WaitForRetry(run, policy, attempt))
			return error;
	}
}

/* Commits what was done since the last time, where steps commit; there is no
 * snapshot then until ResumeWork(). */
void
PauseWork(Run *run)
{
	MemoryContext context = CurrentMemoryContext;

	run->uncommitted = 0;
	if (run->place == WORK_IN_STATEMENT)
		return;
	CommitWork(run->place, run->settings_level);
	JournalCommitted(run->order.id);
	run->committed_at = GetCurrentTimestamp();
	MemoryContextSwitchTo(context);
}

void
ResumeWork(Run *run)
{
	MemoryContext context = CurrentMemoryContext;

	if (run->place != WORK_IN_STATEMENT)
		run->settings_level = BeginWork(run->place);
	MemoryContextSwitchTo(context);
}

void
CommitStep(Run *run)
{
	PauseWork(run);
	ResumeWork(run);
}

/* The same, for steps that are small and many. */
void
CommitStepSometimes(Run *run)
{
	if (++run->uncommitted >= COMMIT_STEPS ||
		GetCurrentTimestamp() - run->committed_at >= COMMIT_INTERVAL_US)
		CommitStep(run);
}
