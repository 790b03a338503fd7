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

/* What keeps files from being found. */
typedef struct Obstacle
{
	char	   *path;			/* a folder, or a file by a name that can be spelled */
	int			sqlerrcode;
	char	   *message;
} Obstacle;

/*
 * The regular files that match any of the patterns, each once, in C order of
 * path.  "**" stands for any number of folders; relative patterns start at
 * medallion.input_root; file names match without regard to case.  Hidden files
 * and the lock files of office programs ("~$...") are passed over.
 *
 * obstacles: is set to what kept files from being found (Obstacle *), for of
 * files below such a path nobody knows whether they are there; NULL: warnings.
 */
extern List *DiscoverFiles(List *patterns, Oid role, List **obstacles);

/* Where the patterns begin to look (char *). */
extern List *SourceFolders(List *patterns, Oid role);

/* Is a path in a folder, however deep? */
extern bool IsBelow(const char *path, const char *folder);

/* Is it on account of one of these that a file was not found? */
extern bool IsObstructed(List *obstacles, const char *path);

/* Values that a path offers as columns: name and value pairs (char *). */
extern void PathValues(const char *path, const char *pattern, List **names, List **values);

/* Does a folder stand for a part of the data (a year, a month, key=value, a
 * date), or for what the data is?  parent_is: what was said of its parent. */
extern bool FolderIsPartition(const char *folder, bool parent_is);

#endif							/* MEDALLION_DISCOVER_H */
