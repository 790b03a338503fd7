/*
 * finish.c
 *	  What a step came to: run table, log, journal, alerts; and what is seen of
 *	  a run while it goes on.
 */
#include "base/compat.h"

#include "run/run.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "run/alert.h"
#include "run/journal.h"
#include "run/redact.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define NOTICE_INTERVAL_US (2 * 1000 * 1000)	/* at most one progress line per so long */
#define STEPS_REMEMBERED 200	/* steps that changed something, until caches are emptied */
#define ERRORS_SHOWN 2000		/* bytes of errors that the end of a run repeats */

/* Notes the error of a step. */
void
FailStep(StepLog *step, const ErrorData *error)
{
	step->status = "FAILED";
	step->error = ErrorLine(error);
	step->sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
	/* a step's statement, which the context quotes, is for who may see it in medallion.steps */
	step->context = error->context && strcmp(step->layer, "step") != 0 ? Redact(ContextWithoutValues(error)) : NULL;
}

/* Counts a failure and remembers the first few. */
void
NoteFailure(Run *run, const char *layer, const char *object, const char *error)
{
	run->failures++;
	if (run->errors.len < ERRORS_SHOWN)
		appendStringInfo(&run->errors, "%s%s %s: %s", run->errors.len > 0 ? "\n" : "", layer, object, error);
}

/* {"error": ..., "sqlstate": ..., "context": ...} and the rest of the detail. */
static char *
DetailWithError(const StepLog *step)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfoString(&detail, "{\"error\": ");
	escape_json(&detail, step->error);
	if (step->sqlstate != NULL)
		appendStringInfo(&detail, ", \"sqlstate\": \"%s\"", step->sqlstate);
	if (step->context != NULL)
	{
		appendStringInfoString(&detail, ", \"context\": ");
		escape_json(&detail, step->context);
	}
	appendStringInfo(&detail, "%s%s", step->detail ? ", " : "}", step->detail ? step->detail + 1 : "");
	return detail.data;
}

/* Adds a row to the run table. */
static void
PutResult(Run *run, const StepLog *step)
{
	Datum		values[8];
	bool		nulls[8] = {0};
	Interval   *elapsed = palloc0(sizeof(Interval));

	elapsed->time = step->finished_at - step->started_at;
	values[0] = Int64GetDatum(step->run_id);
	values[1] = CStringGetTextDatum(step->layer);
	values[2] = CStringGetTextDatum(step->object);
	values[3] = CStringGetTextDatum(step->status);
	values[4] = Int64GetDatum(step->rows_in);
	values[5] = Int64GetDatum(step->rows_out);
	values[6] = IntervalPGetDatum(elapsed);
	values[7] = DirectFunctionCall1(jsonb_in, CStringGetDatum(step->detail ? step->detail : "{}"));
	tuplestore_putvalues(run->result->setResult, run->result->setDesc, values, nulls);
}

/*
 * A step's tables in between come and go, and for each column of theirs the
 * server's catalog cache keeps that there are no statistics: of a table that is
 * gone nothing ever clears that out.  Now and then a session that runs steps
 * forever empties its caches.
 */
static void
ForgetDroppedTables(void)
{
	static int	steps = 0;

	if (++steps < STEPS_REMEMBERED)
		return;
	steps = 0;
	InvalidateSystemCaches();
}

/* The end of a step: in the run table, in the log, in the journal, to whom it concerns. */
void
FinishStep(Run *run, StepLog *step)
{
	step->run_id = run->order.id;
	step->pipeline = run->order.pipeline;
	step->finished_at = GetCurrentTimestamp();
	if (step->error != NULL)
	{
		NoteFailure(run, step->layer, step->object, step->error);
		step->detail = DetailWithError(step);
	}
	if (run->result != NULL)
		PutResult(run, step);
	LogStep(step);
	JournalStep(step);
	if (strcmp(step->status, "COMPLETED") == 0)
		ForgetDroppedTables();
	if (step->error != NULL && !step->alerted)
		AlertOfFailure(run, step);
	else if (step->error == NULL && strcmp(step->status, "SKIPPED") != 0)
		AlertOfSuccess(run, step);
}

/* Is it time for another line to whoever waits for the run? */
bool
NoticeIsDue(Run *run)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now - run->noticed_at < NOTICE_INTERVAL_US)
		return false;
	run->noticed_at = now;
	return true;
}

/*
 * Where the run is, for other sessions: application_name, which everybody can
 * read while nothing is committed; medallion.progress takes it apart.  Numbers
 * come first, for what is too long is cut.  And now and then a line for whoever
 * waits for the run.
 */
void
Progress(Run *run, const char *layer, const char *object, int done, int total, int64 rows)
{
	char	   *where = total == 0 ? psprintf("%s %s", layer, object) :
		psprintf("%d/%d " INT64_FORMAT " rows: %s %s", done, total, rows, layer, object);
	char	   *name = psprintf("medallion run " INT64_FORMAT " %s", run->order.id, where);

	/* here, for the server would say that it does */
	name[pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1)] = '\0';
	(void) set_config_option("application_name", name, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (!NoticeIsDue(run))
		return;
	if (total == 0)
		ereport(NOTICE, (errmsg_internal("%s %s", layer, object)));
	else
		ereport(NOTICE, (errmsg_internal("%s %s: %d of %d files, " INT64_FORMAT " rows", layer, object,
										 done, total, rows)));
}
