/*
 * rowqueue.h
 *	  Rows that a parser has made and that nobody has asked for yet.
 *
 *	  parser -> QueueText, QueueCell, QueueRow, QueueSheet -> queue
 *	  queue -> QueueNextSheet, QueueNextRow -> the reader's caller
 *
 * For formats in which one document holds all sheets, one after the other: a
 * sheet waits in the queue among the rows.  A cell or a row that repeats is
 * kept once, whatever its count.
 */
#ifndef MEDALLION_ROWQUEUE_H
#define MEDALLION_ROWQUEUE_H

#include "file/format.h"

/* A cell, or several alike beside each other. */
typedef struct QueuedCell
{
	int			column;			/* 0-based */
	int			repeat;
	int			merged_rows;	/* 1, or as many as are merged with the first */
	int			merged_columns;
	CellKind	kind;
	uint32_t	length;
	size_t		offset;			/* of its text in the arena */
} QueuedCell;

/* A row, several alike below each other, or the begin of a sheet. */
typedef struct QueuedRow
{
	bool		is_sheet;
	bool		hidden;
	int64_t		number;			/* of the first */
	int64_t		repeat;
	size_t		first;			/* of its cells */
	size_t		count;
	size_t		name;			/* of a sheet: in the arena, with its NUL */
} QueuedRow;

typedef struct RowQueue
{
	Reader	   *reader;
	QueuedRow  *rows;
	size_t		nrows;
	size_t		row_capacity;
	size_t		next;			/* to hand out */
	int64_t		handed;			/* how often rows[next] was */
	QueuedCell *cells;
	size_t		ncells;
	size_t		cell_capacity;
	Buffer		arena;

	/* the row and cell being made */
	size_t		row_first;		/* its first cell */
	size_t		row_arena;		/* where its texts begin */
	uint64_t	row_bytes;		/* with what repeats */
	size_t		value_start;	/* the cell's text, up to the arena's end */
	size_t		row_spaces;		/* in it, of those that the file only counts */
	size_t		spaces;			/* the same, of all rows that wait */

	char	   *sheet_name;		/* of the sheet handed out */
	int			sheets;			/* handed out so far */
	ReaderStatus failed;		/* why there is no more, once the rows before are handed out */
	int64_t		failed_row;
	int			failed_column;
	unsigned int asked;			/* rows since the last look at options.interrupted */
	ReaderCell *out;			/* the row handed out */
	int			out_capacity;
} RowQueue;

/* How the queue gets more: READER_OK, READER_END at the document's end, else a failure. */
typedef ReaderStatus (*QueueFill) (Reader *reader);

/*
 * For parsers.  False: the reader has the reason, and the parser must stop.
 * A cell's text is what QueueText added since QueueBeginCell; QueueSetText
 * replaces it.  Cells of a row need not come in order.
 */
extern bool QueueSheet(RowQueue *queue, const char *name, bool hidden);
extern void QueueBeginCell(RowQueue *queue);
extern bool QueueText(RowQueue *queue, const char *text, size_t length);
extern bool QueueSetText(RowQueue *queue, const char *text, size_t length);
extern bool QueueSpaces(RowQueue *queue, int64_t count);	/* so many, which the file only counts */
extern const char *QueueCellText(const RowQueue *queue, size_t *length);
extern const char *QueueTrimmedText(const RowQueue *queue, size_t *length);
extern void QueueKeepText(RowQueue *queue, const char *text, size_t length);	/* of it, this part */
extern bool QueueCell(RowQueue *queue, int64_t column, int64_t repeat, CellKind kind);
extern bool QueueRow(RowQueue *queue, int64_t number, int64_t repeat);

/* Of the row being made: merges the cell just queued, not an empty one, with those beside and below;
 * forgets all cells. */
extern void QueueMerge(RowQueue *queue, int64_t rows, int64_t columns);
extern void QueueDropCells(RowQueue *queue);

/* For the reader's calls.  QueueAwait: READER_OK once something waits. */
extern ReaderStatus QueueAwait(RowQueue *queue, QueueFill fill);
extern ReaderStatus QueueNextSheet(RowQueue *queue, QueueFill fill, ReaderSheet *sheet);
extern ReaderStatus QueueNextRow(RowQueue *queue, QueueFill fill, ReaderRow *row);

extern void QueueFree(RowQueue *queue);

#endif							/* MEDALLION_ROWQUEUE_H */
