#!/bin/bash
# A server under valgrind, with PostgreSQL's suppressions, and pgTAP tests on it; prints what valgrind complains
# about, status 1 if anything.
#
#   test/valgrind.sh                  the readers, and a small pipeline through silver and gold
#   test/valgrind.sh NAME...          test/pgtap/NAME.sql of each;  ALL for all, which takes hours
#
# The server is test/debug_server.sh's, whose palloc tells valgrind of every chunk: Debian's would show
# only what goes wrong beyond the blocks that palloc asks the system for.  The log is in .debug/valgrind/.

. "$(dirname "$0")/lib.sh"
command -v valgrind >/dev/null || die "needs valgrind (Debian: valgrind)"
tests=${*:-reading conformance push evolution gold_incremental}
[ "$tests" != ALL ] || tests=$(cd "$project/test/pgtap" && printf '%s\n' *.sql | sed 's/\.sql$//' | grep -vx setup)
tree=$(bash "$project/test/debug_server.sh" tree | tail -n 1) && [ -d "$tree" ] || exit 1
PG_CONFIG=$(bash "$project/test/debug_server.sh" | tail -n 1)
export PG_CONFIG
bindir=$("$PG_CONFIG" --bindir)
home=${tree%/*}/valgrind
shared=${MEDALLION_SHARED:-$(cd "$project/../shared" 2>/dev/null && pwd)}

start_server()
{
	rm -rf "$home"
	mkdir -p "$home/logs" "$home/scratch" && chown -R "$(server_user)" "$home" && chmod 777 "$home/scratch"
	as_server_user "$bindir/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C >"$home/initdb.log" || return 1
	as_server_user tee -a "$home/data/postgresql.conf" >/dev/null <<-SETTINGS
		listen_addresses = ''
		unix_socket_directories = '$home'
		timezone = 'UTC'
		autovacuum = off
		fsync = off
		max_worker_processes = 16
		authentication_timeout = 600
		wal_sender_timeout = 0
	SETTINGS
	as_server_user valgrind -q --leak-check=no --track-origins=${ORIGINS:-no} --error-markers=VALGRIND-BEGIN,VALGRIND-END \
		--gen-suppressions=all --time-stamp=yes --trace-children=yes --num-callers=25 \
		--suppressions="${PG_CONFIG%/bin/*}/valgrind.supp" \
		--log-file="$home/logs/%p.log" "$bindir/postgres" -D "$home/data" >"$home/server.log" 2>&1 &
	export PGHOST=$home PGPORT=5432 PGUSER=postgres PATH=$bindir:$PATH
	for _ in $(seq 300); do
		pg_isready -q -t 60 && return
		sleep 1
	done
	die "the server does not start; its log is $home/server.log"
}

stop_server()
{
	as_server_user "$bindir/pg_ctl" -D "$home/data" -m fast -t 600 -s stop
}

# A thousand functions take minutes here: they are made once, and copied.
make_template()
{
	psql -X -q -d postgres -c 'CREATE DATABASE extended' &&
		psql -X -q -v ON_ERROR_STOP=1 -d extended -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION medallion'
}

# One pgTAP file in a database of its own; prints what is not ok.
run_test()
{
	local file=$tree/test/pgtap/$1.sql

	psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS valgrind' -c 'CREATE DATABASE valgrind TEMPLATE extended' 2>/dev/null &&
		PGOPTIONS='-c client_min_messages=warning' psql -X -d valgrind -v project="$tree" -v shared="$shared" \
			-v scratch="$home/scratch" -f "$file" >"$home/$1.out" 2>&1
	grep -aE '^not ok|^psql:.*(ERROR|FATAL)|server closed' "$home/$1.out"
	grep -aq '^ok' "$home/$1.out" || silent="$silent $1"
	say "$1: $(grep -ac '^ok' "$home/$1.out") ok, $(grep -ac '^not ok' "$home/$1.out") not ok ($SECONDS s)"
}

# What valgrind said, of all processes.
complaints()
{
	cat "$home"/logs/*.log | sed -n '/VALGRIND-BEGIN/,/VALGRIND-END/p'
}

make --no-print-directory -s -C "$tree" PG_CONFIG="$PG_CONFIG" install >"${tree%/*}/tree.log" 2>&1 ||
	{ tail -n 20 "${tree%/*}/tree.log"; die "the extension was not built"; }
start_server || die "no server"
trap stop_server EXIT
make_template || die "the extensions cannot be created; the log is $home/server.log"
silent=
for test in $tests; do
	run_test "$test"
done
trap - EXIT
stop_server
found=$(complaints | grep -c VALGRIND-BEGIN)
[ "$found" = 0 ] || complaints | head -n 400
say "valgrind complains $found times; all of it is in $home/logs"
grep -alE 'TRAP:|PANIC' "$home/server.log" >/dev/null && { grep -aE 'TRAP:|PANIC' "$home/server.log"; exit 1; }
[ -z "$silent" ] || say "nothing was tested by$silent"
[ "$found" = 0 ] && [ -z "$silent" ]
