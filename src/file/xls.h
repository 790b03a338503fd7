/*
 * xls.h
 *	  The parts of an older Excel workbook (.xls): a stream of records (BIFF).
 *
 *	  stream -> records (xls_record.c)
 *	  records of the workbook (xls_book.c) -> which sheets there are, and where;
 *	                                          which number formats are dates
 *	  texts (xls_strings.c)                -> UTF-8; shared strings by number
 *	  records of a sheet (xls_sheet.c)     -> rows
 */
#ifndef MEDALLION_XLS_H
#define MEDALLION_XLS_H

#include <iconv.h>

#include "file/bytes.h"
#include "file/format.h"
#include "file/number.h"
#include "file/ole.h"

#define XLS_MAX_COLUMNS 256
#define XLS_WINDOWS_1252 1252	/* number of the code page */

/* Records that more than one file knows.  A record whose layout changed has
 * the version of the change in its upper byte. */
#define XLS_FORMULA2 0x0006
#define XLS_EOF 0x000A
#define XLS_FILEPASS 0x002F
#define XLS_CONTINUE 0x003C
#define XLS_BOF2 0x0009
#define XLS_BOF3 0x0209
#define XLS_BOF4 0x0409
#define XLS_BOF5 0x0809

/* What a substream holds, as its BOF says. */
#define XLS_BOOK 0x0005
#define XLS_CHART 0x0020
#define XLS_BOOK4 0x0100

typedef struct XlsRecord
{
	uint16_t	type;
	uint16_t	length;
	const unsigned char *data;	/* until the next record is read */
	uint64_t	position;		/* in the stream */
	uint64_t	next;			/* where the record after it is */
} XlsRecord;

/* A record and those that continue it, read from front to back. */
typedef struct XlsPayload
{
	XlsRecord	record;			/* the one being read */
	uint16_t	at;				/* read so far of it */
} XlsPayload;

typedef struct XlsSheet
{
	char	   *name;
	uint64_t	position;		/* of its BOF */
	bool		hidden;
	bool		no_cells;		/* a chart, a macro sheet, a module */
} XlsSheet;

/* Texts by number: one arena, and where each begins. */
typedef struct XlsStrings
{
	Buffer		arena;
	uint32_t   *starts;			/* count + 1 of them */
	size_t		count;
	size_t		capacity;
} XlsStrings;

typedef struct XlsSheetReader XlsSheetReader;

typedef struct XlsReader
{
	Reader		base;
	Ole		   *ole;			/* NULL: the records are the file itself */
	OleStream  *stream;
	uint64_t	size;			/* of the stream of records */
	Buffer		window;			/* a part of it */
	uint64_t	window_start;
	size_t		window_bytes;	/* that it was to hold */

	int			version;		/* of the format: 2, 3, 4, 5 (also called 7) or 8 */
	int			codepage;		/* of texts before version 8 */
	iconv_t		iconv;			/* from that code page, opened when needed */
	bool		iconv_open;
	Buffer		scratch;		/* bytes to be decoded */

	bool		date1904;
	uint8_t		formats[UINT16_MAX + 1];	/* 1 + NumberClass of those that the file defines */
	size_t		nformats;
	uint16_t   *styles;			/* number of the format, by cell style */
	size_t		nstyles;
	size_t		style_capacity;
	XlsStrings	strings;

	XlsSheet   *sheets;
	size_t		nsheets;
	size_t		sheet_capacity;
	size_t		next_sheet;
	uint64_t	scanned;		/* bytes of all sheets that were opened */
	XlsSheetReader *sheet;		/* the open one, or NULL */
} XlsReader;

/* xls_record.c */
extern ReaderStatus XlsReadRecord(XlsReader *xls, uint64_t position, XlsRecord *record);
extern ReaderStatus XlsDamaged(XlsReader *xls, const char *what);
extern ReaderStatus XlsOutOfMemory(XlsReader *xls);
extern bool XlsIsBof(const XlsRecord *record);
extern void XlsBeginPayload(XlsPayload *payload, const XlsRecord *record, uint16_t at);

/* Reads bytes, or passes over them when out is NULL, across continuing
 * records.  READER_END: there are not so many. */
extern ReaderStatus XlsTake(XlsReader *xls, XlsPayload *payload, void *out, size_t length);

/* Steps to the next continuing record.  READER_END: there is none. */
extern ReaderStatus XlsContinue(XlsReader *xls, XlsPayload *payload);

/* xls_strings.c */

/* Adds the text that comes next, whose length is a number of one or two bytes. */
extern ReaderStatus XlsTakeText(XlsReader *xls, XlsPayload *payload, int length_bytes, Buffer *out);
extern ReaderStatus XlsReadStrings(XlsReader *xls, const XlsRecord *record);

/* xls_book.c */
extern ReaderStatus XlsReadBook(XlsReader *xls);
extern ReaderStatus XlsBookRecord(XlsReader *xls, const XlsRecord *record);
extern NumberClass XlsStyleClass(const XlsReader *xls, uint16_t style);
extern NumberClass XlsFormatClass(const XlsReader *xls, uint16_t format);

/* xls_sheet.c */
extern XlsSheetReader *XlsOpenSheet(XlsReader *xls, uint64_t position);
extern ReaderStatus XlsNextRow(XlsSheetReader *sheet, ReaderRow *row);
extern void XlsCloseSheet(XlsSheetReader *sheet);

#endif							/* MEDALLION_XLS_H */
