/*
 * xmlss.h
 *	  The parts of the reader of Excel's XML of 2003.
 *
 *	  which sheets are hidden (xmlss_hidden.c)
 *	  styles, sheets, rows, cells (xmlss.c)
 */
#ifndef MEDALLION_XMLSS_H
#define MEDALLION_XMLSS_H

#include "file/format.h"

#define XMLSS_MAX_SHEETS 16384

/* Whether each sheet is hidden, in the order of the sheets. */
typedef struct XmlssHidden
{
	uint8_t    *hidden;
	size_t		count;			/* those behind are not */
} XmlssHidden;

extern ReaderStatus XmlssFindHidden(Reader *reader, XmlssHidden *found);

#endif							/* MEDALLION_XMLSS_H */
