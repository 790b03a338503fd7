# A disk that fills up in bronze, in silver, in gold and under the logs: a clear error, nothing lost, and
# when there is room again the next run heals.
#
# The disk is MEDALLION_SMALL_DISK, a small file system that test/run.sh mounts where it may, with a
# tablespace; a file takes up what room is to be gone.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $disk = $ENV{MEDALLION_SMALL_DISK} // '';
plan skip_all => 'no small disk: only root may mount one' if $disk eq '' || !-w $disk;

my $folder = test_folder('full_disk');
my $server = new_server('full_disk');
my $rows = 20000;

mkdir("$disk/data") or die $!;
$server->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk/data'");

# --- the disk ---

sub free_bytes
{
	return (split(/\n/, `df -B1 --output=avail '$disk'`))[1];
}

# Leaves so many kB of room.
sub fill_disk
{
	my ($kilobytes) = @_;

	$server->safe_psql('postgres', 'CHECKPOINT');
	open(my $out, '>', "$disk/filler") or die $!;
	print $out "\0" x (free_bytes() - $kilobytes * 1024) or die "cannot fill: $!";
	close($out) or die "cannot fill: $!";
}

sub free_disk
{
	unlink("$disk/filler") or die $!;
}

my $full = qr/No space left on device/;

# --- what is run ---

sub write_lines
{
	my ($file, $first, $factor) = @_;
	write_file("$folder/lines/$file.csv", 'Id,Amount,Note',
		map { "$_," . $_ * $factor . ",\"words to make row $_ some hundred bytes long: " . 'abcdefghij' x 6 . '"' } $first .. $first + $rows - 1);
}

# A database whose user data is on the disk, or all of it.
sub new_database
{
	my ($name, $place) = @_;

	$server->safe_psql('postgres', "CREATE DATABASE $name" . ($place eq 'all' ? ' TABLESPACE small' : ''));
	$server->safe_psql($name, 'CREATE EXTENSION medallion');
	my $session = Medallion::Session->new($server, $name);
	$session->query('SET default_tablespace = small') if $place eq 'tables';
	$session->query("SELECT medallion.create_feature('lines', ARRAY['$folder/lines/*.csv'], ARRAY['id'])");
	return $session;
}

sub run
{
	my ($session, $layers) = @_;
	my ($out, $err) = $session->query(
		"SELECT string_agg(layer || ' ' || status, ',' ORDER BY layer), string_agg(detail->>'error', ' ')"
		. ' FROM medallion.run_pipeline(NULL, ' . ($layers ? "ARRAY['$layers']" : 'NULL') . ')');
	my ($states, $error) = split(/\|/, $out, 2);
	return ($states // '', $error // '', $err);
}

sub totals
{
	my ($session, $table) = @_;
	return ($session->query("SELECT count(*), sum(amount::bigint) FROM $table"))[0];
}

sub expected
{
	my ($count, $sum) = @_;
	return "$count|$sum";
}

sub sum_of
{
	my ($first, $factor) = @_;
	return $factor * $rows * (2 * $first + $rows - 1) / 2;
}

# One layer meets the full disk, with so many kB left; then there is room again.
sub check_layer
{
	my ($session, $layer, $left, $table, $before, $after) = @_;

	fill_disk($left);
	my ($states, $error, $err) = run($session, $layer);
	like($states, qr/^$layer (FAILED|PARTIAL)$/, "$layer, $left kB left: the run says so");
	like($error, $full, "$layer, $left kB left: with the system's reason");
	is(totals($session, $table), $before, "$layer, $left kB left: nothing is lost") if defined $before;
	free_disk();
	($states, $error) = run($session, $layer);
	is($states, "$layer COMPLETED", "$layer: the next run completes");
	is(totals($session, $table), $after, "$layer: with all rows");
}

my $session = new_database('tables', 'tables');
my ($one, $two) = (sum_of(1, 1), sum_of($rows + 1, 1));

# The first run and one with a table that is there.
write_lines('a', 1, 1);
check_layer($session, 'bronze', 1200, 'bronze.lines', undef, expected($rows, $one));
check_layer($session, 'silver', 1200, 'silver.lines', undef, expected($rows, $one));
$session->query(q{SELECT medallion.create_model('wide', 'SELECT id, amount, note || note || note AS notes FROM silver.lines_current')});
check_layer($session, 'gold', 1200, 'gold.wide', undef, expected($rows, $one));

write_lines('b', $rows + 1, 1);
my $both = expected(2 * $rows, $one + $two);
check_layer($session, 'bronze', 1200, 'bronze.lines', expected($rows, $one), $both);
check_layer($session, 'silver', 1200, 'silver.lines_current', expected($rows, $one), $both);
check_layer($session, 'gold', 1200, 'gold.wide', expected($rows, $one), $both);
is(($session->query("SELECT count(*) FILTER (WHERE status = 'SUCCESS'), count(*) FILTER (WHERE status = 'FAILED') FROM etl_logs.file_processing"))[0],
	'2|2', 'the log has what was loaded and what was not');

$session->close;

# --- the whole database on the disk: logs cannot be written either ---

$server->safe_psql('postgres', 'DROP DATABASE tables');
$server->safe_psql('postgres', 'CHECKPOINT');
my $all = new_database('whole', 'all');
unlink("$folder/lines/b.csv");
my ($states, $error) = run($all);
is(totals($all, 'silver.lines_current'), expected($rows, $one), 'whole database: loaded');
write_lines('b', $rows + 1, 1);
fill_disk(0);
(my $first, $error, my $err) = run($all);
like("$error $err", $full, 'whole database: the run says why it failed');
is(totals($all, 'silver.lines_current'), expected($rows, $one), 'whole database: nothing is lost');
my ($out, $problem) = $all->query('CALL medallion.run_pipeline_proc()');
like($problem, $full, 'whole database: the procedure says so too');
free_disk();
($states, $error) = run($all);
is($states, 'bronze COMPLETED,silver COMPLETED', 'whole database: the next run completes');
is(totals($all, 'silver.lines_current'), $both, 'whole database: with all rows');
$all->close;

done_testing();
