-- Roll-ups by day, ISO week, month, quarter, year, fiscal month, fiscal quarter and fiscal year, in one table.
-- Change the first part: what a sale is, and where it is. The query can be given to create_model() as it is.
-- Needs a date dimension: SELECT medallion.create_date_dimension('2020-01-01', '2030-12-31', '{"fiscal": {"start_month": 4}}').
-- An ISO week goes with the ISO year; distinct customers are counted in each period, for those of its parts cannot be added up.
WITH sale AS (
	SELECT sold_on, order_id, customer, product, region, quantity, amount FROM gold.sale_lines
)
SELECT p.period_type, p.period, min(s.sold_on) AS first_day, max(s.sold_on) AS last_day, count(DISTINCT s.order_id) AS orders, sum(s.quantity) AS items,
	sum(s.amount) AS revenue, count(DISTINCT s.customer) AS customers
FROM sale s
JOIN gold.dim_date d ON d.date = s.sold_on
CROSS JOIN LATERAL (VALUES
	('day', to_char(d.date::timestamp, 'YYYY-MM-DD')),
	('week', d.iso_week_name),
	('month', to_char(d.date::timestamp, 'YYYY-MM')),
	('quarter', to_char(d.date::timestamp, 'YYYY-"Q"Q')),
	('year', d.year::text),
	('fiscal month', 'FY' || d.fiscal_year || '-P' || lpad(d.fiscal_month::text, 2, '0')),
	('fiscal quarter', 'FY' || d.fiscal_year || '-Q' || d.fiscal_quarter),
	('fiscal year', 'FY' || d.fiscal_year)
) AS p (period_type, period)
GROUP BY p.period_type, p.period
