"""Every file of the corpora through reader_check: crashes, hangs and refusals, per corpus and ending.

usage: corpus.py READER_CHECK CORPUS
"""
import collections
import os
import subprocess
import sys

check, corpus = sys.argv[1:]
table, failures = collections.defaultdict(collections.Counter), []
for folder, _, names in sorted(os.walk(corpus)):
    for name in sorted(names):
        path = os.path.join(folder, name)
        try:
            run = subprocess.run([check, path], capture_output=True, timeout=20)
            # A refusal is the last line; a cell's sheet may be called "error" too.
            last = run.stdout.rstrip(b"\n").rpartition(b"\n")[2]
            result = "failed" if run.returncode else "refused" if last.startswith(b"error\t") else "read"
        except subprocess.TimeoutExpired:
            result = "failed"
        if result == "failed":
            failures.append(path)
        top = os.path.relpath(path, corpus).split(os.sep)[0]
        table[top, os.path.splitext(name)[1].lower()][result] += 1
for key, row in sorted(table.items()):
    print("%-14s %-10s read %4d refused %4d failed %4d" % (*key, row["read"], row["refused"], row["failed"]))
print("\n".join(failures))
sys.exit(bool(failures))
