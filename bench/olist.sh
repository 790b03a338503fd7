#!/bin/bash
# The nine CSV files of olist to its star: the example's features, checks and models beside the same
# steps in Polars, which reads the files, types and checks the rows, keeps each layer as Parquet and
# makes the same gold tables (its calendar has fewer columns, its products and sellers have no versions).
#
#   bench/olist.sh                 five runs of each, medians and their ratio
#   SERVER=here bench/olist.sh     on the server of PGHOST and PGPORT, with the extension installed there
#   RUNS=3 FOLDER=... bench/olist.sh
#
# Works on ../shared/data (or what MEDALLION_SHARED names), else on the bundled sample.  No time counts
# before both give the totals that examples/independent.py computes from the files.

. "$(dirname "$0")/lib.sh"

runs=${RUNS:-5}
peers=$project/bench/.peers
published=${MEDALLION_SHARED:-$project/../shared}/data
[ -d "$published/olist_sample_3k_all9" ] || published=$project/examples/olist/data
folder=$(cd "${FOLDER:-$published}" && pwd -P) || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/olist.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
if [ ! -x "$peers/olist/bin/python" ]; then
	mkdir -p "$peers"
	python3 -m venv "$peers/olist" && "$peers/olist/bin/pip" -q install polars >/dev/null || die "Polars could not be installed"
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

# Files, features and models to gold.
first_run()
{
	sql -f "$work/config.sql" -c "SELECT object FROM medallion.run_pipeline(layers => '{bronze,silver}') WHERE status <> 'SUCCESS'" -f "$project/examples/olist/models.sql" \
		-c "SELECT object FROM medallion.run_pipeline(layers => '{gold}') WHERE status <> 'SUCCESS'"
}

next_run()
{
	sql -c "SELECT layer, object, status FROM medallion.run_pipeline() WHERE status IN ('FAILED', 'WARNING')"
}

polars()
{
	rm -rf "$work/lake"
	"$peers/olist/bin/python" "$project/bench/olist_polars.py" "$work/files/olist_sample_3k_all9" "$work/lake"
}

# Both against the totals of the raw files.
compare()
{
	python3 "$project/examples/independent.py" olist "$work/files" | sort >"$work/raw"
	sql -F $'\t' -f "$project/examples/olist/totals.sql" | sort >"$work/ours"
	python3 - "$work/raw" "$work/ours" "$work/theirs" <<-'END' || die "the totals differ: no times"
		import sys
		from decimal import Decimal
		raw, ours, theirs = ({name: Decimal(value) for name, value in (line.rstrip("\n").split("\t") for line in open(path))} for path in sys.argv[1:])
		wrong = [(name, raw.get(name), ours.get(name), theirs.get(name)) for name in sorted(raw.keys() | ours.keys() | theirs.keys())
		         if not raw.get(name) == ours.get(name) == theirs.get(name)]
		for row in wrong:
		    print("%s: raw files %s, medallion %s, Polars %s" % row, file=sys.stderr)
		sys.exit(bool(wrong) or not raw)
	END
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
	seconds "$work/log" first_run >>"$work/first.ours" || die "the first run failed: $(cat "$work/log")"
	seconds "$work/theirs" polars >>"$work/first.theirs" || die "Polars failed"
	compare
	seconds "$work/log" next_run >>"$work/unchanged.ours" || die "the next run failed"
	seconds "$work/theirs" polars >>"$work/unchanged.theirs"
	change_file
	seconds "$work/log" next_run >>"$work/changed.ours" || die "the next run failed"
	seconds "$work/theirs" polars >>"$work/changed.theirs"
	compare
done
printf '%s files, %s rows; medians of %s runs, seconds by the clock of the whole command; %s cores, load %s\n\n' "$(ls "$folder"/olist_sample_3k_all9/*.csv | wc -l)" \
	"$(cat "$folder"/olist_sample_3k_all9/*.csv | wc -l)" "$runs" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)"
printf '%-28s %10s %10s %12s\n' "" medallion Polars "ours / it"
for run in first unchanged changed; do
	ours=$(median <"$work/$run.ours")
	theirs=$(median <"$work/$run.theirs")
	printf '%-28s %10s %10s %12s\n' "$run" "$ours" "$theirs" "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')"
done
printf '\n%s totals equal in the raw files, in medallion and in Polars, after the first run and after the change\n' "$(wc -l <"$work/raw")"
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
