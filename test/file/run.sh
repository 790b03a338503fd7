#!/bin/bash
# The file layer without a server, under the address and undefined-behaviour sanitizers; prints TAP.
#
#   test/file/run.sh
#   VALGRIND=1 test/file/run.sh     under valgrind instead (make valgrind-file), with a tenth of the random bytes
#
# Authored text files, older and binary workbooks with what they must give; the demo's workbooks; damaged and
# random bytes; the fast scanner of workbooks against the general parser; and, where the corpus is there,
# its crafted workbooks against their expected cells, and all of its other files without a crash.
# SEED=2 damages otherwise.

cd "$(dirname "$0")/../.." || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
check=$scratch/reader_check
patience=${VALGRIND:+600} patience=${patience:-20}	# seconds after which a file hangs
tenth=${VALGRIND:+10} tenth=${tenth:-1}				# of the random cases, how many make one that is tried
export MEDALLION_PLAIN=$scratch/plain MEDALLION_MESSAGES=$scratch/messages MEDALLION_PATIENCE=$patience MEDALLION_TENTH=$tenth
corpus=${MEDALLION_SHARED:-../shared}/corpus/crafted
number=0 broken=0

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

# gives NAME INPUT EXPECTED [OPTION...]: the reader's output on these bytes (printf notation) must be this;
# $options holds further options of reader_check.
options=
gives()
{
	local got

	printf "$2" >"$scratch/input"
	got=$("$check" $options "${@:4}" "$scratch/input" 2>&1)
	if [ "$got" = "$(printf "$3")" ]; then
		ok "$1"
	else
		not_ok "$1" "$got"
	fi
}

# detects NAME INPUT DIALECT [OPTION...]: what the reader takes these bytes for, before the encoding.
detects()
{
	local got

	printf "$2" >"$scratch/input"
	got=$("$check" "${@:4}" -t "$scratch/input" 2>&1)
	if [ "${got% encoding=*}" = "$3" ]; then
		ok "detects $1"
	else
		not_ok "detects $1" "$got"
	fi
}

# quick NAME FILE COUNT: within seconds, the output has so many lines.
quick()
{
	local got

	got=$(timeout "$patience" "$check" "$2" 2>&1 | wc -l)
	if [ "$got" = "$3" ]; then ok "$1"; else not_ok "$1" "$got lines"; fi
}

# survives NAME FILE: any answer but a crash, a sanitizer's finding or a hang.
survives()
{
	timeout "$patience" "$check" "$2" >/dev/null 2>"$scratch/errors" || { echo "$1: $(head -5 "$scratch/errors")"; return 1; }
}

# cheap NAME FILE: the file is read, or refused, within a second of the processor and 64 MB.
cheap()
{
	"$MEDALLION_PLAIN" -cm "$2" 2>&1 >/dev/null | awk -v name="$1" '
		{ kept = 1 }
		$1 > 65536 || $2 > 1000 { print name ": takes " $1 " kB and " $2 " ms" }
		END { if (!kept) print name ": crashes" }'
}

# damaged NAME FILE: survives, and is cheap.
damaged()
{
	survives "$@"
	cheap "$@"
}

cc=${CC:-gcc}
isal=$(printf '#include <isa-l/igzip_lib.h>\n' | "$cc" -E - >/dev/null 2>&1 && echo "-DHAVE_ISAL -lisal")

# build NAME SUFFIX FLAGS...: a check of test/file with the file layer, under the sanitizers.
build()
{
	local name=$1 suffix=$2 sanitize="-g -O1"

	[ -n "${VALGRIND:-}" ] || sanitize="$sanitize -fsanitize=address,undefined -fno-sanitize-recover=all"

	shift 2
	if [ ! -d "$scratch/layer$suffix" ]; then
		mkdir "$scratch/layer$suffix"
		for file in src/file/*.c; do
			"$cc" -std=gnu99 -D_GNU_SOURCE $sanitize -Wall -Wextra -Isrc "$@" -c "$file" \
				-o "$scratch/layer$suffix/$(basename "$file" .c).o" 2>>"$scratch/errors" || return 1
		done
	fi
	"$cc" -std=gnu99 -D_GNU_SOURCE $sanitize -Wall -Wextra -Isrc "test/file/$name.c" "$scratch/layer$suffix"/*.o \
		-o "$scratch/$name$suffix" "$@" -lminizip -lz -lzstd -lexpat -lm 2>>"$scratch/errors" &&
		if [ -n "${VALGRIND:-}" ]; then under_valgrind "$scratch/$name$suffix"; fi
}

# Puts in the program's place a script that runs it under valgrind, whose complaints are its failure.
under_valgrind()
{
	mkdir -p "$scratch/bare" && mv "$1" "$scratch/bare/" &&
		cat >"$1" <<-END && chmod +x "$1"
			#!/bin/sh
			exec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
				--num-callers=25 $scratch/bare/${1##*/} "\$@"
		END
}

# The same without sanitizers, to see what time and memory a file takes.
build_plain()
{
	"$cc" -std=gnu99 -D_GNU_SOURCE -g -O2 -Isrc test/file/reader_check.c src/file/*.c -o "$scratch/plain" "$@" \
		-lminizip -lz -lzstd -lexpat -lm 2>>"$scratch/errors"
}

# By zlib too where there is ISA-L: what comes out must be the same.
if ! build reader_check "" $isal || ! build scan_check "" $isal || ! build decimal_check "" $isal ||
	{ [ -n "$isal" ] && ! build scan_check _zlib; } || ! build_plain $isal; then
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
while IFS='|' read -r bytes what; do
	gives "$what" "$bytes" "error\t5\tthis is $what\n"
done <<'END'
%%PDF-1.4\n|a PDF document
\x89PNG\r\n|a PNG picture
\xff\xd8\xff\xe0|a JPEG picture
GIF89a|a GIF picture
7z\xbc\xaf\x27\x1c|a 7-Zip archive
Rar!\x1a\x07|a RAR archive
BZh91AY&SY|a bzip2 file; unpack it first
\xfd7zXZ\0|an xz file; unpack it first
PK\x05\x06\0\0|an empty zip archive
PAR1\x15\0|a Parquet file
{\\rtf1|an RTF document
\0\0\x02\0\x06\x04|a Lotus 1-2-3 sheet; save it as .xlsx
\0\0\x1a\0\0\x10|a Lotus 1-2-3 sheet; save it as .xlsx
\xff\0\x02\0\x04\x04|a Works sheet; save it as .xlsx
MIME-Version: 1.0\n|a web archive (.mht); save it as .xlsx
END
gives "a DIF file" 'TABLE\r\n0,1\r\n"EXCEL"\r\n' 'error\t5\tthis is a DIF file; save it as .xlsx\n'
gives "a DIF file of other line ends" 'TABLE\n0,1\n"EXCEL"\n' 'error\t5\tthis is a DIF file; save it as .xlsx\n'
gives "text that begins like one" 'TABLE\n0,2\n' '\t1\t1\ttext\tTABLE\n\t2\t1\ttext\t0\n\t2\t2\ttext\t2\n' -D ,
gives "a SYLK file" 'ID;PWXL;N;E\r\nB;Y1;X1\r\nC;Y1;X1;K1\r\nE\r\n' 'error\t5\tthis is a SYLK file; save it as .xlsx\n'
gives "a SYLK file of another program" 'ID;PQuattro Pro\nF;DF0G9\nC;X1;Y1;K1\nE\n' 'error\t5\tthis is a SYLK file; save it as .xlsx\n'
gives "text that begins like one of SYLK" 'ID;Place\nC;X1\nD;X2\n' '\t1\t1\ttext\tID\n\t1\t2\ttext\tPlace\n\t2\t1\ttext\tC\n\t2\t2\ttext\tX1\n\t3\t1\ttext\tD\n\t3\t2\ttext\tX2\n'
gives "text of three columns that does" 'ID;P;Q\nC;X1;1\n' '\t1\t1\ttext\tID\n\t1\t2\ttext\tP\n\t1\t3\ttext\tQ\n\t2\t1\ttext\tC\n\t2\t2\ttext\tX1\n\t2\t3\ttext\t1\n'
gives "an old workbook in base64" '0M8R4KGxGuEAAAAAAAAAAAAAAAAAAAAA\n' 'error\t5\tthis is a workbook in base64; decode it first\n'
gives "a workbook in base64" 'UEsDBBQABgAIAAAAIQ\n' 'error\t5\tthis is a workbook in base64; decode it first\n'
gives "a dBASE table" '\x03\x75\x0a\x0f\x04\0\0\0\x85\x02\x5e\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0NAME' 'error\t5\tthis is a dBASE table; save it as .xlsx\n'
gives "text that begins like one of dBASE" '0,\n\t1,2,3,4,5,6,7,8,9,10,11,12,13\n' '\t1\t1\ttext\t0\n\t2\t1\ttext\t\\t1\n\t2\t2\ttext\t2\n\t2\t3\ttext\t3\n\t2\t4\ttext\t4\n\t2\t5\ttext\t5\n\t2\t6\ttext\t6\n\t2\t7\ttext\t7\n\t2\t8\ttext\t8\n\t2\t9\ttext\t9\n\t2\t10\ttext\t10\n\t2\t11\ttext\t11\n\t2\t12\ttext\t12\n\t2\t13\ttext\t13\n' -D ,
gives "the beginning of a compound file" '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' 'error\t3\tthe compound file is damaged: it is cut short\n'

# --- which dialect ---

detects "semicolons around decimal commas" 'a;b;c\n1,5;2,5;x\n3,5;4,5;y\n' 'delimiter=; quote="'
detects "commas around times" 'a,b\n10:00:00,x\n11:30:00,y\n' 'delimiter=, quote="'
detects "tabs around commas" 'a\tb\nx, y\t1\nz, w\t2\n' 'delimiter=\t quote="'
detects "bars" 'a|b|c\n1|2|x y\n' 'delimiter=| quote="'
detects "circumflexes" 'a^b^c\n1^2^x\n' 'delimiter=^ quote="'
detects "tildes" 'a~b~c\n1~2~x, y\n' 'delimiter=~ quote="'
detects "colons" 'root:x:0:0:root:/root:/bin/sh\nnews:x:9:9:news:/var/news:/bin/false\n' 'delimiter=: quote="'
detects "spaces between numbers" '1.5 2.5 3.5\n4.5 5.5 6.5\n7.0 8.0 9.0\n' 'delimiter=space quote="'
detects "a comma and a space" 'a, b, c\n1, "x, y", 3\n' 'delimiter=,+space quote="'
detects "no delimiter in names" 'First name\nJohn Smith\nJane Doe\nJim Poe\n' 'delimiter=, quote="'
detects "no delimiter in times" "at\n$(yes '2024-01-01 10:00:00' | head -n 30 | sed 's/$/\\n/' | tr -d '\n')" 'delimiter=, quote="'
detects "no delimiter in decimal commas" 'price\n1,50\n20,75\n3\n' 'delimiter=; quote="'
detects "no delimiter in prose" 'note\nYes, and no\nWell, then, so be it\nNone\n' 'delimiter=; quote="'
detects "no delimiter in names turned round" 'name\nPoe, Jim\nDoe, Jane\n' 'delimiter=; quote="'
detects "a delimiter below a title" 'Prices of today\na,b\nx,1\ny,2\n' 'delimiter=, quote="'
detects "apostrophes as quotes" "a,b\n'x, y',1\n'z, w',2\n" "delimiter=, quote='"
detects "apostrophes as text" "a,b\nO'Brien,'tis\nD'Arcy,5'\n" 'delimiter=, quote="'
detects "apostrophes in quotes" "a,b\n\"O'Brien, J\",1\n\"D'Arcy, K\",2\n" 'delimiter=, quote="'
detects "a backslash before quotes" 'a,b\n"5\\" pipe, short",1\n"6\\" pipe, long",2\n' 'delimiter=, quote=" escape=\'
detects "a backslash at the end of a path" 'a,b\n"C:\\dir\\","x, y"\n"D:\\dir\\",z\n' 'delimiter=, quote="'
detects "quotes that are none" 'a\tb\n"x\t1\n5"w\t2\n"y\t3\n"z\t4\n' 'delimiter=\t quote=none'
detects "one stray quote among good ones" 'a,b\n"x, 1",1\n"y" z,2\n"v, 2",3\n"w",4\n"u, 5",5\n' 'delimiter=, quote="'
detects "the dialect below a preamble" 'Report of sales, by region\nprinted today\n\nid;amount;text\n1;2,5;x\n2;3,5;y\n3;4,5;z\n' 'delimiter=; quote="'
detects "nothing in no text" '\n\n' 'delimiter=, quote="'
detects "tabs in UTF-16" '\xff\xfea\x00\t\x00b\x00\n\x00c\x00,\x00\t\x00d\x00\n\x00' 'delimiter=\t quote="'
detects "amounts with currency" 'a;b\n1.234,50 €;2,50 €\n34,50 €;(7,00)\n' 'delimiter=; quote="'
detects "the separator that the first line names" 'sep=|\na,b|c\n' 'delimiter=| quote="'
detects "what is left open by -D" "a;b,c\n'x;y',1\n'z;w',2\n" "delimiter=, quote='" -D ,
detects "what is left open by -q" "a,b\n'x, y',1\n" "delimiter=, quote='" -q "'"
detects "nothing where all is told" 'a;b\n"1";2\n' 'delimiter=, quote=none' -D , -n
detects "no escape where doubled quotes are told" 'a,b\n"5\\" pipe, short",1\n"6\\" pipe, long",2\n' 'delimiter=, quote="' -q '"' -e '"'
gives "a comma and a space: cells without it" 'a, b\n1, "x, y"\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t1\n\t2\t2\ttext\tx, y\n'
gives "the line that names the separator is no row" 'sep=;\r\na;b\r\n' '\t2\t1\ttext\ta\n\t2\t2\ttext\tb\n'
gives "escapes are dropped" 'a,b\n"x\\"y","p\\\\q"\n"1\\"",\\n\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\tx"y\n\t2\t2\ttext\tp\\\\q\n\t3\t1\ttext\t1"\n\t3\t2\ttext\t\\\\n\n' -e '\'

# --- text that is not as it should be ---

gives "spaces around quotes" 'a,b,c\na, "b, c" ,d\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t1\t3\ttext\tc\n\t2\t1\ttext\ta\n\t2\t2\ttext\tb, c\n\t2\t3\ttext\td\n'
gives "spaces without quotes stay" 'a,b\n x, "y" z\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t x\n\t2\t2\ttext\t "y" z\n'
gives "a quote inside an unquoted cell" 'a,b\n5" pipe,x"y"\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t5" pipe\n\t2\t2\ttext\tx"y"\n'
gives "a bare quote inside a quoted cell, where the cells add up" 'a,b\n"x","y"\n"a 5" pipe, long",1\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\tx\n\t2\t2\ttext\ty\n\t3\t1\ttext\ta 5" pipe, long\n\t3\t2\ttext\t1\n'
gives "a stray quote before a cell, where the cells add up" 'a,b,c\n1,2,"x"\n"3,4,"y, z"\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t1\t3\ttext\tc\n\t2\t1\ttext\t1\n\t2\t2\ttext\t2\n\t2\t3\ttext\tx\n\t3\t1\ttext\t"3\n\t3\t2\ttext\t4\n\t3\t3\ttext\ty, z\n'
gives "a stray quote, where they do not" 'a,b\n"x","y"\n"z"w,1,"v"\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\tx\n\t2\t2\ttext\ty\n\t3\t0\tbad\ttext after a closing quote: "z"w,1,"v"\n'
gives "an unterminated quote costs no record of several lines" 'a,b\n"x,1\n"y\nz",2\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t0\tbad\tunterminated quote: "x,1\n\t3\t1\ttext\ty\\nz\n\t3\t2\ttext\t2\n'
gives "CR, LF and CRLF mixed" 'a,b\r1,2\n3,4\r\n"5\r\n6",7\r' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t1\n\t2\t2\ttext\t2\n\t3\t1\ttext\t3\n\t3\t2\ttext\t4\n\t4\t1\ttext\t5\\r\\n6\n\t4\t2\ttext\t7\n'
gives "a NUL byte" 'a,b\n1,x\0y\n2,z\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t0\tbad\tNUL byte in the row: 1,x\xef\xbf\xbdy\n\t3\t1\ttext\t2\n\t3\t2\ttext\tz\n'
gives "a byte that is no UTF-8" 'a,\xc3\xa9\n1,\xe9\n2,z\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\té\n\t2\t0\tbad\trow is not valid UTF-8: 1,é\n\t3\t1\ttext\t2\n\t3\t2\ttext\tz\n' -E utf-8
gives "bytes FF where there are no quotes" 'a,b\n\xff1,2\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\tÿ1\n\t2\t2\ttext\t2\n' -n
gives "a delimiter at the end of each line" 'a,b,\n1,2,\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\n\t2\t1\ttext\t1\n\t2\t2\ttext\t2\n'
gives "more cells than there may be" 'a,b\n1,2,3\n' '\t1\t1\ttext\ta\n\t1\t2\ttext\tb\nerror\t4\ta record has more cells than max_columns\n' -l max_columns=2
gives "a delimiter that is the quote" 'a,b\n' 'error\t5\tthe delimiter must differ from the quote and the escape\n' -D '"' -q '"'
gives "a delimiter that ends lines" 'a,b\n' 'error\t5\tdelimiter, quote and escape must be ASCII characters other than line ends\n' -D $'\n'
gives "one line, no line end" 'a,"b' '\t1\t0\tbad\tunterminated quote: a,"b\n'

# 1.5 MB of ASCII, then Latin-1: the sample for the encoding does not reach there.
yes 'some text,1' | head -n 130000 >"$scratch/late"
printf 'caf\xe9,2\nna\xefve,3\n' >>"$scratch/late"
got=$("$check" "$scratch/late" | tail -4; "$check" -t "$scratch/late" 2>&1)
if [ "$got" = "$(printf '\t130001\t1\ttext\tcafé\n\t130001\t2\ttext\t2\n\t130002\t1\ttext\tnaïve\n\t130002\t2\ttext\t3\ndelimiter=, quote=" encoding=windows-1252')" ]; then
	ok "ASCII, and Latin-1 far below"
else
	not_ok "ASCII, and Latin-1 far below" "$got"
fi
yes 'some text,1' | head -n 130000 | sed '9s/text/téxt/' >"$scratch/late"
printf 'caf\xe9,2\n' >>"$scratch/late"
got=$("$check" "$scratch/late" | tail -1; "$check" -t "$scratch/late" 2>&1)
if [ "$got" = "$(printf '\t130001\t0\tbad\trow is not valid UTF-8: café,2\ndelimiter=, quote=" encoding=utf-8')" ]; then
	ok "UTF-8, and a stray byte far below"
else
	not_ok "UTF-8, and a stray byte far below" "$got"
fi

# A record of 140 MB, and a string of JSON as long.
yes "$(printf '%999s' '' | tr ' ' x)" | head -n 140000 | tr '\n' , >"$scratch/late"
got=$("$check" -c -D , "$scratch/late" -l max_columns=1000000 2>&1 | tail -n 1)
case $got in
	*"a record is longer than 64 times max_cell_size") ok "a record without end" ;;
	*) not_ok "a record without end" "$got" ;;
esac
{ printf '[{"a":"'; cat "$scratch/late"; } >"$scratch/later"
got=$("$check" -c "$scratch/later" 2>&1 | tail -n 1)
rm "$scratch/later"
case $got in
	*"the record in line 1 is longer than max_cell_size allows; if records are in an array within it, record_path must lead there") ok "a record of JSON without end" ;;
	*) not_ok "a record of JSON without end" "$got" ;;
esac

# The start of the file does not show the table: later pieces of the sample do.
{ yes '# a remark' | head -n 9000; yes 'x, y;1;2' | head -n 30000; } >"$scratch/late"
got=$("$check" -t "$scratch/late" 2>&1)
if [ "$got" = 'delimiter=; quote=" encoding=utf-8' ]; then ok "a table far below its remarks"; else not_ok "a table far below its remarks" "$got"; fi

# Quotes that swallow lines must not take quadratic time: each of these took minutes or more.
for i in $(seq 50); do yes 'x","' | head -n 16000; echo '"z"z'; done >"$scratch/hostile"
quick "stray quotes at all line ends" "$scratch/hostile" 800050
yes '"x' | head -n 500000 >"$scratch/hostile"
quick "an unterminated quote in each line" "$scratch/hostile" 500000
{ printf 'a,b\n"x,'; yes '1,2' | head -n 500000; } >"$scratch/hostile"
quick "one unterminated quote before many lines" "$scratch/hostile" 1000001
{ echo 'a,b'; yes ' """x, "y' | head -n 200000; } >"$scratch/hostile"
quick "stray quotes behind spaces" "$scratch/hostile" 400002

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
for i in $(seq 1 $tenth 40); do
	head -c $((size * i / 41)) "$workbook" >"$scratch/input"
	bad="$bad$(damaged "cut at $i of 41" "$scratch/input")"
done
for i in $(seq 1 $tenth 150); do
	cp "$workbook" "$scratch/input"
	for j in 1 2 3; do
		printf "\\x$(printf %x $((RANDOM % 256)))" |
			dd of="$scratch/input" bs=1 seek=$(((RANDOM * 32768 + RANDOM) % size)) conv=notrunc status=none
	done
	bad="$bad$(damaged "mutation $i" "$scratch/input")"
done
if [ -z "$bad" ]; then ok "a workbook cut and altered at random places"; else not_ok "a workbook cut and altered" "$bad"; fi

# A directory is read in a second, or refused, however long it is.
cat >"$scratch/directory.py" <<'END'
import sys
import zipfile
for name, width in (("many", 1), ("long", 900)):
    with zipfile.ZipFile("%s/%s.zip" % (sys.argv[1], name), "w") as archive:
        for i in range(65000):
            archive.writestr("%0*d" % (width, i), "")
END
if python3 "$scratch/directory.py" "$scratch" 2>/dev/null; then
	for name in many long; do
		got=$(timeout "$patience" "$check" "$scratch/$name.zip" 2>&1; cheap "$name" "$scratch/$name.zip")
		case $got in
			error*takes*) not_ok "a zip directory of 65000 names: $name" "$got" ;;
			error*) ok "a zip directory of 65000 names: $name" ;;
			*) not_ok "a zip directory of 65000 names: $name" "$got" ;;
		esac
	done
else
	number=$((number + 1))
	echo "ok $number # skip python3 is not there"
fi

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

passes "files that ask for much, or lie" hostile.py "$scratch"
passes "strict workbooks, templates, workbooks with macros" authored_xlsx.py "$scratch"
passes "older workbooks" authored_xls.py "$scratch"
passes "binary workbooks" authored_xlsb.py "$scratch"
passes "merged cells and hidden rows" authored_merged.py "$scratch"
passes "OpenDocument, SpreadsheetML and HTML" authored_markup.py "$scratch"

# --- the scanner beside the parser, numbers beside the C library ---

# alike NAME FOLDER: scanner and parser read all workbooks of the folder alike, under whatever limits.
alike()
{
	local tool limits out differ=""

	for tool in "$scratch"/scan_check*; do
		for limits in "" -t; do
			out=$(find "$2" \( -name '*.xls[xm]' -o -name '*.ods' -o -name '*.fods' -o -name '*.xml' \) -print0 | sort -z | xargs -0 -n 1000 timeout $((patience * 15)) "$tool" $limits 2>&1) ||
				differ="$differ$(grep -v ' 0 differ$' <<<"$out" | head -5)"
		done
	done
	if [ -z "$differ" ]; then ok "scanner and parser agree: $1"; else not_ok "scanner and parser agree: $1" "$differ"; fi
}

alike "the demo's workbooks" examples/sales
if python3 test/file/damage.py "$scratch/damaged" $((500 / tenth)) "${SEED:-1}" 2>"$scratch/errors"; then
	alike "workbooks whole and damaged, seed ${SEED:-1}" "$scratch/damaged"
else
	skip "python3 is not there"
fi
if python3 test/file/damage_markup.py "$scratch/damaged_markup" $((500 / tenth)) "${SEED:-1}" 2>"$scratch/errors"; then
	alike "OpenDocument and SpreadsheetML whole and damaged, seed ${SEED:-1}" "$scratch/damaged_markup"
else
	skip "python3 is not there"
fi
if [ -d "$corpus" ]; then
	alike "the corpus" "$corpus/.."
else
	skip "the corpus is not there"
fi
if out=$(find "$scratch/damaged" "$scratch/damaged_markup" -name 'whole-0*' -print0 | sort -z | xargs -0 "$scratch/scan_check" -c 2>&1); then
	ok "reading stops when it is cancelled"
else
	not_ok "reading stops when it is cancelled" "$out"
fi
if "$scratch/decimal_check" $((20000 / tenth)) >"$scratch/out" 2>&1; then
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
survive_all "binary workbooks" '*.xlsb'
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

# --- what the readers said ---

if ! python3 -c '' 2>/dev/null; then
	skip "python3 is not there"
elif [ -n "${VALGRIND:-}" ]; then
	skip "a tenth of the random cases provokes not every message"
elif python3 test/errors.py "$scratch/messages" >"$scratch/out" 2>&1; then
	ok "docs/errors.md has every message, and each was provoked"
else
	not_ok "docs/errors.md has every message, and each was provoked" "$(cat "$scratch/out")"
fi
echo "1..$number"
[ $broken = 0 ]
