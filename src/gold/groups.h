/*
 * groups.h
 *	  By which columns can a model be recomputed in part, and which of its
 *	  inputs' changes can be traced to values of these columns?
 */
#ifndef MEDALLION_GROUPS_H
#define MEDALLION_GROUPS_H

#include "gold/model.h"
#include "nodes/parsenodes.h"

/* A column of the result; rows of one value depend on input rows of one value. */
typedef struct GroupKey
{
	char	   *column;
	Expr	   *expr;			/* over the query's range table */
	Oid			type;
	Oid			equals;			/* operator */
	Oid			collation;
} GroupKey;

/* A table in the query whose changes can be traced. */
typedef struct TracedTable
{
	Oid			table;
	List	   *path;			/* int: place in the range table, then in that of the subquery or view there, ... */
	bool		nullable;		/* an outer join may put NULLs in its place */
	bool		first;			/* the first in FROM: its new rows are what "append" appends */
} TracedTable;

typedef struct GroupPlan
{
	char	   *why_full;		/* NULL: can be refreshed by groups */
	char	   *why_not_append; /* NULL: can be refreshed by new rows */
	int64		query_hash;		/* of the query with its views written out */
	Query	   *query;			/* with its WITH queries in place where they are used */
	List	   *keys;			/* GroupKey * */
	List	   *traced;			/* TracedTable * */
	List	   *whole;			/* oid: tables of which any change asks for a full refresh */
	List	   *unwatched;		/* char *: relation and why its changes are not known */
	List	   *null_units;		/* Bitmapset *: what outer joins make NULL together, as far as keys see it */
} GroupPlan;

/* Looks at a model's query, given as text. */
extern GroupPlan *PlanGroups(const Model *model, const char *query);

/* Every table whose changes matter (oids). */
extern List *WatchedTables(const GroupPlan *plan);

/* The query of a view or subquery in a range table, WITH queries in place; NULL for anything else. */
extern Query *SubqueryOf(RangeTblEntry *rte);

/* Puts a subquery in the place of a relation. */
extern void PutSubquery(RangeTblEntry *rte, Query *subquery);

/* One SELECT as the server understands it. */
extern Query *ParseQuery(const char *text);

/* Places in the range table where outer joins of this level may put NULLs. */
extern Bitmapset *NullableRels(Node *jointree);

/* Places in the range table that an expression looks at. */
extern Bitmapset *RelsOf(Node *node);

#endif							/* MEDALLION_GROUPS_H */
