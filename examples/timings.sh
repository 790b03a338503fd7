#!/bin/bash
# Times, rows and bytes of each example: a first run, a second one without change, one after a file changed.
#
#   examples/timings.sh [FOLDER]
#
# One value of one file changes; of sales its delivery of changes, of olist one row of its second database.

set -eu
examples=$(cd "$(dirname "$0")" && pwd -P)
work=$(mktemp -d "${TMPDIR:-/tmp}/timings.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
run() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -F ' ' -d "example_$1" -c "WITH r AS MATERIALIZED (SELECT clock_timestamp() AS t), run AS MATERIALIZED (SELECT count(*) FILTER (WHERE status = 'FAILED') AS failed, coalesce(sum(rows_out), 0) AS rows FROM r, medallion.run_pipeline()) SELECT rows, failed, round(extract(epoch FROM clock_timestamp() - t)::numeric, 3) FROM run, r"; }
bytes() { psql -X -q -A -t -d "example_$1" -c "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '$2' AND c.relkind IN ('r', 'm')"; }

# One value of one file.
change_file()
{
	local changed=$(find "$1" -type f -name '*transactions*' -o -type f -name '*.json' -o -type f -name '*-1m-*' | sort | head -1)

	case $changed in
		*.json) sed -i 's/"quantity_sold": 3/"quantity_sold": 4/' "$changed" ;;
		*transactions*) sed -i '2s/^\([0-9]*\),\([0-9]*\),/\1,\29,/' "$changed" ;;
		*) sed -i '2s/,0\(\r*\)$/,1\1/' "$changed" ;;
	esac
}

printf '%-14s %10s %12s %12s %12s  %s\n' example "raw bytes" bronze silver gold "rows written and seconds: first, unchanged, after a change"
for name in sales klines store_sales retail_orders olist; do
	source=$examples/$name/data
	[ $# -gt 0 ] && source=$1
	[ $# = 0 ] || [ -e "$examples/$name/folders" ] || { echo "$name: skipped, its files are its own"; continue; }
	rm -rf "$work/$name" && mkdir "$work/$name"
	for part in $(if [ $# -gt 0 ]; then cat "$examples/$name/folders"; else ls "$source"; fi); do
		[ -d "$source/$part" ] || { echo "$name: skipped, $source/$part is not there"; continue 2; }
		cp -R "$source/$part" "$work/$name/"
	done
	chmod -R u+w,a+rX "$work/$name"
	began=$(date +%s.%N)
	bash "$examples/run.sh" "$name" "$work/$name" >/dev/null
	took=$(awk "BEGIN { printf \"%.3f\", $(date +%s.%N) - $began }")
	first=$(psql -X -q -A -t -d "example_$name" -c "SELECT sum(records_processed) FROM etl_logs.pipeline_runs")
	raw=$(du -sb "$work/$name" | cut -f1)
	line="$(bytes "$name" bronze) $(bytes "$name" silver) $(bytes "$name" gold)"
	second=$(run "$name")
	if [ "$name" = olist ]; then
		psql -X -q -d example_olist_source -c "UPDATE olist.sellers SET seller_city = 'elsewhere', updated_at = '2019-01-01' WHERE seller_id = (SELECT min(seller_id) FROM olist.sellers)"
	elif [ "$name" = sales ]; then
		cp -R "$examples/sales/changes/." "$work/$name/"
	else
		change_file "$work/$name"
	fi
	third=$(run "$name")
	# shellcheck disable=SC2086
	printf '%-14s %10s %12s %12s %12s  %s rows %s s; %s rows, %s failed, %s s; %s rows, %s failed, %s s\n' "$name" "$raw" $line "$first" "$took" $second $third
done
