/*
 * scd2_merge() with compat dbt: each strategy and way with deleted rows, and the odd
 * cases.  Expected rows are worked out by hand from dbt's macros (snapshot_staging_table,
 * the strategies, snapshot_merge_sql).
 */
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
SELECT plan(30);

CREATE TABLE public.src (id int, a text, u timestamp);
/* an empty snapshot table, as dbt makes it */
CREATE FUNCTION pg_temp.fresh() RETURNS void LANGUAGE sql AS $$
	DROP TABLE IF EXISTS public.snap;
	CREATE TABLE public.snap (id int, a text, u timestamp, dbt_scd_id text, dbt_updated_at timestamp, dbt_valid_from timestamp, dbt_valid_to timestamp, dbt_is_deleted text);
$$;
/* one run at a day of January over rows id,a,day with ; between; says inserted and expired */
CREATE FUNCTION pg_temp.run(batch text, day int, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	TRUNCATE public.src;
	INSERT INTO public.src (id, a, u) SELECT nullif(p[1], '')::int, nullif(p[2], ''), ('2024-01-' || nullif(p[3], ''))::timestamp
	  FROM string_to_table(batch, ';') line, string_to_array(line, ',') p WHERE line <> '';
	EXECUTE $q$SELECT concat_ws(' ', inserted, expired) FROM medallion.scd2_merge('public.snap', 'public.src', '{id}', $1)$q$
	   INTO result USING options || jsonb_build_object('compat', 'dbt', 'at', format('2024-01-%s 00:00+00', day));
	RETURN result;
END
$$;
SELECT FROM pg_temp.fresh();
/* id|a|from|to|deleted, days only */
CREATE FUNCTION pg_temp.snap() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws('|', coalesce(id::text, '-'), coalesce(a, '-'), coalesce(to_char(dbt_valid_from, 'FMDD'), '-'), coalesce(to_char(dbt_valid_to, 'FMDD'), '-'), left(dbt_is_deleted, 1)),
					  ',' ORDER BY id, dbt_valid_from, dbt_valid_to, a) FROM public.snap
$$;
\set ts '{"strategy": "timestamp", "updated_at": "u"}'
\set chk '{"strategy": "check", "check_cols": ["a"]}'

/* timestamp, deletes ignored */
SELECT FROM pg_temp.fresh();
SELECT is(pg_temp.run('1,x,1;2,x,1', 5, :'ts'), '2 0', 'timestamp: first rows');
SELECT is(pg_temp.run('1,y,3;2,x,1', 6, :'ts'), '1 1', 'timestamp: one is newer');
SELECT is(pg_temp.run('1,y,3', 7, :'ts'), '0 0', 'timestamp: a missing row is ignored');
SELECT is(pg_temp.run('1,z,3;2,q,1', 8, :'ts'), '0 0', 'timestamp: a change with the same time is not seen');
SELECT is(pg_temp.run('1,z,2', 9, :'ts'), '0 0', 'timestamp: an older time is not seen');
SELECT is(pg_temp.run('1,y,9', 10, :'ts'), '1 1', 'timestamp: a newer time is a version, whatever the values');
SELECT is(pg_temp.snap(), '1|x|1|3,1|y|3|9,1|y|9|-,2|x|1|-', 'timestamp: the history');
SELECT is((SELECT bool_and(dbt_scd_id = md5(id || '|' || u) AND dbt_updated_at = u) FROM public.snap), true, 'timestamp: dbt_scd_id and dbt_updated_at are dbt''s');

/* timestamp, invalidate */
SELECT FROM pg_temp.fresh();
SELECT FROM pg_temp.run('1,x,1;2,x,1', 5, :'ts');
SELECT is(pg_temp.run('1,x,1', 6, :'ts'::jsonb || '{"hard_deletes": "invalidate"}'), '0 1', 'invalidate: a missing row is closed');
SELECT is(pg_temp.run('1,x,1;2,x,1', 8, :'ts'::jsonb || '{"hard_deletes": "invalidate"}'), '1 0', 'invalidate: a key that comes back');
SELECT is(pg_temp.snap(), '1|x|1|-,2|x|1|6,2|x|1|-', 'invalidate: begins at its own old time, overlapping what was closed, as in dbt');

/* timestamp, new_record */
SELECT FROM pg_temp.fresh();
SELECT FROM pg_temp.run('1,x,1;2,x,1', 5, :'ts'::jsonb || '{"hard_deletes": "new_record"}');
SELECT is(pg_temp.run('1,x,1', 6, :'ts'::jsonb || '{"hard_deletes": "new_record"}'), '1 1', 'new_record: a missing row is closed and said to be deleted');
SELECT is(pg_temp.run('1,x,1', 7, :'ts'::jsonb || '{"hard_deletes": "new_record"}'), '0 0', 'new_record: once');
SELECT is(pg_temp.run('1,x,1;2,z,8', 9, :'ts'::jsonb || '{"hard_deletes": "new_record"}'), '1 1', 'new_record: a key that comes back closes that');
SELECT is(pg_temp.snap(), '1|x|1|-|F,2|x|1|6|F,2|x|6|8|T,2|z|8|-|F', 'new_record: the history');
SELECT is((SELECT bool_and(s.dbt_scd_id = md5(CASE WHEN s.dbt_is_deleted = 'True' THEN o.dbt_scd_id || '|' || s.dbt_valid_from ELSE s.id || '|' || s.u END))
	FROM public.snap s LEFT JOIN public.snap o ON o.id = s.id AND o.dbt_valid_to = s.dbt_valid_from), true, 'new_record: hashes are dbt''s, a deleted row''s of that which it ends');

/* check, all ways with deletes */
SELECT FROM pg_temp.fresh();
SELECT FROM pg_temp.run('1,x,1;2,,1', 5, :'chk');
SELECT is(pg_temp.run('1,x,2;2,y,1', 6, :'chk'), '1 1', 'check: NULL to a value is a change, a column that is not checked is none');
SELECT is(pg_temp.run('1,x,2;2,,1', 7, :'chk'), '1 1', 'check: and back');
SELECT is(pg_temp.run('2,,1', 8, :'chk'::jsonb || '{"hard_deletes": "invalidate"}'), '0 1', 'check: invalidate');
SELECT is(pg_temp.run('1,x,9;2,,1', 9, :'chk'), '1 0', 'check: a key that comes back');
SELECT is(pg_temp.snap(), '1|x|5|8,1|x|9|-,2|-|5|6,2|y|6|7,2|-|7|-', 'check: the history, in the clock''s time');
SELECT is((SELECT bool_and(dbt_scd_id = md5(id || '|' || dbt_valid_from)) FROM public.snap), true, 'check: hashes are of the clock''s time');
SELECT is(pg_temp.run('1,x,10;2,,1', 10, '{"strategy": "check", "check_cols": "all"}'), '1 1', 'check all: any column');

/* two columns as key: rows are the same if both are */
CREATE TABLE public.src2 (id int, b text, a text);
CREATE TABLE public.snap2 (id int, b text, a text, dbt_scd_id text, dbt_updated_at timestamp, dbt_valid_from timestamp, dbt_valid_to timestamp);
CREATE FUNCTION pg_temp.run2(day int) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', inserted, expired) FROM medallion.scd2_merge('public.snap2', 'public.src2', '{id,b}',
		jsonb_build_object('compat', 'dbt', 'strategy', 'check', 'check_cols', '["a"]'::jsonb, 'at', format('2024-01-%s 00:00+00', day)))
$$;
INSERT INTO public.src2 VALUES (1, 'p', 'x'), (1, 'q', 'x'), (2, 'p', 'x');
SELECT pg_temp.run2(5) \g /dev/null
UPDATE public.src2 SET a = 'y' WHERE id = 1 AND b = 'q';
SELECT is(pg_temp.run2(6), '1 1', 'two keys: one row of three has changed');
SELECT is((SELECT string_agg(concat_ws('|', id, b, a, to_char(dbt_valid_to, 'FMDD'), dbt_scd_id = md5(id || '|' || b || '|' || dbt_valid_from)), ',' ORDER BY id, b, a) FROM public.snap2),
	'1|p|x|t,1|q|x|6|t,1|q|y|t,2|p|x|t', 'two keys: the history, and hashes of both');

/* odd ones */
SELECT FROM pg_temp.fresh();
SELECT FROM pg_temp.run('1,x,', 5, :'ts');
SELECT FROM pg_temp.run('1,y,3', 6, :'ts');
SELECT is(pg_temp.snap(), '1|x|-|-', 'a NULL time is never older: the row stays for ever');
SELECT FROM pg_temp.fresh();
SELECT FROM pg_temp.run('1,x,1;1,y,1', 5, :'ts');
SELECT is(pg_temp.snap(), '1|x|1|-,1|y|1|-', 'a duplicate key makes two current rows');
SELECT FROM pg_temp.fresh();
SELECT FROM pg_temp.run('1,x,1', 5, :'chk'::jsonb || '{"dbt_valid_to_current": "2024-01-31"}');
SELECT FROM pg_temp.run('1,y,1', 6, :'chk'::jsonb || '{"dbt_valid_to_current": "2024-01-31"}');
SELECT is(pg_temp.snap(), '1|x|5|6,1|y|6|31', 'dbt_valid_to_current');
ALTER TABLE public.src ADD COLUMN extra int;
SELECT FROM pg_temp.run('1,y,1', 7, '{"strategy": "check", "check_cols": "all", "dbt_valid_to_current": "2024-01-31"}');
SELECT is(pg_temp.snap() || (SELECT count(extra) FROM public.snap), '1|x|5|6,1|y|6|7,1|y|7|310', 'check all: a new column is added and versions every row');
SELECT throws_ok($$SELECT medallion.scd2_merge('public.snap', 'public.src', '{id}', '{"compat": "dbt", "strategy": "timestamp"}')$$, '22023', NULL, 'timestamp needs updated_at');
SELECT * FROM finish();
