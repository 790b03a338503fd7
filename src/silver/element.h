/*
 * element.h
 *	  The bytes of one element of an encoding: tag, length, content.
 *
 * All of it is inlined into the encoders, whose work is little else.
 */
#ifndef MEDALLION_ELEMENT_H
#define MEDALLION_ELEMENT_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"

#define HEAD_LENGTH 5			/* tag, length */

#ifdef WORDS_BIGENDIAN
#define LittleEndian32(value) pg_bswap32(value)
#define LittleEndian64(value) pg_bswap64(value)
#else
#define LittleEndian32(value) (value)
#define LittleEndian64(value) (value)
#endif

static inline void
PutInt32(char *out, uint32 value)
{
	uint32 bytes = LittleEndian32(value);

	memcpy(out, &bytes, sizeof(bytes));
}

static inline void
PutInt64(char *out, uint64 value)
{
	uint64 bytes = LittleEndian64(value);

	memcpy(out, &bytes, sizeof(bytes));
}

/* Room for an element of at most that many bytes of content, to be written at the result. */
static inline char *
ReserveElement(StringInfo out, int most)
{
	if (unlikely(most >= out->maxlen - out->len - HEAD_LENGTH))
		enlargeStringInfo(out, HEAD_LENGTH + most);
	return out->data + out->len + HEAD_LENGTH;
}

/* Tag and length of the content that was written where ReserveElement() said. */
static inline void
FinishReserved(StringInfo out, char tag, uint32 length)
{
	out->data[out->len] = tag;
	PutInt32(out->data + out->len + 1, length);
	out->len += HEAD_LENGTH + length;
}

/* An element whose content is there already. */
static inline void
AppendTagged(StringInfo out, char tag, const void *content, uint32 length)
{
	memcpy(ReserveElement(out, length), content, length);
	FinishReserved(out, tag, length);
}

/* An element of eight bytes. */
static inline void
AppendInt64(StringInfo out, char tag, int64 value)
{
	PutInt64(ReserveElement(out, 8), value);
	FinishReserved(out, tag, 8);
}

/* NULL is its tag alone. */
static inline void
AppendNull(StringInfo out)
{
	appendStringInfoCharMacro(out, '\0');
}

#endif							/* MEDALLION_ELEMENT_H */
