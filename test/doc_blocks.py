#!/usr/bin/env python3
"""Runs what README.md and docs/*.md show: every ```sql and ```sh block, in order, as TAP.

    test/doc_blocks.py FOLDER [DOCUMENT...]      on the server that PGHOST and PGPORT lead to; FOLDER is for files
    test/doc_blocks.py --list                    blocks that other scripts run, with the reasons
    test/doc_blocks.py --show DOCUMENT LANGUAGE N      the Nth block of that language, from 1

Each document has a fresh database "docs" with the extension, and one session for all of its sql blocks.
test/docs/<document>.sql, where there is one, is run before with :folder and :project: the tables and files
that the document takes for granted.  A path that begins with /srv or /path lies below FOLDER.

A fence without a language right after a block is what its last statement prints: it is compared, line by
line, without regard to the width of columns; … stands for anything.  A comment just before a block says
that it is otherwise, with a reason:

    <!-- not compared: REASON -->
    <!-- run by SCRIPT: REASON -->        SCRIPT is a file of the project, and takes the block by --show
"""
import difflib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import textwrap

PROJECT = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
MARK = re.compile(r"<!-- (not compared|run by (?P<script>\S+)): (?P<reason>(?:(?!-->).)+) -->\s*$", re.S)
FAILURES = "SELECT layer, object, status, detail FROM medallion.run_pipeline() WHERE status IN ('FAILED', 'PARTIAL')"
QUIET = "-c client_min_messages=warning"
SHELLS = ("sh", "bash")
RUNNABLE = ("sql",) + SHELLS


class Block:
    """A fence of a document, with the comment before it."""

    def __init__(self, document, text, found, number):
        self.document, self.number = document, number
        self.language = found["language"]
        self.text = textwrap.dedent(found["text"])
        self.line = text.count("\n", 0, found.start()) + 1
        self.mark, self.reason, self.script = "", "", None
        mark = MARK.search(text[:found.start()])
        if mark:
            self.mark, self.reason, self.script = mark[1].split()[0] + " " + mark[1].split()[1], mark["reason"], mark["script"]
        self.output = None

    def is_run(self):
        return self.language in RUNNABLE and not self.script


def documents(names):
    """The Markdown files that are meant, as paths from the project's folder."""
    every = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
    return [path.relative_to(PROJECT) for path in every if not names or str(path.relative_to(PROJECT)) in names]


def blocks_of(document):
    """The blocks of a document; what follows one and is its output is no block of its own."""
    text = (PROJECT / document).read_text()
    blocks, end = [], None
    for found in FENCE.finditer(text):
        block = Block(document, text, found, len(blocks) + 1)
        between = text[end:found.start()] if end is not None else None
        if not block.language and between is not None and MARK.sub("", between).strip() == "" and blocks[-1].output is None:
            if block.mark != "not compared":
                blocks[-1].output = block.text
        else:
            blocks.append(block)
        end = found.end()
    return blocks


class Session:
    """psql, kept open over the blocks of a document."""

    def __init__(self):
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-P", "pager=off", "-d", "docs"], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     env={**os.environ, "PGOPTIONS": QUIET})

    def run(self, text):
        """What the statements print, and whether they succeeded."""
        try:
            self.psql.stdin.write(text + "\n\\echo end-of-block\n")
            self.psql.stdin.flush()
        except BrokenPipeError:
            return "the session has ended", False
        lines = []
        for line in self.psql.stdout:
            if line == "end-of-block\n":
                return "".join(lines), True
            lines.append(line)
        self.psql.wait()
        return "".join(lines), False

    def is_open(self):
        return self.psql.poll() is None

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


def run_shell(text, folder):
    done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", text], cwd=folder, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "PGDATABASE": "docs", "PGOPTIONS": QUIET})
    return done.stdout, done.returncode == 0


def lines_of(output):
    """Lines without what is layout: widths of columns, rules, empty lines, the count of rows."""
    lines = []
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if re.fullmatch(r"[-+ ]*|\(\d+ rows?\)", line):
            continue
        lines.append(" | ".join(re.sub(r"\s+", " ", cell) for cell in cells))
    return lines


def differing(shown, printed):
    """What is shown and not printed so at the end, as text; empty where all is as shown."""
    shown, printed = lines_of(shown), lines_of(printed)
    patterns = [".*".join(map(re.escape, line.split("…"))) for line in shown]
    tail = printed[len(printed) - len(shown):] if len(shown) <= len(printed) else []
    if tail and all(re.fullmatch(pattern, line) for pattern, line in zip(patterns, tail)):
        return ""
    return "\n".join(["shown:", *shown, "printed:", *printed])


def fill(text, folder):
    """A block's text, with its paths below the folder, and in the test's database."""
    text = re.sub(r"(?<![\w./*])/(srv|path)/", rf"{folder}/\1/", text)
    return re.sub(r"(-d|createdb|psql) (mydb|shop)\b", r"\1 docs", text)


def prepare(document, folder):
    """A fresh database, unless the document makes it, and what the document takes for granted.  An error's text, or nothing."""
    setup = PROJECT / "test/docs" / (document.stem + ".sql")
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"folder={folder}", "-v", f"project={PROJECT}", "-o", "/dev/null"]
    shell = "rm -rf {0} && mkdir -p {0}".format(shlex.quote(str(folder)))
    subprocess.run(shell, shell=True, check=True)
    shown = "".join(fill(block.text, folder) for block in blocks_of(document))
    steps = [command + ["-d", "postgres", "-c", "SET client_min_messages = warning", "-c", "DROP DATABASE IF EXISTS docs WITH (FORCE)",
                        "-c", f"ALTER ROLE ALL SET medallion.input_root = '{folder}/srv'"]]
    if "createdb docs\n" not in shown:
        steps.append(command + ["-d", "postgres", "-c", "CREATE DATABASE docs"])
    if "CREATE EXTENSION medallion" not in shown:
        steps.append(command + ["-d", "docs", "-c", "CREATE EXTENSION medallion"])
    if setup.exists():
        steps.append(command + ["-d", "docs", "-f", str(setup)])
    for step in steps:
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT,
                              env={**os.environ, "PGOPTIONS": QUIET})
        if done.returncode:
            return done.stdout
    return ""


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def say(self, holds, text, detail=""):
        self.number += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.number} - {text}")
        if not holds:
            print(textwrap.indent(detail.strip()[-4000:], "#   ", lambda line: True))
        sys.stdout.flush()


def run_document(document, folder, tap):
    blocks = blocks_of(document)
    if not any(block.is_run() for block in blocks):
        return
    wrong = prepare(document, folder)
    if wrong:
        tap.say(False, f"{document}: what it takes for granted", wrong)
        return
    session = None
    for block in blocks:
        if not block.is_run():
            continue
        text = fill(block.text, folder)
        if block.language in SHELLS:
            printed, succeeded = run_shell(text, folder)
        else:
            session = session if session and session.is_open() else Session()
            printed, succeeded = session.run(text)
        if succeeded and block.output is not None and block.mark != "not compared":
            wrong = differing(fill(block.output, folder), printed)
            tap.say(not wrong, f"{document}:{block.line} runs, and prints what is shown", wrong)
        else:
            tap.say(succeeded, f"{document}:{block.line} runs", f"{text}\n{printed}")
    if session:
        session.close()
    printed, succeeded = run_shell(f'psql -X -A -t -v ON_ERROR_STOP=1 -c "{FAILURES}"', folder)
    tap.say(succeeded and not printed.strip(), f"{document}: a run of what it left fails nowhere", printed)


def elsewhere(names):
    """Blocks that scripts run, each with where and why; and whether the script takes the block from the document."""
    for document in documents(names):
        blocks = [block for block in blocks_of(document) if block.language in RUNNABLE]
        for block in blocks:
            if not block.is_run():
                script = PROJECT / block.script
                number = 1 + [other for other in blocks if other.language == block.language].index(block)
                taken = script.exists() and f"--show {document} {block.language} {number}" in script.read_text()
                yield f"{document}:{block.line} run by {block.script}: {block.reason}", taken


def compare_reference(path):
    """Is docs/reference.md what the catalog says?  As the arguments of Tap.say()."""
    written = (PROJECT / "docs/reference.md").read_text().splitlines()
    lines = difflib.unified_diff(written, pathlib.Path(path).read_text().splitlines(), "docs/reference.md", "the catalog", lineterm="")
    return not (text := "\n".join(lines)), "docs/reference.md says what the catalog says ('make docs' writes it)", text


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--list"]:
        for text, taken in elsewhere([]):
            print(text + ("" if taken else " (it does not take the block)"))
        return 0
    if arguments[:1] == ["--show"]:
        wanted = [block for block in blocks_of(pathlib.Path(arguments[1])) if block.language == arguments[2]]
        print(wanted[int(arguments[3]) - 1].text, end="")
        return 0
    folder, names, tap = pathlib.Path(arguments[0]).resolve(), arguments[1:], Tap()
    for document in documents(names):
        run_document(document, folder, tap)
    if "MEDALLION_REFERENCE" in os.environ:
        tap.say(*compare_reference(os.environ["MEDALLION_REFERENCE"]))
    others = list(elsewhere(names))
    for text, _ in others:
        print("# " + text)
    tap.say(all(taken for _, taken in others), f"{len(others)} blocks are run by other scripts, which take them from the documents",
            "\n".join(text for text, taken in others if not taken))
    print(f"1..{tap.number}")
    return tap.failed != 0


sys.exit(main())
