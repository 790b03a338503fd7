#!/bin/bash
# What an event that comes late costs a history of many files.
#
#   bench/late.sh                          1M rows in 100 files
#   ROWS=200000 FILES=20 ROUNDS=3 bench/late.sh
#
# Each round takes in a file of ten events of known keys from before the last, by reading all of bronze
# (medallion.key_filter_blocks = 0) and by the filters of keys: seconds of silver's step by the clock, medians.
# "first" is the one that makes the filters; "in order" a file of ten new events that are not late.

. "$(dirname "$0")/lib.sh"

rows=${ROWS:-1000000}
files=${FILES:-100}
rounds=${ROUNDS:-5}
use_server medallion_late
folder=$(PGDATABASE=postgres sql -c "SHOW data_directory")/late_bench
trap 'PGDATABASE=postgres sql -c "DROP DATABASE IF EXISTS medallion_late" -c "COPY (SELECT) TO PROGRAM \$\$cat >/dev/null; rm -rf $folder\$\$"' EXIT

# write_file NAME FIRST LAST STEP TIME: every STEPth key from FIRST to LAST
write_file()
{
	sql -c "COPY (SELECT i AS k, 'name ' || i AS name, i % 97 AS region, i * 7 + $5 AS amount, md5(i::text) AS code, 'street ' || i % 5000 AS street, $5 AS t
		FROM generate_series($2, $3, $4) i) TO '$folder/$1.csv' WITH (FORMAT csv, HEADER)"
}

# take_in BLOCKS: seconds of silver's step
take_in()
{
	sql -c "SET medallion.key_filter_blocks = $1" -c "SELECT extract(epoch FROM elapsed) FROM medallion.run_pipeline('{d}') WHERE layer = 'silver'" | tail -1
}

PGDATABASE=postgres sql -c "DROP DATABASE IF EXISTS medallion_late" -c "CREATE DATABASE medallion_late"
sql -c "CREATE EXTENSION medallion" -c "COPY (SELECT) TO PROGRAM \$\$cat >/dev/null; mkdir -p $folder\$\$"
for file in $(seq "$files"); do
	write_file "$(printf 'f%04d' "$file")" $((file * 1000)) $((file * 1000 + rows / files - 1)) 1 $((file * 10))
done
sql -c "SELECT medallion.create_feature('d', '{$folder/*.csv}', '{k}', '{\"sequence_by\": \"t\", \"columns\": {\"t\": {\"type\": \"int\"}}}')" >/dev/null
say "first load: $(take_in 128) s, bronze $(sql -c "SELECT pg_size_pretty(pg_relation_size('bronze.d'))")"
write_file late_0 2000 2009 1 5
say "first:      $(take_in 128) s, filters $(sql -c "SELECT pg_size_pretty(sum(length(filter))) FROM medallion.key_filters")"
for round in $(seq "$rounds"); do
	for way in 0 128 order; do
		[ $way = order ] && write_file "in_${round}" 2000 2009 1 $((files * 10 + round)) || write_file "late_${round}_$way" 3000 3009 1 $((round * 2 + (way > 0) + 5))
		echo "$way $(take_in ${way/order/128})"
	done
done >"${TMPDIR:-/tmp}/late_$$"
for way in 0 128 order; do
	say "$(echo "$way" | sed 's/^0$/all of bronze:/; s/^128$/by filters:   /; s/^order$/in order:     /') $(awk -v w=$way '$1 == w { print $2 }' "${TMPDIR:-/tmp}/late_$$" | median) s"
done
rm "${TMPDIR:-/tmp}/late_$$"
