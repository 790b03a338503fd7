/*
 * xlsxio.c
 *	  Reads a workbook by xlsxio; prints seconds and cells.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <xlsxio_read.h>

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
	long		cells = 0;
	xlsxioreader reader = xlsxioread_open(argc > 1 ? argv[1] : "");
	xlsxioreadersheet sheet = reader ? xlsxioread_sheet_open(reader, NULL, XLSXIOREAD_SKIP_EMPTY_ROWS) : NULL;

	if (sheet == NULL)
		return 2;
	while (xlsxioread_sheet_next_row(sheet))
	{
		char	   *value;

		while ((value = xlsxioread_sheet_next_cell(sheet)) != NULL)
		{
			cells += value[0] != '\0';
			free(value);
		}
	}
	xlsxioread_sheet_close(sheet);
	xlsxioread_close(reader);
	printf("%.3f %ld\n", Now() - start, cells);
	return 0;
}
