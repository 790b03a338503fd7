/*
 * scan_check.c
 *	  Reads workbooks twice, as always and strictly, and prints where the two
 *	  differ: in rows, cells, kinds, the status at the end, its message or position.
 *
 * usage: scan_check [-t | -c] FILE...
 *
 *	  -t	with tight limits
 *	  -c	once only, cancelled after the first pieces: that must be the status
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file/reader.h"

static bool tight;
static int	calls_left;			/* until interrupted() says so */
static long rows_compared;

static bool
Interrupted(void)
{
	return calls_left-- <= 0;
}

/* Reads up to a number of pieces; false if it should have been cancelled and was not. */
static bool
CancelAfter(int fd, int pieces)
{
	Reader	   *reader = NULL;
	ReaderOptions options;
	ReaderSheet sheet;
	ReaderRow	row;
	ReaderStatus status;

	calls_left = pieces;
	ReaderOptionsInit(&options);
	options.interrupted = Interrupted;
	status = ReaderOpen(&reader, fd, &options);
	while (status == READER_OK && (status = ReaderNextSheet(reader, &sheet)) == READER_OK)
	{
		while ((status = ReaderNextRow(reader, &row)) == READER_OK)
			rows_compared++;
		if (status == READER_END)
			status = READER_OK;
	}
	ReaderClose(reader);
	return calls_left >= 0 || status == READER_CANCELLED;
}

static ReaderStatus
Open(Reader **reader, int fd, bool strict)
{
	ReaderOptions options;

	ReaderOptionsInit(&options);
	options.strict = strict;
	if (tight)
	{
		options.max_columns = 5;
		options.max_cell_size = 60;
		options.max_shared_strings = 2000;
		options.max_uncompressed_size = 200000;
		options.max_compression_ratio = 20;
	}
	return ReaderOpen(reader, fd, &options);
}

static bool
SameRow(const ReaderRow *a, const ReaderRow *b)
{
	if (a->number != b->number || a->ncells != b->ncells)
		return false;
	for (int i = 0; i < a->ncells; i++)
	{
		const ReaderCell *x = &a->cells[i];
		const ReaderCell *y = &b->cells[i];

		if (x->kind != y->kind || x->length != y->length || memcmp(x->value ? x->value : "", y->value ? y->value : "", x->length) != 0)
			return false;
	}
	return true;
}

/* Is where and why the two stopped the same? */
static bool
SameEnd(Reader *a, Reader *b)
{
	int64_t		row_a;
	int64_t		row_b;
	int			column_a;
	int			column_b;

	ReaderPosition(a, &row_a, &column_a);
	ReaderPosition(b, &row_b, &column_b);
	return row_a == row_b && column_a == column_b && strcmp(ReaderMessage(a), ReaderMessage(b)) == 0;
}

/* Reads on in both to the end; NULL if they agree, else what differs. */
static const char *
Compare(Reader *a, Reader *b, ReaderStatus status_a, ReaderStatus status_b)
{
	ReaderSheet sheet_a;
	ReaderSheet sheet_b;
	ReaderRow	row_a;
	ReaderRow	row_b;

	for (;;)
	{
		if (status_a != status_b)
			return "status";
		if (status_a != READER_OK)
			return status_a == READER_END || SameEnd(a, b) ? NULL : "message or position";
		status_a = ReaderNextSheet(a, &sheet_a);
		status_b = ReaderNextSheet(b, &sheet_b);
		if (status_a != READER_OK)
			continue;
		for (;;)
		{
			status_a = ReaderNextRow(a, &row_a);
			status_b = ReaderNextRow(b, &row_b);
			if (status_a != status_b || status_a != READER_OK)
				break;
			if (!SameRow(&row_a, &row_b))
				return "row";
			rows_compared++;
		}
		if (status_a == READER_END)
			status_a = READER_OK;
		if (status_b == READER_END)
			status_b = READER_OK;
	}
}

/* Reads a file both ways; false if they differ. */
static bool
CheckFile(const char *path, int fd)
{
	Reader	   *a = NULL;
	Reader	   *b = NULL;
	ReaderStatus status_a = Open(&a, fd, false);
	ReaderStatus status_b = Open(&b, fd, true);
	const char *what = Compare(a, b, status_a, status_b);

	if (what != NULL)
		printf("%s: %s differs: \"%s\" and strictly \"%s\"\n", path, what, ReaderMessage(a), ReaderMessage(b));
	ReaderClose(a);
	ReaderClose(b);
	return what == NULL;
}

/* Cancels the reading of a file at several places. */
static bool
CheckCancel(const char *path, int fd)
{
	for (int pieces = 0; pieces < 40; pieces++)
	{
		if (!CancelAfter(fd, pieces))
		{
			printf("%s: not cancelled after %d pieces\n", path, pieces);
			return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	bool		cancel = argc > 1 && strcmp(argv[1], "-c") == 0;
	int			first = 1;
	int			differ = 0;

	tight = argc > 1 && strcmp(argv[1], "-t") == 0;
	first += cancel || tight;
	for (int i = first; i < argc; i++)
	{
		int			fd = open(argv[i], O_RDONLY);

		if (fd < 0)
			return 2;
		differ += cancel ? !CheckCancel(argv[i], fd) : !CheckFile(argv[i], fd);
		close(fd);
	}
	printf("%d workbooks, %ld rows, %d differ\n", argc - first, rows_compared, differ);
	return differ > 0;
}
