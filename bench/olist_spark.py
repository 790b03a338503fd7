#!/usr/bin/env python3
"""The olist example's steps in PySpark, local[2]: olist_spark.py FOLDER LAKE. Prints the totals of its gold tables.

Bronze keeps the texts of the files with a hash, file and time; silver types them, keeps one row per key, checks, and
sets apart orders that cannot be; gold is the star and the features of examples/olist/models.sql; products and sellers
without versions, a smaller calendar.  Each layer is written as Parquet and read from it.  LAKE/seconds says how long
Spark took to start, how long the totals took, which are no part of the work, and what the work cost of the processor.
"""

import os
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from olist_calendar import holidays

FOLDER, LAKE = sys.argv[1], sys.argv[2]
began = time.time()
# two partitions, not the usual 200: the best for two threads and these sizes
spark = (SparkSession.builder.master("local[2]").appName("olist").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").config("spark.sql.shuffle.partitions", "2")
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").config("spark.sql.session.timeZone", "UTC").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
started = time.time() - began

NAMES = ["customers", "geolocation", "orders", "order_items", "order_payments", "order_reviews", "products", "sellers", "product_category_name_translation"]
TYPES = {
    "price": "decimal(10,2)", "freight_value": "decimal(10,2)", "payment_value": "decimal(10,2)", "geolocation_lat": "decimal(20,15)", "geolocation_lng": "decimal(20,15)",
    "order_item_id": "int", "payment_sequential": "int", "payment_installments": "int", "review_score": "int",
    "product_name_lenght": "int", "product_description_lenght": "int", "product_photos_qty": "int", "product_weight_g": "int",
    "product_length_cm": "int", "product_height_cm": "int", "product_width_cm": "int"}
for name in ["order_purchase_timestamp", "order_approved_at", "order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date",
             "shipping_limit_date", "review_creation_date", "review_answer_timestamp"]:
    TYPES[name] = "timestamp"
KEYS = {"customers": ["customer_id"], "orders": ["order_id"], "order_items": ["order_id", "order_item_id"], "order_payments": ["order_id", "payment_sequential"],
        "order_reviews": ["review_id", "order_id"], "products": ["product_id"], "sellers": ["seller_id"],
        "product_category_name_translation": ["product_category_name"]}
DERIVED = {
    "customers": {"customer_state": "upper(customer_state)"},
    "products": {"category": "coalesce(product_category_name, 'unknown')", "photos": "coalesce(product_photos_qty, 0)",
                 "name_length": "coalesce(product_name_lenght, 0)", "description_length": "coalesce(product_description_lenght, 0)"},
    "sellers": {"seller_state": "upper(seller_state)", "seller_city": r"trim(regexp_replace(lower(seller_city), '( ?[/\\\\,-] .*|[/\\\\,].*)$', ''))"}}
CHECKS = {
    "customers": ["customer_unique_id IS NOT NULL", "customer_state RLIKE '^[A-Z]{2}$'"],
    "geolocation": ["geolocation_lat BETWEEN -90 AND 90", "geolocation_lng IS NOT NULL"],
    "orders": ["customer_id IS NOT NULL", "order_purchase_timestamp IS NOT NULL",
               "order_status IN ('created', 'approved', 'invoiced', 'processing', 'shipped', 'delivered', 'unavailable', 'canceled')"],
    "order_items": ["product_id IS NOT NULL", "seller_id IS NOT NULL", "price >= 0.01"],
    "order_payments": ["payment_value >= 0"], "order_reviews": ["review_score BETWEEN 1 AND 5"]}


def keep(layer, name, frame):
    """Writes a table of a layer, and reads it from there from now on."""
    path = f"{LAKE}/{layer}/{name}"
    frame.write.mode("overwrite").parquet(path)
    kept = spark.read.parquet(path)
    kept.createOrReplaceTempView(name if layer != "bronze" else f"bronze_{name}")
    return kept


def gold(name, query):
    return keep("gold", name, spark.sql(query))


def bronze(name):
    path = f"{FOLDER}/{name if name.startswith('product_cat') else f'olist_{name}_dataset'}.csv"
    frame = spark.read.csv(path, header=True, inferSchema=False, multiLine=True, escape='"')
    return keep("bronze", name, frame.withColumn("_row_hash", F.xxhash64(*frame.columns)).withColumn("_source_file", F.lit(path)).withColumn("_loaded_at", F.current_timestamp()))


def silver(name, frame):
    columns = [c for c in frame.columns if not c.startswith("_")]
    typed = frame.select([F.nullif(F.trim(F.col(c)), F.lit("")).cast(TYPES.get(c, "string")).alias(c) for c in columns] +
                         ["_row_hash", "_source_file", "_loaded_at"])
    for column, expression in DERIVED.get(name, {}).items():
        typed = typed.withColumn(column, F.expr(expression))
    kept = keep("silver", name, (typed.dropDuplicates(KEYS[name]) if name in KEYS else typed).withColumn("is_current", F.lit(True)))
    if name in CHECKS:
        failed = kept.select([F.count_if(~F.coalesce(F.expr(c), F.lit(True))).alias(str(n)) for n, c in enumerate(CHECKS[name])]).first()
        if any(failed):
            print(f"{name}: checks failed for {failed} rows", file=sys.stderr)


for name in NAMES:
    silver(name, bronze(name))
REFUSED = """order_status = 'delivered' AND order_delivered_customer_date IS NULL
    OR order_status = 'shipped' AND order_delivered_carrier_date IS NULL"""
keep("silver", "orders_refused", spark.sql(f"SELECT * FROM orders WHERE {REFUSED}"))
keep("silver", "orders_accepted", spark.sql("SELECT o.* FROM orders o LEFT ANTI JOIN orders_refused r ON r.order_id = o.order_id"))

spark.createDataFrame(list(holidays.items()), "date date, holiday string").createOrReplaceTempView("holidays")

gold("dim_date", """
    SELECT int(date_format(d.date, 'yyyyMMdd')) AS date_key, d.date, year(d.date) AS year, quarter(d.date) AS quarter, month(d.date) AS month, day(d.date) AS day,
        weekofyear(d.date) AS iso_week, extract(YEAROFWEEK FROM d.date) AS iso_year, weekday(d.date) + 1 AS iso_weekday, h.holiday
    FROM (SELECT explode(sequence(date'2016-01-01', date'2020-12-31')) AS date) d LEFT JOIN holidays h ON h.date = d.date""")
gold("dim_location", """
    SELECT geolocation_zip_code_prefix AS zip_code_prefix, round(avg(geolocation_lat), 8) AS latitude, round(avg(geolocation_lng), 8) AS longitude,
        min(lower(geolocation_city)) AS city, min(geolocation_state) AS state, count(*) AS readings
    FROM geolocation WHERE geolocation_zip_code_prefix IS NOT NULL GROUP BY geolocation_zip_code_prefix""")
gold("dim_customer", """
    WITH told AS (
        SELECT c.customer_unique_id, o.order_purchase_timestamp AS at, c.customer_zip_code_prefix, c.customer_city, c.customer_state,
            row_number() OVER (PARTITION BY c.customer_unique_id, o.order_purchase_timestamp ORDER BY o.order_id) AS twin
        FROM customers c JOIN orders o ON o.customer_id = c.customer_id
    ), change AS (
        SELECT *, lag(at) OVER w IS NULL OR NOT (customer_zip_code_prefix <=> lag(customer_zip_code_prefix) OVER w
            AND customer_city <=> lag(customer_city) OVER w AND customer_state <=> lag(customer_state) OVER w) AS is_new
        FROM told WHERE twin = 1 WINDOW w AS (PARTITION BY customer_unique_id ORDER BY at)
    )
    SELECT xxhash64(customer_unique_id, at) AS customer_key, customer_unique_id, customer_zip_code_prefix, customer_city, customer_state,
        at AS valid_from, lead(at) OVER w AS valid_to, lead(at) OVER w IS NULL AS is_current, row_number() OVER w AS version
    FROM change WHERE is_new WINDOW w AS (PARTITION BY customer_unique_id ORDER BY at)
    UNION ALL SELECT 0, NULL, NULL, 'Unknown', 'Unknown', NULL, NULL, true, 0""")
gold("dim_product", """
    SELECT xxhash64(p.product_id) AS product_key, p.product_id, p.category, p.photos, p.name_length, p.description_length, p.product_weight_g, p.product_length_cm,
        p.product_height_cm, p.product_width_cm, coalesce(t.product_category_name_english, 'unknown') AS category_english, p.is_current
    FROM products p LEFT JOIN product_category_name_translation t ON t.product_category_name = p.product_category_name
    UNION ALL SELECT 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'Unknown', true""")
gold("dim_seller", """
    SELECT xxhash64(seller_id) AS seller_key, seller_id, seller_zip_code_prefix, seller_city, seller_state, is_current FROM sellers
    UNION ALL SELECT 0, NULL, NULL, 'Unknown', 'Unknown', true""")

# The version in force at the order's time, else the earliest one.
DIMENSION = """
    LEFT JOIN dim_customer v ON v.customer_unique_id = c.customer_unique_id AND o.order_purchase_timestamp >= v.valid_from
        AND (v.valid_to IS NULL OR o.order_purchase_timestamp < v.valid_to)
    LEFT JOIN dim_customer e ON e.customer_unique_id = c.customer_unique_id AND e.version = 1"""
CUSTOMER_KEY = "coalesce(v.customer_key, e.customer_key, 0) AS customer_key"
PURCHASED = "int(date_format(o.order_purchase_timestamp, 'yyyyMMdd')) AS purchase_date_key"
DELAY = "datediff(o.order_delivered_customer_date, o.order_estimated_delivery_date) AS delivery_delay_days"
gold("fact_orders", f"""
    SELECT o.order_id, o.order_status, o.order_purchase_timestamp, {PURCHASED}, {CUSTOMER_KEY}, coalesce(t.items, 0) AS items, coalesce(t.price, 0) AS price,
        coalesce(t.freight, 0) AS freight, {DELAY}
    FROM orders_accepted o LEFT JOIN customers c ON c.customer_id = o.customer_id
    LEFT JOIN (SELECT order_id, count(*) AS items, sum(price) AS price, sum(freight_value) AS freight FROM order_items GROUP BY order_id) t ON t.order_id = o.order_id {DIMENSION}""")
gold("fact_sales", f"""
    SELECT i.order_id, i.order_item_id, o.order_status, {PURCHASED}, {CUSTOMER_KEY}, coalesce(p.product_key, 0) AS product_key, coalesce(s.seller_key, 0) AS seller_key,
        i.price, i.freight_value AS freight, {DELAY}
    FROM order_items i JOIN orders_accepted o ON o.order_id = i.order_id LEFT JOIN customers c ON c.customer_id = o.customer_id {DIMENSION}
    LEFT JOIN dim_product p ON p.product_id = i.product_id LEFT JOIN dim_seller s ON s.seller_id = i.seller_id""")
gold("fact_payments", f"""
    SELECT p.order_id, p.payment_sequential, p.payment_type, {PURCHASED}, p.payment_installments AS installments, p.payment_value
    FROM order_payments p JOIN orders_accepted o ON o.order_id = p.order_id""")
gold("fact_reviews", """
    SELECT review_id, order_id, int(date_format(review_creation_date, 'yyyyMMdd')) AS creation_date_key, review_score AS score,
        round((unix_timestamp(review_answer_timestamp) - unix_timestamp(review_creation_date)) / 3600, 2) AS response_hours
    FROM (SELECT *, row_number() OVER (PARTITION BY review_id ORDER BY review_answer_timestamp DESC NULLS LAST, order_id DESC) AS place FROM order_reviews) WHERE place = 1""")
gold("feature_customer_rfm", """
    WITH customer AS (
        SELECT c.customer_unique_id, max(d.date) AS last_order, count(DISTINCT f.order_id) AS frequency, sum(f.price + f.freight) AS monetary
        FROM fact_sales f JOIN dim_customer c ON c.customer_key = f.customer_key JOIN dim_date d ON d.date_key = f.purchase_date_key
        WHERE c.customer_key <> 0 GROUP BY c.customer_unique_id
    ), measured AS (
        SELECT *, datediff(max(last_order) OVER (), last_order) AS recency, count(*) OVER () AS customers FROM customer
    ), scored AS (
        SELECT *, 1 + (5 * (rank() OVER (ORDER BY recency DESC) - 1)) div customers AS recency_score,
            1 + (5 * (rank() OVER (ORDER BY frequency) - 1)) div customers AS frequency_score,
            1 + (5 * (rank() OVER (ORDER BY monetary) - 1)) div customers AS monetary_score
        FROM measured
    )
    SELECT customer_unique_id, last_order, recency, frequency, monetary, recency_score, frequency_score, monetary_score,
        CASE WHEN recency_score >= 4 AND frequency_score >= 4 THEN 'Champions' WHEN frequency_score >= 4 THEN 'Loyal' WHEN recency_score >= 4 AND monetary_score >= 4 THEN 'Promising'
            WHEN recency_score >= 4 THEN 'New' WHEN recency_score <= 2 AND monetary_score >= 4 THEN 'At Risk' WHEN recency_score <= 2 THEN 'Hibernating' ELSE 'Regular' END AS segment
    FROM scored""")
SCORES = "LEFT JOIN (SELECT order_id, avg(score) AS score FROM fact_reviews GROUP BY order_id) r ON r.order_id = f.order_id"
gold("feature_product_performance", f"""
    SELECT p.product_id, p.category_english, count(DISTINCT f.order_id) AS total_orders, count(*) AS items_sold, sum(f.price) AS revenue, round(avg(f.price), 2) AS average_price,
        round(avg(r.score), 2) AS average_score
    FROM fact_sales f JOIN dim_product p ON p.product_key = f.product_key {SCORES} GROUP BY p.product_id, p.category_english""")
gold("feature_seller_reliability", f"""
    SELECT s.seller_id, count(DISTINCT f.order_id) AS total_orders, sum(f.price) AS revenue, round(avg(f.delivery_delay_days), 2) AS average_delay_days,
        round(avg(int(f.delivery_delay_days > 0)), 4) AS late_share, round(avg(r.score), 2) AS average_score
    FROM fact_sales f JOIN dim_seller s ON s.seller_key = f.seller_key {SCORES} GROUP BY s.seller_id""")

worked = time.time()


def processor(pid):
    """Seconds of the processor that a process took, as Linux tells."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


cost = processor("self") + processor(spark.sparkContext._gateway.proc.pid)
TOTALS = {
    "customers": "count(*) FROM customers", "unique customers": "count(DISTINCT customer_unique_id) FROM dim_customer", "versions of customers": "count(*) FROM dim_customer WHERE customer_key <> 0",
    "orders": "count(*) FROM orders", "refused orders": "count(*) FROM orders_refused", "delivered orders": "count(*) FROM fact_orders WHERE order_status = 'delivered'",
    "items": "count(*) FROM order_items", "items of accepted orders": "count(*) FROM fact_sales", "price": "sum(price) FROM fact_sales", "freight": "sum(freight) FROM fact_sales",
    "price by order": "sum(price) FROM fact_orders", "payments": "sum(payment_value) FROM fact_payments", "days of delay": "sum(delivery_delay_days) FROM fact_orders",
    "late orders": "count(*) FROM fact_orders WHERE delivery_delay_days > 0", "reviews": "count(*) FROM fact_reviews", "sum of scores": "sum(score) FROM fact_reviews",
    "products": "count(*) FROM products", "products without category": "count(*) FROM products WHERE category = 'unknown'", "sellers": "count(*) FROM sellers",
    "readings of places": "sum(readings) FROM dim_location", "places": "count(*) FROM dim_location", "sum of latitudes": "sum(latitude) FROM dim_location",
    "revenue of products": "sum(revenue) FROM feature_product_performance", "orders of sellers": "sum(total_orders) FROM feature_seller_reliability",
    "money of rfm": "sum(monetary) FROM feature_customer_rfm"}
for name, query in TOTALS.items():
    print(f"{name}\t{spark.sql(f'SELECT {query}').first()[0]}")
for segment, n in spark.sql("SELECT segment, count(*) FROM feature_customer_rfm GROUP BY 1").collect():
    print(f"segment {segment}\t{n}")
for r, f, m, n in spark.sql("SELECT recency_score, frequency_score, monetary_score, count(*) FROM feature_customer_rfm GROUP BY 1, 2, 3").collect():
    print(f"score {r}{f}{m}\t{n}")
with open(os.path.join(LAKE, "seconds"), "w", encoding="ascii") as file:
    print(f"{started:.3f} {time.time() - worked:.3f} {cost:.3f}", file=file)
spark.stop()
