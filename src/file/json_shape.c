/*
 * json_shape.c
 *	  Where in a JSON file the records are, and the way from one to the next.
 *
 *	  [{...}, {...}]				 SHAPE_ARRAY
 *	  {...} {...} or one per line	 SHAPE_LINES
 *	  {"data": {"items": [...]}}	 SHAPE_PATH, with the keys that lead there
 *
 * A single object is ambiguous: one record with a list in it, or an envelope
 * around records?  Envelopes are far more common, so an object with an array
 * of objects in it is one, unless more text follows it.  The option
 * record_path settles it: "" says that the object is a record.
 */
#include "file/json.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_PATH 60			/* bytes of a path in the note on what was detected */

/* Adds a key to the path; path parts end with a NUL. */
static ReaderStatus
AddPart(JsonShape *shape, const char *part, size_t length)
{
	if (!BufferAppend(&shape->path, part, length) || !BufferAppend(&shape->path, "", 1))
		return ReaderFail(shape->text.reader, READER_NO_MEMORY, "out of memory");
	shape->parts++;
	return READER_OK;
}

/* Takes a dotted path apart. */
static ReaderStatus
SplitPath(JsonShape *shape, const char *path)
{
	ReaderStatus status = READER_OK;

	while (status == READER_OK)
	{
		size_t		length = strcspn(path, ".");

		status = AddPart(shape, path, length);
		if (path[length] == '\0')
			break;
		path += length + 1;
	}
	return status;
}

/* The byte behind the next one and white space, without stepping over any. */
static ReaderStatus
LookBehindNext(JsonText *text, char *next)
{
	for (;;)
	{
		JsonScanner scanner = JsonTextScanner(text);
		ReaderStatus status;

		scanner.p++;
		JsonSkipSpace(&scanner);
		*next = *scanner.p;
		if (scanner.p < scanner.end || text->at_end)
			return READER_OK;
		status = JsonTextFill(text);
		if (status != READER_OK)
			return status;
	}
}

/* Does a line begin with a brace: the failing one, or the one behind it? */
static bool
LinesFollow(JsonText *text)
{
	for (;;)
	{
		JsonScanner scanner = JsonTextScanner(text);
		const char *end_of_line = memchr(scanner.p, '\n', scanner.end - scanner.p);

		if (text->line > 1 && text->column == 0 && *scanner.p == '{')
			return true;
		if (end_of_line != NULL && (end_of_line + 1 < scanner.end || text->at_end))
			return end_of_line[1] == '{';
		if (text->at_end || JsonTextFill(text) != READER_OK)
			return false;
	}
}

/* Steps over a member of the first object; the first one that could hold the records is noted. */
static ReaderStatus
InspectMember(JsonShape *shape)
{
	JsonText   *text = &shape->text;
	JsonValue	key;
	char		next;
	char		inner = '\0';
	ReaderStatus status = JsonTextKey(text, &key);
	bool		usable = status == READER_OK && !(key.flags & JSON_NUL) && IsValidText(key.text, key.length);

	if (status == READER_OK && shape->parts == 0 && usable)
	{
		/* the next step may move the window: the key is noted at once, and dropped if it does not do */
		JsonDecode(&key);
		status = AddPart(shape, key.text, key.length);
		if (status == READER_OK)
			status = JsonTextNext(text, &next);
		if (status == READER_OK && next == '[')
			status = LookBehindNext(text, &inner);
		if (status == READER_OK && inner != '{')
			shape->path.length = shape->parts = 0;
	}
	/* what is longer than any record may be is no record */
	text->patience = shape->parts > 0 ? text->max_length : UINT64_MAX;
	if (status == READER_OK)
		status = JsonTextSkipValue(text);
	text->patience = UINT64_MAX;
	return status;
}

/* Steps over the first object; READER_END if it was too long for a record. */
static ReaderStatus
InspectObject(JsonShape *shape)
{
	JsonText   *text = &shape->text;
	char		next;
	ReaderStatus status = JsonTextExpect(text, '{', "an object is expected");

	if (status == READER_OK)
		status = JsonTextNext(text, &next);
	if (status == READER_OK && next == '}')
		return JsonTextExpect(text, '}', "");
	while (status == READER_OK)
	{
		status = InspectMember(shape);
		if (status == READER_OK)
			status = JsonTextNext(text, &next);
		if (status == READER_OK && next != ',')
			return JsonTextExpect(text, '}', "a comma or a closing brace is expected");
		if (status == READER_OK)
			status = JsonTextExpect(text, ',', "");
	}
	return status;
}

/* Settles the shape of a file that begins with an object. */
static ReaderStatus
DetectObject(JsonShape *shape)
{
	JsonText   *text = &shape->text;
	Reader	   *reader = text->reader;
	char		next = '\0';
	ReaderStatus status = InspectObject(shape);

	if (status == READER_OK)
		status = JsonTextNext(text, &next);
	if (status == READER_ERROR && text->malformed && LinesFollow(text))
	{
		/* a bad first line is a bad row like any other */
		reader->status = status = READER_OK;
		next = '{';
	}
	if (status != READER_OK && status != READER_END)
		return reader->status;
	if (status == READER_OK && next != '\0')
		shape->path.length = shape->parts = 0;
	shape->kind = shape->parts > 0 ? SHAPE_PATH : SHAPE_LINES;
	return READER_OK;
}

/* Settles the shape of a file that begins with an array: of records, or a record on its line? */
static ReaderStatus
DetectArray(JsonShape *shape)
{
	JsonText   *text = &shape->text;
	char		inner;
	ReaderStatus status = LookBehindNext(text, &inner);

	shape->kind = SHAPE_ARRAY;
	while (status == READER_OK && inner != '{' && inner != '[' && inner != ']')
	{
		JsonScanner scanner = JsonTextScanner(text);
		JsonValue	value;
		JsonScan	scan = JsonScanValue(&scanner, &value);

		if (scan == JSON_DONE)
			JsonSkipSpace(&scanner);
		if (scan == JSON_DONE && *scanner.p == '[')
			shape->kind = SHAPE_LINES;
		if (scan == JSON_BAD || (scan == JSON_DONE && (scanner.p < scanner.end || text->at_end)))
			break;
		status = JsonTextFill(text);
	}
	return status;
}

/* Finds out where the records are. */
ReaderStatus
JsonShapeDetect(JsonShape *shape)
{
	JsonText   *text = &shape->text;
	const char *path = text->reader->options.record_path;
	char		next;
	ReaderStatus status = JsonTextStart(text);

	text->patience = UINT64_MAX;
	if (status == READER_OK)
		status = JsonTextNext(text, &next);
	if (status != READER_OK)
		return status;
	if (path != NULL && path[0] != '\0')
	{
		shape->kind = SHAPE_PATH;
		return SplitPath(shape, path);
	}
	if (next == '[')
		return DetectArray(shape);
	shape->kind = SHAPE_LINES;
	return path == NULL ? DetectObject(shape) : READER_OK;
}

/* Steps into the member of an object that has this key: the first one, if there are several. */
static ReaderStatus
EnterMember(JsonShape *shape, const char *part)
{
	JsonText   *text = &shape->text;
	char		next;
	ReaderStatus status = JsonTextExpect(text, '{', "the record path needs an object here");

	if (status == READER_OK)
		status = JsonTextNext(text, &next);
	while (status == READER_OK && next != '}')
	{
		JsonValue	key;

		status = JsonTextKey(text, &key);
		if (status != READER_OK)
			return status;
		JsonDecode(&key);
		if (key.length == strlen(part) && memcmp(key.text, part, key.length) == 0)
			return READER_OK;
		status = JsonTextSkipValue(text);
		if (status == READER_OK)
			status = JsonTextNext(text, &next);
		if (status == READER_OK && next != '}')
			status = JsonTextExpect(text, ',', "a comma or a closing brace is expected");
	}
	if (status == READER_OK)
		status = ReaderFail(text->reader, READER_ERROR, "the file has no array at record path \"%.200s\": "
							"no key \"%.200s\" in the object that ends in line %lld",
							shape->shown, part, (long long) text->line);
	return status;
}

/* Steps out of the objects around the records; what is left of them must be well-formed. */
static ReaderStatus
LeaveMembers(JsonShape *shape)
{
	JsonText   *text = &shape->text;
	ReaderStatus status = READER_OK;

	for (int i = 0; i < shape->parts && status == READER_OK; i++)
	{
		char		next;

		while ((status = JsonTextNext(text, &next)) == READER_OK && next == ',')
		{
			JsonValue	key;

			status = JsonTextExpect(text, ',', "");
			if (status == READER_OK)
				status = JsonTextKey(text, &key);
			if (status == READER_OK)
				status = JsonTextSkipValue(text);
			if (status != READER_OK)
				return status;
		}
		if (status == READER_OK)
			status = JsonTextExpect(text, '}', "a comma or a closing brace is expected");
	}
	return status;
}

/* Goes to where the records begin. */
ReaderStatus
JsonShapeStart(JsonShape *shape)
{
	JsonText   *text = &shape->text;
	const char *part = shape->path.data;
	ReaderStatus status = JsonTextStart(text);

	shape->inside = false;
	for (int i = 0; i < shape->parts && status == READER_OK; i++)
	{
		status = EnterMember(shape, part);
		part += strlen(part) + 1;
	}
	if (status == READER_OK && shape->kind != SHAPE_LINES)
		status = JsonTextExpect(text, '[', "an array of records is expected");
	return status;
}

/* Steps behind the array of records and over all that follows. */
static ReaderStatus
FinishArray(JsonShape *shape)
{
	JsonText   *text = &shape->text;
	char		next;
	ReaderStatus status = JsonTextExpect(text, ']', "a comma or a closing bracket is expected");

	if (status == READER_OK)
		status = LeaveMembers(shape);
	if (status == READER_OK)
		status = JsonTextNext(text, &next);
	if (status == READER_OK && next != '\0')
		return JsonTextFail(text, text->window.data + text->position, "text follows the end of the document");
	return status == READER_OK ? READER_END : status;
}

/* Goes on to the start of the next record; *first is its first byte. */
ReaderStatus
JsonShapeNext(JsonShape *shape, char *first)
{
	JsonText   *text = &shape->text;
	ReaderStatus status = JsonTextNext(text, first);

	if (status != READER_OK)
		return status;
	if (shape->kind == SHAPE_LINES)
		return *first == '\0' ? READER_END : READER_OK;
	if (shape->inside ? *first != ',' : *first == ']')
		return FinishArray(shape);
	if (shape->inside)
	{
		status = JsonTextExpect(text, ',', "");
		if (status == READER_OK)
			status = JsonTextNext(text, first);
	}
	shape->inside = true;
	return status;
}

/* Writes down the path as it is shown, dotted and cut to what a note can hold. */
void
JsonShapeDescribe(JsonShape *shape)
{
	size_t		length = shape->path.length > 0 ? shape->path.length - 1 : 0;

	if (length > SHOWN_PATH)
		length = SHOWN_PATH;
	if (length > 0)
		memcpy(shape->shown, shape->path.data, length);
	for (size_t i = 0; i < length; i++)
	{
		if (shape->shown[i] == '\0')
			shape->shown[i] = '.';
	}
	while (!IsValidText(shape->shown, length))
		length--;
	shape->shown[length] = '\0';
}

void
JsonShapeFree(JsonShape *shape)
{
	JsonTextFree(&shape->text);
	BufferFree(&shape->path);
}

/* Reads the start of a file as UTF-8 or UTF-16 of ASCII; other characters become "?". */
static size_t
ToAscii(const char *head, size_t length, char *ascii, size_t size)
{
	bool		marked = length >= 2 && (memcmp(head, "\xFF\xFE", 2) == 0 || memcmp(head, "\xFE\xFF", 2) == 0);
	bool		wide = marked || (length >= 2 && (head[0] == '\0') != (head[1] == '\0'));
	size_t		at = marked ? 2 : length >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	int			low = marked ? head[0] == '\xFE' : length > 0 && head[0] == '\0';
	size_t		made = 0;

	for (; at + wide < length && made < size; at += wide ? 2 : 1)
	{
		char		c = head[at + (wide ? low : 0)];

		ascii[made++] = (c & 0x80) || (wide && head[at + 1 - low] != '\0') ? '?' : c;
	}
	return made;
}

/* Is the scanner at a key and a colon, as far as there are bytes? */
static bool
IsMemberNext(JsonScanner *scanner)
{
	JsonValue	key;

	scanner->p++;
	JsonSkipSpace(scanner);
	return *scanner->p == '}' || JsonScanKey(scanner, &key) != JSON_BAD;
}

/*
 * Does a file that begins so hold JSON?  A header of delimited text may well
 * begin with a bracket ("[id],[name]"), so a first character is no proof.  An
 * object has to show a key and a colon; an array of anything else has to be
 * well-formed and to have its line for itself.
 */
bool
LooksLikeJson(const char *head, size_t length)
{
	char		ascii[SNIFF_BYTES + 1];
	size_t		made = ToAscii(head, length, ascii, SNIFF_BYTES);
	JsonScanner scanner = {.p = ascii,.end = ascii + made};
	JsonValue	value;
	JsonScan	scan;

	ascii[made] = '\0';
	scanner.at_end = length < SNIFF_BYTES;
	JsonSkipSpace(&scanner);
	if (*scanner.p == '[')
	{
		JsonScanner inner = scanner;

		inner.p++;
		JsonSkipSpace(&inner);
		if (*inner.p == '{')
			return IsMemberNext(&inner);
		scan = JsonScanValue(&scanner, &value);
		while (*scanner.p == ' ' || *scanner.p == '\t')
			scanner.p++;
		return scan == JSON_MORE ||
			(scan == JSON_DONE && (*scanner.p == '\0' || *scanner.p == '\r' || *scanner.p == '\n'));
	}
	return *scanner.p == '{' && IsMemberNext(&scanner);
}
