/*
 * A source folder that is not mounted: empty or not there at all.  With on_missing
 * nothing of it is closed, unless the options allow just that.
 */
\set name missing
\ir setup.psql
SELECT plan(36);

CREATE FUNCTION pg_temp.at(path text) RETURNS text LANGUAGE sql AS $$ SELECT current_setting('test.tree') || '/' || path $$;
CREATE FUNCTION pg_temp.open(feature text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws('' '', k, a), '', '' ORDER BY k) FROM silver.%I_current', feature) INTO result;
	RETURN coalesce(result, 'none');
END
$$;
CREATE FUNCTION pg_temp.said(feature text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(layer || ' ' || status, ', ' ORDER BY layer) FROM run WHERE object = feature
$$;

/* two files in a folder that goes and comes back, by each meaning of a missing file */
\o /dev/null
SELECT pg_temp.put(f || '/in/' || n || '.csv', format(E'k,a\n%s,x\n%s,y\n', n, n + 2)) FROM unnest('{c,r,i}'::text[]) f, generate_series(1, 2) n;
SELECT medallion.create_feature(f, ARRAY[f || '/in/**/*.csv'], '{k}', jsonb_build_object('on_missing', o)) FROM (VALUES ('c', 'close'), ('r', 'restate'), ('i', 'ignore')) v (f, o);
SELECT pg_temp.run();
CREATE TEMP TABLE before AS SELECT 'c' AS f, k, a, _scd2_valid_from, _scd2_valid_to FROM silver.c UNION ALL SELECT 'r', k, a, _scd2_valid_from, _scd2_valid_to FROM silver.r;
SELECT pg_temp.shell(format('mv %1$s %1$s.away && mkdir %1$s', pg_temp.at(f || '/in'))) FROM unnest('{c,r,i}'::text[]) f;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.open(f), '1 x, 2 x, 3 y, 4 y', f || ': an empty folder closes nothing') FROM unnest('{c,r,i}'::text[]) f;
SELECT is(pg_temp.said(f), 'bronze FAILED, silver UNCHANGED', f || ': the step says so') FROM unnest('{c,r}'::text[]) f;
SELECT is(pg_temp.said('i'), 'bronze UNCHANGED, silver UNCHANGED', '... where it would matter');
SELECT alike((SELECT detail->>'error' FROM run WHERE object = 'c' AND layer = 'bronze'), 'none of the 2 files below folder "%/missing/c/in" is there any more, as if it were not mounted: what they said stays in force (option "allow_all_missing" lets them go)%', 'with the folder, and what to do');
SELECT is((SELECT count(*) FROM medallion.file_versions v JOIN medallion.features f USING (feature_id) WHERE f.name <> 'i' AND (missing_since IS NOT NULL OR superseded_at IS NOT NULL)), 0::bigint, 'nothing is noted as missing');
SELECT is((SELECT string_agg(status, ' ') FROM etl_logs.file_processing WHERE file_path = pg_temp.at('c/in')), 'FAILED', 'the log has the folder');
\o /dev/null
SELECT pg_temp.shell(format('rmdir %s', pg_temp.at(f || '/in'))) FROM unnest('{c,r,i}'::text[]) f;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.open(f), '1 x, 2 x, 3 y, 4 y', f || ': nor does one that is not there') FROM unnest('{c,r,i}'::text[]) f;
SELECT is(pg_temp.said(f), 'bronze FAILED, silver UNCHANGED', f || ': likewise') FROM unnest('{c,r}'::text[]) f;
/* noted as missing while that meant nothing, it must not end everything now that it does */
\o /dev/null
SELECT medallion.alter_feature('i', '{"on_missing": "close"}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.open('i'), '1 x, 2 x, 3 y, 4 y', 'nor what was noted before the option was given');
\o /dev/null
SELECT pg_temp.shell(format('mv %1$s.away %1$s', pg_temp.at(f || '/in'))) FROM unnest('{c,r,i}'::text[]) f;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'mounted again, all is well');
SELECT set_eq('SELECT ''c'', k, a, _scd2_valid_from, _scd2_valid_to FROM silver.c UNION ALL SELECT ''r'', k, a, _scd2_valid_from, _scd2_valid_to FROM silver.r', 'SELECT * FROM before', '... and nothing is news');

/* one file left: the others are gone by intent; then the last one, too */
\o /dev/null
SELECT medallion.alter_feature('i', '{"on_missing": null}');
SELECT pg_temp.shell('rm ' || pg_temp.at(f || '/in/1.csv')) FROM unnest('{c,i,r}'::text[]) f;
\o
SELECT is((SELECT string_agg(f || ': ' || reason, ', ' ORDER BY f) FROM unnest('{c,i,r}'::text[]) f, medallion.files(f) WHERE state = 'missing'),
	'c: gone from its folder; the next run closes what no other says, i: gone from its folder; what it said stays, r: gone from its folder; the next run withdraws it', 'files() says what will come of it');
SELECT pg_temp.run() \g /dev/null
SELECT is((SELECT string_agg(substr(file_path, length(pg_temp.at('')) + 1, 1) || ': ' || error_message, ', ' ORDER BY file_path) FROM etl_logs.file_processing WHERE status = 'MISSING' AND file_path LIKE pg_temp.at('_/in/1.csv') AND run_id = (SELECT max(run_id) FROM medallion.runs)),
	'c: the file is gone; what no other file says is closed, i: the file is gone; what it said stays in force, r: the file is gone; what it said is withdrawn', '... and the log what did');
SELECT is(pg_temp.open(f), '2 x, 4 y', f || ': one file of two closes its keys') FROM unnest('{c,r}'::text[]) f;
\o /dev/null
SELECT pg_temp.shell('rm ' || pg_temp.at(f || '/in/2.csv')) FROM unnest('{c,r}'::text[]) f;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.open(f), '2 x, 4 y', f || ': the last one asks first') FROM unnest('{c,r}'::text[]) f;
\o /dev/null
SELECT medallion.alter_feature(f, '{"allow_all_missing": true}') FROM unnest('{c,r}'::text[]) f;
SELECT pg_temp.run();
\o
SELECT is(pg_temp.open(f), 'none', f || ': and goes when that is allowed') FROM unnest('{c,r}'::text[]) f;
SELECT is(pg_temp.errors(), 'none', 'without an error');
\o /dev/null
SELECT medallion.rebuild('silver', f) FROM unnest('{c,r}'::text[]) f;
\o
SELECT is(pg_temp.open(f), 'none', f || ': also made anew') FROM unnest('{c,r}'::text[]) f;
SELECT is((SELECT sum(broken) FROM medallion.verify(f)), 0::numeric, f || ': all invariants hold') FROM unnest('{c,r}'::text[]) f;

/* a new file in place of all others is a delivery, not an absence */
\o /dev/null
SELECT pg_temp.put('d/day1.csv', E'k,a\n1,x\n2,x\n');
SELECT medallion.create_feature('d', '{d/*.csv}', '{k}', '{"on_missing": "close"}');
SELECT pg_temp.run('d');
SELECT pg_temp.shell('rm ' || pg_temp.at('d/day1.csv'));
SELECT pg_temp.put('d/day2.csv', E'k,a\n2,x\n3,x\n');
SELECT pg_temp.run('d');
\o
SELECT is(pg_temp.open('d'), '2 x, 3 x', 'a file that takes the place of all others closes what it does not say');

/* of two sources one is gone, behind a link */
\o /dev/null
SELECT pg_temp.put('disk/north/a.csv', E'k,a\n1,x\n');
SELECT pg_temp.put('south/b.csv', E'k,a\n2,x\n');
SELECT pg_temp.put('south/c.csv', E'k,a\n3,x\n');
SELECT pg_temp.shell(format('ln -s %s %s', pg_temp.at('disk/north'), pg_temp.at('north')));
SELECT medallion.create_feature('two', '{north/*.csv,south/*.csv}', '{k}', '{"on_missing": "close"}');
SELECT pg_temp.run('two');
SELECT pg_temp.shell(format('rm %s %s', pg_temp.at('disk/north/a.csv'), pg_temp.at('south/c.csv')));
SELECT pg_temp.run('two');
\o
SELECT is(pg_temp.open('two') || '; ' || pg_temp.said('two'), '1 x, 2 x; bronze PARTIAL, silver COMPLETED', 'of two sources the one that is empty closes nothing, the other does');
SELECT matches(pg_temp.errors(), 'the 1 files below folder ".*/missing/disk/north"', '... and the one is named');

/* rows that were pushed are no files that could be missing */
\o /dev/null
SELECT medallion.push('d', '[{"k": 9, "a": "p"}]');
SELECT pg_temp.run('d');
\o
SELECT is((SELECT string_agg(state, ' ') FROM medallion.files('d')) || '; ' || pg_temp.open('d'), 'loaded; 2 x, 3 x, 9 p', 'rows that were pushed are no files that could be missing');

/* another input root, where there is nothing */
\o /dev/null
SELECT set_config('medallion.input_root', pg_temp.at('elsewhere'), false);
SELECT pg_temp.run('d');
\o
SELECT is(pg_temp.open('d'), '2 x, 3 x, 9 p', 'nor does a wrong input root close anything');
SELECT matches(pg_temp.errors(), 'below folder ".*/missing/d" is there any more', '... and says so');
SELECT * FROM finish();
