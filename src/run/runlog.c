/*
 * runlog.c
 *	  What a run writes down.
 */
#include "base/compat.h"

#include "run/runlog.h"

#include "base/feature.h"
#include "base/sql.h"
#include "base/transaction.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "run/redact.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* Opens the row of a run; returns its id. */
int64
BeginRunLog(Jsonb *options, const char *pipeline)
{
	SqlParams	params = {0};

	ParamJsonb(&params, options);
	ParamText(&params, pipeline);
	ParamInt(&params, MyProcPid);
	return CatalogBigint("INSERT INTO medallion.runs (options, pipeline_name, pid)"
						 " VALUES (coalesce($1, '{}'), $2, $3) RETURNING run_id",
						 &params, 0);
}

/* Closes the row of a run. */
void
EndRunLog(int64 run_id, const char *status)
{
	SqlParams	params = {0};

	ParamBigint(&params, run_id);
	ParamText(&params, status);
	CatalogExec("UPDATE medallion.runs SET finished_at = clock_timestamp(), status = $2"
				" WHERE run_id = $1 AND status = 'RUNNING'", &params);
	CatalogExec("UPDATE medallion.schedules SET last_finished_at = clock_timestamp(), last_status = $2"
				" WHERE last_run_id = $1", &params);
}

#define RUN_LOCK_SPACE 0x6d656472	/* "medr" */
#define SCHEDULE_LOCK_SPACE 0x6d656473	/* "meds" */

static void
SetRunLock(LOCKTAG *lock, int64 run_id)
{
	SET_LOCKTAG_ADVISORY(*lock, MyDatabaseId, RUN_LOCK_SPACE, (uint32) run_id, 2);
}

void
HoldRun(int64 run_id)
{
	LOCKTAG		lock;

	SetRunLock(&lock, run_id);
	(void) KeepLock(&lock, true);
}

bool
HoldSchedule(const char *schedule, bool over_commits)
{
	LOCKTAG		lock;

	SET_LOCKTAG_ADVISORY(lock, MyDatabaseId, SCHEDULE_LOCK_SPACE,
						 hash_bytes((const unsigned char *) schedule, strlen(schedule)), 2);
	if (over_commits)
		return KeepLock(&lock, false);
	return LockAcquire(&lock, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Runs whose process is gone without having said so; but not this one, which is ours. */
void
NoteCrashedRuns(int64 but_not)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamBigint(&params, but_not);
	rows = CatalogFetch("SELECT run_id FROM medallion.runs WHERE status = 'RUNNING' AND run_id <> $1", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		LOCKTAG		lock;

		SetRunLock(&lock, RowBigint(rows, i, 1));
		if (LockAcquire(&lock, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
			continue;
		EndRunLog(RowBigint(rows, i, 1), "CRASHED");
		LockRelease(&lock, ExclusiveLock, false);
	}
}

/* One row of etl_logs.pipeline_runs. */
void
LogStep(const StepLog *step)
{
	SqlParams	params = {0};

	ParamBigint(&params, step->run_id);
	ParamText(&params, step->layer);
	ParamText(&params, step->object);
	ParamTime(&params, step->started_at);
	ParamTime(&params, step->finished_at);
	ParamText(&params, step->status);
	ParamBigint(&params, step->rows_in);
	ParamBigint(&params, step->rows_in - step->invalid);
	ParamBigint(&params, step->invalid);
	ParamInt(&params, step->files);
	ParamText(&params, step->error);
	ParamText(&params, step->detail ? step->detail : "{}");
	ParamText(&params, step->pipeline ? step->pipeline : DEFAULT_PIPELINE);
	CatalogExec("INSERT INTO etl_logs.pipeline_runs AS p (run_id, layer, feature_name, started_at, completed_at,"
				" status, records_processed, records_valid, records_invalid, files_processed,"
				" error_message, execution_metadata, pipeline_name)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13)"
				" ON CONFLICT (run_id, layer, feature_name) DO NOTHING", &params);
}

/* One row of etl_logs.file_processing. */
static void
LogFileRow(int64 run_id, int64 file_id, const char *path, const char *hash, int64 size,
		   const char *sheet, int64 rows, const char *status, const char *error, int64 elapsed_ms)
{
	SqlParams	params = {0};

	if (file_id != 0)
		ParamBigint(&params, file_id);
	else
		ParamNull(&params, INT8OID);
	ParamBigint(&params, run_id);
	ParamText(&params, path);
	ParamText(&params, hash);
	ParamBigint(&params, size);
	ParamText(&params, sheet);
	ParamBigint(&params, rows);
	ParamText(&params, status);
	ParamText(&params, error);
	ParamBigint(&params, elapsed_ms);
	CatalogExec("INSERT INTO etl_logs.file_processing (file_id, run_id, file_path, file_hash, file_size,"
				" sheet_name, records_count, status, error_message, processing_time_ms)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", &params);
}

/* One row per sheet of a file, or one for a file without sheets read. */
void
LogFile(int64 run_id, const char *path, const FileOutcome *outcome, int64 elapsed_ms)
{
	ListCell   *lc;

	if (outcome->sheets == NIL)
		LogFileRow(run_id, outcome->file_id, path, outcome->hash, outcome->size, NULL, 0,
				   outcome->status, NULL, elapsed_ms);
	foreach(lc, outcome->sheets)
	{
		SheetOutcome *sheet = lfirst(lc);

		LogFileRow(run_id, outcome->file_id, path, outcome->hash, outcome->size, sheet->name,
				   sheet->rows, sheet->rows > 0 ? "SUCCESS" : "EMPTY", NULL, sheet->elapsed_ms);
	}
}

/* A file that could not be loaded. */
void
LogFileFailure(int64 run_id, const FoundFile *file, const char *sheet, const char *error, int64 elapsed_ms)
{
	LogFileRow(run_id, 0, file->path, NULL, file->size, sheet, 0, "FAILED", error, elapsed_ms);
}

/* A file that was there and is gone. */
void
LogMissingFile(int64 run_id, const char *path, int on_missing)
{
	LogFileRow(run_id, 0, path, NULL, 0, NULL, 0, "MISSING",
			   on_missing == ON_MISSING_CLOSE ? "the file is gone; what no other file says is closed" :
			   on_missing == ON_MISSING_RESTATE ? "the file is gone; what it said is withdrawn" :
			   "the file is gone; what it said stays in force", 0);
}

/* One row of etl_logs.schema_evolution. */
void
LogSchemaChange(int64 run_id, const char *layer, const char *table, const char *type,
				const char *column, const char *old_type, const char *new_type)
{
	SqlParams	params = {0};

	ParamBigint(&params, run_id);
	ParamText(&params, layer);
	ParamText(&params, table);
	ParamText(&params, type);
	ParamText(&params, column);
	ParamText(&params, old_type);
	ParamText(&params, new_type);
	CatalogExec("INSERT INTO etl_logs.schema_evolution (run_id, layer, table_name, change_type,"
				" column_name, old_data_type, new_data_type) VALUES ($1, $2, $3, $4, $5, $6, $7)", &params);
}

/* One row of etl_logs.data_quality_checks. */
void
LogCheck(int64 run_id, const char *table, const CheckOutcome *check)
{
	SqlParams	params = {0};

	ParamBigint(&params, run_id);
	ParamText(&params, table);
	ParamText(&params, check->kind);
	ParamText(&params, check->column);
	ParamText(&params, check->status);
	ParamBigint(&params, check->affected);
	ParamText(&params, check->name);
	ParamBigint(&params, check->checked);
	ParamText(&params, check->samples);
	ParamText(&params, check->details);
	ParamText(&params, check->action);
	CatalogExec("INSERT INTO etl_logs.data_quality_checks (run_id, layer, table_name, check_type,"
				" column_name, check_status, records_affected, check_details)"
				" VALUES ($1, 'silver', $2, $3, $4, $5, $6, jsonb_build_object('check', $7, 'records_checked',"
				" $8, 'percent', round(100.0 * $6 / greatest($8, 1), 4), 'action', $11, 'samples',"
				" (SELECT coalesce(jsonb_agg(s || jsonb_build_object('file', v.path) ORDER BY n), '[]')"
				"  FROM jsonb_array_elements($9::jsonb) WITH ORDINALITY AS e (s, n)"
				"  LEFT JOIN medallion.file_versions v ON v.file_id = (s->>'file_id')::bigint)) || coalesce($10::jsonb, '{}'))",
				&params);
}

/* One row of etl_logs.scd2_history. */
void
LogHistory(int64 run_id, const char *table, const SilverOutcome *outcome)
{
	SqlParams	params = {0};

	ParamBigint(&params, run_id);
	ParamText(&params, table);
	ParamText(&params, outcome->initial ? "initial_load" : "SCD2_MERGE");
	ParamBigint(&params, outcome->inserted);
	ParamBigint(&params, outcome->updated);
	ParamBigint(&params, outcome->expired);
	CatalogExec("INSERT INTO etl_logs.scd2_history (run_id, table_name, operation_type, records_inserted,"
				" records_updated, records_expired) VALUES ($1, $2, $3, $4, $5, $6)", &params);
}

/* One row of etl_logs.table_statistics; of no table (-1 rows) none. */
void
LogTableStatistics(int64 run_id, const char *layer, const char *schema, const char *table, int64 rows)
{
	SqlParams	params = {0};
	Oid			oid = TableOid(schema, table);

	if (rows < 0 || !OidIsValid(oid))
		return;
	ParamBigint(&params, run_id);
	ParamText(&params, layer);
	ParamText(&params, QualifiedName(schema, table));
	ParamBigint(&params, rows);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(oid));
	CatalogExec("INSERT INTO etl_logs.table_statistics (run_id, layer, table_name, record_count,"
				" file_size_mb, partition_count, statistics_json)"
				" SELECT $1, $2, $3, $4, round(sum(pg_total_relation_size(t.relid)) / 1048576.0, 3),"
				" count(*) FILTER (WHERE t.isleaf AND t.level > 0),"
				" jsonb_strip_nulls(jsonb_build_object('filenode', pg_relation_filenode($5)))"
				" FROM (SELECT relid, isleaf, level FROM pg_partition_tree($5)"
				" UNION SELECT $5::regclass, true, 0) t", &params);
}

/* An error as one line: message (detail) [hint], without what is nobody's business. */
char *
ErrorLine(const ErrorData *error)
{
	char	   *detail = DetailWithoutValues(error);

	return Redact(psprintf("%s%s%s%s%s%s%s", MessageWithoutValues(error),
						   detail ? " (" : "", detail ? detail : "", detail ? ")" : "",
						   error->hint ? " [" : "", error->hint ? error->hint : "", error->hint ? "]" : ""));
}
