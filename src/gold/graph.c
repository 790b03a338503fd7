/*
 * graph.c
 *	  Which models read what: order, cycles, staleness.
 *
 * The catalog knows: the view of a model depends on what its query reads.
 * Views on the way are gone through, down to tables.  The gold table or the
 * query's view of a model ends the way: the edge is to that model.
 *
 * When is a model stale?  Each refresh notes, in medallion.model_inputs, the
 * changed_run_id of each input as it was before the query ran; the model is
 * stale as soon as the present ones are not the same.  Comparing for
 * equality, not for greater, is deliberate: ids of runs that overlap say
 * nothing about who saw what.  A refresh by hand, during a run that has
 * changed silver and not committed, has the greater id and the older data;
 * what it noted differs from what the run then finds, and so the run
 * refreshes the model again.
 */
#include "base/compat.h"

#include "gold/graph.h"

#include "access/xact.h"
#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "gold/target.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

/* $1, $2, $3: schemas of the models' views, gold and silver; $4: scratch prefix */
static const char *const edges_query =
"WITH RECURSIVE gold AS MATERIALIZED ("
"  SELECT c.oid, m.model_id, m.name FROM medallion.models m"
"  JOIN pg_class c ON c.relname = m.name JOIN pg_namespace n ON n.oid = c.relnamespace"
"  WHERE n.nspname IN ($1, $2)"
"), silver AS MATERIALIZED ("
"  SELECT c.oid, f.feature_id, f.name FROM medallion.features f"
"  JOIN pg_class c ON c.relname = f.name JOIN pg_namespace n ON n.oid = c.relnamespace"
"  WHERE n.nspname = $3"
"), reached (model_id, relation, first) AS ("
"  SELECT m.model_id, coalesce(to_regclass(quote_ident($1) || '.' || quote_ident($4 || m.name)),"
"                              to_regclass(quote_ident($1) || '.' || quote_ident(m.name)))::oid, true"
"  FROM medallion.models m"
"  UNION"
"  SELECT r.model_id, d.refobjid, false FROM reached r"
"  JOIN pg_class v ON v.oid = r.relation AND v.relkind = 'v'"
"  JOIN pg_rewrite w ON w.ev_class = r.relation"
"  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid"
"                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.relation"
"  WHERE r.first OR r.relation NOT IN (SELECT oid FROM gold)"
")"
" SELECT DISTINCT m.model_id, m.name,"
"        CASE WHEN g.oid IS NOT NULL THEN 'model' WHEN s.oid IS NOT NULL THEN 'feature' ELSE 'relation' END AS kind,"
"        coalesce(g.model_id, s.feature_id, 0) AS id, coalesce(g.name, s.name, c.oid::regclass::text) AS input,"
"        m.name COLLATE \"C\" AS ordering"
" FROM reached r JOIN medallion.models m USING (model_id) JOIN pg_class c ON c.oid = r.relation"
" LEFT JOIN gold g ON g.oid = r.relation LEFT JOIN silver s ON s.oid = r.relation"
" WHERE NOT r.first AND (g.oid IS NOT NULL OR c.relkind IN ('r', 'p', 'f', 'm'))"
" ORDER BY ordering, kind, input";

/* Every edge of the graph: model_id, name, kind of input, its id, its name. */
static SqlRows *
FetchEdges(void)
{
	SqlParams	params = {0};

	ParamText(&params, medallion_model_schema);
	ParamText(&params, medallion_gold_schema);
	ParamText(&params, medallion_silver_schema);
	ParamText(&params, SCRATCH_PREFIX);
	return CatalogFetch(edges_query, &params);
}

/* The model with this id, or NULL. */
static Model *
ModelById(List *models, int id)
{
	ListCell   *lc;

	foreach(lc, models)
		if (((Model *) lfirst(lc))->id == id)
			return lfirst(lc);
	return NULL;
}

/* Fills the direct inputs of all models. */
static void
AttachInputs(List *models)
{
	SqlRows    *edges = FetchEdges();

	for (uint64 i = 0; i < edges->count; i++)
	{
		Model	   *model = ModelById(models, RowInt(edges, i, 1));
		ModelInput *input = palloc0(sizeof(ModelInput));
		char	   *kind = RowText(edges, i, 3);

		if (model == NULL)
			continue;			/* committed by another session just now */
		input->kind = strcmp(kind, "model") == 0 ? INPUT_MODEL :
			strcmp(kind, "feature") == 0 ? INPUT_FEATURE : INPUT_RELATION;
		input->id = RowInt(edges, i, 4);
		input->name = RowText(edges, i, 5);
		model->inputs = lappend(model->inputs, input);
	}
}

/* The first of a model's input models that is in the list, or NULL. */
static Model *
InputAmong(const Model *model, List *models)
{
	ListCell   *lc;

	foreach(lc, model->inputs)
	{
		ModelInput *input = lfirst(lc);
		Model	   *found = input->kind == INPUT_MODEL ? ModelById(models, input->id) : NULL;

		if (found != NULL)
			return found;
	}
	return NULL;
}

/* Each of these waits for another of them: follow one until it comes round. */
static void
RaiseCycle(List *waiting)
{
	List	   *path = NIL;
	Model	   *model = linitial(waiting);
	StringInfoData text;

	while (!list_member_ptr(path, model))
	{
		path = lappend(path, model);
		model = InputAmong(model, waiting);
	}
	while (linitial(path) != model)
		path = list_delete_first(path);

	initStringInfo(&text);
	for (int i = 0; i < list_length(path); i++)
		appendStringInfo(&text, "%s -> ", ((Model *) list_nth(path, i))->name);
	appendStringInfoString(&text, model->name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_RECURSION),
			 errmsg("models depend on each other in a circle: %s", text.data)));
}

/* What is to be watched for changes: inputs, with view models replaced by what they watch. */
static List *
WatchedInputs(const Model *model, List *ordered)
{
	List	   *watched = NIL;
	ListCell   *lc;

	foreach(lc, model->inputs)
	{
		ModelInput *input = lfirst(lc);
		Model	   *upstream = input->kind == INPUT_MODEL ? ModelById(ordered, input->id) : NULL;

		if (upstream != NULL && upstream->is_view)
			watched = list_concat(watched, upstream->watched);
		else
			watched = lappend(watched, input);
	}
	return watched;
}

/* Those of the models that foreign keys of this one refer to. */
static List *
ReferencedAmong(const Model *model, List *models)
{
	List	   *referenced = NIL;
	ListCell   *kc;
	ListCell   *lc;

	foreach(kc, model->foreign_keys)
		foreach(lc, models)
			if (lfirst(lc) != model &&
				strcmp(((Model *) lfirst(lc))->name, ((ForeignKey *) lfirst(kc))->references) == 0)
				referenced = lappend(referenced, lfirst(lc));
	return referenced;
}

/* The first model by name that waits for no other, not even, where there is
 * one, for what its foreign keys refer to: those may go in a circle. */
static Model *
NextModel(List *waiting)
{
	Model	   *next = NULL;
	ListCell   *lc;

	foreach(lc, waiting)
	{
		Model	   *model = lfirst(lc);

		if (InputAmong(model, waiting) != NULL)
			continue;
		if (ReferencedAmong(model, waiting) == NIL)
			return model;
		if (next == NULL)
			next = model;
	}
	return next;
}

/* Takes the next model again and again. */
static List *
OrderModels(List *waiting)
{
	List	   *ordered = NIL;

	while (waiting != NIL)
	{
		Model	   *next = NextModel(waiting);

		CHECK_FOR_INTERRUPTS();
		if (next == NULL)
			RaiseCycle(waiting);
		next->watched = WatchedInputs(next, ordered);
		next->referenced = ReferencedAmong(next, ordered);
		next->in_graph = true;
		ordered = lappend(ordered, next);
		waiting = list_delete_ptr(waiting, next);
	}
	return ordered;
}

/* Makes the missing relations of a model again; false if that fails, which
 * its refresh will then report. */
static bool
TryRestore(const Model *model)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool restored = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		SavedIdentity saved;

		LockModel(model->name);
		AsModelOwner(&saved, model);
		RestoreModel(model);
		EndAs(&saved);
		ReleaseCurrentSubTransaction();
		restored = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (geterrcode() == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return restored;
}

/* Are the relations of a model there? */
static bool
ModelIsWhole(const Model *model)
{
	return OidIsValid(ViewOid(model)) && OidIsValid(TargetOid(model));
}

/*
 * Makes missing views again.  They go when silver drops a table's views to
 * change a column's type, and their edges go with them; which of them need
 * which is unknown by then, so we go round until no more can be made.  Those of
 * others wait for a run of theirs: what the session says of schemas is ours.
 */
static void
RestoreMissing(List *models)
{
	bool		progress = true;

	while (progress)
	{
		ListCell   *lc;

		progress = false;
		foreach(lc, models)
			if (!ModelIsWhole(lfirst(lc)) && MayRun(((Model *) lfirst(lc))->owner))
				progress |= TryRestore(lfirst(lc));
	}
}

/* All models, each after those it depends on. */
List *
LoadModelsInOrder(void)
{
	int			nest_level = PinSettings();
	List	   *models = LoadModels();

	RestoreMissing(models);
	AttachInputs(models);
	models = OrderModels(models);
	UnpinSettings(nest_level);
	return models;
}

/* Raises if models depend on each other in a circle. */
void
CheckNoCycle(void)
{
	List	   *models = LoadModels();

	AttachInputs(models);
	OrderModels(models);
}

/* Ids of a model's watched features or models, as int[]. */
static Datum
WatchedIds(const Model *model, InputKind kind)
{
	List	   *ids = NIL;
	ListCell   *lc;
	bool		isnull;
	SqlParams	params = {0};

	foreach(lc, model->watched)
		if (((ModelInput *) lfirst(lc))->kind == kind)
			ids = lappend(ids, psprintf("%d", ((ModelInput *) lfirst(lc))->id));
	ParamDatum(&params, TEXTARRAYOID, ListToTextArray(ids));
	return SqlScalar("SELECT $1::int[]", &params, &isnull);
}

/* $1: the model; $2, $3: the features and models it watches */
static void
WatchParams(const Model *model, SqlParams *params)
{
	ParamInt(params, model->id);
	ParamDatum(params, INT4ARRAYOID, WatchedIds(model, INPUT_FEATURE));
	ParamDatum(params, INT4ARRAYOID, WatchedIds(model, INPUT_MODEL));
}

#define PRESENT_INPUTS \
	"SELECT 'feature' AS kind, feature_id AS input_id, changed_run_id" \
	" FROM medallion.features WHERE feature_id = ANY ($2)" \
	" UNION" \
	" SELECT 'model', model_id, changed_run_id FROM medallion.models WHERE model_id = ANY ($3)"

/* Would a refresh perhaps change it? */
bool
ModelIsStale(const Model *model)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	int			nest_level;
	ListCell   *lc;

	if (!ModelIsWhole(model))
		return true;
	if (model->is_view)
		return false;
	foreach(lc, model->watched)
		if (((ModelInput *) lfirst(lc))->kind == INPUT_RELATION)
			return true;

	nest_level = PinSettings();
	WatchParams(model, &params);
	rows = CatalogFetch("WITH present AS (" PRESENT_INPUTS "), noted AS ("
						" SELECT kind, input_id, changed_run_id FROM medallion.model_inputs"
						" WHERE model_id = $1)"
						" SELECT m.refreshed_run_id IS NULL"
						" OR EXISTS (TABLE present EXCEPT TABLE noted)"
						" OR EXISTS (TABLE noted EXCEPT TABLE present)"
						" OR EXISTS (SELECT FROM medallion.model_feeds f JOIN medallion.change_batches b USING (table_oid)"
						"  WHERE f.model_id = $1 AND NOT EXISTS (SELECT FROM medallion.batches_taken t"
						"   WHERE t.model_id = $1 AND t.batch_id = b.batch_id))"
						" FROM medallion.models m WHERE m.model_id = $1", &params);
	UnpinSettings(nest_level);
	return rows->count > 0 && RowBool(rows, 0, 1);
}

/* Notes which state of its inputs a model is about to be computed from. */
void
RecordInputs(const Model *model)
{
	SqlParams	id = {0};
	SqlParams	params = {0};

	ParamInt(&id, model->id);
	CatalogExec("DELETE FROM medallion.model_inputs WHERE model_id = $1", &id);
	WatchParams(model, &params);
	CatalogExec("INSERT INTO medallion.model_inputs (model_id, kind, input_id, changed_run_id)"
				" SELECT $1, p.* FROM (" PRESENT_INPUTS ") p", &params);
}

void
RenewInputs(const Model *model)
{
	SqlParams	params = {0};

	ParamInt(&params, model->id);
	CatalogExec("UPDATE medallion.model_inputs i SET changed_run_id = CASE i.kind"
				" WHEN 'feature' THEN (SELECT f.changed_run_id FROM medallion.features f WHERE f.feature_id = i.input_id)"
				" ELSE (SELECT m.changed_run_id FROM medallion.models m WHERE m.model_id = i.input_id) END"
				" WHERE i.model_id = $1", &params);
}

PG_FUNCTION_INFO_V1(medallion_model_graph);

/* model_graph(): what each model reads. */
Datum
medallion_model_graph(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nest_level = PinSettings();
	SqlRows    *edges = FetchEdges();

	UnpinSettings(nest_level);
	InitMaterializedSRF(fcinfo, 0);
	for (uint64 i = 0; i < edges->count; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(RowText(edges, i, 2));
		values[1] = CStringGetTextDatum(RowText(edges, i, 5));
		values[2] = CStringGetTextDatum(RowText(edges, i, 3));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
