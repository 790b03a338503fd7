# Eight sessions run the pipeline at once, as function and as procedure, on overlapping features whose
# files change all the while: no deadlock, no error, no duplicate, no lost row.  At the end, everything
# is as in a database that has seen the last state only.
#
# For a minute: SECONDS_LONG=60 TESTS=008_sessions test/run.sh tap
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{SECONDS_LONG} // 8;
my $seed = $ENV{SEED} // time() % 100000;
srand($seed);
diag("seed $seed, $seconds seconds; SEED=$seed repeats the files");

my $folder = test_folder('sessions');
my $server = new_server('sessions', "max_worker_processes = 12\nmedallion.max_workers = 2\nmedallion.retry_delay = 100\ndeadlock_timeout = 200");
my @features = qw(lines customers events stock);
my $round = 0;

# Some files of each feature, with some of their rows changed.
sub write_files
{
	$round++;
	for my $feature (@features)
	{
		my $file = int(rand(4));
		write_file("$folder/$feature/$file.csv", 'Id,Item,Amount',
			map { sprintf('%d,item %d,%d', $file * 1000 + $_, $_ % 17, $_ % 5 == $round % 5 ? $round * 100 + $_ : $_) } 1 .. 300 + int(rand(50)));
	}
}

sub configure
{
	my ($database) = @_;

	$server->safe_psql($database, <<"SQL");
SELECT medallion.create_feature(name, ARRAY['$folder/' || name || '/*.csv'], CASE WHEN name <> 'events' THEN ARRAY['id'] END, '{"on_change": "restate"}')
  FROM unnest('{@{[join(',', @features)]}}'::text[]) name;
SELECT count(*) FROM medallion.run_pipeline();
SELECT medallion.create_model('by_item', 'SELECT l.item, count(*) AS n, sum(l.amount) AS amount FROM silver.lines_current l GROUP BY 1'),
	medallion.create_model('joined', 'SELECT c.item, count(*) AS n, sum(e.amount) AS amount FROM silver.customers_current c JOIN silver.events e USING (id) GROUP BY 1'),
	medallion.create_model('stocked', 'SELECT s.item, s.amount, b.n FROM silver.stock_current s JOIN gold.by_item b USING (item)');
SQL
}

write_files();
configure('postgres');

my $script = "$folder/script.sql";
write_file($script, map { (my $line = $_) =~ s/^\s+//; $line } split(/\n/, <<'SQL'));
\set what random(1, 6)
\if :what = 1
SELECT count(*) FROM medallion.run_pipeline(options => '{"on_error": "raise"}');
\elif :what = 2
SELECT count(*) FROM medallion.run_pipeline(ARRAY['stock', 'lines'], options => '{"on_error": "raise"}');
\elif :what = 3
SELECT count(*) FROM medallion.run_pipeline(ARRAY['events', 'customers', 'lines'], options => '{"on_error": "raise", "concurrency": "skip"}');
\elif :what = 4
CALL medallion.run_pipeline_proc();
\elif :what = 5
CALL medallion.run_pipeline_proc(ARRAY['lines', 'events']);
\else
CALL medallion.run_pipeline_proc(ARRAY['customers', 'stock', 'lines'], options => '{"concurrency": "skip"}');
\endif
SQL

my ($in, $out, $err) = ('', '', '');
my $bench;
{
	local %ENV = $server->_get_env();
	$bench = IPC::Run::start([ $server->installed_command('pgbench'), '-n', '-c', 8, '-j', 2, '-T', $seconds, '-f', $script, $server->connstr('postgres') ],
		'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($seconds + 120));
}
my $end = time() + $seconds;
while (time() < $end)
{
	write_files();
	sleep(0.3);
}
ok($bench->finish, 'all sessions went on to the end');
my ($runs) = $out =~ /number of transactions actually processed: (\d+)/;
cmp_ok($runs // 0, '>=', 8, ($runs // 0) . " runs, $round changes of files");
unlike($err, qr/ERROR|aborted/, 'no error') or diag(substr($err, 0, 2000));
unlike(slurp_file($server->logfile), qr/deadlock detected/, 'no deadlock');

$server->safe_psql('postgres', "CALL medallion.run_pipeline_proc()");
$server->safe_psql('postgres', 'CREATE DATABASE calm');
$server->safe_psql('calm', 'CREATE EXTENSION medallion');
configure('calm');
$server->safe_psql('calm', "CALL medallion.run_pipeline_proc()");

sub same
{
	my ($query, $name) = @_;
	my @answers = map { $server->safe_psql($_, "SELECT count(*), md5(string_agg(q::text, ';' ORDER BY q::text COLLATE \"C\")) FROM ($query) q") } qw(postgres calm);

	ok($answers[0] eq $answers[1] && $answers[0] !~ /^0\|/, $name) or diag("@answers");
}

same("SELECT id, item, amount FROM silver.$_" . ($_ eq 'events' ? '' : '_current'), "silver $_ is as if nothing had happened") for @features;
same("SELECT id, item, amount FROM bronze.$_ b JOIN medallion.file_versions v ON v.file_id = b._file_id AND v.superseded_at IS NULL", "live bronze $_ too") for @features;
same("SELECT item, n, amount FROM gold.$_", "gold $_ too") for qw(by_item joined);
same('SELECT item, amount, n FROM gold.stocked', 'gold stocked too');
check_consistency($server, 'postgres', 'at the end', @features);
is($server->safe_psql('postgres', 'SELECT path, version FROM (SELECT *, lag(content_hash) OVER (PARTITION BY feature_id, path ORDER BY version) AS last
	FROM medallion.file_versions) v WHERE content_hash = last'), '', 'nothing was loaded twice');
is($server->safe_psql('postgres', "SELECT count(*) FROM medallion.runs WHERE status NOT IN ('COMPLETED', 'SKIPPED')"), '0', 'every run came to its end');
is($server->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'medallion worker'"), '0', 'no worker is left');

$server->stop;
done_testing();
