/*
 * fdw_import.c
 *	  IMPORT FOREIGN SCHEMA: a folder -> a foreign table per file and sheet.
 *
 *	  files -> sheets that have rows -> their headers -> unique names ->
 *	  CREATE FOREIGN TABLE commands
 */
#include "base/compat.h"

#include "bronze/fdw.h"


#include "base/options.h"
#include "bronze/columns.h"
#include "bronze/discover.h"
#include "bronze/header.h"
#include "bronze/source.h"
#include "commands/defrem.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A table to be: one sheet of one file. */
typedef struct SheetTable
{
	char	   *path;
	char	   *sheet;			/* "" for formats without sheets */
	List	   *header;			/* char * */
	bool		is_alone;		/* no other sheet of its file has rows */
} SheetTable;

/* The sheet's next row that is not malformed; the scan will say what is wrong
 * with the others. */
static bool
NextGoodRow(void *arg, ReaderRow *row)
{
	bool		bad;

	while (SourceNextRow(arg, row, &bad))
	{
		CHECK_FOR_INTERRUPTS();
		if (!bad)
			return true;
	}
	return false;
}

/* The sheet's table, in a memory context of the caller's; NULL if it has no rows. */
static SheetTable *
DescribeSheet(Source *source, const ReaderSheet *sheet, const FeatureOptions *options,
			  MemoryContext result)
{
	List	   *header;
	List	   *kept;
	MemoryContext old;
	SheetTable *table;
	ListCell   *lc;

	if (!ReadHeader(options, sheet, NextGoodRow, source, &header, &kept))
		return NULL;
	old = MemoryContextSwitchTo(result);
	table = palloc0(sizeof(SheetTable));
	table->path = pstrdup(source->path);
	table->sheet = pstrdup(sheet->name);
	foreach(lc, header)
		table->header = lappend(table->header, pstrdup(lfirst(lc)));
	MemoryContextSwitchTo(old);
	return table;
}

/* Adds the tables of one file.  One that no reader can open is passed over. */
static List *
AddFileTables(List *tables, const FoundFile *file, const FeatureOptions *options)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext own = AllocSetContextCreate(result, "medallion file", ALLOCSET_DEFAULT_SIZES);
	Source	   *source;
	ReaderOptions reader;
	ReaderSheet sheet;
	List	   *of_file = NIL;
	ListCell   *lc;

	MemoryContextSwitchTo(own);
	source = SourceOpen(file->path, GetUserId());
	SourceReaderOptions(&reader);
	FeatureReaderOptions(options, &reader);
	if (!SourceTryReading(source, &reader))
		ereport(WARNING,
				(errmsg("file \"%s\" was passed over: %s", file->path,
						ReaderMessage(source->reader))));
	else
	{
		SourceClip(source, options);
		while (SourceNextSheet(source, &sheet))
		{
			SheetTable *table;

			if (!WantsSheet(options, &sheet))
				continue;
			table = DescribeSheet(source, &sheet, options, result);
			MemoryContextSwitchTo(result);
			if (table != NULL)
				of_file = lappend(of_file, table);
			MemoryContextSwitchTo(own);
		}
	}
	SourceClose(source);
	MemoryContextSwitchTo(result);
	MemoryContextDelete(own);
	foreach(lc, of_file)
		((SheetTable *) lfirst(lc))->is_alone = list_length(of_file) == 1;
	return list_concat(tables, of_file);
}

/* The file's name without folder and extension, and the sheet's where there
 * are several. */
static char *
RawTableName(const SheetTable *table)
{
	const char *file = strrchr(table->path, '/') + 1;
	const char *dot = strrchr(file, '.');
	int			length = dot != NULL && dot != file ? dot - file : strlen(file);

	if (table->is_alone)
		return pnstrdup(file, length);
	return psprintf("%.*s %s", length, file, table->sheet);
}

/* Text as a pattern that only it matches. */
static char *
EscapePattern(const char *text)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	for (; *text != '\0'; text++)
	{
		if (strchr("*?[]\\", *text) != NULL)
			appendStringInfoChar(&pattern, '\\');
		appendStringInfoChar(&pattern, *text);
	}
	return pattern.data;
}

/* A path as a pattern: folders without wildcards are not matched, so not escaped. */
static char *
EscapePath(const char *path)
{
	const char *file = strrchr(path, '/') + 1;
	char	   *folder = pnstrdup(path, file - path);

	return psprintf("%s%s", strpbrk(folder, "*?[") ? EscapePattern(folder) : folder,
					EscapePattern(file));
}

/* Adds the columns: those of the header as text, and where a row is from. */
static void
AppendColumns(StringInfo sql, const SheetTable *table)
{
	int			width = list_length(table->header);
	char	  **originals = palloc(sizeof(char *) * Max(width, 1));
	char	  **names;
	ListCell   *lc;

	foreach(lc, table->header)
		originals[foreach_current_index(lc)] = lfirst(lc);
	names = CleanHeaders(NULL, originals, width);
	for (int i = 0; i < width; i++)
		appendStringInfo(sql, "%s text, ", quote_identifier(names[i]));
	appendStringInfoString(sql, "_source_file text, _sheet text, _row bigint");
}

/* Adds the options: the file, the sheet, and what the import was told. */
static void
AppendOptions(StringInfo sql, const SheetTable *table, List *given)
{
	ListCell   *lc;

	appendStringInfo(sql, "path %s", quote_literal_cstr(EscapePath(table->path)));
	if (table->sheet[0] != '\0')
		appendStringInfo(sql, ", sheets %s", quote_literal_cstr(EscapePattern(table->sheet)));
	foreach(lc, given)
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, "path") != 0 && strcmp(def->defname, "sheets") != 0)
			appendStringInfo(sql, ", %s %s", quote_identifier(def->defname),
							 quote_literal_cstr(defGetString(def)));
	}
}

static char *
CreateCommand(const ImportForeignSchemaStmt *statement, const SheetTable *table, const char *name)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s (", quote_identifier(name));
	AppendColumns(&sql, table);
	appendStringInfo(&sql, ") SERVER %s OPTIONS (", quote_identifier(statement->server_name));
	AppendOptions(&sql, table, statement->options);
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* The files under a pattern, or in a folder at any depth. */
static List *
FilesToImport(const char *path)
{
	List	   *files = DiscoverFiles(list_make1((char *) path), GetUserId(), NULL);

	if (files == NIL)
		files = DiscoverFiles(list_make1(psprintf("%s/**/*", path)), GetUserId(), NULL);
	if (files == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("no files in \"%s\"", path)));
	return files;
}

static void
CheckImport(const ImportForeignSchemaStmt *statement, const ReadOptions *options)
{
	if (strcmp(statement->remote_schema, "files") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("schema \"%s\" is not present on server \"%s\"", statement->remote_schema,
						statement->server_name),
				 errhint("Its one schema is \"files\"; option \"path\" says where they are.")));
	if (options->path == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"path\" is required to import files")));
}

/* The commands of an import.  All sheets are named, whichever are asked for:
 * LIMIT TO and EXCEPT must not change what the others are called. */
List *
ImportFiles(ImportForeignSchemaStmt *statement, Oid server)
{
	ReadOptions options;
	List	   *tables = NIL;
	List	   *commands = NIL;
	char	  **names;
	ListCell   *lc;

	ParseReadOptionList(statement->options, &options);
	CheckImport(statement, &options);
	foreach(lc, FilesToImport(options.path))
	{
		FoundFile  *file = lfirst(lc);

		if (file->size > 0)
			tables = AddFileTables(tables, file, &options.feature);
	}
	names = palloc(sizeof(char *) * Max(list_length(tables), 1));
	foreach(lc, tables)
		names[foreach_current_index(lc)] = RawTableName(lfirst(lc));
	names = CleanHeaders(NULL, names, list_length(tables));
	foreach(lc, tables)
	{
		const char *name = names[foreach_current_index(lc)];

		if (IsImportableForeignTable(name, statement))
			commands = lappend(commands, CreateCommand(statement, lfirst(lc), name));
	}
	return commands;
}
