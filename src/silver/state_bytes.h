/*
 * state_bytes.h
 *	  A state as bytes, on its way from one process of a query to another:
 *	  pieces in the machine's own form, each where any of its types may lie.
 */
#ifndef MEDALLION_STATE_BYTES_H
#define MEDALLION_STATE_BYTES_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "utils/datum.h"

typedef StringInfoData StateBytes;

typedef struct StateReader
{
	const char *at;
	const char *end;
} StateReader;

/* Begins with room for the header of a bytea. */
static inline void
StateBytesInit(StateBytes *out)
{
	static const char room[MAXIMUM_ALIGNOF] = {0};

	initStringInfo(out);
	appendBinaryStringInfo(out, room, sizeof(room));
}

static inline void
WriteState(StateBytes *out, const void *bytes, Size length)
{
	Size		padded = MAXALIGN(length);

	enlargeStringInfo(out, padded);
	memcpy(out->data + out->len, bytes, length);
	memset(out->data + out->len + length, 0, padded - length);
	out->len += padded;
}

static inline void
WriteStateDatum(StateBytes *out, Datum value, bool by_value, int16 length)
{
	if (by_value)
		WriteState(out, &value, sizeof(value));
	else
		WriteState(out, DatumGetPointer(value), datumGetSize(value, by_value, length));
}

static inline struct varlena *
StateBytesEnd(StateBytes *out)
{
	SET_VARSIZE(out->data, out->len);
	return (struct varlena *) out->data;
}

/* Reads a state that StateBytesEnd() gave, whose bytes may have moved. */
static inline StateReader
ReadStateStart(const struct varlena *state)
{
	Size		size = VARSIZE(state);
	char	   *copy = (char *) state;
	StateReader in;

	if (copy != (char *) MAXALIGN(copy))
	{
		copy = palloc(size);
		memcpy(copy, state, size);
	}
	in.at = copy + MAXIMUM_ALIGNOF;
	in.end = copy + size;
	return in;
}

static inline const void *
ReadState(StateReader *in, Size length)
{
	const char *at = in->at;

	if (length > (Size) (in->end - at))
		elog(ERROR, "state of a profile ends too early");
	in->at += Min(MAXALIGN(length), (Size) (in->end - at));
	return at;
}

/* A value that stays where it was read from. */
static inline Datum
ReadStateDatum(StateReader *in, bool by_value, int16 length)
{
	Datum		value;

	if (by_value)
	{
		memcpy(&value, ReadState(in, sizeof(value)), sizeof(value));
		return value;
	}
	value = PointerGetDatum(in->at);
	(void) ReadState(in, datumGetSize(value, by_value, length));
	return value;
}

#endif							/* MEDALLION_STATE_BYTES_H */
