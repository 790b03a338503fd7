/*
 * erase.c
 *	  medallion.erase(): what the three layers have of a key is taken out of them.
 *
 *	  bronze redacted, silver without the key (silver/erase.c)
 *	      -> silver folded anew where other rows depend on these
 *	      -> every model above computed in full -> the act logged, not the key
 *
 * All in the caller's transaction, or not at all.
 */
#include "base/compat.h"

#include "silver/erase.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "gold/feed.h"
#include "run/runlog.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(medallion_erase);

/* Writes down the step of bronze, as a run of its own; returns its id. */
static int64
LogRedaction(const Feature *feature, const Erasure *erasure, TimestampTz started)
{
	int64		run_id = BeginRunLog(NULL, DEFAULT_PIPELINE);
	StepLog		log = {.run_id = run_id,.layer = "bronze",.object = feature->name,.status = "COMPLETED",.pipeline = DEFAULT_PIPELINE,
		.rows_in = erasure->bronze_rows,.rows_out = 0,.started_at = started,.finished_at = GetCurrentTimestamp()};

	log.detail = psprintf("{\"erased\": " INT64_FORMAT "}", erasure->bronze_rows);
	LogStep(&log);
	EndRunLog(run_id, "COMPLETED");
	return run_id;
}

/* Folds silver anew, where the rows could not simply be deleted. */
static void
Refold(const Feature *feature)
{
	SqlParams	params = {0};

	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(list_make1(feature->name)));
	(void) SqlFetch("SELECT * FROM medallion.run_pipeline($1, '{silver}', '{\"on_error\": \"raise\"}')", &params);
}

/* Computes the models above a feature in full: names and rows written. */
static SqlRows *
RefreshAbove(const Feature *feature)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;

	ParamText(&params, feature->name);
	rows = CatalogFetch("SELECT coalesce(array_agg(DISTINCT model || '+'), '{}') FROM medallion.model_graph()"
						" WHERE depends_on = $1 AND kind = 'feature'", &params);
	params.count = 0;
	ParamDatum(&params, TEXTARRAYOID, RowDatum(rows, 0, 1, &isnull));
	return SqlFetch("SELECT model, rows FROM medallion.refresh_models($1, 'full') WHERE cardinality($1) > 0", &params);
}

/* Forgets what profiles and the images of changes show of the tables. */
static void
ForgetTraces(const Feature *feature, SqlRows *models)
{
	SqlParams	params = {0};
	List	   *tables = list_make2(QualifiedName(medallion_bronze_schema, feature->name),
									QualifiedName(medallion_silver_schema, feature->name));

	for (uint64 i = 0; i < models->count; i++)
	{
		tables = lappend(tables, QualifiedName(medallion_gold_schema, RowText(models, i, 1)));
		if (OidIsValid(TableOid(medallion_gold_schema, RowText(models, i, 1))))
			DropImages(TableOid(medallion_gold_schema, RowText(models, i, 1)));
	}
	if (OidIsValid(TableOid(medallion_silver_schema, feature->name)))
		DropImages(TableOid(medallion_silver_schema, feature->name));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(tables));
	CatalogExec("DELETE FROM medallion.profiles WHERE table_name = ANY ($1)", &params);
}

/* Who erased when, and how many rows; not what. */
static void
LogErasure(const Feature *feature, const Erasure *erasure, SqlRows *models, int64 run_id)
{
	SqlParams	params = {0};
	ParamText(&params, feature->name);
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(erasure->columns));
	ParamBigint(&params, run_id);
	ParamBigint(&params, erasure->bronze_rows);
	ParamBigint(&params, erasure->silver_rows);
	ParamBigint(&params, erasure->rejects);
	ParamInt(&params, (int32) models->count);
	CatalogExec("INSERT INTO medallion.erasures (feature, key_columns, run_id, bronze_rows, silver_rows, rejected_rows, gold_models)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7)", &params);
}

static void
PutRow(ReturnSetInfo *result, const char *layer, const char *object, int64 rows)
{
	Datum		values[] = {CStringGetTextDatum(layer), CStringGetTextDatum(object), Int64GetDatum(rows)};
	bool		nulls[3] = {0};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* erase(feature, key) */
Datum
medallion_erase(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TimestampTz started = GetCurrentTimestamp();
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Erasure		erasure = {0};
	SqlRows    *models;

	InitMaterializedSRF(fcinfo, 0);
	CheckMayActFor(feature->owner, "feature", feature->name);
	LockFeature(feature->id, true);
	feature = LoadFeature(feature->name);
	EraseKey(feature, PG_GETARG_JSONB_P(1), &erasure);
	if (erasure.refold)
		Refold(feature);
	models = RefreshAbove(feature);
	ForgetTraces(feature, models);
	LogErasure(feature, &erasure, models, LogRedaction(feature, &erasure, started));
	PutRow(result, "bronze", feature->name, erasure.bronze_rows);
	PutRow(result, "silver", feature->name, erasure.silver_rows);
	for (uint64 i = 0; i < models->count; i++)
		PutRow(result, "gold", RowText(models, i, 1), RowBigint(models, i, 2));
	UnpinSettings(nest_level);
	return (Datum) 0;
}
