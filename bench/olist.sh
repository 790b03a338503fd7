#!/bin/bash
# The nine CSV files of olist to its star: the example's features, checks and models beside the same
# steps in PySpark, local[2], and in Polars, which read the files, type and check the rows, keep each layer as
# Parquet and make the same gold tables (their calendars have fewer columns, their products and sellers no versions).
#
#   bench/olist.sh                 five runs of each, medians and their ratios
#   SERVER=here bench/olist.sh     on the server of PGHOST and PGPORT, with the extension installed there
#   RUNS=3 PEERS=spark FOLDER=... bench/olist.sh
#
# Works on ../shared/data (or what MEDALLION_SHARED names), else on the bundled sample.  No time counts
# before all give the totals that examples/independent.py computes from the files.  Spark needs Java 17, which
# JAVA_HOME names where it is not the usual one; its totals are not in its time, and its start is told apart.

. "$(dirname "$0")/lib.sh"

runs=${RUNS:-5}
peers=$project/bench/.peers
published=${MEDALLION_SHARED:-$project/../shared}/data
[ -d "$published/olist_sample_3k_all9" ] || published=$project/examples/olist/data
folder=$(cd "${FOLDER:-$published}" && pwd -P) || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/olist.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
others=${PEERS:-spark polars}
for jvm in /usr/lib/jvm/java-17-openjdk-*; do
	[ -n "${JAVA_HOME:-}" ] || [ ! -d "$jvm" ] || export JAVA_HOME=$jvm
done
if [[ $others == *spark* ]] && ! "${JAVA_HOME:-/usr}/bin/java" -version >/dev/null 2>&1; then
	echo "no Java: Spark is left out" >&2
	others=${others/spark/}
fi
if ! "$peers/olist/bin/python" -c 'import polars, pyspark' 2>/dev/null; then
	mkdir -p "$peers"
	python3 -m venv "$peers/olist" && "$peers/olist/bin/pip" -q install polars pyspark >/dev/null || die "Polars and PySpark could not be installed"
fi
use_server medallion_bench_olist

# Seconds of a command by the clock, its output to a file.
seconds()
{
	local output=$1 began
	shift

	began=$(date +%s.%N)
	"$@" >"$output" || return 1
	awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { printf "%.3f\n", b - a }'
}

# The example's features, from files instead of another database's tables.
config()
{
	sed -n '/^SELECT medallion.create_feature/,$p' "$project/examples/olist/config.sql" |
		sed -e "s/create_feature(f, '{}', keys::text\[\], .*/create_feature(f, ARRAY['olist_sample_3k_all9\/' || CASE f WHEN 'product_category_name_translation' THEN f ELSE 'olist_' || f || '_dataset' END || '.csv'], keys::text[], options::jsonb)/" \
			-e "s/'{geolocation_id}'/'{}'/"
}

new_database()
{
	sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE TEMPLATE template0 ENCODING 'UTF8'"
	sql -c 'CREATE EXTENSION medallion' -c "ALTER DATABASE $PGDATABASE SET medallion.input_root = '$work/files'" -c CHECKPOINT
}

# Seconds of the processor that this backend took, as Linux tells.
cost="SELECT 'processor ' || sum(t::numeric) / 100 FROM unnest((regexp_split_to_array(regexp_replace(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), '^.*\\) ', ''), ' '))[12:13]) t"

# Files, features and models to gold.
first_run()
{
	sql -f "$work/config.sql" -c "SELECT object FROM medallion.run_pipeline(layers => '{bronze,silver}') WHERE status <> 'SUCCESS'" -f "$project/examples/olist/models.sql" \
		-c "SELECT object FROM medallion.run_pipeline(layers => '{gold}') WHERE status <> 'SUCCESS'" -c "$cost"
}

next_run()
{
	sql -c "SELECT layer, object, status FROM medallion.run_pipeline() WHERE status IN ('FAILED', 'WARNING')" -c "$cost"
}

# A run of ours.
run_ours()
{
	local run=$1

	seconds "$work/log" "${2:-next_run}" >>"$work/$run.medallion" || die "the $run run failed: $(cat "$work/log")"
	sed -n 's/^processor //p' "$work/log" >>"$work/$run.medallion.cost"
}

# The whole pipeline of another, from nothing.
other()
{
	rm -rf "$work/lake"
	"$peers/olist/bin/python" "$project/bench/olist_$1.py" "$work/files/olist_sample_3k_all9" "$work/lake" 2>"$work/errors"
}

# Runs each of the others, and notes its seconds; those that Spark's totals took are not its work.
run_others()
{
	local run=$1 name took

	for name in $others; do
		took=$(seconds "$work/theirs.$name" other "$name") || die "$name failed: $(tail -3 "$work/errors")"
		if [ "$name" = spark ]; then
			cut -d' ' -f1 "$work/lake/seconds" >>"$work/started"
			took=$(awk -v a="$took" '{ printf "%.3f", a - $2 }' "$work/lake/seconds")
		fi
		echo "$took" >>"$work/$run.$name"
		cut -d' ' -f3 "$work/lake/seconds" >>"$work/$run.$name.cost"
	done
}

# All against the totals of the raw files.
compare()
{
	local name

	python3 "$project/examples/independent.py" olist "$work/files" | sort >"$work/raw"
	sql -F $'\t' -f "$project/examples/olist/totals.sql" | sort >"$work/theirs.medallion"
	for name in medallion $others; do
		python3 - "$name" "$work/raw" "$work/theirs.$name" <<-'END' || die "the totals differ: no times"
			import sys
			from decimal import Decimal
			raw, found = ({name: Decimal(value) for name, value in (line.rstrip("\n").split("\t") for line in open(path))} for path in sys.argv[2:])
			wrong = [(name, raw.get(name), sys.argv[1], found.get(name)) for name in sorted(raw.keys() | found.keys()) if raw.get(name) != found.get(name)]
			for row in wrong:
			    print("%s: raw files %s, %s %s" % row, file=sys.stderr)
			sys.exit(bool(wrong) or not raw)
		END
	done
}

# One value of one order.
change_file()
{
	sed -i '2s/[0-9]\r*$/7/' "$work/files/olist_sample_3k_all9/olist_order_payments_dataset.csv"
}

config >"$work/config.sql"
mkdir "$work/files"
for ((i = 0; i < runs; i++)); do
	rm -rf "$work/files/olist_sample_3k_all9"
	cp -R "$folder/olist_sample_3k_all9" "$work/files/"
	chmod -R u+w,a+rX "$work/files"
	new_database
	run_ours first first_run
	run_others first
	compare
	run_ours unchanged
	run_others unchanged
	change_file
	run_ours changed
	run_others changed
	compare
done
printf '%s files, %s rows; medians of %s runs, seconds by the clock of the whole command, and of the processor; %s cores, load %s\n\n' "$(ls "$folder"/olist_sample_3k_all9/*.csv | wc -l)" \
	"$(cat "$folder"/olist_sample_3k_all9/*.csv | wc -l)" "$runs" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)"
printf '%-12s %-10s %10s %10s %12s %10s %10s %12s\n' "" beside medallion it "it / ours" processor "of it" "it / ours"
for run in first unchanged changed; do
	for name in $others; do
		awk -v run="$run" -v name="$name" -v a="$(median <"$work/$run.medallion")" -v b="$(median <"$work/$run.$name")" \
			-v c="$(median <"$work/$run.medallion.cost")" -v d="$(median <"$work/$run.$name.cost")" \
			'BEGIN { printf "%-12s %-10s %10.2f %10.2f %12.3f %10.2f %10.2f %12.3f\n", run, name, a, b, b / a, c, d, d / c }'
	done
done
[ ! -f "$work/started" ] || printf '\nSpark took %s s of it to start\n' "$(median <"$work/started")"
printf '\n%s totals equal in the raw files and in all of these, after the first run and after the change\n' "$(wc -l <"$work/raw")"
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
