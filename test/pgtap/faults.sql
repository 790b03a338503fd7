/*
 * SQL of options that cannot take a row: the step fails, and says for which row of
 * which file, and of which column's expression; nothing of the value is told.
 */
\set name faults
\ir setup.psql
SELECT plan(13);

/* a function that leaves a trace of each call that stays */
CREATE TABLE public.calls (v text);
CREATE FUNCTION public.strict(v text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.calls VALUES (v);
	IF v = 'bad' THEN
		RAISE 'no % here', v;
	END IF;
	RETURN v;
END $$;

/* rows 2 to 5001 of a are good, of 3,000 in b one is not */
\o /dev/null
SELECT pg_temp.put('f/a.csv', E'id,d,note\n' || string_agg(format(E'%s,%s,good\n', i, 1 + i % 7), '' ORDER BY i)) FROM generate_series(1, 5000) i;
SELECT pg_temp.put('f/b.csv', E'id,d,note\n' || string_agg(format(E'%s,%s,%s\n', i, CASE WHEN i = 7345 THEN 0 ELSE 5 END, CASE WHEN i = 6001 THEN 'bad' ELSE 'good' END), '' ORDER BY i))
  FROM generate_series(5001, 8000) i;
SELECT pg_temp.put('f/c.xml', '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
	'<Worksheet ss:Name="the &quot;last&quot;"><Table><Row><Cell><Data ss:Type="String">id</Data></Cell><Cell><Data ss:Type="String">d</Data></Cell><Cell><Data ss:Type="String">note</Data></Cell></Row>'
	'<Row><Cell><Data ss:Type="Number">9001</Data></Cell><Cell><Data ss:Type="Number">0</Data></Cell><Cell><Data ss:Type="String">secret</Data></Cell></Row></Table></Worksheet></Workbook>');
\o
CREATE FUNCTION pg_temp.error_of(feature text, pattern text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM medallion.create_feature(feature, ARRAY[pattern], '{id}', options || '{"header": 1}');
	PERFORM pg_temp.run(feature);
	RETURN replace(pg_temp.errors(), current_setting('test.tree') || '/', '');
END $$;

SELECT is(pg_temp.error_of('f1', 'f/*.csv', '{"columns": {"d": {"expression": "100 / c.d::int"}}}'),
	'silver: division by zero (file "f/b.csv", row 2346, column "d")', 'the expression of a column');
SELECT is(pg_temp.error_of('f2', 'f/*.csv', '{"derive": {"rate": "100 / t.d"}}'),
	'silver: division by zero (file "f/b.csv", row 2346, column "rate")', 'a derived column');
SELECT is(pg_temp.error_of('f3', 'f/*.csv', '{"filter": "100 / d.d > 0"}'),
	'silver: division by zero (file "f/b.csv", row 2346)', 'a filter');
SELECT is(pg_temp.error_of('f4', 'f/*.csv', '{"checks": [{"kind": "expression", "name": "c", "params": {"expression": "100 / d.d > 0"}}]}'),
	'silver: division by zero (file "f/b.csv", row 2346)', 'the expression of a check');
SELECT is(pg_temp.error_of('f5', 'f/*.csv', '{"columns": {"note": {"expression": "public.strict(c.note)"}}}'),
	'silver: no bad here (file "f/b.csv", row 1002, column "note")', 'a function that raises');
SELECT is((SELECT count(*) FROM public.calls), 0::bigint, 'what is tried is undone');
SELECT is(pg_temp.error_of('f6', 'f/c.xml', '{"columns": {"note": {"expression": "c.note", "type": "int"}}}'),
	'silver: invalid input syntax for type integer: "***" (file "f/c.xml", sheet "the "last"", row 2, column "note")', 'a sheet is named, and the value is not');
SELECT is(pg_temp.error_of('f7', 'f/*.csv', '{"columns": {"d": {"expression": "c.no_such"}}}'),
	'silver: column c.no_such does not exist', 'what no row can have is not looked for in rows');

SELECT is(pg_temp.error_of('f8', 'f/*.csv', '{"filter": "d.id <> ''n/a''"}'),
	'silver: invalid input syntax for type bigint: "***"', 'nor what fails for no row');

/* after good files, only what is due is looked at; when the cell is corrected the next run is well */
\o /dev/null
SELECT pg_temp.put('g/a.csv', E'id,d\n1,1\n');
SELECT medallion.create_feature('g', '{g/*.csv}', '{id}', '{"derive": {"rate": "100 / t.d"}, "header": 1}');
SELECT pg_temp.run('g');
SELECT pg_temp.put('g/b.csv', E'id,d\n2,0\n');
SELECT pg_temp.run('g');
\o
SELECT is(replace(pg_temp.errors(), :'tree' || '/', ''), 'silver: division by zero (file "g/b.csv", row 2, column "rate")', 'a file that came later');
SELECT is((SELECT replace(error_message, :'tree' || '/', '') FROM etl_logs.pipeline_runs WHERE layer = 'silver' AND feature_name = 'g' ORDER BY run_id DESC LIMIT 1),
	'division by zero (file "g/b.csv", row 2, column "rate")', 'the log says so too');
SELECT medallion.correct(file_id, '', 2, '{"d": "50"}') FROM medallion.file_versions WHERE path LIKE '%/g/b.csv' \g /dev/null
SELECT pg_temp.run('g') \g /dev/null
SELECT is(pg_temp.errors(), 'none', 'the cell is corrected');
SELECT set_eq('SELECT id, rate FROM silver.g WHERE _scd2_is_current', 'VALUES (1::bigint, 100::bigint), (2, 2)', 'and so is silver');
SELECT * FROM finish();
