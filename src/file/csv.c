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
 *	  file -> FillWindow -> [transcode] -> window -> ParseRecord -> cells
 *												  |			  -> FinishRow -> row
 *												  +-> bad row -> raw text
 */
#include "file/encoding.h"
#include "file/format.h"
#include "file/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WINDOW_STEP ((size_t) 256 * 1024)
#define ENCODING_SAMPLE ((size_t) 1024 * 1024)
#define DELIMITER_SAMPLE ((size_t) 64 * 1024)
#define DELIMITER_RECORDS 100
#define UTF16_SAMPLE 1024
#define QUOTE_REACH ((size_t) 1024 * 1024)
#define RECORD_CELLS 64			/* a record has at most so many times the largest cell */
#define ROWS_PER_CHECK 1000
#define BAD_ROW_WEIGHT 100		/* a bad row may have cost as much as so many rows */
#define DEFAULT_COLUMNS 16384
#define DEFAULT_CELL_SIZE (1 << 20)
#define NO_QUOTE (-1)

typedef enum Encoding
{
	ENCODING_UTF8,
	ENCODING_UTF16LE,
	ENCODING_UTF16BE,
	ENCODING_WINDOWS1252,
	ENCODING_UNKNOWN
} Encoding;

static const struct
{
	const char *name;
	Encoding	encoding;
}			encoding_names[] =
{
	/* by their number come first the names that are shown */
	{"utf-8", ENCODING_UTF8},
	{"utf-16le", ENCODING_UTF16LE},
	{"utf-16be", ENCODING_UTF16BE},
	{"windows-1252", ENCODING_WINDOWS1252},
	{"latin1", ENCODING_WINDOWS1252},
};

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
	Encoding	encoding;
	char		delimiter;
	int			quote;			/* or NO_QUOTE */
	int			escape;			/* besides the doubled quote, or NO_QUOTE */
	unsigned char stops[256];	/* bytes that end the scan of an unquoted cell */

	Buffer		window;			/* UTF-8; a NUL follows its last byte */
	size_t		position;		/* of the next record in the window */
	int64_t		line;			/* of the next record in the file */
	uint64_t	offset;			/* where in the file, as it is on disk, the window ends */
	bool		at_end;			/* the window ends where the file does */
	Buffer		chunk;			/* bytes to be transcoded */
	uint32_t	high;			/* a high surrogate that waits for its other half */
	double		shrink;			/* bytes of the file per byte of the window */

	ReaderCell *cells;			/* the record that was parsed last */
	uint32_t	ncells;
	uint32_t	capacity;
	size_t		record_length;	/* without its line end */
	size_t		next;			/* where in the window the one after it begins */
	int64_t		lines;			/* line ends in it */
	bool		escaped;		/* some quoted cell has escapes */
	const char *complaint;

	size_t		quote_reach;
	uint32_t	max_columns;
	uint32_t	max_cell_size;
	Buffer		raw;
	unsigned int records;		/* since the last look at options.interrupted */
	bool		sheet_begun;
	bool		sheet_over;
} CsvReader;

/* Writes bytes of windows-1252 as UTF-8, at most 3 for each, and returns how many. */
static size_t
TranscodeWindows1252(char *to, const unsigned char *from, size_t length)
{
	char	   *start = to;

	for (size_t i = 0; i < length; i++)
	{
		if (from[i] < 0x80)
			*to++ = from[i];
		else
			to += PutCodePoint(to, Windows1252(from[i]));
	}
	return to - start;
}

/* Writes UTF-16 as UTF-8, at most 3 bytes for each byte plus 3, and returns how many. */
static size_t
TranscodeUtf16(CsvReader *csv, char *to, const unsigned char *from, size_t length)
{
	int			low = csv->encoding == ENCODING_UTF16LE ? 0 : 1;
	char	   *start = to;

	for (size_t i = 0; i + 1 < length; i += 2)
		to += PutUnit(to, &csv->high, from[i + low] | (uint32_t) from[i + 1 - low] << 8);
	if (csv->at_end && csv->high != 0)
	{
		csv->high = 0;
		to += PutCodePoint(to, REPLACEMENT);
	}
	if (length % 2 != 0)
		to += PutCodePoint(to, REPLACEMENT);
	return to - start;
}

/* Reads a step of the file and adds it to the window as UTF-8; room is there.
 * Returns how much that made. */
static ptrdiff_t
AddTranscoded(CsvReader *csv, size_t step)
{
	ptrdiff_t	got = ByteStreamRead(&csv->base, csv->chunk.data, step);
	const unsigned char *from = (const unsigned char *) csv->chunk.data;
	char	   *to = csv->window.data + csv->window.length;
	size_t		made;

	if (got < 0)
		return got;
	csv->at_end = (size_t) got < step;
	if (csv->encoding == ENCODING_WINDOWS1252)
		made = TranscodeWindows1252(to, from, got);
	else
		made = TranscodeUtf16(csv, to, from, got);
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
	bool		transcode = csv->encoding != ENCODING_UTF8;
	uint64_t	before = csv->offset;
	ptrdiff_t	made;
	ReaderStatus status = CheckInterrupt(csv);

	if (status != READER_OK)
		return status;
	window->length -= csv->position;
	if (csv->position > 0 && window->length > 0)
		memmove(window->data, window->data + csv->position, window->length);
	csv->position = 0;

	/* a long record is parsed anew after each step: the steps grow with it */
	while (step < window->length)
		step *= 2;
	if (!BufferReserve(window, (transcode ? 3 : 1) * step + 8) ||
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

/* Adds a cell to the record. */
static inline Parsed
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
	{
		csv->complaint = "a record has more cells than max_columns";
		return PARSED_LIMIT;
	}
	cell = &csv->cells[csv->ncells++];
	cell->value = value;
	cell->length = length;
	cell->kind = kind;
	return PARSED_DONE;
}

/* Notes that a cell is too long. */
static Parsed
CellTooLong(CsvReader *csv)
{
	csv->complaint = "a record is longer than max_cell_size";
	return PARSED_LIMIT;
}

/* Notes what is wrong with a row. */
static Parsed
BadRecord(CsvReader *csv, const char *complaint)
{
	csv->complaint = complaint;
	return PARSED_BAD;
}

/* Parses an unquoted cell and steps to the byte that ended it. */
static inline Parsed
ParsePlain(CsvReader *csv, const char **at, const char *end)
{
	const char *start = *at;
	const char *p = start;

	for (;;)
	{
		while (!csv->stops[(unsigned char) *p])
			p++;
		if (*p != '\0' || p == end)
			break;
		p++;
	}
	if ((size_t) (p - start) > csv->max_cell_size)
		return CellTooLong(csv);
	if (p == end && !csv->at_end)
		return PARSED_MORE;
	*at = p;
	return AddCell(csv, start, p - start, p > start ? CELL_TEXT : CELL_EMPTY);
}

/* The next quote or escape of a quoted cell; stop if there is none. */
static const char *
FindQuote(const CsvReader *csv, const char *p, const char *stop)
{
	if (p >= stop)
		return stop;
	if (csv->escape == NO_QUOTE)
	{
		p = memchr(p, csv->quote, stop - p);
		return p != NULL ? p : stop;
	}
	while (p < stop && *p != csv->quote && *p != csv->escape)
		p++;
	return p;
}

/* Finds the quote that ends a cell; *escapes counts the bytes that unescaping will drop. */
static Parsed
FindClosingQuote(CsvReader *csv, const char *start, const char *end, const char **close, size_t *escapes)
{
	const char *stop = (size_t) (end - start) > csv->quote_reach ? start + csv->quote_reach : end;
	const char *p = start;

	*escapes = 0;
	for (;;)
	{
		p = FindQuote(csv, p, stop);
		if (p >= stop || (p + 1 == end && !csv->at_end))
		{
			if (stop == end && !csv->at_end)
				return PARSED_MORE;
			return BadRecord(csv, "unterminated quote");
		}
		if (p + 1 < end && (p[1] == csv->quote || (*p == csv->escape && p[1] == csv->escape)))
		{
			(*escapes)++;
			p += 2;
		}
		else if (*p == csv->escape)
			p++;
		else
			break;
	}
	*close = p;
	return PARSED_DONE;
}

/* Counts the line ends in a quoted cell; the byte at its end may be read. */
static int64_t
CountLines(const char *text, size_t length)
{
	int64_t		lines = 0;

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
	return lines;
}

/* Parses a quoted cell and steps to the byte behind its closing quote. */
static Parsed
ParseQuoted(CsvReader *csv, const char **at, const char *end)
{
	const char *start = *at + 1;
	const char *close;
	size_t		escapes;
	Parsed		parsed = FindClosingQuote(csv, start, end, &close, &escapes);

	if (parsed != PARSED_DONE)
		return parsed;
	if (close + 1 < end && (close[1] == '\0' || !csv->stops[(unsigned char) close[1]]))
		return BadRecord(csv, "text after a closing quote");
	if (close - start - escapes > csv->max_cell_size)
		return CellTooLong(csv);
	if (escapes > 0)
		csv->escaped = true;
	csv->lines += CountLines(start, close - start);
	*at = close + 1;
	return AddCell(csv, start, close - start, CELL_TEXT);
}

/* Parses the record at the window's position without changing the window. */
static Parsed
ParseRecord(CsvReader *csv)
{
	const char *start = csv->window.data + csv->position;
	const char *end = csv->window.data + csv->window.length;
	const char *p = start;

	csv->ncells = 0;
	csv->lines = 0;
	csv->escaped = false;
	for (;;)
	{
		Parsed		parsed;

		if (p < end && *p == csv->quote)
			parsed = ParseQuoted(csv, &p, end);
		else
			parsed = ParsePlain(csv, &p, end);
		if (parsed != PARSED_DONE)
			return parsed;
		if (p == end || *p != csv->delimiter)
			break;
		p++;
	}
	csv->record_length = p - start;
	if (p < end)
	{
		if (*p == '\r' && p + 1 == end && !csv->at_end)
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

	while (p < end && *p != '\n' && *p != '\r')
		p++;
	if ((p == end || (*p == '\r' && p + 1 == end)) && !csv->at_end)
		return PARSED_MORE;
	csv->record_length = p - start;
	csv->lines = p < end;
	if (p < end)
		p += *p == '\r' && p[1] == '\n' ? 2 : 1;
	csv->next = p - csv->window.data;
	return PARSED_DONE;
}

/* Are these bytes ASCII without NUL?  Eight at a time. */
static bool
IsPlainAscii(const char *text, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t	odd = 0;
	size_t		i = 0;

	for (; i + 8 <= length; i += 8)
	{
		uint64_t	word;

		memcpy(&word, text + i, 8);
		odd |= word | ((word - ones) & ~word);
	}
	for (; i < length; i++)
		odd |= (signed char) text[i] <= 0 ? ones << 7 : 0;
	return (odd & ones << 7) == 0;
}

/* Says what is wrong with the bytes of a record, or NULL. */
static const char *
TextComplaint(const char *text, size_t length)
{
	if (IsPlainAscii(text, length) || IsValidText(text, length))
		return NULL;
	if (memchr(text, '\0', length) != NULL)
		return "NUL byte in the row";
	return "row is not valid UTF-8";
}

/* Length of the valid UTF-8 sequence at a byte, 0 if there is none. */
static size_t
ValidSequence(const char *p, const char *end)
{
	for (size_t length = 1; length <= 4 && p + length <= end; length++)
	{
		if (IsValidText(p, length))
			return length;
	}
	return 0;
}

/* Copies text and makes it valid: stray bytes are taken for windows-1252. */
bool
MakeValidText(Buffer *raw, const char *p, size_t length)
{
	const char *end = p + length;

	raw->length = 0;
	if (!BufferReserve(raw, 3 * length + 1))
		return false;
	while (p < end)
	{
		size_t		sequence = ValidSequence(p, end);

		if (sequence > 0)
		{
			memcpy(raw->data + raw->length, p, sequence);
			raw->length += sequence;
			p += sequence;
			continue;
		}
		raw->length += PutCodePoint(raw->data + raw->length,
									*p == '\0' ? REPLACEMENT : Windows1252(*p));
		p++;
	}
	return true;
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
		if (from + 1 < end && (from[1] == csv->quote || (*from == csv->escape && from[1] == csv->escape)))
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

		if (cell->kind == CELL_TEXT && cell->value > start && cell->value[-1] == csv->quote)
			Unescape(csv, cell);
	}
}

/* Hands out a parsed record; READER_END if it is blank. */
static ReaderStatus
FinishRow(CsvReader *csv, ReaderRow *row)
{
	const char *start = csv->window.data + csv->position;

	while (csv->ncells > 0 && csv->cells[csv->ncells - 1].kind == CELL_EMPTY)
		csv->ncells--;
	if (csv->ncells == 0)
	{
		PassRecord(csv);
		return READER_END;
	}
	csv->complaint = TextComplaint(start, csv->record_length);
	if (csv->complaint != NULL)
		return HandOutBadRow(csv, row);
	if (csv->escaped)
		UnescapeRow(csv, start);
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
	if ((csv->window.length - csv->position) / RECORD_CELLS > csv->quote_reach)
		return ReaderFail(&csv->base, READER_LIMIT, "a record is longer than %d times max_cell_size",
						  RECORD_CELLS);
	return FillWindow(csv);
}

/* Deals with what a record was parsed to; READER_END asks for another turn. */
static ReaderStatus
DealWithRecord(CsvReader *csv, Parsed parsed, ReaderRow *row)
{
	ReaderStatus status;
	bool		bad = parsed == PARSED_BAD;

	if (bad)
		parsed = TakeLine(csv);
	switch (parsed)
	{
		case PARSED_DONE:
			return bad ? HandOutBadRow(csv, row) : FinishRow(csv, row);
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
		status = DealWithRecord(csv, ParseRecord(csv), row);
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

/* The encoding of a byte order mark, and its length. */
static Encoding
EncodingByMark(const char *sample, size_t length, size_t *mark)
{
	*mark = 3;
	if (length >= 3 && memcmp(sample, "\xEF\xBB\xBF", 3) == 0)
		return ENCODING_UTF8;
	*mark = 2;
	if (length >= 2 && memcmp(sample, "\xFF\xFE", 2) == 0)
		return ENCODING_UTF16LE;
	if (length >= 2 && memcmp(sample, "\xFE\xFF", 2) == 0)
		return ENCODING_UTF16BE;
	*mark = 0;
	return ENCODING_UNKNOWN;
}

/* UTF-16 if most pairs of bytes at the start have a NUL on the same side. */
static Encoding
EncodingByNuls(const char *sample, size_t length)
{
	size_t		pairs = (length < UTF16_SAMPLE ? length : UTF16_SAMPLE) / 2;
	size_t		first = 0;
	size_t		second = 0;

	for (size_t i = 0; i < pairs; i++)
	{
		first += sample[2 * i] == '\0';
		second += sample[2 * i + 1] == '\0';
	}
	if (second * 2 > pairs && first * 4 < second)
		return ENCODING_UTF16LE;
	if (first * 2 > pairs && second * 4 < first)
		return ENCODING_UTF16BE;
	return ENCODING_UNKNOWN;
}

/* Is this valid UTF-8?  NUL bytes may be in it: they spoil rows, not the file. */
static Encoding
EncodingByContent(const char *sample, size_t length, bool cut)
{
	const char *end = sample + length;
	int			tail = 0;

	/* a sequence that the end of the sample cuts is not held against it */
	while (cut && tail < 3 && end > sample && (end[-1] & 0xC0) == 0x80)
	{
		end--;
		tail++;
	}
	if (cut && end > sample && (end[-1] & 0xC0) == 0xC0)
		end--;
	while (sample < end)
	{
		const char *nul = memchr(sample, '\0', end - sample);

		if (!IsValidText(sample, (nul ? nul : end) - sample))
			return ENCODING_WINDOWS1252;
		sample = nul ? nul + 1 : end;
	}
	return ENCODING_UTF8;
}

/* Settles the encoding by option or by the start of the file, and skips a mark. */
static ReaderStatus
SettleEncoding(CsvReader *csv, const char *sample, size_t length)
{
	const char *name = csv->base.options.encoding;
	size_t		mark;
	Encoding	marked = EncodingByMark(sample, length, &mark);

	csv->encoding = ENCODING_UNKNOWN;
	for (size_t i = 0; name != NULL && i < sizeof(encoding_names) / sizeof(encoding_names[0]); i++)
	{
		if (strcasecmp(name, encoding_names[i].name) == 0)
			csv->encoding = encoding_names[i].encoding;
	}
	if (name != NULL && csv->encoding == ENCODING_UNKNOWN)
		return ReaderFail(&csv->base, READER_UNSUPPORTED, "unknown encoding \"%s\"", name);
	if (name == NULL)
		csv->encoding = marked;
	if (csv->encoding == ENCODING_UNKNOWN)
		csv->encoding = EncodingByNuls(sample, length);
	if (csv->encoding == ENCODING_UNKNOWN)
		csv->encoding = EncodingByContent(sample, length, length == ENCODING_SAMPLE);
	return ByteStreamRewind(&csv->base, csv->encoding == marked ? mark : 0);
}

/* Reads the start of the file and settles its encoding. */
static ReaderStatus
SampleEncoding(CsvReader *csv)
{
	char	   *sample = malloc(ENCODING_SAMPLE);
	ptrdiff_t	got;
	ReaderStatus status;

	if (sample == NULL)
		return ReaderFail(&csv->base, READER_NO_MEMORY, "out of memory");
	got = ByteStreamPeek(&csv->base, sample, ENCODING_SAMPLE);
	status = got < 0 ? csv->base.status : SettleEncoding(csv, sample, got);
	free(sample);
	return status;
}

/* Sets the delimiter and marks the bytes that end an unquoted cell. */
static void
SetDelimiter(CsvReader *csv, char delimiter)
{
	csv->delimiter = delimiter;
	memset(csv->stops, 0, sizeof(csv->stops));
	csv->stops[(unsigned char) delimiter] = 1;
	csv->stops['\n'] = 1;
	csv->stops['\r'] = 1;
	csv->stops['\0'] = 1;
}

/* Counts the delimiters of the first records of the window; returns how many records. */
static int
CountDelimiters(CsvReader *csv, uint32_t *counts)
{
	int			records = 0;

	while (records < DELIMITER_RECORDS && csv->position < csv->window.length &&
		   csv->position < DELIMITER_SAMPLE)
	{
		bool		good = ParseRecord(csv) == PARSED_DONE;

		/* a record that the window cuts is passed over like a bad one */
		if (!good && TakeLine(csv) != PARSED_DONE)
			break;
		if (good && csv->record_length > 0)
			counts[records++] = csv->ncells - 1;
		csv->position = csv->next;
	}
	csv->position = 0;
	return records;
}

/* How consistently records have the same count, per mille; half if the first has another. */
static int
Consistency(const uint32_t *counts, int records)
{
	int			best = 0;
	uint32_t	usual = 0;

	for (int i = 0; i < records; i++)
	{
		int			same = 0;

		for (int j = 0; j < records; j++)
			same += counts[j] == counts[i];
		if (counts[i] > 0 && same > best)
		{
			best = same;
			usual = counts[i];
		}
	}
	if (best == 0)
		return 0;
	return best * 1000 / records / (counts[0] == usual ? 1 : 2);
}

/* Chooses the delimiter that cuts the first records most consistently. */
static void
DetectDelimiter(CsvReader *csv)
{
	/* commas last: between semicolons they are decimal marks, and the first of equals wins */
	static const char candidates[] = {';', '\t', '|', ','};
	uint32_t	counts[DELIMITER_RECORDS];
	int			best = 0;
	char		chosen = ',';

	for (size_t i = 0; i < sizeof(candidates); i++)
	{
		int			score;

		if (candidates[i] == csv->quote)
			continue;
		SetDelimiter(csv, candidates[i]);
		score = Consistency(counts, CountDelimiters(csv, counts));
		if (score > best)
		{
			best = score;
			chosen = candidates[i];
		}
	}
	SetDelimiter(csv, chosen);
}

/* Is this a character that may delimit, quote or escape? */
static bool
IsUsableMark(int mark)
{
	return mark == NO_QUOTE || (mark > 0 && mark < 0x80 && mark != '\n' && mark != '\r');
}

/* Takes over the options. */
static ReaderStatus
SettleOptions(CsvReader *csv)
{
	const ReaderOptions *options = &csv->base.options;
	int			quote = options->quote ? (unsigned char) options->quote : '"';
	int			escape = options->escape ? (unsigned char) options->escape : quote;
	int			delimiter = options->delimiter ? (unsigned char) options->delimiter : NO_QUOTE;

	csv->quote = options->no_quote ? NO_QUOTE : quote;
	csv->escape = options->no_quote || escape == quote ? NO_QUOTE : escape;
	csv->max_columns = options->max_columns ? options->max_columns : DEFAULT_COLUMNS;
	csv->max_cell_size = options->max_cell_size ? options->max_cell_size : DEFAULT_CELL_SIZE;
	csv->quote_reach = csv->max_cell_size > QUOTE_REACH ? csv->max_cell_size : QUOTE_REACH;
	csv->line = 1;
	csv->shrink = 1;
	if (!IsUsableMark(csv->quote) || !IsUsableMark(csv->escape) || !IsUsableMark(delimiter))
		return ReaderFail(&csv->base, READER_UNSUPPORTED,
						  "delimiter, quote and escape must be ASCII characters other than line ends");
	if (delimiter != NO_QUOTE && (delimiter == csv->quote || delimiter == csv->escape))
		return ReaderFail(&csv->base, READER_UNSUPPORTED,
						  "the delimiter must differ from the quote and the escape");
	return READER_OK;
}

/* Writes the note on what was detected. */
static void
NoteDetected(CsvReader *csv)
{
	char		delimiter[3] = {csv->delimiter, '\0', '\0'};
	char		quote[5] = {csv->quote, '\0'};

	if (csv->delimiter == '\t')
		memcpy(delimiter, "\\t", 3);
	if (csv->quote == NO_QUOTE)
		memcpy(quote, "none", 5);
	snprintf(csv->base.detected, sizeof(csv->base.detected), "delimiter=%s quote=%s encoding=%s",
			 delimiter, quote, encoding_names[csv->encoding].name);
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
	if (reader->options.delimiter != '\0')
		SetDelimiter(csv, reader->options.delimiter);
	else
		DetectDelimiter(csv);
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
