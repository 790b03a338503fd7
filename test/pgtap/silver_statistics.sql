/*
 * When a merge renews silver's statistics: not where little changed since they
 * were made, but where little has come together, and in partitioned tables.
 */
\set name silver_statistics
\ir setup.psql

SELECT plan(5);

CREATE FUNCTION pg_temp.known(t regclass) RETURNS bigint LANGUAGE sql AS 'SELECT reltuples::bigint FROM pg_class WHERE oid = t';
CREATE FUNCTION pg_temp.receipts(first int, last int) RETURNS text LANGUAGE sql AS
	$$SELECT E'Id,Day,Amount\n' || string_agg(n || ',2024-01-' || lpad((n % 28 + 1)::text, 2, '0') || ',' || n, E'\n') || E'\n' FROM generate_series(first, last) n$$;

\o /dev/null
SELECT medallion.create_feature('plain', '{receipts/*.csv}', '{id}');
SELECT medallion.create_feature('parted', '{receipts/*.csv}', '{id}', '{"partition_by": "day"}');
SELECT pg_temp.put('receipts/a.csv', pg_temp.receipts(1, 10000));
SELECT pg_temp.run();
ALTER TABLE silver.plain SET (autovacuum_enabled = off);
\o
SELECT is(pg_temp.known('silver.plain'), 10000::bigint, 'the first merge makes statistics');
\o /dev/null
SELECT pg_temp.put('receipts/b.csv', pg_temp.receipts(10001, 10120));
SELECT pg_temp.run();
\o
SELECT is(pg_temp.known('silver.plain'), 10000::bigint, 'a merge of little leaves them');
SELECT is(pg_temp.known('silver.parted'), 10120::bigint, 'of a partitioned table it does not');
SELECT pg_stat_force_next_flush() IS NOT NULL AS flushed \gset
\o /dev/null
SELECT pg_temp.put('receipts/c.csv', pg_temp.receipts(10121, 10240));
SELECT pg_temp.run();
\o
SELECT is(pg_temp.known('silver.plain'), 10240::bigint, 'what came together since is much');
\o /dev/null
SELECT pg_temp.put('receipts/d.csv', pg_temp.receipts(10241, 11240));
SELECT pg_temp.run();
\o
SELECT is(pg_temp.known('silver.plain'), 11240::bigint, 'a merge of much renews them');

SELECT * FROM finish();
