/*
 * ods.h
 *	  The parts of an OpenDocument spreadsheet.
 *
 *	  container, styles, tables, rows (ods.c) -> which cells there are
 *	  one cell (ods_cell.c)                   -> what it holds
 */
#ifndef MEDALLION_ODS_H
#define MEDALLION_ODS_H

#include "file/container.h"
#include "file/namemap.h"
#include "file/rowqueue.h"
#include "file/xml.h"

/* Columns whose cells, where they name no style, have one of elapsed_cells. */
typedef struct ColumnRange
{
	int64_t		first;			/* 0-based */
	int64_t		end;
} ColumnRange;

/* office:value-type of a cell. */
typedef enum OdsType
{
	ODS_NONE,					/* text if there is any, else empty */
	ODS_NUMBER,					/* float, percentage, currency */
	ODS_DATE,
	ODS_TIME,
	ODS_BOOLEAN,
	ODS_STRING
} OdsType;

/* White space that was read but not yet taken as text. */
typedef enum PendingSpace
{
	SPACE_NONE,
	SPACE_PLAIN,				/* spaces, as many as there are */
	SPACE_LAYOUT				/* with a line end in it: the XML was indented */
} PendingSpace;

/* The cell being parsed. */
typedef struct OdsCell
{
	OdsType		type;
	bool		formula;
	bool		error;			/* LibreOffice says so */
	bool		elapsed;		/* its style shows hours beyond a day */
	int64_t		repeat;
	int64_t		merged_rows;
	int64_t		merged_columns;
	Buffer		value;			/* of the attribute that the type names */
	int			depth;			/* of elements inside the cell */
	int			paragraph;		/* depth at which the open paragraph began; 0: none is open */
	int			paragraphs;		/* so far */
	bool		paragraph_empty;	/* nothing taken from it yet */
	PendingSpace space;
	size_t		spaces;			/* of SPACE_PLAIN */
} OdsCell;

typedef struct OdsReader
{
	Reader		base;
	Container  *container;		/* NULL: a flat document */
	Xml		   *xml;
	bool		at_end;
	RowQueue	queue;

	NameMap		hidden_tables;	/* table styles with table:display="false" */
	NameMap		elapsed_formats;	/* time styles that count hours beyond a day */
	NameMap		elapsed_cells;	/* cell styles that use one of them */
	char	   *style;			/* the style being read */
	ColumnRange *elapsed_columns;	/* of the table */
	size_t		nelapsed;
	size_t		elapsed_capacity;
	int64_t		columns;		/* of the table that were described so far */

	bool		in_spreadsheet;
	bool		seen_spreadsheet;
	bool		in_table;
	bool		in_row;
	bool		row_hidden;		/* and such rows are not wanted */
	bool		in_cell;
	int			skipped;		/* depth inside what is none of ours */
	int64_t		row_number;		/* of the row being read, or the last one */
	int64_t		row_repeat;
	int			row_elapsed;	/* by the row's default style; -1: it has none */
	int64_t		column;			/* 0-based */
	OdsCell		cell;
} OdsReader;

/* ods_cell.c */
extern bool OdsStartCell(OdsReader *ods, const char **attributes);
extern bool OdsStartInCell(OdsReader *ods, const char *name, const char **attributes);
extern bool OdsTextInCell(OdsReader *ods, const char *text, size_t length);
extern bool OdsEndInCell(OdsReader *ods);
extern bool OdsEndCell(OdsReader *ods);

/* Is the name in the set?  NULL never is. */
extern bool OdsHasName(const NameMap *set, const char *name);

/* What the style is of a cell in this row and column that names none. */
extern bool OdsElapsedByDefault(const OdsReader *ods);

/* table:number-...-repeated -> at least 1, at most ODS_MAX_REPEAT. */
#define ODS_MAX_REPEAT INT64_C(0x7fffffff)
extern int64_t OdsRepeat(const char *text);

#endif							/* MEDALLION_ODS_H */
