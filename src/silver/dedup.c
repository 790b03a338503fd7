/*
 * dedup.c
 *	  One row of those that agree, in tables without history.
 *
 * Of the live bronze rows that agree on some columns, silver has the first, the
 * last, or the one with the greatest value of another column.  Whatever came in
 * between: a staged row beats the one in silver or it does not; where the row in
 * silver is withdrawn, all of bronze is asked again for these columns' values.
 *
 *	  stage ───────────────────────> candidates ──> best of each ──> beats silver's? ──> silver
 *	  withdrawn ──> bronze, typed ──────┘
 */
#include "base/compat.h"

#include "silver/dedup.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "silver/table.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* A table of the run, or a list of columns, as the merge names it. */
static char *
Named(const Merge *merge, const char *word)
{
	return FillTemplate(word, &merge->words);
}

/* What the option says. */
typedef struct Dedup
{
	List	   *columns;		/* char * */
	const char *keep;			/* first, last, by */
	char	   *by;				/* a column; NULL unless keep is by */
} Dedup;

/* Reads and validates the option. */
static Dedup
ParseDedup(const SilverShape *shape)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	Dedup		dedup;
	List	   *names;
	List	   *values;
	bool		isnull;
	ListCell   *lc;

	JsonbObjectItems(shape->feature->options.dedup, &names, &values);
	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), "columns") != 0 && strcmp(lfirst(lc), "keep") != 0 && strcmp(lfirst(lc), "by") != 0)
			RaiseUnknownName("field of option \"dedup\":", lfirst(lc), list_make3("columns", "keep", "by"));
	}
	ParamJsonb(&params, shape->feature->options.dedup);
	rows = SqlFetch("SELECT ARRAY(SELECT jsonb_array_elements_text(CASE jsonb_typeof($1->'columns') WHEN 'array'"
					" THEN $1->'columns' ELSE '[]' END)), coalesce($1->>'keep', 'first'), $1->>'by'", &params);
	dedup.columns = TextArrayToList(RowDatum(rows, 0, 1, &isnull));
	dedup.keep = RowText(rows, 0, 2);
	dedup.by = RowText(rows, 0, 3);
	if (strcmp(dedup.keep, "first") != 0 && strcmp(dedup.keep, "last") != 0 && strcmp(dedup.keep, "by") != 0)
		RaiseUnknownName("value of \"keep\" in option \"dedup\":", dedup.keep, list_make3("first", "last", "by"));
	if (dedup.columns == NIL || (strcmp(dedup.keep, "by") == 0) != (dedup.by != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"dedup\" needs \"columns\", and \"by\" where \"keep\" is \"by\" and only there")));
	foreach(lc, dedup.columns)
		RequireSilverColumn(shape, "column of option \"dedup\":", lfirst(lc));
	if (dedup.by != NULL)
		RequireSilverColumn(shape, "column of option \"dedup\":", dedup.by);
	return dedup;
}

/* SQL: what rows that agree have in common. */
static char *
AgreementHash(const Dedup *dedup, const char *prefix)
{
	StringInfoData columns;
	ListCell   *lc;

	initStringInfo(&columns);
	foreach(lc, dedup->columns)
		appendStringInfo(&columns, "%s%s%s", columns.len > 0 ? ", " : "", prefix, quote_identifier(lfirst(lc)));
	return psprintf("medallion.row_hash(%s)", columns.data);
}

/* SQL: which of the candidates c comes first. */
static char *
CandidateOrder(const Dedup *dedup)
{
	bool		last = strcmp(dedup->keep, "first") != 0;
	const char *direction = last ? " DESC" : "";

	return psprintf("%s%s%sc._event_at%s, c._rank%s, c._sheet COLLATE \"C\"%s, c._row%s",
					dedup->by ? "c." : "", dedup->by ? quote_identifier(dedup->by) : "",
					dedup->by ? " DESC NULLS LAST, " : "", direction, direction, direction, direction);
}

/* SQL: does the candidate c beat the row t of silver, of file f? */
static char *
Beats(const Dedup *dedup)
{
	char	   *later = psprintf("(c._event_at, c._rank, c._sheet COLLATE \"C\", c._row) %s"
								 " (f._seen_at, f._rank, t._sheet COLLATE \"C\", t._row)",
								 strcmp(dedup->keep, "first") == 0 ? "<" : ">");
	const char *by;

	if (dedup->by == NULL)
		return later;
	by = quote_identifier(dedup->by);
	return psprintf("(c.%s > t.%s OR (c.%s IS NOT NULL AND t.%s IS NULL) OR (c.%s IS NOT DISTINCT FROM t.%s AND %s))",
					by, by, by, by, by, by, later);
}

/* Files whose rows leave silver: those that ended, and those that are judged anew. */
static SqlParams
WithdrawnFiles(const Merge *merge)
{
	SqlParams	params = {0};
	SqlParams	files = {0};
	bool		isnull;
	Datum		none = PointerGetDatum(construct_empty_array(INT8OID));

	ParamDatum(&params, INT8ARRAYOID, merge->any_ended ? merge->ended.values[0] : none);
	ParamDatum(&params, INT8ARRAYOID, merge->any_touched ? merge->touched.values[0] : none);
	ParamDatum(&files, INT8ARRAYOID, RowDatum(SqlFetch("SELECT $1 || $2", &params), 0, 1, &isnull));
	return files;
}

/* Withdraws rows from silver; what they had in common with others is kept. */
static void
Withdraw(Merge *merge, const Dedup *dedup)
{
	SqlParams	files = WithdrawnFiles(merge);

	SqlExecFormat(&files, "CREATE UNLOGGED TABLE %s AS SELECT DISTINCT %s AS h FROM %s t WHERE t._file_id = ANY ($1)",
				  Named(merge, "{refold}"), AgreementHash(dedup, "t."), merge->table);
	merge->outcome->expired +=
		SqlExecFormat(&files, "DELETE FROM %s WHERE _file_id = ANY ($1)", merge->table);
}

/* Which typed rows x are candidates. */
static const char *
CandidateCondition(const Merge *merge)
{
	return merge->shape->refuses ? "x._event_until = 'infinity' AND NOT x._refused" : "x._event_until = 'infinity'";
}

/* The best candidate of each group of rows that agree. */
static void
ChooseBest(Merge *merge, const Dedup *dedup)
{
	char	   *hash = AgreementHash(dedup, "x.");
	const char *condition = CandidateCondition(merge);
	bool		withdrawn = !merge->initial &&
		SqlBigint(psprintf("SELECT count(*) FROM %s", Named(merge, "{refold}")), NULL, 0) > 0;

	SqlExecFormat(withdrawn ? &merge->all_files : NULL, "CREATE UNLOGGED TABLE %s AS SELECT DISTINCT ON (c._h) c.* FROM\n"
				  "(SELECT x.*, %s AS _h FROM %s x WHERE %s%s%s%s%s%s%s%s%s) c\nORDER BY c._h, %s",
				  Named(merge, "{events}"), hash, merge->stage, condition,
				  withdrawn ? "\nUNION ALL SELECT x.*, " : "", withdrawn ? hash : "", withdrawn ? " FROM (" : "",
				  withdrawn ? TypedSelect(merge->shape, &merge->all_files, NULL) : "", withdrawn ? ") x WHERE " : "",
				  withdrawn ? condition : "",
				  withdrawn ? psprintf(" AND %s IN (SELECT r.h FROM ", hash) : "",
				  withdrawn ? psprintf("%s r)", Named(merge, "{refold}")) : "",
				  CandidateOrder(dedup));
	SqlExecFormat(NULL, "ANALYZE %s", Named(merge, "{events}"));
}

/* Puts those into silver that beat what it has. */
static void
PlaceBest(Merge *merge, const Dedup *dedup)
{
	SqlParams	files = merge->all_files;

	files.count = 3;
	if (!merge->initial)
		merge->outcome->expired +=
			SqlExecFormat(&files, "DELETE FROM %s t USING %s c, unnest($1, $2, $3) AS f (_file, _rank, _seen_at)"
						  " WHERE %s = c._h AND f._file = t._file_id AND %s",
						  merge->table, Named(merge, "{events}"), AgreementHash(dedup, "t."), Beats(dedup));
	merge->outcome->inserted +=
		SqlExecFormat(NULL, "INSERT INTO %s (%s, _opened_run_id, _file_id, _sheet, _row)"
					  " SELECT %s, " INT64_FORMAT ", c._file_id, c._sheet, c._row FROM %s c"
					  " WHERE NOT EXISTS (SELECT FROM %s t WHERE %s = c._h)",
					  merge->table, Named(merge, "{data}"), JoinColumnNames(DataColumnList(merge->shape), "c."),
					  merge->run_id, Named(merge, "{events}"), merge->table, AgreementHash(dedup, "t."));
}

/* Takes the staged events into a table that keeps one row of those that agree. */
void
MergeDistinct(Merge *merge)
{
	Dedup		dedup = ParseDedup(merge->shape);

	if (!merge->initial)
		Withdraw(merge, &dedup);
	ChooseBest(merge, &dedup);
	PlaceBest(merge, &dedup);
	if (merge->initial)
		SqlExecFormat(NULL, "CREATE %sINDEX ON %s ((%s))",
					  merge->shape->feature->options.partition_by ? "" : "UNIQUE ", merge->table, AgreementHash(&dedup, ""));
	else
		SqlExecFormat(NULL, "DROP TABLE %s", Named(merge, "{refold}"));
	SqlExecFormat(NULL, "DROP TABLE %s", Named(merge, "{events}"));
}
