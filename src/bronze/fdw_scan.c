/*
 * fdw_scan.c
 *	  Files under a pattern -> rows of a declared shape.
 *
 *	  pattern -> files -> sheets -> header found -> columns matched by cleaned
 *	  name -> the wanted cells of each row -> values
 *
 * Rows are handed out one at a time; one file is open at a time.  Three memory
 * contexts are reset as their thing ends: of the open file (it owns the reader
 * and the descriptor), of the sheet, of the row.
 */
#include "base/compat.h"

#include "bronze/fdw_scan.h"

#include <fnmatch.h>

#include "base/settings.h"
#include "bronze/columns.h"
#include "bronze/fdw_convert.h"
#include "bronze/header.h"
#include "bronze/source.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define SHOWN_VALUE_BYTES 100	/* of a bad value in a message */

/* Where a column's values come from. */
typedef enum ColumnOrigin
{
	FROM_CELL,					/* the column of the sheet that matches its name */
	FROM_FILE,					/* _source_file: the file's path */
	FROM_PATH,					/* _path_...: what a folder's name says */
	FROM_SHEET,					/* _sheet */
	FROM_ROW					/* _row */
} ColumnOrigin;

/* A wanted column. */
typedef struct ScanColumn
{
	AttrNumber	attno;
	const char *name;
	ColumnOrigin origin;
	char	   *header;			/* FROM_CELL: the cleaned name that it matches */
	int			index;			/* FROM_CELL: where that is in the sheet, or -1 */
	Oid			type;
	Converter	converter;
} ScanColumn;

struct FileScan
{
	const ReadOptions *options;
	Oid			role;
	const char *date_order;
	int			natts;
	int			ncolumns;
	ScanColumn *columns;
	bool		needs_pin;		/* any of their converters does */

	List	   *files;			/* FoundFile * */
	FileFilter	filter;			/* or NULL */
	void	   *filter_arg;
	int			next_file;
	int			files_read;

	/* the open file and the sheet being read */
	Source	   *source;			/* NULL: none */
	const FoundFile *file;
	Datum	   *constants;		/* values of FROM_FILE and FROM_PATH, by attribute */
	bool	   *constant_nulls;
	bool		in_sheet;
	List	   *kept;			/* KeptRow *: rows read while the header was looked for */
	int			next_kept;

	/* what is being converted, for the error context */
	const ScanColumn *converting;
	const ReaderCell *cell;
	int64		row;

	MemoryContext file_context;
	MemoryContext sheet_context;
	MemoryContext row_context;
};

/* --- files --- */

/* Has the pattern a wildcard that no backslash makes plain? */
static bool
HasWildcards(const char *pattern)
{
	for (const char *p = pattern; *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (strchr("*?[", *p) != NULL)
			return true;
	}
	return false;
}

/*
 * A pattern without wildcards means one file.  Names match without regard to
 * case; the one that is spelled so comes before the others.
 */
static List *
PreferExactName(List *files, const char *pattern)
{
	const char *slash = strrchr(pattern, '/');
	const char *name = slash != NULL ? slash + 1 : pattern;
	ListCell   *lc;

	foreach(lc, files)
	{
		FoundFile  *file = lfirst(lc);

		if (fnmatch(name, strrchr(file->path, '/') + 1, 0) == 0)
			return list_make1(file);
	}
	return files;
}

/* The files under options->path. */
List *
FindScanFiles(const ReadOptions *options, Oid role, bool missing_ok)
{
	List	   *files = DiscoverFiles(list_make1(options->path), role, NULL);

	if (files == NIL && !missing_ok && !HasWildcards(options->path))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("file \"%s\" does not exist", options->path),
				 options->path[0] == '/' ? 0 :
				 errdetail("Relative paths start from medallion.input_root, which is \"%s\".",
						   medallion_input_root)));
	return HasWildcards(options->path) ? files : PreferExactName(files, options->path);
}

int64
TotalFileSize(List *files)
{
	int64		total = 0;
	ListCell   *lc;

	foreach(lc, files)
		total += ((FoundFile *) lfirst(lc))->size;
	return total;
}

/* --- columns --- */

static ColumnOrigin
OriginOf(const char *name)
{
	if (strcmp(name, "_source_file") == 0)
		return FROM_FILE;
	if (strcmp(name, "_sheet") == 0)
		return FROM_SHEET;
	if (strcmp(name, "_row") == 0)
		return FROM_ROW;
	return strncmp(name, "_path_", 6) == 0 ? FROM_PATH : FROM_CELL;
}

/* Attribute numbers of the columns that say the same in every row of a file. */
Bitmapset *
ConstantColumns(TupleDesc desc)
{
	Bitmapset  *constant = NULL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		ColumnOrigin origin = OriginOf(NameStr(attribute->attname));

		if (!attribute->attisdropped && (origin == FROM_FILE || origin == FROM_PATH))
			constant = bms_add_member(constant, attribute->attnum);
	}
	return constant;
}

/* The cleaned header that a column matches: of its own name, or of its option. */
static char *
HeaderOf(Oid table, AttrNumber attno, const char *name)
{
	char	   *header = (char *) name;

	if (OidIsValid(table))
	{
		ListCell   *lc;

		foreach(lc, GetForeignColumnOptions(table, attno))
		{
			DefElem    *def = lfirst(lc);

			if (strcmp(def->defname, "column_name") == 0)
				header = defGetString(def);
		}
	}
	return CleanHeaders(NULL, &header, 1)[0];
}

/* A scan of no files yet. */
FileScan *
FileScanBegin(TupleDesc desc, Oid table, const ReadOptions *options, const Bitmapset *wanted,
			  Oid role)
{
	FileScan   *scan = palloc0(sizeof(FileScan));

	scan->options = options;
	scan->role = role;
	scan->date_order = options->feature.date_order ? options->feature.date_order : "DMY";
	scan->natts = desc->natts;
	scan->columns = palloc0(sizeof(ScanColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		ScanColumn *column = &scan->columns[scan->ncolumns];

		if (attribute->attisdropped ||
			!(bms_is_member(attribute->attnum, wanted) || bms_is_member(0, wanted)))
			continue;
		column->attno = attribute->attnum;
		column->name = pstrdup(NameStr(attribute->attname));
		column->origin = OriginOf(column->name);
		if (column->origin == FROM_CELL)
			column->header = HeaderOf(table, column->attno, column->name);
		column->type = attribute->atttypid;
		ConverterInit(&column->converter, column->type, attribute->atttypmod);
		scan->needs_pin |= column->converter.needs_pin;
		scan->ncolumns++;
	}
	scan->file_context = AllocSetContextCreate(CurrentMemoryContext, "medallion file",
											   ALLOCSET_DEFAULT_SIZES);
	scan->sheet_context = AllocSetContextCreate(CurrentMemoryContext, "medallion sheet",
												ALLOCSET_DEFAULT_SIZES);
	scan->row_context = AllocSetContextCreate(CurrentMemoryContext, "medallion row",
											  ALLOCSET_DEFAULT_SIZES);
	return scan;
}

void
FileScanSetFiles(FileScan *scan, List *files, FileFilter filter, void *arg)
{
	scan->files = files;
	scan->filter = filter;
	scan->filter_arg = arg;
}

/* --- values --- */

/* Tells errors of a conversion which value they are about. */
static void
ConvertErrorContext(void *arg)
{
	FileScan   *scan = arg;
	const char *sheet = scan->source != NULL ? scan->source->sheet : NULL;
	char	   *place = "";
	int			shown;

	if (scan->converting == NULL)
		return;
	shown = pg_mbcliplen(scan->cell->value, scan->cell->length, SHOWN_VALUE_BYTES);
	if (sheet != NULL && sheet[0] != '\0')
		place = psprintf(", sheet \"%s\"", sheet);
	if (scan->row > 0)
		place = psprintf("%s, row " INT64_FORMAT, place, scan->row);
	errcontext("file \"%s\"%s, column \"%s\": \"%.*s\"%s", scan->file->path, place,
			   scan->converting->name, shown, scan->cell->value,
			   shown < (int) scan->cell->length ? "..." : "");
}

/* Fills one column from a cell. */
static void
FillCell(FileScan *scan, ScanColumn *column, const ReaderCell *cell, Datum *values, bool *nulls)
{
	scan->converting = column;
	scan->cell = cell;
	nulls[column->attno - 1] = !ConvertCell(&column->converter, scan->options, cell,
											&values[column->attno - 1]);
	scan->converting = NULL;
}

/* The same from a text that no cell holds. */
static void
FillText(FileScan *scan, ScanColumn *column, const char *text, Datum *values, bool *nulls)
{
	ReaderCell	cell = {text, strlen(text), CELL_TEXT};

	FillCell(scan, column, &cell, values, nulls);
}

/* Fills a column that says the same in every row of a file. */
static void
FillConstant(FileScan *scan, ScanColumn *column, const FoundFile *file, Datum *values, bool *nulls)
{
	List	   *path_names;
	List	   *path_values;
	ListCell   *nc;
	ListCell   *vc;

	if (column->origin == FROM_FILE)
	{
		FillText(scan, column, file->path, values, nulls);
		return;
	}
	PathValues(file->path, NULL, &path_names, &path_values);
	forboth(nc, path_names, vc, path_values)
	{
		/* a folder below says it better than one above */
		if (strcmp(lfirst(nc), column->name) == 0)
			FillText(scan, column, lfirst(vc), values, nulls);
	}
}

/* Fills the columns that all rows of a file have alike. */
static void
FillConstants(FileScan *scan, const FoundFile *file, Datum *values, bool *nulls)
{
	for (int i = 0; i < scan->ncolumns; i++)
	{
		ScanColumn *column = &scan->columns[i];

		if (column->origin == FROM_FILE || column->origin == FROM_PATH)
			FillConstant(scan, column, file, values, nulls);
	}
}

/* Fills _row. */
static void
FillRowNumber(FileScan *scan, ScanColumn *column, int64 number, Datum *values, bool *nulls)
{
	if (column->type == INT8OID)
	{
		values[column->attno - 1] = Int64GetDatum(number);
		nulls[column->attno - 1] = false;
	}
	else
		FillText(scan, column, psprintf(INT64_FORMAT, number), values, nulls);
}

/* Fills the wanted columns of a row. */
static void
FillColumns(FileScan *scan, const ReaderRow *row, Datum *values, bool *nulls)
{
	for (int i = 0; i < scan->ncolumns; i++)
	{
		ScanColumn *column = &scan->columns[i];
		int			at = column->attno - 1;

		switch (column->origin)
		{
			case FROM_FILE:
			case FROM_PATH:
				values[at] = scan->constants[at];
				nulls[at] = scan->constant_nulls[at];
				break;
			case FROM_SHEET:
				FillText(scan, column, scan->source->sheet, values, nulls);
				break;
			case FROM_ROW:
				FillRowNumber(scan, column, row->number, values, nulls);
				break;
			case FROM_CELL:
				if (column->index >= 0 && column->index < row->ncells)
					FillCell(scan, column, &row->cells[column->index], values, nulls);
				break;
		}
	}
}

/*
 * Fills a row, or the constants of a file where row is NULL, with an error
 * context and under pinned settings where needed.
 */
static void
FillRow(FileScan *scan, const FoundFile *file, const ReaderRow *row, Datum *values, bool *nulls)
{
	ErrorContextCallback context;
	InputSettings settings;

	memset(nulls, true, scan->natts);
	scan->file = file;
	scan->row = row != NULL ? row->number : 0;
	context.callback = ConvertErrorContext;
	context.arg = scan;
	context.previous = error_context_stack;
	error_context_stack = &context;
	if (row == NULL)
		FillConstants(scan, file, values, nulls);
	else if (!scan->needs_pin)
		FillColumns(scan, row, values, nulls);
	else
	{
		PinInput(&settings, scan->date_order);
		PG_TRY();
		{
			FillColumns(scan, row, values, nulls);
		}
		PG_FINALLY();
		{
			UnpinInput(&settings);
		}
		PG_END_TRY();
	}
	error_context_stack = context.previous;
}

/* The columns that say the same in every row of a file. */
void
FileScanConstants(FileScan *scan, const FoundFile *file, Datum *values, bool *nulls)
{
	FillRow(scan, file, NULL, values, nulls);
}

/* --- stepping --- */

/* Opens a file and starts its reader. */
static void
OpenFile(FileScan *scan, const FoundFile *file)
{
	MemoryContext old = MemoryContextSwitchTo(scan->file_context);
	ReaderOptions reader;
	Source	   *source = SourceOpen(file->path, scan->role);

	if (source->size != file->size || source->mtime_ns != file->mtime_ns)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("file \"%s\" changed after the statement began", file->path)));
	SourceOutliveTransaction(source);
	SourceReaderOptions(&reader);
	FeatureReaderOptions(&scan->options->feature, &reader);
	SourceStartReading(source, &reader);
	SourceClip(source, &scan->options->feature);
	scan->constants = palloc(sizeof(Datum) * Max(scan->natts, 1));
	scan->constant_nulls = palloc(sizeof(bool) * Max(scan->natts, 1));
	FileScanConstants(scan, file, scan->constants, scan->constant_nulls);
	MemoryContextSwitchTo(old);
	scan->source = source;
	scan->in_sheet = false;
	scan->files_read++;
}

/* Opens the next file that is wanted; false if there is none. */
static bool
OpenNextFile(FileScan *scan)
{
	while (scan->next_file < list_length(scan->files))
	{
		FoundFile  *file = list_nth(scan->files, scan->next_file++);

		CHECK_FOR_INTERRUPTS();
		/* no bytes, no rows, as in bronze */
		if (file->size == 0 || (scan->filter != NULL && !scan->filter(scan->filter_arg, file)))
			continue;
		OpenFile(scan, file);
		return true;
	}
	return false;
}

/* Closes the open file, if there is one. */
static void
CloseFile(FileScan *scan)
{
	if (scan->source != NULL)
		SourceClose(scan->source);
	scan->source = NULL;
	scan->in_sheet = false;
	scan->kept = NIL;
	MemoryContextReset(scan->sheet_context);
	MemoryContextReset(scan->file_context);
}

/* The sheet's next row; false at its end.  Malformed ones raise. */
static bool
NextSheetRow(void *arg, ReaderRow *row)
{
	Source	   *source = ((FileScan *) arg)->source;
	bool		bad;

	CHECK_FOR_INTERRUPTS();
	if (!SourceNextRow(source, row, &bad))
		return false;
	if (bad)
		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 errmsg("could not read \"%s\", row " INT64_FORMAT ": %s", source->path,
						(int64) row->number, source->complaint)));
	return true;
}

/* Finds the sheet's column for each of ours. */
static void
MatchColumns(FileScan *scan, List *header)
{
	int			width = list_length(header);
	char	  **originals = palloc(sizeof(char *) * Max(width, 1));
	char	  **names;
	ListCell   *lc;

	foreach(lc, header)
		originals[foreach_current_index(lc)] = lfirst(lc);
	names = CleanHeaders(NULL, originals, width);
	for (int i = 0; i < scan->ncolumns; i++)
	{
		ScanColumn *column = &scan->columns[i];

		column->index = -1;
		for (int n = 0; n < width && column->index < 0 && column->origin == FROM_CELL; n++)
		{
			if (strcmp(names[n], column->header) == 0)
				column->index = n;
		}
	}
}

/* Steps to the next sheet that is wanted and has rows; false at the end. */
static bool
OpenNextSheet(FileScan *scan)
{
	const FeatureOptions *options = &scan->options->feature;
	ReaderSheet sheet;

	for (;;)
	{
		MemoryContext old = MemoryContextSwitchTo(scan->file_context);
		List	   *header;

		CHECK_FOR_INTERRUPTS();
		scan->in_sheet = SourceNextSheet(scan->source, &sheet);
		MemoryContextSwitchTo(old);
		if (!scan->in_sheet)
			return false;
		if (!WantsSheet(options, &sheet))
			continue;
		MemoryContextReset(scan->sheet_context);
		MemoryContextSwitchTo(scan->sheet_context);
		scan->next_kept = 0;
		scan->in_sheet = ReadHeader(options, &sheet, NextSheetRow, scan, &header, &scan->kept);
		if (scan->in_sheet)
			MatchColumns(scan, header);
		MemoryContextSwitchTo(old);
		if (scan->in_sheet)
			return true;
	}
}

/* The next data row of the sheet; false at its end. */
static bool
NextDataRow(FileScan *scan, ReaderRow *row)
{
	KeptRow    *kept;

	if (scan->next_kept >= list_length(scan->kept))
		return NextSheetRow(scan, row);
	kept = list_nth(scan->kept, scan->next_kept++);
	row->number = kept->number;
	row->ncells = kept->ncells;
	row->cells = kept->cells;
	return true;
}

/* The next row of all. */
bool
FileScanNext(FileScan *scan, Datum *values, bool *nulls)
{
	ReaderRow	row;
	MemoryContext old;

	MemoryContextReset(scan->row_context);
	for (;;)
	{
		if (scan->source == NULL && !OpenNextFile(scan))
			return false;
		if (!scan->in_sheet && !OpenNextSheet(scan))
		{
			SourceCheckUnchanged(scan->source);
			CloseFile(scan);
			continue;
		}
		if (NextDataRow(scan, &row))
			break;
		scan->in_sheet = false;
	}
	old = MemoryContextSwitchTo(scan->row_context);
	FillRow(scan, scan->file, &row, values, nulls);
	MemoryContextSwitchTo(old);
	return true;
}

int
FileScanFilesRead(const FileScan *scan)
{
	return scan->files_read;
}

/* Back to the first row of the first file. */
void
FileScanRewind(FileScan *scan)
{
	CloseFile(scan);
	scan->next_file = 0;
}

void
FileScanEnd(FileScan *scan)
{
	CloseFile(scan);
	MemoryContextDelete(scan->file_context);
	MemoryContextDelete(scan->sheet_context);
	MemoryContextDelete(scan->row_context);
}
