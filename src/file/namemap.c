/*
 * namemap.c
 *	  Small numbers by name: a hash table with open addressing.
 */
#include "file/namemap.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PLACES 64

/* FNV-1a */
static uint32_t
Hash(const char *name, size_t length)
{
	uint32_t	hash = UINT32_C(2166136261);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char) name[i]) * UINT32_C(16777619);
	return hash;
}

/* The place that has the name, or the free one where it belongs. */
static NamedValue *
FindPlace(const NameMap *map, const char *name, size_t length, uint32_t hash)
{
	for (size_t i = hash;; i++)
	{
		NamedValue *place = &map->places[i & (map->nplaces - 1)];

		if (place->name == NULL ||
			(place->hash == hash && place->length == length && memcmp(place->name, name, length) == 0))
			return place;
	}
}

/* Doubles the places. */
static bool
Grow(NameMap *map)
{
	NameMap		larger = {.nplaces = map->nplaces ? map->nplaces * 2 : FIRST_PLACES,.count = map->count};

	larger.places = calloc(larger.nplaces, sizeof(NamedValue));
	if (larger.places == NULL)
		return false;
	for (size_t i = 0; i < map->nplaces; i++)
	{
		const NamedValue *place = &map->places[i];

		if (place->name != NULL)
			*FindPlace(&larger, place->name, place->length, place->hash) = *place;
	}
	free(map->places);
	*map = larger;
	return true;
}

/* Gives a name a value. */
bool
NameMapPut(NameMap *map, const char *name, size_t length, int value)
{
	uint32_t	hash = Hash(name, length);
	NamedValue *place;

	if (map->count * 2 >= map->nplaces && !Grow(map))
		return false;
	place = FindPlace(map, name, length, hash);
	if (place->name == NULL)
	{
		char	   *copy = map->count < NAME_MAP_MAX ? malloc(length + 1) : NULL;

		if (copy == NULL)
			return map->count == NAME_MAP_MAX;
		memcpy(copy, name, length);
		copy[length] = '\0';
		place->name = copy;
		place->length = length;
		place->hash = hash;
		map->count++;
	}
	place->value = value;
	return true;
}

/* The value of a name. */
int
NameMapGet(const NameMap *map, const char *name, size_t length, int otherwise)
{
	const NamedValue *place;

	if (name == NULL || map->count == 0)
		return otherwise;
	place = FindPlace(map, name, length, Hash(name, length));
	return place->name != NULL ? place->value : otherwise;
}

/* Gives the memory back. */
void
NameMapFree(NameMap *map)
{
	for (size_t i = 0; i < map->nplaces; i++)
		free(map->places[i].name);
	free(map->places);
}
