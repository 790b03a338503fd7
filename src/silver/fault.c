/*
 * fault.c
 *	  Which row a feature's SQL cannot take.
 *
 * Conversions flag what they cannot take; SQL in options raises, and the server does
 * not say for which row.  All blocks of bronze are tried, half of them, half of that
 * half which fails, and so on: as much work as two looks at all of them.
 */
#include "base/compat.h"

#include "silver/fault.h"

#include "access/xact.h"
#include "base/blocks.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

/* A query over the files' rows in some part of bronze. */
typedef struct Trial
{
	const SilverShape *shape;
	const SqlParams *files;
	const char *bronze;
} Trial;

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
	volatile bool raises = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		SqlFetch(sql, params);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (!IsOfValues(error->sqlerrcode))
			ReThrowError(error);
		FreeErrorData(error);
		raises = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return raises;
}

/* Does the SELECT fail for rows of bronze?  A whole row leaves out none of its columns. */
static bool
FailsFor(const Trial *trial, const char *rows)
{
	SilverShape part = *trial->shape;

	part.bronze = psprintf("(%s)", rows);
	return Raises(psprintf("SELECT count(t.*) FROM (%s) t", TypedSelect(&part, trial->files, NULL)), trial->files);
}

/* The column whose own expression fails for a row; NULL: none of them does. */
static char *
FaultyColumn(const Trial *trial, const char *row)
{
	SilverShape part = *trial->shape;
	ListCell   *lc;

	part.bronze = psprintf("(%s)", row);
	foreach(lc, part.columns)
	{
		SilverColumn *column = lfirst(lc);

		if (Raises(psprintf("SELECT count(t.%s) FROM (%s) t", quote_identifier(column->name),
							ValuesSelect(&part, trial->files->values[0])), trial->files))
			return column->name;
	}
	return NULL;
}

/* The first block whose rows fail, of blocks of which some do. */
static int64
FaultyBlock(const Trial *trial, int64 end)
{
	int64		first = 0;

	while (end - first > 1)
	{
		int64		middle = first + (end - first) / 2;

		if (FailsFor(trial, RowsInBlocks(trial->bronze, first, middle)))
			end = middle;
		else
			first = middle;
	}
	return first;
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

char *
DescribeFault(const SilverShape *shape, const SqlParams *files)
{
	Oid			table = TableOid(medallion_bronze_schema, shape->feature->name);
	char	   *bronze = QualifiedName(medallion_bronze_schema, shape->feature->name);
	Trial		trial = {shape, files, bronze};
	int64		blocks;
	int64		block;
	SqlRows    *places;

	if (!HasBlocks(table))
		return NULL;
	blocks = BlocksOf(table);
	if (!FailsFor(&trial, RowsInBlocks(bronze, 0, blocks)))
		return NULL;
	block = FaultyBlock(&trial, blocks);
	places = SqlFetch(psprintf("SELECT b.ctid::text FROM %s b WHERE ctid >= '(" INT64_FORMAT ",0)' AND ctid < '(" INT64_FORMAT ",0)'",
							   bronze, block, block + 1), NULL);
	for (uint64 i = 0; i < places->count; i++)
	{
		char	   *row = psprintf("SELECT * FROM %s WHERE ctid = '%s'", bronze, RowText(places, i, 1));

		if (FailsFor(&trial, row))
			return DescribeRow(&trial, row);
	}
	return NULL;
}
