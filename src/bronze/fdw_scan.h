/*
 * fdw_scan.h
 *	  Files under a pattern -> rows of a declared shape.  Foreign tables and
 *	  read_file() stand on it.
 */
#ifndef MEDALLION_FDW_SCAN_H
#define MEDALLION_FDW_SCAN_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "base/options.h"
#include "bronze/discover.h"
#include "nodes/bitmapset.h"

typedef struct FileScan FileScan;

/* Is the file wanted?  Asked as its turn comes. */
typedef bool (*FileFilter) (void *arg, const FoundFile *file);

/*
 * The files under options->path that the role may look for.  A pattern
 * without wildcards that finds nothing is an error, unless missing_ok.
 */
extern List *FindScanFiles(const ReadOptions *options, Oid role, bool missing_ok);
extern int64 TotalFileSize(List *files);

/*
 * A scan in the current memory context, for the role.  table: whose column
 * options count, or InvalidOid; wanted: attribute numbers of the columns to
 * fill, 0 among them for all.  The options must live as long.
 */
extern FileScan *FileScanBegin(TupleDesc desc, Oid table, const ReadOptions *options,
							   const Bitmapset *wanted, Oid role);
extern void FileScanSetFiles(FileScan *scan, List *files, FileFilter filter, void *arg);

/* The next row, with memory that lasts until the next call; false at the end. */
extern bool FileScanNext(FileScan *scan, Datum *values, bool *nulls);

/* The columns that say the same in every row of a file; the others are NULL. */
extern void FileScanConstants(FileScan *scan, const FoundFile *file, Datum *values, bool *nulls);
extern Bitmapset *ConstantColumns(TupleDesc desc);	/* their attribute numbers */

extern int	FileScanFilesRead(const FileScan *scan);
extern void FileScanRewind(FileScan *scan);
extern void FileScanEnd(FileScan *scan);

#endif							/* MEDALLION_FDW_SCAN_H */
