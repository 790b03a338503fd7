/*
 * check_def.h
 *	  A check as a user gives it: read and validated.
 */
#ifndef MEDALLION_CHECK_DEF_H
#define MEDALLION_CHECK_DEF_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* What decides whether a check fails. */
typedef enum CheckScope
{
	CHECK_ROW,					/* one row alone */
	CHECK_SET,					/* a row among others, of this table or another */
	CHECK_TABLE					/* a number that the whole table gives */
} CheckScope;

typedef enum CheckAction
{
	ACTION_FLAG, ACTION_QUARANTINE, ACTION_DROP, ACTION_FAIL
} CheckAction;

#define MAX_CHECK_PARAMS 10

/* A kind of check. */
typedef struct CheckKind
{
	const char *name;
	const char *alias;			/* what it is called in other pipelines */
	CheckScope	scope;
	bool		needs_columns;
	double		error_if;		/* share of rows that fails the check, unless the user says; -1: none */
	int			needs_params;	/* at least one of the first so many must be given */
	const char *params[MAX_CHECK_PARAMS];
} CheckKind;

/* A check. */
typedef struct CheckDef
{
	const CheckKind *kind;
	char	   *name;			/* NULL: the kind's own */
	List	   *columns;		/* char * */
	Jsonb	   *params;			/* an object */
	CheckAction action;
	bool		null_fails;		/* on_null: fail */
	double		warn_if;		/* shares of rows; negative: none */
	double		error_if;
	int64		warn_count;		/* numbers of rows; negative: none */
	int64		error_count;
} CheckDef;

/* One check from a json object; raises for what is unknown, missing or no use. */
extern CheckDef *ParseCheckDef(Jsonb *json);

/* All checks (CheckDef *) of a json array. */
extern List *ParseCheckDefs(Jsonb *json);

/* The word for an action. */
extern const char *CheckActionName(CheckAction action);

/* A parameter as SQL: a number as it is, anything else as a literal without a
 * type; NULL if it is not given. */
extern char *CheckParamLiteral(const CheckDef *def, const char *name);

/* A parameter's text; NULL if it is not given. */
extern char *CheckParamText(const CheckDef *def, const char *name);

/* The strings of a parameter that is an array (char *); NIL if it is not given. */
extern List *CheckParamList(const CheckDef *def, const char *name);

#endif							/* MEDALLION_CHECK_DEF_H */
