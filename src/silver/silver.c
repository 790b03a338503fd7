/*
 * silver.c
 *	  One run of silver for one feature.
 *
 *	  ledger: versions not taken in yet, ends not taken in yet
 *	      -> staging table (typed.c) -> silver table fits it (table.c)
 *	      -> merge (merge.c) -> checks (checks.c) -> views -> ledger
 *
 * The staging table is unlogged, lies beside silver and is dropped at the end,
 * so that the same statements work where tables are spread over machines.
 */
#include "base/compat.h"

#include "silver/silver.h"

#include "base/contract.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "silver/checks.h"
#include "silver/keep.h"
#include "silver/merge.h"
#include "silver/table.h"
#include "silver/typed.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Which file versions count for a feature, and which of these are due. */
typedef struct PendingFiles
{
	SqlParams	all;			/* $1 to $4 of TypedSelect() */
	SqlParams	due;			/* likewise, only those not taken in yet */
	SqlParams	ended;			/* $1: versions whose end is due; $2: their successors */
	int64		all_count;
	int64		due_count;
	int64		ended_count;
	TimestampTz taken_until;	/* the latest event or end that was taken in */
} PendingFiles;

/* Ids, ranks and times of the file versions that a condition picks. */
static SqlParams
FetchFiles(const Feature *feature, const char *condition, int64 *count)
{
	SqlParams	params = {0};
	SqlParams	files = {0};
	SqlRows    *rows;
	Oid			types[] = {INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID};

	ParamInt(&params, feature->id);
	ParamBool(&params, FeatureRestates(feature));
	rows = CatalogFetch(psprintf("SELECT coalesce(array_agg(file_id), '{}'),"
								 " coalesce(array_agg(rank), '{}'), coalesce(array_agg(first_seen), '{}'),"
								 " coalesce(array_agg(coalesce(superseded_at, 'infinity')), '{}'), count(*)"
								 " FROM (SELECT *, dense_rank() OVER (ORDER BY path COLLATE \"C\")::int AS rank"
								 " FROM medallion.file_versions WHERE feature_id = $1) f"
								 " WHERE status = 'LOADED' AND (%s)", condition), &params);
	for (int i = 0; i < lengthof(types); i++)
	{
		bool		isnull;

		ParamDatum(&files, types[i], RowDatum(rows, 0, i + 1, &isnull));
	}
	*count = RowBigint(rows, 0, 5);
	return files;
}

/* Versions that were taken in, but whose end was not, and their successors. */
static SqlParams
FetchEnded(const Feature *feature, int64 *count)
{
	SqlParams	params = {0};
	SqlParams	ended = {0};
	SqlRows    *rows;
	bool		isnull;

	ParamInt(&params, feature->id);
	rows = CatalogFetch("SELECT coalesce(array_agg(file_id), '{}'), coalesce(array_agg(superseded_by), '{}'),"
						" count(*) FROM medallion.file_versions WHERE feature_id = $1 AND status = 'LOADED'"
						" AND silver_run_id IS NOT NULL AND superseded_at IS NOT NULL"
						" AND silver_superseded_run_id IS NULL", &params);
	ParamDatum(&ended, INT8ARRAYOID, RowDatum(rows, 0, 1, &isnull));
	ParamDatum(&ended, INT8ARRAYOID, RowDatum(rows, 0, 2, &isnull));
	*count = RowBigint(rows, 0, 3);
	return ended;
}

/* The time of the latest event, or end of one, that silver has taken in. */
static TimestampTz
FetchTakenUntil(const Feature *feature)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	Datum		time;
	bool		isnull;

	ParamInt(&params, feature->id);
	rows = CatalogFetch("SELECT max(GREATEST(first_seen, CASE WHEN silver_superseded_run_id IS NOT NULL"
						" THEN superseded_at END)) FROM medallion.file_versions"
						" WHERE feature_id = $1 AND silver_run_id IS NOT NULL", &params);
	time = RowDatum(rows, 0, 1, &isnull);
	return isnull ? DT_NOBEGIN : DatumGetTimestampTz(time);
}

/* Asks the ledger. */
static void
FetchPending(const Feature *feature, PendingFiles *pending)
{
	/* $2: superseded versions count only where they stay in history */
	pending->all = FetchFiles(feature, "superseded_at IS NULL OR NOT $2", &pending->all_count);
	pending->due = FetchFiles(feature, "silver_run_id IS NULL AND (superseded_at IS NULL OR NOT $2)",
							  &pending->due_count);
	pending->ended = FetchEnded(feature, &pending->ended_count);
	pending->taken_until = FetchTakenUntil(feature);
}

/* Everything is due, and no end is: the table is made anew. */
static void
StartAgain(PendingFiles *pending)
{
	pending->due = pending->all;
	pending->due_count = pending->all_count;
	pending->ended_count = 0;
}

/* Notes in the ledger what silver has taken in. */
static void
MarkTaken(const Feature *feature, int64 run_id)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamBigint(&params, run_id);
	CatalogExec("UPDATE medallion.file_versions SET silver_run_id = coalesce(silver_run_id, $2),"
				" silver_superseded_run_id = CASE WHEN superseded_at IS NOT NULL"
				" THEN coalesce(silver_superseded_run_id, $2) END"
				" WHERE feature_id = $1 AND (silver_run_id IS NULL"
				" OR (superseded_at IS NOT NULL AND silver_superseded_run_id IS NULL))", &params);
	CatalogExec("UPDATE medallion.features SET changed_run_id = $2, needs_rebuild = false WHERE feature_id = $1", &params);
}

/* Forgets what was quarantined of versions that ended, or of all where
 * everything is folded anew. */
static void
ClearQuarantine(const Feature *feature, bool all)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamBool(&params, all);
	CatalogExec("DELETE FROM medallion.quarantine q USING medallion.file_versions f"
				" WHERE q.feature_id = $1 AND f.file_id = q.file_id AND ($2 OR f.superseded_at IS NOT NULL)",
				&params);
}

/* Rows whose key is NULL go to quarantine. */
static int64
QuarantineNullKeys(const SilverShape *shape, const char *stage, int64 run_id)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID};

	rows = SqlFetch(psprintf("SELECT coalesce(array_agg(_file_id), '{}'), coalesce(array_agg(_sheet), '{}'),"
							 " coalesce(array_agg(_row), '{}'), count(*) FROM %s"
							 " WHERE _business_key_hash IS NULL", stage), NULL);
	if (RowBigint(rows, 0, 4) == 0)
		return 0;
	ParamInt(&params, shape->feature->id);
	ParamBigint(&params, run_id);
	for (int i = 0; i < lengthof(types); i++)
	{
		bool		isnull;

		ParamDatum(&params, types[i], RowDatum(rows, 0, i + 1, &isnull));
	}
	CatalogExec("INSERT INTO medallion.quarantine (feature_id, file_id, sheet, row, reason, run_id)"
				" SELECT $1, f, s, r, 'NULL in business key', $2 FROM unnest($3, $4, $5) AS q (f, s, r)"
				" ON CONFLICT DO NOTHING", &params);
	return RowBigint(rows, 0, 4);
}

/* Rows with any flag set. */
static int64
CountInvalid(const SilverShape *shape, const char *stage)
{
	StringInfoData flags;
	ListCell   *lc;

	initStringInfo(&flags);
	appendStringInfoString(&flags, "false");
	foreach(lc, FlagColumns(shape))
		appendStringInfo(&flags, " OR %s", quote_identifier(lfirst(lc)));
	return SqlBigint(psprintf("SELECT count(*) FROM %s WHERE %s", stage, flags.data), NULL, 0);
}

/* Types the due rows into the staging table. */
static void
FillStage(const SilverShape *shape, const char *stage, const SqlParams *files)
{
	SqlExecFormat(files, "CREATE UNLOGGED TABLE %s AS %s", stage, TypedSelect(shape, NULL));
	SqlExecFormat(NULL, "ANALYZE %s", stage);
}

/* Merges a filled staging table into silver. */
static void
MergeStage(Merge *merge)
{
	const SilverShape *shape = merge->shape;

	EnsurePartitions(shape, merge->stage);
	if (FeatureKeepsHistory(shape->feature))
		MergeHistory(merge);
	else
		MergeAppend(merge);
	if (merge->outcome->initial)
		IndexSilverTable(shape);
	FlagDuplicates(shape, merge->table);
	CreateSilverViews(shape);
	SqlExecFormat(NULL, "ANALYZE %s", merge->table);
}

/* Stages, fits the table, merges and judges; everything again where a type
 * had to change. */
static void
TakeIn(const Feature *feature, PendingFiles *pending, int64 run_id, SilverOutcome *outcome)
{
	SilverShape *shape = LoadSilverShape(feature);
	char	   *stage_name = psprintf("_stage_%d", feature->id);
	Merge		merge = {.shape = shape,.run_id = run_id,.outcome = outcome};
	List	   *kept;

	merge.table = QualifiedName(medallion_silver_schema, feature->name);
	merge.stage = QualifiedName(medallion_silver_schema, stage_name);
	merge.refold = QualifiedName(medallion_silver_schema, psprintf("_refold_%d", feature->id));
	merge.events = QualifiedName(medallion_silver_schema, psprintf("_events_%d", feature->id));
	merge.versions = QualifiedName(medallion_silver_schema, psprintf("_versions_%d", feature->id));
	merge.all_files = pending->all;
	merge.ended = pending->ended;
	merge.any_ended = pending->ended_count > 0;
	merge.taken_until = pending->taken_until;

	EnsureSchema(medallion_silver_schema);
	kept = KeepGifts(SilverRelations(feature->name, &feature->options));
	FillStage(shape, merge.stage, &pending->due);
	if (feature->needs_rebuild)
	{
		DropSilverTable(shape);
		outcome->rebuilt = true;
	}
	if (FitSilverTable(shape, stage_name, outcome))
	{
		outcome->rebuilt = true;
		merge.any_ended = false;
		SqlExecFormat(NULL, "DROP TABLE %s", merge.stage);
		FillStage(shape, merge.stage, &pending->all);
	}
	CheckContractTypes(feature->options.contract, feature->options.contract_mode == CONTRACT_EXACT,
					   TableOid(medallion_silver_schema, feature->name));
	merge.initial = outcome->initial || outcome->rebuilt;
	outcome->rows_in = SqlBigint(psprintf("SELECT count(*) FROM %s", merge.stage), NULL, 0);
	outcome->invalid = CountInvalid(shape, merge.stage);
	ClearQuarantine(feature, merge.initial);
	if (FeatureKeepsHistory(feature))
		outcome->quarantined = QuarantineNullKeys(shape, merge.stage, run_id);
	MergeStage(&merge);
	if (outcome->rebuilt)
		GiveBack(kept);
	outcome->checks = CountVerdicts(shape, merge.stage, merge.table, outcome);
	SqlExecFormat(NULL, "DROP TABLE %s", merge.stage);
}

/* Takes in what bronze has and silver has not. */
void
RunSilver(const Feature *feature, int64 run_id, SilverOutcome *outcome)
{
	bool		has_table = OidIsValid(TableOid(medallion_silver_schema, feature->name));
	PendingFiles pending = {0};
	SavedIdentity saved;

	memset(outcome, 0, sizeof(SilverOutcome));
	FetchPending(feature, &pending);
	if (feature->needs_rebuild || !has_table)
		StartAgain(&pending);
	if (pending.due_count + pending.ended_count == 0)
		return;
	if (has_table && !feature->needs_rebuild && TIMESTAMP_IS_NOBEGIN(pending.taken_until))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("table %s is not one that this feature made",
						QualifiedName(medallion_silver_schema, feature->name)),
				 errhint("Drop or rename the table; drop_feature(name, true) drops a feature's tables with it.")));
	AsRole(&saved, feature->owner);
	TakeIn(feature, &pending, run_id, outcome);
	EndAs(&saved);
	MarkTaken(feature, run_id);
	outcome->changed = true;
}
