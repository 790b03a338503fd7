/*
 * lookup.c
 *	  An index of scd2_merge()'s target finds the versions of few keys.
 *
 * The planner would rather join with all of the target for more than a handful: an
 * array, or places, of whose number it knows nothing make it look them up.
 *
 * The index is one on the keys themselves, which tables of people's own have, or on
 * their hash.  Keys of one time lie together in the first, so that what a batch of
 * them costs is no more in a long history than in a short one; hashes lie anywhere.
 * Equal hashes are of equal values of one type, and of the server's own types an
 * index finds what is equal: so it finds all versions that have the hash of a key.
 */
#include "base/compat.h"

#include "silver/lookup.h"

#include "base/sql.h"
#include "base/template.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#define KEYS_PER_ROWS 20		/* an index is used for less than one key in so many rows */
#define MAX_KEYS (1 << 20)		/* as long as they fit in memory */

/* Has a table by itself a whole index that begins with these columns, in any order? */
static bool
HasIndexOn(Oid relid, List *columns)
{
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(relid));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(columns));
	return SqlBigint("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid"
					 " JOIN pg_am m ON m.oid = x.relam WHERE c.oid = $1 AND c.relkind = 'r' AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'"
					 " AND cardinality($2) = (SELECT count(DISTINCT a.attname) FROM generate_series(0, cardinality($2) - 1) n"
					 " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[n] AND a.attname = ANY ($2)"
					 " JOIN pg_opclass o ON o.oid = i.indclass[n] AND o.opcdefault AND o.opcnamespace = 'pg_catalog'::regnamespace"
					 " WHERE n < i.indnkeyatts AND i.indcollation[n] = a.attcollation)", &params, 0) > 0;
}

/* Is a column of both tables the same to the operator of an index? */
static bool
IsOfOneType(const TableMerge *tables, const char *column)
{
	Oid			types[2];
	Oid			collations[2];
	int32		typmod;

	get_atttypetypmodcoll(tables->target, get_attnum(tables->target, column), &types[0], &typmod, &collations[0]);
	get_atttypetypmodcoll(tables->source, get_attnum(tables->source, column), &types[1], &typmod, &collations[1]);
	return types[0] == types[1] && collations[0] == collations[1];
}

/* Does an index on the keys find the versions of all keys that a merge is about: those of the source, none of them NULL? */
static bool
KeysAreLookedUp(const TableMerge *tables)
{
	const FeatureOptions *options = &tables->options.feature;
	ListCell   *lc;

	if (options->deletes == DELETES_SNAPSHOT || options->null_key == NULL_KEY_AS_VALUE)
		return false;
	foreach(lc, tables->feature.keys)
	{
		if (!IsOfOneType(tables, lfirst(lc)))
			return false;
	}
	return HasIndexOn(tables->target, tables->feature.keys);
}

double
RowsOf(const TableMerge *tables, const char *relation)
{
	return SqlEstimate(FillTemplate(psprintf("SELECT FROM %s", relation), &tables->merge.words));
}

/* Are so few keys looked up for less than a look at all of the target costs? */
static bool
IsFewKeys(const TableMerge *tables, double keys)
{
	return tables->lookup != NIL && keys <= MAX_KEYS &&
		keys * KEYS_PER_ROWS < RowsOf(tables, "{table}");
}

void
PrepareLookup(TableMerge *tables)
{
	List	   *hash = list_make1("_business_key_hash");

	if (KeysAreLookedUp(tables))
		tables->lookup = tables->feature.keys;
	else if (tables->has_hashes && HasIndexOn(tables->target, hash))
		tables->lookup = hash;
	SetColumnWords(&tables->merge.words, "lookup", tables->lookup);
	SetWord(&tables->merge.words, "of_keys", "true");
}

bool
LookUpKeys(TableMerge *tables, double keys, const char *rows)
{
	TemplateWords *words = &tables->merge.words;
	const char *condition = "true";
	bool		few = IsFewKeys(tables, keys);

	if (few)
		condition = psprintf(list_length(tables->lookup) == 1 ?
							 "{d.lookup} = ANY (ARRAY(SELECT {s.lookup} FROM %s s))" :
							 "d.ctid = ANY (ARRAY(SELECT w.ctid FROM (SELECT DISTINCT {s.lookup} FROM %s s) s CROSS JOIN LATERAL"
							 " (SELECT v.ctid FROM {table} v WHERE ({v.lookup}) = ({s.lookup}) OFFSET 0) w))", rows);
	SetWord(words, "of_keys", FillTemplate(condition, words));
	return few;
}
