/*
 * convert_time.h
 *	  The parts of which texts of dates and times are made.
 */
#ifndef MEDALLION_CONVERT_TIME_H
#define MEDALLION_CONVERT_TIME_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "silver/convert.h"

/* A point in time taken apart. */
typedef struct ParsedTime
{
	int			year;
	int			month;
	int			day;
	int64		of_day;			/* microseconds */
	int64		offset;			/* to subtract for UTC, microseconds */
} ParsedTime;

/* Each takes its part off the start of a text, if it is there. */
extern int	TakeDigits(Cursor *in, int most, int *number);	/* how many */
extern bool TakeChar(Cursor *in, char c);
extern int	TakeMonth(Cursor *in);	/* its number; 0: none */
extern bool TakeHalfDay(Cursor *in, int *hour); /* AM, PM; false if the hour cannot have it */
extern bool TakeZone(Cursor *in, ParsedTime *time); /* up to the end of the text */

/* Two digits mean the years from 1970 to 2069. */
extern int	FullYear(int year, int digits);

/* Text in a format -> a point in time; false if it is not in it. */
extern bool ParseTimeByFormat(Cursor in, Cursor format, ParsedTime *time);

/* A plain number as a count of days or seconds; false if it is none, or out of range. */
extern bool InstantOfNumber(Cursor in, text *unit, Timestamp *instant);

#endif							/* MEDALLION_CONVERT_TIME_H */
