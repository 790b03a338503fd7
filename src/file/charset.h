/*
 * charset.h
 *	  Encodings by the names that web pages and XML use, to UTF-8.
 */
#ifndef MEDALLION_CHARSET_H
#define MEDALLION_CHARSET_H

#include "file/format.h"

typedef struct Charset Charset;

/* NULL if the name is none that we convert, or out of memory.  *name becomes
 * the name of what is really meant: pages that say latin1 mean windows-1252. */
extern Charset *CharsetOpen(const char **name);

/*
 * Converts bytes and adds them to a buffer as valid UTF-8 without NUL bytes;
 * what is no character becomes U+FFFD.  A character cut by the end waits for
 * the next call, unless last is true.  False: out of memory.
 */
extern bool CharsetConvert(Charset *charset, const char *from, size_t length, bool last, Buffer *to);

extern void CharsetClose(Charset *charset);

/* What a byte of a single-byte encoding stands for, -1 if for nothing; false if
 * the encoding is another kind, or unknown. */
extern bool CharsetTable(const char *name, int table[256]);

#endif							/* MEDALLION_CHARSET_H */
