#!/bin/bash
# Static analysis: cppcheck, gcc -fanalyzer and clang-tidy, as far as they are installed.  Prints what they
# find, and the files that they could not analyse; status 1 if anything.  What is right as it is stands in
# test/analyze/, with its reason.
#
#   test/analyze.sh                   all three, in some minutes (Debian: cppcheck, clang-tidy)
#   test/analyze.sh cppcheck          some of: cppcheck gcc clang
#   test/analyze.sh --tap [TOOL...]   as TAP, one test each; one whose tool is absent is skipped by name, and all
#                                     are where MEDALLION_QUICK is set, for the server's version is nothing to them
#
# gcc 12's analyzer takes ereport() for something that returns, and any palloc for a leak: it is shown the
# file layer alone, which is plain C.

. "$(dirname "$0")/lib.sh"
cd "$project" || exit 1

# --- the tools: each prints its findings, and what it failed at, without what stands in the list of reasons ---

run_cppcheck()
{
	cppcheck --quiet --enable=warning,performance,portability --std=c99 --inline-suppr --max-configs=1 -j"$(nproc)" \
		--template='{file}:{line}: {severity}: {message} [{id}]' --suppressions-list=test/analyze/cppcheck.txt \
		--suppress=missingInclude -Isrc --include=test/analyze/server.h src/*/ 2>&1 || echo "cppcheck did not end well"
}

# Runs a command for each file that stdin names, in place of {}; says so of a file with which it fails.
for_each_file()
{
	LC_ALL=C xargs -P "$(nproc)" -I{} sh -c 'file=$1; shift; "$@" 2>&1 || echo "$file:1:1: error: could not be analysed"' - {} "$@"
}

# Of what compilers print: the lines about our files, without their numbers, that are not in a list.
findings_but()
{
	sed -nE "s#^($project/)?(src/[^:]*):[0-9]+:[0-9]+: ((fatal )?error:|warning: .*\\[${2:-})#\\2: \\3#p" | sort -u | grep -vxFf <(grep -v '^#' "$1")
}

run_gcc()
{
	printf '%s\n' src/file/*.c | for_each_file gcc -fanalyzer -O1 -std=gnu99 -D_GNU_SOURCE -Isrc -c {} -o /dev/null |
		findings_but test/analyze/gcc.txt -Wanalyzer
}

run_clang()
{
	local flags
	flags="-std=gnu99 -D_GNU_SOURCE -Isrc -isystem $("$PG_CONFIG" --includedir-server)"

	# how far memory is from the caches' lines, and strcpy() where the length is known, are no faults
	printf '%s\n' src/*/*.c | for_each_file clang-tidy --quiet \
		--checks=-clang-analyzer-optin.performance.Padding,-clang-analyzer-security.insecureAPI.strcpy {} -- $flags |
		findings_but test/analyze/clang.txt
}

# --- what is said of it ---

command_of()
{
	case $1 in
		clang) echo clang-tidy ;;
		*) echo "$1" ;;
	esac
}

# Runs a tool if it is there; its findings are shown.
analyze()
{
	local lines

	command -v "$(command_of "$1")" >/dev/null || { say "$1: no $(command_of "$1") here"; return; }
	lines=$("run_$1")
	[ -z "$lines" ] || { echo "$lines"; status=1; }
	say "$1: $(grep -c . <<<"$lines") findings"
}

analyze_as_tap()
{
	local tool=$1 lines

	number=$((number + 1))
	if [ -n "${MEDALLION_QUICK:-}" ]; then
		echo "ok $number # skip $tool: MEDALLION_QUICK is set"
	elif ! command -v "$(command_of "$tool")" >/dev/null; then
		echo "ok $number # skip $tool: no $(command_of "$tool") here"
	elif lines=$("run_$tool"); [ -z "$lines" ]; then
		echo "ok $number - $tool finds nothing"
	else
		status=1
		echo "not ok $number - $tool finds nothing"
		sed 's/^/#   /' <<<"$lines"
	fi
}

status=0 number=0 each=analyze
[ "${1:-}" != --tap ] || { each=analyze_as_tap; shift; }
for tool in ${*:-cppcheck gcc clang}; do
	[ "$(type -t "run_$tool")" = function ] || die "no such tool here: $tool"
	"$each" "$tool"
done
[ $each = analyze ] || echo "1..$number"
exit $status
