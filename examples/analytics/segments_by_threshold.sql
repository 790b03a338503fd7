-- Segments of customers by fixed thresholds.
-- Change the first part: what a sale is, and where it is. The query can be given to create_model() as it is.
WITH sale AS (
	SELECT sold_on, order_id, customer, product, region, quantity, amount FROM gold.sale_lines
), threshold (segment, at_least) AS (
	VALUES ('High Value', 10000), ('Medium Value', 5000), ('Low Value', NULL)		-- NULL: everybody else
), customer AS (
	SELECT customer, sum(amount) AS total FROM sale WHERE customer IS NOT NULL GROUP BY customer
)
SELECT c.customer, c.total,
	(SELECT t.segment FROM threshold t WHERE c.total >= t.at_least OR t.at_least IS NULL ORDER BY t.at_least DESC NULLS LAST LIMIT 1) AS segment
FROM customer c
