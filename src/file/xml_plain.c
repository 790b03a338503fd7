/*
 * xml_plain.c
 *	  Reads XML of the plain kind that programs write, fast.
 *
 * Functions that scan take the place where they begin and return the place
 * behind what they took; or NULL, and plain->stuck is the byte that they did not
 * expect.  Near the window's end that may mean no more than that the rest is
 * not there yet.  Nothing is changed and no handler called before a tag is known
 * to be whole: what is stuck can be read again, here or by the parser.
 */
#include "file/encoding.h"
#include "file/xml_character.h"
#include "file/xml_plain.h"

#include <stdlib.h>
#include <strings.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define PADDING 64				/* zero bytes behind the window: no look-ahead leaves it */
#define LAST_WINDOW (8 * CONTAINER_STEP)	/* no regular tag is as long */
#define LOOK_AHEAD 32			/* stuck so near the end, a word may only have been cut */
#define MAX_ATTRIBUTES 64		/* the root of a document names many namespaces */
#define MAX_OPEN 64				/* elements inside each other */

typedef struct PlainAttribute
{
	char	   *name;
	size_t		name_length;
	char	   *value;
	size_t		value_length;
	bool		coded;			/* has references or white space to be made spaces */
} PlainAttribute;

struct PlainXml
{
	Reader	   *reader;
	XmlHandler	handler;
	char	   *window;
	size_t		capacity;		/* without the padding */
	char	   *next;			/* the first byte not taken */
	char	   *end;			/* padding follows */
	bool		at_end;			/* of the document */
	bool		begun;			/* the declaration is behind, if there is one */
	bool		taken;			/* anything was */
	bool		rooted;			/* the root element was */
	bool		controls;		/* references to XML_CONTROLS are control characters */
	const char *stuck;
	PlainAttribute attributes[MAX_ATTRIBUTES];
	int			count;
	Buffer		open;			/* names of open elements, each with its NUL */
	size_t		starts[MAX_OPEN];	/* where they begin there */
	int			depth;
};

PlainXml *
PlainOpen(Reader *reader, const XmlHandler *handler, bool controls)
{
	PlainXml   *plain = calloc(1, sizeof(PlainXml));

	if (plain == NULL)
		return NULL;
	plain->reader = reader;
	plain->handler = *handler;
	plain->controls = controls;
	return plain;
}

void
PlainClose(PlainXml *plain)
{
	if (plain == NULL)
		return;
	free(plain->window);
	BufferFree(&plain->open);
	free(plain);
}

const char *
PlainRest(const PlainXml *plain, size_t *length)
{
	*length = plain->end - plain->next;
	return plain->next;
}

int
PlainDepth(const PlainXml *plain)
{
	return plain->depth;
}

const char *
PlainOpenName(const PlainXml *plain, int level)
{
	return plain->open.data + plain->starts[level];
}

const char *
PlainPrologue(const PlainXml *plain)
{
	if (plain->depth > 0 || !plain->taken)
		return "";
	return plain->rooted ? "<root/>" : "\n";	/* no declaration may follow */
}

/* Moves what was not taken to the front; room for a step behind it. */
char *
PlainRoom(PlainXml *plain)
{
	size_t		held = plain->end - plain->next;

	if (held > 0)
		memmove(plain->window, plain->next, held);
	if (plain->capacity - held < CONTAINER_STEP)
	{
		size_t		capacity = plain->capacity ? plain->capacity * 2 : 2 * CONTAINER_STEP;
		char	   *window = capacity <= LAST_WINDOW ? realloc(plain->window, capacity + PADDING) : NULL;

		if (window == NULL)
		{
			plain->next = plain->window;
			plain->end = plain->window + held;
			return NULL;
		}
		plain->window = window;
		plain->capacity = capacity;
	}
	plain->next = plain->window;
	plain->end = plain->window + held;
	return plain->end;
}

/* Notes the byte that was not expected. */
static char *
Unexpected(PlainXml *plain, const char *p)
{
	plain->stuck = p;
	return NULL;
}

/* The first byte that is markup, a reference, control, not ASCII, or this one. */
static inline char *
SkipOrdinary(char *p, char other)
{
#ifdef __SSE2__
	for (;; p += 16)
	{
		__m128i		bytes = _mm_loadu_si128((const __m128i *) p);
		__m128i		special = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
		int			mask;

		special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('<')));
		special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('&')));
		special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(other)));
		mask = _mm_movemask_epi8(special);
		if (mask != 0)
			return p + __builtin_ctz(mask);
	}
#else
	while ((signed char) *p >= ' ' && *p != '<' && *p != '&' && *p != other)
		p++;
	return p;
#endif
}

/* The value of an attribute, from its quote; behind it. */
static char *
TakeValue(PlainXml *plain, char *p, PlainAttribute *attribute)
{
	char		quote = *p++;

	if (quote != '"' && quote != '\'')
		return Unexpected(plain, p - 1);
	attribute->value = p;
	attribute->coded = false;
	while (*(p = SkipOrdinary(p, quote)) != quote)
	{
		size_t		length = 0;

		if ((signed char) *p < 0)
			length = XmlCharacterLength(p);
		else if (*p == '&')
		{
			if (XmlReference(p, &length) == 0)
				length = 0;
			attribute->coded = true;
		}
		else if (*p == '\n' || *p == '\t')
			length = attribute->coded = true;
		if (length == 0)
			return Unexpected(plain, p);
		p += length;
	}
	attribute->value_length = p - attribute->value;
	return p + 1;
}

/* Has the last attribute the name of another? */
static bool
IsRepeated(const PlainXml *plain)
{
	const PlainAttribute *last = &plain->attributes[plain->count - 1];

	for (const PlainAttribute *other = plain->attributes; other < last; other++)
	{
		if (other->name_length == last->name_length && memcmp(other->name, last->name, last->name_length) == 0)
			return true;
	}
	return false;
}

/* Attributes, from behind the tag's name; at the byte that ends the tag. */
static char *
TakeAttributes(PlainXml *plain, char *p)
{
	for (plain->count = 0;;)
	{
		PlainAttribute *attribute = &plain->attributes[plain->count];
		const char *before = p;

		p = (char *) SkipBlanks(p);
		if (*p == '>' || *p == '/' || *p == '?')
			return p;
		if (p == before || plain->count == MAX_ATTRIBUTES)
			return Unexpected(plain, p);
		attribute->name = p;
		p = (char *) SkipName(p);
		attribute->name_length = p - attribute->name;
		p = (char *) SkipBlanks(p);
		if (attribute->name_length == 0 || *p != '=')
			return Unexpected(plain, p);
		p = TakeValue(plain, (char *) SkipBlanks(p + 1), attribute);
		if (p == NULL)
			return NULL;
		plain->count++;
		if (IsRepeated(plain))
			return Unexpected(plain, p);
	}
}

/* Makes a value what it stands for, where it is: it never grows. */
static void
Decode(PlainAttribute *attribute)
{
	const char *p = attribute->value;
	const char *end = p + attribute->value_length;
	char	   *out = attribute->value;

	while (p < end)
	{
		size_t		length = 1;

		if (*p == '&')
			out += PutCodePoint(out, XmlReference(p, &length));
		else
			*out++ = *p == '\n' || *p == '\t' ? ' ' : *p;
		p += length;
	}
	attribute->value_length = out - attribute->value;
}

/* Tells the handler of a tag, whose texts become strings where they are. */
static void
TellStart(PlainXml *plain, const char *name)
{
	const char *strings[2 * MAX_ATTRIBUTES + 1];

	for (int i = 0; i < plain->count; i++)
	{
		PlainAttribute *attribute = &plain->attributes[i];

		if (attribute->coded)
			Decode(attribute);
		attribute->name[attribute->name_length] = '\0';
		attribute->value[attribute->value_length] = '\0';
		strings[2 * i] = attribute->name;
		strings[2 * i + 1] = attribute->value;
	}
	strings[2 * plain->count] = NULL;
	plain->handler.start(plain->handler.arg, XmlLocalName(name), strings);
}

static void
TellEnd(PlainXml *plain, const char *name)
{
	if (plain->handler.end != NULL && plain->reader->status == READER_OK)
		plain->handler.end(plain->handler.arg, XmlLocalName(name));
}

/* Notes that an element is open; false if out of memory. */
static bool
Push(PlainXml *plain, const char *name, size_t length)
{
	plain->starts[plain->depth] = plain->open.length;
	if (!BufferAppend(&plain->open, name, length + 1))
	{
		ReaderFail(plain->reader, READER_NO_MEMORY, "out of memory");
		return false;
	}
	plain->depth++;
	return true;
}

/* <name attribute="value">, or an empty element. */
static char *
TakeStart(PlainXml *plain, char *p)
{
	char	   *name = p + 1;
	char	   *name_end = (char *) SkipName(name);
	bool		empty;

	if (plain->depth == MAX_OPEN || (plain->depth == 0 && plain->rooted))
		return Unexpected(plain, plain->window);
	p = TakeAttributes(plain, name_end);
	if (p == NULL)
		return NULL;
	empty = *p == '/';
	p += empty;
	if (*p != '>')
		return Unexpected(plain, p);
	*name_end = '\0';
	plain->rooted = true;
	if (!empty && !Push(plain, name, name_end - name))
		return Unexpected(plain, p);
	TellStart(plain, name);
	if (empty)
		TellEnd(plain, name);
	return p + 1;
}

/* </name> */
static char *
TakeEnd(PlainXml *plain, char *p)
{
	size_t		start;
	size_t		length;

	if (plain->depth == 0)
		return Unexpected(plain, p);
	start = plain->starts[plain->depth - 1];
	length = plain->open.length - start - 1;
	if ((size_t) (plain->end - p) < length + 3)
		return Unexpected(plain, plain->end);
	if (memcmp(p + 2, plain->open.data + start, length) != 0)
		return Unexpected(plain, p);
	p = (char *) SkipBlanks(p + 2 + length);
	if (*p != '>')
		return Unexpected(plain, p);
	plain->depth--;
	plain->open.length = start;
	TellEnd(plain, plain->open.data + start);
	return p + 1;
}

/* <?xml version="1.0" encoding="UTF-8"?>, from behind <?xml. */
static char *
TakeDeclaration(PlainXml *plain, char *p)
{
	static const char *const names[] = {"version", "encoding", "standalone"};
	int			given = 0;

	p = TakeAttributes(plain, p);
	if (p == NULL)
		return NULL;
	if (p[0] != '?' || p[1] != '>')
		return Unexpected(plain, p);
	for (int i = 0; i < 3 && given < plain->count; i++)
	{
		const PlainAttribute *attribute = &plain->attributes[given];
		const char *value = attribute->value;
		size_t		length = attribute->value_length;

		if (attribute->name_length != strlen(names[i]) || memcmp(attribute->name, names[i], attribute->name_length) != 0)
			continue;
		if ((i == 0 && length == 3 && BEGINS(value, "1.0")) || (i == 1 && length == 5 && strncasecmp(value, "utf-8", 5) == 0) ||
			(i == 2 && ((length == 3 && BEGINS(value, "yes")) || (length == 2 && BEGINS(value, "no")))))
			given++;
	}
	if (given == 0 || given < plain->count || !BEGINS(plain->attributes[0].name, "version"))
		return Unexpected(plain, plain->window);
	return p + 2;
}

/* What only the beginning of a document may have: a mark of UTF-8, a declaration. */
static char *
TakeBeginning(PlainXml *plain, char *p)
{
	char	   *first = p;

	if (plain->end - p < LOOK_AHEAD && !plain->at_end)
		return Unexpected(plain, plain->end);
	if (BEGINS(p, "\xEF\xBB\xBF"))
		p += 3;
	if (BEGINS(p, "<?xml") && IsBlank(p[5]))
		p = TakeDeclaration(plain, p + 5);
	else if (p == first && *p != '<' && !IsBlank(*p))
		return Unexpected(plain, plain->window);
	plain->begun = p != NULL;
	return p;
}

/* <?name ...?>, which means nothing to us. */
static char *
TakeInstruction(PlainXml *plain, char *p)
{
	char	   *name = p + 2;

	p = (char *) SkipName(name);
	if (p == name || memchr(name, ':', p - name) != NULL || (p - name == 3 && strncasecmp(name, "xml", 3) == 0))
		return Unexpected(plain, p);
	if (!IsBlank(*p) && *p != '?')
		return Unexpected(plain, p);
	while (IsBlank(*p) || ((signed char) *p >= ' ' && *p != '?'))
		p++;
	return BEGINS(p, "?>") ? p + 2 : Unexpected(plain, p);
}

/* One character of text that does not stand for itself. */
static char *
TakeSpecial(PlainXml *plain, char *p)
{
	size_t		length = 1;
	uint32_t	code = 0;
	char		text[8];
	int			made;

	if (*p == '&')
		code = XmlReference(p, &length);
	else if (*p == '\r' && p + 1 < plain->end)
	{
		code = '\n';
		length = p[1] == '\n' ? 2 : 1;
	}
	if (code == 0)
		return Unexpected(plain, p);
	made = PutCodePoint(text, code);
	if (plain->controls && made == 3 && length == CONTROL_REFERENCE && XmlControl(text) != 0)
	{
		text[0] = XmlControl(text);
		made = 1;
	}
	if (plain->handler.text != NULL)
		plain->handler.text(plain->handler.arg, text, made);
	return p + length;
}

/* Text, as far as it stands for itself. */
static char *
TakeText(PlainXml *plain, char *p)
{
	char	   *text = p;

	for (;;)
	{
		int			length = 0;

		p = SkipOrdinary(p, ']');
		if ((signed char) *p < 0)
			length = XmlCharacterLength(p);
		else if (*p == '\n' || *p == '\t')
			length = 1;
		else if (*p == ']')
			length = plain->end - p > 2 && !BEGINS(p, "]]>");
		if (length == 0)
			break;
		p += length;
	}
	if (p == text)
		return TakeSpecial(plain, p);
	if (plain->handler.text != NULL)
		plain->handler.text(plain->handler.arg, text, p - text);
	return p;
}

static char *
TakeToken(PlainXml *plain, char *p)
{
	if (!plain->begun)
		return TakeBeginning(plain, p);
	if (*p != '<')
	{
		if (plain->depth > 0)
			return TakeText(plain, p);
		return IsBlank(*p) ? (char *) SkipBlanks(p) : Unexpected(plain, p);
	}
	if (IsNameStart(p[1]))
		return TakeStart(plain, p);
	if (p[1] == '/')
		return TakeEnd(plain, p);
	return p[1] == '?' ? TakeInstruction(plain, p) : Unexpected(plain, p);
}

PlainStatus
PlainTake(PlainXml *plain, size_t length)
{
	plain->end += length;
	plain->at_end = length == 0;
	memset(plain->end, 0, PADDING);
	while (plain->next < plain->end)
	{
		char	   *p = TakeToken(plain, plain->next);

		if (plain->reader->status != READER_OK)
			return PLAIN_IRREGULAR;
		if (p == NULL)
			return plain->at_end || plain->end - plain->stuck > LOOK_AHEAD ? PLAIN_IRREGULAR : PLAIN_MORE;
		plain->taken |= p > plain->next;
		plain->next = p;
	}
	if (!plain->at_end)
		return PLAIN_MORE;
	return plain->depth == 0 && plain->rooted ? PLAIN_END : PLAIN_IRREGULAR;
}
