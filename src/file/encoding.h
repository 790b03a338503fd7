/*
 * encoding.h
 *	  What the formats need to turn their own encodings into UTF-8.
 */
#ifndef MEDALLION_ENCODING_H
#define MEDALLION_ENCODING_H

#include <stdint.h>

#define REPLACEMENT 0xFFFD		/* stands for what no character is */

/* Writes a code point as UTF-8 and returns its length, at most 4. */
extern int	PutCodePoint(char *to, uint32_t code);

/* Writes one unit of UTF-16 as UTF-8, at most 6 bytes.  The first half of a pair
 * waits for its other half in *waiting, 0 at first. */
extern int	PutUnit(char *to, uint32_t *waiting, uint32_t unit);

/* The code point of a byte of windows-1252. */
extern uint32_t Windows1252(unsigned char byte);

#endif							/* MEDALLION_ENCODING_H */
