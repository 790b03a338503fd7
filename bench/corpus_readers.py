"""What other readers make of a file, for corpus.py.

usage: corpus_readers.py READER     a path a line in, a line of JSON out: {"sheets": {name: [[row, column, kind,
                                    value], ...]}}, or {"error": message}

Kinds: n number, s text, b boolean, e error, d days since 1899-12-30 of a date, a time or a span, r a number
that may be a date, for readers that do not know.
"""
import datetime
import io
import json
import sys
import warnings

ORIGIN = datetime.datetime(1899, 12, 30)


def days(serial, date1904):
    """A serial of a workbook as days since the origin; what Excel takes for 1900-02-29 is between."""
    if date1904:
        return serial + 1462
    return serial + 1 if 1 <= serial < 60 else serial


def value_of(value):
    if isinstance(value, bool):
        return ["b", value]
    if isinstance(value, (int, float)):
        return ["n", value]
    if isinstance(value, datetime.datetime):
        return ["d", (value.replace(tzinfo=None) - ORIGIN) / datetime.timedelta(1)]
    if isinstance(value, datetime.date):
        return ["d", (value - ORIGIN.date()).days]
    if isinstance(value, datetime.time):
        return ["d", (value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6) / 86400]
    if isinstance(value, datetime.timedelta):
        return ["d", value / datetime.timedelta(1)]
    return ["e" if value.startswith("#") else "s", value]


def read_calamine(path):
    from python_calamine import CalamineWorkbook
    book = CalamineWorkbook.from_path(path)
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        yield name, ([r, c, *value_of(value)] for r, row in enumerate(rows, 1) for c, value in enumerate(row, 1) if value != "")


def read_openpyxl(path):
    import openpyxl
    with open(path, "rb") as file:
        book = openpyxl.load_workbook(io.BytesIO(file.read()), data_only=True)
    for sheet in book.worksheets:
        yield sheet.title, ([cell.row, cell.column, *(["e", cell.value] if cell.data_type == "e" else value_of(cell.value))]
                            for cell in sheet._cells.values() if cell.value is not None and cell.value != "")


def read_xlrd(path):
    import xlrd
    try:
        book = xlrd.open_workbook(path, formatting_info=True, logfile=io.StringIO())
    except NotImplementedError:
        book = xlrd.open_workbook(path, logfile=io.StringIO())

    def cell_of(cell):
        if cell.ctype == xlrd.XL_CELL_DATE:
            return ["d", days(cell.value, book.datemode == 1)]
        if cell.ctype == xlrd.XL_CELL_ERROR:
            return ["e", xlrd.error_text_from_code.get(cell.value, "#?")]
        return value_of(bool(cell.value) if cell.ctype == xlrd.XL_CELL_BOOLEAN else cell.value)

    for sheet in book.sheets():
        yield sheet.name, ([r + 1, c + 1, *cell_of(sheet.cell(r, c))] for r in range(sheet.nrows) for c in range(sheet.row_len(r))
                           if sheet.cell(r, c).ctype not in (0, 6) and sheet.cell(r, c).value != "")


def read_pyxlsb(path):
    from pyxlsb import open_workbook
    errors = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A", 43: "#GETTING_DATA"}

    def cell_of(value):
        if isinstance(value, str) and value.startswith("0x"):
            return ["e", errors.get(int(value, 16), value)]
        kind, plain = value_of(value)
        return ["r" if kind == "n" else kind, plain]

    with open_workbook(path) as book:
        for name in book.sheets:
            with book.get_sheet(name) as sheet:
                yield name, [[cell.r + 1, cell.c + 1, *cell_of(cell.v)] for row in sheet.rows(sparse=True) for cell in row if cell.v not in (None, "")]


def main(read):
    warnings.simplefilter("ignore")
    out, sys.stdout = sys.stdout, sys.stderr  # some readers print
    for line in sys.stdin:
        try:
            result = {"sheets": {name: list(cells) for name, cells in read(line.rstrip("\n"))}}
        except (Exception, SystemExit) as error:  # whatever another reader raises, it means that it cannot
            result = {"error": ("%s: %s" % (type(error).__name__, error))[:200]}
        print(json.dumps(result), file=out, flush=True)


if __name__ == "__main__":
    main(globals()["read_" + sys.argv[1]])
