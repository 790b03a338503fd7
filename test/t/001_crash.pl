# A server killed in the middle of a run, again and again: after the next run, bronze, silver and
# gold say what they say on a server that was never interrupted.
#
# Two servers read the same files.  Each round changes the files; on one server the run is
# interrupted at a random moment by kill -9 and run again after the restart.  Who is killed is random
# too: the postmaster alone (its backend goes on for a while, an orphan that may even commit), the
# postmaster with all its children (power loss), the backend, or a worker of its (the postmaster
# restarts itself).  The run is the function's, in one transaction, or the procedure's, with workers.
#
# SEED=n repeats a sequence, ROUNDS=n makes it longer.
use strict;
use warnings FATAL => 'all';
no warnings 'redundant';	# a query may use its table's name or not

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{SEED} // time() % 100000;
my $rounds = $ENV{ROUNDS} // ($ENV{MEDALLION_QUICK} ? 2 : 5);
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

	for my $i (1 .. 12000)
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
	  for 1 .. 4000;
	write_file("$folder/customers/customers.csv", @rows);
}

# Events without a key: a further file in each round.
sub write_events
{
	my ($round) = @_;

	write_file("$folder/events/events_$round.csv", 'Happened,What,Value',
		map { sprintf('2025-%02d-%02d 10:%02d:00,what %d,%d', 1 + $round, 1 + $_ % 28, $_ % 60, $_ % 13, $_ * $round) }
		  1 .. 8000);
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

sub has_models
{
	return $crashed->safe_psql('postgres', "SELECT to_regprocedure('medallion.create_model(text, text, jsonb)') IS NOT NULL") eq 't';
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

# The processes of a server, orphans of a dead postmaster included: all stand in its data folder.
sub processes_of
{
	my ($node) = @_;
	my $folder = $node->data_dir;

	return grep { (readlink("/proc/$_/cwd") // '') eq $folder } map { m{(\d+)$} } glob('/proc/[0-9]*');
}

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
	if ($way eq 'backend' || ($way eq 'worker' && !@workers))
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
	return $busy;
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

sub compare_table
{
	my ($table, $round) = @_;
	my $columns = $calm->safe_psql('postgres', $columns_query =~ s/%s/$table/r);
	my $by_file = $table !~ /^gold/;
	my $path = $by_file ? ', f.path, f.version' : '';
	my $join = $by_file ? 'JOIN medallion.file_versions f ON f.file_id = t._file_id' : '';

	return same_query($crashed, $calm, "SELECT $columns$path FROM $table t $join",
		"round $round: $table is the same");
}

# Queries that find nothing where the ledger, bronze and silver agree.
my %forbidden = (
	'bronze rows twice' => 'SELECT _file_id, _sheet, _row FROM bronze.%s GROUP BY 1, 2, 3 HAVING count(*) > 1',
	'bronze rows without a file, or a file without its rows' =>
	  'SELECT coalesce(f.file_id, b._file_id), f.rows, b.rows
		 FROM (SELECT * FROM medallion.file_versions JOIN medallion.features USING (feature_id)
				WHERE name = \'%s\' AND status = \'LOADED\') f
		 FULL JOIN (SELECT _file_id, count(*) AS rows FROM bronze.%s GROUP BY 1) b ON b._file_id = f.file_id
		WHERE f.rows IS DISTINCT FROM b.rows',
	'bronze rows of no run' => 'SELECT DISTINCT _run_id FROM bronze.%s WHERE _run_id NOT IN (SELECT run_id FROM medallion.runs)',
	'silver rows twice' => 'SELECT _file_id, _sheet, _row FROM silver.%s GROUP BY 1, 2, 3 HAVING count(*) > 1',
	'file versions that silver waits for' =>
	  'SELECT file_id FROM medallion.file_versions WHERE status = \'LOADED\' AND silver_run_id IS NULL',
	"silver's runs unknown" =>
	  'SELECT DISTINCT _opened_run_id FROM silver.%s WHERE _opened_run_id NOT IN (SELECT run_id FROM medallion.runs)',
	'two live versions of a file' =>
	  'SELECT feature_id, path FROM medallion.file_versions WHERE superseded_at IS NULL GROUP BY 1, 2 HAVING count(*) > 1',
	'version numbers with gaps' =>
	  'SELECT feature_id, path FROM medallion.file_versions GROUP BY 1, 2 HAVING max(version) <> count(*)',
	'ends without successors' =>
	  'SELECT file_id FROM medallion.file_versions f WHERE superseded_at IS NOT NULL AND NOT EXISTS
		(SELECT FROM medallion.file_versions s WHERE s.file_id = f.superseded_by AND s.path = f.path)',
	'runs without an end' => 'SELECT run_id FROM medallion.runs WHERE finished_at IS NULL OR status = \'RUNNING\'',
	'log rows of no run' =>
	  'SELECT run_id FROM etl_logs.pipeline_runs UNION SELECT run_id FROM etl_logs.file_processing
	   EXCEPT SELECT run_id FROM medallion.runs',
	'left-over tables' =>
	  'SELECT oid::regclass FROM pg_class WHERE relname ~ \'^_(stage|refold|events|versions)_\'');

sub check_consistency
{
	my ($round) = @_;

	for my $what (sort keys %forbidden)
	{
		my @found = map {
			my $feature = $_;
			$crashed->safe_psql('postgres', $forbidden{$what} =~ s/%s/$feature/gr)
		} qw(lines customers events);

		is(join(' ', grep { $_ ne '' } @found), '', "round $round: no $what");
	}
	is($crashed->safe_psql('postgres', 'SELECT document_number, line_no FROM silver.lines WHERE _scd2_is_current
		GROUP BY 1, 2 HAVING count(*) > 1 LIMIT 3'), '', "round $round: one current version per key");
}

configure($_) for ($crashed, $calm);
my $interrupted = 0;

for my $round (0 .. $rounds - 1)
{
	write_round($round);
	my $elapsed = run($calm);
	note(sprintf('an uninterrupted run takes %.2f s', $elapsed));
	$interrupted += interrupt(rand($elapsed * 0.95));
	# Once more in the middle of the run that heals.
	$interrupted += interrupt(rand($elapsed * 0.95)) if rand() < 0.3;
	run($crashed);
	if ($round == 0 && has_models())
	{
		create_models($_) for ($crashed, $calm);
		run($_) for ($crashed, $calm);
	}
	compare_table($_, $round) for map { ("bronze.$_", "silver.$_") } qw(lines customers events);
	if (has_models())
	{
		compare_table("gold.$_", $round) for qw(by_month by_item best_items);
	}
	same_query($crashed, $calm, 'SELECT name, path, version, status, rows, size, content_hash, sheets, path_values,
		superseded_at IS NULL AS live, missing_since IS NULL AS present FROM medallion.file_versions JOIN medallion.features USING (feature_id)', "round $round: the ledger is the same");
	check_consistency($round);
}

cmp_ok($interrupted, '>=', 1, "$interrupted of the runs were cut short");
is($crashed->safe_psql('postgres', "SELECT string_agg(DISTINCT status, ',') FROM medallion.run_pipeline()"),
	'UNCHANGED', 'a further run has nothing to do');

done_testing();
