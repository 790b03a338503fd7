/*
 * Lineage and trace: edges from query trees, the rows behind a row, what a
 * file became, OpenLineage.  The oracle of trace() is the model itself: what it
 * adds up over a group must be the sum over the rows that trace() finds.
 */
\set name trace
\ir setup.psql
SELECT plan(26);

\o /dev/null
SELECT pg_temp.put('sales/a.csv', E'no,customer,amount\n1,ann,10\n2,bob,20\n3,ann,30\n');
SELECT pg_temp.put('sales/b.csv', E'no,customer,amount\n4,cid,40\n5,ann,50\n6,,60\n');
SELECT pg_temp.put('customers/c.csv', E'customer,city\nann,Athens\nbob,Berlin\n');
SELECT medallion.create_feature('sales', ARRAY['sales/*.csv'], ARRAY['no'], '{"header": 1, "derive": {"gross": "amount * 1.2"}}');
SELECT medallion.create_feature('customers', ARRAY['customers/*.csv'], ARRAY['customer'], '{"header": 1}');
SELECT pg_temp.run();
SELECT medallion.create_model('by_city', $$
	WITH known AS (SELECT s.no, s.amount, s.gross, c.city FROM silver.sales_current s LEFT JOIN silver.customers_current c USING (customer) WHERE s.amount > 5)
	SELECT city, sum(amount) AS total, sum(gross) AS gross, count(*) AS n FROM known GROUP BY city HAVING sum(amount) > 0$$);
SELECT medallion.create_model('ranked', 'SELECT city, total, rank() OVER (ORDER BY total DESC) AS place FROM gold.by_city');
SELECT medallion.create_model('both', $$SELECT city AS label, total FROM gold.by_city UNION ALL SELECT customer, sum(amount) FROM silver.sales_current GROUP BY customer$$);
SELECT medallion.create_model('months', $$SELECT x.city, (SELECT max(amount) FROM silver.sales_current) AS most, v.n FROM (SELECT DISTINCT city FROM silver.customers_current) x, LATERAL (SELECT count(*) AS n FROM silver.sales_current s WHERE s.customer <> x.city) v$$);
SELECT pg_temp.run();
\o

/* lineage */
SELECT set_eq('SELECT source_layer, source, target_layer, target FROM medallion.lineage', $$VALUES
	('files', 'sales/*.csv', 'bronze', 'sales'), ('files', 'customers/*.csv', 'bronze', 'customers'), ('bronze', 'sales', 'silver', 'sales'), ('bronze', 'customers', 'silver', 'customers'),
	('silver', 'sales', 'gold', 'by_city'), ('silver', 'customers', 'gold', 'by_city'), ('gold', 'by_city', 'gold', 'ranked'), ('gold', 'by_city', 'gold', 'both'),
	('silver', 'sales', 'gold', 'both'), ('silver', 'sales', 'gold', 'months'), ('silver', 'customers', 'gold', 'months')$$, 'lineage: edges between tables');
CREATE FUNCTION pg_temp.sources(target text, col text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws('.', source_layer, source, source_column), ' ' ORDER BY source_layer, source, source_column) FROM medallion.lineage_columns l
	 WHERE l.target = sources.target AND l.target_column IS NOT DISTINCT FROM col AND target_layer = 'gold'
$$;
SELECT is(pg_temp.sources('by_city', 'total'), 'silver.sales.amount', 'columns: through a CTE, a join and a view');
SELECT is(pg_temp.sources('by_city', 'gross'), 'silver.sales.gross', '... a derived one');
SELECT is(pg_temp.sources('by_city', 'city'), 'silver.customers.city', '... of the other side');
SELECT alike(pg_temp.sources('by_city', NULL), '%silver.customers.customer%silver.sales.amount%silver.sales.customer%', '... and what chooses rows');
SELECT is(pg_temp.sources('ranked', 'place'), 'gold.by_city.total', '... of a window');
SELECT is(pg_temp.sources('both', 'label'), 'gold.by_city.city silver.sales.customer', '... of both sides of a UNION');
SELECT is(pg_temp.sources('months', 'most'), 'silver.sales._scd2_is_current silver.sales.amount', '... of a subquery in the list');
SELECT is((SELECT string_agg(source_column, ' ') FROM medallion.lineage_columns WHERE target_layer = 'silver' AND target_column = 'gross'), 'amount', 'silver: a derived column');
SELECT is((SELECT string_agg(source_column || '>' || target_column, ' ' ORDER BY target_column) FROM medallion.lineage_columns WHERE target_layer = 'bronze' AND target = 'customers'), 'city>city customer>customer', 'bronze: headers');
SELECT throws_like($$SELECT medallion.column_sources('gold.by_city')$$, '"by_city" is not a view', 'only views');

/* trace */
CREATE FUNCTION pg_temp.rows_behind(t text, key jsonb, in_layer text, in_object text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(coalesce(data->>'no', data->>'customer'), ',' ORDER BY coalesce(data->>'no', data->>'customer')) FROM medallion.trace(t::regclass, key) WHERE layer = in_layer AND object = in_object
$$;
SELECT is((SELECT count(*)::int FROM gold.by_city g WHERE total IS DISTINCT FROM
	(SELECT sum((data->>'amount')::numeric) FROM medallion.trace('gold.by_city', jsonb_build_object('city', g.city)) WHERE layer = 'silver' AND object = 'sales')), 0, 'what a model adds up is the sum of what trace() finds');
SELECT is((SELECT count(*)::int FROM gold.by_city), 3, '... for each of its rows');
SELECT is(pg_temp.rows_behind('gold.by_city', '{"city": "Athens"}', 'silver', 'sales'), '1,3,5', 'the rows of a group');
SELECT is(pg_temp.rows_behind('gold.by_city', '{"city": "Athens"}', 'silver', 'customers'), 'ann', '... and what they were joined to');
SELECT is(pg_temp.rows_behind('gold.by_city', '{"city": null}', 'silver', 'sales'), '4,6', '... of a key that is NULL');
SELECT is((SELECT string_agg(regexp_replace(path, '.*/', '') || ':' || row, ' ' ORDER BY path, row) FROM medallion.trace('gold.by_city', '{"city": "Athens"}') WHERE layer = 'bronze'),
	'c.csv:2 a.csv:2 a.csv:4 b.csv:3', 'down to file and row');
SELECT is(pg_temp.rows_behind('gold.ranked', '{"place": 1}', 'bronze', 'sales'), '4,6', 'a row picked by a column of a window');
SELECT is(pg_temp.rows_behind('gold.ranked', '{"city": "Berlin"}', 'bronze', 'sales'), '2', 'through a model of a model');
SELECT is(pg_temp.rows_behind('gold.both', '{"label": "ann"}', 'silver', 'sales'), '1,3,5', 'one side of a UNION');
SELECT is((SELECT string_agg(concat_ws(' ', step, layer, row), ', ' ORDER BY step) FROM medallion.trace('silver.sales_current', '{"no": 5}')), '1 silver 3, 2 bronze 3', 'from a view of silver');
SELECT throws_like($$SELECT medallion.trace('gold.by_city', '{"town": 1}')$$, 'table gold.by_city has no column "town"', 'an unknown column');

/* and back */
SELECT is((SELECT string_agg(concat_ws(' ', layer, object, what, rows), ', ') FROM medallion.trace_file('customers/c.csv')),
	'bronze customers rows 2, silver customers versions, current 2, gold by_city reads it, directly, gold months reads it, directly, gold both reads it, through 1 models, gold ranked reads it, through 1 models', 'what a file became');
SELECT is((SELECT count(*)::int FROM medallion.trace_file('no_such.csv')), 0, 'a file that no run has seen');

/* OpenLineage */
SELECT is((SELECT string_agg(concat_ws(' ', e->>'eventType', e->'job'->>'name'), ', ' ORDER BY e->'job'->>'name', e->>'eventType') FROM medallion.openlineage((SELECT min(run_id) FROM medallion.runs)) e),
	'COMPLETE bronze.customers, START bronze.customers, COMPLETE bronze.sales, START bronze.sales, COMPLETE silver.customers, START silver.customers, COMPLETE silver.sales, START silver.sales', 'OpenLineage: a start and an end of each step');
SELECT ok((SELECT bool_and(e ? 'run' AND (e->'run'->>'runId')::uuid IS NOT NULL AND jsonb_array_length(e->'inputs') = 1 AND e->'outputs'->0->'facets'->'schema'->'fields' IS NOT NULL
	AND (e->>'eventTime')::timestamptz > now() - interval '1 hour') FROM medallion.openlineage((SELECT min(run_id) FROM medallion.runs)) e), '... with what the standard wants');
SELECT * FROM finish();
