/*
 * space.h
 *	  White space as office programs leave it.
 */
#ifndef MEDALLION_SPACE_H
#define MEDALLION_SPACE_H

/* Bytes of the white space that a text begins with, 0 if none. */
extern int	SpaceAtStart(const char *start, const char *end);

/* Cuts white space off both ends. */
extern void TrimSpacesAround(const char **start, const char **end);

/* The same; mostly there is none, and the first byte and the last tell. */
static inline void
TrimSpaces(const char **start, const char **end)
{
	if (*start < *end && **start > ' ' && (*end)[-1] > ' ' &&
		((unsigned char) **start | (unsigned char) (*end)[-1]) < 0x80)
		return;
	TrimSpacesAround(start, end);
}

#endif							/* MEDALLION_SPACE_H */
