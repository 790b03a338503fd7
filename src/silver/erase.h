/*
 * erase.h
 *	  Rows of erased keys: found, redacted in bronze, kept out of silver.
 */
#ifndef MEDALLION_ERASE_H
#define MEDALLION_ERASE_H

#include "postgres.h"
#include "base/feature.h"
#include "silver/typed.h"

/* What was done to the layers below gold. */
typedef struct Erasure
{
	List	   *columns;		/* of the key (char *), in the order of the table */
	int64		bronze_rows;	/* redacted */
	int64		silver_rows;	/* that said something of the key */
	bool		refold;			/* these go when silver is folded anew */
	int64		rejects;		/* rejected rows whose text was taken away */
} Erasure;

/* Puts what must not come back into a shape. */
extern void LoadErased(SilverShape *shape);

/* Redacts the rows of erased keys in one file version, as the feature's owner. */
extern void RedactFile(const Feature *feature, int64 file_id);

/* Notes a key (jsonb: column -> its value as a file would say it) as erased, and
 * redacts its rows in bronze and silver. */
extern void EraseKey(const Feature *feature, Jsonb *key, Erasure *erasure);

#endif							/* MEDALLION_ERASE_H */
