#!/bin/bash
# The whole first run over a tree of workbooks, beside COPY of the same rows as CSV.
#
#   bench/first_run.sh          three runs of each, medians and their ratio
#   PERF=1 bench/first_run.sh   also a profile of one run (needs perf)
#
# Works on the project's private server (test/server.sh) and on ../shared/data/retail_tree, or on the
# folder that MEDALLION_SHARED names.  Both sides write logged tables on the same server.

. "$(dirname "$0")/lib.sh"

tree=${MEDALLION_SHARED:-$project/../shared}/data/retail_tree
runs=${RUNS:-3}
[ -d "$tree" ] || { echo "skipped: $tree is not there"; exit 0; }
tree=$(cd "$tree" && pwd)
use_server medallion_bench

new_database()
{
	sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE"
	sql -c "CREATE EXTENSION medallion" -c "ALTER DATABASE $PGDATABASE SET medallion.input_root = '$tree'"
	sql >/dev/null <<-'END'
		SELECT medallion.create_feature('invoices', '{sales/cash_invoices/detailed/**/*.xls*}', '{document_number,trn_date,line_no}');
		SELECT medallion.create_feature('summary', '{sales/cash_invoices/summarized/**/*.xls*}', '{document_number,trn_date}', '{"null_key": "as_value"}');
		SELECT medallion.create_feature('credits', '{sales/credit_notes/detailed/**/*.xls*}', '{document_number,trn_date,line_no}');
	END
}

# Runs the pipeline in one backend; prints "seconds peak_kB", leaves the run table in /tmp.
first_run()
{
	sql <<-END
		SELECT pg_backend_pid() AS pid \gset
		${PERF:+\\! perf record -q -g -p \$(psql -X -A -t -c "SELECT pid FROM pg_stat_activity WHERE datname = '$PGDATABASE' AND pid <> pg_backend_pid() LIMIT 1") -o "$profile" 2>/dev/null & sleep 1}
		SELECT clock_timestamp() AS started \gset
		CREATE TABLE run_table AS SELECT * FROM medallion.run_pipeline();
		SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz), 2),
			substring(pg_read_file('/proc/' || :pid || '/status') FROM 'VmHWM:\s+(\d+)'),
			substring(pg_read_file('/proc/' || :pid || '/status') FROM 'RssShmem:\s+(\d+)');
	END
}

# COPY of what bronze holds, into tables of the same columns; prints seconds.
copy_run()
{
	local feature total=0

	for feature in invoices summary credits; do
		sql -c "DROP TABLE IF EXISTS copied_$feature" -c "CREATE TABLE copied_$feature (LIKE bronze.$feature)"
	done
	sql <<-END
		SELECT clock_timestamp() AS started \gset
		COPY copied_invoices FROM '$csv/invoices.csv' WITH (FORMAT csv);
		COPY copied_summary FROM '$csv/summary.csv' WITH (FORMAT csv);
		COPY copied_credits FROM '$csv/credits.csv' WITH (FORMAT csv);
		SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz), 2);
	END
}

csv=$(bash "$project/test/server.sh" home)/bench
profile=$csv/perf.data
mkdir -p "$csv" && chmod 777 "$csv"
: >"$csv/ours" && : >"$csv/copy"
for i in $(seq "$runs"); do
	new_database
	first_run | tail -1 | tr '|' ' ' >>"$csv/ours"
	for feature in invoices summary credits; do
		sql -c "COPY bronze.$feature TO '$csv/$feature.csv' WITH (FORMAT csv)"
	done
	copy_run >>"$csv/copy"
done
ours=$(median <"$csv/ours") copy=$(median <"$csv/copy")

echo "rows: $(sql -c "SELECT sum(rows) FROM medallion.file_versions") in $(sql -c "SELECT count(*) FROM medallion.file_versions") workbooks; medians of $runs"
echo "first run, files to silver:     $ours s"
echo "  of it bronze:                 $(sql -c "SELECT round(extract(epoch FROM sum(elapsed)), 2) FROM run_table WHERE layer = 'bronze'") s"
echo "  of it silver:                 $(sql -c "SELECT round(extract(epoch FROM sum(elapsed)), 2) FROM run_table WHERE layer = 'silver'") s"
echo "COPY of the same rows as CSV:   $copy s"
awk -v a="$ours" -v b="$copy" 'BEGIN { printf "ratio, whole run to COPY:       %.1f\n", a / b }'
echo "peak memory of the backend:     $(awk '{ print $2 - $3 }' "$csv/ours" | median | awk '{ printf "%.0f MB", $1 / 1024 }') beyond shared buffers"
echo "a run with nothing new:         $(sql -c '\timing on' -c "SELECT FROM medallion.run_pipeline()" | sed -n 's/^Time: \([0-9.]*\).*/\1 ms/p')"
[ -z "${PERF:-}" ] || perf report -i "$profile" --no-children -g none --percent-limit 1 2>/dev/null | grep -v '^#'
sql -d postgres -c "DROP DATABASE $PGDATABASE WITH (FORCE)"
