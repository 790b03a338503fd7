/*
 * verdict.c
 *	  What checks found: flags set, rows counted, verdicts.
 */
#include "base/compat.h"

#include "silver/verdict.h"

#include "access/relation.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "parser/parse_type.h"
#include "silver/checks.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#define SAMPLES 5				/* addresses kept per check and run */

#define BRONZE_ADDRESS "jsonb_build_object('file_id', d._file_id, 'sheet', d._sheet, 'row', d._row)"
#define BRONZE_ORDER "d._file_id, d._sheet COLLATE \"C\", d._row"

/*
 * Sets the flags of set checks anew, where they are not right: all of them in
 * one statement.
 *
 * Such a flag is a property of what is current: a duplicate is flagged while
 * another current row agrees with it, whichever came first and however they
 * were batched.
 */
void
FlagSets(const SilverShape *shape)
{
	StringInfoData judged;
	StringInfoData have;
	StringInfoData set;
	char	   *table = CheckedTable(shape);
	const char *condition = CheckedCondition(shape);
	ListCell   *lc;

	if (shape->set_checks == NIL)
		return;
	initStringInfo(&judged);
	initStringInfo(&have);
	initStringInfo(&set);
	foreach(lc, shape->set_checks)
	{
		RowCheck   *check = lfirst(lc);
		const char *comma = set.len > 0 ? ", " : "";
		const char *flag = quote_identifier(check->flag);

		appendStringInfo(&judged, ", (%s) IS TRUE AS %s, d.%s AS _had_%d", check->predicate, flag, flag,
						 foreach_current_index(lc));
		appendStringInfo(&have, "%sj.%s <> j._had_%d", have.len > 0 ? " OR " : "", flag, foreach_current_index(lc));
		appendStringInfo(&set, "%s%s = w.%s", comma, flag, flag);
	}
	SqlExecFormat(NULL, "WITH wrong AS MATERIALIZED (SELECT * FROM (SELECT d._file_id, d._sheet, d._row%s\n FROM %s d%s\n WHERE %s) j"
				  " WHERE %s)\nUPDATE %s d SET %s FROM wrong w WHERE d._file_id = w._file_id"
				  " AND d._sheet = w._sheet AND d._row = w._row AND %s",
				  judged.data, table, CheckJoins(shape->set_checks), condition, have.data, table, set.data, condition);
}

/* PASSED, WARNING or FAILED, by numbers and shares of rows. */
static const char *
Verdict(const CheckDef *def, int64 affected, int64 checked)
{
	double		share = checked > 0 ? (double) affected / checked : 0;

	if (affected == 0)
		return "PASSED";
	if ((def->error_if >= 0 && share >= def->error_if) ||
		(def->error_count >= 0 && affected >= def->error_count))
		return "FAILED";
	if ((def->warn_if >= 0 && share >= def->warn_if) ||
		(def->warn_count >= 0 && affected >= def->warn_count))
		return "WARNING";
	return "PASSED";
}

/* Is the row at fault, as SQL? */
static char *
Truth(const RowCheck *check, const JudgedRows *rows)
{
	return rows->by_flag ? psprintf("d.%s", quote_identifier(check->flag)) :
		FaultExpression(check, check->predicate);
}

/* Addresses of some failing rows, as a json array. */
static char *
SampleAddresses(const JudgedRows *rows, const char *truth)
{
	SqlRows    *samples = SqlFetch(psprintf("SELECT coalesce(jsonb_agg(address), '[]')::text FROM"
											" (SELECT %s AS address FROM %s WHERE (%s) AND %s%s%s LIMIT %d) s",
											rows->address, rows->from, rows->condition, truth,
											rows->order ? " ORDER BY " : "", rows->order ? rows->order : "", SAMPLES), NULL);

	return RowText(samples, 0, 1);
}

/* Is what was judged not to stay: has the check failed by its threshold, or where it has none at all? */
static bool
Fails(const CheckDef *def, const char *status)
{
	bool		has_error = def->error_if >= 0 || def->error_count >= 0;

	if (def->action != ACTION_FAIL)
		return false;
	return has_error ? strcmp(status, "FAILED") == 0 : strcmp(status, "PASSED") != 0;
}

CheckOutcome *
FailingCheck(List *outcomes)
{
	ListCell   *lc;

	foreach(lc, outcomes)
	{
		CheckOutcome *outcome = lfirst(lc);

		if (outcome->fails)
			return outcome;
	}
	return NULL;
}

void
RaiseFailedCheck(List *outcomes)
{
	const CheckOutcome *outcome = FailingCheck(outcomes);

	if (outcome == NULL)
		return;
	if (outcome->details != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("check \"%s\" failed", outcome->name),
				 errdetail("%s", outcome->details)));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("check \"%s\" failed for " INT64_FORMAT " of " INT64_FORMAT " rows",
					outcome->name, outcome->affected, outcome->checked),
			 errdetail("First of them: %s", outcome->samples)));
}

static CheckOutcome *
NewOutcome(const RowCheck *check, int64 affected, int64 checked)
{
	CheckOutcome *outcome = palloc0(sizeof(CheckOutcome));

	outcome->name = check->def->name;
	outcome->kind = unconstify(char *, check->def->kind->name);
	outcome->action = CheckActionName(check->def->action);
	outcome->column = check->columns ? JoinColumns(check->columns, "") : NULL;
	outcome->checked = checked;
	outcome->affected = affected;
	outcome->status = Verdict(check->def, affected, checked);
	outcome->fails = Fails(check->def, outcome->status);
	outcome->samples = "[]";
	return outcome;
}

/* How many rows there are, and how many of them each check finds at fault; of clean rows the first alone. */
static SqlRows *
CountFaults(List *checks, const JudgedRows *rows)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT count(*)");
	foreach(lc, rows->clean ? NIL : checks)
		appendStringInfo(&sql, ", count(*) FILTER (WHERE %s)", Truth(lfirst(lc), rows));
	appendStringInfo(&sql, " FROM %s WHERE %s", rows->from, rows->condition);
	return SqlFetch(sql.data, NULL);
}

/* Adds the verdicts on rows, counted in one scan. */
List *
JudgeRows(List *outcomes, List *checks, const JudgedRows *rows)
{
	bool		known = rows->clean && rows->counted;
	SqlRows    *counts;
	ListCell   *lc;

	if (checks == NIL)
		return outcomes;
	counts = known ? NULL : CountFaults(checks, rows);
	foreach(lc, checks)
	{
		RowCheck   *check = lfirst(lc);
		int64		affected = rows->clean ? 0 : RowBigint(counts, 0, foreach_current_index(lc) + 2);
		CheckOutcome *outcome = NewOutcome(check, affected, known ? rows->count : RowBigint(counts, 0, 1));

		if (outcome->affected > 0)
			outcome->samples = SampleAddresses(rows, Truth(check, rows));
		outcomes = lappend(outcomes, outcome);
	}
	return outcomes;
}

/* Appends what a column is and what it should be, if that differs. */
static void
CompareColumn(StringInfo out, TupleDesc desc, const char *name, const char *type)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Oid			oid;
		int32		typmod;
		const char *have;

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), name) != 0)
			continue;
		if (type == NULL)
			return;
		parseTypeString(type, &oid, &typmod, false);
		have = format_type_with_typemod(attribute->atttypid, attribute->atttypmod);
		if (oid != attribute->atttypid || typmod != attribute->atttypmod)
			appendStringInfo(out, "%scolumn \"%s\" is %s, not %s", out->len > 0 ? "; " : "", name, have,
							 format_type_with_typemod(oid, typmod));
		return;
	}
	appendStringInfo(out, "%sthere is no column \"%s\"", out->len > 0 ? "; " : "", name);
}

/* What the table's columns have that the check does not expect; NULL if nothing. */
static char *
SchemaDifference(const SilverShape *shape, const CheckDef *def)
{
	SqlParams	params = {0};
	StringInfoData out;
	Relation	relation;
	List	   *names;
	List	   *types = NIL;
	JsonbValue	columns;
	bool		isnull;
	bool		exact = CheckParamText(def, "exact") != NULL && strcmp(CheckParamText(def, "exact"), "true") == 0;
	ListCell   *lc;

	initStringInfo(&out);
	getKeyJsonValueFromContainer(&def->params->root, "columns", 7, &columns);
	if (columns.type == jbvBinary && JsonContainerIsObject(columns.val.binary.data))
		JsonbObjectItems(JsonbValueToJsonb(&columns), &names, &types);
	else
		names = CheckParamList(def, "columns");
	ParamText(&params, CheckedTable(shape));
	relation = relation_open(DatumGetObjectId(SqlScalar("SELECT $1::regclass::oid", &params, &isnull)), AccessShareLock);
	foreach(lc, names)
		CompareColumn(&out, RelationGetDescr(relation), lfirst(lc), types ? list_nth(types, foreach_current_index(lc)) : NULL);
	relation_close(relation, NoLock);
	foreach(lc, exact ? shape->columns : NIL)
	{
		char	   *name = ((SilverColumn *) lfirst(lc))->name;

		if (!HasName(names, name))
			appendStringInfo(&out, "%scolumn \"%s\" is not expected", out.len > 0 ? "; " : "", name);
	}
	return out.len > 0 ? out.data : NULL;
}

/* Why a measured number is not acceptable; NULL if it is.  Notes it in the history. */
static char *
MeasureFault(const SilverShape *shape, const RowCheck *check, bool isnull, double value, int64 run_id)
{
	const char *kind = check->def->kind->name;
	SqlParams	params = {0};

	if (strcmp(kind, "schema") == 0)
		return SchemaDifference(shape, check->def);
	ParamText(&params, CheckedTable(shape));
	/* who may only read a table does not write the history of its feature */
	ParamText(&params, shape->feature ? check->def->name : psprintf("%s.%s", shape->measured_by, check->def->name));
	ParamText(&params, check->columns ? JoinColumns(check->columns, "") : "");
	if (isnull)
		ParamNull(&params, FLOAT8OID);
	else
		ParamDatum(&params, FLOAT8OID, Float8GetDatum(value));
	ParamJsonb(&params, check->def->params);
	ParamBigint(&params, run_id);
	if (strcmp(kind, "freshness") == 0)
		return RowText(CatalogFetch("SELECT CASE WHEN $4 IS NULL THEN 'there is no time to look at' WHEN"
									" $4 > extract(epoch FROM ($5->>'max_age')::interval) THEN"
									" 'the latest is ' || make_interval(secs => round($4)) || ' old, allowed are ' || ($5->>'max_age') END", &params), 0, 1);
	return RowText(CatalogFetch("SELECT medallion.judge_measurement($1, $2, $3, $4, $5, nullif($6, 0))", &params), 0, 1);
}

/* Why a distribution is not acceptable; NULL if it is.  value: how far it is from
 * that before, if there was one.  Notes both. */
static char *
DistanceFault(const SilverShape *shape, const RowCheck *check, Datum distribution, bool *isnull, double *value, int64 run_id)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	Datum		distance;

	ParamText(&params, CheckedTable(shape));
	ParamText(&params, shape->feature ? check->def->name : psprintf("%s.%s", shape->measured_by, check->def->name));
	ParamText(&params, JoinColumns(check->columns, ""));
	ParamJsonb(&params, *isnull ? NULL : DatumGetJsonbP(distribution));
	ParamJsonb(&params, check->def->params);
	ParamBigint(&params, run_id);
	rows = CatalogFetch("SELECT distance, fault FROM medallion.judge_distance($1, $2, $3, $4, $5, nullif($6, 0))", &params);
	distance = RowDatum(rows, 0, 1, isnull);
	*value = *isnull ? 0 : DatumGetFloat8(distance);
	return RowText(rows, 0, 2);
}

/* The outcome of one measure: a number, or a distribution. */
static CheckOutcome *
TableOutcome(const SilverShape *shape, const RowCheck *check, Oid type, Datum measured, bool isnull, int64 run_id)
{
	SqlParams	params = {0};
	CheckOutcome *outcome;
	SqlRows    *rows;
	double		value;
	char	   *fault;

	if (type == JSONBOID)
		fault = DistanceFault(shape, check, measured, &isnull, &value, run_id);
	else
	{
		value = isnull ? 0 : DatumGetFloat8(measured);
		fault = MeasureFault(shape, check, isnull, value, run_id);
	}
	outcome = NewOutcome(check, fault ? 1 : 0, 1);
	if (isnull)
		ParamNull(&params, FLOAT8OID);
	else
		ParamDatum(&params, FLOAT8OID, Float8GetDatum(value));
	ParamText(&params, fault);
	rows = CatalogFetch("SELECT jsonb_strip_nulls(jsonb_build_object('value', $1, 'reason', $2))::text", &params);
	outcome->details = RowText(rows, 0, 1);
	return outcome;
}

/* Adds the verdicts on the whole table, measured in one scan. */
List *
JudgeTable(List *outcomes, List *checks, const SilverShape *shape, int64 run_id)
{
	StringInfoData sql;
	SqlRows    *rows;
	ListCell   *lc;

	if (checks == NIL)
		return outcomes;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT count(*)");
	foreach(lc, checks)
		appendStringInfo(&sql, ", %s", ((RowCheck *) lfirst(lc))->measure);
	appendStringInfo(&sql, " FROM %s d WHERE %s", CheckedTable(shape), CheckedCondition(shape));
	rows = SqlFetch(sql.data, NULL);
	foreach(lc, checks)
	{
		RowCheck   *check = lfirst(lc);
		bool		isnull;
		Datum		value = RowDatum(rows, 0, foreach_current_index(lc) + 2, &isnull);
		Oid			type = TupleDescAttr(rows->desc, foreach_current_index(lc) + 1)->atttypid;

		outcomes = lappend(outcomes, TableOutcome(shape, check, type, value, isnull, run_id));
	}
	return outcomes;
}

/* Rows of one key and time that differ: one was chosen, which deserves a word. */
static List *
AddConflicts(List *outcomes, const JudgedRows *rows, const SilverOutcome *silver)
{
	CheckOutcome *outcome = palloc0(sizeof(CheckOutcome));

	outcome->name = outcome->kind = "conflict";
	outcome->action = "flag";
	outcome->checked = silver->rows_in;
	outcome->affected = silver->conflicts;
	outcome->status = silver->conflicts > 0 ? "WARNING" : "PASSED";
	outcome->samples = silver->conflicts > 0 ? SampleAddresses(rows, "d.dq_conflict_flag") : "[]";
	return lappend(outcomes, outcome);
}

/* Verdicts of a run: row checks over what it took in of files in force (what a
 * mended file said before is history, not news), all others over what is
 * current. */
List *
CountVerdicts(const SilverShape *shape, const char *stage, int64 run_id, const SilverOutcome *silver)
{
	JudgedRows	taken = {psprintf("%s d", stage), "d._event_until = 'infinity'", true, BRONZE_ADDRESS, BRONZE_ORDER};
	JudgedRows	current = {psprintf("%s d", CheckedTable(shape)), CheckedCondition(shape), true, BRONZE_ADDRESS, BRONZE_ORDER};
	JudgedRows	all = current;
	List	   *outcomes = NIL;

	taken.clean = silver->invalid == 0;
	taken.counted = silver->all_in_force;
	taken.count = silver->rows_in;
	if (!medallion_enable_data_quality_checks)
		return NIL;
	if (silver->rows_in > 0)
		outcomes = JudgeRows(outcomes, list_concat(CastChecks(shape), shape->checks), &taken);
	all.condition = "true";
	if (FeatureKeepsHistory(shape->feature))
		outcomes = AddConflicts(outcomes, &all, silver);
	outcomes = JudgeRows(outcomes, shape->set_checks, &current);
	return JudgeTable(outcomes, shape->table_checks, shape, run_id);
}

/* The verdicts that change while nothing does: how old the latest row is. */
List *
JudgeFreshness(const Feature *feature, int64 run_id)
{
	SqlParams	params = {0};
	SavedIdentity saved;
	SilverShape *shape;
	List	   *checks = NIL;
	List	   *outcomes;
	ListCell   *lc;

	ParamInt(&params, feature->id);
	if (!medallion_enable_data_quality_checks ||
		CatalogBigint("SELECT count(*) FROM medallion.checks WHERE feature_id = $1 AND kind = 'freshness'", &params, 0) == 0)
		return NIL;
	AsFeatureOwner(&saved, feature);
	shape = LoadSilverShape(feature);
	foreach(lc, shape->table_checks)
	{
		RowCheck   *check = lfirst(lc);

		if (strcmp(check->def->kind->name, "freshness") == 0)
			checks = lappend(checks, check);
	}
	outcomes = JudgeTable(NIL, checks, shape, run_id);
	EndAs(&saved);
	return outcomes;
}
