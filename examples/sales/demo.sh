#!/bin/bash
# make demo: builds, installs, starts the private server and runs examples/sales on it.
# Run again at will: the database "demo" is made anew each time.

. "$(dirname "$0")/../../test/lib.sh"
example=$project/examples/sales

install_extension || die "the extension could not be built and installed"
bash "$project/test/server.sh" start || exit 1
eval "$(bash "$project/test/server.sh" env)"

# The pipeline reads a copy, for the demo changes a file half way.
files=$(bash "$project/test/server.sh" home)/demo
rm -rf "$files"
mkdir -p "$files" && cp -R "$example/data" "$example/changes" "$files/" &&
	chmod -R a+rX "$files" || die "cannot copy the demo's files to $files"

psql -X -q -v ON_ERROR_STOP=1 -d postgres -c "SET client_min_messages = warning" \
	-c "DROP DATABASE IF EXISTS demo WITH (FORCE)" -c "CREATE DATABASE demo" ||
	die "cannot create the database demo"
cd "$example" || exit 1
psql -X -v ON_ERROR_STOP=1 -v data="$files/data" -v changes="$files/changes" -d demo -f demo.sql ||
	die "the demo stopped at an error, see above"
report=$files/report.html
psql -X -A -t -q -d demo -c "SELECT medallion.report_html()" >"$report" || die "the report could not be written to $report"

cat <<END

The report on what ran, as one page for a browser:
    $report

The server is yours to look around:
    make psql            opens psql on the database "demo"
    make server-stop     stops the server
    make server-start    starts it again, with everything in it
    make demo            starts over
From another program: host $PGHOST, port $PGPORT, user $PGUSER, database demo
END
