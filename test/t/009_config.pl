# docs/config.schema.json says what the code knows and accepts what every example configures; what
# export_config() gives makes the same in an empty database.
use strict;
use warnings FATAL => 'all';

use Medallion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $project = $ENV{MEDALLION_PROJECT};
my $server = new_server('config');
my $folder = PostgreSQL::Test::Utils::tempdir();

# Output of a script, which is empty where all is well.
sub faults
{
	my ($input, @arguments) = @_;
	my $output = '';

	IPC::Run::run([ 'python3', "$project/test/config_schema.py", @arguments ], '<', \$input, '>', \$output, '2>&1');
	return $output;
}

sub config_of
{
	my ($database) = @_;
	my $config = $server->safe_psql($database, 'SELECT jsonb_pretty(medallion.export_config())');

	open(my $out, '>', "$folder/$database.json") or die "cannot write: $!";
	print $out $config;
	close($out);
	return $config;
}

is(faults(''), '', 'the schema has the options of features, columns, models, checks and runs');
is(faults($server->safe_psql('postgres', 'SELECT jsonb_agg(to_jsonb(k)) FROM medallion.config_kinds() k'), '--kinds'), '',
	'and the kinds and keys that apply_config() knows');

# The validator can say no.
for my $wrong ('{"featurs": []}', '{"features": [{"name": "x"}]}', '{"features": [{"name": "x", "source": "a", "options": {"hstory": "scd2"}}]}',
	'{"features": [{"name": "x", "source": "a", "options": {"history": "scd3"}}]}', '{"features": [{"name": "x", "source": "a", "options": {"verify": "yes"}}]}',
	'{"models": [{"name": "x", "query": "SELECT 1", "options": {"unique_key": "id"}}]}', '{"steps": [{"name": "x"}]}', '[]')
{
	open(my $out, '>', "$folder/wrong.json") or die "cannot write: $!";
	print $out $wrong;
	close($out);
	isnt(faults('', "$folder/wrong.json"), '', "refused: $wrong");
	my ($status) = $server->psql('postgres', "SELECT FROM medallion.apply_config('$wrong')");
	isnt($status, 0, '... by the server too') if $wrong ne '[]';
}

# A database with the extension that finds the files of an example.
sub new_database
{
	my ($name, $example) = @_;

	$server->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING 'UTF8'");
	$server->safe_psql('postgres', "ALTER DATABASE $name SET medallion.input_root = '$project/examples/$example/data'");
	$server->safe_psql($name, 'CREATE EXTENSION medallion');
}

# The two databases that example olist needs are made by its own script, in our server.
sub run_file
{
	my ($database, $file, %variables) = @_;
	my @options = map { ('-v', "$_=$variables{$_}") } sort keys %variables;

	$server->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', @options, '-o', '/dev/null',
			'-d', $server->connstr($database), '-f', "$project/examples/$file" ], "$file into $database");
}

for my $example (qw(klines olist retail_orders sales store_sales))
{
	my $again = "${example}_again";

	new_database($example, $example);
	if ($example eq 'olist')
	{
		my %variables = (source_host => $server->host, source_port => $server->port, source_user => getpwuid($<) . '', source_database => 'source');
		$server->safe_psql('postgres', 'CREATE DATABASE source');
		run_file('source', 'olist/source.sql', examples => "$project/examples", folder => "$project/examples/olist/data");
		$server->safe_psql('source', 'SELECT olist.round(1)');
		new_database($again, $example);
		run_file($_, 'olist/config.sql', %variables) for ($example, $again);
		$server->safe_psql($again, 'SELECT medallion.drop_feature(name, true) FROM medallion.features');
	}
	else
	{
		new_database($again, $example);
		run_file($example, "$example/config.sql");
	}
	my $run = q{SELECT string_agg(object || ': ' || (detail->>'error'), E'\n') FROM medallion.run_pipeline() WHERE status IN ('FAILED')};
	is($server->safe_psql($example, $run), '', "$example runs");
	if ($example eq 'sales')
	{
		$server->safe_psql($example, "SELECT FROM medallion.install_sales_pack('{sales_cash_invoices_detailed,sales_cash_sales_detailed}')");
	}
	else
	{
		run_file($example, "$example/models.sql");
	}
	$server->safe_psql($example, <<'SQL');
SELECT medallion.create_pipeline('nightly', ARRAY(SELECT name FROM medallion.features), '{"concurrency": "skip", "step_timeout": "1 h"}', '{bronze,silver}');
SELECT medallion.add_step('last', 'SELECT 1', (SELECT max(name) FROM medallion.models), 'nightly');
SELECT medallion.store_schedule('night', '0 2 * * *', NULL, '{"pipeline": "nightly"}', 'Asia/Dubai');
SELECT medallion.add_window('patches', '0 3 * * 0', '2 hours');
SELECT medallion.pause('nightly');
SQL
	# Tables of the user's own that models read are no configuration.
	my @own = $server->safe_psql($example, <<'SQL');
SELECT format('CREATE TABLE %s (%s)', c.oid::regclass, string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum))
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY c.oid
SQL
	@own = grep { $_ ne '' } map { split(/\n/) } @own;
	my $config = config_of($example);
	is(faults('', "$folder/$example.json"), '', "$example: the schema accepts what is exported");

	# into an empty database: features, a run, models
	my $apply = "SELECT DISTINCT action FROM medallion.apply_config(pg_read_file('$folder/$example.json')::jsonb) ORDER BY 1";
	is($server->safe_psql($again, $apply), "created\nwaiting", "$example: applied to an empty database");
	is($server->safe_psql($again, $run), '', '... and run');
	$server->safe_psql($again, $_) for @own;
	is($server->safe_psql($again, $apply), "created\nunchanged", '... and applied again, for the models');
	is(config_of($again), $config, '... it exports the same');
	is($server->safe_psql($again, $apply), 'unchanged', '... and nothing is left to do');
}

done_testing();
