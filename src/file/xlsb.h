/*
 * xlsb.h
 *	  The parts of a binary Excel workbook: the package of an xlsx, with records
 *	  in its parts where that has XML.
 *
 *	  part -> records (xlsb_record.c)
 *	  relations (xlsx_book.c)                           -> where the parts are
 *	  workbook, styles, shared strings (xlsb_book.c)    -> sheets, classes, texts by number
 *	  a sheet (xlsb_sheet.c)                            -> rows
 */
#ifndef MEDALLION_XLSB_H
#define MEDALLION_XLSB_H

#include "file/bytes.h"
#include "file/xlsx.h"

typedef struct XlsbRecord
{
	uint32_t	type;
	uint32_t	kept;			/* bytes of data: all, unless no limit lets a text be so long */
	const unsigned char *data;	/* until the next record is read */
} XlsbRecord;

/* A part, record by record. */
typedef struct XlsbPart
{
	XlsxReader *book;
	const char *path;
	Buffer		window;			/* bytes that were unpacked */
	size_t		at;				/* of them passed */
	bool		at_end;			/* no more come */
} XlsbPart;

typedef struct XlsbSheetReader XlsbSheetReader;

typedef struct XlsbReader
{
	XlsxReader	book;			/* its sheet is never open: ours is */
	XlsbSheetReader *sheet;		/* NULL: none */
} XlsbReader;

/* xlsb_record.c */
extern ReaderStatus XlsbOpenPart(XlsbPart *part, XlsxReader *book, const char *path);
extern ReaderStatus XlsbNextRecord(XlsbPart *part, XlsbRecord *record);	/* READER_END: no more */
extern ReaderStatus XlsbFinishPart(XlsbPart *part);	/* proves the rest by its checksum */
extern void XlsbClosePart(XlsbPart *part);

/* The part is damaged in such a way; it has no end where one should be; memory ran out. */
extern ReaderStatus XlsbDamaged(XlsbPart *part, const char *what);
extern ReaderStatus XlsbEndsEarly(XlsbPart *part);
extern ReaderStatus XlsbOutOfMemory(XlsxReader *book);

/* Adds the text at an offset of the record; READER_LIMIT, not yet noted in the
 * reader, if it has more units than max.  *next: what is behind it; may be NULL. */
extern ReaderStatus XlsbTakeText(XlsbPart *part, const XlsbRecord *record, size_t at, size_t max, Buffer *out,
								 size_t *next);

/* xlsb_book.c */
extern bool XlsbIsBook(Reader *reader, Container *container);	/* is its workbook a binary one? */
extern ReaderStatus XlsbReadBook(XlsxReader *book);
extern ReaderStatus XlsbReadStyles(XlsxReader *book);
extern ReaderStatus XlsbReadStrings(XlsxReader *book);

/* xlsb_sheet.c */
extern XlsbSheetReader *XlsbOpenSheet(XlsxReader *book, const char *path);
extern ReaderStatus XlsbNextRow(XlsbSheetReader *sheet, ReaderRow *row);
extern void XlsbCloseSheet(XlsbSheetReader *sheet);

#endif							/* MEDALLION_XLSB_H */
