/*
 * news.c
 *	  What a source says that a history does not.
 *
 *	  versions ──> entries, by key ──┐
 *	  rows of the source ────────────┴─┬─> says what its entry says: nothing
 *	                                   └─> anything else: news, staged
 *	  entries with news, or that no row said ─┬─> version in force ends
 *	                                          └─> to be folded, where all is not later
 *	                                              than what the history says
 *
 * Each is read once, and of a key only hashes and numbers are kept.  Versions beyond
 * what a hash table may take of memory (work_mem x hash_mem_multiplier) go to
 * files, by their keys, and so do the hashes of the rows then: file after file is
 * taken up as above, and tells the keys.
 *
 * What the source says of the history's keys mostly comes in the order that the
 * history has: the entry behind the last one is looked at before any other.
 */
#include "base/compat.h"

#include "silver/news.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/sql.h"
#include "executor/executor.h"
#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "storage/itemptr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#define PARTS 64				/* where memory does not do */
#define FIRST_ENTRIES 1024
#define NO_ENTRY UINT32_MAX

/* Marks of an entry; of a row that went to a file, IS_DELETE alone. */
#define AT_TIME 1				/* there is a version at the time of the rows: the value */
#define MAY_CLOSE 2				/* not being said is news */
#define IS_LATER 4				/* a version begins or ends no earlier than that */
#define IS_SAID 8				/* a row says the same */
#define HAS_NEWS 16				/* a row says something else */
#define IS_DELETE 32
#define IS_PART 64				/* of an entry before */

/* What is kept of the versions of a key, or of a row that went to a file. */
typedef struct Entry
{
	uint8		key[UUID_LEN];
	uint8		value[UUID_LEN];
	uint16		versions;
	uint16		last;			/* their greatest number */
	ItemPointerData place;		/* of the version at the time of the rows */
	uint8		marks;
} Entry;

/* Entries of a part of the keys. */
typedef struct Part
{
	BufFile    *file;
	int64		count;
} Part;

/* Rows to the end of a table that has nothing but rows. */
typedef struct TableEnd
{
	Relation	rel;
	BulkInsertState bulk;
	TupleTableSlot *slot;
	CommandId	command;
} TableEnd;

typedef struct News
{
	MemoryContext context;
	Entry	   *entries;
	uint32		count;
	uint32		room;			/* for as many */
	uint32		limit;			/* as many may be in memory */
	uint32	   *places;			/* entry + 1 by hash of its key; 0: none */
	uint32		place_mask;
	uint32		next;			/* the entry behind the last one found */
	Part	   *version_parts;	/* by key; NULL: all in memory */
	Part	   *row_parts;
	bool		numbered;
	bool		is_unknown;		/* two versions of a key at the time, or one without */
	bool		stage_lacks;
	int			key_column;		/* of the rows, from 0 */
	int			value_column;
	int			delete_column;
	int64		staged;
	TableEnd	stage;
	TableEnd	fold;
	TableEnd	closed;
} News;

/* Takes rows from a query. */
typedef struct NewsReceiver
{
	DestReceiver pub;
	News	   *news;
} NewsReceiver;

static void
OpenEnd(TableEnd *end, Oid table)
{
	end->rel = table_open(table, RowExclusiveLock);
	end->bulk = GetBulkInsertState();
	end->slot = MakeSingleTupleTableSlot(RelationGetDescr(end->rel), &TTSOpsVirtual);
	end->command = GetCurrentCommandId(true);
}

/* Appends the row whose values are in the slot. */
static void
AppendToEnd(TableEnd *end)
{
	ExecStoreVirtualTuple(end->slot);
	table_tuple_insert(end->rel, end->slot, end->command, TABLE_INSERT_SKIP_FSM, end->bulk);
	ExecClearTuple(end->slot);
}

static void
CloseEnd(TableEnd *end)
{
	FreeBulkInsertState(end->bulk);
	table_finish_bulk_insert(end->rel, TABLE_INSERT_SKIP_FSM);
	ExecDropSingleTupleTableSlot(end->slot);
	table_close(end->rel, NoLock);
	CommandCounterIncrement();
}

/* A key to be folded; NULL stands for rows without one. */
static void
AppendFoldKey(News *news, const uint8 *key)
{
	TupleTableSlot *slot = news->fold.slot;

	slot->tts_values[0] = PointerGetDatum(key);
	slot->tts_isnull[0] = key == NULL;
	slot->tts_values[1] = BoolGetDatum(false);
	slot->tts_isnull[1] = false;
	slot->tts_values[2] = Int32GetDatum(0);
	slot->tts_isnull[2] = false;
	AppendToEnd(&news->fold);
}

/* A key whose version in force just ends. */
static void
AppendClosedKey(News *news, const Entry *entry)
{
	TupleTableSlot *slot = news->closed.slot;

	slot->tts_values[0] = PointerGetDatum(entry->key);
	slot->tts_isnull[0] = false;
	slot->tts_values[1] = PointerGetDatum(&entry->place);
	slot->tts_isnull[1] = false;
	AppendToEnd(&news->closed);
}

/* 64 bits of a key, spread whatever the key is made of. */
static uint64
SpreadKey(const uint8 *key)
{
	uint64		halves[2];

	memcpy(halves, key, sizeof(halves));
	return (halves[0] ^ (halves[1] >> 7)) * UINT64CONST(0x9E3779B97F4A7C15);
}

/* The place of a key: of its entry, or free for it. */
static uint32 *
FindPlace(const News *news, const uint8 *key)
{
	uint32		place = (SpreadKey(key) >> 32) & news->place_mask;

	while (news->places[place] != 0 &&
		   memcmp(news->entries[news->places[place] - 1].key, key, UUID_LEN) != 0)
		place = (place + 1) & news->place_mask;
	return &news->places[place];
}

/* The entry of a key, or NO_ENTRY. */
static uint32
FindEntry(News *news, const uint8 *key)
{
	uint32		found = news->next;

	if (found >= news->count || memcmp(news->entries[found].key, key, UUID_LEN) != 0 ||
		(news->entries[found].marks & IS_PART) != 0)
		found = *FindPlace(news, key) - 1;
	if (found != NO_ENTRY)
		news->next = found + 1;
	return found;
}

/* Adds what an entry knows to that of the same key. */
static void
JoinEntry(News *news, Entry *whole, Entry *part)
{
	if ((part->marks & AT_TIME) != 0)
	{
		news->is_unknown |= (whole->marks & AT_TIME) != 0;
		memcpy(whole->value, part->value, UUID_LEN);
		whole->place = part->place;
	}
	whole->marks |= part->marks;
	whole->versions = Min(whole->versions + part->versions, UINT16_MAX);
	whole->last = Max(whole->last, part->last);
	part->marks = IS_PART;
}

/* Gives each key its place, with room for further ones. */
static void
PlaceEntries(News *news, int64 further)
{
	int64		places = FIRST_ENTRIES;

	while (places < (news->count + further) * 2)
		places *= 2;
	news->place_mask = places - 1;
	news->places = MemoryContextAllocExtended(news->context, sizeof(uint32) * places, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < news->count; i++)
	{
		uint32	   *place = FindPlace(news, news->entries[i].key);

		if (*place != 0)
			JoinEntry(news, &news->entries[*place - 1], &news->entries[i]);
		else
			*place = i + 1;
	}
}

/* Adds an entry, which has no place yet. */
static void
AddEntry(News *news, const Entry *entry)
{
	if (news->count == news->room)
	{
		news->room = Max(news->room * 2, FIRST_ENTRIES);
		news->entries = news->entries == NULL ?
			MemoryContextAllocHuge(news->context, sizeof(Entry) * news->room) :
			repalloc_huge(news->entries, sizeof(Entry) * news->room);
	}
	news->entries[news->count++] = *entry;
}

static Part *
OpenParts(News *news)
{
	MemoryContext before = MemoryContextSwitchTo(news->context);
	Part	   *parts = palloc0(sizeof(Part) * PARTS);

	for (int i = 0; i < PARTS; i++)
		parts[i].file = BufFileCreateTemp(false);
	MemoryContextSwitchTo(before);
	return parts;
}

static void
CloseParts(Part *parts)
{
	for (int i = 0; parts != NULL && i < PARTS; i++)
		BufFileClose(parts[i].file);
}

/* Writes an entry to the part of its key. */
static void
WriteEntry(Part *parts, Entry *entry)
{
	Part	   *part = &parts[SpreadKey(entry->key) % PARTS];

	BufFileWrite(part->file, entry, sizeof(Entry));
	part->count++;
}

static void
ReadEntry(Part *part, Entry *entry)
{
	if (BufFileRead(part->file, entry, sizeof(Entry)) != sizeof(Entry))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from a temporary file of a merge")));
}

static void
RewindPart(Part *part)
{
	if (BufFileSeek(part->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind a temporary file of a merge")));
}

/* Moves what is in memory to files, as all that follows. */
static void
LeaveMemory(News *news)
{
	news->version_parts = OpenParts(news);
	news->row_parts = OpenParts(news);
	for (uint32 i = 0; i < news->count; i++)
		WriteEntry(news->version_parts, &news->entries[i]);
	news->count = 0;
}

/* Takes in a version. */
static bool
ReceiveVersion(TupleTableSlot *slot, DestReceiver *self)
{
	News	   *news = ((NewsReceiver *) self)->news;
	Entry		entry;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
	{
		news->is_unknown |= DatumGetBool(slot->tts_values[2]);
		return !news->is_unknown;
	}
	memset(&entry, 0, sizeof(Entry));
	memcpy(entry.key, DatumGetPointer(slot->tts_values[0]), UUID_LEN);
	memcpy(entry.value, DatumGetPointer(slot->tts_values[1]), UUID_LEN);
	if (DatumGetBool(slot->tts_values[2]))
		entry.marks = AT_TIME | (DatumGetBool(slot->tts_values[3]) ? MAY_CLOSE : 0);
	if (DatumGetBool(slot->tts_values[4]))
		entry.marks |= IS_LATER;
	entry.versions = 1;
	entry.last = Min(Max(DatumGetInt32(slot->tts_values[5]), 0), UINT16_MAX);
	entry.place = *(ItemPointer) DatumGetPointer(slot->tts_values[6]);
	if (news->version_parts == NULL && news->count == news->limit)
		LeaveMemory(news);
	if (news->version_parts != NULL)
		WriteEntry(news->version_parts, &entry);
	else
		AddEntry(news, &entry);
	return true;
}

/* Does a row say anything that its entry does not?  Once one of a key does, all of it are news. */
static bool
SaysNews(News *news, Entry *entry, const Entry *row)
{
	if (row->marks == 0 && (entry->marks & AT_TIME) != 0 && memcmp(entry->value, row->value, UUID_LEN) == 0)
	{
		entry->marks |= IS_SAID;
		return (entry->marks & HAS_NEWS) != 0;
	}
	news->stage_lacks |= (entry->marks & IS_SAID) != 0;
	entry->marks |= HAS_NEWS;
	return true;
}

/* Stages a row, with its number and that of the version. */
static void
StageRow(News *news, const TupleTableSlot *row, int version)
{
	TupleTableSlot *slot = news->stage.slot;
	int			columns = row->tts_tupleDescriptor->natts;

	memcpy(slot->tts_values, row->tts_values, sizeof(Datum) * columns);
	memcpy(slot->tts_isnull, row->tts_isnull, sizeof(bool) * columns);
	slot->tts_values[columns] = Int64GetDatum(++news->staged);
	slot->tts_isnull[columns] = false;
	slot->tts_values[columns + 1] = Int32GetDatum(version);
	slot->tts_isnull[columns + 1] = false;
	AppendToEnd(&news->stage);
}

/* Finds the columns that tell what a row says. */
static void
StartRows(DestReceiver *self, int operation, TupleDesc desc)
{
	News	   *news = ((NewsReceiver *) self)->news;

	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (strcmp(name, "_business_key_hash") == 0)
			news->key_column = i;
		else if (strcmp(name, "_value_hash") == 0)
			news->value_column = i;
		else if (strcmp(name, "_is_delete") == 0)
			news->delete_column = i;
	}
	Assert(news->stage.slot->tts_tupleDescriptor->natts == desc->natts + 2);
}

/* Takes in a row of the source. */
static bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self)
{
	News	   *news = ((NewsReceiver *) self)->news;
	Entry		row;
	uint32		found;

	memset(&row, 0, sizeof(Entry));
	slot_getallattrs(slot);
	if (slot->tts_isnull[news->key_column])
	{
		/* the caller will not have it */
		AppendFoldKey(news, NULL);
		return false;
	}
	memcpy(row.key, DatumGetPointer(slot->tts_values[news->key_column]), UUID_LEN);
	memcpy(row.value, DatumGetPointer(slot->tts_values[news->value_column]), UUID_LEN);
	row.marks = DatumGetBool(slot->tts_values[news->delete_column]) ? IS_DELETE : 0;
	if (news->row_parts != NULL)
	{
		WriteEntry(news->row_parts, &row);
		return true;
	}
	found = FindEntry(news, row.key);
	if (found == NO_ENTRY)
		StageRow(news, slot, 1);
	else if (SaysNews(news, &news->entries[found], &row))
		StageRow(news, slot, news->entries[found].versions + 1);
	return true;
}

/* Runs a query whose rows are taken in. */
static void
ReceiveQuery(News *news, const char *sql, bool versions)
{
	NewsReceiver receiver = {
		.pub = versions ? RowReceiver(ReceiveVersion, NULL) : RowReceiver(ReceiveRow, StartRows),
		.news = news,
	};

	SqlStream(sql, NULL, &receiver.pub);
}

/* Is there news of a key? */
static bool
IsNews(const Entry *entry)
{
	return (entry->marks & HAS_NEWS) != 0 || (entry->marks & (MAY_CLOSE | IS_SAID)) == MAY_CLOSE;
}

/* Is all that the history says of a key earlier, and numbered as the fold would; and did no row of it pass? */
static bool
IsSimple(const News *news, const Entry *entry)
{
	return (entry->marks & (IS_LATER | IS_SAID)) == 0 && entry->versions < UINT16_MAX &&
		(!news->numbered || entry->last == entry->versions);
}

/* Tells the keys with news: those to be folded, or closed, the rows being staged. */
static void
TellKeys(News *news)
{
	for (uint32 i = 0; i < news->count; i++)
	{
		const Entry *entry = &news->entries[i];

		if (!IsNews(entry))
			continue;
		if (!IsSimple(news, entry))
			AppendFoldKey(news, entry->key);
		else if ((entry->marks & AT_TIME) != 0)
			AppendClosedKey(news, entry);
	}
}

/* Tells all keys with news. */
static void
TellAllKeys(News *news)
{
	for (uint32 i = 0; i < news->count; i++)
	{
		if (IsNews(&news->entries[i]))
			AppendFoldKey(news, news->entries[i].key);
	}
}

/* Looks at the rows of a part; keys without an entry get one, to be told once. */
static void
MatchRows(News *news, Part *rows)
{
	for (int64 i = 0; i < rows->count; i++)
	{
		Entry		row;
		uint32	   *place;

		CHECK_FOR_INTERRUPTS();
		ReadEntry(rows, &row);
		place = FindPlace(news, row.key);
		if (*place != 0)
		{
			SaysNews(news, &news->entries[*place - 1], &row);
			continue;
		}
		row.marks = HAS_NEWS;
		AddEntry(news, &row);
		*place = news->count;
	}
}

/* Takes up a part of the keys. */
static void
TakeUpPart(News *news, Part *versions, Part *rows)
{
	Entry		entry;

	news->count = 0;
	RewindPart(versions);
	RewindPart(rows);
	for (int64 i = 0; i < versions->count; i++)
	{
		ReadEntry(versions, &entry);
		AddEntry(news, &entry);
	}
	PlaceEntries(news, rows->count);
	MatchRows(news, rows);
	TellAllKeys(news);
	pfree(news->places);
}

/* Reads both, and tells what is news. */
static NewsAnswer
ReadBoth(News *news, const NewsQuestion *question)
{
	ReceiveQuery(news, question->versions, true);
	if (!news->is_unknown && news->version_parts == NULL)
		PlaceEntries(news, 0);
	if (news->is_unknown)
		return NEWS_UNKNOWN;
	ReceiveQuery(news, question->rows, false);
	if (news->version_parts == NULL)
	{
		TellKeys(news);
		return news->stage_lacks ? NEWS_STAGE_LACKS : NEWS_STAGED;
	}
	for (int i = 0; i < PARTS; i++)
		TakeUpPart(news, &news->version_parts[i], &news->row_parts[i]);
	return news->is_unknown ? NEWS_UNKNOWN : NEWS_KEYS_ONLY;
}

/* Answers; what is in the tables when the answer is not known is of no use. */
NewsAnswer
FindNews(const NewsQuestion *question)
{
	News		news = {.context = AllocSetContextCreate(CurrentMemoryContext, "medallion news", ALLOCSET_DEFAULT_SIZES)};
	NewsAnswer	answer;

	news.numbered = question->numbered;
	/* an entry has two places to four */
	news.limit = Min(get_hash_memory_limit() / (sizeof(Entry) + 4 * sizeof(uint32)), UINT32_MAX / 4);
	OpenEnd(&news.stage, question->stage);
	OpenEnd(&news.fold, question->fold);
	OpenEnd(&news.closed, question->closed);
	answer = ReadBoth(&news, question);
	CloseParts(news.version_parts);
	CloseParts(news.row_parts);
	CloseEnd(&news.closed);
	CloseEnd(&news.fold);
	CloseEnd(&news.stage);
	MemoryContextDelete(news.context);
	return answer;
}
