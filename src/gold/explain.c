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

static char *KeyColumn(const QueryLevel *level, const GroupKey *key, Oid *table);

/* The table and its column that a column of a place stands for; NULL: none. */
static char *
BaseColumn(const TracedPlace *traced, AttrNumber attno, Oid *table)
{
	ListCell   *lc;

	if (traced->below == NULL)
	{
		*table = traced->table;
		return get_attname(traced->table, attno, true);
	}
	foreach(lc, traced->below->keys)
		if (((GroupKey *) lfirst(lc))->number == attno)
			return KeyColumn(traced->below, lfirst(lc), table);
	return NULL;
}

/* Likewise of a key. */
static char *
KeyColumn(const QueryLevel *level, const GroupKey *key, Oid *table)
{
	ListCell   *lc;

	foreach(lc, level->traced)
	{
		TracedPlace *traced = lfirst(lc);

		if (IsA(key->expr, Var) && ((Var *) key->expr)->varno == traced->place)
			return BaseColumn(traced, ((Var *) key->expr)->varattno, table);
	}
	return NULL;
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
IndexAdvice(const GroupPlan *plan, Oid table)
{
	ListCell   *lc;
	char	   *wanted = NULL;

	foreach(lc, plan->top->keys)
	{
		Oid			found = InvalidOid;
		char	   *column = KeyColumn(plan->top, lfirst(lc), &found);

		if (column == NULL || found != table)
			continue;
		if (HasIndex(table, column))
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

	foreach(lc, TracedTables(plan->top))
	{
		Oid			table = lfirst_oid(lc);
		char	   *advice = plan->why_full == NULL ? IndexAdvice(plan, table) : NULL;

		if (WhyWhole(plan, table) == NULL)
			Say(result, "input", TableText(table),
				advice ? psprintf("changes are traced to keys; %s", advice) : "changes are traced to keys");
	}
	foreach(lc, plan->whole)
	{
		WholeTable *whole = lfirst(lc);

		Say(result, "input", TableText(whole->table), psprintf("a change asks for a full refresh: %s", whole->why));
	}
	foreach(lc, plan->unwatched)
		Say(result, "unwatched", NULL, lfirst(lc));
}

/* What is to be said of the keys. */
static void
SayKeys(ReturnSetInfo *result, const GroupPlan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->top->keys)
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
