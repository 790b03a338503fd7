/*
 * markup.c
 *	  Which kind of XML or HTML a file begins like.
 *
 *	  byte order mark, UTF-16 -> ASCII -> declaration, comments, document type
 *	      -> name of the first element
 *
 * Delimited text may begin with "<" too ("<TICKER>,<DATE>"): only names that
 * say what they are count.
 */
#include "file/markup.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define HEAD_BYTES 4096

/* The part of the head that is not yet looked at. */
typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

/* The head as ASCII, its mark left out: of UTF-16 every other byte is a NUL,
 * and what is no ASCII matters to nobody here. */
static size_t
PlainHead(const char *head, size_t length, char out[HEAD_BYTES])
{
	size_t		n = 0;

	for (size_t i = 0; i < length && n < HEAD_BYTES; i++)
	{
		if (head[i] != '\0' && !(i < 3 && strchr("\xFF\xFE\xEF\xBB\xBF", head[i]) != NULL))
			out[n++] = head[i];
	}
	return n;
}

static void
SkipBlanks(Cursor *cursor)
{
	while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) != NULL)
		cursor->at++;
}

/* Does the head go on with this word?  Case does not matter. */
static bool
GoesOn(const Cursor *cursor, const char *word)
{
	size_t		length = strlen(word);

	return (size_t) (cursor->end - cursor->at) >= length && strncasecmp(cursor->at, word, length) == 0;
}

/* Steps behind the next occurrence of a mark; to the end if there is none. */
static void
SkipPast(Cursor *cursor, const char *mark)
{
	size_t		length = strlen(mark);

	for (; (size_t) (cursor->end - cursor->at) >= length; cursor->at++)
	{
		if (memcmp(cursor->at, mark, length) == 0)
		{
			cursor->at += length;
			return;
		}
	}
	cursor->at = cursor->end;
}

/* Is the element at the cursor called so?  With any prefix if any is true. */
static bool
IsElement(const Cursor *cursor, const char *name, bool any)
{
	Cursor		rest = *cursor;

	if (!GoesOn(&rest, "<"))
		return false;
	rest.at++;
	for (const char *p = rest.at; any && p < rest.end && strchr(" \t\r\n/>", *p) == NULL; p++)
	{
		if (*p == ':')
			rest.at = p + 1;
	}
	if (!GoesOn(&rest, name))
		return false;
	rest.at += strlen(name);
	return rest.at < rest.end && strchr(" \t\r\n/>", *rest.at) != NULL;
}

/* Steps over a document type, with the definitions that it may bring along. */
static void
SkipDoctype(Cursor *cursor)
{
	while (cursor->at < cursor->end && *cursor->at != '>' && *cursor->at != '[')
		cursor->at++;
	if (cursor->at < cursor->end && *cursor->at == '[')
		SkipPast(cursor, "]");
	SkipPast(cursor, ">");
}

static bool
IsHtmlElement(const Cursor *cursor)
{
	return IsElement(cursor, "html", false) || IsElement(cursor, "head", false) ||
		IsElement(cursor, "meta", false) || IsElement(cursor, "body", false) ||
		IsElement(cursor, "table", false);
}

/* By the first bytes of a file. */
Markup
MarkupOf(const char *head, size_t length)
{
	char		plain[HEAD_BYTES];
	Cursor		cursor = {plain, plain + PlainHead(head, length, plain)};
	bool		xml;

	SkipBlanks(&cursor);
	xml = GoesOn(&cursor, "<?xml");
	for (;;)
	{
		SkipBlanks(&cursor);
		if (GoesOn(&cursor, "<?"))
			SkipPast(&cursor, "?>");
		else if (GoesOn(&cursor, "<!--"))
			SkipPast(&cursor, "-->");
		else if (GoesOn(&cursor, "<!doctype html"))
			return MARKUP_HTML;
		else if (xml && GoesOn(&cursor, "<!doctype"))
			SkipDoctype(&cursor);
		else
			break;
	}
	if (IsHtmlElement(&cursor))
		return MARKUP_HTML;
	if (IsElement(&cursor, "workbook", true))
	{
		SkipPast(&cursor, "urn:schemas-microsoft-com:office:spreadsheet");
		if (cursor.at < cursor.end)
			return MARKUP_SPREADSHEETML;
	}
	if (IsElement(&cursor, "office:document", false))
		return MARKUP_OPENDOCUMENT;
	return xml ? MARKUP_OTHER_XML : MARKUP_NONE;
}
