#!/usr/bin/env python3
"""Writes data/psycho_bunny/: people, orders and a calendar that exist nowhere, in the layout of the published files.

Customers are four files with lines that end in a bare CR and headers that differ (county, province, state; postal, zip,
post); one person is in two of them, two share an email. Orders have refunds, a zero, a phone that is #ERROR!, a
YEAR_ID that contradicts the date, the territory NA, a product family without a name. The calendar begins in 2010."""
import datetime
import os
import random

random.seed(20230821)
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "psycho_bunny")
os.makedirs(here, exist_ok=True)
FIRST = "Ada Ben Cleo Dan Eve Finn Gia Hal Ines Jon Kai Lea Max Nia Otto Pia".split()
LAST = "Abel Berg Cole Dahl Evans Falk Grant Hart Ives Jung".split()


def write(name, lines, end="\n"):
    with open(os.path.join(here, name), "w", newline="") as file:
        file.write(end.join(lines) + end)


def quoted(values):
    return ",".join('"%s"' % v for v in values)


serial = 0


def people(count, middle):
    """middle: what stands between city and phone1"""
    global serial
    lines = []
    for _ in range(count):
        first, last = FIRST[serial % 16], LAST[serial // 16 % 10]
        email = f"{first}.{last}{serial}@example.org".lower()
        lines.append(quoted([first, last, f"{last}, {first} Ltd", f"{serial} Main St", f"City {serial % 9}"]) + "," + middle(serial) + ","
                     + quoted([f"0{serial:04d}-111", f"0{serial:04d}-222", email, "http://www.example.org"]))
        serial += 1
    return lines


HEAD = ["first_name", "last_name", "company_name", "address", "city"]
TAIL = ["phone1", "phone2", "email", "web"]
uk = people(40, lambda n: quoted([f"County {n % 5}", f"AB{n} 1CD"]))
us = people(40, lambda n: quoted([f"County {n % 5}", "NY"]) + f",{10000 + n}")
ca = people(40, lambda n: quoted(["ON", f"K{n} 2B"]))
au = people(40, lambda n: '"NSW",%d' % (2000 + n))
ca.append(uk[0].replace('"County 0","AB0 1CD"', '"ON","K0 2B"'))                   # one person in two files
us.append(us[0].replace('"Ina', '"Ina').replace('"Jon"', '"Jonny"').replace('"Kai"', '"Kaya"').replace('"Ines"', '"Inez"'))  # two who share an email
write("de_shop_customers_20230619.csv", [quoted(HEAD + ["county", "postal"] + TAIL)] + uk, "\r")
write("de_shop_customers_20230901.csv", [quoted(HEAD + ["province", "postal"] + TAIL)] + ca, "\r")
write("de_shop_customers_20240614.csv", [quoted(HEAD + ["county", "state", "zip"] + TAIL)] + us, "\r")
write("de_shop_customers_20240701.csv", [quoted(HEAD + ["state", "post"] + TAIL)] + au, "\r")

FAMILIES = ["S10", "S12", "S18", "S24", "S32", "S50", "S700", "S72"]
COUNTRY = {"NA": "USA", "EMEA": "France", "APAC": "Australia", "Japan": "Japan"}
lines = ["ORDERNUMBER,QUANTITYORDERED,ORDERLINENUMBER,TOTAL_AMOUNT,ORDERDATE,QTR_ID,MONTH_ID,YEAR_ID,PRODUCTCODE,CUSTOMERNAME,PHONE,ADDRESSLINE1,"
         "ADDRESSLINE2,CITY,STATE,POSTALCODE,COUNTRY,TERRITORY,CONTACTLASTNAME,CONTACTFIRSTNAME,DEALSIZE"]
for order in range(120):
    day = datetime.date(2003, 1, 6) + datetime.timedelta(days=order * 7 + order % 5)
    shop = order % 17
    territory = list(COUNTRY)[shop % 4]
    for number in range(1, 1 + order % 4 + 1):
        amount = random.randrange(-2000, 2000) if (order, number) != (7, 1) else 0
        quantity = random.randrange(10, 60)
        product = f"{FAMILIES[(order + number) % 8]}_{1000 + (order * number) % 13}"
        phone = "#ERROR!" if shop % 5 == 0 else f"555{shop:04d}"
        lines.append(f'{10100 + order},{quantity},{number},{amount},{day.month}/{day.day}/{day.year} 0:00,{(day.month + 2) // 3},{day.month},{day.year + 18},'
                     f'{product},"Shop {shop}, Inc.",{phone},{shop} High Street,,Town {shop},,{shop:05d},{COUNTRY[territory]},{territory},Last{shop},First{shop},'
                     + ("Small", "Medium", "Large")[quantity % 3])
write("de_shop_transactions_20230821.csv", lines)

calendar = ["CALENDAR_DATE,WEEKDAY_NUMBER,WEEKDAY_NAME,FISCAL_WEEK_OF_MONTH,FISCAL_WEEK_OF_YEAR,FISCAL_MONTH_NUMBER,FISCAL_MONTH_NAME,FISCAL_QUARTER,FISCAL_YEAR"]
first = datetime.date(2010, 1, 31)
for n in range(364):
    week = n // 7 + 1
    month = next(m for m, end in enumerate((4, 9, 13, 17, 22, 26, 30, 35, 39, 43, 48, 52), 1) if week <= end)
    day = first + datetime.timedelta(days=n)
    calendar.append(f"{day},{n % 7 + 1},{day:%a},{week},{week},{month},{day:%b},{(month + 2) // 3},2010")
write("de_dates.csv", calendar)
