/*
 * alert.c
 *	  Tells people: medallion.alerts, NOTIFY medallion, their hook function.
 *
 * NOTIFY is delivered at commit and lost with a rollback.  Where steps commit
 * an alert is part of the step's transaction; in a caller's transaction, which
 * may go on for long and be rolled back at last, failures leave with a worker.
 * Where no worker can be had, the alert waits for the commit.
 */
#include "base/compat.h"

#include "run/alert.h"

#include "base/settings.h"
#include "base/sql.h"
#include "miscadmin.h"
#include "run/redact.h"
#include "run/worker.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/varlena.h"

/* Is this kind of alert wanted? */
bool
AlertWanted(const char *kind)
{
	List	   *kinds;
	ListCell   *lc;

	if (!SplitIdentifierString(pstrdup(medallion_alert_on), ',', &kinds))
		return false;
	foreach(lc, kinds)
		if (strcmp(lfirst(lc), kind) == 0)
			return true;
	return false;
}

/* Adds "name": "value" to an object. */
static void
AddText(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, "%s\"%s\": ", json->len > 1 ? ", " : "", name);
	if (value == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, value);
}

/* What every alert says. */
static StringInfo
NewAlert(const Run *run, const char *kind, const char *severity, const char *layer,
		 const char *object, const char *message)
{
	StringInfo	json = makeStringInfo();

	appendStringInfoChar(json, '{');
	AddText(json, "kind", kind);
	AddText(json, "severity", severity);
	appendStringInfo(json, ", \"run_id\": " INT64_FORMAT, run->order.id);
	AddText(json, "pipeline", run->order.pipeline);
	AddText(json, "layer", layer);
	AddText(json, "object", object);
	AddText(json, "message", Redact(pstrdup(message)));
	if (medallion_alert_hook[0] != '\0')
		AddText(json, "hook", medallion_alert_hook);
	return json;
}

/* Ends the object and sends it; now: also if our transaction is rolled back. */
static void
SendAlert(const Run *run, StringInfo json, bool now)
{
	appendStringInfoChar(json, '}');
	if (now && run->place == WORK_IN_STATEMENT && SendWorker(TASK_ALERT, json->data))
		return;
	RecordAlert(json->data);
}

void
AlertOfFailure(Run *run, const StepLog *step)
{
	StringInfo	json;

	if (!AlertWanted("failure"))
		return;
	json = NewAlert(run, "failure", "error", step->layer, step->object, step->error);
	AddText(json, "sqlstate", step->sqlstate);
	SendAlert(run, json, true);
}

/* Most steps were not failing: a look is cheaper than an attempt. */
static bool
WasFailing(const SqlParams *params)
{
	return CatalogBigint("SELECT 1 FROM medallion.failing WHERE layer = $1 AND object = $2", params, 0) == 1;
}

/* Was it failing?  Then it recovers with this transaction, and only with it.
 * Where another run is about to say so, we need not, and must not wait. */
void
AlertOfSuccess(Run *run, const StepLog *step)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamText(&params, step->layer);
	ParamText(&params, step->object);
	if (!WasFailing(&params))
		return;
	rows = CatalogFetch("DELETE FROM medallion.failing WHERE (layer, object) IN"
						" (SELECT f.layer, f.object FROM medallion.failing f WHERE f.layer = $1 AND f.object = $2"
						"  FOR UPDATE SKIP LOCKED) RETURNING failures, since", &params);
	if (rows->count > 0 && AlertWanted("recovery"))
		SendAlert(run, NewAlert(run, "recovery", "info", step->layer, step->object,
								psprintf("works again, after %s failures since %s", RowText(rows, 0, 1),
										 RowText(rows, 0, 2))), false);
}

/* A check's kind says what kind of alert it is. */
static const char *
CheckAlertKind(const char *kind)
{
	if (strcmp(kind, "freshness") == 0)
		return "freshness";
	if (strcmp(kind, "row_count") == 0 || strstr(kind, "drift") != NULL)
		return "drift";
	return "quality";
}

void
AlertOfCheck(Run *run, const char *feature, const CheckOutcome *check)
{
	const char *kind = CheckAlertKind(check->kind);
	StringInfo	json;

	if (!AlertWanted(kind))
		return;
	json = NewAlert(run, kind, "error", "silver", feature,
					psprintf("check \"%s\" failed for " INT64_FORMAT " of " INT64_FORMAT " rows",
							 check->name, check->affected, check->checked));
	AddText(json, "check", check->name);
	SendAlert(run, json, true);
}

void
AlertOfRun(Run *run, const char *status)
{
	StepLog		log = {.layer = "run",.object = run->order.pipeline};

	AlertOfSuccess(run, &log);	/* it came to its end, which is all that a run can do */
	if (run->failures == 0 && AlertWanted("success"))
		SendAlert(run, NewAlert(run, "success", "info", "run", run->order.pipeline,
								psprintf("run " INT64_FORMAT " %s", run->order.id,
										 strcmp(status, "COMPLETED") == 0 ? "completed" : status)), false);
}

/* The hook that an alert names, and its owner; false if there is none. */
static bool
FindHook(const char *hook, char **call, Oid *owner)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	if (hook == NULL)
		return false;
	ParamText(&params, hook);
	rows = CatalogFetch("SELECT quote_ident(n.nspname) || '.' || quote_ident(p.proname), p.proowner"
						" FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
						" WHERE p.oid = to_regprocedure($1 || '(jsonb)')", &params);
	if (rows->count == 0)
	{
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("alert hook %s(jsonb) does not exist", hook)));
		return false;
	}
	*call = RowText(rows, 0, 1);
	*owner = (Oid) RowBigint(rows, 0, 2);
	return true;
}

typedef struct HookCall
{
	const char *function;
	Oid			owner;
	const char *json;
} HookCall;

static void
HookBody(void *arg)
{
	HookCall   *call = arg;
	SqlParams	params = {0};
	SavedIdentity saved;

	ParamText(&params, call->json);
	AsRole(&saved, call->owner);
	SqlExecFormat(&params, "SELECT %s($1::jsonb)", call->function);
	EndAs(&saved);
}

/* Calls the user's function; its error is a warning, the alert stands. */
static void
CallHook(const char *hook, const char *json)
{
	HookCall	call = {.json = json};
	Run			run = {0};
	ErrorData  *error;

	if (!FindHook(hook, (char **) &call.function, &call.owner))
		return;
	error = TryStep(&run, "alert", "hook", 0, HookBody, &call);
	if (error != NULL)
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("alert hook %s failed: %s", call.function, ErrorLine(error))));
}

void
RecordAlert(const char *json)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamText(&params, json);
	rows = CatalogFetch("SELECT $1::jsonb->>'hook', medallion.record_alert($1::jsonb - 'hook')", &params);
	CallHook(RowText(rows, 0, 1), RowText(rows, 0, 2));
}
