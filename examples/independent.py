#!/usr/bin/env python3
"""Totals of an example, computed from its raw files by nothing of the project: name<tab>value lines.

    independent.py EXAMPLE FOLDER
"""
import collections
import csv
import datetime
import glob
import json
import os
import sys
from decimal import Decimal, ROUND_HALF_UP

csv.field_size_limit(1 << 24)


def klines(folder):
    candles = {}
    for path in sorted(glob.glob(folder + "/binance_klines/*.csv") + glob.glob(folder + "/binance_seed003_raw/*.csv")):
        symbol, interval = os.path.basename(path).split("-")[:2]
        for line in csv.reader(open(path)):
            if not line[0].isdigit():
                continue
            micros = int(line[0]) * (1 if len(line[0]) == 16 else 1000)
            candles[symbol, interval, micros] = [Decimal(v) for v in line[1:9]]
    minute = 60 * 10 ** 6
    steps = {"1m": minute, "1d": 1440 * minute}
    by_series = collections.defaultdict(list)
    for (symbol, interval, micros), values in sorted(candles.items()):
        by_series[symbol, interval].append((micros, values))
    missing = 0
    for (symbol, interval), rows in by_series.items():
        name = f"{symbol} {interval}"
        yield name + " candles", len(rows)
        yield name + " volume", sum(v[4] for _, v in rows)
        yield name + " quote volume", sum(v[6] for _, v in rows)
        yield name + " trades", sum(v[7] for _, v in rows)
        missing += sum((b[0] - a[0]) // steps[interval] - 1 for a, b in zip(rows, rows[1:]))

        def groups(length, shift=0):
            result = collections.OrderedDict()
            for micros, values in rows:
                result.setdefault((micros + shift) // length, []).append(values)
            return result.values()
        days = list(groups(1440 * minute))
        yield symbol + " days", len(days)
        yield symbol + " sum of daily closes", sum(d[-1][3] for d in days)
        yield symbol + " sum of daily highs", sum(max(v[1] for v in d) for d in days)
        weeks = list(groups(7 * 1440 * minute, 3 * 1440 * minute))     # 1970-01-01 was a Thursday
        yield symbol + " weeks", len(weeks)
        yield symbol + " sum of weekly opens", sum(w[0][0] for w in weeks)
        if interval == "1m":
            hours = list(groups(60 * minute))
            yield symbol + " hours", len(hours)
            yield symbol + " sum of hourly lows", sum(min(v[2] for v in h) for h in hours)
            yield symbol + " sum of hourly opens", sum(h[0][0] for h in hours)
    yield "missing candles", missing
    yield "rows in the live view", len(candles)


if __name__ == "__main__":
    for name, value in globals()[sys.argv[1]](sys.argv[2]):
        print(f"{name}\t{value}")
