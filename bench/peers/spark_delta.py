"""PySpark on two cores and Delta Lake: workbooks by pandas and calamine in Spark's tasks, each layer a Delta table, history by MERGE."""

import os
import sys
import time

import pandas
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import sales

TYPES = {"text": "string", "integer": "bigint", "number": "double", "date": "date", "timestamp": "timestamp"}
BEGAN = time.time()
os.environ["PYSPARK_PYTHON"] = sys.executable
# the first compiler only: the second costs more than it gives at these sizes (107 s of the processor to 60 for 42,000 lines)
# four partitions, not the usual 200: better for two threads and these sizes
SPARK = configure_spark_with_delta_pip(
    SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g").config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "4")
    .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").config("spark.sql.session.timeZone", "UTC")
    .config("spark.databricks.delta.snapshotPartitions", "2")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")).getOrCreate()
SPARK.sparkContext.setLogLevel("ERROR")
SPARK.sparkContext.addPyFile(sales.__file__)  # its workers do not import from beside this file


def read_workbooks(columns):
    def rows(batches):
        for batch in batches:
            for path in batch["path"]:
                frame = pandas.read_excel(path, dtype=str, engine="calamine").rename(columns=sales.clean).reindex(columns=columns)
                yield frame.assign(_source_file=path, _row=range(1, len(frame) + 1))
    return rows


def read(feature, paths):
    """The rows of files as texts, with where they come from."""
    if paths[0].endswith(".xlsx"):
        schema = ", ".join(f"{column} string" for column in feature.columns) + ", _source_file string, _row bigint"
        files = SPARK.createDataFrame([(path,) for path in paths], "path string").repartition(len(paths))
        frame = files.mapInPandas(read_workbooks(list(feature.columns)), schema)
    else:
        kind = "csv" if paths[0].endswith(".csv") else "json"
        schema = ", ".join(f"{column} string" for column in feature.columns)
        frame = SPARK.read.schema(schema).format(kind).option("header", True).load(paths).withColumn("_source_file", F.input_file_name())
    return frame.withColumn("_loaded_at", F.current_timestamp())


def bronze_and_silver(work, write):
    """Reads what is new to bronze; hands each feature's rows, typed, one per key, to write."""
    for name, paths in work.new_files().items():
        feature, bronze = work.pipeline.features[name], f"{work.folder}/bronze/{name}"
        read(feature, paths).withColumn("_load", F.lit(work.folder + max(paths))).write.format("delta").mode("append").save(bronze)
        batch = SPARK.read.format("delta").load(bronze).where(F.col("_load") == work.folder + max(paths))
        typed = batch.select([F.nullif(F.trim(F.col(column)), F.lit("")).cast(TYPES[kind]).alias(column) for column, kind in feature.columns.items()])
        write(f"{work.folder}/silver/{name}", feature, typed.dropDuplicates(list(feature.keys)))


def write_all(silver, _feature, rows):
    rows.selectExpr("*", "1 AS _version", "current_timestamp() AS _valid_from", "CAST(NULL AS timestamp) AS _valid_to", "true AS _is_current").write.format("delta").save(silver)


def merge(silver, feature, rows):
    """Closes the versions that changed, and adds the new ones."""
    keys, columns = list(feature.keys), list(feature.columns)
    rows.createOrReplaceTempView("batch")
    SPARK.read.format("delta").load(silver).createOrReplaceTempView("history")
    same = " AND ".join(f"t.{key} <=> s.{key}" for key in keys)
    differs = " OR ".join(f"NOT (t.{column} <=> s.{column})" for column in columns if column not in keys)
    SPARK.sql(f"SELECT s.*, t._version AS old_version FROM batch s LEFT JOIN history t ON t._is_current AND {same} WHERE t._version IS NULL OR {differs}").cache().createOrReplaceTempView("found")
    SPARK.sql(f"""MERGE INTO history t USING (
            SELECT *, coalesce(old_version, 0) + 1 AS at_version FROM found
            UNION ALL
            SELECT *, old_version AS at_version FROM found WHERE old_version IS NOT NULL) s
        ON t._version = s.at_version AND {same}
        WHEN MATCHED THEN UPDATE SET _valid_to = current_timestamp(), _is_current = false
        WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}, _version, _valid_from, _valid_to, _is_current)
            VALUES ({', '.join('s.' + column for column in columns)}, s.at_version, current_timestamp(), NULL, true)""")
    SPARK.catalog.uncacheTable("found")


def gold(work):
    """All of gold anew, from silver as it is in force."""
    for name in work.pipeline.features:
        SPARK.read.format("delta").load(f"{work.folder}/silver/{name}").createOrReplaceTempView(name)
    lines = SPARK.sql(work.pipeline.lines).cache()
    lines.createOrReplaceTempView("lines")
    for name, query in work.pipeline.gold.items():
        SPARK.sql(query).write.format("delta").mode("overwrite").save(f"{work.folder}/gold/{name}")
        SPARK.read.format("delta").load(f"{work.folder}/gold/{name}").createOrReplaceTempView(name)
    lines.unpersist()


def first_run(work):
    bronze_and_silver(work, write_all)
    gold(work)


def increment(work):
    bronze_and_silver(work, merge)
    gold(work)


def totals(work):
    tables = {}
    for name in work.pipeline.gold:
        frame = SPARK.read.format("delta").load(f"{work.folder}/gold/{name}")
        tables[name] = (frame.columns, [tuple(row) for row in frame.collect()])
    rows = [(name,) + tuple(SPARK.read.format("delta").load(f"{work.folder}/silver/{name}").selectExpr("count(*)", "count_if(_is_current)", "sum(_version)").first())
            for name in work.pipeline.features]
    tables["silver"] = (("feature", "versions", "current", "sum_of_versions"), rows)
    return tables


if __name__ == "__main__":
    sales.run(first_run, increment, totals, started=BEGAN)
    SPARK.stop()
