#!/bin/bash
# What must be so in every file: one version, no forbidden words, clean ends of line.
# clang-format, where it is installed, reports and does not judge.
#
#   test/style.sh         prints what is wrong; status 1 if anything is
#   test/style.sh --tap   the same as TAP

cd "$(dirname "$0")/.." || exit 1
number=0 broken=0
tap=${1:-}

check()
{
	local text=$1 lines=$2

	number=$((number + 1))
	if [ -z "$lines" ]; then
		[ -z "$tap" ] || echo "ok $number - $text"
		return
	fi
	broken=$((broken + 1))
	[ -z "$tap" ] && echo "wrong: $text" || echo "not ok $number - $text"
	head -n 40 <<<"$lines" | sed 's/^/#   /'
}

skip()
{
	number=$((number + 1))
	[ -z "$tap" ] && echo "skipped: $1" || echo "ok $number # skip $1"
}

# The project's text files: what git knows, or, in a copy without git, what is not built.
text_files()
{
	{
		git ls-files --cached --others --exclude-standard 2>/dev/null ||
			find . -type f -not -path './.git/*' -not -path './.server/*' -not -path './.debug/*' -not -name '*.o' -not -name '*.so' \
				-not -path './results/*' -not -path './output_iso/*' -not -path './sql/medallion--*' |
			sed 's,^\./,,'
	} | grep -vE '^(test/data|test/fuzz/seeds|expected|examples/[^/]*/(data|changes))/' | while IFS= read -r file; do
		[ -f "$file" ] && echo "$file"
	done
}

# Lines of text files that match; this script's own list of words is no use of them.
find_words()
{
	text_files | grep -v '^test/style\.sh$' | tr '\n' '\0' | xargs -0 grep -nIE "$@" /dev/null
}

version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" medallion.control)

# Each place but medallion.control that says which version this is, with what it says.
said_versions()
{
	sed -n 's/^ *"version": "\([0-9.]*\)",\{0,1\}$/META.json \1/p' META.json | grep -v ' 1\.0\.0$'
	sed -n '1s/^medallion (\([^)]*\)).*/debian\/changelog \1/p' debian/changelog
	sed -n 's/^## \([0-9][^ ]*\).*/CHANGELOG.md \1/p' CHANGELOG.md | head -n 1
	sed -n 's/.*image\.version="\([^"]*\)".*/Containerfile \1/p' Containerfile
}

other_versions()
{
	local file

	said_versions | grep -v " $version\$"
	for file in META.json debian/changelog CHANGELOG.md Containerfile; do
		said_versions | grep -q "^$file " || echo "$file says no version"
	done
}

check "packages and changelogs have the version of medallion.control" "$(other_versions)"
check "META.json is what PGXN takes" "$(python3 test/pgxn_meta.py META.json)"
check "debian/control is made of control.in" "$(sed 's/PGVERSION/15/g' debian/control.in | diff - debian/control)"
# Files that exist and that the Makefile's lists do not name.
unlisted()
{
	local file

	for file in src/*.c src/*/*.c; do
		[ ! -e "$file" ] || grep -qE "^[[:space:]]+${file%.c}\.o( |\$)" Makefile || echo "$file is not in OBJS"
	done
	for file in sql/[0-9]*.sql; do
		[ ! -e "$file" ] || grep -qE "^[[:space:]]+$file( |\$)" Makefile || echo "$file is not in SQL_PARTS"
	done
}

# Of TAP, what is neither a success nor the plan; and whether the plan was kept.
not_computed()
{
	awk '/^ok /{ seen++; next } /^1\.\.[0-9]+$/ { plan = substr($0, 4); next } { print } END { if (!seen || seen != plan) print seen + 0 " of " plan + 0 }'
}

check "the Makefile's lists are complete" "$(unlisted)"
vectors=$(python3 test/hash_vectors.py 2>&1)
if [[ $vectors == "1..0 # skip "* ]]; then
	skip "row_hash: ${vectors#*# skip }"
else
	check "row_hash: another language computes the vectors of docs/row_hash.md" "$(not_computed <<<"$vectors")"
fi
check "docs/*.md name tests that are there" "$(python3 test/docs.py)"
check "no unfinished-work marks" "$(find_words '\b(TODO|FIXME|XXX|HACK)\b' | grep -vE 'XXXXXX')"
check "no absolute paths of one machine" "$(find_words '(^|[^[:alnum:]_.])/(work|home|root)/')"
check "no trailing white space" "$(text_files | grep -E '\.(c|h|sql|sh|pl|spec|md|control)$|Makefile$' | tr '\n' '\0' | xargs -0 grep -nE '[[:blank:]]+$' /dev/null)"
check "C and SQL are indented with tabs" "$(text_files | grep -E '\.[ch]$' | tr '\n' '\0' | xargs -0 -r grep -nE '^ {4,}[^ *]' /dev/null)"

# pgindent lines up declarations as no clang-format can: white space within a line is not compared.
report_layout()
{
	local file lines

	text_files | grep -E '^src/.*\.[ch]$' | while IFS= read -r file; do
		lines=$(clang-format "$file" | diff -wB "$file" - | grep -c '^<')
		[ "$lines" = 0 ] || echo "    $lines of $(wc -l <"$file") lines: $file"
	done
}

if [ -z "$tap" ] && command -v clang-format >/dev/null; then
	differing=$(report_layout)
	[ -z "$differing" ] ||
		printf '%s\n%s\n' "clang-format would break lines otherwise (a report, no error):" "$differing"
fi

[ -z "$tap" ] || echo "1..$number"
[ $broken = 0 ]
