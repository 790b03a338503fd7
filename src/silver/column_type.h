/*
 * column_type.h
 *	  What a column's type says of its values: which are equal, which comes first, what number one is.
 */
#ifndef MEDALLION_COLUMN_TYPE_H
#define MEDALLION_COLUMN_TYPE_H

#include "postgres.h"
#include "fmgr.h"

typedef enum ValueKind
{
	VALUE_NUMBER, VALUE_TEXT, VALUE_OTHER
} ValueKind;

/* How values lie in memory, where that is known here. */
typedef enum ValueForm
{
	FORM_INT2, FORM_INT4, FORM_INT8, FORM_FLOAT4, FORM_FLOAT8, FORM_NUMERIC, FORM_TEXT, FORM_OTHER
} ValueForm;

typedef struct ColumnType
{
	Oid			type;			/* below domains */
	ValueKind	kind;
	ValueForm	form;
	bool		by_value;
	int16		length;			/* typlen */
	Oid			collation;
	FmgrInfo   *hash;			/* FORM_OTHER; NULL: by their text */
	FmgrInfo   *compare;		/* NULL: by bytes, or not at all */
	FmgrInfo	output;
} ColumnType;

/* What there is to know of a type; it lives in the current memory context. */
extern void ColumnTypeInit(ColumnType *type, Oid oid);

/* A value as text. */
extern char *ColumnTypeText(ColumnType *type, Datum value);

/* Equal values have the same hash.  Values of variable length are not compressed, nor out of line. */
extern uint64 ColumnTypeHash(ColumnType *type, Datum value);

/* Of numbers: the nearest double precision. */
extern double ColumnTypeNumber(const ColumnType *type, Datum value);

/* No value has a smaller rank than one that it comes after; where nothing is known, all have one rank. */
extern uint64 ColumnTypeRank(const ColumnType *type, Datum value);

/* Have values an order?  Texts go by their bytes, for no collation is to matter. */
extern bool ColumnTypeHasOrder(const ColumnType *type);
extern int	ColumnTypeCompare(const ColumnType *type, Datum a, Datum b);

#endif							/* MEDALLION_COLUMN_TYPE_H */
