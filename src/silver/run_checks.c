/*
 * run_checks.c
 *	  medallion.run_checks(): checks on any relation of any user.
 *
 * The kinds are those of features, their predicates asked where a feature has
 * flags.  Checks of rows take one scan, those of the whole table another.
 */
#include "base/compat.h"

#include "access/relation.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "silver/checks.h"
#include "silver/verdict.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(medallion_run_checks);
PG_FUNCTION_INFO_V1(medallion_judge_checks);

/* The columns of a relation as a shape's. */
static void
TakeColumns(SilverShape *shape, Oid oid)
{
	Relation	relation = relation_open(oid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		SilverColumn *column;

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		column = palloc0(sizeof(SilverColumn));
		column->name = pstrdup(NameStr(TupleDescAttr(desc, i)->attname));
		shape->columns = lappend(shape->columns, column);
	}
	relation_close(relation, NoLock);
}

/* SQL: where a row d is, as jsonb: its primary key, its ctid, or else the whole row. */
static char *
RowAddress(Oid oid)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	char		kind = get_rel_relkind(oid);

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(oid));
	rows = SqlFetch("SELECT 'jsonb_build_object(' || string_agg(format('%L, d.%I', a.attname, a.attname), ', ' ORDER BY a.attnum) || ')'"
					" FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
					" WHERE i.indrelid = $1 AND i.indisprimary", &params);
	if (!RowIsNull(rows, 0, 1))
		return RowText(rows, 0, 1);
	if (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW)
		return "jsonb_build_object('ctid', d.ctid)";
	return "to_jsonb(d)";
}

/* Whose history a measurement goes into: that by which a model is judged is its
 * owner's to make, who may only read the table has one of his own. */
static char *
MeasuredBy(Oid oid)
{
	Relation	relation = relation_open(oid, AccessShareLock);
	bool		own = has_privs_of_role(GetUserId(), relation->rd_rel->relowner);

	relation_close(relation, NoLock);
	return own ? "run_checks" : psprintf("run_checks by %s", GetUserNameFromId(GetUserId(), false));
}

/* Gives checks without a name that of their kind. */
static void
NameChecks(List *defs)
{
	ListCell   *lc;

	foreach(lc, defs)
	{
		CheckDef   *def = lfirst(lc);

		if (def->name == NULL)
			def->name = pstrdup(def->kind->name);
	}
}

/* The verdicts of checks on any relation. */
static List *
JudgeRelation(Oid relid, Jsonb *checks)
{
	SilverShape *shape = palloc0(sizeof(SilverShape));
	List	   *defs = ParseCheckDefs(checks);
	JudgedRows	rows = {.condition = "true"};
	List	   *outcomes;

	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no relation with oid %u", relid)));
	shape->table = QualifiedName(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
	shape->measured_by = MeasuredBy(relid);
	TakeColumns(shape, relid);
	NameChecks(defs);
	AddChecks(shape, defs);
	rows.address = RowAddress(relid);
	rows.from = psprintf("%s d%s", shape->table, CheckJoins(shape->set_checks));
	outcomes = JudgeRows(NIL, list_concat_copy(shape->checks, shape->set_checks), &rows);
	return JudgeTable(outcomes, shape->table_checks, shape, 0);
}

/* One row of the result; run_checks() has all but the last column. */
static void
PutOutcome(ReturnSetInfo *result, const CheckOutcome *outcome)
{
	char	   *details = outcome->details ? outcome->details :
		psprintf("{\"samples\": %s}", outcome->samples);
	Datum		values[8] = {0};
	bool		nulls[8] = {0};

	values[0] = CStringGetTextDatum(outcome->name);
	values[1] = CStringGetTextDatum(outcome->kind);
	nulls[2] = outcome->column == NULL;
	if (outcome->column != NULL)
		values[2] = CStringGetTextDatum(outcome->column);
	values[3] = CStringGetTextDatum(outcome->status);
	values[4] = Int64GetDatum(outcome->checked);
	values[5] = Int64GetDatum(outcome->affected);
	values[6] = DirectFunctionCall1(jsonb_in, CStringGetDatum(details));
	values[7] = BoolGetDatum(outcome->fails);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* A row per check and column; or an error, for one that fails. */
static Datum
PutOutcomes(FunctionCallInfo fcinfo, bool raises)
{
	int			nest_level = PinSettings();
	List	   *outcomes;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	outcomes = JudgeRelation(PG_GETARG_OID(0), PG_GETARG_JSONB_P(1));
	if (raises)
		RaiseFailedCheck(outcomes);
	foreach(lc, outcomes)
		PutOutcome((ReturnSetInfo *) fcinfo->resultinfo, lfirst(lc));
	UnpinSettings(nest_level);
	return (Datum) 0;
}

/* medallion.run_checks(tbl, checks) */
Datum
medallion_run_checks(PG_FUNCTION_ARGS)
{
	return PutOutcomes(fcinfo, true);
}

/* medallion.judge_checks(tbl, checks): the same, for who has more to do before he raises. */
Datum
medallion_judge_checks(PG_FUNCTION_ARGS)
{
	return PutOutcomes(fcinfo, false);
}
