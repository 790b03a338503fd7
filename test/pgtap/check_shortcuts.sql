/* Checks of lengths and patterns take shorter ways where these tell: what they find is what char_length() and ~ find. */
\set name check_shortcuts
\ir setup.psql
SELECT plan(3);

CREATE TABLE public.texts AS
SELECT repeat(sign, n) || ending AS word
  FROM unnest(ARRAY['a', U&'\00E9', U&'\6F22', U&'\+01F600', ' ', '']) sign, generate_series(0, 9) n, unnest(ARRAY['', '@', 'a-b', 'it''s', '%_', U&'\00E9', NULL]) ending;

SELECT is_empty($$
	SELECT low, high, r.affected, w.affected
	  FROM (SELECT nullif(l, -1) AS low, nullif(h, -1) AS high FROM generate_series(-1, 12) l, generate_series(-1, 12) h) bounds,
		   LATERAL medallion.run_checks('public.texts', jsonb_build_array(jsonb_build_object('kind', 'length', 'columns', '["word"]'::jsonb,
				'params', jsonb_strip_nulls(jsonb_build_object('min', low, 'max', high))))) AS r (name, kind, col, status, checked, affected, details),
		   LATERAL (SELECT count(*) FROM public.texts WHERE char_length(word) < low OR char_length(word) > high) AS w (affected)
	 WHERE num_nulls(low, high) < 2 AND r.affected <> w.affected
$$, 'lengths between all bounds, of characters of one to four bytes');
SELECT is_empty($$
	SELECT low, high, r.affected, w.affected
	  FROM (VALUES (1.5, 3), (0, 2.5), (3e9, 4e9), (-4, 3), (0, 99999999), (99999999, 999999999)) bounds (low, high),
		   LATERAL medallion.run_checks('public.texts', jsonb_build_array(jsonb_build_object('kind', 'length', 'columns', '["word"]'::jsonb,
				'params', jsonb_build_object('min', low, 'max', high)))) AS r (name, kind, col, status, checked, affected, details),
		   LATERAL (SELECT count(*) FROM public.texts WHERE char_length(word) < low OR char_length(word) > high) AS w (affected)
	 WHERE r.affected <> w.affected
$$, 'bounds that are no plain numbers, or far away');
SELECT is_empty($$
	SELECT pattern, r.affected, w.affected
	  FROM unnest(ARRAY['@', 'a', 'A', 'a-b', 'it''s', '%_', '%', ' ', U&'\00E9', U&'\00C9', U&'\6F22\6F22', U&'\+01F600@', 'a.b', '^a', 'a$', 'a{3}', '(?i)A', '[a-z]',
			'***=a-b', '\w', 'a|@', 'a?', 'a*', 'a+@', '']) pattern,
		   LATERAL medallion.run_checks('public.texts', jsonb_build_array(jsonb_build_object('kind', 'pattern', 'columns', '["word"]'::jsonb,
				'params', jsonb_build_object('pattern', pattern)))) AS r (name, kind, col, status, checked, affected, details),
		   LATERAL (SELECT count(*) FROM public.texts WHERE word !~ pattern) AS w (affected)
	 WHERE r.affected <> w.affected
$$, 'patterns with and without signs of regular expressions');
SELECT * FROM finish();
