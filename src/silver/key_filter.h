/*
 * key_filter.h
 *	  Which pieces of bronze may have rows of a few keys.
 */
#ifndef MEDALLION_KEY_FILTER_H
#define MEDALLION_KEY_FILTER_H

#include "postgres.h"
#include "base/sql.h"
#include "silver/typed.h"

/*
 * What to select the rows of some keys from, as an item of FROM in place of the
 * bronze table, which needs an alias; a few rows of other keys are among them.
 * keys is SQL for the hashes of the keys.  NULL where it is best to read all of
 * bronze.  files are those of TypedSelect().
 */
extern char *RowsOfKeys(const SilverShape *shape, const SqlParams *files, const char *keys);

/* Forgets what is known of file versions (bigint[]) whose rows are judged anew. */
extern void ForgetKeyFilters(Datum files);

#endif							/* MEDALLION_KEY_FILTER_H */
