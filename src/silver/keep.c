/*
 * keep.c
 *	  What users gave the silver table and its views: kept over their making anew.
 *
 *	  relations that are about to be dropped -> GRANT and COMMENT statements
 *	      -> run on those that are there again, for the columns that they still have
 */
#include "base/compat.h"

#include "silver/keep.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* One statement, and what must be there for it. */
typedef struct KeptStatement
{
	char	   *relation;
	char	   *column;			/* or NULL */
	char	   *statement;
} KeptStatement;

/*
 * Rights of others on relations of the silver schema, and all comments: the
 * relations' own and those of their columns.
 */
static const char *const kept_query =
"WITH relations AS (SELECT c.oid, c.relname, c.relacl, c.relowner, format('%I.%I', $1, c.relname) AS name"
"  FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident($1))::oid AND c.relname = ANY ($2)),\n"
"rights AS (SELECT relname, name, relowner, NULL::name AS attname, (aclexplode(relacl)).* FROM relations"
" UNION ALL SELECT relname, name, relowner, a.attname, (aclexplode(a.attacl)).*"
"  FROM relations JOIN pg_attribute a ON a.attrelid = oid AND NOT a.attisdropped)\n"
"SELECT relname::text, attname::text, format('GRANT %s%s ON %s TO %s%s', privilege_type,"
"  CASE WHEN attname IS NOT NULL THEN format(' (%I)', attname) END, name,"
"  CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,"
"  CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)"
" FROM rights WHERE grantee <> relowner\n"
"UNION ALL SELECT relname::text, a.attname::text, CASE WHEN d.objsubid = 0"
"  THEN format('COMMENT ON %s %s IS %L', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, r.name, d.description)"
"  ELSE format('COMMENT ON COLUMN %s.%I IS %L', r.name, a.attname, d.description) END"
" FROM relations r JOIN pg_class c USING (oid, relname)"
" JOIN pg_description d ON d.objoid = r.oid AND d.classoid = 'pg_class'::regclass"
" LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.objsubid AND d.objsubid > 0";

/* What users gave the relations of these names. */
List *
KeepGifts(List *relations)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *kept = NIL;

	ParamText(&params, medallion_silver_schema);
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(relations));
	rows = SqlFetch(kept_query, &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		KeptStatement *statement = palloc(sizeof(KeptStatement));

		statement->relation = RowText(rows, i, 1);
		statement->column = RowText(rows, i, 2);
		statement->statement = RowText(rows, i, 3);
		kept = lappend(kept, statement);
	}
	return kept;
}

/* Gives it back where the relation, and the column, are there. */
void
GiveBack(List *kept)
{
	ListCell   *lc;

	foreach(lc, kept)
	{
		KeptStatement *statement = lfirst(lc);
		Oid			relation = TableOid(medallion_silver_schema, statement->relation);

		if (OidIsValid(relation) &&
			(statement->column == NULL || get_attnum(relation, statement->column) != InvalidAttrNumber))
			SqlExec(statement->statement, NULL);
	}
}
