# What the TAP tests share: a server with the extension, files for it to read, sessions that stay.
package Medallion;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(new_server test_folder write_file wait_until same_query relation_files check_consistency);

# A running server of its own with the extension in database postgres.
sub new_server
{
	my ($name, $settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', <<"SETTINGS");
timezone = 'UTC'
client_min_messages = warning
autovacuum = off
shared_buffers = 64MB
max_wal_size = 1GB
@{[$settings // '']}
SETTINGS
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION medallion');
	return $node;
}

# An empty folder below the scratch folder.
sub test_folder
{
	my ($name) = @_;
	my $parent = $ENV{MEDALLION_SCRATCH} || PostgreSQL::Test::Utils::tempdir();
	my $folder = "$parent/${name}_$$";

	make_path($folder);
	chmod 0755, $folder;
	return $folder;
}

# Writes a file whole, under another name first, as a careful sender does.
sub write_file
{
	my ($path, @lines) = @_;

	(my $folder = $path) =~ s{/[^/]*$}{};
	make_path($folder);
	open(my $out, '>', "$path.part") or die "cannot write $path: $!";
	print $out map { "$_\n" } @lines;
	close($out) or die "cannot write $path: $!";
	rename("$path.part", $path) or die "cannot rename to $path: $!";
}

# Asks until the answer is true; false if it never is.
sub wait_until
{
	my ($question, $seconds, $interval) = @_;
	my $end = time() + ($seconds // $PostgreSQL::Test::Utils::timeout_default);

	while (time() < $end)
	{
		my $answer = $question->();
		return $answer if $answer;
		sleep($interval // 0.005);
	}
	return 0;
}

# A test: a query gives the same rows on two servers; the rows that differ are shown.
sub same_query
{
	my ($one, $other, $query, $name) = @_;
	# Order-free and fast: the sums of two hashes per row.
	my $digest = "SELECT count(*), sum(hashtextextended(q::text, 1)), sum(hashtextextended(q::text, 2)) FROM ($query) q";
	my @answers = map { $_->safe_psql('postgres', $digest) } ($one, $other);
	my $ok = ok($answers[0] eq $answers[1] && $answers[0] !~ /^0\|/, $name);

	return $ok if $ok;
	@answers = map { $_->safe_psql('postgres', $query) } ($one, $other);
	my %seen;
	$seen{$_}++ for split(/\n/, $answers[0]);
	$seen{$_}-- for split(/\n/, $answers[1]);
	my @differing = grep { $seen{$_} } sort keys %seen;
	diag("no rows at all") if $answers[0] eq '';
	diag(scalar(@differing) . ' rows differ; "+" more often here, "-" more often there');
	diag(($seen{$_} > 0 ? '+ ' : '- ') . $_) for splice(@differing, 0, 10);
	return $ok;
}

# --- the ledger, the tables and the logs agree ---

# Queries that find nothing where they do; "%s" is a feature.
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
	   UNION SELECT run_id FROM etl_logs.schema_evolution UNION SELECT run_id FROM etl_logs.data_quality_checks
	   UNION SELECT run_id FROM etl_logs.scd2_history UNION SELECT run_id FROM etl_logs.table_statistics
	   EXCEPT SELECT run_id FROM medallion.runs',
	'steps without an end' =>
	  'SELECT run_id, layer, feature_name FROM etl_logs.pipeline_runs
		WHERE completed_at IS NULL OR completed_at < started_at OR status NOT IN (\'COMPLETED\', \'UNCHANGED\', \'SKIPPED\', \'FAILED\')',
	'runs that do not know of their failures' =>
	  'SELECT run_id, r.status FROM medallion.runs r JOIN etl_logs.pipeline_runs p USING (run_id)
		WHERE p.status = \'FAILED\' AND r.status = \'COMPLETED\'',
	'file versions that are not in the log once' =>
	  'SELECT v.file_id, v.path FROM medallion.file_versions v WHERE 1 <> (SELECT count(*) FROM etl_logs.file_processing p
		WHERE p.file_id = v.file_id AND p.run_id = v.loaded_run_id AND p.records_count = v.rows AND p.file_path = v.path
		  AND p.file_hash = encode(v.content_hash, \'hex\') AND p.status = \'SUCCESS\')',
	'files in the log that the ledger does not have' =>
	  'SELECT file_id, file_path, status FROM etl_logs.file_processing WHERE file_id NOT IN (SELECT file_id FROM medallion.file_versions)',
	'steps that count other files than are in the log' =>
	  'SELECT run_id, files_processed, files FROM etl_logs.pipeline_runs p
		 LEFT JOIN (SELECT l.run_id, count(*) AS files FROM etl_logs.file_processing l JOIN medallion.file_versions USING (file_id)
					  JOIN medallion.features USING (feature_id) WHERE name = \'%s\' GROUP BY 1) l USING (run_id)
		WHERE layer = \'bronze\' AND feature_name = \'%s\' AND files_processed <> coalesce(files, 0)',
	'tables of another size than was last logged' =>
	  'SELECT layer, logged, rows FROM (SELECT DISTINCT ON (layer) layer, record_count AS logged FROM etl_logs.table_statistics
			WHERE table_name IN (\'bronze.%s\', \'silver.%s\') ORDER BY layer, stat_id DESC) l
		 FULL JOIN (SELECT \'bronze\' AS layer, count(*) AS rows FROM bronze.%s UNION SELECT \'silver\', count(*) FROM silver.%s) t USING (layer)
		WHERE logged IS DISTINCT FROM rows',
	'left-over tables' =>
	  'SELECT oid::regclass FROM pg_class WHERE relname ~ \'^_(stage|refold|events|versions)_\'');

# Tests that they find nothing, in one go, for processes cost more than queries.
sub check_consistency
{
	my ($node, $database, $when, @features) = @_;
	my (@names, @queries);

	for my $what (sort keys %forbidden)
	{
		for my $feature ($forbidden{$what} =~ /%s/ ? @features : '')
		{
			push @names, "$when: no $what" . ($feature ? " of $feature" : '');
			push @queries, "SELECT coalesce(string_agg(q::text, ' '), 'none') FROM (" . ($forbidden{$what} =~ s/%s/$feature/gr) . ') q';
		}
	}
	my @found = split(/\n/, $node->safe_psql($database, join(';', @queries)));
	is($found[$_], 'none', $names[$_]) for 0 .. $#names;
}

# Files of a database that no relation owns, after the next checkpoint.
sub relation_files
{
	my ($node, $database) = @_;
	my $base = $node->data_dir . '/base/'
	  . $node->safe_psql($database, 'SELECT oid FROM pg_database WHERE datname = current_database()');

	$node->safe_psql($database, 'CHECKPOINT');
	my %owned = map { $_ => 1 } split(/\n/,
		$node->safe_psql($database, 'SELECT pg_relation_filenode(oid) FROM pg_class WHERE relkind IN (\'r\', \'i\', \'t\', \'S\', \'m\')'));
	opendir(my $dir, $base) or die "cannot read $base: $!";
	return grep { /^(\d+)/ && !$owned{$1} } readdir($dir);
}

# --- a session that stays: one psql, fed statement by statement ---

package Medallion::Session;

use IPC::Run ();
use Time::HiRes qw(time);

# Connects; its backend's process id is in {pid}.
sub new
{
	my ($class, $node, $database, %options) = @_;
	my $self = bless { in => '', out => '', err => '', count => 0 }, $class;
	my $timer = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);

	my @user = $options{user} ? ('-U', $options{user}) : ();
	local %ENV = $node->_get_env();
	$self->{psql} = IPC::Run::start(
		[ $node->installed_command('psql'), '-X', '-A', '-t', '-q', @user, '-d', $node->connstr($database) ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, $timer);
	$self->{timer} = $timer;
	($self->{pid}) = $self->query('SELECT pg_backend_pid()');
	return $self;
}

# Sends statements and does not wait.
sub send
{
	my ($self, $sql) = @_;

	$self->{out} = $self->{err} = '';
	$self->{end} = 'end-of-answer-' . ++$self->{count};
	$self->{timer}->start($PostgreSQL::Test::Utils::timeout_default);
	$self->{in} .= "$sql;\n\\echo $self->{end}\n\\warn $self->{end}\n";
	$self->{psql}->pump_nb;
}

# Waits for the end of what was sent: output, errors.
sub answer
{
	my ($self) = @_;
	my $end = $self->{end};

	$self->{psql}->pump until $self->{out} =~ /^\Q$end\E\n/m && $self->{err} =~ /^\Q$end\E\n/m;
	$self->{out} =~ s/\Q$end\E\n//;
	$self->{err} =~ s/\Q$end\E\n//;
	chomp(my $out = $self->{out});
	return ($out, $self->{err});
}

sub query
{
	my ($self, $sql) = @_;

	$self->send($sql);
	return $self->answer;
}

# Where the server went away, so does psql: no error.
sub close
{
	my ($self) = @_;

	$self->{in} .= "\\q\n";
	eval { $self->{psql}->finish; };
	eval { $self->{psql}->kill_kill; } if $@;
}

1;
