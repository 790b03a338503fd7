/*
 * csv.h
 *	  What csv.c and csv_record.c share: a window onto delimited text, and the
 *	  record that was parsed last.
 */
#ifndef MEDALLION_CSV_H
#define MEDALLION_CSV_H

#include "file/dialect.h"
#include "file/encoding.h"
#include "file/scan.h"
#include "file/stream.h"

/* What became of an attempt to parse a cell or a record. */
typedef enum Parsed
{
	PARSED_DONE,
	PARSED_MORE,				/* the window ends too early */
	PARSED_BAD,					/* csv->complaint says why */
	PARSED_LIMIT,				/* likewise */
	PARSED_NO_MEMORY
} Parsed;

typedef struct CsvReader
{
	Reader		base;
	Transcoder	coder;
	Dialect		dialect;
	ByteSet		stops;			/* bytes that end the scan of an unquoted cell */
	ByteSet		marks;			/* quote and escape */
	ByteSet		line_ends;
	const char *end;			/* of what is being parsed; a byte follows that is a stop */
	bool		final;			/* nothing beyond it is of interest */

	Buffer		window;			/* UTF-8; a NUL follows its last byte */
	size_t		position;		/* of the next record in the window */
	int64_t		line;			/* of the next record in the file */
	uint64_t	offset;			/* where in the file, as it is on disk, the window ends */
	bool		undecided;		/* all ASCII so far: it may be UTF-8 or not */
	bool		at_end;			/* the window ends where the file does */
	Buffer		chunk;			/* bytes to be transcoded */
	double		shrink;			/* bytes of the file per byte of the window */

	ReaderCell *cells;			/* the record that was parsed last */
	uint32_t	ncells;
	uint32_t	capacity;
	size_t		record_length;	/* without its line end */
	size_t		next;			/* where in the window the one after it begins */
	int64_t		lines;			/* line ends in it */
	bool		escaped;		/* some quoted cell has escapes */
	bool		mended;			/* some quote in it was taken for text */
	uint32_t	width;			/* cells of the good record before, or the usual number */
	const char *complaint;
	const char *failure;		/* where a bad record was found to be bad */
	size_t		barrier;		/* records that begin before this may not span lines */

	size_t		quote_reach;
	uint32_t	max_columns;
	uint32_t	max_cell_size;
	Buffer		raw;
	unsigned int records;		/* since the last look at options.interrupted */
	bool		sheet_begun;
	bool		sheet_over;
} CsvReader;

/* csv_record.c: parses what is at the window's position; takes the escapes out
 * of a good record, in place; has the lines up to one parsed by themselves. */
extern Parsed CsvParseNext(CsvReader *csv);
extern void CsvUnescape(CsvReader *csv, const char *start);
extern void CsvRaiseBarrier(CsvReader *csv, const char *failure);

#endif							/* MEDALLION_CSV_H */
