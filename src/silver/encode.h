/*
 * encode.h
 *	  Values -> an injective encoding that no session, platform or server
 *	  version changes.
 */
#ifndef MEDALLION_ENCODE_H
#define MEDALLION_ENCODE_H

#include "postgres.h"
#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"

typedef struct FieldType FieldType;

/* Appends one value that is not NULL. */
typedef void (*Encoder) (StringInfo out, FieldType *type, Datum value);

/* The fields of a record type. */
typedef struct RecordType
{
	uint64		identifier;		/* of the tuple descriptor, see typcache.h */
	TupleDesc	desc;			/* our copy */
	FieldType  *types;
	Datum	   *values;			/* of the record at hand */
	bool	   *nulls;
} RecordType;

/* How a type is encoded; lives as long as the FmgrInfo that it hangs on. */
struct FieldType
{
	MemoryContext context;		/* where it and what it points to live */
	Encoder		encode;
	FieldType  *element;		/* arrays */
	int16		length;
	bool		by_value;
	char		align;
	RecordType *record;			/* records; NULL before the first */
	FmgrInfo	send;			/* types without an encoding of their own */
	StringInfo	name;			/* schema, 0, type, 0: in UTF-8 */
};

/* Finds out how a type is encoded; a domain as what it is made of. */
extern void ResolveType(FieldType *type, Oid oid, MemoryContext context);

/* Text in UTF-8; *length is changed with it. */
extern const char *ToUtf8(const char *value, int *length);

/* The elements of an array, one after the other. */
extern void AppendElements(StringInfo out, const FieldType *type, ArrayType *array);

/* Takes a record apart, into type->record; true if its type is not that of the last one. */
extern bool DeformRecord(FieldType *type, HeapTupleHeader header);

/* A varlena, its header of either length; most values are so already. */
static inline struct varlena *
Packed(Datum value)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(value);

	if (unlikely(VARATT_IS_COMPRESSED(stored) || VARATT_IS_EXTERNAL(stored)))
		return PG_DETOAST_DATUM_PACKED(value);
	return stored;
}

#endif							/* MEDALLION_ENCODE_H */
