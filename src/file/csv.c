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
 *	  file -> FillWindow -> [transcode] -> window -> CsvParseNext -> cells
 *												  |			  -> FinishRow -> row
 *												  +-> bad row -> raw text
 */
#include "file/csv.h"

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
	memset(window->data + window->length, 0, SCAN_PAD);	/* a NUL, and what scans look at behind it */
	return READER_OK;
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
	memset(csv->window.data + csv->window.length, 0, SCAN_PAD);
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
		CsvUnescape(csv, start);
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
		CsvRaiseBarrier(csv, csv->window.data + csv->window.length);
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
		status = DealWithRecord(csv, CsvParseNext(csv), row);
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
