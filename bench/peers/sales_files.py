"""Makes the files of a pipeline: sales_files.py retail|store TREE FOLDER SCALE DAYS

retail: FOLDER/files is TREE's workbooks, as many times over as SCALE says, the documents of each copy numbered apart, or, below 1, that share of its months;
FOLDER/later holds up to ten days that come after it, a file each: 1 % of all lines of TREE with another quantity, and a day's new documents.
store: FOLDER/files is a day's receipts, SCALE GB of JSON in six files of four hours; FOLDER/later the next four hours, 1 % of them receipts told again with another quantity.
"""

import datetime
import glob
import os
import re
import shutil
import sys
import zipfile

import fastexcel
import openpyxl


def copy_workbook(source, target, suffix):
    """The same workbook, its document numbers, the texts of column A, with a suffix."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        sheet = old.read("xl/worksheets/sheet1.xml")
        documents = {int(index) for index in re.findall(rb'<c r="A\d+"[^>]* t="s"><v>(\d+)</v>', sheet)} - {0}
        place = -1

        def renamed(match):
            nonlocal place
            place += 1
            return match[0].replace(b"</t></si>", suffix + b"</t></si>") if place in documents else match[0]

        for item in old.infolist():
            content = old.read(item.filename)
            new.writestr(item.filename, re.sub(rb"<si>.*?</si>", renamed, content, flags=re.DOTALL) if item.filename == "xl/sharedStrings.xml" else content)


def multiply(tree, files, scale):
    """TREE's files, or a share of its months, or many of each; returns those of invoices."""
    months = [path.split(os.sep)[-2:] for path in glob.glob(os.path.join(tree, "sales/cash_invoices/detailed/*/*"))]
    months.sort(key=lambda month: datetime.datetime.strptime(" ".join(month), "%Y %B"))
    for year, month in months[:max(1, round(len(months) * scale))] if scale < 1 else months:
        for path in glob.glob(os.path.join(tree, "sales/*/*", year, month, "*.xlsx")):
            target = os.path.join(files, os.path.relpath(path, tree))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(path, target)
            for number in range(2, int(scale) + 1):
                copy_workbook(path, target.replace(".xlsx", f"_{number}.xlsx"), b"-%d" % number)
    return sorted(glob.glob(os.path.join(files, "sales/cash_invoices/detailed/**/*.xlsx"), recursive=True))


def value(header, cell):
    """A cell as the tree's workbooks have it: dates, numbers, and codes that look like numbers as numbers."""
    if cell is None:
        return None
    if header == "TRN DATE":
        return datetime.datetime.fromisoformat(cell)
    if header in ("QUANTITY", "UNIT PRICE", "AMOUNT", "VAT AMOUNT"):
        return float(cell)
    return int(cell) if header in ("LINE NO.", "ITEM CODE") and cell.isdigit() and cell[0] != "0" else cell


def lines_of(path):
    rows = fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars()
    for row in rows.iter_rows(named=True):
        yield {header: value(header, cell) for header, cell in row.items()}


def next_days(workbooks, later, days):
    """The files of the days: line i of every hundred is corrected on day i; each day's new documents are every 300th of all."""
    corrected, new, count = [[] for _ in range(10)], [[] for _ in range(10)], 0
    for path in workbooks:
        for line in lines_of(path):
            count += 1
            if count % 100 < 10:
                corrected[count % 100].append(line)
            document = int(re.sub(r"\D", "", line["DOCUMENT NUMBER"]) or 0)
            if document % 300 < 10:
                new[document % 300].append(line)
    headers = ["DOCUMENT NUMBER", "LINE NO.", "TRN DATE", "BRANCH NAME", "CUSTOMER CODE", "ITEM CODE", "PRODUCT DESCRIPTION", "QUANTITY", "UNIT PRICE", "AMOUNT", "VAT AMOUNT", "CURRENCY"]
    folder = os.path.join(later, "sales/cash_invoices/detailed/2011/december")
    os.makedirs(folder, exist_ok=True)
    for day in range(days):
        workbook = openpyxl.Workbook(write_only=True)
        sheet = workbook.create_sheet("Sheet1")
        sheet.append(headers)
        for line in corrected[day]:
            line = dict(line, QUANTITY=line["QUANTITY"] + 1, AMOUNT=round(line["AMOUNT"] + line["UNIT PRICE"], 2))
            sheet.append([line.get(header) for header in headers])
        for line in new[day]:
            line = dict(line, **{"DOCUMENT NUMBER": "9" + line["DOCUMENT NUMBER"], "TRN DATE": datetime.datetime(2011, 12, 12 + day, line["TRN DATE"].hour, line["TRN DATE"].minute)})
            sheet.append([line.get(header) for header in headers])
        workbook.save(os.path.join(folder, f"day_{day:02}.xlsx"))


def receipt(number, quantity):
    """One receipt; each value follows from its number, none is rare or frequent beyond what a shop has."""
    store, product, customer = number * 7919 % 50, number * 104729 % 2000, number * 15485863 % 100003 % 50000
    price = product * 37 % 9900 + 100
    return (f'{{"transaction_id": "T{number:09}", "date": "2025-07-{1 + number * 31 % 7:02}", "store_id": "S{store:02}", "store_name": "Shop number {store}", "city": "City {store % 20}", '
            f'"product_id": "P{product:04}", "product_name": "Article {product}", "category": "Category {product % 12}", "customer_id": "C{customer:05}", "customer_name": "Customer {customer}", '
            f'"quantity_sold": {quantity}, "unit_price": "{price / 100:.2f}", "total_amount": "{price * quantity / 100:.2f}", "payment_method": "{("CASH", "CARD", "VOUCHER", "PHONE")[number % 4]}"}}\n')


def receipts(folder, gigabytes):
    count = int(gigabytes * 1e9 / 6 / len(receipt(123456, 3)))
    for name in ("files", "later"):
        os.makedirs(os.path.join(folder, name, "sales"))
    for period in range(7):
        path = os.path.join(folder, "files" if period < 6 else "later", f"sales/sales_202507{8 + period // 6:02}_{period % 6 * 4:02}0000.json")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(receipt(number, number % 9 + 1) for number in range(period * count, (period + 1) * count))
            if period == 6:
                file.writelines(receipt(number, number % 9 + 2) for number in range(0, count, 100))


def main():
    _, pipeline, tree, folder, scale, days = sys.argv
    if pipeline == "store":
        receipts(folder, float(scale))
    else:
        next_days(multiply(tree, os.path.join(folder, "files"), float(scale)), os.path.join(folder, "later"), int(days))


if __name__ == "__main__":
    main()
