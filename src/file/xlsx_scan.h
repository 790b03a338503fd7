/*
 * xlsx_scan.h
 *	  Reads the regular part of a big XML part, fast.
 *
 * Nearly all of a workbook's bytes are rows and shared strings that look like
 * one another.  A scanner knows just their grammar.  It takes nothing that it
 * does not know: at the first row that has a byte which it does not expect it
 * hands over to the general parser (xml.c), which never learns that rows before
 * it were taken by another.
 *
 *	  part -> general parser, up to the tag that opens the rows
 *	       -> window -> rows
 *	       -> general parser, from the rows' end or the first irregular row on
 *
 * So the result is the parser's, provided that what the scanner takes is what
 * the parser would make of it: test/file/scan_check.c compares the two.  The
 * scanner finds no error: what is wrong, or beyond a limit, is irregular.  Rows,
 * cells, status, message and position are thus the same with and without it.
 * The one exception is the greatest length of a single tag, which xml.c measures
 * by pieces, and pieces begin elsewhere after a hand-over.
 *
 * A window holds at least one row.  A row that does not end in it is moved to
 * its front, more bytes are read behind it, and the row is scanned again: the
 * scanner has no state between bytes.
 */
#ifndef MEDALLION_XLSX_SCAN_H
#define MEDALLION_XLSX_SCAN_H

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "file/xlsx.h"
#include "file/xml_character.h"

#define SCAN_PADDING 64			/* zero bytes behind a window: no look-ahead leaves it */
#define SCAN_MAX_ATTRIBUTES 16

typedef enum ScanStatus
{
	SCAN_OK,					/* a row, or more bytes */
	SCAN_END,					/* what follows is for the general parser: hand over */
	SCAN_FAILED					/* the reader has the reason */
} ScanStatus;

typedef struct Scan
{
	Reader	   *reader;
	Container  *container;
	char	   *window;
	size_t		capacity;		/* without the padding */
	const char *next;			/* the first byte that neither scanner nor parser has had */
	const char *end;			/* of the bytes in the window; padding follows */
	bool		at_end;			/* the part has no more */
	ReaderStatus failure;		/* of reading more: comes behind what the window holds */
	const char *stuck;			/* the byte that was not expected */
	char	   *arena;			/* texts that are not in the window as they are */
	size_t		arena_used;		/* by the row being scanned */
} Scan;

/* Text as it stands in the window, or in the arena. */
typedef struct ScanText
{
	const char *text;
	size_t		length;
	unsigned	flags;
} ScanText;

#define TEXT_CODED 1			/* has references or carriage returns: to be decoded */
#define TEXT_ESCAPED 2			/* has underscores: perhaps an _xHHHH_ */

typedef struct ScanAttribute
{
	const char *name;
	size_t		name_length;
	const char *value;
	size_t		value_length;
} ScanAttribute;

typedef struct ScanTag
{
	ScanAttribute attributes[SCAN_MAX_ATTRIBUTES];
	int			count;
	bool		empty;			/* <.../> */
} ScanTag;

/* xlsx_scan.c */
extern ScanStatus ScanOpen(Scan *scan, XlsxReader *xlsx, Xml *xml, const char *opening);
extern ScanStatus ScanMore(Scan *scan);
extern ReaderStatus ScanHandOver(Scan *scan, Xml *xml);
extern void ScanClose(Scan *scan);
extern const char *ScanSpecialText(Scan *scan, const char *p, unsigned *flags);
extern const char *ScanTagEnd(Scan *scan, const char *p, ScanTag *tag);
extern const char *ScanItem(Scan *scan, const char *p, const char *closing, ScanText *text);
extern void ScanDecode(Scan *scan, ScanText *text);
extern void ScanUnescape(Scan *scan, ScanText *text);

/* xlsx_scan_strings.c */
extern ReaderStatus XlsxScanStrings(XlsxReader *xlsx, Xml *xml, const bool *in_table, bool *at_end);

/* xlsx_scan_sheet.c */
typedef struct SheetScan SheetScan;

extern SheetScan *XlsxScanOpen(XlsxReader *xlsx, Xml *xml, ScanStatus *status);
extern ScanStatus XlsxScanRow(SheetScan *sheet, ReaderRow *row);
extern ReaderStatus XlsxScanHandOver(SheetScan *sheet, Xml *xml, int64_t *row_number, bool *at_end);
extern void XlsxScanClose(SheetScan *sheet);

/* Notes the byte that was not expected. */
static inline const char *
Stuck(Scan *scan, const char *p)
{
	scan->stuck = p;
	return NULL;
}

/*
 * The first byte that is not plain text: markup, a reference, what is beyond
 * ASCII, control characters, and the beginnings of "]]>" and of _xHHHH_.
 */
static inline const char *
SkipPlain(const char *p)
{
#ifdef __SSE2__
	for (;;)
	{
		__m128i		bytes = _mm_loadu_si128((const __m128i *) p);
		__m128i		special = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
		int			mask;

		special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('<')));
		special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('&')));
		special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(']')));
		special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')));
		mask = _mm_movemask_epi8(special);
		if (mask != 0)
			return p + __builtin_ctz(mask);
		p += 16;
	}
#else
	while ((signed char) *p >= ' ' && *p != '<' && *p != '&' && *p != ']' && *p != '_')
		p++;
	return p;
#endif
}

/* Text up to the next tag. */
static inline const char *
ScanTextRun(Scan *scan, const char *p, ScanText *text)
{
	text->text = p;
	text->flags = 0;
	p = SkipPlain(p);
	if (*p != '<')
	{
		p = ScanSpecialText(scan, p, &text->flags);
		if (p == NULL)
			return NULL;
	}
	text->length = p - text->text;
	return p;
}

#endif							/* MEDALLION_XLSX_SCAN_H */
