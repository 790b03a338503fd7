/*
 * sums.c
 *	  Groups whose counts, sums and averages follow from what changed.
 *
 *	  full:     rows of the query, not grouped yet -> sums of each group
 *		(gold._sums_<id>) -> gold.<name>
 *	  changes:  images of inserted rows, and of deleted ones with the sign -1
 *		-> what they do to the sums -> rows of the groups touched -> the sums
 *
 * A group with a million rows of which one changed costs that one.  Counts and
 * sums can be taken back; of distinct values the table is asked, in one scan,
 * for those values whose rows became more or fewer: is this the first, or
 * was that the last?  An average is its sum and its count.
 *
 * What is kept is equal to what would be computed, as numbers are equal: a sum
 * may have zeros behind its last digit that a new one would not have, as it may
 * have in a row that was computed before and did not change since.  What could
 * tell them apart (an expression over a sum other than rounding, a quotient that
 * has more digits by them) is not kept this way, nor are infinite values and NaN.
 * Sums of floats depend on their order and are none of these.
 *
 * A group that is computed anew forgets what was missed of it; a sum would carry it on.
 * So of what may change unseen, rows or functions, no sums are kept.
 */
#include "base/compat.h"

#include "gold/sums.h"

#include "access/transam.h"
#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "gold/probe.h"
#include "gold/target.h"
#include "gold/tree.h"
#include "gold/values.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#define SUMS_PREFIX "_sums_"
#define MAX_SUMS 24				/* and keys; more are not worth statements so wide */

typedef enum SumKind
{
	SUM_COUNT,					/* a<n>: how many values are not NULL */
	SUM_SUM,					/* a<n>: their sum; b<n>: how many */
	SUM_AVERAGE,				/* likewise */
	SUM_DISTINCT				/* a<n>: how many different ones */
} SumKind;

typedef struct Sum
{
	SumKind		kind;
	Aggref	   *aggregate;
} Sum;

struct SumPlan
{
	const Model *model;
	const GroupPlan *groups;
	List	   *sums;			/* Sum *, each aggregate once */
	int			keys;
	int			distinct;		/* sums of that kind */
};

/* Appends a template, each @ as the number. */
static void
AppendNumbered(StringInfo sql, const char *template, int number)
{
	for (const char *at = template; *at != '\0'; at++)
	{
		if (*at == '@')
			appendStringInfo(sql, "%d", number);
		else
			appendStringInfoChar(sql, *at);
	}
}

/* A template for each number from 1. */
static char *
Numbered(const char *separator, int count, const char *template)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 1; i <= count; i++)
	{
		if (i > 1)
			appendStringInfoString(&sql, separator);
		AppendNumbered(&sql, template, i);
	}
	return sql.data;
}

/* Are equal values of this type equal for row_hash(), too? */
static bool
IsPlain(Oid type, Oid collation)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
			return true;
		case TEXTOID:
		case VARCHAROID:
			return OidIsValid(collation) && get_collation_isdeterministic(collation);
		default:
			return false;
	}
}

/* Can a table have a column of such values? */
static bool
IsStorable(Node *value)
{
	Oid			type = exprType(value);

	return (get_typtype(type) != TYPTYPE_PSEUDO || type == UNKNOWNOID) &&
		(!type_is_collatable(type) || OidIsValid(exprCollation(value)));
}

/* What an aggregate is kept as; false: it cannot be. */
static bool
KindOf(const Aggref *aggregate, SumKind *kind)
{
	Node	   *value = aggregate->args != NIL ? (Node *) ((TargetEntry *) linitial(aggregate->args))->expr : NULL;

	if (aggregate->agglevelsup > 0 || aggregate->aggkind != AGGKIND_NORMAL || aggregate->aggorder != NIL ||
		aggregate->aggvariadic || list_length(aggregate->args) > 1 || (value != NULL && !IsStorable(value)))
		return false;
	if (aggregate->aggdistinct != NIL)
	{
		*kind = SUM_DISTINCT;
		return aggregate->aggfnoid == F_COUNT_ANY && IsPlain(exprType(value), exprCollation(value));
	}
	switch (aggregate->aggfnoid)
	{
		case F_COUNT_:
		case F_COUNT_ANY:
			*kind = SUM_COUNT;
			return true;
		case F_SUM_INT2:
		case F_SUM_INT4:
		case F_SUM_INT8:
		case F_SUM_NUMERIC:
			*kind = SUM_SUM;
			return true;
		case F_AVG_INT2:
		case F_AVG_INT4:
		case F_AVG_INT8:
		case F_AVG_NUMERIC:
			*kind = SUM_AVERAGE;
			return true;
		default:
			return false;
	}
}

/* The number of an aggregate among the sums, from 0; -1: it is none. */
static int
NumberOf(const SumPlan *plan, const Aggref *aggregate)
{
	ListCell   *lc;

	foreach(lc, plan->sums)
		if (equal(((Sum *) lfirst(lc))->aggregate, aggregate))
			return foreach_current_index(lc);
	return -1;
}

/* Does an expression look at anything but aggregates that can be kept, or make of equal
 * values different ones?  Adds the aggregates. */
static bool
CannotKeep(Node *node, SumPlan *plan)
{
	SumKind		kind;

	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		if (!KindOf((Aggref *) node, &kind))
			return true;
		if (NumberOf(plan, (Aggref *) node) < 0)
		{
			Sum		   *sum = palloc(sizeof(Sum));

			sum->kind = kind;
			sum->aggregate = (Aggref *) node;
			plan->sums = lappend(plan->sums, sum);
			plan->distinct += kind == SUM_DISTINCT;
		}
		return false;
	}
	if (IsA(node, FuncExpr))
	{
		switch (((FuncExpr *) node)->funcid)
		{
			case F_ROUND_NUMERIC:
			case F_ROUND_NUMERIC_INT4:
			case F_TRUNC_NUMERIC_INT4:
			case F_NUMERIC_NUMERIC_INT4:	/* casts */
			case F_NUMERIC_INT4:
			case F_NUMERIC_INT8:
				break;
			default:
				return true;
		}
	}
	else if (!IsA(node, Const) && !IsA(node, CoalesceExpr) && !IsA(node, List))
		return true;
	return expression_tree_walker(node, CannotKeep, plan);
}

/* Is a query's every row made of one row of its one table? */
static bool
IsOfSingleRows(const QueryLevel *level, bool top)
{
	const Query *query = level->query;
	TracedPlace *place = level->traced != NIL ? linitial(level->traced) : NULL;

	if (list_length(level->traced) != 1 || query->setOperations != NULL || query->hasSubLinks || query->hasTargetSRFs ||
		query->hasWindowFuncs || query->distinctClause != NIL || query->groupingSets != NIL || query->havingQual != NULL ||
		query->cteList != NIL || bms_num_members(RelsBelow((Node *) query->jointree)) != 1)
		return false;
	if (!top && (query->groupClause != NIL || query->hasAggs))
		return false;
	return place->below == NULL || IsOfSingleRows(place->below, false);
}

/* The key that a column of the model is, from 1; 0: it is none. */
static int
KeyNumber(const SumPlan *plan, const TargetEntry *entry)
{
	ListCell   *lc;

	foreach(lc, plan->groups->top->keys)
		if (((GroupKey *) lfirst(lc))->number == entry->resno)
			return foreach_current_index(lc) + 1;
	return 0;
}

/* Can all columns be had from keys and sums?  Collects the sums. */
static bool
CollectSums(SumPlan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->groups->top->query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->resjunk || (KeyNumber(plan, entry) == 0 && CannotKeep((Node *) entry->expr, plan)))
			return false;
	}
	return plan->sums != NIL && list_length(plan->sums) <= MAX_SUMS;
}

/* Can a function be replaced without our knowing?  Not the server's and our own. */
static bool
IsReplaceable(Oid function, void *context)
{
	return function >= FirstNormalObjectId &&
		(func_volatile(function) != PROVOLATILE_IMMUTABLE ||
		 getExtensionOfObject(ProcedureRelationId, function) != get_extension_oid("medallion", false));
}

/* Does a query ask such a function?  What it says of a row that goes need not be what it said when that came. */
static bool
AsksReplaceable(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, IsReplaceable, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, AsksReplaceable, context, 0);
	return expression_tree_walker(node, AsksReplaceable, context);
}

/* Is all known that happens to the rows?  A partition has rows that come to it directly, unseen. */
static bool
IsSeen(const QueryLevel *level)
{
	TracedPlace *place = linitial(level->traced);

	if (AsksReplaceable((Node *) level->query, NULL))
		return false;
	if (place->below != NULL)
		return IsSeen(place->below);
	return get_rel_relkind(place->table) == RELKIND_RELATION;
}

SumPlan *
PlanSums(const Model *model, const GroupPlan *groups)
{
	SumPlan    *plan;
	ListCell   *lc;

	if (groups->why_full != NULL || groups->whole != NIL || !IsOfSingleRows(groups->top, true) || !IsSeen(groups->top) ||
		groups->top->query->groupClause == NIL || list_length(groups->top->keys) > MAX_SUMS ||
		list_length(groups->top->keys) != list_length(groups->top->query->groupClause))
		return NULL;
	foreach(lc, groups->top->keys)
		if (!IsPlain(((GroupKey *) lfirst(lc))->type, ((GroupKey *) lfirst(lc))->collation))
			return NULL;
	plan = palloc0(sizeof(SumPlan));
	plan->model = model;
	plan->groups = groups;
	plan->keys = list_length(groups->top->keys);
	return CollectSums(plan) ? plan : NULL;
}

bool
CountsValues(const SumPlan *plan)
{
	return plan->distinct > 0;
}

static char *
SumsRelation(const Model *model)
{
	return psprintf(SUMS_PREFIX "%d", model->id);
}

static char *
SumsName(const Model *model)
{
	return QualifiedName(medallion_gold_schema, SumsRelation(model));
}

/* A relation of this name may be somebody else's, planted or by chance. */
bool
HasSums(const Model *model)
{
	Oid			sums = TableOid(medallion_gold_schema, SumsRelation(model));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(sums));
	bool		ours;

	if (!HeapTupleIsValid(tuple))
		return false;
	ours = ((Form_pg_class) GETSTRUCT(tuple))->relkind == RELKIND_RELATION &&
		((Form_pg_class) GETSTRUCT(tuple))->relowner == model->owner;
	ReleaseSysCache(tuple);
	return ours && get_attnum(sums, "_key") != InvalidAttrNumber;
}

bool
HasRoomForSums(const Model *model)
{
	Oid			schema = get_namespace_oid(medallion_gold_schema, false);

	return !OidIsValid(get_relname_relid(SumsRelation(model), schema)) &&
		!SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(SumsRelation(model)), ObjectIdGetDatum(schema));
}

void
DropSums(const Model *model)
{
	if (HasSums(model))
		SqlExecFormat(NULL, "DROP TABLE %s", SumsName(model));
}

/* What an aggregate takes of a row: NULL where its filter leaves the row out. */
static Expr *
ValueOf(const Aggref *aggregate)
{
	Expr	   *value = aggregate->aggstar ? (Expr *) makeBoolConst(true, false) :
		copyObject(((TargetEntry *) linitial(aggregate->args))->expr);
	CaseWhen   *when;
	CaseExpr   *choice;

	if (aggregate->aggfilter == NULL)
		return value;
	when = makeNode(CaseWhen);
	when->expr = copyObject(aggregate->aggfilter);
	when->result = value;
	when->location = -1;
	choice = makeNode(CaseExpr);
	choice->casetype = exprType((Node *) value);
	choice->casecollid = exprCollation((Node *) value);
	choice->args = list_make1(when);
	choice->defresult = (Expr *) makeNullConst(choice->casetype, exprTypmod((Node *) value), choice->casecollid);
	choice->location = -1;
	return (Expr *) choice;
}

/* SELECT of the rows that are grouped, as keys k1, k2, ... and values x1, x2, ..., all or those of which the
 * different ones are counted; of images of changes, if any. */
static char *
GroupedRows(const SumPlan *plan, bool all, const PendingChanges *changes, const char *condition)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, plan->groups->top->keys)
		columns = lappend(columns, makeTargetEntry(copyObject(((GroupKey *) lfirst(lc))->expr), list_length(columns) + 1,
												   psprintf("k%d", foreach_current_index(lc) + 1), false));
	foreach(lc, plan->sums)
		if (all || ((Sum *) lfirst(lc))->kind == SUM_DISTINCT)
			columns = lappend(columns, makeTargetEntry(ValueOf(((Sum *) lfirst(lc))->aggregate), list_length(columns) + 1,
													   psprintf("x%d", foreach_current_index(lc) + 1), false));
	return UngroupedQuery(plan->groups, columns, changes, condition);
}

/* The columns of each sum, by a template for each kind in which each @ is its number. */
static char *
SumColumns(const SumPlan *plan, const char *count, const char *sum, const char *distinct)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, plan->sums)
	{
		const char *template = sum;

		if (((Sum *) lfirst(lc))->kind == SUM_COUNT)
			template = count;
		else if (((Sum *) lfirst(lc))->kind == SUM_DISTINCT)
			template = distinct;
		AppendNumbered(&sql, template, foreach_current_index(lc) + 1);
	}
	return sql.data;
}

/* "row_hash(k1, k2)": by which a group is found, its NULLs too */
static char *
KeyHash(const SumPlan *plan)
{
	return psprintf("medallion.row_hash(%s)", Numbered(", ", plan->keys, "k@"));
}

void
MakeSums(const SumPlan *plan)
{
	char	   *name = SumsName(plan->model);
	ObjectAddress sums;
	ObjectAddress target;

	SqlExecFormat(NULL, "CREATE TABLE %s AS SELECT %s AS _key, g.* FROM (SELECT %s, count(*) AS n%s FROM (%s) r GROUP BY %s) g",
				  name, KeyHash(plan), Numbered(", ", plan->keys, "k@"),
				  SumColumns(plan, ", count(x@) AS a@", ", coalesce(sum(x@), 0)::numeric AS a@, count(x@) AS b@",
							 ", count(DISTINCT x@) AS a@"),
				  GroupedRows(plan, true, NULL, NULL), Numbered(", ", plan->keys, "k@"));
	SqlExecFormat(NULL, "ALTER TABLE %s ADD PRIMARY KEY (_key)", name);
	SqlExecFormat(NULL, "COMMENT ON TABLE %s IS %s", name,
				  quote_literal_cstr(psprintf("medallion: counts and sums by which %s follows what changes", TargetName(plan->model))));
	CloseToOthers(TableOid(medallion_gold_schema, SumsRelation(plan->model)), name);
	ObjectAddressSet(sums, RelationRelationId, TableOid(medallion_gold_schema, SumsRelation(plan->model)));
	ObjectAddressSet(target, RelationRelationId, TargetOid(plan->model));
	recordDependencyOn(&sums, &target, DEPENDENCY_AUTO);
}

/* The value of each aggregate, v1, v2, ..., of its own type. */
static char *
ValueColumns(const SumPlan *plan)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, plan->sums)
	{
		Sum		   *sum = lfirst(lc);
		int			number = foreach_current_index(lc) + 1;

		if (sum->kind == SUM_SUM)
			appendStringInfo(&sql, ", CASE WHEN g.b%d > 0 THEN g.a%d::%s END AS v%d", number, number,
							 format_type_be(sum->aggregate->aggtype), number);
		else if (sum->kind == SUM_AVERAGE)
			appendStringInfo(&sql, ", CASE WHEN g.b%d > 0 THEN g.a%d / g.b%d END AS v%d", number, number, number, number);
		else
			appendStringInfo(&sql, ", g.a%d::bigint AS v%d", number, number);
	}
	return sql.data;
}

/* What replaces aggregates by the columns that have their values. */
typedef struct Replacement
{
	const SumPlan *plan;
	List	   *columns;		/* TargetEntry *: keys, then values */
} Replacement;

static Node *
ReplaceAggregates(Node *node, Replacement *replacement)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref))
	{
		TargetEntry *entry = list_nth(replacement->columns, replacement->plan->keys +
									  NumberOf(replacement->plan, (Aggref *) node));

		return copyObject((Node *) entry->expr);
	}
	return expression_tree_mutator(node, ReplaceAggregates, replacement);
}

/* SELECT of the model's rows from rows of sums, which are called g. */
static char *
ModelRows(const SumPlan *plan, const char *sums)
{
	Query	   *query = ParseQuery(psprintf("SELECT v.* FROM (SELECT %s%s FROM %s g WHERE g.n > 0) v",
											Numbered(", ", plan->keys, "g.k@"), ValueColumns(plan), sums));
	Replacement replacement = {plan, query->targetList};
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, plan->groups->top->query->targetList)
	{
		TargetEntry *entry = lfirst(lc);
		int			key = KeyNumber(plan, entry);
		Node	   *value = key > 0 ? copyObject((Node *) ((TargetEntry *) list_nth(replacement.columns, key - 1))->expr) :
			ReplaceAggregates((Node *) entry->expr, &replacement);

		columns = lappend(columns, makeTargetEntry((Expr *) value, list_length(columns) + 1, pstrdup(entry->resname), false));
	}
	query->targetList = columns;
	return pg_get_querydef(query, false);
}

char *
RowsOfSums(const SumPlan *plan)
{
	return ModelRows(plan, SumsName(plan->model));
}

/* The sums of touched groups as the changes leave them, as an item of FROM. */
static char *
MovedSums(const SumPlan *plan, const char *staging)
{
	return psprintf("(SELECT h._again, %s, coalesce(s.n, 0) + h.n AS n%s FROM %s h LEFT JOIN %s s ON s._key = h._key)",
					Numbered(", ", plan->keys, "h.k@"),
					SumColumns(plan, ", coalesce(s.a@, 0) + h.a@ AS a@",
							   ", coalesce(s.a@, 0) + h.a@ AS a@, coalesce(s.b@, 0) + h.b@ AS b@",
							   ", coalesce(s.a@, 0) + h.a@ AS a@"),
					staging, SumsName(plan->model));
}

char *
RowsOfSumChanges(const SumPlan *plan, const char *staging)
{
	return ModelRows(plan, MovedSums(plan, staging));
}

/* A table that is there while the changes are looked at. */
static char *
ScratchName(const SumPlan *plan, const char *prefix)
{
	return QualifiedName(medallion_gold_schema, psprintf("%s%d", prefix, plan->model->id));
}

/* The images of what changed, with their sign. */
static char *
SignedImages(const SumPlan *plan, const PendingChanges *changes)
{
	return psprintf("SELECT 1 AS _sign, r.* FROM (%s) r\nUNION ALL SELECT -1, r.* FROM (%s) r",
					GroupedRows(plan, true, changes, " AND _change_image IN ('i', 'v')"),
					GroupedRows(plan, true, changes, " AND _change_image IN ('d', 'u')"));
}

/* "x2, x5": the values of which the different ones are counted; of number, if any, its own, else NULL. */
static char *
DistinctColumns(const SumPlan *plan, int number, const char *images)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, plan->sums)
	{
		int			i = foreach_current_index(lc) + 1;

		if (((Sum *) lfirst(lc))->kind != SUM_DISTINCT)
			continue;
		if (number == 0 || number == i)
			appendStringInfo(&sql, ", x%d", i);
		else
			appendStringInfo(&sql, ", (SELECT x%d FROM %s WHERE false) AS x%d", i, images, i);
	}
	return sql.data;
}

/* Makes a table of the values that have more rows in a group than before, or fewer. */
static void
StageValues(const SumPlan *plan, const char *images, const char *values)
{
	char	   *keys = Numbered(", ", plan->keys, "k@");
	StringInfoData sql;
	int			place = 0;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, plan->sums)
	{
		int			i = foreach_current_index(lc) + 1;

		if (((Sum *) lfirst(lc))->kind != SUM_DISTINCT)
			continue;
		appendStringInfo(&sql, "%sSELECT %d AS number, %d AS place, %s%s, sum(_sign) AS d FROM %s WHERE x%d IS NOT NULL"
						 " GROUP BY %s, x%d HAVING sum(_sign) <> 0", place > 0 ? "\nUNION ALL " : "", i, place, keys,
						 DistinctColumns(plan, i, images), images, i, keys, i);
		place++;
	}
	SqlExecFormat(NULL, "CREATE UNLOGGED TABLE %s AS SELECT row_number() OVER () AS id, v.* FROM (%s) v", values, sql.data);
	SqlExecFormat(NULL, "ANALYZE %s (%s)", values, keys);
}

/*
 * SELECT of how many different values each group gets and loses, for UNION ALL: a value
 * is new if all rows that the table has of it, which the parameters tell, are more than it had;
 * it is gone if there are none left.
 */
static char *
ValueMoves(const SumPlan *plan, const char *values)
{
	return psprintf("\nUNION ALL SELECT %s, 0%s, %s OR coalesce(m.c, 0) < greatest(p.d, 0)"
					" FROM %s p LEFT JOIN unnest($1, $2) m (id, c) ON m.id = p.id", Numbered(", ", plan->keys, "p.k@"),
					SumColumns(plan, ", 0", ", 0, 0",
							   ", CASE WHEN p.number = @ THEN (coalesce(m.c, 0) > 0)::int - (coalesce(m.c, 0) > p.d)::int ELSE 0 END"),
					Numbered(" OR ", plan->keys, "p.k@ IS NULL"), values);
}

/* "w.k1 = r.k1 AND w.k2 = r.k2" */
static char *
SameKeys(const SumPlan *plan)
{
	return Numbered(" AND ", plan->keys, "w.k@ = r.k@");
}

/* Counts the rows that the table has of these values, among those of their groups. */
static bool
CountRows(const SumPlan *plan, const char *values, SqlParams *counts)
{
	char	   *keys = Numbered(", ", plan->keys, "k@");
	char	   *known = Numbered(" AND ", plan->keys, "k@ IS NOT NULL");

	return CountValues(plan->keys,
					   psprintf("SELECT id, place, %s%s FROM %s WHERE %s", keys, DistinctColumns(plan, 0, NULL), values, known),
					   psprintf("SELECT r.* FROM (%s) r JOIN (SELECT DISTINCT %s FROM %s WHERE %s) w ON %s",
								GroupedRows(plan, false, NULL, NULL), keys, values, known, SameKeys(plan)), counts);
}

/* Has any group a sum that cannot be told from what changed, or that cannot be? */
static bool
IsUntold(const SumPlan *plan, const char *staging)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, plan->sums)
	{
		int			i = foreach_current_index(lc) + 1;
		SumKind		kind = ((Sum *) lfirst(lc))->kind;

		if (kind == SUM_COUNT || kind == SUM_DISTINCT)
			appendStringInfo(&sql, " OR a%d NOT BETWEEN 0 AND n", i);
		else
			appendStringInfo(&sql, " OR b%d NOT BETWEEN 0 AND n OR a%d IN ('NaN', 'Infinity', '-Infinity')", i, i);
		if (kind == SUM_AVERAGE)
			appendStringInfo(&sql, " OR (b%d > 0 AND a%d / b%d <> trim_scale(a%d) / b%d)", i, i, i, i, i);
	}
	return SqlBigint(psprintf("SELECT count(*) FROM (SELECT FROM %s g WHERE _again OR n < 0%s LIMIT 1) u",
							  MovedSums(plan, staging), sql.data), NULL, 0) > 0;
}

/* Makes the table of what is done to the sums, from images and values, which the parameters tell of. */
static void
StageMoves(const SumPlan *plan, const char *images, const char *value_moves, const SqlParams *counts, const char *staging)
{
	char	   *keys = Numbered(", ", plan->keys, "k@");

	SqlExecFormat(counts, "CREATE UNLOGGED TABLE %s AS SELECT %s AS _key, g.* FROM (SELECT %s, sum(n)::bigint AS n%s,"
				  " bool_or(_again) AS _again FROM (SELECT %s, sum(_sign) AS n%s, false AS _again FROM %s i GROUP BY %s%s) c"
				  " GROUP BY %s) g", staging, KeyHash(plan), keys,
				  SumColumns(plan, ", sum(a@)::bigint AS a@", ", sum(a@) AS a@, sum(b@)::bigint AS b@", ", sum(a@)::bigint AS a@"),
				  keys,
				  SumColumns(plan, ", coalesce(sum(_sign) FILTER (WHERE x@ IS NOT NULL), 0) AS a@",
							 ", coalesce(sum(_sign * x@::numeric), 0) AS a@, coalesce(sum(_sign) FILTER (WHERE x@ IS NOT NULL), 0) AS b@",
							 ", 0 AS a@"),
				  images, keys, value_moves, keys);
	SqlExecFormat(NULL, "ANALYZE %s (_key, %s)", staging, keys);
}

bool
StageSumChanges(const SumPlan *plan, const PendingChanges *changes, const char *staging)
{
	char	   *images = ScratchName(plan, "_images_");
	char	   *values = ScratchName(plan, "_values_");
	SqlParams	counts = {0};
	bool		counted;

	if (plan->distinct == 0)
	{
		StageMoves(plan, psprintf("(%s)", SignedImages(plan, changes)), "", NULL, staging);
		return !IsUntold(plan, staging);
	}
	SqlExecFormat(NULL, "CREATE UNLOGGED TABLE %s AS %s", images, SignedImages(plan, changes));
	StageValues(plan, images, values);
	counted = CountRows(plan, values, &counts);
	if (counted)
		StageMoves(plan, images, ValueMoves(plan, values), &counts, staging);
	SqlExecFormat(NULL, "DROP TABLE %s, %s", images, values);
	return counted && !IsUntold(plan, staging);
}

void
ApplySumChanges(const SumPlan *plan, const char *staging)
{
	char	   *name = SumsName(plan->model);

	SqlExecFormat(NULL, "UPDATE %s s SET n = s.n + h.n%s FROM %s h WHERE s._key = h._key AND (h.n <> 0%s)", name,
				  SumColumns(plan, ", a@ = s.a@ + h.a@", ", a@ = s.a@ + h.a@, b@ = s.b@ + h.b@", ", a@ = s.a@ + h.a@"),
				  staging, SumColumns(plan, " OR h.a@ <> 0", " OR h.a@ <> 0 OR h.b@ <> 0", " OR h.a@ <> 0"));
	SqlExecFormat(NULL, "INSERT INTO %s (_key, %s, n%s) SELECT _key, %s, n%s FROM %s h WHERE n > 0"
				  " AND NOT EXISTS (SELECT FROM %s s WHERE s._key = h._key)", name, Numbered(", ", plan->keys, "k@"),
				  SumColumns(plan, ", a@", ", a@, b@", ", a@"), Numbered(", ", plan->keys, "k@"),
				  SumColumns(plan, ", a@", ", a@, b@", ", a@"), staging, name);
	SqlExecFormat(NULL, "DELETE FROM %s s USING %s h WHERE s._key = h._key AND s.n = 0", name, staging);
}
