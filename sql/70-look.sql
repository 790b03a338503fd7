/* Views over configuration, ledger and logs: what ran, what is there, how good and how fresh it is. */

CREATE FUNCTION medallion.layer_schema(layer text)
RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN coalesce(nullif(pg_catalog.current_setting('medallion.' OPERATOR(pg_catalog.||) layer OPERATOR(pg_catalog.||) '_schema', true), ''), layer);
COMMENT ON FUNCTION medallion.layer_schema(text) IS
'The schema of a layer (bronze, silver, gold, model), by the settings medallion.<layer>_schema.';

CREATE VIEW medallion.tables AS
SELECT l.layer, f.name AS object, c.oid::regclass AS table_name, format('%I.%I', n.nspname, c.relname) AS qualified_name,
	   f.owner, f.feature_id, NULL::int AS model_id, c.relkind
  FROM medallion.features f
 CROSS JOIN (VALUES ('bronze'), ('silver')) l (layer)
  JOIN pg_catalog.pg_class c ON c.relname = f.name
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = medallion.layer_schema(l.layer)
 UNION ALL
SELECT 'gold', m.name, c.oid::regclass, format('%I.%I', n.nspname, c.relname), m.owner, NULL, m.model_id, c.relkind
  FROM medallion.models m
  JOIN pg_catalog.pg_class c ON c.relname = m.name
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = medallion.layer_schema('gold');
COMMENT ON VIEW medallion.tables IS 'one row per table of features and models: layer, name of the feature or model, the table, and its name as the logs have it; relkind v where a model is a view';

CREATE VIEW medallion.history AS
SELECT r.run_id, r.started_at, r.finished_at, coalesce(r.finished_at, now()) - r.started_at AS elapsed,
	   CASE WHEN r.undone_by IS NOT NULL THEN 'UNDONE' ELSE r.status END AS status,
	   r.run_by, coalesce(s.steps, 0) AS steps, coalesce(s.changed, 0) AS changed, coalesce(s.failed, 0) AS failed,
	   coalesce(s.files, 0) AS files, coalesce(s.rows_loaded, 0) AS rows_loaded, coalesce(s.rows_invalid, 0) AS rows_invalid,
	   r.undone_by, (r.options->>'undo')::bigint AS undid, s.errors
  FROM medallion.runs r
  LEFT JOIN (SELECT p.run_id, count(*) AS steps, count(*) FILTER (WHERE p.status IN ('COMPLETED', 'PARTIAL')) AS changed,
					count(*) FILTER (WHERE p.status IN ('FAILED', 'PARTIAL')) AS failed,
					sum(p.files_processed) FILTER (WHERE p.layer = 'bronze' AND NOT p.execution_metadata ? 'undone_run') AS files,
					sum(p.records_valid) FILTER (WHERE p.layer = 'bronze') AS rows_loaded,
					sum(p.records_invalid) AS rows_invalid,
					string_agg(format('%s %s: %s', p.layer, p.feature_name, p.error_message), E'\n' ORDER BY p.started_at)
						FILTER (WHERE p.error_message IS NOT NULL) AS errors
			   FROM etl_logs.pipeline_runs p GROUP BY p.run_id) s USING (run_id);
COMMENT ON VIEW medallion.history IS 'one row per run: when, how long, status (UNDONE where undo_run() took it back), steps, files and rows loaded into bronze, errors';

CREATE VIEW medallion.freshness AS
SELECT 'bronze' AS layer, f.name AS object, max(v.seen_at) AS changed_at, now() - max(v.seen_at) AS age,
	   l.checked_at, now() - l.checked_at AS since_checked
  FROM medallion.features f
  LEFT JOIN medallion.file_versions v ON v.feature_id = f.feature_id AND v.superseded_at IS NULL AND v.status IN ('LOADED', 'EMPTY')
  LEFT JOIN LATERAL (SELECT max(p.completed_at) AS checked_at FROM etl_logs.pipeline_runs p
					  WHERE p.layer = 'bronze' AND p.feature_name = f.name AND p.status IN ('COMPLETED', 'UNCHANGED')) l ON true
 GROUP BY f.name, l.checked_at
 UNION ALL
SELECT o.layer, o.object, r.finished_at, now() - r.finished_at, l.checked_at, now() - l.checked_at
  FROM (SELECT 'silver' AS layer, f.name AS object, f.changed_run_id FROM medallion.features f
		 UNION ALL SELECT 'gold', m.name, m.changed_run_id FROM medallion.models m) o
  LEFT JOIN medallion.runs r ON r.run_id = o.changed_run_id
  LEFT JOIN LATERAL (SELECT max(p.completed_at) AS checked_at FROM etl_logs.pipeline_runs p
					  WHERE p.layer = o.layer AND p.feature_name = o.object AND p.status IN ('COMPLETED', 'UNCHANGED')) l ON true;
COMMENT ON VIEW medallion.freshness IS 'one row per table: when its data last changed and how old that is; when a run last found it up to date. bronze: the newest file in force';

CREATE VIEW medallion.volume AS
SELECT t.run_id, t.last_updated AS at, t.layer, t.table_name, t.record_count AS rows, round(t.file_size_mb * 1048576) AS bytes,
	   t.record_count - lag(t.record_count) OVER w AS rows_added,
	   round((t.file_size_mb - lag(t.file_size_mb) OVER w) * 1048576) AS bytes_added
  FROM etl_logs.table_statistics t
WINDOW w AS (PARTITION BY t.layer, t.table_name ORDER BY t.stat_id);
COMMENT ON VIEW medallion.volume IS 'rows and bytes (indexes and TOAST included) of each table after each run that changed it, and the change since the one before';

CREATE VIEW medallion.quality AS
SELECT d.run_id, d.checked_at, d.layer, d.table_name, d.check_details->>'check' AS check_name, d.check_type, d.column_name,
	   d.check_status AS status, d.records_affected AS rows_affected, (d.check_details->>'records_checked')::bigint AS rows_checked,
	   (d.check_details->>'percent')::numeric AS percent,
	   d.check_id = max(d.check_id) OVER (PARTITION BY d.layer, d.table_name, d.check_details->>'check', d.check_type, d.column_name) AS latest
  FROM etl_logs.data_quality_checks d;
COMMENT ON VIEW medallion.quality IS 'one row per run and check: status PASSED, WARNING or FAILED, rows affected of rows checked; latest: the newest of its check';

CREATE FUNCTION medallion.table_bytes(tbl regclass)
RETURNS bigint LANGUAGE sql VOLATILE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN (SELECT sum(pg_total_relation_size(t.relid))::bigint
		  FROM (SELECT relid FROM pg_partition_tree(tbl) UNION SELECT tbl) t);
COMMENT ON FUNCTION medallion.table_bytes(regclass) IS
'Bytes on disk of a table with its partitions, indexes and TOAST.';

CREATE FUNCTION medallion.disk_space(tablespace oid, OUT total_bytes bigint, OUT free_bytes bigint)
RETURNS record LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'medallion_disk_space';
COMMENT ON FUNCTION medallion.disk_space(oid) IS
'Bytes of the file system that a tablespace is on, and how many of them the server may still fill. Raises for a tablespace that is not there.';

/* Over the last 30 days, or what there is of them. */
CREATE VIEW medallion.metrics AS
WITH steps AS MATERIALIZED (
	SELECT * FROM etl_logs.pipeline_runs p WHERE p.started_at > now() - interval '30 days' AND p.status <> 'SKIPPED'
	 AND NOT EXISTS (SELECT FROM medallion.runs r WHERE r.run_id = p.run_id AND r.status = 'ROLLED_BACK')),
volume AS MATERIALIZED (
	SELECT DISTINCT ON (s.layer, s.table_name, s.last_updated::date) s.layer, s.table_name, s.last_updated::date AS day, s.record_count AS rows, s.file_size_mb * 1048576 AS bytes
	  FROM etl_logs.table_statistics s WHERE s.last_updated > now() - interval '30 days'
	 ORDER BY s.layer, s.table_name, s.last_updated::date, s.stat_id DESC),
growth AS (
	SELECT layer, table_name, (array_agg(bytes ORDER BY day DESC))[1] - (array_agg(bytes ORDER BY day))[1] AS bytes,
		   (array_agg(rows ORDER BY day DESC))[1] - (array_agg(rows ORDER BY day))[1] AS rows, max(day) - min(day) AS days
	  FROM volume GROUP BY layer, table_name)
SELECT 'runs' AS metric, NULL::text AS layer, count(*)::numeric AS value, 'runs' AS unit
  FROM medallion.runs r WHERE r.status <> 'ROLLED_BACK' AND r.started_at > now() - interval '30 days'
 UNION ALL
SELECT 'success_rate', NULL, round(100.0 * count(*) FILTER (WHERE r.status = 'COMPLETED') / nullif(count(*), 0), 2), 'percent'
  FROM medallion.runs r WHERE r.status <> 'ROLLED_BACK' AND r.started_at > now() - interval '30 days' AND r.finished_at IS NOT NULL
 UNION ALL
SELECT 'success_rate', layer, round(100.0 * count(*) FILTER (WHERE status NOT IN ('FAILED', 'PARTIAL')) / nullif(count(*), 0), 2), 'percent' FROM steps GROUP BY layer
 UNION ALL
SELECT 'throughput', layer, round(sum(records_processed) / nullif(sum(extract(epoch FROM completed_at - started_at)) FILTER (WHERE records_processed > 0), 0), 1), 'rows/s' FROM steps GROUP BY layer
 UNION ALL
SELECT 'retries', 'bronze', count(*), 'files'
  FROM etl_logs.file_processing p
 WHERE p.processed_at > now() - interval '30 days' AND p.status = 'FAILED'
   AND EXISTS (SELECT FROM etl_logs.file_processing n WHERE n.file_path = p.file_path AND n.processing_id > p.processing_id)
 UNION ALL
SELECT 'step_retries', layer, sum(coalesce((execution_metadata->>'retries')::numeric, 0)), 'tries' FROM steps GROUP BY layer
 UNION ALL
SELECT 'bytes', layer, sum(medallion.table_bytes(table_name)), 'bytes' FROM medallion.tables GROUP BY layer
 UNION ALL
SELECT 'growth', layer, round(sum(bytes / greatest(days, 1)), 0), 'bytes/day' FROM growth GROUP BY layer
 UNION ALL
SELECT 'growth_rows', layer, round(sum(rows::numeric / greatest(days, 1)), 0), 'rows/day' FROM growth GROUP BY layer
 UNION ALL
SELECT 'disk_free', NULL, d.free_bytes, 'bytes'
  FROM pg_catalog.pg_database b, medallion.disk_space(b.dattablespace) d WHERE b.datname = current_database()
 UNION ALL
SELECT 'days_to_full', NULL, round(d.free_bytes / g.bytes, 1), 'days'
  FROM pg_catalog.pg_database b, medallion.disk_space(b.dattablespace) d,
	   (SELECT sum(bytes / greatest(days, 1)) AS bytes FROM growth HAVING sum(bytes / greatest(days, 1)) > 0) g
 WHERE b.datname = current_database();
COMMENT ON VIEW medallion.metrics IS 'over the last 30 days: runs, success rate of runs and of the steps of each layer (percent), throughput (rows per second of the steps that had rows), retries (failed tries of files that were tried again), step_retries (further tries of steps within their run), bytes on disk now, growth per day between the first and the last day that changed anything, bytes free on the disk of the database''s tablespace, and days until that growth has filled it: no row where nothing grew';
