"""Workbooks of the variants of Office Open XML, which must give the same cells.

usage: authored_xlsx.py READER_CHECK FOLDER

Transitional is what Excel writes unless told otherwise; strict has other namespaces, other types of relations, and
dates as ISO texts.  Templates and workbooks with macros differ in a content type.
"""
import io
import zipfile

from authored import finish, gives

PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TRANSITIONAL = ("http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006/relationships", "")
STRICT = ("http://purl.oclc.org/ooxml/spreadsheetml/main", "http://purl.oclc.org/ooxml/officeDocument/relationships", ' conformance="strict"')
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
    "xltx": "application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    "xltm": "application/vnd.ms-excel.template.macroEnabled.main+xml",
    "xlam": "application/vnd.ms-excel.addin.macroEnabled.main+xml",
}
ROWS = """<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>in line</t></is></c><c r="C1"><v>1.5</v></c>
<c r="D1" t="b"><v>1</v></c><c r="E1" t="e"><v>#N/A</v></c><c r="F1" s="1"><v>45292</v></c><c r="G1" t="str"><f>"a"&amp;"b"</f><v>ab</v></c></row>
<row r="2"><c r="A2" t="d"><v>2024-01-02</v></c><c r="B2" s="1" t="d"><v>2024-01-02T03:04:05</v></c><c r="C2" t="d"><v>2024-01-02T03:04:05.678</v></c>
<c r="D2" t="d"><v>03:04:05</v></c><c r="E2" t="d"><v>no date</v></c><c r="F2" t="d"><v></v></c></row>"""
CELLS = ("1 1 text shared", "1 2 text in line", "1 3 number 1.5", "1 4 boolean true", "1 5 error #N/A", "1 6 date 2024-01-01", "1 7 text ab",
         "2 1 date 2024-01-02", "2 2 timestamp 2024-01-02 03:04:05", "2 3 timestamp 2024-01-02 03:04:05.678", "2 4 time 03:04:05", "2 5 text no date")


def relations(kinds, *targets):
    return '<Relationships xmlns="%s/relationships">%s</Relationships>' % (PACKAGE, "".join(
        '<Relationship Id="rId%d" Type="%s/%s" Target="%s"/>' % (i, kinds, kind, target) for i, (kind, target) in enumerate(targets, 1)))


def book(dialect, content_type, rows=ROWS, properties=""):
    """A workbook with a sheet S, shared strings, and a style 1 for dates."""
    main, kinds, conformance = dialect
    parts = {
        "[Content_Types].xml": '<Types xmlns="%s/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                               '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="%s"/></Types>' % (PACKAGE, content_type),
        "_rels/.rels": relations(kinds, ("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": '<workbook xmlns="%s" xmlns:r="%s"%s>%s<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>' % (main, kinds, conformance, properties),
        "xl/_rels/workbook.xml.rels": relations(kinds, ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml"), ("styles", "styles.xml"),
                                                ("vbaProject", "vbaProject.bin")),
        "xl/worksheets/sheet1.xml": '<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (main, rows),
        "xl/sharedStrings.xml": '<sst xmlns="%s"><si><t>shared</t></si></sst>' % main,
        "xl/styles.xml": '<styleSheet xmlns="%s"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>' % main,
        "xl/vbaProject.bin": "\0" * 100,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return out.getvalue()


for dialect, name in ((TRANSITIONAL, "transitional"), (STRICT, "strict")):
    for kind, content_type in TYPES.items():
        gives("%s %s" % (name, kind), book(dialect, content_type), *CELLS)
    gives(name + ", the calendar of 1904", book(dialect, TYPES["xlsx"], '<row r="1"><c r="A1" s="1"><v>1</v></c><c r="B1" t="d"><v>2024-01-02</v></c></row>',
                                                '<workbookPr date1904="1"/>'), "1 1 date 1904-01-02", "1 2 date 2024-01-02")

finish()
