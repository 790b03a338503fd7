--
-- The sales pack: five models over sales lines.  Silver is made by hand.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS medallion;
\set SHOW_CONTEXT never
SET medallion.silver_schema = 'pack_silver';
SET medallion.gold_schema = 'pack_gold';
SET medallion.model_schema = 'pack_models';

SELECT medallion.install_sales_pack('{till}');	-- error

CREATE SCHEMA pack_silver;
CREATE TABLE pack_silver.till (document_number text, trn_date timestamp, branch_code text,
	branch_name text, customer_code bigint, item_code text, quantity bigint, unit_price numeric,
	amount numeric, vat_amount numeric, discount numeric);
INSERT INTO pack_silver.till VALUES
	('I1', '2025-01-01 09:00', 'B1', 'North', 1, 'p', 2, 50, 100, 20, 1),
	('I1', '2025-01-01 09:01', 'B1', 'North', 1, 'q', 1, 200, 200, 40, NULL),
	('I2', '2025-01-01 10:00', 'B1', 'North', 2, 'p', 1, 50, 50, 10, 0),
	('I3', '2025-01-02 10:00', 'B1', 'North', 1, 'p', 1, 40, 40, 8, 0),
	('I4', '2025-01-02 11:00', 'B2', 'South', NULL, NULL, 1, 5, 5, 1, 0),
	('I5', '2025-02-01 11:00', NULL, NULL, 3, 'q', 1000, 50.01, 50010, 0, 0),
	('C1', '2025-02-01 12:00', 'B1', 'North', 1, 'p', -1, 50, -50, -10, 0);
CREATE VIEW pack_silver.till_current AS SELECT * FROM pack_silver.till;
CREATE VIEW pack_silver.till_invoices AS SELECT * FROM pack_silver.till WHERE document_number NOT LIKE 'C%';
CREATE VIEW pack_silver.till_invoices_current AS SELECT * FROM pack_silver.till_invoices;

-- Another feature: no branch code, no vat, no discount, no quantity, other names; a neighbour named
-- like a split of it is not one
CREATE TABLE pack_silver.web (order_no text, day date, branch_name text, buyer text, item text, price numeric, total numeric);
INSERT INTO pack_silver.web VALUES ('W1', '2025-02-01', 'Web', '3', 'r', 99, 50000);
INSERT INTO pack_silver.web VALUES ('W2', '2025-02-02', 'Web', '4', 'r', 99, 50000);
CREATE VIEW pack_silver.web_current AS SELECT * FROM pack_silver.web;
CREATE TABLE pack_silver.web_invoices (x int);
CREATE VIEW pack_silver.web_invoices_current AS SELECT * FROM pack_silver.web_invoices;

SELECT medallion.install_sales_pack('{till}', '{"pruduct": "x"}');	-- error
SELECT medallion.install_sales_pack('{till}', '{"product": "nowhere"}');	-- error
SELECT medallion.install_sales_pack('{till,web}');	-- error
SELECT medallion.install_sales_pack('{}');	-- error

SELECT medallion.install_sales_pack('{till}');
SELECT * FROM medallion.model_graph() WHERE depends_on LIKE 'pack%' OR kind = 'model';
SELECT model, medallion.refresh_model(model) FROM unnest('{sales_documents,daily_sales_summary,monthly_sales_summary,customer_analytics,product_analytics}'::text[]) model;
\pset expanded on
SELECT * FROM pack_models.daily_sales_summary ORDER BY date, branch_name;
SELECT * FROM pack_models.monthly_sales_summary ORDER BY year, month, branch_name;
\pset expanded off
SELECT * FROM pack_models.customer_analytics ORDER BY customer;
SELECT * FROM pack_models.product_analytics ORDER BY product;
SELECT (SELECT sum(total_sales) FROM pack_gold.daily_sales_summary) AS daily,
	(SELECT sum(total_sales) FROM pack_gold.monthly_sales_summary) AS monthly,
	(SELECT sum(amount) FROM pack_silver.till_invoices) AS silver;

-- Again: nothing changes.  Two features: one shape.

SELECT medallion.install_sales_pack('{till}');
SELECT count(*) FROM medallion.models WHERE refreshed_run_id IS NULL AND name LIKE '%analytics';
CREATE VIEW pack_silver.shop_current AS
	SELECT order_no AS document_number, day AS document_date, branch_name, buyer AS customer_code,
		item AS item_code, price AS unit_price, total AS amount FROM pack_silver.web;
SELECT medallion.install_sales_pack('{till,shop}');
SELECT medallion.refresh_model('sales_documents'), medallion.refresh_model('daily_sales_summary'), medallion.refresh_model('customer_analytics');
SELECT customer, lifetime_value, branches_visited, customer_segment FROM pack_gold.customer_analytics ORDER BY customer;
SELECT medallion.install_sales_pack('{web}', '{"document_number": "order_no", "document_date": "day",
	"customer": "buyer", "product": "item", "unit_price": "price", "amount": "total"}');
SELECT medallion.refresh_model('sales_documents'), medallion.refresh_model('daily_sales_summary');
SELECT date, branch_name, branch_code, invoice_count, total_sales, total_vat, total_discount FROM pack_gold.daily_sales_summary ORDER BY date;

SELECT medallion.drop_model(model) FROM unnest('{monthly_sales_summary,daily_sales_summary,customer_analytics,product_analytics,sales_documents}'::text[]) model;
DROP SCHEMA pack_silver, pack_gold, pack_models CASCADE;
