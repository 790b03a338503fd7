/*
 * What of a sheet is read: rows to be skipped above and below, headers of
 * several rows, merged cells, hidden rows; the same through read_rows(),
 * read_file(), a foreign table, describe_file() and a feature.
 */
\set name reading
\ir setup.psql

CREATE FUNCTION pg_temp.rows(path text, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(row_no || ':' || array_to_string(cells, '|', '-'), ' ' ORDER BY row_no)
	  FROM medallion.read_rows(current_setting('test.tree') || '/' || path, options)
$$;
CREATE FUNCTION pg_temp.header(path text, options jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT header_row || ' ' || (SELECT string_agg(c->>'name', ' ') FROM jsonb_array_elements(columns) c)
	  FROM medallion.describe_file(current_setting('test.tree') || '/' || path, options)
$$;
CREATE FUNCTION pg_temp.raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;

\o /dev/null
SELECT pg_temp.put('report.csv', E'Report of sales\n\n,2024,,2025,\nitem,units,price,units,price\na,1,2,3,4\nb,5,6,7,8\nTotal,6,8,10,12\n"printed today\n');
SELECT pg_temp.put('plain.csv', E'item,units\na,1\nb,2\nc,3\n');
SELECT pg_temp.put('merged.xml', $$<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
<Worksheet ss:Name="Data"><Table>
<Row><Cell><Data ss:Type="String">Report</Data></Cell></Row>
<Row><Cell ss:MergeDown="1"><Data ss:Type="String">Region</Data></Cell><Cell ss:MergeDown="1"><Data ss:Type="String">Item</Data></Cell>
 <Cell ss:MergeAcross="1"><Data ss:Type="Number">2024</Data></Cell><Cell><Data ss:Type="String">Note</Data></Cell></Row>
<Row><Cell ss:Index="3"><Data ss:Type="String">Units</Data></Cell><Cell><Data ss:Type="String">Price</Data></Cell></Row>
<Row><Cell ss:MergeDown="2"><Data ss:Type="String">North</Data></Cell><Cell><Data ss:Type="String">a</Data></Cell><Cell><Data ss:Type="Number">1</Data></Cell></Row>
<Row ss:Hidden="1"><Cell ss:Index="2"><Data ss:Type="String">b</Data></Cell><Cell><Data ss:Type="Number">2</Data></Cell></Row>
<Row><Cell ss:Index="2"><Data ss:Type="String">c</Data></Cell><Cell ss:MergeAcross="1"><Data ss:Type="Number">3</Data></Cell></Row>
<Row><Cell><Data ss:Type="String">South</Data></Cell><Cell><Data ss:Type="String">d</Data></Cell></Row>
</Table></Worksheet>
<Worksheet ss:Name="Other"><Table><Row><Cell><Data ss:Type="String">x</Data></Cell></Row><Row><Cell><Data ss:Type="String">y</Data></Cell></Row></Table></Worksheet>
</Workbook>$$);
\o
SELECT plan(39);

-- rows above and below

SELECT is(pg_temp.rows('plain.csv', '{"skip_rows": 2}'), '3:b|2 4:c|3', 'rows above');
SELECT is(pg_temp.rows('plain.csv', '{"skip_footer": 1}'), '1:item|units 2:a|1 3:b|2', 'rows below');
SELECT is(pg_temp.rows('plain.csv', '{"skip_footer": 3}'), '1:item|units', 'all rows but one');
SELECT is(pg_temp.rows('plain.csv', '{"skip_footer": 4}'), NULL, 'all rows');
SELECT is(pg_temp.rows('plain.csv', '{"skip_footer": 1000}'), NULL, 'more rows than there are');
SELECT is(pg_temp.rows('plain.csv', '{"skip_rows": 1, "skip_footer": 1}'), '2:a|1 3:b|2', 'both');
SELECT is(pg_temp.rows('plain.csv', '{"skip_rows": 9}'), NULL, 'more rows above than there are');
SELECT is(pg_temp.rows('plain.csv', '{"range": "B3:", "skip_rows": 1}'), '3:2 4:3', 'rows above a range');
SELECT is(pg_temp.rows('plain.csv', '{"range": "A1:B3", "skip_footer": 1}'), '1:item|units 2:a|1', 'a footer is that of the range');
SELECT is(pg_temp.rows('report.csv', '{"skip_rows": 3, "skip_footer": 2}'), '4:item|units|price|units|price 5:a|1|2|3|4 6:b|5|6|7|8',
	'a malformed row is a row of the footer');
SELECT is(pg_temp.raised(format('SELECT medallion.read_rows(%L, ''{"skip_rows": 3, "skip_footer": 0}'')', current_setting('test.tree') || '/report.csv')),
	format('could not read "%s/report.csv", row 8: unterminated quote', current_setting('test.tree')), 'and read where it is not skipped');
SELECT is(pg_temp.rows('merged.xml', '{"sheets": "Other", "skip_footer": 1}'), '1:x', 'each sheet has its footer');
SELECT is((SELECT count(*) FROM medallion.read_rows(current_setting('test.tree') || '/merged.xml', '{"skip_footer": 1}')), 7::bigint, 'all of them');

-- headers of several rows

SELECT is(pg_temp.header('report.csv', '{"header": [3, 4], "skip_footer": 1}'), '4 item 2024_units 2024_price 2025_units 2025_price',
	'headings of groups spread to the right');
SELECT is(pg_temp.header('report.csv', '{"header": [4], "skip_footer": 1}'), '4 item units price units_2 price_2', 'an array of one');
SELECT is(pg_temp.header('report.csv', '{"header": [1, 2, 3, 4], "skip_footer": 1}'),
	'4 report_of_sales_item 2024_units 2024_price 2025_units 2025_price', 'empty rows among them; a heading over one column');
SELECT is(pg_temp.header('merged.xml', '{"header": [2, 3], "sheets": "Data"}'), '3 region item 2024_units 2024_price note',
	'what is merged is the heading of all its columns, and of one row');
SELECT is((SELECT string_agg(concat_ws(' ', region, item, "2024 units", "2024 price"), ', ') FROM medallion.read_file('merged.xml',
	'{"header": [2, 3], "sheets": "Data"}') AS t(region text, item text, "2024 units" int, "2024 price" int)),
	'North a 1, b 2, c 3, South d', 'only the header is filled for that');
SELECT is(pg_temp.raised($$SELECT * FROM medallion.read_file('report.csv', '{"header": [3, 5]}') AS t(a text)$$),
	'option "header" must be a row number, row numbers one behind the other, "auto" or "none"', 'a gap');
SELECT is(pg_temp.raised($$SELECT * FROM medallion.read_file('report.csv', '{"header": [0, 1]}') AS t(a text)$$),
	'option "header" must be a row number, row numbers one behind the other, "auto" or "none"', 'row 0');
SELECT is(pg_temp.raised($$SELECT * FROM medallion.read_file('report.csv', '{"header": ["3"]}') AS t(a text)$$),
	'option "header" must be a row number, row numbers one behind the other, "auto" or "none"', 'words');

-- merged cells, hidden rows

SELECT is(pg_temp.rows('merged.xml', '{"sheets": "Data", "skip_rows": 3}'), '4:North|a|1 5:-|b|2 6:-|c|3 7:South|d', 'as they are');
SELECT is(pg_temp.rows('merged.xml', '{"sheets": "Data", "skip_rows": 3, "merged_cells": "first"}'), '4:North|a|1 5:-|b|2 6:-|c|3 7:South|d', 'the same, said');
SELECT is(pg_temp.rows('merged.xml', '{"sheets": "Data", "skip_rows": 3, "merged_cells": "fill"}'), '4:North|a|1 5:North|b|2 6:North|c|3|3 7:South|d', 'filled');
SELECT is(pg_temp.rows('merged.xml', '{"sheets": "Data", "skip_rows": 3, "hidden_rows": "skip"}'), '4:North|a|1 6:-|c|3 7:South|d', 'without hidden rows');
SELECT is(pg_temp.rows('merged.xml', '{"sheets": "Data", "skip_rows": 4, "merged_cells": "fill", "hidden_rows": "skip"}'), '6:North|c|3|3 7:South|d',
	'filled from a row that is skipped');
SELECT is(pg_temp.rows('plain.csv', '{"merged_cells": "fill", "hidden_rows": "skip"}'), '1:item|units 2:a|1 3:b|2 4:c|3', 'text has neither');

-- wrong values

SELECT is(pg_temp.raised(format('SELECT medallion.read_rows(''x'', %L)', options)), message, options)
  FROM (VALUES ('{"merged_cells": "all"}', 'unrecognized value for option "merged_cells": "all"'),
		('{"hidden_rows": true}', 'option "hidden_rows" must be a string'),
		('{"skip_rows": -1}', 'option "skip_rows" must be a number of rows'),
		('{"skip_rows": "2"}', 'option "skip_rows" must be a whole number'),
		('{"skip_footer": 1001}', 'option "skip_footer" must be a number of rows, at most 1000')) v(options, message);

-- foreign tables

CREATE FOREIGN TABLE report (item text, "2024 units" int, "2025 price" int) SERVER medallion_files
	OPTIONS (path 'report.csv', header '3, 4', skip_footer '2');
SELECT is((SELECT string_agg(r::text, ' ') FROM report r), '(a,1,4) (b,5,8)', 'a foreign table');
CREATE FOREIGN TABLE merged (region text, item text) SERVER medallion_files
	OPTIONS (path 'merged.xml', sheets 'Data', header '2,3', merged_cells 'fill', hidden_rows 'skip', skip_footer '1');
SELECT is((SELECT string_agg(m::text, ' ') FROM merged m), '(North,a) (North,c)', 'of merged cells');
CREATE FOREIGN TABLE skipped (item text) SERVER medallion_files OPTIONS (path 'plain.csv', header 'none', names 'item', skip_rows '1');
SELECT is((SELECT string_agg(s::text, ' ') FROM skipped s), '(a) (b) (c)', 'without the header');
SELECT is(pg_temp.raised($$CREATE FOREIGN TABLE t (a text) SERVER medallion_files OPTIONS (path 'x', header '3, x')$$),
	'option "header" must be a row number, row numbers one behind the other, "auto" or "none"', 'a header of words');

-- features

\o /dev/null
SELECT medallion.create_feature('reading_report', ARRAY['report.csv'], NULL,
	'{"header": [3, 4], "skip_footer": 2, "columns": {"2024_units": {"type": "integer"}}}');
SELECT medallion.create_feature('reading_merged', ARRAY['merged.xml'], NULL,
	'{"header": [2, 3], "sheets": "Data", "merged_cells": "fill", "hidden_rows": "skip"}');
SELECT pg_temp.run('reading_report', 'reading_merged');
\o
SELECT is((SELECT string_agg(concat_ws(' ', item, "2024_units", "2025_price"), ', ' ORDER BY _row) FROM bronze.reading_report), 'a 1 4, b 5 8', 'a feature');
SELECT is((SELECT string_agg(concat_ws(' ', region, item, "2024_units"), ', ' ORDER BY _row) FROM bronze.reading_merged), 'North a 1, North c 3, South d',
	'a feature of merged cells');
SELECT is((SELECT count(*) FROM medallion.rejects), 0::bigint, 'no footer is rejected');

SELECT * FROM finish();
