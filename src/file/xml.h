/*
 * xml.h
 *	  The XML of one part of a workbook, event by event.
 */
#ifndef MEDALLION_XML_H
#define MEDALLION_XML_H

#include "file/container.h"

/* Who listens.  Names come without prefix; attributes as expat gives them. */
typedef struct XmlHandler
{
	void	   *arg;
	void		(*start) (void *arg, const char *name, const char **attributes);
	void		(*end) (void *arg, const char *name);
	void		(*text) (void *arg, const char *text, int length);
} XmlHandler;

typedef struct Xml Xml;

/* Opens a part.  NULL: the reader has the reason. */
extern Xml *XmlOpen(Reader *reader, Container *container, const char *path, const XmlHandler *handler);

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

/* The value of an attribute, its prefix disregarded, or NULL. */
extern const char *XmlAttribute(const char **attributes, const char *name);

#endif							/* MEDALLION_XML_H */
