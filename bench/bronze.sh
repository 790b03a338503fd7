#!/bin/bash
# From file to committed bronze rows, beside COPY and the fastest readers there are.
#
#   bench/bronze.sh                       200 MB of CSV, five rounds, medians and ratios
#   ROWS=7000000 bench/bronze.sh          1 GB
#   FORMATS="csv two" bench/bronze.sh     some of: csv xlsx xls ods json two
#
# Ours is the whole way: hash of the content, every cell decoded, rows with file, sheet, row number, run
# and what was rescued, types inferred, ledger and log, commit.  COPY reads the same CSV into a table of the
# same text columns, logged, on the same server; the other peers parse, or load a database of their own.
# One thread each; rounds run all of them in turn.  Seconds of the clock and of the processor are both
# given: on a busy machine only the second means much.  Memory is the process's peak, of ours and COPY's
# that of the backend beyond shared buffers.
#
# Needs gcc, libxlsxwriter-dev and python3.  Peers are measured where they can be had: calamine with cargo,
# DuckDB with pip.  They and the files go to bench/.peers, which git ignores.

. "$(dirname "$0")/lib.sh"

rows=${ROWS:-1400000}
runs=${RUNS:-5}
formats=${FORMATS:-csv xlsx xls ods json two}
book_rows=$((rows / 14 > 0 ? rows / 14 : 1))	# xls, ods: as many as people have
here=$project/bench/bronze
peers=$project/bench/.peers
files=$peers/files-$rows
mkdir -p "$files" && cd "$peers" || exit 1

use_server medallion_bench

build_peers()
{
	mkdir -p any/src && cp "$here/calamine.rs" any/src/main.rs
	printf '[package]\nname = "calamine_any"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\ncalamine = "0.36"\n' >any/Cargo.toml
	printf '[profile.release]\nlto = true\ncodegen-units = 1\n' >>any/Cargo.toml
	(cd any && cargo build -q --release) 2>/dev/null || say "without calamine"
	[ -d python ] || { python3 -m venv python && python/bin/pip install -q duckdb xlwt; } >/dev/null 2>&1 || say "without DuckDB, and without xls"
}

# make_file FORMAT: the file that is loaded, once.
make_file()
{
	local file=$files/ledger.$1 small=$files/small.csv

	[ -s "$file" ] && return 0
	./generate_text "$book_rows" csv >"$small"
	case $1 in
		csv | json) ./generate_text "$rows" "$1" >"$file" ;;
		xlsx) ./generate_book "$file" $((rows < 1000000 ? rows : 1000000)) shared ;;
		xls | ods) python/bin/python "$here/workbook.py" "$small" "$file" ;;
	esac
}

# Prints what a session has used so far: "clock cpu peak_kB waited_for_a_core" as SQL over its own /proc entry.
used="SELECT extract(epoch FROM clock_timestamp()), (f[12]::numeric + f[13]::numeric) / 100,
	substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+)')::int - substring(pg_read_file('/proc/self/status') FROM 'RssShmem:\s+(\d+)')::int,
	split_part(pg_read_file('/proc/self/schedstat'), ' ', 2)::numeric / 1e9
	FROM string_to_array(split_part(pg_read_file('/proc/self/stat'), ') ', 2), ' ') f"

# in_session SQL: runs it in a backend of its own; prints "seconds cpu_seconds peak_kB seconds_with_a_core_to_itself".
in_session()
{
	printf '%s;\n' "SELECT 1" "$used" "$1" "$used" | sql -F ' ' -v ON_ERROR_STOP=1 |
		awk 'NF == 4 { n++; for (i = 1; i <= 4; i++) v[n, i] = $i } END { t = v[2, 1] - v[1, 1]; printf "%.3f %.3f %d %.3f\n", t, v[2, 2] - v[1, 2], v[2, 3], t - v[2, 4] + v[1, 4] }'
}

# new_feature NAME FILE: a feature that has loaded nothing, on a server with nothing to write.
new_feature()
{
	sql -c "SELECT medallion.drop_feature('$1', true) FROM medallion.features WHERE name = '$1'" \
		-c "SELECT medallion.create_feature('$1', ARRAY['$2'])" -c CHECKPOINT >/dev/null
}

load()
{
	echo "DO 'BEGIN PERFORM medallion.run_pipeline(''{$1}'', ''{bronze}''); END'"
}

# run READER FORMAT: prints "seconds cpu_seconds peak_kB", nothing where there is no such peer.
run()
{
	local file=$files/ledger.$2

	case $1 in
		ours)
			new_feature "ledger_$2" "$file"
			in_session "$(load "ledger_$2")"
			;;
		copy)
			sql -c "DROP TABLE IF EXISTS copied" -c "CREATE TABLE copied ($(head -1 "$file" | sed 's/,/ text, /g') text)" -c CHECKPOINT
			in_session "COPY copied FROM '$file' WITH (FORMAT csv, HEADER)"
			;;
		calamine) [ ! -x any/target/release/calamine_any ] || python3 "$here/measure.py" any/target/release/calamine_any "$file" ;;
		duckdb) [ ! -x python/bin/python ] || python/bin/python "$here/measure.py" python/bin/python "$here/duckdb_load.py" "$file" "$files/duck" ;;
	esac
}

# report FORMAT READER...: medians, and ours as a multiple of each.
report()
{
	local format=$1 reader
	shift

	echo "$format: $(du -h "$files/ledger.$format" | cut -f1), $(sql -c "SELECT count(*) FROM bronze.ledger_$format") rows; medians of $runs"
	for reader in "$@"; do
		[ -s "times-$reader" ] || continue
		awk -v reader="$reader" -v wall="$(awk '{ print $1 }' "times-$reader" | median)" -v cpu="$(awk '{ print $2 }' "times-$reader" | median)" \
			-v peak="$(awk '{ print $3 }' "times-$reader" | median)" -v ours="$(awk '{ print $1 }' times-ours | median)" \
			-v ours_cpu="$(awk '{ print $2 }' times-ours | median)" \
			'BEGIN { printf "  %-9s %7.2f s  %7.2f s of processor  %6.0f MB;  ours / it: %5.2f  %5.2f\n", reader, wall, cpu, peak / 1024, ours / wall, ours_cpu / cpu }'
	done
}

# compare FORMAT PEER...
compare()
{
	local format=$1 reader
	shift

	make_file "$format" || { echo "$format: no file could be made"; return; }
	rm -f times-*
	for _ in $(seq "$runs"); do
		for reader in ours "$@"; do
			run "$reader" "$format" >>"times-$reader" || return 1
		done
	done
	report "$format" ours "$@"
}

# Two sessions, each with a file of its own, beside one: twice the work in how much of the time?  Other work on the
# cores makes that less; so it is also told what is left when the time is taken off in which a session could have run
# and had no core.  Too little even so: who waits for a lock may wait for one whose holder has no core.
two_sessions()
{
	local start

	make_file csv
	rm -f times-*
	cp "$files/ledger.csv" "$files/second.csv"
	for _ in $(seq "$runs"); do
		run ours csv >>times-one
		new_feature ledger_csv "$files/ledger.csv"
		new_feature second "$files/second.csv"
		start=$(date +%s.%N)
		in_session "$(load second)" >times-second &
		in_session "$(load ledger_csv)" >times-first
		wait $!
		echo "$(date +%s.%N) $start" | awk '{ print $1 - $2 }' >>times-both
		awk '$4 > most { most = $4 } END { print most }' times-first times-second >>times-apart
	done
	awk -v one="$(awk '{ print $1 }' times-one | median)" -v both="$(median <times-both)" \
		-v alone="$(awk '{ print $4 }' times-one | median)" -v apart="$(median <times-apart)" \
		'BEGIN { printf "two sessions on two files: %.2f s, one on one: %.2f s; speed-up %.2f; with a core each %.2f s, %.2f s: %.2f\n", both, one, 2 * one / both, apart, alone, 2 * alone / apart }'
}

gcc -O2 "$here/generate.c" -o generate_text || die "the generator could not be built"
gcc -O2 "$project/bench/readers/generate.c" -o generate_book -lxlsxwriter || say "without xlsx: is libxlsxwriter-dev there?"
build_peers
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE"
sql -c "CREATE EXTENSION medallion"
chmod -R go+rX "$peers"
for format in $formats; do
	case $format in
		csv) compare csv copy duckdb ;;
		json) compare json duckdb ;;
		two) two_sessions ;;
		*) compare "$format" calamine ;;
	esac
done
sql -d postgres -c "DROP DATABASE $PGDATABASE WITH (FORCE)"
