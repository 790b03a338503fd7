/* the demo, run 17 times */
\setenv folder :folder
\setenv project :project
\! mkdir -p $folder/srv && cp -r $project/examples/sales/data/sales $folder/srv/ && find $folder/srv -name '*truncated*' -delete
\ir ../../examples/sales/config.sql
SELECT * FROM medallion.run_pipeline(layers => '{bronze,silver}');
SELECT medallion.install_sales_pack('{sales_cash_invoices_detailed,sales_cash_sales_detailed}');
SELECT format('SELECT * FROM medallion.run_pipeline(''{sales_credit_notes_detailed}'')') FROM generate_series(1, 15) \gexec
SELECT * FROM medallion.run_pipeline();
DROP TABLESPACE IF EXISTS cold;
\! mkdir -p $folder/cold
SELECT format('CREATE TABLESPACE cold LOCATION %L', :'folder' || '/cold') \gexec
