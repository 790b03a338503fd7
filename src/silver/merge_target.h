/*
 * merge_target.h
 *	  The two tables of scd2_merge(): their columns, and what statements call them.
 */
#ifndef MEDALLION_MERGE_TARGET_H
#define MEDALLION_MERGE_TARGET_H

#include "postgres.h"
#include "silver/merge.h"

/* The two tables and what is known of them. */
typedef struct TableMerge
{
	Merge		merge;
	Oid			target;
	Oid			source;
	MergeOptions options;
	Feature		feature;		/* stands for the tables where the fold asks for one */
	SilverShape shape;
	List	   *history;		/* history columns that the target has (char *) */
	bool		has_hashes;
	List	   *lookup;			/* columns by which an index finds the versions of a key (char *); NIL: none */
	bool		copied;			/* the source's rows, few of them, were read once, into {taken} */
} TableMerge;

/* Fills all of it, and the words of tables->merge; raises for what cannot be merged. */
extern void PrepareTables(TableMerge *tables, Oid target, Oid source, List *keys, Jsonb *options);

/* Has the target numbers of versions? */
extern bool IsNumbered(const TableMerge *tables);

#endif							/* MEDALLION_MERGE_TARGET_H */
