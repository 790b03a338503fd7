SELECT 'transactions' AS name, count(*)::numeric AS value FROM gold.fact_sales
UNION ALL SELECT 'units', sum(quantity_sold) FROM gold.fact_sales
UNION ALL SELECT 'revenue', sum(total_amount) FROM gold.fact_sales
UNION ALL SELECT 'products', count(*) FROM gold.product_performance
UNION ALL SELECT 'customers', count(*) FROM gold.customer_summary
UNION ALL SELECT 'versions of stores', count(*) FROM gold.dim_store WHERE version > 0
UNION ALL SELECT 'transactions without customer', count(*) FROM gold.fact_sales WHERE customer_key = 0
UNION ALL SELECT 'inaccurate totals', count(*) FROM silver.sales_current WHERE dq_flag_accurate
UNION ALL SELECT 'store names too long', count(*) FROM silver.sales_current WHERE dq_cast_flag_store_name
UNION ALL SELECT 'day ' || date || ' revenue', revenue FROM gold.daily_sales_summary
UNION ALL SELECT 'day ' || date || ' units', units_sold FROM gold.daily_sales_summary
UNION ALL SELECT 'day ' || date || ' customers', unique_customers FROM gold.daily_sales_summary
UNION ALL SELECT 'store ' || store_id || ' ' || city || ' revenue', sum(revenue) FROM gold.store_performance GROUP BY store_id, city
UNION ALL SELECT 'category ' || category || ' revenue', sum(revenue) FROM gold.product_performance GROUP BY category
UNION ALL SELECT 'customers spending 500 or more', count(*) FROM gold.customer_summary WHERE total_spent >= 500
UNION ALL SELECT 'vip customers', count(*) FROM gold.customer_segmentation WHERE segment = 'VIP'
