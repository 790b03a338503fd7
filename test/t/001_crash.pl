# A server killed in the middle of a run, again and again: after the next run, bronze, silver and
# gold say what they say on a server that was never interrupted.
#
# Two servers read the same files.  Each round changes the files; on one server the run is
# interrupted at a random moment by kill -9 and run again after the restart.  Who is killed is random
# too: the postmaster alone (its backend goes on for a while, an orphan that may even commit), the
# postmaster with all its children (power loss), the backend, or a worker of its (the postmaster
# restarts itself).  The run is the function's, in one transaction, or the procedure's, with workers.
#
# Every few rounds it begins from nothing, so that many do not grow without end.  "make crash" does 200, or
# ROUNDS=n; SEED=n repeats a sequence.
use strict;
use warnings FATAL => 'all';
no warnings 'redundant';	# a query may use its table's name or not

use File::Path qw(remove_tree);
use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{SEED} // time() % 100000;
my $rounds = $ENV{ROUNDS} // ($ENV{MEDALLION_QUICK} ? 2 : 5);
my $rounds_per_life = 8;		# then everything is dropped
srand($seed);
diag("seed $seed, $rounds rounds; SEED=$seed repeats it");

my $folder = test_folder('crash');
my $crashed = new_server('crashed', "restart_after_crash = on\nmedallion.max_workers = 2\nmax_worker_processes = 16");
my $calm = new_server('calm');

# --- files ---

# Lines of documents: in each round other amounts in some of them.
sub write_lines
{
	my ($month, $round) = @_;
	my @rows = ('Document Number,Line No,Item Code,Quantity,Amount,TRN Date');

	for my $i (1 .. 3000)
	{
		my $changed = $i % 7 == $round % 7 ? $round : 0;
		push @rows, sprintf('D%02d%05d,%d,I%d,%d,%d.%02d,2025-%02d-%02d', $month, int($i / 3), $i % 3,
			$i % 211, 1 + $i % 9, 10 + $i % 500, ($i + $changed) % 100, $month, 1 + $i % 28);
	}
	write_file(sprintf('%s/lines/2025/%02d/lines.csv', $folder, $month), @rows);
}

# Customers: one file, later ones with a further column.
sub write_customers
{
	my ($round) = @_;
	my $more = $round >= 2;
	my @rows = ('Customer,Name,City' . ($more ? ',Rating' : ''));

	push @rows, "C$_,Name " . ($_ % 10 == $round % 10 ? "$_ of round $round" : $_) . ',City ' . $_ % 40
	  . ($more ? ',' . $_ % 5 : '')
	  for 1 .. 1000;
	write_file("$folder/customers/customers.csv", @rows);
}

# Events without a key: a further file in each round.
sub write_events
{
	my ($round) = @_;

	write_file("$folder/events/events_$round.csv", 'Happened,What,Value',
		map { sprintf('2025-%02d-%02d 10:%02d:00,what %d,%d', 1 + $round, 1 + $_ % 28, $_ % 60, $_ % 13, $_ * $round) }
		  1 .. 2000);
}

sub write_round
{
	my ($round) = @_;

	write_lines($_, $round) for ($round == 0 ? (1 .. 3) : (1 + $round % 3, 3 + $round));
	write_customers($round);
	write_events($round);
}

# --- runs ---

sub configure
{
	my ($node) = @_;

	$node->safe_psql('postgres', <<"SQL");
SELECT medallion.create_feature('lines', ARRAY['$folder/lines/**/*.csv'], ARRAY['document_number', 'line_no']);
SELECT medallion.create_feature('customers', ARRAY['$folder/customers/*.csv'], ARRAY['customer']);
SELECT medallion.create_feature('events', ARRAY['$folder/events/*.csv']);
SELECT medallion.add_check('lines', 'range', ARRAY['amount'], '{"min": 20}');
SQL
}

# Models read the silver tables, so these must be there first.
sub create_models
{
	my ($node) = @_;

	$node->safe_psql('postgres', <<"SQL");
SELECT medallion.create_model('by_month', 'SELECT date_trunc(''month'', trn_date) AS month, count(*) AS lines,
	sum(amount) AS amount, sum(quantity) AS quantity FROM silver.lines_current GROUP BY 1');
SELECT medallion.create_model('by_item', 'SELECT item_code, count(*) AS lines, sum(amount) AS amount
	FROM silver.lines_current GROUP BY 1');
SELECT medallion.create_model('best_items', 'SELECT item_code, amount FROM gold.by_item WHERE amount > 1000');
SQL
}

# A whole run; the seconds it took.
sub run
{
	my ($node) = @_;
	my $start = time();
	my $bad = $node->safe_psql('postgres',
		"SELECT string_agg(r::text, ' ') FROM medallion.run_pipeline() r WHERE status IN ('FAILED', 'PARTIAL')");

	die "a run failed: $bad" if $bad ne '';
	return time() - $start;
}

# Both servers and the files as they were in the beginning.
sub start_again
{
	for my $node ($crashed, $calm)
	{
		$node->safe_psql('postgres', 'DROP EXTENSION medallion CASCADE; DROP SCHEMA bronze, silver, gold CASCADE; CREATE EXTENSION medallion');
		configure($node);
	}
	remove_tree($folder, { keep_root => 1 });
}

# The processes of a server, orphans of a dead postmaster included: all stand in its data folder.
sub processes_of
{
	my ($node) = @_;
	my $folder = $node->data_dir;

	return grep { (readlink("/proc/$_/cwd") // '') eq $folder } map { m{(\d+)$} } glob('/proc/[0-9]*');
}

my %killed;		# in the midst of a run, by who it was

# Interrupts a run after some time; returns once the server is up again.
sub interrupt
{
	my ($after) = @_;
	my $way = (qw(postmaster everything backend worker))[ rand 4 ];
	my $call = $way eq 'worker' || rand() < 0.5 ? 'CALL medallion.run_pipeline_proc()' : 'SELECT count(*) FROM medallion.run_pipeline()';
	my $session = Medallion::Session->new($crashed, 'postgres');
	my $postmaster = $crashed->{_pid};

	$session->send($call);
	sleep($after);
	my $busy = $crashed->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_activity WHERE pid = $session->{pid} AND state = 'active'");
	my @workers = split(/\n/, $crashed->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'medallion worker'"));
	$way = 'backend' if $way eq 'worker' && !@workers;
	if ($way eq 'backend')
	{
		kill('KILL', $session->{pid});
	}
	elsif ($way eq 'worker')
	{
		kill('KILL', $workers[ rand @workers ]);
	}
	else
	{
		kill('STOP', $postmaster);
		kill('KILL', grep { $_ != $postmaster } processes_of($crashed)) if $way eq 'everything';
		$crashed->kill9;
	}
	note(sprintf('killed %s after %.2f s, %s; %d workers; %s', $way, $after, $busy ? 'in the run' : 'after it', scalar(@workers), $call));
	$session->close;
	# the next postmaster minds a zombie of the last one too
	wait_until(sub { !kill(0, $postmaster) && !processes_of($crashed) }) if $way !~ /backend|worker/;
	$crashed->start if $way !~ /backend|worker/;
	wait_until(sub { $crashed->psql('postgres', 'SELECT 1', timeout => 5) == 0 });
	$killed{$way}++ if $busy;
}

# --- what must be so ---

# Columns that tell when and in which run, and the file by a number, are not compared; its path is.
my $columns_query = <<"SQL";
SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attname)
  FROM pg_attribute
 WHERE attrelid = '%s'::regclass AND attnum > 0 AND NOT attisdropped
   AND attname NOT IN ('_file_id', '_run_id', '_ingested_at', '_loaded_at', '_opened_run_id', '_closed_run_id',
					   '_scd2_valid_from', '_scd2_valid_to')
SQL

# What must be the same on both servers: a name and a query each.
sub what_is_compared
{
	my @all = map { [ $_, rows_of($_) ] } (map { ("bronze.$_", "silver.$_") } qw(lines customers events)),
	  qw(gold.by_month gold.by_item gold.best_items);

	push @all, [ 'the ledger', 'SELECT name, path, version, status, rows, size, content_hash, sheets, path_values, superseded_at IS NULL AS live,
		missing_since IS NULL AS present FROM medallion.file_versions JOIN medallion.features USING (feature_id)' ];
	push @all, [ 'the log of columns', 'SELECT DISTINCT layer, table_name, change_type, column_name, old_data_type, new_data_type
		FROM etl_logs.schema_evolution UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL' ];
	push @all, [ 'the log of checks', "SELECT check_type, column_name, check_status, records_affected, check_details - 'samples'
		FROM etl_logs.data_quality_checks" ];
	return @all;
}

# The rows of a table, and the file of each by its path.
sub rows_of
{
	my ($table) = @_;
	my $columns = $calm->safe_psql('postgres', $columns_query =~ s/%s/$table/r);

	return "SELECT $columns FROM $table t" if $table =~ /^gold/;
	return "SELECT $columns, f.path, f.version FROM $table t JOIN medallion.file_versions f ON f.file_id = t._file_id";
}

# All digests of a server in one go: processes cost more than queries.
sub digests
{
	my ($node, @compared) = @_;

	return split(/\n/, $node->safe_psql('postgres', join(';', map {
		"SELECT count(*) || ' ' || sum(hashtextextended(q::text, 1)) || ' ' || sum(hashtextextended(q::text, 2)) FROM ($_->[1]) q" } @compared)));
}

sub compare
{
	my ($number) = @_;
	my @compared = what_is_compared();
	my @here = digests($crashed, @compared);
	my @there = digests($calm, @compared);

	for my $i (0 .. $#compared)
	{
		my ($what, $query) = @{ $compared[$i] };

		if ($here[$i] eq $there[$i] && $here[$i] !~ /^0/) { pass("round $number: $what is the same"); }
		else { same_query($crashed, $calm, $query, "round $number: $what is the same"); }
	}
}

# What holds here too, where no version is ever withdrawn.
sub check_versions
{
	my ($number) = @_;

	for my $table (qw(silver.lines silver.customers))
	{
		is($crashed->safe_psql('postgres', "SELECT merged - rows FROM (SELECT sum(records_inserted + records_updated) AS merged FROM etl_logs.scd2_history
			WHERE table_name = '$table') h, (SELECT count(*) AS rows FROM $table) s"), '0', "round $number: the merges into $table add up");
	}
	is($crashed->safe_psql('postgres', 'SELECT document_number, line_no FROM silver.lines WHERE _scd2_is_current
		GROUP BY 1, 2 HAVING count(*) > 1 LIMIT 3'), '', "round $number: one current version per key");
}

configure($_) for ($crashed, $calm);

for my $number (0 .. $rounds - 1)
{
	my $round = $number % $rounds_per_life;

	start_again() if $number > 0 && $round == 0;
	write_round($round);
	my $elapsed = run($calm);
	note(sprintf('an uninterrupted run takes %.2f s', $elapsed));
	interrupt(rand($elapsed * 0.95));
	# Once more in the middle of the run that heals.
	interrupt(rand($elapsed * 0.95)) if rand() < 0.3;
	run($crashed);
	if ($round == 0)
	{
		create_models($_) for ($crashed, $calm);
		run($_) for ($crashed, $calm);
	}
	compare($number);
	check_consistency($crashed, 'postgres', "round $number", qw(lines customers events));
	check_versions($number);
}

my $interrupted = 0;
$interrupted += $_ for values %killed;
cmp_ok($interrupted, '>=', 1, "$interrupted runs were cut short: " . join(', ', map { "$_ $killed{$_}" } sort keys %killed));
is(scalar(keys %killed), 4, 'everybody was killed') if $rounds >= 50;
is($crashed->safe_psql('postgres', "SELECT string_agg(DISTINCT status, ',') FROM medallion.run_pipeline()"),
	'UNCHANGED', 'a further run has nothing to do');

done_testing();
