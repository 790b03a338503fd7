#!/bin/bash
# The packages, built and tried on clean machines: roots of Debian releases.  Needs root; takes minutes, so "make test" has not got it.
#
#   test/packaging.sh                      everything
#   test/packaging.sh dist bookworm        some of: dist (the zip for PGXN), bookworm and trixie (the Debian packages of 15 and
#                                          17), upgrade (pg_upgrade from 15 to 17, by these packages), container (the steps of
#                                          Containerfile), site (the documents by mkdocs), readme (what README.md says first)
#
# A package is built from the zip in one root and tried in another that has never seen a compiler.  The roots are
# kept in /var/cache/medallion-pkg.  The last line is "N passed, N failed".

. "$(dirname "$0")/lib.sh"
. "$project/test/root.sh"
cd "$project" || exit 1
cache=/var/cache/medallion-pkg
prepare_limit=900 step_limit=1800	# seconds
version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" medallion.control)
zip=medallion-$version.zip
passed=0 failed=0

limit()
{
	echo "$1"
}

# Runs a step, and says how it ended; its output is shown when it fails.
step()
{
	local text=$1 log=$tmp/step.log
	shift

	# Without stdin: a step that asks has failed.
	if "$@" >"$log" 2>&1 </dev/null; then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) - $text ($SECONDS s)"
	else
		failed=$((failed + 1))
		echo "not ok $((passed + failed)) - $text ($SECONDS s)"
		tail -n "${LINES_SHOWN:-60}" "$log" | sed 's/^/#   /'
		return 1
	fi
}

# A command in a root, within the time for a step.
inside()
{
	timeout -k 20 "$step_limit" bash -c 'in_root "$@"' - "$1" "$2"
}

# A new machine of a release: a copy of the root that nothing was ever installed into.
new_root()
{
	local suite=$1 root=$2

	prepare_root "$suite" || return 1
	rm -rf "$root" && cp -a --reflink=auto "$cache/$suite" "$root" && share_network "$root" &&
		mkdir -p "$root/srv/medallion"
}

# The zip, unpacked where a root sees it, with its files' modes.
unpack()
{
	python3 - "$zip" "$1" <<-'UNPACK'
		import os, sys, zipfile
		archive = zipfile.ZipFile(sys.argv[1])
		for member in archive.infolist():
		    path = archive.extract(member, sys.argv[2])
		    if member.external_attr >> 16:
		        os.chmod(path, member.external_attr >> 16 & 0o777)
	UNPACK
}

# --- the zip for PGXN ---

test_dist()
{
	step "make dist" make -s dist &&
		step "the zip has one folder, and META.json in it" dist_holds META.json Makefile medallion.control README.md &&
		step "META.json is what PGXN takes" python3 test/pgxn_meta.py META.json
}

dist_holds()
{
	python3 - "$zip" "medallion-$version" "$@" <<-'CHECK'
		import sys, zipfile
		names = zipfile.ZipFile(sys.argv[1]).namelist()
		folder = sys.argv[2]
		sys.exit(any(not name.startswith(folder + "/") for name in names) or any(f"{folder}/{name}" not in names for name in sys.argv[3:]))
	CHECK
}

# --- Debian packages ---

# Everything that debian/control wants, and the tree, in a root for building.
prepare_builder()
{
	local suite=$1 root=$2

	[ -e "$root/.medallion-builder" ] || {
		new_root "$suite" "$root" &&
			cp -r debian "$root/srv/" && unset_cluster "$root" &&
			inside "$root" 'set -e; cd /srv; apt-get update -q
				apt-get install -q -y --no-install-recommends build-essential devscripts equivs lintian
				mk-build-deps -i -r -t "apt-get -q -y --no-install-recommends" debian/control' &&
			touch "$root/.medallion-builder"
	} || return 1
	share_network "$root"
	rm -rf "$root/srv/build" && mkdir "$root/srv/build" && unpack "$root/srv/build"
}

# postgresql-NN starts no cluster of its own when it is installed: there is no init to stop it.
unset_cluster()
{
	mkdir -p "$1/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$1/etc/postgresql-common/createcluster.d/none.conf"
}

test_debian()
{
	local suite=$1 major=$2 builder=$cache/$1-builder clean=$cache/$1-clean
	local name=postgresql-$major-medallion

	[ -e "$zip" ] || make -s dist || return
	step "$suite: a machine to build on" prepare_builder "$suite" "$builder" || return
	step "$suite: $name builds, regression tests pass" inside "$builder" "set -e; cd /srv/build/medallion-$version
		pg_buildext updatecontrol; dpkg-buildpackage -us -uc -b" || return
	step "$suite: lintian finds no error" inside "$builder" \
		"cd /srv/build && lintian --allow-root --fail-on error --tag-display-limit 0 ./*.changes"
	step "$suite: a clean machine" new_root "$suite" "$clean" || return
	unset_cluster "$clean"
	cp "$builder/srv/build/$name"_*.deb "$clean/srv/" && cp debian/tests/pipeline "$clean/srv/"
	step "$suite: $name installs there" inside "$clean" "apt-get update -q && apt-get install -q -y --no-install-recommends /srv/$name*.deb" || return
	step "$suite: it has no more than it says" inside "$clean" "! dpkg -L $name | grep -vE '^/(\.|usr(/(lib|share)(/(postgresql|doc|doc-base|lintian).*)?)?)\$'"
	step "$suite: a pipeline runs" inside "$clean" "cd / && sh /srv/pipeline"
	step "$suite: it is removed without a trace" inside "$clean" "apt-get purge -q -y $name && ! find /usr/lib/postgresql /usr/share/postgresql -name '*medallion*' | grep ."
	rm -rf "$clean"
}

# --- pg_upgrade ---

# 15 and the libraries that only its release has, from the one builder, laid into the other.
both_versions()
{
	local from=$1 root=$2 round library

	cp -a "$from/usr/lib/postgresql/15" "$root/usr/lib/postgresql/" && cp -a "$from/usr/share/postgresql/15" "$root/usr/share/postgresql/" &&
		dpkg -x "$from/srv/build/postgresql-15-medallion_"*.deb "$root" || return 1
	for round in 1 2; do
		for library in $(inside "$root" 'ldd /usr/lib/postgresql/15/bin/* /usr/lib/postgresql/15/lib/medallion.so' | sed -n 's/^[[:blank:]]*\([^ ]*\) => not found.*/\1/p' | sort -u); do
			cp -L "$from"/usr/lib/*/"$library" "$root/usr/local/lib/" || return 1
		done
		inside "$root" ldconfig
	done
	inside "$root" "apt-get install -q -y --reinstall /srv/build/postgresql-17-medallion_*.deb"
}

test_upgrade()
{
	local from=$cache/bookworm-builder root=$cache/trixie-builder

	ls "$from/srv/build/postgresql-15-medallion_"*.deb "$root/srv/build/postgresql-17-medallion_"*.deb >/dev/null || { failed=$((failed + 1)); return; }
	step "upgrade: a machine with 15 and 17" both_versions "$from" "$root" || return
	cp test/pg_upgrade.sh test/doc_blocks.py test/lib.sh "$root/srv/build/medallion-$version/test/"
	cp docs/backup.md "$root/srv/build/medallion-$version/docs/"
	LINES_SHOWN=200 step "upgrade: from 15 to 17 with data" inside "$root" "cd /srv/build/medallion-$version && bash test/pg_upgrade.sh /usr/lib/postgresql/15/bin /usr/lib/postgresql/17/bin"
}

# --- the container ---

# Follows Containerfile, instruction by instruction, in roots.
test_container()
{
	local context=$tmp/context line number=0

	[ -e "$zip" ] || make -s dist || return
	unpack "$context" || return
	context=$context/medallion-$version
	unset roots; declare -gA roots=()
	while IFS= read -r line; do
		number=$((number + 1))
		step "Containerfile: $(cut -c1-70 <<<"$line")" instruction "$context" "$line" || return
	done < <(sed -e '/^#/d' "$context/Containerfile" | sed -e ':a; /\\$/ { N; s/\\\n[[:blank:]]*/ /; ba }' | grep -v '^[[:blank:]]*$')
	step "container: the server starts, twice, and a pipeline runs" inside "$root" "$(try_container)"
	step "container: with a password TCP is open, with another it is not" inside "$root" "$(try_password)"
	rm -rf "$cache"/container-*
}

# One instruction; sets root, folder, user, environment and entry for the ones after.
instruction()
{
	local context=$1 name rest from

	read -r name rest <<<"$2"
	case $name in
		FROM) begin_stage $rest ;;
		RUN) inside "$root" "$environment cd '$folder' && $rest" ;;
		COPY)
			from=$context
			[[ $rest != --from=* ]] || { from=${roots[$(sed 's/^--from=\([^ ]*\).*/\1/' <<<"$rest")]}; rest=${rest#* }; }
			copy_into "$from" $rest
			;;
		WORKDIR) folder=$rest && mkdir -p "$root$rest" ;;
		ENV) environment="$environment export $rest;" ;;
		USER) user=$rest && inside "$root" "id $rest" ;;
		ENTRYPOINT) entry=$(python3 -c 'import json, shlex, sys; print(shlex.join(json.loads(sys.argv[1])))' "$rest") ;;
		LABEL | VOLUME | EXPOSE | STOPSIGNAL) : ;;
		*) echo "unknown instruction $name"; return 1 ;;
	esac
}

# FROM debian:<suite>-slim [AS name]
begin_stage()
{
	local suite=${1#debian:}

	suite=${suite%-slim} folder=/ user=root environment=
	root=$cache/container-${3:-last}
	roots[${3:-last}]=$root
	new_root "$suite" "$root"
}

copy_into()
{
	local from=$1 source=$2 target=$3

	if [ -d "$from/$source" ]; then
		mkdir -p "$root$target" && cp -a "$from/$source/." "$root$target/"
	else
		mkdir -p "$(dirname "$root$target")" && cp -a "$from/$source" "$root$target"
	fi
}

# What is done in the container: the entry point as its user, and psql as it says in the file's head.
try_container()
{
	cat <<-TRY
		set -e; $environment
		as() { runuser -u $user -- env PATH="\$PATH" PGDATA="\$PGDATA" "\$@"; }
		await() { for i in \$(seq 120); do as psql -X -A -t -d medallion -c "\$1" 2>/dev/null && return; sleep 0.5; done; return 1; }
		cd '$folder'
		as $entry & await "SELECT extversion FROM pg_extension WHERE extname = 'medallion'" | grep -x '$version'
		mkdir -p /srv/finance && printf 'order_no,amount\n1,10.50\n2,4\n' >/srv/finance/a.csv
		as psql -X -v ON_ERROR_STOP=1 -d medallion -c "SELECT medallion.create_feature('orders', '{/srv/finance/*.csv}', '{order_no}')" -c 'SELECT * FROM medallion.run_pipeline()'
		as psql -X -v ON_ERROR_STOP=1 -d medallion -c 'CREATE EXTENSION pg_cron' -c "SELECT medallion.schedule('0 2 * * *')"
		as pg_ctl -w -m fast stop; wait
		as $entry -c work_mem=64MB & await 'SELECT sum(amount) FROM silver.orders_current' | grep -x 14.50
		as psql -X -A -t -d medallion -c 'SHOW work_mem' | grep -x 64MB
		! psql -X -h localhost -U postgres -d medallion -c 'SELECT 1' -w
		as pg_ctl -w -m fast stop; wait
	TRY
}

try_password()
{
	cat <<-TRY
		set -e; $environment export PGDATA=/var/lib/postgresql/other
		cd '$folder'
		runuser -u $user -- env PATH="\$PATH" PGDATA="\$PGDATA" POSTGRES_PASSWORD=opensesame $entry &
		for i in \$(seq 120); do PGPASSWORD=opensesame psql -X -h localhost -U postgres -d medallion -c 'SELECT 1' && break; sleep 0.5; done
		PGPASSWORD=opensesame psql -X -h localhost -U postgres -d medallion -c 'SELECT 1'
		! PGPASSWORD=opensesam psql -X -h localhost -U postgres -d medallion -c 'SELECT 1'
		[ ! -e /tmp/password ]
		runuser -u $user -- env PATH="\$PATH" pg_ctl -D "\$PGDATA" -w -m fast stop; wait
	TRY
}

# --- documents ---

# mkdocs.yml is strict: a link that leads nowhere is an error.
test_site()
{
	local root=$cache/site

	[ -e "$zip" ] || make -s dist || return
	step "site: a clean machine" new_root bookworm "$root" || return
	unpack "$root/srv"
	step "site: mkdocs builds it" inside "$root" "set -e; apt-get update -q; apt-get install -q -y --no-install-recommends mkdocs
		cd /srv/medallion-$version; mkdocs build; ls site/*/index.html; [ \$(ls -d site/*/index.html | wc -l) -ge 12 ]"
	rm -rf "$root"
}

# The first commands of README.md, on a machine that has nothing: as root, with make and sudo.
test_readme()
{
	local suite root=$cache/readme

	[ -e "$zip" ] || make -s dist || return
	for suite in bookworm trixie; do
		step "readme: a clean machine, $suite" new_root "$suite" "$root" || return
		unpack "$root/srv"
		step "readme: make demo on $suite" inside "$root" "set -e; apt-get update -q; apt-get install -q -y --no-install-recommends make sudo
			cd /srv/medallion-$version; $(python3 test/doc_blocks.py --show README.md sh 1)
			make server-stop; make clean" &&
			step "readme: installing on $suite" inside "$root" "set -e; cd /srv/medallion-$version; $(python3 test/doc_blocks.py --show README.md sh 2)"
		rm -rf "$root"
	done
}

# --- the run ---

main()
{
	[ "$(id -u)" = 0 ] || die "needs root, for roots of other releases"
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	mkdir -p "$cache"
	for what in ${*:-dist bookworm trixie upgrade container site readme}; do
		case $what in
			dist) test_dist ;;
			bookworm) test_debian bookworm 15 ;;
			trixie) test_debian trixie 17 ;;
			upgrade) test_upgrade ;;
			container) test_container ;;
			site) test_site ;;
			readme) test_readme ;;
			*) die "unknown: $what" ;;
		esac
	done
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

# At once, for a script that is changed while it runs is read anew from where bash was.
main "$@"
exit
