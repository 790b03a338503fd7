-- Rules of segmentation, yours to change: by amount, or by percentile (0 to 100) with measure 'percentile'.
CREATE TABLE IF NOT EXISTS public.customer_segment_rules (segment text PRIMARY KEY, measure text NOT NULL CHECK (measure IN ('amount', 'percentile')), at_least numeric NOT NULL);
INSERT INTO public.customer_segment_rules VALUES ('High Value', 'amount', 10000), ('Medium Value', 'amount', 5000), ('Low Value', 'amount', 0)
ON CONFLICT DO NOTHING;

SELECT medallion.create_date_dimension('2003-01-01', '2029-12-31', '{"fiscal": {"table": "silver.fiscal_calendar_current",
	"columns": {"date": "calendar_date", "year": "fiscal_year", "quarter": "fiscal_quarter", "month": "fiscal_month_number", "week": "fiscal_week_of_year"}}}');

-- the published names; the week goes with the ISO year
SELECT medallion.create_model('dim_calendar', $$
SELECT date_key, date, calendar_week AS week_number, month AS month_number, quarter AS quarter_number, year AS year_number, day_of_week, day_of_year,
	iso_week AS week_of_year, iso_year AS year_of_week, fiscal_year, fiscal_quarter, fiscal_month, fiscal_week
FROM gold.dim_date
$$, '{"materialized": "view", "description": "dim_date under the names that the first pipeline published."}');

SELECT medallion.create_dimension('dim_customer', 'customers', '{
  "keys": ["customer_id"],
  "columns": ["first_name", "last_name", "email", "company_name", "city", "state", "county", "postal_code"],
  "derive": {"full_name": "initcap(s.first_name || '' '' || s.last_name)", "address_line_1": "s.address", "address_line_2": "NULL::text", "country": "NULL::text", "phone": "s.phone1",
    "created_date": "min(s._scd2_valid_from) OVER (PARTITION BY s._business_key_hash)", "updated_date": "s._scd2_valid_from"},
  "description": "Customers, a row per version. Holds personal data: names, email, address, phone."}');

-- what those see who must not see persons
SELECT medallion.create_model('dim_customer_masked', $$
SELECT customer_key, upper(left(first_name, 1)) || '.' AS first_name, upper(left(last_name, 1)) || '.' AS last_name, medallion.row_hash(lower(email)) AS email_hash,
	repeat('*', greatest(length(phone) - 4, 0)) || right(phone, 4) AS phone, city, state, left(postal_code, 2) AS postal_area, valid_from, valid_to, is_current
FROM gold.dim_customer
$$, '{"materialized": "view", "description": "dim_customer without what names a person."}');

SELECT medallion.create_model('dim_product', $$
SELECT medallion.surrogate_key(medallion.row_hash(productcode)) AS product_key, productcode AS product_code, product_family,
	CASE product_family WHEN 'S10' THEN 'Scale Models' WHEN 'S12' THEN 'Motorcycles' WHEN 'S18' THEN 'Vintage Cars' WHEN 'S24' THEN 'Classic Cars'
		WHEN 'S32' THEN 'Trucks and Buses' WHEN 'S50' THEN 'Ships' WHEN 'S700' THEN 'Planes' ELSE 'UNKNOWN' END AS product_family_name,
	min(_scd2_valid_from) AS created_date, max(_scd2_valid_from) AS updated_date
FROM silver.transactions WHERE productcode IS NOT NULL
GROUP BY productcode, product_family
UNION ALL
SELECT 0, NULL, 'UNKNOWN', 'UNKNOWN', NULL, NULL
$$, '{"description": "Products of the orders.", "primary_key": ["product_key"]}');

-- A customer is matched by the name in the order; none of the published files' orders finds one: key 0, and quality_report says so.
SELECT medallion.create_fact('fact_transactions', $$
SELECT medallion.surrogate_key(medallion.row_hash(t.ordernumber, t.orderlinenumber)) AS transaction_key, t.*,
	t.ordernumber AS order_number, t.customername AS customer_name, t.productcode AS product_code, t.quantityordered AS quantity, t.dealsize AS deal_size,
	t.orderdate AS order_date, t._scd2_valid_from AS created_date, 'COMPLETED' AS status, 'General' AS product_line
FROM silver.transactions_current AS t
$$, '{
  "primary_key": ["transaction_key"],
  "degenerate": ["transaction_key", "order_number", "customer_name", "product_code", "deal_size", "territory", "status", "product_line", "transaction_type", "is_large_order", "order_date", "created_date"],
  "dates": {"order_date_key": "order_date"},
  "dimensions": [{"model": "dim_product", "on": "product_code"}, {"model": "dim_customer", "on": {"full_name": "customer_name"}, "at": "order_date"}],
  "measures": {"quantity": "f.quantity", "unit_price": "f.unit_price", "total_amount": "f.total_amount", "restocking_fee": "f.restocking_fee", "net_amount": "f.net_amount"},
  "not_null": ["order_number", "transaction_type"],
  "column_comments": {"status": "the source has none: COMPLETED", "product_line": "the source has none: General", "territory": "NA is North America",
    "restocking_fee": "10 % of the amount of a refund", "net_amount": "amount of a sale; of a refund what is paid back, without the fee"}
}');

-- a row per period: week (ISO year and ISO week), month, quarter, year
SELECT medallion.create_model('sales_analytics', $$
SELECT p.period_type, p.period, count(*) AS lines, count(DISTINCT f.order_number) AS orders, sum(f.quantity) AS items, sum(f.total_amount) AS total_sales,
	round(avg(f.total_amount), 2) AS average_line, count(DISTINCT f.customer_name) AS unique_customers
FROM gold.fact_transactions f, LATERAL (VALUES ('week', to_char(f.order_date::timestamp, 'IYYY-"W"IW')), ('month', to_char(f.order_date::timestamp, 'YYYY-MM')),
	('quarter', to_char(f.order_date::timestamp, 'YYYY-"Q"Q')), ('year', to_char(f.order_date::timestamp, 'YYYY'))) AS p (period_type, period)
WHERE f.transaction_type = 'SALE'
GROUP BY p.period_type, p.period
$$);

SELECT medallion.create_model('refunds_analytics', $$
SELECT p.period_type, p.period, count(*) AS lines, count(DISTINCT f.order_number) AS orders, sum(f.quantity) AS items, sum(f.total_amount) AS total_refunds,
	sum(f.restocking_fee) AS restocking_fees, sum(f.net_amount) AS paid_back, count(DISTINCT f.customer_name) AS unique_customers
FROM gold.fact_transactions f, LATERAL (VALUES ('week', to_char(f.order_date::timestamp, 'IYYY-"W"IW')), ('month', to_char(f.order_date::timestamp, 'YYYY-MM')),
	('quarter', to_char(f.order_date::timestamp, 'YYYY-"Q"Q')), ('year', to_char(f.order_date::timestamp, 'YYYY'))) AS p (period_type, period)
WHERE f.transaction_type = 'REFUND'
GROUP BY p.period_type, p.period
$$);

SELECT medallion.create_model('product_family_sales', $$
SELECT p.product_family, p.product_family_name, count(*) FILTER (WHERE f.transaction_type = 'SALE') AS sales, coalesce(sum(f.total_amount) FILTER (WHERE f.transaction_type = 'SALE'), 0) AS total_sales,
	coalesce(sum(f.total_amount) FILTER (WHERE f.transaction_type = 'REFUND'), 0) AS total_refunds, sum(f.quantity) FILTER (WHERE f.transaction_type = 'SALE') AS items_sold
FROM gold.fact_transactions f JOIN gold.dim_product p ON p.product_key = f.product_key
GROUP BY p.product_family, p.product_family_name
$$);

SELECT medallion.create_model('product_performance', $$
SELECT *, rank() OVER w AS revenue_rank, max(total_revenue) OVER (PARTITION BY territory) AS best_revenue,
	max(total_revenue) OVER (PARTITION BY territory) - total_revenue AS revenue_diff_from_best
FROM (
	SELECT territory, product_code, product_line, sum(total_amount) AS total_revenue, sum(quantity) AS total_quantity, count(DISTINCT order_number) AS order_count,
		round(avg(unit_price), 2) AS avg_price
	FROM gold.fact_transactions WHERE transaction_type = 'SALE'
	GROUP BY territory, product_code, product_line
) AS product
WINDOW w AS (PARTITION BY territory ORDER BY total_revenue DESC)
$$, '{"description": "Sales of products by territory, ranked there."}');

SELECT medallion.create_model('regional_rankings', $$
SELECT territory, max(product_code) FILTER (WHERE place = 1) AS best_product, max(total_revenue) FILTER (WHERE place = 1) AS best_revenue,
	max(product_code) FILTER (WHERE place = 2) AS second_product, max(total_revenue) FILTER (WHERE place = 2) AS second_revenue,
	max(total_revenue) FILTER (WHERE place = 1) - max(total_revenue) FILTER (WHERE place = 2) AS difference,
	round(100 * (max(total_revenue) FILTER (WHERE place = 1) / nullif(max(total_revenue) FILTER (WHERE place = 2), 0) - 1), 2) AS difference_percent
FROM (SELECT *, row_number() OVER (PARTITION BY territory ORDER BY total_revenue DESC, product_code COLLATE "C") AS place FROM gold.product_performance) AS ranked
WHERE place <= 2
GROUP BY territory
$$);

SELECT medallion.create_model('customer_segments', $$
SELECT c.*, (SELECT r.segment FROM public.customer_segment_rules r
	WHERE r.at_least <= CASE r.measure WHEN 'amount' THEN c.total_spent ELSE (100 * percentile)::numeric END ORDER BY r.at_least DESC LIMIT 1) AS customer_segment
FROM (
	SELECT customer_name, coalesce(sum(total_amount) FILTER (WHERE transaction_type = 'SALE'), 0) AS total_spent, count(DISTINCT order_number) AS order_count,
		round(coalesce(sum(total_amount) FILTER (WHERE transaction_type = 'SALE'), 0) / nullif(count(DISTINCT order_number) FILTER (WHERE transaction_type = 'SALE'), 0), 2) AS avg_order_value,
		max(order_date) AS last_order_date, count(DISTINCT product_code) AS unique_products,
		percent_rank() OVER (ORDER BY coalesce(sum(total_amount) FILTER (WHERE transaction_type = 'SALE'), 0)) AS percentile
	FROM gold.fact_transactions
	GROUP BY customer_name
) AS c
$$, '{"description": "Customers by sales; segments by the rules in public.customer_segment_rules."}');

SELECT medallion.create_model('top_customers', $$
SELECT s.customer_name, min(c.email) AS email, s.total_spent, s.order_count, s.customer_segment
FROM gold.customer_segments s LEFT JOIN gold.dim_customer c ON c.full_name = s.customer_name AND c.is_current
GROUP BY s.customer_name, s.total_spent, s.order_count, s.customer_segment
ORDER BY s.total_spent DESC, s.customer_name COLLATE "C" LIMIT 10
$$, '{"description": "The ten customers with most sales; the email is NULL where no customer has the name."}');

SELECT medallion.create_model('monthly_summary', $$
SELECT extract(year FROM order_date)::int AS year_number, extract(month FROM order_date)::int AS month_number,
	coalesce(sum(total_amount) FILTER (WHERE transaction_type = 'SALE'), 0) AS total_sales, coalesce(sum(total_amount) FILTER (WHERE transaction_type = 'REFUND'), 0) AS total_refunds,
	coalesce(sum(quantity) FILTER (WHERE transaction_type = 'SALE'), 0) AS items_sold, coalesce(sum(quantity) FILTER (WHERE transaction_type = 'REFUND'), 0) AS items_refunded,
	sum(restocking_fee) AS total_restocking_fees, count(DISTINCT customer_name) AS unique_customers
FROM gold.fact_transactions
GROUP BY 1, 2
$$);

SELECT medallion.create_model('daily_insights', $$
SELECT order_date, count(DISTINCT order_number) AS orders, coalesce(sum(total_amount) FILTER (WHERE transaction_type = 'SALE'), 0) AS sales,
	coalesce(sum(total_amount) FILTER (WHERE transaction_type = 'REFUND'), 0) AS refunds,
	(array_agg(product_code ORDER BY total_amount DESC, product_code COLLATE "C"))[1] AS best_product, (array_agg(customer_name ORDER BY total_amount DESC, customer_name COLLATE "C"))[1] AS best_customer
FROM gold.fact_transactions
GROUP BY order_date
$$);

SELECT medallion.create_model('fiscal_aggregations', $$
SELECT d.fiscal_year, d.fiscal_quarter, d.fiscal_month, coalesce(sum(f.total_amount) FILTER (WHERE f.transaction_type = 'SALE'), 0) AS total_sales,
	coalesce(sum(f.total_amount) FILTER (WHERE f.transaction_type = 'REFUND'), 0) AS total_refunds, count(DISTINCT f.order_number) AS orders
FROM gold.fact_transactions f JOIN gold.dim_date d ON d.date_key = f.order_date_key
GROUP BY d.fiscal_year, d.fiscal_quarter, d.fiscal_month
$$, '{"description": "By fiscal period; NULL: orders before the fiscal calendar begins."}');

-- shares and thresholds; a warning lets the run go on
SELECT medallion.create_model('quality_report', $$
SELECT metric, round(value, 4) AS value, threshold, CASE WHEN CASE WHEN at_least THEN value >= threshold ELSE value <= threshold END THEN 'PASSED' ELSE 'WARNING' END AS status
FROM (
	SELECT 'completeness' AS metric, avg(((orderdate IS NOT NULL)::int + (total_amount IS NOT NULL)::int + (productcode IS NOT NULL)::int + (customername IS NOT NULL)::int) / 4.0) AS value, 0.95 AS threshold, true AS at_least FROM silver.transactions_current
	UNION ALL SELECT 'valid emails', avg((email ~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$')::int), 0.90, true FROM silver.customers_current
	UNION ALL SELECT 'orphans: orders without customer', avg((customer_key = 0)::int), 0.05, false FROM gold.fact_transactions
	UNION ALL SELECT 'orphans: orders without fiscal date', avg((d.fiscal_year IS NULL)::int), 0.05, false FROM gold.fact_transactions f JOIN gold.dim_date d ON d.date_key = f.order_date_key
	UNION ALL SELECT 'anomalies: amounts of zero or beyond 5 deviations', avg((total_amount = 0 OR abs(total_amount - mean) > 5 * deviation)::int), 0.01, false
		FROM gold.fact_transactions, (SELECT avg(total_amount) AS mean, stddev_samp(total_amount) AS deviation FROM gold.fact_transactions) AS s
) AS m
$$);
