/*
 * options.c
 *	  Options of features and of their columns.
 *
 * jsonb object -> looked up in a table of what exists -> field of a struct.
 */
#include "base/compat.h"

#include "base/options.h"

#include "base/sql.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/varlena.h"

typedef enum OptionType
{
	OPTION_BOOL, OPTION_INT, OPTION_TEXT, OPTION_NAMES, OPTION_CHOICE, OPTION_JSON
} OptionType;

typedef struct OptionDef
{
	const char *name;
	OptionType	type;
	size_t		offset;			/* of the field it fills */
	const char *const *choices; /* OPTION_CHOICE: index is the field's value */
} OptionDef;

static const char *const on_change_choices[] = {"version", "restate", NULL};
static const char *const evolution_choices[] = {"evolve", "rescue", "freeze", "ignore", NULL};
static const char *const hidden_choices[] = {"load", "skip", NULL};
static const char *const history_choices[] = {"scd2", "append", NULL};
static const char *const null_key_choices[] = {"quarantine", "as_value", NULL};
static const char *const contract_mode_choices[] = {"subset", "exact", NULL};
static const char *const on_error_choices[] = {"error", "null", NULL};

#define FIELD(field) offsetof(FeatureOptions, field)
static const OptionDef feature_options[] = {
	{"on_change", OPTION_CHOICE, FIELD(on_change), on_change_choices},
	{"schema_evolution", OPTION_CHOICE, FIELD(schema_evolution), evolution_choices},
	{"load_duplicates", OPTION_BOOL, FIELD(load_duplicates)},
	{"verify", OPTION_BOOL, FIELD(verify)},
	{"header", OPTION_INT, FIELD(header)},
	{"names", OPTION_NAMES, FIELD(names)},
	{"sheets", OPTION_TEXT, FIELD(sheets)},
	{"hidden_sheets", OPTION_CHOICE, FIELD(hidden_sheets), hidden_choices},
	{"range", OPTION_TEXT, FIELD(range)},
	{"max_errors", OPTION_INT, FIELD(max_errors)},
	{"path_pattern", OPTION_TEXT, FIELD(path_pattern)},
	{"delimiter", OPTION_TEXT, FIELD(delimiter)},
	{"quote", OPTION_TEXT, FIELD(quote)},
	{"escape", OPTION_TEXT, FIELD(escape)},
	{"encoding", OPTION_TEXT, FIELD(encoding)},
	{"record_path", OPTION_TEXT, FIELD(record_path)},
	{"relation", OPTION_TEXT, FIELD(relation)},
	{"watermark", OPTION_TEXT, FIELD(watermark)},
	{"tie_breaker", OPTION_TEXT, FIELD(tie_breaker)},
	{"overlap", OPTION_TEXT, FIELD(overlap)},
	{"history", OPTION_CHOICE, FIELD(history), history_choices},
	{"null_key", OPTION_CHOICE, FIELD(null_key), null_key_choices},
	{"null_tokens", OPTION_NAMES, FIELD(null_tokens)},
	{"decimal_mark", OPTION_TEXT, FIELD(decimal_mark)},
	{"date_order", OPTION_TEXT, FIELD(date_order)},
	{"filter", OPTION_TEXT, FIELD(filter)},
	{"partition_by", OPTION_TEXT, FIELD(partition_by)},
	{"columns", OPTION_JSON, FIELD(columns)},
	{"derive", OPTION_JSON, FIELD(derive)},
	{"split", OPTION_JSON, FIELD(split)},
	{"contract", OPTION_JSON, FIELD(contract)},
	{"contract_mode", OPTION_CHOICE, FIELD(contract_mode), contract_mode_choices},
	{"checks", OPTION_JSON, FIELD(checks)},
};
#undef FIELD

#define FIELD(field) offsetof(ColumnOptions, field)
static const OptionDef column_options[] = {
	{"type", OPTION_TEXT, FIELD(type)},
	{"from", OPTION_NAMES, FIELD(from)},
	{"expression", OPTION_TEXT, FIELD(expression)},
	{"null_tokens", OPTION_NAMES, FIELD(null_tokens)},
	{"case", OPTION_TEXT, FIELD(letter_case)},
	{"decimal_mark", OPTION_TEXT, FIELD(decimal_mark)},
	{"date_order", OPTION_TEXT, FIELD(date_order)},
};
#undef FIELD

/* Of the feature's options those that say how to read a file, under the same
 * names, and what there is to say of reading alone. */
#define FIELD(field) offsetof(ReadOptions, field)
static const OptionDef read_options[] = {
	{"path", OPTION_TEXT, FIELD(path)},
	{"on_error", OPTION_CHOICE, FIELD(on_error), on_error_choices},
	{"header", OPTION_INT, FIELD(feature.header)},
	{"names", OPTION_NAMES, FIELD(feature.names)},
	{"sheets", OPTION_TEXT, FIELD(feature.sheets)},
	{"hidden_sheets", OPTION_CHOICE, FIELD(feature.hidden_sheets), hidden_choices},
	{"range", OPTION_TEXT, FIELD(feature.range)},
	{"delimiter", OPTION_TEXT, FIELD(feature.delimiter)},
	{"quote", OPTION_TEXT, FIELD(feature.quote)},
	{"escape", OPTION_TEXT, FIELD(feature.escape)},
	{"encoding", OPTION_TEXT, FIELD(feature.encoding)},
	{"record_path", OPTION_TEXT, FIELD(feature.record_path)},
	{"null_tokens", OPTION_NAMES, FIELD(feature.null_tokens)},
	{"decimal_mark", OPTION_TEXT, FIELD(feature.decimal_mark)},
	{"date_order", OPTION_TEXT, FIELD(feature.date_order)},
};
#undef FIELD

/* Raises "unrecognized ... "x"" with the nearest of the candidates as hint. */
void
RaiseUnknownName(const char *what, const char *name, List *candidates)
{
	const char *nearest = NULL;
	int			best = 5;		/* farther than this is no help */
	ListCell   *lc;

	foreach(lc, candidates)
	{
		const char *candidate = lfirst(lc);
		int			distance;

		if (strlen(name) > 200)
			break;
		distance = varstr_levenshtein_less_equal(name, strlen(name), candidate,
												 strlen(candidate), 1, 1, 1, best, true);
		if (distance < best)
		{
			best = distance;
			nearest = candidate;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized %s \"%s\"", what, name),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

static void
RaiseWrongType(const char *option, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be %s", option, expected)));
}

/* A jsonb string as a C string. */
static char *
StringValue(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* An array of strings, or a single string, as a List of char *. */
static List *
NamesValue(const char *option, JsonbValue *value)
{
	List	   *names = NIL;
	JsonbIterator *it;
	JsonbValue	item;
	JsonbIteratorToken token;

	if (value->type == jbvString)
		return list_make1(StringValue(value));
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		RaiseWrongType(option, "an array of strings");
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (item.type != jbvString)
			RaiseWrongType(option, "an array of strings");
		names = lappend(names, StringValue(&item));
	}
	return names;
}

/* The index of a word among the choices of an option. */
static int
ChoiceValue(const OptionDef *def, JsonbValue *value)
{
	List	   *words = NIL;
	char	   *word;

	if (value->type != jbvString)
		RaiseWrongType(def->name, "a string");
	word = StringValue(value);
	for (int i = 0; def->choices[i] != NULL; i++)
	{
		if (strcmp(def->choices[i], word) == 0)
			return i;
		words = lappend(words, (char *) def->choices[i]);
	}
	RaiseUnknownName(psprintf("value for option \"%s\":", def->name), word, words);
}

/* "header" takes a row number, "auto" or "none"; other integers are as they are. */
static int
IntValue(const char *option, JsonbValue *value)
{
	if (value->type == jbvString)
	{
		char	   *word = StringValue(value);

		if (strcmp(word, "auto") == 0)
			return 0;
		if (strcmp(word, "none") == 0)
			return -1;
	}
	if (value->type != jbvNumeric)
		RaiseWrongType(option, strcmp(option, "header") == 0 ?
					   "a row number, \"auto\" or \"none\"" : "a whole number");
	return DatumGetInt32(DirectFunctionCall1(numeric_int4,
											 NumericGetDatum(value->val.numeric)));
}

/* Stores one option's value into its field. */
static void
SetOption(const OptionDef *def, JsonbValue *value, char *options)
{
	void	   *field = options + def->offset;

	if (value->type == jbvNull)
		return;
	switch (def->type)
	{
		case OPTION_BOOL:
			if (value->type != jbvBool)
				RaiseWrongType(def->name, "true or false");
			*(bool *) field = value->val.boolean;
			break;
		case OPTION_INT:
			*(int *) field = IntValue(def->name, value);
			break;
		case OPTION_TEXT:
			if (value->type != jbvString)
				RaiseWrongType(def->name, "a string");
			*(char **) field = StringValue(value);
			break;
		case OPTION_NAMES:
			*(List **) field = NamesValue(def->name, value);
			break;
		case OPTION_CHOICE:
			*(int *) field = ChoiceValue(def, value);
			break;
		case OPTION_JSON:
			if (value->type != jbvBinary)
				RaiseWrongType(def->name, "an object or array");
			*(Jsonb **) field = JsonbValueToJsonb(value);
			break;
	}
}

/* The entry of this name; raises if there is none. */
static const OptionDef *
FindOption(const char *what, const char *name, const OptionDef *defs, int ndefs)
{
	List	   *known = NIL;

	for (int i = 0; i < ndefs; i++)
	{
		if (strcmp(defs[i].name, name) == 0)
			return &defs[i];
		known = lappend(known, (char *) defs[i].name);
	}
	RaiseUnknownName(what, name, known);
}

/* Fills a struct from an object, by a table of what exists. */
static void
ParseObject(Jsonb *json, const char *what, const OptionDef *defs, int ndefs, char *options)
{
	JsonbIterator *it;
	JsonbValue	item;
	JsonbIteratorToken token;
	const OptionDef *def = NULL;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%ss must be a json object", what)));
	it = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			def = FindOption(what, StringValue(&item), defs, ndefs);
		else if (token == WJB_VALUE)
			SetOption(def, &item, options);
	}
}

static void
CheckWord(const char *option, const char *value, const char *const *words)
{
	List	   *known = NIL;

	if (value == NULL)
		return;
	for (int i = 0; words[i] != NULL; i++)
	{
		if (strcmp(words[i], value) == 0)
			return;
		known = lappend(known, (char *) words[i]);
	}
	RaiseUnknownName(psprintf("value for option \"%s\":", option), value, known);
}

static void
CheckByte(const char *option, const char *value)
{
	if (value != NULL && strlen(value) != 1)
		RaiseWrongType(option, "one single-byte character");
}

static const char *const date_orders[] = {"DMY", "MDY", "YMD", NULL};
static const char *const decimal_marks[] = {".", ",", NULL};
static const char *const letter_cases[] = {"upper", "lower", NULL};

/* Validates those options of a feature that say how to read a file. */
static void
CheckReading(const FeatureOptions *options)
{
	CheckByte("delimiter", options->delimiter);
	CheckByte("quote", options->quote);
	CheckByte("escape", options->escape);
	CheckWord("decimal_mark", options->decimal_mark, decimal_marks);
	CheckWord("date_order", options->date_order, date_orders);
	if (options->header < -1)
		RaiseWrongType("header", "a row number, \"auto\" or \"none\"");
	if (options->header == -1 && options->names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("files without a header need option \"names\"")));
}

/* Parses and validates the options of a feature. */
void
ParseFeatureOptions(Jsonb *json, FeatureOptions *options)
{
	List	   *names;
	List	   *values;
	ListCell   *lc;

	memset(options, 0, sizeof(FeatureOptions));
	options->max_errors = -1;
	ParseObject(json, "feature option", feature_options, lengthof(feature_options),
				(char *) options);

	CheckReading(options);
	if (options->relation != NULL && options->watermark == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a relation needs option \"watermark\""),
				 errdetail("It is the column by which new rows are told from those that were loaded.")));
	if (options->columns != NULL)
	{
		JsonbObjectItems(options->columns, &names, &values);
		foreach(lc, names)
		{
			ColumnOptions column;

			ParseColumnOptions(options, lfirst(lc), &column);
		}
	}
}

/* Options of one column, zeroed where none are given. */
void
ParseColumnOptions(const FeatureOptions *feature, const char *column, ColumnOptions *options)
{
	JsonbValue	value;

	memset(options, 0, sizeof(ColumnOptions));
	if (feature->columns == NULL)
		return;
	if (getKeyJsonValueFromContainer(&feature->columns->root, column, strlen(column), &value) == NULL)
		return;
	if (value.type != jbvBinary)
		RaiseWrongType(column, "an object");
	ParseObject(JsonbValueToJsonb(&value), "column option", column_options,
				lengthof(column_options), (char *) options);
	CheckWord("case", options->letter_case, letter_cases);
	CheckWord("decimal_mark", options->decimal_mark, decimal_marks);
	CheckWord("date_order", options->date_order, date_orders);
}

/* Parses and validates options of reading. */
void
ParseReadOptions(Jsonb *json, ReadOptions *options)
{
	memset(options, 0, sizeof(ReadOptions));
	ParseObject(json, "option", read_options, lengthof(read_options), (char *) options);
	CheckReading(&options->feature);
}

/* Reads a name in double quotes, where two stand for one; *text ends up behind
 * it.  NULL if the closing quote is missing. */
static char *
QuotedName(const char **text)
{
	StringInfoData name;
	const char *p = *text + 1;

	initStringInfo(&name);
	for (; *p != '\0'; p++)
	{
		if (*p == '"' && *++p != '"')
		{
			*text = p + strspn(p, " ");
			return name.data;
		}
		appendStringInfoChar(&name, *p);
	}
	return NULL;
}

/* The names in a comma-separated list; one with a comma in it is in double
 * quotes. */
static List *
NamesFromText(const char *option, const char *text)
{
	List	   *names = NIL;

	for (;; text++)
	{
		char	   *name;

		text += strspn(text, " ");
		if (*text == '"')
			name = QuotedName(&text);
		else
		{
			int			length = strcspn(text, ",");
			const char *end = text + length;

			while (length > 0 && text[length - 1] == ' ')
				length--;
			name = pnstrdup(text, length);
			text = end;
		}
		if (name == NULL || (*text != ',' && *text != '\0'))
			RaiseWrongType(option, "a comma-separated list of names, in double quotes where need be");
		names = lappend(names, name);
		if (*text == '\0')
			return names;
	}
}

/* Stores the value of an option that is text, as DDL has it, into its field. */
static void
SetOptionText(const OptionDef *def, const char *text, char *options)
{
	JsonbValue	value;

	if (def->type == OPTION_NAMES)
	{
		*(List **) (options + def->offset) = NamesFromText(def->name, text);
		return;
	}
	value.type = jbvString;
	value.val.string.val = (char *) text;
	value.val.string.len = strlen(text);
	if (def->type == OPTION_INT && text[0] != '\0' && strspn(text, "0123456789") == strlen(text))
	{
		value.type = jbvNumeric;
		value.val.numeric = int64_to_numeric(pg_strtoint32(text));
	}
	SetOption(def, &value, options);
}

/* The same from the options of a foreign table. */
void
ParseReadOptionList(List *defs, ReadOptions *options)
{
	ListCell   *lc;

	memset(options, 0, sizeof(ReadOptions));
	foreach(lc, defs)
	{
		DefElem    *def = lfirst(lc);

		SetOptionText(FindOption("option", def->defname, read_options, lengthof(read_options)),
					  defGetString(def), (char *) options);
	}
	CheckReading(&options->feature);
}

/* Names and string values of an object, in jsonb's order. */
void
JsonbObjectItems(Jsonb *object, List **names, List **values)
{
	JsonbIterator *it;
	JsonbValue	item;
	JsonbIteratorToken token;

	*names = NIL;
	*values = NIL;
	if (object == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("expected a json object, not \"%s\"",
						JsonbToCString(NULL, &object->root, VARSIZE(object)))));
	it = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			*names = lappend(*names, StringValue(&item));
		else if (token == WJB_VALUE)
			*values = lappend(*values, item.type == jbvString ? StringValue(&item) : NULL);
	}
}
