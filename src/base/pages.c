/*
 * pages.c
 *	  Tuples -> whole pages at the end of a table, past the buffer cache.
 *
 *	  PagesAdd()* -> batch of pages -> WAL, one image a page -> WAL flushed -> file
 *
 * A large load through the buffer cache writes each page of the table twice,
 * empty when the table grows and full when its buffer is wanted again.  Here it
 * is written once.
 *
 * Why this is safe:
 *	- New pages are added under the lock of extension, like everybody's: nobody
 *	  has buffers for them, and who scans the table meanwhile finds tuples of a
 *	  transaction in progress.
 *	- No page reaches the file before its WAL reached the disk, as the buffer
 *	  cache has it.
 *	- A checkpoint waits for those between WAL and file (DELAY_CHKPT_START): it
 *	  never takes for done what it then would not replay.  The file is synced by
 *	  the next checkpoint, as after any extension.
 *	- After an error the pages stay, with tuples of an aborted transaction, until
 *	  VACUUM: as after any aborted insert.
 */
#include "base/compat.h"

#include "base/pages.h"

#include "access/heapam.h"
#include "access/hio.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "storage/proc.h"
#include "storage/smgr.h"
#include "utils/rel.h"

#define BATCH_PAGES 256			/* 2 MB: so much WAL is flushed at once */
#define IO_ALIGNMENT 4096		/* of pages, should the server do direct I/O */

struct Pages
{
	Relation	rel;
	TransactionId xid;
	CommandId	cid;
	Size		keep_free;		/* of each page, by the table's fillfactor */
	char	   *batch;			/* BATCH_PAGES of them */
	Page		page;			/* of these the one being filled, or NULL */
	int			full;			/* behind so many others */
	int64		ntuples;		/* in the batch */
	BlockNumber first;			/* of the blocks written */
	BlockNumber last;
};

/* Does nothing but the rows themselves come of an insert into this table, conditions on them apart? */
bool
IsPlainHeap(Relation rel)
{
	Form_pg_class form = rel->rd_rel;

	return form->relkind == RELKIND_RELATION && rel->rd_tableam == GetHeapamTableAmRoutine() &&
		!form->relhasindex && !form->relhasrules && !form->relhastriggers && !form->relrowsecurity &&
		!form->relispartition && rel->trigdesc == NULL;
}

/*
 * Temporary tables have buffers of their own; of a table that is decoded for
 * logical replication each tuple has to be in the WAL by itself.
 */
bool
CanAppendPages(Relation rel)
{
	return rel->rd_rel->relpersistence != RELPERSISTENCE_TEMP && !RelationIsLogicallyLogged(rel);
}

/* Begins in the current memory context, on behalf of the current command. */
Pages *
PagesBegin(Relation rel)
{
	Pages	   *pages = palloc0(sizeof(Pages));

	pages->rel = rel;
	pages->xid = GetCurrentTransactionId();
	pages->cid = GetCurrentCommandId(true);
	pages->first = InvalidBlockNumber;
	pages->keep_free = RelationGetTargetPageFreeSpace(rel, HEAP_DEFAULT_FILLFACTOR);
	pages->batch = (char *) TYPEALIGN(IO_ALIGNMENT, palloc(BATCH_PAGES * BLCKSZ + IO_ALIGNMENT));
	/* nobody may have read, serializably, that the table has no such rows */
	CheckForSerializableConflictIn(rel, NULL, InvalidBlockNumber);
	return pages;
}

/* Numbers the tuples of a page by the block it becomes. */
static void
AddressTuples(Page page, BlockNumber block)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++)
	{
		HeapTupleHeader tuple = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, offset));

		ItemPointerSet(&tuple->t_ctid, block, offset);
	}
}

/* Logs images of the pages and waits until they are on disk. */
static void
LogPages(Pages *pages, BlockNumber start, int count)
{
	BlockNumber *blocks = palloc(sizeof(BlockNumber) * count);
	Page	   *images = palloc(sizeof(Page) * count);

	for (int i = 0; i < count; i++)
	{
		blocks[i] = start + i;
		images[i] = pages->batch + (Size) i * BLCKSZ;
	}
	log_newpages(&RelationLocator(pages->rel), MAIN_FORKNUM, count, blocks, images, true);
	XLogFlush(PageGetLSN(images[count - 1]));
	pfree(blocks);
	pfree(images);
}

/* Adds the pages to the end of the file. */
static void
ExtendFile(Pages *pages, BlockNumber start, int count)
{
	SMgrRelation file = RelationGetSmgr(pages->rel);

	for (int i = 0; i < count; i++)
	{
		Page		page = pages->batch + (Size) i * BLCKSZ;

		PageSetChecksumInplace(page, start + i);
		smgrextend(file, MAIN_FORKNUM, start + i, page, false);
	}
}

/* Logs the pages and adds them, with no checkpoint in between. */
static void
AppendPages(Pages *pages, BlockNumber start, int count)
{
	if (!RelationNeedsWAL(pages->rel))
	{
		ExtendFile(pages, start, count);
		return;
	}
	Assert((MyProc->delayChkptFlags & DELAY_CHKPT_START) == 0);
	MyProc->delayChkptFlags |= DELAY_CHKPT_START;
	PG_TRY();
	{
		LogPages(pages, start, count);
		ExtendFile(pages, start, count);
	}
	PG_FINALLY();
	{
		MyProc->delayChkptFlags &= ~DELAY_CHKPT_START;
	}
	PG_END_TRY();
}

/* Writes the batch. */
static void
FlushPages(Pages *pages)
{
	int			count = pages->full + (pages->page != NULL);
	BlockNumber start;

	if (count == 0)
		return;
	LockRelationForExtension(pages->rel, ExclusiveLock);
	start = RelationGetNumberOfBlocks(pages->rel);
	if (start > MaxBlockNumber - count)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("table \"%s\" cannot have more than %u blocks",
						RelationGetRelationName(pages->rel), MaxBlockNumber)));
	for (int i = 0; i < count; i++)
		AddressTuples(pages->batch + (Size) i * BLCKSZ, start + i);
	AppendPages(pages, start, count);
	UnlockRelationForExtension(pages->rel, ExclusiveLock);

	pages->first = Min(pages->first, start);
	pages->last = start + count - 1;
	pgstat_count_heap_insert(pages->rel, pages->ntuples);
	pages->page = NULL;
	pages->full = 0;
	pages->ntuples = 0;
}

/* The page to put a tuple of this size into. */
static Page
PageWithRoom(Pages *pages, Size size)
{
	if (pages->page != NULL &&
		MAXALIGN(size) + pages->keep_free > PageGetHeapFreeSpace(pages->page) &&
		PageGetMaxOffsetNumber(pages->page) > 0)
	{
		pages->full++;
		pages->page = NULL;
		if (pages->full == BATCH_PAGES)
			FlushPages(pages);
	}
	if (pages->page == NULL)
	{
		pages->page = pages->batch + (Size) pages->full * BLCKSZ;
		PageInit(pages->page, BLCKSZ, 0);
	}
	return pages->page;
}

/* Says who inserts the tuple, and when; what it was before, a value of a composite type say, it is no more. */
static void
StampTuple(const Pages *pages, HeapTupleHeader tuple)
{
	tuple->t_infomask &= ~HEAP_XACT_MASK;
	tuple->t_infomask2 &= ~HEAP2_XACT_MASK;
	tuple->t_infomask |= HEAP_XMAX_INVALID;
	HeapTupleHeaderSetXmin(tuple, pages->xid);
	HeapTupleHeaderSetCmin(tuple, pages->cid);
	HeapTupleHeaderSetXmax(tuple, InvalidTransactionId);
}

/* Adds a copy of the tuple. */
void
PagesAdd(Pages *pages, HeapTupleHeader tuple, Size size)
{
	Page		page = PageWithRoom(pages, size);

	StampTuple(pages, tuple);
	if (PageAddItem(page, (Item) tuple, size, InvalidOffsetNumber, false, true) == InvalidOffsetNumber)
		elog(ERROR, "could not add a tuple of %zu bytes to a page", size);
	pages->ntuples++;
}

/* Writes what is buffered, and widens a range of blocks by those written. */
void
PagesEnd(Pages *pages, BlockNumber *first, BlockNumber *last)
{
	FlushPages(pages);
	*first = Min(*first, pages->first);
	*last = Max(*last, pages->last);
}
