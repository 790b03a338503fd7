/*
 * provenance.c
 *	  medallion.query_inputs(): the statement that finds the rows which a row
 *	  of a query's result was made of.
 *
 *	  SELECT a, sum(b) FROM t JOIN s ... WHERE ... GROUP BY a
 *	      -> SELECT a AS k1, to_jsonb(t.*) AS r1, to_jsonb(s.*) AS r2 FROM t JOIN s ... WHERE ...
 *
 * Grouping, DISTINCT, HAVING, ORDER BY and LIMIT go; of the result's columns
 * those stay, as k1, k2, ..., that do not come about by aggregates or windows:
 * by them the caller picks the row.  Each table, view, subquery and CTE that
 * is joined gives its rows as r1, r2, ...; for subqueries and CTEs the result
 * has their own query, to go on with.
 */
#include "base/compat.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
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
#include "utils/fmgroids.h"
#include "utils/ruleutils.h"

PG_FUNCTION_INFO_V1(medallion_query_inputs);
PG_FUNCTION_INFO_V1(medallion_as_owner);
PG_FUNCTION_INFO_V1(medallion_rows_as_owner);

/* One row of the result. */
static void
PutInput(ReturnSetInfo *result, int place, Oid relation, const char *query, List *columns, List *types)
{
	Datum		values[5];
	bool		nulls[5] = {0};

	values[0] = Int32GetDatum(place);
	nulls[1] = !OidIsValid(relation);
	values[1] = ObjectIdGetDatum(relation);
	nulls[2] = query == NULL;
	values[2] = query ? CStringGetTextDatum(query) : (Datum) 0;
	values[3] = ListToTextArray(columns);
	values[4] = ListToTextArray(types);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The range table entries that are joined. */
static bool
CollectJoined(Node *node, List **joined)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblRef))
	{
		*joined = lappend_int(*joined, ((RangeTblRef *) node)->rtindex);
		return false;
	}
	if (IsA(node, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) node)->fromlist)
			CollectJoined(lfirst(lc), joined);
	}
	else if (IsA(node, JoinExpr))
	{
		CollectJoined(((JoinExpr *) node)->larg, joined);
		CollectJoined(((JoinExpr *) node)->rarg, joined);
	}
	return false;
}

/* The text of a query below another, able to stand alone: it takes the CTEs
 * that it may refer to with it.  NULL where it cannot. */
static char *
StandAlone(const Query *below, const Query *above)
{
	Query	   *query = copyObject((Query *) below);

	if (contain_vars_of_level((Node *) query, 1))
		return NULL;			/* LATERAL */
	IncrementVarSublevelsUp((Node *) query, -1, 1);
	query->cteList = list_concat(copyObject(above->cteList), query->cteList);
	return pg_get_querydef(query, false);
}

/* The query of an entry that is one, or NULL. */
static char *
EntryQuery(const Query *query, const RangeTblEntry *rte)
{
	ListCell   *lc;

	if (rte->rtekind == RTE_SUBQUERY)
		return StandAlone(rte->subquery, query);
	if (rte->rtekind != RTE_CTE || rte->ctelevelsup > 0 || rte->self_reference)
		return NULL;
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst(lc);

		if (strcmp(cte->ctename, rte->ctename) == 0 && !cte->cterecursive)
			return StandAlone((Query *) cte->ctequery, query);
	}
	return NULL;
}

/* to_jsonb(entry.*) AS r<n> */
static TargetEntry *
RowTarget(RangeTblEntry *rte, int rtindex, int resno, int place)
{
	Var		   *row = makeWholeRowVar(rte, rtindex, 0, true);
	FuncExpr   *json = makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(row), InvalidOid, InvalidOid,
									COERCE_EXPLICIT_CALL);

	return makeTargetEntry((Expr *) json, resno, psprintf("r%d", place), false);
}

/* The columns that the result can be picked by, as k1, k2, ... */
static List *
KeyTargets(const Query *query, List **columns, List **types)
{
	List	   *targets = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);
		Node	   *expr = (Node *) entry->expr;

		if (entry->resjunk || contain_aggs_of_level(expr, 0) || contain_windowfuncs(expr) || expression_returns_set(expr))
			continue;
		*columns = lappend(*columns, entry->resname);
		*types = lappend(*types, format_type_with_typemod(exprType(expr), exprTypmod(expr)));
		targets = lappend(targets, makeTargetEntry(entry->expr, list_length(targets) + 1,
												   psprintf("k%d", list_length(targets) + 1), false));
	}
	return targets;
}

/* What makes a query's result less or other than the rows that it joins. */
static void
DropGrouping(Query *query)
{
	query->groupClause = query->groupingSets = query->windowClause = NIL;
	query->distinctClause = query->sortClause = query->rowMarks = NIL;
	query->havingQual = query->limitCount = query->limitOffset = NULL;
	query->hasAggs = query->hasWindowFuncs = query->hasDistinctOn = query->hasTargetSRFs = false;
}

/* A query that joins: its statement, then what it joins. */
static void
PutJoin(ReturnSetInfo *result, Query *query)
{
	List	   *joined = NIL;
	List	   *columns = NIL;
	List	   *types = NIL;
	List	   *targets;
	ListCell   *lc;
	int			place = 0;

	FlattenGroupEntry(query);
	targets = KeyTargets(query, &columns, &types);
	CollectJoined((Node *) query->jointree, &joined);
	foreach(lc, joined)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), query->rtable);

		if (rte->rtekind != RTE_RELATION && rte->rtekind != RTE_SUBQUERY && rte->rtekind != RTE_CTE)
			continue;
		PutInput(result, ++place, rte->rtekind == RTE_RELATION ? rte->relid : InvalidOid,
				 rte->rtekind == RTE_RELATION ? NULL : EntryQuery(query, rte), NIL, NIL);
		targets = lappend(targets, RowTarget(rte, lfirst_int(lc), list_length(targets) + 1, place));
	}
	DropGrouping(query);
	query->targetList = targets;
	PutInput(result, 0, InvalidOid, place > 0 ? pg_get_querydef(query, false) : NULL, columns, types);
}

/* A set operation: the queries that it puts together, and their columns. */
static void
PutSetOperation(ReturnSetInfo *result, const Query *query)
{
	List	   *columns = NIL;
	int			place = 0;
	ListCell   *lc;

	foreach(lc, query->targetList)
		columns = lappend(columns, ((TargetEntry *) lfirst(lc))->resname);
	PutInput(result, 0, InvalidOid, NULL, columns, NIL);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		List	   *names = NIL;
		ListCell   *tc;

		if (rte->rtekind != RTE_SUBQUERY)
			continue;
		foreach(tc, rte->subquery->targetList)
		{
			if (!((TargetEntry *) lfirst(tc))->resjunk)
				names = lappend(names, ((TargetEntry *) lfirst(tc))->resname);
		}
		PutInput(result, ++place, InvalidOid, StandAlone(rte->subquery, query), names, NIL);
	}
}

/* query_inputs(query text) */
Datum
medallion_query_inputs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nest_level = PinSettings();
	char	   *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	List	   *statements = raw_parser(sql, RAW_PARSE_DEFAULT);
	Query	   *query;

	if (list_length(statements) != 1 || !IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query_inputs() takes one SELECT")));
	query = parse_analyze_fixedparams(linitial(statements), sql, NULL, 0, NULL);
	if (query->commandType != CMD_SELECT || query->utilityStmt != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query_inputs() takes no SELECT INTO")));
	InitMaterializedSRF(fcinfo, 0);
	if (query->setOperations != NULL)
		PutSetOperation(result, query);
	else
		PutJoin(result, query);
	UnpinSettings(nest_level);
	return (Datum) 0;
}

/* Becomes the owner, if the caller may act for that role. */
static void
AsOwner(SavedIdentity *saved, Oid owner)
{
	AsRole(saved, has_privs_of_role(GetUserId(), owner) ? owner : GetUserId());
}

/* as_owner(owner, query, keys): a model's query runs its owner's functions, and
 * a statement on his table his triggers; who may act for the owner does so
 * here, rather than run them as himself. */
Datum
medallion_as_owner(PG_FUNCTION_ARGS)
{
	int			nest_level;
	Oid			owner;
	SavedIdentity saved;
	SqlParams	params = {0};
	bool		isnull;
	Datum		rows;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	nest_level = PinSettings();
	owner = PG_GETARG_OID(0);
	if (PG_ARGISNULL(2))
		ParamNull(&params, JSONBARRAYOID);
	else
		ParamDatum(&params, JSONBARRAYOID, PG_GETARG_DATUM(2));
	AsOwner(&saved, owner);
	rows = SqlScalar(text_to_cstring(PG_GETARG_TEXT_PP(1)), &params, &isnull);
	EndAs(&saved);
	UnpinSettings(nest_level);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(rows);
}

/* rows_as_owner(owner, query): a table's rows as json run the casts of their types. */
Datum
medallion_rows_as_owner(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	DestReceiver *receiver = CreateTuplestoreDestReceiver();
	int			nest_level = PinSettings();
	SavedIdentity saved;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SetTuplestoreDestReceiverParams(receiver, result->setResult, result->econtext->ecxt_per_query_memory, false, NULL, NULL);
	AsOwner(&saved, PG_GETARG_OID(0));
	SqlStream(text_to_cstring(PG_GETARG_TEXT_PP(1)), NULL, receiver);
	EndAs(&saved);
	receiver->rDestroy(receiver);
	UnpinSettings(nest_level);
	return (Datum) 0;
}
