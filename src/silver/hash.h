/*
 * hash.h
 *	  Rows -> 128 bits, as medallion.row_hash() hashes them.
 */
#ifndef MEDALLION_HASH_H
#define MEDALLION_HASH_H

#include "silver/element.h"
#include "silver/encode.h"
#include "utils/uuid.h"

/* What hashes rows of known types, one after the other. */
typedef struct RowHasher
{
	MemoryContext context;
	StringInfoData encoding;	/* of the row at hand */
	FieldType  *types;			/* of its fields */
} RowHasher;

/* What hashes rows of values of these types; it lives in that context. */
extern RowHasher *CreateRowHasher(const Oid *types, int count, MemoryContext context);

/* A row is started, each of its fields added in order, and finished. */
extern void StartRow(RowHasher *hasher);
extern void FinishRow(const RowHasher *hasher, pg_uuid_t *hash);

static inline void
AddField(RowHasher *hasher, int field, Datum value, bool isnull)
{
	if (isnull)
		AppendNull(&hasher->encoding);
	else
		hasher->types[field].encode(&hasher->encoding, &hasher->types[field], value);
}

#endif							/* MEDALLION_HASH_H */
