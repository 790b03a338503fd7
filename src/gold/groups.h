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
	AttrNumber	number;			/* of the column in the result */
	Expr	   *expr;			/* over the query's range table */
	Oid			type;
	Oid			equals;			/* operator; invalid where it is not the model's */
	Oid			collation;
} GroupKey;

struct QueryLevel;

/* A table, view or subquery in a query whose changes can be traced. */
typedef struct TracedPlace
{
	int			place;			/* in the range table */
	Oid			table;			/* invalid for views and subqueries */
	struct QueryLevel *below;	/* of these */
	Bitmapset  *unknown;		/* columns that are made of many rows: what they were, no change tells */
	bool		nullable;		/* an outer join may put NULLs in its place */
} TracedPlace;

/* The model's query, or a view or subquery in it. */
typedef struct QueryLevel
{
	Query	   *query;			/* with its WITH queries in place where they are used */
	List	   *keys;			/* GroupKey *; below the top all columns that are known */
	List	   *traced;			/* TracedPlace *; of a set operation its sides */
	List	   *null_units;		/* Bitmapset *: what outer joins make NULL together, as far as keys see it */
} QueryLevel;

/* A table of which any change asks for a full refresh. */
typedef struct WholeTable
{
	Oid			table;
	const char *why;
} WholeTable;

typedef struct GroupPlan
{
	char	   *why_full;		/* NULL: can be refreshed by groups */
	char	   *why_not_append; /* NULL: can be refreshed by new rows */
	int64		query_hash;		/* of the query with its views written out */
	QueryLevel *top;
	List	   *whole;			/* WholeTable * */
	List	   *unwatched;		/* char *: relation and why its changes are not known */
} GroupPlan;

/* Looks at a model's query, given as text. */
extern GroupPlan *PlanGroups(const Model *model, const char *query);

/* The tables (oids) whose changes can be traced. */
extern List *TracedTables(const QueryLevel *level);

/* Every table whose changes matter (oids). */
extern List *WatchedTables(const GroupPlan *plan);

/* The table whose new rows are what "append" appends. */
extern Oid	FirstTable(const GroupPlan *plan);

/* Why any change of the table asks for a full refresh; NULL: not any. */
extern const char *WhyWhole(const GroupPlan *plan, Oid table);

/* Are the rows of a query made of several joined rows each? */
extern bool IsGrouped(const Query *query);

/* Does an expression of the level look at a column of the place that is not
 * known?  Of any of these places (TracedPlace *). */
extern bool SeesUnknown(Node *node, List *places);

#endif							/* MEDALLION_GROUPS_H */
