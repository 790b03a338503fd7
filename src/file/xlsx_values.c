/*
 * xlsx_values.c
 *	  What the value of a cell means, by its type and style.
 */
#include <string.h>

#include "file/xlsx.h"

/* A number: plain, or a date if its style says so. */
static CellKind
NumberValue(const XlsxReader *xlsx, long style, const char *text, size_t length,
			char out[NUMBER_TEXT_SIZE], size_t *spelled)
{
	NumberClass class = style >= 0 && (size_t) style < xlsx->nclasses ? xlsx->classes[style] : NUMBER_PLAIN;
	CellKind	kind = CELL_NUMBER;
	double		value;

	if (class != NUMBER_PLAIN && ParseSerial(text, length, &value))
		kind = SerialToText(value, class, xlsx->date1904, out, spelled);
	if (kind == CELL_NUMBER)
		*spelled = CanonicalNumber(text, length, out);
	return *spelled > 0 ? kind : CELL_TEXT;
}

/* TRUE and FALSE, spelled in whatever way. */
static CellKind
BooleanValue(const char *text, char out[NUMBER_TEXT_SIZE], size_t *spelled)
{
	bool		truth = *text == '1' || *text == 't' || *text == 'T';

	*spelled = truth ? 4 : 5;
	memcpy(out, truth ? "true" : "false", *spelled);
	return CELL_BOOLEAN;
}

/* What a value means, by the cell's type and style. */
CellKind
XlsxValue(const XlsxReader *xlsx, char type, long style, const char *text, size_t length,
		  char out[NUMBER_TEXT_SIZE], size_t *spelled)
{
	CellKind	kind;

	*spelled = 0;
	if (type == 'e')
		return length > 0 ? CELL_ERROR : CELL_EMPTY;
	text = TrimBlanks(text, &length);
	if (length == 0)
		return CELL_EMPTY;
	if (type == 'b')
		return BooleanValue(text, out, spelled);
	if (type != 'd')
		return NumberValue(xlsx, style, text, length, out, spelled);
	kind = IsoToText(text, length, out, spelled);
	if (kind == CELL_TEXT)
		*spelled = 0;
	return kind;
}
