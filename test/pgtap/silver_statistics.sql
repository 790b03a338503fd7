/*
 * When a merge renews silver's statistics: not where little changed since they
 * were made, but where little has come together, and in partitioned tables.
 * The first merge makes them of flags too.
 */
\set name silver_statistics
\ir setup.psql

SELECT plan(6);

CREATE FUNCTION pg_temp.known(t regclass) RETURNS bigint LANGUAGE sql AS 'SELECT reltuples::bigint FROM pg_class WHERE oid = t';
/* a file of so many rows, loaded, and the counts of changes told */
CREATE FUNCTION pg_temp.receive(first int, last int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.put(format('receipts/%s.csv', first),
		(SELECT E'Id,Day,Amount\n' || string_agg(n || ',2024-01-' || lpad((n % 28 + 1)::text, 2, '0') || ',' || CASE WHEN n % 10 = 0 THEN 'none' ELSE n::text END || E'\n', '') FROM generate_series(first, last) n));
	PERFORM pg_temp.run();
	PERFORM pg_stat_force_next_flush();
END
$$;

\o /dev/null
SELECT medallion.create_feature('plain', '{receipts/*.csv}', '{id}', '{"columns": {"amount": {"type": "bigint"}}}');
SELECT medallion.create_feature('parted', '{receipts/*.csv}', '{id}', '{"partition_by": "day"}');
SELECT pg_temp.receive(1, 10000);
ALTER TABLE silver.plain SET (autovacuum_enabled = off);
\o
SELECT is(pg_temp.known('silver.plain'), 10000::bigint, 'the first merge makes statistics');
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute a WHERE attrelid IN ('silver.plain'::regclass, 'silver.parted'::regclass)
	AND attnum > 0 AND NOT EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = a.attrelid AND s.staattnum = a.attnum AND s.stainherit = (a.attrelid = 'silver.parted'::regclass))$$,
	'of every column');
SELECT ok((SELECT most_common_vals::text = '{f,t}' AND most_common_freqs[2] BETWEEN 0.07 AND 0.13 FROM pg_stats WHERE tablename = 'plain' AND attname = 'dq_cast_flag_amount'),
	'of a flag how many rows have it');
\o /dev/null
/* the server counts the first rows after their ANALYZE, so the second merge makes them again */
SELECT pg_temp.receive(10001, 10060);
SELECT pg_temp.receive(10061, 10120);
\o
SELECT is(pg_temp.known('silver.plain'), 10060::bigint, 'a merge of little leaves them');
SELECT is(pg_temp.known('silver.parted'), 10120::bigint, 'of a partitioned table it does not');
\o /dev/null
SELECT pg_temp.receive(10121, 11100);
\o
SELECT is(pg_temp.known('silver.plain'), 11100::bigint, 'what came together since is much');

SELECT * FROM finish();
