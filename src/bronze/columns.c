/*
 * columns.c
 *	  Headers of files -> columns of a bronze table.
 *
 *	  header texts -> cleaned names -> known columns, new ones (ALTER TABLE),
 *	  or none (rescued, ignored) -> attribute numbers
 */
#include "base/compat.h"

#include "bronze/columns.h"

#include "base/settings.h"
#include "base/space.h"
#include "base/sql.h"
#include "catalog/heap.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The columns that bronze adds to those of the source. */
static const char audit_columns[] =
"_file_id bigint, _sheet text, _row bigint, _run_id bigint, _ingested_at timestamptz, _rescued_data jsonb";

/* What the options say of a column's texts. */
static void
ReadColumnOptions(const Feature *feature, BronzeColumn *column)
{
	ColumnOptions options;
	const char *mark;

	ParseColumnOptions(&feature->options, column->name, &options);
	mark = options.decimal_mark ? options.decimal_mark : feature->options.decimal_mark;
	column->decimal_comma = mark != NULL && mark[0] == ',';
	column->null_tokens = options.null_tokens ? options.null_tokens : feature->options.null_tokens;
}

/* The source columns of a feature as the catalog knows them. */
BronzeColumns *
LoadBronzeColumns(const Feature *feature)
{
	BronzeColumns *columns = palloc0(sizeof(BronzeColumns));
	SqlParams	params = {0};
	SqlRows    *rows;

	columns->feature = feature;
	ParamInt(&params, feature->id);
	rows = CatalogFetch("SELECT name, original, ordinal, inferred_type, present"
						" FROM medallion.feature_columns WHERE feature_id = $1 ORDER BY ordinal",
						&params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		BronzeColumn *column = palloc0(sizeof(BronzeColumn));

		column->name = RowText(rows, i, 1);
		ReadColumnOptions(feature, column);
		column->original = RowText(rows, i, 2);
		column->ordinal = RowInt(rows, i, 3);
		column->type = column->stored_type = ValueTypeFromName(RowText(rows, i, 4));
		column->was_present = RowBool(rows, i, 5);
		columns->columns = lappend(columns->columns, column);
	}
	columns->first_load = columns->columns == NIL;
	return columns;
}

/*
 * One header -> a name: runs of anything but letters and digits become one
 * underscore, none at the ends.  Only ASCII is lowered, so that the name does
 * not depend on the database's locale.
 */
static char *
CleanHeader(const char *header)
{
	StringInfoData name;

	initStringInfo(&name);
	for (const unsigned char *p = (const unsigned char *) (header ? header : ""); *p != '\0'; p++)
	{
		if (p[0] == 0xC2 && p[1] == 0xA0)	/* no-break space */
		{
			p++;
			if (name.len > 0 && name.data[name.len - 1] != '_')
				appendStringInfoChar(&name, '_');
		}
		else if (*p >= 0x80 || isalnum(*p))
			appendStringInfoChar(&name, *p < 0x80 ? pg_tolower(*p) : *p);
		else if (name.len > 0 && name.data[name.len - 1] != '_')
			appendStringInfoChar(&name, '_');
	}
	while (name.len > 0 && name.data[name.len - 1] == '_')
		name.data[--name.len] = '\0';
	return name.data;
}

/* The column that lists this cleaned header among its synonyms, or NULL. */
static char *
SynonymOf(const Feature *feature, const char *cleaned)
{
	List	   *names;
	List	   *values;
	ListCell   *lc;

	JsonbObjectItems(feature->options.columns, &names, &values);
	foreach(lc, names)
	{
		ColumnOptions column;
		ListCell   *fc;

		ParseColumnOptions(&feature->options, lfirst(lc), &column);
		foreach(fc, column.from)
		{
			if (strcmp(CleanHeader(lfirst(fc)), cleaned) == 0)
				return lfirst(lc);
		}
	}
	return NULL;
}

static bool
NameIsTaken(char **names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* A name cut to what an identifier can hold, with room for a suffix. */
static char *
ClipName(const char *name, const char *suffix)
{
	int			room = NAMEDATALEN - 1 - strlen(suffix);

	return psprintf("%.*s%s", pg_mbcliplen(name, strlen(name), room), name, suffix);
}

/* Header texts -> cleaned, unique names. */
char **
CleanHeaders(const Feature *feature, char **headers, int count)
{
	char	  **names = palloc(sizeof(char *) * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		char	   *name = CleanHeader(headers[i]);
		char	   *synonym = feature != NULL ? SynonymOf(feature, name) : NULL;

		if (synonym != NULL)
			name = synonym;
		if (name[0] == '\0')
			name = psprintf("column_%d", i + 1);
		names[i] = ClipName(name, "");
		for (int n = 2; NameIsTaken(names, i, names[i]) || SystemAttributeByName(names[i]) != NULL; n++)
			names[i] = ClipName(name, psprintf("_%d", n));
	}
	return names;
}

/* The type that a text speaks for, once silver has cleaned it. */
ValueType
TextType(const char *start, int length, const List *null_tokens)
{
	const char *end = start + length;
	ListCell   *lc;

	TrimSpaces(&start, &end);
	if (start == end)
		return VT_EMPTY;
	foreach(lc, null_tokens)
	{
		if (strlen(lfirst(lc)) == end - start && memcmp(lfirst(lc), start, end - start) == 0)
			return VT_EMPTY;
	}
	return ClassifyText(start, end - start);
}

/* The type that one value speaks for. */
ValueType
CellType(const ReaderCell *cell, const List *null_tokens)
{
	switch (cell->kind)
	{
		case CELL_EMPTY:
			return VT_EMPTY;
		case CELL_NUMBER:
			return memchr(cell->value, '.', cell->length) || memchr(cell->value, 'e', cell->length) ||
				cell->length > 18 ? VT_NUMERIC : VT_BIGINT;
		case CELL_BOOLEAN:
			return VT_BOOLEAN;
		case CELL_DATE:
			return VT_DATE;
		case CELL_TIMESTAMP:
			return VT_TIMESTAMP;
		case CELL_TEXT:
			return TextType(cell->value, cell->length, null_tokens);
		default:
			return VT_TEXT;
	}
}

static BronzeColumn *
FindColumn(BronzeColumns *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns->columns)
	{
		BronzeColumn *column = lfirst(lc);

		if (strcmp(column->name, name) == 0)
			return column;
	}
	return NULL;
}

static void
NoteChange(BronzeColumns *columns, const char *type, const char *column,
		   const char *old_type, const char *new_type)
{
	SchemaChange *change = palloc(sizeof(SchemaChange));

	change->type = type;
	change->column = pstrdup(column);
	change->old_type = old_type;
	change->new_type = new_type;
	columns->changes = lappend(columns->changes, change);
}

/* Finds or makes the column of this name; NULL if it is not to be. */
BronzeColumn *
ResolveColumn(BronzeColumns *columns, const char *name, const char *original)
{
	BronzeColumn *column = FindColumn(columns, name);
	int			evolution = columns->feature->options.schema_evolution;
	bool		first_file = true;
	ListCell   *lc;

	if (column != NULL)
	{
		column->present = true;
		return column;
	}
	foreach(lc, columns->columns)
		first_file &= ((BronzeColumn *) lfirst(lc))->is_new;
	if (!medallion_enable_schema_evolution)
		evolution = FREEZE;
	if (!first_file && evolution == FREEZE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is not known to feature \"%s\"", original,
						columns->feature->name),
				 errhint("Set option \"schema_evolution\" to \"evolve\" to add new columns.")));
	if (!first_file && evolution != EVOLVE)
	{
		NoteChange(columns, evolution == RESCUE ? "RESCUED_COLUMN" : "IGNORED_COLUMN", name,
				   NULL, NULL);
		return NULL;
	}

	column = palloc0(sizeof(BronzeColumn));
	column->name = pstrdup(name);
	ReadColumnOptions(columns->feature, column);
	column->original = pstrdup(original);
	column->ordinal = list_length(columns->columns) + 1;
	column->type = column->stored_type = VT_EMPTY;
	column->is_new = column->present = column->was_present = true;
	columns->columns = lappend(columns->columns, column);
	if (!first_file)
		NoteChange(columns, "ADD_COLUMN", name, NULL, "text");
	return column;
}

/* Attribute number of a column of a table. */
AttrNumber
RequireColumn(Oid table, const char *name)
{
	AttrNumber	attno = get_attnum(table, name);

	if (attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist", name, get_rel_name(table))));
	return attno;
}

/* Creates the bronze table with the columns known so far. */
static void
CreateBronzeTable(BronzeColumns *columns)
{
	StringInfoData sql;
	ListCell   *lc;

	EnsureSchema(medallion_bronze_schema);
	initStringInfo(&sql);
	foreach(lc, columns->columns)
		appendStringInfo(&sql, "%s text, ",
						 quote_identifier(((BronzeColumn *) lfirst(lc))->name));
	SqlExecFormat(NULL, "CREATE TABLE %s (%s%s)",
				  QualifiedName(medallion_bronze_schema, columns->feature->name), sql.data,
				  audit_columns);
	SqlExecFormat(NULL, "COMMENT ON TABLE %s IS %s",
				  QualifiedName(medallion_bronze_schema, columns->feature->name),
				  quote_literal_cstr(psprintf("source rows of feature %s as the files show them, all file versions",
											  columns->feature->name)));
}

/* A table of the feature's name that it did not make: it must not mix with what
 * an earlier feature left. */
static void
CheckNotLeftOver(const char *table)
{
	if (SqlBigint(psprintf("SELECT count(*) FROM (SELECT FROM %s LIMIT 1) t", table), NULL, 0) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("table %s has rows that this feature did not load", table),
				 errhint("Drop or rename the table; drop_feature(name, true) drops a feature's tables with it.")));
}

/* Creates the bronze table or adds what it lacks. */
Oid
SyncBronzeTable(BronzeColumns *columns)
{
	Oid			table = TableOid(medallion_bronze_schema, columns->feature->name);
	StringInfoData added;
	ListCell   *lc;

	if (!OidIsValid(table))
	{
		CreateBronzeTable(columns);
		table = TableOid(medallion_bronze_schema, columns->feature->name);
	}
	else if (columns->first_load)
		CheckNotLeftOver(QualifiedName(medallion_bronze_schema, columns->feature->name));
	columns->first_load = false;
	initStringInfo(&added);
	foreach(lc, columns->columns)
	{
		BronzeColumn *column = lfirst(lc);

		if (get_attnum(table, column->name) == InvalidAttrNumber)
			appendStringInfo(&added, "%sADD COLUMN %s text", added.len > 0 ? ", " : "",
							 quote_identifier(column->name));
	}
	if (added.len > 0)
		SqlExecFormat(NULL, "ALTER TABLE %s %s",
					  QualifiedName(medallion_bronze_schema, columns->feature->name), added.data);
	foreach(lc, columns->columns)
	{
		BronzeColumn *column = lfirst(lc);

		column->attno = RequireColumn(table, column->name);
	}
	return table;
}

/* Writes one column's state to the catalog. */
static void
SaveColumn(const Feature *feature, const BronzeColumn *column)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamText(&params, column->name);
	ParamText(&params, column->original);
	ParamInt(&params, column->ordinal);
	ParamText(&params, ValueTypeName(column->type));
	ParamBool(&params, column->present);
	CatalogExec("INSERT INTO medallion.feature_columns"
				" (feature_id, name, original, ordinal, inferred_type, present)"
				" VALUES ($1, $2, $3, $4, $5, $6)"
				" ON CONFLICT (feature_id, name) DO UPDATE"
				" SET inferred_type = excluded.inferred_type, present = excluded.present", &params);
}

/* After the last row of a file: notes types and missing columns. */
void
SaveBronzeColumns(BronzeColumns *columns)
{
	ListCell   *lc;

	foreach(lc, columns->columns)
	{
		BronzeColumn *column = lfirst(lc);

		if (column->type != column->stored_type && column->stored_type != VT_EMPTY)
			NoteChange(columns, "TYPE_CHANGE", column->name, ValueTypeName(column->stored_type),
					   ValueTypeName(column->type));
		if (!column->present && column->was_present)
			NoteChange(columns, "MISSING_COLUMN", column->name, ValueTypeName(column->type), NULL);
		if (column->is_new || column->type != column->stored_type ||
			column->present != column->was_present)
			SaveColumn(columns->feature, column);
		column->is_new = false;
		column->stored_type = column->type;
		column->was_present = column->present;
	}
}
