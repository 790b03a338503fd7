/*
 * lineage.c
 *	  medallion.column_sources(): which columns of which tables each column of
 *	  a view is made of, from its query tree.
 *
 * A column's expression is followed through subqueries, CTEs, joins, set
 * operations and views down to tables; views of gold end the way, for they
 * are models of their own.  Columns that only choose or order rows (WHERE, ON,
 * GROUP BY, HAVING) are sources of the whole: their target is NULL.
 */
#include "base/compat.h"

#include "access/table.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/namespace.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(medallion_column_sources);

/* A walk down from one expression. */
typedef struct Walk
{
	ReturnSetInfo *result;
	const char *target;			/* the view's column, or NULL: the whole */
	Oid			gold;			/* namespace where the way ends */
	List	   *levels;			/* Query *, innermost first */
	int			depth;
} Walk;

#define MAX_DEPTH 50			/* a recursive CTE has no bottom */

static void FollowVar(Walk *walk, List *levels, Index varno, AttrNumber attno);
static void FollowExpression(Walk *walk, List *levels, Node *node);
static void FollowFilters(Walk *walk, List *levels);

/* One row of the result. */
static void
PutSource(Walk *walk, Oid relation, AttrNumber attno)
{
	Datum		values[3];
	bool		nulls[3] = {0};

	nulls[0] = walk->target == NULL;
	values[0] = walk->target ? CStringGetTextDatum(walk->target) : (Datum) 0;
	values[1] = ObjectIdGetDatum(relation);
	nulls[2] = attno <= 0;
	values[2] = attno > 0 ? CStringGetTextDatum(get_attname(relation, attno, false)) : (Datum) 0;
	tuplestore_putvalues(walk->result->setResult, walk->result->setDesc, values, nulls);
}

/* The levels from within a query: lcons() would change the list of the others. */
static List *
Below(void *query, List *levels)
{
	return list_concat(list_make1(query), levels);
}

/* The query of a view. */
static Query *
ViewQuery(Oid view)
{
	Relation	relation = table_open(view, AccessShareLock);
	Query	   *query = copyObject(get_view_query(relation));

	table_close(relation, AccessShareLock);
	return query;
}

/* A column of what a query returns; 0: all of them. */
static void
FollowTarget(Walk *walk, List *levels, AttrNumber attno)
{
	Query	   *query = linitial(levels);
	ListCell   *lc;

	if (query->setOperations != NULL)
	{
		for (int i = 1; i <= list_length(query->rtable); i++)
		{
			if (rt_fetch(i, query->rtable)->rtekind == RTE_SUBQUERY)
				FollowVar(walk, levels, i, attno);
		}
		return;
	}
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (!entry->resjunk && (attno == 0 || entry->resno == attno))
			FollowExpression(walk, levels, (Node *) entry->expr);
	}
}

/* A column of a CTE, which is in the list of the level that the entry names. */
static void
FollowCte(Walk *walk, List *levels, const RangeTblEntry *rte, AttrNumber attno)
{
	List	   *outer = list_copy_tail(levels, rte->ctelevelsup);
	Query	   *query = linitial(outer);
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst(lc);

		if (strcmp(cte->ctename, rte->ctename) == 0 && IsA(cte->ctequery, Query))
			FollowTarget(walk, Below(cte->ctequery, outer), attno);
	}
}

/* A column of a relation: the end of the way, but for views. */
static void
FollowRelation(Walk *walk, Oid relation, AttrNumber attno)
{
	if (get_rel_relkind(relation) == RELKIND_VIEW && get_rel_namespace(relation) != walk->gold)
		FollowTarget(walk, list_make1(ViewQuery(relation)), attno);
	else
		PutSource(walk, relation, attno);
}

/* A column of an entry of the range table of the innermost level. */
static void
FollowVar(Walk *walk, List *levels, Index varno, AttrNumber attno)
{
	Query	   *query = linitial(levels);
	RangeTblEntry *rte = rt_fetch(varno, query->rtable);

	CHECK_FOR_INTERRUPTS();
	if (++walk->depth > MAX_DEPTH)
	{
		walk->depth--;
		return;
	}
	if (rte->rtekind == RTE_RELATION)
		FollowRelation(walk, rte->relid, attno);
	else if (rte->rtekind == RTE_SUBQUERY)
		FollowTarget(walk, Below(rte->subquery, levels), attno);
	else if (rte->rtekind == RTE_CTE)
		FollowCte(walk, levels, rte, attno);
	else if (rte->rtekind == RTE_JOIN)
		FollowExpression(walk, levels, attno > 0 ? list_nth(rte->joinaliasvars, attno - 1) : (Node *) rte->joinaliasvars);
	else if (rte->rtekind == RTE_FUNCTION)
		FollowExpression(walk, levels, (Node *) rte->functions);
	else if (rte->rtekind == RTE_VALUES)
		FollowExpression(walk, levels, (Node *) rte->values_lists);
	else if (IsGroupEntry(rte) && attno > 0)
		FollowExpression(walk, levels, list_nth(GroupEntryExpressions(rte), attno - 1));
	walk->depth--;
}

/* What a window function's window is made of. */
static void
FollowWindow(Walk *walk, const WindowFunc *function)
{
	Query	   *query = linitial(walk->levels);
	WindowClause *window = list_nth(query->windowClause, function->winref - 1);
	ListCell   *lc;

	foreach(lc, list_concat_copy(window->partitionClause, window->orderClause))
		FollowExpression(walk, walk->levels, get_sortgroupclause_expr(lfirst(lc), query->targetList));
}

static bool
ExpressionWalker(Node *node, void *context)
{
	Walk	   *walk = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varattno >= 0)
			FollowVar(walk, list_copy_tail(walk->levels, var->varlevelsup), var->varno, var->varattno);
		return false;
	}
	if (IsA(node, WindowFunc))
		FollowWindow(walk, (WindowFunc *) node);
	if (IsA(node, Query))
	{
		List	   *levels = Below(node, walk->levels);

		FollowTarget(walk, levels, 0);
		FollowFilters(walk, levels);
		return false;
	}
	return expression_tree_walker(node, ExpressionWalker, context);
}

/* Every column in an expression. */
static void
FollowExpression(Walk *walk, List *levels, Node *node)
{
	List	   *saved = walk->levels;

	walk->levels = levels;
	(void) ExpressionWalker(node, walk);
	walk->levels = saved;
}

/* What chooses the rows of a query and of those below it. */
static void
FollowFilters(Walk *walk, List *levels)
{
	Query	   *query = linitial(levels);
	ListCell   *lc;

	if (++walk->depth > MAX_DEPTH)
	{
		walk->depth--;
		return;
	}
	FollowExpression(walk, levels, (Node *) query->jointree);
	FollowExpression(walk, levels, query->havingQual);
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->ressortgroupref > 0 && query->groupClause != NIL)
			FollowExpression(walk, levels, (Node *) entry->expr);
	}
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst(lc);

		if (IsA(cte->ctequery, Query))
			FollowFilters(walk, Below(cte->ctequery, levels));
	}
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_RELATION && !rte->inFromCl)
			continue;			/* OLD and NEW of the view itself, before 16 */
		if (rte->rtekind == RTE_SUBQUERY && rte->relid == InvalidOid)
			FollowFilters(walk, Below(rte->subquery, levels));
		else if (rte->rtekind == RTE_RELATION && get_rel_relkind(rte->relid) == RELKIND_VIEW &&
				 get_rel_namespace(rte->relid) != walk->gold)
			FollowFilters(walk, list_make1(ViewQuery(rte->relid)));
		else if (rte->rtekind == RTE_RELATION)
			PutSource(walk, rte->relid, 0);		/* read, if only its rows are counted */
	}
	walk->depth--;
}

/* column_sources(view): target, source, source_column */
Datum
medallion_column_sources(PG_FUNCTION_ARGS)
{
	Oid			view = PG_GETARG_OID(0);
	Walk		walk = {0};
	List	   *levels;
	int			nest_level = PinSettings();
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	walk.result = (ReturnSetInfo *) fcinfo->resultinfo;
	walk.gold = get_namespace_oid(medallion_gold_schema, true);
	if (get_rel_relkind(view) != RELKIND_VIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a view", get_rel_name(view) ? get_rel_name(view) : "?")));
	levels = list_make1(ViewQuery(view));
	foreach(lc, ((Query *) linitial(levels))->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->resjunk)
			continue;
		walk.target = entry->resname;
		FollowTarget(&walk, levels, entry->resno);
	}
	walk.target = NULL;
	FollowFilters(&walk, levels);
	UnpinSettings(nest_level);
	return (Datum) 0;
}

static bool
CollectNames(Node *node, void *context)
{
	List	  **names = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		Node	   *last = llast(((ColumnRef *) node)->fields);

		if (IsA(last, String))
			*names = list_append_unique(*names, last);
		return false;
	}
	return raw_expression_tree_walker(node, CollectNames, context);
}

PG_FUNCTION_INFO_V1(medallion_expression_columns);

/* expression_columns(expression text) */
Datum
medallion_expression_columns(PG_FUNCTION_ARGS)
{
	char	   *expression = psprintf("(%s\n)", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	List	   *parsed = raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR);
	List	   *found = NIL;
	List	   *names = NIL;
	ListCell   *lc;

	CollectNames(((RawStmt *) linitial(parsed))->stmt, &found);
	foreach(lc, found)
		names = lappend(names, strVal(lfirst(lc)));
	PG_RETURN_DATUM(ListToTextArray(names));
}
