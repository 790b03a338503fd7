/*
 * groups.c
 *	  By which columns can a model be recomputed in part?
 *
 * Rows of a query whose key columns have some values depend only on joined
 * input rows for which the key expressions have these values, if
 *
 *	  - GROUP BY contains the keys, and so does the PARTITION BY of each window;
 *	  - no LIMIT or DISTINCT ON looks across them.
 *
 * So a change in an input row asks for the keys of the joined rows that it is
 * or was part of.  A view or subquery is an input like a table: its rows that
 * change are those of the keys of its own that change.  But where it makes
 * one row of many, its other columns are not known: what an aggregate was, no
 * change tells.  Keys must not look at such a column; a filter may, and is
 * left out where the keys are asked for, which finds more of them, not fewer.
 * A set operation is such a subquery too, its sides being the inputs.
 *
 * Where that cannot be asked (subqueries in expressions, FULL JOIN, LIMIT
 * below the top), any change of the table asks for a full refresh.
 */
#include "base/compat.h"

#include "gold/groups.h"

#include "base/sql.h"
#include "catalog/pg_type.h"
#include "gold/feed.h"
#include "gold/steady.h"
#include "gold/tree.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#define MAX_KEYS 8				/* of a query without GROUP BY, where any columns would do */
#define MAX_NULL_UNITS 3		/* each doubles the ways in which keys are asked for */

/* What looks for unknown columns. */
typedef struct UnknownSearch
{
	List	   *places;			/* TracedPlace * */
	int			level;			/* subqueries above this node */
} UnknownSearch;

static bool
FindUnknown(Node *node, UnknownSearch *search)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		ListCell   *lc;

		foreach(lc, search->places)
		{
			TracedPlace *traced = lfirst(lc);

			if (var->varlevelsup == search->level && var->varno == traced->place &&
				bms_is_member(var->varattno, traced->unknown))
				return true;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		bool		found;

		search->level++;
		found = query_tree_walker((Query *) node, FindUnknown, search, 0);
		search->level--;
		return found;
	}
	return expression_tree_walker(node, FindUnknown, search);
}

bool
SeesUnknown(Node *node, List *places)
{
	UnknownSearch search = {places, 0};

	return FindUnknown(node, &search);
}

/* May the model's owner read the table itself, and its images? */
static bool
MayRead(const Model *model, Oid table)
{
	return pg_class_aclcheck(table, model->owner, ACL_SELECT) == ACLCHECK_OK;
}

/* Likewise all tables of a view, which changes are traced through as if it were written out. */
static bool
MayReadAll(const Model *model, Query *query)
{
	List	   *tables = NIL;
	ListCell   *lc;

	CollectTables((Node *) query, &tables);
	foreach(lc, tables)
		if (!MayRead(model, lfirst_oid(lc)))
			return false;
	return true;
}

/* Any change of these tables (oids) asks for a full refresh. */
static void
AskFull(GroupPlan *plan, List *tables, const char *why)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		WholeTable *whole;

		if (WhyWhole(plan, lfirst_oid(lc)) != NULL)
			continue;
		whole = palloc0(sizeof(WholeTable));
		whole->table = lfirst_oid(lc);
		whole->why = why;
		plan->whole = lappend(plan->whole, whole);
	}
}

/* Likewise those of a query, or of an entry of a range table, and below. */
static void
AskFullBelow(GroupPlan *plan, Node *node, const char *why)
{
	List	   *tables = NIL;

	CollectTables(node, &tables);
	AskFull(plan, tables, why);
}

/* Why a query looks across all rows; NULL: it does not. */
static char *
WhyAcross(Query *query)
{
	if (query->limitCount != NULL || query->limitOffset != NULL)
		return "LIMIT or OFFSET";
	if (query->hasDistinctOn)
		return "DISTINCT ON";
	if (query->groupingSets != NIL)
		return "GROUPING SETS, ROLLUP or CUBE";
	if (query->rowMarks != NIL)
		return "FOR UPDATE or FOR SHARE";
	if ((query->hasAggs || query->havingQual != NULL) && query->groupClause == NIL)
		return "an aggregate over all rows: there is no GROUP BY";
	return NULL;
}

bool
IsGrouped(const Query *query)
{
	return query->groupClause != NIL || query->hasWindowFuncs || query->distinctClause != NIL;
}

/* Is the column a key of every window? */
static bool
PartitionsWindows(Query *query, const TargetEntry *entry)
{
	ListCell   *lc;

	foreach(lc, query->windowClause)
		if (entry->ressortgroupref == 0 ||
			get_sortgroupref_clause_noerr(entry->ressortgroupref,
										  ((WindowClause *) lfirst(lc))->partitionClause) == NULL)
			return false;
	return true;
}

/* Is the column in GROUP BY, if there is one, and in every window? */
static bool
IsOfGroup(Query *query, const TargetEntry *entry)
{
	if (query->groupClause != NIL &&
		(entry->ressortgroupref == 0 ||
		 get_sortgroupref_clause_noerr(entry->ressortgroupref, query->groupClause) == NULL))
		return false;
	return PartitionsWindows(query, entry);
}

/* Is a column of a set operation not known of one of its sides? */
static bool
IsUnknownOfAny(List *sides, AttrNumber number)
{
	ListCell   *lc;

	foreach(lc, sides)
		if (bms_is_member(number, ((TracedPlace *) lfirst(lc))->unknown))
			return true;
	return false;
}

/* The column as a key, or NULL. */
static GroupKey *
MakeKey(const QueryLevel *level, const TargetEntry *entry)
{
	Node	   *expr = flatten_aliases(level->query, copyObject((Node *) entry->expr));
	GroupKey   *key;

	/* subqueries first: contain_agg_clause() is for expressions without */
	if (entry->resjunk || contain_subplans(expr) || contain_agg_clause(expr) ||
		contain_window_function(expr) || expression_returns_set(expr) ||
		(level->query->setOperations != NULL ? IsUnknownOfAny(level->traced, entry->resno) : SeesUnknown(expr, level->traced)))
		return NULL;
	if (RelsOf(expr) != NULL && !IsOfGroup(level->query, entry))
		return NULL;
	key = palloc0(sizeof(GroupKey));
	key->column = pstrdup(entry->resname);
	key->number = entry->resno;
	key->expr = (Expr *) expr;
	key->type = exprType(expr);
	key->collation = exprCollation(expr);
	return key;
}

/* Columns of a query that are known of each of its rows. */
static List *
KnownColumns(const QueryLevel *level)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, level->query->targetList)
	{
		GroupKey   *key = MakeKey(level, lfirst(lc));

		if (key != NULL)
			keys = lappend(keys, key);
	}
	return keys;
}

/* Can the model's rows be found by this column?  Not by a constant. */
static bool
IsComparable(GroupKey *key)
{
	TypeCacheEntry *cache = lookup_type_cache(key->type, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC | TYPECACHE_LT_OPR);

	key->equals = cache->eq_opr;
	return OidIsValid(cache->eq_opr) && OidIsValid(cache->hash_proc) && OidIsValid(cache->lt_opr) &&
		!type_is_rowtype(key->type) && RelsOf((Node *) key->expr) != NULL;
}

/* What outer joins make NULL, as far as the keys look at it. */
static List *
UnitsOfKeys(const QueryLevel *level)
{
	Bitmapset  *rels = NULL;
	List	   *units = NIL;
	ListCell   *lc;

	foreach(lc, level->keys)
		rels = bms_add_members(rels, RelsOf((Node *) ((GroupKey *) lfirst(lc))->expr));
	foreach(lc, NullableUnits((Node *) level->query->jointree))
		if (bms_overlap(lfirst(lc), rels))
			units = lappend(units, lfirst(lc));
	return units;
}

/* May a filter of an inner join look at what is not known of a place?  One of
 * an outer join decides what stands beside NULLs, and that is to be known;
 * USING cannot be left out. */
static bool
JoinsAllowUnknown(Query *query, Node *node, List *place)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			if (!JoinsAllowUnknown(query, lfirst(lc), place))
				return false;
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		Node	   *quals = flatten_aliases(query, copyObject(join->quals));

		if (SeesUnknown(quals, place) &&
			(join->jointype != JOIN_INNER || join->usingClause != NIL || ((TracedPlace *) linitial(place))->nullable))
			return false;
		return JoinsAllowUnknown(query, join->larg, place) && JoinsAllowUnknown(query, join->rarg, place);
	}
	return true;
}

/* Does anything else in FROM (LATERAL) look at what is not known of a place? */
static bool
LateralSeesUnknown(Query *query, List *place)
{
	UnknownSearch search = {place, 0};
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if ((rte->rtekind == RTE_SUBQUERY || rte->rtekind == RTE_FUNCTION || rte->rtekind == RTE_TABLEFUNC ||
			 rte->rtekind == RTE_VALUES) && range_table_entry_walker(rte, FindUnknown, &search, 0))
			return true;
	}
	return false;
}

/* Adds the conditions of WHERE and of joins, each part of AND for itself. */
static List *
AllConditions(Query *query, Node *node)
{
	List	   *all = NIL;
	Node	   *quals = NULL;
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		quals = ((FromExpr *) node)->quals;
		foreach(lc, ((FromExpr *) node)->fromlist)
			all = list_concat(all, AllConditions(query, lfirst(lc)));
	}
	else if (IsA(node, JoinExpr))
	{
		quals = ((JoinExpr *) node)->quals;
		all = list_concat(AllConditions(query, ((JoinExpr *) node)->larg), AllConditions(query, ((JoinExpr *) node)->rarg));
	}
	foreach(lc, make_ands_implicit((Expr *) quals))
		all = lappend(all, flatten_aliases(query, copyObject((Node *) lfirst(lc))));
	return all;
}

/* Is a place joined to another by what is known?  If not, each of its changes
 * would ask for all there is. */
static bool
IsLinked(Query *query, List *place)
{
	int			number = ((TracedPlace *) linitial(place))->place;
	ListCell   *lc;

	if (bms_num_members(RelsBelow((Node *) query->jointree)) < 2)
		return true;
	foreach(lc, AllConditions(query, (Node *) query->jointree))
	{
		Bitmapset  *rels = RelsOf(lfirst(lc));

		if (bms_is_member(number, rels) && bms_num_members(rels) > 1 && !SeesUnknown(lfirst(lc), place))
			return true;
	}
	return false;
}

/* Why changes of a place with unknown columns cannot be traced, or NULL. */
static const char *
WhyNotUnknown(Query *query, TracedPlace *traced)
{
	List	   *place = list_make1(traced);

	if (bms_is_empty(traced->unknown))
		return NULL;
	if (!JoinsAllowUnknown(query, (Node *) query->jointree, place))
		return "an outer join, or USING, asks for an aggregate of it";
	if (LateralSeesUnknown(query, place))
		return "LATERAL asks for an aggregate of it";
	if (!IsLinked(query, place))
		return "nothing but an aggregate of it joins it";
	return NULL;
}

/* Is any of the keys no constant? */
static bool
AnyVaries(List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
		if (RelsOf((Node *) ((GroupKey *) lfirst(lc))->expr) != NULL)
			return true;
	return false;
}

static QueryLevel *TraceLevel(GroupPlan *plan, const Model *model, Query *query);

/* Can the rows of a view or subquery that change be told by some of its columns?
 * Else NULL and why. */
static QueryLevel *
TraceBelow(GroupPlan *plan, const Model *model, Query *query, const char **why)
{
	QueryLevel *level;

	*why = UsesOuterWith(query) ? "WITH RECURSIVE" : WhyAcross(query);
	if (*why != NULL)
	{
		*why = psprintf("it is below %s", *why);
		return NULL;
	}
	level = TraceLevel(plan, model, query);
	level->keys = KnownColumns(level);
	level->null_units = UnitsOfKeys(level);
	if (!AnyVaries(level->keys))
		*why = "no column of a subquery tells which of its rows change";
	else if (list_length(level->null_units) > MAX_NULL_UNITS)
		*why = "columns of a subquery are from more than three outer joins";
	return *why == NULL && level->traced != NIL ? level : NULL;
}

/* The columns of a query that are no keys of it. */
static Bitmapset *
UnknownColumns(const QueryLevel *level)
{
	Bitmapset  *unknown = NULL;
	ListCell   *lc;

	foreach(lc, level->query->targetList)
		unknown = bms_add_member(unknown, ((TargetEntry *) lfirst(lc))->resno);
	foreach(lc, level->keys)
		unknown = bms_del_member(unknown, ((GroupKey *) lfirst(lc))->number);
	return unknown;
}

/* Why no place of this kind can be traced, or NULL. */
static const char *
WhyNotPlace(const QueryLevel *level, RangeTblEntry *rte, const TracedPlace *traced)
{
	if (rte->lateral)
		return "LATERAL";
	if (traced->nullable && !CanTraceNullable(level->query, (Node *) level->query->jointree, traced->place))
		return "FULL JOIN, or a join whose condition NULLs may pass";
	if (UsesWholeRow(level->query, traced->place))
		return "a whole row or a system column of it is asked for";
	return NULL;
}

/* Sorts a place in a range table: traced, or whole. */
static void
TracePlace(GroupPlan *plan, const Model *model, QueryLevel *level, int place)
{
	RangeTblEntry *rte = rt_fetch(place, level->query->rtable);
	Query	   *subquery = SubqueryOf(rte);
	TracedPlace *traced = palloc0(sizeof(TracedPlace));
	List	   *tables = NIL;
	const char *why;

	if (rte->rtekind != RTE_RELATION && subquery == NULL)
	{
		range_table_entry_walker(rte, CollectTables, &tables, 0);
		AskFull(plan, tables, "it is asked by a function's argument");
		return;
	}
	traced->place = place;
	traced->nullable = bms_is_member(place, NullableRels((Node *) level->query->jointree));
	why = WhyNotPlace(level, rte, traced);
	if (why == NULL && subquery == NULL)
	{
		traced->table = rte->relid;
		if (!MayRead(model, rte->relid))
			why = "the model's owner may not read it";
	}
	else if (why == NULL && rte->rtekind == RTE_RELATION && !MayReadAll(model, subquery))
		why = "the model's owner may not read it";
	else if (why == NULL)
	{
		traced->below = TraceBelow(plan, model, subquery, &why);
		if (traced->below != NULL)
		{
			traced->unknown = UnknownColumns(traced->below);
			why = WhyNotUnknown(level->query, traced);
		}
	}
	if (why != NULL)
		AskFullBelow(plan, subquery != NULL ? (Node *) subquery : (Node *) rte, why);
	else if (subquery == NULL || traced->below != NULL)
		level->traced = lappend(level->traced, traced);
}

/* Places of the sides of a set operation. */
static Bitmapset *
SidesOf(Node *node)
{
	if (IsA(node, RangeTblRef))
		return bms_make_singleton(((RangeTblRef *) node)->rtindex);
	return bms_union(SidesOf(((SetOperationStmt *) node)->larg), SidesOf(((SetOperationStmt *) node)->rarg));
}

/* Sorts the tables of a query. */
static QueryLevel *
TraceLevel(GroupPlan *plan, const Model *model, Query *query)
{
	QueryLevel *level = palloc0(sizeof(QueryLevel));
	Bitmapset  *places = query->setOperations ? SidesOf(query->setOperations) : RelsBelow((Node *) query->jointree);
	List	   *tables = NIL;
	ListCell   *lc;
	int			place = -1;

	level->query = query;
	while ((place = bms_next_member(places, place)) >= 0)
		TracePlace(plan, model, level, place);
	CollectSublinkTables((Node *) query->targetList, &tables);
	CollectSublinkTables((Node *) query->jointree, &tables);
	CollectSublinkTables(query->havingQual, &tables);
	CollectSublinkTables((Node *) query->windowClause, &tables);
	AskFull(plan, tables, "it is asked by a subquery in an expression");
	foreach(lc, query->cteList)	/* those that are still used */
		AskFullBelow(plan, ((CommonTableExpr *) lfirst(lc))->ctequery, "it is below WITH RECURSIVE");
	return level;
}

/* Do the columns of an option name keys, all of them? */
static List *
KeysNamed(List *keys, List *columns)
{
	List	   *named = NIL;
	ListCell   *cc;

	foreach(cc, columns)
	{
		ListCell   *kc;

		foreach(kc, keys)
			if (strcmp(((GroupKey *) lfirst(kc))->column, lfirst(cc)) == 0)
				named = lappend(named, lfirst(kc));
	}
	return list_length(named) == list_length(columns) ? named : NIL;
}

/* The key columns: all that GROUP BY or windows leave; otherwise those that
 * are declared, or as many as are worth comparing. */
static List *
ChooseKeys(const QueryLevel *level, const Model *model)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, KnownColumns(level))
		if (IsComparable(lfirst(lc)))
			keys = lappend(keys, lfirst(lc));
	if (level->query->groupClause != NIL || level->query->windowClause != NIL)
		return keys;
	if (KeysNamed(keys, model->unique_key) != NIL)
		return KeysNamed(keys, model->unique_key);
	if (KeysNamed(keys, model->primary_key) != NIL)
		return KeysNamed(keys, model->primary_key);
	return list_copy_head(keys, MAX_KEYS);
}

/* Which tables cannot be watched at all, and why. */
static void
FindUnwatched(GroupPlan *plan, const Model *model)
{
	ListCell   *lc;

	foreach(lc, WatchedTables(plan))
	{
		Oid			table = lfirst_oid(lc);
		const char *why = WhyNotWatched(table);
		char	   *name = format_type_extended(get_rel_type_id(table), -1, FORMAT_TYPE_FORCE_QUALIFY);

		if (why == NULL && !MayWatch(model, table))
			why = "is neither silver nor gold, and not the model owner's";
		if (why != NULL)
			plan->unwatched = lappend(plan->unwatched, psprintf("%s %s", name, why));
	}
}

/* Can rows be appended for new rows of the first table? */
static char *
WhyNotAppend(const QueryLevel *level)
{
	TracedPlace *first = level->traced != NIL ? linitial(level->traced) : NULL;

	if (IsGrouped(level->query) || level->query->setOperations != NULL || WhyAcross(level->query) != NULL)
		return "its rows are not made of single rows";
	if (first == NULL || first->nullable)
		return "it reads no table whose new rows could be told";
	return first->below ? WhyNotAppend(first->below) : NULL;
}

/* A set operation at the top as a subquery of a query that only reads it. */
static Query *
WrapSetOperation(Query *query)
{
	if (query->setOperations == NULL || WhyAcross(query) != NULL)
		return query;
	return InlineWith(ParseQuery(psprintf("SELECT * FROM (%s) _rows", pg_get_querydef(query, false))));
}

GroupPlan *
PlanGroups(const Model *model, const char *query)
{
	GroupPlan  *plan = palloc0(sizeof(GroupPlan));
	QueryLevel *top;

	plan->top = top = TraceLevel(plan, model, WrapSetOperation(InlineWith(ParseQuery(query))));
	plan->query_hash = HashQuery(top->query);
	plan->why_not_append = WhyNotAppend(top);
	FindUnwatched(plan, model);
	plan->why_full = WhyAcross(top->query);
	if (plan->why_full == NULL)
		plan->why_full = WhyUnsteady(top->query);
	if (plan->why_full != NULL)
		return plan;
	top->keys = ChooseKeys(top, model);
	top->null_units = UnitsOfKeys(top);
	if (top->keys == NIL)
		plan->why_full = "no column of the result is a key of all its groups and windows";
	else if (list_length(top->null_units) > MAX_NULL_UNITS)
		plan->why_full = "keys from more than three outer joins";
	else if (top->traced == NIL)
		plan->why_full = "changes of its inputs cannot be traced to keys";
	else if (plan->unwatched != NIL)
		plan->why_full = linitial(plan->unwatched);
	return plan;
}

List *
TracedTables(const QueryLevel *level)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, level->traced)
	{
		TracedPlace *traced = lfirst(lc);

		if (traced->below != NULL)
			tables = list_concat_unique_oid(tables, TracedTables(traced->below));
		else
			tables = list_append_unique_oid(tables, traced->table);
	}
	return tables;
}

List *
WatchedTables(const GroupPlan *plan)
{
	List	   *tables = TracedTables(plan->top);
	ListCell   *lc;

	foreach(lc, plan->whole)
		tables = list_append_unique_oid(tables, ((WholeTable *) lfirst(lc))->table);
	return tables;
}

Oid
FirstTable(const GroupPlan *plan)
{
	TracedPlace *first = linitial(plan->top->traced);

	while (first->below != NULL)
		first = linitial(first->below->traced);
	return first->table;
}

const char *
WhyWhole(const GroupPlan *plan, Oid table)
{
	ListCell   *lc;

	foreach(lc, plan->whole)
		if (((WholeTable *) lfirst(lc))->table == table)
			return ((WholeTable *) lfirst(lc))->why;
	return NULL;
}
