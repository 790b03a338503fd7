#!/bin/bash
# Every file of the corpora through the file layer, under sanitizers, and cell by cell beside other readers.
#
#   CORPUS=../shared/corpus bench/corpus.sh ['sheetjs/*.xlsx']
#
# The others are calamine, openpyxl, xlrd, pyxlsb and SheetJS, which are installed into bench/.peers, git's to
# ignore.  What they read otherwise is explained in corpus_differences.tsv, or it is a failure.

cd "$(dirname "$0")/.." || exit 1
peers=$PWD/bench/.peers/corpus
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cc=${CC:-gcc}
isal=$(printf '#include <isa-l/igzip_lib.h>\n' | "$cc" -E - >/dev/null 2>&1 && echo "-DHAVE_ISAL -lisal")

mkdir -p "$peers" || exit 1
if [ ! -e "$peers/python/complete" ]; then
	python3 -m venv "$peers/python" &&
		"$peers/python/bin/pip" install -q python-calamine==0.9.1 openpyxl==3.1.5 xlrd==2.0.2 pyxlsb==1.0.10 &&
		touch "$peers/python/complete" || exit 1
fi
[ -d "$peers/node_modules/@e965/xlsx" ] || npm install --silent --prefix "$peers" @e965/xlsx@0.20.3 || exit 1
"$cc" -std=gnu99 -D_GNU_SOURCE -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Isrc \
	src/file/*.c test/file/reader_check.c -o "$scratch/check" $isal -lminizip -lz -lzstd -lexpat -lm || exit 1
python3 bench/corpus.py "$scratch/check" "${CORPUS:-../shared/corpus}" "$peers" "$@"
