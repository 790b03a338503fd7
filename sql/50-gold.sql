/* Gold: models, their graph and their refresh. */

CREATE TABLE medallion.model_inputs (
	model_id		int NOT NULL CONSTRAINT model_inputs_model_id_fkey REFERENCES medallion.models ON DELETE CASCADE,
	kind			text NOT NULL CONSTRAINT model_inputs_kind_check CHECK (kind IN ('feature', 'model')),
	input_id		int NOT NULL,		-- feature_id or model_id
	changed_run_id	bigint,				-- the input's, as it was before the query ran
	CONSTRAINT model_inputs_pkey PRIMARY KEY (model_id, kind, input_id)
);
COMMENT ON TABLE medallion.model_inputs IS 'the state of each model''s inputs that its last refresh was computed from; it is stale when they are no longer in that state';

CREATE FUNCTION medallion.create_model(name text, query text, options jsonb DEFAULT '{}') RETURNS void
	AS 'MODULE_PATHNAME', 'medallion_create_model'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION medallion.create_model(text, text, jsonb) IS
'makes a gold model: the view models.<name> holds the query, the table gold.<name> its result with _run_id (the run that wrote the row), _loaded_at and _row_hash; it is filled by the next run or by refresh_model(). Calling it again with the same definition changes nothing; another query replaces the view, keeps the rows until the next refresh, and fails if columns that other objects use would change. options: materialized (table, view), description (the comment on gold.<name>), refresh (auto, full, incremental, append), unique_key, primary_key, not_null (arrays of columns), foreign_keys (array of {columns, references, referenced}), indexes (array of columns, arrays of columns or {columns, using, unique}), column_comments ({column: comment}), checks (array, as run_checks() takes them; a failed one whose action is fail keeps the old rows). The query is one SELECT without temporary relations and runs as the model''s owner';

CREATE FUNCTION medallion.alter_model(name text, options jsonb) RETURNS void
	AS 'MODULE_PATHNAME', 'medallion_alter_model'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION medallion.alter_model(text, jsonb) IS
'changes options of a model: those given replace those of the same name, null takes one back to its default; the query stays';

CREATE FUNCTION medallion.drop_model(name text) RETURNS void
	AS 'MODULE_PATHNAME', 'medallion_drop_model'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION medallion.drop_model(text) IS
'drops a model with its view and its table; fails, naming them, if other objects depend on it';

CREATE FUNCTION medallion.refresh_model(name text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'medallion_refresh_model'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION medallion.refresh_model(text) IS
'computes a model now, in a run of its own, without the models it reads; returns the rows written: inserted plus deleted, 0 if the table said the same already. Readers see the old rows until the transaction commits';

CREATE FUNCTION medallion.model_graph(OUT model text, OUT depends_on text, OUT kind text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'medallion_model_graph'
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION medallion.model_graph() IS
'what each model reads, from the catalog and through intermediate views; kind: feature (its silver table), model (its gold table) or relation (anything else, schema-qualified)';
