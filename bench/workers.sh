#!/bin/bash
# The first run by the procedure: in one backend beside two workers, on the same files.
#
#   bench/workers.sh                 five pairs, one run after the other; medians
#   SERVER=here bench/workers.sh     on the server that PGHOST and PGPORT name, as it is
#
# Works on the files of the sales example, its six features, and on the nine CSV files of olist in ../shared/data (or
# what MEDALLION_SHARED names); "bench/workers.sh retail" on a tree of workbooks there, where one feature is nine
# tenths of the work.  Both ways must give the same rows.
#
# "times" is the median of the pairs' ratios.  Beside it stands what two workers could do at best: the sum of
# what each feature took alone, divided by the greater of half of it and the longest feature; and how much
# processor both ways took, of all backends: more of it with workers is what working side by side costs.

. "$(dirname "$0")/lib.sh"

data=${MEDALLION_SHARED:-$project/../shared}/data
runs=${RUNS:-5}
[ ! -d "$data" ] || data=$(cd "$data" && pwd)
use_server medallion_bench

configure_sales()
{
	sql >/dev/null -c "ALTER DATABASE $PGDATABASE SET medallion.input_root = '$project/examples/sales/data'"
	sql >/dev/null -f "$project/examples/sales/config.sql"
}

configure_retail()
{
	sql >/dev/null <<-END
		ALTER DATABASE $PGDATABASE SET medallion.input_root = '$data/retail_tree';
		SELECT medallion.create_feature('invoices', '{sales/cash_invoices/detailed/**/*.xls*}', '{document_number,trn_date,line_no}');
		SELECT medallion.create_feature('summary', '{sales/cash_invoices/summarized/**/*.xls*}', '{document_number,trn_date}', '{"null_key": "as_value"}');
		SELECT medallion.create_feature('credits', '{sales/credit_notes/detailed/**/*.xls*}', '{document_number,trn_date,line_no}');
	END
}

configure_olist()
{
	local file

	for file in "$data"/olist*/*.csv; do
		echo "SELECT medallion.create_feature('$(basename "$file" .csv)', ARRAY['$file']);"
	done | sql >/dev/null
}

# Ticks of the processor that backends took which are gone by now: they are the postmaster's children.
ticks()
{
	sleep 0.5					# until it has noticed
	sql -d postgres -c "SELECT (w[16]::numeric + w[17]::numeric) FROM regexp_split_to_array(pg_read_file('/proc/' || split_part(pg_read_file('postmaster.pid'), E'\n', 1) || '/stat'), ' ') w"
}

# A run in a new database: seconds by the clock, seconds of the processor, the longest feature's seconds and that of
# all of them, and a digest of what was loaded.
one_run()
{
	local example=$1 workers=$2 clock before

	sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE"
	sql -c "CREATE EXTENSION medallion"
	"configure_$example"
	sql -c CHECKPOINT
	before=$(ticks)
	clock=$(sql -c '\timing on' -c "SET medallion.max_workers = $workers" -c "CALL medallion.run_pipeline_proc(options => '{\"on_error\": \"report\"}')" | awk '/^Time/ { t = $2 } END { printf "%.2f", t / 1000 }')
	echo "$clock $(awk -v a="$before" -v b="$(ticks)" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", (b - a) / hz }')" \
		"$(sql -c "SELECT round(max(s), 2) || ' ' || round(sum(s), 2) FROM (SELECT sum(extract(epoch FROM completed_at - started_at)) AS s FROM etl_logs.pipeline_runs GROUP BY feature_name) f")" \
		"$(sql -c "SELECT md5(string_agg(layer || feature_name || records_processed, ',' ORDER BY layer, feature_name)) FROM etl_logs.pipeline_runs")"
}

# The median of a column of a file.
middle()
{
	cut -d' ' -f"$2" "$1" | median
}

compare()
{
	local example=$1 i

	: >"$work/alone" && : >"$work/together"
	for ((i = 0; i < runs; i++)); do
		one_run "$example" 0 >>"$work/alone"
		one_run "$example" 2 >>"$work/together"
	done
	[ "$(cut -d' ' -f5 "$work/alone" "$work/together" | sort -u | grep -c .)" = 1 ] || die "$example: the runs differ"
	printf '%-8s one backend %6.2f s (processor %5.2f)   two workers %6.2f s (processor %5.2f)   %.2f times' "$example" \
		"$(middle "$work/alone" 1)" "$(middle "$work/alone" 2)" "$(middle "$work/together" 1)" "$(middle "$work/together" 2)" \
		"$(paste -d' ' "$work/alone" "$work/together" | awk '{ print $1 / $6 }' | median)"
	awk -v longest="$(middle "$work/alone" 3)" -v sum="$(middle "$work/alone" 4)" -v load="$(cut -d' ' -f1 /proc/loadavg)" -v cores="$(nproc)" \
		'BEGIN { best = longest > sum / 2 ? longest : sum / 2; printf ", at best %.2f (longest feature %.2f of %.2f s; %d cores, load %s)\n", sum / best, longest, sum, cores, load }'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for example in ${*:-sales olist}; do
	[ "$example" = sales ] || [ -d "$data" ] || { echo "$example: skipped, $data is not there"; continue; }
	compare "$example"
done
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
