/*
 * xml.c
 *	  The XML of one part of a workbook.
 *
 *	  container entry -> pieces -> expat -> handler
 *
 * Handlers never jump: who finds something wrong notes it in the reader and
 * stops the parser.  A document type is refused, and with it every entity that
 * a file could define.
 */
#include "file/xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PIECE_BYTES CONTAINER_STEP
#define MAX_DEPTH 256
#define MAX_TOKEN_BYTES (16 * 1024 * 1024)	/* one tag: expat keeps it whole */

struct Xml
{
	Reader	   *reader;
	Container  *container;
	XML_Parser	parser;
	XmlHandler	handler;
	const char *path;			/* for messages; the caller's */
	int			depth;
	uint64_t	silent;			/* bytes given to expat since it last told of anything */
	bool		watched;		/* someone wants to know where start tags end */
	uint64_t	tag_end;		/* where the last one did */
	bool		other_encoding; /* than UTF-8 is declared */
};

/* A name without its prefix. */
static const char *
LocalName(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void
HandleStart(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	Xml		   *xml = arg;

	xml->silent = 0;
	if (xml->watched)
		xml->tag_end = XML_GetCurrentByteIndex(xml->parser) + XML_GetCurrentByteCount(xml->parser);
	if (++xml->depth > MAX_DEPTH)
	{
		ReaderFail(xml->reader, READER_LIMIT, "part \"%s\" is nested more than %d deep", xml->path, MAX_DEPTH);
		XmlStop(xml);
		return;
	}
	xml->handler.start(xml->handler.arg, LocalName(name), attributes);
}

static void
HandleEnd(void *arg, const XML_Char *name)
{
	Xml		   *xml = arg;

	xml->silent = 0;
	xml->depth--;
	if (xml->handler.end != NULL)
		xml->handler.end(xml->handler.arg, LocalName(name));
}

static void
HandleText(void *arg, const XML_Char *text, int length)
{
	Xml		   *xml = arg;

	xml->silent = 0;
	xml->handler.text(xml->handler.arg, text, length);
}

static void
RefuseDoctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
	Xml		   *xml = arg;

	(void) name;
	(void) system;
	(void) public;
	(void) internal;
	ReaderFail(xml->reader, READER_ERROR, "part \"%s\" has a document type, which no spreadsheet needs", xml->path);
	XmlStop(xml);
}

static void
HandleDeclaration(void *arg, const XML_Char *version, const XML_Char *encoding, int standalone)
{
	Xml		   *xml = arg;

	(void) version;
	(void) standalone;
	xml->other_encoding = encoding != NULL && strcasecmp(encoding, "utf-8") != 0;
}

/* Opens a part. */
Xml *
XmlOpen(Reader *reader, Container *container, const char *path, const XmlHandler *handler)
{
	Xml		   *xml;

	if (ContainerOpenEntry(container, path) != READER_OK)
		return NULL;
	xml = calloc(1, sizeof(Xml));
	if (xml != NULL)
		xml->parser = XML_ParserCreate(NULL);
	if (xml == NULL || xml->parser == NULL)
	{
		free(xml);
		ReaderFail(reader, READER_NO_MEMORY, "out of memory");
		return NULL;
	}
	xml->reader = reader;
	xml->container = container;
	xml->handler = *handler;
	xml->path = path;
	XML_SetUserData(xml->parser, xml);
	XML_SetElementHandler(xml->parser, HandleStart, HandleEnd);
	if (handler->text != NULL)
		XML_SetCharacterDataHandler(xml->parser, HandleText);
	XML_SetStartDoctypeDeclHandler(xml->parser, RefuseDoctype);
	XML_SetXmlDeclHandler(xml->parser, HandleDeclaration);
	return xml;
}

/* What expat found wrong, unless a handler stopped it. */
static ReaderStatus
ParserFailure(Xml *xml)
{
	enum XML_Error error = XML_GetErrorCode(xml->parser);

	if (xml->reader->status != READER_OK)
		return xml->reader->status;
	if (error == XML_ERROR_NO_MEMORY)
		return ReaderFail(xml->reader, READER_NO_MEMORY, "out of memory");
	return ReaderFail(xml->reader, READER_ERROR, "part \"%s\" is not well-formed: %s", xml->path,
					  XML_ErrorString(error));
}

/* Has expat kept a tag for longer than it may? */
static ReaderStatus
CheckSilence(Xml *xml)
{
	if (xml->silent > MAX_TOKEN_BYTES)
		return ReaderFail(xml->reader, READER_LIMIT, "part \"%s\" has a tag of more than %d bytes", xml->path,
						  MAX_TOKEN_BYTES);
	return READER_OK;
}

/* Parses one piece. */
ReaderStatus
XmlStep(Xml *xml)
{
	char	   *buffer = XML_GetBuffer(xml->parser, PIECE_BYTES);
	ReaderStatus status;
	ptrdiff_t	got;

	if (buffer == NULL)
		return ReaderFail(xml->reader, READER_NO_MEMORY, "out of memory");
	got = ContainerRead(xml->container, buffer, PIECE_BYTES);
	if (got < 0)
		return xml->reader->status;
	xml->silent += got;
	if (XML_ParseBuffer(xml->parser, got, got == 0) != XML_STATUS_OK)
		return ParserFailure(xml);
	status = CheckSilence(xml);
	return status == READER_OK && got == 0 ? READER_END : status;
}

/* Parses bytes that the caller has read, in pieces as well. */
ReaderStatus
XmlFeed(Xml *xml, const char *bytes, size_t length, bool last)
{
	ReaderStatus status = READER_OK;

	while (status == READER_OK && (length > 0 || last))
	{
		size_t		piece = length < PIECE_BYTES ? length : PIECE_BYTES;

		xml->silent += piece;
		if (XML_Parse(xml->parser, bytes, piece, last && piece == length) != XML_STATUS_OK)
			return ParserFailure(xml);
		status = CheckSilence(xml);
		if (piece == length)
			break;
		bytes += piece;
		length -= piece;
	}
	return status;
}

/* The same; does the last byte end a start tag, and are they UTF-8? */
ReaderStatus
XmlFeedToTag(Xml *xml, const char *bytes, size_t length, bool *at_tag)
{
	ReaderStatus status;

	xml->watched = true;
	status = XmlFeed(xml, bytes, length, false);
	xml->watched = false;
	*at_tag = xml->tag_end == length && !xml->other_encoding;
	return status;
}

/* Parses a part to its end. */
ReaderStatus
XmlParse(Reader *reader, Container *container, const char *path, const XmlHandler *handler)
{
	Xml		   *xml = XmlOpen(reader, container, path, handler);
	ReaderStatus status;

	if (xml == NULL)
		return reader->status;
	while ((status = XmlStep(xml)) == READER_OK)
		;
	XmlClose(xml);
	return status == READER_END ? READER_OK : status;
}

void
XmlStop(Xml *xml)
{
	XML_StopParser(xml->parser, XML_FALSE);
}

void
XmlClose(Xml *xml)
{
	if (xml == NULL)
		return;
	ContainerCloseEntry(xml->container);
	XML_ParserFree(xml->parser);
	free(xml);
}

/* The value of an attribute, or NULL. */
const char *
XmlAttribute(const char **attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
	{
		if (strcmp(LocalName(attributes[0]), name) == 0)
			return attributes[1];
	}
	return NULL;
}
