"""medallion: a session of psql for each run, on the server and database that the environment names."""

import csv
import os
import subprocess

import sales


PEAKS = []  # MB of each session at most, beyond what all share


def sql(*statements):
    """Runs them; the rows of the last, after their columns."""
    command = ["psql", "-X", "-q", "--csv", "-v", "ON_ERROR_STOP=1"]
    for statement in ("\\o /dev/null",) + statements[:-1] + ("\\o", statements[-1]):
        command += ["-c", statement]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return list(csv.reader(done.stdout.splitlines()))


def run(*statements):
    """Runs what is given, then the pipeline, which says what failed; nothing else does."""
    memory = """SELECT 'memory', (substring(s FROM 'VmHWM:\\s+(\\d+)')::int - substring(s FROM 'RssShmem:\\s+(\\d+)')::int)::text FROM pg_read_file('/proc/self/status') s"""
    *failed, (_, peak) = sql(*statements[:-1], f"{statements[-1]} UNION ALL {memory}")[1:]
    PEAKS.append(int(peak) / 1024)
    if failed:
        raise RuntimeError(f"the run failed: {failed}")


RUN = "SELECT object, detail::text FROM medallion.run_pipeline({}) WHERE status NOT IN ('COMPLETED', 'UNCHANGED')"


def features(work):
    for name, feature in work.pipeline.features.items():
        options = "{}"
        if name == "summary":
            options = '{"null_key": "as_value"}'
        elif "document_number" in feature.keys:
            options = """{"split": {"credits": "document_number::text LIKE ''C%'' OR amount < 0", "invoices": "else"}}"""
        yield f"SELECT FROM medallion.create_feature('{name}', '{{{feature.pattern}}}', '{{{','.join(feature.keys)}}}', '{options}')"


def models(work):
    if "invoices" in work.pipeline.features:
        return ["SELECT FROM medallion.install_sales_pack('{invoices}')"]
    lines = work.pipeline.lines.replace("FROM sales WHERE _is_current", "FROM silver.sales_current")
    return [f"SELECT FROM medallion.create_model('{name}', $model$WITH lines AS ({lines}) {query}$model$)" for name, query in work.pipeline.gold.items()]


def first_run(work):
    sql("CREATE EXTENSION medallion", f"ALTER DATABASE {os.environ['PGDATABASE']} SET medallion.input_root = '{work.files}'")
    run(*features(work), RUN.format("layers => '{bronze,silver}'"))
    run(*models(work), RUN.format("layers => '{gold}'"))


def increment(_work):
    run(RUN.format(""))


def totals(work):
    tables = {}
    for name in work.pipeline.gold:
        rows = sql(f"SELECT * FROM gold.{name}")
        tables[name] = (rows[0], rows[1:])
    rows = [[name] + sql(f"SELECT count(*), count(*) FILTER (WHERE _scd2_is_current), sum(_scd2_version) FROM silver.{name}")[1] for name in work.pipeline.features]
    tables["silver"] = (("feature", "versions", "current", "sum_of_versions"), rows)
    return tables


if __name__ == "__main__":
    sales.run(first_run, increment, totals, memory=lambda _work: max(PEAKS))
