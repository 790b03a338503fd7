# shellcheck shell=bash
# profile() of 14 columns beside PyDeequ's VerificationSuite for the same metrics, on two cores.  Sourced by silver.sh.

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
	compete profile
	take_times deequ all
	take_times deequ_scan scan
	title "profile of 14 columns, beside Spark from Parquet"
	line "medallion.profile()" profile
	line "PyDeequ, $(wc -l <"$work/metrics.tsv") metrics, a round not counted; goal: at least 10" deequ profile
	line "the same without distinctness, uniqueness, entropy" deequ_scan profile
}
