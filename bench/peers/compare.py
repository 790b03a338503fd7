"""Whether peers made the same gold: compare.py OURS.tsv THEIRS.tsv.  Numbers may differ by half a cent of rounding, and in the last digits of floating sums."""

import sys


def totals(path):
    with open(path, encoding="utf-8") as file:
        return {tuple(cells[:3]): cells[3] for cells in (line.rstrip("\n").split("\t") for line in file)}


def same(a, b):
    if a == b:
        return True
    try:
        a, b = float(a or 0), float(b or 0)
    except ValueError:
        return False
    return abs(a - b) <= 0.0101 or abs(a - b) <= 1e-9 * abs(a)


def main():
    ours, theirs = (totals(path) for path in sys.argv[1:])
    # what only one of them has a column for is not compared: when, and by which run
    columns = {(key[0], key[2]) for key in ours} & {(key[0], key[2]) for key in theirs}
    ours, theirs = ({key: value for key, value in found.items() if (key[0], key[2]) in columns} for found in (ours, theirs))
    wrong = [key for key in sorted(ours.keys() | theirs.keys()) if key not in ours or key not in theirs or not same(ours[key], theirs[key])]
    for key in wrong[:5]:
        print(*key, "ours", ours.get(key), "theirs", theirs.get(key), file=sys.stderr)
    print(len(ours))
    sys.exit(bool(wrong) or len(columns) < 10)


if __name__ == "__main__":
    main()
