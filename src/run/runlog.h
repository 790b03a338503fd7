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

#define DEFAULT_PIPELINE "default"

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
	char	   *sqlstate;		/* of the error */
	char	   *context;		/* of the error, or NULL */
	const char *pipeline;		/* its name */
	bool		alerted;		/* of the error, before the step's end */
	char	   *detail;			/* json object */
} StepLog;

extern int64 BeginRunLog(Jsonb *options, const char *pipeline);
extern void EndRunLog(int64 run_id, const char *status);

/* While a run that commits goes on, its process holds the run's lock: a run
 * that says RUNNING and whose lock is free has ended with its process. */
extern void HoldRun(int64 run_id);
extern void NoteCrashedRuns(int64 but_not);

/* One run of a schedule at a time; false if another has not ended.  over_commits:
 * until GiveBackLocks(), else until the transaction ends. */
extern bool HoldSchedule(const char *schedule, bool over_commits);
extern void LogStep(const StepLog *step);
extern void LogFile(int64 run_id, const char *path, const FileOutcome *outcome, int64 elapsed_ms);
extern void LogFileFailure(int64 run_id, const FoundFile *file, const char *sheet, const char *error, int64 elapsed_ms);
extern void LogMissingFile(int64 run_id, const char *path, int on_missing);
extern void LogSchemaChange(int64 run_id, const char *layer, const char *table, const char *type,
							const char *column, const char *old_type, const char *new_type);
extern void LogCheck(int64 run_id, const char *table, const CheckOutcome *check);
extern void LogHistory(int64 run_id, const char *table, const SilverOutcome *outcome);
extern void LogTableStatistics(int64 run_id, const char *layer, const char *schema, const char *table,
							   int64 rows);

/* An error as one line: message, and detail where there is one. */
extern char *ErrorLine(const ErrorData *error);

#endif							/* MEDALLION_RUNLOG_H */
