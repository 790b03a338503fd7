/*
 * stream.c
 *	  The bytes of a text file, unpacked on the way where it is packed.
 *
 *	  descriptor -> [input buffer -> inflate | zstd -> limits] -> bytes
 *
 * A plain file is read straight into the caller's buffer.  Of a packed one
 * neither the length it declares nor the ratio is believed: what comes out is
 * counted as it comes, and a file that ends before its packed data does is an
 * error, never a short file.
 */
#include "file/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define INPUT_BYTES ((size_t) 128 * 1024)
#define ZSTD_WINDOW_BITS 25		/* 32 MiB: what a file says it needs is memory of ours */
#define OUTPUT_STEP ((size_t) 256 * 1024)	/* limits and cancel are looked at once in so many bytes */
#define GZIP_WINDOW (15 + 16)	/* the widest window; a gzip header and trailer, checked */

typedef enum Compression
{
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD
} Compression;

static const char *const compression_names[] = {"", "gzip", "zstd"};

typedef struct ByteStream
{
	Compression compression;
	uint64_t	offset;			/* in the file, of what is read next */

	/* a packed file */
	char	   *input;
	size_t		input_length;
	size_t		input_position; /* of the first byte that is not used up */
	bool		input_ended;	/* the buffer ends where the file does */
	bool		between;		/* at the start of a member or frame, or at the end */
	uint64_t	produced;		/* bytes unpacked so far */
	z_stream	zlib;
	bool		zlib_begun;
	ZSTD_DStream *zstd;
} ByteStream;

/* The compression that a file's first bytes speak of. */
static Compression
RecogniseCompression(const unsigned char *head, size_t length)
{
	if (length >= 2 && memcmp(head, "\x1F\x8B", 2) == 0)
		return COMPRESSION_GZIP;
	if (length >= 4 && memcmp(head, "\x28\xB5\x2F\xFD", 4) == 0)
		return COMPRESSION_ZSTD;
	/* what pzstd writes begins with a frame that is to be skipped */
	if (length >= 4 && (head[0] & 0xF0) == 0x50 && memcmp(head + 1, "\x2A\x4D\x18", 3) == 0)
		return COMPRESSION_ZSTD;
	return COMPRESSION_NONE;
}

/* Makes what unpacking needs. */
static bool
MakeDecoder(ByteStream *stream)
{
	stream->input = malloc(INPUT_BYTES);
	if (stream->input == NULL)
		return false;
	if (stream->compression == COMPRESSION_ZSTD)
	{
		stream->zstd = ZSTD_createDStream();
		return stream->zstd != NULL &&
			!ZSTD_isError(ZSTD_DCtx_setParameter(stream->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_BITS));
	}
	stream->zlib_begun = inflateInit2(&stream->zlib, GZIP_WINDOW) == Z_OK;
	return stream->zlib_begun;
}

/* Recognises by the file's first bytes whether, and how, it is packed. */
ReaderStatus
ByteStreamOpen(Reader *reader)
{
	ByteStream *stream = calloc(1, sizeof(ByteStream));
	unsigned char head[4];
	ptrdiff_t	got;

	reader->stream = stream;
	if (stream == NULL)
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	got = ReadAt(reader->fd, head, sizeof(head), 0);
	if (got < 0)
		return ReaderFail(reader, READER_ERROR, "could not read the file: %s", strerror(errno));
	stream->compression = RecogniseCompression(head, got);
	stream->between = true;
	if (stream->compression != COMPRESSION_NONE && !MakeDecoder(stream))
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	return READER_OK;
}

/* Notes a failure; the value that says so. */
#define FAIL(reader, status, ...) (ReaderFail(reader, status, __VA_ARGS__), -1)

/* Fills the input buffer if it is used up. */
static ptrdiff_t
FillInput(Reader *reader)
{
	ByteStream *stream = reader->stream;
	ptrdiff_t	got;

	if (stream->input_position < stream->input_length || stream->input_ended)
		return 0;
	got = ReadAt(reader->fd, stream->input, INPUT_BYTES, stream->offset);
	if (got < 0)
		return FAIL(reader, READER_ERROR, "could not read the file: %s", strerror(errno));
	stream->input_ended = (size_t) got < INPUT_BYTES;
	stream->input_length = got;
	stream->input_position = 0;
	stream->offset += got;
	return 0;
}

/* Is nothing but NUL bytes left?  Tapes and block devices leave such behind a file. */
static bool
OnlyPaddingLeft(const ByteStream *stream)
{
	for (size_t i = stream->input_position; i < stream->input_length; i++)
	{
		if (stream->input[i] != '\0')
			return false;
	}
	return stream->input_ended;
}

/* Unpacks gzip into the room that is there; 0 if all input is used up. */
static ptrdiff_t
StepGzip(Reader *reader, char *to, size_t room)
{
	ByteStream *stream = reader->stream;
	z_stream   *zlib = &stream->zlib;
	int			result;

	if (stream->between && OnlyPaddingLeft(stream))
		stream->input_position = stream->input_length;
	if (stream->between && stream->input_position == stream->input_length)
		return 0;
	if (stream->between && inflateReset(zlib) != Z_OK)
		return FAIL(reader, READER_ERROR, "the gzip data is damaged");
	stream->between = false;
	zlib->next_in = (unsigned char *) stream->input + stream->input_position;
	zlib->avail_in = stream->input_length - stream->input_position;
	zlib->next_out = (unsigned char *) to;
	zlib->avail_out = room;
	result = inflate(zlib, Z_NO_FLUSH);
	stream->input_position = stream->input_length - zlib->avail_in;
	stream->between = result == Z_STREAM_END;
	if (result == Z_MEM_ERROR)
		return FAIL(reader, READER_NO_MEMORY, "out of memory");
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return FAIL(reader, READER_ERROR, "the gzip data is damaged: %s",
					zlib->msg ? zlib->msg : "no reason given");
	return room - zlib->avail_out;
}

/* Unpacks zstd into the room that is there; 0 if all input is used up. */
static ptrdiff_t
StepZstd(Reader *reader, char *to, size_t room)
{
	ByteStream *stream = reader->stream;
	ZSTD_inBuffer in = {stream->input, stream->input_length, stream->input_position};
	ZSTD_outBuffer out = {to, room, 0};
	size_t		result;

	if (stream->between && stream->input_position == stream->input_length)
		return 0;
	result = ZSTD_decompressStream(stream->zstd, &out, &in);
	stream->input_position = in.pos;
	stream->between = result == 0;
	if (!ZSTD_isError(result))
		return out.pos;
	switch (ZSTD_getErrorCode(result))
	{
		case ZSTD_error_memory_allocation:
			return FAIL(reader, READER_NO_MEMORY, "out of memory");
		case ZSTD_error_frameParameter_windowTooLarge:
			return FAIL(reader, READER_LIMIT, "the zstd data needs a window of more than 32 MiB");
		default:
			return FAIL(reader, READER_ERROR, "the zstd data is damaged: %s", ZSTD_getErrorName(result));
	}
}

/* Keeps what came out so far to the limits?  0 or -1. */
static ptrdiff_t
CheckLimits(Reader *reader)
{
	const ReaderOptions *options = &reader->options;
	const ByteStream *stream = reader->stream;

	if (options->interrupted != NULL && options->interrupted())
		return FAIL(reader, READER_CANCELLED, "cancelled");
	if (stream->produced > options->max_uncompressed_size)
		return FAIL(reader, READER_LIMIT, "the file unpacks to more than max_uncompressed_size");
	if (IsBeyondRatio(reader, stream->produced, RATIO_FREE_BYTES, ByteStreamConsumed(reader)))
		return FAIL(reader, READER_LIMIT, "the file unpacks to more than max_compression_ratio (%u) times its size",
					options->max_compression_ratio);
	return 0;
}

/* Unpacks up to length bytes; fewer only at the end. */
static ptrdiff_t
ReadPacked(Reader *reader, char *buffer, size_t length)
{
	ByteStream *stream = reader->stream;
	size_t		filled = 0;

	while (filled < length)
	{
		size_t		room = length - filled < OUTPUT_STEP ? length - filled : OUTPUT_STEP;
		ptrdiff_t	got;

		if (FillInput(reader) < 0)
			return -1;
		got = stream->compression == COMPRESSION_GZIP ? StepGzip(reader, buffer + filled, room) :
			StepZstd(reader, buffer + filled, room);
		if (got < 0)
			return -1;
		filled += got;
		stream->produced += got;
		if (CheckLimits(reader) < 0)
			return -1;
		if (got == 0 && stream->input_ended && stream->input_position == stream->input_length)
		{
			if (!stream->between)
				return FAIL(reader, READER_ERROR, "the %s data is cut short", ByteStreamCompression(reader));
			break;
		}
	}
	return filled;
}

/* Reads on, length bytes or up to the end. */
ptrdiff_t
ByteStreamRead(Reader *reader, void *buffer, size_t length)
{
	ByteStream *stream = reader->stream;
	ptrdiff_t	got;

	if (stream->compression != COMPRESSION_NONE)
		return ReadPacked(reader, buffer, length);
	got = ReadAt(reader->fd, buffer, length, stream->offset);
	if (got < 0)
		return FAIL(reader, READER_ERROR, "could not read the file: %s", strerror(errno));
	stream->offset += got;
	return got;
}

/* Reads up to length bytes at the start and rewinds. */
ptrdiff_t
ByteStreamPeek(Reader *reader, void *buffer, size_t length)
{
	ptrdiff_t	got = -1;

	if (ByteStreamRewind(reader, 0) == READER_OK)
		got = ByteStreamRead(reader, buffer, length);
	if (got >= 0 && ByteStreamRewind(reader, 0) != READER_OK)
		got = -1;
	return got;
}

/* Back to the start, behind so many bytes. */
ReaderStatus
ByteStreamRewind(Reader *reader, size_t skip)
{
	ByteStream *stream = reader->stream;
	char		skipped[16];

	stream->offset = 0;
	stream->input_length = stream->input_position = 0;
	stream->input_ended = false;
	stream->between = true;
	stream->produced = 0;
	if (stream->compression == COMPRESSION_ZSTD)
		ZSTD_DCtx_reset(stream->zstd, ZSTD_reset_session_only);
	if (skip > 0 && ByteStreamRead(reader, skipped, skip < sizeof(skipped) ? skip : sizeof(skipped)) < 0)
		return reader->status;
	return READER_OK;
}

/* Bytes of the file that were used up so far. */
uint64_t
ByteStreamConsumed(const Reader *reader)
{
	const ByteStream *stream = reader->stream;

	return stream->offset - (stream->input_length - stream->input_position);
}

/* "gzip", "zstd", or "" */
const char *
ByteStreamCompression(const Reader *reader)
{
	return reader->stream != NULL ? compression_names[reader->stream->compression] : "";
}

/* Frees the stream of a reader, if it has one. */
void
ByteStreamClose(Reader *reader)
{
	ByteStream *stream = reader->stream;

	if (stream == NULL)
		return;
	if (stream->zlib_begun)
		inflateEnd(&stream->zlib);
	ZSTD_freeDStream(stream->zstd);
	free(stream->input);
	free(stream);
	reader->stream = NULL;
}
