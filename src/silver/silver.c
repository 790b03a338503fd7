/*
 * silver.c
 *	  One run of silver for one feature.
 *
 *	  ledger: versions not taken in yet, ends not taken in yet
 *	      -> staging table (typed.c) -> silver table fits it (table.c)
 *	      -> merge (merge.c) -> checks (checks.c) -> views -> ledger
 *
 *	  a first load: most rows go past the staging table (first_load.c)
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
#include "silver/dedup.h"
#include "silver/fault.h"
#include "silver/first_load.h"
#include "silver/keep.h"
#include "silver/key_filter.h"
#include "silver/merge.h"
#include "silver/quarantine.h"
#include "silver/retain.h"
#include "silver/statistics.h"
#include "silver/table.h"
#include "silver/typed.h"
#include "silver/verdict.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Which file versions count for a feature, and which of these are due. */
typedef struct PendingFiles
{
	SqlParams	all;			/* $1 to $4 of TypedSelect() */
	SqlParams	due;			/* likewise, only those not taken in yet */
	SqlParams	ended;			/* $1: versions whose end is due; $2: the first end */
	SqlParams	touched;		/* $1: versions whose keys are to be folded anew */
	int64		all_count;
	int64		due_count;
	int64		ended_count;
	int64		touched_count;
	char	   *taken_until;	/* the latest event that was taken in; NULL: none */
	char	   *deleted_until;	/* the latest delete or snapshot among these; NULL: none */
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
	ParamBool(&params, feature->options.on_missing == ON_MISSING_CLOSE);
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

/*
 * Versions that were taken in, but whose end was not, and the first end.  Where
 * only events and snapshots close keys, a version that was replaced stays what it
 * was; one that is gone may be withdrawn.
 */
static SqlParams
FetchEnded(const Feature *feature, int64 *count)
{
	SqlParams	params = {0};
	SqlParams	ended = {0};
	SqlRows    *rows;
	bool		isnull;

	ParamInt(&params, feature->id);
	ParamBool(&params, FeatureKeepsHistory(feature) && !FeatureRestates(feature) &&
			  (FeatureIsSequenced(feature) || feature->options.deletes != DELETES_CLOSE));
	rows = CatalogFetch("SELECT coalesce(array_agg(file_id), '{}'), coalesce(min(superseded_at), 'infinity'),"
						" count(*) FROM medallion.file_versions WHERE feature_id = $1 AND status = 'LOADED'"
						" AND silver_run_id IS NOT NULL AND superseded_at IS NOT NULL"
						" AND silver_superseded_run_id IS NULL AND (superseded_by IS NULL OR NOT $2)", &params);
	ParamDatum(&ended, INT8ARRAYOID, RowDatum(rows, 0, 1, &isnull));
	ParamTime(&ended, DatumGetTimestampTz(RowDatum(rows, 0, 2, &isnull)));
	*count = RowBigint(rows, 0, 3);
	return ended;
}

/* Versions that came to count, or ceased to, or at another time: a run was undone. */
static SqlParams
FetchTouched(const Feature *feature, int64 *count)
{
	SqlParams	params = {0};
	SqlParams	touched = {0};
	SqlRows    *rows;
	bool		isnull;

	ParamInt(&params, feature->id);
	rows = CatalogFetch("SELECT coalesce(array_agg(file_id), '{}'), count(*) FROM medallion.file_versions"
						" WHERE feature_id = $1 AND refold", &params);
	ParamDatum(&touched, INT8ARRAYOID, RowDatum(rows, 0, 1, &isnull));
	*count = RowBigint(rows, 0, 2);
	return touched;
}

/* The latest event that silver has taken in, and the latest that closes keys:
 * by the ledger's time, where the end of a version counts as one, or by that of
 * the sequence. */
static void
FetchTakenUntil(const Feature *feature, PendingFiles *pending)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamInt(&params, feature->id);
	if (FeatureIsSequenced(feature))
		rows = CatalogFetch("SELECT taken_until, deleted_until FROM medallion.silver_state WHERE feature_id = $1", &params);
	else
		rows = CatalogFetch("SELECT to_jsonb(max(GREATEST(first_seen, CASE WHEN silver_superseded_run_id IS NOT NULL"
							" THEN superseded_at END))) #>> '{}', NULL FROM medallion.file_versions"
							" WHERE feature_id = $1 AND silver_run_id IS NOT NULL", &params);
	if (rows->count > 0)
	{
		pending->taken_until = RowText(rows, 0, 1);
		pending->deleted_until = RowText(rows, 0, 2);
	}
}

/* Versions that count: superseded ones where they stay in history, those that
 * are gone where that only ends them. */
#define COUNTS "(superseded_at IS NULL OR (superseded_by IS NOT NULL AND NOT $2) OR (superseded_by IS NULL AND $3))"

/* Asks the ledger. */
static void
FetchPending(const Feature *feature, PendingFiles *pending)
{
	pending->all = FetchFiles(feature, COUNTS, &pending->all_count);
	pending->due = FetchFiles(feature, "(silver_run_id IS NULL OR refold) AND " COUNTS, &pending->due_count);
	pending->ended = FetchEnded(feature, &pending->ended_count);
	pending->touched = FetchTouched(feature, &pending->touched_count);
	FetchTakenUntil(feature, pending);
}

/*
 * Raises where the options make versions count whose rows maintain() pruned, for they
 * did not: a history that lacks them would be another, and nobody would know.
 */
static void
CheckNotPruned(const Feature *feature)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	if (!FeatureKeepsHistory(feature))
		return;
	ParamInt(&params, feature->id);
	ParamBool(&params, FeatureRestates(feature));
	ParamBool(&params, feature->options.on_missing == ON_MISSING_CLOSE);
	rows = CatalogFetch("SELECT path FROM medallion.file_versions WHERE feature_id = $1 AND status = 'LOADED'"
						" AND pruned_at IS NOT NULL AND " COUNTS " ORDER BY file_id LIMIT 1", &params);
	if (rows->count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a former version of file \"%s\" would count again, but its rows were pruned from bronze",
						RowText(rows, 0, 1)),
				 errhint("Take back the change of on_change, on_missing or history, or begin anew with reset_feature().")));
}

/* Everything is due, and no end is: the table is made anew. */
static void
StartAgain(PendingFiles *pending)
{
	pending->due = pending->all;
	pending->due_count = pending->all_count;
	pending->ended_count = 0;
}

/* The later of an expression and of a time noted before, as SQL. */
static char *
LaterOf(const char *expression, const char *noted, const char *stage_name)
{
	if (noted == NULL)
		return pstrdup(expression);
	return psprintf("GREATEST(%s, %s::%s)", expression, quote_literal_cstr(noted), EventType(stage_name));
}

/* What events the run took in: those staged, and those that became versions past the staging table. */
static const char *
EventsTaken(const Merge *merge)
{
	if (!merge->loaded_first)
		return merge->stage;
	return FillTemplate("(SELECT _event_at, _is_delete, _scope, _business_key_hash FROM {stage}"
						" UNION ALL SELECT {valid_from}, false, NULL, _business_key_hash FROM {table})", &merge->words);
}

/* Notes how far the staged events of a sequence go. */
static void
NoteSequence(const Merge *merge)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	if (!FeatureIsSequenced(merge->shape->feature))
		return;
	rows = SqlFetch(psprintf("WITH staged AS (SELECT max(_event_at) AS taken,"
							 " max(_event_at) FILTER (WHERE _is_delete OR _scope IS NOT NULL) AS deleted FROM %s e"
							 " WHERE _business_key_hash IS NOT NULL)"
							 " SELECT to_jsonb(%s) #>> '{}', to_jsonb(%s) #>> '{}' FROM staged", EventsTaken(merge),
							 LaterOf("taken", merge->taken_until, merge->stage_name),
							 LaterOf("deleted", merge->deleted_until, merge->stage_name)), NULL);
	if (RowIsNull(rows, 0, 1))
		return;
	ParamInt(&params, merge->shape->feature->id);
	ParamText(&params, RowText(rows, 0, 1));
	ParamText(&params, RowText(rows, 0, 2));
	CatalogExec("INSERT INTO medallion.silver_state (feature_id, taken_until, deleted_until) VALUES ($1, $2, $3)"
				" ON CONFLICT (feature_id) DO UPDATE SET taken_until = $2, deleted_until = $3", &params);
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
	CatalogExec("UPDATE medallion.file_versions SET refold = false WHERE feature_id = $1 AND refold", &params);
	CatalogExec("UPDATE medallion.features SET changed_run_id = $2, needs_rebuild = false,"
				" environment = current_setting('medallion.environment') WHERE feature_id = $1", &params);
}

/* Rows, and those of them with any flag set. */
static void
CountStage(const SilverShape *shape, const char *stage, SilverOutcome *outcome)
{
	StringInfoData flags;
	SqlRows    *counts;
	ListCell   *lc;

	initStringInfo(&flags);
	appendStringInfoString(&flags, "false");
	foreach(lc, FlagColumns(shape))
		appendStringInfo(&flags, " OR %s", quote_identifier(lfirst(lc)));
	counts = SqlFetch(psprintf("SELECT count(*), count(*) FILTER (WHERE %s) FROM %s", flags.data, stage), NULL);
	outcome->rows_in = RowBigint(counts, 0, 1);
	outcome->invalid = RowBigint(counts, 0, 2);
}

/* The columns of the staging table that joins look at, as a list in SQL: not those of data. */
static char *
StageJoinColumns(const char *stage)
{
	SqlParams	params = {0};

	ParamText(&params, stage);
	return RowText(SqlFetch("SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = to_regclass($1)"
							" AND attnum > 0 AND NOT attisdropped"
							" AND attname IN ('_business_key_hash', '_value_hash', '_event_at', '_holds_until', '_is_delete', '_scope', '_file_id')",
							&params), 0, 1);
}

/* Types the due rows into the staging table. */
static void
FillStage(const SilverShape *shape, const char *stage, const SqlParams *files)
{
	SqlExecFormat(files, "CREATE UNLOGGED TABLE %s AS %s", stage, TypedSelect(shape, files, NULL));
}

/* Merges a filled staging table into silver. */
static void
MergeStage(Merge *merge)
{
	const SilverShape *shape = merge->shape;

	EnsurePartitions(shape, merge->stage);
	if (FeatureKeepsHistory(shape->feature))
		MergeHistory(merge);
	else if (shape->feature->options.dedup != NULL)
		MergeDistinct(merge);
	else
		MergeRows(merge);
	if (merge->outcome->initial)
		IndexSilverTable(shape);
	FlagSets(shape);
	CreateSilverViews(shape);
	RenewStatistics(merge);
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
	merge.stage_name = stage_name;
	merge.all_files = pending->all;
	merge.ended = pending->ended;
	merge.any_ended = pending->ended_count > 0;
	merge.touched = pending->touched;
	merge.any_touched = pending->touched_count > 0 && !feature->needs_rebuild;

	EnsureSchema(medallion_silver_schema);
	ForgetKeyFilters(pending->due.values[0]);
	ForgetKeyFilters(pending->touched.values[0]);
	kept = KeepGifts(SilverRelations(feature->name, &feature->options));
	if (feature->needs_rebuild)
	{
		DropSilverTable(shape);
		outcome->rebuilt = true;
	}
	if (!LoadFirst(&merge, &pending->due))
		FillStage(shape, merge.stage, &pending->due);
	if (FitSilverTable(shape, stage_name, outcome))
	{
		outcome->rebuilt = true;
		merge.any_ended = merge.any_touched = merge.loaded_first = outcome->all_in_force = false;
		outcome->inserted = 0;
		ForgetKeyFilters(pending->all.values[0]);
		SqlExecFormat(NULL, "DROP TABLE %s", merge.stage);
		FillStage(shape, merge.stage, &pending->all);
	}
	CheckContractTypes(feature->options.contract, feature->options.contract_mode == CONTRACT_EXACT,
					   TableOid(medallion_silver_schema, feature->name));
	merge.initial = outcome->initial || outcome->rebuilt;
	if (!merge.initial)
	{
		merge.taken_until = pending->taken_until;
		merge.deleted_until = pending->deleted_until;
	}
	SqlExecFormat(NULL, "ANALYZE %s (%s)", merge.stage, StageJoinColumns(merge.stage));
	PrepareMerge(&merge);
	if (!merge.loaded_first)
		CountStage(shape, merge.stage, outcome);
	ClearQuarantine(feature, merge.initial);
	QuarantineRows(shape, merge.stage, run_id, outcome);
	QuarantineLate(shape, merge.initial, run_id, outcome);
	MergeStage(&merge);
	NoteSequence(&merge);
	if (outcome->rebuilt)
		GiveBack(kept);
	outcome->checks = CountVerdicts(shape, TakenRows(&merge), run_id, outcome);
	RaiseFailedCheck(outcome->checks);
	SqlExecFormat(NULL, "DROP TABLE %s", merge.stage);
}

/* Has silver taken in anything of the feature before? */
static bool
HasTakenAny(const Feature *feature)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	return CatalogBigint("SELECT count(*) FROM (SELECT FROM medallion.file_versions"
						 " WHERE feature_id = $1 AND silver_run_id IS NOT NULL LIMIT 1) v", &params, 0) > 0;
}

/* May the ledger have something for silver?  One look instead of five, for
 * most often it has not. */
static bool
MayBePending(const Feature *feature)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	return CatalogBigint("SELECT count(*) FROM (SELECT FROM medallion.file_versions WHERE feature_id = $1"
						 " AND (silver_run_id IS NULL OR refold OR (superseded_at IS NOT NULL"
						 " AND silver_superseded_run_id IS NULL)) LIMIT 1) v", &params, 0) > 0;
}

char *
SilverFault(const Feature *feature)
{
	PendingFiles pending = {0};
	SavedIdentity saved;
	int			nest_level;
	char	   *fault;

	FetchPending(feature, &pending);
	if (feature->needs_rebuild || !OidIsValid(TableOid(medallion_silver_schema, feature->name)))
		StartAgain(&pending);
	nest_level = PinSettings();
	AsFeatureOwner(&saved, feature);
	fault = DescribeFault(LoadSilverShape(feature), &pending.due);
	EndAs(&saved);
	UnpinSettings(nest_level);
	return fault;
}

/* Takes in what bronze has and silver has not. */
void
RunSilver(const Feature *feature, int64 run_id, SilverOutcome *outcome)
{
	bool		has_table = OidIsValid(TableOid(medallion_silver_schema, feature->name));
	PendingFiles pending = {0};
	SavedIdentity saved;

	memset(outcome, 0, sizeof(SilverOutcome));
	if (feature->needs_rebuild || !has_table || MayBePending(feature))
		FetchPending(feature, &pending);
	if (feature->needs_rebuild || !has_table)
	{
		CheckNotPruned(feature);
		StartAgain(&pending);
	}
	if (!has_table)
		pending.touched_count = 0;
	/* a table that is to be made anew is, also where no version counts any more */
	if (pending.due_count + pending.ended_count + pending.touched_count == 0 &&
		!(has_table && feature->needs_rebuild && HasTakenAny(feature)))
	{
		if (has_table)
			outcome->checks = JudgeFreshness(feature, run_id);
		RaiseFailedCheck(outcome->checks);
		return;
	}
	if (has_table && !feature->needs_rebuild && !HasTakenAny(feature))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("table %s is not one that this feature made",
						QualifiedName(medallion_silver_schema, feature->name)),
				 errhint("Drop or rename the table; drop_feature(name, true) drops a feature's tables with it.")));
	AsFeatureOwner(&saved, feature);
	TakeIn(feature, &pending, run_id, outcome);
	EndAs(&saved);
	MarkTaken(feature, run_id);
	outcome->changed = true;
}
