/* maintain(): months that are old move, are detached, or go; numbers that are old go, but for those that rules need. */
\set name partitions
\ir setup.psql
SELECT plan(20);

\o /dev/null
DROP TABLESPACE IF EXISTS medallion_cold;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE medallion_cold LOCATION '';
SELECT pg_temp.put('log/a.csv', E'Id,Day,Amount\n1,2020-01-05,1\n2,2020-02-05,2\n3,2020-02-06,4\n4,' || current_date || E',8\n');
SELECT medallion.create_feature('log', '{log/*.csv}', NULL, '{"partition_by": "day", "columns": {"day": {"type": "date"}}}');
SELECT medallion.create_feature('keyed', '{log/*.csv}', '{id}', '{"partition_by": "day", "columns": {"day": {"type": "date"}}}');
SELECT pg_temp.run();
SELECT medallion.create_model('months', 'SELECT extract(year FROM day) AS year, sum(amount) AS amount FROM silver.log GROUP BY 1', '{"refresh": "incremental"}');
SELECT pg_temp.run();
ANALYZE silver.log, silver.keyed;
CREATE FUNCTION pg_temp.maintain(partitions jsonb, dry boolean) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', object, action, rows, done), ', ' ORDER BY object COLLATE "C")
	  FROM medallion.maintain(jsonb_build_object('partitions', partitions, 'dry_run', dry)) WHERE action IN ('move', 'detach', 'drop', 'keep')
$$;
CREATE FUNCTION pg_temp.moved() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(c.relname, ' ' ORDER BY c.relname COLLATE "C") FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE s.spcname = 'medallion_cold' AND c.relkind = 'r'
$$;
CREATE FUNCTION pg_temp.sound() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(year || ' ' || amount, ', ' ORDER BY year) FROM gold.months
$$;
SET datestyle = 'German, DMY';		-- no session setting may reach results
\o

SELECT is(pg_temp.maintain('{"older_than": "1 year", "action": "move", "tablespace": "medallion_cold"}', true),
	'silver.keyed_2020_01 move 1 f, silver.keyed_2020_02 move 2 f, silver.log_2020_01 move 1 f, silver.log_2020_02 move 2 f', 'what would move');
SELECT is(pg_temp.moved(), NULL, '... is where it was');
SELECT is(pg_temp.maintain('{"older_than": "1 year", "action": "move", "tablespace": "medallion_cold"}', false),
	'silver.keyed_2020_01 move 1 t, silver.keyed_2020_02 move 2 t, silver.log_2020_01 move 1 t, silver.log_2020_02 move 2 t', 'it moves');
SELECT is(pg_temp.moved(), 'keyed_2020_01 keyed_2020_02 log_2020_01 log_2020_02', '... all of it');
SELECT is((SELECT count(*)::int FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indrelid IN ('silver.keyed_2020_01'::regclass, 'silver.keyed_2020_02'::regclass) AND c.reltablespace = 0), 0, '... its indexes too');
SELECT is(pg_temp.maintain('{"older_than": "1 year", "action": "move", "tablespace": "medallion_cold"}', false), NULL, '... once');
SELECT pg_temp.put('log/b.csv', E'Id,Day,Amount\n1,2020-01-05,1.5\n5,2020-01-06,16\n') \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT is(pg_temp.errors(), 'none', 'a late file is taken in there');
SELECT is(pg_temp.sound(), '2020 24.5, ' || extract(year FROM current_date) || ' 8', '... into gold too');

ANALYZE silver.log, silver.keyed;
SELECT is(pg_temp.maintain('{"older_than": "1 year", "action": "detach"}', false),
	'silver.keyed_2020_01 keep 3 t, silver.keyed_2020_02 keep 2 t, silver.log_2020_01 detach 3 t, silver.log_2020_02 detach 2 t', 'months are detached where keys have no history');
SELECT is((SELECT count(*)::int FROM silver.log), 1, '... from silver');
SELECT is((SELECT count(*)::int FROM silver.log_2020_01), 3, '... and are still there');
SELECT pg_temp.run() \g /dev/null
SELECT is(pg_temp.sound(), extract(year FROM current_date) || ' 8', 'the next run takes them out of gold');
SELECT is((SELECT count(*)::int FROM medallion.verify('log') WHERE broken > 0), 0, 'silver is sound');
\o /dev/null
DROP TABLE silver.log_2020_01, silver.log_2020_02;
SELECT medallion.rebuild('log');
SELECT pg_temp.run();
ANALYZE silver.log;
\o
SELECT is((SELECT count(*)::int FROM silver.log), 6, 'a rebuild brings them back from bronze');
SELECT is(pg_temp.maintain('{"older_than": "1 year", "action": "drop"}', false) || to_regclass('silver.log_2020_01'), NULL, 'dropped months are gone');
SELECT throws_ok($$SELECT medallion.maintain('{"partitions": {"older_than": "1 year", "action": "move"}}')$$, '22023', NULL, 'no tablespace to move to');
SELECT throws_ok($$SELECT medallion.maintain('{"partitions": {"older_than": "1 year", "action": "move", "tablespace": "nowhere"}}')$$, '42704', NULL, 'a tablespace that is none');
SELECT throws_ok($$SELECT medallion.maintain('{"partitions": {"older": "1 year"}}')$$, '22023', NULL, 'an option that is none');

-- numbers: 100 of a series, of which 30 stay
INSERT INTO medallion.measurements (table_name, metric, column_name, value, measured_at) SELECT 'silver.log', 'rows', '', n, now() - interval '3 years' FROM generate_series(1, 100) n;
SELECT is((SELECT string_agg(concat_ws(' ', object, action, rows), ', ') FROM medallion.maintain('{"dry_run": false}') WHERE object = 'medallion.measurements'), 'medallion.measurements delete 70', 'old numbers go');
SELECT is((SELECT min(value) FROM medallion.measurements WHERE metric = 'rows'), 71::float8, '... but for the last 30');

\o /dev/null
SELECT medallion.drop_model('months'), medallion.drop_feature('log', true), medallion.drop_feature('keyed', true);
DROP TABLESPACE medallion_cold;
\o
SELECT * FROM finish();
