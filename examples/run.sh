#!/bin/bash
# Runs one example in a database of its own, on the server that PGHOST, PGPORT and PGUSER say, which has the extension.
#
#   examples/run.sh klines                      on its bundled sample
#   examples/run.sh klines ../shared/data       on other files in the same layout; the server has to be able to read them
#
# The database is named example_<name>, and stays.  More than the tables: see each example's README.

set -eu
examples=$(cd "$(dirname "$0")" && pwd -P)
name=$1
folder=$(cd "${2:-$examples/$name/data}" && pwd -P)
database=example_$name
sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -v folder="$folder" -v examples="$examples" -d "$@"; }

sql postgres -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" -c "CREATE DATABASE $database TEMPLATE template0 ENCODING 'UTF8'"
sql "$database" -c "CREATE EXTENSION medallion" -c "ALTER DATABASE $database SET medallion.input_root = '$folder'"
if [ -e "$examples/$name/run.sql" ]; then
	sql "$database" -f "$examples/$name/run.sql"
else
	sql "$database" -f "$examples/$name/config.sql" -o /dev/null
	sql "$database" -c "SELECT layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline(layers => '{bronze,silver}')"
	sql "$database" -f "$examples/$name/models.sql" -o /dev/null
	sql "$database" -c "SELECT layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline()"
fi
