"""Writes OpenDocument spreadsheets and SpreadsheetML that both XML parsers must read alike: regular ones, and
the same damaged.

usage: damage_markup.py FOLDER COUNT [SEED]

Into FOLDER go "whole-*" (shifted byte by byte across the ends of the reader's pieces) and COUNT of "damaged-*".
The same SEED gives the same files.
"""
import os
import random
import sys
import zipfile

from damage import damage

PIECE = 128 * 1024
DECLARATIONS = ['<?xml version="1.0" encoding="UTF-8"?>\n', "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>", "", "\ufeff",
                '\ufeff<?xml version="1.0"?>', '<?xml version="1.0" encoding="windows-1252"?>', '<?xml version="1.1"?>', "\n", '\n<?xml version="1.0"?>',
                '<?xml version="1.0" standalone="no" encoding="UTF-8"?>', "<!-- first -->", "<!DOCTYPE a>", "<?XML no?>", "<?other yes?>"]
TEXTS = ["plain", "a &amp; b &lt;c&gt; &#65;&#x1F600;&quot;&apos;", "Gr\u00fc\u00dfe \u6f22\u5b57 \U0001F600", "two  spaces ", "line\nend\r\nand\rmore\ttab",
         "]] and ]", "", "&#10;&#13;&#9;", "42", "<!-- aside -->", "<![CDATA[raw <b>]]>", "<?pi data?>", "long " * 60, "&#38;amp;", "\x7f"]
COMMON = ["plain", "42", "a &amp; b", "Gr\u00fc\u00dfe"]
VALUES = ["1", "-12.5", "1E5", "a &amp;&#32;b", "tab\tand\nline", "&#10;&lt;", "\u00e9", "it's", "&#x41;", "]]>"]


def text(rng):
    return rng.choice(TEXTS if rng.randrange(60) == 0 else COMMON)


def value(rng):
    return rng.choice(VALUES if rng.randrange(20) == 0 else VALUES[:4])


def ods_cell(rng):
    return rng.choice((
        lambda: '<table:table-cell office:value-type="float" office:value="%s"><text:p>%s</text:p></table:table-cell>' % (value(rng), text(rng)),
        lambda: '<table:table-cell office:value-type="string"><text:p>%s</text:p></table:table-cell>' % text(rng),
        lambda: "<table:table-cell  office:string-value='%s' office:value-type = \"string\"\n/>" % value(rng).replace("'", ""),
        lambda: '<table:table-cell table:number-columns-repeated="%d"/>' % rng.randrange(1, 4),
        lambda: '<table:table-cell><text:p>%s<text:s text:c="2"/><text:span>%s</text:span></text:p ><text:p/></table:table-cell >' % (text(rng), text(rng)),
        lambda: '<table:table-cell office:value-type="date" office:date-value="2024-05-06"><office:annotation><text:p>%s</text:p></office:annotation></table:table-cell>' % text(rng),
    ))()


def ods(rng, rows, padding):
    space = "urn:oasis:names:tc:opendocument:xmlns:"
    body = "".join('<table:table-row table:style-name="ro1">%s</table:table-row>' % "".join(ods_cell(rng) for _ in range(rng.randrange(1, 12)))
                   for _ in range(rows))
    return ('<office:document xmlns:office="%soffice:1.0" xmlns:table="%stable:1.0" xmlns:text="%stext:1.0" office:mimetype='
            '"application/vnd.oasis.opendocument.spreadsheet"><office:body>%s<office:spreadsheet><table:table table:name="%s">%s</table:table>'
            "</office:spreadsheet></office:body></office:document>%s" % (space, space, space, " " * padding, value(rng), body, rng.choice(("", "\n", "<!-- last -->"))))


def xmlss_cell(rng):
    return rng.choice((
        lambda: '<Cell><Data ss:Type="Number">%s</Data></Cell>' % value(rng),
        lambda: '<Cell ss:Index="%d"><Data ss:Type="String">%s</Data></Cell>' % (rng.randrange(1, 20), text(rng)),
        lambda: '<Cell ss:StyleID="%s"/>' % value(rng).replace('"', ""),
        lambda: '<Cell><ss:Data ss:Type="String" xmlns="http://www.w3.org/TR/REC-html40"><B>%s</B>%s</ss:Data></Cell>' % (text(rng), text(rng)),
    ))()


def xmlss(rng, rows, padding):
    body = "".join("<Row>%s</Row>\n" % "".join(xmlss_cell(rng) for _ in range(rng.randrange(1, 9))) for _ in range(rows))
    return ('<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
            'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">%s<Worksheet ss:Name="One"><Table>%s</Table></Worksheet></Workbook>\n'
            % (" " * padding, body))


def write(path, data, packed):
    if not packed:
        with open(path, "wb") as file:
            file.write(data)
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        book.writestr("content.xml", data)


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    kinds = ((ods, "ods", True), (ods, "fods", False), (xmlss, "xml", False))
    os.makedirs(folder, exist_ok=True)
    for make, ending, packed in kinds:
        for i in range(0, 400, 37):
            write("%s/whole-%04d.%s" % (folder, i, ending), (DECLARATIONS[0] + make(random.Random(i % 4), 900, i)).encode(), packed)
    for i in range(count):
        make, ending, packed = rng.choice(kinds)
        data = (rng.choice(DECLARATIONS) if rng.randrange(4) == 0 else DECLARATIONS[0]) + make(rng, 600 if i % 10 == 0 else 12, 0)
        data = data.encode("cp1252", "xmlcharrefreplace") if "windows" in data[:60] else data.encode()
        for _ in range(rng.choice((0, 1, 1, 2))):
            data = damage(rng, data) or b"<"
        write("%s/damaged-%05d.%s" % (folder, i, ending), data, packed)


main()
