/*
 * What files hold, the features that they would make, and configuration as one
 * json value.
 */
\set name discover
\ir setup.psql
SELECT plan(29);

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

-- what discover() makes of sheets, marks, orders and signs
\o /dev/null
SELECT pg_temp.put('more/ledger/ledger.csv', E'Doc No;Posted;Updated At;Amount\nINV-1;12/31/2024;2025-01-01 10:00:00;1.234,56\n'
	'INV-2;01/15/2025;2025-01-15 11:00:00;-20,50\nCN-1;02/20/2025;2025-02-20 12:00:00;7,25\n');
SELECT pg_temp.put('more/plain/plain.csv', E'Doc No,Posted,Amount\nX1,31/12/2024,1234.56\nX2,15/01/2025,20.50\n');
SELECT pg_temp.put('more/shop/shop.fods', '<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
	'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
	|| string_agg(format('<table:table table:name="%s">%s</table:table>', sheet, (SELECT string_agg('<table:table-row>' ||
		(SELECT string_agg(format('<table:table-cell><text:p>%s</text:p></table:table-cell>', cell), '') FROM unnest(string_to_array(line, ' ')) cell) || '</table:table-row>', '')
		FROM unnest(lines) line)), '' ORDER BY sheet) || '</office:spreadsheet></office:body></office:document>')
  FROM (VALUES ('Items', '{OrderId Item Price,o1 pen 5,o2 ink 7}'::text[]), ('Orders', '{Id Customer,o1 Ann,o2 Bob}')) v (sheet, lines);
CREATE TEMP TABLE more AS SELECT * FROM medallion.discover(:'tree' || '/more');
\o
SELECT results_eq('SELECT feature, sheets, config->''options''->>''sheets'' FROM more WHERE feature LIKE ''shop%'' ORDER BY 1',
	$$VALUES ('shop_items', '{Items}'::text[], 'items'), ('shop_orders', '{Orders}', 'orders')$$, 'a feature for each of two sheets');
SELECT is((SELECT config->'notes'->>'sequence_column' FROM more WHERE feature = 'ledger'), 'updated_at', 'a sequence column: the time of a change before a date');
SELECT is((SELECT config->'notes'->>'sequence_column' FROM more WHERE feature = 'plain'), 'posted', '... a date where there is no other');
SELECT is((SELECT config->'notes'->'sequence_column' FROM more WHERE feature = 'shop_items'), 'null', '... none where there is no time');
SELECT set_eq($$SELECT jsonb_array_elements(config->'notes'->'splits') FROM more WHERE feature = 'ledger'$$,
	$$VALUES ('{"column": "doc_no", "prefixes": {"CN": 1, "INV": 2}}'::jsonb), ('{"column": "amount", "negative": 1, "other": 2}')$$, 'classes of documents, signs of amounts');
SELECT is((SELECT config->'notes'->'splits' FROM more WHERE feature = 'plain'), '[]', '... none where all are alike');
SELECT is((SELECT config->'options'->'columns' FROM more WHERE feature = 'ledger'),
	'{"posted": {"type": "date", "date_order": "MDY"}, "amount": {"type": "numeric", "decimal_mark": ","}}', 'the order of dates and the decimal mark');
SELECT is((SELECT config->'options'->'columns' FROM more WHERE feature = 'plain'), '{"posted": {"type": "date"}}', '... which need no word where they are the usual ones');
\o /dev/null
SELECT * FROM more m, medallion.apply_config(m.config);
SELECT pg_temp.run('ledger', 'plain', 'shop_items', 'shop_orders');
\o
SELECT is(pg_temp.errors() || (SELECT string_agg(concat_ws(' ', doc_no, posted, amount), ', ' ORDER BY doc_no) FROM silver.ledger_current),
	'noneCN-1 2025-02-20 7.25, INV-1 2024-12-31 1234.56, INV-2 2025-01-15 -20.50', '... and silver has the values that were meant');
SELECT is((SELECT string_agg(concat_ws(' ', i.item, o.customer), ', ' ORDER BY i.item) FROM silver.shop_items_current i JOIN silver.shop_orders_current o ON o.id = i.orderid),
	'ink Bob, pen Ann', '... of both sheets');
\o /dev/null
SELECT medallion.drop_feature(feature, true) FROM more;
\o

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
