# shellcheck shell=bash
# The merge of a full extract by Delta Lake, on two cores.  Sourced by silver.sh, after merge.sh for its table.

. "$here/merge.sh"
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
	compete ours
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
}
