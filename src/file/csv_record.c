/*
 * csv_record.c
 *	  Finds the cells of the record, or of the line, at the window's position.
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
#include "file/csv.h"

#include <stdlib.h>

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
void
CsvRaiseBarrier(CsvReader *csv, const char *failure)
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
Parsed
CsvParseNext(CsvReader *csv)
{
	if (csv->position >= csv->barrier)
	{
		Parsed		parsed = ParseRecord(csv);

		if (parsed != PARSED_BAD && !(parsed == PARSED_LIMIT && csv->lines > 0))
			return parsed;
		CsvRaiseBarrier(csv, csv->failure);
	}
	return ParseLine(csv);
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
void
CsvUnescape(CsvReader *csv, const char *start)
{
	for (uint32_t i = 0; i < csv->ncells; i++)
	{
		ReaderCell *cell = &csv->cells[i];

		if (cell->kind == CELL_TEXT && cell->value > start && cell->value[-1] == csv->dialect.quote)
			Unescape(csv, cell);
	}
}
