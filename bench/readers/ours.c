/*
 * ours.c
 *	  Reads a workbook by src/file alone; prints seconds and cells.
 *
 * usage: ours FILE [strict]
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "file/reader.h"

static double
Now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	double		start = Now();
	Reader	   *reader = NULL;
	ReaderOptions options;
	ReaderSheet sheet;
	ReaderRow	row;
	ReaderStatus status;
	long		cells = 0;
	int			fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;

	if (fd < 0)
		return 2;
	ReaderOptionsInit(&options);
	options.strict = argc > 2;
	status = ReaderOpen(&reader, fd, &options);
	while (status == READER_OK && (status = ReaderNextSheet(reader, &sheet)) == READER_OK)
	{
		while ((status = ReaderNextRow(reader, &row)) == READER_OK)
		{
			for (int i = 0; i < row.ncells; i++)
				cells += row.cells[i].kind != CELL_EMPTY;
		}
		status = status == READER_END ? READER_OK : status;
	}
	printf("%.3f %ld\n", Now() - start, cells);
	ReaderClose(reader);
	return status != READER_END;
}
