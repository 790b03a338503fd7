/*
 * lookup.c
 *	  An index of scd2_merge()'s target finds the versions of few keys.
 *
 * The planner would rather join with all of the target for more than a handful: an
 * array, or places, of whose number it knows nothing make it look them up.  The
 * target is one heap: no index is that of several tables.
 *
 * Where the target has hashes, what is stored decides, and the index is one on the
 * hash of the key.  Else the keys decide, and it is one on these, as tables of
 * people's own have it: keys of one time lie together in it, so that a batch of them
 * costs no more in a long history than in a short one.  Equal hashes are of equal
 * values of one type, and of plain types of the server's own an index finds what is
 * equal; arrays are not plain, for where they begin to count is no part of a hash.
 */
#include "base/compat.h"

#include "silver/lookup.h"

#include "base/blocks.h"
#include "base/sql.h"
#include "base/template.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#define KEYS_PER_KEY 20			/* an index is used for less than one key in so many */
#define MAX_KEYS (1 << 20)		/* and for so many, whose array is 64 MB at most */

/* The default operator classes of columns, as an array. */
static Datum
DefaultClasses(Oid relid, List *columns)
{
	Datum	   *classes = palloc(sizeof(Datum) * list_length(columns));
	ListCell   *lc;

	foreach(lc, columns)
		classes[foreach_current_index(lc)] =
			ObjectIdGetDatum(GetDefaultOpClass(get_atttype(relid, get_attnum(relid, lfirst(lc))), BTREE_AM_OID));
	return PointerGetDatum(construct_array(classes, list_length(columns), OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

/* Has a table a whole index that begins with these columns, in any order? */
static bool
HasIndexOn(Oid relid, List *columns)
{
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(relid));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(columns));
	ParamDatum(&params, OIDARRAYOID, DefaultClasses(relid, columns));
	return SqlBigint("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid"
					 " JOIN pg_am m ON m.oid = x.relam WHERE c.oid = $1 AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'"
					 " AND (NOT i.indcheckxmin OR age(i.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid))"
					 " AND cardinality($2) = (SELECT count(DISTINCT a.attname) FROM generate_series(0, cardinality($2) - 1) n"
					 " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[n] AND a.attname = ANY ($2)"
					 " JOIN pg_opclass o ON o.oid = i.indclass[n] AND o.oid = $3[array_position($2, a.attname::text)]"
					 " AND o.opcnamespace = 'pg_catalog'::regnamespace"
					 " WHERE n < i.indnkeyatts AND i.indcollation[n] = a.attcollation)", &params, 0) > 0;
}

/* Is a column of one plain type in both tables, so that an operator finds what a hash does? */
static bool
IsAlikeInBoth(const TableMerge *tables, const char *column)
{
	Oid			types[2];
	Oid			collations[2];
	int32		typmod;

	get_atttypetypmodcoll(tables->target, get_attnum(tables->target, column), &types[0], &typmod, &collations[0]);
	get_atttypetypmodcoll(tables->source, get_attnum(tables->source, column), &types[1], &typmod, &collations[1]);
	return types[0] == types[1] && collations[0] == collations[1] &&
		(get_typtype(types[0]) == TYPTYPE_BASE || get_typtype(types[0]) == TYPTYPE_ENUM) && !OidIsValid(get_element_type(types[0]));
}

/* Does an index on the keys find the versions of every key that a merge is about?  None of them is NULL then. */
static bool
KeysAreLookedUp(const TableMerge *tables)
{
	const FeatureOptions *options = &tables->options.feature;
	ListCell   *lc;

	if (options->deletes == DELETES_SNAPSHOT || options->null_key == NULL_KEY_AS_VALUE)
		return false;
	foreach(lc, tables->feature.keys)
	{
		if (!IsAlikeInBoth(tables, lfirst(lc)))
			return false;
	}
	return HasIndexOn(tables->target, tables->feature.keys);
}

void
PrepareLookup(TableMerge *tables)
{
	List	   *hash = list_make1("_business_key_hash");

	if (!HasBlocks(tables->target))
		tables->lookup = NIL;
	else if (tables->has_hashes)
		tables->lookup = HasIndexOn(tables->target, hash) ? hash : NIL;
	else
		tables->lookup = KeysAreLookedUp(tables) ? tables->feature.keys : NIL;
	SetColumnWords(&tables->merge.words, "lookup", tables->lookup);
	SetWord(&tables->merge.words, "of_keys", "true");
}

double
RowsOf(const TableMerge *tables, const char *relation)
{
	return SqlEstimate(FillTemplate(psprintf("SELECT FROM %s", relation), &tables->merge.words));
}

bool
IsFewKeys(const TableMerge *tables, double keys)
{
	return tables->lookup != NIL && keys <= MAX_KEYS &&
		keys * KEYS_PER_KEY < RowsOf(tables, "(SELECT DISTINCT {v.lookup} FROM {table} v) k");
}

/* Is what is looked up one column, of a length that an array of many can have? */
static bool
FitsArray(const TableMerge *tables)
{
	return list_length(tables->lookup) == 1 &&
		get_typlen(get_atttype(tables->target, get_attnum(tables->target, linitial(tables->lookup)))) > 0;
}

bool
LookUpKeys(TableMerge *tables, double keys, const char *rows)
{
	TemplateWords *words = &tables->merge.words;
	const char *condition = "true";
	bool		few = IsFewKeys(tables, keys);

	if (few && FitsArray(tables))
		condition = psprintf("{d.lookup} = ANY (ARRAY(SELECT DISTINCT {s.lookup} FROM %s s))", rows);
	else if (few)
		condition = psprintf("d.ctid = ANY (ARRAY(SELECT w.ctid FROM (SELECT DISTINCT {s.lookup} FROM %s s) s CROSS JOIN LATERAL"
							 " (SELECT v.ctid FROM {table} v WHERE ({v.lookup}) = ({s.lookup}) OFFSET 0) w))", rows);
	SetWord(words, "of_keys", FillTemplate(condition, words));
	return few;
}
