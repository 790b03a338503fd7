#!/bin/bash
# PostgreSQL of our major version as its own developers build it, for test/valgrind.sh and test/assert.sh:
# with assertions, freed memory overwritten, and palloc's chunks known to valgrind.
#
#   test/debug_server.sh           builds it, unless it is there; prints its pg_config
#   test/debug_server.sh tree      also copies the project beside it, to be built for it; prints the copy's folder
#
# The source is Debian's (apt-get source), without Debian's patches; any minor release will do.  It is built
# once, in a quarter of an hour, into .debug/ (or MEDALLION_DEBUG), which git ignores.

. "$(dirname "$0")/lib.sh"

# Where the build is: in the project, or outside when the server's user cannot get there.
choose_folder()
{
	if [ -n "${MEDALLION_DEBUG:-}" ]; then
		folder=$MEDALLION_DEBUG
	elif project_is_open; then
		folder=$project/.debug
	else
		folder=$(outside_folder)/debug || exit 1
	fi
}

# apt's sources with the word deb-src for deb, in lists of their own: the machine's are left as they are.
source_lists()
{
	local file

	mkdir -p "$folder/apt/lists/partial"
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n 's/^deb /deb-src /p' | grep -i debian >"$folder/apt/sources.list"
	for file in /etc/apt/sources.list.d/*.sources; do
		cat "$file" && echo
	done 2>/dev/null | awk '
		function put() { if (uris ~ /debian/) for (i = 1; i <= split(suites, suite); i++) print "deb-src", options uris, suite[i], parts; uris = options = "" }
		/^[[:space:]]*#/ { next }
		/^$/ { put() }
		tolower($1) == "uris:" { uris = $2 }
		tolower($1) == "suites:" { $1 = ""; suites = $0 }
		tolower($1) == "components:" { $1 = ""; parts = $0 }
		tolower($1) == "signed-by:" { options = "[signed-by=" $2 "] " }' >>"$folder/apt/sources.list"
	apt=(-q -o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$folder/apt/lists" -o APT::Sandbox::User= -o Acquire::Retries=3)
	apt-get "${apt[@]}" update >&2
}

# The newest source that can be had: a mirror may name one that it no longer holds.
fetch_source()
{
	local package=postgresql-$major version

	source_lists || return 1
	for version in $(apt-cache "${apt[@]}" showsrc "$package" | sed -n 's/^Version: //p' | sort -rV); do
		(cd "$folder/apt" && apt-get "${apt[@]}" source --download-only "$package=$version" >&2) && break
	done
	tarball=$(printf '%s\n' "$folder/apt/postgresql-$major"_*.orig.tar.* | tail -n 1)
	[ -e "$tarball" ]
}

# --with-NAME for each library whose header is there.
with()
{
	local name header

	while read -r name header; do
		! printf '#include <%s>\n' "$header" | cc -E - >/dev/null 2>&1 || echo "--with-$name"
	done <<-'HEADERS'
		icu unicode/ucol.h
		lz4 lz4.h
		zstd zstd.h
		libxml libxml2/libxml/xmlexports.h
	HEADERS
}

build()
{
	local source=$folder/source valgrind= module

	fetch_source || die "apt has no source of postgresql-$major"
	rm -rf "$source" && mkdir -p "$source" &&
		tar -C "$source" --strip-components=1 --no-same-owner -xf "$tarball" || return 1
	! printf '#include <valgrind/memcheck.h>\n' | cc -E - >/dev/null 2>&1 || valgrind=-DUSE_VALGRIND
	[ -n "$valgrind" ] || say "no <valgrind/memcheck.h> (Debian: valgrind): valgrind will not know palloc" >&2
	cd "$source" &&
		./configure -q --prefix="$folder/$major" --enable-cassert --enable-debug --enable-tap-tests \
			--without-readline $(with) CFLAGS='-O1 -g -fno-omit-frame-pointer' CPPFLAGS="$valgrind" &&
		nice make -s -j"${JOBS:-$(nproc)}" install || return 1
	# those that tests use
	for module in amcheck dblink postgres_fdw; do
		nice make -s -C "contrib/$module" install || return 1
	done
}

# pgTAP is SQL alone: Debian's will do.
borrow_pgtap()
{
	cp "$("$PG_CONFIG" --sharedir)"/extension/pgtap* "$("$built" --sharedir)/extension/"
}

# The project's own objects are for another server.
copy_tree()
{
	mkdir -p "$folder/tree" &&
		tar -C "$project" --exclude=./.git --exclude=./.server --exclude=./.debug --exclude='*.o' --exclude='*.so' -cf - . |
		tar -C "$folder/tree" --no-same-owner -xf - &&
		find "$folder/tree" -name .server -prune -o -exec chmod a+rX {} +
}

choose_folder
major=$(pg_major)
built=$folder/$major/bin/pg_config
if [ ! -e "$folder/$major/ready" ]; then
	mkdir -p "$folder" && chmod 755 "$folder" &&
		(build >"$folder/build.log" 2>&1) || { tail -n 20 "$folder/build.log" >&2; die "PostgreSQL was not built"; }
	cp "$folder/source/src/tools/valgrind.supp" "$folder/$major/" && borrow_pgtap && chmod -R a+rX "$folder/$major" &&
		touch "$folder/$major/ready" || exit 1
fi
if [ "${1:-}" = tree ]; then
	copy_tree && echo "$folder/tree"
else
	echo "$built"
fi
