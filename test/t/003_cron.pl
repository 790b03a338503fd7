# pg_cron runs the pipeline by medallion.schedule(); where a file is broken, the job is seen to fail
# and the good files are loaded all the same.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $pkglibdir = `pg_config --pkglibdir`);
$pkglibdir = $ENV{PKGLIBDIR} if $ENV{PKGLIBDIR};
plan skip_all => 'pg_cron is not installed' if !-e "$pkglibdir/pg_cron.so";

my $folder = test_folder('cron');
my $settings = <<'SETTINGS';
shared_preload_libraries = 'pg_cron'
cron.database_name = 'scheduled'
cron.use_background_workers = on
max_worker_processes = 20
SETTINGS
my $server = new_server('cron', $settings);

# --- without pg_cron in the database ---

my ($status, $out, $err) = $server->psql('postgres', q{SELECT medallion.schedule('0 2 * * *')},
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
isnt($status, 0, 'schedule() without pg_cron raises');
like($err, qr/42704: pg_cron is not installed in database "postgres"/, 'the error names the database');
like($err, qr/HINT:.*shared_preload_libraries.*cron\.database_name.*CREATE EXTENSION pg_cron/s, 'the hint says what to do');
is($server->safe_psql('postgres', 'SELECT medallion.unschedule()'), 'f', 'unschedule() without pg_cron: there was none');

# --- with it ---

write_file("$folder/good.csv", 'Id,Name', '1,one', '2,two');
$server->safe_psql('postgres', 'CREATE DATABASE scheduled');
$server->restart;
$server->safe_psql('scheduled', <<"SQL");
CREATE EXTENSION pg_cron;
CREATE EXTENSION medallion;
SELECT medallion.create_feature('things', ARRAY['$folder/*'], ARRAY['id']);
SQL

# Newer versions of pg_cron know seconds; with older ones each wait is up to a minute.
my ($refused) = $server->psql('scheduled', q{SELECT cron.schedule('probe', '5 seconds', 'SELECT 1'); SELECT cron.unschedule('probe')},
	on_error_stop => 1);
my $every = $refused == 0 ? '5 seconds' : '* * * * *';
note("the schedule is '$every'");

my $job = $server->safe_psql('scheduled', "SELECT medallion.schedule('$every')");
like($job, qr/^\d+$/, 'schedule() returns the job');
is($server->safe_psql('scheduled', "SELECT jobname, schedule, database, active FROM cron.job WHERE jobid = $job"),
	"medallion|$every|scheduled|t", 'the job is there');

# The first execution that began after now.
sub wait_for_job
{
	my ($node) = @_;
	$node //= $server;
	my $since = $node->safe_psql('scheduled', 'SELECT coalesce(max(runid), 0) FROM cron.job_run_details');

	return wait_until(sub {
		$node->safe_psql('scheduled', "SELECT status, return_message FROM cron.job_run_details
			WHERE jobid = $job AND runid > $since AND status IN ('succeeded', 'failed') ORDER BY runid LIMIT 1");
	}, 150, 0.5);
}

like(wait_for_job(), qr/^succeeded/, 'the job runs and succeeds');
is($server->safe_psql('scheduled', 'SELECT string_agg(name, \',\' ORDER BY id) FROM silver.things_current'),
	'one,two', 'its rows are in silver');

is($server->safe_psql('scheduled', "SELECT medallion.schedule('$every')"), $job, 'scheduling again replaces the job');
is($server->safe_psql('scheduled', "SELECT count(*) FROM cron.job"), '1', 'and makes no second one');

# --- a broken file beside a good one ---

write_file("$folder/broken.xlsx", "PK\x03\x04 this is no workbook");
write_file("$folder/later.csv", 'Id,Name', '3,three');
my $seen = '';
# The job may have been running already as the file came: the one after it must fail.
wait_until(sub { $seen = wait_for_job(); $seen =~ /^failed/ }, 150);
like($seen, qr/^failed/, 'with a broken file, the job fails');
like($seen, qr/broken\.xlsx|some steps of the pipeline failed/, 'and says why');
is($server->safe_psql('scheduled', 'SELECT string_agg(name, \',\' ORDER BY id) FROM silver.things_current'),
	'one,two,three', 'the good file is loaded');
like($server->safe_psql('scheduled', "SELECT string_agg(DISTINCT status, ',') FROM etl_logs.pipeline_runs WHERE layer = 'bronze'"),
	qr/PARTIAL/, 'the log says PARTIAL');

unlink("$folder/broken.xlsx") or die;
my ($mended) = $server->psql('scheduled', 'CALL medallion.run_pipeline_proc()');
is($mended, 0, 'without it, the same call succeeds again');

# --- the heartbeat, overlaps, pauses ---

sub health
{
	return $server->safe_psql('scheduled', "SELECT state FROM medallion.health() WHERE kind = 'schedule'");
}

wait_until(sub { $seen = wait_for_job(); $seen =~ /^succeeded/ }, 150);
like($seen, qr/^succeeded/, 'the job recovers by itself');
is(health(), 'OK', 'health(): OK');
is($server->safe_psql('scheduled', 'SELECT last_status, last_run_id = (SELECT max(run_id) FROM medallion.runs WHERE options->>\'schedule\' = job),
	now() - last_started_at < interval \'3 minutes\' FROM medallion.schedules'), 'COMPLETED|t|t', 'the heart beats');
my $statement = $server->safe_psql('scheduled', "SELECT command FROM cron.job");
$server->safe_psql('scheduled', q{UPDATE medallion.schedules SET cron = '0 0 * * *', created_at = now() - interval '9 days', last_started_at = now() - interval '3 days'});
is(health(), 'MISSED', 'health() notices a missed run');
$server->safe_psql('scheduled', 'CALL medallion.run_pipeline_proc()');
is($server->safe_psql('scheduled', "SELECT object, message ~ 'did not start' FROM medallion.alerts WHERE kind = 'missed'"), 'medallion|t', 'and the next run of any kind tells of it');
$server->safe_psql('scheduled', 'CALL medallion.run_pipeline_proc()');
is($server->safe_psql('scheduled', "SELECT count(*) FROM medallion.alerts WHERE kind = 'missed'"), '1', 'once');

# Two at once: as pg_cron itself starts no second one, by hand.
$server->safe_psql('scheduled', "SELECT medallion.add_step('slow', 'SELECT pg_sleep(4)', 'start')");
my $first = Medallion::Session->new($server, 'scheduled');
$first->send($statement);
ok(wait_until(sub { $server->safe_psql('scheduled', "SELECT count(*) FROM medallion.progress WHERE object = 'slow'") }), 'a scheduled run goes on');
$server->safe_psql('scheduled', $statement);
is($server->safe_psql('scheduled', "SELECT r.status, p.execution_metadata->>'reason' FROM medallion.runs r JOIN etl_logs.pipeline_runs p USING (run_id)
	ORDER BY run_id DESC LIMIT 1"), 'SKIPPED|the last run of this schedule has not ended', 'one that overlaps it is skipped and logged');
$first->answer;
$first->close;
$server->safe_psql('scheduled', "SELECT medallion.drop_step('slow'); SELECT medallion.pause(reason => 'maintenance')");
$server->safe_psql('scheduled', $statement);
is($server->safe_psql('scheduled', "SELECT r.status, p.execution_metadata->>'reason' FROM medallion.runs r JOIN etl_logs.pipeline_runs p USING (run_id)
	ORDER BY run_id DESC LIMIT 1"), 'SKIPPED|runs are paused', 'nor while runs are paused');
is($server->safe_psql('scheduled', "SELECT state, detail FROM medallion.health() WHERE kind = 'pause'"), 'PAUSED|maintenance', 'health() says why');
is($server->safe_psql('scheduled', 'SELECT medallion.resume(), medallion.resume()'), 't|f', 'resume()');

# --- a restart, a dump ---

$job = $server->safe_psql('scheduled', "SELECT medallion.schedule('$every')");
$server->restart;
like(wait_for_job(), qr/^succeeded/, 'after a restart the job runs');

my $rows = 'SELECT count(*), max(_opened_run_id) FROM silver.things';
my $before = $server->safe_psql('scheduled', $rows);
my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
$server->command_ok([ 'pg_dump', '-Fc', '-f', $file, $server->connstr('scheduled') ], 'dumped');
my $restored = new_server('restored', $settings);
$restored->safe_psql('postgres', 'CREATE DATABASE scheduled');
$restored->restart;
$restored->command_ok([ 'pg_restore', '--exit-on-error', '-d', $restored->connstr('scheduled'), $file ], 'restored on another server');
my $last = $restored->safe_psql('scheduled', 'SELECT max(run_id) FROM medallion.runs');
$restored->restart;
is($restored->safe_psql('scheduled', 'SELECT j.jobname, j.schedule, s.cron = j.schedule FROM cron.job j JOIN medallion.schedules s ON s.job = j.jobname'), "medallion|$every|t", 'the job came with it');
like(wait_for_job($restored), qr/^succeeded/, 'and runs there');
is($restored->safe_psql('scheduled', "SELECT string_agg(DISTINCT status, ',') FROM etl_logs.pipeline_runs WHERE run_id > $last"), 'UNCHANGED', 'which changes nothing');
is($restored->safe_psql('scheduled', $rows), $before, 'and every row is as it was');
write_file("$folder/later.csv", 'Id,Name', '9,nine');
ok(wait_until(sub { $restored->safe_psql('scheduled', "SELECT count(*) FROM silver.things_current WHERE name = 'nine'") }, 150, 0.5), 'a new file is taken in by the restored job');
$restored->stop;

# --- the end ---

is($server->safe_psql('scheduled', 'SELECT medallion.unschedule()'), 't', 'unschedule() takes it back');
is($server->safe_psql('scheduled', 'SELECT count(*) FROM cron.job'), '0', 'the job is gone');
is($server->safe_psql('scheduled', 'SELECT medallion.unschedule()'), 'f', 'a second time there is none');

$server->stop;
done_testing();
