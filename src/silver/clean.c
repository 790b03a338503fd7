/*
 * clean.c
 *	  What people leave around a value: white space, words for nothing.
 */
#include "base/compat.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

PG_FUNCTION_INFO_V1(medallion_clean_text);

/*
 * Bytes of the white space that a text begins with, 0 if none: ASCII's, and
 * the no-break spaces and marks that come with office programs.
 */
static int
SpaceAtStart(const unsigned char *p, const unsigned char *end)
{
	if (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r')))
		return 1;
	if (end - p >= 2 && p[0] == 0xC2 && p[1] == 0xA0)	/* U+00A0 */
		return 2;
	if (end - p >= 3 && ((p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0x87 || p[2] == 0xAF)) ||	/* U+2007, U+202F */
						 (p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF)))	/* U+FEFF */
		return 3;
	return 0;
}

/* The same at the end. */
static int
SpaceAtEnd(const unsigned char *start, const unsigned char *end)
{
	for (int length = 1; length <= 3 && end - start >= length; length++)
	{
		if (SpaceAtStart(end - length, end) == length)
			return length;
	}
	return 0;
}

/* Is the value one of the words for nothing? */
static bool
IsNullToken(ArrayType *tokens, const char *value, int length)
{
	ArrayIterator it = array_create_iterator(tokens, 0, NULL);
	Datum		token;
	bool		isnull;
	bool		found = false;

	while (!found && array_iterate(it, &token, &isnull))
	{
		text	   *word = isnull ? NULL : DatumGetTextPP(token);

		found = word != NULL && VARSIZE_ANY_EXHDR(word) == length &&
			memcmp(VARDATA_ANY(word), value, length) == 0;
	}
	array_free_iterator(it);
	return found;
}

/* medallion.clean_text(value, null_tokens, letter_case) */
Datum
medallion_clean_text(PG_FUNCTION_ARGS)
{
	text	   *value;
	const unsigned char *start;
	const unsigned char *end;
	int			length;
	int			whole;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(0);
	whole = VARSIZE_ANY_EXHDR(value);
	start = (const unsigned char *) VARDATA_ANY(value);
	end = start + whole;
	while ((length = SpaceAtStart(start, end)) > 0)
		start += length;
	while ((length = SpaceAtEnd(start, end)) > 0)
		end -= length;
	length = end - start;
	if (length == 0)
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1) && IsNullToken(PG_GETARG_ARRAYTYPE_P(1), (const char *) start, length))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(2))
	{
		char	   *word = text_to_cstring(PG_GETARG_TEXT_PP(2));

		if (strcmp(word, "upper") == 0)
			PG_RETURN_TEXT_P(cstring_to_text(str_toupper((const char *) start, length, DEFAULT_COLLATION_OID)));
		if (strcmp(word, "lower") == 0)
			PG_RETURN_TEXT_P(cstring_to_text(str_tolower((const char *) start, length, DEFAULT_COLLATION_OID)));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("letter case must be \"upper\" or \"lower\", not \"%s\"", word)));
	}
	if (length == whole)
		PG_RETURN_TEXT_P(value);
	PG_RETURN_TEXT_P(cstring_to_text_with_len((const char *) start, length));
}
