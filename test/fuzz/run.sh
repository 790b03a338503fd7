#!/bin/bash
# The file layer fed with what no program writes, under the address and undefined-behaviour sanitizers;
# prints TAP.
#
#   test/fuzz/run.sh                  replays the seeds, then 10 seconds of libFuzzer for each format
#   test/fuzz/run.sh 300 sheet biff   300 seconds for each of these
#   test/fuzz/run.sh 0                replays the seeds, no more
#   VALGRIND=1 test/fuzz/run.sh 0     replays them under valgrind instead
#   test/fuzz/run.sh keep FOLDER      brings seeds/ up to date with FOLDER/FORMAT/*, which must be of our making
#
# Seeds are files of our own making and what libFuzzer made of them; wrap.c says what each format's are.
# What was refused once as a crash is among them, named fixed-*.  Replaying needs gcc alone, libFuzzer needs
# clang and its runtime (Debian: clang, libclang-rt-dev).  A file may take 2 seconds, 256 MB under the
# sanitizers and 64 MB at once.
#
# work/ is git's to ignore: work/FORMAT what libFuzzer found, work/crashes what it complains about.
# To see one again:   MEDALLION_FUZZ=FORMAT test/fuzz/work/fuzz FILE

cd "$(dirname "$0")/../.." || exit 1
formats="csv json packed html xmlss fods ods xls biff zip sheet strings styles book rels xlsb xlsbbook xlsbstrings xlsbstyles"
largest=8192
here=test/fuzz
work=${MEDALLION_FUZZ_WORK:-$here/work}
corpus=${MEDALLION_SHARED:-../shared}/corpus
number=0
broken=0

ok()
{
	number=$((number + 1))
	echo "ok $number - $1"
}

not_ok()
{
	number=$((number + 1)) broken=$((broken + 1))
	echo "not ok $number - $1"
	sed 's/^/# /' <<<"$2"
}

skip()
{
	number=$((number + 1))
	echo "ok $number # skip $1"
}

finish()
{
	echo "1..$number"
	[ $broken = 0 ]
	exit
}

cc=${CC:-gcc}
isal=$(printf '#include <isa-l/igzip_lib.h>\n' | "$cc" -E - >/dev/null 2>&1 && echo "-DHAVE_ISAL -lisal")

# build TOOL COMPILER FLAGS...: the harness with the file layer; anew only when a source is newer.
build()
{
	local tool=$1 objects=$1.objects

	shift
	[ ! -x "$tool" ] || [ -n "$(find src/file "$here" -maxdepth 1 -name '*.[ch]' -newer "$tool")" ] || return 0
	rm -rf "$objects"
	mkdir "$objects"
	printf '%s\n' "$here"/*.c src/file/*.c |
		nice xargs -P "$(nproc)" -I{} sh -c 'file=$1; objects=$2; shift 2; exec "$@" -c "$file" -o "$objects/$(basename "$file" .c).o"' - {} "$objects" \
			"$@" -std=gnu99 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all -Wall -Wextra -Isrc ${isal:+-DHAVE_ISAL} 2>"$work/errors" &&
		"$@" "$objects"/*.o -o "$tool" $isal -lminizip -lz -lzstd -lexpat -lm 2>>"$work/errors"
}

# The clang that has libFuzzer's runtime, if there is one.
fuzzing_clang()
{
	local compiler

	for compiler in clang clang-{20..14}; do
		if command -v "$compiler" >/dev/null &&
			printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *d, size_t n) {return d == 0 && n;}\n' |
			"$compiler" -x c -fsanitize=fuzzer,address - -o "$work/probe" 2>/dev/null; then
			echo "$compiler"
			return
		fi
	done
}

# What a failed run said that tells where it went wrong.
complaint()
{
	grep -aE 'ERROR|SUMMARY|runtime error|_fuzz\.c:|#[0-9]+ .* src/|Test unit written|^Base64' "$1" | head -n 12
}

# Feeds the seeds of a format, with whatever compiler there is.
replay()
{
	local format=$1 seeds

	seeds=$(find "$here/seeds/$format" -type f 2>/dev/null | wc -l)
	if MEDALLION_FUZZ=$format timeout "$limit" $valgrind "$replay" "$here/seeds/$format"/* >"$work/replay.log" 2>&1; then
		ok "$format: $seeds seeds"
	else
		not_ok "$format: seeds" "$(grep -a "seeds/$format/" "$work/replay.log" | tail -n 1; complaint "$work/replay.log")"
	fi
}

# Files to begin with: the seeds and, where they are, the demo's and the corpus's.
gather()
{
	[ -d "$work/gathered" ] || ! python3 -c '' 2>/dev/null || {
		mkdir "$work/gathered"
		find examples/sales/data "$corpus" -type f -size -64k \( -iname '*.xls*' -o -iname '*.ods' -o -iname '*.fods' \
			-o -iname '*.xml' -o -iname '*.htm*' -o -iname '*.csv' -o -iname '*.txt' -o -iname '*.json' -o -iname '*.prn' \) \
			-print0 2>/dev/null | xargs -0 -r python3 "$here/gather.py" "$work/gathered" $largest
	}
	for format in $formats; do
		mkdir -p "$work/$format" "$work/gathered/$format"
	done
}

libfuzzer()
{
	local format=$1
	shift

	# What the sanitizer keeps back of freed memory is no memory of the reader's.  Not nice: -timeout is by the clock.
	ASAN_OPTIONS=quarantine_size_mb=8 MEDALLION_FUZZ=$format "$work/fuzz" -timeout=2 -rss_limit_mb=256 -malloc_limit_mb=64 -max_len=$largest -len_control=10 \
		-artifact_prefix="$work/crashes/$format-" -dict="$here/markup.dict" -print_final_stats=1 "$@"
}

# Runs libFuzzer on a format.
fuzz()
{
	local format=$1 log=$work/$1.log

	if libfuzzer "$format" -max_total_time="$seconds" "$work/$format" "$here/seeds/$format" "$work/gathered/$format" >"$log" 2>&1; then
		ok "$format: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds seconds"
	else
		not_ok "$format" "$(complaint "$log")"
	fi
}

# Keeps of the inputs that together reach all the code that any reaches a sample, by their names, which
# are hashes: at most 60 of a format and 32 kB; nothing gathered, for that is not ours.
keep()
{
	local format=$1 kept=$work/kept file size total=0 count=0

	rm -rf "$kept"
	mkdir -p "$kept" "$here/seeds/$format" "$own/$format"
	libfuzzer "$format" -merge=1 "$kept" "$here/seeds/$format" "$own/$format" >"$work/$format.log" 2>&1 || return
	find "$here/seeds/$format" -type f ! -name 'fixed-*' -delete
	while read -r size file; do
		if [ $count -lt 60 ] && [ $((total + size)) -le 32768 ]; then
			cp "$file" "$here/seeds/$format/"
			total=$((total + size)) count=$((count + 1))
		fi
	done < <(find "$kept" -type f -printf '%s %p\n' | sort -k 2)
}

command=${1:-10}
[ $# = 0 ] || shift
own=
if [ "$command" = keep ]; then
	own=${1:?of what folder}
	shift
fi
formats=${*:-$formats}
seconds=${command/keep/0}
mkdir -p "$work/crashes" || exit 1
replay=$work/replay flags="-fsanitize=address,undefined" limit=120 valgrind=
if [ -n "${VALGRIND:-}" ]; then
	replay=$work/replay-valgrind flags="-DSECONDS_PER_FILE=600" limit=3600
	valgrind="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --num-callers=25"
fi
if ! build "$replay" "$cc" -DREPLAY $flags; then
	not_ok "builds" "$(head -n 20 "$work/errors")"
	finish
fi
for format in $formats; do
	replay "$format"
done
[ "$command" != 0 ] || finish
clang=$(fuzzing_clang)
if [ -z "$clang" ]; then
	skip "clang with libFuzzer is not there"
	finish
fi
if ! build "$work/fuzz" "$clang" -fsanitize=fuzzer,address,undefined; then
	not_ok "builds with $clang" "$(head -n 20 "$work/errors")"
	finish
fi
gather
for format in $formats; do
	if [ "$command" = keep ]; then keep "$format"; else fuzz "$format"; fi
done
finish
