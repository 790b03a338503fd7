/*
 * reader_check.c
 *	  Prints what a reader makes of a file: sheet, row, column, kind and value,
 *	  separated by tabs; then "error" and the message if it refuses.
 *
 *	  reader_check FILE [max_columns=N] [max_cell_size=N] [max_uncompressed_size=N] [sheets]
 *
 * With "sheets", a line for each sheet too: name, 0, 0, "visible" or "hidden".
 */
#include <fcntl.h>
#include <stdio.h>
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

/* Takes one argument behind the file's name; false if it is none. */
static bool
TakeArgument(const char *argument, ReaderOptions *options, bool *sheets)
{
	unsigned long long number;

	if (sscanf(argument, "max_columns=%llu", &number) == 1)
		options->max_columns = number;
	else if (sscanf(argument, "max_cell_size=%llu", &number) == 1)
		options->max_cell_size = number;
	else if (sscanf(argument, "max_uncompressed_size=%llu", &number) == 1)
		options->max_uncompressed_size = number;
	else if (strcmp(argument, "sheets") == 0)
		*sheets = true;
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
	bool		sheets = false;
	int			fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;

	if (fd < 0)
		return 2;
	ReaderOptionsInit(&options);
	for (int i = 2; i < argc; i++)
	{
		if (!TakeArgument(argv[i], &options, &sheets))
			return 2;
	}
	status = ReaderOpen(&reader, fd, &options);
	while (status == READER_OK && (status = ReaderNextSheet(reader, &sheet)) == READER_OK)
	{
		if (sheets)
			printf("%s\t0\t0\t%s\t\n", sheet.name, sheet.hidden ? "hidden" : "visible");
		status = PrintSheet(reader, &sheet);
		if (status == READER_END)
			status = READER_OK;
	}
	if (status != READER_END)
		printf("error\t%d\t%s\n", (int) status, reader ? ReaderMessage(reader) : "out of memory");
	ReaderClose(reader);
	close(fd);
	return 0;
}
