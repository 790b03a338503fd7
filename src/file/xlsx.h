/*
 * xlsx.h
 *	  The parts of an Excel workbook.
 *
 *	  workbook, relations (xlsx_book.c) -> which sheets there are, and where
 *	  styles (xlsx_styles.c)            -> which number formats are dates
 *	  shared strings (xlsx_strings.c)   -> texts by number
 *	  a sheet (xlsx_sheet.c)            -> rows
 */
#ifndef MEDALLION_XLSX_H
#define MEDALLION_XLSX_H

#include "file/container.h"
#include "file/number.h"
#include "file/xml.h"

#define XLSX_MAX_ROWS 1048576
#define XLSX_MAX_COLUMNS 16384
#define XLSX_PATH_SIZE 1024

typedef struct XlsxSheet
{
	char	   *name;
	char	   *path;			/* of its part; NULL if it holds no cells */
	char	   *relation;		/* id that leads to the path */
	bool		hidden;
	bool		no_cells;		/* a chart, a dialog: a relation of another kind */
} XlsxSheet;

/* Texts by number: one arena, and where each begins. */
typedef struct XlsxStrings
{
	Buffer		arena;
	uint32_t   *starts;			/* count + 1 of them */
	size_t		count;
	size_t		capacity;
} XlsxStrings;

typedef struct XlsxSheetReader XlsxSheetReader;

typedef struct XlsxReader
{
	Reader		base;
	Container  *container;
	XlsxSheet  *sheets;
	int			nsheets;
	int			next_sheet;
	bool		date1904;
	char	   *strings_path;	/* NULL if there is no such part */
	char	   *styles_path;
	uint8_t    *classes;		/* NumberClass by cell style */
	size_t		nclasses;
	XlsxStrings strings;
	bool		strings_loaded;
	XlsxSheetReader *sheet;		/* the open one, or NULL */
} XlsxReader;

/* xlsx_book.c */
extern ReaderStatus XlsxReadBook(XlsxReader *xlsx);

/* xlsx_styles.c */
extern ReaderStatus XlsxReadStyles(XlsxReader *xlsx);

/* xlsx_strings.c */
extern ReaderStatus XlsxReadStrings(XlsxReader *xlsx);
extern void XlsxFreeStrings(XlsxStrings *strings);
extern size_t DecodeEscapes(char *text, size_t length);	/* _x000D_ and the like, in place */

/* xlsx_sheet.c */
extern XlsxSheetReader *XlsxOpenSheet(XlsxReader *xlsx, const char *path);
extern ReaderStatus XlsxNextRow(XlsxSheetReader *sheet, ReaderRow *row);
extern void XlsxCloseSheet(XlsxSheetReader *sheet);

#endif							/* MEDALLION_XLSX_H */
