/*
 * container.c
 *	  Entries of a zip container.
 *
 *	  descriptor -> minizip (directory, inflate, checksum) -> limits -> bytes
 *
 * The sizes that a directory declares are never believed: what comes out is
 * counted as it comes.
 */
#include "file/container.h"

#include <ctype.h>
#include <minizip/unzip.h>
#include <stdlib.h>
#include <string.h>

#define RATIO_FREE_BYTES (100 * 1024)	/* the ratio counts beyond so much */
#define MAX_ENTRIES 65536
#define MAX_PATH_LENGTH 1024

typedef struct Entry
{
	char	   *path;			/* normalised */
	unz64_file_pos position;
	uint64_t	compressed;
} Entry;

/* What minizip reads from. */
typedef struct Stream
{
	int			fd;
	uint64_t	offset;
	uint64_t	size;
	bool		failed;
} Stream;

struct Container
{
	Reader	   *reader;
	Stream		stream;
	unzFile		zip;
	Entry	   *entries;
	size_t		count;
	Entry	   *open;			/* the entry being read, or NULL */
	uint64_t	produced;		/* bytes out of it so far */
	uint64_t	start;			/* stream offset where it began */
};

static voidpf
StreamOpen(voidpf opaque, const void *name, int mode)
{
	(void) name;
	(void) mode;
	return opaque;
}

static uLong
StreamRead(voidpf opaque, voidpf handle, void *buffer, uLong length)
{
	Stream	   *stream = handle;
	ptrdiff_t	got = ReadAt(stream->fd, buffer, length, stream->offset);

	(void) opaque;
	if (got < 0)
	{
		stream->failed = true;
		return 0;
	}
	stream->offset += got;
	return got;
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

static Entry *
FindEntry(const Container *container, const char *path)
{
	char		wanted[MAX_PATH_LENGTH];

	NormalisePath(path, wanted);
	for (size_t i = 0; i < container->count; i++)
	{
		if (strcmp(container->entries[i].path, wanted) == 0)
			return &container->entries[i];
	}
	return NULL;
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
	NormalisePath(raw, path);
	if (container->count > 0 && path[0] != '\0' && path[strlen(path) - 1] != '/' &&
		FindEntry(container, path) != NULL)
		return ReaderFail(reader, READER_ERROR, "the zip directory has \"%s\" twice", path);
	entry = &container->entries[container->count++];
	entry->path = strdup(path);
	entry->compressed = info.compressed_size;
	if (entry->path == NULL || unzGetFilePos64(container->zip, &entry->position) != UNZ_OK)
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
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

		if (status != READER_OK)
			return status;
	}
	if (result != UNZ_OK && result != UNZ_END_OF_LIST_OF_FILE)
		return ReaderFail(reader, READER_ERROR, "the zip directory is damaged");
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
	container->stream.size = reader->total;
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
	{
		ContainerCloseEntry(container);
		unzClose(container->zip);
	}
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

/* Opens an entry. */
ReaderStatus
ContainerOpenEntry(Container *container, const char *path)
{
	Entry	   *entry = FindEntry(container, path);

	ContainerCloseEntry(container);
	if (entry == NULL)
		return ReaderFail(container->reader, READER_ERROR, "the workbook has no part \"%s\"", path);
	if (unzGoToFilePos64(container->zip, &entry->position) != UNZ_OK ||
		unzOpenCurrentFile(container->zip) != UNZ_OK)
		return ReaderFail(container->reader, READER_ERROR, "part \"%s\" of the workbook is damaged", path);
	container->open = entry;
	container->produced = 0;
	container->start = container->stream.offset;
	return READER_OK;
}

/* Does what came out so far keep to the limits? */
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
	if (container->produced > RATIO_FREE_BYTES &&
		(container->produced - RATIO_FREE_BYTES) / options->max_compression_ratio > container->open->compressed)
	{
		ReaderFail(container->reader, READER_LIMIT, "part \"%s\" unpacks to more than max_compression_ratio (%u) times its size",
				   path, options->max_compression_ratio);
		return false;
	}
	return true;
}

/* Reads on in the open entry. */
ptrdiff_t
ContainerRead(Container *container, char *buffer, size_t length)
{
	Reader	   *reader = container->reader;
	int			got;

	if (reader->options.interrupted != NULL && reader->options.interrupted())
	{
		ReaderFail(reader, READER_CANCELLED, "cancelled");
		return -1;
	}
	got = unzReadCurrentFile(container->zip, buffer, length);
	if (got < 0)
	{
		ReaderFail(reader, READER_ERROR, "part \"%s\" of the workbook is damaged", container->open->path);
		return -1;
	}
	container->produced += got;
	reader->done = container->stream.offset;
	if (!WithinLimits(container))
		return -1;
	if (got == 0)
	{
		const char *path = container->open->path;

		container->open = NULL;
		if (unzCloseCurrentFile(container->zip) != UNZ_OK)
		{
			ReaderFail(reader, READER_ERROR, "part \"%s\" of the workbook fails its checksum", path);
			return -1;
		}
	}
	return got;
}

/* Leaves the open entry, if any, unread to its end. */
void
ContainerCloseEntry(Container *container)
{
	if (container->open != NULL)
		unzCloseCurrentFile(container->zip);
	container->open = NULL;
}
