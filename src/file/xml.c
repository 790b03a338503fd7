/*
 * xml.c
 *	  The XML of one part of a workbook, or of a whole file.
 *
 *	  container entry or file -> pieces -> expat -> handler
 *	                                    -> xml_plain.c, as far as that goes
 *
 * Handlers never jump: who finds something wrong notes it in the reader and
 * stops the parser.  A document type is refused, and with it every entity that
 * a file could define.
 */
#include "file/xml.h"

#include <ctype.h>
#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file/charset.h"
#include "file/xml_character.h"
#include "file/xml_plain.h"

#define PIECE_BYTES CONTAINER_STEP
#define MAX_TOKEN_BYTES (16 * 1024 * 1024)	/* one tag: expat keeps it whole */

#define WHAT_SIZE 256
#define MAX_REFERENCE 8			/* bytes of &#x001F; */

/* expat 2.9 counts bytes in 64 bits everywhere, and warns of the other functions. */
#if XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION < 9
#define XML_GetCurrentByteIndex64 XML_GetCurrentByteIndex
#define XML_GetCurrentByteCount64 XML_GetCurrentByteCount
#endif

struct Xml
{
	Reader	   *reader;
	Container  *container;		/* NULL: the file itself */
	uint64_t	offset;			/* in the file */
	bool		wide;			/* UTF-16 */
	bool		tolerates_doctype;
	XML_Parser	parser;
	PlainXml   *plain;			/* reads until something irregular comes, if not NULL */
	XmlHandler	handler;
	char		what[WHAT_SIZE];	/* part "..."; for messages */
	uint32_t	depth;
	int			unheard;		/* tags to come that the handler knows already */
	uint64_t	silent;			/* bytes given to expat since it last told of anything */
	bool		watched;		/* someone wants to know where start tags end */
	uint64_t	tag_end;		/* where the last one did */
	bool		other_encoding; /* than UTF-8 is declared */
};

/* A name without its prefix. */
const char *
XmlLocalName(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

/* Was the handler told of this tag by the plain parser? */
static bool
IsKnown(Xml *xml)
{
	bool		known = xml->unheard > 0;

	xml->unheard -= known;
	return known;
}

static void
HandleStart(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	Xml		   *xml = arg;

	xml->silent = 0;
	if (IsKnown(xml))
		return;
	if (xml->watched)
		xml->tag_end = XML_GetCurrentByteIndex64(xml->parser) + XML_GetCurrentByteCount64(xml->parser);
	if (++xml->depth > xml->reader->options.max_xml_depth)
	{
		ReaderFail(xml->reader, READER_LIMIT, "%s is nested deeper than max_xml_depth (%u)", xml->what,
				   xml->reader->options.max_xml_depth);
		XmlStop(xml);
		return;
	}
	xml->handler.start(xml->handler.arg, XmlLocalName(name), attributes);
}

static void
HandleEnd(void *arg, const XML_Char *name)
{
	Xml		   *xml = arg;

	xml->silent = 0;
	if (IsKnown(xml))
		return;
	xml->depth--;
	if (xml->handler.end != NULL)
		xml->handler.end(xml->handler.arg, XmlLocalName(name));
}

static void
HandleText(void *arg, const XML_Char *text, int length)
{
	Xml		   *xml = arg;
	char		control;

	xml->silent = 0;
	/* a reference comes alone */
	if (length == 3 && xml->container == NULL && XML_GetCurrentByteCount64(xml->parser) == CONTROL_REFERENCE &&
		(control = XmlControl(text)) != 0)
		xml->handler.text(xml->handler.arg, &control, 1);
	else
		xml->handler.text(xml->handler.arg, text, length);
}

static void
RefuseDoctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
	Xml		   *xml = arg;

	(void) name;
	(void) system;
	(void) public;
	if (xml->tolerates_doctype && !internal)
		return;
	ReaderFail(xml->reader, READER_ERROR, "%s has a document type, which no spreadsheet needs", xml->what);
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

/* Encodings that expat does not know: those of one byte a character, as old
 * programs write them. */
static int
UnknownEncoding(void *arg, const XML_Char *name, XML_Encoding *encoding)
{
	(void) arg;
	encoding->data = NULL;
	encoding->convert = NULL;
	encoding->release = NULL;
	return CharsetTable(name, encoding->map) ? XML_STATUS_OK : XML_STATUS_ERROR;
}

/* Opens a part. */
Xml *
XmlOpen(Reader *reader, Container *container, const char *path, const XmlHandler *handler)
{
	Xml		   *xml;

	if (container != NULL && ContainerOpenEntry(container, path) != READER_OK)
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
	snprintf(xml->what, sizeof(xml->what), container ? "part \"%s\"" : "%s", path);
	XML_SetUserData(xml->parser, xml);
	XML_SetElementHandler(xml->parser, HandleStart, HandleEnd);
	if (handler->text != NULL)
		XML_SetCharacterDataHandler(xml->parser, HandleText);
	XML_SetUnknownEncodingHandler(xml->parser, UnknownEncoding, NULL);
	XML_SetStartDoctypeDeclHandler(xml->parser, RefuseDoctype);
	XML_SetXmlDeclHandler(xml->parser, HandleDeclaration);
	return xml;
}

/* Lets xml_plain.c read; a strict reader, or one out of memory, does without. */
void
XmlExpectPlain(Xml *xml)
{
	if (!xml->reader->options.strict)
		xml->plain = PlainOpen(xml->reader, &xml->handler, xml->container == NULL);
}

void
XmlTolerateDoctype(Xml *xml)
{
	xml->tolerates_doctype = true;
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
	return ReaderFail(xml->reader, READER_ERROR, "%s is not well-formed: %s", xml->what,
					  XML_ErrorString(error));
}

/* Has expat kept a tag for longer than it may? */
static ReaderStatus
CheckSilence(Xml *xml)
{
	if (xml->silent > MAX_TOKEN_BYTES)
		return ReaderFail(xml->reader, READER_LIMIT, "%s has a tag of more than %d bytes", xml->what,
						  MAX_TOKEN_BYTES);
	return READER_OK;
}

/* The number of a character reference, &#7; or &#x7;, and its length; -1 if it
 * is none, or goes on behind the end. */
static long
ReferenceAt(const char *p, const char *end, int *length)
{
	char		copy[MAX_REFERENCE + 1] = "";
	size_t		available = end - p < MAX_REFERENCE ? end - p : MAX_REFERENCE;
	const char *semicolon = memchr(p, ';', available);
	bool		hex = available > 3 && (p[2] == 'x' || p[2] == 'X');
	const char *digits = p + (hex ? 3 : 2);
	char	   *stop;
	long		code;

	if (semicolon == NULL || semicolon <= digits || p[1] != '#' || !isxdigit((unsigned char) *digits))
		return -1;
	memcpy(copy, p, semicolon - p);
	*length = semicolon - p + 1;
	code = strtol(copy + (digits - p), &stop, hex ? 16 : 10);
	return *stop == '\0' ? code : -1;
}

/*
 * Excel writes control characters as references, which XML does not allow and
 * expat refuses.  They are copied as references to what stands for them
 * (XML_CONTROLS), twice as long at most; NUL, which no text may hold, as a space.
 * The piece must not end within one: returns how much of it was taken, *made is
 * how much it became.  (Nobody writes such a reference where it is none, in CDATA.)
 */
static size_t
CopyPiece(char *out, size_t *made, const char *piece, size_t length)
{
	const char *p = piece;
	const char *end = piece + length;
	char	   *start = out;

	while (p < end)
	{
		const char *plain_end = memchr(p, '&', end - p);
		size_t		plain = (plain_end ? plain_end : end) - p;
		char		instead[CONTROL_REFERENCE + 1];
		int			taken = 1;
		long		code;

		memmove(out, p, plain);
		out += plain;
		p += plain;
		if (p == end)
			break;
		code = ReferenceAt(p, end, &taken);
		if (code < 0 && end - p < MAX_REFERENCE && length == PIECE_BYTES / 2)
			break;
		if (code < 0 || code >= ' ' || code == '\t' || code == '\n' || code == '\r')
		{
			*out++ = *p++;
			continue;
		}
		snprintf(instead, sizeof(instead), "&#x%04X;", (unsigned) (code == 0 ? ' ' : XML_CONTROLS + code));
		memcpy(out, instead, CONTROL_REFERENCE);
		out += CONTROL_REFERENCE;
		p += taken;
	}
	*made = out - start;
	return p - piece;
}

/* The next piece of the file; its length, 0 at the end, -1 with the reason in the reader. */
static ptrdiff_t
ReadFile(Xml *xml, char *buffer)
{
	Reader	   *reader = xml->reader;
	char	   *piece = buffer + PIECE_BYTES / 2;	/* so that what grows does not overtake it */
	ptrdiff_t	got;
	size_t		made;

	if (reader->options.interrupted != NULL && reader->options.interrupted())
	{
		ReaderFail(reader, READER_CANCELLED, "cancelled");
		return -1;
	}
	got = ReadAt(reader->fd, piece, PIECE_BYTES / 2, xml->offset);
	if (got < 0)
	{
		ReaderFail(reader, READER_ERROR, "could not read the file: %s", strerror(errno));
		return -1;
	}
	if (xml->offset == 0)
		xml->wide = got >= 2 && (piece[0] == '\0' || piece[1] == '\0' || (unsigned char) piece[0] >= 0xFE);
	made = got;
	if (xml->wide)
		memmove(buffer, piece, got);
	else
		got = CopyPiece(buffer, &made, piece, got);
	reader->done = xml->offset += got;
	return made;
}

/* The next piece, at most PIECE_BYTES, of whatever it is. */
static ptrdiff_t
ReadPiece(Xml *xml, char *buffer)
{
	return xml->container ? ContainerRead(xml->container, buffer, PIECE_BYTES) : ReadFile(xml, buffer);
}

/* Parses one piece. */
static ReaderStatus
ParsePiece(Xml *xml)
{
	char	   *buffer = XML_GetBuffer(xml->parser, PIECE_BYTES);
	ReaderStatus status;
	ptrdiff_t	got;

	if (buffer == NULL)
		return ReaderFail(xml->reader, READER_NO_MEMORY, "out of memory");
	got = ReadPiece(xml, buffer);
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

/* Brings the parser to where the plain one is.  It may put off telling of tags. */
static bool
CatchUp(Xml *xml, const PlainXml *plain)
{
	const char *prologue = PlainPrologue(plain);
	bool		well;

	xml->depth = PlainDepth(plain);
	xml->unheard = prologue[0] == '<' ? 2 : xml->depth;
	well = XML_Parse(xml->parser, prologue, strlen(prologue), false) == XML_STATUS_OK;
	for (uint32_t level = 0; well && level < xml->depth; level++)
	{
		const char *name = PlainOpenName(plain, level);

		well = XML_Parse(xml->parser, "<", 1, false) == XML_STATUS_OK &&
			XML_Parse(xml->parser, name, strlen(name), false) == XML_STATUS_OK &&
			XML_Parse(xml->parser, ">", 1, false) == XML_STATUS_OK;
	}
	return well;
}

/* Leaves what the plain parser did not take, and all behind it, to the general one. */
static ReaderStatus
HandOver(Xml *xml, bool last)
{
	PlainXml   *plain = xml->plain;
	size_t		length;
	const char *rest = PlainRest(plain, &length);
	ReaderStatus status;

	xml->plain = NULL;
	status = CatchUp(xml, plain) ? XmlFeed(xml, rest, length, last) : ParserFailure(xml);
	PlainClose(plain);
	return status == READER_OK && last ? READER_END : status;
}

/* Takes one piece without expat, as long as that is possible. */
static ReaderStatus
TakePiece(Xml *xml)
{
	Reader	   *reader = xml->reader;
	char	   *room = PlainRoom(xml->plain);
	PlainStatus status;
	ReaderStatus failure;
	ptrdiff_t	got;

	if (room == NULL)
		return HandOver(xml, false);
	got = ReadPiece(xml, room);
	if (got < 0)
	{
		/* what was read before the failure may be wrong as well, and comes first */
		failure = reader->status;
		if (failure == READER_CANCELLED || failure == READER_NO_MEMORY)
			return failure;
		reader->status = READER_OK;
		if (HandOver(xml, false) == READER_OK)
			reader->status = failure;
		return reader->status;
	}
	status = PlainTake(xml->plain, got);
	if (reader->status != READER_OK)
		return reader->status;
	if (status == PLAIN_IRREGULAR)
		return HandOver(xml, got == 0);
	return status == PLAIN_END ? READER_END : READER_OK;
}

/* Parses one piece. */
ReaderStatus
XmlStep(Xml *xml)
{
	return xml->plain != NULL ? TakePiece(xml) : ParsePiece(xml);
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
	if (xml->plain == NULL)
		XML_StopParser(xml->parser, XML_FALSE);
}

void
XmlClose(Xml *xml)
{
	if (xml == NULL)
		return;
	if (xml->container != NULL)
		ContainerCloseEntry(xml->container);
	PlainClose(xml->plain);
	XML_ParserFree(xml->parser);
	free(xml);
}

/* The value of an attribute, or NULL. */
const char *
XmlAttribute(const char **attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
	{
		if (strcmp(XmlLocalName(attributes[0]), name) == 0)
			return attributes[1];
	}
	return NULL;
}
