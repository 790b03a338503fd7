/*
 * footer.c
 *	  Holds rows back, so that the last ones of a sheet never come.
 *
 * A row comes out when as many others have come in behind it as the footer has.
 * Rows are copied, for the reader's slices do not outlive its next step; the
 * room for them is used again.
 */
#include "base/compat.h"

#include "bronze/footer.h"

#include "lib/stringinfo.h"

/* A copy of a row. */
typedef struct HeldRow
{
	ReaderRow	row;
	ReaderCell *cells;
	int			room;			/* for so many cells */
	StringInfoData text;		/* of cells, or of a malformed row */
	char	   *complaint;		/* what is wrong with it; NULL: nothing */
} HeldRow;

struct Footer
{
	int			slots;			/* one more than the footer has rows */
	int			held;
	int			next;			/* slot for the row that comes */
	HeldRow    *rows;
	MemoryContext context;
};

/* Makes room for a footer of so many rows. */
Footer *
FooterCreate(int count)
{
	Footer	   *footer = palloc0(sizeof(Footer));

	footer->slots = count + 1;
	footer->rows = palloc0(sizeof(HeldRow) * footer->slots);
	footer->context = CurrentMemoryContext;
	for (int i = 0; i < footer->slots; i++)
		initStringInfo(&footer->rows[i].text);
	return footer;
}

/* Forgets what it holds. */
void
FooterReset(Footer *footer)
{
	footer->held = 0;
}

/* Copies the cells of a row. */
static void
HoldCells(HeldRow *held)
{
	size_t		at = 0;

	if (held->row.ncells > held->room)
	{
		if (held->cells != NULL)
			pfree(held->cells);
		held->room = held->row.ncells * 2;
		held->cells = palloc(sizeof(ReaderCell) * held->room);
	}
	for (int i = 0; i < held->row.ncells; i++)
	{
		held->cells[i] = held->row.cells[i];
		appendBinaryStringInfo(&held->text, held->cells[i].value ? held->cells[i].value : "", held->cells[i].length);
	}
	/* where a text is is known when all are there */
	for (int i = 0; i < held->row.ncells; at += held->cells[i++].length)
		held->cells[i].value = held->text.data + at;
	held->row.cells = held->cells;
}

/* Copies a row into a slot. */
static void
Hold(HeldRow *held, const ReaderRow *row, const char *complaint)
{
	resetStringInfo(&held->text);
	if (held->complaint != NULL)
		pfree(held->complaint);
	held->complaint = complaint ? pstrdup(complaint) : NULL;
	held->row = *row;
	if (complaint == NULL)
	{
		HoldCells(held);
		return;
	}
	appendBinaryStringInfo(&held->text, row->raw ? row->raw : "", row->raw_length);
	held->row.raw = held->text.data;
}

/* Takes a row; true if an older one comes instead. */
bool
FooterExchange(Footer *footer, ReaderRow *row, const char **complaint)
{
	MemoryContext old = MemoryContextSwitchTo(footer->context);
	HeldRow    *oldest;

	Hold(&footer->rows[footer->next], row, *complaint);
	MemoryContextSwitchTo(old);
	footer->next = (footer->next + 1) % footer->slots;
	if (++footer->held < footer->slots)
		return false;
	footer->held--;
	oldest = &footer->rows[footer->next];
	*row = oldest->row;
	*complaint = oldest->complaint;
	return true;
}
