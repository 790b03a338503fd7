/*
 * profile(): every metric against plain SQL on random rows, the edge cases of
 * Deequ's definitions, estimates within their error, history and what follows from it.
 */
\set name profile
\ir setup.psql
SELECT plan(43);

CREATE SCHEMA work;
SELECT setseed(0.4242);
CREATE TABLE work.t AS
SELECT i AS id, (random() * 20)::int AS small, CASE WHEN random() < 0.1 THEN NULL ELSE (random() * 1000)::numeric(8,2) END AS price,
	   CASE WHEN random() < 0.2 THEN NULL ELSE (ARRAY['Bonn','Lyon','Jena','Ulm 7','', 'Köln'])[1 + (random() * random() * 6)::int % 6] END AS city,
	   random() * 1e9 - 5e8 AS real_number, date '2025-01-01' + (random() * 300)::int AS day, random() < 0.3 AS yes, NULL::int AS nothing,
	   (ARRAY['12', '1.5', 'true', '2025-01-02', 'x'])[1 + i % 5] AS mixed
  FROM generate_series(1, 5000) i;
CREATE TEMP TABLE p AS SELECT * FROM medallion.profile('work.t');

/* the same by plain SQL */
CREATE FUNCTION pg_temp.oracle(col text, OUT completeness float8, OUT distinct_count bigint, OUT distinctness float8, OUT uniqueness float8,
	OUT entropy float8, OUT minimum text, OUT maximum text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('WITH f AS (SELECT %1$I AS v, count(*) AS n FROM work.t WHERE %1$I IS NOT NULL GROUP BY 1), s AS (SELECT sum(n) AS rows FROM f)
		SELECT (SELECT count(%1$I)::float8 / count(*) FROM work.t), count(*), count(*)::float8 / max(rows), count(*) FILTER (WHERE n = 1)::float8 / max(rows),
		-sum(n / rows * ln(n / rows))::float8, min(v::text COLLATE "C") FILTER (WHERE NOT %2$L::bool), max(v::text COLLATE "C") FILTER (WHERE NOT %2$L::bool) FROM f, s',
		col, col IN ('id', 'small', 'price', 'real_number', 'nothing')) INTO completeness, distinct_count, distinctness, uniqueness, entropy, minimum, maximum;
END
$$;
SELECT is((SELECT (round(p.completeness::numeric, 9), p.distinct_count, round(p.distinctness::numeric, 9), round(p.uniqueness::numeric, 9), round(p.entropy::numeric, 9))::text FROM p WHERE column_name = c),
		  (SELECT (round(o.completeness::numeric, 9), o.distinct_count, round(o.distinctness::numeric, 9), round(o.uniqueness::numeric, 9), round(o.entropy::numeric, 9))::text FROM pg_temp.oracle(c) o),
		  c || ': completeness, distinct, distinctness, uniqueness, entropy')
  FROM unnest('{id,small,price,city,real_number,day,yes,mixed}'::text[]) c;
SELECT is((SELECT concat_ws('|', minimum, maximum) FROM p WHERE column_name = c), (SELECT concat_ws('|', minimum, maximum) FROM pg_temp.oracle(c)), c || ': extremes, by bytes') FROM unnest('{city,day,mixed}'::text[]) c;
SELECT is((SELECT concat_ws('|', minimum, maximum, round(mean::numeric, 6), round(stddev::numeric, 6)) FROM p WHERE column_name = 'price'),
		  (SELECT concat_ws('|', min(price), max(price), round(avg(price), 6), round(stddev_pop(price), 6)) FROM work.t), 'price: extremes, mean, population deviation');
SELECT is((SELECT array_agg((q.value)::numeric ORDER BY q.key::numeric) FROM p, jsonb_each_text(quantiles) q WHERE column_name = 'price'),
		  (SELECT percentile_disc('{0.01,0.05,0.25,0.5,0.75,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY price) FROM work.t), 'price: quantiles are elements');
SELECT is((SELECT array_agg((h->>'count')::bigint ORDER BY n) FROM p, jsonb_array_elements(histogram) WITH ORDINALITY e (h, n) WHERE column_name = 'real_number'),
		  (SELECT array_agg(n ORDER BY b) FROM (SELECT least(floor((real_number - lo) / (hi - lo) * 10), 9) AS b, count(*) AS n FROM work.t, (SELECT min(real_number) lo, max(real_number) hi FROM work.t) x GROUP BY 1) y), 'real_number: histogram');
SELECT is((SELECT jsonb_agg(m - 'share' ORDER BY (m->>'count')::int DESC, m->>'value') FROM p, jsonb_array_elements(most_frequent) m WHERE column_name = 'city'),
		  (SELECT jsonb_agg(jsonb_build_object('value', city, 'count', n) ORDER BY n DESC, city) FROM (SELECT city, count(*) n FROM work.t WHERE city IS NOT NULL GROUP BY 1) y), 'city: most frequent');
SELECT is((SELECT concat_ws('|', min_length, max_length, round(mean_length::numeric, 9)) FROM p WHERE column_name = 'city'),
		  (SELECT concat_ws('|', min(length(city)), max(length(city)), round(avg(length(city)), 9)) FROM work.t), 'city: lengths in characters');
SELECT is((SELECT types FROM p WHERE column_name = 'mixed'), '{"null": 0, "text": 1000, "bigint": 1000, "numeric": 1000, "boolean": 1000, "date": 1000}', 'mixed: types');
SELECT is((SELECT jsonb_object_agg(m->>'value', m->'count') FROM p, jsonb_array_elements(patterns) m WHERE column_name = 'mixed'),
		  '{"99": 1000, "9.9": 1000, "aaaa": 1000, "9999-99-99": 1000, "a": 1000}', 'mixed: patterns');
SELECT is((SELECT count(*) FROM p, jsonb_array_elements(patterns) m WHERE column_name = 'city' AND m->>'value' IN ('Axaa', 'Aaa 9')), 2::bigint, 'city: patterns');

-- edges: what no row can tell is NULL, not 0
SELECT is((SELECT (completeness, distinct_count, approx_distinct, distinctness, uniqueness, entropy, minimum, mean, stddev, quantiles, most_frequent)::text FROM p WHERE column_name = 'nothing'), '(0,0,0,,,,,,,,)', 'only NULL: complete to 0, the rest unknown');
SELECT is((SELECT (records, completeness, distinct_count, distinctness, uniqueness, entropy, minimum, mean, min_length, types)::text FROM medallion.profile('work.t', '{"where": "false", "columns": ["city"], "store": false}')), '(0,,0,,,,,,,)', 'no rows: nothing known');
SELECT is((SELECT (mean, stddev, entropy, uniqueness, histogram)::text FROM medallion.profile('work.t', '{"where": "d.id = 7", "columns": ["id"], "store": false}')), '(7,0,0,1,"[{""to"": 7, ""from"": 7, ""count"": 1}]")', 'one row');
CREATE TABLE work.odd (f float8, n numeric, j json, a int[]);
INSERT INTO work.odd VALUES ('NaN', 'NaN', '{}', '{1}'), (1, 1.0, '{}', '{1}'), ('-0', 1.00, NULL, '{2}'), (0, 'Infinity', '[]', NULL);
SELECT is((SELECT string_agg(concat_ws(' ', column_name, distinct_count, minimum, maximum, mean), ', ' ORDER BY column_name) FROM medallion.profile('work.odd', '{"store": false}')),
	'a 2 {1} {2}, f 3 -0 NaN NaN, j 2, n 3 1.0 NaN NaN', 'NaN, -0, scale, types without order, arrays') ;

-- more distinct values than are counted: estimates
CREATE TABLE work.big AS SELECT i AS id, (random() * 30000)::int AS many, CASE WHEN i % 4 = 0 THEN 'often' ELSE md5(i::text) END AS skewed, 'k' || (i / 2) AS pair FROM generate_series(1, 60000) i;
CREATE TEMP TABLE b AS SELECT * FROM medallion.profile('work.big', '{"capacity": 4096, "store": false}');
SELECT is((SELECT string_agg(column_name || exact, ',') FROM b), 'idfalse,manyfalse,skewedfalse,pairfalse', 'all four are beyond the capacity');
SELECT is((SELECT (distinct_count, uniqueness)::text FROM b WHERE column_name = 'id'), '(60000,1)', 'a key is known to be one');
SELECT ok(abs(b.distinct_count - t.d) < 0.06 * t.d AND abs(b.approx_distinct - t.d) < 0.03 * t.d, format('many: %s and %s for %s', b.distinct_count, b.approx_distinct, t.d))
  FROM b, (SELECT count(DISTINCT many) AS d FROM work.big) t WHERE column_name = 'many';
SELECT ok(abs(b.uniqueness - t.u) < 0.02, format('many: uniqueness %s for %s', b.uniqueness, t.u))
  FROM b, (SELECT count(*) FILTER (WHERE n = 1) / 60000.0 AS u FROM (SELECT count(*) n FROM work.big GROUP BY many) y) t WHERE column_name = 'many';
SELECT is((SELECT (most_frequent->0) - 'share' FROM b WHERE column_name = 'skewed'), '{"value": "often", "count": 15000}', 'skewed: the frequent value is counted exactly');
SELECT ok(abs(entropy - (0.25 * ln(4) + 0.75 * ln(60000))) < 0.02, format('skewed: entropy %s', entropy)) FROM b WHERE column_name = 'skewed';
SELECT is((SELECT (round(mean::numeric, 6), minimum, maximum, round(stddev::numeric, 3))::text FROM b WHERE column_name = 'id'), (SELECT (round(avg(id), 6), min(id)::text, max(id)::text, round(stddev_pop(id), 3))::text FROM work.big), 'moments and extremes stay exact');
SELECT ok(bool_and(abs(q.value::float8 - q.key::float8 * 60000) < 1200), 'quantiles by a sample') FROM b, jsonb_each_text(quantiles) q WHERE column_name = 'id';
SELECT is((SELECT (min_length, max_length, types)::text FROM b WHERE column_name = 'skewed'), (SELECT ROW(min(length(skewed)), max(length(skewed)), jsonb_build_object('null', 0, 'text', 60000))::text FROM work.big), 'lengths and types stay exact');

-- what is no condition is not read as one; nothing, and too much, is measured as well
SELECT throws_ok(format('SELECT medallion.profile(''work.t'', jsonb_build_object(''where'', %L))', w), '22023', 'option "where" must be one condition', w)
  FROM (VALUES ('false) UNION ALL SELECT medallion.profile_state(16384, NULL, NULL, ''forged''::text) WHERE (true'), ('true) LIMIT (1'), ('true) GROUP BY (a')) v (w);
CREATE TABLE work.no_columns ();
SELECT is((SELECT count(*) FROM medallion.profile('work.no_columns')), 0::bigint, 'a table without columns');
CREATE TABLE work.large AS SELECT unnest('{1e308, 1.1e308, 1.2e308, 1e308, -7, 1e200}'::float8[]) AS v;
SELECT is((SELECT abs(mean / 1e300 - 4.3e8 / 6) < 1e-6 FROM medallion.profile('work.large')), true, 'the mean of numbers whose sum no double holds');

-- history
SELECT is((SELECT count(*) FROM medallion.profiles WHERE table_name = 'work.t'), 9::bigint, 'a row per column is kept');
SELECT is((SELECT count(*) FROM medallion.measurements WHERE table_name = 'work.t' AND metric = 'profile.entropy'), 8::bigint, 'and each number in the series');
CREATE TABLE work.s (v int);
INSERT INTO work.s SELECT i % 7 FROM generate_series(1, 100) i;
CREATE FUNCTION pg_temp.grow(i int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN INSERT INTO work.s VALUES (i % 7), (i % 5); RETURN (SELECT count(*) FROM medallion.profile('work.s')); END $$;
\o /dev/null
SELECT pg_temp.grow(i) FROM generate_series(1, 8) i;
\o
SELECT is((SELECT count(*) FROM medallion.profile_anomalies('work.s', '{"z_score": 4}')), 0::bigint, 'a table that grows as before');
INSERT INTO work.s SELECT 1000 FROM generate_series(1, 50);
\o /dev/null
SELECT medallion.profile('work.s');
\o
SELECT is((SELECT string_agg(column_name || '.' || metric, ',') FROM medallion.profile_anomalies('work.s', '{"z_score": 4}')), 'v.distinctness,v.entropy,v.mean,v.records,v.stddev', 'and one that does not');

-- suggestions hold for what they were made of
SELECT is((SELECT count(*) FROM medallion.run_checks('work.t', (SELECT jsonb_agg("check") FROM medallion.suggest_checks('work.t'))) WHERE status = 'FAILED' OR (status = 'WARNING' AND kind <> 'not_null')), 0::bigint, 'suggested checks pass');
SELECT is((SELECT string_agg("check"->>'name', ',') FROM medallion.suggest_checks('work.big')), 'not_null_id,unique_id,range_id,not_null_many,range_many,not_null_pair,not_null_skewed', 'what is suggested');
SELECT * FROM finish();
