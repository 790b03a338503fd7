/*
 * inflate.c
 *	  Unpacks deflated bytes: by ISA-L where it was there when this was built
 *	  (HAVE_ISAL), which takes a third of the time, else by zlib.
 */
#include "file/inflate.h"

#include <stdlib.h>

#ifdef HAVE_ISAL

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

struct Inflater
{
	struct inflate_state state;
};

Inflater *
InflaterCreate(void)
{
	return malloc(sizeof(Inflater));
}

void
InflaterFree(Inflater *inflater)
{
	free(inflater);
}

/* Makes ready for a new stream. */
bool
InflaterStart(Inflater *inflater)
{
	isal_inflate_init(&inflater->state);
	inflater->state.crc_flag = ISAL_DEFLATE;
	inflater->state.avail_in = 0;
	return true;
}

void
InflaterFeed(Inflater *inflater, const char *input, size_t length)
{
	inflater->state.next_in = (uint8_t *) input;
	inflater->state.avail_in = length;
}

size_t
InflaterPending(const Inflater *inflater)
{
	return inflater->state.avail_in;
}

/* Unpacks up to length bytes. */
ptrdiff_t
InflaterRun(Inflater *inflater, char *output, size_t length)
{
	inflater->state.next_out = (uint8_t *) output;
	inflater->state.avail_out = length;
	if (isal_inflate(&inflater->state) != ISAL_DECOMP_OK)
		return -1;
	return length - inflater->state.avail_out;
}

bool
InflaterFinished(const Inflater *inflater)
{
	return inflater->state.block_state == ISAL_BLOCK_FINISH;
}

uint32_t
Checksum(uint32_t sum, const char *data, size_t length)
{
	return crc32_gzip_refl(sum, (const unsigned char *) data, length);
}

#else							/* zlib */

#include <zlib.h>

struct Inflater
{
	z_stream	stream;
	bool		finished;
};

Inflater *
InflaterCreate(void)
{
	return calloc(1, sizeof(Inflater));
}

void
InflaterFree(Inflater *inflater)
{
	if (inflater != NULL)
		inflateEnd(&inflater->stream);
	free(inflater);
}

/* Makes ready for a new stream. */
bool
InflaterStart(Inflater *inflater)
{
	inflateEnd(&inflater->stream);
	inflater->stream = (z_stream) {0};
	inflater->finished = false;
	return inflateInit2(&inflater->stream, -MAX_WBITS) == Z_OK;
}

void
InflaterFeed(Inflater *inflater, const char *input, size_t length)
{
	inflater->stream.next_in = (Bytef *) input;
	inflater->stream.avail_in = length;
}

size_t
InflaterPending(const Inflater *inflater)
{
	return inflater->stream.avail_in;
}

/* Unpacks up to length bytes. */
ptrdiff_t
InflaterRun(Inflater *inflater, char *output, size_t length)
{
	int			result;

	inflater->stream.next_out = (Bytef *) output;
	inflater->stream.avail_out = length;
	result = inflate(&inflater->stream, Z_NO_FLUSH);
	inflater->finished = result == Z_STREAM_END;
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return -1;
	return length - inflater->stream.avail_out;
}

bool
InflaterFinished(const Inflater *inflater)
{
	return inflater->finished;
}

uint32_t
Checksum(uint32_t sum, const char *data, size_t length)
{
	return crc32(sum, (const Bytef *) data, length);
}

#endif
