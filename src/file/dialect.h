/*
 * dialect.h
 *	  Delimiter, quote and escape of a text file: by option, or by its content.
 */
#ifndef MEDALLION_DIALECT_H
#define MEDALLION_DIALECT_H

#include "file/format.h"

#define NO_MARK (-1000)			/* unlike any byte, signed or not */
#define OPEN_MARK (-1001)		/* the content will tell */

typedef struct Dialect
{
	int			delimiter;		/* or OPEN_MARK */
	int			quote;			/* or NO_MARK, OPEN_MARK */
	int			escape;			/* besides the doubled quote, or NO_MARK, OPEN_MARK */
	bool		skip_space;		/* a space follows every delimiter and belongs to it */
	uint32_t	width;			/* the usual number of cells; 0: not known */
} Dialect;

/* A piece of a file's text that begins with a record; NUL bytes may be in it. */
typedef struct Sample
{
	const char *text;
	size_t		length;
	bool		cut;			/* its last record may be incomplete */
} Sample;

/* The dialect that was asked for; returns what is wrong with it, or NULL. */
extern const char *DialectByOptions(Dialect *dialect, const ReaderOptions *options);

/* Settles by samples what is still open; the first of them begins the file. */
extern void SniffDialect(Dialect *dialect, const Sample *samples, int nsamples);

/* Length of a first line "sep=;" that names the delimiter, 0 if it does not. */
extern size_t SeparatorLine(const char *text, size_t length, int *delimiter);

/* Writes the note on what a file turned out to be. */
extern void DescribeDialect(const Dialect *dialect, const char *encoding, char *note, size_t size);

#endif							/* MEDALLION_DIALECT_H */
