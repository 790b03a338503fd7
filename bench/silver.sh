#!/bin/bash
# Silver beside those who do the same, and beside the least that could be done; ratios within one run.
#
#   bench/silver.sh                       1,000,000 rows, three rounds of everything
#   bench/silver.sh 5000000               as many
#   PARTS="merge hash" bench/silver.sh    some of: merge incremental checks profile hash parallel spark; growth and deequ must be asked for
#   SERVER=here bench/silver.sh           on the server of PGHOST and PGPORT, with the extension installed there
#
# merge        full extract of ten columns, 1 % changed, 1 % new, 0.1 % gone: medallion.scd2_merge() beside dbt's snapshot,
#              and beside an anti-join of the two tables that writes the rows it finds
# incremental  100,000 changed rows into a history of ROWS rows, and of ten times as many
# checks       a feature with twenty row-local checks beside the same without
# profile      profile() of 14 columns beside count, min, max and avg of each
# hash         row_hash() of ten columns beside a function that adds up their bytes, md5(row::text), sha256(row::text)
# parallel     a merge and a load with two workers for each query beside none
# spark        Delta Lake's MERGE of the same, by Spark on two cores
# growth       the merge of ten times as many rows
# deequ        profile() of 14 columns beside PyDeequ's VerificationSuite for the same metrics of Parquet, by Spark on two cores;
#              its first round is not counted; by the clock, and ours with two parallel workers too
#
# Competitors take turns within a round; medians over the rounds.  Seconds of the clock and of the processor are
# both given, and ratios are of the second: on a busy machine only that means much.  Each session has one process,
# without parallel workers, so that its own account is all that it used; but for the part that asks for them.  work_mem is 100 bytes for each row.
# No time counts before the results of merges, snapshots, loads and profiles are equal; the anti-join and the sum of bytes are only the least that could be done.
#
# Peers go to bench/.peers, which git ignores.  Needs python3 for dbt, and java for Spark,
# which fetches Delta Lake and Deequ from Maven Central.

. "$(dirname "$0")/lib.sh"

rows=${1:-1000000}
runs=${RUNS:-3}
parts=${PARTS:-merge incremental checks profile hash parallel spark}
here=$project/bench/silver
peers=$project/bench/.peers
work=$peers/silver
mkdir -p "$work"
use_server medallion_bench_silver
PGOPTIONS+=" -c max_parallel_workers_per_gather=0 -c jit=off -c work_mem=$((rows < 640000 ? 64 : rows / 10000))MB"

# Prints what a session has used so far: "clock cpu" as SQL over its own /proc entry.
used="SELECT extract(epoch FROM clock_timestamp()), (f[12]::numeric + f[13]::numeric) / 100
	FROM string_to_array(split_part(pg_read_file('/proc/self/stat'), ') ', 2), ' ') f"

# in_session FILE: runs its statements in a backend of its own; prints "seconds cpu_seconds".
in_session()
{
	{ echo "$used;"; cat "$1"; echo "$used;"; } | sql -F ' ' |
		awk 'NF == 2 && $1 ~ /^[0-9.]+$/ { n++; s[n] = $1; c[n] = $2 } END { printf "%.3f %.3f\n", s[n] - s[1], c[n] - c[1] }'
}

# timed SQL: the same of one statement.
timed()
{
	printf '\\o /dev/null\n%s;\n\\o\n' "$1" >"$work/timed.sql"
	in_session "$work/timed.sql"
}

# compete NAME...: rounds of run_NAME in turn, each printing "seconds cpu"; keeps the medians in seconds[] and cpu[].
declare -A seconds cpu
compete()
{
	local name round

	for name; do : >"$work/$name.times"; done
	for ((round = 0; round < runs; round++)); do
		for name; do "run_$name" >>"$work/$name.times" || die "$name failed"; done
	done
	for name; do
		seconds[$name]=$(cut -d' ' -f1 "$work/$name.times" | median)
		cpu[$name]=$(cut -d' ' -f2 "$work/$name.times" | median)
	done
}

# line TITLE NAME [BASE]: a line of the result; with the ratio of the processor's seconds, those of BASE as 1.
line()
{
	local ratio=

	[ -z "${3:-}" ] || ratio=$(awk -v a="${cpu[$2]}" -v b="${cpu[$3]}" 'BEGIN { printf "%.2f", a / b }')
	printf '  %-58s %9.2f s %9.2f s  %s\n' "$1" "${seconds[$2]}" "${cpu[$2]}" "$ratio"
}

# by_clock TITLE NAME [BASE]: a line whose ratio is that of the clock.
by_clock()
{
	local ratio=

	[ -z "${3:-}" ] || ratio=$(awk -v a="${seconds[$2]}" -v b="${seconds[$3]}" 'BEGIN { printf "%.2f", a / b }')
	printf '  %-58s %9.2f s %9.2f s  %s\n' "$1" "${seconds[$2]}" "${cpu[$2]}" "$ratio"
}

title()
{
	printf '\n%-60s %11s %11s  %s\n' "$1" clock processor "of the processor"
}

# equal WHAT SQL: SQL must give 0, the rows that differ.
equal()
{
	local differing

	differing=$(sql -c "$2") || die "$1: cannot compare"
	[ "$differing" = 0 ] || die "$1: $differing rows differ"
}

# restore TABLE: as it was kept, indexes too, with nothing left to write.
restore()
{
	sql -c "DROP TABLE IF EXISTS bench.$1" -c "CREATE TABLE bench.$1 (LIKE bench.$1_kept INCLUDING ALL)" \
		-c "INSERT INTO bench.$1 TABLE bench.$1_kept" -c "VACUUM ANALYZE bench.$1" -c CHECKPOINT
}

keep()
{
	sql -c "DROP TABLE IF EXISTS bench.$1_kept" -c "CREATE TABLE bench.$1_kept (LIKE bench.$1 INCLUDING ALL)" \
		-c "INSERT INTO bench.$1_kept TABLE bench.$1"
}

columns='id, name, email, city, segment, balance, orders, born, registered, active'

for part in $parts; do
	. "$here/$part.sh"
done
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE"
sql -c "CREATE EXTENSION medallion"
sql -v rows="$rows" -f "$here/tables.sql" || die "no tables"
printf '%s rows, medians of %s rounds, PostgreSQL %s\n' "$rows" "$runs" "$(pg_major)"
for part in $parts; do
	"part_$part"
done
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
