"""Every file of the corpora through reader_check, cell by cell beside what other readers make of it.

usage: corpus.py READER_CHECK CORPUS PEERS [PATTERN]

Two readers that agree with each other are right, unless corpus_differences.tsv says why they are not; where
no two agree, or there is just one, a value that any of them has will do.  A crash, a hang, a difference or
a refusal that is not explained there fails, and so does an explanation that explains nothing.
"""
import collections
import datetime
import fnmatch
import json
import os
import re
import select
import subprocess
import sys

check, corpus, peers = sys.argv[1:4]
pattern = sys.argv[4] if len(sys.argv) > 4 else "*"
here = os.path.dirname(os.path.abspath(__file__))
ORIGIN = datetime.datetime(1899, 12, 30)
SECOND = 1 / 86400
EXPLANATIONS = os.path.join(here, "corpus_differences.tsv")


class Peer:
    """Another reader, in a process of its own, which begins anew when it dies or takes too long."""

    def __init__(self, name, *command):
        self.name, self.command, self.process = name, command, None

    def read(self, path):
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process.stdin.write(path.encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline() if select.select([self.process.stdout], [], [], 120)[0] else b""
        if not line.endswith(b"\n"):
            self.process.kill()
            self.process.wait()
            self.process = None
            return None
        sheets = json.loads(line).get("sheets")
        if sheets and path.endswith((".htm", ".html")):  # a page's tables have no names
            sheets = {"Table %d" % number: cells for number, cells in enumerate(sheets.values(), 1)}
        return sheets and {(sheet, row, column): (kind, value) for sheet, cells in sheets.items() for row, column, kind, value in cells}


def python_peer(name):
    return Peer(name, os.path.join(peers, "python/bin/python"), os.path.join(here, "corpus_readers.py"), name)


sheetjs = Peer("sheetjs", "node", os.path.join(here, "corpus_sheetjs.js"), os.path.join(peers, "node_modules/@e965/xlsx"))
calamine, openpyxl, xlrd, pyxlsb = map(python_peer, ("calamine", "openpyxl", "xlrd", "pyxlsb"))
PEERS = {"xlsx": (calamine, openpyxl, sheetjs), "xls": (calamine, xlrd, sheetjs), "xlsb": (calamine, pyxlsb, sheetjs), "ods": (calamine, sheetjs),
         "csv": (), "json": ()}  # other readers know no dialects: bench/pollock.sh


def unescaped(value):
    return re.sub(r"\\([nrt\\])", lambda found: {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}[found[1]], value)


def days_of(kind, text):
    """A date, a time or a span as days since the origin."""
    if kind in ("date", "timestamp"):
        year, rest = text.split("-", 1)
        moment = datetime.datetime.fromisoformat(("%s-%s" % (year, rest))[:23].rstrip("Z"))
        return (moment - ORIGIN) / datetime.timedelta(1)
    sign = -1 if text.startswith("-") else 1
    hours, minutes, seconds = text.lstrip("-").split(":")
    return sign * (int(hours) * 3600 + int(minutes) * 60 + float(seconds)) / 86400


def value_of(kind, text):
    if kind == "number":
        return "n", float(text)
    if kind == "boolean":
        return "b", text == "true"
    if kind in ("text", "error", "bad"):
        return kind[0] if kind != "text" else "s", unescaped(text)
    return "p" if kind == "interval" else "d", days_of(kind, text)


def ours(path):
    """The format, the cells, and the refusal if there is one; a crash or a hang as None."""
    try:
        run = subprocess.run([check, "-d", path], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return None, None, "hangs"
    if run.returncode != 0:
        return None, None, "crashes: " + run.stderr.decode(errors="replace")[:300]
    cells, error, format_ = {}, None, ""
    lines = run.stdout.decode().split("\n")[:-1]
    # A refusal is the last line; a cell's sheet may be called "error" too.
    if lines and lines[-1].startswith("error\t") and lines[-1].count("\t") == 2:
        error = lines.pop().split("\t")[2]
    if lines:
        format_ = lines.pop(0).split("\t")[0]
    for line in lines:
        sheet, row, column, kind, value = line.split("\t", 4)
        cells[unescaped(sheet), int(row), int(column)] = value_of(kind, value)
    return format_, cells, error


def same(a, b):
    """Are these one value?  Numbers to 15 digits, times to a millisecond, line ends however they are."""
    if a is None or b is None:
        return a is b or (a or b)[1] == ""
    kinds = {a[0], b[0]}
    if kinds <= {"n", "r"}:
        return abs(a[1] - b[1]) <= 1e-14 * max(abs(a[1]), abs(b[1]))
    if kinds <= {"d", "p", "r"}:  # a span has no calendar
        return any(abs(a[1] + shift - b[1]) < SECOND / 900 for shift in ((0,) if kinds == {"d"} else (0, 1462, -1462, 1, -1)))
    if kinds <= {"s", "e"}:
        return a[1].replace("\r\n", "\n") == b[1].replace("\r\n", "\n")
    return a == b


def judge(own, others):
    """The value that ours ought to have been, in a list; None if it is right."""
    if own and own[0] == "e" or any(value and value[0] == "e" for value in others):
        others = [value for value in others if value]  # calamine has nothing for an error
    agreed = [a for i, a in enumerate(others) if any(same(a, b) for b in others[i + 1:])]
    right = agreed or others
    return None if any(same(own, value) for value in right) else right


class Explanations:
    def __init__(self):
        self.lines, self.used = [], set()
        with open(EXPLANATIONS) as file:
            for number, line in enumerate(file, 1):
                if number > 1 and line.strip():
                    self.lines.append(tuple(line.rstrip("\n").split("\t")))

    def explains(self, name, cell, own, theirs):
        for line in self.lines:
            wanted = zip((name, cell, own, theirs), line)
            if all(fnmatch.fnmatchcase(text, glob) for text, glob in wanted):
                self.used.add(line)
                return True
        return False

    def idle(self):
        return [line for line in self.lines if line not in self.used]


def shown(value):
    if value is None:
        return "nothing"
    return "%s %s" % (value[0], repr(value[1])[:120] if isinstance(value[1], str) else value[1])


def compare(path, name, explanations, row, complaints):
    format_, cells, error = ours(path)
    if cells is None:
        row["failed"] += 1
        complaints.append((name, "file", error, ""))
        return
    asked = PEERS.get(format_, (calamine, sheetjs) if not format_ else (sheetjs,))
    others = [found for found in (peer.read(path) for peer in asked) if found]
    if error is not None:
        row["refused"] += 1
        if others and not explanations.explains(name, "refused", error, ""):
            row["unexplained"] += 1
            complaints.append((name, "refused", error, "%d others read it" % len(others)))
        return
    row["read" if others else "alone"] += 1
    for place in sorted(set(cells).union(*others)) if others else ():
        own = cells.get(place)
        right = judge(own, [other.get(place) for other in others])
        if right is None:
            row["agree"] += 1
            continue
        row["differ"] += 1
        words = (name, "%s!R%dC%d" % place, shown(own), " or ".join(sorted(set(map(shown, right)))))
        if not explanations.explains(*words):
            row["unexplained"] += 1
            complaints.append(words)


def main():
    explanations, table, complaints = Explanations(), collections.defaultdict(collections.Counter), []
    for folder, _, names in sorted(os.walk(corpus)):
        for file in sorted(names):
            name = os.path.relpath(os.path.join(folder, file), corpus)
            if os.sep not in name or not fnmatch.fnmatchcase(name, pattern):
                continue
            key = name.split(os.sep)[0], os.path.splitext(file)[1].lower()
            compare(os.path.join(folder, file), name, explanations, table[key], complaints)
    columns = ("read", "alone", "refused", "failed", "agree", "differ", "unexplained")
    print("%-26s" % "files, then cells" + "".join("%12s" % column for column in columns))
    for key, row in sorted(table.items()):
        print("%-14s %-11s" % key + "".join("%12d" % row[column] for column in columns))
    print("%-26s" % "all" + "".join("%12d" % sum(row[column] for row in table.values()) for column in columns))
    for complaint in complaints:
        print("\t".join(complaint))
    idle = explanations.idle() if pattern == "*" else []
    for line in idle:
        print("explains nothing:", "\t".join(line))
    sys.exit(bool(complaints or idle))


main()
