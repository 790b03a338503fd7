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

/* Of sheets, and of rows. */
typedef enum Hidden
{
	HIDDEN_LOAD, HIDDEN_SKIP
} Hidden;

typedef enum MergedCells
{
	MERGED_FIRST,				/* the first cell has the value, the others have none */
	MERGED_FILL					/* all have it */
} MergedCells;

#define HEADER_AUTO 0
#define HEADER_NONE (-1)

/* The rows that name the columns. */
typedef struct HeaderPlace
{
	int			row;			/* the first, as the sheet counts; or one of the above */
	int			last;			/* the last; 0: there is one only */
} HeaderPlace;

typedef enum History
{
	HISTORY_SCD2, HISTORY_APPEND,
	HISTORY_SCD1				/* only the version in force is kept */
} History;

typedef enum NullKey
{
	NULL_KEY_QUARANTINE, NULL_KEY_AS_VALUE, NULL_KEY_REJECT
} NullKey;

typedef enum NullSequence
{
	NULL_SEQUENCE_QUARANTINE, NULL_SEQUENCE_REJECT
} NullSequence;

/* What it means that a key is no longer said. */
typedef enum Deletes
{
	DELETES_CLOSE,				/* closed once no file in force says it */
	DELETES_IGNORE,				/* nothing */
	DELETES_SNAPSHOT			/* closed by a newer file that does not say it */
} Deletes;

/* What a file that is gone means. */
typedef enum OnMissing
{
	ON_MISSING_IGNORE,
	ON_MISSING_CLOSE,			/* it says nothing from now on */
	ON_MISSING_RESTATE			/* it never was */
} OnMissing;

/* Names of the history columns of a silver table. */
typedef struct HistoryNames
{
	char	   *valid_from;
	char	   *valid_to;
	char	   *is_current;
	char	   *version;
} HistoryNames;

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
	List	   *date_formats;	/* see to_timestamp() */
	char	   *date_numbers;	/* what a plain number counts as a date */
	List	   *true_words;
	List	   *false_words;
	Jsonb	   *map;			/* text -> the text that it stands for */
	char	   *map_table;		/* a relation that says the same: from, to */
	char	   *map_else;		/* keep, null: texts that are not mapped */
	char	   *mask;			/* hash, last4, redact */
	char	   *mask_salt;
	bool		personal;		/* for people who ask medallion.catalog */
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
	bool		paused;			/* runs leave it out */
	int			max_retries;	/* -1: as the setting says */
	char	   *retry_delay;	/* interval; NULL: as the setting says */
	char	   *step_timeout;	/* interval; NULL: as the setting says */
	int			retry_delay_ms; /* the same; -1: as the setting says */
	int			step_timeout_ms;
	HeaderPlace header;
	List	   *names;			/* column names for files without header */
	char	   *sheets;			/* glob over sheet names, or #place; NULL: every sheet */
	int			hidden_sheets;	/* Hidden */
	int			hidden_rows;	/* Hidden */
	int			merged_cells;	/* MergedCells */
	int			skip_rows;		/* so many at the top of each sheet */
	int			skip_footer;	/* and at its end, empty ones not counted */
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
	List	   *sequence_by;	/* columns that order the events of a key; NIL: the ledger does */
	int			null_sequence;	/* NullSequence */
	char	   *apply_as_deletes;	/* SQL condition over typed columns: the row is a delete */
	int			deletes;		/* Deletes */
	char	   *delete_condition;	/* SQL: what a snapshot speaks of; or */
	List	   *delete_scope;	/* columns whose values, shared by its rows, say that */
	List	   *no_track;		/* columns that open no versions */
	bool		ignore_null_updates;	/* NULL keeps the value before */
	int			on_missing;		/* OnMissing */
	bool		allow_all_missing;	/* also where no file of a source is left */
	char	   *valid_to;		/* of the current version; NULL: NULL */
	HistoryNames history_columns;
	List	   *null_tokens;
	char	   *decimal_mark;
	char	   *date_order;
	List	   *date_formats;
	char	   *date_numbers;
	List	   *true_words;
	List	   *false_words;
	Jsonb	   *dedup;			/* columns, keep, by: one row of those that agree */
	Jsonb	   *environments;	/* environment -> options laid over these */
	char	   *retain;			/* interval: older rows are no events */
	char	   *retain_by;		/* the column that tells a row's age */
	char	   *filter;			/* SQL condition over typed columns */
	char	   *partition_by;	/* a date or timestamp column: one partition a month */
	List	   *partition_columns;	/* columns of whole numbers, such as year and month: one partition for each that comes */
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

/* What scd2_merge() is told. */
typedef struct MergeOptions
{
	List	   *columns;		/* data columns; NIL: all that both tables have */
	char	   *at;				/* the time of events without a sequence; NULL: now */
	FeatureOptions feature;		/* those of a feature that say how events become history */
} MergeOptions;

/* Parses and validates; raises on anything unknown or of the wrong type. */
extern void ParseFeatureOptions(Jsonb *json, FeatureOptions *options);

/* Options of one column, zeroed where none are given. */
extern void ParseColumnOptions(const FeatureOptions *feature, const char *column,
							   ColumnOptions *options);

/* Options of merging two tables. */
extern void ParseMergeOptions(Jsonb *json, MergeOptions *options);

/* Options of reading, from a json object or a list of DefElem. */
extern void ParseReadOptions(Jsonb *json, ReadOptions *options);
extern void ParseReadOptionList(List *defs, ReadOptions *options);

/* An interval's milliseconds; -1 where the text is NULL. */
extern int	IntervalMs(const char *option, const char *text);

/* SQL: column "options" with $2 laid over it; an option that is null goes, a null within an option stays. */
#define CHANGED_OPTIONS \
	"(SELECT coalesce(jsonb_object_agg(o.key, o.value), '{}') FROM jsonb_each(options || $2) o WHERE o.value <> 'null')"

/* Names (char *) and values (char *, NULL unless a string) of an object. */
extern void JsonbObjectItems(Jsonb *object, List **names, List **values);

/* Is a name among others (char *)? */
extern bool HasName(List *names, const char *name);

/* Raises "unrecognized ... "x"" with the nearest of the candidates as hint. */
extern void RaiseUnknownName(const char *what, const char *name, List *candidates) NEVER_RETURNS;

#endif							/* MEDALLION_OPTIONS_H */
