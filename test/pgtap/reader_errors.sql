/*
 * What docs/errors.md says that loading and reading files can end with, each
 * provoked.  test/errors.py compares the messages of src/bronze with the tests.
 */
\set name reader_errors
\ir setup.psql
SELECT plan(17);

\o /dev/null
SELECT set_config('test.tree', :'tree', false);
/* what a feature's last run said */
CREATE FUNCTION pg_temp.said(feature text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.run(feature);
	RETURN pg_temp.errors() || coalesce((SELECT '; ' || error_message FROM etl_logs.file_processing WHERE status = 'FAILED' ORDER BY file_id DESC LIMIT 1), '');
END
$$;
SELECT pg_temp.put('plain/a.csv', E'id,v\n1,2\n');
\o

-- paths
SELECT pg_temp.shell(format('mkdir -p %s/deep%s', :'tree', repeat('/d', 70))) \g /dev/null
SELECT medallion.create_feature('deep', '{deep/**/*.csv}') \g /dev/null
SELECT alike(pg_temp.said('deep'), '%folder "%/deep/d/d/d%" is nested too deeply%', 'seventy folders in each other');
SELECT medallion.create_feature('captures', '{plain/*.csv}', NULL, jsonb_build_object('path_pattern', (SELECT string_agg(format('(?<c%s>.?)', n), '') FROM generate_series(1, 10) n))) \g /dev/null
SELECT alike(pg_temp.said('captures'), '%path_pattern has more than 9 named captures%', 'ten groups in a path_pattern');
SELECT pg_temp.shell(format('mkfifo %s/pipe.csv', :'tree')) \g /dev/null
SELECT throws_like(format('SELECT * FROM medallion.read_rows(%L)', :'tree' || '/pipe.csv'), '"%/pipe.csv" is not a regular file', 'a pipe, which would never end');
SELECT throws_like(format('SELECT * FROM medallion.read_rows(%L)', :'tree' || '/plain'), '"%/plain" is not a regular file', 'a folder');
SELECT medallion.create_feature('relative', '{plain/*.csv}') \g /dev/null
SET medallion.input_root = '';
SELECT alike(pg_temp.said('relative'), '%source pattern "plain/*.csv" is not absolute%', 'a relative pattern that starts nowhere');
SELECT throws_like($$SELECT * FROM medallion.read_rows('plain/a.csv')$$, 'path "plain/a.csv" is not absolute', 'a relative path');
SELECT throws_like($$SELECT * FROM medallion.discover('plain')$$, 'folder "plain" is not absolute', 'a relative folder');
SET medallion.input_root = :'tree';

-- relations
\o /dev/null
CREATE TYPE public.mood AS ENUM ('low', 'high');
CREATE TABLE public.moods (id int, mood public.mood);
INSERT INTO public.moods VALUES (1, 'low');
SELECT medallion.create_feature('moods', '{}', '{id}', '{"relation": "public.moods", "watermark": "mood"}');
\o
SELECT alike(pg_temp.said('moods'), '%column "mood" of %moods% cannot be a watermark%', 'a type of one''s own has no order that the ledger could keep');

-- a bronze table that somebody altered
\o /dev/null
SELECT medallion.create_feature('typed', '{typed/*.csv}', '{id}');
SELECT medallion.create_feature('lacking', '{lacking/*.csv}', '{id}');
SELECT pg_temp.put('typed/a.csv', E'id,v\n1,2\n');
SELECT pg_temp.put('lacking/a.csv', E'id,v\n1,2\n');
SELECT pg_temp.run('typed', 'lacking');
ALTER TABLE bronze.typed ALTER v TYPE int USING v::int;
ALTER TABLE bronze.lacking DROP _sheet CASCADE;
SELECT pg_temp.put('typed/b.csv', E'id,v\n2,3\n');
SELECT pg_temp.put('lacking/b.csv', E'id,v\n2,3\n');
\o
SELECT alike(pg_temp.said('typed'), '%column "v" of bronze table "typed" has type integer, not text%', 'a column that is no text any more');
SELECT alike(pg_temp.said('lacking'), '%column "_sheet" of table "lacking" does not exist%', 'a column that is gone');
SELECT is((SELECT (count(*), sum(v))::text FROM bronze.typed), '(1,2)', 'and nothing of the file is loaded');

-- what is said aside: by another client, for a test sees only errors
SELECT pg_temp.put('import/good.csv', E'id,v\n1,2\n3,4\n'), pg_temp.put('import/bad.csv', '%PDF-1.4') \g /dev/null
CREATE SCHEMA staging;
\setenv PGOPTIONS -cclient_min_messages=info
\setenv PGDATABASE :DBNAME
\set imported `psql -X -q -c "IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO staging OPTIONS (path '":tree"/import')" 2>&1`
\set analyzed `psql -X -q -c 'ANALYZE VERBOSE staging.good' 2>&1`
SELECT alike(:'imported'::text, '%file "%/import/bad.csv" was passed over: this is a PDF document%', 'an import goes on without what it cannot open');
SELECT has_foreign_table('staging', 'good', 'with the others');
SELECT alike(:'analyzed'::text, '%"good": files contain 2 rows; 2 rows in sample%', 'ANALYZE VERBOSE counts rows');

-- a database that speaks another encoding
\set database :DBNAME _latin1
\setenv PGDATABASE :database
\set made `createdb -T template0 -E LATIN1 --locale=C "$PGDATABASE" 2>&1 && psql -X -q -c 'CREATE EXTENSION medallion' 2>&1`
\set latin1 `psql -X -q -c "SELECT * FROM medallion.read_rows('":tree"/plain/a.csv')" 2>&1`
\set hashed `psql -X -q -A -t -c "SELECT medallion.row_hash(chr(233))" 2>&1`
\set dropped `dropdb "$PGDATABASE" 2>&1`
SELECT is(:'made' || :'dropped'::text, '', 'a database in LATIN1');
SELECT alike(:'latin1'::text, '%medallion needs a database with encoding UTF8%', 'no file is read there');
SELECT is(:'hashed'::text, medallion.row_hash(chr(233))::text, 'a hash is the same there');
SELECT * FROM finish();
