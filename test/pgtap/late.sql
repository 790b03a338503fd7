/*
 * A late event costs the pieces of bronze that have its key, not the table: and
 * silver is the same as if all of it had been read.
 */
\set name late
\ir setup.psql
SELECT plan(26);

SELECT ok(medallion.key_filter_meets(medallion.key_filter(array_agg(k)), ARRAY[medallion.row_hash(7)]), 'a key that a filter was made of') FROM (SELECT medallion.row_hash(i) FROM generate_series(1, 100) i) s (k);
SELECT is((SELECT count(*) FROM generate_series(1, 300) i WHERE medallion.key_filter_meets(f, ARRAY[medallion.row_hash(-i), medallion.row_hash(i)])), 100::bigint, 'of many, just those')
  FROM (SELECT medallion.key_filter(array_agg(medallion.row_hash(i))) FROM generate_series(1, 100) i) s (f);
SELECT is(medallion.key_filter(ARRAY[NULL, medallion.row_hash(1), medallion.row_hash(1)]::uuid[]), substr(uuid_send(medallion.row_hash(1)), 1, 4), 'NULLs out, each once');
SELECT ok(NOT medallion.key_filter_meets(medallion.key_filter('{}'), ARRAY[medallion.row_hash(1)]), 'an empty filter has no key');
SELECT ok(NOT medallion.key_filter_meets(medallion.key_filter(ARRAY[medallion.row_hash(1)]), '{}'), 'no keys are nowhere');

/* a file of these keys; what is said of each is its number by factor */
CREATE FUNCTION pg_temp.put_keys(path text, first int, last int, t int, factor int) RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.put(path, E'k,a,t,note\n' || string_agg(format(E'%s,%s,%s,%s\n', i, i * factor, t, repeat('x', 60)), '' ORDER BY i)) FROM generate_series(first, last) i
$$;
CREATE TABLE reads (scans bigint, blocks bigint);
CREATE FUNCTION pg_temp.run_and_watch() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	scans bigint := pg_stat_get_xact_numscans('bronze.d'::regclass);
	blocks bigint := pg_stat_get_xact_blocks_fetched('bronze.d'::regclass);
BEGIN
	PERFORM pg_temp.run('d');
	TRUNCATE reads;
	INSERT INTO reads SELECT pg_stat_get_xact_numscans('bronze.d'::regclass) - scans, pg_stat_get_xact_blocks_fetched('bronze.d'::regclass) - blocks;
	RETURN pg_temp.errors() || ' ' || (SELECT reads.scans FROM reads);
END
$$;
CREATE FUNCTION pg_temp.all_rows() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT md5(string_agg((to_jsonb(v) - '{_opened_run_id,_closed_run_id}'::text[])::text, E'\n' ORDER BY k, _scd2_version)) FROM silver.d v);
END
$$;
/* the versions of a key */
CREATE FUNCTION pg_temp.versions(key int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT string_agg(concat_ws('|', a, _scd2_valid_from, coalesce(_scd2_valid_to::text, '')), ' ' ORDER BY _scd2_version) FROM silver.d WHERE k = key);
END
$$;

\o /dev/null
SET medallion.key_filter_blocks = 8;
SELECT pg_temp.put_keys('d/a.csv', 1, 20000, 1, 1);
SELECT pg_temp.put_keys('d/b.csv', 1, 20000, 2, 1);
SELECT pg_temp.put_keys('d/c.csv', 1, 20000, 9, 2);
SELECT medallion.create_feature('d', '{d/*.csv}', '{k}', '{"sequence_by": "t", "columns": {"t": {"type": "int"}, "k": {"type": "int"}, "a": {"type": "int"}}}');
SELECT pg_temp.run('d');
ALTER TABLE bronze.d SET (autovacuum_enabled = off);	-- while it works on the table, blocks are not read by themselves
\o
SELECT is((SELECT count(*) FROM medallion.key_filters), 0::bigint, 'who never looks back has no filters');
SELECT cmp_ok(pg_relation_size('bronze.d') / current_setting('block_size')::int, '>', 500::bigint, 'bronze has many blocks');
\o /dev/null
SELECT pg_temp.put('d/late1.csv', E'k,a,t,note\n77,5,4,late\n');
SELECT pg_temp.run('d');
\o
SELECT is(pg_temp.versions(77), '77|1|4 5|4|9 154|9|', 'a late event is in its place');
SELECT cmp_ok((SELECT count(*) FROM medallion.key_filters), '>', 60::bigint, 'now there are filters');
SELECT is((SELECT sum(rows) FROM medallion.key_filters), (SELECT count(*)::numeric FROM bronze.d), '... of every row');
SELECT is((SELECT count(*) FROM medallion.key_filters WHERE medallion.key_filter_meets(filter, ARRAY[medallion.row_hash(77)])), 4::bigint, '... a key is in four pieces, that of each file');

\o /dev/null
SELECT pg_temp.put('d/late2.csv', E'k,a,t,note\n77,6,3,late\n15000,7,5,late\n99999,1,3,late\n');
\o
SELECT is(pg_temp.run_and_watch(), 'none 0', 'the next is folded without a scan of bronze');
SELECT cmp_ok((SELECT blocks FROM reads), '<', 250::bigint, '... few of its blocks are read');
SELECT is(pg_temp.versions(77), '77|1|3 6|3|4 5|4|9 154|9|', '... and no-op events, of which silver knows nothing, are found');
SELECT is(pg_temp.versions(15000), '15000|1|5 7|5|9 30000|9|', '... of every key');

-- a changed file, and one that is gone
\o /dev/null
SELECT pg_temp.put('d/late1.csv', E'k,a,t,note\n78,5,4,late\n');
\o
SELECT is(pg_temp.run_and_watch(), 'none 0', 'a corrected file');
SELECT is(pg_temp.versions(77) || ', ' || pg_temp.versions(78), '77|1|3 6|3|9 154|9|, 78|1|4 5|4|9 156|9|', '... takes its event back and says another');

-- rows that somebody moved are counted, and bronze is read
\o /dev/null
UPDATE bronze.d SET note = 'moved' WHERE k = '500';
SELECT pg_temp.put('d/late3.csv', E'k,a,t,note\n500,1,4,late\n');
SELECT pg_temp.run('d');
\o
SELECT is(pg_temp.versions(500), '500|1|4 1|4|9 1000|9|', 'rows that were moved by hand are found');
SELECT is((SELECT count(*) FROM medallion.key_filters JOIN medallion.file_versions USING (file_id) WHERE path LIKE '%/a.csv'), 0::bigint, '... what was known is forgotten');
\o /dev/null
SELECT pg_temp.put('d/late4.csv', E'k,a,t,note\n500,2,5,late\n');
SELECT pg_temp.run('d');
SELECT pg_temp.put('d/late5.csv', E'k,a,t,note\n500,3,6,late\n');
\o
SELECT is(pg_temp.run_and_watch(), 'none 0', '... and made anew of where they are');
SELECT is(pg_temp.versions(500), '500|1|4 1|4|5 2|5|6 3|6|9 1000|9|', '... with them');

-- a table written anew
\o /dev/null
VACUUM FULL bronze.d;
SELECT pg_temp.put('d/late6.csv', E'k,a,t,note\n600,3,6,late\n');
SELECT pg_temp.run('d');
\o
SELECT is(pg_temp.versions(600), '600|1|6 3|6|9 1200|9|', 'a table written anew');
SELECT is((SELECT count(DISTINCT filenode) || ' ' || bool_and(filenode = pg_relation_filenode('bronze.d')) FROM medallion.key_filters), '1 true', '... has filters of its own');

-- keys that are spelled otherwise are the same, and filters go with their files
\o /dev/null
SELECT pg_temp.put('d/late7.csv', E'k,a,t,note\n 0700 ,3,6,late\n');
SELECT pg_temp.run('d');
\o
SELECT is(pg_temp.versions(700), '700|1|6 3|6|9 1400|9|', 'a key of another spelling');
SELECT pg_temp.all_rows() AS before \gset
\o /dev/null
SELECT medallion.rebuild('silver', 'd');
\o
SELECT is(pg_temp.all_rows(), :'before', 'a rebuild gives the same rows');
SELECT is((SELECT count(*) FROM medallion.key_filters), 0::bigint, '... and forgets the filters');
SELECT * FROM finish();
