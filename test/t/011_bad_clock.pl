# A clock that goes backwards, between runs and in the middle of one: no interval of history ends before it
# begins, the newest is what counts, and nothing is loaded twice or not at all.
#
# The server's clock is libfaketime's, which reads its offset from a file; the files' times are real.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($library) = (glob('/usr/lib/*/faketime/libfaketime.so.1'), glob('/usr/lib*/faketime/libfaketime.so.1'));
plan skip_all => 'no libfaketime' if !defined $library;

my $folder = test_folder('bad_clock');
my $clock = "$folder/clock";

sub set_clock
{
	my ($offset) = @_;
	open(my $out, '>', "$clock.new") or die $!;
	print $out "$offset\n";
	close($out);
	rename("$clock.new", $clock) or die $!;
}

set_clock('+0');
my $server = PostgreSQL::Test::Cluster->new('bad_clock');
$server->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$server->append_conf('postgresql.conf', "timezone = 'UTC'\nautovacuum = off\nclient_min_messages = warning\nmedallion.max_workers = 2\n");
{
	local %ENV = (%ENV, LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $clock, FAKETIME_NO_CACHE => 1,
		FAKETIME_DONT_FAKE_MONOTONIC => 1, NO_FAKE_STAT => 1);
	$server->start;
}
$server->safe_psql('postgres', 'CREATE EXTENSION medallion');

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

set_clock('-1d');
my $behind = sql('SELECT extract(epoch FROM clock_timestamp())') - time();
plan skip_all => 'libfaketime does not move the clock' if abs($behind + 86400) > 3600;
set_clock('+0');

my $round = 0;
my @amounts;

sub write_orders
{
	$round++;
	write_file("$folder/orders/a.csv", 'Order,Amount', map { "$_," . $_ * $round } 1 .. 20);
	write_file("$folder/orders/new_$round.csv", 'Order,Amount', 1000 + $round . ',1');
	write_file("$folder/prices/a.csv", 'Item,Price', map { "I$_," . $_ * $round } 1 .. 5);
	push @amounts, 210 * $round + $round;
}

sub check_all
{
	my ($name) = @_;

	is(sql('SELECT sum(amount) FROM silver.orders_current'), $amounts[-1], "$name: the newest rows count");
	is(sql('SELECT sum(amount) FROM gold.total'), $amounts[-1], "$name: in gold too");
	is(sql('SELECT sum(price) FROM silver.prices_current'), 15 * $round, "$name: and without history");
	is(sql('SELECT count(*) FROM silver.orders WHERE _scd2_valid_to <= _scd2_valid_from'), '0', "$name: no interval ends before it begins");
	is(sql('SELECT count(*) FROM silver.orders a JOIN silver.orders b USING ("order") WHERE a.ctid <> b.ctid
		AND tstzrange(a._scd2_valid_from, a._scd2_valid_to) && tstzrange(b._scd2_valid_from, b._scd2_valid_to)'), '0', "$name: no two overlap");
	is(sql('SELECT max(n) FROM (SELECT count(*) AS n FROM silver.orders GROUP BY "order") o'), $round, "$name: each change is a version");
	is(sql('SELECT count(*) FROM medallion.file_versions WHERE superseded_at <= first_seen'), '0', "$name: the ledger's times are in order");
	is(sql("SELECT string_agg(DISTINCT status, ',') FROM medallion.runs"), 'COMPLETED', "$name: every run completed");
}

write_orders();
sql(<<"SQL");
SELECT medallion.create_feature('orders', ARRAY['$folder/orders/*.csv'], ARRAY['order']);
SELECT medallion.create_feature('prices', ARRAY['$folder/prices/*.csv'], ARRAY['item'], '{"on_change": "restate"}');
SELECT * FROM medallion.run_pipeline();
SELECT medallion.create_model('total', 'SELECT "order", sum(amount) AS amount FROM silver.orders_current GROUP BY 1');
SELECT * FROM medallion.run_pipeline();
SQL
check_all('at first');

for my $offset ('-2h', '-30d', '-30d', '+0', '+400d', '+0')
{
	set_clock($offset);
	write_orders();
	sql($round % 2 ? 'SELECT * FROM medallion.run_pipeline()' : 'CALL medallion.run_pipeline_proc()');
	check_all("clock at $offset");
	is(sql("SELECT string_agg(DISTINCT status, ',') FROM medallion.run_pipeline()"), 'UNCHANGED', "clock at $offset: nothing is due");
}

# In the middle of a run: its steps take less than no time.
sql(<<'SQL');
CREATE FUNCTION public.wait_here(amount bigint) RETURNS bigint LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_advisory_lock_shared(77); PERFORM pg_advisory_unlock_shared(77); RETURN amount; END';
SELECT medallion.create_model('waits', 'SELECT public.wait_here(sum(amount)::bigint) AS amount FROM silver.orders_current');
SQL
my $lock = Medallion::Session->new($server, 'postgres');
my $session = Medallion::Session->new($server, 'postgres');
$lock->query('SELECT pg_advisory_lock(77)');
write_orders();
$session->send('SELECT string_agg(DISTINCT status, $$,$$) FROM medallion.run_pipeline()');
ok(wait_until(sub { sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'") > 0 }), 'a run is under way');
set_clock('-1d');
$lock->query('SELECT pg_advisory_unlock(77)');
my ($out, $err) = $session->answer;
is($err, '', 'the clock goes back in the middle of a run: it completes');
check_all('clock back in the middle of a run');
is(sql('SELECT amount FROM gold.waits'), $amounts[-1], '... with its models');

# Undone under a clock that is behind.
my $run = sql('SELECT max(superseded_run_id) FROM medallion.file_versions');
sql("SELECT medallion.undo_run($run)");
sql('SELECT * FROM medallion.run_pipeline()');
is(sql('SELECT count(*) FROM silver.orders WHERE _scd2_valid_to <= _scd2_valid_from'), '0', 'undone with a clock that is behind: no interval ends before it begins');
is(sql('SELECT sum(amount) FROM silver.orders_current'), $amounts[-2], '... and what was before counts');
is(sql('SELECT sum(amount) FROM gold.total'), $amounts[-2], '... in gold too');
for my $view (qw(health slo freshness metrics durations progress run_history))
{
	next if sql("SELECT to_regclass('medallion.$view') IS NULL") eq 't';
	my ($status, undef, $error) = $server->psql('postgres', "SELECT * FROM medallion.$view");
	is($error, '', "view $view can be read with times of every kind");
}
$_->close for ($lock, $session);

done_testing();
