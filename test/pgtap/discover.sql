/*
 * What files hold, the features that they would make, and configuration as one
 * json value.
 */
\set name discover
\ir setup.psql
SELECT plan(19);

\o /dev/null
SELECT pg_temp.put('in/sales/2024/january/jan.csv', E'Monthly report,,\nDoc No,Day,Amount\nINV-1,2024-01-03,10.5\nINV-2,2024-01-04,20\n');
SELECT pg_temp.put('in/sales/2024/february/feb.csv', E'Monthly report,,,\nDoc No,Day,Amount,Currency\nINV-3,2024-02-03,5,EUR\nCN-1,2024-02-04,-2,EUR\n');
SELECT pg_temp.put('in/people/people.csv', E'Id;Name;Zip\n1;Ann;01234\n2;Bob;04321\n3;Ann;09999\n');
SELECT pg_temp.put('in/broken.pdf', '%PDF-1.4');
CREATE TEMP TABLE sheets AS SELECT * FROM medallion.describe_file(:'tree' || '/in/sales/2024/january/jan.csv');
CREATE TEMP TABLE proposals AS SELECT * FROM medallion.discover(:'tree' || '/in');
\o

-- describe_file()
SELECT is((SELECT (format, header_row, rows)::text FROM sheets), '(csv,2,2)', 'format, header and rows of a file with a title above its header');
SELECT results_eq('SELECT c->>''name'', c->>''original'', c->>''type'', (c->>''filled'')::int FROM sheets, jsonb_array_elements(columns) c',
	$$VALUES ('doc_no', 'Doc No', 'text', 2), ('day', 'Day', 'date', 2), ('amount', 'Amount', 'numeric', 2)$$, 'its columns, as the loader would have them');
SELECT throws_like($$SELECT * FROM medallion.describe_file('/nowhere/x.csv')$$, '%"/nowhere/x.csv"%', 'a file that is not there');
SELECT throws_like($$SELECT * FROM medallion.describe_file('/tmp', '{"shets": "x"}')$$, 'unrecognized % "shets"', 'an option that is none');

-- discover()
SELECT results_eq('SELECT feature, files FROM proposals ORDER BY 1', $$VALUES ('people', 1), ('sales', 2)$$, 'one feature per folder and header; years and months are not folders; what cannot be read is passed over');
SELECT is((SELECT config->'business_keys' FROM proposals WHERE feature = 'sales'), '["doc_no"]', 'a key that is unique over all files');
SELECT is((SELECT config->'business_keys' FROM proposals WHERE feature = 'people'), '["id"]', '... and not null');
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p WHERE p.proname IN ('discover', 'discover_groups', 'propose_details') AND NOT coalesce('jit=off' = ANY (p.proconfig), false)), NULL,
	'none of it is compiled, which takes seconds where the files take none');

-- apply_config(): a dry run, the run, once more
SELECT results_eq('SELECT object, action FROM proposals p, medallion.apply_config(p.config, true) ORDER BY 1', $$VALUES ('feature people', 'created'), ('feature sales', 'created')$$, 'a dry run says what it would do');
SELECT is((SELECT count(*)::int FROM medallion.features), 0, '... and does nothing');
\o /dev/null
SELECT * FROM proposals p, medallion.apply_config(p.config);
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'what was proposed runs as it is');
SELECT is((SELECT (count(*), sum(amount), count(currency))::text FROM silver.sales_current), '(4,33.5,2)', '... all files of it, later columns too');
SELECT is((SELECT string_agg(zip, ' ' ORDER BY id) FROM silver.people_current), '01234 04321 09999', '... and codes are no numbers');
SELECT is((SELECT string_agg(DISTINCT action, ' ') FROM proposals p, medallion.apply_config(p.config)), 'unchanged', 'applied again, nothing changes');

-- export_config()
\o /dev/null
SELECT medallion.alter_feature('people', '{"checks": [{"kind": "not_null", "columns": ["name"]}]}');
SELECT medallion.add_check('people', 'range', '{id}', '{"min": 1}');
SELECT medallion.create_model('names', 'SELECT name, count(*) AS n FROM silver.people_current GROUP BY name');
CREATE TEMP TABLE exported AS SELECT medallion.export_config() AS config;
\o
SELECT is((SELECT string_agg(DISTINCT action, ' ') FROM exported, medallion.apply_config(config)), 'unchanged', 'what is exported is what is there');
\o /dev/null
SELECT medallion.drop_model('names');
SELECT medallion.drop_feature('sales', true), medallion.drop_feature('people');
SELECT * FROM exported, medallion.apply_config(config);
\o
SELECT is(medallion.export_config(), (SELECT config FROM exported), 'applied where nothing is, it makes the same');
SELECT throws_like($$SELECT * FROM medallion.apply_config('{"featurs": []}')$$, '%featurs%', 'a configuration with a word that is none');
SELECT throws_like($$SELECT * FROM medallion.apply_config('[1]')$$, '%', 'a configuration that is no object');

-- a plain role sees only files that it may read
\o /dev/null
DROP ROLE IF EXISTS discover_plain;
CREATE ROLE discover_plain;
GRANT USAGE ON SCHEMA medallion TO discover_plain;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO discover_plain;
\o
SET ROLE discover_plain;
SELECT throws_like(format('SELECT * FROM medallion.discover(%L)', :'tree' || '/in'), 'permission denied%', 'a plain role may not look into the folder');
RESET ROLE;

\o /dev/null
DROP OWNED BY discover_plain;
DROP ROLE discover_plain;
SELECT medallion.drop_model('names');
SELECT medallion.drop_feature(name, true) FROM medallion.features;
SELECT pg_temp.shell(format('rm -rf %s', :'tree'));
\o
SELECT * FROM finish();
