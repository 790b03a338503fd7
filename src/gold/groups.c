/*
 * groups.c
 *	  By which columns can a model be recomputed in part?
 *
 * Rows of the result whose key columns have some values depend only on joined
 * input rows for which the key expressions have these values, if
 *
 *	  - GROUP BY contains the keys, and so does the PARTITION BY of each window;
 *	  - no LIMIT, DISTINCT ON or set operation looks across them.
 *
 * So a change in an input row asks for the keys of the joined rows that it is
 * or was part of.  Where that can be asked, the table is traced; where it
 * cannot (subqueries in expressions, FULL JOIN, aggregates below the top),
 * any change of the table asks for a full refresh.  What the text of the
 * query or the clock could make different from one moment to the next is
 * never refreshed in part.
 */
#include "base/compat.h"

#include "gold/groups.h"

#include "access/table.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "gold/feed.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#define MAX_KEYS 8				/* of a query without GROUP BY, where any columns would do */

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
static bool
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

/* Puts the first of the WITH queries where a range table means them. */
static void
InlineInto(List *rtable, List *with, int count, int level)
{
	ListCell   *lc;

	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

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
static Query *
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
static int64
HashQuery(Query *query)
{
	Query	   *whole = copyObject(query);
	char	   *text;

	WriteOutViews((Node *) whole, NULL);
	text = pg_get_querydef(whole, false);
	return (int64) DatumGetUInt64(hash_any_extended((unsigned char *) text, strlen(text), 0));
}

/* Adds the tables of a query and of all below it. */
static bool
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
static bool
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
static Bitmapset *
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
static List *
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
static bool
CanTraceNullable(Node *node, int place)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			if (!CanTraceNullable(lfirst(lc), place))
				return false;
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		left = bms_is_member(place, RelsBelow(join->larg));
		bool		right = bms_is_member(place, RelsBelow(join->rarg));
		bool		is_own = (left && join->jointype == JOIN_RIGHT) || (right && join->jointype == JOIN_LEFT);

		if ((left || right) && join->jointype == JOIN_FULL)
			return false;
		if (!is_own && bms_is_member(place, RelsOf(join->quals)) &&
			!bms_is_member(place, find_nonnullable_rels(join->quals)))
			return false;
		return CanTraceNullable(join->larg, place) && CanTraceNullable(join->rarg, place);
	}
	return true;
}

/* Does a query below the top only pick, filter and join rows? */
static bool
IsTransparent(Query *query)
{
	return !query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs && query->groupClause == NIL &&
		query->groupingSets == NIL && query->havingQual == NULL && query->distinctClause == NIL &&
		query->limitCount == NULL && query->limitOffset == NULL && query->setOperations == NULL &&
		query->rowMarks == NIL && !UsesOuterWith(query);
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

/* May the model's owner read the table itself, and its images? */
static bool
MayRead(const Model *model, Oid table)
{
	return pg_class_aclcheck(table, model->owner, ACL_SELECT) == ACLCHECK_OK;
}

static void TraceQuery(GroupPlan *plan, const Model *model, Query *query, List *path);

/* Sorts a place in a range table: traced, or whole. */
static void
TracePlace(GroupPlan *plan, const Model *model, Query *query, int place, List *path)
{
	RangeTblEntry *rte = rt_fetch(place, query->rtable);
	Query	   *subquery = SubqueryOf(rte);
	SystemColumnSearch search = {place, 0};
	bool		nullable = bms_is_member(place, NullableRels((Node *) query->jointree));
	List	   *below = lappend_int(list_copy(path), place);

	if (rte->rtekind != RTE_RELATION && subquery == NULL)
	{
		CollectTables((Node *) rte->functions, &plan->whole);
		return;
	}
	if (rte->lateral || (nullable && (path != NIL || !CanTraceNullable((Node *) query->jointree, place))) ||
		query_tree_walker(query, UsesSystemColumn, &search, 0) ||
		(subquery != NULL && !IsTransparent(subquery)))
		CollectTables(subquery != NULL ? (Node *) subquery : (Node *) rte, &plan->whole);
	else if (subquery != NULL)
		TraceQuery(plan, model, subquery, below);
	else if (!MayRead(model, rte->relid))
		plan->whole = list_append_unique_oid(plan->whole, rte->relid);
	else
	{
		TracedTable *traced = palloc0(sizeof(TracedTable));

		traced->table = rte->relid;
		traced->path = below;
		traced->first = plan->traced == NIL;
		plan->traced = lappend(plan->traced, traced);
	}
}

/* Sorts the tables of a query that is the model's, or transparent in it. */
static void
TraceQuery(GroupPlan *plan, const Model *model, Query *query, List *path)
{
	Bitmapset  *places = RelsBelow((Node *) query->jointree);
	ListCell   *lc;
	int			place = -1;

	while ((place = bms_next_member(places, place)) >= 0)
		TracePlace(plan, model, query, place, path);
	CollectSublinkTables((Node *) query->targetList, &plan->whole);
	CollectSublinkTables((Node *) query->jointree, &plan->whole);
	CollectSublinkTables(query->havingQual, &plan->whole);
	foreach(lc, query->cteList)	/* those that are still used */
		CollectTables(((CommonTableExpr *) lfirst(lc))->ctequery, &plan->whole);
}

/* Functions of the server that are stable for settings which are pinned here. */
static const char *const pinned_functions[] = {
	"to_char", "to_number", "to_date", "to_timestamp", "date_trunc", "date_part", "extract", "timezone",
	"date", "timestamp", "timestamptz", "time", "timetz", "date_out", "timestamp_out", "timestamptz_out",
	"time_out", "timetz_out", "interval_out", "array_out", "record_out", "concat", "concat_ws", "format",
	"array_to_string", "to_json", "to_jsonb", "row_to_json", "array_to_json", "json_build_object",
	"json_build_array", "jsonb_build_object", "jsonb_build_array", "json_agg", "jsonb_agg",
	"json_object_agg", "jsonb_object_agg", "json_agg_transfn", "generate_series", "quote_literal",
	"quote_nullable", "timestamptz_pl_interval", "timestamptz_mi_interval", "interval_pl_timestamptz"
};

/* date_lt_timestamptz() and its kin */
static bool
ComparesTimes(const char *name)
{
	return (strncmp(name, "date_", 5) == 0 || strncmp(name, "timestamp_", 10) == 0 ||
			strncmp(name, "timestamptz_", 12) == 0) && strstr(name, "timestamptz") != NULL &&
		strncmp(name, "timestamptz_in", 14) != 0;
}

/* Is the result of this function only its arguments' affair, here? */
static bool
IsUnsteadyFunction(Oid function, void *context)
{
	char		volatility = func_volatile(function);
	char	   *name = get_func_name(function);

	if (volatility == PROVOLATILE_IMMUTABLE)
		return false;
	if (volatility == PROVOLATILE_STABLE && get_func_namespace(function) == PG_CATALOG_NAMESPACE)
	{
		for (int i = 0; i < lengthof(pinned_functions); i++)
			if (strcmp(name, pinned_functions[i]) == 0)
				return false;
		if (ComparesTimes(name))
			return false;
	}
	*(char **) context = psprintf("%s() may say something else each time", name);
	return true;
}

/* Aggregates that depend on the order of their rows. */
static bool
IsUnordered(const Aggref *aggregate)
{
	static const char *const ordered[] = {"array_agg", "string_agg", "json_agg", "jsonb_agg",
		"json_object_agg", "jsonb_object_agg", "xmlagg"};
	char	   *name = get_func_name(aggregate->aggfnoid);

	if (aggregate->aggorder != NIL || aggregate->aggdistinct != NIL)
		return false;
	for (int i = 0; i < lengthof(ordered); i++)
		if (strcmp(name, ordered[i]) == 0)
			return true;
	return false;
}

/* Finds what could be different each time, views included. */
static bool
FindUnsteady(Node *node, char **why)
{
	if (node == NULL || *why != NULL)
		return *why != NULL;
	if (check_functions_in_node(node, IsUnsteadyFunction, why))
		return true;
	if (IsA(node, SQLValueFunction))
		*why = "it reads the clock or who runs it";
	else if (IsA(node, Aggref) && IsUnordered((Aggref *) node))
		*why = psprintf("%s() depends on the order of its rows, and none is stated",
						get_func_name(((Aggref *) node)->aggfnoid));
	else if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->tablesample != NULL)
			*why = "TABLESAMPLE";
		else if (rte->rtekind == RTE_RELATION && SubqueryOf(rte) != NULL)
			return FindUnsteady((Node *) SubqueryOf(rte), why);
		return *why != NULL;
	}
	else if (IsA(node, Query))
		return query_tree_walker((Query *) node, FindUnsteady, why, QTW_EXAMINE_RTES_BEFORE);
	return *why != NULL || expression_tree_walker(node, FindUnsteady, why);
}

/* Why the top of the query looks across all rows; NULL: it does not. */
static char *
WhyAcross(Query *query)
{
	if (query->setOperations != NULL)
		return "set operations (UNION, INTERSECT, EXCEPT) at the top";
	if (query->limitCount != NULL || query->limitOffset != NULL)
		return "LIMIT or OFFSET";
	if (query->hasDistinctOn)
		return "DISTINCT ON";
	if (query->groupingSets != NIL)
		return "GROUPING SETS, ROLLUP or CUBE";
	if (query->rowMarks != NIL)
		return "FOR UPDATE or FOR SHARE";
	if (query->hasAggs && query->groupClause == NIL)
		return "an aggregate over all rows: there is no GROUP BY";
	return NULL;
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

/* The column as a key, or NULL. */
static GroupKey *
MakeKey(Query *query, const TargetEntry *entry)
{
	Node	   *expr = flatten_aliases(query, copyObject((Node *) entry->expr));
	Oid			type = exprType(expr);
	TypeCacheEntry *cache = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC | TYPECACHE_LT_OPR);
	GroupKey   *key;

	/* subqueries first: contain_agg_clause() is for expressions without */
	if (entry->resjunk || contain_subplans(expr) || contain_agg_clause(expr) || contain_window_function(expr) ||
		expression_returns_set(expr) || RelsOf(expr) == NULL)
		return NULL;
	if (!OidIsValid(cache->eq_opr) || !OidIsValid(cache->hash_proc) || !OidIsValid(cache->lt_opr) ||
		type_is_rowtype(type))
		return NULL;
	if (query->groupClause != NIL &&
		(entry->ressortgroupref == 0 ||
		 get_sortgroupref_clause_noerr(entry->ressortgroupref, query->groupClause) == NULL))
		return NULL;
	if (!PartitionsWindows(query, entry))
		return NULL;
	key = palloc0(sizeof(GroupKey));
	key->column = pstrdup(entry->resname);
	key->expr = (Expr *) expr;
	key->type = type;
	key->equals = cache->eq_opr;
	key->collation = exprCollation(expr);
	return key;
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
ChooseKeys(Query *query, const Model *model)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		GroupKey   *key = MakeKey(query, lfirst(lc));

		if (key != NULL)
			keys = lappend(keys, key);
	}
	if (query->groupClause != NIL || query->windowClause != NIL)
		return keys;
	if (KeysNamed(keys, model->unique_key) != NIL)
		return KeysNamed(keys, model->unique_key);
	if (KeysNamed(keys, model->primary_key) != NIL)
		return KeysNamed(keys, model->primary_key);
	return list_copy_head(keys, MAX_KEYS);
}

/* What outer joins make NULL, as far as the keys look at it. */
static List *
UnitsOfKeys(Query *query, List *keys)
{
	Bitmapset  *rels = NULL;
	List	   *units = NIL;
	ListCell   *lc;

	foreach(lc, keys)
		rels = bms_add_members(rels, RelsOf((Node *) ((GroupKey *) lfirst(lc))->expr));
	foreach(lc, NullableUnits((Node *) query->jointree))
		if (bms_overlap(lfirst(lc), rels))
			units = lappend(units, lfirst(lc));
	return units;
}

/* Marks traced tables in the place of NULLs. */
static void
MarkNullable(GroupPlan *plan)
{
	Bitmapset  *nullable = NullableRels((Node *) plan->query->jointree);
	ListCell   *lc;

	foreach(lc, plan->traced)
	{
		TracedTable *traced = lfirst(lc);

		traced->nullable = bms_is_member(linitial_int(traced->path), nullable);
	}
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
WhyNotAppend(const GroupPlan *plan)
{
	Query	   *query = plan->query;
	TracedTable *first = plan->traced != NIL ? linitial(plan->traced) : NULL;

	if (query->hasAggs || query->groupClause != NIL || query->hasWindowFuncs || query->distinctClause != NIL ||
		query->setOperations != NULL || query->limitCount != NULL || query->limitOffset != NULL)
		return "its rows are not made of single rows";
	if (first == NULL || first->nullable)
		return "it reads no table whose new rows could be told";
	return NULL;
}

GroupPlan *
PlanGroups(const Model *model, const char *query)
{
	GroupPlan  *plan = palloc0(sizeof(GroupPlan));

	plan->query = InlineWith(ParseQuery(query));
	plan->query_hash = HashQuery(plan->query);
	TraceQuery(plan, model, plan->query, NIL);
	MarkNullable(plan);
	plan->why_not_append = WhyNotAppend(plan);
	FindUnwatched(plan, model);
	plan->why_full = WhyAcross(plan->query);
	if (plan->why_full == NULL)
		FindUnsteady((Node *) plan->query, &plan->why_full);
	if (plan->why_full != NULL)
		return plan;
	plan->keys = ChooseKeys(plan->query, model);
	plan->null_units = UnitsOfKeys(plan->query, plan->keys);
	if (plan->keys == NIL)
		plan->why_full = "no column of the result is a key of all its groups and windows";
	else if (list_length(plan->null_units) > 3)
		plan->why_full = "keys from more than three outer joins";
	else if (plan->traced == NIL)
		plan->why_full = "changes of its inputs cannot be traced to keys";
	else if (plan->unwatched != NIL)
		plan->why_full = linitial(plan->unwatched);
	return plan;
}

List *
WatchedTables(const GroupPlan *plan)
{
	List	   *tables = list_copy(plan->whole);
	ListCell   *lc;

	foreach(lc, plan->traced)
		tables = list_append_unique_oid(tables, ((TracedTable *) lfirst(lc))->table);
	return tables;
}
