/*
 * pollock.c
 *	  Reads text files as the loader would, told nothing about them, and writes
 *	  each as standard csv: what the pollution benchmark compares.
 *
 * Rows are written as they come, short ones filled up to the first; bad rows
 * are left out, as the loader puts them among the rejects.
 *
 *	  pollock OUTPUT-FOLDER FILE...
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file/reader.h"

/* Writes one cell, quoted. */
static void
WriteCell(FILE *out, const char *value, size_t length)
{
	putc('"', out);
	for (size_t i = 0; i < length; i++)
	{
		if (value[i] == '"')
			putc('"', out);
		putc(value[i], out);
	}
	putc('"', out);
}

/* Writes one row, at least so wide. */
static void
WriteRow(FILE *out, const ReaderRow *row, int width)
{
	for (int i = 0; i < row->ncells || i < width; i++)
	{
		if (i > 0)
			putc(',', out);
		if (i < row->ncells)
			WriteCell(out, row->cells[i].value, row->cells[i].length);
		else
			WriteCell(out, "", 0);
	}
	fputs("\r\n", out);
}

/* Writes all rows of a file. */
static ReaderStatus
WriteRows(FILE *out, Reader *reader)
{
	ReaderSheet sheet;
	ReaderRow	row;
	ReaderStatus status = ReaderNextSheet(reader, &sheet);
	int			width = 0;

	while (status == READER_OK || status == READER_BAD_ROW)
	{
		status = ReaderNextRow(reader, &row);
		if (status != READER_OK)
			continue;
		if (width == 0)
			width = row.ncells;
		WriteRow(out, &row, width);
	}
	return status;
}

/* Converts one file; what it was taken for goes to standard output. */
static int
Convert(const char *folder, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	char		to[4096];
	Reader	   *reader = NULL;
	ReaderOptions options;
	ReaderStatus status;
	FILE	   *out;
	int			fd = open(path, O_RDONLY);

	snprintf(to, sizeof(to), "%s/%s_converted.csv", folder, name);
	out = fopen(to, "w");
	if (fd < 0 || out == NULL)
		return 1;
	ReaderOptionsInit(&options);
	status = ReaderOpen(&reader, fd, &options);
	if (status == READER_OK)
		status = WriteRows(out, reader);
	if (status != READER_END)
	{
		rewind(out);
		fprintf(out, "Application Error\n%s\n", reader ? ReaderMessage(reader) : "out of memory");
	}
	printf("%s\t%d\t%s\n", name, (int) status, reader ? ReaderDetected(reader) : "");
	ReaderClose(reader);
	close(fd);
	return fclose(out) != 0;
}

int
main(int argc, char **argv)
{
	int			failures = 0;

	for (int i = 2; i < argc; i++)
		failures += Convert(argv[1], argv[i]);
	return failures != 0;
}
