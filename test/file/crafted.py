"""Compares reader_check's cells with the expected ones of a folder of crafted workbooks.

usage: crafted.py READER_CHECK FOLDER

expected.json lists [row, column, type, value] of each workbook, its first rows where it is long; a date's
value is its serial number; "ERROR" where the workbook must be refused, "ANY" where either will do.
"""
import datetime
import json
import re
import subprocess
import sys
import zipfile

check, folder = sys.argv[1:]

# What we read otherwise, and why.
EXPLAINED = {
    ("d_serials", "60"): "29 February 1900 never was: it stays a number",
    ("d_serials", "2958466"): "beyond 9999-12-31: it stays a number",
    ("d_serials", "-1"): "before the calendar begins: it stays a number",
}
ESCAPES = (("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("\\\\", "\\"))
MILLISECOND = 1 / 86400000
explained = set()


def read(path):
    """Cells by (row, column) of the first sheet that has them, and the refusal if there is one."""
    run = subprocess.run([check, path], capture_output=True, timeout=60, check=True)
    cells, error = {}, None
    for line in run.stdout.decode().split("\n")[:-1]:
        if line.startswith("error\t"):
            error = line
            continue
        _, row, column, kind, value = line.split("\t", 4)
        for escaped, plain in ESCAPES:
            value = value.replace(escaped, plain)
        cells.setdefault((int(row), int(column)), (kind, value))
    return cells, error


def calendar(path):
    """The day that has number 0 in the workbook, and how many days its calendar has that never were."""
    with zipfile.ZipFile(path) as package:
        books = [package.read(name) for name in package.namelist() if name.lower().endswith("workbook.xml")]
    since_1904 = any(re.search(rb'date1904="(1|true)"', book) for book in books)
    return (datetime.date(1904, 1, 1), 0) if since_1904 else (datetime.date(1899, 12, 31), 1)


def serial(kind, text, epoch, leap):
    """The number that stands for a date, a time or an interval."""
    days = 0
    if kind in ("date", "timestamp"):
        days = (datetime.date.fromisoformat(text[:10]) - epoch).days
        days += leap if days >= 60 else 0
        text = text[11:]
    if text:
        hours, minutes, seconds = text.split(":")
        days += int(hours) / 24 + int(minutes) / 1440 + float(seconds) / 86400
    return days


def agrees(kind, wanted, cell, epoch):
    if cell is None:
        return wanted in (None, "")
    if kind == "n":
        return cell[0] == "number" and float(cell[1]) == float(wanted)
    if kind == "b":
        return cell == ("boolean", "true" if wanted else "false")
    if kind == "d":
        return cell[0] in ("date", "timestamp", "time", "interval") and abs(serial(*cell, *epoch) - wanted) < 0.6 * MILLISECOND
    return cell[0] == {"s": "text", "e": "error"}[kind] and cell[1] == wanted


def is_explained(name, value):
    explained.update({(name, value)} & set(EXPLAINED))
    return (name, value) in EXPLAINED


with open(folder + "/expected.json") as file:
    expected = json.load(file)
failures = 0
for name, case in sorted(expected.items()):
    path = "%s/%s.xlsx" % (folder, name)
    cells, error = read(path)
    problems = []
    if case["cells"] == "ERROR":
        problems = [] if error else ["was not refused"]
    elif case["cells"] != "ANY":
        if error and not is_explained(name, None):
            problems.append(error)
        for row, column, kind, value in [] if error else case["cells"]:
            got = cells.get((row, column))
            if not agrees(kind, value, got, kind == "d" and calendar(path)) and not is_explained(name, got and got[1]):
                problems.append((row, column, kind, value, got))
    if problems:
        failures += 1
        print(name, "-", case["what"], "-", problems[:5])
for stale in sorted(set(EXPLAINED) - explained, key=str):
    failures += 1
    print("explains nothing:", *stale, "-", EXPLAINED[stale])
print("%d workbooks, %d differ, %d differences explained" % (len(expected), failures, len(explained)))
sys.exit(failures > 0)
