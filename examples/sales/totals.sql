SELECT 'days and branches' AS name, count(*)::numeric AS value FROM gold.daily_sales_summary
UNION ALL SELECT 'documents of days and branches', sum(invoice_count) FROM gold.daily_sales_summary
UNION ALL SELECT 'largest document', max(max_invoice_value) FROM gold.daily_sales_summary
UNION ALL SELECT format('month %s-%s sales', year, to_char(month, 'FM00')), sum(total_sales) FROM gold.monthly_sales_summary GROUP BY year, month
UNION ALL SELECT format('month %s-%s vat', year, to_char(month, 'FM00')), sum(total_vat) FROM gold.monthly_sales_summary GROUP BY year, month
UNION ALL SELECT format('month %s-%s days and branches', year, to_char(month, 'FM00')), sum(trading_days) FROM gold.monthly_sales_summary GROUP BY year, month
UNION ALL SELECT 'customers of ' || customer_segment, count(*) FROM gold.customer_analytics GROUP BY customer_segment
UNION ALL SELECT 'lifetime value', sum(lifetime_value) FROM gold.customer_analytics
UNION ALL SELECT 'transactions of customers', sum(total_transactions) FROM gold.customer_analytics
UNION ALL SELECT 'products', count(*) FROM gold.product_analytics
UNION ALL SELECT 'revenue of products', sum(total_revenue) FROM gold.product_analytics
UNION ALL SELECT 'units', sum(total_quantity_sold) FROM gold.product_analytics
