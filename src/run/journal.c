/*
 * journal.c
 *	  What a run would have logged, kept for the case of a rollback.
 *
 *	  run -> steps, in memory -> its transaction is rolled back -> worker
 *	      -> medallion.runs and etl_logs.pipeline_runs, in a transaction of its own
 *
 * The segment that carries the journal to the worker is made as the run
 * begins: in the midst of a rollback nothing may fail.
 */
#include "base/compat.h"

#include "run/journal.h"

#include "access/xact.h"
#include "base/settings.h"
#include "base/sql.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "run/alert.h"
#include "run/dispatch.h"
#include "run/redact.h"
#include "run/runlog.h"
#include "run/worker.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(medallion_forget_journals);

#define JOURNAL_SIZE (64 * 1024)
#define ERROR_SIZE (8 * 1024)	/* of it, at most, for the error that ended the run */

typedef struct Journal
{
	int64		run_id;
	char	   *pipeline;
	char	   *hook;			/* for the alert of its failure; "" */
	bool		alerts;			/* is there to be one? */
	TimestampTz started_at;
	bool		commits;
	bool		ended;			/* by itself */
	SubTransactionId subtransaction;	/* whose rollback is the run's */
	const char *status;			/* of a run that ended by an error */
	char	   *error;
	StringInfoData steps;		/* json objects, comma-separated */
	Packet	   *packet;
	MemoryContext context;
} Journal;

static List *journals = NIL;	/* in TopMemoryContext */

static void
ForgetJournal(Journal *journal)
{
	journals = list_delete_ptr(journals, journal);
	if (journal->packet != NULL)
		DropPacket(journal->packet);
	MemoryContextDelete(journal->context);
}

static Journal *
FindJournal(int64 run_id)
{
	ListCell   *lc;

	foreach(lc, journals)
		if (((Journal *) lfirst(lc))->run_id == run_id)
			return lfirst(lc);
	return NULL;
}

/* What has become of a run whose transaction is rolled back. */
static const char *
RolledBackStatus(const Journal *journal)
{
	if (journal->status != NULL)
		return journal->status;
	return journal->ended ? "ROLLED_BACK" : "TERMINATED";
}

/* Hands a journal to a worker. */
static void
SendJournal(Journal *journal)
{
	StringInfoData json;

	if (journal->packet == NULL)
		return;
	initStringInfo(&json);
	appendStringInfo(&json, "{\"run_id\": " INT64_FORMAT ", \"status\": \"%s\", \"pipeline\": ",
					 journal->run_id, RolledBackStatus(journal));
	escape_json(&json, journal->pipeline);
	appendStringInfo(&json, ", \"alert\": %s, \"hook\": ", journal->alerts ? "true" : "false");
	escape_json(&json, journal->hook);
	appendStringInfo(&json, ", \"started_at\": \"%s\", \"error\": ", timestamptz_to_str(journal->started_at));
	if (journal->error != NULL)
		escape_json(&json, journal->error);
	else
		appendStringInfoString(&json, "null");
	appendStringInfo(&json, ", \"steps\": [%s]}", journal->steps.data);
	if (!SendPacket(journal->packet, json.data))
		ereport(LOG,
				(errmsg("run " INT64_FORMAT " was rolled back, and there was no free worker to log it", journal->run_id)));
	journal->packet = NULL;
	pfree(json.data);
}

/* The end of a transaction is the end of its journals. */
static void
TransactionEnded(XactEvent event, void *arg)
{
	bool		aborted = event == XACT_EVENT_ABORT;
	ListCell   *lc;

	if (!aborted && event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE)
		return;
	if (aborted)
		StopWork();
	foreach(lc, list_copy(journals))
	{
		Journal    *journal = lfirst(lc);

		if (aborted)
			SendJournal(journal);
		if (aborted || !journal->commits)
			ForgetJournal(journal);
	}
}

static void
SubTransactionEnded(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	ListCell   *lc;

	if (journals == NIL || (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB))
		return;
	foreach(lc, list_copy(journals))
	{
		Journal    *journal = lfirst(lc);

		if (journal->subtransaction != mine || journal->commits)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			journal->subtransaction = parent;
		else
		{
			SendJournal(journal);
			ForgetJournal(journal);
		}
	}
}

void
OpenJournal(int64 run_id, const char *pipeline, bool commits)
{
	static bool registered = false;
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "medallion journal", ALLOCSET_SMALL_SIZES);
	MemoryContext old;
	Journal    *journal;

	if (!registered)
	{
		RegisterXactCallback(TransactionEnded, NULL);
		RegisterSubXactCallback(SubTransactionEnded, NULL);
		registered = true;
	}
	old = MemoryContextSwitchTo(context);
	journal = palloc0(sizeof(Journal));
	journal->context = context;
	journal->run_id = run_id;
	journal->pipeline = pstrdup(pipeline);
	journal->hook = pstrdup(medallion_alert_hook);
	journal->alerts = AlertWanted("failure");
	journal->started_at = GetCurrentTimestamp();
	journal->commits = commits;
	journal->subtransaction = GetCurrentSubTransactionId();
	initStringInfo(&journal->steps);
	journal->packet = MakePacket(TASK_JOURNAL, JOURNAL_SIZE);
	MemoryContextSwitchTo(TopMemoryContext);
	journals = lappend(journals, journal);
	MemoryContextSwitchTo(old);
}

/* One step as json. */
static char *
StepJson(const StepLog *step)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"layer\": \"%s\", \"status\": \"%s\", \"object\": ", step->layer, step->status);
	escape_json(&json, step->object);
	appendStringInfo(&json, ", \"started_at\": \"%s\"", timestamptz_to_str(step->started_at));
	appendStringInfo(&json, ", \"finished_at\": \"%s\"", timestamptz_to_str(step->finished_at));
	appendStringInfo(&json, ", \"rows_in\": " INT64_FORMAT ", \"invalid\": " INT64_FORMAT ", \"files\": %d",
					 step->rows_in, step->invalid, step->files);
	appendStringInfoString(&json, ", \"error\": ");
	if (step->error != NULL)
		escape_json(&json, step->error);
	else
		appendStringInfoString(&json, "null");
	appendStringInfo(&json, ", \"detail\": %s}", step->detail ? step->detail : "{}");
	return json.data;
}

void
JournalStep(const StepLog *step)
{
	Journal    *journal = FindJournal(step->run_id);
	char	   *json;

	if (journal == NULL)
		return;
	json = StepJson(step);
	if (journal->steps.len + strlen(json) < JOURNAL_SIZE - 2 * ERROR_SIZE)
		appendStringInfo(&journal->steps, "%s%s", journal->steps.len > 0 ? ", " : "", json);
	pfree(json);
}

void
JournalCommitted(int64 run_id)
{
	Journal    *journal = FindJournal(run_id);

	if (journal != NULL)
		resetStringInfo(&journal->steps);
}

void
JournalError(int64 run_id, const ErrorData *error)
{
	Journal    *journal = FindJournal(run_id);
	char	   *line;

	if (journal == NULL)
		return;
	line = ErrorLine(error);
	journal->status = error->sqlerrcode == ERRCODE_QUERY_CANCELED ? "CANCELLED" : "FAILED";
	journal->error = MemoryContextStrdup(journal->context,
										 pnstrdup(line, pg_mbcliplen(line, strlen(line), ERROR_SIZE / 2)));
}

void
CloseJournal(int64 run_id)
{
	Journal    *journal = FindJournal(run_id);

	if (journal == NULL)
		return;
	if (journal->commits)
		ForgetJournal(journal);
	else
		journal->ended = true;
}

/* forget_journals(): the runs of this subtransaction are not logged when it is rolled back, for that is meant. */
Datum
medallion_forget_journals(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	foreach(lc, list_copy(journals))
	{
		Journal    *journal = lfirst(lc);

		if (journal->subtransaction == GetCurrentSubTransactionId() && !journal->commits)
			ForgetJournal(journal);
	}
	PG_RETURN_VOID();
}

void
WriteJournal(const char *json)
{
	SqlParams	params = {0};
	SqlRows    *alerts;

	ParamText(&params, json);
	alerts = CatalogFetch("SELECT medallion.record_journal($1::jsonb)", &params);
	if (!RowIsNull(alerts, 0, 1))
		RecordAlert(RowText(alerts, 0, 1));
}
