--
-- row_hash and pairs_hash: docs/row_hash.md says what they encode.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS medallion;
RESET client_min_messages;

--
-- The vectors of docs/row_hash.md
--
SELECT count(*) AS vectors, count(*) FILTER (WHERE got <> expected) AS wrong FROM (VALUES
	(medallion.row_hash(NULL), 'a6cd5e93-9200-0f6a-c44b-dff4074eecdb'),
	(medallion.row_hash(''), 'ae79985c-79a7-bb3e-ff7e-9c8cb847c1f1'),
	(medallion.row_hash(true, false), 'b8b58f9b-834c-5ed5-a64a-cebe6cb0516c'),
	(medallion.row_hash(0), '47cc09b9-4ac5-b213-e52e-5dd36f4ff5d7'),
	(medallion.row_hash(1), '68324de3-3f2a-8152-5e0b-bd8221808f71'),
	(medallion.row_hash(1.00), '68324de3-3f2a-8152-5e0b-bd8221808f71'),
	(medallion.row_hash(-1200), '2e0e472f-a972-ba52-8c43-b93c03ce07f5'),
	(medallion.row_hash(0.1::float8), '77bd9e8f-4150-2ce3-b3b2-d7bb8c334b16'),
	(medallion.row_hash(12345678901234567890.12300), 'be465115-4df2-699b-8bf5-8c6f41b2e3b3'),
	(medallion.row_hash(-0.00001200, 9999.0001, 10000, -1000000.05, 123456.7, 1e4000::numeric, -12e-4000::numeric), '7f6fd156-b812-065f-501f-51b63912b368'),
	(medallion.row_hash('a|b', 'c'), 'e1c9719f-e440-28b7-40f0-102d79b2018e'),
	(medallion.row_hash('a', 'b|c'), '1b90cf42-e006-21e5-59a4-5fd698c0cb10'),
	(medallion.row_hash('a', NULL, 'b'), '498a8e61-46a2-80df-a1c5-c3aad0a70283'),
	(medallion.row_hash(U&'caf\00E9'), '9fd3f0ac-f118-c043-b28a-cddff899c13b'),
	(medallion.row_hash('2024-03-01'::date), '02e91b91-7a8b-089d-a0b0-f9a1bc7e9e1c'),
	(medallion.row_hash('2024-03-01 10:11:12.5'::timestamp), '60ae3378-3389-1c90-263d-bf23b7f912e2'),
	(medallion.row_hash('2024-03-01 10:11:12+00'::timestamptz), 'cba9f89a-044e-8c71-7ef9-2e6a07592f9d'),
	(medallion.row_hash('\x00ff'::bytea), 'b957e0be-b127-f71f-58db-5030864a0c56'),
	(medallion.row_hash('00112233-4455-6677-8899-aabbccddeeff'::uuid), '12624615-f8c3-897e-e793-0b1a13da30c2'),
	(medallion.row_hash('{1,NULL,3}'::int[]), '5cf2aefc-bc01-6565-9dcf-e93f1ddec30b'),
	(medallion.row_hash(42, 'Ann', 19.90, '2024-03-01'::date, NULL), 'a0fb1293-4d83-a187-a989-0aa822b08d8b'),
	(medallion.row_hash('-0'::float8), '47cc09b9-4ac5-b213-e52e-5dd36f4ff5d7'),
	(medallion.row_hash('-0'::real, 0.000), 'b894ab0a-6758-d229-c21e-d07b87fd0e01'),
	(medallion.row_hash('NaN'::numeric), 'ae90a6c5-2d1f-fec2-e0f1-dd68b7bd9b31'),
	(medallion.row_hash('NaN'::float8, 'Infinity'::float8, '-Infinity'::numeric), '95118112-1519-b6c9-fde8-c5a03d704fd1'),
	(medallion.row_hash('10:11:12.5'::time), '3b924e9e-6085-a841-3a91-187ab832456c'),
	(medallion.row_hash('10:11:12+02'::timetz), '5d1c29d0-1fba-36f7-0a12-cabda987682b'),
	(medallion.row_hash('1 month 2 days 00:00:03'::interval), 'cbc49c60-34de-f300-fec5-9234bf1fc038'),
	(medallion.row_hash('{{1,2},{3,NULL}}'::int[]), 'b2de4105-88e9-4887-91e3-782581722ee8'),
	(medallion.row_hash('{}'::int[]), '35431fa2-f9f9-4c67-b96a-b78cca7b9828'),
	(medallion.row_hash('[5:6]={a,NULL}'::text[]), 'bfa72572-c9f5-2f45-7aab-32858bec1538'),
	(medallion.row_hash(ROW(1, 'x', NULL)), 'a02c5d1b-b646-d530-35bd-63eb4bc405f3'),
	(medallion.row_hash(ROW(ROW(1.50, true), ARRAY['y'])), '730d191f-7fe9-391d-7fdc-6c8d2cfe857e'),
	(medallion.row_hash('{"bb": 1.0, "a": [null, true, "x", {}], "\u00e9": {"k": -0}}'::jsonb), '87b93328-c657-9a7c-51f3-b8a8cc0ce891'),
	(medallion.row_hash('null'::jsonb, '[]'::jsonb, '"1"'::jsonb, '1'::jsonb), 'bd903c47-ca92-3eee-f0fe-b5be94758ed2')
) AS t (got, expected_text), LATERAL (SELECT expected_text::uuid) AS e (expected);

--
-- Types meet where values are equal
--
CREATE DOMAIN hash_amount AS numeric(10,2);
CREATE DOMAIN hash_amounts AS hash_amount[];
CREATE TYPE hash_mood AS ENUM ('sad', 'glad');
CREATE TYPE hash_pair AS (a int, b text);
SELECT what FROM (VALUES
	('smallint', medallion.row_hash(1::smallint), medallion.row_hash(1)),
	('bigint', medallion.row_hash(1::bigint), medallion.row_hash(1)),
	('bigint least', medallion.row_hash('-9223372036854775808'::bigint), medallion.row_hash(-9223372036854775808::numeric)),
	('bigint zeros', medallion.row_hash(1000000000000000000), medallion.row_hash(1e18::numeric)),
	('ten zeros', medallion.row_hash(70000000000), medallion.row_hash(7e10::float8)),
	('oid', medallion.row_hash(4294967295::oid), medallion.row_hash(4294967295)),
	('numeric scale', medallion.row_hash(1.000), medallion.row_hash(1)),
	('numeric zero', medallion.row_hash(0.000), medallion.row_hash(0)),
	('numeric NaN', medallion.row_hash('NaN'::numeric), medallion.row_hash('NaN'::float8)),
	('numeric infinity', medallion.row_hash('-Infinity'::numeric), medallion.row_hash('-Infinity'::float4)),
	('numeric huge', medallion.row_hash(1e1000::numeric * 10), medallion.row_hash(1e1001::numeric)),
	('float8', medallion.row_hash(123.45::float8), medallion.row_hash(123.4500)),
	('float8 minus zero', medallion.row_hash('-0'::float8), medallion.row_hash(0)),
	('float8 tiny', medallion.row_hash(5e-324::float8), medallion.row_hash(5e-324::numeric)),
	('float8 great', medallion.row_hash(1.7976931348623157e308::float8), medallion.row_hash(1.7976931348623157e308::numeric)),
	('float4', medallion.row_hash(0.1::float4), medallion.row_hash(0.1::float8)),
	('domain', medallion.row_hash(1.5::hash_amount), medallion.row_hash(1.5)),
	('domain of array of domain', medallion.row_hash('{1.5}'::hash_amounts), medallion.row_hash('{1.50}'::numeric[])),
	('varchar', medallion.row_hash('x'::varchar), medallion.row_hash('x'::text)),
	('char(n)', medallion.row_hash('x'::char(5)), medallion.row_hash('x'::text)),
	('name', medallion.row_hash('x'::name), medallion.row_hash('x')),
	('enum', medallion.row_hash('glad'::hash_mood), medallion.row_hash('glad')),
	('json', medallion.row_hash('{"a" :1}'::json), medallion.row_hash('{"a" :1}')),
	('date', medallion.row_hash('2024-03-01'::date), medallion.row_hash('2024-03-01 00:00'::timestamp)),
	('date infinity', medallion.row_hash('infinity'::date), medallion.row_hash('infinity'::timestamp)),
	('date -infinity', medallion.row_hash('-infinity'::date), medallion.row_hash('-infinity'::timestamp)),
	('date before 1970', medallion.row_hash('1601-01-01'::date), medallion.row_hash('1601-01-01'::timestamp)),
	('date far away', medallion.row_hash('294270-01-01'::date), medallion.row_hash('294270-01-01'::timestamp)),
	('timestamptz', medallion.row_hash('2024-03-01 12:00+02'::timestamptz), medallion.row_hash('2024-03-01 10:00+00'::timestamptz)),
	('array', medallion.row_hash('{1,2}'::int[]), medallion.row_hash('{1.0,2.0}'::numeric[])),
	('array bounds', medallion.row_hash('[5:6]={1,2}'::int[]), medallion.row_hash('{1,2}'::int[])),
	('array of minus zero', medallion.row_hash('{-0,NaN}'::float8[]), medallion.row_hash('{0,NaN}'::numeric[])),
	('record of minus zero', medallion.row_hash(ROW('-0'::float4, 1.50)), medallion.row_hash(ROW(0, 1.5::float8))),
	('jsonb minus zero, scale', medallion.row_hash('[-0, -0.00, 1.50, 1e2]'::jsonb), medallion.row_hash('[0, 0.0, 1.5, 100]'::jsonb)),
	('jsonb repeated key', medallion.row_hash('{"a": 1, "a": 2}'::jsonb), medallion.row_hash('{"a": 2}'::jsonb)),
	('collation', medallion.row_hash('x' COLLATE "C", ARRAY['y' COLLATE "C"]), medallion.row_hash('x' COLLATE "POSIX", ARRAY['y'])),
	('record', medallion.row_hash(ROW(1, 'x')), medallion.row_hash(ROW(1.0, 'x')::hash_pair)),
	('jsonb order', medallion.row_hash('{"bb": 1, "a": [1.0, null]}'::jsonb), medallion.row_hash('{"a": [1, null], "bb": 1.00}'::jsonb)),
	('VARIADIC', medallion.row_hash(VARIADIC ARRAY['a', NULL, 'b']), medallion.row_hash('a', NULL, 'b'))
) AS t (what, a, b) WHERE a <> b;

--
-- What differs, differs
--
CREATE TEMP TABLE hashes (what text, hash uuid);
INSERT INTO hashes VALUES
	('NULL', medallion.row_hash(NULL)), ('empty', medallion.row_hash('')), ('NULL NULL', medallion.row_hash(NULL, NULL)),
	('empty, NULL', medallion.row_hash('', NULL)), ('NULL, empty', medallion.row_hash(NULL, '')),
	('a|b', medallion.row_hash('a|b', 'c')), ('b|c', medallion.row_hash('a', 'b|c')), ('abc', medallion.row_hash('abc')),
	('ab c', medallion.row_hash('ab', 'c')), ('a bc', medallion.row_hash('a', 'bc')), ('blank', medallion.row_hash('abc '::text)),
	('1', medallion.row_hash(1)), ('text 1', medallion.row_hash('1')), ('true', medallion.row_hash(true)), ('false', medallion.row_hash(false)),
	('0', medallion.row_hash(0)), ('10', medallion.row_hash(10)), ('0.1', medallion.row_hash(0.1)), ('-1', medallion.row_hash(-1)),
	('float sum', medallion.row_hash(0.1::float8 + 0.2::float8)), ('0.3', medallion.row_hash(0.3)),
	('float4 third', medallion.row_hash((1 / 3.0)::float4)), ('float8 third', medallion.row_hash((1 / 3.0)::float8)),
	('nan', medallion.row_hash('NaN'::numeric)), ('inf', medallion.row_hash('inf'::float8)), ('-inf', medallion.row_hash('-inf'::float8)),
	('timestamp', medallion.row_hash('2024-03-01'::timestamp)), ('timestamptz', medallion.row_hash('2024-03-01 00:00+00'::timestamptz)),
	('infinity', medallion.row_hash('infinity'::date)), ('-infinity', medallion.row_hash('-infinity'::date)), ('last date', medallion.row_hash('5874897-12-31'::date)),
	('day before', medallion.row_hash('5874897-12-30'::date)), ('last timestamp', medallion.row_hash('294276-12-31 23:59:59.999999'::timestamp)),
	('time', medallion.row_hash('10:00'::time)), ('timetz', medallion.row_hash('10:00+00'::timetz)), ('timetz 2', medallion.row_hash('12:00+02'::timetz)),
	('month', medallion.row_hash('1 month'::interval)), ('30 days', medallion.row_hash('30 days'::interval)), ('720 hours', medallion.row_hash('720:00'::interval)),
	('uuid', medallion.row_hash('00112233-4455-6677-8899-aabbccddeeff'::uuid)), ('bytea', medallion.row_hash('\x00112233445566778899aabbccddeeff'::bytea)),
	('empty array', medallion.row_hash('{}'::int[])), ('array', medallion.row_hash('{1,2,3,4}'::int[])), ('array 2x2', medallion.row_hash('{{1,2},{3,4}}'::int[])),
	('array of NULL', medallion.row_hash('{NULL}'::int[])), ('array of text', medallion.row_hash('{1,2,3,4}'::text[])),
	('record', medallion.row_hash(ROW(1, NULL))), ('short record', medallion.row_hash(ROW(1))), ('record in record', medallion.row_hash(ROW(ROW(1, NULL)))),
	('json', medallion.row_hash('{"a": 1}'::json)), ('jsonb', medallion.row_hash('{"a": 1}'::jsonb)), ('jsonb 1', medallion.row_hash('1'::jsonb)), ('jsonb [1]', medallion.row_hash('[1]'::jsonb)),
	('jsonb [[1]]', medallion.row_hash('[[1]]'::jsonb)), ('jsonb text', medallion.row_hash('"1"'::jsonb)), ('jsonb null', medallion.row_hash('null'::jsonb)), ('jsonb [null]', medallion.row_hash('[null]'::jsonb)),
	('jsonb {}', medallion.row_hash('{}'::jsonb)), ('jsonb []', medallion.row_hash('[]'::jsonb)), ('jsonb ""', medallion.row_hash('""'::jsonb)),
	('jsonb nested', medallion.row_hash('{"a": {"b": 1}}'::jsonb)), ('jsonb flat', medallion.row_hash('{"a": {}, "b": 1}'::jsonb)),
	('inet', medallion.row_hash('10.0.0.1'::inet)), ('cidr', medallion.row_hash('10.0.0.1'::cidr)), ('range', medallion.row_hash('[1,5)'::int4range)),
	('text range', medallion.row_hash('tsvector'::tsvector)), ('money', medallion.row_hash(1::money));
SELECT hash, array_agg(what) FROM hashes GROUP BY hash HAVING count(*) > 1;

--
-- Numbers of up to 15 digits, far from one and near, negative too: numeric, which is read by its own digits, beside float8 and
-- beside bigint
--
SELECT count(*) FROM (SELECT (i * 999999937 % power(10::numeric, i % 15 + 1)) * (1 - i % 2 * 2) * power(10::numeric, i % 41 - 20) FROM generate_series(1::numeric, 20000) i) v (n)
 WHERE abs(n) < 1e15 AND medallion.row_hash(n) <> medallion.row_hash(n::float8)
	OR abs(n) < 1e18 AND trunc(n) = n AND medallion.row_hash(n) <> medallion.row_hash(n::bigint);

--
-- The session plays no part
--
CREATE TEMP TABLE samples AS SELECT 'now'::text AS what, 0.1::float8 AS f8, 1.1::float4 AS f4, '2024-03-01 10:00+00'::timestamptz AS tz, '2024-03-01'::date AS d,
	'1 day 02:03'::interval AS i, '\xdeadbeef'::bytea AS x, '{"a": [1, 2.50]}'::jsonb AS j, '<a/>'::text AS xml, ARRAY['2024-03-01 10:00+00'::timestamptz] AS tzs,
	ROW(1, 'x')::hash_pair AS r, 'glad'::hash_mood AS mood, U&'caf\00E9 au lait'::tsvector AS words, tsrange('2024-03-01', '2024-03-02') AS range, 12.5::money AS cash;
CREATE TEMP TABLE session AS
SELECT medallion.row_hash(what, f8, f4, tz, d, i, x, j, xml, tzs, r, mood, words, range, cash) AS a,
	   medallion.pairs_hash(s, '{what,f8,f4,tz,d,i,x,j,xml,tzs,r,mood,words,range,cash}') AS b FROM samples s;
SET TimeZone = 'Pacific/Chatham';
SET DateStyle = 'German, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET quote_all_identifiers = on;
SET client_encoding = 'LATIN1';
SELECT a = medallion.row_hash(what, f8, f4, tz, d, i, x, j, xml, tzs, r, mood, words, range, cash) AS row_hash,
	   b = medallion.pairs_hash(s, '{what,f8,f4,tz,d,i,x,j,xml,tzs,r,mood,words,range,cash}') AS pairs_hash FROM samples s, session;
SHOW client_encoding;
RESET ALL;
DROP TABLE samples, session, hashes;

--
-- Values of all sizes: inline, compressed, out of line
--
CREATE TEMP TABLE sizes AS SELECT n, repeat('x', n) AS t FROM unnest(ARRAY[0, 1, 126, 127, 128, 4000, 70000, 3000000, 5]) n;
SELECT count(*) FROM sizes WHERE medallion.row_hash(t, n) <> medallion.row_hash(repeat('x', n), n);
DROP TABLE sizes;

--
-- Records of different types at one call site: three values, for 1 is 1.0
--
SELECT count(DISTINCT medallion.row_hash(r)) FROM (VALUES (1, ROW(1, 'x')), (2, ROW('x', 1)), (3, ROW(1, 'x', NULL)), (4, ROW(1.0, 'x'))) AS v (i, r);

--
-- pairs_hash
--
CREATE TEMP TABLE pairs AS SELECT 1 AS a, 'x' AS b, NULL::date AS c, NULL::int AS d;
SELECT medallion.pairs_hash(p, '{a,b}') = medallion.row_hash('a', 1, 'b', 'x') AS "as row_hash",
	   medallion.pairs_hash(p, '{b,a}') = medallion.pairs_hash(p, '{a,b}') AS "by name",
	   medallion.pairs_hash(p, '{a,b,c,d}') = medallion.pairs_hash(p, '{a,b}') AS "NULL left out",
	   medallion.pairs_hash(p, '{c}') = medallion.pairs_hash(p, '{}') AS "nothing",
	   medallion.pairs_hash(p, '{a}') = medallion.pairs_hash(p, '{b}') AS "other field" FROM pairs p;
SELECT medallion.pairs_hash(p, '{}'), medallion.pairs_hash(NULL::pairs, '{a}') IS NULL AS "NULL" FROM pairs p;
-- names that change from row to row
SELECT medallion.pairs_hash(p, names::text[]) = medallion.row_hash(VARIADIC hashed) AS same
  FROM pairs p, (VALUES ('{b,c}', ARRAY['b', 'x']), ('{}', ARRAY[]::text[]), ('{b}', ARRAY['b', 'x'])) AS v (names, hashed);
SELECT medallion.pairs_hash(p, '{a,nothing}') FROM pairs p;	-- error
SELECT medallion.pairs_hash(p, '{a,NULL}') FROM pairs p;	-- error
-- a column dropped and one added
ALTER TABLE pairs DROP COLUMN b;
ALTER TABLE pairs ADD COLUMN b text DEFAULT 'x';
SELECT medallion.pairs_hash(p, '{a,b}') = medallion.row_hash('a', 1, 'b', 'x') AS same FROM pairs p;
DROP TABLE pairs;
DROP DOMAIN hash_amounts;
DROP DOMAIN hash_amount;
DROP TYPE hash_mood;
DROP TYPE hash_pair;

--
-- What each function promises
--
SELECT oid::regprocedure AS function, provolatile, proisstrict, proparallel FROM pg_proc
 WHERE pronamespace = 'medallion'::regnamespace AND proname IN ('row_hash', 'pairs_hash')
 ORDER BY oid::regprocedure::text COLLATE "C";
