/*
 * checks.c
 *	  Data-quality checks: kinds, predicates, verdicts.
 *
 * A check never changes a value.  Its verdict on a row is a flag column of
 * silver; its verdict on a run is a row of etl_logs.data_quality_checks, by
 * the share of rows that fail.
 */
#include "base/compat.h"

#include "silver/checks.h"

#include "base/settings.h"
#include "base/sql.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#define SAMPLES 5				/* addresses kept per check and run */

/* The row of a check in the catalog. */
typedef struct CheckRow
{
	char	   *name;
	char	   *kind;
	List	   *columns;
	char	   *minimum;		/* SQL */
	char	   *maximum;		/* SQL */
	char	   *pattern;
	char	   *expression;
	char	   *values;			/* SQL, an array */
	bool		fails_run;
	double		warn_if;
	double		error_if;
} CheckRow;

typedef char *(*PredicateMaker) (const SilverShape *shape, const CheckRow *row, const char *column);

static char *
NullPredicate(const SilverShape *shape, const CheckRow *row, const char *column)
{
	return psprintf("d.%s IS NULL", quote_identifier(column));
}

static char *
RangePredicate(const SilverShape *shape, const CheckRow *row, const char *column)
{
	return psprintf("d.%s < %s OR d.%s > %s", quote_identifier(column), row->minimum ? row->minimum : "NULL",
					quote_identifier(column), row->maximum ? row->maximum : "NULL");
}

/* The list is a literal without a type: it takes the column's. */
static char *
AcceptedPredicate(const SilverShape *shape, const CheckRow *row, const char *column)
{
	return psprintf("NOT d.%s = ANY (%s)", quote_identifier(column), row->values);
}

static char *
PatternPredicate(const SilverShape *shape, const CheckRow *row, const char *column)
{
	return psprintf("d.%s::text !~ %s", quote_identifier(column),
					quote_literal_cstr(row->pattern ? row->pattern : ""));
}

static char *
ExpressionPredicate(const SilverShape *shape, const CheckRow *row, const char *column)
{
	return psprintf("NOT (%s\n)", row->expression ? row->expression : "true");
}

/* The condition of the split named credits, or false. */
static const char *
CreditCondition(const SilverShape *shape)
{
	List	   *names;
	List	   *conditions;
	ListCell   *nc;
	ListCell   *cc;

	JsonbObjectItems(shape->feature->options.split, &names, &conditions);
	forboth(nc, names, cc, conditions)
	{
		if (strcmp(lfirst(nc), "credits") == 0 && lfirst(cc) != NULL)
			return lfirst(cc);
	}
	return "false";
}

/* A negative amount on anything but a credit note. */
static char *
AmountPredicate(const SilverShape *shape, const CheckRow *row, const char *column)
{
	return psprintf("d.%s < 0 AND (%s\n) IS NOT TRUE", quote_identifier(column), CreditCondition(shape));
}

/* A positive amount on a credit note. */
static char *
CreditAmountPredicate(const SilverShape *shape, const CheckRow *row, const char *column)
{
	return psprintf("d.%s > 0 AND (%s\n) IS TRUE", quote_identifier(column), CreditCondition(shape));
}

/* The kinds of checks there are. */
static const struct
{
	CheckKind	kind;
	const char *flag;			/* word in the flag's name; NULL: the check's own name */
	PredicateMaker predicate;	/* NULL: not a matter of one row */
}			kinds[] =
{
	{{"not_null", "null_check", 0.01}, "null", NullPredicate},
	{{"duplicate", "duplicate_check", -1}, NULL, NULL},
	{{"amount", "amount_check", -1}, "amount", AmountPredicate},
	{{"credit_amount", "credit_amount_check", -1}, "credit_amount", CreditAmountPredicate},
	{{"range", "range_check", -1}, "range", RangePredicate},
	{{"accepted_values", "accepted_values_check", -1}, "accepted_values", AcceptedPredicate},
	{{"pattern", "pattern_check", -1}, "pattern", PatternPredicate},
	{{"expression", "expression_check", -1}, NULL, ExpressionPredicate},
};

/* The kind's place in the table; an alias serves as well. */
static int
KindIndex(const char *name)
{
	List	   *known = NIL;

	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].kind.name, name) == 0 || strcmp(kinds[i].kind.alias, name) == 0)
			return i;
		known = lappend(known, unconstify(char *, kinds[i].kind.name));
	}
	RaiseUnknownName("kind of check", name, known);
}

/* A kind by its name or alias; raises if there is none. */
const CheckKind *
FindCheckKind(const char *name)
{
	return &kinds[KindIndex(name)].kind;
}

/* Adds one check on one column (or on all of them) to the shape. */
static void
AddCheck(SilverShape *shape, const CheckRow *row, int kind, List *columns, const char *column)
{
	RowCheck   *check = palloc0(sizeof(RowCheck));

	check->name = row->name;
	check->kind = row->kind;
	check->columns = columns;
	check->fails_run = row->fails_run;
	check->warn_if = row->warn_if;
	check->error_if = row->error_if;
	if (kinds[kind].predicate == NULL)
	{
		check->flag = FlagName(shape, strcmp(row->name, "duplicate") == 0 ? "dq_duplicate_flag" :
							   psprintf("dq_duplicate_flag_%s", row->name));
		shape->duplicate_checks = lappend(shape->duplicate_checks, check);
		return;
	}
	check->flag = FlagName(shape, kinds[kind].flag ? psprintf("dq_%s_flag_%s", kinds[kind].flag, column) :
						   psprintf("dq_flag_%s", row->name));
	check->predicate = kinds[kind].predicate(shape, row, column);
	shape->checks = lappend(shape->checks, check);
}

/* Makes the checks of one catalog row: one per column, or one over all. */
static void
ExpandCheck(SilverShape *shape, const CheckRow *row)
{
	int			kind = KindIndex(row->kind);
	ListCell   *lc;

	foreach(lc, row->columns)
		RequireSilverColumn(shape, psprintf("column of check \"%s\":", row->name), lfirst(lc));
	if (kinds[kind].predicate == NULL || kinds[kind].flag == NULL)
	{
		AddCheck(shape, row, kind, row->columns, NULL);
		return;
	}
	foreach(lc, row->columns)
		AddCheck(shape, row, kind, list_make1(lfirst(lc)), lfirst(lc));
}

/* Fills the checks of a shape from the catalog. */
void
LoadChecks(SilverShape *shape)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	if (!medallion_enable_data_quality_checks)
		return;
	ParamInt(&params, shape->feature->id);
	/* a number stays a number, whatever the column's type; anything else is a
	 * literal that takes that type */
	rows = CatalogFetch("SELECT name, kind, columns,"
						" CASE jsonb_typeof(params->'min') WHEN 'number' THEN params->>'min'"
						" ELSE quote_literal(params->>'min') END,"
						" CASE jsonb_typeof(params->'max') WHEN 'number' THEN params->>'max'"
						" ELSE quote_literal(params->>'max') END,"
						" params->>'pattern', params->>'expression',"
						" quote_literal(ARRAY(SELECT jsonb_array_elements_text("
						"  CASE jsonb_typeof(params->'values') WHEN 'array' THEN params->'values' ELSE '[]' END))::text),"
						" action = 'fail', warn_if::text, error_if::text"
						" FROM medallion.checks WHERE feature_id = $1 ORDER BY name COLLATE \"C\"", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		CheckRow   *row = palloc0(sizeof(CheckRow));
		bool		isnull;

		row->name = RowText(rows, i, 1);
		row->kind = RowText(rows, i, 2);
		row->columns = TextArrayToList(RowDatum(rows, i, 3, &isnull));
		row->minimum = RowText(rows, i, 4);
		row->maximum = RowText(rows, i, 5);
		row->pattern = RowText(rows, i, 6);
		row->expression = RowText(rows, i, 7);
		row->values = RowText(rows, i, 8);
		row->fails_run = RowBool(rows, i, 9);
		row->warn_if = strtod(RowText(rows, i, 10), NULL);
		row->error_if = RowIsNull(rows, i, 11) ? -1 : strtod(RowText(rows, i, 11), NULL);
		ExpandCheck(shape, row);
	}
}

static char *
JoinColumns(List *columns, const char *prefix)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, columns)
		appendStringInfo(&sql, "%s%s%s", sql.len > 0 ? ", " : "", prefix,
						 prefix[0] ? quote_identifier(lfirst(lc)) : (char *) lfirst(lc));
	return sql.data;
}

/*
 * Sets the duplicate flags of current rows anew, where they are not right.
 *
 * A duplicate is a property of what is current: a row is flagged while another
 * current row agrees with it on the check's columns, whichever came first and
 * however they were batched.
 */
void
FlagDuplicates(const SilverShape *shape, const char *table)
{
	const char *current = CurrentCondition(shape->feature, "s.");
	ListCell   *lc;

	foreach(lc, shape->duplicate_checks)
	{
		RowCheck   *check = lfirst(lc);
		char	   *hash = psprintf("medallion.row_hash(%s)", JoinColumns(check->columns, "s."));
		const char *flag = quote_identifier(check->flag);

		SqlExecFormat(NULL, "WITH hashed AS MATERIALIZED"
					  " (SELECT s._file_id, s._sheet, s._row, s.%s AS flag, %s AS hash FROM %s s WHERE %s),\n"
					  " twice AS MATERIALIZED (SELECT hash FROM hashed GROUP BY hash HAVING count(*) > 1),\n"
					  " wrong AS (SELECT h._file_id, h._sheet, h._row, t.hash IS NOT NULL AS flag"
					  " FROM hashed h LEFT JOIN twice t USING (hash)"
					  " WHERE h.flag IS DISTINCT FROM (t.hash IS NOT NULL))\n"
					  "UPDATE %s s SET %s = w.flag FROM wrong w WHERE s._file_id = w._file_id"
					  " AND s._sheet = w._sheet AND s._row = w._row AND %s",
					  flag, hash, table, current, table, flag, current);
	}
}

static const char *
Verdict(const RowCheck *check, int64 affected, int64 checked)
{
	double		share = checked > 0 ? (double) affected / checked : 0;

	if (affected == 0)
		return "PASSED";
	if (check->error_if >= 0 && share >= check->error_if)
		return "FAILED";
	return share >= check->warn_if ? "WARNING" : "PASSED";
}

/* Addresses of some rows whose flag is set, as a json array. */
static char *
SampleAddresses(const char *table, const char *flag)
{
	SqlRows    *rows = SqlFetch(psprintf("SELECT coalesce(jsonb_agg(jsonb_build_object('file_id', _file_id,"
										 " 'sheet', _sheet, 'row', _row)), '[]')::text FROM"
										 " (SELECT _file_id, _sheet, _row FROM %s WHERE %s"
										 " ORDER BY _file_id, _sheet, _row LIMIT %d) s",
										 table, quote_identifier(flag), SAMPLES), NULL);

	return RowText(rows, 0, 1);
}

/* Judges one check and adds it to the outcomes. */
static List *
AddVerdict(List *outcomes, const RowCheck *check, const char *table, int64 affected, int64 checked)
{
	CheckOutcome *outcome = palloc0(sizeof(CheckOutcome));

	outcome->name = check->name;
	outcome->kind = check->kind;
	outcome->column = check->columns ? JoinColumns(check->columns, "") : NULL;
	outcome->checked = checked;
	outcome->affected = affected;
	outcome->status = Verdict(check, affected, checked);
	outcome->samples = affected > 0 ? SampleAddresses(table, check->flag) : "[]";
	if (check->fails_run && strcmp(outcome->status, "PASSED") != 0 &&
		(check->error_if < 0 || strcmp(outcome->status, "FAILED") == 0))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("check \"%s\" failed for " INT64_FORMAT " of " INT64_FORMAT " rows",
						check->name, affected, checked),
				 errdetail("First of them: %s", outcome->samples)));
	return lappend(outcomes, outcome);
}

/* Verdicts on rows of one table, counted in one scan of it. */
static List *
CountFlags(List *outcomes, List *checks, const char *table, const char *condition)
{
	StringInfoData sql;
	SqlRows    *rows;
	ListCell   *lc;

	if (checks == NIL)
		return outcomes;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT count(*)");
	foreach(lc, checks)
		appendStringInfo(&sql, ", count(*) FILTER (WHERE %s)",
						 quote_identifier(((RowCheck *) lfirst(lc))->flag));
	appendStringInfo(&sql, " FROM %s WHERE %s", table, condition);
	rows = SqlFetch(sql.data, NULL);
	foreach(lc, checks)
		outcomes = AddVerdict(outcomes, lfirst(lc), table,
							  RowBigint(rows, 0, foreach_current_index(lc) + 2), RowBigint(rows, 0, 1));
	return outcomes;
}

/* Conversions are checked without being asked: one check per typed column. */
static List *
CastChecks(const SilverShape *shape)
{
	List	   *checks = NIL;
	ListCell   *lc;

	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);
		RowCheck   *check;

		if (column->cast_flag == NULL)
			continue;
		check = palloc0(sizeof(RowCheck));
		check->name = psprintf("cast_%s", column->name);
		check->kind = "cast";
		check->columns = list_make1(column->name);
		check->flag = column->cast_flag;
		check->error_if = -1;
		checks = lappend(checks, check);
	}
	return checks;
}

/* Rows of one key and time that differ: one was chosen, which deserves a word. */
static List *
AddConflicts(List *outcomes, const char *table, const SilverOutcome *silver)
{
	CheckOutcome *outcome = palloc0(sizeof(CheckOutcome));

	outcome->name = outcome->kind = "conflict";
	outcome->checked = silver->rows_in;
	outcome->affected = silver->conflicts;
	outcome->status = silver->conflicts > 0 ? "WARNING" : "PASSED";
	outcome->samples = silver->conflicts > 0 ? SampleAddresses(table, "dq_conflict_flag") : "[]";
	return lappend(outcomes, outcome);
}

/* Verdicts of a run: row checks over what it took in of files in force (what a
 * mended file said before is history, not news), duplicates over what is
 * current. */
List *
CountVerdicts(const SilverShape *shape, const char *stage, const char *table,
			  const SilverOutcome *silver)
{
	bool		history = FeatureKeepsHistory(shape->feature);
	List	   *outcomes = NIL;

	if (!medallion_enable_data_quality_checks)
		return NIL;
	if (silver->rows_in > 0)
		outcomes = CountFlags(outcomes, list_concat(CastChecks(shape), shape->checks), stage,
							  "_event_until = 'infinity'");
	if (history)
		outcomes = AddConflicts(outcomes, table, silver);
	return CountFlags(outcomes, shape->duplicate_checks, table, CurrentCondition(shape->feature, ""));
}
