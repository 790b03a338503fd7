"""What the pipelines of bench/peers.sh are, and how each peer's are run and timed.

A peer is a file with first_run(), increment() and totals(); it ends with sales.run(...), which takes the pipeline's name, the folder
of files, the folder of those that come later, and one to work in.  Each step gets the Work: its pipeline, folders, and new files.
"""

import collections
import datetime
import glob
import hashlib
import json
import os
import shutil
import sys
import time

# columns: name to type, of text, integer, number, date, timestamp
Feature = collections.namedtuple("Feature", "pattern keys columns")
# lines: of which silver tables gold is made; gold: name to query over lines, a later one may use an earlier; keys: columns that identify a row of each
Pipeline = collections.namedtuple("Pipeline", "features lines gold keys")

DOCUMENT_LINES = dict(document_number="text", line_no="integer", trn_date="timestamp", branch_name="text", customer_code="text", item_code="text",
                      product_description="text", quantity="number", unit_price="number", amount="number", vat_amount="number", currency="text")
RETAIL = Pipeline(
    features={
        "invoices": Feature("sales/cash_invoices/detailed/**/*.xlsx", ("document_number", "trn_date", "line_no"), DOCUMENT_LINES),
        "summary": Feature("sales/cash_invoices/summarized/**/*.xlsx", ("document_number", "trn_date"),
                           dict(document_number="text", trn_date="timestamp", branch_name="text", customer_code="text", lines="integer", amount="number")),
        "credits": Feature("sales/credit_notes/detailed/**/*.xlsx", ("document_number", "trn_date", "line_no"), DOCUMENT_LINES)},
    lines="""SELECT document_number, CAST(trn_date AS date) AS document_date, amount, branch_name, customer_code AS customer, item_code AS product,
            quantity, unit_price, vat_amount AS vat
        FROM invoices WHERE _is_current AND NOT (coalesce(document_number, '') LIKE 'C%' OR coalesce(amount, 0) < 0)""",
    gold={
        "daily_sales_summary": """
            SELECT d.date, d.branch_name, d.invoice_count, d.total_sales, d.total_vat, c.unique_customers,
                d.average_invoice_value, d.min_invoice_value, d.max_invoice_value
            FROM (SELECT document_date AS date, branch_name, count(document_number) AS invoice_count, sum(amount) AS total_sales, sum(vat) AS total_vat,
                    round(avg(amount), 2) AS average_invoice_value, min(amount) AS min_invoice_value, max(amount) AS max_invoice_value
                FROM (SELECT document_date, branch_name, document_number, sum(amount) AS amount, sum(coalesce(vat, 0)) AS vat
                    FROM lines GROUP BY document_date, branch_name, document_number) AS documents
                GROUP BY document_date, branch_name) AS d
            JOIN (SELECT document_date AS date, branch_name, count(DISTINCT customer) AS unique_customers FROM lines GROUP BY document_date, branch_name) AS c
            ON c.date = d.date AND c.branch_name = d.branch_name""",
        "monthly_sales_summary": """
            SELECT m.year, m.month, m.branch_name, m.total_invoices, m.total_sales, m.total_vat, m.total_unique_customers, d.avg_daily_invoice_value, m.trading_days
            FROM (SELECT extract(year FROM document_date) AS year, extract(month FROM document_date) AS month, branch_name,
                    count(DISTINCT document_number) AS total_invoices, sum(amount) AS total_sales, sum(coalesce(vat, 0)) AS total_vat,
                    count(DISTINCT customer) AS total_unique_customers, count(DISTINCT document_date) AS trading_days
                FROM lines GROUP BY extract(year FROM document_date), extract(month FROM document_date), branch_name) AS m
            JOIN (SELECT extract(year FROM date) AS year, extract(month FROM date) AS month, branch_name, round(avg(average_invoice_value), 2) AS avg_daily_invoice_value
                FROM daily_sales_summary GROUP BY extract(year FROM date), extract(month FROM date), branch_name) AS d
            ON d.year = m.year AND d.month = m.month AND d.branch_name = m.branch_name""",
        "customer_analytics": """
            SELECT customer, total_transactions, lifetime_value, round(lifetime_value / total_transactions, 2) AS average_transaction_value,
                first_transaction_date, last_transaction_date, branches_visited,
                CASE WHEN lifetime_value > 100000 THEN 'High Value' WHEN lifetime_value > 50000 THEN 'Medium Value' ELSE 'Low Value' END AS customer_segment
            FROM (SELECT customer, count(DISTINCT document_number) AS total_transactions, sum(amount) AS lifetime_value, min(document_date) AS first_transaction_date,
                    max(document_date) AS last_transaction_date, count(DISTINCT branch_name) AS branches_visited
                FROM lines WHERE customer IS NOT NULL GROUP BY customer) AS customers""",
        "product_analytics": """
            SELECT product, count(DISTINCT document_number) AS total_transactions, sum(quantity) AS total_quantity_sold, sum(amount) AS total_revenue,
                round(avg(unit_price), 4) AS average_price, count(DISTINCT customer) AS unique_customers, count(DISTINCT branch_name) AS branches_sold_at
            FROM lines WHERE product IS NOT NULL GROUP BY product"""},
    keys={"daily_sales_summary": ("date", "branch_name"), "monthly_sales_summary": ("year", "month", "branch_name"),
          "customer_analytics": ("customer",), "product_analytics": ("product",)})

# S1: receipts as JSON, a file every four hours
STORE = Pipeline(
    features={"sales": Feature("sales/*.json", ("transaction_id",), dict(
        transaction_id="text", date="date", store_id="text", store_name="text", city="text", product_id="text", product_name="text", category="text",
        customer_id="text", customer_name="text", quantity_sold="integer", unit_price="number", total_amount="number", payment_method="text"))},
    lines="""SELECT transaction_id, date, store_id, city, product_id, category, customer_id, quantity_sold, unit_price, total_amount, payment_method
        FROM sales WHERE _is_current""",
    gold={
        "daily_sales_summary": """
            SELECT date, store_id, count(transaction_id) AS transactions, sum(quantity_sold) AS units_sold, sum(total_amount) AS total_sales,
                round(avg(total_amount), 2) AS average_transaction, count(DISTINCT customer_id) AS unique_customers
            FROM lines GROUP BY date, store_id""",
        "product_performance": """
            SELECT product_id, category, count(transaction_id) AS transactions, sum(quantity_sold) AS units_sold, sum(total_amount) AS revenue,
                round(avg(unit_price), 4) AS average_price, count(DISTINCT customer_id) AS unique_customers
            FROM lines GROUP BY product_id, category""",
        "store_performance": """
            SELECT store_id, city, count(transaction_id) AS transactions, sum(total_amount) AS revenue, count(DISTINCT customer_id) AS unique_customers,
                count(DISTINCT product_id) AS products, count(DISTINCT date) AS trading_days
            FROM lines GROUP BY store_id, city""",
        "customer_summary": """
            SELECT customer_id, transactions, total_spent, first_date, last_date,
                CASE WHEN total_spent > 5000 THEN 'High Value' WHEN total_spent > 1000 THEN 'Medium Value' ELSE 'Low Value' END AS segment
            FROM (SELECT customer_id, count(transaction_id) AS transactions, sum(total_amount) AS total_spent, min(date) AS first_date, max(date) AS last_date
                FROM lines GROUP BY customer_id) AS customers"""},
    keys={"daily_sales_summary": ("date", "store_id"), "product_performance": ("product_id", "category"), "store_performance": ("store_id", "city"),
          "customer_summary": ("customer_id",)})

PIPELINES = {"retail": RETAIL, "store": STORE}

# of silver, beside the feature's columns
HISTORY = ("_version", "_valid_from", "_valid_to", "_is_current")


class Work:
    """A pipeline, its files, and the folder where a peer keeps everything: its tables, and the ledger of files read."""

    def __init__(self, name, files, folder):
        self.pipeline, self.files, self.folder = PIPELINES[name], files, folder
        self.ledger = os.path.join(folder, "ledger.json")

    def new_files(self):
        """Feature to the files whose content was not read before, by size and time, then by hash; notes them."""
        known = {}
        if os.path.exists(self.ledger):
            with open(self.ledger, encoding="utf-8") as file:
                known = json.load(file)
        found = {}
        for name, feature in self.pipeline.features.items():
            for path in sorted(glob.glob(os.path.join(self.files, feature.pattern), recursive=True)):
                stat = os.stat(path)
                seen = [stat.st_size, stat.st_mtime_ns]
                if known.get(path, [[]])[0] == seen:
                    continue
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
                if known.get(path, [None, None])[1] != content:
                    found.setdefault(name, []).append(path)
                known[path] = [seen, content]
        with open(self.ledger, "w", encoding="utf-8") as file:
            json.dump(known, file)
        return found


def clean(header):
    """DOCUMENT NUMBER, LINE NO. to document_number, line_no."""
    return "_".join("".join(c if c.isalnum() else " " for c in header.lower()).split())


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rsplit(") ", 1)[1].split()


def family(*roots):
    """Stat fields of processes and their children, with theirs, by pid."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found[pid] = stat_fields(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    members, grown = set(roots), 0
    while grown != len(members):
        grown = len(members)
        members |= {pid for pid, fields in found.items() if fields[1] in members}
    return {pid: found[pid] for pid in members if pid in found}


def processor():
    """Seconds of the processor that this process and its children took, those that are gone too; and so the server that PEER_SERVER names."""
    return sum(int(ticks) for fields in family(str(os.getpid()), os.environ.get("PEER_SERVER", "")).values() for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def peak_of(pid):
    """MB that a process held at most, without what it shares with others; one that has ended in the meantime holds none."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            values = dict(line.split(":", 1) for line in status)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    if "VmHWM" not in values:
        return 0
    return (int(values["VmHWM"].split()[0]) - int(values["RssShmem"].split()[0])) / 1024


def peak_memory(_work):
    """MB that this process and its living children, with theirs, held at most, each at its time; not the server's."""
    return sum(peak_of(pid) for pid in family(str(os.getpid())))


def text(value):
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        value = value.date()
    return str(value)


def write_totals(path, pipeline, tables):
    """One line per row of gold: the table, its keys, then column and value of the rest."""
    with open(path, "w", encoding="utf-8") as file:
        for name, (columns, rows) in tables.items():
            keys = pipeline.keys.get(name, columns[:1])
            for row in rows:
                values = dict(zip(columns, row))
                key = [str(int(values[k])) if isinstance(values[k], float) else text(values[k]) for k in keys]
                for column, value in values.items():
                    if column not in keys:
                        print(name, " ".join(key), column, text(value), sep="\t", file=file)


def run(first_run, increment, totals, started=None, memory=peak_memory):
    """The first run, then each file that comes later as an increment, of one process.  Writes FOLDER/times: step, seconds by the clock, of the processor;
    and FOLDER/first.tsv and last.tsv, the totals.  started: when a peer's own start began, which no step counts; memory: MB that the steps took at most."""
    name, files, later, folder = sys.argv[1:]
    work = Work(name, files, folder)
    with open(os.path.join(folder, "times"), "w", encoding="ascii") as times:
        if started:
            print(f"start {time.time() - started:.3f} 0", file=times)

        def timed(step, function):
            clock, cost = time.time(), processor()
            function(work)
            clock = time.time() - clock
            time.sleep(0.2)     # a session that ended is the server's to account for a moment later
            print(f"{step} {clock:.3f} {processor() - cost:.3f}", file=times, flush=True)

        timed("first", first_run)
        write_totals(os.path.join(folder, "first.tsv"), work.pipeline, totals(work))
        for path in sorted(glob.glob(os.path.join(later, "**", "*.*"), recursive=True)):
            target = os.path.join(files, os.path.relpath(path, later))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(path, target)
            timed("increment", increment)
        print(f"memory {memory(work):.0f} 0", file=times, flush=True)
        write_totals(os.path.join(folder, "last.tsv"), work.pipeline, totals(work))
