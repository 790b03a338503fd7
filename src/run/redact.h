/*
 * redact.h
 *	  Takes secrets out of what is written down.
 */
#ifndef MEDALLION_REDACT_H
#define MEDALLION_REDACT_H

#include "postgres.h"

/* Overwrites, in place, what follows password=, secret=, token= and their
 * like, and the password of scheme://user:password@host; returns the text. */
extern char *Redact(char *text);

#endif							/* MEDALLION_REDACT_H */
