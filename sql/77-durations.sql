/* How long runs and steps took, beside how long they take. */

CREATE VIEW medallion.durations AS
SELECT p.run_id, p.layer, p.feature_name AS object, p.started_at, extract(epoch FROM p.completed_at - p.started_at)::double precision AS seconds,
	   p.status = 'UNCHANGED' AS unchanged
  FROM etl_logs.pipeline_runs p
 WHERE p.completed_at IS NOT NULL AND p.status IN ('COMPLETED', 'UNCHANGED')
 UNION ALL
SELECT r.run_id, 'run', r.pipeline_name, r.started_at, extract(epoch FROM r.finished_at - r.started_at)::double precision,
	   NOT EXISTS (SELECT FROM etl_logs.pipeline_runs p WHERE p.run_id = r.run_id AND p.status = 'COMPLETED')
  FROM medallion.runs r
 WHERE r.finished_at IS NOT NULL AND r.status = 'COMPLETED';
COMMENT ON VIEW medallion.durations IS 'seconds that each run (layer run, object its pipeline) and each step that succeeded took; unchanged: it found nothing to do, which is a series of its own';

CREATE FUNCTION medallion.duration_anomalies(rules jsonb DEFAULT '{"z_score": 3}', OUT layer text, OUT object text, OUT run_id bigint, OUT seconds double precision, OUT reason text)
RETURNS SETOF record LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT j.layer, j.object, j.run_id, j.seconds, j.reason
	  FROM (SELECT d.layer, d.object, d.run_id, d.seconds, d.unchanged,
				   row_number() OVER (PARTITION BY d.layer, d.object, d.unchanged ORDER BY d.run_id DESC) AS place,
				   medallion.anomaly(d.seconds, array_agg(d.seconds) OVER before, array_agg(d.started_at) OVER before, d.started_at, rules) AS reason
			  FROM (SELECT d.*, row_number() OVER (PARTITION BY d.layer, d.object, d.unchanged ORDER BY d.run_id DESC) AS back FROM medallion.durations d) d
			 WHERE d.back <= 100
			WINDOW before AS (PARTITION BY d.layer, d.object, d.unchanged ORDER BY d.run_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) j
	 WHERE j.place = 1 AND j.reason IS NOT NULL
	 ORDER BY j.layer COLLATE "C", j.object COLLATE "C", j.unchanged
$$;
COMMENT ON FUNCTION medallion.duration_anomalies(jsonb) IS
'Runs and steps whose last duration, in seconds, is no acceptable successor of the up to 99 before it, by the rules of anomaly(): {"max": 3600, "max_change": 1, "z_score": 3, "seasonal": 0.5}. Those that found nothing to do are compared with one another only. A metric check whose sql reads medallion.durations makes an alert of it.';
