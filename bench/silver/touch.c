/*
 * touch.c
 *	  The sum of all bytes of the arguments.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(touch);

static uint64
Sum(const unsigned char *bytes, int length)
{
	uint64		sum = 0;

	for (int i = 0; i < length; i++)
		sum += bytes[i];
	return sum;
}

typedef struct Argument
{
	int16		length;
	bool		by_value;
} Argument;

Datum
touch(PG_FUNCTION_ARGS)
{
	Argument   *arguments = fcinfo->flinfo->fn_extra;
	uint64		sum = 0;

	if (arguments == NULL)
	{
		arguments = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, PG_NARGS() * sizeof(Argument));
		for (int i = 0; i < PG_NARGS(); i++)
			get_typlenbyval(get_fn_expr_argtype(fcinfo->flinfo, i), &arguments[i].length, &arguments[i].by_value);
		fcinfo->flinfo->fn_extra = arguments;
	}
	for (int i = 0; i < PG_NARGS(); i++)
	{
		Datum		value = PG_GETARG_DATUM(i);

		if (PG_ARGISNULL(i))
			continue;
		if (arguments[i].by_value)
			sum += Sum((unsigned char *) &value, arguments[i].length);
		else if (arguments[i].length > 0)
			sum += Sum((unsigned char *) DatumGetPointer(value), arguments[i].length);
		else
		{
			struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

			sum += Sum((unsigned char *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
		}
	}
	PG_RETURN_INT64((int64) sum);
}
