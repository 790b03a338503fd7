-- Rankings in each region: place, best, difference to the best and to the next one, in amount and percent.
-- Change the first part: what a sale is, and where it is. The query can be given to create_model() as it is.
WITH sale AS (
	SELECT sold_on, order_id, customer, product, region, quantity, amount FROM gold.sale_lines
), product AS (
	SELECT region, product, sum(amount) AS revenue FROM sale GROUP BY region, product
)
SELECT region, product, revenue,
	rank() OVER place AS place,
	first_value(revenue) OVER place AS best_revenue,
	first_value(revenue) OVER place - revenue AS behind_best,
	round(100 * (first_value(revenue) OVER place - revenue) / nullif(first_value(revenue) OVER place, 0), 2) AS behind_best_percent,
	revenue - lead(revenue) OVER (PARTITION BY region ORDER BY revenue DESC, product COLLATE "C") AS ahead_of_next,
	round(100 * revenue / nullif(sum(revenue) OVER (PARTITION BY region), 0), 2) AS share_percent
FROM product
WINDOW place AS (PARTITION BY region ORDER BY revenue DESC)
