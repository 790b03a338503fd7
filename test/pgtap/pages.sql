/*
 * Loads large enough for pages of their own: rows of every width, NULLs in
 * every place, values that move out of the table, columns that come and go;
 * the same rows as the statements for tables that are not plain write.
 */
\set name pages
\ir setup.psql
\ir contrib.psql
\if :no_contrib
\quit
\endif

SELECT plan(19);
CREATE EXTENSION IF NOT EXISTS amcheck;

/* rows of n columns whose widths and gaps the seed decides; ids from first on */
CREATE FUNCTION pg_temp.rows(first int, count int, columns int, seed int) RETURNS TABLE (line text) LANGUAGE sql AS $$
	SELECT r || ',' || (SELECT string_agg(CASE h % 7 WHEN 0 THEN '' WHEN 1 THEN (h % 1000)::text ELSE repeat(chr(97 + h % 26), h % 40) END, ',' ORDER BY c)
		  FROM (SELECT c, abs(hashint8(r::bigint * 1000 + c * 7 + rows.seed)) % 100000 AS h FROM generate_series(1, rows.columns) c) x)
	FROM generate_series(first, first + count - 1) r
$$;
CREATE FUNCTION pg_temp.put_rows(path text, names text, VARIADIC source text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.put(path, names || E'\n' || array_to_string(source, E'\n') || E'\n');
END
$$;
/* how many rows of a bronze table are not those that its file has, read by the server */
CREATE FUNCTION pg_temp.differences(tbl text, columns text, path text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('DROP TABLE IF EXISTS expected; CREATE TEMP TABLE expected AS SELECT %2$s FROM %1$s LIMIT 0;', tbl, columns);
	EXECUTE format('COPY expected FROM %L WITH (FORMAT csv, HEADER)', current_setting('test.tree') || '/' || path);
	EXECUTE format('SELECT count(*) FROM ((SELECT %2$s FROM %1$s EXCEPT ALL TABLE expected) UNION ALL (TABLE expected EXCEPT ALL SELECT %2$s FROM %1$s)) d', tbl, columns) INTO result;
	RETURN result;
END
$$;

\set names 'id,a,b,c,d,e,f,g,h'

-- whole pages
\o /dev/null
SELECT medallion.create_feature('wide', '{wide/*.csv}');
SELECT pg_temp.put_rows('wide/a.csv', :'names', VARIADIC array_agg(line)) FROM pg_temp.rows(1, 60000, 8, 1);
SELECT pg_temp.run('wide');
\o
SELECT is(pg_temp.errors(), 'none', 'a large file loads');
SELECT ok(pg_relation_size('bronze.wide') > 8 * 1024 * 1024, 'it is large enough');
SELECT is(pg_temp.differences('bronze.wide', :'names', 'wide/a.csv'), 0::bigint, 'its rows are those that the server reads');
SELECT is((SELECT count(*) FROM verify_heapam('bronze.wide')), 0::bigint, 'its pages are sound');
SELECT is((SELECT count(DISTINCT _row) || ' ' || min(_row) || ' ' || max(_row) FROM bronze.wide), '60000 2 60001', 'every row has its number');
SELECT is((SELECT count(*) FROM silver.wide), 60000::bigint, 'silver of the same transaction sees them');

-- the same rows, by statements: an index keeps them from pages of their own
\o /dev/null
SELECT pg_temp.put('plain/none.csv', E'id,a,b,c,d,e,f,g,h\n0,,,,,,,,\n');
SELECT medallion.create_feature('indexed', '{plain/*.csv}');
SELECT pg_temp.run('indexed');
CREATE INDEX ON bronze.indexed (id);
SELECT pg_temp.shell(format('cp %1$s/wide/a.csv %1$s/plain/a.csv', :'tree'));
SELECT pg_temp.run('indexed');
\o
SELECT is((SELECT detail->>'path' FROM run WHERE layer = 'bronze'), 'sql', 'a table with an index takes the other way');
SELECT is((SELECT count(*) FROM (SELECT id, a, b, c, d, e, f, g, h, _sheet, _row, _rescued_data FROM bronze.wide EXCEPT ALL
		SELECT id, a, b, c, d, e, f, g, h, _sheet, _row, _rescued_data FROM bronze.indexed) d), 0::bigint, 'with the same rows');

-- values that are stored outside of the table, between others
\o /dev/null
SELECT medallion.create_feature('long', '{long/*.csv}');
SELECT pg_temp.put_rows('long/a.csv', 'id,text', VARIADIC array_agg(r || ',' || CASE WHEN r % 1000 = 0 THEN
	(SELECT string_agg(md5(r::text || i), '') FROM generate_series(1, 300) i) ELSE repeat('x', r % 2000) END)) FROM generate_series(1, 20000) r;
SELECT pg_temp.run('long');
\o
SELECT is(pg_temp.differences('bronze.long', 'id,text', 'long/a.csv'), 0::bigint, 'long values are as they were');
SELECT ok(pg_relation_size((SELECT reltoastrelid FROM pg_class WHERE oid = 'bronze.long'::regclass)) > 0, 'and lie outside');
SELECT is((SELECT count(*) FROM verify_heapam('bronze.long')), 0::bigint, 'its pages are sound');

-- columns that a later file brings stand behind the bookkeeping; one that was dropped leaves a gap
\o /dev/null
SELECT pg_temp.put_rows('wide/b.csv', :'names' || ',late', VARIADIC array_agg(line)) FROM pg_temp.rows(100001, 60000, 9, 2);
SELECT pg_temp.run('wide');
\o
SELECT is(pg_temp.differences('(SELECT * FROM bronze.wide WHERE id::int > 100000) later', :'names' || ',late', 'wide/b.csv'), 0::bigint, 'a column more');
SELECT is((SELECT count(*) FROM bronze.wide WHERE id::int <= 100000 AND late IS NOT NULL), 0::bigint, 'it is NULL before');
SELECT is((SELECT count(*) FROM verify_heapam('bronze.wide')), 0::bigint, 'its pages are sound');

-- silver's first versions are written likewise
\o /dev/null
SELECT pg_temp.put_rows('versions/a.csv', :'names', VARIADIC array_agg(line)) FROM pg_temp.rows(1, 60000, 8, 4);
SELECT medallion.create_feature('versions', '{versions/*.csv}', '{id}');
SELECT * FROM medallion.run_pipeline('{versions}');
\o
SELECT is((SELECT (count(*), count(DISTINCT id))::text FROM silver.versions), '(60000,60000)', 'versions, enough for pages of their own');
SELECT is((SELECT count(*) FROM verify_heapam('silver.versions')), 0::bigint, 'their pages are sound');

-- what an aborted load leaves is not seen, and goes with VACUUM
\o /dev/null
SELECT pg_temp.put_rows('broken/a.csv', :'names', VARIADIC array_agg(line) || 'x,"'::text) FROM pg_temp.rows(1, 60000, 8, 3);
SELECT medallion.create_feature('broken', '{broken/*.csv}', NULL, '{"max_errors": 0}');
SELECT pg_temp.put('broken/0.csv', :'names' || E'\n1,a,b,c,d,e,f,g,h\n');
SELECT pg_temp.run('broken');
\o
SELECT is((SELECT status FROM run WHERE layer = 'bronze'), 'PARTIAL', 'a malformed row at the end of a large file fails it');
SELECT is((SELECT count(*) FROM bronze.broken), 1::bigint, 'none of its rows is seen');
SELECT is((SELECT count(*) FROM verify_heapam('bronze.broken')), 0::bigint, 'the pages it left are sound');

SELECT * FROM finish();
