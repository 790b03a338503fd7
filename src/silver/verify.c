/*
 * verify.c
 *	  Does a silver table keep what it promises?
 *
 * One scan in order of key and version counts all that can be wrong in it.  What
 * the database refuses (overlap.c, unique indexes) is most of it; where somebody
 * wrote other values to silver by hand, or took the triggers away, this tells.
 */
#include "base/compat.h"

#include "base/settings.h"
#include "base/sql.h"
#include "base/template.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "silver/silver.h"
#include "silver/table.h"
#include "silver/typed.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(medallion_verify);

/* An invariant, and the condition by which a row breaks it. */
typedef struct Invariant
{
	const char *name;
	const char *broken;
} Invariant;

static const Invariant history_invariants[] =
{
	{"one current version per key", "w.{is_current} AND w.currents > 1"},
	{"the current version is the last", "w.{is_current} AND w.next_from IS NOT NULL"},
	{"versions are numbered 1, 2, 3", "w.{version} IS DISTINCT FROM w.place"},
	{"a version begins before it ends", "NOT w.{is_current} AND (w.{valid_to} <= w.{valid_from}) IS NOT FALSE"},
	{"versions do not overlap", "w.{valid_to} > w.next_from OR w.{valid_from} >= w.next_from"},
	{"the current version has no end, others have one", "w.{is_current} <> (w.{valid_to} IS NOT DISTINCT FROM {forever})"},
	{"neighbouring versions differ", "w.{valid_to} = w.next_from AND w._value_hash = w.next_value"},
	{"the key hash is that of the key", "w._business_key_hash IS DISTINCT FROM w.true_key"},
	{"the value hash is that of the values", "w._value_hash IS DISTINCT FROM w.true_value"},
	{"the row is from a file version that counts", "w._file_id <> ALL ($1)"},
};

static const Invariant append_invariants[] =
{
	{"one row per bronze row", "w.place > 1"},
	{"the row is from a file version that counts", "w._file_id <> ALL ($1)"},
};

static const char history_rows[] =
"SELECT d._business_key_hash, d._value_hash, d.{valid_from}, d.{valid_to}, d.{is_current}, d.{version}, d._file_id,"
" {key} AS true_key, {value} AS true_value,"
" row_number() OVER by_number AS place, lead(d.{valid_from}) OVER by_number AS next_from,"
" lead(d._value_hash) OVER by_number AS next_value,"
" count(*) FILTER (WHERE d.{is_current}) OVER (PARTITION BY d._business_key_hash) AS currents"
" FROM {table} d WINDOW by_number AS (PARTITION BY d._business_key_hash ORDER BY d.{version})";

static const char append_rows[] =
"SELECT d._file_id, row_number() OVER (PARTITION BY d._file_id, d._sheet, d._row) AS place FROM {table} d";

/* File versions that silver may have rows of: those it took in. */
static Datum
CountingFiles(const Feature *feature)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;

	ParamInt(&params, feature->id);
	ParamBool(&params, FeatureKeepsHistory(feature) && !FeatureRestates(feature));
	rows = CatalogFetch("SELECT coalesce(array_agg(file_id), '{}') FROM medallion.file_versions"
						" WHERE feature_id = $1 AND status = 'LOADED' AND silver_run_id IS NOT NULL"
						" AND (silver_superseded_run_id IS NULL OR $2)", &params);
	return RowDatum(rows, 0, 1, &isnull);
}

/* The words of the invariants. */
static void
SetVerifyWords(TemplateWords *words, const SilverShape *shape)
{
	const FeatureOptions *options = &shape->feature->options;

	SetWord(words, "table", QualifiedName(medallion_silver_schema, shape->feature->name));
	if (!FeatureKeepsHistory(shape->feature))
		return;
	SetWord(words, "key", KeyExpression(shape->feature));
	SetWord(words, "value", ValueExpression(shape));
	SetWord(words, "forever", options->valid_to == NULL ? "NULL" : quote_literal_cstr(options->valid_to));
	SetHistoryWords(words, options);
}

/* Counts what breaks each invariant. */
static SqlRows *
CountBroken(const SilverShape *shape, const Invariant *invariants, int count, const char *source)
{
	TemplateWords words = {0};
	SqlParams	params = {0};
	StringInfoData sql;

	SetVerifyWords(&words, shape);
	ParamDatum(&params, INT8ARRAYOID, CountingFiles(shape->feature));
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT count(*)");
	for (int i = 0; i < count; i++)
		appendStringInfo(&sql, ",\n count(*) FILTER (WHERE %s)", FillTemplate(invariants[i].broken, &words));
	appendStringInfo(&sql, "\nFROM (%s) w", FillTemplate(source, &words));
	return SqlFetch(sql.data, &params);
}

/* medallion.verify(feature) */
Datum
medallion_verify(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	bool		history = FeatureKeepsHistory(feature);
	const Invariant *invariants = history ? history_invariants : append_invariants;
	int			count = history ? lengthof(history_invariants) : lengthof(append_invariants);
	SavedIdentity saved;
	SqlRows    *rows;

	CheckMayRun(feature->owner, "feature", feature->name);
	InitMaterializedSRF(fcinfo, 0);
	if (!OidIsValid(TableOid(medallion_silver_schema, feature->name)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("feature \"%s\" has no silver table", feature->name),
				 errhint("Run the pipeline first.")));
	AsFeatureOwner(&saved, feature);
	rows = CountBroken(LoadSilverShape(feature), invariants, count, history ? history_rows : append_rows);
	EndAs(&saved);
	for (int i = 0; i < count; i++)
	{
		Datum		values[] = {CStringGetTextDatum(invariants[i].name), Int64GetDatum(RowBigint(rows, 0, 1)),
		Int64GetDatum(RowBigint(rows, 0, i + 2))};
		bool		nulls[] = {false, false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	UnpinSettings(nest_level);
	return (Datum) 0;
}
