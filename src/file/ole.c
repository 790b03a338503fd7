/*
 * ole.c
 *	  Streams of an OLE2 compound file.
 *
 *	  header -> list of table sectors (DIFAT) -> next sector by sector (FAT)
 *	         -> directory -> chain of a stream's sectors -> bytes by offset
 *
 * A file is cut into sectors of one size, and a stream is a chain of them.
 * Short streams are chains of mini sectors inside a stream that the directory's
 * first entry, the root, owns.  Whatever the file says of a count or a size is
 * measured against the bytes that are there: the table takes no more memory
 * than the file has sectors, and no chain is followed beyond that number.
 * Streams are read by offset straight from the file, never held whole.
 */
#include "file/ole.h"

#include <stdlib.h>
#include <string.h>

#include "file/bytes.h"

#define HEADER_BYTES 512
#define HEADER_DIFAT 109		/* table sectors that the header itself lists */
#define ENTRY_BYTES 128
#define MAX_ENTRIES 65536
#define MAX_SECTOR 4096

/* Sector numbers with a meaning of their own. */
#define LAST_SECTOR UINT32_C(0xFFFFFFFA)	/* the highest that is a sector */
#define END_OF_CHAIN UINT32_C(0xFFFFFFFE)
#define FREE_SECTOR UINT32_C(0xFFFFFFFF)
#define NO_ENTRY UINT32_C(0xFFFFFFFF)

/* What an entry of the directory is. */
#define ENTRY_STREAM 2
#define ENTRY_ROOT 5

/* A chain: the numbers of its sectors in order. */
typedef struct Chain
{
	uint32_t   *sectors;
	size_t		count;
} Chain;

struct Ole
{
	Reader	   *reader;
	unsigned int shift;			/* a sector has 1 << shift bytes */
	unsigned int mini_shift;
	uint32_t	cutoff;			/* shorter streams are in mini sectors */
	bool		wide_sizes;		/* the format's later version: sizes of 64 bits */
	uint32_t	nsectors;		/* that the file has, the last perhaps in part */
	uint32_t   *fat;			/* nsectors of them */
	unsigned char *directory;
	uint32_t	nentries;
	uint32_t	mini_fat_start;
	uint32_t   *mini_fat;		/* read when a short stream is opened */
	uint32_t	nmini;
	Chain		mini_stream;
};

struct OleStream
{
	Ole		   *ole;
	Chain		chain;
	bool		mini;
	uint64_t	size;
};

static ReaderStatus
Damaged(Ole *ole, const char *what)
{
	return ReaderFail(ole->reader, READER_ERROR, "the compound file is damaged: %s", what);
}

static ReaderStatus
OutOfMemory(Ole *ole)
{
	return ReaderFail(ole->reader, READER_NO_MEMORY, "out of memory");
}

/* Reads a sector; what the file does not have of the last one is zeros. */
static ReaderStatus
ReadSector(Ole *ole, uint32_t sector, unsigned char *buffer)
{
	size_t		size = (size_t) 1 << ole->shift;
	ptrdiff_t	got;

	if (sector >= ole->nsectors)
		return Damaged(ole, "it refers to a sector beyond its end");
	got = ReadAt(ole->reader->fd, buffer, size, ((uint64_t) sector + 1) << ole->shift);
	if (got < 0)
		return ReaderFail(ole->reader, READER_ERROR, "could not read the file");
	memset(buffer + got, 0, size - got);
	return READER_OK;
}

/*
 * Follows a chain from its first sector.  With a length, that many sectors must
 * be there; without (0), the chain ends where it says so.
 */
static ReaderStatus
FollowChain(Ole *ole, const uint32_t *table, uint32_t size, uint32_t first, uint32_t length, Chain *chain)
{
	unsigned char *seen = calloc((size_t) size / 8 + 1, 1);
	ReaderStatus status = READER_OK;
	size_t		capacity = 0;
	uint32_t	sector = first;

	chain->sectors = NULL;
	chain->count = 0;
	if (seen == NULL)
		return OutOfMemory(ole);
	while (status == READER_OK && (length == 0 ? sector != END_OF_CHAIN : chain->count < length))
	{
		if (sector >= size)
			status = Damaged(ole, sector == END_OF_CHAIN || sector == FREE_SECTOR ?
							 "a chain of sectors ends too early" : "a chain leads beyond the last sector");
		else if (seen[sector / 8] & 1 << sector % 8)
			status = Damaged(ole, "a chain of sectors comes back to itself");
		else if (chain->count == capacity)
		{
			uint32_t   *grown = realloc(chain->sectors, (capacity * 2 + 64) * sizeof(uint32_t));

			if (grown == NULL)
				status = OutOfMemory(ole);
			else
			{
				chain->sectors = grown;
				capacity = capacity * 2 + 64;
			}
		}
		else
		{
			seen[sector / 8] |= 1 << sector % 8;
			chain->sectors[chain->count++] = sector;
			sector = table[sector];
		}
	}
	free(seen);
	return status;
}

/* Reads one sector of the table: the next sector of each sector from here on. */
static ReaderStatus
ReadFatSector(Ole *ole, uint32_t sector, uint32_t *filled)
{
	unsigned char buffer[MAX_SECTOR];
	ReaderStatus status = ReadSector(ole, sector, buffer);

	if (status != READER_OK)
		return status;
	for (size_t i = 0; i < (size_t) 1 << ole->shift && *filled < ole->nsectors; i += 4)
		ole->fat[(*filled)++] = GetU32(buffer + i);
	return READER_OK;
}

/*
 * Reads the table that says which sector follows which.  Its own sectors are
 * listed in the header and, in large files, in a chain of further lists; more
 * of them than the file's sectors need are not looked at.
 */
static ReaderStatus
ReadFat(Ole *ole, const unsigned char *header)
{
	unsigned char list[MAX_SECTOR];
	size_t		per_list = ((size_t) 1 << ole->shift) / 4 - 1;
	uint32_t	next = GetU32(header + 68);
	uint32_t	lists = ole->nsectors / per_list / (per_list + 1) + 2;
	uint32_t	filled = 0;

	ole->fat = malloc(sizeof(uint32_t) * ((size_t) ole->nsectors + 1));
	if (ole->fat == NULL)
		return OutOfMemory(ole);
	memset(ole->fat, 0xFF, sizeof(uint32_t) * ((size_t) ole->nsectors + 1));
	for (int i = 0; i < HEADER_DIFAT && filled < ole->nsectors; i++)
	{
		uint32_t	sector = GetU32(header + 76 + 4 * i);

		if (sector <= LAST_SECTOR && ReadFatSector(ole, sector, &filled) != READER_OK)
			return ole->reader->status;
	}
	while (next <= LAST_SECTOR && filled < ole->nsectors)
	{
		if (lists-- == 0)
			return Damaged(ole, "the list of its allocation table comes back to itself");
		if (ReadSector(ole, next, list) != READER_OK)
			return ole->reader->status;
		for (size_t i = 0; i < per_list && filled < ole->nsectors; i++)
		{
			uint32_t	sector = GetU32(list + 4 * i);

			if (sector <= LAST_SECTOR && ReadFatSector(ole, sector, &filled) != READER_OK)
				return ole->reader->status;
		}
		next = GetU32(list + 4 * per_list);
	}
	return READER_OK;
}

/* Reads the directory whole: it has an entry for each stream and folder. */
static ReaderStatus
ReadDirectory(Ole *ole, uint32_t first)
{
	size_t		per_sector = ((size_t) 1 << ole->shift) / ENTRY_BYTES;
	Chain		chain;
	ReaderStatus status = FollowChain(ole, ole->fat, ole->nsectors, first, 0, &chain);

	if (status == READER_OK && chain.count == 0)
		status = Damaged(ole, "it has no directory");
	if (status == READER_OK && chain.count * per_sector > MAX_ENTRIES)
		status = ReaderFail(ole->reader, READER_LIMIT, "the compound file has more than %d entries", MAX_ENTRIES);
	if (status == READER_OK)
	{
		ole->directory = malloc(chain.count << ole->shift);
		if (ole->directory == NULL)
			status = OutOfMemory(ole);
	}
	for (size_t i = 0; i < chain.count && status == READER_OK; i++)
		status = ReadSector(ole, chain.sectors[i], ole->directory + (i << ole->shift));
	ole->nentries = chain.count * per_sector;
	free(chain.sectors);
	if (status == READER_OK && ole->directory[66] != ENTRY_ROOT)
		status = Damaged(ole, "its directory does not begin with a root");
	return status;
}

/* Checks the header and takes over what it says. */
static ReaderStatus
ReadHeader(Ole *ole, const unsigned char *header)
{
	uint16_t	version = GetU16(header + 26);
	uint64_t	sectors;

	ole->shift = GetU16(header + 30);
	ole->mini_shift = GetU16(header + 32);
	ole->cutoff = GetU32(header + 56);
	ole->mini_fat_start = GetU32(header + 60);
	ole->wide_sizes = version >= 4;
	if (GetU16(header + 28) != 0xFFFE || (ole->shift != 9 && ole->shift != 12) || ole->mini_shift < 5 ||
		ole->mini_shift > 8)
		return Damaged(ole, "its header does not make sense");
	sectors = (ole->reader->total + ((uint64_t) 1 << ole->shift) - 1) >> ole->shift;
	if (sectors < 2)
		return Damaged(ole, "it is cut short");
	if (sectors - 1 > LAST_SECTOR)
		return ReaderFail(ole->reader, READER_LIMIT, "the compound file has more sectors than it can number");
	ole->nsectors = sectors - 1;
	return READER_OK;
}

/* Opens the compound file of the reader. */
Ole *
OleOpen(Reader *reader)
{
	unsigned char header[HEADER_BYTES];
	Ole		   *ole = calloc(1, sizeof(Ole));
	ReaderStatus status;

	if (ole == NULL)
	{
		ReaderFail(reader, READER_NO_MEMORY, "out of memory");
		return NULL;
	}
	ole->reader = reader;
	if (ReadAt(reader->fd, header, sizeof(header), 0) != sizeof(header))
		status = Damaged(ole, "it is cut short");
	else
		status = ReadHeader(ole, header);
	if (status == READER_OK)
		status = ReadFat(ole, header);
	if (status == READER_OK)
		status = ReadDirectory(ole, GetU32(header + 48));
	if (status == READER_OK)
		return ole;
	OleClose(ole);
	return NULL;
}

/* Frees everything but the streams that are still open. */
void
OleClose(Ole *ole)
{
	if (ole == NULL)
		return;
	free(ole->fat);
	free(ole->directory);
	free(ole->mini_fat);
	free(ole->mini_stream.sectors);
	free(ole);
}

/* Does the entry have this name?  Case does not matter. */
static bool
HasName(const unsigned char *entry, const char *name)
{
	size_t		length = strlen(name);

	if (GetU16(entry + 64) != (length + 1) * 2)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		uint16_t	unit = GetU16(entry + 2 * i);

		if (unit >= 'A' && unit <= 'Z')
			unit |= 0x20;
		if (unit != (unsigned char) (name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]))
			return false;
	}
	return true;
}

/*
 * Finds a stream among the children of the root.  They form a tree ordered by
 * name; writers get the order wrong, so all of it is searched.
 */
ReaderStatus
OleFind(Ole *ole, const char *name, uint32_t *entry)
{
	/* each entry, visited once, pushes its two neighbours */
	uint32_t   *stack = malloc(sizeof(uint32_t) * ((size_t) ole->nentries * 2 + 2));
	uint32_t	depth = 0;
	uint32_t	visited = 0;
	ReaderStatus status = READER_END;

	if (stack == NULL)
		return OutOfMemory(ole);
	stack[depth++] = GetU32(ole->directory + 76);
	while (depth > 0 && status == READER_END)
	{
		uint32_t	at = stack[--depth];
		const unsigned char *found = ole->directory + (size_t) (at < ole->nentries ? at : 0) * ENTRY_BYTES;

		if (at == NO_ENTRY)
			continue;
		if (at >= ole->nentries)
			status = Damaged(ole, "its directory refers to an entry that does not exist");
		else if (visited++ == ole->nentries)
			status = Damaged(ole, "its directory comes back to itself");
		else if (found[66] == ENTRY_STREAM && HasName(found, name))
		{
			*entry = at;
			status = READER_OK;
		}
		else
		{
			stack[depth++] = GetU32(found + 68);
			stack[depth++] = GetU32(found + 72);
		}
	}
	free(stack);
	return status;
}

/* The bytes of the stream that an entry stands for. */
static uint64_t
EntrySize(const Ole *ole, const unsigned char *entry)
{
	uint64_t	size = GetU32(entry + 120);

	/* the earlier version leaves the upper half undefined */
	return ole->wide_sizes ? size | (uint64_t) GetU32(entry + 124) << 32 : size;
}

/* Follows the chain of a stream of this size, in sectors of 1 << shift bytes. */
static ReaderStatus
FollowSized(Ole *ole, const uint32_t *table, uint32_t nsectors, unsigned int shift, uint32_t first,
			uint64_t size, Chain *chain)
{
	uint64_t	length = (size >> shift) + ((size & (((uint64_t) 1 << shift) - 1)) != 0);

	memset(chain, 0, sizeof(Chain));
	if (length > nsectors)
		return Damaged(ole, "a stream is longer than the file");
	return length == 0 ? READER_OK : FollowChain(ole, table, nsectors, first, length, chain);
}

/* Reads what short streams need: the stream that holds them all, and its table. */
static ReaderStatus
ReadMiniFat(Ole *ole)
{
	const unsigned char *root = ole->directory;
	unsigned char buffer[MAX_SECTOR];
	Chain		table;
	ReaderStatus status;
	size_t		per_sector = ((size_t) 1 << ole->shift) / 4;

	if (ole->mini_fat != NULL)
		return READER_OK;
	status = FollowSized(ole, ole->fat, ole->nsectors, ole->shift, GetU32(root + 116), EntrySize(ole, root),
						 &ole->mini_stream);
	if (status != READER_OK)
		return status;
	status = FollowChain(ole, ole->fat, ole->nsectors, ole->mini_fat_start, 0, &table);
	if (status == READER_OK)
	{
		ole->mini_fat = malloc(sizeof(uint32_t) * (table.count * per_sector + 1));
		if (ole->mini_fat == NULL)
			status = OutOfMemory(ole);
	}
	for (size_t i = 0; i < table.count && status == READER_OK; i++)
	{
		status = ReadSector(ole, table.sectors[i], buffer);
		for (size_t j = 0; j < per_sector && status == READER_OK; j++)
			ole->mini_fat[i * per_sector + j] = GetU32(buffer + 4 * j);
	}
	free(table.sectors);

	/* no more mini sectors than the stream that holds them has room for */
	ole->nmini = table.count * per_sector;
	if (ole->nmini > (uint64_t) ole->mini_stream.count << (ole->shift - ole->mini_shift))
		ole->nmini = ole->mini_stream.count << (ole->shift - ole->mini_shift);
	return status;
}

/* Opens a stream. */
OleStream *
OleOpenStream(Ole *ole, uint32_t entry)
{
	const unsigned char *found = ole->directory + (size_t) entry * ENTRY_BYTES;
	OleStream  *stream = calloc(1, sizeof(OleStream));
	uint32_t	first = GetU32(found + 116);
	ReaderStatus status = READER_OK;

	if (stream == NULL)
	{
		OutOfMemory(ole);
		return NULL;
	}
	stream->ole = ole;
	stream->size = EntrySize(ole, found);
	stream->mini = stream->size < ole->cutoff;
	if (stream->mini)
		status = ReadMiniFat(ole);
	if (status == READER_OK && stream->mini)
		status = FollowSized(ole, ole->mini_fat, ole->nmini, ole->mini_shift, first, stream->size, &stream->chain);
	else if (status == READER_OK)
		status = FollowSized(ole, ole->fat, ole->nsectors, ole->shift, first, stream->size, &stream->chain);
	if (status == READER_OK)
		return stream;
	OleCloseStream(stream);
	return NULL;
}

uint64_t
OleStreamSize(const OleStream *stream)
{
	return stream->size;
}

void
OleCloseStream(OleStream *stream)
{
	if (stream == NULL)
		return;
	free(stream->chain.sectors);
	free(stream);
}

/* Where in the file an offset of the stream is, and how many bytes from there
 * on belong to the same (mini) sector or to sectors that follow in the file. */
static uint64_t
Locate(const OleStream *stream, uint64_t offset, uint64_t length, uint64_t *run)
{
	const Ole  *ole = stream->ole;
	const Chain *chain = &stream->chain;
	unsigned int shift = ole->shift;
	uint64_t	mask = ((uint64_t) 1 << shift) - 1;
	size_t		index;

	if (stream->mini)
	{
		uint64_t	mini_mask = ((uint64_t) 1 << ole->mini_shift) - 1;
		uint64_t	within = ((uint64_t) chain->sectors[offset >> ole->mini_shift] << ole->mini_shift) |
			(offset & mini_mask);

		*run = mini_mask + 1 - (offset & mini_mask);
		return ((((uint64_t) ole->mini_stream.sectors[within >> shift]) + 1) << shift) | (within & mask);
	}
	index = offset >> shift;
	*run = mask + 1 - (offset & mask);
	for (size_t i = index; *run < length && i + 1 < chain->count && chain->sectors[i + 1] == chain->sectors[i] + 1; i++)
		*run += mask + 1;
	return (((uint64_t) chain->sectors[index] + 1) << shift) | (offset & mask);
}

/* Reads at an offset of the stream. */
ptrdiff_t
OleRead(OleStream *stream, void *buffer, size_t length, uint64_t offset)
{
	size_t		got = 0;

	if (offset >= stream->size)
		return 0;
	if (length > stream->size - offset)
		length = stream->size - offset;
	while (got < length)
	{
		uint64_t	run;
		uint64_t	place = Locate(stream, offset + got, length - got, &run);
		size_t		piece = run < length - got ? run : length - got;

		if (ReadAt(stream->ole->reader->fd, (char *) buffer + got, piece, place) != (ptrdiff_t) piece)
		{
			Damaged(stream->ole, "it is cut short");
			return -1;
		}
		got += piece;
	}
	return got;
}
