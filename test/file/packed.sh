# Packed text: gzip and zstd, whole, joined, cut, damaged, and bombs.  Sourced by run.sh.

# reads NAME EXPECTED: what the reader says of the input, on one line.
reads()
{
	local got

	got=$(timeout "$patience" "$check" $options "$scratch/input" 2>&1 | tr '\t\n' ' ;' | head -c 300)
	if [ "$got" = "$2" ]; then ok "$1"; else not_ok "$1" "$got"; fi
}

two_rows=' 1 1 text a; 1 2 text b; 2 1 text 1; 2 2 text 2;'
third_row=' 3 1 text 3; 3 2 text 4;'
# frames of zstd with checksums: "a,b\n1,2\n", "3,4\n"; and one that is to be skipped
frame_1='\x28\xb5\x2f\xfd\x04\x58\x41\x00\x00a,b\n1,2\n\x35\xe7\xca\xce'
frame_2='\x28\xb5\x2f\xfd\x04\x58\x21\x00\x003,4\n\xaf\x86\x7e\xe4'
skipped='\x50\x2a\x4d\x18\x04\x00\x00\x00note'

# --- gzip ---

printf 'a,b\n1,2\n' | gzip -n >"$scratch/1.gz"
printf '3,4\n' | gzip -n >"$scratch/2.gz"
cp "$scratch/1.gz" "$scratch/input"
reads "gzip" "$two_rows"
got=$("$check" -cd "$scratch/input" | head -1)
if [ "$got" = $'csv\tdelimiter=, quote=" encoding=utf-8 compression=gzip' ]; then ok "gzip is noted"; else not_ok "gzip is noted" "$got"; fi
cat "$scratch/1.gz" "$scratch/2.gz" >"$scratch/input"
reads "gzip: two members" "$two_rows$third_row"
{ cat "$scratch/1.gz"; head -c 700 /dev/zero; } >"$scratch/input"
reads "gzip: NUL bytes behind it" "$two_rows"
{ cat "$scratch/1.gz"; echo junk; } >"$scratch/input"
reads "gzip: junk behind it" 'error 3 the gzip data is damaged: incorrect header check;'
head -c -3 "$scratch/1.gz" >"$scratch/input"
reads "gzip: cut short" 'error 3 the gzip data is cut short;'
{ head -c -8 "$scratch/1.gz"; printf '\1\2\3\4'; tail -c 4 "$scratch/1.gz"; } >"$scratch/input"
reads "gzip: wrong checksum" 'error 3 the gzip data is damaged: incorrect data check;'
{ head -c -4 "$scratch/1.gz"; printf '\1\2\3\4'; } >"$scratch/input"
reads "gzip: wrong length" 'error 3 the gzip data is damaged: incorrect length check;'
printf '' | gzip -n >"$scratch/input"
reads "gzip: nothing in it" ''
printf '{"a":1}\n{"a":2}\n' | gzip -n >"$scratch/input"
reads "gzip: JSON" ' 1 1 text a; 1 1 number 1; 2 1 number 2;'
printf '\xff\xfea\x00,\x00\xe9\x00\n\x00' | gzip -n >"$scratch/input"
reads "gzip: UTF-16" ' 1 1 text a; 1 2 text é;'
gzip -nc "$scratch/1.gz" >"$scratch/input"
reads "gzip in gzip" 'error 5 in this gzip file is a gzip file; unpack it first;'
printf "$frame_1" | gzip -n >"$scratch/input"
reads "zstd in gzip" 'error 5 in this gzip file is a zstd file; unpack it first;'
printf 'PK\003\004xxxx' | gzip -n >"$scratch/input"
reads "gzip: a workbook" 'error 5 in this gzip file is a zip file or a workbook; unpack it first;'

# --- zstd ---

printf "$frame_1" >"$scratch/input"
reads "zstd" "$two_rows"
printf "$skipped$frame_1$skipped$frame_2" >"$scratch/input"
reads "zstd: frames, and such as are to be skipped" "$two_rows$third_row"
printf "${frame_1%\\xce}" >"$scratch/input"
reads "zstd: cut short" 'error 3 the zstd data is cut short;'
printf "${frame_1%\\xce}\\xcf" >"$scratch/input"
reads "zstd: wrong checksum" "error 3 the zstd data is damaged: Restored data doesn't match checksum;"
printf "${frame_1}junk" >"$scratch/input"
reads "zstd: junk behind it" 'error 3 the zstd data is damaged: Unknown frame descriptor;'
printf '\x28\xb5\x2f\xfd\x00\x78\x49\0\0a,b\n1,2\n\n' >"$scratch/input"
reads "zstd: a window of 32 MiB" "$two_rows"
printf '\x28\xb5\x2f\xfd\x00\x80\x49\0\0a,b\n1,2\n\n' >"$scratch/input"
reads "zstd: a window of 64 MiB" 'error 4 the zstd data needs a window of more than 32 MiB;'

# --- long files: what is packed reads as what is plain ---

seq 1 200000 | sed 's/.*/&,name &,"a, b & c",&.5/' >"$scratch/long"
want=$("$check" -c "$scratch/long" | tr '\t\n' ' ;')
gzip -1 -nc "$scratch/long" >"$scratch/input"
cp "$scratch/input" "$scratch/long.gz"
options=-c
reads "gzip: a long file" "$want"
split -b 300000 "$scratch/long" "$scratch/part."
for part in "$scratch"/part.*; do gzip -1 -nc "$part"; done >"$scratch/input"
reads "gzip: a long file of many members" "$want"
rm -f "$scratch"/part.*
if command -v zstd >/dev/null; then
	zstd -q -3 -c "$scratch/long" >"$scratch/input"
	cp "$scratch/input" "$scratch/long.zst"
	reads "zstd: a long file" "$want"
fi

# --- limits ---

cp "$scratch/long.gz" "$scratch/input"
options="-c -l max_uncompressed_size=1000000"
reads "gzip: max_uncompressed_size" 'error 4 the file unpacks to more than max_uncompressed_size;'
options="-c -l max_compression_ratio=2"
"$check" $options "$scratch/input" >"$scratch/out" 2>&1
grep -q 'error.*the file unpacks to more than max_compression_ratio (2) times its size' "$scratch/out" &&
	ok "gzip: max_compression_ratio" || not_ok "gzip: max_compression_ratio" "$(cat "$scratch/out")"
options="-c -i"
reads "gzip: cancel" 'error 7 cancelled;'
options=
bombs=0 bad=
if python3 -c '' 2>/dev/null; then
	python3 -c '
import sys, zlib
pack = zlib.compressobj(1, zlib.DEFLATED, 31)
for i in range(400):
    sys.stdout.buffer.write(pack.compress(b"a,b\n" * 250000))
sys.stdout.buffer.write(pack.flush())' >"$scratch/bomb.gz"
fi
! command -v zstd >/dev/null || yes a,b | head -c 400000000 | zstd -q -1 -c >"$scratch/bomb.zst"
for bomb in "$scratch"/bomb.*; do
	[ -e "$bomb" ] || continue
	bombs=$((bombs + 1))
	timeout "$patience" "$check" -c "$bomb" >"$scratch/out" 2>&1
	bad="$bad$(cheap "${bomb##*.}" "$bomb")"
	grep -q 'error.*max_compression_ratio' "$scratch/out" || bad="$bad ${bomb##*.}: $(cat "$scratch/out")"
done
if [ -z "$bad" ]; then ok "$bombs bombs are refused within a second and 64 MB"; else not_ok "$bombs bombs are refused within a second and 64 MB" "$bad"; fi
rm -f "$scratch"/bomb.*

# --- damage: cut at many places, bits flipped; a wrong answer must not come without an error ---

bad= RANDOM=7
head -c 20000 "$scratch/long" >"$scratch/short"
gzip -nc "$scratch/short" >"$scratch/short.gz"
! command -v zstd >/dev/null || zstd -q -c "$scratch/short" >"$scratch/short.zst"
want=$("$check" -c "$scratch/short")
for file in "$scratch"/short.*; do
	size=$(stat -c %s "$file")
	for i in $(seq 1 $tenth 25); do
		head -c $((size * i / 26)) "$file" >"$scratch/input"
		bad="$bad$(damaged "${file##*.} cut at $i of 26" "$scratch/input")"
		"$check" -c "$scratch/input" | grep -q '^error' || bad="$bad ${file##*.} cut at $i of 26: no error"
	done
	for i in $(seq 1 $tenth 60); do
		cp "$file" "$scratch/input"
		at=$((4 + (RANDOM * 32768 + RANDOM) % (size - 4)))
		byte=$(od -An -tu1 -j$at -N1 "$file")
		printf "\\x$(printf %x $((byte ^ 1 << RANDOM % 8)))" |
			dd of="$scratch/input" bs=1 seek=$at conv=notrunc status=none
		bad="$bad$(damaged "${file##*.} bit in byte $at" "$scratch/input")"
		got=$("$check" -c "$scratch/input")
		grep -q '^error' <<<"$got" || [ "$got" = "$want" ] || bad="$bad ${file##*.} bit in byte $at: other rows"
	done
done
if [ -z "$bad" ]; then ok "packed text cut and altered at random places"; else not_ok "packed text cut and altered" "$bad"; fi
