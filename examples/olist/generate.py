#!/usr/bin/env python3
"""Writes data/olist_sample_3k_all9/: the nine tables of a shop that does not exist, in the layout of the published files.

Deliberate trouble: customers who move, two orders that cannot be (delivered without a date, shipped without a carrier's),
a review told twice for two orders, products without category, places read several times, one of them twice the same."""
import csv
import datetime
import os
import random

random.seed(20180101)
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "olist_sample_3k_all9")
os.makedirs(here, exist_ok=True)
DAY = datetime.timedelta(days=1)
STATES = ["SP", "RJ", "MG", "BA"]
CITIES = ["sao paulo", "rio de janeiro", "belo horizonte", "salvador"]
CATEGORIES = ["livros", "brinquedos", "ferramentas", "perfumaria"]


def name(kind, n):
    return f"{kind}{n:031x}"


def write(file, header, rows):
    with open(os.path.join(here, file), "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def text(moment):
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""


customers, orders, items, payments, reviews = [], [], [], [], []
for n in range(200):
    person = n % 160
    place = (person + (n >= 160 and person % 2)) % 4                   # some of those who come back have moved
    bought = datetime.datetime(2017, 3, 1, 9) + n * 3 * DAY + datetime.timedelta(minutes=n * 37 % 600)
    status = "canceled" if n % 50 == 13 else "shipped" if n % 50 == 14 else "delivered"
    carrier = bought + 2 * DAY if status in ("shipped", "delivered") and n != 14 else None
    arrived = bought + (6 + n % 17) * DAY if status == "delivered" and n != 21 else None
    customers.append([name("c", n), name("a", person), f"{1000 + place:05d}", CITIES[place], STATES[place]])
    orders.append([name("0", n), name("c", n), status, text(bought), text(bought + DAY / 24), text(carrier), text(arrived), text((bought + 15 * DAY).replace(hour=0, minute=0))])
    total = 0
    for k in range(1, 1 + n % 3 + 1):
        price, freight = 1990 + (n * 131 + k * 977) % 20000, 500 + n * 17 % 3000
        total += price + freight
        items.append([name("0", n), k, name("b", (n * 7 + k) % 40), name("5", (n + k) % 12), text(bought + 5 * DAY), f"{price / 100:.2f}", f"{freight / 100:.2f}"])
    first = total // 3 if n % 9 == 0 else total
    payments.append([name("0", n), 1, "credit_card" if n % 2 else "boleto", 1 + n % 6, f"{first / 100:.2f}"])
    if first < total:
        payments.append([name("0", n), 2, "voucher", 1, f"{(total - first) / 100:.2f}"])
    if arrived:
        reviews.append([name("e", n), name("0", n), 1 + n % 5, "", "bom,\nobrigado" if n % 10 == 0 else "", text((arrived + DAY).replace(hour=0, minute=0)), text(arrived + (2 + n % 4) * DAY)])
again = list(reviews[3])
again[1], again[2], again[6] = reviews[4][1], 1, "2018-12-24 10:00:00"
reviews.append(again)
write("olist_customers_dataset.csv", ["customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"], customers)
write("olist_orders_dataset.csv", ["order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at", "order_delivered_carrier_date",
                                   "order_delivered_customer_date", "order_estimated_delivery_date"], orders)
write("olist_order_items_dataset.csv", ["order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price", "freight_value"], items)
write("olist_order_payments_dataset.csv", ["order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"], payments)
write("olist_order_reviews_dataset.csv", ["review_id", "order_id", "review_score", "review_comment_title", "review_comment_message", "review_creation_date", "review_answer_timestamp"], reviews)
write("olist_products_dataset.csv", ["product_id", "product_category_name", "product_name_lenght", "product_description_lenght", "product_photos_qty", "product_weight_g",
                                     "product_length_cm", "product_height_cm", "product_width_cm"],
      [[name("b", n), "" if n in (3, 17) else CATEGORIES[n % 4], "" if n in (3, 17) else 40 + n, "" if n in (3, 17) else 200 + n, "" if n in (3, 17) else 1 + n % 4,
        100 * (1 + n), 20, 10, 15] for n in range(40)])
write("olist_sellers_dataset.csv", ["seller_id", "seller_zip_code_prefix", "seller_city", "seller_state"],
      [[name("5", n), f"{1000 + n % 4:05d}", ("Sao Paulo / SP", "rio de janeiro", "belo horizonte - mg", "salvador")[n % 4], STATES[n % 4].lower() if n == 5 else STATES[n % 4]] for n in range(12)])
places = [[f"{1000 + n % 4:05d}", f"{-23.5 + n % 4 + n / 997:.12f}", f"{-46.6 + n % 4 - n / 991:.12f}", CITIES[n % 4], STATES[n % 4]] for n in range(40)]
write("olist_geolocation_dataset.csv", ["geolocation_zip_code_prefix", "geolocation_lat", "geolocation_lng", "geolocation_city", "geolocation_state"], places + places[:1])
write("product_category_name_translation.csv", ["product_category_name", "product_category_name_english"], zip(CATEGORIES, ["books", "toys", "tools", "perfumery"]))
