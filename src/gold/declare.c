/*
 * declare.c
 *	  What a model's options declare about its table: keys, indexes, comments.
 *
 * Each declaration is a statement, and the text by which the server describes
 * its result: where the table has that already, nothing happens.  Names of
 * ours start with a prefix and a number, so what the options say no longer is
 * found, and dropped.
 *
 * Foreign keys stand in the catalog, where tools find them, and their triggers
 * do not fire: a refresh deletes a row and inserts its successor, and a
 * dimension is committed before its facts.  Those that are enforced are checked
 * at once for all rows, when their own model is refreshed.
 */
#include "base/compat.h"

#include "gold/declare.h"

#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "gold/target.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Something that the options declare. */
typedef struct Declaration
{
	char	   *name;
	char	   *definition;		/* as pg_get_constraintdef() or pg_get_indexdef() says it */
} Declaration;

static Declaration *
MakeDeclaration(const char *name, char *definition)
{
	Declaration *declaration = palloc(sizeof(Declaration));

	/* the server would cut the name as well, and say so */
	declaration->name = pnstrdup(name, Min(strlen(name), NAMEDATALEN - 1));
	declaration->definition = definition;
	return declaration;
}

/* (a, b) of column names */
static char *
ColumnList(List *columns)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, columns)
		appendStringInfo(&text, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(lfirst(lc)));
	return text.data;
}

/* The table that a foreign key names: a model's, or any by schema.table. */
static Oid
ReferencedTable(const ForeignKey *key)
{
	Oid			table = TableOid(medallion_gold_schema, key->references);
	SqlParams	params = {0};
	bool		isnull;
	Datum		oid;

	if (OidIsValid(table))
		return table;
	ParamText(&params, key->references);
	oid = SqlScalar("SELECT to_regclass($1)::oid", &params, &isnull);
	return isnull ? InvalidOid : DatumGetObjectId(oid);
}

/* Name of a table, and (a, b) of its primary key; NULL if it has none. */
static char *
PrimaryKeyColumns(Oid table)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = SqlFetch("SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.n)"
					" FROM pg_constraint c, unnest(c.conkey) WITH ORDINALITY k (attnum, n)"
					" JOIN pg_attribute a ON a.attrelid = $1 AND a.attnum = k.attnum"
					" WHERE c.conrelid = $1 AND c.contype = 'p'", &params);
	return RowText(rows, 0, 1);
}

/* FOREIGN KEY ... REFERENCES ..., or NULL while the referenced key is not there. */
static char *
ForeignKeyDefinition(const ForeignKey *key)
{
	Oid			table = ReferencedTable(key);
	char	   *columns;
	SqlParams	params = {0};

	if (!OidIsValid(table))
		return NULL;
	columns = key->referenced != NIL ? ColumnList(key->referenced) : PrimaryKeyColumns(table);
	if (columns == NULL)
		return NULL;
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	return psprintf("FOREIGN KEY (%s) REFERENCES %s(%s) NOT VALID",
					ColumnList(key->columns),
					RowText(SqlFetch("SELECT $1::regclass", &params), 0, 1), columns);
}

/* Primary key and foreign keys, as constraints. */
static List *
WantedConstraints(const Model *model)
{
	List	   *wanted = NIL;
	ListCell   *lc;

	if (model->primary_key != NIL)
		wanted = lappend(wanted, MakeDeclaration(psprintf("%s%s", PRIMARY_PREFIX, model->name),
												 psprintf("PRIMARY KEY (%s)", ColumnList(model->primary_key))));
	foreach(lc, model->foreign_keys)
	{
		char	   *definition = ForeignKeyDefinition(lfirst(lc));

		if (definition != NULL)
			wanted = lappend(wanted, MakeDeclaration(psprintf(FOREIGN_PREFIX "%s", foreach_current_index(lc) + 1,
															  model->name), definition));
	}
	return wanted;
}

static Declaration *
MakeIndex(const Model *model, const char *name, const ModelIndex *index)
{
	Declaration *declaration = MakeDeclaration(name, NULL);

	declaration->definition = psprintf("CREATE %sINDEX %s ON %s USING %s (%s)", index->unique ? "UNIQUE " : "",
									   quote_identifier(declaration->name), TargetName(model),
									   quote_identifier(index->method ? index->method : "btree"),
									   ColumnList(index->columns));
	return declaration;
}

/* The unique key, the indexes that the options name, and what the refresh needs. */
static List *
WantedIndexes(const Model *model)
{
	ModelIndex	key = {.columns = model->unique_key,.unique = true};
	ModelIndex	hash = {.columns = list_make1("_row_hash")};
	List	   *wanted = list_make1(MakeIndex(model, psprintf("%s%s", HASH_PREFIX, model->name), &hash));
	ListCell   *lc;

	if (key.columns != NIL)
		wanted = lappend(wanted, MakeIndex(model, psprintf("%s%s", KEY_PREFIX, model->name), &key));
	foreach(lc, model->indexes)
		wanted = lappend(wanted, MakeIndex(model, psprintf(INDEX_PREFIX "%s", foreach_current_index(lc) + 1,
														   model->name), lfirst(lc)));
	return wanted;
}

/* Is it among the rows: name, definition? */
static bool
IsThere(const Declaration *wanted, const SqlRows *rows)
{
	for (uint64 i = 0; i < rows->count; i++)
		if (strcmp(RowText(rows, i, 1), wanted->name) == 0 &&
			strcmp(RowText(rows, i, 2), wanted->definition) == 0)
			return true;
	return false;
}

/* Is this row among the wanted? */
static bool
IsWanted(const SqlRows *rows, uint64 row, List *wanted)
{
	ListCell   *lc;

	foreach(lc, wanted)
	{
		Declaration *declaration = lfirst(lc);

		if (strcmp(RowText(rows, row, 1), declaration->name) == 0 &&
			strcmp(RowText(rows, row, 2), declaration->definition) == 0)
			return true;
	}
	return false;
}

/* Brings the constraints of ours to those wanted. */
static void
DeclareConstraints(const Model *model, Oid target)
{
	List	   *wanted = WantedConstraints(model);
	SqlParams	params = {0};
	SqlRows    *rows;
	ListCell   *lc;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(target));
	rows = SqlFetch("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
					" WHERE conrelid = $1 AND conname ~ '^_(pk|fk[0-9]+)_'", &params);
	for (uint64 i = 0; i < rows->count; i++)
		if (!IsWanted(rows, i, wanted))
			SqlExecFormat(NULL, "ALTER TABLE %s DROP CONSTRAINT %s", TargetName(model),
						  quote_identifier(RowText(rows, i, 1)));
	foreach(lc, wanted)
	{
		Declaration *declaration = lfirst(lc);

		if (!IsThere(declaration, rows))
			SqlExecFormat(NULL, "ALTER TABLE %s ADD CONSTRAINT %s %s", TargetName(model),
						  quote_identifier(declaration->name), declaration->definition);
	}
}

/* Brings the indexes of ours to those wanted. */
static void
DeclareIndexes(const Model *model, Oid target)
{
	List	   *wanted = WantedIndexes(model);
	SqlParams	params = {0};
	SqlRows    *rows;
	ListCell   *lc;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(target));
	rows = SqlFetch("SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i"
					" JOIN pg_class c ON c.oid = i.indexrelid"
					" WHERE i.indrelid = $1 AND c.relname ~ '^_(key|hash|ix[0-9]+)_'", &params);
	for (uint64 i = 0; i < rows->count; i++)
		if (!IsWanted(rows, i, wanted))
			SqlExecFormat(NULL, "DROP INDEX %s",
						  QualifiedName(medallion_gold_schema, RowText(rows, i, 1)));
	foreach(lc, wanted)
		if (!IsThere(lfirst(lc), rows))
			SqlExec(((Declaration *) lfirst(lc))->definition, NULL);
}

/* Is it a type whose values are short enough for any index? */
static bool
IsShort(Oid type)
{
	return get_typlen(type) > 0 || type == NUMERICOID;
}

/*
 * Keys of variable length are left out, for an index refuses long ones; the
 * unique or primary key serves as well.
 */
void
DeclareGroupIndex(const Model *model, const GroupPlan *groups)
{
	ModelIndex	index = {0};
	Declaration *wanted;
	Oid			old = TableOid(medallion_gold_schema, psprintf("%s%s", GROUP_PREFIX, model->name));
	SqlParams	params = {0};
	ListCell   *lc;

	foreach(lc, groups->top->keys)
		if (IsShort(((GroupKey *) lfirst(lc))->type))
			index.columns = lappend(index.columns, ((GroupKey *) lfirst(lc))->column);
	wanted = MakeIndex(model, psprintf("%s%s", GROUP_PREFIX, model->name), &index);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(old));
	if (OidIsValid(old))
	{
		if (strcmp(RowText(SqlFetch("SELECT pg_get_indexdef($1)", &params), 0, 1), wanted->definition) == 0)
			return;
		SqlExecFormat(NULL, "DROP INDEX %s", QualifiedName(medallion_gold_schema, wanted->name));
	}
	if (index.columns != NIL && model->unique_key == NIL && model->primary_key == NIL)
		SqlExec(wanted->definition, NULL);
}

/* Brings NOT NULL of the model's columns to what the options say; those of the
 * primary key stay with it. */
static void
DeclareNotNull(const Model *model, Oid target)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(target));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(model->not_null));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(model->primary_key));
	rows = SqlFetch("SELECT coalesce(a.name, w.name), w.name IS NOT NULL"
					" FROM (SELECT attname::text AS name, attnotnull FROM pg_attribute WHERE attrelid = $1 AND attnum > 0"
					"  AND NOT attisdropped AND attname NOT IN ('_run_id', '_loaded_at', '_row_hash')) a"
					" FULL JOIN unnest($2) w (name) ON w.name = a.name"
					" WHERE coalesce(a.name, w.name) <> ALL ($3)"
					" AND a.attnotnull IS DISTINCT FROM (w.name IS NOT NULL)", &params);
	for (uint64 i = 0; i < rows->count; i++)
		SqlExecFormat(NULL, "ALTER TABLE %s ALTER COLUMN %s %s NOT NULL", TargetName(model),
					  quote_identifier(RowText(rows, i, 1)), RowBool(rows, i, 2) ? "SET" : "DROP");
}

/* Brings the comments of the columns to what the options say. */
static void
CommentColumns(const Model *model, Oid target)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(target));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(model->commented));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(model->comments));
	rows = SqlFetch("SELECT coalesce(a.name, w.name), w.comment"
					" FROM (SELECT attname::text AS name, col_description($1, attnum) AS comment"
					"  FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped) a"
					" FULL JOIN unnest($2, $3) w (name, comment) ON w.name = a.name"
					" WHERE a.comment IS DISTINCT FROM w.comment", &params);
	for (uint64 i = 0; i < rows->count; i++)
		SqlExecFormat(NULL, "COMMENT ON COLUMN %s.%s IS %s", TargetName(model),
					  quote_identifier(RowText(rows, i, 1)),
					  RowIsNull(rows, i, 2) ? "NULL" : quote_literal_cstr(RowText(rows, i, 2)));
}

/* Makes the description the comment of the target. */
static void
DescribeTarget(const Model *model)
{
	if (model->description != NULL)
		SqlExecFormat(NULL, "COMMENT ON %s %s IS %s", model->is_view ? "VIEW" : "TABLE",
					  TargetName(model), quote_literal_cstr(model->description));
}

/*
 * Stops the triggers of foreign keys, on both sides; a restored dump has them
 * again.  They are the server's own, which takes more rights than the owner of
 * a table has.
 */
static void
SilenceForeignKeys(Oid target)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(target));
	ParamText(&params, medallion_gold_schema);
	rows = CatalogFetch("SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname)"
						" FROM pg_constraint c JOIN pg_trigger t ON t.tgconstraint = c.oid"
						" WHERE $1 IN (c.conrelid, c.confrelid) AND c.contype = 'f' AND c.conname ~ '^_fk[0-9]+_'"
						" AND EXISTS (SELECT FROM medallion.models m WHERE c.conrelid = to_regclass(format('%I.%I', $2, m.name)))"
						" AND NOT c.convalidated AND NOT c.condeferrable AND t.tgenabled <> 'D' ORDER BY t.oid", &params);
	for (uint64 i = 0; i < rows->count; i++)
		CatalogExec(RowText(rows, i, 1), NULL);
}

void
DeclareTarget(const Model *model)
{
	Oid			target = TargetOid(model);

	DescribeTarget(model);
	CommentColumns(model, target);
	if (model->is_view)
		return;
	DeclareIndexes(model, target);
	DeclareConstraints(model, target);
	SilenceForeignKeys(target);
	DeclareNotNull(model, target);	/* a key that went leaves it behind */
}

/* Names (text[]) of the constraints whose keys are enforced. */
static Datum
EnforcedNames(const Model *model)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, model->foreign_keys)
		if (!((ForeignKey *) lfirst(lc))->unenforced)
			names = lappend(names, MakeDeclaration(psprintf(FOREIGN_PREFIX "%s", foreach_current_index(lc) + 1,
															model->name), NULL)->name);
	return ListToTextArray(names);
}

/* By the operators that the constraint has, since search_path has only the server's. */
void
CheckForeignKeys(const Model *model)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	if (model->foreign_keys == NIL)
		return;
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TargetOid(model)));
	ParamDatum(&params, TEXTARRAYOID, EnforcedNames(model));
	rows = SqlFetch("SELECT c.conname, c.confrelid::regclass, string_agg(quote_ident(s.attname), ', ' ORDER BY k.n),"
					" format('SELECT concat_ws('', '', %s) FROM %s f WHERE %s AND NOT EXISTS (SELECT FROM %s d WHERE %s) LIMIT 1',"
					"  string_agg(format('f.%I', s.attname), ', ' ORDER BY k.n), c.conrelid::regclass,"
					"  string_agg(format('f.%I IS NOT NULL', s.attname), ' AND '), c.confrelid::regclass,"
					"  string_agg(format('d.%I OPERATOR(%I.%s) f.%I', t.attname, n.nspname, o.oprname, s.attname), ' AND '))"
					" FROM pg_constraint c"
					" CROSS JOIN unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY k (mine, theirs, operator, n)"
					" JOIN pg_attribute s ON s.attrelid = c.conrelid AND s.attnum = k.mine"
					" JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = k.theirs"
					" JOIN pg_operator o ON o.oid = k.operator JOIN pg_namespace n ON n.oid = o.oprnamespace"
					" WHERE c.conrelid = $1 AND c.contype = 'f' AND c.conname = ANY ($2)"
					" GROUP BY c.oid, c.conname, c.conrelid, c.confrelid ORDER BY c.conname", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		SqlRows    *orphan = SqlFetch(RowText(rows, i, 4), NULL);

		if (orphan->count > 0)
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("model \"%s\" violates foreign key constraint \"%s\"", model->name, RowText(rows, i, 1)),
					 errdetail("Key (%s)=(%s) is not present in %s.", RowText(rows, i, 3),
							   RowText(orphan, 0, 1), RowText(rows, i, 2))));
	}
}
