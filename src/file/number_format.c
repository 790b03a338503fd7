/*
 * number_format.c
 *	  Which number formats of a workbook show a number as a date.
 */
#include <string.h>
#include <strings.h>

#include "file/number.h"

/* Formats that Excel knows by number alone. */
NumberClass
BuiltInNumberClass(long id)
{
	if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 54) || id == 57 ||
		id == 58)
		return NUMBER_DATE;
	if (id == 22)
		return NUMBER_TIMESTAMP;
	if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id == 45 || id == 47 || id == 55 || id == 56)
		return NUMBER_TIME;
	return id == 46 ? NUMBER_INTERVAL : NUMBER_PLAIN;
}

/* [h], [mm], [sss]: elapsed time. */
static bool
IsElapsed(const char *bracket, const char *end)
{
	char		letter = bracket[1] | 0x20;

	if (letter != 'h' && letter != 'm' && letter != 's')
		return false;
	for (const char *p = bracket + 1; p < end; p++)
	{
		if ((*p | 0x20) != letter)
			return false;
	}
	return true;
}

/*
 * What a format code makes of a number: its first section, without quoted
 * text, escaped characters, padding, colours and currencies.
 */
NumberClass
ClassifyNumberFormat(const char *code)
{
	bool		date = false;
	bool		time = false;
	bool		month_or_minute = false;

	for (const char *p = code; *p != '\0' && *p != ';'; p++)
	{
		const char *end;

		if (*p == '"' || *p == '[')
		{
			end = strchr(p + 1, *p == '"' ? '"' : ']');
			if (end == NULL)
				break;
			if (*p == '[' && IsElapsed(p, end))
				return NUMBER_INTERVAL;
			p = end;
		}
		else if ((*p == '\\' || *p == '_' || *p == '*') && p[1] != '\0')
			p++;
		else if (strncasecmp(p, "general", 7) == 0)
			return NUMBER_PLAIN;
		else if (strchr("yYdDeEgGbB", *p) != NULL)
		{
			/* e after a digit mark is an exponent */
			if ((*p == 'e' || *p == 'E') && (p[1] == '+' || p[1] == '-'))
				return NUMBER_PLAIN;
			date = true;
		}
		else if (strchr("hHsS", *p) != NULL)
			time = true;
		else if (*p == 'm' || *p == 'M')
			month_or_minute = true;
		else if (strncasecmp(p, "am/pm", 5) == 0 || strncasecmp(p, "a/p", 3) == 0)
			time = true;
	}
	if (date && time)
		return NUMBER_TIMESTAMP;
	if (time)
		return NUMBER_TIME;
	return date || month_or_minute ? NUMBER_DATE : NUMBER_PLAIN;
}
