-- After a load: one row per check, what is wrong in it. SELECT * FROM ... WHERE failures > 0 should be empty.
SELECT 'every transaction is a fact' AS check_name, abs((SELECT count(*) FROM silver.sales_current) - (SELECT count(*) FROM gold.fact_sales)) AS failures
UNION ALL SELECT 'amounts agree', CASE WHEN (SELECT sum(total_amount) FROM silver.sales_current) IS DISTINCT FROM (SELECT sum(total_amount) FROM gold.fact_sales) THEN 1 ELSE 0 END
UNION ALL SELECT 'the wide view repeats nothing', abs((SELECT count(*) FROM gold.fact_sales) - (SELECT count(*) FROM gold.sales_wide))
UNION ALL SELECT 'days add up', CASE WHEN (SELECT sum(revenue) FROM gold.daily_sales_summary) IS DISTINCT FROM (SELECT sum(total_amount) FROM gold.fact_sales) THEN 1 ELSE 0 END
UNION ALL SELECT 'reference ' || constraint_name, violations FROM medallion.foreign_key_violations('gold.fact_sales')
