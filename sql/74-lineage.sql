/* Where data comes from: edges between files, tables and columns. */

CREATE FUNCTION medallion.column_sources(view regclass, OUT target text, OUT source regclass, OUT source_column text)
RETURNS SETOF record LANGUAGE C STABLE STRICT PARALLEL UNSAFE ROWS 20
AS 'MODULE_PATHNAME', 'medallion_column_sources';
COMMENT ON FUNCTION medallion.column_sources(regclass) IS
'Which columns of which tables each column of a view is made of, from its query tree, through subqueries, CTEs, set operations and views; target NULL: what only chooses or groups rows; source_column NULL: the row as such. A source may come more than once. Raises for what is not a view.';

CREATE FUNCTION medallion.expression_columns(expression text)
RETURNS text[] LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_expression_columns';
COMMENT ON FUNCTION medallion.expression_columns(text) IS
'The names of the columns that an SQL expression mentions, each once, in their order. Raises for what is no expression.';

CREATE VIEW medallion.lineage_columns AS
WITH feature AS (
	SELECT f.*, p.pattern FROM medallion.features f
	  LEFT JOIN LATERAL (SELECT unnest(f.source) AS pattern UNION ALL SELECT f.options->>'relation' WHERE f.options ? 'relation') p ON true),
silver AS (
	SELECT f.feature_id, f.name, f.options, t.table_name, a.attname::text AS column_name,
		   coalesce(f.options->'columns'->a.attname->>'expression', f.options->'derive'->>a.attname) AS expression
	  FROM medallion.features f JOIN medallion.tables t ON t.feature_id = f.feature_id AND t.layer = 'silver'
	  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.table_name AND a.attnum > 0 AND NOT a.attisdropped AND a.attname !~ '^(_|dq_)')
SELECT CASE WHEN f.pattern = f.options->>'relation' THEN 'relation' ELSE 'files' END AS source_layer, f.pattern AS source, c.original AS source_column,
	   'bronze' AS target_layer, f.name AS target, c.name AS target_column, 'value' AS role
  FROM feature f JOIN medallion.feature_columns c USING (feature_id)
 UNION ALL
SELECT 'bronze', s.name, c.name, 'silver', s.name, s.column_name, 'value'
  FROM silver s
  JOIN medallion.feature_columns c ON c.feature_id = s.feature_id
	   AND (CASE WHEN s.expression IS NULL THEN c.name = s.column_name ELSE c.name = ANY (medallion.expression_columns(s.expression)) END)
 UNION ALL
SELECT DISTINCT coalesce(t.layer, 'relation'), coalesce(t.object, c.source::text), c.source_column, 'gold', m.name, c.target, CASE WHEN c.target IS NULL THEN 'filter' ELSE 'value' END
  FROM medallion.models m
 CROSS JOIN LATERAL medallion.column_sources(to_regclass(format('%I.%I', medallion.layer_schema('model'), m.name))) c
  LEFT JOIN medallion.tables t ON t.table_name = c.source
 WHERE c.source_column IS NOT NULL OR c.target IS NULL;
COMMENT ON VIEW medallion.lineage_columns IS 'edges between columns, from files to gold: which source column a target column is made of (role value); role filter: which choose or group the rows of a model, target_column NULL; source_column NULL: the rows of the source as such';

CREATE VIEW medallion.lineage AS
SELECT source_layer, source, target_layer, target FROM medallion.lineage_columns
 UNION
SELECT 'files', p, 'bronze', f.name FROM medallion.features f CROSS JOIN LATERAL unnest(f.source) p
 UNION
SELECT 'bronze', f.name, 'silver', f.name FROM medallion.features f
 UNION
SELECT CASE g.kind WHEN 'feature' THEN 'silver' WHEN 'model' THEN 'gold' ELSE 'relation' END, g.depends_on, 'gold', g.model FROM medallion.model_graph() g;
COMMENT ON VIEW medallion.lineage IS 'edges between sources and tables: files (patterns) and relations -> bronze -> silver -> gold';

CREATE FUNCTION medallion.openlineage_dataset(namespace text, layer text, object text, facets jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN jsonb_build_object('namespace', namespace, 'name', CASE WHEN layer IN ('files', 'relation') THEN object ELSE layer || '.' || object END, 'facets', facets);
COMMENT ON FUNCTION medallion.openlineage_dataset(text, text, text, jsonb) IS 'Internal: a dataset of openlineage().';

CREATE FUNCTION medallion.openlineage(run_id bigint, namespace text DEFAULT NULL)
RETURNS SETOF jsonb LANGUAGE sql STABLE PARALLEL UNSAFE SET jit = off SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
WITH place AS (SELECT coalesce(openlineage.namespace, 'postgres://' || current_database()) AS namespace),
steps AS MATERIALIZED (SELECT p.*, medallion.row_hash('openlineage', p.run_id, p.layer, p.feature_name) AS uuid FROM etl_logs.pipeline_runs p
		   WHERE p.run_id = openlineage.run_id AND p.status NOT IN ('UNCHANGED', 'SKIPPED') AND p.feature_name <> '*'),
columns AS MATERIALIZED (SELECT * FROM medallion.lineage_columns),
facet AS (SELECT jsonb_build_object('_producer', 'urn:postgresql:extension:medallion') AS base),
described AS (
	SELECT s.uuid, s.layer, s.feature_name, s.started_at, s.completed_at, s.status, s.error_message,
		   (SELECT coalesce(jsonb_agg(medallion.openlineage_dataset(p.namespace, l.source_layer, l.source, '{}') ORDER BY l.source_layer, l.source), '[]')
			  FROM (SELECT DISTINCT source_layer, source FROM medallion.lineage WHERE target_layer = s.layer AND target = s.feature_name) l) AS inputs,
		   medallion.openlineage_dataset(p.namespace, s.layer, s.feature_name, jsonb_strip_nulls(jsonb_build_object(
			'schema', (SELECT f.base || jsonb_build_object('_schemaURL', 'https://openlineage.io/spec/facets/1-1-1/SchemaDatasetFacet.json', 'fields',
							jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum))
						 FROM medallion.tables t JOIN pg_attribute a ON a.attrelid = t.table_name AND a.attnum > 0 AND NOT a.attisdropped
						WHERE t.layer = s.layer AND t.object = s.feature_name GROUP BY t.table_name),
			'columnLineage', (SELECT f.base || jsonb_build_object('_schemaURL', 'https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json', 'fields', jsonb_object_agg(c.target_column, c.fields))
						 FROM (SELECT c.target_column, jsonb_build_object('inputFields', jsonb_agg(jsonb_build_object('namespace', p.namespace, 'name',
									CASE WHEN c.source_layer IN ('files', 'relation') THEN c.source ELSE c.source_layer || '.' || c.source END, 'field', c.source_column))) AS fields
								 FROM columns c WHERE c.target_layer = s.layer AND c.target = s.feature_name AND c.role = 'value' GROUP BY c.target_column) c)))) AS output,
		   f.base || jsonb_build_object('_schemaURL', 'https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json', 'rowCount', s.records_valid) AS statistics,
		   p.namespace, f.base
	  FROM steps s, place p, facet f)
SELECT jsonb_build_object('eventType', e.type, 'eventTime', to_char(e.at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'producer', d.base->>'_producer', 'schemaURL', 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
		'run', jsonb_build_object('runId', d.uuid, 'facets', CASE WHEN e.type = 'FAIL' AND d.error_message IS NOT NULL THEN jsonb_build_object('errorMessage', d.base || jsonb_build_object(
			'_schemaURL', 'https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json', 'message', d.error_message, 'programmingLanguage', 'SQL')) ELSE '{}' END),
		'job', jsonb_build_object('namespace', d.namespace, 'name', d.layer || '.' || d.feature_name, 'facets', '{}'::jsonb),
		'inputs', d.inputs,
		'outputs', jsonb_build_array(CASE WHEN e.type = 'COMPLETE' THEN d.output || jsonb_build_object('outputFacets', jsonb_build_object('outputStatistics', d.statistics)) ELSE d.output END))
  FROM described d
 CROSS JOIN LATERAL (VALUES (1, 'START', d.started_at), (2, CASE WHEN d.status = 'COMPLETED' THEN 'COMPLETE' ELSE 'FAIL' END, d.completed_at)) e (place, type, at)
 ORDER BY e.at, e.place, d.layer
$$;
COMMENT ON FUNCTION medallion.openlineage(bigint, text) IS
'A run as OpenLineage events, one json object each, START and COMPLETE or FAIL of every step that did anything: job layer.name, inputs, output with schema, column lineage and row count. namespace: of jobs and datasets; by default postgres:// and the database''s name.';
