# What only a server shows: links that are swapped while files are looked for and opened, what the
# server's log has of rows and passwords, who background workers are.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Medallion;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $folder = test_folder('security');
my $server = new_server('security', "log_statement = none\nmedallion.retry_delay = 0\nlog_min_messages = notice");
my $open = "$folder/open";
my $secret = "$folder/secret";

sub as_role
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $server->psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return "$out$err";
}

# --- a process swaps a file and a link, a folder and a link, as fast as it can ---

write_file("$open/in/good.csv", 'Id,Word', '1,good');
write_file("$open/good.csv", 'Id,Word', '1,good');
my $secret_rows = 3719;
write_file("$secret/secret.csv", 'Id,Word,zq9leak_head', map { "$_,zq9leak_cell," . 'x' x 50 } 1 .. $secret_rows);
write_file("$secret/zq9leak_name.csv", 'Id,Word', '1,other');
write_file("$open/plain.csv", 'Id,Word', '1,good');
system('cp', '-r', "$open/in", "$open/kept") == 0 or die 'cannot copy';

$server->safe_psql('postgres', "CREATE ROLE plain LOGIN; CREATE ROLE manager LOGIN;
	GRANT CREATE ON DATABASE postgres TO plain;
	SELECT medallion.grant_role('admin', 'plain')");
$server->safe_psql('postgres', "ALTER DATABASE postgres SET medallion.allowed_paths = '$open'");

my $swapper = fork() // die "cannot fork: $!";
if ($swapper == 0)
{
	my $parent = getppid();
	# renames replace in one step; the exchange of a folder takes two
	for (my $i = 0; getppid() == $parent; $i++)
	{
		if ($i % 2)
		{
			symlink("$secret/secret.csv", "$open/next.tmp");
			rename("$open/in", "$open/out");
			symlink($secret, "$open/in");
		}
		else
		{
			link("$open/plain.csv", "$open/next.tmp");
			unlink("$open/in");
			rename("$open/out", "$open/in");
		}
		rename("$open/next.tmp", "$open/good.csv");
	}
	POSIX::_exit(0);
}

my %told;
my ($leaked, $names, $sizes, $reads) = (0, 0, 0, 0);
my $end = time() + ($ENV{MEDALLION_QUICK} ? 6 : 15);
my $statement = <<"SQL";
SET client_min_messages = error;
CREATE TEMP TABLE seen (what text, said text);
CREATE FUNCTION pg_temp.try(what text, query text) RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE
	said text;
BEGIN
	EXECUTE query INTO said;
	INSERT INTO seen VALUES (what, coalesce(said, ''));
EXCEPTION WHEN OTHERS THEN
	INSERT INTO seen VALUES (what, 'ERROR ' || SQLERRM);
END
\$\$;
CREATE FOREIGN TABLE IF NOT EXISTS public.raced (id text, word text, _path text) SERVER medallion_files OPTIONS (path '$open/*/*.csv');
SELECT count(*) FROM (SELECT pg_temp.try('read', 'SELECT string_agg(cells::text, '','') FROM medallion.read_rows(''$open/good.csv'')'),
	pg_temp.try('read', 'SELECT string_agg(cells::text, '','') FROM medallion.read_rows(''$open/in/good.csv'')'),
	pg_temp.try('read', 'SELECT string_agg(cells::text, '','') FROM medallion.read_rows(''$open/in/secret.csv'')'),
	pg_temp.try('read', 'SELECT string_agg(columns::text, '','') FROM medallion.describe_file(''$open/good.csv'')'),
	pg_temp.try('read', 'SELECT string_agg(word, '','') FROM medallion.read_file(''$open/good.csv'') AS t (id text, word text)'),
	pg_temp.try('list', 'SELECT string_agg(path || '' '' || size, '','') FROM medallion.list_files(''$open/in'')'),
	pg_temp.try('list', 'SELECT string_agg(path || '' '' || size, '','') FROM medallion.list_files(''$open'')'),
	pg_temp.try('list', 'SELECT string_agg(path || '' '' || size, '','') FROM medallion.found_files(''raced'')'),
	pg_temp.try('list', 'SELECT string_agg(path || '' '' || size, '','') FROM medallion.found_files(''raced_in'')'),
	pg_temp.try('read', 'SELECT string_agg(word || _path, '','') FROM public.raced')
	FROM generate_series(1, 20)) s;
SELECT what, said, count(*) FROM seen GROUP BY 1, 2;
SQL
$server->safe_psql('postgres', 'GRANT CREATE ON SCHEMA public TO plain');
is(as_role('plain', "SELECT FROM medallion.create_feature('raced', ARRAY['$open/good.csv']);
	SELECT FROM medallion.create_feature('raced_in', ARRAY['$open/*/*.csv'])"), '', 'a plain role looks where links are swapped');
while (time() < $end)
{
	for my $line (split /\n/, as_role('plain', $statement))
	{
		my ($what, $said, $count) = split /\|/, $line;
		next if !defined $count;
		$reads += $count;
		$told{$said =~ /^ERROR permission denied/ ? 'denied' : $said =~ /^ERROR/ ? 'error' : 'said'} += $count;
		$leaked++ if $said =~ /zq9leak_(cell|head)/;
		$names++ if $said =~ /zq9leak_name/;
		$sizes++ if $what eq 'list' && $said =~ m{good\.csv (\d+)} && $1 > 20;
	}
	my $run = as_role('plain', "SET client_min_messages = error; SELECT count(*) FROM medallion.run_pipeline('{raced,raced_in}', '{bronze}')");
}
kill 'KILL', $swapper;
waitpid($swapper, 0);
note(join ', ', map { "$_: $told{$_}" } sort keys %told);
cmp_ok($told{said} // 0, '>', 0, 'files were read');
cmp_ok($told{denied} // 0, '>', 0, '... and links met');
is($leaked, 0, "none of $reads looks showed a row of a file outside");
is($names, 0, '... nor the name of one');
is($sizes, 0, '... nor its size');
is($server->safe_psql('postgres', <<'SQL'), '0', 'nothing of it is in bronze');
CREATE FUNCTION pg_temp.rows_of(t text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint := 0;
BEGIN
	IF to_regclass(t) IS NOT NULL THEN EXECUTE 'SELECT count(*) FROM ' || t || ' x WHERE x::text ~ ''zq9leak''' INTO n; END IF;
	RETURN n;
END
$$;
SELECT coalesce(pg_temp.rows_of('bronze.raced'), 0) + coalesce(pg_temp.rows_of('bronze.raced_in'), 0)
SQL

# --- one door: every entry point, with every way to name a file outside ---

system('rm', '-rf', "$open/in", "$open/out", "$open/good.csv", "$open/next.tmp");
write_file("${folder}/open2/outside.csv", 'Id,Word', '1,zq9leak');
write_file($server->data_dir . '/outside.csv', 'Id,Word', '1,zq9leak');
write_file("$secret/book.xml", '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>',
	'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">',
	'<Worksheet ss:Name="zq9leak_sheet"><Table>', (map { '<Row>' . join('', map { "<Cell><Data ss:Type=\"String\">$_</Data></Cell>" } @$_) . '</Row>' } [ 'Id', 'Word' ], [ 'a', 'b' ]),
	'</Table></Worksheet></Workbook>');
symlink("$secret/secret.csv", "$open/link.csv") or die "cannot link: $!";
symlink($secret, "$open/linked") or die "cannot link: $!";
symlink("$open/linked", "$open/twice") or die "cannot link: $!";

# What is outside and was not said in the question: content, names of sheets and files, a file's size, how many rows it has.
my $size = -s "$secret/secret.csv";
my $leak = qr/zq9leak|root:|nologin|PATH=|(?<![\d.:])(?:$size|$secret_rows)(?!\d)/;
my @outside = ("$secret/secret.csv", "$secret/book.xml", "$open/../secret/secret.csv", "$open/./../secret/secret.csv", "$open//..//secret//secret.csv",
	"$open/link.csv", "$open/linked/secret.csv", "$open/linked/book.xml", "$open/twice/secret.csv", "$folder/open2/outside.csv", "$open/kept/../../secret/secret.csv",
	'/proc/self/cwd/outside.csv', '/proc/self/environ', '/etc/passwd', "$open/linked/../secret/secret.csv");

# A door is a name and statements; '' is what others need.  PATH is FOLDER/NAME; in a transaction a door that fails stays in it.
my $superuser = $server->safe_psql('postgres', 'SELECT current_user');
my $table = 'CREATE FOREIGN TABLE public.f (id text, word text) SERVER medallion_files OPTIONS (path';
my @doors = (
	'' => 'BEGIN',
	'read_rows' => "SELECT * FROM medallion.read_rows('PATH') LIMIT 9",
	'read_cells' => "SELECT * FROM medallion.read_cells('PATH') LIMIT 9",
	'sheets' => "SELECT * FROM medallion.sheets('PATH')",
	'describe_file' => "SELECT * FROM medallion.describe_file('PATH')",
	'describe_sample' => "SELECT * FROM medallion.describe_sample('PATH', '{}', 10)",
	'sample_file' => "SELECT * FROM medallion.sample_file('PATH', '{}', '{word}', 10)",
	'propose_details' => "SELECT medallion.propose_details('{PATH}', NULL, '{}', 10000, '[{\"name\": \"id\", \"type\": \"bigint\", \"complete\": true}]')",
	'read_file' => "SELECT * FROM medallion.read_file('PATH') AS t (word text) LIMIT 9",
	'read_file, a pattern' => "SELECT * FROM medallion.read_file('PATH*') AS t (word text) LIMIT 9",
	'read_file, a folder' => "SELECT * FROM medallion.read_file('FOLDER/*.csv') AS t (_source_file text)",
	'list_files' => "SELECT * FROM medallion.list_files('PATH'); SELECT * FROM medallion.list_files('FOLDER')",
	'discover' => "SELECT * FROM medallion.discover('PATH'); SELECT * FROM medallion.discover('FOLDER')",
	'discover_groups' => "SELECT * FROM medallion.discover_groups('FOLDER', '{}', 10)",
	'discover_sheets' => "SELECT * FROM medallion.discover_sheets('FOLDER', '{}', 10)",
	'' => "SAVEPOINT root; SET LOCAL medallion.input_root = '$open'",
	'input_root allowed' => "SELECT * FROM medallion.read_file('PATH') AS t (word text) LIMIT 9",
	'' => "SET LOCAL medallion.input_root = 'FOLDER'",
	'input_root, read_file' => "SELECT * FROM medallion.read_file('NAME') AS t (word text) LIMIT 9",
	'input_root, list_files' => 'SELECT * FROM medallion.list_files(NULL)',
	'input_root, discover' => 'SELECT * FROM medallion.discover()',
	'' => 'ROLLBACK TO root',
	'foreign table' => "$table 'PATH'); SELECT * FROM public.f LIMIT 9",
	'foreign table, EXPLAIN' => 'EXPLAIN ANALYZE SELECT * FROM public.f',
	'foreign table, ANALYZE' => "ANALYZE public.f; SELECT s::text FROM pg_stats s WHERE tablename = 'f'; SELECT reltuples FROM pg_class WHERE oid = 'public.f'::regclass",
	'' => "ROLLBACK TO root; $table '$open/plain.csv')",
	'foreign table, ALTER' => "ALTER FOREIGN TABLE public.f OPTIONS (SET path 'PATH'); SELECT * FROM public.f LIMIT 9",
	'' => 'ROLLBACK TO root; CREATE SCHEMA imported',
	'IMPORT' => "IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO imported OPTIONS (path 'PATH');
		SELECT format('SELECT * FROM %s LIMIT 9', oid::regclass) FROM pg_class WHERE relnamespace = 'imported'::regnamespace \\gexec",
	'IMPORT, columns' => "SELECT attrelid::regclass, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'imported'::regnamespace",
	'' => 'ROLLBACK TO root; CREATE SCHEMA imported',
	'IMPORT, a folder' => "IMPORT FOREIGN SCHEMA files FROM SERVER medallion_files INTO imported OPTIONS (path 'FOLDER'); SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace",
	'' => "ROLLBACK TO root; SELECT FROM medallion.create_feature('door', ARRAY['$open/plain.csv']); SELECT FROM medallion.create_feature('door', ARRAY['PATH']);
		SELECT FROM medallion.create_feature('doors', ARRAY['FOLDER/*.csv'])",
	'found_files' => "SELECT * FROM medallion.found_files('door')",
	'found_files, a folder' => "SELECT * FROM medallion.found_files('doors')",
	'files' => "SELECT * FROM medallion.files('door')",
	'files, a folder' => "SELECT * FROM medallion.files('doors')",
	'plan' => "SELECT * FROM medallion.plan('{door}')",
	'dry_run' => "SELECT * FROM medallion.dry_run('{door}')",
	'run_pipeline' => "SELECT * FROM medallion.run_pipeline('{door,doors}', '{bronze}')",
	'bronze' => 'SELECT * FROM bronze.door LIMIT 9',
	'bronze, a folder' => 'SELECT * FROM bronze.doors',
	'files that a run saw' => "SELECT * FROM medallion.files('door'); SELECT * FROM medallion.files('doors'); SELECT * FROM etl_logs.file_processing",
	'' => "ROLLBACK; SELECT FROM medallion.create_feature('door', ARRAY['PATH'])",
	'run_pipeline_proc' => "CALL medallion.run_pipeline_proc('{door}', '{bronze}'); SELECT * FROM bronze.door LIMIT 9",
	'' => "SELECT FROM medallion.drop_feature('door', true)",
	'ANALYZE by another' => "$table 'PATH');\n\\c - $superuser\nANALYZE public.f;\n\\c - plain\nSELECT s::text FROM pg_stats s WHERE tablename = 'f'; SELECT reltuples FROM pg_class WHERE oid = 'public.f'::regclass",
	'' => 'DROP FOREIGN TABLE public.f');

# What a plain role is told at each door, results and errors.
sub told_at_doors
{
	my ($path) = @_;
	my ($folder_of, $name) = $path =~ m{^(.*)/([^/]*)$};
	my %words = (PATH => $path, FOLDER => $folder_of, NAME => $name);
	my ($script, $n, %said) = ("\\set ON_ERROR_ROLLBACK on\n", 0);

	for (my $i = 0; $i < @doors; $i += 2)
	{
		(my $sql = $doors[ $i + 1 ]) =~ s/\b(PATH|FOLDER|NAME)\b/$words{$1}/g;
		$script .= "\\echo =$doors[$i]\n\\warn =$doors[$i]\n$sql" . ($sql =~ /\\gexec$/ ? "\n" : ";\n");
	}
	local $ENV{PGOPTIONS} = '-c client_min_messages=debug1';
	my ($status, $out, $err) = $server->psql('postgres', $script, extra_params => [ '-U', 'plain' ], on_error_stop => 0);
	for my $text ($out, $err)
	{
		my (undef, @parts) = split /^=(.*)(?:\n|\z)/m, "$text\n";
		while (my ($door, $part) = splice(@parts, 0, 2))
		{
			$said{$door} .= $part // '';
		}
	}
	return %said;
}

my (@through, %refused);
my $tried = 0;
for my $path (@outside)
{
	my %said = told_at_doors($path);
	for my $door (sort keys %said)
	{
		$tried += $door ne '';
		push @through, "$door of $path: $said{$door}" if $said{$door} =~ $leak;
	}
}
is(join("\n", @through), '', "none of $tried ways leads outside");

# The same by who may look: so a door that says nothing above is one that was opened and shut.
$server->safe_psql('postgres', 'GRANT pg_read_server_files TO plain');
my %open_door = map { $_ => 0 } grep { $_ ne '' } @doors[ map { $_ * 2 } 0 .. $#doors / 2 ];
my %last_said;
for my $path (@outside[ 0, 1 ])
{
	my %said = told_at_doors($path);
	$open_door{$_} += $said{$_} =~ $leak for keys %open_door;
	$last_said{$_} .= $said{$_} for keys %open_door;
}
my @shut = grep { !$open_door{$_} } sort keys %open_door;
is(join("\n", map { "$_: $last_said{$_}" } @shut), '', '... and each of the ' . keys(%open_door) . ' doors shows it to who may look');
my @unread = grep { as_role('plain', "SELECT * FROM medallion.read_rows('$_') LIMIT 9") !~ $leak && $_ ne '/proc/self/environ' } @outside;
is("@unread", '', '... by each of the paths');
$server->safe_psql('postgres', 'REVOKE pg_read_server_files FROM plain');

# Who sets the setting: not a plain role, by no way; who may grant it can.
like(as_role('plain', "SELECT FROM medallion.clean_text('x'); SET medallion.log_values = on"), qr/permission denied/, 'a plain role does not ask for values in logs');

# --- the server's log has no rows and no passwords ---

my $start = -s $server->logfile;
write_file("$open/log/a.csv", 'Id,Word', '1,zq7value', '1,zq7again');
write_file("$open/log/broken.xlsx", 'PKzq7zq7zq7');
$server->safe_psql('postgres', "GRANT CREATE ON DATABASE postgres TO manager; SELECT medallion.grant_role('admin', 'manager')");
$server->safe_psql('postgres', 'GRANT USAGE, CREATE ON SCHEMA bronze TO manager');
as_role('manager', "SELECT FROM medallion.create_feature('logged', ARRAY['$open/log/*'], '{id}', '{\"columns\": {\"word\": {\"type\": \"text\"}}}')");
as_role('manager', 'CALL medallion.run_pipeline_proc()');
as_role('manager', "SELECT FROM medallion.create_model('cast_fails', 'SELECT id, CASE WHEN id > 0 THEN word::int END AS n FROM silver.logged')");
as_role('manager', "SELECT FROM medallion.create_model('key_fails', 'SELECT word, x FROM silver.logged, generate_series(1, 2) x', '{\"primary_key\": [\"word\"]}')");
as_role('manager', "SELECT FROM medallion.add_step('remote', 'SELECT pg_catalog.set_config(''password=zq7secret'', ''zq7secret'', true)')");
my $said = as_role('manager', 'SET medallion.max_workers = 2; CALL medallion.run_pipeline_proc()');
like($said, qr/some steps of the pipeline failed/, 'models and a step fail');
unlike($said, qr/zq7/, '... which is told without values');
as_role('manager', 'SELECT FROM medallion.run_pipeline(options => $${"on_error": "raise"}$$)');
my $log = substr(slurp_file($server->logfile), $start);
like($log, qr/some steps of the pipeline failed/, 'the server\'s log tells that they failed');
unlike(join("\n", grep { !/STATEMENT:/ } split /\n/, $log), qr/zq7(value|again|secret)/, '... and nothing of rows and passwords');
is($server->safe_psql('postgres', "SELECT count(*) FROM etl_logs.pipeline_runs p WHERE p::text ~ 'zq7'"), '0', '... nor do the logs of runs');

# --- workers are who calls ---

$server->safe_psql('postgres', <<'SQL');
CREATE TABLE public.workers (who text, session text, pid int);
GRANT INSERT ON public.workers TO PUBLIC;
CREATE FUNCTION public.note_worker() RETURNS int LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO public.workers VALUES (current_user, session_user, pg_backend_pid()); RETURN 1; END$$;
SQL
is(as_role('manager', "SELECT FROM medallion.drop_step('remote');
	SELECT FROM generate_series(1, 3) i, medallion.create_feature('w' || i, ARRAY['$open/plain.csv'], NULL, '{\"derive\": {\"w\": \"public.note_worker()\"}}')"), '', 'features that say who runs them');
$server->safe_psql('postgres', 'CREATE ROLE worker_operator LOGIN');
$server->safe_psql('postgres', "SELECT medallion.grant_role('operator', 'worker_operator', '{manager}')");
my ($caller) = as_role('worker_operator', 'SELECT pg_backend_pid(); SET medallion.max_workers = 2; CALL medallion.run_pipeline_proc($${w1,w2}$$)') =~ /^(\d+)/;
is($server->safe_psql('postgres', "SELECT string_agg(DISTINCT who || ' ' || session, ',') FROM public.workers WHERE pid <> $caller"), 'manager worker_operator',
	'a worker is the operator that called, and runs as the feature\'s owner');
$server->safe_psql('postgres', 'TRUNCATE public.workers');
$server->psql('postgres', 'SET ROLE manager; SET medallion.max_workers = 2; CALL medallion.run_pipeline_proc($${w3}$$); CALL medallion.run_pipeline_proc()');
is($server->safe_psql('postgres', "SELECT string_agg(DISTINCT who, ',') FROM public.workers"), 'manager', '... as for a superuser in that role');
like(as_role('worker_operator', 'SET medallion.silver_schema = mine; SET medallion.max_workers = 2; CALL medallion.run_pipeline_proc($${w1,w2}$$)'), qr/may not choose/,
	'settings that an operator may not choose do not come in by workers');

done_testing();
