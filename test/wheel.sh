#!/bin/bash
# PostgreSQL 16, which no Debian release has, from a package of PyPI that carries a build of it: for tests only.
#
#   test/wheel.sh FOLDER                  makes the server in FOLDER, unless it is there; prints why, if it cannot be had
#   test/wheel.sh FOLDER SUITE...         runs these suites there, on a copy of the tree
#
# That build has the server, psql and what extensions are built with, and nothing of contrib, pg_cron or the Perl modules
# of TAP tests: pgTAP comes from this machine's own PostgreSQL.

. "$(dirname "$0")/lib.sh"

wheel="pgserver==0.1.4"			# PostgreSQL 16.2
folder=${1:?"usage: test/wheel.sh FOLDER [SUITE...]"}
server=$folder/build/pgserver/pginstall	# its libraries are in build/pgserver.libs
shift

prepare()
{
	[ ! -x "$server/bin/pg_config" ] || return 0
	[ "$(uname -m)" = x86_64 ] || { echo "no such package for $(uname -m)"; return 1; }
	mkdir -p "$folder/wheel"
	python3 -m pip download -q --no-deps --only-binary :all: --python-version 3.11 --platform manylinux2014_x86_64 \
		--dest "$folder/wheel" "$wheel" >"$folder/log" 2>&1 || { echo "pip: $(tail -n 1 "$folder/log")"; return 1; }
	python3 -m zipfile -e "$folder"/wheel/*.whl "$folder/build" || { echo "$wheel does not unpack"; return 1; }
	cp "$("$PG_CONFIG" --sharedir)"/extension/pgtap* "$server/share/postgresql/extension/" || { echo "no pgTAP here"; return 1; }
	chmod -R a+rX "$folder"
	find "$server/bin" "$server/lib/postgresql/pgxs" -type f -exec chmod 755 {} +
}

prepare || exit 1
[ $# -gt 0 ] || exit 0
rm -rf "$folder/medallion" && mkdir -p "$folder/medallion"
tar -C "$project" --exclude=./.git --exclude=./.server --exclude=./.debug --exclude='./bench/.*' --exclude='*.o' --exclude='*.so' \
	--exclude='./sql/medallion--*' --exclude=./results --exclude=./output_iso -cf - . | tar -C "$folder/medallion" --no-same-owner -xf - || exit 1
chmod 755 "$folder" "$folder/medallion"
[ ! -d "$project/../shared" ] || export MEDALLION_SHARED="${MEDALLION_SHARED:-$(cd "$project/../shared" && pwd)}"
PG_CONFIG="$server/bin/pg_config" exec bash "$folder/medallion/test/run.sh" "$@"
