-- Dimensions, facts, features for analysis, audit. An order item is the grain of sales; reviews and payments have facts of their own,
-- so that joining them cannot multiply revenue.

SELECT medallion.create_date_dimension('2016-01-01', '2020-12-31', '{"holidays": [
	{"name": "Confraternização Universal", "month": 1, "day": 1}, {"name": "Carnaval", "easter": -48}, {"name": "Carnaval", "easter": -47}, {"name": "Paixão de Cristo", "easter": -2},
	{"name": "Tiradentes", "month": 4, "day": 21}, {"name": "Dia do Trabalho", "month": 5, "day": 1}, {"name": "Corpus Christi", "easter": 60},
	{"name": "Independência do Brasil", "month": 9, "day": 7}, {"name": "Nossa Senhora Aparecida", "month": 10, "day": 12}, {"name": "Finados", "month": 11, "day": 2},
	{"name": "Proclamação da República", "month": 11, "day": 15}, {"name": "Consciência Negra", "month": 11, "day": 20, "from": 2024}, {"name": "Natal", "month": 12, "day": 25}]}');

SELECT medallion.create_model('dim_location', $$
SELECT geolocation_zip_code_prefix AS zip_code_prefix, round(avg(geolocation_lat), 8) AS latitude, round(avg(geolocation_lng), 8) AS longitude,
	min(lower(geolocation_city) COLLATE "C") AS city, min(geolocation_state COLLATE "C") AS state, count(*) AS readings
FROM silver.geolocation_current WHERE geolocation_zip_code_prefix IS NOT NULL
GROUP BY geolocation_zip_code_prefix
$$, '{"description": "Places by zip code prefix, averaged.", "primary_key": ["zip_code_prefix"]}');

-- A customer has an id per order and a unique one: versions are the addresses of the orders, in force from the order's time on.
SELECT medallion.create_model('dim_customer', $$
WITH told AS (
	SELECT c.customer_unique_id, o.order_purchase_timestamp AS at, c.customer_zip_code_prefix, c.customer_city, c.customer_state,
		row_number() OVER (PARTITION BY c.customer_unique_id, o.order_purchase_timestamp ORDER BY o.order_id COLLATE "C") AS twin
	FROM silver.customers_current c JOIN silver.orders_current o ON o.customer_id = c.customer_id
), change AS (
	SELECT *, lag(at) OVER w IS NULL OR (customer_zip_code_prefix, customer_city, customer_state)
		IS DISTINCT FROM (lag(customer_zip_code_prefix) OVER w, lag(customer_city) OVER w, lag(customer_state) OVER w) AS is_new
	FROM told WHERE twin = 1 WINDOW w AS (PARTITION BY customer_unique_id ORDER BY at)
)
SELECT medallion.surrogate_key(medallion.row_hash(customer_unique_id, at)) AS customer_key, customer_unique_id, customer_zip_code_prefix, customer_city, customer_state,
	at AS valid_from, lead(at) OVER w AS valid_to, lead(at) OVER w IS NULL AS is_current, (row_number() OVER w)::int AS version
FROM change WHERE is_new WINDOW w AS (PARTITION BY customer_unique_id ORDER BY at)
UNION ALL
SELECT 0, NULL, NULL, 'Unknown', 'Unknown', NULL, NULL, true, 0
$$, '{"description": "Customers, a row per address, in force from the first order with it.", "primary_key": ["customer_key"], "column_comments": {"customer_key": "surrogate key; 0: unknown"}}');

SELECT medallion.create_dimension('dim_product', 'products', '{
	"columns": ["category", "photos", "name_length", "description_length", "product_weight_g", "product_length_cm", "product_height_cm", "product_width_cm"],
	"derive": {"category_english": "coalesce((SELECT e.product_category_name_english FROM silver.product_category_name_translation_current e WHERE e.product_category_name = s.product_category_name), ''unknown'')"}}');
SELECT medallion.create_dimension('dim_seller', 'sellers', '{"columns": ["seller_zip_code_prefix", "seller_city", "seller_state"]}');

SELECT medallion.create_fact('fact_orders', $$
SELECT o.*, c.customer_unique_id, c.customer_zip_code_prefix, t.items, t.price, t.freight
FROM silver.orders_accepted_current o
LEFT JOIN silver.customers_current c ON c.customer_id = o.customer_id
LEFT JOIN (SELECT order_id, count(*) AS items, sum(price) AS price, sum(freight_value) AS freight FROM silver.order_items_current GROUP BY order_id) AS t ON t.order_id = o.order_id
$$, '{
	"primary_key": ["order_id"], "degenerate": ["order_id", "order_status", "order_purchase_timestamp"], "dates": {"purchase_date_key": "order_purchase_timestamp"},
	"dimensions": [{"model": "dim_customer", "on": "customer_unique_id", "at": "order_purchase_timestamp"}],
	"measures": {"items": "coalesce(f.items, 0)", "price": "coalesce(f.price, 0)", "freight": "coalesce(f.freight, 0)",
		"delivery_delay_days": "f.order_delivered_customer_date::date - f.order_estimated_delivery_date::date"},
	"column_comments": {"delivery_delay_days": "days after the date that was promised; negative: before it; NULL: not delivered"}}');

SELECT medallion.create_fact('fact_sales', $$
SELECT i.*, o.order_status, o.order_purchase_timestamp, o.order_delivered_customer_date, o.order_estimated_delivery_date, c.customer_unique_id
FROM silver.order_items_current i
JOIN silver.orders_accepted_current o ON o.order_id = i.order_id
LEFT JOIN silver.customers_current c ON c.customer_id = o.customer_id
$$, '{
	"primary_key": ["order_id", "order_item_id"], "degenerate": ["order_id", "order_item_id", "order_status"], "dates": {"purchase_date_key": "order_purchase_timestamp"},
	"dimensions": [{"model": "dim_customer", "on": "customer_unique_id", "at": "order_purchase_timestamp"},
		{"model": "dim_product", "on": "product_id", "at": "order_purchase_timestamp"},
		{"model": "dim_seller", "on": "seller_id", "at": "order_purchase_timestamp"}],
	"measures": {"price": "f.price", "freight": "f.freight_value", "delivery_delay_days": "f.order_delivered_customer_date::date - f.order_estimated_delivery_date::date"}}');

SELECT medallion.create_fact('fact_payments', 'SELECT p.*, o.order_purchase_timestamp FROM silver.order_payments_current p JOIN silver.orders_accepted_current o ON o.order_id = p.order_id', '{
	"primary_key": ["order_id", "payment_sequential"], "degenerate": ["order_id", "payment_sequential", "payment_type"], "dates": {"purchase_date_key": "order_purchase_timestamp"},
	"measures": {"installments": "f.payment_installments", "payment_value": "f.payment_value"}}');

-- one review per review_id, the one answered last
SELECT medallion.create_fact('fact_reviews', $$
SELECT DISTINCT ON (review_id) review_id, order_id, review_score, review_creation_date, review_answer_timestamp
FROM silver.order_reviews_current ORDER BY review_id, review_answer_timestamp DESC NULLS LAST, order_id COLLATE "C" DESC
$$, '{
	"primary_key": ["review_id"], "degenerate": ["review_id", "order_id"], "dates": {"creation_date_key": "review_creation_date"},
	"measures": {"score": "f.review_score", "response_hours": "round((extract(epoch FROM f.review_answer_timestamp - f.review_creation_date) / 3600)::numeric, 2)"}}');

-- Scores 1 to 5 by rank: equal values have equal scores. The day that recency is counted from is the last day of the data, not today's.
SELECT medallion.create_model('feature_customer_rfm', $$
WITH customer AS (
	SELECT c.customer_unique_id, max(d.date) AS last_order, count(DISTINCT f.order_id) AS frequency, sum(f.price + f.freight) AS monetary
	FROM gold.fact_sales f JOIN gold.dim_customer c ON c.customer_key = f.customer_key JOIN gold.dim_date d ON d.date_key = f.purchase_date_key
	WHERE c.customer_key <> 0
	GROUP BY c.customer_unique_id
), measured AS (
	SELECT *, max(last_order) OVER () - last_order AS recency, count(*) OVER () AS customers FROM customer
), scored AS (
	SELECT *, (1 + 5 * (rank() OVER (ORDER BY recency DESC) - 1) / customers)::int AS recency_score,
		(1 + 5 * (rank() OVER (ORDER BY frequency) - 1) / customers)::int AS frequency_score,
		(1 + 5 * (rank() OVER (ORDER BY monetary) - 1) / customers)::int AS monetary_score
	FROM measured
)
SELECT customer_unique_id, last_order, recency, frequency, monetary, recency_score, frequency_score, monetary_score,
	CASE WHEN recency_score >= 4 AND frequency_score >= 4 THEN 'Champions' WHEN frequency_score >= 4 THEN 'Loyal' WHEN recency_score >= 4 AND monetary_score >= 4 THEN 'Promising'
		WHEN recency_score >= 4 THEN 'New' WHEN recency_score <= 2 AND monetary_score >= 4 THEN 'At Risk' WHEN recency_score <= 2 THEN 'Hibernating' ELSE 'Regular' END AS segment
FROM scored
$$, '{"unique_key": ["customer_unique_id"]}');

SELECT medallion.create_model('feature_product_performance', $$
SELECT p.product_id, p.category_english, count(DISTINCT f.order_id) AS total_orders, count(*) AS items_sold, sum(f.price) AS revenue, round(avg(f.price), 2) AS average_price,
	round(avg(r.score), 2) AS average_score
FROM gold.fact_sales f JOIN gold.dim_product p ON p.product_key = f.product_key
LEFT JOIN (SELECT order_id, avg(score) AS score FROM gold.fact_reviews GROUP BY order_id) AS r ON r.order_id = f.order_id
GROUP BY p.product_id, p.category_english
$$, '{"description": "total_orders counts orders, not items; reviews are averaged by order before they meet items."}');

SELECT medallion.create_model('feature_seller_reliability', $$
SELECT s.seller_id, count(DISTINCT f.order_id) AS total_orders, sum(f.price) AS revenue, round(avg(f.delivery_delay_days), 2) AS average_delay_days,
	round(avg((f.delivery_delay_days > 0)::int), 4) AS late_share, round(avg(r.score), 2) AS average_score
FROM gold.fact_sales f JOIN gold.dim_seller s ON s.seller_key = f.seller_key
LEFT JOIN (SELECT order_id, avg(score) AS score FROM gold.fact_reviews GROUP BY order_id) AS r ON r.order_id = f.order_id
GROUP BY s.seller_id
$$);

CREATE SCHEMA IF NOT EXISTS audit;
CREATE OR REPLACE VIEW audit.run_logs AS
SELECT r.run_id, r.layer AS job_name, r.feature_name AS table_name, r.started_at AS start_time, r.completed_at AS end_time, r.records_processed AS input_rows,
	r.records_valid AS output_rows, r.status, r.error_message AS error_msg, q.dq_metrics
FROM etl_logs.pipeline_runs r
LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('check', c.check_type, 'column', c.column_name, 'status', c.check_status, 'records', c.records_affected)) AS dq_metrics
	FROM etl_logs.data_quality_checks c WHERE c.run_id = r.run_id AND c.layer = r.layer AND c.table_name IN (r.feature_name, r.layer || '.' || r.feature_name)) AS q ON true;

-- rows of a table against those of the run before: over 20 % is drift
CREATE OR REPLACE VIEW audit.drift_between_runs AS
SELECT *, CASE WHEN abs(change) > 0.2 THEN 'WARNING' ELSE 'PASSED' END AS status
FROM (SELECT layer, table_name, run_id, record_count, record_count::numeric / nullif(lag(record_count) OVER (PARTITION BY layer, table_name ORDER BY run_id), 0) - 1 AS change
	FROM etl_logs.table_statistics) AS s WHERE change IS NOT NULL;

-- gold against bronze: items that are neither a fact nor of a refused order, over 1 % is drift
CREATE OR REPLACE VIEW audit.drift_gold_against_bronze AS
SELECT bronze, gold, refused, 1 - (gold + refused)::numeric / nullif(bronze, 0) AS lost, CASE WHEN abs(1 - (gold + refused)::numeric / nullif(bronze, 0)) > 0.01 THEN 'WARNING' ELSE 'PASSED' END AS status
FROM (SELECT (SELECT count(DISTINCT (order_id, order_item_id)) FROM bronze.order_items) AS bronze, (SELECT count(*) FROM gold.fact_sales) AS gold,
	(SELECT count(*) FROM silver.order_items_current i JOIN silver.orders_refused_current o ON o.order_id = i.order_id) AS refused) AS n;
