/*
 * Types of silver columns over two files, each type with each, in both orders: the
 * narrowest that holds both, every value as the files show it, no version more,
 * no value lost, and the same rows when silver is made anew.
 */
\set name widening
\ir setup.psql

CREATE TEMP TABLE kind (place int, name text, cell text, type text);
INSERT INTO kind VALUES (0, 'empty', '', NULL), (1, 'boolean', 'true', 'boolean'), (2, 'bigint', '12', 'bigint'), (3, 'numeric', '1.50', 'numeric'), (4, 'date', '2024-03-01', 'date'),
	(5, 'timestamp', '2024-03-01 10:11:12', 'timestamp without time zone'), (6, 'text', 'word', 'text');

/* the type of the column, keys with values and versions, flags; the same of a rebuild */
CREATE FUNCTION pg_temp.shown(feature text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT format_type(atttypid, atttypmod) || '' '' || (SELECT string_agg(concat_ws(''='', id, coalesce(v::text, ''NULL''), _scd2_version), '', '' ORDER BY id, _scd2_version) FROM silver.%1$I)'
		' FROM pg_attribute WHERE attrelid = ''silver.%1$I''::regclass AND attname = ''v''', feature) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION pg_temp.all_of(feature text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg((to_jsonb(s) - ''_opened_run_id'' - ''_closed_run_id'')::text, '' '' ORDER BY id) FROM silver.%I s', feature) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION pg_temp.play(a kind, b kind) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	feature text := concat_ws('_', a.name, b.name);
	before text;
BEGIN
	PERFORM pg_temp.put(feature || '/a.csv', format(E'id,v\n1,%s\n', a.cell));
	PERFORM medallion.create_feature(feature, ARRAY[feature || '/*.csv'], '{id}', '{"header": 1}');
	PERFORM pg_temp.run(feature);
	PERFORM pg_temp.put(feature || '/b.csv', format(E'id,v\n2,%s\n', b.cell));
	PERFORM pg_temp.run(feature);
	before := pg_temp.all_of(feature);
	PERFORM medallion.rebuild('silver', feature);
	PERFORM pg_temp.run(feature);
	RETURN pg_temp.errors() || ' ' || pg_temp.shown(feature) || CASE WHEN before = pg_temp.all_of(feature) THEN '' ELSE ' rebuilt otherwise' END;
END
$$;
/* the text of a value, read by a type; of dates that became timestamps the midnight */
CREATE FUNCTION pg_temp.as_shown(k kind, type text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN k.cell = '' THEN 'NULL' WHEN type = 'timestamp without time zone' THEN k.cell::timestamp::text ELSE k.cell END
$$;
CREATE FUNCTION pg_temp.expected(a kind, b kind) RETURNS text LANGUAGE sql AS $$
	WITH t AS (SELECT CASE WHEN a.type = b.type OR b.type IS NULL THEN coalesce(a.type, 'text') WHEN a.type IS NULL THEN b.type
		WHEN a.type IN ('bigint', 'numeric') AND b.type IN ('bigint', 'numeric') THEN 'numeric'
		WHEN a.type ~ '^(date|time)' AND b.type ~ '^(date|time)' THEN 'timestamp without time zone' ELSE 'text' END AS type)
	SELECT format('none %s 1=%s=1, 2=%s=1', type, pg_temp.as_shown(a, type), pg_temp.as_shown(b, type)) FROM t
$$;
SET DateStyle = 'ISO';
SELECT plan((SELECT count(*)::int FROM kind a, kind b));
SELECT is(pg_temp.play(a, b), pg_temp.expected(a, b), a.name || ', then ' || b.name) FROM kind a, kind b ORDER BY a.place, b.place;
SELECT * FROM finish();
