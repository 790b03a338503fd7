"""OpenDocument, SpreadsheetML and HTML, written for one rule each, with what a reader must make of them.

usage: authored_markup.py READER_CHECK SCRATCH_FOLDER
"""
import io
import os
import random
import subprocess
import sys
import zipfile

from authored import cheap, failures, patience, some

check, scratch = sys.argv[1:]
count = 0


def words_of(options):
    return [word for option in options for word in (["-s"] if option == "sheets" else ["-l", option])]


def read(data, *options):
    path = os.path.join(scratch, "authored")
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    run = subprocess.run([check, *words_of(options), path], capture_output=True, timeout=3 * patience)
    if run.returncode != 0:
        return "crash: " + run.stderr.decode(errors="replace")[:2000]
    return run.stdout.decode()


def gives(name, data, expected, *options):
    """expected: lines of "sheet row column kind value", by single spaces, "|" between them; or one error."""
    global count
    count += 1
    got = "|".join(line.replace("\t", " ", 4) for line in read(data, *options).split("\n")[:-1])
    if got != expected:
        failures.append(f"{name}:\n  {got}\nexpected:\n  {expected}")


def refuses(name, data, words, *options):
    """The last line must be an error that has these words, at little cost."""
    global count
    count += 1
    lines = read(data, *options).split("\n")[:-1]
    if not lines or not lines[-1].startswith("error\t") or words not in lines[-1]:
        failures.append(f"{name}: no error with \"{words}\" but {lines[-1:]}")
    cheap(name, *words_of(options))


def survives(name, data):
    global count
    count += 1
    got = read(data)
    if got.startswith("crash"):
        failures.append(f"{name}: {got}")
    cheap(name)


# --- OpenDocument ---

NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{uri}:1.0"' for prefix, uri in (
        ("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"), ("number", "datastyle"),
        ("draw", "drawing"))) + ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'


def content(tables, styles="", root="office:document-content", body="office:spreadsheet"):
    return (f'<?xml version="1.0" encoding="UTF-8"?><{root} {NAMESPACES}>'
            f'<office:automatic-styles>{styles}</office:automatic-styles>'
            f'<office:body><{body}>{tables}</{body}></office:body></{root}>')


def table(rows, attributes='table:name="T"'):
    return f"<table:table {attributes}>{rows}</table:table>"


def row(*cells, repeated=None):
    attribute = f' table:number-rows-repeated="{repeated}"' if repeated else ""
    return f"<table:table-row{attribute}>{''.join(cells)}</table:table-row>"


def cell(inside="", attributes="", repeated=None):
    if repeated:
        attributes += f' table:number-columns-repeated="{repeated}"'
    return f"<table:table-cell {attributes}>{inside}</table:table-cell>"


def text(words):
    return cell(f"<text:p>{words}</text:p>", 'office:value-type="string"')


def typed(kind, value, attribute="value", shown="shown", more=""):
    return cell(f"<text:p>{shown}</text:p>",
                f'office:value-type="{kind}" office:{attribute}="{value}" {more}')


def ods(xml, manifest=None, mimetype=True, extra=()):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", xml, zipfile.ZIP_DEFLATED)
        if manifest:
            archive.writestr("META-INF/manifest.xml", manifest)
        for name in extra:
            archive.writestr(name, "")
    return out.getvalue()


def sheet(*rows, styles=""):
    return ods(content(table("".join(rows)), styles))


gives("ods: types", sheet(row(
    typed("float", "1.50"), typed("percentage", "0.25"), typed("currency", "9.99"), typed("boolean", "true", "boolean-value"),
    typed("date", "2024-02-29", "date-value"), typed("date", "2024-02-29T13:14:15.5", "date-value"), text("a &amp; b"))),
    "T 1 1 number 1.5|T 1 2 number 0.25|T 1 3 number 9.99|T 1 4 boolean true|T 1 5 date 2024-02-29|"
    "T 1 6 timestamp 2024-02-29 13:14:15.500|T 1 7 text a & b")
gives("ods: booleans that are numbers", sheet(row(typed("boolean", "1.2345", "boolean-value"), typed("boolean", "0.0", "boolean-value"),
      typed("boolean", "false", "boolean-value"))), "T 1 1 boolean true|T 1 2 boolean false|T 1 3 boolean false")
gives("ods: times of a day and spans", sheet(row(
    typed("time", "PT09H05M07S", "time-value"), typed("time", "PT26H00M00.25S", "time-value"),
    typed("time", "-PT1H30M", "time-value"), typed("time", "PT07H30M00S", "time-value", more='table:style-name="worked"'),
    typed("time", "P1DT1H", "time-value"), typed("time", "P1M", "time-value")),
    styles='<number:time-style style:name="N1" number:truncate-on-overflow="false"/>'
           '<style:style style:name="worked" style:family="table-cell" style:data-style-name="N1"/>'),
    "T 1 1 time 09:05:07|T 1 2 interval 26:00:00.250|T 1 3 interval -01:30:00|T 1 4 interval 07:30:00|"
    "T 1 5 interval 25:00:00|T 1 6 text shown")
hour = typed("time", "PT1H", "time-value")
gives("ods: spans by the column's style, or the row's", ods(content(table(
    '<table:table-column/><table:table-column-group><table:table-column table:number-columns-repeated="2" '
    'table:default-cell-style-name="worked"/></table:table-column-group><table:table-column/>' + row(hour, hour, hour, hour) +
    '<table:table-row table:default-cell-style-name="other">' + hour + hour + "</table:table-row>"),
    '<number:time-style style:name="N1" number:truncate-on-overflow="false"/>'
    '<style:style style:name="worked" style:family="table-cell" style:data-style-name="N1"/>')),
    "T 1 1 time 01:00:00|T 1 2 interval 01:00:00|T 1 3 interval 01:00:00|T 1 4 time 01:00:00|"
    "T 2 1 time 01:00:00|T 2 2 time 01:00:00")
gives("ods: what cannot be read is the text shown", sheet(row(typed("float", "NaN"), typed("date", "29.2.2024", "date-value"))),
      "T 1 1 text shown|T 1 2 text shown")
gives("ods: paragraphs, spaces, tabs, breaks, spans, links", sheet(row(cell(
    '<text:p>a<text:s text:c="3"/>b<text:s/>c</text:p><text:p>d<text:tab/>e<text:line-break/>'
    '<text:span>f<text:span> g</text:span></text:span><text:a>h</text:a></text:p>', 'office:value-type="string"'))),
    "T 1 1 text a   b c\\nd\\te\\nf gh")
gives("ods: spaces as written, indentation dropped", sheet(row(
    text(" a  b "), text("\n   c\n   d\n  "), text("<text:span>\n  e</text:span> f"))),
    "T 1 1 text  a  b |T 1 2 text c d|T 1 3 text e f")
gives("ods: comments and pictures are no text", sheet(row(
    cell('<office:annotation><text:p>note</text:p></office:annotation><text:p>v<office:annotation><text:p>n</text:p>'
         '</office:annotation>w</text:p><draw:frame><draw:text-box><text:p>box</text:p></draw:text-box></draw:frame>'),
    cell('<office:annotation><text:p>note</text:p></office:annotation>'))),
    "T 1 1 text vw")
gives("ods: cells repeated, empty ones too", sheet(row(
    cell(repeated=3), cell("<text:p>x</text:p>", repeated=2), cell(repeated=16379))),
    "T 1 4 text x|T 1 5 text x")
gives("ods: rows repeated, empty ones too", sheet(
    row(cell(repeated=1024), repeated=5), row(text("a"), repeated=2), row(cell(), repeated=1048000), row(text("b")),
    row(cell(repeated=16384), repeated=999999999)),
    "T 6 1 text a|T 7 1 text a|T 1048008 1 text b")
gives("ods: merged cells", sheet(
    row(cell("<text:p>m</text:p>", 'table:number-columns-spanned="2" table:number-rows-spanned="2"'),
        "<table:covered-table-cell/>", text("r")),
    row('<table:covered-table-cell table:number-columns-repeated="2"/>', text("s"))),
    "T 1 1 text m|T 1 3 text r|T 2 3 text s")
gives("ods: groups and header rows", sheet(
    "<table:table-column/><table:table-header-rows>" + row(text("h")) + "</table:table-header-rows><table:table-row-group>" +
    row(text("a")) + "<table:table-row-group>" + row(text("b")) + "</table:table-row-group></table:table-row-group><table:table-rows>" +
    row(text("c")) + "</table:table-rows>"),
    "T 1 1 text h|T 2 1 text a|T 3 1 text b|T 4 1 text c")
gives("ods: formulas and errors", sheet(row(
    typed("float", "3", more='table:formula="of:=1+2"'),
    cell("<text:p>#N/A</text:p>", 'table:formula="of:=NA()" office:value-type="string" office:string-value="" calcext:value-type="error"'),
    cell("<text:p>Err:502</text:p>", 'table:formula="of:=FOO(" office:value-type="float" office:value="0"'),
    cell("<text:p>#DIV/0!</text:p>", 'table:formula="of:=1/0" office:value-type="float" office:value="0"'),
    text("#N/A"), cell("<text:p>7 EUR</text:p>", 'table:formula="x" office:value-type="string" office:string-value="7"'))),
    "T 1 1 number 3|T 1 2 error #N/A|T 1 3 error Err:502|T 1 4 error #DIV/0!|T 1 5 text #N/A|T 1 6 text 7")
gives("ods: no tracked changes, no tables inside", ods(content(
    "<table:tracked-changes><table:deletion>" + table(row(text("gone"))) + "</table:deletion></table:tracked-changes>" +
    table("<table:shapes><draw:frame>" + table(row(text("shape"))) + "</draw:frame></table:shapes>" +
          row(cell(table(row(text("inner"))) + "<text:p>outer</text:p>"))) +
    "<table:dde-links>" + table(row(text("link"))) + "</table:dde-links>")),
    "T 1 1 text outer")
gives("ods: sheets, hidden ones", ods(content(
    table(row(text("a")), 'table:name="A &lt;1&gt;" table:style-name="ta1"') + table("", 'table:name="Empty"') +
    table(row(text("b")), 'table:name="B" table:style-name="ta2"'),
    '<style:style style:name="ta1"><style:table-properties table:display="true"/></style:style>'
    '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>')),
    "A <1> 0 0 visible |A <1> 1 1 text a|Empty 0 0 visible |B 0 0 hidden |B 1 1 text b", "sheets")
gives("ods: without a mimetype", ods(content(table(row(text("a")))), mimetype=False), "T 1 1 text a")
gives("fods", content(table(row(text("a"), typed("float", "2"))), root="office:document"), "T 1 1 text a|T 1 2 number 2")
gives("ods: a sheet of one row is not lost at the limit", sheet(row(text("a"), text("b"))),
      "T 1 1 text a|T 1 2 text b", "max_columns=2")
refuses("ods: encrypted", ods("\x01\x02", '<manifest:manifest xmlns:manifest="m"><manifest:file-entry manifest:full-path="content.xml">'
        '<manifest:encryption-data/></manifest:file-entry></manifest:manifest>'), "password-protected")
refuses("ods: encrypted as a whole", ods("", extra=["encrypted-package"]), "password-protected")
gives("ods: an old manifest's document type", ods(content(table(row(text("a")))),
      '<!DOCTYPE manifest PUBLIC "-//OpenOffice.org//DTD Manifest 1.0//EN" "Manifest.dtd"><manifest/>'), "T 1 1 text a")
refuses("ods: a document type", ods('<!DOCTYPE x [<!ENTITY e "e">]>' + content("")[38:]), "document type")
refuses("ods: a text", ods(content("<text:p>letter</text:p>", body="office:text")), "without a spreadsheet")
refuses("ods: too many columns", sheet(row(cell(repeated=16384), text("a"))), "max_columns")
refuses("ods: too many columns, repeated", sheet(row(cell("<text:p>a</text:p>", repeated=999999999))), "max_columns")
refuses("ods: a row beyond all sheets", sheet(row(cell(), repeated=99999999), row(text("a"))), "row number")
refuses("ods: a long cell", sheet(row(text("a" * 2000))), "max_cell_size", "max_cell_size=1999")
refuses("ods: a long cell by a count", sheet(row(text('<text:s text:c="2000000000"/>'))), "max_cell_size")
refuses("ods: a million times the same", sheet(row(cell(f"<text:p>{'a' * 1000}</text:p>", repeated=1000), repeated=1000000)),
        "max_uncompressed_size", "max_uncompressed_size=4000000")
refuses("ods: unpacks to too much", sheet(*[row(text("ab%d" % i)) for i in range(20000)]), "max_uncompressed_size",
        "max_uncompressed_size=100000")
whole = sheet(*[row(text(f"a{i}"), typed("float", i)) for i in range(3000)])
for part in range(1, 8):
    refuses(f"ods: cut at {part} of 8", whole[:len(whole) * part // 8], "")
flat = content(table("".join(row(text(f"a{i}")) for i in range(2000))), root="office:document")
for part in range(1, 8):
    refuses(f"fods: cut at {part} of 8", flat[:len(flat) * part // 8], "")
gives("ods: rows across pieces", sheet(*[row(text("x" * 700 + str(i)), repeated=2) for i in range(200)]),
      "|".join(f"T {2 * i + j + 1} 1 text {'x' * 700}{i}" for i in range(200) for j in range(2)))

# --- SpreadsheetML ---

STYLES = ('<Styles><Style ss:ID="Default"/><Style ss:ID="d"><NumberFormat ss:Format="Short Date"/></Style>'
          '<Style ss:ID="dt"><NumberFormat ss:Format="yyyy\\-mm\\-dd\\ hh:mm"/></Style>'
          '<Style ss:ID="t"><NumberFormat ss:Format="h:mm"/></Style><Style ss:ID="h"><NumberFormat ss:Format="[h]:mm"/></Style>'
          '<Style ss:ID="g"><NumberFormat ss:Format="General Date"/></Style><Style ss:ID="n"><NumberFormat ss:Format="Fixed"/></Style>'
          '<Style ss:ID="child" ss:Parent="d"><Font/></Style></Styles>')


def workbook(sheets, head='<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', before=STYLES):
    return (head + '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:x="urn:schemas-microsoft-com:office:excel" '
            'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet" xmlns:html="http://www.w3.org/TR/REC-html40">' + before +
            sheets + "</Workbook>")


def worksheet(rows, name="S", after=""):
    return f'<Worksheet ss:Name="{name}"><Table>{rows}</Table>{after}</Worksheet>'


def data(kind, value, attributes=""):
    return f'<Cell {attributes}><Data ss:Type="{kind}">{value}</Data></Cell>'


def datetime(value, style):
    return data("DateTime", value, f'ss:StyleID="{style}"')


gives("xmlss: types", workbook(worksheet("<Row>" + data("Number", "1.50") + data("String", " a &lt; b&#10;c ") + data("Boolean", "1") +
      data("Error", "#N/A") + data("Number", "1E-3", 'ss:Formula="=1/1000"') + "<Cell/><Cell><Data ss:Type='Number'/></Cell></Row>")),
      "S 1 1 number 1.5|S 1 2 text  a < b\\nc |S 1 3 boolean true|S 1 4 error #N/A|S 1 5 number 0.001")
gives("xmlss: dates by their formats", workbook(worksheet("<Row>" + datetime("2024-02-29T00:00:00.000", "d") +
      datetime("2024-02-29T13:14:15.500", "dt") + datetime("1899-12-31T09:05:00.000", "t") + datetime("1900-01-01T02:00:00.000", "h") +
      datetime("2024-02-29T00:00:00.000", "child") + datetime("2024-02-29T01:02:03.000", "Default") +
      data("Number", "45351", 'ss:StyleID="d"') + data("Number", "45351", 'ss:StyleID="n"') + datetime("1850-05-06T00:00:00.000", "d") +
      datetime("1900-01-01T00:00:00.000", "d") + "</Row>")),
      "S 1 1 date 2024-02-29|S 1 2 timestamp 2024-02-29 13:14:15.500|S 1 3 time 09:05:00|S 1 4 interval 26:00:00|"
      "S 1 5 date 2024-02-29|S 1 6 timestamp 2024-02-29 01:02:03|S 1 7 date 2024-02-29|S 1 8 number 45351|"
      "S 1 9 timestamp 1850-05-06 00:00:00|S 1 10 date 1900-01-01")
gives("xmlss: the 1904 system", workbook(worksheet("<Row>" + datetime("2024-02-29T00:00:00.000", "d") +
      data("Number", "43889", 'ss:StyleID="d"') + "</Row>"),
      before='<ExcelWorkbook xmlns="urn:schemas-microsoft-com:office:excel"><Date1904/></ExcelWorkbook>' + STYLES),
      "S 1 1 date 2024-02-29|S 1 2 date 2024-02-29")
gives("xmlss: indexes, merged cells, spans", workbook(worksheet(
    '<Row ss:Index="3">' + data("String", "a", 'ss:MergeAcross="2" ss:MergeDown="1"') + data("String", "b") + data("String", "c", 'ss:Index="9"') +
    '</Row><Row ss:Span="4"/><Row>' + data("String", "d") + "</Row>")),
    "S 3 1 text a|S 3 4 text b|S 3 9 text c|S 9 1 text d")
gives("xmlss: rich text, no comments, no phonetics", workbook(worksheet(
    '<Row><Cell><ss:Data ss:Type="String" xmlns="http://www.w3.org/TR/REC-html40">a<B>b<Font html:Color="#FF0000">c</Font></B> d</ss:Data>'
    '<Comment ss:Author="x"><ss:Data xmlns="http://www.w3.org/TR/REC-html40">note</ss:Data></Comment>'
    '<PhoneticText>p</PhoneticText><NamedCell ss:Name="n"/></Cell><Cell><Comment><Data>only</Data></Comment></Cell></Row>')),
    "S 1 1 text abc d")
gives("xmlss: sheets, hidden ones", workbook(
    worksheet("<Row>" + data("String", "a") + "</Row>", "A &amp; B") +
    worksheet("<Row>" + data("String", "SheetHidden") + "</Row>", "Hidden",
              '<WorksheetOptions xmlns="urn:schemas-microsoft-com:office:excel"><Visible>SheetHidden</Visible></WorksheetOptions>') +
    '<Worksheet ss:Name="None"/>'),
    "A & B 0 0 visible |A & B 1 1 text a|Hidden 0 0 hidden |Hidden 1 1 text SheetHidden|None 0 0 visible ", "sheets")
gives("xmlss: prefixed", workbook(worksheet("<Row>" + data("String", "a") + "</Row>"), before="").replace("<Work", "<ss:Work").replace(
    "</Work", "</ss:Work").replace("<Row", "<ss:Row").replace("</Row", "</ss:Row"), "S 1 1 text a")
one = worksheet("<Row>" + data("String", "caf\u00e9") + "</Row>")
gives("xmlss: UTF-16", workbook(one, '<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16"), "S 1 1 text caf\u00e9")
gives("xmlss: UTF-8 with a mark", b"\xef\xbb\xbf" + workbook(one).encode(), "S 1 1 text caf\u00e9")
for name in "iso-8859-1", "windows-1252", "windows-1250", "koi8-r":
    letter = "\u0436" if name == "koi8-r" else "\u00e9"
    gives("xmlss: " + name, workbook(one.replace("\u00e9", letter), f'<?xml version="1.0" encoding="{name}"?>').encode(name),
          "S 1 1 text caf" + letter)
gives("xmlss: control characters by number", workbook(worksheet("<Row>" + "".join(
    data("String", f"a&{c};b") for c in ("#7", "#x7", "#31", "#x1F", "#x001f", "#9", "#65", "#0")) + "</Row>")),
    "S 1 1 text a\x07b|S 1 2 text a\x07b|S 1 3 text a\x1fb|S 1 4 text a\x1fb|S 1 5 text a\x1fb|S 1 6 text a\\tb|S 1 7 text aAb|S 1 8 text a b")
gives("xmlss: what stands for control characters inside", workbook(worksheet("<Row>" + data("String", "a\ufdd7b") + data("String", "\ufdd7") + "</Row>")),
      "S 1 1 text a\ufdd7b|S 1 2 text \ufdd7")
gives("xmlss: control characters, by the parser", workbook(worksheet("<Row>" + data("String", "<![CDATA[x]]>&#7;y") + "</Row>")), "S 1 1 text x\x07y")
gives("xmlss: many control characters", workbook(worksheet("<Row>" + data("String", "&#7;" * 50000) + "</Row>")), "S 1 1 text " + "\x07" * 50000)
padded = workbook(worksheet("<Row>" + data("String", "\u00b7&#7;&#31;") + "</Row>"))
gives("xmlss: control characters at the end of a piece",
      padded.replace("<Styles>", "<!--" + "x" * (65536 - len(padded[:padded.index("\u00b7")].encode()) - 7 - 5) + "--><Styles>"),
      "S 1 1 text \u00b7\x07\x1f")
refuses("xmlss: no character by number", workbook(worksheet("<Row>" + data("String", "&#;") + "</Row>")), "well-formed")
refuses("xmlss: a document type", workbook(one, '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>'), "document type")
refuses("xmlss: a column that cannot be", workbook(worksheet("<Row>" + data("String", "a", 'ss:Index="16385"') + "</Row>")), "column")
refuses("xmlss: a row that cannot be", workbook(worksheet('<Row ss:Index="1048577">' + data("String", "a") + "</Row>")), "row number")
refuses("xmlss: a row zero", workbook(worksheet('<Row ss:Index="0">' + data("String", "a") + "</Row>")), "row number")
refuses("xmlss: too many columns", workbook(worksheet("<Row>" + data("String", "a") * 3 + "</Row>")), "max_columns", "max_columns=2")
refuses("xmlss: many cells in one place", workbook(worksheet("<Row>" + data("String", "a", 'ss:Index="1"') * 3 + "</Row>")), "max_columns", "max_columns=2")
gives("xmlss: UTF-16 that looks like a reference", workbook(worksheet("<Row>" + data("String", "\u2623\u373b") + "</Row>"),
      '<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16-be").join([b"\xfe\xff", b""]), "S 1 1 text \u2623\u373b")
refuses("xmlss: a long cell", workbook(worksheet("<Row>" + data("String", "a" * 101) + "</Row>")), "max_cell_size", "max_cell_size=100")
refuses("another XML document", '<?xml version="1.0"?><rows><row/></rows>', "an XML document")
long = workbook(worksheet("".join("<Row>" + data("String", f"a{i}") + data("Number", i) + "</Row>" for i in range(2000))))
for part in range(1, 8):
    refuses(f"xmlss: cut at {part} of 8", long[:len(long) * part // 8], "")

# --- HTML ---

gives("html: no end tags of rows and cells", "<TABLE><TR><TH>a<TH>b<TR><TD>1<TD>2</TABLE>",
      "Table 1 1 1 text a|Table 1 1 2 text b|Table 1 2 1 text 1|Table 1 2 2 text 2")
gives("html: white space, breaks, blocks", "<html><body>x<table>\n<tr>\n <td>\n a\n  b <br/>c<br><br>d </td><td><p>e</p><p>f</p></td>"
      "<td><div>g</div>h<br></td><td> </td><td>&nbsp;</td><td>&nbsp;i&nbsp;j</td><td>&nbsp; &nbsp;<br>&nbsp;k &nbsp;</td></tr></table>y",
      "Table 1 1 1 text a b\\nc\\n\\nd|Table 1 1 2 text e\\nf|Table 1 1 3 text g\\nh|Table 1 1 6 text i\u00a0j|Table 1 1 7 text k")
gives("html: entities", "<table><tr><td>&lt;&amp;&gt;&quot;&apos;&euro;&auml;&#228;&#xE4;&#150;&copy;&bogus;&amp;lt; & &; &#; a&b</table>",
      "Table 1 1 1 text <&>\"'\u20ac\u00e4\u00e4\u00e4\u2013\u00a9&bogus;&lt; & &; &#; a&b")
gives("html: colspan and rowspan", "<table><tr><td colspan=2>a<td rowspan='2'>b<td>c<tr><td>d<td>e<td>f<tr><td>g<td>h<td>i</table>",
      "Table 1 1 1 text a|Table 1 1 3 text b|Table 1 1 4 text c|Table 1 2 1 text d|Table 1 2 2 text e|Table 1 2 4 text f|"
      "Table 1 3 1 text g|Table 1 3 2 text h|Table 1 3 3 text i")
gives("html: a rowspan ends with its group", "<table><thead><tr><th rowspan=9>a<th>b</thead><tbody><tr><td>c<td>d</tbody></table>",
      "Table 1 1 1 text a|Table 1 1 2 text b|Table 1 2 1 text c|Table 1 2 2 text d")
gives("html: comments, scripts, styles, declarations", "<!-- <table><tr><td>no --><!DOCTYPE html><html><head><style><!--table {a:b} "
      "--></style><script>if (a<b) '<table>'</script><xml><x:Name>n</x:Name></xml></head><![if x]><table><!--[if y]><tr><td>no<![endif]-->"
      "<tr><td>a<!-- - > -->b<script>c</script></td></tr></table><![endif]></html>",
      "Table 1 1 1 text ab")
gives("html: a table inside a cell is its text", "<table><tr><td>a<table><tr><td>b</td><td>c</td></tr><tr><td>d</td></tr></table>e</td>"
      "<td>f</td></tr></table>", "Table 1 1 1 text a\\nb c\\nd\\ne|Table 1 1 2 text f")
gives("html: tables and captions", "<table><caption> Sales\n <b>2024</b> </caption><tr><td>a</table><p><table></table><table><tr><td>b</table>",
      "Sales 2024 0 0 visible |Sales 2024 1 1 text a|Table 2 0 0 visible |Table 3 0 0 visible |Table 3 1 1 text b", "sheets")
gives("html: values beside the text", "<table><tr><td x:num>12.50</td><td x:num=\"1234.5\">1,234.50 EUR</td><td x:num>1,234</td>"
      "<td sdval=\"0.5\" sdnum=\"1033;\">50%</td><td x:bool=\"TRUE\">wahr</td><td x:err=\"#N/A\">#NV</td><td x:str>007</td><td x:num></td>"
      "<td>08</td></tr></table>",
      "Table 1 1 1 number 12.5|Table 1 1 2 number 1234.5|Table 1 1 3 text 1,234|Table 1 1 4 number 0.5|Table 1 1 5 boolean true|"
      "Table 1 1 6 error #N/A|Table 1 1 7 text 007|Table 1 1 9 text 08")
gives("html: dates by Excel's styles", r"""<html><style><!--table {mso-displayed-decimal-separator:"\.";}
.s0 {mso-number-format:General;} .d {mso-style-parent:s0; mso-number-format:"Short Date";} td.t, td.u {mso-number-format:"h\:mm\;\@";}
.child {mso-style-parent:d;color:red} .q {mso-number-format:"\0022day\0022\\ 0";} .h {mso-number-format:"\[h\]\:mm";}
--></style><table><tr><td class=d x:num="45351">29.2.</td><td class='u' x:num="0.5">12:00</td><td class=child x:num="45351.25">x</td>
<td class=q x:num="5">day 5</td><td class=h x:num="1.5">36:00</td><td class=s0 x:num="1">1</td><td class=other x:num="2">2</td>
<td class=d style='mso-number-format:"0\.00"' x:num="3">3</td><td style='width:1pt; mso-number-format:"yyyy\-mm\-dd"' x:num="45351">y</td>
<td class=d x:num>45351</td><td sdval="45351" sdnum="1033;0;YYYY-MM-DD">z</td></table>""",
      "Table 1 1 1 date 2024-02-29|Table 1 1 2 time 12:00:00|Table 1 1 3 timestamp 2024-02-29 06:00:00|Table 1 1 4 number 5|"
      "Table 1 1 5 interval 36:00:00|Table 1 1 6 number 1|Table 1 1 7 number 2|Table 1 1 8 number 3|Table 1 1 9 date 2024-02-29|"
      "Table 1 1 10 number 45351|Table 1 1 11 date 2024-02-29")
gives("html: a style across pieces", "<html><style>.a {color:red}" + " " * 65500 + '.b {mso-number-format:"Short Date"}' + " " * 65500 +
      "</style><table><tr><td class=b x:num='45351'></table>", "Table 1 1 1 date 2024-02-29")
gives("html: attributes with brackets, without quotes", "<table border=1 title='a > b' class=\"<td>\"><tr><td nowrap abbr=x/y colspan = \"2\" >a<td>b</table>",
      "Table 1 1 1 text a|Table 1 1 3 text b")
gives("html: a lone bracket is text", "<table><tr><td>1 < 2 <3 a<b></b>c<</td></tr></table>", "Table 1 1 1 text 1 < 2 <3 ac<")
gives("html: blank rows count", "<table><tr><td></tr><tr><td>a</tr></table>", "Table 1 2 1 text a")
for head, encoding in (("<meta charset=windows-1252>", "cp1252"), ("<meta http-equiv=Content-Type content='text/html; charset=iso-8859-1'>", "cp1252"),
                       ("", "cp1252"), ("", "utf-8"), ("<meta charset='utf-8'>", "utf-8"), ("", "utf-16"), ("<meta charset=gb2312>", "gb18030"),
                       ("", "utf-8-sig"), ("<meta charset=shift_jis>", "cp932")):
    word = "\u6f22" if encoding in ("gb18030", "cp932") else "caf\u00e9 \u20ac"
    gives(f"html: {head} in {encoding}", f"<html>{head}<table><tr><td>{word}</table>".encode(encoding), "Table 1 1 1 text " + word)
gives("html: XHTML", ('<?xml version="1.0" encoding="iso-8859-15"?>\n<!DOCTYPE html PUBLIC "x" "y">\n<html><title/>'
      '<table><tr><td>\u20ac</td></tr></table></html>').encode("iso-8859-15"), "Table 1 1 1 text \u20ac")
refuses("html: an unknown encoding", "<meta charset=klingon><table></table>", "unknown encoding")
refuses("html: no table", "<!doctype html><p>a</p>", "without a table")
refuses("html: too many columns", "<table><tr>" + "<td>a" * 3 + "</table>", "max_columns", "max_columns=2")
gives("html: an empty cell beyond the columns", "<table><tr><td>a<td>b<td colspan=999 rowspan=999></table>",
      "Table 1 1 1 text a|Table 1 1 2 text b", "max_columns=2")
refuses("html: a long cell", "<table><tr><td>" + "a" * 101 + "</table>", "max_cell_size", "max_cell_size=100")
refuses("html: a long tag", "<table><tr><td a='" + "a" * 2000000 + "'></table>", "tag of more")
page = "<html><table>" + "".join(f"<tr><td>a{i}</td><td>&auml;{i}</td></tr>" for i in range(6000)) + "</table></html>"
gives("html: rows across pieces", page, "|".join(f"Table 1 {i + 1} 1 text a{i}|Table 1 {i + 1} 2 text \u00e4{i}" for i in range(6000)))
for part in range(1, 8):
    refuses(f"html: cut at {part} of 8", page[:len(page) * part // 8], "cut short")
for name, line in (("a header in brackets", "<TICKER>,<DATE>"), ("a bracket", "<,b"), ("an arrow", "<- a,<b")):
    gives(f"text with {name} is no HTML", line + "\n1,2\n",
          f" 1 1 text {line.split(',')[0]}| 1 2 text {line.split(',')[1]}| 2 1 text 1| 2 2 text 2")

# --- a document that fails late: what was whole before is handed out first ---

def late(*rows):
    return "|".join(f"{name} {number} 1 text {value}" for name, number, value in rows) + "|error "


def line(word):
    return "<Row>" + data("String", word) + "</Row>"


MISMATCHED = "3 the workbook is not well-formed: mismatched tag"
gives("xmlss: rows before a damaged one", workbook(worksheet(line("a") + line("b") + "<Row>" + data("String", "c") + "</Table>")),
      late(("S", 1, "a"), ("S", 2, "b")) + MISMATCHED)
gives("xmlss: a sheet before a damaged one", workbook(worksheet(line("a")) + worksheet(line("b") + "<Row></Cell>", "U")),
      late(("S", 1, "a"), ("U", 1, "b")) + MISMATCHED)
gives("xmlss: rows before one of too many columns", workbook(worksheet(line("a") + "<Row ss:Index='7'>" + data("String", "b") * 3 + "</Row>" + line("c"))),
      late(("S", 1, "a")) + "4 the column is beyond max_columns", "max_columns=2")
gives("fods: rows before a damaged one", content(table(row(text("a"), repeated=2) + row(text("b")) + row("<text:p>")), root="office:document"),
      late(("T", 1, "a"), ("T", 2, "a"), ("T", 3, "b")) + "3 the document is not well-formed: mismatched tag")
gives("ods: rows before a long cell", sheet(row(text("a")), row(text("b" * 101))), late(("T", 1, "a")) + "4 the cell is longer than max_cell_size",
      "max_cell_size=100")
gives("html: rows before one of too many columns", "<table><tr><td>a<tr><td>b<tr>" + "<td>c" * 3 + "</table>",
      late(("Table 1", 1, "a"), ("Table 1", 2, "b")) + "4 the column is beyond max_columns", "max_columns=2")
gives("xmlss: a first row that fails", workbook(worksheet("<Row>" + data("String", "a") + "</Table>")), "error " + MISMATCHED)

# --- bytes altered at random ---

random.seed(42)
for name, data_ in (("ods", sheet(*[row(text(f"a{i}"), typed("time", "PT1H", "time-value"), repeated=i) for i in range(1, 9)])),
                    ("fods", content(table(row(text("a<text:s/>b"), typed("date", "2024-01-01", "date-value"))), root="office:document").encode()),
                    ("xmlss", workbook(worksheet("<Row>" + datetime("2024-02-29T00:00:00.000", "d") + data("String", "a&#7;") + "</Row>")).encode()),
                    ("html", "<html><table><tr><td colspan=3 rowspan=2 x:num='1'>&auml;<br>\u20ac</td></tr><!-- c --></table></html>".encode())):
    for i in some(60):
        altered = bytearray(data_)
        for _ in range(random.randint(1, 4)):
            altered[random.randrange(len(altered))] = random.choice(b"<>&;\"'= /\x00\xff\xc3\x80109az")
        survives(f"{name}: alteration {i}", bytes(altered))

for failure in failures:
    print(failure)
print(f"{count - len(failures)} of {count}")
sys.exit(1 if failures else 0)
