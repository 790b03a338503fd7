/*
 * Checks: every kind and action, thresholds, NULL, addresses, corrections,
 * replay.  What is expected is written out by hand.
 */
\set name checks
\ir setup.psql
SELECT plan(64);

/* the verdicts of the last run that judged a feature */
CREATE FUNCTION pg_temp.verdicts(feature text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', check_details->>'check', column_name, check_status, records_affected), E'\n' ORDER BY check_id)
	  FROM etl_logs.data_quality_checks d
	 WHERE table_name = 'silver.' || feature AND check_type NOT IN ('cast', 'conflict')
	   AND run_id = (SELECT max(run_id) FROM etl_logs.data_quality_checks WHERE table_name = 'silver.' || feature)
$$;
/* a silver table's rows without what differs between runs */
CREATE FUNCTION pg_temp.rows_of(feature text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows text;
BEGIN
	EXECUTE format('SELECT md5(string_agg(r, E''\n'' ORDER BY r COLLATE "C")) FROM (SELECT (to_jsonb(s) - ''{_opened_run_id,_closed_run_id}''::text[])::text AS r FROM silver.%I s) s', feature) INTO rows;
	RETURN rows;
END
$$;

-- kinds of one row, with NULL passing and failing
\o /dev/null
SELECT pg_temp.put('people/a.csv', $$id,name,email,age,country,note
1,Ann,ann@example.org,30,DE,x
2,Bob,bob at example.org,200,DE,xx
3,,c@d,40,FR,xxx
4,Dan,dan@mail.example.com,,XX,xxxx
5,Eve,,-1,FR,
$$);
SELECT medallion.create_feature('people', '{people/*.csv}', '{id}', '{"checks": [
	{"kind": "length", "columns": ["note"], "params": {"min": 2, "max": 3}},
	{"kind": "length", "columns": ["note"], "name": "note_given", "params": {"min": 1}, "on_null": "fail"},
	{"kind": "email", "columns": ["email"]},
	{"kind": "range", "columns": ["age"], "params": {"min": 0, "max": 150}, "on_null": "fail"},
	{"kind": "accepted_values", "columns": ["country"], "params": {"values": ["DE", "FR"]}, "error_count": 1},
	{"kind": "expression", "name": "grown", "params": {"expression": "d.age >= 18"}, "on_null": "fail"},
	{"kind": "pattern", "columns": ["name"], "params": {"pattern": "^[A-Z]"}, "warn_count": 2}]}');
SELECT pg_temp.run('people');
\o
SELECT is(pg_temp.errors(), 'none', 'the run works');
SELECT is(pg_temp.verdicts('people'), 'accepted_values country FAILED 1
email email WARNING 2
grown WARNING 2
length note WARNING 2
note_given note WARNING 1
pattern name PASSED 0
range age WARNING 3', 'each kind finds its rows');
SELECT is((SELECT string_agg(concat_ws(' ', id, dq_length_flag_note, dq_length_flag_note_, dq_email_flag_email, dq_range_flag_age, dq_flag_grown), E'\n' ORDER BY id) FROM silver.people),
	'1 t f f f f
2 f f t t f
3 f f t f f
4 t f f t t
5 f t f t t', 'and flags them');
SELECT is((SELECT check_details->'samples' FROM etl_logs.data_quality_checks WHERE check_details->>'check' = 'grown'),
	(SELECT jsonb_agg(jsonb_build_object('file_id', file_id, 'file', path, 'sheet', '', 'row', n) ORDER BY n)
	   FROM medallion.file_versions, (VALUES (5), (6)) r (n) WHERE path LIKE '%people/a.csv'), 'samples say file, sheet and row');
SELECT is((SELECT round(score, 4) FROM medallion.quality_scores WHERE table_name = 'silver.people'),
	-- seven checks with 2, 2, 2, 1, 0, 1 and 3 of 5 at fault; two casts (id, age) and the conflict check without fault
	round((10 - 11 / 5.0) / 10, 4), 'the score is the mean share of rows that pass');

-- quarantine and drop: such rows are no events, whatever the order
\o /dev/null
SELECT pg_temp.put('stock/a.csv', $$sku,qty,price
a,1,1.50
b,-1,2.50
c,3,oops
d,0,9.00
$$);
SELECT medallion.create_feature('stock', '{stock/*.csv}', '{sku}', '{"columns": {"price": {"type": "numeric"}}, "checks": [
	{"kind": "range", "columns": ["qty"], "params": {"min": 0}, "action": "quarantine"},
	{"kind": "expression", "name": "empty", "params": {"expression": "d.qty <> 0"}, "action": "drop"},
	{"kind": "cast", "columns": ["price"], "action": "quarantine"}]}');
SELECT pg_temp.run('stock');
\o
SELECT is((SELECT string_agg(concat_ws(' ', sku, qty, price), ', ' ORDER BY sku) FROM silver.stock), 'a 1 1.50', 'rows at fault are not in silver');
SELECT is((SELECT string_agg(concat_ws(' ', row, check_name, reason), ', ' ORDER BY row) FROM medallion.quarantine JOIN medallion.features USING (feature_id) WHERE name = 'stock'),
	'3 range check range, 4 cast check "cast"', 'the quarantine has their addresses and reasons; a dropped row leaves a count alone');
SELECT is((SELECT (detail->>'quarantined', detail->>'dropped')::text FROM run WHERE layer = 'silver'), '(2,1)', 'both are counted');
SELECT is(pg_temp.verdicts('stock'), 'empty WARNING 1
range qty WARNING 1', 'and judged like others');

-- a good event of a key goes in past a refused one, and a refused one closes nothing
\o /dev/null
SELECT pg_temp.put('stock/b.csv', $$sku,qty,price
a,-5,1.60
b,7,2.50
$$);
SELECT pg_temp.run('stock');
\o
SELECT is((SELECT string_agg(concat_ws(' ', sku, qty, price, _scd2_version, _scd2_is_current), ', ' ORDER BY sku, _scd2_version) FROM silver.stock),
	'a 1 1.50 1 t, b 7 2.50 1 t', 'the fold never sees refused rows');
SELECT pg_temp.rows_of('stock') AS before \gset
\o /dev/null
SELECT medallion.rebuild('stock');
SELECT pg_temp.run('stock');
\o
SELECT is(pg_temp.rows_of('stock'), :'before', 'a rebuild gives the same rows');
SELECT is((SELECT count(*) FROM medallion.quarantine JOIN medallion.features USING (feature_id) WHERE name = 'stock'), 3::bigint, 'and the same quarantine');

-- corrections, by bronze address
\o /dev/null
SELECT medallion.correct(file_id, '', 3, '{"qty": "11"}') FROM medallion.file_versions WHERE path LIKE '%stock/a.csv';
SELECT medallion.correct(file_id, '', 4, '{"price": "3.75", "qty": null}') FROM medallion.file_versions WHERE path LIKE '%stock/a.csv';
\o
SELECT is((SELECT (released, quarantined)::text FROM medallion.replay_quarantine('stock')), '(2,1)', 'corrected rows are released, the others stay');
SELECT is((SELECT string_agg(concat_ws(' ', sku, coalesce(qty::text, '-'), price, _scd2_version, _scd2_is_current), ', ' ORDER BY sku, _scd2_version) FROM silver.stock),
	'a 1 1.50 1 t, b 11 2.50 1 f, b 7 2.50 2 t, c - 3.75 1 t', 'at their own time: before what came later');
SELECT pg_temp.rows_of('stock') AS before \gset
\o /dev/null
SELECT medallion.rebuild('stock');
SELECT pg_temp.run('stock');
\o
SELECT is(pg_temp.rows_of('stock'), :'before', 'a rebuild repeats them');
SELECT is((SELECT qty || ' ' || price FROM bronze.stock WHERE sku = 'c'), '3 oops', 'bronze stays as it is');
\o /dev/null
SELECT medallion.correct(file_id, '', 3, NULL) FROM medallion.file_versions WHERE path LIKE '%stock/a.csv';
SELECT medallion.correct(file_id, '', 2, '{"sku": "z"}') FROM medallion.file_versions WHERE path LIKE '%stock/a.csv';
SELECT pg_temp.run('stock');
\o
SELECT is((SELECT string_agg(concat_ws(' ', sku, coalesce(qty::text, '-'), price, _scd2_version, _scd2_is_current), ', ' ORDER BY sku, _scd2_version) FROM silver.stock),
	'b 7 2.50 1 t, c - 3.75 1 t, z 1 1.50 1 t', 'a correction taken back, and one of a row in force that changes its key');
SELECT throws_like($$SELECT medallion.correct(file_id, '', 99, '{"sku": "z"}') FROM medallion.file_versions WHERE path LIKE '%stock/a.csv'$$,
	'bronze of feature "stock" has no row 99%', 'a row that is not there');
SELECT throws_like($$SELECT medallion.correct(file_id, '', 2, '{"skku": "z"}') FROM medallion.file_versions WHERE path LIKE '%stock/a.csv'$$,
	'unrecognized column "skku"', 'a column that is not there');

-- the same without keys
\o /dev/null
SELECT pg_temp.put('log/a.csv', $$what,n
x,1
x,1
y,-2
$$);
SELECT medallion.create_feature('log', '{log/*.csv}', NULL, '{"checks": [{"kind": "range", "columns": ["n"], "params": {"min": 0}, "action": "quarantine"}]}');
SELECT pg_temp.run('log');
\o
SELECT is((SELECT string_agg(what || n, ',' ORDER BY _row) FROM silver.log), 'x1,x1', 'append: refused rows stay out');
\o /dev/null
SELECT medallion.correct(file_id, '', 4, '{"n": "2"}') FROM medallion.file_versions WHERE path LIKE '%log/a.csv';
\o
SELECT is((SELECT (released, quarantined)::text FROM medallion.replay_quarantine('log')), '(1,0)', 'append: and are released');
SELECT is((SELECT string_agg(what || n, ',' ORDER BY _row) FROM silver.log), 'x1,x1,y2', 'append: no row comes twice');

-- checks of rows among others: what is current decides
\o /dev/null
CREATE SCHEMA ref;
CREATE TABLE ref.country (code text, old boolean);
INSERT INTO ref.country VALUES ('DE', false), ('FR', false), ('FR', true), (NULL, false), ('DD', true);
SELECT pg_temp.put('city/a.csv', $$id,name,country,mayor
1,Bonn,DE,A
2,Lyon,FR,
3,Jena,DD,
4,Oz,ZZ,A
5,Bonn,,B
$$);
SELECT medallion.create_feature('city', '{city/*.csv}', '{id}', '{"checks": [
	{"kind": "unique", "columns": ["mayor"]},
	{"kind": "unique", "columns": ["name"], "name": "one_name", "error_if": 0},
	{"kind": "duplicate", "columns": ["mayor"]},
	{"kind": "relationship", "columns": ["country"], "params": {"to": "ref.country", "columns": ["code"], "condition": "NOT t.old"}},
	{"kind": "relationship", "columns": ["country"], "name": "known", "params": {"to": "ref.country", "columns": ["code"]}, "on_null": "fail"}]}');
SELECT pg_temp.run('city');
\o
SELECT is(pg_temp.verdicts('city'), 'duplicate mayor WARNING 4
known country WARNING 2
one_name name FAILED 2
relationship country WARNING 2
unique mayor WARNING 2', 'unique lets NULL pass, duplicate compares it; relationship by condition and NULL');
\o /dev/null
SELECT pg_temp.put('city/b.csv', E'id,name,country,mayor\n1,Bad Bonn,DE,C\n4,Oz,DE,A\n');
SELECT pg_temp.run('city');
\o
SELECT is(pg_temp.verdicts('city'), 'duplicate mayor WARNING 2
known country WARNING 1
one_name name PASSED 0
relationship country WARNING 1
unique mayor PASSED 0', 'flags of rows are taken back as others change');
SELECT is((SELECT string_agg(id::text, ',' ORDER BY id) FROM silver.city WHERE _scd2_is_current AND dq_relationship_flag), '3', 'on the rows as well');
SELECT throws_like($$SELECT medallion.add_check('city', 'unique', '{name}', action => 'drop')$$, 'a check of kind "unique" cannot drop rows', 'no single row is at fault of a duplicate');

-- checks of the whole table
\o /dev/null
SELECT pg_temp.put('day/1.csv', E'id,v,at\n1,10,2020-01-01 00:00\n2,20,2020-01-02 00:00\n');
SELECT medallion.create_feature('day', '{day/*.csv}', '{id}', '{"checks": [
	{"kind": "row_count", "params": {"max_change": 0.5}},
	{"kind": "row_count", "name": "enough", "params": {"min": 4}, "error_if": 0},
	{"kind": "drift", "columns": ["v"], "params": {"metric": "mean", "max_change": 0.2}},
	{"kind": "freshness", "columns": ["at"], "params": {"max_age": "1 day"}},
	{"kind": "schema", "params": {"columns": {"id": "bigint", "v": "numeric(5,2)"}, "exact": true}},
	{"kind": "metric", "name": "odd", "params": {"sql": "SELECT count(*) FROM silver.day WHERE v % 2 = 1", "max": 0}}]}');
SELECT pg_temp.run('day');
\o
SELECT is(pg_temp.errors(), 'none', 'the run works');
SELECT is(pg_temp.verdicts('day'), 'drift v PASSED 0
enough FAILED 1
freshness at WARNING 1
odd PASSED 0
row_count PASSED 0
schema WARNING 1', 'what has no history yet passes');
SELECT is((SELECT check_details->>'reason' FROM etl_logs.data_quality_checks WHERE check_type = 'schema'),
	'column "v" is bigint, not numeric(5,2); column "at" is not expected', 'the schema check says what differs');
\o /dev/null
SELECT pg_temp.put('day/2.csv', E'id,v,at\n3,41,2020-01-03 00:00\n4,31,2020-01-04 00:00\n');
SELECT pg_temp.run('day');
\o
SELECT is(pg_temp.verdicts('day'), 'drift v WARNING 1
enough PASSED 0
freshness at WARNING 1
odd WARNING 1
row_count WARNING 1
schema WARNING 1', 'drift against the last run');
SELECT is((SELECT check_details->>'reason' FROM etl_logs.data_quality_checks WHERE check_type = 'row_count' AND check_status = 'WARNING'),
	'4 differs from the last, 2, by more than 0.5 of it', 'with the reason');
\o /dev/null
SELECT pg_temp.run('day');
\o
SELECT is((SELECT status FROM run WHERE layer = 'silver'), 'UNCHANGED', 'a run that finds nothing');
SELECT is(pg_temp.verdicts('day'), 'freshness at WARNING 1', 'says how old the latest row is nevertheless');
\o /dev/null
SELECT medallion.add_check('day', 'row_count', params => '{"max_change": 0.1}', action => 'fail', name => 'steady');
SELECT pg_temp.put('day/3.csv', E'id,v,at\n5,30,2020-01-03 00:00\n');
SELECT pg_temp.run('day');
SELECT pg_temp.put('day/4.csv', E'id,v,at\n6,30,2020-01-03 00:00\n');
SELECT pg_temp.run('day');
\o
SELECT is(pg_temp.errors(), 'silver: check "steady" failed ({"value": 6, "reason": "6 differs from the last, 5, by more than 0.1 of it"})', 'action fail stops the load');
SELECT is((SELECT count(*) FROM silver.day), 5::bigint, 'and nothing of it is in silver');

-- a refused row is no event, whatever comes in whatever order: the same history as where a filter never let it in
\o /dev/null
SELECT medallion.create_feature(n, '{r/*.csv}', '{k}', o || jsonb_build_object('on_change', c)) FROM (VALUES
	('r_quarantine', '{"checks": [{"kind": "range", "columns": ["v"], "params": {"max": 3}, "action": "quarantine"}]}'::jsonb, 'version'), ('r_filter', '{"filter": "(d.v > 3) IS NOT TRUE"}', 'version'),
	('s_quarantine', '{"checks": [{"kind": "range", "columns": ["v"], "params": {"max": 3}, "action": "quarantine"}]}', 'restate'), ('s_filter', '{"filter": "(d.v > 3) IS NOT TRUE"}', 'restate')) v (n, o, c);
SELECT setseed(0.5);
CREATE TABLE ref.step (n int, feature text, same boolean, quarantined bigint, refused bigint);
CREATE FUNCTION pg_temp.step(i int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.put('r/' || (ARRAY['a', 'b', 'c'])[1 + floor(random() * 3)::int] || '.csv', E'k,v,step\n' || string_agg(concat(1 + floor(random() * 4)::int, ',', floor(random() * 5)::int), ',\n') || E',\n9,0,' || i || E'\n')
	   FROM generate_series(1, 1 + floor(random() * 4)::int);
	PERFORM pg_temp.run('r_quarantine', 'r_filter', 's_quarantine', 's_filter');
	INSERT INTO ref.step SELECT i, f, pg_temp.history_of(f || '_quarantine') = pg_temp.history_of(f || '_filter'),
		   (SELECT count(*) FROM medallion.quarantine q JOIN medallion.features x USING (feature_id) WHERE x.name = f || '_quarantine'), pg_temp.refused_of(f || '_quarantine')
	  FROM unnest('{r,s}'::text[]) f;
END
$$;
CREATE FUNCTION pg_temp.history_of(feature text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws('' '', k, v, step, (SELECT count(DISTINCT first_seen) FROM medallion.file_versions x WHERE x.feature_id = f.feature_id AND x.first_seen <= _scd2_valid_from),'
				   ' (SELECT count(DISTINCT first_seen) FROM medallion.file_versions x WHERE x.feature_id = f.feature_id AND x.first_seen <= _scd2_valid_to), _scd2_version, _scd2_is_current, dq_conflict_flag, path, _row), E''\n'' ORDER BY k, _scd2_version)'
				   ' FROM silver.%I JOIN medallion.file_versions f ON f.file_id = _file_id', feature) INTO rows;
	RETURN rows;
END
$$;
CREATE FUNCTION pg_temp.refused_of(feature text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM bronze.%I b JOIN medallion.file_versions f ON f.file_id = b._file_id WHERE v::int > 3 AND superseded_at IS NULL', feature) INTO rows;
	RETURN rows;
END
$$;
\o
SELECT pg_temp.step(i) FROM generate_series(1, 20) i \g /dev/null
SELECT is(pg_temp.errors(), 'none', 'every run works');
SELECT is((SELECT (count(*), count(*) FILTER (WHERE same), max(quarantined) > 0)::text FROM ref.step), '(40,40,t)', 'twenty random files, replacing one another: history is that of the filter (seed 0.5)');
SELECT is((SELECT string_agg(n || feature, ',' ORDER BY n) FROM ref.step WHERE quarantined <> refused), NULL, 'the quarantine has the refused rows of files in force');

-- anomaly rules
SELECT is(medallion.anomaly(10, '{10,11,9,10,10}', NULL, now(), '{"z_score": 3}'), NULL, 'z-score: an ordinary value');
SELECT isnt(medallion.anomaly(13, '{10,11,9,10,10}', NULL, now(), '{"z_score": 3}'), NULL, 'z-score: one far out');
SELECT is(medallion.anomaly(13, '{10,11,9,10}', NULL, now(), '{"z_score": 3}'), NULL, 'z-score: four values say nothing');
SELECT isnt(medallion.anomaly(51, '{100,5,7,5,5,5,6,100}', (SELECT array_agg(timestamptz '2026-01-08' - n * interval '1 day' ORDER BY n DESC) FROM generate_series(1, 8) n), '2026-01-08', '{"seasonal": 0.5}'), NULL, 'seasonal: a week ago it was 5, not yesterday''s 100');
SELECT is(medallion.anomaly(7, '{100,5,7,5,5,5,6,100}', (SELECT array_agg(timestamptz '2026-01-08' - n * interval '1 day' ORDER BY n DESC) FROM generate_series(1, 8) n), '2026-01-08', '{"seasonal": 0.5}'), NULL, 'seasonal: near last week''s');
SELECT is(medallion.anomaly(7, '{100}', ARRAY[timestamptz '2026-01-07'], '2026-01-08', '{"seasonal": 0.5}'), NULL, 'seasonal: no value of a week ago');
-- an oracle for the running variance: it is the population variance of the values so far
SELECT is(medallion.online_normal(s, 2), (SELECT abs(s[cardinality(s)] - avg(x)) > 2 * stddev_pop(x) FROM unnest(s) x), 'online normal: ' || s::text)
  FROM (VALUES (ARRAY[1, 2, 1, 2, 1, 9]::float8[]), ('{1,2,1,2,1,2}'), ('{5,5,5,5}'), ('{1,1,1,1,1,1,1,1,4}'), ('{3}')) v (s);

-- run_checks on any table
SELECT min(file_id) AS stock_file FROM medallion.file_versions WHERE path LIKE '%stock/%' \gset
\o /dev/null
CREATE TABLE ref.item (id int PRIMARY KEY, name text, price numeric, mail text, made timestamptz);
INSERT INTO ref.item VALUES (1, 'a', 1, 'a@b.de', now()), (2, 'a', -1, 'nope', now() - interval '9 days'), (3, NULL, 5, NULL, NULL);
CREATE VIEW ref.items AS SELECT name, price FROM ref.item;
DROP ROLE IF EXISTS checker;
CREATE ROLE checker;
GRANT USAGE ON SCHEMA ref, medallion TO checker;
GRANT EXECUTE ON FUNCTION medallion.run_checks, medallion.row_hash TO checker;
GRANT SELECT ON ref.item TO checker;
SET ROLE checker;
\o
SELECT is((SELECT string_agg(concat_ws(' ', check_name, column_name, status, records_checked, records_affected), E'\n' ORDER BY check_name)
	FROM medallion.run_checks('ref.item', '[
	{"kind": "not_null", "columns": ["name"]}, {"kind": "unique", "columns": ["name"]}, {"kind": "email", "columns": ["mail"], "on_null": "fail"},
	{"kind": "range", "columns": ["price"], "params": {"min": 0}, "error_count": 2}, {"kind": "row_count", "params": {"min": 3}},
	{"kind": "amount", "columns": ["price"], "params": {"credits": "d.id = 2"}},
	{"kind": "freshness", "columns": ["made"], "params": {"max_age": "1 day"}}, {"kind": "relationship", "columns": ["id"], "params": {"to": "ref.item", "columns": ["price"]}}]')),
	'amount price PASSED 3 0
email mail WARNING 3 2
freshness made PASSED 1 0
not_null name FAILED 3 1
range price WARNING 3 1
relationship id WARNING 3 2
row_count PASSED 1 0
unique name WARNING 3 2', 'the same kinds on any table, by who may read it');
SELECT is((SELECT details->'samples' FROM medallion.run_checks('ref.item', '[{"kind": "unique", "columns": ["name"]}]')), '[{"id": 1}, {"id": 2}]', 'samples by primary key');
SELECT throws_ok($$SELECT medallion.run_checks('ref.items', '[{"kind": "not_null", "columns": ["name"]}]')$$, '42501', NULL, 'not by who may not');
RESET ROLE;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO checker;
SET ROLE checker;
SELECT throws_ok(s, '42501', NULL, 'another role cannot: ' || s) FROM unnest(ARRAY[$$SELECT medallion.replay_quarantine('stock')$$, $$SELECT medallion.add_check('stock', 'unique', '{sku}')$$,
	format('SELECT medallion.correct(%s, %L, 2, NULL)', :'stock_file', '')]) s;
RESET ROLE;
SELECT is((SELECT details->'samples' FROM medallion.run_checks('ref.items', '[{"kind": "not_null", "columns": ["name"]}]')), '[{"name": null, "price": 5}]', 'a view''s rows by their values');
SELECT throws_ok($$SELECT medallion.run_checks('ref.item', '[{"kind": "range", "columns": ["price"], "params": {"min": 0}, "action": "fail"}]')$$, '23514', NULL, 'action fail raises');

SELECT throws_like($$SELECT medallion.run_checks('ref.item', '[{"kind": "cast", "columns": ["price"]}]')$$, 'a check of kind "cast" is for features', 'nothing is converted in other tables');

-- what is said wrong
SELECT throws_like($$SELECT medallion.add_check('city', 'uniqe', '{name}')$$, 'unrecognized kind of check "uniqe"', 'kind');
SELECT throws_like($$SELECT medallion.add_check('city', 'range', '{id}', '{"minimum": 1}')$$, 'unrecognized parameter of a check of kind "range": "minimum"', 'parameter');
SELECT throws_like($$SELECT medallion.add_check('city', 'range', '{id}')$$, 'a check of kind "range" needs parameter "min" or one of its like', 'missing parameter');
SELECT throws_like($$SELECT medallion.add_check('city', 'range', '{id}', '{"min": 1}', 'flags')$$, 'unrecognized action of a check "flags"', 'action');
SELECT throws_like($$SELECT medallion.add_check('city', 'range', '{id}', '{"min": 1}', on_null => 'skip')$$, '"on_null" of a check must be "pass" or "fail"', 'on_null');
SELECT throws_like($$SELECT medallion.alter_feature('city', '{"checks": [{"kind": "range", "column": "id"}]}')$$, 'unrecognized field of a check "column"', 'field');
DROP OWNED BY checker;
DROP ROLE checker;
SELECT * FROM finish();
