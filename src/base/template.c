/*
 * template.c
 *	  SQL texts with named places.
 *
 * A statement that names its tables a dozen times is read more easily with
 * {stage} in it than with the ninth %s.  Values are not looked at again, so
 * what a user wrote may have braces in it.
 */
#include "base/compat.h"

#include "base/template.h"

#include "lib/stringinfo.h"

/* Says what a name stands for. */
void
SetWord(TemplateWords *words, const char *name, const char *value)
{
	words->names = lcons(pstrdup(name), words->names);
	words->values = lcons(pstrdup(value), words->values);
}

/* What the name of this length stands for. */
static const char *
FindWord(const TemplateWords *words, const char *name, int length)
{
	ListCell   *nc;
	ListCell   *vc;

	forboth(nc, words->names, vc, words->values)
	{
		const char *known = lfirst(nc);

		if (strlen(known) == length && strncmp(known, name, length) == 0)
			return lfirst(vc);
	}
	elog(ERROR, "a template has no word \"%.*s\"", length, name);
	return NULL;				/* keep compiler quiet */
}

/* The text with every {name} replaced. */
char *
FillTemplate(const char *text, const TemplateWords *words)
{
	StringInfoData filled;

	initStringInfo(&filled);
	for (const char *p = text; *p != '\0';)
	{
		int			plain = strcspn(p, "{");
		int			length;

		appendBinaryStringInfo(&filled, p, plain);
		p += plain;
		if (*p == '\0')
			break;
		length = strcspn(++p, "}");
		appendStringInfoString(&filled, FindWord(words, p, length));
		p += length + 1;
	}
	return filled.data;
}
