"""pandas and dbt-postgres: workbooks by openpyxl, COPY to bronze; dbt's snapshots are silver, its tables gold."""

import io
import os

import pandas
import psycopg2
from dbt.cli.main import dbtRunner

import sales

TYPES = {"text": "text", "integer": "bigint", "number": "numeric", "date": "date", "timestamp": "timestamp"}

PROJECT = """name: peers
version: "1.0"
profile: peers
models: {peers: {+materialized: table, +schema: gold}}
snapshots: {peers: {+schema: silver}}
flags: {send_anonymous_usage_stats: false}
"""
# names as they are, without the target's schema before them
MACRO = "{% macro generate_schema_name(name, node) -%} {{ name or target.schema }} {%- endmacro %}"
PROFILE = """peers:
  target: here
  outputs:
    here: {{type: postgres, host: '{PGHOST}', port: {PGPORT}, user: '{PGUSER}', password: '', dbname: {PGDATABASE}, schema: gold, threads: 2}}
"""


def write(work, path, content):
    path = os.path.join(work.folder, "dbt", path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def snapshot(name, feature):
    values = [column for column in feature.columns if column not in feature.keys]
    return f"""snapshots:
  - name: {name}_history
    relation: ref('{name}_batch')
    config: {{unique_key: [{', '.join(feature.keys)}], strategy: check, check_cols: [{', '.join(values)}]}}
"""


def make_project(work):
    """A batch per feature, typed, its snapshot, and the tables of gold."""
    write(work, "dbt_project.yml", PROJECT)
    write(work, "profiles.yml", PROFILE.format(PGUSER=os.environ.get("PGUSER", "postgres"), **{name: os.environ[name] for name in ("PGHOST", "PGPORT", "PGDATABASE")}))
    write(work, "macros/generate_schema_name.sql", MACRO)
    for name, feature in work.pipeline.features.items():
        cast = ", ".join(f"CAST(nullif(trim({column}), '') AS {TYPES[kind]}) AS {column}" for column, kind in feature.columns.items())
        keys = ", ".join(feature.keys)
        write(work, f"models/{name}_batch.sql", f"""{{{{ config(schema='silver') }}}}
            SELECT DISTINCT ON ({keys}) * FROM (SELECT {cast}, _source_file, _row FROM bronze.{name} WHERE _load = (SELECT max(_load) FROM bronze.{name})) AS typed
            ORDER BY {keys}, _source_file DESC, _row DESC""")
        write(work, f"snapshots/{name}.yml", snapshot(name, feature))
        write(work, f"models/{name}.sql", f"{{{{ config(materialized='view') }}}} SELECT *, dbt_valid_to IS NULL AS _is_current FROM {{{{ ref('{name}_history') }}}}")
    queries = dict(work.pipeline.gold, lines=work.pipeline.lines)
    for name, query in queries.items():
        for other in list(queries) + list(work.pipeline.features):
            query = query.replace(f"FROM {other} ", f"FROM {{{{ ref('{other}') }}}} ")
        write(work, f"models/{name}.sql", ("{{ config(materialized='view') }} " if name == "lines" else "") + query)


def read(path):
    if path.endswith(".xlsx"):
        return pandas.read_excel(path, dtype=str, engine="openpyxl")
    return pandas.read_csv(path, dtype=str) if path.endswith(".csv") else pandas.read_json(path, lines=True, dtype=False, convert_dates=False)


def load(work, connection):
    """New files to bronze, with where each row comes from and which load it came with; returns the features that they belong to."""
    found = work.new_files()
    for name, paths in found.items():
        columns = list(work.pipeline.features[name].columns)
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS bronze.{name} ({', '.join(column + ' text' for column in columns)}, _source_file text, _row bigint, _load bigint, _loaded_at timestamptz DEFAULT now())")
            cursor.execute(f"SELECT coalesce(max(_load), 0) + 1 FROM bronze.{name}")
            (number,) = cursor.fetchone()
            for path in paths:
                frame = read(path).rename(columns=sales.clean).reindex(columns=columns)
                frame = frame.assign(_source_file=path, _row=range(1, len(frame) + 1), _load=number)
                rows = io.StringIO(frame.to_csv(index=False, header=False))
                cursor.copy_expert(f"COPY bronze.{name} ({', '.join(frame.columns)}) FROM STDIN (FORMAT csv)", rows)
    connection.commit()
    return found


def dbt(work, features):
    """The snapshots of these features, and what depends on them."""
    folder = os.path.join(work.folder, "dbt")
    result = dbtRunner().invoke(["--quiet", "--no-use-colors", "build", "--project-dir", folder, "--profiles-dir", folder, "--select"] + [name + "_batch+" for name in features])
    if not result.success:
        raise RuntimeError(f"dbt failed: {result.exception or [r.message for r in result.result if r.message]}")


def first_run(work):
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA bronze")
        make_project(work)
        features = load(work, connection)
    dbt(work, features)


def increment(work):
    with psycopg2.connect("") as connection:
        features = load(work, connection)
    dbt(work, features)


def totals(work):
    tables = {}
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        for name in work.pipeline.gold:
            cursor.execute(f"SELECT * FROM gold.{name}")
            tables[name] = ([column.name for column in cursor.description], cursor.fetchall())
        rows = []
        for name, feature in work.pipeline.features.items():
            cursor.execute(f"""SELECT count(*), count(*) FILTER (WHERE dbt_valid_to IS NULL), sum(version)
                FROM (SELECT *, row_number() OVER (PARTITION BY {', '.join(feature.keys)} ORDER BY dbt_valid_from) AS version FROM silver.{name}_history) AS v""")
            rows.append((name,) + cursor.fetchone())
        tables["silver"] = (("feature", "versions", "current", "sum_of_versions"), rows)
    return tables


if __name__ == "__main__":
    sales.run(first_run, increment, totals)
