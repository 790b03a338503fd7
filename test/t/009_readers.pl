# Readers in a loop, each statement in a snapshot of its own, while runs and refreshes go on: they see
# complete states only, never an empty model, never half of a refresh, never one fact without the other.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{MEDALLION_READER_SECONDS} || 6;
my $folder = test_folder('readers');
my $server = new_server('readers', "max_worker_processes = 16\nmedallion.max_workers = 2\nmedallion.allowed_paths = '$folder'");

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

# State n of the source: 100 rows per shop whose amounts are n and -n in turn, but for one of n; so each
# shop's total is n, its square sum 100 * n * n, and no mixture of two states has both.
sub deliver
{
	my ($n) = @_;

	for my $shop (1 .. 4)
	{
		write_file("$folder/sales/shop_$shop.csv", 'Id,Shop,Amount',
			map { $_ + 1000 * $shop . ",$shop," . ($_ == 1 || $_ % 2 == 0 ? $n : -$n) } 1 .. 100, 101);
	}
}

deliver(1);
sql(<<"SQL");
SELECT medallion.create_feature('sales', ARRAY['$folder/sales/*.csv'], ARRAY['id'], '{"files": "replace"}');
SQL
