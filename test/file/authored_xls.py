"""Writes older Excel workbooks record by record and checks what reader_check makes of them.

usage: authored_xls.py READER_CHECK FOLDER

Whole ones must give the cells listed with them, refused ones their message, and damaged ones
either of the two, but no crash and no hang.
"""
import random
import struct

from authored import finish, gives, refused, some, survives

# --- the compound file ---

FREE, END, FAT, DIFAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC


def chained(count, first):
    """Table entries of a chain of sectors that follow each other."""
    return [first + i + 1 for i in range(count - 1)] + [END] if count else []


def entry(name, kind, start, size, left=FREE, right=FREE, child=FREE):
    units = name.encode("utf-16-le") + b"\0\0" if name else b""
    return (units.ljust(64, b"\0") + struct.pack("<HBBIII", len(units), kind, 1, left, right, child)
            + bytes(36) + struct.pack("<IQ", start, size))


def ole(streams, shift=9):
    """A compound file of (name, bytes) streams; short ones lie in the mini stream."""
    size = 1 << shift
    mini, mini_fat, sectors, fat, places = b"", [], [], [], []

    def add(data):
        first = len(sectors)
        pieces = [data[i:i + size].ljust(size, b"\0") for i in range(0, len(data), size)]
        sectors.extend(pieces)
        fat.extend(chained(len(pieces), first))
        return first if pieces else END

    for name, data in streams:
        if len(data) < 4096:
            first = len(mini_fat)
            count = -(-len(data) // 64)
            mini += data.ljust(count * 64, b"\0")
            mini_fat.extend(chained(count, first))
            places.append((name, first if count else END, len(data)))
        else:
            places.append((name, add(data), len(data)))
    mini_start = add(mini)
    mini_fat_start = add(b"".join(struct.pack("<I", n) for n in mini_fat))
    entries = [entry("Root Entry", 5, mini_start, len(mini), child=1 if places else FREE)]
    for i, (name, first, length) in enumerate(places):
        entries.append(entry(name, 2, first, length, right=i + 2 if i + 1 < len(places) else FREE))
    directory = add(b"".join(entries).ljust(-(-len(entries) // 4) * 512, b"\0"))

    per = size // 4
    lists = tables = 0
    while tables * per < len(fat) + tables + lists or tables > 109 + lists * (per - 1):
        tables += 1
        lists = max(0, -(-(tables - 109) // (per - 1)))
    places = list(range(len(sectors), len(sectors) + tables))
    fat += [FAT] * tables + [DIFAT] * lists
    fat += [FREE] * (tables * per - len(fat))
    body = b"".join(sectors) + struct.pack("<%dI" % len(fat), *fat)
    for i in range(lists):
        part = places[109 + i * (per - 1):109 + (i + 1) * (per - 1)]
        part += [FREE] * (per - 1 - len(part))
        following = len(sectors) + tables + i + 1 if i + 1 < lists else END
        body += struct.pack("<%dI" % per, *part, following)
    head = places[:109] + [FREE] * (109 - len(places[:109]))
    header = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
              + struct.pack("<HHHHH", 0x3E, 3 if shift == 9 else 4, 0xFFFE, shift, 6) + bytes(6)
              + struct.pack("<IIIIIIIIIII", 0, tables, directory, 0, 4096,
                            mini_fat_start, -(-len(mini_fat) // per), len(sectors) + tables if lists else END,
                            lists, 0, 0)[:36] + struct.pack("<109I", *head))
    return header.ljust(size, b"\0") + body


# --- records ---


def rec(kind, data=b""):
    return struct.pack("<HH", kind, len(data)) + data


def bof(kind, version=0x0600):
    return rec(0x0809, struct.pack("<HHHH", version, kind, 0, 0) + bytes(8 if version == 0x0600 else 0))


EOF = rec(0x000A)


def text8(text, length="<H", runs=0, phonetic=0, wide=None):
    """A text of version 8."""
    if wide is None:
        wide = any(ord(c) > 255 for c in text)
    data = text.encode("utf-16-le", "surrogatepass") if wide else text.encode("latin-1")
    head = struct.pack(length, len(data) // (2 if wide else 1)) + bytes([wide | (8 if runs else 0) | (4 if phonetic else 0)])
    head += struct.pack("<H", runs) if runs else b""
    head += struct.pack("<I", phonetic) if phonetic else b""
    return head + data + b"\x7e" * (4 * runs + phonetic)


def at(row, column, style=0):
    return struct.pack("<HHH", row, column, style)


def number(row, column, value, style=0):
    return rec(0x0203, at(row, column, style) + struct.pack("<d", value))


def rk(value, hundredth=False, integer=True):
    if integer:
        return (value << 2 & 0xFFFFFFFF) | 2 | hundredth
    return struct.unpack("<Q", struct.pack("<d", value))[0] >> 32 & 0xFFFFFFFC | hundredth


def formula(row, column, result, style=0):
    return rec(0x0006, at(row, column, style) + result + bytes(8))


def special(kind, value=0):
    return bytes([kind, 0, value, 0, 0, 0, 0xFF, 0xFF])


def label8(row, column, text, **how):
    return rec(0x0204, at(row, column) + text8(text, **how))


def sst(*pieces, count=1):
    """Shared strings; each further piece is a CONTINUE record."""
    out = rec(0x00FC, struct.pack("<II", count, count) + pieces[0])
    return out + b"".join(rec(0x003C, piece) for piece in pieces[1:])


def xf8(*formats):
    return b"".join(rec(0x00E0, struct.pack("<HH", 0, number) + bytes(16)) for number in formats)


def book(sheets, globals_=b"", version=0x0600, dialect=None):
    """A stream of version 5 or 8.  Sheets: (name, kind, hidden, records)."""
    def bound(name, kind, hidden, place):
        if version == 0x0600:
            spelled = text8(name, "<B")
        else:
            spelled = bytes([len(name.encode(dialect or "cp1252"))]) + name.encode(dialect or "cp1252")
        return rec(0x0085, struct.pack("<IBB", place, hidden, kind) + spelled)

    def front(places):
        return (bof(5, version) + globals_
                + b"".join(bound(s[0], s[1], s[2], p) for s, p in zip(sheets, places)) + EOF)

    place = len(front([0] * len(sheets)))
    places, bodies = [], b""
    for name, kind, hidden, records in sheets:
        places.append(place + len(bodies))
        bodies += bof({0: 0x10, 1: 0x40, 2: 0x20, 6: 0x06}[kind], version) + records + EOF
    return front(places) + bodies


def one(records, globals_=b"", **how):
    return book([("S", 0, 0, records)], globals_, **how)


# --- merged cells, hidden rows ---

two_rows = b"".join([
    rec(0x0208, struct.pack("<HHHHHHI", 1, 0, 4, 255, 0, 0, 0x20)), rec(0x0208, struct.pack("<HHHHHHI", 2, 0, 4, 255, 0, 0, 0)),
    label8(0, 0, "top"), number(0, 3, 1), number(1, 3, 2), number(2, 1, 3),
    rec(0x00E5, struct.pack("<HHHHHHHHH", 2, 0, 1, 0, 1, 2, 2, 1, 4))])
gives("merged cells as they are", one(two_rows), "1 1 text top", "1 4 number 1", "2 4 number 2", "3 2 number 3")
gives("merged cells, filled", one(two_rows), "1 1 text top", "1 2 text top", "1 4 number 1", "2 1 text top", "2 2 text top", "2 4 number 2",
      "3 2 number 3", "3 3 number 3", "3 4 number 3", "3 5 number 3", options=("-l", "merged_rows=99"))
gives("merged cells, filled in the first rows", one(two_rows), "1 1 text top", "1 2 text top", "1 4 number 1", "2 4 number 2", "3 2 number 3",
      options=("-l", "merged_rows=1"))
gives("hidden rows", one(two_rows), "1 1 text top", "1 4 number 1", "3 2 number 3", options=("-l", "skip_hidden_rows"))

many = struct.pack("<H", 1026) + struct.pack("<HHHH", 0, 1, 0, 1) * 1026
refused("more merged ranges than a sheet can have", one(number(0, 0, 1) + rec(0x00E5, many) * 975), "the sheet has more than 1000000 merged ranges",
        options=("-l", "merged_rows=9"))
refused("strings without their count", one(number(0, 0, 1), rec(0x00FC, bytes(4))), "its shared strings are cut short")
refused("strings beyond the limit", one(number(0, 0, 1), sst(*[text8("x" * 100)] * 9, count=9)), "the shared strings take more than max_shared_strings",
        options=("-l", "max_shared_strings=500"))

# --- values ---

values = b"".join([
    number(0, 0, 1.5), number(0, 1, -0.1), number(0, 2, 0.1 + 0.2), number(0, 3, 1e300), number(0, 4, float("inf")),
    rec(0x027E, at(1, 0) + struct.pack("<I", rk(-7))), rec(0x027E, at(1, 1) + struct.pack("<I", rk(12345, True))),
    rec(0x027E, at(1, 2) + struct.pack("<I", rk(2.5, False, False))),
    rec(0x027E, at(1, 3) + struct.pack("<I", rk(250.0, True, False))),
    rec(0x027E, at(1, 4) + struct.pack("<I", rk(-(1 << 29)))),
    rec(0x00BD, struct.pack("<HH", 2, 1) + b"".join(struct.pack("<HI", 0, rk(n)) for n in (1, 2, 3)) + struct.pack("<H", 3)),
    rec(0x0205, at(3, 0) + b"\1\0"), rec(0x0205, at(3, 1) + b"\0\0"), rec(0x0205, at(3, 2) + b"\x07\1"),
    rec(0x0205, at(3, 3) + b"\x2a\1"), rec(0x0205, at(3, 4) + b"\x99\1"),
    rec(0x0201, at(4, 0)), rec(0x00BE, struct.pack("<HHHHH", 4, 1, 0, 0, 2)),
    label8(5, 0, "na\xefve"), label8(5, 1, "\u20ac\U0001F600"), rec(0x00D6, at(5, 2) + text8("rich", runs=2)),
    label8(5, 3, ""), label8(5, 6, "z\ud800", wide=True), label8(5, 4, "a\0b"), label8(5, 5, "x\ud800y\udc00", wide=True),
    rec(0x00FD, at(6, 1) + struct.pack("<I", 0)), rec(0x00FD, at(6, 2) + struct.pack("<I", 2)),
    rec(0x00FD, at(6, 3) + struct.pack("<I", 1)),
])
strings = sst(text8("first"), text8("") + text8("third"), count=3)
expected = [
    "1 1 number 1.5", "1 2 number -0.1", "1 3 number 0.30000000000000004", "1 4 number 1e300", "1 5 error #NUM!",
    "2 1 number -7", "2 2 number 123.45", "2 3 number 2.5", "2 4 number 2.5", "2 5 number -536870912",
    "3 2 number 1", "3 3 number 2", "3 4 number 3",
    "4 1 boolean true", "4 2 boolean false", "4 3 error #DIV/0!", "4 4 error #N/A", "4 5 error #ERROR!",
    "6 1 text na\xefve", "6 2 text \u20ac\U0001F600", "6 3 text rich", "6 4 text ", "6 5 text ab",
    "6 6 text x\ufffdy\ufffd", "6 7 text z\ufffd", "7 2 text first", "7 3 text third", "7 4 text ",
]
whole = ole([("Workbook", one(values, strings))])
gives("values, in the mini stream", whole, *expected)
filler = number(9, 0, 1.0) * 300
gives("values, in sectors", ole([("Workbook", one(values + filler, strings))]), *expected, "10 1 number 1")
gives("values, in sectors of 4096", ole([("Workbook", one(values + filler, strings))], 12), *expected, "10 1 number 1")
gives("values, without a container", one(values, strings), *expected)
gives("among other streams", ole([("\5SummaryInformation", b"x" * 5000), ("WORKBOOK", one(values, strings)),
                                  ("Book", one(b""))]), *expected)
gives("a table of more sectors than the header lists",
      ole([("Other", bytes(9 << 20)), ("Workbook", one(values + filler, strings))]), *expected, "10 1 number 1")

gives("results of formulas", ole([("Workbook", one(b"".join([
    formula(0, 0, struct.pack("<d", 2.25)), formula(0, 1, special(0)), rec(0x0207, text8("text")),
    formula(0, 2, special(1, 1)), formula(0, 3, special(1, 0)), formula(0, 4, special(2, 0x17)),
    formula(0, 5, special(3)), formula(0, 6, special(0)),
    rec(0x04BC, bytes(10)), rec(0x0207, text8("shar")[:5]), rec(0x003C, b"\0ar"),
    formula(1, 0, special(0)), formula(1, 1, struct.pack("<d", 1)), rec(0x0207, text8("nobody's")),
])))]), "1 1 number 2.25", "1 2 text text", "1 3 boolean true", "1 4 boolean false", "1 5 error #REF!",
    "1 6 text ", "1 7 text shar", "2 2 number 1")

# --- texts broken by the end of a record ---


def broken(*pieces):
    cells = b"".join(rec(0x00FD, at(i, 0) + struct.pack("<I", i)) for i in range(3))
    return ole([("Workbook", one(cells, sst(*pieces, count=3)))])


three = ["1 1 text abcdef", "2 1 text second", "3 1 text third"]
rest = text8("second") + text8("third")
gives("broken: narrow on both sides", broken(text8("abcdef")[:6], b"\0" + b"def" + rest), *three)
gives("broken: narrow, then wide", broken(text8("abcdef")[:6], b"\1" + "def".encode("utf-16-le") + rest), *three)
gives("broken: wide, then narrow", broken(text8("abcdef", wide=True)[:9], b"\0" + b"def" + rest), *three)
gives("broken: three times", broken(text8("abcdef")[:5], b"\1" + "cd".encode("utf-16-le"), b"\0e", b"\0f" + rest), *three)
gives("broken: between header and characters", broken(text8("abcdef")[:3], b"\0abcdef" + rest), *three)
gives("broken: between texts", broken(text8("abcdef"), text8("second"), text8("third")), *three)
gives("broken: inside runs", broken(text8("abcdef", runs=3)[:15], (b"\x7e" * 8) + rest), *three)
gives("broken: inside phonetic hints", broken(text8("abcdef", runs=1, phonetic=9)[:20], b"\x7e" * 8 + rest), *three)
gives("broken: inside a surrogate pair",
      broken(text8("\U0001F600bc")[:5], b"\1" + "\U0001F600bc".encode("utf-16-le")[2:] + rest),
      "1 1 text \U0001F600bc", *three[1:])
gives("an empty CONTINUE", broken(text8("abcdef"), b"", rest), *three)
refused("a character cut by the end of a record", broken(text8("abcdef", wide=True)[:8], b"\0" + b"def" + rest), "a character is cut")
refused("a text longer than its records", broken(text8("abcdef")[:6]), "a text is longer than its record")

# --- numbers that are dates ---

formats = b"".join(rec(0x041E, struct.pack("<H", i) + text8(code)) for i, code in
                   [(164, 'yyyy\\-mm\\-dd hh:mm'), (165, '[h]:mm'), (166, '[Red]0.00 "day"'), (14, '0.00')])
styles = xf8(0, 15, 21, 164, 165, 166, 14, 22)
dates = b"".join(number(0, i, 43831.75, i) for i in range(8)) + rec(0x027E, at(1, 0, 1) + struct.pack("<I", rk(59))) \
    + rec(0x00BD, struct.pack("<HH", 1, 1) + struct.pack("<HIHI", 1, rk(60), 1, rk(61)) + struct.pack("<H", 2)) \
    + formula(1, 3, struct.pack("<d", 0.5), 2) + number(1, 4, -1.0, 1) + number(1, 5, 43831, 999)
gives("dates by number formats", ole([("Workbook", one(dates, formats + styles))]),
      "1 1 number 43831.75", "1 2 timestamp 2020-01-01 18:00:00", "1 3 timestamp 2020-01-01 18:00:00",
      "1 4 timestamp 2020-01-01 18:00:00", "1 5 interval 1051962:00:00", "1 6 number 43831.75",
      "1 7 number 43831.75", "1 8 timestamp 2020-01-01 18:00:00",
      "2 1 date 1900-02-28", "2 2 number 60", "2 3 date 1900-03-01", "2 4 time 12:00:00", "2 5 number -1",
      "2 6 number 43831")
gives("formats behind the styles, and the calendar of 1904",
      ole([("Workbook", one(number(0, 0, 0, 1) + number(0, 1, 1.5, 3), styles + formats + rec(0x0022, b"\1\0")))]),
      "1 1 date 1904-01-01", "1 2 timestamp 1904-01-02 12:00:00")

# --- sheets ---

gives("hidden sheets; charts, macros and modules are none", ole([("Workbook", book([
    ("Chart", 2, 0, number(0, 0, 1)), ("\u0160koda", 0, 0, number(0, 0, 2)), ("Macro", 1, 0, number(0, 0, 3)),
    ("Hidden", 0, 1, number(0, 0, 4)), ("Module", 6, 0, b""), ("Very hidden", 0, 2, number(0, 0, 5)), ("Empty", 0, 0, b"")]))]),
    ("\u0160koda", "1", "1", "number", "2"), ("Hidden", "1", "1", "number", "4"), ("Very hidden", "1", "1", "number", "5"))
gives("a chart in a sheet", ole([("Workbook", one(
    number(0, 0, 1) + bof(0x20) + number(0, 0, 9) + bof(0x20) + EOF + number(5, 0, 9) + EOF + number(1, 0, 2)))]),
    "1 1 number 1", "2 1 number 2")
gives("rows and cells out of order; the later of two counts", ole([("Workbook", one(
    number(5, 2, 1) + number(0, 1, 2) + number(5, 0, 3) + formula(0, 0, special(0)) + rec(0x0207, text8("x"))
    + number(3, 0, 4) + number(3, 0, 5) + number(5, 2, 6)))]),
    "1 1 text x", "1 2 number 2", "4 1 number 5", "6 1 number 3", "6 3 number 6")
gives("a chart that is listed as a sheet", one(number(0, 0, 1)).replace(bof(0x10), bof(0x20)))
gives("the last cell there can be", ole([("Workbook", one(number(65535, 255, 1)))]), "65536 256 number 1")

# --- versions before 8 ---


def label5(row, column, text, codepage, kind=0x0204):
    data = text.encode(codepage)
    return rec(kind, at(row, column) + struct.pack("<H", len(data)) + data + (b"\1\0\0" if kind == 0x00D6 else b""))


for page, codec, text in [(1252, "cp1252", "na\xefve \u20ac"), (0x8001, "cp1252", "\xe9"), (1251, "cp1251", "\u041f\u0440\u0438\u0432\u0435\u0442"),
                          (1250, "cp1250", "\u017dlu\u0165"), (1253, "cp1253", "\u0393\u03b5\u03b9\u03b1"), (437, "cp437", "\xfcber"),
                          (932, "cp932", "\u65e5\u672c"), (10000, "mac_roman", "\xe9t\xe9")]:
    stream = book([(text, 0, 0, label5(0, 0, text, codec) + label5(0, 1, text, codec, 0x00D6)
                    + formula(0, 2, special(0)) + rec(0x0207, struct.pack("<H", len(text.encode(codec))) + text.encode(codec))
                    + number(0, 3, 43831, 1))],
                  rec(0x0042, struct.pack("<H", page)) + rec(0x041E, struct.pack("<HB", 164, 8) + b"dd/mm/yy") + xf8(0, 164),
                  version=0x0500, dialect=codec)
    gives("version 5, code page %d" % page, ole([("Book", stream)]), (text, "1", "1", "text", text),
          (text, "1", "2", "text", text), (text, "1", "3", "text", text), (text, "1", "4", "date", "2020-01-01"))
stray = one(rec(0x0204, at(0, 0) + b"\3\0a\x98b"), rec(0x0042, struct.pack("<H", 1251)), version=0x0500)
gives("version 5, a byte that its code page does not have", ole([("Book", stray)]), "1 1 text a\ufffdb")
gives("version 5, an unknown code page, plain texts",
      ole([("Book", one(label5(0, 0, "plain", "ascii"), rec(0x0042, b"\x39\x30"), version=0x0500))]), "1 1 text plain")
refused("version 5, an unknown code page", ole([("Book", one(label5(0, 0, "\xe9", "cp1252"), rec(0x0042, b"\x39\x30"),
                                                             version=0x0500))]), "code page 12345, which is not known here")


def named(*cells):
    return [("Sheet1",) + tuple(cell.split(" ", 3)) for cell in cells]


def at2(row, column, style=0, format_=0):
    return struct.pack("<HHBBB", row, column, style, format_, 0)


old = rec(0x0009, b"\2\0\x10\0") + b"".join(rec(0x001E, bytes([len(f)]) + f) for f in (b"General", b"dd/mm/yy")) + b"".join([
    rec(0x0002, at2(0, 0) + struct.pack("<H", 65535)), rec(0x0003, at2(0, 1, 0, 1) + struct.pack("<d", 43831)),
    rec(0x0004, at2(0, 2) + b"\4caf\xe9"), rec(0x0005, at2(0, 3) + b"\1\0"), rec(0x0001, at2(0, 4)),
    rec(0x0006, at2(0, 5) + special(0) + bytes(4)), rec(0x0007, b"\2ok"), rec(0x0005, at2(1, 0) + b"\x07\1")]) + EOF
gives("version 2", old, *named("1 1 number 65535", "1 2 date 2020-01-01", "1 3 text caf\xe9", "1 4 boolean true",
                               "1 6 text ok", "2 1 error #DIV/0!"))
gives("version 2, styles by number", rec(0x0009, b"\2\0\x10\0") + rec(0x001E, b"\7General") + rec(0x001E, b"\x08dd/mm/yy")
      + rec(0x0043, b"\0\0\0\0") * 64 + rec(0x0043, b"\0\0\1\0") + rec(0x0044, b"\x40\0")
      + rec(0x0003, at2(0, 0, 63) + struct.pack("<d", 43831)) + rec(0x0003, at2(0, 1) + struct.pack("<d", 43831)) + EOF,
      *named("1 1 date 2020-01-01", "1 2 number 43831"))
for version, begin, style, form, result in [(3, 0x0209, 0x0243, rec(0x001E, b"\x08dd/mm/yy"), 0x0206),
                                            (4, 0x0409, 0x0443, rec(0x041E, b"\0\0\x08dd/mm/yy"), 0x0406)]:
    stream = (rec(begin, b"\0\0\x10\0\0\0") + form + rec(style, b"\0\x0c" + bytes(10)) + rec(style, b"\0\0" + bytes(10))
              + number(0, 0, 43831, 1) + label5(0, 1, "caf\xe9", "cp1252") + rec(0x027E, at(0, 2) + struct.pack("<I", rk(5)))
              + rec(result, at(0, 3) + special(0) + bytes(4)) + rec(0x0207, b"\2\0ok") + EOF)
    gives("version %d" % version, stream, *named("1 1 date 2020-01-01", "1 2 text caf\xe9", "1 3 number 5", "1 4 text ok"))
bundle = rec(0x0409, b"\0\0\0\1\0\0")
for name in (b"One", b"Two"):
    bundle += rec(0x008F, bytes(4) + bytes([len(name)]) + name) + rec(0x0409, b"\0\0\x10\0\0\0") + label5(0, 0, name.decode(), "ascii") + EOF
gives("version 4, two sheets", bundle + EOF, ("One", "1", "1", "text", "One"), ("Two", "1", "1", "text", "Two"))

# --- refused ---

refused("a password", ole([("Workbook", one(values, rec(0x002F, bytes(6)) + strings))]), "password-protected")
refused("a password, version 2", rec(0x0009, b"\2\0\x10\0") + rec(0x002F, bytes(4)) + EOF, "password-protected")
refused("an encrypted package", ole([("EncryptionInfo", b"x"), ("EncryptedPackage", bytes(5000))]), "password-protected")
refused("another compound file", ole([("WordDocument", bytes(5000))]), "without an Excel workbook in it")
refused("an unknown version", ole([("Workbook", bof(5, 0x0700) + EOF)]), "unknown version (0700)")
refused("no end of the workbook", ole([("Workbook", bof(5))]), "end too early")
refused("no end of a sheet", one(values, strings)[:-4], "end too early")
refused("a shared string that is not there", ole([("Workbook", one(rec(0x00FD, at(0, 0) + b"\3\0\0\0"), strings))]),
        "shared string that does not exist")
refused("shared strings twice", ole([("Workbook", one(values, strings + strings))]), "twice")
refused("a cell cut short", ole([("Workbook", one(rec(0x0203, at(0, 0) + bytes(4))))]), "a cell is cut short")
refused("a cell without a place", ole([("Workbook", one(rec(0x0203, b"\0\0")))]), "a cell is cut short")
refused("a column beyond the last", ole([("Workbook", one(number(0, 256, 1)))]), "beyond the last")
refused("many columns beyond the last", ole([("Workbook", one(rec(0x00BD, struct.pack("<HH", 0, 250) + bytes(6 * 9 + 2))))]),
        "beyond the last")
shared_place = book([("S", 0, 0, number(0, 0, 1) * 900), ("T", 0, 0, b"")])
place = struct.pack("<I", shared_place.index(bof(0x10)))
second = shared_place.index(text8("T", "<B")) - 6
refused("sheets that overlap", shared_place[:second] + place + shared_place[second + 4:], "its sheets overlap", 1)
refused("a sheet nowhere", shared_place[:second] + b"\xff\xff\xff\x7f" + shared_place[second + 4:], "end too early", 1)
refused("a sheet inside a record", shared_place[:second] + struct.pack("<I", shared_place.index(bof(0x10)) + 30)
        + shared_place[second + 4:], "does not begin where it should", 1)

refused("a style cut short", ole([("Workbook", one(b"", rec(0x00E0, b"\0\0")))]), "a cell style is cut short")
refused("a list of sheets cut short", ole([("Workbook", one(b"", rec(0x0085, bytes(6))))]), "the list of its sheets is cut short")
refused("a name longer than its record", ole([("Workbook", one(b"", rec(0x0085, bytes(6) + b"\7\0ab")))]), "longer than its record")
refused("no BOF", ole([("Workbook", values)]), "it does not begin as one")

# --- a compound file that lies ---

large = ole([("Workbook", one(values + filler, strings))])
sectors_of_book = -(-len(one(values + filler, strings)) // 512)
fat_sector = struct.unpack_from("<I", large, 76)[0]
directory = struct.unpack_from("<I", large, 48)[0]


def patched(data, offset, form, *numbers):
    out = bytearray(data)
    struct.pack_into(form, out, offset, *numbers)
    return bytes(out)


fat_at, directory_at = (fat_sector + 1) * 512, (directory + 1) * 512
refused("a chain that loops", patched(large, fat_at + 4 * 5, "<I", 2), "comes back to itself")
refused("a chain beyond the file", patched(large, fat_at + 4 * 5, "<I", 0x00FFFFFF), "leads beyond the last sector")
refused("a chain that ends too early", patched(large, fat_at + 4 * 5, "<I", END), "ends too early")
refused("a directory that loops", patched(large, fat_at + 4 * directory, "<I", directory), "comes back to itself")
refused("a tree of entries that loops", patched(patched(large, directory_at + 128 + 68, "<II", 1, 1), directory_at + 128 + 64, "<H", 2),
        "its directory comes back to itself")
refused("a tree that leads nowhere", patched(large, directory_at + 76, "<I", 77), "an entry that does not exist")
refused("a stream longer than the file", patched(large, directory_at + 128 + 120, "<I", 0x7FFFFFFF), "longer than the file")
refused("a stream cut by the file's end", large[:512 * sectors_of_book], "the compound file is damaged")
refused("lists of the table that loop", patched(patched(large, 68, "<I", 0), 76, "<109I", *[FREE] * 109), "the compound file is damaged")
long = ole([("Other", bytes(9 << 20)), ("Workbook", one(values))])
list_at = (struct.unpack_from("<I", long, 68)[0] + 1) * 512
refused("a list of the table that leads to itself", patched(long, list_at, "<128I", *[FREE] * 127 + [list_at // 512 - 1]),
        "the list of its allocation table comes back to itself")
refused("no directory", patched(large, 48, "<I", END), "it has no directory")
refused("a directory without a root", patched(large, directory_at + 66, "<B", 2), "does not begin with a root")
refused("sectors of no sensible size", patched(large, 30, "<H", 31), "does not make sense")
refused("a mini chain that loops", patched(whole, (struct.unpack_from("<I", whole, 60)[0] + 1) * 512 + 4 * 3, "<I", 1), "comes back to itself")
refused("a header alone", large[:512], "cut short")
refused("half a header", large[:100], "cut short")

# --- cut and altered at many places ---

chance = random.Random(42)
rich = ole([("Workbook", one(values + dates + filler, strings + formats + styles))])
fifth = ole([("Book", one(label5(0, 0, "caf\xe9", "cp1252") + number(0, 1, 1), rec(0x0042, b"\xe3\4"), version=0x0500))])
for kind, original in [("version 8", rich), ("short", whole), ("version 5", fifth), ("version 2", old)]:
    for i in some(40):
        survives("%s, cut at %d of 40" % (kind, i), original[:len(original) * i // 40 + i % 3])
    for i in some(120):
        altered = bytearray(original)
        for _ in range(1 + i % 4):
            altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8) if i % 2 else chance.randrange(1, 256)
        survives("%s, altered %d" % (kind, i), bytes(altered))

finish()
