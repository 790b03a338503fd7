"""The same merge by Delta Lake on two cores: python delta_merge.py FOLDER ROUNDS

FOLDER has before.csv and extract.csv.  Prints seconds and processor seconds of each round, and at last the rows in
force and not, and the sum of the balances of those in force, which the caller compares.
"""

import os
import shutil
import sys
import time

from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

SCHEMA = "id bigint, name string, email string, city string, segment string, balance decimal(12,2), orders int, born date, registered timestamp, active boolean"
COLUMNS = [column.split()[0] for column in SCHEMA.split(", ")]

folder, rounds = sys.argv[1], int(sys.argv[2])
spark = configure_spark_with_delta_pip(
    SparkSession.builder.master("local[2]").config("spark.driver.memory", "4g").config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "4")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")).getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
java = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()

CHANGED = " OR ".join(f"NOT (t.{c} <=> s.{c})" for c in COLUMNS if c != "id")
MERGE = f"""
MERGE INTO dimension t USING (
    SELECT id AS merge_key, * FROM extract
    UNION ALL
    SELECT NULL AS merge_key, s.* FROM extract s JOIN dimension t ON t.id = s.id AND t.is_current AND ({CHANGED})) s
ON t.id = s.merge_key AND t.is_current
WHEN MATCHED AND ({CHANGED}) THEN UPDATE SET valid_to = current_timestamp(), is_current = false
WHEN NOT MATCHED THEN INSERT ({', '.join(COLUMNS)}, valid_from, valid_to, is_current)
    VALUES ({', '.join('s.' + c for c in COLUMNS)}, current_timestamp(), NULL, true)
WHEN NOT MATCHED BY SOURCE AND t.is_current THEN UPDATE SET valid_to = current_timestamp(), is_current = false
"""


def processor_seconds():
    """What Spark's process has used."""
    with open(f"/proc/{java}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


for name in ("before", "extract"):
    spark.read.csv(f"{folder}/{name}.csv", schema=SCHEMA, header=True).write.mode("overwrite").parquet(f"{folder}/{name}")
spark.read.parquet(f"{folder}/extract").createOrReplaceTempView("extract")
for _ in range(rounds):
    shutil.rmtree(f"{folder}/dimension", ignore_errors=True)
    spark.read.parquet(f"{folder}/before").selectExpr(
        *COLUMNS, "current_timestamp() AS valid_from", "CAST(NULL AS timestamp) AS valid_to", "true AS is_current").write.format("delta").save(f"{folder}/dimension")
    spark.read.format("delta").load(f"{folder}/dimension").createOrReplaceTempView("dimension")
    clock, processor = time.time(), processor_seconds()
    spark.sql(MERGE)
    print(f"{time.time() - clock:.3f} {processor_seconds() - processor:.3f}", flush=True)
print("\t".join(str(value) for value in spark.sql(
    "SELECT count_if(is_current), count_if(NOT is_current), sum(IF(is_current, balance, 0)) FROM dimension").first()))
