/*
 * The bundled files, and what happens to files: changed, touched, broken,
 * mended, removed, copied.  Works on a copy of examples/sales/data.
 */
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;

SELECT :'scratch' || '/demo' AS tree \gset
CREATE FUNCTION pg_temp.shell(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'cat >/dev/null; ' || command);
END
$$;
\o /dev/null
SELECT pg_temp.shell(format('rm -rf %1$s && mkdir -p %1$s && cp -R %2$s/examples/sales/data/. %1$s/ && chmod -R u+rwX %1$s', :'tree', :'project'));
\o
SELECT set_config('medallion.input_root', :'tree', false) AS root \gset
SELECT set_config('test.changes', :'project' || '/examples/sales/changes', false) AS changes \gset
\o /dev/null
\i :project/examples/sales/config.sql
\o

/* everything that data is, and what the ledger says of loads, as one value; runs and times of logs left out */
CREATE FUNCTION pg_temp.state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
	part text;
	whole text;
BEGIN
	SELECT string_agg(concat_ws('|', file_id, path, version, status, encode(content_hash, 'hex'), rows, loaded_run_id, superseded_run_id,
								silver_run_id, silver_superseded_run_id), E'\n' ORDER BY file_id)
	  INTO whole FROM medallion.file_versions;
	FOR relation IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
					 WHERE n.nspname IN ('bronze', 'silver', 'gold') AND c.relkind = 'r' ORDER BY c.oid::regclass::text COLLATE "C" LOOP
		EXECUTE format('SELECT md5(coalesce(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C"), '''')) FROM %s t', relation) INTO part;
		whole := whole || relation || part;
	END LOOP;
	RETURN md5(whole);
END
$$;

CREATE TEMP TABLE truth (feature text, month text, state text, documents bigint, lines bigint, customers bigint, quantity bigint,
	discount numeric, vat_amount numeric, amount numeric);
SELECT format('COPY truth FROM %L WITH (FORMAT csv, HEADER)', :'project' || '/examples/sales/expected_totals.csv') AS load \gset
:load;

/* what silver says, in the shape of truth; summaries have no quantity */
CREATE FUNCTION pg_temp.totals(feature text)
RETURNS TABLE (month text, documents bigint, lines bigint, customers bigint, quantity bigint, discount numeric, vat_amount numeric, amount numeric) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT to_char(trn_date, ''YYYY-MM''), count(DISTINCT document_number), count(*), count(DISTINCT customer_code),'
								' sum((to_jsonb(s)->>''quantity'')::bigint)::bigint, sum(discount), sum(vat_amount), sum(amount)'
								' FROM silver.%I_current s GROUP BY 1', feature);
END
$$;
/* the rows that only one of the two has; none is '' */
CREATE FUNCTION pg_temp.differences(wanted text) RETURNS text LANGUAGE sql AS $$
	WITH ours AS (SELECT f.name AS feature, t.* FROM medallion.features f, pg_temp.totals(f.name) t),
	theirs AS (SELECT DISTINCT ON (feature, month) feature, month, documents, lines, customers,
				CASE WHEN feature NOT LIKE '%summarized' THEN quantity END AS quantity, discount, vat_amount, amount FROM truth
				WHERE state IN ('first', wanted) ORDER BY feature, month, state = wanted DESC)
	SELECT coalesce(string_agg(d::text, E'\n' ORDER BY d::text), '') FROM (
		(SELECT 'silver', * FROM ours EXCEPT ALL SELECT 'silver', * FROM theirs) UNION ALL
		(SELECT 'files', * FROM theirs EXCEPT ALL SELECT 'files', * FROM ours)) d
$$;

SELECT plan(49);

-- the first run
CREATE TEMP TABLE run AS SELECT * FROM medallion.run_pipeline();
SELECT is((SELECT count(*) FROM run WHERE layer = 'silver' AND status = 'COMPLETED'), 6::bigint, 'six features reach silver');
SELECT is(pg_temp.differences('first'), '', 'silver equals the generator''s own totals, by feature and month, in every column');
SELECT is((SELECT sum(lines) FROM silver.sales_cash_invoices_summarized_current)::bigint, (SELECT count(*) FROM silver.sales_cash_invoices_detailed_current), 'summaries count as many lines as there are');
SELECT is((SELECT string_agg(object || ' ' || status, ', ') FROM run WHERE layer = 'bronze' AND status <> 'COMPLETED'),
		  'sales_cash_sales_detailed PARTIAL', 'the broken file makes its feature PARTIAL, no other');
SELECT ok((SELECT detail->>'error' LIKE '%truncated.xlsx": the zip directory is missing%' FROM run WHERE status = 'PARTIAL'), 'the run table says which file and why');
SELECT is((SELECT count(*) FROM etl_logs.file_processing WHERE status = 'FAILED' AND file_path LIKE '%truncated.xlsx' AND error_message LIKE '%zip directory is missing%'),
		  1::bigint, 'so does file_processing');
SELECT is((SELECT count(*) FROM etl_logs.pipeline_runs WHERE status = 'PARTIAL' AND error_message LIKE '%truncated.xlsx%'), 1::bigint, 'so does pipeline_runs');
SELECT is((SELECT count(*) FROM etl_logs.file_processing WHERE status = 'EMPTY'), 1::bigint, 'the empty workbook is EMPTY, not an error');
SELECT cmp_ok((SELECT max(n) FROM (SELECT count(DISTINCT sheet_name) AS n FROM etl_logs.file_processing WHERE status = 'SUCCESS' GROUP BY file_path) s),
			  '>=', 2::bigint, 'a workbook of two sheets is read whole');
SELECT results_eq('SELECT sheet_name, records_count FROM etl_logs.file_processing WHERE file_path LIKE ''%/cash_sales_dec_2024.xlsx'' ORDER BY 1',
	'SELECT _sheet, count(*) FROM bronze.sales_cash_sales_detailed b JOIN medallion.file_versions v ON v.file_id = b._file_id WHERE v.path LIKE ''%/cash_sales_dec_2024.xlsx'' GROUP BY 1 ORDER BY 1', 'file_processing has a row per sheet, with its rows');
SELECT is((SELECT count(*) FROM medallion.feature_columns WHERE name LIKE 'column\_%' OR original ILIKE '%report%'), 0::bigint, 'a title above the header is no column');
SELECT is((SELECT min(_row) FROM bronze.sales_credit_notes_detailed b JOIN medallion.file_versions v ON v.file_id = b._file_id WHERE v.path LIKE '%/credits_jan_2025.xlsx'), 4::bigint, 'below a title and an empty row, data begin with row 4, as the sheet counts');
SELECT is((SELECT count(*) FROM etl_logs.scd2_history WHERE operation_type = 'initial_load'), 6::bigint, 'the log says initial_load');
SELECT is((SELECT count(*) FROM (SELECT feature_name FROM etl_logs.schema_evolution e JOIN medallion.features f ON e.table_name = 'bronze.' || f.name
			CROSS JOIN LATERAL (SELECT f.name AS feature_name) x WHERE change_type = 'ADD_COLUMN' AND column_name = 'currency' GROUP BY 1) s),
		  (SELECT count(DISTINCT feature_id) FROM medallion.feature_columns WHERE name = 'currency'), 'the column that came later is logged once per feature');

-- gold, then a run with nothing new
\o /dev/null
SELECT medallion.install_sales_pack('{sales_cash_invoices_detailed,sales_cash_sales_detailed}');
\o
SELECT is((SELECT count(*) FROM medallion.run_pipeline() WHERE layer = 'gold' AND status = 'COMPLETED'), 5::bigint, 'five gold tables are filled');
SELECT is((SELECT round(sum(total_sales), 2) FROM gold.monthly_sales_summary) + (SELECT round(sum(amount), 2) FROM (SELECT amount FROM silver.sales_cash_invoices_detailed_credits_current
			UNION ALL SELECT amount FROM silver.sales_cash_sales_detailed_credits_current) c), (SELECT round(sum(amount), 2) FROM truth
		   WHERE state = 'first' AND feature IN ('sales_cash_invoices_detailed', 'sales_cash_sales_detailed')), 'gold and the credits set apart add up to the files');
SELECT is((SELECT count(*) FROM silver.sales_credit_notes_detailed) , (SELECT count(*) FROM silver.sales_credit_notes_detailed_credits), 'every credit note is a credit, the positive one too');
SELECT is((SELECT count(*) FILTER (WHERE amount < 0) FROM silver.sales_cash_invoices_detailed_invoices), 0::bigint, 'no negative line is an invoice');
SELECT lives_ok(substring(pg_read_file(:'project' || '/examples/sales/README.md') FROM E'```sql\n(.*)\n```'), 'the README''s queries run');
SELECT pg_temp.state() AS before \gset
SELECT is((SELECT count(*) FROM medallion.run_pipeline() WHERE status NOT IN ('UNCHANGED', 'PARTIAL')), 0::bigint, 'a run with nothing new has nothing to do');
SELECT is(pg_temp.state(), :'before', 'and changes not one row');

-- touched: new times, same content
\o /dev/null
SELECT pg_temp.shell(format('touch %s/sales/cash_invoices/detailed/2024/november/*.xlsx', :'tree'));
\o
SELECT is((SELECT count(*) FROM medallion.run_pipeline() WHERE status NOT IN ('UNCHANGED', 'PARTIAL')), 0::bigint, 'a touched file is not loaded');
SELECT is(pg_temp.state(), :'before', 'and changes not one row');
SELECT is((SELECT (detail->>'unchanged')::int FROM medallion.run_pipeline() WHERE layer = 'bronze' AND object = 'sales_cash_invoices_detailed'),
		  (SELECT (detail->>'files')::int FROM run WHERE layer = 'bronze' AND object = 'sales_cash_invoices_detailed'), 'its new times are known then');

-- changed: which keys must move is worked out from the two files themselves
SELECT (SELECT file FROM (SELECT :'tree' || '/sales/cash_invoices/detailed/2025/january/invoices_jan_2025.xlsx' AS file) f) AS changed_file \gset
CREATE TEMP TABLE old_cells AS SELECT cells[1] AS document_number, cells[2] AS line_no, cells FROM medallion.read_rows(:'changed_file');
CREATE TEMP TABLE silver_before AS SELECT * FROM silver.sales_cash_invoices_detailed;
\o /dev/null
SELECT pg_temp.shell(format('cp -R %s/. %s/', current_setting('test.changes'), :'tree'));
\o
CREATE TEMP TABLE new_cells AS SELECT cells[1] AS document_number, cells[2] AS line_no, cells FROM medallion.read_rows(:'changed_file');
CREATE TEMP TABLE moved AS
	SELECT document_number, line_no, o.cells IS NOT NULL AS was, n.cells IS NOT NULL AS is_now
	  FROM old_cells o FULL JOIN new_cells n USING (document_number, line_no) WHERE o.cells IS DISTINCT FROM n.cells;
TRUNCATE run;
INSERT INTO run SELECT * FROM medallion.run_pipeline();
SELECT cmp_ok((SELECT count(*) FROM moved), '>', 0::bigint, 'the delivery changes something');
SELECT is((SELECT count(*) FROM medallion.file_versions WHERE superseded_at IS NOT NULL), 1::bigint, 'one file version is superseded');
SELECT set_eq('SELECT DISTINCT document_number, line_no::text FROM silver.sales_cash_invoices_detailed s WHERE _opened_run_id = (SELECT max(run_id) FROM run) OR _closed_run_id = (SELECT max(run_id) FROM run)',
			  'SELECT document_number, line_no FROM moved', 'exactly the changed keys got versions');
SELECT is((SELECT count(*) FROM silver_before b WHERE NOT EXISTS (SELECT FROM moved m WHERE (m.document_number, m.line_no) = (b.document_number, b.line_no::text))
			AND NOT EXISTS (SELECT FROM silver.sales_cash_invoices_detailed s WHERE s = b)), 0::bigint, 'every other row is as it was');
SELECT is((SELECT count(*) FROM moved WHERE was AND is_now AND NOT EXISTS (SELECT FROM silver.sales_cash_invoices_detailed s
			WHERE (s.document_number, s.line_no::text) = (moved.document_number, moved.line_no) AND _scd2_version = 2 AND _scd2_is_current)), 0::bigint, 'changed lines have a second, current version');
SELECT is((SELECT count(*) FROM moved WHERE was AND NOT is_now AND EXISTS (SELECT FROM silver.sales_cash_invoices_detailed_current s
			WHERE (s.document_number, s.line_no::text) = (moved.document_number, moved.line_no))), 0::bigint, 'lines no longer said are closed');
SELECT is(pg_temp.differences('changed'), '', 'silver equals the generator''s totals after the change');
SELECT is((SELECT count(*) FROM etl_logs.scd2_history WHERE operation_type = 'SCD2_MERGE'), 1::bigint, 'the log says SCD2_MERGE');
SELECT is((SELECT round(sum(total_sales), 2) FROM gold.daily_sales_summary), (SELECT round(sum(amount), 2) FROM (SELECT amount FROM silver.sales_cash_invoices_detailed_invoices_current
			UNION ALL SELECT amount FROM silver.sales_cash_sales_detailed_invoices_current) s), 'gold follows');
SELECT cmp_ok((SELECT (detail->>'deleted')::bigint FROM run WHERE object = 'daily_sales_summary'), '<', 10::bigint, 'in the rows that changed only');

-- broken: the old version stays; mended: the next run heals
CREATE TEMP TABLE current_before AS SELECT * FROM silver.sales_credit_notes_detailed_current;
\o /dev/null
SELECT pg_temp.shell(format('cd %s/sales/credit_notes/detailed/2024/november && for f in *.xlsx; do mv $f ../../../../../kept.xlsx && head -c 3000 ../../../../../kept.xlsx > $f; done', :'tree'));
\o
TRUNCATE run;
INSERT INTO run SELECT * FROM medallion.run_pipeline();
SELECT is((SELECT status FROM run WHERE layer = 'bronze' AND object = 'sales_credit_notes_detailed'), 'PARTIAL', 'a file that broke is reported');
SELECT matches((SELECT error_message FROM etl_logs.file_processing WHERE status = 'FAILED' AND run_id = (SELECT max(run_id) FROM run) AND file_path LIKE '%/credits_nov_2024.xlsx'), 'credits_nov_2024\.xlsx', 'with its name and a reason, in file_processing');
SELECT matches((SELECT error_message FROM etl_logs.pipeline_runs WHERE run_id = (SELECT max(run_id) FROM run) AND layer = 'bronze' AND feature_name = 'sales_credit_notes_detailed'), 'credits_nov_2024\.xlsx', 'and in pipeline_runs');
SELECT is((SELECT string_agg(version || ' ' || status, ', ') FROM medallion.file_versions WHERE path LIKE '%/credits_nov_2024.xlsx' AND superseded_at IS NULL), '1 LOADED', 'its version stays in force');
SELECT set_eq('SELECT * FROM silver.sales_credit_notes_detailed_current', 'SELECT * FROM current_before', 'what it said stays in force');
\o /dev/null
SELECT pg_temp.shell(format('cd %s/sales/credit_notes/detailed/2024/november && for f in *.xlsx; do mv ../../../../../kept.xlsx $f; done', :'tree'));
\o
SELECT is((SELECT status FROM medallion.run_pipeline() WHERE layer = 'bronze' AND object = 'sales_credit_notes_detailed'), 'UNCHANGED', 'mended, it is as it was');
\o /dev/null
SELECT pg_temp.shell(format('cd %s/sales/cash_sales/detailed/2025 && cp january/*.xlsx february/cash_sales_feb_2025_truncated.xlsx', :'tree'));
\o
SELECT is((SELECT status FROM medallion.run_pipeline() WHERE layer = 'bronze' AND object = 'sales_cash_sales_detailed'), 'COMPLETED', 'the broken file of the first run, replaced, loads');
SELECT is((SELECT count(*) FROM medallion.file_versions WHERE status = 'DUPLICATE'), 1::bigint, 'as a duplicate of another, without rows');
SELECT is((SELECT count(*) FROM silver.sales_cash_sales_detailed WHERE _scd2_version > 1), 0::bigint, 'and makes no versions');

-- removed: nothing changes, and it is said once
SELECT pg_temp.state() AS before \gset
\o /dev/null
SELECT pg_temp.shell(format('rm %s/sales/credit_notes/summarized/2024/november/*.xlsx', :'tree'));
\o
SELECT is((SELECT (detail->>'missing')::int FROM medallion.run_pipeline() WHERE layer = 'bronze' AND object = 'sales_credit_notes_summarized'), 1, 'a removed file is noticed');
SELECT is((SELECT (detail->>'missing')::int FROM medallion.run_pipeline() WHERE layer = 'bronze' AND object = 'sales_credit_notes_summarized'), 0, 'once');
SELECT is((SELECT count(*) FROM etl_logs.file_processing WHERE status = 'MISSING'), 1::bigint, 'and logged once');
SELECT is(pg_temp.state(), :'before', 'what it said stays in force');

-- files that no one means
\o /dev/null
SELECT pg_temp.shell(format('cd %s/sales/credit_notes/summarized/2025/january && for f in *.xlsx; do cp $f ''~$''$f; cp $f .$f; done', :'tree'));
\o
SELECT is((SELECT status FROM medallion.run_pipeline() WHERE layer = 'bronze' AND object = 'sales_credit_notes_summarized'), 'UNCHANGED', 'lock files and hidden files are passed over');
SELECT is((SELECT count(*) FROM medallion.file_versions WHERE path ~ '/(~\$|[.])[^/]*$'), 0::bigint, 'and leave no trace');

\o /dev/null
SELECT pg_temp.shell(format('rm -rf %s', :'tree'));
\o
SELECT * FROM finish();
