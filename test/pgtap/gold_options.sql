/*
 * Options of models: declared keys, indexes, comments; alter_model().
 */
\set name gold_options
\ir setup.psql

SELECT plan(32);

\o /dev/null
CREATE TABLE public.people (id int, name text, city text);
INSERT INTO public.people VALUES (1, 'Ann', 'Bern'), (2, 'Bob', 'Basel'), (3, 'Cid', 'Bern');
SELECT medallion.create_model('cities', 'SELECT DISTINCT city FROM public.people', '{
	"primary_key": ["city"], "column_comments": {"city": "where people live"}, "description": "cities"}');
SELECT medallion.create_model('dwellers', 'SELECT id, name, city FROM public.people', '{
	"unique_key": ["id"], "primary_key": ["id"], "not_null": ["name"],
	"foreign_keys": [{"columns": ["city"], "references": "cities"}],
	"indexes": ["name", ["city", "name"], {"columns": ["city"], "using": "hash"}],
	"column_comments": {"name": "first name"}}');
SELECT medallion.refresh_model('cities');
SELECT medallion.refresh_model('dwellers');
\o
CREATE FUNCTION pg_temp.constraints(t regclass) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(conname || ': ' || pg_get_constraintdef(oid), '; ' ORDER BY conname) FROM pg_constraint WHERE conrelid = t AND contype IN ('p', 'f', 'u')
$$;
CREATE FUNCTION pg_temp.indexes(t regclass) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(regexp_replace(pg_get_indexdef(indexrelid), '^CREATE (UNIQUE )?INDEX (\S+) ON \S+ USING', '\1\2'), '; ' ORDER BY 1)
	  FROM (SELECT indexrelid FROM pg_index i WHERE indrelid = t AND NOT indisprimary ORDER BY indexrelid::regclass::text) i
$$;
SELECT is(pg_temp.constraints('gold.dwellers'), '_fk1_dwellers: FOREIGN KEY (city) REFERENCES gold.cities(city) NOT VALID; _pk_dwellers: PRIMARY KEY (id)', 'primary and foreign keys are declared');
SELECT is(pg_temp.indexes('gold.dwellers'), '_hash_dwellers btree (_row_hash); _ix1_dwellers btree (name); _ix2_dwellers btree (city, name); _ix3_dwellers hash (city); UNIQUE _key_dwellers btree (id)', 'indexes are made');
SELECT is(col_description('gold.dwellers'::regclass, 2), 'first name', 'columns have their comments');
SELECT is(obj_description('gold.cities'::regclass), 'cities', 'and so has the table');
SELECT is((SELECT attnotnull FROM pg_attribute WHERE attrelid = 'gold.dwellers'::regclass AND attname = 'name'), true, 'not_null');
SELECT is((SELECT attnotnull FROM pg_attribute WHERE attrelid = 'gold.dwellers'::regclass AND attname = 'city'), false, 'and no other column');

-- The same again makes nothing anew
SELECT string_agg(oid::text, ',' ORDER BY oid) AS oids FROM pg_class WHERE relnamespace = 'gold'::regnamespace \gset
\o /dev/null
SELECT medallion.alter_model('dwellers', '{"description": "who lives where"}');
SELECT medallion.refresh_model('dwellers');
\o
SELECT is((SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_class WHERE relnamespace = 'gold'::regnamespace), :'oids', 'what is declared already is not made again');
SELECT is(obj_description('gold.dwellers'::regclass), 'who lives where', 'alter_model() changes what it names');
SELECT is(pg_temp.constraints('gold.dwellers') LIKE '%PRIMARY KEY (id)%', true, 'and keeps the rest');
SELECT is((SELECT refreshed_run_id IS NOT NULL FROM medallion.models WHERE name = 'dwellers'), true, 'the rows stay what they were');

-- A refresh that breaks a declaration keeps the old rows
\o /dev/null
INSERT INTO public.people VALUES (4, NULL, 'Chur');
\o
SELECT throws_like($$SELECT medallion.refresh_model('dwellers')$$, '%null value in column "name"%', 'not_null is a gate');
SELECT is((SELECT count(*) FROM gold.dwellers), 3::bigint, 'the old rows stay');
\o /dev/null
UPDATE public.people SET name = 'Dan' WHERE id = 4;
\o
SELECT throws_like($$SELECT medallion.refresh_model('dwellers')$$, '%violates foreign key constraint "_fk1_dwellers"%', 'a foreign key is checked when its own model is refreshed');
\o /dev/null
SELECT medallion.refresh_model('cities');
SELECT medallion.refresh_model('dwellers');
\o
SELECT is((SELECT count(*) FROM gold.dwellers), 4::bigint, 'referenced rows first: no complaint');
\o /dev/null
BEGIN;
UPDATE public.people SET city = 'Zug' WHERE city = 'Bern';
SELECT medallion.refresh_model('cities');
SELECT medallion.refresh_model('dwellers');
COMMIT;
\o
SELECT is((SELECT string_agg(DISTINCT city, ',') FROM gold.dwellers), 'Basel,Chur,Zug', 'a referenced row may go before the rows that refer to it, in one transaction');

-- Each model committed by itself: the referenced side is not held up, the referring one is checked whole
\o /dev/null
UPDATE public.people SET city = 'Thun' WHERE city = 'Zug';
CALL medallion.run_pipeline_proc();
\o
SELECT is((SELECT string_agg(DISTINCT city, ',') FROM gold.dwellers), 'Basel,Chur,Thun', 'run_pipeline_proc() commits the referenced side first');
SELECT is((SELECT string_agg(feature_name || ' ' || status, ',' ORDER BY feature_name) FROM etl_logs.pipeline_runs WHERE run_id = (SELECT max(run_id) FROM medallion.runs)), 'cities COMPLETED,dwellers COMPLETED', 'and both succeed');
\o /dev/null
CREATE TABLE public.open_cities AS SELECT city FROM public.people;
SELECT medallion.create_model('cities', 'SELECT DISTINCT city FROM public.open_cities', '{"primary_key": ["city"]}');
DELETE FROM public.open_cities WHERE city = 'Chur';
SELECT medallion.refresh_model('cities');
\o
SELECT is((SELECT count(*) FROM gold.cities), 2::bigint, 'a referenced row may go while rows still refer to it');
SELECT throws_ok($$SELECT medallion.refresh_model('dwellers', 'full')$$, '23503', 'model "dwellers" violates foreign key constraint "_fk1_dwellers"', 'which rows that were there before break as well');
SELECT is((SELECT sum(violations) FROM medallion.foreign_key_violations('gold.dwellers')), 1::numeric, 'and foreign_key_violations() counts');
\o /dev/null
UPDATE public.people SET city = NULL WHERE city = 'Chur';
SELECT medallion.refresh_model('dwellers');
\o
SELECT is((SELECT count(*) FROM gold.dwellers WHERE city IS NULL), 1::bigint, 'NULL refers to nothing, and may');
\o /dev/null
ALTER TABLE gold.cities ENABLE TRIGGER ALL;
ALTER TABLE gold.dwellers ENABLE TRIGGER ALL;
DELETE FROM public.open_cities WHERE city = 'Thun';
SELECT medallion.refresh_model('cities');
\o
SELECT is((SELECT string_agg(city, ',') FROM gold.cities), 'Basel', 'triggers that a restored dump fires again are stopped');

-- Taking declarations back
\o /dev/null
SELECT medallion.alter_model('dwellers', '{"foreign_keys": null, "primary_key": null, "not_null": null, "indexes": ["city"], "column_comments": {"id": "number"}, "unique_key": null}');
\o
SELECT is(pg_temp.constraints('gold.dwellers'), NULL, 'constraints go');
SELECT is(pg_temp.indexes('gold.dwellers'), '_hash_dwellers btree (_row_hash); _ix1_dwellers btree (city)', 'indexes go');
SELECT is((SELECT bool_or(attnotnull) FROM pg_attribute WHERE attrelid = 'gold.dwellers'::regclass AND attname IN ('id', 'name', 'city')), false, 'NOT NULL goes');
SELECT is(col_description('gold.dwellers'::regclass, 2), NULL, 'a comment goes');
SELECT is(col_description('gold.dwellers'::regclass, 1), 'number', 'and another comes');

-- What is refused
SELECT throws_like($$SELECT medallion.alter_model('dwellers', '{"primary_key": ["nothing"]}')$$, '%"nothing"%', 'a key on a column that is not there');
SELECT throws_like($$SELECT medallion.alter_model('dwellers', '{"column_comments": {"nothing": "x"}}')$$, '%"nothing"%', 'a comment on a column that is not there');
SELECT throws_like($$SELECT medallion.alter_model('dwellers', '{"foreign_keys": [{"column": ["city"], "references": "cities"}]}')$$, '%unrecognized key in option "foreign_keys": "column"%', 'a wrong word in a foreign key');
SELECT throws_like($$SELECT medallion.alter_model('dwellers', '{"refresh": "increment"}')$$, '%unrecognized value for option "refresh": "increment"%', 'a mode that is none');
SELECT throws_like($$SELECT medallion.alter_model('dweller', '{"refresh": "full"}')$$, '%"dweller"%', 'a model that is none');
SELECT * FROM finish();
