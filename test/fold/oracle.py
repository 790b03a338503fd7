#!/usr/bin/env python3
"""Random histories, and what silver must make of them.

    oracle.py FIRST LAST [SEED ...]    writes a SQL script that plays these seeds

Each seed is a feature: options, and rounds in which files are written, replaced or
removed.  The script (for psql, behind setup.psql) plays the rounds with random
batching and compares silver with the rows worked out here; then it rebuilds, and
plays the files in another order where arrival may not matter.  What is worked out
here shares nothing with the merge: it walks each key's events one by one.

Three sources of chance: what the second one draws (columns that vanish, types that
widen, NULL keys, options that change) is laid over what the first one drew, and
what the third one does (two keys, rows that are filtered out or held back) over both.
"""

from decimal import Decimal
import json
import random
import sys

KEYS = 40		# independent sequences per seed
REPLAYS = 3		# orders and batches besides the one that is drawn, where the sequence decides
VALUES = ["x", "y", "z", None]
SHOWN = ("a", "b", "c", "v", "w")		# the columns that are compared
SAID = SHOWN + ("r", "op")				# those that an update may leave out
# Each list asks for a wider type: bigint, numeric, text; date, timestamp, text; boolean, text.
WIDENING = [[["1", "2", "30"], ["2.0", "2.5", "-1.50"], ["02", "word", "1,5"]],
			[["2024-03-01", "2024-03-02"], ["2024-03-01 00:00:00", "2024-03-02 10:30:00"], ["2024-03", "word"]],
			[["true", "false"], ["true"], ["1", "word", "2024-03-01"]]]


def same(these, those):
	"""Whether two files say the same."""
	return [{**row, "made": 0} for row in these] == [{**row, "made": 0} for row in those]


class File:
	"""A version of a file: its rows, and the rounds in which it is in force."""

	def __init__(self, path, number, seen, rows):
		self.path, self.number, self.seen, self.rows = path, number, seen, rows
		self.ended = None		# the round in which it was replaced or gone
		self.gone = False		# gone, not replaced
		self.columns = None		# its header


class Scenario:
	def __init__(self, seed):
		self.seed = seed
		self.random = random.Random(seed)
		chance = lambda p: self.random.random() < p
		self.sequenced = chance(0.7)
		o = self.options = {"load_duplicates": True, "verify": True, "header": 1}
		self.columns = ["k", "a", "b", "r"]
		self.types = {"k": "bigint", "a": "text", "b": "text", "r": "text"}
		if self.sequenced:
			self.columns.append("t")
			self.types["t"] = self.random.choice(["bigint", "date", "timestamp", "numeric"])
			o["sequence_by"] = ["t"]
			if chance(0.3):
				o["sequence_by"].append("u")
				self.columns.append("u")
				self.types["u"] = "bigint"
		if chance(0.5):
			o["on_change"] = self.random.choice(["restate", "version"])
		if chance(0.5):
			o["apply_as_deletes"] = "d.op = 'D'"
			self.columns.append("op")
			self.types["op"] = "text"
			o["no_track"] = ["op"]
		if chance(0.25):
			o["no_track"] = o.get("no_track", []) + ["b"]
		if chance(0.2):
			o["ignore_null_updates"] = True
		if chance(0.3):
			o["deletes"] = "snapshot"
			scope = self.random.choice([None, None, "columns", "condition"])
			if scope == "columns":
				o["delete_scope"] = ["r"]
			elif scope == "condition":
				o["delete_scope"] = "d.r = 'N'"
		elif chance(0.15):
			o["deletes"] = "ignore"
		if chance(0.15):
			o["history"] = "scd1"
		if chance(0.3):
			o["on_missing"] = "close" if not self.sequenced and "deletes" not in o and chance(0.5) else "restate"
			o["allow_all_missing"] = True		# the last file may go, too
		if chance(0.15) and self.sequenced:
			o["valid_to"] = {"bigint": "999", "numeric": "999", "date": "2099-12-31", "timestamp": "2099-12-31 00:00:00"}[self.types["t"]]
		o["columns"] = {c: {"type": t} for c, t in self.types.items()}
		self.restates = o.get("on_change", "restate" if self.sequenced else "version") == "restate"
		ends = not self.sequenced and "deletes" not in o and (not self.restates or o.get("on_missing") == "close")
		if ends or o.get("deletes") == "snapshot":
			o.pop("ignore_null_updates", None)		# refused: such a file leaves nothing out
		self.no_track = o.get("no_track", [])
		self.late_column = chance(0.3)		# column c comes with later files
		self.rows_made = 0
		self.write()
		self.vary(random.Random("more of %d" % seed))
		self.narrow(random.Random("less of %d" % seed))

	def time(self, n):
		kind = self.types["t"]
		if kind == "date":
			return "2024-01-%02d" % n
		if kind == "timestamp":
			return "2024-01-01 %02d:30:00" % n
		return str(n)

	def row(self, when, file_region):
		r = self.random
		self.rows_made += 1
		row = {"made": self.rows_made, "k": r.randint(1, KEYS), "a": r.choice(VALUES), "b": r.choice(VALUES), "r": file_region}
		if "t" in self.columns:
			# mostly in order, now and then late
			row["t"] = r.randint(1, 18) if r.random() < 0.4 else min(18, max(1, 3 * when + r.randint(0, 2)))
			if r.random() < 0.02:
				row["t"] = None
		if "u" in self.columns:
			row["u"] = r.choice([None, 1, 2])
		if "op" in self.columns:
			row["op"] = "D" if r.random() < 0.2 else r.choice(["I", "U"])
		if self.late_column and when > 3:
			row["c"] = r.choice([None, None, "p"])
		if r.random() < 0.01:
			row["k"] = None
		return row

	def write(self):
		"""Rounds of writing; what each file says, and until when."""
		r = self.random
		self.rounds = []		# per round: {path: rows or None}
		self.files = []
		live = {}
		number = 0
		paths = ["%s.csv" % c for c in "abcdef"]
		for now in range(1, 7):
			written = {}
			for path in paths[:2 + now] if r.random() < 0.5 else r.sample(paths, 2):
				if r.random() < 0.55:
					continue
				if path in live and r.random() < 0.15:
					if r.random() < 0.5:
						written[path] = None
					continue
				region = r.choice("NS") if "deletes" in self.options and r.random() < 0.8 else None
				rows = [self.row(now, region or r.choice("NS")) for _ in range(r.randint(1, 40))]
				if self.files and r.random() < 0.4:		# some of what was said before is said again
					again = r.choice(self.files).rows
					rows += [dict(row) for row in r.sample(again, min(len(again), 5))]
				if path in live and same(live[path].rows, rows):
					continue
				written[path] = rows
			for path in sorted(written):
				rows = written[path]
				old = live.pop(path, None)
				if rows is None:
					if self.options.get("on_missing", "ignore") == "ignore":
						live[path] = old		# nothing happened
						written[path] = None
						continue
					old.ended, old.gone = now, True
					continue
				if old is not None:
					old.ended = now
				number += 1
				live[path] = File(path, number, now, rows)
				self.files.append(live[path])
			self.rounds.append(written)

	def vary(self, r):
		"""What the second source of chance adds to options and files."""
		chance = lambda p: r.random() < p
		o = self.options
		if chance(0.3):
			o["null_key"] = "as_value"
		vanishing = r.sample(range(1, 7), r.randint(1, 4)) if chance(0.4) else None		# rounds whose files have v
		widening = sorted(r.choices(range(1, 8), k=2)) if chance(0.4) else None			# rounds from which w is wider
		self.widths = r.choice(WIDENING)
		if widening and chance(0.2):
			self.no_track = o["no_track"] = self.no_track + ["w"]
		more = {}		# by row: what is said twice, is said alike
		for f in self.files:
			f.columns = self.columns + (["c"] if self.late_column and f.seen > 3 else [])
			if vanishing and f.seen in vanishing:
				f.columns.append("v")
			if widening:
				f.columns.append("w")
			if chance(0.2):
				r.shuffle(f.columns)
			for row in f.rows:
				if row["made"] not in more:
					kinds = self.widths[:1 + sum(f.seen >= since for since in widening or ())]
					more[row["made"]] = {"v": r.choice(["p", "q", None]), "w": r.choice(r.choice(kinds) + [None]), "null": chance(0.04)}
				row.update((c, more[row["made"]][c]) for c in ("v", "w") if c in f.columns)
				if o.get("null_key") and more[row["made"]]["null"]:
					row["k"] = None
			for row in f.rows:
				for c in ("c", "v", "w"):
					if c not in f.columns:
						row.pop(c, None)
		self.before, self.altered = self.other_options(r) if chance(0.35) else o, r.randint(2, 6)

	def narrow(self, r):
		"""What the third one adds: a key of two columns, rows that are no events."""
		self.keys = ["k"]
		if r.random() < 0.3:
			self.keys = ["k2", "k"]
			self.options["columns"]["k2"] = {"type": "text"}
			for f in self.files:
				f.columns.append("k2")
				for row in f.rows:
					row["k2"] = None if row["k"] is None else "g%d" % (row["k"] % 5)
		self.unwanted = r.choice(VALUES[:3]) if r.random() < 0.3 and not self.options.get("ignore_null_updates") else ()
		if self.unwanted and r.random() < 0.5:
			narrowing = {"filter": "d.b IS DISTINCT FROM '%s'" % self.unwanted}
		elif self.unwanted:
			narrowing = {"checks": [{"name": "held", "kind": "expression", "params": {"expression": "d.b <> '%s'" % self.unwanted}, "action": "quarantine"}]}
		else:
			narrowing = {}
		self.options.update(narrowing)
		self.before.update(narrowing)

	def other_options(self, r):
		"""Options that the feature had at first: some left out, a changed file taken another way."""
		before = dict(self.options)
		chance = lambda p: r.random() < p
		for group in (["apply_as_deletes"], ["history"], ["null_key"], ["no_track"], ["valid_to"], ["ignore_null_updates"],
					  ["deletes", "delete_scope", "ignore_null_updates"], ["sequence_by", "valid_to", "ignore_null_updates"]):
			if chance(0.3):
				for option in group:
					before.pop(option, None)
		if chance(0.3):
			before["on_change"] = r.choice(["restate", "version"])
			before.pop("ignore_null_updates", None)
		return before

	# --- the oracle ---

	def width(self, files):
		"""How wide a type these files ask of column w: 2 is text."""
		return max((n for f in files for row in f.rows for n, kind in enumerate(self.widths) if row.get("w") in kind), default=0)

	def counting(self):
		"""File versions that count at the end."""
		for f in self.files:
			if f.ended is None:
				yield f
			elif f.gone:
				if self.options.get("on_missing") == "close":
					yield f
			elif not self.restates:
				yield f

	def scope(self, row):
		given = self.options.get("delete_scope")
		if given is None:
			return "all"
		if isinstance(given, list):
			return row["r"]
		return "all" if row["r"] == "N" else None

	def expected(self):
		"""Rows (key, a, b, c, v, w, from, to, version, conflict) of silver."""
		self.wide = self.width(self.files)
		snapshot = self.options.get("deletes") == "snapshot"
		rows = []
		events = {}			# key -> list of (time, order, is_delete, row, until, scope)
		snapshots = set()	# (scope, time)
		for f in self.counting():
			said = []
			for place, row in enumerate(f.rows):
				time = row["t"] if self.sequenced else f.seen
				if time is None or row["k"] is None and "null_key" not in self.options or row["b"] == self.unwanted:
					continue
				said.append((place, row, time))
			at = {}
			for place, row, time in said:
				s = self.scope(row)
				at[s] = max(at.get(s, 0), time)
			if snapshot:
				snapshots |= {(s, t) for s, t in at.items() if s is not None}
			until = None
			if not self.sequenced and f.ended is not None and self.options.get("deletes", "close") == "close":
				until = f.ended
			for place, row, time in said:
				delete = row.get("op") == "D"
				sub = row.get("u") or 0
				times = [time]
				s = self.scope(row)
				if snapshot and s is not None and not delete and at[s] > time:
					times.append(at[s])
				for t in times:
					events.setdefault(row["k"], []).append(
						(t, (sub, delete, f.path, f.number, place), delete, row, until, s))
		for key in events:
			rows += self.fold(key, sorted(events[key], key=lambda e: (e[0], e[1])), snapshots if snapshot else set())
		return rows

	def tracked(self, row):
		return tuple(None if c in self.no_track else self.value(c, row.get(c)) for c in SAID)

	def value(self, column, text):
		"""What a column makes of its text: 2 and 2.0 are one number, a date among timestamps is its midnight."""
		if column != "w" or text is None or self.wide == 2:
			return text
		if self.widths is WIDENING[0]:
			return Decimal(text).normalize()
		return text + " 00:00:00" if self.widths is WIDENING[1] and self.wide == 1 and len(text) == 10 else text

	def fold(self, key, events, snapshots):
		filled = []
		state = {}
		for e in events:		# what an event leaves out, it takes from those before
			row = dict(e[3])
			if self.options.get("ignore_null_updates"):
				if e[2]:
					state = {}
				else:
					for c in SAID:
						if row.get(c) is None:
							row[c] = state.get(c)
					state = row
			# a delete says no values; the others are told apart by what they fold to
			filled.append(e[:3] + (row,) + e[4:])
		instants = sorted({e[0] for e in filled} | {e[4] for e in filled if e[4] is not None} | {t for _, t in snapshots})
		states = []				# (time, row or None, conflict)
		now, last_scope = None, None
		for t in instants:
			here = [e for e in filled if e[0] == t]
			if here:
				w = here[-1]
				ties = {self.tracked(e[3]) for e in here if not e[2] and e[1][0] == w[1][0]}
				now = None if w[2] else w[3]
				last_scope = w[5]
				states.append((t, now, now is not None and len(ties) > 1))
			elif any(e[4] == t for e in filled):
				holds = [e for e in filled if e[0] < t and (e[4] is None or e[4] > t)]
				now = None if not holds or holds[-1][2] else holds[-1][3]
				states.append((t, now, False))
			elif now is not None and (last_scope, t) in snapshots:
				now = None
				states.append((t, None, False))
		versions = []			# [from, to, first row, last row, conflict]
		for t, row, conflict in states:
			same = versions and versions[-1][1] is None and row is not None and self.tracked(versions[-1][2]) == self.tracked(row)
			if same:
				versions[-1][3] = row
				continue
			if versions and versions[-1][1] is None:
				versions[-1][1] = t
			if row is not None:
				versions.append([t, None, row, row, conflict])
		result = []
		for i, (since, to, first, last, conflict) in enumerate(versions):
			row = last if self.no_track else first
			if self.options.get("history") == "scd1":
				if to is not None:
					continue
				i = 0
			result.append([key] + [self.value(c, row.get(c)) for c in SHOWN] + [since, to, i + 1, conflict])
		return result

	# --- the script ---

	def literal(self, value):
		return "NULL" if value is None else "'%s'" % (format(value, "f") if isinstance(value, Decimal) else value)

	def csv(self, f):
		cell = lambda c, v: "" if v is None else self.time(v) if c == "t" else '"%s"' % v if "," in str(v) else str(v)
		return "\n".join([",".join(f.columns)] + [",".join(cell(c, row.get(c)) for c in f.columns) for row in f.rows]) + "\n"

	def put(self, feature, f):
		return "SELECT pg_temp.put('%s/%s', '%s');" % (feature, f.path, self.csv(f))

	def create(self, name, options):
		return "SELECT medallion.create_feature('%s', ARRAY['%s/*.csv'], '{%s}', '%s');" % (
			name, name, ",".join(self.keys), json.dumps(options).replace("'", "''"))

	def alter(self, name):
		options = {o: v for o, v in self.options.items() if self.before.get(o) != v}
		options.update({o: None for o in self.before if o not in self.options})
		return "SELECT medallion.alter_feature('%s', '%s');" % (name, json.dumps(options).replace("'", "''"))

	def label(self):
		told = lambda options: ", ".join("%s %s" % (o, v) for o, v in options.items()
										  if o not in ("columns", "load_duplicates", "verify", "header", "allow_all_missing"))
		first = "" if self.before == self.options else "; before round %d: %s" % (self.altered, told(self.before))
		return "seed %d (%s%s)" % (self.seed, told(self.options), first)

	def script(self):
		name = "prop_%d" % self.seed
		out = ["\\o /dev/null", self.create(name, self.before)]
		by_round = {(f.seen, f.path): f for f in self.files}
		for now, written in enumerate(self.rounds, 1):
			if now == self.altered and self.before != self.options:
				out.append(self.alter(name))
			for path, rows in sorted(written.items()):
				if rows is None:
					out.append("SELECT pg_temp.shell('rm -f ' || current_setting('test.tree') || '/%s/%s');" % (name, path))
				else:
					out.append(self.put(name, by_round[now, path]))
			# not every round of files is taken into silver at once
			both = now == len(self.rounds) or self.random.random() < 0.6
			out.append("SELECT pg_temp.play('%s', %d, ARRAY['bronze'%s]);" % (name, now, ", 'silver'" if both else ""))
		out.append("TRUNCATE expected;")
		rows = self.expected()
		if rows:
			out.append("INSERT INTO expected VALUES")
			out.append(",\n".join("(%s, %s, %s, %s, %d, %s)" % (
				"NULL" if r[0] is None else r[0], ", ".join(self.literal(v) for v in r[1:6]), self.since(r[6]), self.until(r[7]), r[8], r[9])
				for r in rows) + ";")
		label = self.label().replace("'", "''")
		sequenced = str(self.sequenced).lower()
		out += ["\\o", f"SELECT pg_temp.check_seed('{name}', '{label}', {sequenced});"]
		for number, order in enumerate(self.replays(), 1):
			again = f"{name}_{number}"
			out += ["\\o /dev/null", self.create(again, self.options)]
			for f in order:
				out.append(self.put(again, f))
				out.append("SELECT pg_temp.play('%s', 1, ARRAY['bronze'%s]);" % (
					again, ", 'silver'" if f is order[-1] or self.random.random() < 0.7 else ""))
			out += ["\\o", f"SELECT pg_temp.check_replay('{again}', '{label}', {sequenced});"]
		return "\n".join(out)

	def since(self, value):
		return "'%s'" % self.time(value) if self.sequenced else "'%d'" % value

	def until(self, value):
		if value is not None:
			return self.since(value)
		return "'%s'" % self.options["valid_to"] if "valid_to" in self.options else "NULL"

	def replays(self):
		"""The files that count at the end in other orders, where arrival may not matter."""
		counting = list(self.counting())
		if not self.sequenced or len({f.path for f in counting}) < len(counting) or self.width(counting) != self.width(self.files):
			return []
		return [self.random.sample(counting, len(counting)) for _ in range(REPLAYS)] if counting else []


if __name__ == "__main__":
	first, last, *kept = map(int, sys.argv[1:])
	for seed in [*range(first, last + 1), *kept]:
		print(Scenario(seed).script())
