/*
 * quarantine.c
 *	  Bronze rows that are no events: kept out by rule, corrected, judged again.
 *
 * Rules are configuration: whether a row is an event depends on bronze, the
 * corrections and the checks, never on when it came.  What is noted here is for
 * people to look at; silver does not read it.
 */
#include "base/compat.h"

#include "silver/quarantine.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "silver/checks.h"
#include "silver/retain.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(medallion_correct);
PG_FUNCTION_INFO_V1(medallion_reopen_quarantine);

/* The corrections of a feature's rows, into its shape. */
void
LoadCorrections(SilverShape *shape)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;

	ParamInt(&params, shape->feature->id);
	rows = CatalogFetch("SELECT jsonb_agg(jsonb_build_object('file_id', c.file_id, 'sheet', c.sheet, 'row', c.row,"
						" 'values', c.values))::text, array(SELECT DISTINCT k FROM medallion.corrections x,"
						" jsonb_object_keys(x.values) k WHERE x.feature_id = $1)"
						" FROM medallion.corrections c WHERE c.feature_id = $1", &params);
	shape->corrections = RowText(rows, 0, 1);
	shape->corrected = TextArrayToList(RowDatum(rows, 0, 2, &isnull));
}

/* Forgets what was quarantined of rows that are judged anew; QuarantineLate()
 * does so of what is past its time. */
void
ClearQuarantine(const Feature *feature, bool all)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamBool(&params, all);
	CatalogExec("DELETE FROM medallion.quarantine q USING medallion.file_versions f WHERE q.feature_id = $1"
				" AND f.file_id = q.file_id AND (f.superseded_at IS NOT NULL OR (q.reason <> '" LATE_REASON "' AND ($2 OR f.refold)))", &params);
}

/* SQL: the name of the check that refuses a staged row; NULL where its key is at fault. */
static char *
RefusingCheck(const SilverShape *shape)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, shape->checks)
	{
		RowCheck   *check = lfirst(lc);

		if (CheckRefuses(check))
			appendStringInfo(&sql, " WHEN %s THEN %s", quote_identifier(check->flag), quote_literal_cstr(check->def->name));
	}
	return sql.len > 0 ? psprintf("CASE%s END", sql.data) : "NULL::text";
}

/* SQL: is a staged row dropped without a trace in the quarantine? */
static char *
DropCondition(const SilverShape *shape)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "false");
	foreach(lc, shape->checks)
	{
		RowCheck   *check = lfirst(lc);

		if (check->def->action == ACTION_DROP)
			appendStringInfo(&sql, " OR %s", quote_identifier(check->flag));
	}
	return sql.data;
}

/* Raises for rows that are no events where the options say so. */
static void
RejectRows(const SilverShape *shape, const char *stage, const char *condition, const char *what)
{
	SqlRows    *rows = SqlFetch(psprintf("SELECT count(*), min(format('file_id %%s, sheet \"%%s\", row %%s', _file_id, _sheet, _row))"
										 " FROM %s WHERE %s", stage, condition), NULL);

	if (RowBigint(rows, 0, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("NULL in %s of " INT64_FORMAT " rows", what, RowBigint(rows, 0, 1)),
				 errdetail("One of them: %s.", RowText(rows, 0, 2))));
}

/* Raises where NULL in the key or the time of a row fails the feature. */
static void
RejectNulls(const SilverShape *shape, const char *stage)
{
	const FeatureOptions *options = &shape->feature->options;
	char	   *null_key = NullKeyCondition(shape->feature, "");

	if (options->null_key == NULL_KEY_REJECT)
		RejectRows(shape, stage, null_key, "the business key");
	if (options->null_sequence == NULL_SEQUENCE_REJECT && FeatureIsSequenced(shape->feature))
		RejectRows(shape, stage, psprintf("_event_at IS NULL AND NOT %s", null_key), "sequence_by");
}

/* Notes the staged rows that are no events. */
void
QuarantineRows(const SilverShape *shape, const char *stage, int64 run_id, SilverOutcome *outcome)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
	const char *condition = FeatureKeepsHistory(shape->feature) ? "_business_key_hash IS NULL" :
		shape->refuses ? "_refused" : "false";
	char	   *drops = DropCondition(shape);

	RejectNulls(shape, stage);
	rows = SqlFetch(psprintf("SELECT coalesce(array_agg(_file_id) FILTER (WHERE NOT gone), '{}'),"
							 " coalesce(array_agg(_sheet) FILTER (WHERE NOT gone), '{}'),"
							 " coalesce(array_agg(_row) FILTER (WHERE NOT gone), '{}'),"
							 " coalesce(array_agg(by) FILTER (WHERE NOT gone), '{}'),"
							 " coalesce(array_agg(null_in) FILTER (WHERE NOT gone), '{}'),"
							 " count(*) FILTER (WHERE NOT gone), count(*) FILTER (WHERE gone)"
							 " FROM (SELECT _file_id, _sheet, _row, %s AS by, (%s) AS gone,"
							 " CASE WHEN %s THEN 'business key' ELSE 'sequence_by' END AS null_in FROM %s WHERE %s) s",
							 RefusingCheck(shape), drops, NullKeyCondition(shape->feature, ""), stage, condition), NULL);
	outcome->quarantined = RowBigint(rows, 0, 6);
	outcome->dropped = RowBigint(rows, 0, 7);
	if (outcome->quarantined == 0)
		return;
	ParamInt(&params, shape->feature->id);
	ParamBigint(&params, run_id);
	for (int i = 0; i < lengthof(types); i++)
	{
		bool		isnull;

		ParamDatum(&params, types[i], RowDatum(rows, 0, i + 1, &isnull));
	}
	CatalogExec("INSERT INTO medallion.quarantine (feature_id, file_id, sheet, row, reason, check_name, run_id)"
				" SELECT $1, f, s, r, coalesce('check ' || quote_ident(c), 'NULL in ' || n), c, $2"
				" FROM unnest($3, $4, $5, $6, $7) AS q (f, s, r, c, n) ON CONFLICT DO NOTHING", &params);
}

/* The feature that a file version belongs to, for who may act for it. */
static Feature *
FeatureOfFile(int64 file_id)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	Feature    *feature;

	ParamBigint(&params, file_id);
	rows = CatalogFetch("SELECT f.name FROM medallion.file_versions v JOIN medallion.features f USING (feature_id)"
						" WHERE v.file_id = $1", &params);
	if (rows->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("there is no file version " INT64_FORMAT, file_id)));
	feature = LoadFeature(RowText(rows, 0, 1));
	CheckMayActFor(feature->owner, "feature", feature->name);
	LockFeature(feature->id, true);
	return feature;
}

/* Raises unless bronze has the row. */
static void
RequireBronzeRow(const Feature *feature, int64 file_id, const char *sheet, int64 row)
{
	SqlParams	params = {0};
	SavedIdentity saved;
	bool		found;

	ParamBigint(&params, file_id);
	ParamText(&params, sheet);
	ParamBigint(&params, row);
	AsFeatureOwner(&saved, feature);
	found = SqlBigint(psprintf("SELECT count(*) FROM %s WHERE _file_id = $1 AND _sheet = $2 AND _row = $3",
							   QualifiedName(medallion_bronze_schema, feature->name)), &params, 0) > 0;
	EndAs(&saved);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("bronze of feature \"%s\" has no row " INT64_FORMAT " of sheet \"%s\" in file " INT64_FORMAT,
						feature->name, row, sheet, file_id)));
}

/* Raises for the first name that is no column of bronze, or no text. */
static void
CheckCorrection(const Feature *feature, Jsonb *values)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *known = NIL;

	ParamInt(&params, feature->id);
	ParamJsonb(&params, values);
	if (!JB_ROOT_IS_OBJECT(values))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("corrected values must be a json object")));
	rows = CatalogFetch("SELECT key FROM jsonb_each($2) WHERE key NOT IN"
						" (SELECT name FROM medallion.feature_columns WHERE feature_id = $1)", &params);
	if (rows->count == 0)
		return;
	params.count = 1;
	{
		SqlRows    *names = CatalogFetch("SELECT name FROM medallion.feature_columns WHERE feature_id = $1", &params);

		for (uint64 i = 0; i < names->count; i++)
			known = lappend(known, RowText(names, i, 1));
	}
	RaiseUnknownName("column", RowText(rows, 0, 1), known);
}

/* Makes the next run judge the row anew: with its file where its key has no
 * event of it yet, or no key matters; with everything else otherwise, for the
 * key that it had must be folded without it. */
static void
JudgeAnew(const Feature *feature, int64 file_id, const char *sheet, int64 row)
{
	SqlParams	params = {0};
	bool		quarantined;

	ParamInt(&params, feature->id);
	ParamBigint(&params, file_id);
	ParamText(&params, sheet);
	ParamBigint(&params, row);
	quarantined = CatalogBigint("SELECT count(*) FROM medallion.quarantine WHERE feature_id = $1 AND file_id = $2"
								" AND sheet = $3 AND row = $4", &params, 0) > 0;
	if (quarantined || !FeatureKeepsHistory(feature))
	{
		params.count = 2;
		CatalogExec("UPDATE medallion.file_versions SET refold = true WHERE feature_id = $1 AND file_id = $2"
					" AND silver_run_id IS NOT NULL AND superseded_at IS NULL", &params);
		return;
	}
	params.count = 1;
	CatalogExec("UPDATE medallion.features SET needs_rebuild = changed_run_id IS NOT NULL WHERE feature_id = $1", &params);
}

/* medallion.correct(file_id, sheet, row, values): values NULL takes it back */
Datum
medallion_correct(PG_FUNCTION_ARGS)
{
	int			nest_level;
	int64		file_id;
	int64		row;
	char	   *sheet;
	Feature    *feature;
	SqlParams	params = {0};

	for (int i = 0; i < 3; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the address of a row must not be NULL")));
	}
	nest_level = PinSettings();
	file_id = PG_GETARG_INT64(0);
	sheet = text_to_cstring(PG_GETARG_TEXT_PP(1));
	row = PG_GETARG_INT64(2);
	feature = FeatureOfFile(file_id);
	ParamInt(&params, feature->id);
	ParamBigint(&params, file_id);
	ParamText(&params, sheet);
	ParamBigint(&params, row);
	if (PG_ARGISNULL(3))
		CatalogExec("DELETE FROM medallion.corrections WHERE feature_id = $1 AND file_id = $2 AND sheet = $3 AND row = $4",
					&params);
	else
	{
		RequireBronzeRow(feature, file_id, sheet, row);
		CheckCorrection(feature, PG_GETARG_JSONB_P(3));
		ParamJsonb(&params, PG_GETARG_JSONB_P(3));
		CatalogExec("INSERT INTO medallion.corrections (feature_id, file_id, sheet, row, values)"
					" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (file_id, sheet, row)"
					" DO UPDATE SET values = $5, corrected_by = session_user, corrected_at = clock_timestamp()", &params);
	}
	JudgeAnew(feature, file_id, sheet, row);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* medallion.reopen_quarantine(feature, mark): files with quarantined rows are
 * due again, if marked; returns these rows' number. */
Datum
medallion_reopen_quarantine(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SqlParams	params = {0};
	int64		count;

	CheckMayRun(feature->owner, "feature", feature->name);
	LockFeature(feature->id, true);
	ParamInt(&params, feature->id);
	count = CatalogBigint("SELECT count(*) FROM medallion.quarantine WHERE feature_id = $1", &params, 0);
	if (PG_GETARG_BOOL(1))
		CatalogExec("UPDATE medallion.file_versions v SET refold = true WHERE v.feature_id = $1"
				" AND v.silver_run_id IS NOT NULL AND v.superseded_at IS NULL AND EXISTS"
				" (SELECT FROM medallion.quarantine q WHERE q.file_id = v.file_id)", &params);
	UnpinSettings(nest_level);
	PG_RETURN_INT64(count);
}
