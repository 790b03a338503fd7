/*
 * options.c
 *	  Options of features and of their columns.
 *
 * jsonb object -> looked up in a table of what exists -> field of a struct.
 */
#include "base/compat.h"

#include "base/options.h"

#include <limits.h>

#include "base/sql.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#define HEADER_EXPECTED "a row number, row numbers one behind the other, \"auto\" or \"none\""
#define MAX_FOOTER 1000			/* its rows are held in memory */

typedef enum OptionType
{
	OPTION_BOOL, OPTION_SWITCH, OPTION_INT, OPTION_TEXT, OPTION_NAMES, OPTION_CHOICE, OPTION_JSON,
	OPTION_HEADER,
	OPTION_OBJECT,				/* a struct with a table of its own */
	OPTION_SCOPE				/* a condition or an array of columns */
} OptionType;

typedef struct OptionDef
{
	const char *name;
	OptionType	type;
	size_t		offset;			/* of the field it fills */
	const char *const *choices; /* OPTION_CHOICE: index is the field's value */
	const struct OptionDef *members;	/* OPTION_OBJECT */
	int			member_count;
} OptionDef;

static const char *const on_change_choices[] = {"version", "restate", NULL};
static const char *const evolution_choices[] = {"evolve", "rescue", "freeze", "ignore", NULL};
static const char *const hidden_choices[] = {"load", "skip", NULL};
static const char *const merged_choices[] = {"first", "fill", NULL};
static const char *const history_choices[] = {"scd2", "append", "scd1", NULL};
static const char *const null_key_choices[] = {"quarantine", "as_value", "reject", NULL};
static const char *const null_sequence_choices[] = {"quarantine", "reject", NULL};
static const char *const deletes_choices[] = {"close", "ignore", "snapshot", NULL};
static const char *const on_missing_choices[] = {"ignore", "close", "restate", NULL};
static const char *const merge_history_choices[] = {"scd2", "", "scd1", NULL};
static const char *const merge_null_key_choices[] = {"reject", "as_value", NULL};
static const char *const contract_mode_choices[] = {"subset", "exact", NULL};
static const char *const on_error_choices[] = {"error", "null", NULL};

#define FIELD(field) offsetof(HistoryNames, field)
static const OptionDef history_column_options[] = {
	{"valid_from", OPTION_TEXT, FIELD(valid_from)},
	{"valid_to", OPTION_TEXT, FIELD(valid_to)},
	{"is_current", OPTION_TEXT, FIELD(is_current)},
	{"version", OPTION_TEXT, FIELD(version)},
};
#undef FIELD

#define FIELD(field) offsetof(FeatureOptions, field)
static const OptionDef feature_options[] = {
	{"on_change", OPTION_CHOICE, FIELD(on_change), on_change_choices},
	{"schema_evolution", OPTION_CHOICE, FIELD(schema_evolution), evolution_choices},
	{"load_duplicates", OPTION_BOOL, FIELD(load_duplicates)},
	{"verify", OPTION_BOOL, FIELD(verify)},
	{"header", OPTION_HEADER, FIELD(header)},
	{"paused", OPTION_BOOL, FIELD(paused)},
	{"max_retries", OPTION_INT, FIELD(max_retries)},
	{"retry_delay", OPTION_TEXT, FIELD(retry_delay)},
	{"step_timeout", OPTION_TEXT, FIELD(step_timeout)},
	{"names", OPTION_NAMES, FIELD(names)},
	{"sheets", OPTION_TEXT, FIELD(sheets)},
	{"hidden_sheets", OPTION_CHOICE, FIELD(hidden_sheets), hidden_choices},
	{"hidden_rows", OPTION_CHOICE, FIELD(hidden_rows), hidden_choices},
	{"merged_cells", OPTION_CHOICE, FIELD(merged_cells), merged_choices},
	{"skip_rows", OPTION_INT, FIELD(skip_rows)},
	{"skip_footer", OPTION_INT, FIELD(skip_footer)},
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
	{"sequence_by", OPTION_NAMES, FIELD(sequence_by)},
	{"null_sequence", OPTION_CHOICE, FIELD(null_sequence), null_sequence_choices},
	{"apply_as_deletes", OPTION_TEXT, FIELD(apply_as_deletes)},
	{"deletes", OPTION_CHOICE, FIELD(deletes), deletes_choices},
	{"delete_scope", OPTION_SCOPE, 0},
	{"no_track", OPTION_NAMES, FIELD(no_track)},
	{"ignore_null_updates", OPTION_BOOL, FIELD(ignore_null_updates)},
	{"on_missing", OPTION_CHOICE, FIELD(on_missing), on_missing_choices},
	{"allow_all_missing", OPTION_BOOL, FIELD(allow_all_missing)},
	{"valid_to", OPTION_TEXT, FIELD(valid_to)},
	{"history_columns", OPTION_OBJECT, FIELD(history_columns), NULL, history_column_options, lengthof(history_column_options)},
	{"null_tokens", OPTION_NAMES, FIELD(null_tokens)},
	{"decimal_mark", OPTION_TEXT, FIELD(decimal_mark)},
	{"date_order", OPTION_TEXT, FIELD(date_order)},
	{"date_formats", OPTION_NAMES, FIELD(date_formats)},
	{"date_numbers", OPTION_TEXT, FIELD(date_numbers)},
	{"true_words", OPTION_NAMES, FIELD(true_words)},
	{"false_words", OPTION_NAMES, FIELD(false_words)},
	{"dedup", OPTION_JSON, FIELD(dedup)},
	{"environments", OPTION_JSON, FIELD(environments)},
	{"retain", OPTION_TEXT, FIELD(retain)},
	{"retain_by", OPTION_TEXT, FIELD(retain_by)},
	{"filter", OPTION_TEXT, FIELD(filter)},
	{"partition_by", OPTION_TEXT, FIELD(partition_by)},
	{"partition_columns", OPTION_NAMES, FIELD(partition_columns)},
	{"columns", OPTION_JSON, FIELD(columns)},
	{"derive", OPTION_JSON, FIELD(derive)},
	{"split", OPTION_JSON, FIELD(split)},
	{"contract", OPTION_JSON, FIELD(contract)},
	{"contract_mode", OPTION_CHOICE, FIELD(contract_mode), contract_mode_choices},
	{"checks", OPTION_JSON, FIELD(checks)},
	{"data_quality_checks", OPTION_JSON, FIELD(checks)},
	{"scd2_enabled", OPTION_SWITCH, FIELD(history)},
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
	{"date_formats", OPTION_NAMES, FIELD(date_formats)},
	{"date_numbers", OPTION_TEXT, FIELD(date_numbers)},
	{"true_words", OPTION_NAMES, FIELD(true_words)},
	{"false_words", OPTION_NAMES, FIELD(false_words)},
	{"map", OPTION_JSON, FIELD(map)},
	{"map_table", OPTION_TEXT, FIELD(map_table)},
	{"map_else", OPTION_TEXT, FIELD(map_else)},
	{"mask", OPTION_TEXT, FIELD(mask)},
	{"mask_salt", OPTION_TEXT, FIELD(mask_salt)},
	{"personal", OPTION_BOOL, FIELD(personal)},
};
#undef FIELD

/* Of the feature's options those that say how to read a file, under the same
 * names, and what there is to say of reading alone. */
#define FIELD(field) offsetof(ReadOptions, field)
static const OptionDef read_options[] = {
	{"path", OPTION_TEXT, FIELD(path)},
	{"on_error", OPTION_CHOICE, FIELD(on_error), on_error_choices},
	{"header", OPTION_HEADER, FIELD(feature.header)},
	{"names", OPTION_NAMES, FIELD(feature.names)},
	{"sheets", OPTION_TEXT, FIELD(feature.sheets)},
	{"hidden_sheets", OPTION_CHOICE, FIELD(feature.hidden_sheets), hidden_choices},
	{"hidden_rows", OPTION_CHOICE, FIELD(feature.hidden_rows), hidden_choices},
	{"merged_cells", OPTION_CHOICE, FIELD(feature.merged_cells), merged_choices},
	{"skip_rows", OPTION_INT, FIELD(feature.skip_rows)},
	{"skip_footer", OPTION_INT, FIELD(feature.skip_footer)},
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

/* What merging two tables shares with features, and what there is to say of it
 * alone. */
#define FIELD(field) offsetof(MergeOptions, field)
static const OptionDef merge_options[] = {
	{"columns", OPTION_NAMES, FIELD(columns)},
	{"at", OPTION_TEXT, FIELD(at)},
	{"history", OPTION_CHOICE, FIELD(feature.history), merge_history_choices},
	{"null_key", OPTION_CHOICE, FIELD(feature.null_key), merge_null_key_choices},
	{"sequence_by", OPTION_NAMES, FIELD(feature.sequence_by)},
	{"apply_as_deletes", OPTION_TEXT, FIELD(feature.apply_as_deletes)},
	{"deletes", OPTION_CHOICE, FIELD(feature.deletes), deletes_choices},
	{"delete_scope", OPTION_SCOPE, offsetof(MergeOptions, feature)},
	{"no_track", OPTION_NAMES, FIELD(feature.no_track)},
	{"ignore_null_updates", OPTION_BOOL, FIELD(feature.ignore_null_updates)},
	{"valid_to", OPTION_TEXT, FIELD(feature.valid_to)},
	{"history_columns", OPTION_OBJECT, FIELD(feature.history_columns), NULL, history_column_options, lengthof(history_column_options)},
};
#undef FIELD

/* Is a name among others? */
bool
HasName(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

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

static int
IntValue(const char *option, const JsonbValue *value, const char *expected)
{
	if (value->type != jbvNumeric)
		RaiseWrongType(option, expected);
	return DatumGetInt32(DirectFunctionCall1(numeric_int4,
											 NumericGetDatum(value->val.numeric)));
}

static void ParseObject(Jsonb *json, const char *what, const OptionDef *defs, int ndefs, char *options);

/* A condition in SQL, or an array of columns. */
static void
SetScope(const OptionDef *def, JsonbValue *value, FeatureOptions *options)
{
	if (value->type == jbvString)
		options->delete_condition = StringValue(value);
	else
		options->delete_scope = NamesValue(def->name, value);
}

/* A row number, "auto" or "none"; or an array of row numbers, one behind the other. */
static HeaderPlace
HeaderValue(const char *option, JsonbValue *value)
{
	HeaderPlace header = {HEADER_AUTO, 0};
	JsonbIterator *it;
	JsonbValue	item;
	JsonbIteratorToken token;

	if (value->type == jbvString && strcmp(StringValue(value), "auto") == 0)
		return header;
	if (value->type == jbvString && strcmp(StringValue(value), "none") == 0)
		header.row = HEADER_NONE;
	else if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		header.row = IntValue(option, value, HEADER_EXPECTED);
	else
	{
		it = JsonbIteratorInit(value->val.binary.data);
		while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
		{
			int			row = token == WJB_ELEM ? IntValue(option, &item, HEADER_EXPECTED) : 0;

			if (token != WJB_ELEM)
				continue;
			if (row < 1 || (header.row != HEADER_AUTO && row != header.last + 1))
				RaiseWrongType(option, HEADER_EXPECTED);
			header.row = header.row == HEADER_AUTO ? row : header.row;
			header.last = row;
		}
	}
	return header;
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
		case OPTION_SWITCH:		/* true: the first of the choices; false: the second */
			if (value->type != jbvBool)
				RaiseWrongType(def->name, "true or false");
			*(int *) field = value->val.boolean ? 0 : 1;
			break;
		case OPTION_INT:
			*(int *) field = IntValue(def->name, value, "a whole number");
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
		case OPTION_HEADER:
			*(HeaderPlace *) field = HeaderValue(def->name, value);
			break;
		case OPTION_JSON:
			if (value->type != jbvBinary)
				RaiseWrongType(def->name, "an object or array");
			*(Jsonb **) field = JsonbValueToJsonb(value);
			break;
		case OPTION_OBJECT:
			if (value->type != jbvBinary)
				RaiseWrongType(def->name, "an object");
			ParseObject(JsonbValueToJsonb(value), psprintf("member of option \"%s\":", def->name), def->members,
						def->member_count, field);
			break;
		case OPTION_SCOPE:
			SetScope(def, value, field);
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
static const char *const number_units[] = {"excel", "excel1904", "s", "ms", "us", "epoch", NULL};
static const char *const map_elses[] = {"keep", "null", NULL};
static const char *const masks[] = {"hash", "last4", "redact", NULL};

/* Validates those options of a feature that say how to read a file. */
static void
CheckReading(const FeatureOptions *options)
{
	CheckByte("delimiter", options->delimiter);
	CheckByte("quote", options->quote);
	CheckByte("escape", options->escape);
	CheckWord("decimal_mark", options->decimal_mark, decimal_marks);
	CheckWord("date_order", options->date_order, date_orders);
	if (options->header.row < HEADER_NONE)
		RaiseWrongType("header", HEADER_EXPECTED);
	if (options->skip_rows < 0)
		RaiseWrongType("skip_rows", "a number of rows");
	if (options->skip_footer < 0 || options->skip_footer > MAX_FOOTER)
		RaiseWrongType("skip_footer", "a number of rows, at most 1000");
	if (options->header.row == HEADER_NONE && options->names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("files without a header need option \"names\"")));
}

/* Validates those options of a feature that say how events become history. */
static void
CheckFold(const FeatureOptions *options)
{
	if (options->deletes != DELETES_SNAPSHOT && (options->delete_condition != NULL || options->delete_scope != NIL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"delete_scope\" needs \"deletes\": \"snapshot\"")));
	if (options->on_missing == ON_MISSING_CLOSE && (options->sequence_by != NIL || options->deletes != DELETES_CLOSE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"on_missing\": \"close\" does not go with \"%s\"",
						options->sequence_by != NIL ? "sequence_by" : "deletes"),
				 errdetail("A file is missed at a time of the ledger, and its keys are closed because no file says them.")));
	if (options->ignore_null_updates &&
		(options->deletes == DELETES_SNAPSHOT ||
		 (options->sequence_by == NIL && options->deletes == DELETES_CLOSE &&
		  (options->on_change == ON_CHANGE_VERSION || options->on_missing == ON_MISSING_CLOSE))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"ignore_null_updates\" does not go with files that say all there is"),
				 errdetail("Where a key is closed because a file does not say it any more, a value that it leaves out is NULL."),
				 errhint("Give \"sequence_by\", or \"deletes\": \"ignore\".")));
	if (options->null_sequence != NULL_SEQUENCE_QUARANTINE && options->sequence_by == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"null_sequence\" needs \"sequence_by\"")));
}

/* An interval in milliseconds; -1 where none is given. */
int
IntervalMs(const char *option, const char *text)
{
	Interval   *interval;
	double		ms;

	if (text == NULL)
		return -1;
	interval = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(text),
													 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	ms = interval->time / 1000.0 + interval->day * 86400000.0;
	if (interval->month != 0 || ms < 0 || ms > INT_MAX)
		RaiseWrongType(option, "an interval from 0 to 24 days, such as \"30 s\"");
	return (int) ms;
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
	options->on_change = -1;
	options->history_columns = (HistoryNames) {"_scd2_valid_from", "_scd2_valid_to", "_scd2_is_current", "_scd2_version"};
	options->max_retries = -1;
	ParseObject(json, "feature option", feature_options, lengthof(feature_options),
				(char *) options);
	if (options->on_change < 0)
		options->on_change = options->sequence_by != NIL ? ON_CHANGE_RESTATE : ON_CHANGE_VERSION;

	options->retry_delay_ms = IntervalMs("retry_delay", options->retry_delay);
	options->step_timeout_ms = IntervalMs("step_timeout", options->step_timeout);
	CheckReading(options);
	CheckFold(options);
	CheckWord("date_numbers", options->date_numbers, number_units);
	if (options->retain != NULL)
		(void) DirectFunctionCall3(interval_in, CStringGetDatum(options->retain), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	if ((options->retain == NULL) != (options->retain_by == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"retain\" and \"retain_by\" need each other")));
	if (options->relation != NULL && options->watermark == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a relation needs option \"watermark\""),
				 errdetail("It is the column by which new rows are told from those that were loaded.")));
	if (options->partition_by != NULL && options->partition_columns != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"partition_by\" and \"partition_columns\" exclude each other")));
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
	CheckWord("date_numbers", options->date_numbers, number_units);
	CheckWord("map_else", options->map_else, map_elses);
	CheckWord("mask", options->mask, masks);
}

/* Parses and validates options of reading. */
void
ParseReadOptions(Jsonb *json, ReadOptions *options)
{
	memset(options, 0, sizeof(ReadOptions));
	ParseObject(json, "option", read_options, lengthof(read_options), (char *) options);
	CheckReading(&options->feature);
}

/* Parses and validates options of merging two tables. */
void
ParseMergeOptions(Jsonb *json, MergeOptions *options)
{
	memset(options, 0, sizeof(MergeOptions));
	options->feature.history_columns = (HistoryNames) {"valid_from", "valid_to", "is_current", "version"};
	options->feature.deletes = DELETES_IGNORE;
	ParseObject(json, "merge option", merge_options, lengthof(merge_options), (char *) options);
	if (options->feature.deletes == DELETES_CLOSE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"deletes\" must be \"ignore\" or \"snapshot\" for tables")));
	CheckFold(&options->feature);
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

/* The rows of a header in a comma-separated list. */
static HeaderPlace
HeaderFromText(const char *option, const char *text)
{
	char	   *json = psprintf("[%s]", text);
	JsonbValue	value;

	if (strspn(text, "0123456789, ") != strlen(text))
		RaiseWrongType(option, HEADER_EXPECTED);
	JsonbToJsonbValue(DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json))), &value);
	return HeaderValue(option, &value);
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
	if (def->type == OPTION_HEADER && strchr(text, ',') != NULL)
	{
		*(HeaderPlace *) (options + def->offset) = HeaderFromText(def->name, text);
		return;
	}
	if ((def->type == OPTION_INT || def->type == OPTION_HEADER) && text[0] != '\0' && strspn(text, "0123456789") == strlen(text))
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
