/*
 * target.c
 *	  What a model owns in the database: the view of its query and the table,
 *	  or view, of its result.
 *
 * All of it is made, changed and dropped as the model's owner, under a
 * pinned search_path, from the stored schema-qualified query.
 */
#include "base/compat.h"

#include "gold/target.h"

#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "gold/declare.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* The view of the query, or InvalidOid. */
Oid
ViewOid(const Model *model)
{
	return TableOid(medallion_model_schema, model->name);
}

/* The table or view of the result, or InvalidOid. */
Oid
TargetOid(const Model *model)
{
	return TableOid(medallion_gold_schema, model->name);
}

/* Becomes the model's owner, once it is sure whose its relations are. */
void
AsModelOwner(SavedIdentity *saved, const Model *model)
{
	CheckOwnRelation(medallion_model_schema, model->name, model->owner);
	CheckOwnRelation(medallion_gold_schema, model->name, model->owner);
	AsRole(saved, model->owner);
}

/* The query of a view, schema-qualified, without the final semicolon. */
char *
ViewDefinition(Oid view)
{
	SqlParams	params = {0};
	char	   *query;
	size_t		length;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(view));
	query = RowText(SqlFetch("SELECT pg_get_viewdef($1)", &params), 0, 1);
	length = strlen(query);
	if (length > 0 && query[length - 1] == ';')
		query[length - 1] = '\0';
	return query;
}

/* The first column of a query over one oid, as strings. */
static List *
FetchNames(const char *sql, Oid relation)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *names = NIL;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(relation));
	rows = SqlFetch(sql, &params);
	for (uint64 i = 0; i < rows->count; i++)
		names = lappend(names, RowText(rows, i, 1));
	return names;
}

/* Columns of a relation in their order. */
List *
ColumnNames(Oid relation)
{
	return FetchNames("SELECT attname FROM pg_attribute WHERE attrelid = $1"
					  " AND attnum > 0 AND NOT attisdropped ORDER BY attnum", relation);
}

/* strings, separated by commas */
static char *
Join(List *strings)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, strings)
		appendStringInfo(&text, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 (char *) lfirst(lc));
	return text.data;
}

/*
 * $1: a relation; $2: numbers of its columns, or NULL for any; $3, $4: the
 * model's own relations.  A view depends through its rule.
 */
static const char *const dependents_query =
"SELECT DISTINCT pg_describe_object(CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END,"
"                                   coalesce(r.ev_class, d.objid),"
"                                   CASE WHEN r.oid IS NULL THEN d.objsubid ELSE 0 END) AS object"
" FROM pg_depend d LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
" WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.deptype = 'n'"
" AND ($2 IS NULL OR d.refobjsubid = ANY ($2))"
" AND coalesce(r.ev_class, 0) NOT IN ($3, $4)"
" ORDER BY object";

/* Raises, naming them, if other objects depend on these columns of a relation. */
static void
CheckColumnsFree(const Model *model, Oid relation, Datum columns, const char *action)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *names = NIL;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(relation));
	if (columns == (Datum) 0)
		ParamNull(&params, INT4ARRAYOID);
	else
		ParamDatum(&params, INT4ARRAYOID, columns);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(ViewOid(model)));
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TargetOid(model)));
	rows = SqlFetch(dependents_query, &params);
	for (uint64 i = 0; i < rows->count; i++)
		names = lappend(names, RowText(rows, i, 1));
	if (names != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot %s model \"%s\" because other objects depend on it",
						action, model->name),
				 errdetail("These depend on it: %s.", Join(names)),
				 errhint("Drop them first, and make them again afterwards.")));
}

/* Raises, naming them, if objects other than the model's own depend on it. */
void
CheckNoDependents(const Model *model, Oid relation, const char *action)
{
	if (OidIsValid(relation))
		CheckColumnsFree(model, relation, (Datum) 0, action);
}

/* The columns of a relation as one string: to tell whether they are the same. */
char *
RelationShape(Oid relation)
{
	return Join(FetchNames("SELECT quote_ident(attname) || ' ' || format_type(atttypid, atttypmod)"
						   " FROM pg_attribute WHERE attrelid = $1"
						   " AND attnum > 0 AND NOT attisdropped ORDER BY attnum", relation));
}

/* Makes the view say the model's query, whose columns are as in shape. */
void
DefineView(const Model *model, const char *shape)
{
	Oid			old = ViewOid(model);

	if (OidIsValid(old) && strcmp(shape, RelationShape(old)) != 0)
	{
		CheckNoDependents(model, old, "change the columns of");
		if (model->is_view && OidIsValid(TargetOid(model)))
		{
			CheckNoDependents(model, TargetOid(model), "change the columns of");
			DropTarget(model);
		}
		SqlExecFormat(NULL, "DROP VIEW %s", ViewName(model));
	}
	SqlExecFormat(NULL, "CREATE OR REPLACE VIEW %s AS\n%s", ViewName(model), model->query);
}

/* A table that somebody renamed is not made again beside itself. */
static void
RefuseRenamed(const Model *model)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamText(&params, QualifiedName(medallion_gold_schema, psprintf(HASH_PREFIX "%s", model->name)));
	rows = SqlFetch("SELECT indrelid::regclass FROM pg_index WHERE indexrelid = to_regclass($1)", &params);
	if (rows->count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the table of model \"%s\" was renamed to %s", model->name, RowText(rows, 0, 1)),
				 errhint("Rename it back. To rename a model, create it under the new name and drop the old one.")));
}

/* Makes the target, empty. */
void
CreateTarget(const Model *model)
{
	RefuseRenamed(model);
	if (model->is_view)
		SqlExecFormat(NULL, "CREATE VIEW %s AS SELECT * FROM %s",
					  TargetName(model), ViewName(model));
	else
	{
		SqlExecFormat(NULL, "CREATE TABLE %s AS SELECT q.*, NULL::bigint AS _run_id,"
					  " NULL::timestamptz AS _loaded_at, NULL::uuid AS _row_hash"
					  " FROM %s q WITH NO DATA", TargetName(model), ViewName(model));
		SqlExecFormat(NULL, "ALTER TABLE %s ALTER _run_id SET NOT NULL,"
					  " ALTER _loaded_at SET NOT NULL, ALTER _row_hash SET NOT NULL",
					  TargetName(model));
	}
	DeclareTarget(model);
}

/* Drops the target, whichever kind it is. */
void
DropTarget(const Model *model)
{
	SqlExecFormat(NULL, "DROP %s %s", model->is_view ? "VIEW" : "TABLE", TargetName(model));
}

/*
 * Drops the views of other models that read this relation, each as its own
 * owner.  Those models are stale from then on, and their refresh, which comes
 * after ours, makes the views again.  Views of users stay, and stop us.
 */
static void
DetachModels(Oid relation)
{
	SavedIdentity saved;
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(relation));
	ParamText(&params, medallion_model_schema);
	rows = CatalogFetch("SELECT DISTINCT m.name FROM medallion.models m"
						" JOIN pg_class c ON c.relname = m.name"
						" JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $2"
						" JOIN pg_rewrite r ON r.ev_class = c.oid"
						" JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
						" WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1"
						" AND c.oid <> $1", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		Model	   *reader = FindModel(RowText(rows, i, 1));

		AsModelOwner(&saved, reader);
		if (reader->is_view && OidIsValid(TargetOid(reader)))
		{
			DetachModels(TargetOid(reader));
			DropTarget(reader);
		}
		SqlExecFormat(NULL, "DROP VIEW %s", ViewName(reader));
		EndAs(&saved);
	}
}

/*
 * Where the columns of the view ($1) and of the table ($2) differ: name, type
 * in the view (NULL: gone), type in the table (NULL: new), number in the
 * table, expected to be free of other objects.
 */
static const char *const differences_query =
"WITH v AS (SELECT attname, attnum, format_type(atttypid, atttypmod) AS type"
"  FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped),"
" t AS (SELECT attname, attnum, format_type(atttypid, atttypmod) AS type"
"  FROM pg_attribute WHERE attrelid = $2 AND attnum > 0 AND NOT attisdropped"
"  AND attname NOT IN ('_run_id', '_loaded_at', '_row_hash'))"
" SELECT quote_ident(coalesce(v.attname, t.attname)), v.type, t.type, t.attnum::int"
" FROM v FULL JOIN t ON t.attname = v.attname"
" WHERE v.type IS DISTINCT FROM t.type"
" ORDER BY v.attnum, t.attnum";

/* What to do to the table for each difference: the actions of one ALTER TABLE. */
static char *
AlterActions(const SqlRows *rows, List **touched, bool *retyped)
{
	List	   *actions = NIL;

	for (uint64 i = 0; i < rows->count; i++)
	{
		char	   *name = RowText(rows, i, 1);
		char	   *type = RowText(rows, i, 2);

		if (RowIsNull(rows, i, 3))
		{
			actions = lappend(actions, psprintf("ADD COLUMN %s %s", name, type));
			continue;
		}
		*touched = lappend(*touched, RowText(rows, i, 4));
		if (type == NULL)
			actions = lappend(actions, psprintf("DROP COLUMN %s", name));
		else
		{
			*retyped = true;
			actions = lappend(actions, psprintf("ALTER COLUMN %s TYPE %s USING NULL", name, type));
		}
	}
	return Join(actions);
}

/*
 * Gives the table the columns of the view.  A column that changes its type
 * loses its values, and all rows with it: the refresh computes them anyway.
 * ALTER TABLE, rather than a new table, keeps grants, indexes and views on
 * other columns.  As with every ALTER TABLE that rewrites, a transaction
 * whose snapshot is older and which has not touched the table sees it empty.
 */
void
MatchTable(const Model *model, bool detach_models)
{
	Oid			target = TargetOid(model);
	SqlParams	params = {0};
	SqlParams	numbers = {0};
	SqlRows    *rows;
	List	   *touched = NIL;
	bool		retyped = false;
	bool		isnull;
	char	   *actions;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(ViewOid(model)));
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(target));
	rows = SqlFetch(differences_query, &params);
	if (rows->count == 0)
		return;
	actions = AlterActions(rows, &touched, &retyped);
	if (touched != NIL)
	{
		if (detach_models)
			DetachModels(target);
		ParamDatum(&numbers, TEXTARRAYOID, ListToTextArray(touched));
		CheckColumnsFree(model, target,
						 SqlScalar("SELECT $1::int[]", &numbers, &isnull),
						 "change the columns of");
	}
	if (retyped)
		SqlExecFormat(NULL, "DELETE FROM %s", TargetName(model));
	SqlExecFormat(NULL, "ALTER TABLE %s %s", TargetName(model), actions);
	DeclareTarget(model);
}

/* Makes those of the model's relations that are missing.  An empty table is one that was
 * never refreshed: what changed since it was full does not make it so. */
void
RestoreModel(const Model *model)
{
	SqlParams	params = {0};

	if (!OidIsValid(ViewOid(model)))
		SqlExecFormat(NULL, "CREATE VIEW %s AS\n%s", ViewName(model), model->query);
	if (OidIsValid(TargetOid(model)))
		return;
	CreateTarget(model);
	ParamInt(&params, model->id);
	CatalogExec("UPDATE medallion.models SET refreshed_run_id = NULL WHERE model_id = $1"
				" AND refreshed_run_id IS NOT NULL", &params);
}
