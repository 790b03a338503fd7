/*
 * xml_character.h
 *	  Characters of XML as scanners meet them.
 *
 * All look ahead: zero bytes must follow the text.
 */
#ifndef MEDALLION_XML_CHARACTER_H
#define MEDALLION_XML_CHARACTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Length of the UTF-8 sequence at p, of more than one byte, if XML allows its
 * character, else 0. */
extern int	XmlCharacterLength(const char *p);

/* What the reference at p ("&...;") stands for, or 0; its length. */
extern uint32_t XmlReference(const char *p, size_t *length);

/* Control characters, which XML lets nobody write, pass through it as what
 * Unicode keeps for a program's own use: this and the 31 behind it. */
#define XML_CONTROLS 0xFDD0
#define CONTROL_REFERENCE 8		/* bytes of a reference to one of them */

/* The control character that the three bytes stand for, or 0. */
static inline char
XmlControl(const char *text)
{
	unsigned char last = text[2];

	return memcmp(text, "\xEF\xB7", 2) == 0 && last > 0x90 && last < 0xB0 ? last - 0x90 : 0;
}

static inline bool
IsBlank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline const char *
SkipBlanks(const char *p)
{
	while (IsBlank(*p))
		p++;
	return p;
}

/* Does p begin with a literal?  Its length is known to the compiler: one or two
 * comparisons of machine words. */
#define BEGINS(p, literal) (memcmp(p, literal, sizeof(literal) - 1) == 0)

static inline bool
IsNameStart(char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* The end of the name at p; p if there is none of ASCII. */
static inline const char *
SkipName(const char *p)
{
	if (!IsNameStart(*p))
		return p;
	while (IsNameStart(*p) || (*p >= '0' && *p <= '9') || *p == ':' || *p == '-' || *p == '.')
		p++;
	return p;
}

#endif							/* MEDALLION_XML_CHARACTER_H */
