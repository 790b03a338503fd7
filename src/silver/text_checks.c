/*
 * text_checks.c
 *	  What checks ask of a text, in one call for each row.
 */
#include "base/compat.h"

#include <string.h>

#include "access/detoast.h"
#include "access/tupmacs.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(medallion_length_outside);
PG_FUNCTION_INFO_V1(medallion_lacks);
PG_FUNCTION_INFO_V1(medallion_is_none_of);

/*
 * medallion.length_outside(value, minimum, maximum)
 *
 * The number of bytes is known, and mostly tells: so many characters at most,
 * and at least so many of the longest kind.  Else characters are counted.
 */
Datum
medallion_length_outside(PG_FUNCTION_ARGS)
{
	int64		minimum = PG_GETARG_INT32(1);
	int64		maximum = PG_GETARG_INT32(2);
	int64		bytes = (int64) toast_raw_datum_size(PG_GETARG_DATUM(0)) - VARHDRSZ;
	text	   *value;
	int			length;

	if (bytes <= maximum && (minimum > 1 ? bytes > (minimum - 1) * pg_database_encoding_max_length() : bytes >= minimum))
		PG_RETURN_BOOL(false);
	if (bytes < minimum)
		PG_RETURN_BOOL(true);
	value = PG_GETARG_TEXT_PP(0);
	length = pg_mbstrlen_with_len(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_FREE_IF_COPY(value, 0);
	PG_RETURN_BOOL(length < minimum || length > maximum);
}

/*
 * medallion.lacks(value, part)
 *
 * Bytes of a part are found where the part is, save in encodings whose characters
 * may end as others begin: there strpos() knows.
 */
Datum
medallion_lacks(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	text	   *part = PG_GETARG_TEXT_PP(1);
	bool		lacks;

	if (pg_database_encoding_max_length() > 1 && GetDatabaseEncoding() != PG_UTF8)
		lacks = DatumGetInt32(DirectFunctionCall2Coll(textpos, C_COLLATION_OID, PointerGetDatum(value), PointerGetDatum(part))) == 0;
	else
		lacks = memmem(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), VARDATA_ANY(part), VARSIZE_ANY_EXHDR(part)) == NULL;
	PG_FREE_IF_COPY(value, 0);
	PG_FREE_IF_COPY(part, 1);
	PG_RETURN_BOOL(lacks);
}

/*
 * medallion.is_none_of(value, known)
 *
 * The array is walked in place.  Equal is what is equal byte for byte, as in
 * every collation that a database can have.
 */
Datum
medallion_is_none_of(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	ArrayType  *known = PG_GETARG_ARRAYTYPE_P(1);
	int			length = VARSIZE_ANY_EXHDR(value);
	int			count = ArrayGetNItems(ARR_NDIM(known), ARR_DIMS(known));
	const char *p = ARR_DATA_PTR(known);
	bool		found = false;

	if (array_contains_nulls(known))
		PG_RETURN_NULL();
	for (int i = 0; i < count && !found; i++)
	{
		p = (const char *) att_align_pointer(p, TYPALIGN_INT, -1, p);
		found = VARSIZE_ANY_EXHDR(p) == length && memcmp(VARDATA_ANY(p), VARDATA_ANY(value), length) == 0;
		p = att_addlength_pointer(p, -1, p);
	}
	PG_FREE_IF_COPY(value, 0);
	PG_FREE_IF_COPY(known, 1);
	PG_RETURN_BOOL(!found);
}
