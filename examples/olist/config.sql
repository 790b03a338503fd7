-- The second database through postgres_fdw, and a feature for each of its nine tables, read by watermark.
-- psql variables: source_host, source_port, source_database, source_user

CREATE EXTENSION IF NOT EXISTS postgres_fdw;
SELECT format('CREATE SERVER olist_source FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L, fetch_size ''10000'')', :'source_host', :'source_port', :'source_database')
\gexec
SELECT format('CREATE USER MAPPING FOR CURRENT_USER SERVER olist_source OPTIONS (user %L)', :'source_user')
\gexec
CREATE SCHEMA olist_source;
IMPORT FOREIGN SCHEMA olist FROM SERVER olist_source INTO olist_source;

SELECT medallion.create_feature(f, '{}', keys::text[], ('{"relation": "olist_source.' || f || '", "watermark": "updated_at", "sequence_by": "updated_at"}')::jsonb || options::jsonb)
FROM (VALUES
	('customers', '{customer_id}', '{"columns": {"customer_state": {"type": "text", "case": "upper"}},
		"checks": [{"kind": "not_null", "columns": ["customer_unique_id", "customer_state"]}, {"kind": "pattern", "columns": ["customer_state"], "params": {"pattern": "^[A-Z]{2}$"}}]}'),
	('geolocation', '{geolocation_id}', '{"columns": {"geolocation_lat": {"type": "numeric(20,15)"}, "geolocation_lng": {"type": "numeric(20,15)"}},
		"checks": [{"kind": "range", "columns": ["geolocation_lat"], "params": {"min": -90, "max": 90}}, {"kind": "not_null", "columns": ["geolocation_lat", "geolocation_lng"]}]}'),
	-- what cannot be is set apart, and comes back by itself when the source mends it
	('orders', '{order_id}', '{"split": {"refused": "d.order_status = ''delivered'' AND d.order_delivered_customer_date IS NULL OR d.order_status = ''shipped'' AND d.order_delivered_carrier_date IS NULL", "accepted": "else"},
		"checks": [{"kind": "not_null", "columns": ["customer_id", "order_status", "order_purchase_timestamp"]},
			{"kind": "accepted_values", "columns": ["order_status"], "params": {"values": ["created", "approved", "invoiced", "processing", "shipped", "delivered", "unavailable", "canceled"]}}]}'),
	('order_items', '{order_id,order_item_id}', '{"columns": {"price": {"type": "numeric(10,2)"}, "freight_value": {"type": "numeric(10,2)"}},
		"checks": [{"kind": "not_null", "columns": ["product_id", "seller_id", "price"]}, {"kind": "range", "columns": ["price"], "params": {"min": 0.01}}]}'),
	('order_payments', '{order_id,payment_sequential}', '{"columns": {"payment_value": {"type": "numeric(10,2)"}}, "checks": [{"kind": "range", "columns": ["payment_value"], "params": {"min": 0}}]}'),
	('order_reviews', '{review_id,order_id}', '{"checks": [{"kind": "range", "columns": ["review_score"], "params": {"min": 1, "max": 5}}]}'),
	('products', '{product_id}', '{"derive": {"category": "coalesce(t.product_category_name, ''unknown'')", "photos": "coalesce(t.product_photos_qty, 0)",
		"name_length": "coalesce(t.product_name_lenght, 0)", "description_length": "coalesce(t.product_description_lenght, 0)"}}'),
	('sellers', '{seller_id}', '{"columns": {"seller_state": {"type": "text", "case": "upper"}, "seller_zip_code_prefix": {"type": "text"},
		"seller_city": {"type": "text", "expression": "btrim(regexp_replace(lower(c.seller_city), ''( ?[/\\\\,-] .*|[/\\\\,].*)$'', ''''))"}}}'),
	('product_category_name_translation', '{product_category_name}', '{}')
) AS feature (f, keys, options);
