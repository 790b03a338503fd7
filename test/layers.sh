#!/bin/bash
# Who may include whom, and what may be said where: the rules of docs and CONTRIBUTING as a program.
#
#   test/layers.sh         prints what breaks a rule; status 1 if anything does
#   test/layers.sh --tap   the same as TAP, one test per rule

cd "$(dirname "$0")/.." || exit 1
number=0 broken=0
tap=${1:-}

# One rule: its text, then the lines that break it (none: it holds).
rule()
{
	local text=$1 lines=$2

	number=$((number + 1))
	if [ -z "$lines" ]; then
		[ -z "$tap" ] || echo "ok $number - $text"
		return
	fi
	broken=$((broken + 1))
	[ -z "$tap" ] && echo "broken: $text" || echo "not ok $number - $text"
	sed 's/^/#   /' <<<"$lines"
}

# Lines of a layer that include one of our headers outside the given places.
includes_outside()
{
	local layer=$1 allowed=$2

	[ ! -d "src/$layer" ] || grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "src/$layer" |
		ours | grep -vE "#[[:space:]]*include[[:space:]]*\"($allowed)"
}

# Of lines that include something, those that include something of ours by its path from src/;
# a bare name is a file beside it, in the same layer.
ours()
{
	local line header

	while IFS= read -r line; do
		header=$(sed 's/.*include[[:space:]]*"\([^"]*\)".*/\1/' <<<"$line")
		[ -e "src/$header" ] && echo "$line"
	done
}

# Lines with one of these words outside comments' first star, in files other than those given.
words()
{
	local pattern=$1 where=$2 except=${3:-^$}

	[ ! -e "$where" ] || grep -rnE --include='*.[ch]' "$pattern" "$where" |
		grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/\*|\*|//)' | grep -vE "$except"
}

rule "base includes nothing of ours but base" "$(includes_outside base 'base/')"
rule "file includes only file" "$(includes_outside file 'file/')"
rule "bronze includes file/reader.h, base and bronze" "$(includes_outside bronze 'file/reader\.h"|base/|bronze/')"
rule "silver includes only base and silver" "$(includes_outside silver 'base/|silver/')"
rule "gold includes only base and gold" "$(includes_outside gold 'base/|gold/')"
rule "run includes layers' headers, of file only reader.h" \
	"$(includes_outside run 'base/|file/reader\.h"|bronze/|silver/|gold/|run/')"
rule "PG_VERSION_NUM is only in base/compat.h" "$(words 'PG_VERSION_NUM' src '^src/base/compat\.h:')"
rule "SPI is only in base" "$(words '\bSPI_[a-z]|executor/spi\.h' src '^src/base/')"
rule "file is pure C: no server header, error or memory call" \
	"$(words '\b(ereport|elog|palloc0?|repalloc|pfree|pstrdup|psprintf|MemoryContext[A-Za-z]*|CHECK_FOR_INTERRUPTS)\b|"(postgres|fmgr|c)\.h"' src/file)"

[ -z "$tap" ] || echo "1..$number"
[ $broken = 0 ]
