/*
 * maintain(): quarantine by policy, alerts, numbers and profiles, statistics for the
 * planner; each once, nothing by a dry run.  Bronze and logs are in time.sql.
 */
\set name maintain
\ir setup.psql
SELECT plan(19);

CREATE FUNCTION pg_temp.maintain(options jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', object, action, rows, done), ', ' ORDER BY object, action) FROM medallion.maintain(options)
$$;
\o /dev/null
SELECT pg_temp.put('q/a.csv', E'id,v\n1,10\n2,12\n3,30\n,5\n');
SELECT medallion.create_feature('q', '{q/*.csv}', '{id}', '{"null_key": "quarantine", "checks": [{"kind": "range", "columns": ["v"], "params": {"max": 20}, "action": "quarantine"}]}');
SELECT pg_temp.run();
\o
SELECT is((SELECT count(*)::int FROM medallion.quarantine), 2, 'two rows in quarantine');
SELECT is(pg_temp.maintain('{}'), NULL, 'young');

/* quarantine: where asked, and old enough */
UPDATE medallion.runs SET finished_at = finished_at - interval '31 days';
SELECT is(pg_temp.maintain('{}'), NULL, 'quarantine stays where nobody asks');
SELECT is(pg_temp.maintain('{"quarantine": "32 days"}'), NULL, '... or it is not old enough');
SELECT is(pg_temp.maintain('{"quarantine": "30 days"}'), 'medallion.quarantine delete 2 f', '... a dry run tells');
SELECT is((SELECT count(*)::int FROM medallion.quarantine), 2, '... and does nothing');
SELECT is(pg_temp.maintain('{"quarantine": "30 days", "dry_run": false}'), 'medallion.quarantine delete 2 t', '... it goes');
SELECT is((SELECT count(*)::int FROM medallion.quarantine), 0, '... wholly');
SELECT is((SELECT count(*)::int FROM bronze.q), 4, '... and is in bronze still');
SELECT is(pg_temp.maintain('{"quarantine": "30 days", "dry_run": false}'), NULL, '... once');

/* alerts: the last of each kind and object stays */
INSERT INTO medallion.alerts (raised_at, kind, severity, layer, object, message)
SELECT now() - n * interval '100 days', 'failure', 'error', 'silver', CASE WHEN n < 6 THEN 'q' ELSE 'r' END, n::text FROM generate_series(6, 1, -1) n;
SELECT is(pg_temp.maintain('{}'), 'medallion.alerts delete 2 f', 'alerts of over a year');
SELECT is(pg_temp.maintain('{"dry_run": false, "logs": "150 days"}'), 'medallion.alerts delete 4 t', '... or as old as said');
SELECT is((SELECT string_agg(object || message, ', ' ORDER BY object) FROM medallion.alerts), 'q1, r6', '... but for the last of each');

/* numbers that rules look back on, profiles */
INSERT INTO medallion.measurements (table_name, metric, column_name, value, measured_at)
SELECT 'silver.q', 'mean', 'v', n, now() - interval '5 years' + n * interval '1 day' FROM generate_series(1, 40) n;
SELECT pg_temp.maintain('{}') AS said \gset
SELECT matches(:'said'::text, '^medallion.measurements delete \d+ f$', 'numbers of over two years');
SELECT is(pg_temp.maintain('{"measurements": null}'), NULL, '... kept for good where asked');
SELECT isnt(pg_temp.maintain('{"dry_run": false}'), NULL, '... go');
SELECT cmp_ok((SELECT count(*)::int FROM medallion.measurements), '>=', 30, '... but for those that rules look back on');

/* statistics */
\o /dev/null
SELECT pg_temp.put('q/b.csv', (SELECT E'id,v\n' || string_agg(format(E'%s,1\n', n), '') FROM generate_series(10, 5000) n));
SELECT pg_temp.run();
SELECT pg_sleep(1.5);		-- the server counts changes when a session is idle for a second
SELECT pg_stat_clear_snapshot();
\o
SELECT alike(pg_temp.maintain('{}'), '%silver.q analyze % t%', 'what changed much is analysed, by a dry run too');
SELECT is((SELECT count(*)::int > 0 FROM pg_stats WHERE schemaname = 'silver' AND tablename = 'q'), true, '... so that the planner knows');
SELECT * FROM finish();
