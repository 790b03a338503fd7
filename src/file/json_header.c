/*
 * json_header.c
 *	  The keys of records -> columns, in the order in which they first appear.
 */
#include "file/json.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a, begun at an address, so that no file can be made to collide. */
static uint32_t
HashKey(const JsonHeader *header, const JsonValue *key)
{
	uint64_t	hash = UINT64_C(0xCBF29CE484222325) ^ (uintptr_t) header;

	for (size_t i = 0; i < key->length; i++)
		hash = (hash ^ (unsigned char) key->text[i]) * UINT64_C(0x100000001B3);
	return hash >> 32;
}

static bool
IsKeyOf(const JsonHeader *header, uint32_t column, const JsonValue *key)
{
	size_t		start = header->starts[column];

	return header->starts[column + 1] - start == key->length &&
		memcmp(header->keys.data + start, key->text, key->length) == 0;
}

/* The slot of a key, or the free one where it belongs. */
static uint32_t *
FindSlot(const JsonHeader *header, const JsonValue *key)
{
	uint32_t	slot = HashKey(header, key);

	for (;; slot++)
	{
		uint32_t   *found = &header->slots[slot & (header->nslots - 1)];

		if (*found == 0 || IsKeyOf(header, *found - 1, key))
			return found;
	}
}

/* The column of a key, or -1. */
int64_t
JsonHeaderFind(const JsonHeader *header, const JsonValue *key, uint32_t expected)
{
	if (expected < header->count && IsKeyOf(header, expected, key))
		return expected;
	return header->count > 0 ? (int64_t) *FindSlot(header, key) - 1 : -1;
}

/* Makes room for twice as many keys. */
static bool
Grow(JsonHeader *header)
{
	uint32_t	capacity = header->capacity > 0 ? header->capacity * 2 : 64;
	size_t	   *starts = realloc(header->starts, (capacity + 1) * sizeof(size_t));
	uint32_t   *slots;

	if (starts == NULL)
		return false;
	header->starts = starts;
	slots = calloc((size_t) capacity * 2, sizeof(uint32_t));
	if (slots == NULL)
		return false;
	free(header->slots);
	header->slots = slots;
	header->nslots = capacity * 2;
	header->capacity = capacity;
	for (uint32_t i = 0; i < header->count; i++)
	{
		JsonValue	key = {header->keys.data + starts[i], starts[i + 1] - starts[i], '"', 0};

		*FindSlot(header, &key) = i + 1;
	}
	return true;
}

/* Adds a key that is not there. */
bool
JsonHeaderAdd(JsonHeader *header, const JsonValue *key)
{
	if (header->count == header->capacity && !Grow(header))
		return false;
	if (!BufferReserve(&header->keys, key->length + 1))
		return false;
	*FindSlot(header, key) = header->count + 1;
	header->starts[header->count++] = header->keys.length;
	BufferAppend(&header->keys, key->text, key->length);
	header->starts[header->count] = header->keys.length;
	return true;
}

void
JsonHeaderFree(JsonHeader *header)
{
	BufferFree(&header->keys);
	free(header->starts);
	free(header->slots);
	memset(header, 0, sizeof(JsonHeader));
}
