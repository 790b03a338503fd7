/* features and a model by the names that docs/operations.md has for them, a table and functions of one's own */
\setenv folder :folder
\! mkdir -p $folder/srv && cd $folder/srv && printf 'no,day,amount\n1,2025-01-01,10\n2,2025-01-02,5\n' | tee invoices.csv credits.csv orders.csv >/dev/null
SELECT medallion.create_feature(name, ARRAY[name || '.csv'], '{no}') FROM unnest('{invoices,credits,orders}'::text[]) name;
SELECT * FROM medallion.run_pipeline();
SELECT medallion.create_model('sales_by_day', 'SELECT day, sum(amount) AS amount FROM silver.orders_current GROUP BY day');
SELECT * FROM medallion.run_pipeline();
CREATE SCHEMA staging;
CREATE PROCEDURE staging.load_holidays() LANGUAGE sql AS 'SELECT 1';
CREATE SCHEMA reports;
CREATE FUNCTION reports.export_all() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE EXTENSION pg_cron;
\! mkdir -p $folder/srv/config
SELECT medallion.export_config() AS config \gset
\setenv config :config
\! python3 -c 'import json, os; c = json.loads(os.environ["config"]); next(f for f in c["features"] if f["name"] == "orders")["options"]["history"] = "scd1"; c["features"] = [f for f in c["features"] if f["name"] == "orders"]; c["steps"] = [{"name": "publish", "sql": "SELECT 1", "after": "gold"}]; json.dump(c, open(os.environ["folder"] + "/srv/config/medallion.json", "w"))'
