/*
 * checks.c
 *	  Checks as SQL: what makes a row fail, what is measured of a table.
 *
 *	  one row alone			a predicate over d, in the pass that types the row
 *	  a row among others	a predicate over d and what is joined to it, over current rows
 *	  the whole table		an aggregate over current rows, all in one scan
 *
 * A check never changes a value.  Its verdict on a row is a flag column of
 * silver, and its verdict on a run a row of etl_logs.data_quality_checks.
 */
#include "base/compat.h"

#include "silver/checks.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/fmgroids.h"

typedef char *(*PredicateMaker) (const SilverShape *shape, const CheckDef *def, const char *column);

/* Names with a comma between. */
char *
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

/* The column of this name, or NULL. */
static const SilverColumn *
FindColumn(const SilverShape *shape, const char *name)
{
	ListCell   *lc;

	foreach(lc, shape->columns)
	{
		SilverColumn *known = lfirst(lc);

		if (strcmp(known->name, name) == 0)
			return known;
	}
	return NULL;
}

/* What a check of one row looks at: a masked column's own value. */
static char *
CheckedValue(const SilverShape *shape, const char *column)
{
	const SilverColumn *known = FindColumn(shape, column);

	return psprintf("d.%s", known && known->raw ? known->raw : quote_identifier(column));
}

/* The same to be compared with a number or a time: of a column that nobody has
 * seen a value of yet NULL, which compares with anything. */
static char *
ComparedValue(const SilverShape *shape, const char *column)
{
	const SilverColumn *known = FindColumn(shape, column);

	return known && known->empty ? "NULL" : CheckedValue(shape, column);
}

static char *
NullPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	return psprintf("%s IS NULL", CheckedValue(shape, column));
}

/* A value outside min and max, where these are given. */
static char *
OutsidePredicate(const CheckDef *def, const char *value)
{
	char	   *minimum = CheckParamLiteral(def, "min");
	char	   *maximum = CheckParamLiteral(def, "max");

	return psprintf("%s < %s OR %s > %s", value, minimum ? minimum : "NULL", value, maximum ? maximum : "NULL");
}

static char *
RangePredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	return OutsidePredicate(def, ComparedValue(shape, column));
}

/* A parameter that is a whole number of an everyday size. */
static bool
GetSmallNumber(const CheckDef *def, const char *name, int *number)
{
	const char *text = CheckParamText(def, name);

	if (text == NULL || *text == '\0' || strlen(text) > 8 || strspn(text, "0123456789") != strlen(text))
		return false;
	*number = atoi(text);
	return true;
}

/* Bounds that are plain numbers go to a function that seldom has to count. */
static char *
LengthPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	char	   *value = psprintf("%s::text", CheckedValue(shape, column));
	int			minimum = 0;
	int			maximum = PG_INT32_MAX;

	if ((CheckParamText(def, "min") == NULL || GetSmallNumber(def, "min", &minimum)) &&
		(CheckParamText(def, "max") == NULL || GetSmallNumber(def, "max", &maximum)))
		return psprintf("medallion.length_outside(%s, %d, %d)", value, minimum, maximum);
	return OutsidePredicate(def, psprintf("char_length(%s)", value));
}

#define MANY_VALUES 9			/* from here on the server hashes them */

/* The list is a literal without a type: it takes the column's.  Few texts are compared in one call. */
static char *
AcceptedPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	const SilverColumn *known = FindColumn(shape, column);
	List	   *accepted = CheckParamList(def, "values");
	char	   *values = OidOutputFunctionCall(F_ARRAY_OUT, ListToTextArray(accepted));

	if (known != NULL && known->is_text && accepted != NIL && list_length(accepted) < MANY_VALUES)
		return psprintf("medallion.is_none_of(%s, %s)", CheckedValue(shape, column), quote_literal_cstr(values));
	return psprintf("NOT %s = ANY (%s)", CheckedValue(shape, column), quote_literal_cstr(values));
}

/* A pattern without any sign that a regular expression knows is a text to be found, and found faster. */
static char *
PatternPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	const char *pattern = CheckParamText(def, "pattern");
	const char *value = CheckedValue(shape, column);

	if (strpbrk(pattern, "^$.*+?()[]{}|\\") == NULL)
		return psprintf("medallion.lacks(%s::text, %s)", value, quote_literal_cstr(pattern));
	return psprintf("%s::text !~ %s", value, quote_literal_cstr(pattern));
}

/* What browsers take in a field for an address, with at least one dot in the domain. */
static char *
EmailPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	return psprintf("%s::text COLLATE \"C\" !~ '^[a-zA-Z0-9.!#$%%&''*+/=?^_`{|}~-]+@[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
					"([.][a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+$'", CheckedValue(shape, column));
}

static char *
ExpressionPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	return psprintf(def->null_fails ? "(%s\n) IS NOT TRUE" : "NOT (%s\n)", CheckParamText(def, "expression"));
}

/* The condition under which a row is a credit note: the check's, that of the
 * split named credits, or none. */
static const char *
CreditCondition(const SilverShape *shape, const CheckDef *def)
{
	const char *given = CheckParamText(def, "credits");
	List	   *names;
	List	   *conditions;
	ListCell   *nc;
	ListCell   *cc;

	if (given != NULL || shape->feature == NULL)
		return given ? given : "false";
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
AmountPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	return psprintf("%s < 0 AND (%s\n) IS NOT TRUE", ComparedValue(shape, column), CreditCondition(shape, def));
}

/* A positive amount on a credit note. */
static char *
CreditAmountPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	return psprintf("%s > 0 AND (%s\n) IS TRUE", ComparedValue(shape, column), CreditCondition(shape, def));
}

/* There was something, and it did not convert. */
static char *
CastPredicate(const SilverShape *shape, const CheckDef *def, const char *column)
{
	const SilverColumn *known = FindColumn(shape, column);

	if (shape->feature == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a check of kind \"cast\" is for features"),
				 errdetail("Nothing is converted in other tables.")));
	if (known == NULL || known->given == NULL)
		return pstrdup("false");
	return psprintf("d.%s AND d.%s IS NULL", known->given, quote_identifier(column));
}

/* Kinds of one row. */
static const struct
{
	const char *kind;
	const char *flag;			/* word in the flag's name; NULL: the check's own name */
	PredicateMaker predicate;
}			row_kinds[] =
{
	{"not_null", "null", NullPredicate},
	{"amount", "amount", AmountPredicate},
	{"credit_amount", "credit_amount", CreditAmountPredicate},
	{"range", "range", RangePredicate},
	{"length", "length", LengthPredicate},
	{"accepted_values", "accepted_values", AcceptedPredicate},
	{"pattern", "pattern", PatternPredicate},
	{"email", "email", EmailPredicate},
	{"expression", NULL, ExpressionPredicate},
	{"cast", "cast_check", CastPredicate},
};

/* The flag's name on silver; there is none where no feature is. */
static char *
CheckFlag(const SilverShape *shape, const char *name)
{
	return shape->feature ? FlagName(shape, name) : NULL;
}

static RowCheck *
NewCheck(const CheckDef *def, List *columns)
{
	RowCheck   *check = palloc0(sizeof(RowCheck));

	check->def = def;
	check->columns = columns;
	return check;
}

/* A predicate that is true of NULL as well, where the check says so. */
static char *
WithNull(const CheckDef *def, const char *column, char *predicate)
{
	return def->null_fails ? psprintf("d.%s IS NULL OR (%s)", quote_identifier(column), predicate) : predicate;
}

/* How the check is asked of events that were collected before: what they said
 * before conversions and masks is not among them, the verdicts on it are. */
static void
SetCollected(const SilverShape *shape, RowCheck *check, const char *column)
{
	const SilverColumn *known = FindColumn(shape, column);

	if (known == NULL)
		return;
	if (strcmp(check->def->kind->name, "cast") == 0)
	{
		if (known->cast_flag != NULL)
			check->collected = WithNull(check->def, column, psprintf("d.%s", quote_identifier(known->cast_flag)));
	}
	else if (known->raw != NULL)
	{
		check->hidden = known;
		check->collected = psprintf("d.%s", quote_identifier(check->flag));
	}
}

/* Adds a check of one row: on one column, or on all of them. */
static void
AddRowCheck(SilverShape *shape, const CheckDef *def, List *columns, int kind)
{
	const char *column = columns ? linitial(columns) : NULL;
	RowCheck   *check = NewCheck(def, columns);
	char	   *predicate = row_kinds[kind].predicate(shape, def, column);

	check->flag = CheckFlag(shape, row_kinds[kind].flag ? psprintf("dq_%s_flag_%s", row_kinds[kind].flag, column) :
							psprintf("dq_flag_%s", def->name));
	check->predicate = predicate;
	check->certain = row_kinds[kind].predicate == NullPredicate;
	if (row_kinds[kind].flag != NULL)
	{
		check->predicate = WithNull(def, column, predicate);
		SetCollected(shape, check, column);
	}
	shape->checks = lappend(shape->checks, check);
	shape->refuses |= CheckRefuses(check);
}

/* Is a row at fault, as SQL: what is unknown is none. */
char *
FaultExpression(const RowCheck *check, const char *predicate)
{
	return psprintf(check->certain && predicate == check->predicate ? "(%s\n)" : "(%s\n) IS TRUE", predicate);
}

/* The relation that set checks look at. */
char *
CheckedTable(const SilverShape *shape)
{
	return shape->feature ? QualifiedName(medallion_silver_schema, shape->feature->name) : shape->table;
}

/* Which of its rows. */
const char *
CheckedCondition(const SilverShape *shape)
{
	return shape->feature && FeatureKeepsHistory(shape->feature) ? CurrentCondition(shape->feature, "d.") : "true";
}

/*
 * Rows that agree with another on all columns.  "duplicate" compares NULL like
 * a value, whichever came first; for "unique" NULL is unknown, as SQL has it.
 */
static void
MakeDuplicateCheck(const SilverShape *shape, RowCheck *check, int number)
{
	bool		unique = strcmp(check->def->kind->name, "unique") == 0;
	char	   *columns = JoinColumns(check->columns, "d.");

	check->join = psprintf("LEFT JOIN (SELECT h FROM (SELECT medallion.row_hash(%s) AS h FROM %s d WHERE %s) x"
						   " GROUP BY h HAVING count(*) > 1) j%d ON j%d.h = medallion.row_hash(%s)",
						   columns, CheckedTable(shape), CheckedCondition(shape), number, number, columns);
	check->predicate = psprintf("j%d.h IS NOT NULL%s", number, !unique ? "" :
								psprintf(check->def->null_fails ? " OR num_nulls(%s) > 0" :
										 " AND num_nulls(%s) = 0", columns));
}

/* Rows whose values are not found in another relation. */
static void
MakeRelationshipCheck(RowCheck *check, int number)
{
	const CheckDef *def = check->def;
	List	   *targets = CheckParamList(def, "columns");
	const char *condition = CheckParamText(def, "condition");
	SqlParams	params = {0};
	StringInfoData match;
	ListCell   *cc;
	ListCell   *tc;

	if (targets == NIL)
		targets = check->columns;
	if (list_length(targets) != list_length(check->columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("check \"%s\" has %d columns, and %d to compare them with", def->name,
						list_length(check->columns), list_length(targets))));
	ParamText(&params, CheckParamText(def, "to"));
	initStringInfo(&match);
	forboth(cc, check->columns, tc, targets)
		appendStringInfo(&match, "%sj%d.%s = d.%s", match.len > 0 ? " AND " : "", number,
						 quote_identifier(lfirst(tc)), quote_identifier(lfirst(cc)));
	check->join = psprintf("LEFT JOIN (SELECT DISTINCT true AS found, %s FROM %s t WHERE (%s\n)) j%d ON %s",
						   JoinColumns(targets, "t."),
						   RowText(SqlFetch("SELECT $1::regclass::text", &params), 0, 1),
						   condition ? condition : "true", number, match.data);
	check->predicate = psprintf("j%d.found IS NULL%s", number, def->null_fails ? "" :
								psprintf(" AND num_nulls(%s) = 0", JoinColumns(check->columns, "d.")));
}

/* The number of a join: that of an earlier check of rows that agree on the same columns, or a new one. */
static int
JoinNumber(const SilverShape *shape, const RowCheck *check)
{
	ListCell   *lc;

	foreach(lc, shape->set_checks)
	{
		const RowCheck *other = lfirst(lc);

		if (strcmp(other->def->kind->name, "relationship") != 0 &&
			strcmp(JoinColumns(other->columns, "d."), JoinColumns(check->columns, "d.")) == 0)
			return foreach_current_index(lc) + 1;
	}
	return list_length(shape->set_checks) + 1;
}

/* Adds a check of a row among others. */
static void
AddSetCheck(SilverShape *shape, const CheckDef *def)
{
	RowCheck   *check = NewCheck(def, def->columns);
	const char *kind = def->kind->name;

	if (strcmp(kind, "relationship") == 0)
		MakeRelationshipCheck(check, list_length(shape->set_checks) + 1);
	else
		MakeDuplicateCheck(shape, check, JoinNumber(shape, check));
	check->flag = CheckFlag(shape, strcmp(def->name, kind) == 0 ? psprintf("dq_%s_flag", kind) :
							psprintf("dq_%s_flag_%s", kind, def->name));
	shape->set_checks = lappend(shape->set_checks, check);
}

/* What a drift check may follow. */
static const struct
{
	const char *name;
	const char *aggregate;
}			drift_metrics[] =
{
	{"mean", "avg(d.%s)::float8"},
	{"sum", "sum(d.%s)::float8"},
	{"stddev", "stddev_pop(d.%s)::float8"},
	{"min", "min(d.%s)::float8"},
	{"max", "max(d.%s)::float8"},
	{"median", "percentile_cont(0.5) WITHIN GROUP (ORDER BY d.%s::float8)"},
	{"completeness", "count(d.%s)::float8 / nullif(count(*), 0)"},
	{"distinct", "count(DISTINCT d.%s)::float8"},
};

/* Drift checks that follow how far a distribution is from what it was, and whether of numbers. */
static const struct
{
	const char *name;
	bool		of_numbers;
}			distances[] =
{
	{"ks", true},
	{"psi", true},
	{"l_infinity", false},
	{"chi_square", false},
	{"categorical_psi", false},
};

/*
 * The distribution of a column as jsonb, in a scan of its own.  Of more than 1000
 * numbers, those that have a thousandth of the rows each up to them; of more values,
 * the most frequent.
 */
static char *
DistributionMeasure(const SilverShape *shape, const char *column, bool of_numbers)
{
	const char *name = quote_identifier(column);

	if (of_numbers)
		return psprintf("(SELECT jsonb_build_object('values', coalesce(jsonb_agg(jsonb_build_array(v, n) ORDER BY v), '[]'))"
						" FROM (SELECT max(v) AS v, sum(n) AS n FROM (SELECT v, n, CASE WHEN count(*) OVER () <= 1000"
						" THEN row_number() OVER (ORDER BY v) ELSE ceil(sum(n) OVER (ORDER BY v) * 1000 / sum(n) OVER ()) END AS place"
						" FROM (SELECT d.%s::float8 AS v, count(*) AS n FROM %s d WHERE (%s) AND d.%s IS NOT NULL GROUP BY 1) g) p"
						" GROUP BY place) q)", name, CheckedTable(shape), CheckedCondition(shape), name);
	return psprintf("(SELECT jsonb_build_object('values', coalesce(jsonb_agg(jsonb_build_array(v, n) ORDER BY v::text COLLATE \"C\")"
					" FILTER (WHERE place <= 1000), '[]'), 'others', coalesce(sum(n) FILTER (WHERE place > 1000), 0))"
					" FROM (SELECT v, n, row_number() OVER (ORDER BY n DESC, v::text COLLATE \"C\") AS place FROM"
					" (SELECT to_jsonb(d.%s) AS v, count(*) AS n FROM %s d WHERE (%s) GROUP BY 1) g) p)",
					name, CheckedTable(shape), CheckedCondition(shape));
}

/* The aggregate of a drift check on a column. */
static char *
DriftMeasure(const SilverShape *shape, const CheckDef *def, const char *column)
{
	const SilverColumn *measured = FindColumn(shape, column);
	const char *metric = CheckParamText(def, "metric");
	List	   *known = NIL;

	for (int i = 0; i < lengthof(drift_metrics); i++)
	{
		StringInfoData sql;

		known = lappend(known, unconstify(char *, drift_metrics[i].name));
		if (strcmp(metric ? metric : "mean", drift_metrics[i].name) != 0)
			continue;
		if (measured != NULL && measured->empty && strstr(drift_metrics[i].aggregate, "count(") == NULL)
			return "NULL::float8";
		initStringInfo(&sql);
		appendStringInfo(&sql, drift_metrics[i].aggregate, quote_identifier(column));
		return sql.data;
	}
	for (int i = 0; i < lengthof(distances); i++)
	{
		known = lappend(known, unconstify(char *, distances[i].name));
		if (strcmp(metric, distances[i].name) == 0)
			return measured != NULL && measured->empty ? "NULL::jsonb" :
				DistributionMeasure(shape, column, distances[i].of_numbers);
	}
	RaiseUnknownName("metric of a drift check:", metric, known);
}

/* Adds a check of the whole table: on one column, or on none. */
static void
AddTableCheck(SilverShape *shape, const CheckDef *def, List *columns)
{
	RowCheck   *check = NewCheck(def, columns);
	const char *kind = def->kind->name;

	if (strcmp(kind, "row_count") == 0)
		check->measure = "count(*)::float8";
	else if (strcmp(kind, "drift") == 0)
		check->measure = DriftMeasure(shape, def, linitial(columns));
	else if (strcmp(kind, "freshness") == 0)
		check->measure = psprintf("extract(epoch FROM now() - max(d.%s)::timestamptz)::float8",
								  quote_identifier(linitial(columns)));
	else if (strcmp(kind, "metric") == 0)
		check->measure = psprintf("(%s\n)::float8", CheckParamText(def, "sql"));
	else
		check->measure = "NULL::float8";	/* schema: not a matter of rows */
	shape->table_checks = lappend(shape->table_checks, check);
}

/* The columns of a check; "~" begins a regular expression, for which there
 * may be no column. */
static List *
MatchColumns(const SilverShape *shape, const CheckDef *def)
{
	List	   *names = NIL;
	ListCell   *lc;
	ListCell   *cc;

	foreach(lc, def->columns)
	{
		const char *name = lfirst(lc);

		if (name[0] != '~')
		{
			names = lappend(names, unconstify(char *, name));
			continue;
		}
		foreach(cc, shape->columns)
		{
			char	   *column = ((SilverColumn *) lfirst(cc))->name;

			if (DatumGetBool(DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID, CStringGetTextDatum(column),
													 CStringGetTextDatum(name + 1))))
				names = lappend(names, column);
		}
	}
	return names;
}

/* Makes one check per column, or one over all, as the kind has it. */
static void
ExpandCheck(SilverShape *shape, CheckDef *def)
{
	bool		has_columns = def->columns != NIL;
	ListCell   *lc;
	int			row_kind = 0;

	def->columns = MatchColumns(shape, def);
	if (has_columns && def->columns == NIL)
		return;					/* nothing here is called so */
	foreach(lc, def->columns)
		RequireSilverColumn(shape, psprintf("column of check \"%s\":", def->name), lfirst(lc));
	if (def->kind->scope == CHECK_SET)
	{
		AddSetCheck(shape, def);
		return;
	}
	while (def->kind->scope == CHECK_ROW && strcmp(row_kinds[row_kind].kind, def->kind->name) != 0)
		row_kind++;
	if (!def->kind->needs_columns)
	{
		if (def->kind->scope == CHECK_ROW)
			AddRowCheck(shape, def, def->columns, row_kind);
		else
			AddTableCheck(shape, def, def->columns);
		return;
	}
	foreach(lc, def->columns)
	{
		if (def->kind->scope == CHECK_ROW)
			AddRowCheck(shape, def, list_make1(lfirst(lc)), row_kind);
		else
			AddTableCheck(shape, def, list_make1(lfirst(lc)));
	}
}

/* Adds checks to a shape. */
void
AddChecks(SilverShape *shape, List *defs)
{
	ListCell   *lc;

	foreach(lc, defs)
		ExpandCheck(shape, lfirst(lc));
}

/* Fills the checks of a feature's shape from the catalog. */
void
LoadChecks(SilverShape *shape)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;

	if (!medallion_enable_data_quality_checks)
		return;
	ParamInt(&params, shape->feature->id);
	rows = CatalogFetch("SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'kind', kind, 'columns', columns,"
						" 'params', params, 'action', action, 'on_null', on_null, 'warn_if', warn_if,"
						" 'error_if', error_if, 'warn_count', warn_count, 'error_count', error_count)"
						" ORDER BY name COLLATE \"C\"), '[]')"
						" FROM medallion.checks WHERE feature_id = $1", &params);
	AddChecks(shape, ParseCheckDefs(DatumGetJsonbP(RowDatum(rows, 0, 1, &isnull))));
}

/* Does the check keep a failing row out of silver? */
bool
CheckRefuses(const RowCheck *check)
{
	return check->def->action == ACTION_QUARANTINE || check->def->action == ACTION_DROP;
}

/* Is there a check of kind "cast" on the column? */
static bool
CastIsChecked(const SilverShape *shape, const char *column)
{
	ListCell   *lc;

	foreach(lc, shape->checks)
	{
		RowCheck   *check = lfirst(lc);

		if (strcmp(check->def->kind->name, "cast") == 0 && strcmp(linitial(check->columns), column) == 0)
			return true;
	}
	return false;
}

/* One check per typed column that no other check asks about. */
List *
CastChecks(const SilverShape *shape)
{
	List	   *checks = NIL;
	ListCell   *lc;

	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);
		CheckDef   *def;
		RowCheck   *check;
		Jsonb	   *json;

		if (column->cast_flag == NULL || CastIsChecked(shape, column->name))
			continue;
		json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{\"kind\": \"cast\", \"columns\": [\"\"]}")));
		def = ParseCheckDef(json);
		def->name = psprintf("cast_%s", column->name);
		check = NewCheck(def, list_make1(column->name));
		check->flag = column->cast_flag;
		checks = lappend(checks, check);
	}
	return checks;
}

/* The joins of set checks, one after the other. */
char *
CheckJoins(List *checks)
{
	StringInfoData sql;
	List	   *joins = NIL;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, checks)
	{
		char	   *join = ((RowCheck *) lfirst(lc))->join;

		if (!HasName(joins, join))
			appendStringInfo(&sql, "\n %s", join);
		joins = lappend(joins, join);
	}
	return sql.data;
}
