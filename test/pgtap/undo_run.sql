/*
 * undo_run() in single cases: what it returns, refuses and leaves; files that
 * still stand, duplicates whose file is gone, relations and their watermark.
 */
\set name undo_run
\ir setup.psql
SELECT plan(53);

\o /dev/null
CREATE FUNCTION pg_temp.says(feature text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	EXECUTE format('SELECT string_agg(key || ''='' || val, '' '' ORDER BY key) FROM silver.%I_current', feature) INTO said;
	RETURN coalesce(said, '');
END
$$;
CREATE FUNCTION pg_temp.last_run() RETURNS bigint LANGUAGE sql AS 'SELECT max(run_id) FROM medallion.runs';
SELECT pg_temp.put('f/a.csv', E'key,val\n1,10\n2,20\n') \g /dev/null
SELECT medallion.create_feature('f', ARRAY['f/*.csv'], ARRAY['key'], '{"header": 1}') \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT medallion.create_model('total', 'SELECT sum(val) AS total FROM silver.f_current') \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT pg_temp.put('f/a.csv', E'key,val\n1,11\n2,20\n') \g /dev/null
SELECT pg_temp.put('f/b.csv', E'key,val\n3,30\n') \g /dev/null
SELECT pg_temp.run() \g /dev/null
\o
SELECT pg_temp.last_run() AS bad \gset
SELECT is(pg_temp.says('f'), '1=11 2=20 3=30', 'before');

/* what it returns and leaves */
CREATE TEMP TABLE done AS SELECT * FROM medallion.undo_run(:bad);
SELECT is((SELECT string_agg(concat_ws(' ', layer, object, status), ', ') FROM done), 'bronze f COMPLETED, silver f COMPLETED, gold total COMPLETED', 'undo_run() returns the steps of the three layers');
SELECT is((SELECT detail - 'undone_run' FROM done WHERE layer = 'bronze'), '{"revived": 1, "withdrawn": 2}', '... and what became of file versions');
SELECT is(pg_temp.says('f'), '1=10 2=20', 'silver is as before the run');
SELECT is((SELECT total FROM gold.total), 30::numeric, '... and gold');
SELECT is((SELECT undone_by FROM medallion.runs WHERE run_id = :bad), (SELECT DISTINCT run_id FROM done), 'the run knows who undid it');
SELECT is((SELECT options FROM medallion.runs WHERE run_id = (SELECT min(run_id) FROM done)) - 'on_error', jsonb_build_object('undo', :bad), '... and that one what it is');
SELECT is((SELECT string_agg(status || ' ' || refused, ', ' ORDER BY file_id) FROM medallion.file_versions), 'LOADED false, WITHDRAWN true, WITHDRAWN true', 'the ledger keeps what was withdrawn');
SELECT is((SELECT count(*)::int FROM silver.f WHERE NOT _scd2_is_current), 0, 'no closed version is left behind');

/* the files still stand */
SELECT pg_temp.run() \g /dev/null
SELECT is((SELECT string_agg(status, ',') FROM run WHERE layer <> 'gold'), 'UNCHANGED,UNCHANGED', 'files that still hold it are not loaded again');
SELECT pg_temp.shell(format('touch %s/f/*.csv', :'tree')) \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT is((SELECT status FROM run WHERE layer = 'bronze'), 'UNCHANGED', '... not even touched');
SELECT pg_temp.put('f/b.csv', E'key,val\n3,33\n') \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT is(pg_temp.says('f'), '1=10 2=20 3=33', 'a changed content loads');
SELECT pg_temp.put('f/b.csv', E'key,val\n3,30\n') \g /dev/null
SELECT pg_temp.run() \g /dev/null
SELECT is(pg_temp.says('f'), '1=10 2=20 3=30', 'and what was refused is news once something else was seen');
SELECT throws_like(format('SELECT medallion.undo_run(%s)', :bad), 'run % is undone already, by run %', 'no run is undone twice');
SELECT is((SELECT count(*)::int FROM medallion.undo_run(:bad, '{"reload": true}')), 0, 'reload of an undone run undoes nothing');
SELECT pg_temp.run() \g /dev/null
SELECT is(pg_temp.says('f'), '1=11 2=20 3=30', '... but lets the next run load its files');
SELECT throws_ok('SELECT medallion.undo_run(123456)', '42704', 'there is no run 123456', 'an unknown run');
SELECT throws_like('SELECT medallion.undo_run(1, ''{"reloaded": true}'')', 'unrecognized option of undo_run() "reloaded"%', 'an unknown option');
SELECT is((SELECT count(*)::int FROM medallion.undo_run((SELECT min(run_id) FROM done))), 0, 'a run that found nothing has nothing to undo: an undo, too');

/* one transaction */
SELECT pg_temp.last_run() AS last \gset
BEGIN;
SELECT count(*) > 0 AS some FROM medallion.undo_run(:last) \gset
SELECT is(pg_temp.says('f'), '1=10 2=20 3=30', 'undone in a transaction');
ROLLBACK;
SELECT is(pg_temp.says('f'), '1=11 2=20 3=30', '... is as it was after a rollback');

/* one voice: the duplicate's file may be gone */
\o /dev/null
SELECT pg_temp.put('d/2024/a.csv', E'key,val\n1,1\n2,2\n') \g /dev/null
SELECT medallion.create_feature('d', ARRAY['d/**/*.csv'], ARRAY['key'], '{"header": 1}') \g /dev/null
SELECT pg_temp.run('d') \g /dev/null
SELECT pg_temp.last_run() AS first \gset
SELECT pg_temp.put('d/2025/b.csv', E'key,val\n1,1\n2,2\n') \g /dev/null
SELECT pg_temp.run('d') \g /dev/null
SELECT pg_temp.shell(format('rm %s/d/2025/b.csv', :'tree')) \g /dev/null
SELECT medallion.undo_run(:first) \g /dev/null
\o
SELECT is((SELECT string_agg(regexp_replace(path, '.*/', '') || ' ' || status || ' ' || rows, ', ' ORDER BY file_id) FROM medallion.file_versions JOIN medallion.features USING (feature_id) WHERE name = 'd'),
	'a.csv WITHDRAWN 2, b.csv LOADED 2', 'a duplicate speaks where its original is withdrawn, though its file is gone');
SELECT is((SELECT string_agg(DISTINCT _path_year, ',') FROM silver.d s JOIN bronze.d USING (_file_id, _sheet, _row)), '2025', '... with the values of its own path');
SELECT is((SELECT count(*)::int FROM silver.d), 2, '... once');

/* rows that were rejected, keys that were NULL */
\o /dev/null
SELECT pg_temp.put('q/a.csv', E'key,val\n,1\n2,2\n') \g /dev/null
SELECT medallion.create_feature('q', ARRAY['q/*.csv'], ARRAY['key'], '{"header": 1}') \g /dev/null
SELECT pg_temp.run('q') \g /dev/null
SELECT pg_temp.put('q/a.csv', E'key,val\n1,1\n,2\n,3\n') \g /dev/null
SELECT pg_temp.run('q') \g /dev/null
\o
SELECT is((SELECT string_agg(row::text, ',' ORDER BY row) FROM medallion.quarantine), '3,4', 'quarantine is of the version in force');
SELECT pg_temp.last_run() AS last \gset
SELECT is((SELECT count(*)::int FROM medallion.undo_run(:last)), 3, 'undone');
SELECT is((SELECT string_agg(row::text, ',' ORDER BY row) FROM medallion.quarantine), '2', '... of the one before again');

/* a relation: the watermark stays, unless asked */
\o /dev/null
CREATE TABLE orders (id int, val int, at int);
INSERT INTO orders VALUES (1, 1, 1), (2, 2, 2);
SELECT medallion.create_feature('o', '{}', ARRAY['id'], '{"relation": "public.orders", "watermark": "at"}') \g /dev/null
SELECT pg_temp.run('o') \g /dev/null
INSERT INTO orders VALUES (3, 3, 3), (4, 4, 4);
SELECT pg_temp.run('o') \g /dev/null
SELECT pg_temp.last_run() AS second \gset
INSERT INTO orders VALUES (5, 5, 5);
SELECT pg_temp.run('o') \g /dev/null
SELECT medallion.undo_run(:second) \g /dev/null
SELECT pg_temp.run('o') \g /dev/null
\o
SELECT is((SELECT string_agg(id::text, ',' ORDER BY id) FROM silver.o_current), '1,2,5', 'a batch is withdrawn and not pulled again');
INSERT INTO orders VALUES (6, 6, 6);
SELECT pg_temp.run('o') \g /dev/null
SELECT is((SELECT string_agg(id::text, ',' ORDER BY id) FROM silver.o_current), '1,2,5,6', 'the watermark stays where later batches took it');
SELECT lives_ok(format('SELECT medallion.undo_run(%s, ''{"reload": true}'')', :second), 'on request');
SELECT pg_temp.run('o') \g /dev/null
SELECT is((SELECT string_agg(id::text, ',' ORDER BY id) FROM silver.o_current), '1,2,3,4,5,6', '... it goes back before the batch');
SELECT is((SELECT count(*)::int FROM bronze.o), 8, '... and nothing else comes twice');
INSERT INTO orders VALUES (7, 7, 7);
SELECT pg_temp.run('o') \g /dev/null
SELECT pg_temp.run('o') \g /dev/null
SELECT is((SELECT string_agg(id::text, ',' ORDER BY id) FROM silver.o), '1,2,3,4,5,6,7', 'then the watermark goes on');
SELECT is((SELECT count(*)::int FROM bronze.o), 9, '... and pulls what is new');

/* pruned rows cannot come back */
\o /dev/null
SELECT pg_temp.put('p/a.csv', E'key,val\n1,1\n') \g /dev/null
SELECT medallion.create_feature('p', ARRAY['p/*.csv'], ARRAY['key'], '{"header": 1}') \g /dev/null
SELECT pg_temp.run('p') \g /dev/null
SELECT pg_temp.put('p/a.csv', E'key,val\n1,2\n') \g /dev/null
SELECT pg_temp.run('p') \g /dev/null
UPDATE medallion.file_versions SET pruned_at = now() WHERE superseded_at IS NOT NULL AND feature_id = (SELECT feature_id FROM medallion.features WHERE name = 'p');
\o
SELECT throws_like(format('SELECT medallion.undo_run(%s)', pg_temp.last_run()), 'file "%/p/a.csv" would count again, but its rows were pruned from bronze', 'a version without rows is not revived');
SELECT is(pg_temp.says('p'), '1=2', '... and nothing happened');

/* without keys: a duplicate that takes its original's place comes to silver, too */
\o /dev/null
SELECT pg_temp.put('n/a.csv', E'key,val\n1,1\n');
SELECT pg_temp.put('n/b.csv', E'key,val\n1,1\n');
SELECT medallion.create_feature('n', ARRAY['n/*.csv'], NULL, '{"header": 1}');
SELECT pg_temp.run('n');
SELECT pg_temp.put('n/a.csv', E'key,val\n1,2\n');
SELECT pg_temp.run('n');
\o
SELECT is((SELECT string_agg(val::text, ',' ORDER BY val) FROM silver.n), '1,2', 'append: the row that the duplicate says is there');

/* types that only the undone run widened */
\o /dev/null
SELECT pg_temp.put('t/a.csv', E'key,val,day\n1,1,2025-01-01\n');
SELECT medallion.create_feature('t', ARRAY['t/*.csv'], ARRAY['key'], '{"header": 1, "null_tokens": ["-"]}');
SELECT pg_temp.run('t');
SELECT pg_temp.put('t/b.csv', E'key,val,day,extra\n2,oops,-,1\n');
SELECT pg_temp.run('t');
SELECT pg_temp.last_run() AS bad \gset
SELECT pg_temp.put('t/c.csv', E'key,val,day\n3,2.5,2025-01-02\n');
SELECT pg_temp.run('t');
\o
SELECT is(pg_temp.types('silver.t'), 'key bigint, val text, day date, extra bigint', 'a run makes a column text');
SELECT is((SELECT count(*)::int FROM medallion.undo_run(:bad)), 3, 'undone');
SELECT is((SELECT string_agg(val::text, ',' ORDER BY key) FROM silver.t_current), '1,2.5', 'the rows are as if it had not');
SELECT alike(pg_temp.types('silver.t'), 'key bigint, val numeric, day date%', '... and so are types: what stays speaks for itself');
SELECT pg_temp.put('t/d.csv', E'key,val,day,extra\n4,4,2025-01-03,x\n') \g /dev/null
SELECT pg_temp.run('t') \g /dev/null
SELECT is((SELECT string_agg(extra, ',') FROM silver.t_current), 'x', 'a column that the run brought can come again');

/* the only values of a column, which a model sums up */
\o /dev/null
SELECT pg_temp.put('u/a.csv', E'key,val,day\n1,,\n');
SELECT medallion.create_feature('u', ARRAY['u/*.csv'], ARRAY['key'], '{"header": 1}');
SELECT pg_temp.run('u');
SELECT pg_temp.put('u/b.csv', E'key,val,day\n2,5,2025-01-31\n');
SELECT pg_temp.run('u');
SELECT pg_temp.last_run() AS only \gset
SELECT medallion.create_model('summed', 'SELECT count(*) AS n, sum(val) AS val, max(extract(month FROM day)) AS month FROM silver.u_current');
SELECT pg_temp.run('u');
\o
SELECT results_eq('SELECT n, val, month FROM gold.summed', 'VALUES (2::bigint, 5::numeric, 1::numeric)', 'before');
SELECT lives_ok(format('SELECT medallion.undo_run(%s)', :only), 'the only values of two columns are undone, under a model');
SELECT results_eq('SELECT n, val, month FROM gold.summed', 'VALUES (1::bigint, NULL::numeric, NULL::numeric)', '... which goes on');
SELECT alike(pg_temp.types('silver.u'), 'key bigint, val bigint, day date%', '... as the columns keep the types that they had');
SELECT pg_temp.put('u/c.csv', E'key,val,day\n3,2025-02-01,x\n') \g /dev/null
SELECT medallion.drop_model('summed') \g /dev/null
SELECT pg_temp.run('u') \g /dev/null
SELECT alike(pg_temp.types('silver.u'), 'key bigint, val date, day text%', '... until a value says otherwise');
SELECT is((SELECT string_agg(key || ' ' || val || ' ' || day, ',') FROM silver.u_current), '3 2025-02-01 x', '... which has its own type, not one wide enough for what is gone');

/* with silver to be folded anew anyway, and nothing left to fold */
\o /dev/null
SELECT pg_temp.put('e/a.csv', E'key,val\n1,1\n');
SELECT medallion.create_feature('e', ARRAY['e/*.csv'], ARRAY['key'], '{"header": 1}');
SELECT pg_temp.run('e');
SELECT medallion.rebuild('e');
\o
SELECT is((SELECT count(*)::int FROM medallion.undo_run(pg_temp.last_run())), 3, 'the only run, undone');
SELECT is((SELECT count(*)::int FROM silver.e), 0, '... leaves nothing in silver');
SELECT pg_temp.put('e/a.csv', E'key,val\n1,x\n') \g /dev/null
SELECT pg_temp.run('e') \g /dev/null
SELECT is(pg_temp.errors(), 'none', '... and the next can begin');
SELECT is((SELECT val FROM silver.e_current), 'x', '... with types of its own');

/* only who may act for the feature */
CREATE ROLE undo_other;
SELECT pg_temp.last_run() AS last \gset
GRANT USAGE ON SCHEMA medallion TO undo_other;
GRANT EXECUTE ON FUNCTION medallion.undo_run TO undo_other;
SET ROLE undo_other;
SELECT throws_ok(format('SELECT medallion.undo_run(%s)', :last), '42501', NULL, 'not with another''s features');
RESET ROLE;
DROP OWNED BY undo_other;
DROP ROLE undo_other;
SELECT * FROM finish();
