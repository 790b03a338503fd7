-- What brings news is found in memory, in files where memory does not do, or by a join where the target says two things of a key at
-- a time: the history is the same.  Random extracts, with repeated and deleting rows, and late ones.
\set name scd2_merge_news
\ir setup.psql

SELECT plan(43);

SELECT setseed(0.75);
CREATE TABLE said AS
	SELECT step, id, id % 3 AS region, (random() * 2)::int AS value, CASE WHEN random() < 0.8 THEN 'x' || (random() * 1)::int END AS note,
		   CASE WHEN random() < 0.02 THEN 'D' END AS op
	  FROM (SELECT step, id, again, random() AS luck FROM generate_series(1, 5) step, generate_series(1, 2400) id, generate_series(1, 2) again OFFSET 0) k
	 WHERE luck < CASE again WHEN 1 THEN 0.8 ELSE 0.02 END AND (step % 3 > 0 OR id % 3 <> 1);
CREATE TABLE source (id int, region int, value int, note text, op text);

CREATE TABLE with_index (id int, region int, value int, note text, valid_from timestamptz NOT NULL, valid_to timestamptz, is_current boolean DEFAULT true,
	version int DEFAULT 1, _business_key_hash uuid NOT NULL DEFAULT medallion.row_hash(-1), _value_hash uuid NOT NULL DEFAULT medallion.row_hash(0));
CREATE TABLE with_hashes (LIKE with_index INCLUDING DEFAULTS);
CREATE TABLE bare (id int, region int, value int, note text, valid_from timestamptz NOT NULL, valid_to timestamptz);

/* one after the other, the third before the second, in so much memory; twins are two versions of a key that nobody says, at one time */
CREATE FUNCTION take_all(target regclass, options jsonb, memory text, twins boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text := '';
	n int;
BEGIN
	PERFORM set_config('work_mem', memory, true), set_config('hash_mem_multiplier', '1', true);
	EXECUTE format('TRUNCATE %s', target);
	IF twins THEN
		EXECUTE format('INSERT INTO %s (id, region, valid_from) SELECT -1, -1, ''2024-01-01'' FROM generate_series(1, 2)', target);
	END IF;
	FOREACH n IN ARRAY '{1,3,2,5,4}'::int[] LOOP
		TRUNCATE source;
		INSERT INTO source SELECT id, region, value, note, op FROM said WHERE step = n ORDER BY hashint4(id + n);
		outcome := outcome || (SELECT m::text FROM medallion.scd2_merge(target, 'source', '{id}',
			options || jsonb_build_object('at', timestamptz '2025-01-01 UTC' + n * interval '1 day')) m);
	END LOOP;
	RETURN outcome;
END $$;

CREATE FUNCTION history(target regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hash text;
BEGIN
	EXECUTE format('SELECT md5(string_agg(t::text, '','' ORDER BY t::text COLLATE "C")) FROM %s t WHERE id > 0', target) INTO hash;
	RETURN hash;
END $$;

/* the histories of a target in each of the ways */
CREATE FUNCTION same_all_ways(target regclass, options jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	outcome text;
	expected text;
BEGIN
	outcome := take_all(target, options, '4MB', true);
	expected := outcome || history(target);
	outcome := take_all(target, options, '4MB', false);
	RETURN NEXT is(outcome || history(target), expected, format('%s, %s: in memory', target, options));
	outcome := take_all(target, options, '64kB', false);
	RETURN NEXT is(outcome || history(target), expected, format('%s, %s: in files', target, options));
END $$;

CREATE INDEX ON with_index (_business_key_hash, version);
SELECT same_all_ways('with_index', '{"deletes": "snapshot", "delete_scope": "d.id > 300"}');
SELECT same_all_ways('with_index', '{"deletes": "snapshot", "delete_scope": ["region"], "apply_as_deletes": "d.op = ''D''"}');
SELECT same_all_ways('with_hashes', '{"apply_as_deletes": "d.op = ''D''", "history": "scd1"}');
SELECT same_all_ways('bare', '{"deletes": "snapshot", "valid_to": "9999-12-31"}');

/* few rows at a time, late ones among them, whose keys an index finds: that of the hashes, or one that begins with the keys */
ALTER TABLE source ADD COLUMN seen timestamptz;
CREATE TABLE with_key (LIKE bare, PRIMARY KEY (id, valid_from));
CREATE TABLE with_pair (LIKE bare);
CREATE UNIQUE INDEX ON with_pair (region, id, valid_from);
CREATE TABLE read_whole (target regclass, times bigint);

CREATE FUNCTION take_few(target regclass, keys text[], options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text := '';
	read bigint;
	n int;
BEGIN
	EXECUTE format('TRUNCATE %s', target);
	TRUNCATE source;
	INSERT INTO source SELECT id, region, value, note, op, '2025-01-04 UTC' FROM said WHERE step = 1;
	PERFORM medallion.scd2_merge(target, 'source', keys, options || '{"at": "2025-01-04 UTC"}');
	EXECUTE format('ANALYZE %s', target);
	read := pg_stat_get_xact_numscans(target);
	FOREACH n IN ARRAY '{3,6,5,2,7,4}'::int[] LOOP
		TRUNCATE source;
		INSERT INTO source SELECT id, region, value, note, op, timestamptz '2025-01-03 12:00 UTC' + (n + id % 5 - 2) * interval '1 day'
		  FROM said WHERE step = 1 + n % 5 AND id % 97 = n ORDER BY hashint4(id + n);
		INSERT INTO source SELECT 10000 + n, 1, n, 'new', NULL, '2025-01-05 UTC';
		ANALYZE source;
		outcome := outcome || (SELECT m::text FROM medallion.scd2_merge(target, 'source', keys,
			options || jsonb_build_object('at', timestamptz '2025-01-03 12:00 UTC' + n * interval '1 day')) m);
	END LOOP;
	INSERT INTO read_whole VALUES (target, pg_stat_get_xact_numscans(target) - read);
	RETURN outcome;
END $$;

/* the same history, whatever finds the past of a key */
CREATE FUNCTION same_by_index(options jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	expected text := take_few('with_hashes', '{id}', options) || history('with_hashes');
BEGIN
	RETURN NEXT is(take_few('with_index', '{id}', options) || history('with_index'), expected, format('%s: few rows, by an index of hashes', options));
	expected := take_few('bare', '{id}', options) || history('bare');
	RETURN NEXT is(take_few('with_key', '{id}', options) || history('with_key'), expected, format('%s: by an index of the key', options));
	expected := take_few('bare', '{id,region}', options) || history('bare');
	RETURN NEXT is(take_few('with_pair', '{id,region}', options) || history('with_pair'), expected, format('%s: by an index of two keys', options));
END $$;
SELECT same_by_index(o)
  FROM (VALUES ('{}'::jsonb), ('{"apply_as_deletes": "d.op = ''D''"}'), ('{"history": "scd1"}'), ('{"no_track": ["note"]}'), ('{"ignore_null_updates": true}'),
	('{"sequence_by": "seen"}'), ('{"sequence_by": "seen", "apply_as_deletes": "d.op = ''D''", "ignore_null_updates": true}')) v (o);
SELECT is_empty($$SELECT target, times FROM read_whole WHERE target::text IN ('with_index', 'with_key', 'with_pair') AND times > 0$$,
	'where an index finds the keys the target is never read whole');

/* what an index of keys does not find as a hash does: another collation, another type, where arrays begin to count, NULL, what is not said */
CREATE TABLE of_texts (id text, value int, valid_from timestamptz, valid_to timestamptz, PRIMARY KEY (id, valid_from));
CREATE TABLE of_floats (LIKE of_texts, PRIMARY KEY (id, valid_from));
CREATE TABLE of_arrays (LIKE of_texts, PRIMARY KEY (id, valid_from));
CREATE TABLE of_numbers (id int, value int, valid_from timestamptz, valid_to timestamptz);
ALTER TABLE of_floats ALTER id TYPE float8 USING id::float8;
ALTER TABLE of_arrays ALTER id TYPE int[] USING id::int[];
CREATE UNIQUE INDEX ON of_numbers (id, valid_from);
INSERT INTO of_texts SELECT 'n' || i, 1, '2025-01-01 UTC' FROM generate_series(1, 1000) i;
INSERT INTO of_floats SELECT i + 0.1, 1, '2025-01-01 UTC' FROM generate_series(1, 1000) i;
INSERT INTO of_arrays SELECT format('[0:0]={%s}', i)::int[], 1, '2025-01-01 UTC' FROM generate_series(1, 1000) i;
INSERT INTO of_numbers SELECT nullif(i, 1000), 1, '2025-01-01 UTC' FROM generate_series(1, 1000) i;
ANALYZE of_texts, of_floats, of_arrays, of_numbers;

CREATE FUNCTION merge_few(target regclass, query text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text;
BEGIN
	EXECUTE 'CREATE TABLE few AS ' || query;
	ANALYZE few;
	outcome := medallion.scd2_merge(target, 'few', '{id}', options)::text;
	DROP TABLE few;
	RETURN outcome;
END $$;
SELECT is(merge_few('of_texts', 'SELECT ''n7''::text AS id, 2 AS value', '{}'), '(1,1,0,0)', 'texts of a length of their own');
SELECT is(merge_few('of_texts', 'SELECT ''n8'' COLLATE "C" AS id, 2 AS value', '{}'), '(1,1,0,0)', 'texts of another collation');
SELECT is(merge_few('of_floats', 'SELECT 7.1::real AS id, 2 AS value', '{}'), '(1,1,0,0)', 'numbers of another type');
SELECT is(merge_few('of_arrays', 'SELECT ARRAY[7] AS id, 2 AS value', '{}'), '(1,1,0,0)', 'arrays that begin to count elsewhere');
SELECT is(merge_few('of_numbers', 'SELECT NULL::int AS id, 2 AS value', '{"null_key": "as_value"}'), '(1,1,0,0)', 'NULL as a key');

/* a target's hashes are of the keys as they were said: what is stored decides */
CREATE TABLE of_seconds (id timestamp(0), value int, valid_from timestamptz, valid_to timestamptz, _business_key_hash uuid, _value_hash uuid, PRIMARY KEY (id, valid_from));
CREATE TABLE moments AS SELECT timestamp '2025-01-01 00:00:00.4' + i * interval '1 s' AS id, 1 AS value FROM generate_series(1, 1000) i;
SELECT medallion.scd2_merge('of_seconds', 'moments', '{id}', '{"at": "2025-01-01 UTC"}') \g /dev/null
ANALYZE of_seconds;
SELECT is(merge_few('of_seconds', 'SELECT * FROM moments LIMIT 1', '{"at": "2025-01-02 UTC"}'), '(0,0,0,0)', 'keys that the table rounds');

/* few rows are read once, so nothing comes between two looks */
CREATE SEQUENCE looks;
CREATE VIEW counted AS SELECT id, 3 AS value, nextval('looks') FROM generate_series(21, 30) id;
SELECT is((SELECT m::text FROM medallion.scd2_merge('of_numbers', 'counted', '{id}', '{"at": "2025-02-01 UTC"}') m), '(10,10,0,0)', 'a source whose rows are counted');
SELECT is(last_value, 10::bigint, 'is read once') FROM looks;

/* a small snapshot says something of all keys */
SELECT is(merge_few('of_numbers', 'SELECT 7 AS id, 2 AS value', '{"deletes": "snapshot", "null_key": "as_value", "at": "infinity"}'), '(1,1000,0,0)', 'a small snapshot');

/* two tables may have versions at the same place */
CREATE TABLE parent (id int, value int, valid_from timestamptz NOT NULL, valid_to timestamptz, is_current boolean);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent SELECT id, 1, '2025-01-01', NULL, true FROM generate_series(1, 100) id;
INSERT INTO child SELECT id, 1, '2025-01-01', NULL, true FROM generate_series(101, 200) id;
CREATE TABLE two_keys AS SELECT id, 2 AS value FROM (VALUES (7), (150)) v (id);
SELECT medallion.scd2_merge('parent', 'two_keys', '{id}') \g /dev/null
SELECT set_eq('SELECT id, value, is_current FROM parent WHERE id IN (SELECT id FROM two_keys) OR NOT is_current',
	$$VALUES (7, 1, false), (7, 2, true), (150, 1, false), (150, 2, true)$$, 'versions of a parent and of its child end');

/* a source without any row closes nothing, whatever the target has */
TRUNCATE source;
SELECT is((SELECT m::text FROM medallion.scd2_merge('bare', 'source', '{id}', '{"deletes": "snapshot"}') m), '(0,0,0,0)', 'no rows are no snapshot');
INSERT INTO source VALUES (1, 1, 1, 'x', NULL), (NULL, 1, 1, 'x', NULL);
SELECT throws_ok($$SELECT medallion.scd2_merge('bare', 'source', '{id}', '{"deletes": "snapshot"}')$$, '23502', 'NULL in the business key of 1 rows', 'a row without a key');
SET work_mem = '64kB';
SELECT throws_ok($$SELECT medallion.scd2_merge('bare', 'source', '{id}', '{"deletes": "snapshot"}')$$, '23502', 'NULL in the business key of 1 rows', 'in files too');
SELECT * FROM finish();
