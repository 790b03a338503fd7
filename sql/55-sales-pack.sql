/*
 * The sales pack: five gold models over features that hold sales documents,
 * one row per line.  The queries below are meant to be read, copied and
 * changed; nothing in them is special to the pack.
 */

CREATE FUNCTION medallion.sales_pack_lines(features text[], mapping jsonb) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	/* role, type, the columns that are looked for, and what stands for a missing one; NULL: required */
	roles CONSTANT jsonb := '[
		["document_number", "text",    "document_number document_no invoice_number invoice_no", null],
		["document_date",   "date",    "document_date trn_date transaction_date invoice_date",  null],
		["amount",          "numeric", "amount net_amount total_amount",                        null],
		["branch_code",     "text",    "branch_code",                                           "NULL::text"],
		["branch_name",     "text",    "branch_name branch",                                    "NULL::text"],
		["customer",        "text",    "customer_code customer_id customer customer_name",      "NULL::text"],
		["product",         "text",    "item_code product_code stock_code item_description product_description product", "NULL::text"],
		["quantity",        "numeric", "quantity",                                              "NULL::numeric"],
		["unit_price",      "numeric", "unit_price price",                                      "NULL::numeric"],
		["vat",             "numeric", "vat_amount vat",                                        "0::numeric"],
		["discount",        "numeric", "discount_amount discount",                              "0::numeric"]]';
	silver	text := coalesce(nullif(current_setting('medallion.silver_schema', true), ''), 'silver');
	feature	text;
	source	regclass;
	role	jsonb;
	wanted	text[];
	wrong	text;
	col		text;
	mapped	text[] := '{}';		/* roles whose mapped column was found */
	fields	text[];
	lines	text[] := '{}';
BEGIN
	SELECT key INTO wrong FROM jsonb_object_keys(mapping) key
	 WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(roles) r WHERE r ->> 0 = key)
	 ORDER BY key LIMIT 1;
	IF FOUND THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unrecognized role "%s" in the mapping of the sales pack', wrong),
			HINT = 'Roles are ' || (SELECT string_agg(r ->> 0, ', ' ORDER BY r ->> 0) FROM jsonb_array_elements(roles) r) || '.';
	END IF;

	FOREACH feature IN ARRAY features LOOP
		/* without the credits, where the feature splits them off: then <feature>_invoices is a
		 * view; a table of this name is another feature's */
		SELECT to_regclass(format('%I.%I', silver, feature || CASE WHEN EXISTS (
				SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				 WHERE n.nspname = silver AND c.relname = feature || '_invoices' AND c.relkind = 'v')
			THEN '_invoices_current' ELSE '_current' END)) INTO source;
		IF source IS NULL THEN
			RAISE undefined_table USING
				MESSAGE = format('silver has no view "%s_current" yet', feature),
				HINT = 'Create the feature, and run the pipeline for layers bronze and silver first: SELECT * FROM medallion.run_pipeline(layers => ''{bronze,silver}'').';
		END IF;

		fields := '{}';
		FOR role IN SELECT r FROM jsonb_array_elements(roles) r LOOP
			wanted := array_remove(ARRAY[mapping ->> (role ->> 0)], NULL) || string_to_array(role ->> 2, ' ');
			SELECT a.attname INTO col
			  FROM unnest(wanted) WITH ORDINALITY AS candidate (name, place)
			  JOIN pg_attribute a ON a.attname = candidate.name
			 WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped
			 ORDER BY place LIMIT 1;
			IF NOT FOUND AND role ->> 3 IS NULL THEN
				RAISE undefined_column USING
					MESSAGE = format('feature "%s" has no column for role "%s"', feature, role ->> 0),
					DETAIL = format('Looked for in %s: %s.', source, array_to_string(wanted, ', ')),
					HINT = format('Name it: {"%s": "<column>"}.', role ->> 0);
			END IF;
			IF col = mapping ->> (role ->> 0) THEN
				mapped := mapped || (role ->> 0);
			END IF;
			fields := fields || format('%s AS %I', coalesce(quote_ident(col) || '::' || (role ->> 1), role ->> 3), role ->> 0);
		END LOOP;
		lines := lines || format(E'SELECT %s\n\tFROM %s', array_to_string(fields, E',\n\t\t'), source);
	END LOOP;

	SELECT key INTO wrong FROM jsonb_object_keys(mapping) key WHERE key <> ALL (mapped) ORDER BY key LIMIT 1;
	IF FOUND THEN
		RAISE undefined_column USING
			MESSAGE = format('no feature has the column "%s" that role "%s" is mapped to', mapping ->> wrong, wrong);
	END IF;
	IF lines = '{}' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'the sales pack needs at least one feature';
	END IF;
	RETURN array_to_string(lines, E'\n\tUNION ALL\n\t');
END
$function$;
COMMENT ON FUNCTION medallion.sales_pack_lines(text[], jsonb) IS
'the query that the sales pack builds on: the current lines of the features in one shape (document_number, document_date, amount, branch_code, branch_name, customer, product, quantity, unit_price, vat, discount), without credits where the feature has a split named invoices. Raises for unknown roles, missing columns and features that silver does not have yet';

CREATE FUNCTION medallion.install_sales_pack(features text[], mapping jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	lines	text := medallion.sales_pack_lines(features, mapping);
	gold	text := coalesce(nullif(current_setting('medallion.gold_schema', true), ''), 'gold');
BEGIN
	/* A document has several lines, which are read once for three of the models below. */
	PERFORM medallion.create_model('sales_documents', format($query$
WITH line AS (
	%s
)
SELECT document_date,
	branch_name,
	branch_code,
	document_number,
	customer,
	count(*) AS lines,
	sum(amount) AS amount,
	sum(vat) AS vat,
	sum(discount) AS discount
FROM line
GROUP BY document_date, branch_name, branch_code, document_number, customer
$query$, lines), jsonb_build_object('description',
'One row per document, which the summaries by day, month and customer are made of; where one number stands for several days, branches or customers, one row for each. Credits are excluded where the feature splits them off; missing columns count as NULL, vat and discount as 0.'));
	RETURN NEXT 'sales_documents';

	/* document_amount is the total of a number on a day, and first_row marks one row of it, so
	 * that averages are over numbers, also where customers share one. */
	PERFORM medallion.create_model('daily_sales_summary', format($query$
WITH sale AS (
	SELECT document_date, branch_name, branch_code, document_number, customer, amount, vat, discount,
		sum(amount) OVER document AS document_amount,
		row_number() OVER document = 1 AS first_row
	FROM %I.sales_documents
	WINDOW document AS (PARTITION BY document_date, branch_name, branch_code, document_number)
)
SELECT document_date AS date,
	extract(year FROM document_date)::int AS year,
	extract(month FROM document_date)::int AS month,
	branch_name,
	branch_code,
	count(DISTINCT document_number) AS invoice_count,
	sum(amount) AS total_sales,
	coalesce(sum(vat), 0) AS total_vat,
	coalesce(sum(discount), 0) AS total_discount,
	count(DISTINCT customer) AS unique_customers,
	round(avg(document_amount) FILTER (WHERE first_row AND document_number IS NOT NULL), 2) AS average_invoice_value,
	min(document_amount) FILTER (WHERE first_row AND document_number IS NOT NULL) AS min_invoice_value,
	max(document_amount) FILTER (WHERE first_row AND document_number IS NOT NULL) AS max_invoice_value
FROM sale
GROUP BY document_date, branch_name, branch_code
$query$, gold), jsonb_build_object('description',
'Sales by day and branch. invoice_count: distinct documents; average, min and max are over documents, not lines; unique_customers: distinct, unknown ones left out.'));
	RETURN NEXT 'daily_sales_summary';

	/* Distinct customers of a month are counted over the month: those of its days cannot be added up. */
	PERFORM medallion.create_model('monthly_sales_summary', format($query$
WITH month AS (
	SELECT extract(year FROM document_date)::int AS year,
		extract(month FROM document_date)::int AS month,
		branch_name,
		branch_code,
		count(DISTINCT document_number) AS total_invoices,
		sum(amount) AS total_sales,
		coalesce(sum(vat), 0) AS total_vat,
		coalesce(sum(discount), 0) AS total_discount,
		count(DISTINCT customer) AS total_unique_customers,
		count(DISTINCT document_date) AS trading_days
	FROM %1$I.sales_documents
	GROUP BY 1, 2, 3, 4
), day AS (
	SELECT year, month, branch_name, branch_code,
		round(avg(average_invoice_value), 2) AS avg_daily_invoice_value
	FROM %1$I.daily_sales_summary
	GROUP BY 1, 2, 3, 4
)
SELECT m.year, m.month, m.branch_name, m.branch_code,
	m.total_invoices, m.total_sales, m.total_vat, m.total_discount, m.total_unique_customers,
	d.avg_daily_invoice_value, m.trading_days
FROM month m
LEFT JOIN day d ON (d.year, d.month, d.branch_name, d.branch_code)
	IS NOT DISTINCT FROM (m.year, m.month, m.branch_name, m.branch_code)
$query$, gold), jsonb_build_object('description',
'Sales by month and branch. total_unique_customers: distinct over the month, not a sum of days; avg_daily_invoice_value: the average over trading days of the day''s average_invoice_value; trading_days: days with sales.'));
	RETURN NEXT 'monthly_sales_summary';

	PERFORM medallion.create_model('customer_analytics', format($query$
WITH customer AS (
	SELECT customer,
		count(DISTINCT document_number) AS total_transactions,
		sum(amount) AS lifetime_value,
		round(sum(amount) / nullif(count(DISTINCT document_number), 0), 2) AS average_transaction_value,
		min(document_date) AS first_transaction_date,
		max(document_date) AS last_transaction_date,
		count(DISTINCT coalesce(branch_code, branch_name)) AS branches_visited,
		coalesce(sum(discount), 0) AS total_discounts_received
	FROM %I.sales_documents
	WHERE customer IS NOT NULL
	GROUP BY customer
)
SELECT *,
	CASE WHEN lifetime_value > 100000 THEN 'High Value'
		WHEN lifetime_value > 50000 THEN 'Medium Value'
		ELSE 'Low Value' END AS customer_segment
FROM customer
$query$, gold), jsonb_build_object('description',
'One row per known customer; sales without a customer are left out. customer_segment by lifetime_value: above 100000 High Value, above 50000 Medium Value, else Low Value.',
'unique_key', jsonb_build_array('customer')));
	RETURN NEXT 'customer_analytics';

	PERFORM medallion.create_model('product_analytics', format($query$
WITH line AS (
	%s
)
SELECT product,
	count(DISTINCT document_number) AS total_transactions,
	sum(quantity) AS total_quantity_sold,
	sum(amount) AS total_revenue,
	round(avg(unit_price), 4) AS average_price,
	count(DISTINCT customer) AS unique_customers,
	count(DISTINCT coalesce(branch_code, branch_name)) AS branches_sold_at
FROM line
WHERE product IS NOT NULL
GROUP BY product
$query$, lines), jsonb_build_object('description',
'One row per product; lines without a product are left out. average_price: the mean unit price over lines.',
'unique_key', jsonb_build_array('product')));
	RETURN NEXT 'product_analytics';
END
$function$;
COMMENT ON FUNCTION medallion.install_sales_pack(text[], jsonb) IS
'makes the models sales_documents, daily_sales_summary, monthly_sales_summary, customer_analytics and product_analytics over the current rows of features with one row per document line, credits left out where the feature has a split named invoices; returns their names. Give it detailed features or summarized ones, not both of the same documents. mapping: role to column, looked for before the usual names; roles: document_number, document_date and amount (required), branch_code, branch_name, customer, product, quantity, unit_price, vat, discount. The features must be in silver already. Calling it again, after silver got a new column, adds it';
