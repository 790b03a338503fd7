/*
 * reader_check.c
 *	  Prints what a reader makes of a file: sheet, row, column, kind and value,
 *	  separated by tabs; then "error" and the message if it refuses.
 *
 *	  reader_check [-c] [-d] [-i] [-p RECORD_PATH] [-l LIMIT=VALUE]... FILE
 *
 * -c prints only how many rows, bad rows and cells there are; -d begins with
 * the format and what was detected of it; -i cancels soon.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/reader.h"

static const char *const kinds[] = {"empty", "number", "text", "boolean", "date", "timestamp", "time",
"interval", "error"};

/* A value on one line: backslash, tab and line ends escaped. */
static void
PrintEscaped(const char *value, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		switch (value[i])
		{
			case '\\':
				fputs("\\\\", stdout);
				break;
			case '\t':
				fputs("\\t", stdout);
				break;
			case '\n':
				fputs("\\n", stdout);
				break;
			case '\r':
				fputs("\\r", stdout);
				break;
			default:
				putchar(value[i]);
		}
	}
	putchar('\n');
}

static void
PrintRow(const ReaderSheet *sheet, const ReaderRow *row)
{
	for (int i = 0; i < row->ncells; i++)
	{
		if (row->cells[i].kind == CELL_EMPTY)
			continue;
		printf("%s\t%lld\t%d\t%s\t", sheet->name, (long long) row->number, i + 1, kinds[row->cells[i].kind]);
		PrintEscaped(row->cells[i].value, row->cells[i].length);
	}
}

/* Counts instead of printing. */
static ReaderStatus
CountSheet(Reader *reader)
{
	ReaderRow	row;
	ReaderStatus status;
	long long	rows = 0;
	long long	bad = 0;
	long long	cells = 0;

	while ((status = ReaderNextRow(reader, &row)) == READER_OK || status == READER_BAD_ROW)
	{
		rows += status == READER_OK;
		bad += status != READER_OK;
		cells += status == READER_OK ? row.ncells : 0;
	}
	printf("rows\t%lld\nbad\t%lld\ncells\t%lld\n", rows, bad, cells);
	return status;
}

static ReaderStatus
PrintSheet(Reader *reader, const ReaderSheet *sheet)
{
	ReaderRow	row;
	ReaderStatus status;

	while ((status = ReaderNextRow(reader, &row)) == READER_OK || status == READER_BAD_ROW)
	{
		if (status == READER_OK)
			PrintRow(sheet, &row);
		else
		{
			printf("%s\t%lld\t0\tbad\t%s: ", sheet->name, (long long) row.number, ReaderMessage(reader));
			PrintEscaped(row.raw, row.raw_length);
		}
	}
	return status;
}

/* Wants every reader to stop when it asks for the third time. */
static bool
Interrupted(void)
{
	static int	asked = 0;

	return ++asked >= 3;
}

/* Sets a limit by its name. */
static bool
SetLimit(ReaderOptions *options, const char *setting)
{
	const char *value = strchr(setting, '=');
	size_t		length = value ? (size_t) (value - setting) : 0;
	unsigned long long number = value ? strtoull(value + 1, NULL, 10) : 0;

	if (length == 9 && strncmp(setting, "max_ratio", length) == 0)
		options->max_compression_ratio = number;
	else if (length == 8 && strncmp(setting, "max_size", length) == 0)
		options->max_uncompressed_size = number;
	else if (length == 8 && strncmp(setting, "max_cell", length) == 0)
		options->max_cell_size = number;
	else if (length == 11 && strncmp(setting, "max_columns", length) == 0)
		options->max_columns = number;
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	Reader	   *reader = NULL;
	ReaderOptions options;
	ReaderSheet sheet;
	ReaderStatus status;
	bool		count = false;
	bool		detected = false;
	int			option;
	int			fd;

	ReaderOptionsInit(&options);
	while ((option = getopt(argc, argv, "cdip:l:")) != -1)
	{
		count |= option == 'c';
		detected |= option == 'd';
		if (option == 'i')
			options.interrupted = Interrupted;
		if (option == 'p')
			options.record_path = optarg;
		if (option == 'l' && !SetLimit(&options, optarg))
			return 2;
	}
	fd = optind < argc ? open(argv[optind], O_RDONLY) : -1;
	if (fd < 0)
		return 2;
	status = ReaderOpen(&reader, fd, &options);
	if (detected && reader != NULL)
		printf("%s\t%s\n", ReaderFormat(reader), ReaderDetected(reader));
	while (status == READER_OK && (status = ReaderNextSheet(reader, &sheet)) == READER_OK)
	{
		status = count ? CountSheet(reader) : PrintSheet(reader, &sheet);
		if (status == READER_END)
			status = READER_OK;
	}
	if (status != READER_END)
		printf("error\t%d\t%s\n", (int) status, reader ? ReaderMessage(reader) : "out of memory");
	ReaderClose(reader);
	close(fd);
	return 0;
}
