/*
 * query.c
 *	  The query of a model, as its user wrote it: is it one SELECT, and can
 *	  its result be kept?
 *
 * The text is pasted into CREATE VIEW ... AS, so nothing but a single SELECT
 * may pass here.
 */
#include "base/compat.h"

#include "gold/query.h"

#include "nodes/parsenodes.h"
#include "parser/analyze.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"

/* What the error callback has to know. */
typedef struct QueryContext
{
	const char *model;
	const char *text;
} QueryContext;

/* Turns the position of an error into one in the model's query. */
static void
QueryErrorCallback(void *arg)
{
	QueryContext *context = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(context->text);
	}
	errcontext("query of model \"%s\"", context->model);
}

/* Raises unless the result has columns, none of them with a name of ours. */
static void
CheckColumns(List *target_list)
{
	static const char *const reserved[] = {"_run_id", "_loaded_at", "_row_hash"};
	int			columns = 0;
	ListCell   *lc;

	foreach(lc, target_list)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->resjunk)
			continue;
		columns++;
		for (int i = 0; i < lengthof(reserved); i++)
			if (strcmp(entry->resname, reserved[i]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_RESERVED_NAME),
						 errmsg("column name \"%s\" is reserved", entry->resname),
						 errdetail("Every model's table gets a column of this name."),
						 errhint("Give the column another name with AS, or list the columns instead of *.")));
	}
	if (columns == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("the query of a model must return columns")));
}

/* Raises unless the query could be a view in a schema. */
static void
CheckMeaning(RawStmt *statement, const char *text)
{
	Query	   *query = parse_analyze_fixedparams(statement, text, NULL, 0, NULL);

	if (query->commandType != CMD_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query of a model must not be SELECT INTO")));
	if (isQueryUsingTempRelation(query))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("the query of a model must not use temporary tables or views"),
				 errhint("A model outlives the session; read from permanent relations.")));
	CheckColumns(query->targetList);
}

/* The one SELECT in the text. */
char *
CheckModelQuery(const char *model, const char *text)
{
	QueryContext context = {model, text};
	ErrorContextCallback callback = {error_context_stack, QueryErrorCallback, &context};
	List	   *statements;
	RawStmt    *statement;
	const char *start;
	char	   *result;

	error_context_stack = &callback;
	statements = raw_parser(text, RAW_PARSE_DEFAULT);
	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query of a model must be one statement, not %d",
						list_length(statements))));
	statement = linitial_node(RawStmt, statements);
	if (!IsA(statement->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query of a model must be a SELECT")));

	start = text + Max(statement->stmt_location, 0);
	result = statement->stmt_len > 0 ? pnstrdup(start, statement->stmt_len) : pstrdup(start);
	CheckMeaning(statement, text);
	error_context_stack = callback.previous;
	return result;
}
