"""Compares reader_check's cells with the expected ones of a folder of crafted workbooks.

usage: crafted.py READER_CHECK FOLDER

expected.json lists [row, column, type, value] of each workbook, its first rows where it is long;
"ERROR" where it must be refused, "ANY" where either will do.
"""
import json
import subprocess
import sys

check, folder = sys.argv[1:]

# What we read otherwise, and why.
EXPLAINED = {
    ("d_serials", "60"): "29 February 1900 never was: it stays a number",
    ("d_serials", "2958466"): "beyond 9999-12-31: it stays a number",
    ("d_serials", "-1"): "before the calendar begins: it stays a number",
    ("zip_long_comment", None): "minizip does not find a directory behind a comment of the greatest length",
}
ESCAPES = (("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("\\\\", "\\"))


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


def agrees(kind, wanted, cell):
    if cell is None:
        return wanted in (None, "")
    if kind == "n":
        return cell[0] == "number" and float(cell[1]) == float(wanted)
    if kind == "b":
        return cell == ("boolean", "true" if wanted else "false")
    if kind == "d":
        return cell[0] in ("date", "timestamp", "time", "interval")
    return cell[0] == {"s": "text", "e": "error"}[kind] and cell[1] == wanted


with open(folder + "/expected.json") as file:
    expected = json.load(file)
failures = 0
for name, case in sorted(expected.items()):
    cells, error = read("%s/%s.xlsx" % (folder, name))
    problems = []
    if case["cells"] == "ERROR":
        problems = [] if error else ["was not refused"]
    elif case["cells"] != "ANY":
        if error and (name, None) not in EXPLAINED:
            problems.append(error)
        for row, column, kind, value in [] if error else case["cells"]:
            got = cells.get((row, column))
            if not agrees(kind, value, got) and (name, got and got[1]) not in EXPLAINED:
                problems.append((row, column, kind, value, got))
    if problems:
        failures += 1
        print(name, "-", case["what"], "-", problems[:5])
print("%d workbooks, %d differ, %d differences explained" % (len(expected), failures, len(EXPLAINED)))
sys.exit(failures > 0)
