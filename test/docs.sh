#!/bin/bash
# What README.md and docs/ show, run on a server of its own, for it has roles, settings and schedules; as TAP.
# Run by the server's user, never root:
#
#   test/docs.sh [DOCUMENT...]       README.md, docs/tutorial.md, ...
#   test/docs.sh --reference         prints docs/reference.md as the catalog has it
#   test/docs.sh --functions         prints the table of functions in docs/security.md

. "$(dirname "$0")/lib.sh"

[ "$(id -u)" != 0 ] || { as_server_user env PG_CONFIG="$PG_CONFIG" bash "$project/test/docs.sh" "$@"; exit; }
work=$(mktemp -d "${TMPDIR:-/tmp}/docs.XXXXXX")
chmod 755 "$work"
export PGHOST=$work PGPORT=54321 PGUSER=postgres PATH="$("$PG_CONFIG" --bindir):$PATH"
trap 'pg_ctl -D "$work/data" -m immediate stop >/dev/null 2>&1; rm -rf "$work"' EXIT

initdb -D "$work/data" -U postgres -A trust -E UTF8 --locale=C >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cat >>"$work/data/postgresql.conf" <<-SETTINGS
	listen_addresses = ''
	unix_socket_directories = '$work'
	port = $PGPORT
	fsync = off
	timezone = 'UTC'
	max_worker_processes = 16
SETTINGS
[ ! -e "$("$PG_CONFIG" --pkglibdir)/pg_cron.so" ] || cat >>"$work/data/postgresql.conf" <<-SETTINGS
	shared_preload_libraries = 'pg_cron'
	cron.database_name = 'docs'
	cron.use_background_workers = on
SETTINGS
pg_ctl -D "$work/data" -l "$work/log" -w -s start || { cat "$work/log"; exit 1; }
cd "$project" || exit 1

# What a database that has nothing else says to queries.
catalog()
{
	createdb catalog && psql -X -q -d catalog -c 'CREATE EXTENSION medallion' &&
		psql -X -q -A -t -v ON_ERROR_STOP=1 -d catalog "$@" | sed 's/[[:blank:]]*$//' | cat -s
}

reference()
{
	catalog -f docs/reference.sql
}

case ${1:-} in
	--reference) reference; exit ;;
	--functions) catalog -f test/pgtap/security_table.psql -c 'SELECT line FROM pg_temp.function_table'; exit ;;
esac
reference >"$work/reference.md"
export MEDALLION_REFERENCE=$work/reference.md
python3 test/doc_blocks.py "$work/files" "$@"
