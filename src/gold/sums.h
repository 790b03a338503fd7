/*
 * sums.h
 *	  Groups whose counts, sums and averages follow from what changed.
 */
#ifndef MEDALLION_SUMS_H
#define MEDALLION_SUMS_H

#include "gold/feed.h"
#include "gold/groups.h"

typedef struct SumPlan SumPlan;

/* How a model's rows are kept as sums; NULL: they cannot be. */
extern SumPlan *PlanSums(const Model *model, const GroupPlan *groups);

/* Does the model have sums? */
extern bool HasSums(const Model *model);

/* Is their name free? */
extern bool HasRoomForSums(const Model *model);

/* Are values counted in the table itself, when images of changes tell of new ones? */
extern bool CountsValues(const SumPlan *plan);

/* Computes the sums of all rows there are; as the model's owner. */
extern void MakeSums(const SumPlan *plan);

/* SELECT of the model's rows from its sums. */
extern char *RowsOfSums(const SumPlan *plan);

/*
 * Makes a table of what these changes do to the sums, by the keys they touch, k1, k2, ...
 * False: not all of it can be told; the groups have to be computed anew.
 */
extern bool StageSumChanges(const SumPlan *plan, const PendingChanges *changes, const char *staging);

/* SELECT of the model's rows of the keys in such a table, as the changes leave them. */
extern char *RowsOfSumChanges(const SumPlan *plan, const char *staging);

/* Brings the sums up to date with such a table. */
extern void ApplySumChanges(const SumPlan *plan, const char *staging);

/* Drops the sums, if there are any. */
extern void DropSums(const Model *model);

#endif							/* MEDALLION_SUMS_H */
