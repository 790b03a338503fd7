/*
 * named_format.c
 *	  Number formats as Excel's XML and HTML write them: some go by a name, the
 *	  others are codes as in a workbook.
 */
#include "file/named_format.h"

#include <string.h>

/* Number formats that go by a name. */
static const struct
{
	const char *name;
	NumberClass class;
}			named_formats[] =
{
	{"General Date", NUMBER_TIMESTAMP},
	{"Long Date", NUMBER_DATE},
	{"Medium Date", NUMBER_DATE},
	{"Short Date", NUMBER_DATE},
	{"Long Time", NUMBER_TIME},
	{"Medium Time", NUMBER_TIME},
	{"Short Time", NUMBER_TIME},
	{"Currency", NUMBER_PLAIN},
	{"Euro Currency", NUMBER_PLAIN},
	{"Fixed", NUMBER_PLAIN},
	{"Standard", NUMBER_PLAIN},
	{"Percent", NUMBER_PLAIN},
	{"Scientific", NUMBER_PLAIN},
	{"Yes/No", NUMBER_PLAIN},
	{"True/False", NUMBER_PLAIN},
	{"On/Off", NUMBER_PLAIN},
};

/* What a number format makes of a number. */
NumberClass
ClassifyNamedFormat(const char *format)
{
	for (size_t i = 0; i < sizeof(named_formats) / sizeof(named_formats[0]); i++)
	{
		if (strcmp(named_formats[i].name, format) == 0)
			return named_formats[i].class;
	}
	return ClassifyNumberFormat(format);
}
