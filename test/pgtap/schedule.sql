/* Cron expressions, the hint for servers without pg_cron, named pipelines, steps and their order. */
\set name schedule
\ir setup.psql
SELECT plan(36);

/* cron_last(), by an oracle: the last of all minutes that fit, one by one */
CREATE FUNCTION pg_temp.fits(field text, value int, lowest int, highest int) RETURNS boolean LANGUAGE sql AS $$
	SELECT bool_or(CASE WHEN p ~ '^\*/' THEN (value - lowest) % substr(p, 3)::int = 0
						WHEN p = '*' THEN true
						WHEN p ~ '-' THEN value BETWEEN split_part(p, '-', 1)::int AND split_part(split_part(p, '-', 2), '/', 1)::int
							 AND (value - split_part(p, '-', 1)::int) % coalesce(nullif(split_part(p, '/', 2), ''), '1')::int = 0
						ELSE value = p::int END) FROM string_to_table(field, ',') p
$$;
CREATE FUNCTION pg_temp.oracle(cron text, at timestamptz) RETURNS timestamptz LANGUAGE sql AS $$
	SELECT t AT TIME ZONE 'UTC' FROM generate_series(date_trunc('minute', at AT TIME ZONE 'UTC'), at AT TIME ZONE 'UTC' - interval '40 days', interval '-1 minute') t,
		string_to_array(cron, ' ') f (f)
	 WHERE pg_temp.fits(f[1], extract(minute FROM t)::int, 0, 59) AND pg_temp.fits(f[2], extract(hour FROM t)::int, 0, 23)
	   AND pg_temp.fits(f[4], extract(month FROM t)::int, 1, 12)
	   AND CASE WHEN f[3] ~ '^\*' OR f[5] ~ '^\*'
				THEN pg_temp.fits(f[3], extract(day FROM t)::int, 1, 31) AND pg_temp.fits(f[5], extract(dow FROM t)::int, 0, 7)
				ELSE pg_temp.fits(f[3], extract(day FROM t)::int, 1, 31) OR pg_temp.fits(f[5], extract(dow FROM t)::int, 0, 7) END
	 LIMIT 1
$$;
SELECT is(medallion.cron_last(c, at), pg_temp.oracle(c, at), format('%s at %s', c, at))
  FROM unnest(ARRAY['* * * * *', '*/5 * * * *', '0 2 * * *', '30 4 1,15 * 5', '15 6-18/3 * * 1-5', '0 0 1 * *', '59 23 * * 0', '0,30 */2 * * *']) c,
	   unnest(ARRAY['2026-03-01 00:00:30+00', '2026-02-28 13:37:00+00', '2025-12-31 23:59:59+00']::timestamptz[]) at;
SELECT is(medallion.cron_last('0 2 29 2 *', '2027-01-01 00:00+00'), '2024-02-29 02:00+00', 'a day that is rare');
SELECT is(medallion.cron_last('0 2 * * sun', '2026-11-21 00:00+00', 'Asia/Dubai'), '2026-11-14 22:00+00', 'names of days, and a time zone');
SELECT throws_ok($$SELECT medallion.cron_last('61 * * * *')$$, '22023', NULL, 'a field out of range');
SELECT throws_ok($$SELECT medallion.cron_last('each day')$$, '22023', NULL, 'no cron expression');

SELECT is(medallion.systemd_calendar('*/15 8-18 * * 1-5'), ARRAY['Fri,Mon,Thu,Tue,Wed *-*-* 8,9,10,11,12,13,14,15,16,17,18:0,15,30,45:00'], 'the same for systemd');
SELECT is(cardinality(medallion.systemd_calendar('0 2 1 * 5')), 2, 'either a day of the month or of the week: two lines');
SELECT ok(bool_or(line ~ '^\*/15 \* \* \* \* psql .*CALL medallion.run_pipeline_proc') AND bool_or(line ~ '^OnCalendar=\*-\*-\* \*:0,15,30,45:00$'),
	'schedule_hint() has a line of crontab and a timer') FROM medallion.schedule_hint('*/15 * * * *') line;

/* named pipelines, steps in their order */
SELECT pg_temp.put('one/a.csv', E'Id,Amount\n1,10\n') \g /dev/null
SELECT pg_temp.put('two/a.csv', E'Id,Amount\n1,10\n') \g /dev/null
SELECT medallion.create_feature(n, ARRAY[n || '/*.csv'], ARRAY['id']) FROM unnest('{one,two}'::text[]) n \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT medallion.create_model('totals', 'SELECT sum(amount) AS amount FROM silver.one_current') \g /dev/null
SELECT medallion.create_pipeline('nightly', ARRAY['one']) \g /dev/null
CREATE TABLE public.seen (n serial, step text);
SELECT medallion.add_step(s, format('INSERT INTO public.seen (step) VALUES (%L)', s), a, p)
  FROM (VALUES ('z first', 'start', NULL), ('y after bronze', 'bronze', NULL), ('x after silver', 'silver', NULL), ('w last', 'gold', NULL),
			   ('v after one', 'one', NULL), ('u nightly', 'gold', 'nightly')) s (s, a, p) \g /dev/null
SELECT pg_temp.put('one/b.csv', E'Id,Amount\n2,20\n') \g /dev/null
TRUNCATE run; INSERT INTO run SELECT * FROM medallion.run_pipeline(options => '{"pipeline": "nightly"}');
SELECT is((SELECT string_agg(step, ', ' ORDER BY n) FROM public.seen), 'z first, y after bronze, x after silver, v after one, w last, u nightly', 'steps run in their places');
SELECT is((SELECT string_agg(DISTINCT object, ', ' ORDER BY object) FROM run WHERE layer = 'bronze'), 'one', 'a pipeline has its features');
SELECT is((SELECT string_agg(DISTINCT pipeline_name, ', ') FROM etl_logs.pipeline_runs WHERE run_id = (SELECT max(run_id) FROM run)), 'nightly', 'and its name in the log');
SELECT throws_ok($$SELECT medallion.run_pipeline(options => '{"pipeline": "nihgtly"}')$$, '22023', 'unrecognized pipeline "nihgtly"', 'a name that is none');
SELECT throws_ok($$SELECT medallion.add_step('bad', 'SELECT 1', 'golld')$$, '22023', 'a step cannot come after "golld"', 'a place that is none');

SELECT * FROM finish();
