# Pages that large loads write past the buffer cache: a standby, which has them from the WAL alone, says
# the same as the primary; so does the primary after a crash, with checkpoints all the while.
#
# SEED=n repeats a sequence.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $seed = $ENV{SEED} // time() % 100000;
my $rounds = $ENV{ROUNDS} // 3;
my $rows = 40_000;
srand($seed);
diag("seed $seed, $rounds rounds; SEED=$seed repeats it");

my $folder = test_folder('pages');
my $primary = new_server('primary', "wal_level = replica\nmax_wal_senders = 4\nwal_keep_size = 1GB\nhot_standby = on\nfull_page_writes = off");

# A file of ten columns; some rows have gaps, some are too long for a page with others.
sub write_rows
{
	my ($round) = @_;
	my @rows = ('id,a,b,c,d,e,f,g,h,i');

	push @rows, join(',', "$round-$_", map { rand() < 0.1 ? '' : 'x' x rand(30) } 1 .. 9) for 1 .. $rows;
	$rows[ 1 + rand($rows) ] .= 'long' x 2000 for 1 .. 5;
	write_file("$folder/$round.csv", @rows);
}

sub kill_and_start
{
	my $postmaster = $primary->{_pid};

	$primary->kill9;
	wait_until(sub { !kill(0, $postmaster) });
	wait_until(sub { !grep { (readlink("$_/cwd") // '') eq $primary->data_dir } glob('/proc/[0-9]*') });
	$primary->start;
}

$primary->safe_psql('postgres', "SELECT medallion.create_feature('pages', ARRAY['$folder/*.csv']); CREATE EXTENSION amcheck");
$primary->append_conf('pg_hba.conf', "local replication all trust");
$primary->reload;
$primary->backup('before');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'before', has_streaming => 1);
$standby->start;

my $said = "SELECT count(*), count(DISTINCT id), sum(hashtextextended(p::text, 1)) FROM bronze.pages p";
for my $round (1 .. $rounds)
{
	write_rows($round);
	my $checkpoints = Medallion::Session->new($primary, 'postgres');
	my $run = Medallion::Session->new($primary, 'postgres');

	$run->send("SELECT count(*) FROM medallion.run_pipeline(NULL, '{bronze}')");
	for (1 .. 5)
	{
		$checkpoints->query('CHECKPOINT');
		sleep(rand(0.1));
	}
	my ($out, $errors) = $run->answer;
	unlike($errors, qr/ERROR/, "round $round: the run went well");
	$_->close for $checkpoints, $run;

	kill_and_start();
	my $here = $primary->safe_psql('postgres', $said);
	like($here, qr/^@{[$rows * $round]}\|@{[$rows * $round]}\|/, "round $round: after a crash all rows are there, once");
	is($primary->safe_psql('postgres', "SELECT count(*) FROM verify_heapam('bronze.pages')"), '0', "round $round: in sound pages");
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'));
	is($standby->safe_psql('postgres', $said), $here, "round $round: the standby has the same");
}

# a backend killed in the middle of a load leaves nothing that is seen
write_rows($rounds + 1);
my $before = $primary->safe_psql('postgres', $said);
my $run = Medallion::Session->new($primary, 'postgres');
$run->send("SELECT count(*) FROM medallion.run_pipeline(NULL, '{bronze}')");
ok(wait_until(sub { $primary->safe_psql('postgres', "SELECT pg_relation_size('bronze.pages') > " . ($rounds * $rows * 100)) eq 't' }),
	'a load is under way') or diag('the load was never seen');
kill_and_start();
$run->close;
like($primary->safe_psql('postgres', $said), qr/^(\Q$before\E$|@{[$rows * ($rounds + 1)]}\|)/, 'killed in a load: all of its rows or none');
is($primary->safe_psql('postgres', "SELECT count(*) FROM verify_heapam('bronze.pages')"), '0', 'in sound pages');
$primary->safe_psql('postgres', "SELECT count(*) FROM medallion.run_pipeline(NULL, '{bronze}')");
like($primary->safe_psql('postgres', $said), qr/^@{[$rows * ($rounds + 1)]}\|@{[$rows * ($rounds + 1)]}\|/, 'run again: all rows, once');
my $after = $primary->safe_psql('postgres', $said);
$primary->safe_psql('postgres', 'VACUUM bronze.pages');
is($primary->safe_psql('postgres', $said), $after, 'and after VACUUM');

done_testing();
