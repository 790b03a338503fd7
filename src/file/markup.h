/*
 * markup.h
 *	  Which kind of XML or HTML a file begins like.
 */
#ifndef MEDALLION_MARKUP_H
#define MEDALLION_MARKUP_H

#include <stddef.h>

typedef enum Markup
{
	MARKUP_NONE,				/* neither, though there may be a "<" */
	MARKUP_HTML,
	MARKUP_SPREADSHEETML,		/* Excel's XML of 2003 */
	MARKUP_OPENDOCUMENT,		/* a flat document */
	MARKUP_OTHER_XML
} Markup;

/* By the first bytes of a file. */
extern Markup MarkupOf(const char *head, size_t length);

#endif							/* MEDALLION_MARKUP_H */
