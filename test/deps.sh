#!/bin/bash
# Installs the Debian packages that building, demo and tests need; only those that are missing.
#
#   test/deps.sh                 install
#   test/deps.sh chromium        these too: with a browser the report is looked at, else that test is skipped
#   test/deps.sh --list          print the names

. "$(dirname "$0")/lib.sh"
export DEBIAN_FRONTEND=noninteractive

# The PostgreSQL version that is here already, else the one of this Debian release.
wanted_major()
{
	if [ -x "$(command -v "$PG_CONFIG")" ]; then
		pg_major
		return
	fi
	case $(. /etc/os-release && echo "${VERSION_CODENAME:-}") in
		bookworm) echo 15 ;;
		trixie) echo 17 ;;
		*) echo 18 ;;
	esac
}

packages()
{
	local major=$1

	echo gcc make libc6-dev
	echo libexpat1-dev libisal-dev libminizip-dev libxxhash-dev libzstd-dev zlib1g-dev
	echo "postgresql-$major" "postgresql-server-dev-$major"
	echo "postgresql-$major-cron" "postgresql-$major-pgtap"
	echo libtap-parser-sourcehandler-pgtap-perl libipc-run-perl libfaketime python3 python3-xxhash
}

# Of the given packages, those that are not installed.
missing()
{
	local package

	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
	done
}

# Installs packages.  Package lists may be absent (a fresh image) or stale: update them before.
install()
{
	as_root apt-get update -q -o Acquire::Retries=3 &&
		install_now "$@"
}

install_now()
{
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 "$@"
}

# Installing postgresql-NN creates and starts a system cluster; the machine's owner asked for none.
# A drop-in says so while we install, and is gone afterwards.
drop_in=/etc/postgresql-common/createcluster.d/medallion-no-cluster.conf

without_cluster()
{
	local status

	as_root mkdir -p "${drop_in%/*}"
	echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null
	"$@"
	status=$?
	as_root rm -f "$drop_in"
	as_root rmdir --ignore-fail-on-non-empty "${drop_in%/*}"
	return $status
}

major=$(wanted_major)
read -r -a all <<<"$(packages "$major" | tr '\n' ' ')"
if [ "${1:-}" = --list ]; then
	printf '%s\n' "${all[@]}"
	exit 0
fi
all+=("$@")

command -v dpkg-query >/dev/null || {
	say "not a Debian system: have ready what these Debian packages hold: ${all[*]}"
	exit 0
}
read -r -a lacking <<<"$(missing "${all[@]}" | tr '\n' ' ')"
[ ${#lacking[@]} -gt 0 ] || exit 0

say "needs these Debian packages: ${all[*]}"
say "installs the missing ones: ${lacking[*]}"
if ! as_root true; then
	echo "medallion: neither root nor sudo here; have an administrator run:" >&2
	echo "    apt-get install --no-install-recommends ${lacking[*]}" >&2
	exit 1
fi
# postgresql-common first: it brings the configuration that the drop-in is part of.
install postgresql-common && without_cluster install_now "${lacking[@]}" ||
	die "apt-get could not install: ${lacking[*]}"
