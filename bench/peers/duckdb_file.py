"""DuckDB: workbooks by calamine, whose Arrow it reads; all layers are tables of one database file, history by UPDATE and INSERT in one transaction."""

import os

import duckdb
import fastexcel

import sales

TYPES = {"text": "varchar", "integer": "bigint", "number": "double", "date": "date", "timestamp": "timestamp"}


def connect(work):
    connection = duckdb.connect(os.path.join(work.folder, "lake.duckdb"), config={"threads": 2})
    for schema in ("bronze", "silver", "gold"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute("SET search_path = 'gold,silver'")
    return connection


def rows_of(connection, path):
    """A file's rows as texts, as what can stand in FROM, and their columns as they are named there and here."""
    if path.endswith(".xlsx"):
        connection.register("workbook", fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_arrow())
        source = "workbook"
    elif path.endswith(".csv"):
        source = f"read_csv('{path}', all_varchar = true)"
    else:
        source = f"read_json('{path}', format = 'newline_delimited')"
    return source, [(row[0], sales.clean(row[0])) for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()]


def load(connection, name, feature, paths):
    """Bronze, with where each row comes from; a batch of the new rows, typed, one per key, to silver."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS bronze.{name} ({', '.join(column + ' varchar' for column in feature.columns)}, _source_file varchar, _row bigint, _loaded_at timestamp, _load bigint)")
    ((number,),) = connection.execute(f"SELECT coalesce(max(_load), 0) + 1 FROM bronze.{name}").fetchall()
    for path in paths:
        source, columns = rows_of(connection, path)
        connection.execute(f"""INSERT INTO bronze.{name} BY NAME SELECT {', '.join(f'CAST("{theirs}" AS varchar) AS {ours}' for theirs, ours in columns)},
            '{path}' AS _source_file, row_number() OVER () AS _row, current_timestamp::timestamp AS _loaded_at, {number} AS _load FROM {source}""")
    cast = ", ".join(f"CAST(nullif(trim({column}), '') AS {TYPES[kind]}) AS {column}" for column, kind in feature.columns.items())
    connection.execute(f"""CREATE OR REPLACE TEMP TABLE batch AS SELECT {cast} FROM bronze.{name} WHERE _load = {number}
        QUALIFY row_number() OVER (PARTITION BY {', '.join(feature.keys)} ORDER BY _source_file DESC, _row DESC) = 1""")



def merge(connection, name, feature):
    """Closes the versions that changed, and adds the new ones."""
    same = " AND ".join(f"s.{key} IS NOT DISTINCT FROM b.{key}" for key in feature.keys)
    differs = " OR ".join(f"s.{column} IS DISTINCT FROM b.{column}" for column in feature.columns if column not in feature.keys)
    columns = ", ".join("b." + column for column in feature.columns)
    connection.execute(f"""CREATE OR REPLACE TEMP TABLE found AS SELECT {columns}, s._version AS old_version
        FROM batch b LEFT JOIN silver.{name} s ON s._is_current AND {same} WHERE s._version IS NULL OR {differs}""")
    connection.execute(f"UPDATE silver.{name} s SET _valid_to = now()::timestamp, _is_current = false FROM found b WHERE s._is_current AND {same}")
    connection.execute(f"INSERT INTO silver.{name} SELECT {columns}, coalesce(old_version, 0) + 1, now()::timestamp, NULL, true FROM found b")


def pipeline(work):
    """Everything that is new, through all layers, in one transaction."""
    with connect(work) as connection:
        connection.execute("BEGIN")
        for name, paths in work.new_files().items():
            feature = work.pipeline.features[name]
            load(connection, name, feature, paths)
            connection.execute(f"""CREATE TABLE IF NOT EXISTS silver.{name} ({', '.join(f'{column} {TYPES[kind]}' for column, kind in feature.columns.items())},
                _version integer, _valid_from timestamp, _valid_to timestamp, _is_current boolean)""")
            merge(connection, name, feature)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE lines AS {work.pipeline.lines}")
        for name, query in work.pipeline.gold.items():
            connection.execute(f"CREATE OR REPLACE TABLE gold.{name} AS {query}")
        connection.execute("COMMIT")


def totals(work):
    with connect(work) as connection:
        tables = {}
        for name in work.pipeline.gold:
            result = connection.execute(f"FROM gold.{name}")
            tables[name] = ([column[0] for column in result.description], result.fetchall())
        rows = [(name,) + connection.execute(f"SELECT count(*), count_if(_is_current), sum(_version) FROM silver.{name}").fetchall()[0] for name in work.pipeline.features]
        tables["silver"] = (("feature", "versions", "current", "sum_of_versions"), rows)
        return tables


first_run = increment = pipeline

if __name__ == "__main__":
    sales.run(first_run, increment, totals)
