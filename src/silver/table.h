/*
 * table.h
 *	  The silver table of a feature: made, widened, partitioned, viewed.
 */
#ifndef MEDALLION_TABLE_H
#define MEDALLION_TABLE_H

#include "postgres.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* The columns that every versioned silver table has. */
#define HISTORY_COLUMNS \
	"_business_key_hash, _value_hash, _scd2_valid_from, _scd2_valid_to," \
	" _scd2_is_current, _scd2_version, _opened_run_id, _closed_run_id"
#define ADDRESS_COLUMNS "_file_id, _sheet, _row"

/* Data and flag columns of the shape, quoted, comma-separated, each with a prefix. */
extern char *DataColumns(const SilverShape *shape, const char *prefix);

/*
 * Makes the silver table fit the staging table: creates it, or adds columns.
 * True if a column's type had to change: the table is then empty and
 * everything is to be folded again.
 */
extern bool FitSilverTable(const SilverShape *shape, const char *stage, SilverOutcome *outcome);

/* Drops the silver table and our views over it, to be made anew. */
extern void DropSilverTable(const SilverShape *shape);

/* Indexes and constraints of a table just filled for the first time. */
extern void IndexSilverTable(const SilverShape *shape);

/* Partitions for every month of a staging table. */
extern void EnsurePartitions(const SilverShape *shape, const char *stage);

/* The _current view and the views of the splits. */
extern void CreateSilverViews(const SilverShape *shape);

#endif							/* MEDALLION_TABLE_H */
