"""Writes workbooks that scanner and parser must read alike: regular ones, and the same damaged.

usage: damage.py FOLDER COUNT [SEED]

Into FOLDER go "whole-*" (all that a regular sheet may hold, shifted byte by byte across the ends of the
reader's pieces) and COUNT of "damaged-*" (bytes flipped, removed, doubled and swapped; tags removed, doubled
and swapped; stray markup put in; bytes of the archive altered).  The same SEED gives the same files.
"""
import os
import random
import re
import sys
import zipfile

PIECE = 128 * 1024
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

PARTS = {
    "[Content_Types].xml": HEAD + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": HEAD + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="%s/officeDocument" Target="xl/workbook.xml"/></Relationships>' % RELATIONS,
    "xl/workbook.xml": HEAD + '<workbook xmlns="%s" xmlns:r="%s"><sheets><sheet name="One" sheetId="1" r:id="rId1"/>'
    "</sheets></workbook>" % (MAIN, RELATIONS),
    "xl/_rels/workbook.xml.rels": HEAD + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    + "".join('<Relationship Id="rId%d" Type="%s/%s" Target="%s"/>' % (i + 1, RELATIONS, kind, target)
              for i, (kind, target) in enumerate((("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml"),
                                                  ("sharedStrings", "sharedStrings.xml"))))
    + "</Relationships>",
    "xl/styles.xml": HEAD + '<styleSheet xmlns="%s"><cellXfs count="5">%s</cellXfs></styleSheet>'
    % (MAIN, "".join('<xf numFmtId="%d"/>' % i for i in (0, 14, 22, 46, 2))),
}
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"

ITEMS = [
    "<si><t>plain</t></si>", "<si><t>a &amp; b &lt;c&gt; &#65;&#x1F600;</t></si>", "<si/>", "<si><t/></si>",
    '<si><t xml:space="preserve"> spaced </t></si>', "<si><t>Gr\u00fc\u00dfe \u6f22\u5b57 \U0001F600</t></si>",
    '<si><r><rPr><b/><sz val="11"/><color theme="1"/><rFont val="Calibri"/></rPr><t>bold</t></r>'
    '<r><t xml:space="preserve"> &amp; rest</t></r></si>',
    '<si><t>\u6771\u4eac</t><rPh sb="0" eb="2"><t>\u30c8\u30a6</t></rPh><phoneticPr fontId="1"/></si>',
    "<si><t>_x000D_ and _x005F_x000D_</t></si>", "<si><t>line\r\nbreak\rand ]] too</t></si>", "<si><t></t></si>",
    "<si><r><t>one_x00</t></r><r><t>41_two</t></r></si>", "<si>\n <t>white</t>\n</si>",
    "<si><t>%s</t></si>" % ("long " * 40),
]

CELLS = [
    '<c r="@"><v>1</v></c>', '<c r="@"><v>~</v></c>', '<c r="@"><v>~</v></c>', '<c r="@" s="3"><v>~</v></c>', '<c r="@" s="1"><v>45000</v></c>', '<c r="@" s="2"><v>45000.512345678901</v></c>',
    '<c r="@" s="3"><v>1.5</v></c>', '<c r="@" s="4"><v>-12.5</v></c>', '<c r="@"><v>0.10000000000000001</v></c>',
    '<c r="@"><v>1234567890.1234567</v></c>', '<c r="@"><v>1E-5</v></c>', '<c r="@"><v>007</v></c>', '<c r="@"><v> 42 </v></c>',
    '<c r="@"><v>-0</v></c>', '<c r="@"><v>12.50</v></c>', '<c r="@"><v>abc</v></c>', '<c r="@" t="s"><v>#</v></c>',
    '<c r="@" t="s"><v>#</v></c>', '<c r="@" s="4" t="s"><v>#</v></c>', '<c r="@" t="s" s="1"><v>#</v></c>', '<c r="@" t="s"/>',
    '<c r="@" t="s"><v></v></c>', '<c r="@" t="s"><v/></c>', '<c r="@" t="b"><v>1</v></c>', '<c r="@" t="b"><v>false</v></c>',
    '<c r="@" t="e"><v>#N/A</v></c>', '<c r="@" t="d"><v>2024-05-06T07:08:09</v></c>', '<c r="@" t="d"><v>soon</v></c>',
    '<c r="@" t="str"><f>A1&amp;"x"</f><v>made &amp; kept_x0041_</v></c>', '<c r="@"><f t="shared" ref="A1:B2" si="0">A1+1</f><v>3</v></c>',
    '<c r="@"><f t="shared" si="0"/><v>3.25</v></c>', '<c r="@"><f>1+1</f></c>', '<c r="@"><v>4</v><f>2+2</f></c>',
    '<c r="@" t="inlineStr"><is><t>inline text</t></is></c>', '<c r="@" t="inlineStr"><is><t>in &lt;line&gt; _x0041_ \u00e9</t></is></c>',
    '<c r="@" t="inlineStr"><is><r><rPr><i/></rPr><t>run </t></r><r><t>and run</t></r></is></c>', '<c r="@" t="inlineStr"><is><t/></is></c>',
    '<c r="@" t="inlineStr"><v>value</v></c>', '<c r="@" s="1"/>', '<c r="@"></c>', "<c><v>5</v></c>", '<c s="1"><v>44000</v></c>',
    '<c r="@" cm="1" vm="2"><v>6</v></c>', "<c r='@' t='n'><v>7</v></c>", '<c r="@" t="str"><v xml:space="preserve"> kept </v></c>',
]

# What may stand in a file by right or by accident, put in anywhere.
STRAYS = [
    "<!-- <c r=\"A1\"><v>9</v></c> -->", "<![CDATA[<v>1</v>]]>", "<?php c ?>", "&#10;", "&#0;", "&#xD800;", "&#xFFFE;", "&nbsp;", "&amp", "]]>",
    "\0", "\x01", "\x7f", "\ufffe", "\ufeff", "<x:c r=\"A1\"/>", " r=\"A1\"", " t=\"s\"", " s=\"1\"", "<v/>", "<v>8</v>", "</v>", "<c>", "</c>",
    "<row>", "</row>", "<row r=\"9\">", "</sheetData>", "<sheetData>", "<is><t>x</t></is>", "<t>x</t>", "<extLst><ext/></extLst>", "<rPh><t>z</t></rPh>",
    "<si>", "</si>", "</sst>", "<sst>", "<", ">", "\"", "'", "/", "&", "=", " ", "\r", "\t", "_x000A_", "-", ".", "0", "9999999999", "e5", "<!DOCTYPE x>",
]


def column(index):
    name = ""
    while index >= 0:
        name, index = chr(65 + index % 26) + name, index // 26 - 1
    return name


def number(rng):
    """Decimals of all lengths, some spelled as nobody does."""
    digits = "".join(rng.choices("0123456789", k=rng.choice((1, 2, 5, 8, 14, 15, 16, 17, 18, 20, 25))))
    point = rng.randrange(len(digits) + 1)
    return (rng.choice(("", "", "", "-", "+")) + rng.choice((digits, digits[:point] + "." + digits[point:], "0." + digits))
            + rng.choice(("", "", "", "E-7", "e+12", "E", "e400")))


def sheet(rng, rows):
    out = [HEAD, '<worksheet xmlns="%s" xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac">' % MAIN,
           '<dimension ref="A1"/><cols><col min="1" max="2" width="9"/></cols>', "<sheetData>"]
    for row in range(1, rows + 1):
        style = rng.randrange(8)
        if style == 0:
            out.append("<row>")
        elif style == 1:
            out.append('<row spans="1:9" r="%d" x14ac:dyDescent="0.25" >' % row)
        elif style == 2:
            out.append('<row r="%d" s="3"/>\n' % row)
            continue
        else:
            out.append('<row r="%d" spans="1:14">' % row)
        at = 0
        for _ in range(rng.randrange(1, 14)):
            cell = rng.choice(CELLS)
            if "@" in cell and rng.randrange(5) == 0:
                at += rng.randrange(40)
            out.append(cell.replace("~", number(rng)).replace("@", column(at) + str(row)).replace("#<", "%d<" % rng.randrange(len(ITEMS))))
            at += 1
        out.append(rng.choice(("</row>", "</row>", "\n</row>\n")))
    out.append('</sheetData><mergeCells count="1"><mergeCell ref="A1:B2"/></mergeCells></worksheet>')
    return "".join(out)


def strings(rng):
    return HEAD + '<sst xmlns="%s" count="9" uniqueCount="9">%s</sst>' % (MAIN, "".join(ITEMS + rng.choices(ITEMS, k=20)))


def write(path, changed):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, text in {**PARTS, **changed}.items():
            book.writestr(name, text)


def place(rng, data):
    """Anywhere, but often where a piece ends."""
    at = rng.randrange(len(data))
    if len(data) > PIECE and rng.randrange(3) == 0:
        at = rng.randrange(1, len(data) // PIECE + 1) * PIECE + rng.randrange(-40, 40)
    return min(at, len(data) - 1)


def damage(rng, data):
    at = place(rng, data)
    length = rng.choice((1, 1, 2, 5, 20))
    tags = [m.span() for m in re.finditer(rb"<[^>]*>", data[max(0, at - 300):at + 300])]
    kind = rng.randrange(9)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
    if kind == 1:
        return data[:at] + data[at + length:]
    if kind == 2:
        return data[:at] + data[at:at + length] + data[at:]
    if kind == 3:
        return data[:at] + data[at + length:at + 2 * length] + data[at:at + length] + data[at + 2 * length:]
    if kind in (4, 5):
        return data[:at] + rng.choice(STRAYS).encode() + data[at:]
    if kind == 6 and rng.randrange(10) == 0:
        return data[:at]
    if not tags:
        return data
    base = max(0, at - 300)
    start, end = rng.choice(tags)
    tag = data[base + start:base + end]
    if kind == 6:
        return data[:base + start] + data[base + end:]
    if kind == 7:
        return data[:base + start] + tag + data[base + start:]
    start2, end2 = rng.choice(tags)
    if end2 <= start:
        start, end, start2, end2 = start2, end2, start, end
    if end > start2:
        return data[:base + start] + rng.choice(STRAYS).encode() + data[base + end:]
    return (data[:base + start] + data[base + start2:base + end2] + data[base + end:base + start2]
            + data[base + start:base + end] + data[base + end2:])


def damage_packed(rng, path):
    """Alters bytes of the archive itself: packed data, headers, directory."""
    with open(path, "r+b") as file:
        size = file.seek(0, 2)
        for _ in range(rng.choice((1, 2, 5))):
            file.seek(rng.randrange(size))
            file.write(bytes([rng.randrange(256)]))


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    os.makedirs(folder, exist_ok=True)
    big = sheet(rng, 1500)
    small = [sheet(rng, 12) for _ in range(20)]
    for i in range(0, 1500, 37):
        write("%s/whole-%04d.xlsx" % (folder, i), {SHEET: big.replace("<sheetData>", "<sheetData>" + " " * i, 1), STRINGS: strings(rng)})
    wide = HEAD + '<worksheet xmlns="%s"><sheetData>' % MAIN
    for row in (1, 2, 5):
        cells = ('<c r="%s%d" t="str"><v>a wide row &amp; more</v></c>' % (column(i), row) for i in range(16384))
        wide += '<row r="%d">%s</row>' % (row, "".join(cells))
    write("%s/whole-wide.xlsx" % folder, {SHEET: wide + "</sheetData></worksheet>", STRINGS: strings(rng)})
    for i in range(count):
        parts = {SHEET: (big if i % 8 == 0 else rng.choice(small)).encode(), STRINGS: strings(rng).encode()}
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            part = SHEET if rng.randrange(3) else STRINGS
            if parts[part]:
                parts[part] = damage(rng, parts[part])
        path = "%s/damaged-%05d.xlsx" % (folder, i)
        write(path, parts)
        if i % 5 == 0:
            damage_packed(rng, path)


if __name__ == "__main__":
    main()
