/*
 * blocks.h
 *	  Which blocks of a bronze table the rows of files lie in.
 */
#ifndef MEDALLION_BLOCKS_H
#define MEDALLION_BLOCKS_H

#include "postgres.h"

/* Is the table known to Citus? */
extern bool IsDistributed(Oid table);

/* Is the table one heap on this machine, whose rows have blocks to speak of? */
extern bool HasBlocks(Oid table);

/* How many blocks a table has, and the rows of some of them, as a query. */
extern int64 BlocksOf(Oid table);
extern char *RowsInBlocks(const char *table, int64 first, int64 end);

/*
 * Keeps others from moving rows of the table until the transaction ends; false
 * where somebody is about to, and waiting for them might be for long.
 */
extern bool KeepRowsInPlace(Oid table);

/*
 * What to select rows of file versions (bigint[]) from, as an item of FROM that
 * needs an alias: the blocks they lie in where the ledger knows these and they
 * are a small part of the table, else all of it.  The statement must still ask
 * for the files, whose ids are its parameter of this number.
 */
extern char *RowsOfFiles(Oid table, Datum files, int parameter);

#endif							/* MEDALLION_BLOCKS_H */
