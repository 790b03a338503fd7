/*
 * profile() by parallel workers: the same as by one process, for random rows of
 * all kinds of types, and who may not have workers has none.
 */
\set name profile_workers
\ir setup.psql
SELECT plan(26);

CREATE SCHEMA work;
SELECT coalesce(nullif(current_setting('test.seed', true), ''), (extract(epoch FROM clock_timestamp()) * 1000)::bigint % 100000 || '') AS seed \gset
\echo # seed :seed
SELECT setseed(:seed / 100000.0);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;

/* profile() with so many workers; takes_part: does the session's own process take part? */
CREATE FUNCTION pg_temp.profiled(tbl regclass, workers int, options jsonb DEFAULT '{}', takes_part bool DEFAULT true) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, true), set_config('parallel_leader_participation', takes_part::text, true);
	RETURN QUERY SELECT to_jsonb(p) FROM medallion.profile(tbl, options || '{"store": false}') p;
END
$$;
/* what differs between one process and several, column by column; also of several and several */
CREATE FUNCTION pg_temp.differing(tbl regclass, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	WITH one AS MATERIALIZED (SELECT * FROM pg_temp.profiled(tbl, 0, options) p), two AS MATERIALIZED (SELECT * FROM pg_temp.profiled(tbl, 2, options) p),
		 four AS MATERIALIZED (SELECT * FROM pg_temp.profiled(tbl, 4, options, false) p)
	SELECT string_agg(format('%s %s of %s: %s, %s by two, %s by four', m.key, one.p->>'column_name', one.p->>'data_type', m.value, two.p->m.key, four.p->m.key), E'\n')
	  FROM one LEFT JOIN two ON two.p->'column_name' = one.p->'column_name' LEFT JOIN four ON four.p->'column_name' = one.p->'column_name', jsonb_each(one.p) m
	 WHERE m.value IS DISTINCT FROM two.p->m.key OR m.value IS DISTINCT FROM four.p->m.key
$$;
/* rows that other processes than the session's own saw */
CREATE FUNCTION work.process() RETURNS int LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$ BEGIN RETURN pg_backend_pid(); END $$;
CREATE FUNCTION pg_temp.shared(tbl regclass, workers int) RETURNS int LANGUAGE sql AS $$
	SELECT max(p->>'records')::int FROM pg_temp.profiled(tbl, workers, jsonb_build_object('where', 'work.process() <> ' || pg_backend_pid()), false) p
$$;

-- all kinds of types; some columns have more values than are counted exactly, some have few, one value is frequent
CREATE TYPE work.colour AS ENUM ('red', 'green', 'blue');
CREATE DOMAIN work.code AS varchar(20);
CREATE FUNCTION work.fill(rows int) RETURNS TABLE (n int, a float8, b float8, c float8) LANGUAGE sql AS $$ SELECT i, random(), random(), random() FROM generate_series(1, rows) i $$;
CREATE TABLE work.kinds AS
SELECT n AS id, n::bigint * 1000003 AS wide_id, (a * 30)::smallint AS small, (a * 9000)::int AS many, (b * 1e6)::float4 AS single,
	   CASE WHEN c < 0.02 THEN 'NaN' WHEN c < 0.03 THEN 'Infinity' WHEN c < 0.04 THEN '-Infinity' WHEN c < 0.2 THEN NULL ELSE a * 1e9 - 5e8 END::float8 AS odd,
	   (a * 1e3 - b)::float8 AS finite, CASE WHEN c < 0.1 THEN NULL ELSE (b * 100000)::numeric(12,2) END AS price, CASE WHEN c < 0.05 THEN 'NaN' ELSE (b * 50)::numeric(10,1) END::numeric AS few,
	   (a * 1e15)::numeric * 1e12::numeric AS vast, '-1e-300'::float8 * (n % 3) AS tiny,
	   CASE WHEN c < 0.1 THEN '' WHEN c < 0.3 THEN 'often' WHEN c < 0.4 THEN NULL ELSE md5(n::text) END AS name,
	   (ARRAY['Köln', 'Bonn 7', '2025-01-02', '12', '-1.5', 'true', '', '今日は'])[1 + n % 8] AS mixed, substr(md5(a::text), 1, 3 + (c * 17)::int)::work.code AS code,
	   date '2020-01-01' + (a * 9000)::int AS day, CASE WHEN c < 0.01 THEN 'infinity' ELSE timestamptz '2020-01-01 UTC' + a * interval '900 days' END AS at,
	   timestamp '2020-01-01' + (b * 40)::int * interval '1 h' AS hour, time '00:00' + b * interval '23 h' AS clock, make_interval(mins => (b * 20000)::int) AS took,
	   a < 0.3 AS yes, md5(b::text)::uuid AS uuid, decode(md5(c::text), 'hex') AS bytes, jsonb_build_object('n', (a * 8000)::int) AS doc, json_build_object('n', (a * 80)::int) AS text_doc,
	   ARRAY[(a * 90)::int, NULL, (b * 90)::int] AS list, ('{red,green,blue}'::work.colour[])[1 + n % 3] AS colour, ARRAY['{red,green,blue}'::work.colour[]] AS colours,
	   ('10.0.' || n / 250 || '.' || n % 250)::inet AS address, int4range(n % 50, 60) AS span, NULL::int AS nothing, NULL::text AS no_text, 7.10::numeric(5,2) AS constant
  FROM work.fill(30000);
ANALYZE work.kinds;
SELECT is(pg_temp.shared('work.kinds', 0), 0, 'without workers the session sees all rows');
SELECT is(pg_temp.shared('work.kinds', 2), 30000, 'workers saw them all where it takes no part');
SELECT is(pg_temp.differing('work.kinds'), NULL, '16384 values counted exactly: the same by any number of workers');
SELECT is(pg_temp.differing('work.kinds', '{"capacity": 4096, "bins": 7, "top": 25}'), NULL, 'and 4096');
SELECT is(pg_temp.differing('work.kinds', '{"where": "d.many < 2000 OR d.name = ''often''", "columns": ["id", "odd", "name", "many"]}'), NULL, 'and of some rows and columns');
SELECT is((SELECT string_agg(p->>'column_name', ',') FROM pg_temp.profiled('work.kinds', 2, '{"capacity": 4096}') p WHERE p->'exact' = 'true'),
		  'small,few,tiny,mixed,hour,yes,text_doc,colour,colours,span,nothing,no_text,constant', 'which are exact');

-- the same numbers as plain SQL
SELECT is((SELECT string_agg(concat_ws(' ', p->>'column_name', round((p->>'mean')::numeric, 4), round((p->>'stddev')::numeric, 4), p->>'minimum', p->>'maximum'), ', ' ORDER BY p->>'column_name')
			 FROM pg_temp.profiled('work.kinds', 2) p WHERE p->>'column_name' IN ('id', 'price', 'many')),
		  (SELECT format('id %s %s %s %s, many %s %s %s %s, price %s %s %s %s', round(avg(id), 4), round(stddev_pop(id), 4), min(id), max(id),
				round(avg(many), 4), round(stddev_pop(many), 4), min(many), max(many), round(avg(price), 4), round(stddev_pop(price), 4), min(price), max(price)) FROM work.kinds), 'moments and extremes are those of plain SQL');
SELECT is((SELECT p->>'mean' FROM pg_temp.profiled('work.kinds', 2) p WHERE p->>'column_name' = 'odd'), 'NaN', 'a NaN is the mean');
SELECT is((SELECT (p->'most_frequent'->0) - 'share' FROM pg_temp.profiled('work.kinds', 2, '{"capacity": 4096}') p WHERE p->>'column_name' = 'name'),
		  (SELECT jsonb_build_object('value', 'often', 'count', count(*)) FROM work.kinds WHERE name = 'often'), 'a frequent value is counted exactly');
SELECT ok(bool_and(abs((q.value::float8 - q.key::float8 * 30000)) < 500), 'quantiles by a sample') FROM pg_temp.profiled('work.kinds', 2, '{"columns": ["id"], "capacity": 4096}') p, jsonb_each_text(p->'quantiles') q;

-- numbers far from 0 with little between them; equal ones
CREATE TABLE work.far AS SELECT 1e6 + a AS far, 0.1::float8 AS equal, 1e200 * a AS huge FROM work.fill(30000);
SELECT is(pg_temp.differing('work.far'), NULL, 'far numbers: the same');
SELECT ok(abs((p->>'stddev')::float8 - t.s) < 1e-9, format('far: %s for %s', p->>'stddev', t.s))
  FROM pg_temp.profiled('work.far', 2) p, (SELECT stddev_pop(far::numeric)::float8 AS s FROM work.far) t WHERE p->>'column_name' = 'far';
SELECT is((SELECT p->>'stddev' FROM pg_temp.profiled('work.far', 2) p WHERE p->>'column_name' = 'equal'), '0', 'equal numbers do not deviate');

-- texts out of line, more than are kept; and empty, partitioned and inherited tables
CREATE TABLE work.docs AS SELECT n, (SELECT string_agg(md5(n || ' ' || i), '') FROM generate_series(1, 700) i) AS doc FROM generate_series(1, 600) n;
SELECT is(pg_temp.differing('work.docs'), NULL, 'long texts: the same');
SELECT is((SELECT concat_ws('|', p->>'exact', p->>'distinct_count', p->>'min_length', p->>'uniqueness') FROM pg_temp.profiled('work.docs', 2) p WHERE p->>'column_name' = 'doc'), 'false|600|22400|1', 'more of them than 8 MB are sampled');
CREATE TABLE work.empty (LIKE work.kinds);
SELECT is(pg_temp.differing('work.empty'), NULL, 'no rows: the same');
SELECT is((SELECT count(*) FROM pg_temp.profiled('work.empty', 2)), 32::bigint, 'a row per column');
CREATE TABLE work.parts (LIKE work.kinds) PARTITION BY RANGE (id);
CREATE TABLE work.part_1 PARTITION OF work.parts FOR VALUES FROM (1) TO (9000);
CREATE TABLE work.part_2 PARTITION OF work.parts DEFAULT;
INSERT INTO work.parts TABLE work.kinds;
SELECT is(pg_temp.differing('work.parts', '{"capacity": 4096}'), NULL, 'partitions: the same');

-- who has none
CREATE TEMP TABLE passing AS TABLE work.kinds;
SELECT is(pg_temp.shared('passing', 2), 0, 'temporary tables: one process');
CREATE VIEW work.seen AS SELECT k.*, random() < 2 AS sure FROM work.kinds k;
SELECT is(pg_temp.differing('work.seen', '{"columns": ["small", "few", "mixed", "sure"]}'), NULL, 'views: the same, where values are counted exactly');
CREATE TABLE work.broad AS SELECT 1 AS c1;
SELECT format('ALTER TABLE work.broad %s', string_agg('ADD c' || i || ' int DEFAULT ' || i, ', ')) FROM generate_series(2, 120) i \gexec
SELECT is((SELECT count(*) FROM pg_temp.profiled('work.broad', 2)), 120::bigint, 'more columns than a function has arguments');
CREATE TYPE work.pair AS (a int, b int);
CREATE TABLE work.pairs AS SELECT ROW(n, n)::work.pair AS pair FROM generate_series(1, 100) n;
SELECT is(pg_temp.differing('work.pairs'), NULL, 'rows of a type that a user defined: the same');
CREATE ROLE profile_reader;
GRANT USAGE ON SCHEMA medallion, work TO profile_reader;
GRANT EXECUTE ON FUNCTION medallion.profile(regclass, jsonb) TO profile_reader;
GRANT SELECT (id) ON work.kinds TO profile_reader;
GRANT SELECT ON work.far TO profile_reader;
SET ROLE profile_reader;
SET max_parallel_workers_per_gather = 2;
SELECT is((SELECT maximum FROM medallion.profile('work.kinds', '{"columns": ["id"], "store": false}')), '30000', 'who may read one column alone, profiles it');
SELECT is((SELECT count(*) FROM medallion.profile('work.far', '{"store": false}')), 3::bigint, 'who may use profile() alone');
SELECT throws_ok($$SELECT * FROM medallion.profile('work.kinds', '{"store": false}')$$, '42501', NULL, 'and no more than that');
RESET ROLE;
DROP OWNED BY profile_reader;
DROP ROLE profile_reader;
SELECT throws_ok($$SELECT medallion.profile_step(NULL, 1, NULL, NULL, 1)$$, NULL, NULL, 'the step is of no use by itself');
SELECT * FROM finish();
