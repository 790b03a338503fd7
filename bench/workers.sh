#!/bin/bash
# The first run by the procedure: in one backend beside two workers, on the same files.
#
#   bench/workers.sh                 three runs of each, medians and their ratio
#   SERVER=here bench/workers.sh     on the server that PGHOST and PGPORT name, as it is
#
# Works on ../shared/data (or what MEDALLION_SHARED names): a tree of workbooks as three features
# of unequal size, and the nine CSV files of olist.  Both must give the same rows.

. "$(dirname "$0")/lib.sh"

data=${MEDALLION_SHARED:-$project/../shared}/data
runs=${RUNS:-3}
[ -d "$data" ] || { echo "skipped: $data is not there"; exit 0; }
data=$(cd "$data" && pwd)
use_server medallion_bench

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

# A run in a new database: seconds, and a digest of silver.
one_run()
{
	local example=$1 workers=$2

	sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE"
	sql -c "CREATE EXTENSION medallion"
	"configure_$example"
	sql -c CHECKPOINT -c '\timing on' -c "SET medallion.max_workers = $workers" -c 'CALL medallion.run_pipeline_proc()' |
		awk '/^Time/ { t = $2 } END { printf "%.2f ", t / 1000 }'
	sql -c "SELECT md5(string_agg(layer || feature_name || records_processed, ',' ORDER BY layer, feature_name)) FROM etl_logs.pipeline_runs"
}

compare()
{
	local example=$1 alone=() together=() digests= i line

	for ((i = 0; i < runs; i++)); do
		line=$(one_run "$example" 0); alone+=("${line% *}"); digests+=" ${line#* }"
		line=$(one_run "$example" 2); together+=("${line% *}"); digests+=" ${line#* }"
	done
	[ "$(tr ' ' '\n' <<<"$digests" | sort -u | grep -c .)" = 1 ] || die "$example: the runs differ"
	printf '%s\n' "${alone[@]}" | median >/tmp/alone.$$
	printf '%s\n' "${together[@]}" | median >/tmp/together.$$
	awk -v name="$example" -v a="$(cat /tmp/alone.$$)" -v t="$(cat /tmp/together.$$)" -v load="$(cut -d' ' -f1 /proc/loadavg)" -v cores="$(nproc)" \
		'BEGIN { printf "%-8s one backend %6.2f s   two workers %6.2f s   %.2f times   (%d cores, load %s)\n", name, a, t, a / t, cores, load }'
	rm -f /tmp/alone.$$ /tmp/together.$$
}

for example in ${*:-retail olist}; do
	compare "$example"
done
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
