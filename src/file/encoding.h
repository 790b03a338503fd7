/*
 * encoding.h
 *	  The encodings of text files: detection, and conversion to UTF-8.
 */
#ifndef MEDALLION_ENCODING_H
#define MEDALLION_ENCODING_H

#include "file/format.h"

#define REPLACEMENT 0xFFFD		/* stands for what no character is */

/* Writes a code point as UTF-8 and returns its length, at most 4. */
extern int	PutCodePoint(char *to, uint32_t code);

/* Writes one unit of UTF-16 as UTF-8, at most 6 bytes.  The first half of a pair
 * waits for its other half in *waiting, 0 at first. */
extern int	PutUnit(char *to, uint32_t *waiting, uint32_t unit);

/* The code point of a byte of windows-1252. */
extern uint32_t Windows1252(unsigned char byte);

typedef enum Encoding
{
	ENCODING_UTF8,
	ENCODING_UTF16LE,
	ENCODING_UTF16BE,
	ENCODING_WINDOWS1252,
	ENCODING_UNKNOWN
} Encoding;

/* Conversion that goes on from one piece of a file to the next. */
typedef struct Transcoder
{
	Encoding	encoding;
	uint32_t	high;			/* a high surrogate that waits for its other half */
} Transcoder;

extern Encoding EncodingByName(const char *name);
extern const char *EncodingName(Encoding encoding);

/*
 * The encoding of a file that starts with this sample, unless it is already
 * known; *mark is the length of its byte order mark.  cut says that the file
 * goes on behind the sample.
 */
extern Encoding SettleEncoding(Encoding known, const char *sample, size_t length, bool cut, size_t *mark);

/*
 * Writes text of any encoding but UTF-8 as UTF-8 and returns its length, at
 * most 3 bytes for each byte plus 3.  last says that no further text follows.
 */
extern size_t Transcode(Transcoder *coder, char *to, const char *from, size_t length, bool last);

/* Are these bytes ASCII without NUL? */
extern bool IsPlainAscii(const char *text, size_t length);

/* Says what keeps text from being valid UTF-8 without NUL bytes, or NULL. */
extern const char *TextComplaint(const char *text, size_t length);

/* Copies text and makes it valid: stray bytes are taken for windows-1252; false: out of memory. */
extern bool MakeValidText(Buffer *to, const char *text, size_t length);

#endif							/* MEDALLION_ENCODING_H */
