/*
 * define.c
 *	  What users say about their runs: named pipelines, steps of their own,
 *	  pauses, schedules, windows.
 *
 * The tables are the extension's; who may write which row is decided here.
 */
#include "base/compat.h"

#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/run.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(medallion_create_pipeline);
PG_FUNCTION_INFO_V1(medallion_drop_pipeline);
PG_FUNCTION_INFO_V1(medallion_add_step);
PG_FUNCTION_INFO_V1(medallion_drop_step);
PG_FUNCTION_INFO_V1(medallion_pause);
PG_FUNCTION_INFO_V1(medallion_resume);
PG_FUNCTION_INFO_V1(medallion_store_schedule);
PG_FUNCTION_INFO_V1(medallion_drop_schedule);
PG_FUNCTION_INFO_V1(medallion_store_window);
PG_FUNCTION_INFO_V1(medallion_drop_window);

/* What there is to define, and who owns the one of a name. */
typedef struct Kind
{
	const char *word;
	const char *find_owner;
	const char *delete;
} Kind;

static const Kind pipelines = {
	"pipeline", "SELECT owner::oid FROM medallion.pipelines WHERE name = $1",
	"DELETE FROM medallion.pipelines WHERE name = $1"
};
static const Kind steps = {
	"step", "SELECT owner::oid FROM medallion.steps WHERE name = $1",
	"WITH gone AS (DELETE FROM medallion.failing WHERE layer = 'step' AND object = $1)"
	" DELETE FROM medallion.steps WHERE name = $1"
};
static const Kind schedules = {
	"schedule", "SELECT owner::oid FROM medallion.schedules WHERE job = $1",
	"DELETE FROM medallion.schedules WHERE job = $1"
};
static const Kind windows = {
	"window", "SELECT owner::oid FROM medallion.windows WHERE name = $1",
	"DELETE FROM medallion.windows WHERE name = $1"
};

/* Raises if there is one of this name and the caller may not act for its owner. */
static void
CheckMayDefine(const Kind *kind, const char *name)
{
	SqlParams	params = {0};
	int64		owner;

	ParamText(&params, name);
	owner = CatalogBigint(kind->find_owner, &params, InvalidOid);
	if (owner != InvalidOid)
		CheckMayActFor((Oid) owner, kind->word, name);
}

static bool
DropDefinition(const Kind *kind, const char *name)
{
	SqlParams	params = {0};

	CheckMayDefine(kind, name);
	ParamText(&params, name);
	return CatalogExec(kind->delete, &params) > 0;
}

/* An argument of any type as a parameter, NULL included. */
static void
ParamArgument(SqlParams *params, FunctionCallInfo fcinfo, int argument, Oid type)
{
	if (PG_ARGISNULL(argument))
		ParamNull(params, type);
	else
		ParamDatum(params, type, PG_GETARG_DATUM(argument));
}

/* An argument that must be given. */
static char *
RequiredText(FunctionCallInfo fcinfo, int argument, const char *what)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must be given", what)));
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* create_pipeline(name, features text[], options jsonb, layers text[]) */
Datum
medallion_create_pipeline(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	char	   *name = RequiredText(fcinfo, 0, "the name of a pipeline");
	SqlParams	params = {0};

	if (!PG_ARGISNULL(2))
		CheckRunOptions(PG_GETARG_JSONB_P(2));
	CheckMayDefine(&pipelines, name);
	ParamText(&params, name);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(GetUserId()));
	ParamArgument(&params, fcinfo, 1, TEXTARRAYOID);
	ParamArgument(&params, fcinfo, 2, JSONBOID);
	ParamArgument(&params, fcinfo, 3, TEXTARRAYOID);
	CatalogExec("INSERT INTO medallion.pipelines (name, owner, features, options, layers)"
				" VALUES ($1, $2::regrole, $3, coalesce($4, '{}'), $5) ON CONFLICT (name) DO UPDATE"
				" SET features = excluded.features, layers = excluded.layers, options = excluded.options", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* drop_pipeline(name) */
Datum
medallion_drop_pipeline(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DropDefinition(&pipelines, text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* Raises for a place that is neither a layer nor a feature or model. */
static void
CheckPlace(const char *after)
{
	SqlParams	params = {0};

	ParamText(&params, after);
	if (CatalogBigint("SELECT 1 WHERE $1 IN ('start', 'bronze', 'silver', 'gold')"
					  " OR EXISTS (SELECT FROM medallion.features WHERE name = $1)"
					  " OR EXISTS (SELECT FROM medallion.models WHERE name = $1)", &params, 0) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a step cannot come after \"%s\"", after),
				 errhint("It comes after start, bronze, silver, gold, or a feature or model by name.")));
}

/* add_step(name, sql, after, pipeline) */
Datum
medallion_add_step(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	char	   *name = RequiredText(fcinfo, 0, "the name of a step");
	char	   *sql = RequiredText(fcinfo, 1, "the statement of a step");
	char	   *after = RequiredText(fcinfo, 2, "the place of a step");
	SqlParams	params = {0};

	CheckPlace(after);
	CheckMayDefine(&steps, name);
	ParamText(&params, name);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(GetUserId()));
	ParamText(&params, sql);
	ParamText(&params, after);
	ParamArgument(&params, fcinfo, 3, TEXTOID);
	CatalogExec("INSERT INTO medallion.steps AS s (name, owner, sql, after, pipeline)"
				" VALUES ($1, $2::regrole, $3, $4, $5) ON CONFLICT (name) DO UPDATE"
				" SET sql = excluded.sql, after = excluded.after, pipeline = excluded.pipeline", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* drop_step(name) */
Datum
medallion_drop_step(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DropDefinition(&steps, text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* pause(pipeline, reason) */
Datum
medallion_pause(PG_FUNCTION_ARGS)
{
	SqlParams	params = {0};

	ParamText(&params, RequiredText(fcinfo, 0, "the pipeline to pause"));
	ParamArgument(&params, fcinfo, 1, TEXTOID);
	ParamText(&params, GetUserNameFromId(GetUserId(), false));
	CatalogExec("INSERT INTO medallion.pauses AS p (pipeline, reason, paused_by) VALUES ($1, $2, $3)"
				" ON CONFLICT (pipeline) DO UPDATE SET reason = coalesce(excluded.reason, p.reason)", &params);
	PG_RETURN_VOID();
}

/* resume(pipeline) */
Datum
medallion_resume(PG_FUNCTION_ARGS)
{
	SqlParams	params = {0};

	ParamText(&params, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_BOOL(CatalogExec("DELETE FROM medallion.pauses WHERE pipeline = $1", &params) > 0);
}

/* store_schedule(job, cron, features text[], options jsonb, time_zone): what schedule() was told */
Datum
medallion_store_schedule(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	char	   *job = RequiredText(fcinfo, 0, "the name of a job");
	SqlParams	params = {0};

	if (!PG_ARGISNULL(3))
		CheckRunOptions(PG_GETARG_JSONB_P(3));
	CheckMayDefine(&schedules, job);
	ParamText(&params, job);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(GetUserId()));
	ParamText(&params, RequiredText(fcinfo, 1, "a cron expression"));
	ParamArgument(&params, fcinfo, 2, TEXTARRAYOID);
	ParamArgument(&params, fcinfo, 3, JSONBOID);
	ParamArgument(&params, fcinfo, 4, TEXTOID);
	CatalogExec("INSERT INTO medallion.schedules AS s (job, owner, cron, features, options, time_zone)"
				" VALUES ($1, $2::regrole, $3, $4, coalesce($5, '{}'), $6) ON CONFLICT (job) DO UPDATE"
				" SET cron = excluded.cron, features = excluded.features, options = excluded.options,"
				" time_zone = excluded.time_zone, created_at = now(), missed_alert_at = NULL", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* drop_schedule(job) */
Datum
medallion_drop_schedule(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DropDefinition(&schedules, text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* store_window(name, cron, duration, pipeline, time_zone, reason): what add_window() was told */
Datum
medallion_store_window(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	char	   *name = RequiredText(fcinfo, 0, "the name of a window");
	SqlParams	params = {0};

	CheckMayDefine(&windows, name);
	ParamText(&params, name);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(GetUserId()));
	ParamArgument(&params, fcinfo, 1, TEXTOID);
	ParamArgument(&params, fcinfo, 2, INTERVALOID);
	ParamArgument(&params, fcinfo, 3, TEXTOID);
	ParamArgument(&params, fcinfo, 4, TEXTOID);
	ParamArgument(&params, fcinfo, 5, TEXTOID);
	CatalogExec("INSERT INTO medallion.windows (name, owner, cron, duration, pipeline, time_zone, reason)"
				" VALUES ($1, $2::regrole, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE"
				" SET cron = excluded.cron, duration = excluded.duration, pipeline = excluded.pipeline,"
				" time_zone = excluded.time_zone, reason = excluded.reason", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* drop_window(name) */
Datum
medallion_drop_window(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(DropDefinition(&windows, text_to_cstring(PG_GETARG_TEXT_PP(0))));
}
