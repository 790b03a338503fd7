#!/bin/bash
# A server under valgrind, and pgTAP tests on it; prints what valgrind complains
# about, status 1 if anything.
#
#   test/valgrind.sh                  the readers, and a small pipeline through silver and gold
#   test/valgrind.sh NAME...          test/pgtap/NAME.sql of each;  ALL for all, which takes hours
#   test/valgrind.sh --tap [NAME...]  on the installed server, where valgrind knows less; as TAP, in minutes
#
# The server is test/debug_server.sh's, whose palloc tells valgrind of every chunk: Debian's shows of memory
# that is palloc's only what goes wrong beyond the blocks that palloc asks the system for, and what of a block is
# used before anything was written there.  Right as it is: what PostgreSQL's own list has, and for Debian's server
# test/analyze/valgrind.txt.  The log is in .debug/valgrind/.

. "$(dirname "$0")/lib.sh"
installed=
[ "${1:-}" != --tap ] || { installed=yes; shift; }
if ! command -v valgrind >/dev/null; then
	[ -n "$installed" ] || die "needs valgrind (Debian: valgrind)"
	printf 'ok 1 # skip no valgrind\n1..1\n'
	exit
fi
usual="reading conformance push evolution gold_incremental"
[ -z "$installed" ] || usual="reading scd2_merge"
tests=${*:-$usual}
[ "$tests" != ALL ] || tests=$(cd "$project/test/pgtap" && printf '%s\n' *.sql | sed 's/\.sql$//' | grep -vx setup)

# The server of its own, or the one that is there; and the project as built for it.
if [ -z "$installed" ]; then
	tree=$(bash "$project/test/debug_server.sh" tree | tail -n 1) && [ -d "$tree" ] || exit 1
	PG_CONFIG=$(bash "$project/test/debug_server.sh" | tail -n 1)
	export PG_CONFIG
	home=${tree%/*}/valgrind
	suppressions=--suppressions=${PG_CONFIG%/bin/*}/valgrind.supp
else
	tree=$project
	home=$(bash "$project/test/server.sh" home)/valgrind
	suppressions=--suppressions=$project/test/analyze/valgrind.txt
fi
bindir=$("$PG_CONFIG" --bindir)
shared=${MEDALLION_SHARED:-$(cd "$project/../shared" 2>/dev/null && pwd)}

start_server()
{
	rm -rf "$home"
	mkdir -p "$home/logs" "$home/scratch" && chown -R "$(server_user)" "$home" && chmod 777 "$home/scratch"
	as_server_user "$bindir/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C >"$home/initdb.log" || return 1
	as_server_user tee -a "$home/data/postgresql.conf" >/dev/null <<-SETTINGS
		listen_addresses = ''
		port = 5432
		unix_socket_directories = '$home'
		timezone = 'UTC'
		autovacuum = off
		fsync = off
		max_worker_processes = 16
		authentication_timeout = 600
		wal_sender_timeout = 0
	SETTINGS
	as_server_user valgrind -q --leak-check=no --track-origins=${ORIGINS:-no} --error-markers=VALGRIND-BEGIN,VALGRIND-END \
		--gen-suppressions=all --time-stamp=yes --trace-children=yes --num-callers=40 \
		"$suppressions" \
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
	grep -aE '^not ok|^psql:.*(ERROR|FATAL)|server closed' "$home/$1.out" | sed 's/^/# /'
	grep -aq '^ok' "$home/$1.out" && ! grep -aq '^not ok' "$home/$1.out" || failed="$failed $1"
	say "$1: $(grep -ac '^ok' "$home/$1.out") ok, $(grep -ac '^not ok' "$home/$1.out") not ok ($SECONDS s)"
}

# What valgrind said, of all processes.
complaints()
{
	cat "$home"/logs/*.log | sed -n '/VALGRIND-BEGIN/,/VALGRIND-END/p'
}

# Builds for the server of its own; the installed one has the extension.
build_extension()
{
	[ -n "$installed" ] || make --no-print-directory -s -C "$tree" PG_CONFIG="$PG_CONFIG" install >"${tree%/*}/tree.log" 2>&1 ||
		{ tail -n 20 "${tree%/*}/tree.log"; die "the extension was not built"; }
}

build_extension
start_server || die "no server"
trap stop_server EXIT
make_template || die "the extensions cannot be created; the log is $home/server.log"
failed=
for test in $tests; do
	run_test "$test"
done
trap - EXIT
stop_server
found=$(complaints | grep -c VALGRIND-BEGIN)
[ "$found" = 0 ] || complaints | head -n 400
say "valgrind complains $found times; all of it is in $home/logs"
fatal=$(grep -aE 'TRAP:|PANIC' "$home/server.log")
[ -z "$fatal" ] || echo "$fatal"
[ -z "$failed" ] || say "failed, or tested nothing:$failed"
status=0
[ "$found" = 0 ] && [ -z "$failed$fatal" ] || status=1
if [ -n "$installed" ]; then
	[ $status = 0 ] && echo "ok 1 - valgrind has nothing to say in $tests" || echo "not ok 1 - valgrind has something to say in $tests"
	echo 1..1
fi
exit $status
