#!/bin/bash
# A cluster with data goes to another major version by pg_upgrade: everything is as it was, and the next run changes nothing.
# Prints TAP.  The extension is installed for both versions.  "test/packaging.sh upgrade" makes a machine that has 15 and 17.
#
#   test/pg_upgrade.sh /usr/lib/postgresql/15/bin /usr/lib/postgresql/17/bin

. "$(dirname "$0")/lib.sh"

[ $# = 2 ] || die "usage: $0 OLD_BINDIR NEW_BINDIR"
[ "$(id -u)" != 0 ] || { as_server_user bash "$project/test/pg_upgrade.sh" "$@"; exit; }
old=$1 new=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/up.XXXXXX")
export PGHOST=$work PGPORT=54322 PGUSER=postgres PGDATABASE=shop PGOPTIONS='-c client_min_messages=warning'
trap 'for bin in "$old" "$new"; do for data in "$work/old" "$work/new"; do "$bin/pg_ctl" -D "$data" -m immediate stop; done; done >/dev/null 2>&1; rm -rf "$work"' EXIT
number=0 failed=0
# As docs/backup.md says it, with the folders of here.
command=$(python3 "$project/test/doc_blocks.py" --show docs/backup.md sh 3 |
	sed -e "s#/usr/lib/postgresql/15/bin#$old#; s#/usr/lib/postgresql/17/bin#$new#" \
		-e "s#/var/lib/postgresql/15/main#$work/old#; s#/var/lib/postgresql/17/main#$work/new#")

check()
{
	local text=$1 shown=$2 wanted=$3

	number=$((number + 1))
	if [ "$shown" = "$wanted" ]; then
		echo "ok $number - $text"
	else
		failed=$((failed + 1))
		echo "not ok $number - $text"
		diff <(echo "$wanted") <(echo "$shown") | sed 's/^/#   /'
	fi
}

make_cluster()
{
	local bin=$1 data=$2 checksums=

	# From 18 on they are the default, and pg_upgrade wants both alike.
	[ "$("$bin/pg_ctl" --version | sed 's/.* \([0-9]*\).*/\1/')" -lt 18 ] || checksums=--no-data-checksums
	"$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C $checksums >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
	cat >>"$data/postgresql.conf" <<-SETTINGS
		listen_addresses = ''
		unix_socket_directories = '$work'
		port = $PGPORT
		fsync = off
		timezone = 'UTC'
		jit = off
	SETTINGS
}

start()
{
	"$1/pg_ctl" -D "$2" -l "$work/server.log" -w -s start || { cat "$work/server.log"; exit 1; }
}

query()
{
	"$new/psql" -X -q -A -t -v ON_ERROR_STOP=1 -v folder="$work/files" "$@" 2>&1
}

# All that a user can ask of what is stored, one line each.
state()
{
	query <<-'SQL'
		SELECT format('SELECT %L, %s FROM %s t', c.oid::regclass, 'count(*), md5(string_agg(t::text, '','' ORDER BY t::text COLLATE "C"))', c.oid::regclass)
		  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		 WHERE n.nspname IN ('medallion', 'etl_logs', 'bronze', 'silver', 'gold') AND relkind IN ('r', 'p') AND NOT relispartition
		 ORDER BY c.oid::regclass::text COLLATE "C"
		\gexec
		SELECT 'verify', f.name, invariant, checked, broken FROM medallion.features f, medallion.verify(f.name) ORDER BY 2, 3;
		SELECT name, explain.* FROM medallion.models, medallion.explain_model(name) explain ORDER BY explain::text COLLATE "C";
	SQL
}

# Features from files, pushed rows and a table; history, an undone run, a correction, masks, partitions; models, one of them by groups.
fill()
{
	mkdir -p "$work/files"
	for month in 1 2 3; do
		awk -v month=$month 'BEGIN { print "order_no,day,city,amount"; for (i = 1; i <= 1000; i++) printf "%d,2025-0%d-%02d,city %d,%d.5\n", i * (month < 3 ? month : 1), month, 1 + i % 28, i % 7, i * month }' >"$work/files/orders_$month.csv"
	done
	query <<-'SQL'
		CREATE EXTENSION medallion;
		\o /dev/null
		SELECT medallion.create_feature('orders', ARRAY[:'folder' || '/orders_[12].csv'], '{order_no}', '{"columns": {"city": {"mask": "hash"}}, "partition_by": "day"}');
		SELECT medallion.add_check('orders', 'range', '{amount}', '{"min": 10}');
		SELECT * FROM medallion.run_pipeline();
		SELECT medallion.create_model('by_city', 'SELECT city, count(*) AS orders, sum(amount) AS amount FROM silver.orders_current GROUP BY city');
		SELECT medallion.create_model('largest', 'SELECT city, amount FROM gold.by_city ORDER BY amount DESC LIMIT 3');
		SELECT medallion.create_feature('orders', ARRAY[:'folder' || '/orders_*.csv'], '{order_no}', '{"columns": {"city": {"mask": "hash"}}, "partition_by": "day"}');
		SELECT * FROM medallion.run_pipeline();
		SELECT medallion.push('orders', '{"order_no": 1, "day": "2025-04-01", "city": "city 9", "amount": 1}');
		SELECT * FROM medallion.run_pipeline();
		SELECT * FROM medallion.undo_run((SELECT max(run_id) FROM medallion.runs));
		CREATE TABLE public.people AS SELECT n AS id, 'name ' || n AS name, timestamp '2025-01-01' + n * interval '1 hour' AS changed_at FROM generate_series(1, 500) n;
		SELECT medallion.create_feature('people', '{}', '{id}', '{"relation": "public.people", "watermark": "changed_at"}');
		SELECT * FROM medallion.run_pipeline();
	SQL
}

make_cluster "$old" "$work/old"
start "$old" "$work/old"
PGDATABASE=postgres query -c 'CREATE DATABASE shop'
check "the old version has data" "$(fill)" ""
hash="SELECT medallion.row_hash('a'::text, 1.50::numeric, date '2025-01-01', NULL::int)"
old_hash=$(query -c "$hash")
check "and a run there changes nothing" "$(query -c "SELECT DISTINCT status FROM medallion.run_pipeline()")" UNCHANGED
before=$(state)
"$old/pg_ctl" -D "$work/old" -w -s -m fast stop

make_cluster "$new" "$work/new"
cd "$work" || exit 1
PATH="$new:$PATH" bash -e -c "$command" >"$work/upgrade.log" 2>&1
check "$command" "$? $(grep -c 'Upgrade Complete' "$work/upgrade.log")" "0 1"
[ $failed = 0 ] || tail -n 20 "$work/upgrade.log" "$work"/new/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log | sed 's/^/#   /'

start "$new" "$work/new"
check "everything is as it was" "$(state)" "$before"
check "the next run changes nothing" "$(query -c "SELECT DISTINCT status FROM medallion.run_pipeline()")" UNCHANGED
check "what is wrong: nothing" "$(query -c "SELECT * FROM medallion.features f, medallion.verify(f.name) v WHERE broken > 0")" ""
sed -i 's/^7,.*/7,2025-03-07,city 6,7000.25/' "$work/files/orders_3.csv"
query -c "INSERT INTO public.people VALUES (501, 'late', '2026-01-01')"
check "what is new comes in" "$(query -F ' ' -c "SELECT layer, object, status FROM medallion.run_pipeline() ORDER BY 1, 2")" \
"bronze orders COMPLETED
bronze people COMPLETED
gold by_city COMPLETED
gold largest COMPLETED
silver orders COMPLETED
silver people COMPLETED"
check "models are what their queries say" "$(query -c "SELECT count(*) FROM ((SELECT city, orders, amount FROM gold.by_city) EXCEPT (SELECT * FROM models.by_city)) d")" 0
check "and have all of them" "$(query -c "SELECT count(*) FROM ((SELECT * FROM models.by_city) EXCEPT (SELECT city, orders, amount FROM gold.by_city)) d")" 0
check "hashes are those of the old version" "$(query -c "$hash")" "$old_hash"
echo "1..$number"
[ $failed = 0 ]
