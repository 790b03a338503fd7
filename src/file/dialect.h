/*
 * dialect.h
 *	  Delimiter, quote and escape of a text file: by option, or by its content.
 */
#ifndef MEDALLION_DIALECT_H
#define MEDALLION_DIALECT_H

#include "file/format.h"

#define NO_QUOTE (-1)

typedef struct Dialect
{
	char		delimiter;		/* '\0': not yet known */
	int			quote;			/* or NO_QUOTE */
	int			escape;			/* besides the doubled quote, or NO_QUOTE */
} Dialect;

extern const char *DialectByOptions(Dialect *dialect, const ReaderOptions *options);
extern int	DelimiterConsistency(const uint32_t *counts, int records);
extern void DescribeDialect(const Dialect *dialect, const char *encoding, char *note, size_t size);

#endif							/* MEDALLION_DIALECT_H */
