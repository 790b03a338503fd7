/*
 * format.h
 *	  What a file format gives to the reader, and what the reader gives to it.
 *
 * Internal to src/file.  A new format is one FormatRoutine and one line in
 * RecogniseFormat() of reader.c.
 */
#ifndef MEDALLION_FORMAT_H
#define MEDALLION_FORMAT_H

#include <sys/types.h>

#include "file/reader.h"

/* The calls of reader.h, for one format. */
typedef struct FormatRoutine
{
	const char *name;			/* short: "xlsx" */
	ReaderStatus (*open) (Reader *reader);
	ReaderStatus (*next_sheet) (Reader *reader, ReaderSheet *sheet);
	ReaderStatus (*next_row) (Reader *reader, ReaderRow *row);
	void		(*close) (Reader *reader);	/* also after a failed open */
} FormatRoutine;

struct Reader
{
	const FormatRoutine *format;	/* NULL until the content was recognised */
	void	   *state;			/* the format's own; NULL until its open */
	int			fd;				/* the caller's */
	ReaderOptions options;		/* every field filled in */
	char		encoding[64];	/* what options.encoding points to */
	uint64_t	file_size;
	uint64_t	consumed;		/* bytes of the file read, for progress */
	ReaderStatus failed;		/* READER_OK, or the failure every later call repeats */
	int64_t		row;			/* position; 0 where it does not apply */
	int			column;
	char		message[512];
	char		detected[160];
};

extern const FormatRoutine XlsxFormat;
extern const FormatRoutine CsvFormat;

/* Notes why the reader fails and returns the status. */
extern ReaderStatus ReaderFail(Reader *reader, ReaderStatus status, const char *format, ...)
			__attribute__((format(printf, 3, 4)));
extern ReaderStatus ReaderNoMemory(Reader *reader);

/* READER_CANCELLED when the caller wants to stop, else READER_OK. */
extern ReaderStatus ReaderCheckInterrupt(Reader *reader);

/* Reads up to size bytes at an offset; fewer only at the end of the file, -1 on error. */
extern ssize_t ReaderReadAt(Reader *reader, void *buffer, size_t size, uint64_t offset);

#endif							/* MEDALLION_FORMAT_H */
