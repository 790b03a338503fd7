/*
 * xlsx_scan.c
 *	  What scanners of rows and of strings share: the window, text, tags.
 *
 * Functions that scan take the place where they begin and return the place
 * behind what they took; or NULL, and scan->stuck is the byte that they did not
 * expect.  Near the window's end that may mean no more than that the rest is
 * not there yet: ScanMore() decides.
 */
#include "file/encoding.h"
#include "file/xlsx_scan.h"

#include <stdlib.h>

#define FIRST_WINDOW (2 * CONTAINER_STEP)
#define LAST_WINDOW (64 * CONTAINER_STEP)	/* no regular row is as long */

/* No word that scanners compare with is as long.  Stuck within so many bytes of
 * the end, one may only have been cut. */
#define LOOK_AHEAD 32

/*
 * Makes the window of a size, and the arena that goes with it.  The arena never
 * moves while a row is scanned: decoded texts are no longer than what they are
 * decoded from, and each cell adds one spelled number at most.
 */
static bool
MakeWindow(Scan *scan, size_t capacity)
{
	char	   *window = realloc(scan->window, capacity + SCAN_PADDING);
	char	   *arena;

	if (window == NULL)
		return false;
	scan->window = window;
	arena = realloc(scan->arena, capacity + (size_t) XLSX_MAX_COLUMNS * NUMBER_TEXT_SIZE);
	if (arena == NULL)
		return false;
	scan->arena = arena;
	scan->capacity = capacity;
	return true;
}

/* Reads one step into the window, behind what it holds. */
static ScanStatus
ReadStep(Scan *scan, size_t held)
{
	Reader	   *reader = scan->reader;
	ptrdiff_t	got = ContainerRead(scan->container, scan->window + held, CONTAINER_STEP);

	scan->next = scan->window;
	scan->end = scan->window + held + (got > 0 ? got : 0);
	memset(scan->window + held + (got > 0 ? got : 0), 0, SCAN_PADDING);
	scan->at_end = got == 0;
	if (got >= 0)
		return SCAN_OK;
	if (reader->status == READER_CANCELLED || reader->status == READER_NO_MEMORY)
		return SCAN_FAILED;
	scan->failure = reader->status;
	reader->status = READER_OK;
	return SCAN_END;
}

/*
 * Opens a scan: the bytes up to the end of the opening tag go to the general
 * parser, whose handlers thus stand where the scan begins.
 */
ScanStatus
ScanOpen(Scan *scan, XlsxReader *xlsx, Xml *xml, const char *opening)
{
	ScanStatus	status;
	const char *tag;
	bool		at_tag;

	scan->reader = &xlsx->base;
	scan->container = xlsx->container;
	if (!MakeWindow(scan, FIRST_WINDOW))
	{
		ReaderFail(scan->reader, READER_NO_MEMORY, "out of memory");
		return SCAN_FAILED;
	}
	status = ReadStep(scan, 0);
	if (status != SCAN_OK)
		return status;
	/* the padding ends the string; a NUL byte before it is an error anyway */
	tag = strstr(scan->window, opening);
	tag = tag == NULL ? NULL : strchr(tag, '>');
	if (tag == NULL)
		return SCAN_END;
	scan->next = tag + 1;
	if (XmlFeedToTag(xml, scan->window, scan->next - scan->window, &at_tag) != READER_OK)
	{
		scan->failure = scan->reader->status;
		scan->reader->status = READER_OK;
		scan->next = scan->end;
		return SCAN_END;
	}
	return at_tag ? SCAN_OK : SCAN_END;
}

/*
 * The scanner is stuck: reads more bytes if that may help.  Behind a short rest
 * one step is enough, and stays in the processor's cache; a long row is not to
 * be scanned again for every step of it, so the window is filled.
 */
ScanStatus
ScanMore(Scan *scan)
{
	size_t		held = scan->end - scan->next;
	bool		fill = held >= CONTAINER_STEP;
	ScanStatus	status;

	if (scan->at_end || scan->end - scan->stuck > LOOK_AHEAD)
		return SCAN_END;
	memmove(scan->window, scan->next, held);
	scan->next = scan->window;
	scan->end = scan->window + held;
	if (scan->capacity - held < CONTAINER_STEP)
	{
		if (scan->capacity >= LAST_WINDOW)
			return SCAN_END;
		if (!MakeWindow(scan, scan->capacity * 2))
		{
			ReaderFail(scan->reader, READER_NO_MEMORY, "out of memory");
			return SCAN_FAILED;
		}
	}
	do
	{
		status = ReadStep(scan, held);
		held = scan->end - scan->window;
	} while (status == SCAN_OK && fill && !scan->at_end && scan->capacity - held >= CONTAINER_STEP);
	return status;
}

/* Gives what is left in the window to the general parser; then, if reading had
 * failed behind it, fails so. */
ReaderStatus
ScanHandOver(Scan *scan, Xml *xml)
{
	ReaderStatus status = XmlFeed(xml, scan->next, scan->end - scan->next, scan->at_end);

	if (status == READER_OK && scan->failure != READER_OK)
		status = scan->reader->status = scan->failure;
	return status;
}

void
ScanClose(Scan *scan)
{
	free(scan->window);
	free(scan->arena);
	memset(scan, 0, sizeof(Scan));
}

/* Text from its first byte that is not plain, to the next tag. */
const char *
ScanSpecialText(Scan *scan, const char *p, unsigned *flags)
{
	for (;;)
	{
		size_t		length = 1;

		if (*p == '<')
			return p;
		if (*p == '&')
		{
			if (XmlReference(p, &length) == 0)
				return Stuck(scan, p);
			*flags |= TEXT_CODED;
		}
		else if (*p == '\r')
			*flags |= TEXT_CODED;
		else if (*p == '_')
			*flags |= TEXT_ESCAPED;
		else if ((signed char) *p < 0)
			length = XmlCharacterLength(p);
		else if (*p != ']' ? *p < ' ' && *p != '\n' && *p != '\t' : BEGINS(p, "]]>"))
			return Stuck(scan, p);
		if (length == 0)
			return Stuck(scan, p);
		p = SkipPlain(p + length);
	}
}

/* Decodes references and line ends, which have been scanned, to a place; the
 * place behind. */
static char *
DecodeTo(const char *p, const char *end, char *out)
{
	while (p < end)
	{
		size_t		length;

		if (*p == '&')
		{
			out += PutCodePoint(out, XmlReference(p, &length));
			p += length;
		}
		else if (*p == '\r')
		{
			*out++ = '\n';
			p += p[1] == '\n' ? 2 : 1;
		}
		else
			*out++ = *p++;
	}
	return out;
}

/* Makes text what it stands for, in the arena if it is not so already. */
void
ScanDecode(Scan *scan, ScanText *text)
{
	char	   *out = scan->arena + scan->arena_used;

	if ((text->flags & TEXT_CODED) == 0)
		return;
	text->length = DecodeTo(text->text, text->text + text->length, out) - out;
	text->text = out;
	text->flags &= ~TEXT_CODED;
	/* a reference may stand for an underscore */
	text->flags |= TEXT_ESCAPED;
	scan->arena_used += text->length;
}

/* Decodes the _xHHHH_ of decoded text, in the arena. */
void
ScanUnescape(Scan *scan, ScanText *text)
{
	char	   *out = scan->arena + scan->arena_used;

	if ((text->flags & TEXT_ESCAPED) == 0 || text->length < 7 || memchr(text->text, '_', text->length) == NULL)
		return;
	if (text->text >= scan->arena && text->text < out)
		out = scan->arena + (text->text - scan->arena);
	else
	{
		memcpy(out, text->text, text->length);
		scan->arena_used += text->length;
	}
	text->text = out;
	text->length = DecodeEscapes(out, text->length);
}

/* The value of an attribute, from its quote; references in it are irregular. */
static const char *
ScanAttributeValue(Scan *scan, const char *p, ScanAttribute *attribute)
{
	char		quote = *p++;

	if (quote != '"' && quote != '\'')
		return Stuck(scan, p - 1);
	attribute->value = p;
	while (*p != quote)
	{
		int			length = 1;

		if ((signed char) *p < 0)
			length = XmlCharacterLength(p);
		else if (*p < ' ' || *p == '<' || *p == '&')
			length = 0;
		if (length == 0)
			return Stuck(scan, p);
		p += length;
	}
	attribute->value_length = p - attribute->value;
	return p + 1;
}

/* Has the tag's last attribute the name of another? */
static bool
IsRepeated(const ScanTag *tag)
{
	const ScanAttribute *last = &tag->attributes[tag->count - 1];

	for (const ScanAttribute *other = tag->attributes; other < last; other++)
	{
		if (other->name_length == last->name_length && memcmp(other->name, last->name, last->name_length) == 0)
			return true;
	}
	return false;
}

/* A start tag, from behind its name to its end. */
const char *
ScanTagEnd(Scan *scan, const char *p, ScanTag *tag)
{
	tag->count = 0;
	for (;;)
	{
		ScanAttribute *attribute = &tag->attributes[tag->count];
		const char *before = p;

		p = SkipBlanks(p);
		tag->empty = *p == '/';
		if (tag->empty)
			return p[1] == '>' ? p + 2 : Stuck(scan, p);
		if (*p == '>')
			return p + 1;
		if (p == before || tag->count == SCAN_MAX_ATTRIBUTES)
			return Stuck(scan, p);
		attribute->name = p;
		p = SkipName(p);
		attribute->name_length = p - attribute->name;
		p = SkipBlanks(p);
		if (attribute->name_length == 0 || *p != '=')
			return Stuck(scan, p);
		p = ScanAttributeValue(scan, SkipBlanks(p + 1), attribute);
		if (p == NULL)
			return NULL;
		tag->count++;
		if (IsRepeated(tag))
			return Stuck(scan, p);
	}
}

/* An element without content that has no meaning to us. */
static const char *
ScanOrdinaryElement(Scan *scan, const char *p)
{
	static const char *const meaningful[] = {"c", "extLst", "is", "rPh", "row", "sheetData", "si", "t", "v"};
	const char *name = p + 1;
	ScanTag		tag;

	if (*p != '<' || !IsNameStart(*name))
		return Stuck(scan, p);
	p = SkipName(name);
	for (size_t i = 0; i < sizeof(meaningful) / sizeof(meaningful[0]); i++)
	{
		if (strlen(meaningful[i]) == (size_t) (p - name) && memcmp(meaningful[i], name, p - name) == 0)
			return Stuck(scan, p);
	}
	if (memchr(name, ':', p - name) != NULL)
		return Stuck(scan, p);
	p = ScanTagEnd(scan, p, &tag);
	return p == NULL || tag.empty ? p : Stuck(scan, p);
}

/* A run's properties, <rPr> to </rPr>: elements without content. */
static const char *
ScanRunProperties(Scan *scan, const char *p)
{
	for (p = SkipBlanks(p + 5); !BEGINS(p, "</rPr>"); p = SkipBlanks(p))
	{
		p = ScanOrdinaryElement(scan, p);
		if (p == NULL)
			return NULL;
	}
	return p + 6;
}

/* A <t>, and what it holds. */
static const char *
ScanTextElement(Scan *scan, const char *p, ScanText *text)
{
	ScanTag		tag;

	if (!BEGINS(p, "<t>"))
	{
		if (!BEGINS(p, "<t") || (!IsBlank(p[2]) && p[2] != '/'))
			return Stuck(scan, p);
		p = ScanTagEnd(scan, p + 2, &tag);
		if (p == NULL)
			return NULL;
		*text = (ScanText) {p, 0, 0};
		if (tag.empty)
			return p;
	}
	else
		p += 3;
	p = ScanTextRun(scan, p, text);
	if (p == NULL)
		return NULL;
	return BEGINS(p, "</t>") ? p + 4 : Stuck(scan, p);
}

/* A run or a phonetic run, from behind its start tag: properties, then its text. */
static const char *
ScanRun(Scan *scan, const char *p, const char *closing, ScanText *text)
{
	size_t		length = strlen(closing);

	p = SkipBlanks(p);
	if (BEGINS(p, "<rPr>"))
		p = ScanRunProperties(scan, p);
	if (p != NULL)
		p = ScanTextElement(scan, SkipBlanks(p), text);
	if (p == NULL)
		return NULL;
	p = SkipBlanks(p);
	return memcmp(p, closing, length) == 0 ? p + length : Stuck(scan, p);
}

/* Adds text to text: both to be decoded, next to each other in the arena. */
static void
JoinText(Scan *scan, ScanText *text, ScanText *more)
{
	char	   *start = scan->arena + scan->arena_used;
	char	   *out;

	if (text->length > 0 && text->text + text->length == start)
		out = start;			/* what was joined before */
	else
	{
		out = DecodeTo(text->text, text->text + text->length, start);
		text->text = start;
	}
	out = DecodeTo(more->text, more->text + more->length, out);
	text->length = out - text->text;
	text->flags = TEXT_ESCAPED;
	scan->arena_used = out - scan->arena;
}

/*
 * A string, from behind its <si> or <is> to behind the tag that closes it: a
 * text, or runs of them, joined.  Phonetic runs are no text.
 */
const char *
ScanItem(Scan *scan, const char *p, const char *closing, ScanText *text)
{
	*text = (ScanText) {p, 0, 0};
	for (;;)
	{
		ScanText	part = {p, 0, 0};
		ScanTag		tag;

		p = SkipBlanks(p);
		if (memcmp(p, closing, 5) == 0)
			return p + 5;
		if (BEGINS(p, "<r>"))
			p = ScanRun(scan, p + 3, "</r>", &part);
		else if (BEGINS(p, "<rPh "))
		{
			p = ScanTagEnd(scan, p + 4, &tag);
			if (p != NULL && !tag.empty)
				p = ScanRun(scan, p, "</rPh>", &part);
			part.length = 0;
		}
		else if (BEGINS(p, "<t"))
			p = ScanTextElement(scan, p, &part);
		else
			p = ScanOrdinaryElement(scan, p);	/* <phoneticPr .../> */
		if (p == NULL)
			return NULL;
		if (text->length == 0)
			*text = part;
		else if (part.length > 0)
			JoinText(scan, text, &part);
	}
}
