"""Scores converted files as the pollution benchmark's evaluate.py does, for one system.

    pollock.py BENCHMARK-FOLDER WORK-FOLDER

Its own metrics module measures each file; simple is the mean over the files of the sum of ten
measures, weighted the same with its weights.  The report names what costs most.  Its sample of
real files, whose dialects people have noted, shows whether detection holds beyond the benchmark.
"""
import contextlib
import functools
import io
import json
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor

MEASURES = ["success", "header_p", "header_r", "header_f1", "record_p", "record_r", "record_f1",
            "cell_p", "cell_r", "cell_f1"]
PUBLISHED = [("DuckDB, told the dialect", 9.961, 9.599), ("SQLite", 9.955, 9.375), ("pandas", 9.895, 9.431),
             ("Python csv", 9.721, 9.436), ("CleverCSV", 9.193, 9.453), ("DuckDB, detecting", 9.075, 8.439),
             ("PostgreSQL COPY", 0.136, 6.961)]


def measure(job):
    """The ten measures of one file."""
    benchmark, converted, name = job
    import pollock.metrics as metrics
    if not hasattr(metrics.normalize_cell, "cache_info"):
        # the same cells come in thousands of files
        metrics.normalize_cell = functools.lru_cache(maxsize=None)(metrics.normalize_cell)
    clean = os.path.join(benchmark, "polluted_files", "clean", name)
    loaded = os.path.join(converted, name + "_converted.csv")
    with contextlib.redirect_stdout(io.StringIO()):
        if not metrics.successful_csv(loaded):
            return name, [0.0] * len(MEASURES)
        return name, [1.0] + [float(x) for x in metrics.header_record_cell_measures_csv(clean, loaded)]


def compare_dialects(benchmark, work):
    """Counts the real files whose delimiter and quote were found as people noted them."""
    right, wrong = 0, []
    with open(os.path.join(work, "survey_detected")) as f:
        lines = [line.rstrip("\n").split("\t") for line in f]
    for name, _, detected in lines:
        path = os.path.join(benchmark, "survey_sample", "parameters", name + "_parameters.json")
        found = re.match(r"delimiter=(\\t|space|.)(?:\+space)? quote=(none|.)", detected)
        if not os.path.exists(path) or found is None:
            continue
        with open(path) as f:
            noted = json.load(f)
        delimiter = {"\\t": "\t", "space": " "}.get(found.group(1), found.group(1))
        if noted["delimiter"] in ("", delimiter) and noted["quotechar"] in ("", found.group(2)):
            right += 1
        else:
            wrong.append(f"  {name}: found {detected}, noted {noted['delimiter']} {noted['quotechar']}")
    print(f"dialects of real files: {right} of {right + len(wrong)} as noted")
    print("\n".join(wrong))


def main(benchmark, work):
    converted = os.path.join(work, "converted")
    sys.path.insert(0, benchmark)
    names = sorted(n for n in os.listdir(os.path.join(benchmark, "polluted_files", "csv")) if n.endswith("csv"))
    with open(os.path.join(benchmark, "pollock_weights.json")) as f:
        weights = json.load(f)
    with ProcessPoolExecutor() as pool:
        jobs = [(benchmark, converted, name) for name in names]
        results = dict(pool.map(measure, jobs, chunksize=32))

    total = sum(weights.get(name, -1) for name in names)
    sums = {name: sum(measures) for name, measures in results.items()}
    simple = sum(sums.values()) / len(sums)
    weighted = sum(sums[name] * weights.get(name, -1) / total for name in names)

    print("files that cost most of the weighted score:")
    cost = {name: (10 - sums[name]) * weights.get(name, -1) / total for name in names}
    for name in sorted(cost, key=cost.get, reverse=True)[:12]:
        print(f"  {cost[name]:.4f}  {sums[name]:6.3f}  {name}")
    print("files with the lowest score:")
    for name in sorted(sums, key=sums.get)[:12]:
        print(f"  {sums[name]:6.3f}  {name}")
    compare_dialects(benchmark, work)
    print(f"\n{'':28}{'simple':>8}{'weighted':>10}")
    print(f"{'medallion, detecting':28}{simple:8.3f}{weighted:10.3f}   of {len(names)} files")
    for name, a, b in PUBLISHED:
        print(f"{name:28}{a:8.3f}{b:10.3f}   published")


main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
