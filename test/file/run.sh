#!/bin/bash
# The file layer without a server, under the address and undefined-behaviour sanitizers; prints TAP.
#
#   test/file/run.sh
#
# Authored text files with what they must give; the demo's workbooks; damaged and random bytes; and,
# where the corpus is there, its crafted workbooks against their expected cells.

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

# gives NAME INPUT EXPECTED: the reader's output on these bytes (printf notation) must be this,
# with the options of reader_check that $options holds.
options=
gives()
{
	local got

	printf "$2" >"$scratch/input"
	got=$("$check" $options "$scratch/input" 2>&1)
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
if ! "$cc" -std=gnu99 -D_GNU_SOURCE -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Wall -Wextra \
	-Isrc src/file/*.c test/file/reader_check.c -o "$check" -lminizip -lz -lzstd -lexpat -lm 2>"$scratch/errors"; then
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
gives "an old workbook" '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' 'error\t5\tthis is an old Excel workbook (.xls) or an encrypted one; save it as .xlsx without a password\n'

# --- packed text, JSON ---

. test/file/packed.sh
. test/file/json.sh

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

# --- the corpus ---

number=$((number + 1))
if [ ! -d "$corpus" ]; then
	echo "ok $number # skip the corpus is not there"
elif ! python3 -c '' 2>/dev/null; then
	echo "ok $number # skip python3 is not there"
elif python3 test/file/crafted.py "$check" "$corpus" >"$scratch/out" 2>&1; then
	echo "ok $number - crafted workbooks: $(tail -1 "$scratch/out")"
else
	echo "not ok $number - crafted workbooks"
	sed 's/^/# /' "$scratch/out"
fi
echo "1..$number"
