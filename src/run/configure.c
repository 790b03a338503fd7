/*
 * configure.c
 *	  Features and checks: created, altered, dropped.
 *
 * All of it is idempotent: saying the same thing again changes nothing.
 */
#include "base/compat.h"

#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "bronze/select.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "silver/check_def.h"
#include "storage/lock.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(medallion_create_feature);
PG_FUNCTION_INFO_V1(medallion_alter_feature);
PG_FUNCTION_INFO_V1(medallion_drop_feature);
PG_FUNCTION_INFO_V1(medallion_store_check);
PG_FUNCTION_INFO_V1(medallion_reset_feature);
PG_FUNCTION_INFO_V1(medallion_rebuild);

/* Names of tables, views, partitions and indexes are made from it. */
#define MAX_FEATURE_NAME 40

static void
CheckFeatureName(const char *name)
{
	if (name[0] == '\0' || name[0] == '_' || strlen(name) > MAX_FEATURE_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" cannot be the name of a feature", name),
				 errdetail("A name has 1 to %d bytes and does not begin with an underscore.",
						   MAX_FEATURE_NAME)));
}

/* A share or number of rows as a parameter; negative: NULL. */
static void
ParamThreshold(SqlParams *params, Oid type, double value)
{
	if (value < 0)
		ParamNull(params, type);
	else if (type == FLOAT8OID)
		ParamDatum(params, type, Float8GetDatum(value));
	else
		ParamBigint(params, (int64) value);
}

/* Stores one check of a feature. */
static void
StoreCheck(int feature_id, const CheckDef *check, bool from_options)
{
	SqlParams	params = {0};

	ParamInt(&params, feature_id);
	ParamText(&params, check->name);
	ParamText(&params, check->kind->name);
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(check->columns));
	ParamJsonb(&params, check->params);
	ParamText(&params, CheckActionName(check->action));
	ParamThreshold(&params, FLOAT8OID, check->warn_if);
	ParamThreshold(&params, FLOAT8OID, check->error_if);
	ParamBool(&params, from_options);
	ParamText(&params, check->null_fails ? "fail" : "pass");
	ParamThreshold(&params, INT8OID, check->warn_count);
	ParamThreshold(&params, INT8OID, check->error_count);

	/*
	 * A check without a name has its kind's; a second one of that kind has its
	 * columns' names too.
	 */
	CatalogExec("INSERT INTO medallion.checks (feature_id, name, kind, columns, params, action, warn_if,"
				" error_if, from_options, on_null, warn_count, error_count) VALUES ($1, coalesce($2, CASE WHEN EXISTS"
				" (SELECT FROM medallion.checks WHERE feature_id = $1 AND name = $3"
				"  AND (kind, columns) IS DISTINCT FROM ($3, $4))"
				" THEN $3 || '_' || array_to_string($4, '_') ELSE $3 END), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
				" ON CONFLICT (feature_id, name) DO UPDATE SET kind = $3, columns = $4, params = $5, action = $6,"
				" warn_if = $7, error_if = $8, from_options = $9, on_null = $10, warn_count = $11, error_count = $12",
				&params);
}

/* Replaces the checks of the feature's options; those of add_check() stay. */
static void
StoreChecks(int feature_id, Jsonb *checks)
{
	SqlParams	params = {0};
	ListCell   *lc;

	ParamInt(&params, feature_id);
	CatalogExec("DELETE FROM medallion.checks WHERE feature_id = $1 AND from_options", &params);
	if (checks == NULL)
		return;
	foreach(lc, ParseCheckDefs(checks))
		StoreCheck(feature_id, lfirst(lc), true);
}

/* medallion.store_check(feature, check): what add_check() says, as a json object */
Datum
medallion_store_check(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	CheckDef   *check = ParseCheckDef(PG_GETARG_JSONB_P(1));
	SqlParams	params = {0};

	CheckMayActFor(feature->owner, "feature", feature->name);
	LockFeature(feature->id, true);
	StoreCheck(feature->id, check, false);
	ParamInt(&params, feature->id);
	if (check->kind->scope != CHECK_TABLE)
		CatalogExec("UPDATE medallion.features SET needs_rebuild = changed_run_id IS NOT NULL"
					" WHERE feature_id = $1", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* How a feature is run is nothing to silver. */
#define RUN_OPTIONS "'{paused,max_retries,retry_delay,step_timeout}'::text[]"

/* Raises unless the options hold in each of their environments. */
static void
CheckEnvironments(Jsonb *options, const FeatureOptions *parsed)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	if (parsed->environments == NULL)
		return;
	ParamJsonb(&params, options);
	rows = CatalogFetch("SELECT e.key, medallion.environment_options($1, e.key), jsonb_typeof(e.value) = 'object'"
						" AND NOT e.value ?| '{environments,checks,data_quality_checks}'"
						" FROM jsonb_each($1->'environments') e", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		FeatureOptions there;
		bool		isnull;

		if (!RowBool(rows, i, 3))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("environment \"%s\" must be an object of options", RowText(rows, i, 1)),
					 errdetail("Options \"checks\" and \"environments\" are the same in every environment.")));
		ParseFeatureOptions(DatumGetJsonbP(RowDatum(rows, i, 2, &isnull)), &there);
	}
}

/* Inserts or updates the row of a feature; true if that made a difference. */
static bool
StoreFeature(const char *name, Datum source, bool no_keys, Datum keys, Jsonb *options, int *id)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamText(&params, name);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(GetUserId()));
	ParamDatum(&params, TEXTARRAYOID, source);
	if (no_keys)
		ParamNull(&params, TEXTARRAYOID);
	else
		ParamDatum(&params, TEXTARRAYOID, keys);
	ParamJsonb(&params, options);
	rows = CatalogFetch("INSERT INTO medallion.features AS f (name, owner, source, business_keys, options)"
						" VALUES ($1, $2::regrole, $3, $4, $5)"
						" ON CONFLICT (name) DO UPDATE SET source = $3, business_keys = $4, options = $5,"
						" needs_rebuild = f.needs_rebuild OR (f.changed_run_id IS NOT NULL AND"
						"  (f.business_keys, f.options - " RUN_OPTIONS ")"
						"  IS DISTINCT FROM ($4, $5 - " RUN_OPTIONS "))"
						" WHERE (f.source, f.business_keys, f.options) IS DISTINCT FROM ($3, $4, $5)"
						" RETURNING feature_id", &params);
	if (rows->count > 0)
		*id = RowInt(rows, 0, 1);
	return rows->count > 0;
}

/* Waits for whoever defines a feature of this name: whose it is must not change
 * between the look and the write. */
static void
LockName(const char *name)
{
	LOCKTAG		tag;
	uint32		hash = hash_bytes((const unsigned char *) name, strlen(name));

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, MEDALLION_LOCK_SPACE, hash | 0x80000000, 2);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/* Raises unless a feature of this name is the user's, or there is none; a run
 * of it is waited for. */
static void
TakeOwnFeature(const char *name)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamText(&params, name);
	rows = CatalogFetch("SELECT owner::oid, feature_id FROM medallion.features WHERE name = $1", &params);
	if (rows->count == 0)
		return;
	CheckMayActFor((Oid) RowBigint(rows, 0, 1), "feature", name);
	LockFeature(RowInt(rows, 0, 2), true);
}

/* Raises for the first name that stands in the list, too or twice. */
static void
CheckNames(const char *feature, List *names, const char *other, List *others)
{
	ListCell   *lc;
	ListCell   *oc;

	foreach(lc, names)
	{
		if (strlen(lfirst(lc)) >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_NAME_TOO_LONG),
					 errmsg("view \"%s\" of feature \"%s\" has too long a name", (char *) lfirst(lc), feature),
					 errdetail("A name has at most %d bytes.", NAMEDATALEN - 1)));
		foreach(oc, others)
		{
			if (strcmp(lfirst(lc), lfirst(oc)) == 0 && (names != others || foreach_current_index(oc) > foreach_current_index(lc)))
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_OBJECT),
						 errmsg("relation \"%s\" of feature \"%s\" would also be one of feature \"%s\"",
								(char *) lfirst(lc), feature, other),
						 errhint("Give the feature, or the split, another name.")));
		}
	}
}

/* Raises if a relation of the feature would be another's as well. */
static void
CheckRelationNames(const char *name, const FeatureOptions *options)
{
	List	   *names = SilverRelations(name, options);
	ListCell   *lc;

	CheckNames(name, names, name, names);
	foreach(lc, LoadFeatures(NIL))
	{
		Feature    *other = lfirst(lc);

		if (strcmp(other->name, name) != 0)
			CheckNames(name, names, other->name, SilverRelations(other->name, &other->options));
	}
}

/* Validates and stores a feature. */
static void
DefineFeature(const char *name, Datum source, bool no_keys, Datum keys, Jsonb *options)
{
	FeatureOptions parsed;
	CellRange	range;
	int			id;

	CheckFeatureName(name);
	ParseFeatureOptions(options, &parsed);
	CheckEnvironments(options, &parsed);
	if (parsed.range != NULL)
		ParseCellRange(parsed.range, &range);
	if (parsed.dedup != NULL && !no_keys && parsed.history != HISTORY_APPEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"dedup\" is for features without history"),
				 errdetail("A business key has one current row as it is.")));
	LockName(name);
	TakeOwnFeature(name);
	CheckRelationNames(name, &parsed);
	if (StoreFeature(name, source, no_keys, keys, options, &id))
		StoreChecks(id, parsed.checks);
}

/* medallion.create_feature(name, source, business_keys, options) */
Datum
medallion_create_feature(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name and source of a feature must not be NULL")));
	DefineFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_DATUM(1), PG_ARGISNULL(2),
				  PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2),
				  PG_ARGISNULL(3) ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
				  PG_GETARG_JSONB_P(3));
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* medallion.alter_feature(name, options): options given replace those of the
 * same name; null takes an option back. */
Datum
medallion_alter_feature(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			nest_level = PinSettings();
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		no_keys;
	bool		isnull;
	Datum		keys;

	(void) LoadFeature(name);	/* raises if there is none */
	ParamText(&params, name);
	ParamJsonb(&params, PG_GETARG_JSONB_P(1));
	rows = CatalogFetch("SELECT source, business_keys, " CHANGED_OPTIONS
						" FROM medallion.features WHERE name = $1", &params);
	keys = RowDatum(rows, 0, 2, &no_keys);
	DefineFeature(name, RowDatum(rows, 0, 1, &isnull), no_keys, keys,
				  DatumGetJsonbP(RowDatum(rows, 0, 3, &isnull)));
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* Drops one relation of a feature, if it is there; what depends on it stops us. */
static void
DropRelation(const char *kind, const char *schema, const char *name)
{
	if (OidIsValid(TableOid(schema, name)))
		SqlExecFormat(NULL, "DROP %s %s", kind, QualifiedName(schema, name));
}

/* Drops the tables and views of a feature, as its owner. */
static void
DropData(const Feature *feature)
{
	SavedIdentity saved;
	List	   *splits;
	List	   *conditions;
	ListCell   *lc;

	AsFeatureOwner(&saved, feature);
	JsonbObjectItems(feature->options.split, &splits, &conditions);
	foreach(lc, splits)
	{
		DropRelation("VIEW", medallion_silver_schema, psprintf("%s_%s_current", feature->name, (char *) lfirst(lc)));
		DropRelation("VIEW", medallion_silver_schema, psprintf("%s_%s", feature->name, (char *) lfirst(lc)));
	}
	DropRelation("VIEW", medallion_silver_schema, psprintf("%s_current", feature->name));
	DropRelation("TABLE", medallion_silver_schema, feature->name);
	DropRelation("TABLE", medallion_bronze_schema, feature->name);
	EndAs(&saved);
}

/* Forgets what is noted of a feature by its name, or by that of its table alone:
 * another one of the name would be judged by it. */
static void
ForgetName(const Feature *feature)
{
	SqlParams	params = {0};

	ParamText(&params, feature->name);
	ParamText(&params, QualifiedName(medallion_silver_schema, feature->name));
	CatalogExec("DELETE FROM medallion.failing WHERE layer IN ('bronze', 'silver') AND object = $1 AND $2 IS NOT NULL", &params);
	CatalogExec("DELETE FROM medallion.measurements WHERE table_name = $2 AND $1 IS NOT NULL", &params);
}

/* medallion.drop_feature(name, drop_data) */
Datum
medallion_drop_feature(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SqlParams	params = {0};

	CheckMayActFor(feature->owner, "feature", feature->name);
	LockFeature(feature->id, true);
	if (PG_GETARG_BOOL(1))
		DropData(feature);
	ForgetName(feature);
	ParamInt(&params, feature->id);
	CatalogExec("DELETE FROM medallion.features WHERE feature_id = $1", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* Empties a table, if it is there. */
static void
EmptyTable(const char *schema, const char *name)
{
	if (OidIsValid(TableOid(schema, name)))
		SqlExecFormat(NULL, "TRUNCATE %s", QualifiedName(schema, name));
}

/* medallion.reset_feature(name): as if it had loaded nothing yet.  Tables stay,
 * for views and models may stand on them. */
Datum
medallion_reset_feature(PG_FUNCTION_ARGS)
{
	static const char *const emptied[] = {"file_versions", "rejects", "quarantine", "corrections", "silver_state"};
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SqlParams	params = {0};
	SavedIdentity saved;

	CheckMayActFor(feature->owner, "feature", feature->name);
	LockFeature(feature->id, true);
	AsFeatureOwner(&saved, feature);
	EmptyTable(medallion_bronze_schema, feature->name);
	EmptyTable(medallion_silver_schema, feature->name);
	EndAs(&saved);
	ForgetName(feature);
	ParamInt(&params, feature->id);
	for (int i = 0; i < lengthof(emptied); i++)
		CatalogExec(psprintf("DELETE FROM medallion.%s WHERE feature_id = $1", emptied[i]), &params);
	CatalogExec("UPDATE medallion.features SET needs_rebuild = changed_run_id IS NOT NULL WHERE feature_id = $1", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}

/* medallion.rebuild(feature): the next run folds its silver anew. */
Datum
medallion_rebuild(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	Feature    *feature = LoadFeature(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SqlParams	params = {0};

	CheckMayRun(feature->owner, "feature", feature->name);
	LockFeature(feature->id, true);
	ParamInt(&params, feature->id);
	CatalogExec("UPDATE medallion.features SET needs_rebuild = true WHERE feature_id = $1", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}
