/*
 * news.c
 *	  What a source says that a history does not.
 *
 *	  versions ──> entries, by key ──┐
 *	  rows of the source ────────────┴─┬─> says what its entry says: nothing
 *	                                   └─> anything else: news, staged
 *	  entries that no row said ──────────> keys, where a snapshot closes them
 *
 * Each is read once, and of a version only its hashes are kept.  Versions beyond
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
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#define PARTS 64				/* where memory does not do */
#define FIRST_ENTRIES 1024
#define NO_ENTRY UINT32_MAX

/* Marks of an entry; of a row that went to a file, IS_DELETE alone. */
#define MAY_CLOSE 1				/* not being said is news */
#define IS_SAID 2				/* a row says the same */
#define HAS_NEWS 4				/* a row says something else */
#define IS_DELETE 8

/* What is kept of a version, or of a row that went to a file; nothing is aligned. */
typedef struct Entry
{
	uint8		key[UUID_LEN];
	uint8		value[UUID_LEN];
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
	bool		is_unknown;		/* two versions of a key, or one without */
	bool		stage_lacks;
	int			key_column;		/* of the rows, from 0 */
	int			value_column;
	int			delete_column;
	int64		staged;
	TableEnd	stage;
	TableEnd	keys;
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

/* A key with news, as the fold wants it; NULL stands for rows without one. */
static void
AppendKey(News *news, const uint8 *key)
{
	TupleTableSlot *slot = news->keys.slot;

	memset(slot->tts_isnull, false, sizeof(bool) * 3);
	slot->tts_values[0] = PointerGetDatum(key);
	slot->tts_isnull[0] = key == NULL;
	slot->tts_values[1] = BoolGetDatum(false);
	slot->tts_values[2] = Int32GetDatum(0);
	AppendToEnd(&news->keys);
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

	if (found >= news->count || memcmp(news->entries[found].key, key, UUID_LEN) != 0)
		found = *FindPlace(news, key) - 1;
	if (found != NO_ENTRY)
		news->next = found + 1;
	return found;
}

/* Gives each entry its place, with room for further ones. */
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

		news->is_unknown |= *place != 0;
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
		news->is_unknown = true;
		return false;
	}
	memcpy(entry.key, DatumGetPointer(slot->tts_values[0]), UUID_LEN);
	memcpy(entry.value, DatumGetPointer(slot->tts_values[1]), UUID_LEN);
	entry.marks = DatumGetBool(slot->tts_values[2]) ? MAY_CLOSE : 0;
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
	if (row->marks == 0 && memcmp(entry->value, row->value, UUID_LEN) == 0)
	{
		entry->marks |= IS_SAID;
		return (entry->marks & HAS_NEWS) != 0;
	}
	news->stage_lacks |= (entry->marks & IS_SAID) != 0;
	entry->marks |= HAS_NEWS;
	return true;
}

/* Stages a row, with its number. */
static void
StageRow(News *news, const TupleTableSlot *row)
{
	TupleTableSlot *slot = news->stage.slot;
	int			columns = row->tts_tupleDescriptor->natts;

	memcpy(slot->tts_values, row->tts_values, sizeof(Datum) * columns);
	memcpy(slot->tts_isnull, row->tts_isnull, sizeof(bool) * columns);
	slot->tts_values[columns] = Int64GetDatum(++news->staged);
	slot->tts_isnull[columns] = false;
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
	Assert(news->stage.slot->tts_tupleDescriptor->natts == desc->natts + 1);
}

/* Takes in a row of the source. */
static bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self)
{
	News	   *news = ((NewsReceiver *) self)->news;
	Entry		row;
	uint32		found;

	slot_getallattrs(slot);
	if (slot->tts_isnull[news->key_column])
	{
		/* the caller will not have it */
		AppendKey(news, NULL);
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
	if (found == NO_ENTRY || SaysNews(news, &news->entries[found], &row))
		StageRow(news, slot);
	return true;
}

static void
StartVersions(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
EndReceiver(DestReceiver *self)
{
}

/* Runs a query whose rows are taken in. */
static void
ReceiveQuery(News *news, const char *sql, bool versions)
{
	NewsReceiver receiver = {
		.pub = {
			.receiveSlot = versions ? ReceiveVersion : ReceiveRow,
			.rStartup = versions ? StartVersions : StartRows,
			.rShutdown = EndReceiver,
			.rDestroy = EndReceiver,
			.mydest = DestNone,
		},
		.news = news,
	};

	SqlStream(sql, &receiver.pub);
}

/* The keys among the entries of which there is news: those without a row only, or all. */
static void
TellKeys(News *news, bool all)
{
	for (uint32 i = 0; i < news->count; i++)
	{
		const Entry *entry = &news->entries[i];

		if (entry->marks == MAY_CLOSE || (all && (entry->marks & HAS_NEWS) != 0))
			AppendKey(news, entry->key);
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
	TellKeys(news, true);
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
		TellKeys(news, false);
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

	/* an entry has two places to four */
	news.limit = Min(get_hash_memory_limit() / (sizeof(Entry) + 4 * sizeof(uint32)), UINT32_MAX / 4);
	OpenEnd(&news.stage, question->stage);
	OpenEnd(&news.keys, question->keys);
	answer = ReadBoth(&news, question);
	CloseParts(news.version_parts);
	CloseParts(news.row_parts);
	CloseEnd(&news.keys);
	CloseEnd(&news.stage);
	MemoryContextDelete(news.context);
	return answer;
}
