/*
 * html_scan.c
 *	  A file of HTML -> tags and text.
 *
 *	  file -> pieces of 64 kB -> UTF-8 in a window -> tokens
 *
 * Nothing is required to be well-formed; comments, declarations, and what is
 * inside <script>, <title> and <xml> are stepped over.
 */
#include "file/html.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PIECE_BYTES (64 * 1024)
#define SAMPLE_BYTES 4096		/* in which a page names its encoding */
#define MAX_TAG_BYTES (1024 * 1024)
#define MAX_STYLE_BYTES (4 * 1024 * 1024)	/* what is behind them is not looked at */
#define MAX_ENTITY_BYTES 16		/* with "&" and ";" */

/* Elements whose content is no markup, or none of the page's. */
static const char *const raw_elements[] = {"script", "style", "xml", "title"};

static bool
IsSpace(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Finds text in text, whatever the case; NULL if it is not there. */
static const char *
Find(const char *text, const char *end, const char *wanted)
{
	size_t		length = strlen(wanted);

	for (; (size_t) (end - text) >= length; text++)
	{
		if (strncasecmp(text, wanted, length) == 0)
			return text;
	}
	return NULL;
}

/* A name behind "=", in quotes or not. */
static bool
NameBehind(const char *p, const char *end, char *name, size_t size)
{
	size_t		n = 0;

	while (p < end && (IsSpace(*p) || *p == '='))
		p++;
	if (p < end && (*p == '"' || *p == '\''))
		p++;
	for (; p < end && n < size - 1 && (isalnum((unsigned char) *p) || strchr("-_:.", *p) != NULL); p++)
		name[n++] = *p;
	name[n] = '\0';
	return n > 0;
}

/* The encoding that a page names: in a <meta>, or in an XML declaration. */
static bool
NamedCharset(const char *sample, size_t length, char *name, size_t size)
{
	const char *end = sample + length;
	const char *at = sample;

	while ((at = Find(at, end, "<meta")) != NULL)
	{
		const char *close = memchr(at, '>', end - at);
		const char *charset = Find(at, close ? close : end, "charset");

		if (charset != NULL && NameBehind(charset + 7, end, name, size))
			return true;
		at += 5;
	}
	at = Find(sample, end, "<?xml");
	if (at != NULL)
	{
		const char *close = memchr(at, '>', end - at);
		const char *encoding = Find(at, close ? close : end, "encoding");

		return encoding != NULL && NameBehind(encoding + 8, end, name, size);
	}
	return false;
}

/* The encoding by a byte order mark, or by the NULs of UTF-16. */
static const char *
CharsetByBytes(const char *sample, size_t length, size_t *mark)
{
	*mark = 0;
	if (length >= 3 && memcmp(sample, "\xEF\xBB\xBF", 3) == 0)
	{
		*mark = 3;
		return "utf-8";
	}
	if (length >= 2 && (memcmp(sample, "\xFF\xFE", 2) == 0 || memcmp(sample, "\xFE\xFF", 2) == 0))
	{
		*mark = 2;
		return sample[0] == '\xFF' ? "utf-16le" : "utf-16be";
	}
	if (length >= 2 && (sample[0] == '\0' || sample[1] == '\0'))
		return sample[0] == '\0' ? "utf-16be" : "utf-16le";
	return NULL;
}

/* Begins with a file: settles its encoding. */
ReaderStatus
HtmlScanOpen(HtmlScan *scan, Reader *reader)
{
	char		sample[SAMPLE_BYTES];
	char		named[40];
	const char *name;
	size_t		mark;
	ptrdiff_t	got = ReadAt(reader->fd, sample, sizeof(sample), 0);

	scan->reader = reader;
	if (got < 0)
		return ReaderFail(reader, READER_ERROR, "could not read the file: %s", strerror(errno));
	name = CharsetByBytes(sample, got, &mark);
	if (reader->options.encoding != NULL)
		name = reader->options.encoding;
	else if (name == NULL)
	{
		/* who can be read as ASCII this far is not in UTF-16, whatever it says */
		if (NamedCharset(sample, got, named, sizeof(named)) && strncasecmp(named, "utf-16", 6) != 0)
			name = named;
		else
			name = "utf-8";
	}
	scan->offset = mark;
	scan->charset = CharsetOpen(&name);
	if (scan->charset == NULL)
		return ReaderFail(reader, READER_UNSUPPORTED, "unknown encoding \"%s\"", name);
	snprintf(reader->detected, sizeof(reader->detected), "encoding=%s", name);
	return READER_OK;
}

void
HtmlScanClose(HtmlScan *scan)
{
	CharsetClose(scan->charset);
	BufferFree(&scan->window);
	BufferFree(&scan->style);
}

/* Drops what is behind, and adds a piece of the file; false with the reason in the reader. */
static bool
ReadMore(HtmlScan *scan)
{
	Reader	   *reader = scan->reader;
	char		piece[PIECE_BYTES];
	ptrdiff_t	got;

	if (reader->options.interrupted != NULL && reader->options.interrupted())
		return ReaderFail(reader, READER_CANCELLED, "cancelled") == READER_OK;
	got = ReadAt(reader->fd, piece, sizeof(piece), scan->offset);
	if (got < 0)
		return ReaderFail(reader, READER_ERROR, "could not read the file: %s", strerror(errno)) == READER_OK;
	if (scan->position > 0)
	{
		scan->window.length -= scan->position;
		memmove(scan->window.data, scan->window.data + scan->position, scan->window.length);
		scan->position = 0;
	}
	reader->done = scan->offset += got;
	scan->at_end = got < PIECE_BYTES;
	if (!CharsetConvert(scan->charset, piece, got, scan->at_end, &scan->window))
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory") == READER_OK;
	return true;
}

/* Sees to it that so many bytes are in the window, unless the file ends before. */
static bool
Await(HtmlScan *scan, size_t bytes)
{
	while (scan->window.length - scan->position < bytes && !scan->at_end)
	{
		if (!ReadMore(scan))
			return false;
	}
	return true;
}

/* Keeps text that is stepped over. */
static bool
Keep(HtmlScan *scan, Buffer *kept, size_t length)
{
	if (kept == NULL || kept->length + length > MAX_STYLE_BYTES ||
		BufferAppend(kept, scan->window.data + scan->position, length))
		return true;
	return ReaderFail(scan->reader, READER_NO_MEMORY, "out of memory") == READER_OK;
}

/* Steps over everything up to a mark, and over the mark if past is true; what
 * is before it goes into kept, if that is not NULL. */
static bool
SkipTo(HtmlScan *scan, const char *mark, bool past, Buffer *kept)
{
	size_t		length = strlen(mark);

	for (;;)
	{
		const char *start = scan->window.data + scan->position;
		const char *end = scan->window.data + scan->window.length;
		const char *found = Find(start, end, mark);
		size_t		before = (found ? found : end) - start;

		if (found == NULL)		/* it may begin in the last bytes */
			before -= before < length ? before : length - 1;
		if (!Keep(scan, kept, before))
			return false;
		scan->position += before;
		if (found != NULL)
		{
			scan->position += past ? length : 0;
			return true;
		}
		if (scan->at_end)
		{
			scan->position = scan->window.length;
			scan->cut = true;
			return true;
		}
		if (!ReadMore(scan))
			return false;
	}
}

/* Where a tag's ">" is, quotes around values considered; NULL if not in the window. */
static const char *
TagEnd(const char *p, const char *end)
{
	bool		value = false;	/* behind "=", where a quote begins one */

	for (; p < end; p++)
	{
		if (*p == '>')
			return p;
		if (value && (*p == '"' || *p == '\''))
		{
			p = memchr(p + 1, *p, end - p - 1);
			if (p == NULL)
				return NULL;
			value = false;
		}
		else if (*p == '=')
			value = true;
		else if (!IsSpace(*p))
			value = false;
	}
	return NULL;
}

/* Takes a tag apart: its name, in lower case, and its attributes. */
static void
SplitTag(HtmlScan *scan, const char *p, const char *end)
{
	size_t		n = 0;

	for (; p < end && !IsSpace(*p) && *p != '/'; p++)
	{
		if (n < HTML_NAME_SIZE - 1)
			scan->name[n++] = tolower((unsigned char) *p);
	}
	scan->name[n] = '\0';
	scan->text = p;
	scan->length = end - p;
}

/* A tag whose "<" is at the position. */
static HtmlToken
Tag(HtmlScan *scan)
{
	const char *start;
	const char *end;
	bool		closing;
	bool		empty;

	for (;;)
	{
		start = scan->window.data + scan->position;
		end = TagEnd(start + 1, scan->window.data + scan->window.length);
		if (end != NULL)
			break;
		if (scan->at_end)
		{
			scan->cut = true;
			scan->position = scan->window.length;
			return HTML_DONE;
		}
		if (scan->window.length - scan->position > MAX_TAG_BYTES)
		{
			ReaderFail(scan->reader, READER_LIMIT, "the page has a tag of more than %d bytes", MAX_TAG_BYTES);
			return HTML_FAILED;
		}
		if (!ReadMore(scan))
			return HTML_FAILED;
	}
	closing = start[1] == '/';
	empty = end[-1] == '/';
	SplitTag(scan, start + 1 + closing, end);
	scan->position = end + 1 - scan->window.data;
	for (size_t i = 0; !closing && !empty && i < sizeof(raw_elements) / sizeof(raw_elements[0]); i++)
	{
		if (strcmp(raw_elements[i], scan->name) == 0)
			strcpy(scan->raw, scan->name);
	}
	return closing ? HTML_END : HTML_START;
}

/* Text up to the next "<" that may begin a tag, or to the window's end. */
static HtmlToken
Text(HtmlScan *scan)
{
	const char *start = scan->window.data + scan->position;
	const char *end = scan->window.data + scan->window.length;
	const char *stop = memchr(start + 1, '<', end - start - 1);

	if (stop == NULL)
	{
		stop = end;
		/* an entity that the window's end cuts waits for the rest */
		for (const char *p = end; !scan->at_end && p > start + 1 && end - p < MAX_ENTITY_BYTES; p--)
		{
			if (p[-1] == '&')
				stop = p - 1;
		}
	}
	scan->text = start;
	scan->length = stop - start;
	scan->position += stop - start;
	return HTML_TEXT;
}

/* Steps over a comment or a declaration. */
static bool
SkipDeclaration(HtmlScan *scan)
{
	const char *at = scan->window.data + scan->position;

	if (scan->window.length - scan->position < 4 || memcmp(at, "<!--", 4) != 0)
		return SkipTo(scan, ">", true, NULL);
	scan->position += 2;		/* <!--> is a comment too: the mark may be the same dashes */
	return SkipTo(scan, "-->", true, NULL);
}

/* The next token. */
HtmlToken
HtmlNext(HtmlScan *scan)
{
	for (;;)
	{
		const char *at;
		size_t		available;

		if (scan->raw[0] != '\0')
		{
			char		mark[HTML_NAME_SIZE + 2];
			bool		style = strcmp(scan->raw, "style") == 0;

			snprintf(mark, sizeof(mark), "</%s", scan->raw);
			scan->raw[0] = '\0';
			scan->style.length = 0;
			if (!SkipTo(scan, mark, false, style ? &scan->style : NULL))
				return HTML_FAILED;
			scan->text = scan->style.data;
			scan->length = scan->style.length;
			if (scan->length > 0)
				return HTML_STYLE;
		}
		if (!Await(scan, MAX_ENTITY_BYTES + 1))
			return HTML_FAILED;
		at = scan->window.data + scan->position;
		available = scan->window.length - scan->position;
		if (available == 0)
			return HTML_DONE;
		if (*at != '<' || available < 2)
			return Text(scan);
		if (isalpha((unsigned char) at[1]) || (at[1] == '/' && available > 2 && isalpha((unsigned char) at[2])))
			return Tag(scan);
		if (at[1] != '!' && at[1] != '?' && at[1] != '/')
			return Text(scan);
		if (!SkipDeclaration(scan))
			return HTML_FAILED;
	}
}

/* The value of a tag's attribute. */
bool
HtmlAttribute(const HtmlScan *scan, const char *name, const char **value, size_t *length)
{
	const char *p = scan->text;
	const char *end = p + scan->length;
	size_t		wanted = strlen(name);

	while (p < end)
	{
		const char *key;
		size_t		key_length;

		while (p < end && (IsSpace(*p) || *p == '/'))
			p++;
		key = p;
		while (p < end && !IsSpace(*p) && *p != '=' && *p != '/')
			p++;
		key_length = p - key;
		while (p < end && IsSpace(*p))
			p++;
		*value = p;
		*length = 0;
		if (p < end && *p == '=')
		{
			char		quote;

			for (p++; p < end && IsSpace(*p); p++)
				;
			quote = p < end && (*p == '"' || *p == '\'') ? *p++ : '\0';
			*value = p;
			while (p < end && (quote ? *p != quote : !IsSpace(*p)))
				p++;
			*length = p - *value;
			p += quote && p < end;
		}
		else if (p == key)
			p++;				/* a stray "=" */
		if (key_length == wanted && strncasecmp(key, name, wanted) == 0)
			return true;
	}
	return false;
}
