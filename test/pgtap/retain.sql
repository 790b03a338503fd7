/*
 * Option "retain": old rows go from silver and gold as maintain() moves the
 * horizon, and what folds silver later leaves out the same.
 */
\set name retain
\ir setup.psql
SELECT plan(37);
CREATE FUNCTION pg_temp.has(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(no::text, '' '' ORDER BY no::int) FROM %s', t) INTO result;
	RETURN result;
END
$$;
SELECT (current_date - 10 * 366)::text AS ancient, (current_date - 8 * 366)::text AS old, (current_date - 6 * 365)::text AS recent, current_date::text AS today \gset

SELECT throws_ok($$SELECT medallion.create_feature('x', '{x}', NULL, '{"retain": "7 years"}')$$, '22023', NULL, 'retain needs retain_by');
SELECT throws_ok($$SELECT medallion.create_feature('x', '{x}', NULL, '{"retain": "seven", "retain_by": "day"}')$$, NULL, NULL, 'and an interval');
\o /dev/null
SELECT pg_temp.put('bills/a.csv', format(E'No,Day,Amount\n1,%s,10\n2,%s,20\n3,%s,30\n4,,40\n', :'ancient', :'recent', :'today'));
SELECT medallion.create_feature('bills', '{bills/*.csv}', '{no}', '{"columns": {"day": {"type": "date", "date_order": "YMD"}}, "retain": "7 years", "retain_by": "day"}');
SELECT medallion.create_feature('lines', '{bills/*.csv}', NULL, '{"columns": {"day": {"type": "date", "date_order": "YMD"}}, "retain": "7 years", "retain_by": "day"}');
SELECT pg_temp.run();
SELECT medallion.create_model('bill_sum', 'SELECT no, sum(amount::numeric) AS amount FROM silver.bills_current GROUP BY no');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'runs');
SELECT is(pg_temp.has('silver.bills'), '1 2 3 4', 'before maintain() nothing is too old: a run moves no horizon');
SELECT is((SELECT string_agg(concat_ws(' ', object, rows, done), ', ' ORDER BY object) FROM medallion.maintain() WHERE action = 'retain'), 'silver.bills 1 f, silver.lines 1 f', 'a dry run says what would go');
SELECT is(pg_temp.has('silver.bills'), '1 2 3 4', '... and does nothing');
SELECT is((SELECT count(*) FROM medallion.horizons), 0::bigint, '... nor stores a horizon');
SELECT is((SELECT string_agg(concat_ws(' ', object, rows, done), ', ' ORDER BY object) FROM medallion.maintain('{"dry_run": false}') WHERE action = 'retain'), 'silver.bills 1 t, silver.lines 1 t', 'maintain() takes them out');
SELECT is(pg_temp.has('silver.bills'), '2 3 4', 'of a history; a row without a date stays');
SELECT is(pg_temp.has('silver.lines'), '2 3 4', 'of rows that stand alone');
SELECT is(pg_temp.has('gold.bill_sum'), '2 3 4', 'and of gold');
SELECT is((SELECT horizon FROM medallion.horizons WHERE feature_id = (SELECT feature_id FROM medallion.features WHERE name = 'bills')),
		  ((now() AT TIME ZONE 'UTC') - interval '7 years')::date, 'the horizon is stored');
SELECT is((SELECT count(*) FROM medallion.maintain('{"dry_run": false}') WHERE action = 'retain'), 0::bigint, 'again, there is nothing to do');
SELECT is((SELECT count(*) FROM bronze.bills), 4::bigint, 'bronze stays what the file said');
\o /dev/null
SELECT medallion.rebuild('silver', 'bills');
\o
SELECT is(pg_temp.has('silver.bills'), '2 3 4', 'a rebuild does not bring them back');
\o /dev/null
SELECT pg_temp.put('bills/b.csv', format(E'No,Day,Amount\n5,%s,50\n6,%s,60\n', :'old', :'recent'));
SELECT pg_temp.run();
\o
SELECT is(pg_temp.has('silver.bills'), '2 3 4 6', 'nor does an old row that comes late');
CREATE FUNCTION pg_temp.held() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(concat_ws(' ', f.name, q.row, q.reason), ', ' ORDER BY f.name, q.row), 'none') FROM medallion.quarantine q JOIN medallion.features f USING (feature_id)
$$;
SELECT is(pg_temp.held(), 'bills 2 before the retention horizon, lines 2 before the retention horizon', '... which is quarantined, and the reason said; rows that aged in silver are not');
SELECT is((SELECT string_agg(concat_ws(' ', object, detail->>'late', detail->>'quarantined'), ', ' ORDER BY object) FROM run WHERE layer = 'silver'), 'bills 1 1, lines 1 1', '... and counted in the log');
SELECT is((SELECT concat_ws(' ', b.no, b.day = :'old') FROM medallion.quarantine q JOIN medallion.features f USING (feature_id)
			JOIN bronze.bills b ON (b._file_id, b._sheet, b._row) = (q.file_id, q.sheet, q.row) WHERE f.name = 'bills'), '5 t', '... with the address of its row in bronze');
\o /dev/null
SELECT medallion.rebuild('silver', 'bills');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.held(), 'bills 2 before the retention horizon, lines 2 before the retention horizon', 'a rebuild holds the same');
SELECT is((SELECT concat_ws(' ', released, quarantined) FROM medallion.replay_quarantine('bills')), '0 1', 'a replay does not help an old row');
\o /dev/null
SELECT medallion.correct(q.file_id, q.sheet, q.row, jsonb_build_object('day', :'recent')) FROM medallion.quarantine q JOIN medallion.features f USING (feature_id) WHERE f.name = 'bills';
\o
SELECT is((SELECT concat_ws(' ', released, quarantined) FROM medallion.replay_quarantine('bills')), '1 0', 'a corrected date does');
SELECT is(pg_temp.has('silver.bills'), '2 3 4 5 6', '... it is in silver');
\o /dev/null
SELECT medallion.correct(file_id, sheet, row, NULL) FROM medallion.corrections;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.has('silver.bills'), '2 3 4 6', '... and gone when the correction is taken back');
\o /dev/null
SELECT pg_temp.put('bills/b.csv', format(E'No,Day,Amount\n6,%s,60\n5,%s,50\n7,%s,70\n', :'recent', :'old', :'old'));
SELECT pg_temp.run();
\o
SELECT is(pg_temp.held(), 'bills 3 before the retention horizon, bills 4 before the retention horizon, lines 3 before the retention horizon, lines 4 before the retention horizon', 'another version of the file has other rows');
\o /dev/null
SELECT medallion.alter_feature('bills', '{"filter": "d.no <> 7"}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.held(), 'bills 3 before the retention horizon, lines 3 before the retention horizon, lines 4 before the retention horizon', 'a row that the filter leaves out is not wanted at any age');
\o /dev/null
SELECT pg_temp.put('bills/b.csv', format(E'No,Day,Amount\n5,%s,50\n6,%s,60\n', :'old', :'recent'));
SELECT pg_temp.run();
\o
SELECT is(pg_temp.has('silver.bills'), '2 3 4 6', 'an old row of a changed file stays out');
SELECT is((SELECT count(*) FROM medallion.verify('bills') WHERE broken > 0), 0::bigint, 'all invariants hold');
\o /dev/null
SELECT medallion.alter_feature('bills', '{"retain": "9 years"}');
SELECT FROM medallion.maintain('{"dry_run": false}');
\o
SELECT is(pg_temp.has('silver.bills'), '2 3 4 5 6', 'a longer time brings back what is young enough');
SELECT is(pg_temp.has('gold.bill_sum'), '2 3 4 5 6', '... in gold too');
SELECT is(pg_temp.held(), 'lines 2 before the retention horizon', '... and lets it out of quarantine');
\o /dev/null
SELECT medallion.alter_feature('bills', '{"retain": null, "retain_by": null}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.has('silver.bills'), '1 2 3 4 5 6', 'without the option everything counts');
\o /dev/null
SELECT medallion.alter_feature('lines', '{"retain": null, "retain_by": null}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.has('silver.lines'), '1 2 3 4 5 6', '... of rows that stand alone too');
SELECT is(pg_temp.held(), 'none', '... and nothing is held');
\o /dev/null
SELECT medallion.alter_feature('bills', '{"retain": "7 years", "retain_by": "amount"}');
SELECT pg_temp.run();
\o
SELECT throws_ok($$SELECT FROM medallion.maintain('{"dry_run": false}')$$, NULL, NULL, 'a column that is no date is refused');
\o /dev/null
SELECT medallion.alter_feature('bills', '{"retain_by": "dya"}');
SELECT pg_temp.run();
\o
SELECT matches(pg_temp.errors(), 'retain_by.*dya', 'so is one that there is not, by the run');
SELECT is(pg_temp.has('silver.bills'), '1 2 3 4 5 6', '... which leaves silver alone');
SELECT * FROM finish();
