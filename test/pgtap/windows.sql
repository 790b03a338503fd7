/* Maintenance windows, and how long runs take. */
\set name windows
\ir setup.psql
SELECT plan(19);

\o /dev/null
SELECT pg_temp.put('one/a.csv', E'Id\n1\n');
SELECT medallion.create_feature('one', '{one/*.csv}', '{id}');
SELECT medallion.create_pipeline('nightly', ARRAY['one']);
SELECT medallion.add_window('patches', '30 2 * * 0', '90 minutes', 'nightly', 'Asia/Dubai');
\o
CREATE FUNCTION pg_temp.open_at(at timestamptz, pipeline text DEFAULT 'nightly') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(name || ' ' || (closes_at AT TIME ZONE 'UTC'), ', ') FROM medallion.open_window(pipeline, at)
$$;
-- Sunday, 2:30 in Dubai is Saturday, 22:30 in UTC
SELECT is(pg_temp.open_at('2026-11-21 22:29:59+00'), NULL, 'not open yet');
SELECT is(pg_temp.open_at('2026-11-21 22:30:00+00'), 'patches 2026-11-22 00:00:00', 'open, in its time zone');
SELECT is(pg_temp.open_at('2026-11-21 23:59:59+00'), 'patches 2026-11-22 00:00:00', 'still open');
SELECT is(pg_temp.open_at('2026-11-22 00:00:00+00'), NULL, 'closed');
SELECT is(pg_temp.open_at('2026-11-21 23:00:00+00', 'default'), NULL, 'open for its pipeline alone');
\o /dev/null
SELECT medallion.add_window('patches', '30 2 * * 0', '1 hour'), medallion.add_window('night', '0 0 * * *', '1 day', '*', 'UTC', 'a "quiet" night');
\o
SELECT is(pg_temp.open_at('2026-11-22 03:00:00+00', 'default'), 'night 2026-11-23 00:00:00, patches 2026-11-22 03:30:00', 'given again, it is another; the last to close comes first');

TRUNCATE run; INSERT INTO run SELECT * FROM medallion.run_pipeline(options => '{"pipeline": "nightly", "schedule": "night"}');
SELECT is((SELECT string_agg(concat_ws(' ', layer, object, status, detail->>'reason'), ', ') FROM run), 'run nightly SKIPPED window "night" is open: a "quiet" night', 'a run of a schedule is skipped');
SELECT is((SELECT status FROM medallion.runs ORDER BY run_id DESC LIMIT 1), 'SKIPPED', '... and logged');
TRUNCATE run; INSERT INTO run SELECT * FROM medallion.run_pipeline(options => '{"pipeline": "nightly"}');
SELECT is((SELECT string_agg(DISTINCT status, ', ') FROM run), 'COMPLETED', 'a run that somebody calls is not');
SELECT is(medallion.drop_window('night'), true, 'taken back');
SELECT is(medallion.drop_window('night'), false, '... once');
SELECT throws_ok($$SELECT medallion.add_window('x', '0 25 * * *', '1 hour')$$, '22023', NULL, 'no time of day');
SELECT throws_ok($$SELECT medallion.add_window('x', '5 seconds', '1 hour')$$, '22023', NULL, 'no cron expression');
SELECT throws_ok($$SELECT medallion.add_window('x', '0 2 * * *', '-1 hour')$$, '23514', NULL, 'no duration');

\o /dev/null
DROP ROLE IF EXISTS windows_plain;
CREATE ROLE windows_plain;
GRANT USAGE ON SCHEMA medallion TO windows_plain;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO windows_plain;
SET ROLE windows_plain;
\o
SELECT throws_ok($$SELECT medallion.drop_window('patches')$$, '42501', NULL, 'another''s window cannot be taken back');
\o /dev/null
RESET ROLE;
DROP OWNED BY windows_plain;
DROP ROLE windows_plain;
\o

-- durations: 30 runs of 60 to 62 seconds, then one of 100; and 10 that found nothing to do
INSERT INTO etl_logs.pipeline_runs (run_id, layer, feature_name, started_at, completed_at, status)
SELECT 1000 + n, 'silver', 'slow', t, t + CASE WHEN n < 31 THEN 60 + n % 3 ELSE 100 END * interval '1 second', 'COMPLETED'
  FROM generate_series(1, 31) n, LATERAL (SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 day') x (t);
INSERT INTO etl_logs.pipeline_runs (run_id, layer, feature_name, started_at, completed_at, status)
SELECT 2000 + n, 'silver', 'slow', t, t + interval '10 ms', 'UNCHANGED' FROM generate_series(1, 10) n, LATERAL (SELECT timestamptz '2026-02-01 00:00+00' + n * interval '1 day') x (t);
SELECT is((SELECT string_agg(format('%s %s %s %s', layer, object, run_id, seconds), ', ') FROM medallion.duration_anomalies('{"z_score": 3}') WHERE object = 'slow'), 'silver slow 1031 100', 'a step that took far longer than before');
SELECT is((SELECT count(*)::int FROM medallion.duration_anomalies('{"max_change": 1}') WHERE object = 'slow'), 0, '... but not twice as long');
DELETE FROM etl_logs.pipeline_runs WHERE run_id = 1031;
SELECT is((SELECT count(*)::int FROM medallion.duration_anomalies() WHERE object = 'slow'), 0, 'as long as ever: no anomaly');
SELECT is((SELECT max(reason) FROM medallion.duration_anomalies('{"max": 61}') WHERE object = 'slow'), NULL, 'the last one counts');

SELECT medallion.drop_window('patches'), medallion.drop_pipeline('nightly'), medallion.drop_feature('one', true) \g /dev/null
SELECT * FROM finish();
