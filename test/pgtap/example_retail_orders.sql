/* examples/retail_orders: files with bare CRs and differing headers to a star, with the seed's bugs absent. */
\set example retail_orders
\set plan 19
\ir example.psql
\o
SELECT is((SELECT array_agg(c ORDER BY c) FROM (SELECT DISTINCT concat_ws(' ', CASE WHEN county IS NOT NULL THEN 'county' END, CASE WHEN state IS NOT NULL THEN 'state' END, CASE WHEN postal_code IS NOT NULL THEN 'postal' END) AS c FROM silver.customers_current) AS k),
	'{"county postal","county state postal","state postal"}', 'columns meet by what they mean, whatever the header and its place');
SELECT is((SELECT count(*) FROM silver.customers_current WHERE postal_code ~ '^[0-9]+-' OR email !~ '@' OR phone1 ~ '@'), 0::bigint, 'nothing is out of line');
SELECT is((SELECT count(*) FROM gold.fact_transactions WHERE (transaction_type, restocking_fee, net_amount) IS DISTINCT FROM
	(CASE WHEN total_amount < 0 THEN 'REFUND' ELSE 'SALE' END, CASE WHEN total_amount < 0 THEN round(-total_amount / 10, 2) ELSE 0 END, CASE WHEN total_amount < 0 THEN round(-total_amount * 0.9, 2) ELSE total_amount END)), 0::bigint, 'fees and net amounts');
SELECT is((SELECT count(*) FROM gold.sales_analytics WHERE period_type = 'week' AND period ~ '-W(00|5[34])' AND period NOT IN ('2004-W53')), 0::bigint, 'ISO weeks go with ISO years');
SELECT is((SELECT count(*) FROM gold.fact_transactions f WHERE to_char(order_date::timestamp, 'YYYY') <> to_char(order_date::timestamp, 'IYYY')
	AND EXISTS (SELECT FROM gold.sales_analytics WHERE period = to_char(f.order_date::timestamp, 'YYYY-"W"IW') AND period_type = 'week' AND period NOT IN (SELECT to_char(order_date::timestamp, 'IYYY-"W"IW') FROM gold.fact_transactions))), 0::bigint, 'no week of a calendar year');
SELECT is((SELECT sum(total_sales) FROM gold.sales_analytics WHERE period_type = 'week'), (SELECT sum(total_sales) FROM gold.sales_analytics WHERE period_type = 'year'), 'weeks and years add up to the same');
SELECT is((SELECT array_agg(territory ORDER BY territory) FROM gold.regional_rankings), '{APAC,EMEA,Japan,NA}', 'NA is a territory');
SELECT is((SELECT array_agg(metric ORDER BY metric) FROM gold.quality_report WHERE status = 'WARNING'), '{"orphans: orders without customer","orphans: orders without fiscal date"}', 'orphans are reported, and the run goes on');
SELECT is((SELECT count(*) FROM gold.top_customers WHERE email IS NOT NULL), 0::bigint, 'no email where there is no customer');
SELECT is((SELECT count(*) FROM gold.dim_customer_masked m JOIN gold.dim_customer c USING (customer_key) WHERE customer_key <> 0 AND m::text LIKE '%' || c.email || '%'), 0::bigint, 'the masked view names nobody');

SELECT is((SELECT array_agg((_scd2_valid_from, county IS NULL)::text ORDER BY _scd2_version) FROM silver.customers WHERE customer_id = 'ada_abel_ada.abel0@example.org'), '{"(2023-06-19,f)","(2023-09-01,t)"}', 'a person of two files has two versions, as of the files'' dates');

-- segments by percentile instead: three statements
UPDATE public.customer_segment_rules SET measure = 'percentile', at_least = CASE segment WHEN 'High Value' THEN 80 WHEN 'Medium Value' THEN 50 ELSE 0 END;
\o /dev/null
SELECT pg_temp.run();
\o
SELECT is((SELECT array_agg((customer_segment, n)::text ORDER BY customer_segment) FROM (SELECT customer_segment, count(*) AS n FROM gold.customer_segments GROUP BY 1) AS s), '{"(\"High Value\",4)","(\"Low Value\",8)","(\"Medium Value\",5)"}', 'segments follow the rules');
SELECT is((SELECT min(customer_key) || ' ' || (SELECT sum(violations) FROM medallion.foreign_key_violations('gold.fact_transactions')) FROM gold.fact_transactions), '0 0', 'no key leads nowhere');
SELECT * FROM finish();
