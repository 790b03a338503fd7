"""Writes binary Excel workbooks record by record and checks what reader_check makes of them.

usage: authored_xlsb.py READER_CHECK FOLDER

Whole ones must give the cells listed with them, refused ones their message, and damaged ones
either of the two, but no crash and no hang.
"""
import io
import random
import struct
import zipfile

from authored import failures, finish, gives, refused, run, some, survives

chance = random.Random(42)


def noise(length):
    """Text that packs badly: a reader refuses what unpacks to many times its size."""
    return chance.getrandbits(4 * length).to_bytes(length // 2, "little").hex()


# --- records ---


def rec(kind, data=b"", length=None):
    out = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    length = len(data) if length is None else length
    while length > 127:
        out += bytes([length & 127 | 128])
        length >>= 7
    return out + bytes([length]) + data


def text(string):
    data = string.encode("utf-16-le", "surrogatepass")
    return struct.pack("<I", len(data) // 2) + data


def row(number):
    return rec(0, struct.pack("<I", number) + bytes(13))


def cell(kind, column, value=b"", style=0):
    return rec(kind, struct.pack("<II", column, style) + value)


def short(kind, value=b"", style=0):
    return rec(kind, struct.pack("<I", style) + value)


def rk(value, hundredth=False, integer=True):
    if integer:
        return struct.pack("<I", (value << 2 & 0xFFFFFFFF) | 2 | hundredth)
    return struct.pack("<I", struct.unpack("<Q", struct.pack("<d", value))[0] >> 32 & 0xFFFFFFFC | hundredth)


def real(value):
    return struct.pack("<d", value)


def sheet(records, end=rec(146) + rec(130)):
    return rec(129) + rec(145) + records + end


def sst(*items, end=rec(160)):
    return rec(159, bytes(8)) + b"".join(rec(19, item) for item in items) + end


def styles(formats, ids):
    return (rec(278) + b"".join(rec(44, struct.pack("<H", i) + text(code)) for i, code in formats)
            + rec(626) + rec(47, struct.pack("<HH", 0, 14) + bytes(12)) + rec(627)
            + rec(617) + b"".join(rec(47, struct.pack("<HH", 0, i) + bytes(12)) for i in ids) + rec(618) + rec(279))


# --- the package ---

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def relations(*targets):
    return ('<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">' + "".join(
        '<Relationship Id="rId%d" Type="%s%s" Target="%s"/>' % (i + 1, RELATIONS, kind, target)
        for i, (kind, target) in enumerate(targets)) + "</Relationships>").encode()


def book(sheets, strings=None, style=None, flags=0, place="xl/workbook.bin", changed={}):
    """Sheets: (name, kind of relation, state, part)."""
    base = place.rsplit("/", 1)
    targets = [(kind, "sheets/%d.bin" % i) for i, (_, kind, _, _) in enumerate(sheets)]
    parts = {"%s/sheets/%d.bin" % (base[0], i): s[3] for i, s in enumerate(sheets)}
    for kind, part in (("sharedStrings", strings), ("styles", style)):
        if part is not None:
            targets.append((kind, kind + ".bin"))
            parts["%s/%s.bin" % (base[0], kind)] = part
    parts["_rels/.rels"] = relations(("officeDocument", place))
    parts["%s/_rels/%s.rels" % tuple(base)] = relations(*targets)
    parts[place] = rec(131) + rec(153, struct.pack("<III", flags, 0, 0)) + b"".join(
        rec(156, struct.pack("<II", state, i + 1) + text("rId%d" % (i + 1)) + text(name))
        for i, (name, _, state, _) in enumerate(sheets)) + rec(132)
    parts.update(changed)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return out.getvalue()


def one(records, **how):
    return book([("S", "worksheet", 0, sheet(records))], **how)


# --- merged cells, hidden rows ---

merged = rec(177, struct.pack("<I", 2)) + rec(176, struct.pack("<IIII", 0, 1, 0, 1)) + rec(176, struct.pack("<IIII", 2, 2, 1, 4)) + rec(178)
grid = book([("S", "worksheet", 0, sheet(row(0) + cell(6, 0, text("top")) + cell(2, 3, rk(1)) +
             rec(0, struct.pack("<IIHBBB", 1, 0, 300, 0, 0x10, 0) + bytes(4)) + cell(2, 3, rk(2)) + row(2) + cell(2, 1, rk(3)),
             rec(146) + merged + rec(130)))])
gives("merged cells as they are", grid, "1 1 text top", "1 4 number 1", "2 4 number 2", "3 2 number 3")
gives("merged cells, filled", grid, "1 1 text top", "1 2 text top", "1 4 number 1", "2 1 text top", "2 2 text top", "2 4 number 2",
      "3 2 number 3", "3 3 number 3", "3 4 number 3", "3 5 number 3", options=("-l", "merged_rows=99"))
gives("hidden rows", grid, "1 1 text top", "1 4 number 1", "3 2 number 3", options=("-l", "skip_hidden_rows"))

refused("strings beyond the limit", book([("S", "worksheet", 0, sheet(row(0) + cell(7, 0, bytes(4))))], strings=sst(*[b"\0" + text("x" * 100)] * 9)),
        "the shared strings take more than max_shared_strings", options=("-l", "max_shared_strings=500"))
refused("a name that is too long", book([("S" * 70000, "worksheet", 0, sheet(row(0)))]), "a name in it is too long", options=("-l", "max_compression_ratio=9999"))

# --- values ---

values = b"".join([
    rec(37, bytes(6)), rec(1024, bytes(4)), rec(38), row(0),
    cell(5, 0, real(1.5)), cell(5, 1, real(0.1 + 0.2)), cell(5, 2, real(float("inf"))), cell(2, 3, rk(-7)),
    cell(2, 4, rk(12345, True)), cell(2, 5, rk(2.5, False, False)), cell(2, 6, rk(250.0, True, False)),
    row(1), cell(1, 0), row(2),
    cell(4, 0, b"\1"), cell(4, 1, b"\0"), cell(3, 2, b"\x07"), cell(3, 3, b"\x99"),
    row(4), cell(6, 1, text("na\xefve \u20ac\U0001F600")), cell(6, 2, text("a\0b")), cell(6, 3, text("x\ud800y\udc00")),
    cell(6, 4, text("_x0041_")), cell(62, 5, b"\1" + text("rich") + bytes(12)), cell(6, 6, b"\xff\xff\xff\xff"), cell(1, 9),
    row(5), cell(7, 1, b"\0\0\0\0"), cell(7, 2, b"\2\0\0\0"), cell(7, 3, b"\1\0\0\0"), cell(7, 4, b"\3\0\0\0"),
    row(6), cell(8, 0, text("text") + bytes(9)), cell(9, 1, real(2.25) + bytes(9)), cell(10, 2, b"\1" + bytes(9)),
    cell(11, 3, b"\x2a" + bytes(9)), cell(8, 4, text("") + bytes(9)),
    row(7), cell(2, 2, rk(1)), short(12), short(13, rk(2)), short(14, b"\x17"), short(15, b"\1"), short(16, real(0.5)),
    short(17, text("short")), short(18, b"\0\0\0\0"), rec(35, bytes(4)), cell(2, 99, rk(1)), rec(36),
    row(1048575), short(13, rk(3)), cell(2, 16383, rk(4)),
])
strings = sst(b"\0" + text("first"), b"\0" + text(""), b"\1" + text("rich") + struct.pack("<I", 1) + bytes(4),
              b"\2" + text("\u6771\u4eac") + text("\u30c8\u30a6") + struct.pack("<I", 0))
expected = [
    "1 1 number 1.5", "1 2 number 0.30000000000000004", "1 3 error #NUM!", "1 4 number -7", "1 5 number 123.45",
    "1 6 number 2.5", "1 7 number 2.5", "3 1 boolean true", "3 2 boolean false", "3 3 error #DIV/0!", "3 4 error #ERROR!",
    "5 2 text na\xefve \u20ac\U0001F600", "5 3 text ab", "5 4 text x\ufffdy\ufffd", "5 5 text _x0041_", "5 6 text rich",
    "5 7 text ", "6 2 text first", "6 3 text rich", "6 4 text ", "6 5 text \u6771\u4eac",
    "7 1 text text", "7 2 number 2.25", "7 3 boolean true", "7 4 error #N/A", "7 5 text ",
    "8 3 number 1", "8 5 number 2", "8 6 error #REF!", "8 7 boolean true", "8 8 number 0.5", "8 9 text short",
    "8 10 text first", "1048576 1 number 3", "1048576 16384 number 4",
]
whole = one(values, strings=strings)
gives("values", whole, *expected)
gives("a workbook elsewhere", one(values, strings=strings, place="other/book.dat"), *expected)
long = noise(30000)
many = b"".join(row(i) + cell(6, 0, text(long)) for i in range(40))
gives("records across the pieces of a part", one(many), *["%d 1 text %s" % (i + 1, long) for i in range(40)])
gives("a long record of no interest", one(rec(1000, noise(3000000).encode()) + row(0) + cell(2, 0, rk(1))), "1 1 number 1")

# --- numbers that are dates ---

formats = [(164, "yyyy\\-mm\\-dd hh:mm"), (165, "[h]:mm"), (166, '[Red]0.00 "day"'), (14, "0.00")]
dated = b"".join(cell(5, i, real(43831.75), i) for i in range(8))
dates = (row(0) + dated + row(1) + cell(2, 0, rk(59), 1) + cell(2, 1, rk(60), 1) + cell(9, 3, real(0.5) + bytes(3), 2)
         + cell(5, 4, real(-1), 1) + cell(5, 5, real(43831), 999) + short(13, rk(43831), 0x01000001))
style = styles(formats, [0, 15, 21, 164, 165, 166, 14, 22])
gives("dates by number formats", one(dates, style=style),
      "1 1 number 43831.75", "1 2 timestamp 2020-01-01 18:00:00", "1 3 timestamp 2020-01-01 18:00:00",
      "1 4 timestamp 2020-01-01 18:00:00", "1 5 interval 1051962:00:00", "1 6 number 43831.75",
      "1 7 number 43831.75", "1 8 timestamp 2020-01-01 18:00:00",
      "2 1 date 1900-02-28", "2 2 number 60", "2 4 time 12:00:00", "2 5 number -1", "2 6 number 43831", "2 7 date 2020-01-01")
gives("the calendar of 1904", one(row(0) + cell(2, 0, rk(0), 1), style=style, flags=1), "1 1 date 1904-01-01")

# --- sheets ---

kinds = book([("Chart", "chartsheet", 0, b""), ("\u0160koda", "worksheet", 0, sheet(row(0) + cell(2, 0, rk(2)))),
              ("Macro", "xlMacrosheet", 0, sheet(row(0) + cell(2, 0, rk(3)))), ("Dialog", "dialogsheet", 0, b""),
              ("Hidden", "worksheet", 1, sheet(row(0) + cell(2, 0, rk(4)))), ("Very hidden", "worksheet", 2, sheet(b""))])
gives("charts, macros and dialogs are no sheets", kinds, ("\u0160koda", "1", "1", "number", "2"), ("Hidden", "1", "1", "number", "4"))
if [line.split("\t")[3] for line in run(kinds, "hidden", "-s").split("\n") if "\t0\t0\t" in line] != ["visible", "hidden", "hidden"]:
    failures.append("hidden sheets")

# --- refused ---

first = row(0) + cell(2, 0, rk(1))
refused("no end of the cells", book([("S", "worksheet", 0, sheet(first, b""))]), "end too early")
refused("a sheet without cells", book([("S", "worksheet", 0, rec(129) + rec(130))]), "end too early")
refused("a record cut by the end of its part", book([("S", "worksheet", 0, sheet(first, rec(146, b"", 99)))]), "end too early")
refused("a record longer than its part", one(first + rec(5, bytes(9), 0x0FFFFFFF)), "end too early")
refused("no end of the strings", one(first, strings=sst(end=b"")), "end too early")
refused("no end of the workbook", one(first, changed={"xl/workbook.bin": rec(131)}), "end too early")
refused("no beginning of the workbook", one(first, changed={"xl/workbook.bin": rec(132)}), "does not begin as a workbook")
refused("an empty workbook", one(first, changed={"xl/workbook.bin": b""}), "end too early")
refused("other than shared strings", one(first, strings=rec(131)), "does not begin as shared strings")
refused("a list of sheets cut short", one(first, changed={"xl/workbook.bin": rec(131) + rec(156, bytes(6)) + rec(132)}), "cut short")
refused("a name longer than its record",
        one(first, changed={"xl/workbook.bin": rec(131) + rec(156, bytes(8) + b"\7\0\0\0ab") + rec(132)}), "longer than its record")
refused("a number format cut short", one(first, style=rec(278) + rec(44, b"\1")), "a number format is cut short")
refused("a cell style cut short", one(first, style=rec(617) + rec(47, b"\1")), "a cell style is cut short")
refused("a shared string that is not there", one(first + cell(7, 1, b"\4\0\0\0"), strings=strings), "shared string that does not exist")
refused("a string longer than its record", one(first, strings=sst(b"\0\xfe\xff\xff\xffab")), "longer than its record")
refused("a text longer than its record", one(first + cell(6, 1, b"\2\0\0\0a")), "longer than its record")
refused("a cell cut short", one(first + cell(5, 1, bytes(7))), "a cell is cut short")
refused("a cell without a place", one(first + rec(2, b"\0\0")), "a cell is cut short")
refused("a cell before any row", one(cell(2, 0, rk(1))), "before any row")
refused("a row cut short", one(first + rec(0, b"\1")), "a row is cut short")
refused("a row beyond the last", one(first + row(1048576)), "the row number", 1)
refused("a row twice", one(first + row(0)), "not in order", 1)
refused("rows out of order", one(row(5) + cell(2, 0, rk(1)) + row(4)), "not in order", 1)
refused("a column beyond the last", one(first + cell(2, 16384, rk(1))), "beyond the last")
refused("a short cell beyond the last", one(first + cell(1, 16383) + short(13, rk(1))), "beyond the last")
refused("a column that is no number", one(first + cell(2, 0xFFFFFFFF, rk(1))), "beyond the last")
refused("more cells than columns", one(row(0) + cell(1, 0) * 16385), "more cells than")
refused("a sheet nowhere", one(first, changed={"xl/_rels/workbook.bin.rels": relations()}), "does not say where")
refused("columns beyond the limit", one(first + cell(2, 7, rk(1))), "max_columns", 0, ("-l", "max_columns=5"))
refused("a long text", one(row(0) + cell(6, 0, text("\u20ac" * 40))), "max_cell_size", 0, ("-l", "max_cell_size=100"))
refused("a long shared string", one(first, strings=sst(b"\0" + text("x" * 101))), "max_cell_size", 0, ("-l", "max_cell_size=100"))
refused("a text without measure", one(row(0) + cell(6, 0, text(noise(1100000)))), "max_cell_size")
refused("a part that unpacks to much", one(rec(1000, noise(3000000).encode())), "max_uncompressed_size", 0, ("-l", "max_uncompressed_size=1000000"))
refused("cancelled", one(many), "cancelled", 0, ("-i",))

# --- cut and altered at many places ---

for i in some(40):
    survives("cut at %d of 40" % i, whole[:len(whole) * i // 40])
parts = {"xl/sheets/0.bin": sheet(values), "xl/sharedStrings.bin": strings, "xl/styles.bin": style,
         "xl/workbook.bin": rec(131) + rec(156, struct.pack("<II", 0, 1) + text("rId1") + text("S")) + rec(132)}
for i in some(300):
    place = chance.choice(list(parts))
    altered = bytearray(parts[place])
    for _ in range(1 + i % 4):
        altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8) if i % 2 else chance.randrange(1, 256)
    if i % 7 == 0:
        del altered[chance.randrange(len(altered)):]
    survives("%s, altered %d" % (place, i), one(values, strings=strings, style=style, changed={place: bytes(altered)}))

finish()
