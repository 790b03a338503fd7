#!/usr/bin/env python3
"""Writes data/raw/sales_YYYYMMDD_HHMMSS.json: till receipts of a chain, a file every four hours.

    generate.py [ROWS PER FILE] [FILES] [FOLDER]

Deliberate trouble: customers and payment methods that are not given, a transaction told again in a later file with
another quantity, one told twice in the same file, totals that are not quantity x price, a negative quantity, a store
name that is too long, a store that moves, a file without rows."""
import datetime
import json
import os
import random
import sys

random.seed(20250701)
rows = int(sys.argv[1]) if len(sys.argv) > 1 else 60
files = int(sys.argv[2]) if len(sys.argv) > 2 else 12
here = sys.argv[3] if len(sys.argv) > 3 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
os.makedirs(here + "/raw", exist_ok=True)

CITIES = ["Lyon", "Porto", "Gdansk", "Turku", "Bergen"]
CATEGORIES = ["Kitchen", "Garden", "Toys", "Office"]
PAYMENTS = ["CARD", "CASH", "VOUCHER", "PHONE"]
begin = datetime.datetime(2025, 7, 1, 4)
serial = 0
previous = []


def receipt(at, moved):
    global serial
    serial += 1
    store, product, customer = random.randrange(5), random.randrange(30), random.randrange(80)
    quantity, cents = random.randrange(1, 9), 199 + product * 137
    city = "Oslo" if store == 4 and moved else CITIES[store]
    return {"transaction_id": f"T{serial:07d}", "date": at.strftime("%Y-%m-%d"), "store_id": f"S{store + 1:02d}",
            "store_name": f"Shop {city}", "city": city, "product_id": f"P{product + 1:03d}", "product_name": f"Article {product + 1}",
            "category": CATEGORIES[product % 4], "customer_id": f"C{customer + 1:04d}", "customer_name": f"Customer {customer + 1}",
            "quantity_sold": quantity, "unit_price": f"{cents / 100:.2f}", "total_amount": f"{quantity * cents / 100:.2f}",
            "payment_method": random.choice(PAYMENTS)}


for n in range(files):
    at = begin + datetime.timedelta(hours=4 * n)
    batch = [receipt(at - datetime.timedelta(hours=4), n >= files // 2) for _ in range(rows)]
    if n == 3:
        batch = []
    elif n == 1:
        batch[0]["customer_id"] = batch[0]["customer_name"] = None
        batch[1]["payment_method"] = None
        batch[2]["total_amount"] = "1.00"
        batch[3]["store_name"] = "Shop " + "x" * 120
    elif n == 2:
        again = dict(previous[5], quantity_sold=50)
        again["total_amount"] = f"{50 * float(again['unit_price']):.2f}"
        batch += [again, dict(batch[7])]
        batch[8]["quantity_sold"] = -1
        batch[8]["total_amount"] = "-" + batch[8]["unit_price"]
    with open(f"{here}/raw/sales_{at:%Y%m%d_%H%M%S}.json", "w", newline="\n") as file:
        file.write("[\n" + ",\n".join(json.dumps(line) for line in batch) + "\n]\n")
    previous = batch or previous
