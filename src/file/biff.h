/*
 * biff.h
 *	  Values that binary workbooks spell alike, the older (xls) and the newer
 *	  (xlsb).
 */
#ifndef MEDALLION_BIFF_H
#define MEDALLION_BIFF_H

#include "file/bytes.h"
#include "file/number.h"

#define BIFF_NUM_ERROR 0x24		/* #NUM! */

/* What Excel shows for an error. */
extern const char *BiffErrorText(unsigned char code);

/* A number in four bytes. */
extern double BiffRkValue(uint32_t rk);

/* A number -> the text of its cell: plain, a date if its class says so, an error
 * if it is none. */
extern CellKind BiffNumber(double value, NumberClass class, bool date1904, char out[NUMBER_TEXT_SIZE],
						   size_t *length);

#endif							/* MEDALLION_BIFF_H */
