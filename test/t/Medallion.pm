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

our @EXPORT = qw(new_server test_folder write_file wait_until same_query relation_files);

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
