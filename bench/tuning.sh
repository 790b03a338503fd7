#!/bin/bash
# What docs/tuning.md says, measured: each choice beside its alternative, in turn, in one run.  Prints the page's table.
#
#   bash bench/tuning.sh             100,000 rows, 3 rounds
#   ROWS=1000000 ROUNDS=5 bash bench/tuning.sh
#
# Times are processor time of the backend (medians of the rounds), but for workers and checkpoints: those are wall-clock time.
# Settings of the server tell with a million rows and more; max_wal_size is changed for the while, and back.

. "$(dirname "$0")/lib.sh"
rows=${ROWS:-100000} rounds=${ROUNDS:-3}
use_server medallion_tuning
folder=$(mktemp -d /tmp/tuning.XXXXXX)
times=$folder/times
trap 'wal_size; rm -rf "$folder"; psql -X -q -d postgres -c "DROP DATABASE IF EXISTS medallion_tuning WITH (FORCE)"' EXIT

# orders_N.csv in a folder: that many rows in so many files, from row 1 on.
write_files()
{
	mkdir -p "$folder/$1"
	awk -v rows="$2" -v files="$3" -v folder="$folder/$1" 'BEGIN {
		for (i = 1; i <= rows; i++) {
			if (i % (rows / files) == 1 || rows == files) {
				if (name) close(name)
				name = folder "/orders_" ++n ".csv"
				print "order_no,day,city,customer,amount,quantity" > name
			}
			printf "%d,2025-%02d-%02d,city %d,customer %d,%d.25,%d\n", i, 1 + i % 12, 1 + i % 28, i % 50, i % 5000, i % 1000, i % 9 > name
		}
	}'
}

fresh()
{
	psql -X -q -d postgres -c "DROP DATABASE IF EXISTS medallion_tuning WITH (FORCE)" -c "CREATE DATABASE medallion_tuning"
	sql -c 'CREATE EXTENSION medallion'
}

# wal_size [SIZE]: how much WAL a checkpoint is forced after; as it was before.
wal_size()
{
	psql -X -q -d postgres -c "ALTER SYSTEM SET max_wal_size = ${1:-DEFAULT}" -c "SELECT pg_reload_conf()" >/dev/null
}

# measure CASE BEFORE STATEMENT: the backend's milliseconds of the statement, after another that is not counted.
measure()
{
	local ticks="SELECT sum(v::bigint) AS now FROM unnest((string_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '^.*\) ', ''), ' '))[12:13]) v"

	sql -v folder="$folder" <<-SQL >"$folder/out" || { cat "$folder/out"; exit 1; }
		\o /dev/null
		$2;
		\o
		$ticks \gset before_
		\o /dev/null
		$3;
		\o
		$ticks \gset after_
		SELECT 10 * (:after_now - :before_now);
	SQL
	echo "$1 $(tail -n 1 "$folder/out")" >>"$times"
}

# The same in wall-clock time.
measure_wall()
{
	local begin

	sql -v folder="$folder" -o /dev/null <<<"$2"
	begin=$(date +%s%N)
	sql -v folder="$folder" -o /dev/null <<<"$3"
	echo "$1 $((($(date +%s%N) - begin) / 1000000))" >>"$times"
}

feature()
{
	echo "SELECT medallion.create_feature('orders', ARRAY[:'folder' || '/$1/*.csv'], ${2:-NULL}, '${3:-{\}}');"
}

result()
{
	local text=$1 slow fast
	slow=$(sed -n "s/^$2 //p" "$times" | median) fast=$(sed -n "s/^$3 //p" "$times" | median)

	printf '| %s | %s ms | %s ms | %s |\n' "$text" "$slow" "$fast" "$(awk -v a="$slow" -v b="$fast" 'BEGIN { printf "%.1f", a / (b ? b : 1) }')"
}

run="SELECT * FROM medallion.run_pipeline();"
keys="'{order_no}'"
typed='{"columns": {"order_no": {"type": "bigint"}, "day": {"type": "date"}, "city": {"type": "text"}, "customer": {"type": "text"}, "amount": {"type": "numeric"}, "quantity": {"type": "bigint"}}}'
checks='{"checks": [{"kind": "not_null", "columns": ["city"]}, {"kind": "range", "columns": ["amount"], "params": {"min": 0}}, {"kind": "pattern", "columns": ["customer"], "params": {"pattern": "^customer [0-9]+$"}}, {"kind": "accepted_values", "columns": ["quantity"], "params": {"values": [0,1,2,3,4,5,6,7,8]}}]}'
model="SELECT medallion.create_model('by_customer', 'SELECT customer, count(*) AS orders, sum(amount) AS amount FROM silver.orders_current GROUP BY customer', '{\"refresh\": \"REFRESH\"}'); $run"

write_files one "$rows" 1
write_files many "$rows" 1000
write_files eight "$rows" 8
chmod -R a+rX "$folder"
for round in $(seq "$rounds"); do
	fresh; measure scd2 "$(feature one "$keys")" "$run"
	fresh; measure append "$(feature one)" "$run"
	fresh; measure scd1 "$(feature one "$keys" '{"history": "scd1"}')" "$run"
	fresh; measure typed "$(feature one "$keys" "$typed")" "$run"
	fresh; measure checked "$(feature one "$keys" "$checks")" "$run"
	fresh; measure many "$(feature many "$keys")" "$run"
	fresh; measure full "$(feature one "$keys") $run ${model/REFRESH/full}" "UPDATE silver.orders SET amount = amount + 1 WHERE customer = 'customer 7'; SELECT medallion.refresh_model('by_customer');"
	fresh; measure groups "$(feature one "$keys") $run ${model/REFRESH/auto}" "UPDATE silver.orders SET amount = amount + 1 WHERE customer = 'customer 7'; SELECT medallion.refresh_model('by_customer');"
	fresh; measure rebuild "$(feature one "$keys") $run" "SELECT medallion.rebuild('orders'); $run"
	fresh; measure nothing "$(feature one "$keys") $run" "$run"
	fresh; measure prune_all "CREATE FOREIGN TABLE f (amount numeric, _source_file text) SERVER medallion_files OPTIONS (path '$folder/eight/*.csv')" "SELECT sum(amount) FROM f;"
	measure prune_one "" "SELECT sum(amount) FROM f WHERE _source_file LIKE '%orders_3.csv';"
	for memory in 4 256; do
		fresh; measure "work$memory" "SET work_mem = '${memory}MB'; $(feature one "$keys")" "$run"
		fresh; measure "maintenance$memory" "SET maintenance_work_mem = '${memory}MB'; $(feature one "$keys")" "$run"
	done
	for size in 64MB 8GB; do
		fresh; wal_size "'$size'"; measure_wall "wal$size" "$(feature one "$keys")" "$run"; wal_size
	done
	for workers in 1 2; do
		fresh; measure_wall "workers$workers" "SELECT medallion.create_feature('orders_' || n, ARRAY[:'folder' || '/eight/orders_' || n || '.csv'], $keys) FROM generate_series(1, 8) n" "CALL medallion.run_pipeline_proc(options => '{\"workers\": $workers}')"
	done
done

echo "PostgreSQL $(pg_major), $(nproc) cores, $rows rows, $rounds rounds"
echo
echo '| choice | with | instead | ratio |'
echo '|---|---|---|---|'
result 'history of keys (scd2), instead of `append`' scd2 append
result 'scd2 instead of `history: scd1`' scd2 scd1
result 'inferred types, instead of declared ones' scd2 typed
result 'four checks, instead of none' checked scd2
result '1,000 files, instead of one of the same rows' many scd2
result 'a run that rebuilds, instead of one that finds nothing' rebuild nothing
result 'a model computed in full, instead of the group that changed' full groups
result 'a foreign table over 8 files, instead of one by `_source_file`' prune_all prune_one
result '`work_mem` of 4 MB, instead of 256 MB' work4 work256
result '`maintenance_work_mem` of 4 MB, instead of 256 MB' maintenance4 maintenance256
result '`max_wal_size` of 64 MB, instead of 8 GB (wall clock)' wal64MB wal8GB
result '8 features by 1 worker, instead of 2 (wall clock)' workers1 workers2
