/* examples/analytics: each template on data small enough to work out by hand, and as a model. */
\set name analytics
\ir setup.psql
SELECT plan(18);
SET timezone = 'Asia/Kolkata';		-- no session setting may reach results

\o /dev/null
SELECT medallion.create_date_dimension('2024-01-01', '2025-12-31', '{"fiscal": {"start_month": 4}}');
SELECT medallion.refresh_model('dim_date');
\o
CREATE TABLE gold.sale_lines (sold_on date, order_id text, customer text, product text, region text, quantity int, amount numeric(12,2));
INSERT INTO gold.sale_lines VALUES
	('2024-12-29', 'o1', 'Ann', 'apple', 'north', 1, 6000.00), ('2024-12-29', 'o1', 'Ann', 'pear', 'north', 2, 5000.00),
	('2024-12-30', 'o2', 'Bob', 'apple', 'north', 1, 5000.00), ('2025-01-02', 'o3', 'Cid', 'pear', 'south', 3, 700.00),
	('2025-01-05', 'o4', 'Ann', 'apple', 'south', 1, 300.00), ('2025-03-31', 'o5', 'Bob', 'fig', 'north', 1, 50.00),
	('2025-04-01', 'o6', 'Dee', 'fig', 'south', 4, 40.00), ('2025-04-01', 'o7', NULL, 'apple', 'south', 1, 9.99), ('2025-04-01', 'o8', 'Eve', 'fig', 'south', 1, 4999.99);

/* the text of a template without its comments, which may hold semicolons */
CREATE FUNCTION pg_temp.template(name text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(line, E'\n') FROM regexp_split_to_table(pg_read_file(current_setting('test.project') || '/examples/analytics/' || template.name || '.sql'), E'\n') AS line WHERE line !~ '^--'
$$;
CREATE FUNCTION pg_temp.result(name text, columns_ text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	rows_ text[];
BEGIN
	EXECUTE format('SELECT array_agg(concat_ws('' '', %s) ORDER BY concat_ws('' '', %1$s) COLLATE "C") FROM (%s) AS q', columns_, pg_temp.template(name)) INTO rows_;
	RETURN rows_;
END
$$;
SELECT set_config('test.project', :'project', false) AS project \gset

SELECT is(pg_temp.result('rfm', 'customer, recency, frequency, monetary, recency_score, frequency_score, monetary_score, segment'),
	'{"Ann 86 2 11300.00 2 4 5 Loyal","Bob 1 2 5050.00 3 4 4 Loyal","Cid 89 1 700.00 1 1 2 Hibernating","Dee 0 1 40.00 4 1 1 New","Eve 0 1 4999.99 4 1 3 New"}', 'RFM');
SELECT is(pg_temp.result('segments_by_threshold', 'customer, total, segment'), '{"Ann 11300.00 High Value","Bob 5050.00 Medium Value","Cid 700.00 Low Value","Dee 40.00 Low Value","Eve 4999.99 Low Value"}', 'segments by threshold');
SELECT is(pg_temp.result('segments_by_percentile', 'customer, segment'), '{"Ann Top","Bob Middle","Cid Base","Dee Base","Eve Middle"}', 'segments by percentile');
SELECT is(pg_temp.result('rankings', 'region, place, product, revenue, behind_best, behind_best_percent, coalesce(ahead_of_next::text, ''last'')'),
	'{"north 1 apple 11000.00 0.00 0.00 6000.00","north 2 pear 5000.00 6000.00 54.55 4950.00","north 3 fig 50.00 10950.00 99.55 last","south 1 fig 5039.99 0.00 0.00 4339.99","south 2 pear 700.00 4339.99 86.11 390.01","south 3 apple 309.99 4730.00 93.85 last"}', 'rankings');
SELECT is((SELECT array_agg(r) FROM unnest(pg_temp.result('period_rollups', 'period_type, period, orders, customers, revenue')) AS r WHERE r !~ '^day'),
	'{"fiscal month FY2025-P09 2 2 16000.00","fiscal month FY2025-P10 2 2 1000.00","fiscal month FY2025-P12 1 1 50.00","fiscal month FY2026-P01 3 2 5049.98","fiscal quarter FY2025-Q3 2 2 16000.00","fiscal quarter FY2025-Q4 3 3 1050.00","fiscal quarter FY2026-Q1 3 2 5049.98","fiscal year FY2025 5 3 17050.00","fiscal year FY2026 3 2 5049.98","month 2024-12 2 2 16000.00","month 2025-01 2 2 1000.00","month 2025-03 1 1 50.00","month 2025-04 3 2 5049.98","quarter 2024-Q4 2 2 16000.00","quarter 2025-Q1 3 3 1050.00","quarter 2025-Q2 3 2 5049.98","week 2024-W52 1 1 11000.00","week 2025-W01 3 3 6000.00","week 2025-W14 4 3 5099.98","year 2024 2 2 16000.00","year 2025 6 5 6099.98"}', 'roll-ups; a week belongs to its ISO year');
SELECT is((SELECT count(*) FROM unnest(pg_temp.result('period_rollups', 'period_type')) AS r WHERE r = 'day'), 6::bigint, 'by day too');
SELECT is(pg_temp.result('retention_cohorts', 'cohort, months_later, customers, cohort_size, retention_percent'),
	'{"2024-12-01 0 2 2 100.00","2024-12-01 1 1 2 50.00","2024-12-01 3 1 2 50.00","2025-01-01 0 1 1 100.00","2025-04-01 0 2 2 100.00"}', 'cohorts');
SELECT is((SELECT array_agg(r) FROM unnest(pg_temp.result('moving_averages', 'day, revenue, coalesce(average_7_days::text, ''none''), year_to_date')) AS r WHERE left(r, 10) IN ('2024-12-29', '2025-01-03', '2025-01-04', '2025-01-05', '2025-01-06')),
	'{"2024-12-29 11000.00 none 11000.00","2025-01-03 0 none 700.00","2025-01-04 0 2385.71 700.00","2025-01-05 300.00 857.14 1000.00","2025-01-06 0 142.86 1000.00"}', 'moving averages over days, not over rows');
SELECT is((SELECT count(*) FROM unnest(pg_temp.result('moving_averages', 'day'))), ('2025-04-01'::date - '2024-12-29'::date + 1)::bigint, 'every day has a row');
SELECT is(pg_temp.result('gaps', 'region, gap_from, gap_to, missing_days'), '{"north 2024-12-31 2025-03-30 90","south 2025-01-03 2025-01-04 2","south 2025-01-06 2025-03-31 85"}', 'gaps');

-- each as a model
SELECT lives_ok(format('SELECT medallion.create_model(%L, pg_temp.template(%1$L)); SELECT medallion.refresh_model(%1$L)', t), t || ' is a model')
  FROM unnest('{rfm,segments_by_threshold,segments_by_percentile,rankings,period_rollups,retention_cohorts,moving_averages,gaps}'::text[]) AS t;
SELECT * FROM finish();
