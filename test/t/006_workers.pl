# run_pipeline_proc() with real background workers: side by side, as the caller and no more; errors
# come back whole; a worker that ends takes its unit with it and nothing else; cancel and terminate of
# the caller end the workers; without a free slot the caller does the work.
#
# What a run is at is told by advisory locks: a derived column waits for one as long as the test wants.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $folder = test_folder('workers');
my $server = new_server('workers', "max_worker_processes = 16\nmedallion.max_workers = 3\nmedallion.allowed_paths = '$folder'");

for my $name (qw(one two three))
{
	write_file("$folder/$name/a.csv", 'Id,Amount', map { "$_," . $_ * 2 } 1 .. 200);
}

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

# Statements as another user; output, errors.
sub as_user
{
	my ($user, $statement) = @_;
	my ($status, $out, $err) = $server->psql('postgres', $statement, extra_params => [ '-U', $user, '-v', 'VERBOSITY=verbose' ]);

	return ($status, $out, $err);
}

sql(<<"SQL");
CREATE ROLE etl LOGIN;
GRANT USAGE ON SCHEMA medallion, etl_logs TO etl;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO etl;
GRANT CREATE ON DATABASE postgres TO etl;
CREATE FUNCTION public.mark(place int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_advisory_lock_shared(77, place); PERFORM pg_advisory_unlock_shared(77, place); RETURN place; END';
CREATE TABLE public.who (who text, login text, level text);
GRANT ALL ON public.who TO etl;
SQL

as_user('etl', <<"SQL");
SELECT medallion.create_feature(name, ARRAY['$folder/' || name || '/*.csv'], ARRAY['id'],
	jsonb_build_object('derive', jsonb_build_object('marked', format('CASE WHEN id = 7 THEN public.mark(%s) ELSE 0 END', place))))
  FROM (VALUES ('one', 1), ('two', 2), ('three', 3)) f (name, place);
SELECT medallion.add_step('who', 'INSERT INTO public.who VALUES (current_user, session_user, current_setting(''work_mem''))', 'start');
SQL

my $control = Medallion::Session->new($server, 'postgres');

sub workers
{
	return sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'medallion worker'");
}

# Workers that wait at a place of ours.
sub waiting
{
	return sql("SELECT string_agg(objid::text, ',' ORDER BY objid) FROM pg_locks l JOIN pg_stat_activity USING (pid)
		WHERE locktype = 'advisory' AND classid = 77 AND NOT granted AND backend_type = 'medallion worker'");
}

# --- side by side ---

$control->query('SELECT pg_advisory_lock(77, place) FROM generate_series(1, 3) place');
my $caller = Medallion::Session->new($server, 'postgres', user => 'etl');
$caller->query("SET work_mem = '7MB'; SET application_name = 'mine'");
$caller->send('CALL medallion.run_pipeline_proc()');
ok(wait_until(sub { waiting() eq '1,2,3' }), 'three features are in three workers at once');
is(sql("SELECT string_agg(layer || ' ' || object, ',' ORDER BY object) FROM medallion.progress"),
	'silver one,silver three,silver two', 'progress shows them to another session');
is(sql("SELECT count(*) FROM bronze.one"), '200', 'bronze is committed while silver goes on');
is(sql("SELECT status FROM medallion.runs"), 'RUNNING', 'the run is visible');
is(sql("SELECT kind || ' ' || state FROM medallion.health()"), 'run RUNNING', 'health() sees its process');
is(sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $caller->{pid} AND backend_xmin IS NOT NULL"), '0',
	'the caller holds no snapshot while it waits');
is(sql("SELECT string_agg(DISTINCT usename, ',') FROM pg_stat_activity WHERE backend_type = 'medallion worker'"), 'etl',
	'the workers are the caller');
my ($status, $out, $err) = $server->psql('postgres', q(CALL medallion.run_pipeline_proc(ARRAY['one'], options => '{"concurrency": "error"}')),
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($err, qr/another run works on feature "one"/, 'another run raises where it is to');
sql(q(CALL medallion.run_pipeline_proc(ARRAY['one'], options => '{"concurrency": "skip"}')));
is(sql("SELECT status FROM etl_logs.pipeline_runs ORDER BY started_at DESC LIMIT 1"), 'SKIPPED', 'or skips it');
sql('TRUNCATE medallion.failing');
$control->query('SELECT pg_advisory_unlock_all()');
($out, $err) = $caller->answer;
unlike($err, qr/ERROR/, 'the run succeeds');
is(sql('SELECT count(*), sum(amount) FROM silver.two_current'), '200|40200', 'its rows are there');
is(sql("SELECT who, login, level FROM public.who WHERE login = 'etl'"), "etl|etl|7MB", 'a step ran as its owner, with the settings of the caller');
is(($caller->query('SHOW application_name'))[0], 'mine', 'application_name is as before');
is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', 'no lock is left');

# A role that has become another one works as that one.
$server->safe_psql('postgres', 'SET ROLE etl; CALL medallion.run_pipeline_proc()');
is(sql("SELECT DISTINCT who || ' ' || login FROM public.who WHERE login <> 'etl'"), 'etl ' . $server->safe_psql('postgres', 'SELECT session_user'),
	'SET ROLE holds in workers');

# The caller's rights are all that there is: a file that etl may not read.
sql("SELECT medallion.create_feature('secret', ARRAY['/etc/passwd*'])");
($status, $out, $err) = as_user('etl', "CALL medallion.run_pipeline_proc(ARRAY['secret'])");
like($err, qr/must be owner of feature "secret"/, 'a feature of others is refused');
sql("SELECT medallion.drop_feature('secret')");
as_user('etl', "SELECT medallion.create_feature('secret', ARRAY['/etc/host*'])");
($status, $out, $err) = as_user('etl', "CALL medallion.run_pipeline_proc(ARRAY['secret', 'one'])");
like($err, qr/secret: .*(permission|allowed)/i, 'a path that the caller may not read is refused in a worker too');
as_user('etl', "SELECT medallion.drop_feature('secret')");

# --- errors ---

write_file("$folder/one/b.csv", 'Id,Amount', '7,1', '1000,5');
as_user('etl', q(SELECT medallion.add_step('bad', 'SELECT 1/0', 'one')));
write_file("$folder/three/b.csv", 'Id,Amount', '7,9');
sql("ALTER FUNCTION public.mark RENAME TO mark_well");
sql("CREATE FUNCTION public.mark(place int) RETURNS int LANGUAGE plpgsql AS 'BEGIN IF place = 3 THEN RAISE EXCEPTION ''no mark''; END IF; RETURN place; END'");
($status, $out, $err) = as_user('etl', 'CALL medallion.run_pipeline_proc()');
like($err, qr/38000: some steps of the pipeline failed.*step bad: division by zero/s, 'the procedure raises at the end');
is(sql("SELECT execution_metadata->>'sqlstate', (p.*)::text ~ 'SELECT 1/0'
	FROM etl_logs.pipeline_runs p WHERE feature_name = 'bad'"), '22012|f', 'the log has the SQLSTATE, and not the statement of the step');
like(sql("SELECT error_message, execution_metadata->>'context' ~ 'PL/pgSQL function (public\\.)?mark\\(integer\\)' FROM etl_logs.pipeline_runs
	WHERE feature_name = 'three' AND status = 'FAILED'"), qr/^no mark \(file ".*b\.csv", row 2, column "marked"\)\|t$/, 'the row, and the context of an error in a worker');
sql('DROP FUNCTION public.mark; ALTER FUNCTION public.mark_well RENAME TO mark');
is(sql('SELECT count(*) FROM silver.one_current'), '201', 'the other units are done');
as_user('etl', q(SELECT medallion.drop_step('bad')));

# A worker is terminated: its unit fails, the others do not, and the next run does the rest.
sub change_all
{
	my ($round) = @_;

	write_file("$folder/$_/c.csv", 'Id,Amount', "7,$round", 2000 + $round . ',1') for qw(one two three);
}

change_all(1);
$control->query('SELECT pg_advisory_lock(77, 2)');
$caller->send('CALL medallion.run_pipeline_proc()');
ok(wait_until(sub { waiting() eq '2' && sql("SELECT count(*) FROM silver.one_current WHERE id > 2000") eq '1' }), 'a worker waits');
sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'medallion worker' AND application_name ~ 'silver two'");
($out, $err) = $caller->answer;
like($err, qr/silver two: terminating background worker.* due to administrator command/, 'its end is reported as its unit\'s');
is(sql("SELECT status FROM medallion.runs ORDER BY run_id DESC LIMIT 1"), 'PARTIAL', 'the run is PARTIAL');
is(sql("SELECT (SELECT count(*) FROM silver.one_current WHERE id > 2000), (SELECT count(*) FROM silver.two_current WHERE id > 2000),
	(SELECT count(*) FROM silver.three_current WHERE id > 2000)"), '1|0|1', 'the others are done');
$control->query('SELECT pg_advisory_unlock_all()');
my $loads = sql("SELECT count(*) FROM etl_logs.file_processing");
$caller->query('CALL medallion.run_pipeline_proc()');
is(sql("SELECT count(*) FROM silver.two_current WHERE id > 2000"), '1', 'the next run does what was left');
is(sql("SELECT count(*) FROM etl_logs.file_processing"), $loads, 'and loads nothing again');

# --- the caller ends ---

for my $way (qw(cancel terminate))
{
	change_all($way eq 'cancel' ? 2 : 3);
	$control->query('SELECT pg_advisory_lock(77, place) FROM generate_series(1, 3) place');
	$caller->send('CALL medallion.run_pipeline_proc()');
	ok(wait_until(sub { waiting() eq '1,2,3' }), "$way: the workers wait");
	my $start = time();
	sql("SELECT pg_${way}_backend($caller->{pid})");
	ok(wait_until(sub { workers() eq '0' }), "$way: the workers are gone");
	cmp_ok(time() - $start, '<', 3, "$way: soon");
	my $state = $way eq 'cancel' ? 'CANCELLED' : 'TERMINATED';
	ok(wait_until(sub { sql("SELECT status FROM medallion.runs ORDER BY run_id DESC LIMIT 1") eq $state }), "$way: the log says $state");
	# the log is written by a worker, while the caller's transaction still ends
	ok(wait_until(sub { sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid <> 77") eq '0' }, 10), "$way: no lock is left");
	$control->query('SELECT pg_advisory_unlock_all()');
	if ($way eq 'cancel')
	{
		like(($caller->answer)[1], qr/canceling statement due to user request/, 'cancel: the caller learns it');
		is(($caller->query('SELECT 1'))[0], '1', 'cancel: its session works on');
	}
}
$caller = Medallion::Session->new($server, 'postgres', user => 'etl');
unlike(($caller->query('CALL medallion.run_pipeline_proc()'))[1], qr/ERROR/, 'the next run succeeds');
is(sql("SELECT (SELECT count(*) FROM silver.one_current WHERE id > 2000), (SELECT count(*) FROM silver.two_current WHERE id > 2000)"),
	'1|1', 'and has everything');

# --- a function's run that is rolled back ---

change_all(4);
$caller->query('BEGIN');
$caller->query('SELECT count(*) FROM medallion.run_pipeline()');
is(sql("SELECT count(*) FROM medallion.progress"), '0', 'a run that has ended shows no progress');
$caller->query('ROLLBACK');
ok(wait_until(sub { sql("SELECT status FROM medallion.runs ORDER BY run_id DESC LIMIT 1") eq 'ROLLED_BACK' }), 'a rolled-back run is logged');
is(sql("SELECT count(*) FROM etl_logs.pipeline_runs WHERE run_id = (SELECT max(run_id) FROM medallion.runs) AND status = 'ROLLED_BACK'"), '7',
	'with its steps');
$caller->query('BEGIN');
$caller->query('SAVEPOINT s; SELECT count(*) FROM medallion.run_pipeline(); ROLLBACK TO s');
ok(wait_until(sub { sql("SELECT count(*) FROM medallion.runs WHERE status = 'ROLLED_BACK'") eq '2' }), 'also where only a savepoint was rolled back');
$caller->query('SELECT count(*) FROM medallion.run_pipeline(); COMMIT');
is(sql("SELECT status, finished_at IS NOT NULL FROM medallion.runs ORDER BY run_id DESC LIMIT 1"), 'COMPLETED|t', 'and a committed one as what it is');
$control->query('SELECT pg_advisory_lock(77, 1)');
change_all(5);
$caller->send('BEGIN; SELECT count(*) FROM medallion.run_pipeline()');
ok(wait_until(sub { sql("SELECT layer || ' ' || object FROM medallion.progress") eq 'silver one' }), 'progress shows a run that has committed nothing');
sql("SELECT pg_terminate_backend($caller->{pid})");
ok(wait_until(sub { sql("SELECT status FROM medallion.runs ORDER BY run_id DESC LIMIT 1") eq 'TERMINATED' }), 'a terminated one is logged');
$control->query('SELECT pg_advisory_unlock_all()');
$caller = Medallion::Session->new($server, 'postgres', user => 'etl');

# --- retries and time limits ---

sql('CREATE SEQUENCE public.tries; GRANT ALL ON public.tries TO etl;
	CREATE FUNCTION public.fail(code text, times int) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		IF nextval(\'public.tries\') <= times THEN RAISE EXCEPTION \'not yet\' USING ERRCODE = code; END IF;
		RETURN 1;
	END $$');
for my $case ([ '40001', 2, 'COMPLETED', 3 ], [ '40P01', 2, 'COMPLETED', 3 ], [ '55P03', 2, 'COMPLETED', 3 ], [ '08006', 1, 'COMPLETED', 2 ],
	[ '55006', 9, 'FAILED', 4 ], [ '22012', 9, 'FAILED', 1 ])
{
	my ($code, $times, $result, $tries) = @$case;
	sql("SELECT setval('public.tries', 1, false)");
	$caller->query("SELECT medallion.add_step('try', 'SELECT public.fail(''$code'', $times)', 'start')");
	my $start = time();
	$caller->query(q(CALL medallion.run_pipeline_proc(ARRAY['three'], options => '{"retry_delay": "40 ms"}')));
	my $took = time() - $start;
	is(sql("SELECT status FROM etl_logs.pipeline_runs WHERE feature_name = 'try' ORDER BY run_id DESC LIMIT 1"), $result, "$code: $result");
	is(sql('SELECT last_value FROM public.tries'), $tries, "$code: tried $tries times");
	cmp_ok($took, '>=', 0.04 * (2**($tries - 1) - 1), "$code: waiting twice as long each time");
}
$caller->query("SELECT medallion.add_step('try', 'SELECT pg_sleep(20)', 'start')");
my $start = time();
($out, $err) = $caller->query(q(CALL medallion.run_pipeline_proc(ARRAY['three'], options => '{"step_timeout": "200 ms"}')));
like($err, qr/step try: the step took longer than 200 ms/, 'a step has a time limit');
is(sql("SELECT status FROM etl_logs.pipeline_runs WHERE feature_name = 'three' AND layer = 'silver' ORDER BY run_id DESC LIMIT 1"), 'UNCHANGED', 'and the run goes on');
($out, $err) = $caller->query(q(CALL medallion.run_pipeline_proc(ARRAY['three'], options => '{"run_timeout": "300 ms"}')));
like($err, qr/bronze three: the run's time is over/, 'a run has one too');
cmp_ok(time() - $start, '<', 8, 'both are kept');
my ($rows) = $caller->query(q(SELECT string_agg(status, ',') FROM medallion.run_pipeline(ARRAY['three'], options => '{"step_timeout": "200 ms"}')));
is($rows, 'COMPLETED,FAILED,UNCHANGED,UNCHANGED', 'the function has the same limits');
$caller->query("SELECT medallion.drop_step('try')");

# Options of a feature go before the run's; changing them folds nothing anew.
change_all(6);
$caller->query('CALL medallion.run_pipeline_proc()');
$caller->query(q(SELECT medallion.alter_feature('two', '{"paused": true}')));
change_all(7);
$caller->query('CALL medallion.run_pipeline_proc()');
is(sql("SELECT status, execution_metadata->>'reason' FROM etl_logs.pipeline_runs WHERE feature_name = 'two' ORDER BY run_id DESC LIMIT 1"),
	'SKIPPED|the feature is paused', 'a paused feature is left out');
$caller->query(q(SELECT medallion.alter_feature('two', '{"paused": false}')));
is(sql("SELECT needs_rebuild FROM medallion.features WHERE name = 'two'"), 'f', 'pausing is nothing to silver');

# --- no worker to be had ---

$server->append_conf('postgresql.conf', 'max_worker_processes = 0');
$server->restart;
$control = Medallion::Session->new($server, 'postgres');
change_all(8);
($status, $out, $err) = as_user('etl', 'CALL medallion.run_pipeline_proc()');
is($status, 0, 'without worker processes the caller does the work');
is(sql("SELECT count(*) FROM silver.two_current WHERE id = 2008"), '1', 'all of it');
$server->append_conf('postgresql.conf', 'max_worker_processes = 2');
$server->restart;
change_all(9);
($status, $out, $err) = as_user('etl', 'CALL medallion.run_pipeline_proc()');
is($status, 0, 'with fewer than it wants it uses those');
is(sql("SELECT count(*) FROM silver.three_current WHERE id = 2009"), '1', 'and does everything');

$server->stop;
done_testing();
