/*
 * Cleaning: formats, numbers that are dates, words, mappings, masks, one row of
 * those that agree; what does not convert is flagged, counted and traced.
 */
\set name cleaning
\ir setup.psql
SELECT plan(65);

-- dates by format: all that is asked for, and nothing else
SELECT is(medallion.to_timestamp(v, 'DMY', f), r::timestamp, v || ' by ' || f::text) FROM (VALUES
	('05.03.2024', '{DD.MM.YYYY}'::text[], '2024-03-05'), ('5.3.2024', '{DD.MM.YYYY}', '2024-03-05'), ('05/03/24', '{MM/DD/YY}', '2024-05-03'),
	('20240305', '{YYYYMMDD}', '2024-03-05'), ('2024035', '{YYYYMMDD}', NULL), ('20240305_142501', '{YYYYMMDD_HH24MISS}', '2024-03-05 14:25:01'),
	('2024-03-05T14:25:01.5Z', '{YYYY-MM-DDTHH24:MI:SS.FFTZ}', '2024-03-05 14:25:01.5'), ('2024-03-05T14:25:01.5+02:00', '{YYYY-MM-DDTHH24:MI:SS.FFTZ}', '2024-03-05 12:25:01.5'),
	('5 Mar 2024 2:05 PM', '{DD MON YYYY HH12:MI AM}', '2024-03-05 14:05'), ('March 5, 2024', '{"MONTH DD, YYYY"}', '2024-03-05'),
	('2024-03-05', '{DD.MM.YYYY}', NULL), ('2024-03-05', '{DD.MM.YYYY,YYYY-MM-DD}', '2024-03-05'), ('05.03.2024 x', '{DD.MM.YYYY}', NULL), ('31.02.2024', '{DD.MM.YYYY}', NULL),
	('05.13.2024', '{DD.MM.YYYY}', NULL), ('05.03.2024 24:00', '{DD.MM.YYYY HH24:MI}', NULL), ('', '{DD.MM.YYYY}', NULL)) v (v, f, r);
SELECT throws_like($$SELECT medallion.to_date('2024', 'DMY', '{YYYY}')$$, 'a date format must have a year%', 'a format without a day');

-- numbers that are dates; the serials are those that workbooks show
SELECT is(medallion.to_timestamp(v, 'DMY', NULL, n), r::timestamp, v || ' as ' || n) FROM (VALUES
	('1', 'excel', '1900-01-01'), ('59', 'excel', '1900-02-28'), ('60', 'excel', NULL), ('61', 'excel', '1900-03-01'), ('45356', 'excel', '2024-03-05'), ('45356.604178', 'excel', '2024-03-05 14:30:00.979'),
	('2958465', 'excel', '9999-12-31'), ('2958466', 'excel', NULL), ('0', 'excel1904', '1904-01-01'), ('43894', 'excel1904', '2024-03-05'), ('20240305', 'excel', '2024-03-05'), ('05.03.2024', 'excel', '2024-03-05'),
	('1709645101', 's', '2024-03-05 13:25:01'), ('1709645101.25', 's', '2024-03-05 13:25:01.25'), ('-1', 's', '1969-12-31 23:59:59'), ('1709645101500', 'ms', '2024-03-05 13:25:01.5'), ('1709645101500250', 'us', '2024-03-05 13:25:01.50025'),
	('1709645101', 'epoch', '2024-03-05 13:25:01'), ('1709645101500', 'epoch', '2024-03-05 13:25:01.5'), ('1709645101500250', 'epoch', '2024-03-05 13:25:01.50025'), ('9999999999999999999', 'us', NULL), ('1e9', 's', NULL), ('1.2.3', 's', NULL)) v (v, n, r);
SELECT is(medallion.to_date('45356.5', 'DMY', NULL, 'excel'), NULL, 'a date does not lose a time of day');

-- words for true and false
SELECT is(medallion.to_boolean(v, '{ja,j,wahr}', '{nein}'), r, v) FROM (VALUES ('Ja', true), (' WAHR ', true), ('nein', false), ('yes', NULL), ('no', NULL), ('', NULL)) v (v, r);
SELECT is(medallion.to_boolean('no', '{ja}'), false, 'words for true alone leave those for false');

-- masks
SELECT is(medallion.mask('4111111111111111', 'last4'), '************1111', 'the last four');
SELECT is(medallion.mask('abcd', 'last4'), '****', 'four characters show nothing');
SELECT is(medallion.mask('ab', 'redact') || coalesce(medallion.mask(NULL, 'redact'), '-'), '***-', 'redacted, but for NULL');
SELECT is(medallion.mask('ann@example.org', 'hash', 's'), encode(sha256('sann@example.org'), 'hex'), 'hashed with salt');

-- all of it in a feature
\o /dev/null
CREATE SCHEMA ref;
CREATE TABLE ref.state (code text, name text);
INSERT INTO ref.state VALUES ('o', 'open'), ('c', 'closed'), (NULL, 'none');
SELECT pg_temp.put('a.csv', $$id,day,at,paid,state,land,phone,mail
1,45356,1709645101,ja,o,DE,0301234567,a@b.de
2,05.03.2024,x,nein,c,XX,12,nope
3,,,vielleicht,z,,,
$$);
SELECT medallion.create_feature('deals', '{a.csv}', '{id}', '{"true_words": ["ja"], "false_words": ["nein"], "columns": {
	"day": {"type": "date", "date_numbers": "excel", "date_formats": ["DD.MM.YYYY"]}, "at": {"type": "timestamp", "date_numbers": "s"}, "paid": {"type": "boolean"},
	"state": {"map_table": "ref.state"}, "land": {"map": {"DE": "Germany"}, "map_else": "null"}, "phone": {"type": "text", "mask": "last4"}, "mail": {"type": "text", "mask": "hash", "mask_salt": "x"}},
	"checks": [{"kind": "email", "columns": ["mail"]}, {"kind": "length", "columns": ["phone"], "params": {"min": 5}}]}');
SELECT pg_temp.run('deals');
\o
SELECT is(pg_temp.errors(), 'none', 'the run works');
SELECT is((SELECT string_agg(concat_ws(' ', id, day, to_char(at, 'YYYY-MM-DD HH24:MI:SS'), paid, state, coalesce(land, '-'), phone, left(mail, 6)), E'\n' ORDER BY id) FROM silver.deals),
	'1 2024-03-05 2024-03-05 13:25:01 t open Germany ******4567 ' || left(encode(sha256('xa@b.de'), 'hex'), 6) || '
2 2024-03-05 f closed - **** ' || left(encode(sha256('xnope'), 'hex'), 6) || '
3 z -', 'cleaned');
SELECT is((SELECT string_agg(concat_ws(' ', id, dq_cast_flag_at, dq_cast_flag_paid, dq_cast_flag_land, dq_email_flag_mail, dq_length_flag_phone), ', ' ORDER BY id) FROM silver.deals),
	'1 f f f f f, 2 t f t t t, 3 f t f f f', 'failures are flagged; checks see what the masks hide');
SELECT is((SELECT string_agg(concat_ws(' ', column_name, records_affected, check_details->'samples'->0->'row'), ', ' ORDER BY column_name) FROM etl_logs.data_quality_checks WHERE check_type = 'cast' AND records_affected > 0),
	'at 1 3, land 1 3, paid 1 4', 'counted, and traced to the row');
SELECT throws_like($$SELECT medallion.alter_feature('deals', '{"columns": {"day": {"date_numbers": "excell"}}}')$$, 'unrecognized value for option "date_numbers": "excell"', 'a wrong word');

-- one row of those that agree: whatever files come and go, the same as plain SQL over the files in force
\o /dev/null
SELECT medallion.create_feature('d_' || k, '{d/*.csv}', NULL, jsonb_build_object('on_change', c, 'columns', '{"w": {"type": "bigint"}}'::jsonb, 'dedup', jsonb_build_object('columns', '{a,b}'::text[], 'keep', k) ||
		CASE k WHEN 'by' THEN '{"by": "w"}' ELSE '{}' END::jsonb, 'checks', '[{"kind": "range", "columns": ["w"], "params": {"max": 90}, "action": "drop"}]'::jsonb))
  FROM (VALUES ('first', 'restate'), ('last', 'version'), ('by', 'version')) v (k, c);
CREATE TABLE files (name text, seen int, n int, a text, b int, w int);
CREATE FUNCTION pg_temp.random_file(step int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	file text := (ARRAY['p', 'q', 'r'])[1 + floor(random() * 3)::int];
BEGIN
	DELETE FROM files WHERE name = file;
	INSERT INTO files SELECT file, step, i + 1, (ARRAY['x', 'y', NULL])[1 + floor(random() * 3)::int], floor(random() * 3)::int,
							 CASE WHEN random() < 0.2 THEN NULL ELSE floor(random() * 100)::int END FROM generate_series(1, 1 + floor(random() * 6)::int) i;
	PERFORM pg_temp.put('d/' || file || '.csv', 'a,b,w' || E'\n' || (SELECT string_agg(concat(a, ',', b, ',', w), E'\n' ORDER BY n) FROM files WHERE name = file) || E'\n# ' || step || E',,\n');
	-- the last line makes every content a new one, and is a row of its own
	INSERT INTO files SELECT file, step, max(n) + 1, '# ' || step, NULL, NULL FROM files WHERE name = file;
END
$$;
CREATE FUNCTION pg_temp.expected(k text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws('' '', name, n, coalesce(a, ''-''), b, w), '', '' ORDER BY name, n) FROM (SELECT DISTINCT ON (a, b) * FROM files WHERE coalesce(w, 0) <= 90 ORDER BY a, b, %s) f',
		CASE k WHEN 'first' THEN 'seen, name COLLATE "C", n' WHEN 'last' THEN 'seen DESC, name COLLATE "C" DESC, n DESC' ELSE 'w DESC NULLS LAST, seen DESC, name COLLATE "C" DESC, n DESC' END) INTO rows;
	RETURN rows;
END
$$;
CREATE FUNCTION pg_temp.actual(k text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws('' '', name, _row, coalesce(a, ''-''), b, w), '', '' ORDER BY name, _row) FROM (SELECT substr(path, length(path) - 4, 1) AS name, s.* FROM silver.d_%s s JOIN medallion.file_versions v ON v.file_id = s._file_id) x', k) INTO rows;
	RETURN rows;
END
$$;
SELECT setseed(0.77);
CREATE TABLE steps (step int, k text, expected text, actual text);
CREATE FUNCTION pg_temp.step(i int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.random_file(i);
	PERFORM pg_temp.run('d_first', 'd_last', 'd_by');
	INSERT INTO steps SELECT i, k, pg_temp.expected(k), pg_temp.actual(k) FROM unnest('{first,last,by}'::text[]) k;
END
$$;
\o
SELECT pg_temp.step(i) FROM generate_series(1, 25) i \g /dev/null
SELECT is(pg_temp.errors(), 'none', 'every run works');
SELECT is((SELECT count(*) FROM steps), 75::bigint, '25 files and three rules (seed 0.77)');
SELECT is((SELECT string_agg(format('step %s %s: expected %s, have %s', step, k, expected, actual), E'\n') FROM (SELECT * FROM steps WHERE expected IS DISTINCT FROM actual ORDER BY step LIMIT 1) s), NULL, 'the rows are those that plain SQL chooses');
\o /dev/null
SELECT medallion.rebuild('d_' || k) FROM unnest('{first,last,by}'::text[]) k;
SELECT pg_temp.run('d_first', 'd_last', 'd_by');
\o
SELECT is(pg_temp.actual(k), pg_temp.expected(k), 'a rebuild gives the same: ' || k) FROM unnest('{first,last,by}'::text[]) k;
SELECT throws_like($$SELECT medallion.create_feature('e', '{d/*.csv}', '{a}', '{"dedup": {"columns": ["a"]}}')$$, 'option "dedup" is for features without history', 'not with history');
SELECT * FROM finish();
