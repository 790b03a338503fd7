/*
 * fdw_convert.c
 *	  Cells of files -> values of any type.
 *
 *	  cell -> NULL | text as it is | spelled as the server spells it -> the
 *	  type's input function
 */
#include "base/compat.h"

#include "bronze/fdw_convert.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"

#ifdef HAVE_SOFT_ERRORS
#include "nodes/miscnodes.h"
#endif

#ifndef HAVE_SOFT_ERRORS

/* Does the input function touch nothing but its argument and memory? */
static bool
IsPlainType(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}

#endif

void
ConverterInit(Converter *converter, Oid type, int32 typmod)
{
	Oid			input;

	memset(converter, 0, sizeof(Converter));
	getTypeInputInfo(type, &input, &converter->io_param);
	fmgr_info(input, &converter->input);
	converter->typmod = typmod;
#ifndef HAVE_SOFT_ERRORS
	converter->is_plain = IsPlainType(type);
#endif
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
			converter->verbatim = typmod < 0;
			break;
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			converter->is_number = true;
			break;
		case BOOLOID:
		case BPCHAROID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
			break;
		default:
			converter->needs_pin = true;
	}
}

/*
 * Can values of the type be made in a parallel worker?  Those of a user's own
 * type may run anything, a domain's constraints among it.
 */
bool
ConverterIsParallelSafe(Oid type, const ReadOptions *options)
{
#ifndef HAVE_SOFT_ERRORS
	if (options->on_error == ON_ERROR_NULL && !IsPlainType(type))
		return false;
#endif
	return type < FirstGenbkiObjectId;
}

static bool
IsBlank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Does the cell hold nothing, or a word that means nothing? */
static bool
CellIsNull(const Converter *converter, const ReadOptions *options, const ReaderCell *cell)
{
	const char *start = cell->value;
	uint32_t	length = cell->length;
	ListCell   *lc;

	if (cell->kind == CELL_EMPTY)
		return true;
	if (options->feature.null_tokens == NIL && converter->verbatim)
		return false;
	for (; length > 0 && IsBlank(*start); length--)
		start++;
	while (length > 0 && IsBlank(start[length - 1]))
		length--;
	if (length == 0)
		return !converter->verbatim;
	foreach(lc, options->feature.null_tokens)
	{
		const char *token = lfirst(lc);

		if (strlen(token) == length && memcmp(token, start, length) == 0)
			return true;
	}
	return false;
}

/* Takes the points between thousands out and makes the comma a point. */
static void
RespellDecimalComma(char *text)
{
	char	   *to = text;

	for (const char *from = text; *from != '\0'; from++)
	{
		if (*from != '.')
			*to++ = *from == ',' ? '.' : *from;
	}
	*to = '\0';
}

#ifdef HAVE_SOFT_ERRORS

/* Calls the input function; false if the value is none of the type. */
static bool
TryInput(Converter *converter, char *text, Datum *value)
{
	ErrorSaveContext context = {.type = T_ErrorSaveContext};

	return InputFunctionCallSafe(&converter->input, text, converter->io_param, converter->typmod,
								 (Node *) &context, value);
}

#else

/* Is the error about the value? */
static bool
IsValueError(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_DATA_EXCEPTION ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

/* The same by catching the error, where it leaves nothing behind. */
static bool
TryPlainInput(Converter *converter, char *text, Datum *value)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool good = true;

	PG_TRY();
	{
		*value = InputFunctionCall(&converter->input, text, converter->io_param, converter->typmod);
	}
	PG_CATCH();
	{
		if (!IsValueError(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		good = false;
	}
	PG_END_TRY();
	return good;
}

/*
 * The same in a subtransaction, which cleans up what other types' functions
 * may leave.  There can be none while another part of the plan runs in
 * parallel: then it says so.
 */
static bool
TryInput(Converter *converter, char *text, Datum *value)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool good = true;

	if (converter->is_plain)
		return TryPlainInput(converter, text, value);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		*value = InputFunctionCall(&converter->input, text, converter->io_param, converter->typmod);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		if (!IsValueError(error->sqlerrcode))
			ReThrowError(error);
		good = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return good;
}

#endif

/* The cell's value; false if it is NULL. */
bool
ConvertCell(Converter *converter, const ReadOptions *options, const ReaderCell *cell, Datum *value)
{
	char	   *text;

	if (CellIsNull(converter, options, cell))
		return false;
	if (converter->verbatim)
	{
		*value = PointerGetDatum(cstring_to_text_with_len(cell->value, cell->length));
		return true;
	}
	text = pnstrdup(cell->value, cell->length);
	/* a number cell is spelled with a point whatever the texts around it say */
	if (converter->is_number && cell->kind != CELL_NUMBER &&
		options->feature.decimal_mark != NULL && options->feature.decimal_mark[0] == ',')
		RespellDecimalComma(text);
	if (options->on_error == ON_ERROR_NULL)
		return TryInput(converter, text, value);
	*value = InputFunctionCall(&converter->input, text, converter->io_param, converter->typmod);
	return true;
}
