/*
 * biff.c
 *	  Values that binary workbooks spell alike, the older (xls) and the newer
 *	  (xlsb).
 */
#include "file/biff.h"

#include <math.h>

/* What Excel shows for an error; a code that is not known is an error still. */
const char *
BiffErrorText(unsigned char code)
{
	static const struct
	{
		unsigned char code;
		const char *text;
	}			errors[] =
	{
		{0x00, "#NULL!"}, {0x07, "#DIV/0!"}, {0x0F, "#VALUE!"}, {0x17, "#REF!"}, {0x1D, "#NAME?"},
		{BIFF_NUM_ERROR, "#NUM!"}, {0x2A, "#N/A"}, {0x2B, "#GETTING_DATA"},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
	{
		if (errors[i].code == code)
			return errors[i].text;
	}
	return "#ERROR!";
}

/* A number in four bytes: an integer or the upper half of a double, perhaps
 * times 100. */
double
BiffRkValue(uint32_t rk)
{
	uint64_t	bits = (uint64_t) (rk & ~UINT32_C(3)) << 32;
	double		value;

	if (rk & 2)
		value = (int32_t) (rk & ~UINT32_C(3)) / 4;
	else
		memcpy(&value, &bits, sizeof(value));
	return rk & 1 ? value / 100 : value;
}

/* A number -> the text of its cell. */
CellKind
BiffNumber(double value, NumberClass class, bool date1904, char out[NUMBER_TEXT_SIZE], size_t *length)
{
	CellKind	kind = CELL_NUMBER;

	if (!isfinite(value))
	{
		const char *text = BiffErrorText(BIFF_NUM_ERROR);

		*length = strlen(text);
		memcpy(out, text, *length);
		return CELL_ERROR;
	}
	if (class != NUMBER_PLAIN)
		kind = SerialToText(value, class, date1904, out, length);
	if (kind == CELL_NUMBER)
		*length = ShortestNumber(value, out);
	return kind;
}
