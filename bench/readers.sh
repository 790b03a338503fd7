#!/bin/bash
# Our workbook reader beside others: file to cells, one thread, no database.
#
#   bench/readers.sh                      a million rows, five rounds, medians and ratios
#   ROWS=100000 RUNS=3 bench/readers.sh   smaller
#
# Needs gcc, libxlsxwriter-dev (writes the workbooks) and what the extension is built with.  Peers are
# measured where they can be had: calamine with cargo, openpyxl with python3, xlsxio with git, the limit
# probe from MEDALLION_SHARED.  Peers and workbooks go to bench/.peers, which git ignores; XLSXIO names a
# clone of xlsxio that is there already.  Rounds run all readers in turn, so that a busy machine is busy
# for all.

. "$(dirname "$0")/../test/lib.sh"

rows=${ROWS:-1000000}
runs=${RUNS:-5}
small=$((rows / 50 > 0 ? rows / 50 : 1))
here=$project/bench/readers
peers=$project/bench/.peers
probe=${MEDALLION_SHARED:-$project/../shared}/probes/limfull.c
mkdir -p "$peers" && cd "$peers" || exit 1

isal_flags()
{
	printf '#include <isa-l/igzip_lib.h>\n' | gcc -E - >/dev/null 2>&1 && echo "-DHAVE_ISAL -lisal"
}

build_ours()
{
	gcc -std=gnu99 -D_GNU_SOURCE -O2 -I"$project/src" "$project"/src/file/*.c "$here/ours.c" -o ours \
		$(isal_flags) -lminizip -lz -lzstd -lexpat -lm
}

build_calamine()
{
	mkdir -p calamine/src && cp "$here/calamine.rs" calamine/src/main.rs || return 1
	printf '[package]\nname = "calamine_read"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\ncalamine = "0.36"\n' >calamine/Cargo.toml
	printf '[profile.release]\nlto = true\ncodegen-units = 1\n' >>calamine/Cargo.toml
	(cd calamine && cargo build -q --release)
}

build_xlsxio()
{
	[ -d "${XLSXIO:=$peers/xlsxio}" ] || git clone -q --depth 1 https://github.com/brechtsanders/xlsxio "$XLSXIO" || return 1
	gcc -w -O2 -DUSE_MINIZIP -I"$XLSXIO/include" -I/usr/include/minizip "$XLSXIO"/lib/xlsxio_read*.c "$here/xlsxio.c" -o xlsxio_read \
		-lminizip -lz -lexpat
}

build_limit()
{
	[ -e "$probe" ] || return 1
	printf '#include <stdlib.h>\n#include <string.h>\ndouble ff_parse(const char *p, const char *q) { char b[64] = ""; memcpy(b, p, q - p < 63 ? q - p : 63); return strtod(b, 0); }\n' >limit_strtod.c
	gcc -w -O2 "$probe" limit_strtod.c -o limit -lz -ldeflate -lisal -lexpat
}

openpyxl_python()
{
	local python

	for python in python3 /usr/bin/python3; do
		"$python" -c 'import openpyxl' 2>/dev/null && echo "$python" && return
	done
}

# run READER KIND: prints "seconds cells".
run()
{
	case $1 in
		ours) ./ours "$2.xlsx" ;;
		strict) ./ours "$2.xlsx" strict ;;
		calamine) calamine/target/release/calamine_read "$2.xlsx" ;;
		xlsxio) ./xlsxio_read "$2.xlsx" ;;
		limit) CH=262144 ./limit "$2.xlsx" scanfullisalcrc xl/worksheets/sheet1.xml ${2/inline/} |
			sed -n 's/.*scanfullisalcrc *\([0-9.]*\) s.* cells \([0-9]*\) .*/\1 \2/p' ;;
		openpyxl) "$python" "$here/openpyxl_read.py" "$2-small.xlsx" |
			awk -v rows="$rows" -v small="$small" '{ print $1 * (rows + 1) / (small + 1), int($2 * (rows + 1) / (small + 1)) }' ;;
	esac
}

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

gcc -O2 "$here/generate.c" -o generate -lxlsxwriter || die "the generator could not be built: is libxlsxwriter-dev there?"
build_ours || die "our reader could not be built"
readers="ours strict"
[ "$(cat rows 2>/dev/null)" = "$rows" ] || rm -f ./*.xlsx
for kind in inline shared; do
	[ -e "$kind.xlsx" ] || ./generate "$kind.xlsx" "$rows" "$kind" || exit 1
	[ -e "$kind-small.xlsx" ] || ./generate "$kind-small.xlsx" "$small" "$kind" || exit 1
done
echo "$rows" >rows
build_limit 2>/dev/null && readers="$readers limit"
build_calamine 2>/dev/null && readers="$readers calamine"
build_xlsxio 2>/dev/null && readers="$readers xlsxio"
python=$(openpyxl_python) && [ -n "$python" ] && readers="$readers openpyxl"

rm -f times-*
for round in $(seq "$runs"); do
	for reader in $readers; do
		for kind in inline shared; do
			run "$reader" "$kind" >>"times-$reader-$kind"
		done
	done
done

echo "$rows rows x 14 columns; medians of $runs; seconds, million cells a second, time as a multiple of ours"
for kind in inline shared; do
	ours=$(median <"times-ours-$kind")
	for reader in $readers; do
		awk -v kind="$kind" -v reader="$reader" -v t="$(median <"times-$reader-$kind")" -v ours="$ours" \
			'{ cells = $2 } END { printf "%-7s %-9s %7.2f s %7.2f M/s %6.2f\n", kind, reader, t, cells / t / 1e6, t / ours }' "times-$reader-$kind"
	done
done
echo "(strict: our reader without its scanner; limit: a probe that decodes but checks nothing; openpyxl: scaled from $small rows)"
