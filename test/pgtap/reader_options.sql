/*
 * How a file is read, said in SQL: the options of text and json files, through
 * read_rows(), read_file(), describe_file(), foreign tables and features; the
 * limits, each as a setting; what a workbook with a hidden sheet gives.
 */
\set name reader_options
\ir setup.psql

CREATE FUNCTION pg_temp.put_bytes(path text, content bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	object oid := lo_from_bytea(0, content);
BEGIN
	PERFORM lo_export(object, current_setting('test.tree') || '/' || path);
	PERFORM lo_unlink(object);
END
$$;
/* an integer as a zip archive has it */
CREATE FUNCTION pg_temp.le(n bigint, bytes int) RETURNS bytea LANGUAGE sql AS $$
	SELECT string_agg(set_byte('\x00', 0, (n >> (8 * i) & 255)::int), '' ORDER BY i) FROM generate_series(0, bytes - 1) i
$$;
/* a zip archive of parts as they are; who calls knows their checksums */
CREATE FUNCTION pg_temp.zip(names text[], contents text[], checksums bigint[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	archive bytea := '';
	directory bytea := '';
	entry bytea;
BEGIN
	FOR i IN 1 .. cardinality(names) LOOP
		entry := '\x14000000000000002100' || pg_temp.le(checksums[i], 4) || pg_temp.le(octet_length(contents[i]), 4) || pg_temp.le(octet_length(contents[i]), 4)
			|| pg_temp.le(octet_length(names[i]), 2) || '\x0000';
		directory := directory || '\x504b01021400' || entry || '\x00000000000000000000' || pg_temp.le(octet_length(archive), 4) || convert_to(names[i], 'UTF8');
		archive := archive || '\x504b0304' || entry || convert_to(names[i] || contents[i], 'UTF8');
	END LOOP;
	RETURN archive || directory || '\x504b050600000000' || pg_temp.le(cardinality(names), 2) || pg_temp.le(cardinality(names), 2)
		|| pg_temp.le(octet_length(directory), 4) || pg_temp.le(octet_length(archive), 4) || '\x0000';
END
$$;
CREATE FUNCTION pg_temp.rows(path text, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(row_no || ':' || array_to_string(cells, '|', '-'), ' ' ORDER BY row_no)
	  FROM medallion.read_rows(current_setting('test.tree') || '/' || path, options)
$$;
CREATE FUNCTION pg_temp.detected(path text, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT format || ' ' || detected, '; ') FROM medallion.describe_file(current_setting('test.tree') || '/' || path, options)
$$;
/* why a file cannot be read, wherever that shows */
CREATE FUNCTION pg_temp.refused(path text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.rows(path);
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	RETURN regexp_replace(SQLERRM, '^could not read "[^"]*"[^:]*: ', '');
END
$$;

\o /dev/null
SELECT pg_temp.put('quotes.csv', E'id,note\n1,\'x, y\'\n2,"z, w"\n');
SELECT pg_temp.put('escapes.csv', E'id,note\n1,"5\\" pipe, short"\n2,"plain"\n');
SELECT pg_temp.put_bytes('latin.csv', 'id,note\0121,caf\351 \200\012');
SELECT pg_temp.put_bytes('wide.csv', (SELECT string_agg(convert_to(c, 'UTF8') || '\x00', '' ORDER BY n) FROM string_to_table(E'id,note\n1,caf', NULL) WITH ORDINALITY t (c, n))
	|| '\xe900ac200a00');
SELECT pg_temp.put('nested.json', '{"list": [{"id": 7, "note": "of the first list"}], "a": {"b": [{"id": 1, "note": "x"}, {"id": 2, "note": {"y": [1]}}]}}');
SELECT pg_temp.put_bytes('book.xlsx', pg_temp.zip(array_agg(part ORDER BY n), array_agg(content ORDER BY n), array_agg(checksum::bigint ORDER BY n)))
  FROM (VALUES (1, '_rels/.rels', '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>', x'1628117f'),
	(2, 'xl/workbook.xml', '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Data" sheetId="1" r:id="r1"/><sheet name="Lists" sheetId="2" state="hidden" r:id="r2"/></sheets></workbook>', x'9fb61b95'),
	(3, 'xl/_rels/workbook.xml.rels', '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="2.xml"/><Relationship Id="r3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="s.xml"/></Relationships>', x'97ef63ba'),
	(4, 'xl/1.xml', '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1"><v>1.50</v></c></row><row r="3"><c r="B3" t="b"><v>1</v></c></row></sheetData></worksheet>', x'ed8e0098'),
	(5, 'xl/2.xml', '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="2"><c r="A2" t="s"><v>1</v></c></row></sheetData></worksheet>', x'7da5db42'),
	(6, 'xl/s.xml', '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>first</t></si>' || repeat('<si><t>' || repeat('x', 1000) || '</t></si>', 1200) || '</sst>', x'c9930110')) v (n, part, content, checksum);
SELECT pg_temp.put('deep.xml', '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
	'<Worksheet ss:Name="S"><Table><Row><Cell><Data ss:Type="String">' || repeat('a', 1500) || '</Data></Cell></Row></Table></Worksheet></Workbook>');
SELECT pg_temp.put('alike.fods', '<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
	'<office:body><office:spreadsheet><table:table table:name="S"><table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="50"><text:p>' || repeat('a', 1000) || '</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet></office:body></office:document>');
SELECT pg_temp.put('big.csv', E'a,b,c,d\n' || string_agg(i || ',' || md5(i::text) || E',3,4\n', '')) FROM generate_series(1, 40000) i;
SELECT pg_temp.shell(format('gzip -c %1$s/big.csv >%1$s/big.csv.gz', :'tree'));
\o
SELECT plan(72);

-- options of text files

SELECT is(pg_temp.rows('quotes.csv', '{"quote": "''"}'), '1:id|note 2:1|x, y 3:2|"z| w"', 'quote: one of two');
SELECT is(pg_temp.rows('quotes.csv', '{"quote": "\""}'), '1:id|note 2:1|''x| y'' 3:2|z, w', '... the other');
SELECT is(pg_temp.rows('escapes.csv', '{"escape": "\\"}'), '1:id|note 2:1|5" pipe, short 3:2|plain', 'escape: a backslash');
SELECT is(pg_temp.detected('escapes.csv', '{"escape": "\\"}'), 'csv delimiter=, quote=" escape=\ encoding=utf-8', '... is told');
SELECT is(pg_temp.detected('escapes.csv', '{"escape": "\""}'), 'csv delimiter=, quote=" escape=" encoding=utf-8', '... none besides the doubled quote');
SELECT is(pg_temp.rows('latin.csv', '{"encoding": "windows-1252"}'), '1:id|note 2:1|café €', 'encoding: windows-1252');
SELECT is(pg_temp.rows('latin.csv', '{"encoding": "latin1"}'), '1:id|note 2:1|café €', '... latin1, which is that');
SELECT is(pg_temp.rows('wide.csv', '{"encoding": "utf-16le"}'), '1:id|note 2:1|café€', '... utf-16le without a mark');
SELECT isnt(pg_temp.rows('wide.csv', '{"encoding": "utf-16be"}'), '1:id|note 2:1|café€', '... which is not utf-16be');
SELECT throws_like($$SELECT pg_temp.rows('latin.csv', '{"encoding": "utf-8"}')$$, '%row 2: row is not valid UTF-8', '... nor is that utf-8');
SELECT throws_like($$SELECT pg_temp.rows('latin.csv', '{"encoding": "klingon"}')$$, '%unknown encoding "klingon"%', '... an encoding that is none');

-- what was found

SELECT is(pg_temp.detected('quotes.csv', '{"quote": "''"}'), 'csv delimiter=, quote='' encoding=utf-8', 'detected: what is told is kept');
SELECT is(pg_temp.detected('latin.csv'), 'csv delimiter=, quote=" encoding=windows-1252', '... windows-1252');
SELECT is(pg_temp.detected('wide.csv'), 'csv delimiter=, quote=" encoding=utf-16le', '... utf-16le');
SELECT is(pg_temp.detected('big.csv.gz'), 'csv delimiter=, quote=" encoding=utf-8 compression=gzip', '... what it is packed with');
SELECT is(pg_temp.detected('nested.json'), 'json records=path:list encoding=utf-8', '... the first list of objects');
SELECT is(pg_temp.detected('nested.json', '{"record_path": "a.b"}'), 'json records=path:a.b encoding=utf-8', '... the list that is told');
SELECT is(pg_temp.detected('book.xlsx'), 'xlsx ', '... nothing of a workbook');

-- a path to the records

SELECT is(pg_temp.rows('nested.json', '{"record_path": "a.b"}'), '1:id|note 1:1|x 2:2|{"y":[1]}', 'record_path: two keys');
SELECT is(pg_temp.rows('nested.json', '{"record_path": "list"}'), '1:id|note 1:7|of the first list', '... one');
SELECT throws_like($$SELECT pg_temp.rows('nested.json', '{"record_path": "a.c"}')$$,
	'%the file has no array at record path "a.c": no key "c" in the object that ends in line 1', '... that is not there');

-- the same by foreign tables

CREATE FOREIGN TABLE quotes (id int, note text) SERVER medallion_files OPTIONS (path 'quotes.csv', quote '"');
CREATE FOREIGN TABLE escapes (id int, note text) SERVER medallion_files OPTIONS (path 'escapes.csv', escape E'\\');
CREATE FOREIGN TABLE latin (id int, note text) SERVER medallion_files OPTIONS (path 'latin.csv', encoding 'latin1');
CREATE FOREIGN TABLE wide (id int, note text) SERVER medallion_files OPTIONS (path 'wide.csv', encoding 'utf-16le');
CREATE FOREIGN TABLE nested (id int, note text) SERVER medallion_files OPTIONS (path 'nested.json', record_path 'a.b');
SELECT is((SELECT string_agg(note, ' / ' ORDER BY id) FROM quotes), '''x / z, w', 'a foreign table: quote');
SELECT is((SELECT string_agg(note, ' / ' ORDER BY id) FROM escapes), '5" pipe, short / plain', '... escape');
SELECT is((SELECT note FROM latin), 'café €', '... encoding latin1');
SELECT is((SELECT note FROM wide), 'café€', '... encoding utf-16le');
SELECT is((SELECT string_agg(id || ' ' || note, ' / ' ORDER BY id) FROM nested), '1 x / 2 {"y":[1]}', '... record_path');

-- and by features

\o /dev/null
SELECT medallion.create_feature('reader_quotes', '{quotes.csv}', NULL, '{"quote": "''"}');
SELECT medallion.create_feature('reader_escapes', '{escapes.csv}', NULL, '{"escape": "\\"}');
SELECT medallion.create_feature('reader_latin', '{latin.csv}', NULL, '{"encoding": "latin1"}');
SELECT medallion.create_feature('reader_wide', '{wide.csv}', NULL, '{"encoding": "utf-16le"}');
SELECT medallion.create_feature('reader_nested', '{nested.json}', NULL, '{"record_path": "a.b"}');
SELECT pg_temp.run('reader_quotes', 'reader_escapes', 'reader_latin', 'reader_wide', 'reader_nested');
\o
SELECT is(pg_temp.errors(), 'none', 'features');
SELECT is((SELECT string_agg(note, ' / ' ORDER BY _row) FROM bronze.reader_quotes), 'x, y / "z', '... quote');
SELECT is((SELECT string_agg(note, ' / ' ORDER BY _row) FROM bronze.reader_escapes), '5" pipe, short / plain', '... escape');
SELECT is((SELECT note FROM bronze.reader_latin), 'café €', '... encoding latin1');
SELECT is((SELECT note FROM bronze.reader_wide), 'café€', '... encoding utf-16le');
SELECT is((SELECT string_agg(id || ' ' || note, ' / ' ORDER BY _row) FROM bronze.reader_nested), '1 x / 2 {"y":[1]}', '... record_path');

-- a workbook with a hidden sheet

SELECT results_eq($$SELECT sheet, index, hidden FROM medallion.sheets(current_setting('test.tree') || '/book.xlsx')$$,
	$$VALUES ('Data', 1, false), ('Lists', 2, true)$$, 'sheets()');
SELECT results_eq($$SELECT sheet, index, hidden FROM medallion.sheets(current_setting('test.tree') || '/quotes.csv')$$, $$VALUES ('', 1, false)$$, '... of a text file');
SELECT results_eq($$SELECT sheet, row_no, col_no, kind, value FROM medallion.read_cells(current_setting('test.tree') || '/book.xlsx')$$,
	$$VALUES ('Data', 1::bigint, 1, 'text', 'first'), ('Data', 1, 3, 'number', '1.5'), ('Data', 3, 2, 'boolean', 'true'), ('Lists', 2, 1, 'text', repeat('x', 1000))$$,
	'read_cells()');
SELECT results_eq($$SELECT sheet, row_no FROM medallion.read_cells(current_setting('test.tree') || '/book.xlsx', '{"hidden_sheets": "skip", "skip_rows": 1}')$$,
	$$VALUES ('Data', 3::bigint)$$, '... with options');

-- rows into a table

CREATE TABLE public.reader_target (id int PRIMARY KEY, note text);
INSERT INTO public.reader_target SELECT id, note FROM medallion.read_file('nested.json', '{"record_path": "a.b"}') AS t (id int, note text);
SELECT results_eq('SELECT id, note FROM public.reader_target ORDER BY 1', $$VALUES (1, 'x'), (2, '{"y":[1]}')$$, 'INSERT ... SELECT FROM read_file()');
SELECT throws_ok($$INSERT INTO public.reader_target SELECT * FROM medallion.read_file('nested.json', '{"record_path": "a.b"}') AS t (id int, note text)$$, '23505', NULL,
	'... under the table''s constraints');
SELECT is((SELECT count(*) FROM public.reader_target), 2::bigint, '... all of it or nothing');
CREATE TABLE public.reader_many (a int, d text);
INSERT INTO public.reader_many SELECT a, d FROM medallion.read_file('big.csv') AS t (a int, d text);
SELECT is((SELECT (count(*), sum(a), min(d))::text FROM public.reader_many), '(40000,800020000,4)', '... many rows');
DROP TABLE public.reader_target, public.reader_many;

-- limits, each lower than a file needs; units as the server has them

SELECT is(pg_temp.refused(path), 'nothing', path || ' is read at the defaults') FROM unnest('{big.csv,big.csv.gz,book.xlsx,deep.xml}'::text[]) path;
SELECT is(pg_temp.refused('alike.fods'), 'the repeated cells take more than max_compression_ratio (200) times the file''s size', 'alike.fods is not');
SET medallion.max_file_size = '1MB';
SELECT is(pg_temp.refused('big.csv'), 'the file has 1708902 bytes, more than max_file_size', 'max_file_size');
SET medallion.max_file_size = '2048kB';
SELECT is(current_setting('medallion.max_file_size') || pg_temp.refused('big.csv'), '2MBnothing', '... in kB');
RESET medallion.max_file_size;
SET medallion.max_uncompressed_size = '1024kB';
SELECT is(pg_temp.refused('big.csv.gz'), 'the file unpacks to more than max_uncompressed_size', 'max_uncompressed_size: a packed file');
SELECT is(pg_temp.refused('book.xlsx'), 'part "xl/s.xml" unpacks to more than max_uncompressed_size', '... a part of a workbook');
SELECT is(pg_temp.refused('alike.fods'), 'the repeated cells take more than max_uncompressed_size', '... what is repeated');
SET medallion.max_uncompressed_size = '1GB';
SELECT is(current_setting('medallion.max_uncompressed_size') || pg_temp.refused('book.xlsx'), '1GBnothing', '... in GB');
RESET medallion.max_uncompressed_size;
SET medallion.max_compression_ratio = 1;
SELECT is(pg_temp.refused('big.csv.gz'), 'the file unpacks to more than max_compression_ratio (1) times its size', 'max_compression_ratio');
RESET medallion.max_compression_ratio;
SET medallion.max_columns = 3;
SELECT is(pg_temp.refused('big.csv'), 'a record has more cells than max_columns', 'max_columns');
SET medallion.max_columns = 2;
SELECT is(pg_temp.refused('book.xlsx'), 'the column is beyond max_columns', '... of a workbook');
SELECT is(pg_temp.refused('nested.json'), 'nothing', '... where there are no more');
RESET medallion.max_columns;
SET medallion.max_cell_size = '1kB';
SELECT is(pg_temp.refused('deep.xml'), 'the cell is longer than max_cell_size', 'max_cell_size');
SET medallion.max_cell_size = 2;
SELECT is(current_setting('medallion.max_cell_size') || pg_temp.refused('deep.xml'), '2kBnothing', '... in kB if no unit is said');
SET medallion.max_cell_size = '1MB';
SELECT is(current_setting('medallion.max_cell_size'), '1MB', '... in MB');
RESET medallion.max_cell_size;
SET medallion.max_shared_strings = '1MB';
SELECT is(pg_temp.refused('book.xlsx'), 'the shared strings take more than max_shared_strings', 'max_shared_strings');
SET medallion.max_shared_strings = '2048kB';
SELECT is(current_setting('medallion.max_shared_strings') || pg_temp.refused('book.xlsx'), '2MBnothing', '... in kB');
RESET medallion.max_shared_strings;
SET medallion.max_xml_depth = 5;
SELECT is(pg_temp.refused('deep.xml'), 'the workbook is nested deeper than max_xml_depth (5)', 'max_xml_depth');
SET medallion.max_xml_depth = 6;
SELECT is(pg_temp.refused('deep.xml'), 'nothing', '... of just enough');
SET medallion.max_xml_depth = 4;
SELECT is(pg_temp.refused('book.xlsx'), 'part "xl/1.xml" is nested deeper than max_xml_depth (4)', '... a part of a workbook');
RESET medallion.max_xml_depth;
SELECT throws_like(format('SET medallion.%s = 0', setting), '%is outside the valid range%', setting || ': 0 is no limit')
  FROM unnest('{max_file_size,max_uncompressed_size,max_compression_ratio,max_columns,max_cell_size,max_shared_strings,max_xml_depth}'::text[]) setting;
SELECT is((SELECT count(*) FROM pg_settings WHERE name LIKE 'medallion.max\_%' AND context = 'superuser'), 7::bigint, 'no limit is forgotten here');
\o /dev/null
SET medallion.max_columns = 1;
SELECT medallion.create_feature('reader_limited', '{quotes.csv}');
SELECT pg_temp.run('reader_limited');
RESET medallion.max_columns;
\o
SELECT is((SELECT regexp_replace(error_message, '^could not read "[^"]*"', '') FROM etl_logs.file_processing WHERE status = 'FAILED' ORDER BY 1 LIMIT 1),
	', row 1, column 2: a record has more cells than max_columns', 'a feature''s file fails by them');

\o /dev/null
SELECT medallion.drop_feature(name, true) FROM medallion.features;
SELECT pg_temp.shell(format('rm -rf %s', :'tree'));
\o
SELECT * FROM finish();
