/*
 * rowcount.h
 *	  How many rows a table has, without counting them each time.
 */
#ifndef MEDALLION_ROWCOUNT_H
#define MEDALLION_ROWCOUNT_H

#include "postgres.h"

/* Rows that this transaction has added to a table, less those it deleted; false:
 * not known.  No table has none. */
extern bool NetRows(Oid table, int64 *net);

/* The rows of a table, counted with its owner's rights; -1: there is no table. */
extern int64 CountTableRows(const char *schema, const char *table, Oid owner);

/* The same, of a table that since its last statistics only got so many rows;
 * counted where it is small, or may not be what these say. */
extern int64 TableRowsSince(const char *schema, const char *table, Oid owner, int64 added);

#endif							/* MEDALLION_ROWCOUNT_H */
