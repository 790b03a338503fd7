/*
 * check_def.c
 *	  A check as a user gives it: read and validated.
 *
 * The same object means the same in a feature's options, in medallion.checks
 * and in run_checks().
 */
#include "base/compat.h"

#include "silver/check_def.h"

#include "base/options.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* What a number may be held against: see anomaly(). */
#define LIMIT_PARAMS "min", "max", "max_change", "z_score", "seasonal", "online_normal"
#define LIMIT_PARAM_COUNT 6

static const CheckKind kinds[] = {
	{"not_null", "null_check", CHECK_ROW, true, 0.01, 0, {NULL}},
	{"amount", "amount_check", CHECK_ROW, true, -1, 0, {"credits", NULL}},
	{"credit_amount", "credit_amount_check", CHECK_ROW, true, -1, 0, {"credits", NULL}},
	{"range", "range_check", CHECK_ROW, true, -1, 2, {"min", "max", NULL}},
	{"length", "length_check", CHECK_ROW, true, -1, 2, {"min", "max", NULL}},
	{"accepted_values", "accepted_values_check", CHECK_ROW, true, -1, 1, {"values", NULL}},
	{"pattern", "pattern_check", CHECK_ROW, true, -1, 1, {"pattern", NULL}},
	{"email", "email_check", CHECK_ROW, true, -1, 0, {NULL}},
	{"expression", "expression_check", CHECK_ROW, false, -1, 1, {"expression", NULL}},
	{"cast", "cast_check", CHECK_ROW, true, -1, 0, {NULL}},
	{"duplicate", "duplicate_check", CHECK_SET, true, -1, 0, {NULL}},
	{"unique", "unique_check", CHECK_SET, true, -1, 0, {NULL}},
	{"relationship", "relationship_check", CHECK_SET, true, -1, 1, {"to", "columns", "condition", NULL}},
	{"row_count", "row_count_check", CHECK_TABLE, false, -1, LIMIT_PARAM_COUNT, {LIMIT_PARAMS, NULL}},
	{"drift", "drift_check", CHECK_TABLE, true, -1, LIMIT_PARAM_COUNT, {LIMIT_PARAMS, "metric", "against", "robust", NULL}},
	{"metric", "metric_check", CHECK_TABLE, false, -1, LIMIT_PARAM_COUNT, {LIMIT_PARAMS, "sql", NULL}},
	{"freshness", "freshness_check", CHECK_TABLE, true, -1, 1, {"max_age", NULL}},
	{"schema", "schema_check", CHECK_TABLE, false, -1, 1, {"columns", "exact", NULL}},
};

static const char *const action_names[] = {"flag", "quarantine", "drop", "fail"};

/*
 * A check that is only named looks at the columns that are called so; "~"
 * begins a regular expression.
 */
static const struct
{
	const char *kind;
	const char *columns[4];
}			usual_columns[] =
{
	{"not_null", {"~(^|_)(date|amount|code|number|no)$"}},
	{"duplicate", {"~^(document|doc|invoice|transaction)_(number|no|id)$", "~(^|_)date$", "~^customer(_code|_id|_name|)$"}},
	{"amount", {"~(^|_)amount$"}},
	{"credit_amount", {"~(^|_)amount$"}},
};

/* A kind by its name or alias; raises if there is none. */
static const CheckKind *
FindCheckKind(const char *name)
{
	List	   *known = NIL;

	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].name, name) == 0 || strcmp(kinds[i].alias, name) == 0)
			return &kinds[i];
		known = lappend(known, unconstify(char *, kinds[i].name));
	}
	RaiseUnknownName("kind of check", name, known);
}

/* The word for an action. */
const char *
CheckActionName(CheckAction action)
{
	return action_names[action];
}

static CheckAction
FindAction(const char *name)
{
	List	   *known = NIL;

	for (int i = 0; i < lengthof(action_names); i++)
	{
		if (strcmp(action_names[i], name) == 0)
			return i;
		known = lappend(known, unconstify(char *, action_names[i]));
	}
	RaiseUnknownName("action of a check", name, known);
}

/* A field of an object; false if it is not there, or null. */
static bool
GetField(Jsonb *object, const char *name, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&object->root, name, strlen(name), value) != NULL &&
		value->type != jbvNull;
}

static void
RaiseWrongField(const char *name, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" of a check must be %s", name, expected)));
}

static char *
StringField(Jsonb *object, const char *name)
{
	JsonbValue	value;

	if (!GetField(object, name, &value))
		return NULL;
	if (value.type != jbvString)
		RaiseWrongField(name, "a string");
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* A number, not negative; -1 if it is not there. */
static double
NumberField(Jsonb *object, const char *name)
{
	JsonbValue	value;
	double		number;

	if (!GetField(object, name, &value))
		return -1;
	if (value.type == jbvNumeric)
	{
		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value.val.numeric)));
		if (number >= 0)
			return number;
	}
	RaiseWrongField(name, "a number, not less than 0");
	return -1;					/* keep compiler quiet */
}

/* The scalars of an array as strings; NIL if it is not there. */
static List *
ListField(Jsonb *object, const char *name)
{
	List	   *strings = NIL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!GetField(object, name, &value))
		return NIL;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		RaiseWrongField(name, "an array");
	it = JsonbIteratorInit(value.val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (value.type == jbvString)
			strings = lappend(strings, pnstrdup(value.val.string.val, value.val.string.len));
		else if (value.type == jbvNumeric)
			strings = lappend(strings, DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric))));
		else if (value.type == jbvBool)
			strings = lappend(strings, value.val.boolean ? "true" : "false");
		else
			RaiseWrongField(name, "an array of strings and numbers");
	}
	return strings;
}

/* Raises for a name that is not among those known. */
static void
CheckKnownNames(const char *what, Jsonb *object, const char *const *known)
{
	List	   *names;
	List	   *values;
	List	   *all = NIL;
	ListCell   *lc;

	for (int i = 0; known[i] != NULL; i++)
		all = lappend(all, unconstify(char *, known[i]));
	JsonbObjectItems(object, &names, &values);
	foreach(lc, names)
	{
		bool		found = false;
		ListCell   *kc;

		foreach(kc, all)
			found |= strcmp(lfirst(kc), lfirst(lc)) == 0;
		if (!found)
			RaiseUnknownName(what, lfirst(lc), all);
	}
}

/* Raises for parameters that the kind does not know, or lacks. */
static void
CheckParams(const CheckDef *def)
{
	JsonbValue	value;

	CheckKnownNames(psprintf("parameter of a check of kind \"%s\":", def->kind->name), def->params, def->kind->params);
	if (def->kind->needs_params == 0)
		return;
	for (int i = 0; i < def->kind->needs_params; i++)
	{
		if (GetField(def->params, def->kind->params[i], &value))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a check of kind \"%s\" needs parameter \"%s\"%s", def->kind->name, def->kind->params[0],
					def->kind->needs_params > 1 ? " or one of its like" : "")));
}

/* Raises for what makes no sense together. */
static void
ValidateCheckDef(const CheckDef *def)
{
	if (def->kind->needs_columns && def->columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a check of kind \"%s\" needs columns", def->kind->name)));
	if (def->kind->scope != CHECK_ROW && (def->action == ACTION_QUARANTINE || def->action == ACTION_DROP))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a check of kind \"%s\" cannot %s rows", def->kind->name, CheckActionName(def->action)),
				 errdetail("Whether a row passes depends on other rows, so that no single row is at fault.")));
	CheckParams(def);
	if (strcmp(def->kind->name, "metric") == 0 && CheckParamText(def, "sql") == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a check of kind \"metric\" needs parameter \"sql\"")));
}

/* One check from a json object. */
CheckDef *
ParseCheckDef(Jsonb *json)
{
	static const char *const fields[] = {"name", "kind", "columns", "params", "action", "on_null",
	"warn_if", "error_if", "warn_count", "error_count", NULL};
	CheckDef   *def = palloc0(sizeof(CheckDef));
	char	   *word;
	JsonbValue	value;

	CheckKnownNames("field of a check", json, fields);
	word = StringField(json, "kind");
	def->kind = FindCheckKind(word ? word : "");
	def->name = StringField(json, "name");
	def->columns = ListField(json, "columns");
	def->params = GetField(json, "params", &value) && value.type == jbvBinary ? JsonbValueToJsonb(&value) :
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	word = StringField(json, "action");
	def->action = FindAction(word ? word : "flag");
	word = StringField(json, "on_null");
	def->null_fails = word != NULL && strcmp(word, "fail") == 0;
	if (word != NULL && !def->null_fails && strcmp(word, "pass") != 0)
		RaiseWrongField("on_null", "\"pass\" or \"fail\"");
	def->warn_count = (int64) NumberField(json, "warn_count");
	def->error_count = (int64) NumberField(json, "error_count");
	def->warn_if = NumberField(json, "warn_if");
	if (def->warn_if < 0 && def->warn_count < 0)
		def->warn_if = 0;
	def->error_if = NumberField(json, "error_if");
	if (def->error_if < 0 && def->error_count < 0)
		def->error_if = def->kind->error_if;
	ValidateCheckDef(def);
	return def;
}

/* A check of which only the name is given. */
static CheckDef *
NamedCheckDef(const char *name)
{
	const char *kind = FindCheckKind(name)->name;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"kind\": \"%s\", \"columns\": [", kind);
	for (int i = 0; i < lengthof(usual_columns); i++)
	{
		if (strcmp(usual_columns[i].kind, kind) != 0)
			continue;
		for (int j = 0; usual_columns[i].columns[j] != NULL; j++)
			appendStringInfo(&json, "%s\"%s\"", j > 0 ? ", " : "", usual_columns[i].columns[j]);
	}
	appendStringInfoString(&json, "]}");
	return ParseCheckDef(DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data))));
}

/* All checks of a json array. */
List *
ParseCheckDefs(Jsonb *json)
{
	List	   *defs = NIL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("checks must be a json array")));
	it = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (value.type == jbvString)
		{
			defs = lappend(defs, NamedCheckDef(pnstrdup(value.val.string.val, value.val.string.len)));
			continue;
		}
		if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a check must be a json object")));
		defs = lappend(defs, ParseCheckDef(JsonbValueToJsonb(&value)));
	}
	return defs;
}

/* A parameter's text; NULL if it is not given. */
char *
CheckParamText(const CheckDef *def, const char *name)
{
	JsonbValue	value;

	if (!GetField(def->params, name, &value))
		return NULL;
	if (value.type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
	if (value.type == jbvBool)
		return value.val.boolean ? "true" : "false";
	if (value.type != jbvString)
		RaiseWrongField(name, "a string");
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* A parameter as SQL. */
char *
CheckParamLiteral(const CheckDef *def, const char *name)
{
	JsonbValue	value;
	char	   *text = CheckParamText(def, name);

	if (text == NULL)
		return NULL;
	(void) GetField(def->params, name, &value);
	return value.type == jbvNumeric ? psprintf("(%s)", text) : quote_literal_cstr(text);
}

/* The strings of a parameter that is an array. */
List *
CheckParamList(const CheckDef *def, const char *name)
{
	return ListField(def->params, name);
}
