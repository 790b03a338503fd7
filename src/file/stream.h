/*
 * stream.h
 *	  The bytes of a text file from its start to its end, unpacked on the way
 *	  where the file is gzip or zstd.
 *
 * The stream belongs to a reader and reports through it.  It only goes
 * forward; who must see the start again rewinds, which unpacks again.
 */
#ifndef MEDALLION_STREAM_H
#define MEDALLION_STREAM_H

#include "file/format.h"

/* Recognises by the file's first bytes whether, and how, it is packed. */
extern ReaderStatus ByteStreamOpen(Reader *reader);

/* Reads on, length bytes or up to the end; -1 if it fails, which is noted. */
extern ptrdiff_t ByteStreamRead(Reader *reader, void *buffer, size_t length);

/* Reads up to length bytes at the start and rewinds; -1 likewise. */
extern ptrdiff_t ByteStreamPeek(Reader *reader, void *buffer, size_t length);

/* Back to the start, behind so many bytes: those of a byte order mark. */
extern ReaderStatus ByteStreamRewind(Reader *reader, size_t skip);

/* Bytes of the file, as it is on disk, that were used up so far. */
extern uint64_t ByteStreamConsumed(const Reader *reader);

/* "gzip", "zstd", or "" */
extern const char *ByteStreamCompression(const Reader *reader);

/* Frees the stream of a reader, if it has one. */
extern void ByteStreamClose(Reader *reader);

#endif							/* MEDALLION_STREAM_H */
