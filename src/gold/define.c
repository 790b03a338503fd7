/*
 * define.c
 *	  create_model(), alter_model() and drop_model().
 *
 * The user's text is checked (query.c), made a scratch view under the user's
 * own search_path, and read back from there schema-qualified.  What is stored
 * and compared is only ever the latter, so a text that means the same changes
 * nothing.  While the scratch view stands, it stands for the model in the
 * graph: that is when a circle is found, before anything is touched.
 */
#include "base/compat.h"

#include "gold/model.h"

#include "base/contract.h"
#include "base/feature.h"
#include "base/options.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "gold/declare.h"
#include "gold/feed.h"
#include "gold/graph.h"
#include "gold/partial.h"
#include "gold/query.h"
#include "gold/sums.h"
#include "gold/target.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* Raises unless the name, and those we derive from it, can be relations. */
static void
CheckModelName(const char *name)
{
	int			longest = NAMEDATALEN - 1 - (int) strlen(HASH_PREFIX);

	if (name[0] == '\0' || name[0] == '_')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid model name \"%s\"", name),
				 errdetail("A model's name is not empty and does not start with \"_\".")));
	if (strlen(name) > longest)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("model name \"%s\" is too long", name),
				 errdetail("A model's name has at most %d bytes.", longest)));
}

/* Raises if a new model's relations exist already: they are not ours. */
static void
CheckRoom(const Model *model)
{
	const char *taken = OidIsValid(TargetOid(model)) ? TargetName(model) :
		OidIsValid(ViewOid(model)) ? ViewName(model) : NULL;

	if (taken != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation %s already exists and belongs to no model", taken),
				 errhint("Drop it, or give the model another name.")));
}

/* Raises if the query cannot be refreshed as the options demand. */
static void
CheckRefreshMode(const Model *model)
{
	char	   *why;

	if (model->refresh != REFRESH_INCREMENTAL && model->refresh != REFRESH_APPEND)
		return;
	why = WhyNotAsked(model, PlanGroups(model, model->query));
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" cannot be refreshed %s", model->name,
						model->refresh == REFRESH_APPEND ? "by appending" : "incrementally"),
				 errdetail("The reason: %s.", why),
				 errhint("With \"auto\" it is refreshed in full.")));
}

/*
 * The definition of the scratch view, as it stays when it is read again: the
 * server's own text of a query is not always what it makes of that text, as
 * where it flattens nested conditions.
 */
static char *
SettledDefinition(const char *scratch, Oid view)
{
	char	   *query = ViewDefinition(view);

	for (int i = 0; i < 3; i++)
	{
		char	   *before = query;

		SqlExecFormat(NULL, "CREATE OR REPLACE VIEW %s AS\n%s", scratch, query);
		query = ViewDefinition(view);
		if (strcmp(query, before) == 0)
			break;
	}
	return query;
}

/*
 * Fills model->query from the user's text and returns the shape of its
 * result.  The text is seen by the server as the model's owner and under the
 * search_path of the caller; all else happens under the pinned one.
 */
static char *
ReadQuery(Model *model, const char *text)
{
	char	   *scratch_name = psprintf("%s%s", SCRATCH_PREFIX, model->name);
	char	   *scratch = QualifiedName(medallion_model_schema, scratch_name);
	SavedIdentity saved;
	int			nest_level;
	Oid			view;
	char	   *shape;

	AsModelOwner(&saved, model);
	EnsureSchema(medallion_model_schema);
	EnsureSchema(medallion_gold_schema);
	SqlExecFormat(NULL, "CREATE VIEW %s AS\n%s", scratch, CheckModelQuery(model->name, text));

	nest_level = PinSettings();
	view = TableOid(medallion_model_schema, scratch_name);
	model->query = SettledDefinition(scratch, view);
	shape = RelationShape(view);
	CheckRefreshMode(model);
	CheckNoCycle();
	SqlExecFormat(NULL, "DROP VIEW %s", scratch);
	UnpinSettings(nest_level);
	EndAs(&saved);
	return shape;
}

/* Makes the relations and the row of a new model. */
static void
AddModel(const Model *model, const char *shape, Jsonb *options)
{
	SavedIdentity saved;
	SqlParams	params = {0};

	CheckRoom(model);
	AsModelOwner(&saved, model);
	DefineView(model, shape);
	CreateTarget(model);
	EndAs(&saved);

	ParamText(&params, model->name);
	ParamDatum(&params, REGROLEOID, ObjectIdGetDatum(model->owner));
	ParamText(&params, model->query);
	ParamJsonb(&params, options);
	CatalogExec("INSERT INTO medallion.models (name, owner, query, options)"
				" VALUES ($1, $2, $3, $4)", &params);
}

/* Brings the relations of a model from its old definition to the new one. */
static void
ChangeRelations(const Model *old, const Model *new, const char *shape)
{
	if (old->is_view != new->is_view && OidIsValid(TargetOid(old)))
	{
		CheckNoDependents(old, TargetOid(old), "change the kind of");
		DropSums(old);
		DropTarget(old);
	}
	DefineView(new, shape);
	if (!OidIsValid(TargetOid(new)))
		CreateTarget(new);
	else
	{
		if (!new->is_view)
			MatchTable(new, false);
		DeclareTarget(new);
	}
}

/* Changes the relations and the row of a model, if anything is new; a new
 * query or table makes it a model that was never refreshed. */
static void
ChangeModel(const Model *old, const Model *new, const char *shape, Jsonb *options)
{
	bool		same_query = strcmp(old->query, new->query) == 0 && old->is_view == new->is_view;
	bool		same_rows = same_query && OidIsValid(TargetOid(old));
	SavedIdentity saved;
	SqlParams	params = {0};

	if (same_rows && strcmp(old->options, new->options) == 0 &&
		OidIsValid(ViewOid(old)))
		return;

	AsModelOwner(&saved, old);
	ChangeRelations(old, new, shape);
	EndAs(&saved);

	ParamInt(&params, old->id);
	ParamText(&params, new->query);
	ParamJsonb(&params, options);
	ParamBool(&params, same_rows);
	CatalogExec("UPDATE medallion.models SET query = $2, options = $3,"
				" refreshed_run_id = CASE WHEN $4 THEN refreshed_run_id END"
				" WHERE model_id = $1", &params);
}

/* Makes the model exist as described; query NULL: as it is. */
static void
DefineModel(const char *name, const char *query, Jsonb *options)
{
	Model	   *model = palloc0(sizeof(Model));
	Model	   *old;
	int			nest_level;
	char	   *shape;

	model->name = pstrdup(name);
	CheckModelName(model->name);
	ParseModelOptions(options, model);

	nest_level = PinSettings();
	LockModel(model->name);
	old = FindModel(model->name);
	model->owner = old ? old->owner : GetUserId();
	CheckMayActFor(model->owner, "model", model->name);
	UnpinSettings(nest_level);

	shape = ReadQuery(model, query != NULL ? query : old->query);

	nest_level = PinSettings();
	if (old == NULL)
		AddModel(model, shape, options);
	else
		ChangeModel(old, model, shape, options);
	CheckContractTypes(model->contract, model->contract_exact, TargetOid(model));
	UnpinSettings(nest_level);
}

PG_FUNCTION_INFO_V1(medallion_create_model);

/* create_model(name, query, options): makes the model exist as described. */
Datum
medallion_create_model(PG_FUNCTION_ARGS)
{
	DefineModel(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)),
				PG_GETARG_JSONB_P(2));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_alter_model);

/* alter_model(name, options): options given replace those of the same name;
 * null takes an option back. */
Datum
medallion_alter_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			nest_level = PinSettings();
	SqlParams	params = {0};
	SqlRows    *rows;
	bool		isnull;

	LockModel(name);
	(void) FindOwnModel(name);
	ParamText(&params, name);
	ParamJsonb(&params, PG_GETARG_JSONB_P(1));
	rows = CatalogFetch("SELECT " CHANGED_OPTIONS " FROM medallion.models WHERE name = $1",
						&params);
	UnpinSettings(nest_level);
	DefineModel(name, NULL, DatumGetJsonbP(RowDatum(rows, 0, 1, &isnull)));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_drop_model);

/* drop_model(name): drops the model with its view and its table. */
Datum
medallion_drop_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			nest_level = PinSettings();
	SavedIdentity saved;
	SqlParams	params = {0};
	Model	   *model;

	LockModel(name);
	model = FindOwnModel(name);
	AsModelOwner(&saved, model);
	CheckNoDependents(model, TargetOid(model), "drop");
	CheckNoDependents(model, ViewOid(model), "drop");
	DropSums(model);			/* a restored database does not know whose they are */
	if (OidIsValid(TargetOid(model)))
		DropTarget(model);
	if (OidIsValid(ViewOid(model)))
		SqlExecFormat(NULL, "DROP VIEW %s", ViewName(model));
	EndAs(&saved);

	Unsubscribe(model);
	ParamInt(&params, model->id);
	CatalogExec("DELETE FROM medallion.failing f USING medallion.models m WHERE m.model_id = $1"
				" AND f.layer = 'gold' AND f.object = m.name", &params);
	CatalogExec("DELETE FROM medallion.models WHERE model_id = $1", &params);
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}
