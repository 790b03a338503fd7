/* Words of other pipelines: source_patterns, partition_columns, scd2_enabled, data_quality_checks as a list of names. */
\set name vocabulary
\ir setup.psql
SELECT plan(23);

\o /dev/null
SELECT pg_temp.put('sales/2024.csv', E'document_number,line_no,trn_date,customer_code,amount,vat\nD1,1,2024-12-30,K1,10.00,1\nD1,2,2024-12-30,K1,-5.00,1\nCN1,1,2024-12-31,,7.00,1\nD2,1,,K2,3.00,1\n');
SELECT pg_temp.put('sales/2025.csv', E'document_number,line_no,trn_date,customer_code,amount,vat\nD3,1,2025-01-01,K1,4.00,\nD3,2,2025-01-01,K1,4.00,2\n');
SELECT * FROM medallion.apply_config('{"name": "sales", "source_patterns": ["sales/**/*.csv"], "business_keys": ["document_number", "line_no"], "options": {
	"scd2_enabled": true, "partition_columns": ["transaction_year", "transaction_month"],
	"derive": {"transaction_year": "extract(year FROM t.trn_date)::int", "transaction_month": "extract(month FROM t.trn_date)::int"},
	"split": {"credits": "d.document_number LIKE ''CN%''", "invoices": "else"},
	"data_quality_checks": ["null_check", "duplicate_check", "amount_check", "credit_amount_check"]}}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'the words are understood');
SELECT is((SELECT count(*) FROM silver.sales_current WHERE _scd2_version = 1), 6::bigint, 'scd2_enabled keeps history');
SELECT is((SELECT pg_get_partkeydef('silver.sales'::regclass)), 'RANGE (transaction_year, transaction_month)', 'one level, RANGE over both');
SELECT is((SELECT array_agg(c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid) ORDER BY c.relname) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'silver.sales'::regclass),
	'{"sales_2024_12 FOR VALUES FROM (2024, 12) TO (2024, 13)","sales_2025_01 FOR VALUES FROM (2025, 1) TO (2025, 2)","sales_default DEFAULT"}', 'a partition for each month that came');
SELECT is((SELECT array_agg(tableoid::regclass::text || ' ' || document_number ORDER BY document_number, line_no) FROM silver.sales),
	'{"silver.sales_2024_12 CN1","silver.sales_2024_12 D1","silver.sales_2024_12 D1","silver.sales_default D2","silver.sales_2025_01 D3","silver.sales_2025_01 D3"}', 'rows are where they belong; without a date by default');
SELECT is((SELECT array_agg(attname ORDER BY attname) FROM pg_attribute WHERE attrelid = 'silver.sales'::regclass AND attname ~ '^dq_'
	AND attname ~ 'null|duplicate|amount' AND attname !~ 'cast'), '{dq_amount_flag_amount,dq_credit_amount_flag_amount,dq_duplicate_flag,dq_null_flag_amount,dq_null_flag_customer_code,dq_null_flag_document_number,dq_null_flag_line_no,dq_null_flag_trn_date}'::name[], 'checks find their columns by name');
SELECT is((SELECT array_agg(document_number || line_no ORDER BY 1) FROM silver.sales_current WHERE dq_null_flag_trn_date), '{D21}', 'null_check');
SELECT is((SELECT array_agg(document_number || line_no ORDER BY 1) FROM silver.sales_current WHERE dq_null_flag_customer_code), '{CN11}', 'null_check of codes');
SELECT is((SELECT array_agg(document_number || line_no ORDER BY document_number || line_no) FROM silver.sales_current WHERE dq_duplicate_flag), '{D11,D12,D31,D32}', 'duplicate_check: document, date and customer');
SELECT is((SELECT array_agg(document_number || line_no ORDER BY 1) FROM silver.sales_current WHERE dq_amount_flag_amount), '{D12}', 'amount_check');
SELECT is((SELECT array_agg(document_number || line_no ORDER BY 1) FROM silver.sales_current WHERE dq_credit_amount_flag_amount), '{CN11}', 'credit_amount_check');
SELECT is((SELECT count(*) FROM etl_logs.data_quality_checks WHERE check_type IN ('not_null', 'duplicate', 'amount', 'credit_amount')), 8::bigint, 'each is in the log');

-- a month that comes later, and a row that moves to another
\o /dev/null
SELECT pg_temp.put('sales/2025.csv', E'document_number,line_no,trn_date,customer_code,amount,vat\nD3,1,2025-02-01,K1,4.00,\nD3,2,2025-01-01,K1,4.00,2\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'another run');
SELECT is((SELECT array_agg(tableoid::regclass::text || ' v' || _scd2_version || ' ' || _scd2_is_current ORDER BY _scd2_version) FROM silver.sales WHERE document_number = 'D3' AND line_no = 1),
	'{"silver.sales_2025_01 v1 false","silver.sales_2025_02 v2 true"}', 'history across partitions');
\o /dev/null
SELECT pg_temp.run();
\o
SELECT is((SELECT sum(rows_out) FROM run), 0::numeric, 'nothing new');

-- what is exported can be applied
SELECT is((SELECT array_agg(action) FROM medallion.apply_config(medallion.export_config())), '{unchanged}', 'there and back');
\o /dev/null
SELECT medallion.alter_feature('sales', '{"scd2_enabled": false, "partition_columns": null, "data_quality_checks": ["amount_check"]}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'other words');
SELECT is((SELECT count(*) FROM pg_attribute WHERE attrelid = 'silver.sales'::regclass AND attname ~ '^_scd2'), 0::bigint, 'scd2_enabled: false keeps no history');
SELECT is((SELECT array_agg(attname ORDER BY attname) FROM pg_attribute WHERE attrelid = 'silver.sales'::regclass AND attname ~ '^dq_(null|amount)'), '{dq_amount_flag_amount}'::name[], 'one check');

SELECT throws_ok($$SELECT medallion.alter_feature('sales', '{"data_quality_checks": ["range_check"]}')$$, '22023', 'a check of kind "range" needs columns', 'a name that says too little');
SELECT throws_ok($$SELECT medallion.alter_feature('sales', '{"scd2_enabled": "yes"}')$$, '22023', 'option "scd2_enabled" must be true or false', 'a switch is true or false');
SELECT throws_ok($$SELECT medallion.alter_feature('sales', '{"partition_by": "trn_date", "partition_columns": ["transaction_year"]}')$$, '22023', 'options "partition_by" and "partition_columns" exclude each other', 'one way to partition');
SELECT throws_ok($$SELECT medallion.apply_config('{"name": "x", "source": "a", "source_patterns": "b"}')$$, '22023', 'a feature of a configuration needs either "source" or "source_patterns"', 'one source');
SELECT * FROM finish();
