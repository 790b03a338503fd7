--
-- Gold: models, their graph, their refresh
--
-- Silver is made by hand; nothing here needs the other layers.
--
\set VERBOSITY default
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS medallion;
SET medallion.silver_schema = 'gold_test_silver';
SET medallion.gold_schema = 'gold_test';
SET medallion.model_schema = 'gold_test_models';

CREATE ROLE gold_alice;
CREATE ROLE gold_bob;

CREATE SCHEMA gold_test_silver;
CREATE TABLE gold_test_silver.gold_orders (shop text, amount numeric, customer text);
CREATE VIEW gold_test_silver.gold_orders_current AS SELECT * FROM gold_test_silver.gold_orders;
INSERT INTO medallion.features (name, owner, source, changed_run_id)
VALUES ('gold_orders', current_user::regrole, '{orders/*.csv}', -1);
CREATE TABLE gold_test_silver.rates (shop text, rate numeric);
INSERT INTO gold_test_silver.gold_orders VALUES
	('a', 10, 'x'), ('a', 5, NULL), ('b', 7, 'x'), (NULL, 1, NULL);

-- A model is a view for the query and a table for the result

SELECT medallion.create_model('by_shop',
	'SELECT shop, sum(amount) AS total FROM gold_test_silver.gold_orders_current GROUP BY shop',
	'{"description": "sales by shop", "unique_key": ["shop"]}');
\d gold_test.by_shop
SELECT obj_description('gold_test.by_shop'::regclass);
SELECT * FROM gold_test.by_shop;
SELECT medallion.refresh_model('by_shop');
SELECT shop, total, _run_id IS NOT NULL AS run, _loaded_at IS NOT NULL AS loaded
FROM gold_test.by_shop ORDER BY shop;

-- Names in the query are those of the caller's search_path; comments and a semicolon are no harm

SET search_path = gold_test_silver, public;
SELECT medallion.create_model('big', E'/* large */ SELECT o.* FROM gold_orders o WHERE amount > 6; -- end');
RESET search_path;
SELECT query LIKE '%FROM gold_test_silver.gold_orders o%' AS qualified FROM medallion.models WHERE name = 'big';

-- The graph comes from the catalog

CREATE VIEW gold_test_silver.between AS SELECT * FROM gold_test.by_shop;
SELECT medallion.create_model('in_euro', $$
	SELECT s.shop, s.total * r.rate AS euro
	FROM gold_test_silver.between s JOIN gold_test_silver.rates r ON r.shop = s.shop $$);
SELECT medallion.create_model('lookup', 'SELECT shop, euro FROM gold_test.in_euro WHERE euro > 0',
	'{"materialized": "view"}');
SELECT medallion.create_model('a_last', 'SELECT count(*) AS n FROM gold_test.lookup');
SELECT * FROM medallion.model_graph() WHERE model IN ('by_shop', 'big', 'in_euro', 'lookup', 'a_last');

-- The same again changes nothing

SELECT xmin AS before FROM medallion.models WHERE name = 'by_shop' \gset
SELECT 'gold_test.by_shop'::regclass::oid AS table_before \gset
SELECT medallion.create_model('by_shop', $$
	SELECT o.shop, sum(o.amount) AS total
	FROM gold_test_silver.gold_orders_current AS o GROUP BY o.shop $$,
	'{"unique_key": ["shop"], "description": "sales by shop"}');
SELECT medallion.create_model('by_shop',
	'select shop, sum(amount) as total from gold_test_silver.gold_orders_current group by shop',
	'{"unique_key": ["shop"], "description": "sales by shop"}');
SELECT count(*) FROM gold_test.by_shop;
SELECT 'gold_test.by_shop'::regclass::oid = :table_before AS same_table;

-- A refresh writes what differs and nothing else

SELECT medallion.refresh_model('by_shop');
SELECT max(_run_id) AS first_run FROM gold_test.by_shop \gset
SELECT changed_run_id = :first_run AS unchanged, refreshed_run_id > :first_run AS refreshed
FROM medallion.models WHERE name = 'by_shop';
UPDATE gold_test_silver.gold_orders SET amount = 8 WHERE shop = 'b';
INSERT INTO gold_test_silver.gold_orders VALUES ('c', 3, 'y');
SELECT medallion.refresh_model('by_shop');
SELECT shop, total, _run_id > :first_run AS new FROM gold_test.by_shop ORDER BY shop;
DELETE FROM gold_test_silver.gold_orders WHERE shop = 'c';
SELECT medallion.refresh_model('by_shop');
SELECT shop, total, _run_id > :first_run AS new FROM gold_test.by_shop ORDER BY shop;

-- Duplicates are counted, NULL rows are rows, an empty result is a result

CREATE TABLE gold_test_silver.bag (a int, b text);
INSERT INTO gold_test_silver.bag VALUES (1, 'x'), (1, 'x'), (NULL, NULL), (NULL, NULL), (2, '');
SELECT medallion.create_model('bag', 'SELECT * FROM gold_test_silver.bag');
SELECT medallion.refresh_model('bag');
SELECT a, b, count(*) FROM gold_test.bag GROUP BY a, b ORDER BY a, b;
INSERT INTO gold_test_silver.bag VALUES (1, 'x'), (NULL, NULL);
SELECT medallion.refresh_model('bag');
SELECT a, b, count(*) FROM gold_test.bag GROUP BY a, b ORDER BY a, b;
DELETE FROM gold_test_silver.bag WHERE a IS NULL;
SELECT medallion.refresh_model('bag');
SELECT medallion.refresh_model('bag');
SELECT a, b, count(*) FROM gold_test.bag GROUP BY a, b ORDER BY a, b;
DELETE FROM gold_test_silver.bag;
SELECT medallion.refresh_model('bag');
SELECT count(*) FROM gold_test.bag;
SELECT medallion.refresh_model('bag');

-- More columns than a function has arguments

SELECT string_agg('i AS c' || n, ', ' ORDER BY n) AS wide FROM generate_series(1, 205) n \gset
SELECT medallion.create_model('wide', 'SELECT ' || :'wide' || ' FROM generate_series(1, 3) i');
SELECT medallion.refresh_model('wide');
SELECT medallion.refresh_model('wide');

-- A view model is always up to date and never refreshed

INSERT INTO gold_test_silver.rates VALUES ('a', 2), ('b', 1);
SELECT medallion.refresh_model('in_euro');
SELECT * FROM gold_test.lookup ORDER BY shop;
SELECT medallion.refresh_model('lookup');

-- Another query: same columns keep the table, others are refused while someone uses them

SELECT medallion.create_model('by_shop',
	'SELECT shop, sum(amount) + 1 AS total FROM gold_test_silver.gold_orders_current GROUP BY shop',
	'{"unique_key": ["shop"], "description": "sales by shop, plus one"}');
SELECT shop, total FROM gold_test.by_shop ORDER BY shop;
SELECT refreshed_run_id IS NULL AS never_refreshed FROM medallion.models WHERE name = 'by_shop';
SELECT medallion.refresh_model('by_shop');
SELECT shop, total FROM gold_test.by_shop ORDER BY shop;
SELECT medallion.create_model('by_shop',
	'SELECT shop, sum(amount) AS total, count(*) AS n FROM gold_test_silver.gold_orders_current GROUP BY shop');
SELECT medallion.refresh_model('by_shop');
SELECT shop, total, n FROM gold_test.by_shop ORDER BY shop;
SELECT medallion.create_model('by_shop',		-- error
	'SELECT shop, count(*) AS n FROM gold_test_silver.gold_orders_current GROUP BY shop');
SELECT medallion.create_model('lookup', 'SELECT shop, euro FROM gold_test.in_euro');	-- error
SELECT medallion.create_model('lookup', 'SELECT shop FROM gold_test.in_euro',	-- error
	'{"materialized": "view"}');
SELECT medallion.create_model('bag', 'SELECT b AS text, a::bigint AS a FROM gold_test_silver.bag');
SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
WHERE attrelid = 'gold_test.bag'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;

-- Circles are refused, with the way round

SELECT medallion.create_model('by_shop', $$		-- error
	SELECT shop, euro AS total, 1::bigint AS n FROM gold_test.in_euro $$);
SELECT medallion.create_model('by_shop', 'SELECT * FROM gold_test_models.by_shop');	-- error
SELECT medallion.create_model('big', 'SELECT * FROM gold_test_models.big LIMIT 1');	-- error
SELECT medallion.create_model('bag', 'SELECT a, text FROM gold_test.bag');	-- error
SELECT query LIKE '%count(*)%' AS as_it_was FROM medallion.models WHERE name = 'by_shop';

-- The server refuses to drop what a model reads, and names the model's view

DROP TABLE gold_test_silver.bag;		-- error
SELECT medallion.drop_model('by_shop');	-- error

-- A changed type: silver drops the views, widens, and the refresh mends what was lost

SELECT medallion.create_model('chain', 'SELECT a, count(*) AS n FROM gold_test.bag GROUP BY a');
INSERT INTO gold_test_silver.bag VALUES (1, 'x'), (2, 'y');
SELECT medallion.refresh_model('bag');
SELECT medallion.refresh_model('chain');
GRANT SELECT ON gold_test.bag TO gold_bob;
DROP VIEW gold_test_models.bag CASCADE;
ALTER TABLE gold_test_silver.bag ALTER b TYPE int USING 12;
UPDATE medallion.models SET query = 'SELECT b AS text, a::numeric AS a FROM gold_test_silver.bag' WHERE name = 'bag';
SELECT model, depends_on FROM medallion.model_graph() WHERE model IN ('bag', 'chain');
SELECT medallion.refresh_model('bag');
SELECT * FROM medallion.model_graph() WHERE model IN ('bag', 'chain');
SELECT medallion.refresh_model('chain');
SELECT * FROM medallion.model_graph() WHERE model IN ('bag', 'chain');
SELECT a, text, pg_typeof(a), pg_typeof(text) FROM gold_test.bag ORDER BY a;
SELECT a, n, pg_typeof(a) FROM gold_test.chain ORDER BY a;
SELECT has_table_privilege('gold_bob', 'gold_test.bag', 'SELECT');

-- What cannot be a model

SELECT medallion.create_model('bad', 'SELECT 1 AS a; DROP TABLE gold_test_silver.rates');	-- error
SELECT medallion.create_model('bad', 'DELETE FROM gold_test_silver.rates');	-- error
SELECT medallion.create_model('bad', '');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS a WITH CHECK OPTION');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS a INTO gold_test.x');	-- error
SELECT medallion.create_model('bad', 'WITH d AS (DELETE FROM gold_test_silver.rates RETURNING *) SELECT * FROM d');	-- error
SELECT medallion.create_model('bad', 'SELECT FROM gold_test_silver.rates');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS _run_id');	-- error
SELECT medallion.create_model('bad', 'SELECT nothing FROM gold_test_silver.rates');	-- error
CREATE TEMP TABLE temporary_orders (a int);
SELECT medallion.create_model('bad', 'SELECT * FROM temporary_orders');	-- error
SELECT medallion.create_model('_bad', 'SELECT 1 AS a');	-- error
SELECT medallion.create_model(repeat('x', 58), 'SELECT 1 AS a');	-- error
CREATE TABLE gold_test.taken (a int);
SELECT medallion.create_model('taken', 'SELECT 1 AS a');	-- error

-- Options

SELECT medallion.create_model('bad', 'SELECT 1 AS a', '{"materialised": "table"}');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS a', '{"materialized": "tabel"}');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS a', '{"refresh": "incremental"}');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS a', '{"unique_key": "a"}');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS a', '{"unique_key": ["b"]}');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS a', '{"description": 1}');	-- error
SELECT medallion.create_model('bad', 'SELECT 1 AS a', '[]');	-- error
SELECT medallion.refresh_model('by_shp');	-- error
SELECT medallion.drop_model('nothing_like_it');	-- error

-- A unique key that the result breaks keeps the old rows

SELECT medallion.create_model('keyed', 'SELECT shop, rate FROM gold_test_silver.rates', '{"unique_key": ["shop"]}');
SELECT medallion.refresh_model('keyed');
INSERT INTO gold_test_silver.rates VALUES ('a', 3);
SELECT medallion.refresh_model('keyed');	-- error
SELECT shop, rate FROM gold_test.keyed ORDER BY shop;

-- Only the owner may; the query runs as the owner

GRANT USAGE ON SCHEMA medallion, gold_test_silver TO gold_alice, gold_bob;
GRANT USAGE, CREATE ON SCHEMA gold_test, gold_test_models TO gold_alice;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO gold_alice, gold_bob;
GRANT SELECT ON gold_test_silver.rates TO gold_alice;
SET ROLE gold_alice;
SELECT medallion.create_model('of_alice', 'SELECT shop, current_user::text AS who FROM gold_test_silver.rates');
SELECT medallion.refresh_model('of_alice');
SELECT medallion.create_model('secret', 'SELECT amount FROM gold_test_silver.gold_orders');
SELECT medallion.refresh_model('secret');	-- error
SELECT medallion.refresh_model('by_shop');	-- error
SET ROLE gold_bob;
SELECT medallion.create_model('of_alice', 'SELECT 1 AS a');	-- error
SELECT medallion.refresh_model('of_alice');	-- error
SELECT medallion.drop_model('of_alice');	-- error
RESET ROLE;
SELECT medallion.refresh_model('of_alice');
SELECT medallion.refresh_model('secret');	-- error
SELECT DISTINCT who FROM gold_test.of_alice;
SELECT medallion.create_model('of_alice', 'SELECT shop FROM gold_test_silver.rates');
SELECT m.owner, c.relowner::regrole FROM medallion.models m, pg_class c
WHERE m.name = 'of_alice' AND c.oid = 'gold_test.of_alice'::regclass;

-- The end

SELECT medallion.drop_model(name) FROM unnest('{secret,of_alice,keyed,wide,chain,bag,a_last,lookup,in_euro}'::text[]) name;
DROP VIEW gold_test_silver.between;
SELECT medallion.drop_model(name) FROM unnest('{by_shop,big}'::text[]) name;
SELECT relname FROM pg_class WHERE relnamespace IN ('gold_test'::regnamespace, 'gold_test_models'::regnamespace);
SELECT count(*) FROM medallion.model_graph() WHERE depends_on LIKE 'gold_test%';
DELETE FROM medallion.features WHERE name = 'gold_orders';
DROP SCHEMA gold_test, gold_test_models, gold_test_silver CASCADE;
DROP OWNED BY gold_alice, gold_bob;
DROP ROLE gold_alice, gold_bob;
