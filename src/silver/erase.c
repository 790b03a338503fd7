/*
 * erase.c
 *	  Rows of erased keys: found, redacted in bronze, kept out of silver.
 *
 *	  key -> read as bronze text is -> hash, which is kept
 *	      -> bronze rows of that hash -> their addresses -> texts NULL, and a mark
 *
 * Two kinds of hash are kept: of the typed values, which finds every spelling of
 * the key, and of each spelling that bronze had, which still finds it when the
 * columns' types or masks are changed later.  A marked row is no event.  A row
 * that is loaded later and has an erased key is redacted with its file, before
 * anybody sees it; should it stay, it is no event either.
 */
#include "base/compat.h"

#include "silver/erase.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

/* What a source cannot write: what it rescues is text. */
#define ERASED_MARK "'{\"_erased\": true}'::jsonb"

/* Bronze rows. */
typedef struct Addresses
{
	SqlParams	params;			/* $1 file_id bigint[], $2 sheet text[], $3 row bigint[] */
	int64		count;
} Addresses;

/* Names with a prefix and something behind, between commas. */
static char *
Names(List *names, const char *before, const char *behind)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, names)
		appendStringInfo(&sql, "%s%s%s%s", sql.len > 0 ? ", " : "", before, quote_identifier(lfirst(lc)), behind);
	return sql.data;
}

static SilverColumn *
FindColumn(const SilverShape *shape, const char *name)
{
	ListCell   *lc;

	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		if (strcmp(column->name, name) == 0)
			return column;
	}
	return NULL;
}

/* Does each of the columns come from one of the source's own? */
static bool
AreSourceColumns(const SilverShape *shape, List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		SilverColumn *column = FindColumn(shape, lfirst(lc));

		if (column == NULL || column->derived)
			return false;
	}
	return true;
}

static void
AppendCondition(StringInfo conditions, const char *condition)
{
	appendStringInfo(conditions, "%s%s", conditions->len > 0 ? " OR " : "", condition);
}

/* Puts what must not come back into a shape. */
void
LoadErased(SilverShape *shape)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	StringInfoData texts;
	StringInfoData values;

	ParamText(&params, shape->feature->name);
	rows = CatalogFetch("SELECT columns, spelled, array_agg(key_hash)::text FROM medallion.erased_keys"
						" WHERE feature = $1 GROUP BY columns, spelled ORDER BY columns, spelled", &params);
	if (rows->count == 0)
		return;
	initStringInfo(&texts);
	initStringInfo(&values);
	appendStringInfoString(&texts, "b._rescued_data IS NOT DISTINCT FROM " ERASED_MARK);
	for (uint64 i = 0; i < rows->count; i++)
	{
		bool		isnull;
		List	   *columns = TextArrayToList(RowDatum(rows, i, 1, &isnull));
		const char *hashes = quote_literal_cstr(RowText(rows, i, 3));

		if (!AreSourceColumns(shape, columns))
			continue;
		if (RowBool(rows, i, 2))
			AppendCondition(&texts, psprintf("medallion.row_hash(%s) = ANY (%s::uuid[])", Names(columns, "btrim(b.", ")"), hashes));
		else
			AppendCondition(&values, psprintf("medallion.row_hash(%s) = ANY (%s::uuid[])", Names(columns, "d.", ""), hashes));
	}
	shape->erased_texts = texts.data;
	shape->erased_values = values.len > 0 ? values.data : NULL;
}

/* {file_id} */
static Datum
FileArray(int64 file_id)
{
	Datum		id = Int64GetDatum(file_id);

	return PointerGetDatum(construct_array(&id, 1, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The rows of some files that a shape keeps out, but for those redacted already. */
static void
FindErased(const SilverShape *shape, Datum files, Addresses *found)
{
	SilverShape all = *shape;
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;
	StringInfoData sql;
	const char *bronze = QualifiedName(medallion_bronze_schema, shape->feature->name);

	all.erased_texts = "b._rescued_data IS NOT DISTINCT FROM " ERASED_MARK;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT coalesce(array_agg(_file_id), '{}'), coalesce(array_agg(_sheet), '{}'), coalesce(array_agg(_row), '{}'), count(*) FROM ("
					 "SELECT b._file_id, b._sheet, b._row FROM %s b WHERE b._file_id = ANY ($1)"
					 " AND b._rescued_data IS DISTINCT FROM " ERASED_MARK " AND (%s)", bronze, shape->erased_texts);
	if (shape->erased_values != NULL)
		appendStringInfo(&sql, "\nUNION SELECT d._file_id, d._sheet, d._row FROM (%s) d WHERE %s", ValuesSelect(&all, files), shape->erased_values);
	appendStringInfoString(&sql, ") e");
	ParamDatum(&params, INT8ARRAYOID, files);
	rows = SqlFetch(sql.data, &params);
	ParamDatum(&found->params, INT8ARRAYOID, RowDatum(rows, 0, 1, &isnull));
	ParamDatum(&found->params, TEXTARRAYOID, RowDatum(rows, 0, 2, &isnull));
	ParamDatum(&found->params, INT8ARRAYOID, RowDatum(rows, 0, 3, &isnull));
	found->count = RowBigint(rows, 0, 4);
}

/* Takes the texts of some rows away. */
static void
RedactRows(const Feature *feature, Addresses *found)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *names = NIL;

	if (found->count == 0)
		return;
	ParamInt(&params, feature->id);
	rows = CatalogFetch("SELECT name FROM medallion.feature_columns WHERE feature_id = $1 ORDER BY ordinal", &params);
	for (uint64 i = 0; i < rows->count; i++)
		names = lappend(names, RowText(rows, i, 1));
	SqlExecFormat(&found->params, "UPDATE %s b SET %s, _rescued_data = " ERASED_MARK
				  " WHERE (b._file_id, b._sheet, b._row) IN (SELECT * FROM unnest($1, $2, $3))",
				  QualifiedName(medallion_bronze_schema, feature->name), Names(names, "", " = NULL"));
	CatalogExec("DELETE FROM medallion.corrections c WHERE (c.file_id, c.sheet, c.row) IN (SELECT * FROM unnest($1, $2, $3))",
				&found->params);
	CatalogExec("DELETE FROM medallion.quarantine c WHERE (c.file_id, c.sheet, c.row) IN (SELECT * FROM unnest($1, $2, $3))",
				&found->params);
}

/* Redacts the rows of erased keys in one file version. */
void
RedactFile(const Feature *feature, int64 file_id)
{
	SqlParams	params = {0};
	SilverShape *shape;
	Addresses	found = {0};

	ParamText(&params, feature->name);
	if (CatalogBigint("SELECT count(*) FROM medallion.erased_keys WHERE feature = $1", &params, 0) == 0)
		return;
	shape = LoadSilverShape(feature);
	FindErased(shape, FileArray(file_id), &found);
	RedactRows(feature, &found);
}

/* The columns of a key, in the order of the table.  Raises for what is none. */
static List *
KeyColumns(const SilverShape *shape, Jsonb *key)
{
	SqlParams	params = {0};
	SqlRows    *given;
	List	   *columns = NIL;
	ListCell   *lc;

	if (!JB_ROOT_IS_OBJECT(key) || JB_ROOT_COUNT(key) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key must be a json object of columns and their values")));
	ParamJsonb(&params, key);
	given = SqlFetch("SELECT key, value IS NULL FROM jsonb_each_text($1)", &params);
	for (uint64 i = 0; i < given->count; i++)
	{
		const char *name = RowText(given, i, 1);

		RequireSilverColumn(shape, "column", name);
		if (RowBool(given, i, 2))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column \"%s\" of a key must not be NULL", name)));
		if (FindColumn(shape, name)->derived)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of a key is derived", name),
					 errhint("Name the columns of the source that it is made of.")));
	}
	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		for (uint64 i = 0; i < given->count; i++)
		{
			if (strcmp(column->name, RowText(given, i, 1)) == 0)
				columns = lappend(columns, column->name);
		}
	}
	return columns;
}

/* The hash of a key that is read as a row of bronze would be. */
static Datum
KeyHash(SilverShape *shape, Jsonb *key, List *columns, char **spelling)
{
	SilverShape one = *shape;
	SqlParams	params = {0};
	StringInfoData source;
	StringInfoData test;
	SqlRows    *rows;
	ListCell   *lc;
	bool		isnull;
	const char *json;

	json = quote_literal_cstr(JsonbToCString(NULL, &key->root, VARSIZE(key)));
	initStringInfo(&source);
	initStringInfo(&test);
	appendStringInfoString(&source, "(SELECT 0::bigint AS _file_id, ''::text AS _sheet, 1::bigint AS _row, NULL::jsonb AS _rescued_data");
	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		if (!column->derived)
			appendStringInfo(&source, ", %s::jsonb ->> %s AS %s", json, quote_literal_cstr(column->name), quote_identifier(column->name));
	}
	appendStringInfoChar(&source, ')');
	foreach(lc, columns)
		appendStringInfo(&test, "%sd.%s IS NULL", test.len > 0 ? " OR " : "", quote_identifier(lfirst(lc)));
	one.bronze = source.data;
	one.corrections = NULL;
	one.corrected = NIL;
	one.erased_texts = NULL;
	ParamDatum(&params, INT8ARRAYOID, FileArray(0));
	rows = SqlFetch(psprintf("SELECT medallion.row_hash(%s), %s FROM (%s) d", Names(columns, "d.", ""), test.data, ValuesSelect(&one, params.values[0])), &params);
	if (rows->count == 0 || RowBool(rows, 0, 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key does not read as values of feature \"%s\"", shape->feature->name),
				 errhint("Give each column as a file would say it, before cleaning, types and masks.")));
	*spelling = RowText(SqlFetch(psprintf("SELECT medallion.row_hash(%s)::text FROM %s b", Names(columns, "btrim(b.", ")"), source.data), NULL), 0, 1);
	return RowDatum(rows, 0, 1, &isnull);
}

/* Keeps a hash. */
static void
KeepHash(const Feature *feature, List *columns, bool spelled, const char *hashes)
{
	SqlParams	params = {0};

	ParamText(&params, feature->name);
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(columns));
	ParamBool(&params, spelled);
	ParamText(&params, hashes);
	CatalogExec("INSERT INTO medallion.erased_keys (feature, columns, spelled, key_hash)"
				" SELECT $1, $2, $3, unnest($4::uuid[]) ON CONFLICT DO NOTHING", &params);
}

/* Does the text of the columns alone tell the key?  Not where one is made of others. */
static bool
SpellingDecides(const SilverShape *shape, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		ColumnOptions options;

		ParseColumnOptions(&shape->feature->options, lfirst(lc), &options);
		if (options.expression != NULL)
			return false;
	}
	return true;
}

/* Keeps how the rows of a key spell it, where no correction spelled it otherwise. */
static void
KeepSpellings(const SilverShape *shape, List *columns, Addresses *found)
{
	StringInfoData given;
	SqlRows    *rows;
	ListCell   *lc;

	if (!SpellingDecides(shape, columns))
		return;
	initStringInfo(&given);
	foreach(lc, columns)
		appendStringInfo(&given, " AND b.%s IS NOT NULL", quote_identifier(lfirst(lc)));
	rows = SqlFetch(psprintf("SELECT coalesce(array_agg(DISTINCT medallion.row_hash(%s)), '{}')::text FROM %s b"
							 " WHERE (b._file_id, b._sheet, b._row) IN (SELECT * FROM unnest($1, $2, $3))%s%s",
							 Names(columns, "btrim(b.", ")"), QualifiedName(medallion_bronze_schema, shape->feature->name), given.data,
							 shape->corrections == NULL ? "" :
							 psprintf(" AND NOT EXISTS (SELECT FROM jsonb_to_recordset(%s) AS x (file_id bigint, sheet text, \"row\" bigint)"
									  " WHERE x.file_id = b._file_id AND x.sheet = b._sheet AND x.row = b._row)",
									  quote_literal_cstr(shape->corrections))),
					&found->params);
	KeepHash(shape->feature, columns, true, RowText(rows, 0, 1));
}

/* Takes away the raw text of rejected rows that mention every value of a key. */
static int64
RedactRejects(const Feature *feature, Jsonb *key)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamJsonb(&params, key);
	return (int64) CatalogExec("UPDATE medallion.rejects r SET raw = NULL WHERE r.feature_id = $1 AND r.raw IS NOT NULL AND NOT EXISTS"
							   " (SELECT FROM jsonb_each_text($2) k WHERE position(lower(k.value) IN lower(r.raw)) = 0)", &params);
}

/* Can the rows of a key simply be deleted, for no other row depends on them? */
static bool
StandsAlone(const SilverShape *shape, List *columns)
{
	const Feature *feature = shape->feature;
	ListCell   *lc;

	if (shape->set_checks != NIL || feature->options.deletes == DELETES_SNAPSHOT || feature->options.dedup != NULL)
		return false;
	if (!FeatureKeepsHistory(feature))
		return true;
	foreach(lc, feature->keys)
	{
		ListCell   *cc;
		bool		found = false;

		foreach(cc, columns)
			found |= strcmp(lfirst(cc), lfirst(lc)) == 0;
		if (!found)
			return false;
	}
	return list_length(columns) == list_length(feature->keys);
}

/* Takes the key's rows out of silver, or has them folded away by the next run. */
static void
EraseSilver(const SilverShape *shape, const char *hash, Erasure *erasure)
{
	const Feature *feature = shape->feature;
	char	   *table = QualifiedName(medallion_silver_schema, feature->name);
	char	   *condition = psprintf("medallion.row_hash(%s) = %s::uuid", Names(erasure->columns, "d.", ""), quote_literal_cstr(hash));
	SqlParams	params = {0};

	if (!OidIsValid(TableOid(medallion_silver_schema, feature->name)))
		return;
	erasure->silver_rows = SqlBigint(psprintf("SELECT count(*) FROM %s d WHERE %s", table, condition), NULL, 0);
	if (StandsAlone(shape, erasure->columns) && !feature->needs_rebuild)
	{
		if (erasure->silver_rows > 0)
			SqlExecFormat(NULL, "DELETE FROM %s d WHERE %s", table, condition);
		return;
	}
	erasure->refold = true;
	ParamInt(&params, feature->id);
	CatalogExec("UPDATE medallion.features SET needs_rebuild = changed_run_id IS NOT NULL WHERE feature_id = $1", &params);
}

/* Notes a key as erased and redacts its rows. */
void
EraseKey(const Feature *feature, Jsonb *key, Erasure *erasure)
{
	SilverShape *shape = LoadSilverShape(feature);
	Addresses	found = {0};
	SqlParams	params = {0};
	SqlRows    *rows;
	SavedIdentity saved;
	char	   *spelling;
	char	   *hash;
	bool		isnull;

	erasure->columns = KeyColumns(shape, key);
	AsFeatureOwner(&saved, feature);
	hash = DatumGetCString(DirectFunctionCall1(uuid_out, KeyHash(shape, key, erasure->columns, &spelling)));
	EndAs(&saved);
	KeepHash(feature, erasure->columns, false, psprintf("{%s}", hash));
	if (SpellingDecides(shape, erasure->columns))
		KeepHash(feature, erasure->columns, true, psprintf("{%s}", spelling));
	shape = LoadSilverShape(feature);

	ParamInt(&params, feature->id);
	rows = CatalogFetch("SELECT coalesce(array_agg(file_id), '{}') FROM medallion.file_versions WHERE feature_id = $1", &params);
	AsFeatureOwner(&saved, feature);
	if (OidIsValid(TableOid(medallion_bronze_schema, feature->name)))
	{
		FindErased(shape, RowDatum(rows, 0, 1, &isnull), &found);
		KeepSpellings(shape, erasure->columns, &found);
		RedactRows(feature, &found);
	}
	EraseSilver(shape, hash, erasure);
	EndAs(&saved);
	erasure->bronze_rows = found.count;
	erasure->rejects = RedactRejects(feature, key);
}
