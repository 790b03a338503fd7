#!/bin/bash
# Static analysis: cppcheck, gcc -fanalyzer and clang-tidy, as far as they are installed.  Prints what they
# find; status 1 if anything.  What is right as it is stands in test/analyze/, with its reason.
#
#   test/analyze.sh                   all three, in some minutes (Debian: cppcheck, clang-tidy)
#   test/analyze.sh cppcheck          one of: cppcheck gcc clang
#   test/analyze.sh --tap             cppcheck alone, as TAP: seconds
#
# gcc 12's analyzer takes ereport() for something that returns, and any palloc for a leak: it is shown the
# file layer alone, which is plain C.

. "$(dirname "$0")/lib.sh"
cd "$project" || exit 1

# Lines that are findings, without what stands in a list of reasons.
run_cppcheck()
{
	cppcheck --quiet --enable=warning,performance,portability --std=c99 --inline-suppr --max-configs=1 -j"$(nproc)" \
		--template='{file}:{line}: {severity}: {message} [{id}]' --suppressions-list=test/analyze/cppcheck.txt \
		--suppress=missingInclude -Isrc --include=test/analyze/server.h src/*/ 2>&1
}

run_gcc()
{
	printf '%s\n' src/file/*.c | LC_ALL=C xargs -P "$(nproc)" -I{} gcc -fanalyzer -O1 -std=gnu99 -D_GNU_SOURCE -Isrc -c {} -o /dev/null 2>&1 |
		sed -nE 's/^([^:]*):[0-9]+:[0-9]+: (warning: .*\[-Wanalyzer|error:)/\1: \2/p' | sort -u | grep -vxFf <(grep -v '^#' test/analyze/gcc.txt)
}

run_clang()
{
	local flags
	flags="-std=gnu99 -D_GNU_SOURCE -Isrc -isystem $("$PG_CONFIG" --includedir-server)"

	# how far memory is from the caches' lines, and strcpy() where the length is known, are no faults
	printf '%s\n' src/*/*.c | xargs -P "$(nproc)" -I{} clang-tidy --quiet \
		--checks=-clang-analyzer-optin.performance.Padding,-clang-analyzer-security.insecureAPI.strcpy {} -- $flags 2>/dev/null |
		sed -nE "s#^($project/)?(src/[^:]*):[0-9]+:[0-9]+: (warning|error): #\\2: #p" | sort -u | grep -vxFf <(grep -v '^#' test/analyze/clang.txt)
}

# Runs a tool if it is there; its findings are shown.
analyze()
{
	local tool=$1 command=$2 lines

	command -v "$command" >/dev/null || { say "$tool: no $command here"; return; }
	lines=$("run_$tool")
	[ -z "$lines" ] || { echo "$lines"; status=1; }
	say "$tool: $(grep -c . <<<"$lines") findings"
}

status=0
if [ "${1:-}" = --tap ]; then
	if ! command -v cppcheck >/dev/null; then
		echo "ok 1 # skip no cppcheck"
	elif lines=$(run_cppcheck) && [ -z "$lines" ]; then
		echo "ok 1 - cppcheck finds nothing"
	else
		echo "not ok 1 - cppcheck finds nothing"
		sed 's/^/#   /' <<<"$lines"
	fi
	echo 1..1
	exit
fi
for tool in ${*:-cppcheck gcc clang}; do
	case $tool in
		clang) analyze clang clang-tidy ;;
		*) analyze "$tool" "$tool" ;;
	esac
done
exit $status
