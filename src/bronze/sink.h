/*
 * sink.h
 *	  Rows of text -> a bronze table, as fast as the table allows.
 */
#ifndef MEDALLION_SINK_H
#define MEDALLION_SINK_H

#include "postgres.h"
#include "bronze/tuple.h"
#include "storage/block.h"

typedef struct Sink Sink;

/* Where rows of a file lie in their table: first InvalidBlockNumber while there
 * are none. */
typedef struct RowBlocks
{
	BlockNumber first;
	BlockNumber last;
	Oid			filenode;		/* of the table when they were written */
	bool		unknown;		/* some are elsewhere */
} RowBlocks;

/* Opens a table for appending, as the current user.  The table must have no
 * columns but text and the audit columns of bronze. */
extern Sink *SinkOpen(Oid table);

/* Is the fast path taken? */
extern bool SinkIsDirect(const Sink *sink);

/* A column (attribute number) of the row being put together: NULL unless it is
 * set.  The place stays the same from row to row. */
extern RowValue *SinkValue(Sink *sink, int attno);

/* Ends the row being put together. */
extern void SinkEndRow(Sink *sink);

/* Writes what is buffered, adds where it lies and closes. */
extern void SinkClose(Sink *sink, RowBlocks *blocks);

#endif							/* MEDALLION_SINK_H */
