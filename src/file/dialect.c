/*
 * dialect.c
 *	  Which delimiter, quote and escape a text file uses.
 *
 * As CleverCSV does (van den Burg, Nazabal and Sutton, 2019), each candidate
 * is tried on a sample and scored by two things that only the right dialect
 * has together: records of the same number of cells, and cells that look like
 * values.  Unlike there, consistency is the share of the most usual width, so
 * that a preamble, a second table or one stray quote among good records does
 * not outweigh all the rest; and the sample is bounded.
 *
 *	  sample -> TallySample, once per candidate -> Score -> the best
 */
#include "file/dialect.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_WIDTH 1024			/* wider records count as this wide */
#define BAD_SHARE 10			/* so many per cent of bad records make a quote doubtful, */
#define BAD_LEAST 3				/* unless they are so few that each may be a slip */
#define RARE_CONSISTENCY 0.9	/* what a space or a colon must reach */
#define RARE_VALUES 0.5			/* share of cells that are more than words, for a space */
#define SPACE_WIDTH 3			/* a space cuts a date with time into two, */
#define COLON_WIDTH 4			/* a colon a time of day into three */
#define ONE_COLUMN (-1)
#define PROSE_SPACES 90			/* so many per cent of delimiters have a space behind in prose */

/* What bytes a value may have. */
#define IN_DATA 1				/* numbers, dates, times, amounts */
#define IN_WORDS 2
#define IS_DIGIT 4

/* What the sample looks like in some dialect. */
typedef struct Tally
{
	uint32_t	records;
	uint32_t	first;			/* cells of the first one; 0 if it is bad */
	uint32_t	bad;			/* that break the rules of quoting */
	uint64_t	cells;
	uint64_t	known;			/* cells that look like values */
	uint64_t	values;			/* cells that are more than bare words */
	uint32_t	gaps;			/* delimiters with a cell behind them */
	uint32_t	spaced;			/* with a space between */
	uint32_t	widths[MAX_WIDTH + 1];	/* records by their number of cells */
} Tally;

/* A sample being cut into records. */
typedef struct Cutter
{
	const Dialect *dialect;
	const unsigned char *classes;
	const char *at;
	const char *end;
	const char *spanless;		/* cells that begin before this may not span lines */
	uint32_t	ncells;			/* of the record at hand */
	uint64_t	known;
	uint64_t	values;
	uint32_t	gaps;
	uint32_t	spaced;
} Cutter;

/* Is this a character that may delimit, quote or escape? */
static bool
IsUsableMark(int mark)
{
	return mark < 0 || (mark > 0 && mark < 0x80 && mark != '\n' && mark != '\r');
}

/* The dialect that was asked for; returns what is wrong with it, or NULL. */
const char *
DialectByOptions(Dialect *dialect, const ReaderOptions *options)
{
	int			quote = options->quote ? (unsigned char) options->quote : OPEN_MARK;
	int			escape = options->escape ? (unsigned char) options->escape : OPEN_MARK;

	dialect->delimiter = options->delimiter ? (unsigned char) options->delimiter : OPEN_MARK;
	dialect->quote = options->no_quote ? NO_MARK : quote;
	dialect->escape = options->no_quote || (escape >= 0 && escape == quote) ? NO_MARK : escape;
	dialect->skip_space = false;
	dialect->width = 0;
	if (!IsUsableMark(dialect->quote) || !IsUsableMark(dialect->escape) || !IsUsableMark(dialect->delimiter))
		return "delimiter, quote and escape must be ASCII characters other than line ends";
	if (dialect->delimiter >= 0 && (dialect->delimiter == dialect->quote || dialect->delimiter == dialect->escape))
		return "the delimiter must differ from the quote and the escape";
	return NULL;
}

/* Sets up what each byte may be part of. */
static void
FillClasses(unsigned char *classes)
{
	memset(classes, 0, 256);
	for (int c = ' '; c < 256; c++)
		classes[c] = IN_WORDS;
	/* what delimits or quotes elsewhere is in no word */
	for (const char *p = ",;|\"\x7F"; *p != '\0'; p++)
		classes[(unsigned char) *p] = 0;
	/* pounds, euros, and spaces that do not break are made of the last of these */
	for (const char *p = "+-.,:/%$'() \xC2\xA3\xA0\xE2\x80\xAF\x82\xAC"; *p != '\0'; p++)
		classes[(unsigned char) *p] |= IN_DATA;
	for (int c = '0'; c <= '9'; c++)
		classes[c] |= IN_DATA | IS_DIGIT;
}

/* Judges an unquoted cell. */
static void
JudgePlain(Cutter *cutter, const char *start, const char *end)
{
	unsigned char all = IN_DATA | IN_WORDS;
	unsigned char any = 0;

	while (start < end && *start == ' ')
		start++;
	while (start < end && end[-1] == ' ')
		end--;
	for (const char *p = start; p < end; p++)
	{
		unsigned char class = cutter->classes[(unsigned char) *p];

		all &= class;
		any |= class;
	}
	if (start == end)
		cutter->known++;
	else if ((all & IN_DATA) && (any & IS_DIGIT))
	{
		cutter->known++;
		cutter->values++;
	}
	else if ((all & IN_WORDS) && *start != '\'' && end[-1] != '\'')
		cutter->known++;
}

/* Does a cell end here? */
static bool
EndsCell(const Cutter *cutter, const char *p)
{
	return p == cutter->end || *p == cutter->dialect->delimiter || *p == '\n' || *p == '\r';
}

/* Steps behind the quote that ends a cell; false if none does, and *failure says where that shows. */
static bool
CutQuoted(Cutter *cutter, bool spanless, const char **failure)
{
	const Dialect *dialect = cutter->dialect;
	const char *p = cutter->at + 1;

	for (; p < cutter->end; p++)
	{
		if (*p != dialect->quote && *p != dialect->escape)
		{
			if (spanless && (*p == '\n' || *p == '\r'))
				break;
			continue;
		}
		if (p + 1 < cutter->end && (p[1] == dialect->quote || (*p == dialect->escape && p[1] == *p)))
			p++;
		else if (*p == dialect->quote)
			break;
	}
	*failure = p;
	if (p == cutter->end || *p != dialect->quote)
		return false;
	p++;
	while (p < cutter->end && *p == ' ' && dialect->delimiter != ' ')
		p++;
	cutter->at = p;
	return EndsCell(cutter, p);
}

/* Steps behind a cell and judges it; false if it breaks the rules of quoting. */
static bool
CutCell(Cutter *cutter, bool spanless, const char **failure)
{
	const char *start = cutter->at;
	const char *p = start;

	cutter->ncells++;
	while (p < cutter->end && *p == ' ' && cutter->dialect->delimiter != ' ')
		p++;
	if (p < cutter->end && *p == cutter->dialect->quote)
	{
		cutter->at = p;
		cutter->known++;
		cutter->values++;
		return CutQuoted(cutter, spanless, failure);
	}
	while (!EndsCell(cutter, p))
		p++;
	cutter->at = p;
	JudgePlain(cutter, start, p);
	return true;
}

/* Notes whether a space follows the delimiter just passed. */
static void
NoteGap(Cutter *cutter)
{
	const char *p = cutter->at;

	if (p == cutter->end || EndsCell(cutter, p))
		return;
	cutter->gaps++;
	cutter->spaced += *p == ' ' && !(p + 1 < cutter->end && p[1] == ' ');
}

/* Steps behind the line that begins at start. */
static void
PassLine(Cutter *cutter, const char *start)
{
	const char *p = start;

	while (p < cutter->end && *p != '\n' && *p != '\r')
		p++;
	cutter->at = p;
}

/* Cuts the record at hand; false if it is bad, and then only its first line is passed. */
static bool
CutRecord(Cutter *cutter)
{
	const char *start = cutter->at;
	const char *failure = start;
	bool		spanless = start < cutter->spanless;

	cutter->ncells = 0;
	cutter->known = cutter->values = 0;
	cutter->gaps = cutter->spaced = 0;
	for (;;)
	{
		if (!CutCell(cutter, spanless, &failure))
			break;
		if (cutter->at == cutter->end || *cutter->at != cutter->dialect->delimiter)
			return true;
		cutter->at++;
		NoteGap(cutter);
	}
	PassLine(cutter, start);

	/* what was read in vain is read once more at most: its lines by themselves */
	while (failure > cutter->at && failure[-1] != '\n' && failure[-1] != '\r')
		failure--;
	if (failure > cutter->spanless)
		cutter->spanless = failure;
	return false;
}

/* Adds a record to the tally. */
static void
TallyRecord(Tally *tally, const Cutter *cutter)
{
	if (tally->records++ == 0)
		tally->first = cutter->ncells;
	tally->widths[cutter->ncells < MAX_WIDTH ? cutter->ncells : MAX_WIDTH]++;
	tally->cells += cutter->ncells;
	tally->known += cutter->known;
	tally->values += cutter->values;
	tally->gaps += cutter->gaps;
	tally->spaced += cutter->spaced;
}

/* Adds a sample in some dialect to the tally. */
static void
TallySample(Tally *tally, const Dialect *dialect, const unsigned char *classes, const Sample *sample)
{
	Cutter		cutter = {.dialect = dialect, .classes = classes, .at = sample->text,
	.end = sample->text + sample->length, .spanless = sample->text};

	while (cutter.at < cutter.end)
	{
		bool		good;

		if (*cutter.at == '\n' || *cutter.at == '\r')
		{
			cutter.at++;
			continue;
		}
		good = CutRecord(&cutter);

		/* the cut record says nothing, unless there is no other */
		if (cutter.at == cutter.end && sample->cut && tally->records > 0)
			break;
		if (good)
			TallyRecord(tally, &cutter);
		else
		{
			tally->records++;
			tally->bad++;
		}
	}
}

/*
 * Is the header a single cell and what follows no table?  So it is with prose,
 * where a space follows each comma, with names as "Poe, Jim" and with numbers
 * that have a decimal comma.
 */
static bool
IsOneColumn(const Tally *tally, int delimiter, uint32_t width, double consistency)
{
	if (tally->first != 1)
		return false;
	if (tally->gaps > 0 && tally->spaced * 100.0 >= PROSE_SPACES * tally->gaps &&
		(width == 2 || consistency < 0.5))
		return true;
	return delimiter == ',' && width == 2 && tally->values + 1 >= tally->cells;
}

/* May this be a delimiter?  A space or a colon in text must not be taken for one. */
static bool
IsPlausible(const Tally *tally, int delimiter, uint32_t width, double consistency)
{
	if (delimiter == ' ')
		return tally->first == width && width >= SPACE_WIDTH && consistency >= RARE_CONSISTENCY &&
			tally->values >= RARE_VALUES * tally->cells;
	if (delimiter == ':')
		return tally->first == width && width >= COLON_WIDTH && consistency >= RARE_CONSISTENCY;
	return true;
}

/* The most usual number of cells, at least 2. */
static uint32_t
UsualWidth(const Tally *tally)
{
	uint32_t	width = 2;

	for (uint32_t i = 2; i <= MAX_WIDTH; i++)
	{
		if (tally->widths[i] > tally->widths[width])
			width = i;
	}
	return width;
}

/* How well a dialect fits, from 0 to 1; ONE_COLUMN if it cuts what is whole. */
static double
Score(const Tally *tally, int delimiter)
{
	uint32_t	width = UsualWidth(tally);
	double		consistency;

	if (tally->records == 0 || tally->cells == 0)
		return 0;
	consistency = (double) tally->widths[width] / tally->records;
	if (!IsPlausible(tally, delimiter, width, consistency))
		return 0;
	if (IsOneColumn(tally, delimiter, width, consistency))
		return ONE_COLUMN;
	return consistency * (width - 1) / width * tally->known / tally->cells;
}

/* What all candidates need, and the best of them so far. */
typedef struct Contest
{
	const Sample *samples;
	int			nsamples;
	unsigned char classes[256];
	bool		seen[256];		/* bytes that the samples have */
	Dialect		best;
	double		best_score;
	Tally		best_tally;
	Tally		tally;			/* of the candidate at hand */
	bool		one_column;		/* some delimiter is there that seems to be text */
	bool		doubtful;		/* all candidates with this quote break its rules often */
} Contest;

/* Tries a dialect; an equal that came earlier wins. */
static void
TryDialect(Contest *contest, const Dialect *dialect)
{
	double		score;

	memset(&contest->tally, 0, sizeof(Tally));
	for (int i = 0; i < contest->nsamples; i++)
		TallySample(&contest->tally, dialect, contest->classes, &contest->samples[i]);
	if (contest->tally.bad < BAD_LEAST || contest->tally.bad * 100.0 < BAD_SHARE * contest->tally.records)
		contest->doubtful = false;
	score = Score(&contest->tally, dialect->delimiter);
	if (score == ONE_COLUMN)
		contest->one_column = true;
	if (score <= contest->best_score)
		return;
	contest->best = *dialect;
	contest->best_score = score;
	contest->best_tally = contest->tally;
}

/* Tries the escapes that are open. */
static void
TryEscapes(Contest *contest, Dialect dialect)
{
	if (dialect.escape != OPEN_MARK)
	{
		TryDialect(contest, &dialect);
		return;
	}
	dialect.escape = NO_MARK;
	TryDialect(contest, &dialect);
	if (dialect.quote == NO_MARK || !contest->seen['\\'] || dialect.delimiter == '\\')
		return;
	dialect.escape = '\\';
	TryDialect(contest, &dialect);
}

/* Tries the quotes that are open. */
static void
TryQuotes(Contest *contest, Dialect dialect)
{
	if (dialect.quote != OPEN_MARK)
	{
		TryEscapes(contest, dialect);
		return;
	}
	dialect.quote = '"';
	contest->doubtful = true;
	TryEscapes(contest, dialect);

	/* without quotes only if those that are there are not used as such: else all would become text */
	if (contest->doubtful)
	{
		Dialect		unquoted = dialect;

		unquoted.quote = unquoted.escape = NO_MARK;
		TryDialect(contest, &unquoted);
	}
	if (contest->seen['\''])
	{
		dialect.quote = '\'';
		TryEscapes(contest, dialect);
	}
}

/* Tries the delimiters that are open. */
static void
TryDelimiters(Contest *contest, const Dialect *open)
{
	/* commas after semicolons, between which they are decimal marks: the first of equals wins */
	static const char candidates[] = {';', '\t', '|', ',', '^', '~', ':', ' '};
	Dialect		dialect = *open;

	if (dialect.delimiter != OPEN_MARK)
	{
		TryQuotes(contest, dialect);
		return;
	}
	for (size_t i = 0; i < sizeof(candidates); i++)
	{
		dialect.delimiter = candidates[i];
		if (contest->seen[(unsigned char) candidates[i]] && dialect.delimiter != dialect.quote &&
			dialect.delimiter != dialect.escape)
			TryQuotes(contest, dialect);
	}
}

/* Nothing fits: the usual delimiter or, if that seems to be text, one that cuts nothing. */
static int
UnusedDelimiter(const Contest *contest, const Dialect *dialect)
{
	static const char candidates[] = {',', ';', '\t', '|', '^', '~'};

	for (size_t i = 0; contest->one_column && i < sizeof(candidates); i++)
	{
		int			candidate = candidates[i];

		if (!contest->seen[candidate] && candidate != dialect->quote && candidate != dialect->escape)
			return candidate;
	}
	return dialect->quote == ',' || dialect->escape == ',' ? ';' : ',';
}

/* Settles by samples what is still open. */
void
SniffDialect(Dialect *dialect, const Sample *samples, int nsamples)
{
	Contest		contest;
	bool		open_delimiter = dialect->delimiter == OPEN_MARK;

	memset(&contest, 0, sizeof(contest));
	contest.samples = samples;
	contest.nsamples = nsamples;
	contest.best = *dialect;
	FillClasses(contest.classes);
	for (int i = 0; i < nsamples; i++)
	{
		for (size_t j = 0; j < samples[i].length; j++)
			contest.seen[(unsigned char) samples[i].text[j]] = true;
	}
	TryDelimiters(&contest, dialect);
	*dialect = contest.best;

	if (dialect->delimiter == OPEN_MARK)
		dialect->delimiter = UnusedDelimiter(&contest, dialect);
	if (dialect->quote == OPEN_MARK)
		dialect->quote = dialect->delimiter == '"' ? NO_MARK : '"';
	if (dialect->escape == OPEN_MARK || dialect->quote == NO_MARK)
		dialect->escape = NO_MARK;
	dialect->skip_space = open_delimiter && dialect->delimiter != ' ' && dialect->delimiter != '\t' &&
		contest.best_tally.gaps > 0 && contest.best_tally.gaps == contest.best_tally.spaced;
	dialect->width = contest.best_score > 0 ? UsualWidth(&contest.best_tally) : 0;
}

/* Length of a first line "sep=;" that names the delimiter, 0 if it does not. */
size_t
SeparatorLine(const char *text, size_t length, int *delimiter)
{
	if (length < 6 || strncasecmp(text, "sep=", 4) != 0 || !IsUsableMark((unsigned char) text[4]) ||
		text[4] == '\0' || (text[5] != '\r' && text[5] != '\n'))
		return 0;
	*delimiter = (unsigned char) text[4];
	return length > 6 && text[5] == '\r' && text[6] == '\n' ? 7 : 6;
}

/* Writes the note on what a file turned out to be. */
void
DescribeDialect(const Dialect *dialect, const char *encoding, char *note, size_t size)
{
	char		delimiter[6] = {dialect->delimiter, '\0'};
	char		quote[5] = {dialect->quote, '\0'};
	char		escape[10] = {'\0'};

	if (dialect->delimiter == '\t')
		memcpy(delimiter, "\\t", 3);
	if (dialect->delimiter == ' ')
		memcpy(delimiter, "space", 6);
	if (dialect->quote == NO_MARK)
		memcpy(quote, "none", 5);
	if (dialect->escape != NO_MARK)
		snprintf(escape, sizeof(escape), " escape=%c", dialect->escape);
	snprintf(note, size, "delimiter=%s%s quote=%s%s encoding=%s", delimiter,
			 dialect->skip_space ? "+space" : "", quote, escape, encoding);
}
