/*
 * json.h
 *	  The parts of the JSON reader: scanner, text, header.  Private to them.
 */
#ifndef MEDALLION_JSON_H
#define MEDALLION_JSON_H

#include "file/format.h"

#define JSON_DEPTH 512			/* arrays and objects in one another, at most */

/* ---- json_scan.c: the syntax of values that are in memory ---- */

typedef enum JsonScan
{
	JSON_DONE,
	JSON_MORE,					/* the bytes at hand end too early */
	JSON_BAD					/* scanner->complaint and ->where say what and where */
} JsonScan;

/* What a scan found on its way; kept per value. */
#define JSON_ESCAPES	0x01	/* a backslash in a string */
#define JSON_NUL		0x02	/* \u0000 in a string */
#define JSON_HIGH		0x04	/* a byte beyond ASCII: to be validated */
#define JSON_SPACES		0x08	/* white space between tokens */
#define JSON_EXPONENT	0x10	/* a number with an "E" */

typedef struct JsonScanner
{
	const char *p;				/* next byte */
	const char *end;			/* a NUL is here */
	bool		at_end;			/* and nothing follows */
	unsigned int flags;			/* collected; the caller clears them */
	const char *complaint;
	const char *where;
} JsonScanner;

/* A value as it stands in the text; of a string, what is between the quotes. */
typedef struct JsonValue
{
	char	   *text;
	size_t		length;
	char		first;			/* the first byte: tells what it is */
	unsigned int flags;
} JsonValue;

/* Notes what is wrong where the scanner stands; JSON_MORE if it is the end of the bytes. */
extern JsonScan JsonComplain(JsonScanner *scanner, const char *complaint);

static inline bool
JsonIsSpace(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Steps over white space. */
static inline void
JsonSkipSpace(JsonScanner *scanner)
{
	if (!JsonIsSpace(*scanner->p))
		return;
	scanner->flags |= JSON_SPACES;
	while (JsonIsSpace(*scanner->p))
		scanner->p++;
}

/* Steps over one value, with no white space before it. */
extern JsonScan JsonScanValue(JsonScanner *scanner, JsonValue *value);

/* Steps over a key and the colon behind it. */
extern JsonScan JsonScanKey(JsonScanner *scanner, JsonValue *key);

/* Makes of a value what a cell holds, in place. */
extern void JsonDecode(JsonValue *value);

/* ---- json_text.c: a window onto the file's text ---- */

typedef struct JsonText
{
	Reader	   *reader;
	Buffer		window;			/* UTF-8; a NUL follows its last byte */
	size_t		position;		/* what is before it has been dealt with */
	bool		at_end;			/* the window ends where the file does */
	int64_t		line;			/* of the position */
	uint64_t	column;			/* bytes of that line before the position */
	int			unit;			/* 1: UTF-8; 2: UTF-16 */
	int			low;			/* which byte of a UTF-16 unit is the low one */
	uint32_t	high;			/* a high surrogate that waits for its other half */
	Buffer		chunk;			/* bytes to be transcoded */
	uint64_t	offset;			/* where in the file, as it is on disk, the window ends */
	double		shrink;			/* bytes of the file per byte of the window */
	size_t		max_length;		/* of what must be in the window at once */
	uint64_t	passed;			/* bytes from the start to the position, as UTF-8 */
	uint64_t	patience;		/* how many may be passed before a skipped value is given up */
	bool		malformed;		/* a failure was noted that is one of syntax */
	uint64_t	progress_base;	/* progress is this and a share of what was read */
	double		progress_share;
} JsonText;

/* Goes to the start of the file, behind a byte order mark. */
extern ReaderStatus JsonTextStart(JsonText *text);

/* Drops what has been dealt with and adds more of the file. */
extern ReaderStatus JsonTextFill(JsonText *text);

/* A scanner at the position. */
extern JsonScanner JsonTextScanner(const JsonText *text);

/* Moves the position to a place in the window. */
extern void JsonTextMoveTo(JsonText *text, const char *where);

/* Skips white space; *next is the byte behind it, NUL at the end of the file,
 * \1 for a NUL byte in it. */
extern ReaderStatus JsonTextNext(JsonText *text, char *next);

/* Steps over a byte that must be this one, after white space. */
extern ReaderStatus JsonTextExpect(JsonText *text, char wanted, const char *complaint);

/* Steps over a key and its colon; key->text holds until the next step. */
extern ReaderStatus JsonTextKey(JsonText *text, JsonValue *key);

/* Steps over a value of any length; READER_END if patience ran out. */
extern ReaderStatus JsonTextSkipValue(JsonText *text);

/* Fails with the line and column of a place in the window. */
extern ReaderStatus JsonTextFail(JsonText *text, const char *where, const char *complaint);

extern void JsonTextFree(JsonText *text);

/* ---- json_shape.c: where the records are ---- */

typedef enum JsonShapeKind
{
	SHAPE_LINES,				/* records one after the other */
	SHAPE_ARRAY,				/* in one array */
	SHAPE_PATH					/* in an array within objects */
} JsonShapeKind;

typedef struct JsonShape
{
	JsonText	text;
	JsonShapeKind kind;
	Buffer		path;			/* the keys that lead to the array, each with a NUL behind it */
	int			parts;
	char		shown[64];		/* the path for messages */
	bool		inside;			/* a record of the array has been seen */
} JsonShape;

/* Finds out where the records are, by option or by the first value. */
extern ReaderStatus JsonShapeDetect(JsonShape *shape);
extern void JsonShapeDescribe(JsonShape *shape);

/* Goes to where the records begin. */
extern ReaderStatus JsonShapeStart(JsonShape *shape);

/* Goes on to the start of the next record; READER_END behind the last. */
extern ReaderStatus JsonShapeNext(JsonShape *shape, char *first);

extern void JsonShapeFree(JsonShape *shape);

/* ---- json_header.c: keys -> columns ---- */

typedef struct JsonHeader
{
	Buffer		keys;			/* one after the other */
	size_t	   *starts;			/* of each key; one more than there are keys */
	uint32_t	count;
	uint32_t	capacity;
	uint32_t   *slots;			/* hash table of columns, 1-based */
	uint32_t	nslots;			/* a power of 2 */
} JsonHeader;

/* The column of a key, or -1; expected is where it is looked for first. */
extern int64_t JsonHeaderFind(const JsonHeader *header, const JsonValue *key, uint32_t expected);

/* Adds a key that is not there; false if memory runs out. */
extern bool JsonHeaderAdd(JsonHeader *header, const JsonValue *key);

extern void JsonHeaderFree(JsonHeader *header);

#endif							/* MEDALLION_JSON_H */
