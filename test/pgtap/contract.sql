/*
 * Contracts of features and models: who breaks one fails, and what was there
 * before stays.
 */
\set name contract
\ir setup.psql

SELECT plan(22);

\o /dev/null
SELECT medallion.create_feature('bills', '{bills/**/*.csv}', '{id}', '{"contract": {"id": "bigint", "amount": "numeric", "note": null, "region": "text"},
	"path_pattern": "bills/(?<region>[a-z]+)/", "columns": {"amount": {"type": "numeric"}, "region": {"type": "text"}}}');
SELECT pg_temp.put('bills/north/a.csv', E'id,amount,note,more\n1,1.5,x,y\n');
SELECT pg_temp.run('bills');
\o
SELECT is(pg_temp.errors(), 'none', 'a file that keeps the contract loads; a column more is allowed, one comes from the path');
SELECT is((SELECT count(*) FROM silver.bills), 1::bigint, 'into silver');

-- bronze: a column that is missing
\o /dev/null
SELECT pg_temp.put('bills/north/b.csv', E'id,note\n2,z\n');
SELECT pg_temp.run('bills');
\o
SELECT matches(pg_temp.errors(), 'bronze: .*b.csv breaks its contract: column "amount" is missing', 'a file that lacks a column fails');
SELECT is((SELECT status FROM run WHERE layer = 'bronze'), 'PARTIAL', 'alone');
SELECT is((SELECT count(*) FROM bronze.bills), 1::bigint, 'none of its rows is in bronze');
SELECT is((SELECT count(*) FROM medallion.file_versions), 1::bigint, 'nor in the ledger');

-- exact: a column more
\o /dev/null
SELECT pg_temp.put('bills/north/b.csv', E'id,amount,note\n2,2.5,z\n');
SELECT pg_temp.put('bills/north/c.csv', E'id,amount,note,extra\n3,2.5,z,w\n');
SELECT medallion.create_feature('exact', '{bills/north/[bc].csv}', '{id}', '{"contract": {"id": null, "amount": null, "note": null}, "contract_mode": "exact"}');
SELECT pg_temp.run('exact');
\o
SELECT matches(pg_temp.errors(), 'c.csv breaks its contract: column "extra" is not in it', 'exact: a column more fails');
SELECT is((SELECT string_agg(id::text, ',') FROM silver.exact), '2', 'exact: the file with the right columns loads');

-- silver: a type that is not the promised one
\o /dev/null
SELECT medallion.create_feature('typed', '{typed/*.csv}', '{id}', '{"contract": {"id": "bigint"}}');
SELECT pg_temp.put('typed/a.csv', E'id,v\n1,a\n');
SELECT pg_temp.run('typed');
SELECT pg_temp.put('typed/b.csv', E'id,v\nA7,b\n');
SELECT pg_temp.run('typed');
\o
SELECT matches(pg_temp.errors(), 'silver: silver.typed breaks its contract: column "id" is text, not bigint', 'a type that widens breaks the contract in silver');
SELECT is((SELECT string_agg(id::text, ',') || format_type(a.atttypid, a.atttypmod) FROM silver.typed, pg_attribute a WHERE attrelid = 'silver.typed'::regclass AND attname = 'id' GROUP BY a.atttypid, a.atttypmod), '1bigint', 'silver stays as it was');
SELECT is((SELECT count(*) FROM bronze.typed), 2::bigint, 'bronze has what the file says');
\o /dev/null
SELECT medallion.alter_feature('typed', '{"contract": null}');
SELECT pg_temp.run('typed');
\o
SELECT is(pg_temp.types('silver.typed'), 'id text, v text', 'without contract the column widens');
\o /dev/null
SELECT medallion.alter_feature('typed', '{"contract": {"id": "text", "gone": "text"}}');
SELECT pg_temp.run('typed');
\o
SELECT matches(pg_temp.errors(), 'silver.typed breaks its contract: column "gone" is missing', 'a column that silver lacks');
\o /dev/null
SELECT medallion.alter_feature('typed', '{"contract": {"id": null, "v": null}, "contract_mode": "exact"}');
SELECT pg_temp.run('typed');
\o
SELECT is(pg_temp.errors(), 'none', 'a column of any type, given by alter_feature()');

-- gold
SELECT throws_matching($$SELECT medallion.create_model('promised', 'SELECT id, amount FROM silver.bills_current', '{"contract": {"id": "bigint", "amount": "int"}}')$$,
	'gold.promised breaks its contract: column "amount" is numeric, not integer', 'a model of another type is not created');
SELECT throws_matching($$SELECT medallion.create_model('promised', 'SELECT id, amount FROM silver.bills_current', '{"contract": {"id": "bigint"}, "contract_mode": "exact"}')$$,
	'column "amount" is not in it', 'nor one with a column more, where it is exact');
SELECT lives_ok($$SELECT medallion.create_model('promised', 'SELECT id, amount FROM silver.bills_current', '{"contract": {"id": "bigint", "amount": "numeric"}, "contract_mode": "exact"}')$$, 'one that keeps its contract is');
SELECT throws_matching($$SELECT medallion.create_model('promised', 'SELECT id, amount, note FROM silver.bills_current', '{"contract": {"id": "bigint", "amount": "numeric"}, "contract_mode": "exact"}')$$,
	'column "note" is not in it', 'a change that breaks it is refused');
SELECT lives_ok($$SELECT medallion.alter_model('promised', '{"contract": {"id": "bigint", "amount": null}}')$$, 'a column of any type, given by alter_model()');
SELECT is(pg_temp.types('gold.promised'), 'id bigint, amount numeric', 'and nothing is changed');

-- words
SELECT throws_matching($$SELECT medallion.create_feature('wrong', '{x}', '{id}', '{"contract": "id"}')$$, 'contract', 'a contract is an object');
SELECT throws_matching($$SELECT medallion.create_feature('wrong', '{x}', '{id}', '{"contract_mode": "strict"}')$$, 'strict', 'the mode is one of two');

SELECT * FROM finish();
