-- Moving averages over days of the calendar: days without sales count as zero, and the first days, whose window is not full, have none.
-- Change the first part: what a sale is, and where it is. The query can be given to create_model() as it is.
WITH sale AS (
	SELECT sold_on, order_id, customer, product, region, quantity, amount FROM gold.sale_lines
), day AS (
	SELECT d.day::date AS day, coalesce(s.revenue, 0) AS revenue
	FROM generate_series((SELECT min(sold_on) FROM sale)::timestamp, (SELECT max(sold_on) FROM sale)::timestamp, interval '1 day') AS d (day)
	LEFT JOIN (SELECT sold_on, sum(amount) AS revenue FROM sale GROUP BY sold_on) AS s ON s.sold_on = d.day::date
)
SELECT day, revenue,
	CASE WHEN row_number() OVER (ORDER BY day) >= 7 THEN round(avg(revenue) OVER (ORDER BY day ROWS 6 PRECEDING), 2) END AS average_7_days,
	CASE WHEN row_number() OVER (ORDER BY day) >= 28 THEN round(avg(revenue) OVER (ORDER BY day ROWS 27 PRECEDING), 2) END AS average_28_days,
	sum(revenue) OVER (PARTITION BY date_trunc('year', day::timestamp) ORDER BY day) AS year_to_date
FROM day
