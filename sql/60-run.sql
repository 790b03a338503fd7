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

CREATE FUNCTION medallion.add_check(feature text, kind text, columns text[] DEFAULT '{}', params jsonb DEFAULT '{}',
	action text DEFAULT 'flag', warn_if double precision DEFAULT 0, error_if double precision DEFAULT NULL, name text DEFAULT NULL)
RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_add_check';
COMMENT ON FUNCTION medallion.add_check(text, text, text[], jsonb, text, double precision, double precision, text) IS
'Adds a data-quality check to a feature, or replaces the one of that name. kind: not_null, duplicate, amount, credit_amount, range (params min, max), accepted_values (values), pattern (pattern), expression (expression). action: flag, fail. warn_if and error_if: share of rows from which the check is a WARNING or FAILED. The next run folds silver anew.';

CREATE FUNCTION medallion.run_pipeline(features text[] DEFAULT NULL, layers text[] DEFAULT NULL, options jsonb DEFAULT '{}',
	OUT run_id bigint, OUT layer text, OUT object text, OUT status text, OUT rows_in bigint, OUT rows_out bigint,
	OUT elapsed interval, OUT detail jsonb)
RETURNS SETOF record LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_run_pipeline';
COMMENT ON FUNCTION medallion.run_pipeline(text[], text[], jsonb) IS
'Loads new and changed files into bronze, takes them into silver, refreshes the gold models whose inputs changed: in the caller''s transaction, each file, feature and model in a subtransaction of its own. Returns a row per layer and feature or model; status COMPLETED, UNCHANGED, PARTIAL (some files failed), FAILED, SKIPPED. features, layers: NULL for all. options: concurrency wait (default), skip, error; on_error report (default), raise.';

CREATE PROCEDURE medallion.run_pipeline_proc(features text[] DEFAULT NULL, layers text[] DEFAULT NULL, options jsonb DEFAULT '{}')
LANGUAGE plpgsql AS $$
DECLARE
	failed text;
BEGIN
	SELECT pg_catalog.string_agg(pg_catalog.format('%s %s: %s', r.layer, r.object, r.detail OPERATOR(pg_catalog.->>) 'error'), E'\n')
	  INTO failed
	  FROM medallion.run_pipeline(features, layers, options) r
	 WHERE r.status IN ('PARTIAL', 'FAILED');
	COMMIT;
	IF failed IS NOT NULL THEN
		RAISE EXCEPTION 'some steps of the pipeline failed' USING DETAIL = failed,
			HINT = 'What succeeded is committed; the next run tries the rest again.';
	END IF;
END
$$;
COMMENT ON PROCEDURE medallion.run_pipeline_proc(text[], text[], jsonb) IS
'run_pipeline(), committed, and then an error if anything failed, so that a scheduler sees it. Call it outside a transaction block.';

CREATE FUNCTION medallion.rebuild(feature text)
RETURNS void LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'medallion_rebuild';
COMMENT ON FUNCTION medallion.rebuild(text) IS
'Makes the next run drop the silver table of a feature and fold it anew from bronze; the result is the same but for run ids.';

CREATE FUNCTION medallion.schedule(cron text, features text[] DEFAULT NULL, options jsonb DEFAULT '{}', job text DEFAULT 'medallion')
RETURNS bigint LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	id bigint;
BEGIN
	IF to_regnamespace('cron') IS NULL THEN
		RAISE EXCEPTION 'pg_cron is not installed in database "%"', current_database()
			USING ERRCODE = 'undefined_object',
			HINT = 'Install it (Debian: postgresql-NN-cron), add pg_cron to shared_preload_libraries, set cron.database_name to this database, restart, and CREATE EXTENSION pg_cron. Without it, let cron or a systemd timer run: psql -c ''CALL medallion.run_pipeline_proc()''.';
	END IF;
	EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO id
		USING job, cron, format('CALL medallion.run_pipeline_proc(%L, NULL, %L)', features, options);
	RETURN id;
END
$$;
COMMENT ON FUNCTION medallion.schedule(text, text[], jsonb, text) IS
'Runs the pipeline by pg_cron. cron: five fields as in crontab, in the time zone of cron.timezone (UTC by default). job: name of the job; scheduling it again replaces it. Returns the job''s id. Raises with a hint where pg_cron is absent.';

CREATE FUNCTION medallion.unschedule(job text DEFAULT 'medallion')
RETURNS boolean LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	done boolean;
BEGIN
	IF to_regnamespace('cron') IS NULL THEN
		RETURN false;
	END IF;
	EXECUTE 'SELECT EXISTS (SELECT FROM cron.job WHERE jobname = $1 AND cron.unschedule($1))' INTO done USING job;
	RETURN done;
END
$$;
COMMENT ON FUNCTION medallion.unschedule(text) IS
'Takes a job of medallion.schedule() back; false if there was none.';

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
  LEFT JOIN LATERAL (SELECT count(*) AS files, sum(v.rows) AS rows, max(v.first_seen) AS last_loaded_at,
							count(v.missing_since) AS missing
					   FROM medallion.file_versions v
					  WHERE v.feature_id = f.feature_id AND v.superseded_at IS NULL) v ON true
  LEFT JOIN LATERAL (SELECT count(*) AS pending FROM medallion.file_versions v
					  WHERE v.feature_id = f.feature_id AND v.status = 'LOADED' AND v.silver_run_id IS NULL) p ON true
  LEFT JOIN LATERAL (SELECT count(*) AS rows FROM medallion.quarantine q
					  WHERE q.feature_id = f.feature_id) q ON true
  LEFT JOIN LATERAL (SELECT CASE WHEN bool_or(d.check_status = 'FAILED') THEN 'FAILED'
								 WHEN bool_or(d.check_status = 'WARNING') THEN 'WARNING'
								 WHEN count(*) > 0 THEN 'PASSED' END AS worst
					   FROM etl_logs.data_quality_checks d
					  WHERE d.run_id = f.changed_run_id
						AND d.table_name = format('%I.%I', coalesce(nullif(current_setting('medallion.silver_schema', true), ''), 'silver'), f.name)) c ON true;
COMMENT ON VIEW medallion.status IS 'one row per feature: its last run, its files, what waits, what is quarantined, the worst check of the run that last changed it';
