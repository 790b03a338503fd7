/*
 * The bugs of the pipeline that medallion replaces, one section each: every
 * test's name says the bug that we do not have.  Small CSV files and workbooks
 * written here; the queries that its operators run, run as they are written.
 */
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;

SELECT set_config('test.tree', :'scratch' || '/seed_bugs', false) AS tree \gset
SELECT set_config('medallion.input_root', :'tree', false) AS root \gset

CREATE FUNCTION pg_temp.shell(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'cat >/dev/null; ' || command);
END
$$;

/* writes a file of exactly these bytes, its folders too */
CREATE FUNCTION pg_temp.put(path text, content bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	target text := current_setting('test.tree') || '/' || path;
	object oid := lo_from_bytea(0, content);
BEGIN
	PERFORM pg_temp.shell(format('mkdir -p "$(dirname ''%s'')"', target));
	PERFORM lo_export(object, target);
	PERFORM lo_unlink(object);
END
$$;
CREATE FUNCTION pg_temp.put(path text, content text) RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.put(path, convert_to(content, 'UTF8'))
$$;

/* a number as so many bytes, lowest first */
CREATE FUNCTION pg_temp.le(n bigint, size int) RETURNS bytea LANGUAGE sql AS $$
	SELECT string_agg(set_byte('\x00'::bytea, 0, ((n >> (8 * i)) & 255)::int), '' ORDER BY i) FROM generate_series(0, size - 1) i
$$;

CREATE FUNCTION pg_temp.crc32(data bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	crc bigint := 4294967295;
BEGIN
	FOR i IN 0..length(data) - 1 LOOP
		crc := crc # get_byte(data, i);
		FOR bit IN 1..8 LOOP
			crc := CASE WHEN crc & 1 = 1 THEN (crc >> 1) # 3988292384 ELSE crc >> 1 END;
		END LOOP;
	END LOOP;
	RETURN crc # 4294967295;
END
$$;

/* a workbook (a zip of stored entries) whose sheets have this XML inside <sheetData> */
CREATE FUNCTION pg_temp.workbook(sheets text[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	files jsonb := jsonb_build_object(
		'xl/workbook.xml', '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>' ||
		(SELECT string_agg(format('<sheet name="Part %s" sheetId="%s" r:id="rId%s"/>', i, i, i), '' ORDER BY i) FROM generate_subscripts(sheets, 1) i) || '</sheets></workbook>',
		'xl/_rels/workbook.xml.rels', '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">' ||
		(SELECT string_agg(format('<Relationship Id="rId%s" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet%s.xml"/>', i, i), '' ORDER BY i)
		   FROM generate_subscripts(sheets, 1) i) || '</Relationships>');
	entry record;
	common bytea;
	content bytea;
	body bytea := '';
	directory bytea := '';
	entries int := 0;
BEGIN
	FOR i IN 1..array_length(sheets, 1) LOOP
		files := files || jsonb_build_object(format('xl/worksheets/sheet%s.xml', i),
			'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>' || sheets[i] || '</sheetData></worksheet>');
	END LOOP;
	FOR entry IN SELECT key, value FROM jsonb_each_text(files) LOOP
		content := convert_to(entry.value, 'UTF8');
		common := pg_temp.le(20, 2) || pg_temp.le(0, 8) || pg_temp.le(pg_temp.crc32(content), 4) || pg_temp.le(length(content), 4) ||
			pg_temp.le(length(content), 4) || pg_temp.le(length(entry.key), 2) || pg_temp.le(0, 2);
		directory := directory || '\x504b0102'::bytea || pg_temp.le(20, 2) || common || pg_temp.le(0, 10) ||
			pg_temp.le(length(body), 4) || convert_to(entry.key, 'UTF8');
		body := body || '\x504b0304'::bytea || common || convert_to(entry.key, 'UTF8') || content;
		entries := entries + 1;
	END LOOP;
	RETURN body || directory || '\x504b0506'::bytea || pg_temp.le(0, 4) || pg_temp.le(entries, 2) || pg_temp.le(entries, 2) ||
		pg_temp.le(length(directory), 4) || pg_temp.le(length(body), 4) || pg_temp.le(0, 2);
END
$$;

/* one row of a sheet */
CREATE FUNCTION pg_temp.cells(VARIADIC texts text[]) RETURNS text LANGUAGE sql AS $$
	SELECT '<row>' || string_agg(format('<c t="inlineStr"><is><t>%s</t></is></c>', t), '' ORDER BY i) || '</row>' FROM unnest(texts) WITH ORDINALITY u (t, i)
$$;

/* every row of the schemas of data and what the ledger says of loads, as one value */
CREATE FUNCTION pg_temp.state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
	part text;
	whole text;
BEGIN
	SELECT string_agg(concat_ws('|', file_id, path, version, status, rows, loaded_run_id, silver_run_id, superseded_run_id), E'\n' ORDER BY file_id)
	  INTO whole FROM medallion.file_versions;
	FOR relation IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
					 WHERE n.nspname IN ('bronze', 'silver', 'gold') AND c.relkind = 'r' ORDER BY n.nspname, c.relname LOOP
		EXECUTE format('SELECT md5(coalesce(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C"), '''')) FROM %s t', relation) INTO part;
		whole := concat_ws(E'\n', whole, relation, part);
	END LOOP;
	RETURN md5(whole);
END
$$;

CREATE TEMP TABLE run AS SELECT * FROM medallion.run_pipeline() LIMIT 0;
CREATE FUNCTION pg_temp.run(VARIADIC features text[] DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	TRUNCATE run;
	INSERT INTO run SELECT * FROM medallion.run_pipeline(features);
$$;

\o /dev/null
SELECT pg_temp.shell(format('rm -rf %1$s && mkdir -p %1$s', :'tree'));
\o
SELECT plan(65);

-- The feature of all sections below: two days, customer K1 on both of them
\o /dev/null
SELECT pg_temp.put('sales/2025/january/a.csv', $$Document Number,Line No.,Trn Date,Branch Name,Branch Code,Customer Code,Item Code,Quantity,Unit Price,Amount
D1,1,2025-01-02,North,B1,K1,I1,2,10.00,20.00
D1,2,2025-01-02,North,B1,K1,I2,1,5.50,5.50
D2,1,2025-01-03,North,B1,K1,I1,1,10.00,10.00
D3,1,2025-01-03,North,B1,K2,I1,3,10.00,30.00
$$);
SELECT pg_temp.put('sales/2025/february/b.csv', $$Document Number,Line No.,Trn Date,Branch Name,Branch Code,Customer Code,Item Code,Quantity,Unit Price,Amount
D4,1,2025-02-01,North,B1,K1,I1,1,10.00,10.00
C1,1,2025-02-01,North,B1,K1,I1,-1,10.00,-10.00
C2,1,2025-02-02,North,B1,K2,I2,1,5.50,5.50
D5,1,2025-02-02,North,B1,,I2,-1,5.50,-5.50
$$);
SELECT medallion.create_feature('sales', '{sales/**/*.csv}', '{document_number,line_no}', '{
	"derive": {"transaction_date": "trn_date::date", "transaction_year": "extract(year FROM trn_date)::int", "transaction_month": "extract(month FROM trn_date)::int"},
	"split": {"credits": "document_number LIKE ''C%'' OR amount < 0", "invoices": "else"},
	"checks": [{"kind": "null_check", "columns": ["trn_date", "amount", "customer_code", "document_number"]},
			   {"kind": "duplicate_check", "columns": ["document_number", "trn_date", "customer_code"]},
			   {"kind": "amount_check", "columns": ["amount"]}, {"kind": "credit_amount_check", "columns": ["amount"]}]}');
SELECT pg_temp.run('sales');
SELECT medallion.install_sales_pack('{sales}');
SELECT pg_temp.run();
\o
SELECT is((SELECT count(*) FROM run WHERE layer = 'gold' AND status = 'COMPLETED'), 5::bigint, 'the feature and its five gold tables are there');

-- BUG: every rerun re-versions everything, for the load time is inside the value hash
SELECT pg_temp.state() AS before \gset
\o /dev/null
SELECT pg_temp.run();
\o
SELECT is((SELECT string_agg(DISTINCT status, ',') FROM run), 'UNCHANGED', 'rerun: no step has anything to do');
SELECT is(pg_temp.state(), :'before', 'rerun: no row of bronze, silver, gold or the ledger changes');
\o /dev/null
SELECT pg_temp.shell(format('cd %s/sales/2025/january && cp a.csv b && rm a.csv && mv b a.csv && touch -d 2030-01-01 a.csv', :'tree'));
SELECT pg_temp.run();
\o
SELECT is(pg_temp.state(), :'before', 'rerun: nor does it for a file written again with the same content');
CREATE TEMP TABLE hashes AS SELECT document_number, line_no, _value_hash FROM silver.sales;
\o /dev/null
SELECT pg_temp.shell(format('echo >> %s/sales/2025/january/a.csv', :'tree'));
SELECT pg_temp.run();
\o
SELECT is((SELECT detail->>'loaded' FROM run WHERE layer = 'bronze'), '1', 'a file with an empty line more is other content, and loads');
SELECT is((SELECT max(_scd2_version) FROM silver.sales), 1, 'but the same rows make no versions');
SELECT set_eq('SELECT document_number, line_no, _value_hash FROM silver.sales', 'TABLE hashes', 'for the value hash holds values only: no time, no run, no file');
SELECT is((SELECT (records_inserted, records_updated, records_expired)::text FROM etl_logs.scd2_history ORDER BY history_id DESC LIMIT 1), '(0,0,0)', 'as the log says');

-- BUG: a modified file is appended without removing its old rows
\o /dev/null
SELECT pg_temp.put('sales/2025/january/a.csv', $$Document Number,Line No.,Trn Date,Branch Name,Branch Code,Customer Code,Item Code,Quantity,Unit Price,Amount
D1,1,2025-01-02,North,B1,K1,I1,2,10.00,20.00
D2,1,2025-01-03,North,B1,K1,I1,2,10.00,20.00
D3,1,2025-01-03,North,B1,K2,I1,3,10.00,30.00
$$);
SELECT pg_temp.run();
\o
SELECT results_eq('SELECT document_number, line_no::int, amount::numeric(9,2) FROM silver.sales_current WHERE transaction_month = 1 ORDER BY 1, 2',
	$$VALUES ('D1', 1, 20.00), ('D2', 1, 20.00), ('D3', 1, 30.00)$$, 'modified file: what is current is what the file says now');
SELECT is((SELECT sum(amount) FROM silver.sales_invoices_current WHERE transaction_month = 1)::numeric(9,2), 70.00, 'modified file: no amount counts twice');
SELECT is((SELECT sum(total_sales) FROM gold.monthly_sales_summary WHERE month = 1)::numeric(9,2), 70.00, 'modified file: nor in gold');
SELECT is((SELECT count(*) FROM bronze.sales b JOIN medallion.file_versions v ON v.file_id = b._file_id WHERE v.superseded_at IS NULL AND v.path LIKE '%/a.csv'),
	3::bigint, 'modified file: of its versions in bronze one is in force');

-- BUG: versions of expired keys multiply with every run
SELECT is((SELECT string_agg(format('%s %s', _scd2_version, _scd2_is_current), ', ') FROM silver.sales WHERE (document_number, line_no) = ('D1', 2)), '1 f', 'expired key: one version, closed');
CREATE TEMP TABLE expired AS SELECT * FROM silver.sales WHERE (document_number, line_no) = ('D1', 2);
\o /dev/null
SELECT pg_temp.run();
SELECT pg_temp.put('sales/2025/january/a.csv', $$Document Number,Line No.,Trn Date,Branch Name,Branch Code,Customer Code,Item Code,Quantity,Unit Price,Amount
D1,1,2025-01-02,North,B1,K1,I1,2,10.00,20.00
D2,1,2025-01-03,North,B1,K1,I1,1,10.00,10.00
D3,1,2025-01-03,North,B1,K2,I1,3,10.00,30.00
$$);
SELECT pg_temp.run();
SELECT pg_temp.run();
\o
SELECT set_eq($$SELECT * FROM silver.sales WHERE (document_number, line_no) = ('D1', 2)$$, 'TABLE expired', 'expired key: later merges and reruns leave it alone');
SELECT is((SELECT count(*) FROM silver.sales WHERE (document_number, line_no) = ('D2', 1)), 3::bigint, 'a key that changed twice has three versions');
\o /dev/null
SELECT pg_temp.put('sales/2025/january/a.csv', $$Document Number,Line No.,Trn Date,Branch Name,Branch Code,Customer Code,Item Code,Quantity,Unit Price,Amount
D1,1,2025-01-02,North,B1,K1,I1,2,10.00,20.00
D1,2,2025-01-02,North,B1,K1,I2,1,5.50,5.50
D2,1,2025-01-03,North,B1,K1,I1,1,10.00,10.00
D3,1,2025-01-03,North,B1,K2,I1,3,10.00,30.00
$$);
SELECT pg_temp.run();
\o
SELECT is((SELECT string_agg(format('%s %s', _scd2_version, _scd2_is_current), ', ' ORDER BY _scd2_version) FROM silver.sales WHERE (document_number, line_no) = ('D1', 2)), '1 f, 2 t', 'expired key: said again, it is opened again, once');
SELECT is((SELECT count(*) FROM (SELECT 1 FROM silver.sales WHERE _scd2_is_current GROUP BY _business_key_hash HAVING count(*) > 1) t), 0::bigint, 'no key has two current versions');

-- BUG: reruns inflate daily and monthly totals
CREATE TEMP TABLE daily AS SELECT * FROM gold.daily_sales_summary;
CREATE TEMP TABLE monthly AS SELECT * FROM gold.monthly_sales_summary;
\o /dev/null
SELECT pg_temp.run();
SELECT pg_temp.run();
SELECT medallion.rebuild('sales');
SELECT pg_temp.run();
\o
SELECT is((SELECT status FROM run WHERE layer = 'silver'), 'COMPLETED', 'silver was folded anew');
SELECT bag_eq('SELECT * FROM gold.daily_sales_summary', 'TABLE daily', 'daily totals are as they were, after two reruns and a rebuild');
SELECT bag_eq('SELECT * FROM gold.monthly_sales_summary', 'TABLE monthly', 'so are monthly totals');
SELECT results_eq('SELECT date, invoice_count::int, total_sales::numeric(9,2) FROM gold.daily_sales_summary ORDER BY date',
	$$VALUES ('2025-01-02'::date, 1, 25.50), ('2025-01-03', 2, 40.00), ('2025-02-01', 1, 10.00)$$, 'and they are what the files say');

-- BUG: monthly distinct customers is a sum of daily ones
SELECT is((SELECT sum(unique_customers) FROM gold.daily_sales_summary WHERE month = 1), 3::numeric, 'customers of the days of January add up to 3');
SELECT is((SELECT total_unique_customers FROM gold.monthly_sales_summary WHERE month = 1)::int, 2, 'but they are 2, and the month says so');

-- BUG: rows with a NULL credit condition vanish from invoices and from credits
\o /dev/null
SELECT pg_temp.put('splits/a.csv', E'Id,Kind,Amount\n1,CN,-1\n2,CN,\n3,IN,3\n4,IN,\n5,,5\n6,,\n7,,-7\n');
SELECT medallion.create_feature('splits', '{splits/*.csv}', '{id}', '{"split": {"credits": "kind = ''CN'' OR amount < 0", "invoices": "else"}}');
SELECT pg_temp.run('splits');
\o
SELECT results_eq($$SELECT 'credits', string_agg(id::text, ',' ORDER BY id) FROM silver.splits_credits_current UNION ALL SELECT 'invoices', string_agg(id::text, ',' ORDER BY id) FROM silver.splits_invoices_current$$,
	$$VALUES ('credits', '1,2,7'), ('invoices', '3,4,5,6')$$, 'a row whose condition is NULL is not a credit, and is not lost');
SELECT bag_eq('SELECT id FROM silver.splits_credits UNION ALL SELECT id FROM silver.splits_invoices', 'SELECT id FROM silver.splits', 'invoices + credits = all, in all versions');
SELECT is((SELECT (SELECT count(*) FROM silver.sales_invoices) + (SELECT count(*) FROM silver.sales_credits)), (SELECT count(*) FROM silver.sales), 'likewise with S0''s own condition');

-- BUG: NULL keys never match, so that their rows multiply or are lost
\o /dev/null
SELECT pg_temp.put('keys/a.csv', E'Doc,Line,Val\nA,1,x\nA,,y\n,2,z\nB,1,x\n');
SELECT medallion.create_feature('nulls_out', '{keys/*.csv}', '{doc,line}');
SELECT medallion.create_feature('nulls_in', '{keys/*.csv}', '{doc,line}', '{"null_key": "as_value"}');
SELECT pg_temp.run('nulls_out', 'nulls_in');
\o
SELECT results_eq($$SELECT q.row, q.reason, b.val FROM medallion.quarantine q JOIN bronze.nulls_out b ON (b._file_id, b._sheet, b._row) = (q.file_id, q.sheet, q.row) ORDER BY 1$$,
	$$VALUES (3::bigint, 'NULL in business key', 'y'), (4, 'NULL in business key', 'z')$$, 'NULL keys: quarantined with address and reason, and kept in bronze');
SELECT is((SELECT string_agg(doc || line, ',' ORDER BY doc) FROM silver.nulls_out_current), 'A1,B1', 'NULL keys: the other rows are in silver');
SELECT is((SELECT (detail->>'quarantined')::int FROM run WHERE layer = 'silver' AND object = 'nulls_out'), 2, 'NULL keys: the run table counts them');
SELECT is((SELECT quarantined_rows FROM medallion.status WHERE feature = 'nulls_out'), 2::bigint, 'NULL keys: so does medallion.status');
SELECT is((SELECT count(*) FROM silver.nulls_in_current), 4::bigint, 'NULL keys: with null_key as_value they are keys like others');
\o /dev/null
SELECT pg_temp.put('keys/a.csv', E'Doc,Line,Val\nA,1,x\nA,,changed\n,2,z\nB,1,x\n');
SELECT pg_temp.run('nulls_out', 'nulls_in');
\o
SELECT results_eq('SELECT val, _scd2_version, _scd2_is_current FROM silver.nulls_in WHERE line IS NULL ORDER BY 2', $$VALUES ('y', 1, false), ('changed', 2, true)$$, 'NULL keys: as values they match: one changed row, one version');
SELECT is((SELECT max(_scd2_version) FROM silver.nulls_in WHERE line IS NOT NULL), 1, 'NULL keys: and the rest stays as it was');
\o /dev/null
SELECT pg_temp.put('keys/a.csv', E'Doc,Line,Val\nA,1,x\nA,7,changed\nC,2,z\nB,1,x\n');
SELECT pg_temp.run('nulls_out');
\o
SELECT is((SELECT string_agg(doc || line, ',' ORDER BY doc, line) FROM silver.nulls_out_current), 'A1,A7,B1,C2', 'NULL keys: mended in the source, the rows arrive');
SELECT is((SELECT quarantined_rows FROM medallion.status WHERE feature = 'nulls_out'), 0::bigint, 'NULL keys: and are quarantined no more');

-- BUG: concat hashes collide, and NULL looks like nothing
SELECT isnt(medallion.row_hash('a|b'::text, 'c'::text), medallion.row_hash('a'::text, 'b|c'::text), 'hash: the place of a separator counts');
SELECT isnt(medallion.row_hash('ab'::text, 'c'::text), medallion.row_hash('a'::text, 'bc'::text), 'hash: so does the place where a value ends');
SELECT isnt(medallion.row_hash(NULL::text), medallion.row_hash(''::text), 'hash: NULL is not the empty text');
SELECT isnt(medallion.row_hash(NULL::text, 'a'::text), medallion.row_hash('a'::text, NULL::text), 'hash: the place of a NULL counts');
SELECT isnt(medallion.row_hash('a'::text), medallion.row_hash('a'::text, NULL::text), 'hash: NULL is not nothing');
\o /dev/null
SELECT pg_temp.put('hash/a.csv', E'K1,K2,Val\na|b,c,1\na,b|c,2\n');
SELECT medallion.create_feature('hashes', '{hash/*.csv}', '{k1,k2}');
SELECT pg_temp.run('hashes');
\o
SELECT is((SELECT count(*) FROM silver.hashes_current), 2::bigint, 'hash: two such keys are two keys');

-- BUG: errors are swallowed while the run says COMPLETED; one failed file or sheet is never retried
\o /dev/null
SELECT pg_temp.put('books/good.xlsx', pg_temp.workbook(ARRAY[pg_temp.cells('Id', 'Val') || pg_temp.cells('1', 'one')]));
SELECT pg_temp.put('books/bad.xlsx', pg_temp.workbook(ARRAY[pg_temp.cells('Id', 'Val') || pg_temp.cells('2', 'two'), pg_temp.cells('Id', 'Val') || pg_temp.cells('3', 'three') || '<row><c t="s"><v>99</v></c></row>']));
SELECT pg_temp.put('books/torn.xlsx', pg_temp.workbook(ARRAY[pg_temp.cells('Id', 'Val') || pg_temp.cells('4', 'four') || '<row><c']));
SELECT pg_temp.put('allbad/bad.xlsx', substr(pg_temp.workbook(ARRAY[pg_temp.cells('Id', 'Val') || pg_temp.cells('9', 'nine')]), 1, 300));
SELECT medallion.create_feature('books', '{books/*.xlsx}', '{id}');
SELECT medallion.create_feature('allbad', '{allbad/*.xlsx}', '{id}');
SELECT medallion.create_model('broken_model', 'SELECT 1 / (count(*) - count(*)) AS x FROM silver.splits_current');
SELECT pg_temp.run();
\o
SELECT is((SELECT status FROM run WHERE layer = 'bronze' AND object = 'books'), 'PARTIAL', 'errors: a feature with one bad sheet is PARTIAL');
SELECT is((SELECT status FROM run WHERE layer = 'bronze' AND object = 'allbad'), 'FAILED', 'errors: a feature with no good file is FAILED');
SELECT is((SELECT status FROM run WHERE layer = 'gold' AND object = 'broken_model'), 'FAILED', 'errors: a model that raises is FAILED');
SELECT is((SELECT status FROM medallion.runs ORDER BY run_id DESC LIMIT 1), 'PARTIAL', 'errors: and the run is not COMPLETED');
SELECT results_eq($$SELECT layer, feature_name, status, error_message IS NOT NULL FROM etl_logs.pipeline_runs WHERE run_id = (SELECT max(run_id) FROM run) AND status IN ('PARTIAL', 'FAILED') ORDER BY 1, 2$$,
	$$VALUES ('bronze', 'allbad', 'FAILED', true), ('bronze', 'books', 'PARTIAL', true), ('gold', 'broken_model', 'FAILED', true)$$, 'errors: pipeline_runs has all three, with messages');
SELECT matches((SELECT error_message FROM etl_logs.file_processing WHERE status = 'FAILED' AND file_path LIKE '%/books/bad.xlsx'), 'bad\.xlsx", sheet "Part 2", row 3', 'errors: file_processing names file, sheet and row');
SELECT matches((SELECT error_message FROM etl_logs.file_processing WHERE status = 'FAILED' AND file_path LIKE '%/books/torn.xlsx'), 'torn\.xlsx", sheet "Part 1".*not well-formed', 'errors: and what is wrong, where the sheet itself is torn');
SELECT is((SELECT string_agg(id::text, ',') FROM silver.books_current), '1', 'errors: the good file is in; of the bad one not half');
\o /dev/null
SELECT pg_temp.run('books');
\o
SELECT is((SELECT detail->>'failed' FROM run WHERE layer = 'bronze'), '2', 'retry: the next run tries the bad files again');
SELECT is((SELECT count(*) FROM etl_logs.file_processing WHERE status = 'FAILED' AND file_path LIKE '%/books/bad.xlsx'), 2::bigint, 'retry: and logs it again');
\o /dev/null
SELECT pg_temp.put('books/bad.xlsx', pg_temp.workbook(ARRAY[pg_temp.cells('Id', 'Val') || pg_temp.cells('2', 'two'), pg_temp.cells('Id', 'Val') || pg_temp.cells('3', 'three')]));
SELECT pg_temp.put('books/torn.xlsx', pg_temp.workbook(ARRAY[pg_temp.cells('Id', 'Val') || pg_temp.cells('4', 'four')]));
SELECT pg_temp.run('books');
\o
SELECT is((SELECT string_agg(status, ',') FROM run WHERE object = 'books'), 'COMPLETED,COMPLETED', 'retry: mended, it loads without being asked');
SELECT is((SELECT string_agg(id::text || val, ',' ORDER BY id) FROM silver.books_current), '1one,2two,3three,4four', 'retry: with all its sheets');

-- a scheduler sees failures: the procedure raises, and what succeeded is committed (the error it prints is meant)
\o /dev/null
SELECT pg_temp.put('splits/b.csv', E'Id,Kind,Amount\n8,IN,8\n');
\o
\set ON_ERROR_STOP off
CALL medallion.run_pipeline_proc();
\set proc_state :SQLSTATE
\set proc_message :LAST_ERROR_MESSAGE
\set ON_ERROR_STOP on
SELECT isnt(:'proc_state'::text, '00000', 'errors: run_pipeline_proc() raises');
SELECT is(:'proc_message'::text, 'some steps of the pipeline failed', 'errors: and says why');
SELECT is((SELECT count(*) FROM silver.splits_current), 8::bigint, 'errors: after committing what succeeded');
SELECT throws_ok($$SELECT * FROM medallion.run_pipeline(options => '{"on_error": "raise"}')$$, '38000', NULL, 'errors: run_pipeline() raises where asked to');

-- The queries that S0's documents give its operators, as they are written
SELECT isnt_empty('SELECT * FROM etl_logs.pipeline_runs ORDER BY started_at DESC LIMIT 10', 'documented query: last runs');
SELECT isnt_empty($$SELECT * FROM etl_logs.data_quality_checks WHERE check_status = 'FAILED'$$, 'documented query: failed checks');
SELECT lives_ok('SELECT * FROM etl_logs.schema_evolution ORDER BY change_date DESC', 'documented query: schema changes');
SELECT isnt_empty('SELECT * FROM etl_logs.scd2_history ORDER BY operation_timestamp DESC', 'documented query: merges');
SELECT set_has($$SELECT table_name, check_type, check_status FROM (
		SELECT table_name, check_type, check_status, records_affected, check_details FROM etl_logs.data_quality_checks WHERE check_status IN ('FAILED', 'WARNING')) q$$,
	$$VALUES ('silver.sales', 'not_null', 'FAILED'), ('silver.sales', 'credit_amount', 'WARNING'), ('silver.sales', 'duplicate', 'WARNING')$$, 'documented query: what is wrong with the data');
SELECT isnt_empty($$SELECT run_id, pipeline_name, layer, feature_name, started_at, completed_at, status, records_processed, records_valid, records_invalid, files_processed,
	EXTRACT(EPOCH FROM (completed_at - started_at)) / 60 AS duration_minutes FROM etl_logs.pipeline_runs ORDER BY started_at DESC$$, 'monitor: runs with their minutes');
SELECT isnt_empty('SELECT layer, table_name, check_type, check_status, count(*), sum(records_affected) FROM etl_logs.data_quality_checks GROUP BY layer, table_name, check_type, check_status', 'monitor: checks by layer, table, kind and verdict');
SELECT set_has($$SELECT table_name, operation_type FROM (SELECT table_name, operation_type, sum(records_inserted), sum(records_updated), sum(records_expired) FROM etl_logs.scd2_history GROUP BY table_name, operation_type) q$$,
	$$VALUES ('silver.sales', 'initial_load'), ('silver.sales', 'SCD2_MERGE')$$, 'monitor: merges by table and operation');

\o /dev/null
SELECT pg_temp.shell(format('rm -rf %s', :'tree'));
\o
SELECT * FROM finish();
