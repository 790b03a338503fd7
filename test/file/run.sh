#!/bin/bash
# The file layer without a server, under the address and undefined-behaviour sanitizers; prints TAP.
#
#   test/file/run.sh
#
# Authored text files and older workbooks with what they must give; the demo's workbooks; damaged and
# random bytes; the fast scanner of workbooks against the general parser; and, where the corpus is there,
# its crafted workbooks against their expected cells, and all of its other files without a crash.
# SEED=2 damages otherwise.

cd "$(dirname "$0")/../.." || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
check=$scratch/reader_check
corpus=${MEDALLION_SHARED:-../shared}/corpus/crafted
number=0

ok()
{
	number=$((number + 1))
	echo "ok $number - $1"
}

not_ok()
{
	number=$((number + 1))
	echo "not ok $number - $1"
	sed 's/^/# /' <<<"$2"
}

# gives NAME INPUT EXPECTED: the reader's output on these bytes (printf notation) must be this.
gives()
{
	local got

	printf "$2" >"$scratch/input"
	got=$("$check" "$scratch/input" 2>&1)
	if [ "$got" = "$(printf "$3")" ]; then
		ok "$1"
	else
		not_ok "$1" "$got"
	fi
}

# survives NAME FILE: any answer but a crash, a sanitizer's finding or a hang.
survives()
{
	timeout 20 "$check" "$2" >/dev/null 2>"$scratch/errors" || { echo "$1: $(head -5 "$scratch/errors")"; return 1; }
}

cc=${CC:-gcc}
isal=$(printf '#include <isa-l/igzip_lib.h>\n' | "$cc" -E - >/dev/null 2>&1 && echo "-DHAVE_ISAL -lisal")

# build NAME SUFFIX FLAGS...: a check of test/file with the file layer, under the sanitizers.
build()
{
	local name=$1 suffix=$2 sanitize="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"

	shift 2
	if [ ! -d "$scratch/layer$suffix" ]; then
		mkdir "$scratch/layer$suffix"
		for file in src/file/*.c; do
			"$cc" -std=gnu99 -D_GNU_SOURCE $sanitize -Wall -Wextra -Isrc "$@" -c "$file" \
				-o "$scratch/layer$suffix/$(basename "$file" .c).o" 2>>"$scratch/errors" || return 1
		done
	fi
	"$cc" -std=gnu99 -D_GNU_SOURCE $sanitize -Wall -Wextra -Isrc "test/file/$name.c" "$scratch/layer$suffix"/*.o \
		-o "$scratch/$name$suffix" "$@" -lminizip -lz -lexpat -lm 2>>"$scratch/errors"
}

# By zlib too where there is ISA-L: what comes out must be the same.
if ! build reader_check "" $isal || ! build scan_check "" $isal || ! build decimal_check "" $isal ||
	{ [ -n "$isal" ] && ! build scan_check _zlib; }; then
	not_ok "builds without a server" "$(cat "$scratch/errors")"
	echo 1..1
	exit 1
fi
ok "builds without a server"

# --- delimited text ---

gives "comma, header, row numbers" 'a,b\n1,2\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t1\n\t2\t2\ttext\t2\n'
gives "semicolon is detected" 'a;b\n1,5;2\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t1,5\n\t2\t2\ttext\t2\n'
gives "tab is detected" 'a\tb\n1\t2\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t1\n\t2\t2\ttext\t2\n'
gives "carriage returns alone" 'a,b\r1,2\r' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t1\n\t2\t2\ttext\t2\n'
gives "CRLF, no line end at the end" 'a,b\r\n1,2' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t1\n\t2\t2\ttext\t2\n'
gives "quotes, doubled quotes, line ends inside" '"a,1","b""c"\n"x\ny",z\nlast,1\n' '\t1\t1\ttext\ta,1\n\t1\t2\ttext\tb"c\n\t2\t1\ttext\tx\\ny\n\t2\t2\ttext\tz\n\t4\t1\ttext\tlast\n\t4\t2\ttext\t1\n'
gives "UTF-8 mark" '\xef\xbb\xbfa,b\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n'
gives "UTF-16, little-endian" '\xff\xfea\x00,\x00\xe9\x00\n\x00' '\t1\t1\ttext\ta\n\t1\t2\ttext\té\n'
gives "windows-1252" 'a,caf\xe9\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tcafé\n'
gives "ragged and blank lines" 'a,b\n\n1\n1,2,3\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t3\t1\ttext\t1\n\t4\t1\ttext\t1\n\t4\t2\ttext\t2\n\t4\t3\ttext\t3\n'
gives "an unterminated quote costs its line, no more" 'a,b\n"x,1\ny,2\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t0\tbad\tunterminated quote: "x,1\n\t3\t1\ttext\ty\n\t3\t2\ttext\t2\n'
gives "an empty file" '' 'error\t3\tthe file is empty\n'
gives "a PDF" '%%PDF-1.4\n' 'error\t5\tthis is a PDF document\n'
gives "the beginning of a compound file" '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' 'error\t3\tthe compound file is damaged: it is cut short\n'

# --- the demo's workbooks, whole and damaged ---

count=0 bad=
while read -r file; do
	count=$((count + 1))
	"$check" "$file" >"$scratch/out" 2>&1 || bad="$bad $file"
	case $file in
		*truncated*) grep -q '^error' "$scratch/out" || bad="$bad $file (not refused)" ;;
		*) ! grep -q '^error' "$scratch/out" || bad="$bad $file: $(grep '^error' "$scratch/out")" ;;
	esac
done < <(find examples/sales/data -name '*.xlsx' | sort)
if [ $count -gt 0 ] && [ -z "$bad" ]; then
	ok "$count workbooks of the demo"
else
	not_ok "$count workbooks of the demo" "$bad"
fi

# Cuts at many places, and bytes replaced by a fixed sequence of pseudo-random ones.
workbook=$(find examples/sales/data -path '*credit_notes/summarized*' -name '*.xlsx' | sort | head -1)
size=$(stat -c %s "$workbook")
bad= RANDOM=42
for i in $(seq 1 40); do
	head -c $((size * i / 41)) "$workbook" >"$scratch/input"
	bad="$bad$(survives "cut at $i of 41" "$scratch/input")"
done
for i in $(seq 1 150); do
	cp "$workbook" "$scratch/input"
	for j in 1 2 3; do
		printf "\\x$(printf %x $((RANDOM % 256)))" |
			dd of="$scratch/input" bs=1 seek=$(((RANDOM * 32768 + RANDOM) % size)) conv=notrunc status=none
	done
	bad="$bad$(survives "mutation $i" "$scratch/input")"
done
if [ -z "$bad" ]; then ok "a workbook cut and altered at random places"; else not_ok "a workbook cut and altered" "$bad"; fi

# --- files authored byte by byte, with what they must give ---

skip()
{
	number=$((number + 1))
	echo "ok $number # skip $1"
}

# passes NAME SCRIPT FOLDER: a program that compares files with what the reader makes of them.
passes()
{
	if ! python3 -c '' 2>/dev/null; then
		skip "python3 is not there"
	elif python3 "test/file/$2" "$check" "$3" >"$scratch/out" 2>&1; then
		ok "$1: $(tail -1 "$scratch/out")"
	else
		not_ok "$1" "$(cat "$scratch/out")"
	fi
}

passes "older workbooks" authored_xls.py "$scratch"
passes "OpenDocument, SpreadsheetML and HTML" authored_markup.py "$scratch"

# --- the scanner beside the parser, numbers beside the C library ---

# alike NAME FOLDER: scanner and parser read all workbooks of the folder alike, under whatever limits.
alike()
{
	local tool limits out differ=""

	for tool in "$scratch"/scan_check*; do
		for limits in "" -t; do
			out=$(find "$2" -name '*.xls[xm]' -print0 | sort -z | xargs -0 -n 1000 timeout 300 "$tool" $limits 2>&1) ||
				differ="$differ$(grep -v ' 0 differ$' <<<"$out" | head -5)"
		done
	done
	if [ -z "$differ" ]; then ok "scanner and parser agree: $1"; else not_ok "scanner and parser agree: $1" "$differ"; fi
}

alike "the demo's workbooks" examples/sales
if python3 test/file/damage.py "$scratch/damaged" 500 "${SEED:-1}" 2>"$scratch/errors"; then
	alike "workbooks whole and damaged, seed ${SEED:-1}" "$scratch/damaged"
else
	skip "python3 is not there"
fi
if [ -d "$corpus" ]; then
	alike "the corpus" "$corpus/.."
else
	skip "the corpus is not there"
fi
if out=$(find "$scratch/damaged" -name 'whole-0*' -print0 | sort -z | xargs -0 "$scratch/scan_check" -c 2>&1); then
	ok "reading stops when it is cancelled"
else
	not_ok "reading stops when it is cancelled" "$out"
fi
if "$scratch/decimal_check" 20000 >"$scratch/out" 2>&1; then
	ok "decimals are those of the C library"
else
	not_ok "decimals are those of the C library" "$(cat "$scratch/out")"
fi

# --- the corpus ---

# survive_all NAME PATTERN...: all files of the corpus with such names are read, or refused, in good order.
survive_all()
{
	local name=$1 count=0 bad="" file patterns=()
	shift

	for file; do
		patterns+=(-o -iname "$file")
	done
	while read -r file; do
		count=$((count + 1))
		bad="$bad$(survives "$file" "$file")"
	done < <(find "$corpus" "${patterns[@]:1}" 2>/dev/null | sort)
	if [ -n "$bad" ]; then
		not_ok "$count $name of the corpus" "$bad"
	elif [ $count -gt 0 ]; then
		ok "$count $name of the corpus"
	else
		skip "the corpus is not there"
	fi
}

if [ -d "$corpus" ]; then
	passes "crafted workbooks" crafted.py "$corpus"
else
	skip "the corpus is not there"
fi
corpus=$(dirname "$corpus")
survive_all "older workbooks" '*.xls'
survive_all "files of OpenDocument, XML and HTML" '*.ods' '*.fods' '*.xml' '*.htm' '*.html'

# The same workbooks in both formats, of either calendar.
for year in 1900 1904; do
	if [ ! -f "$corpus/sheetjs/1904/$year.xls" ]; then
		skip "the corpus is not there"
		continue
	fi
	for kind in xls biff5 xlsx; do
		"$check" "$corpus/sheetjs/1904/$year.$kind" >"$scratch/$kind" 2>&1
	done
	if cmp -s "$scratch/xls" "$scratch/xlsx" && cmp -s "$scratch/biff5" "$scratch/xlsx"; then
		ok "dates of the calendar of $year are the same in old and new workbooks"
	else
		not_ok "dates of the calendar of $year" "$(diff "$scratch/xls" "$scratch/xlsx"; diff "$scratch/biff5" "$scratch/xlsx")"
	fi
done
echo "1..$number"
