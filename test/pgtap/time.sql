/*
 * as_of(), as_of_run(), diff() against what the tables said when they said it;
 * maintain(): what goes, what stays, and that nothing else changes.
 */
\set name time
\ir setup.psql
SELECT plan(34);

\o /dev/null
SET check_function_bodies = off;
CREATE TEMP TABLE said (run_id bigint, tbl text, r jsonb);
CREATE FUNCTION pg_temp.hear() RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.run();
	INSERT INTO said SELECT (SELECT max(run_id) FROM medallion.runs), 'silver', jsonb_build_object('key', key, 'val', val) FROM silver.f_current;
	INSERT INTO said SELECT (SELECT max(run_id) FROM medallion.runs), 'bronze', jsonb_build_object('key', key, 'val', val) FROM bronze.f JOIN medallion.file_versions ON file_id = _file_id WHERE superseded_at IS NULL;
$$;
SELECT pg_temp.put('f/a.csv', E'key,val\n1,10\n2,20\n');
SELECT medallion.create_feature('f', ARRAY['f/*.csv'], ARRAY['key'], '{"header": 1}');
SELECT pg_temp.run();
SELECT medallion.create_model('total', 'SELECT sum(val) AS total FROM silver.f_current');
SELECT pg_temp.hear();
SELECT pg_temp.put('f/a.csv', E'key,val\n1,11\n2,20\n4,40\n');
SELECT pg_temp.hear();
SELECT pg_temp.put('f/a.csv', E'key,val\n1,11\n3,30\n4,40\n');
SELECT pg_temp.put('f/b.csv', E'key,val\n5,50\n');
SELECT pg_temp.hear();
SELECT pg_temp.hear();
\o
SELECT min(run_id) AS first, max(run_id) AS last FROM said \gset
SELECT set_eq(format($$SELECT jsonb_build_object('key', r->'key', 'val', r->'val') FROM medallion.as_of_run('silver.f', %s) r$$, run_id), format($$SELECT r FROM said WHERE tbl = 'silver' AND run_id = %s$$, run_id), format('silver as of run %s', run_id)) FROM (SELECT DISTINCT run_id FROM said ORDER BY 1) s;
SELECT set_eq(format($$SELECT jsonb_build_object('key', r->'key', 'val', r->'val') FROM medallion.as_of_run('bronze.f', %s) r$$, run_id), format($$SELECT r FROM said WHERE tbl = 'bronze' AND run_id = %s$$, run_id), format('bronze as of run %s', run_id)) FROM (SELECT DISTINCT run_id FROM said ORDER BY 1) s;
SELECT is((SELECT count(*)::int FROM medallion.as_of('silver.f', '2000-01-01')), 0, 'before everything there is nothing');
SELECT set_eq($$SELECT key, val FROM medallion.rows_as_of(NULL::silver.f, now())$$, 'SELECT key, val FROM silver.f_current', 'rows_as_of() has the columns of the table');
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Shanghai';
SELECT set_eq($$SELECT key, val FROM medallion.rows_as_of(NULL::silver.f, now())$$, 'SELECT key, val FROM silver.f_current', '... whatever the session''s dates look like');
RESET datestyle;
RESET timezone;
SELECT throws_like($$SELECT medallion.rows_as_of(1, now())$$, 'rows_as_of() needs a row of a table, not integer', '... and needs one');
SELECT throws_like($$SELECT medallion.as_of_run('silver.f', 12345)$$, 'there is no finished run 12345', 'an unknown run');
SELECT is((SELECT string_agg(concat_ws(' ', change, key->>'key', before->>'val', after->>'val'), ', ') FROM medallion.diff('silver.f', :first, :last)), 'changed 1 10 11, removed 2 20, added 3 30, added 4 40, added 5 50', 'diff of silver: by key');
SELECT is((SELECT count(*)::int FROM medallion.diff('silver.f', :last, :last)), 0, '... of a run with itself');
SELECT is((SELECT string_agg(concat_ws(' ', change, coalesce(after, before)->>'key', coalesce(after, before)->>'val'), ', ') FROM medallion.diff('bronze.f', :first, :first + 1)), 'added 1 11, added 4 40, removed 1 10', 'diff of bronze: whole rows');

/* undone runs never were */
SELECT count(*) > 0 AS done FROM medallion.undo_run(:first + 1) \gset
SELECT is((SELECT count(*)::int FROM medallion.diff('silver.f', :first, :first + 1)), 0, 'an undone run changed nothing');

/* maintain: what may go */
\o /dev/null
SELECT pg_temp.put('r/a.csv', E'key,val\n1,10\n2,20\n');
SELECT medallion.create_feature('r', ARRAY['r/*.csv'], ARRAY['key'], '{"header": 1, "on_change": "restate"}');
SELECT pg_temp.run();
SELECT pg_temp.put('r/a.csv', E'key,val\n1,11\n2,20\n');
SELECT pg_temp.run();
CREATE FUNCTION pg_temp.maintain(options jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', object, action, rows, done), ', ' ORDER BY object, action) FROM medallion.maintain(options) WHERE action <> 'analyze'
$$;
\o
SELECT is(pg_temp.maintain('{}'), NULL, 'maintain: nothing is old enough');
UPDATE medallion.file_versions SET superseded_at = superseded_at - interval '169 hours', withdrawn_at = withdrawn_at - interval '169 hours' WHERE superseded_at IS NOT NULL AND feature_id = (SELECT feature_id FROM medallion.features WHERE name = 'r') OR withdrawn_at IS NOT NULL;
SELECT is(pg_temp.maintain('{}'), 'bronze.f prune 3 f, bronze.r prune 2 f', 'what would go: withdrawn, and superseded that does not count');
SELECT is((SELECT count(*)::int FROM bronze.r), 4, '... a dry run by default');
SELECT is(pg_temp.maintain('{"superseded": "500 hours"}'), NULL, '... not by another policy');
SELECT is(pg_temp.maintain('{"dry_run": false}'), 'bronze.f prune 3 t, bronze.r prune 2 t', 'it goes where asked');
SELECT is((SELECT count(*)::int FROM bronze.r), 2, '... from bronze');
SELECT is(pg_temp.maintain('{"dry_run": false}'), NULL, '... once');
SELECT is(pg_temp.maintain('{"superseded": "0 hours"}'), 'bronze.f keep 2 t', 'what silver folds from stays');
CREATE TEMP TABLE before AS SELECT 'f' AS t, to_jsonb(s) - '{_opened_run_id,_closed_run_id}'::text[] AS r FROM silver.f s UNION ALL SELECT 'r', to_jsonb(s) - '{_opened_run_id,_closed_run_id}'::text[] FROM silver.r s;
SELECT medallion.rebuild('f') \g /dev/null
SELECT medallion.rebuild('r') \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT set_eq($$SELECT 'f' AS t, to_jsonb(s) - '{_opened_run_id,_closed_run_id}'::text[] AS r FROM silver.f s UNION ALL SELECT 'r', to_jsonb(s) - '{_opened_run_id,_closed_run_id}'::text[] FROM silver.r s$$, 'SELECT t, r FROM before', 'silver can be rebuilt from what is left');
SELECT throws_like($$SELECT medallion.maintain('{"older": 1}')$$, 'unrecognized option of maintain() "older"', 'an unknown option');

/* logs: the last word stays */
UPDATE etl_logs.pipeline_runs SET started_at = started_at - interval '400 days';
UPDATE etl_logs.table_statistics SET last_updated = last_updated - interval '400 days';
CREATE TEMP TABLE looks AS SELECT layer, object, rows, changed_at FROM medallion.catalog;
SELECT alike(pg_temp.maintain('{}'), 'etl_logs.pipeline_runs delete % f, etl_logs.table_statistics delete % f', 'logs: what would go');
SELECT alike(pg_temp.maintain('{"dry_run": false}'), 'etl_logs.pipeline_runs delete % t, etl_logs.table_statistics delete % t', '... goes');
SELECT is(pg_temp.maintain('{"dry_run": false}'), NULL, '... once');
SELECT set_eq('SELECT layer, object, rows, changed_at FROM medallion.catalog', 'SELECT * FROM looks', 'the catalog says the same');
SELECT is(pg_temp.maintain('{"logs": null}'), NULL, 'kept for good where asked');

/* the dashboard */
CREATE TEMP TABLE panel AS
SELECT p->>'title' AS title, regexp_replace(t->>'rawSql', '\$__timeFilter\(([^)]*)\)', '\1 > ''2000-01-01''', 'g') AS sql
  FROM jsonb_array_elements(pg_read_file(:'project' || '/docs/grafana.json')::jsonb->'panels') p, jsonb_array_elements(p->'targets') t;
CREATE FUNCTION pg_temp.panel_rows(sql text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM (%s) q', sql) INTO n;
	RETURN n;
END
$$;
SELECT is((SELECT string_agg(title, ', ') FROM panel WHERE pg_temp.panel_rows(sql) = 0 AND title !~ 'Failed'), NULL, 'each query of the Grafana dashboard runs and says something');
SELECT cmp_ok((SELECT count(*)::int FROM panel), '>=', 8, '... of all its panels');
SELECT * FROM finish();
