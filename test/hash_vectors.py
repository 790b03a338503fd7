#!/usr/bin/env python3
"""Reproduces the test vectors of docs/row_hash.md without PostgreSQL, and sees that test/sql/hash.sql asks it for the same; prints TAP."""
import datetime as dt, decimal, math, pathlib, struct, sys, uuid
try:
    import xxhash
except ImportError:
    sys.exit(print("1..0 # skip python module xxhash is not installed"))

def element(tag, content):
    return tag + struct.pack("<I", len(content)) + content

class Interval(tuple):
    """months, days, microseconds"""

class Json:
    def __init__(self, value): self.value = value

def microseconds(time):
    return ((time.hour * 60 + time.minute) * 60 + time.second) * 1000000 + time.microsecond

def json_value(value):
    if isinstance(value, list): return element(b"[", b"".join(map(json_value, value)))
    if isinstance(value, dict):
        return element(b"{", b"".join(encode(key) + json_value(value[key]) for key in sorted(value, key=str.encode)))
    return encode(value)

def number(value):
    if not decimal.Decimal(value).is_finite():
        return {"NaN": b"nan", "Infinity": b"inf", "-Infinity": b"-inf"}[str(decimal.Decimal(value))]
    sign, digits, exponent = decimal.Decimal(value).as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    exponent += len(text) - len(text.rstrip("0"))
    return ("-" * sign + text.rstrip("0") + "e%d" % exponent if text else "0e0").encode()

def encode(value):
    if value is None: return b"\0"
    if isinstance(value, bool): return element(b"b", bytes([value]))
    if isinstance(value, Json): return element(b"j", json_value(value.value))
    if isinstance(value, Interval): return element(b"i", struct.pack("<iiq", *value))
    if isinstance(value, tuple): return element(b"r", b"".join(map(encode, value)))
    if isinstance(value, dt.time) and value.tzinfo:
        return element(b"w", struct.pack("<qi", microseconds(value), -int(value.utcoffset().total_seconds())))
    if isinstance(value, dt.time): return element(b"c", struct.pack("<q", microseconds(value)))
    if isinstance(value, (int, decimal.Decimal)): return element(b"n", number(value))
    if isinstance(value, float): return element(b"n", number(repr(value)))
    if isinstance(value, str): return element(b"t", value.encode())
    if isinstance(value, bytes): return element(b"x", value)
    if isinstance(value, uuid.UUID): return element(b"u", value.bytes)
    if isinstance(value, dt.datetime):
        epoch = dt.datetime(1970, 1, 1, tzinfo=value.tzinfo and dt.timezone.utc)
        return element(b"z" if value.tzinfo else b"s", struct.pack("<q", (value - epoch) // dt.timedelta(microseconds=1)))
    if isinstance(value, dt.date): return encode(dt.datetime(value.year, value.month, value.day))
    if isinstance(value, list):
        sizes, values = [len(value)], value
        while values and isinstance(values[0], list):
            sizes, values = sizes + [len(values[0])], [inner for outer in values for inner in outer]
        sizes = sizes if value else []
        return element(b"a", struct.pack("<%di" % (len(sizes) + 1), len(sizes), *sizes) + b"".join(map(encode, values)))
    raise TypeError(value)

page = (pathlib.Path(__file__).parent.parent / "docs/row_hash.md").read_text(encoding="utf-8")
server = (pathlib.Path(__file__).parent / "sql/hash.sql").read_text(encoding="utf-8")
rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `row_hash(")]
print("1..%d" % len(rows))
for i, (sql, python, code, result) in enumerate(rows, 1):
    encoding = b"".join(map(encode, eval(python.strip("`"))))
    got = str(uuid.UUID(bytes=xxhash.xxh3_128_digest(encoding)))
    same = (encoding.hex(), got) == (code.strip("`"), result.strip("`")) and "(medallion.%s, '%s')" % (sql.strip("`"), got) in server
    print("%sok %d - %s" % ("" if same else "not ", i, sql.strip("`")))
