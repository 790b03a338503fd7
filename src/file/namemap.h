/*
 * namemap.h
 *	  Small numbers by name: what a document's styles stand for.
 */
#ifndef MEDALLION_NAMEMAP_H
#define MEDALLION_NAMEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct NamedValue
{
	char	   *name;			/* NULL: a free place */
	size_t		length;
	uint32_t	hash;
	int			value;
} NamedValue;

/* All zeros is an empty one. */
typedef struct NameMap
{
	NamedValue *places;			/* a power of two of them, at most half taken */
	size_t		nplaces;
	size_t		count;
} NameMap;

/*
 * Gives a name a value, its former one forgotten; false if out of memory.
 * Beyond NAME_MAP_MAX new names are not taken: no program writes so many styles.
 */
#define NAME_MAP_MAX 65536
extern bool NameMapPut(NameMap *map, const char *name, size_t length, int value);

/* The value of a name; otherwise if it has none, or is NULL. */
extern int	NameMapGet(const NameMap *map, const char *name, size_t length, int otherwise);

extern void NameMapFree(NameMap *map);

#endif							/* MEDALLION_NAMEMAP_H */
