SELECT 'customers' AS name, count(*)::numeric AS value FROM silver.customers_current
UNION ALL SELECT 'unique customers', count(DISTINCT customer_unique_id) FROM gold.dim_customer WHERE customer_key <> 0
UNION ALL SELECT 'versions of customers', count(*) FROM gold.dim_customer WHERE customer_key <> 0
UNION ALL SELECT 'orders', count(*) FROM silver.orders_current
UNION ALL SELECT 'refused orders', count(*) FROM silver.orders_refused_current
UNION ALL SELECT 'delivered orders', count(*) FROM gold.fact_orders WHERE order_status = 'delivered'
UNION ALL SELECT 'items', count(*) FROM silver.order_items_current
UNION ALL SELECT 'items of accepted orders', count(*) FROM gold.fact_sales
UNION ALL SELECT 'price', sum(price) FROM gold.fact_sales
UNION ALL SELECT 'freight', sum(freight) FROM gold.fact_sales
UNION ALL SELECT 'price by order', sum(price) FROM gold.fact_orders
UNION ALL SELECT 'payments', sum(payment_value) FROM gold.fact_payments
UNION ALL SELECT 'days of delay', sum(delivery_delay_days) FROM gold.fact_orders
UNION ALL SELECT 'late orders', count(*) FROM gold.fact_orders WHERE delivery_delay_days > 0
UNION ALL SELECT 'reviews', count(*) FROM gold.fact_reviews
UNION ALL SELECT 'sum of scores', sum(score) FROM gold.fact_reviews
UNION ALL SELECT 'products', count(*) FROM silver.products_current
UNION ALL SELECT 'products without category', count(*) FROM silver.products_current WHERE category = 'unknown'
UNION ALL SELECT 'sellers', count(*) FROM silver.sellers_current
UNION ALL SELECT 'readings of places', sum(readings) FROM gold.dim_location
UNION ALL SELECT 'places', count(*) FROM gold.dim_location
UNION ALL SELECT 'sum of latitudes', sum(latitude) FROM gold.dim_location
UNION ALL SELECT 'revenue of products', sum(revenue) FROM gold.feature_product_performance
UNION ALL SELECT 'orders of sellers', sum(total_orders) FROM gold.feature_seller_reliability
UNION ALL SELECT 'segment ' || segment, count(*) FROM gold.feature_customer_rfm GROUP BY segment
UNION ALL SELECT 'score ' || recency_score || frequency_score || monetary_score, count(*) FROM gold.feature_customer_rfm GROUP BY recency_score, frequency_score, monetary_score
UNION ALL SELECT 'money of rfm', sum(monetary) FROM gold.feature_customer_rfm
