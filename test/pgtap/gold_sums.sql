/*
 * Groups that follow changes by their counts and sums say what the query says;
 * what sums cannot tell is computed anew.
 *
 *	psql -v seed=… -v rounds=…		other numbers than those of a test run
 */
\set name gold_sums
\ir setup.psql
\if :{?seed}
\else
	\set seed 1
\endif
\if :{?rounds}
\else
	\set rounds 40
\endif

SELECT plan(30);

\o /dev/null
CREATE TABLE public.line (id int, shop int, day date, who text COLLATE "C", what varchar(9) COLLATE "POSIX", amount numeric, pieces int, large bigint, live boolean);
CREATE VIEW public.live_line AS SELECT id, shop, day, who, what, amount, pieces, large, 'x'::text AS fixed FROM public.line WHERE live;
CREATE TABLE public.model (name text PRIMARY KEY, query text, kept boolean);
CREATE TABLE public.outcome (model text, round int, way text, kept boolean, wrong bigint);
\o

/* a small number, or NULL */
CREATE FUNCTION public.small(most int) RETURNS int LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.9 THEN floor(random() * most)::int END
$$;

/* rows like those of the table; amounts with other digits each */
CREATE FUNCTION public.lines(n int) RETURNS SETOF public.line LANGUAGE sql VOLATILE AS $$
	SELECT floor(random() * 1000)::int, public.small(5), date '2024-01-01' + public.small(3), 'w' || public.small(4), 'v' || public.small(20),
		round((public.small(1000) / 7.0)::numeric, floor(random() * 6)::int), public.small(2000000000) - 1000000000, public.small(1000000000) * 9000000000, random() < 0.8
	FROM generate_series(1, n)
$$;

CREATE FUNCTION public.differences(model text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = format('models.%I', model)::regclass AND attnum > 0);
	n bigint;
BEGIN
	EXECUTE format('SELECT (SELECT count(*) FROM (SELECT %1$s FROM models.%2$I EXCEPT ALL SELECT %1$s FROM gold.%2$I) a)
		+ (SELECT count(*) FROM (SELECT %1$s FROM gold.%2$I EXCEPT ALL SELECT %1$s FROM models.%2$I) b)', columns, model) INTO n;
	RETURN n;
END
$$;

/* does the model have sums? */
CREATE FUNCTION public.has_sums(model text) RETURNS boolean LANGUAGE sql AS $$
	SELECT to_regclass('gold._sums_' || model_id) IS NOT NULL FROM medallion.models WHERE name = model
$$;

CREATE FUNCTION public.judge(model text, round int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM medallion.refresh_model(model);
	INSERT INTO public.outcome SELECT model, judge.round, options->>'refresh', public.has_sums(model), public.differences(model)
		FROM medallion.runs ORDER BY run_id DESC LIMIT 1;
END
$$;

CREATE FUNCTION public.make(model text, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM medallion.create_model(model, query, '{"refresh": "incremental"}');
	PERFORM medallion.refresh_model(model);
END
$$;

INSERT INTO public.model VALUES
	('plain', 'SELECT shop, day, count(*) AS n, count(amount) AS amounts, sum(amount) AS total, avg(amount) AS mean FROM public.line GROUP BY shop, day', true),
	('whole', 'SELECT who, sum(pieces) AS pieces, avg(pieces) AS mean, sum(large) AS large, avg(large) AS far FROM public.line WHERE id % 3 > 0 GROUP BY who', true),
	('filtered', 'SELECT sum(amount) FILTER (WHERE shop > 1) AS some, shop IS NULL AS nowhere, count(*) FILTER (WHERE amount > 50) AS large, day FROM public.live_line GROUP BY shop IS NULL, day', true),
	('different', 'SELECT fixed, shop, count(DISTINCT who) AS people, count(DISTINCT what) AS things, count(DISTINCT amount) AS amounts, round(avg(amount), 2) AS mean FROM public.live_line WHERE shop IS NOT NULL GROUP BY fixed, shop', true),
	('nested', 'SELECT coalesce(sum(x.amount), 0) AS total, x.place, count(DISTINCT x.who) FILTER (WHERE x.pieces > 0) AS people FROM (SELECT y.shop + 1 AS place, y.amount, y.who, y.pieces FROM (SELECT * FROM public.live_line WHERE amount > 9) y) x WHERE x.place > 1 GROUP BY 2', true),
	-- what cannot be kept
	('extreme', 'SELECT shop, max(amount) AS most, sum(amount) AS total FROM public.line GROUP BY shop', false),
	('floating', 'SELECT shop, sum(amount::float8) > 100 AS much FROM public.line GROUP BY shop', false),
	('worded', 'SELECT shop, sum(amount)::text AS total FROM public.line WHERE amount = trunc(amount) GROUP BY shop', false),
	('rowed', 'SELECT shop, count(ROW(who, what)) AS n FROM public.line GROUP BY shop', false),
	('spelled', 'SELECT shop, count(''x'') AS n, count(DISTINCT who) AS people, count(who || what) AS words FROM public.line GROUP BY shop', false),
	('literal', 'SELECT shop, count(''x'') AS n, count(DISTINCT who) AS people FROM public.live_line GROUP BY shop', true),
	('having', 'SELECT shop, sum(amount) AS total FROM public.line GROUP BY shop HAVING count(*) > 2', false),
	('joined', 'SELECT a.shop, count(*) AS n FROM public.line a JOIN public.model m ON m.name > a.what GROUP BY a.shop', false);

\o /dev/null
SELECT setseed(:seed % 1000003 / 1000003.0);
INSERT INTO public.line SELECT * FROM public.lines(300);
SELECT public.make(name, query) FROM public.model ORDER BY name;
\o
SELECT results_eq('SELECT name, public.has_sums(name) FROM public.model ORDER BY name', 'SELECT name, kept FROM public.model ORDER BY name',
	'sums are kept of the models that they can tell all of');
SELECT ok(NOT EXISTS (SELECT FROM public.model WHERE public.differences(name) > 0), 'all are right the first time');

CREATE PROCEDURE public.change_and_judge(rounds int) LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	FOR round IN 1 .. rounds LOOP
		FOR i IN 1 .. 1 + floor(random() * 3)::int LOOP
			CASE floor(random() * 6)::int
				WHEN 0 THEN INSERT INTO public.line SELECT * FROM public.lines(1 + floor(random() * 5)::int);
				WHEN 1 THEN DELETE FROM public.line WHERE id % 30 = floor(random() * 30);
				WHEN 2 THEN UPDATE public.line SET amount = amount + 0.1, live = random() < 0.8 WHERE id % 20 = floor(random() * 20);
				WHEN 3 THEN UPDATE public.line SET who = 'w' || public.small(9), what = 'v' || public.small(9) WHERE id % 20 = floor(random() * 20);
				WHEN 4 THEN UPDATE public.line SET shop = public.small(6), pieces = NULL WHERE id % 20 = floor(random() * 20);
				ELSE INSERT INTO public.line SELECT id, 7, day, who, what, amount, pieces, large, live FROM public.line LIMIT 2;
					DELETE FROM public.line WHERE shop = 7;
			END CASE;
			IF random() < 0.3 THEN
				COMMIT;
			END IF;
		END LOOP;
		FOR name IN SELECT m.name FROM public.model m WHERE random() < 0.7 LOOP
			PERFORM public.judge(name, round);
		END LOOP;
		COMMIT;
	END LOOP;
END
$$;
CALL public.change_and_judge(:rounds);
SELECT is((SELECT count(*) FROM public.outcome WHERE wrong > 0), 0::bigint, 'every refresh says what the query says');
SELECT diag(format('seed %s, round %s: %s rows of %s differ', :seed, round, wrong, model)) FROM public.outcome WHERE wrong > 0 ORDER BY round LIMIT 10;
SELECT ok((SELECT bool_and(o.kept) FROM public.outcome o JOIN public.model m ON m.name = o.model WHERE o.model IN ('plain', 'whole', 'different')), 'sums are still kept');
SELECT ok((SELECT bool_or(way = 'incremental') AND bool_or(way = 'unchanged') IS NOT NULL FROM public.outcome), 'groups were refreshed');

-- sums are what would be computed now
CREATE FUNCTION public.sums(model text) RETURNS TABLE (sums text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT s::text FROM (SELECT k1, k2, n, a1, trim_scale(a3) AS a3, b3 FROM gold._sums_%s) s ORDER BY 1', (SELECT model_id FROM medallion.models WHERE name = model));
END
$$;
SELECT medallion.refresh_model('plain') AS refreshed \gset
CREATE TEMP TABLE followed AS SELECT * FROM public.sums('plain');
SELECT medallion.refresh_model('plain', 'full') AS refreshed \gset
SELECT bag_eq('TABLE followed', $$SELECT * FROM public.sums('plain')$$, 'sums that followed changes are those computed anew');

-- what sums cannot tell
INSERT INTO public.line (shop, day, amount) VALUES (1, '2024-01-01', 'NaN');
SELECT public.judge('plain', 1001);
SELECT ok(wrong = 0 AND way = 'incremental' AND NOT kept, 'a sum that is no number is computed') FROM public.outcome WHERE round = 1001;
DELETE FROM public.line WHERE amount = 'NaN';
SELECT public.judge('plain', 1002);
SELECT ok(wrong = 0 AND way = 'incremental', 'and so is what follows') FROM public.outcome WHERE round = 1002;
SELECT medallion.refresh_model('plain', 'full') AS refreshed \gset
SELECT ok(public.has_sums('plain'), 'a full refresh makes the sums again');

SELECT medallion.refresh_model('plain') AS refreshed \gset
INSERT INTO public.line (shop, day, amount) VALUES (1, '2024-01-01', 1e-40);
SELECT public.judge('plain', 1003);
DELETE FROM public.line WHERE amount = 1e-40;
SELECT public.judge('plain', 1004);
SELECT is((SELECT sum(wrong) FROM public.outcome WHERE round IN (1003, 1004)), 0::numeric, 'digits that a sum once had do not show in its average');

SELECT public.make('by_person', 'SELECT who, count(DISTINCT shop) AS shops FROM public.line GROUP BY who');
INSERT INTO public.line (who, shop) VALUES ('w1', 70);
SELECT public.judge('by_person', 1005);
SELECT ok(wrong = 0 AND way = 'incremental' AND kept, 'a new value is counted') FROM public.outcome WHERE round = 1005;
INSERT INTO public.line (who, shop) VALUES (NULL, 71);
SELECT public.judge('by_person', 1006);
SELECT ok(wrong = 0 AND way = 'incremental' AND NOT kept, 'that of a group whose key is NULL is not looked for') FROM public.outcome WHERE round = 1006;

SELECT medallion.refresh_model('by_person', 'full') AS refreshed \gset
SET maintenance_work_mem = '1MB';
INSERT INTO public.line (who, shop) SELECT 'w' || i % 5000, i FROM generate_series(1, 30000) i;
SELECT public.judge('by_person', 1007);
RESET maintenance_work_mem;
SELECT ok(wrong = 0 AND way = 'incremental' AND NOT kept, 'values that do not fit into memory are not looked for') FROM public.outcome WHERE round = 1007;
SELECT medallion.refresh_model('by_person', 'full') AS refreshed \gset
DELETE FROM public.line WHERE shop > 15000;
SELECT public.judge('by_person', 1008);
SELECT ok(wrong = 0 AND way = 'incremental' AND kept, 'those that do are found, many too') FROM public.outcome WHERE round = 1008;

-- a group that goes, and comes again
DELETE FROM public.line WHERE who = 'w1';
SELECT public.judge('by_person', 1009);
INSERT INTO public.line (who, shop) VALUES ('w1', 1), ('w1', 1), ('w1', NULL);
SELECT public.judge('by_person', 1010);
SELECT is((SELECT sum(wrong) FROM public.outcome WHERE round IN (1009, 1010)), 0::numeric, 'a group that goes and comes again is right');
SELECT results_eq($$SELECT shops FROM gold.by_person WHERE who = 'w1'$$, 'VALUES (1::bigint)', 'with what it has now');

-- changes that are lost
TRUNCATE public.line;
INSERT INTO public.line SELECT * FROM public.lines(50);
SELECT public.judge('by_person', 1011);
SELECT ok(wrong = 0 AND way = 'full' AND kept, 'after TRUNCATE all is computed') FROM public.outcome WHERE round = 1011;

-- a refresh that fails takes back what it did to the sums
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON gold.by_person FOR EACH STATEMENT EXECUTE FUNCTION public.refuse();
INSERT INTO public.line (who, shop) VALUES ('w1', 99);
SELECT throws_ok($$SELECT medallion.refresh_model('by_person')$$, 'no', 'a refresh may fail');
DROP TRIGGER refuse ON gold.by_person;
SELECT public.judge('by_person', 1012);
SELECT ok(wrong = 0 AND way = 'incremental' AND kept, 'and is made again') FROM public.outcome WHERE round = 1012;

-- an index on the key spares the scan of the table
\o /dev/null
CREATE TABLE public.large AS SELECT i % 500 AS shop, i % 77 AS who FROM generate_series(1, 20000) i;
CREATE INDEX ON public.large (shop);
ANALYZE public.large;
SELECT public.make('indexed', 'SELECT shop, count(DISTINCT who) AS people FROM public.large GROUP BY shop');
INSERT INTO public.large VALUES (3, 1000);
CREATE FUNCTION public.scans_of_refresh() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint := pg_stat_get_xact_numscans('public.large'::regclass);
BEGIN
	PERFORM medallion.refresh_model('indexed');
	RETURN pg_stat_get_xact_numscans('public.large'::regclass) - before;
END
$$;
CREATE TEMP TABLE scans AS SELECT public.scans_of_refresh() AS n;
\o
SELECT is((SELECT n FROM scans) || ' ' || public.differences('indexed') || ' ' || public.has_sums('indexed'), '0 0 true', 'an index on the key spares the scan');

-- what changes unseen: rows of a partition, functions
\o /dev/null
CREATE TABLE public.parted (shop int, amount numeric) PARTITION BY LIST (shop);
CREATE TABLE public.parted_1 PARTITION OF public.parted FOR VALUES IN (1);
INSERT INTO public.parted VALUES (1, 5);
SELECT public.make('parted', 'SELECT shop, sum(amount) AS total FROM (SELECT * FROM public.parted) p GROUP BY shop');
INSERT INTO public.parted_1 VALUES (1, 10);
INSERT INTO public.parted VALUES (1, 1);
SELECT public.judge('parted', 1013);
\o
SELECT ok(wrong = 0 AND way = 'incremental' AND NOT kept, 'rows of a partition are in a group that is touched') FROM public.outcome WHERE round = 1013;

\o /dev/null
CREATE FUNCTION public.worth(numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 * 2; END';
CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 = $2; END';
CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
CREATE FUNCTION public.spell(text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN uuid_in(textout(md5($1))); END';
CREATE CAST (text AS uuid) WITH FUNCTION public.spell(text);
CREATE VIEW public.worthy AS SELECT * FROM public.line WHERE public.worth(amount) > 9;
CREATE TABLE public.asker (name text PRIMARY KEY, query text, kept boolean);
INSERT INTO public.asker VALUES
	('asks_in_value', 'SELECT shop, sum(public.worth(amount)) AS total FROM public.line GROUP BY shop', false),
	('asks_in_key', 'SELECT public.worth(shop) AS shop, count(*) AS n FROM public.line GROUP BY public.worth(shop)', false),
	('asks_in_filter', 'SELECT shop, count(*) FILTER (WHERE public.worth(amount) > 9) AS n FROM public.line GROUP BY shop', false),
	('asks_in_where', 'SELECT shop, count(*) AS n FROM public.line WHERE who OPERATOR(public.===) ''w1'' GROUP BY shop', false),
	('asks_in_cast', 'SELECT shop, count(DISTINCT what::text::uuid) AS n FROM public.line GROUP BY shop', false),
	('asks_below', 'SELECT shop, count(*) AS n FROM (SELECT * FROM public.worthy) w GROUP BY shop', false),
	('asks_ours', 'SELECT shop, count(DISTINCT medallion.row_hash(who, what)) AS n FROM public.line GROUP BY shop', true);
SELECT public.make(name, query) FROM public.asker ORDER BY name;
\o
SELECT results_eq('SELECT name, public.has_sums(name) FROM public.asker ORDER BY name', 'SELECT name, kept FROM public.asker ORDER BY name',
	'no sums are kept of what functions say that may be replaced');
CREATE OR REPLACE FUNCTION public.worth(numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 * 3; END';
INSERT INTO public.line (shop, amount) VALUES (1, 7);
SELECT public.judge('asks_in_value', 1014);
SELECT is((SELECT way FROM public.outcome WHERE round = 1014) || (SELECT sum(total) FROM gold.asks_in_value WHERE shop = 1),
	'incremental' || (SELECT sum(amount * 3) FROM public.line WHERE shop = 1), 'a group that is touched is what a replaced function says now');

-- a relation that has the name of the sums
\o /dev/null
CREATE FUNCTION public.judge_beside(round int, statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM medallion.refresh_model('plain', 'full');
	EXECUTE format('DROP TABLE gold._sums_%s', (SELECT model_id FROM medallion.models WHERE name = 'plain'));
	EXECUTE format(statement, (SELECT model_id FROM medallion.models WHERE name = 'plain'));
	PERFORM medallion.refresh_model('plain', 'full');
	INSERT INTO public.line SELECT * FROM public.lines(1);
	PERFORM public.judge('plain', round);
END
$$;
SELECT pg_temp.drop_roles('gold_sums_planter');
CREATE ROLE gold_sums_planter;
SELECT public.judge_beside(1015, 'CREATE VIEW gold._sums_%s AS SELECT 1 AS _key');
SELECT format('DROP VIEW gold._sums_%s', model_id) FROM medallion.models WHERE name = 'plain' \gexec
SELECT public.judge_beside(1016, 'CREATE TABLE gold._sums_%1$s (_key uuid, k1 int); ALTER TABLE gold._sums_%1$s OWNER TO gold_sums_planter');
SELECT format('DROP TABLE gold._sums_%s', model_id) FROM medallion.models WHERE name = 'plain' \gexec
SELECT public.judge_beside(1017, 'CREATE TABLE gold._sums_%1$s (mine int)');
SELECT format('DROP TABLE gold._sums_%s', model_id) FROM medallion.models WHERE name = 'plain' \gexec
SELECT public.judge_beside(1018, 'CREATE TYPE gold._sums_%1$s AS ENUM (''a'')');
SELECT format('DROP TYPE gold._sums_%s', model_id) FROM medallion.models WHERE name = 'plain' \gexec
SELECT pg_temp.drop_roles('gold_sums_planter');
SELECT medallion.refresh_model('plain', 'full');
\o
SELECT is((SELECT string_agg(way || wrong, ' ' ORDER BY round) FROM public.outcome WHERE round BETWEEN 1015 AND 1018),
	'incremental0 incremental0 incremental0 incremental0', 'what has the name of the sums stays, and no sums are kept');
SELECT ok(public.has_sums('plain'), 'until it has gone');

-- a table that was dropped by hand
\o /dev/null
CREATE PROCEDURE public.drop_and_judge(round int, change text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM medallion.refresh_model('plain', 'full');
	DROP TABLE gold.plain;
	COMMIT;
	INSERT INTO public.line SELECT * FROM public.lines(1);
	EXECUTE change;
	PERFORM public.judge('plain', round);
END
$$;
CALL public.drop_and_judge(1019, '');
CALL public.drop_and_judge(1020, $$SELECT medallion.alter_model('plain', '{"description": "again"}')$$);
\o
SELECT is((SELECT string_agg(way || wrong, ' ' ORDER BY round) FROM public.outcome WHERE round IN (1019, 1020)), 'full0 full0',
	'a table that was dropped by hand is filled with all rows');

-- a writer who does not stop: of each table that is made beside gold it hears
SELECT count(*) > 0 AS has_dblink FROM pg_available_extensions WHERE name = 'dblink' \gset
\if :has_dblink
\o /dev/null
CREATE EXTENSION dblink SCHEMA public;
SELECT public.dblink_connect('writer', format('host=%s port=%s dbname=%s user=%s', split_part(current_setting('unix_socket_directories'), ',', 1),
	current_setting('port'), current_database(), current_user));
CREATE TABLE public.busy (shop int, amount numeric);
INSERT INTO public.busy SELECT i % 3, i FROM generate_series(1, 30) i;
SELECT public.make('busy_sums', 'SELECT shop, sum(amount) AS total FROM public.busy GROUP BY shop');
SELECT public.make('busy_groups', 'SELECT shop, max(amount) AS most, sum(amount) AS total FROM public.busy GROUP BY shop');
CREATE FUNCTION public.write() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM public.dblink_exec('writer', 'INSERT INTO public.busy VALUES (1, 100)')
	   FROM pg_event_trigger_ddl_commands() WHERE object_identity ~ '^gold\._new_';
END
$$;
INSERT INTO public.busy VALUES (2, 50);
CREATE EVENT TRIGGER busy_writer ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION public.write();
SET statement_timeout = '60s';
SELECT public.judge('busy_sums', 1021);
SELECT public.judge('busy_groups', 1022);
RESET statement_timeout;
DROP EVENT TRIGGER busy_writer;
SELECT public.judge('busy_sums', 1023);
SELECT public.judge('busy_groups', 1024);
\o
SELECT is((SELECT string_agg(way, ' ' ORDER BY round) || sum(wrong) FILTER (WHERE round > 1022) FROM public.outcome WHERE round BETWEEN 1021 AND 1024),
	'incremental full incremental incremental0', 'a refresh ends while others write, and the next takes what they wrote');
SELECT is((SELECT count(*) FROM public.busy), 38::bigint, 'where sums are kept at once, else after some rounds');
SELECT public.dblink_disconnect('writer') AS disconnected \gset
\else
SELECT skip('this server has no contrib modules', 2);
\endif

-- sums go with their model, in a restored database too, which does not know whose they are
WITH gone AS (DELETE FROM pg_depend d USING pg_class s WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass
	AND s.relname LIKE '\_sums\_%' AND s.relkind = 'r' AND d.refobjid = 'gold.plain'::regclass RETURNING d.deptype)
SELECT is((SELECT string_agg(deptype::text, '') FROM gone), 'a', 'sums depend on the table until a dump forgets it');
SELECT medallion.drop_model(name) FROM medallion.models ORDER BY model_id DESC;
SELECT is((SELECT count(*) FROM pg_class WHERE relname LIKE '\_sums\_%' AND relkind = 'r'), 0::bigint, 'sums go with their models');
SELECT * FROM finish();
