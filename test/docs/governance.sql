/* customers and invoices that have run; the roles */
DO $$
DECLARE
	role text;
BEGIN
	FOREACH role IN ARRAY '{analysts,auditor,night_shift,etl}'::text[] LOOP
		IF to_regrole(role) IS NULL THEN
			EXECUTE format('CREATE ROLE %I', role);
		END IF;
	END LOOP;
END
$$;
CREATE TABLE public.people AS
	SELECT 4710 + n AS customer_id, 'customer ' || n AS name, 'c' || n || '@example.org' AS email, now() AS updated_at FROM generate_series(1, 3) n;
CREATE TABLE public.bills AS SELECT n AS invoice_no, date '2010-01-01' + 400 * n AS invoice_date, 4710 + n % 3 AS customer_id, now() AS updated_at FROM generate_series(1, 9) n;
SELECT medallion.create_feature('customers', '{}', '{customer_id}', '{"relation": "public.people", "watermark": "updated_at"}');
SELECT medallion.create_feature('invoices', '{}', '{invoice_no}', '{"relation": "public.bills", "watermark": "updated_at"}');
SELECT * FROM medallion.run_pipeline();
SELECT medallion.create_model('by_customer', 'SELECT customer_id, count(*) FROM silver.invoices_current GROUP BY 1');
SELECT * FROM medallion.run_pipeline();
DROP DATABASE IF EXISTS shop_test;
CREATE DATABASE shop_test;
