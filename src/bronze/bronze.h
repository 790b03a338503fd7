/*
 * bronze.h
 *	  What the run layer asks of bronze: which files are due, and to load one.
 */
#ifndef MEDALLION_BRONZE_H
#define MEDALLION_BRONZE_H

#include "postgres.h"
#include "base/feature.h"
#include "bronze/discover.h"
#include "bronze/sink.h"
#include "datatype/timestamp.h"

/* A file that is due: new, changed, or not proven unchanged. */
typedef struct FileTask
{
	FoundFile  *file;
	int64		live_id;		/* the version in force, or 0 */
	int			version;		/* number of the next version */
	bool		relation;		/* a pull from the feature's relation, not a file */
	const char *pushed;			/* json that was handed in, not a file; or NULL */
	char	   *live_hash;		/* hexadecimal SHA-256 of the version in force, or NULL */
	bool		orphan;			/* a duplicate whose original is no longer in force */
	List	   *path_names;		/* columns that the path offers (char *) ... */
	List	   *path_values;	/* ... and their values */
	int64		looked_at_ns;
} FileTask;

typedef struct BronzePlan
{
	List	   *found;			/* FoundFile *, in C order of path */
	int			unchanged;
	List	   *due;			/* FileTask *, in the order to load */
	List	   *obstacles;		/* Obstacle *: what kept files from being found */
	List	   *missing;		/* paths (char *) in force but gone, not reported before */
	bool		duplicates;		/* is any version in force one? */
	TimestampTz seen_at;		/* the time of the events of this run's files; 0 where there can be none */
} BronzePlan;

typedef struct SheetOutcome
{
	char	   *name;
	int64		rows;
	int64		elapsed_ms;
} SheetOutcome;

typedef struct FileOutcome
{
	const char *status;			/* SUCCESS, EMPTY, DUPLICATE, UNCHANGED */
	int64		file_id;		/* 0 if UNCHANGED */
	char	   *hash;			/* hexadecimal */
	int64		size;
	int64		rows;
	int64		rejected;
	char		sheet[256];		/* the one being loaded, for who logs a failure */
	bool		direct;			/* went past the executor */
	List	   *sheets;			/* SheetOutcome * */
	RowBlocks	blocks;			/* where the rows lie in bronze */
	List	   *changes;		/* SchemaChange * */
	char	   *detected;		/* what the reader found out about the format */
} FileOutcome;

/* Compares the files under the feature's patterns with the ledger. */
extern BronzePlan *PlanBronze(const Feature *feature);

/* Once the files that are due are loaded: duplicates whose original is no
 * longer what it was, or that the feature now wants loaded (FileTask *). */
extern List *PlanOrphans(const Feature *feature, const BronzePlan *plan);

/* Rows handed in as json, an array of objects: a task to load them by, with a
 * feature that reads them so. */
extern FileTask *PlanPush(Feature *feature, const char *json, TimestampTz *seen_at);

/* Loads one file.  Raises if it cannot; the caller's subtransaction then
 * leaves no trace of it. */
extern void LoadFile(const Feature *feature, const FileTask *task, TimestampTz seen_at,
					 int64 run_id, FileOutcome *outcome);

#endif							/* MEDALLION_BRONZE_H */
