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
#include "gold/tree.h"
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

/* NULL of a column's type and collation. */
static char *
NullOf(Form_pg_attribute column)
{
	char	   *null = psprintf("NULL::%s", format_type_with_typemod(column->atttypid, column->atttypmod));

	if (!OidIsValid(column->attcollation))
		return null;
	return psprintf("%s COLLATE %s", null, generate_collation_name(column->attcollation));
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
			appendStringInfo(&sql, "%s AS %s", NullOf(column), name);
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

/* Has a place changes, or anything below it? */
static bool
HasChanges(const TracedPlace *traced, List *changes)
{
	ListCell   *lc;

	if (traced->below == NULL)
		return ChangesOf(changes, traced->table) != NULL;
	foreach(lc, traced->below->traced)
		if (HasChanges(lfirst(lc), changes))
			return true;
	return false;
}

static char *LevelImages(const QueryLevel *level, List *changes);

/* SELECT of what changed in a place; what is not known of it is NULL. */
static char *
PlaceImages(const TracedPlace *traced, List *changes)
{
	if (traced->below != NULL)
		return LevelImages(traced->below, changes);
	return ImagesQuery(ChangesOf(changes, traced->table), "");
}

/* SELECT of a place as it is and as it was. */
static char *
PlaceEver(const TracedPlace *traced, List *changes)
{
	if (traced->below == NULL)
		return EverQuery(ChangesOf(changes, traced->table));
	return psprintf("SELECT * FROM (%s) _now UNION ALL %s", pg_get_querydef(copyObject(traced->below->query), false),
					LevelImages(traced->below, changes));
}

/* Puts images in the place that is asked, what is and was in all others. */
static void
PutImages(Query *query, const QueryLevel *level, const TracedPlace *asked, List *changes)
{
	ListCell   *lc;

	foreach(lc, level->traced)
	{
		TracedPlace *traced = lfirst(lc);

		if (HasChanges(traced, changes))
			PutSubquery(rt_fetch(traced->place, query->rtable),
						ParseQuery(traced == asked ? PlaceImages(traced, changes) : PlaceEver(traced, changes)));
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

/* Takes the filters that look at what is not known of these places out of WHERE and inner joins. */
static void
LeaveOutUnknown(Query *query, Node *node, List *places)
{
	Node	  **quals;
	List	   *kept = NIL;
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			LeaveOutUnknown(query, lfirst(lc), places);
		quals = &((FromExpr *) node)->quals;
	}
	else if (IsA(node, JoinExpr))
	{
		LeaveOutUnknown(query, ((JoinExpr *) node)->larg, places);
		LeaveOutUnknown(query, ((JoinExpr *) node)->rarg, places);
		quals = &((JoinExpr *) node)->quals;
	}
	else
		return;
	foreach(lc, make_ands_implicit((Expr *) *quals))
		if (!SeesUnknown(flatten_aliases(query, copyObject((Node *) lfirst(lc))), places))
			kept = lappend(kept, lfirst(lc));
	*quals = kept != NIL ? (Node *) make_ands_explicit(kept) : NULL;
}

/* Places of a level that changed. */
static List *
ChangedPlaces(const QueryLevel *level, List *changes)
{
	List	   *changed = NIL;
	ListCell   *lc;

	foreach(lc, level->traced)
		if (HasChanges(lfirst(lc), changes))
			changed = lappend(changed, lfirst(lc));
	return changed;
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

/* The key's expression with NULLs in these places; of the same type and collation. */
static Expr *
KeyBesideNulls(const GroupKey *key, Bitmapset *null_places)
{
	Node	   *expr = NullColumns(copyObject((Node *) key->expr), null_places);
	CollateExpr *collate;

	if (equal(expr, key->expr))
		return (Expr *) expr;
	expr = (Node *) makeRelabelType((Expr *) expr, key->type, exprTypmod((Node *) key->expr),
									key->collation, COERCE_EXPLICIT_CAST);
	if (!OidIsValid(key->collation))
		return (Expr *) expr;
	collate = makeNode(CollateExpr);
	collate->arg = (Expr *) expr;
	collate->collOid = key->collation;
	collate->location = -1;
	return (Expr *) collate;
}

/* Takes from a query what makes one row of many. */
static void
LeaveJoinedRows(Query *query)
{
	query->groupClause = query->windowClause = query->distinctClause = query->sortClause = NIL;
	query->havingQual = NULL;
	query->hasAggs = query->hasWindowFuncs = query->hasTargetSRFs = false;
	FORGET_GROUPING(query);
}

/* Makes a query return nothing but the keys, those of each joined row. */
static void
SelectKeys(Query *query, const QueryLevel *level, Bitmapset *null_places)
{
	ListCell   *lc;

	query->targetList = NIL;
	foreach(lc, level->keys)
	{
		int			number = foreach_current_index(lc) + 1;

		query->targetList = lappend(query->targetList,
									makeTargetEntry(KeyBesideNulls(lfirst(lc), null_places), number,
													psprintf("k%d", number), false));
	}
	LeaveJoinedRows(query);
}

/* Adds the SELECT of the keys that images in one place touch. */
static void
AddProbe(StringInfo sql, const QueryLevel *level, const TracedPlace *traced, List *changes, uint32 nulled)
{
	Query	   *query = copyObject(level->query);
	Bitmapset  *null_places = NULL;
	ListCell   *lc;

	foreach(lc, level->null_units)
		if (nulled & (1 << foreach_current_index(lc)))
			null_places = bms_add_members(null_places, lfirst(lc));
	if (traced->nullable)
	{
		query->jointree->quals = StrictFilters(query);
		MakeInner((Node *) query->jointree, traced->place);
	}
	LeaveOutUnknown(query, (Node *) query->jointree, ChangedPlaces(level, changes));
	SelectKeys(query, level, null_places);
	PutImages(query, level, traced, changes);
	appendStringInfo(sql, "%s(%s)", sql->len > 0 ? "\nUNION ALL\n" : "", pg_get_querydef(query, false));
}

/* SELECTs of the keys of a level that these changes touch. */
static char *
Probes(const QueryLevel *level, List *changes)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, level->traced)
	{
		TracedPlace *traced = lfirst(lc);
		uint32		variants = traced->nullable ? 1 << list_length(level->null_units) : 1;

		if (!HasChanges(traced, changes))
			continue;
		for (uint32 nulled = 0; nulled < variants; nulled++)
			AddProbe(&sql, level, traced, changes, nulled);
	}
	return sql.data;
}

/* The columns of a level: those that are known from k, which has them as k1, k2, ...
 * or by their names; the others as NULL. */
static char *
LevelColumns(const QueryLevel *level, bool by_name)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, level->query->targetList)
	{
		TargetEntry *entry = lfirst(lc);
		Node	   *expr = (Node *) entry->expr;
		char	   *type = format_type_with_typemod(exprType(expr), exprTypmod(expr));
		char	   *value = "NULL";
		ListCell   *kc;

		if (entry->resjunk)
			continue;
		foreach(kc, level->keys)
			if (((GroupKey *) lfirst(kc))->number == entry->resno)
				value = psprintf("k.%c%d", by_name ? 'c' : 'k', by_name ? entry->resno : foreach_current_index(kc) + 1);
		appendStringInfo(&sql, "%s%s::%s", sql.len > 0 ? ", " : "", value, type);
		if (OidIsValid(exprCollation(expr)))
			appendStringInfo(&sql, " COLLATE %s", generate_collation_name(exprCollation(expr)));
		appendStringInfo(&sql, " AS %s", quote_identifier(entry->resname));
	}
	return sql.data;
}

/* c1, c2, ... */
static char *
NumberedColumns(const QueryLevel *level)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < list_length(level->query->targetList); i++)
		appendStringInfo(&sql, "%sc%d", i > 0 ? ", " : "", i + 1);
	return sql.data;
}

/* SELECT of the rows of a view or subquery that changed, as they are and were, as far as that is known. */
static char *
LevelImages(const QueryLevel *level, List *changes)
{
	StringInfoData sql;
	ListCell   *lc;

	if (level->query->setOperations == NULL)
		return psprintf("SELECT %s FROM (%s%s) k", LevelColumns(level, false),
						IsGrouped(level->query) ? "SELECT DISTINCT * FROM " : "SELECT * FROM ",
						psprintf("(%s) p", Probes(level, changes)));
	initStringInfo(&sql);
	foreach(lc, level->traced)
		if (HasChanges(lfirst(lc), changes))
			appendStringInfo(&sql, "%sSELECT %s FROM (%s) k (%s)", sql.len > 0 ? " UNION ALL " : "",
							 LevelColumns(level, true), PlaceImages(lfirst(lc), changes), NumberedColumns(level));
	return sql.data;
}

char *
AffectedKeysQuery(const GroupPlan *plan, List *changes)
{
	return psprintf("SELECT DISTINCT * FROM (%s) k", Probes(plan->top, changes));
}

/* Puts images in the place of the first table, below subqueries too. */
static void
PutFirst(Query *query, const QueryLevel *level, const char *images)
{
	TracedPlace *first = linitial(level->traced);
	Query	   *below;

	if (first->below == NULL)
		below = ParseQuery(images);
	else
	{
		below = copyObject(first->below->query);
		PutFirst(below, first->below, images);
	}
	PutSubquery(rt_fetch(first->place, query->rtable), below);
}

char *
AppendedQuery(const GroupPlan *plan, const PendingChanges *changes)
{
	Query	   *query = copyObject(plan->top->query);

	PutFirst(query, plan->top, ImagesQuery(changes, " AND _change_image = 'i'"));
	return pg_get_querydef(query, false);
}

char *
UngroupedQuery(const GroupPlan *plan, List *columns, const PendingChanges *changes, const char *condition)
{
	Query	   *query = copyObject(plan->top->query);

	query->targetList = columns;
	LeaveJoinedRows(query);
	if (changes != NULL)
		PutFirst(query, plan->top, ImagesQuery(changes, condition));
	return pg_get_querydef(query, false);
}
