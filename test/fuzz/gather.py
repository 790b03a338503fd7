"""Sorts files, and the parts of workbooks among them, into a folder for each format of the fuzzer.

usage: gather.py FOLDER LARGEST FILE...

Files of more than LARGEST bytes are left out, for mutations of them are slow and seldom of use.
"""
import hashlib
import os
import sys
import zipfile

folder, largest = sys.argv[1], int(sys.argv[2])
PARTS = (("xl/worksheets/sheet", "sheet"), ("xl/sharedStrings.", "strings"), ("xl/styles.", "styles"), ("xl/workbook.", "book"),
         ("xl/_rels/workbook.xml.rels", "rels"), ("content.xml", "ods"))

BINARY = {"sheet": "xlsb", "strings": "xlsbstrings", "styles": "xlsbstyles", "book": "xlsbbook"}


def keep(kind, data):
    if not 0 < len(data) <= largest:
        return
    os.makedirs(os.path.join(folder, kind), exist_ok=True)
    with open(os.path.join(folder, kind, hashlib.sha1(data).hexdigest()), "wb") as file:
        file.write(data)


def keep_parts(path):
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                for prefix, kind in PARTS:
                    if info.filename.startswith(prefix) and 0 < info.file_size <= largest:
                        keep(BINARY.get(kind, kind) if info.filename.endswith(".bin") else kind, archive.read(info))
    except Exception:                   # a broken archive has no parts to give
        pass


def kind_of(data):
    start = data[:4096].replace(b"\0", b"").lower()
    if data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18")):
        return "packed"
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "xls"
    if data.startswith(b"\x09") and data[2:4] in (b"\4\0", b"\6\0", b"\x08\0", b"\x10\0"):
        return "biff"
    if b"urn:schemas-microsoft-com:office:spreadsheet" in start and b"<html" not in start:
        return "xmlss"
    if b"office:document" in start:
        return "fods"
    if b"<html" in start or b"<table" in start or b"<!doctype html" in start:
        return "html"
    if start.lstrip(b" \t\r\n\xef\xbb\xbf\xff\xfe")[:1] in (b"{", b"["):
        return "json"
    return "csv"


for path in sys.argv[3:]:
    with open(path, "rb") as file:
        data = file.read(4 << 20)
    if data.startswith(b"PK"):
        keep("zip", data)
        keep_parts(path)
    else:
        kind = kind_of(data)
        keep(kind, data)
        if kind == "biff":
            keep("xls", data)
