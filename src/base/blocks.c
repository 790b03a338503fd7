/*
 * blocks.c
 *	  Which blocks of a bronze table the rows of files lie in.
 *
 * The loader notes in the ledger the blocks that a file's rows went to, and the
 * table's file node.  Bronze is only ever appended to, and VACUUM moves nothing:
 * while the file node is the same the rows are there, and one new file costs
 * that file, not the table.  VACUUM FULL, CLUSTER, TRUNCATE, a restore and what
 * rewrites the table give it another file node.
 *
 * A row updated by hand may have moved to another block.  Therefore rows are
 * counted in the blocks first, and must be as many as the ledger knows: else the
 * whole table is read.  From the count on a lock keeps writers by hand waiting; where one
 * has begun already, the whole table is read as well.  Only a row added by hand under the id of a file, outside
 * of its blocks, is not seen; bronze is not the place to add rows by hand.
 */
#include "base/compat.h"

#include "base/blocks.h"

#include "base/sql.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define RANGES_MAX 32			/* more are not worth a scan each */

/* Is the table known to Citus?  The second question does not parse without it. */
bool
IsDistributed(Oid table)
{
	SqlParams	params = {0};

	if (SqlBigint("SELECT (to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL)::int", NULL, 0) == 0)
		return false;
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	return SqlBigint("SELECT count(*) FROM pg_catalog.pg_dist_partition"
					 " WHERE logicalrelid = $1::regclass", &params, 0) > 0;
}

/* Is the table one heap on this machine, whose rows have blocks to speak of? */
bool
HasBlocks(Oid table)
{
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	return SqlBigint("SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = $1"
					 " AND c.relkind = 'r' AND a.amname = 'heap' AND NOT c.relhassubclass", &params, 0) > 0 &&
		!IsDistributed(table);
}

int64
BlocksOf(Oid table)
{
	return SqlBigint(psprintf("SELECT pg_relation_size(%u) / current_setting('block_size')::bigint", table), NULL, 0);
}

char *
RowsInBlocks(const char *table, int64 first, int64 end)
{
	return psprintf("SELECT * FROM %s WHERE ctid >= '(" INT64_FORMAT ",0)' AND ctid < '(" INT64_FORMAT ",0)'",
					table, first, end);
}

bool
KeepRowsInPlace(Oid table)
{
	return ConditionalLockRelationOid(table, ShareLock);
}

/*
 * The ranges of blocks, those that touch made one; no rows where one is not known
 * or all of them are half of the table or more, for which one scan by several
 * workers is better.
 */
static const char ranges_sql[] =
"SELECT lower(r), upper(r), s.rows FROM (SELECT sum(rows)::bigint AS rows, range_agg(blocks) AS ranges"
" FROM medallion.file_versions WHERE file_id = ANY ($1) AND rows > 0 AND pruned_at IS NULL"
" HAVING bool_and(coalesce(filenode = pg_relation_filenode($2) AND blocks IS NOT NULL, false))) s, unnest(s.ranges) r"
" WHERE (SELECT sum(upper(u) - lower(u)) FROM unnest(s.ranges) u) * 2"
" < pg_relation_size($2) / current_setting('block_size')::bigint";

/* The blocks' rows of the files, as a query. */
static char *
BlocksQuery(const char *name, const SqlRows *ranges, int parameter)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (uint64 i = 0; i < ranges->count; i++)
		appendStringInfo(&sql, "%s%s AND _file_id = ANY ($%d)", i > 0 ? "\nUNION ALL " : "",
						 RowsInBlocks(name, RowBigint(ranges, i, 1), RowBigint(ranges, i, 2)), parameter);
	return sql.data;
}

/* What to select rows of files from. */
char *
RowsOfFiles(Oid table, Datum files, int parameter)
{
	char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), get_rel_name(table));
	SqlParams	params = {0};
	SqlRows    *ranges;

	ParamDatum(&params, INT8ARRAYOID, files);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	ranges = CatalogFetch(ranges_sql, &params);
	if (ranges->count == 0 || ranges->count > RANGES_MAX || !HasBlocks(table) || !KeepRowsInPlace(table))
		return name;
	params.count = 1;
	if (SqlBigint(psprintf("SELECT count(*) FROM (%s) b", BlocksQuery(name, ranges, 1)), &params, 0) !=
		RowBigint(ranges, 0, 3))
		return name;
	return psprintf("(%s)", BlocksQuery(name, ranges, parameter));
}
