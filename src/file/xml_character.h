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
