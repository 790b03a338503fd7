/*
 * reader_fuzz.c
 *	  Reads arbitrary bytes as a file and asserts what reader.h promises.
 *
 *	  bytes -> wrap.c (the container of the format) -> memory file -> reader -> each sheet, row and cell
 *
 * For libFuzzer; with -DREPLAY a program that takes files instead:
 *
 *	  MEDALLION_FUZZ=format reader_fuzz FILE...
 *
 * The format is one of wrap.c's.  Inputs whose length divides by four are read
 * under tight limits, so that these are met too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "file/reader.h"
#include "wrap.h"

#ifndef SECONDS_PER_FILE
#define SECONDS_PER_FILE 10		/* a replay, perhaps on a busy machine and without optimisation */
#endif

static const Format *format;

extern int	LLVMFuzzerInitialize(int *argc, char ***argv);
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops with a reason, for the fuzzer to keep the input. */
#define Require(condition, what) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, (what)); \
			abort(); \
		} \
	} while (0)

/* --- what a cell may hold --- */

/* Is this UTF-8 without NUL bytes?  Written otherwise than the reader's own test. */
static bool
IsText(const char *text, size_t length)
{
	static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};

	for (size_t i = 0; i < length;)
	{
		unsigned char lead = text[i];
		size_t		bytes = lead < 0x80 ? 1 : (lead & 0xE0) == 0xC0 ? 2 : (lead & 0xF0) == 0xE0 ? 3 : (lead & 0xF8) == 0xF0 ? 4 : 0;
		uint32_t	code = bytes == 1 ? lead : lead & (0x7F >> bytes);

		if (bytes == 0 || length - i < bytes)
			return false;
		for (size_t j = 1; j < bytes; j++)
		{
			if ((text[i + j] & 0xC0) != 0x80)
				return false;
			code = code << 6 | (text[i + j] & 0x3F);
		}
		if (code < least[bytes] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
			return false;
		i += bytes;
	}
	return true;
}

/* Steps over digits; how many there were. */
static int
Digits(const char **p, const char *end)
{
	const char *begin = *p;

	while (*p < end && **p >= '0' && **p <= '9')
		(*p)++;
	return *p - begin;
}

/*
 * Does the text have this form?  "9" one digit, "+" digits, "." an optional
 * fraction, anything else itself.
 */
static bool
HasForm(const char *p, const char *end, const char *form)
{
	for (; *form; form++)
	{
		if (*form == '+')
		{
			if (Digits(&p, end) == 0)
				return false;
		}
		else if (*form == '.')
		{
			if (p < end && *p == '.' && (p++, Digits(&p, end) == 0))
				return false;
		}
		else if (p == end || (*form == '9' ? *p < '0' || *p > '9' : *p != *form))
			return false;
		else
			p++;
	}
	return p == end;
}

/* Is this a number in plain or exponent notation? */
static bool
IsNumber(const char *p, const char *end)
{
	int			digits;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	digits = Digits(&p, end);
	if (p < end && *p == '.')
	{
		p++;
		digits += Digits(&p, end);
	}
	if (digits == 0)
		return false;
	if (p == end)
		return true;
	if (*p != 'e' && *p != 'E')
		return false;
	p++;
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	return Digits(&p, end) > 0 && p == end;
}

/* Is the date, which has its form, in the calendar?  So the C library says. */
static bool
IsDay(const char *text)
{
	struct tm	tm = {.tm_hour = 12};
	char		copy[11] = "";
	int			month;
	int			day;

	memcpy(copy, text, 10);
	if (sscanf(copy, "%4d-%2d-%2d", &tm.tm_year, &month, &day) != 3 || tm.tm_year == 0)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	timegm(&tm);
	return tm.tm_mon == month - 1 && tm.tm_mday == day;
}

/* Is the value one that its kind may have? */
static bool
FitsKind(const ReaderCell *cell)
{
	const char *p = cell->value != NULL ? cell->value : "";
	const char *end = p + cell->length;

	switch (cell->kind)
	{
		case CELL_EMPTY:
			return cell->length == 0;
		case CELL_NUMBER:
			return IsNumber(p, end);
		case CELL_TEXT:
		case CELL_ERROR:
			return true;
		case CELL_BOOLEAN:
			return HasForm(p, end, "true") || HasForm(p, end, "false");
		case CELL_DATE:
			return HasForm(p, end, "9999-99-99") && IsDay(p);
		case CELL_TIMESTAMP:
			return (HasForm(p, end, "9999-99-99") && IsDay(p)) ||
				(HasForm(p, end, "9999-99-99 99:99:99.") && IsDay(p) && memcmp(p + 11, "24:00:00", 8) <= 0);
		case CELL_TIME:
			return HasForm(p, end, "99:99:99.") && memcmp(p, "24:00:00", 8) <= 0;
		case CELL_INTERVAL:
			return HasForm(p + (p < end && *p == '-'), end, "+:99:99.");
	}
	return false;
}

/* --- walking through a file --- */

static void
CheckRow(const ReaderRow *row, const ReaderOptions *options)
{
	Require(row->ncells > 0, "a row without cells");
	Require((uint32_t) row->ncells <= options->max_columns, "more columns than max_columns");
	Require(row->cells[row->ncells - 1].kind != CELL_EMPTY, "a trailing empty cell");
	for (int i = 0; i < row->ncells; i++)
	{
		const ReaderCell *cell = &row->cells[i];

		Require(cell->length <= options->max_cell_size, "a cell beyond max_cell_size");
		Require(IsText(cell->value, cell->length), "a cell that is not UTF-8, or with NUL");
		Require(FitsKind(cell), "a value that is not of its kind");
	}
}

/* What holds after each call. */
static void
CheckState(Reader *reader, ReaderStatus status)
{
	const char *message = ReaderMessage(reader);
	const char *detected = ReaderDetected(reader);
	uint64_t	done;
	uint64_t	total;

	Require(message != NULL && IsText(message, strlen(message)), "a message that is not UTF-8");
	Require(detected != NULL && IsText(detected, strlen(detected)), "a note that is not UTF-8");
	Require(status == READER_OK || status == READER_END || message[0] != '\0', "a failure without a message");
	Require(status != READER_NO_MEMORY && status != READER_CANCELLED, "out of memory or cancelled");
	ReaderProgress(reader, &done, &total);
	Require(done <= total, "more bytes done than there are");
}

/*
 * May a row have the number of one before it, or a lower one?  Rows of an xlsx
 * sheet come as they stand in it, in whatever order; of JSON the header has the
 * number of the first record.
 */
static bool
MayRepeat(const ReaderSheet *sheet, int64_t rows, bool same)
{
	return format->any_order || (same && rows == 1 && sheet->has_header);
}

static ReaderStatus
WalkSheet(Reader *reader, const ReaderSheet *sheet, const ReaderOptions *options)
{
	int64_t		last = 0;
	int64_t		rows = 0;
	ReaderRow	row;
	ReaderStatus status;

	while ((status = ReaderNextRow(reader, &row)) == READER_OK || status == READER_BAD_ROW)
	{
		CheckState(reader, status);
		Require(row.number > last || MayRepeat(sheet, rows, row.number == last), "row numbers do not ascend");
		rows++;
		last = row.number;
		if (status == READER_OK)
			CheckRow(&row, options);
		else
			Require(IsText(row.raw, row.raw_length), "a bad row that is not UTF-8, or with NUL");
	}
	CheckState(reader, status);
	Require(status == READER_END || ReaderNextRow(reader, &row) == status, "a failure that does not last");
	return status;
}

static void
Walk(int fd, const ReaderOptions *options)
{
	int			last = -1;
	Reader	   *reader = NULL;
	ReaderSheet sheet;
	ReaderStatus status = ReaderOpen(&reader, fd, options);

	Require(reader != NULL, "out of memory");
	CheckState(reader, status);
	while (status == READER_OK && (status = ReaderNextSheet(reader, &sheet)) == READER_OK)
	{
		CheckState(reader, status);
		Require(IsText(sheet.name, strlen(sheet.name)), "a sheet's name that is not UTF-8");
		Require(sheet.index > last, "sheets do not ascend");
		last = sheet.index;
		status = WalkSheet(reader, &sheet, options);
		if (status == READER_END)
			status = READER_OK;
	}
	CheckState(reader, status);
	ReaderClose(reader);
}

/* --- scanner beside parser --- */

static bool
SameRow(const ReaderRow *a, const ReaderRow *b)
{
	if (a->number != b->number || a->ncells != b->ncells)
		return false;
	for (int i = 0; i < a->ncells; i++)
	{
		const ReaderCell *x = &a->cells[i];
		const ReaderCell *y = &b->cells[i];

		if (x->kind != y->kind || x->length != y->length || (x->length > 0 && memcmp(x->value, y->value, x->length) != 0))
			return false;
	}
	return true;
}

/* Reads on, for nothing but the status at the end. */
static ReaderStatus
EndOf(Reader *reader)
{
	ReaderSheet sheet;
	ReaderStatus status;

	while ((status = ReaderNextSheet(reader, &sheet)) == READER_OK)
		;
	return status;
}

/*
 * Do both fail?  Rows in front of a failure are lost if they are in one piece
 * with it, and what a tag's end would have told is known with the next piece
 * only: so the fast parser of XML may still give rows where the other has failed.
 */
static bool
BothFail(Reader *a, Reader *b)
{
	return !format->any_order && EndOf(a) == EndOf(b) && ReaderMessage(a)[0] != '\0';
}

/* Reads a sheet in both; the status at which they end. */
static ReaderStatus
CompareSheet(Reader *a, Reader *b)
{
	ReaderStatus status;
	ReaderRow	row_a;
	ReaderRow	row_b;

	for (;;)
	{
		ReaderStatus status_b;

		status = ReaderNextRow(a, &row_a);
		status_b = ReaderNextRow(b, &row_b);
		if (status != status_b && BothFail(a, b))
			return EndOf(a);
		Require(status == status_b, "scanner and parser end otherwise");
		if (status != READER_OK)
			return status;
		Require(SameRow(&row_a, &row_b), "scanner and parser give other rows");
	}
}

static void
Compare(int fd, ReaderOptions *options)
{
	Reader	   *a = NULL;
	Reader	   *b = NULL;
	ReaderSheet sheet_a;
	ReaderSheet sheet_b;
	ReaderStatus status = ReaderOpen(&a, fd, options);

	options->strict = true;
	Require(status == ReaderOpen(&b, fd, options), "scanner and parser open otherwise");
	while (status == READER_OK)
	{
		ReaderStatus status_b;

		status = ReaderNextSheet(a, &sheet_a);
		status_b = ReaderNextSheet(b, &sheet_b);
		if (status != status_b && BothFail(a, b))
			break;
		Require(status == status_b, "scanner and parser have other sheets");
		if (status == READER_OK && (status = CompareSheet(a, b)) == READER_END)
			status = READER_OK;
	}
	Require(strcmp(ReaderMessage(a), ReaderMessage(b)) == 0, "scanner and parser have other messages");
	ReaderClose(a);
	ReaderClose(b);
}

/* --- the fuzzer's side --- */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("MEDALLION_FUZZ");

	(void) argc;
	(void) argv;
	format = FindFormat(name != NULL ? name : "csv");
	if (format == NULL)
	{
		fprintf(stderr, "no such format: %s\n", name);
		exit(2);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int	fd = -1;
	size_t		length;
	uint8_t    *file = Wrap(format, data, size, &length);
	ReaderOptions options;

	if (file == NULL)
		return 0;
	if (fd < 0)
		fd = memfd_create("fuzz", 0);
	Require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, file, length, 0) == (ssize_t) length, "no memory file");
	free(file);
	ReaderOptionsInit(&options);
	options.max_uncompressed_size = 16 << 20;
	options.max_cell_size = 64 << 10;
	options.max_shared_strings = 16 << 20;
	options.merged_rows = size % 3 == 0 ? INT64_MAX : size % 3 == 1 ? 3 : 0;
	options.skip_hidden_rows = size % 5 == 0;
	if (size % 4 == 0)
	{
		options.max_columns = 5;
		options.max_cell_size = 60;
		options.max_shared_strings = 2000;
		options.max_uncompressed_size = 200000;
		options.max_compression_ratio = 20;
	}
	Walk(fd, &options);
	if (format->twice)
		Compare(fd, &options);
	return 0;
}

#ifdef REPLAY

/* Feeds one file; false if it cannot be read. */
static bool
Replay(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *data;
	long		size;
	bool		whole;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
		return false;
	rewind(file);
	/* As long as the file: a read beyond it must be seen. */
	data = malloc(size > 0 ? size : 1);
	whole = fread(data, 1, size, file) == (size_t) size;
	fclose(file);
	if (whole)
	{
		alarm(SECONDS_PER_FILE);
		LLVMFuzzerTestOneInput(data, size);
		alarm(0);
	}
	free(data);
	return whole;
}

int
main(int argc, char **argv)
{
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
	{
		/* The last line tells which file it was. */
		fprintf(stderr, "%s\n", argv[i]);
		if (!Replay(argv[i]))
			return 2;
	}
	return 0;
}

#endif							/* REPLAY */
