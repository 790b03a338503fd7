"""Polars and Delta Lake by delta-rs: workbooks by calamine, each layer a Delta table, history by MERGE."""

import fastexcel
import polars as pl
from deltalake import DeltaTable

import sales

TYPES = {"text": pl.String, "integer": pl.Int64, "number": pl.Float64, "date": pl.Date, "timestamp": pl.Datetime("us")}


def read(path):
    """The rows of a file as texts, with where they come from."""
    if path.endswith(".xlsx"):
        frame = fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars()
    elif path.endswith(".csv"):
        frame = pl.read_csv(path, infer_schema=False)
    else:
        frame = pl.read_ndjson(path)
    return frame.rename(sales.clean).with_columns(pl.lit(path).alias("_source_file"), pl.int_range(1, pl.len() + 1).alias("_row"), pl.lit(sales.now()).alias("_loaded_at"))


def typed(feature, bronze):
    def cast(name, kind):
        if name not in bronze.columns:
            return pl.lit(None, TYPES[kind]).alias(name)
        value = pl.col(name)
        if bronze.schema[name] == pl.String:
            value = value.str.strip_chars().replace("", None)
        if kind == "date":
            return value.str.to_date(strict=False)
        return value.str.to_datetime(strict=False, time_unit="us") if kind == "timestamp" else value.cast(TYPES[kind])
    return bronze.select(cast(name, kind) for name, kind in feature.columns.items())


def bronze_and_silver(work, write):
    """Reads what is new to bronze; hands each feature's rows, typed, to write."""
    for name, paths in work.new_files().items():
        feature = work.pipeline.features[name]
        bronze = pl.concat([read(path) for path in paths], how="diagonal")
        bronze.write_delta(f"{work.folder}/bronze/{name}", mode="append", delta_write_options={"schema_mode": "merge"})
        write(work, name, feature, typed(feature, bronze).unique(feature.keys, keep="last", maintain_order=True).with_columns(
            pl.lit(1, pl.Int32).alias("_version"), pl.lit(sales.now()).alias("_valid_from"), pl.lit(None, pl.Datetime("us")).alias("_valid_to"), pl.lit(True).alias("_is_current")))


def write_all(work, name, _feature, rows):
    rows.write_delta(f"{work.folder}/silver/{name}")


def merge(work, name, feature, rows):
    """Closes the versions that changed, and adds the new ones."""
    silver, keys = f"{work.folder}/silver/{name}", list(feature.keys)
    values = [column for column in feature.columns if column not in keys]
    old = pl.scan_delta(silver).filter("_is_current").select(*keys, *values, "_version")
    found = rows.lazy().join(old, on=keys, how="left", nulls_equal=True, suffix="_old").filter(
        pl.col("_version_old").is_null() | pl.any_horizontal(pl.col(value).ne_missing(pl.col(value + "_old")) for value in values)).collect()
    found = found.with_columns(_version=pl.col("_version_old").fill_null(0) + 1)
    closed = found.filter(pl.col("_version_old").is_not_null()).with_columns(_version=pl.col("_version_old"))
    same = " AND ".join(f"(t.{key} IS NOT DISTINCT FROM s.{key})" for key in keys + ["_version"])
    DeltaTable(silver).merge(pl.concat([found, closed]).select(rows.columns).to_arrow(), same, source_alias="s", target_alias="t").when_matched_update(
        {"_valid_to": "s._valid_from", "_is_current": "false"}).when_not_matched_insert_all().execute()


def gold(work):
    """All of gold anew, from silver as it is in force."""
    context = pl.SQLContext({name: pl.scan_delta(f"{work.folder}/silver/{name}") for name in work.pipeline.features})
    context.register("lines", context.execute(work.pipeline.lines).collect())
    for name, query in work.pipeline.gold.items():
        context.execute(query, eager=True).write_delta(f"{work.folder}/gold/{name}", mode="overwrite", delta_write_options={"schema_mode": "overwrite"})
        context.register(name, pl.scan_delta(f"{work.folder}/gold/{name}"))


def first_run(work):
    bronze_and_silver(work, write_all)
    gold(work)


def increment(work):
    bronze_and_silver(work, merge)
    gold(work)


def totals(work):
    tables = {}
    for name in work.pipeline.gold:
        frame = pl.read_delta(f"{work.folder}/gold/{name}")
        tables[name] = (frame.columns, frame.rows())
    rows = [(name,) + pl.scan_delta(f"{work.folder}/silver/{name}").select(pl.len(), pl.col("_is_current").sum(), pl.col("_version").sum()).collect().row(0)
            for name in work.pipeline.features]
    tables["silver"] = (("feature", "versions", "current", "sum_of_versions"), rows)
    return tables


if __name__ == "__main__":
    sales.run(first_run, increment, totals)
