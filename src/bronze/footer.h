/*
 * footer.h
 *	  Holds rows back, so that the last ones of a sheet never come.
 */
#ifndef MEDALLION_FOOTER_H
#define MEDALLION_FOOTER_H

#include "postgres.h"
#include "file/reader.h"

typedef struct Footer Footer;

/* In the current memory context, for so many rows at the end. */
extern Footer *FooterCreate(int count);

/* Forgets what it holds: a new sheet begins. */
extern void FooterReset(Footer *footer);

/* Takes a row; a malformed one with what is wrong with it, others with NULL.
 * True: the row that is so many rows older comes instead, until the next call. */
extern bool FooterExchange(Footer *footer, ReaderRow *row, const char **complaint);

#endif							/* MEDALLION_FOOTER_H */
