/*
 * space.h
 *	  White space as office programs leave it.
 */
#ifndef MEDALLION_SPACE_H
#define MEDALLION_SPACE_H

/* Bytes of the white space that a text begins with, 0 if none. */
extern int	SpaceAtStart(const char *start, const char *end);

/* Cuts white space off both ends. */
extern void TrimSpaces(const char **start, const char **end);

#endif							/* MEDALLION_SPACE_H */
