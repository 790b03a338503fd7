#!/bin/bash
# Every test, on the private server; the last line is "N passed, N failed[, N skipped]".
#
#   test/run.sh                    all suites
#   test/run.sh regress tap        some of: style file fuzz regress isolation pgtap tap docs
#   test/run.sh valgrind clang     a server under valgrind, clang-tidy: these are not among all
#
# One test:  make installcheck REGRESS=name ISOLATION=   with  eval "$(test/server.sh env)"  before,
#            TESTS=name test/run.sh pgtap                for the files whose name contains that.
#
# A suite that crashes, or that counts other than it announced, is a failure: nothing is swallowed.
# Tests find these in their environment:
#   MEDALLION_PROJECT   the project's folder
#   MEDALLION_SHARED    large data sets with known totals, default ../shared; a test says that it
#                       skips when the folder is absent
#   FUZZ_SECONDS        how long libFuzzer looks for more, per format; 0: the seeds are replayed, no more
#   MEDALLION_QUICK     if set, a sixth of the random sequences
#   MEDALLION_SCRATCH   a folder for the tests' own files that the server can read

. "$(dirname "$0")/lib.sh"

suites=${*:-style file fuzz regress isolation pgtap tap docs}
: "${TESTS:=}" "${MEDALLION_TEST_TIMEOUT:=900}"
passed=0 failed=0 skipped=0 tallied_at=0
stop_at_end=					# yes when the server did not run before

# --- counting ---

# Adds to the totals and says so in one line, with the seconds it took.
tally()
{
	local what=$1 ok=$2 bad=$3 skip=${4:-0} text

	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	text="$ok passed, $bad failed"
	[ "$skip" = 0 ] || text="$text, $skip skipped"
	printf '%-44s %-32s %4d s\n' "$what" "$text" $((SECONDS - tallied_at))
	tallied_at=$SECONDS
}

# "passed failed skipped" of a TAP log: top-level results only, subtests are inside them.
# A plan that was not kept, and a missing plan, are failures.
count_tap()
{
	awk '
		/^ok( [0-9]| -)/ { seen++; if (tolower($0) ~ /# *skip/) skip++; else ok++ }
		/^not ok( [0-9]| -)/ { seen++; if (tolower($0) ~ /# *todo/) ok++; else bad++ }
		/^1\.\.[0-9]+/ { planned = 1; plan = substr($1, 4) + 0; if (plan == 0) skip++ }
		/^Bail out!/ { bailed = 1 }
		END {
			if (!planned || plan != seen || bailed) bad++
			print ok + 0, bad + 0, skip + 0
		}' "$1"
}

# "passed failed skipped" of what pg_regress printed, in the form of 15 or of 16 and later.
count_regress()
{
	awk '
		/^ok [0-9]/ || /^(test| {4,})[^#]* \.\.\. ok/ { ok++ }
		/^not ok [0-9]/ || /^(test| {4,})[^#]* \.\.\. (FAILED|failed)/ { bad++ }
		END { print ok + 0, bad + 0, 0 }' "$1"
}

# Runs one TAP-emitting command and counts it.
run_tap()
{
	local name=$1 log=$2
	shift 2

	run_aside "$log" "$@"
	count_aside "$name" "$log"
}

# Runs it, and only notes how it ended: what runs in the background is counted later.
run_aside()
{
	local log=$logs/$1
	shift

	timeout -k 10 "$MEDALLION_TEST_TIMEOUT" "$@" >"$log" 2>&1 </dev/null
	echo $? >"$log.status"
}

# Counts what ran; its whole output is shown when something is wrong.
count_aside()
{
	local name=$1 log=$logs/$2 status counts

	status=$(cat "$log.status")
	read -r -a counts <<<"$(count_tap "$log")"
	# It failed, and no single test says so: a crash or a time-out.
	[ "$status" = 0 ] || [ "${counts[1]}" != 0 ] || counts[1]=1
	if [ "${counts[1]}" != 0 ]; then
		cat "$log"
		[ "$status" != 124 ] || echo "# timed out after $MEDALLION_TEST_TIMEOUT seconds"
	else
		grep -iE '^ok.*# *skip|^1\.\.0' "$log" | sed 's/^/    /'
	fi
	tally "$name" "${counts[@]}"
}

# Runs one half of "make installcheck" and counts it; shows the differences when there are any.
run_installcheck()
{
	local name=$1 log=$logs/$1.log diffs=$2 expected=$3 status counts
	shift 3

	if [ "$expected" = 0 ]; then
		echo "$name: no tests"
		return
	fi
	rm -f "$diffs"
	timeout -k 10 "$MEDALLION_TEST_TIMEOUT" make --no-print-directory installcheck "$@" >"$log" 2>&1
	status=$?
	read -r -a counts <<<"$(count_regress "$log")"
	if [ $status != 0 ] || [ $((counts[0] + counts[1])) != "$expected" ]; then
		[ "${counts[1]}" != 0 ] || counts[1]=1
		cat "$log"
		[ ! -s "$diffs" ] || cat "$diffs"
	fi
	tally "$name" "${counts[@]}"
}

# The files of a suite, in order; with TESTS=..., those whose name contains it.
files()
{
	local file

	for file in "$@"; do
		[[ -e $file && ${file##*/} == *"$TESTS"* ]] && echo "$file"
	done
}

# --- suites ---

suite_style()
{
	run_tap "layer rules" layers.log bash test/layers.sh --tap
	run_tap "forbidden words, versions" style.log bash test/style.sh --tap
	run_tap "static analysis" analyze.log bash test/analyze.sh --tap cppcheck gcc
}

suite_file()
{
	[ -e test/file/run.sh ] || { echo "file: no tests"; return; }
	run_tap "file layer" file.log bash test/file/run.sh
}

# The seeds; with FUZZ_SECONDS also what libFuzzer finds, where it is there.
suite_fuzz()
{
	run_tap "fuzzed file layer" fuzz.log bash test/fuzz/run.sh "${FUZZ_SECONDS:-0}"
}

suite_regress()
{
	run_installcheck regress regression.diffs "$(files test/sql/*.sql | wc -l)" ISOLATION= \
		${TESTS:+REGRESS="$(files test/sql/*.sql | sed 's,.*/,,; s,\.sql$,,' | tr '\n' ' ')"}
}

suite_isolation()
{
	run_installcheck isolation output_iso/regression.diffs "$(files test/specs/*.spec | wc -l)" REGRESS= \
		${TESTS:+ISOLATION="$(files test/specs/*.spec | sed 's,.*/,,; s,\.spec$,,' | tr '\n' ' ')"}
}

# Each file in a database of its own, with pgTAP and the extension in it.
suite_pgtap()
{
	local file name

	for file in $(files test/pgtap/*.sql); do
		name=$(basename "$file" .sql)
		run_tap "pgtap $name" "pgtap_$name.log" bash test/run.sh one_pgtap "$file"
	done
}

one_pgtap()
{
	local database=medallion_pgtap

	psql -X -q -v ON_ERROR_STOP=1 -d postgres \
		-c "SET client_min_messages = warning" \
		-c "DROP DATABASE IF EXISTS $database WITH (FORCE)" -c "CREATE DATABASE $database" &&
		psql -X -q -v ON_ERROR_STOP=1 -d $database \
			-c "CREATE EXTENSION pgtap" -c "CREATE EXTENSION medallion" &&
		PGOPTIONS='-c client_min_messages=warning' pg_prove -v --nocolor -d $database \
			--set project="$MEDALLION_PROJECT" --set shared="$MEDALLION_SHARED" \
			--set scratch="$MEDALLION_SCRATCH" "$1"
}

# $small_disk becomes a file system of 128 MB for the command that "${with_small_disk[@]}" precedes, if we
# may mount one: in a mount namespace of its own, which is gone with the command.
choose_small_disk()
{
	small_disk=$work/small_disk
	mkdir -p "$small_disk"
	with_small_disk=(unshare --mount bash -c 'mount -t tmpfs -o size=128m,mode=777 tmpfs "$0" && exec "$@"' "$small_disk")
	"${with_small_disk[@]}" true 2>/dev/null || { small_disk='' with_small_disk=(); }
}

# The server's own TAP framework: tests that start, crash and restart servers.  Not as root.  003_cron waits for
# whole minutes, while the others run.
suite_tap()
{
	local file name aside='' small_disk with_small_disk tap_command

	choose_small_disk
	for file in $(files test/t/*.pl); do
		name=$(basename "$file" .pl)
		choose_tap_command "$file" "$name"
		if [ "$name" = 003_cron ]; then
			run_aside "tap_$name.log" "${tap_command[@]}" &
			aside=$name
			continue
		fi
		run_aside "tap_$name.log" "${tap_command[@]}"
		count_tap_test "$name"
	done
	[ -z "$aside" ] || { wait; count_tap_test "$aside"; }
}

choose_tap_command()
{
	local file=$1 name=$2 framework

	framework=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
	tap_command=("${with_small_disk[@]}" bash -c '. test/lib.sh && as_server_user "$@"' - \
		env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE TESTDIR="$work/tap" TESTDATADIR="$work/tap/$name" TESTLOGDIR="$work/tap/$name/log" \
		PG_REGRESS="$framework/regress/pg_regress" \
		MEDALLION_PROJECT="$MEDALLION_PROJECT" MEDALLION_SHARED="$MEDALLION_SHARED" \
		MEDALLION_SCRATCH="$MEDALLION_SCRATCH" MEDALLION_SMALL_DISK="$small_disk" PATH="$PATH" HOME="$work/tap" \
		perl -I"$framework/perl" -I"$project/test/t" "$project/$file")
}

count_tap_test()
{
	local name=$1 failed_before=$failed

	count_aside "tap $name" "tap_$name.log"
	[ "$failed" = "$failed_before" ] ||
		find "$work/tap" -name "regress_log_$name" -exec tail -n 60 {} +
}

# What README.md and docs/ show.
suite_docs()
{
	run_tap "documents" docs.log bash test/docs.sh
}

# The analysis that takes minutes.
suite_clang()
{
	run_tap "static analysis by clang" clang.log bash test/analyze.sh --tap clang
}

suite_valgrind()
{
	run_tap "valgrind" valgrind.log bash test/valgrind.sh --tap
}

# --- the run ---

# A project in a folder that the server's user cannot read is tested as a copy in an open place.
move_to_open_place()
{
	local copy
	copy=$(outside_folder) || exit 1
	copy=$copy/tree

	say "user $(server_user) cannot read $project; testing a copy in $copy"
	mkdir -p "$copy" && find "$copy" -mindepth 1 -maxdepth 1 ! -name .server -exec rm -rf {} + &&
		tar -C "$project" --exclude=./.git --exclude=./.server --exclude=./.debug -cf - . |
		tar -C "$copy" --no-same-owner -xf - || die "cannot copy $project to $copy"
	chmod 755 "$copy" && find "$copy" -name .server -prune -o -exec chmod a+rX {} +
	cd "$copy" || exit 1
	exec bash test/run.sh $suites
}

# Data sets in a closed place are copied too, for the server reads them.
open_shared()
{
	local copy

	[ -z "$MEDALLION_SHARED" ] || as_server_user test -r "$MEDALLION_SHARED" && return
	copy=$(outside_folder) || exit 1
	copy=$copy/shared
	rm -rf "$copy" && cp -a "$MEDALLION_SHARED" "$copy" && chmod -R a+rX "$copy" ||
		die "cannot copy $MEDALLION_SHARED to $copy"
	MEDALLION_SHARED=$copy
}

prepare()
{
	install_extension || { tally build 0 1; finish; }
	bash test/server.sh status >/dev/null || stop_at_end=yes
	bash test/server.sh start || { tally server 0 1; finish; }
	eval "$(bash test/server.sh env)"
	work=$(bash test/server.sh home)/test
	rm -rf "$work"
	logs=$work/logs
	export MEDALLION_SCRATCH=$work/scratch MEDALLION_PROJECT=$project
	mkdir -p "$logs" "$work/tap" "$MEDALLION_SCRATCH" &&
		chown -R "$(server_user)" "$work" && chmod 777 "$MEDALLION_SCRATCH" "$logs"
}

finish()
{
	local line="$passed passed, $failed failed"

	[ -z "$stop_at_end" ] || bash test/server.sh stop >/dev/null
	[ $skipped = 0 ] || line="$line, $skipped skipped"
	echo "$line"
	[ $failed = 0 ]
	exit
}

cd "$project" || exit 1
if [ "${1:-}" = one_pgtap ]; then
	one_pgtap "$2"
	exit
fi
[ -n "${MEDALLION_SHARED:-}" ] || MEDALLION_SHARED=$(cd ../shared 2>/dev/null && pwd)
open_shared
export MEDALLION_SHARED
project_is_open || move_to_open_place
[ -n "$MEDALLION_SHARED" ] || say "no ../shared here: tests on its data are skipped"
prepare
tallied_at=$SECONDS
for suite in $suites; do
	[ "$(type -t "suite_$suite")" = function ] || die "no such suite: $suite"
	"suite_$suite"
done
finish
