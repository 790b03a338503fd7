/*
 * pages.h
 *	  Tuples -> whole pages at the end of a table, past the buffer cache.
 */
#ifndef MEDALLION_PAGES_H
#define MEDALLION_PAGES_H

#include "postgres.h"
#include "access/htup_details.h"
#include "storage/block.h"
#include "utils/relcache.h"

#define LARGE_LOAD (4 * 1024 * 1024)	/* from so many bytes on a load makes pages of its own */

typedef struct Pages Pages;

/* Does nothing but the rows themselves come of an insert into this table, its
 * constraints apart?  Who then goes past the executor must know besides that it is not distributed. */
extern bool IsPlainHeap(Relation rel);

/* May tuples be put into this heap in pages of their own?  It must be proven
 * plain besides. */
extern bool CanAppendPages(Relation rel);

/* Begins in the current memory context, on behalf of the current command. */
extern Pages *PagesBegin(Relation rel);

/* Adds a copy of a tuple of at most MaxHeapTupleSize bytes, with nothing in it
 * that TOAST should store. */
extern void PagesAdd(Pages *pages, HeapTupleHeader tuple, Size size);

/* Writes what is buffered, and widens a range of blocks by those written. */
extern void PagesEnd(Pages *pages, BlockNumber *first, BlockNumber *last);

#endif							/* MEDALLION_PAGES_H */
