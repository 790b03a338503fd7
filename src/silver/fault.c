/*
 * fault.c
 *	  Which row a feature's SQL cannot take.
 *
 * Conversions flag what they cannot take; SQL in options raises, and the server does
 * not say for which row.  The blocks in which the rows lie are tried, half of them,
 * half of that half which fails, and so on: as much work as two looks at all of
 * them.  What is tried is undone, whether it fails or not.
 */
#include "base/compat.h"

#include "silver/fault.h"

#include "access/xact.h"
#include "base/blocks.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* The SELECT over the files' rows, of which only some are read. */
typedef struct Trial
{
	const SilverShape *shape;
	const SqlParams *files;
	char	   *bronze;
	SqlRows    *places;			/* of the rows in one block, as text */
	MemoryContext memory;		/* of one try */
} Trial;

/* Part of bronze as a query: its blocks, or the places of one block, from one to another. */
typedef char *(*PartQuery) (const Trial *trial, int64 first, int64 end);

bool
IsOfValues(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_DATA_EXCEPTION || sqlerrcode == ERRCODE_RAISE_EXCEPTION;
}

/* Does a query raise what values can make it raise?  Any other error is the caller's. */
static bool
Raises(const char *sql, const SqlParams *params)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		SqlFetch(sql, params);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	if (error != NULL && !IsOfValues(error->sqlerrcode))
		ReThrowError(error);
	return error != NULL;
}

static char *
PartOfBlocks(const Trial *trial, int64 first, int64 end)
{
	return RowsInBlocks(trial->bronze, first, end);
}

static char *
PartOfPlaces(const Trial *trial, int64 first, int64 end)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM %s WHERE ctid = ANY (ARRAY[", trial->bronze);
	for (int64 i = first; i < end; i++)
		appendStringInfo(&sql, "%s'%s'", i > first ? ", " : "", RowText(trial->places, i, 1));
	appendStringInfoString(&sql, "]::tid[])");
	return sql.data;
}

/* Does the SELECT fail for a part?  A whole row leaves out none of its columns. */
static bool
FailsFor(const Trial *trial, PartQuery part, int64 first, int64 end)
{
	MemoryContext outer = MemoryContextSwitchTo(trial->memory);
	SilverShape shape = *trial->shape;
	bool		fails;

	CHECK_FOR_INTERRUPTS();
	shape.bronze = psprintf("(%s)", part(trial, first, end));
	fails = Raises(psprintf("SELECT count(t.*) FROM (%s) t", TypedSelect(&shape, trial->files, NULL)), trial->files);
	MemoryContextSwitchTo(outer);
	MemoryContextReset(trial->memory);
	return fails;
}

/* The first block or place that fails by itself, of those of which some do. */
static int64
FirstThatFails(const Trial *trial, PartQuery part, int64 first, int64 end)
{
	while (end - first > 1)
	{
		int64		middle = first + (end - first) / 2;

		if (FailsFor(trial, part, first, middle))
			end = middle;
		else
			first = middle;
	}
	return first;
}

/* The shape without what other columns say: of a derived column, without what others derive. */
static SilverShape
ShapeOfColumn(const SilverShape *shape, const SilverColumn *column)
{
	SilverShape alone = *shape;
	ListCell   *lc;

	alone.columns = NIL;
	foreach(lc, shape->columns)
	{
		SilverColumn *other = palloc(sizeof(SilverColumn));

		*other = *(SilverColumn *) lfirst(lc);
		if (lfirst(lc) != column && (other->derived || !column->derived))
		{
			other->expression = "NULL";
			other->raw = NULL;
		}
		alone.columns = lappend(alone.columns, other);
	}
	return alone;
}

/* The column whose own expression fails for a row; NULL: none of them does. */
static char *
FaultyColumn(const Trial *trial, const char *row)
{
	ListCell   *lc;

	foreach(lc, trial->shape->columns)
	{
		SilverColumn *column = lfirst(lc);
		SilverShape alone = ShapeOfColumn(trial->shape, column);

		alone.bronze = psprintf("(%s)", row);
		if (Raises(psprintf("SELECT count(t.%s) FROM (%s) t", quote_identifier(column->name),
							ValuesSelect(&alone, trial->files->values[0])), trial->files))
			return column->name;
	}
	return NULL;
}

/* Where a row is that was found to fail. */
static char *
DescribeRow(const Trial *trial, const char *row)
{
	SqlRows    *address = SqlFetch(psprintf("SELECT _file_id, nullif(_sheet, ''), _row FROM (%s) b", row), NULL);
	SqlParams	params = {0};
	char	   *column = FaultyColumn(trial, row);
	char	   *sheet = RowText(address, 0, 2);

	ParamBigint(&params, RowBigint(address, 0, 1));
	return psprintf("file \"%s\"%s, row " INT64_FORMAT "%s",
					RowText(CatalogFetch("SELECT path FROM medallion.file_versions WHERE file_id = $1", &params), 0, 1),
					sheet ? psprintf(", sheet \"%s\"", sheet) : "", RowBigint(address, 0, 3),
					column ? psprintf(", column \"%s\"", column) : "");
}

/* The blocks in which the files' rows lie: as the ledger knows them, or all there are. */
static void
FindBlocks(Oid table, const SqlParams *files, int64 *first, int64 *end)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, INT8ARRAYOID, files->values[0]);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(table));
	rows = CatalogFetch("SELECT min(lower(blocks)), max(upper(blocks)) FROM medallion.file_versions WHERE file_id = ANY ($1) AND rows > 0"
						" HAVING bool_and(coalesce(filenode = pg_relation_filenode($2) AND blocks IS NOT NULL, false))", &params);
	*first = rows->count > 0 ? RowBigint(rows, 0, 1) : 0;
	*end = rows->count > 0 ? RowBigint(rows, 0, 2) : BlocksOf(table);
}

char *
DescribeFault(const SilverShape *shape, const SqlParams *files)
{
	Oid			table = TableOid(medallion_bronze_schema, shape->feature->name);
	Trial		trial = {shape, files, QualifiedName(medallion_bronze_schema, shape->feature->name)};
	int64		first;
	int64		end;
	int64		place;

	if (!HasBlocks(table))
		return NULL;
	trial.memory = AllocSetContextCreate(CurrentMemoryContext, "medallion fault", ALLOCSET_DEFAULT_SIZES);
	FindBlocks(table, files, &first, &end);
	/* what fails for no row at all is no row's fault */
	if (FailsFor(&trial, PartOfBlocks, 0, 0) || !FailsFor(&trial, PartOfBlocks, first, end))
		return NULL;
	first = FirstThatFails(&trial, PartOfBlocks, first, end);
	trial.places = SqlFetch(psprintf("SELECT b.ctid::text FROM (SELECT ctid, _file_id FROM %s WHERE ctid >= '(" INT64_FORMAT ",0)'"
									 " AND ctid < '(" INT64_FORMAT ",0)') b WHERE b._file_id = ANY ($1)",
									 trial.bronze, first, first + 1), files);
	if (trial.places->count == 0 || !FailsFor(&trial, PartOfPlaces, 0, trial.places->count))
		return NULL;
	place = FirstThatFails(&trial, PartOfPlaces, 0, trial.places->count);
	return DescribeRow(&trial, PartOfPlaces(&trial, place, place + 1));
}
