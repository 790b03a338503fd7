/*
 * suggest_checks(): each rule where it holds, and only there; what is suggested passes on what it was made of, and
 * each check finds the rows that break it.  Empty tables: nothing is known, so nothing is suggested and no metric passes.
 */
\set name suggested
\ir setup.psql
SELECT plan(16);

CREATE SCHEMA work;
CREATE TABLE work.s AS SELECT i AS id, 'K' || lpad(i::text, 4, '0') AS code, (ARRAY['red', 'green'])[1 + i % 2] AS color, (i * 7 % 90) - 30 AS balance,
	CASE WHEN i % 10 > 0 THEN i END AS some, CASE WHEN i % 10 = 0 THEN i END AS few, 'n' || i AS note, (i * 3)::text AS numbers, date '2024-01-01' + i % 300 AS day
  FROM generate_series(1, 1000) i;
CREATE TEMP TABLE suggested AS SELECT "check" AS c, reason FROM medallion.suggest_checks('work.s');
SELECT is((SELECT string_agg(c->>'kind', ' ' ORDER BY c->>'kind') FROM suggested WHERE c->'columns'->>0 = column_name), expected, column_name || ': its rules') FROM (VALUES
	('id', 'not_null range unique'), ('code', 'length not_null pattern unique'), ('color', 'accepted_values not_null'), ('balance', 'not_null'), ('some', 'not_null range unique'),
	('few', 'range unique'), ('note', 'not_null unique'), ('numbers', 'expression not_null unique'), ('day', 'not_null')) v (column_name, expected);
-- Deequ's interval: 1.96 standard errors of the share below what it is
SELECT is((SELECT (c->>'error_if')::numeric FROM suggested WHERE c->>'name' = 'not_null_some'), round((0.1 + 1.96 * sqrt(0.9 * 0.1 / 1000))::numeric, 4), 'a share of NULL that chance explains is allowed');
SELECT is((SELECT c->'params' FROM suggested WHERE c->>'name' = 'pattern_code'), '{"pattern": "^[A-Z][0-9][0-9][0-9][0-9]$"}', 'a pattern by its characters');

CREATE FUNCTION pg_temp.passing() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(check_name, ' ' ORDER BY check_name), 'none') FROM medallion.run_checks('work.s', (SELECT jsonb_agg(c) FROM suggested)) WHERE status = 'PASSED'
$$;
SELECT is(pg_temp.passing(), (SELECT string_agg(c->>'name', ' ' ORDER BY c->>'name') FROM suggested WHERE c->>'name' <> 'not_null_some'), 'all of them pass, but for what allows NULL: that warns');
INSERT INTO work.s VALUES (-1, 'k1', 'blue', NULL, -1, -1, NULL, 'ten', NULL), (NULL, NULL, NULL, 0, -1, -1, 'n1', NULL, '2024-01-01'), (1, 'K0001', 'red', 0, 1, 10, 'n1', '3', '2024-01-01');
SELECT is(pg_temp.passing(), 'none', 'none does when rows break each');

CREATE TABLE work.nothing (a int, b text);
SELECT is((SELECT count(*) FROM medallion.suggest_checks('work.nothing')), 0::bigint, 'no rows: nothing is suggested');
SELECT is((SELECT string_agg(concat_ws(' ', column_name, records, coalesce(completeness::text, '-'), coalesce(uniqueness::text, '-'), coalesce(entropy::text, '-'), coalesce(mean::text, '-'), coalesce(minimum, '-')), ', ' ORDER BY column_name)
	FROM medallion.profile('work.nothing')), 'a 0 - - - - -, b 0 - - - - -', 'no rows: no metric is 0');
SELECT is((SELECT string_agg(concat_ws(' ', metric, status, details->>'reason'), ', ' ORDER BY metric) FROM unnest('{mean,sum,stddev,min,max,median,completeness}'::text[]) metric,
		medallion.run_checks('work.nothing', jsonb_build_array(jsonb_build_object('kind', 'drift', 'columns', '{a}'::text[], 'error_count', 1, 'params', jsonb_build_object('metric', metric, 'min', -1))))),
	'completeness FAILED there is no value, max FAILED there is no value, mean FAILED there is no value, median FAILED there is no value, min FAILED there is no value, stddev FAILED there is no value, sum FAILED there is no value',
	'no rows: a metric without a value fails its check');
SELECT * FROM finish();
