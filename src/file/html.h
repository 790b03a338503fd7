/*
 * html.h
 *	  The parts of the HTML reader.
 *
 *	  file -> UTF-8 -> tags and text (html_scan.c)
 *	       -> characters that have names (html_entity.c)
 *	       -> which classes are dates (html_style.c)
 *	       -> tables, rows, cells (html.c)
 */
#ifndef MEDALLION_HTML_H
#define MEDALLION_HTML_H

#include "file/charset.h"
#include "file/format.h"
#include "file/named_format.h"
#include "file/namemap.h"

#define HTML_NAME_SIZE 16

typedef enum HtmlToken
{
	HTML_TEXT,					/* text: as it is written, its entities too */
	HTML_START,
	HTML_END,
	HTML_STYLE,					/* what is inside <style> */
	HTML_DONE,
	HTML_FAILED					/* the reader has the reason */
} HtmlToken;

/* Goes through a file, token by token. */
typedef struct HtmlScan
{
	Reader	   *reader;
	Charset    *charset;
	Buffer		window;			/* UTF-8 */
	size_t		position;		/* of the next token in it */
	uint64_t	offset;			/* in the file, where the window ends */
	bool		at_end;			/* the window ends where the file does */
	bool		cut;			/* at HTML_DONE: the file ended inside a tag or a comment */
	char		raw[HTML_NAME_SIZE];	/* element whose content is no markup, or "" */

	Buffer		style;			/* the content of <style>, as much as is kept */

	/* the token */
	char		name[HTML_NAME_SIZE];	/* of a tag, in lower case; longer ones are cut */
	const char *text;			/* of text or styles, or of a tag's attributes */
	size_t		length;
} HtmlScan;

/* html_scan.c */
extern ReaderStatus HtmlScanOpen(HtmlScan *scan, Reader *reader);
extern HtmlToken HtmlNext(HtmlScan *scan);
extern void HtmlScanClose(HtmlScan *scan);

/* The value of a tag's attribute, as it is written: false if it is not there. */
extern bool HtmlAttribute(const HtmlScan *scan, const char *name, const char **value, size_t *length);

/* html_style.c: NumberClass by class; false: out of memory */
extern bool HtmlReadStyles(NameMap *classes, const char *text, size_t length);
extern NumberClass HtmlNumberClass(const HtmlScan *scan, const NameMap *classes);

/* html_entity.c */
#define ENTITY_TEXT_SIZE 8

/* An entity at p -> its text; the bytes that it takes, 0 if it is none. */
extern size_t HtmlEntity(const char *p, const char *end, char out[ENTITY_TEXT_SIZE], size_t *length);

#endif							/* MEDALLION_HTML_H */
