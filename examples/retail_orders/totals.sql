SELECT 'customers' AS name, count(*)::numeric AS value FROM silver.customers_current
UNION ALL SELECT 'emails', count(DISTINCT email) FROM silver.customers_current
UNION ALL SELECT 'customers with a state', count(state) FROM silver.customers_current
UNION ALL SELECT 'customers with a postal code', count(postal_code) FROM silver.customers_current
UNION ALL SELECT 'bad emails', count(*) FROM silver.customers_current WHERE dq_pattern_flag_email
UNION ALL SELECT 'transactions', count(*) FROM gold.fact_transactions
UNION ALL SELECT 'orders', count(DISTINCT order_number) FROM gold.fact_transactions
UNION ALL SELECT 'products', count(*) FROM gold.dim_product WHERE product_key <> 0
UNION ALL SELECT 'refunds', count(*) FROM gold.fact_transactions WHERE transaction_type = 'REFUND'
UNION ALL SELECT 'zero amounts', count(*) FROM gold.fact_transactions WHERE total_amount = 0
UNION ALL SELECT 'sum of sales', sum(total_sales) FROM gold.monthly_summary
UNION ALL SELECT 'sum of refunds', sum(total_refunds) FROM gold.monthly_summary
UNION ALL SELECT 'restocking fees', sum(total_restocking_fees) FROM gold.monthly_summary
UNION ALL SELECT 'large orders', count(*) FROM gold.fact_transactions WHERE is_large_order
UNION ALL SELECT 'phones that are errors', count(*) FROM silver.transactions_current WHERE phone IS NULL
UNION ALL SELECT 'years that disagree', count(*) FROM silver.transactions_current WHERE dq_flag_year_id_agrees
UNION ALL SELECT 'without fiscal date', sum(orders) FROM gold.fiscal_aggregations WHERE fiscal_year IS NULL
UNION ALL SELECT 'without customer', count(*) FROM gold.fact_transactions WHERE customer_key = 0
UNION ALL SELECT 'territory NA', count(*) FROM gold.fact_transactions WHERE territory = 'NA'
UNION ALL SELECT 'family without name', count(*) FROM gold.fact_transactions JOIN gold.dim_product USING (product_key) WHERE product_family_name = 'UNKNOWN'
UNION ALL SELECT 'buyers', count(*) FROM gold.customer_segments
UNION ALL SELECT 'buyers of 10,000 or more', count(*) FROM gold.customer_segments WHERE customer_segment = 'High Value'
UNION ALL SELECT 'family ' || product_family || ' sales', total_sales FROM gold.product_family_sales
UNION ALL SELECT 'year ' || period || ' sales', total_sales FROM gold.sales_analytics WHERE period_type = 'year'
UNION ALL SELECT 'year ' || period || ' refunds', total_refunds FROM gold.refunds_analytics WHERE period_type = 'year'
UNION ALL SELECT 'weeks with sales', count(*) FROM gold.sales_analytics WHERE period_type = 'week'
UNION ALL SELECT 'region ' || territory || ' best product', best_revenue FROM gold.regional_rankings
UNION ALL SELECT 'region ' || territory || ' second product', second_revenue FROM gold.regional_rankings
