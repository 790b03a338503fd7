/*
 * The crafted workbooks of the corpus through read_cells(): each cell as
 * expected.json has it, [row, column, type, value], a date's value its serial
 * number; or refused, where that says ERROR.
 */
\set name crafted
\ir setup.psql
SELECT :'shared' || '/corpus/crafted' AS folder \gset
SELECT CASE WHEN :'shared' = '' THEN false ELSE (pg_stat_file(:'folder' || '/expected.json', true)).size IS NOT NULL END AS there \gset
\if :there

\o /dev/null
CREATE TEMP TABLE cases AS
	SELECT key AS name, value->>'what' AS what, value->'cells' AS cells FROM jsonb_each(pg_read_file(:'folder' || '/expected.json')::jsonb);
-- a table has at most 1600 columns, and medallion.max_columns at most 1500: this one has more
CREATE TEMP TABLE corner AS SELECT * FROM cases WHERE name = 'corner';
DELETE FROM cases WHERE name = 'corner';
CREATE TEMP TABLE found (name text, row_no bigint, col_no int, kind text, value text);
CREATE TEMP TABLE refusals (name text, message text);

/* reads each; of several sheets the first one with such a cell counts, as in expected.json */
CREATE FUNCTION pg_temp.read(folder text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	workbook text;
BEGIN
	FOR workbook IN SELECT name FROM cases LOOP
		BEGIN
			INSERT INTO found SELECT DISTINCT ON (c.row_no, c.col_no) workbook, c.row_no, c.col_no, c.kind, c.value
				FROM medallion.read_cells(folder || '/' || workbook || '.xlsx') WITH ORDINALITY c (sheet, row_no, col_no, kind, value, n)
				ORDER BY c.row_no, c.col_no, c.n;
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO refusals VALUES (workbook, SQLERRM);
		END;
	END LOOP;
END
$$;
/* the number that stands for a date, a time or an interval in a workbook; in the calendar of 1900 a day more after its February */
CREATE FUNCTION pg_temp.serial(kind text, value text, since_1904 boolean) RETURNS float8 LANGUAGE sql AS $$
	SELECT extract(epoch FROM CASE WHEN kind NOT IN ('date', 'timestamp') THEN value::interval
		WHEN since_1904 THEN value::timestamp - timestamp '1904-01-01'
		WHEN value::timestamp < timestamp '1900-03-01' THEN value::timestamp - timestamp '1899-12-31'
		ELSE value::timestamp - timestamp '1899-12-30' END) / 86400
$$;
SELECT pg_temp.read(:'folder');
CREATE TEMP TABLE compared AS
	SELECT c.name, w.cell, f.kind, f.value,
		   CASE WHEN f.name IS NULL THEN coalesce(w.cell->>3, '') = ''
				WHEN w.cell->>2 = 'n' THEN f.kind = 'number' AND f.value::float8 = (w.cell->>3)::float8
				WHEN w.cell->>2 = 'b' THEN f.kind = 'boolean' AND f.value = (w.cell->>3)::boolean::text
				WHEN w.cell->>2 = 's' THEN f.kind = 'text' AND f.value = w.cell->>3
				WHEN w.cell->>2 = 'e' THEN f.kind = 'error' AND f.value = w.cell->>3
				WHEN f.kind IN ('date', 'timestamp', 'time', 'interval')
				THEN abs(pg_temp.serial(f.kind, f.value, c.name LIKE 'd1904%') - (w.cell->>3)::float8) < 0.6 / 86400000
				ELSE false END AS agrees
	  FROM cases c
		   CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(c.cells) WHEN 'array' THEN c.cells ELSE '[]' END) w (cell)
		   LEFT JOIN found f ON f.name = c.name AND f.row_no = (w.cell->>0)::bigint AND f.col_no = (w.cell->>1)::int;
\o
SELECT plan((SELECT count(*)::int + 4 FROM cases));
SELECT cmp_ok((SELECT count(*) FROM cases), '>=', 59::bigint, 'the workbooks');
SELECT is(CASE WHEN c.cells = '"ERROR"' AND r.message LIKE 'could not read "%/' || c.name || '.xlsx"%: _%' THEN NULL
			WHEN c.cells = '"ERROR"' THEN 'not refused: ' || coalesce(r.message, 'read')
			WHEN c.cells <> '"ANY"' THEN coalesce(r.message, (SELECT string_agg(concat_ws(' ', d.cell, d.kind, d.value), ', ') FROM compared d
				WHERE d.name = c.name AND NOT d.agrees AND c.name <> 'd_serials')) END, NULL, c.name || ': ' || c.what)
  FROM cases c LEFT JOIN refusals r USING (name) ORDER BY c.name;
SELECT throws_like(format('SELECT * FROM medallion.read_cells(%L)', :'folder' || '/' || name || '.xlsx'),
	'%row 1048576: the column is beyond max_columns', name || ': ' || what) FROM corner;
-- what is read otherwise: a day that never was, one behind the last of the calendar, one before its first stay numbers
SELECT set_eq('SELECT cell, kind, value FROM compared WHERE NOT agrees',
	$$VALUES ('[5, 1, "d", 60]'::jsonb, 'number', '60'), ('[9, 1, "d", 2958466]', 'number', '2958466'), ('[10, 1, "d", -1]', 'number', '-1')$$,
	'but for three dates that there are not');
SELECT cmp_ok((SELECT count(*) FROM compared WHERE agrees AND cell->>2 = 'd'), '>=', 40::bigint, 'the values of dates were compared');

\else
SELECT plan(1);
SELECT skip('the corpus is not there', 1);
\endif
\o /dev/null
SELECT pg_temp.shell(format('rm -rf %s', :'tree'));
\o
SELECT * FROM finish();
