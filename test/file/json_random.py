"""Compares the rows of generated JSON files with what Python's json module makes of the same bytes.

usage: json_random.py READER_CHECK FOLDER

Records of all sizes in every shape and layout, so that everything falls once across the end of the
reader's window; plain and as gzip.
"""
import gzip
import json
import os
import random
import subprocess
import sys

check, folder = sys.argv[1:]
choose = random.Random(11)
ALPHABET = ['a', 'b', ' ', '"', '\\', '/', '\n', '\t', '\r', '\u00e9', '\u20ac', '\U0001F600', '\u2028', '\x7f', '\x01', '{', ']', ',']


def text():
    return ''.join(choose.choice(ALPHABET) for _ in range(choose.choice([0, 1, 5, 30, 300])))


def value(depth):
    kind = choose.randrange(10 if depth < 4 else 7)
    if kind < 3:
        return text()
    if kind < 5:
        return choose.choice([0, -1, 10 ** 20, 1.5, -2.25e-7, choose.randrange(10 ** 9)])
    if kind < 7:
        return choose.choice([True, False, None])
    if kind < 9:
        return [value(depth + 1) for _ in range(choose.randrange(5))]
    return {text(): value(depth + 1) for _ in range(choose.randrange(5))}


def record(keys):
    result = {}
    for key in choose.sample(keys, choose.randrange(1, len(keys))):
        result[key] = value(0)
    if choose.randrange(200) == 0:
        result[keys[0]] = text() * 1000
    return result


def cell(v):
    """Kind and value as the reader has to give them."""
    if v is None:
        return None
    if isinstance(v, bool):
        return 'boolean', 'true' if v else 'false'
    if isinstance(v, str):
        return 'text', v
    if isinstance(v, (dict, list)):
        return 'text', v
    return 'number', json.dumps(v)


def unescape(s):
    return s.replace('\\\\', '\0').replace('\\n', '\n').replace('\\t', '\t').replace('\\r', '\r').replace('\0', '\\')


def run(path, options):
    out = subprocess.run([check] + options + [path], stdout=subprocess.PIPE, check=True).stdout.decode('utf-8')
    rows, last = [], None
    for line in out.split('\n')[:-1]:
        fields = line.split('\t', 4)
        if len(fields) < 5 or fields[3] == 'bad':
            sys.exit('%s %s: %s' % (path, options, line[:200]))
        # the header and a record in line 1 have the same number: a column that does not grow begins a row
        if last is None or fields[1] != last[0] or int(fields[2]) <= last[1]:
            rows.append({})
        last = fields[1], int(fields[2])
        rows[-1][int(fields[2])] = fields[3], unescape(fields[4])
    return rows


def compare(name, records, path, options):
    rows = run(path, options)
    header = [rows[0][i + 1][1] for i in range(len(rows[0]))]
    keys = list(dict.fromkeys(k for r in records for k in r))
    if header != keys:
        sys.exit('%s: header %s, expected %s' % (name, header, keys))
    expected = [{keys.index(k) + 1: cell(v) for k, v in r.items() if v is not None} for r in records]
    expected = [r for r in expected if r]
    if len(expected) != len(rows) - 1:
        sys.exit('%s: %d rows, expected %d' % (name, len(rows) - 1, len(expected)))
    for i, (want, got) in enumerate(zip(expected, rows[1:])):
        for column, (kind, v) in want.items():
            had = got.get(column, (None, None))
            same = json.loads(had[1]) == v if isinstance(v, (dict, list)) else had[1] == v
            if had[0] != kind or not same:
                sys.exit('%s: record %d column %d: %r, expected %r' % (name, i, column, had, (kind, v)))
        if len(got) != len(want):
            sys.exit('%s: record %d has %d cells, expected %d' % (name, i, len(got), len(want)))


count = 0
for size in (1, 40, 800):
    keys = ['key %d %s' % (i, choose.choice(ALPHABET)) for i in range(12)]
    records = [record(keys) for _ in range(size)]
    for ascii_only in (True, False):
        def dump(v, indent=None):
            return json.dumps(v, indent=indent, ensure_ascii=ascii_only)

        layouts = {
            'lines': (''.join(dump(r) + '\n' for r in records), ['-p', '']),
            'spread': ('\r\n\n'.join(dump(r, 2) for r in records), ['-p', '']),
            'joined': (''.join(dump(r) for r in records), ['-p', '']),
            'array': (dump(records), []),
            'indented': (dump(records, 1), []),
            'path': (dump({'x': value(0), 'y': {'z': value(0), 'records': records, 'more': value(0)}}, 1), ['-p', 'y.records']),
        }
        for name, (content, options) in layouts.items():
            for encoding in ('utf-8', 'utf-16'):
                data = content.encode(encoding)
                for packed in (False, True) if encoding == 'utf-8' else (False,):
                    path = os.path.join(folder, 'random.json')
                    with open(path, 'wb') as out:
                        out.write(gzip.compress(data, 1) if packed else data)
                    compare('%s of %d, %s%s' % (name, size, encoding, ' packed' if packed else ''), records, path, options)
                    count += 1
print('%d files' % count)
