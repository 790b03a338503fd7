/*
 * model.c
 *	  Catalog rows of models -> structs, and the options of a model.
 */
#include "base/compat.h"

#include "gold/model.h"

#include "base/feature.h"
#include "base/options.h"
#include "base/settings.h"
#include "base/sql.h"
#include "utils/builtins.h"

/* Advisory locks of models: this number, hash of the name. */
#define MODEL_LOCK_CLASS 0x676f6c64

/* Raises for an option's value of the wrong type. */
static void
RaiseOptionType(const char *option, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be %s", option, expected)));
}

/* A json string as a C string; anything else is an error. */
static char *
StringOption(const char *option, const JsonbValue *value)
{
	if (value->type != jbvString)
		RaiseOptionType(option, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* materialized: table or view. */
static void
SetMaterialized(Model *model, const char *option, JsonbValue *value)
{
	char	   *word = StringOption(option, value);

	model->is_view = strcmp(word, "view") == 0;
	if (!model->is_view && strcmp(word, "table") != 0)
		RaiseUnknownName("value for option \"materialized\":", word,
						 list_make2("table", "view"));
}

/* description: any text. */
static void
SetDescription(Model *model, const char *option, JsonbValue *value)
{
	model->description = StringOption(option, value);
}

/* A json array of column names, of which there is at least one. */
static List *
ColumnsOption(const char *option, const JsonbValue *value)
{
	List	   *columns = NIL;
	JsonbIterator *it;
	JsonbValue	item;
	JsonbIteratorToken token;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) == 0)
		RaiseOptionType(option, "an array of column names");
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			columns = lappend(columns, StringOption(option, &item));
	}
	return columns;
}

/* unique_key: columns of a unique index. */
static void
SetUniqueKey(Model *model, const char *option, JsonbValue *value)
{
	model->unique_key = ColumnsOption(option, value);
}

/* primary_key: columns. */
static void
SetPrimaryKey(Model *model, const char *option, JsonbValue *value)
{
	model->primary_key = ColumnsOption(option, value);
}

/* not_null: columns. */
static void
SetNotNull(Model *model, const char *option, JsonbValue *value)
{
	model->not_null = ColumnsOption(option, value);
}

/* The elements of a json array (JsonbValue *). */
static List *
ElementsOption(const char *option, const JsonbValue *value)
{
	List	   *elements = NIL;
	int			count;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		RaiseOptionType(option, "an array");
	count = JsonContainerSize(value->val.binary.data);
	for (int i = 0; i < count; i++)
		elements = lappend(elements, getIthJsonbValueFromContainer(value->val.binary.data, i));
	return elements;
}

/* Raises for a key of an object that is not among those known. */
static void
CheckKeys(const char *option, JsonbValue *object, List *known)
{
	List	   *names;
	List	   *values;
	ListCell   *nc;

	if (object->type != jbvBinary || !JsonContainerIsObject(object->val.binary.data))
		RaiseOptionType(option, "an array of objects");
	JsonbObjectItems(JsonbValueToJsonb(object), &names, &values);
	foreach(nc, names)
	{
		ListCell   *kc;
		bool		found = false;

		foreach(kc, known)
			found |= strcmp(lfirst(nc), lfirst(kc)) == 0;
		if (!found)
			RaiseUnknownName(psprintf("key in option \"%s\":", option), lfirst(nc), known);
	}
}

/* A field of an object, or NULL. */
static JsonbValue *
Field(JsonbValue *object, const char *name)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object->val.binary.data, name, strlen(name), NULL);

	return value != NULL && value->type != jbvNull ? value : NULL;
}

/* foreign_keys: an array of {columns, references, referenced, enforced}. */
static void
SetForeignKeys(Model *model, const char *option, JsonbValue *value)
{
	ListCell   *lc;

	foreach(lc, ElementsOption(option, value))
	{
		JsonbValue *object = lfirst(lc);
		ForeignKey *key = palloc0(sizeof(ForeignKey));

		CheckKeys(option, object, list_make4("columns", "references", "referenced", "enforced"));
		if (Field(object, "columns") == NULL || Field(object, "references") == NULL)
			RaiseOptionType(option, "an array of objects with \"columns\" and \"references\"");
		key->columns = ColumnsOption(option, Field(object, "columns"));
		key->references = StringOption(option, Field(object, "references"));
		if (Field(object, "referenced") != NULL)
			key->referenced = ColumnsOption(option, Field(object, "referenced"));
		if (Field(object, "enforced") != NULL)
		{
			if (Field(object, "enforced")->type != jbvBool)
				RaiseOptionType("enforced", "true or false");
			key->unenforced = !Field(object, "enforced")->val.boolean;
		}
		model->foreign_keys = lappend(model->foreign_keys, key);
	}
}

/* One of indexes: a column, an array of columns, or {columns, using, unique}. */
static ModelIndex *
IndexOption(const char *option, JsonbValue *value)
{
	ModelIndex *index = palloc0(sizeof(ModelIndex));

	if (value->type == jbvString)
		index->columns = list_make1(StringOption(option, value));
	else if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
		index->columns = ColumnsOption(option, value);
	else
	{
		CheckKeys(option, value, list_make3("columns", "using", "unique"));
		if (Field(value, "columns") == NULL)
			RaiseOptionType(option, "an array of columns, arrays of columns, or objects with \"columns\"");
		index->columns = ColumnsOption(option, Field(value, "columns"));
		if (Field(value, "using") != NULL)
			index->method = StringOption(option, Field(value, "using"));
		if (Field(value, "unique") != NULL)
		{
			if (Field(value, "unique")->type != jbvBool)
				RaiseOptionType("unique", "true or false");
			index->unique = Field(value, "unique")->val.boolean;
		}
	}
	return index;
}

/* indexes: an array. */
static void
SetIndexes(Model *model, const char *option, JsonbValue *value)
{
	ListCell   *lc;

	foreach(lc, ElementsOption(option, value))
		model->indexes = lappend(model->indexes, IndexOption(option, lfirst(lc)));
}

/* column_comments: {column: comment}. */
static void
SetColumnComments(Model *model, const char *option, JsonbValue *value)
{
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		RaiseOptionType(option, "an object of column names and comments");
	JsonbObjectItems(JsonbValueToJsonb(value), &model->commented, &model->comments);
	if (list_member_ptr(model->comments, NULL))
		RaiseOptionType(option, "an object of column names and comments");
}

/* checks: an array of objects, whose meaning run_checks() knows. */
static void
SetChecks(Model *model, const char *option, JsonbValue *value)
{
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		RaiseOptionType(option, "an array of checks");
	if (JsonContainerSize(value->val.binary.data) > 0)
		model->checks = JsonbValueToJsonb(value);
}

/* refresh: auto, full, incremental or append. */
static void
SetRefresh(Model *model, const char *option, JsonbValue *value)
{
	static const char *const words[] = {"auto", "full", "incremental", "append"};	/* as RefreshMode */
	char	   *word = StringOption(option, value);
	List	   *known = NIL;

	for (int i = 0; i < lengthof(words); i++)
	{
		known = lappend(known, unconstify(char *, words[i]));
		if (strcmp(words[i], word) == 0)
		{
			model->refresh = i;
			return;
		}
	}
	RaiseUnknownName("value for option \"refresh\":", word, known);
}

/* contract: an object, column -> type. */
static void
SetContract(Model *model, const char *option, JsonbValue *value)
{
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		RaiseOptionType(option, "an object");
	model->contract = JsonbValueToJsonb(value);
}

/* contract_mode: subset or exact. */
static void
SetContractMode(Model *model, const char *option, JsonbValue *value)
{
	char	   *word = StringOption(option, value);

	model->contract_exact = strcmp(word, "exact") == 0;
	if (!model->contract_exact && strcmp(word, "subset") != 0)
		RaiseUnknownName("value for option \"contract_mode\":", word, list_make2("subset", "exact"));
}

/* Which options exist; each is set by its function. */
static const struct
{
	const char *name;
	void		(*set) (Model *model, const char *option, JsonbValue *value);
}			model_options[] =
{
	{"materialized", SetMaterialized},
	{"description", SetDescription},
	{"unique_key", SetUniqueKey},
	{"refresh", SetRefresh},
	{"primary_key", SetPrimaryKey},
	{"not_null", SetNotNull},
	{"foreign_keys", SetForeignKeys},
	{"indexes", SetIndexes},
	{"column_comments", SetColumnComments},
	{"checks", SetChecks},
	{"contract", SetContract},
	{"contract_mode", SetContractMode},
};

/* Sets one option by its name; null stands for its default. */
static void
SetModelOption(Model *model, const char *name, Jsonb *json)
{
	List	   *known = NIL;
	JsonbValue	value;

	for (int i = 0; i < lengthof(model_options); i++)
	{
		known = lappend(known, unconstify(char *, model_options[i].name));
		if (strcmp(model_options[i].name, name) != 0)
			continue;
		getKeyJsonValueFromContainer(&json->root, name, strlen(name), &value);
		if (value.type != jbvNull)
			model_options[i].set(model, name, &value);
		return;
	}
	RaiseUnknownName("model option", name, known);
}

/* Fills the options of a model from their json. */
void
ParseModelOptions(Jsonb *json, Model *model)
{
	List	   *names;
	List	   *values;
	ListCell   *lc;

	JsonbObjectItems(json, &names, &values);
	foreach(lc, names)
		SetModelOption(model, lfirst(lc), json);
	model->options = JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* Models by name, or all of them. */
static List *
FetchModels(const char *name)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *models = NIL;

	ParamText(&params, name);
	rows = CatalogFetch("SELECT model_id, name, owner::oid, query, options FROM medallion.models"
						" WHERE $1 IS NULL OR name = $1 ORDER BY name COLLATE \"C\"", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		Model	   *model = palloc0(sizeof(Model));
		bool		isnull;

		model->id = RowInt(rows, i, 1);
		model->name = RowText(rows, i, 2);
		model->owner = (Oid) RowBigint(rows, i, 3);
		model->query = RowText(rows, i, 4);
		ParseModelOptions(DatumGetJsonbP(RowDatum(rows, i, 5, &isnull)), model);
		models = lappend(models, model);
	}
	return models;
}

/* All models by name. */
List *
LoadModels(void)
{
	return FetchModels(NULL);
}

/* One model, or NULL. */
Model *
FindModel(const char *name)
{
	List	   *models = FetchModels(name);

	return models == NIL ? NULL : linitial(models);
}

/* One model that the current user may change. */
Model *
FindOwnModel(const char *name)
{
	Model	   *model = FindModel(name);

	if (model == NULL)
	{
		List	   *known = NIL;
		ListCell   *lc;

		foreach(lc, LoadModels())
			known = lappend(known, ((Model *) lfirst(lc))->name);
		RaiseUnknownName("model", name, known);
	}
	CheckMayActFor(model->owner, "model", name);
	return model;
}

/* Keeps others from refreshing or redefining the model until the transaction ends. */
void
LockModel(const char *name)
{
	SqlParams	params = {0};

	ParamInt(&params, MODEL_LOCK_CLASS);
	ParamText(&params, name);
	SqlFetch("SELECT pg_catalog.pg_advisory_xact_lock($1, pg_catalog.hashtext($2))", &params);
}

/* The same without waiting; false if another has it. */
bool
TryLockModel(const char *name)
{
	SqlParams	params = {0};
	bool		isnull;

	ParamInt(&params, MODEL_LOCK_CLASS);
	ParamText(&params, name);
	return DatumGetBool(SqlScalar("SELECT pg_catalog.pg_try_advisory_xact_lock($1, pg_catalog.hashtext($2))",
								  &params, &isnull));
}

/* The view that holds the query. */
char *
ViewName(const Model *model)
{
	return QualifiedName(medallion_model_schema, model->name);
}

/* The table, or view, that people read. */
char *
TargetName(const Model *model)
{
	return QualifiedName(medallion_gold_schema, model->name);
}
