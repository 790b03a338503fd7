#!/usr/bin/env python3
"""Totals of an example, computed from its raw files by nothing of the project: name<tab>value lines.

    independent.py EXAMPLE FOLDER
"""
import collections
import csv
import datetime
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree
import zipfile
from decimal import Decimal, ROUND_HALF_UP

csv.field_size_limit(1 << 24)


def workbook(path):
    """The rows of a workbook's sheets, as {header: text}; the headers are where a document number is one."""
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as book:
        names, strings = book.namelist(), []
        if "xl/sharedStrings.xml" in names:
            items = xml.etree.ElementTree.parse(book.open("xl/sharedStrings.xml")).iter(main + "si")
            strings = ["".join(t.text or "" for t in item.iter(main + "t")) for item in items]
        for name in sorted(n for n in names if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", n)):
            headers = None
            for _, row in xml.etree.ElementTree.iterparse(book.open(name)):
                if row.tag != main + "row":
                    continue
                cells = {}
                for cell in row.iter(main + "c"):
                    kind, value = cell.get("t"), cell.find(main + "v")
                    if kind == "inlineStr":
                        text = "".join(t.text or "" for t in cell.iter(main + "t"))
                    else:
                        text = value.text if value is not None else None
                        text = strings[int(text)] if kind == "s" else text
                    if text:
                        cells[re.match("[A-Z]+", cell.get("r")).group()] = text
                row.clear()
                if headers is None:
                    said = {column: re.sub("[^A-Z0-9]+", " ", text.upper()).strip() for column, text in cells.items()}
                    headers = said if "DOCUMENT NUMBER" in said.values() else None
                elif cells:
                    yield {headers[column]: text.strip() for column, text in cells.items() if column in headers}


def sales(folder):
    """Lines of cash invoices and cash sales, the last of a key in the order of files; credits left out."""
    told = {}
    for kind in ("cash_invoices", "cash_sales"):
        for path in sorted(glob.glob(f"{folder}/sales/{kind}/detailed/**/*.xlsx", recursive=True)):
            try:
                for line in workbook(path):
                    if "DOCUMENT NUMBER" in line and "LINE NO" in line:
                        told[kind, line["DOCUMENT NUMBER"], line["LINE NO"]] = line
            except (zipfile.BadZipFile, EOFError):
                pass                    # cut off: the run is PARTIAL and says so
    lines = []
    for line in told.values():
        amount = Decimal(line.get("AMOUNT", "0"))
        if not line["DOCUMENT NUMBER"].startswith("CN") and amount >= 0:
            day = datetime.date(1899, 12, 30) + datetime.timedelta(days=int(float(line["TRN DATE"])))
            lines.append((line, Decimal(repr(float(amount))), day))
    days, months, customers, products = (collections.defaultdict(list) for _ in range(4))
    for line, amount, day in lines:
        days[day, line.get("BRANCH NAME"), line.get("BRANCH CODE")].append((line, amount))
        months[day.strftime("%Y-%m")].append((line, amount, day))
        customers[line.get("CUSTOMER CODE")].append((line, amount))
        products[line.get("ITEM CODE")].append((line, amount))
    yield "days and branches", len(days)
    yield "documents of days and branches", sum(len({l["DOCUMENT NUMBER"] for l, _ in d}) for d in days.values())
    yield "largest document", max(sum(a for l, a in d if l["DOCUMENT NUMBER"] == n) for d in days.values() for n in {l["DOCUMENT NUMBER"] for l, _ in d})
    for month, rows in months.items():
        yield f"month {month} sales", sum(a for _, a, _ in rows)
        yield f"month {month} vat", sum((Decimal(repr(float(l.get("VAT AMOUNT", "0")))) for l, _, _ in rows), Decimal(0))
        yield f"month {month} days and branches", len({(d, l.get("BRANCH NAME"), l.get("BRANCH CODE")) for l, _, d in rows})
    customers.pop(None, None)
    products.pop(None, None)
    segments = collections.Counter()
    for rows in customers.values():
        value = sum(a for _, a in rows)
        segments["High" if value > 100000 else "Medium" if value > 50000 else "Low"] += 1
    for segment, count in segments.items():
        yield f"customers of {segment} Value", count
    yield "lifetime value", sum(a for rows in customers.values() for _, a in rows)
    yield "transactions of customers", sum(len({l["DOCUMENT NUMBER"] for l, _ in rows}) for rows in customers.values())
    yield "products", len(products)
    yield "revenue of products", sum(a for rows in products.values() for _, a in rows)
    yield "units", sum(Decimal(l.get("QUANTITY", "0")) for rows in products.values() for l, _ in rows)


def klines(folder):
    candles = {}
    for path in sorted(glob.glob(folder + "/binance_klines/*.csv") + glob.glob(folder + "/binance_seed003_raw/*.csv")):
        symbol, interval = os.path.basename(path).split("-")[:2]
        for line in csv.reader(open(path)):
            if not line[0].isdigit():
                continue
            micros = int(line[0]) * (1 if len(line[0]) == 16 else 1000)
            candles[symbol, interval, micros] = [Decimal(v) for v in line[1:9]]
    minute = 60 * 10 ** 6
    steps = {"1m": minute, "1d": 1440 * minute}
    by_series = collections.defaultdict(list)
    for (symbol, interval, micros), values in sorted(candles.items()):
        by_series[symbol, interval].append((micros, values))
    missing = 0
    for (symbol, interval), rows in by_series.items():
        name = f"{symbol} {interval}"
        yield name + " candles", len(rows)
        yield name + " volume", sum(v[4] for _, v in rows)
        yield name + " quote volume", sum(v[6] for _, v in rows)
        yield name + " trades", sum(v[7] for _, v in rows)
        missing += sum((b[0] - a[0]) // steps[interval] - 1 for a, b in zip(rows, rows[1:]))

        def groups(length, shift=0):
            result = collections.OrderedDict()
            for micros, values in rows:
                result.setdefault((micros + shift) // length, []).append(values)
            return result.values()
        days = list(groups(1440 * minute))
        yield symbol + " days", len(days)
        yield symbol + " sum of daily closes", sum(d[-1][3] for d in days)
        yield symbol + " sum of daily highs", sum(max(v[1] for v in d) for d in days)
        weeks = list(groups(7 * 1440 * minute, 3 * 1440 * minute))     # 1970-01-01 was a Thursday
        yield symbol + " weeks", len(weeks)
        yield symbol + " sum of weekly opens", sum(w[0][0] for w in weeks)
        if interval == "1m":
            hours = list(groups(60 * minute))
            yield symbol + " hours", len(hours)
            yield symbol + " sum of hourly lows", sum(min(v[2] for v in h) for h in hours)
            yield symbol + " sum of hourly opens", sum(h[0][0] for h in hours)
    yield "missing candles", missing
    yield "rows in the live view", len(candles)


def store_sales(folder):
    told = {}
    for path in sorted(glob.glob(folder + "/raw/sales_*.json")):
        for row in json.load(open(path)):
            told[row["transaction_id"]] = row
    rows = list(told.values())
    for row in rows:
        row["total"] = Decimal(row["total_amount"])
    yield "transactions", len(rows)
    yield "units", sum(r["quantity_sold"] for r in rows)
    yield "revenue", sum(r["total"] for r in rows)
    yield "products", len({r["product_id"] for r in rows})
    spent = collections.Counter()
    days, stores, categories = collections.defaultdict(list), collections.Counter(), collections.Counter()
    for r in rows:
        days[r["date"]].append(r)
        categories[r["category"]] += r["total"]
        if r["customer_id"]:
            spent[r["customer_id"]] += r["total"]
    yield "customers", len(spent)
    yield "customers spending 500 or more", sum(v >= 500 for v in spent.values())
    amounts = sorted(spent.values())
    place = Decimal("0.8") * (len(amounts) - 1)
    low = int(place)
    limit = amounts[low] + (place - low) * (amounts[min(low + 1, len(amounts) - 1)] - amounts[low])
    yield "vip customers", sum(v >= limit for v in amounts)
    yield "transactions without customer", sum(r["customer_id"] is None for r in rows)
    yield "inaccurate totals", sum(abs(r["quantity_sold"] * Decimal(r["unit_price"]) - r["total"]) >= Decimal("0.01") for r in rows)
    yield "store names too long", sum(len(r["store_name"]) > 100 for r in rows)
    for day, of_day in days.items():
        yield f"day {day} revenue", sum(r["total"] for r in of_day)
        yield f"day {day} units", sum(r["quantity_sold"] for r in of_day)
        yield f"day {day} customers", len({r["customer_id"] for r in of_day} - {None})
    for category, revenue in categories.items():
        yield f"category {category} revenue", revenue
    # a store is what its last receipt of the day with a name that fits calls it
    versions, city_on = 0, {}
    for store in sorted({r["store_id"] for r in rows}):
        before = None
        for day in sorted(days):
            of_store = [r for r in days[day] if r["store_id"] == store]
            if of_store:
                last = max(of_store, key=lambda r: (len(r["store_name"]) <= 100, r["transaction_id"]))
                city_on[store, day] = last["city"]
                versions += (last["store_name"], last["city"]) != before
                before = last["store_name"], last["city"]
    yield "versions of stores", versions
    for r in rows:
        stores[r["store_id"], city_on[r["store_id"], r["date"]]] += r["total"]
    for (store, city), revenue in stores.items():
        yield f"store {store} {city} revenue", revenue


def retail_orders(folder):
    folder += "/psycho_bunny"
    people = {}
    for path in sorted(glob.glob(folder + "/de_shop_customers_*.csv")):
        text = open(path, newline="").read().replace("\r", "\n")
        for row in csv.DictReader(text.splitlines()):
            people["_".join((row["first_name"], row["last_name"], row["email"])).lower()] = row
    yield "customers", len(people)
    yield "emails", len({r["email"] for r in people.values()})
    yield "customers with a state", sum(bool(r.get("state") or r.get("province")) for r in people.values())
    yield "customers with a postal code", sum(bool(r.get("postal") or r.get("zip") or r.get("post")) for r in people.values())
    yield "bad emails", sum("@" not in r["email"] or "." not in r["email"].split("@")[1] for r in people.values())

    rows = list(csv.DictReader(open(folder + "/de_shop_transactions_20230821.csv", newline="", encoding="utf-8")))
    for row in rows:
        row["amount"] = Decimal(row["TOTAL_AMOUNT"])
        row["day"] = datetime.datetime.strptime(row["ORDERDATE"].split()[0], "%m/%d/%Y").date()
        row["family"] = row["PRODUCTCODE"].split("_")[0]
    sales = [r for r in rows if r["amount"] >= 0]
    refunds = [r for r in rows if r["amount"] < 0]
    yield "transactions", len(rows)
    yield "orders", len({r["ORDERNUMBER"] for r in rows})
    yield "products", len({r["PRODUCTCODE"] for r in rows})
    yield "refunds", len(refunds)
    yield "zero amounts", sum(r["amount"] == 0 for r in rows)
    yield "sum of sales", sum(r["amount"] for r in sales)
    yield "sum of refunds", sum(r["amount"] for r in refunds)
    yield "restocking fees", sum((-r["amount"] / 10).quantize(Decimal("0.01"), ROUND_HALF_UP) for r in refunds)
    yield "large orders", sum(abs(r["amount"]) >= 5000 for r in rows)
    yield "phones that are errors", sum(r["PHONE"] == "#ERROR!" for r in rows)
    yield "years that disagree", sum(int(r["YEAR_ID"]) != r["day"].year for r in rows)
    calendar = {r["CALENDAR_DATE"] for r in csv.DictReader(open(folder + "/de_dates.csv"))}
    yield "without fiscal date", len({r["ORDERNUMBER"] for r in rows if str(r["day"]) not in calendar})
    names = {r["first_name"] + " " + r["last_name"] for r in people.values()}
    yield "without customer", sum(r["CUSTOMERNAME"] not in names for r in rows)
    yield "territory NA", sum(r["TERRITORY"] == "NA" for r in rows)
    yield "family without name", sum(r["family"] not in ("S10", "S12", "S18", "S24", "S32", "S50", "S700") for r in rows)
    spent, families, years, regions = (collections.Counter() for _ in range(4))
    back = collections.Counter()
    for r in rows:
        spent[r["CUSTOMERNAME"]] += max(r["amount"], 0)
        families[r["family"]] += max(r["amount"], 0)
    for r in sales:
        years[r["day"].year] += r["amount"]
        regions[r["TERRITORY"], r["PRODUCTCODE"]] += r["amount"]
    for r in refunds:
        back[r["day"].year] += r["amount"]
    yield "buyers", len(spent)
    yield "buyers of 10,000 or more", sum(v >= 10000 for v in spent.values())
    for family, amount in families.items():
        yield f"family {family} sales", amount
    for year, amount in years.items():
        yield f"year {year} sales", amount
    for year, amount in back.items():
        yield f"year {year} refunds", amount
    yield "weeks with sales", len({r["day"].isocalendar()[:2] for r in sales})
    for territory in {t for t, _ in regions}:
        best = sorted((v for (t, _), v in regions.items() if t == territory), reverse=True)
        yield f"region {territory} best product", best[0]
        yield f"region {territory} second product", best[1]


def olist(folder):
    folder += "/olist_sample_3k_all9"

    def table(name):
        return list(csv.DictReader(open(f"{folder}/{name}.csv", newline="", encoding="utf-8-sig")))

    def day(text):
        return datetime.date.fromisoformat(text[:10])
    customers = {r["customer_id"]: r for r in table("olist_customers_dataset")}
    orders = {r["order_id"]: r for r in table("olist_orders_dataset")}
    items, products = table("olist_order_items_dataset"), table("olist_products_dataset")
    refused = {o for o, r in orders.items() if r["order_status"] == "delivered" and not r["order_delivered_customer_date"]
               or r["order_status"] == "shipped" and not r["order_delivered_carrier_date"]}
    accepted = {o: r for o, r in orders.items() if o not in refused}
    yield "customers", len(customers)
    addresses = collections.defaultdict(list)
    for o, r in sorted(orders.items(), key=lambda pair: (pair[1]["order_purchase_timestamp"], pair[0])):
        c = customers[r["customer_id"]]
        at, place = r["order_purchase_timestamp"], (c["customer_zip_code_prefix"], c["customer_city"], c["customer_state"])
        of_person = addresses[c["customer_unique_id"]]
        if not of_person or of_person[-1][0] != at:
            of_person.append((at, place))
    yield "unique customers", len(addresses)
    yield "versions of customers", sum(1 + sum(a[1] != b[1] for a, b in zip(v, v[1:])) for v in addresses.values())
    yield "orders", len(orders)
    yield "refused orders", len(refused)
    yield "delivered orders", sum(r["order_status"] == "delivered" for r in accepted.values())
    yield "items", len(items)
    kept = [i for i in items if i["order_id"] in accepted]
    yield "items of accepted orders", len(kept)
    yield "price", sum(Decimal(i["price"]) for i in kept)
    yield "price by order", sum(Decimal(i["price"]) for i in kept)
    yield "revenue of products", sum(Decimal(i["price"]) for i in kept)
    yield "freight", sum(Decimal(i["freight_value"]) for i in kept)
    yield "payments", sum(Decimal(p["payment_value"]) for p in table("olist_order_payments_dataset") if p["order_id"] in accepted)
    delays = [(day(r["order_delivered_customer_date"]) - day(r["order_estimated_delivery_date"])).days for r in accepted.values() if r["order_delivered_customer_date"]]
    yield "days of delay", sum(delays)
    yield "late orders", sum(d > 0 for d in delays)
    reviews = {}
    for r in table("olist_order_reviews_dataset"):
        known = reviews.get(r["review_id"])
        if known is None or (r["review_answer_timestamp"], r["order_id"]) > (known["review_answer_timestamp"], known["order_id"]):
            reviews[r["review_id"]] = r
    yield "reviews", len(reviews)
    yield "sum of scores", sum(int(r["review_score"]) for r in reviews.values())
    yield "products", len(products)
    yield "products without category", sum(not p["product_category_name"] for p in products)
    yield "sellers", len(table("olist_sellers_dataset"))
    places = collections.defaultdict(list)
    for g in table("olist_geolocation_dataset"):
        places[g["geolocation_zip_code_prefix"]].append(Decimal(g["geolocation_lat"]).quantize(Decimal("1e-15"), ROUND_HALF_UP))
    yield "readings of places", sum(map(len, places.values()))
    yield "places", len(places)
    yield "sum of latitudes", sum((sum(v) / len(v)).quantize(Decimal("1e-8"), ROUND_HALF_UP) for v in places.values())
    yield "orders of sellers", len({(i["seller_id"], i["order_id"]) for i in kept})

    people = collections.defaultdict(lambda: [None, set(), Decimal(0)])
    for i in kept:
        person = people[customers[orders[i["order_id"]]["customer_id"]]["customer_unique_id"]]
        bought = day(orders[i["order_id"]]["order_purchase_timestamp"])
        person[0] = max(person[0] or bought, bought)
        person[1].add(i["order_id"])
        person[2] += Decimal(i["price"]) + Decimal(i["freight_value"])

    def scores(values):
        place = {}
        for n, value in enumerate(sorted(values)):
            place.setdefault(value, n)
        return [1 + 5 * place[v] // len(values) for v in values]
    found = list(people.values())
    three = list(zip(scores([p[0] for p in found]), scores([len(p[1]) for p in found]), scores([p[2] for p in found])))
    for score, n in collections.Counter(three).items():
        yield "score %d%d%d" % score, n
    segments = collections.Counter(
        "Champions" if r >= 4 and f >= 4 else "Loyal" if f >= 4 else "Promising" if r >= 4 and m >= 4 else "New" if r >= 4
        else "At Risk" if r <= 2 and m >= 4 else "Hibernating" if r <= 2 else "Regular" for r, f, m in three)
    for segment, n in segments.items():
        yield f"segment {segment}", n
    yield "money of rfm", sum(p[2] for p in found)


if __name__ == "__main__":
    for name, value in globals()[sys.argv[1]](sys.argv[2]):
        print(f"{name}\t{value}")
