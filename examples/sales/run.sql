-- The six features, then the sales pack over the lines of cash invoices and cash sales, of which there are files.
\o /dev/null
\i :examples/sales/config.sql
\o
SELECT layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline(layers => '{bronze,silver}');
\o /dev/null
SELECT medallion.install_sales_pack(array_agg(name ORDER BY name)) FROM medallion.features
 WHERE name IN ('sales_cash_invoices_detailed', 'sales_cash_sales_detailed') AND to_regclass('silver.' || name || '_current') IS NOT NULL;
\o
SELECT layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline();
