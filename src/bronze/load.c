/*
 * load.c
 *	  One file -> rows of its bronze table.
 *
 *	  file -> hash -> (unchanged | duplicate |) reader -> sheets
 *	      -> header row found -> columns resolved -> rows -> sink
 *
 * Behind the header everything passes through without copies until the sink
 * makes the Datums.
 */
#include "base/compat.h"

#include "bronze/bronze.h"

#include "base/contract.h"
#include "base/settings.h"
#include "base/sql.h"
#include "bronze/columns.h"
#include "bronze/header.h"
#include "bronze/ledger.h"
#include "bronze/relation.h"
#include "bronze/sink.h"
#include "bronze/source.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define PROGRESS_ROWS 1024		/* report progress once in so many rows */
#define MAX_REJECTS 1000		/* kept in full per file; all are counted */

/* One file on its way into bronze. */
typedef struct FileLoad
{
	const Feature *feature;
	const FileTask *task;
	Source	   *source;
	BronzeColumns *columns;
	FileOutcome *outcome;
	int64		file_id;
	int64		run_id;
	TimestampTz now;
	MemoryContext row_context;	/* reset per row */

	/* the sheet being loaded */
	char	   *sheet;
	int			width;			/* columns of its header */
	char	  **names;			/* their cleaned names */
	BronzeColumn **targets;		/* where each goes; NULL: rescued or ignored */
	List	   *kept;			/* KeptRow *: data rows read while the header was looked for */
	int64		rows;

	/* the table */
	Sink	   *sink;
	List	   *path_columns;	/* BronzeColumn *, beside task->path_values */
	RowValue  **places;			/* the sink's places for targets */
	RowValue   *file_id_place;
	RowValue   *sheet_place;
	RowValue   *row_place;
	RowValue   *run_id_place;
	RowValue   *ingested_at_place;
	RowValue   *rescued_place;
} FileLoad;

/* Tells errors raised below which file, sheet and row they are about. */
static void
LoadErrorContext(void *arg)
{
	FileLoad   *load = arg;
	int64_t		row = 0;
	int			column = 0;

	if (load->source->reader != NULL)
		ReaderPosition(load->source->reader, &row, &column);
	errcontext("loading \"%s\"%s%s, row " INT64_FORMAT, load->source->path,
			   load->source->sheet ? ", sheet " : "",
			   load->source->sheet ? load->source->sheet : "", (int64) row);
}

/* Remembers a row that no reader could make sense of. */
static void
RejectRow(FileLoad *load, const ReaderRow *row)
{
	SqlParams	params = {0};

	int			most = load->feature->options.max_errors;

	if (most >= 0 && load->outcome->rejected >= most)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("could not read \"%s\"%s, row %lld: more than %d malformed rows, this one: %s",
						load->source->path, load->sheet[0] ? psprintf(", sheet \"%s\"", load->sheet) : "",
						(long long) row->number, most, load->source->complaint),
				 errhint("Mend the file, or raise option \"max_errors\".")));
	if (load->outcome->rejected++ >= MAX_REJECTS)
		return;
	ParamInt(&params, load->feature->id);
	ParamBigint(&params, load->file_id);
	ParamText(&params, load->sheet);
	ParamBigint(&params, row->number);
	ParamText(&params, load->source->complaint);
	ParamText(&params, pnstrdup(row->raw ? row->raw : "", row->raw_length));
	ParamBigint(&params, load->run_id);
	CatalogExec("INSERT INTO medallion.rejects (feature_id, file_id, sheet, row, reason, raw, run_id)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7)", &params);
}

/* The next row that is not malformed; malformed ones are rejected. */
static bool
NextGoodRow(void *arg, ReaderRow *row)
{
	FileLoad   *load = arg;
	bool		bad;

	while (SourceNextRow(load->source, row, &bad))
	{
		if (!bad)
			return true;
		RejectRow(load, row);
	}
	return false;
}

/* The columns that the path offers. */
static void
ResolvePathColumns(FileLoad *load)
{
	ListCell   *lc;

	load->path_columns = NIL;
	foreach(lc, load->task->path_names)
		load->path_columns = lappend(load->path_columns,
									 ResolveColumn(load->columns, lfirst(lc), lfirst(lc)));
}

/* Raises if the sheet lacks a column of the feature's contract, which paths and
 * derived columns help to keep. */
static void
CheckSheetContract(FileLoad *load)
{
	const FeatureOptions *options = &load->feature->options;
	List	   *names = NIL;
	List	   *derived;
	List	   *expressions;

	for (int i = 0; i < load->width; i++)
		names = lappend(names, load->names[i]);
	JsonbObjectItems(options->derive, &derived, &expressions);
	CheckContractNames(options->contract, options->contract_mode == CONTRACT_EXACT, names,
					   list_concat_copy(derived, load->task->path_names), load->source->path);
}

/* Where the sink wants the values of each column. */
static void
FindPlaces(FileLoad *load, Oid table)
{
	Sink	   *sink = load->sink;

	load->places = palloc0(sizeof(RowValue *) * Max(load->width, 1));
	for (int i = 0; i < load->width; i++)
	{
		if (load->targets[i] != NULL)
			load->places[i] = SinkValue(sink, load->targets[i]->attno);
	}
	load->file_id_place = SinkValue(sink, RequireColumn(table, "_file_id"));
	load->sheet_place = SinkValue(sink, RequireColumn(table, "_sheet"));
	load->row_place = SinkValue(sink, RequireColumn(table, "_row"));
	load->run_id_place = SinkValue(sink, RequireColumn(table, "_run_id"));
	load->ingested_at_place = SinkValue(sink, RequireColumn(table, "_ingested_at"));
	load->rescued_place = SinkValue(sink, RequireColumn(table, "_rescued_data"));
}

/* Resolves the sheet's columns, brings the table up to them, opens the sink. */
static void
OpenSheet(FileLoad *load, List *header)
{
	char	  **originals;
	Oid			table;
	ListCell   *lc;

	load->width = list_length(header);
	originals = palloc(sizeof(char *) * Max(load->width, 1));
	foreach(lc, header)
		originals[foreach_current_index(lc)] = lfirst(lc);
	load->names = CleanHeaders(load->feature, originals, load->width);
	CheckSheetContract(load);
	load->targets = palloc0(sizeof(BronzeColumn *) * Max(load->width, 1));
	for (int i = 0; i < load->width; i++)
		load->targets[i] = ResolveColumn(load->columns, load->names[i], originals[i]);
	ResolvePathColumns(load);

	table = SyncBronzeTable(load->columns);
	load->sink = SinkOpen(table);
	FindPlaces(load, table);
	load->outcome->direct = SinkIsDirect(load->sink);
	pgstat_progress_start_command(PROGRESS_COMMAND_COPY, table);
}

/* Adds one value that has no column to the row's rescued data. */
static void
RescueCell(FileLoad *load, StringInfo rescued, int column, const ReaderCell *cell)
{
	const char *name = column < load->width ? load->names[column] : psprintf("column_%d", column + 1);

	if (rescued->data == NULL)
		initStringInfo(rescued);
	appendStringInfoString(rescued, rescued->len > 0 ? ", " : "{");
	escape_json(rescued, name);
	appendStringInfoString(rescued, ": ");
	escape_json(rescued, pnstrdup(cell->value, cell->length));
}

/*
 * A number cell has no spelling of its own; where the column's texts have a
 * decimal comma, it gets one too, so that one rule reads both.
 */
static void
PutNumberWithComma(RowValue *place, const ReaderCell *cell)
{
	char	   *spelled = pnstrdup(cell->value, cell->length);
	char	   *point = strchr(spelled, '.');

	if (point != NULL)
		*point = ',';
	SetText(place, spelled, cell->length);
}

/* Puts one cell where it belongs. */
static void
PutCell(FileLoad *load, int column, const ReaderCell *cell, StringInfo rescued)
{
	BronzeColumn *target = column < load->width ? load->targets[column] : NULL;

	if (cell->kind == CELL_EMPTY)
		return;
	if (target != NULL)
	{
		if (target->type != VT_TEXT)
			target->type = WidenType(target->type, CellType(cell, target->null_tokens));
		if (target->decimal_comma && cell->kind == CELL_NUMBER)
			PutNumberWithComma(load->places[column], cell);
		else
			SetText(load->places[column], cell->value, cell->length);
	}
	else if (column >= load->width || load->feature->options.schema_evolution == RESCUE)
		RescueCell(load, rescued, column, cell);
}

/* Puts the values that the path offers. */
static void
PutPathValues(FileLoad *load)
{
	ListCell   *cc;
	ListCell   *vc;

	forboth(cc, load->path_columns, vc, load->task->path_values)
	{
		BronzeColumn *column = lfirst(cc);
		const char *value = lfirst(vc);

		if (column == NULL)
			continue;
		column->type = WidenType(column->type, ClassifyText(value, strlen(value)));
		SetText(SinkValue(load->sink, column->attno), value, strlen(value));
	}
}

/* Puts one row with its audit columns. */
static void
PutRow(FileLoad *load, int64 number, int ncells, const ReaderCell *cells)
{
	MemoryContext old = MemoryContextSwitchTo(load->row_context);
	StringInfoData rescued = {0};

	for (int i = 0; i < ncells; i++)
		PutCell(load, i, &cells[i], &rescued);
	PutPathValues(load);
	SetWord(load->file_id_place, Int64GetDatum(load->file_id));
	SetText(load->sheet_place, load->sheet, strlen(load->sheet));
	SetWord(load->row_place, Int64GetDatum(number));
	SetWord(load->run_id_place, Int64GetDatum(load->run_id));
	SetWord(load->ingested_at_place, TimestampTzGetDatum(load->now));
	if (rescued.len > 0)
	{
		appendStringInfoChar(&rescued, '}');
		SetVarlena(load->rescued_place, DirectFunctionCall1(jsonb_in, CStringGetDatum(rescued.data)));
	}
	MemoryContextSwitchTo(old);
	SinkEndRow(load->sink);
	MemoryContextReset(load->row_context);
	load->rows++;
}

/* Tells pg_stat_progress_copy where the load stands. */
static void
ReportProgress(FileLoad *load)
{
	const int	index[] = {PROGRESS_COPY_BYTES_PROCESSED, PROGRESS_COPY_BYTES_TOTAL,
	PROGRESS_COPY_TUPLES_PROCESSED};
	int64		values[3];
	uint64_t	done;
	uint64_t	total;

	ReaderProgress(load->source->reader, &done, &total);
	values[0] = done;
	values[1] = total;
	values[2] = load->rows;
	pgstat_progress_update_multi_param(lengthof(index), index, values);
}

/* Loads the rows of a sheet. */
static void
LoadRows(FileLoad *load)
{
	ReaderRow	row;
	ListCell   *lc;

	foreach(lc, load->kept)
	{
		KeptRow    *kept = lfirst(lc);

		PutRow(load, kept->number, kept->ncells, kept->cells);
	}
	while (NextGoodRow(load, &row))
	{
		if (load->rows % PROGRESS_ROWS == 0)
		{
			CHECK_FOR_INTERRUPTS();
			ReportProgress(load);
		}
		PutRow(load, row.number, row.ncells, row.cells);
	}
}

/* Loads one sheet. */
static void
LoadSheet(FileLoad *load, const ReaderSheet *sheet)
{
	SheetOutcome *outcome = palloc0(sizeof(SheetOutcome));
	TimestampTz started = GetCurrentTimestamp();
	List	   *header;

	load->sheet = outcome->name = pstrdup(sheet->name);
	strlcpy(load->outcome->sheet, sheet->name, sizeof(load->outcome->sheet));
	load->rows = 0;
	if (ReadHeader(&load->feature->options, sheet, NextGoodRow, load, &header, &load->kept))
	{
		OpenSheet(load, header);
		LoadRows(load);
		SinkClose(load->sink, &load->outcome->blocks);
		pgstat_progress_end_command();
	}
	outcome->rows = load->rows;
	outcome->elapsed_ms = (GetCurrentTimestamp() - started) / 1000;
	load->outcome->rows += load->rows;
	load->outcome->sheets = lappend(load->outcome->sheets, outcome);
}

/* Notes for the ledger what the file was taken for. */
static void
NoteDetected(FileLoad *load)
{
	load->outcome->detected = psprintf("%s %s", ReaderFormat(load->source->reader),
									   ReaderDetected(load->source->reader));
}

/* Loads every sheet that the feature wants. */
static void
LoadSheets(FileLoad *load)
{
	const FeatureOptions *options = &load->feature->options;
	ReaderOptions reader;
	ReaderSheet sheet;

	SourceReaderOptions(&reader);
	FeatureReaderOptions(options, &reader);
	SourceStartReading(load->source, &reader);
	SourceClip(load->source, options);
	NoteDetected(load);
	while (SourceNextSheet(load->source, &sheet))
	{
		if (WantsSheet(options, &sheet))
			LoadSheet(load, &sheet);
	}

	/* a text file's encoding may have turned out on the way */
	NoteDetected(load);
}

/* Loads the rows of an opened version. */
static void
LoadContent(FileLoad *load)
{
	ErrorContextCallback context;

	load->columns = LoadBronzeColumns(load->feature);
	load->row_context = AllocSetContextCreate(CurrentMemoryContext, "medallion row",
											  ALLOCSET_DEFAULT_SIZES);
	load->now = GetCurrentTimestamp();
	context.callback = LoadErrorContext;
	context.arg = load;
	context.previous = error_context_stack;
	error_context_stack = &context;
	if (load->source->size > 0)
		LoadSheets(load);
	SourceCheckUnchanged(load->source);
	error_context_stack = context.previous;

	if (load->outcome->rows > 0)
		SaveBronzeColumns(load->columns);	/* an empty file says nothing of columns */
	load->outcome->changes = load->columns->changes;
	load->outcome->status = load->outcome->rows > 0 ? "SUCCESS" : "EMPTY";
	CompleteFileVersion(load->file_id, load->outcome);
}

/* Loads one file, or finds that nothing is to be loaded. */
void
LoadFile(const Feature *feature, const FileTask *task, TimestampTz seen_at,
		 int64 run_id, FileOutcome *outcome)
{
	FileLoad	load = {.feature = feature,.task = task,.outcome = outcome,.run_id = run_id};
	uint8		hash[SOURCE_HASH_LENGTH];
	int64		same;

	if (task->relation)
	{
		LoadRelation(feature, task, seen_at, run_id, outcome);
		return;
	}
	memset(outcome, 0, sizeof(FileOutcome));
	outcome->blocks.first = InvalidBlockNumber;
	load.source = task->pushed ? SourceFromText(task->file->path, task->pushed) :
		SourceOpen(task->file->path, feature->owner);
	outcome->size = load.source->size;
	SourceHash(load.source, hash);
	outcome->hash = palloc(SOURCE_HASH_LENGTH * 2 + 1);
	hex_encode((char *) hash, SOURCE_HASH_LENGTH, outcome->hash);
	outcome->hash[SOURCE_HASH_LENGTH * 2] = '\0';

	same = feature->options.load_duplicates || task->pushed ? 0 : FindSameContent(feature, task, outcome->hash);
	if (task->live_hash == NULL || strcmp(task->live_hash, outcome->hash) != 0)
	{
		if (!IsRefused(feature, task, outcome->hash))
			load.file_id = OpenFileVersion(feature, task, outcome->hash, same, seen_at, run_id);
	}
	else
	{
		ConfirmFileVersion(task, seen_at, run_id);
		if (task->orphan && same == 0)
			load.file_id = PromoteDuplicate(feature, task, run_id);
		else if (task->orphan)
			MoveDuplicate(task, same);
	}
	outcome->file_id = load.file_id;
	if (load.file_id == 0)
		outcome->status = "UNCHANGED";
	else if (same != 0)
		outcome->status = "DUPLICATE";
	else
		LoadContent(&load);
	SourceClose(load.source);
}
