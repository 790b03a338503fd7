/*
 * 564,000 rows of real sales in nested Excel files, against totals that were
 * computed independently of us.
 */
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\n'
SELECT :'shared' || '/data/retail_tree' AS tree \gset
SELECT CASE WHEN :'shared' = '' THEN false ELSE coalesce((pg_stat_file(:'tree', true)).isdir, false) END AS there \gset
\if :there
\else
SELECT plan(1);
SELECT skip('the retail tree is not there', 1);
SELECT * FROM finish();
\quit
\endif

SELECT plan(36);

-- six lines of configuration
\o /dev/null
SELECT set_config('medallion.input_root', :'tree', false) AS root \gset
SELECT medallion.create_feature('invoices', '{sales/cash_invoices/detailed/**/*.xls*}', '{document_number,trn_date,line_no}',
	'{"split": {"credits": "document_number LIKE ''C%'' OR amount < 0", "invoices": "else"}, "checks": [{"kind": "null_check", "columns": ["customer_code", "product_description"]}, {"kind": "amount_check", "columns": ["amount"]}]}');
SELECT medallion.create_feature('summary', '{sales/cash_invoices/summarized/**/*.xls*}', '{document_number,trn_date}',
	'{"null_key": "as_value"}');
SELECT medallion.create_feature('credits', '{sales/credit_notes/detailed/**/*.xls*}', '{document_number,trn_date,line_no}',
	'{"split": {"credits": "document_number LIKE ''C%'' OR amount < 0", "invoices": "else"}, "checks": [{"kind": "credit_amount_check", "columns": ["amount"]}]}');

\o
CREATE TEMP TABLE first_run AS SELECT * FROM medallion.run_pipeline();
SELECT is((SELECT count(*) FROM first_run WHERE status <> 'COMPLETED'), 0::bigint, 'every step of the first run completed');
SELECT is((SELECT sum((detail->>'loaded')::int) FROM first_run WHERE layer = 'bronze'), 39::bigint, '39 files loaded');

-- bronze holds every line
SELECT is((SELECT count(*) FROM bronze.invoices), 532621::bigint, 'bronze: lines of invoices');
SELECT is((SELECT count(*) FROM bronze.credits), 9288::bigint, 'bronze: lines of credit notes');
SELECT is((SELECT sum(amount::numeric) FROM bronze.invoices)::numeric(14,3), 10644560.424, 'bronze: amount of invoices');

-- silver: invoices
SELECT is(count(*), 532621::bigint, 'lines'),
	   is(count(DISTINCT document_number), 22064::bigint, 'documents'),
	   is(count(DISTINCT customer_code), 4339::bigint, 'customers'),
	   is(count(*) FILTER (WHERE customer_code IS NULL), 134697::bigint, 'lines without customer'),
	   is(count(*) FILTER (WHERE product_description IS NULL), 1454::bigint, 'lines without description'),
	   is(count(DISTINCT branch_name), 38::bigint, 'branches'),
	   is(sum(quantity)::bigint, 5454024::bigint, 'quantity'),
	   is(sum(amount)::numeric(14,3), 10644560.424, 'amount'),
	   is(count(*) FILTER (WHERE amount < 0), 2::bigint, 'negative amounts'),
	   is(count(*) FILTER (WHERE unit_price = 0), 2515::bigint, 'prices of zero')
  FROM silver.invoices_current;
SELECT is((SELECT array_agg(DISTINCT left(document_number, 1)) FROM silver.invoices_current WHERE amount < 0), '{A}',
		  'negative amounts are adjustments of bad debt');
SELECT is((SELECT (SELECT count(*) FROM silver.invoices_credits_current) + (SELECT count(*) FROM silver.invoices_invoices_current)),
		  532621::bigint, 'every line is in exactly one split');
SELECT is((SELECT count(*) - count(DISTINCT (document_number, trn_date, branch_name, customer_code, item_code, product_description, quantity, unit_price))
			 FROM silver.invoices_current), 5231::bigint, 'extra exact duplicates');

-- silver: month by month
CREATE TEMP TABLE truth (month date, documents bigint, lines bigint, amount numeric, trading_days bigint);
INSERT INTO truth VALUES ('2010-12-01', 1699, 41753, 823746.14, 20), ('2011-01-01', 1216, 34446, 691364.56, 24),
	('2011-06-01', 1683, 36163, 761739.90, 26), ('2011-11-01', 3021, 83635, 1509496.33, 26), ('2011-12-01', 869, 25165, 638792.68, 8);
SELECT results_eq(
	$$SELECT date_trunc('month', trn_date)::date, count(DISTINCT document_number), count(*), sum(amount)::numeric(14,2),
			 count(DISTINCT trn_date::date)
		FROM silver.invoices_current WHERE date_trunc('month', trn_date)::date IN (SELECT month FROM truth) GROUP BY 1 ORDER BY 1$$,
	'SELECT * FROM truth ORDER BY 1', 'documents, lines, amount and trading days of the published months');
SELECT is((SELECT count(DISTINCT date_trunc('month', trn_date)) FROM silver.invoices_current), 13::bigint, '13 months');

-- silver: credit notes
SELECT is(count(DISTINCT document_number), 3836::bigint, 'credit notes: documents'),
	   is(count(DISTINCT customer_code), 1589::bigint, 'credit notes: customers'),
	   is(sum(quantity)::bigint, -277574::bigint, 'credit notes: quantity'),
	   is(sum(amount)::numeric(14,2), -896812.49, 'credit notes: amount'),
	   is(count(*) FILTER (WHERE amount < 0), 9288::bigint, 'credit notes: all amounts negative')
  FROM silver.credits_credits_current;

-- the documents agree with their lines; one of them has no date in the file, and is kept as it is
SELECT is((SELECT sum(amount)::numeric(14,2) FROM silver.summary_current), 10644560.42, 'summaries: amount');

-- columns that came later
SELECT results_eq(
	$$SELECT table_name, column_name FROM etl_logs.schema_evolution WHERE layer = 'bronze' AND change_type = 'ADD_COLUMN' ORDER BY evolution_id$$,
	$$VALUES ('bronze.invoices', 'vat_amount'), ('bronze.invoices', 'currency'),
			 ('bronze.credits', 'vat_amount'), ('bronze.credits', 'currency')$$,
	'VAT AMOUNT and CURRENCY widened the first months, in two rows each');

-- checks
SELECT is((SELECT records_affected FROM etl_logs.data_quality_checks WHERE check_type = 'not_null' AND column_name = 'customer_code'),
		  134697::bigint, 'null check counts the lines without customer');
SELECT is((SELECT check_status FROM etl_logs.data_quality_checks WHERE check_type = 'not_null' AND column_name = 'customer_code'),
		  'FAILED', 'a quarter without customer is a failed check');
SELECT is((SELECT check_status FROM etl_logs.data_quality_checks WHERE check_type = 'not_null' AND column_name = 'product_description'),
		  'WARNING', 'less than one in a hundred is a warning');
SELECT is((SELECT check_status FROM etl_logs.data_quality_checks WHERE check_type = 'credit_amount'), 'PASSED', 'credit notes have the right sign');

-- gold
\o /dev/null
SELECT medallion.install_sales_pack('{invoices}');
\o
CREATE TEMP TABLE gold_run AS SELECT * FROM medallion.run_pipeline();
SELECT is((SELECT sum(total_sales)::numeric(14,3) FROM gold.daily_sales_summary), (SELECT sum(amount)::numeric(14,3) FROM silver.invoices_invoices_current),
		  'gold: daily sales add up to the invoices');
SELECT results_eq(
	$$SELECT customer_segment, count(*) FROM gold.customer_analytics GROUP BY 1 ORDER BY 2$$,
	$$VALUES ('High Value', 7::bigint), ('Medium Value', 13), ('Low Value', 4319)$$, 'gold: customers by lifetime value');
SELECT results_eq(
	$$SELECT year, month, total_unique_customers FROM (SELECT year, month, sum(total_sales), max(total_unique_customers) AS total_unique_customers
		FROM gold.monthly_sales_summary WHERE branch_name = 'United Kingdom' GROUP BY 1, 2) m ORDER BY 1, 2$$,
	$$SELECT extract(year FROM trn_date)::int, extract(month FROM trn_date)::int, count(DISTINCT customer_code)
		FROM silver.invoices_invoices_current WHERE branch_name = 'United Kingdom' GROUP BY 1, 2 ORDER BY 1, 2$$,
	'gold: customers of a month are counted over the month');

-- again, with nothing new
SELECT clock_timestamp() AS started \gset
CREATE TEMP TABLE again AS SELECT * FROM medallion.run_pipeline();
SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz) * 1000 AS ms \gset
SELECT is((SELECT count(*) FROM again WHERE status <> 'UNCHANGED'), 0::bigint, 'the second run changes nothing');
-- a server with assertions takes its time
SELECT cmp_ok(:ms::numeric, '<', CASE WHEN current_setting('debug_assertions')::boolean THEN 2000 ELSE 200 END::numeric, 'the second run looks at 39 files in ' || round(:ms::numeric, 1) || ' ms');
SELECT * FROM finish();
