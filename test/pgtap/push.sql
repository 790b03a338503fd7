/*
 * Rows handed in by statements, in the same fold as files; features taken back
 * to their start; values of paths that tell rows apart.
 */
\set name push
\ir setup.psql

SELECT plan(27);

CREATE FUNCTION pg_temp.current() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT string_agg(concat_ws('':'', id, name, price), '' '' ORDER BY id) FROM silver.goods_current' INTO result;
	RETURN result;
END
$$;

-- beside files
\o /dev/null
SELECT medallion.create_feature('goods', '{goods/*.csv}', '{id}');
SELECT pg_temp.put('goods/a.csv', E'id,name,price\n1,apple,1.50\n2,pear,2.00\n');
SELECT pg_temp.run('goods');
\o
SELECT is(medallion.push('goods', '{"id": 2, "name": "quince", "price": 2.50}'), 1::bigint, 'an object is one row');
SELECT is(pg_temp.current(), '1:apple:1.50 2:pear:2.00', 'silver waits for a run');
SELECT is(medallion.push('goods', '[{"id": 3, "name": "fig", "price": 0.10}, {"id": 4, "name": "a \"b\" \u00e9"}]'), 2::bigint, 'an array is as many');
SELECT pg_temp.run('goods') \g /dev/null
SELECT is(pg_temp.errors(), 'none', 'the next run goes well');
SELECT is(pg_temp.current(), '1:apple:1.50 2:quince:2.50 3:fig:0.10 4:a "b" é', 'and folds them with what files say');
SELECT is((SELECT string_agg(_scd2_version || ':' || name, ' ' ORDER BY _scd2_version) FROM silver.goods WHERE id = 2), '1:pear 2:quince', 'a pushed row opens a version');
SELECT is((SELECT string_agg(path || ' ' || kind || ' ' || status || ' ' || rows, ', ' ORDER BY path) FROM medallion.file_versions WHERE kind = 'push'),
	'push #000000000001 push LOADED 1, push #000000000002 push LOADED 2', 'each push is a version in the ledger');
SELECT is((SELECT count(*) FROM bronze.goods b JOIN medallion.file_versions f ON f.file_id = b._file_id WHERE f.kind = 'push' AND f.loaded_run_id = b._run_id), 3::bigint, 'bronze rows know their push and its run');
SELECT is((SELECT count(*) FROM etl_logs.file_processing WHERE file_path LIKE 'push #%' AND status = 'SUCCESS'), 2::bigint, 'and so does the log');

-- again, and again as nothing
\o /dev/null
SELECT medallion.push('goods', '{"id": 3, "name": "fig", "price": 0.10}');
SELECT pg_temp.run('goods');
\o
SELECT is((SELECT max(_scd2_version) FROM silver.goods WHERE id = 3), 1, 'a row pushed again changes nothing');
SELECT is(medallion.push('goods', '[]'), 0::bigint, 'no rows are no push');
SELECT is((SELECT count(*) FROM medallion.file_versions WHERE kind = 'push'), 3::bigint, 'nothing in the ledger');
\o /dev/null
SELECT pg_temp.run('goods');
\o
SELECT is((SELECT count(*) FROM medallion.file_versions WHERE kind = 'push' AND (missing_since IS NOT NULL OR superseded_at IS NOT NULL)), 0::bigint, 'a push is no missing file');
SELECT is((SELECT status FROM run WHERE layer = 'silver'), 'UNCHANGED', 'a run with nothing new has nothing to do');

-- a file that comes later wins over the push before it
\o /dev/null
SELECT pg_temp.put('goods/b.csv', E'id,name,price\n2,medlar,3.00\n');
SELECT pg_temp.run('goods');
\o
SELECT is((SELECT name FROM silver.goods_current WHERE id = 2), 'medlar', 'a later file follows');

-- columns and refusals
SELECT is(medallion.push('goods', '{"id": 5, "color": {"r": 1}}'), 1::bigint, 'a key more is a column more');
SELECT is((SELECT color FROM bronze.goods WHERE id = '5'), '{"r":1}', 'nested values are kept as json');
SELECT throws_ok($$SELECT medallion.push('goods', '[1, 2]')$$, '22023', 'rows to push must be a json object or an array of objects', 'rows are objects');
SELECT throws_ok($$SELECT medallion.push('goods', '"x"')$$, '22023', 'rows to push must be a json object or an array of objects', 'a value is none');
SELECT throws_ok($$SELECT medallion.push('none', '{}')$$, NULL, NULL, 'a feature that is not there');
CREATE ROLE push_stranger;
GRANT USAGE ON SCHEMA medallion TO push_stranger;
GRANT EXECUTE ON FUNCTION medallion.push(text, jsonb) TO push_stranger;
SET ROLE push_stranger;
SELECT throws_ok($$SELECT medallion.push('goods', '{"id": 6}')$$, '42501', NULL, 'who may not act for the owner may not push');
RESET ROLE;
REVOKE ALL ON FUNCTION medallion.push(text, jsonb) FROM push_stranger;
REVOKE ALL ON SCHEMA medallion FROM push_stranger;
DROP ROLE push_stranger;

-- reset: as if nothing had been loaded
\o /dev/null
SELECT medallion.reset_feature('goods');
\o
SELECT is((SELECT count(*) FROM bronze.goods) + (SELECT count(*) FROM silver.goods) + (SELECT count(*) FROM medallion.file_versions), 0::bigint, 'reset empties bronze, silver and ledger');
SELECT pg_temp.run('goods') \g /dev/null
SELECT is(pg_temp.errors(), 'none', 'the run goes well');
SELECT is(pg_temp.current(), '1:apple:1.50 2:medlar:3.00', 'the next run loads the files again');

-- two symbols share all their open times: a value of the path is part of the key
\o /dev/null
SELECT medallion.create_feature('bars', '{bars/**/*.csv}', '{symbol,open_time}',
	'{"header": "none", "names": ["open_time", "close"], "path_pattern": "(?<symbol>[A-Z]+)-(?<interval>[0-9]+[mh])[.]csv$"}');
SELECT pg_temp.put('bars/x/AAA-1m.csv', E'1700000000,10.5\n1700000060,10.6\n');
SELECT pg_temp.put('bars/y/BBB-1m.csv', E'1700000000,99.5\n1700000060,99.6\n');
SELECT pg_temp.run('bars');
SELECT medallion.push('bars', '{"symbol": "AAA", "interval": "1m", "open_time": 1700000120, "close": 10.7}');
SELECT pg_temp.run('bars');
\o
SELECT is(pg_temp.errors(), 'none', 'files without header, named by their paths');
SELECT is((SELECT string_agg(symbol || ':' || n, ' ' ORDER BY symbol) FROM (SELECT symbol, count(*) AS n FROM silver.bars_current GROUP BY 1) s), 'AAA:3 BBB:2', 'rows of two symbols do not merge; a pushed one joins its own');
SELECT is((SELECT count(*) FROM silver.bars WHERE _scd2_version > 1), 0::bigint, 'nor follow each other');

SELECT * FROM finish();
