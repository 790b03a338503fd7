# Roots of Debian releases, made by debootstrap: clean machines for tests.  Sourced; needs root.
#
# The caller sets project (the tree), cache (the folder of the roots, outside the project), tmp (a folder for
# logs) and prepare_limit (seconds), and may define limit().

# The mirror that this machine's apt uses for its own release: of one-line and of deb822 sources.
mirror()
{
	local codename
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")

	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n "s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) $codename main.*/\2/p" | head -n 1 | grep . && return
	awk -v codename="$codename" '
		/^[[:space:]]*#/ { next }
		/^$/ { uri = "" }
		tolower($1) == "uris:" { uri = $2 }
		tolower($1) == "suites:" {
			for (i = 2; i <= NF; i++)
				if ($i == codename && !found) { print uri; found = 1 }
		}' /etc/apt/sources.list.d/*.sources 2>/dev/null | grep .
}

# Makes $cache/<suite>, unless an earlier run did.  Prints why, when it cannot.
prepare_root()
{
	local suite=$1 root=$cache/$1 from script=()

	[ ! -e "$root/.medallion-ready" ] || return 0
	[ "$(id -u)" = 0 ] || { echo "not root"; return 1; }
	command -v debootstrap >/dev/null ||
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive \
			apt-get install -q -y --no-install-recommends debootstrap; } >"$tmp/$suite.log" 2>&1 ||
		{ echo "debootstrap could not be installed"; return 1; }
	from=$(mirror) || { echo "apt's sources name no mirror"; return 1; }
	# A release younger than our debootstrap is made as sid is.
	[ -e "/usr/share/debootstrap/scripts/$suite" ] || script=(/usr/share/debootstrap/scripts/sid)
	rm -rf "$root"
	mkdir -p "$root"
	timeout -k 20 "$(limit "$prepare_limit")" debootstrap --variant=minbase --include=ca-certificates \
		"$suite" "$root" "$from" "${script[@]}" >"$tmp/$suite.log" 2>&1 </dev/null ||
		{ echo "debootstrap $suite: $(tail -n 1 "$tmp/$suite.log")"; return 1; }
	touch "$root/.medallion-ready"
}

# The tree as it is, without what was built from it, in the root's /srv/medallion; and the way to the mirror.
fill_root()
{
	local root=$1

	rm -rf "$root/srv/medallion"
	mkdir -p "$root/srv/medallion"
	# An empty folder would look like data sets: it is there only to mount them on.
	if [ -d "$project/../shared" ]; then
		mkdir -p "$root/srv/shared"
	else
		rmdir "$root/srv/shared" 2>/dev/null
	fi
	tar -C "$project" --exclude=./.git --exclude=./.server --exclude=./.debug --exclude='./bench/.*' --exclude='*.o' --exclude='*.so' \
		--exclude=./results --exclude=./output_iso -cf - . |
		tar -C "$root/srv/medallion" --no-same-owner -xf - || return 1
	share_network "$root"
}

# The root reaches the mirror as this machine does: proxy settings, certificates, resolver.
share_network()
{
	local root=$1

	cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null
	cp -L /etc/hosts "$root/etc/hosts" 2>/dev/null
	apt-config dump Acquire 2>/dev/null | grep -iE '::proxy |CAInfo' >"$root/etc/apt/apt.conf.d/99host"
	# A mirror may be a copy that stands still, older than a testing release says of itself.
	echo 'Acquire::Check-Valid-Until "false";' >>"$root/etc/apt/apt.conf.d/99host"
	[ ! -d /etc/ssl/certs ] || cp -RL /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null
	return 0
}

# Runs in namespaces of its own, from which nothing is left: no mount, no process.
enter_root='
	root=$1; shift
	mount --make-rprivate / &&
	mount -t proc proc "$root/proc" &&
	mount --rbind /dev "$root/dev" &&
	{ [ ! -d "$2" ] || [ ! -d "$root/srv/shared" ] || mount --bind "$2" "$root/srv/shared"; } &&
	exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C.UTF-8 CI=true ${http_proxy:+http_proxy="$http_proxy"} \
		${https_proxy:+https_proxy="$https_proxy"} bash -c "$1"
'

in_root()
{
	unshare --mount --pid --fork --kill-child bash -c "$enter_root" - "$1" "$2" "$project/../shared"
}
export -f in_root
export enter_root project

