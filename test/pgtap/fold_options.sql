/* What the fold's options do where no sequence gives the times, what they refuse, and what a session may not change. */
\set name fold_options
\ir setup.psql
SELECT plan(38);

/* key, value, place in the order of runs at which it began and ended, for features without sequence */
CREATE FUNCTION pg_temp.history(feature text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('WITH times AS (SELECT t, dense_rank() OVER (ORDER BY t) AS n FROM (SELECT DISTINCT unnest(ARRAY[first_seen, superseded_at]) AS t
		FROM medallion.file_versions JOIN medallion.features f USING (feature_id) WHERE f.name = %L) s WHERE t IS NOT NULL)
		SELECT string_agg(concat_ws(''|'', k, a, b.n, coalesce(e.n::text, ''-'')), '','' ORDER BY k, _scd2_version)
		FROM silver.%I v JOIN times b ON b.t = _scd2_valid_from LEFT JOIN times e ON e.t = _scd2_valid_to', feature, feature) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION pg_temp.remove(path text) RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.shell('rm ' || current_setting('test.tree') || '/' || path)
$$;

/* a file that vanishes */
CREATE FUNCTION pg_temp.vanish(feature text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text[];
BEGIN
	PERFORM medallion.create_feature(feature, ARRAY[feature || '/*.csv'], '{k}', options || '{"columns": {"a": {"type": "text"}}}');
	PERFORM pg_temp.put(feature || '/a.csv', E'k,a\n1,x\n2,x\n');
	PERFORM pg_temp.run(feature);
	PERFORM pg_temp.put(feature || '/b.csv', E'k,a\n2,y\n3,y\n');
	PERFORM pg_temp.run(feature);
	PERFORM pg_temp.remove(feature || '/b.csv');
	PERFORM pg_temp.run(feature);
	result := array_append(result, pg_temp.history(feature));
	PERFORM pg_temp.run(feature);
	result := array_append(result, pg_temp.history(feature));
	PERFORM medallion.rebuild('silver', feature);
	result := array_append(result, pg_temp.history(feature));
	RETURN CASE WHEN result[1] = ALL (result) THEN result[1] ELSE result::text END || CASE WHEN pg_temp.errors() <> 'none' THEN pg_temp.errors() ELSE '' END;
END
$$;
SELECT is(pg_temp.vanish('gone_ignored', '{}'), '1|x|1|-,2|x|1|2,2|y|2|-,3|y|2|-', 'a file that is gone changes nothing');
SELECT is(pg_temp.vanish('gone_closed', '{"on_missing": "close"}'), '1|x|1|-,2|x|1|2,2|y|2|3,2|x|3|-,3|y|2|3', 'on_missing close: it says nothing from now on');
SELECT is(pg_temp.vanish('gone_restated', '{"on_missing": "restate"}'), '1|x|1|-,2|x|1|-', 'on_missing restate: it never was');
SELECT pg_temp.put('gone_closed/b.csv', E'k,a\n2,y\n3,y\n');
SELECT pg_temp.run('gone_closed');
SELECT is(pg_temp.history('gone_closed'), '1|x|1|-,2|x|1|2,2|y|2|3,2|x|3|4,2|y|4|-,3|y|2|3,3|y|4|-', 'a file that comes back is news');
SELECT is((SELECT sum(broken) FROM medallion.verify('gone_closed')), 0::numeric, 'nothing is broken by it');

/* two ends, and a new word of another file later than the first of them */
SELECT medallion.create_feature('ends', '{ends/*.csv}', '{k}');
SELECT pg_temp.put('ends/a.csv', E'k,a\n1,old\n');
SELECT pg_temp.put('ends/y.csv', E'k,a\n9,y\n');
SELECT pg_temp.run('ends');
SELECT pg_temp.put('ends/x.csv', E'k,a\n1,new\n8,x\n');
SELECT pg_temp.run('ends');
SELECT pg_temp.put('ends/x.csv', E'k,a\n8,x\n');
SELECT medallion.run_pipeline('{ends}', '{bronze}');
SELECT pg_temp.put('ends/y.csv', E'k,a\n1,last\n9,y\n');
SELECT pg_temp.run('ends');
SELECT is(pg_temp.history('ends'), '1|old|1|2,1|new|2|3,1|old|3|4,1|last|4|-,8|x|2|-,9|y|1|-', 'an end between two runs of silver is not lost');

/* deletes: close, ignore, snapshot without a sequence */
CREATE FUNCTION pg_temp.extracts(feature text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM medallion.create_feature(feature, ARRAY[feature || '/*.csv'], '{k}', options || '{"columns": {"a": {"type": "text"}}}');
	PERFORM pg_temp.put(feature || '/1.csv', E'k,a\n1,x\n2,x\n3,x\n');
	PERFORM pg_temp.run(feature);
	PERFORM pg_temp.put(feature || '/2.csv', E'k,a\n1,x\n2,y\n');
	PERFORM pg_temp.run(feature);
	PERFORM pg_temp.put(feature || '/2.csv', E'k,a\n1,x\n3,z\n');
	PERFORM pg_temp.run(feature);
	result := pg_temp.history(feature);
	PERFORM medallion.rebuild('silver', feature);
	RETURN result || CASE WHEN result <> pg_temp.history(feature) THEN ' rebuilt ' || pg_temp.history(feature) ELSE '' END;
END
$$;
SELECT is(pg_temp.extracts('d_close', '{}'), '1|x|1|-,2|x|1|2,2|y|2|3,2|x|3|-,3|x|1|3,3|z|3|-', 'deletes close: closed once no file in force says it');
SELECT is(pg_temp.extracts('d_ignore', '{"deletes": "ignore"}'), '1|x|1|-,2|x|1|2,2|y|2|-,3|x|1|3,3|z|3|-', 'deletes ignore: silence closes nothing');
SELECT is(pg_temp.extracts('d_snapshot', '{"deletes": "snapshot"}'), '1|x|1|-,2|x|1|2,2|y|2|3,3|x|1|2,3|z|3|-', 'deletes snapshot: closed by a newer file that does not say it');

/* NULLs that are refused */
SELECT pg_temp.put('nulls/a.csv', E'k,a,t\n1,x,1\n,y,2\n3,z,\n');
SELECT medallion.create_feature('nulls', '{nulls/*.csv}', '{k}', '{"sequence_by": "t", "null_key": "reject"}');
SELECT pg_temp.run('nulls');
SELECT alike(pg_temp.errors(), 'silver: NULL in the business key of 1 rows%sheet "", row 3%', 'null_key reject fails the run');
SELECT medallion.alter_feature('nulls', '{"null_key": null, "null_sequence": "reject"}');
SELECT pg_temp.run('nulls');
SELECT alike(pg_temp.errors(), 'silver: NULL in sequence_by of 1 rows%row 4%', 'null_sequence reject fails the run');
SELECT medallion.alter_feature('nulls', '{"null_sequence": null}');
SELECT pg_temp.run('nulls');
SELECT is((SELECT string_agg(row || ' ' || reason, ', ' ORDER BY row) FROM medallion.quarantine),
	'3 NULL in business key, 4 NULL in sequence_by', 'both are quarantined unless asked');

/* types of times; one that widens */
SELECT medallion.create_feature('wide', '{wide/*.csv}', '{k}', '{"sequence_by": "t"}');
SELECT pg_temp.put('wide/a.csv', E'k,a,t\n1,x,2024-01-01\n2,x,2024-01-01\n');
SELECT pg_temp.run('wide');
SELECT is((SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'silver.wide'::regclass AND attname = '_scd2_valid_from'), 'date', 'valid_from is a date');
SELECT pg_temp.put('wide/b.csv', E'k,a,t\n1,y,2024-01-01 12:00:00\n');
SELECT pg_temp.run('wide');
SELECT is((SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'silver.wide'::regclass AND attname = '_scd2_valid_from'), 'timestamp without time zone', 'and widens with its column');
SELECT is((SELECT string_agg(concat_ws('|', k, a, to_char(_scd2_valid_from, 'DD HH24'), to_char(_scd2_valid_to, 'DD HH24')), ',' ORDER BY k, _scd2_version) FROM silver.wide),
	'1|x|01 00|01 12,1|y|01 12,2|x|01 00', 'with what it held');

/* no setting of a session reaches the result */
SET TimeZone = 'Pacific/Kiritimati';
SET DateStyle = 'SQL, DMY';
SET extra_float_digits = -5;
SELECT pg_temp.put('wide/c.csv', E'k,a,t\n1,z,2024-02-03 04:00:00\n2,y,2023-12-31\n');
SELECT pg_temp.run('wide');
RESET TimeZone;
RESET DateStyle;
RESET extra_float_digits;
SELECT pg_temp.put('wide/d.csv', E'k,a,t\n1,w,2024-02-03 05:00:00\n');
SELECT pg_temp.run('wide');
SELECT is((SELECT string_agg(concat_ws('|', k, a, to_char(_scd2_valid_from, 'MM-DD HH24'), to_char(_scd2_valid_to, 'MM-DD HH24')), ',' ORDER BY k, _scd2_version) FROM silver.wide),
	'1|x|01-01 00|01-01 12,1|y|01-01 12|02-03 04,1|z|02-03 04|02-03 05,1|w|02-03 05,2|y|12-31 00|01-01 00,2|x|01-01 00', 'the same in every session');
SELECT is((SELECT sum(broken) FROM medallion.verify('wide')), 0::numeric, 'and nothing is broken');
SELECT is((SELECT taken_until FROM medallion.silver_state s JOIN medallion.features f USING (feature_id) WHERE f.name = 'wide'), '2024-02-03T05:00:00', 'how far it goes is noted in one spelling');

/* a replaced file withdraws its events, by default with a sequence */
SELECT medallion.create_feature('mended', '{mended/*.csv}', '{k}', '{"sequence_by": "t"}');
SELECT pg_temp.put('mended/a.csv', E'k,a,t\n1,x,1\n1,wrong,2\n1,y,3\n');
SELECT pg_temp.run('mended');
SELECT pg_temp.put('mended/a.csv', E'k,a,t\n1,x,1\n1,y,3\n');
SELECT pg_temp.run('mended');
SELECT is((SELECT string_agg(concat_ws('|', a, _scd2_valid_from, _scd2_valid_to), ',' ORDER BY _scd2_version) FROM silver.mended), 'x|1|3,y|3', 'a correction');
SELECT medallion.alter_feature('mended', '{"on_change": "version"}');
SELECT pg_temp.put('mended/a.csv', E'k,a,t\n1,x,1\n1,right,2\n1,y,3\n');
SELECT pg_temp.run('mended');
SELECT is((SELECT string_agg(concat_ws('|', a, _scd2_valid_from, _scd2_valid_to, dq_conflict_flag), ',' ORDER BY _scd2_version) FROM silver.mended),
	'x|1|2|f,right|2|3|t,y|3|f', 'on_change version: both count, the newer one wins a tie');

/* partitioned history keeps one current version per key without an index for it */
SELECT medallion.create_feature('parts', '{parts/*.csv}', '{k}', '{"sequence_by": "t", "partition_by": "t", "columns": {"t": {"type": "date"}}}');
SELECT pg_temp.put('parts/a.csv', E'k,a,t\n1,x,2024-01-05\n1,y,2024-03-01\n2,x,2024-01-09\n');
SELECT pg_temp.run('parts');
SELECT pg_temp.put('parts/b.csv', E'k,a,t\n1,z,2024-02-05\n2,y,2024-04-01\n');
SELECT pg_temp.run('parts');
SELECT is((SELECT string_agg(concat_ws('|', k, a, to_char(_scd2_valid_from, 'MMDD'), to_char(_scd2_valid_to, 'MMDD'), tableoid::regclass), ',' ORDER BY k, _scd2_version) FROM silver.parts),
	'1|x|0105|0205|silver.parts_2024_01,1|z|0205|0301|silver.parts_2024_02,1|y|0301|silver.parts_2024_03,2|x|0109|0401|silver.parts_2024_01,2|y|0401|silver.parts_2024_04', 'each version in its month');
SELECT is((SELECT sum(broken) FROM medallion.verify('parts')), 0::numeric, 'and nothing is broken');

/* checks and splits see other names of the history columns */
SELECT medallion.create_feature('named', '{mended/*.csv}', '{k}', '{"sequence_by": "t", "history_columns": {"is_current": "latest"}, "checks": [{"kind": "duplicate", "columns": ["a"]}], "split": {"y": "d.a = ''y''", "rest": "else"}}');
SELECT pg_temp.run('named');
SELECT is(pg_temp.errors(), 'none', 'a run with other names');
SELECT is((SELECT count(*) FROM silver.named_y_current), 1::bigint, 'and splits');

/* what the log says of a merge: keys opened, further versions, versions closed */
SELECT medallion.create_feature('counted', '{counted/*.csv}', '{k}', '{"sequence_by": "t", "apply_as_deletes": "d.op = ''D''", "no_track": "op"}');
CREATE FUNCTION pg_temp.counts(number int, content text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.put(format('counted/%s.csv', number), E'k,a,t,op\n' || content);
	PERFORM pg_temp.run('counted');
	RETURN (SELECT concat_ws(' ', operation_type, records_inserted, records_updated, records_expired)
			  FROM etl_logs.scd2_history WHERE table_name = 'silver.counted' ORDER BY history_id DESC LIMIT 1);
END
$$;
SELECT is(pg_temp.counts(1, E'1,x,1,I\n2,x,1,I\n3,x,1,I\n4,x,1,I\n'), 'initial_load 4 0 0', 'counts of a first load');
SELECT is(pg_temp.counts(2, E'1,y,5,U\n2,,5,D\n3,x,5,U\n5,x,5,I\n'), 'SCD2_MERGE 1 1 2', 'counts of one event per key');
SELECT is(pg_temp.counts(3, E'1,z,7,U\n1,w,8,U\n2,q,7,I\n6,x,7,I\n6,y,8,U\n'), 'SCD2_MERGE 1 4 1', 'counts of several');

/* a snapshot that is withdrawn: what it had closed is there again, although scd1 no longer has it */
SELECT medallion.create_feature('unsaid', '{unsaid/*.csv}', '{k}', '{"sequence_by": "t", "deletes": "snapshot", "history": "scd1"}');
SELECT pg_temp.put('unsaid/a.csv', E'k,t\n1,1\n2,1\n'), pg_temp.put('unsaid/b.csv', E'k,t\n1,2\n');
SELECT pg_temp.run('unsaid');
SELECT is((SELECT string_agg(k::text, ',' ORDER BY k) FROM silver.unsaid), '1', 'a later snapshot closes the key that it lacks');
SELECT pg_temp.put('unsaid/b.csv', E'k,t\n1,0\n');
SELECT pg_temp.run('unsaid');
SELECT is((SELECT string_agg(k::text, ',' ORDER BY k) FROM silver.unsaid), '1,2', 'and its correction brings it back');

/* what does not go together, and what is unknown */
SELECT throws_ok($$SELECT medallion.create_feature('no', '{x}', '{k}', '{"delete_scope": ["r"]}')$$, '22023', 'option "delete_scope" needs "deletes": "snapshot"');
SELECT throws_ok($$SELECT medallion.create_feature('no', '{x}', '{k}', '{"sequence_by": "t", "on_missing": "close"}')$$, '22023', '"on_missing": "close" does not go with "sequence_by"');
SELECT throws_ok($$SELECT medallion.create_feature('no', '{x}', '{k}', '{"deletes": "ignore", "on_missing": "close"}')$$, '22023', '"on_missing": "close" does not go with "deletes"');
SELECT throws_ok($$SELECT medallion.create_feature('no', '{x}', '{k}', '{"ignore_null_updates": true}')$$, '22023', '"ignore_null_updates" does not go with files that say all there is');
SELECT throws_ok($$SELECT medallion.create_feature('no', '{x}', '{k}', '{"null_sequence": "reject"}')$$, '22023', 'option "null_sequence" needs "sequence_by"');
SELECT throws_ok($$SELECT medallion.create_feature('no', '{x}', '{k}', '{"history_columns": {"valid_form": "f"}}')$$, '22023', 'unrecognized member of option "history_columns": "valid_form"');
SELECT throws_ok($$SELECT medallion.create_feature('no', '{x}', '{k}', '{"deletes": "snapshots"}')$$, '22023', 'unrecognized value for option "deletes": "snapshots"');
SELECT medallion.create_feature('no', '{mended/*.csv}', '{k}', '{"sequence_by": "tt"}');
SELECT pg_temp.run('no');
SELECT alike(pg_temp.errors(), 'silver: unrecognized column of option "sequence_by": "tt"%Perhaps you meant "t"%', 'an unknown column of the sequence');
SELECT medallion.alter_feature('no', '{"sequence_by": "t", "no_track": ["k"]}');
SELECT pg_temp.run('no');
SELECT alike(pg_temp.errors(), 'silver: business key "k" cannot be in option "no_track"%', 'keys are what is tracked by');
SELECT * FROM finish();
