/*
 * reader_check.c
 *	  Prints what a reader makes of a file: sheet, row, column, kind and value,
 *	  separated by tabs; then "error" and the message if it refuses.
 *
 *	  reader_check [-D delimiter] [-q quote] [-e escape] [-n] [-E encoding] [-d] FILE
 *
 * -n takes quotes for text; -d reads all rows, then prints to standard
 * error what the file was taken for, and nothing else.
 */
#include <fcntl.h>
#include <stdio.h>
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

/* Takes the options of the command line; false if there is one that it does not know. */
static bool
TakeOptions(int argc, char **argv, ReaderOptions *options, bool *detected)
{
	int			option;

	while ((option = getopt(argc, argv, "D:q:e:E:nd")) != -1)
	{
		switch (option)
		{
			case 'D':
				options->delimiter = optarg[0];
				break;
			case 'q':
				options->quote = optarg[0];
				break;
			case 'e':
				options->escape = optarg[0];
				break;
			case 'E':
				options->encoding = optarg;
				break;
			case 'n':
				options->no_quote = true;
				break;
			case 'd':
				*detected = true;
				break;
			default:
				return false;
		}
	}
	return optind < argc;
}

int
main(int argc, char **argv)
{
	Reader	   *reader = NULL;
	ReaderOptions options;
	ReaderSheet sheet;
	ReaderStatus status;
	bool		detected = false;
	int			fd;

	ReaderOptionsInit(&options);
	if (!TakeOptions(argc, argv, &options, &detected))
		return 2;
	fd = open(argv[optind], O_RDONLY);
	if (fd < 0 || (detected && freopen("/dev/null", "w", stdout) == NULL))
		return 2;
	status = ReaderOpen(&reader, fd, &options);
	while (status == READER_OK && (status = ReaderNextSheet(reader, &sheet)) == READER_OK)
	{
		status = PrintSheet(reader, &sheet);
		if (status == READER_END)
			status = READER_OK;
	}
	if (status != READER_END)
		printf("error\t%d\t%s\n", (int) status, reader ? ReaderMessage(reader) : "out of memory");
	if (detected)
		fprintf(stderr, "%s\n", reader ? ReaderDetected(reader) : "");
	ReaderClose(reader);
	close(fd);
	return 0;
}
