/*
 * sql.h
 *	  The one door to SQL: every statement of the extension passes here.
 *
 * Values travel as parameters ($1, $2, ...), names through
 * quote_identifier().  A statement runs as the current user; AsExtension()
 * and AsRole() change who that is until the matching EndAs(), or until an
 * error ends the (sub)transaction.
 */
#ifndef MEDALLION_SQL_H
#define MEDALLION_SQL_H

#include "postgres.h"
#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "tcop/dest.h"
#include "utils/jsonb.h"

#define SQL_MAX_PARAMS 32

/* Parameters of one statement, in the order of their $n. */
typedef struct SqlParams
{
	int			count;
	Oid			types[SQL_MAX_PARAMS];
	Datum		values[SQL_MAX_PARAMS];
	char		nulls[SQL_MAX_PARAMS];	/* 'n' where NULL, as SPI wants it */
} SqlParams;

/* Rows of one statement, in the memory context that called SqlFetch(). */
typedef struct SqlRows
{
	uint64		count;
	TupleDesc	desc;
	HeapTuple  *tuples;
} SqlRows;

/* Who the user was before AsExtension() or AsRole(), and the level of settings. */
typedef struct SavedIdentity
{
	Oid			user;
	int			security_context;
	int			nest_level;		/* of the settings pinned for the while */
} SavedIdentity;

extern void ParamText(SqlParams *params, const char *value);	/* NULL allowed */
extern void ParamInt(SqlParams *params, int32 value);
extern void ParamBigint(SqlParams *params, int64 value);
extern void ParamBool(SqlParams *params, bool value);
extern void ParamTime(SqlParams *params, TimestampTz value);
extern void ParamJsonb(SqlParams *params, Jsonb *value);	/* NULL allowed */
extern void ParamDatum(SqlParams *params, Oid type, Datum value);
extern void ParamNull(SqlParams *params, Oid type);

/* Runs a statement; returns the rows it touched. */
extern uint64 SqlExec(const char *sql, const SqlParams *params);
extern uint64 SqlExecFormat(const SqlParams *params, const char *format,...) pg_attribute_printf(2, 3);

/* Runs a query whose rows go to a receiver, one by one. */
extern void SqlStream(const char *sql, const SqlParams *params, DestReceiver *receiver);

/* A receiver that takes rows by the function given, and looks at their columns first; start NULL: it does not. */
extern DestReceiver RowReceiver(bool (*take) (TupleTableSlot *slot, DestReceiver *self),
								void (*start) (DestReceiver *self, int operation, TupleDesc desc));

/* The rows that the planner takes a query to have. */
extern double SqlEstimate(const char *sql);

/* SqlExec() for a trigger, whose transition tables the statement sees. */
struct TriggerData;
extern uint64 SqlExecInTrigger(const char *sql, const SqlParams *params, struct TriggerData *trigger);

/* Runs a statement and keeps its rows. */
extern SqlRows *SqlFetch(const char *sql, const SqlParams *params);

/* The first column of the first row; *isnull also when there is no row. */
extern Datum SqlScalar(const char *sql, const SqlParams *params, bool *isnull);
extern int64 SqlBigint(const char *sql, const SqlParams *params, int64 if_null);

/* Fields of a fetched row; column counts from 1. */
extern Datum RowDatum(const SqlRows *rows, uint64 row, int column, bool *isnull);
extern char *RowText(const SqlRows *rows, uint64 row, int column);	/* NULL if NULL */
extern int64 RowBigint(const SqlRows *rows, uint64 row, int column);	/* 0 if NULL */
extern int32 RowInt(const SqlRows *rows, uint64 row, int column);
extern bool RowBool(const SqlRows *rows, uint64 row, int column);
extern bool RowIsNull(const SqlRows *rows, uint64 row, int column);

/* text[] to a List of char * (NULL elements left out), and back */
extern List *TextArrayToList(Datum array);
extern Datum ListToTextArray(List *strings);

extern void AsExtension(SavedIdentity *saved);
extern void AsRole(SavedIdentity *saved, Oid role);
extern void EndAs(const SavedIdentity *saved);

/* Statements on the extension's own tables, run as its owner. */
extern uint64 CatalogExec(const char *sql, const SqlParams *params);
extern SqlRows *CatalogFetch(const char *sql, const SqlParams *params);
extern int64 CatalogBigint(const char *sql, const SqlParams *params, int64 if_null);

/* Lets a role use a function of ours, for a trigger that it makes. */
extern void GrantExecute(const char *function, Oid role);

#endif							/* MEDALLION_SQL_H */
