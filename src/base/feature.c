/*
 * feature.c
 *	  Catalog rows of features -> structs.
 */
#include "base/compat.h"

#include "base/feature.h"

#include "access/htup_details.h"
#include "base/settings.h"
#include "base/sql.h"
#include "base/transaction.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* The options as they are in this environment; silver that was made in another is made anew. */
#define FEATURE_COLUMNS "feature_id, name, owner::oid, source, business_keys," \
	" medallion.environment_options(options, current_setting('medallion.environment'))," \
	" needs_rebuild OR (changed_run_id IS NOT NULL AND options ? 'environments'" \
	" AND environment <> current_setting('medallion.environment'))"

/* One fetched row -> Feature. */
static Feature *
FeatureFromRow(const SqlRows *rows, uint64 row)
{
	Feature    *feature = palloc0(sizeof(Feature));
	bool		isnull;
	Datum		value;

	feature->id = RowInt(rows, row, 1);
	feature->name = RowText(rows, row, 2);
	feature->owner = (Oid) RowBigint(rows, row, 3);
	feature->source = TextArrayToList(RowDatum(rows, row, 4, &isnull));
	value = RowDatum(rows, row, 5, &isnull);
	if (!isnull)
		feature->keys = TextArrayToList(value);
	ParseFeatureOptions(DatumGetJsonbP(RowDatum(rows, row, 6, &isnull)), &feature->options);
	feature->needs_rebuild = RowBool(rows, row, 7);
	return feature;
}

/* Raises for the first name that is no feature. */
static void
CheckAllFound(List *names, List *features)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		bool		found = false;
		List	   *known = NIL;
		ListCell   *fc;

		foreach(fc, features)
			found |= strcmp(((Feature *) lfirst(fc))->name, lfirst(lc)) == 0;
		if (!found)
		{
			SqlRows    *all = CatalogFetch("SELECT name FROM medallion.features", NULL);

			for (uint64 i = 0; i < all->count; i++)
				known = lappend(known, RowText(all, i, 1));
			RaiseUnknownName("feature", lfirst(lc), known);
		}
	}
}

/* Features by name, in order of id; no names: all of them. */
List *
LoadFeatures(List *names)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *features = NIL;

	if (names == NIL)
		ParamNull(&params, TEXTARRAYOID);
	else
		ParamDatum(&params, TEXTARRAYOID, ListToTextArray(names));
	rows = CatalogFetch("SELECT " FEATURE_COLUMNS " FROM medallion.features"
						" WHERE $1 IS NULL OR name = ANY ($1) ORDER BY feature_id", &params);
	for (uint64 i = 0; i < rows->count; i++)
		features = lappend(features, FeatureFromRow(rows, i));
	CheckAllFound(names, features);
	return features;
}

/* One feature by name. */
Feature *
LoadFeature(const char *name)
{
	return linitial(LoadFeatures(list_make1(unconstify(char *, name))));
}

/* Is history kept (scd2), or does every row stand alone (append)? */
bool
FeatureKeepsHistory(const Feature *feature)
{
	if (feature->options.history == HISTORY_APPEND)
		return false;
	return feature->keys != NIL && medallion_enable_scd2;
}

/* Does a changed file withdraw what its old version said? */
bool
FeatureRestates(const Feature *feature)
{
	return feature->options.on_change == ON_CHANGE_RESTATE;
}

/* Do columns of its own, not the ledger, order the events of a key? */
bool
FeatureIsSequenced(const Feature *feature)
{
	return feature->options.sequence_by != NIL && FeatureKeepsHistory(feature);
}

/* A condition: the silver row is what holds now. */
char *
CurrentCondition(const Feature *feature, const char *prefix)
{
	if (!FeatureKeepsHistory(feature))
		return pstrdup("true");
	return psprintf("%s%s", prefix, quote_identifier(feature->options.history_columns.is_current));
}

/* Raises unless the current user may act for the owner of an object. */
void
CheckMayActFor(Oid owner, const char *kind, const char *name)
{
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of %s \"%s\"", kind, name)));
}

/*
 * Raises if the session, or its user by ALTER ROLE, says where files and layers
 * are.  An operator that could say so would run what others own over files and
 * into tables of its choosing.
 */
static void
CheckPlacesOfServer(void)
{
	SqlRows    *rows = SqlFetch("SELECT name FROM pg_show_all_settings() WHERE name IN ('medallion.input_root',"
								" 'medallion.bronze_schema', 'medallion.silver_schema', 'medallion.gold_schema', 'medallion.model_schema')"
								" AND source IN ('user', 'database user', 'client', 'interactive', 'test', 'session')"
								" ORDER BY name", NULL);

	if (rows->count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("an operator may not choose \"%s\"", RowText(rows, 0, 1)),
				 errdetail("What others own is run with the places that postgresql.conf, ALTER SYSTEM or ALTER DATABASE give."),
				 errhint("RESET the setting, or have it taken from the role with ALTER ROLE.")));
}

/* May the current user run what a role owns?  Its members may, and who was made
 * its operator. */
bool
MayRun(Oid owner)
{
	SqlParams	params = {0};

	if (has_privs_of_role(GetUserId(), owner))
		return true;
	ParamBigint(&params, (int64) owner);
	ParamBigint(&params, (int64) GetUserId());
	if (CatalogBigint("SELECT count(*) FROM medallion.operators WHERE owner = $1::oid"
					  " AND pg_has_role($2::oid, operator::oid, 'USAGE')", &params, 0) == 0)
		return false;
	CheckPlacesOfServer();
	return true;
}

/* Raises unless the current user may run what a role owns. */
void
CheckMayRun(Oid owner, const char *kind, const char *name)
{
	if (!MayRun(owner))
		CheckMayActFor(owner, kind, name);
}

/*
 * Is a relation a role's own?  Its own, its group's, or a superuser's: these
 * could have done anything anyway.  Superusers are asked as anybody else: they
 * have the privileges of all roles, but must not run what others put in the
 * place of a table of theirs.
 */
bool
IsOwnRelation(Oid relation, Oid role)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner == role || superuser_arg(owner) || is_member_of_role_nosuper(role, owner);
}

/* Raises if there is a relation of this name that is not the role's own: it may
 * have triggers, defaults, rules, which would run with the role's rights. */
void
CheckOwnRelation(const char *schema, const char *name, Oid role)
{
	Oid			relation = TableOid(schema, name);

	if (OidIsValid(relation) && !IsOwnRelation(relation, role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("relation %s does not belong to \"%s\"", QualifiedName(schema, name), GetUserNameFromId(role, false)),
				 errdetail("The tables of a feature or model must be its owner's."),
				 errhint("Drop or rename the relation, or give it to the owner.")));
}

/* Becomes the feature's owner, once it is sure whose its relations are. */
void
AsFeatureOwner(SavedIdentity *saved, const Feature *feature)
{
	List	   *names = SilverRelations(feature->name, &feature->options);
	ListCell   *lc;

	CheckOwnRelation(medallion_bronze_schema, feature->name, feature->owner);
	foreach(lc, names)
		CheckOwnRelation(medallion_silver_schema, lfirst(lc), feature->owner);
	list_free_deep(names);
	AsRole(saved, feature->owner);
}

/* Is the silver table of a feature partitioned? */
bool
FeatureIsPartitioned(const FeatureOptions *options)
{
	return options->partition_by != NULL || options->partition_columns != NIL;
}

/* The relations that a feature has, or may come to have, in silver. */
List *
SilverRelations(const char *feature, const FeatureOptions *options)
{
	List	   *names = list_make2(pstrdup(feature), psprintf("%s_current", feature));
	List	   *splits;
	List	   *conditions;
	ListCell   *lc;

	JsonbObjectItems(options->split, &splits, &conditions);
	foreach(lc, splits)
	{
		char	   *view = psprintf("%s_%s", feature, (char *) lfirst(lc));

		names = lappend(names, view);
		names = lappend(names, psprintf("%s_current", view));
	}
	if (FeatureIsPartitioned(options))
		names = lappend(names, psprintf("%s_default", feature));
	return names;
}

static void
SetFeatureLock(LOCKTAG *lock, int feature_id)
{
	SET_LOCKTAG_ADVISORY(*lock, MyDatabaseId, MEDALLION_LOCK_SPACE, feature_id, 2);
}

/* Takes the lock of a feature: who runs it and who defines it take turns. */
bool
LockFeature(int feature_id, bool wait)
{
	LOCKTAG		lock;

	SetFeatureLock(&lock, feature_id);
	return LockAcquire(&lock, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/* Takes the lock of a feature until ReleaseFeature(), or until a rollback. */
bool
HoldFeature(int feature_id, bool wait)
{
	LOCKTAG		lock;

	SetFeatureLock(&lock, feature_id);
	return KeepLock(&lock, wait);
}

/* Gives back what HoldFeature() took. */
void
ReleaseFeature(int feature_id)
{
	LOCKTAG		lock;

	SetFeatureLock(&lock, feature_id);
	GiveBackLock(&lock);
}

/* schema.name, quoted as needed. */
char *
QualifiedName(const char *schema, const char *name)
{
	return quote_qualified_identifier(schema, name);
}

/* The table's oid, or InvalidOid. */
Oid
TableOid(const char *schema, const char *name)
{
	Oid			namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
}

/*
 * Creates the schema if it is missing, as the current user.  Two first runs
 * may want it at once: the second waits, and looks again.
 */
void
EnsureSchema(const char *schema)
{
	LOCKTAG		tag;

	if (OidIsValid(get_namespace_oid(schema, true)))
		return;
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, MEDALLION_LOCK_SPACE, 0, 2);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	AcceptInvalidationMessages();
	if (!OidIsValid(get_namespace_oid(schema, true)))
		SqlExecFormat(NULL, "CREATE SCHEMA %s", quote_identifier(schema));
}
