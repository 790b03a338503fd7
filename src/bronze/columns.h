/*
 * columns.h
 *	  Headers of files -> columns of a bronze table, and what happens when the
 *	  two differ.
 */
#ifndef MEDALLION_COLUMNS_H
#define MEDALLION_COLUMNS_H

#include "postgres.h"
#include "access/attnum.h"
#include "base/classify.h"
#include "base/feature.h"
#include "file/reader.h"

/* One source column of a feature. */
typedef struct BronzeColumn
{
	char	   *name;			/* cleaned */
	char	   *original;		/* as the file shows it */
	int			ordinal;
	ValueType	type;			/* widened over everything seen */
	ValueType	stored_type;	/* as the catalog has it */
	List	   *null_tokens;	/* words that mean nothing (char *) */
	bool		decimal_comma;	/* its texts have a comma for a decimal mark */
	bool		is_new;			/* not in the catalog yet */
	bool		was_present;	/* in the file loaded before */
	bool		present;		/* in the file being loaded */
	AttrNumber	attno;			/* in the table; 0 until SyncBronzeTable() */
} BronzeColumn;

/* A change of columns, for the log. */
typedef struct SchemaChange
{
	const char *type;			/* ADD_COLUMN, MISSING_COLUMN, TYPE_CHANGE, ... */
	char	   *column;
	const char *old_type;
	const char *new_type;
} SchemaChange;

/* All source columns of a feature. */
typedef struct BronzeColumns
{
	const Feature *feature;
	List	   *columns;		/* BronzeColumn *, by ordinal */
	List	   *changes;		/* SchemaChange * of this file */
	bool		first_load;		/* the feature has loaded nothing yet */
} BronzeColumns;

/* The type that the value of one cell speaks for; words for nothing say nothing. */
extern ValueType TextType(const char *start, int length, const List *null_tokens);
extern ValueType CellType(const ReaderCell *cell, const List *null_tokens);

extern BronzeColumns *LoadBronzeColumns(const Feature *feature);

/* Header texts (NULL for blank ones) -> cleaned, unique names, palloc'd.  A
 * feature, or NULL, may name columns by other headers. */
extern char **CleanHeaders(const Feature *feature, char **headers, int count);

/*
 * Finds or makes the column of this name.  NULL where schema_evolution says
 * that unknown columns are rescued or ignored; raises where it says freeze.
 */
extern BronzeColumn *ResolveColumn(BronzeColumns *columns, const char *name, const char *original);

/* Creates the bronze table or adds what it lacks; fills attno; returns its oid. */
extern Oid	SyncBronzeTable(BronzeColumns *columns);

/* Attribute number of a column of a table; raises if there is none. */
extern AttrNumber RequireColumn(Oid table, const char *name);

/* After the last row of a file: notes types and missing columns in the catalog. */
extern void SaveBronzeColumns(BronzeColumns *columns);

#endif							/* MEDALLION_COLUMNS_H */
