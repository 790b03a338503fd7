#!/usr/bin/env python3
"""The olist example's steps in Polars: olist_polars.py FOLDER LAKE. Prints the totals of its gold tables.

Bronze keeps the texts of the files with a hash, file and time; silver types them, keeps one row per key, checks, and
sets apart orders that cannot be; gold is the star and the features of examples/olist/models.sql; products and sellers without versions, a smaller calendar.
Money is Decimal, in units of the files' digits. Each layer is written as Parquet.  LAKE/seconds has, third, the seconds of the processor.
"""

import datetime
import os
import sys

import polars as pl

from olist_calendar import holidays

FOLDER, LAKE = sys.argv[1], sys.argv[2]
NAMES = ["customers", "geolocation", "orders", "order_items", "order_payments", "order_reviews", "products", "sellers"]
MONEY = pl.Decimal(10, 2)
TYPES = {
    "price": MONEY, "freight_value": MONEY, "payment_value": MONEY, "geolocation_lat": pl.Decimal(20, 15), "geolocation_lng": pl.Decimal(20, 15),
    "order_item_id": pl.Int32, "payment_sequential": pl.Int32, "payment_installments": pl.Int32, "review_score": pl.Int32,
    "product_name_lenght": pl.Int32, "product_description_lenght": pl.Int32, "product_photos_qty": pl.Int32, "product_weight_g": pl.Int32,
    "product_length_cm": pl.Int32, "product_height_cm": pl.Int32, "product_width_cm": pl.Int32}
TIMES = ["order_purchase_timestamp", "order_approved_at", "order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date",
         "shipping_limit_date", "review_creation_date", "review_answer_timestamp"]
KEYS = {"customers": ["customer_id"], "orders": ["order_id"], "order_items": ["order_id", "order_item_id"], "order_payments": ["order_id", "payment_sequential"],
        "order_reviews": ["review_id", "order_id"], "products": ["product_id"], "sellers": ["seller_id"],
        "product_category_name_translation": ["product_category_name"]}
col = pl.col


def keep(layer, name, frame):
    os.makedirs(f"{LAKE}/{layer}", exist_ok=True)
    frame.write_parquet(f"{LAKE}/{layer}/{name}.parquet")
    return frame


def bronze(name):
    path = f"{FOLDER}/{name if name.startswith('product_cat') else f'olist_{name}_dataset'}.csv"
    frame = pl.read_csv(path, infer_schema=False)
    return keep("bronze", name, frame.with_columns(pl.struct(frame.columns).hash().alias("_row_hash"), pl.lit(path).alias("_source_file"),
                                                   pl.lit(datetime.datetime.now()).alias("_loaded_at")))


def silver(name, frame):
    typed = frame.with_columns(col(pl.String).str.strip_chars().replace("", None))
    typed = typed.with_columns([col(c).cast(t) for c, t in TYPES.items() if c in frame.columns] +
                               [col(c).str.to_datetime("%Y-%m-%d %H:%M:%S") for c in TIMES if c in frame.columns])
    if name == "customers":
        typed = typed.with_columns(col("customer_state").str.to_uppercase())
    if name == "products":
        typed = typed.with_columns(col("product_category_name").fill_null("unknown").alias("category"), col("product_photos_qty").fill_null(0).alias("photos"),
                                   col("product_name_lenght").fill_null(0).alias("name_length"), col("product_description_lenght").fill_null(0).alias("description_length"))
    if name == "sellers":
        typed = typed.with_columns(col("seller_state").str.to_uppercase(),
                                   col("seller_city").str.to_lowercase().str.replace(r"( ?[/\\,-] .*|[/\\,].*)$", "").str.strip_chars())
    return typed.unique(KEYS[name], keep="last", maintain_order=True) if name in KEYS else typed


CHECKS = {
    "customers": [col("customer_unique_id").is_not_null(), col("customer_state").str.contains("^[A-Z]{2}$")],
    "geolocation": [col("geolocation_lat").is_between(-90, 90), col("geolocation_lng").is_not_null()],
    "orders": [col("customer_id").is_not_null(), col("order_purchase_timestamp").is_not_null(),
               col("order_status").is_in(["created", "approved", "invoiced", "processing", "shipped", "delivered", "unavailable", "canceled"])],
    "order_items": [col("product_id").is_not_null(), col("seller_id").is_not_null(), col("price") >= 0.01],
    "order_payments": [col("payment_value") >= 0], "order_reviews": [col("review_score").is_between(1, 5)]}
tables = {}
for name in NAMES + ["product_category_name_translation"]:
    frame = silver(name, bronze(name))
    if name in CHECKS:
        failed = frame.select((~c).sum().alias(str(n)) for n, c in enumerate(CHECKS[name])).row(0)
        if any(failed):
            print(f"{name}: checks failed for {failed} rows", file=sys.stderr)
    tables[name] = keep("silver", name, frame.with_columns(pl.lit(True).alias("is_current"), pl.lit(None, pl.Datetime).alias("valid_to")))
refused = keep("silver", "orders_refused", tables["orders"].filter(
    (col("order_status") == "delivered") & col("order_delivered_customer_date").is_null() |
    (col("order_status") == "shipped") & col("order_delivered_carrier_date").is_null()))
accepted = keep("silver", "orders_accepted", tables["orders"].join(refused, on="order_id", how="anti"))

# Dates: the calendar of the years in question, with Brazil's holidays.
day = col("date").dt
keep("gold", "dim_date", pl.select(pl.date_range(datetime.date(2016, 1, 1), datetime.date(2020, 12, 31)).alias("date")).with_columns(
    day.strftime("%Y%m%d").cast(pl.Int32).alias("date_key"), day.year().alias("year"), day.quarter().alias("quarter"), day.month().alias("month"),
    day.day().alias("day"), day.week().alias("iso_week"), day.iso_year().alias("iso_year"), day.weekday().alias("iso_weekday"),
    col("date").replace_strict(holidays, default=None, return_dtype=pl.String).alias("holiday")))


def date_key(name):
    return col(name).dt.strftime("%Y%m%d").cast(pl.Int32)


def unknown(frame, key, **values):
    """Adds the unknown member, key 0."""
    return pl.concat([frame, pl.DataFrame([{key: 0, "is_current": True, **values}], schema_overrides={key: pl.UInt64})], how="diagonal_relaxed")


# Places. A mean of decimals is taken of their sum in whole units, rounded half away from zero at eight digits.
def mean_of(name):
    total, n = col(name).cast(pl.Decimal(38, 15)).sum(), pl.len()
    return pl.struct(total.alias("s"), n.alias("n"))


def divided(digits):
    from decimal import Decimal, ROUND_HALF_UP
    unit = Decimal(1).scaleb(-digits)
    return lambda r: None if r["s"] is None else (r["s"] / r["n"]).quantize(unit, ROUND_HALF_UP)


dim_location = tables["geolocation"].filter(col("geolocation_zip_code_prefix").is_not_null()).group_by(col("geolocation_zip_code_prefix").alias("zip_code_prefix")).agg(
    mean_of("geolocation_lat").alias("latitude"), mean_of("geolocation_lng").alias("longitude"),
    col("geolocation_city").str.to_lowercase().min().alias("city"), col("geolocation_state").min().alias("state"), pl.len().alias("readings"))
dim_location = dim_location.with_columns(col("latitude", "longitude").map_elements(divided(8), return_dtype=pl.Decimal(20, 8)))
keep("gold", "dim_location", dim_location)

# Customers: a version per address, in force from the first order with it.
place = ["customer_zip_code_prefix", "customer_city", "customer_state"]
told = tables["orders"].join(tables["customers"], on="customer_id").sort("customer_unique_id", "order_purchase_timestamp", "order_id") \
    .unique(["customer_unique_id", "order_purchase_timestamp"], keep="first", maintain_order=True)
told = told.filter(pl.any_horizontal([col(c).ne_missing(col(c).shift(1).over("customer_unique_id")) for c in place]) |
                   (col("customer_unique_id").cum_count().over("customer_unique_id") == 1))
dim_customer = told.select(
    pl.struct("customer_unique_id", "order_purchase_timestamp").hash().alias("customer_key"), "customer_unique_id", *place, col("order_purchase_timestamp").alias("valid_from"),
    col("order_purchase_timestamp").shift(-1).over("customer_unique_id").alias("valid_to"), col("customer_unique_id").cum_count().over("customer_unique_id").alias("version")) \
    .with_columns(col("valid_to").is_null().alias("is_current"))
keep("gold", "dim_customer", unknown(dim_customer, "customer_key", customer_city="Unknown", customer_state="Unknown", version=0))

dim_product = tables["products"].join(tables["product_category_name_translation"].select("product_category_name", "product_category_name_english"), on="product_category_name", how="left") \
    .select(col("product_id").hash().alias("product_key"), "product_id", "category", "photos", "name_length", "description_length", "product_weight_g", "product_length_cm",
            "product_height_cm", "product_width_cm", col("product_category_name_english").fill_null("unknown").alias("category_english"), "is_current")
keep("gold", "dim_product", unknown(dim_product, "product_key", category_english="Unknown"))
dim_seller = tables["sellers"].select(col("seller_id").hash().alias("seller_key"), "seller_id", "seller_zip_code_prefix", "seller_city", "seller_state", "is_current")
keep("gold", "dim_seller", unknown(dim_seller, "seller_key", seller_city="Unknown"))


def with_customer(frame):
    """The version in force at the order's time, else the earliest one."""
    first = dim_customer.filter(col("version") == 1).select("customer_unique_id", col("customer_key").alias("first_key"))
    joined = frame.sort("order_purchase_timestamp").join_asof(dim_customer.select("customer_unique_id", "customer_key", "valid_from").sort("valid_from"), left_on="order_purchase_timestamp",
                                                              right_on="valid_from", by="customer_unique_id", check_sortedness=False)
    return joined.join(first, on="customer_unique_id", how="left").with_columns(pl.coalesce("customer_key", "first_key", pl.lit(0)).alias("customer_key"))


delay = (col("order_delivered_customer_date").dt.date() - col("order_estimated_delivery_date").dt.date()).dt.total_days().alias("delivery_delay_days")
people = tables["customers"].select("customer_id", "customer_unique_id")
per_order = tables["order_items"].group_by("order_id").agg(pl.len().alias("items"), col("price").sum(), col("freight_value").sum().alias("freight"))
fact_orders = with_customer(accepted.join(people, on="customer_id", how="left").join(per_order, on="order_id", how="left")).select(
    "order_id", "order_status", "order_purchase_timestamp", date_key("order_purchase_timestamp").alias("purchase_date_key"), "customer_key",
    col("items", "price", "freight").fill_null(0), delay)
keep("gold", "fact_orders", fact_orders)
fact_sales = with_customer(tables["order_items"].join(accepted.select("order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_delivered_customer_date",
                                                                      "order_estimated_delivery_date"), on="order_id").join(people, on="customer_id", how="left")) \
    .join(dim_product.select("product_id", "product_key"), on="product_id", how="left").join(dim_seller.select("seller_id", "seller_key"), on="seller_id", how="left") \
    .select("order_id", "order_item_id", "order_status", date_key("order_purchase_timestamp").alias("purchase_date_key"), "customer_key", col("product_key", "seller_key").fill_null(0),
            "price", col("freight_value").alias("freight"), delay)
keep("gold", "fact_sales", fact_sales)
fact_payments = tables["order_payments"].join(accepted.select("order_id", "order_purchase_timestamp"), on="order_id").select(
    "order_id", "payment_sequential", "payment_type", date_key("order_purchase_timestamp").alias("purchase_date_key"), col("payment_installments").alias("installments"), "payment_value")
keep("gold", "fact_payments", fact_payments)
fact_reviews = tables["order_reviews"].sort("review_answer_timestamp", "order_id", nulls_last=False).unique("review_id", keep="last", maintain_order=True).select(
    "review_id", "order_id", date_key("review_creation_date").alias("creation_date_key"), col("review_score").alias("score"),
    ((col("review_answer_timestamp") - col("review_creation_date")).dt.total_seconds() / 3600).round(2).alias("response_hours"))
keep("gold", "fact_reviews", fact_reviews)


def score(name, descending=False):
    return (1 + 5 * (col(name).rank("min", descending=descending).cast(pl.Int64) - 1) // pl.len()).alias(f"{name}_score")


rfm = fact_sales.join(dim_customer.select("customer_key", "customer_unique_id"), on="customer_key").group_by("customer_unique_id").agg(
    col("purchase_date_key").max().cast(pl.String).str.to_date("%Y%m%d").alias("last_order"), col("order_id").n_unique().alias("frequency"), (col("price") + col("freight")).sum().alias("monetary"))
rfm = rfm.with_columns((col("last_order").max() - col("last_order")).dt.total_days().alias("recency")).with_columns(score("recency", True), score("frequency"), score("monetary"))
r, f, m = col("recency_score"), col("frequency_score"), col("monetary_score")
rfm = keep("gold", "feature_customer_rfm", rfm.with_columns(
    pl.when((r >= 4) & (f >= 4)).then(pl.lit("Champions")).when(f >= 4).then(pl.lit("Loyal")).when((r >= 4) & (m >= 4)).then(pl.lit("Promising")).when(r >= 4).then(pl.lit("New"))
    .when((r <= 2) & (m >= 4)).then(pl.lit("At Risk")).when(r <= 2).then(pl.lit("Hibernating")).otherwise(pl.lit("Regular")).alias("segment")))
scores = fact_reviews.group_by("order_id").agg(col("score").mean())
sold = fact_sales.join(scores, on="order_id", how="left")
products = keep("gold", "feature_product_performance", sold.join(dim_product.select("product_key", "product_id", "category_english"), on="product_key").group_by("product_id", "category_english").agg(
    col("order_id").n_unique().alias("total_orders"), pl.len().alias("items_sold"), col("price").sum().alias("revenue"), col("price").mean().round(2).alias("average_price"),
    col("score").mean().round(2).alias("average_score")))
sellers = keep("gold", "feature_seller_reliability", sold.join(dim_seller.select("seller_key", "seller_id"), on="seller_key").group_by("seller_id").agg(
    col("order_id").n_unique().alias("total_orders"), col("price").sum().alias("revenue"), col("delivery_delay_days").mean().round(2).alias("average_delay_days"),
    (col("delivery_delay_days") > 0).mean().round(4).alias("late_share"), col("score").mean().round(2).alias("average_score")))

delays = fact_orders["delivery_delay_days"]
totals = {
    "customers": tables["customers"].height, "unique customers": dim_customer["customer_unique_id"].n_unique(), "versions of customers": dim_customer.height, "orders": tables["orders"].height,
    "refused orders": refused.height, "delivered orders": fact_orders.filter(col("order_status") == "delivered").height, "items": tables["order_items"].height,
    "items of accepted orders": fact_sales.height, "price": fact_sales["price"].sum(), "freight": fact_sales["freight"].sum(), "price by order": fact_orders["price"].sum(),
    "payments": fact_payments["payment_value"].sum(), "days of delay": delays.sum(), "late orders": (delays > 0).sum(), "reviews": fact_reviews.height, "sum of scores": fact_reviews["score"].sum(),
    "products": tables["products"].height, "products without category": (tables["products"]["category"] == "unknown").sum(), "sellers": tables["sellers"].height,
    "readings of places": dim_location["readings"].sum(), "places": dim_location.height, "sum of latitudes": dim_location["latitude"].sum(), "revenue of products": products["revenue"].sum(),
    "orders of sellers": sellers["total_orders"].sum(), "money of rfm": rfm["monetary"].sum()}
totals.update({f"segment {s}": n for s, n in rfm["segment"].value_counts().rows()})
totals.update({f"score {a}{b}{c}": n for a, b, c, n in rfm.group_by("recency_score", "frequency_score", "monetary_score").len().rows()})
for name, value in totals.items():
    print(f"{name}\t{value}")
used = os.times()
with open(f"{LAKE}/seconds", "w", encoding="ascii") as file:
    print(f"0 0 {used.user + used.system:.3f}", file=file)
