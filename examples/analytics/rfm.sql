-- RFM: recency, frequency and monetary value of each customer, scored 1 to 5 (5 is best), and a segment.
-- Change the first part: what a sale is, and where it is. The query can be given to create_model() as it is.
-- Scores go by rank: customers with equal values have equal scores. Days are counted from the last day of the data, so that the
-- result follows from the data alone; for "as of today" put current_date there, and know that the model then changes every day.
WITH sale AS (
	SELECT sold_on, order_id, customer, product, region, quantity, amount FROM gold.sale_lines
), customer AS (
	SELECT customer, max(sold_on) AS last_order, count(DISTINCT order_id) AS frequency, sum(amount) AS monetary
	FROM sale WHERE customer IS NOT NULL
	GROUP BY customer
), measured AS (
	SELECT *, (SELECT max(sold_on) FROM sale) - last_order AS recency, count(*) OVER () AS customers
	FROM customer
), scored AS (
	SELECT *,
		(1 + 5 * (rank() OVER (ORDER BY recency DESC) - 1) / customers)::int AS recency_score,
		(1 + 5 * (rank() OVER (ORDER BY frequency) - 1) / customers)::int AS frequency_score,
		(1 + 5 * (rank() OVER (ORDER BY monetary) - 1) / customers)::int AS monetary_score
	FROM measured
)
SELECT customer, last_order, recency, frequency, monetary, recency_score, frequency_score, monetary_score,
	CASE
		WHEN recency_score >= 4 AND frequency_score >= 4 THEN 'Champions'
		WHEN frequency_score >= 4 THEN 'Loyal'
		WHEN recency_score >= 4 AND monetary_score >= 4 THEN 'Promising'
		WHEN recency_score >= 4 THEN 'New'
		WHEN recency_score <= 2 AND monetary_score >= 4 THEN 'At Risk'
		WHEN recency_score <= 2 THEN 'Hibernating'
		ELSE 'Regular'
	END AS segment
FROM scored
