/*
 * maintain() prunes from bronze what counts no more: silver stays what it is, and
 * what comes late afterwards takes its place as if nothing had been pruned.  The
 * oracle is plain SQL over what the files say now.
 */
\set name pruned
\ir setup.psql
\set seed 17
SELECT plan(21);

CREATE TABLE said (file int, k int, a text, t int);
CREATE TABLE expected (k int, a text, since int, until int, version int);
/* gives a file new lines: of some keys, a value of three, at a time that no other file has */
CREATE FUNCTION pg_temp.say(number int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM said WHERE file = number;
	INSERT INTO said SELECT number, k, chr(97 + (random() * 2)::int), (random() * 20)::int * 10 + number
	  FROM generate_series(1, 12) k WHERE random() < 0.5;
	INSERT INTO said VALUES (number, 100 + number, 'x', number);
	PERFORM pg_temp.put(format('p/%s.csv', number), (SELECT E'k,a,t\n' || string_agg(format(E'%s,%s,%s\n', k, a, t), '') FROM said WHERE file = number));
END
$$;
CREATE FUNCTION pg_temp.differences() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE expected;
	INSERT INTO expected
	SELECT k, a, t, lead(t) OVER (PARTITION BY k ORDER BY t), row_number() OVER (PARTITION BY k ORDER BY t)
	  FROM (SELECT *, lag(a) OVER (PARTITION BY k ORDER BY t) IS DISTINCT FROM a AS opens FROM said) s WHERE opens;
	RETURN (SELECT coalesce(string_agg(d::text, ' '), 'none') FROM (
		(SELECT 'silver', k, a, _scd2_valid_from, _scd2_valid_to, _scd2_version FROM silver.p EXCEPT ALL SELECT 'silver', * FROM expected) UNION ALL
		(SELECT 'oracle', * FROM expected EXCEPT ALL SELECT 'oracle', k, a, _scd2_valid_from, _scd2_valid_to, _scd2_version FROM silver.p)) d);
END
$$;
/* a round: two files say something else, the run, and perhaps all is pruned that can be */
CREATE FUNCTION pg_temp.play(round int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	pruned bigint := 0;
BEGIN
	PERFORM pg_temp.say((random() * 5)::int), pg_temp.say((random() * 5)::int);
	PERFORM pg_temp.run('p');
	IF round % 2 = 0 THEN
		SELECT coalesce(sum(rows), 0) INTO pruned FROM medallion.maintain('{"dry_run": false, "superseded": "-1 hours"}') WHERE action = 'prune';
	END IF;
	RETURN pg_temp.errors() || ', differences: ' || pg_temp.differences() || CASE WHEN round % 2 = 0 THEN ', pruned: ' || (pruned > 0) ELSE '' END;
END
$$;

\o /dev/null
SELECT setseed(:seed / 1000.0);
SELECT pg_temp.say(n) FROM generate_series(0, 5) n;
SELECT medallion.create_feature('p', '{p/*.csv}', '{k}', '{"sequence_by": "t", "columns": {"k": {"type": "int"}, "t": {"type": "int"}}}');
SELECT pg_temp.run('p');
\o
SELECT is(pg_temp.differences(), 'none', 'seed 17: six files');
SELECT is(pg_temp.play(round), 'none, differences: none' || CASE WHEN round % 2 = 0 THEN ', pruned: true' ELSE '' END, 'round ' || round) FROM generate_series(1, 10) round;
SELECT is((SELECT count(*) FROM bronze.p), (SELECT count(*) FROM said), 'bronze has what files say now, and no more');
\o /dev/null
SELECT medallion.rebuild('silver', 'p');
\o
SELECT is(pg_temp.differences(), 'none', 'a rebuild from what is left gives the same');
SELECT is((SELECT count(*) FROM medallion.verify('p') WHERE broken > 0), 0::bigint, 'all invariants hold');

-- what was pruned did not count: options by which it would are refused, in the run
CREATE TEMP TABLE before AS SELECT * FROM silver.p;
\o /dev/null
SELECT medallion.alter_feature('p', '{"on_change": "version"}');
SELECT pg_temp.run('p');
\o
SELECT matches(pg_temp.errors(), 'a former version of file ".*/p/.\.csv" would count again, but its rows were pruned from bronze', 'a history that lacked them would be wrong');
SELECT set_eq('SELECT * FROM silver.p', 'SELECT * FROM before', '... silver stays as it was');
\o /dev/null
SELECT medallion.alter_feature('p', '{"on_change": "restate"}');
SELECT pg_temp.say(3);
SELECT pg_temp.run('p');
\o
SELECT is(pg_temp.errors() || ' ' || pg_temp.differences(), 'none none', 'taken back, it goes on');

-- with versions that stay in history nothing is pruned that silver is folded from
\o /dev/null
SELECT pg_temp.put('v/a.csv', E'k,a\n1,x\n2,x\n');
SELECT medallion.create_feature('v', '{v/*.csv}', '{k}');
SELECT pg_temp.run('v');
SELECT pg_temp.put('v/a.csv', E'k,a\n1,y\n');
SELECT pg_temp.run('v');
\o
SELECT is((SELECT string_agg(action, ' ') FROM medallion.maintain('{"dry_run": false, "superseded": "-1 hours"}') WHERE object = 'bronze.v'), 'keep', 'former versions that are history are kept');
\o /dev/null
SELECT medallion.rebuild('silver', 'v');
\o
SELECT is((SELECT string_agg(concat_ws(' ', k, a, _scd2_is_current), ', ' ORDER BY k, _scd2_version) FROM silver.v), '1 x f, 1 y t, 2 x f', '... a rebuild has them');
-- and where the choice is made before anything was pruned, both ways go
\o /dev/null
SELECT medallion.alter_feature('v', '{"on_change": "restate"}');
SELECT pg_temp.run('v');
\o
SELECT is((SELECT string_agg(concat_ws(' ', k, a), ', ' ORDER BY k) FROM silver.v), '1 y', 'restated: the former version never was');
\o /dev/null
SELECT medallion.alter_feature('v', '{"on_change": "version"}');
SELECT pg_temp.run('v');
\o
SELECT is((SELECT string_agg(concat_ws(' ', k, a, _scd2_is_current), ', ' ORDER BY k, _scd2_version) FROM silver.v), '1 x f, 1 y t, 2 x f', 'and is again');
SELECT * FROM finish();
