/* examples/store_sales: receipts to a star, with the seed's bugs absent. */
\set example store_sales
\set plan 19
\ir example.psql
SELECT string_agg(regexp_replace(line, '\s*--.*$', ''), E'\n') AS post_load FROM regexp_split_to_table(pg_read_file(:'project' || '/examples/store_sales/post_load.sql'), E'\n') AS line \gset
CREATE TEMP VIEW post_load AS :post_load;
\o
SELECT is((SELECT sum(failures) FROM post_load), 0::numeric, 'the checks after the load');
SELECT is((SELECT count(*) FROM post_load WHERE check_name LIKE 'reference %'), 5::bigint, 'look at five references');
SELECT is((SELECT count(DISTINCT _file_id) FROM silver.sales_current), 11::bigint, 'all files are read, not only the newest; one has no rows');
SELECT is((SELECT count(*) FROM gold.fact_sales WHERE customer_key = 0), 1::bigint, 'a row with a NULL stays');
SELECT bag_eq('SELECT date, transactions, unique_customers, units_sold FROM gold.daily_sales_summary',
	'SELECT date, count(*) AS n, count(DISTINCT customer_id) AS people, sum(quantity_sold) AS units FROM silver.sales_current GROUP BY date', 'customers are distinct, units are quantities');
SELECT ok((SELECT bool_or(unique_customers < transactions) AND bool_and(units_sold > transactions) FROM gold.daily_sales_summary), 'which makes a difference here');
SELECT is((SELECT (quantity_sold, total_amount) FROM gold.fact_sales WHERE transaction_id = 'T0000066')::text, (SELECT (50, 50 * unit_price)::text FROM gold.fact_sales WHERE transaction_id = 'T0000066'), 'a transaction told again replaces what was told');
SELECT is((SELECT array_agg((store_name, valid_from, valid_to)::text ORDER BY version) FROM gold.dim_store WHERE store_id = 'S05'), '{"(\"Shop Bergen\",2025-07-01,2025-07-02)","(\"Shop Oslo\",2025-07-02,)"}', 'a store that moves has two versions');
SELECT is((SELECT array_agg(DISTINCT check_type || ' ' || check_status ORDER BY check_type || ' ' || check_status) FROM etl_logs.data_quality_checks WHERE run_id = (SELECT min(run_id) FROM etl_logs.data_quality_checks) AND check_status <> 'PASSED'),
	'{"cast WARNING","duplicate WARNING","expression WARNING","not_null WARNING","range WARNING"}', 'completeness, accuracy and types are checked, and nothing is dropped for it');
SELECT is((SELECT file_day FROM silver.sales_current WHERE transaction_id = 'T0000001'), '2025-07-01'::date, 'the file''s day comes from its name');
SELECT is((SELECT count(*) FROM gold.sales_wide), 660::bigint, 'the wide view');

-- a file that comes later
CREATE TEMP TABLE before_ AS TABLE gold.daily_sales_summary;
\o /dev/null
SELECT pg_temp.put('raw/sales_20250703_040000.json', '[{"transaction_id": "T9", "date": "2025-07-02", "store_id": "S05", "store_name": "Shop Oslo", "city": "Oslo", "product_id": "P001", "product_name": "Article 1", "category": "Kitchen", "customer_id": "C9999", "customer_name": "New", "quantity_sold": 3, "unit_price": "1.99", "total_amount": "5.97", "payment_method": "CARD"}]');
SELECT pg_temp.run();
\o
SELECT is((SELECT array_agg((n.date, n.transactions - o.transactions, n.units_sold - o.units_sold, n.revenue - o.revenue, n.unique_customers - o.unique_customers)::text ORDER BY date) FROM gold.daily_sales_summary n JOIN before_ o USING (date)),
	'{"(2025-07-01,0,0,0.00,0)","(2025-07-02,1,3,5.97,1)"}', 'gold follows one more file');
SELECT is((SELECT sum(failures) FROM post_load), 0::numeric, 'and the checks hold');
SELECT * FROM finish();
