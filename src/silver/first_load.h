/*
 * first_load.h
 *	  The first rows of a silver table: typed, and written at once.
 */
#ifndef MEDALLION_FIRST_LOAD_H
#define MEDALLION_FIRST_LOAD_H

#include "postgres.h"
#include "silver/merge.h"

/*
 * Makes the silver table and the staging table, and types the rows of file
 * versions: those that are the only event of their key go to silver, all others
 * to the staging table.  False: the feature has a table, or is none for this;
 * nothing was typed.
 */
extern bool LoadFirst(Merge *merge, const SqlParams *files);

/* What to select the rows taken in from, with the columns that verdicts ask for:
 * the staging table, and what went past it. */
extern char *TakenRows(const Merge *merge);

#endif							/* MEDALLION_FIRST_LOAD_H */
