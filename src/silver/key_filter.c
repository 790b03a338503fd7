/*
 * key_filter.c
 *	  Which pieces of bronze may have rows of a few keys.
 *
 * A key that is folded anew needs all its events, and silver does not say where
 * these are: what changed nothing has left no trace there.  Bronze has no index
 * that could, for its texts become keys only when cleaned and converted.
 * Therefore, once keys of a feature had to be folded anew, the hashes of the keys
 * in every piece of bronze are kept:
 *
 *	  file version x piece (so many blocks) ──> the first 4 bytes of the hash of
 *		each key, sorted: medallion.key_filters
 *
 * A key that a filter has not is not in the piece; one in 400,000 of the others is
 * not there either, which costs time alone.  Filters are made when they are asked
 * for, so features that never look back pay nothing, and of file versions that came
 * since only.  Bronze is appended to: rows stay where they are while the table has
 * its file node.  A row of theirs that somebody moved is missed where it was, for the
 * rows of the pieces are counted first; then all of bronze is read.
 */
#include "base/compat.h"

#include "silver/key_filter.h"

#include "base/blocks.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#define KEYS_MAX 10000			/* more are in every piece */
#define PIECES_MAX 200			/* more are not worth a scan each */

static int
CompareMarks(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

/* The marks of keys (uuid[], NULLs left out), sorted, each once. */
static uint32 *
MarksOf(ArrayType *keys, int *count)
{
	Datum	   *values;
	bool	   *nulls;
	int			given;
	uint32	   *marks;

	deconstruct_array(keys, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &values, &nulls, &given);
	marks = palloc(sizeof(uint32) * Max(given, 1));
	*count = 0;
	for (int i = 0; i < given; i++)
	{
		uint32		bytes;

		if (nulls[i])
			continue;
		memcpy(&bytes, DatumGetUUIDP(values[i])->data, sizeof(bytes));
		marks[(*count)++] = pg_ntoh32(bytes);
	}
	qsort(marks, *count, sizeof(uint32), CompareMarks);
	given = *count;
	*count = 0;
	for (int i = 0; i < given; i++)
	{
		if (i == 0 || marks[i] != marks[i - 1])
			marks[(*count)++] = marks[i];
	}
	return marks;
}

PG_FUNCTION_INFO_V1(medallion_key_filter);

/* key_filter(keys) */
Datum
medallion_key_filter(PG_FUNCTION_ARGS)
{
	int			count;
	uint32	   *marks = MarksOf(PG_GETARG_ARRAYTYPE_P(0), &count);
	bytea	   *filter = palloc(VARHDRSZ + count * sizeof(uint32));

	SET_VARSIZE(filter, VARHDRSZ + count * sizeof(uint32));
	for (int i = 0; i < count; i++)
		marks[i] = pg_hton32(marks[i]);
	memcpy(VARDATA(filter), marks, count * sizeof(uint32));
	PG_RETURN_BYTEA_P(filter);
}

PG_FUNCTION_INFO_V1(medallion_key_filter_meets);

/* key_filter_meets(filter, keys): one walk along both */
Datum
medallion_key_filter_meets(PG_FUNCTION_ARGS)
{
	bytea	   *filter = PG_GETARG_BYTEA_PP(0);
	int			asked;
	uint32	   *marks = MarksOf(PG_GETARG_ARRAYTYPE_P(1), &asked);
	int			held = VARSIZE_ANY_EXHDR(filter) / sizeof(uint32);
	int			next = 0;

	for (int i = 0; i < held && next < asked; i++)
	{
		uint32		bytes;

		memcpy(&bytes, VARDATA_ANY(filter) + i * sizeof(uint32), sizeof(bytes));
		bytes = pg_ntoh32(bytes);
		while (next < asked && marks[next] < bytes)
			next++;
		if (next < asked && marks[next] == bytes)
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

/* File versions without filters, as the only parameter of a statement; how many. */
static int64
FetchMissing(const SqlParams *files, Oid table, SqlParams *missing)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;

	ParamDatum(&params, INT8ARRAYOID, files->values[0]);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = CatalogFetch("SELECT coalesce(array_agg(file_id), '{}'), count(*) FROM medallion.file_versions v"
						" WHERE file_id = ANY ($1) AND rows > 0 AND NOT EXISTS"
						" (SELECT FROM medallion.key_filters k WHERE k.file_id = v.file_id AND k.filenode = pg_relation_filenode($2))",
						&params);
	ParamDatum(missing, INT8ARRAYOID, RowDatum(rows, 0, 1, &isnull));
	return RowBigint(rows, 0, 2);
}

/* Does the ledger know the blocks that rows of the file versions went to? */
static bool
KnowsBlocks(const SqlParams *missing, Oid table)
{
	SqlParams	params = *missing;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	return CatalogBigint("SELECT bool_and(coalesce(filenode = pg_relation_filenode($2) AND blocks IS NOT NULL, false))::int"
						 " FROM medallion.file_versions WHERE file_id = ANY ($1)", &params, 0) != 0;
}

/* The pieces that the ledger knows rows of the file versions to lie in, or all there are. */
static SqlRows *
FetchPieces(const SqlParams *missing, Oid table, bool known)
{
	SqlParams	params = *missing;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	ParamInt(&params, medallion_key_filter_blocks);
	return CatalogFetch(known ?
						"SELECT DISTINCT p * $3 AS first, (p + 1) * $3 FROM medallion.file_versions,"
						" generate_series(lower(blocks) / $3, (upper(blocks) - 1) / $3) p WHERE file_id = ANY ($1) ORDER BY 1" :
						"SELECT p * $3, (p + 1) * $3 FROM generate_series(0,"
						" pg_relation_size($2) / current_setting('block_size')::bigint / $3) p WHERE $1 IS NOT NULL", &params);
}

/* Keeps the filters of one piece; returns the rows that it has of the files. */
static int64
FilterPiece(const SilverShape *shape, const SqlParams *missing, Oid table, const char *bronze, int64 first, int64 end)
{
	SilverShape piece = *shape;
	SqlRows    *rows;
	int64		found = 0;
	bool		isnull;

	piece.bronze = psprintf("(%s)", RowsInBlocks(bronze, first, end));
	rows = SqlFetch(psprintf("SELECT r._file_id, r.rows, coalesce(k.keys, '{}') FROM"
							 " (SELECT _file_id, count(*) AS rows FROM %s b WHERE _file_id = ANY ($1) GROUP BY 1) r"
							 " LEFT JOIN (SELECT _file_id, array_agg(DISTINCT _business_key_hash) AS keys FROM (%s) e"
							 " WHERE _business_key_hash IS NOT NULL GROUP BY 1) k USING (_file_id)",
							 piece.bronze, KeySelect(&piece, missing)), missing);
	for (uint64 i = 0; i < rows->count; i++)
	{
		SqlParams	params = {0};

		ParamBigint(&params, RowBigint(rows, i, 1));
		ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
		ParamBigint(&params, first);
		ParamBigint(&params, end);
		ParamBigint(&params, RowBigint(rows, i, 2));
		ParamDatum(&params, UUIDARRAYOID, RowDatum(rows, i, 3, &isnull));
		CatalogExec("INSERT INTO medallion.key_filters (file_id, filenode, blocks, rows, filter) VALUES"
					" ($1, pg_relation_filenode($2), int8range($3, $4), $5, medallion.key_filter($6))", &params);
		found += RowBigint(rows, i, 2);
	}
	return found;
}

/* Keeps the filters of all pieces of some; returns the rows that they have of the files. */
static int64
FilterPieces(const SilverShape *shape, const SqlParams *missing, Oid table, const char *bronze, bool known)
{
	SqlRows    *pieces = FetchPieces(missing, table, known);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "medallion key filters", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(memory);
	int64		found = 0;

	for (uint64 i = 0; i < pieces->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		found += FilterPiece(shape, missing, table, bronze, RowBigint(pieces, i, 1), RowBigint(pieces, i, 2));
		MemoryContextReset(memory);
	}
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(memory);
	return found;
}

/* Forgets what is known of file versions that count no longer. */
static void
ForgetOthers(const Feature *feature, const SqlParams *files)
{
	SqlParams	params = {0};

	ParamDatum(&params, INT8ARRAYOID, files->values[0]);
	ParamInt(&params, feature->id);
	CatalogExec("DELETE FROM medallion.key_filters k USING medallion.file_versions v WHERE v.file_id = k.file_id"
				" AND v.feature_id = $2 AND NOT k.file_id = ANY ($1)", &params);
}

/* Makes the filters that are missing; rows that are not where the ledger says are looked for everywhere. */
static void
MakeFilters(const SilverShape *shape, const SqlParams *files, Oid table, const char *bronze)
{
	SqlParams	missing = {0};
	int64		expected;

	if (FetchMissing(files, table, &missing) == 0)
		return;
	ForgetOthers(shape->feature, files);
	ForgetKeyFilters(missing.values[0]);
	expected = CatalogBigint("SELECT sum(rows)::bigint FROM medallion.file_versions WHERE file_id = ANY ($1)", &missing, 0);
	if (KnowsBlocks(&missing, table) && FilterPieces(shape, &missing, table, bronze, true) == expected)
		return;
	ForgetKeyFilters(missing.values[0]);
	FilterPieces(shape, &missing, table, bronze, false);
}

/* The pieces that may have rows of the keys: first block, end, files, rows. */
static SqlRows *
MeetFilters(const SqlParams *files, Oid table, Datum keys)
{
	SqlParams	params = {0};

	ParamDatum(&params, INT8ARRAYOID, files->values[0]);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	ParamDatum(&params, UUIDARRAYOID, keys);
	return CatalogFetch("SELECT lower(blocks), upper(blocks), array_agg(file_id)::text, sum(rows)::bigint FROM medallion.key_filters"
						" WHERE file_id = ANY ($1) AND filenode = pg_relation_filenode($2)"
						" AND medallion.key_filter_meets(filter, $3) GROUP BY blocks", &params);
}

/* The rows of the pieces as a query; NULL if they are too many.  expected: how many there were. */
static char *
PiecesQuery(const SqlRows *pieces, Oid table, const char *bronze, int64 *expected)
{
	StringInfoData sql;
	int64		blocks = 0;

	*expected = 0;
	if (pieces->count > PIECES_MAX)
		return NULL;
	initStringInfo(&sql);
	for (uint64 i = 0; i < pieces->count; i++)
	{
		appendStringInfo(&sql, "%s%s AND _file_id = ANY ('%s')", i > 0 ? "\nUNION ALL " : "",
						 RowsInBlocks(bronze, RowBigint(pieces, i, 1), RowBigint(pieces, i, 2)), RowText(pieces, i, 3));
		blocks += RowBigint(pieces, i, 2) - RowBigint(pieces, i, 1);
		*expected += RowBigint(pieces, i, 4);
	}
	if (pieces->count == 0)
		appendStringInfo(&sql, "SELECT * FROM %s WHERE false", bronze);
	return blocks * 2 > BlocksOf(table) ? NULL : psprintf("(%s)", sql.data);
}

char *
RowsOfKeys(const SilverShape *shape, const SqlParams *files, const char *keys)
{
	Oid			table = TableOid(medallion_bronze_schema, shape->feature->name);
	char	   *bronze = QualifiedName(medallion_bronze_schema, shape->feature->name);
	SqlParams	missing = {0};
	SqlRows    *asked;
	char	   *source;
	int64		expected;
	bool		isnull;

	if (medallion_key_filter_blocks == 0 || shape->bronze != NULL || !HasBlocks(table) ||
		BlocksOf(table) < medallion_key_filter_blocks * INT64CONST(2) || !KeepRowsInPlace(table))
		return NULL;
	asked = SqlFetch(psprintf("SELECT count(*), array_agg(h) FROM (SELECT h FROM (%s) k (h) LIMIT %d) k", keys, KEYS_MAX + 1), NULL);
	if (RowBigint(asked, 0, 1) == 0 || RowBigint(asked, 0, 1) > KEYS_MAX)
		return NULL;
	MakeFilters(shape, files, table, bronze);
	if (FetchMissing(files, table, &missing) > 0)
		return NULL;
	source = PiecesQuery(MeetFilters(files, table, RowDatum(asked, 0, 2, &isnull)), table, bronze, &expected);
	if (source == NULL || SqlBigint(psprintf("SELECT count(*) FROM %s b", source), NULL, 0) == expected)
		return source;
	ForgetKeyFilters(files->values[0]);	/* rows were moved */
	return NULL;
}

void
ForgetKeyFilters(Datum files)
{
	SqlParams	params = {0};

	ParamDatum(&params, INT8ARRAYOID, files);
	CatalogExec("DELETE FROM medallion.key_filters WHERE file_id = ANY ($1)", &params);
}
