/*
 * Models refreshed by groups say what a full refresh says, row for row:
 * random queries, random changes of what they read, after each a comparison
 * with the query itself.
 *
 *	psql -v seed=… -v models=… -v rounds=…		other numbers than those of a test run
 *
 * A failure names its seed: -v seed=… -v models=1 repeats just that one.  Its
 * query goes to public.kept, so that it is tried ever after.
 */
\set name gold_property
\ir setup.psql
\if :{?seed}
\else
	\set seed 1
\endif
\getenv quick MEDALLION_QUICK
\if :{?models}
\elif :{?quick}
	\set models 20
	\set rounds 8
\else
	\set models 150
\endif
\if :{?rounds}
\else
	\set rounds 20
\endif

SELECT plan(7);

\o /dev/null
CREATE TABLE public.sales (id int, shop int, day date, amount numeric(8, 2), who text, live boolean);
CREATE TABLE public.shops (shop int, city text COLLATE "C", region int, open boolean);
CREATE TABLE public.regions (region int, name text);
CREATE VIEW public.sales_live AS SELECT id, shop, day, amount, who FROM public.sales WHERE live;
CREATE VIEW public.sales_by_day AS SELECT min(id) AS id, shop, day, sum(amount) AS amount, max(who) AS who FROM public.sales GROUP BY shop, day;
CREATE TABLE public.outcome (seed int, round int, way text, reason text, wrong bigint, query text, changes text);
\o

/* one of these */
CREATE FUNCTION public.pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT choices[1 + floor(random() * cardinality(choices))::int]
$$;

/* a small number, or NULL */
CREATE FUNCTION public.small(most int) RETURNS int LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.9 THEN floor(random() * most)::int END
$$;

/* what stands for sales: the table, views, subqueries, set operations */
CREATE FUNCTION public.random_sales() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.4 THEN public.pick('public.sales s', 'public.sales_live s', '(SELECT id, shop, day, amount, who FROM public.sales WHERE amount > 20) s', 'w s')
		ELSE public.pick(
			'(SELECT l.* FROM public.sales_live l JOIN public.regions x ON x.region = l.shop) s',
			'(SELECT l.id, l.shop, l.day, l.amount, x.name AS who FROM public.sales l LEFT JOIN public.regions x ON x.region = l.shop) s',
			'(SELECT l.id, x.region AS shop, l.day, l.amount, coalesce(x.name, l.who) AS who FROM public.sales l LEFT JOIN public.regions x ON x.region = l.shop WHERE x.name IS NULL OR l.live) s',
			'public.sales_by_day s',
			'(SELECT * FROM public.sales_by_day WHERE amount > 60) s',
			'(SELECT max(id) AS id, shop, day, avg(amount) AS amount, min(who) AS who FROM public.sales WHERE live GROUP BY shop, day HAVING count(*) > 1) s',
			'(SELECT DISTINCT id % 20 AS id, shop, date_trunc(''month'', day)::date AS day, amount, who FROM public.sales) s',
			'(SELECT id, shop, day, sum(amount) OVER (PARTITION BY shop) AS amount, who FROM public.sales) s',
			'(SELECT rank() OVER (PARTITION BY shop, day ORDER BY sum(amount), who)::int AS id, shop, day, sum(amount) AS amount, who FROM public.sales GROUP BY shop, day, who) s',
			'(SELECT id, shop, day, amount, who FROM public.sales WHERE live UNION ALL SELECT region, region, NULL, region, name FROM public.regions) s',
			'(SELECT id, shop, day, amount, who FROM public.sales_live UNION SELECT max(id), shop, day, sum(amount), who FROM public.sales WHERE NOT live GROUP BY shop, day, who) s',
			'(SELECT 0 AS id, shop, day, 1.5 AS amount, who FROM public.sales EXCEPT ALL SELECT 0, shop, day, 1.5, who FROM public.sales WHERE live) s',
			'(SELECT 1 AS id, shop, NULL::date AS day, 50.5 AS amount, city AS who FROM public.shops INTERSECT SELECT 1, shop, NULL, 50.5, name FROM public.shops JOIN public.regions USING (region)) s',
			'y s') END
$$;

/* something joined to it that is made of many rows: x */
CREATE FUNCTION public.random_totals() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT public.pick(' JOIN ', ' LEFT JOIN ', ' LEFT JOIN ', ' RIGHT JOIN ') || public.pick(
		'(SELECT shop AS xshop, count(*) AS n, sum(amount) AS total FROM public.sales GROUP BY shop)',
		'(SELECT shop AS xshop, count(*) AS n, sum(amount) AS total FROM public.sales_live GROUP BY shop HAVING count(*) > 3)',
		'(SELECT region AS xshop, count(name) AS n, max(region) AS total FROM public.regions GROUP BY region)',
		'(SELECT l.shop AS xshop, count(x.name) AS n, sum(l.amount) AS total FROM public.sales l LEFT JOIN public.regions x ON x.region = l.shop GROUP BY l.shop)',
		'(SELECT DISTINCT shop AS xshop, count(*) OVER (PARTITION BY shop) AS n, 1 AS total FROM public.shops)') ||
		' x ON x.xshop = s.shop' || public.pick('', '', '', ' AND x.n > 2', ' AND s.amount > 20')
$$;

/* a query; sales is s, shops, where they are joined, h, regions r, totals x */
CREATE FUNCTION public.random_query() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	with_h boolean := random() < 0.8;
	with_r boolean := with_h AND random() < 0.4;
	with_x boolean := random() < 0.35;
	sales text := public.random_sales();
	joins text := '';
	filter text := 'true';
	columns text[] := '{s.shop,s.who,s.day,"date_trunc(''month'', s.day)","s.amount > 50","s.id % 3","coalesce(s.who, ''-'')"}';
	keys text[];
	measures text[] := '{count(*),sum(s.amount),avg(s.amount),count(DISTINCT s.who),min(s.day),max(s.amount),"percentile_cont(0.5) WITHIN GROUP (ORDER BY s.id)","sum(s.amount) FILTER (WHERE s.amount > 40)","string_agg(s.who, '','' ORDER BY s.who)","count(*) - count(s.shop)","mode() WITHIN GROUP (ORDER BY s.who)","percentile_disc(0.9) WITHIN GROUP (ORDER BY s.amount)","array_agg(DISTINCT s.who)","count(DISTINCT s.day) FILTER (WHERE s.amount > 30)"}';
	picked text[] := '{}';
	form text := public.pick('group', 'group', 'group', 'group', 'rows', 'distinct', 'window', 'group window', 'set');
	query text;
BEGIN
	IF with_h THEN
		joins := CASE floor(random() * 9)::int
			WHEN 0 THEN 'JOIN public.shops h ON h.shop = s.shop'
			WHEN 1 THEN 'LEFT JOIN public.shops h ON h.shop = s.shop'
			WHEN 2 THEN 'LEFT JOIN public.shops h ON h.shop = s.shop AND h.open'
			WHEN 3 THEN 'LEFT JOIN public.shops h USING (shop)'
			WHEN 4 THEN 'RIGHT JOIN public.shops h ON h.shop = s.shop'
			WHEN 5 THEN 'LEFT JOIN (SELECT * FROM public.shops WHERE open) h ON h.shop = s.shop'
			WHEN 6 THEN 'FULL JOIN public.shops h ON h.shop = s.shop'
			WHEN 7 THEN 'LEFT JOIN public.shops h ON coalesce(h.shop, 0) = s.shop'
			ELSE ', public.shops h' END;
		IF joins LIKE ',%' THEN
			filter := filter || ' AND s.shop = h.shop';
		END IF;
		columns := columns || '{h.city,"coalesce(h.city, ''none'')",h.region,"h.shop IS NULL"}'::text[];
		measures := measures || '{count(h.shop),bool_or(h.open)}'::text[];
	END IF;
	IF with_r AND joins NOT LIKE ',%' THEN
		joins := joins || CASE floor(random() * 4)::int
			WHEN 0 THEN ' LEFT JOIN public.regions r ON r.region = h.region'
			WHEN 1 THEN ' JOIN public.regions r ON r.region = h.region'
			WHEN 2 THEN ' LEFT JOIN public.regions r ON r.region = coalesce(h.region, 0)'
			ELSE ' LEFT JOIN public.regions r ON r.region = s.shop' END;
		columns := columns || '{r.name,"coalesce(r.name, h.city)"}'::text[];
	END IF;
	IF with_x AND joins NOT LIKE ',%' THEN
		joins := joins || public.random_totals();
		columns := columns || '{x.xshop,"x.n > 3",x.n}'::text[];
		measures := measures || '{sum(x.total),max(x.n),count(x.xshop)}'::text[];
		filter := filter || public.pick('', '', '', ' AND x.n > 2', ' AND x.n IS NULL', ' AND coalesce(x.total, 0) < 300', ' AND x.xshop IS NULL', ' AND s.id < x.n');
	END IF;
	FOR i IN 1 .. floor(random() * 3)::int LOOP
		filter := filter || ' AND ' || CASE WHEN with_h AND random() < 0.6
			THEN public.pick('h.city IS NOT NULL', 'h.city IS NULL', 'h.open IS NOT TRUE', 'coalesce(h.region, 1) = 1', 's.shop + h.region > 2', 'h.city <> ''c1''', '(h.open OR s.amount > 30)')
			ELSE public.pick('s.amount > 10', 's.who = ''w1''', 's.who IS NULL', 's.day >= ''2024-02-01''', 's.id % 2 = 0',
							 'EXISTS (SELECT FROM public.regions x WHERE x.region = s.shop)', 's.shop IN (SELECT shop FROM public.shops)') END;
	END LOOP;
	SELECT array_agg(c) INTO keys FROM (SELECT c FROM unnest(columns) c ORDER BY random() LIMIT 1 + floor(random() * 2)::int) k;
	SELECT array_agg(m) INTO picked FROM (SELECT m FROM unnest(measures) m ORDER BY random() LIMIT 1 + floor(random() * 3)::int) m;
	query := CASE form
		WHEN 'rows' THEN 'SELECT ' || (SELECT string_agg(k || ' AS k' || n, ', ') FROM unnest(keys || 's.id'::text) WITH ORDINALITY u (k, n))
		WHEN 'distinct' THEN 'SELECT DISTINCT ' || (SELECT string_agg(k || ' AS k' || n, ', ') FROM unnest(keys) WITH ORDINALITY u (k, n))
		WHEN 'window' THEN 'SELECT ' || keys[1] || ' AS k1, s.id, s.amount, ' ||
			public.pick('sum(s.amount) OVER (PARTITION BY ' || keys[1] || ')', 'rank() OVER (PARTITION BY ' || keys[1] || ' ORDER BY s.id)',
						'count(*) OVER (PARTITION BY ' || keys[1] || ', s.who)', 'dense_rank() OVER (ORDER BY s.id)') || ' AS v'
		WHEN 'set' THEN 'SELECT (' || keys[1] || ')::text AS k1, s.amount::numeric AS v'
		ELSE 'SELECT ' || (SELECT string_agg(k || ' AS k' || n, ', ') FROM unnest(keys) WITH ORDINALITY u (k, n) WHERE n = 1 OR random() < 0.7) ||
			(SELECT string_agg(', ' || m || ' AS m' || n, '') FROM unnest(picked) WITH ORDINALITY u (m, n)) ||
			CASE WHEN form = 'group window' THEN ', rank() OVER (PARTITION BY ' || keys[1] || ' ORDER BY count(*)) AS v' ELSE '' END
		END || ' FROM ' || sales || ' ' || joins || ' WHERE ' || filter;
	IF form LIKE 'group%' THEN
		query := query || ' GROUP BY ' || array_to_string(keys, ', ') || public.pick('', '', ' HAVING count(*) > 1', ' HAVING sum(s.amount) > 60', ' HAVING count(DISTINCT s.who) > 1');
	ELSIF form = 'set' THEN
		query := query || public.pick(' UNION ALL SELECT', ' UNION SELECT', ' EXCEPT SELECT', ' EXCEPT ALL SELECT', ' INTERSECT SELECT') ||
			public.pick(' l.who, l.amount FROM public.sales l', ' city, region FROM public.shops', ' l.shop::text, sum(l.amount) FROM public.sales_live l GROUP BY l.shop', ' ''w1'', 3');
	END IF;
	IF sales = 'w s' THEN
		query := 'WITH v AS (SELECT * FROM public.sales WHERE id > 3), w AS (SELECT id, shop, day, amount, who FROM v WHERE live) ' || query;
	END IF;
	IF sales = 'y s' THEN
		query := 'WITH v AS (SELECT shop, day, who, count(*)::int AS id, sum(amount) AS amount FROM public.sales GROUP BY shop, day, who), y AS (SELECT shop, day, max(who) AS who, sum(id)::int AS id, sum(amount) AS amount FROM v WHERE id < 3 GROUP BY shop, day) ' || query;
	END IF;
	RETURN (query);
END
$$;

/* one statement that changes something */
CREATE FUNCTION public.random_change() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	change text := CASE floor(random() * 13)::int
		WHEN 0 THEN 'INSERT INTO public.shops SELECT public.small(8), ''c'' || public.small(3), public.small(4), random() < 0.7'
		WHEN 1 THEN 'DELETE FROM public.shops WHERE shop = ' || floor(random() * 8)
		WHEN 2 THEN 'UPDATE public.shops SET city = ''c'' || public.small(4) WHERE shop = ' || floor(random() * 8)
		WHEN 3 THEN 'UPDATE public.shops SET shop = ' || floor(random() * 8) || ', region = public.small(4) WHERE shop = ' || floor(random() * 8)
		WHEN 4 THEN 'INSERT INTO public.regions SELECT public.small(5), ''r'' || public.small(3)'
		WHEN 5 THEN 'DELETE FROM public.regions WHERE region = ' || floor(random() * 5)
		WHEN 6 THEN 'UPDATE public.regions SET name = ''r'' || public.small(3) WHERE region = ' || floor(random() * 5)
		WHEN 7 THEN 'DELETE FROM public.sales WHERE id % 40 = ' || floor(random() * 40)
		WHEN 8 THEN 'UPDATE public.sales SET shop = public.small(8), who = ''w'' || public.small(3) WHERE id % 40 = ' || floor(random() * 40)
		WHEN 9 THEN 'UPDATE public.sales SET live = NOT live, amount = amount + 1 WHERE id % 30 = ' || floor(random() * 30)
		WHEN 10 THEN CASE WHEN random() < 0.03 THEN 'TRUNCATE public.regions' ELSE 'UPDATE public.shops SET open = NOT open WHERE shop = ' || floor(random() * 8) END
		ELSE 'INSERT INTO public.sales SELECT floor(random() * 100), public.small(8), date ''2024-01-01'' + public.small(70), public.small(100), ''w'' || public.small(3), random() < 0.8 FROM generate_series(1, '
			|| 1 + floor(random() * 3) || ')' END;
BEGIN
	EXECUTE change;
	RETURN change;
END
$$;

/* rows that a model's table has and its query has not, and the other way round */
CREATE FUNCTION public.differences(model text) RETURNS bigint LANGUAGE plpgsql AS $$
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

/* refreshes a model, and notes what came of it */
CREATE FUNCTION public.judge(model text, seed int, round int, query text, changes text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM medallion.refresh_model(model);
	INSERT INTO public.outcome SELECT judge.seed, judge.round, options->>'refresh', options->>'reason', public.differences(model), judge.query, judge.changes
		FROM medallion.runs ORDER BY run_id DESC LIMIT 1;
END
$$;

/* a model, made to refresh by groups however much changes, if it can */
CREATE FUNCTION public.make(model text, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM medallion.create_model(model, query, '{"refresh": "incremental"}');
EXCEPTION WHEN feature_not_supported THEN
	PERFORM medallion.create_model(model, query);
END
$$;

/* one model, of this query or a random one, and another over it; so many rounds of changes */
CREATE PROCEDURE public.try_model(seed int, rounds int, query text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	changes text;
BEGIN
	PERFORM setseed((seed % 1000003) / 1000003.0);
	DELETE FROM public.sales;
	DELETE FROM public.shops;
	DELETE FROM public.regions;
	INSERT INTO public.sales SELECT i, public.small(8), date '2024-01-01' + public.small(70), public.small(100), 'w' || public.small(3), random() < 0.8 FROM generate_series(1, 80) i;
	INSERT INTO public.shops SELECT i, 'c' || public.small(3), public.small(4), random() < 0.7 FROM generate_series(0, 5) i;
	INSERT INTO public.regions SELECT i, 'r' || public.small(3) FROM generate_series(0, 3) i;
	query := coalesce(query, public.random_query());
	PERFORM public.make('first', query);
	PERFORM medallion.refresh_model('first');
	PERFORM medallion.create_model('second', 'SELECT k1, count(*) AS n FROM gold.first GROUP BY k1', '{"refresh": "incremental"}');
	PERFORM medallion.refresh_model('second');
	COMMIT;
	FOR round IN 1 .. rounds LOOP
		changes := '';
		FOR i IN 1 .. 1 + floor(random() * 3)::int LOOP
			changes := changes || public.random_change() || '; ';
			IF random() < 0.2 THEN
				COMMIT;
			END IF;
		END LOOP;
		PERFORM public.judge('first', seed, round, query, changes);
		IF random() < 0.5 THEN
			PERFORM public.judge('second', seed, round, 'over: ' || query, changes);
		END IF;
		COMMIT;
	END LOOP;
	PERFORM medallion.drop_model('second');
	PERFORM medallion.drop_model('first');
	COMMIT;
END
$$;

CREATE PROCEDURE public.try_models(seed int, models int, rounds int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN seed .. seed + models - 1 LOOP
		CALL public.try_model(i, rounds);
	END LOOP;
END
$$;

CALL public.try_models(:seed, :models, :rounds);

/* queries that were once refreshed wrongly, and those that are easily */
CREATE TABLE public.kept (seed int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO public.kept (query) VALUES
	-- NULLs beside a column with a collation
	('SELECT h.city AS k1, count(*) AS n FROM public.sales s LEFT JOIN public.shops h ON h.shop = s.shop GROUP BY h.city'),
	-- a condition that NULLs pass, by the name of a join
	('SELECT r.name AS k1, count(*) AS n FROM (public.sales s LEFT JOIN (SELECT shop AS hshop, region FROM public.shops) h ON h.hshop = s.shop) j JOIN public.regions r ON r.region = coalesce(j.region, 0) GROUP BY r.name'),
	-- what is asked in VALUES
	('SELECT x.v AS k1, count(*) AS n FROM public.sales s CROSS JOIN (VALUES ((SELECT max(region) FROM public.regions))) x (v) GROUP BY x.v'),
	-- a total that decides what joins, beside rows that nothing joins
	('SELECT s.who AS k1, sum(x.total) AS n FROM public.sales s LEFT JOIN (SELECT shop, sum(amount) AS total FROM public.sales_live GROUP BY shop HAVING count(*) > 2) x ON x.shop = s.shop WHERE x.total > 100 OR s.live GROUP BY s.who'),
	('SELECT x.shop AS k1, count(s.id) AS n FROM public.sales s RIGHT JOIN (SELECT shop, count(*) AS n FROM public.shops GROUP BY shop) x ON x.shop = s.shop AND x.n > 1 GROUP BY x.shop'),
	('SELECT s.who AS k1, max(x.n) AS n FROM public.sales s LEFT JOIN (public.shops h JOIN (SELECT region, count(*) AS n FROM public.regions GROUP BY region) x ON x.region = h.region AND x.n > 1) ON h.shop = s.shop GROUP BY s.who'),
	('SELECT s.shop AS k1, x.n FROM (SELECT DISTINCT shop, who FROM public.sales) s JOIN (SELECT shop, count(*) AS n FROM public.sales GROUP BY shop) x USING (shop)'),
	('SELECT who AS k1, n FROM (SELECT who, count(*) AS n FROM public.sales GROUP BY who) a NATURAL JOIN (SELECT name AS who, count(*) AS n FROM public.regions GROUP BY name) b');
CREATE PROCEDURE public.try_kept() LANGUAGE plpgsql AS $$
DECLARE
	kept public.kept;
BEGIN
	FOR kept IN TABLE public.kept LOOP
		CALL public.try_model(-kept.seed, 12, kept.query);
	END LOOP;
END
$$;
CALL public.try_kept();

SELECT is((SELECT count(*) FROM public.outcome WHERE wrong > 0), 0::bigint, 'every refresh says what the query says');
SELECT diag(format('seed %s, round %s (%s): %s rows differ after %s of %s', seed, round, way, wrong, changes, query)) FROM public.outcome WHERE wrong > 0 ORDER BY seed, round LIMIT 10;
SELECT cmp_ok((SELECT count(*) FROM public.outcome WHERE way = 'incremental'), '>=', (:models * :rounds * 2 / 3)::bigint, 'so many of them incremental: two thousand, where nobody asks for fewer');
SELECT cmp_ok((SELECT count(*) FROM public.outcome WHERE way = 'full'), '<', (SELECT count(*) FROM public.outcome) / 3, 'few of them full');
SELECT is((SELECT count(*) FROM medallion.change_batches), 0::bigint, 'no change is kept that every model has taken');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE '\_medallion%'), 0::bigint, 'no table is watched that no model reads');
\if :{?verbose}
SELECT format('# %s %s %s', count(*), way, reason) FROM public.outcome GROUP BY way, reason ORDER BY count(*) DESC;
\endif

-- The same over silver: rows that come late, change, are deleted, and runs that are undone, each under all of the models
\o /dev/null
DROP VIEW public.sales_live, public.sales_by_day;
DROP TABLE public.sales;
SELECT medallion.create_feature('orders', '{}', '{id}', '{"sequence_by": "at", "apply_as_deletes": "d.gone = ''t''", "columns": {"id": {"type": "integer"}, "shop": {"type": "integer"}, "day": {"type": "date"},
	"amount": {"type": "numeric(8,2)"}, "who": {"type": "text"}, "live": {"type": "boolean"}, "at": {"type": "integer"}, "gone": {"type": "text"}}}');
CREATE FUNCTION public.random_rows(n int) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_agg(jsonb_build_object('id', floor(random() * 60)::int, 'shop', public.small(8), 'day', date '2024-01-01' + public.small(70), 'amount', public.small(100), 'who', 'w' || public.small(3),
		'live', random() < 0.8, 'at', floor(random() * 1000)::int, 'gone', CASE WHEN random() < 0.15 THEN 't' END)) FROM generate_series(1, n)
$$;
SELECT setseed(:seed % 1000003 / 1000003.0);
SELECT medallion.push('orders', public.random_rows(80));
SELECT * FROM medallion.run_pipeline();
CREATE VIEW public.sales AS SELECT id, shop, day, amount, who, live FROM silver.orders_current;
CREATE VIEW public.sales_live AS SELECT id, shop, day, amount, who FROM public.sales WHERE live;
CREATE VIEW public.sales_by_day AS SELECT min(id) AS id, shop, day, sum(amount) AS amount, max(who) AS who FROM public.sales GROUP BY shop, day;
\o

CREATE PROCEDURE public.try_silver(seed int, models int, rounds int) LANGUAGE plpgsql AS $$
DECLARE
	queries text[] := '{}';
	pushed bigint[] := '{}';
	undone bigint;
BEGIN
	FOR i IN 1 .. models LOOP
		queries := queries || public.random_query();
		PERFORM public.make('m' || i, queries[i]);
		PERFORM medallion.refresh_model('m' || i);
	END LOOP;
	COMMIT;
	FOR round IN 1 .. rounds LOOP
		IF round % 4 = 0 THEN
			undone := pushed[1 + floor(random() * cardinality(pushed))::int];
			pushed := array_remove(pushed, undone);
			INSERT INTO public.outcome		-- it refreshes the models itself
				SELECT seed, round, u.detail->>'refresh', u.detail->>'reason', public.differences(u.object), queries[substr(u.object, 2)::int], 'undo_run()'
				FROM medallion.undo_run(undone) u WHERE u.layer = 'gold';
		ELSE
			PERFORM medallion.push('orders', public.random_rows(1 + floor(random() * 4)::int));
			pushed := pushed || (SELECT max(run_id) FROM medallion.runs);
			PERFORM * FROM medallion.run_pipeline(layers => '{bronze,silver}');
		END IF;
		COMMIT;
		FOR i IN 1 .. models LOOP
			PERFORM public.judge('m' || i, seed, round, queries[i], 'push()');
		END LOOP;
		COMMIT;
	END LOOP;
END
$$;
TRUNCATE public.outcome;
CALL public.try_silver(:seed, least(:models / 5, 30), least(:rounds, 12));
SELECT is((SELECT count(*) FROM public.outcome WHERE wrong > 0), 0::bigint, 'from silver: every refresh says what the query says');
SELECT diag(format('seed %s, round %s (%s): %s rows differ after %s of %s', seed, round, way, wrong, changes, query)) FROM public.outcome WHERE wrong > 0 ORDER BY seed, round LIMIT 10;
SELECT ok((SELECT bool_and(n > least(:models / 5, 30)) FROM (SELECT count(*) AS n FROM public.outcome WHERE way = 'incremental' GROUP BY changes) c) OR :models < 20,
	'by groups after push() and after undo_run()');
\if :{?verbose}
SELECT format('# %s %s %s %s', count(*), changes, way, reason) FROM public.outcome GROUP BY changes, way, reason ORDER BY count(*) DESC;
\endif
SELECT * FROM finish();
