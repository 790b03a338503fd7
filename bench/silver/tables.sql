/* Two extracts of one dimension, of ten columns: 1 % of the rows changed, 1 % new, 0.1 % gone. */

DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;

CREATE FUNCTION bench.dimension(first bigint, last bigint, OUT id bigint, OUT name text, OUT email text, OUT city text, OUT segment text,
	OUT balance numeric(12,2), OUT orders int, OUT born date, OUT registered timestamptz, OUT active boolean)
RETURNS SETOF record LANGUAGE sql AS $$
	SELECT i, 'customer number ' || i, md5(i::text) || '@example.org', 'city ' || i * 7919 % 5003, (ARRAY['retail', 'wholesale', 'public', 'export', 'staff'])[1 + i % 5],
		   (i * 31 % 10000000)::numeric / 100, (i * 17 % 400)::int, date '1940-01-01' + (i * 13 % 25000)::int,
		   timestamptz '2015-01-01 UTC' + i * 104729 % 300000000 * interval '1 s', i % 7 <> 0
	  FROM generate_series(first, last) i
$$;

CREATE TABLE bench.before AS SELECT * FROM bench.dimension(1, :rows);
CREATE TABLE bench.extract AS
	SELECT id, name, email, city, segment, CASE WHEN id % 100 = 7 THEN balance + 1 ELSE balance END::numeric(12,2) AS balance, orders, born, registered, active
	  FROM bench.dimension(1, :rows + :rows / 100) WHERE id % 1000 <> 13 OR id > :rows;
VACUUM ANALYZE bench.before, bench.extract;
