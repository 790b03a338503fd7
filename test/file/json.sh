# JSON: authored records with what they must give.  Sourced by run.sh.

# says NAME INPUT LINES: as gives, but the expected lines are "row column kind value", "|" between them.
says()
{
	local expected

	expected=$(sed 's/|/\n/g; s/\\/\\\\/g; s/%/%%/g' <<<"$3" | sed -E 's/^([0-9]+) ([0-9]+) ([a-z]+) ?/\\t\1\\t\2\\t\3\\t/')
	gives "JSON: $1" "$2" "$expected\n"
}

# taken_for NAME INPUT NOTE: what is said to have been detected.
taken_for()
{
	local got

	printf "$2" >"$scratch/input"
	got=$("$check" -cd $options "$scratch/input" 2>&1 | head -1 | tr '\t' ' ')
	if [ "$got" = "$3" ]; then ok "JSON: $1"; else not_ok "JSON: $1" "$got"; fi
}

# --- where records are ---

says "lines; a key that comes late; null" '{"a":1,"b":"x"}\n{"b":null,"c":3,"a":4}\n' \
	'1 1 text a|1 2 text b|1 3 text c|1 1 number 1|1 2 text x|2 1 number 4|2 3 number 3'
says "an array, records on lines" '[\n {"a":1},\n {"a":2}\n]\n' '1 1 text a|2 1 number 1|3 1 number 2'
says "an array on one line: numbers go on" '[{"a":1},{"a":2},{"a":3}]' '1 1 text a|1 1 number 1|2 1 number 2|3 1 number 3'
says "records one after the other" '{"a":1}{"a":2} {"a":3}\n\n{"a":4}' '1 1 text a|1 1 number 1|2 1 number 2|3 1 number 3|4 1 number 4'
says "records over several lines" '{\n "a": 1\n}\n{\n "a": 2\n}\n' '1 1 text a|1 1 number 1|4 1 number 2'
says "an envelope" '{"meta":{"n":1},"tags":["x"],"rows":[{"a":1},{"a":2}],"more":[{"z":1}]}' '1 1 text a|1 1 number 1|2 1 number 2'
says "a list in each of several records" '{"id":1,"lines":[{"x":1}]}\n{"id":2}\n' '1 1 text id|1 2 text lines|1 1 number 1|1 2 text [{"x":1}]|2 1 number 2'
says "one record" '{"id":1,"tags":[1,2]}' '1 1 text id|1 2 text tags|1 1 number 1|1 2 text [1,2]'
says "arrays in an array: the first is the header" '[["a","b"],[1,null,true],[]]' '1 1 text a|1 2 text b|2 1 number 1|2 3 boolean true'
says "arrays on lines" '["a","b"]\n["x",2.50]\n' '1 1 text a|1 2 text b|2 1 text x|2 2 number 2.50'
says "no records" '[]' ''
says "a record without values is passed over" '{"a":null}\n{}\n{"a":1}\n' '1 1 text a|3 1 number 1'
says "lines with carriage returns, blank lines" '{"a":1}\r\n\r\n{"a":}\r\n{"a":2}\r\n' '1 1 text a|1 1 number 1|3 0 bad a value is expected: {"a":}|4 1 number 2'
options="-p data.items"
says "a record path" '{"items":[{"z":1}],"data":{"x":[{"y":1}],"items":[{"a":1},{"a":2}],"n":0},"e":[]}' '1 1 text a|1 1 number 1|2 1 number 2'
gives "JSON: a record path that leads nowhere" '{"data":{"other":[]}}' 'error\t3\tthe file has no array at record path "data.items": no key "items" in the object that ends in line 1\n'
gives "JSON: a record path to no array" '{"data":{"items":{"a":1}}}' 'error\t3\tmalformed JSON in line 1, byte 18: an array of records is expected\n'
gives "JSON: a record path into an array" '[{"a":1}]' 'error\t3\tmalformed JSON in line 1, byte 1: the record path needs an object here\n'
gives "JSON: what follows the records is read too" '{"data":{"items":[{"a":1}]},"x":[1,2}' 'error\t3\tmalformed JSON in line 1, byte 37: a comma or a closing bracket is expected\n'
options=
printf '{"id":1,"lines":[{"x":1}]}' >"$scratch/input"
got=$("$check" -p '' "$scratch/input" | cut -f5 | tr '\n' ' ')
if [ "$got" = 'id lines 1 [{"x":1}] ' ]; then ok "JSON: an empty record path: the object is a record"; else not_ok "JSON: an empty record path" "$got"; fi

taken_for "lines are noted" '{"a":1}' 'json records=lines encoding=utf-8'
taken_for "an array is noted" ' [ {"a":1}]' 'json records=array encoding=utf-8'
taken_for "a path is noted" '{"r":[{"a":1}]}' 'json records=path:r encoding=utf-8'
taken_for "UTF-16 is noted" '\xfe\xff\x00[\x00{\x00"\x00a\x00"\x00:\x001\x00}\x00]' 'json records=array encoding=utf-16be'
taken_for "brackets in a header are no JSON" '[id],[name]\n1,2\n' 'csv delimiter=, quote=" encoding=utf-8'
taken_for "nor are quoted words in brackets" '["id"],["name"]\n1,2\n' 'csv delimiter=, quote=" encoding=utf-8'
taken_for "nor is a line of a log" '[2024-01-01] started; [1]\n' 'csv delimiter=;+space quote=" encoding=utf-8'
taken_for "nor is a template" '{name};{"id"}\n1;2\n' 'csv delimiter=; quote=" encoding=utf-8'

# --- values ---

says "kinds" '{"t":"x","n":-1.50,"e":1E5,"y":true,"f":false,"z":null,"s":""}' \
	'1 1 text t|1 2 text n|1 3 text e|1 4 text y|1 5 text f|1 6 text z|1 7 text s|1 1 text x|1 2 number -1.50|1 3 number 1e5|1 4 boolean true|1 5 boolean false|1 7 text '
says "escapes" '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\ude00"}' "1 1 text a|1 1 text \"\\\\/$(printf '\b\f')\\n\\r\\té€😀"
says "lone surrogates" '{"a":"\\ud800x","b":"\\udc00","c":"\\ud800\\ud83d\\ude00"}' '1 1 text a|1 2 text b|1 3 text c|1 1 text �x|1 2 text �|1 3 text �😀'
says "keys with escapes are the same keys" '{"a\\u0062":1}\n{"ab":2}\n' '1 1 text ab|1 1 number 1|2 1 number 2'
says "of equal keys the last one counts" '{"a":1,"b":2,"a":3}\n{"a":1,"a":null,"b":5}\n' '1 1 text a|1 2 text b|1 1 number 3|1 2 number 2|2 2 number 5'
says "objects and arrays keep their text, without white space" '{"a":{ "k" : [1 , "x y\\" z"] ,\n"m":1E5},"b":[ ]}' '1 1 text a|1 2 text b|1 1 text {"k":[1,"x y\\" z"],"m":1E5}|1 2 text []'
says "an empty key" '{"":1,"a":2}' '1 1 text |1 2 text a|1 1 number 1|1 2 number 2'
says "a mark of UTF-8" '\xef\xbb\xbf{"é":"ü"}' '1 1 text é|1 1 text ü'
says "UTF-16 without a mark" '{\x00"\x00a\x00"\x00:\x00"\x00\xe9\x00=\xd8\x00\xde"\x00}\x00' '1 1 text a|1 1 text é😀'

# Somebody writes the file between two rows: keys that the first look at it did not see, beyond what is read at once.
yes '{"a":1}' | head -100000 >"$scratch/input"
yes '{"b":1}' | head -100000 >"$scratch/other"
got=$("$check" -w "$scratch/other" "$scratch/input" | tail -1)
if [ "$got" = "$(printf 'error\t3\tthe file was changed while it was read')" ]; then ok "JSON: a file that changes meanwhile"; else not_ok "JSON: a file that changes meanwhile" "$got"; fi

# --- bad rows ---

says "a bad line costs its line" '{"a":1}\n{"a":,}\nnot json\n{"a":2' "1 1 text a|1 1 number 1|2 0 bad a value is expected: {\"a\":,}|3 0 bad a value is expected: not json|4 0 bad the text ends within a value: {\"a\":2"
says "a bad first line" '{"a":1,}\n{"a":2}\n' '1 1 text a|1 0 bad a key in quotes is expected: {"a":1,}|2 1 number 2'
says "an unterminated first line" '{"a":"x\n{"a":2}\n' '1 1 text a|1 0 bad control character in a string: {"a":"x|2 1 number 2'
says "text behind a record" '{"a":1}\n{"a":2},\n{"a":3}\n' '1 1 text a|1 1 number 1|2 0 bad text follows the record on its line: {"a":2},|3 1 number 3'
says "a row's line, where its number is another" '{"a":1}{"a":2}\n{"a":x}\n' '1 1 text a|1 1 number 1|2 1 number 2|3 0 bad a value is expected (in line 2): {"a":x}'
says "a NUL escape" '[{"a":"\\u0000"},{"a":1}]' '1 1 text a|1 0 bad \u0000 in the record: {"a":"\\u0000"}|2 1 number 1'
says "a NUL byte" '{"a":1}\n\x00{"a":2}\n{"a":"\x00"}\n' '1 1 text a|1 1 number 1|2 0 bad a value is expected: �{"a":2}|3 0 bad control character in a string: {"a":"�"}'
says "bytes that are not UTF-8" '[{"a":"caf\xe9"},{"a":1},{"\xc0\x80":1}]' '1 1 text a|1 0 bad the record is not valid UTF-8: {"a":"café"}|2 1 number 1|3 0 bad the record is not valid UTF-8 (in line 1): {"À€":1}'
says "no objects" '[{"a":1},2,"x",null,[3]]' '1 1 text a|1 1 number 1|2 0 bad the record is neither an object nor an array (in line 1): 2|3 0 bad the record is neither an object nor an array (in line 1): "x"|4 0 bad the record is neither an object nor an array (in line 1): null|5 0 bad the record is an array, not an object as the first one (in line 1): [3]'
says "nothing but scalars" '[1]' '1 0 bad the record is neither an object nor an array: 1'

# --- errors ---

gives "JSON: a malformed array, refused before its first row" '[{"a":1},\n {"a":2},\n {"a" 3}]' 'error\t3\tmalformed JSON in line 3, byte 7: a colon is expected behind a key\n'
gives "JSON: an array cut short" '[{"a":1},{"a":2}' 'error\t3\tmalformed JSON in line 1, byte 17: the text ends too early\n'
gives "JSON: a comma too many" '[{"a":1},]' 'error\t3\tmalformed JSON in line 1, byte 10: a value is expected\n'
gives "JSON: text behind the array" '[{"a":1}]\n[' 'error\t3\tmalformed JSON in line 2, byte 1: text follows the end of the document\n'
gives "JSON: an envelope cut short" '{"n":1,"rows":[{"a":1}]' 'error\t3\tmalformed JSON in line 1, byte 24: the text ends too early\n'
options="-l max_columns=2"
gives "JSON: max_columns" '{"a":1}\n{"b":1}\n{"c":1}\n' 'error\t4\tthe records have more keys than max_columns\n'
options="-l max_cell_size=4"
gives "JSON: max_cell_size" '[{"a":"1234"},{"a":"12345"}]' '\t1\t1\ttext\ta\n\t1\t1\ttext\t1234\nerror\t4\ta value is longer than max_cell_size\n'
options=

# --- the grammar: each of these as a value, in a line and in an array ---

good=0 bad=
while IFS= read -r value; do
	good=$((good + 1))
	printf '{"a":0}\n{"a":%b}\n' "$value" >"$scratch/input"
	[ "$("$check" -c "$scratch/input" 2>&1 | head -2 | tr -d '\n\t')" = rows3bad0 ] || bad="$bad line: $value"$'\n'
	printf '[{"a":0},{"a":%b}]' "$value" >"$scratch/input"
	[ "$("$check" -c "$scratch/input" 2>&1 | head -2 | tr -d '\n\t')" = rows3bad0 ] || bad="$bad array: $value"$'\n'
done <<'END'
0
-0
-0.0
1e0
1E+2
0e-1
123.456e78
-1
1e400
123456789012345678901234567890
""
"\\u0061"
"\\uD834\\uDd1e"
"\\"\\\\\\/"
"\0177"
"\0342\0200\0250"
[]
[[]]
[ ]
{}
{"":0}
{"a":1,"a":2}
 [1 , 2]\t
[null,true,false,[{}]]
END
if [ -z "$bad" ]; then ok "JSON: $good values that are right"; else not_ok "JSON: values that are right" "$bad"; fi

wrong=0 bad=
while IFS= read -r value; do
	wrong=$((wrong + 1))
	printf '{"a":0}\n{"a":%b}\n' "$value" >"$scratch/input"
	"$check" "$scratch/input" 2>&1 | tail -1 | grep -q '^	[0-9]*	0	bad' || bad="$bad line: $value"$'\n'
	printf '[{"a":0},{"a":%b}]' "$value" >"$scratch/input"
	"$check" "$scratch/input" 2>&1 | tail -1 | grep -q '^error	3' || bad="$bad array: $value"$'\n'
done <<'END'

+1
-
01
-01
1.
.5
1.e1
1e
1e+
0x1F
1_000
Infinity
NaN
nul
nulll
True
'a'
"a
a"
"\\x41"
"\\u12"
"\\u12G4"
"\\'"
"\t"
"\001"
[1
[1,]
[,1]
[1 2]
1]
{"a"}
{"a":}
{"a":1,}
{a:1}
{"a" 1}
{"a":1 "b":2}
{1:2}
{"a":1}}
[1}
/**/1
1//x
"a" "b"
\0303\0251
\0240 1
\f1
END
if [ -z "$bad" ]; then ok "JSON: $wrong values that are wrong"; else not_ok "JSON: values that are wrong" "$bad"; fi

printf '{"a":%s1%s}\n' "$(printf '%512s' | tr ' ' '[')" "$(printf '%512s' | tr ' ' ']')" >"$scratch/input"
got=$("$check" -c "$scratch/input" | head -1)
printf '{"a":%s1%s}\n{"a":1}' "$(printf '%513s' | tr ' ' '[')" "$(printf '%513s' | tr ' ' ']')" >"$scratch/input"
got="$got $("$check" "$scratch/input" | grep -c 'bad	nested too deeply')"
if [ "$got" = 'rows	2 1' ]; then ok "JSON: 512 deep, no deeper"; else not_ok "JSON: depth" "$got"; fi
for text in '[' '{"a":' '{"a":[' '[{"a":1},['; do
	head -c 3000000 < <(yes "$text" | tr -d '\n') >"$scratch/input"
	survives "JSON: endless $text" "$scratch/input" >"$scratch/out" && ok "JSON: endless $text" || not_ok "JSON: endless $text" "$(cat "$scratch/out")"
done
options="-c -i"
seq 1 100000 | sed 's/.*/{"a":&}/' >"$scratch/input"
got=$("$check" $options "$scratch/input" | tail -1)
if [ "$got" = $'error\t7\tcancelled' ]; then ok "JSON: cancel"; else not_ok "JSON: cancel" "$got"; fi
seq 1 100000 >"$scratch/list"
{ echo '{"a":1}'; cat "$scratch/list"; } >"$scratch/input"
got=$("$check" $options "$scratch/input" | tail -1)
if [ "$got" = $'error\t7\tcancelled' ]; then ok "JSON: cancel among bad rows"; else not_ok "JSON: cancel among bad rows" "$got"; fi
options=

# --- generated records against another reader ---

number=$((number + 1))
if ! python3 -c '' 2>/dev/null; then
	echo "ok $number # skip python3 is not there"
elif python3 test/file/json_random.py "$check" "$scratch" >"$scratch/out" 2>&1; then
	echo "ok $number - JSON: generated records: $(tail -1 "$scratch/out")"
else
	echo "not ok $number - JSON: generated records"
	sed 's/^/# /' "$scratch/out"
fi
