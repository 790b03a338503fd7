/*
 * xml_character.c
 *	  Characters of XML as scanners meet them: what is not plain ASCII.
 */
#include "file/xml_character.h"

/* Length of the UTF-8 sequence at p if XML allows its character, else 0. */
int
XmlCharacterLength(const char *p)
{
	const unsigned char *c = (const unsigned char *) p;

	if (c[0] < 0xC2 || c[0] > 0xF4 || (c[1] & 0xC0) != 0x80)
		return 0;
	if (c[0] < 0xE0)
		return 2;
	if ((c[2] & 0xC0) != 0x80)
		return 0;
	if (c[0] < 0xF0)
		return (c[0] == 0xE0 && c[1] < 0xA0) || (c[0] == 0xED && c[1] > 0x9F) ||
			(c[0] == 0xEF && c[1] == 0xBF && c[2] > 0xBD) ? 0 : 3;
	return (c[3] & 0xC0) != 0x80 || (c[0] == 0xF0 && c[1] < 0x90) || (c[0] == 0xF4 && c[1] > 0x8F) ? 0 : 4;
}

/* The code point of the character reference at p ("&#...;"), or 0. */
static uint32_t
CharacterReference(const char *p, size_t *length)
{
	const char *start = p;
	uint32_t	code = 0;
	int			digits = 0;
	bool		hex = p[2] == 'x';

	for (p += hex ? 3 : 2; digits < 8; p++, digits++)
	{
		if (*p >= '0' && *p <= '9')
			code = code * (hex ? 16 : 10) + (*p - '0');
		else if (hex && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			code = code * 16 + ((*p | 0x20) - 'a' + 10);
		else
			break;
	}
	*length = p + 1 - start;
	if (*p != ';' || digits == 0 || digits == 8 || code > 0x10FFFF)
		return 0;
	if ((code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
		(code >= 0xD800 && code < 0xE000) || code == 0xFFFE || code == 0xFFFF)
		return 0;
	return code;
}

/* What the reference at p ("&...;") stands for, or 0; its length. */
uint32_t
XmlReference(const char *p, size_t *length)
{
	static const struct
	{
		char		name[8];
		size_t		length;
		char		character;
	}			named[] = {
		{"&amp;", 5, '&'}, {"&lt;", 4, '<'}, {"&gt;", 4, '>'}, {"&quot;", 6, '"'}, {"&apos;", 6, '\''}
	};

	if (p[1] == '#')
		return CharacterReference(p, length);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
	{
		*length = named[i].length;
		if (strncmp(p, named[i].name, named[i].length) == 0)
			return named[i].character;
	}
	return 0;
}
