/*
 * redact.h
 *	  Takes secrets, and the contents of rows, out of what is written down.
 */
#ifndef MEDALLION_REDACT_H
#define MEDALLION_REDACT_H

#include "postgres.h"

/* Overwrites, in place, what follows password=, secret=, token= and their
 * like, and the password of scheme://user:password@host; returns the text. */
extern char *Redact(char *text);

/* Message, detail and context of an error without the values of rows that the server quotes
 * in them, unless medallion.log_values asks for these. */
extern char *MessageWithoutValues(const ErrorData *error);
extern char *DetailWithoutValues(const ErrorData *error);	/* NULL if there is none */
extern char *ContextWithoutValues(const ErrorData *error);	/* likewise */

#endif							/* MEDALLION_REDACT_H */
