/*
 * Drift as a distance between distributions: test/drift/distances.py computes the
 * same from the definitions; then what checks make of it.
 */
\set name drift
\ir setup.psql
SELECT plan(24);

CREATE TEMP TABLE pairs (number int, before numeric[], after numeric[], ks float8, psi float8, l_infinity float8, chi_square float8, categorical_psi float8, robust float8);
\set made `python3 :'project'/test/drift/distances.py 4 40 > /tmp/medallion_drift_$$.sql; echo /tmp/medallion_drift_$$.sql`
\i :made
\set removed `rm :'made'`
SELECT is((SELECT count(*) FROM pairs), 40::bigint, 'pairs of random columns, seed 4');
CREATE TABLE measured (v numeric);
CREATE FUNCTION pg_temp.distance(before numeric[], after numeric[], params jsonb) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	checks jsonb := jsonb_build_array(jsonb_build_object('kind', 'drift', 'columns', '{v}'::text[], 'params', '{"max": 1000000}' || params));
	result float8;
BEGIN
	DELETE FROM medallion.distributions;
	TRUNCATE measured;
	INSERT INTO measured SELECT unnest(before);
	PERFORM FROM medallion.run_checks('measured', checks);
	TRUNCATE measured;
	INSERT INTO measured SELECT unnest(after);
	SELECT (details->>'value')::float8 INTO result FROM medallion.run_checks('measured', checks);
	RETURN result;
END
$$;
CREATE FUNCTION pg_temp.wrong(metric text) RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT number FROM pairs WHERE abs(pg_temp.distance(before, after, %L) - %I) < 1e-9 IS NOT TRUE',
		jsonb_build_object('metric', replace(metric, 'robust', 'ks'), 'robust', metric = 'robust'), metric);
END
$$;
SELECT is_empty(format('SELECT pg_temp.wrong(%L)', metric), metric || ' is what Python computes')
  FROM unnest('{ks,psi,l_infinity,chi_square,categorical_psi,robust}'::text[]) metric;
SELECT is(pg_temp.distance(before, before, jsonb_build_object('metric', metric)), 0::float8, metric || ' of equal columns is 0')
  FROM unnest('{ks,psi,l_infinity,chi_square,categorical_psi}'::text[]) metric, pairs WHERE number = 1;
-- more values than are kept
SELECT cmp_ok(abs(pg_temp.distance((SELECT array_agg(i) FROM generate_series(1, 7000) i), (SELECT array_agg(i + 350) FROM generate_series(1, 7000) i), '{"metric": "ks"}') - 0.05), '<=', 0.001::float8,
	'ks of 7000 numbers is exact to a thousandth');
SELECT is((SELECT max(jsonb_array_length(distribution->'values')) FROM medallion.distributions), 1000, '... by 1000 of them');
SELECT is(pg_temp.distance((SELECT array_agg(i) FROM generate_series(1, 3000) i), (SELECT array_agg(i) FROM generate_series(2001, 5000) i), '{"metric": "l_infinity"}') < 0.7, true, 'rare values count as others');
SELECT throws_ok($$SELECT medallion.distribution_distance('far', '{}', '{}')$$, '22023', 'unknown distance "far"', 'another metric');
SELECT throws_ok($$SELECT * FROM medallion.run_checks('measured', '[{"kind": "drift", "columns": ["v"], "params": {"metric": "kss", "max": 1}}]')$$, '22023', NULL, 'also of a check');

-- a feature: the first run passes, each is compared with the last, or the first
\o /dev/null
SELECT medallion.create_feature('d', '{d/*.csv}', '{k}', '{"columns": {"n": {"type": "numeric"}, "k": {"type": "int"}}, "checks": [
	{"name": "steps", "kind": "drift", "columns": ["n"], "params": {"metric": "ks", "max": 0.3}},
	{"name": "far", "kind": "drift", "columns": ["n"], "params": {"metric": "ks", "max": 0.3, "against": "first"}},
	{"name": "kinds", "kind": "drift", "columns": ["c"], "params": {"metric": "l_infinity", "max": 0.3}, "error_count": 1}]}');
CREATE FUNCTION pg_temp.say(shift int, kind text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.put('d/a.csv', (SELECT E'k,n,c\n' || string_agg(format(E'%s,%s,%s\n', i, i + shift, kind), '') FROM generate_series(1, 100) i));
	PERFORM pg_temp.run('d');
	RETURN (SELECT string_agg(concat_ws(' ', check_details->>'check', check_status, round((check_details->>'value')::numeric, 6)::float8), ', ' ORDER BY check_details->>'check' DESC) FROM etl_logs.data_quality_checks
			 WHERE check_type = 'drift' AND run_id = (SELECT max(run_id) FROM etl_logs.data_quality_checks));
END
$$;
\o
SELECT is(pg_temp.say(0, 'x'), 'steps PASSED, kinds PASSED, far PASSED', 'the first run has nothing to compare with');
SELECT is(pg_temp.say(20, 'x'), 'steps PASSED 0.2, kinds PASSED 0, far PASSED 0.2', 'a shift of a fifth');
SELECT is(pg_temp.say(40, 'y'), 'steps PASSED 0.2, kinds FAILED 1, far WARNING 0.4', 'another: from the first it is too far');
SELECT alike((SELECT check_details->>'reason' FROM etl_logs.data_quality_checks WHERE check_details->>'check' = 'far' ORDER BY check_id DESC LIMIT 1), '0.4 is outside%', 'the reason says the distance');
SELECT is((SELECT string_agg(round(value::numeric, 6)::float8::text, ' ' ORDER BY measurement_id) FROM medallion.measurements WHERE metric = 'far'), '0.2 0.4', 'distances have a history');
SELECT is(pg_temp.distance('{1,2}', '{}', '{"metric": "ks"}'), NULL, 'a column without rows has no distance');
SELECT is((SELECT status || ' ' || (details->>'reason') FROM medallion.run_checks('measured', '[{"kind": "drift", "columns": ["v"], "params": {"metric": "ks", "max": 1}}]')), 'WARNING there is no value', '... and does not pass');
SELECT * FROM finish();
