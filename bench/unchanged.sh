#!/bin/bash
# A run with nothing to do, over many files and features: how long it takes and where the time goes.
#
#   bench/unchanged.sh               100 features of 100 small files each, ten models; medians of five
#   PERF=1 bench/unchanged.sh        also a profile (needs perf)
#   SERVER=here bench/unchanged.sh   on the server that PGHOST and PGPORT name, as it is
#
# FEATURES and FILES (of each feature) give other sizes.  Makes its files itself.

. "$(dirname "$0")/lib.sh"

features=${FEATURES:-100}
files=${FILES:-100}
runs=${RUNS:-5}
use_server medallion_bench
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"; sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"' EXIT

# Two rows per file, in folders of ten files.
make_files()
{
	awk -v folder="$folder" -v features="$features" -v files="$files" 'BEGIN {
		for (f = 1; f <= features; f++)
			for (i = 0; i < files; i++) {
				part = sprintf("%s/f%03d/2025/%02d", folder, f, int(i / 10) + 1)
				if (i % 10 == 0)
					system("mkdir -p " part)
				path = sprintf("%s/lines_%03d.csv", part, i)
				printf "Id,Happened,Item,Amount\n%d,2025-01-%02d,item %d,%d.50\n%d,2025-02-%02d,item %d,%d.25\n", \
					2 * i, 1 + i % 28, i % 7, i, 2 * i + 1, 1 + i % 28, i % 5, i + 1 >path
				close(path)
			}
	}'
}

configure()
{
	sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE"
	sql -c 'CREATE EXTENSION medallion' -c "ALTER DATABASE $PGDATABASE SET medallion.input_root = '$folder'"
	sql >/dev/null <<-END
		SELECT medallion.create_feature(format('f%s', to_char(i, 'FM000')), ARRAY[format('f%s/**/*.csv', to_char(i, 'FM000'))], '{id}')
		  FROM generate_series(1, $features) i;
		CALL medallion.run_pipeline_proc();
		SELECT medallion.create_model(format('m%s', i), format('SELECT item, count(*) AS n, sum(amount) AS amount FROM silver.f%s_current GROUP BY item', to_char(i, 'FM000')))
		  FROM generate_series(1, least(10, $features)) i;
		CALL medallion.run_pipeline_proc();
		VACUUM ANALYZE;
	END
}

# One call in a new session, then the same again: "ms of the clock|ms of the processor" of each, and a breakdown of
# the second.
measure()
{
	local call=$1

	sql <<-END
		CREATE TEMP TABLE spent (at timestamptz, ticks numeric);
		CREATE OR REPLACE FUNCTION pg_temp.note() RETURNS void LANGUAGE sql AS
		\$\$ INSERT INTO spent SELECT clock_timestamp(), w[14]::numeric + w[15]::numeric + w[16]::numeric + w[17]::numeric
			  FROM regexp_split_to_array(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ' ') w \$\$;
		SELECT pg_temp.note() \g /dev/null
		$call \g /dev/null
		SELECT pg_temp.note() \g /dev/null
		$call \g /dev/null
		SELECT pg_temp.note() \g /dev/null
		SELECT round(extract(epoch FROM at - lag(at) OVER (ORDER BY at)) * 1000) || ' ' || (ticks - lag(ticks) OVER (ORDER BY at)) * 10
		  FROM spent ORDER BY at OFFSET 1;
	END
}

report()
{
	local name=$1 call=$2 i

	: >"$folder/first" && : >"$folder/again"
	for ((i = 0; i < runs; i++)); do
		measure "$call" >"$folder/both"
		head -1 "$folder/both" >>"$folder/first"
		tail -1 "$folder/both" >>"$folder/again"
	done
	for which in first again; do
		printf '%-34s %-18s %6s ms of the clock, %5s of the processor\n' "$name" \
			"$([ $which = first ] && echo 'in a new session' || echo 'once more in it')" \
			"$(cut -d' ' -f1 "$folder/$which" | median)" "$(cut -d' ' -f2 "$folder/$which" | median)"
	done
}

# Where the time of one run goes, as its run table says.
breakdown()
{
	sql <<-END
		SELECT FROM medallion.run_pipeline();
		SELECT clock_timestamp() AS started \gset
		CREATE TEMP TABLE steps AS SELECT * FROM medallion.run_pipeline();
		SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz) * 1000 AS whole \gset
		SELECT format('  %-8s %s steps %s: %s ms', layer, count(*), string_agg(DISTINCT status, ','), round(sum(extract(epoch FROM elapsed)) * 1000))
		  FROM steps GROUP BY layer ORDER BY layer;
		SELECT format('  the rest: %s ms of %s', round(:whole - sum(extract(epoch FROM elapsed)) * 1000), round(:whole)) FROM steps;
	END
}

profile_run()
{
	sql <<-END | sed '1d'
		SELECT pg_backend_pid() AS pid \gset
		SELECT FROM medallion.run_pipeline();
		\! perf record -q -g -p \$(psql -X -A -t -c "SELECT pid FROM pg_stat_activity WHERE datname = '$PGDATABASE' AND pid <> pg_backend_pid() LIMIT 1") -o $folder/perf.data 2>/dev/null & sleep 1
		SELECT FROM medallion.run_pipeline();
		SELECT FROM medallion.run_pipeline();
		SELECT FROM medallion.run_pipeline();
	END
	sleep 1
	perf report -i "$folder/perf.data" --no-children -g none --percent-limit 1 2>/dev/null | grep -v '^#' | grep .
}

make_files
configure
echo "$(sql -c 'SELECT count(*) FROM medallion.file_versions') files in the ledger, $features features, medians of $runs, load $(cut -d' ' -f1 /proc/loadavg)"
report 'run_pipeline()' 'SELECT FROM medallion.run_pipeline();'
report 'run_pipeline_proc(), no workers' "CALL medallion.run_pipeline_proc(options => '{\"workers\": 0}');"
report 'run_pipeline_proc(), two workers' "CALL medallion.run_pipeline_proc(options => '{\"workers\": 2}');"
echo 'run_pipeline(), where the time goes:'
breakdown
printf '  listing the files alone (find):     %s ms\n' "$({ time -p find "$folder"/f* -name '*.csv' -size +0 | tail -1 >/dev/null; } 2>&1 | awk '/real/ { print $2 * 1000 }')"
[ -z "${PERF:-}" ] || profile_run
