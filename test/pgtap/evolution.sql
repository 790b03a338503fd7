/*
 * What a feature's options do when sources change and sessions differ: columns
 * that come later, rows too long, rows that are broken, types that widen,
 * views in the way, values in paths, files without header, checks.
 */
\set name evolution
\ir setup.psql

SELECT plan(88);

-- schema_evolution: a second file brings a column; the four modes differ in what becomes of it
\o /dev/null
SELECT medallion.create_feature('evolve_' || m, '{modes/*.csv}', '{id}', jsonb_build_object('schema_evolution', m)) FROM unnest('{evolve,rescue,freeze,ignore}'::text[]) m;
SELECT pg_temp.put('modes/a.csv', E'Id,Val\n1,one\n2,two\n');
SELECT pg_temp.run();
SELECT pg_temp.put('modes/b.csv', E'Id,Val,Extra\n3,three,x3\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.types('silver.evolve_evolve'), 'id bigint, val text, extra text', 'evolve: silver gets the column');
SELECT is((SELECT string_agg(id || coalesce(extra, '-'), ',' ORDER BY id) FROM silver.evolve_evolve_current), '1-,2-,3x3', 'evolve: NULL in the rows before it');
SELECT is((SELECT max(_scd2_version) FROM silver.evolve_evolve), 1, 'evolve: a column more makes no versions of rows that do not have it');
SELECT is(pg_temp.changes('evolve_evolve', 'bronze'), 'ADD_COLUMN extra text', 'evolve: one row in the log for bronze');
SELECT is(pg_temp.changes('evolve_evolve', 'silver'), 'ADD_COLUMN extra text', 'evolve: one for silver');
SELECT is(pg_temp.types('bronze.evolve_rescue'), 'id text, val text', 'rescue: bronze gets no column');
SELECT is((SELECT string_agg(coalesce(_rescued_data::text, '-'), ',' ORDER BY id) FROM bronze.evolve_rescue), '-,-,{"extra": "x3"}', 'rescue: its values are in _rescued_data');
SELECT is(pg_temp.changes('evolve_rescue', 'bronze'), 'RESCUED_COLUMN extra', 'rescue: the log says so');
SELECT is((SELECT status FROM run WHERE layer = 'bronze' AND object = 'evolve_freeze'), 'PARTIAL', 'freeze: the file fails');
SELECT matches((SELECT error_message FROM etl_logs.file_processing WHERE status = 'FAILED'), 'column "Extra" is not known to feature "evolve_freeze"', 'freeze: the log names the column');
SELECT is((SELECT count(*) FROM silver.evolve_freeze_current), 2::bigint, 'freeze: what was loaded stays');
SELECT is((SELECT count(*) FROM bronze.evolve_ignore WHERE _rescued_data IS NULL), 3::bigint, 'ignore: the rows come without the column');
SELECT is(pg_temp.changes('evolve_ignore', 'bronze'), 'IGNORED_COLUMN extra', 'ignore: the log says so');
\o /dev/null
SELECT medallion.alter_feature('evolve_freeze', '{"schema_evolution": "evolve"}');
SELECT pg_temp.run('evolve_freeze');
\o
SELECT is((SELECT count(*) FROM silver.evolve_freeze_current WHERE extra IS NOT NULL), 1::bigint, 'freeze, altered to evolve: the next run loads the file');
\o /dev/null
SELECT pg_temp.put('modes/c.csv', E'Id\n4\n');
SELECT pg_temp.run('evolve_evolve');
\o
SELECT is(pg_temp.changes('evolve_evolve', 'bronze'), 'ADD_COLUMN extra text, MISSING_COLUMN val text, MISSING_COLUMN extra text', 'columns that a later file lacks are logged as missing');
SELECT is((SELECT string_agg(status, ',') FROM run), 'COMPLETED,COMPLETED', 'and that is no failure');
SELECT throws_like($$SELECT medallion.create_feature('x', '{x}', NULL, '{"schema_evolution": "evolv"}')$$, '%unrecognized value%"evolv"%', 'a mode that is none is refused');

-- Rows longer and shorter than the header: nothing is lost, nothing shifts
\o /dev/null
SELECT medallion.create_feature('ragged', '{ragged/*.csv}', '{id}');
SELECT pg_temp.put('ragged/a.csv', E'Id,Val\n1,one\n2,two,over,board\n3\n4,four,\n');
SELECT pg_temp.run('ragged');
\o
SELECT results_eq('SELECT id, val, _rescued_data FROM bronze.ragged ORDER BY id', $$VALUES ('1', 'one', NULL::jsonb), ('2', 'two', '{"column_3": "over", "column_4": "board"}'), ('3', NULL, NULL), ('4', 'four', NULL)$$,
	'ragged rows: cells beyond the header are rescued, missing ones are NULL');
SELECT is((SELECT count(*) FROM silver.ragged_current), 4::bigint, 'ragged rows: all of them reach silver');

-- A row that no reader can make sense of is rejected, as it stands; the rest of its file loads
\o /dev/null
SELECT medallion.create_feature('rejects', '{rejects/*.csv}', '{id}');
SELECT pg_temp.put('rejects/a.csv', E'Id,Val\n1,"one"\n2,"two\n3,three\n4,four\n');
SELECT pg_temp.run('rejects');
\o
SELECT is((SELECT string_agg(id || val, ',' ORDER BY id) FROM silver.rejects_current), '1one,3three,4four', 'unterminated quote: the rows around it load');
SELECT results_eq('SELECT row, reason, raw FROM medallion.rejects', $$VALUES (3::bigint, 'unterminated quote', '2,"two')$$, 'unterminated quote: the row is among the rejects, with number, reason and text');
SELECT is((SELECT detail->>'rejected_rows' FROM run WHERE layer = 'bronze'), '1', 'unterminated quote: the run table counts it');
SELECT is((SELECT (records_processed, records_valid, records_invalid)::text FROM etl_logs.pipeline_runs WHERE feature_name = 'rejects' AND layer = 'bronze'), '(4,3,1)', 'unterminated quote: so does pipeline_runs');

-- Types widen over files: bigint, numeric, text; silver is rebuilt with right values
\o /dev/null
SELECT medallion.create_feature('widen', '{widen/*.csv}', '{id}');
SELECT pg_temp.put('widen/a.csv', E'Id,Val,Day\n1,10,2025-01-01\n2,0020,2025-01-02\n');
SELECT pg_temp.run('widen');
\o
SELECT alike(pg_temp.types('silver.widen'), 'id bigint, val %, day date', 'first, types are those of the first file');
\o /dev/null
SELECT pg_temp.put('widen/a.csv', E'Id,Val,Day\n1,10,2025-01-01\n2,20,2025-01-02\n');
SELECT medallion.drop_feature('widen', true);
SELECT medallion.create_feature('widen', '{widen/*.csv}', '{id}');
SELECT pg_temp.run('widen');
CREATE TEMP TABLE widen_types AS SELECT 1 AS step, pg_temp.types('silver.widen') AS types;
SELECT pg_temp.put('widen/b.csv', E'Id,Val,Day\n3,30.75,2025-01-03\n');
SELECT pg_temp.run('widen');
INSERT INTO widen_types SELECT 2, pg_temp.types('silver.widen');
\o
SELECT is((SELECT sum(val)::text FROM silver.widen_current), '60.75', 'bigint to numeric: values of both files are right');
SELECT is((SELECT detail->>'rebuilt' FROM run WHERE layer = 'silver'), 'true', 'bigint to numeric: silver was rebuilt');
\o /dev/null
SELECT pg_temp.put('widen/c.csv', E'Id,Val,Day\n4,n/k,2025-01-04 10:30\n');
SELECT pg_temp.run('widen');
INSERT INTO widen_types SELECT 3, pg_temp.types('silver.widen');
\o
SELECT results_eq('SELECT types FROM widen_types ORDER BY step', $$VALUES ('id bigint, val bigint, day date'), ('id bigint, val numeric, day date'), ('id bigint, val text, day timestamp without time zone')$$, 'types widen step by step');
SELECT is((SELECT string_agg(val, ' ' ORDER BY id) FROM silver.widen_current), '10 20 30.75 n/k', 'numeric to text: values are as the files show them');
SELECT is((SELECT string_agg(day::text, ' ' ORDER BY id) FROM silver.widen_current), '2025-01-01 00:00:00 2025-01-02 00:00:00 2025-01-03 00:00:00 2025-01-04 10:30:00', 'date to timestamp: likewise');
SELECT is(pg_temp.changes('widen', 'silver'), 'TYPE_CHANGE val bigint numeric, TYPE_CHANGE val numeric text, TYPE_CHANGE day date timestamp without time zone, DROP_COLUMN dq_cast_flag_val boolean', 'each change is in the log');
SELECT is((SELECT count(*) || ' ' || max(_scd2_version) FROM silver.widen), '4 1', 'rows that say the same keep one version');
\o /dev/null
SELECT pg_temp.run('widen');
\o
SELECT is((SELECT string_agg(status, ',') FROM run), 'UNCHANGED,UNCHANGED', 'and the next run has nothing to do');

-- A user's view on silver: a column more does not mind it; a type change stops at it, by name
\o /dev/null
SELECT medallion.create_feature('viewed', '{viewed/*.csv}', '{id}');
SELECT pg_temp.put('viewed/a.csv', E'Id,Val\n1,10\n');
SELECT pg_temp.run('viewed');
CREATE VIEW public.mine AS SELECT id, val * 2 AS twice FROM silver.viewed_current;
SELECT pg_temp.put('viewed/b.csv', E'Id,Val,Extra\n2,20,x\n');
SELECT pg_temp.run('viewed');
\o
SELECT is((SELECT string_agg(status, ',') FROM run), 'COMPLETED,COMPLETED', 'a new column passes under a user''s view');
SELECT is((SELECT sum(twice) FROM public.mine), 60::numeric, 'which goes on to work');
\o /dev/null
SELECT pg_temp.put('viewed/c.csv', E'Id,Val,Extra\n3,word,x\n');
SELECT pg_temp.run('viewed');
\o
SELECT is((SELECT status FROM run WHERE layer = 'silver'), 'FAILED', 'a type change does not');
SELECT matches((SELECT detail->>'error' FROM run WHERE layer = 'silver'), 'view (public\.)?mine depends on it', 'the failure names the view');
SELECT is((SELECT sum(twice) FROM public.mine), 60::numeric, 'which still shows what was there');
\o /dev/null
DROP VIEW public.mine;
SELECT pg_temp.run('viewed');
\o
SELECT is((SELECT string_agg(val, ' ' ORDER BY id) FROM silver.viewed_current), '10 20 word', 'without it, the next run catches up');

-- A date whose order is a guess (01/02/2025) is text until the options say that it is one.
-- Nothing depends on the session: the same files under other settings give the same rows
CREATE FUNCTION pg_temp.print(feature text) RETURNS text LANGUAGE plpgsql SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC' AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT md5(string_agg((to_jsonb(s) - ''{_scd2_valid_from,_opened_run_id,_file_id}''::text[])::text, E''\n'' ORDER BY id)) FROM silver.%I s', feature) INTO result;
	RETURN result;
END
$$;
\o /dev/null
SELECT pg_temp.put('session/a.csv', E'Id,Day,Moment,Price,Flag,Note\n1,01/02/2025,2025-01-02 03:04:05,1.50,yes,\n2,13/02/2025,2025-06-30 23:59:59,1e3,no,Ärger\n3,03/04/2025,2025-12-31 00:00:00,-0.001,yes,"a, b"\n');
SELECT medallion.create_feature('plain', '{session/*.csv}', '{id}', '{"columns": {"day": {"type": "date"}}, "derive": {"days": "day - date ''2025-01-01''", "shown": "day::text || '' '' || moment::text", "low": "lower(note)"}}');
SELECT medallion.create_feature('foreign_one', '{session/*.csv}', '{id}', '{"columns": {"day": {"type": "date"}}, "derive": {"days": "day - date ''2025-01-01''", "shown": "day::text || '' '' || moment::text", "low": "lower(note)"}}');
SELECT pg_temp.run('plain');
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'mine' $$;
SET TimeZone = 'Pacific/Chatham';
SET DateStyle = 'SQL, MDY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = 0;
SET bytea_output = 'escape';
SET search_path = hostile, public, pg_catalog;
SELECT pg_temp.run('foreign_one');
\o
SELECT is(pg_temp.print('foreign_one'), pg_temp.print('plain'), 'TimeZone, DateStyle, IntervalStyle, search_path: the same rows and hashes');
SELECT is(current_setting('DateStyle') || ' ' || current_setting('TimeZone') || ' ' || current_setting('search_path'), 'SQL, MDY Pacific/Chatham hostile, public, pg_catalog', 'and the session''s settings are as they were');
RESET search_path;
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
RESET extra_float_digits;
RESET bytea_output;
SELECT is((SELECT string_agg(day::text, ' ' ORDER BY id) FROM silver.foreign_one), '2025-02-01 2025-02-13 2025-04-03', 'dates are read in the feature''s order: day first');
\o /dev/null
SELECT medallion.create_feature('month_first', '{mdy/*.csv}', '{id}', '{"date_order": "MDY", "columns": {"day": {"type": "date"}}}');
SELECT pg_temp.put('mdy/a.csv', E'Id,Day\n1,01/02/2025\n2,13/02/2025\n');
SELECT pg_temp.run('month_first');
\o
SELECT is((SELECT string_agg(coalesce(day::text, 'bad' || dq_cast_flag_day), ' ' ORDER BY id) FROM silver.month_first), '2025-01-02 badtrue', 'or as date_order says; what is no date then is NULL and flagged');
SELECT is((SELECT check_status || ' ' || records_affected FROM etl_logs.data_quality_checks WHERE table_name = 'silver.month_first' AND check_type = 'cast' AND column_name = 'day'), 'WARNING 1', 'and counted in the log');

-- What paths say: folders of years and months, key=value, named captures
\o /dev/null
SELECT medallion.create_feature('paths', '{paths/**/*.csv}', '{id}', '{"path_pattern": "/(?<shop>[A-Z]+)_(?<day>[0-9]{8})\\.csv$", "columns": {"_path_year": {}, "_path_month": {}, "_path_region": {}, "day": {"type": "text"}}}');
SELECT pg_temp.put('paths/2024/December/region=north/AB_20241231.csv', E'Id\n1\n');
SELECT pg_temp.put('paths/2025/feb/region=south/CD_20250201.csv', E'Id\n2\n');
SELECT pg_temp.put('paths/other.csv', E'Id\n3\n');
SELECT pg_temp.run('paths');
\o
SELECT results_eq('SELECT id::int, _path_year, _path_month, _path_region, shop, day FROM bronze.paths ORDER BY 1',
	$$VALUES (1, '2024', '12', 'north', 'AB', '20241231'), (2, '2025', '2', 'south', 'CD', '20250201'), (3, NULL, NULL, NULL, NULL, NULL)$$, 'bronze has the year, month, key and captures of each path');
SELECT results_eq('SELECT id::int, _path_year::int, _path_month::int, _path_region, shop FROM silver.paths ORDER BY 1',
	$$VALUES (1, 2024, 12, 'north', 'AB'), (2, 2025, 2, 'south', 'CD'), (3, NULL, NULL, NULL, NULL)$$, 'silver too, typed, where the options name them');
SELECT is((SELECT path_values::text FROM medallion.file_versions WHERE path LIKE '%/CD_20250201.csv'), '{"day": "20250201", "shop": "CD", "_path_year": "2025", "_path_month": "2", "_path_region": "south"}', 'and the ledger');

-- Files without header
\o /dev/null
SELECT medallion.create_feature('headless', '{headless/*.csv}', '{open_time}', '{"header": "none", "names": ["Open time", "Open", "Close"]}');
SELECT pg_temp.put('headless/a.csv', E'1700000000000,1.5,2.5\n1700000060000,2.5,3.5,9\n');
SELECT pg_temp.run('headless');
\o
SELECT results_eq('SELECT open_time, open, close FROM silver.headless ORDER BY 1', 'VALUES (1700000000000::bigint, 1.5, 2.5), (1700000060000, 2.5, 3.5)', 'names come from the options, and the first row is data');
SELECT is((SELECT _rescued_data::text FROM bronze.headless WHERE _row = 2), '{"column_4": "9"}', 'cells beyond the names are rescued');
SELECT throws_like($$SELECT medallion.create_feature('x', '{x}', NULL, '{"header": "none"}')$$, '%need option "names"%', 'without names it is refused');

-- Synonyms of columns
\o /dev/null
SELECT medallion.create_feature('synonyms', '{synonyms/*.csv}', '{id}', '{"columns": {"county": {"from": ["Province", "STATE"]}, "postal": {"from": "Zip Code", "type": "text"}}}');
SELECT pg_temp.put('synonyms/a.csv', E'Id,County,Postal\n1,Cork,0101\n');
SELECT pg_temp.put('synonyms/b.csv', E'Zip code,Id,province\n0202,2,Leinster\n');
SELECT pg_temp.put('synonyms/c.csv', E'State,ZIP_CODE,Id\nOhio,0303,3\n');
SELECT pg_temp.run('synonyms');
\o
SELECT is(pg_temp.types('silver.synonyms'), 'id bigint, county text, postal text', 'headers that mean the same are one column');
SELECT is((SELECT string_agg(concat_ws(' ', id, county, postal), ', ' ORDER BY id) FROM silver.synonyms), '1 Cork 0101, 2 Leinster 0202, 3 Ohio 0303', 'in any order, with no value misplaced');
SELECT is(pg_temp.changes('synonyms', 'bronze'), NULL, 'and no change of schema');

-- Monthly partitions
\o /dev/null
SELECT medallion.create_feature('monthly', '{monthly/*.csv}', '{id}', '{"partition_by": "day"}');
SELECT pg_temp.put('monthly/a.csv', E'Id,Day,Val\n1,2025-01-31,1\n2,2025-02-01,2\n3,,3\n4,2025-02-28,4\n');
SELECT pg_temp.run('monthly');
\o
SELECT results_eq('SELECT tableoid::regclass::text, count(*) FROM silver.monthly GROUP BY 1 ORDER BY 1', $$VALUES ('silver.monthly_2025_01', 1::bigint), ('silver.monthly_2025_02', 2), ('silver.monthly_default', 1)$$, 'a partition per month, and one for rows without a date');
\o /dev/null
SELECT pg_temp.put('monthly/a.csv', E'Id,Day,Val\n1,2025-03-01,1\n2,2025-02-01,2\n3,,33\n');
SELECT pg_temp.run('monthly');
\o
SELECT is((SELECT string_agg(concat_ws(' ', id, day, val), ', ' ORDER BY id) FROM silver.monthly_current), '1 2025-03-01 1, 2 2025-02-01 2, 3 33', 'a row may change its month');
SELECT is((SELECT count(*) FROM (SELECT 1 FROM silver.monthly WHERE _scd2_is_current GROUP BY _business_key_hash HAVING count(*) > 1) t), 0::bigint, 'and its key stays current once');
SELECT is((SELECT string_agg(id || ':' || _scd2_version, ' ' ORDER BY id, _scd2_version) FROM silver.monthly), '1:1 1:2 2:1 3:1 3:2 4:1', 'with its versions');

-- No business key: rows stand alone, a changed file's rows are replaced
\o /dev/null
SELECT medallion.create_feature('appended', '{appended/*.csv}');
SELECT pg_temp.put('appended/a.csv', E'Id,Val\n1,x\n1,x\n');
SELECT pg_temp.put('appended/b.csv', E'Id,Val\n2,y\n');
SELECT pg_temp.run('appended');
\o
SELECT is((SELECT string_agg(id || val, ',' ORDER BY id) FROM silver.appended_current), '1x,1x,2y', 'append: equal rows are two rows');
SELECT hasnt_column('silver'::name, 'appended'::name, '_scd2_version'::name, 'append: without versions');
\o /dev/null
SELECT pg_temp.put('appended/a.csv', E'Id,Val\n1,x\n3,z\n');
SELECT pg_temp.run('appended');
\o
SELECT is((SELECT string_agg(id || val, ',' ORDER BY id) FROM silver.appended_current), '1x,2y,3z', 'append: a changed file''s old rows give way to its new ones');
\o /dev/null
SELECT pg_temp.run('appended');
\o
SELECT is((SELECT string_agg(status, ',') FROM run), 'UNCHANGED,UNCHANGED', 'append: a rerun adds nothing');
\o /dev/null
SELECT pg_temp.put('appended/copy of b.csv', E'Id,Val\n2,y\n');
SELECT pg_temp.run('appended');
\o
SELECT is((SELECT string_agg(id || val, ',' ORDER BY id) FROM silver.appended_current), '1x,2y,3z', 'append: nor does a copy of a file');

-- Checks: each kind flags what it should, and judges by share
\o /dev/null
SELECT medallion.create_feature('checked', '{checked/*.csv}', '{id}', '{"split": {"credits": "doc LIKE ''C%''", "invoices": "else"}}');
SELECT medallion.add_check('checked', 'not_null', '{name}');
SELECT medallion.add_check('checked', 'not_null', '{note}', error_if => 0.9, name => 'note_given');
SELECT medallion.add_check('checked', 'duplicate', '{doc,name}');
SELECT medallion.add_check('checked', 'amount', '{amount}');
SELECT medallion.add_check('checked', 'credit_amount', '{amount}');
SELECT medallion.add_check('checked', 'range', '{qty}', '{"min": 1, "max": 10}', error_if => 0.5);
SELECT medallion.add_check('checked', 'pattern', '{mail}', '{"pattern": "^[^@]+@[^@]+$"}', warn_if => 0.5);
SELECT medallion.add_check('checked', 'accepted_values', '{state}', '{"values": ["open", "closed"]}');
SELECT medallion.add_check('checked', 'expression', '{}', '{"expression": "qty * price = amount"}', name => 'adds_up');
SELECT medallion.add_check('checked', 'range', '{price}', '{"min": 0}', name => 'price_positive');
SELECT pg_temp.put('checked/a.csv', E'Id,Doc,Name,Qty,Price,Amount,Mail,State,Note\n1,I1,Ann,1,2,2,ann@x.org,open,\n2,I1,Ann,2,2,4,ann,closed,n\n3,I2,,11,1,-11,,lost,n\n4,C1,Bob,5,-1,5,bob@x.org,,n\n');
SELECT pg_temp.run('checked');
CREATE FUNCTION pg_temp.flagged(flag text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ids text;
BEGIN
	EXECUTE format('SELECT coalesce(string_agg(id::text, '','' ORDER BY id), ''none'') FROM silver.checked_current WHERE %I', flag) INTO ids;
	RETURN ids;
END
$$;
CREATE FUNCTION pg_temp.verdict(check_name text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(check_status || ' ' || records_affected, ', ' ORDER BY check_id) FROM etl_logs.data_quality_checks
	 WHERE table_name = 'silver.checked' AND check_details->>'check' = check_name AND run_id = (SELECT max(run_id) FROM run)
$$;
\o
SELECT is(pg_temp.flagged('dq_null_flag_name'), '3', 'not_null: flag');
SELECT is(pg_temp.verdict('not_null'), 'FAILED 1', 'not_null: one of a hundred or more is FAILED');
SELECT is(pg_temp.verdict('note_given'), 'WARNING 1', 'not_null: unless error_if says otherwise');
SELECT is(pg_temp.flagged('dq_duplicate_flag'), '1,2', 'duplicate: flag on every one of them');
SELECT is(pg_temp.verdict('duplicate'), 'WARNING 2', 'duplicate: WARNING');
SELECT is(pg_temp.flagged('dq_amount_flag_amount'), '3', 'amount: negative, and no credit');
SELECT is(pg_temp.verdict('amount'), 'WARNING 1', 'amount: WARNING');
SELECT is(pg_temp.flagged('dq_credit_amount_flag_amount'), '4', 'credit_amount: a credit, and positive');
SELECT is(pg_temp.flagged('dq_range_flag_qty'), '3', 'range: above max');
SELECT is(pg_temp.verdict('range'), 'WARNING 1', 'range: below error_if, WARNING');
SELECT is(pg_temp.flagged('dq_range_flag_price'), '4', 'range: below min, without max');
SELECT is(pg_temp.flagged('dq_pattern_flag_mail'), '2', 'pattern: flag; a NULL is not wrong');
SELECT is(pg_temp.verdict('pattern'), 'PASSED 1', 'pattern: below warn_if, PASSED, with the count');
SELECT is(pg_temp.flagged('dq_accepted_values_flag_state'), '3', 'accepted_values: flag; a NULL is not wrong');
SELECT is(pg_temp.flagged('dq_flag_adds_up'), '3,4', 'expression: flag on rows for which it is false');
SELECT is((SELECT jsonb_array_length(check_details->'samples') || ' of ' || (check_details->>'records_checked') FROM etl_logs.data_quality_checks WHERE check_type = 'expression'), '2 of 4', 'samples: the log has addresses of rows and how many were checked');
SELECT is((SELECT count(*) FROM etl_logs.data_quality_checks d CROSS JOIN jsonb_array_elements(check_details->'samples') s JOIN silver.checked c
	ON (c._file_id, c._sheet, c._row) = ((s->>'file_id')::bigint, s->>'sheet', (s->>'row')::bigint) WHERE check_type = 'expression' AND c.id IN (3, 4)), 2::bigint, 'samples: which lead to the rows');
SELECT is((SELECT quality FROM medallion.status WHERE feature = 'checked'), 'FAILED', 'medallion.status shows the worst');

-- Duplicates are a property of what is current: a second file makes and a third unmakes them
\o /dev/null
SELECT pg_temp.put('checked/b.csv', E'Id,Doc,Name,Qty,Price,Amount,Mail,State,Note\n5,C1,Bob,1,1,1,,open,n\n');
SELECT pg_temp.run('checked');
\o
SELECT is(pg_temp.flagged('dq_duplicate_flag'), '1,2,4,5', 'duplicate: over files, the earlier row too');
\o /dev/null
SELECT pg_temp.put('checked/b.csv', E'Id,Doc,Name,Qty,Price,Amount,Mail,State,Note\n5,C5,Bob,1,1,-1,,open,n\n');
SELECT pg_temp.run('checked');
\o
SELECT is(pg_temp.flagged('dq_duplicate_flag'), '1,2', 'duplicate: no longer, once one of them changed');
SELECT is((SELECT max(_scd2_version) FROM silver.checked WHERE id = 4), 1, 'a flag makes no version');

-- action fail: the run stops before silver changes, and heals when the source is mended
\o /dev/null
SELECT medallion.create_feature('strict', '{strict/*.csv}', '{id}');
SELECT medallion.add_check('strict', 'not_null', '{val}', action => 'fail', error_if => 0.4);
SELECT pg_temp.put('strict/a.csv', E'Id,Val\n1,a\n2,b\n3,\n');
SELECT pg_temp.run('strict');
\o
SELECT is((SELECT count(*) || ' ' || count(*) FILTER (WHERE dq_null_flag_val) FROM silver.strict), '3 1', 'fail: below error_if rows are flagged and taken');
\o /dev/null
SELECT pg_temp.put('strict/b.csv', E'Id,Val\n4,\n5,\n6,f\n');
SELECT pg_temp.run('strict');
\o
SELECT is((SELECT status FROM run WHERE layer = 'silver'), 'FAILED', 'fail: at error_if silver FAILS');
SELECT matches((SELECT detail->>'error' FROM run WHERE layer = 'silver'), 'check "not_null" failed for 2 of 3 rows', 'fail: and says which check, for how many');
SELECT is((SELECT count(*) FROM silver.strict), 3::bigint, 'fail: silver is as it was');
SELECT is((SELECT files_pending_for_silver FROM medallion.status WHERE feature = 'strict'), 1::bigint, 'fail: the file waits');
\o /dev/null
SELECT pg_temp.put('strict/b.csv', E'Id,Val\n4,d\n5,\n6,f\n');
SELECT pg_temp.run('strict');
\o
SELECT is((SELECT string_agg(id || coalesce(val, '-'), ',' ORDER BY id) FROM silver.strict_current), '1a,2b,3-,4d,5-,6f', 'fail: mended, it is taken in');

\o /dev/null
SELECT pg_temp.shell(format('rm -rf %s', :'tree'));
\o
SELECT * FROM finish();
