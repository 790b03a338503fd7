-- Gaps in a time series: stretches of days without a row, for each region, from its first to its last day.
-- Change the first part: what a sale is, and where it is. The query can be given to create_model() as it is.
WITH sale AS (
	SELECT sold_on, order_id, customer, product, region, quantity, amount FROM gold.sale_lines
), day AS (
	SELECT DISTINCT region, sold_on FROM sale
), step AS (
	SELECT region, sold_on, lead(sold_on) OVER (PARTITION BY region ORDER BY sold_on) AS next_day FROM day
)
SELECT region, sold_on + 1 AS gap_from, next_day - 1 AS gap_to, next_day - sold_on - 1 AS missing_days
FROM step
WHERE next_day > sold_on + 1
