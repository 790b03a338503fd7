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

/* unique_key: an array of column names. */
static void
SetUniqueKey(Model *model, const char *option, JsonbValue *value)
{
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
			model->unique_key = lappend(model->unique_key, StringOption(option, &item));
	}
}

/* refresh: auto and full, which are the same as long as full is all there is. */
static void
SetRefresh(Model *model, const char *option, JsonbValue *value)
{
	char	   *word = StringOption(option, value);

	if (strcmp(word, "auto") != 0 && strcmp(word, "full") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("refresh mode \"%s\" is not supported", word),
				 errhint("Use \"auto\" or \"full\": both compute the whole query and write only what differs.")));
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
