/*
 * xlsx.h
 *	  The parts of an Excel workbook.
 *
 *	  workbook, relations (xlsx_book.c) -> which sheets there are, and where
 *	  styles (xlsx_styles.c)            -> which number formats are dates
 *	  shared strings (xlsx_strings.c)   -> texts by number
 *	  a sheet (xlsx_sheet.c)            -> rows
 *	  both, where they are regular      -> the same, fast (xlsx_scan*.c)
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

/* xlsx.c: also for binary workbooks */
extern ReaderStatus XlsxStepSheet(XlsxReader *xlsx, ReaderSheet *sheet, const char **path);
extern void XlsxFreeBook(XlsxReader *xlsx);

/* xlsx_book.c: all but the first also for binary workbooks */
extern ReaderStatus XlsxReadBook(XlsxReader *xlsx);
extern char *XlsxFindBook(Reader *reader, Container *container);	/* to be freed */
extern bool XlsxAddSheet(XlsxReader *xlsx, const char *name, const char *relation, bool hidden);
extern ReaderStatus XlsxReadBookRelations(XlsxReader *xlsx, const char *book);

/* xlsx_styles.c */
extern ReaderStatus XlsxReadStyles(XlsxReader *xlsx);

/* xlsx_strings.c */
extern ReaderStatus XlsxReadStrings(XlsxReader *xlsx);
extern ReaderStatus XlsxPushString(XlsxReader *xlsx, size_t start);	/* from there to the arena's end */
extern ReaderStatus XlsxKeepString(XlsxReader *xlsx, size_t start);	/* the same, without escapes in it */
extern void XlsxFreeStrings(XlsxStrings *strings);

/* The number of a shared string, from its digits; false: there is no such string. */
extern bool XlsxStringNumber(const XlsxStrings *strings, const char *text, size_t length, uint64_t *number);

extern size_t DecodeEscapes(char *text, size_t length);	/* _x000D_ and the like, in place */

/* xlsx_sheet.c */
extern XlsxSheetReader *XlsxOpenSheet(XlsxReader *xlsx, const char *path);
extern ReaderStatus XlsxNextRow(XlsxSheetReader *sheet, ReaderRow *row);
extern void XlsxCloseSheet(XlsxSheetReader *sheet);

extern int	XlsxColumn(const char *reference);	/* "BC12" -> 54; -1: no letters; too many: beyond the last */

/* xlsx_merged.c */
extern ReaderStatus XlsxFindMerged(XlsxReader *xlsx, const char *path);

/* xlsx_values.c */
/* What a value means, by the cell's type (n, b, e, d; strings are elsewhere) and
 * style.  *spelled > 0: that many bytes of out are it; 0: it stays as it is. */
extern CellKind XlsxValue(const XlsxReader *xlsx, char type, long style, const char *text, size_t length,
						  char out[NUMBER_TEXT_SIZE], size_t *spelled);

#endif							/* MEDALLION_XLSX_H */
