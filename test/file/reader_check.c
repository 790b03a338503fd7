/*
 * reader_check.c
 *	  Prints what a reader makes of a file: sheet, row, column, kind and value,
 *	  separated by tabs; then "error" and the message if it refuses.
 *
 *	  reader_check [-cdimst] [-D delimiter] [-q quote] [-e escape] [-n] [-E encoding]
 *				   [-p record_path] [-l limit=value]... [-w FILE] FILE
 *
 * -c prints only how many rows, bad rows and cells there are; -d begins with
 * the format and what was detected of it; -t prints at the end what was
 * detected, to standard error, and nothing else; -s prints a line for each
 * sheet too: name, 0, 0, "visible" or "hidden"; -i cancels soon; -n takes
 * quotes for text; -w writes what its file holds over the one that is read, once it
 * has given a row; -m prints at the end, to standard error, how many kB of memory
 * and milliseconds of processor time that took.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

/* Adds a message to the file that MEDALLION_MESSAGES names, if there is one: in
 * the end there must be each that the readers can give. */
static void
NoteMessage(const char *message)
{
	static char last[512];
	const char *path = getenv("MEDALLION_MESSAGES");
	FILE	   *file = path != NULL && strcmp(last, message) != 0 ? fopen(path, "a") : NULL;

	if (file == NULL)
		return;
	snprintf(last, sizeof(last), "%s", message);
	fprintf(file, "%s\n", message);
	fclose(file);
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

/* The file to be written over the one that is read, and this one. */
static const char *other_file;
static const char *this_file;

/* Writes the other file over this one, the first time. */
static void
WriteOver(void)
{
	FILE	   *from = fopen(other_file, "r");
	FILE	   *to = fopen(this_file, "r+");
	char		buffer[8192];
	size_t		got;

	while (from != NULL && to != NULL && (got = fread(buffer, 1, sizeof(buffer), from)) > 0)
		fwrite(buffer, 1, got, to);
	if (from == NULL || to == NULL || fclose(from) != 0 || fclose(to) != 0)
		exit(2);
	other_file = NULL;
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
		if (other_file != NULL)
			WriteOver();
		if (status == READER_BAD_ROW)
		{
			NoteMessage(ReaderMessage(reader));
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

/* Sets a limit, or another option, by its name. */
static bool
SetLimit(ReaderOptions *options, const char *setting)
{
	unsigned long long number;

	if (sscanf(setting, "max_compression_ratio=%llu", &number) == 1)
		options->max_compression_ratio = number;
	else if (sscanf(setting, "max_uncompressed_size=%llu", &number) == 1)
		options->max_uncompressed_size = number;
	else if (sscanf(setting, "max_cell_size=%llu", &number) == 1)
		options->max_cell_size = number;
	else if (sscanf(setting, "max_file_size=%llu", &number) == 1)
		options->max_file_size = number;
	else if (sscanf(setting, "max_shared_strings=%llu", &number) == 1)
		options->max_shared_strings = number;
	else if (sscanf(setting, "max_xml_depth=%llu", &number) == 1)
		options->max_xml_depth = number;
	else if (sscanf(setting, "merged_rows=%llu", &number) == 1)
		options->merged_rows = number;
	else if (strcmp(setting, "skip_hidden_rows") == 0)
		options->skip_hidden_rows = true;
	else if (sscanf(setting, "max_columns=%llu", &number) == 1)
		options->max_columns = number;
	else
		return false;
	return true;
}

/* What is printed. */
typedef struct Wanted
{
	bool		count;
	bool		detected;
	bool		detected_only;
	bool		sheets;
	bool		costs;
} Wanted;

/* Takes one option of the command line; false if it is none. */
static bool
TakeOption(int option, ReaderOptions *options, Wanted *wanted)
{
	switch (option)
	{
		case 'c':
			wanted->count = true;
			break;
		case 'd':
			wanted->detected = true;
			break;
		case 't':
			wanted->detected_only = true;
			break;
		case 's':
			wanted->sheets = true;
			break;
		case 'i':
			options->interrupted = Interrupted;
			break;
		case 'm':
			wanted->costs = true;
			break;
		case 'D':
			options->delimiter = optarg[0];
			break;
		case 'q':
			options->quote = optarg[0];
			break;
		case 'e':
			options->escape = optarg[0];
			break;
		case 'n':
			options->no_quote = true;
			break;
		case 'E':
			options->encoding = optarg;
			break;
		case 'p':
			options->record_path = optarg;
			break;
		case 'w':
			other_file = optarg;
			break;
		case 'l':
			return SetLimit(options, optarg);
		default:
			return false;
	}
	return true;
}

/* The greatest memory that this process had, and its processor time. */
static void
PrintCosts(void)
{
	FILE	   *status = fopen("/proc/self/status", "r");
	char		line[128];
	long		peak = 0;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL && sscanf(line, "VmHWM: %ld", &peak) != 1)
		;
	if (status != NULL)
		fclose(status);
	fprintf(stderr, "%ld %ld\n", peak, (long) (clock() * 1000 / CLOCKS_PER_SEC));
}

int
main(int argc, char **argv)
{
	Reader	   *reader = NULL;
	ReaderOptions options;
	ReaderSheet sheet;
	ReaderStatus status;
	Wanted		wanted = {0};
	int			option;
	int			fd;

	ReaderOptionsInit(&options);
	while ((option = getopt(argc, argv, "cdimstD:q:e:nE:p:l:w:")) != -1)
	{
		if (!TakeOption(option, &options, &wanted))
			return 2;
	}
	this_file = argv[optind];
	fd = optind < argc ? open(argv[optind], O_RDONLY) : -1;
	if (fd < 0 || (wanted.detected_only && freopen("/dev/null", "w", stdout) == NULL))
		return 2;
	status = ReaderOpen(&reader, fd, &options);
	if (wanted.detected && reader != NULL)
		printf("%s\t%s\n", ReaderFormat(reader), ReaderDetected(reader));
	while (status == READER_OK && (status = ReaderNextSheet(reader, &sheet)) == READER_OK)
	{
		if (wanted.sheets)
			printf("%s\t0\t0\t%s\t\n", sheet.name, sheet.hidden ? "hidden" : "visible");
		status = wanted.count ? CountSheet(reader) : PrintSheet(reader, &sheet);
		if (status == READER_END)
			status = READER_OK;
	}
	if (status != READER_END && reader != NULL)
		NoteMessage(ReaderMessage(reader));
	if (status != READER_END)
		printf("error\t%d\t%s\n", (int) status, reader ? ReaderMessage(reader) : "out of memory");
	if (wanted.detected_only && reader != NULL)
		fprintf(stderr, "%s\n", ReaderDetected(reader));
	ReaderClose(reader);
	close(fd);
	if (wanted.costs)
		PrintCosts();
	return 0;
}
