"""Loads a text file into a table of a DuckDB database file, on one thread, all columns as text.

usage: duckdb_load.py FILE DATABASE
"""
import os
import sys

import duckdb

path, database = sys.argv[1:]
for name in (database, database + ".wal"):
    if os.path.exists(name):
        os.remove(name)
connection = duckdb.connect(database, config={"threads": 1})
if path.endswith(".csv"):
    source = "read_csv('%s', all_varchar = true)" % path
else:
    with open(path) as lines:
        names = connection.execute("SELECT json_keys(?)", [lines.readline()]).fetchone()[0]
    columns = ", ".join("%s: 'VARCHAR'" % name for name in names)
    source = "read_json('%s', format = 'newline_delimited', columns = {%s})" % (path, columns)
connection.execute("CREATE TABLE loaded AS SELECT * FROM " + source)
connection.close()
