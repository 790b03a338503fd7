/*
 * restrict.c
 *	  A model's query for some keys only.
 *
 * The keys join the query as a table more.  The planner takes such a join into
 * views and subqueries that only pick rows, but not into those that make one
 * row of many, or have windows: these get a filter of their own, by each
 * column that is the key or is equal to it.  Rows of other keys may come out
 * wrong below, and then go.
 */
#include "base/compat.h"

#include "gold/probe.h"

#include "base/sql.h"
#include "catalog/pg_type.h"
#include "gold/tree.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/ruleutils.h"

/* A key, and where its touched values are. */
typedef struct Wanted
{
	const GroupKey *key;
	const char *values;			/* SELECT of them */
} Wanted;

/* expr IN (SELECT ...) */
static Node *
IsWanted(const Wanted *wanted, Expr *expr)
{
	SubLink    *sublink = makeNode(SubLink);
	Param	   *value = makeNode(Param);

	value->paramkind = PARAM_SUBLINK;
	value->paramid = 1;
	value->paramtype = wanted->key->type;
	value->paramtypmod = -1;
	value->paramcollid = wanted->key->collation;
	value->location = -1;
	sublink->subLinkType = ANY_SUBLINK;
	sublink->testexpr = (Node *) make_opclause(wanted->key->equals, BOOLOID, false, copyObject(expr), (Expr *) value,
											   InvalidOid, wanted->key->collation);
	sublink->operName = list_make1(makeString("="));
	sublink->subselect = (Node *) ParseQuery(wanted->values);
	sublink->location = -1;
	return (Node *) sublink;
}

/* The column of a place that a condition says is equal to another one; 0: it says no such thing. */
static AttrNumber
EqualColumn(const Wanted *wanted, Node *condition, const Var *column, int place)
{
	OpExpr	   *equals = (OpExpr *) condition;
	Var		   *left;
	Var		   *right;

	if (!IsA(condition, OpExpr) || equals->opno != wanted->key->equals || equals->inputcollid != wanted->key->collation)
		return 0;
	left = linitial(equals->args);
	right = lsecond(equals->args);
	if (!IsA(left, Var) || !IsA(right, Var) || left->varlevelsup > 0 || right->varlevelsup > 0)
		return 0;
	if (left->varno == column->varno && left->varattno == column->varattno && right->varno == place)
		return right->varattno;
	if (right->varno == column->varno && right->varattno == column->varattno && left->varno == place)
		return left->varattno;
	return 0;
}

/*
 * Columns of a place that are equal to another one in each row that has this:
 * by WHERE, by inner joins that no outer join is above, or by the outer join
 * that puts NULLs in just this place.
 */
static List *
EqualColumns(const Wanted *wanted, Query *query, Node *node, const Var *column, int place)
{
	List	   *found = NIL;
	Node	   *quals;
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			found = list_concat(found, EqualColumns(wanted, query, lfirst(lc), column, place));
		quals = ((FromExpr *) node)->quals;
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		inner = join->jointype == JOIN_INNER;
		Node	   *beside = join->jointype == JOIN_LEFT ? join->rarg : join->jointype == JOIN_RIGHT ? join->larg : NULL;

		if (inner || join->jointype == JOIN_LEFT)
			found = EqualColumns(wanted, query, join->larg, column, place);
		if (inner || join->jointype == JOIN_RIGHT)
			found = list_concat(found, EqualColumns(wanted, query, join->rarg, column, place));
		if (!inner && (beside == NULL || !IsA(beside, RangeTblRef) || ((RangeTblRef *) beside)->rtindex != place))
			return found;
		quals = join->quals;
	}
	else
		return NIL;
	foreach(lc, make_ands_implicit((Expr *) flatten_aliases(query, copyObject(quals))))
	{
		AttrNumber	number = EqualColumn(wanted, lfirst(lc), column, place);

		if (number > 0)
			found = list_append_unique_int(found, number);
	}
	return found;
}

static bool NarrowExpr(const Wanted *wanted, Query *query, const QueryLevel *level, const Expr *expr);
static bool NarrowPlace(const Wanted *wanted, Query *query, const TracedPlace *traced, AttrNumber number);

/* Narrows a query to the rows of a column's wanted values; false: there was nothing to be done. */
static bool
NarrowColumn(const Wanted *wanted, Query *query, const QueryLevel *level, AttrNumber number)
{
	bool		narrowed = false;
	ListCell   *lc;

	if (query->setOperations != NULL)
	{
		foreach(lc, level->traced)
			narrowed |= NarrowPlace(wanted, query, lfirst(lc), number);
		return narrowed;
	}
	foreach(lc, level->keys)
	{
		GroupKey   *key = lfirst(lc);

		if (key->number != number || key->type != wanted->key->type || key->collation != wanted->key->collation)
			continue;
		narrowed = NarrowExpr(wanted, query, level, key->expr);
		if (!IsGrouped(query) || RelsOf((Node *) key->expr) == NULL)
			return narrowed;
		query->jointree->quals = (Node *) make_ands_explicit(lappend(make_ands_implicit((Expr *) query->jointree->quals),
																	 IsWanted(wanted, key->expr)));
		query->hasSubLinks = true;
		return true;
	}
	return false;
}

/* Likewise a view or subquery in a query, in place. */
static bool
NarrowPlace(const Wanted *wanted, Query *query, const TracedPlace *traced, AttrNumber number)
{
	RangeTblEntry *rte = rt_fetch(traced->place, query->rtable);
	Query	   *below;

	if (traced->below == NULL)
		return false;
	below = copyObject(rte->rtekind == RTE_SUBQUERY ? rte->subquery : traced->below->query);
	if (!NarrowColumn(wanted, below, traced->below, number))
		return false;
	PutSubquery(rte, below);
	return true;
}

/* Narrows what an expression looks at, and what is equal to it. */
static bool
NarrowExpr(const Wanted *wanted, Query *query, const QueryLevel *level, const Expr *expr)
{
	const Var  *column = (const Var *) expr;
	bool		narrowed = false;
	ListCell   *lc;

	if (!IsA(expr, Var))
		return false;
	foreach(lc, level->traced)
	{
		TracedPlace *traced = lfirst(lc);
		List	   *equal = traced->below == NULL ? NIL :
			EqualColumns(wanted, query, (Node *) query->jointree, column, traced->place);
		ListCell   *ec;

		if (column->varno == traced->place)
			narrowed |= NarrowPlace(wanted, query, traced, column->varattno);
		foreach(ec, equal)
			narrowed |= NarrowPlace(wanted, query, traced, lfirst_int(ec));
	}
	return narrowed;
}

/* Narrows what is below a query by each key that is not NULL. */
static void
NarrowByKeys(Query *query, const GroupPlan *plan, const char *keys, const char *filter, uint32 nulls)
{
	ListCell   *lc;

	foreach(lc, plan->top->keys)
	{
		int			number = foreach_current_index(lc) + 1;
		Wanted		wanted = {lfirst(lc), psprintf("SELECT _touched.k%d FROM %s _touched WHERE %s", number, keys, filter)};

		if ((nulls & (1 << (number - 1))) == 0)
			NarrowExpr(&wanted, query, plan->top, wanted.key->expr);
	}
}

/* key = k.k1, or key IS NULL */
static Expr *
KeyEquals(const GroupKey *key, Var *column, bool is_null)
{
	if (is_null)
	{
		NullTest   *test = makeNode(NullTest);

		test->arg = copyObject(key->expr);
		test->nulltesttype = IS_NULL;
		test->location = -1;
		return (Expr *) test;
	}
	return make_opclause(key->equals, BOOLOID, false, copyObject(key->expr), (Expr *) column,
						 InvalidOid, key->collation);
}

/* Which keys of the table have just these columns NULL: "k1 IS NULL AND k2 IS NOT NULL" */
static char *
PatternFilter(const GroupPlan *plan, uint32 nulls)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < list_length(plan->top->keys); i++)
		appendStringInfo(&sql, "%sk%d IS %sNULL", i > 0 ? " AND " : "", i + 1, nulls & (1 << i) ? "" : "NOT ");
	return sql.data;
}

char *
RestrictedQuery(const GroupPlan *plan, const char *keys, uint32 nulls)
{
	Query	   *query = copyObject(plan->top->query);
	char	   *filter = PatternFilter(plan, nulls);
	Query	   *sample = ParseQuery(psprintf("SELECT _touched.* FROM (SELECT * FROM %s WHERE %s) _touched", keys, filter));
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *conditions;
	ListCell   *lc;

	NarrowByKeys(query, plan, keys, filter, nulls);
	conditions = query->jointree->quals ? list_make1(query->jointree->quals) : NIL;
	query->rtable = lappend(query->rtable, linitial(sample->rtable));
	ref->rtindex = list_length(query->rtable);
	foreach(lc, plan->top->keys)
	{
		GroupKey   *key = lfirst(lc);
		int			number = foreach_current_index(lc) + 1;
		TargetEntry *entry = list_nth(sample->targetList, number - 1);
		Node	   *value = (Node *) entry->expr;
		Var		   *column = makeVar(ref->rtindex, number, exprType(value), exprTypmod(value),
									 exprCollation(value), 0);

		conditions = lappend(conditions, KeyEquals(key, column, nulls & (1 << (number - 1))));
	}
	query->jointree->fromlist = lappend(query->jointree->fromlist, ref);
	query->jointree->quals = (Node *) make_ands_explicit(conditions);
	return pg_get_querydef(query, false);
}

char *
KeyCondition(const GroupPlan *plan, const char *rows, uint32 nulls)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, plan->top->keys)
	{
		const char *column = quote_identifier(((GroupKey *) lfirst(lc))->column);
		int			number = foreach_current_index(lc) + 1;

		appendStringInfo(&sql, "%s%s.%s ", number > 1 ? " AND " : "", rows, column);
		if (nulls & (1 << (number - 1)))
			appendStringInfo(&sql, "IS NULL AND k.k%d IS NULL", number);
		else
			appendStringInfo(&sql, "= k.k%d", number);
	}
	return sql.data;
}
