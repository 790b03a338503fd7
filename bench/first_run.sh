#!/bin/bash
# The whole first run over retail_tree beside COPY of the same rows, on a private scratch server.
#
#   bench/first_run.sh          three runs of each, medians and ratios
#   RUNS=5 bench/first_run.sh   more of them
#   PERF=1 bench/first_run.sh   and a profile of one more first run
#
# Needs the extension installed; MEDALLION_SHARED (default ../shared) holds data/retail_tree.

. "$(dirname "$0")/../test/lib.sh"

: "${MEDALLION_SHARED:=$project/../shared}" "${RUNS:=3}" "${PERF:=}"
tree=$MEDALLION_SHARED/data/retail_tree/sales
bindir=$("$PG_CONFIG" --bindir)
port=54331
tables='cash_invoices credit_notes summaries'

[ -d "$tree" ] || { say "no $tree: nothing is measured"; exit 0; }
[ -e "$("$PG_CONFIG" --pkglibdir)/medallion.so" ] || die "the extension is not installed; 'make install' does it"

# --- the server ---

scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/medallion_bench.XXXXXX") || exit 1

clean_up()
{
	[ ! -e "$scratch/data/postmaster.pid" ] ||
		as_server_user "$bindir/pg_ctl" -D "$scratch/data" -m immediate -w -s stop
	rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

start_server()
{
	chown "$(server_user)" "$scratch" && chmod 755 "$scratch" || exit 1
	as_server_user "$bindir/initdb" -D "$scratch/data" -U postgres -A trust -E UTF8 --locale=C \
		>"$scratch/initdb.log" 2>&1 || { cat "$scratch/initdb.log"; die "initdb failed"; }
	# Autovacuum is off, for it would take part at random; everything else as a small real server.
	as_server_user tee -a "$scratch/data/postgresql.conf" >/dev/null <<-SETTINGS
		listen_addresses = ''
		port = $port
		unix_socket_directories = '$scratch'
		shared_buffers = 256MB
		work_mem = 64MB
		maintenance_work_mem = 256MB
		max_wal_size = 4GB
		checkpoint_timeout = 1h
		autovacuum = off
		timezone = 'UTC'
		client_min_messages = warning
	SETTINGS
	as_server_user "$bindir/pg_ctl" -D "$scratch/data" -l "$scratch/log" -w -s start ||
		{ tail "$scratch/log"; die "the scratch server does not start"; }
	export PGHOST=$scratch PGPORT=$port PGUSER=postgres PGDATABASE=bench
	unset PGOPTIONS PGSERVICE
}

ask()
{
	"$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

# The tree, where the server's user can read it.
open_tree()
{
	as_server_user test -r "$tree" && return
	cp -a "$tree" "$scratch/tree" && chmod -R a+rX "$scratch/tree" || die "cannot copy $tree"
	tree=$scratch/tree
}

# --- what is measured ---

new_database()
{
	ask -d postgres -c 'DROP DATABASE IF EXISTS bench WITH (FORCE)' -c 'CREATE DATABASE bench' || exit 1
	ask -c 'CREATE EXTENSION medallion' -c "SELECT medallion.create_feature(name, ARRAY['$tree/' || source || '/**/*.xlsx'], keys)
		FROM (VALUES ('cash_invoices', 'cash_invoices/detailed', ARRAY['document_number', 'trn_date', 'line_no']),
					 ('credit_notes', 'credit_notes/detailed', ARRAY['document_number', 'trn_date', 'line_no']),
					 ('summaries', 'cash_invoices/summarized', ARRAY['document_number', 'trn_date'])) f (name, source, keys)" \
		>/dev/null || exit 1
	ask -c CHECKPOINT
}

# The four gold tables; their features must be in silver already.
install_pack()
{
	ask -c "SELECT medallion.install_sales_pack(ARRAY['cash_invoices', 'credit_notes'])" >/dev/null 2>"$scratch/pack_error" ||
		pack="without gold: $(head -n 1 "$scratch/pack_error")"
}

# Runs statements in one session; prints "seconds rss_anon_kb rss_shmem_kb hwm_kb", the highest seen.
# The process is looked at twenty times a second: VmHWM counts the shared buffers it touched too,
# RssAnon is its own memory alone.
watched()
{
	local fifo=$scratch/pid status
	rm -f "$fifo" "$scratch/seconds" "$scratch/peak"
	"$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 -o /dev/null <<-END 2>"$scratch/error" &
		\o $fifo
		SELECT pg_backend_pid();
		\o $scratch/began
		SELECT extract(epoch FROM clock_timestamp());
		\o /dev/null
		$1
		\o $scratch/ended
		SELECT extract(epoch FROM clock_timestamp());
	END
	status=$!
	sample_memory "$fifo" "$status" >"$scratch/peak"
	wait "$status" || { cat "$scratch/error" >&2; die "a measured statement failed"; }
	echo "$(awk -v a="$(cat "$scratch/began")" -v b="$(cat "$scratch/ended")" 'BEGIN { printf "%.6f", b - a }') $(cat "$scratch/peak")"
}

sample_memory()
{
	local fifo=$1 client=$2 backend anon=0 shmem=0 hwm=0 a s h key value

	until [ -s "$fifo" ] || ! kill -0 "$client" 2>/dev/null; do sleep 0.01; done
	backend=$(cat "$fifo")
	while kill -0 "$client" 2>/dev/null && [ -n "$backend" ]; do
		a=0 s=0 h=0
		while read -r key value _; do
			case $key in
				VmHWM:) h=$value ;;
				RssAnon:) a=$value ;;
				RssShmem:) s=$value ;;
			esac
		done 2>/dev/null <"/proc/$backend/status"
		[ "$a" -le "$anon" ] || anon=$a
		[ "$s" -le "$shmem" ] || shmem=$s
		[ "$h" -le "$hwm" ] || hwm=$h
		sleep 0.05
	done
	echo "$anon $shmem $hwm"
}

# Column n of the lines' median.
median()
{
	awk -v column="$1" '{ print $column }' "$2" | sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

# Elapsed seconds of each layer, from the log: bronze and silver of the first run, gold of the one that
# made the models' tables.
layers()
{
	ask -F ' ' -c "SELECT layer, sum(extract(epoch FROM completed_at - started_at)) FROM etl_logs.pipeline_runs
		WHERE status <> 'UNCHANGED' GROUP BY 1 ORDER BY 1"
}

first_runs()
{
	local i

	for ((i = 1; i <= RUNS; i++)); do
		new_database
		watched "SELECT * FROM medallion.run_pipeline();" >>"$scratch/first" || exit 1
		install_pack
		watched "SELECT * FROM medallion.run_pipeline();" >>"$scratch/gold" || exit 1
		layers | while read -r layer seconds; do echo "$seconds" >>"$scratch/layer_$layer"; done
		watched "SELECT * FROM medallion.run_pipeline();" >>"$scratch/second" || exit 1
	done
	failed=$(ask -c "SELECT count(*) FROM etl_logs.pipeline_runs WHERE status IN ('FAILED', 'PARTIAL')") || exit 1
	[ "$failed" = 0 ] || die "$failed steps of the measured run failed; the times mean nothing"
}

# COPY of the same rows, from CSV, into empty tables of the same shape, in one transaction.
copies()
{
	local i table create='' load=''

	for table in $tables; do
		ask -c "COPY bronze.$table TO '$scratch/data/$table.csv' WITH (FORMAT csv)" || exit 1
		create+="DROP TABLE IF EXISTS copy_of_$table; CREATE TABLE copy_of_$table (LIKE bronze.$table);"
		load+="COPY copy_of_$table FROM '$scratch/data/$table.csv' WITH (FORMAT csv); "
	done
	for ((i = 1; i <= RUNS; i++)); do
		ask -c "$create" -c CHECKPOINT || exit 1
		watched "BEGIN; $load COMMIT;" >>"$scratch/copy" || exit 1
	done
}

# The rows of all tables of a layer.
count_rows()
{
	local table sum=0

	for table in $tables; do
		sum=$((sum + $(ask -c "SELECT count(*) FROM $1.$table")))
	done
	echo "$sum"
}

size_of_tree()
{
	find "$tree" -name '*.xlsx' -printf '%s\n' | awk '{ s += $1 } END { printf "%d files, %.1f MB", NR, s / 1e6 }'
}

# --- the profile ---

profile()
{
	local perf backend client

	perf=$(command -v perf) || { say "no perf here: no profile"; return; }
	new_database
	rm -f "$scratch/pid"
	"$bindir/psql" -X -q -A -t -o "$scratch/pid" -c 'SELECT pg_backend_pid()' -c '\o /dev/null' -c 'SELECT pg_sleep(1)' \
		-c 'SELECT * FROM medallion.run_pipeline()' >/dev/null &
	client=$!
	until [ -s "$scratch/pid" ] || ! kill -0 "$client" 2>/dev/null; do sleep 0.02; done
	backend=$(cat "$scratch/pid")
	"$perf" record -q -g -F 499 -p "$backend" -o "$scratch/perf.data" >"$scratch/perf.log" 2>&1
	wait "$client"
	if [ ! -s "$scratch/perf.data" ]; then
		say "perf cannot record here: $(head -n 1 "$scratch/perf.log")"
		return
	fi
	echo
	echo "Where the time goes: the 15 heaviest symbols of the backend (self time)"
	"$perf" report -i "$scratch/perf.data" --no-children --stdio -g none --percent-limit 0 -F overhead,dso,symbol 2>/dev/null |
		grep -vE '^(#|$)' | head -n 15
	echo "By library:"
	"$perf" report -i "$scratch/perf.data" --no-children --stdio -g none -s dso -F overhead,dso 2>/dev/null |
		grep -vE '^(#|$)' | head -n 6
}

# --- the run ---

pack=
start_server
open_tree
first_runs
copies

rows=$(count_rows bronze) silver=$(count_rows silver)
paste -d ' ' "$scratch/first" "$scratch/gold" | awk '{ print $1 + $5 }' >"$scratch/whole"
first=$(median 1 "$scratch/whole") second=$(median 1 "$scratch/second") copy=$(median 1 "$scratch/copy")

echo "$(ask -c 'SHOW server_version'), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg), medians of $RUNS runs; $(size_of_tree)"
[ -z "$pack" ] || echo "$pack"
printf '%-38s %10.3f s   %s rows in bronze, %s in silver\n' "first run to gold" "$first" "$rows" "$silver"
for layer in bronze silver gold; do
	[ ! -e "$scratch/layer_$layer" ] || {
		seconds=$(median 1 "$scratch/layer_$layer")
		printf '%-38s %10.3f s   %s of it, %s x COPY\n' "  $layer" "$seconds" "$(ratio "$seconds" "$first")" "$(ratio "$seconds" "$copy")"
	}
done
printf '%-38s %10.3f s   the same rows, from CSV, into tables of the same shape\n' "COPY" "$copy"
printf '%-38s %10s     first run : COPY\n' "ratio" "$(ratio "$first" "$copy")"
printf '%-38s %10.3f s   %s of the first\n' "second run, nothing changed" "$second" "$(awk -v a="$second" -v b="$first" 'BEGIN { printf "%.4f", a / b }')"
printf '%-38s %7.1f MB      (COPY: %.1f MB) its own, RssAnon\n' "peak memory of the backend" \
	"$(awk -v k="$(median 2 "$scratch/first")" 'BEGIN { print k / 1024 }')" "$(awk -v k="$(median 2 "$scratch/copy")" 'BEGIN { print k / 1024 }')"
printf '%-38s %7.1f MB      with shared buffers it touched, VmHWM; of them RssShmem %.1f MB\n' "" \
	"$(awk -v k="$(median 4 "$scratch/first")" 'BEGIN { print k / 1024 }')" "$(awk -v k="$(median 3 "$scratch/first")" 'BEGIN { print k / 1024 }')"
[ -z "$PERF" ] || profile
