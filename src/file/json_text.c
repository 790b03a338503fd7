/*
 * json_text.c
 *	  The text of a JSON file as a window that moves over it, and steps through
 *	  what lies outside of records.
 *
 *	  stream -> JsonTextFill -> [UTF-16 to UTF-8] -> window -> scanner
 *
 * Whatever is scanned stands in the window as a whole; if the window ends too
 * early, more of the file is added and the scan begins anew.  So only a single
 * record, key or scalar takes memory, and each is bounded by max_length.
 */
#include "file/json.h"

#include <string.h>

#include "file/encoding.h"
#include "file/stream.h"

#define WINDOW_STEP ((size_t) 256 * 1024)

/* Reads a step of UTF-16 and adds it to the window; room is there. */
static ptrdiff_t
AddTranscoded(JsonText *text, size_t step)
{
	ptrdiff_t	got = ByteStreamRead(text->reader, text->chunk.data, step);
	const unsigned char *from = (const unsigned char *) text->chunk.data;
	char	   *start = text->window.data + text->window.length;
	char	   *to = start;

	if (got < 0)
		return got;
	text->at_end = (size_t) got < step;
	for (ptrdiff_t i = 0; i + 1 < got; i += 2)
		to += PutUnit(to, &text->high, from[i + text->low] | (uint32_t) from[i + 1 - text->low] << 8);
	if (text->at_end && (text->high != 0 || got % 2 != 0))
		to += PutCodePoint(to, REPLACEMENT);
	text->window.length += to - start;
	return to - start;
}

/* Reads a step of UTF-8 into the window; room is there. */
static ptrdiff_t
AddPlain(JsonText *text, size_t step)
{
	ptrdiff_t	got = ByteStreamRead(text->reader, text->window.data + text->window.length, step);

	if (got < 0)
		return got;
	text->at_end = (size_t) got < step;
	text->window.length += got;
	return got;
}

/* Drops what has been dealt with and adds more of the file. */
ReaderStatus
JsonTextFill(JsonText *text)
{
	Buffer	   *window = &text->window;
	Reader	   *reader = text->reader;
	uint64_t	before = text->offset;
	size_t		step = WINDOW_STEP;
	ptrdiff_t	made;

	if (reader->options.interrupted != NULL && reader->options.interrupted())
		return ReaderFail(reader, READER_CANCELLED, "cancelled");
	window->length -= text->position;
	if (text->position > 0 && window->length > 0)
		memmove(window->data, window->data + text->position, window->length);
	text->position = 0;
	if (window->length > text->max_length)
		return ReaderFail(reader, READER_LIMIT,
						  "the record in line %lld is longer than max_cell_size allows;"
						  " if records are in an array within it, record_path must lead there",
						  (long long) text->line);

	/* what is long is scanned anew after each step: the steps grow with it */
	while (step < window->length)
		step *= 2;
	if (!BufferReserve(window, (text->unit == 1 ? 1 : 3) * step + 8) ||
		(text->unit != 1 && !BufferReserve(&text->chunk, step)))
		return ReaderFail(reader, READER_NO_MEMORY, "out of memory");
	made = text->unit == 1 ? AddPlain(text, step) : AddTranscoded(text, step);
	if (made < 0)
		return reader->status;
	text->offset = ByteStreamConsumed(reader);
	if (made > 0)
		text->shrink = (double) (text->offset - before) / made;
	window->data[window->length] = '\0';
	return READER_OK;
}

/*
 * Settles the encoding by a byte order mark or, as JSON begins with two
 * characters of ASCII, by the side on which they have a NUL; returns the
 * length of the mark.
 */
static size_t
SettleUnicode(JsonText *text, const char *head, size_t length)
{
	text->unit = 2;
	text->low = 0;
	if (length >= 2 && memcmp(head, "\xFF\xFE", 2) == 0)
		return 2;
	if (length >= 2 && head[0] != '\0' && head[1] == '\0')
		return 0;
	text->low = 1;
	if (length >= 2 && memcmp(head, "\xFE\xFF", 2) == 0)
		return 2;
	if (length >= 2 && head[0] == '\0' && head[1] != '\0')
		return 0;
	text->unit = 1;
	return length >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Goes to the start of the file, behind a byte order mark. */
ReaderStatus
JsonTextStart(JsonText *text)
{
	char		head[4];
	ptrdiff_t	got = ByteStreamPeek(text->reader, head, sizeof(head));

	if (got < 0)
		return text->reader->status;
	if (ByteStreamRewind(text->reader, SettleUnicode(text, head, got)) != READER_OK)
		return text->reader->status;
	text->window.length = 0;
	text->position = 0;
	text->at_end = false;
	text->line = 1;
	text->column = 0;
	text->high = 0;
	text->offset = 0;
	text->shrink = 1;
	text->passed = 0;
	text->malformed = false;
	return JsonTextFill(text);
}

/* A scanner at the position. */
JsonScanner
JsonTextScanner(const JsonText *text)
{
	JsonScanner scanner = {0};

	scanner.p = text->window.data + text->position;
	scanner.end = text->window.data + text->window.length;
	scanner.at_end = text->at_end;
	return scanner;
}

/* Counts the lines before a place in the window, and the bytes of its own. */
static void
CountTo(const JsonText *text, const char *where, int64_t *line, uint64_t *column)
{
	const char *p = text->window.data + text->position;
	const char *end_of_line;

	*line = text->line;
	*column = text->column;
	while ((end_of_line = memchr(p, '\n', where - p)) != NULL)
	{
		(*line)++;
		*column = 0;
		p = end_of_line + 1;
	}
	*column += where - p;
}

/* Moves the position to a place in the window. */
void
JsonTextMoveTo(JsonText *text, const char *where)
{
	size_t		position = where - text->window.data;
	uint64_t	ahead = (text->window.length - position) * text->shrink;

	CountTo(text, where, &text->line, &text->column);
	text->passed += position - text->position;
	text->position = position;
	if (text->offset > ahead)
		text->reader->done = text->progress_base + (text->offset - ahead) * text->progress_share;
}

/* Fails with the line and column of a place in the window. */
ReaderStatus
JsonTextFail(JsonText *text, const char *where, const char *complaint)
{
	int64_t		line;
	uint64_t	column;

	CountTo(text, where, &line, &column);
	text->reader->row = line;
	text->malformed = true;
	return ReaderFail(text->reader, READER_ERROR, "malformed JSON in line %lld, byte %llu: %s",
					  (long long) line, (unsigned long long) column + 1, complaint);
}

/*
 * Skips white space; *next is the byte behind it, NUL at the end of the file.
 * A NUL byte in the file is shown as another control character, which is as
 * wrong everywhere.
 */
ReaderStatus
JsonTextNext(JsonText *text, char *next)
{
	for (;;)
	{
		JsonScanner scanner = JsonTextScanner(text);
		ReaderStatus status;

		JsonSkipSpace(&scanner);
		JsonTextMoveTo(text, scanner.p);
		*next = scanner.p < scanner.end && *scanner.p == '\0' ? '\1' : *scanner.p;
		if (scanner.p < scanner.end || text->at_end)
			return READER_OK;
		status = JsonTextFill(text);
		if (status != READER_OK)
			return status;
	}
}

/* Steps over a byte that must be this one, after white space. */
ReaderStatus
JsonTextExpect(JsonText *text, char wanted, const char *complaint)
{
	char		next;
	ReaderStatus status = JsonTextNext(text, &next);
	const char *here = text->window.data + text->position;

	if (status != READER_OK)
		return status;
	if (next != wanted)
		return JsonTextFail(text, here, next == '\0' ? "the text ends too early" : complaint);
	JsonTextMoveTo(text, here + 1);
	return READER_OK;
}

typedef JsonScan (*ScanFunction) (JsonScanner *scanner, JsonValue *value);

/* Scans something that has to be in the window as a whole, and steps over it. */
static ReaderStatus
StepOver(JsonText *text, ScanFunction scan, JsonValue *value)
{
	for (;;)
	{
		JsonScanner scanner = JsonTextScanner(text);
		ReaderStatus status;

		switch (scan(&scanner, value))
		{
			case JSON_DONE:
				JsonTextMoveTo(text, scanner.p);
				return READER_OK;
			case JSON_BAD:
				return JsonTextFail(text, scanner.where, scanner.complaint);
			case JSON_MORE:
				status = JsonTextFill(text);
				if (status != READER_OK)
					return status;
		}
	}
}

/* Steps over a key and its colon. */
ReaderStatus
JsonTextKey(JsonText *text, JsonValue *key)
{
	char		next;
	ReaderStatus status = JsonTextNext(text, &next);

	return status == READER_OK ? StepOver(text, JsonScanKey, key) : status;
}

/* Steps over the start of a container: an opening bracket and, in objects, the first key. */
static ReaderStatus
EnterContainer(JsonText *text, char opener, bool *empty)
{
	JsonValue	key;
	char		next;
	ReaderStatus status;

	JsonTextMoveTo(text, text->window.data + text->position + 1);
	status = JsonTextNext(text, &next);
	*empty = status == READER_OK && next == (opener == '{' ? '}' : ']');
	if (status != READER_OK || *empty || opener == '[')
		return status;
	return JsonTextKey(text, &key);
}

/* Steps over closing brackets, up to behind a comma and a key if there is one. */
static ReaderStatus
LeaveContainers(JsonText *text, const char *openers, int *depth)
{
	JsonValue	key;
	char		next;
	ReaderStatus status = READER_OK;

	while (status == READER_OK && *depth > 0)
	{
		char		closer = openers[*depth - 1] == '{' ? '}' : ']';

		status = JsonTextNext(text, &next);
		if (status == READER_OK && next == ',')
		{
			JsonTextMoveTo(text, text->window.data + text->position + 1);
			return closer == '}' ? JsonTextKey(text, &key) : READER_OK;
		}
		if (status == READER_OK)
			status = JsonTextExpect(text, closer, closer == '}' ? "a comma or a closing brace is expected" :
									"a comma or a closing bracket is expected");
		(*depth)--;
	}
	return status;
}

/* Steps over a value of any length: only its scalars must fit into the window.
 * READER_END if patience ran out on the way. */
ReaderStatus
JsonTextSkipValue(JsonText *text)
{
	char		openers[JSON_DEPTH];
	int			depth = 0;
	ReaderStatus status;

	do
	{
		JsonValue	value;
		bool		empty = false;
		char		next;

		status = JsonTextNext(text, &next);
		if (status == READER_OK && (next == '{' || next == '['))
		{
			if (depth == JSON_DEPTH)
				return JsonTextFail(text, text->window.data + text->position, "nested too deeply");
			openers[depth++] = next;
			status = EnterContainer(text, next, &empty);
			if (status == READER_OK && !empty)
				continue;
		}
		else if (status == READER_OK)
			status = StepOver(text, JsonScanValue, &value);
		if (status == READER_OK)
			status = LeaveContainers(text, openers, &depth);
		if (status == READER_OK && text->passed > text->patience)
			return READER_END;
	} while (status == READER_OK && depth > 0);
	return status;
}

void
JsonTextFree(JsonText *text)
{
	BufferFree(&text->window);
	BufferFree(&text->chunk);
}
