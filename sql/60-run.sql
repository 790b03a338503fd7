/* Configure, run, schedule, look. */

CREATE FUNCTION medallion.create_feature(name text, source text[], business_keys text[] DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_create_feature';
COMMENT ON FUNCTION medallion.create_feature(text, text[], text[], jsonb) IS
'Creates a feature, or brings it to this definition. source: glob patterns, absolute or relative to medallion.input_root, "**" for any depth. business_keys: columns that identify a row; without them every row stands alone. options: see docs/options.md. Raises for unknown options, with the nearest name as hint. Changed keys or options make the next run fold silver anew.';

CREATE FUNCTION medallion.alter_feature(name text, options jsonb)
RETURNS void LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_alter_feature';
COMMENT ON FUNCTION medallion.alter_feature(text, jsonb) IS
'Sets options of a feature; an option set to null is taken back to its default. The next run folds silver anew.';

CREATE FUNCTION medallion.drop_feature(name text, drop_data boolean DEFAULT false)
RETURNS void LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_drop_feature';
COMMENT ON FUNCTION medallion.drop_feature(text, boolean) IS
'Forgets a feature with its ledger and checks. drop_data: drops its bronze and silver tables too; raises if something else depends on them.';

CREATE FUNCTION medallion.store_check(feature text, definition jsonb)
RETURNS void LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_store_check';
COMMENT ON FUNCTION medallion.store_check(text, jsonb) IS
'Internal: adds a check to a feature, or replaces the one of that name; a check as in option "checks".';

CREATE FUNCTION medallion.add_check(feature text, kind text, columns text[] DEFAULT '{}', params jsonb DEFAULT '{}',
	action text DEFAULT 'flag', warn_if double precision DEFAULT NULL, error_if double precision DEFAULT NULL, name text DEFAULT NULL,
	on_null text DEFAULT 'pass', warn_count bigint DEFAULT NULL, error_count bigint DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF num_nulls(feature, kind, columns, params, action, on_null) > 0 THEN
		RAISE EXCEPTION 'arguments of add_check() must not be NULL, but for thresholds and name'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM medallion.store_check(feature, jsonb_build_object('kind', kind, 'columns', columns, 'params', params, 'action', action,
		'warn_if', warn_if, 'error_if', error_if, 'name', name, 'on_null', on_null, 'warn_count', warn_count, 'error_count', error_count));
END
$$;
COMMENT ON FUNCTION medallion.add_check(text, text, text[], jsonb, text, double precision, double precision, text, text, bigint, bigint) IS
'Adds a data-quality check to a feature, or replaces the one of that name. Kinds and their params: see docs/options.md. action: flag, quarantine, drop, fail. warn_if and error_if: share of rows from which the check is a WARNING or FAILED; warn_count and error_count: number of rows. on_null: pass, fail. Raises for unknown kinds, params and actions, with the nearest name as hint. The next run folds silver anew, but for kinds that judge the whole table.';

CREATE FUNCTION medallion.run_pipeline(features text[] DEFAULT NULL, layers text[] DEFAULT NULL, options jsonb DEFAULT '{}',
	OUT run_id bigint, OUT layer text, OUT object text, OUT status text, OUT rows_in bigint, OUT rows_out bigint,
	OUT elapsed interval, OUT detail jsonb)
RETURNS SETOF record LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_run_pipeline';
COMMENT ON FUNCTION medallion.run_pipeline(text[], text[], jsonb) IS
'Loads new and changed files into bronze, takes them into silver, refreshes the gold models whose inputs changed: in the caller''s transaction, each file, feature and model in a subtransaction of its own. Returns a row per layer and feature or model; status COMPLETED, UNCHANGED, PARTIAL (some files failed), FAILED, SKIPPED. features, layers: NULL for all. options: concurrency wait (default), skip, error; on_error report (default), raise; pipeline, schedule, max_retries (default 0: nothing waits in your transaction), retry_delay, step_timeout, run_timeout. A run that is rolled back leaves its row in medallion.runs and its steps in etl_logs.pipeline_runs.';

CREATE PROCEDURE medallion.run_pipeline_proc(features text[] DEFAULT NULL, layers text[] DEFAULT NULL, options jsonb DEFAULT '{}')
LANGUAGE C
AS 'MODULE_PATHNAME', 'medallion_run_pipeline_proc';
COMMENT ON PROCEDURE medallion.run_pipeline_proc(text[], text[], jsonb) IS
'The same run, committed step by step: features and models that do not wait for each other side by side in medallion.max_workers background workers, which act as the caller; steps that fail by an error that may pass (a file in use, a deadlock, a lost connection) are tried again medallion.max_retries times. What is committed stays, whatever happens; the next run does the rest. Raises at the end if anything failed, so that a scheduler sees it. Call it outside a transaction block. options: as of run_pipeline(), with on_error raise by default, and workers.';

CREATE FUNCTION medallion.rebuild(feature text)
RETURNS void LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_rebuild';
COMMENT ON FUNCTION medallion.rebuild(text) IS
'Makes the next run drop the silver table of a feature and fold it anew from bronze; the result is the same but for run ids.';

CREATE VIEW medallion.status AS
SELECT f.name AS feature,
	   l.run_id AS last_run,
	   l.status AS last_status,
	   l.completed_at AS last_run_at,
	   v.files,
	   v.rows AS bronze_rows,
	   v.last_loaded_at,
	   v.missing,
	   coalesce(p.pending, 0) AS files_pending_for_silver,
	   q.rows AS quarantined_rows,
	   c.worst AS quality
  FROM medallion.features f
  LEFT JOIN LATERAL (SELECT r.run_id, r.completed_at,
							CASE WHEN bool_or(r.status = 'FAILED') THEN 'FAILED'
								 WHEN bool_or(r.status = 'PARTIAL') THEN 'PARTIAL'
								 WHEN bool_and(r.status = 'UNCHANGED') THEN 'UNCHANGED'
								 ELSE 'COMPLETED' END AS status
					   FROM (SELECT p.run_id, p.status, max(p.completed_at) OVER (PARTITION BY p.run_id) AS completed_at
							   FROM etl_logs.pipeline_runs p
							  WHERE p.feature_name = f.name AND p.layer IN ('bronze', 'silver')) r
					  GROUP BY r.run_id, r.completed_at
					  ORDER BY r.run_id DESC LIMIT 1) l ON true
  LEFT JOIN LATERAL (SELECT count(*) AS files, sum(v.rows) FILTER (WHERE v.status <> 'DUPLICATE') AS rows, max(v.first_seen) AS last_loaded_at,
							count(v.missing_since) AS missing
					   FROM medallion.file_versions v
					  WHERE v.feature_id = f.feature_id AND v.superseded_at IS NULL) v ON true
  LEFT JOIN LATERAL (SELECT count(*) AS pending FROM medallion.file_versions v
					  WHERE v.feature_id = f.feature_id AND ((v.status = 'LOADED' AND v.silver_run_id IS NULL) OR v.refold)) p ON true
  LEFT JOIN LATERAL (SELECT count(*) AS rows FROM medallion.quarantine q
					  WHERE q.feature_id = f.feature_id) q ON true
  LEFT JOIN LATERAL (SELECT CASE WHEN bool_or(d.check_status = 'FAILED') THEN 'FAILED'
								 WHEN bool_or(d.check_status = 'WARNING') THEN 'WARNING'
								 WHEN count(*) > 0 THEN 'PASSED' END AS worst
					   FROM etl_logs.data_quality_checks d
					  WHERE d.run_id = f.changed_run_id
						AND d.table_name = format('%I.%I', coalesce(nullif(current_setting('medallion.silver_schema', true), ''), 'silver'), f.name)) c ON true;
COMMENT ON VIEW medallion.status IS 'one row per feature: its last run, its files, what waits, what is quarantined, the worst check of the run that last changed it';
