/*
 * runlog.h
 *	  What a run writes down: medallion.runs and the tables of etl_logs.
 */
#ifndef MEDALLION_RUNLOG_H
#define MEDALLION_RUNLOG_H

#include "postgres.h"
#include "bronze/bronze.h"
#include "datatype/timestamp.h"
#include "silver/silver.h"
#include "utils/jsonb.h"

/* One row of the run table. */
typedef struct StepLog
{
	int64		run_id;
	const char *layer;			/* bronze, silver, gold */
	const char *object;			/* feature or model */
	const char *status;			/* COMPLETED, UNCHANGED, PARTIAL, FAILED, SKIPPED */
	int64		rows_in;
	int64		rows_out;
	int64		invalid;
	int			files;
	TimestampTz started_at;
	TimestampTz finished_at;
	char	   *error;			/* message, or NULL */
	char	   *detail;			/* json object */
} StepLog;

extern int64 BeginRunLog(Jsonb *options);
extern void EndRunLog(int64 run_id, const char *status);
extern void LogStep(const StepLog *step);
extern void LogFile(int64 run_id, const char *path, const FileOutcome *outcome, int64 elapsed_ms);
extern void LogFileFailure(int64 run_id, const FileTask *task, const char *sheet, const char *error, int64 elapsed_ms);
extern void LogMissingFile(int64 run_id, const char *path);
extern void LogSchemaChange(int64 run_id, const char *layer, const char *table, const char *type,
							const char *column, const char *old_type, const char *new_type);
extern void LogCheck(int64 run_id, const char *table, const CheckOutcome *check);
extern void LogHistory(int64 run_id, const char *table, const SilverOutcome *outcome);
extern void LogTableStatistics(int64 run_id, const char *layer, const char *schema, const char *table,
							   Oid owner);

/* An error as one line: message, and detail where there is one. */
extern char *ErrorLine(const ErrorData *error);

#endif							/* MEDALLION_RUNLOG_H */
