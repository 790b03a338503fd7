"""Every message that src/file and src/bronze can give must be in docs/errors.md, and be expected by a test.

usage: errors.py [MESSAGES]       from the project's folder; prints what is missing

MESSAGES: the messages that readers gave in their tests, one a line; without it nobody asks for tests.

A message is the text of a call that reports a failure; where it has a %, anything may stand in the docs and
the tests.  What no input can provoke, for want of memory or a failing disk, is named in NOT_PROVOKED.
"""
import glob
import re
import sys

CALLS = r"\b(?:ReaderFail|FAIL|Fail|FailStyles|SheetFail|CellFail|StringsFail|XlsDamaged|XlsbDamaged|Damaged|OleFail|errmsg)\s*\("
LITERAL = r'"(?:[^"\\]|\\.)*"'


def literals(source, start):
    """The string literals of the call whose parenthesis has just opened; adjacent ones are one."""
    depth, found, at = 1, [], start
    while depth > 0:
        text = re.match(r'%s(?:\s*%s)*' % (LITERAL, LITERAL), source[at:])
        if text:
            found.append("".join(literal[1:-1] for literal in re.findall(LITERAL, text[0])).replace('\\"', '"'))
            at += len(text[0])
            continue
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        at += 1
    return found


def messages():
    for path in sorted(glob.glob("src/file/*.c") + glob.glob("src/bronze/*.c")):
        with open(path) as file:
            source = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        for call in re.finditer(CALLS, source):
            for message in literals(source, call.end()):
                if len(message) > 8 and " " in message:
                    yield path, message


NOT_PROVOKED = {
    "out of memory": "a machine without memory",
    "could not read the file": "a failing disk",
    "could not read the file: %s": "a failing disk",
    "could not stat \"%s\": %m": "a failing disk",
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
    given = texts(*sys.argv[1:2])
    tests = texts("test/pgtap/*.sql", "test/sql/*.sql", "expected/*.out", "test/expected/*.out", "test/t/*.pl", "test/specs/*.spec")
    missing = []
    for path, message in sorted(set(messages())):
        if message in PARTS:
            continue
        if not pattern(message).search(docs):
            missing.append("%s: not in docs/errors.md: %s" % (path, message))
        expected = given if path.startswith("src/file/") else tests
        if sys.argv[1:] and message not in NOT_PROVOKED and not pattern(message).search(expected):
            missing.append("%s: no test provokes it: %s" % (path, message))
    print("\n".join(missing))
    sys.exit(bool(missing))


main()
