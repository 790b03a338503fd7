#!/bin/sh
# The container's server: makes the cluster and its database "medallion" at the first start, then becomes the server.
# Arguments go to the server: -c shared_buffers=1GB.

set -eu

create_cluster()
{
	umask 077
	printf '%s' "${POSTGRES_PASSWORD:-}" >/tmp/password
	# Without a password nobody logs in by TCP; "peer" lets in who is postgres in the container.
	initdb -D "$PGDATA.part" -U postgres -E UTF8 --auth-local=peer --auth-host=scram-sha-256 --data-checksums \
		${POSTGRES_PASSWORD:+--pwfile=/tmp/password}
	rm /tmp/password
	echo 'host all all all scram-sha-256' >>"$PGDATA.part/pg_hba.conf"
	cat >>"$PGDATA.part/postgresql.conf" <<-SETTINGS
		listen_addresses = '*'
		max_worker_processes = 16
		shared_preload_libraries = 'pg_cron'
		cron.database_name = 'medallion'
		cron.use_background_workers = on
	SETTINGS
	# In a place of its own: who waits for the server shall not meet this one.
	pg_ctl -D "$PGDATA.part" -w -o "-c listen_addresses='' -c shared_preload_libraries='' -c unix_socket_directories='$PGDATA.part'" start
	psql -X -v ON_ERROR_STOP=1 -h "$PGDATA.part" -d postgres -c 'CREATE DATABASE medallion'
	psql -X -v ON_ERROR_STOP=1 -h "$PGDATA.part" -d medallion -c 'CREATE EXTENSION medallion'
	pg_ctl -D "$PGDATA.part" -m fast -w stop
	mv "$PGDATA.part" "$PGDATA"
}

# A first start that was broken off leaves its part, which goes.
if [ ! -e "$PGDATA/PG_VERSION" ]; then
	rm -rf "$PGDATA.part"
	create_cluster
fi
exec postgres -D "$PGDATA" "$@"
