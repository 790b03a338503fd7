/*
 * examples/olist: nine tables of a second database, by watermark, in three
 * rounds with changes in between; with the seed's bugs absent.
 */
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
\ir contrib.psql
\if :no_contrib
\quit
\endif
\set main :DBNAME
SELECT :'main' || '_olist' AS source_database, current_setting('port') AS source_port, split_part(current_setting('unix_socket_directories'), ',', 1) AS source_host,
	current_user AS source_user, :'scratch' || '/olist' AS folder \gset
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', :'source_database') \gexec
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING ''UTF8''', :'source_database') \gexec
\o /dev/null
SELECT format('COPY (SELECT) TO PROGRAM %L', format('cat >/dev/null; rm -rf %1$s && mkdir -p %1$s && cp -R %2$s/examples/olist/data/. %1$s/', :'folder', :'project')) AS copy \gset
:copy;
\connect :source_database
SET client_min_messages = error;
\ir ../../examples/olist/source.sql
SELECT olist.round(1);
\connect :main
\o
\set name example_olist
\ir setup.psql
CREATE EXTENSION dblink SCHEMA public;
SELECT set_config('test.source', format('host=%s port=%s dbname=%s user=%s', :'source_host', :'source_port', :'source_database', :'source_user'), false) AS source \gset
SET timezone = 'Asia/Kolkata';		-- no session setting may reach results
SELECT plan(34);

\o /dev/null
\ir ../../examples/olist/config.sql
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'the first round');
SELECT is((SELECT count(*) FROM run WHERE layer = 'bronze' AND rows_out > 0), 9::bigint, 'nine tables are read');
\o /dev/null
\ir ../../examples/olist/models.sql
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'its gold');
CREATE TEMP TABLE first_round AS SELECT (SELECT count(*) FROM gold.fact_sales) AS items, (SELECT count(*) FROM silver.orders_current WHERE order_status = 'shipped') AS shipped;

\o /dev/null
SELECT public.dblink_connect('source', :'source');
SELECT * FROM public.dblink('source', 'SELECT olist.round(2)::text') AS r (x text);
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'the second round');
SELECT is((SELECT count(*) FROM run WHERE layer = 'bronze' AND rows_out > 0), 7::bigint, 'seven tables changed, two are left alone');
SELECT cmp_ok((SELECT sum(rows_out) FROM run WHERE layer = 'bronze' AND object = 'sellers'), '=', 1::numeric, 'one seller came anew, not all twelve');
SELECT is((SELECT array_agg((seller_city, _scd2_version, _scd2_valid_from, _scd2_is_current)::text ORDER BY _scd2_version) FROM silver.sellers WHERE seller_id IN (SELECT seller_id FROM silver.sellers WHERE seller_city = 'moving')),
	'{"(moving,1,\"2018-01-01 00:00:00\",f)","(\"rio de janeiro\",2,\"2018-11-01 00:00:00\",t)"}', 'what it said before is history, in the source''s own time');
\o /dev/null
SELECT * FROM public.dblink('source', 'SELECT olist.round(3)::text') AS r (x text);
SELECT pg_temp.run();
\o
SELECT is((SELECT array_agg(object || ' ' || rows_out) FROM run WHERE layer = 'bronze' AND rows_out > 0), '{"order_reviews 2"}', 'the third round: two reviews are mended');
SELECT cmp_ok((SELECT count(*) FROM gold.fact_sales), '>', (SELECT items FROM first_round), 'facts are those of all rounds, not of the last increment');

SELECT string_agg(regexp_replace(line, '\s*--.*$', ''), E'\n') AS totals FROM regexp_split_to_table(pg_read_file(:'project' || '/examples/olist/totals.sql'), E'\n') AS line \gset
CREATE TEMP TABLE expected (name text, value numeric);
SELECT format('COPY expected FROM %L', :'project' || '/examples/olist/expected_totals.tsv') AS load \gset
:load;
CREATE TEMP VIEW totals AS :totals;
SELECT is((SELECT string_agg(format('%s: %s, not %s', name, t.value, e.value), '; ' ORDER BY name COLLATE "C") FROM totals t FULL JOIN expected e USING (name) WHERE t.value IS DISTINCT FROM e.value), NULL,
	'every total is that of the independent computation');
\o /dev/null
SELECT pg_temp.run();
\o
SELECT is((SELECT sum(rows_out) FROM run), 0::numeric, 'another run writes nothing');

SELECT is((SELECT count(*) FROM gold.fact_sales WHERE 0 IN (customer_key, product_key, seller_key, purchase_date_key)), 0::bigint, 'point-in-time joins of past orders match');
SELECT is((SELECT array_agg((n, people)::text ORDER BY n) FROM (SELECT n, count(*) AS people FROM (SELECT count(*) AS n FROM gold.dim_customer WHERE customer_key <> 0 GROUP BY customer_unique_id) AS v GROUP BY n) AS k),
	'{"(1,140)","(2,20)"}', 'customers who move have two versions');
SELECT is((SELECT count(*) FROM gold.fact_sales f JOIN gold.dim_customer d USING (customer_key) JOIN silver.orders_current o USING (order_id) JOIN silver.customers_current c ON c.customer_id = o.customer_id
	WHERE c.customer_city <> d.customer_city), 0::bigint, 'each item has the address its customer had then');
SELECT is((SELECT count(*) || ' ' || sum(price) FROM gold.fact_sales), (SELECT count(*) || ' ' || sum(price) FROM silver.order_items_current JOIN silver.orders_accepted_current USING (order_id)), 'reviews do not multiply items');
SELECT is((SELECT sum(total_orders) FROM gold.feature_product_performance), (SELECT count(DISTINCT (product_key, order_id)) FROM gold.fact_sales)::numeric, 'orders are not items');
SELECT is((SELECT array_agg(order_id ORDER BY order_id) FROM silver.orders_refused_current), (SELECT array_agg('0' || lpad(to_hex(n), 31, '0')) FROM unnest('{14,21}'::int[]) AS n), 'two orders that cannot be are set apart');
SELECT is((SELECT count(*) FROM gold.fact_orders WHERE order_id IN (SELECT order_id FROM silver.orders_refused_current)), 0::bigint, 'and are in no fact');
SELECT is((SELECT array_agg((holiday_name, date)::text ORDER BY date) FROM gold.dim_date WHERE is_holiday AND date BETWEEN '2018-02-01' AND '2018-05-31'),
	'{"(Carnaval,2018-02-12)","(Carnaval,2018-02-13)","(\"Paixão de Cristo\",2018-03-30)","(Tiradentes,2018-04-21)","(\"Dia do Trabalho\",2018-05-01)","(\"Corpus Christi\",2018-05-31)"}', 'Brazilian holidays');
SELECT is((SELECT array_agg(DISTINCT seller_city ORDER BY seller_city) FROM silver.sellers_current) || (SELECT array_agg(DISTINCT seller_state ORDER BY seller_state) FROM silver.sellers_current), '{"belo horizonte","rio de janeiro",salvador,"sao paulo",BA,MG,RJ,SP}', 'cities are cleaned, states upper');
SELECT is((SELECT (bronze, gold, refused, status)::text FROM audit.drift_gold_against_bronze), (SELECT (count(*), count(*) - 4, 4, 'PASSED')::text FROM silver.order_items_current), 'drift of gold against bronze');
SELECT cmp_ok((SELECT count(*) FROM audit.run_logs WHERE status = 'COMPLETED' AND dq_metrics IS NOT NULL), '>', 0::bigint, 'the audit has runs with the metrics of their checks');
SELECT cmp_ok((SELECT count(*) FROM audit.drift_between_runs WHERE status = 'WARNING'), '>', 0::bigint, 'drift between runs: the second brought more than a fifth');
SELECT is((SELECT sum(violations) FROM medallion.foreign_key_violations('gold.fact_sales')), 0::numeric, 'no key leads nowhere');
\set example olist
\ir dashboards.psql

-- An error in gold: told by the run, the log and an alert; yesterday's rows stay, nothing that others made is lost, and it ends by itself.
\o /dev/null
SELECT medallion.create_model('freight_share', 'SELECT order_id, order_item_id, round(freight / price, 4) AS share FROM gold.fact_sales', '{"refresh": "full"}');
SELECT medallion.create_model('freight_by_order', 'SELECT order_id, max(share) AS share FROM gold.freight_share GROUP BY order_id');
SELECT pg_temp.run();
CREATE TEMP TABLE shares AS SELECT * FROM gold.freight_share;
CREATE TEMP TABLE free_item AS SELECT order_id, order_item_id, price FROM gold.fact_sales ORDER BY 1, 2 LIMIT 1;
SELECT public.dblink_exec('source', format('UPDATE olist.order_items SET price = 0, updated_at = ''2019-03-01'' WHERE order_id = %L AND order_item_id = %s', order_id, order_item_id)) FROM free_item;
SELECT pg_temp.run();
\o
SELECT matches((SELECT status || ' ' || (detail->>'error') FROM run WHERE object = 'freight_share'), '^FAILED .*division by zero', 'an error in gold is not swallowed');
SELECT is((SELECT status FROM medallion.runs ORDER BY run_id DESC LIMIT 1), 'PARTIAL', 'the run is not called complete');
SELECT matches((SELECT error_message FROM etl_logs.pipeline_runs WHERE layer = 'gold' AND feature_name = 'freight_share' ORDER BY run_id DESC LIMIT 1), 'division by zero', 'the log has the error');
-- a worker writes it, for the run may be rolled back
DO $$ BEGIN FOR i IN 1..1000 LOOP EXIT WHEN EXISTS (SELECT FROM medallion.alerts WHERE kind = 'failure'); PERFORM pg_sleep(0.02); END LOOP; END $$;
SELECT is((SELECT array_agg(DISTINCT severity || ' ' || object) FROM medallion.alerts WHERE kind = 'failure'), '{"error freight_share"}', 'an alert names the model');
SELECT bag_eq('SELECT order_id, order_item_id, share FROM gold.freight_share', 'SELECT order_id, order_item_id, share FROM shares', 'its last good rows stay');
SELECT is((SELECT f.price FROM gold.fact_sales f JOIN free_item USING (order_id, order_item_id)), 0.00, 'other models of the run are up to date');
\set ON_ERROR_STOP off
CALL medallion.run_pipeline_proc();
\set proc_message :LAST_ERROR_MESSAGE
\set ON_ERROR_STOP on
SELECT is(:'proc_message'::text, 'some steps of the pipeline failed', 'a scheduler sees it, again until it is mended');
\o /dev/null
SELECT public.dblink_exec('source', format('UPDATE olist.order_items SET price = %s, updated_at = ''2019-03-02'' WHERE order_id = %L AND order_item_id = %s', price, order_id, order_item_id)) FROM free_item;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'mended in the source, gold mends itself');
SELECT is((SELECT string_agg(name, '; ') FROM totals t FULL JOIN expected e USING (name) WHERE t.value IS DISTINCT FROM e.value), NULL, 'and every total is right again');
\o /dev/null
SELECT public.dblink_disconnect('source');
\o
SELECT * FROM finish();
SELECT format('DROP DATABASE %I WITH (FORCE)', :'source_database') \gexec
