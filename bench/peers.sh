#!/bin/bash
# The same pipelines, files to gold, in medallion and in what else is used for them; one table of ratios.
#
#   bench/peers.sh                     retail: nested workbooks of 13 months, to gold; then ten days, a workbook each, 1 % of all lines corrected
#   bench/peers.sh retail 10           ten times as many files; 0.1: a tenth of the months
#   bench/peers.sh store 0.1           receipts as JSON, 0.1 GB, to gold; then the next four hours, 1 % of them corrections
#   DAYS=3 bench/peers.sh              three days, not ten
#   RUNS=5 PEERS="polars_delta duckdb_file" bench/peers.sh
#   SERVER=here bench/peers.sh         on the server of PGHOST and PGPORT, with the extension installed there
#
# A peer is a file of bench/peers/; it keeps bronze, silver with its history, and four gold tables.  One process does all steps of a round, so that
# importing its libraries, and starting Spark, is in no step's time; medallion's sessions are new ones each.  Processor is that of the process
# and its children, and of the server with all its backends.  No time counts before every row of gold, and the numbers of
# versions in silver, are equal to ours after the first run and after the last.  Peers go to bench/.peers, which git ignores; one that cannot be had is left out.

. "$(dirname "$0")/lib.sh"

pipeline=${1:-retail}
scale=${2:-$([ "$pipeline" = retail ] && echo 1 || echo 0.1)}
runs=${RUNS:-3}
others=${PEERS:-polars_delta duckdb_file spark_delta pandas_dbt}
here=$project/bench/peers
peers=$project/bench/.peers
tree=${MEDALLION_SHARED:-$project/../shared}/data/retail_tree
work=$(mktemp -d "${TMPDIR:-/tmp}/peers.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
for jvm in /usr/lib/jvm/java-17-openjdk-*; do
	[ -n "${JAVA_HOME:-}" ] || [ ! -d "$jvm" ] || export JAVA_HOME=$jvm
done

# The environment of Python that a peer runs in.
environment()
{
	case $1 in
		spark_delta) echo spark ;;
		pandas_dbt) echo dbt ;;
		*) echo pipelines ;;
	esac
}

# Installs an environment, unless it is there.
get()
{
	local python=$peers/$1/bin/python packages

	case $1 in
		spark) packages="pyspark==3.5.* delta-spark==3.3.* setuptools pandas<3 pyarrow<18 python-calamine" ;;
		dbt) packages="dbt-core>=1.9,<1.11 dbt-postgres>=1.9,<1.10 pandas openpyxl" ;;
		*) packages="polars fastexcel deltalake duckdb openpyxl pyarrow" ;;
	esac
	[ "$1" != spark ] || "${JAVA_HOME:-/usr}/bin/java" -version >/dev/null 2>&1 || return 1
	[ -f "$peers/$1/peers" ] && return
	mkdir -p "$peers"
	[ -x "$python" ] || python3 -m venv "$peers/$1" || return 1
	# shellcheck disable=SC2086
	"$python" -m pip install -q $packages >/dev/null 2>&1 && touch "$peers/$1/peers"
}

# A round of a peer: all its steps on a fresh copy of the files.
round()
{
	local peer=$1

	rm -rf "$work/$peer" && mkdir "$work/$peer" && cp -R "$work/made/files" "$work/$peer/" && mkdir "$work/$peer/lake"
	chmod -R a+rX "$work/$peer"
	"$peers/$(environment "$peer")/bin/python" "$here/$peer.py" "$pipeline" "$work/$peer/files" "$work/made/later" "$work/$peer/lake" >"$work/log" 2>&1 ||
		{ grep -E -m 5 '(Error|Exception)\b' "$work/log" | cut -c1-300 >&2; tail -5 "$work/log" >&2; return 1; }
	awk -v peer="$peer" '{ s[$1] += $2; c[$1] += $3; n[$1]++ } END { for (step in s) print peer, step, s[step] / n[step], c[step] / n[step] }' "$work/$peer/lake/times" |
		sort | tee -a "$work/times" >&2
}

# Every row of gold, and the numbers of versions, as ours.
compare()
{
	local step

	for step in first last; do
		rows=$("$peers/pipelines/bin/python" "$here/compare.py" "$work/medallion/lake/$step.tsv" "$work/$1/lake/$step.tsv") || die "$1: the $step totals differ: no times"
	done
}

# of PEER STEP FIELD: a median over the rounds.
of()
{
	awk -v peer="$1" -v step="$2" -v field="$3" '$1 == peer && $2 == step { print $field }' "$work/times" | median
}

[ "$pipeline" != retail ] || [ -d "$tree" ] || { echo "skipped: $tree is not there"; exit 0; }
get pipelines || die "no Python packages: nothing to compare with"
compared=
for peer in $others; do
	if get "$(environment "$peer")"; then compared+=" $peer"; else echo "skipped: $peer, which could not be installed"; fi
done
use_server medallion_bench_peers
PEER_SERVER=$(sql -d postgres -c "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")
export PEER_SERVER
"$peers/pipelines/bin/python" "$here/sales_files.py" "$pipeline" "$tree" "$work/made" "$scale" "${DAYS:-10}" || die "the files could not be made"
chmod -R a+rX "$work/made"

for ((i = 0; i < runs; i++)); do
	for peer in medallion $compared; do
		sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE TEMPLATE template0 ENCODING 'UTF8'" -c CHECKPOINT
		round "$peer" || die "$peer failed"
		[ "$peer" = medallion ] || compare "$peer"
	done
done

printf '%s x %s: %s files, %s; then %s files more, one at a time; medians of %s rounds, seconds by the clock and of the processor; %s cores, load %s, fsync %s\n\n' \
	"$pipeline" "$scale" "$(find "$work/made/files" -type f | wc -l)" "$(du -sh "$work/made/files" | cut -f1)B" "$(find "$work/made/later" -type f | wc -l)" \
	"$runs" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)" "$(sql -d postgres -c 'SHOW fsync')"
printf '%-10s %-14s %10s %10s %10s %11s %10s %10s\n' "" beside medallion it "it / ours" processor "of it" "it / ours"
for step in first increment; do
	for peer in $compared; do
		awk -v step="$step" -v peer="$peer" -v a="$(of medallion "$step" 3)" -v b="$(of "$peer" "$step" 3)" -v c="$(of medallion "$step" 4)" -v d="$(of "$peer" "$step" 4)" \
			'BEGIN { printf "%-10s %-14s %10.2f %10.2f %10.2f %11.2f %10.2f %10.2f\n", step, peer, a, b, b / a, c, d, d / c }'
	done
done
echo
for peer in medallion $compared; do
	printf '%-25s %10s MB of memory at most%s\n' "$peer" "$(of "$peer" memory 3)" "$([ "$peer" != medallion ] || echo ', its session, beyond shared_buffers')"
done
[[ $compared != *spark* ]] || printf '\nSpark took %s s more to start\n' "$(of spark_delta start 3)"
printf '\n%s values of gold and numbers of versions equal in all\n' "${rows:-no}"
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
