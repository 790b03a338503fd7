/*
 * source.h
 *	  A file on the server, opened for a role that may read it, and the reader
 *	  on top of it.
 *
 * The memory context current at SourceOpen() owns the reader: an error or a
 * cancel frees it with that context.  The descriptor belongs to the server's
 * transient files, which end with the (sub)transaction, unless asked otherwise.
 */
#ifndef MEDALLION_SOURCE_H
#define MEDALLION_SOURCE_H

#include "postgres.h"
#include "base/options.h"
#include "bronze/footer.h"
#include "bronze/select.h"
#include "file/reader.h"

#define SOURCE_HASH_LENGTH 32	/* SHA-256 */

typedef struct Source
{
	char	   *path;			/* as asked for */
	int			fd;				/* -1 when closed */
	bool		owns_fd;		/* not one of the server's transient files */
	int64		size;
	int64		mtime_ns;
	int64		ctime_ns;
	Reader	   *reader;			/* NULL until SourceStartReading() */
	char	   *sheet;			/* the sheet being read, or NULL */
	CellRange  *range;			/* cells that are wanted, or NULL */
	Footer	   *footer;			/* rows that are not wanted, or NULL */
	const char *complaint;		/* of the row last read, if it is malformed */
	MemoryContextCallback cleanup;
} Source;

/* Raises unless the role may read this path; returns the path with symbolic
 * links resolved.  Every entry point that touches files passes here. */
extern char *CheckPathAllowed(const char *path, Oid role);
extern char *CheckFolderAllowed(const char *path, Oid role);	/* NULL if it is not there */

/* May it read what the descriptor was opened on, whatever the path was by then? */
extern bool MayReadDescriptor(int fd, Oid role);

/* Opens a regular file that the role may read. */
extern Source *SourceOpen(const char *path, Oid role);

/* A text in memory, as if it were a file. */
extern Source *SourceFromText(const char *path, const char *text);

/* Lets the descriptor live as long as the reader, for scans that may begin in
 * one subtransaction and go on in another. */
extern void SourceOutliveTransaction(Source *source);

/* SHA-256 of the whole file. */
extern void SourceHash(Source *source, uint8 hash[SOURCE_HASH_LENGTH]);

/* Reader options: limits by the settings, then what a feature says. */
extern void SourceReaderOptions(ReaderOptions *options);
extern void FeatureReaderOptions(const FeatureOptions *feature, ReaderOptions *options);

/* Starts the reader.  The first returns false where no reader can make sense
 * of the file; ReaderMessage() says why. */
extern bool SourceTryReading(Source *source, const ReaderOptions *options);
extern void SourceStartReading(Source *source, const ReaderOptions *options);

/* From now on only the cells that a feature wants are seen: of a range, below the
 * rows to be skipped, above the footer. */
extern void SourceClip(Source *source, const FeatureOptions *options);

/* Steps; false at the end.  Errors are raised with file, sheet, row, column. */
extern bool SourceNextSheet(Source *source, ReaderSheet *sheet);
extern bool SourceNextRow(Source *source, ReaderRow *row, bool *bad);

/* Raises if the file changed since it was opened. */
extern void SourceCheckUnchanged(Source *source);

extern void SourceClose(Source *source);

#endif							/* MEDALLION_SOURCE_H */
