/*
 * Star schemas: the calendar, dimensions with keys that survive a rebuild,
 * facts with point-in-time keys, and what is declared about them.
 */
\set name star
\ir setup.psql
SELECT plan(55);
SET timezone = 'America/Sao_Paulo';		-- no session setting may reach results

-- Easter: as published by the churches
SELECT is(array_agg(medallion.easter(y) ORDER BY y), '{1818-03-22,1961-04-02,2000-04-23,2016-03-27,2017-04-16,2018-04-01,2019-04-21,2024-03-31,2025-04-20,2026-04-05,2038-04-25}'::date[], 'Easter')
  FROM unnest('{1818,1961,2000,2016,2017,2018,2019,2024,2025,2026,2038}'::int[]) AS y;

-- the calendar
SELECT lives_ok($$SELECT medallion.create_date_dimension('2019-12-28', '2026-01-05', '{"holidays": [{"name": "Natal", "month": 12, "day": 25},
	{"name": "Carnaval", "easter": -47}, {"name": "Corpus Christi", "easter": 60, "from": 2021}, {"name": "Copa", "date": "2022-12-18"}, {"name": "Ceia", "month": 12, "day": 25, "to": 2020}],
	"fiscal": {"start_month": 4}}')$$, 'a date dimension');
SELECT is(medallion.refresh_model('dim_date'), ('2026-01-05'::date - '2019-12-28'::date + 2)::bigint, 'every day and the unknown one');
SELECT is((SELECT count(*) FROM gold.dim_date WHERE date IS NOT NULL AND (iso_week_name <> to_char(date::timestamp, 'IYYY-"W"IW') OR date_key::text <> to_char(date::timestamp, 'YYYYMMDD')
	OR week_start <> date - (extract(isodow FROM date)::int - 1) OR month_end <> (date - (day_of_month - 1) + interval '1 month - 1 day')::date)), 0::bigint, 'ISO weeks, keys, starts and ends');
SELECT is((SELECT array_agg((iso_year, iso_week, year, calendar_week) ORDER BY date)::text FROM gold.dim_date WHERE date IN ('2019-12-29', '2019-12-30', '2020-01-01', '2020-01-04', '2020-01-05', '2021-01-03')),
	'{"(2019,52,2019,53)","(2020,1,2019,53)","(2020,1,2020,1)","(2020,1,2020,1)","(2020,1,2020,2)","(2020,53,2021,2)"}', 'ISO years differ from calendar years, calendar weeks begin on Sundays');
SELECT is((SELECT string_agg(date || ' ' || holiday_name, ', ' ORDER BY date) FROM gold.dim_date WHERE is_holiday AND date < '2023-01-01'),
	'2020-02-25 Carnaval, 2020-12-25 Ceia, Natal, 2021-02-16 Carnaval, 2021-06-03 Corpus Christi, 2021-12-25 Natal, 2022-03-01 Carnaval, 2022-06-16 Corpus Christi, 2022-12-18 Copa, 2022-12-25 Natal', 'holidays');
SELECT is((SELECT count(*) FROM gold.dim_date WHERE fiscal_year <> year + CASE WHEN month >= 4 THEN 1 ELSE 0 END OR fiscal_month <> (month + 8) % 12 + 1
	OR fiscal_quarter <> (fiscal_month + 2) / 3 OR fiscal_year_start <> make_date(fiscal_year - 1, 4, 1) OR fiscal_week <> (date - fiscal_year_start) / 7 + 1), 0::bigint, 'fiscal years from April, named by their end');
SELECT is((SELECT (date_key, date, fiscal_year)::text FROM gold.dim_date WHERE date IS NULL), '(0,,)', 'the unknown date has key 0');
SELECT is(medallion.refresh_model('dim_date'), 0::bigint, 'again: nothing new');
SELECT throws_ok($$SELECT medallion.create_date_dimension('2020-01-01', '2020-12-31', '{"holiday": []}')$$, '22023', 'unrecognized date dimension option "holiday"', 'a wrong option');
SELECT throws_ok($$SELECT medallion.create_date_dimension('2020-01-01', '2020-12-31', '{"fiscal": {"pattern": "4-4-4"}}')$$, '22023', 'invalid fiscal calendar {"pattern": "4-4-4"}', 'no calendar');
SELECT throws_ok($$SELECT medallion.create_date_dimension('2020-01-01', '2019-12-31')$$, '22023', 'the first day 2020-01-01 is after the last, 2019-12-31', 'a calendar that ends before it begins');

-- weeks of retailers, in plain arithmetic: years begin on the Sunday nearest to the first of February
\o /dev/null
SELECT medallion.create_date_dimension('2009-06-01', '2036-12-31', '{"name": "retail_date", "week_start": "monday", "fiscal": {"pattern": "4-5-4", "start_month": 2}}');
SELECT medallion.refresh_model('retail_date');
\o
SELECT is((SELECT array_agg(DISTINCT fiscal_year_start ORDER BY fiscal_year_start) FROM gold.retail_date WHERE fiscal_year BETWEEN 2010 AND 2019),
	'{2010-01-31,2011-01-30,2012-01-29,2013-02-03,2014-02-02,2015-02-01,2016-01-31,2017-01-29,2018-02-04,2019-02-03}'::date[], 'starts of retail years, as published by the National Retail Federation');
SELECT is((SELECT array_agg(DISTINCT fiscal_year ORDER BY fiscal_year) FROM gold.retail_date WHERE fiscal_week = 53), '{2012,2017,2023,2028,2034}'::int[], 'years of 53 weeks');
SELECT is((SELECT array_agg(weeks ORDER BY fiscal_month) FROM (SELECT fiscal_month, count(*) / 7 AS weeks FROM gold.retail_date WHERE fiscal_year = 2012 GROUP BY 1) AS m), '{4,5,4,4,5,4,4,5,4,4,5,5}'::bigint[], 'weeks of the months of such a year');
SELECT is((SELECT count(*) FROM gold.retail_date WHERE calendar_week <> (date - (date_trunc('year', date::timestamp)::date - (extract(isodow FROM date_trunc('year', date::timestamp))::int - 1))) / 7 + 1), 0::bigint, 'calendar weeks that begin on Mondays');

-- 4-4-5, and holidays from a table
CREATE TABLE public.bank_holidays (date date, name text);
INSERT INTO public.bank_holidays VALUES ('2012-06-04', 'Spring'), ('2012-06-05', 'Jubilee'), ('1999-01-01', 'Long ago');
\o /dev/null
SELECT medallion.create_date_dimension('2011-12-01', '2014-12-31', '{"name": "quarter_date", "holidays": "public.bank_holidays", "fiscal": {"pattern": "4-4-5", "start_month": 1}}');
SELECT medallion.refresh_model('quarter_date');
\o
SELECT is((SELECT array_agg(days / 7 ORDER BY fiscal_month) FROM (SELECT fiscal_month, count(*) AS days FROM gold.quarter_date WHERE fiscal_year = 2013 GROUP BY 1) AS m), '{4,4,5,4,4,5,4,4,5,4,4,5}'::bigint[], 'weeks of the months of a 4-4-5 year');
SELECT is((SELECT string_agg(date || ' ' || holiday_name || ' ' || is_working_day, ', ' ORDER BY date) FROM gold.quarter_date WHERE is_holiday), '2012-06-04 Spring false, 2012-06-05 Jubilee false', 'holidays of a table');
\o /dev/null
SELECT medallion.drop_model('quarter_date');
\o

-- a table of the user's
CREATE TABLE public.calendar AS SELECT d::date AS calendar_date, 1900 AS fy, 7 AS fw FROM generate_series('2020-01-01'::timestamp, '2020-01-03', '1 day') AS d;
\o /dev/null
SELECT medallion.create_date_dimension('2020-01-01', '2020-01-05', '{"name": "own_date", "fiscal": {"table": "public.calendar", "columns": {"date": "calendar_date", "year": "fy", "week": "fw"}}}');
SELECT medallion.refresh_model('own_date');
\o
SELECT is((SELECT array_agg((fiscal_year, fiscal_week, fiscal_month)::text ORDER BY date_key) FROM gold.own_date WHERE date_key > 0), '{"(1900,7,)","(1900,7,)","(1900,7,)","(,,)","(,,)"}', 'a fiscal calendar from a table');

-- two versions of a customer, of which the second comes later
\o /dev/null
SELECT medallion.create_feature('customers', '{customers*.csv}', '{customer_id}');
SELECT medallion.create_feature('sales', '{sales*.csv}', '{sale_id}', '{"columns": {"sold_at": {"type": "timestamp"}, "amount": {"type": "numeric(10,2)"}, "customer_id": {"type": "text"}}}');
SELECT pg_temp.put('customers.csv', E'customer_id,name,city\nC1,Ann,Oslo\nC2,Bob,Rome\n');
SELECT pg_temp.run('customers');
SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS between_ \gset
SELECT pg_sleep(0.01);
SELECT pg_temp.put('customers.csv', E'customer_id,name,city\nC1,Ann,Bergen\nC2,Bob,Rome\n');
SELECT pg_temp.run('customers');
SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS after_ \gset
SELECT pg_temp.put('sales.csv', format(E'sale_id,sold_at,customer_id,amount\n1,2021-02-16 23:30:00,C1,10.00\n2,%1$s,C1,20.00\n3,%2$s,C1,30.00\n4,%2$s,C9,40.00\n5,,C2,50.00\n', :'between_', :'after_'));
SELECT pg_temp.run('sales');
SELECT medallion.create_dimension('dim_customer', 'customers', '{"derive": {"label": "s.name || '' of '' || s.city"}}');
SELECT medallion.create_fact('fact_sales', 'sales', '{"dates": {"sold_on": "sold_at"}, "measures": {"amount": "f.amount"},
	"dimensions": [{"model": "dim_customer", "on": "customer_id", "at": "sold_at"}, {"model": "dim_customer", "on": "customer_id", "at": "sold_at", "key": "strict_key", "before_first": "unknown"},
		{"model": "dim_customer", "on": "customer_id", "key": "now_key"}]}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'the star is filled');
SELECT is((SELECT array_agg((customer_id, city, version, is_current)::text ORDER BY customer_id, version) FROM gold.dim_customer), '{"(C1,Oslo,1,f)","(C1,Bergen,2,t)","(C2,Rome,1,t)","(,Unknown,0,t)"}', 'a row a version, and the unknown member');
SELECT is((SELECT array_agg((customer_id, city, label)::text ORDER BY customer_id) FROM gold.dim_customer_current), '{"(C1,Bergen,\"Ann of Bergen\")","(C2,Rome,\"Bob of Rome\")","(,Unknown,)"}', 'the current view');
SELECT is((SELECT array_agg((f.sale_id, a.city, b.city, c.city)::text ORDER BY sale_id) FROM gold.fact_sales f
			 JOIN gold.dim_customer a ON a.customer_key = f.customer_key JOIN gold.dim_customer b ON b.customer_key = f.strict_key JOIN gold.dim_customer c ON c.customer_key = f.now_key),
	'{"(1,Oslo,Unknown,Bergen)","(2,Oslo,Oslo,Bergen)","(3,Bergen,Bergen,Bergen)","(4,Unknown,Unknown,Unknown)","(5,Unknown,Unknown,Rome)"}',
	'the version at the time of the event; the earliest one before that, or none; the current one');
SELECT is((SELECT array_agg(sold_on ORDER BY sale_id) FROM gold.fact_sales WHERE sale_id IN (1, 5)), '{20210216,0}'::int[], 'keys of dates; an unknown one is 0');
SELECT is((SELECT sum(amount) FROM gold.fact_sales), 150.00, 'no row is lost or doubled');

-- a customer who comes late, and a rebuild
CREATE TEMP TABLE keys AS SELECT customer_key, customer_id, version FROM gold.dim_customer;
\o /dev/null
SELECT pg_temp.put('customers_late.csv', E'customer_id,name,city\nC9,Zoe,Lima\n');
SELECT pg_temp.run();
\o
SELECT is((SELECT d.city FROM gold.fact_sales f JOIN gold.dim_customer d USING (customer_key) WHERE sale_id = 4), 'Lima', 'the fact finds the late member at the next run');
SELECT is((SELECT count(*) FROM gold.dim_customer), 5::bigint, 'one row more');
\o /dev/null
SELECT medallion.rebuild('customers');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'rebuilt');
SELECT is((SELECT count(*) FROM gold.dim_customer JOIN keys USING (customer_key, version) WHERE dim_customer.customer_id IS NOT DISTINCT FROM keys.customer_id), 4::bigint, 'surrogate keys survive a rebuild');
SELECT is((SELECT count(*) FROM run WHERE layer = 'gold' AND rows_out > 0), 0::bigint, 'and gold is what it was');

-- an update of what is referred to does not break the keys
\o /dev/null
SELECT pg_temp.put('customers.csv', E'customer_id,name,city\nC1,Anna,Bergen\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'a customer changes, another is closed');
SELECT is((SELECT count(*) FROM gold.fact_sales f WHERE NOT EXISTS (SELECT FROM gold.dim_customer d WHERE d.customer_key = f.customer_key)), 0::bigint, 'no orphans');
SELECT is((SELECT now_key FROM gold.fact_sales WHERE sale_id = 5), 0::bigint, 'a closed customer has no current version');

-- what a tool of business intelligence finds: the joins, by the standard's views and by the server's
SELECT is((SELECT array_agg(format('%s.%s = %s.%s', k.table_name, k.column_name, u.table_name, u.column_name) ORDER BY k.column_name)
			 FROM information_schema.referential_constraints r
			 JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
			 JOIN information_schema.constraint_column_usage u USING (constraint_schema, constraint_name)
			WHERE k.table_schema = 'gold'),
	'{"fact_sales.customer_key = dim_customer.customer_key","fact_sales.now_key = dim_customer.customer_key","fact_sales.sold_on = dim_date.date_key","fact_sales.strict_key = dim_customer.customer_key"}', 'the joins, from information_schema');
SELECT is((SELECT array_agg(conrelid::regclass || ': ' || pg_get_constraintdef(oid) ORDER BY conrelid::regclass::text COLLATE "C") FROM pg_constraint WHERE contype = 'p' AND connamespace = 'gold'::regnamespace),
	'{"gold.dim_customer: PRIMARY KEY (customer_key)","gold.dim_date: PRIMARY KEY (date_key)","gold.fact_sales: PRIMARY KEY (sale_id)","gold.own_date: PRIMARY KEY (date_key)","gold.retail_date: PRIMARY KEY (date_key)"}', 'primary keys');
SELECT is((SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'gold.fact_sales'::regclass AND attnum > 0 AND attnotnull AND attname !~ '^_'), '{sale_id,sold_on,customer_key,strict_key,now_key}'::name[], 'keys are NOT NULL');
SELECT is((SELECT count(*) FROM pg_attribute WHERE attrelid IN ('gold.fact_sales'::regclass) AND attname ~ '_key$|_on$' AND col_description(attrelid, attnum) IS NULL), 0::bigint, 'keys have comments');
SELECT is(obj_description('gold.dim_customer'::regclass), 'Dimension of feature customers, and its unknown member, whose key is 0.', 'tables have comments');
SELECT is((SELECT (count(*), sum(violations))::text FROM medallion.foreign_key_violations('gold.fact_sales')), '(4,0)', 'no row refers to nothing');
INSERT INTO gold.fact_sales (sale_id, sold_on, customer_key, strict_key, now_key, _run_id, _loaded_at, _row_hash) VALUES (9, 0, 99, 0, 0, 1, now(), gen_random_uuid());
SELECT is((SELECT sum(violations) FROM medallion.foreign_key_violations('gold.fact_sales')), 1::numeric, 'one that does is seen');
DELETE FROM gold.fact_sales WHERE sale_id = 9;

-- errors, and definitions that stay
SELECT is(medallion.create_dimension('dim_customer', 'customers', '{"derive": {"label": "s.name || '' of '' || s.city"}}'), 'dim_customer', 'again: the same');
SELECT throws_ok($$SELECT medallion.create_dimension('dim_x', 'nothing')$$, '42P01', 'silver has no table "nothing" yet', 'no such feature');
SELECT throws_ok($$SELECT medallion.create_dimension('dim_x', 'customers', '{"columns": ["nmae"]}')$$, '42703', 'feature "customers" has no column "nmae" in silver', 'no such column');
SELECT throws_ok($$SELECT medallion.create_dimension('dim_x', 'customers', '{"colums": ["name"]}')$$, '22023', 'unrecognized dimension option "colums"', 'no such option');
SELECT throws_ok($$SELECT medallion.create_fact('fact_x', 'sales', '{"dimensions": [{"model": "dim_customer", "on": "customer_id", "at": "when"}]}')$$, '42703', 'the source of the fact has no column "when"', 'no such event time');

-- history by a column of the source, under names of the user's
\o /dev/null
SELECT medallion.create_feature('prices', '{prices*.csv}', '{item}', '{"sequence_by": "since", "columns": {"since": {"type": "date"}, "price": {"type": "numeric(8,2)"}},
	"history_columns": {"valid_from": "begins", "valid_to": "ends", "is_current": "now", "version": "nr"}}');
SELECT medallion.create_feature('orders', '{orders*.csv}', '{order_id}', '{"columns": {"day": {"type": "date"}}}');
SELECT pg_temp.put('prices1.csv', E'item,since,price\nA,2020-01-01,1.00\nA,2020-03-01,3.00\n');
SELECT pg_temp.put('orders.csv', E'order_id,item,day\n1,A,2019-06-01\n2,A,2020-01-01\n3,A,2020-02-15\n4,A,2020-02-29\n5,A,2020-03-01\n6,B,2020-03-01\n');
SELECT pg_temp.run('prices', 'orders');
SELECT medallion.create_dimension('dim_price', 'prices');
SELECT medallion.create_fact('fact_orders', 'orders', '{"dimensions": [{"model": "dim_price", "on": "item", "at": "day"}]}');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'a dimension whose time is the source''s');
SELECT is((SELECT array_agg(d.price ORDER BY f.order_id) FROM gold.fact_orders f JOIN gold.dim_price d USING (price_key)), '{1.00,1.00,1.00,1.00,3.00,NULL}'::numeric[], 'valid_from is inclusive, valid_to exclusive, the earliest version before the first');
CREATE TEMP TABLE price_keys AS SELECT price_key, valid_from FROM gold.dim_price;
\o /dev/null
SELECT pg_temp.put('prices2.csv', E'item,since,price\nA,2020-02-01,2.00\nB,2020-01-01,9.00\n');
SELECT pg_temp.run();
\o
SELECT is(pg_temp.errors(), 'none', 'a version that comes late');
SELECT is((SELECT array_agg(d.price ORDER BY f.order_id) FROM gold.fact_orders f JOIN gold.dim_price d USING (price_key)), '{1.00,1.00,2.00,2.00,3.00,9.00}'::numeric[], 'facts are repaired');
SELECT is((SELECT count(*) FROM price_keys JOIN gold.dim_price USING (price_key, valid_from)), 2::bigint, 'the other versions keep their keys');

-- a version that never was, in a run that commits each step
\o /dev/null
SELECT pg_temp.put('prices1.csv', E'item,since,price\nA,2020-01-02,1.00\nA,2020-03-01,3.00\n');
CALL medallion.run_pipeline_proc('{prices,orders}');
\o
SELECT is((SELECT array_agg((d.price, d.valid_from)::text ORDER BY f.order_id) FROM gold.fact_orders f JOIN gold.dim_price d USING (price_key)),
	'{"(1.00,2020-01-02)","(1.00,2020-01-02)","(2.00,2020-02-01)","(2.00,2020-02-01)","(3.00,2020-03-01)","(9.00,2020-01-01)"}', 'a key that goes takes nothing with it');
SELECT is((SELECT sum(violations) FROM medallion.foreign_key_violations('gold.fact_orders')), 0::numeric, 'and leaves nothing behind');

-- many versions and many events, in files of any order, against the plainest way to say it
\o /dev/null
CREATE TEMP TABLE version_of AS SELECT DISTINCT ON (item, since) item, since, (n * 7919 % 5)::text AS price FROM (
	SELECT n, 'I' || n * 31 % 40 AS item, '2020-01-01'::date + n * 6151 % 900 AS since FROM generate_series(1, 600) AS n) AS v ORDER BY item, since, n;
CREATE TEMP TABLE event_of AS SELECT n, 'I' || n * 17 % 43 AS item, '2019-10-01'::date + n * 2741 % 1100 AS day FROM generate_series(1, 3000) AS n;
SELECT medallion.create_feature('rates', '{rates*.csv}', '{item}', '{"sequence_by": "since", "columns": {"since": {"type": "date"}, "price": {"type": "integer"}}}');
SELECT medallion.create_feature('events', '{events*.csv}', '{n}', '{"columns": {"day": {"type": "date"}}}');
SELECT pg_temp.put('events.csv', E'n,item,day\n' || string_agg(concat_ws(',', n, item, day), E'\n') || E'\n') FROM event_of;
SELECT pg_temp.put('rates1.csv', E'item,since,price\n' || string_agg(concat_ws(',', item, since, price), E'\n') || E'\n') FROM version_of WHERE hashtext(item || since) % 3 = 0;
SELECT pg_temp.run('rates', 'events');
SELECT medallion.create_dimension('dim_rate', 'rates');
SELECT medallion.create_fact('fact_events', 'events', '{"dimensions": [{"model": "dim_rate", "on": "item", "at": "day"}]}');
SELECT pg_temp.run();
SELECT pg_temp.put('rates2.csv', E'item,since,price\n' || string_agg(concat_ws(',', item, since, price), E'\n') || E'\n') FROM version_of WHERE hashtext(item || since) % 3 <> 0;
SELECT pg_temp.run();
\o
SELECT is((SELECT (count(*), count(*) FILTER (WHERE d.price IS DISTINCT FROM coalesce(
		(SELECT v.price::int FROM version_of v WHERE v.item = e.item AND v.since <= e.day ORDER BY v.since DESC LIMIT 1),
		(SELECT v.price::int FROM version_of v WHERE v.item = e.item ORDER BY v.since LIMIT 1))))::text
	FROM event_of e JOIN gold.fact_events f ON f.n = e.n JOIN gold.dim_rate d USING (rate_key)), '(3000,0)', '3,000 events find their versions');
SELECT cmp_ok((SELECT count(*) FROM gold.fact_events WHERE rate_key = 0), '=', (SELECT count(*) FROM event_of WHERE item NOT IN (SELECT item FROM version_of)), 'and the others none');

-- the seed's own fiscal calendar
SELECT :'shared' || '/data/psycho_bunny/de_dates.csv' AS dates \gset
SELECT CASE WHEN :'shared' = '' THEN false ELSE (pg_stat_file(:'dates', true)).size IS NOT NULL END AS there \gset
\if :there
SELECT is((SELECT (count(*), count(*) FILTER (WHERE (d.fiscal_year, d.fiscal_quarter, d.fiscal_month, d.fiscal_week) IS DISTINCT FROM (s.fiscal_year, s.fiscal_quarter, s.fiscal_month_number, s.fiscal_week_of_year)))::text
			 FROM medallion.read_file(:'dates', '{}') AS s (calendar_date date, fiscal_year int, fiscal_quarter int, fiscal_month_number int, fiscal_week_of_year int) LEFT JOIN gold.retail_date d ON d.date = s.calendar_date),
	'(6944,0)', '6,944 days of a published 4-5-4 calendar, day for day');
\else
SELECT skip('the retail orders are not there', 1);
\endif
SELECT * FROM finish();
