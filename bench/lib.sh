# shellcheck shell=bash
# What the benchmarks share: a server with the extension, statements, medians.  Sourced, from beside.

. "$(dirname "${BASH_SOURCE[0]}")/../test/lib.sh"

# use_server DATABASE: the private server, or with SERVER=here the one of PGHOST and PGPORT, where the extension is
# installed; psql then goes to a database of that name, which is not made.
use_server()
{
	if [ "${SERVER:-}" != here ]; then
		install_extension >/dev/null || die "the extension could not be built and installed"
		bash "$project/test/server.sh" start || exit 1
		eval "$(bash "$project/test/server.sh" env)"
	fi
	export PGOPTIONS='-c client_min_messages=error' PGDATABASE=$1
}

sql()
{
	psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
