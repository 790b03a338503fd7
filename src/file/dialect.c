/*
 * dialect.c
 *	  Which delimiter, quote and escape a text file uses.
 */
#include "file/dialect.h"

#include <stdio.h>
#include <string.h>

/* Is this a character that may delimit, quote or escape? */
static bool
IsUsableMark(int mark)
{
	return mark == NO_QUOTE || (mark > 0 && mark < 0x80 && mark != '\n' && mark != '\r');
}

/* The dialect that was asked for; says what is wrong with it, or NULL. */
const char *
DialectByOptions(Dialect *dialect, const ReaderOptions *options)
{
	int			quote = options->quote ? (unsigned char) options->quote : '"';
	int			escape = options->escape ? (unsigned char) options->escape : quote;
	int			delimiter = options->delimiter ? (unsigned char) options->delimiter : NO_QUOTE;

	dialect->delimiter = options->delimiter;
	dialect->quote = options->no_quote ? NO_QUOTE : quote;
	dialect->escape = options->no_quote || escape == quote ? NO_QUOTE : escape;
	if (!IsUsableMark(dialect->quote) || !IsUsableMark(dialect->escape) || !IsUsableMark(delimiter))
		return "delimiter, quote and escape must be ASCII characters other than line ends";
	if (delimiter != NO_QUOTE && (delimiter == dialect->quote || delimiter == dialect->escape))
		return "the delimiter must differ from the quote and the escape";
	return NULL;
}

/* How consistently records have the same count, per mille; half if the first has another. */
int
DelimiterConsistency(const uint32_t *counts, int records)
{
	int			best = 0;
	uint32_t	usual = 0;

	for (int i = 0; i < records; i++)
	{
		int			same = 0;

		for (int j = 0; j < records; j++)
			same += counts[j] == counts[i];
		if (counts[i] > 0 && same > best)
		{
			best = same;
			usual = counts[i];
		}
	}
	if (best == 0)
		return 0;
	return best * 1000 / records / (counts[0] == usual ? 1 : 2);
}

/* Writes the note on what a file turned out to be. */
void
DescribeDialect(const Dialect *dialect, const char *encoding, char *note, size_t size)
{
	char		delimiter[3] = {dialect->delimiter, '\0', '\0'};
	char		quote[5] = {dialect->quote, '\0'};

	if (dialect->delimiter == '\t')
		memcpy(delimiter, "\\t", 3);
	if (dialect->quote == NO_QUOTE)
		memcpy(quote, "none", 5);
	snprintf(note, size, "delimiter=%s quote=%s encoding=%s", delimiter, quote, encoding);
}
