/*
 * A run with one new file costs that file: silver reads the blocks of bronze that
 * the ledger knows its rows to lie in, and nothing else; where they are no longer
 * there it reads them wherever they are.
 */
\set name blocks
\ir setup.psql

SELECT plan(33);

/* a file of rows: ids from first on, values by a seed */
CREATE FUNCTION pg_temp.put_rows(path text, first int, count int, seed int) RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.put(path, E'id,value,note\n' || string_agg(format(E'%s,%s,%s\n', i, (i * 7 + seed) % 1000, repeat(chr(97 + (i + seed) % 26), i % 60)), '' ORDER BY i))
	  FROM generate_series(first, first + count - 1) i
$$;
/* what a run reads of a bronze table: whole scans, and blocks */
CREATE TABLE reads (scans bigint, blocks bigint);
CREATE FUNCTION pg_temp.run_and_watch(feature text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t oid := format('bronze.%I', feature)::regclass;
	scans bigint;
	blocks bigint;
BEGIN
	-- while autovacuum works on the table, blocks are not read by themselves
	EXECUTE format('ALTER TABLE bronze.%I SET (autovacuum_enabled = off)', feature);
	scans := pg_stat_get_xact_numscans(t);
	blocks := pg_stat_get_xact_blocks_fetched(t);
	PERFORM pg_temp.run(feature);
	TRUNCATE reads;
	INSERT INTO reads SELECT pg_stat_get_xact_numscans(t) - scans, pg_stat_get_xact_blocks_fetched(t) - blocks;
END
$$;
/* blocks that the ledger knows a file's rows in; NULL: not known, or no longer */
CREATE FUNCTION pg_temp.blocks(feature text, file text) RETURNS bigint LANGUAGE sql AS $$
	SELECT upper(v.blocks) - lower(v.blocks) FROM medallion.file_versions v JOIN medallion.features f USING (feature_id)
	 WHERE f.name = feature AND v.path LIKE '%' || file AND v.superseded_at IS NULL
	   AND v.filenode = pg_relation_filenode(format('bronze.%I', feature)::regclass)
$$;
/* rows of silver in force that are not what live files say, and the other way round */
CREATE FUNCTION pg_temp.differences(feature text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('WITH said AS (SELECT b.id::bigint, b.value::bigint, b.note FROM bronze.%1$I b JOIN medallion.file_versions v'
		' ON v.file_id = b._file_id AND v.superseded_at IS NULL AND v.status = ''LOADED''),'
		' held AS (SELECT id::bigint, value::bigint, note FROM silver.%1$I%2$s)'
		' SELECT count(*) FROM ((TABLE said EXCEPT ALL TABLE held) UNION ALL (TABLE held EXCEPT ALL TABLE said)) d',
		feature, CASE feature WHEN 'keyed' THEN '_current' ELSE '' END) INTO result;
	RETURN result;
END
$$;
/* what the last statistics say of a table, and how many rows it has */
CREATE FUNCTION pg_temp.counted(feature text, layer text DEFAULT 'bronze') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT (SELECT record_count FROM etl_logs.table_statistics WHERE table_name = ''%2$s.%1$s'' ORDER BY stat_id DESC LIMIT 1) || '' of '' || count(*) FROM %2$s.%1$I', feature, layer) INTO result;
	RETURN result;
END
$$;

\o /dev/null
SELECT pg_temp.put_rows('plain/a.csv', 1, 80000, 1);
SELECT pg_temp.put_rows('keyed/a.csv', 1, 40000, 1);
SELECT medallion.create_feature('plain', '{plain/*.csv}');
SELECT medallion.create_feature('keyed', '{keyed/*.csv}', '{id}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.blocks('plain', 'a.csv') >= pg_relation_size('bronze.plain') / current_setting('block_size')::int - 1, true, 'a file''s blocks are noted');
SELECT ok(pg_relation_size('bronze.plain') > 200 * current_setting('block_size')::int, 'they are many');

-- one new file
\o /dev/null
SELECT pg_temp.put_rows('plain/b.csv', 100001, 300, 2);
SELECT pg_temp.run_and_watch('plain');
\o
SELECT is(pg_temp.errors(), 'none', 'a new file');
SELECT is((SELECT scans FROM reads), 0::bigint, 'bronze is never scanned for it');
SELECT cmp_ok((SELECT blocks FROM reads), '<', 60::bigint, 'a few of its blocks are read');
SELECT is(pg_temp.differences('plain'), 0::bigint, 'its rows are in silver');
SELECT is(pg_temp.counted('plain'), '80300 of 80300', 'bronze is counted right');
SELECT is(pg_temp.counted('plain', 'silver'), '80300 of 80300', 'so is silver');
SELECT ok(pg_relation_size('silver.plain') > 1000 * current_setting('block_size')::int, '... which is too large to be counted each time');
SELECT pg_temp.put_rows('keyed/b.csv', 100001, 300, 2) \g /dev/null
SELECT pg_temp.run_and_watch('keyed') \g /dev/null
SELECT is((SELECT scans FROM reads) || ' ' || pg_temp.differences('keyed'), '0 0', 'the same where history is kept');

-- several, loaded apart: blocks of each
\o /dev/null
SELECT pg_temp.put_rows('plain/c.csv', 100301, 300, 3);
SELECT pg_temp.put_rows('keyed/c.csv', 100301, 300, 3);
SELECT medallion.run_pipeline(NULL, '{bronze}');
SELECT pg_temp.put_rows('plain/d.csv', 200001, 12000, 4);
SELECT pg_temp.put_rows('keyed/b.csv', 100001, 300, 5);
SELECT medallion.run_pipeline(NULL, '{bronze}');
SELECT pg_temp.run_and_watch('plain');
\o
SELECT is((SELECT scans FROM reads) || ' ' || pg_temp.differences('plain'), '0 0', 'files of two loads');
SELECT pg_temp.run_and_watch('keyed') \g /dev/null
SELECT is((SELECT scans FROM reads) || ' ' || pg_temp.differences('keyed'), '0 0', 'a file and a new version of another');

-- statistics of a table that somebody else has changed a lot
\o /dev/null
CREATE TABLE gone AS SELECT * FROM silver.plain WHERE id BETWEEN 1 AND 9000;
BEGIN;
DELETE FROM silver.plain WHERE id BETWEEN 1 AND 9000;
SELECT pg_stat_force_next_flush();		-- or others hear of it up to a second later
COMMIT;
SELECT pg_temp.put_rows('plain/h.csv', 950001, 300, 1);
SELECT pg_temp.run('plain');
\o
SELECT is(pg_temp.counted('plain', 'silver'), (SELECT count(*) || ' of ' || count(*) FROM silver.plain), 'rows of silver deleted by hand are noticed');
INSERT INTO silver.plain SELECT * FROM gone;

-- rows that are not where they were: the table is read
\o /dev/null
SELECT pg_temp.put_rows('plain/e.csv', 300001, 300, 6);
SELECT medallion.run_pipeline('{plain}', '{bronze}');
UPDATE bronze.plain SET value = '999' WHERE id::int BETWEEN 300001 AND 300300;
SELECT pg_temp.run_and_watch('plain');
\o
SELECT ok((SELECT bool_or(NOT (b.ctid::text::point)[0]::bigint <@ v.blocks) FROM bronze.plain b JOIN medallion.file_versions v ON v.file_id = b._file_id
	WHERE v.path LIKE '%plain/e.csv'), 'rows updated by hand have moved');
SELECT cmp_ok((SELECT blocks FROM reads), '>', 200::bigint, '... bronze is scanned');
SELECT is(pg_temp.differences('plain'), 0::bigint, '... and what they say now is in silver');
\o /dev/null
SELECT pg_temp.put_rows('plain/f.csv', 400001, 300, 7);
SELECT medallion.run_pipeline('{plain}', '{bronze}');
DELETE FROM bronze.plain WHERE id = '400002';
SELECT pg_temp.run('plain');
\o
SELECT is(pg_temp.differences('plain'), 0::bigint, 'a row deleted by hand');
\o /dev/null
SELECT pg_temp.put_rows('plain/g.csv', 500001, 300, 8);
SELECT medallion.run_pipeline('{plain}', '{bronze}');
\o
VACUUM FULL bronze.plain;
SELECT is(pg_temp.blocks('plain', 'g.csv'), NULL, 'VACUUM FULL moves rows');
SELECT pg_temp.run('plain') \g /dev/null
SELECT is(pg_temp.differences('plain'), 0::bigint, '... which are found');

-- CLUSTER; afterwards a table without index is read by blocks again
\o /dev/null
SELECT pg_temp.put_rows('keyed/d.csv', 500001, 300, 8);
SELECT medallion.run_pipeline('{keyed}', '{bronze}');
CREATE INDEX keyed_value ON bronze.keyed (value);
CLUSTER bronze.keyed USING keyed_value;
SELECT pg_temp.run('keyed');
\o
SELECT is(pg_temp.differences('keyed'), 0::bigint, 'CLUSTER moves rows, which are found');
\o /dev/null
SELECT pg_temp.put_rows('keyed/e.csv', 600001, 300, 9);
SELECT pg_temp.run('keyed');
\o
SELECT is(coalesce(pg_temp.blocks('keyed', 'e.csv')::text, 'unknown') || ' ' || pg_temp.differences('keyed'), 'unknown 0', 'a table with an index: blocks are not noted');
SELECT is(pg_temp.counted('keyed'), (SELECT count(*) || ' of ' || count(*) FROM bronze.keyed), '... and it is counted');
\o /dev/null
DROP INDEX bronze.keyed_value;
\o
VACUUM bronze.keyed;
\o /dev/null
SELECT pg_temp.put_rows('keyed/f.csv', 700001, 300, 10);
SELECT pg_temp.run_and_watch('keyed');
\o
SELECT is((SELECT scans FROM reads) || ' ' || pg_temp.differences('keyed'), '0 0', 'a rewritten table is counted once: the next file is read by its blocks');
SELECT is(pg_temp.counted('keyed'), (SELECT count(*) || ' of ' || count(*) FROM bronze.keyed), '... and the ledger''s count is right');

-- a copy of the table, with the file node of another by chance: rows are where they are not said to be
\o /dev/null
SELECT pg_temp.put_rows('keyed/g.csv', 800001, 300, 11);
SELECT medallion.run_pipeline('{keyed}', '{bronze}');
CREATE TABLE copied AS SELECT * FROM bronze.keyed ORDER BY md5(id);
TRUNCATE bronze.keyed;
INSERT INTO bronze.keyed SELECT * FROM copied;
UPDATE medallion.file_versions v SET filenode = pg_relation_filenode('bronze.keyed') FROM medallion.features f WHERE f.feature_id = v.feature_id AND f.name = 'keyed';
SELECT pg_temp.run('keyed');
\o
SELECT is(pg_temp.differences('keyed'), 0::bigint, 'rows restored in another order, under the same file node');

-- space that VACUUM freed is used again: a file's blocks are where they are
\o /dev/null
SELECT medallion.create_feature('holes', '{holes/*.csv}');
SELECT pg_temp.put_rows('holes/a.csv', 1, 20000, 1);
SELECT pg_temp.put_rows('holes/b.csv', 30001, 20000, 1);
SELECT pg_temp.run('holes');
DELETE FROM bronze.holes WHERE id::int BETWEEN 5000 AND 7600;
\o
VACUUM bronze.holes;
\o /dev/null
SELECT pg_temp.put_rows('holes/c.csv', 60001, 1500, 1);
SELECT pg_temp.run_and_watch('holes');
\o
SELECT is(pg_temp.errors() || ' ' || (SELECT count(*) FROM silver.holes WHERE id > 60000) || ' ' || (SELECT sum(value) FROM silver.holes WHERE id > 60000),
	'none 1500 ' || (SELECT sum(value::int) FROM bronze.holes WHERE id::int > 60000), 'rows in holes are found');
SELECT ok((SELECT upper(blocks) < pg_relation_size('bronze.holes') / current_setting('block_size')::int FROM medallion.file_versions WHERE path LIKE '%holes/c.csv'),
	'they lie there');

-- one empty page is left alone: the rows of a file would be far from each other
\o /dev/null
SELECT medallion.create_feature('hole', '{hole/*.csv}');
SELECT pg_temp.put_rows('hole/a.csv', 1, 20000, 1);
SELECT pg_temp.run('hole');
DELETE FROM bronze.hole WHERE ctid >= '(3,0)' AND ctid < '(4,0)';
\o
VACUUM bronze.hole;
\o /dev/null
SELECT pg_temp.put_rows('hole/b.csv', 60001, 600, 1);
SELECT pg_temp.run_and_watch('hole');
\o
SELECT cmp_ok(pg_temp.blocks('hole', 'b.csv'), '<', 30::bigint, 'an empty page alone does not draw rows');

-- undone, and loaded again
\o /dev/null
SELECT pg_temp.put_rows('undone/a.csv', 1, 20000, 1);
SELECT pg_temp.put_rows('undone/b.csv', 30001, 300, 1);
SELECT medallion.create_feature('undone', '{undone/*.csv}');
SELECT pg_temp.run('undone');
SELECT pg_temp.put_rows('undone/b.csv', 30001, 300, 2);
SELECT pg_temp.put_rows('undone/c.csv', 40001, 300, 3);
SELECT pg_temp.run('undone');
SELECT medallion.undo_run((SELECT max(run_id) FROM medallion.runs));
\o
SELECT is(pg_temp.differences('undone'), 0::bigint, 'a run undone');
\o /dev/null
SELECT pg_temp.put_rows('undone/b.csv', 30001, 300, 4);
SELECT pg_temp.run_and_watch('undone');
\o
SELECT is((SELECT scans FROM reads) || ' ' || pg_temp.differences('undone'), '0 0', '... and the next version');
SELECT is(pg_temp.counted('undone'), (SELECT count(*) || ' of ' || count(*) FROM bronze.undone), '... counted right');

-- pulled from a relation
\o /dev/null
CREATE TABLE source AS SELECT i AS id, i % 7 AS value, repeat('x', i % 50) AS note, i AS at FROM generate_series(1, 20000) i;
SELECT medallion.create_feature('pulled', '{}', NULL, '{"relation": "public.source", "watermark": "at"}');
SELECT pg_temp.run('pulled');
INSERT INTO source SELECT i, i % 7, 'late', i FROM generate_series(20001, 20200) i;
SELECT pg_temp.run_and_watch('pulled');
INSERT INTO source SELECT i, i % 7, 'later', i FROM generate_series(20201, 20400) i;
SELECT pg_temp.run_and_watch('pulled');
\o
SELECT is((SELECT scans FROM reads) || ' ' || (SELECT count(*) FROM silver.pulled), '0 20400', 'a batch is told from those before, and taken in, by blocks');

-- handed in
\o /dev/null
SELECT medallion.push('plain', '[{"id": 900001, "value": 5, "note": "pushed"}]');
SELECT pg_temp.run_and_watch('plain');
\o
SELECT is((SELECT scans FROM reads) || ' ' || pg_temp.differences('plain'), '0 0', 'pushed rows');

SELECT * FROM finish();
