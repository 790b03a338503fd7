# Readers in a loop, each statement in a snapshot of its own, while runs and refreshes go on: they see
# complete states only, never an empty model, never half of a refresh.
#
# A delivery moves an amount from one shop to another, so that the sum over all shops never changes: a model
# of which a part is from before and a part from after has another one.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{MEDALLION_READER_SECONDS} || 6;
my $seed = $ENV{MEDALLION_SEED} || time() % 100000;
my $folder = test_folder('readers');
my $server = new_server('readers', "max_worker_processes = 16\nmedallion.max_workers = 2\nmedallion.allowed_paths = '$folder'");
my @amounts = (100) x 400;		# 40 shops of 10 sales

$seed = int($seed);
srand($seed);
note("MEDALLION_SEED=$seed");

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

sub deliver
{
	my ($from, $to, $amount) = (int(rand(400)), int(rand(400)), 1 + int(rand(50)));

	$amounts[$from] -= $amount;
	$amounts[$to] += $amount;
	write_file("$folder/sales/a.csv", 'Id,Shop,Amount', map { "$_," . int($_ / 10) . ",$amounts[$_]" } 0 .. 399);
}

deliver();
sql(<<"SQL");
SELECT medallion.create_feature('sales', ARRAY['$folder/sales/*.csv'], ARRAY['id']);
SELECT medallion.run_pipeline();
SELECT medallion.create_model('by_shop', 'SELECT shop, count(*) AS sales, sum(amount) AS total FROM silver.sales_current GROUP BY shop', '{"unique_key": ["shop"]}');
SELECT medallion.create_model('ranked', 'SELECT shop, total, rank() OVER (ORDER BY total) AS place FROM gold.by_shop');
SELECT medallion.run_pipeline();
SQL

my %readers = (
	by_shop => 'SELECT 1 / (count(*) = 40 AND sum(sales) = 400 AND sum(total) = 40000)::int FROM gold.by_shop',
	ranked => 'SELECT 1 / (count(*) = 40 AND min(place) = 1 AND sum(total) = 40000)::int FROM gold.ranked',
	silver => 'SELECT 1 / (count(*) = 400 AND sum(amount) = 40000)::int FROM silver.sales_current');

# pgbench's command line for one of the readers.
sub reader
{
	my ($name, @options) = @_;

	append_to_file("$folder/$name.sql", "$readers{$name};\n") unless -e "$folder/$name.sql";
	return [ $server->installed_command('pgbench'), '-n', '-c', '2', @options, '-f', "$folder/$name.sql", $server->connstr('postgres') ];
}

# --- readers beside refreshes of every kind ---

local %ENV = $server->_get_env();
my (%output, @running);
for my $name (sort keys %readers)
{
	push @running, IPC::Run::start(reader($name, '-T', $seconds), '<', \undef, '>&', \($output{$name} = ''));
}
my @ways = (
	'SELECT medallion.run_pipeline()',
	'CALL medallion.run_pipeline_proc()',
	"SELECT medallion.run_pipeline(layers => '{bronze,silver}'); SELECT medallion.refresh_model('by_shop'); SELECT medallion.refresh_model('ranked')",
	"SELECT medallion.run_pipeline(layers => '{bronze,silver}'); SELECT medallion.refresh_model('by_shop', 'full'); SELECT medallion.refresh_model('ranked', 'full')");
my ($end, $deliveries) = (time() + $seconds, 0);
while (time() < $end || $deliveries < @ways)
{
	deliver();
	sql($ways[ $deliveries++ % @ways ]);
}
$_->finish for @running;
for my $name (sort keys %readers)
{
	my ($times) = $output{$name} =~ /transactions actually processed: (\d+)/;

	unlike($output{$name}, qr/ERROR|abort/, "$name: every reader saw a complete state each time") or diag($output{$name});
	cmp_ok($times // 0, '>', $deliveries, "$name: read more often than it changed");
}
cmp_ok($deliveries, '>=', 4, 'each way of refreshing ran');
note("$deliveries deliveries");

# --- what was seen in the end is what was delivered, and the readers' question can fail ---

my @totals;
$totals[ int($_ / 10) ] += $amounts[$_] for 0 .. 399;
is(sql("SELECT string_agg(total::text, ',' ORDER BY shop) FROM gold.by_shop"), join(',', @totals), 'the last delivery is in gold');
like(sql("SELECT string_agg(DISTINCT options->>'refresh', ',' ORDER BY options->>'refresh') FROM medallion.runs"), qr/full.*incremental/,
	'some refreshes were full, some incremental');
sql('UPDATE gold.by_shop SET total = total + 1 WHERE shop = 7');
my $torn = '';
IPC::Run::run(reader('by_shop', '-t', '1'), '<', \undef, '>&', \$torn);
like($torn, qr/division by zero/, 'a reader who sees half a change says so');

done_testing();
