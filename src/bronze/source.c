/*
 * source.c
 *	  A file on the server, opened for a role that may read it.
 */
#include "base/compat.h"

#include "bronze/source.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/settings.h"
#include "catalog/pg_authid.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#define HASH_BUFFER_SIZE (256 * 1024)

static int64
TimespecNs(struct timespec t)
{
	return (int64) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Does a resolved path lie in a folder (or equal it)? */
static bool
PathIsBelow(const char *path, const char *folder)
{
	size_t		length = strlen(folder);

	while (length > 1 && folder[length - 1] == '/')
		length--;
	if (strncmp(path, folder, length) != 0)
		return false;
	return path[length] == '\0' || path[length] == '/' || length == 1;
}

/* Is a resolved path below one of medallion.allowed_paths? */
static bool
PathIsListed(const char *resolved)
{
	char	   *list = pstrdup(medallion_allowed_paths);
	char	   *state = NULL;

	for (char *folder = strtok_r(list, ":", &state); folder != NULL;
		 folder = strtok_r(NULL, ":", &state))
	{
		char		real[PATH_MAX];

		if (folder[0] == '/' && realpath(folder, real) != NULL && PathIsBelow(resolved, real))
			return true;
	}
	return false;
}

static bool
RoleReadsAnything(Oid role)
{
	return superuser_arg(role) || has_privs_of_role(role, ROLE_PG_READ_SERVER_FILES);
}

static void
RaisePathDenied(const char *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to read \"%s\"", path),
			 errdetail("Reading a server file needs the privileges of pg_read_server_files, or a path below medallion.allowed_paths.")));
}

/* Raises unless the role may read this path; returns it resolved. */
char *
CheckPathAllowed(const char *path, Oid role)
{
	char		real[PATH_MAX];

	if (path[0] != '/')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("path \"%s\" is not absolute", path),
				 errhint("Set medallion.input_root to the folder that relative paths start from.")));
	if (realpath(path, real) == NULL)
	{
		/* who may not look there is not told what is there */
		if (!RoleReadsAnything(role))
			RaisePathDenied(path);
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open \"%s\": %m", path)));
	}
	if (!RoleReadsAnything(role) && !PathIsListed(real))
		RaisePathDenied(path);
	return pstrdup(real);
}

/*
 * The folder with symbolic links resolved, NULL if there is none.  A role that
 * may not look there is refused in both cases: it is not told which.
 */
char *
CheckFolderAllowed(const char *path, Oid role)
{
	char		real[PATH_MAX];
	char	   *parent = pstrdup(path);
	struct stat st;

	if (stat(path, &st) == 0 || errno != ENOENT)
		return CheckPathAllowed(path, role);
	while (realpath(parent, real) == NULL && strrchr(parent, '/') > parent)
		*strrchr(parent, '/') = '\0';
	if (!RoleReadsAnything(role) && (realpath(parent, real) == NULL || !PathIsListed(real)))
		RaisePathDenied(path);
	return NULL;
}

/* The path that an open descriptor really leads to. */
static char *
DescriptorPath(int fd)
{
	char		link[64];
	char		real[PATH_MAX];
	ssize_t		length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, real, sizeof(real) - 1);
	if (length < 0)
		return NULL;
	real[length] = '\0';
	return pstrdup(real);
}

bool
MayReadDescriptor(int fd, Oid role)
{
	char	   *opened;

	if (RoleReadsAnything(role))
		return true;
	opened = DescriptorPath(fd);
	return opened != NULL && PathIsListed(opened);
}

/* Frees what no transaction's end would free. */
static void
SourceCleanup(void *arg)
{
	Source	   *source = arg;

	ReaderClose(source->reader);
	source->reader = NULL;
	if (source->owns_fd)
	{
		close(source->fd);
		ReleaseExternalFD();
		source->owns_fd = false;
		source->fd = -1;
	}
}

static void
StatSource(Source *source, struct stat *st)
{
	if (fstat(source->fd, st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat \"%s\": %m", source->path)));
}

static void
NoteTimes(Source *source, const struct stat *st)
{
	source->size = st->st_size;
	source->mtime_ns = TimespecNs(st->st_mtim);
	source->ctime_ns = TimespecNs(st->st_ctim);
}

/* Has the memory context close the source. */
static void
OwnSource(Source *source)
{
	source->cleanup.func = SourceCleanup;
	source->cleanup.arg = source;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &source->cleanup);
}

/*
 * Opens a regular file that the role may read.
 *
 * The path is checked before and, through the descriptor, after opening: a
 * symbolic link put in between leads to an error, not to a file.
 */
Source *
SourceOpen(const char *path, Oid role)
{
	Source	   *source = palloc0(sizeof(Source));
	char	   *resolved = CheckPathAllowed(path, role);
	struct stat st;

	source->path = pstrdup(path);
	source->fd = OpenTransientFile(resolved, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (source->fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open \"%s\": %m", path)));
	if (!MayReadDescriptor(source->fd, role))
		RaisePathDenied(path);
	StatSource(source, &st);
	if (!S_ISREG(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path)));
	NoteTimes(source, &st);
	OwnSource(source);
	return source;
}

/* A text in memory, as if it were a file: readers want a descriptor. */
Source *
SourceFromText(const char *path, const char *text)
{
	Source	   *source = palloc0(sizeof(Source));
	size_t		length = strlen(text);
	struct stat st;

	source->path = pstrdup(path);
	source->fd = AcquireExternalFD() ? memfd_create("medallion", MFD_CLOEXEC) : -1;
	if (source->fd < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open memory for \"%s\": %m", path)));
	source->owns_fd = true;
	OwnSource(source);
	for (size_t done = 0; done < length;)
	{
		ssize_t		wrote = pwrite(source->fd, text + done, length - done, done);

		if (wrote <= 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write \"%s\" to memory: %m", path)));
		done += wrote;
	}
	StatSource(source, &st);
	NoteTimes(source, &st);
	return source;
}

/* SHA-256 of the whole file. */
void
SourceHash(Source *source, uint8 hash[SOURCE_HASH_LENGTH])
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	uint8	   *buffer = palloc(HASH_BUFFER_SIZE);
	off_t		offset = 0;
	ssize_t		got;
	bool		ok = context != NULL && pg_cryptohash_init(context) >= 0;

	while (ok && (got = pread(source->fd, buffer, HASH_BUFFER_SIZE, offset)) > 0)
	{
		if (QueryCancelPending || ProcDiePending)
			break;
		ok = pg_cryptohash_update(context, buffer, got) >= 0;
		offset += got;
	}
	ok = ok && pg_cryptohash_final(context, hash, SOURCE_HASH_LENGTH) >= 0;
	pg_cryptohash_free(context);
	pfree(buffer);
	CHECK_FOR_INTERRUPTS();
	if (!ok)
		elog(ERROR, "could not compute SHA-256 of \"%s\"", source->path);
	if (offset != source->size)
		SourceCheckUnchanged(source);
}

/*
 * Lets the descriptor live as long as the reader.  A cursor may open a file in
 * a subtransaction that is rolled back, and go on behind it; a transient file
 * would be closed by then, and its number another file's.
 */
void
SourceOutliveTransaction(Source *source)
{
	int			own = -1;

	if (AcquireExternalFD() && (own = dup(source->fd)) < 0)
		ReleaseExternalFD();
	if (own < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open \"%s\": %m", source->path)));
	CloseTransientFile(source->fd);
	source->fd = own;
	source->owns_fd = true;
}

static bool
InterruptedHere(void)
{
	return QueryCancelPending || ProcDiePending;
}

/* Reader options with the limits of the settings. */
void
SourceReaderOptions(ReaderOptions *options)
{
	ReaderOptionsInit(options);
	options->max_file_size = (uint64) medallion_max_file_size * 1024 * 1024;
	options->max_uncompressed_size = (uint64) medallion_max_uncompressed_size * 1024 * 1024;
	options->max_compression_ratio = medallion_max_compression_ratio;
	options->max_columns = medallion_max_columns;
	options->max_cell_size = (uint32) Min((uint64) medallion_max_cell_size * 1024, PG_UINT32_MAX);
	options->max_shared_strings = (uint32) Min((uint64) medallion_max_shared_strings * 1024 * 1024,
											   PG_UINT32_MAX);
	options->max_xml_depth = medallion_max_xml_depth;
	options->interrupted = InterruptedHere;
}

/* What a feature says of how its files are to be read. */
void
FeatureReaderOptions(const FeatureOptions *feature, ReaderOptions *options)
{
	options->delimiter = feature->delimiter ? feature->delimiter[0] : 0;
	options->quote = feature->quote ? feature->quote[0] : options->quote;
	options->escape = feature->escape ? feature->escape[0] : 0;
	options->encoding = feature->encoding;
	options->record_path = feature->record_path;
	options->merged_rows = feature->merged_cells == MERGED_FILL ? PG_INT64_MAX : feature->header.last;
	options->skip_hidden_rows = feature->hidden_rows == HIDDEN_SKIP;
}

static int
StatusErrcode(ReaderStatus status)
{
	switch (status)
	{
		case READER_LIMIT:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case READER_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case READER_NO_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case READER_CANCELLED:
			return ERRCODE_QUERY_CANCELED;
		default:
			return ERRCODE_DATA_EXCEPTION;
	}
}

/* The place the reader stands at: sheet "x", row n, column n. */
static char *
DescribePosition(const Source *source)
{
	StringInfoData place;
	int64_t		row;
	int			column;

	initStringInfo(&place);
	ReaderPosition(source->reader, &row, &column);
	if (source->sheet != NULL && source->sheet[0] != '\0')
		appendStringInfo(&place, ", sheet \"%s\"", source->sheet);
	if (row > 0)
		appendStringInfo(&place, ", row " INT64_FORMAT, (int64) row);
	if (column > 0)
		appendStringInfo(&place, ", column %d", column);
	return place.data;
}

/* Raises if the file changed since it was opened. */
void
SourceCheckUnchanged(Source *source)
{
	struct stat st;

	StatSource(source, &st);
	if (st.st_size != source->size || TimespecNs(st.st_mtim) != source->mtime_ns)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("file \"%s\" changed while it was read", source->path),
				 errhint("It may still be being written; the next run tries again.")));
}

/* A file that changed is not damaged, whatever the reader takes it for: another
 * attempt may well succeed. */
static void
RaiseReaderError(Source *source, ReaderStatus status)
{
	CHECK_FOR_INTERRUPTS();
	SourceCheckUnchanged(source);
	ereport(ERROR,
			(errcode(StatusErrcode(status)),
			 errmsg("could not read \"%s\"%s: %s", source->path,
					source->reader ? DescribePosition(source) : "",
					source->reader ? ReaderMessage(source->reader) : "out of memory")));
}

/* Opens the reader. */
static ReaderStatus
OpenReader(Source *source, const ReaderOptions *options)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("medallion needs a database with encoding UTF8")));
	return ReaderOpen(&source->reader, source->fd, options);
}

/* Starts the reader; false if it can make no sense of the file. */
bool
SourceTryReading(Source *source, const ReaderOptions *options)
{
	ReaderStatus status = OpenReader(source, options);

	if (status == READER_NO_MEMORY || status == READER_CANCELLED)
		RaiseReaderError(source, status);
	return status == READER_OK;
}

/* Starts the reader. */
void
SourceStartReading(Source *source, const ReaderOptions *options)
{
	ReaderStatus status = OpenReader(source, options);

	if (status != READER_OK)
		RaiseReaderError(source, status);
}

/* Steps to the next sheet; false at the end. */
bool
SourceNextSheet(Source *source, ReaderSheet *sheet)
{
	ReaderStatus status = ReaderNextSheet(source->reader, sheet);

	if (source->sheet != NULL)
		pfree(source->sheet);
	source->sheet = NULL;
	if (status == READER_END)
		return false;
	if (status != READER_OK)
		RaiseReaderError(source, status);
	source->sheet = pstrdup(sheet->name);
	if (source->footer != NULL)
		FooterReset(source->footer);
	return true;
}

/* From now on only the cells that a feature wants are seen. */
void
SourceClip(Source *source, const FeatureOptions *options)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(source));

	if (options->range != NULL || options->skip_rows > 0)
	{
		source->range = palloc(sizeof(CellRange));
		ParseCellRange(options->range ? options->range : "A1:", source->range);
		source->range->first_row = Max(source->range->first_row, (int64) options->skip_rows + 1);
	}
	if (options->skip_footer > 0)
		source->footer = FooterCreate(options->skip_footer);
	MemoryContextSwitchTo(old);
}

/* The next row of the range, malformed ones included; false at the sheet's end. */
static bool
NextRowOfRange(Source *source, ReaderRow *row)
{
	for (;;)
	{
		ReaderStatus status = ReaderNextRow(source->reader, row);

		source->complaint = status == READER_BAD_ROW ? ReaderMessage(source->reader) : NULL;
		if (status == READER_END)
			return false;
		if (status != READER_OK && status != READER_BAD_ROW)
			RaiseReaderError(source, status);
		if (source->range == NULL || ClipRow(source->range, row))
			return true;
		CHECK_FOR_INTERRUPTS();
	}
}

/* The next row of the sheet that is wanted, malformed ones included; false at the
 * sheet's end. */
bool
SourceNextRow(Source *source, ReaderRow *row, bool *bad)
{
	bool		found = NextRowOfRange(source, row);

	while (found && source->footer != NULL && !FooterExchange(source->footer, row, &source->complaint))
		found = NextRowOfRange(source, row);
	*bad = source->complaint != NULL;
	return found;
}

/* Closes reader and file. */
void
SourceClose(Source *source)
{
	SourceCleanup(source);
	if (source->fd >= 0)
		CloseTransientFile(source->fd);
	source->fd = -1;
}
