/*
 * scd2_merge() with compat dbt, odd case by odd case: each with both strategies
 * and all three ways with deleted rows.  Expected rows are worked out by hand from
 * dbt's macros (snapshot_staging_table, the strategies, Postgres' snapshot_merge_sql).
 */
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;

CREATE TABLE public.src (id int, a text, u timestamp);

/* name; what is run: day: rows id,a,day of u with ; between, or a change of the source;
 * expected with deleted rows ignored, invalidated, said as new records: id|a|from|to|deleted by days */
CREATE TABLE public.cases (place int GENERATED ALWAYS AS IDENTITY, name text, strategy text, runs text[], ignored text, invalidated text, recorded text);
INSERT INTO public.cases (name, strategy, runs, ignored, invalidated, recorded) VALUES
('a key that comes back with its old time', 'timestamp', '{5:1/x/1;2/x/1,6:1/x/1,8:1/x/1;2/x/1}',
 '1|x|1|-,2|x|1|-', '1|x|1|-,2|x|1|6,2|x|1|-', '1|x|1|-|F,2|x|1|6|F,2|x|1|-|F,2|x|6|1|T'),
('a key that comes back', 'timestamp', '{5:1/x/1;2/x/1,6:1/x/1,8:1/x/1;2/y/7}',
 '1|x|1|-,2|x|1|7,2|y|7|-', '1|x|1|-,2|x|1|6,2|y|7|-', '1|x|1|-|F,2|x|1|6|F,2|x|6|7|T,2|y|7|-|F'),
('a key that comes back', 'check', '{5:1/x/1;2/x/1,6:1/x/1,8:1/x/1;2/x/1}',
 '1|x|5|-,2|x|5|-', '1|x|5|-,2|x|5|6,2|x|8|-', '1|x|5|-|F,2|x|5|6|F,2|x|6|8|T,2|x|8|-|F'),
('a key that is deleted twice', 'check', '{5:1/x/1,6:,7:,8:1/x/1,9:}',
 '1|x|5|-', '1|x|5|6,1|x|8|9', '1|x|5|6|F,1|x|6|8|T,1|x|8|9|F,1|x|9|-|T'),
('a change with the same time', 'timestamp', '{5:1/x/1,6:1/y/1}', '1|x|1|-', '1|x|1|-', '1|x|1|-|F'),
('a change with the same time', 'check', '{5:1/x/1,6:1/y/1}', '1|x|5|6,1|y|6|-', '1|x|5|6,1|y|6|-', '1|x|5|6|F,1|y|6|-|F'),
('changes with the same time, of which dbt is told', 'check by u', '{5:1/x/1,6:1/y/1,7:1/z/1}',
 '1|x|1|1,1|y|1|1,1|z|1|-', '1|x|1|1,1|y|1|1,1|z|1|-', '1|x|1|1|F,1|y|1|1|F,1|z|1|-|F'),
('a time that becomes NULL', 'timestamp', '{5:1/x/1,6:1/y/}', '1|x|1|-', '1|x|1|-', '1|x|1|-|F'),
('a time that was NULL, and a delete', 'timestamp', '{5:1/x/,6:1/y/3,7:}', '1|x|-|-', '1|x|-|7', '1|x|7|-|T,1|x|-|7|F'),
('a time that was NULL, and a delete', 'check', '{5:1/x/,6:1/y/3,7:}', '1|x|5|6,1|y|6|-', '1|x|5|6,1|y|6|7', '1|x|5|6|F,1|y|6|7|F,1|y|7|-|T'),
('a NULL time, of which dbt is told', 'check by u', '{5:1/x/1,6:1/y/}', '1|x|1|-,1|y|-|-', '1|x|1|-,1|y|-|-', '1|x|1|-|F,1|y|-|-|F'),
('a key twice in a batch, again, and gone', 'timestamp', '{5:1/x/1,6:1/y/3;1/z/3,7:1/y/3;1/z/3,8:}',
 '1|x|1|3,1|y|3|-,1|z|3|-', '1|x|1|3,1|y|3|8,1|z|3|8', '1|x|1|3|F,1|y|3|8|F,1|z|3|8|F,1|y|8|-|T,1|z|8|-|T'),
('a key twice in a batch, again, and gone', 'check', '{5:1/x/1,6:1/y/3;1/z/3,7:1/y/3;1/z/3,8:}',
 '1|x|5|6,1|y|6|7,1|z|6|7,1|y|7|-,1|z|7|-', '1|x|5|6,1|y|6|7,1|z|6|7,1|y|7|8,1|z|7|8', '1|x|5|6|F,1|y|6|7|F,1|z|6|7|F,1|y|7|8|F,1|z|7|8|F,1|y|8|-|T,1|z|8|-|T'),
('a NULL key', 'timestamp', '{5:/x/1,6:/x/1}', '-|x|1|-,-|x|1|-', '-|x|1|6,-|x|1|-', '-|x|1|6|F,-|x|1|-|F,-|x|6|-|T'),
('a NULL key', 'check', '{5:/x/1,6:/x/1}', '-|x|5|-,-|x|6|-', '-|x|5|6,-|x|6|-', '-|x|5|6|F,-|x|6|-|F,-|x|6|-|T'),
('a column more', 'timestamp', '{5:1/x/1,+,6:1/x/1,7:1/y/3}', '1|x|1|3,1|y|3|-', '1|x|1|3,1|y|3|-', '1|x|1|3|F,1|y|3|-|F'),
('a column more', 'check', '{5:1/x/1,+,6:1/x/1,7:1/y/3}', '1|x|5|7,1|y|7|-', '1|x|5|7,1|y|7|-', '1|x|5|7|F,1|y|7|-|F'),
('a column more', 'check all', '{5:1/x/1,+,6:1/x/1,7:1/x/1}', '1|x|5|6,1|x|6|-', '1|x|5|6,1|x|6|-', '1|x|5|6|F,1|x|6|-|F'),
('a column less, and a delete', 'timestamp', '{+,5:1/x/1,-,6:1/x/1,7:1/y/3,8:}', '1|x|1|3,1|y|3|-', '1|x|1|3,1|y|3|8', '1|x|1|3|F,1|y|3|8|F,1|y|8|-|T'),
('a column less, and a delete', 'check', '{+,5:1/x/1,-,6:1/x/1,7:1/y/3,8:}', '1|x|5|7,1|y|7|-', '1|x|5|7,1|y|7|8', '1|x|5|7|F,1|y|7|8|F,1|y|8|-|T'),
('a column less, and a delete', 'check all', '{+,5:1/x/1,-,6:1/x/1,7:1/y/1,8:}', '1|x|5|7,1|y|7|-', '1|x|5|7,1|y|7|8', '1|x|5|7|F,1|y|7|8|F,1|y|8|-|T');

CREATE FUNCTION pg_temp.play(c public.cases, hard_deletes text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	options jsonb := CASE c.strategy WHEN 'timestamp' THEN '{"strategy": "timestamp", "updated_at": "u"}' WHEN 'check' THEN '{"strategy": "check", "check_cols": ["a"]}'
		WHEN 'check all' THEN '{"strategy": "check", "check_cols": "all"}' ELSE '{"strategy": "check", "check_cols": ["a"], "updated_at": "u"}' END;
	step text;
BEGIN
	DROP TABLE IF EXISTS public.snap, public.src;
	CREATE TABLE public.src (id int, a text, u timestamp);
	CREATE TABLE public.snap (id int, a text, u timestamp, dbt_scd_id text, dbt_updated_at timestamp, dbt_valid_from timestamp, dbt_valid_to timestamp, dbt_is_deleted text);
	FOREACH step IN ARRAY c.runs LOOP
		IF step = '+' THEN
			ALTER TABLE public.src ADD COLUMN extra int;
		ELSIF step = '-' THEN
			ALTER TABLE public.src DROP COLUMN extra;
		ELSE
			TRUNCATE public.src;
			INSERT INTO public.src (id, a, u) SELECT nullif(p[1], '')::int, nullif(p[2], ''), ('2024-01-' || nullif(p[3], ''))::timestamp
			  FROM string_to_table(split_part(step, ':', 2), ';') line, string_to_array(line, '/') p WHERE line <> '';
			EXECUTE $q$SELECT FROM medallion.scd2_merge('public.snap', 'public.src', '{id}', $1)$q$
			  USING options || jsonb_build_object('compat', 'dbt', 'hard_deletes', hard_deletes, 'at', format('2024-01-%s 00:00+00', split_part(step, ':', 1)));
		END IF;
	END LOOP;
	RETURN (SELECT string_agg(concat_ws('|', coalesce(id::text, '-'), coalesce(a, '-'), coalesce(to_char(dbt_valid_from, 'FMDD'), '-'), coalesce(to_char(dbt_valid_to, 'FMDD'), '-'), left(dbt_is_deleted, 1)),
							  ',' ORDER BY id, dbt_valid_from, dbt_valid_to, dbt_is_deleted, a) FROM public.snap);
END
$$;

SELECT plan((SELECT 3 * count(*)::int FROM public.cases));
SELECT is(pg_temp.play(c, mode), expected, concat_ws(', ', c.strategy, c.name, mode))
  FROM public.cases c, LATERAL (VALUES ('ignore', c.ignored), ('invalidate', c.invalidated), ('new_record', c.recorded)) v (mode, expected) ORDER BY c.place, mode;
SELECT * FROM finish();
