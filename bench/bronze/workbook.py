"""Writes a CSV file as a workbook, xls or ods: numbers as numbers, all else as text.

usage: workbook.py CSV FILE
"""
import csv
import sys
import zipfile
from xml.sax.saxutils import escape

XLS_ROWS = 65536
MIMETYPE = "application/vnd.oasis.opendocument.spreadsheet"
SPACE = "urn:oasis:names:tc:opendocument:xmlns:"


def as_number(text):
    try:
        return float(text)
    except ValueError:
        return None


def write_xls(rows, path):
    import xlwt

    book = xlwt.Workbook()
    header = next(rows)
    for n, row in enumerate(rows):
        at = n % (XLS_ROWS - 1)
        if at == 0:
            sheet = book.add_sheet("Ledger %d" % (n // (XLS_ROWS - 1) + 1))
            for column, name in enumerate(header):
                sheet.write(0, column, name)
        for column, text in enumerate(row):
            number = as_number(text)
            sheet.write(at + 1, column, text if number is None else number)
        if at % 1000 == 0:
            sheet.flush_row_data()
    book.save(path)


def ods_cell(text):
    if as_number(text) is None:
        return '<table:table-cell office:value-type="string"><text:p>%s</text:p></table:table-cell>' % escape(text)
    return '<table:table-cell office:value-type="float" office:value="%s"><text:p>%s</text:p></table:table-cell>' % (text, text)


def write_ods(rows, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", MIMETYPE, zipfile.ZIP_STORED)
        book.writestr("META-INF/manifest.xml", '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest="%smanifest:1.0">'
                      '<manifest:file-entry manifest:full-path="/" manifest:media-type="%s"/>'
                      '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>' % (SPACE, MIMETYPE))
        with book.open("content.xml", "w") as content:
            content.write(('<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="%soffice:1.0" xmlns:table="%stable:1.0"'
                           ' xmlns:text="%stext:1.0" office:version="1.2"><office:body><office:spreadsheet><table:table table:name="Ledger">'
                           % (SPACE, SPACE, SPACE)).encode())
            for row in rows:
                content.write(("<table:table-row>%s</table:table-row>" % "".join(map(ods_cell, row))).encode())
            content.write(b"</table:table></office:spreadsheet></office:body></office:document-content>")


with open(sys.argv[1], newline="") as source:
    (write_xls if sys.argv[2].endswith(".xls") else write_ods)(csv.reader(source), sys.argv[2])
