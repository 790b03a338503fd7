/*
 * rowcount.c
 *	  How many rows a table has, without counting them each time.
 *
 * What a step has put into a table is known of the server's own counters of the
 * transaction, which leave out what was rolled back.  Added to the rows that
 * the last statistics tell, that is what the table has now: as long as it is the
 * same file node, and nobody else writes to it.  Large tables are therefore
 * compared with what ANALYZE found, and counted where that is another number.
 */
#include "base/compat.h"

#include "run/rowcount.h"

#include "access/table.h"
#include "base/feature.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "pgstat.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"

#define SMALL_BLOCKS "1000"		/* so many are counted in no time */

/* Rows that this transaction has added to a table, less those it deleted. */
bool
NetRows(Oid table, int64 *net)
{
	Relation	rel;
	bool		known;

	*net = 0;
	if (!OidIsValid(table))
		return true;
	rel = table_open(table, AccessShareLock);
	known = rel->rd_rel->relkind == RELKIND_RELATION && !rel->rd_rel->relhassubclass && pgstat_should_count_relation(rel);
	if (known)
	{
		for (PgStat_TableXactStatus *level = rel->pgstat_info->trans; level != NULL; level = level->upper)
		{
			*net += level->tuples_inserted - level->tuples_deleted;
			known = known && !level->truncdropped;
		}
	}
	table_close(rel, NoLock);
	return known;
}

/* The rows of a table; -1: there is none that is the owner's.  It is counted with
 * the owner's rights, who could have put a view in its place. */
int64
CountTableRows(const char *schema, const char *table, Oid owner)
{
	SavedIdentity saved;
	int64		count;

	if (!IsOwnRelation(TableOid(schema, table), owner))
		return -1;
	AsRole(&saved, owner);
	count = SqlBigint(psprintf("SELECT count(*) FROM %s", QualifiedName(schema, table)), NULL, 0);
	EndAs(&saved);
	return count;
}

/* The rows of a table that since its last statistics only got so many. */
int64
TableRowsSince(const char *schema, const char *table, Oid owner, int64 added)
{
	SqlParams	params = {0};
	int64		rows;

	ParamText(&params, QualifiedName(schema, table));
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TableOid(schema, table)));
	ParamBigint(&params, added);
	rows = CatalogBigint("SELECT s.record_count + $3 FROM (SELECT record_count, statistics_json FROM etl_logs.table_statistics"
						 " WHERE table_name = $1 ORDER BY stat_id DESC LIMIT 1) s JOIN pg_class c ON c.oid = $2"
						 " WHERE (s.statistics_json->>'filenode')::oid = pg_relation_filenode($2)"
						 " AND c.relpages > " SMALL_BLOCKS " AND abs(c.reltuples - (s.record_count + $3)) < 0.02 * c.reltuples",
						 &params, -1);
	return rows >= 0 ? rows : CountTableRows(schema, table, owner);
}
