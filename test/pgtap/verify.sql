/* medallion.verify() and rebuild(layer, object): what silver promises, counted and made again. */
\set name verify
\ir setup.psql
SELECT plan(35);

SELECT pg_temp.put('v/a.csv', E'k,a,t\n1,x,1\n2,x,1\n');
SELECT pg_temp.put('v/b.csv', E'k,a,t\n1,y,3\n2,y,3\n3,z,2\n');
SELECT medallion.create_feature('v', '{v/*.csv}', '{k}', '{"sequence_by": "t"}');
SELECT throws_ok('SELECT * FROM medallion.verify(''v'')', '42P01', 'feature "v" has no silver table', 'nothing to verify yet');
SELECT throws_ok('SELECT * FROM medallion.verify(''w'')', '22023', NULL, 'an unknown feature');
SELECT pg_temp.run('v');

/* the invariants that are broken now */
CREATE FUNCTION pg_temp.broken(feature text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(invariant || ': ' || broken, '; '), 'none') FROM medallion.verify(feature) WHERE broken > 0
$$;
SELECT is(pg_temp.broken('v'), 'none', 'silver as it was made breaks nothing');
SELECT is((SELECT min(checked)::text || ' ' || max(checked) FROM medallion.verify('v')), '5 5', 'all rows are checked');

/* each kind of harm, done by hand past what would refuse it, and taken back */
CREATE FUNCTION pg_temp.harmed(harm text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	ALTER TABLE silver.v DISABLE TRIGGER USER, DROP CONSTRAINT ends_after_it_begins, DROP CONSTRAINT current_is_open;
	EXECUTE harm;
	result := pg_temp.broken('v');
	RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = result;
EXCEPTION WHEN SQLSTATE 'P0099' THEN
	RETURN SQLERRM;
END
$$;
SELECT alike(pg_temp.harmed('UPDATE silver.v SET _scd2_version = 7 WHERE k = 1 AND _scd2_is_current'), '%versions are numbered 1, 2, 3: 1%', 'a gap in the numbers');
SELECT alike(pg_temp.harmed('UPDATE silver.v SET _scd2_valid_to = 9 WHERE k = 1 AND NOT _scd2_is_current'), '%versions do not overlap: 1%', 'an overlap');
SELECT alike(pg_temp.harmed('UPDATE silver.v SET _scd2_valid_to = 0 WHERE k = 1 AND NOT _scd2_is_current'), '%a version begins before it ends: 1%', 'an interval upside down');
SELECT alike(pg_temp.harmed('UPDATE silver.v SET _scd2_valid_to = 9 WHERE k = 1 AND _scd2_is_current'), '%the current version has no end, others have one: 1%', 'an end of what is current');
SELECT alike(pg_temp.harmed('DROP INDEX silver.v_current_key; UPDATE silver.v SET _scd2_is_current = true'), '%one current version per key: 4%', 'two current versions');
SELECT alike(pg_temp.harmed('UPDATE silver.v SET _scd2_is_current = NOT _scd2_is_current WHERE k = 3; UPDATE silver.v SET _scd2_is_current = false WHERE k = 1 AND _scd2_version = 2; UPDATE silver.v SET _scd2_is_current = true WHERE k = 1 AND _scd2_version = 1'), '%the current version is the last: 1%', 'an old version as the current one');
SELECT alike(pg_temp.harmed('UPDATE silver.v SET a = ''q'' WHERE k = 3'), 'the value hash is that of the values: 1', 'a value changed by hand');
SELECT alike(pg_temp.harmed('UPDATE silver.v SET k = 9 WHERE k = 3'), 'the key hash is that of the key: 1', 'a key changed by hand');
SELECT alike(pg_temp.harmed('UPDATE silver.v SET a = ''y'', _value_hash = (SELECT _value_hash FROM silver.v WHERE k = 1 AND a = ''y'') WHERE k = 1 AND a = ''x'''), 'neighbouring versions differ: 1', 'a change that is none');
SELECT alike(pg_temp.harmed('UPDATE silver.v SET _file_id = -1 WHERE k = 3'), 'the row is from a file version that counts: 1', 'a row from nowhere');

/* the database itself refuses the worst */
SELECT throws_ok('UPDATE silver.v SET _scd2_is_current = true, _scd2_valid_to = NULL', '23505', NULL, 'two current rows of a key');
SELECT throws_ok('UPDATE silver.v SET _scd2_version = 1', '23505', NULL, 'two rows of one number');
SELECT throws_ok('UPDATE silver.v SET _scd2_valid_to = 9 WHERE k = 1 AND NOT _scd2_is_current', '23P01', 'versions of a key in silver.v would overlap', 'versions that overlap');
SELECT throws_ok('UPDATE silver.v SET _scd2_valid_from = 2 WHERE k = 1 AND _scd2_is_current', '23P01', NULL, 'a current version that begins inside another');
SELECT throws_ok('UPDATE silver.v SET _scd2_valid_to = 0 WHERE k = 1 AND NOT _scd2_is_current', '23514', NULL, 'an interval upside down');
SELECT throws_ok('UPDATE silver.v SET _scd2_valid_to = 9 WHERE k = 1 AND _scd2_is_current', '23514', NULL, 'a current version with an end');
SELECT throws_ok('UPDATE silver.v SET _scd2_valid_to = NULL WHERE k = 1 AND NOT _scd2_is_current', '23514', NULL, 'another without one');
/* a further version of key 1, written by hand, with these values in place of the last one's */
CREATE FUNCTION pg_temp.add_version(feature text, changed jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO silver.%1$I SELECT (jsonb_populate_record(v, $1)).* FROM silver.%1$I v WHERE k = 1 ORDER BY v._scd2_version DESC LIMIT 1', feature) USING changed;
END
$$;
SELECT throws_ok($$SELECT pg_temp.add_version('v', '{"_scd2_version": 7, "_scd2_valid_from": 7}')$$, '23505', NULL, 'a second current row put in');
SELECT throws_ok($$SELECT pg_temp.add_version('v', '{"_scd2_version": 7, "_scd2_is_current": false, "_scd2_valid_from": 2, "_scd2_valid_to": 5}')$$, '23P01', NULL, 'a version over others put in');
SELECT lives_ok($$SELECT pg_temp.add_version('v', '{"_scd2_version": 7, "_scd2_is_current": false, "_scd2_valid_from": -2, "_scd2_valid_to": 1}')$$, 'one before all others is not refused');
DELETE FROM silver.v WHERE _scd2_version = 7;

/* rebuild(layer, object) */
DELETE FROM silver.v WHERE k = 2;
SELECT cmp_ok(medallion.rebuild('silver', 'v'), '>', 0::bigint, 'rebuild() returns its run');
SELECT is((SELECT count(*) FROM silver.v), 5::bigint, 'and made the rows again');
SELECT throws_ok('SELECT medallion.rebuild(''bronze'', ''v'')', '22023', 'cannot rebuild layer "bronze"', 'bronze is not made again');

/* without history */
SELECT medallion.create_feature('w', '{v/*.csv}');
SELECT pg_temp.run('w');
SELECT is(pg_temp.broken('w'), 'none', 'append: nothing is broken');
INSERT INTO silver.w SELECT * FROM silver.w WHERE k = 3;
SELECT is(pg_temp.broken('w'), 'one row per bronze row: 1', 'append: a row twice');

/* other names, a sentinel */
SELECT medallion.create_feature('u', '{v/*.csv}', '{k}', '{"sequence_by": "t", "valid_to": "99", "history_columns": {"is_current": "now", "valid_to": "to"}}');
SELECT pg_temp.run('u');
SELECT is(pg_temp.broken('u'), 'none', 'other names and a sentinel');
SELECT throws_ok('UPDATE silver.u SET "to" = 50 WHERE now', '23514', NULL, 'the sentinel is the end of what is current');
SELECT throws_ok('UPDATE silver.u SET "to" = 9 WHERE k = 1 AND NOT now', '23P01', NULL, 'overlaps of other names');

/* partitioned: no unique index can be had */
SELECT pg_temp.put('p/a.csv', E'k,a,t,day\n1,x,1,2025-01-10\n2,x,1,2025-01-10\n');
SELECT pg_temp.put('p/b.csv', E'k,a,t,day\n1,y,3,2025-02-10\n3,z,2,2025-03-10\n');
SELECT medallion.create_feature('p', '{p/*.csv}', '{k}', '{"sequence_by": "t", "columns": {"t": {"type": "int"}, "day": {"type": "date"}}, "partition_by": "day"}');
SELECT pg_temp.run('p');
SELECT is(pg_temp.broken('p'), 'none', 'partitions: nothing is broken');
SELECT throws_ok('UPDATE silver.p SET _scd2_is_current = true, _scd2_valid_to = NULL WHERE k = 1', '23P01', NULL, 'partitions: two current rows of a key');
SELECT throws_ok($$SELECT pg_temp.add_version('p', '{"_scd2_valid_from": 9}')$$, '23P01', NULL, 'partitions: one put in');
SELECT * FROM finish();
