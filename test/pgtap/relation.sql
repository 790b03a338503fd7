/*
 * Relations as sources: incremental by a watermark, exactly once, from a table
 * of another database through postgres_fdw, and from a view.
 */
\set name relation
\ir setup.psql
\ir contrib.psql
\if :no_contrib
\quit
\endif

SELECT plan(23);

-- the other database, on this server
\o /dev/null
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION dblink;
DROP DATABASE IF EXISTS medallion_source WITH (FORCE);
CREATE DATABASE medallion_source;
SELECT split_part(current_setting('unix_socket_directories'), ',', 1) AS socket, current_setting('port') AS port \gset
CREATE SERVER source FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host :'socket', port :'port', dbname 'medallion_source');
CREATE USER MAPPING FOR CURRENT_USER SERVER source;
SELECT dblink_connect('there', format('host=%s port=%s dbname=medallion_source', :'socket', :'port'));
CREATE FUNCTION pg_temp.there(statement text) RETURNS void LANGUAGE sql AS $$SELECT dblink_exec('there', statement)$$;
SELECT pg_temp.there($$CREATE TABLE orders (order_no int PRIMARY KEY, customer text, amount numeric(12,2), paid boolean, on_day date, "Updated At" timestamptz NOT NULL)$$);
SELECT pg_temp.there($$INSERT INTO orders SELECT g, 'c' || g % 3, g * 1.5, g % 2 = 0, date '2024-01-01' + g, timestamptz '2024-01-01 00:00:00+00' + g * interval '1 minute' FROM generate_series(1, 1000) g$$);
CREATE SCHEMA staging;
IMPORT FOREIGN SCHEMA public LIMIT TO (orders) FROM SERVER source INTO staging;
SELECT medallion.create_feature('orders', '{}', '{order_no}', '{"relation": "staging.orders", "watermark": "Updated At", "tie_breaker": "order_no", "overlap": "10 minutes"}');
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'the first pull takes everything');
SELECT is((SELECT (count(*), sum(amount), count(*) FILTER (WHERE paid))::text FROM silver.orders_current), '(1000,750750.00,500)', '... typed as the relation declares it');
SELECT is(pg_temp.types('silver.orders'), 'order_no bigint, customer text, amount numeric, paid boolean, on_day date, updated_at timestamp without time zone', '... whatever the texts look like');
SELECT is((SELECT updated_at::text FROM silver.orders WHERE order_no = 1), '01.01.2024 00:01:00', 'times are in UTC, not in the session''s zone');
SELECT is((SELECT (path, status, rows, watermark)::text FROM medallion.file_versions), '("staging.orders #1",LOADED,1000,"2024-01-01 16:40:00+00")', 'the ledger has the batch and its watermark');

\o /dev/null
SELECT pg_temp.run();
\o
SELECT is((SELECT string_agg(DISTINCT status, ' ') FROM run), 'UNCHANGED', 'nothing new: nothing loaded');
SELECT is((SELECT count(*)::int FROM medallion.file_versions), 1, '... and no empty batch remembered');

-- new, changed, late and too late
\o /dev/null
SELECT pg_temp.there($$INSERT INTO orders VALUES (1001, 'new', 1, true, '2024-05-01', '2024-01-02 00:00:00+00')$$);
SELECT pg_temp.there($$UPDATE orders SET amount = 0, "Updated At" = '2024-01-02 00:00:01+00' WHERE order_no = 7$$);
SELECT pg_temp.there($$INSERT INTO orders VALUES (1002, 'late', 1, true, '2024-05-01', '2024-01-01 16:35:00+00')$$);
SELECT pg_temp.there($$INSERT INTO orders VALUES (1003, 'too late', 1, true, '2024-05-01', '2024-01-01 12:00:00+00')$$);
SELECT pg_temp.run();
\o
SELECT results_eq('SELECT order_no::int FROM bronze.orders WHERE _file_id = (SELECT max(file_id) FROM medallion.file_versions) ORDER BY _row', 'VALUES (1002), (1001), (7)', 'new rows, changed rows, and late ones within the overlap, in the order of the watermark');
SELECT is((SELECT (count(*), count(*) FILTER (WHERE _scd2_is_current))::text FROM silver.orders WHERE order_no = 7), '(2,1)', 'a changed row has a further version');
SELECT is((SELECT count(*)::int FROM silver.orders_current), 1002, '... the others one');

-- rows of one watermark, some of them committed later
\o /dev/null
SELECT pg_temp.there($$INSERT INTO orders VALUES (2001, 'twin', 1, true, '2024-05-01', '2024-02-01 00:00:00+00')$$);
SELECT pg_temp.run();
SELECT pg_temp.there($$INSERT INTO orders VALUES (2002, 'twin', 1, true, '2024-05-01', '2024-02-01 00:00:00+00')$$);
SELECT pg_temp.run();
SELECT pg_temp.run();
\o
SELECT is((SELECT count(*)::int FROM bronze.orders WHERE customer = 'twin'), 2, 'rows that share a watermark come once each, whenever they come');

-- a failure leaves the watermark where the rows are
\o /dev/null
SELECT pg_temp.there($$INSERT INTO orders VALUES (3001, 'x', 1, true, '2024-05-01', '2024-03-01 00:00:00+00')$$);
BEGIN;
SELECT pg_temp.run();
ROLLBACK;
SELECT pg_temp.run();
\o
SELECT is((SELECT count(*)::int FROM bronze.orders WHERE order_no = '3001'), 1, 'a run that is rolled back is made good by the next');
\o /dev/null
SELECT medallion.rebuild('orders');
CREATE TEMP TABLE before AS SELECT order_no, amount, _scd2_valid_from, _scd2_valid_to, _scd2_version FROM silver.orders;
SELECT pg_temp.run();
\o
SELECT set_eq('SELECT order_no, amount, _scd2_valid_from, _scd2_valid_to, _scd2_version FROM silver.orders', 'TABLE before', 'a rebuild gives the same silver');

-- the relation gains a column
\o /dev/null
SELECT pg_temp.there($$ALTER TABLE orders ADD note text$$);
SELECT pg_temp.there($$INSERT INTO orders VALUES (4001, 'x', 1, true, '2024-05-01', '2024-04-01 00:00:00+00', 'noted')$$);
ALTER FOREIGN TABLE staging.orders ADD note text;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors() || ' ' || pg_temp.changes('orders', 'bronze'), 'none ADD_COLUMN note text', 'a new column is added');
SELECT is((SELECT note FROM silver.orders WHERE order_no = 4001), 'noted', '... with its values');

-- the other database is away
\o /dev/null
ALTER SERVER source OPTIONS (SET dbname 'medallion_nowhere');
SELECT pg_temp.run();
\o
SELECT matches(pg_temp.errors(), 'bronze: could not connect to server', 'a source that cannot be reached fails the feature');
\o /dev/null
ALTER SERVER source OPTIONS (SET dbname 'medallion_source');
SELECT pg_temp.there($$INSERT INTO orders VALUES (5001, 'x', 1, true, '2024-05-01', '2024-05-01 00:00:00+00', NULL)$$);
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors() || (SELECT count(*) FROM silver.orders WHERE order_no = 5001), 'none1', '... until it is back');

-- a view, a number for a watermark, beside files
\o /dev/null
CREATE TABLE events (id int, what text);
CREATE VIEW events_view AS SELECT id, what FROM events;
INSERT INTO events VALUES (1, 'a'), (2, 'b');
SELECT pg_temp.put('both/a.csv', E'Id,What\n100,from a file\n');
SELECT medallion.create_feature('both', '{both/*.csv}', NULL, '{"relation": "public.events_view", "watermark": "id", "overlap": "1"}');
SELECT pg_temp.run('both');
INSERT INTO events VALUES (3, 'c'), (2, 'late');
SELECT pg_temp.run('both');
\o
SELECT results_eq('SELECT id::int, what FROM silver.both ORDER BY 1, 2', $$VALUES (1, 'a'), (2, 'b'), (2, 'late'), (3, 'c'), (100, 'from a file')$$, 'a view beside files, by a number');
SELECT is((SELECT count(*)::int FROM medallion.file_versions WHERE missing_since IS NOT NULL), 0, 'a batch is no file that could be missing');

-- errors
\o /dev/null
INSERT INTO events VALUES (NULL, 'when?');
SELECT pg_temp.run('both');
\o
SELECT matches(pg_temp.errors(), 'watermark "id" is NULL in 1 rows of public.events_view', 'rows without a watermark are not passed over');
SELECT throws_ok($$SELECT medallion.create_feature('x', '{}', NULL, '{"relation": "public.events"}')$$, '22023', 'a relation needs option "watermark"', 'a relation needs a watermark');
\o /dev/null
SELECT medallion.create_feature('nowhere', '{}', NULL, '{"relation": "public.nowhere", "watermark": "id"}');
SELECT medallion.create_feature('wrong', '{}', NULL, '{"relation": "public.events", "watermark": "idd"}');
SELECT pg_temp.run('nowhere', 'wrong');
\o
SELECT ok(pg_temp.errors() ~ 'relation "public.nowhere" does not exist', 'a relation that is not there');
SELECT ok(pg_temp.errors() ~ 'unrecognized watermark column "idd" .Perhaps you meant "id"', 'a watermark that is no column');

\o /dev/null
SELECT dblink_disconnect('there');
DROP SERVER source CASCADE;
SELECT pg_temp.shell(format('rm -rf %s', :'tree'));
SELECT medallion.drop_feature(name, true) FROM medallion.features;
DROP DATABASE medallion_source WITH (FORCE);
\o
SELECT * FROM finish();
