/*
 * clean.c
 *	  What people leave around a value: white space, words for nothing.
 */
#include "base/compat.h"

#include "base/space.h"

#include "access/tupmacs.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

PG_FUNCTION_INFO_V1(medallion_clean_text);

/*
 * Is the value one of the words for nothing?  Walks the array in place, for it
 * is asked for every cell.
 */
static bool
IsNullToken(ArrayType *tokens, const char *value, int length)
{
	int			count = ArrayGetNItems(ARR_NDIM(tokens), ARR_DIMS(tokens));
	const bits8 *present = ARR_NULLBITMAP(tokens);
	const char *p = ARR_DATA_PTR(tokens);

	for (int i = 0; i < count; i++)
	{
		if (present != NULL && (present[i / 8] & (1 << (i % 8))) == 0)
			continue;
		if (VARSIZE_ANY_EXHDR(p) == length && memcmp(VARDATA_ANY(p), value, length) == 0)
			return true;
		p = att_addlength_pointer(p, -1, p);
		p = (const char *) att_align_nominal(p, TYPALIGN_INT);
	}
	return false;
}

/* Text in upper or lower case, by the rules of the database's collation: no session changes it. */
static text *
ChangeCase(const char *value, int length, text *letter_case)
{
	const char *word = VARDATA_ANY(letter_case);
	int			word_length = VARSIZE_ANY_EXHDR(letter_case);

	if (word_length == 5 && memcmp(word, "upper", 5) == 0)
		return cstring_to_text(str_toupper(value, length, DEFAULT_COLLATION_OID));
	if (word_length == 5 && memcmp(word, "lower", 5) == 0)
		return cstring_to_text(str_tolower(value, length, DEFAULT_COLLATION_OID));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("letter case must be \"upper\" or \"lower\", not \"%.*s\"", word_length, word)));
}

/* medallion.clean_text(value, null_tokens, letter_case): the value itself where nothing changes */
Datum
medallion_clean_text(PG_FUNCTION_ARGS)
{
	text	   *value;
	const char *start;
	const char *end;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(0);
	start = VARDATA_ANY(value);
	end = start + VARSIZE_ANY_EXHDR(value);
	TrimSpaces(&start, &end);
	if (start == end)
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1) && IsNullToken(PG_GETARG_ARRAYTYPE_P(1), start, end - start))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(2))
		PG_RETURN_TEXT_P(ChangeCase(start, end - start, PG_GETARG_TEXT_PP(2)));
	if (end - start == VARSIZE_ANY_EXHDR(value))
		PG_RETURN_TEXT_P(value);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(start, end - start));
}
