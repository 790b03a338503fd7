-- Retention: of the customers who first bought in a month, the share who bought again so many months later.
-- Change the first part: what a sale is, and where it is. The query can be given to create_model() as it is.
WITH sale AS (
	SELECT sold_on, order_id, customer, product, region, quantity, amount FROM gold.sale_lines
), month AS (
	SELECT DISTINCT customer, date_trunc('month', sold_on::timestamp)::date AS month FROM sale WHERE customer IS NOT NULL
), numbered AS (
	SELECT customer, month, min(month) OVER (PARTITION BY customer) AS cohort FROM month
)
SELECT cohort, ((extract(year FROM month) - extract(year FROM cohort)) * 12 + extract(month FROM month) - extract(month FROM cohort))::int AS months_later,
	count(*) AS customers, max(count(*) FILTER (WHERE month = cohort)) OVER (PARTITION BY cohort) AS cohort_size,
	round(100.0 * count(*) / max(count(*) FILTER (WHERE month = cohort)) OVER (PARTITION BY cohort), 2) AS retention_percent
FROM numbered
GROUP BY cohort, month
