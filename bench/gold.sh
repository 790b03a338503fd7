#!/bin/bash
# One of 1,000 groups changes: an incremental refresh beside a full one, REFRESH MATERIALIZED VIEW
# CONCURRENTLY and delete+insert as dbt's incremental models do it, in one run on one server.
#
#   bench/gold.sh                 1,000,000 rows
#   bench/gold.sh 10000000        as many
#   SERVER=here bench/gold.sh     on the server of PGHOST and PGPORT, with the extension installed there
#
# The table has an index on the column of the groups, which is what all of them need to find the rows
# of one, and one on the time of change for dbt's way, which sees no deletes.

. "$(dirname "$0")/lib.sh"

rows=${1:-1000000}
runs=${RUNS:-5}
use_server medallion_bench_gold

# Median of the milliseconds that a statement takes, after a change each time (if one is given).
measure()
{
	local change=$1 statement=$2 script

	script=$(mktemp) || exit 1
	for _ in $(seq "$runs"); do
		printf '%s;\n' "$change"
		printf 'SELECT clock_timestamp() AS started \\gset\n%s;\n' "$statement"
		printf "SELECT 'ms ' || extract(epoch FROM clock_timestamp() - :'started'::timestamptz) * 1000;\n"
	done >"$script"
	sql -f "$script" | sed -n 's/^ms //p' | sort -n | awk '{ v[NR] = $1 } END { printf "%.1f\n", v[int((NR + 1) / 2)] }'
	rm -f "$script"
}

query='SELECT shop, count(*) AS sales, sum(amount) AS total, avg(amount) AS mean, min(day) AS first_day,
	count(DISTINCT customer) AS customers, percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) AS median
	FROM bench.sales GROUP BY shop'

sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE"
sql >/dev/null <<-END
	CREATE EXTENSION medallion;
	CREATE SCHEMA bench;
	CREATE TABLE bench.sales AS SELECT i AS id, (i * 7919::bigint % 1000)::int AS shop, date '2022-01-01' + (i % 1096)::int AS day,
		(i * 31 % 100000)::numeric / 100 AS amount, i % 5003 AS customer, timestamptz '2025-01-01' AS changed_at
		FROM generate_series(1, $rows) i;
	CREATE INDEX ON bench.sales (shop);
	CREATE INDEX ON bench.sales (changed_at);
	VACUUM ANALYZE bench.sales;
	SELECT medallion.create_model('by_shop', \$\$$query\$\$);
	SELECT medallion.refresh_model('by_shop');
	CREATE MATERIALIZED VIEW bench.by_shop_view AS $query;
	CREATE UNIQUE INDEX ON bench.by_shop_view (shop);
	CREATE TABLE bench.by_shop_dbt AS SELECT *, timestamptz '2025-01-01' AS seen FROM bench.by_shop_view;
	CREATE INDEX ON bench.by_shop_dbt (shop);
END

change='UPDATE bench.sales SET amount = amount + 1, changed_at = clock_timestamp() WHERE shop = (SELECT (random() * 999)::int)'
dbt="BEGIN; CREATE TEMP TABLE part ON COMMIT DROP AS ${query/GROUP BY/WHERE shop IN (SELECT shop FROM bench.sales
	WHERE changed_at > (SELECT max(seen) FROM bench.by_shop_dbt)) GROUP BY};
	DELETE FROM bench.by_shop_dbt t USING part p WHERE t.shop = p.shop;
	INSERT INTO bench.by_shop_dbt SELECT *, clock_timestamp() FROM part; COMMIT"

full=$(measure "$change" "SELECT medallion.refresh_model('by_shop', 'full')")
part=$(measure "$change" "SELECT medallion.refresh_model('by_shop')")
nothing=$(runs=101; measure "SELECT" "SELECT medallion.refresh_model('by_shop')")
view=$(measure "$change" "REFRESH MATERIALIZED VIEW CONCURRENTLY bench.by_shop_view")
delete_insert=$(measure "$change" "$dbt")
way=$(sql -c "SELECT options->>'refresh' FROM medallion.runs WHERE options->>'refresh' = 'incremental' LIMIT 1")
wrong=$(sql -c "SELECT medallion.refresh_model('by_shop')" -c "SELECT count(*) FROM (SELECT shop, sales, total, mean, first_day, customers, median FROM gold.by_shop EXCEPT TABLE models.by_shop) x" | tail -1)

printf '%s rows, one of 1,000 groups changed, median of %s runs, of 101 where nothing changed\n\n' "$rows" "$runs"
printf '%-42s %10s %8s\n' "" ms share
line()
{
	printf '%-42s %10s %7.1f%%\n' "$1" "$2" "$(awk -v a="$2" -v b="$full" 'BEGIN { print 100 * a / b }')"
}
line "full refresh" "$full"
line "refresh ($way)" "$part"
line "refresh, nothing changed" "$nothing"
line "REFRESH MATERIALIZED VIEW CONCURRENTLY" "$view"
line "delete+insert, as dbt does" "$delete_insert"
printf '\nrows that differ from the query: %s\n' "$wrong"
[ "$wrong" = 0 ]
