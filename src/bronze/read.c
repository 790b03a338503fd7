/*
 * read.c
 *	  Readers as SQL functions: sheets(), read_rows(), read_cells(), read_file().
 *
 *	  path, as the current user may read it -> reader, or scan -> tuplestore
 */
#include "base/compat.h"

#include "base/options.h"
#include "bronze/fdw_scan.h"
#include "bronze/source.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(medallion_sheets);
PG_FUNCTION_INFO_V1(medallion_read_rows);
PG_FUNCTION_INFO_V1(medallion_read_cells);
PG_FUNCTION_INFO_V1(medallion_read_file);

static const char *const kind_names[] = {"empty", "number", "text", "boolean", "date", "timestamp",
"time", "interval", "error"};

/* A call that reads a file. */
typedef struct ReadCall
{
	ReturnSetInfo *result;
	FeatureOptions options;
	Source	   *source;
	MemoryContext row_context;	/* reset per row */
} ReadCall;

typedef void (*RowWriter) (ReadCall *call, const ReaderSheet *sheet, const ReaderRow *row);

/* Opens the file of a call, as its options say. */
static void
BeginRead(ReadCall *call, FunctionCallInfo fcinfo)
{
	ReaderOptions reader;

	InitMaterializedSRF(fcinfo, 0);
	call->result = (ReturnSetInfo *) fcinfo->resultinfo;
	call->row_context = AllocSetContextCreate(CurrentMemoryContext, "medallion row",
											  ALLOCSET_DEFAULT_SIZES);
	SourceReaderOptions(&reader);
	if (PG_NARGS() > 1)
	{
		ParseFeatureOptions(PG_GETARG_JSONB_P(1), &call->options);
		FeatureReaderOptions(&call->options, &reader);
	}
	call->source = SourceOpen(text_to_cstring(PG_GETARG_TEXT_PP(0)), GetUserId());
	SourceStartReading(call->source, &reader);
	if (PG_NARGS() > 1)
		SourceClip(call->source, &call->options);
}

/* Adds a row to the result. */
static void
PutResult(ReadCall *call, Datum *values, bool *nulls)
{
	tuplestore_putvalues(call->result->setResult, call->result->setDesc, values, nulls);
}

/* medallion.sheets(path) */
Datum
medallion_sheets(PG_FUNCTION_ARGS)
{
	ReadCall	call = {0};
	ReaderSheet sheet;

	BeginRead(&call, fcinfo);
	while (SourceNextSheet(call.source, &sheet))
	{
		Datum		values[3];
		bool		nulls[3] = {0};

		values[0] = CStringGetTextDatum(sheet.name);
		values[1] = Int32GetDatum(sheet.index + 1);
		values[2] = BoolGetDatum(sheet.hidden);
		PutResult(&call, values, nulls);
	}
	SourceClose(call.source);
	PG_RETURN_NULL();
}

/* Hands every row of every sheet to a writer. */
static void
ReadAll(ReadCall *call, RowWriter writer)
{
	ReaderSheet sheet;
	ReaderRow	row;
	bool		bad;

	while (SourceNextSheet(call->source, &sheet))
	{
		if (!WantsSheet(&call->options, &sheet))
			continue;
		while (SourceNextRow(call->source, &row, &bad))
		{
			MemoryContext old = MemoryContextSwitchTo(call->row_context);

			CHECK_FOR_INTERRUPTS();
			if (bad)
				ereport(ERROR,
						(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						 errmsg("could not read \"%s\", row " INT64_FORMAT ": %s", call->source->path,
								(int64) row.number, call->source->complaint)));
			writer(call, &sheet, &row);
			MemoryContextSwitchTo(old);
			MemoryContextReset(call->row_context);
		}
	}
	SourceClose(call->source);
}

static Datum
CellText(const ReaderCell *cell)
{
	return PointerGetDatum(cstring_to_text_with_len(cell->value, cell->length));
}

/* One result row per row: its cells as text[], NULL for empty ones. */
static void
WriteRow(ReadCall *call, const ReaderSheet *sheet, const ReaderRow *row)
{
	Datum	   *cells = palloc(sizeof(Datum) * Max(row->ncells, 1));
	bool	   *empty = palloc(sizeof(bool) * Max(row->ncells, 1));
	int			dims[1] = {row->ncells};
	int			bounds[1] = {1};
	Datum		values[3];
	bool		nulls[3] = {0};

	for (int i = 0; i < row->ncells; i++)
	{
		empty[i] = row->cells[i].kind == CELL_EMPTY;
		cells[i] = empty[i] ? (Datum) 0 : CellText(&row->cells[i]);
	}
	values[0] = CStringGetTextDatum(sheet->name);
	values[1] = Int64GetDatum(row->number);
	values[2] = PointerGetDatum(construct_md_array(cells, empty, 1, dims, bounds, TEXTOID, -1, false,
												   TYPALIGN_INT));
	PutResult(call, values, nulls);
}

/* One result row per non-empty cell. */
static void
WriteCells(ReadCall *call, const ReaderSheet *sheet, const ReaderRow *row)
{
	for (int i = 0; i < row->ncells; i++)
	{
		Datum		values[5];
		bool		nulls[5] = {0};

		if (row->cells[i].kind == CELL_EMPTY)
			continue;
		values[0] = CStringGetTextDatum(sheet->name);
		values[1] = Int64GetDatum(row->number);
		values[2] = Int32GetDatum(i + 1);
		values[3] = CStringGetTextDatum(kind_names[row->cells[i].kind]);
		values[4] = CellText(&row->cells[i]);
		PutResult(call, values, nulls);
	}
}

/* medallion.read_rows(path, options) */
Datum
medallion_read_rows(PG_FUNCTION_ARGS)
{
	ReadCall	call = {0};

	BeginRead(&call, fcinfo);
	ReadAll(&call, WriteRow);
	PG_RETURN_NULL();
}

/* medallion.read_cells(path, options) */
Datum
medallion_read_cells(PG_FUNCTION_ARGS)
{
	ReadCall	call = {0};

	BeginRead(&call, fcinfo);
	ReadAll(&call, WriteCells);
	PG_RETURN_NULL();
}

/* medallion.read_file(path, options) AS (column type, ...) */
Datum
medallion_read_file(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ReadOptions options;
	FileScan   *scan;
	Datum	   *values;
	bool	   *nulls;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	ParseReadOptions(PG_GETARG_JSONB_P(1), &options);
	if (options.path != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"path\" is for foreign tables"),
				 errhint("The path is the first argument.")));
	options.path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	scan = FileScanBegin(result->setDesc, InvalidOid, &options, bms_make_singleton(0), GetUserId());
	FileScanSetFiles(scan, FindScanFiles(&options, GetUserId(), false), NULL, NULL);
	values = palloc(sizeof(Datum) * Max(result->setDesc->natts, 1));
	nulls = palloc(sizeof(bool) * Max(result->setDesc->natts, 1));
	while (FileScanNext(scan, values, nulls))
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	FileScanEnd(scan);
	PG_RETURN_NULL();
}
