#!/bin/bash
# The project's private server: socket only, own folder, own port, nothing to do with a system cluster.
#
#   test/server.sh start | stop | restart | status | psql [argument...] | env | remove
#
# "env" prints the PGHOST, PGPORT and PGUSER that lead to it: eval "$(test/server.sh env)".
# "remove" deletes its folder, if it does not run.

. "$(dirname "$0")/lib.sh"

port=54329
longest_socket_folder=90			# a socket's path has at most 107 bytes, and ends in /.s.PGSQL.54329
bindir=$("$PG_CONFIG" --bindir 2>/dev/null)

# Where the server lives: .server/ in the project, or outside when its user cannot get there.
choose_home()
{
	if project_is_open; then
		home=$project/.server
	else
		home=$(outside_folder) || exit 1
		home=$home/server
	fi
}

# Makes the folder, the server user's own; closed to others, for the socket trusts whoever reaches it.
make_home()
{
	[ "$home" = "$project/.server" ] ||
		say "user $(server_user) cannot read $project; the server lives in $home"
	mkdir -p "$home" || die "cannot create $home"
	chown "$(server_user)" "$home" && chmod 700 "$home" ||
		die "cannot hand $home to user $(server_user)"
	as_server_user test -w "$home" ||
		die "$home belongs to another user; remove it, or run as that user"
}

# The socket's folder: in the server's own, or, when that path is too long, one in /tmp noted there.
socket_folder()
{
	local folder=$home/socket

	if [ ${#folder} -gt $longest_socket_folder ]; then
		[ -e "$home/socket_is_in" ] || make_socket_folder_elsewhere
		folder=$(cat "$home/socket_is_in")
	fi
	echo "$folder"
}

make_socket_folder_elsewhere()
{
	as_server_user mktemp -d /tmp/medallion.XXXXXX >"$home/socket_is_in"
}

is_running()
{
	[ -n "$bindir" ] && [ -e "$home/data/postmaster.pid" ] &&
		as_server_user "$bindir/pg_ctl" -D "$home/data" status >/dev/null 2>&1
}

# A cluster of another major version, or a half-made one, is of no use: it goes.
discard_unusable()
{
	[ -d "$home/data" ] || return 0
	[ -e "$home/data/made" ] && [ "$(cat "$home/data/PG_VERSION")" = "$(pg_major)" ] && return 0
	say "removing the private server's old folder $home/data"
	rm -rf "$home/data"
}

create_cluster()
{
	as_server_user "$bindir/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C \
		>"$home/initdb.log" 2>&1 || { cat "$home/initdb.log" >&2; die "initdb failed"; }
	write_settings
	as_server_user touch "$home/data/made"
}

# Durable as a real server is (the demo shows real times), sized for a laptop.
write_settings()
{
	as_server_user tee -a "$home/data/postgresql.conf" >/dev/null <<-SETTINGS

		# medallion's private server
		listen_addresses = ''
		port = $port
		shared_buffers = 256MB
		work_mem = 64MB
		maintenance_work_mem = 256MB
		max_wal_size = 2GB
		max_worker_processes = 16
		max_prepared_transactions = 8
		timezone = 'UTC'
		log_timezone = 'UTC'
		log_line_prefix = '%m [%p] %q%u@%d '
	SETTINGS
	[ ! -e "$("$PG_CONFIG" --pkglibdir)/pg_cron.so" ] ||
		as_server_user tee -a "$home/data/postgresql.conf" >/dev/null <<-SETTINGS
			shared_preload_libraries = 'pg_cron'
			cron.database_name = 'demo'
			cron.use_background_workers = on
		SETTINGS
}

# pg_cron's launcher wants its database from the start, and "make psql" too.
make_demo_database()
{
	(
		eval "$(environment)"
		psql -X -q -A -t -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'demo'" | grep -q 1 ||
			psql -X -q -d postgres -c 'CREATE DATABASE demo'
	)
}

start()
{
	local sockets

	[ -n "$bindir" ] || die "no PostgreSQL found ($PG_CONFIG); 'make deps' installs it"
	make_home
	if is_running; then
		[ "$(cat "$home/data/PG_VERSION")" = "$(pg_major)" ] ||
			die "the private server runs another PostgreSQL version; 'make server-stop' stops it"
		say "the private server is running"
		return
	fi
	discard_unusable
	[ -d "$home/data" ] || create_cluster
	sockets=$(socket_folder)
	[ -d "$sockets" ] || as_server_user mkdir -m 700 -p "$sockets" || die "cannot create $sockets"
	as_server_user "$bindir/pg_ctl" -D "$home/data" -l "$home/log" -w -t 60 -s \
		-o "-c unix_socket_directories='$sockets'" start ||
		{ tail -n 20 "$home/log" >&2; die "the private server does not start; its log is $home/log"; }
	make_demo_database
	say "the private server runs (PostgreSQL $(pg_major), socket in $sockets, port $port)"
}

stop()
{
	if is_running; then
		as_server_user "$bindir/pg_ctl" -D "$home/data" -m fast -w -s stop ||
			die "the private server does not stop; its log is $home/log"
		say "the private server is stopped"
	else
		say "the private server is not running"
	fi
}

status()
{
	if is_running; then
		say "the private server is running"
		environment
	else
		say "the private server is not running"
		return 3
	fi
}

environment()
{
	echo "export PGHOST='$(socket_folder)' PGPORT=$port PGUSER=postgres"
	echo "export PATH='$bindir':\"\$PATH\""
}

remove()
{
	if is_running; then
		say "the private server runs and keeps its folder; 'make server-stop' stops it"
		return
	fi
	[ ! -e "$home/socket_is_in" ] || rm -rf "$(cat "$home/socket_is_in")"
	rm -rf "$home"
	[ "$home" = "$project/.server" ] || rm -rf "$(outside_folder)"
}

choose_home
command=${1:-}
[ $# -eq 0 ] || shift
case $command in
	start) start ;;
	stop) stop ;;
	restart) stop && start ;;
	status) status ;;
	env) environment ;;
	remove) remove ;;
	home) echo "$home" ;;
	psql)
		is_running || die "the private server is not running; 'make server-start' starts it"
		eval "$(environment)"
		PGDATABASE=${PGDATABASE:-demo} exec "$bindir/psql" "$@"
		;;
	*) die "usage: $0 start|stop|restart|status|psql|env|home|remove" ;;
esac
