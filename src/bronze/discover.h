/*
 * discover.h
 *	  Glob patterns -> files.
 */
#ifndef MEDALLION_DISCOVER_H
#define MEDALLION_DISCOVER_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef struct FoundFile
{
	char	   *path;			/* absolute */
	int64		size;
	int64		mtime_ns;
	int64		ctime_ns;
} FoundFile;

/*
 * The regular files that match any of the patterns, each once, in C order of
 * path.  "**" stands for any number of folders; relative patterns start at
 * medallion.input_root; file names match without regard to case.  Hidden files
 * and the lock files of office programs ("~$...") are passed over.
 */
extern List *DiscoverFiles(List *patterns, Oid role);

/* Values that a path offers as columns: name and value pairs (char *). */
extern void PathValues(const char *path, const char *pattern, List **names, List **values);

/* Does a folder stand for a part of the data (a year, a month, key=value, a
 * date), or for what the data is?  parent_is: what was said of its parent. */
extern bool FolderIsPartition(const char *folder, bool parent_is);

#endif							/* MEDALLION_DISCOVER_H */
