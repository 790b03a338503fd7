/*
 * push.c
 *	  Rows handed in by a statement -> bronze, beside a feature's files.
 *
 *	  jsonb -> text -> the loader of files, as a json file in memory
 *
 * So that they meet the same columns, limits and log as files do, and silver
 * folds them with what files say.
 */
#include "base/compat.h"

#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "bronze/bronze.h"
#include "bronze/columns.h"
#include "run/runlog.h"
#include "silver/erase.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(medallion_push);

/* Raises unless the rows are objects; returns them as the text of an array. */
static char *
RowsAsText(Jsonb *rows)
{
	StringInfoData text;
	JsonbIterator *iterator = JsonbIteratorInit(&rows->root);
	JsonbValue	value;
	JsonbIteratorToken token = JsonbIteratorNext(&iterator, &value, false);
	bool		good = token == WJB_BEGIN_OBJECT || (token == WJB_BEGIN_ARRAY && !value.val.array.rawScalar);

	while (good && token == WJB_BEGIN_ARRAY)
	{
		JsonbIteratorToken element = JsonbIteratorNext(&iterator, &value, true);

		if (element == WJB_END_ARRAY)
			break;
		good = value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data);
	}
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows to push must be a json object or an array of objects")));
	initStringInfo(&text);
	if (JB_ROOT_IS_OBJECT(rows))
		appendStringInfoChar(&text, '[');
	JsonbToCString(&text, &rows->root, VARSIZE(rows));
	if (JB_ROOT_IS_OBJECT(rows))
		appendStringInfoChar(&text, ']');
	return text.data;
}

/* Writes down what was loaded, as a run of its own. */
static void
LogPush(const Feature *feature, int64 run_id, const FileTask *task, const FileOutcome *outcome, TimestampTz started)
{
	char	   *table = QualifiedName(medallion_bronze_schema, feature->name);
	StepLog		log = {.run_id = run_id,.layer = "bronze",.object = feature->name,.status = "COMPLETED",
		.pipeline = DEFAULT_PIPELINE,.rows_in = outcome->rows,.rows_out = outcome->rows,.files = 1,.started_at = started,
		.finished_at = GetCurrentTimestamp(),.detail = "{\"pushed\": true}"};
	ListCell   *lc;

	LogFile(run_id, task->file->path, outcome, (log.finished_at - started) / 1000);
	foreach(lc, outcome->changes)
	{
		SchemaChange *change = lfirst(lc);

		LogSchemaChange(run_id, "bronze", table, change->type, change->column, change->old_type, change->new_type);
	}
	LogStep(&log);
	EndRunLog(run_id, "COMPLETED");
}

/* medallion.push(feature, rows) */
Datum
medallion_push(PG_FUNCTION_ARGS)
{
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	char	   *rows = RowsAsText(PG_GETARG_JSONB_P(1));
	TimestampTz started = GetCurrentTimestamp();
	FileOutcome outcome;
	TimestampTz seen_at;
	SavedIdentity saved;
	FileTask   *task;
	int64		run_id;
	int			nest_level;

	if (strcmp(rows, "[]") == 0)
		PG_RETURN_INT64(0);
	CheckMayActFor(feature->owner, "feature", feature->name);
	nest_level = PinSettings();
	LockFeature(feature->id, true);
	feature = LoadFeature(feature->name);
	run_id = BeginRunLog(NULL, DEFAULT_PIPELINE);
	task = PlanPush(feature, rows, &seen_at);
	AsFeatureOwner(&saved, feature);
	LoadFile(feature, task, seen_at, run_id, &outcome);
	RedactFile(feature, outcome.file_id);
	EndAs(&saved);
	LogPush(feature, run_id, task, &outcome, started);
	UnpinSettings(nest_level);
	PG_RETURN_INT64(outcome.rows);
}
