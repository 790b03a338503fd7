/* Two extracts of one dimension, of ten columns: 1 % of the rows changed, 1 % new, 0.1 % gone. */

DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;

CREATE TABLE bench.before (id bigint, name text, email text, city text, segment text, balance numeric(12,2), orders int, born date,
	registered timestamptz, active boolean);
CREATE TABLE bench.extract (LIKE bench.before);

CREATE FUNCTION bench.customers(first bigint, last bigint)
RETURNS SETOF bench.before LANGUAGE sql AS $$
	SELECT i, 'customer number ' || i, md5(i::text) || '@example.org', 'city ' || i * 7919 % 5003, (ARRAY['retail', 'wholesale', 'public', 'export', 'staff'])[1 + i % 5],
		   ((i * 31 % 10000000)::numeric / 100)::numeric(12,2), (i * 17 % 400)::int, date '1940-01-01' + (i * 13 % 25000)::int,
		   timestamptz '2015-01-01 UTC' + i * 104729 % 300000000 * interval '1 s', i % 7 <> 0
	  FROM generate_series(first, last) i
$$;

INSERT INTO bench.before SELECT * FROM bench.customers(1, :rows);
INSERT INTO bench.extract SELECT * FROM bench.customers(1, :rows + :rows / 100) WHERE id % 1000 <> 13 OR id > :rows;
UPDATE bench.extract SET balance = balance + 1 WHERE id % 100 = 7 AND id <= :rows;
VACUUM FULL ANALYZE bench.before, bench.extract;

/* Fourteen columns: numbers of few and of many values too. */
CREATE TABLE bench.wide AS
	SELECT id, name, email, city, segment, balance, orders, born, registered, (id % 50)::int AS store, (id % 1000)::bigint AS product,
		   (id % 997)::float8 / 7 AS weight, CASE WHEN id % 10 <> 0 THEN 'note ' || id % 30 END AS note, (id % 3)::int AS status
	  FROM bench.before;
VACUUM ANALYZE bench.wide;
