/*
 * What users of other history tables complain of: a test each, named by the
 * complaint, with rows worked out by hand.  Two runs at once need two sessions:
 * test/specs/two_runs.spec.
 */
\set name complaints
\ir setup.psql
SELECT plan(24);

/* the versions of a feature: these columns, from, to, number */
CREATE FUNCTION pg_temp.versions(feature text, columns text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws(''|'', %s, _scd2_valid_from, coalesce(_scd2_valid_to::text, ''''), _scd2_version), '' '''
				   ' ORDER BY k, _scd2_version) FROM silver.%I', columns, feature) INTO rows;
	RETURN rows;
END
$$;
CREATE FUNCTION pg_temp.feature(name text, options jsonb) RETURNS void LANGUAGE sql AS $$
	SELECT medallion.create_feature(name, ARRAY[name || '/*.csv'], '{k}', options)
$$;
CREATE FUNCTION pg_temp.load(feature text, file text, content text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.put(feature || '/' || file, content);
	PERFORM pg_temp.run(feature);
	IF pg_temp.errors() <> 'none' THEN
		RAISE EXCEPTION '%', pg_temp.errors();
	END IF;
END
$$;
\set by_t '{"sequence_by": "t", "columns": {"t": {"type": "int"}}}'
\set cdc '{"sequence_by": "t", "columns": {"t": {"type": "int"}}, "apply_as_deletes": "d.op = ''D''", "no_track": ["op"]}'

-- duplicate keys poison history
\o /dev/null
SELECT pg_temp.feature('twice', :'by_t');
SELECT pg_temp.load('twice', 'a.csv', E'k,a,t\n1,x,1\n1,x,1\n1,y,1\n2,q,1\n');
SELECT pg_temp.load('twice', 'b.csv', E'k,a,t\n1,z,2\n1,z,2\n2,r,2\n');
\o
SELECT is(pg_temp.versions('twice', 'k, a, dq_conflict_flag'), '1|y|t|1|2|1 1|z|f|2||2 2|q|f|1|2|1 2|r|f|2||2', 'duplicate keys poison history: one version each, the choice flagged');
SELECT is((SELECT count(*) FROM medallion.verify('twice') WHERE broken > 0), 0::bigint, 'duplicate keys poison history: what comes after them is whole');

-- a late or repeated delete
\o /dev/null
SELECT pg_temp.feature('gone', :'cdc');
SELECT pg_temp.load('gone', 'a.csv', E'k,a,t,op\n1,x,1,I\n2,x,1,I\n3,x,1,I\n');
SELECT pg_temp.load('gone', 'b.csv', E'k,a,t,op\n1,y,6,U\n2,,4,D\n3,,9,D\n');
SELECT pg_temp.load('gone', 'c.csv', E'k,a,t,op\n1,,3,D\n2,,4,D\n2,,8,D\n3,y,5,U\n4,,5,D\n');
SELECT pg_temp.load('gone', 'd.csv', E'k,a,t,op\n4,x,2,I\n2,,8,D\n');
\o
SELECT is(pg_temp.versions('gone', 'k, a'), '1|x|1|3|1 1|y|6||2 2|x|1|4|1 3|x|1|5|1 3|y|5|9|2 4|x|2|5|1', 'a late or repeated delete: closes at its own time, once');

-- NULL to value unnoticed
\o /dev/null
SELECT pg_temp.feature('blank', :'by_t');
SELECT pg_temp.load('blank', 'a.csv', E'k,a,b,t\n1,,z,1\n2,x,z,1\n3,,z,1\n');
SELECT pg_temp.load('blank', 'b.csv', E'k,a,b,t\n1,x,z,2\n2,,z,2\n3,,z,2\n');
\o
SELECT is(pg_temp.versions('blank', 'k, coalesce(a, ''null'')'), '1|null|1|2|1 1|x|2||2 2|x|1|2|1 2|null|2||2 3|null|1||1', 'NULL to value unnoticed: both ways are versions, NULL to NULL is none');

-- a new column versions everything
\o /dev/null
SELECT pg_temp.feature('wider', :'by_t');
SELECT pg_temp.load('wider', 'a.csv', E'k,a,t\n1,x,1\n2,x,1\n3,x,1\n');
SELECT pg_temp.load('wider', 'b.csv', E'k,a,b,t\n1,x,,2\n2,x,new,2\n3,x,,2\n');
\o
SELECT is(pg_temp.versions('wider', 'k, coalesce(b, ''null'')'), '1|null|1||1 2|null|1|2|1 2|new|2||2 3|null|1||1', 'a new column versions everything: only what it says something of');
\o /dev/null
SELECT pg_temp.load('wider', 'c.csv', E'k,a,t\n1,x,3\n3,x,3\n');
\o
SELECT is(pg_temp.versions('wider', 'k, coalesce(b, ''null'')'), '1|null|1||1 2|null|1|2|1 2|new|2||2 3|null|1||1', 'a new column versions everything: nor does one that is missing');

-- timestamps depend on the session's zone
\o /dev/null
SET TimeZone = 'America/Lima';
SET DateStyle = 'SQL, MDY';
SELECT pg_temp.feature('zones', '{"sequence_by": "at", "columns": {"at": {"type": "timestamp"}, "day": {"type": "date"}, "seen": {"type": "timestamp"}}}');
SELECT pg_temp.load('zones', 'a.csv', E'k,at,day,seen\n1,2025-03-01 10:00:00+02,01/02/2025,2025-03-30 02:30:00\n2,2025-03-01 10:00:00,01/02/2025,2025-03-30 02:30:00\n');
CREATE TEMP TABLE seen AS SELECT k, at, day, seen, _business_key_hash, _value_hash, _scd2_valid_from FROM silver.zones;
SET TimeZone = 'Asia/Kathmandu';
SET DateStyle = 'German';
SELECT pg_temp.load('zones', 'b.csv', E'k,at,day,seen\n1,2025-03-01 10:00:00+02,01/02/2025,2025-03-30 02:30:00\n2,2025-03-01 10:00:00,01/02/2025,2025-03-30 02:30:00\n');
SELECT medallion.rebuild('silver', 'zones');
\o
SELECT is((SELECT string_agg(concat_ws(' ', k, to_char(at, 'YYYY-MM-DD HH24:MI'), to_char(day, 'YYYY-MM-DD'), to_char(seen, 'HH24:MI')), ', ' ORDER BY k) FROM seen),
	'1 2025-03-01 08:00 2025-02-01 02:30, 2 2025-03-01 10:00 2025-02-01 02:30', 'timestamps depend on the session''s zone: without an offset they are UTC');
SELECT is_empty('(SELECT k, at, day, seen, _business_key_hash, _value_hash, _scd2_valid_from FROM silver.zones) EXCEPT ALL SELECT * FROM seen',
	'timestamps depend on the session''s zone: the same rows and hashes from another');
SELECT is((SELECT count(*) FROM silver.zones), 2::bigint, 'timestamps depend on the session''s zone: and no new version');
RESET TimeZone;
RESET DateStyle;

-- hash collisions by separator
\o /dev/null
SELECT medallion.create_feature('glued', '{glued/*.csv}', '{k,l}', :'by_t');
SELECT pg_temp.load('glued', 'a.csv', E'k,l,a,b,t\na|b,c,1,,1\na,b|c,,1,1\na,,x,y,1\n');
SELECT pg_temp.load('glued', 'b.csv', E'k,l,a,b,t\na|b,c,,1,2\na,b|c,,1,2\n');
\o
SELECT is(pg_temp.versions('glued', 'k, l, coalesce(a, ''''), coalesce(b, '''')'), 'a|b|c||1|1||1 a|b|c|1||1|2|1 a|b|c||1|2||2', 'hash collisions by separator: keys and values that look alike when glued differ');
SELECT is((SELECT count(DISTINCT h) FROM (VALUES (medallion.row_hash('a|b', 'c')), (medallion.row_hash('a', 'b|c')), (medallion.row_hash('a', 'b', 'c')), (medallion.row_hash('a|b|c')),
	(medallion.row_hash('a', NULL, 'b|c')), (medallion.row_hash('a', '', 'b|c')), (medallion.row_hash('a', 'b|c', NULL))) v (h)), 7::bigint, 'hash collisions by separator: nor do hashes collide');

-- failing rows cannot be found
\o /dev/null
SELECT pg_temp.feature('faults', '{"sequence_by": "t", "columns": {"t": {"type": "int"}, "n": {"type": "int"}}, "checks": [{"kind": "range", "columns": ["n"], "params": {"max": 9}}]}');
SELECT pg_temp.load('faults', 'a.csv', E'k,n,t\n1,1,1\n2,77,1\n3,oops,1\n');
\o
SELECT is((SELECT string_agg(concat_ws(' ', b.k, b.n, d.check_type), ', ' ORDER BY b.k)
			 FROM etl_logs.data_quality_checks d, jsonb_to_recordset(d.check_details->'samples') s (file_id bigint, sheet text, "row" bigint)
			 JOIN bronze.faults b ON (b._file_id, b._sheet, b._row) = (s.file_id, s.sheet, s.row)
			WHERE d.table_name = 'silver.faults'), '2 77 range, 3 oops cast', 'failing rows cannot be found: samples are bronze addresses, and lead to the cells');
SELECT is((SELECT string_agg(concat_ws(' ', s.k, dq_range_flag_n, dq_cast_flag_n, b.n), ', ' ORDER BY s.k) FROM silver.faults s JOIN bronze.faults b USING (_file_id, _sheet, _row)),
	'1 f f 1, 2 t f 77, 3 f t oops', 'failing rows cannot be found: each row has its flags and its address');

-- failures overwritten by the next run
SELECT max(run_id) AS first_run FROM etl_logs.data_quality_checks WHERE table_name = 'silver.faults' \gset
\o /dev/null
SELECT pg_temp.load('faults', 'b.csv', E'k,n,t\n2,7,2\n4,99,2\n5,98,2\n');
\o
SELECT is((SELECT string_agg(concat_ws(' ', run_id = :first_run, check_status, records_affected), ', ' ORDER BY run_id) FROM etl_logs.data_quality_checks WHERE table_name = 'silver.faults' AND check_type = 'range'),
	't WARNING 1, f WARNING 2', 'failures overwritten by the next run: each run keeps its own');
SELECT is((SELECT string_agg(concat_ws(' ', k, dq_range_flag_n), ', ' ORDER BY k, _scd2_version) FROM silver.faults WHERE k = 2), '2 t, 2 f', 'failures overwritten by the next run: the old version keeps its flag');

-- dead letters cannot be replayed
\o /dev/null
SELECT pg_temp.feature('letters', '{"sequence_by": "t", "columns": {"t": {"type": "int"}, "n": {"type": "int"}}, "checks": [{"kind": "range", "columns": ["n"], "params": {"max": 9}, "action": "quarantine"}]}');
SELECT pg_temp.load('letters', 'a.csv', E'k,n,t\n1,1,1\n2,77,1\n3,88,1\n');
SELECT pg_temp.load('letters', 'b.csv', E'k,n,t\n1,2,2\n2,5,2\n');
\o
SELECT is(pg_temp.versions('letters', 'k, n'), '1|1|1|2|1 1|2|2||2 2|5|2||1', 'dead letters cannot be replayed: set apart at first');
\o /dev/null
SELECT medallion.correct(file_id, '', 3, '{"n": "7"}') FROM medallion.file_versions WHERE path LIKE '%letters/a.csv';
\o
SELECT is((SELECT released || ' ' || quarantined FROM medallion.replay_quarantine('letters')), '1 1', 'dead letters cannot be replayed: a corrected one passes');
SELECT is(pg_temp.versions('letters', 'k, n'), '1|1|1|2|1 1|2|2||2 2|7|1|2|1 2|5|2||2', 'dead letters cannot be replayed: it takes its place in time, before what came later');
\o /dev/null
SELECT medallion.alter_feature('letters', '{"checks": [{"kind": "range", "columns": ["n"], "params": {"max": 90}, "action": "quarantine"}]}');
\o
SELECT is((SELECT quarantined FROM medallion.replay_quarantine('letters')), 0::bigint, 'dead letters cannot be replayed: under a changed rule');
SELECT is(pg_temp.versions('letters', 'k, n'), '1|1|1|2|1 1|2|2||2 2|7|1|2|1 2|5|2||2 3|88|1||1', 'dead letters cannot be replayed: all are in');

-- backfill of one period: February comes last, then again, corrected
\o /dev/null
SELECT pg_temp.feature('months', :'by_t');
SELECT pg_temp.load('months', '2025_01.csv', E'k,a,t\n1,x,101\n2,x,110\n');
SELECT pg_temp.load('months', '2025_03.csv', E'k,a,t\n1,z,301\n3,z,305\n');
SELECT pg_temp.load('months', '2025_02.csv', E'k,a,t\n1,y,201\n2,x,202\n2,w,203\n');
\o
SELECT is(pg_temp.versions('months', 'k, a'), '1|x|101|201|1 1|y|201|301|2 1|z|301||3 2|x|110|203|1 2|w|203||2 3|z|305||1', 'backfill of one period: in its place in time');
CREATE TEMP TABLE others AS SELECT ctid AS place, k FROM silver.months WHERE k = 3;
\o /dev/null
SELECT pg_temp.load('months', '2025_02.csv', E'k,a,t\n1,y2,215\n');
\o
SELECT is(pg_temp.versions('months', 'k, a'), '1|x|101|215|1 1|y2|215|301|2 1|z|301||3 2|x|110||1 3|z|305||1', 'backfill of one period: said anew, only that period changes');
SELECT is((SELECT ctid FROM silver.months WHERE k = 3), (SELECT place FROM others), 'backfill of one period: rows of other keys are not touched');
SELECT is((SELECT count(*) FROM medallion.verify('months') WHERE broken > 0), 0::bigint, 'backfill of one period: all invariants hold');
SELECT * FROM finish();
