/*
 * What spreadsheets contain, through bronze into silver: each conversion at its
 * work, and each failure flagged on the row, counted in the log and traced to its
 * cell: file, sheet, row and column.
 */
\set name spreadsheet_values
\ir setup.psql

/* column, its options, cells that convert with what they become, cells that do not */
CREATE TEMP TABLE cases (place int GENERATED ALWAYS AS IDENTITY, name text, options jsonb, good text[], became text[], bad text[]);
INSERT INTO cases (name, options, good, became, bad) VALUES
('text_numbers', '{"type": "numeric"}', '{12,"1,234.50","(1,234.50)",12%,"£1,234.50","1 234.5",-$5,"  7  ",1.5E3,12-}',
 '{12,1234.50,-1234.50,0.12,1234.50,1234.5,-5,7,1500,-12}', '{twelve,"1,23.4",12%%,1.2.3,(5}'),
('comma_numbers', '{"type": "numeric", "decimal_mark": ","}', '{"1.234,56","(1.234,50)","12,5%","1.234,50 €","0,5"}', '{1234.56,-1234.50,0.125,1234.50,0.5}', '{"1,234.56",x}'),
('scaled', '{"type": "numeric(6,2)"}', '{1234.567,"(9,999.99)"}', '{1234.57,-9999.99}', '{10000,9999.995}'),
('whole', '{"type": "int"}', '{"1,234",(7),100%,2147483647,3.0}', '{1234,-7,1,2147483647,3}', '{1.5,2147483648,12%}'),
('no_break', '{"type": "numeric"}', ARRAY[E'\u00a01\u00a0234.5\u00a0', E'1\u202f000'], '{1234.5,1000}', ARRAY[E'1\u00a02']),
('serials', '{"type": "date", "date_numbers": "excel"}', '{45356,61,2024-03-05,05/03/2024}', '{2024-03-05,1900-03-01,2024-03-05,2024-03-05}', '{60,45356.5,2958466}'),
('serial_times', '{"type": "timestamp", "date_numbers": "excel"}', '{45356.5,45356}', '{"2024-03-05 12:00:00","2024-03-05 00:00:00"}', '{0,-1}'),
('serials_1904', '{"type": "date", "date_numbers": "excel1904"}', '{43894,0}', '{2024-03-05,1904-01-01}', '{x}'),
('short_years', '{"type": "date"}', '{1/2/24,31.12.69,1/1/70,01-Mar-24}', '{2024-02-01,2069-12-31,1970-01-01,2024-03-01}', '{1/2/024,32/1/24}'),
('month_first', '{"type": "date", "date_order": "MDY"}', '{12/31/24,1/2/2024,2024-03-01}', '{2024-12-31,2024-01-02,2024-03-01}', '{31/12/24}'),
('iso', '{"type": "timestamp"}', '{2024-03-01T10:11:12Z,"2024-03-01T10:11:12+02:00","2024-03-01 10:11"}', '{"2024-03-01 10:11:12","2024-03-01 08:11:12","2024-03-01 10:11:00"}', '{2024-02-30,2024-03-01T25:00}'),
('seconds', '{"type": "timestamp", "date_numbers": "s"}', '{1709645101,1709645101.5}', '{"2024-03-05 13:25:01","2024-03-05 13:25:01.5"}', '{x,99999999999999}'),
('milliseconds', '{"type": "timestamp", "date_numbers": "ms"}', '{1709645101500}', '{"2024-03-05 13:25:01.5"}', '{1.2.3}'),
('microseconds', '{"type": "timestamp", "date_numbers": "us"}', '{1709645101500250}', '{"2024-03-05 13:25:01.50025"}', '{9999999999999999999}'),
('any_epoch', '{"type": "timestamp", "date_numbers": "epoch"}', '{1709645101,1709645101500,1709645101500250}', '{"2024-03-05 13:25:01","2024-03-05 13:25:01.5","2024-03-05 13:25:01.50025"}', '{1e99}'),
('words', '{"type": "boolean"}', '{yes,NO,1,f}', '{true,false,true,false}', '{maybe,2}'),
('mapped', '{"map": {"o": "open"}, "map_else": "null"}', '{o}', '{open}', '{p}'),
('tokens', '{"type": "numeric", "null_tokens": ["n/a", "-"]}', '{5,n/a,-,""}', '{5,NULL,NULL,NULL}', '{n.a.}');

/* a feature of one column; the values, then the failures: rows flagged, the count, the cells that the samples lead to */
CREATE FUNCTION pg_temp.outcome(c cases) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	cells text[] := c.good || c.bad;
	result text;
	flagged text;
BEGIN
	PERFORM set_config('DateStyle', 'SQL, MDY', true), set_config('TimeZone', 'Asia/Tokyo', true);	-- no setting of the session may matter
	PERFORM pg_temp.put(c.name || '/a.csv', E'id,v\n' || (SELECT string_agg(format(E'%s,"%s"\n', n, cell), '' ORDER BY n) FROM unnest(cells) WITH ORDINALITY u (cell, n)));
	PERFORM medallion.create_feature(c.name, ARRAY[c.name || '/*.csv'], '{id}', jsonb_build_object('header', 1, 'columns', jsonb_build_object('v', c.options)));
	PERFORM pg_temp.run(c.name);
	IF pg_temp.errors() <> 'none' THEN
		RETURN pg_temp.errors();
	END IF;
	PERFORM set_config('DateStyle', 'ISO', true);
	EXECUTE format('SELECT string_agg(coalesce(v::text, ''NULL''), '' | '' ORDER BY id) FILTER (WHERE NOT dq_cast_flag_v), string_agg(id::text, '' '' ORDER BY id) FILTER (WHERE dq_cast_flag_v AND v IS NULL) FROM silver.%I', c.name) INTO result, flagged;
	RETURN concat_ws('; ', result, 'flagged ' || flagged, (
		SELECT format('%s %s at %s', check_status, records_affected, (
				SELECT string_agg(s.value->>'sheet' || (s.value->>'row') || right(s.value->>'file', 6), ' ' ORDER BY (s.value->>'row')::int) FROM jsonb_array_elements(check_details->'samples') s))
		  FROM etl_logs.data_quality_checks WHERE table_name = 'silver.' || c.name AND check_type = 'cast' AND column_name = 'v'));
END
$$;
CREATE FUNCTION pg_temp.expected(c cases) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws('; ', array_to_string(c.became, ' | ', 'NULL'), 'flagged ' || (SELECT string_agg((cardinality(c.good) + n)::text, ' ' ORDER BY n) FROM generate_subscripts(c.bad, 1) n),
		format('WARNING %s at %s', cardinality(c.bad), (SELECT string_agg((cardinality(c.good) + n + 1) || '/a.csv', ' ' ORDER BY n) FROM generate_subscripts(c.bad, 1) n)))
$$;
SELECT plan((SELECT count(*)::int FROM cases) + 2);
SELECT is(pg_temp.outcome(c), pg_temp.expected(c), c.name) FROM cases c ORDER BY c.place;

/* the cell itself, from the sample's address */
SELECT is((SELECT string_agg(b.v, ' ' ORDER BY b._row) FROM etl_logs.data_quality_checks d CROSS JOIN jsonb_array_elements(check_details->'samples') s
			JOIN bronze.text_numbers b ON (b._file_id, b._sheet, b._row) = ((s->>'file_id')::bigint, s->>'sheet', (s->>'row')::bigint) WHERE d.table_name = 'silver.text_numbers' AND d.check_type = 'cast' AND d.column_name = 'v'),
	'twelve 1,23.4 12%% 1.2.3 (5', 'a sample''s address leads to what the file says');
SELECT is((SELECT string_agg(b.v, ' ' ORDER BY b._row) FROM silver.text_numbers s JOIN bronze.text_numbers b USING (_file_id, _sheet, _row) WHERE s.dq_cast_flag_v),
	'twelve 1,23.4 12%% 1.2.3 (5', 'and so does a flagged row''s');
SELECT * FROM finish();
