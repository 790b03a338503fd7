/*
 * json_scan.c
 *	  The syntax of JSON values that are in memory (RFC 8259, no extensions).
 *
 * The scanner only steps over values; it changes nothing, so that a value that
 * goes beyond the bytes at hand can be scanned anew when there are more, and a
 * bad one can be shown as it was found.  JsonDecode() then changes a value in
 * place: what it makes is never longer.
 *
 * The byte behind the last one is NUL, which no token of JSON contains: loops
 * need no other bound.
 */
#include "file/json.h"

#include <string.h>

#include "file/encoding.h"

/* Bytes that end a run of plain characters in a string: quote, backslash, controls. */
static const unsigned char stops[256] =
{
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	['"'] = 1,['\\'] = 1
};

/* Notes what is wrong where the scanner stands; JSON_MORE if it is the end of the bytes. */
JsonScan
JsonComplain(JsonScanner *scanner, const char *complaint)
{
	if (scanner->p == scanner->end && !scanner->at_end)
		return JSON_MORE;
	scanner->complaint = scanner->p == scanner->end ? "the text ends within a value" : complaint;
	scanner->where = scanner->p;
	return JSON_BAD;
}

static inline bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

/* The value of four hexadecimal digits, -1 if they are none. */
static int
HexValue(const char *p)
{
	int			value = 0;

	for (int i = 0; i < 4; i++)
	{
		int			c = (unsigned char) p[i];
		int			digit = IsDigit(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* Steps over an escape. */
static JsonScan
ScanEscape(JsonScanner *scanner)
{
	const char *start = scanner->p++;
	int			code;

	scanner->flags |= JSON_ESCAPES;
	if (*scanner->p != '\0' && strchr("\"\\/bfnrt", *scanner->p) != NULL)
	{
		scanner->p++;
		return JSON_DONE;
	}
	if (*scanner->p != 'u')
		return JsonComplain(scanner, "unknown escape in a string");
	if (scanner->end - start < 6)
	{
		scanner->p = scanner->end;
		return JsonComplain(scanner, NULL);
	}
	code = HexValue(start + 2);
	if (code < 0)
		return JsonComplain(scanner, "\\u without four hexadecimal digits");
	if (code == 0)
		scanner->flags |= JSON_NUL;
	scanner->p = start + 6;
	return JSON_DONE;
}

/* Steps over a string, from its first quote to behind its last. */
static JsonScan
ScanString(JsonScanner *scanner)
{
	unsigned char seen = 0;
	const char *p = scanner->p + 1;
	JsonScan	scan;

	for (;;)
	{
		while (!stops[(unsigned char) *p])
			seen |= *p++;
		scanner->p = p;
		if (*p == '"')
			break;
		if (*p != '\\')
			return JsonComplain(scanner, "control character in a string");
		scan = ScanEscape(scanner);
		if (scan != JSON_DONE)
			return scan;
		p = scanner->p;
	}
	if (seen & 0x80)
		scanner->flags |= JSON_HIGH;
	scanner->p++;
	return JSON_DONE;
}

/* Steps over digits, of which there must be one. */
static JsonScan
ScanDigits(JsonScanner *scanner)
{
	if (!IsDigit(*scanner->p))
		return JsonComplain(scanner, "a number lacks a digit");
	while (IsDigit(*scanner->p))
		scanner->p++;
	return JSON_DONE;
}

/* Steps over a number. */
static JsonScan
ScanNumber(JsonScanner *scanner)
{
	JsonScan	scan = JSON_DONE;

	if (*scanner->p == '-')
		scanner->p++;
	if (*scanner->p == '0')
		scanner->p++;
	else
		scan = ScanDigits(scanner);
	if (scan == JSON_DONE && IsDigit(*scanner->p))
		return JsonComplain(scanner, "a number begins with a zero");
	if (scan == JSON_DONE && *scanner->p == '.')
	{
		scanner->p++;
		scan = ScanDigits(scanner);
	}
	if (scan == JSON_DONE && (*scanner->p == 'e' || *scanner->p == 'E'))
	{
		if (*scanner->p++ == 'E')
			scanner->flags |= JSON_EXPONENT;
		if (*scanner->p == '+' || *scanner->p == '-')
			scanner->p++;
		scan = ScanDigits(scanner);
	}
	/* the next bytes may belong to it */
	if (scan == JSON_DONE && scanner->p == scanner->end && !scanner->at_end)
		return JSON_MORE;
	return scan;
}

/* Steps over true, false or null. */
static JsonScan
ScanWord(JsonScanner *scanner, const char *word)
{
	const char *start = scanner->p;

	while (*word != '\0' && *scanner->p == *word)
	{
		scanner->p++;
		word++;
	}
	if (*word == '\0')
		return JSON_DONE;
	if (scanner->p < scanner->end)
		scanner->p = start;
	return JsonComplain(scanner, "a value is expected");
}

/* Steps over a value that holds no others. */
static JsonScan
ScanScalar(JsonScanner *scanner)
{
	switch (*scanner->p)
	{
		case '"':
			return ScanString(scanner);
		case 't':
			return ScanWord(scanner, "true");
		case 'f':
			return ScanWord(scanner, "false");
		case 'n':
			return ScanWord(scanner, "null");
		default:
			if (*scanner->p == '-' || IsDigit(*scanner->p))
				return ScanNumber(scanner);
			return JsonComplain(scanner, "a value is expected");
	}
}

/* Steps over a key and the colon behind it. */
JsonScan
JsonScanKey(JsonScanner *scanner, JsonValue *key)
{
	unsigned int before = scanner->flags;
	JsonScan	scan;

	if (*scanner->p != '"')
		return JsonComplain(scanner, "a key in quotes is expected");
	scanner->flags = 0;
	key->first = '"';
	key->text = (char *) scanner->p + 1;
	scan = ScanString(scanner);
	key->flags = scanner->flags;
	scanner->flags |= before;
	if (scan != JSON_DONE)
		return scan;
	key->length = scanner->p - 1 - key->text;
	JsonSkipSpace(scanner);
	if (*scanner->p != ':')
		return JsonComplain(scanner, "a colon is expected behind a key");
	scanner->p++;
	return JSON_DONE;
}

/* Steps over what follows the start of a container: its end, or a key. */
static JsonScan
EnterContainer(JsonScanner *scanner, char closer, bool *empty)
{
	JsonValue	key;

	scanner->p++;
	JsonSkipSpace(scanner);
	*empty = *scanner->p == closer;
	if (*empty || closer == ']')
		return JSON_DONE;
	return JsonScanKey(scanner, &key);
}

/* Steps over closing brackets, up to behind a comma and a key if there is one. */
static JsonScan
LeaveContainers(JsonScanner *scanner, const char *closers, int *depth)
{
	JsonValue	key;

	while (*depth > 0)
	{
		char		closer = closers[*depth - 1];

		JsonSkipSpace(scanner);
		if (*scanner->p == ',')
		{
			scanner->p++;
			JsonSkipSpace(scanner);
			return closer == '}' ? JsonScanKey(scanner, &key) : JSON_DONE;
		}
		if (*scanner->p != closer)
			return JsonComplain(scanner, closer == '}' ? "a comma or a closing brace is expected" :
								"a comma or a closing bracket is expected");
		scanner->p++;
		(*depth)--;
	}
	return JSON_DONE;
}

/* Steps over an object or an array, with all that is in it. */
static JsonScan
ScanContainer(JsonScanner *scanner)
{
	char		closers[JSON_DEPTH];
	int			depth = 0;
	JsonScan	scan;

	do
	{
		JsonSkipSpace(scanner);
		if (*scanner->p == '{' || *scanner->p == '[')
		{
			bool		empty;

			if (depth == JSON_DEPTH)
				return JsonComplain(scanner, "nested too deeply");
			closers[depth++] = *scanner->p == '{' ? '}' : ']';
			scan = EnterContainer(scanner, closers[depth - 1], &empty);
			if (scan != JSON_DONE)
				return scan;
			if (!empty)
				continue;
		}
		else if ((scan = ScanScalar(scanner)) != JSON_DONE)
			return scan;
		scan = LeaveContainers(scanner, closers, &depth);
		if (scan != JSON_DONE)
			return scan;
	} while (depth > 0);
	return JSON_DONE;
}

/* Steps over one value. */
JsonScan
JsonScanValue(JsonScanner *scanner, JsonValue *value)
{
	unsigned int before = scanner->flags;
	const char *start = scanner->p;
	bool		quoted = *start == '"';
	JsonScan	scan;

	scanner->flags = 0;
	if (*start == '{' || *start == '[')
		scan = ScanContainer(scanner);
	else
		scan = ScanScalar(scanner);
	value->first = *start;
	value->flags = scanner->flags;
	scanner->flags |= before;
	value->text = (char *) start + quoted;
	value->length = scanner->p - start - (scan == JSON_DONE && quoted ? 2 : 0);
	return scan;
}

/* Writes the character of an escape and steps over it; lone surrogates
 * become U+FFFD, as those of UTF-16 text do. */
static char *
DecodeEscape(char *to, const char **from, const char *end)
{
	static const char names[] = "bfnrt";
	static const char codes[] = "\b\f\n\r\t";
	const char *p = *from + 1;
	const char *name = strchr(names, *p);
	uint32_t	code;
	int			low;

	*from = p + 1;
	if (*p != 'u')
	{
		*to = name != NULL ? codes[name - names] : *p;
		return to + 1;
	}
	code = HexValue(p + 1);
	*from = p + 5;
	if (code < 0xD800 || code > 0xDFFF)
		return to + PutCodePoint(to, code);
	low = code < 0xDC00 && end - *from >= 6 && p[5] == '\\' && p[6] == 'u' ? HexValue(p + 7) : -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return to + PutCodePoint(to, REPLACEMENT);
	*from = p + 11;
	return to + PutCodePoint(to, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
}

/* Replaces the escapes of a string. */
static void
Unescape(JsonValue *value)
{
	const char *from = value->text;
	const char *end = from + value->length;
	char	   *to = value->text;

	while (from < end)
	{
		const char *mark = memchr(from, '\\', end - from);
		size_t		plain = (mark != NULL ? mark : end) - from;

		memmove(to, from, plain);
		to += plain;
		from += plain;
		if (from < end)
			to = DecodeEscape(to, &from, end);
	}
	value->length = to - value->text;
}

/* Drops the white space between the tokens of a container. */
static void
Compact(JsonValue *value)
{
	const char *end = value->text + value->length;
	char	   *to = value->text;
	bool		quoted = false;

	for (const char *from = value->text; from < end; from++)
	{
		if (quoted && *from == '\\')
			*to++ = *from++;
		else if (*from == '"')
			quoted = !quoted;
		else if (!quoted && JsonIsSpace(*from))
			continue;
		*to++ = *from;
	}
	value->length = to - value->text;
}

/* Makes of a value what a cell holds, in place. */
void
JsonDecode(JsonValue *value)
{
	bool		container = value->first == '{' || value->first == '[';

	if (value->first == '"' && value->flags & JSON_ESCAPES)
		Unescape(value);
	else if (container && value->flags & JSON_SPACES)
		Compact(value);
	else if (!container && value->flags & JSON_EXPONENT)
		*(char *) memchr(value->text, 'E', value->length) = 'e';
}
