# shellcheck shell=bash
# The merge of a full extract at ROWS and at ten times as many, with the exponent of its growth.  Sourced by silver.sh.
#
# The longer one twice: where the hashes of the history fit in memory (work_mem x hash_mem_multiplier, some 50 bytes of each
# row), and where they do not and go to files.

. "$here/merge.sh"

# remembering MEGABYTES COMMAND...: with so much work_mem.
remembering()
{
	local PGOPTIONS="$PGOPTIONS -c work_mem=$1MB -c hash_mem_multiplier=1"

	"${@:2}"
}

run_growth_small() { remembering $((rows / 10000)) run_ours; }
run_growth_large() { remembering $((rows / 1000)) run_ours; }
run_growth_files() { remembering $((rows / 10000)) run_ours; }

# exponent NAME: how the processor's seconds grow by ten.
exponent()
{
	awk -v a="${cpu[growth_small]}" -v b="${cpu[$1]}" 'BEGIN { printf "  %-58s %23.2f\n", "exponent", log(b / a) / log(10) }'
}

part_growth()
{
	sql -c "DROP TABLE IF EXISTS bench.dimension, bench.dimension_kept"
	prepare_ours
	compete growth_small
	sql -v rows=$((rows * 10)) -f "$here/tables.sql" || die "no tables"
	prepare_ours
	compete growth_large growth_files
	title "merge of a full extract, growing"
	line "$rows rows" growth_small
	line "$((rows * 10)) rows, in memory" growth_large growth_small
	exponent growth_large
	line "$((rows * 10)) rows, by files" growth_files growth_small
	exponent growth_files
	sql -v rows="$rows" -f "$here/tables.sql" || die "no tables"
}
