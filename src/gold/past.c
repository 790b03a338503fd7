/*
 * past.c
 *	  medallion.query_with(): a query that reads other queries in place of
 *	  some of its relations.
 *
 * What as_of() asks of a model: its query, with silver as it was.  The query
 * tree is changed, not the text: a relation is found wherever it is read
 * (joins, CTEs, subqueries), and nothing else is.
 */
#include "base/compat.h"

#include "base/settings.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

PG_FUNCTION_INFO_V1(medallion_query_with);

/* What to put in place of what. */
typedef struct Replacement
{
	Datum	   *relations;
	Datum	   *queries;
	int			count;
} Replacement;

/* The tree of a text that is one SELECT. */
static Query *
AnalyzeSelect(const char *sql)
{
	List	   *statements = raw_parser(sql, RAW_PARSE_DEFAULT);

	if (list_length(statements) != 1 || !IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query_with() takes queries of one SELECT")));
	return parse_analyze_fixedparams(linitial(statements), sql, NULL, 0, NULL);
}

/* How many columns a relation has had. */
static int
CountColumns(Oid relid)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	int			count = RelationGetNumberOfAttributes(relation);

	relation_close(relation, NoLock);
	return count;
}

/* Makes of an entry that is a relation one that is a query.  The query has a
 * column for each of the relation's, dropped ones too: columns are numbers here. */
static void
ReplaceEntry(RangeTblEntry *rte, const char *sql)
{
	Query	   *query = AnalyzeSelect(sql);

	if (rte->tablesample != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a sample of %s cannot be asked for as of a time", get_rel_name(rte->relid))));
	if (list_length(query->targetList) != CountColumns(rte->relid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query in place of %s must have as many columns as it", get_rel_name(rte->relid))));
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->relid = InvalidOid;
	rte->relkind = 0;
	rte->inh = false;
}

/* Below first, so that what was put in is not looked at again. */
static bool
ReplaceWalker(Node *node, Replacement *replacement)
{
	Query	   *query = (Query *) node;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, ReplaceWalker, replacement);
	query_tree_walker(query, ReplaceWalker, replacement, 0);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		for (int i = 0; i < replacement->count; i++)
		{
			if (rte->rtekind == RTE_RELATION && rte->relid == DatumGetObjectId(replacement->relations[i]))
				ReplaceEntry(rte, TextDatumGetCString(replacement->queries[i]));
		}
	}
	return false;
}

/* query_with(query, relations, queries) */
Datum
medallion_query_with(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	Query	   *query = AnalyzeSelect(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Replacement replacement;
	int			count;
	char	   *sql;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT,
					  &replacement.relations, NULL, &replacement.count);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT,
					  &replacement.queries, NULL, &count);
	if (count != replacement.count)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("query_with() takes as many queries as relations")));
	ReplaceWalker((Node *) query, &replacement);
	sql = pg_get_querydef(query, false);
	UnpinSettings(nest_level);
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}
