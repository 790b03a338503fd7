/*
 * classify.h
 *	  What type a text value speaks for, and the type that holds two.
 */
#ifndef MEDALLION_CLASSIFY_H
#define MEDALLION_CLASSIFY_H

typedef enum ValueType
{
	VT_EMPTY,					/* nothing seen yet */
	VT_BOOLEAN,
	VT_BIGINT,
	VT_NUMERIC,
	VT_DATE,
	VT_TIMESTAMP,
	VT_TEXT
} ValueType;

/* The type of one value.  Only forms that no person would read otherwise:
 * a number with leading zeros is a code, "+5" is text. */
extern ValueType ClassifyText(const char *value, int length);

/* The narrowest type that holds both. */
extern ValueType WidenType(ValueType a, ValueType b);

/* SQL names, "empty" for VT_EMPTY. */
extern const char *ValueTypeName(ValueType type);
extern ValueType ValueTypeFromName(const char *name);

#endif							/* MEDALLION_CLASSIFY_H */
