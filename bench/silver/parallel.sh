# shellcheck shell=bash
# What two cores give: PostgreSQL's own parallel queries to one merge and one load, and two sessions to a merge by ranges of the
# key's hash: a partition of the history for each, and of the extract the rows that belong there.  Sourced by silver.sh.
#
# By the clock, since a worker's time is in no account of the session: a machine that others use shows less than there is.

. "$here/merge.sh"
. "$here/checks.sh"

# with_workers NUMBER COMMAND...: where the session may have so many workers for a scan, and use them for tables of any size.
with_workers()
{
	local PGOPTIONS="$PGOPTIONS -c max_parallel_workers_per_gather=$1 -c min_parallel_table_scan_size=0 -c parallel_setup_cost=0"

	"${@:2}"
}

run_merge_alone() { with_workers 0 run_ours; }
run_merge_workers() { with_workers 2 run_ours; }
run_load_alone() { with_workers 0 run_unchecked; }
run_load_workers() { with_workers 2 run_unchecked; }

# The history in partitions by the hash of the key; each session reads the whole extract for its rows.
prepare_ranges()
{
	local part

	sql -c "CREATE TABLE bench.ranges (LIKE bench.dimension) PARTITION BY HASH (id)"
	for part in 0 1; do
		sql -c "CREATE TABLE bench.range_$part PARTITION OF bench.ranges FOR VALUES WITH (MODULUS 2, REMAINDER $part)" \
			-c "INSERT INTO bench.range_$part SELECT * FROM bench.dimension_kept WHERE satisfies_hash_partition('bench.ranges'::regclass, 2, $part, id)" \
			-c "CREATE UNIQUE INDEX ON bench.range_$part (_business_key_hash, version)" \
			-c "CREATE VIEW bench.extract_$part AS SELECT * FROM bench.extract WHERE satisfies_hash_partition('bench.ranges'::regclass, 2, $part, id)"
		keep "range_$part"
	done
}

merge_range()
{
	echo "SELECT 0 * inserted FROM medallion.scd2_merge('bench.range_$1', 'bench.extract_$1', '{id}', '{\"deletes\": \"snapshot\"}');" >"$work/range_$1.sql"
	in_session "$work/range_$1.sql" >"$work/range_$1.out"
}

# Both ranges at once, or one after the other: "seconds cpu" of both.
run_ranges()
{
	local part began

	for part in 0 1; do
		restore "range_$part"
		sql -c "ALTER TABLE bench.ranges ATTACH PARTITION bench.range_$part FOR VALUES WITH (MODULUS 2, REMAINDER $part)"
	done
	began=$(date +%s.%N)
	if [ "$1" = at_once ]; then
		merge_range 0 &
		merge_range 1 && wait $! || return
	else
		merge_range 0
		merge_range 1
	fi
	cat "$work"/range_[01].out | awk -v began="$began" -v ended="$(date +%s.%N)" '{ cpu += $2 } END { printf "%.3f %.3f\n", ended - began, cpu }'
}
run_ranges_alone() { run_ranges in_turn; }
run_ranges_at_once() { run_ranges at_once; }

# times TITLE ALONE WORKERS: how many times faster, by the clock.
times()
{
	printf '  %-58s %9.2f s %9.2f s  %s\n' "$1" "${seconds[$2]}" "${seconds[$3]}" \
		"$(awk -v a="${seconds[$2]}" -v b="${seconds[$3]}" 'BEGIN { printf "%.2f", a / b }')"
}

part_parallel()
{
	sql -c "DROP TABLE IF EXISTS bench.dimension, bench.dimension_kept"
	prepare_ours
	csv=$(outside_folder)/customers.csv
	chmod 777 "$(dirname "$csv")"
	sql -c "COPY bench.before TO '$csv' CSV HEADER"
	prepare_ranges
	run_ours >/dev/null
	run_ranges at_once >/dev/null
	equal "the ranges" "SELECT count(*) FROM (
		(SELECT $columns, is_current, version FROM bench.dimension EXCEPT ALL SELECT $columns, is_current, version FROM bench.ranges) UNION ALL
		(SELECT $columns, is_current, version FROM bench.ranges EXCEPT ALL SELECT $columns, is_current, version FROM bench.dimension)) d"
	compete merge_alone ranges_alone ranges_at_once merge_workers load_alone load_workers
	printf '\n%-60s %11s %11s  %s\n' "two cores, by the clock; goal: 1.7 times" one two times
	times "scd2_merge() of both ranges in turn, and at once" ranges_alone ranges_at_once
	times "scd2_merge() of the whole, and both ranges at once" merge_alone ranges_at_once
	times "scd2_merge() of the whole, by parallel queries" merge_alone merge_workers
	times "load of ten columns, by parallel queries" load_alone load_workers
	rm -f "$csv"
	sql -c "DROP TABLE bench.ranges, bench.range_0_kept, bench.range_1_kept CASCADE"
}
