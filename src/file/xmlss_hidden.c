/*
 * xmlss_hidden.c
 *	  Which sheets of a workbook in Excel's XML of 2003 are hidden.
 *
 * A sheet's rows come before the word that it is hidden, so the file is looked
 * through for that word first.  This is no parser, only a search for two tags;
 * it costs little beside parsing.  Where it cannot see them (UTF-16), no sheet
 * counts as hidden.
 */
#include "file/xmlss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES (64 * 1024)
#define TAG_BYTES 64			/* that a tag looked for may take, with its content */

/* Does the text go on with this word? */
static bool
GoesOn(const char *p, const char *end, const char *word)
{
	size_t		length = strlen(word);

	return (size_t) (end - p) >= length && memcmp(p, word, length) == 0;
}

/* Notes one more sheet, or that the last one is hidden; false if out of memory. */
static bool
Note(XmlssHidden *found, const char *tag, const char *end)
{
	const char *colon = memchr(tag, ':', end - tag < 8 ? end - tag : 8);
	const char *name = colon ? colon + 1 : tag;

	if (GoesOn(name, end, "Worksheet") && name + 9 < end && strchr(" \t\r\n", name[9]) != NULL &&
		found->count < XMLSS_MAX_SHEETS)
	{
		if (found->count % 64 == 0)
		{
			uint8_t    *hidden = realloc(found->hidden, found->count + 64);

			if (hidden == NULL)
				return false;
			found->hidden = hidden;
		}
		found->hidden[found->count++] = 0;
	}
	else if (found->count > 0 &&
			 (GoesOn(name, end, "Visible>SheetHidden<") || GoesOn(name, end, "Visible>SheetVeryHidden<")))
		found->hidden[found->count - 1] = 1;
	return true;
}

/* Looks through a piece: tags that begin in front of stop. */
static bool
Search(XmlssHidden *found, const char *piece, const char *stop, const char *end)
{
	const char *p = piece;

	while (p < stop && (p = memchr(p, '<', stop - p)) != NULL)
	{
		p++;
		if (!Note(found, p, end))
			return false;
	}
	return true;
}

/* Finds out which sheets are hidden. */
ReaderStatus
XmlssFindHidden(Reader *reader, XmlssHidden *found)
{
	char	   *piece = malloc(PIECE_BYTES);
	uint64_t	offset = 0;
	ptrdiff_t	got = PIECE_BYTES;

	if (piece == NULL)
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	while (got == PIECE_BYTES && reader->status == READER_OK)
	{
		ptrdiff_t	searched;

		got = ReadAt(reader->fd, piece, PIECE_BYTES, offset);
		searched = got == PIECE_BYTES ? got - TAG_BYTES : got;
		offset += searched;
		if (got < 0)
			ReaderFail(reader, READER_ERROR, "could not read the file: %s", strerror(errno));
		else if (reader->options.interrupted != NULL && reader->options.interrupted())
			ReaderFail(reader, READER_CANCELLED, "cancelled");
		else if (!Search(found, piece, piece + searched, piece + got))
			ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	}
	free(piece);
	return reader->status;
}
