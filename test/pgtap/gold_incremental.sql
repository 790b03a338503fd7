/*
 * What a refresh by groups does on the way from files to gold, what explain_model()
 * says, and what makes a model refresh in full.
 */
\set name gold_incremental
\ir setup.psql

SELECT plan(68);

/* rows that a model's table has and its query has not, and the other way round */
CREATE FUNCTION pg_temp.differences(model text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	wanted text := format('SELECT * FROM models.%I', model);
	have text := (SELECT format('SELECT %s FROM gold.%I', string_agg(quote_ident(attname), ', ' ORDER BY attnum), model) FROM pg_attribute
				   WHERE attrelid = format('models.%I', model)::regclass AND attnum > 0);
	n bigint;
BEGIN
	EXECUTE format('SELECT (SELECT count(*) FROM (%1$s EXCEPT ALL %2$s) a) + (SELECT count(*) FROM (%2$s EXCEPT ALL %1$s) b)', wanted, have) INTO n;
	RETURN n;
END
$$;
/* how the last run refreshed a model */
CREATE FUNCTION pg_temp.way(model text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(detail->>'refresh', status) FROM run WHERE layer = 'gold' AND object = model
$$;
/* how the last refresh_model() went */
CREATE FUNCTION pg_temp.last() RETURNS text LANGUAGE sql AS $$
	SELECT options->>'refresh' || coalesce(': ' || (options->>'reason'), '') FROM medallion.runs ORDER BY run_id DESC LIMIT 1
$$;
CREATE FUNCTION pg_temp.why(model text) RETURNS text LANGUAGE sql AS $$
	SELECT object || coalesce(': ' || detail, '') FROM medallion.explain_model(model) WHERE what = 'refresh'
$$;

-- From files: new, changed, late and withdrawn rows
\o /dev/null
SELECT medallion.create_feature('sales', '{sales/*.csv}', '{id}', '{"on_change": "restate"}');
SELECT medallion.create_feature('shops', '{shops.csv}', '{shop}', '{"on_change": "version"}');
SELECT pg_temp.put('sales/a.csv', E'Id,Shop,Amount\n1,1,10\n2,1,20\n3,2,30\n4,3,40\n5,3,5\n6,4,1\n7,4,2\n8,5,3\n');
SELECT pg_temp.put('shops.csv', E'Shop,City\n1,Bern\n2,Bern\n3,Chur\n4,Zug\n');
SELECT pg_temp.run();
SELECT medallion.create_model('by_city', 'SELECT h.city, count(*) AS n, sum(s.amount) AS total FROM silver.sales_current s LEFT JOIN silver.shops_current h ON h.shop = s.shop GROUP BY h.city', '{"refresh": "incremental"}');
SELECT medallion.create_model('by_n', 'SELECT n, count(*) AS cities FROM gold.by_city GROUP BY n', '{"refresh": "incremental"}');
SELECT medallion.create_model('history', 'SELECT shop, _scd2_version AS version, count(*) AS n FROM silver.sales GROUP BY 1, 2', '{"refresh": "incremental"}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.way('by_city'), 'full', 'a first refresh is a full one');
\o /dev/null
SELECT pg_temp.run();
\o
SELECT is(pg_temp.way('by_city'), 'UNCHANGED', 'nothing new, nothing done');
\o /dev/null
SELECT pg_temp.put('sales/b.csv', E'Id,Shop,Amount\n9,1,7\n3,1,30\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.way('by_city'), 'incremental', 'new rows: the groups that they touch');
SELECT is((SELECT (detail->>'rows')::int FROM run WHERE object = 'by_city'), 1, 'and no other');
SELECT is(pg_temp.way('by_n'), 'incremental', 'a model over a model takes what that changed');
SELECT is(pg_temp.differences('by_city') + pg_temp.differences('by_n') + pg_temp.differences('history'), 0::bigint, 'the rows are right');
\o /dev/null
SELECT pg_temp.put('sales/a.csv', E'Id,Shop,Amount\n1,1,10\n2,3,20\n4,3,41\n6,4,1\n7,4,2\n8,5,3\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.way('by_city'), 'incremental', 'a restated file: rows that are withdrawn are known');
SELECT is(pg_temp.differences('by_city') + pg_temp.differences('by_n') + pg_temp.differences('history'), 0::bigint, 'the rows are right');
\o /dev/null
SELECT pg_temp.put('shops.csv', E'Shop,City\n1,Bern\n2,Bern\n3,Zug\n5,Aarau\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.way('by_city'), 'incremental', 'a changed dimension');
SELECT is(pg_temp.differences('by_city') + pg_temp.differences('by_n'), 0::bigint, 'the rows are right');
SELECT is((SELECT string_agg(coalesce(city, '-'), ',' ORDER BY city) FROM gold.by_city), 'Aarau,Bern,Zug,-', 'groups come and go');
\o /dev/null
SELECT medallion.rebuild('sales');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.differences('by_city') + pg_temp.differences('by_n') + pg_temp.differences('history'), 0::bigint, 'after a rebuild the rows are right');
\o /dev/null
SELECT pg_temp.put('sales/c.csv', E'Id,Shop,Amount\n10,1,7.5\n11,2,1\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'a type that widens');
SELECT is(pg_temp.differences('by_city') + pg_temp.differences('by_n') + pg_temp.differences('history'), 0::bigint, 'leaves the rows right');
\o /dev/null
UPDATE silver.sales SET amount = amount + 1 WHERE shop = 1;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.way('by_city'), 'incremental', 'a correction by hand is seen');
SELECT is(pg_temp.differences('by_city'), 0::bigint, 'and taken');
SELECT is((SELECT count(*) FROM medallion.change_batches), 0::bigint, 'changes that all models have taken are forgotten');

-- What it is that changes
\o /dev/null
CREATE TABLE public.t (a int, b text, d timestamptz, amount numeric);
CREATE TABLE public.u (a int, name text);
INSERT INTO public.t SELECT i, 'b' || i % 3, timestamptz '2024-01-01 12:00Z' + i * interval '1 day', i FROM generate_series(1, 30) i;
INSERT INTO public.u SELECT i, 'u' || i FROM generate_series(1, 30) i;
CREATE VIEW public.v AS SELECT a, b FROM public.t WHERE a > 3;
SELECT medallion.create_model('over_view', 'SELECT b, count(*) AS n FROM public.v GROUP BY b', '{"refresh": "incremental"}');
SELECT medallion.refresh_model('over_view');
DELETE FROM public.t WHERE a = 9;
SELECT medallion.refresh_model('over_view');
\o
SELECT is(pg_temp.last(), 'incremental', 'through a view');
\o /dev/null
CREATE OR REPLACE VIEW public.v AS SELECT a, b FROM public.t WHERE a > 20;
SELECT medallion.refresh_model('over_view');
\o
SELECT is(pg_temp.last(), 'full: changes since the last time are not known', 'a view that says something else means a full refresh');
SELECT is(pg_temp.differences('over_view'), 0::bigint, 'which it gets');
\o /dev/null
TRUNCATE public.t;
SELECT medallion.refresh_model('over_view');
\o
SELECT matches(pg_temp.last(), '^full: changes of t are not known', 'TRUNCATE means a full refresh');
SELECT is((SELECT count(*) FROM gold.over_view), 0::bigint, 'which it gets');
\o /dev/null
INSERT INTO public.t SELECT i, 'b' || i % 3, timestamptz '2024-01-01 12:00Z' + i * interval '1 day', i FROM generate_series(1, 30) i;
ALTER TABLE public.t ADD COLUMN e int;
INSERT INTO public.t VALUES (31, 'b9', now(), 1, 5);
SELECT medallion.refresh_model('over_view');
\o
SELECT is(pg_temp.last(), 'incremental', 'a column more is no reason for one');
SELECT is(pg_temp.differences('over_view'), 0::bigint, 'and the rows are right');
\o /dev/null
ALTER TABLE public.t DISABLE TRIGGER _medallion_insert;
INSERT INTO public.t VALUES (32, 'b9', now(), 1, 5);
SELECT medallion.refresh_model('over_view');
\o
SELECT is(pg_temp.last() || pg_temp.differences('over_view'), 'full: changes since the last time are not known0', 'a trigger that is off is noticed');
SELECT throws_like('ALTER TABLE public.t RENAME COLUMN b TO bb; DROP TABLE public.t', '%cannot drop table t because other objects depend on it%', 'what a model reads cannot be dropped');

-- What is refreshed in full, and why
CREATE FUNCTION pg_temp.why_of(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM medallion.create_model('asked', query);
	RETURN pg_temp.why('asked');
END
$$;
SELECT is(pg_temp.why_of('SELECT b, count(*) AS n FROM public.t GROUP BY b'), 'incremental', 'GROUP BY');
SELECT is(pg_temp.why_of('SELECT b, count(*) AS n FROM public.t GROUP BY b ORDER BY n LIMIT 3'), 'full: LIMIT or OFFSET', 'LIMIT');
SELECT is(pg_temp.why_of('SELECT b, a AS n FROM public.t WHERE d < now()'), 'full: now() may say something else each time', 'the clock');
SELECT is(pg_temp.why_of('SELECT b, 1 AS n FROM public.t WHERE d < CURRENT_DATE'), 'full: it reads the clock or who runs it', 'the date');
SELECT is(pg_temp.why_of('SELECT d::date AS b, count(*) AS n FROM public.t GROUP BY 1'), 'incremental', 'a date by the pinned time zone');
SELECT is(pg_temp.why_of('SELECT b, random() AS n FROM public.t'), 'full: random() may say something else each time', 'chance');
SELECT is(pg_temp.why_of('SELECT b, rank() OVER (ORDER BY a) AS n FROM public.t'), 'full: no column of the result is a key of all its groups and windows', 'a rank over everything');
SELECT is(pg_temp.why_of('SELECT b, rank() OVER (PARTITION BY b ORDER BY a) AS n FROM public.t'), 'incremental', 'a rank within groups');
SELECT is(pg_temp.why_of('SELECT count(*) AS b, 1 AS n FROM public.t'), 'full: an aggregate over all rows: there is no GROUP BY', 'one total');
SELECT is(pg_temp.why_of('SELECT DISTINCT ON (b) b, a AS n FROM public.t ORDER BY b, a'), 'full: DISTINCT ON', 'DISTINCT ON');
SELECT is(pg_temp.why_of('SELECT b, a AS n FROM public.t UNION SELECT name, a FROM public.u'), 'incremental', 'UNION');
SELECT is(pg_temp.why_of('SELECT b, a AS n FROM public.t UNION SELECT name, a FROM public.u LIMIT 3'), 'full: LIMIT or OFFSET', 'UNION and LIMIT');
SELECT is(pg_temp.why_of('SELECT s.b, s.total AS n FROM (SELECT b, sum(a) AS total FROM public.t GROUP BY b) s JOIN public.u ON u.name = s.b'), 'incremental', 'an aggregate below the top');
SELECT is((SELECT string_agg(object || ' ' || coalesce(detail, ''), ', ' ORDER BY what, object) FROM medallion.explain_model('asked') WHERE what IN ('key', 'input')),
	'public.t changes are traced to keys; rows of a key are found by a scan; an index on b would spare it, public.u changes are traced to keys, b text', 'its key is that of the groups below');
SELECT is(pg_temp.why_of('WITH s AS (SELECT b, sum(a) AS total FROM public.t GROUP BY b) SELECT s.b, max(s.total) OVER (PARTITION BY s.b) AS n FROM s'), 'incremental', 'an aggregate in WITH');
SELECT is(pg_temp.why_of('SELECT s.total::text AS b, count(*) AS n FROM (SELECT b, sum(a) AS total FROM public.t GROUP BY b) s GROUP BY s.total'), 'full: no column of the result is a key of all its groups and windows',
	'groups of an aggregate: what it was, no change tells');
SELECT pg_temp.why_of('SELECT u.name AS b, count(*) AS n FROM public.u LEFT JOIN (SELECT b, sum(a) AS total FROM public.t GROUP BY b) s ON s.b = u.name AND s.total > 3 GROUP BY 1') \gset
SELECT is((SELECT detail FROM medallion.explain_model('asked') WHERE what = 'input' AND object = 'public.t'), 'a change asks for a full refresh: an outer join, or USING, asks for an aggregate of it', 'an outer join by an aggregate');
SELECT pg_temp.why_of('SELECT u.name AS b, count(*) AS n FROM public.u JOIN (SELECT b, a FROM public.t ORDER BY a LIMIT 3) s ON s.b = u.name GROUP BY 1') \gset
SELECT is((SELECT detail FROM medallion.explain_model('asked') WHERE what = 'input' AND object = 'public.t'), 'a change asks for a full refresh: it is below LIMIT or OFFSET', 'LIMIT below the top');
SELECT is(pg_temp.why_of('SELECT b, string_agg(a::text, '','') AS n FROM public.t GROUP BY b'), 'full: string_agg() depends on the order of its rows, and none is stated', 'an order that is not stated');
SELECT is(pg_temp.why_of('SELECT b, count(*) AS n FROM public.t GROUP BY ROLLUP (b)'), 'full: GROUPING SETS, ROLLUP or CUBE', 'ROLLUP');
SELECT is(pg_temp.why_of('WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 3) SELECT b, count(*) AS n FROM public.t JOIN r USING (a) GROUP BY b'), 'incremental', 'a recursive query beside the table');
SELECT throws_like($$SELECT medallion.alter_model('asked', '{"refresh": "append"}')$$, '%cannot be refreshed by appending%', 'append needs rows of rows');

-- Inputs that hide: in VALUES, behind the name of a join, in a column's collation
\o /dev/null
CREATE TABLE public.c (a int, b text COLLATE "C");
INSERT INTO public.c VALUES (1, 'x'), (2, 'y'), (31, 'z');
SELECT medallion.create_model('hidden', 'SELECT x.v, count(*) AS n FROM public.t CROSS JOIN (VALUES (1, (SELECT max(a) FROM public.u))) x (w, v) GROUP BY x.v', '{"refresh": "incremental"}');
SELECT medallion.create_model('named', 'SELECT o.name, count(*) AS n FROM (public.t LEFT JOIN (SELECT a AS ca, b AS cb FROM public.c) c ON c.ca = t.a) j JOIN public.u o ON o.name = coalesce(j.cb, ''u7'') GROUP BY o.name', '{"refresh": "incremental"}');
SELECT medallion.create_model('collated', 'SELECT c.b, count(*) AS n FROM public.t LEFT JOIN public.c ON c.a = t.a GROUP BY c.b', '{"refresh": "incremental"}');
SELECT medallion.refresh_models('{hidden,named,collated}');
INSERT INTO public.u VALUES (99, 'u99');
DELETE FROM public.c WHERE a = 2;
INSERT INTO public.c VALUES (3, 'u3');
SELECT medallion.refresh_models('{hidden,named,collated}');
\o
SELECT is(pg_temp.differences('hidden') + pg_temp.differences('named') + pg_temp.differences('collated'), 0::bigint, 'inputs in VALUES, of a named join, with a collation');

-- append
\o /dev/null
SELECT medallion.create_model('log', 'SELECT t.a, u.name FROM public.t JOIN public.u USING (a) WHERE t.a % 2 = 0', '{"refresh": "append"}');
SELECT medallion.refresh_model('log');
DELETE FROM public.t WHERE a = 2;
UPDATE public.t SET b = 'x' WHERE a = 4;
INSERT INTO public.t VALUES (10, 'again', NULL, 1), (12, 'again', NULL, 1), (13, 'odd', NULL, 1);
SELECT medallion.refresh_model('log');
\o
SELECT is(pg_temp.last(), 'append', 'append: new rows are added');
SELECT is((SELECT string_agg(a::text, ',' ORDER BY a) FROM gold.log WHERE a < 15), '2,4,6,8,10,10,12,12,14', 'and none is taken back');

-- Selection
SELECT is((SELECT string_agg(model, ',') FROM medallion.refresh_models('{+by_n}')), 'by_city,by_n', '+model: with what it reads, inputs first');
SELECT is((SELECT string_agg(model, ',') FROM medallion.refresh_models('{by_city+,log}')), 'by_city,log,by_n', 'model+: with what reads it');
SELECT is((SELECT string_agg(model, ',') FROM medallion.refresh_models('{+by_city+}')), 'by_city,by_n', '+model+: with both');
SELECT throws_like($$SELECT * FROM medallion.refresh_models('{+by_m+}')$$, 'unrecognized model "by_m"', 'a name that is none');

-- Whose tables these are: images are shown to who may read the table, and to nobody else
\o /dev/null
CREATE ROLE gold_reader;
GRANT USAGE ON SCHEMA silver, medallion TO gold_reader;
GRANT USAGE, CREATE ON SCHEMA gold, models TO gold_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO gold_reader;
GRANT SELECT ON silver.sales_current TO gold_reader;
SET ROLE gold_reader;
SELECT medallion.create_model('of_reader', 'SELECT shop, count(*) AS n FROM silver.sales_current GROUP BY shop');
SELECT medallion.refresh_model('of_reader');
RESET ROLE;
\o
SELECT is((SELECT detail FROM medallion.explain_model('of_reader') WHERE what = 'input'), 'a change asks for a full refresh: the model''s owner may not read it', 'changes of a table that the owner may not read are not traced');
\o /dev/null
GRANT SELECT ON silver.sales TO gold_reader;
SELECT pg_temp.put('sales/d.csv', E'Id,Shop,Amount\n20,1,7\n21,9,30\n');
SELECT medallion.alter_model('of_reader', '{"refresh": "incremental"}');
SELECT medallion.refresh_model('of_reader');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.way('of_reader') || pg_temp.differences('of_reader'), 'incremental0', 'those of one that it may read are');
SELECT is((SELECT relowner::regrole::text FROM pg_class WHERE oid = 'silver._changes_sales'::regclass), current_user::text, 'the images belong to the owner of the table');

-- A renamed column is followed
\o /dev/null
ALTER TABLE public.t RENAME COLUMN b TO bb;
INSERT INTO public.t (a, bb) VALUES (40, 'renamed');
SELECT medallion.refresh_model('over_view');
\o
SELECT is(pg_temp.differences('over_view'), 0::bigint, 'a column that is renamed is followed');
SELECT is((SELECT count(*) FROM gold.over_view WHERE b = 'renamed'), 1::bigint, 'into the rows');

-- A model's own table that is renamed is told, not made again; models over it follow it
\o /dev/null
SELECT medallion.create_model('over_model', 'SELECT n, count(*) AS models FROM gold.over_view GROUP BY n');
SELECT medallion.refresh_model('over_model');
ALTER TABLE gold.over_view RENAME TO over_renamed;
SELECT pg_temp.run();
\o
SELECT matches((SELECT detail->>'error' FROM run WHERE object = 'over_view'), 'the table of model "over_view" was renamed to gold.over_renamed', 'a renamed table of a model');
\o /dev/null
ALTER TABLE gold.over_renamed RENAME TO over_view;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors() || pg_temp.differences('over_view'), 'none0', 'renamed back, all is well');
SELECT throws_like('SELECT medallion.drop_model(''over_view'')', '%cannot drop model "over_view" because other objects depend on it%', 'a model that others read is not dropped');
\o /dev/null
SELECT medallion.drop_model('over_model');
\o

-- A partition that comes brings rows unseen
\o /dev/null
CREATE TABLE public.p (a int, b text) PARTITION BY RANGE (a);
CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (0) TO (10);
INSERT INTO public.p VALUES (1, 'x'), (2, 'y');
SELECT medallion.create_model('parts', 'SELECT b, count(*) AS n FROM public.p GROUP BY b', '{"refresh": "incremental"}');
SELECT medallion.refresh_model('parts');
INSERT INTO public.p VALUES (3, 'x');
SELECT medallion.refresh_model('parts');
CREATE TEMP TABLE first_way AS SELECT pg_temp.last() AS way;
CREATE TABLE public.p2 (a int, b text);
INSERT INTO public.p2 VALUES (11, 'x');
ALTER TABLE public.p ATTACH PARTITION public.p2 FOR VALUES FROM (10) TO (20);
SELECT medallion.refresh_model('parts');
\o
SELECT is((SELECT way FROM first_way) || ', ' || pg_temp.last() || pg_temp.differences('parts'), 'incremental, full: changes since the last time are not known0', 'partitions');

-- A failing check keeps the old rows
\o /dev/null
SELECT medallion.alter_model('over_view', '{"checks": [{"kind": "range", "columns": ["n"], "params": {"max": 100}, "action": "fail", "error_if": 0}]}');
SELECT medallion.refresh_model('over_view');
CREATE TABLE public.before AS TABLE gold.over_view;
INSERT INTO public.t SELECT i, 'b1', NULL, 0 FROM generate_series(50, 200) i;
\o
SELECT throws_like($$SELECT medallion.refresh_model('over_view')$$, '%check%', 'a failing check stops the refresh');
SELECT is((SELECT count(*) FROM (TABLE gold.over_view EXCEPT TABLE public.before) x), 0::bigint, 'the old rows stay');
SELECT alike((SELECT status || ': ' || (detail->>'error') FROM medallion.run_pipeline() WHERE object = 'over_view'), 'FAILED: check "range" failed for 1 of 5 rows%', 'a run says so');
SELECT is((SELECT concat_ws(' ', check_type, column_name, check_status, records_affected, check_details->>'records_checked', check_details ? 'samples') FROM etl_logs.data_quality_checks
	WHERE table_name = 'gold.over_view' ORDER BY run_id DESC LIMIT 1), 'range n FAILED 1 5 f', 'and what it found is in the log');
\o /dev/null
SELECT medallion.drop_model('of_reader');
DROP OWNED BY gold_reader;
DROP ROLE gold_reader;
\o
SELECT * FROM finish();
