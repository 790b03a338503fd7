# A run is cancelled in bronze, in silver and in gold: it ends at once and leaves nothing behind, and
# the next run succeeds.  Where a run is, is seen from outside: bronze in pg_stat_progress_copy, silver
# and gold by advisory locks that an expression of the feature and the query of the model take.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $limit = $ENV{CANCEL_LIMIT} // 2;	# seconds; 1 is promised, a busy machine gets another
my $folder = test_folder('cancel');
my $server = new_server('cancel');

# --- a tree whose run takes some seconds ---

for my $file (1 .. 2)
{
	write_file("$folder/lines_$file.csv", 'Document,Line,Item,Quantity,Amount,Note',
		map { sprintf('D%d%06d,%d,item %d,%d,%d.%02d,"some words, number %d, to make the row longer"',
				$file, int($_ / 4), $_ % 4, $_ % 1000, $_ % 50, $_ % 900, $_ % 100, $_) } 1 .. 90000);
}

$server->safe_psql('postgres', <<"SQL");
CREATE FUNCTION public.mark(place int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_advisory_xact_lock_shared(77, place); RETURN place; END';
CREATE TABLE public.base AS SELECT 1 AS one;
SELECT medallion.create_feature('lines', ARRAY['$folder/*.csv'], ARRAY['document', 'line'],
	'{"derive": {"marked": "CASE WHEN line = 0 AND quantity = 4 THEN public.mark(1) ELSE 0 END"}}');
SQL
# The model needs a second or two, whatever the machine.
my $model = 'SELECT b.one, count(*) AS n, sum(sqrt(i)) AS roots FROM (SELECT public.mark(2) AS one FROM public.base OFFSET 0) b,'
  . ' generate_series(1, 6000000) i GROUP BY 1';

sub files_open
{
	my ($pid) = @_;

	opendir(my $dir, "/proc/$pid/fd") or die "cannot read /proc/$pid/fd: $!";
	return grep { index($_, $folder) == 0 } map { readlink("/proc/$pid/fd/$_") // '' } readdir($dir);
}

# What is there: files taken in, rows, tables, runs, logs; but for what a worker wrote down of the
# runs that were cancelled.
sub state_of_things
{
	return $server->safe_psql('postgres', <<'SQL');
SELECT (SELECT count(*) FROM medallion.file_versions), (SELECT count(*) FROM medallion.runs WHERE status <> 'CANCELLED'),
	   (SELECT count(*) FROM etl_logs.pipeline_runs WHERE status <> 'ROLLED_BACK'), (SELECT count(*) FROM etl_logs.file_processing),
	   (SELECT count(*) FROM medallion.feature_columns),
	   (SELECT string_agg(oid::regclass::text || ' ' || pg_relation_filenode(oid), ',' ORDER BY oid) FROM pg_class
		 WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('bronze', 'silver', 'gold', 'models'))),
	   (SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_')
SQL
}

my %places = (
	bronze => "SELECT tuples_processed FROM pg_stat_progress_copy WHERE pid = %d AND relid <> 0 AND tuples_processed > 0",
	silver => "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 77 AND objid = 1 AND pid = %d",
	gold => "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 77 AND objid = 2 AND pid = %d");

# Waits until the session's run is at a place.
sub wait_for_place
{
	my ($session, $place) = @_;
	my $watch = Medallion::Session->new($server, 'postgres');
	my $question = sprintf($places{$place}, $session->{pid});
	my $seen = wait_until(sub { ($watch->query($question))[0] });

	$watch->close;
	return $seen;
}

my $cancelled = 0;	# runs, so far

# One statement in a session is interrupted; nothing may remain of it.
sub check_clean
{
	my ($session, $before, $name) = @_;

	is(state_of_things(), $before, "$name: nothing of the run is left");
	$cancelled++;
	ok(wait_until(sub { $server->safe_psql('postgres', "SELECT count(*) FROM medallion.runs WHERE status = 'CANCELLED'
		AND error_message ~ 'canceling statement'") == $cancelled }), "$name: but its log");
	is(join(' ', files_open($session->{pid})), '', "$name: no file is left open");
	is($server->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $session->{pid}"), '0', "$name: no lock is left");
	is($server->safe_psql('postgres', "SELECT count(*) FROM pg_stat_progress_copy"), '0', "$name: no progress is left");
	is(join(' ', relation_files($server, 'postgres')), '', "$name: no file of a table is left");
	is(($session->query('SELECT 1'))[0], '1', "$name: the session works on");
}

sub cancel_at
{
	my ($place, $delay, $name) = @_;
	my $session = Medallion::Session->new($server, 'postgres');
	my $before = state_of_things();

	$session->send('SELECT * FROM medallion.run_pipeline()');
	ok(wait_for_place($session, $place), "$name: the run is seen there");
	sleep($delay);
	my $watch = Medallion::Session->new($server, 'postgres');
	$watch->query("SELECT pg_cancel_backend($session->{pid})");
	my $start = time();
	my ($out, $err) = $session->answer;
	my $took = time() - $start;

	like($err, qr/canceling statement due to user request/, "$name: the run is cancelled");
	cmp_ok($took, '<=', $limit, sprintf('%s: it ends at once (%.3f s)', $name, $took));
	check_clean($session, $before, $name);
	$_->close for ($session, $watch);
}

# --- bronze ---

cancel_at('bronze', 0, 'bronze, as it starts');
cancel_at('bronze', 0.15, 'bronze, later');

# What the progress view says of a load.
my $loading = Medallion::Session->new($server, 'postgres');
$loading->send('BEGIN; SELECT count(*) FROM medallion.run_pipeline(NULL, ARRAY[\'bronze\'])');
my ($highest, $total, $steps) = (0, 0, 0);
my $watch = Medallion::Session->new($server, 'postgres');
wait_until(sub {
	my ($row) = $watch->query("SELECT tuples_processed, bytes_total FROM pg_stat_progress_copy WHERE pid = $loading->{pid}");
	if ($row =~ /^(\d+)\|(\d+)$/)
	{
		$steps++ if $1 > $highest;
		$highest = $1 if $1 > $highest;
		$total = $2;
	}
	return ($watch->query("SELECT state FROM pg_stat_activity WHERE pid = $loading->{pid}"))[0] =~ /^idle/;
});
$loading->answer;
$loading->query('ROLLBACK');
cmp_ok($steps, '>=', 3, "pg_stat_progress_copy shows a load going on ($steps readings)");
cmp_ok($highest, '>', 10000, 'pg_stat_progress_copy counts its rows');
$_->close for ($loading, $watch);

# --- silver, gold ---

cancel_at('silver', 0, 'silver, as it types the rows');
cancel_at('silver', 0.5, 'silver, later');
cancel_at('silver', 1.5, 'silver, still later') if $ENV{CANCEL_LATE};

$server->safe_psql('postgres', 'SELECT medallion.create_model($$slow$$, $$' . $model . '$$)');
cancel_at('gold', 0, 'gold, as it starts');
cancel_at('gold', 0.3, 'gold, later');

# --- the time limit ---

my $before = state_of_things();
my $session = Medallion::Session->new($server, 'postgres');
$session->query('SET statement_timeout = 300');
my $start = time();
my ($out, $err) = $session->query('SELECT * FROM medallion.run_pipeline()');
my $took = time() - $start;
like($err, qr/canceling statement due to statement timeout/, 'statement_timeout ends a run');
cmp_ok($took, '<=', 0.3 + $limit, sprintf('statement_timeout: in time (%.3f s)', $took));
check_clean($session, $before, 'statement_timeout');
$session->query('RESET statement_timeout');

# --- and then ---

is(($session->query("SELECT string_agg(layer || ' ' || status, ',' ORDER BY layer) FROM medallion.run_pipeline()"))[0],
	'bronze COMPLETED,gold COMPLETED,silver COMPLETED', 'the next run in the same session succeeds');
is($server->safe_psql('postgres', 'SELECT (SELECT count(*) FROM bronze.lines), (SELECT count(*) FROM silver.lines_current), (SELECT n FROM gold.slow)'),
	'180000|180000|6000000', 'with all its rows');

# --- the time limit, in the middle of work that waits for nothing ---

$server->safe_psql('postgres', 'SELECT medallion.drop_model($$slow$$); SELECT medallion.create_model($$slower$$, $$' . ($model =~ s/mark\(2\)/mark(3)/r =~ s/\(1, 6000000\)/(b.one, 60000000)/r) . '$$)');
$places{slower} = $places{gold} =~ s/objid = 2/objid = 3/r;
$before = state_of_things();
my $observer = Medallion::Session->new($server, 'postgres');
my $question = sprintf($places{slower}, $session->{pid});
$session->query('SET statement_timeout = 1500');
$start = time();
$session->send(q{SELECT * FROM medallion.run_pipeline(NULL, '{gold}')});
ok(wait_until(sub { ($observer->query($question))[0] }, $limit), 'statement_timeout in a model: the run is seen there');
isnt(($observer->query("SELECT wait_event_type FROM pg_stat_activity WHERE pid = $session->{pid}"))[0], 'Lock', 'statement_timeout in a model: at work');
($out, $err) = $session->answer;
$took = time() - $start;
like($err, qr/canceling statement due to statement timeout/, 'statement_timeout in a model: it ends the run');
cmp_ok($took, '<=', 1.5 + $limit, sprintf('statement_timeout in a model: in time (%.3f s)', $took));
check_clean($session, $before, 'statement_timeout in a model');
$_->close for ($session, $observer);

done_testing();
