#!/bin/bash
# Prints the pg_config of the newest PostgreSQL whose server headers are installed.
# Debian keeps one per version; elsewhere the one in PATH is it.  Prints "pg_config" when there is none.

newest=pg_config
for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -V); do
	[ -x "$candidate" ] || continue
	[ -e "$("$candidate" --includedir-server)/postgres.h" ] && newest=$candidate
done
echo "$newest"
