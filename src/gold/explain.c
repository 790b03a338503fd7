/*
 * explain.c
 *	  explain_model(): how a model is refreshed, and why not otherwise.
 */
#include "base/compat.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "gold/partial.h"
#include "gold/target.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

/* Adds a row: what, of which object, and what there is to say. */
static void
Say(ReturnSetInfo *result, const char *what, const char *object, const char *detail)
{
	Datum		values[3] = {CStringGetTextDatum(what), (Datum) 0, (Datum) 0};
	bool		nulls[3] = {false, object == NULL, detail == NULL};

	if (object != NULL)
		values[1] = CStringGetTextDatum(object);
	if (detail != NULL)
		values[2] = CStringGetTextDatum(detail);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* schema.table */
static char *
TableText(Oid table)
{
	SqlParams	params = {0};

	ParamDatum(&params, REGCLASSOID, ObjectIdGetDatum(table));
	return RowText(SqlFetch("SELECT $1", &params), 0, 1);
}

/* The column of a traced table that a column of its place stands for, or NULL. */
static char *
BaseColumn(Query *query, List *path, AttrNumber attno)
{
	RangeTblEntry *rte = rt_fetch(linitial_int(path), query->rtable);
	Query	   *subquery;
	TargetEntry *entry;
	Node	   *expr;

	if (list_length(path) == 1)
		return get_attname(rte->relid, attno, true);
	subquery = SubqueryOf(rte);
	entry = list_nth(subquery->targetList, attno - 1);
	expr = flatten_aliases(subquery, (Node *) entry->expr);
	if (!IsA(expr, Var) || ((Var *) expr)->varno != list_nth_int(path, 1))
		return NULL;
	return BaseColumn(subquery, list_copy_tail(path, 1), ((Var *) expr)->varattno);
}

/* Is there an index that starts with this column? */
static bool
HasIndex(Oid table, const char *column)
{
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	ParamText(&params, column);
	return SqlFetch("SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = $1 AND a.attnum = i.indkey[0]"
					" WHERE i.indrelid = $1 AND a.attname = $2 AND i.indpred IS NULL AND i.indisvalid", &params)->count > 0;
}

/* By which columns of a table its rows of some keys could be found. */
static char *
IndexAdvice(const GroupPlan *plan, const TracedTable *traced)
{
	ListCell   *lc;
	char	   *wanted = NULL;

	foreach(lc, plan->keys)
	{
		Node	   *expr = (Node *) ((GroupKey *) lfirst(lc))->expr;
		char	   *column;

		if (!IsA(expr, Var) || ((Var *) expr)->varno != linitial_int(traced->path))
			continue;
		column = BaseColumn(plan->query, traced->path, ((Var *) expr)->varattno);
		if (column == NULL)
			continue;
		if (HasIndex(traced->table, column))
			return psprintf("rows of a key are found by the index on %s", quote_identifier(column));
		wanted = wanted ? wanted : column;
	}
	if (wanted != NULL)
		return psprintf("rows of a key are found by a scan; an index on %s would spare it", quote_identifier(wanted));
	return NULL;
}

/* What is to be said of the tables that the model reads. */
static void
SayInputs(ReturnSetInfo *result, const GroupPlan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->traced)
	{
		TracedTable *traced = lfirst(lc);
		char	   *advice = plan->why_full == NULL ? IndexAdvice(plan, traced) : NULL;

		if (!list_member_oid(plan->whole, traced->table))
			Say(result, "input", TableText(traced->table),
				advice ? psprintf("changes are traced to keys; %s", advice) : "changes are traced to keys");
	}
	foreach(lc, plan->whole)
		Say(result, "input", TableText(lfirst_oid(lc)), "a change asks for a full refresh");
	foreach(lc, plan->unwatched)
		Say(result, "unwatched", NULL, lfirst(lc));
}

/* What is to be said of the keys. */
static void
SayKeys(ReturnSetInfo *result, const GroupPlan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->keys)
	{
		GroupKey   *key = lfirst(lc);

		Say(result, "key", key->column, format_type_be(key->type));
	}
}

/* What the next refresh would do. */
static void
SayNext(ReturnSetInfo *result, const Model *model)
{
	static const char *const ways[] = {"full", "incremental", "append", "nothing to do"};	/* as RefreshWay */
	RefreshPlan *plan = PlanRefresh(model, model->refresh);
	ListCell   *lc;

	foreach(lc, plan->changes)
	{
		PendingChanges *changes = lfirst(lc);

		Say(result, "changed", TableText(changes->table),
			psprintf(INT64_FORMAT " row images in %d statements", changes->rows, list_length(changes->batches)));
	}
	Say(result, "next", ways[plan->way], plan->why);
}

PG_FUNCTION_INFO_V1(medallion_explain_model);

/* explain_model(name): how a model is refreshed, and why not otherwise. */
Datum
medallion_explain_model(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nest_level = PinSettings();
	Model	   *model = FindOwnModel(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SavedIdentity saved;
	GroupPlan  *plan;
	bool		append = model->refresh == REFRESH_APPEND;

	InitMaterializedSRF(fcinfo, 0);
	AsModelOwner(&saved, model);
	plan = PlanGroups(model, OidIsValid(ViewOid(model)) ? ViewDefinition(ViewOid(model)) : model->query);
	if (model->is_view)
		Say(result, "refresh", "view", "computed when it is read");
	else if (model->refresh == REFRESH_FULL)
		Say(result, "refresh", "full", "its options say so");
	else if (append)
		Say(result, "refresh", plan->why_not_append ? "full" : "append", plan->why_not_append);
	else
		Say(result, "refresh", plan->why_full ? "full" : "incremental", plan->why_full);
	if (!model->is_view)
	{
		SayKeys(result, plan);
		SayInputs(result, plan);
		if (OidIsValid(TargetOid(model)))
			SayNext(result, model);
	}
	EndAs(&saved);
	UnpinSettings(nest_level);
	return (Datum) 0;
}
