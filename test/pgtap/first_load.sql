/*
 * A first load puts a row that is all there is of its key into silver at once; where the table is
 * partitioned, all goes by way of the staging table.  Both ways come to the same, then and later.
 */
\set name first_load
\ir setup.psql

/* all that is said of a feature, but for what runs and times are called */
CREATE FUNCTION pg_temp.said(feature text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	id int := (SELECT f.feature_id FROM medallion.features f WHERE f.name = feature);
BEGIN
	RETURN QUERY EXECUTE format($q$SELECT concat_ws('|', 'row', f.path, (to_jsonb(v) - '{_opened_run_id,_closed_run_id,_file_id,_scd2_valid_from,_scd2_valid_to}'::text[])::text)
		FROM silver.%I v JOIN medallion.file_versions f ON f.file_id = v._file_id$q$, feature);
	RETURN QUERY SELECT concat_ws('|', 'quarantined', f.path, q.sheet, q."row", q.reason, q.check_name) FROM medallion.quarantine q JOIN medallion.file_versions f USING (file_id) WHERE q.feature_id = id;
	RETURN QUERY SELECT concat_ws('|', 'verdict', d.check_type, d.column_name, d.check_status, d.records_affected, d.check_details->>'records_checked',
		(SELECT string_agg(concat_ws(':', f.path, s->>'row'), ' ' ORDER BY f.path, (s->>'row')::int) FROM jsonb_array_elements(d.check_details->'samples') s JOIN medallion.file_versions f ON f.file_id = (s->>'file_id')::bigint))
		FROM etl_logs.data_quality_checks d WHERE d.table_name = 'silver.' || feature;
	RETURN QUERY SELECT concat_ws('|', 'run', r.status, r.detail) FROM run r WHERE r.layer = 'silver' AND r.object = feature;
	RETURN QUERY SELECT concat_ws('|', 'sequence', s.taken_until, s.deleted_until) FROM medallion.silver_state s WHERE s.feature_id = id;
END
$$;
CREATE FUNCTION pg_temp.differences() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(line, E'\n' ORDER BY line), 'none') FROM (
		(SELECT '+ ' || s FROM (SELECT pg_temp.said('direct') EXCEPT ALL SELECT pg_temp.said('staged')) a (s) LIMIT 5)
		UNION ALL (SELECT '- ' || s FROM (SELECT pg_temp.said('staged') EXCEPT ALL SELECT pg_temp.said('direct')) b (s) LIMIT 5)) d (line)
$$;

/* a file of rows of keys first to last, of which some are broken; part tells equal rows of two files apart */
CREATE FUNCTION pg_temp.put_rows(path text, first int, last int, part int) RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.put(path, E'k,t,u,day,a,b,gone\n' || string_agg(format(E'%s,%s,%s,2024-%s-%s,%s,%s,%s\n',
		CASE WHEN i % 97 <> 5 THEN i::text END, i % 50 + part, i % 3, lpad((i % 4 + 1)::text, 2, '0'), lpad((i % 28 + 1)::text, 2, '0'),
		CASE WHEN i % 89 = 7 THEN 'many' ELSE (i * part % 1000)::text END, md5((i + part)::text) || CASE WHEN i % 1000 = 1 THEN repeat(md5(i::text), 200) ELSE '' END,
		CASE WHEN i % 41 = 3 THEN 'yes' END), '' ORDER BY i)) FROM generate_series(first, last) i
$$;

/* the features: of the same files, by the same options */
CREATE FUNCTION pg_temp.set_up(keys text[], options jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM medallion.features) THEN
		PERFORM medallion.drop_feature('direct', true), medallion.drop_feature('staged', true);
	END IF;
	DELETE FROM etl_logs.data_quality_checks;
	PERFORM medallion.create_feature('direct', '{first/*.csv}', keys, options);
	PERFORM medallion.create_feature('staged', '{first/*.csv}', keys, options || '{"partition_by": "day", "load_duplicates": true}');
END
$$;
/* the files of a way, what is said, then what comes later, and all of it once more */
CREATE FUNCTION pg_temp.compare(way text, keys text[], options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM pg_temp.shell('rm -rf ' || current_setting('test.tree') || '/first');
	TRUNCATE staged_rows;
	PERFORM pg_temp.put_rows('first/a.csv', 1, CASE way WHEN 'all soon' THEN 8000 WHEN 'none, large' THEN 27000 ELSE 800 END, 1);
	IF way <> 'none, large' THEN
		PERFORM pg_temp.put_rows('first/b.csv', CASE WHEN way = 'some' THEN 780 ELSE 1 END, CASE WHEN way = 'all soon' THEN 8000 ELSE 860 END, 2);
	END IF;
	PERFORM pg_temp.set_up(keys, options);
	PERFORM pg_temp.run();
	IF pg_temp.errors() <> 'none' THEN
		RETURN pg_temp.errors();
	END IF;
	result := pg_temp.differences();
	INSERT INTO first_stages SELECT way, max(rows) FILTER (WHERE feature = 'direct'), max(rows) FILTER (WHERE feature = 'staged') FROM staged_rows;
	PERFORM pg_temp.put_rows('first/c.csv', 750, 900, 3);
	PERFORM pg_temp.run();
	result := concat_ws(E'\n', result, nullif(pg_temp.errors(), 'none'), pg_temp.differences());
	PERFORM medallion.rebuild('silver', 'direct'), medallion.rebuild('silver', 'staged');
	RETURN concat_ws(E'\n', result, nullif(pg_temp.errors(), 'none'), pg_temp.differences());
END
$$;

/* rows of staging tables as they were when something was dropped */
CREATE TABLE staged_rows (feature text, rows bigint);
CREATE TABLE first_stages (way text, direct bigint, staged bigint);
CREATE FUNCTION note_stages() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_catalog AS $$
BEGIN
	INSERT INTO staged_rows SELECT f.name, c.reltuples FROM pg_class c JOIN medallion.features f ON c.relname = '_stage_' || f.feature_id WHERE c.reltuples >= 0;
END
$$;
CREATE EVENT TRIGGER note_stages ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION note_stages();

CREATE TEMP TABLE cases (name text, keys text[], options jsonb, refuses boolean GENERATED ALWAYS AS (name IN ('keys', 'a sequence', 'rows', 'rows with a key')) STORED);
INSERT INTO cases VALUES
	('keys', '{k}', '{}'),
	('scd1', '{k}', '{"history": "scd1"}'),
	('keys of several columns', '{k,t}', '{"null_key": "as_value"}'),
	('files that close', '{k}', '{"on_missing": "close"}'),
	('a sequence', '{k}', '{"sequence_by": ["t", "u"]}'),
	('deletes, untracked columns', '{k}', '{"sequence_by": "t", "apply_as_deletes": "d.gone = ''yes''", "no_track": ["b"]}'),
	('values left out', '{k}', '{"sequence_by": "t", "ignore_null_updates": true}'),
	('a far end', '{k}', '{"sequence_by": "t", "valid_to": "2147483647"}'),
	('snapshots', '{k}', '{"sequence_by": "t", "deletes": "snapshot"}'),
	('rows', NULL, '{}'),
	('rows with a key', '{k}', '{"history": "append"}');
\getenv quick MEDALLION_QUICK
\if :{?quick}
DELETE FROM cases WHERE name NOT IN ('keys', 'deletes, untracked columns', 'rows with a key');
\endif
CREATE TEMP TABLE judged AS SELECT '{"columns": {"k": {"type": "int"}, "t": {"type": "int"}, "u": {"type": "int"}, "a": {"type": "int"}, "day": {"type": "date"}, "gone": {"type": "text"}},
	"checks": [{"kind": "range", "columns": ["a"], "params": {"min": 100}}, {"kind": "not_null", "columns": ["k"]}, {"kind": "unique", "columns": ["b"]},
	{"kind": "range", "columns": ["u"], "params": {"max": 1}, "action": "ACTION"}]}' AS checks;

SELECT plan((SELECT count(*) + count(*) FILTER (WHERE refuses) FROM cases)::int + 13);
SELECT is(pg_temp.compare('some', keys, options || replace(checks, 'ACTION', 'flag')::jsonb), E'none\nnone\nnone', name || ', some of them repeated') FROM cases, judged;
SELECT is(pg_temp.compare('some', keys, options || replace(checks, 'ACTION', 'quarantine')::jsonb), E'none\nnone\nnone', name || ', and some refused') FROM cases, judged WHERE refuses;
TRUNCATE first_stages;

SELECT is(pg_temp.compare('some', '{k}', '{}'), E'none\nnone\nnone', 'some keys repeated, all of it text or what it looks like');
SELECT is(pg_temp.compare('all', '{k}', replace(checks, 'ACTION', 'flag')::jsonb), E'none\nnone\nnone', 'all keys repeated') FROM judged;
SELECT is(pg_temp.compare('all soon', '{k}', replace(checks, 'ACTION', 'flag')::jsonb), E'none\nnone\nnone', 'so many that a sample tells') FROM judged;
-- by workers, where there are any; not the catalog, which takes them a minute
SET parallel_setup_cost = 0;
SET min_parallel_table_scan_size = '1MB';
SELECT is(pg_temp.compare('none, large', '{k}', replace(checks, 'ACTION', 'flag')::jsonb), E'none\nnone\nnone', 'no key repeated, in whole pages') FROM judged;
SELECT cmp_ok(pg_relation_size('silver.direct'), '>', 4800000::bigint, 'these are some pages');
SET min_parallel_table_scan_size = '64kB';
SELECT is(pg_temp.compare('some', '{k}', replace(checks, 'ACTION', 'quarantine')::jsonb || '{"sequence_by": "t"}'), E'none\nnone\nnone', 'some of them') FROM judged;
RESET parallel_setup_cost;
RESET min_parallel_table_scan_size;
SELECT is((SELECT string_agg(concat_ws(' ', way || ':', direct, 'of', staged), ', ' ORDER BY way, direct) FROM first_stages),
	'all: 1660 of 1660, all soon: 16000 of 16000, none, large: 279 of 27000, some: 50 of 881, some: 327 of 881', 'what was staged');

-- a table that is more than its rows is filled by statements
CREATE TABLE seen (name text, rows bigint);
CREATE FUNCTION note_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN INSERT INTO public.seen SELECT TG_TABLE_NAME, count(*) FROM new_rows; RETURN NULL; END';
CREATE FUNCTION watch_silver() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('silver.direct') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass('silver.direct')) THEN
		CREATE TRIGGER note_rows AFTER INSERT ON silver.direct REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.note_rows();
	END IF;
END
$$;
CREATE EVENT TRIGGER watch_silver ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION watch_silver();
SELECT is(pg_temp.compare('some', '{k}', '{}'), E'none\nnone\nnone', 'a table with a trigger comes to the same');
SELECT is((SELECT sum(rows) > 800 FROM seen), true, 'its trigger has seen all rows');
SELECT is((SELECT max(direct) FROM first_stages WHERE way = 'some' AND direct > 800), 881::bigint, 'which were staged');

-- so is one that has other columns than were made
CREATE OR REPLACE FUNCTION watch_silver() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('silver.direct') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('silver.direct') AND attname = 'note') THEN
		ALTER TABLE silver.direct ADD COLUMN note text, ADD COLUMN grade int, ADD COLUMN over text;
		ALTER TABLE silver.direct DROP COLUMN over;
	END IF;
END
$$;
SELECT pg_temp.set_up('{k}', '{}') \g /dev/null
SELECT medallion.run_pipeline() \g /dev/null
SELECT is((SELECT (count(*) > 500, count(note), count(grade))::text FROM silver.direct), '(t,0,0)', 'columns that somebody else added are NULL');
DROP EVENT TRIGGER watch_silver;
-- and one whose changes are told to others, who are not to hear of rows that are put there and taken back
CREATE PUBLICATION all_of_silver FOR TABLES IN SCHEMA silver;
SELECT pg_temp.set_up('{k}', '{}') \g /dev/null
SELECT is((SELECT status FROM medallion.run_pipeline('{direct}') WHERE layer = 'silver'), 'COMPLETED', 'the first load of a published table');
SELECT is((SELECT max(direct) FROM first_stages WHERE way = 'some' AND direct > 800), 881::bigint, 'all of it staged');
DROP PUBLICATION all_of_silver;
DROP EVENT TRIGGER note_stages;
SELECT * FROM finish();
