#!/bin/bash
# Every example's totals beside those that examples/independent.py computes from the raw files (Python, nothing of the project).
#
#   examples/totals.sh                          the bundled samples
#   examples/totals.sh ../shared/data           real files, where an example has them there
#   EXAMPLES="klines" examples/totals.sh
#
# Ends with the number of differences, and fails unless it is 0.

set -eu
examples=$(cd "$(dirname "$0")" && pwd -P)
differences=0
for name in ${EXAMPLES:-sales klines store_sales retail_orders olist}; do
	folder=$examples/$name/data
	if [ $# -gt 0 ]; then
		missing=
		folder=$(cd "$1" && pwd -P)
		for part in $(cat "$examples/$name/folders" "$examples/$name/root" 2>/dev/null); do
			[ -d "$folder/$part" ] || missing=$part
		done
		if [ -n "$missing" ]; then
			echo "$name: skipped, $folder/$missing is not there"
			continue
		fi
		[ ! -e "$examples/$name/root" ] || folder=$folder/$(cat "$examples/$name/root")
	fi
	bash "$examples/run.sh" "$name" "$folder" >/tmp/example_$name.$$ || { cat /tmp/example_$name.$$; exit 1; }
	rm -f /tmp/example_$name.$$
	python3 "$examples/independent.py" "$name" "$folder" >/tmp/independent.$$
	psql -X -q -v ON_ERROR_STOP=1 -P pager=off -d "example_$name" <<-SQL
		CREATE TEMP TABLE raw (name text, value numeric);
		\copy raw FROM '/tmp/independent.$$'
		CREATE TEMP TABLE ours AS
		$(cat "$examples/$name/totals.sql");
		CREATE TEMP TABLE compared AS SELECT '$name' AS example, name, ours.value AS medallion, raw.value AS independent,
			CASE WHEN ours.value = raw.value THEN 'equal' ELSE 'DIFFERENT' END AS verdict
		FROM ours FULL JOIN raw USING (name) ORDER BY name COLLATE "C";
		TABLE compared;
		SELECT count(*) AS differences FROM compared WHERE verdict <> 'equal' \gset
		\o /tmp/differences.$$
		\qecho :differences
	SQL
	differences=$((differences + $(cat /tmp/differences.$$)))
	rm -f /tmp/independent.$$ /tmp/differences.$$
done
echo "$differences differences"
[ "$differences" = 0 ]
