/*
 * format.h
 *	  What a format brings to reader.c, and the tools that formats share.
 */
#ifndef MEDALLION_FORMAT_H
#define MEDALLION_FORMAT_H

#include "file/reader.h"

#define READER_MESSAGE_SIZE 512
#define READER_DETECTED_SIZE 160
#define SNIFF_BYTES 4096		/* so much of a file's start tells its format */

typedef struct FormatOps
{
	const char *name;
	size_t		size;			/* of the format's own struct, which begins with a Reader */
	ReaderStatus (*open) (Reader *reader);
	ReaderStatus (*next_sheet) (Reader *reader, ReaderSheet *sheet);
	ReaderStatus (*next_row) (Reader *reader, ReaderRow *row);
	void		(*close) (Reader *reader);
} FormatOps;

/* What all readers have; a format's struct begins with it. */
struct Reader
{
	const FormatOps *ops;
	int			fd;
	ReaderOptions options;
	ReaderStatus status;		/* of the last failure: it stays */
	int64_t		row;			/* where the reader stands */
	int			column;
	uint64_t	done;			/* bytes */
	uint64_t	total;
	uint64_t	told;			/* bytes of the workbook's cells handed out */
	uint64_t	expanded;		/* bytes handed out that the file does not hold, but asks to repeat */
	struct ByteStream *stream;	/* the file from start to end, see stream.h */
	struct Merged *merged;		/* cells of the sheet, see merged.h; NULL: none yet */
	char		message[READER_MESSAGE_SIZE];
	char		detected[READER_DETECTED_SIZE];
};

extern const FormatOps csv_format;
extern const FormatOps fods_format;
extern const FormatOps html_format;
extern const FormatOps json_format;
extern const FormatOps ods_format;
extern const FormatOps xls_format;
extern const FormatOps xlsb_format;
extern const FormatOps xlsx_format;
extern const FormatOps xmlss_format;

/* Notes a failure and returns its status. */
extern ReaderStatus ReaderFail(Reader *reader, ReaderStatus status, const char *format,...)
			__attribute__((format(printf, 3, 4)));

#define RATIO_FREE_BYTES (100 * 1024)	/* of what is unpacked: the ratio counts beyond so much */

/* Are these, but for the first free ones, more than max_compression_ratio times the packed bytes that they come of? */
extern bool IsBeyondRatio(const Reader *reader, uint64_t bytes, uint64_t free_bytes, uint64_t packed);

/* Fails if what a file asks to repeat is beyond the limits: what are these cells? */
extern ReaderStatus CheckExpansion(Reader *reader, const char *what);

/* Does a file that begins so, or, if shorter than SNIFF_BYTES, is so, hold JSON? */
extern bool LooksLikeJson(const char *head, size_t length);

/* Reads up to length bytes at an offset; fewer only at the end; -1 on error. */
extern ptrdiff_t ReadAt(int fd, void *buffer, size_t length, uint64_t offset);

/* Is this valid UTF-8 without NUL bytes? */
extern bool IsValidText(const char *text, size_t length);

/* A byte buffer that grows; refuses to grow beyond its limit. */
typedef struct Buffer
{
	char	   *data;
	size_t		length;
	size_t		capacity;
	size_t		limit;			/* 0: none */
} Buffer;

extern bool BufferReserve(Buffer *buffer, size_t more);	/* false: out of memory or limit */
extern bool BufferAppend(Buffer *buffer, const char *data, size_t length);
extern void BufferFree(Buffer *buffer);

/* Lets an array hold one more than count elements of a size; false: out of memory. */
extern bool GrowArray(void **array, size_t *capacity, size_t count, size_t size);

#endif							/* MEDALLION_FORMAT_H */
