/*
 * table.h
 *	  The silver table of a feature: made, widened, partitioned, viewed.
 */
#ifndef MEDALLION_TABLE_H
#define MEDALLION_TABLE_H

#include "postgres.h"
#include "base/template.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* Data and flag columns of the shape (char *); those of them that follow from
 * the row alone, not from other rows. */
extern List *DataColumnList(const SilverShape *shape);
extern List *RowColumnList(const SilverShape *shape);

/* Columns (char *) as SQL, each with a prefix. */
extern char *JoinColumnNames(List *names, const char *prefix);

/* The names of the history columns as words of a template. */
extern void SetHistoryWords(TemplateWords *words, const FeatureOptions *options);

/* The type of the times of events in a staging table. */
extern char *EventType(const char *stage);

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

/* The live columns of a relation (char *), in their order. */
extern List *RelationColumns(Oid relid);

#endif							/* MEDALLION_TABLE_H */
