"""Deequ's metrics of bench.wide on two cores: python deequ.py FOLDER ROUNDS

FOLDER has wide.csv, and metrics.tsv: column, metric and the value that it must have.  A round is a VerificationSuite
with a check of each, its metrics taken as rows, over Parquet; and one more with only those that need no distinct values,
which Deequ computes in one scan.  Prints "all SECONDS PROCESSOR_SECONDS" and "scan ...", after a first round that is not
counted; fails after lines "differs ..." where a value is another.
"""

import os
import sys
import time

import pydeequ
from pydeequ.checks import Check, CheckLevel
from pydeequ.verification import VerificationResult, VerificationSuite
from pyspark.sql import SparkSession

SCHEMA = ("id bigint, name string, email string, city string, segment string, balance decimal(12,2), orders int, born date, registered timestamp, "
          "store int, product bigint, weight double, note string, status int")
GROUPED = {"Distinctness", "Uniqueness", "Entropy"}
# Both estimate; Deequ's standard error is 5 %, ours 0.8 %.
TOLERANCE = {"ApproxCountDistinct": 0.2}
METHODS = {"Minimum": "hasMin", "Maximum": "hasMax"}

folder, rounds = sys.argv[1], int(sys.argv[2])
spark = (
    SparkSession.builder.master("local[2]").config("spark.driver.memory", "4g").config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.sql.shuffle.partitions", "4").config("spark.sql.session.timeZone", "UTC")
    .config("spark.jars.packages", pydeequ.deequ_maven_coord)
    # Spark has these of its own.
    .config("spark.jars.excludes", "org.scalanlp:breeze_2.12,org.scala-lang:scala-library,org.scala-lang:scala-reflect")).getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
java = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()


def processor_seconds():
    """What Spark's process has used."""
    with open(f"/proc/{java}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def agree(metric, ours, theirs):
    """Is it the same number, or as near as the metric can be?"""
    return theirs is not None and abs(ours - theirs) <= TOLERANCE.get(metric, 1e-9) * max(abs(ours), abs(theirs))


def add(check, column, metric, ours):
    """A constraint of the check: the metric is ours."""
    def holds(theirs):
        return agree(metric, ours, theirs)

    method = getattr(check, METHODS.get(metric, "has" + metric))
    if metric == "Size":
        method(holds)
    elif metric in ("Distinctness", "Uniqueness"):
        method([column], holds)
    else:
        method(column, holds)


def verify(wanted):
    """Deequ's status, and its metrics by column and name."""
    check = Check(spark, CheckLevel.Error, "as profile() says")
    for (column, metric), ours in wanted.items():
        add(check, column, metric, ours)
    result = VerificationSuite(spark).onData(spark.read.parquet(f"{folder}/wide")).addCheck(check).run()
    rows = VerificationResult.successMetricsAsDataFrame(spark, result).collect()
    return result.status, {(row["instance"], row["name"]): row["value"] for row in rows}


def timed(kind, wanted, counts):
    """A run that must agree with ours; prints its seconds if it counts."""
    clock, processor = time.time(), processor_seconds()
    status, theirs = verify(wanted)
    clock, processor = time.time() - clock, processor_seconds() - processor
    different = {key for key, ours in wanted.items() if not agree(key[1], ours, theirs.get(key))}
    for column, metric in sorted(different):
        print("differs", column, metric, wanted[column, metric], theirs.get((column, metric)))
    if different or status != "Success":
        print(f"differs: Deequ's check says {status}", flush=True)
        return False
    if counts:
        print(f"{kind} {clock:.3f} {processor:.3f}", flush=True)
    return True


def main():
    """Do all rounds agree?"""
    spark.read.csv(f"{folder}/wide.csv", schema=SCHEMA, header=True).repartition(2).write.mode("overwrite").parquet(f"{folder}/wide")
    with open(f"{folder}/metrics.tsv", encoding="utf-8") as lines:
        every = {(column, metric): float(value) for column, metric, value in (line.rstrip("\n").split("\t") for line in lines)}
    scanned = {key: value for key, value in every.items() if key[1] not in GROUPED}
    return all(timed("all", every, number > 0) and timed("scan", scanned, number > 0) for number in range(rounds + 1))


try:
    agreed = main()
finally:
    # Its thread would wait for Spark for ever.
    spark.sparkContext._gateway.shutdown_callback_server()
    spark.stop()
sys.exit(0 if agreed else 1)
