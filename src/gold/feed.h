/*
 * feed.h
 *	  What changed in the tables that models read: one door to note it, one to
 *	  ask for it.
 */
#ifndef MEDALLION_FEED_H
#define MEDALLION_FEED_H

#include "gold/model.h"

/* What a model has not taken yet of the changes of one table. */
typedef struct PendingChanges
{
	Oid			table;
	int64		rows;			/* images of rows, at most two per change */
	bool		lost;			/* not all changes are known */
	List	   *batches;		/* char *, their ids */
} PendingChanges;

/* The table beside a watched one that holds the images of changed rows. */
extern char *ChangesName(Oid table);
extern Oid	ChangesOid(Oid table);

/* Leaves a table that was just made to its owner alone; as this. */
extern void CloseToOthers(Oid table, const char *name);

/* Why changes of this table cannot be noted, or NULL. */
extern const char *WhyNotWatched(Oid table);

/* Is this table ours to watch for the model: silver, gold, or its owner's? */
extern bool MayWatch(const Model *model, Oid table);

/* Has every change of these tables (oids) been noted since the model's last
 * refresh, and was that by the same query? */
extern bool IsSubscribed(const Model *model, List *tables, int64 query_hash);

/* Sees to it that changes of these tables are noted from now on, and that
 * the model knows those up to now; false if that cannot be without waiting.
 * To be called before the model's query runs. */
extern bool Subscribe(const Model *model, List *tables, int64 query_hash);

/* Ends what Subscribe() began, where no other model needs it. */
extern void Unsubscribe(const Model *model);

extern PendingChanges *FetchPending(const Model *model, Oid table);

/* Notes that the model has taken these changes, and forgets those that all have taken. */
extern void TakePending(const Model *model, const PendingChanges *pending);

/* Takes away the images of a table's changes; models that still need them are
 * computed in full. */
extern void DropImages(Oid table);

#endif							/* MEDALLION_FEED_H */
