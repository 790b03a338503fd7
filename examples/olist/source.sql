-- The second database: an online shop's nine tables, each with updated_at, filled in three rounds from the published files.
-- After the third they say what the files say; before it some of it is not there yet, or still another.
-- psql variable: folder

CREATE SCHEMA raw;
CREATE SCHEMA olist;
CREATE TABLE raw.customers (customer_id text PRIMARY KEY, customer_unique_id text, customer_zip_code_prefix text, customer_city text, customer_state text);
CREATE TABLE raw.geolocation (geolocation_zip_code_prefix text, geolocation_lat numeric, geolocation_lng numeric, geolocation_city text, geolocation_state text);
CREATE TABLE raw.orders (order_id text PRIMARY KEY, customer_id text, order_status text, order_purchase_timestamp timestamp, order_approved_at timestamp,
	order_delivered_carrier_date timestamp, order_delivered_customer_date timestamp, order_estimated_delivery_date timestamp);
CREATE TABLE raw.order_items (order_id text, order_item_id int, product_id text, seller_id text, shipping_limit_date timestamp, price numeric(10,2), freight_value numeric(10,2),
	PRIMARY KEY (order_id, order_item_id));
CREATE TABLE raw.order_payments (order_id text, payment_sequential int, payment_type text, payment_installments int, payment_value numeric(10,2), PRIMARY KEY (order_id, payment_sequential));
CREATE TABLE raw.order_reviews (review_id text, order_id text, review_score int, review_comment_title text, review_comment_message text, review_creation_date timestamp,
	review_answer_timestamp timestamp, PRIMARY KEY (review_id, order_id));
CREATE TABLE raw.products (product_id text PRIMARY KEY, product_category_name text, product_name_lenght int, product_description_lenght int, product_photos_qty int,
	product_weight_g int, product_length_cm int, product_height_cm int, product_width_cm int);
CREATE TABLE raw.sellers (seller_id text PRIMARY KEY, seller_zip_code_prefix text, seller_city text, seller_state text);
CREATE TABLE raw.product_category_name_translation (product_category_name text PRIMARY KEY, product_category_name_english text);

SELECT format('COPY raw.%I FROM %L WITH (FORMAT csv, HEADER)', t, :'folder' || '/olist_sample_3k_all9/' || f)
FROM (VALUES ('customers', 'olist_customers_dataset.csv'), ('geolocation', 'olist_geolocation_dataset.csv'), ('orders', 'olist_orders_dataset.csv'),
	('order_items', 'olist_order_items_dataset.csv'), ('order_payments', 'olist_order_payments_dataset.csv'), ('order_reviews', 'olist_order_reviews_dataset.csv'),
	('products', 'olist_products_dataset.csv'), ('sellers', 'olist_sellers_dataset.csv'), ('product_category_name_translation', 'product_category_name_translation.csv')) AS file (t, f)
\gexec
ALTER TABLE raw.geolocation ADD geolocation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;

SELECT format('CREATE TABLE olist.%1$I (LIKE raw.%1$I INCLUDING INDEXES, updated_at timestamp NOT NULL)', tablename) FROM pg_tables WHERE schemaname = 'raw'
\gexec

/* upserts the rows of a query of the table's own columns; what is equal keeps its time */
CREATE FUNCTION olist.deliver(target text, query text, at_ timestamp) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	columns_ text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = ('raw.' || target)::regclass AND attnum > 0);
	keys text := (SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
				   WHERE c.conrelid = ('raw.' || target)::regclass AND c.contype = 'p');
BEGIN
	EXECUTE format('INSERT INTO olist.%1$I AS t (%2$s, updated_at) SELECT %2$s, $1 FROM (%3$s) AS q ON CONFLICT (%4$s) DO UPDATE SET (%2$s, updated_at) = (%5$s, $1)
		WHERE (%6$s) IS DISTINCT FROM (%5$s)', target, columns_, query, keys, 'excluded.' || replace(columns_, ', ', ', excluded.'), 't.' || replace(columns_, ', ', ', t.'))
	USING at_;
END
$$;

CREATE FUNCTION olist.round(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	at_ timestamp := ('{2018-01-01,2018-11-01,2018-12-01}'::timestamp[])[n];
	part text;
BEGIN
	IF n = 1 THEN		/* the orders before 2018, of which December's are on their way; some products and sellers as they were */
		PERFORM olist.deliver('orders', $q$SELECT order_id, customer_id, CASE WHEN order_purchase_timestamp >= '2017-12-01' AND order_delivered_carrier_date IS NOT NULL THEN 'shipped' ELSE order_status END AS order_status,
			order_purchase_timestamp, order_approved_at, order_delivered_carrier_date, CASE WHEN order_purchase_timestamp < '2017-12-01' THEN order_delivered_customer_date END AS order_delivered_customer_date,
			order_estimated_delivery_date FROM raw.orders WHERE order_purchase_timestamp < '2018-01-01'$q$, at_);
		FOREACH part IN ARRAY '{order_items,order_payments,order_reviews}'::text[] LOOP
			PERFORM olist.deliver(part, format('SELECT * FROM raw.%I WHERE order_id IN (SELECT order_id FROM olist.orders)', part), at_);
		END LOOP;
		PERFORM olist.deliver('customers', 'SELECT * FROM raw.customers WHERE customer_id IN (SELECT customer_id FROM olist.orders)', at_);
		PERFORM olist.deliver('products', $q$SELECT product_id, CASE WHEN row_number() OVER (ORDER BY product_id) % 20 = 0 THEN NULL ELSE product_category_name END AS product_category_name,
			product_name_lenght, product_description_lenght, product_photos_qty, product_weight_g, product_length_cm, product_height_cm, product_width_cm FROM raw.products$q$, at_);
		PERFORM olist.deliver('sellers', $q$SELECT seller_id, seller_zip_code_prefix, CASE WHEN row_number() OVER (ORDER BY seller_id) % 10 = 0 THEN 'moving' ELSE seller_city END AS seller_city,
			seller_state FROM raw.sellers$q$, at_);
		PERFORM olist.deliver('geolocation', 'SELECT * FROM raw.geolocation', at_);
		PERFORM olist.deliver('product_category_name_translation', 'SELECT * FROM raw.product_category_name_translation', at_);
	ELSE				/* all of it, with some reviews wrong at first */
		FOREACH part IN ARRAY '{orders,order_items,order_payments,customers,products,sellers}'::text[] LOOP
			PERFORM olist.deliver(part, format('SELECT * FROM raw.%I', part), at_);
		END LOOP;
		PERFORM olist.deliver('order_reviews', format($q$SELECT review_id, order_id, CASE WHEN %s = 2 AND row_number() OVER (ORDER BY review_id, order_id) %% 50 = 0 THEN 1 ELSE review_score END AS review_score,
			review_comment_title, review_comment_message, review_creation_date, review_answer_timestamp FROM raw.order_reviews$q$, n), at_);
	END IF;
END
$$;
