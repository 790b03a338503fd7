-- The star, and five models over it. Dimensions come out of the receipts: they are the only source.

SELECT medallion.create_date_dimension('2025-01-01', '2026-12-31');

-- A store's versions, by the days on which its receipts name it so: on a day of two names the last one counts.
SELECT medallion.create_model('dim_store', $$
WITH told AS (
	SELECT DISTINCT ON (store_id, date) store_id, date, store_name, city
	FROM silver.sales_current WHERE store_id IS NOT NULL AND date IS NOT NULL
	ORDER BY store_id, date, (store_name IS NULL), transaction_id COLLATE "C" DESC
), change AS (
	SELECT *, (store_name, city) IS DISTINCT FROM (lag(store_name) OVER w, lag(city) OVER w) OR lag(date) OVER w IS NULL AS is_new
	FROM told WINDOW w AS (PARTITION BY store_id ORDER BY date)
)
SELECT medallion.surrogate_key(medallion.row_hash(store_id, date)) AS store_key, store_id, store_name, city,
	date AS valid_from, lead(date) OVER w AS valid_to, lead(date) OVER w IS NULL AS is_current, (row_number() OVER w)::int AS version
FROM change WHERE is_new WINDOW w AS (PARTITION BY store_id ORDER BY date)
UNION ALL
SELECT 0, NULL, 'Unknown', 'Unknown', NULL, NULL, true, 0
$$, '{"description": "Stores, a row per version.", "primary_key": ["store_key"], "column_comments": {"store_key": "surrogate key; 0: unknown"}}');

-- The others as they were told last.
SELECT medallion.create_model('dim_product', $$
SELECT DISTINCT ON (product_id) medallion.surrogate_key(medallion.row_hash(product_id)) AS product_key, product_id, product_name, category
FROM silver.sales_current WHERE product_id IS NOT NULL
ORDER BY product_id, date DESC NULLS LAST, transaction_id COLLATE "C" DESC
$$, '{"description": "Products.", "primary_key": ["product_key"]}');

SELECT medallion.create_model('dim_customer', $$
(SELECT DISTINCT ON (customer_id) medallion.surrogate_key(medallion.row_hash(customer_id)) AS customer_key, customer_id, customer_name
FROM silver.sales_current WHERE customer_id IS NOT NULL
ORDER BY customer_id, date DESC NULLS LAST, transaction_id COLLATE "C" DESC)
UNION ALL
SELECT 0, NULL, 'Unknown'
$$, '{"description": "Customers; 0: receipts that name none.", "primary_key": ["customer_key"]}');

SELECT medallion.create_model('dim_payment_method', $$
SELECT DISTINCT medallion.surrogate_key(medallion.row_hash(payment_method)) AS payment_method_key, payment_method
FROM silver.sales_current WHERE payment_method IS NOT NULL
UNION ALL
SELECT 0, 'Unknown'
$$, '{"description": "Ways to pay.", "primary_key": ["payment_method_key"]}');

SELECT medallion.create_fact('fact_sales', 'sales', '{
  "description": "One row per transaction: none is dropped for what it does not say.",
  "dates": {"date_key": "date"},
  "dimensions": [
    {"model": "dim_store", "on": "store_id", "at": "date"},
    {"model": "dim_product", "on": "product_id"},
    {"model": "dim_customer", "on": "customer_id"},
    {"model": "dim_payment_method", "on": "payment_method"}
  ],
  "measures": {"quantity_sold": "f.quantity_sold", "unit_price": "f.unit_price", "total_amount": "f.total_amount"}
}');

SELECT medallion.create_model('daily_sales_summary', $$
SELECT d.date, count(*) AS transactions, sum(f.quantity_sold) AS units_sold, sum(f.total_amount) AS revenue,
	round(avg(f.total_amount), 2) AS average_transaction, count(DISTINCT nullif(f.customer_key, 0)) AS unique_customers, count(DISTINCT f.store_key) AS stores
FROM gold.fact_sales f JOIN gold.dim_date d ON d.date_key = f.date_key
GROUP BY d.date
$$, '{"description": "Sales by day; units are quantities, customers are distinct and known."}');

SELECT medallion.create_model('product_performance', $$
SELECT p.product_id, p.product_name, p.category, count(*) AS transactions, sum(f.quantity_sold) AS units_sold, sum(f.total_amount) AS revenue,
	round(sum(f.total_amount) / nullif(sum(f.quantity_sold), 0), 2) AS average_price, count(DISTINCT nullif(f.customer_key, 0)) AS unique_customers
FROM gold.fact_sales f JOIN gold.dim_product p ON p.product_key = f.product_key
GROUP BY p.product_id, p.product_name, p.category
$$);

SELECT medallion.create_model('store_performance', $$
SELECT s.store_id, s.store_name, s.city, count(*) AS transactions, sum(f.quantity_sold) AS units_sold, sum(f.total_amount) AS revenue,
	count(DISTINCT nullif(f.customer_key, 0)) AS unique_customers, count(DISTINCT f.date_key) AS trading_days
FROM gold.fact_sales f JOIN gold.dim_store s ON s.store_key = f.store_key
GROUP BY s.store_id, s.store_name, s.city
$$, '{"description": "By store and version of it: a store that moved has two rows."}');

SELECT medallion.create_model('customer_summary', $$
SELECT c.customer_id, c.customer_name, count(*) AS transactions, sum(f.quantity_sold) AS units_bought, sum(f.total_amount) AS total_spent,
	round(avg(f.total_amount), 2) AS average_transaction, min(d.date) AS first_purchase, max(d.date) AS last_purchase
FROM gold.fact_sales f JOIN gold.dim_customer c ON c.customer_key = f.customer_key LEFT JOIN gold.dim_date d ON d.date_key = f.date_key
WHERE c.customer_key <> 0
GROUP BY c.customer_id, c.customer_name
$$);

SELECT medallion.create_model('customer_segmentation', $$
SELECT customer_id, customer_name, total_spent, transactions,
	CASE WHEN total_spent >= percentile_80 THEN 'VIP' WHEN total_spent >= percentile_50 THEN 'Regular' ELSE 'Occasional' END AS segment
FROM gold.customer_summary,
	(SELECT percentile_cont(0.8) WITHIN GROUP (ORDER BY total_spent)::numeric AS percentile_80,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY total_spent)::numeric AS percentile_50 FROM gold.customer_summary) AS limits
$$, '{"description": "Customers by spending: the best fifth, the better half, the others."}');

SELECT medallion.create_model('sales_wide', $$
SELECT f.transaction_id, d.date, d.year, d.month, d.iso_week_name, s.store_id, s.store_name, s.city, p.product_id, p.product_name, p.category,
	c.customer_id, c.customer_name, m.payment_method, f.quantity_sold, f.unit_price, f.total_amount
FROM gold.fact_sales f
JOIN gold.dim_date d ON d.date_key = f.date_key
JOIN gold.dim_store s ON s.store_key = f.store_key
JOIN gold.dim_product p ON p.product_key = f.product_key
JOIN gold.dim_customer c ON c.customer_key = f.customer_key
JOIN gold.dim_payment_method m ON m.payment_method_key = f.payment_method_key
$$, '{"materialized": "view", "description": "The star in one table, for tools that join nothing."}');
