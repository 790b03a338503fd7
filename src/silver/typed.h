/*
 * typed.h
 *	  The one SELECT that turns bronze text into typed, hashed, flagged rows.
 */
#ifndef MEDALLION_TYPED_H
#define MEDALLION_TYPED_H

#include "postgres.h"
#include "base/feature.h"
#include "base/sql.h"
#include "silver/check_def.h"

/* One column of a silver table that comes from data. */
typedef struct SilverColumn
{
	char	   *name;
	bool		derived;		/* computed from other silver columns */
	bool		empty;			/* no value speaks for a type */
	bool		is_text;		/* known to be of type text, in the database's collation */
	char	   *expression;		/* conversion or derivation, SQL */
	char	   *given;			/* tells whether there was anything to convert; inside the SELECT only */
	char	   *unmasked;		/* SQL, of a masked column */
	char	   *raw;			/* a masked column's own value; inside the SELECT only */
	char	   *cast_flag;		/* column that tells of a failed conversion; NULL: it cannot fail */
} SilverColumn;

/* A data-quality check as SQL, on one column or on all of the check's. */
typedef struct RowCheck
{
	const CheckDef *def;
	List	   *columns;		/* char * */
	char	   *flag;			/* column that holds the verdict on a row; NULL: there is none */
	char	   *predicate;		/* true where the row d fails */
	bool		certain;		/* which is never NULL */
	char	   *collected;		/* the same of a row whose texts are no longer known; NULL: as predicate */
	const SilverColumn *hidden; /* the masked column whose own value it looks at, or NULL */
	char	   *join;			/* what the predicate needs beside d; NULL: nothing */
	char	   *measure;		/* an aggregate over rows d, or a scalar; NULL: no check of a table */
} RowCheck;

/* The columns of a feature's silver table and how they come about. */
typedef struct SilverShape
{
	const Feature *feature;
	List	   *columns;		/* SilverColumn * */
	List	   *checks;			/* RowCheck *, of one row alone */
	List	   *set_checks;		/* RowCheck *, of a row among others */
	List	   *table_checks;	/* RowCheck *, of the whole table */
	bool		refuses;		/* a check of one row quarantines or drops */
	char	   *corrections;	/* json array of {file_id, sheet, row, values}; NULL: none */
	List	   *corrected;		/* names of columns in them */
	char	   *bronze;			/* what is read in place of the bronze table; NULL: that */
	char	   *erased_texts;	/* condition on bronze rows b that are no events, or NULL */
	char	   *erased_values;	/* likewise, on typed rows d */
	char	   *too_old;		/* condition on typed rows d that retention leaves out, or NULL */
	char	   *table;			/* what is checked, where there is no feature */
	char	   *measured_by;	/* what names of measurements begin with, there */
} SilverShape;

/* SELECT text over bronze rows of the files in $1: their address and values alone. */
extern char *ValuesSelect(const SilverShape *shape, Datum files);

/* The addresses of those that would be events, were they not too old: where there is a horizon. */
extern char *TooOldSelect(const SilverShape *shape, Datum files);

extern SilverShape *LoadSilverShape(const Feature *feature);

/* Raises for a name that is no column, with the nearest one as hint. */
extern void RequireSilverColumn(const SilverShape *shape, const char *what, const char *name);

/*
 * SELECT text over bronze rows of files, which are its parameters: $1 (file_id bigint[]), $2 (rank
 * int[]), $3 (seen_at timestamptz[]) and $4 (until timestamptz[]).  Its columns: those
 * of the shape, their flags, then _business_key_hash (NULL where the row is no
 * event), _value_hash, _event_at, _event_until, _rank, _file_id, _sheet, _row;
 * where history is kept also _holds_until (NULL: for good), _sequence_2 ..,
 * _is_delete, _scope.  keys, if not NULL, names a table of _business_key_hash to
 * keep to.
 */
extern char *TypedSelect(const SilverShape *shape, const SqlParams *files, const char *keys);

/* SELECT text with the columns of TypedSelect() over a table of such rows: what
 * an event leaves out is taken from the events of its key before. */
extern char *FilledSelect(const SilverShape *shape, const char *events);

/* A condition over the columns of the shape: NULL stands in the business key
 * and may not. */
extern char *NullKeyCondition(const Feature *feature, const char *prefix);

/* SQL over a row called d: the hash of its business key (NULL where it is no
 * event), and that of what makes a version. */
extern char *KeyExpression(const Feature *feature);
extern char *ValueExpression(const SilverShape *shape);

/* SQL over a row called d: what a snapshot that has it speaks of, as a uuid. */
extern char *ScopeExpression(const FeatureOptions *options);

/* SELECT text of the key hashes of bronze rows of the files in $1, likewise, and _file_id alone. */
extern char *KeySelect(const SilverShape *shape, const SqlParams *files);

/*
 * A name for a flag column of silver: what is asked for, made short enough, and
 * unlike every other column's.
 */
extern char *FlagName(const SilverShape *shape, const char *name);

/* Columns that rows give values for (char *). */
extern List *ValueColumns(const SilverShape *shape);

/* Flag columns (char *) in table order. */
extern List *FlagColumns(const SilverShape *shape);

#endif							/* MEDALLION_TYPED_H */
