/* the demo's cash invoices, under the two names that README.md has for them; a folder of one's own; a table */
\setenv folder :folder
\setenv project :project
\! mkdir -p $folder/srv/finance/sales/invoices $folder/path/to/your/folder
\! cp -r $project/examples/sales/data/sales/cash_invoices $folder/srv/finance/sales/ && cp -r $project/examples/sales/data/sales/cash_invoices/detailed/2025 $folder/srv/finance/sales/invoices/
\! cp $project/examples/sales/data/sales/cash_invoices/detailed/2024/*/*.xlsx $folder/path/to/your/folder/
DROP ROLE IF EXISTS etl, analysts;
CREATE ROLE etl;
CREATE ROLE analysts;
CREATE SCHEMA staging;
CREATE TABLE staging.orders AS SELECT 17 AS order_no, 12.50 AS amount, timestamp '2025-01-01' AS updated_at;
