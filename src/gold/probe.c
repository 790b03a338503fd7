/*
 * probe.c
 *	  From a model's query to the statements of its refresh by groups.
 *
 * Which keys a change touches is asked by the model's own joins and filters,
 * with the images of the changed rows in the place of their table, and every
 * other table that changed as it is and as it was, both at once.  What comes
 * out may be too many keys, never too few:
 *
 *	  - an outer join into which changed rows go becomes an inner one: what it
 *		leaves unmatched has not to do with them;
 *	  - but a row that they match or matched may stand, or have stood, beside
 *		NULLs in their place: each key is also taken with NULLs there;
 *	  - a filter that such NULLs could pass is left out.
 *
 * Statements are made as trees and written out by the server.
 */
#include "base/compat.h"

#include "gold/probe.h"

#include "access/table.h"
#include "base/feature.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

/* The changes of a table, or NULL. */
static const PendingChanges *
ChangesOf(List *changes, Oid table)
{
	ListCell   *lc;

	foreach(lc, changes)
		if (((PendingChanges *) lfirst(lc))->table == table)
			return lfirst(lc);
	return NULL;
}

/*
 * The columns of a table, each in its place, dropped ones as NULL; from its
 * table of changes those that this has.
 */
static char *
PlacedColumns(Oid table, Oid changes)
{
	Relation	rel = table_open(table, AccessShareLock);
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), i);
		const char *name = quote_identifier(NameStr(column->attname));

		if (i > 0)
			appendStringInfoString(&sql, ", ");
		if (column->attisdropped)
			appendStringInfo(&sql, "NULL::int AS _dropped_%d", i + 1);
		else if (OidIsValid(changes) && get_attnum(changes, NameStr(column->attname)) == InvalidAttrNumber)
			appendStringInfo(&sql, "NULL::%s AS %s", format_type_with_typemod(column->atttypid, column->atttypmod), name);
		else
			appendStringInfoString(&sql, name);
	}
	table_close(rel, AccessShareLock);
	return sql.data;
}

/* SELECT of the images of changed rows. */
static char *
ImagesQuery(const PendingChanges *changes, const char *condition)
{
	StringInfoData ids;
	ListCell   *lc;

	initStringInfo(&ids);
	foreach(lc, changes->batches)
		appendStringInfo(&ids, "%s%s", foreach_current_index(lc) > 0 ? "," : "", (char *) lfirst(lc));
	return psprintf("SELECT %s FROM %s WHERE _change_batch = ANY ('{%s}'::bigint[])%s",
					PlacedColumns(changes->table, ChangesOid(changes->table)), ChangesName(changes->table), ids.data, condition);
}

/* SELECT of rows as they are and as they were. */
static char *
EverQuery(const PendingChanges *changes)
{
	return psprintf("SELECT %s FROM %s UNION ALL %s", PlacedColumns(changes->table, InvalidOid),
					QualifiedName(get_namespace_name(get_rel_namespace(changes->table)),
								  get_rel_name(changes->table)),
					ImagesQuery(changes, ""));
}

/* Does any table of a query, below subqueries and views, have changes? */
static bool
HasChanges(Query *query, List *changes)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		Query	   *subquery = SubqueryOf(rte);

		if (rte->rtekind == RTE_RELATION && ChangesOf(changes, rte->relid) != NULL)
			return true;
		if (subquery != NULL && HasChanges(subquery, changes))
			return true;
	}
	return false;
}

/* Makes tables with changes say what they say and said; all places but one. */
static void
PutEver(Query *query, List *changes, int except)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		Query	   *subquery;

		if (foreach_current_index(lc) + 1 == except)
			continue;
		if (rte->rtekind == RTE_RELATION && ChangesOf(changes, rte->relid) != NULL)
			PutSubquery(rte, ParseQuery(EverQuery(ChangesOf(changes, rte->relid))));
		else if ((subquery = SubqueryOf(rte)) != NULL && HasChanges(subquery, changes))
		{
			PutEver(subquery, changes, 0);
			PutSubquery(rte, subquery);
		}
	}
}

/* Puts images in the place of a traced table, what is and was in all others. */
static void
PutImages(Query *query, List *path, List *changes, const char *images)
{
	int			place = linitial_int(path);
	RangeTblEntry *rte = rt_fetch(place, query->rtable);

	PutEver(query, changes, place);
	if (list_length(path) == 1)
		PutSubquery(rte, ParseQuery(images));
	else
	{
		Query	   *subquery = SubqueryOf(rte);

		PutImages(subquery, list_copy_tail(path, 1), changes, images);
		PutSubquery(rte, subquery);
	}
}

/* Is the place below this node of the join tree? */
static bool
IsBelow(Node *node, int place)
{
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == place;
	if (IsA(node, JoinExpr))
		return IsBelow(((JoinExpr *) node)->larg, place) || IsBelow(((JoinExpr *) node)->rarg, place);
	foreach(lc, castNode(FromExpr, node)->fromlist)
		if (IsBelow(lfirst(lc), place))
			return true;
	return false;
}

/* Makes the outer joins that put NULLs in this place inner ones. */
static void
MakeInner(Node *node, int place)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			MakeInner(lfirst(lc), place);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		if ((join->jointype == JOIN_LEFT && IsBelow(join->rarg, place)) ||
			(join->jointype == JOIN_RIGHT && IsBelow(join->larg, place)))
			join->jointype = JOIN_INNER;
		MakeInner(join->larg, place);
		MakeInner(join->rarg, place);
	}
}

/* The filters that are not true for NULLs which outer joins put in. */
static Node *
StrictFilters(Query *query)
{
	Bitmapset  *nullable = NullableRels((Node *) query->jointree);
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, make_ands_implicit((Expr *) query->jointree->quals))
	{
		Node	   *filter = flatten_aliases(query, copyObject((Node *) lfirst(lc)));
		Bitmapset  *asked = bms_intersect(RelsOf(filter), nullable);

		if (bms_is_subset(asked, find_nonnullable_rels(filter)))
			kept = lappend(kept, lfirst(lc));
	}
	return kept == NIL ? NULL : (Node *) make_ands_explicit(kept);
}

/* Columns of these places as NULL. */
static Node *
NullColumns(Node *node, Bitmapset *places)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0 && bms_is_member(((Var *) node)->varno, places))
		return (Node *) makeNullConst(((Var *) node)->vartype, ((Var *) node)->vartypmod, ((Var *) node)->varcollid);
	return expression_tree_mutator(node, NullColumns, places);
}

/* Makes a query return nothing but the keys, those of each joined row. */
static void
SelectKeys(Query *query, const GroupPlan *plan, Bitmapset *null_places)
{
	ListCell   *lc;

	query->targetList = NIL;
	foreach(lc, plan->keys)
	{
		GroupKey   *key = lfirst(lc);
		int			number = foreach_current_index(lc) + 1;
		Node	   *expr = NullColumns(copyObject((Node *) key->expr), null_places);

		if (!equal(expr, key->expr))	/* a NULL alone would lose its type */
			expr = (Node *) makeRelabelType((Expr *) expr, key->type, exprTypmod((Node *) key->expr),
											key->collation, COERCE_EXPLICIT_CAST);
		query->targetList = lappend(query->targetList,
									makeTargetEntry((Expr *) expr, number, psprintf("k%d", number), false));
	}
	query->groupClause = query->windowClause = query->distinctClause = query->sortClause = NIL;
	query->havingQual = NULL;
	query->hasAggs = query->hasWindowFuncs = query->hasTargetSRFs = false;
	FORGET_GROUPING(query);
}

/* Adds the SELECT of the keys that images in one place touch. */
static void
AddProbe(StringInfo sql, const GroupPlan *plan, const TracedTable *traced, List *changes, uint32 nulled)
{
	Query	   *query = copyObject(plan->query);
	Bitmapset  *null_places = NULL;
	ListCell   *lc;

	foreach(lc, plan->null_units)
		if (nulled & (1 << foreach_current_index(lc)))
			null_places = bms_add_members(null_places, lfirst(lc));
	if (traced->nullable)
	{
		query->jointree->quals = StrictFilters(query);
		MakeInner((Node *) query->jointree, linitial_int(traced->path));
	}
	SelectKeys(query, plan, null_places);
	PutImages(query, traced->path, changes, ImagesQuery(ChangesOf(changes, traced->table), ""));
	appendStringInfo(sql, "%s(%s)", sql->len > 0 ? "\nUNION ALL\n" : "", pg_get_querydef(query, false));
}

char *
AffectedKeysQuery(const GroupPlan *plan, List *changes)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, plan->traced)
	{
		TracedTable *traced = lfirst(lc);
		uint32		variants = traced->nullable ? 1 << list_length(plan->null_units) : 1;

		if (ChangesOf(changes, traced->table) == NULL)
			continue;
		for (uint32 nulled = 0; nulled < variants; nulled++)
			AddProbe(&sql, plan, traced, changes, nulled);
	}
	return psprintf("SELECT DISTINCT * FROM (%s) k", sql.data);
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
	for (int i = 0; i < list_length(plan->keys); i++)
		appendStringInfo(&sql, "%sk%d IS %sNULL", i > 0 ? " AND " : "", i + 1, nulls & (1 << i) ? "" : "NOT ");
	return sql.data;
}

char *
RestrictedQuery(const GroupPlan *plan, const char *keys, uint32 nulls)
{
	Query	   *query = copyObject(plan->query);
	Query	   *sample = ParseQuery(psprintf("SELECT _touched.* FROM (SELECT * FROM %s WHERE %s) _touched",
											 keys, PatternFilter(plan, nulls)));
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *conditions = query->jointree->quals ? list_make1(query->jointree->quals) : NIL;
	ListCell   *lc;

	query->rtable = lappend(query->rtable, linitial(sample->rtable));
	ref->rtindex = list_length(query->rtable);
	foreach(lc, plan->keys)
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
	foreach(lc, plan->keys)
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

char *
AppendedQuery(const GroupPlan *plan, const PendingChanges *changes)
{
	Query	   *query = copyObject(plan->query);

	PutImages(query, ((TracedTable *) linitial(plan->traced))->path, NIL,
			  ImagesQuery(changes, " AND _change_image = 'i'"));
	return pg_get_querydef(query, false);
}
