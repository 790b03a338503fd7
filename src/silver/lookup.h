/*
 * lookup.h
 *	  An index of scd2_merge()'s target finds the versions of few keys.
 */
#ifndef MEDALLION_LOOKUP_H
#define MEDALLION_LOOKUP_H

#include "postgres.h"
#include "silver/merge_target.h"

/* Finds tables->lookup: columns by which an index of the target, which is locked, finds the versions of a key, if there is one. */
extern void PrepareLookup(TableMerge *tables);

/* How many rows the planner takes a relation of the merge to have. */
extern double RowsOf(const TableMerge *tables, const char *relation);

/* Are so few keys looked up for less than a look at all of the target costs? */
extern bool IsFewKeys(const TableMerge *tables, double keys);

/*
 * Makes of {of_keys}, which is "true" before, a condition on rows d of the target for the statements that follow:
 * those of the keys of some rows fulfil it, and an index finds them; where these are not few, all rows do.
 * Returns whether they are few; the planner then takes them for even fewer.
 */
extern bool LookUpKeys(TableMerge *tables, double keys, const char *rows);

#endif							/* MEDALLION_LOOKUP_H */
