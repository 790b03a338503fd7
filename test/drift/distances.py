#!/usr/bin/env python3
"""Random pairs of columns, and how far they are apart, by the definitions and nothing else.

  distances.py SEED PAIRS      lines of SQL: INSERT INTO pairs VALUES (number, before, after, ks, psi, ...)

Numbers are compared as numbers by ks and psi, as values by the others; None is NULL.
"""
import math
import random
import sys


def cdf(values, at):
    return sum(v <= at for v in values) / len(values)


def index(expected, actual):
    return sum((max(q, 1e-4) - max(p, 1e-4)) * math.log(max(q, 1e-4) / max(p, 1e-4)) for p, q in zip(expected, actual))


def ks(a, b):
    return max(abs(cdf(a, v) - cdf(b, v)) for v in set(a) | set(b))


def psi(a, b):
    ordered = sorted(a)
    edges = sorted({ordered[math.ceil(len(a) * i / 10) - 1] for i in range(1, 10)})

    def shares(values):
        places = [sum(e < v for e in edges) for v in values]
        return [places.count(i) / len(values) for i in range(len(edges) + 1)]
    return index(shares(a), shares(b))


def categorical(a, b):
    values = list(set(a) | set(b))
    p = [a.count(v) / len(a) for v in values]
    q = [b.count(v) / len(b) for v in values]
    chi = 0
    for v in values:
        both = a.count(v) + b.count(v)
        for sample in (a, b):
            expected = both * len(sample) / (len(a) + len(b))
            chi += (sample.count(v) - expected) ** 2 / expected
    return max(abs(x - y) for x, y in zip(p, q)), chi, index(p, q)


def column(r, shape):
    size = r.choice((1, 3, 20, 200, 700))
    if shape == 0:
        values = [r.randint(0, 12) for _ in range(size)]
    elif shape == 1:
        values = [round(r.gauss(50, 9), 2) for _ in range(size)]
    else:
        values = [round(r.expovariate(0.1), 1) for _ in range(size)]
    return [None if r.random() < 0.1 else v for v in values] + [values[0]]


def array(values):
    return "'{" + ",".join("NULL" if v is None else repr(v) for v in values) + "}'"


def main():
    r = random.Random(int(sys.argv[1]))
    for number in range(int(sys.argv[2])):
        shape = r.randrange(3)
        a, b = column(r, shape), column(r, r.choice((shape, shape, r.randrange(3))))
        x, y = [v for v in a if v is not None], [v for v in b if v is not None]
        n, m = len(x), len(y)
        far = ks(x, y)
        print(f"INSERT INTO pairs VALUES ({number}, {array(a)}, {array(b)}, {far!r}, {psi(x, y)!r},"
              f" {', '.join(map(repr, categorical(a, b)))}, {max(0, far - 1.8 * math.sqrt((n + m) / (n * m)))!r});")


main()
