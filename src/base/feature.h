/*
 * feature.h
 *	  A feature as C sees it: its catalog row with parsed options.
 */
#ifndef MEDALLION_FEATURE_H
#define MEDALLION_FEATURE_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "base/options.h"

/* First half of our advisory locks, "medl"; the second is a feature's id, or 0
 * for what is made once per database. */
#define MEDALLION_LOCK_SPACE 0x6d65646c

typedef struct Feature
{
	int			id;
	char	   *name;
	Oid			owner;
	List	   *source;			/* char *, glob patterns */
	List	   *keys;			/* char *, business keys; NIL: none */
	bool		needs_rebuild;	/* keys or options changed since silver was made */
	FeatureOptions options;
} Feature;

/* Features by name in order of id; names NIL: all.  A missing one is an error. */
extern List *LoadFeatures(List *names);
extern Feature *LoadFeature(const char *name);

/* Are rows folded by key (scd2, scd1), or does every one stand alone? */
extern bool FeatureKeepsHistory(const Feature *feature);
extern bool FeatureRestates(const Feature *feature);

/* Do columns of its own, not the ledger, order the events of a key? */
extern bool FeatureIsSequenced(const Feature *feature);

/* SQL condition: the silver row is what holds now. */
extern char *CurrentCondition(const Feature *feature, const char *prefix);

/* Raises unless the current user may act for the role that owns an object. */
extern void CheckMayActFor(Oid owner, const char *kind, const char *name);

/* May the current user run what a role owns, as its member or its operator? */
extern bool MayRun(Oid owner);
extern void CheckMayRun(Oid owner, const char *kind, const char *name);

/* Is a relation a role's own?  False also if there is none. */
extern bool IsOwnRelation(Oid relation, Oid role);

/* Raises if there is a relation of this name that is not the role's own. */
extern void CheckOwnRelation(const char *schema, const char *name, Oid role);

/* AsRole() for the feature's owner, whose the tables and views of its name must be. */
struct SavedIdentity;
extern void AsFeatureOwner(struct SavedIdentity *saved, const Feature *feature);

/* Is the silver table of a feature partitioned? */
extern bool FeatureIsPartitioned(const FeatureOptions *options);

/* Names (char *) of the relations that a feature has, or may come to have, in silver. */
extern List *SilverRelations(const char *feature, const FeatureOptions *options);

/* Takes the lock of a feature until the transaction ends; false if another has
 * it and we are not to wait. */
extern bool LockFeature(int feature_id, bool wait);

/* The same lock for longer than a transaction, for who commits between steps. */
extern bool HoldFeature(int feature_id, bool wait);
extern void ReleaseFeature(int feature_id);

/* schema.name, quoted as needed */
extern char *QualifiedName(const char *schema, const char *name);

/* The table's oid, or InvalidOid if there is none yet. */
extern Oid	TableOid(const char *schema, const char *name);

/* Creates the schema if it is missing, as the current user. */
extern void EnsureSchema(const char *schema);

#endif							/* MEDALLION_FEATURE_H */
