/* a table of versions as CSV, a dbt snapshot with what has come since, and a hand-made report */
\setenv folder :folder
\! mkdir -p $folder/srv/delta/customers
\! printf 'customer_id,city,valid_from,valid_to,is_current,op\n1,Deira,2024-01-01 00:00:00,2024-06-01 00:00:00,false,\n1,Karama,2024-06-01 00:00:00,,true,\n2,Deira,2024-02-01 00:00:00,2024-09-01 00:00:00,false,\n2,Deira,2024-09-01 00:00:00,,,D\n' >$folder/srv/delta/customers/part-0.csv
CREATE SCHEMA staging;
CREATE TABLE staging.orders (order_id int, amount numeric(12,2), updated_at timestamp);
INSERT INTO staging.orders VALUES (1, 12, '2025-01-05'), (2, 7, '2025-01-02'), (3, 4, '2025-01-06');
CREATE SCHEMA snapshots;
CREATE TABLE snapshots.orders AS SELECT order_id, amount, updated_at, md5(order_id || '|' || updated_at) AS dbt_scd_id, updated_at AS dbt_updated_at,
	updated_at AS dbt_valid_from, NULL::timestamp AS dbt_valid_to FROM (VALUES (1, 10.00::numeric(12,2), timestamp '2025-01-01'), (2, 7.00, '2025-01-02')) AS o (order_id, amount, updated_at);
CREATE SCHEMA legacy;
CREATE TABLE legacy.payments AS SELECT n AS payment_id, date '2025-01-01' + n % 5 AS paid_on, n * 1.25 AS amount, now() + n * interval '1 second' AS changed_at FROM generate_series(1, 100) n;
CREATE TABLE legacy.payments_by_day AS SELECT paid_on, count(*) AS payments, sum(amount) AS amount FROM legacy.payments GROUP BY paid_on;
