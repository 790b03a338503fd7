/*
 * tree.h
 *	  Query trees of models: views and WITH queries in place, their tables,
 *	  and what their outer joins make NULL.
 */
#ifndef MEDALLION_TREE_H
#define MEDALLION_TREE_H

#include "nodes/parsenodes.h"

/* One SELECT as the server understands it. */
extern Query *ParseQuery(const char *text);

/* Puts WITH queries where they are used, as subqueries; recursive ones stay. */
extern Query *InlineWith(Query *query);

/* Does a query mean a WITH query that is not its own? */
extern bool UsesOuterWith(Query *query);

/* The query of a view or subquery in a range table, WITH queries in place; NULL for anything else. */
extern Query *SubqueryOf(RangeTblEntry *rte);

/* Puts a subquery in the place of a relation. */
extern void PutSubquery(RangeTblEntry *rte, Query *subquery);

/* What a query says, views included. */
extern int64 HashQuery(Query *query);

/* Add the tables (oids) of a query and of all below it; of subqueries in expressions. */
extern bool CollectTables(Node *node, List **tables);
extern bool CollectSublinkTables(Node *node, List **tables);

/* Places in the range table that an expression looks at; below a node of the join tree. */
extern Bitmapset *RelsOf(Node *node);
extern Bitmapset *RelsBelow(Node *node);

/* What each outer join makes NULL together (Bitmapset *), and all of that. */
extern List *NullableUnits(Node *jointree);
extern Bitmapset *NullableRels(Node *jointree);

/* Can changes of a table in the place of an outer join's NULLs be traced? */
extern bool CanTraceNullable(Query *query, Node *jointree, int place);

/* Does a query look at a whole row or a system column of this place? */
extern bool UsesWholeRow(Query *query, int place);

#endif							/* MEDALLION_TREE_H */
