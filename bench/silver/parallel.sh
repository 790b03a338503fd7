# shellcheck shell=bash
# What PostgreSQL's own parallel queries give one merge and one load on two cores.  Sourced by silver.sh.
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
	compete merge_alone merge_workers load_alone load_workers
	printf '\n%-60s %11s %11s  %s\n' "parallel queries, by the clock; goal: 1.7 times" alone "two workers" times
	times "scd2_merge() of a full extract" merge_alone merge_workers
	times "load of ten columns, from the file to silver" load_alone load_workers
	rm -f "$csv"
}
