/* medallion.scd2_merge(): history in tables of a user's own. */
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
SELECT plan(40);

CREATE TABLE public.dim (k int, a text, b text, valid_from int, valid_to int, is_current boolean, version int,
	PRIMARY KEY (k, version));
CREATE UNIQUE INDEX ON public.dim (k) WHERE is_current;
CREATE TABLE public.src (k int, a text, b text, t int, op text);
CREATE FUNCTION pg_temp.dim() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws('|', k, coalesce(a, '-'), valid_from, coalesce(valid_to::text, '-'), is_current, version), ',' ORDER BY k, version) FROM public.dim
$$;
/* one batch of rows k,a,b,t,op with ; between */
CREATE FUNCTION pg_temp.merge(batch text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	TRUNCATE public.src;
	INSERT INTO public.src SELECT nullif(p[1], '')::int, nullif(p[2], ''), nullif(p[3], ''), nullif(p[4], '')::int, nullif(p[5], '')
	  FROM string_to_table(batch, ';') line, string_to_array(line, ',') p;
	SELECT concat_ws(' ', inserted, expired, withdrawn, conflicts) INTO result
	  FROM medallion.scd2_merge('public.dim', 'public.src', '{k}', options);
	RETURN result;
END
$$;
\set cdc '{"sequence_by": "t", "apply_as_deletes": "d.op = ''D''"}'

SELECT is(pg_temp.merge('1,x,,1,;2,x,,1,;3,x,,2,', :'cdc'), '3 0 0 0', 'first rows');
SELECT is(pg_temp.merge('1,y,,3,;2,x,,3,', :'cdc'), '1 1 0 0', 'a change, and none');
SELECT is(pg_temp.dim(), '1|x|1|3|f|1,1|y|3|-|t|2,2|x|1|-|t|1,3|x|2|-|t|1', 'the history');
SELECT is(pg_temp.merge('1,x,,1,;1,y,,3,;3,x,,2,', :'cdc'), '0 0 0 0', 'redelivery');
SELECT is(pg_temp.merge('1,z,,2,', :'cdc'), '1 0 0 0', 'late, between two versions');
SELECT is(pg_temp.merge('3,,,5,D;9,,,5,D', :'cdc'), '0 1 0 0', 'a delete, and one of an unknown key');
SELECT is(pg_temp.merge('3,w,,7,', :'cdc'), '1 0 0 0', 'a key comes back');
SELECT is(pg_temp.dim(), '1|x|1|2|f|1,1|z|2|3|f|2,1|y|3|-|t|3,2|x|1|-|t|1,3|x|2|5|f|1,3|w|7|-|t|2', 'numbers follow the times');
SELECT is(pg_temp.merge('2,p,,4,;2,q,,4,', :'cdc'), '1 1 0 1', 'a tie is counted');
SELECT is(pg_temp.merge('2,p,,4,;2,q,,4,', :'cdc'), '0 0 0 1', 'and decided alike when it comes again');
SELECT is(pg_temp.merge('2,x,,3,;2,x,,0,', :'cdc'), '1 0 1 0', 'a version that begins earlier');
SELECT is((SELECT string_agg(concat_ws('|', a = ANY ('{p,q}'), valid_from, valid_to), ',' ORDER BY version) FROM public.dim WHERE k = 2), 'f|0|4,t|4', 'its place');
SELECT throws_ok($$SELECT pg_temp.merge('1,q,,,', '{"sequence_by": "t"}')$$, '23502', 'NULL in the business key or sequence_by of 1 rows', 'a NULL in the sequence');
SELECT throws_ok($$SELECT pg_temp.merge(',q,,1,', '{"sequence_by": "t"}')$$, '23502', NULL, 'a NULL in the key');
SELECT is((SELECT count(*) FROM pg_class WHERE relname LIKE '\_merge%'), 0::bigint, 'no tables are left behind');

/* untracked columns, NULL updates */
TRUNCATE public.dim;
SELECT FROM pg_temp.merge('1,x,p,1,', '{"sequence_by": "t", "no_track": ["b"]}');
SELECT FROM pg_temp.merge('1,x,q,2,', '{"sequence_by": "t", "no_track": ["b"]}');
SELECT is((SELECT string_agg(concat_ws('|', a, b, valid_from, valid_to), ',') FROM public.dim), 'x|q|1', 'untracked columns follow');
SELECT FROM pg_temp.merge('1,,r,3,;1,y,,4,', '{"sequence_by": "t", "ignore_null_updates": true}');
SELECT is((SELECT string_agg(concat_ws('|', a, b, valid_from, valid_to), ',' ORDER BY version) FROM public.dim), 'x|q|1|3,x|r|3|4,y|r|4', 'NULL updates keep what was');

/* snapshots, with and without a sequence */
TRUNCATE public.dim;
\set snapshots '{"sequence_by": "t", "deletes": "snapshot"}'
SELECT FROM pg_temp.merge('1,x,,1,;2,x,,1,;3,x,,1,', :'snapshots');
SELECT is(pg_temp.merge('1,x,,2,;3,y,,2,', :'snapshots'), '1 2 0 0', 'a snapshot closes what it lacks');
SELECT is(pg_temp.merge('1,x,,4,;2,x,,4,;3,y,,4,', :'snapshots'), '1 0 0 0', 'and what comes back opens');
SELECT is(pg_temp.merge('1,x,,3,;2,x,,3,', :'snapshots'), '1 1 1 0', 'a late one');
SELECT is(pg_temp.dim(), '1|x|1|-|t|1,2|x|1|2|f|1,2|x|3|-|t|2,3|x|1|2|f|1,3|y|2|3|f|2',
	'closes what it lacks for good: that 4 said the same of key 3 changed nothing, so the target does not know');

/* a table with the least that serves: two times, other names, clock time; what the source lacks stays */
CREATE TABLE public.least (k text, v numeric, note text, since timestamptz, until timestamptz);
CREATE TABLE public.now_ (k text, v numeric);
INSERT INTO public.now_ VALUES ('a', 1), ('b', 2);
\set names '{"history_columns": {"valid_from": "since", "valid_to": "until"}, "deletes": "snapshot", "at": '
SELECT FROM medallion.scd2_merge('public.least', 'public.now_', '{k}', (:'names' || '"2024-01-01 00:00+00"}')::jsonb);
UPDATE public.least SET note = 'kept' WHERE k = 'a';
UPDATE public.now_ SET v = 1.00 WHERE k = 'a';
DELETE FROM public.now_ WHERE k = 'b';
INSERT INTO public.now_ VALUES ('c', 3);
SET TimeZone = 'America/Lima';
SELECT FROM medallion.scd2_merge('public.least', 'public.now_', '{k}', (:'names' || '"2024-02-01 00:00+00"}')::jsonb);
RESET TimeZone;
SELECT is((SELECT string_agg(concat_ws('|', k, v, note, to_char(since AT TIME ZONE 'UTC', 'MMDD'), to_char(until AT TIME ZONE 'UTC', 'MMDD')), ',' ORDER BY k, since) FROM public.least),
	'a|1|kept|0101,b|2|0101|0201,c|3|0201', 'two times are enough');
SELECT FROM medallion.scd2_merge('public.least', 'public.now_', '{k}', '{"history_columns": {"valid_from": "since", "valid_to": "until"}, "deletes": "snapshot"}');
SELECT is((SELECT count(*) FROM public.least WHERE since >= now()), 0::bigint, 'at the clock''s time too, nothing changed is nothing');

/* hashes are kept, where there is room for them */
CREATE TABLE public.hashed (k int, a text, valid_from int, valid_to int, is_current boolean, version int, _business_key_hash uuid, _value_hash uuid,
	PRIMARY KEY (_business_key_hash, version));
SELECT FROM medallion.scd2_merge('public.hashed', 'public.src', '{k}', :'cdc');
SELECT is((SELECT bool_and(_business_key_hash = medallion.row_hash(k)) FROM public.hashed), true, 'hashes are filled');

/* scd1, composite keys, a sentinel */
CREATE TABLE public.one (x int, y int, a text, valid_from int, valid_to int);
CREATE TABLE public.src1 (x int, y int, a text, t int);
INSERT INTO public.src1 VALUES (1, 1, 'p', 1), (1, 2, 'p', 1), (1, 1, 'q', 2);
SELECT FROM medallion.scd2_merge('public.one', 'public.src1', '{x,y}', '{"sequence_by": "t", "history": "scd1", "valid_to": "99"}');
UPDATE public.src1 SET a = 'late', t = 0;
SELECT FROM medallion.scd2_merge('public.one', 'public.src1', '{x,y}', '{"sequence_by": "t", "history": "scd1", "valid_to": "99"}');
SELECT is((SELECT string_agg(concat_ws('|', x, y, a, valid_from, valid_to), ',' ORDER BY x, y) FROM public.one), '1|1|q|2|99,1|2|p|1|99', 'scd1 with a sentinel');

TRUNCATE public.one;
UPDATE public.src1 SET a = 'p', t = y WHERE a = 'late';
DELETE FROM public.src1 s WHERE ctid <> (SELECT min(ctid) FROM public.src1 o WHERE (o.x, o.y) = (s.x, s.y));
SELECT FROM medallion.scd2_merge('public.one', 'public.src1', '{x,y}', '{"sequence_by": "t", "history": "scd1"}');
UPDATE public.src1 SET a = 'q', t = 9 WHERE y = 1;
SELECT is((SELECT m::text FROM medallion.scd2_merge('public.one', 'public.src1', '{x,y}', '{"sequence_by": "t", "history": "scd1"}') m), '(1,0,1,0)', 'scd1, one change');
SELECT is((SELECT string_agg(concat_ws('|', x, y, a, valid_from, valid_to), ',' ORDER BY x, y) FROM public.one), '1|1|q|9,1|2|p|2', 'the version that ended is gone');
CREATE TABLE public.one_now (LIKE public.now_, valid_from timestamptz, valid_to timestamptz, version int);
SELECT FROM medallion.scd2_merge('public.one_now', 'public.now_', '{k}', '{"history": "scd1", "deletes": "snapshot", "at": "2024-01-01 00:00+00"}');
UPDATE public.now_ SET v = 9 WHERE k = 'a';
DELETE FROM public.now_ WHERE k = 'c';
SELECT is((SELECT m::text FROM medallion.scd2_merge('public.one_now', 'public.now_', '{k}', '{"history": "scd1", "deletes": "snapshot", "at": "2024-02-01 00:00+00"}') m),
	'(1,0,2,0)', 'scd1 of an extract');
SELECT is((SELECT string_agg(concat_ws('|', k, v, version), ',') FROM public.one_now), 'a|9|1', 'keeps what is in force, as version 1');

/* what is refused */
SELECT throws_ok($$SELECT medallion.scd2_merge('public.src1', 'public.src1', '{x}')$$, '22023', 'unrecognized history column of the target: "valid_from"');
SELECT throws_ok($$SELECT medallion.scd2_merge('public.dim', 'public.src', '{}')$$, '22023', 'a merge needs business keys');
SELECT throws_ok($$SELECT medallion.scd2_merge('public.dim', 'public.src', '{kk}')$$, '22023', 'unrecognized business key "kk"');
SELECT throws_ok($$SELECT medallion.scd2_merge('public.dim', 'public.src', '{k}', '{"deletes": "close"}')$$, '22023', '"deletes" must be "ignore" or "snapshot" for tables');
SELECT throws_ok($$SELECT medallion.scd2_merge('public.dim', 'public.src', '{k}', '{"sequence": "t"}')$$, '22023', 'unrecognized merge option "sequence"');
SELECT throws_ok($$SELECT medallion.scd2_merge('public.dim', 'public.src', '{k}', '{"columns": ["k", "zz"]}')$$, '22023', 'unrecognized column of the target: "zz"');

/* rights are the caller's */
CREATE ROLE merge_reader;
GRANT USAGE ON SCHEMA medallion TO merge_reader;
GRANT EXECUTE ON FUNCTION medallion.scd2_merge(regclass, regclass, text[], jsonb), medallion.row_hash("any"), medallion.pairs_hash(record, text[]), medallion.pairs_hash(text[], "any") TO merge_reader;
GRANT CREATE ON SCHEMA public TO merge_reader;
GRANT SELECT ON public.dim, public.src TO merge_reader;
SET ROLE merge_reader;
SELECT throws_ok($$SELECT medallion.scd2_merge('public.dim', 'public.src', '{k}', '{"sequence_by": "t"}')$$, '42501', NULL, 'who may not write the target may not merge into it');
RESET ROLE;
/* and these suffice: a partitioned history of one's own, from files as a foreign table */
\set folder :scratch '/scd2_merge'
\setenv folder :folder
\set file :folder '/a.csv'
\! mkdir -p "$folder" && printf 'id,region,v\n1,n,a\n2,s,b\n3,n,c\n' >"$folder/a.csv"
CREATE FOREIGN TABLE public.said (id int, region text, v text) SERVER medallion_files OPTIONS (path :'file');
GRANT SELECT ON public.said TO merge_reader;
SET medallion.allowed_paths = :'folder';
SET ROLE merge_reader;
CREATE TABLE public.own (id int, region text, v text, valid_from timestamptz, valid_to timestamptz, is_current boolean) PARTITION BY LIST (region);
CREATE TABLE public.own_n PARTITION OF public.own FOR VALUES IN ('n');
CREATE TABLE public.own_s PARTITION OF public.own DEFAULT;
SELECT is((SELECT m::text FROM medallion.scd2_merge('public.own', 'public.said', '{id}', '{"at": "2025-01-01 UTC"}') m), '(3,0,0,0)', 'a plain role merges a foreign table into its own partitioned one');
\! printf 'id,region,v\n1,n,a\n2,n,b\n4,s,d\n' >"$folder/a.csv"
SELECT is((SELECT m::text FROM medallion.scd2_merge('public.own', 'public.said', '{id}', '{"at": "2025-02-01 UTC", "deletes": "snapshot"}') m), '(2,2,0,0)', 'an extract of it');
SELECT set_eq('SELECT id, tableoid::regclass::text AS part, v, is_current FROM public.own',
	$$VALUES (1, 'own_n', 'a', true), (2, 'own_s', 'b', false), (2, 'own_n', 'b', true), (3, 'own_n', 'c', false), (4, 'own_s', 'd', true)$$, 'versions lie where their values belong');
RESET ROLE;
RESET medallion.allowed_paths;
DROP FOREIGN TABLE public.said;
DROP OWNED BY merge_reader;
DROP ROLE merge_reader;
SELECT is((SELECT count(*) FROM pg_class WHERE relname LIKE '\_merge%'), 0::bigint, 'no tables are left behind at the end');
SELECT * FROM finish();
