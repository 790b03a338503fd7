/*
 * reader.c
 *	  Recognises a file by its content and passes the calls on to its format.
 *
 *	  first bytes -> RecogniseFormat -> FormatRoutine (xlsx*.c, csv.c)
 *	                                 -> "this is a ..." for what is not read
 *
 * File names play no part: a CSV named .xls is a CSV.
 */
#include "file/format.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_SIZE 4096

#define GIGABYTE ((uint64_t) 1024 * 1024 * 1024)
#define DEFAULT_FILE_SIZE (64 * GIGABYTE)
#define DEFAULT_UNCOMPRESSED_SIZE (4 * GIGABYTE)
#define DEFAULT_RATIO 100
#define DEFAULT_COLUMNS 16384
#define DEFAULT_CELL_SIZE (1024 * 1024)
#define DEFAULT_SHARED_STRINGS ((uint32_t) GIGABYTE)

/* A kind of file that begins with known bytes and that nobody here reads. */
typedef struct ForeignKind
{
	const char *magic;
	size_t		length;
	const char *what;
} ForeignKind;

#define FOREIGN(magic, what) {magic, sizeof(magic) - 1, what}

static const ForeignKind foreign_kinds[] = {
	FOREIGN("%PDF", "a PDF document"),
	FOREIGN("\x89PNG", "a PNG image"),
	FOREIGN("\xFF\xD8\xFF", "a JPEG image"),
	FOREIGN("GIF8", "a GIF image"),
	FOREIGN("\x1F\x8B", "a gzip archive"),
	FOREIGN("BZh", "a bzip2 archive"),
	FOREIGN("\xFD" "7zXZ", "an xz archive"),
	FOREIGN("\x28\xB5\x2F\xFD", "a zstd archive"),
	FOREIGN("7z\xBC\xAF", "a 7z archive"),
	FOREIGN("Rar!", "a RAR archive"),
	FOREIGN("PAR1", "a Parquet file"),
	FOREIGN("{\\rtf", "an RTF document"),
	FOREIGN("ID;P", "a SYLK file"),
	FOREIGN("\x09\x00\x04\x00", "an old Excel (.xls) workbook"),
	FOREIGN("\x09\x02\x06\x00", "an old Excel (.xls) workbook"),
	FOREIGN("\x09\x04\x06\x00", "an old Excel (.xls) workbook"),
	FOREIGN("\x09\x08\x08\x00", "an old Excel (.xls) workbook"),
	FOREIGN("\x09\x08\x10\x00", "an old Excel (.xls) workbook"),
	FOREIGN("\x00\x00\x02\x00", "a Lotus 1-2-3 worksheet"),
	FOREIGN("\x00\x00\x1A\x00", "a Lotus 1-2-3 worksheet"),
	FOREIGN("\xFF\x00\x02\x00", "a Works spreadsheet"),
};

/* Fills in the defaults. */
void
ReaderOptionsInit(ReaderOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->max_file_size = DEFAULT_FILE_SIZE;
	options->max_uncompressed_size = DEFAULT_UNCOMPRESSED_SIZE;
	options->max_compression_ratio = DEFAULT_RATIO;
	options->max_columns = DEFAULT_COLUMNS;
	options->max_cell_size = DEFAULT_CELL_SIZE;
	options->max_shared_strings = DEFAULT_SHARED_STRINGS;
}

/* Copies the caller's options; a zero limit becomes its default. */
static void
SetOptions(Reader *reader, const ReaderOptions *given)
{
	ReaderOptions *options = &reader->options;
	ReaderOptions defaults;

	ReaderOptionsInit(&defaults);
	*options = given ? *given : defaults;
	if (options->max_file_size == 0)
		options->max_file_size = defaults.max_file_size;
	if (options->max_uncompressed_size == 0)
		options->max_uncompressed_size = defaults.max_uncompressed_size;
	if (options->max_compression_ratio == 0)
		options->max_compression_ratio = defaults.max_compression_ratio;
	if (options->max_columns == 0)
		options->max_columns = defaults.max_columns;
	if (options->max_cell_size == 0)
		options->max_cell_size = defaults.max_cell_size;
	if (options->max_shared_strings == 0)
		options->max_shared_strings = defaults.max_shared_strings;
	if (options->encoding != NULL)
	{
		snprintf(reader->encoding, sizeof(reader->encoding), "%s", options->encoding);
		options->encoding = reader->encoding[0] ? reader->encoding : NULL;
	}
}

/* Does the head, from a place on, hold this ASCII name in UTF-16? */
static bool
HoldsWideName(const char *head, size_t length, const char *name)
{
	size_t		wanted = strlen(name);

	for (size_t at = 0; at + 2 * wanted <= length; at += 2)
	{
		size_t		i = 0;

		while (i < wanted && head[at + 2 * i] == name[i] && head[at + 2 * i + 1] == '\0')
			i++;
		if (i == wanted)
			return true;
	}
	return false;
}

/* OLE2 holds old workbooks, and new ones that are encrypted; its directory tells. */
static ReaderStatus
RefuseOle2(Reader *reader, const char *head, size_t length)
{
	char		directory[HEAD_SIZE];
	const unsigned char *p = (const unsigned char *) head;
	uint64_t	sector = 0;
	ssize_t		got = 0;

	if (length >= 52)
	{
		sector = p[48] | p[49] << 8 | p[50] << 16 | (uint64_t) p[51] << 24;
		got = ReaderReadAt(reader, directory, sizeof(directory),
						   (sector + 1) << (p[30] == 12 ? 12 : 9));
	}
	if (got > 0 && HoldsWideName(directory, got, "EncryptedPackage"))
		return ReaderFail(reader, READER_UNSUPPORTED, "this workbook is password protected");
	return ReaderFail(reader, READER_UNSUPPORTED,
					  "this is an old Excel (.xls) or an encrypted workbook");
}

/* Is the text a page of markup, and of which kind?  NULL when it is not. */
static const char *
MarkupKind(const char *head, size_t length)
{
	size_t		at = length >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	static const char *const html[] = {"<html", "<!doctype html", "<table", "<head", "<body"};

	while (at < length && strchr(" \t\r\n", head[at]) != NULL && head[at] != '\0')
		at++;
	for (size_t i = 0; i < sizeof(html) / sizeof(html[0]); i++)
		if (length - at >= strlen(html[i]) && strncasecmp(head + at, html[i], strlen(html[i])) == 0)
			return "an HTML page";
	if (length - at >= 5 && memcmp(head + at, "<?xml", 5) == 0)
		return memmem(head, length, "urn:schemas-microsoft-com:office:spreadsheet", 44) != NULL
			? "an XML spreadsheet of 2003" : "an XML document";
	return NULL;
}

/* Chooses the format, or says what the file is instead. */
static ReaderStatus
RecogniseFormat(Reader *reader, const char *head, size_t length)
{
	const char *markup;

	if (length >= 4 && memcmp(head, "PK", 2) == 0 &&
		((head[2] == 3 && head[3] == 4) || (head[2] == 5 && head[3] == 6)))
	{
		reader->format = &XlsxFormat;
		return READER_OK;
	}
	if (length >= 8 && memcmp(head, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8) == 0)
		return RefuseOle2(reader, head, length);
	for (size_t i = 0; i < sizeof(foreign_kinds) / sizeof(foreign_kinds[0]); i++)
	{
		const ForeignKind *kind = &foreign_kinds[i];

		if (length >= kind->length && memcmp(head, kind->magic, kind->length) == 0)
			return ReaderFail(reader, READER_UNSUPPORTED, "this is %s", kind->what);
	}
	markup = MarkupKind(head, length);
	if (markup != NULL)
		return ReaderFail(reader, READER_UNSUPPORTED, "this is %s", markup);
	reader->format = &CsvFormat;
	return READER_OK;
}

/* Looks at the file's size and first bytes, then opens it with its format. */
static ReaderStatus
OpenByContent(Reader *reader)
{
	char		head[HEAD_SIZE];
	struct stat st;
	ssize_t		got;
	ReaderStatus status;

	if (fstat(reader->fd, &st) != 0)
		return ReaderFail(reader, READER_ERROR, "could not stat the file: %s", strerror(errno));
	reader->file_size = st.st_size;
	if (reader->file_size == 0)
		return ReaderFail(reader, READER_ERROR, "the file is empty");
	if (reader->file_size > reader->options.max_file_size)
		return ReaderFail(reader, READER_LIMIT,
						  "the file has %llu bytes, more than max_file_size allows (%llu)",
						  (unsigned long long) reader->file_size,
						  (unsigned long long) reader->options.max_file_size);
	got = ReaderReadAt(reader, head, sizeof(head), 0);
	if (got < 0)
		return READER_ERROR;
	status = RecogniseFormat(reader, head, got);
	return status == READER_OK ? reader->format->open(reader) : status;
}

/* Recognises the format by content and opens it. */
ReaderStatus
ReaderOpen(Reader **reader, int fd, const ReaderOptions *options)
{
	*reader = calloc(1, sizeof(Reader));
	if (*reader == NULL)
		return READER_NO_MEMORY;
	(*reader)->fd = fd;
	SetOptions(*reader, options);
	(*reader)->failed = OpenByContent(*reader);
	return (*reader)->failed;
}

/* Steps to the next sheet, skipping what is left of the one before. */
ReaderStatus
ReaderNextSheet(Reader *reader, ReaderSheet *sheet)
{
	ReaderStatus status;

	if (reader->failed != READER_OK)
		return reader->failed;
	reader->row = 0;
	reader->column = 0;
	status = reader->format->next_sheet(reader, sheet);
	if (status != READER_OK && status != READER_END)
		reader->failed = status;
	return status;
}

/* The next row of the sheet that has any non-empty cell. */
ReaderStatus
ReaderNextRow(Reader *reader, ReaderRow *row)
{
	ReaderStatus status;

	memset(row, 0, sizeof(*row));
	if (reader->failed != READER_OK)
		return reader->failed;
	reader->column = 0;
	status = reader->format->next_row(reader, row);
	if (status == READER_OK)
		reader->row = row->number;
	else if (status != READER_END && status != READER_BAD_ROW)
		reader->failed = status;
	return status;
}

/* Why the last call failed. */
const char *
ReaderMessage(const Reader *reader)
{
	return reader->message;
}

/* Where the last call stands. */
void
ReaderPosition(const Reader *reader, int64_t *row, int *column)
{
	*row = reader->row;
	*column = reader->column;
}

/* The format's short name, or "unknown". */
const char *
ReaderFormat(const Reader *reader)
{
	return reader->format ? reader->format->name : "unknown";
}

/* A note on what was detected, or "". */
const char *
ReaderDetected(const Reader *reader)
{
	return reader->detected;
}

/* Bytes consumed so far and in all. */
void
ReaderProgress(const Reader *reader, uint64_t *done, uint64_t *total)
{
	*total = reader->file_size;
	*done = reader->consumed < *total ? reader->consumed : *total;
}

/* Frees everything. */
void
ReaderClose(Reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->format != NULL && reader->state != NULL)
		reader->format->close(reader);
	free(reader);
}

/* Notes why the reader fails and returns the status. */
ReaderStatus
ReaderFail(Reader *reader, ReaderStatus status, const char *format, ...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(reader->message, sizeof(reader->message), format, args);
	va_end(args);
	return status;
}

/* Notes that memory ran out. */
ReaderStatus
ReaderNoMemory(Reader *reader)
{
	return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
}

/* READER_CANCELLED when the caller wants to stop, else READER_OK. */
ReaderStatus
ReaderCheckInterrupt(Reader *reader)
{
	if (reader->options.interrupted == NULL || !reader->options.interrupted())
		return READER_OK;
	return ReaderFail(reader, READER_CANCELLED, "reading was cancelled");
}

/* Reads up to size bytes at an offset; fewer only at the end of the file, -1 on error. */
ssize_t
ReaderReadAt(Reader *reader, void *buffer, size_t size, uint64_t offset)
{
	size_t		done = 0;

	while (done < size)
	{
		ssize_t		got = pread(reader->fd, (char *) buffer + done, size - done, offset + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
		{
			ReaderFail(reader, READER_ERROR, "could not read the file: %s", strerror(errno));
			return -1;
		}
		if (got == 0)
			break;
		done += got;
	}
	return done;
}
