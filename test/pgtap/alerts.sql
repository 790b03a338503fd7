/*
 * What raises an alert of which kind: checks of freshness, of numbers of rows and
 * of drift, of quality, and of how long runs take.  How alerts leave is test/t/007_alerts.pl.
 */
\set name alerts
\ir setup.psql
SELECT plan(13);

/* the alerts since the last call */
CREATE TEMP TABLE heard AS SELECT 0::bigint AS last;
CREATE FUNCTION pg_temp.alerts() RETURNS text LANGUAGE sql AS $$
	WITH said AS (SELECT a.* FROM medallion.alerts a, heard h WHERE a.alert_id > h.last),
	seen AS (UPDATE heard SET last = greatest(last, (SELECT max(alert_id) FROM said)))
	SELECT string_agg(concat_ws(' ', kind, severity, layer, object, detail->>'check'), ', ' ORDER BY kind, detail->>'check') FROM said
$$;
\o /dev/null
SELECT pg_temp.put('day/1.csv', format(E'id,v,at\n1,10,%s\n2,20,%s\n', to_char(now() AT TIME ZONE 'UTC' - interval '2 hours', 'YYYY-MM-DD HH24:MI:SS'), to_char(now() AT TIME ZONE 'UTC' - interval '1 hour', 'YYYY-MM-DD HH24:MI:SS')));
SELECT medallion.create_feature('day', '{day/*.csv}', '{id}', '{"checks": [
	{"kind": "freshness", "name": "fresh", "columns": ["at"], "params": {"max_age": "1 day"}, "error_if": 0},
	{"kind": "row_count", "name": "steady", "params": {"max_change": 0.5}, "error_if": 0},
	{"kind": "drift", "name": "mean", "columns": ["v"], "params": {"metric": "mean", "max_change": 0.2}, "error_if": 0},
	{"kind": "range", "name": "small", "columns": ["v"], "params": {"max": 1000}, "error_if": 0},
	{"kind": "metric", "name": "in time", "params": {"sql": "SELECT count(*) FROM medallion.duration_anomalies(''{\"max\": 3600}'') WHERE object = ''slow''", "max": 0}, "error_if": 0}]}');
CALL medallion.run_pipeline_proc();
\o
SELECT is(pg_temp.alerts(), NULL, 'nothing to tell');

\o /dev/null
SELECT pg_temp.put('day/2.csv', format(E'id,v,at\n3,14,%s\n', to_char(now() AT TIME ZONE 'UTC' - interval '1 hour', 'YYYY-MM-DD HH24:MI:SS')));
CALL medallion.run_pipeline_proc();
\o
SELECT is(pg_temp.alerts(), NULL, '... nor of a change as expected');

\o /dev/null
SELECT pg_temp.put('day/3.csv', format(E'id,v,at\n4,90,%1$s\n5,2000,%1$s\n6,90,%1$s\n', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')));
CALL medallion.run_pipeline_proc();
\o
SELECT is(pg_temp.alerts(), 'drift error silver day mean, drift error silver day steady, quality error silver day small', 'twice the rows, another mean, a value out of range: volume and drift are one kind, quality another');
SELECT matches((SELECT detail::text || message FROM medallion.alerts WHERE detail->>'check' = 'steady'), 'steady.*day|check "steady" failed', 'the message names the check');

/* time passes and no file comes: told by a run that finds nothing */
UPDATE silver.day SET at = at - interval '3 days';
\o /dev/null
CALL medallion.run_pipeline_proc();
\o
SELECT is((SELECT string_agg(DISTINCT status, ',') FROM etl_logs.pipeline_runs WHERE run_id = (SELECT max(run_id) FROM medallion.runs)), 'UNCHANGED', 'a run that finds nothing');
SELECT is(pg_temp.alerts(), 'freshness error silver day fresh', '... tells that nothing came');
SELECT is((SELECT string_agg(layer || ' ' || object, ', ') FROM medallion.freshness WHERE object = 'day' AND age > '10 minutes'), NULL, 'which the view of changes does not know');

/* a step that takes longer than it may */
INSERT INTO etl_logs.pipeline_runs (run_id, layer, feature_name, started_at, completed_at, status)
SELECT -n, 'silver', 'slow', now() - n * interval '1 day', now() - n * interval '1 day' + CASE WHEN n > 1 THEN interval '1 minute' ELSE '2 hours' END, 'COMPLETED' FROM generate_series(1, 9) n;
\o /dev/null
UPDATE silver.day SET at = at + interval '3 days';
SELECT pg_temp.put('day/4.csv', format(E'id,v,at\n7,372,%s\n', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')));
CALL medallion.run_pipeline_proc();
\o
SELECT is(pg_temp.alerts(), 'quality error silver day in time', 'a metric over durations raises an alert');
SELECT is((SELECT reason FROM medallion.duration_anomalies('{"max": 3600}') WHERE object = 'slow') IS NOT NULL, true, '... with a reason to ask for');

/* which of them are wanted */
\o /dev/null
SET medallion.alert_on = 'freshness';
SELECT pg_temp.put('day/5.csv', format(E'id,v,at\n8,99999,%s\n', to_char(now() AT TIME ZONE 'UTC' - interval '9 days', 'YYYY-MM-DD HH24:MI:SS')));
CALL medallion.run_pipeline_proc();
\o
SELECT is(pg_temp.alerts(), NULL, 'alert_on: other kinds are not told');
UPDATE silver.day SET at = at - interval '3 days';
\o /dev/null
CALL medallion.run_pipeline_proc();
\o
SELECT is(pg_temp.alerts(), 'freshness error silver day fresh', '... the named one is');
\o /dev/null
RESET medallion.alert_on;
UPDATE silver.day SET at = at + interval '3 days';
CALL medallion.run_pipeline_proc();
\o
SELECT is(pg_temp.alerts(), NULL, 'fresh again: nothing more');
SELECT is((SELECT string_agg(DISTINCT kind, ', ' ORDER BY kind) FROM medallion.alerts WHERE message IS NULL OR run_id IS NULL), NULL, 'every alert has its run and says something');
SELECT * FROM finish();
