/*
 * table_profile.h
 *	  The profiles of the columns of rows that pass by: of all rows of a table, or of a part of them.
 */
#ifndef MEDALLION_TABLE_PROFILE_H
#define MEDALLION_TABLE_PROFILE_H

#include "postgres.h"
#include "common/pg_prng.h"
#include "silver/column_profile.h"

typedef struct TableProfile
{
	int			count;
	ColumnProfile *columns;
	int64		rows;
	pg_prng_state random;		/* for rows that have no place in a table */
} TableProfile;

/* Begins; all lives in the current memory context. */
extern TableProfile *TableProfileCreate(int count, const Oid *types, uint32 capacity);

/* Takes in a row whose values all columns have seen: its tableoid and ctid, NULL where it has none. */
extern void TableProfileAdd(TableProfile *profile, NullableDatum table, NullableDatum place);

/* All of it as bytes, and the profile that these were made of. */
extern bytea *TableProfileWrite(TableProfile *profile);
extern TableProfile *TableProfileRead(const bytea *state);

/* Adds what another came to. */
extern void TableProfileMerge(TableProfile *profile, const bytea *state);

/* Can values of a type be profiled in parallel workers? */
extern bool IsParallelSafeType(Oid type);

#endif							/* MEDALLION_TABLE_PROFILE_H */
