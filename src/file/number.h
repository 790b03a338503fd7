/*
 * number.h
 *	  Numbers of a workbook, as its cells hold and its formats show them.
 *
 *	  number format (number_format.c)    -> what it makes of a number
 *	  number, its class (number_text.c)  -> text of a cell
 */
#ifndef MEDALLION_NUMBER_H
#define MEDALLION_NUMBER_H

#include "file/reader.h"

#define NUMBER_TEXT_SIZE 48

/* What a number format makes of a number. */
typedef enum NumberClass
{
	NUMBER_PLAIN,
	NUMBER_DATE,
	NUMBER_TIMESTAMP,
	NUMBER_TIME,
	NUMBER_INTERVAL
} NumberClass;

/* Formats that Excel knows by number alone; what a format's code says. */
extern NumberClass BuiltInNumberClass(long id);
extern NumberClass ClassifyNumberFormat(const char *code);

/* Text without white space around it. */
extern const char *TrimBlanks(const char *text, size_t *length);

/* A number as the file spells it -> its shortest plain spelling; 0 if it is
 * none.  Or -> a double; false if it is none. */
extern size_t CanonicalNumber(const char *text, size_t length, char out[NUMBER_TEXT_SIZE]);
extern bool ParseSerial(const char *text, size_t length, double *value);

/* A double -> the shortest spelling that reads back as the same. */
extern size_t ShortestNumber(double value, char out[NUMBER_TEXT_SIZE]);

/* A serial number -> date, timestamp, time or interval; CELL_NUMBER if it is none. */
extern CellKind SerialToText(double serial, NumberClass class, bool date1904, char out[NUMBER_TEXT_SIZE],
							 size_t *length);
extern CellKind IsoToText(const char *text, size_t length, char out[NUMBER_TEXT_SIZE],
						  size_t *spelled);

#endif							/* MEDALLION_NUMBER_H */
