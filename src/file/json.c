/*
 * json.c
 *	  Reads JSON: records that are objects, or arrays of cells.
 *
 *	  stream -> window (json_text.c) -> next record (json_shape.c)
 *		  -> ReadRecord (json_scan.c) -> members -> columns (json_header.c) -> row
 *
 * Bronze wants a table: a header, then rows as wide as it.  Objects bring
 * their names along, and any record may bring a new one.  So the file is read
 * twice: first for the union of all keys, in order of first appearance, which
 * becomes the first row (number 1, as the header of a text file has; the sheet
 * says has_header, for no look at the words could tell); then for the rows.
 * The alternative, a header from the first records with later keys rescued,
 * would make a column's fate depend on the order of records.  The first pass
 * also means that a document which is malformed at its end is refused before
 * its first row is handed out.  Records that are arrays are a plain table: the
 * first one is the header, and one pass does.
 *
 * A row's number is the line on which its record starts.  Bronze takes it for
 * the row's address, so it must not occur twice: where records share a line,
 * each further one gets the number after that of the one before.
 *
 * What becomes of the values: strings are decoded, lone surrogates becoming
 * U+FFFD as those in UTF-16 text do; numbers keep their spelling, but for an
 * "e" in place of "E"; true and false are boolean; null is an empty cell;
 * objects and arrays are text, their own JSON without the white space between
 * tokens.  Of members with the same key the last one counts, as it does for
 * jsonb.  A record without any value is passed over, as a blank line is.
 *
 * What is wrong: among records that follow one another, syntax costs the line;
 * within an array it is an error, for nobody knows where to go on.  A record
 * that is neither object nor array, or the other of the two than the first
 * one, or that has \u0000 or invalid UTF-8 in it, is a bad row in both cases.
 */
#include "file/encoding.h"
#include "file/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/stream.h"

#define RECORD_CELLS 64			/* a record has at most so many times the largest cell */
#define LARGE_CELL ((size_t) 1024 * 1024)	/* or so many times this */
#define BAD_ROWS_PER_CHECK 10

typedef struct Member
{
	JsonValue	key;			/* unused in arrays */
	JsonValue	value;
} Member;

typedef enum Stage
{
	STAGE_KEYS,					/* the header is to be found */
	STAGE_HEADER,				/* and to be handed out */
	STAGE_ROWS,
	STAGE_OVER
} Stage;

typedef struct JsonReader
{
	Reader		base;
	JsonShape	shape;
	JsonHeader	header;
	Stage		stage;
	char		kind;			/* what records are: '{', '[', or NUL while there was none */
	int64_t		number;			/* of the last row */

	Member	   *members;		/* of the record that was scanned last */
	uint32_t	nmembers;
	uint32_t	capacity;
	bool		complete;		/* whatever is wrong is behind it */
	size_t		bad_length;		/* of the text to show for a bad one */
	size_t		bad_next;		/* from the position to where reading goes on */

	ReaderCell *cells;
	uint32_t	ncells;			/* room there is */
	Buffer		raw;
	unsigned int bad_rows;		/* since the last look at options.interrupted */
	bool		sheet_begun;
} JsonReader;

/* Notes that memory ran out. */
static ReaderStatus
NoMemory(JsonReader *json)
{
	return ReaderFail(&json->base, READER_NO_MEMORY, "out of memory");
}

/* Room for one more member; NULL with a failure noted. */
static Member *
AddMember(JsonReader *json)
{
	if (json->nmembers == json->capacity)
	{
		uint32_t	capacity = json->capacity > 0 ? json->capacity * 2 : 64;
		Member	   *members = realloc(json->members, capacity * sizeof(Member));

		if (members == NULL)
		{
			NoMemory(json);
			return NULL;
		}
		json->members = members;
		json->capacity = capacity;
	}
	if (json->nmembers >= json->base.options.max_columns)
	{
		ReaderFail(&json->base, READER_LIMIT, "the record in line %lld has more values than max_columns",
				   (long long) json->shape.text.line);
		return NULL;
	}
	return &json->members[json->nmembers++];
}

/* Steps over the members of an object or an array; JSON_BAD may also be a failure noted. */
static JsonScan
ScanMembers(JsonReader *json, JsonScanner *scanner)
{
	char		closer = *scanner->p == '{' ? '}' : ']';
	JsonScan	scan;

	json->nmembers = 0;
	scanner->p++;
	JsonSkipSpace(scanner);
	if (*scanner->p == closer)
	{
		scanner->p++;
		return JSON_DONE;
	}
	for (;;)
	{
		Member	   *member = AddMember(json);

		if (member == NULL)
			return JSON_BAD;
		scan = closer == '}' ? JsonScanKey(scanner, &member->key) : JSON_DONE;
		if (scan != JSON_DONE)
			return scan;
		JsonSkipSpace(scanner);
		scan = JsonScanValue(scanner, &member->value);
		if (scan != JSON_DONE)
			return scan;
		JsonSkipSpace(scanner);
		if (*scanner->p == closer)
			break;
		if (*scanner->p != ',')
			return JsonComplain(scanner, closer == '}' ? "a comma or a closing brace is expected" :
								"a comma or a closing bracket is expected");
		scanner->p++;
		JsonSkipSpace(scanner);
	}
	scanner->p++;
	return JSON_DONE;
}

/* Steps over a record; in lines, nothing but a further record may follow it on its own. */
static JsonScan
ScanRecord(JsonReader *json, JsonScanner *scanner)
{
	const char *p;
	JsonValue	value;
	JsonScan	scan;

	if (*scanner->p == '{' || *scanner->p == '[')
		scan = ScanMembers(json, scanner);
	else
		scan = JsonScanValue(scanner, &value);
	json->complete = scan == JSON_DONE;
	if (scan != JSON_DONE || json->shape.kind != SHAPE_LINES)
		return scan;
	p = scanner->p;
	while (*p == ' ' || *p == '\t' || *p == '\r')
		p++;
	if (*p == '\n' || *p == '{' || *p == '[' || (p == scanner->end && scanner->at_end))
		return JSON_DONE;
	scanner->p = p;
	return JsonComplain(scanner, "text follows the record on its line");
}

/* What makes a well-formed record unfit for a row, or NULL. */
static const char *
RecordComplaint(const JsonReader *json, const char *start, const JsonScanner *scanner)
{
	if (*start != '{' && *start != '[')
		return "the record is neither an object nor an array";
	if (json->kind != '\0' && *start != json->kind)
		return *start == '{' ? "the record is an object, not an array as the first one" :
			"the record is an array, not an object as the first one";
	if (scanner->flags & JSON_NUL)
		return "\\u0000 in the record";
	if (scanner->flags & JSON_HIGH && !IsValidText(start, scanner->p - start))
		return "the record is not valid UTF-8";
	return NULL;
}

/* Notes a bad row at the position: how much text to show, and where to go on. */
static ReaderStatus
BadRow(JsonReader *json, size_t length, size_t next, const char *complaint)
{
	int64_t		line = json->shape.text.line;

	json->bad_length = length;
	json->bad_next = next;
	if (json->number == line)
		return ReaderFail(&json->base, READER_BAD_ROW, "%s", complaint);
	return ReaderFail(&json->base, READER_BAD_ROW, "%s (in line %lld)", complaint, (long long) line);
}

/* Notes a bad row that goes up to the end of the line that a place is in. */
static ReaderStatus
BadLine(JsonReader *json, const char *at, const char *complaint)
{
	JsonText   *text = &json->shape.text;
	size_t		behind = at - (text->window.data + text->position);
	ReaderStatus status;

	for (;;)
	{
		JsonScanner scanner = JsonTextScanner(text);
		const char *end_of_line = memchr(scanner.p + behind, '\n', scanner.end - scanner.p - behind);

		if (end_of_line != NULL || text->at_end)
		{
			const char *end = end_of_line != NULL ? end_of_line : scanner.end;
			size_t		next = end - scanner.p + (end_of_line != NULL);

			while (end > scanner.p && end[-1] == '\r')
				end--;
			return BadRow(json, end - scanner.p, next, complaint);
		}
		status = JsonTextFill(text);
		if (status != READER_OK)
			return status;
	}
}

/* Deals with a record that was scanned to its end. */
static ReaderStatus
AcceptRecord(JsonReader *json, const JsonScanner *scanner)
{
	JsonText   *text = &json->shape.text;
	const char *start = text->window.data + text->position;
	const char *complaint = RecordComplaint(json, start, scanner);

	if (complaint != NULL)
		return BadRow(json, scanner->p - start, scanner->p - start, complaint);
	json->kind = *start;
	JsonTextMoveTo(text, scanner->p);
	return READER_OK;
}

/* Reads the record at the position: it stays in the window; a bad one stays before the reader. */
static ReaderStatus
ReadRecord(JsonReader *json)
{
	JsonText   *text = &json->shape.text;

	for (;;)
	{
		JsonScanner scanner = JsonTextScanner(text);
		ReaderStatus status;

		switch (ScanRecord(json, &scanner))
		{
			case JSON_DONE:
				return AcceptRecord(json, &scanner);
			case JSON_BAD:
				if (json->base.status != READER_OK)
					return json->base.status;
				if (json->shape.kind != SHAPE_LINES)
					return JsonTextFail(text, scanner.where, scanner.complaint);
				return BadLine(json, json->complete ? scanner.where : text->window.data + text->position,
							   scanner.complaint);
			case JSON_MORE:
				status = JsonTextFill(text);
				if (status != READER_OK)
					return status;
		}
	}
}

/* Steps behind a bad row. */
static ReaderStatus
PassBadRow(JsonReader *json)
{
	JsonText   *text = &json->shape.text;

	JsonTextMoveTo(text, text->window.data + text->position + json->bad_next);
	if (++json->bad_rows < BAD_ROWS_PER_CHECK)
		return READER_OK;
	json->bad_rows = 0;
	if (json->base.options.interrupted != NULL && json->base.options.interrupted())
		return ReaderFail(&json->base, READER_CANCELLED, "cancelled");
	return READER_OK;
}

/* Goes on to the next record and reads it. */
static ReaderStatus
NextRecord(JsonReader *json)
{
	JsonText   *text = &json->shape.text;
	char		first;
	ReaderStatus status = JsonShapeNext(&json->shape, &first);

	if (status != READER_OK)
		return status;
	json->number = text->line > json->number ? text->line : json->number + 1;
	json->base.row = json->number;
	return ReadRecord(json);
}

/* Adds those keys of a record to the header that it does not have. */
static ReaderStatus
CollectKeys(JsonReader *json)
{
	JsonHeader *header = &json->header;
	int64_t		column = -1;

	for (uint32_t i = 0; i < json->nmembers; i++)
	{
		JsonValue  *key = &json->members[i].key;

		JsonDecode(key);
		column = JsonHeaderFind(header, key, column + 1);
		if (column >= 0)
			continue;
		if (header->count >= json->base.options.max_columns)
			return ReaderFail(&json->base, READER_LIMIT, "the records have more keys than max_columns");
		if (key->length > json->base.options.max_cell_size ||
			header->keys.length > json->shape.text.max_length)
			return ReaderFail(&json->base, READER_LIMIT, "the keys are longer than max_cell_size allows");
		if (!JsonHeaderAdd(header, key))
			return NoMemory(json);
		column = header->count - 1;
	}
	return READER_OK;
}

/* Reads all records for their keys, and goes back to the first one. */
static ReaderStatus
FindHeader(JsonReader *json)
{
	JsonText   *text = &json->shape.text;
	ReaderStatus status = JsonShapeStart(&json->shape);

	text->progress_share = 0.5;
	while (status == READER_OK && json->kind != '[')
	{
		status = NextRecord(json);
		if (status == READER_OK && json->kind == '{')
			status = CollectKeys(json);
		else if (status == READER_BAD_ROW)
			status = PassBadRow(json);
	}
	if (status != READER_OK && status != READER_END)
		return status;
	text->progress_base = json->kind == '{' ? json->base.total / 2 : 0;
	text->progress_share = json->kind == '{' ? 0.5 : 1;
	json->number = 0;
	return JsonShapeStart(&json->shape);
}

/* Makes room for the cells of a row. */
static ReaderStatus
MakeCells(JsonReader *json, uint32_t ncells)
{
	ReaderCell *cells;

	if (ncells <= json->ncells)
		return READER_OK;
	ncells = ncells < 64 ? 64 : ncells;
	cells = realloc(json->cells, ncells * sizeof(ReaderCell));
	if (cells == NULL)
		return NoMemory(json);
	json->cells = cells;
	json->ncells = ncells;
	return READER_OK;
}

/* Hands out cells as a row; READER_END if none of them has a value. */
static ReaderStatus
HandOut(JsonReader *json, ReaderRow *row, uint32_t ncells)
{
	while (ncells > 0 && json->cells[ncells - 1].kind == CELL_EMPTY)
		ncells--;
	if (ncells == 0)
		return READER_END;
	row->number = json->number;
	row->ncells = ncells;
	row->cells = json->cells;
	row->raw = NULL;
	row->raw_length = 0;
	return READER_OK;
}

/* Hands out the header. */
static ReaderStatus
HandOutHeader(JsonReader *json, ReaderRow *row)
{
	const JsonHeader *header = &json->header;

	if (MakeCells(json, header->count) != READER_OK)
		return json->base.status;
	for (uint32_t i = 0; i < header->count; i++)
	{
		json->cells[i].value = header->keys.data + header->starts[i];
		json->cells[i].length = header->starts[i + 1] - header->starts[i];
		json->cells[i].kind = CELL_TEXT;
	}
	json->number = json->base.row = 1;
	if (HandOut(json, row, header->count) == READER_END)
		return READER_END;
	json->number = 0;			/* a record in line 1 may have this number too */
	return READER_OK;
}

/* Hands out a bad row. */
static ReaderStatus
HandOutBadRow(JsonReader *json, ReaderRow *row)
{
	const JsonText *text = &json->shape.text;

	if (!MakeValidText(&json->raw, text->window.data + text->position, json->bad_length))
		return NoMemory(json);
	row->number = json->number;
	row->ncells = 0;
	row->cells = NULL;
	row->raw = json->raw.data;
	row->raw_length = json->raw.length;
	return PassBadRow(json) == READER_OK ? READER_BAD_ROW : json->base.status;
}

/* Puts a value into its cell. */
static ReaderStatus
PutCell(JsonReader *json, uint32_t column, JsonValue *value)
{
	ReaderCell *cell = &json->cells[column];

	JsonDecode(value);
	if (value->length > json->base.options.max_cell_size)
	{
		json->base.column = column + 1;
		return ReaderFail(&json->base, READER_LIMIT, "a value is longer than max_cell_size");
	}
	cell->value = value->text;
	cell->length = value->length;
	switch (value->first)
	{
		case '"':
		case '{':
		case '[':
			cell->kind = CELL_TEXT;
			break;
		case 't':
		case 'f':
			cell->kind = CELL_BOOLEAN;
			break;
		case 'n':
			cell->length = 0;
			cell->kind = CELL_EMPTY;
			break;
		default:
			cell->kind = CELL_NUMBER;
	}
	return READER_OK;
}

/* Hands out an array: cells by their place. */
static ReaderStatus
HandOutArray(JsonReader *json, ReaderRow *row)
{
	if (MakeCells(json, json->nmembers) != READER_OK)
		return json->base.status;
	for (uint32_t i = 0; i < json->nmembers; i++)
	{
		if (PutCell(json, i, &json->members[i].value) != READER_OK)
			return json->base.status;
	}
	return HandOut(json, row, json->nmembers);
}

/* Hands out an object: cells by their keys. */
static ReaderStatus
HandOutObject(JsonReader *json, ReaderRow *row)
{
	int64_t		column = -1;
	uint32_t	width = 0;

	for (uint32_t i = 0; i < json->nmembers; i++)
	{
		Member	   *member = &json->members[i];

		JsonDecode(&member->key);
		column = JsonHeaderFind(&json->header, &member->key, column + 1);
		if (column < 0)
			return ReaderFail(&json->base, READER_ERROR, "the file was changed while it was read");
		for (; width <= column; width++)
			json->cells[width] = (ReaderCell) {"", 0, CELL_EMPTY};
		if (PutCell(json, column, &member->value) != READER_OK)
			return json->base.status;
	}
	return HandOut(json, row, width);
}

/* The next row that has any non-empty cell. */
static ReaderStatus
NextRow(JsonReader *json, ReaderRow *row)
{
	for (;;)
	{
		ReaderStatus status = NextRecord(json);

		if (status == READER_BAD_ROW)
			return HandOutBadRow(json, row);
		if (status == READER_OK)
			status = json->kind == '{' ? HandOutObject(json, row) : HandOutArray(json, row);
		else if (status == READER_END)
		{
			json->stage = STAGE_OVER;
			return READER_END;
		}
		if (status != READER_END)
			return status;
	}
}

/* The next row: first the header, then what is below it. */
static ReaderStatus
JsonNextRow(Reader *reader, ReaderRow *row)
{
	JsonReader *json = (JsonReader *) reader;

	reader->column = 0;
	if (json->stage == STAGE_KEYS)
	{
		if (FindHeader(json) != READER_OK)
			return reader->status;
		json->stage = STAGE_HEADER;
	}
	if (json->stage == STAGE_HEADER)
	{
		json->stage = STAGE_ROWS;
		if (json->kind == '{' && HandOutHeader(json, row) != READER_END)
			return reader->status;
	}
	return json->stage == STAGE_ROWS ? NextRow(json, row) : READER_END;
}

/* A JSON file is one sheet without a name. */
static ReaderStatus
JsonNextSheet(Reader *reader, ReaderSheet *sheet)
{
	JsonReader *json = (JsonReader *) reader;

	if (json->sheet_begun)
	{
		json->stage = STAGE_OVER;
		return READER_END;
	}
	json->sheet_begun = true;
	sheet->name = "";
	sheet->index = 0;
	sheet->hidden = false;
	sheet->has_header = true;
	return READER_OK;
}

/* Opens a JSON file: finds out where its records are. */
static ReaderStatus
JsonOpen(Reader *reader)
{
	static const char *const shapes[] = {"lines", "array", "path"};
	JsonReader *json = (JsonReader *) reader;
	JsonText   *text = &json->shape.text;
	size_t		cell = reader->options.max_cell_size;
	ReaderStatus status;

	text->reader = reader;
	text->max_length = RECORD_CELLS * (cell > LARGE_CELL ? cell : LARGE_CELL);
	status = JsonShapeDetect(&json->shape);
	if (status != READER_OK)
		return status;
	JsonShapeDescribe(&json->shape);
	snprintf(reader->detected, sizeof(reader->detected), "records=%s%s%s encoding=%s", shapes[json->shape.kind],
			 json->shape.parts > 0 ? ":" : "", json->shape.shown,
			 text->unit == 1 ? "utf-8" : text->low == 0 ? "utf-16le" : "utf-16be");
	return READER_OK;
}

/* Frees everything but the reader itself. */
static void
JsonClose(Reader *reader)
{
	JsonReader *json = (JsonReader *) reader;

	JsonShapeFree(&json->shape);
	JsonHeaderFree(&json->header);
	BufferFree(&json->raw);
	free(json->members);
	free(json->cells);
}

const FormatOps json_format =
{
	"json", sizeof(JsonReader), JsonOpen, JsonNextSheet, JsonNextRow, JsonClose
};
