--
-- row_hash() and pairs_hash(): the same in every session, injective
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS medallion;
RESET client_min_messages;

-- vectors of docs/row_hash.md
SELECT medallion.row_hash(1, 'a'::text, NULL::int);
SELECT medallion.row_hash('a|b'::text, 'c'::text), medallion.row_hash('a'::text, 'b|c'::text);
SELECT medallion.row_hash(date '2024-02-29', true, -12.50);

-- numbers hash by value
SELECT medallion.row_hash(1::smallint) = medallion.row_hash(1.000::numeric) AS int_numeric,
	   medallion.row_hash(100) = medallion.row_hash(1e2::float8) AS int_float,
	   medallion.row_hash(0.1::float8) = medallion.row_hash(0.10::numeric) AS float_numeric,
	   medallion.row_hash(0.1::float4) = medallion.row_hash(0.1::numeric) AS float4_numeric,
	   medallion.row_hash('-0'::float8) = medallion.row_hash(0) AS minus_zero,
	   medallion.row_hash('NaN'::float8) = medallion.row_hash('NaN'::numeric) AS nan,
	   medallion.row_hash(9223372036854775807) = medallion.row_hash(9223372036854775807::numeric) AS big,
	   medallion.row_hash(-9223372036854775808) = medallion.row_hash(-9223372036854775808::numeric) AS small;

-- what differs, differs
SELECT count(DISTINCT h) = count(*) AS all_differ FROM (VALUES
	(medallion.row_hash(NULL::text)), (medallion.row_hash(''::text)), (medallion.row_hash(NULL::text, NULL::text)),
	(medallion.row_hash('a'::text, NULL::text)), (medallion.row_hash(NULL::text, 'a'::text)),
	(medallion.row_hash('1'::text)), (medallion.row_hash(1)), (medallion.row_hash(-1)), (medallion.row_hash(0.1)),
	(medallion.row_hash(true)), (medallion.row_hash('t'::text)),
	(medallion.row_hash(ARRAY['a', 'b'])), (medallion.row_hash(ARRAY['a'], 'b'::text)), (medallion.row_hash(ARRAY['a,b'])),
	(medallion.row_hash(ARRAY[NULL]::text[])), (medallion.row_hash('{}'::text[])),
	(medallion.row_hash('[1, 2]'::jsonb)), (medallion.row_hash('{"1": 2}'::jsonb)), (medallion.row_hash('null'::jsonb)),
	(medallion.row_hash(ROW(1, 2))), (medallion.row_hash(timestamp '2024-01-01')),
	(medallion.row_hash(timestamptz '2024-01-01 00:00+00')), (medallion.row_hash(time '00:00'))) v (h);

-- what is the same, is the same
SELECT medallion.row_hash('{"a": 1, "b": 2}'::jsonb) = medallion.row_hash('{"b": 2.0, "a": 1}'::jsonb) AS jsonb_keys,
	   medallion.row_hash('a  '::char(3)) = medallion.row_hash('a'::text) AS bpchar,
	   medallion.row_hash(date '2024-01-01') = medallion.row_hash(timestamp '2024-01-01') AS date_midnight,
	   medallion.row_hash('infinity'::date) = medallion.row_hash('infinity'::timestamp) AS infinity,
	   medallion.row_hash('x'::name) = medallion.row_hash('x'::varchar) AS name;

-- no setting of the session matters
CREATE TEMP TABLE settings AS SELECT 1 AS n, medallion.row_hash(timestamptz '2024-03-31 01:30+00', date '2024-03-31',
	1.1::float8, '1 day 02:00'::interval, '\xdead'::bytea, 0.3::float4) AS hash;
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
INSERT INTO settings SELECT 2, medallion.row_hash(timestamptz '2024-03-31 07:00+05:30', date '31/03/2024',
	1.1::float8, '1 day 02:00'::interval, '\xdead'::bytea, 0.3::float4);
RESET ALL;
SELECT count(DISTINCT hash) FROM settings;

-- pairs_hash(): a field that is NULL is as if it were not there, order does not matter
SELECT medallion.pairs_hash(x, '{a,b}') = medallion.pairs_hash(y, '{c,b,a}') AS same
  FROM (SELECT 1 AS a, 'z'::text AS b) x, (SELECT NULL::int AS c, 'z'::text AS b, 1.0 AS a) y;
SELECT medallion.pairs_hash(x, '{a,b}') = medallion.pairs_hash(y, '{a,b}') AS names_count
  FROM (SELECT 1 AS a, NULL::int AS b) x, (SELECT NULL::int AS a, 1 AS b) y;
SELECT medallion.pairs_hash(x, '{nosuch}') FROM (SELECT 1 AS a) x;	-- error

DROP TABLE settings;
