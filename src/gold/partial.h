/*
 * partial.h
 *	  Refresh of what changed, and whether that is possible.
 */
#ifndef MEDALLION_PARTIAL_H
#define MEDALLION_PARTIAL_H

#include "gold/feed.h"
#include "gold/groups.h"
#include "gold/sums.h"

/* How a refresh is going to be done. */
typedef enum RefreshWay
{
	WAY_FULL,
	WAY_GROUPS,					/* keys touched are computed anew */
	WAY_APPEND,					/* rows of new rows are added */
	WAY_NOTHING					/* no input changed */
} RefreshWay;

typedef struct RefreshPlan
{
	RefreshWay	way;
	char	   *why;			/* for people; NULL where there is nothing to say */
	char	   *query;			/* what the model's view says now; names may have changed */
	GroupPlan  *groups;
	List	   *tables;			/* oids of the tables to watch; NIL: none */
	bool		watched;		/* before all was computed the model took all changes there were */
	List	   *changes;		/* PendingChanges *, of tables that have any */
	SumPlan    *sums;			/* by which the groups follow the changes; NULL: they are computed anew */
} RefreshPlan;

/* Decides; as the model's owner. */
extern RefreshPlan *PlanRefresh(const Model *model, RefreshMode mode);

/* Why a model cannot be refreshed as its options demand, or NULL. */
extern char *WhyNotAsked(const Model *model, const GroupPlan *groups);

/* Computes what is to be written into the staging table; as the model's owner.
 * False: it is more than can be told apart, and all must be computed. */
extern bool StagePart(const Model *model, RefreshPlan *plan, const char *staging, RefreshResult *result);

/* Has more changed while StagePart() worked?  Then what it staged is of two
 * moments; the plan is made anew, and so has that to be. */
extern bool ChangedMeanwhile(const Model *model, RefreshPlan *plan);

/* Deletes the old rows of the keys touched that are none any more. */
extern int64 DeleteTouchedRows(const Model *model, const RefreshPlan *plan, const char *staging);

/* Brings up to date what the next refresh goes by, once the rows are written. */
extern void KeepPart(const Model *model, const RefreshPlan *plan);

/* Drops what StagePart() made beside the staging table. */
extern void ForgetPart(const Model *model);

/* medallion.row_hash(...) over columns of q. */
extern char *HashExpression(List *columns);

#endif							/* MEDALLION_PARTIAL_H */
