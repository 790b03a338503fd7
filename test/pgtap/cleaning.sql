/*
 * Cleaning: formats, numbers that are dates, words, mappings, masks, one row of
 * those that agree; what does not convert is flagged, counted and traced.
 */
\set name cleaning
\ir setup.psql
SELECT plan(58);

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
SELECT * FROM finish();
