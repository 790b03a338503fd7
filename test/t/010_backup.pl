# A base backup, the log behind it, recovery to a moment, a rerun: the three layers are those of the
# original, and nothing is loaded twice.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = test_folder('backup');
my $original = PostgreSQL::Test::Cluster->new('original');

$original->init(extra => [ '--encoding=UTF8', '--locale=C' ], has_archiving => 1, allows_streaming => 1);
$original->append_conf('postgresql.conf', "timezone = 'UTC'\nclient_min_messages = warning\nautovacuum = off\n");
$original->start;
$original->safe_psql('postgres', 'CREATE EXTENSION medallion');

# Every third key is in every file.
sub write_orders
{
	my ($month, $add) = @_;

	write_file("$folder/orders_$month.csv", 'Order,Customer,Amount,Day',
		map { sprintf('O%05d,C%d,%d.%02d,2024-%02d-%02d', $_ % 3 == 0 ? $_ : $month * 10000 + $_, $_ % 17, 10 + $_ + $add, $_ % 100, $month, 1 + $_ % 28) } 1 .. 600);
}

sub run
{
	my ($server, $expected, $name) = @_;

	is($server->safe_psql('postgres', "SELECT string_agg(DISTINCT status, ',' ORDER BY status) FROM medallion.run_pipeline()"), $expected, $name);
}

# Rows by what they say; run ids and files' ids differ where a run was repeated.
my %layers = (
	bronze => 'SELECT "order", customer, amount, day, v.path, v.version, b._row FROM bronze.orders b JOIN medallion.file_versions v ON v.file_id = b._file_id',
	silver => 'SELECT "order", customer, amount, day, _scd2_version, _scd2_is_current FROM silver.orders',
	gold => 'SELECT customer, lines, amount FROM gold.by_customer',
);

sub same_layers
{
	my ($one, $other, $name) = @_;

	same_query($one, $other, $layers{$_}, "$name: $_") for sort keys %layers;
	is($other->safe_psql('postgres', q{SELECT string_agg(invariant, ', ') FROM medallion.verify('orders') WHERE broken > 0}), '', "$name: silver's invariants hold");
}

sub recover
{
	my ($name, $target) = @_;
	my $server = PostgreSQL::Test::Cluster->new($name);

	$server->init_from_backup($original, 'base', has_restoring => 1, standby => 0);
	$server->append_conf('postgresql.conf', "archive_mode = off\nrecovery_target_name = '$target'\nrecovery_target_action = 'promote'\n") if $target;
	$server->start;
	$server->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'recovery does not end';
	return $server;
}

write_orders(1, 0);
$original->safe_psql('postgres', <<"SQL");
SELECT medallion.create_feature('orders', ARRAY['$folder/orders_*.csv'], ARRAY['order']);
SELECT FROM medallion.run_pipeline();
SELECT medallion.create_model('by_customer', 'SELECT customer, count(*) AS lines, sum(amount) AS amount FROM silver.orders_current GROUP BY customer');
SELECT medallion.create_pipeline('nightly', ARRAY['orders']);
SELECT medallion.store_schedule('night', '0 2 * * *', NULL, '{"pipeline": "nightly"}', 'UTC');
SQL
run($original, 'COMPLETED,UNCHANGED', 'the first run');
$original->backup('base');

# Behind the backup: a run, a moment, a run, which ends with the log.
write_orders(2, 0);
run($original, 'COMPLETED', 'a run after the backup');
$original->safe_psql('postgres', "SELECT pg_create_restore_point('second')");
write_orders(1, 5);
write_orders(3, 0);
run($original, 'COMPLETED', 'one more, with a changed file');
my $segment = $original->safe_psql('postgres', 'SELECT pg_walfile_name(pg_current_wal_lsn())');
$original->safe_psql('postgres', 'SELECT pg_switch_wal()');
$original->poll_query_until('postgres', "SELECT last_archived_wal >= '$segment' FROM pg_stat_archiver") or die 'the log is not archived';

my $latest = recover('latest');
same_layers($original, $latest, 'the end of the log');
run($latest, 'UNCHANGED', 'the end of the log: the next run has nothing to do');

my $earlier = recover('earlier', 'second');
is($earlier->safe_psql('postgres', "SELECT count(*), max(version) FROM medallion.file_versions"), '2|1', 'the moment: the last run never was');
is($earlier->safe_psql('postgres', 'SELECT count(*) FROM medallion.schedules s JOIN medallion.pipelines p ON p.name = s.options->>$$pipeline$$'), '1', 'the moment: schedule and pipeline are there');
run($earlier, 'COMPLETED', 'the moment: the next run takes in what came later');
same_layers($original, $earlier, 'the moment, and a run');
run($earlier, 'UNCHANGED', 'the moment: the run after it has nothing to do');
is($earlier->safe_psql('postgres', 'SELECT count(*), count(DISTINCT file_id) FROM medallion.file_versions'),
	$original->safe_psql('postgres', 'SELECT count(*), count(DISTINCT file_id) FROM medallion.file_versions'), 'the moment: as many versions of files');

# Both go on alike.
write_orders(2, 9);
run($_, 'COMPLETED', 'a further change') for ($original, $earlier, $latest);
same_layers($original, $_, 'later') for ($earlier, $latest);

done_testing();
