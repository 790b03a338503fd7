/* files and tables by the names that docs/options.md has for them */
\setenv folder :folder
\! mkdir -p $folder/srv/shop $folder/srv/ticks $folder/srv/deals $folder/srv/prices/2025
\! cd $folder/srv && printf 'doc_no;date;price;qty;postal;state;region\nA-1;31.12.2025;1.200,50;2;12345;ok;x\nCN-2;01.01.2025;-3,00;1;;void;x\n' >shop/a.csv
\! cd $folder/srv && printf '10,1.5\n11,1.6\n' >ticks/AAA-1m.csv && printf 'deal_no,day,state,phone,open\n1,31.12.2025,o,0123456789,ja\n' >deals/a.csv
\! cd $folder/srv && printf 'item;Unit Price (EUR)\na;1,50\nb;?\n' >prices/2025/a.csv
CREATE SCHEMA staging;
CREATE TABLE staging.orders AS SELECT n AS order_no, n AS order_id, n * 1.5 AS amount, ''::text AS note, timestamp '2025-01-01' + n * interval '1 day' AS updated_at FROM generate_series(1, 5) n;
CREATE TABLE staging.customers AS SELECT n AS customer_id, 'name ' || n AS name, timestamp '2025-01-01' AS updated_at, CASE n WHEN 3 THEN 'D' ELSE 'U' END AS op FROM generate_series(1, 3) n;
CREATE SCHEMA shop;
CREATE TABLE shop.customer_history (customer_id int, name text, valid_from timestamptz, valid_to timestamptz);
CREATE SCHEMA snapshots;
CREATE TABLE snapshots.orders AS SELECT order_id, amount, updated_at, ''::text AS dbt_scd_id, updated_at AS dbt_updated_at, updated_at AS dbt_valid_from, updated_at AS dbt_valid_to FROM staging.orders LIMIT 0;
CREATE TABLE staging.payments AS SELECT n AS order_no, n * 1.5 AS amount, 'by hand' AS note FROM generate_series(1, 5) n;
SELECT medallion.create_feature('shop', '{shop/**/*.csv}', '{doc_no}', '{"columns": {"zip": {"from": ["postal"]}}}');
SELECT medallion.create_feature('payments', '{}', '{order_no}', '{"relation": "staging.payments", "watermark": "order_no"}');
SELECT * FROM medallion.run_pipeline();
