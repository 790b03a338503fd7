#!/bin/bash
# How the time of each stage grows with the rows: files of sales to bronze, silver and gold, then a file of one row in a hundred.
#
#   bench/scale.sh                          100,000, 1,000,000 and 10,000,000 rows
#   bench/scale.sh 10000 100000             other sizes, two or more
#   RUNS=1 bench/scale.sh                   one round, not three
#   SERVER=here bench/scale.sh              on the server of PGHOST and PGPORT, with the extension installed there
#
# It makes the files itself: ten CSV files of ten columns, then one of which nine tenths are corrections of rows all over the
# first ten.  Of each size the medians of the rounds; the exponent between two sizes is log(seconds ratio) / log(rows ratio): 1 is
# linear.  The last column is the whole, by the processor.

. "$(dirname "$0")/lib.sh"

sizes=("$@")
[ $# -gt 0 ] || sizes=(100000 1000000 10000000)
runs=${RUNS:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/scale.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
use_server medallion_bench_scale

# make_files FOLDER ROWS first|later: values follow from the row's number; shops and products are as many at all sizes, customers grow.
make_files()
{
	rm -rf "$1" && mkdir "$1" && awk -v folder="$1" -v rows="$2" -v part="$3" '
		function line(i, quantity,   product) {
			product = i * 7919 % 2000
			printf "%d,2024-%02d-%02d,S%02d,City %d,P%04d,Article %d,C%07d,%d,%d.%02d,%s\n", i, 1 + i * 31 % 12, 1 + i * 17 % 28, i * 13 % 50, i * 13 % 20, product, product,
				i * 3571 % (rows / 20 + 1), quantity, product * 37 % 990 + 1, product % 100, (i % 3 ? "card" : "cash") >file
		}
		function start(name) { file = folder "/" name ".csv"; print "sale_id,day,shop,city,product,product_name,customer,quantity,price,paid_by" >file }
		BEGIN {
			if (part == "first")
				for (f = 0; f < 10; f++) { start("sales_" f); for (i = 1; i <= rows / 10; i++) line(f * rows / 10 + i, i % 9 + 1); close(file) }
			else {
				start("sales_later")
				for (i = 1; i <= rows / 100; i++) if (i % 10) line(i * 100 % rows + 1, 10); else line(rows + i, 1)
			}
		}'
}

configure()
{
	sql >/dev/null <<-END
		CREATE EXTENSION medallion;
		ALTER DATABASE $PGDATABASE SET medallion.input_root = '$work/files';
		SELECT medallion.create_feature('sales', '{*.csv}', '{sale_id}', '{"checks": [{"kind": "not_null", "columns": ["day"]}, {"kind": "range", "columns": ["quantity"], "params": {"min": 1}}]}');
	END
}

create_models()
{
	sql >/dev/null <<-'END'
		SELECT medallion.create_model('daily', 'SELECT day, count(*) AS sales, sum(quantity * price) AS amount FROM silver.sales_current GROUP BY day');
		SELECT medallion.create_model('products', 'SELECT product, product_name, sum(quantity) AS pieces, sum(quantity * price) AS amount FROM silver.sales_current GROUP BY product, product_name');
		SELECT medallion.create_model('customers', 'SELECT customer, count(*) AS sales, sum(quantity * price) AS amount, min(day) AS first_day, max(day) AS last_day FROM silver.sales_current GROUP BY customer');
	END
}

# Seconds of the processor that backends took which are gone by now.
ticks()
{
	sleep 0.5					# until the postmaster has noticed
	sql -d postgres -c "SELECT (w[16]::numeric + w[17]::numeric) / $(getconf CLK_TCK) FROM regexp_split_to_array(pg_read_file('/proc/' || split_part(pg_read_file('postmaster.pid'), E'\n', 1) || '/stat'), ' ') w"
}

# run_all STEP ROWS LAYERS: a run; "STEP_LAYER ROWS SECONDS" of what it did.
run_all()
{
	local failed

	failed=$(sql -c "SELECT object, detail FROM medallion.run_pipeline(layers => '$3') WHERE status NOT IN ('COMPLETED', 'UNCHANGED')")
	[ -z "$failed" ] || die "the run failed: $failed"
	sql -F ' ' -c "SELECT '$1_' || layer, $2, sum(extract(epoch FROM completed_at - started_at)) FROM etl_logs.pipeline_runs WHERE run_id = (SELECT max(run_id) FROM medallion.runs) GROUP BY layer"
}

one_round()
{
	local rows=$1 before

	sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE" -c CHECKPOINT || die "no database"
	make_files "$work/files" "$rows" first
	chmod -R a+rX "$work"
	configure || die "no feature"
	before=$(ticks)
	run_all first "$rows" '{bronze,silver}'
	create_models || die "no models"
	run_all first "$rows" '{gold}'
	echo "first_processor $rows $(awk -v a="$before" -v b="$(ticks)" 'BEGIN { print b - a }')"
	make_files "$work/later" "$rows" later
	mv "$work/later/sales_later.csv" "$work/files/"
	chmod -R a+rX "$work/files"
	sql -c CHECKPOINT
	before=$(ticks)
	run_all later "$rows" '{bronze,silver,gold}'
	echo "later_processor $rows $(awk -v a="$before" -v b="$(ticks)" 'BEGIN { print b - a }')"
	[ "$(sql -c "SELECT sum(sales) FROM gold.daily")" = "$((rows + rows / 1000))" ] || die "gold does not have the sales of $rows rows"
}

for ((round = 0; round < runs; round++)); do
	for rows in "${sizes[@]}"; do
		one_round "$rows" >>"$work/times" || exit 1
	done
done
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"

# of STEP ROWS: the median of its seconds.
of()
{
	awk -v step="$1" -v rows="$2" '$1 == step && $2 == rows { print $3 }' "$work/times" | median
}

printf 'seconds, medians of %s rounds; in brackets the exponent of growth since the size before; PostgreSQL %s, load %s\n\n' "$runs" "$(pg_major)" "$(cut -d' ' -f1 /proc/loadavg)"
printf '%-30s' "stage"
printf '%20s' "${sizes[@]}"
echo
for step in first_bronze first_silver first_gold first_processor later_bronze later_silver later_gold later_processor; do
	printf '%-30s' "$(echo "$step" | sed 's/^first_/all rows, /; s/^later_/one in a hundred, /')"
	earlier=
	for rows in "${sizes[@]}"; do
		now=$(of "$step" "$rows")
		printf '%20s' "$(awk -v now="$now" -v rows="$rows" -v earlier="$earlier" 'BEGIN {
			text = sprintf("%.2f", now)
			if (split(earlier, before, " ") == 2 && before[1] > 0 && now > 0)
				text = text sprintf(" (%.2f)", log(now / before[1]) / log(rows / before[2]))
			print text }')"
		earlier="$now $rows"
	done
	echo
done
