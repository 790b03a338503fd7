/*
 * named_format.h
 *	  Number formats as Excel's XML and HTML write them.
 */
#ifndef MEDALLION_NAMED_FORMAT_H
#define MEDALLION_NAMED_FORMAT_H

#include "file/xlsx.h"

/* What a number format makes of a number: one of Excel's names, or a code. */
extern NumberClass ClassifyNamedFormat(const char *format);

#endif							/* MEDALLION_NAMED_FORMAT_H */
