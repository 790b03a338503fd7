/*
 * tuple.h
 *	  Values of a row -> a heap tuple.
 */
#ifndef MEDALLION_TUPLE_H
#define MEDALLION_TUPLE_H

#include "postgres.h"
#include "access/htup_details.h"
#include "access/tupdesc.h"

/* One column of the row being put together.  What it points to must hold until
 * the row is ended. */
typedef struct RowValue
{
	const char *data;			/* NULL: the column is NULL */
	uint32		length;			/* bytes of a variable-length value, without its header */
	Datum		word;			/* data points here for types passed by value */
} RowValue;

static inline void
SetText(RowValue *value, const char *data, uint32 length)
{
	value->data = data;
	value->length = length;
}

static inline void
SetWord(RowValue *value, Datum word)
{
	value->word = word;
	value->data = (const char *) &value->word;
}

/* A variable-length value that is not compressed. */
static inline void
SetVarlena(RowValue *value, Datum varlena)
{
	SetText(value, VARDATA_ANY(DatumGetPointer(varlena)), VARSIZE_ANY_EXHDR(DatumGetPointer(varlena)));
}

typedef struct TupleMaker TupleMaker;

/* Can tuples of this shape be made: only types of variable length, or passed by value? */
extern bool CanMakeTuples(TupleDesc desc);

extern TupleMaker *TupleMakerCreate(TupleDesc desc);

/* Makes a tuple, which lasts until the next, and sets the values to NULL.
 * Returns its size. */
extern Size MakeTuple(TupleMaker *maker, RowValue *values, HeapTupleHeader *tuple);

#endif							/* MEDALLION_TUPLE_H */
