/* What is a person's, through all layers; days until the disk is full; retries. */
\set name personal
\ir setup.psql
SELECT plan(11);

\o /dev/null
SELECT pg_temp.put('people/a.csv', E'Id,Name,Email,Town,Age\n1,Ann,a@x.org,Ulm,40\n2,Bob,b@x.org,Bonn,50\n');
SELECT medallion.create_feature('people', '{people/*.csv}', '{id}', '{"columns": {"email": {"mask": "hash"}, "name": {"personal": true}, "town": {"personal": false, "mask": "redact"}, "nowhere": {"personal": true}},
	"derive": {"initial": "left(t.name, 1)", "decade": "t.age / 10"}}');
SELECT pg_temp.run();
SELECT medallion.create_model('letters', 'SELECT id, upper(name) AS salutation, email, decade FROM silver.people_current');
SELECT medallion.create_model('mailings', 'SELECT l.salutation || '' '' || l.email AS line, count(*) AS n FROM gold.letters l GROUP BY 1');
SELECT medallion.create_model('ages', 'SELECT decade, count(*) AS n FROM silver.people_current GROUP BY decade');
SELECT pg_temp.run();
\o
SELECT is((SELECT string_agg(concat_ws(' ', layer, object, personal), ', ' ORDER BY layer COLLATE "C", object COLLATE "C") FROM medallion.catalog),
	'bronze people {email,name}, gold ages {}, gold letters {email,salutation}, gold mailings {line}, silver people {email,initial,name}', 'masked and named columns, and what is made of them');
SELECT is((SELECT string_agg(e, ' ') FROM (SELECT DISTINCT jsonb_typeof(to_jsonb(personal)) AS e FROM medallion.catalog) x), 'array', 'none is an empty array');
SELECT throws_ok($$SELECT medallion.alter_feature('people', '{"columns": {"name": {"personal": "yes"}}}')$$, '22023', NULL, 'it is true or false');

-- the disk
SELECT ok(total_bytes > free_bytes AND free_bytes >= 0 AND total_bytes > 1e6, 'a tablespace has a size') FROM pg_database b, medallion.disk_space(b.dattablespace) WHERE datname = current_database();
SELECT throws_ok('SELECT medallion.disk_space(99999)', '58P01', NULL, 'one that is not there');
SELECT is((SELECT count(*)::int FROM medallion.metrics WHERE metric = 'days_to_full'), (SELECT count(*)::int FROM (SELECT sum(value) FROM medallion.metrics WHERE metric = 'growth' HAVING sum(value) > 0) g), 'days to full where something grows');
DELETE FROM etl_logs.table_statistics;
INSERT INTO etl_logs.table_statistics (run_id, layer, table_name, record_count, file_size_mb, last_updated)
VALUES (1, 'bronze', 'bronze.people', 0, 0, now() - interval '10 days'), (2, 'bronze', 'bronze.people', 10, 1000, now());
SELECT is((SELECT value FROM medallion.metrics WHERE metric = 'growth'), round(1000 * 1048576 / 10.0), 'growth of 100 megabytes a day');
SELECT ok((SELECT abs(f.value - d.value * 104857600) < 104857600 FROM medallion.metrics f, medallion.metrics d WHERE f.metric = 'disk_free' AND d.metric = 'days_to_full'), 'fills the disk in its free bytes by that');
DELETE FROM etl_logs.table_statistics WHERE run_id = 2;
SELECT is((SELECT count(*)::int FROM medallion.metrics WHERE metric = 'days_to_full'), 0, 'where nothing grows it is never full');

-- retries
SELECT is((SELECT sum(value) FROM medallion.metrics WHERE metric = 'step_retries'), 0::numeric, 'no step was tried again');
UPDATE etl_logs.pipeline_runs SET execution_metadata = execution_metadata || '{"retries": 2}' WHERE (run_id, layer) = (SELECT min(run_id), 'silver' FROM etl_logs.pipeline_runs);
SELECT is((SELECT value FROM medallion.metrics WHERE metric = 'step_retries' AND layer = 'silver'), 2::numeric, 'two times');

SELECT medallion.drop_model('mailings'), medallion.drop_model('letters'), medallion.drop_model('ages'), medallion.drop_feature('people', true) \g /dev/null
SELECT * FROM finish();
