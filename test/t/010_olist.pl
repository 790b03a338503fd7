# The nine tables of olist at once: each feature's worker waits, in the middle of silver, until all nine are there.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $project = $ENV{MEDALLION_PROJECT} || '.';
my $folder = test_folder('olist');
my $server = new_server('olist', "max_worker_processes = 24\nmedallion.max_workers = 9\nmedallion.allowed_paths = '$folder'");
my %rows;

sub sql
{
	return $server->safe_psql('postgres', $_[0]);
}

sql(<<'SQL');
CREATE FUNCTION public.mark(place int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_advisory_lock_shared(77, place); PERFORM pg_advisory_unlock_shared(77, place); RETURN place; END';
SQL
for my $path (sort glob("$project/examples/olist/data/*/*.csv"))
{
	my ($name) = $path =~ m{([^/]+)\.csv$};
	my @lines = split(/\r?\n/, slurp_file($path));
	my $place = 1 + keys %rows;

	write_file("$folder/$name.csv", @lines);
	(my $unquoted = join("\n", @lines)) =~ s/"[^"]*"//g;		# a quoted text may have lines of its own
	$rows{$name} = $unquoted =~ tr/\n//;
	sql(qq(SELECT medallion.create_feature('$name', '{$folder/$name.csv}', options => '{"derive": {"marked": "public.mark($place)"}}')));
}
is(scalar(keys %rows), 9, 'nine tables');

my $control = Medallion::Session->new($server, 'postgres');
my $caller = Medallion::Session->new($server, 'postgres');
$control->query('SELECT pg_advisory_lock(77, place) FROM generate_series(1, 9) place');
$caller->send('CALL medallion.run_pipeline_proc()');
ok(wait_until(sub { sql("SELECT count(DISTINCT objid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 77 AND NOT granted") == 9 }),
	'nine tables are in flight at once');
is(sql("SELECT string_agg(object, ',' ORDER BY object COLLATE \"C\") FROM medallion.progress WHERE layer = 'silver'"), join(',', sort keys %rows),
	'progress shows the nine');
is(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'medallion worker'"), '9', 'each in a worker of its own');
$control->query('SELECT pg_advisory_unlock_all()');
my (undef, $errors) = $caller->answer;
unlike($errors, qr/ERROR/, 'the run ends well') or diag($errors);
is(sql("SELECT records_processed FROM etl_logs.pipeline_runs WHERE layer = 'bronze' AND feature_name = '$_'"), $rows{$_}, "$_: all rows") for sort keys %rows;

done_testing();
