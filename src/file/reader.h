/*
 * reader.h
 *	  The one contract every file format obeys: open, next sheet, next row,
 *	  position, close.
 *
 * Nothing in src/file knows the server: no SPI, no catalogs, no palloc, no
 * ereport.  A reader reports problems as a status plus a position and a
 * message; the caller decides what to do.  Memory comes from malloc and is
 * owned by the reader; ReaderClose() frees all of it, so one reset callback
 * of the caller's is enough.
 *
 *	  file descriptor -> ReaderOpen -> [ReaderNextSheet -> [ReaderNextRow]*]* -> ReaderClose
 *
 * Cells are slices of the reader's own buffers.  They hold until the next
 * call on the same reader and are always valid UTF-8 without NUL bytes.
 */
#ifndef MEDALLION_READER_H
#define MEDALLION_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ReaderStatus
{
	READER_OK,					/* a sheet or a row was produced */
	READER_END,					/* no further row in this sheet, or no further sheet */
	READER_BAD_ROW,				/* this row is malformed: its raw text is in row->raw;
								 * reading may go on */
	READER_ERROR,				/* the file is malformed or unreadable */
	READER_LIMIT,				/* a limit of ReaderOptions was exceeded */
	READER_UNSUPPORTED,			/* not a format that this build reads */
	READER_NO_MEMORY,
	READER_CANCELLED			/* options->interrupted() said so */
} ReaderStatus;

/* What a cell holds.  The value is text in every case. */
typedef enum CellKind
{
	CELL_EMPTY,					/* no value; slice is empty */
	CELL_NUMBER,				/* plain decimal or exponent notation, "." as mark */
	CELL_TEXT,
	CELL_BOOLEAN,				/* "true" or "false" */
	CELL_DATE,					/* YYYY-MM-DD */
	CELL_TIMESTAMP,				/* YYYY-MM-DD HH:MM:SS[.mmm]; of a workbook's serial at
								 * midnight YYYY-MM-DD */
	CELL_TIME,					/* HH:MM:SS[.mmm] */
	CELL_INTERVAL,				/* [-]H+:MM:SS[.mmm] */
	CELL_ERROR					/* an error literal of a spreadsheet, as "#N/A" */
} CellKind;

typedef struct ReaderCell
{
	const char *value;			/* not NUL-terminated */
	uint32_t	length;			/* bytes */
	CellKind	kind;
} ReaderCell;

typedef struct ReaderRow
{
	int64_t		number;			/* 1-based row number as the source counts it; for text
								 * files the line on which the record starts.  Of JSON
								 * records that share a line the later ones get the next
								 * numbers: no two rows of a sheet have the same */
	int			ncells;			/* cells[0] is column 1; trailing empty cells are cut */
	const ReaderCell *cells;
	const char *raw;			/* READER_BAD_ROW: the bytes as found, made valid UTF-8 */
	size_t		raw_length;
} ReaderRow;

typedef struct ReaderSheet
{
	const char *name;			/* NUL-terminated; "" for formats without sheets */
	int			index;			/* 0-based, in the workbook's own order */
	bool		hidden;
	bool		has_header;		/* the first row is the header, whatever it looks like */
	bool		tells_merged;	/* the format knows of merged cells */
} ReaderSheet;

/*
 * What the caller asks for.  Zero means the default named in each comment;
 * ReaderOptionsInit() fills in the defaults.
 */
typedef struct ReaderOptions
{
	/* text files; 0 means detect */
	char		delimiter;
	char		quote;
	char		escape;			/* besides the doubled quote; the quote: none besides */
	bool		no_quote;		/* quotes are plain characters */
	const char *encoding;		/* NULL: BOM, UTF-16 by its NULs, UTF-8, else
								 * windows-1252.  JSON is Unicode: not asked there */
	const char *record_path;	/* JSON: dotted keys that lead to the array of records;
								 * "": the top level; NULL: detect */

	/* sheets of workbooks and of web pages */
	int64_t		merged_rows;	/* down to this row merged cells all have the value that
								 * only the first of them holds; 0: nowhere */
	bool		skip_hidden_rows;

	/* limits: exceeding one is READER_LIMIT with a message that names it */
	uint64_t	max_file_size;			/* bytes on disk */
	uint64_t	max_uncompressed_size;	/* bytes of one container entry or packed text */
	uint32_t	max_compression_ratio;	/* of these, beyond 100 KiB; of what a file asks to
										 * repeat to its size, beyond 64 MiB */
	uint32_t	max_columns;
	uint32_t	max_cell_size;			/* bytes of one cell */
	uint32_t	max_shared_strings;		/* bytes of a workbook's string table */
	uint32_t	max_xml_depth;			/* elements inside each other */

	/* workbooks by the general XML parser alone, which is slow; what comes out
	 * must be the same */
	bool		strict;

	/* asked now and then while reading; true stops with READER_CANCELLED */
	bool		(*interrupted) (void);
} ReaderOptions;

typedef struct Reader Reader;

extern void ReaderOptionsInit(ReaderOptions *options);

/*
 * Recognises the format by content and opens it.  The descriptor stays the
 * caller's: it must be seekable, must outlive the reader, and is not closed by
 * it.  *reader is set, even on failure, unless memory ran out at once; ask it
 * for the message and close it.
 */
extern ReaderStatus ReaderOpen(Reader **reader, int fd, const ReaderOptions *options);

/* Steps to the next sheet, skipping what is left of the one before. */
extern ReaderStatus ReaderNextSheet(Reader *reader, ReaderSheet *sheet);

/* The next row of the sheet that has any non-empty cell. */
extern ReaderStatus ReaderNextRow(Reader *reader, ReaderRow *row);

/* Why the last call failed: lower case, no full stop, never NULL. */
extern const char *ReaderMessage(const Reader *reader);

/* Where: row and column are 0 where they do not apply. */
extern void ReaderPosition(const Reader *reader, int64_t *row, int *column);

/* The format's short name ("xlsx", "csv"), and a note on what was detected
 * ("delimiter=; quote=\" encoding=windows-1252"), or "".  A text file's
 * encoding may turn out only while it is read: ask again at its end. */
extern const char *ReaderFormat(const Reader *reader);
extern const char *ReaderDetected(const Reader *reader);

/* Bytes of the file consumed so far and in all, for progress. */
extern void ReaderProgress(const Reader *reader, uint64_t *done, uint64_t *total);

/* Frees everything.  Accepts NULL. */
extern void ReaderClose(Reader *reader);

#endif							/* MEDALLION_READER_H */
