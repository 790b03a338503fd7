/*
 * html_style.c
 *	  Which classes of a page show a number as a date: Excel writes formats as
 *	  mso-number-format into its style sheets.
 *
 *	  <style> -> .class {mso-style-parent: other; mso-number-format: "format"}
 *	      -> NumberClass by class
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "file/html.h"
#include "file/named_format.h"

#define FORMAT_SIZE 256

static bool
IsSpace(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* The next of these characters outside of quotes, or the end. */
static const char *
FindUnquoted(const char *p, const char *end, const char *wanted)
{
	char		quote = '\0';

	for (; p < end; p++)
	{
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (strchr(wanted, *p) != NULL)
			return p;
	}
	return end;
}

/* The value of a property in declarations; false if it is not there. */
static bool
Property(const char *p, const char *end, const char *name, const char **value, size_t *length)
{
	size_t		wanted = strlen(name);

	while (p < end)
	{
		const char *stop = FindUnquoted(p, end, ";");
		const char *colon = FindUnquoted(p, stop, ":");

		while (p < colon && IsSpace(*p))
			p++;
		if (colon < stop && (size_t) (colon - p) >= wanted && strncasecmp(p, name, wanted) == 0)
		{
			for (*value = colon + 1; *value < stop && IsSpace(**value); (*value)++)
				;
			while (stop > *value && IsSpace(stop[-1]))
				stop--;
			*length = stop - *value;
			return true;
		}
		p = stop + 1;
	}
	return false;
}

/* The character of an escape behind a backslash: four hexadecimal digits, as
 * Excel writes them, or the character itself; how many bytes it takes. */
static size_t
Unescape(const char *p, const char *end, char *out)
{
	int			code = 0;

	for (size_t i = 0; i < 4; i++)
	{
		if (p + i >= end || !isxdigit((unsigned char) p[i]))
		{
			*out = *p;
			return 1;
		}
		code = code * 16 + (p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	}
	*out = code > 0 && code < 128 ? code : '?';
	return 4;
}

/* What declarations make of a number; otherwise if they do not say. */
static NumberClass
DeclaredClass(const char *declarations, const char *end, NumberClass otherwise)
{
	char		format[FORMAT_SIZE];
	size_t		n = 0;
	const char *p;
	size_t		length;

	if (!Property(declarations, end, "mso-number-format", &p, &length))
		return otherwise;
	end = p + length;
	if (length >= 2 && (*p == '"' || *p == '\'') && end[-1] == *p)
	{
		p++;
		end--;
	}
	while (p < end && n < FORMAT_SIZE - 1)
	{
		if (*p == '\\' && p + 1 < end)
			p += 1 + Unescape(p + 1, end, &format[n++]);
		else
			format[n++] = *p++;
	}
	format[n] = '\0';
	return ClassifyNamedFormat(format);
}

/* The class that a rule begins from: that of its parent style. */
static NumberClass
ParentClass(const NameMap *classes, const char *declarations, const char *end)
{
	const char *parent;
	size_t		length;

	if (!Property(declarations, end, "mso-style-parent", &parent, &length))
		return NUMBER_PLAIN;
	return NameMapGet(classes, parent, length, NUMBER_PLAIN);
}

/* A rule: each class that its selectors name. */
static bool
AddRule(NameMap *classes, const char *selector, const char *open, const char *end)
{
	NumberClass class = DeclaredClass(open + 1, end, ParentClass(classes, open + 1, end));

	for (const char *p = selector; p < open; p++)
	{
		const char *name = p + 1;

		if (*p != '.')
			continue;
		while (p + 1 < open && (isalnum((unsigned char) p[1]) || p[1] == '-' || p[1] == '_'))
			p++;
		if (!NameMapPut(classes, name, p + 1 - name, class))
			return false;
	}
	return true;
}

/* Reads what is inside <style>; false if out of memory. */
bool
HtmlReadStyles(NameMap *classes, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end)
	{
		const char *open = memchr(text, '{', end - text);
		const char *close = open ? FindUnquoted(open + 1, end, "}") : end;

		if (open == NULL || close == end)
			return true;
		if (!AddRule(classes, text, open, close))
			return false;
		text = close + 1;
	}
	return true;
}

/* What the tag's class and style make of a number. */
NumberClass
HtmlNumberClass(const HtmlScan *scan, const NameMap *classes)
{
	NumberClass class = NUMBER_PLAIN;
	const char *value;
	size_t		length;

	if (HtmlAttribute(scan, "class", &value, &length))
		class = NameMapGet(classes, value, length, NUMBER_PLAIN);
	if (HtmlAttribute(scan, "style", &value, &length))
		class = DeclaredClass(value, value + length, class);
	return class;
}
