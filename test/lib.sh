# What the scripts in here share; each begins with:  . "$(dirname "$0")/lib.sh"
#
# Sets project (the project's folder) and PG_CONFIG, unless given.

set -u
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
: "${PG_CONFIG:=$(bash "$project/test/pg_config.sh")}"
export PG_CONFIG

# Tells the user something.
say()
{
	echo "medallion: $*"
}

# Says what is wrong and gives up.
die()
{
	echo "medallion: $*" >&2
	exit 1
}

# PostgreSQL's major version: 15, 16, ...
pg_major()
{
	"$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/'
}

# Runs a command as root: directly, or through sudo.  Status 127 when neither is possible.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		return 127
	fi
}

# The user who runs the private server: ourselves, or somebody unprivileged when we are root,
# for PostgreSQL refuses to run as root.
server_user()
{
	if [ "$(id -u)" != 0 ]; then
		id -un
	elif id postgres >/dev/null 2>&1; then
		echo postgres
	else
		echo nobody
	fi
}

# Runs a command as the server's user.
as_server_user()
{
	if [ "$(id -u)" != 0 ]; then
		"$@"
	else
		# From /, for the present folder may be closed to that user.
		(cd / && runuser -u "$(server_user)" -- "$@")
	fi
}

# True when the server's user can read the project's files.
project_is_open()
{
	as_server_user test -r "$project/Makefile" -a -x "$project"
}

# Makes and prints a folder outside the project that belongs to this project alone, for a project in
# a closed place.  /var/tmp is everybody's: a folder that another user made there is not taken.
outside_folder()
{
	local folder
	folder=/var/tmp/medallion-$(echo "$project" | cksum | cut -d' ' -f1)

	[ -d "$folder" ] || mkdir -m 755 "$folder" || return 1
	[ -O "$folder" ] && [ ! -L "$folder" ] || die "$folder belongs to another user"
	echo "$folder"
}

# Builds and installs the extension, through sudo where the server's folders are not ours.
install_extension()
{
	local make=(make --no-print-directory -C "$project" PG_CONFIG="$PG_CONFIG")

	"${make[@]}" -j2 all || return 1
	if [ -w "$("$PG_CONFIG" --pkglibdir)" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ]; then
		"${make[@]}" -s install
	else
		say "installing into $("$PG_CONFIG" --pkglibdir) needs root"
		as_root "${make[@]}" -s install
	fi
}
