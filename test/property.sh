#!/bin/bash
# A test of random sequences with more of them than a test run has, other ones each time.
#
#   test/property.sh gold 2000          models refreshed by groups, each compared with its query
#   test/property.sh fold 500           features of 40 keys loaded in random rounds, compared with test/fold/oracle.py
#   test/property.sh undo 500           runs undone in random order, compared with never having run
#   test/property.sh undo 1 4711        the seed that failed
#
# On the private server of test/server.sh; SERVER=here on that of PGHOST and PGPORT.

. "$(dirname "$0")/lib.sh"

case ${1:-} in
	gold) file=gold_property count=(-v "models=${2:-2000}" -v verbose=1) most=1000000000 ;;
	fold) file=properties count=(-v "seeds=${2:-500}") most=1000000000 ;;
	undo) file=undo count=(-v "seeds=${2:-500}") most=90000 ;;
	*) die "usage: test/property.sh fold|gold|undo [count [seed]]" ;;
esac
if [ "${SERVER:-}" != here ]; then
	install_extension >/dev/null || die "the extension could not be built and installed"
	bash "$project/test/server.sh" start || exit 1
	eval "$(bash "$project/test/server.sh" env)"
fi
export PGDATABASE=medallion_property PGOPTIONS='-c client_min_messages=error'
seed=${3:-$(((RANDOM * 32768 + RANDOM) % most))}
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE" || exit 1
psql -X -q -c "CREATE EXTENSION medallion" -c "CREATE EXTENSION pgtap" || exit 1
scratch=$(mktemp -d) && chmod 777 "$scratch" || exit 1
echo "# seed $seed"
psql -X -q -A -t -v project="$project" -v scratch="$scratch" -v seed="$seed" "${count[@]}" -f "$project/test/pgtap/$file.sql" 2>&1 | tee "$scratch/out"
! grep -q '^not ok\|ERROR\|FATAL' "$scratch/out"
