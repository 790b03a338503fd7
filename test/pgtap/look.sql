/*
 * What there is to look at: views over runs, freshness, volume, quality,
 * catalog, metrics; files with their states; plan and dry run.
 */
\set name look
\ir setup.psql
SELECT plan(31);

\o /dev/null
SELECT pg_temp.put('f/a.csv', E'key,val\n1,10\n2,20\n');
SELECT pg_temp.put('f/copy.csv', E'key,val\n1,10\n2,20\n');
SELECT pg_temp.put('f/empty.csv', E'key,val\n');
SELECT pg_temp.put('f/bad.xlsx', 'PK' || E'\x03\x04' || 'no workbook');
SELECT pg_temp.put('f/~$a.csv', 'lock');
SELECT medallion.create_feature('f', ARRAY['f/*'], ARRAY['key'], '{"header": 1, "checks": [{"kind": "range", "columns": ["val"], "params": {"max": 15}}]}');
CREATE FUNCTION pg_temp.states() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(regexp_replace(path, '.*/', '') || ' ' || state, ', ' ORDER BY path) FROM medallion.files('f')
$$;
CREATE FUNCTION pg_temp.plan() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', layer, object, action, files, bytes, expected_rows, '(' || reason || ')'), ', ') FROM medallion.plan()
$$;
/* everything that a dry run or a plan must leave alone */
CREATE FUNCTION pg_temp.state() RETURNS text LANGUAGE sql AS $$
	SELECT md5(concat_ws('|', (SELECT jsonb_agg(to_jsonb(v)) FROM medallion.file_versions v), (SELECT jsonb_agg(to_jsonb(v)) FROM medallion.runs v),
		(SELECT jsonb_agg(to_jsonb(v)) FROM medallion.features v), (SELECT count(*) FROM etl_logs.file_processing), (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('silver'))))
$$;
\o

/* before the first run */
SELECT is(pg_temp.states(), 'a.csv new, bad.xlsx new, copy.csv new, empty.csv new', 'files: no run has seen them');
SELECT is(pg_temp.plan(), 'bronze f load 4 59 (4 new), silver f merge (files are due)', 'plan: files and their bytes');
SELECT pg_temp.state() AS before \gset
CREATE TEMP TABLE dry AS SELECT * FROM medallion.dry_run();
SELECT is((SELECT string_agg(concat_ws(' ', layer, object, status, rows_in, rows_out), ', ') FROM dry), 'bronze f PARTIAL 2 2, silver f COMPLETED 2 2', 'dry run: what a run does');
SELECT is((SELECT (detail->>'failed')::int FROM dry WHERE layer = 'bronze'), 1, '... failures too');
SELECT is(pg_temp.state(), :'before', '... leaves nothing');
SELECT is(to_regclass('bronze.f')::text, NULL, '... no table');

/* after it */
SELECT pg_temp.run() \g /dev/null
SELECT is(pg_temp.states(), 'a.csv loaded, bad.xlsx failed, copy.csv duplicate, empty.csv empty', 'files: what became of each');
SELECT is((SELECT reason FROM medallion.files('f') WHERE state = 'duplicate'), 'the same content as ' || :'tree' || '/f/a.csv', '... and why');
SELECT alike((SELECT reason FROM medallion.files('f') WHERE state = 'failed'), 'run %/f/bad.xlsx%', '... with the error of what failed');
SELECT is(pg_temp.plan(), 'bronze f load 1 15 2 (1 failed before), silver f merge 2 (files are due)', 'plan: it would be tried again');
SELECT pg_temp.shell(format('rm %s/f/bad.xlsx', :'tree')) \g /dev/null
SELECT is(pg_temp.plan(), NULL, 'plan: nothing to do');
SELECT is((SELECT string_agg(status, ',') FROM medallion.run_pipeline() WHERE layer <> 'gold'), 'UNCHANGED,UNCHANGED', '... and a run does nothing');
SELECT medallion.create_model('total', 'SELECT sum(val) AS total FROM silver.f_current') \g /dev/null
SELECT medallion.create_model('twice', 'SELECT 2 * total AS total FROM gold.total') \g /dev/null
SELECT is(pg_temp.plan(), 'gold total refresh (never computed), gold twice refresh (model total may change)', 'plan: models that wait');
SELECT pg_temp.run() \g /dev/null
SELECT is(pg_temp.plan(), NULL, '... no more');
SELECT pg_temp.put('f/a.csv', E'key,val\n1,11\n2,20\n') \g /dev/null
SELECT pg_temp.shell(format('rm %s/f/empty.csv', :'tree')) \g /dev/null
SELECT is(pg_temp.plan(), 'bronze f load 1 18 2 (1 changed), gold total refresh 1 (silver of f changes), gold twice refresh 1 (model total may change), silver f merge 2 (files are due)', 'plan: what a changed file touches');
SELECT is((SELECT string_agg(layer, ',') FROM medallion.plan('{f}', '{bronze}')), 'bronze', '... of the layers asked for');
SELECT is(pg_temp.states(), 'a.csv changed, copy.csv duplicate, empty.csv missing', 'files: changed and missing');
SELECT pg_temp.run() \g /dev/null
SELECT count(*) > 0 AS undone FROM medallion.undo_run((SELECT max(run_id) FROM medallion.runs)) \gset
SELECT is(pg_temp.states(), 'a.csv refused, copy.csv duplicate, empty.csv missing', 'files: refused after an undo');
SELECT is(pg_temp.plan(), NULL, '... a plan leaves it out');

/* views */
SET search_path = silver, gold, public;
SELECT is((SELECT string_agg(concat_ws(' ', status, steps, failed, files, rows_loaded, undid), ', ' ORDER BY run_id) FROM medallion.history),
	'PARTIAL 2 1 2 2, COMPLETED 2 0 0 0, COMPLETED 4 0 0 0, UNDONE 4 0 2 4, COMPLETED 4 0 0 0 ' || (SELECT run_id FROM medallion.history WHERE status = 'UNDONE'), 'history');
SELECT alike((SELECT errors FROM medallion.history ORDER BY run_id LIMIT 1), 'bronze f: %bad.xlsx%', '... with errors');
SELECT is((SELECT string_agg(layer || ' ' || object, ', ' ORDER BY layer, object) FROM medallion.freshness WHERE age < '1 minute' AND since_checked < '1 minute'), 'bronze f, gold total, gold twice, silver f', 'freshness');
SELECT is((SELECT string_agg(concat_ws(' ', layer, rows, rows_added), ', ' ORDER BY run_id, layer) FROM medallion.volume WHERE table_name ~ 'f$'),
	'bronze 2, silver 2, bronze 6 4, silver 3 1, silver 2 -1', 'volume');
SELECT is((SELECT concat_ws(' ', status, rows_affected, rows_checked, percent) FROM medallion.quality WHERE latest AND check_name = 'range'), 'WARNING 1 2 50.0000', 'quality');
SELECT is((SELECT count(*)::int FROM medallion.quality WHERE latest), 4, '... one latest of each check');
SELECT is((SELECT string_agg(concat_ws(' ', layer, object, owner, score, checks, warnings), ', ' ORDER BY layer, object) FROM medallion.catalog),
	'bronze f postgres, gold total postgres, gold twice postgres, silver f postgres 87.50 4 1', 'catalog: owner, score');
SELECT is((SELECT description FROM medallion.catalog WHERE layer = 'silver'), 'typed, checked, versioned rows of feature f', '... description');
SELECT is((SELECT rows FROM medallion.catalog WHERE layer = 'silver'), 2::bigint, '... rows, whatever the search_path');
SELECT is((SELECT value FROM medallion.metrics WHERE metric = 'success_rate' AND layer = 'bronze'), 80.00, 'metrics: success rate');
SELECT is((SELECT value FROM medallion.metrics WHERE metric = 'bytes' AND layer = 'silver'), pg_total_relation_size('silver.f')::numeric, '... bytes of a layer');
SELECT is((SELECT value FROM medallion.metrics WHERE metric = 'runs'), 5::numeric, '... runs');
SELECT * FROM finish();
