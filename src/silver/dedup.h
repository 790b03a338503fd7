/*
 * dedup.h
 *	  One row of those that agree, in tables without history.
 */
#ifndef MEDALLION_DEDUP_H
#define MEDALLION_DEDUP_H

#include "postgres.h"
#include "silver/merge.h"

/* Takes the staged events into a table that keeps one row of those that agree. */
extern void MergeDistinct(Merge *merge);

#endif							/* MEDALLION_DEDUP_H */
