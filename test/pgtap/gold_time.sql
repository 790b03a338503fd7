/*
 * as_of(), rows_as_of() and diff() of models and views, against copies that were
 * made when they said it: random changes, models of every shape over silver.
 */
\set name gold_time
\ir setup.psql
SELECT plan(34);

\if :{?seed}
\else
SELECT round(random()::numeric, 6) AS seed \gset
\endif
\echo '# again with --set seed=':seed
SELECT setseed(:seed) \g /dev/null
\o /dev/null
CREATE TEMP TABLE said (run_id bigint, tbl text, r jsonb);
CREATE FUNCTION pg_temp.hear() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t text;
BEGIN
	PERFORM pg_temp.run();
	FOREACH t IN ARRAY '{gold.total,gold.by_city,gold.best,gold.shapes,gold.history,gold.looked,silver.f_current,silver.f_big_current,public.mine}'::text[] LOOP
		IF to_regclass(t) IS NOT NULL THEN
			EXECUTE format('INSERT INTO said SELECT (SELECT max(run_id) FROM medallion.runs), %L, to_jsonb(q) - ''{_run_id,_loaded_at,_row_hash}''::text[] FROM %s q', t, t);
		END IF;
	END LOOP;
END
$$;
/* a random month of one of four files, and of the other feature */
CREATE FUNCTION pg_temp.change() RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.put(format('f/%s.csv', (random() * 3)::int), (SELECT E'key,val,city\n' || string_agg(format(E'%s,%s,c%s\n', k, (random() * 40)::int, (random() * 4)::int), '') FROM generate_series(1, 20) k WHERE random() < 0.6 OR k = 1));
	SELECT pg_temp.put('g/a.csv', (SELECT E'city,name\n' || string_agg(format(E'c%s,%s\n', c, CASE WHEN random() < 0.7 THEN 'name' ELSE 'other' END), '') FROM generate_series(0, 4) c));
$$;
SELECT medallion.create_feature('f', ARRAY['f/*.csv'], ARRAY['key'], '{"header": 1, "split": {"big": "val > 20", "small": "else"}, "history_columns": {"valid_to": "until", "is_current": "now"}, "valid_to": "9999-12-31"}');
SELECT medallion.create_feature('g', ARRAY['g/*.csv'], ARRAY['city'], '{"header": 1}');
SELECT medallion.create_feature('plain', ARRAY['g/*.csv'], NULL, '{"header": 1}');
SELECT medallion.create_feature('now_only', ARRAY['g/*.csv'], ARRAY['city'], '{"header": 1, "history": "scd1"}');
SELECT pg_temp.change();
SELECT pg_temp.run();
SELECT medallion.create_model('total', 'SELECT sum(val) AS total, count(*) AS n FROM silver.f_current');
SELECT medallion.create_model('by_city', 'SELECT city, name, sum(val) AS val FROM silver.f_current JOIN silver.g_current g USING (city) GROUP BY city, name', '{"unique_key": ["city", "name"]}');
SELECT medallion.create_model('best', 'SELECT city FROM gold.by_city b WHERE val = (SELECT max(val) FROM gold.by_city)');
SELECT medallion.create_model('shapes', $q$WITH big AS MATERIALIZED (SELECT * FROM silver.f_big_current), f_current AS (SELECT 1 AS one)
	SELECT b.key, g."name" AS "the name", row_number() OVER (ORDER BY b.key) AS place, EXISTS (SELECT FROM silver.f_small_current s WHERE s.city = b.city) AS small, one
	  FROM big b LEFT JOIN LATERAL (SELECT * FROM silver.g_current x WHERE x.city = b.city) g ON true CROSS JOIN f_current
	 UNION ALL SELECT -key, city, 0, false, 0 FROM silver.f WHERE now AND val < 5$q$);
SELECT medallion.create_model('history', 'SELECT key, _scd2_version, until, now, val FROM silver.f');
SELECT medallion.create_model('looked', 'SELECT city, n FROM (SELECT city, count(*) AS n FROM silver.f_current GROUP BY city) q', '{"materialized": "view"}');
SELECT medallion.create_model('of_bronze', 'SELECT count(*) AS n FROM bronze.f');
SELECT medallion.create_model('of_plain', 'SELECT count(*) AS n FROM silver.plain');
SELECT medallion.create_model('of_now', 'SELECT count(*) AS n FROM silver.now_only_current');
SELECT medallion.create_model('above', 'SELECT n FROM gold.of_bronze');
CREATE VIEW public.mine AS SELECT t.total, c.city FROM gold.total t, silver.f_current c;
SELECT pg_temp.hear();
SELECT pg_temp.change();
SELECT pg_temp.hear();
SELECT pg_temp.change();
SELECT pg_temp.hear();
SELECT pg_temp.change();
SELECT pg_temp.hear();
SELECT pg_temp.put('f/9.csv', E'key,val,city,extra\n99,99,c1,x\n');		/* a column more: silver grows, and views are made anew */
SELECT pg_temp.hear();
SELECT pg_temp.shell(format('rm -f %s/f/0.csv', :'tree'));
SELECT pg_temp.hear();
\o
SELECT min(run_id) AS first, max(run_id) AS last FROM said \gset

SELECT is((SELECT count(DISTINCT run_id)::int FROM said), 6, 'six moments');
SELECT is((SELECT string_agg(format('%s: %s', run_id, n), ', ') FROM (SELECT tbl, run_id, count(*) AS n FROM said GROUP BY 1, 2) q WHERE tbl = 'gold.shapes' AND n < 2), NULL, '... with something to say');
/* without the column that came later, and what a model's table says of runs */
CREATE FUNCTION pg_temp.differing(t text, run bigint) RETURNS bigint LANGUAGE sql AS $$
	WITH was AS (SELECT s.r - '{extra,dq_cast_flag_extra}'::text[] AS r FROM said s WHERE s.tbl = t AND s.run_id = run),
	said_now AS (SELECT r - '{extra,dq_cast_flag_extra,_run_id,_loaded_at,_row_hash}'::text[] AS r FROM medallion.as_of_run(t::regclass, run) r)
	SELECT count(*) FROM ((TABLE was EXCEPT ALL TABLE said_now) UNION ALL (TABLE said_now EXCEPT ALL TABLE was)) d
$$;
SELECT is((SELECT string_agg(format('run %s: %s', run, d), ', ' ORDER BY run) FROM (SELECT DISTINCT run_id AS run FROM said) y, pg_temp.differing(tbl, run) d WHERE d > 0), NULL, format('%s as of each run is what it said', tbl))
  FROM (SELECT DISTINCT tbl FROM said) x ORDER BY tbl;
SELECT isnt((SELECT count(DISTINCT md5(string)) FROM (SELECT string_agg(r::text, ',' ORDER BY r) AS string FROM said WHERE tbl = t GROUP BY run_id) q), 1::bigint, t || ' has changed meanwhile') FROM unnest('{gold.total,gold.by_city,gold.shapes,gold.history}'::text[]) t;

SELECT set_eq('SELECT city, name, val FROM medallion.rows_as_of(NULL::gold.by_city, now())', 'SELECT city, name, val FROM gold.by_city', 'rows_as_of() has the columns of the model');
SELECT is((SELECT count(*)::int FROM medallion.rows_as_of(NULL::gold.by_city, '2000-01-01')), 0, '... and no row before the first');
SET timezone = 'Asia/Shanghai';
SET datestyle = 'SQL, DMY';
SET search_path = silver, gold, public;
SELECT is((SELECT string_agg(format('run %s: %s', run, d), ', ' ORDER BY run) FROM (SELECT DISTINCT run_id AS run FROM said) y, pg_temp.differing('gold.shapes', run) d WHERE d > 0), NULL, 'no setting of the session reaches it');
RESET search_path;
RESET datestyle;
RESET timezone;

/* diff, against the copies */
SELECT set_eq(format('SELECT change, key, before, after FROM medallion.diff(''gold.by_city'', %s, %s)', :first, :last), format($$
	SELECT CASE WHEN a.r IS NULL THEN 'added' WHEN b.r IS NULL THEN 'removed' ELSE 'changed' END, coalesce(b.r, a.r) - 'val', a.r AS before, b.r AS after
	  FROM (SELECT r FROM said WHERE tbl = 'gold.by_city' AND run_id = %s) a FULL JOIN (SELECT r FROM said WHERE tbl = 'gold.by_city' AND run_id = %s) b ON a.r - 'val' = b.r - 'val'
	 WHERE a.r IS DISTINCT FROM b.r$$, :first, :last), 'diff of a model with a key: by key');
SELECT cmp_ok((SELECT count(*)::int FROM medallion.diff('gold.by_city', :first, :last) WHERE change = 'changed'), '>', 0, '... with changed rows');
SELECT set_eq(format('SELECT change, coalesce(after, before) FROM medallion.diff(''gold.history'', %s, %s)', :first, :last), format($$
	SELECT 'added', r FROM (SELECT r FROM said WHERE tbl = 'gold.history' AND run_id = %2$s EXCEPT ALL SELECT r FROM said WHERE tbl = 'gold.history' AND run_id = %1$s) q
	UNION ALL SELECT 'removed', r FROM (SELECT r FROM said WHERE tbl = 'gold.history' AND run_id = %1$s EXCEPT ALL SELECT r FROM said WHERE tbl = 'gold.history' AND run_id = %2$s) q$$, :first, :last), '... without: whole rows');
SELECT is((SELECT count(*)::int FROM medallion.diff('gold.shapes', :last, :last)), 0, '... of a run with itself: none');

/* what cannot be had */
SELECT throws_like($$SELECT medallion.as_of('gold.of_bronze', now())$$, 'bronze.f keeps no history', 'a model of bronze has no past');
SELECT throws_like($$SELECT medallion.as_of('gold.of_plain', now())$$, 'silver.plain keeps no history', '... nor one of rows without keys');
SELECT throws_like($$SELECT medallion.as_of('gold.of_now', now())$$, 'silver.now_only keeps no history', '... nor one of what keeps no history');
SELECT throws_like($$SELECT medallion.as_of('silver.now_only', now())$$, 'silver.now_only keeps no history', '... nor that itself');
SELECT throws_like($$SELECT medallion.as_of('gold.above', now())$$, 'bronze.f keeps no history', '... nor one on top of such');
SELECT throws_like($$SELECT medallion.as_of('pg_class', now())$$, 'pg_class keeps no history', '... nor any other table');
SELECT throws_ok($$SELECT medallion.query_with('DROP TABLE said', '{}', '{}')$$, '42601', NULL, 'query_with() takes a SELECT');
SELECT throws_ok($$SELECT medallion.query_with('SELECT * FROM bronze.f', '{bronze.f}', '{SELECT 1}')$$, '42804', NULL, '... and one with the columns of the relation in place of it');
SELECT throws_ok($$SELECT medallion.query_with('SELECT 1', '{bronze.f}', '{}')$$, '2202E', NULL, '... one for each');
SELECT throws_ok($$SELECT medallion.query_with('SELECT * FROM medallion.runs TABLESAMPLE system (5)', '{medallion.runs}', ARRAY['SELECT * FROM medallion.runs'])$$, '0A000', NULL, '... and no samples');

/* whose functions run */
\o /dev/null
DROP ROLE IF EXISTS gold_time_owner;
CREATE ROLE gold_time_owner;
GRANT USAGE ON SCHEMA silver, gold, models TO gold_time_owner;
GRANT SELECT ON silver.g, silver.g_current TO gold_time_owner;
GRANT CREATE ON SCHEMA public, gold, models TO gold_time_owner;
GRANT CREATE ON DATABASE :DBNAME TO gold_time_owner;
SELECT medallion.grant_role('admin', 'gold_time_owner');
SET ROLE gold_time_owner;
CREATE FUNCTION public.who() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user::text';
SELECT medallion.create_model('theirs', 'SELECT DISTINCT public.who() AS who FROM silver.g_current');
RESET ROLE;
SELECT pg_temp.run();
\o
SELECT is((SELECT string_agg(r->>'who', ',') FROM medallion.as_of('gold.theirs', now()) r), 'gold_time_owner', 'a model''s functions run as its owner');
SET ROLE gold_time_owner;
SELECT throws_ok($$SELECT medallion.as_of('gold.total', now())$$, '42501', NULL, '... and who may not read silver cannot ask');
RESET ROLE;
\o /dev/null
SELECT medallion.drop_model('theirs');
DROP OWNED BY gold_time_owner CASCADE;
DROP ROLE gold_time_owner;
\o
SELECT * FROM finish();
