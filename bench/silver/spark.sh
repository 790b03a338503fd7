# shellcheck shell=bash
# The merge of a full extract by Delta Lake, on two cores.  Sourced by silver.sh.
#
# By the clock too, and ours on two cores as well: two sessions, each with a hash partition of the history.

. "$here/parallel.sh"
python=$peers/spark/bin/python

get_spark()
{
	command -v java >/dev/null || return
	"$python" -c 'import delta' 2>/dev/null && return
	python3 -m venv "$peers/spark" && "$peers/spark/bin/pip" install -q 'pyspark==3.5.*' 'delta-spark==3.3.*' setuptools >/dev/null 2>&1
}

export_csv()
{
	sql -c "COPY (SELECT id, name, email, city, segment, balance, orders, born, to_char(registered AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS registered,
		active::text AS active FROM bench.$1) TO STDOUT CSV HEADER" >"$work/$1.csv"
}

part_spark()
{
	local summary

	get_spark || { say "without Delta Lake, which could not be installed"; return; }
	sql -c "DROP TABLE IF EXISTS bench.dimension, bench.dimension_kept"
	prepare_ours
	prepare_ranges
	compete ours ranges_at_once
	summary=$(sql -F $'\t' -c "SELECT count(*) FILTER (WHERE is_current), count(*) FILTER (WHERE NOT is_current), sum(balance) FILTER (WHERE is_current) FROM bench.dimension")
	export_csv before
	export_csv extract
	"$python" "$here/delta_merge.py" "$work" "$runs" 2>"$work/spark.log" | grep -v '^::' >"$work/delta.out"
	[ "$(tail -1 "$work/delta.out")" = "$summary" ] || die "Delta Lake's merge differs: $(tail -1 "$work/delta.out"), ours $summary"
	grep -E '^[0-9.]+ [0-9.]+$' "$work/delta.out" >"$work/delta.times"
	seconds[delta]=$(cut -d' ' -f1 "$work/delta.times" | median)
	cpu[delta]=$(cut -d' ' -f2 "$work/delta.times" | median)
	title "merge of a full extract, beside Spark"
	line "medallion.scd2_merge()" ours
	line "Delta Lake's MERGE; goal: at least 10" delta ours
	printf '\n%-60s %11s %11s  %s\n' "the same, by two sessions" clock processor "of the clock"
	by_clock "medallion.scd2_merge(), one session" ours
	by_clock "both hash partitions at once" ranges_at_once
	by_clock "Delta Lake's MERGE, beside one session" delta ours
	by_clock "beside two; goal: at least 10" delta ranges_at_once
	sql -c "DROP TABLE bench.ranges, bench.range_0_kept, bench.range_1_kept CASCADE"
}
