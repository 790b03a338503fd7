/*
 * Files as foreign tables: which columns, which files, which errors, who may,
 * and what the planner knows.  read_file(), which stands on the same code, at
 * the end.
 */
\set name fdw
\ir setup.psql

/* what a statement raises: message, hint and context */
CREATE FUNCTION pg_temp.raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text; hint text; context text;
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	RETURN replace(concat_ws(' | ', message, nullif(hint, ''), split_part(nullif(context, ''), E'\n', 1)),
		current_setting('test.tree') || '/', '');
END
$$;

/* the foreign scan of a plan, with its properties */
CREATE FUNCTION pg_temp.scan(query text, how text DEFAULT 'COSTS') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE format('EXPLAIN (%s, FORMAT json) %s', how, query) INTO plan;
	RETURN jsonb_path_query_first(plan, '$.** ? (@."Node Type" == "Foreign Scan")');
END
$$;
/* files read, files pruned */
CREATE FUNCTION pg_temp.files(query text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', s->>'Files', s->>'Files Pruned') FROM pg_temp.scan(query) s
$$;
/* has the plan workers? */
CREATE FUNCTION pg_temp.gathers(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan @? '$.** ? (@."Node Type" == "Gather")';
END
$$;
/* remembers what it is asked about; its cost makes the planner test it first if it may */
CREATE FUNCTION pg_temp.look(name text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$
BEGIN
	PERFORM set_config('test.looked', current_setting('test.looked', true) || ' ' || right(name, 9), false);
	RETURN true;
END
$$;

\o /dev/null
SELECT pg_temp.put('shop/2024/december/north.csv', E'Doc No.,Sold On,Price,Qty,Note\nA1,31.12.2024,1.50,3,x\nA2,2024-12-30,2,,  \n');
SELECT pg_temp.put('shop/2025/january/north.csv', E'Price,Doc No.,Sold On,Colour\n10.25,A3,01/02/2025,red\n');
SELECT pg_temp.put('shop/2025/january/south.csv', E'Doc No.,Sold On,Price,Qty,Note\nB1,2025-01-03,7,1,"a, b"\nB2,2025-01-04,n/a,2,y\n');
\o
SELECT plan(117);

-- options

SELECT is(pg_temp.raised('CREATE FOREIGN TABLE t (a text) SERVER medallion_files'),
	'option "path" is required for foreign tables of medallion_files | SQL statement "CREATE FOREIGN TABLE t (a text) SERVER medallion_files"', 'a table needs a path');
SELECT matches(pg_temp.raised($$CREATE FOREIGN TABLE t (a text) SERVER medallion_files OPTIONS (path 'x', sheet 'y')$$),
	'^unrecognized option "sheet" \| Perhaps you meant "sheets"\.', 'an unknown option: the nearest one is a hint');
SELECT matches(pg_temp.raised($$CREATE FOREIGN TABLE t (a text) SERVER medallion_files OPTIONS (path 'x', header 'first')$$),
	'^option "header" must be a row number, row numbers one behind the other, "auto" or "none"', 'header is checked');
SELECT matches(pg_temp.raised($$CREATE FOREIGN TABLE t (a text) SERVER medallion_files OPTIONS (path 'x', delimiter ';;')$$),
	'^option "delimiter" must be one single-byte character', 'delimiter is checked');
SELECT matches(pg_temp.raised($$CREATE FOREIGN TABLE t (a text) SERVER medallion_files OPTIONS (path 'x', on_error 'nul')$$),
	'^unrecognized value for option "on_error": "nul" \| Perhaps you meant "null"\.', 'on_error is checked');
SELECT matches(pg_temp.raised($$CREATE FOREIGN TABLE t (a text) SERVER medallion_files OPTIONS (path 'x', header 'none')$$),
	'^files without a header need option "names"', 'no header, no names');
SELECT matches(pg_temp.raised($$CREATE FOREIGN TABLE t (a text OPTIONS (column_nam 'b')) SERVER medallion_files OPTIONS (path 'x')$$),
	'^unrecognized column option "column_nam" \| Perhaps you meant "column_name"\.', 'options of columns are checked');
SELECT matches(pg_temp.raised($$CREATE SERVER s FOREIGN DATA WRAPPER medallion_files OPTIONS (path 'x')$$),
	'^invalid option "path" \| Options are given to foreign tables and their columns\.', 'a server has no options');

-- columns

CREATE FOREIGN TABLE shop (
	doc_no text, sold_on date, "PRICE " numeric, pieces int OPTIONS (column_name 'QTY'), dropped text, note text, nowhere int,
	_source_file text, _sheet text, _row bigint, _path_year int, _path_month int
) SERVER medallion_files OPTIONS (path 'shop/**/*.csv', null_tokens 'n/a, -');
ALTER FOREIGN TABLE shop DROP COLUMN dropped;

SELECT is((SELECT string_agg(concat_ws('/', doc_no, sold_on, "PRICE ", coalesce(pieces::text, '-'), coalesce(note, '-')), ' ' ORDER BY doc_no) FROM shop),
	'A1/2024-12-31/1.50/3/x A2/2024-12-30/2/-/   A3/2025-02-01/10.25/-/- B1/2025-01-03/7/1/a, b B2/2025-01-04/2/y',
	'columns go by cleaned names, whatever their order; text is as the file has it');
SELECT is((SELECT count(nowhere) FROM shop), 0::bigint, 'a column that no file has is NULL');
SELECT is((SELECT string_agg(replace(_source_file, current_setting('test.tree'), '') || ':' || _row || _sheet, ' ' ORDER BY doc_no) FROM shop WHERE doc_no IN ('A2', 'A3')),
	'/shop/2024/december/north.csv:3 /shop/2025/january/north.csv:2', '_source_file, _sheet and _row say where a row is from');
SELECT is((SELECT string_agg(DISTINCT _path_year || '-' || _path_month, ' ') FROM shop), '2024-12 2025-1', '_path_ columns say what folders say');
SELECT is((SELECT shop::text FROM shop WHERE doc_no = 'A3'),
	format('(A3,2025-02-01,10.25,,,,%s/shop/2025/january/north.csv,"",2,2025,1)', :'tree'), 'the row as a whole');
SELECT is((SELECT string_agg(DISTINCT tableoid::regclass::text, ' ') FROM shop), 'shop', 'tableoid');
SELECT is((SELECT count(*) FROM (SELECT FROM shop) s), 5::bigint, 'no column at all');

CREATE FOREIGN TABLE bare (minute text, close numeric, c text) SERVER medallion_files OPTIONS (path 'bare/*.txt', header 'none', names 'minute, "close", c d', delimiter '|', decimal_mark ',');
ALTER FOREIGN TABLE bare ALTER c OPTIONS (column_name 'C d');
\o /dev/null
SELECT pg_temp.put('bare/a.txt', E'09:00|1.234,5|p\n09:01|7|q,r\n');
\o
SELECT is((SELECT string_agg(concat_ws(' ', minute, close, c), '; ' ORDER BY minute) FROM bare), '09:00 1234.5 p; 09:01 7 q,r',
	'files without a header, with names, a delimiter and a decimal comma');
ALTER FOREIGN TABLE bare OPTIONS (DROP header, DROP names, ADD header '2');
SELECT is((SELECT count(*) FROM bare), 0::bigint, 'options can be altered: nothing is below row 2');

-- conversions are the same in every session

CREATE FOREIGN TABLE times (at timestamptz, day date, span interval, ok boolean, code char(3), ids int[]) SERVER medallion_files OPTIONS (path 'times.csv');
\o /dev/null
SELECT pg_temp.put('times.csv', E'at,day,span,ok,code,ids\n2025-01-02 03:04:05,03.04.2025,1:30:00,yes,ab,"{1,2}"\n');
CREATE TEMP TABLE seen AS SELECT extract(epoch FROM at) AS at, day - date '2000-01-01' AS day, span, ok, code, ids FROM times;
SET DateStyle = 'SQL, MDY'; SET TimeZone = 'Asia/Tokyo'; SET IntervalStyle = sql_standard;
CREATE TEMP TABLE seen_again AS SELECT extract(epoch FROM at) AS at, day - date '2000-01-01' AS day, span, ok, code, ids FROM times;
SELECT current_setting('DateStyle') || current_setting('TimeZone') AS style \gset
RESET DateStyle; RESET TimeZone; RESET IntervalStyle;
\o
SELECT results_eq('TABLE seen', 'TABLE seen_again', 'the session''s settings do not matter');
SELECT is((SELECT at FROM seen), extract(epoch FROM timestamptz '2025-01-02 03:04:05+00'), 'a time without zone is UTC');
SELECT is((SELECT day FROM seen), date '2025-04-03' - date '2000-01-01', 'dates of three numbers: day, month, year');
SELECT is((SELECT concat_ws(' ', ok, code, ids) FROM seen), 't ab  {1,2}', 'other types, by their input functions');
SELECT is(:'style'::text, 'SQL, MDYAsia/Tokyo', 'and the settings are as they were');
ALTER FOREIGN TABLE times OPTIONS (ADD date_order 'MDY');
SELECT is((SELECT day FROM times), date '2025-03-04', 'option date_order');

-- values that do not convert

CREATE FOREIGN TABLE bad (doc_no text, price int OPTIONS (column_name 'Price'), note text) SERVER medallion_files OPTIONS (path 'shop/2025/january/south.csv');
SELECT is(pg_temp.raised('SELECT * FROM bad'),
	'invalid input syntax for type integer: "n/a" | file "shop/2025/january/south.csv", row 3, column "price": "n/a"', 'an error names file, row, column and value');
SELECT is((SELECT string_agg(doc_no, ' ') FROM bad), 'B1 B2', 'a column that is not used is not converted');
SELECT is((SELECT count(*) FROM bad), 2::bigint, 'nor for count(*)');
SELECT is(pg_temp.raised('SELECT doc_no FROM bad WHERE price > 1'),
	'invalid input syntax for type integer: "n/a" | file "shop/2025/january/south.csv", row 3, column "price": "n/a"', 'a column used in a condition is');
SELECT is((SELECT date '2025-02-03'::text), '2025-02-03', 'an error leaves no setting behind');
ALTER FOREIGN TABLE bad OPTIONS (ADD on_error 'null');
SELECT is((SELECT string_agg(doc_no || coalesce(price::text, '-'), ' ') FROM bad), 'B17 B2-', 'on_error null: it is NULL');
CREATE DOMAIN small AS int CHECK (VALUE < 5);
ALTER FOREIGN TABLE bad ALTER price TYPE small;
SELECT is((SELECT count(price) FROM bad), 0::bigint, 'so is what a domain does not take');
ALTER FOREIGN TABLE bad OPTIONS (SET on_error 'error');
SELECT matches(pg_temp.raised('SELECT * FROM bad'), '^value for domain small violates check constraint "small_check" \| file "shop/2025/january/south\.csv", row 2, column "price": "7"', 'a domain''s constraint raises');
\o /dev/null
SELECT pg_temp.put('torn.csv', E'a,b\n1,2\n"3,4\n');
\o
CREATE FOREIGN TABLE torn (a text) SERVER medallion_files OPTIONS (path 'torn.csv');
SELECT matches(pg_temp.raised('SELECT * FROM torn'), '^could not read "torn\.csv", row 3: ', 'a malformed row raises with its place');

-- pruning

SELECT is(pg_temp.files('SELECT * FROM shop'), '3 0', 'without a condition all files are read');
SELECT is(pg_temp.files(format('SELECT * FROM shop WHERE _source_file = %L', :'tree' || '/shop/2025/january/south.csv')), '1 2', '=');
SELECT is(pg_temp.files('SELECT * FROM shop WHERE _source_file LIKE ''%/2025/%'''), '2 1', 'LIKE');
SELECT is(pg_temp.files(format('SELECT * FROM shop WHERE _source_file IN (%L, %L)', :'tree' || '/shop/2025/january/south.csv', 'x')), '1 2', 'IN');
SELECT is(pg_temp.files('SELECT * FROM shop WHERE upper(right(_source_file, 9)) = ''SOUTH.CSV'' OR length(_source_file) < 3'), '1 2', 'any expression');
SELECT is(pg_temp.files('SELECT * FROM shop WHERE _path_year = 2024'), '1 2', 'what folders say');
SELECT is(pg_temp.files('SELECT * FROM shop WHERE _path_year * 100 + _path_month > 202412 AND _source_file ~ ''north'''), '1 2', 'several conditions');
SELECT is(pg_temp.files('SELECT * FROM shop WHERE _path_year = 2024 OR doc_no = ''B1'''), '3 0', 'not by a condition that looks at rows too');
SELECT is(pg_temp.files('SELECT * FROM shop WHERE _source_file LIKE ''%south%'' OR random() < 0'), '3 0', 'nor by a volatile one');
SELECT is(pg_temp.files('SELECT * FROM shop WHERE _source_file LIKE (SELECT ''%south%'')'), '3 0', 'what a subquery says is not known to EXPLAIN');
SELECT is((pg_temp.scan('SELECT * FROM shop WHERE _source_file LIKE (SELECT ''%south%'')', 'ANALYZE'))->>'Files Read', '1', 'but to the executor');
SELECT is((SELECT string_agg(doc_no, ' ' ORDER BY doc_no) FROM shop WHERE _source_file LIKE (SELECT '%south%')), 'B1 B2', 'with the right rows');
SELECT is((pg_temp.scan('SELECT * FROM shop WHERE _path_year = 2024'))->>'Bytes', '74', 'EXPLAIN shows the bytes to read');
SELECT is((pg_temp.scan('SELECT * FROM shop'))->>'Path', 'shop/**/*.csv', 'and the path');
SELECT ok((pg_temp.scan('SELECT * FROM shop', 'COSTS off')) ? 'Files' AND NOT (pg_temp.scan('SELECT * FROM shop', 'COSTS off')) ? 'Bytes', 'bytes are a cost');
\o /dev/null
SELECT pg_temp.put('shop/2025/january/broken.csv', E'PK\003\004 is no workbook');
\o
SELECT is((SELECT count(*) FROM shop WHERE _source_file NOT LIKE '%broken%'), 5::bigint, 'a file that is pruned is not opened');
SELECT matches(pg_temp.raised('SELECT count(*) FROM shop'), '^could not read "shop/2025/january/broken\.csv"', 'one that is not, is');
SELECT is((SELECT string_agg(p || ' ' || n, ', ' ORDER BY p) FROM unnest('{north,south,west}'::text[]) p,
	LATERAL (SELECT count(*) AS n FROM shop WHERE _source_file LIKE '%/' || p || '.csv' OFFSET 0) s), 'north 3, south 2, west 0', 'by a value that changes with every rescan');
\o /dev/null
SELECT pg_temp.shell(format('rm %s/shop/2025/january/broken.csv', :'tree'));
\o
CREATE VIEW hidden WITH (security_barrier) AS SELECT * FROM shop WHERE doc_no LIKE 'B%';
SELECT is((SELECT count(*) FROM hidden WHERE pg_temp.look(_source_file)), 2::bigint, 'behind a security barrier the rows are right');
SELECT is((SELECT string_agg(DISTINCT name, ' ') FROM regexp_split_to_table(trim(current_setting('test.looked')), ' ') name), 'south.csv', 'and no function of the user''s sees files whose rows are hidden');

-- joins and rescans

CREATE TEMP TABLE docs AS SELECT unnest('{A1,A3,B2,C9}'::text[]) AS doc_no;
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
SELECT is((pg_temp.scan('SELECT * FROM docs LEFT JOIN shop USING (doc_no)', 'ANALYZE'))->>'Actual Loops', '4', 'a nested loop reads the files again and again');
SELECT is((SELECT string_agg(doc_no || ' ' || _row, ', ' ORDER BY doc_no) FROM docs LEFT JOIN shop USING (doc_no)), 'A1 2, A3 2, B2 3', 'and finds every row');
SELECT is((SELECT count(*) FROM docs WHERE EXISTS (SELECT FROM shop s WHERE s.doc_no = docs.doc_no OFFSET 0)), 3::bigint, 'scans that stop early too');
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material;
SELECT is((SELECT count(*) FROM shop a JOIN shop b USING (doc_no)), 5::bigint, 'two scans at a time');
SELECT is((SELECT string_agg(doc_no, ' ' ORDER BY doc_no) FROM (SELECT doc_no FROM docs JOIN shop USING (doc_no) FOR UPDATE) l), 'A1 A3 B2', 'FOR UPDATE');

-- a scan across subtransactions, and files that go or change on the way

BEGIN;
DECLARE c CURSOR FOR SELECT doc_no FROM shop;
SAVEPOINT s;
FETCH c \gset first_
ROLLBACK TO s;
FETCH c \gset second_
COMMIT;
SELECT is(concat(:'first_doc_no', ' ', :'second_doc_no'), 'A1 A2', 'a cursor goes on behind a subtransaction that was rolled back');

PREPARE north AS SELECT count(*) FROM shop WHERE _source_file LIKE '%/new.csv';
SET plan_cache_mode = force_generic_plan;
EXECUTE north \gset before_
\o /dev/null
SELECT pg_temp.put('shop/new.csv', E'Doc No.\nN1\n');
\o
EXECUTE north \gset after_
SELECT is(concat(:'before_count', ' ', :'after_count'), '0 1', 'an old plan reads the files of today');
CREATE FOREIGN TABLE one (doc_no text) SERVER medallion_files OPTIONS (path 'shop/new.csv');
PREPARE one AS SELECT count(*) FROM one;
EXECUTE one \g /dev/null
BEGIN;
DECLARE c CURSOR FOR SELECT doc_no FROM one;
\o /dev/null
SELECT pg_temp.put('shop/new.csv', E'Doc No.\nN1\nN2\n');
\o
SELECT is(pg_temp.raised('FETCH c'), 'file "shop/new.csv" changed after the statement began | SQL statement "FETCH c"', 'a file that changed since is an error');
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT doc_no FROM one;
\o /dev/null
SELECT pg_temp.shell(format('rm %s/shop/new.csv', :'tree'));
\o
SELECT is(pg_temp.raised('FETCH c'), 'could not open "shop/new.csv": No such file or directory | SQL statement "FETCH c"', 'so is one that is gone');
ROLLBACK;
SELECT matches(pg_temp.raised('EXECUTE one'), '^file "shop/new\.csv" does not exist', 'a path without wildcards must be there');
SELECT is((SELECT count(*) FROM shop WHERE false), 0::bigint, 'a pattern need not');
RESET plan_cache_mode;

-- what the planner knows

SELECT cmp_ok((pg_temp.scan('SELECT * FROM shop')->>'Plan Rows')::int, '<', 50, 'rows are estimated from the sizes of the files');
ANALYZE shop;
SELECT is((SELECT reltuples::int || ' ' || relpages FROM pg_class WHERE relname = 'shop'), '5 1', 'ANALYZE counts rows and pages');
SELECT is((SELECT n_distinct::text FROM pg_stats WHERE tablename = 'shop' AND attname = 'doc_no'), '-1', 'and samples columns');
SELECT is((pg_temp.scan('SELECT * FROM shop')->>'Plan Rows')::int, 5, 'the estimate follows');
SELECT format('COPY (SELECT i AS id, i %% 7 AS seven, repeat(''word '', 5) AS words FROM generate_series(1, 60000) i) TO %L (FORMAT csv, HEADER)', :'tree' || '/many.csv') AS copy \gset
:copy;
CREATE FOREIGN TABLE many (id int, seven int, words text) SERVER medallion_files OPTIONS (path 'many.csv');
SELECT ok((pg_temp.scan('SELECT * FROM many')->>'Plan Rows')::int BETWEEN 20000 AND 180000, 'a fair guess before ANALYZE');
ANALYZE many;
SELECT is((SELECT reltuples::int FROM pg_class WHERE relname = 'many'), 60000, 'more rows than the sample has');
SELECT ok((SELECT n_distinct = 7 FROM pg_stats WHERE tablename = 'many' AND attname = 'seven'), 'the sample is of all of them');
SELECT ok((pg_temp.scan('SELECT * FROM many WHERE seven = 3')->>'Plan Rows')::int BETWEEN 8000 AND 9200, 'selectivity is known');

-- a file that is open when a subtransaction is rolled back stays open

BEGIN;
DECLARE c CURSOR FOR SELECT id FROM many;
SAVEPOINT s;
MOVE 100 c \g /dev/null
ROLLBACK TO s;
SELECT count(*) FROM times \g /dev/null
MOVE 59898 c \g /dev/null
FETCH c \gset last_but_one_
ROLLBACK;
SELECT is(:'last_but_one_id'::text, '59999', 'a cursor over a large file, too');

-- parallel

SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null
SELECT ok(pg_temp.gathers('SELECT sum(id) FROM many'), 'a worker can read files');
SELECT is((SELECT sum(id) || ' ' || sum(seven) FROM many), (SELECT sum(i) || ' ' || sum(i % 7) FROM generate_series(1, 60000) i), 'and reads them right');
SELECT is((SELECT string_agg(doc_no || sold_on, ' ' ORDER BY doc_no) FROM shop WHERE _source_file LIKE '%south%'), 'B12025-01-03 B22025-01-04', 'with pruning and dates');
CREATE FOREIGN TABLE holes (id int, seven date, words numeric) SERVER medallion_files OPTIONS (path 'many.csv', on_error 'null');
SELECT is((SELECT count(id) || ' ' || count(seven) || ' ' || count(words) FROM holes WHERE id > 59000), '1000 0 0', 'nor are bad values caught a problem');
SELECT ok(NOT pg_temp.gathers('SELECT doc_no FROM bad'), 'but not make values of a user''s type');
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null

-- cancel

CREATE FUNCTION pg_temp.is_cancelled(query text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN false;
EXCEPTION WHEN query_canceled THEN
	RETURN true;
END
$$;
SET statement_timeout = '150ms';
SELECT ok(pg_temp.is_cancelled('SELECT sum(n) FROM generate_series(1, 1000) i, LATERAL (SELECT count(*) AS n FROM many WHERE id = i OFFSET 0) s'), 'a scan can be cancelled');
SELECT ok(pg_temp.is_cancelled('SELECT sum(n) FROM generate_series(1, 1000) i, LATERAL (SELECT count(*) AS n FROM medallion.read_file(''many.csv'') AS t (id int) WHERE id = i OFFSET 0) s'), 'so can read_file()');
RESET statement_timeout;
SELECT is((SELECT count(*) FROM many), 60000::bigint, 'and the next one is whole');

-- writing

CREATE TABLE kept AS SELECT doc_no, sold_on, "PRICE " AS price FROM shop LIMIT 0;
INSERT INTO kept SELECT doc_no, sold_on, "PRICE " FROM shop;
SELECT is((SELECT sum(price) FROM kept), 20.75, 'INSERT ... SELECT');
SELECT throws_ok('INSERT INTO shop (doc_no) VALUES (''Z'')', '0A000', 'cannot insert into foreign table "shop"', 'files are not written: INSERT');
SELECT throws_ok('UPDATE shop SET doc_no = ''Z''', '0A000', 'cannot update foreign table "shop"', 'UPDATE');
SELECT throws_ok('DELETE FROM shop', '0A000', 'cannot delete from foreign table "shop"', 'DELETE');
SELECT throws_ok('TRUNCATE shop', '0A000', NULL, 'TRUNCATE');

-- workbooks and text files in one folder; import

\o /dev/null
SELECT pg_temp.shell(format('mkdir -p %1$s/in/deep && cd %2$s/examples/sales/data && cp sales/cash_sales/detailed/2024/december/*.xlsx sales/cash_invoices/detailed/2024/november/*.xlsx sales/cash_sales/detailed/2025/february/*truncated.xlsx reference/branches.csv %1$s/in',
	:'tree', :'project'));
SELECT pg_temp.put('in/deep/branches.csv', E'Code;Name [x];code\n1;a;b\n');
SELECT pg_temp.put('in/deep/A name [of] sixty bytes and more, which no identifier can hold, 1.csv', E'h\nx\n');
SELECT pg_temp.put('in/deep/A name [of] sixty bytes and more, which no identifier can hold, 2.csv', E'h\ny\n');
SELECT pg_temp.put('in/deep/empty.csv', '');
SELECT pg_temp.put('in/deep/.hidden.csv', E'a\n1\n');
CREATE SCHEMA staging;
IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO staging OPTIONS (path 'in', null_tokens '-');
\o
SELECT is((SELECT string_agg(foreign_table_name, ' ' ORDER BY foreign_table_name COLLATE "C") FROM information_schema.foreign_tables WHERE foreign_table_schema = 'staging'),
	'a_name_of_sixty_bytes_and_more_which_no_identifier_can_hold_1 a_name_of_sixty_bytes_and_more_which_no_identifier_can_hold_2 branches branches_2 cash_sales_dec_2024_first_half cash_sales_dec_2024_second_half invoices_nov_2024',
	'import: a table per file and sheet, at any depth; empty, hidden and damaged files are passed over');
SELECT is((SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'staging.branches_2'::regclass AND attnum > 0),
	'code text, name_x text, code_2 text, _source_file text, _sheet text, _row bigint', 'columns are text, under cleaned names, and say where a row is from');
SELECT is((SELECT concat_ws(' ', code, name_x, code_2, _row) FROM staging.branches_2), '1 a b 2', 'and can be read');
SELECT is((SELECT h FROM staging.a_name_of_sixty_bytes_and_more_which_no_identifier_can_hold_2), 'y', 'a file whose name has brackets');
SELECT results_eq('SELECT _sheet, count(*) FROM (SELECT _sheet FROM staging.cash_sales_dec_2024_first_half UNION ALL SELECT _sheet FROM staging.cash_sales_dec_2024_second_half) s GROUP BY 1 ORDER BY 1',
	format('SELECT sheet, count(*) - 1 FROM medallion.read_rows(%L) GROUP BY 1 ORDER BY 1', :'tree' || '/in/cash_sales_dec_2024.xlsx'), 'each sheet has its own rows');
SELECT is((SELECT count(*) FROM information_schema.foreign_table_options WHERE foreign_table_schema = 'staging' AND option_name = 'null_tokens' AND option_value = '-'), 7::bigint, 'options of the import are the tables''');
\o /dev/null
CREATE SCHEMA limited; CREATE SCHEMA excepted;
IMPORT FOREIGN SCHEMA files LIMIT TO (branches_2, invoices_nov_2024) FROM SERVER medallion_files INTO limited OPTIONS (path 'in/**/*.[cx]*');
IMPORT FOREIGN SCHEMA files EXCEPT (branches) FROM SERVER medallion_files INTO excepted OPTIONS (path 'in/*.csv');
\o
SELECT is((SELECT string_agg(foreign_table_name, ' ' ORDER BY foreign_table_name) FROM information_schema.foreign_tables WHERE foreign_table_schema = 'limited'), 'branches_2 invoices_nov_2024', 'LIMIT TO');
SELECT is((SELECT code FROM limited.branches_2), '1', 'gives the names that the whole import gives');
SELECT is((SELECT count(*) FROM information_schema.foreign_tables WHERE foreign_table_schema = 'excepted'), 0::bigint, 'EXCEPT');
SELECT matches(pg_temp.raised('IMPORT FOREIGN SCHEMA public FROM SERVER medallion_files INTO staging OPTIONS (path ''in'')'), '^schema "public" is not present on server "medallion_files" \| Its one schema is "files"', 'there is one schema');
SELECT matches(pg_temp.raised('IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO staging'), '^option "path" is required to import files', 'a path is needed');
SELECT matches(pg_temp.raised('IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO staging OPTIONS (path ''nowhere'')'), '^no files in "nowhere"', 'that has files');

CREATE FOREIGN TABLE mixed (branch_code text, branch_name text, amount numeric, _sheet text, _source_file text) SERVER medallion_files OPTIONS (path 'in/[bc]*[0-9s].*');
SELECT is((SELECT string_agg(s || ' ' || (n > 0) || ' ' || (amounts > 0), ', ' ORDER BY s) FROM (SELECT _sheet AS s, count(branch_name) AS n, count(amount) AS amounts FROM mixed GROUP BY 1) m),
	' true false, First half true true, Second half true true', 'a workbook and a text file are one table');
ALTER FOREIGN TABLE mixed OPTIONS (ADD sheets 'first *');
SELECT is((SELECT string_agg(DISTINCT _sheet, ', ') FROM mixed), 'First half', 'option sheets chooses');
\o /dev/null
SELECT pg_temp.put('cases/same.csv', E'a\nlower\n'), pg_temp.put('cases/SAME.csv', E'a\nupper\n');
CREATE SCHEMA cases;
IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO cases OPTIONS (path 'cases');
\o
SELECT is((SELECT a FROM cases.same) || ' ' || (SELECT a FROM cases.same_2), 'upper lower', 'two files whose names differ in case');

-- as partitions

CREATE TABLE sales (doc_no text, "PRICE " numeric, region text) PARTITION BY LIST (region);
CREATE FOREIGN TABLE sales_south PARTITION OF sales FOR VALUES IN ('south') SERVER medallion_files OPTIONS (path 'shop/**/south.csv', null_tokens 'n/a');
CREATE TABLE sales_east PARTITION OF sales FOR VALUES IN ('east');
INSERT INTO sales VALUES ('E1', 1, 'east');
SELECT is((SELECT string_agg(tableoid::regclass || ' ' || doc_no, ', ' ORDER BY doc_no) FROM sales WHERE "PRICE " > 0), 'sales_south B1, sales_east E1', 'a partition can be files');
ANALYZE sales;
SELECT is((SELECT n_distinct::text FROM pg_stats WHERE tablename = 'sales' AND attname = 'doc_no' AND inherited), '-1', 'ANALYZE of the whole samples them');

-- who may

CREATE ROLE fdw_reader;
CREATE ROLE fdw_owner;
GRANT USAGE ON SCHEMA public TO fdw_reader, fdw_owner;
GRANT CREATE ON SCHEMA public TO fdw_owner;
CREATE VIEW shop_view AS SELECT doc_no FROM shop;
GRANT SELECT ON shop, shop_view TO fdw_reader;
SELECT ok(NOT has_server_privilege('fdw_reader', 'medallion_files', 'USAGE'), 'PUBLIC cannot make foreign tables');
GRANT USAGE ON FOREIGN SERVER medallion_files TO fdw_owner;
PREPARE shop AS SELECT count(*) FROM shop;
SET plan_cache_mode = force_generic_plan;
EXECUTE shop \g /dev/null
SET ROLE fdw_reader;
SELECT matches(pg_temp.raised('SELECT * FROM shop'), '^permission denied to read "[^"]*shop"', 'SELECT on the table does not make files readable');
SELECT matches(pg_temp.raised('EXPLAIN SELECT * FROM shop'), '^permission denied to read', 'nor their names');
SELECT matches(pg_temp.raised('TABLE shop_view'), '^permission denied to read', 'nor does a view of a superuser''s');
SELECT matches(pg_temp.raised('EXECUTE shop'), '^permission denied to read', 'nor does a plan made by a superuser');
SELECT matches(pg_temp.raised('SELECT * FROM medallion.read_file(''times.csv'') AS t (at text)'), 'permission denied for', 'nor a function');
RESET ROLE;
RESET plan_cache_mode;
SET medallion.allowed_paths = :'tree';
SET ROLE fdw_reader;
SELECT is((SELECT count(*) FROM shop), 5::bigint, 'a path below medallion.allowed_paths does');
RESET ROLE;
SET ROLE fdw_owner;
CREATE FOREIGN TABLE owned (a text) SERVER medallion_files OPTIONS (path '/etc/passwd', header 'none', names 'a');
SELECT matches(pg_temp.raised('SELECT * FROM owned'), '^permission denied to read "/etc', 'a table over a closed file can be made, not read');
RESET ROLE;
SELECT matches(pg_temp.raised('ANALYZE owned'), '^permission denied to read "/etc', 'nor do its contents become statistics for its owner, whoever runs ANALYZE');
RESET medallion.allowed_paths;

-- read_file()

SELECT is((SELECT string_agg(concat_ws(' ', doc_no, price, _row), ', ' ORDER BY doc_no) FROM medallion.read_file('shop/2025/**/*.csv', '{"null_tokens": ["n/a"]}') AS t (price numeric, doc_no text, _row bigint)),
	'A3 10.25 2, B1 7 2, B2 3', 'read_file: a pattern, with declared columns');
SELECT matches(pg_temp.raised('SELECT * FROM medallion.read_file(''shop/2025/january/south.csv'') AS t (price numeric)'), '^invalid input syntax for type numeric: "n/a" \| file "shop/2025/january/south\.csv", row 3, column "price": "n/a"', 'errors name the place');
SELECT is((SELECT count(price) FROM medallion.read_file('shop/2025/january/south.csv', '{"on_error": "null"}') AS t (price numeric)), 1::bigint, 'on_error');
SELECT matches(pg_temp.raised('SELECT * FROM medallion.read_file(''times.csv'', ''{"dalimiter": ";"}'') AS t (at text)'), '^unrecognized option "dalimiter" \| Perhaps you meant "delimiter"\.', 'options are checked');
SELECT matches(pg_temp.raised('SELECT * FROM medallion.read_file(''times.csv'', ''{"path": "x"}'') AS t (at text)'), '^option "path" is for foreign tables', 'the path is an argument');
SELECT matches(pg_temp.raised('SELECT * FROM medallion.read_file(''nowhere.csv'') AS t (at text)'), '^file "nowhere\.csv" does not exist', 'a file that is not there');

DROP OWNED BY fdw_reader, fdw_owner;
DROP ROLE fdw_reader, fdw_owner;
SELECT * FROM finish();
