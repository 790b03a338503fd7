"""Files that ask for much, or lie: each is refused within a second and 64 MB, or read rightly.

usage: hostile.py READER_CHECK FOLDER

MEDALLION_PLAIN names a reader_check without sanitizers, of which time and memory are taken.
"""
import gzip
import io
import random
import struct
import warnings
import zipfile

from authored import bomb, cheap, counts, finish, gives, refused, some, survives

warnings.simplefilter("ignore")  # zipfile's, of names that are there twice
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
chance = random.Random(7)


def relations(*targets):
    return '<Relationships xmlns="%s">%s</Relationships>' % (PACKAGE, "".join(
        '<Relationship Id="rId%d" Type="%s/%s" Target="%s"/>' % (i, OFFICE, kind, target) for i, (kind, target) in enumerate(targets, 1)))


def packed(parts, level=6):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as package:
        for name, content in parts if isinstance(parts, list) else parts.items():
            package.writestr(name, content)
    return out.getvalue()


def parts(sheet, strings=None, **others):
    out = {"_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
           "xl/workbook.xml": '<workbook xmlns="%s" xmlns:r="%s"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>' % (MAIN, OFFICE),
           "xl/_rels/workbook.xml.rels": relations(("worksheet", "sheet.xml"), ("sharedStrings", "strings.xml"))}
    out.update({"xl/sheet.xml": sheet} if sheet is not None else {})
    out.update({"xl/strings.xml": strings} if strings else {})
    out.update(others)
    return out


def sheet(rows, before="", head=""):
    return '%s<worksheet xmlns="%s">%s<sheetData>%s</sheetData></worksheet>' % (head, MAIN, before, rows)


ONE = '<row r="1"><c r="A1"><v>1</v></c></row>'
SHARED = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'


def xlsx(*how, **others):
    return packed(parts(*how, **others))


def ods(content):
    return packed({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml":
                   '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
                   'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
                   '<office:body><office:spreadsheet><table:table table:name="S">%s</table:table></office:spreadsheet></office:body>'
                   '</office:document-content>' % content})


# --- zip: what unpacks to much ---

LONG = " " * 30_000_000
NOISE = "".join(chance.choices("abcdefghijklmnop", k=1 << 20))
refused("a bomb in a sheet", xlsx(sheet(LONG + ONE)), 'part "xl/sheet.xml" unpacks to more than max_compression_ratio (200) times its size')
refused("a bomb in the strings", xlsx(sheet(SHARED), '<sst xmlns="%s"><si><t>%s</t></si></sst>' % (MAIN, LONG)),
        'part "xl/strings.xml" unpacks to more than max_compression_ratio (200)')
refused("a bomb in the workbook", packed(parts(sheet(ONE), **{"xl/workbook.xml": "<workbook>" + LONG})), "max_compression_ratio (200)")
refused("a bomb in the styles", xlsx(sheet(ONE), **{"xl/_rels/workbook.xml.rels": relations(("worksheet", "sheet.xml"), ("styles", "styles.xml")),
                                                    "xl/styles.xml": "<styleSheet>" + LONG}), "max_compression_ratio (200)")
refused("more than a part may be", xlsx(sheet(NOISE + ONE)), 'part "xl/sheet.xml" unpacks to more than max_uncompressed_size',
        options=("-l", "max_uncompressed_size=100000"))
refused("a bomb in a document", ods(LONG), 'part "content.xml" unpacks to more than max_compression_ratio (200)')
refused("zips in a zip", packed({"%d.zip" % i: packed({"%d.zip" % j: packed({"a": "0" * 1000000}) for j in range(16)}) for i in range(16)}),
        "this is a zip archive without an Excel workbook in it")
for what, inside in (("a Word document", "word/document.xml"), ("a PowerPoint presentation", "ppt/presentation.xml"),
                     ("an Apple iWork document; export it as .xlsx", "Index/Document.iwa"), ("an OpenDocument file; save it as .xlsx", "content.xml")):
    refused(what, packed({"[Content_Types].xml": "", inside: ""}), "this is " + what)
refused("a workbook in a workbook", packed({"book.xlsx": xlsx(sheet(ONE))}), "this is a zip archive without an Excel workbook in it")


def overlapping(count):
    """Entries whose directory lets them all begin at the same place."""
    whole = xlsx(sheet(ONE))
    end = whole.rindex(b"PK\5\6")
    entries, size, start = struct.unpack("<HII", whole[end + 10:end + 20])
    directory, target = whole[start:start + size], whole.index(b"PK\1\2", start)
    name = b"xl/sheet.xml"
    at = directory.rindex(b"PK\1\2", 0, directory.index(name))
    entry = directory[at:at + 46 + len(name)]
    more = b"".join(entry.replace(name, b"xl/s%07d" % i + b"." * (len(name) - 11)) for i in range(count))
    return (whole[:start] + directory + more + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, entries + count, entries + count, size + len(more), target, 0))


refused("entries that overlap", overlapping(3), "the zip directory is damaged: its entries overlap")
refused("thousands of them", overlapping(20000), "the zip directory is damaged: its entries overlap")
refused("a name twice", packed(list(parts(sheet(ONE)).items()) + [("xl/sheet.xml", sheet(""))]), 'the zip directory has "xl/sheet.xml" twice')
refused("a long name", xlsx(sheet(ONE), **{"x" * 1024: ""}), "the zip directory has a name of 1024 bytes")
refused("too many names", packed({"%d" % i: "" for i in range(65537)}), "the zip directory is damaged or has more than 65536 entries")
refused("too many bytes of names", packed({"%0900d" % i: "" for i in range(9500)}), "the zip directory has more than 8388608 bytes of names")
refused("a part that is not there", xlsx(None), 'the workbook has no part "xl/sheet.xml"')
refused("a target without end", packed(parts(sheet(ONE), **{"xl/_rels/workbook.xml.rels": relations(("worksheet", "s" * 2000))})),
        'part "xl/_rels/workbook.xml.rels" has a target that is too long')
stored = io.BytesIO()
with zipfile.ZipFile(stored, "w") as package:
    for name, content in parts(sheet(ONE)).items():
        package.writestr(name, content)
refused("a byte that was altered", stored.getvalue().replace(b"<v>1</v>", b"<v>2</v>"), 'part "xl/sheet.xml" of the workbook fails its checksum', 1)
refused("cut in the middle", stored.getvalue()[:600], "the zip directory is missing: the file is damaged or cut short")

# --- XML ---

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">%s]>' % "".join('<!ENTITY %s "%s">' % (chr(98 + i), "&%s;" % chr(97 + i) * 10) for i in range(10))
for name, doctype in (("entities of entities", LAUGHS), ("a long entity", '<!DOCTYPE x [<!ENTITY a "%s">]>' % NOISE[:100000]),
                      ("a file's entity", '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>')):
    refused(name + ", in a sheet", xlsx(sheet('<row><c t="str"><v>&a;</v></c></row>', head=doctype)), "has a document type, which no spreadsheet needs")
    refused(name + ", in strings", xlsx(sheet(SHARED), doctype + '<sst xmlns="%s"><si><t>&a;</t></si></sst>' % MAIN), "has a document type")
    refused(name + ", in Excel's XML", ('<?xml version="1.0"?>%s<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>' % doctype).encode(), "a")
refused("nested without end", xlsx(sheet(ONE, before="<x>" * 3000000)), "is nested deeper than max_xml_depth (256)")
refused("nested deeply", xlsx(sheet(ONE, before="<x>" * 300)), 'part "xl/sheet.xml" is nested deeper than max_xml_depth (256)')
refused("a document nested deeply", ods("<x>" * 300), 'part "content.xml" is nested deeper than max_xml_depth (256)')
DEEP = xlsx(sheet(ONE, before="<x>" * 299 + "</x>" * 299))
gives("nested as deeply as is allowed", DEEP, "1 1 number 1", options=("-l", "max_xml_depth=300"))
refused("nested deeper than that", DEEP, 'part "xl/sheet.xml" is nested deeper than max_xml_depth (299)', options=("-l", "max_xml_depth=299"))
refused("a cell deeper than a low limit", xlsx(sheet(ONE)), 'part "xl/sheet.xml" is nested deeper than max_xml_depth (4)', options=("-l", "max_xml_depth=4"))
refused("a tag without end", xlsx(sheet(ONE, before='<x a="%s' % (NOISE * 20))), 'part "xl/sheet.xml" has a tag of more than 16777216 bytes')
refused("cut XML", xlsx(sheet(ONE)[:-20]), "is not well-formed", 1)

# --- what is said of size ---

gives("a dimension that lies", xlsx(sheet(ONE, before='<dimension ref="A1:XFD1048576"/>')), "1 1 number 1")
cheap("a dimension that lies")
gives("counts that lie", xlsx(sheet(SHARED), '<sst xmlns="%s" count="4294967295" uniqueCount="4294967295"><si><t>a</t></si></sst>' % MAIN), "1 1 text a")
cheap("counts that lie")
gives("the last cell alone", xlsx(sheet('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')), "1048576 16384 number 1", options=("-l", "max_columns=16384"))
cheap("the last cell alone", "-l", "max_columns=16384")
gives("times that say they are UTC, as those without a zone are", xlsx(sheet('<row r="1">%s</row>' % "".join(
    '<c r="%s1" t="d"><v>%s</v></c>' % (column, text) for column, text in zip("ABCD", (
        "2024-05-06T07:08:09Z", "2024-05-06T07:08:09", "2024-05-06T07:08:09+02:00", "07:08Z"))))),
    "1 1 timestamp 2024-05-06 07:08:09", "1 2 timestamp 2024-05-06 07:08:09", "1 3 text 2024-05-06T07:08:09+02:00", "1 4 time 07:08:00")
refused("beyond the last column", xlsx(sheet('<row r="1"><c r="XFE1"><v>1</v></c></row>')), "the column is beyond the last that a sheet can have")
refused("beyond max_columns", xlsx(sheet('<row r="1"><c r="E1"><v>1</v></c></row>')), "the column is beyond max_columns", options=("-l", "max_columns=4"))
refused("a row of cells in one place", xlsx(sheet("<row>%s</row>" % "".join('<c r="A1"><v>%d</v></c>' % i for i in range(16385)))),
        "the row has more cells than a sheet has columns")
refused("a string that is not there", xlsx(sheet('<row r="1"><c r="A1" t="s"><v>4294967295</v></c></row>')), "the cell refers to a shared string that does not exist")
refused("a long cell", xlsx(sheet('<row><c t="str"><v>%s</v></c></row>' % (NOISE * 2))), "the cell is longer than max_cell_size")
refused("a long string", xlsx(sheet(SHARED), '<sst xmlns="%s"><si><t>%s</t></si></sst>' % (MAIN, NOISE * 2)), "a shared string is longer than max_cell_size")
refused("long strings", xlsx(sheet(SHARED), '<sst xmlns="%s">%s</sst>' % (MAIN, "<si><t>%s</t></si>" % NOISE[:1000] * 50)),
        "the shared strings take more than max_shared_strings", options=("-l", "max_shared_strings=20000"))
MANY = "".join("<si><t>%07d</t></si>" % i for i in range(1500000))
refused("many short strings", xlsx(sheet(SHARED), '<sst xmlns="%s">%s</sst>' % (MAIN, MANY)),
        "the shared strings take more than max_shared_strings", options=("-l", "max_shared_strings=15000000"))
cheap("many short strings: their text and 4 bytes each", "-l", "max_shared_strings=15000000", megabytes=22)
bomb("a long string in all cells", xlsx(sheet("<row>%s</row>" % ('<c t="s"><v>0</v></c>' * 20) * 1000), '<sst xmlns="%s"><si><t>%s</t></si></sst>' % (MAIN, NOISE[:20000] * 50)),
     "the cells take more than max_uncompressed_size and max_compression_ratio (200) times the file's size")
BEYOND = "the repeated cells take more than max_compression_ratio (200) times the file's size"


def row(cells, repeated=1):
    return '<table:table-row table:number-rows-repeated="%d">%s</table:table-row>' % (repeated, cells)


def cell(text, repeated=1):
    return '<table:table-cell table:number-columns-repeated="%d"><text:p>%s</text:p></table:table-cell>' % (repeated, text)


def empty(repeated):
    return '<table:table-cell table:number-columns-repeated="%d"/>' % repeated


MOST = 16777216  # rows of a sheet
SPACES = '<text:s text:c="1000000"/>'
bomb("a sheet full of a letter", ods(row(cell("a", 16384), 1048576)), BEYOND)
bomb("a column of a letter, far to the right", ods(row(empty(16383) + cell("a"), 1048576)), BEYOND)
bomb("a long text in all columns", ods(row(cell(NOISE[:60000], 16384))), BEYOND)
bomb("a long text in all rows", ods(row(cell(NOISE[:60000]), MOST)), BEYOND)
bomb("many rows of a letter in all columns", ods(row(cell("a", 16384)) * 100000), BEYOND)
bomb("sheets of as many rows as there may be", ods('</table:table><table:table table:name="S">'.join([row(cell("a"), MOST)] * 9)), BEYOND)
bomb("the same, not packed", ('<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
                              'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
                              '<office:body><office:spreadsheet><table:table table:name="S">%s</table:table></office:spreadsheet></office:body>'
                              '</office:document>' % row(cell("a", 16384), 1048576)).encode(), BEYOND)
counts("columns filled down", ods(row(cell("yes", 7), 1048576)), 1048576, 7 * 1048576)
bomb("spaces without end, of a piece of the document", ods(row(cell(SPACES)) * 300),
     "the repeated spaces take more than max_compression_ratio (200) times their part of the file")
bomb("spaces without end, of a row", ods(row("".join(cell(SPACES) + " " * 9000 + NOISE[200 * i:200 * i + 200] for i in range(300)))),
     "the repeated spaces take more than max_compression_ratio (200) times their part of the file")
bomb("spaces without end, a few a piece", ods("".join(row(cell(SPACES)) * 15 + " " * 131072 + NOISE[:2000] for _ in range(20))), BEYOND)
refused("a million rows alike", ods('<table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="1000">'
                                    '<text:p>%s</text:p></table:table-cell></table:table-row>' % NOISE[:1000]),
        "the repeated cells take more than max_uncompressed_size", options=("-l", "max_uncompressed_size=900000"))
refused("a row without end", ods('<table:table-row><table:table-cell table:number-columns-repeated="16000"><text:p>%s</text:p></table:table-cell></table:table-row>' %
                                 NOISE[:100000]), "the row is longer than a row can be")
refused("a sheet without end", ods('<table:table-row table:number-rows-repeated="2147483647"><table:table-cell><text:p>a</text:p></table:table-cell></table:table-row>'),
        "the row number is not one that a sheet can have")
refused("a big file", b"a,b\n" * 100, "the file has 400 bytes, more than max_file_size", options=("-l", "max_file_size=300"))

# --- text ---

refused("a bomb of gzip", gzip.compress(b"a,b\n" * 10_000_000), "the file unpacks to more than max_compression_ratio (200) times its size")
refused("a packed file that is big", gzip.compress(("%s\n" % NOISE).encode()), "the file unpacks to more than max_uncompressed_size",
        options=("-l", "max_uncompressed_size=100000"))
refused("a cell without end", b'"' + b"x" * 300000 + b'"', "a record is longer than max_cell_size",
        options=("-D", ",", "-q", '"', "-l", "max_cell_size=100"))
refused("a page of tables in tables", b"<html>" + b"<table><tr><td>" * 1500, "the page has tables more than 1000 deep")
refused("a tag of a page without end", b'<html><table><tr><td x="' + b"y" * 2000000, "the page has a tag of more than 1048576 bytes")
refused("a page that is cut", b"<html><table><tr><td>a</td></tr></table><style>", "the page ends inside a tag: the file is cut short", rows=1)
refused("deep JSON", b'[{"a":' + b"[" * 3000000, "malformed JSON")
refused("keys without end", ("[%s]" % ",".join('{"%d":1}' % i for i in range(20000))).encode(), "the records have more keys than max_columns")
refused("long keys", ('[{"a":1},{"%s":1}]' % ("k" * 101)).encode(), "the keys are longer than max_cell_size allows",
        options=("-l", "max_cell_size=100"))
refused("a record of many values", ("[{%s}]" % ",".join('"a":%d' % i for i in range(200))).encode(), "the record in line 1 has more values than max_columns",
        options=("-l", "max_columns=100"))

# --- compound files ---


def compound(directory_sectors):
    """A compound file with sectors of 4096 bytes that has nothing but a directory."""
    tables = (directory_sectors + 3) // 1024 + 1
    table = [0xFFFFFFFD] * tables + [tables + i + 1 for i in range(directory_sectors - 1)] + [0xFFFFFFFE]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 4, 0xFFFE, 12, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", directory_sectors, tables, tables, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", *(list(range(tables)) + [0xFFFFFFFF] * (109 - tables)))
    root = "Root Entry\0".encode("utf-16-le").ljust(64, b"\0") + struct.pack("<HBBIII", 22, 5, 1, *[0xFFFFFFFF] * 3) + bytes(36) + struct.pack("<IQ", 0xFFFFFFFE, 0)
    table += [0xFFFFFFFF] * (tables * 1024 - len(table))
    return header.ljust(4096, b"\0") + struct.pack("<%dI" % len(table), *table) + root.ljust(4096 * directory_sectors, b"\0")


refused("a directory without end", compound(2049), "the compound file has more than 65536 entries")
refused("a directory of one", compound(1), "this is an OLE2 compound file without an Excel workbook in it")

# --- cut and altered, of every format ---

whole = {"xlsx": xlsx(sheet(ONE * 3 + SHARED), '<sst xmlns="%s"><si><t>a</t></si></sst>' % MAIN), "ods": ods("<table:table-row><table:table-cell/></table:table-row>"),
         "csv": b'a,b\n"1",2\n', "json": b'[{"a":1},{"b":[2]}]', "gzip": gzip.compress(b"a,b\n1,2\n" * 99), "html": b"<html><table><tr><td>1</td></tr></table>"}
for name, data in whole.items():
    for i in some(30):
        altered = bytearray(data[:len(data) - (i % 3) * len(data) // 4])
        altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8)
        survives("%s, altered %d" % (name, i), bytes(altered))

finish()
