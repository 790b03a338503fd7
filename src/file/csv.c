/*
 * csv.c
 *	  Reads delimited text: any of four encodings, any line end, quoted cells.
 *
 * Cells are slices of a window onto the file.  The window always holds one
 * whole record; when a record runs over its end, the part at hand is moved to
 * the front, more of the file is added and the record is parsed anew.  Nothing
 * in the window is changed before the whole record has been found to be good,
 * so a bad row can be handed out as it was found and reading resumes on the
 * line after it.
 *
 *	  file -> FillWindow -> [transcode] -> window -> ParseNext -> cells
 *												  |			  -> FinishRow -> row
 *												  +-> bad row -> raw text
 *
 * How cells are quoted:
 *	- A quote begins a cell only where the cell begins, or behind spaces if its
 *	  other end holds too; spaces around such a cell are dropped.  Anywhere else
 *	  a quote is text, and spaces are always part of an unquoted cell.
 *	- In a quoted cell a doubled quote stands for one, and the escape for what
 *	  follows if that is a quote or an escape.
 *	- A record that breaks these rules is tried once more, its first line alone,
 *	  with quotes that can be neither end nor escaped taken for text.  It is
 *	  good if it then has the usual number of cells.  A quote that nothing ends
 *	  is not mended: it may have meant to take in the lines that follow.
 */
#include "file/dialect.h"
#include "file/encoding.h"
#include "file/scan.h"
#include "file/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_STEP ((size_t) 256 * 1024)
#define WINDOW_PAD (8 + SCAN_PAD)	/* what transcoding may add, a NUL, what scans may read */
#define ENCODING_SAMPLE ((size_t) 1024 * 1024)
#define DIALECT_SAMPLE ((size_t) 64 * 1024)
#define LATER_SAMPLE ((size_t) 16 * 1024)
#define QUOTE_REACH ((size_t) 1024 * 1024)
#define RECORD_CELLS 64			/* a record has at most so many times the largest cell */
#define ROWS_PER_CHECK 1000
#define BAD_ROW_WEIGHT 100		/* a bad row may have cost as much as so many rows */
#define DEFAULT_COLUMNS 16384
#define DEFAULT_CELL_SIZE (1 << 20)

/* What became of an attempt to parse a cell or a record. */
typedef enum Parsed
{
	PARSED_DONE,
	PARSED_MORE,				/* the window ends too early */
	PARSED_BAD,					/* csv->complaint says why */
	PARSED_LIMIT,				/* likewise */
	PARSED_NO_MEMORY
} Parsed;

typedef struct CsvReader
{
	Reader		base;
	Transcoder	coder;
	Dialect		dialect;
	ByteSet		stops;			/* bytes that end the scan of an unquoted cell */
	ByteSet		marks;			/* quote and escape */
	ByteSet		line_ends;
	const char *end;			/* of what is being parsed; a byte follows that is a stop */
	bool		final;			/* nothing beyond it is of interest */

	Buffer		window;			/* UTF-8; a NUL follows its last byte */
	size_t		position;		/* of the next record in the window */
	int64_t		line;			/* of the next record in the file */
	uint64_t	offset;			/* where in the file, as it is on disk, the window ends */
	bool		undecided;		/* all ASCII so far: it may be UTF-8 or not */
	bool		at_end;			/* the window ends where the file does */
	Buffer		chunk;			/* bytes to be transcoded */
	double		shrink;			/* bytes of the file per byte of the window */

	ReaderCell *cells;			/* the record that was parsed last */
	uint32_t	ncells;
	uint32_t	capacity;
	size_t		record_length;	/* without its line end */
	size_t		next;			/* where in the window the one after it begins */
	int64_t		lines;			/* line ends in it */
	bool		escaped;		/* some quoted cell has escapes */
	bool		mended;			/* some quote in it was taken for text */
	uint32_t	width;			/* cells of the good record before, or the usual number */
	const char *complaint;
	const char *failure;		/* where a bad record was found to be bad */
	size_t		barrier;		/* records that begin before this may not span lines */

	size_t		quote_reach;
	uint32_t	max_columns;
	uint32_t	max_cell_size;
	Buffer		raw;
	unsigned int records;		/* since the last look at options.interrupted */
	bool		sheet_begun;
	bool		sheet_over;
} CsvReader;

/* Reads a step of the file and adds it to the window as UTF-8; room is there.
 * Returns how much that made. */
static ptrdiff_t
AddTranscoded(CsvReader *csv, size_t step)
{
	ptrdiff_t	got = ByteStreamRead(&csv->base, csv->chunk.data, step);
	size_t		made;

	if (got < 0)
		return got;
	csv->at_end = (size_t) got < step;
	made = Transcode(&csv->coder, csv->window.data + csv->window.length, csv->chunk.data, got,
					 csv->at_end);
	csv->window.length += made;
	return made;
}

/* Reads a step of the file into the window as it is; room is there. */
static ptrdiff_t
AddPlain(CsvReader *csv, size_t step)
{
	ptrdiff_t	got = ByteStreamRead(&csv->base, csv->window.data + csv->window.length, step);

	if (got < 0)
		return got;
	csv->at_end = (size_t) got < step;
	csv->window.length += got;
	return got;
}

/* Asks the caller whether to stop. */
static ReaderStatus
CheckInterrupt(CsvReader *csv)
{
	csv->records = 0;
	if (csv->base.options.interrupted != NULL && csv->base.options.interrupted())
		return ReaderFail(&csv->base, READER_CANCELLED, "cancelled");
	return READER_OK;
}

/* Drops what was consumed from the window and adds more of the file. */
static ReaderStatus
FillWindow(CsvReader *csv)
{
	Buffer	   *window = &csv->window;
	size_t		step = WINDOW_STEP;
	bool		transcode = csv->coder.encoding != ENCODING_UTF8;
	uint64_t	before = csv->offset;
	ptrdiff_t	made;
	ReaderStatus status = CheckInterrupt(csv);

	if (status != READER_OK)
		return status;
	window->length -= csv->position;
	if (csv->position > 0 && window->length > 0)
		memmove(window->data, window->data + csv->position, window->length);
	csv->barrier = csv->barrier > csv->position ? csv->barrier - csv->position : 0;
	csv->position = 0;

	/* a long record is parsed anew after each step: the steps grow with it */
	while (step < window->length)
		step *= 2;
	if (!BufferReserve(window, (transcode ? 3 : 1) * step + WINDOW_PAD) ||
		(transcode && !BufferReserve(&csv->chunk, step)))
		return ReaderFail(&csv->base, READER_NO_MEMORY, "out of memory");

	made = transcode ? AddTranscoded(csv, step) : AddPlain(csv, step);
	if (made < 0)
		return csv->base.status;
	csv->offset = ByteStreamConsumed(&csv->base);
	if (made > 0)
		csv->shrink = (double) (csv->offset - before) / made;
	window->data[window->length] = '\0';
	return READER_OK;
}

/* Notes that a limit is exceeded, and where. */
static Parsed
BeyondLimit(CsvReader *csv, const char *complaint, const char *failure)
{
	csv->complaint = complaint;
	csv->failure = failure;
	return PARSED_LIMIT;
}

/* Adds a cell to the record. */
static ALWAYS_INLINE Parsed
AddCell(CsvReader *csv, const char *value, size_t length, CellKind kind)
{
	ReaderCell *cell;

	if (csv->ncells == csv->capacity)
	{
		uint32_t	capacity = csv->capacity ? csv->capacity * 2 : 64;
		ReaderCell *cells = realloc(csv->cells, capacity * sizeof(ReaderCell));

		if (cells == NULL)
			return PARSED_NO_MEMORY;
		csv->cells = cells;
		csv->capacity = capacity;
	}
	if (csv->ncells >= csv->max_columns)
		return BeyondLimit(csv, "a record has more cells than max_columns", value);
	cell = &csv->cells[csv->ncells++];
	cell->value = value;
	cell->length = length;
	cell->kind = kind;
	return PARSED_DONE;
}

/* Notes what is wrong with a record, and where that shows. */
static Parsed
BadRecord(CsvReader *csv, const char *complaint, const char *failure)
{
	csv->complaint = complaint;
	csv->failure = failure;
	return PARSED_BAD;
}

/* Parses an unquoted cell and steps to the byte that ended it. */
static ALWAYS_INLINE Parsed
ParsePlain(CsvReader *csv, BlockScan *scan, const char **at)
{
	const char *start = *at;
	const char *p = ScanOn(scan, &csv->stops, start);

	while (*p == '\0' && p < csv->end)
		p = ScanOn(scan, &csv->stops, p + 1);
	if ((size_t) (p - start) > csv->max_cell_size)
		return BeyondLimit(csv, "a record is longer than max_cell_size", p);
	if (p == csv->end && !csv->final)
		return PARSED_MORE;
	*at = p;
	return AddCell(csv, start, p - start, p > start ? CELL_TEXT : CELL_EMPTY);
}

/* Takes a cell that begins like a quoted one for an unquoted one. */
static Parsed
ParseAsPlain(CsvReader *csv, const char **at)
{
	BlockScan	scan = {NULL, 0};

	return ParsePlain(csv, &scan, at);
}

/* The next quote or escape of a quoted cell; stop if there is none. */
static inline const char *
FindQuote(const CsvReader *csv, const char *p, const char *stop)
{
	return p < stop ? ScanBefore(&csv->marks, p, stop) : stop;
}

/* Is what begins here a pair that stands for one quote or escape? */
static inline bool
IsEscaped(const CsvReader *csv, const char *p, const char *end)
{
	const Dialect *dialect = &csv->dialect;

	return p + 1 < end && (p[1] == dialect->quote || (*p == dialect->escape && p[1] == dialect->escape));
}

/* Finds the quote that ends a cell; *escapes counts the bytes that unescaping will drop. */
static Parsed
FindClosingQuote(CsvReader *csv, const char *start, const char **close, size_t *escapes)
{
	const char *end = csv->end;
	const char *stop = (size_t) (end - start) > csv->quote_reach ? start + csv->quote_reach : end;
	const char *p = start;

	*escapes = 0;
	for (;;)
	{
		p = FindQuote(csv, p, stop);
		if (p >= stop || (p + 1 == end && !csv->final))
		{
			if (stop == end && !csv->final)
				return PARSED_MORE;
			return BadRecord(csv, "unterminated quote", p);
		}
		if (IsEscaped(csv, p, end))
		{
			(*escapes)++;
			p += 2;
		}
		else if (*p == csv->dialect.escape)
			p++;
		else
			break;
	}
	*close = p;
	return PARSED_DONE;
}

/* Steps over spaces, where they may stand around a quoted cell. */
static inline const char *
SkipSpaces(const CsvReader *csv, const char *p)
{
	while (*p == ' ' && csv->dialect.delimiter != ' ')
		p++;
	return p;
}

/* Does a cell end here? */
static inline bool
EndsCell(const CsvReader *csv, const char *p)
{
	return p == csv->end || *p == csv->dialect.delimiter || *p == '\n' || *p == '\r';
}

/* Counts the line ends in a quoted cell; the byte at its end may be read. */
static int64_t
CountLines(const CsvReader *csv, const char *text, size_t length)
{
	const char *end = text + length;
	const char *p = ScanBefore(&csv->line_ends, text, end);
	int64_t		lines = 0;

	for (; p < end; p = ScanBefore(&csv->line_ends, p + 1, end))
		lines += *p == '\n' || p[1] != '\n';
	return lines;
}

/* Adds what is between two quotes and steps to the byte that ended the cell. */
static Parsed
AddQuoted(CsvReader *csv, const char *start, const char *close, size_t escapes, const char **at)
{
	if (close - start - escapes > csv->max_cell_size)
		return BeyondLimit(csv, "a record is longer than max_cell_size", close);
	if (escapes > 0)
		csv->escaped = true;
	*at = SkipSpaces(csv, close + 1);
	return AddCell(csv, start, close - start, CELL_TEXT);
}

/* Parses a quoted cell by the rules. */
static Parsed
ParseQuoted(CsvReader *csv, const char *start, const char **at)
{
	const char *close;
	const char *behind;
	size_t		escapes;
	Parsed		parsed = FindClosingQuote(csv, start, &close, &escapes);

	if (parsed != PARSED_DONE)
		return parsed;
	behind = SkipSpaces(csv, close + 1);
	if (behind == csv->end && !csv->final)
		return PARSED_MORE;
	if (!EndsCell(csv, behind))
		return BadRecord(csv, "text after a closing quote", behind);
	csv->lines += CountLines(csv, start, close - start);
	return AddQuoted(csv, start, close, escapes, at);
}

/*
 * Parses a quoted cell of a line by itself, where a quote that neither ends
 * the cell nor is escaped is text.  If it looks like the first of another
 * cell, then the quote that began this one is text.
 */
static Parsed
ParseMended(CsvReader *csv, const char *start, const char **at)
{
	const char *p = start;
	size_t		escapes = 0;

	for (;;)
	{
		p = FindQuote(csv, p, csv->end);
		if (p == csv->end)
			return BadRecord(csv, csv->mended ? "text after a closing quote" : "unterminated quote", p);
		if (IsEscaped(csv, p, csv->end))
		{
			escapes++;
			p++;
		}
		else if (*p == csv->dialect.quote)
		{
			if (EndsCell(csv, SkipSpaces(csv, p + 1)))
				break;
			csv->mended = true;
			if (p > start && p[-1] == csv->dialect.delimiter)
				return ParseAsPlain(csv, at);
		}
		p++;
	}
	return AddQuoted(csv, start, p, escapes, at);
}

/* Parses a cell that may be quoted behind spaces; if it is not, they are part of it. */
static Parsed
ParseSpaced(CsvReader *csv, const char **at)
{
	const char *p = SkipSpaces(csv, *at);
	Parsed		parsed;

	if (p == csv->end && !csv->final)
		return PARSED_MORE;
	if (p == csv->end || *p != csv->dialect.quote)
		return ParseAsPlain(csv, at);
	parsed = ParseQuoted(csv, p + 1, at);
	return parsed == PARSED_BAD ? ParseAsPlain(csv, at) : parsed;
}

/* Parses a cell that begins with a quote or with spaces, behind which one may be. */
static Parsed
ParseSpecial(CsvReader *csv, const char **at, bool strict)
{
	if (**at == ' ')
		return ParseSpaced(csv, at);
	return strict ? ParseQuoted(csv, *at + 1, at) : ParseMended(csv, *at + 1, at);
}

/* Parses the cells of a record up to csv->end, and steps to where it ended. */
static Parsed
ParseCells(CsvReader *csv, const char **at, bool strict)
{
	const int	delimiter = csv->dialect.delimiter;
	const int	quote = csv->dialect.quote;
	const bool	skip_space = csv->dialect.skip_space;
	const char *p = *at;
	BlockScan	scan = {NULL, 0};

	csv->ncells = 0;
	csv->escaped = false;
	csv->mended = false;
	for (;;)
	{
		Parsed		parsed;

		if (*p == quote || *p == ' ')
		{
			*at = p;
			parsed = ParseSpecial(csv, at, strict);
			p = *at;
		}
		else
			parsed = ParsePlain(csv, &scan, &p);
		if (parsed != PARSED_DONE)
			return parsed;
		if (p == csv->end || *p != delimiter)
			break;
		p++;
		if (skip_space && *p == ' ')
			p++;
	}
	*at = p;
	return PARSED_DONE;
}

/* Parses the record at the window's position without changing the window. */
static Parsed
ParseRecord(CsvReader *csv)
{
	const char *start = csv->window.data + csv->position;
	const char *p = start;
	Parsed		parsed;

	csv->end = csv->window.data + csv->window.length;
	csv->final = csv->at_end;
	csv->lines = 0;
	parsed = ParseCells(csv, &p, true);
	if (parsed != PARSED_DONE)
		return parsed;
	csv->record_length = p - start;
	if (p < csv->end)
	{
		if (*p == '\r' && p + 1 == csv->end && !csv->final)
			return PARSED_MORE;
		p += *p == '\r' && p[1] == '\n' ? 2 : 1;
		csv->lines++;
	}
	csv->next = p - csv->window.data;
	return PARSED_DONE;
}

/* Takes the physical line at the window's position for the record. */
static Parsed
TakeLine(CsvReader *csv)
{
	const char *start = csv->window.data + csv->position;
	const char *end = csv->window.data + csv->window.length;
	const char *p = start;

	p = ScanBefore(&csv->line_ends, p, end);
	if ((p == end || (*p == '\r' && p + 1 == end)) && !csv->at_end)
		return PARSED_MORE;
	csv->record_length = p - start;
	csv->lines = p < end;
	if (p < end)
		p += *p == '\r' && p[1] == '\n' ? 2 : 1;
	csv->next = p - csv->window.data;
	return PARSED_DONE;
}

/*
 * Parses the line at the window's position by itself, mending its quotes.
 * What was mended counts only if it has as many cells as the record before:
 * else the line is bad.
 */
static Parsed
ParseLine(CsvReader *csv)
{
	const char *p = csv->window.data + csv->position;
	Parsed		parsed = TakeLine(csv);

	if (parsed != PARSED_DONE)
		return parsed;
	csv->end = p + csv->record_length;
	csv->final = true;
	parsed = ParseCells(csv, &p, false);
	if (parsed == PARSED_DONE && csv->mended && csv->ncells != csv->width)
		return BadRecord(csv, "text after a closing quote", p);
	return parsed;
}

/* Has the next lines parsed by themselves, up to the one in which a record failed. */
static void
RaiseBarrier(CsvReader *csv, const char *failure)
{
	const char *start = csv->window.data + csv->position;

	while (failure > start && failure[-1] != '\n' && failure[-1] != '\r')
		failure--;
	csv->barrier = failure - csv->window.data;
}

/*
 * Parses what is at the window's position: a record, or a line of a record
 * that does not hold.  A stray quote swallows lines up to the next quote, or
 * to the end of its reach.  To try each of these lines as the start of a
 * record that spans lines would take quadratic time, so they are parsed by
 * themselves: no byte is read in vain more than twice.
 */
static Parsed
ParseNext(CsvReader *csv)
{
	if (csv->position >= csv->barrier)
	{
		Parsed		parsed = ParseRecord(csv);

		if (parsed != PARSED_BAD && !(parsed == PARSED_LIMIT && csv->lines > 0))
			return parsed;
		RaiseBarrier(csv, csv->failure);
	}
	return ParseLine(csv);
}

/* Notes how much of the file is behind the window's position. */
static void
NoteProgress(CsvReader *csv)
{
	uint64_t	ahead = (csv->window.length - csv->position) * csv->shrink;
	uint64_t	done = csv->offset > ahead ? csv->offset - ahead : 0;

	if (done > csv->base.done)
		csv->base.done = done;
}

/* Steps behind the record. */
static void
PassRecord(CsvReader *csv)
{
	csv->position = csv->next;
	csv->line += csv->lines;
	NoteProgress(csv);
}

/* Hands out a record as a bad row. */
static ReaderStatus
HandOutBadRow(CsvReader *csv, ReaderRow *row)
{
	if (!MakeValidText(&csv->raw, csv->window.data + csv->position, csv->record_length))
		return ReaderFail(&csv->base, READER_NO_MEMORY, "out of memory");
	row->ncells = 0;
	row->cells = NULL;
	row->raw = csv->raw.data;
	row->raw_length = csv->raw.length;
	csv->records += BAD_ROW_WEIGHT;
	PassRecord(csv);
	return ReaderFail(&csv->base, READER_BAD_ROW, "%s", csv->complaint);
}

/* Drops a quoted cell's escapes in place. */
static void
Unescape(const CsvReader *csv, ReaderCell *cell)
{
	char	   *to = (char *) cell->value;
	const char *from = cell->value;
	const char *end = from + cell->length;

	while (from < end)
	{
		const char *mark = FindQuote(csv, from, end);

		memmove(to, from, mark - from);
		to += mark - from;
		from = mark;
		if (from == end)
			break;
		if (IsEscaped(csv, from, end))
			from++;
		*to++ = *from++;
	}
	cell->length = to - cell->value;
}

/* Drops the escapes of all quoted cells: those right behind a quote. */
static void
UnescapeRow(CsvReader *csv, const char *start)
{
	for (uint32_t i = 0; i < csv->ncells; i++)
	{
		ReaderCell *cell = &csv->cells[i];

		if (cell->kind == CELL_TEXT && cell->value > start && cell->value[-1] == csv->dialect.quote)
			Unescape(csv, cell);
	}
}

/* Writes the note on what was detected. */
static void
NoteDetected(CsvReader *csv)
{
	DescribeDialect(&csv->dialect, EncodingName(csv->coder.encoding), csv->base.detected,
					sizeof(csv->base.detected));
}

/* Takes the file for windows-1252 from the record at hand on: it is to be parsed anew. */
static ReaderStatus
FallBack(CsvReader *csv)
{
	size_t		length = csv->window.length - csv->position;
	Buffer		old = csv->window;

	if (!BufferReserve(&csv->chunk, 3 * length + WINDOW_PAD))
		return ReaderFail(&csv->base, READER_NO_MEMORY, "out of memory");
	csv->coder.encoding = ENCODING_WINDOWS1252;
	csv->undecided = false;
	csv->window = csv->chunk;
	csv->window.length = Transcode(&csv->coder, csv->window.data, old.data + csv->position, length, false);
	csv->window.data[csv->window.length] = '\0';
	csv->chunk = old;
	csv->chunk.length = 0;
	csv->position = 0;
	csv->barrier = 0;
	if (csv->window.length > 0)
		csv->shrink = (double) length / csv->window.length;
	NoteDetected(csv);
	return READER_END;
}

/* Checks the bytes of a record; false if they are bad, and csv->complaint says why. */
static bool
CheckText(CsvReader *csv, const char *text, size_t length)
{
	if (IsPlainAscii(text, length))
		return true;
	csv->complaint = TextComplaint(text, length);
	if (csv->complaint == NULL)
		csv->undecided = false;
	return csv->complaint == NULL;
}

/* Hands out a parsed record; READER_END if it is blank or to be parsed anew. */
static ReaderStatus
FinishRow(CsvReader *csv, ReaderRow *row)
{
	const char *start = csv->window.data + csv->position;
	uint32_t	width = csv->ncells;

	while (csv->ncells > 0 && csv->cells[csv->ncells - 1].kind == CELL_EMPTY)
		csv->ncells--;
	if (csv->ncells == 0)
	{
		PassRecord(csv);
		return READER_END;
	}
	if (!CheckText(csv, start, csv->record_length))
	{
		if (csv->undecided && memchr(start, '\0', csv->record_length) == NULL)
			return FallBack(csv);
		return HandOutBadRow(csv, row);
	}
	if (csv->escaped)
		UnescapeRow(csv, start);
	csv->width = width;
	row->ncells = csv->ncells;
	row->cells = csv->cells;
	row->raw = NULL;
	row->raw_length = 0;
	PassRecord(csv);
	return READER_OK;
}

/* Brings more of the file into the window, unless the record is beyond all bounds. */
static ReaderStatus
WantMore(CsvReader *csv)
{
	if ((csv->window.length - csv->position) / RECORD_CELLS <= csv->quote_reach)
		return FillWindow(csv);
	if (csv->position >= csv->barrier && csv->lines > 0)
	{
		/* no record of so many lines is meant: quotes are astray */
		RaiseBarrier(csv, csv->window.data + csv->window.length);
		return READER_OK;
	}
	return ReaderFail(&csv->base, READER_LIMIT, "a record is longer than %d times max_cell_size",
					  RECORD_CELLS);
}

/* Deals with what a record was parsed to; READER_END asks for another turn. */
static ReaderStatus
DealWithRecord(CsvReader *csv, Parsed parsed, ReaderRow *row)
{
	ReaderStatus status;

	switch (parsed)
	{
		case PARSED_DONE:
			return FinishRow(csv, row);
		case PARSED_BAD:
			return HandOutBadRow(csv, row);
		case PARSED_MORE:
			status = WantMore(csv);
			return status == READER_OK ? READER_END : status;
		case PARSED_LIMIT:
			csv->base.column = csv->ncells + 1;
			return ReaderFail(&csv->base, READER_LIMIT, "%s", csv->complaint);
		default:
			return ReaderFail(&csv->base, READER_NO_MEMORY, "out of memory");
	}
}

/* The next row that has any non-empty cell. */
static ReaderStatus
CsvNextRow(Reader *reader, ReaderRow *row)
{
	CsvReader  *csv = (CsvReader *) reader;
	ReaderStatus status = READER_END;

	reader->column = 0;
	while (status == READER_END)
	{
		if (csv->sheet_over || (csv->at_end && csv->position == csv->window.length))
			return READER_END;
		if (++csv->records >= ROWS_PER_CHECK && CheckInterrupt(csv) != READER_OK)
			return reader->status;
		reader->row = csv->line;
		row->number = csv->line;
		status = DealWithRecord(csv, ParseNext(csv), row);
	}
	return status;
}

/* A text file is one sheet without a name. */
static ReaderStatus
CsvNextSheet(Reader *reader, ReaderSheet *sheet)
{
	CsvReader  *csv = (CsvReader *) reader;

	csv->sheet_over = csv->sheet_begun;
	if (csv->sheet_over)
		return READER_END;
	csv->sheet_begun = true;
	sheet->name = "";
	sheet->index = 0;
	sheet->hidden = false;
	return READER_OK;
}

/* Settles the encoding by option or by the start of the file, and skips a mark. */
static ReaderStatus
SampleEncoding(CsvReader *csv)
{
	const char *name = csv->base.options.encoding;
	Encoding	known = name != NULL ? EncodingByName(name) : ENCODING_UNKNOWN;
	char	   *sample;
	ptrdiff_t	got;
	size_t		mark;
	ReaderStatus status;

	if (name != NULL && known == ENCODING_UNKNOWN)
		return ReaderFail(&csv->base, READER_UNSUPPORTED, "unknown encoding \"%s\"", name);
	sample = malloc(ENCODING_SAMPLE);
	if (sample == NULL)
		return ReaderFail(&csv->base, READER_NO_MEMORY, "out of memory");
	got = ByteStreamPeek(&csv->base, sample, ENCODING_SAMPLE);
	status = got < 0 ? csv->base.status : READER_OK;
	if (got >= 0)
	{
		csv->coder.encoding = SettleEncoding(known, sample, got, got == ENCODING_SAMPLE, &mark);
		status = ByteStreamRewind(&csv->base, mark);
		csv->undecided = known == ENCODING_UNKNOWN && mark == 0 && csv->coder.encoding == ENCODING_UTF8 &&
			IsPlainAscii(sample, got);
	}
	free(sample);
	return status;
}

/* Takes over the options. */
static ReaderStatus
SettleOptions(CsvReader *csv)
{
	const ReaderOptions *options = &csv->base.options;
	const char *complaint = DialectByOptions(&csv->dialect, options);

	csv->max_columns = options->max_columns ? options->max_columns : DEFAULT_COLUMNS;
	csv->max_cell_size = options->max_cell_size ? options->max_cell_size : DEFAULT_CELL_SIZE;
	csv->quote_reach = csv->max_cell_size > QUOTE_REACH ? csv->max_cell_size : QUOTE_REACH;
	csv->line = 1;
	csv->shrink = 1;
	if (complaint != NULL)
		return ReaderFail(&csv->base, READER_UNSUPPORTED, "%s", complaint);
	return READER_OK;
}

/* A piece of the window for the sniffer, from the start of a line on. */
static Sample
WindowSample(const CsvReader *csv, size_t from, size_t length)
{
	const char *text = csv->window.data;
	size_t		rest;

	while (from > 0 && from < csv->window.length && text[from - 1] != '\n' && text[from - 1] != '\r')
		from++;
	rest = csv->window.length - from;
	return (Sample) {text + from, rest < length ? rest : length, rest > length || !csv->at_end};
}

/* Settles the dialect by the window: its start and, if that is not all, two later pieces. */
static void
SettleDialect(CsvReader *csv)
{
	Dialect    *dialect = &csv->dialect;
	size_t		length = csv->window.length;
	Sample		samples[3];
	int			escape;
	int			nsamples = 1;

	if (dialect->delimiter == OPEN_MARK)
	{
		csv->position = SeparatorLine(csv->window.data, length, &dialect->delimiter);
		csv->line += csv->position > 0;
	}
	samples[0] = WindowSample(csv, csv->position, DIALECT_SAMPLE);
	if (length >= 2 * DIALECT_SAMPLE)
	{
		samples[nsamples++] = WindowSample(csv, length / 2, LATER_SAMPLE);
		samples[nsamples++] = WindowSample(csv, length - LATER_SAMPLE, LATER_SAMPLE);
	}
	SniffDialect(dialect, samples, nsamples);
	csv->width = dialect->width;
	escape = dialect->escape != NO_MARK ? dialect->escape : dialect->quote;

	FillByteSet(&csv->stops, dialect->delimiter, '\n', '\r', '\0');
	FillByteSet(&csv->marks, dialect->quote, dialect->quote, escape, escape);
	FillByteSet(&csv->line_ends, '\n', '\n', '\r', '\r');
}

/* Opens a text file: settles how to read it and fills the window. */
static ReaderStatus
CsvOpen(Reader *reader)
{
	CsvReader  *csv = (CsvReader *) reader;
	ReaderStatus status = SettleOptions(csv);

	if (status == READER_OK)
		status = SampleEncoding(csv);
	if (status == READER_OK)
		status = FillWindow(csv);
	if (status != READER_OK)
		return status;
	SettleDialect(csv);
	NoteDetected(csv);
	return READER_OK;
}

/* Frees everything but the reader itself. */
static void
CsvClose(Reader *reader)
{
	CsvReader  *csv = (CsvReader *) reader;

	BufferFree(&csv->window);
	BufferFree(&csv->chunk);
	BufferFree(&csv->raw);
	free(csv->cells);
}

const FormatOps csv_format =
{
	"csv", sizeof(CsvReader), CsvOpen, CsvNextSheet, CsvNextRow, CsvClose
};
