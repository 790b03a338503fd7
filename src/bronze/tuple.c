/*
 * tuple.c
 *	  Values of a row -> a heap tuple.
 *
 * What heap_form_tuple() makes, in one pass and without a Datum per value.
 * NULLs at the end of a row are left out of the tuple altogether, as if the
 * columns had been added to the table later; mostly there is then no bitmap of
 * NULLs.  Columns with a default of such an addition are not plain (sink.c).
 */
#include "base/compat.h"

#include "bronze/tuple.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"

/* Of one column: how its value lies in a tuple. */
typedef struct ColumnLayout
{
	int16		length;			/* -1: variable */
	uint8		align;			/* bytes */
	bool		packable;		/* short values have a header of one byte */
} ColumnLayout;

struct TupleMaker
{
	int			natts;
	ColumnLayout *columns;
	char	   *tuple;
	Size		capacity;
};

static uint8
AlignBytes(char align)
{
	switch (align)
	{
		case TYPALIGN_DOUBLE:
			return ALIGNOF_DOUBLE;
		case TYPALIGN_INT:
			return ALIGNOF_INT;
		case TYPALIGN_SHORT:
			return ALIGNOF_SHORT;
		default:
			return 1;
	}
}

/* Can tuples of this shape be made? */
bool
CanMakeTuples(TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (!attr->attbyval && attr->attlen != -1 && !attr->attisdropped)
			return false;
	}
	return true;
}

TupleMaker *
TupleMakerCreate(TupleDesc desc)
{
	TupleMaker *maker = palloc0(sizeof(TupleMaker));

	maker->natts = desc->natts;
	maker->columns = palloc(sizeof(ColumnLayout) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		maker->columns[i].length = attr->attlen;
		maker->columns[i].align = AlignBytes(attr->attalign);
		maker->columns[i].packable = attr->attstorage != TYPSTORAGE_PLAIN;
	}
	maker->capacity = 1024;
	maker->tuple = palloc(maker->capacity);
	return maker;
}

/* Counts the columns up to the last that has a value; *nulls: does one of these
 * have none?  Returns how much room they need at most. */
static Size
MeasureRow(const TupleMaker *maker, const RowValue *values, int *count, bool *nulls)
{
	int			natts = maker->natts;
	int			missing = 0;
	Size		bound = 0;

	while (natts > 0 && values[natts - 1].data == NULL)
		natts--;
	for (int i = 0; i < natts; i++)
	{
		missing += values[i].data == NULL;
		if (values[i].data != NULL)
			bound += maker->columns[i].length < 0 ? values[i].length : sizeof(Datum);
		bound += sizeof(Datum);	/* header and alignment */
	}
	*count = natts;
	*nulls = missing > 0;
	return bound;
}

/* Copies the few bytes that most values have without a call. */
static inline void
CopyBytes(char *to, const char *from, uint32 length)
{
	uint64		head;
	uint64		tail;

	if (length > 16)
		memcpy(to, from, length);
	else if (length >= 8)
	{
		memcpy(&head, from, 8);
		memcpy(&tail, from + length - 8, 8);
		memcpy(to, &head, 8);
		memcpy(to + length - 8, &tail, 8);
	}
	else if (length >= 4)
	{
		memcpy(&head, from, 4);
		memcpy(&tail, from + length - 4, 4);
		memcpy(to, &head, 4);
		memcpy(to + length - 4, &tail, 4);
	}
	else
	{
		for (uint32 i = 0; i < length; i++)
			to[i] = from[i];
	}
}

/* Zero bytes up to the next multiple of align. */
static inline char *
PadTo(char *at, uint8 align)
{
	while ((uintptr_t) at & (align - 1))
		*at++ = 0;
	return at;
}

/* Puts a variable-length value. */
static inline char *
PutVarlena(char *at, const ColumnLayout *column, const RowValue *value)
{
	if (column->packable && value->length + VARHDRSZ_SHORT <= VARATT_SHORT_MAX)
	{
		SET_VARSIZE_SHORT(at, value->length + VARHDRSZ_SHORT);
		at += VARHDRSZ_SHORT;
	}
	else
	{
		at = PadTo(at, column->align);
		SET_VARSIZE(at, value->length + VARHDRSZ);
		at += VARHDRSZ;
	}
	CopyBytes(at, value->data, value->length);
	return at + value->length;
}

/* Puts a value of fixed length. */
static inline char *
PutWord(char *at, const ColumnLayout *column, const RowValue *value)
{
	at = PadTo(at, column->align);
	store_att_byval(at, value->word, column->length);
	return at + column->length;
}

/* Makes a tuple. */
Size
MakeTuple(TupleMaker *maker, RowValue *values, HeapTupleHeader *tuple)
{
	int			natts;
	bool		nulls;
	Size		bound = MeasureRow(maker, values, &natts, &nulls);
	Size		start = MAXALIGN(SizeofHeapTupleHeader + (nulls ? BITMAPLEN(natts) : 0));
	HeapTupleHeader header;
	char	   *at;

	if (start + bound > maker->capacity)
	{
		pfree(maker->tuple);
		maker->capacity = 2 * (start + bound);
		maker->tuple = palloc_extended(maker->capacity, MCXT_ALLOC_HUGE);
	}
	header = *tuple = (HeapTupleHeader) maker->tuple;
	memset(header, 0, start);
	header->t_hoff = start;
	HeapTupleHeaderSetNatts(header, natts);
	header->t_infomask = HEAP_HASVARWIDTH | (nulls ? HEAP_HASNULL : 0);
	at = maker->tuple + start;
	for (int i = 0; i < natts; i++)
	{
		if (values[i].data == NULL)
			continue;
		if (nulls)
			header->t_bits[i >> 3] |= 1 << (i & 7);
		at = maker->columns[i].length < 0 ? PutVarlena(at, &maker->columns[i], &values[i]) :
			PutWord(at, &maker->columns[i], &values[i]);
		values[i].data = NULL;
	}
	return at - maker->tuple;
}
