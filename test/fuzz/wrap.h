/*
 * wrap.h
 *	  Puts what a fuzzer made into the container that its format wants, so that
 *	  mutations reach what lies behind packing and checksums.
 */
#ifndef MEDALLION_FUZZ_WRAP_H
#define MEDALLION_FUZZ_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A kind of input: what it is taken for and how it becomes a file. */
typedef struct Format
{
	const char *name;
	const char *part;			/* of a zip container: the part that the input is */
	bool		compound;		/* the stream "Workbook" of a compound file */
	bool		twice;			/* scanner and parser must agree */
	bool		any_order;		/* rows come as they stand in the sheet, whatever their numbers */
} Format;

/* NULL if there is no such format. */
extern const Format *FindFormat(const char *name);

/* The file made of an input; the caller frees it.  NULL: too large for its container. */
extern uint8_t *Wrap(const Format *format, const uint8_t *data, size_t size, size_t *wrapped);

#endif							/* MEDALLION_FUZZ_WRAP_H */
