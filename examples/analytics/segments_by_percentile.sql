-- Segments of customers by percentile: the best tenth, the next two fifths, the others.
-- Change the first part: what a sale is, and where it is. The query can be given to create_model() as it is.
WITH sale AS (
	SELECT sold_on, order_id, customer, product, region, quantity, amount FROM gold.sale_lines
), customer AS (
	SELECT customer, sum(amount) AS total FROM sale WHERE customer IS NOT NULL GROUP BY customer
), threshold AS (
	SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY total) AS p90, percentile_disc(0.5) WITHIN GROUP (ORDER BY total) AS p50 FROM customer
)
SELECT c.customer, c.total, CASE WHEN c.total >= t.p90 THEN 'Top' WHEN c.total >= t.p50 THEN 'Middle' ELSE 'Base' END AS segment
FROM customer c, threshold t
