#!/bin/bash
# Random models, random changes, each refresh compared with the query: for as long as you like.
#
#   test/gold_property.sh                  2,000 models, other ones each time
#   test/gold_property.sh 1 4711           the model of a seed that failed
#
# On the private server of test/server.sh; SERVER=here on that of PGHOST and PGPORT.

. "$(dirname "$0")/lib.sh"

if [ "$SERVER" != here ]; then
	install_extension >/dev/null || die "the extension could not be built and installed"
	bash "$project/test/server.sh" start || exit 1
	eval "$(bash "$project/test/server.sh" env)"
fi
export PGDATABASE=medallion_gold_property PGOPTIONS='-c client_min_messages=warning'
seed=${2:-$((RANDOM * 32768 + RANDOM))}
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE" || exit 1
psql -X -q -c "CREATE EXTENSION medallion" -c "CREATE EXTENSION pgtap" || exit 1
scratch=$(mktemp -d) && chmod 777 "$scratch" || exit 1
echo "# seed $seed"
psql -X -v scratch="$scratch" -v verbose=1 -v seed="$seed" -v models="${1:-2000}" -f "$project/test/pgtap/gold_property.sql" | tee "$scratch/out"
! grep -q '^not ok\|ERROR' "$scratch/out"
