/*
 * table.c
 *	  The silver table of a feature.
 *
 * The table's column types are those of the staging table, which are those of
 * the typed SELECT: one place says what a type is.
 */
#include "base/compat.h"

#include "silver/table.h"

#include "access/table.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "silver/overlap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static char *
SilverName(const SilverShape *shape)
{
	return QualifiedName(medallion_silver_schema, shape->feature->name);
}

/* Data and flag columns of the shape. */
List *
DataColumnList(const SilverShape *shape)
{
	return list_concat(ValueColumns(shape), FlagColumns(shape));
}

/* Those of them that follow from the row alone. */
List *
RowColumnList(const SilverShape *shape)
{
	List	   *names = ValueColumns(shape);
	ListCell   *lc;

	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		if (column->cast_flag != NULL)
			names = lappend(names, column->cast_flag);
	}
	foreach(lc, shape->checks)
		names = lappend(names, ((RowCheck *) lfirst(lc))->flag);
	return names;
}

/* Columns as SQL, each with a prefix. */
char *
JoinColumnNames(List *names, const char *prefix)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, names)
		appendStringInfo(&sql, "%s%s%s", sql.len > 0 ? ", " : "", prefix, quote_identifier(lfirst(lc)));
	return sql.data;
}

/* The SQL type of a column of a table; NULL if it has no such column. */
static char *
ColumnType(Oid table, const char *name)
{
	AttrNumber	attno = get_attnum(table, name);
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (attno == InvalidAttrNumber)
		return NULL;
	get_atttypetypmodcoll(table, attno, &type, &typmod, &collation);
	return format_type_with_typemod(type, typmod);
}

/* The names of the history columns as words of a template. */
void
SetHistoryWords(TemplateWords *words, const FeatureOptions *options)
{
	SetWord(words, "valid_from", quote_identifier(options->history_columns.valid_from));
	SetWord(words, "valid_to", quote_identifier(options->history_columns.valid_to));
	SetWord(words, "is_current", quote_identifier(options->history_columns.is_current));
	SetWord(words, "version", quote_identifier(options->history_columns.version));
}

/* The type of the times of staged events. */
char *
EventType(const char *stage)
{
	return ColumnType(TableOid(medallion_silver_schema, stage), "_event_at");
}

/* Columns of a history table between those of data and flags; for append the run and the address. */
static const char *
AuditDefinitions(const SilverShape *shape, const char *event_type)
{
	const HistoryNames *names = &shape->feature->options.history_columns;

	if (!FeatureKeepsHistory(shape->feature))
		return "_opened_run_id bigint NOT NULL, _file_id bigint NOT NULL, _sheet text NOT NULL, _row bigint NOT NULL";
	return psprintf("_business_key_hash uuid NOT NULL, _value_hash uuid NOT NULL,"
					" %s %s NOT NULL, %s %s%s, %s boolean NOT NULL, %s int NOT NULL,"
					" _opened_run_id bigint NOT NULL, _closed_run_id bigint,"
					" _file_id bigint NOT NULL, _sheet text NOT NULL, _row bigint NOT NULL",
					quote_identifier(names->valid_from), event_type, quote_identifier(names->valid_to), event_type,
					shape->feature->options.valid_to != NULL ? " NOT NULL" : "",
					quote_identifier(names->is_current), quote_identifier(names->version));
}

/* The key of the partitions as SQL; NULL if there are none. */
static char *
PartitionKeyColumns(const SilverShape *shape)
{
	const FeatureOptions *options = &shape->feature->options;
	List	   *columns = options->partition_by ? list_make1(options->partition_by) : options->partition_columns;
	StringInfoData key;
	ListCell   *lc;

	if (columns == NIL)
		return NULL;
	initStringInfo(&key);
	foreach(lc, columns)
		appendStringInfo(&key, "%s%s", key.len > 0 ? ", " : "", quote_identifier(lfirst(lc)));
	return key.data;
}

/* Creates the silver table with the types of the staging table.  Flags come last: whoever looks for a
 * key or a version, as the making of an index does for each row, has no way past them. */
static void
CreateSilverTable(const SilverShape *shape, Oid stage)
{
	char	   *event_type = ColumnType(stage, "_event_at");
	const char *partition_key = PartitionKeyColumns(shape);
	StringInfoData sql;
	ListCell   *lc;

	EnsureSchema(medallion_silver_schema);
	initStringInfo(&sql);
	foreach(lc, ValueColumns(shape))
		appendStringInfo(&sql, "%s %s, ", quote_identifier(lfirst(lc)), ColumnType(stage, lfirst(lc)));
	appendStringInfoString(&sql, AuditDefinitions(shape, event_type));
	foreach(lc, FlagColumns(shape))
		appendStringInfo(&sql, ", %s %s", quote_identifier(lfirst(lc)), ColumnType(stage, lfirst(lc)));
	SqlExecFormat(NULL, "CREATE TABLE %s (%s)%s%s%s", SilverName(shape), sql.data, partition_key ? " PARTITION BY RANGE (" : "",
				  partition_key ? partition_key : "", partition_key ? ")" : "");
	if (partition_key != NULL)
		SqlExecFormat(NULL, "CREATE TABLE %s PARTITION OF %s DEFAULT",
					  QualifiedName(medallion_silver_schema,
									psprintf("%s_default", shape->feature->name)), SilverName(shape));
	if (FeatureKeepsHistory(shape->feature))
		AddRowConditions(shape);
	SqlExecFormat(NULL, "COMMENT ON TABLE %s IS %s", SilverName(shape),
				  quote_literal_cstr(psprintf("typed, checked%s rows of feature %s",
											  FeatureKeepsHistory(shape->feature) ? ", versioned" : "",
											  shape->feature->name)));
}

static void
NoteChange(SilverOutcome *outcome, const char *type, const char *column, char *old_type, char *new_type)
{
	SilverChange *change = palloc(sizeof(SilverChange));

	change->type = type;
	change->column = pstrdup(column);
	change->old_type = old_type;
	change->new_type = new_type;
	outcome->changes = lappend(outcome->changes, change);
}

/* The names of all models, whose views can be made again from their queries. */
static Datum
ModelNames(void)
{
	SqlRows    *rows = CatalogFetch("SELECT coalesce(array_agg(name), '{}') FROM medallion.models", NULL);
	bool		isnull;

	return RowDatum(rows, 0, 1, &isnull);
}

/* The comment that marks a view as ours. */
static char *
ViewComment(const SilverShape *shape)
{
	return psprintf("medallion: rows of feature %s", shape->feature->name);
}

/* Views over the table, and over these; is each ours (the feature's, by its
 * comment) or a model's? */
static SqlRows *
FetchDependentViews(const SilverShape *shape, Oid table)
{
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	ParamText(&params, ViewComment(shape));
	ParamDatum(&params, TEXTARRAYOID, ModelNames());
	ParamText(&params, medallion_model_schema);
	ParamText(&params, medallion_gold_schema);
	return SqlFetch("WITH RECURSIVE dependents (oid, depth) AS ("
					" SELECT r.ev_class, 1 FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid"
					" WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass"
					" AND d.refobjid = $1 AND r.ev_class <> $1"
					" UNION"
					" SELECT r.ev_class, p.depth + 1 FROM dependents p JOIN pg_depend d ON d.refobjid = p.oid"
					" AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass"
					" JOIN pg_rewrite r ON r.oid = d.objid WHERE r.ev_class <> p.oid)\n"
					"SELECT c.oid::regclass::text, coalesce(obj_description(c.oid, 'pg_class') = $2, false)"
					" OR (c.relname = ANY ($3) AND n.nspname IN ($4, $5)), c.relowner::bigint"
					" FROM (SELECT oid, max(depth) AS depth FROM dependents GROUP BY oid) d JOIN pg_class c USING (oid)"
					" JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY d.depth DESC, 1", &params);
}

/*
 * Drops the views over the table, so that it can change; models' views are
 * made again from their queries when the models are next looked at.  A view of
 * anybody else stops the change, by name.
 */
static void
DropDependentViews(const SilverShape *shape, Oid table)
{
	SqlRows    *rows = FetchDependentViews(shape, table);

	for (uint64 i = 0; i < rows->count; i++)
	{
		if (!RowBool(rows, i, 2))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot change the columns of %s because view %s depends on it",
							SilverName(shape), RowText(rows, i, 1)),
					 errhint("Drop the view, run again, and create it again.")));
	}
	for (uint64 i = 0; i < rows->count; i++)
	{
		SavedIdentity saved;

		/* a model's view may be another role's; what else hangs on it stops us */
		AsRole(&saved, (Oid) RowBigint(rows, i, 3));
		SqlExecFormat(NULL, "DROP VIEW %s", RowText(rows, i, 1));
		EndAs(&saved);
	}
}

/* Do the times of events have another type than those of the table? */
static bool
EventTypeDiffers(const SilverShape *shape, Oid table, Oid stage)
{
	return FeatureKeepsHistory(shape->feature) &&
		strcmp(ColumnType(table, shape->feature->options.history_columns.valid_from), ColumnType(stage, "_event_at")) != 0;
}

/* Adds columns that the table lacks; true if a type differs. */
static bool
AddColumns(const SilverShape *shape, Oid table, Oid stage, SilverOutcome *outcome)
{
	bool		differs = EventTypeDiffers(shape, table, stage);
	ListCell   *lc;

	foreach(lc, DataColumnList(shape))
	{
		char	   *have = ColumnType(table, lfirst(lc));
		char	   *want = ColumnType(stage, lfirst(lc));

		if (have == NULL)
		{
			SqlExecFormat(NULL, "ALTER TABLE %s ADD COLUMN %s %s", SilverName(shape),
						  quote_identifier(lfirst(lc)), want);
			NoteChange(outcome, "ADD_COLUMN", lfirst(lc), NULL, want);
		}
		else if (strcmp(have, want) != 0)
		{
			NoteChange(outcome, "TYPE_CHANGE", lfirst(lc), have, want);
			differs = true;
		}
	}
	return differs;
}

/* A column that became text converts always: nothing tells any more whether it did. */
static void
DropCastFlags(const SilverShape *shape, Oid table, SilverOutcome *outcome)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = SqlFetch("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1"
					" AND attname ~ '^dq_cast_flag_' AND NOT attisdropped ORDER BY attnum", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		char	   *name = RowText(rows, i, 1);

		if (HasName(DataColumnList(shape), name))
			continue;
		SqlExecFormat(NULL, "ALTER TABLE %s DROP COLUMN %s", SilverName(shape), quote_identifier(name));
		NoteChange(outcome, "DROP_COLUMN", name, RowText(rows, i, 2), NULL);
	}
}

/* Gives columns the types of the staging table; the rows are made again. */
static void
ChangeTypes(const SilverShape *shape, Oid table, Oid stage, SilverOutcome *outcome)
{
	ListCell   *lc;

	DropDependentViews(shape, table);
	SqlExecFormat(NULL, "DELETE FROM %s", SilverName(shape));
	DropCastFlags(shape, table, outcome);
	foreach(lc, DataColumnList(shape))
	{
		char	   *want = ColumnType(stage, lfirst(lc));

		if (strcmp(ColumnType(table, lfirst(lc)), want) != 0)
			SqlExecFormat(NULL, "ALTER TABLE %s ALTER COLUMN %s TYPE %s USING NULL::%s",
						  SilverName(shape), quote_identifier(lfirst(lc)), want, want);
	}
	if (EventTypeDiffers(shape, table, stage))
	{
		const HistoryNames *names = &shape->feature->options.history_columns;
		char	   *want = ColumnType(stage, "_event_at");

		DropRowConditions(shape);
		SqlExecFormat(NULL, "ALTER TABLE %s ALTER COLUMN %s TYPE %s USING NULL::%s, ALTER COLUMN %s TYPE %s USING NULL::%s",
					  SilverName(shape), quote_identifier(names->valid_from), want, want,
					  quote_identifier(names->valid_to), want, want);
		AddRowConditions(shape);
	}
}

/* Drops the silver table and our views over it, to be made anew. */
void
DropSilverTable(const SilverShape *shape)
{
	Oid			table = TableOid(medallion_silver_schema, shape->feature->name);

	if (!OidIsValid(table))
		return;
	DropDependentViews(shape, table);
	SqlExecFormat(NULL, "DROP TABLE %s", SilverName(shape));
}

/* Raises for anything but a table: a view of the name, another feature's split
 * perhaps, would be written through. */
static void
CheckIsTable(const SilverShape *shape, Oid table)
{
	char		kind = get_rel_relkind(table);

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is in the way of feature \"%s\": it is not a table",
						SilverName(shape), shape->feature->name),
				 errhint("Give the feature another name.")));
}

/* Makes the silver table fit the staging table. */
bool
FitSilverTable(const SilverShape *shape, const char *stage, SilverOutcome *outcome)
{
	Oid			stage_oid = TableOid(medallion_silver_schema, stage);
	Oid			table = TableOid(medallion_silver_schema, shape->feature->name);

	if (!OidIsValid(table))
	{
		CreateSilverTable(shape, stage_oid);
		outcome->initial = true;
		return false;
	}
	CheckIsTable(shape, table);
	if (!AddColumns(shape, table, stage_oid, outcome))
		return false;
	if (get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE)
	{
		/* the partitioned column's type cannot be changed */
		DropSilverTable(shape);
		CreateSilverTable(shape, stage_oid);
	}
	else
		ChangeTypes(shape, table, stage_oid, outcome);
	return true;
}

/*
 * Indexes and constraints of a table just filled for the first time.
 *
 * A partitioned table can have no unique index without the partition's column,
 * which may be NULL and may change between versions: there what keeps versions
 * apart (overlap.c), and the merge under the feature's lock, keep one current row per key.
 */
void
IndexSilverTable(const SilverShape *shape)
{
	const char *name = shape->feature->name;
	const char *version = quote_identifier(shape->feature->options.history_columns.version);
	char	   *table = SilverName(shape);

	SqlExecFormat(NULL, "CREATE INDEX ON %s (_file_id)", table);
	if (!FeatureKeepsHistory(shape->feature))
		return;
	KeepVersionsApart(shape);
	if (FeatureIsPartitioned(&shape->feature->options))
	{
		SqlExecFormat(NULL, "CREATE INDEX ON %s (_business_key_hash, %s)", table, version);
		return;
	}
	SqlExecFormat(NULL, "ALTER TABLE %s ADD CONSTRAINT %s PRIMARY KEY (_business_key_hash, %s)",
				  table, quote_identifier(psprintf("%s_pkey", name)), version);
	SqlExecFormat(NULL, "CREATE UNIQUE INDEX %s ON %s (_business_key_hash) WHERE %s",
				  quote_identifier(psprintf("%s_current_key", name)), table,
				  quote_identifier(shape->feature->options.history_columns.is_current));
}

/* The months of a staging table by a date: suffix of the partition's name, bounds. */
static char *
MonthsQuery(const char *column, const char *stage)
{
	return psprintf("SELECT DISTINCT to_char(m, 'YYYY_MM'), quote_literal(m), quote_literal(m + '1 month')"
					" FROM (SELECT date_trunc('month', %s::timestamp) AS m FROM %s) s"
					" WHERE isfinite(m) ORDER BY 2", quote_identifier(column), stage);
}

/* The same for columns of whole numbers: one partition for each that comes,
 * up to the next value of the last column. */
static char *
NumbersQuery(List *columns, const char *stage)
{
	StringInfoData name;
	StringInfoData first;
	StringInfoData last;
	StringInfoData given;
	ListCell   *lc;

	initStringInfo(&name);
	initStringInfo(&first);
	initStringInfo(&last);
	initStringInfo(&given);
	foreach(lc, columns)
	{
		const char *column = quote_identifier(lfirst(lc));
		const char *comma = foreach_current_index(lc) > 0 ? ", " : "";

		appendStringInfo(&name, "%slpad(%s::bigint::text, greatest(2, length(%s::bigint::text)), '0')", comma, column, column);
		appendStringInfo(&first, "%s%s::bigint", comma, column);
		appendStringInfo(&last, "%s%s::bigint%s", comma, column, lnext(columns, lc) == NULL ? " + 1" : "");
		appendStringInfo(&given, "%s%s IS NOT NULL", foreach_current_index(lc) > 0 ? " AND " : "", column);
	}
	return psprintf("SELECT DISTINCT concat_ws('_', %s), concat_ws(', ', %s), concat_ws(', ', %s) FROM %s WHERE %s ORDER BY 1",
					name.data, first.data, last.data, stage, given.data);
}

/* Partitions for what a staging table has. */
void
EnsurePartitions(const SilverShape *shape, const char *stage)
{
	const FeatureOptions *options = &shape->feature->options;
	SqlRows    *parts;

	if (!FeatureIsPartitioned(options))
		return;
	parts = SqlFetch(options->partition_by ? MonthsQuery(options->partition_by, stage) :
					 NumbersQuery(options->partition_columns, stage), NULL);
	for (uint64 i = 0; i < parts->count; i++)
	{
		char	   *name = psprintf("%s_%s", shape->feature->name, RowText(parts, i, 1));

		if (!OidIsValid(TableOid(medallion_silver_schema, name)))
			SqlExecFormat(NULL, "CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%s) TO (%s)",
						  QualifiedName(medallion_silver_schema, name), SilverName(shape),
						  RowText(parts, i, 2), RowText(parts, i, 3));
	}
}

/* Creates or extends one view over the table. */
static void
CreateView(const SilverShape *shape, const char *suffix, const char *condition)
{
	Oid			table = TableOid(medallion_silver_schema, shape->feature->name);
	Relation	rel = table_open(table, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	char	   *view = QualifiedName(medallion_silver_schema,
									 psprintf("%s%s", shape->feature->name, suffix));
	StringInfoData columns;

	initStringInfo(&columns);
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			appendStringInfo(&columns, "%sd.%s", columns.len > 0 ? ", " : "",
							 quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
	}
	table_close(rel, NoLock);
	SqlExecFormat(NULL, "CREATE OR REPLACE VIEW %s AS SELECT %s FROM %s d WHERE %s", view,
				  columns.data, SilverName(shape), condition);
	SqlExecFormat(NULL, "COMMENT ON VIEW %s IS %s", view, quote_literal_cstr(ViewComment(shape)));
}

/* The views of one split: all its versions, and its current ones. */
static void
CreateSplitViews(const SilverShape *shape, const char *split, const char *condition, const char *current)
{
	CreateView(shape, psprintf("_%s", split), condition);
	CreateView(shape, psprintf("_%s_current", split), psprintf("%s AND %s", condition, current));
}

/*
 * The _current view and the views of the splits.  A row belongs to the first
 * split whose condition is true; a condition that is NULL is not true; "else"
 * takes the rows that are left.  So every row lands in exactly one.
 */
void
CreateSilverViews(const SilverShape *shape)
{
	char	   *current = CurrentCondition(shape->feature, "d.");
	StringInfoData earlier;
	List	   *names;
	List	   *conditions;
	ListCell   *nc;
	ListCell   *cc;

	CreateView(shape, "_current", current);
	initStringInfo(&earlier);
	appendStringInfoString(&earlier, "true");
	JsonbObjectItems(shape->feature->options.split, &names, &conditions);
	forboth(nc, names, cc, conditions)
	{
		const char *condition = lfirst(cc);

		if (condition == NULL || strcmp(condition, "else") == 0)
			continue;
		CreateSplitViews(shape, lfirst(nc), psprintf("%s AND (%s\n) IS TRUE", earlier.data, condition), current);
		appendStringInfo(&earlier, " AND (%s\n) IS NOT TRUE", condition);
	}
	forboth(nc, names, cc, conditions)
	{
		if (lfirst(cc) != NULL && strcmp(lfirst(cc), "else") == 0)
			CreateSplitViews(shape, lfirst(nc), earlier.data, current);
	}
}

List *
RelationColumns(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *names = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			names = lappend(names, pstrdup(NameStr(TupleDescAttr(desc, i)->attname)));
	}
	table_close(rel, NoLock);
	return names;
}
