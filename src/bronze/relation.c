/*
 * relation.c
 *	  A relation with a watermark column -> rows of a bronze table.
 *
 *	  watermark reached so far -> rows at or behind it, less the overlap
 *	      -> those not loaded yet -> one batch, a file version of its own
 *
 * Any table, view or foreign table will do.  Rows that are equal to the bound
 * are read again each time, and rows a little older where the feature asks for
 * an overlap: transactions commit in another order than they take their
 * timestamps.  What bronze has already, by content, is not loaded again.  The
 * watermark is in the ledger, so it moves with the rows or not at all.
 */
#include "base/compat.h"

#include "bronze/relation.h"

#include "access/table.h"
#include "access/transam.h"
#include "base/blocks.h"
#include "base/settings.h"
#include "base/sql.h"
#include "bronze/columns.h"
#include "bronze/ledger.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* One pull from a relation. */
typedef struct Pull
{
	const Feature *feature;
	char	   *relation;		/* schema.name, quoted */
	List	   *sources;		/* its columns (char *) ... */
	List	   *names;			/* ... and their names in bronze */
	List	   *loaded;			/* those that have a column there (BronzeColumn *, or NULL) */
	char	   *watermark_type;
	ValueType	watermark_class;
	char	   *watermark_name; /* in bronze */
	char	   *reached;		/* the watermark so far, or NULL */
	Datum		batches;		/* bigint[]: earlier batches with rows that may come again */
} Pull;

/* The type that a column's declaration speaks for. */
static ValueType
DeclaredType(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
			return VT_BOOLEAN;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return VT_BIGINT;
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return VT_NUMERIC;
		case DATEOID:
			return VT_DATE;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return VT_TIMESTAMP;
		default:
			return VT_TEXT;
	}
}

/* Resolves the relation's columns; raises where there is no such watermark. */
static void
DescribeRelation(Pull *pull, BronzeColumns *columns)
{
	const FeatureOptions *options = &pull->feature->options;
	SqlParams	params = {0};
	SqlRows    *rows;
	char	  **originals;
	char	  **names;
	List	   *known = NIL;

	ParamText(&params, options->relation);
	rows = SqlFetch("SELECT a.attname::text, a.atttypid::bigint, a.attrelid::regclass::text FROM pg_attribute a"
					" WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped"
					" ORDER BY a.attnum", &params);
	if (rows->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", options->relation),
				 errhint("Name its schema too.")));
	pull->relation = RowText(rows, 0, 3);
	originals = palloc(sizeof(char *) * rows->count);
	for (uint64 i = 0; i < rows->count; i++)
		originals[i] = RowText(rows, i, 1);
	names = CleanHeaders(pull->feature, originals, rows->count);
	for (uint64 i = 0; i < rows->count; i++)
	{
		Oid			type = (Oid) RowBigint(rows, i, 2);
		BronzeColumn *column = ResolveColumn(columns, names[i], originals[i]);

		if (column != NULL)
			column->type = WidenType(column->type, DeclaredType(type));
		known = lappend(known, originals[i]);
		pull->names = lappend(pull->names, names[i]);
		pull->loaded = lappend(pull->loaded, column);
		if (strcmp(originals[i], options->watermark) != 0)
			continue;
		if (type >= FirstNormalObjectId || column == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("column \"%s\" of %s cannot be a watermark", originals[i], pull->relation),
					 errdetail("It must be of a type of the server, and loaded.")));
		pull->watermark_type = format_type_be(type);
		pull->watermark_class = DeclaredType(type);
		pull->watermark_name = names[i];
	}
	pull->sources = known;
	if (pull->watermark_type == NULL)
		RaiseUnknownName("watermark column", options->watermark, known);
}

/* The least watermark to look at, as SQL over $1, the greatest so far. */
static char *
LowerBound(const Pull *pull)
{
	const char *overlap = pull->feature->options.overlap;
	bool		in_time = pull->watermark_class == VT_DATE || pull->watermark_class == VT_TIMESTAMP;

	if (overlap == NULL)
		return psprintf("$1::%s", pull->watermark_type);
	/* dates and timestamps less a time, numbers less a number */
	return psprintf("($1::%s - %s::%s)", pull->watermark_type, quote_literal_cstr(overlap),
					in_time ? "interval" : "numeric");
}

/* Asks the ledger how far earlier batches came, and which may overlap with this one. */
static void
FetchReached(Pull *pull)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;

	ParamInt(&params, pull->feature->id);
	rows = CatalogFetch(psprintf("SELECT max(watermark::%s)::text FROM medallion.file_versions"
								 " WHERE feature_id = $1 AND watermark IS NOT NULL AND file_id < coalesce("
								 "(SELECT min(file_id) FROM medallion.file_versions WHERE feature_id = $1 AND read_again),"
								 " 9223372036854775807)", pull->watermark_type), &params);
	pull->reached = RowText(rows, 0, 1);
	params.count = 0;
	ParamText(&params, pull->reached);
	ParamInt(&params, pull->feature->id);
	rows = CatalogFetch(psprintf("SELECT coalesce(array_agg(file_id), '{}') FROM medallion.file_versions"
								 " WHERE feature_id = $2 AND watermark IS NOT NULL AND watermark::%s >= %s"
								 " AND (status <> 'WITHDRAWN' OR refused)",
								 pull->watermark_type, LowerBound(pull)), &params);
	pull->batches = RowDatum(rows, 0, 1, &isnull);
}

/*
 * The statement that loads a batch: of the rows within reach those that bronze
 * does not have.  Returns how many, the greatest watermark, and how many have
 * none, the first place and the last.  $1 watermark so far, $2 file id, $3 run id, $4 now, $5 names of the
 * columns, $6 earlier batches.
 */
static char *
LoadStatement(const Pull *pull, const char *table)
{
	const FeatureOptions *options = &pull->feature->options;
	const char *watermark = quote_identifier(options->watermark);
	StringInfoData selected;
	StringInfoData targets;
	StringInfoData rescued;
	Oid			oid = TableOid(medallion_bronze_schema, pull->feature->name);
	ListCell   *sc;
	ListCell   *nc;
	ListCell   *lc;

	initStringInfo(&selected);
	initStringInfo(&targets);
	initStringInfo(&rescued);
	forthree(sc, pull->sources, nc, pull->names, lc, pull->loaded)
	{
		const char *name = quote_identifier(lfirst(nc));

		appendStringInfo(&selected, "r.%s::text AS %s, ", quote_identifier(lfirst(sc)), name);
		if (lfirst(lc) != NULL)
			appendStringInfo(&targets, "%s, ", name);
		else if (options->schema_evolution == RESCUE)
			appendStringInfo(&rescued, "%s%s, s.%s", rescued.len > 0 ? ", " : "", quote_literal_cstr(lfirst(nc)), name);
	}
	return psprintf("WITH batch AS MATERIALIZED (SELECT %srow_number() OVER (ORDER BY r.%s%s%s) AS _number FROM %s r"
					" WHERE $1 IS NULL OR r.%s >= %s OR r.%s IS NULL),\n"
					"seen AS MATERIALIZED (SELECT DISTINCT medallion.pairs_hash(b, $5) AS hash FROM %s b"
					" WHERE b._file_id = ANY ($6)),\n"
					"fresh AS (SELECT s.* FROM batch s WHERE medallion.pairs_hash(s, $5) NOT IN (SELECT hash FROM seen)),\n"
					"loaded AS (INSERT INTO %s (%s_file_id, _sheet, _row, _run_id, _ingested_at, _rescued_data)"
					" SELECT %s$2, '', row_number() OVER (ORDER BY s._number), $3, $4, %s FROM fresh s"
					" RETURNING %s::%s AS mark, %s AS place)\n"
					"SELECT count(*), max(mark)::text, count(*) - count(mark), min(place), max(place) FROM loaded",
					selected.data, watermark, options->tie_breaker ? ", r." : "",
					options->tie_breaker ? quote_identifier(options->tie_breaker) : "", pull->relation,
					watermark, LowerBound(pull), watermark, RowsOfFiles(oid, pull->batches, 6), table, targets.data, targets.data,
					rescued.len > 0 ? psprintf("jsonb_strip_nulls(jsonb_build_object(%s))", rescued.data) : "NULL",
					quote_identifier(pull->watermark_name), pull->watermark_type, HasBlocks(oid) ? "ctid" : "NULL::tid");
}

/* Where the rows of a batch went. */
static void
NoteBlocks(const Pull *pull, const SqlRows *rows, RowBlocks *blocks)
{
	Relation	bronze = table_open(TableOid(medallion_bronze_schema, pull->feature->name), AccessShareLock);
	bool		isnull;
	Datum		first = RowDatum(rows, 0, 4, &isnull);
	Datum		last = RowDatum(rows, 0, 5, &isnull);

	blocks->filenode = bronze->rd_rel->relfilenode;
	blocks->unknown = isnull;
	table_close(bronze, NoLock);
	if (isnull)
		return;
	blocks->first = ItemPointerGetBlockNumber((ItemPointer) DatumGetPointer(first));
	blocks->last = ItemPointerGetBlockNumber((ItemPointer) DatumGetPointer(last));
}

/* Names of the columns that bronze has: by these rows are told apart. */
static List *
LoadedNames(const Pull *pull)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, pull->loaded)
	{
		if (lfirst(lc) != NULL)
			names = lappend(names, ((BronzeColumn *) lfirst(lc))->name);
	}
	return names;
}

/* Loads the rows that are new; true if there are any. */
static bool
LoadBatch(Pull *pull, int64 run_id, FileOutcome *outcome)
{
	char	   *table = QualifiedName(medallion_bronze_schema, pull->feature->name);
	SqlParams	params = {0};
	SheetOutcome *sheet = palloc0(sizeof(SheetOutcome));
	SqlRows    *rows;

	ParamText(&params, pull->reached);
	ParamBigint(&params, outcome->file_id);
	ParamBigint(&params, run_id);
	ParamTime(&params, GetCurrentTimestamp());
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(LoadedNames(pull)));
	ParamDatum(&params, INT8ARRAYOID, pull->batches);
	rows = SqlFetch(LoadStatement(pull, table), &params);
	if (RowBigint(rows, 0, 3) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("watermark \"%s\" is NULL in " INT64_FORMAT " rows of %s", pull->feature->options.watermark,
						RowBigint(rows, 0, 3), pull->relation),
				 errhint("Use a view in which it never is: coalesce(updated_at, created_at).")));
	outcome->rows = RowBigint(rows, 0, 1);
	NoteBlocks(pull, rows, &outcome->blocks);
	sheet->name = "";
	sheet->rows = outcome->rows;
	outcome->sheets = list_make1(sheet);
	if (outcome->rows > 0)
		SetVersionWatermark(outcome->file_id, RowText(rows, 0, 2));
	return outcome->rows > 0;
}

/* Pulls what is new from the feature's relation. */
void
LoadRelation(const Feature *feature, const FileTask *task, TimestampTz seen_at, int64 run_id,
			 FileOutcome *outcome)
{
	Pull		pull = {.feature = feature};
	BronzeColumns *columns = LoadBronzeColumns(feature);
	bool		loaded;

	memset(outcome, 0, sizeof(FileOutcome));
	DescribeRelation(&pull, columns);
	(void) SyncBronzeTable(columns);
	FetchReached(&pull);
	outcome->file_id = OpenFileVersion(feature, task, task->live_hash, 0, seen_at, run_id);
	loaded = LoadBatch(&pull, run_id, outcome);
	NoteReadAgain(feature);
	if (!loaded)
	{
		ForgetFileVersion(outcome->file_id);
		outcome->status = "UNCHANGED";
		return;
	}
	SaveBronzeColumns(columns);
	outcome->changes = columns->changes;
	outcome->hash = task->live_hash;
	outcome->status = "SUCCESS";
	outcome->detected = psprintf("relation %s", pull.relation);
	CompleteFileVersion(outcome->file_id, outcome);
}
