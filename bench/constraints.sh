#!/bin/bash
# What it costs to have the database itself refuse a second current row, and versions that overlap.
#
#   bench/constraints.sh                  a history of 1M keys, three rounds
#   ROWS=100000 ROUNDS=1 bench/constraints.sh
#
# A run of silver that takes in 1 % changed and 1 % new keys of a table of ten columns, under one way of enforcing
# after the other, each in a transaction that is rolled back, in turn:
#
#   index        a plain index by key and number; nothing is refused
#   unique       primary key by key and number, unique index on the current row of a key
#   checks       that, and conditions on one row: it ends after it begins, and is current if it has no end
#   statement    that, and a trigger that looks at all versions of the keys of each statement: what silver has
#   row          "checks", and a trigger per row that does the same; a deferred one is refused by the server, for a run
#                acts as the owner within a security-restricted operation
#   exclusion    "checks", and EXCLUDE USING gist (key WITH =, period WITH &&), of btree_gist
#
# Seconds of the clock and of the backend's processor, medians; building is what the way needs beyond the first, once.

. "$(dirname "$0")/lib.sh"

rows=${ROWS:-1000000}
rounds=${ROUNDS:-3}
ways="index unique checks statement row exclusion"
use_server medallion_constraints
folder=$(PGDATABASE=postgres sql -c "SHOW data_directory")/constraints_bench
trap 'PGDATABASE=postgres sql -c "DROP DATABASE IF EXISTS medallion_constraints" -c "COPY (SELECT) TO PROGRAM \$\$cat >/dev/null; rm -rf $folder\$\$"' EXIT

# write_file NAME QUERY: a source file of ten columns
write_file()
{
	sql -c "COPY ($2) TO '$folder/$1' WITH (FORMAT csv, HEADER)"
}

columns="'name ' || i AS name, i % 97 AS region, (i * 7.25)::numeric(12,2) AS amount, date '2020-01-01' + i % 1000 AS day, 'street ' || i % 5000 AS street, i % 2 = 0 AS active, md5(i::text) AS code, i % 13 AS class"

prepare()
{
	PGDATABASE=postgres sql -c "DROP DATABASE IF EXISTS medallion_constraints" -c "CREATE DATABASE medallion_constraints"
	sql -c "CREATE EXTENSION medallion" -c "CREATE EXTENSION btree_gist" -c "COPY (SELECT) TO PROGRAM \$\$cat >/dev/null; mkdir -p $folder\$\$"
	write_file a.csv "SELECT i AS k, $columns, 1 AS t FROM generate_series(1, $rows) i"
	sql -c "SELECT medallion.create_feature('d', '{$folder/*.csv}', '{k}', '{\"sequence_by\": \"t\", \"columns\": {\"t\": {\"type\": \"int\"}}}')" >/dev/null
	sql -c "SELECT FROM medallion.run_pipeline('{d}')" >/dev/null
	write_file b.csv "SELECT CASE WHEN i % 2 = 0 THEN i * 50 ELSE $rows + i END AS k, ${columns/name /changed }, 2 AS t FROM generate_series(1, $rows / 50) i"
	sql -c "SELECT FROM medallion.run_pipeline('{d}', '{bronze}')" -c "VACUUM ANALYZE silver.d" >/dev/null
	sql <<'S'
CREATE FUNCTION refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM silver.d v WHERE v._business_key_hash = new._business_key_hash AND v._scd2_version <> new._scd2_version
			   AND (v._scd2_valid_to IS NULL OR v._scd2_valid_to > new._scd2_valid_from) AND (new._scd2_valid_to IS NULL OR new._scd2_valid_to > v._scd2_valid_from)) THEN
		RAISE EXCEPTION 'versions overlap' USING ERRCODE = 'exclusion_violation';
	END IF;
	RETURN NULL;
END $$;
S
}

checks="ALTER TABLE silver.d ADD CHECK (_scd2_valid_to > _scd2_valid_from), ADD CHECK (_scd2_is_current = (_scd2_valid_to IS NULL));"

# ddl WAY: what enforces that way, where the first index is there
ddl()
{
	case $1 in
		unique | checks | statement | row | exclusion)
			echo "ALTER TABLE silver.d ADD CONSTRAINT d_key PRIMARY KEY USING INDEX d_plain; CREATE UNIQUE INDEX ON silver.d (_business_key_hash) WHERE _scd2_is_current;" ;;
	esac
	case $1 in
		checks | statement | row | exclusion) echo "$checks" ;;
	esac
	case $1 in
		statement)
			for event in insert update; do
				echo "CREATE TRIGGER s_$event AFTER $event ON silver.d REFERENCING NEW TABLE AS _new_rows
					FOR EACH STATEMENT EXECUTE FUNCTION medallion.refuse_overlap('_scd2_valid_from', '_scd2_valid_to');"
			done ;;
		row) echo "CREATE TRIGGER r AFTER INSERT OR UPDATE ON silver.d FOR EACH ROW EXECUTE FUNCTION refuse_overlap();" ;;
		exclusion) echo "ALTER TABLE silver.d ADD EXCLUDE USING gist (_business_key_hash WITH =, int4range(_scd2_valid_from, _scd2_valid_to) WITH &&);" ;;
	esac
}

# measure WAY: "build run cpu bytes", bytes being those of the indexes
measure()
{
	sql <<S | tr '\n|' '  ' | awk '{ print $2 - $1, $4 - $2, $5 - $3, $6 }'
CREATE FUNCTION pg_temp.cpu() RETURNS numeric LANGUAGE sql AS \$\$ SELECT (f[12]::numeric + f[13]::numeric) / 100 FROM string_to_array(split_part(pg_read_file('/proc/self/stat'), ') ', 2), ' ') f \$\$;
BEGIN;
ALTER TABLE silver.d DROP CONSTRAINT d_pkey, DROP CONSTRAINT ends_after_it_begins, DROP CONSTRAINT current_is_open;
DROP INDEX silver.d_current_key; DROP TRIGGER _medallion_refuse_insert ON silver.d; DROP TRIGGER _medallion_refuse_update ON silver.d;
$([ "$1" = index ] && echo "CREATE INDEX d_plain" || echo "CREATE UNIQUE INDEX d_plain") ON silver.d (_business_key_hash, _scd2_version);
SELECT extract(epoch FROM clock_timestamp());
$(ddl "$1")
SELECT extract(epoch FROM clock_timestamp()), pg_temp.cpu();
SELECT FROM medallion.run_pipeline('{d}', '{silver}', '{"on_error": "raise"}') \g /dev/null
SELECT extract(epoch FROM clock_timestamp()), pg_temp.cpu(), pg_indexes_size('silver.d');
ROLLBACK;
S
}

prepare
echo "way        building   run     cpu     indexes MB   ($rows keys, $((rows / 50)) rows come, median of $rounds)"
results=$(for _ in $(seq "$rounds"); do for way in $ways; do echo "$way $(measure "$way")"; sql -c "VACUUM silver.d" -c CHECKPOINT; done; done)
for way in $ways; do
	printf '%-10s' "$way"
	for field in 2 3 4; do printf '%7.2f ' "$(echo "$results" | awk -v w="$way" -v f=$field '$1 == w { print $f }' | median)"; done
	printf '%9.0f\n' "$(echo "$results" | awk -v w="$way" '$1 == w { print $5 / 1048576 }' | median)"
done
