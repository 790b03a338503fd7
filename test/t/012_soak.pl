# Very many small runs, in one session and with workers: the memory of the backend, the catalogs and the
# ledgers stay as large as they were.
#
# RUNS=n: how many runs; test/soak.sh takes 10000.  Every 20th finds a changed file, every 25th is the
# procedure's with workers (WORKERS=every: each of them), every 100th is followed by what autovacuum and
# medallion.maintain() do now and then.  Measured is after each part; the first two warm up: caches fill, free
# space comes about.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $runs = $ENV{RUNS} // ($ENV{MEDALLION_QUICK} ? 50 : 100);
my $worker_interval = ($ENV{WORKERS} // '') eq 'every' ? 1 : 25;	# runs
my $part = $runs / ($runs < 1000 ? 5 : 10);
my $folder = test_folder('soak');
my $server = new_server('soak', "fsync = off\nmax_worker_processes = 16\nmedallion.max_workers = 2");
my @catalogs = qw(pg_class pg_attribute pg_type pg_depend pg_statistic pg_index pg_proc pg_constraint pg_attrdef pg_rewrite
	pg_trigger pg_shdepend pg_description pg_namespace pg_init_privs pg_default_acl);

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

# --- a small pipeline: rows with and without history, checks, a model, workbook and text ---

my $changes = 0;

sub change_files
{
	$changes++;
	write_file("$folder/orders/a.csv", 'Order,Customer,Amount', map { "$_,C" . $_ % 7 . ',' . ($_ % 10 == $changes % 10 ? $_ + $changes % 13 : $_) } 1 .. 50);
	write_file("$folder/events/a.csv", 'Happened,What', map { "2025-01-" . (1 + $_ % 28) . ",what " . ($_ + $changes % 3) } 1 .. 20);
	write_file("$folder/prices/a.json", '[' . join(',', map { "{\"item\": \"I$_\", \"price\": " . ($_ + $changes % 5) . '}' } 1 .. 10) . ']');
}

change_files();
sql(<<"SQL");
SELECT medallion.create_feature('orders', ARRAY['$folder/orders/*.csv'], ARRAY['order'], '{"checks": [{"kind": "not_null", "columns": ["customer"]}]}');
SELECT medallion.create_feature('events', ARRAY['$folder/events/*.csv']);
SELECT medallion.create_feature('prices', ARRAY['$folder/prices/*.json'], ARRAY['item'], '{"on_change": "restate"}');
SQL
my $session = Medallion::Session->new($server, 'postgres');
$session->query('SET client_min_messages = error');
$session->query('SELECT * FROM medallion.run_pipeline()');
sql(q{SELECT medallion.create_model('by_customer', 'SELECT customer, count(*) AS n, sum(amount) AS amount FROM silver.orders_current GROUP BY 1')});

# --- what must not grow ---

# Private memory of a process, in kB.
sub private_memory
{
	my ($pid) = @_;
	my ($kilobytes) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
	return $kilobytes;
}

sub upkeep
{
	sql("SELECT count(*) FROM medallion.maintain('{\"dry_run\": false, \"superseded\": \"0\", \"logs\": \"0\"}')");
	sql("VACUUM $_") for map { "pg_catalog.$_" } @catalogs;
	sql($_) for split(/\n/, sql("SELECT format('VACUUM %s', oid::regclass) FROM pg_class WHERE relkind = 'r' AND relnamespace IN
		(SELECT oid FROM pg_namespace WHERE nspname IN ('medallion', 'etl_logs', 'bronze', 'silver', 'gold'))"));
}

sub measure
{
	my %now = (memory => private_memory($session->{pid}));

	($now{contexts}) = $session->query('SELECT sum(used_bytes) / 1024 FROM pg_backend_memory_contexts');
	($now{context_names}) = $session->query("SELECT string_agg(name || '=' || bytes, ' ' ORDER BY bytes DESC) FROM
		(SELECT name, sum(used_bytes) / 1024 AS bytes FROM pg_backend_memory_contexts GROUP BY 1 HAVING sum(used_bytes) > 51200) c");
	$now{rows} = sql(join(' UNION ALL ', map { "SELECT '$_ ' || count(*) FROM pg_catalog.$_" } @catalogs));
	$now{catalogs} = sql("SELECT sum(pg_total_relation_size(oid)) / 1024 FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'");
	$now{ledgers} = sql("SELECT sum(pg_total_relation_size(oid)) / 1024 FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('medallion'::regnamespace, 'etl_logs'::regnamespace)");
	$now{locks} = sql("SELECT count(*) FROM pg_locks WHERE pid = $session->{pid}");
	$now{processes} = sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'medallion%'");
	# Of tables the server keeps many open.
	$now{files} = grep { !/^\Q@{[$server->data_dir]}\E/ } map { readlink($_) // () } glob("/proc/$session->{pid}/fd/*");
	return \%now;
}

# --- the runs ---

my @marks;
my $bad = 0;
my $start = time();
for my $run (1 .. $runs)
{
	change_files() if $run % 20 == 0;
	my ($out, $err) = $session->query($run % $worker_interval == 0 ? 'CALL medallion.run_pipeline_proc()' : 'SELECT * FROM medallion.run_pipeline()');
	if ($err ne '' && $bad++ < 3) { diag("run $run: $err"); }
	upkeep() if $run % 100 == 0 || $run % $part == 0;
	next if $run % $part != 0;
	push @marks, measure();
	diag(sprintf('%6d runs: private memory %d kB, contexts %d kB, catalogs %d kB, ledgers %d kB (%d s)', $run,
		(map { $marks[-1]{$_} } qw(memory contexts catalogs ledgers)), time() - $start));
}
is($bad, 0, sprintf('%d runs without an error, %d of them with workers', $runs, $runs / $worker_interval));

my ($first, $last) = @marks[1, -1];
my $between = $runs - 2 * $part;		# runs
cmp_ok($last->{memory} - $first->{memory}, '<', 512 + $between / 4, 'the private memory of the backend is flat');
cmp_ok($last->{contexts} - $first->{contexts}, '<', 256 + $between / 16, 'its memory contexts are flat')
  or diag("then: $first->{context_names}\nnow:  $last->{context_names}");
is($last->{rows}, $first->{rows}, 'no row was left in a catalog');
cmp_ok($last->{catalogs}, '<', $first->{catalogs} * 1.1 + 512, 'the catalogs are as large as they were');
# One row for each version of a file stays, and one for each run that did something.
cmp_ok($last->{ledgers} - $first->{ledgers}, '<', 512 + $between / 2, 'the ledgers grow by what is new alone');
is($last->{$_}, $first->{$_}, "no more $_ than there were") for qw(locks processes files);
is(sql("SELECT string_agg(DISTINCT status, ',') FROM medallion.runs"), 'COMPLETED', 'every run is known to have completed');

# --- one worker, very many units ---

my $units = $ENV{RUNS} ? 300 : 40;
for my $unit (1 .. $units)
{
	write_file("$folder/unit_$unit/a.csv", 'Id,Amount', map { "$_,$_" } 1 .. 3);
}
sql("SELECT medallion.create_feature('unit_' || i, ARRAY['$folder/unit_' || i || '/*.csv'], ARRAY['id']) FROM generate_series(1, $units) i");
my $watch = Medallion::Session->new($server, 'postgres');
for my $round ('first', 'second')
{
	my (%low, %high);

	$session->send('CALL medallion.run_pipeline_proc()');
	wait_until(sub { ($watch->query("SELECT state FROM pg_stat_activity WHERE pid = $session->{pid}"))[0] eq 'active' });
	wait_until(sub {
		for my $pid (split(/\n/, ($watch->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'medallion worker'"))[0]))
		{
			my $kilobytes = eval { private_memory($pid) } or next;
			$low{$pid} //= $kilobytes;
			$high{$pid} = $kilobytes;
		}
		return ($watch->query("SELECT state FROM pg_stat_activity WHERE pid = $session->{pid}"))[0] =~ /^idle/;
	});
	$session->answer;
	my ($growth) = sort { $b <=> $a } map { $high{$_} - $low{$_} } keys %high;
	ok(defined $growth, "$units units, $round time: in workers");
	$growth //= 0;
	diag(sprintf('%d units in %d workers, %s time: private memory of one grew by %d kB', $units, scalar(keys %high), $round, $growth));
	# The server's own caches know a feature's tables and indexes afterwards, which takes some tens of kB.
	cmp_ok($growth, '<', 4096 + 60 * $units, "$units units, $round time: a worker's memory grows by its caches alone");
}
$_->close for ($session, $watch);

done_testing();
