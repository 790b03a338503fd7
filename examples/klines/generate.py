#!/usr/bin/env python3
"""Writes data/: two symbols with all their open times in common, made of sines and no exchange's prices.
One pair of files in milliseconds with a header, one in microseconds without, and a copy of it.
Three minutes are missing."""
import math
import os

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"


def candle(start, length, i, base, scale):
    """One line; start and length in the unit of the file."""
    opened = base + round(math.sin(i / 37) * base / 50, 4)
    closed = base + round(math.sin((i + 1) / 37) * base / 50, 4)
    high = max(opened, closed) + (i * 7 % 11) / 100
    low = min(opened, closed) - (i * 5 % 13) / 100
    volume = 100 + i * 31 % 97 + scale
    return (f"{start},{opened:.4f},{high:.4f},{low:.4f},{closed:.4f},{volume},{start + length - 1},"
            f"{volume * closed:.4f},{50 + i % 17},{volume / 2:.1f},{volume * closed / 2:.4f},0")


def write(name, lines):
    path = os.path.join(here, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", newline="\n") as file:
        file.write("\n".join(lines) + "\n")


midnight = 1675209600000                        # 2023-02-01 00:00 UTC, milliseconds
for symbol, base, scale in (("AAAUSDT", 5.0, 0), ("BBBUSDT", 2.5, 1000)):
    minutes = [i for i in range(0, 1560) if symbol != "AAAUSDT" or i not in (600, 601, 1500)]
    write(f"binance_klines/{symbol}-1m-2023-02.csv", [HEADER] + [candle(midnight + i * 60000, 60000, i, base, scale) for i in minutes])
days = [candle((1751328000 + i * 86400) * 1000000, 86400 * 1000000, i, 100.0, 5) for i in range(31)]
write("binance_seed003_raw/CCCUSDT-1d-2025-07.csv", days)
write("binance_seed003_raw/CCCUSDT-1d-2025-07 copy.csv", days)
