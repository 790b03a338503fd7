/* Checks of lengths and patterns take shorter ways where these tell: what they find is what char_length() and ~ find. */
\set name check_shortcuts
\ir setup.psql
SELECT plan(12);

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

/* A collation in which cases are equal, where the server was built with ICU: it then has more than the one that is in each since 16. */
SELECT count(*) > 1 AS has_icu FROM pg_collation WHERE collprovider = 'i' \gset
\if :has_icu
CREATE COLLATION public.cases_equal (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
\set equal_in_collation '(t,t)'
\else
CREATE COLLATION public.cases_equal FROM "C";
\set equal_in_collation '(f,t)'
\endif

/* Features: a list of few values is walked, one of many is the server's to hash; NULL passes both. */
\o /dev/null
SELECT pg_temp.put('words/w.csv', (SELECT E'few,many,none,ci\n' || string_agg(format(E'"%1$s","%1$s","%1$s","%1$s"\n', word), '') FROM public.texts));
SELECT medallion.create_feature('words', '{words/*.csv}', NULL, $$
	{"columns": {"few": {"type": "text"}, "many": {"type": "text"}, "none": {"type": "text"}, "ci": {"type": "text", "expression": "upper(c.ci) COLLATE public.cases_equal"}}, "checks": [
	{"name": "ci", "kind": "accepted_values", "columns": ["ci"], "params": {"values": ["a", "aa@"]}},
	{"name": "few", "kind": "accepted_values", "columns": ["few"], "params": {"values": ["a", "aa@", "é", "漢漢", "a-b", "A", "it's", "aaaaaaaaa"]}},
	{"name": "many", "kind": "accepted_values", "columns": ["many"], "params": {"values": ["a", "aa@", "é", "漢漢", "a-b", "A", "it's", "aaaaaaaaa", "aé"]}},
	{"name": "none", "kind": "accepted_values", "columns": ["none"], "params": {"values": []}},
	{"name": "long", "kind": "length", "columns": ["few"], "params": {"min": 2, "max": 5}},
	{"name": "at", "kind": "pattern", "columns": ["few"], "params": {"pattern": "-"}}]}$$);
SELECT pg_temp.run();
\o
SELECT results_eq($$SELECT count(DISTINCT few) > 50, count(*) FILTER (WHERE few IS NULL) > 0, count(*) FILTER (WHERE dq_accepted_values_flag_few) > 0 FROM silver.words$$,
	'VALUES (true, true, true)', 'there are words, and NULLs');
SELECT is_empty($$SELECT few FROM silver.words
	WHERE dq_accepted_values_flag_few IS DISTINCT FROM coalesce(NOT few = ANY (ARRAY['a', 'aa@', 'é', '漢漢', 'a-b', 'A', 'it''s', 'aaaaaaaaa']), false)$$, 'few values');
SELECT is_empty($$SELECT many FROM silver.words
	WHERE dq_accepted_values_flag_many IS DISTINCT FROM coalesce(NOT many = ANY (ARRAY['a', 'aa@', 'é', '漢漢', 'a-b', 'A', 'it''s', 'aaaaaaaaa', 'aé']), false)$$, 'many values');
SELECT is((SELECT (bool_or(ci = 'AA@' COLLATE "C" AND NOT dq_accepted_values_flag_ci), bool_or(dq_accepted_values_flag_ci))::text FROM silver.words), :'equal_in_collation', 'an expression has its own collation');
SELECT is_empty($$SELECT none FROM silver.words WHERE dq_accepted_values_flag_none IS DISTINCT FROM (NOT none = ANY ('{}'::text[]))$$, 'no values');
SELECT is_empty($$SELECT few FROM silver.words
	WHERE dq_length_flag_few IS DISTINCT FROM coalesce(char_length(few) NOT BETWEEN 2 AND 5, false)
	   OR dq_pattern_flag_few IS DISTINCT FROM coalesce(few !~ '-', false)$$, 'lengths and a pattern');
/* Sets: how often nine checks more look at the table.  Flags take two scans (what is wrong, and where it is written) and one for each of two lists of columns,
 * counts one, samples of what five checks find one each, numbers of the whole table one, a distribution one. */
CREATE TABLE public.known AS SELECT i AS a FROM generate_series(1, 1500) i;
\o /dev/null
SELECT pg_temp.put('sets/a.csv', E'id,a,b\n' || string_agg(format(E'%s,%s,%s\n', i, i, i % 990), '' ORDER BY i)) FROM generate_series(1, 1000) i;
SELECT medallion.create_feature('plain', '{sets/*.csv}'), medallion.create_feature('sets', '{sets/*.csv}', NULL, '{"checks": [
	{"kind": "unique", "name": "u", "columns": ["a"]}, {"kind": "duplicate", "name": "d", "columns": ["a"]}, {"kind": "unique", "name": "v", "columns": ["b"]},
	{"kind": "relationship", "name": "r", "columns": ["a"], "params": {"to": "public.known"}}, {"kind": "relationship", "name": "s", "columns": ["b"], "params": {"to": "public.known", "columns": ["a"]}},
	{"kind": "row_count", "params": {"min": 1}}, {"kind": "drift", "name": "m", "columns": ["a"], "params": {"min": 1}},
	{"kind": "drift", "name": "n", "columns": ["b"], "params": {"min": 1, "metric": "sum"}}, {"kind": "drift", "name": "o", "columns": ["b"], "params": {"max": 1, "metric": "ks"}}]}');
SELECT pg_temp.run();
SELECT pg_temp.put('sets/b.csv', E'id,a,b\n1001,2001,7\n1002,7,1\n');
BEGIN;
SELECT pg_stat_get_xact_numscans('silver.sets'::regclass) - pg_stat_get_xact_numscans('silver.plain'::regclass) AS before \gset
SELECT pg_temp.run();
SELECT pg_stat_get_xact_numscans('silver.sets'::regclass) - pg_stat_get_xact_numscans('silver.plain'::regclass) - :before AS more \gset
COMMIT;
\o
SELECT is(pg_temp.errors(), 'none', 'the runs work');
SELECT is(:more::bigint, 12::bigint, 'checks of sets and of tables share their scans');
SELECT is((SELECT concat_ws(' ', count(*) FILTER (WHERE dq_unique_flag_u), count(*) FILTER (WHERE dq_duplicate_flag_d), count(*) FILTER (WHERE dq_unique_flag_v),
	count(*) FILTER (WHERE dq_relationship_flag_r), count(*) FILTER (WHERE dq_relationship_flag_s)) FROM silver.sets), '2 2 22 1 1', 'and each finds its own');
SELECT * FROM finish();
