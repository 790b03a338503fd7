# shellcheck shell=bash
# profile() of 14 columns beside PyDeequ's VerificationSuite for the same metrics, on two cores.  Sourced by silver.sh.
#
# Spark has both cores, and so has ours: the session may use a parallel worker.  The goal is by
# the clock; the processor's seconds are those of all processes of each.

. "$here/profile.sh"
. "$here/spark.sh"

# Deequ for Spark 3.5; PyDeequ asks for the version before it can be imported.
get_deequ()
{
	export SPARK_VERSION=3.5
	get_spark || return
	"$python" -c 'import pydeequ' 2>/dev/null && return
	"$python" -m pip install -q 'pydeequ==1.4.*' 'pandas<3' >/dev/null 2>&1
}

# The metrics that both define as "column metric value", Size of column *: by a table that tells which Deequ is to compute.
# Those that take all distinct values only where ours is exact.
our_metrics()
{
	sql -F $'\t' -c "SET extra_float_digits = 1" -c "WITH p AS MATERIALIZED (SELECT * FROM medallion.profile('bench.wide', '{\"store\": false}'))
		SELECT '*', 'Size', max(records)::float8 FROM p
		UNION ALL
		SELECT column_name, metric, value FROM p, LATERAL (VALUES ('Completeness', completeness), ('ApproxCountDistinct', approx_distinct),
			('Distinctness', CASE WHEN exact THEN distinctness END), ('Uniqueness', CASE WHEN exact THEN uniqueness END), ('Entropy', CASE WHEN exact THEN entropy END),
			('Minimum', CASE WHEN mean IS NOT NULL THEN minimum::float8 END), ('Maximum', CASE WHEN mean IS NOT NULL THEN maximum::float8 END),
			('Mean', mean), ('StandardDeviation', stddev), ('MinLength', min_length), ('MaxLength', max_length)) AS m (metric, value)
		 WHERE value IS NOT NULL"
}

# Prints "clock cpu" of the session and of all processes that the server had and that ended; at the end, when workers had time to.
used_by_all="extract(epoch FROM now), (s[12]::numeric + s[13]::numeric + p[14]::numeric + p[15]::numeric) / 100
	FROM t, LATERAL (SELECT string_to_array(split_part(pg_read_file('/proc/self/stat'), ') ', 2), ' ')) a (s),
		 LATERAL (SELECT string_to_array(split_part(pg_read_file('/proc/' || s[2] || '/stat'), ') ', 2), ' ')) b (p)"

# The session and a worker, as Spark has two threads; the session's first call is not counted, as Spark's is not.
run_profile_workers()
{
	local PGOPTIONS="$PGOPTIONS -c max_parallel_workers_per_gather=1"

	{
		printf '\\o /dev/null\n%s;\nSELECT pg_sleep(0.5);\n\\o\n' "SELECT * FROM medallion.profile('bench.wide', '{\"store\": false}')"
		echo "WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now) SELECT $used_by_all;"
		printf '\\o /dev/null\n%s;\n\\o\n' "SELECT * FROM medallion.profile('bench.wide', '{\"store\": false}')"
		echo "WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now, pg_sleep(0.5)) SELECT $used_by_all;"
	} | sql -F ' ' | awk 'NF == 2 { n++; s[n] = $1; c[n] = $2 } END { printf "%.3f %.3f\n", s[n] - s[1], c[n] - c[1] }'
}

# take_times NAME WORD: the medians of deequ.py's lines that begin with WORD.
take_times()
{
	seconds[$1]=$(awk -v word="$2" '$1 == word { print $2 }' "$work/deequ.out" | median)
	cpu[$1]=$(awk -v word="$2" '$1 == word { print $3 }' "$work/deequ.out" | median)
}

part_deequ()
{
	get_deequ || { say "without PyDeequ, which could not be installed"; return; }
	sql -c "SET timezone = 'UTC'" -c "SET datestyle = 'ISO'" -c "COPY bench.wide TO STDOUT CSV HEADER" >"$work/wide.csv" || die "no data for Deequ"
	our_metrics >"$work/metrics.tsv" || die "no metrics"
	"$python" "$here/deequ.py" "$work" "$runs" >"$work/deequ.out" 2>"$work/deequ.log" ||
		die "Deequ's metrics differ, or it failed ($work/deequ.log): $(grep '^differs' "$work/deequ.out" | head -5)"
	compete profile profile_workers
	take_times deequ all
	take_times deequ_scan scan
	printf '\n%-60s %11s %11s  %s\n' "profile of 14 columns, beside Spark from Parquet" clock processor "of the clock"
	by_clock "medallion.profile(), one process" profile profile_workers
	by_clock "medallion.profile(), and a parallel worker" profile_workers profile_workers
	by_clock "PyDeequ, $(wc -l <"$work/metrics.tsv") metrics, a round not counted; goal: at least 10" deequ profile_workers
	by_clock "the same without distinctness, uniqueness, entropy" deequ_scan profile_workers
}
