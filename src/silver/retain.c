/*
 * retain.c
 *	  Rows that are past their time: no events.
 *
 * What is too old must not depend on when silver is folded, or a rebuild would
 * differ from what it repeats: the horizon is a date that maintain() stores, and
 * nothing else moves it.
 */
#include "base/compat.h"

#include "silver/retain.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(medallion_move_horizon);

/* What the horizon of a feature does. */
typedef struct Move
{
	char	   *horizon;		/* a date */
	int64		rows;			/* of silver that are older */
	bool		refold;			/* silver is not what it would be */
} Move;

/* The horizon as it is stored, or NULL. */
static char *
StoredHorizon(const Feature *feature)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamInt(&params, feature->id);
	rows = CatalogFetch("SELECT to_char(horizon, 'YYYY-MM-DD') FROM medallion.horizons WHERE feature_id = $1", &params);
	return rows->count > 0 ? RowText(rows, 0, 1) : NULL;
}

/* SQL: a row is older than a date. */
static char *
OlderThan(const Feature *feature, const char *prefix, const char *horizon)
{
	return psprintf("%s%s < %s::date", prefix, quote_identifier(feature->options.retain_by), quote_literal_cstr(horizon));
}

/* Puts the horizon of a feature with option "retain" into its shape. */
void
LoadHorizon(SilverShape *shape)
{
	const Feature *feature = shape->feature;
	char	   *horizon;

	if (feature->options.retain == NULL)
		return;
	RequireSilverColumn(shape, "column of option \"retain_by\":", feature->options.retain_by);
	horizon = StoredHorizon(feature);
	if (horizon != NULL)
		shape->too_old = OlderThan(feature, "d.", horizon);
}

/* The addresses of rows that are past their time, as parameters $2, $3 and $4
 * behind the feature's id: of files that are new to silver, or that had such
 * rows as they were. */
static SqlParams
FetchLate(const SilverShape *shape)
{
	SqlParams	params = {0};
	SqlParams	late = {0};
	SqlRows    *rows;
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID};
	bool		isnull;

	ParamInt(&params, shape->feature->id);
	rows = CatalogFetch("SELECT coalesce(array_agg(file_id), '{}') FROM medallion.file_versions f WHERE feature_id = $1"
						" AND status = 'LOADED' AND superseded_at IS NULL AND (silver_run_id IS NULL OR EXISTS"
						" (SELECT FROM medallion.quarantine q WHERE q.file_id = f.file_id AND q.reason = '" LATE_REASON "'))", &params);
	ParamDatum(&late, INT8ARRAYOID, RowDatum(rows, 0, 1, &isnull));
	rows = SqlFetch(psprintf("SELECT coalesce(array_agg(_file_id), '{}'), coalesce(array_agg(_sheet), '{}'),"
							 " coalesce(array_agg(_row), '{}') FROM (%s) l", TooOldSelect(shape, late.values[0])), &late);
	for (int i = 0; i < lengthof(types); i++)
		ParamDatum(&params, types[i], RowDatum(rows, 0, i + 1, &isnull));
	return params;
}

#define LATE_ROWS "unnest($2, $3, $4) AS l (file_id, sheet, \"row\")"

void
QuarantineLate(const SilverShape *shape, int64 run_id, SilverOutcome *outcome)
{
	SqlParams	params = {0};

	if (shape->too_old == NULL)
	{
		ParamInt(&params, shape->feature->id);
		CatalogExec("DELETE FROM medallion.quarantine WHERE feature_id = $1 AND reason = '" LATE_REASON "'", &params);
		return;
	}
	params = FetchLate(shape);
	CatalogExec("DELETE FROM medallion.quarantine q WHERE feature_id = $1 AND reason = '" LATE_REASON "'"
				" AND NOT EXISTS (SELECT FROM " LATE_ROWS
				" WHERE l.file_id = q.file_id AND l.sheet = q.sheet AND l.row = q.row)", &params);
	ParamBigint(&params, run_id);
	outcome->late = CatalogExec("INSERT INTO medallion.quarantine (feature_id, file_id, sheet, row, reason, run_id)"
								" SELECT $1, l.file_id, l.sheet, l.row, '" LATE_REASON "', $5 FROM " LATE_ROWS
								" JOIN medallion.file_versions f USING (file_id) WHERE f.silver_run_id IS NULL"
								" ON CONFLICT DO NOTHING", &params);
}

/* Raises unless the column of a silver table tells a time. */
static void
CheckAge(const Feature *feature, const char *table)
{
	SqlParams	params = {0};

	ParamText(&params, table);
	ParamText(&params, feature->options.retain_by);
	if (SqlBigint("SELECT count(*) FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2 AND NOT attisdropped"
				  " AND atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)", &params, 0) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of option \"retain_by\" is no date or timestamp of feature \"%s\"",
						feature->options.retain_by, feature->name)));
}

/* Counts what a horizon leaves out of silver, and whether silver must be folded
 * anew: also where rows come back, or where deletes go that silver does not show. */
static void
WeighMove(const Feature *feature, Move *move)
{
	const FeatureOptions *options = &feature->options;
	char	   *table = QualifiedName(medallion_silver_schema, feature->name);
	char	   *was = StoredHorizon(feature);
	SavedIdentity saved;

	AsFeatureOwner(&saved, feature);
	CheckAge(feature, table);
	move->rows = SqlBigint(psprintf("SELECT count(*) FROM %s d WHERE %s", table, OlderThan(feature, "d.", move->horizon)), NULL, 0);
	EndAs(&saved);
	move->refold = move->rows > 0 || (was != NULL && strcmp(move->horizon, was) < 0) ||
		((was == NULL || strcmp(move->horizon, was) != 0) &&
		 (options->apply_as_deletes != NULL || options->deletes == DELETES_SNAPSHOT));
}

/* Stores the horizon; the next run folds silver by it. */
static void
StoreMove(const Feature *feature, const Move *move)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamText(&params, move->horizon);
	ParamBool(&params, move->refold);
	CatalogExec("INSERT INTO medallion.horizons (feature_id, horizon) VALUES ($1, $2::date)"
				" ON CONFLICT (feature_id) DO UPDATE SET horizon = $2::date, moved_at = clock_timestamp(), moved_by = session_user"
				" WHERE horizons.horizon <> $2::date", &params);
	CatalogExec("UPDATE medallion.features SET needs_rebuild = changed_run_id IS NOT NULL WHERE feature_id = $1 AND $3 AND $2 <> ''", &params);
}

/* move_horizon(feature, dry) */
Datum
medallion_move_horizon(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	bool		dry = PG_GETARG_BOOL(1);
	Move		move = {0};
	SqlParams	params = {0};
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};

	CheckMayActFor(feature->owner, "feature", feature->name);
	if (feature->options.retain == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("feature \"%s\" has no option \"retain\"", feature->name)));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!dry)
		LockFeature(feature->id, true);
	ParamText(&params, feature->options.retain);
	move.horizon = RowText(SqlFetch("SELECT to_char(now() - $1::interval, 'YYYY-MM-DD')", &params), 0, 1);
	if (OidIsValid(TableOid(medallion_silver_schema, feature->name)))
		WeighMove(feature, &move);
	if (!dry)
		StoreMove(feature, &move);
	values[0] = DirectFunctionCall1(date_in, CStringGetDatum(move.horizon));
	values[1] = Int64GetDatum(move.rows);
	values[2] = BoolGetDatum(move.refold);
	UnpinSettings(nest_level);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
