/*
 * options.h
 *	  Options of features: one table says which exist, of what type, and what
 *	  they do; a wrong name is answered with the nearest right one.
 */
#ifndef MEDALLION_OPTIONS_H
#define MEDALLION_OPTIONS_H

#include "base/compat.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef enum OnChange
{
	ON_CHANGE_VERSION,			/* the old version of the file stays in history */
	ON_CHANGE_RESTATE			/* the old version is withdrawn */
} OnChange;

typedef enum Evolution
{
	EVOLVE, RESCUE, FREEZE, IGNORE
} Evolution;

typedef enum HiddenSheets
{
	HIDDEN_LOAD, HIDDEN_SKIP
} HiddenSheets;

typedef enum History
{
	HISTORY_SCD2, HISTORY_APPEND
} History;

typedef enum NullKey
{
	NULL_KEY_QUARANTINE, NULL_KEY_AS_VALUE
} NullKey;

/* Options of one column; fields are NULL or NIL where not given. */
typedef struct ColumnOptions
{
	char	   *type;			/* SQL type, as format_type() spells it */
	List	   *from;			/* other headers that mean this column */
	char	   *expression;		/* SQL over the cleaned text columns */
	List	   *null_tokens;
	char	   *letter_case;	/* upper, lower */
	char	   *decimal_mark;	/* . or , */
	char	   *date_order;		/* DMY, MDY, YMD */
} ColumnOptions;

/* Options of a feature, with defaults filled in. */
/* May there be columns that a contract does not name? */
typedef enum ContractMode
{
	CONTRACT_SUBSET,
	CONTRACT_EXACT
} ContractMode;

typedef struct FeatureOptions
{
	/* bronze */
	int			on_change;		/* OnChange */
	int			schema_evolution;	/* Evolution */
	bool		load_duplicates;	/* load a file whose content is loaded already */
	bool		verify;			/* hash every file on every run */
	int			header;			/* row number; 0: find it; -1: there is none */
	List	   *names;			/* column names for files without header */
	char	   *sheets;			/* glob over sheet names, or #place; NULL: every sheet */
	int			hidden_sheets;	/* HiddenSheets */
	char	   *range;			/* cells to read of each sheet; NULL: all */
	int			max_errors;		/* malformed rows that a file may have; -1: any number */
	char	   *path_pattern;	/* regular expression with named captures */
	char	   *delimiter;
	char	   *quote;
	char	   *escape;
	char	   *encoding;
	char	   *relation;		/* a relation to load too; NULL: none */
	char	   *watermark;		/* its column that only grows */
	char	   *tie_breaker;	/* its column that orders rows of one watermark */
	char	   *overlap;		/* so much older rows are looked at again */
	char	   *record_path;	/* JSON: keys that lead to the array of records */

	/* silver */
	int			history;		/* History */
	int			null_key;		/* NullKey */
	List	   *null_tokens;
	char	   *decimal_mark;
	char	   *date_order;
	char	   *filter;			/* SQL condition over typed columns */
	char	   *partition_by;	/* a date or timestamp column: one partition a month */
	Jsonb	   *columns;		/* name -> ColumnOptions */
	Jsonb	   *derive;			/* name -> SQL over typed columns */
	Jsonb	   *split;			/* name -> SQL condition, or "else" */
	Jsonb	   *contract;		/* name -> type, or null for any; NULL: none */
	int			contract_mode;	/* ContractMode */
	Jsonb	   *checks;			/* array of checks, kept in medallion.checks */
} FeatureOptions;

typedef enum OnError
{
	ON_ERROR_RAISE, ON_ERROR_NULL
} OnError;

/* What a foreign table or read_file() is told of the files it reads. */
typedef struct ReadOptions
{
	char	   *path;			/* glob pattern; foreign tables only */
	int			on_error;		/* OnError: a value that does not convert */
	FeatureOptions feature;		/* those of a feature that say how to read files */
} ReadOptions;

/* Parses and validates; raises on anything unknown or of the wrong type. */
extern void ParseFeatureOptions(Jsonb *json, FeatureOptions *options);

/* Options of one column, zeroed where none are given. */
extern void ParseColumnOptions(const FeatureOptions *feature, const char *column,
							   ColumnOptions *options);

/* Options of reading, from a json object or a list of DefElem. */
extern void ParseReadOptions(Jsonb *json, ReadOptions *options);
extern void ParseReadOptionList(List *defs, ReadOptions *options);

/* Names (char *) and values (char *, NULL unless a string) of an object. */
extern void JsonbObjectItems(Jsonb *object, List **names, List **values);

/* Raises "unrecognized ... "x"" with the nearest of the candidates as hint. */
extern void RaiseUnknownName(const char *what, const char *name, List *candidates) NEVER_RETURNS;

#endif							/* MEDALLION_OPTIONS_H */
