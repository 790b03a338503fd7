/*
 * Checks of numbers against their history: each rule as run_checks() and runs of
 * a feature judge by it, on days of medallion.measurements that are made up here;
 * Deequ's OnlineNormal on series worked out by hand from its own algorithm.
 */
\set name anomalies
\ir setup.psql
SELECT plan(24);

\o /dev/null
CREATE TABLE public.day (v numeric);
/* the table of a day: so many rows, all with one value */
CREATE FUNCTION pg_temp.fill(n int, v numeric) RETURNS void LANGUAGE sql AS $$
	TRUNCATE public.day;
	INSERT INTO public.day SELECT fill.v FROM generate_series(1, n);
$$;
/* what was measured on the days before today, the oldest first */
CREATE FUNCTION pg_temp.history(metric text, of_column text, series double precision[], of_table text DEFAULT 'public.day') RETURNS void LANGUAGE sql AS $$
	DELETE FROM medallion.measurements m WHERE m.metric = history.metric AND table_name = of_table;
	INSERT INTO medallion.measurements (table_name, metric, column_name, value, measured_at)
	SELECT of_table, history.metric, of_column, value, now() - (cardinality(series) - n + 1) * interval '24 hours'
	  FROM unnest(series) WITH ORDINALITY s (value, n) ORDER BY n;
$$;
/* what run_checks() says of a table of so many rows by rules on its rows and on the mean of a column */
CREATE FUNCTION pg_temp.judged(rules jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', check_name, status, details->>'reason'), E'\n' ORDER BY check_name)
	  FROM medallion.run_checks('public.day', jsonb_build_array(jsonb_build_object('kind', 'row_count', 'name', 'rows', 'params', rules),
		jsonb_build_object('kind', 'drift', 'name', 'mean', 'columns', '["v"]'::jsonb, 'params', rules || '{"metric": "mean"}')))
$$;
\o

-- z_score: of 8, 12, 8, 12, 10 the mean is 10, the squares 16 of 4 degrees: deviation 2
\o /dev/null
SELECT pg_temp.history('run_checks.rows', '', '{8,12,8,12,10}'), pg_temp.history('run_checks.mean', 'v', '{80,120,80,120,100}');
SELECT pg_temp.fill(16, 160);
\o
SELECT is(pg_temp.judged('{"z_score": 3}'), 'mean PASSED
rows PASSED', 'z_score: three deviations are within three');
\o /dev/null
SELECT pg_temp.history('run_checks.rows', '', '{8,12,8,12,10}'), pg_temp.history('run_checks.mean', 'v', '{80,120,80,120,100}');
SELECT pg_temp.fill(17, 39);
\o
SELECT is(pg_temp.judged('{"z_score": 3}'), 'mean WARNING 39 is more than 3 standard deviations, of 20.000000 each, from the mean of the last 5, 100.000000
rows WARNING 17 is more than 3 standard deviations, of 2.000000 each, from the mean of the last 5, 10.000000', 'z_score: more are not, above and below');
SELECT is((SELECT count(*) FROM medallion.measurements WHERE table_name = 'public.day'), 12::bigint, 'what was measured joins the history');
\o /dev/null
SELECT pg_temp.history('run_checks.rows', '', array_fill(1000::float8, ARRAY[5]) || array_fill(10::float8, ARRAY[29]) || 11::float8), pg_temp.history('run_checks.mean', 'v', '{80,120,80,120}');
SELECT pg_temp.fill(12, 10000);
\o
SELECT is(pg_temp.judged('{"z_score": 3}'), 'mean PASSED
rows WARNING 12 is more than 3 standard deviations, of 0.182574 each, from the mean of the last 30, 10.033333', 'z_score: of the last thirty values, from five on');

-- seasonal: each weekday has its own number, ten for Monday to seventy for Sunday
\o /dev/null
SELECT extract(isodow FROM now())::int AS today, extract(isodow FROM now() - interval '24 hours')::int AS yesterday \gset
CREATE FUNCTION pg_temp.weeks(n int, times numeric) RETURNS double precision[] LANGUAGE sql AS $$
	SELECT array_agg(times * extract(isodow FROM now() - days * interval '24 hours') ORDER BY days DESC) FROM generate_series(1, n) days
$$;
SELECT pg_temp.history('run_checks.rows', '', pg_temp.weeks(15, 10)), pg_temp.history('run_checks.mean', 'v', pg_temp.weeks(15, 0.5));
SELECT pg_temp.fill(10 * :today + 1, 0.5 * :today);
\o
SELECT is(pg_temp.judged('{"seasonal": 0.1}'), 'mean PASSED
rows PASSED', 'seasonal: a day like the same day of last week');
\o /dev/null
SELECT pg_temp.history('run_checks.rows', '', pg_temp.weeks(15, 10)), pg_temp.history('run_checks.mean', 'v', pg_temp.weeks(15, 0.5));
SELECT pg_temp.fill(10 * :yesterday, 0.5 * :yesterday);
\o
SELECT is(pg_temp.judged('{"seasonal": 0.1}'), format('mean WARNING %s differs from last week''s, %s, by more than 0.1 of it
rows WARNING %s differs from last week''s, %s, by more than 0.1 of it', trim_scale(0.5 * :yesterday), trim_scale(0.5 * :today), 10 * :yesterday, 10 * :today),
	'seasonal: what was right yesterday is not today');
\o /dev/null
SELECT pg_temp.history('run_checks.rows', '', pg_temp.weeks(6, 10)), pg_temp.history('run_checks.mean', 'v', pg_temp.weeks(6, 0.5));
\o
SELECT is(pg_temp.judged('{"seasonal": 0.1}'), 'mean PASSED
rows PASSED', 'seasonal: six days have no week ago');
\o /dev/null
SELECT pg_temp.history('run_checks.rows', '', pg_temp.weeks(15, 10));
DELETE FROM medallion.measurements WHERE metric = 'run_checks.rows' AND measured_at BETWEEN now() - interval '7.1 days' AND now() - interval '6.9 days';
\o
SELECT is((SELECT status FROM medallion.run_checks('public.day', '[{"kind": "row_count", "name": "rows", "params": {"seasonal": 0.1}}]')), 'PASSED',
	'seasonal: nor does a series that lacks the day');

/*
 * online_normal.  Deequ (OnlineNormalStrategy.scala, computeStatsAndAnomalies) walks the series and, with n values so far,
 *		mean := mean + (value - mean) / n,  Sn := Sn + (value - mean before) * (value - mean),  deviation := sqrt(Sn / n)
 * and calls a value an anomaly that is outside mean -+ factor * deviation, both with the value already in them, if it
 * is not within the first tenth of the series.  isNewPointAnomalous() searches the last point alone, so that what
 * came before always counts.  2, 4, 6, 8, 20:
 *
 *		n	value	mean	Sn				deviation
 *		1	2		2		0				0
 *		2	4		3		0 + 2 * 1 = 2	1
 *		3	6		4		2 + 3 * 2 = 8	1.633
 *		4	8		5		8 + 4 * 3 = 20	2.236
 *		5	20		8		20 + 15 * 12 = 200	6.3246		20 is 12 from the mean: 1.89737 deviations
 */
SELECT is(medallion.online_normal(s, f), anomaly, format('online normal: %s, by %s deviations', s, f)) FROM (VALUES
	('{2,4,6,8,20}'::float8[], 1.8973::float8, true), ('{2,4,6,8,20}', 1.8974, false),
	-- the fourth, 8, is 3 from 5: 1.3416 deviations
	('{2,4,6,8}', 1.341, true), ('{2,4,6,8}', 1.342, false),
	-- the other side: 20, 18, 16, 14, 2 are the same distances
	('{20,18,16,14,2}', 1.8973, true), ('{20,18,16,14,2}', 1.8974, false),
	-- nine 0, then 100: mean 10, Sn 100 * 90 = 9000, deviation 30, so 100 is just at the third, which is within
	('{0,0,0,0,0,0,0,0,0,100}', 3, false), ('{0,0,0,0,0,0,0,0,0,100}', 2.999, true),
	-- and 21 behind it: mean 10 + 11 / 11 = 11, Sn 9000 + 11 * 10 = 9110, deviation 28.78, distance 10: 0.3475;
	-- were the 100 left out, it would be 21 / 11 of mean, and 3.16 deviations
	('{0,0,0,0,0,0,0,0,0,100,21}', 0.348, false), ('{0,0,0,0,0,0,0,0,0,100,21}', 0.347, true),
	-- a series of one value is its own first tenth
	('{7}', 0, false)) v (s, f, anomaly);
\o /dev/null
SELECT pg_temp.history('run_checks.rows', '', '{2,4,6,8}'), pg_temp.history('run_checks.mean', 'v', '{20,18,16,14}');
SELECT pg_temp.fill(20, 2);
\o
SELECT is(pg_temp.judged('{"online_normal": 1.8974}'), 'mean PASSED
rows PASSED', 'online_normal: within');
\o /dev/null
SELECT pg_temp.history('run_checks.rows', '', '{2,4,6,8}'), pg_temp.history('run_checks.mean', 'v', '{20,18,16,14}');
\o
SELECT is(pg_temp.judged('{"online_normal": 1.8973}'), 'mean WARNING 2 is more than 1.8973 running standard deviations from the running mean
rows WARNING 20 is more than 1.8973 running standard deviations from the running mean', 'online_normal: outside');

-- the same by the runs of a feature, where they may stop the load
\o /dev/null
SELECT pg_temp.put('day/1.csv', E'id,v\n1,10\n2,20\n3,30\n');
SELECT medallion.create_feature('day', '{day/*.csv}', '{id}', '{"checks": [
	{"kind": "row_count", "name": "z", "params": {"z_score": 3}, "action": "fail"},
	{"kind": "row_count", "name": "week", "params": {"seasonal": 0.5}},
	{"kind": "metric", "name": "online", "params": {"sql": "SELECT sum(v) FROM silver.day", "online_normal": 1.5}}]}');
SELECT pg_temp.history('z', '', '{8,12,8,12,10}', 'silver.day');
SELECT pg_temp.run('day');
\o
SELECT is(pg_temp.errors(), 'silver: check "z" failed ({"value": 3, "reason": "3 is more than 3 standard deviations, of 2.000000 each, from the mean of the last 5, 10.000000"})', 'a feature: z_score refuses three rows where ten are usual');
\o /dev/null
SELECT pg_temp.history('z', '', '{2,4,2,4,3}', 'silver.day');
SELECT pg_temp.history('week', '', '{9,3,3,3,3,3,3}', 'silver.day');
SELECT pg_temp.history('online', '', '{20,30,20,30}', 'silver.day');
SELECT pg_temp.run('day');
\o
SELECT is(pg_temp.errors(), 'none', 'a feature: and takes them where they are');
SELECT is((SELECT string_agg(concat_ws(' ', check_details->>'check', check_status, check_details->>'reason'), E'\n' ORDER BY check_details->>'check')
	FROM etl_logs.data_quality_checks WHERE table_name = 'silver.day' AND check_type IN ('row_count', 'metric') AND run_id = (SELECT max(run_id) FROM etl_logs.data_quality_checks)),
	'online WARNING 60 is more than 1.5 running standard deviations from the running mean
week WARNING 3 differs from last week''s, 9, by more than 0.5 of it
z PASSED', 'a feature: the other rules, of the last run');
SELECT * FROM finish();
