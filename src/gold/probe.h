/*
 * probe.h
 *	  From a model's query to the statements of its refresh by groups.
 */
#ifndef MEDALLION_PROBE_H
#define MEDALLION_PROBE_H

#include "gold/feed.h"
#include "gold/groups.h"

/* The keys (k1, k2, ...) that these changes (PendingChanges *) touch. */
extern char *AffectedKeysQuery(const GroupPlan *plan, List *changes);

/* The model's query for the keys in a table of them; nulls: which of their
 * columns are NULL (bit 0: k1), all others being not NULL. */
extern char *RestrictedQuery(const GroupPlan *plan, const char *keys, uint32 nulls);

/* "o.a = k.k1 AND o.b IS NULL", likewise */
extern char *KeyCondition(const GroupPlan *plan, const char *rows, uint32 nulls);

/* The model's query for the rows that were inserted into the first table. */
extern char *AppendedQuery(const GroupPlan *plan, const PendingChanges *changes);

/* Other columns (TargetEntry *) of the joined rows that a model's query groups; changes, if not NULL,
 * with a condition that begins with AND: of their images in the place of the first table. */
extern char *UngroupedQuery(const GroupPlan *plan, List *columns, const PendingChanges *changes, const char *condition);

#endif							/* MEDALLION_PROBE_H */
