/*
 * describe.c
 *	  What a file holds, sheet by sheet: describe_file(), and what discover()
 *	  stands on: list_files(), sample_file().
 *
 *	  path, as the current user may read it -> sheets -> header, found as the
 *	  loader finds it -> rows, one at a time -> what is remembered per column
 *
 * The proposals themselves are made in SQL: sql/37-discover.sql.
 */
#include "base/compat.h"

#include "base/options.h"
#include "base/settings.h"
#include "base/sql.h"
#include "bronze/columns.h"
#include "bronze/discover.h"
#include "bronze/header.h"
#include "bronze/source.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(medallion_describe_file);
PG_FUNCTION_INFO_V1(medallion_list_files);
PG_FUNCTION_INFO_V1(medallion_sample_file);

#define MAX_DISTINCT 10000		/* counted per column */
#define MAX_SHEET_DISTINCT 1000000	/* remembered for all columns of a sheet */
#define MAX_EXAMPLE 100			/* bytes */
#define RECENT_ROWS 32			/* more than ReadHeader() keeps */

/* What is remembered of one column. */
typedef struct ColumnProfile
{
	const char *name;
	const char *original;		/* NULL: wider than the header */
	ValueType	type;
	int64		filled;
	HTAB	   *distinct;		/* hashes of values; NULL: not yet, or too many */
	bool		too_many;
	int			min_length;		/* characters */
	int			max_length;
	char	   *example;
} ColumnProfile;

/* A call that reads a file. */
typedef struct DescribeCall
{
	ReturnSetInfo *result;
	FeatureOptions options;
	int64		sample_rows;	/* per sheet; 0: all */
	Source	   *source;
	MemoryContext caller_context;
	MemoryContext sheet_context;	/* reset per sheet */
	MemoryContext row_context;	/* reset per row */

	/* the sheet being read */
	ReaderSheet sheet;
	List	   *header;			/* char * */
	List	   *kept;			/* KeptRow *: data rows read while the header was looked for */
	int64		recent[RECENT_ROWS];	/* numbers of the rows last read, a ring */
	int64		fetched;
	int64		header_row;		/* 0: there is none */
	int64		rows;
	int			ncolumns;
	ColumnProfile *columns;

	/* sample_file() only */
	int			nwanted;
	char	  **wanted;			/* cleaned names */
	int		   *sources;		/* cell of each in the sheet being read, or -1 */
} DescribeCall;

typedef void (*RowTaker) (DescribeCall *call, int ncells, const ReaderCell *cells);

/* Opens the file of a call. */
static void
BeginDescribe(DescribeCall *call, FunctionCallInfo fcinfo)
{
	ReaderOptions reader;

	InitMaterializedSRF(fcinfo, 0);
	call->result = (ReturnSetInfo *) fcinfo->resultinfo;
	call->caller_context = CurrentMemoryContext;
	call->sheet_context = AllocSetContextCreate(CurrentMemoryContext, "medallion sheet",
												ALLOCSET_DEFAULT_SIZES);
	call->row_context = AllocSetContextCreate(CurrentMemoryContext, "medallion row",
											  ALLOCSET_DEFAULT_SIZES);
	ParseFeatureOptions(PG_GETARG_JSONB_P(1), &call->options);
	SourceReaderOptions(&reader);
	FeatureReaderOptions(&call->options, &reader);
	call->source = SourceOpen(text_to_cstring(PG_GETARG_TEXT_PP(0)), GetUserId());
	SourceClip(call->source, &call->options);
	if (call->source->size > 0)
		SourceStartReading(call->source, &reader);
}

/* Closes the file of a call. */
static void
EndDescribe(DescribeCall *call)
{
	MemoryContextSwitchTo(call->caller_context);
	SourceClose(call->source);
	MemoryContextDelete(call->row_context);
	MemoryContextDelete(call->sheet_context);
}

/* The next row that is not malformed; where it stands is remembered. */
static bool
NextGoodRow(void *arg, ReaderRow *row)
{
	DescribeCall *call = arg;
	bool		bad;

	while (SourceNextRow(call->source, row, &bad))
	{
		CHECK_FOR_INTERRUPTS();
		if (bad)
			continue;
		call->recent[call->fetched++ % RECENT_ROWS] = row->number;
		return true;
	}
	return false;
}

/* Steps to the next sheet that the options want, up to its header. */
static bool
NextSheet(DescribeCall *call)
{
	const FeatureOptions *options = &call->options;

	/* the source keeps the sheet's name between calls */
	MemoryContextSwitchTo(call->caller_context);
	do
	{
		if (call->source->reader == NULL || !SourceNextSheet(call->source, &call->sheet))
			return false;
	} while (!WantsSheet(options, &call->sheet));

	MemoryContextReset(call->sheet_context);
	MemoryContextSwitchTo(call->sheet_context);
	call->header = call->kept = NIL;
	call->fetched = call->header_row = call->rows = 0;
	call->ncolumns = 0;
	call->columns = NULL;
	/* the header is the row before those that were read too far */
	if (ReadHeader(options, &call->sheet, NextGoodRow, call, &call->header, &call->kept) &&
		options->header.row != HEADER_NONE)
		call->header_row = call->recent[(call->fetched - list_length(call->kept) - 1) % RECENT_ROWS];
	return true;
}

/* Hands one row over, in memory of its own. */
static void
TakeRow(DescribeCall *call, RowTaker take, int ncells, const ReaderCell *cells)
{
	MemoryContext old = MemoryContextSwitchTo(call->row_context);

	take(call, ncells, cells);
	MemoryContextSwitchTo(old);
	MemoryContextReset(call->row_context);
	call->rows++;
}

static bool
WantsMore(const DescribeCall *call)
{
	return call->sample_rows == 0 || call->rows < call->sample_rows;
}

/* Hands the data rows of the sheet over, as many as are wanted. */
static void
TakeRows(DescribeCall *call, RowTaker take)
{
	ReaderRow	row;
	ListCell   *lc;

	foreach(lc, call->kept)
	{
		KeptRow    *kept = lfirst(lc);

		if (WantsMore(call))
			TakeRow(call, take, kept->ncells, kept->cells);
	}
	while (WantsMore(call) && NextGoodRow(call, &row))
		TakeRow(call, take, row.ncells, row.cells);
}

/* The cleaned names of the sheet's header. */
static char **
HeaderNames(const DescribeCall *call, char ***originals)
{
	ListCell   *lc;

	*originals = palloc(sizeof(char *) * Max(list_length(call->header), 1));
	foreach(lc, call->header)
		(*originals)[foreach_current_index(lc)] = lfirst(lc);
	return CleanHeaders(NULL, *originals, list_length(call->header));
}

/* Makes room for columns up to a number. */
static void
WidenProfile(DescribeCall *call, int count)
{
	MemoryContext old = MemoryContextSwitchTo(call->sheet_context);

	if (call->columns == NULL)
		call->columns = palloc0(sizeof(ColumnProfile) * count);
	else
		call->columns = repalloc(call->columns, sizeof(ColumnProfile) * count);
	for (int i = call->ncolumns; i < count; i++)
	{
		memset(&call->columns[i], 0, sizeof(ColumnProfile));
		call->columns[i].name = psprintf("column_%d", i + 1);
	}
	call->ncolumns = count;
	MemoryContextSwitchTo(old);
}

/* The columns that the header names. */
static void
ProfileHeader(DescribeCall *call)
{
	char	  **originals;
	char	  **names = HeaderNames(call, &originals);
	int			width = list_length(call->header);

	if (width > 0)
		WidenProfile(call, width);
	for (int i = 0; i < width; i++)
	{
		call->columns[i].name = names[i];
		call->columns[i].original = originals[i];
	}
}

/* Counts a value among the distinct ones, as long as they are not too many. */
static void
CountDistinct(DescribeCall *call, ColumnProfile *column, const ReaderCell *cell)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) cell->value, cell->length, 0);

	if (column->too_many)
		return;
	if (column->distinct == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = ctl.entrysize = sizeof(uint64);
		ctl.hcxt = call->sheet_context;
		column->distinct = hash_create("medallion distinct values", 64, &ctl,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	hash_search(column->distinct, &hash, HASH_ENTER, NULL);
	if (hash_get_num_entries(column->distinct) > Min(MAX_DISTINCT, MAX_SHEET_DISTINCT / call->ncolumns))
	{
		hash_destroy(column->distinct);
		column->distinct = NULL;
		column->too_many = true;
	}
}

/* Adds one value to what is known of its column. */
static void
ProfileCell(DescribeCall *call, ColumnProfile *column, const ReaderCell *cell)
{
	int			length = pg_mbstrlen_with_len(cell->value, cell->length);

	column->type = WidenType(column->type, CellType(cell, call->options.null_tokens));
	column->min_length = column->filled == 0 ? length : Min(column->min_length, length);
	column->max_length = Max(column->max_length, length);
	if (column->filled++ == 0)
		column->example = MemoryContextStrdup(call->sheet_context,
											  pnstrdup(cell->value, pg_mbcliplen(cell->value, cell->length, MAX_EXAMPLE)));
	CountDistinct(call, column, cell);
}

static void
ProfileRow(DescribeCall *call, int ncells, const ReaderCell *cells)
{
	if (ncells > call->ncolumns)
		WidenProfile(call, ncells);
	for (int i = 0; i < ncells; i++)
	{
		if (cells[i].kind != CELL_EMPTY && cells[i].length > 0)
			ProfileCell(call, &call->columns[i], &cells[i]);
	}
}

static void
AppendField(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, "%c \"%s\": ", json->data[json->len - 1] == '{' ? ' ' : ',', name);
	if (value != NULL)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

/* One column as a json object. */
static void
AppendColumn(StringInfo json, const ColumnProfile *column)
{
	appendStringInfoString(json, json->len > 1 ? ", {" : "{");
	AppendField(json, "name", column->name);
	AppendField(json, "original", column->original);
	AppendField(json, "type", ValueTypeName(column->type));
	appendStringInfo(json, ", \"filled\": " INT64_FORMAT, column->filled);
	if (column->too_many)
		appendStringInfoString(json, ", \"distinct\": null");
	else
		appendStringInfo(json, ", \"distinct\": %ld",
						 column->distinct ? hash_get_num_entries(column->distinct) : 0L);
	if (column->filled > 0)
		appendStringInfo(json, ", \"min_length\": %d, \"max_length\": %d", column->min_length,
						 column->max_length);
	else
		appendStringInfoString(json, ", \"min_length\": null, \"max_length\": null");
	AppendField(json, "example", column->example);
	appendStringInfoChar(json, '}');
}

/* The result row of the sheet. */
static void
PutSheet(DescribeCall *call)
{
	Datum		values[8];
	bool		nulls[8] = {0};
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < call->ncolumns; i++)
		AppendColumn(&json, &call->columns[i]);
	appendStringInfoChar(&json, ']');
	values[0] = CStringGetTextDatum(call->sheet.name);
	values[1] = Int32GetDatum(call->sheet.index + 1);
	values[2] = BoolGetDatum(call->sheet.hidden);
	values[3] = CStringGetTextDatum(ReaderFormat(call->source->reader));
	values[4] = CStringGetTextDatum(ReaderDetected(call->source->reader));
	values[5] = Int64GetDatum(call->header_row);
	nulls[5] = call->header_row == 0;
	values[6] = Int64GetDatum(call->rows);
	values[7] = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
	tuplestore_putvalues(call->result->setResult, call->result->setDesc, values, nulls);
}

/* medallion.describe_file(path, options [, sample_rows]) */
Datum
medallion_describe_file(PG_FUNCTION_ARGS)
{
	DescribeCall call = {0};

	BeginDescribe(&call, fcinfo);
	if (PG_NARGS() > 2)
		call.sample_rows = PG_GETARG_INT64(2);
	while (NextSheet(&call))
	{
		ProfileHeader(&call);
		TakeRows(&call, ProfileRow);
		PutSheet(&call);
	}
	EndDescribe(&call);
	PG_RETURN_NULL();
}

/* Where the wanted columns are in the sheet being read. */
static void
FindWanted(DescribeCall *call)
{
	char	  **originals;
	char	  **names = HeaderNames(call, &originals);

	for (int w = 0; w < call->nwanted; w++)
	{
		call->sources[w] = -1;
		for (int i = 0; i < list_length(call->header) && call->sources[w] < 0; i++)
		{
			if (strcmp(names[i], call->wanted[w]) == 0)
				call->sources[w] = i;
		}
	}
}

/* One result row: the sheet and the wanted cells. */
static void
SampleRow(DescribeCall *call, int ncells, const ReaderCell *cells)
{
	Datum	   *found = palloc(sizeof(Datum) * Max(call->nwanted, 1));
	bool	   *empty = palloc(sizeof(bool) * Max(call->nwanted, 1));
	int			dims[1] = {call->nwanted};
	int			bounds[1] = {1};
	Datum		values[2];
	bool		nulls[2] = {0};

	for (int w = 0; w < call->nwanted; w++)
	{
		int			at = call->sources[w];

		empty[w] = at < 0 || at >= ncells || cells[at].kind == CELL_EMPTY || cells[at].length == 0;
		if (!empty[w])
			found[w] = PointerGetDatum(cstring_to_text_with_len(cells[at].value, cells[at].length));
	}
	values[0] = CStringGetTextDatum(call->sheet.name);
	values[1] = PointerGetDatum(construct_md_array(found, empty, 1, dims, bounds, TEXTOID, -1, false,
												   TYPALIGN_INT));
	tuplestore_putvalues(call->result->setResult, call->result->setDesc, values, nulls);
}

/* medallion.sample_file(path, options, names, sample_rows) */
Datum
medallion_sample_file(PG_FUNCTION_ARGS)
{
	DescribeCall call = {0};
	List	   *wanted = TextArrayToList(PG_GETARG_DATUM(2));
	ListCell   *lc;

	call.nwanted = list_length(wanted);
	call.wanted = palloc(sizeof(char *) * Max(call.nwanted, 1));
	call.sources = palloc(sizeof(int) * Max(call.nwanted, 1));
	foreach(lc, wanted)
		call.wanted[foreach_current_index(lc)] = lfirst(lc);
	BeginDescribe(&call, fcinfo);
	call.sample_rows = PG_GETARG_INT64(3);
	while (NextSheet(&call))
	{
		FindWanted(&call);
		TakeRows(&call, SampleRow);
	}
	EndDescribe(&call);
	PG_RETURN_NULL();
}

/*
 * The folders of a relative path; runs of those that stand for parts of the
 * data become one "**".
 */
static char *
FolderSeries(const char *relative)
{
	StringInfoData series;
	char	   *copy = pstrdup(relative);
	char	   *file = strrchr(copy, '/');
	char	   *state = NULL;
	bool		partition = false;

	initStringInfo(&series);
	if (file == NULL)
		return series.data;
	*file = '\0';
	for (char *part = strtok_r(copy, "/", &state); part != NULL; part = strtok_r(NULL, "/", &state))
	{
		bool		before = partition;

		partition = FolderIsPartition(part, before);
		if (!partition || !before)
			appendStringInfo(&series, "%s%s", series.len > 0 ? "/" : "", partition ? "**" : part);
	}
	return series.data;
}

/* medallion.list_files(root) */
Datum
medallion_list_files(PG_FUNCTION_ARGS)
{
	const char *root = PG_ARGISNULL(0) ? medallion_input_root : text_to_cstring(PG_GETARG_TEXT_PP(0));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *files;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (root[0] != '/' && medallion_input_root[0] != '\0')
		root = psprintf("%s/%s", medallion_input_root, root);
	if (root[0] != '/')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("folder \"%s\" is not absolute", root),
				 errhint("Set medallion.input_root to the folder that relative paths start from.")));
	root = CheckPathAllowed(root, GetUserId());
	files = DiscoverFiles(list_make1(psprintf("%s/**/*", root)), GetUserId(), NULL);
	foreach(lc, files)
	{
		FoundFile  *file = lfirst(lc);
		const char *relative = file->path + strlen(root);
		Datum		values[4];
		bool		nulls[4] = {0};

		while (*relative == '/')
			relative++;
		values[0] = CStringGetTextDatum(file->path);
		values[1] = CStringGetTextDatum(relative);
		values[2] = CStringGetTextDatum(FolderSeries(relative));
		values[3] = Int64GetDatum(file->size);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
