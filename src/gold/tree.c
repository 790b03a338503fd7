/*
 * tree.c
 *	  Query trees of models: views and WITH queries in place, their tables,
 *	  and what their outer joins make NULL.
 */
#include "base/compat.h"

#include "gold/tree.h"

#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

Query *
ParseQuery(const char *text)
{
	List	   *statements = raw_parser(text, RAW_PARSE_DEFAULT);

	return parse_analyze_fixedparams(linitial_node(RawStmt, statements), text, NULL, 0, NULL);
}

/* Does anything in a query mean a WITH query of so many levels above it? */
static bool
UsesWithAbove(Node *node, int *depth)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		return rte->rtekind == RTE_CTE && rte->ctelevelsup >= *depth;
	}
	if (IsA(node, Query))
	{
		bool		found;

		(*depth)++;
		found = query_tree_walker((Query *) node, UsesWithAbove, depth, QTW_EXAMINE_RTES_BEFORE);
		(*depth)--;
		return found;
	}
	return expression_tree_walker(node, UsesWithAbove, depth);
}

/* Does a query mean a WITH query that is not its own? */
bool
UsesOuterWith(Query *query)
{
	int			depth = 0;

	return UsesWithAbove((Node *) query, &depth);
}

/* Does a query still mean a WITH query of its own, after InlineWith()? */
static bool
UsesOwnWith(Query *query)
{
	int			depth = 0;

	return query_tree_walker(query, UsesWithAbove, &depth, QTW_EXAMINE_RTES_BEFORE | QTW_IGNORE_CTE_SUBQUERIES);
}

/* Puts the first of the WITH queries where a range table, or one below it, means them. */
static void
InlineInto(List *rtable, List *with, int count, int level)
{
	ListCell   *lc;

	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_SUBQUERY)
			InlineInto(rte->subquery->rtable, with, count, level + 1);
		if (rte->rtekind != RTE_CTE || rte->ctelevelsup != level || rte->self_reference)
			continue;
		for (int i = 0; i < count; i++)
		{
			CommonTableExpr *cte = list_nth(with, i);

			if (strcmp(cte->ctename, rte->ctename) != 0 || cte->cterecursive ||
				!IsA(cte->ctequery, Query) || UsesOuterWith((Query *) cte->ctequery))
				continue;
			rte->rtekind = RTE_SUBQUERY;
			rte->subquery = copyObject((Query *) cte->ctequery);
			rte->ctename = NULL;
			rte->ctelevelsup = 0;
			rte->coltypes = rte->coltypmods = rte->colcollations = NIL;
			break;
		}
	}
}

/* Puts WITH queries where they are used, as subqueries, earlier ones into
 * later ones first; recursive ones stay. */
Query *
InlineWith(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		Node	   *cte = ((CommonTableExpr *) lfirst(lc))->ctequery;

		if (IsA(cte, Query))
			InlineInto(((Query *) cte)->rtable, query->cteList, foreach_current_index(lc), 1);
	}
	InlineInto(query->rtable, query->cteList, list_length(query->cteList), 0);
	if (!UsesOwnWith(query))
		query->cteList = NIL;
	return query;
}

Query *
SubqueryOf(RangeTblEntry *rte)
{
	SqlParams	params = {0};

	if (rte->rtekind == RTE_SUBQUERY)
		return InlineWith(copyObject(rte->subquery));
	if (rte->rtekind != RTE_RELATION || get_rel_relkind(rte->relid) != RELKIND_VIEW)
		return NULL;
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(rte->relid));
	return InlineWith(ParseQuery(RowText(SqlFetch("SELECT pg_get_viewdef($1)", &params), 0, 1)));
}

void
PutSubquery(RangeTblEntry *rte, Query *subquery)
{
	ListCell   *lc;

	if (rte->alias == NULL)
		rte->alias = makeAlias(rte->eref->aliasname, NIL);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->relid = InvalidOid;
	rte->relkind = 0;
	rte->inh = false;
	FORGET_PERMISSIONS(rte);
	foreach(lc, rte->eref->colnames)
		if (strVal(lfirst(lc))[0] == '\0')
			lfirst(lc) = makeString(psprintf("_dropped_%d", foreach_current_index(lc) + 1));
}

/* Writes out the views of a query, in place. */
static bool
WriteOutViews(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;
		Query	   *view = rte->rtekind == RTE_RELATION ? SubqueryOf(rte) : NULL;

		if (view != NULL)
			PutSubquery(rte, view);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, WriteOutViews, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, WriteOutViews, context);
}

/* What a query says, views included: when it says something else, rows of
 * before say nothing. */
int64
HashQuery(Query *query)
{
	Query	   *whole = copyObject(query);
	char	   *text;

	WriteOutViews((Node *) whole, NULL);
	text = pg_get_querydef(whole, false);
	return (int64) DatumGetUInt64(hash_any_extended((unsigned char *) text, strlen(text), 0));
}

/* Adds the tables of a query and of all below it. */
bool
CollectTables(Node *node, List **tables)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION)
		{
			Query	   *view = SubqueryOf(rte);

			if (view != NULL)
				CollectTables((Node *) view, tables);
			else
				*tables = list_append_unique_oid(*tables, rte->relid);
		}
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, CollectTables, tables, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, CollectTables, tables);
}

/* The tables of subqueries in expressions. */
bool
CollectSublinkTables(Node *node, List **tables)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		CollectTables(((SubLink *) node)->subselect, tables);
	return expression_tree_walker(node, CollectSublinkTables, tables);
}

Bitmapset *
RelsOf(Node *node)
{
	return node ? pull_varnos(NULL, node) : NULL;
}

/* Places in the range table below a node of the join tree. */
Bitmapset *
RelsBelow(Node *node)
{
	Bitmapset  *rels = NULL;
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return bms_make_singleton(((RangeTblRef *) node)->rtindex);
	if (IsA(node, JoinExpr))
		return bms_union(RelsBelow(((JoinExpr *) node)->larg), RelsBelow(((JoinExpr *) node)->rarg));
	foreach(lc, castNode(FromExpr, node)->fromlist)
		rels = bms_add_members(rels, RelsBelow(lfirst(lc)));
	return rels;
}

/* What each outer join makes NULL together (Bitmapset *); FULL JOIN: both sides. */
List *
NullableUnits(Node *node)
{
	List	   *units = NIL;
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			units = list_concat(units, NullableUnits(lfirst(lc)));
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		units = list_concat(NullableUnits(join->larg), NullableUnits(join->rarg));
		if (join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL)
			units = lappend(units, RelsBelow(join->larg));
		if (join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL)
			units = lappend(units, RelsBelow(join->rarg));
	}
	return units;
}

Bitmapset *
NullableRels(Node *jointree)
{
	Bitmapset  *rels = NULL;
	ListCell   *lc;

	foreach(lc, NullableUnits(jointree))
		rels = bms_add_members(rels, lfirst(lc));
	return rels;
}

/*
 * Can changes of a table in the place of an outer join's NULLs be traced?
 * Not through FULL JOIN; nor where another join's condition may be true
 * without it.
 */
bool
CanTraceNullable(Query *query, Node *node, int place)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			if (!CanTraceNullable(query, lfirst(lc), place))
				return false;
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		left = bms_is_member(place, RelsBelow(join->larg));
		bool		right = bms_is_member(place, RelsBelow(join->rarg));
		bool		is_own = (left && join->jointype == JOIN_RIGHT) || (right && join->jointype == JOIN_LEFT);
		Node	   *quals = flatten_aliases(query, copyObject(join->quals));

		if ((left || right) && join->jointype == JOIN_FULL)
			return false;
		if (!is_own && bms_is_member(place, RelsOf(quals)) &&
			!bms_is_member(place, find_nonnullable_rels(quals)))
			return false;
		return CanTraceNullable(query, join->larg, place) && CanTraceNullable(query, join->rarg, place);
	}
	return true;
}

/* Does an expression look at a whole row or a system column of this place? */
typedef struct SystemColumnSearch
{
	int			place;
	int			level;
} SystemColumnSearch;

static bool
UsesSystemColumn(Node *node, SystemColumnSearch *search)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		return var->varlevelsup == search->level && var->varno == search->place && var->varattno <= 0;
	}
	if (IsA(node, Query))
	{
		bool		found;

		search->level++;
		found = query_tree_walker((Query *) node, UsesSystemColumn, search, 0);
		search->level--;
		return found;
	}
	return expression_tree_walker(node, UsesSystemColumn, search);
}

bool
UsesWholeRow(Query *query, int place)
{
	SystemColumnSearch search = {place, 0};

	return query_tree_walker(query, UsesSystemColumn, &search, 0);
}
