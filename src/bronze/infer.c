/*
 * infer.c
 *	  Types of columns, once what a run found is withdrawn.
 *
 * Loading a file widens types as its values pass by; nothing remembers which
 * file asked for what.  So the values say it again: a column of which the
 * withdrawn rows have any keeps its type as soon as one value that stays speaks
 * for it, which is most often the first; otherwise all that stay are asked.
 */
#include "base/compat.h"

#include "bronze/infer.h"

#include "base/settings.h"
#include "base/sql.h"
#include "bronze/columns.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(medallion_text_type);

/* text_type(value text, null_tokens text[]) */
Datum
medallion_text_type(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(ValueTypeName(TextType(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
															TextArrayToList(PG_GETARG_DATUM(1))))));
}

/* Ids of the versions that a run saw, withdrawn, or of all that are not. */
static Datum
VersionIds(const Feature *feature, int64 run_id, bool withdrawn)
{
	SqlParams	params = {0};
	bool		isnull;

	ParamInt(&params, feature->id);
	ParamBigint(&params, run_id);
	ParamBool(&params, withdrawn);
	return RowDatum(CatalogFetch("SELECT coalesce(array_agg(file_id), '{}') FROM medallion.file_versions"
								 " WHERE feature_id = $1 AND CASE WHEN $3 THEN seen_run_id = $2 ELSE status <> 'WITHDRAWN' END",
								 &params), 0, 1, &isnull);
}

/* Parameters of statements on one column: $1 versions, $2 words for NULL, $3 a type. */
static SqlParams
ColumnParams(const BronzeColumn *column, Datum versions)
{
	SqlParams	params = {0};

	ParamDatum(&params, INT8ARRAYOID, versions);
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(column->null_tokens));
	ParamText(&params, ValueTypeName(column->stored_type));
	return params;
}

/* The type that the values of a column speak for in some versions. */
static ValueType
TypeIn(const char *table, const BronzeColumn *column, Datum versions)
{
	SqlParams	params = ColumnParams(column, versions);
	ValueType	type = VT_EMPTY;
	SqlRows    *rows;

	rows = SqlFetch(psprintf("SELECT DISTINCT medallion.text_type(b.%s, $2) FROM %s b"
							 " WHERE b._file_id = ANY ($1) AND b.%s IS NOT NULL AND $3 IS NOT NULL",
							 quote_identifier(column->name), table, quote_identifier(column->name)), &params);
	for (uint64 i = 0; i < rows->count; i++)
		type = WidenType(type, ValueTypeFromName(RowText(rows, i, 1)));
	return type;
}

/* Does any value in some versions speak for the column's type by itself? */
static bool
AnySpeaks(const char *table, const BronzeColumn *column, Datum versions)
{
	SqlParams	params = ColumnParams(column, versions);

	return SqlBigint(psprintf("SELECT count(*) FROM (SELECT FROM %s b WHERE b._file_id = ANY ($1)"
							  " AND medallion.text_type(b.%s, $2) = $3 LIMIT 1) q",
							  table, quote_identifier(column->name)), &params, 0) > 0;
}

/* Writes a type that is narrower than it was. */
static void
Narrow(const Feature *feature, const BronzeColumn *column, ValueType type)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamText(&params, column->name);
	ParamText(&params, ValueTypeName(type));
	CatalogExec("UPDATE medallion.feature_columns SET inferred_type = $3 WHERE feature_id = $1 AND name = $2", &params);
	params.count = 1;
	CatalogExec("UPDATE medallion.features SET needs_rebuild = true WHERE feature_id = $1", &params);
}

void
InferAgain(const Feature *feature, int64 run_id)
{
	Oid			oid = TableOid(medallion_bronze_schema, feature->name);
	char	   *table = QualifiedName(medallion_bronze_schema, feature->name);
	Datum		gone = VersionIds(feature, run_id, true);
	Datum		rest = VersionIds(feature, run_id, false);
	ListCell   *lc;

	foreach(lc, LoadBronzeColumns(feature)->columns)
	{
		BronzeColumn *column = lfirst(lc);
		ValueType	type = column->stored_type;
		SavedIdentity saved;

		/* spelled anew on its way into bronze, or not there */
		if (column->decimal_comma || !OidIsValid(oid) || get_attnum(oid, column->name) == InvalidAttrNumber)
			continue;
		AsFeatureOwner(&saved, feature);
		if (TypeIn(table, column, gone) != VT_EMPTY && !AnySpeaks(table, column, rest))
			type = TypeIn(table, column, rest);
		EndAs(&saved);
		if (type != column->stored_type)
			Narrow(feature, column, type);
	}
}
