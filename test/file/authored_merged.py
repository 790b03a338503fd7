"""Merged cells and hidden rows in every format of text that has them, xlsx among them.

usage: authored_merged.py READER_CHECK FOLDER
"""
import io
import zipfile

from authored import bomb, finish, gives, refused

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def packed(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in parts.items():
            package.writestr(name, text)
    return out.getvalue()


def relations(kind, target):
    return '<Relationships xmlns="%s"><Relationship Id="rId1" Type="%s/%s" Target="%s"/></Relationships>' % (PACKAGE, OFFICE, kind, target)


def xlsx(rows, *merged):
    return packed({
        "_rels/.rels": relations("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": '<workbook xmlns="%s" xmlns:r="%s"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>' % (MAIN, OFFICE),
        "xl/_rels/workbook.xml.rels": relations("worksheet", "sheet.xml"),
        "xl/sheet.xml": '<worksheet xmlns="%s"><sheetData>%s</sheetData><mergeCells>%s</mergeCells></worksheet>' % (
            MAIN, rows, "".join('<mergeCell ref="%s"/>' % place for place in merged))})


def text(place, value):
    return '<c r="%s" t="inlineStr"><is><t>%s</t></is></c>' % (place, value)


def number(place, value):
    return '<c r="%s"><v>%s</v></c>' % (place, value)


# The same table in each format: "top" in A1:B2, 3 in B3:E3; row 2 is hidden.
TABLES = {
    "xlsx": xlsx('<row r="1">%s%s</row><row r="2" hidden="1">%s</row><row r="3">%s</row>' % (
        text("A1", "top"), number("D1", 1), number("D2", 2), number("B3", 3)), "A1:B2", "$B$3:$E$3"),
    "ods": packed({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": """
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet><table:table table:name="S">
<table:table-row><table:table-cell table:number-columns-spanned="2" table:number-rows-spanned="2"><text:p>top</text:p></table:table-cell>
<table:covered-table-cell/><table:table-cell/><table:table-cell office:value-type="float" office:value="1"/></table:table-row>
<table:table-row table:visibility="collapse"><table:covered-table-cell table:number-columns-repeated="2"/><table:table-cell/>
<table:table-cell office:value-type="float" office:value="2"/></table:table-row>
<table:table-row><table:table-cell/><table:table-cell table:number-columns-spanned="4" office:value-type="float" office:value="3"/>
<table:covered-table-cell table:number-columns-repeated="3"/></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""}),
    "SpreadsheetML": b"""<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="S"><Table>
<Row><Cell ss:MergeAcross="1" ss:MergeDown="1"><Data ss:Type="String">top</Data></Cell><Cell ss:Index="4"><Data ss:Type="Number">1</Data></Cell></Row>
<Row ss:Hidden="1"><Cell ss:Index="4"><Data ss:Type="Number">2</Data></Cell></Row>
<Row><Cell ss:Index="2" ss:MergeAcross="3"><Data ss:Type="Number">3</Data></Cell></Row></Table></Worksheet></Workbook>"""}
PLAIN = "1 1 text top", "1 4 number 1", "2 4 number 2", "3 2 number 3"
FILLED = ("1 1 text top", "1 2 text top", "1 4 number 1", "2 1 text top", "2 2 text top", "2 4 number 2",
          "3 2 number 3", "3 3 number 3", "3 4 number 3", "3 5 number 3")
for name, table in TABLES.items():
    gives(name + ": as they are", table, *PLAIN)
    gives(name + ": filled", table, *FILLED, options=("-l", "merged_rows=99"))
    gives(name + ": filled in the first row", table, FILLED[0], FILLED[1], *PLAIN[1:], options=("-l", "merged_rows=1"))
    gives(name + ": without hidden rows", table, PLAIN[0], PLAIN[1], PLAIN[3], options=("-l", "skip_hidden_rows"))
    gives(name + ": both", table, *FILLED[:3], *FILLED[6:], options=("-l", "merged_rows=99", "-l", "skip_hidden_rows"))
    refused(name + ": beyond the limit", table, "the merged cells go beyond max_columns", 6, ("-l", "merged_rows=99", "-l", "max_columns=4"))

gives("html: filled", b"<table><tr><td colspan=2 rowspan=2>top<td><td>1</tr><tr><td><td>2</tr></table>",
      *(("Table 1", *cell.split(" ")) for cell in ("1 1 text top", "1 2 text top", "1 4 text 1", "2 1 text top", "2 2 text top", "2 4 text 2")),
      options=("-l", "merged_rows=99"))

# --- what no program writes ---

rows = "".join('<row r="%d">%s</row>' % (i, text("A%d" % i, "x" * 100)) for i in range(1, 400))
for name, place in (("backwards", "B2:A1"), ("one place", "A1"), ("nothing", ""), ("beyond the last column", "A1:XFE1"), ("row 0", "A0:B1"), ("no row", "A:B")):
    gives("a range that is none: " + name, xlsx('<row r="1">%s</row>' % text("A1", "a"), place), "1 1 text a", options=("-l", "merged_rows=99"))
refused("a big text in all cells of all rows", xlsx(rows, *("A%d:XFD%d" % (i, i) for i in range(1, 400))),
        "the merged cells take more than max_uncompressed_size", 3 * 16384,
        ("-l", "merged_rows=9999", "-l", "max_columns=20000", "-l", "max_uncompressed_size=5000000"))
bomb("the same, at the defaults", xlsx(rows, *("A%d:XFD%d" % (i, i) for i in range(1, 400))),
     "the merged cells take more than max_compression_ratio (200) times the file's size", "-l", "merged_rows=9999")
gives("a range above a row that goes back", xlsx('<row r="5">%s</row><row r="2">%s</row>' % (text("A5", "a"), text("A2", "b")), "A2:B2", "A5:B9"),
      "5 1 text a", "5 2 text a", "2 1 text b", options=("-l", "merged_rows=99"))
overlapping = "".join('<row r="%d">%s</row>' % (i, text("A%d" % i, i)) for i in range(1, 20))
gives("ranges that overlap: the first to be open counts", xlsx(overlapping, *("A%d:C19" % i for i in range(1, 20))),
      *("%d %d text %s" % (i, j + 1, i if j == 0 else 1) for i in range(1, 20) for j in range(3)), options=("-l", "merged_rows=99"))
refused("ranges without end", xlsx(text("A1", "a").join(("<row>", "</row>")), *["A1:A2"] * 20000), "the sheet's merged cells overlap", 0,
        ("-l", "merged_rows=99", "-l", "max_compression_ratio=9999"))
finish()
