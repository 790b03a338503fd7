"""Every message that src/file and src/bronze can give must be in docs/errors.md, and be provoked by a test.

usage: errors.py [MESSAGES]       from the project's folder; prints what is missing

MESSAGES: the messages that readers gave in their tests, one a line; without it nobody asks for those of src/file.
A message of src/bronze must be what a test on the server expects: in test/pgtap, test/t, test/sql or test/specs.

A message is the text of a call that reports a failure; where it has a %, anything may stand in the docs and
the tests.  What a file is said to be, and what is said of a text or a record, are found by where they stand.  What
it takes more than a small file to provoke is named in NOT_PROVOKED.
"""
import glob
import re
import sys

CALLS = r"\b(?:ReaderFail|FAIL|Fail|FailStyles|SheetFail|CellFail|StringsFail|XlsDamaged|XlsbDamaged|Damaged|OleFail|BeyondLimit|BadRecord|errmsg|AddObstacle|message = psprintf)\s*\("
DETAILS = r"\b(?:JsonComplain|JsonTextFail)\s*\("  # behind "malformed JSON in line n, byte n: "
LITERAL = r'"(?:[^"\\]|\\.)*"'


def literals(source, start):
    """The string literals of the call whose parenthesis has just opened; adjacent ones are one."""
    depth, found, at = 1, [], start
    while depth > 0:
        text = re.match(r'%s(?:\s*%s)*' % (LITERAL, LITERAL), source[at:])
        if text:
            found.append("".join(literal[1:-1] for literal in re.findall(LITERAL, text[0])).replace('\\"', '"').replace("\\\\", "\\"))
            at += len(text[0])
            continue
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        at += 1
    return found


def texts_of(source, call):
    """The messages among the literals of each call."""
    for found in re.finditer(call, source):
        for text in literals(source, found.end()):
            if len(text) > 8 and " " in text:
                yield text


def messages():
    """Of each message its file, its text, and what the docs must have of it, if anything."""
    for path in sorted(glob.glob("src/file/*.c") + glob.glob("src/bronze/*.c")):
        with open(path) as file:
            source = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        for message in texts_of(source, CALLS):
            yield path, message, message
        if path.startswith("src/file/"):
            for detail in texts_of(source, DETAILS):
                yield path, detail, None
            for complaint in re.findall(r'\breturn "([^"]+ [^"]+)"', source):
                yield path, complaint.replace("\\\\", "\\"), None if "json" in path else complaint
            for what in re.findall(r'"(an? [^"]+)"', source) if "this is %s" in source else ():
                yield path, "is " + what, what.split(";")[0]


NOT_PROVOKED = {
    "out of memory": "a machine without memory",
    "could not read the file": "a failing disk",
    "could not read the file: %s": "a failing disk",
    "a sheet has more cells than it can have": "a workbook of 300 MB",
    "the compound file has more sectors than it can number": "a file of 2 TB",
    "could not stat \"%s\": %m": "a failing disk",
    "could not open memory for \"%s\": %m": "a server without descriptors or memory",
    "could not write \"%s\" to memory: %m": "a machine without memory",
}
# A name or a complaint that another message of the table takes in, in the place of its %s.
PARTS = {", sheet \"%s\"", " rows of %s", "no reason given"}


def pattern(message):
    """What the docs or a test say of the message: it, with something in the place of each %."""
    pieces = re.split(r"%[-.0-9l]*[a-z]", message)
    return re.compile(r"[^|\n]{0,60}?".join(re.escape(piece) for piece in pieces if piece.strip()) if len(pieces) > 1 else re.escape(message))


def texts(*globs):
    out = []
    for path in sorted(sum((glob.glob(each, recursive=True) for each in globs), [])):
        with open(path, errors="replace") as file:
            out.append(file.read())
    return "\n".join(out).replace("\\'", "'").replace("''", "'").replace('\\"', '"')


def main():
    docs = texts("docs/errors.md")
    given = {"src/file": texts(*sys.argv[1:2]), "src/bronze": texts("test/pgtap/*.sql", "test/t/*.pl", "test/sql/*.sql", "expected/*.out", "test/specs/**/*")}
    missing = []
    for path, message, documented in sorted(set(messages()), key=str):
        if message in PARTS:
            continue
        if documented and not pattern(documented).search(docs):
            missing.append("%s: not in docs/errors.md: %s" % (path, documented))
        layer = path.rpartition("/")[0]
        if (layer != "src/file" or sys.argv[1:]) and message not in NOT_PROVOKED and not pattern(message).search(given[layer]):
            missing.append("%s: no test provokes it: %s" % (path, message))
    print("\n".join(missing))
    sys.exit(bool(missing))


main()
