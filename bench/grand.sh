#!/bin/bash
# The whole pipelines beside all peers that can be had, one script after the other; in the end one table of ratios.
#
#   bench/grand.sh                 retail x 1 and x 10, receipts of 0.1 and 1 GB, olist, and the growth of each stage: half a day
#   BIG=no bench/grand.sh          retail x 1, receipts of 0.1 GB, and olist
#   RUNS=5 DAYS=3 PEERS="polars_delta duckdb_file" bench/grand.sh      as bench/peers.sh takes these; SERVER=here too
#
# What one script cannot measure is said in its place, and is no reason to leave out the others.

. "$(dirname "$0")/../test/lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/grand.XXXXXX")
trap 'rm -rf "$work"' EXIT
export RUNS=${RUNS:-3}
status=0

# measure NAME SCRIPT ARGUMENT...: its output is shown, and its table kept under that name.
measure()
{
	local name=$1 script=$2
	shift 2

	printf '== %s\n' "$name"
	bash "$project/bench/$script" "$@" 2>"$work/errors" | tee "$work/output"
	if [ "${PIPESTATUS[0]}" != 0 ]; then
		tail -n 5 "$work/errors" >&2
		echo "$name: not measured" | tee -a "$work/table"
		status=1
	fi
	awk -v name="$name" '/^skipped: / { print name ": " $0 }
		/^(first|increment|unchanged|changed) / { printf "%-16s %-10s %-14s %10s %10s %10s %12s\n", name, $1, $2, $3, $4, $5, $8 }' "$work/output" >>"$work/table"
	echo
}

# The peers of olist have names of their own.
olist_peers()
{
	local peer found=

	for peer in ${PEERS:-spark_delta polars_delta}; do
		case $peer in
			spark_delta) found+=" spark" ;;
			polars_delta) found+=" polars" ;;
		esac
	done
	echo "${found# }"
}

measure "retail x 1" peers.sh retail 1
measure "receipts 0.1 GB" peers.sh store 0.1
PEERS=$(olist_peers) measure olist olist.sh
if [ "${BIG:-yes}" != no ]; then
	measure "retail x 10" peers.sh retail 10
	measure "receipts 1 GB" peers.sh store 1
	measure growth scale.sh
fi
printf '%-16s %-10s %-14s %10s %10s %10s %12s\n' "" "" "beside" "medallion" "it" "it / ours" "by processor"
cat "$work/table"
exit $status
