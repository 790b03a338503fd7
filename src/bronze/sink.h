/*
 * sink.h
 *	  Rows of text -> a bronze table, as fast as the table allows.
 */
#ifndef MEDALLION_SINK_H
#define MEDALLION_SINK_H

#include "postgres.h"

typedef struct Sink Sink;

/* Opens a table for appending, as the current user.  The table must have no
 * columns but text and the audit columns of bronze. */
extern Sink *SinkOpen(Oid table);

/* Is the fast path taken? */
extern bool SinkIsDirect(const Sink *sink);

/* Sets one column (attribute number) of the row being put together; columns
 * not set are NULL.  The value is copied. */
extern void SinkText(Sink *sink, int attno, const char *value, uint32 length);
extern void SinkDatum(Sink *sink, int attno, Datum value);	/* passed by value */
extern void SinkVarlena(Sink *sink, int attno, Datum value);	/* copied */

/* Ends the row being put together. */
extern void SinkEndRow(Sink *sink);

/* Writes what is buffered and closes. */
extern void SinkClose(Sink *sink);

#endif							/* MEDALLION_SINK_H */
