#!/bin/bash
# The CSV pollution benchmark (HPI-Information-Systems/Pollock): 2,290 spoilt files, each of which
# the file layer reads without being told anything, and the benchmark's own measures of the result.
#
#   bench/pollock.sh                   fetches the benchmark to bench/.pollock (git ignores it)
#   POLLOCK=/a/checkout bench/pollock.sh
#
# It has no licence: nothing of it may be committed.  Needs git, python3 with venv, and the network
# once, for the benchmark and for the modules that its measures import.

cd "$(dirname "$0")/.." || exit 1
work=bench/.pollock
pollock=${POLLOCK:-$work/benchmark}
python=$work/venv/bin/python
driver=$work/pollock
libraries="-lminizip -lz -lexpat -lm"

die()
{
	echo "$*" >&2
	exit 1
}

# Only what is needed: the results of other systems in it take gigabytes.
fetch_benchmark()
{
	git clone -q --depth 1 --filter=blob:none --no-checkout \
		https://github.com/HPI-Information-Systems/Pollock "$pollock" &&
		git -C "$pollock" sparse-checkout set --no-cone /pollock /polluted_files /survey_sample /pollock_weights.json &&
		GIT_LFS_SKIP_SMUDGE=1 git -C "$pollock" checkout -q
}

mkdir -p "$work"
[ -d "$pollock/polluted_files" ] || fetch_benchmark || die "the benchmark could not be fetched"
if ! "$python" -c 'import multiset' 2>/dev/null; then
	python3 -m venv "$work/venv" &&
		"$work/venv/bin/pip" install -q numpy joblib chardet multiset price-parser python-dateutil ||
		die "the modules of the benchmark's measures could not be installed"
fi
${CC:-gcc} -O2 -D_GNU_SOURCE -Wall -Wextra -Isrc src/file/*.c bench/pollock.c -o "$driver" $libraries ||
	die "the driver could not be built"

rm -rf "$work/converted" && mkdir -p "$work/converted" "$work/survey"
"$driver" "$work/converted" "$pollock"/polluted_files/csv/*.csv >"$work/detected"
"$driver" "$work/survey" "$pollock"/survey_sample/csv/* >"$work/survey_detected"
exec "$python" bench/pollock.py "$pollock" "$work"
