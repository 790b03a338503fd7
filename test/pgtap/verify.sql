/* medallion.verify() and rebuild(layer, object): what silver promises, counted and made again. */
\set name verify
\ir setup.psql
SELECT plan(22);

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

/* each kind of harm, done by hand and taken back */
CREATE FUNCTION pg_temp.harmed(harm text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
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
SELECT throws_ok('UPDATE silver.v SET _scd2_is_current = true', '23505', NULL, 'two current rows of a key');
SELECT throws_ok('UPDATE silver.v SET _scd2_version = 1', '23505', NULL, 'two rows of one number');

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
SELECT * FROM finish();
