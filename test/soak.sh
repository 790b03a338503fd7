#!/bin/bash
# The soak: very many small runs in one session and with workers; memory, catalogs and ledgers stay flat.
# "make test" does a few; this does 10000, or as many as it is told, 400 of them with workers.
#
#   test/soak.sh [RUNS]
#   WORKERS=every test/soak.sh        all of them with workers

. "$(dirname "$0")/lib.sh"
export RUNS=${1:-10000} TESTS=012_soak MEDALLION_TEST_TIMEOUT=${MEDALLION_TEST_TIMEOUT:-36000}
bash "$project/test/run.sh" tap
status=$?
# The figures are in the log.
cat "$(bash "$project/test/server.sh" home)/test/logs/tap_012_soak.log" 2>/dev/null
exit $status
