#!/bin/bash
# Every file of the corpora through the file layer, under sanitizers, 20 seconds each.
#
#   CORPUS=../shared/corpus bench/corpus.sh

cd "$(dirname "$0")/.." || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cc=${CC:-gcc}
isal=$(printf '#include <isa-l/igzip_lib.h>\n' | "$cc" -E - >/dev/null 2>&1 && echo "-DHAVE_ISAL -lisal")
"$cc" -std=gnu99 -D_GNU_SOURCE -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Isrc \
	src/file/*.c test/file/reader_check.c -o "$scratch/check" $isal -lminizip -lz -lzstd -lexpat -lm || exit 1
python3 bench/corpus.py "$scratch/check" "${CORPUS:-../shared/corpus}"
