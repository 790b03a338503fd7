/*
 * values.h
 *	  How many rows of each of some values a query has.
 */
#ifndef MEDALLION_VALUES_H
#define MEDALLION_VALUES_H

#include "base/sql.h"

/*
 * Counts rows of groups and values.  wanted: SELECT of an id (bigint), the number of a value column (int),
 * keys of a group, value columns, of which the one with that number, from 0, matters; rows: SELECT of keys and value
 * columns.  No key is NULL in wanted.  Adds two parameters (bigint[]): ids, and how many rows there
 * are of each, where there are any.  False: more are wanted than fit into memory.
 */
extern bool CountValues(int keys, const char *wanted, const char *rows, SqlParams *params);

#endif							/* MEDALLION_VALUES_H */
