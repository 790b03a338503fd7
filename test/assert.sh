#!/bin/bash
# The suites on a server with assertions, which aborts where a lock, a buffer, a snapshot or memory is
# left over or used when it is gone; and which overwrites freed memory.  The first time, the server is built.
#
#   test/assert.sh                    pgTAP, regression and isolation tests
#   test/assert.sh tap                those of one suite;  TESTS=name for some files

. "$(dirname "$0")/lib.sh"
tree=$(bash "$project/test/debug_server.sh" tree | tail -n 1) && [ -d "$tree" ] || exit 1
PG_CONFIG=$(bash "$project/test/debug_server.sh" | tail -n 1)
export PG_CONFIG MEDALLION_SHARED=${MEDALLION_SHARED:-$(cd "$project/../shared" 2>/dev/null && pwd)}
export MEDALLION_TEST_TIMEOUT=${MEDALLION_TEST_TIMEOUT:-3600}
cd "$tree" && exec bash test/run.sh ${*:-pgtap regress isolation}
