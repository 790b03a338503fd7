/*
 * steady.c
 *	  Does a query say the same each time, while its tables stay as they are?
 *
 * What its text, the clock, chance or the order of rows could make different
 * from one moment to the next is never refreshed in part.
 */
#include "base/compat.h"

#include "gold/steady.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "gold/tree.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

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

char *
WhyUnsteady(Query *query)
{
	char	   *why = NULL;

	FindUnsteady((Node *) query, &why);
	return why;
}
