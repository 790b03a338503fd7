/*
 * xml.h
 *	  The XML of one part of a workbook, or of a whole file, event by event.
 */
#ifndef MEDALLION_XML_H
#define MEDALLION_XML_H

#include "file/container.h"

/* Who listens.  Names come without prefix; attributes as expat gives them.  Any
 * but start may be NULL. */
typedef struct XmlHandler
{
	void	   *arg;
	void		(*start) (void *arg, const char *name, const char **attributes);
	void		(*end) (void *arg, const char *name);
	void		(*text) (void *arg, const char *text, int length);
} XmlHandler;

typedef struct Xml Xml;

/* Opens a part of a container; without a container, the reader's file itself
 * (and path is what messages call it).  NULL: the reader has the reason. */
extern Xml *XmlOpen(Reader *reader, Container *container, const char *path, const XmlHandler *handler);

/* Lets a document type pass that only names a definition elsewhere, which is
 * not read. */
extern void XmlTolerateDoctype(Xml *xml);

/* Has what is plain read by a faster parser (xml_plain.c), which needs pieces
 * from XmlStep only. */
extern void XmlExpectPlain(Xml *xml);

/* Parses one piece: READER_OK if there is more, READER_END at the end. */
extern ReaderStatus XmlStep(Xml *xml);

/* For who reads the part's bytes himself: gives them to the parser.  *at_tag:
 * they are all UTF-8, and the last of them ends a start tag. */
extern ReaderStatus XmlFeed(Xml *xml, const char *bytes, size_t length, bool last);
extern ReaderStatus XmlFeedToTag(Xml *xml, const char *bytes, size_t length, bool *at_tag);

/* Parses to the end. */
extern ReaderStatus XmlParse(Reader *reader, Container *container, const char *path, const XmlHandler *handler);

/* For handlers: stops the parser; the reader must have the reason. */
extern void XmlStop(Xml *xml);

extern void XmlClose(Xml *xml);

/* A name without its prefix. */
extern const char *XmlLocalName(const char *name);

/* The value of an attribute, its prefix disregarded, or NULL. */
extern const char *XmlAttribute(const char **attributes, const char *name);

#endif							/* MEDALLION_XML_H */
