/*
 * xml_plain.h
 *	  Reads XML of the plain kind that programs write, fast.
 *
 *	  piece -> window -> tags and text -> handler
 *
 * It knows tags of ASCII names with quoted attributes, text, references,
 * processing instructions, and a declaration of UTF-8.  What is wrong, beyond
 * its limits or otherwise written, is irregular: from there on the general
 * parser (xml.c) reads, which is told which elements are open.  So handlers are
 * called as the parser would call them, but for the pieces that a text comes in;
 * test/file/scan_check.c compares the two.
 */
#ifndef MEDALLION_XML_PLAIN_H
#define MEDALLION_XML_PLAIN_H

#include "file/xml.h"

typedef struct PlainXml PlainXml;

typedef enum PlainStatus
{
	PLAIN_MORE,					/* all is taken that can be without the next piece */
	PLAIN_END,					/* the document is complete */
	PLAIN_IRREGULAR				/* what is left is for the parser */
} PlainStatus;

/* controls: references to what stands for control characters are these.  NULL: out of memory. */
extern PlainXml *PlainOpen(Reader *reader, const XmlHandler *handler, bool controls);
extern void PlainClose(PlainXml *plain);

/* Where CONTAINER_STEP bytes may be put; NULL if a tag is too long for it. */
extern char *PlainRoom(PlainXml *plain);

/* Takes so many bytes, 0 at the end.  A handler may have stopped it: then the
 * reader has the reason. */
extern PlainStatus PlainTake(PlainXml *plain, size_t length);

/* What was not taken. */
extern const char *PlainRest(const PlainXml *plain, size_t *length);

/* Elements that are open; their names, with prefixes. */
extern int	PlainDepth(const PlainXml *plain);
extern const char *PlainOpenName(const PlainXml *plain, int level);

/* What a parser has to have read before it is where this one is, its open
 * elements aside. */
extern const char *PlainPrologue(const PlainXml *plain);

#endif							/* MEDALLION_XML_PLAIN_H */
