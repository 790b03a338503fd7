/*
 * container.c
 *	  Entries of a zip container.
 *
 *	  descriptor -> minizip (directory, local headers) -> where an entry's packed bytes are
 *	  descriptor -> packed bytes -> inflate.c -> limits -> bytes, and their sum at the end
 *
 * The sizes that a directory declares are never believed: what comes out is
 * counted as it comes.
 *
 * An entry is unpacked in steps of CONTAINER_STEP bytes, whoever reads it: two
 * readings of an entry meet its damage, or a limit, at the same byte.
 */
#include "file/container.h"

#include "file/bytes.h"
#include "file/inflate.h"

#include <ctype.h>
#include <minizip/unzip.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES 65536
#define MAX_PATH_LENGTH 1024
#define MAX_PATH_BYTES (8 * 1024 * 1024)	/* of all entries */
#define TAIL_BYTES (128 * 1024)	/* the end record, the longest comment, some bytes of junk */
#define END_RECORD_BYTES 22
#define INPUT_BYTES (64 * 1024)
#define WINDOW_BYTES (16 * 1024)
#define METHOD_STORED 0
#define METHOD_DEFLATED 8
#define FLAG_ENCRYPTED 1
#define DIRECTORY_BYTES 46		/* of an entry in the directory, without its name */
#define DIRECTORY_BEGIN 42		/* there its header's offset is */
#define HEADER_BYTES 30			/* without its name */
#define UNKNOWN_BEGIN UINT64_MAX

typedef struct Entry
{
	char	   *path;			/* normalised */
	unz64_file_pos position;
	uint64_t	declared;		/* unpacked bytes, as the directory has it */
	uint64_t	packed;
	uint64_t	begin;			/* offset of its header; UNKNOWN_BEGIN: not to be told */
	uint32_t	checksum;
	bool		deflated;		/* else stored */
	bool		readable;		/* neither encrypted nor packed in another way */
} Entry;

/* What minizip reads from.  It asks for single bytes: a call of the system for
 * each would take seconds for a long directory. */
typedef struct Stream
{
	int			fd;
	uint64_t	offset;
	uint64_t	size;			/* up to and with the end record */
	bool		failed;
	uint64_t	window_start;
	size_t		window_length;
	char		window[WINDOW_BYTES];
} Stream;

struct Container
{
	Reader	   *reader;
	Stream		stream;
	unzFile		zip;
	Entry	   *entries;
	size_t		count;
	size_t		path_bytes;		/* of all entries */
	Entry	   *open;			/* the entry being read, or NULL */
	uint64_t	produced;		/* bytes out of it so far */
	uint32_t	checksum;		/* of them */
	uint64_t	start;			/* offset where its packed bytes begin */
	uint64_t	offset;			/* of the next ones to be read */
	uint64_t	end;
	Inflater   *inflater;
	char	   *input;			/* packed bytes */
};

static voidpf
StreamOpen(voidpf opaque, const void *name, int mode)
{
	(void) name;
	(void) mode;
	return opaque;
}

/* Has the window begin at the stream's offset; false if that cannot be read. */
static bool
StreamFill(Stream *stream)
{
	uint64_t	left = stream->size - stream->offset;
	ptrdiff_t	got = ReadAt(stream->fd, stream->window, left < WINDOW_BYTES ? left : WINDOW_BYTES, stream->offset);

	stream->failed = got < 0;
	stream->window_start = stream->offset;
	stream->window_length = got < 0 ? 0 : got;
	return got >= 0;
}

static uLong
StreamRead(voidpf opaque, voidpf handle, void *buffer, uLong length)
{
	Stream	   *stream = handle;
	uLong		done = 0;

	(void) opaque;
	while (done < length && stream->offset < stream->size)
	{
		uint64_t	at = stream->offset - stream->window_start;
		size_t		part;

		if (at >= stream->window_length)	/* also where the offset lies before it */
		{
			if (!StreamFill(stream))
				return 0;
			at = 0;
		}
		part = stream->window_length - at;
		if (part == 0)
			break;				/* the file has become shorter */
		if (part > length - done)
			part = length - done;
		memcpy((char *) buffer + done, stream->window + at, part);
		stream->offset += part;
		done += part;
	}
	return done;
}

static uLong
StreamWrite(voidpf opaque, voidpf handle, const void *buffer, uLong length)
{
	(void) opaque;
	(void) handle;
	(void) buffer;
	(void) length;
	return 0;
}

static ZPOS64_T
StreamTell(voidpf opaque, voidpf handle)
{
	(void) opaque;
	return ((Stream *) handle)->offset;
}

static long
StreamSeek(voidpf opaque, voidpf handle, ZPOS64_T offset, int origin)
{
	Stream	   *stream = handle;
	uint64_t	base = origin == ZLIB_FILEFUNC_SEEK_CUR ? stream->offset :
	origin == ZLIB_FILEFUNC_SEEK_END ? stream->size : 0;

	(void) opaque;
	if (base + offset < base || base + offset > stream->size)
		return -1;
	stream->offset = base + offset;
	return 0;
}

static int
StreamClose(voidpf opaque, voidpf handle)
{
	(void) opaque;
	(void) handle;
	return 0;
}

static int
StreamError(voidpf opaque, voidpf handle)
{
	(void) opaque;
	return ((Stream *) handle)->failed;
}

/* One spelling for all that mean the same entry. */
static void
NormalisePath(const char *path, char out[MAX_PATH_LENGTH])
{
	size_t		n = 0;

	while (*path == '/' || *path == '\\')
		path++;
	for (; *path != '\0' && n < MAX_PATH_LENGTH - 1; path++)
		out[n++] = *path == '\\' ? '/' : tolower((unsigned char) *path);
	out[n] = '\0';
}

/* Orders entries by path. */
static int
ComparePaths(const void *a, const void *b)
{
	return strcmp(((const Entry *) a)->path, ((const Entry *) b)->path);
}

/* The entry of a path, or NULL. */
static Entry *
FindEntry(const Container *container, const char *path)
{
	char		spelled[MAX_PATH_LENGTH];
	Entry		wanted = {.path = spelled};

	NormalisePath(path, spelled);
	return bsearch(&wanted, container->entries, container->count, sizeof(Entry), ComparePaths);
}

/* Where the header of an entry is, which minizip does not tell. */
static uint64_t
EntryBegin(const Container *container, uint64_t position)
{
	unsigned char record[DIRECTORY_BYTES];
	uint32_t	begin;

	if (ReadAt(container->reader->fd, record, sizeof(record), position) != sizeof(record) ||
		memcmp(record, "PK\001\002", 4) != 0)
		return UNKNOWN_BEGIN;	/* something is in front of the archive */
	begin = GetU32(record + DIRECTORY_BEGIN);
	return begin == UINT32_MAX ? UNKNOWN_BEGIN : begin;
}

/* Adds the entry that minizip stands on. */
static ReaderStatus
AddEntry(Container *container)
{
	Reader	   *reader = container->reader;
	char		raw[MAX_PATH_LENGTH];
	char		path[MAX_PATH_LENGTH];
	unz_file_info64 info;
	Entry	   *entry;

	if (unzGetCurrentFileInfo64(container->zip, &info, raw, sizeof(raw), NULL, 0, NULL, 0) != UNZ_OK)
		return ReaderFail(reader, READER_ERROR, "the zip directory is damaged");
	if (info.size_filename >= sizeof(raw))
		return ReaderFail(reader, READER_ERROR, "the zip directory has a name of %lu bytes",
						  (unsigned long) info.size_filename);
	container->path_bytes += info.size_filename;
	if (container->path_bytes > MAX_PATH_BYTES)
		return ReaderFail(reader, READER_LIMIT, "the zip directory has more than %d bytes of names", MAX_PATH_BYTES);
	NormalisePath(raw, path);
	entry = &container->entries[container->count++];
	entry->path = strdup(path);
	entry->declared = info.uncompressed_size;
	entry->packed = info.compressed_size;
	entry->checksum = info.crc;
	entry->deflated = info.compression_method == METHOD_DEFLATED;
	entry->readable = (entry->deflated || info.compression_method == METHOD_STORED) &&
		(info.flag & FLAG_ENCRYPTED) == 0;
	if (entry->path == NULL || unzGetFilePos64(container->zip, &entry->position) != UNZ_OK)
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	entry->begin = EntryBegin(container, entry->position.pos_in_zip_directory);
	return READER_OK;
}

static int
CompareBegins(const void *left, const void *right)
{
	const Entry *a = left;
	const Entry *b = right;

	return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* Refuses entries that share bytes: so a small file would unpack to a big one, each
 * of its entries within its limit. */
static ReaderStatus
CheckOverlap(Container *container)
{
	qsort(container->entries, container->count, sizeof(Entry), CompareBegins);
	for (size_t i = 1; i < container->count && container->entries[i].begin != UNKNOWN_BEGIN; i++)
	{
		const Entry *before = &container->entries[i - 1];

		if (container->entries[i].begin - before->begin < HEADER_BYTES + before->packed)
			return ReaderFail(container->reader, READER_ERROR, "the zip directory is damaged: its entries overlap");
	}
	return READER_OK;
}

/* Sorts the entries; a path that means two of them is refused, a folder may. */
static ReaderStatus
SortEntries(Container *container)
{
	qsort(container->entries, container->count, sizeof(Entry), ComparePaths);
	for (size_t i = 1; i < container->count; i++)
	{
		const char *path = container->entries[i].path;

		if (path[0] != '\0' && path[strlen(path) - 1] != '/' &&
			strcmp(path, container->entries[i - 1].path) == 0)
			return ReaderFail(container->reader, READER_ERROR, "the zip directory has \"%s\" twice", path);
	}
	return READER_OK;
}

/* Reads the directory. */
static ReaderStatus
ReadDirectory(Container *container)
{
	Reader	   *reader = container->reader;
	unz_global_info64 info;
	int			result;

	if (unzGetGlobalInfo64(container->zip, &info) != UNZ_OK || info.number_entry > MAX_ENTRIES)
		return ReaderFail(reader, READER_ERROR, "the zip directory is damaged or has more than %d entries",
						  MAX_ENTRIES);
	container->entries = calloc(info.number_entry + 1, sizeof(Entry));
	if (container->entries == NULL)
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	for (result = unzGoToFirstFile(container->zip);
		 result == UNZ_OK && container->count < info.number_entry;
		 result = unzGoToNextFile(container->zip))
	{
		ReaderStatus status = AddEntry(container);

		if (reader->options.interrupted != NULL && reader->options.interrupted())
			return ReaderFail(reader, READER_CANCELLED, "cancelled");
		if (status != READER_OK)
			return status;
	}
	if (result != UNZ_OK && result != UNZ_END_OF_LIST_OF_FILE)
		return ReaderFail(reader, READER_ERROR, "the zip directory is damaged");
	if (CheckOverlap(container) != READER_OK)
		return reader->status;
	return SortEntries(container);
}

/*
 * Lets the stream end with the archive's end record.  minizip searches for it
 * in fewer bytes than a comment of the greatest length takes, and not at all
 * behind bytes that do not belong to the archive.
 */
static ReaderStatus
FindEnd(Container *container)
{
	Reader	   *reader = container->reader;
	size_t		length = reader->total < TAIL_BYTES ? reader->total : TAIL_BYTES;
	char	   *tail = malloc(length);
	ptrdiff_t	got;
	ptrdiff_t	at;

	if (tail == NULL)
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	got = ReadAt(reader->fd, tail, length, reader->total - length);
	for (at = got - END_RECORD_BYTES; at >= 0; at--)
	{
		if (memcmp(tail + at, "PK\005\006", 4) == 0)
			break;
	}
	free(tail);
	if (at < 0)
		return ReaderFail(reader, READER_ERROR, "the zip directory is missing: the file is damaged or cut short");
	container->stream.size = reader->total - length + at + END_RECORD_BYTES;
	return READER_OK;
}

/* Opens the container of the reader's file. */
Container *
ContainerOpen(Reader *reader)
{
	Container  *container = calloc(1, sizeof(Container));
	zlib_filefunc64_def functions = {StreamOpen, StreamRead, StreamWrite, StreamTell, StreamSeek,
	StreamClose, StreamError, NULL};

	if (container == NULL)
	{
		ReaderFail(reader, READER_NO_MEMORY, "out of memory");
		return NULL;
	}
	container->reader = reader;
	container->stream.fd = reader->fd;
	if (FindEnd(container) != READER_OK)
	{
		ContainerClose(container);
		return NULL;
	}
	functions.opaque = &container->stream;
	container->zip = unzOpen2_64("", &functions);
	if (container->zip == NULL)
		ReaderFail(reader, READER_ERROR, "the zip directory is missing: the file is damaged or cut short");
	else if (ReadDirectory(container) == READER_OK)
		return container;
	ContainerClose(container);
	return NULL;
}

/* Frees everything. */
void
ContainerClose(Container *container)
{
	if (container == NULL)
		return;
	if (container->zip != NULL)
		unzClose(container->zip);
	InflaterFree(container->inflater);
	free(container->input);
	for (size_t i = 0; i < container->count; i++)
		free(container->entries[i].path);
	free(container->entries);
	free(container);
}

bool
ContainerHas(const Container *container, const char *path)
{
	return FindEntry(container, path) != NULL;
}

/* What reading needs; false: out of memory. */
static bool
PrepareReading(Container *container)
{
	if (container->inflater == NULL)
		container->inflater = InflaterCreate();
	if (container->input == NULL)
		container->input = malloc(INPUT_BYTES);
	return container->input != NULL && container->inflater != NULL && InflaterStart(container->inflater);
}

/*
 * Opens an entry.  minizip proves its local header against the directory and
 * says where its bytes begin; the rest of it is not needed.
 */
ReaderStatus
ContainerOpenEntry(Container *container, const char *path)
{
	Reader	   *reader = container->reader;
	Entry	   *entry = FindEntry(container, path);
	int			method;

	ContainerCloseEntry(container);
	if (entry == NULL)
		return ReaderFail(reader, READER_ERROR, "the workbook has no part \"%s\"", path);
	if (!entry->readable || unzGoToFilePos64(container->zip, &entry->position) != UNZ_OK ||
		unzOpenCurrentFile2(container->zip, &method, NULL, 1) != UNZ_OK)
		return ReaderFail(reader, READER_ERROR, "part \"%s\" of the workbook is damaged", path);
	container->start = unzGetCurrentFileZStreamPos64(container->zip);
	unzCloseCurrentFile(container->zip);
	if (container->start > container->stream.size)
		return ReaderFail(reader, READER_ERROR, "part \"%s\" of the workbook is damaged", path);
	if (!PrepareReading(container))
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	container->open = entry;
	container->produced = 0;
	container->checksum = 0;
	container->offset = container->start;
	container->end = entry->packed < container->stream.size - container->start ?
		container->start + entry->packed : container->stream.size;
	return READER_OK;
}

/* Packed bytes that were needed for what came out. */
static uint64_t
PackedBytes(const Container *container)
{
	return container->offset - container->start -
		(container->open->deflated ? InflaterPending(container->inflater) : 0);
}

/* Does what came out so far keep to the limits?  Measured against the bytes
 * that were read for it: the directory's word for them is the file's own. */
static bool
WithinLimits(Container *container)
{
	const ReaderOptions *options = &container->reader->options;
	const char *path = container->open->path;

	if (container->produced > options->max_uncompressed_size)
	{
		ReaderFail(container->reader, READER_LIMIT, "part \"%s\" unpacks to more than max_uncompressed_size", path);
		return false;
	}
	if (IsBeyondRatio(container->reader, container->produced, RATIO_FREE_BYTES, PackedBytes(container)))
	{
		ReaderFail(container->reader, READER_LIMIT, "part \"%s\" unpacks to more than max_compression_ratio (%u) times its size",
				   path, options->max_compression_ratio);
		return false;
	}
	return true;
}

/* Reads packed bytes of the open entry; fewer than wanted at their end only. */
static ptrdiff_t
ReadPacked(Container *container, char *buffer, size_t length)
{
	uint64_t	left = container->end - container->offset;
	ptrdiff_t	got = ReadAt(container->stream.fd, buffer, length < left ? length : left, container->offset);

	if (got > 0)
		container->offset += got;
	return got;
}

/* Unpacks up to length bytes; fewer at the entry's end only; -1 if it is damaged. */
static ptrdiff_t
Unpack(Container *container, char *buffer, size_t length)
{
	Inflater   *inflater = container->inflater;
	size_t		done = 0;

	if (!container->open->deflated)
		return ReadPacked(container, buffer, length);
	while (done < length && !InflaterFinished(inflater))
	{
		ptrdiff_t	got;
		size_t		pending;

		if (InflaterPending(inflater) == 0)
		{
			got = ReadPacked(container, container->input, INPUT_BYTES);
			if (got < 0)
				return -1;
			InflaterFeed(inflater, container->input, got);
		}
		pending = InflaterPending(inflater);
		got = InflaterRun(inflater, buffer + done, length - done);
		if (got < 0)
			return -1;
		if (got == 0 && InflaterPending(inflater) == pending)
			break;				/* cut short: the sum will tell */
		done += got;
	}
	return done;
}

/* Reads on in the open entry. */
ptrdiff_t
ContainerRead(Container *container, char *buffer, size_t length)
{
	Reader	   *reader = container->reader;
	Entry	   *entry = container->open;
	ptrdiff_t	got;

	if (reader->options.interrupted != NULL && reader->options.interrupted())
	{
		ReaderFail(reader, READER_CANCELLED, "cancelled");
		return -1;
	}
	got = Unpack(container, buffer, length < CONTAINER_STEP ? length : CONTAINER_STEP);
	if (got < 0)
	{
		ReaderFail(reader, READER_ERROR, "part \"%s\" of the workbook is damaged", entry->path);
		return -1;
	}
	container->produced += got;
	container->checksum = Checksum(container->checksum, buffer, got);
	reader->done = container->offset;
	if (!WithinLimits(container))
		return -1;
	if (got == 0)
	{
		container->open = NULL;
		if (container->produced != entry->declared || container->checksum != entry->checksum)
		{
			ReaderFail(reader, READER_ERROR, "part \"%s\" of the workbook fails its checksum", entry->path);
			return -1;
		}
	}
	return got;
}

/* Leaves the open entry, if any, unread to its end. */
void
ContainerCloseEntry(Container *container)
{
	container->open = NULL;
}
