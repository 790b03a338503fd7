/*
 * compat.h
 *	  What differs between the server versions we build on (15 to 18).
 *
 * The only file with #if PG_VERSION_NUM.
 */
#ifndef MEDALLION_COMPAT_H
#define MEDALLION_COMPAT_H

#include "postgres.h"
#include "fmgr.h"

/* tells our own errors, which quote names and places, from the server's, which quote values */
#undef TEXTDOMAIN
#define TEXTDOMAIN MEDALLION_DOMAIN
#define MEDALLION_DOMAIN "medallion"

#if PG_VERSION_NUM < 150000
#error "medallion needs PostgreSQL 15 or later"
#endif

/* in 16 the macros of variable-length values moved out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* in 16 input functions learned to report a bad value without raising */
#if PG_VERSION_NUM >= 160000
#define HAVE_SOFT_ERRORS 1
#endif

/* in 16 where a relation's files are got another name */
#if PG_VERSION_NUM >= 160000
#define RelationLocator(rel) ((rel)->rd_locator)
#else
#define RelationLocator(rel) ((rel)->rd_node)
#endif

/* in 18 what EXPLAIN gives to others moved to headers of its own */
#if PG_VERSION_NUM >= 180000
#define HAVE_EXPLAIN_HEADERS 1
#endif

/* 17 asks a foreign path for the clauses of a join, 18 for disabled nodes; ours has neither */
#if PG_VERSION_NUM >= 180000
#define create_plain_foreignscan_path(root, rel, startup_cost, total_cost) \
	create_foreignscan_path(root, rel, NULL, (rel)->rows, 0, startup_cost, total_cost, NIL, \
							(rel)->lateral_relids, NULL, NIL, NIL)
#elif PG_VERSION_NUM >= 170000
#define create_plain_foreignscan_path(root, rel, startup_cost, total_cost) \
	create_foreignscan_path(root, rel, NULL, (rel)->rows, startup_cost, total_cost, NIL, \
							(rel)->lateral_relids, NULL, NIL, NIL)
#else
#define create_plain_foreignscan_path(root, rel, startup_cost, total_cost) \
	create_foreignscan_path(root, rel, NULL, (rel)->rows, startup_cost, total_cost, NIL, \
							(rel)->lateral_relids, NULL, NIL)
#endif

/* in 18 grouped columns are Vars of a range table entry of their own */
#if PG_VERSION_NUM >= 180000
#define IsGroupEntry(rte) ((rte)->rtekind == RTE_GROUP)
#define GroupEntryExpressions(rte) ((rte)->groupexprs)
#define FlattenGroupEntry(query) \
	do { \
		if ((query)->hasGroupRTE) \
		{ \
			(query)->targetList = (List *) flatten_group_exprs(NULL, query, (Node *) (query)->targetList); \
			(query)->hasGroupRTE = false; \
		} \
	} while (0)
#else
#define IsGroupEntry(rte) false
#define GroupEntryExpressions(rte) NIL
#define FlattenGroupEntry(query) ((void) 0)
#endif

/*
 * Expressions of a query as they are below the names that JOIN (and, from 18
 * on, GROUP BY) gives them.
 */
#if PG_VERSION_NUM >= 180000
#define flatten_aliases(query, node) \
	flatten_join_alias_vars(NULL, query, (query)->hasGroupRTE ? flatten_group_exprs(NULL, query, node) : (node))
#elif PG_VERSION_NUM >= 160000
#define flatten_aliases(query, node) flatten_join_alias_vars(NULL, query, node)
#else
#define flatten_aliases(query, node) flatten_join_alias_vars(query, node)
#endif

/* in 16 what a query may read moved out of its range table */
#if PG_VERSION_NUM >= 160000
#define FORGET_PERMISSIONS(rte) ((rte)->perminfoindex = 0)
#else
#define FORGET_PERMISSIONS(rte) ((rte)->requiredPerms = 0)
#endif

/* in 18 grouped expressions are seen through an entry of the range table */
#if PG_VERSION_NUM >= 180000
#define FORGET_GROUPING(query) ((query)->hasGroupRTE = false)
#else
#define FORGET_GROUPING(query) ((void) 0)
#endif

/* in 16 a datum from a sort need not be copied any more */
#if PG_VERSION_NUM >= 160000
#define tuplesort_next_datum(sort, value, isnull) tuplesort_getdatum(sort, true, true, value, isnull, NULL)
#else
#define tuplesort_next_datum(sort, value, isnull) tuplesort_getdatum(sort, true, value, isnull, NULL)
#endif

/* the server's own macro for this changed its name and its place in 18 */
#define NEVER_RETURNS __attribute__((noreturn))

#endif							/* MEDALLION_COMPAT_H */
