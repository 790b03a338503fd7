-- The demo: nested Excel files to gold tables, then one file changes.
-- Variables: data, the folder of files; changes, the files of the second delivery.

\set QUIET on
\pset pager off
\pset linestyle ascii
\timing off
SET client_min_messages = warning;

CREATE EXTENSION medallion;
SELECT set_config('medallion.input_root', :'data', false) AS input_root \gset
\o /dev/null
\i config.sql
\o

\echo
\echo '--- the first run: every file is new ---'
SELECT run_id, layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline();

-- The gold models are written against silver's columns, so silver comes first.
\o /dev/null
SELECT medallion.install_sales_pack('{sales_cash_invoices_detailed,sales_cash_sales_detailed}');
\o
\echo '--- the gold models are there now: this run fills them, and finds no new file ---'
SELECT run_id, layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline();

\echo '--- gold: sales by month and branch ---'
SELECT * FROM gold.monthly_sales_summary ORDER BY 1, 2, 3 LIMIT 12;
\echo '--- gold: the best customers ---'
SELECT * FROM gold.customer_analytics ORDER BY lifetime_value DESC LIMIT 5;
\echo '--- gold: the best products ---'
SELECT * FROM gold.product_analytics ORDER BY total_revenue DESC LIMIT 5;
\echo '--- gold: the last days ---'
SELECT * FROM gold.daily_sales_summary ORDER BY 1 DESC, 2, 3, 4 LIMIT 5;

\echo '--- what could not be loaded, and why ---'
SELECT file_path, sheet_name, status, error_message
FROM etl_logs.file_processing WHERE error_message IS NOT NULL;

\echo '--- once more: nothing is new ---'
SELECT run_id, layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline();

\echo '--- January''s invoices arrive again, corrected ---'
\setenv MEDALLION_DATA :data
\setenv MEDALLION_CHANGES :changes
\! cp -R "$MEDALLION_CHANGES/." "$MEDALLION_DATA/"
SELECT run_id, layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline()
WHERE status <> 'UNCHANGED';

\echo '--- silver keeps both versions of what changed ---'
SELECT document_number, line_no, quantity, amount,
	_scd2_version, _scd2_valid_from, _scd2_valid_to, _scd2_is_current
FROM silver.sales_cash_invoices_detailed
WHERE (document_number, line_no) IN (
	SELECT document_number, line_no FROM silver.sales_cash_invoices_detailed
	WHERE _scd2_version > 1 OR NOT _scd2_is_current)
ORDER BY document_number, line_no, _scd2_version;
