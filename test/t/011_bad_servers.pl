# What the server lives with: locks that others hold, time limits, a foreign server that is gone, a standby
# that takes over in the middle of a run.  Each time: a clear error, nothing lost, and the next run heals.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $folder = test_folder('bad_servers');
my $server = new_server('bad_servers', <<'SETTINGS');
wal_level = replica
max_wal_senders = 5
hot_standby = on
max_worker_processes = 16
medallion.max_workers = 2
SETTINGS

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

# A run in a session: "layer object status, ...", errors.
sub run_in
{
	my ($session, $options) = @_;
	my ($out, $err) = $session->query(
		"SELECT string_agg(layer || ' ' || object || ' ' || status, ', ' ORDER BY layer, object), string_agg(detail->>'error', ' ')"
		. " FROM medallion.run_pipeline(options => '" . ($options // '{}') . "')");
	my ($states, $error) = split(/\|/, $out, 2);
	return ($states // '', $error // '', $err);
}

sub write_lines
{
	my ($name, $file, $from, $to, $factor) = @_;
	write_file("$folder/$name/$file.csv", 'Id,Amount', map { "$_," . $_ * $factor } $from .. $to);
}

sub sums
{
	my ($node) = @_;
	return join(', ', map { $node->safe_psql('postgres', "SELECT count(*), sum(amount) FROM silver.$_" . '_current') } qw(one two))
	  . ', ' . $node->safe_psql('postgres', 'SELECT n, amount FROM gold.total');
}

write_lines('one', 'a', 1, 100, 1);
write_lines('two', 'a', 1, 100, 2);
sql(<<"SQL");
SELECT medallion.create_feature(name, ARRAY['$folder/' || name || '/*.csv'], ARRAY['id']) FROM unnest('{one,two}'::text[]) name;
SQL
my $session = Medallion::Session->new($server, 'postgres');
my $other = Medallion::Session->new($server, 'postgres');
run_in($session);
sql(q{SELECT medallion.create_model('total', 'SELECT 1 AS one, count(*) AS n, sum(o.amount + t.amount) AS amount
	FROM silver.one_current o JOIN silver.two_current t USING (id) GROUP BY 1')});
run_in($session);
is(sums($server), '100|5050, 100|10100, 100|15150', 'loaded');

# --- lock_timeout ---

my %amount = (one => 1);
for my $case (
	[ 'bronze.one', 'bronze one FAILED, bronze two UNCHANGED, gold total UNCHANGED, silver one UNCHANGED, silver two UNCHANGED' ],
	[ 'silver.one', 'bronze one COMPLETED, bronze two UNCHANGED, gold total UNCHANGED, silver one FAILED, silver two UNCHANGED' ],
	[ 'gold.total', 'bronze one COMPLETED, bronze two UNCHANGED, gold total FAILED, silver one COMPLETED, silver two UNCHANGED' ])
{
	my ($table, $expected) = @$case;
	my $factor = ++$amount{one};

	write_lines('one', 'a', 1, 100, $factor);
	$other->query("BEGIN; LOCK TABLE $table");
	$session->query("SET lock_timeout = '300ms'");
	my ($states, $error) = run_in($session);
	$expected =~ s/bronze one FAILED/bronze one PARTIAL/ if $states =~ /PARTIAL/;
	is($states, $expected, "$table is locked: the run says what failed");
	like($error, qr/canceling statement due to lock timeout/, "$table is locked: and why");
	$other->query('ROLLBACK');
	($states, $error) = run_in($session);
	is($error, '', "$table is free: the next run completes");
	is(sums($server), sprintf('100|%d, 100|10100, 100|%d', 5050 * $factor, 5050 * ($factor + 2)), "$table is free: with everything");
	$session->query('RESET lock_timeout');
}

# The procedure tries again by itself.
write_lines('one', 'a', 1, 100, 7);
$other->query("BEGIN; LOCK TABLE silver.one");
sql(q{ALTER DATABASE postgres SET lock_timeout = '200ms'});
$session->close;
$session = Medallion::Session->new($server, 'postgres');
$session->send(q{CALL medallion.run_pipeline_proc(options => '{"retry_delay": "200 ms", "max_retries": 20}')});
ok(wait_until(sub { sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'medallion worker'") > 0 }), 'the procedure works with workers');
sleep(1);
$other->query('ROLLBACK');
my ($out, $err) = $session->answer;
unlike($err, qr/ERROR/, 'a table is locked for a while: the procedure gets through by trying again');
is(sums($server), '100|35350, 100|10100, 100|45450', '... with everything');
sql('ALTER DATABASE postgres RESET lock_timeout');

# --- statement_timeout ---

write_lines('one', 'a', 1, 100, 8);
$session->query('SET lock_timeout = 0; SET statement_timeout = 500');
$other->query('BEGIN; LOCK TABLE silver.one');
my ($states, $error);
($states, $error, $err) = run_in($session);
like($err, qr/canceling statement due to statement timeout/, 'statement_timeout: the function ends');
is($states, '', '... as a whole');
($out, $err) = $session->query('CALL medallion.run_pipeline_proc()');
like($err, qr/canceling statement due to statement timeout/, 'statement_timeout: the procedure ends');
ok(wait_until(sub { sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'medallion worker'") == 0 }), '... and its workers');
is(($other->query('SELECT count(*), sum(amount) FROM silver.one_current'))[0], '100|35350', '... what was there is there');
$other->query('ROLLBACK');
$session->query('RESET statement_timeout');
($states, $error) = run_in($session);
is($error, '', 'statement_timeout: the next run completes');
is(sums($server), '100|40400, 100|10100, 100|50500', '... with everything');

# --- a foreign server that is gone ---

my $remote = PostgreSQL::Test::Cluster->new('remote');
$remote->init;
$remote->append_conf('postgresql.conf', "autovacuum = off\n");
$remote->start;
# The watermark's order is the rows'; row 30000 waits as long as the test wants.
$remote->safe_psql('postgres', <<'SQL');
CREATE FUNCTION mark(id int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN IF id = 30000 THEN PERFORM pg_advisory_lock(77); PERFORM pg_advisory_unlock(77); END IF; RETURN id; END';
CREATE TABLE orders_of (id int PRIMARY KEY, amount int);
CREATE VIEW orders AS SELECT mark(id) AS id, amount FROM orders_of;
INSERT INTO orders_of SELECT i, i FROM generate_series(1, 20000) i;
SQL
sql(sprintf(<<'SQL', $remote->host, $remote->port));
CREATE EXTENSION postgres_fdw;
CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'postgres', keep_connections 'on');
CREATE USER MAPPING FOR CURRENT_USER SERVER remote;
CREATE FOREIGN TABLE public.orders (id int, amount int) SERVER remote OPTIONS (table_name 'orders');
SELECT medallion.create_feature('orders', '{}', ARRAY['id'], '{"relation": "public.orders", "watermark": "id"}');
SQL

sub orders
{
	return sql('SELECT (SELECT count(*) || $$ $$ || sum(amount::int) FROM bronze.orders), (SELECT count(*) || $$ $$ || sum(amount) FROM silver.orders_current)');
}

$remote->stop('fast');
write_lines('one', 'b', 101, 110, 1);
($states, $error) = run_in($session);
like($states, qr/^bronze one COMPLETED, bronze orders FAILED, .*gold total (UNCHANGED|COMPLETED)/, 'a foreign server is down: the rest of the run is done');
like($error, qr/could not connect to server "remote"/, '... and the error names it');
$remote->start;
($states, $error) = run_in($session);
is($error, '', 'it is up again: the next run in the same session completes');
is(orders(), '20000 200010000|20000 200010000', '... with its rows');

# It ends the query, or dies, as it hands out rows.  In one transaction postgres_fdw lets nothing be committed
# after a connection of its was lost: the function's run is undone as a whole; the procedure's steps stand.
my $run_of_both = "SELECT string_agg(layer || ' ' || object || ' ' || status, ', ' ORDER BY layer, object), string_agg(detail->>'error', ' ')"
  . " FROM medallion.run_pipeline(ARRAY['orders', 'one'])";
my $one = 110;

sub while_handing_out
{
	my ($statement, $end) = @_;
	my $blocker = Medallion::Session->new($remote, 'postgres');

	$blocker->query('SELECT pg_advisory_lock(77)');
	$remote->safe_psql('postgres', 'INSERT INTO orders_of SELECT i, i FROM generate_series(20001, 40000) i ON CONFLICT DO NOTHING');
	$one += 10;
	write_lines('one', "more_$one", $one - 9, $one, 0);
	$session->send($statement);
	ok(wait_until(sub { $remote->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'") > 0 }),
		'a foreign server hands out rows');
	$end->();
	$blocker->close;
	return $session->answer;
}

# What was there before is there, but for what the step of the other feature did.
sub check_kept
{
	my ($other_rows, $name) = @_;
	is(orders(), '20000 200010000|20000 200010000', "$name: nothing of it is there, nothing else is gone");
	is(sql('SELECT count(*) FROM silver.one_current'), $other_rows, "$name: the other feature");
}

($out, $err) = while_handing_out($run_of_both,
	sub { $remote->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'postgres_fdw'") });
like($out, qr/^bronze one COMPLETED, bronze orders FAILED, .*silver one COMPLETED.*canceling statement due to user request/,
	'a query is cancelled there: the step fails, and not the run');
check_kept($one, 'a query is cancelled there');

($out, $err) = while_handing_out($run_of_both, sub { $remote->stop('immediate') });
like($err, qr/file not loaded: server closed the connection.*ERROR: .*connection to server "remote" cannot be used/s,
	'the server dies: the function says so');
check_kept($one - 10, 'the server dies');

$remote->start;
($out, $err) = while_handing_out(q{CALL medallion.run_pipeline_proc(ARRAY['orders', 'one'], options => '{"max_retries": 0}')}, sub { $remote->stop('fast') });
like("$out$err", qr/terminating connection due to administrator command|cannot be used due to abort cleanup failure/, 'the server stops: the procedure says so');
check_kept($one, 'the server stops');

$remote->start;
($states, $error) = run_in($session);
is($error, '', 'it is up again: the next run in the same session completes');
is(orders(), '40000 800020000|40000 800020000', '... with its rows, each once');
$remote->stop('fast');

# --- a standby takes over in the middle of a run ---

sql('SELECT medallion.drop_feature($$orders$$)');
$session->close;
$server->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($server, 'base', has_streaming => 1);
$standby->start;
$server->wait_for_catchup($standby, 'replay', $server->lsn('insert'));
($out, my $stdout, $err) = $standby->psql('postgres', 'SELECT * FROM medallion.run_pipeline()');
like($err, qr/ERROR:.*(read-only transaction|during recovery)/, 'a standby refuses to run, and says why');
($out, $stdout, $err) = $standby->psql('postgres', 'CALL medallion.run_pipeline_proc()');
like($err, qr/ERROR:.*(read-only transaction|during recovery)/, 'the procedure too');
is(sums($standby), sums($server), 'a standby can be read');

write_lines('one', 'a', 1, 100, 9);
write_lines('two', $_, $_ * 1000, $_ * 1000 + 99, 1) for 1 .. 60;
$other->query("BEGIN; SELECT count(*) FROM silver.one; LOCK TABLE silver.one IN SHARE MODE");
$session = Medallion::Session->new($server, 'postgres');
$session->send('CALL medallion.run_pipeline_proc()');
ok(wait_until(sub { $standby->safe_psql('postgres', "SELECT count(*) FROM medallion.file_versions JOIN medallion.features USING (feature_id) WHERE name = 'two'") > 10 }),
	'some steps of a run are on the standby, the rest is not done');
$server->stop('immediate');
$standby->promote;
$_->close for ($session, $other);
is($standby->safe_psql('postgres', 'SELECT count(*), sum(amount) FROM silver.one_current'), "$one|41455", 'promoted: what was there is there');
$session = Medallion::Session->new($standby, 'postgres');
($states, $error) = run_in($session);
is($error, '', 'promoted: the next run completes');
my $two = 0;
$two += 100 * 1000 * $_ + 4950 for 1 .. 60;
is(sums($standby), sprintf('%d|%d, 6100|%d, 100|%d', $one, 45450 + 1055, 10100 + $two, 5050 * 11), 'promoted: with everything, each once');
is($standby->safe_psql('postgres', 'SELECT count(*), count(DISTINCT (_file_id, _row)) FROM bronze.two'), '6100|6100', '... in bronze too');
is($standby->safe_psql('postgres', "SELECT string_agg(DISTINCT status, ',' ORDER BY status) FROM medallion.runs WHERE status IN ('RUNNING', 'CRASHED')"),
	'CRASHED', 'promoted: the run that was under way is known to have crashed');
$session->close;

done_testing();
